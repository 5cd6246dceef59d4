//! Pasting without a terminal: the code, or the address that the browser ended on,
//! as one line of a stdin that may stay open.

use std::io::Write as _;
use std::path::Path;
use std::process::Stdio;

use super::routes::assert_ended;
use super::support::browser;
use super::support::home::{Home, binary};
use super::support::pty::{CTRL_C, Terminal};
use super::support::standin::{Person, Standin};
use super::terminal::machine;
use super::waiting::{Ended, Waiting, assert_nothing_stored, login};

/// `login` with a stdin that stays open, and a line that is typed into it once the URL is known.
fn pasted(standin: &Standin, home: &Home, args: &[&str], line: impl Fn(&str) -> String) -> Ended {
    let mut command = login(standin, home, args);
    // A reader that waits for the end of stdin would wait for ever.
    let (reader, mut writer) = std::io::pipe().expect("a pipe can be had");
    command.stdin(Stdio::from(reader));
    let login = Waiting::of(command);
    writeln!(writer, "{}", line(&login.url)).expect("it reads");
    let ended = login.end();
    drop(writer);
    ended
}

#[test]
fn paste_without_a_terminal_takes_the_code_as_one_line_of_stdin() {
    let standin = Standin::start();
    let home = Home::new(&standin);
    let ended = pasted(&standin, &home, &["--paste"], browser::code_on_page);
    ended.assert_code(0).assert_says("logged in to Lokalise");
    assert_eq!(standin.authorizations().last().and_then(|request| request.redirect_uri.clone()), None);
    Home::assert_no_secret(&standin, "stderr", ended.stderr.as_bytes());

    for (line, why) in [
        ("", "it is empty"),
        ("two words", "a space"),
        ("ü", "outside ASCII"),
        ("0123456789", "a code has 40 characters, and this has 10"),
    ] {
        let home = Home::new(&standin);
        let ended = pasted(&standin, &home, &["--paste"], |_| line.to_owned());
        ended.assert_code(2).assert_says("invalid code: ").assert_says(why);
        assert_nothing_stored(&standin, &home);
    }
    let home = Home::new(&standin);
    let output = login(&standin, &home, &["--paste"]).output().expect("the binary can be run");
    assert_ended(&output, 2, &["stdin ended before a line came"]);
}

#[test]
fn a_wrong_code_is_4_and_the_next_login_is_free() {
    let standin = Standin::start();
    let home = Home::new(&standin);
    let wrong = "0".repeat(40);
    let ended = pasted(&standin, &home, &["--paste"], |_| wrong.clone());
    ended.assert_code(4).assert_says("the login was refused: invalid_request, Invalid request parameters (HTTP 400)");
    assert!(!ended.stderr.contains(&wrong));
    assert_nothing_stored(&standin, &home);
    pasted(&standin, &home, &["--paste"], browser::code_on_page).assert_code(0);
}

#[test]
fn an_address_may_be_pasted_for_a_code_and_its_state_is_checked() {
    let standin = Standin::start();
    let home = Home::new(&standin);
    let address = |url: &str| {
        let code = browser::code_on_page(url);
        let state = url.split_once("state=").expect("it has a state").1;
        format!("https://app.example/callback?code={code}&state={state}")
    };
    pasted(&standin, &home, &["--paste"], address).assert_code(0);
    let foreign = |url: &str| address(url).replace("state=", "state=x");
    let ended = pasted(&standin, &home, &["--paste"], foreign);
    ended.assert_code(2).assert_says("its state is missing or not ours");
}

#[test]
fn a_code_may_be_pasted_with_its_name_and_invalid_text_is_not_sent() {
    let standin = Standin::start();
    let home = Home::new(&standin);
    let state = |url: &str| url.split_once("state=").expect("it has a state").1.to_owned();
    for with in [
        |code: &str, _: &str| format!("code={code}"),
        |code: &str, _: &str| format!("?code={code}"),
        |code: &str, state: &str| format!("/cb?state={state}&code={code}"),
        |code: &str, _: &str| format!("\u{1b}[200~{code}\u{1b}[201~"),
    ] {
        pasted(&standin, &home, &["--paste"], |url| with(&browser::code_on_page(url), &state(url))).assert_code(0);
    }
    standin.forget_requests();
    let home = Home::new(&standin);
    let refusal = |_: &str| "error=access_denied&error_description=no".to_owned();
    pasted(&standin, &home, &["--paste"], refusal).assert_code(4).assert_says("access was denied in the browser: no");
    for with in [
        |code: &str| format!("\"{code}\""),
        |code: &str| format!("'{code}'"),
        |code: &str| format!("code={code}&state=x"),
        |code: &str| format!("?other={code}"),
        |_: &str| "code=".to_owned(),
    ] {
        let ended = pasted(&standin, &home, &["--paste"], |url| with(&browser::code_on_page(url)));
        ended.assert_code(2).assert_says("invalid code: ");
        Home::assert_no_secret(&standin, "stderr", ended.stderr.as_bytes());
    }
    assert!(standin.requests_to("POST", "/oauth2/token").is_empty());
    assert_nothing_stored(&standin, &home);
}

