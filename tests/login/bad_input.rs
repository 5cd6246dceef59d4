//! Invalid input: refused with 2 before anything opens, and never repeated, since it may be a secret
//! in the wrong place.

use std::ffi::OsStr;
use std::fs::File;
use std::os::unix::ffi::OsStrExt as _;
use std::process::{Command, Output, Stdio};

use super::support::home::{Home, binary};
use super::support::pty::{CTRL_D, Terminal};
use super::support::secrets::forty_hex;
use super::support::standin::Standin;
use super::waiting::assert_nothing_stored;

fn output_text(output: &Output) -> String {
    String::from_utf8_lossy(&[output.stdout.clone(), output.stderr.clone()].concat()).into_owned()
}

/// Fails unless the run ended with 2, printed these words, and shows no part of the secret.
#[track_caller]
fn assert_refused(output: &Output, secret: &str, words: &[&str]) {
    let output_text = output_text(output);
    assert_eq!(output.status.code(), Some(2), "{output_text}");
    assert!(!output_text.contains(&secret[..10]) && !output_text.contains(&secret[secret.len() - 10..]), "it is shown");
    assert!(!output_text.contains("panicked"), "{output_text}");
    for words in words {
        assert!(output_text.contains(words), "`{words}` is missing: {output_text}");
    }
}

#[test]
fn an_invalid_token_is_refused_with_the_class_and_position() {
    let standin = Standin::start();
    let home = Home::new(&standin);
    let token = forty_hex();
    let (front, back) = token.split_at(20);
    for (input, why) in [
        (String::new(), "it is empty"),
        ("\n".to_owned(), "it is empty"),
        ("\r\n".to_owned(), "it is empty"),
        (format!("{front}\n{back}\n"), "it has a second line"),
        (format!("{token}\r\n{token}\r\n"), "it has a second line"),
        (format!("{front} {back}"), "a space at position 21"),
        (format!("{front}\t{back}"), "a tab at position 21"),
        (format!("{front}\r{back}"), "a carriage return at position 21"),
        (format!("{front}\u{1b}[31m{back}"), "a control character at position 21"),
        (format!("{front}\0{back}"), "a control character at position 21"),
        (format!("{front}\u{7f}{back}"), "a control character at position 21"),
        (format!("{front}\u{feff}{back}"), "a byte order mark at position 21"),
        (format!("{front}\u{a0}{back}"), "a character outside ASCII at position 21"),
        (format!("{front}\u{200b}{back}"), "a character outside ASCII at position 21"),
        (format!("\u{201c}{token}\u{201d}"), "a character outside ASCII at position 1"),
        (format!("Bearer {token}"), "it starts with `Bearer`"),
        (format!("bEARER {token}\n"), "it starts with `Bearer`"),
        ("a".repeat(4097), "it is longer than 4,096 characters"),
        ("a".repeat(60_000), "it is longer than 4,096 characters"),
    ] {
        for verify in [&["token", "set"][..], &["token", "set", "--no-verify"]] {
            let output = home.cmd(verify).write_stdin(input.clone()).output().expect("the binary can be run");
            assert_refused(&output, &token, &["invalid token: ", why]);
            assert_eq!(output_text(&output).matches("paste the token alone").count(), 1);
        }
    }
    let mut latin_1 = token.clone().into_bytes();
    latin_1.push(0xfc);
    let output = home.cmd(["token", "set"]).write_stdin(latin_1).output().expect("the binary can be run");
    assert_refused(&output, &token, &["it is not UTF-8 text"]);
    assert!(standin.requests().is_empty());
    assert_nothing_stored(&standin, &home);
    // Real tokens come with blanks and line ends around them, or with a byte order mark.
    for (start, end) in [("", ""), ("", "\n"), ("", "\r\n"), ("", "\n\n"), (" ", " \r\r\n"), ("\u{feff}", "\t\n")] {
        home.cmd(["token", "set"]).write_stdin(format!("{start}{}{end}", standin.api_token())).assert().success();
    }
    home.cmd(["token", "set", "--no-verify"]).write_stdin("a".repeat(4096)).assert().success();
}

