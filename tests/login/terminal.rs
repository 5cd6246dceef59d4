//! A login on a terminal: what stands on the screen, what is hidden, and how the
//! terminal is left, whatever ends the program.

use std::net::TcpStream;
use std::path::Path;
use std::time::{Duration, Instant};

use reqwest::Url;
use rustix::process::Signal;

use super::routes::script;
use super::support::browser;
use super::support::home::{Home, binary};
use super::support::pty::{CTRL_C, CTRL_D, Terminal};
use super::support::standin::Standin;
use super::waiting::assert_nothing_stored;

const CTRL_Z: &str = "\x1a";
const ADDRESS: &str = "paste here the address it ended on (hidden): ";

/// Somebody's machine, with the client's credentials in the environment and no display.
fn machine() -> (Standin, Home) {
    let standin = Standin::start();
    let mut home = Home::new(&standin);
    home.set("LOKALISE_CLIENT_ID", &standin.client_id());
    home.set("LOKALISE_CLIENT_SECRET", &standin.client_secret());
    (standin, home)
}

/// The URL on the screen, which a wide terminal does not wrap.
fn url_on(screen: &str) -> String {
    browser::printed_url(screen).expect("the URL is on the screen")
}

fn address_of(url: &str) -> (String, u16) {
    let url = Url::parse(url).expect("it is a URL");
    let redirect = url.query_pairs().find(|(name, _)| name == "redirect_uri").expect("it has one").1.into_owned();
    let redirect = Url::parse(&redirect).expect("it is a URL");
    (redirect.host_str().expect("a host").to_owned(), redirect.port().expect("a port"))
}