#[test]
fn a_redirect_uri_elsewhere_takes_the_address_as_one_line_of_stdin() {
    let standin = Standin::start();
    let uri = "https://tools.example/lokalise/callback";
    let args = ["--redirect-uri", uri, "--no-browser"];
    let home = Home::new(&standin);
    let ended = pasted(&standin, &home, &args, browser::redirect_of);
    ended.assert_code(0).assert_says("paste the address that the browser ends on");
    assert_eq!(standin.authorizations().last().and_then(|request| request.redirect_uri.clone()).as_deref(), Some(uri));
    Home::assert_no_secret(&standin, "stderr", ended.stderr.as_bytes());
    for (forged, why) in
        [("state=x", "its state is missing or not ours"), ("states=", "its state is missing or not ours")]
    {
        let home = Home::new(&standin);
        let ended = pasted(&standin, &home, &args, |url| browser::redirect_of(url).replace("state=", forged));
        ended.assert_code(2).assert_says(why);
        assert_nothing_stored(&standin, &home);
    }
    let ended = pasted(&standin, &home, &args, |url| browser::redirect_of(url).replace("tools.", "evil."));
    ended.assert_code(2).assert_says("it is for another host");
    let ended = pasted(&standin, &home, &args, |_| "0".repeat(40));
    ended.assert_code(2).assert_says("it is not an address");
    standin.set(|switches| switches.person = Person::Denies);
    pasted(&standin, &home, &args, browser::redirect_of).assert_code(4).assert_says("access was denied");
    // Without a person and without a flag, no address can be pasted.
    let output = login(&standin, &home, &args[..2]).output().expect("the binary can be run");
    assert_ended(&output, 4, &["cannot log in with a browser here"]);
}

#[test]
fn secret_and_code_may_come_over_one_stdin() {
    let standin = Standin::start();
    let mut home = Home::new(&standin);
    home.set("LOKALISE_CLIENT_ID", &standin.client_id());
    let mut command = home.command(["login", "--paste", "--client-secret-file", "-"]);
    let (reader, mut writer) = std::io::pipe().expect("a pipe can be had");
    command.stdin(Stdio::from(reader));
    writeln!(writer, "{}", standin.client_secret()).expect("the pipe takes it");
    let login = Waiting::of(command);
    writeln!(writer, "{}", browser::code_on_page(&login.url)).expect("it reads");
    login.end().assert_code(0);
}

#[test]
fn lines_with_carriage_returns_are_the_same_lines() {
    let standin = Standin::start();
    let mut home = Home::new(&standin);
    home.set("LOKALISE_CLIENT_ID", &standin.client_id());
    let mut command = home.command(["login", "--paste", "--client-secret-file", "-"]);
    let (reader, mut writer) = std::io::pipe().expect("a pipe can be had");
    command.stdin(Stdio::from(reader));
    write!(writer, "{}\r\n", standin.client_secret()).expect("the pipe takes it");
    let login = Waiting::of(command);
    write!(writer, "{}\r\n", browser::code_on_page(&login.url)).expect("it reads");
    login.end().assert_code(0);
}

#[test]
fn pasted_text_is_hidden_on_a_terminal_without_prompts_too() {
    let (standin, home) = machine();
    let log = home.path().join("log");
    let redirected = format!("exec '{}' login --paste 2> '{}'", binary().display(), log.display());
    let before = Terminal::run(&home, &["--version"], &[]).modes();
    let start = |way: &str| match way {
        "2>" => Terminal::of(Path::new("/bin/sh"), &home, &["-c", &redirected], &[], None),
        "CI" => Terminal::run(&home, &["login", "--paste"], &[("CI", "1")]),
        _ => Terminal::run(&home, &["--no-input", "login", "--paste"], &[]),
    };
    for way in ["2>", "CI", "--no-input"] {
        let mut terminal = start(way);
        terminal.wait_for_echo(false);
        let output_text = || std::fs::read_to_string(&log).unwrap_or_default() + &terminal.text();
        let url = browser::printed_url(&output_text()).expect("the URL is there before anything is read");
        let code = browser::code_on_page(&url);
        terminal.send(&format!("{code}\r"));
        let (status, screen) = terminal.wait();
        assert_eq!(status.code(), Some(0), "{way}: {screen}");
        assert!(!screen.contains(&code) && !screen.contains("(hidden)"), "{way}: {screen}");
        assert_eq!(terminal.modes(), before, "{way}");

        let mut terminal = start(way);
        terminal.wait_for_echo(false);
        terminal.send(CTRL_C);
        assert_eq!(terminal.wait().0.code(), Some(130), "{way}");
        assert_eq!(terminal.modes(), before, "{way}");
    }
    // The secret too is read without a question.
    let mut terminal = Terminal::run(&home, &["--no-input", "login", "--paste", "--client-secret-file", "-"], &[]);
    terminal.wait_for_echo(false);
    terminal.send(&format!("{}\r", standin.client_secret()));
    let screen = terminal.wait_for("paste it here");
    assert!(!screen.contains("(hidden)"), "{screen}");
    terminal.wait_for_echo(false);
    terminal.send(CTRL_C);
    assert_eq!(terminal.wait().0.code(), Some(130));
    Home::assert_no_secret(&standin, "the screen", &terminal.written());
}

#[test]
fn a_login_that_waits_for_stdin_ends_at_its_limit_and_by_a_signal() {
    let standin = Standin::start();
    let home = Home::new(&standin);
    for (limit, signal, code) in [("1s", None, 4), ("5m", Some(rustix::process::Signal::TERM), 143)] {
        let mut command = login(&standin, &home, &["--paste", "--timeout", limit]);
        let (reader, _writer) = std::io::pipe().expect("a pipe can be had");
        command.stdin(Stdio::from(reader));
        let login = Waiting::of(command);
        if let Some(signal) = signal {
            login.signal(signal);
        }
        login.end().assert_code(code);
    }
}
