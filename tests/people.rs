//! What people see on a terminal that scripts do not: indented JSON errors, the line for a
//! forwarded port, and the command that gives a token.

#![cfg(unix)] // a pseudo-terminal

mod support;

use support::home::Home;
use support::pty::Terminal;
use support::standin::Standin;

#[test]
fn a_json_error_is_indented_on_a_terminal_and_one_line_in_a_pipe() {
    let home = Home::new(&Standin::start());
    let args = ["--json", "call", "/projects"];
    let (status, screen) = Terminal::run(&home, &args, &[]).wait();
    assert_eq!(status.code(), Some(4), "{screen}");
    let lines: Vec<&str> = screen.lines().map(str::trim_end).collect();
    assert!(lines.contains(&"  \"error\": {") && lines.contains(&"    \"exit\": 4,"), "{screen}");
    let piped = home.cmd(args).output().expect("the binary can be run").stderr;
    let piped = String::from_utf8(piped).expect("errors are text");
    assert!(piped.starts_with("{\"error\":{") && piped.lines().count() == 1, "{piped}");
}

#[test]
fn over_ssh_with_a_port_the_ssh_line_for_that_port_is_shown() {
    let standin = Standin::start();
    let mut home = Home::new(&standin);
    home.set("LOKALISE_CLIENT_ID", &standin.client_id());
    home.set("LOKALISE_CLIENT_SECRET", &standin.client_secret());
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("loopback can be used");
    let port = free.local_addr().expect("it is bound").port().to_string();
    drop(free);
    let vars = [("SSH_CONNECTION", "192.0.2.1 5 192.0.2.2 22")];
    let mut terminal = Terminal::run(&home, &["login", "--no-browser", "--port", &port], &vars);
    terminal.wait_for(&format!("  ssh -L {port}:127.0.0.1:{port} HOST"));
    terminal.send("\x03");
    assert_eq!(terminal.wait().0.code(), Some(130));
}

#[test]
fn whoami_shows_the_command_that_gives_the_token() {
    let standin = Standin::start();
    let home = Home::new(&standin);
    std::fs::write(home.work().join("my token"), standin.api_token()).expect("our own folder");
    home.cmd(["token", "set", "--from-command", "cat 'my token'"]).assert().success();
    let shown = String::from_utf8(home.cmd(["whoami"]).output().expect("it runs").stdout).expect("text");
    let command = shown.lines().find(|line| line.starts_with("command ")).unwrap_or_default();
    assert!(command.ends_with("cat 'my token'"), "{shown}");
    assert!(!shown.contains(&standin.api_token()), "{shown}");
}
