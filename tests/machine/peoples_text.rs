//! Text that people make: with editors and shells on Windows, and pasted by terminals. And files that never answer.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::Stdio;

use super::support::pty::Terminal;
use super::{Scene, code, stderr, stdout};

fn utf16(text: &str, unit: fn(u16) -> [u8; 2]) -> Vec<u8> {
    text.encode_utf16().flat_map(unit).collect()
}

/// One value as different programs write it, and as a terminal pastes it.
fn written(value: &str) -> Vec<Vec<u8>> {
    vec![
        format!("{value}\n").into(),
        format!("\u{feff}{value}\r\n").into(),
        format!("{value}  \t\n").into(),
        format!("{value}\n\n").into(),
        format!(" {value}").into(),
        format!("\u{1b}[200~{value}\n\u{1b}[201~\n").into(),
        utf16(&format!("\u{feff}{value}\r\n"), u16::to_le_bytes),
        utf16(&format!("\u{feff}{value}\n"), u16::to_be_bytes),
    ]
}

/// `token set` with that on stdin, and what `token print` then says.
fn kept(scene: &Scene, stdin: &[u8]) -> Result<String, String> {
    let mut command = scene.home.command(["token", "set", "--no-verify"]);
    let mut child = command.stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program can be run");
    child.stdin.take().expect("a pipe").write_all(stdin).expect("it reads");
    let output = child.wait_with_output().expect("it ends");
    if output.status.success() { Ok(stdout(&scene.run(&["token", "print"]))) } else { Err(stderr(&output)) }
}

#[test]
fn values_are_taken_as_windows_and_editors_write_them() {
    let mut scene = Scene::new();
    let token = scene.standin.api_token();
    scene.home.unset("LOKALISE_API_TOKEN");
    let line = format!("{token}\n");
    for bytes in written(&token) {
        assert_eq!(kept(&scene, &bytes), Ok(line.clone()), "{bytes:?}");
        let file = scene.home.path().join("token");
        fs::write(&file, &bytes).expect("our own folder");
        let variable = ("LOKALISE_API_TOKEN_FILE", file.to_str().expect("a path"));
        assert_eq!(stdout(&scene.run_with(&["token", "print"], &[variable])), line, "{bytes:?}");
    }
    let pasted = ("LOKALISE_API_TOKEN", &*format!("\u{1b}[200~{token}\n\u{1b}[201~"));
    assert_eq!(stdout(&scene.run_with(&["token", "print"], &[pasted])), line);
    scene.home.set_token(&["--profile", "work"]);
    let file = scene.home.work().join(".lokalise-profile");
    for bytes in written("work") {
        fs::write(&file, &bytes).expect("our own folder");
        assert!(stdout(&scene.run(&["whoami", "--offline"])).contains("profile     work"), "{bytes:?}");
    }
    for bytes in [&b"work\nother\n"[..], b"work other", b"w\0o\0r\0k\0", b"w\xe4rk", b"", &vec![b'a'; 100_000]] {
        fs::write(&file, bytes).expect("our own folder");
        assert_eq!(code(&scene.run(&["whoami", "--offline"])), 2, "{:?}", &bytes[..bytes.len().min(20)]);
    }
}

#[test]
fn a_client_secret_is_taken_as_windows_and_editors_write_it() {
    let scene = Scene::new();
    let file = scene.home.path().join("secret");
    for bytes in written(&scene.standin.client_secret()) {
        fs::write(&file, &bytes).expect("our own folder");
        let mut command = scene.home.login_cmd(&["--client-secret-file", file.to_str().expect("a path")]);
        command.env_remove("LOKALISE_CLIENT_SECRET").env_remove("LOKALISE_API_TOKEN");
        let output = command.output().expect("the program can be run");
        assert_eq!(code(&output), 0, "{bytes:?}: {}", stderr(&output));
    }
}

