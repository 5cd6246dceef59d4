//! A login on a terminal: what the screen shows, what is hidden, and what
//! text from elsewhere may do there.

use std::net::TcpStream;
use std::time::{Duration, Instant};

use reqwest::Url;

use super::routes::script;
use super::support::browser;
use super::support::home::Home;
use super::support::pty::{CTRL_C, CTRL_D, Terminal};
use super::support::standin::Standin;
use super::waiting::PATIENCE;

pub const ADDRESS: &str = "paste here the address it ended on (hidden): ";

/// A machine with the client's credentials in the environment and no display.
pub fn machine() -> (Standin, Home) {
    let standin = Standin::start();
    let mut home = Home::new(&standin);
    home.set("LOKALISE_CLIENT_ID", &standin.client_id());
    home.set("LOKALISE_CLIENT_SECRET", &standin.client_secret());
    (standin, home)
}

/// The URL on the screen, which a wide terminal does not wrap.
pub fn url_on(screen: &str) -> String {
    browser::printed_url(screen).expect("the URL is on the screen")
}

pub fn address_of(url: &str) -> (String, u16) {
    let url = Url::parse(url).expect("it is a URL");
    let redirect = url.query_pairs().find(|(name, _)| name == "redirect_uri").expect("it has one").1.into_owned();
    let redirect = Url::parse(&redirect).expect("it is a URL");
    (redirect.host_str().expect("a host").to_owned(), redirect.port().expect("a port"))
}

