//! How long the port is open: from before the browser until the end, whatever the
//! end is, and on loopback only. The page reports success only after the credential was stored.

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use rustix::process::Signal;

use super::support::home::Home;
use super::support::standin::{Answer, Person, Standin};
use super::waiting::{Waiting, assert_nothing_stored, login};

/// Sockets that listen, as `/proc` has them: local address in hex, inode.
fn listening(table: &str) -> Vec<(String, String)> {
    let text = std::fs::read_to_string(table).expect("this test reads /proc, so it needs Linux");
    let rows = text.lines().skip(1).map(|row| row.split_whitespace().collect::<Vec<_>>());
    // 0A is TCP_LISTEN
    rows.filter(|row| row[3] == "0A").map(|row| (row[1].to_owned(), row[9].to_owned())).collect()
}

#[test]
fn only_127_0_0_1_listens_and_no_other_process_can() {
    let standin = Standin::start();
    let home = Home::new(&standin);
    let login = Waiting::start(&standin, &home, &[]);
    assert_eq!((login.redirect_uri.host_str(), login.redirect_uri.path()), (Some("127.0.0.1"), "/callback"));
    let port = login.redirect_uri.port().expect("a port");
    let on_port = |table: &str| {
        let rows = listening(table);
        rows.into_iter().filter(|(address, _)| address.ends_with(&format!(":{port:04X}"))).collect::<Vec<_>>()
    };
    let ours = on_port("/proc/net/tcp");
    assert_eq!(ours.iter().map(|(address, _)| address.as_str()).collect::<Vec<_>>(), [format!("0100007F:{port:04X}")]);
    assert_eq!(on_port("/proc/net/tcp6"), []);
    // Only root sees the sockets of the process: it hides them from other users.
    if let Ok(files) = std::fs::read_dir(format!("/proc/{}/fd", login.pid().as_raw_nonzero())) {
        let sockets: BTreeSet<String> =
            files.filter_map(|file| std::fs::read_link(file.ok()?.path()).ok()?.to_str().map(str::to_owned)).collect();
        let all = [listening("/proc/net/tcp"), listening("/proc/net/tcp6")].concat();
        let its: Vec<_> = all.iter().filter(|(_, inode)| sockets.contains(&format!("socket:[{inode}]"))).collect();
        assert_eq!(its, ours.iter().collect::<Vec<_>>(), "it listens on something else");
    }
    let second = TcpListener::bind(("127.0.0.1", port)).expect_err("the port is taken");
    assert_eq!(second.kind(), std::io::ErrorKind::AddrInUse);
    assert_eq!(login.answer().status, 200);
    login.assert_closes();
    login.end().assert_code(0);
}

#[test]
fn each_signal_ends_a_login_at_once_and_says_that_nothing_was_stored() {
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143), (Signal::HUP, 143)] {
        let standin = Standin::start();
        let home = Home::new(&standin);
        let login = Waiting::start(&standin, &home, &[]);
        login.signal(signal);
        login.assert_closes();
        login.end().assert_code(code).assert_says("lokalise-auth: login cancelled; nothing was stored\n");
        assert_nothing_stored(&standin, &home);
    }
}

#[test]
fn a_signal_during_the_exchange_ends_it_too() {
    let standin = Standin::start();
    standin.set(|switches| switches.token_delay = Duration::from_secs(5));
    let home = Home::new(&standin);
    let login = Waiting::start(&standin, &home, &[]);
    let page = std::thread::scope(|scope| {
        let page = scope.spawn(|| super::support::browser::open(&login.url));
        standin.wait_for("POST", "/oauth2/token", 1);
        login.signal(Signal::INT);
        login.assert_closes();
        page.join().expect("the browser does not panic")
    });
    let page = page.expect("the browser is answered");
    assert!(page.text().contains("The login could not be completed"), "{}", page.text());
    login.end().assert_code(130).assert_says("login cancelled; nothing was stored");
    assert_nothing_stored(&standin, &home);
}