#[track_caller]
fn assert_port_closes(url: &str) {
    let (host, port) = address_of(url);
    let until = Instant::now() + Duration::from_secs(1);
    while TcpStream::connect((host.as_str(), port)).is_ok() {
        assert!(Instant::now() < until, "the port is still open after a second");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn the_url_stands_alone_on_its_line_before_anything_else_happens() {
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
    assert!(screen.contains("it asks for: read_projects read_contributors (within 5 min)"), "{screen}");
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
    assert!(screen.contains(&format!("{ADDRESS}\nlogged in to Lokalise")), "{screen}");
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
        ("nonsense", "it is no address"),
        ("", "it is no address"),
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
    // A copy that was wrapped has two lines; it is no reason to start over.
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
    terminal.wait_for_echo(true);
    browser::open(&url).expect("it listens");
    let (status, screen) = terminal.wait();
    assert_eq!(status.code(), Some(0), "{screen}");
}

#[test]
fn a_code_is_pasted_at_a_hidden_prompt() {
    let (standin, home) = machine();
    let mut terminal = Terminal::run(&home, &["login", "--paste"], &[]);
    let url = url_on(&terminal.wait_for("code (hidden): "));
    assert!(!url.contains("redirect_uri"), "{url}");
    terminal.wait_for_echo(false);
    terminal.send("not a code\r");
    terminal.wait_for("that is no code: it has a space at position 4; try again");
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
    terminal.wait_for("client id of your Lokalise OAuth app: ");
    assert!(terminal.echoes());
    // Both at once, as a script or a quick hand may have it.
    terminal.send(&format!("{}\r", standin.client_id()));
    terminal.wait_for("client secret (hidden): ");
    terminal.wait_for_echo(false);
    terminal.send(&format!("{}\r", standin.client_secret()));
    let screen = terminal.wait_for(ADDRESS);
    assert!(
        screen.contains(&format!("OAuth app: {}\nclient secret (hidden): \nopen this address", standin.client_id())),
        "{screen}"
    );
    browser::open(&url_on(&screen)).expect("it listens");
    let (status, screen) = terminal.wait();
    assert_eq!(status.code(), Some(0), "{screen}");
    Home::assert_no_secret(&standin, "the screen", &terminal.written());
    // Both are in the record now, and nobody is asked again.
    let mut terminal = Terminal::run(&home, &["login"], &[]);
    let screen = terminal.wait_for(ADDRESS);
    assert!(!screen.contains("client secret"), "{screen}");
    terminal.send(CTRL_C);
    assert_eq!(terminal.wait().0.code(), Some(130));
}

/// The prompts at which a run can be ended, and the arguments that lead there.
const PROMPTS: [(&[&str], &str, bool); 5] = [
    (&["login", "--client-id", "x"], "client secret (hidden): ", true),
    (&["login"], ADDRESS, true),
    (&["login", "--paste"], "code (hidden): ", true),
    (&["login", "--client-id="], "client id of your Lokalise OAuth app: ", true),
    (&["token", "set"], "API token (hidden; ", false),
];

#[test]
fn whatever_ends_a_prompt_the_terminal_is_as_it_was() {
    type End = (&'static str, i32, fn(&Terminal));
    let ends: [End; 4] = [
        ("Ctrl-C", 130, |terminal| terminal.send(CTRL_C)),
        ("SIGINT", 130, |terminal| terminal.signal(Signal::INT)),
        ("SIGTERM", 143, |terminal| terminal.signal(Signal::TERM)),
        ("SIGHUP", 143, |terminal| terminal.signal(Signal::HUP)),
    ];
    for (args, prompt, is_login) in PROMPTS {
        for (end, code, act) in ends {
            let (standin, mut home) = machine();
            if prompt.starts_with("client") {
                home.unset("LOKALISE_CLIENT_ID");
                home.unset("LOKALISE_CLIENT_SECRET");
            }
            let args: Vec<&str> = args.iter().copied().filter(|argument| *argument != "--client-id=").collect();
            let mut terminal = Terminal::run(&home, &args, &[]);
            let before = Terminal::run(&home, &["--version"], &[]).modes();
            let screen = terminal.wait_for(prompt);
            terminal.wait_for_echo(prompt.starts_with("client id"));
            act(&terminal);
            let (status, after) = terminal.wait();
            assert_eq!(status.code(), Some(code), "{end} at `{prompt}`: {after}");
            assert_eq!(terminal.modes(), before, "{end} at `{prompt}`");
            let words = match (is_login, code) {
                (true, _) => "\nlokalise-auth: login cancelled; nothing was stored\n",
                (false, 130) => "\nlokalise-auth: interrupted\n",
                (false, _) => "\nlokalise-auth: ",
            };
            assert!(after.contains(words), "{end} at `{prompt}`: {after}");
            if prompt == ADDRESS {
                assert_port_closes(&url_on(&screen));
            }
            assert_nothing_stored(&standin, &home);
        }
    }
}

/// An interactive shell on a terminal.
fn shell(home: &Home) -> Terminal {
    let bash = Path::new("/bin/bash");
    assert!(bash.exists(), "this test needs bash: `apt-get install bash`");
    let terminal = Terminal::of(bash, home, &["--norc", "--noprofile", "-i"], &[("PS1", "$ ")], None);
    terminal.wait_for("$ ");
    terminal
}

#[test]
fn ctrl_z_gives_the_shell_its_terminal_and_fg_brings_the_prompt_back() {
    let (standin, home) = machine();
    let mut shell = shell(&home);
    shell.send(&format!("{} login\r", binary().display()));
    let url = url_on(&shell.wait_for(ADDRESS));
    for times in 1..=2 {
        shell.wait_for_echo(false);
        shell.send(CTRL_Z);
        wait_for_times(&shell, "Stopped", times);
        assert_echoes(&shell, times);
        shell.send("fg\r");
        wait_for_times(&shell, ADDRESS, times + 1);
    }
    shell.wait_for_echo(false);
    shell.send(&format!("{}\r", browser::redirect_of(&url)));
    shell.wait_for("is renewed by itself");
    // After the prompt the key is the shell's again.
    shell.send("echo done; exit\r");
    let (status, screen) = shell.wait();
    assert_eq!(status.code(), Some(0), "{screen}");
    assert!(!screen.contains("code="), "{screen}");
    Home::assert_no_secret(&standin, "the screen", &shell.written());
}

#[track_caller]
fn wait_for_times(terminal: &Terminal, text: &str, times: usize) -> String {
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

/// Asks the shell whether the terminal echoes: its own line editor switches that off while it reads.
#[track_caller]
fn assert_echoes(shell: &Terminal, times: usize) {
    shell.send(&format!("stty -a | grep -c ' echo ' | sed s/^/echoes-{times}-/\r"));
    shell.wait_for(&format!("\nechoes-{times}-1\n"));
}

#[test]
fn a_login_in_the_background_goes_on_and_can_be_ended() {
    let (_standin, home) = machine();
    let mut shell = shell(&home);
    shell.send(&format!("{} login\r", binary().display()));
    let url = url_on(&shell.wait_for(ADDRESS));
    shell.wait_for_echo(false);
    shell.send(CTRL_Z);
    shell.wait_for("Stopped");
    shell.send("bg; jobs -r | sed s/^/job-/\r");
    shell.wait_for("job-[1]");
    assert_echoes(&shell, 1);
    browser::open(&url).expect("it listens in the background");
    shell.wait_for("logged in to Lokalise");
    // Another one, stopped and then ended.
    shell.send(&format!("clear; {} login --profile other\r", binary().display()));
    let screen = wait_for_times(&shell, ADDRESS, 2);
    let url = url_on(screen.rsplit_once("plaintext").expect("the second login").1);
    shell.wait_for_echo(false);
    shell.send(CTRL_Z);
    wait_for_times(&shell, "Stopped", 2);
    shell.send("kill %%\r");
    shell.wait_for("login cancelled; nothing was stored");
    assert_port_closes(&url);
    assert_echoes(&shell, 2);
    shell.send("exit\r");
    shell.wait();
}

#[test]
fn a_panic_at_a_hidden_prompt_restores_the_terminal() {
    const ROLE: &str = "LOGIN_TEST_PANICS";
    if std::env::var_os(ROLE).is_some() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            tokio::select! {
                _ = lokalise_auth::terminal::ask("secret? ", lokalise_auth::terminal::Echo::Hidden) => {}
                () = async {
                    while !Path::new(&std::env::var_os("LOGIN_TEST_GO").expect("a path")).exists() {
                        tokio::time::sleep(Duration::from_millis(5)).await;
                    }
                    panic!("in the middle of a question");
                } => {}
            }
        });
        return;
    }
    let (_standin, home) = machine();
    let go = home.path().join("go").display().to_string();
    let name = "terminal::a_panic_at_a_hidden_prompt_restores_the_terminal";
    let itself = std::env::current_exe().expect("a process knows its own file");
    let args = ["--exact", name, "--nocapture", "--test-threads=1"];
    let mut terminal = Terminal::of(&itself, &home, &args, &[(ROLE, "1"), ("LOGIN_TEST_GO", &go)], None);
    let before = terminal.modes();
    terminal.wait_for("secret? ");
    terminal.wait_for_echo(false);
    std::fs::write(&go, "").expect("our own folder");
    let (status, screen) = terminal.wait();
    assert!(!status.success() && screen.contains("in the middle of a question"), "{screen}");
    assert_eq!(terminal.modes(), before);
}

#[test]
fn the_second_ctrl_c_ends_a_program_that_does_not_listen() {
    let (_standin, home) = machine();
    // Nobody ever writes to it: opening it blocks the thread that hears of signals.
    let fifo = home.path().join("fifo");
    let made = std::process::Command::new("mkfifo").arg(&fifo).status();
    assert!(made.expect("mkfifo can be run").success());
    let fifo = fifo.display().to_string();
    let mut terminal = Terminal::run(&home, &["login", "--client-secret-file", &fifo], &[]);
    terminal.wait_for("plaintext");
    std::thread::sleep(Duration::from_millis(300));
    terminal.send(CTRL_C);
    std::thread::sleep(Duration::from_millis(300));
    terminal.send(CTRL_C);
    let (status, screen) = terminal.wait();
    assert_eq!(status.code(), Some(130), "{screen}");
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
    let mut terminal = Terminal::run(&home, &["login"], &[("BROWSER", "")]);
    let url = url_on(&terminal.wait_for(ADDRESS));
    super::support::client::get(&answer(&url)).expect("it is answered");
    let (status, screen) = terminal.wait();
    assert_eq!(status.code(), Some(4), "{screen}");
    let written = terminal.written();
    assert!(!written.contains(&0x1b) && !written.contains(&7), "{:?}", String::from_utf8_lossy(&written));
    assert!(screen.contains("server_error\\u{1b}[1m: \\u{1b}]0;owned\\u{7}"), "{screen}");
    assert!(screen.contains("gone\\r\\nlokalise-auth: logged in\\u{202e}\\u{9b}"), "{screen}");

    // In a pipe and in JSON it is what the server sent.
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
            ended.assert_says(raw);
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
        // No line is drawn over: a carriage return only ever ends one.
        let returns = written.windows(2).filter(|pair| pair[0] == b'\r' && !matches!(pair[1], b'\n' | b'\r')).count();
        assert_eq!(returns, 0, "{vars:?}: {:?}", String::from_utf8_lossy(&written));
    }
}