#[test]
fn an_invalid_token_at_the_prompt_is_refused_too() {
    let standin = Standin::start();
    let home = Home::new(&standin);
    let token = forty_hex();
    for (keys, words) in [
        (format!("{token} x\r"), "it has a space at position 41"),
        ("\r".to_owned(), "invalid token: it is empty"),
        // The kernel keeps 4,095 characters of a line and says nothing of the rest.
        (format!("{}\r", "a".repeat(5000)), "it is longer than 4094 characters"),
        (format!("{token}\r{token}\r"), "it has a second line"),
        (CTRL_D.to_owned(), "the input ended before an answer"),
    ] {
        let mut terminal = Terminal::run(&home, &["token", "set"], &[]);
        let before = Terminal::run(&home, &["--version"], &[]).modes();
        terminal.wait_for("API token (hidden; ");
        terminal.wait_for_echo(false);
        terminal.send(&keys);
        let (status, screen) = terminal.wait();
        assert_eq!(status.code(), Some(2), "{screen}");
        assert!(screen.contains(words), "`{words}` is missing: {screen}");
        assert!(!screen.contains(&token[..10]) && !screen.contains("aaaa"), "{screen}");
        assert_eq!(terminal.modes(), before);
    }
    assert_nothing_stored(&standin, &home);
    let mut terminal = Terminal::run(&home, &["token", "set"], &[]);
    terminal.wait_for("API token (hidden; ");
    terminal.wait_for_echo(false);
    terminal.send(&format!("{}\r", standin.api_token()));
    let (status, screen) = terminal.wait();
    assert_eq!(status.code(), Some(0), "{screen}");
    Home::assert_no_secret(&standin, "the screen", &terminal.written());
}

#[test]
fn a_secret_on_the_command_line_is_refused_and_not_repeated() {
    let standin = Standin::start();
    let home = Home::new(&standin);
    let token = forty_hex();
    let with = |words: &[&str]| words.iter().map(|word| word.replace("TOKEN", &token)).collect::<Vec<_>>();
    for (args, hint) in [
        (with(&["TOKEN"]), ""),
        (with(&["token", "set", "TOKEN"]), "never from the command line"),
        (with(&["token", "set", "--token", "TOKEN"]), "pipe it to `lokalise-auth token set`"),
        (with(&["token", "set", "--token=TOKEN"]), "pipe it to `lokalise-auth token set`"),
        (with(&["token", "set", "-tTOKEN"]), ""),
        (with(&["token", "set", "-t", "TOKEN"]), ""),
        (with(&["token", "TOKEN"]), ""),
        (with(&["token", "print", "TOKEN"]), ""),
        (with(&["--token", "TOKEN", "whoami"]), "LOKALISE_API_TOKEN"),
        (with(&["whoami", "--api-token", "TOKEN"]), "LOKALISE_API_TOKEN"),
        (with(&["whoami", "--profile", "TOKEN/TOKEN"]), "--profile"),
        (with(&["--store", "TOKEN", "whoami"]), "--store"),
        (with(&["login", "--client-secret", "TOKEN"]), "--client-secret-file"),
        (with(&["login", "--client-secret=TOKEN"]), "--client-secret-file"),
        (with(&["login", "--port", "TOKEN"]), "--port"),
        (with(&["login", "--timeout", "TOKEN"]), "--timeout"),
        (with(&["login", "--redirect-uri", "TOKEN"]), "--redirect-uri"),
        (with(&["login", "TOKEN"]), ""),
        (with(&["logout", "TOKEN"]), ""),
        (with(&["help", "TOKEN"]), ""),
        (with(&["completions", "TOKEN"]), ""),
        (with(&["profile", "use", "TOKEN TOKEN"]), ""),
        (with(&["token", "refresh", "--if-expiring", "TOKEN"]), ""),
    ] {
        for json in [false, true] {
            let mut command = home.command(&args);
            command.env("BROWSER", "true").env("LOKALISE_CLIENT_ID", "x").env("LOKALISE_CLIENT_SECRET", "y");
            if json {
                command.arg("--json");
            }
            assert_refused(&command.output().expect("the binary can be run"), &token, &[hint]);
        }
    }
    assert!(standin.requests().is_empty());
}