#[test]
fn the_marks_of_a_pasting_terminal_are_no_part_of_a_token() {
    let mut scene = Scene::new();
    let token = scene.standin.api_token();
    scene.home.unset("LOKALISE_API_TOKEN");
    for (typed, is_token) in [
        (format!("\u{1b}[200~{token}\u{1b}[201~\r"), true),
        (format!("\u{1b}[200~{token}\n\u{1b}[201~\r"), true),
        (format!("\u{1b}[200~ {token} \u{1b}[201~ \r"), true),
        (format!("{token} \r"), true),
        (format!("\u{1b}[A{token}\r"), false),
        (format!("\u{1b}[200~{token}\n{token}\u{1b}[201~\r"), false),
    ] {
        let mut terminal = Terminal::run(&scene.home, &["token", "set", "--no-verify"], &[]);
        terminal.wait_for_echo(false);
        terminal.send(&typed);
        let (status, screen) = terminal.wait();
        assert_eq!(status.success(), is_token, "{typed:?}: {screen}");
        if is_token {
            assert_eq!(stdout(&scene.run(&["token", "print"])), format!("{token}\n"), "{typed:?}");
        }
    }
}

fn fifo(path: &Path) {
    rustix::fs::mknodat(rustix::fs::CWD, path, rustix::fs::FileType::Fifo, 0o600.into(), 0).expect("a FIFO");
}

#[test]
fn a_file_that_never_answers_is_given_up_or_refused() {
    let mut scene = Scene::new();
    scene.home.unset("LOKALISE_API_TOKEN");
    scene.home.set("LOKALISE_AUTH_KEYRING_TIMEOUT", "0.5");
    fifo(&scene.home.path().join("fifo"));
    fifo(&scene.home.work().join(".lokalise-profile"));
    let path = scene.home.path().join("fifo").display().to_string();
    // Whoever waited for these would wait for ever.
    let output = scene.run(&["call", "/projects"]);
    assert!(code(&output) == 2 && stderr(&output).contains(".lokalise-profile"), "{}", stderr(&output));
    for file in [path.as_str(), "/dev/zero", "/", "/dev/null", "/no/such/file", "~/token"] {
        let output = scene.run_with(&["call", "/projects"], &[("LOKALISE_API_TOKEN_FILE", file)]);
        assert_eq!(code(&output), 2, "{file}: {}", stderr(&output));
        assert!(stderr(&output).contains("LOKALISE_API_TOKEN_FILE"), "{file}: {}", stderr(&output));
    }
    let output = scene.run_with(&["call", "/projects"], &[("LOKALISE_API_TOKEN_FILE", "~/token")]);
    assert!(stderr(&output).contains("`~` and `$NAME` are not expanded here"), "{}", stderr(&output));
}

#[test]
fn a_token_file_may_be_a_pipe() {
    let mut scene = Scene::new();
    let token = scene.standin.api_token();
    scene.home.unset("LOKALISE_API_TOKEN");
    let path = scene.home.path().join("fifo");
    fifo(&path);
    std::thread::scope(|scope| {
        scope.spawn(|| fs::write(&path, format!("{token}\n")).expect("it is read"));
        let variable = ("LOKALISE_API_TOKEN_FILE", path.to_str().expect("a path"));
        assert_eq!(stdout(&scene.run_with(&["token", "print"], &[variable])), format!("{token}\n"));
    });
}

#[test]
fn a_command_that_was_meant_for_a_shell_gets_a_hint() {
    let scene = Scene::new();
    let set = |line: &str| {
        scene.run_with(&["token", "set", "--no-verify", "--from-command", line], &[("LOKALISE_API_TOKEN", "")])
    };
    for line in ["~/bin/token", "$HOME/bin/token", "${HOME}/bin/token", "`token`"] {
        let output = set(line);
        assert_eq!(code(&output), 2, "{line}");
        assert!(
            stderr(&output).contains("no shell runs the command") && stderr(&output).contains("sh -c"),
            "{}",
            stderr(&output)
        );
    }
    for line in ["/bin/echo ~/token", "/bin/echo a | cat", "/bin/echo $TOKEN", "/bin/echo $_x", "/bin/echo a > b"] {
        let output = set(line);
        assert!(
            code(&output) == 0 && stderr(&output).contains("no shell runs the command"),
            "{line}: {}",
            stderr(&output)
        );
    }
    for line in ["/bin/echo 5$", "/bin/echo a$1", "/bin/echo a~b 'c d'"] {
        assert!(!stderr(&set(line)).contains("no shell"), "{line}");
    }
}