#[test]
fn a_text_browser_has_the_terminal_until_it_ends() {
    let (standin, mut home) = machine();
    let folder = home.path().join("bin");
    std::fs::create_dir(&folder).expect("our own folder");
    let text = r#"
test -t 0 && test -t 1 && test -t 2 || { echo no-terminal; exit 1; }
case $(env) in *LOKALISE_*) echo leaked;; esac
trap 'echo not-yours' INT
stty raw -echo; printf 'W3M-DRAWS '; head -c 1 >/dev/null; stty sane
curl -sL --noproxy '*' "$1" | grep -o 'Logged in to Lokalise' | sed 's/^/page-/'
trap 'echo w3m-was-interrupted' INT
stty -echo; until read -r key && test "$key" = q; do :; done; stty echo
echo W3M-ENDS"#;
    script(&folder, "w3m", text);
    home.set("PATH", &format!("{}:{}", folder.display(), std::env::var("PATH").expect("there is one")));
    let mut terminal = Terminal::run(&home, &["login"], &[("BROWSER", "w3m")]);
    terminal.wait_for("W3M-DRAWS");
    std::thread::sleep(Duration::from_millis(700));
    assert!(!terminal.text().contains("paste here"), "the prompt is in its way: {}", terminal.text());
    terminal.send("x");
    terminal.wait_for("page-Logged in to Lokalise");
    terminal.wait_for_echo(false);
    // Ctrl-C is the browser's, and our words wait for its end.
    terminal.send(CTRL_C);
    terminal.wait_for("w3m-was-interrupted");
    terminal.send(CTRL_C);
    wait_for_times(&terminal, "w3m-was-interrupted", 2);
    assert!(!terminal.text().contains("logged in to Lokalise"), "{}", terminal.text());
    terminal.send("q\r");
    let (status, screen) = terminal.wait();
    assert_eq!(status.code(), Some(0), "{screen}");
    assert!(!screen.contains("leaked") && !screen.contains("no-terminal"), "{screen}");
    let (ends, logged_in) = (screen.find("W3M-ENDS"), screen.find("logged in to Lokalise"));
    assert!(ends.is_some() && ends < logged_in, "{screen}");
    Home::assert_no_secret(&standin, "the screen", &terminal.written());
}