#[track_caller]
pub fn assert_port_closes(url: &str) {
    let (host, port) = address_of(url);
    let until = Instant::now() + PATIENCE;
    while TcpStream::connect((host.as_str(), port)).is_ok() {
        assert!(Instant::now() < until, "the port is still open");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn the_url_is_alone_on_its_line_before_anything_else_happens() {
    let (standin, mut home) = machine();
    let seen = home.path().join("seen");
    home.set("BROWSER", &script(home.path(), "browser", &format!("sleep 0.2; touch '{}'", seen.display())));
    let mut terminal = Terminal::run(&home, &["login"], &[]);
    let screen = terminal.wait_for("/auth?");
    assert!(!seen.exists(), "the browser was tried before the URL was shown");
    let screen = if screen.ends_with('\n') { screen } else { terminal.wait_for(ADDRESS) };
    let url = url_on(&screen);
    assert!(screen.lines().any(|line| line == url), "{screen}");
    let screen = terminal.wait_for(ADDRESS);
    assert!(
        screen.contains("scopes requested: read_projects read_contributors\nwaiting up to 5 min; Ctrl-C stops\n"),
        "{screen}"
    );
    assert_eq!(browser::open(&url).expect("it listens").status, 200);
    let (status, screen) = terminal.wait();
    assert_eq!(status.code(), Some(0), "{screen}");
    assert!(standin.violations().is_empty());
}

#[test]
fn a_browser_that_answers_at_the_prompt_leaves_a_tidy_screen() {
    let (standin, home) = machine();
    let mut terminal = Terminal::run(&home, &["login"], &[]);
    let before = Terminal::run(&home, &["--version"], &[]).modes();
    let screen = terminal.wait_for(ADDRESS);
    terminal.wait_for_echo(false);
    browser::open(&url_on(&screen)).expect("it listens");
    let (status, screen) = terminal.wait();
    assert_eq!(status.code(), Some(0), "{screen}");
    // The prompt's line is ended before the next words.
    assert!(
        screen.contains(&format!("{ADDRESS}\nlokalise-auth: the credential will be kept in plaintext")),
        "{screen}"
    );
    assert_eq!(terminal.modes(), before);
    Home::assert_no_secret(&standin, "the screen", &terminal.written());
}

#[test]
fn an_address_can_be_pasted_while_the_listener_waits() {
    let (standin, home) = machine();
    let mut terminal = Terminal::run(&home, &["login"], &[]);
    let url = url_on(&terminal.wait_for(ADDRESS));
    terminal.wait_for_echo(false);
    let before = terminal.modes();
    for (times, (pasted, why)) in [
        ("nonsense", "it is not an address"),
        ("", "it is not an address"),
        ("https://evil.example/callback?code=x&state=y", "it is for another host"),
    ]
    .into_iter()
    .enumerate()
    {
        terminal.send(&format!("{pasted}\r"));
        let screen = wait_for_times(&terminal, ADDRESS, times + 2);
        terminal.wait_for_echo(false);
        let words = format!(
            "that is not the address of this login: {why}; try again, or stop with Ctrl-C\nwaiting for the browser; or {ADDRESS}"
        );
        assert!(screen.ends_with(&words), "{screen}");
    }
    let address = browser::redirect_of(&url);
    let forged = address.replace("state=", "state=x");
    terminal.send(&format!("{forged}\r"));
    terminal.wait_for("its state is missing or not ours; try again");
    wait_for_times(&terminal, ADDRESS, 5);
    terminal.wait_for_echo(false);
    // A copy that was wrapped has two lines; the person does not have to start over.
    terminal.send(&format!("{}\n{}\r", &address[..40], &address[40..]));
    terminal.wait_for("it has a second line; try again");
    wait_for_times(&terminal, ADDRESS, 6);
    terminal.wait_for_echo(false);
    assert_eq!(terminal.modes(), before);
    terminal.send(&format!("  {address} \r"));
    let (status, screen) = terminal.wait();
    assert_eq!(status.code(), Some(0), "{screen}");
    assert!(!screen.contains("code="), "{screen}");
    assert!(screen.contains("logged in to Lokalise"), "{screen}");
    assert_port_closes(&url);
    Home::assert_no_secret(&standin, "the screen", &terminal.written());
}

#[test]
fn the_end_of_input_at_the_prompt_leaves_the_listener_waiting() {
    let (_standin, home) = machine();
    let mut terminal = Terminal::run(&home, &["login"], &[]);
    let url = url_on(&terminal.wait_for(ADDRESS));
    terminal.wait_for_echo(false);
    terminal.send(CTRL_D);
    terminal.wait_for("still waiting for the browser; Ctrl-C stops");
    // What is pasted now is hidden as before.
    wait_for_times(&terminal, ADDRESS, 2);
    terminal.wait_for_echo(false);
    browser::open(&url).expect("it listens");
    let (status, screen) = terminal.wait();
    assert_eq!(status.code(), Some(0), "{screen}");
}

#[test]
fn what_was_typed_in_the_dark_does_not_come_out_at_the_shell() {
    let (_standin, home) = machine();
    let script = "\"$0\" login --no-browser --timeout 2s; read -r -t 1 -n 4 left; echo \"left: [$left]\"";
    let program = super::support::home::binary().display().to_string();
    let bash = std::path::Path::new("/bin/bash");
    let mut terminal = Terminal::of(bash, &home, &["-c", script, &program], &[], None);
    terminal.wait_for(ADDRESS);
    terminal.wait_for_echo(false);
    terminal.send("half");
    let (_, screen) = terminal.wait();
    assert!(screen.contains("no login was completed within 2s") && screen.contains("left: []"), "{screen}");
}

#[test]
fn a_code_is_pasted_at_a_hidden_prompt() {
    let (standin, home) = machine();
    let mut terminal = Terminal::run(&home, &["login", "--paste"], &[]);
    let url = url_on(&terminal.wait_for("code (hidden): "));
    assert!(!url.contains("redirect_uri"), "{url}");
    terminal.wait_for_echo(false);
    terminal.send("not a code\r");
    terminal.wait_for("invalid code: it has a space at position 4; try again");
    terminal.wait_for_echo(false);
    terminal.send(&format!("{}\r", browser::code_on_page(&url)));
    let (status, screen) = terminal.wait();
    assert_eq!(status.code(), Some(0), "{screen}");
    Home::assert_no_secret(&standin, "the screen", &terminal.written());

    let mut terminal = Terminal::run(&home, &["login", "--redirect-uri", "https://tools.example/cb"], &[]);
    let url = url_on(&terminal.wait_for("address (hidden): "));
    terminal.wait_for_echo(false);
    terminal.send(&format!("{}\r", browser::redirect_of(&url)));
    let (status, screen) = terminal.wait();
    assert_eq!(status.code(), Some(0), "{screen}");
    Home::assert_no_secret(&standin, "the screen", &terminal.written());
}

#[test]
fn client_credentials_are_asked_for_and_the_secret_is_hidden() {
    let (standin, mut home) = machine();
    home.unset("LOKALISE_CLIENT_ID");
    home.unset("LOKALISE_CLIENT_SECRET");
    let mut terminal = Terminal::run(&home, &["login"], &[]);
    let screen = terminal.wait_for("client id (hidden): ");
    assert!(screen.contains("OAuth app") && screen.contains("`lokalise-auth token set`"), "{screen}");
    terminal.wait_for_echo(false);
    // What cannot be an id is asked for again.
    terminal.send("0123456789\r");
    terminal.wait_for("a client id has 40 characters, and this has 10; try again");
    wait_for_times(&terminal, "client id (hidden): ", 2);
    // Both come at once, as from a script.
    terminal.send(&format!("{}\r", standin.client_id()));
    terminal.wait_for("client secret (hidden): ");
    terminal.wait_for_echo(false);
    terminal.send(&format!("{}\r", standin.client_secret()));
    let screen = terminal.wait_for(ADDRESS);
    let foreign = "client id (hidden): \nLOKALISE_OAUTH_URL is set: the client secret is sent to http://127.0.0.1:";
    assert!(screen.contains(foreign) && screen.contains("client secret (hidden): \nopen this address"), "{screen}");
    browser::open(&url_on(&screen)).expect("it listens");
    let (status, screen) = terminal.wait();
    assert_eq!(status.code(), Some(0), "{screen}");
    Home::assert_no_secret(&standin, "the screen", &terminal.written());
    // Both are in the record now, and no question is asked again.
    let mut terminal = Terminal::run(&home, &["login"], &[]);
    let screen = terminal.wait_for(ADDRESS);
    assert!(!screen.contains("client secret"), "{screen}");
    terminal.send(CTRL_C);
    assert_eq!(terminal.wait().0.code(), Some(130));
}

#[track_caller]
pub fn wait_for_times(terminal: &Terminal, text: &str, times: usize) -> String {
    let until = Instant::now() + Duration::from_secs(20);
    loop {
        let screen = terminal.text();
        if screen.matches(text).count() >= times {
            return screen;
        }
        assert!(Instant::now() < until, "`{text}` is not there {times} times:\n{screen}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_servers_text_cannot_drive_the_terminal() {
    let (_standin, home) = machine();
    let evil = "%1b%5d0;owned%07%1b%5b2J%1b%5b31mgone%0d%0alokalise-auth: logged in%e2%80%ae%c2%9b";
    let answer = |url: &str| {
        let (host, port) = address_of(url);
        let state = url.split_once("state=").expect("it has a state").1;
        format!("http://{host}:{port}/callback?error=server_error%1b%5b1m&error_description={evil}&state={state}")
    };
    let mut terminal = Terminal::run(&home, &["login"], &[("BROWSER", ""), ("NO_COLOR", "1")]);
    let url = url_on(&terminal.wait_for(ADDRESS));
    super::support::client::get(&answer(&url)).expect("it is answered");
    let (status, screen) = terminal.wait();
    assert_eq!(status.code(), Some(4), "{screen}");
    let written = terminal.written();
    assert!(!written.contains(&0x1b) && !written.contains(&7), "{:?}", String::from_utf8_lossy(&written));
    assert!(screen.contains("server_error\\u{1b}[1m: \\u{1b}]0;owned\\u{7}"), "{screen}");
    assert!(screen.contains("gone\\r\\nlokalise-auth: logged in\\u{202e}\\u{9b}"), "{screen}");

    // In a pipe it is escaped too, since build logs obey some lines; in JSON it is what the server sent.
    let standin = Standin::start();
    let raw =
        "server_error\u{1b}[1m: \u{1b}]0;owned\u{7}\u{1b}[2J\u{1b}[31mgone\r\nlokalise-auth: logged in\u{202e}\u{9b}";
    for json in [false, true] {
        let args: &[&str] = if json { &["--json"] } else { &[] };
        let login = super::waiting::Waiting::start(&standin, &home, args);
        super::support::client::get(&answer(&login.url)).expect("it is answered");
        let ended = login.end();
        ended.assert_code(4);
        if json {
            let line = ended.stderr.lines().last().expect("a line");
            let object: serde_json::Value = serde_json::from_str(line).expect("the last line is JSON");
            assert!(object["error"]["message"].as_str().is_some_and(|message| message.ends_with(raw)), "{line}");
        } else {
            ended.assert_says("server_error\\u{1b}[1m: \\u{1b}]0;owned\\u{7}");
            ended.assert_says("gone\\r\\nlokalise-auth: logged in\\u{202e}\\u{9b}");
        }
    }
}

#[test]
fn plain_settings_get_plain_lines() {
    for (vars, colour) in [
        (vec![("ACCESSIBLE", "1")], false),
        (vec![("TERM", "dumb")], false),
        (vec![("NO_COLOR", "1")], false),
        (vec![], true),
    ] {
        let (_standin, home) = machine();
        let mut terminal = Terminal::run(&home, &["login"], &vars);
        browser::open(&url_on(&terminal.wait_for(ADDRESS))).expect("it listens");
        let (status, screen) = terminal.wait();
        assert_eq!(status.code(), Some(0), "{screen}");
        let written = terminal.written();
        assert!(colour || !written.contains(&0x1b), "{vars:?}: {:?}", String::from_utf8_lossy(&written));
        // No line is overwritten: a carriage return only ends a line.
        let returns = written.windows(2).filter(|pair| pair[0] == b'\r' && !matches!(pair[1], b'\n' | b'\r')).count();
        assert_eq!(returns, 0, "{vars:?}: {:?}", String::from_utf8_lossy(&written));
    }
}