#[test]
fn the_port_closes_before_the_api_is_asked_for_the_owner() {
    let standin = Standin::start();
    let slow = Answer::error(503, "busy").after(Duration::from_secs(20));
    standin.answer_always("GET", "/api2/projects", slow);
    let home = Home::new(&standin);
    let login = Waiting::start(&standin, &home, &[]);
    assert!(login.answer().text().contains("Logged in to Lokalise"));
    login.assert_closes();
    standin.wait_for("GET", "/api2/projects", 1);
    // By now it is stored, and no message says otherwise.
    login.signal(Signal::INT);
    login.end().assert_code(130).assert_says("interrupted; the login is stored");
    home.cmd(["token", "print"]).assert().success();
}

#[test]
fn the_time_limit_ends_a_login_with_4() {
    let standin = Standin::start();
    let home = Home::new(&standin);
    let login = Waiting::start(&standin, &home, &["--timeout", "1s"]);
    let stranger = login.connect();
    login.assert_closes();
    drop(stranger);
    login
        .end()
        .assert_code(4)
        .assert_says("no login was completed within 1s; nothing was stored")
        .assert_says("--timeout 15m");
}

#[test]
fn a_paste_that_times_out_is_not_hinted_to_paste() {
    let standin = Standin::start();
    let home = Home::new(&standin);
    let (reader, _writer) = std::io::pipe().expect("a pipe can be had");
    let mut command = login(&standin, &home, &["--paste", "--timeout", "1s 500ms"]);
    command.stdin(reader.try_clone().expect("a pipe can be had"));
    let ended = Waiting::of(command).end();
    ended
        .assert_code(4)
        .assert_says("no code was pasted within 1s 500ms; nothing was stored")
        .assert_says("`lokalise-auth login --paste --timeout 15m`");
    assert!(!ended.stderr.contains("--paste`"), "{}", ended.stderr);
    let args = ["--redirect-uri", "https://tools.example/cb", "--no-browser", "--timeout", "500ms"];
    let mut command = login(&standin, &home, &args);
    command.stdin(reader);
    Waiting::of(command).end().assert_code(4).assert_says("no address was pasted within 500ms");
}

#[test]
fn a_denial_ends_a_login_with_4_and_a_page_of_its_own() {
    let standin = Standin::start();
    standin.set(|switches| switches.person = Person::Denies);
    let home = Home::new(&standin);
    let login = Waiting::start(&standin, &home, &[]);
    let page = login.answer();
    assert_eq!(page.status, 200);
    assert!(page.text().contains("<h1>Access was not granted</h1>"), "{}", page.text());
    login.assert_closes();
    login.end().assert_code(4).assert_says("access was denied in the browser").assert_says("nothing was stored");
    assert_nothing_stored(&standin, &home);
}

#[test]
fn an_exchange_that_fails_is_not_shown_as_a_success() {
    let standin = Standin::start();
    standin.answer_next("POST", "/oauth2/token", Answer::html(503, "<h1>down</h1>"));
    let home = Home::new(&standin);
    let login = Waiting::start(&standin, &home, &[]);
    let page = login.answer();
    assert!(page.text().contains("Not logged in") && page.text().contains("could not be completed"), "{}", page.text());
    login.assert_closes();
    let ended = login.end();
    ended.assert_code(8).assert_says("hint: nothing was stored; log in again with `lokalise-auth login` in a minute\n");
    assert!(!ended.stderr.contains("try again"), "{}", ended.stderr);
    // The person granted access; that the code was refused then is another matter.
    standin.answer_next("POST", "/oauth2/token", Answer::oauth_error(400, "invalid_request", "no"));
    let login = Waiting::start(&standin, &home, &[]);
    let page = login.answer();
    assert!(page.text().contains("could not be completed") && !page.text().contains("granted"), "{}", page.text());
    login.end().assert_code(4).assert_says("the login was refused: invalid_request, no (HTTP 400)");
}

