//! Every way in: which address is listened on, which browser is tried, what can
//! be pasted, and runs without a person.

use std::fs;
use std::io::Write as _;
use std::net::{Ipv6Addr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output};

use super::support::browser;
use super::support::home::Home;
use super::support::standin::{Person, Standin};
use super::waiting::{Waiting, login};

/// A port that was free a moment ago.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port is free").port()
}

/// An executable script, by its path.
pub fn script(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    fs::write(&path, format!("#!/bin/sh\n{text}\n")).expect("our own folder");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).expect("our own file");
    path.display().to_string()
}

#[track_caller]
pub fn assert_ended(output: &Output, code: i32, words: &[&str]) {
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{stderr}");
    assert_eq!(output.stdout, b"", "stdout is for answers");
    for words in words {
        assert!(stderr.contains(words), "`{words}` is missing:\n{stderr}");
    }
}

// ---- the listener's address

#[test]
fn localhost_is_listened_on_in_both_families() {
    let standin = Standin::start();
    let home = Home::new(&standin);
    for family in ["127.0.0.1", "::1"] {
        let port = free_port();
        let uri = format!("http://localhost:{port}/oauth2_flows/callback");
        let login = Waiting::start(&standin, &home, &["--redirect-uri", &uri]);
        assert!(
            login.url.contains(&format!("redirect_uri=http%3A%2F%2Flocalhost%3A{port}%2Foauth2_flows%2Fcallback&"))
        );
        let mut stream = TcpStream::connect((family, port)).unwrap_or_else(|error| panic!("{family}: {error}"));
        let denial = login.get(&login.target("error=access_denied"));
        stream.write_all(denial.as_bytes()).expect("it reads");
        login.end().assert_code(4).assert_says("access was denied in the browser");
    }
    let login = Waiting::start(&standin, &home, &["--redirect-uri", &format!("http://localhost:{}/cb", free_port())]);
    assert!(login.answer().text().contains("Logged in to Lokalise"));
    login.end().assert_code(0);
}

#[test]
fn a_registered_uri_is_sent_unchanged() {
    let standin = Standin::start();
    let home = Home::new(&standin);
    let port = free_port();
    for (uri, sent) in [
        (format!("http://127.0.0.1:{port}"), format!("http%3A%2F%2F127.0.0.1%3A{port}&")),
        (format!("http://LOCALHOST:{port}/cb?x=1"), format!("http%3A%2F%2FLOCALHOST%3A{port}%2Fcb%3Fx%3D1&")),
        (format!("http://[::1]:{port}/cb"), format!("http%3A%2F%2F%5B%3A%3A1%5D%3A{port}%2Fcb&")),
    ] {
        let login = Waiting::start(&standin, &home, &["--redirect-uri", &uri]);
        assert!(login.url.contains(&format!("redirect_uri={sent}")), "{}", login.url);
        assert!(login.answer().text().contains("Logged in to Lokalise"), "{uri}");
        login.end().assert_code(0);
    }
}

#[test]
fn a_port_in_use_is_named_before_any_browser_opens() {
    let standin = Standin::start();
    let mut home = Home::new(&standin);
    let opened = home.path().join("opened");
    home.set("BROWSER", &script(home.path(), "browser", &format!("touch '{}'", opened.display())));
    let (v4, v6) = (TcpListener::bind("127.0.0.1:0"), TcpListener::bind((Ipv6Addr::LOCALHOST, 0)));
    let port_of = |listener: &TcpListener| listener.local_addr().expect("it is bound").port();
    let (v4, v6) = (v4.expect("a free port"), v6.expect("a free port"));
    for arguments in [
        vec!["--port".to_owned(), port_of(&v4).to_string()],
        vec!["--redirect-uri".to_owned(), format!("http://localhost:{}/callback", port_of(&v4))],
        // The program on the other family would get every second redirect.
        vec!["--redirect-uri".to_owned(), format!("http://localhost:{}/callback", port_of(&v6))],
    ] {
        let port = if arguments[1].contains(&port_of(&v6).to_string()) { port_of(&v6) } else { port_of(&v4) };
        let output = login(&standin, &home, &[]).args(&arguments).output().expect("the binary can be run");
        assert_ended(&output, 2, &[&format!("port {port} is in use")]);
        // Neither flag can be combined with `--paste`.
        let hint = match arguments[0].as_str() {
            "--port" => "hint: end that program, or choose another `--port`, or log in with `--paste` in its place\n",
            _ => "hint: end that program, or log in with `--paste` in place of `--redirect-uri`\n",
        };
        assert_ended(&output, 2, &[hint]);
        assert!(browser::printed_url(&String::from_utf8_lossy(&output.stderr)).is_none());
    }
    assert!(!opened.exists() && standin.requests().is_empty());
    let port = free_port();
    let login = Waiting::start(&standin, &home, &["--port", &port.to_string()]);
    assert_eq!(login.redirect_uri.as_str(), format!("http://127.0.0.1:{port}/callback"));
    assert!(login.answer().text().contains("Logged in"));
    login.end().assert_code(0);
}