#[test]
fn a_text_browser_that_ends_without_an_answer_leaves_the_prompt() {
    let (_standin, mut home) = machine();
    script(home.path(), "lynx", "echo LYNX-ENDS");
    home.set("BROWSER", &home.path().join("lynx").display().to_string());
    let mut terminal = Terminal::run(&home, &["login"], &[]);
    let screen = terminal.wait_for(ADDRESS);
    assert!(screen.contains("LYNX-ENDS"), "{screen}");
    terminal.wait_for_echo(false);
    terminal.send(CTRL_C);
    let (status, screen) = terminal.wait();
    assert_eq!(status.code(), Some(130), "{screen}");
    assert!(screen.ends_with("lokalise-auth: login cancelled; nothing was stored\n"), "{screen}");
}

#[test]
fn a_text_browser_goes_with_the_login_that_ends() {
    for (args, signal, code) in [(&["login", "--timeout", "1s"][..], None, 4), (&["login"], Some(Signal::TERM), 143)] {
        let (_standin, mut home) = machine();
        let pid = home.path().join("pid");
        let text = format!("echo $$ > '{}'; stty raw -echo; printf LINKS-DRAWS; exec sleep 60", pid.display());
        script(home.path(), "links", &text);
        home.set("BROWSER", &home.path().join("links").display().to_string());
        let mut terminal = Terminal::run(&home, args, &[]);
        let before = Terminal::run(&home, &["--version"], &[]).modes();
        terminal.wait_for("LINKS-DRAWS");
        if let Some(signal) = signal {
            terminal.signal(signal);
        }
        let (status, screen) = terminal.wait();
        assert_eq!(status.code(), Some(code), "{screen}");
        assert_eq!(terminal.modes(), before);
        let pid = std::fs::read_to_string(pid).expect("it was started");
        let alive = Path::new("/proc").join(pid.trim()).exists();
        assert!(!alive, "the text browser still draws");
    }
}

#[test]
fn a_window_system_without_a_browser_leaves_the_url_and_the_prompt() {
    let (_standin, mut home) = machine();
    home.set("PATH", &home.path().join("empty").display().to_string());
    home.set("DISPLAY", ":99");
    let mut terminal = Terminal::run(&home, &["login"], &[]);
    let screen = terminal.wait_for(ADDRESS);
    assert!(screen.contains("no browser opened ("), "{screen}");
    browser::open(&url_on(&screen)).expect("it listens");
    assert_eq!(terminal.wait().0.code(), Some(0));
}

#[test]
fn over_ssh_the_way_on_is_told_at_once() {
    let (_standin, home) = machine();
    for (name, value, words) in [
        ("SSH_CONNECTION", "10.0.0.1 5 10.0.0.2 22", "over SSH a browser on your own machine does not reach this one"),
        ("WSL_DISTRO_NAME", "Debian", "a browser on Windows may not reach this Linux"),
        ("container", "podman", "a browser outside of this container does not reach it"),
    ] {
        let mut terminal = Terminal::run(&home, &["login", "--no-browser", "--timeout", "1s"], &[(name, value)]);
        let screen = terminal.wait_for(ADDRESS);
        assert!(screen.contains(&format!("{words}: when its last page does not load, paste")), "{screen}");
        let (status, screen) = terminal.wait();
        assert_eq!(status.code(), Some(4));
        assert!(screen.contains(&format!("hint: {words}: `lokalise-auth login --paste`")), "{screen}");
    }
}