#[test]
fn a_code_that_was_not_sent_is_not_called_used_up() {
    let standin = Standin::start();
    let gone = std::net::TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    let nobody = format!("http://{}/oauth2", gone.expect("a port is free"));
    let home = Home::at(&standin, &standin.api_url(), &nobody);
    let login = Waiting::start(&standin, &home, &[]);
    login.exchange(login.get(&login.target("code=0123456789")).as_bytes());
    let ended = login.end();
    ended
        .assert_code(9)
        .assert_says("127.0.0.1 cannot be reached")
        .assert_says("hint: nothing was stored; log in again with `lokalise-auth login`\n");
    assert!(!ended.stderr.contains("used up"), "{}", ended.stderr);
}

#[test]
fn what_a_redirect_says_is_cut_and_its_secrets_are_left_out() {
    let standin = Standin::start();
    let home = Home::new(&standin);
    let login = Waiting::start(&standin, &home, &[]);
    let (secret, long) = (standin.client_secret(), "very%20".repeat(900));
    let answer = format!("error=oops-{secret}&error_description=told%20{secret}%20{long}");
    login.exchange(login.get(&login.target(&answer)).as_bytes());
    let ended = login.end();
    ended.assert_code(4).assert_says("Lokalise refused the login: oops-[redacted]: told [redacted] very very ");
    assert!(ended.stderr.matches("very").count() < 45, "{}", ended.stderr);
    Home::assert_no_secret(&standin, "stderr", ended.stderr.as_bytes());
}

#[test]
fn a_login_that_cannot_be_stored_fails_with_3_and_its_page_says_so() {
    let standin = Standin::start();
    let home = Home::new(&standin);
    // A store that can be written when it is probed, and not when the credential comes.
    let broken = home.path().join("broken");
    let helper = home.path().join("docker-credential-forgets");
    let script = format!(
        "#!/bin/sh\ninput=$(cat)\n[ -e '{0}' ] && {{ echo 'the vault is sealed'; exit 1; }}\ncase $1 in\n\
         store) printf %s \"$input\" > '{1}';;\nget) [ -e '{1}' ] && cat '{1}' || {{ echo 'credentials not found in native keychain'; exit 1; }};;\n\
         erase) rm -f '{1}';;\nlist) echo '{{}}';;\nesac\n",
        broken.display(),
        home.path().join("kept").display()
    );
    std::fs::write(&helper, script).expect("our own folder");
    std::fs::set_permissions(&helper, std::fs::Permissions::from_mode(0o700)).expect("our own file");
    let login = Waiting::of({
        let mut command = login(&standin, &home, &["--no-browser", "--store"]);
        command.arg(format!("helper:{}", helper.display()));
        command
    });
    std::fs::write(&broken, "").expect("our own folder");
    let page = login.answer();
    assert!(page.text().contains("Not logged in") && !page.text().contains("Logged in to"), "{}", page.text());
    login.assert_closes();
    let ended = login.end();
    ended.assert_code(3).assert_says("the login succeeded but may not be stored");
    Home::assert_no_secret(&standin, "stderr", ended.stderr.as_bytes());
    assert_eq!(standin.requests_to("POST", "/oauth2/token").len(), 1);
    assert_nothing_stored(&standin, &home);
}

#[test]
fn a_logout_while_the_owner_is_asked_for_is_not_undone() {
    let standin = Standin::start();
    let home = Home::new(&standin);
    let login = Waiting::start(&standin, &home, &[]);
    let logged_out = std::sync::Arc::new(std::sync::Barrier::new(2));
    let barrier = std::sync::Arc::clone(&logged_out);
    standin.answer_with(move |request| {
        if request.path() == "/api2/projects" {
            barrier.wait();
        }
        None
    });
    login.answer();
    standin.wait_for("GET", "/api2/projects", 1);
    home.cmd(["logout"]).assert().success();
    logged_out.wait();
    login.end().assert_code(0).assert_says("logged in to Lokalise as Ada");
    let profiles = std::fs::read_to_string(home.profiles()).expect("a file");
    assert!(!profiles.contains("\"default\""), "{profiles}");
    home.cmd(["token", "print"]).assert().code(4);
}