/// Runs a shell line as root of a network of its own, in which there is only loopback.
fn in_own_network(home: &Home, line: &str, vars: &[(&str, &str)]) -> Output {
    let ip = Command::new("ip").arg("-V").output();
    assert!(ip.is_ok(), "this test needs the program ip: `apt-get install iproute2`");
    // Root can; elsewhere a user namespace, or sudo without a question, may allow it.
    let ways: [&[&str]; 3] = [&["unshare", "-n"], &["unshare", "-rn"], &["sudo", "-n", "-E", "unshare", "-n"]];
    let way = ways.iter().find(|way| {
        Command::new(way[0])
            .args(&way[1..])
            .args(["ip", "link", "set", "lo", "up"])
            .output()
            .is_ok_and(|ran| ran.status.success())
    });
    let way = way.expect("this test needs the right to make a network namespace: run it as root, or let sudo do it");
    let mut command = home.other(way[0], &way[1..]);
    command.args(["sh", "-c", line]).envs(vars.iter().copied());
    command.output().expect("unshare was just run")
}

/// A browser that denies access: it goes straight to the redirect URI of its URL.
fn denier(home: &Home) -> String {
    let text = r#"
redirect=$(printf %s "$1" | sed 's/.*redirect_uri=\([^&]*\).*/\1/; s/%3A/:/g; s/%2F/\//g; s/%5B/[/g; s/%5D/]/g')
state=$(printf %s "$1" | sed 's/.*state=\([^&]*\).*/\1/')
exec curl -sg --noproxy '*' "$redirect?error=access_denied&state=$state""#;
    script(home.path(), "denier", text)
}

#[test]
fn a_machine_with_one_family_listens_on_that() {
    let standin = Standin::start();
    let mut home = Home::new(&standin);
    home.set("BROWSER", &denier(&home));
    home.set("LOKALISE_CLIENT_ID", &standin.client_id());
    home.set("LOKALISE_CLIENT_SECRET", &standin.client_secret());
    let binary = super::support::home::binary().display().to_string();
    let localhost = format!("--redirect-uri http://localhost:{}/cb", free_port());
    let v6 = "ip link set lo up; ip addr del 127.0.0.1/8 dev lo";
    let v4 = "ip link set lo up; ip -6 addr del ::1/128 dev lo";
    for (network, arguments, redirect) in [
        (v6, "", "redirect_uri=http%3A%2F%2F%5B%3A%3A1%5D%3A"),
        (v4, "", "redirect_uri=http%3A%2F%2F127.0.0.1%3A"),
        (v6, localhost.as_str(), "redirect_uri=http%3A%2F%2Flocalhost%3A"),
        (v4, localhost.as_str(), "redirect_uri=http%3A%2F%2Flocalhost%3A"),
    ] {
        let line = format!("{network} && exec '{binary}' login {arguments} --timeout 10s");
        let output = in_own_network(&home, &line, &[]);
        assert_ended(&output, 4, &[redirect, "access was denied in the browser"]);
    }
}

// ---- the browser

#[test]
fn a_browser_gets_one_argument_and_none_of_our_variables_or_files() {
    let standin = Standin::start();
    let mut home = Home::new(&standin);
    let seen = home.path().join("seen");
    fs::create_dir(&seen).expect("our own folder");
    let text = format!(
        "cd '{0}'; printf '%s\\n' \"$@\" > argv; env > env; ls -l /proc/$$/fd > fd; cut -d' ' -f5 /proc/$$/stat > pgrp; echo $$ > pid\n\
         exec curl -sL --noproxy '*' -o page \"$2\"",
        seen.display()
    );
    let dumping = script(home.path(), "dumping browser", &text).replace(' ', "?");
    assert!(dumping.contains('?'), "a space in a name cannot be written in BROWSER");
    let dumping = script(home.path(), "dumping", &text);
    for (name, value) in [
        ("LOKALISE_PROJECT_ID", "a.project"),
        ("LOKALISE_SOMETHING_NEW", "canary-of-the-future"),
        ("LOKALISE_AUTH_LOG", "steps"),
    ] {
        home.set(name, value);
    }
    home.set("BROWSER", &format!("/no/such/program:false:{dumping} --new-tab %s"));
    let output = login(&standin, &home, &[]).output().expect("the binary can be run");
    assert_ended(&output, 0, &["logged in to Lokalise"]);
    let read = |name: &str| fs::read_to_string(seen.join(name)).expect("the browser wrote it");
    let url = browser::printed_url(&String::from_utf8_lossy(&output.stderr)).expect("the URL was printed");
    assert_eq!(read("argv"), format!("--new-tab\n{url}\n"));
    assert!(!read("env").contains("LOKALISE_"), "{}", read("env"));
    assert!(read("env").contains("PATH="), "the rest is the user's");
    Home::assert_no_secret(&standin, "the browser's environment", read("env").as_bytes());
    // Pipes may be the test runner's; sockets and our own files would be ours.
    let files = read("fd");
    let data = home.credentials();
    let data = data.parent().expect("a folder").display().to_string();
    assert!(!files.contains("socket:") && !files.contains(&data), "{files}");
    assert!(files.contains(" 0 -> /dev/null") && files.contains(" 2 -> /dev/null"), "{files}");
    assert_eq!(read("pgrp"), read("pid"), "the browser has a process group of its own");
}