#[test]
fn an_invalid_client_secret_in_a_file_is_refused_too() {
    let standin = Standin::start();
    let mut home = Home::new(&standin);
    home.set("LOKALISE_CLIENT_ID", &standin.client_id());
    home.set("BROWSER", "true");
    let secret = forty_hex();
    let path = home.path().join("secret");
    for text in [
        String::new(),
        format!("{secret}\n{secret}"),
        format!("{secret} {secret}"),
        format!("{secret}{}", "a".repeat(5000)),
    ] {
        std::fs::write(&path, &text).expect("our own folder");
        let mut command = home.command(["login", "--client-secret-file"]);
        assert_refused(&command.arg(&path).output().expect("it runs"), &secret, &["invalid client secret: it "]);
        let output =
            home.cmd(["login", "--client-secret-file", "-"]).write_stdin(text.clone()).output().expect("it runs");
        assert_refused(&output, &secret, &["invalid client secret: it "]);
        let output =
            home.command(["login"]).env("LOKALISE_CLIENT_SECRET", text.replace('\n', " ")).output().expect("it runs");
        assert_refused(&output, &secret, &["client secret"]);
    }
    for path in ["/no/such/file", "/"] {
        let output = home.command(["login", "--client-secret-file", path]).output().expect("the binary can be run");
        assert_refused(&output, &secret, &["the file that `--client-secret-file` names cannot be read"]);
    }
    // The secret in the place of its file
    let output = home.command(["login", "--client-secret-file", &secret]).output().expect("the binary can be run");
    assert_refused(&output, &secret, &["the file that `--client-secret-file` names cannot be read"]);
}

#[test]
fn a_client_secret_in_the_place_of_the_client_id_is_not_sent_to_a_browser() {
    let standin = Standin::start();
    let mut home = Home::new(&standin);
    home.set("BROWSER", "true");
    let secret = forty_hex();
    home.set("LOKALISE_CLIENT_SECRET", &secret);
    for args in [&["login"][..], &["login", "--paste"]] {
        let output = home.command(args).env("LOKALISE_CLIENT_ID", &secret).output().expect("the binary can be run");
        assert_refused(&output, &secret, &["client id and client secret are the same"]);
    }
    let output = home.command(["login"]).env("LOKALISE_CLIENT_ID", "two words").output().expect("it can be run");
    assert_refused(&output, &secret, &["invalid client id: it has a space at position 4"]);
}

#[test]
fn a_base_url_that_is_not_safe_is_2_and_no_socket_opens() {
    let strace = Command::new("strace").arg("-V").output();
    assert!(strace.is_ok(), "this test needs strace: `apt-get install strace`");
    let standin = Standin::start();
    let mut home = Home::new(&standin);
    home.set("LOKALISE_ACCESS_TOKEN", &standin.access_token("read_projects"));
    let token = forty_hex();
    for url in [
        "http://api.lokalise.com/api2",
        "http://192.0.2.1/api2",
        "http://0.0.0.0/api2",
        "http://127.0.0.1.example.com/api2",
        "http://localhost.example.com/api2",
        "http://2130706433.example/api2",
        "http://[::]/api2",
        "ftp://127.0.0.1/api2",
        "//api.lokalise.com/api2",
        "api.lokalise.com/api2",
        "https://",
        "https:///api2",
        "https:api2",
        "https:\\\\api2",
        &format!("https://{token}@api.lokalise.com/api2"),
        &format!("https://api.lokalise.com/api2?token={token}"),
        &format!("https://api.lokalise.com/api2#{token}"),
        &token,
    ] {
        for name in ["LOKALISE_API_URL", "LOKALISE_OAUTH_URL"] {
            let trace = home.path().join("trace");
            let mut command = home.other("strace", ["-f", "-qq", "-e", "trace=socket,connect", "-o"]);
            command.arg(&trace).arg(binary()).arg("whoami").env(name, url);
            assert_refused(&command.output().expect("strace can be run"), &token, &[name]);
            let calls = std::fs::read_to_string(&trace).expect("strace wrote it");
            assert!(!calls.contains("AF_INET"), "{url}: {calls}");
        }
    }
    assert!(standin.requests().is_empty());
    // The same check finds the socket of a run that may open one.
    let trace = home.path().join("trace");
    let mut command = home.other("strace", ["-f", "-qq", "-e", "trace=socket,connect", "-o"]);
    assert!(command.arg(&trace).arg(binary()).arg("whoami").output().expect("strace can be run").status.success());
    assert!(std::fs::read_to_string(&trace).expect("strace wrote it").contains("AF_INET"));
}

