//! The terminal after the program ends or is stopped: its modes are as before, and the port is closed.

use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::support::browser;
use super::support::home::{Home, binary};
use super::support::pty::{CTRL_C, Terminal};
use super::terminal::{ADDRESS, assert_port_closes, machine, url_on, wait_for_times};
use super::waiting::assert_nothing_stored;

const CTRL_Z: &str = "\x1a";
/// The prompts at which a run can be ended, and the arguments that lead there.
const PROMPTS: [(&[&str], &str, bool); 5] = [
    (&["login", "--client-id", "x"], "client secret (hidden): ", true),
    (&["login"], ADDRESS, true),
    (&["login", "--paste"], "code (hidden): ", true),
    (&["login", "--client-id="], "client id (hidden): ", true),
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
            terminal.wait_for_echo(false);
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
    shell.wait_for("is renewed automatically");
    // After the prompt the key is the shell's again.
    shell.send("echo done; exit\r");
    let (status, screen) = shell.wait();
    assert_eq!(status.code(), Some(0), "{screen}");
    assert!(!screen.contains("code="), "{screen}");
    Home::assert_no_secret(&standin, "the screen", &shell.written());
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
fn a_login_in_the_background_listens_and_asks_in_the_foreground() {
    let (_standin, home) = machine();
    let mut shell = shell(&home);
    shell.send(&format!("{} login --no-browser &\r", binary().display()));
    let url = url_on(&shell.wait_for("waiting up to"));
    std::thread::sleep(Duration::from_millis(300));
    shell.send("jobs -r | sed s/^/job-/\r");
    shell.wait_for("job-[1]");
    browser::open(&url).expect("it listens in the background");
    let screen = shell.wait_for("logged in to Lokalise");
    assert!(!screen.contains(ADDRESS), "{screen}");
    assert_echoes(&shell, 1);
    shell.send(&format!("clear; {} login --no-browser &\r", binary().display()));
    wait_for_times(&shell, "waiting up to", 2);
    shell.send("fg\r");
    shell.wait_for(ADDRESS);
    shell.wait_for_echo(false);
    shell.send(CTRL_C);
    shell.wait_for("login cancelled; nothing was stored");
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
    let name = "endings::a_panic_at_a_hidden_prompt_restores_the_terminal";
    let itself = std::env::current_exe().expect("a process knows its own file");
    let args = ["--exact", name, "--nocapture", "--test-threads=1"];
    let mut terminal = Terminal::of(&itself, &home, &args, &[(ROLE, "1"), ("LOGIN_TEST_GO", &go)], None);
    let before = Terminal::run(&home, &["--version"], &[]).modes();
    terminal.wait_for("secret? ");
    terminal.wait_for_echo(false);
    std::fs::write(&go, "").expect("our own folder");
    let (status, screen) = terminal.wait();
    assert!(!status.success() && screen.contains("in the middle of a question"), "{screen}");
    assert_eq!(terminal.modes(), before);
}

#[test]
fn ctrl_backslash_at_a_prompt_quits_and_restores_the_terminal() {
    let (standin, home) = machine();
    for (args, prompt) in [(&["login"][..], ADDRESS), (&["token", "set"], "API token (hidden; ")] {
        let mut terminal = Terminal::run(&home, args, &[]);
        let before = Terminal::run(&home, &["--version"], &[]).modes();
        terminal.wait_for(prompt);
        terminal.wait_for_echo(false);
        terminal.send("\x1c");
        let (status, screen) = terminal.wait();
        assert_eq!(status.signal(), Some(Signal::QUIT.as_raw()), "{screen}");
        assert_eq!(terminal.modes(), before);
        assert_nothing_stored(&standin, &home);
    }
    // After the prompt, the key has its usual effect.
    standin.set(|switches| switches.token_delay = Duration::from_secs(20));
    let mut terminal = Terminal::run(&home, &["login", "--paste"], &[]);
    let url = url_on(&terminal.wait_for("code (hidden): "));
    terminal.wait_for_echo(false);
    terminal.send(&format!("{}\r", browser::code_on_page(&url)));
    standin.wait_for("POST", "/oauth2/token", 1);
    terminal.send("\x1c");
    assert_eq!(terminal.wait().0.signal(), Some(Signal::QUIT.as_raw()));
}

/// A named pipe without a writer: opening it blocks.
fn fifo(home: &Home) -> String {
    let fifo = home.path().join("fifo");
    let made = std::process::Command::new("mkfifo").arg(&fifo).status();
    assert!(made.expect("mkfifo can be run").success());
    fifo.display().to_string()
}

/// Waits until the program listens for Ctrl-C, as the kernel sees it.
#[track_caller]
fn wait_until_it_listens(terminal: &Terminal) {
    let status = format!("/proc/{}/status", terminal.pid().as_raw_nonzero());
    let until = Instant::now() + Duration::from_secs(20);
    loop {
        let text = std::fs::read_to_string(&status).expect("this test reads /proc, so it needs Linux");
        let caught = text.lines().find_map(|line| line.strip_prefix("SigCgt:")).expect("a row of signals");
        let caught = u64::from_str_radix(caught.trim(), 16).expect("a mask");
        if caught >> (Signal::INT.as_raw() - 1) & 1 == 1 {
            // The handler is installed just before the wait begins.
            std::thread::sleep(Duration::from_millis(200));
            return;
        }
        assert!(Instant::now() < until, "it does not listen:\n{}", terminal.text());
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_signal_ends_a_read_from_a_silent_pipe() {
    let (standin, mut home) = machine();
    let fifo = fifo(&home);
    for (args, vars) in [
        (&["login", "--client-secret-file", &fifo][..], vec![]),
        (&["whoami"], vec![("LOKALISE_API_TOKEN_FILE", fifo.as_str())]),
    ] {
        for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143)] {
            let mut terminal = Terminal::run(&home, args, &vars);
            wait_until_it_listens(&terminal);
            terminal.signal(signal);
            let (status, screen) = terminal.wait();
            assert_eq!(status.code(), Some(code), "{args:?}: {screen}");
        }
    }
    // A pipe with a writer is read like a file, as in `--client-secret-file <(pass show …)`.
    home.set("LOKALISE_API_TOKEN_FILE", &fifo);
    std::thread::scope(|scope| {
        let asked = scope.spawn(|| home.command(["whoami"]).output().expect("the binary can be run"));
        std::fs::write(&fifo, standin.api_token()).expect("it is read");
        assert_eq!(asked.join().expect("it ends").status.code(), Some(0));
    });
}

#[test]
fn the_second_ctrl_c_ends_a_program_that_does_not_listen() {
    let (_standin, home) = machine();
    let mut terminal = Terminal::run(&home, &["login"], &[("SSL_CERT_FILE", &fifo(&home))]);
    wait_until_it_listens(&terminal);
    terminal.send(CTRL_C);
    std::thread::sleep(Duration::from_millis(300));
    terminal.send(CTRL_C);
    let (status, screen) = terminal.wait();
    assert_eq!(status.code(), Some(130), "{screen}");
}