#[test]
fn a_browser_that_fails_or_is_missing_leaves_the_url() {
    let standin = Standin::start();
    let home = Home::new(&standin);
    for (browser, name) in
        [("false", "false"), ("/no/such/program", "/no/such/program"), ("false:/no/such:false", "false")]
    {
        let login = Waiting::of({
            let mut command = login(&standin, &home, &[]);
            command.env("BROWSER", browser);
            command
        });
        login.wait_until_it_says(&format!("no browser opened (`{name}` did not open it); open the address by hand"));
        assert!(login.answer().text().contains("Logged in to Lokalise"));
        login.end().assert_code(0);
    }
}

#[test]
fn a_browser_that_hangs_or_outlives_the_login_does_not_delay_it() {
    let standin = Standin::start();
    let home = Home::new(&standin);
    let pid = home.path().join("pid");
    let hanging = script(home.path(), "hanging", &format!("echo $$ > '{}'; exec sleep 60", pid.display()));
    let login = Waiting::of({
        let mut command = login(&standin, &home, &[]);
        command.env("BROWSER", hanging);
        command
    });
    assert!(login.answer().text().contains("Logged in to Lokalise"));
    login.end().assert_code(0);
    // The browser still runs, and so was not waited for. It is the user's browser, and may have been open before.
    let pid = fs::read_to_string(pid).expect("it was started");
    let alive = Command::new("kill").args(["-9", pid.trim()]).status().expect("kill can be run");
    assert!(alive.success(), "the browser was ended with the login");
}

// ---- without a person

#[test]
fn without_a_person_login_ends_with_4_and_names_what_to_set() {
    let standin = Standin::start();
    let mut home = Home::new(&standin);
    let opened = home.path().join("opened");
    let browser = script(home.path(), "browser", &format!("touch '{}'", opened.display()));
    let no_input: &[&str] = &["--no-input"];
    for (vars, args, words) in [
        (vec![], &[][..], "LOKALISE_API_TOKEN"),
        (vec![("DISPLAY", ":0")], &[], "LOKALISE_API_TOKEN"),
        (vec![("CI", "true"), ("BROWSER", &browser)], &[], "LOKALISE_API_TOKEN"),
        (vec![("LOKALISE_AUTH_NO_INPUT", "1"), ("BROWSER", &browser)], &[], "LOKALISE_API_TOKEN"),
        (vec![("BROWSER", browser.as_str())], no_input, "LOKALISE_API_TOKEN"),
        (
            vec![("CI", "true"), ("GITHUB_ACTIONS", "true")],
            &[],
            "LOKALISE_API_TOKEN: ${{ secrets.LOKALISE_API_TOKEN }}",
        ),
    ] {
        let output = login(&standin, &home, args).envs(vars.iter().copied()).output().expect("the binary can be run");
        assert_ended(&output, 4, &["cannot log in with a browser here", words]);
        assert!(browser::printed_url(&String::from_utf8_lossy(&output.stderr)).is_none(), "{vars:?}");
    }
    assert!(!opened.exists() && standin.requests().is_empty());
    // A flag says that a person is there, with or without CI.
    home.set("CI", "true");
    let login = Waiting::start(&standin, &home, &[]);
    assert!(login.answer().text().contains("Logged in to Lokalise"));
    login.end().assert_code(0);
}

#[test]
fn a_script_in_browser_counts_as_a_person() {
    let standin = Standin::start();
    let home = Home::new(&standin);
    home.login(&[]);
    standin.set(|switches| switches.person = Person::Denies);
    home.login_cmd(&[]).assert().code(4);
}

#[test]
fn a_redirect_uri_that_cannot_be_one_is_2_before_anything_opens() {
    let standin = Standin::start();
    let home = Home::new(&standin);
    for uri in [
        "",
        "callback",
        "http://example.com/callback",
        "http://127.0.0.1:0/callback",
        "http://127.0.0.1:3000/callback#fragment",
        "http://user@127.0.0.1:3000/callback",
        "ftp://127.0.0.1/callback",
        "lokalise-auth://callback",
        " http://localhost:3000/cb ",
        "http://localhost:3000/cb\n",
        "http:localhost:3000/cb",
        "https:///cb",
        "http://localhost:3000/cb?state=x",
    ] {
        let output = login(&standin, &home, &["--no-browser", "--redirect-uri", uri]).output().expect("it can be run");
        assert_ended(&output, 2, &["--redirect-uri"]);
    }
}