#[test]
fn what_is_not_text_is_2_and_never_a_panic() {
    let standin = Standin::start();
    let home = Home::new(&standin);
    let secret = forty_hex();
    let bytes = [secret.as_bytes(), b"\xff\xfe"].concat();
    let odd = OsStr::from_bytes(&bytes);
    for args in [
        &["whoami", "--profile"][..],
        &["--store"],
        &["token", "set"],
        &["login", "--client-id"],
        &["login", "--scope"],
        &["login", "--redirect-uri"],
        &["login", "--timeout"],
        &["help"],
        &["completions"],
        &["scopes"],
        &[],
    ] {
        let output = home.command(args).arg(odd).output().expect("the binary can be run");
        assert_refused(&output, &secret, &[]);
    }
    for name in [
        "LOKALISE_API_TOKEN",
        "LOKALISE_ACCESS_TOKEN",
        "LOKALISE_PROFILE",
        "LOKALISE_API_URL",
        "LOKALISE_OAUTH_URL",
        "LOKALISE_CLIENT_SECRET",
        "LOKALISE_AUTH_STORE",
        "LOKALISE_AUTH_LOG",
        "BROWSER",
        "HTTPS_PROXY",
        "https_proxy",
        "all_proxy",
        "no_proxy",
        "SSL_CERT_FILE",
    ] {
        let output = home.command(["whoami"]).env(name, odd).output().expect("the binary can be run");
        assert_refused(&output, &secret, &[&format!("{name} is not UTF-8 text")]);
    }
    assert!(standin.requests().is_empty());
}

/// Runs a shell line with the binary in `$0`.
fn shell(home: &Home, line: &str) -> Output {
    let mut command = home.other("sh", ["-c", line]);
    command.arg(binary()).output().expect("sh can be run")
}

#[test]
fn closed_streams_cause_no_panic() {
    let standin = Standin::start();
    let mut home = Home::new(&standin);
    home.set("LOKALISE_CLIENT_ID", &standin.client_id());
    home.set("LOKALISE_CLIENT_SECRET", &standin.client_secret());
    for (line, code) in [
        ("\"$0\" token set <&-", 2),
        ("\"$0\" login --paste <&-", 2),
        ("\"$0\" login --client-secret-file - --no-browser <&-", 2),
        ("\"$0\" --help >&-", 0),
        ("\"$0\" whoami --offline >&-", 4),
        ("\"$0\" whoami --offline 2>&-", 4),
        ("\"$0\" --no-such-flag 2>&-", 2),
        ("\"$0\" whoami --offline <&- >&- 2>&-", 4),
        ("\"$0\" --help | head -1 > /dev/null; \"$0\" help environment | true", 0),
    ] {
        let output = shell(&home, line);
        assert_eq!(output.status.code(), Some(code), "{line}: {}", output_text(&output));
        assert!(!output_text(&output).contains("panicked"), "{line}: {}", output_text(&output));
    }
}

#[test]
fn a_stdout_that_takes_nothing_is_an_error() {
    let standin = Standin::start();
    let mut home = Home::new(&standin);
    home.set("LOKALISE_API_TOKEN", &standin.api_token());
    for args in [
        &["token", "print"][..],
        &["token", "print", "--format", "json"],
        &["whoami"],
        &["whoami", "--json"],
        &["--help"],
        &["--version"],
        &["help", "environment"],
        &["completions", "bash"],
        &["scopes"],
        &["doctor"],
        &["doctor", "--json"],
        &["call", "GET", "/projects"],
    ] {
        let full = File::options().write(true).open("/dev/full").expect("this test needs /dev/full, so it needs Linux");
        let output = home.command(args).stdout(Stdio::from(full)).output().expect("the binary can be run");
        let output_text = output_text(&output);
        assert_eq!(output.status.code(), Some(1), "{args:?}: {output_text}");
        assert!(
            output_text.contains("stdout cannot be written") && !output_text.contains("panicked"),
            "{args:?}: {output_text}"
        );
        Home::assert_silent(&standin, &output);
    }
}
