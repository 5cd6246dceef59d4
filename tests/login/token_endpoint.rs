//! The token endpoint under attack, on login and on refresh: only a good answer changes the store,
//! no part of a bad one is shown, and a code is sent once.

use std::io::Read;
use std::process::Output;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::support::browser;
use super::support::home::Home;
use super::support::secrets::{self, forty_hex};
use super::support::standin::{Answer, Standin};
use super::support::wire::{Step, Wire, head};
use super::waiting::{Ended, Waiting, login};

const TOKEN: &str = "/oauth2/token";

/// A login with `-vv`, so that failures show as much as they can.
struct LoggedIn {
    standin: Standin,
    home: Home,
    stored: Vec<u8>,
}

impl LoggedIn {
    fn new() -> Self {
        let standin = Standin::start();
        let mut home = Home::new(&standin);
        home.login(&[]);
        home.set("LOKALISE_AUTH_LOG", "requests");
        home.set("RUST_LOG", "trace");
        home.set("RUST_BACKTRACE", "full");
        let stored = std::fs::read(home.credentials()).expect("it is logged in");
        Self { standin, home, stored }
    }

    /// Logs in again, through to the page.
    fn login(&self) -> (Ended, String) {
        let login = Waiting::start(&self.standin, &self.home, &[]);
        let page = login.answer();
        (login.end(), page.text())
    }

    /// The most memory that a login has while it fails, in KiB.
    fn highest_of_a_login(&self) -> u64 {
        let login = Waiting::start(&self.standin, &self.home, &[]);
        let status = format!("/proc/{}/status", login.pid().as_raw_nonzero());
        std::thread::scope(|scope| {
            let sampled = scope.spawn(|| {
                let mut highest = 0;
                // A process that has ended has no memory any more.
                while let Some(row) = std::fs::read_to_string(&status).ok().and_then(|text| {
                    let row = text.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
                    row.trim().trim_end_matches(" kB").parse().ok()
                }) {
                    highest = row;
                    std::thread::sleep(Duration::from_millis(1));
                }
                highest
            });
            login.answer();
            login.end().assert_code(1);
            let highest = sampled.join().expect("the reader does not panic");
            assert!(highest > 1000, "nothing was measured");
            highest
        })
    }

    fn refresh(&self) -> Output {
        self.home.forget_failed_refreshes();
        self.home.command(["token", "refresh"]).output().expect("the binary can be run")
    }

    /// Both ways to the token endpoint meet the same answer and the same end; the stored login outlives it.
    #[track_caller]
    fn meets(&self, what: &str, canaries: &[String], answer: &Answer, code: i32) {
        self.standin.forget_requests();
        // A refresh that fails for now is tried again: tests/stores has that.
        let is_tried_again = matches!(code, 7..=9);
        let times = if is_tried_again { 1 } else { 2 };
        self.standin.answer_times(times, "POST", TOKEN, answer);
        let (ended, page) = self.login();
        assert_eq!(ended.status.code(), Some(code), "login, {what}: {}", ended.stderr);
        assert!(page.contains("Not logged in"), "login, {what}: {page}");
        assert!(ended.stderr.contains("nothing was stored"), "login, {what}: {}", ended.stderr);
        let mut stderr = String::new();
        if !is_tried_again {
            let refreshed = self.refresh();
            stderr = String::from_utf8_lossy(&refreshed.stderr).into_owned();
            assert_eq!(refreshed.status.code(), Some(code), "refresh, {what}: {stderr}");
        }
        for (place, text) in [
            ("login's stderr", ended.stderr.as_bytes()),
            ("the page", page.as_bytes()),
            ("refresh's stderr", stderr.as_bytes()),
        ] {
            secrets::assert_absent(canaries, &format!("{place}, {what}"), text);
            Home::assert_no_secret(&self.standin, &format!("{place}, {what}"), text);
        }
        assert_eq!(self.standin.requests_to("POST", TOKEN).len(), times, "{what}: each is sent once");
        let stored = std::fs::read(self.home.credentials()).expect("the login is still stored");
        assert!(stored == self.stored, "{what}: the stored login has changed");
    }
}

#[test]
fn a_bad_token_answer_is_not_stored_not_shown_and_not_repeated() {
    let user = LoggedIn::new();
    let canary = forty_hex();
    let canaries = [canary.clone()];
    let good = json!({"access_token": canary, "refresh_token": canary, "expires_in": 3600, "token_type": "Bearer"});
    let with = |name: &str, value: Value| {
        let mut body = good.clone();
        body[name] = value;
        Answer::json(200, &body)
    };
    let without = |name: &str| {
        let mut body = good.clone();
        body.as_object_mut().expect("an object").remove(name);
        Answer::json(200, &body)
    };
    let error = |status, description: &str| Answer::oauth_error(status, "invalid_request", description);
    let cases = [
        ("HTML", Answer::html(200, &format!("<html>{canary}</html>")), 1),
        ("nothing", Answer::new(200, ""), 1),
        ("an array", Answer::json(200, &json!([canary, 3600, "bearer"])), 1),
        ("a string", Answer::json(200, &json!(canary)), 1),
        ("half an object", Answer::new(200, format!("{{\"access_token\":\"{canary}\",\"token_ty")), 1),
        ("a form", Answer::new(200, format!("access_token={canary}&token_type=bearer")), 1),
        ("no access token", without("access_token"), 1),
        ("an empty access token", with("access_token", json!("")), 1),
        ("a null access token", with("access_token", Value::Null), 1),
        ("an access token in an object", with("access_token", json!({"value": canary})), 1),
        ("an access token and a line break", with("access_token", json!(format!("{canary}\n"))), 1),
        ("an access token with a line break", with("access_token", json!(format!("{canary}\r\nX: y"))), 1),
        ("an access token with a space", with("access_token", json!(format!("{canary} x"))), 1),
        ("an access token outside ASCII", with("access_token", json!(format!("{canary}\u{fc}"))), 1),
        ("a huge access token", with("access_token", json!(canary.repeat(200))), 1),
        ("a bad refresh token", with("refresh_token", json!(format!("{canary}\n"))), 1),
        ("no token type", without("token_type"), 1),
        ("another token type", with("token_type", json!("mac")), 1),
        ("an error in a 200", with("error", json!("server_error")), 4),
        ("an error that echoes the token", error(400, &format!("token {canary} is bad")), 4),
        ("an error with a token at the cut", error(400, &format!("{}{canary}", "word ".repeat(36))), 4),
        ("an error that drives terminals", error(400, "\u{1b}[2J\u{202e}\r\nno"), 4),
        ("an error with 401", error(401, "no such client"), 4),
        ("201 with tokens", Answer::json(201, &good), 1),
        ("202 with tokens", Answer::json(202, &good), 1),
        ("203 with tokens", Answer::json(203, &good), 1),
        ("400 with tokens", Answer::json(400, &good), 10),
        ("401 in HTML", Answer::html(401, &canary), 4),
        ("403 in HTML", Answer::html(403, &canary), 5),
        ("404 in HTML", Answer::html(404, &canary), 6),
        ("407", Answer::html(407, &canary), 10),
        ("408", Answer::html(408, &canary), 9),
        ("429 with tokens", Answer::json(429, &good).header("Retry-After", "1"), 7),
        ("500 with an OAuth error", error(500, &canary), 8),
        ("503", Answer::html(503, &canary), 8),
        ("a compressed answer that was not asked for", Answer::json(200, &good).gzipped(), 1),
    ];
    for (what, answer, code) in &cases {
        user.meets(what, &canaries, answer, *code);
    }
}

#[test]
fn a_redirect_of_the_token_request_is_not_followed() {
    let user = LoggedIn::new();
    let elsewhere = Wire::alone();
    for status in [301, 302, 303, 307, 308] {
        for location in
            [format!("http://{}/steal", elsewhere.address()), format!("{}/token2", user.standin.oauth_url())]
        {
            let mut answer = Answer::redirect(&location);
            answer.status = status;
            user.meets(&format!("{status}"), &[], &answer, 10);
        }
    }
    assert_eq!(elsewhere.connections(), 0);
    assert_eq!(user.standin.requests_to("POST", "/oauth2/token2").len(), 0);
}

/// A body that counts what was sent of it.
struct Counted<R> {
    body: R,
    sent: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.body.read(buffer)?;
        self.sent.fetch_add(count as u64, Ordering::SeqCst);
        Ok(count)
    }
}

#[test]
fn an_answer_without_end_is_left_after_a_mebibyte() {
    let user = LoggedIn::new();
    let canary = forty_hex();
    let start = format!("{{\"access_token\":\"{canary}\",\"x\":\"");
    let sent = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&sent);
    let endless = Answer::streamed(None, move || {
        let body = std::io::Cursor::new(start.clone().into_bytes()).chain(std::io::repeat(b'a').take(1 << 30));
        Box::new(Counted { body, sent: Arc::clone(&counter) })
    });
    user.meets("a gibibyte", &[canary], &endless, 1);
    let sent = sent.load(Ordering::SeqCst);
    assert!(sent < 64 << 20, "{sent} bytes were taken, with what the sockets hold");

    user.standin.answer_next("POST", TOKEN, endless);
    assert!(user.highest_of_a_login() < 64 * 1024);
}

#[test]
fn a_bomb_in_gzip_is_not_unpacked() {
    let user = LoggedIn::new();
    let bomb = Answer::json(200, &json!({"access_token": "a".repeat(64 << 20)})).gzipped();
    user.meets("64 MiB in 64 KiB", &[], &bomb, 1);
    user.standin.answer_next("POST", TOKEN, bomb);
    assert!(user.highest_of_a_login() < 64 * 1024);
    for request in user.standin.requests_to("POST", TOKEN) {
        assert_eq!(request.header("Accept-Encoding"), None, "it was not asked for");
    }
}

/// A login against scripted bytes: its result, and how often the code was sent.
fn login_over(standin: &Standin, steps: Vec<Step>) -> (Ended, Wire, Duration) {
    let wire = Wire::before(standin.address());
    let home = Home::at(standin, &standin.api_url(), &wire.oauth_url());
    wire.answer_next("POST", TOKEN, steps);
    let waiting = Waiting::of(login(standin, &home, &["--no-browser"]));
    let started = Instant::now();
    let page = browser::open(&waiting.url).expect("it is answered").text();
    assert!(page.contains("Not logged in"), "{page}");
    let ended = waiting.end();
    (ended, wire, started.elapsed())
}

#[test]
fn after_an_ambiguous_failure_the_code_is_not_sent_again() {
    let standin = Standin::start();
    let half = Step::Send(b"{\"access_token\":\"".to_vec());
    for (what, steps, code, words) in [
        ("a reset", vec![Step::Reset], 9, "broke"),
        ("a closed connection", vec![], 9, "broke"),
        ("a cut body", vec![head("HTTP/1.1 200 OK\nContent-Length: 100"), half.clone()], 9, "was cut short"),
        (
            "a cut chunk",
            vec![head("HTTP/1.1 200 OK\nTransfer-Encoding: chunked"), Step::Send(b"64\r\n{".to_vec())],
            9,
            "was cut short",
        ),
        (
            "a body that ends with the connection",
            vec![head("HTTP/1.1 200 OK\nConnection: close"), half],
            1,
            "not a JSON object",
        ),
        ("no HTTP", vec![Step::Send(b"SSH-2.0-OpenSSH_9.2\r\n".to_vec())], 9, "not HTTP"),
        ("a header without end", vec![head("HTTP/1.1 200 OK"), Step::Reset], 9, ""),
        (
            "too many headers",
            vec![Step::Send([b"HTTP/1.1 200 OK\r\n".to_vec(), b"A: b\r\n".repeat(1000)].concat())],
            9,
            "",
        ),
    ] {
        let (ended, wire, _) = login_over(&standin, steps);
        assert_eq!(ended.status.code(), Some(code), "{what}: {}", ended.stderr);
        ended.assert_says(words).assert_says("nothing was stored");
        let sent: Vec<_> = wire.requests().into_iter().filter(|request| request.path() == TOKEN).collect();
        assert_eq!(sent.len(), 1, "{what}: the code was sent {} times", sent.len());
        let code = sent[0].json()["code"].as_str().expect("a code").to_owned();
        secrets::assert_absent(&[code], what, ended.stderr.as_bytes());
    }
}

#[test]
fn an_answer_that_dribbles_is_given_up_after_thirty_seconds() {
    let standin = Standin::start();
    std::thread::scope(|scope| {
        let slow_body = vec![
            head("HTTP/1.1 200 OK\nContent-Length: 1000"),
            Step::Dribble(b"{\"access_token\":\"x".repeat(20), Duration::from_millis(500)),
        ];
        let slow_head = vec![Step::Dribble(b"HTTP/1.1 200 OK\r\nX-Slow: ".repeat(10), Duration::from_millis(500))];
        for steps in [slow_body, slow_head, vec![Step::Silence]] {
            let standin = &standin;
            scope.spawn(move || {
                let (ended, wire, time) = login_over(standin, steps);
                ended.assert_code(9).assert_says("did not answer in time").assert_says("nothing was stored");
                assert!(time >= Duration::from_secs(29), "{time:?}");
                assert_eq!(wire.requests().iter().filter(|request| request.path() == TOKEN).count(), 1);
            });
        }
        scope.spawn(|| {
            let user = LoggedIn::new();
            user.standin.set(|switches| switches.token_delay = Duration::from_secs(40));
            let started = Instant::now();
            let refreshed = user.refresh();
            assert_eq!(refreshed.status.code(), Some(9), "{}", String::from_utf8_lossy(&refreshed.stderr));
            // A little less than the 30 seconds for which others wait for it.
            assert!(started.elapsed() >= Duration::from_secs(25), "{:?}", started.elapsed());
            assert_eq!(std::fs::read(user.home.credentials()).expect("it is stored"), user.stored);
        });
    });
}

#[test]
fn odd_lifetimes_are_read_or_taken_for_unknown() {
    let standin = Standin::start();
    for (lifetime, expected) in [
        (json!(3600), Some(3600)),
        (json!("3600"), Some(3600)),
        (json!(3600.0), Some(3600)),
        (json!(0), Some(0)),
        (json!(-1), Some(0)),
        (json!(-1e300), Some(0)),
        (json!(u64::MAX), Some(86_400)),
        (json!(1e300), Some(86_400)),
        (json!("soon"), None),
        (json!("NaN"), None),
        (json!("inf"), None),
        (json!([3600]), None),
        (Value::Null, None),
    ] {
        let body = json!({"access_token": standin.access_token("read_projects"), "expires_in": lifetime, "token_type": "bEaReR"});
        let home = Home::new(&standin);
        standin.answer_next("POST", TOKEN, Answer::json(200, &body));
        let login = Waiting::start(&standin, &home, &[]);
        assert!(login.answer().text().contains("Logged in to Lokalise"), "{lifetime}");
        login.end().assert_code(0).assert_says("this login cannot be renewed");
        let output = home.command(["whoami", "--offline", "--json"]).output().expect("the binary can be run");
        let report: Value = serde_json::from_slice(&output.stdout).expect("a report");
        let left = report["expires_in"].as_i64();
        match expected {
            None => assert!(report["expires_in"].is_null() && report["expires_at"].is_null(), "{lifetime}: {report}"),
            Some(seconds) => {
                assert!(left.is_some_and(|left| (seconds - 10..=seconds).contains(&left)), "{lifetime}: {report}");
            }
        }
    }
}

#[test]
fn a_refresh_keeps_the_refresh_token_unless_there_is_a_new_one() {
    let user = LoggedIn::new();
    let sent = |number: usize| {
        let requests = user.standin.requests_to("POST", TOKEN);
        requests[number].json()["refresh_token"].as_str().expect("a refresh token").to_owned()
    };
    user.standin.forget_requests();
    let renewed = forty_hex();
    for (number, refresh_token) in
        [None, Some(Value::Null), Some(json!("")), Some(json!(renewed))].into_iter().enumerate()
    {
        let mut body = json!({"access_token": user.standin.access_token("read_projects"), "expires_in": 3600, "token_type": "Bearer"});
        if let Some(refresh_token) = refresh_token {
            body["refresh_token"] = refresh_token;
        }
        user.standin.answer_next("POST", TOKEN, Answer::json(200, &body));
        assert_eq!(user.refresh().status.code(), Some(0));
        assert_eq!(sent(number), sent(0), "the first refresh token stays in force");
    }
    user.standin.answer_next("POST", TOKEN, Answer::oauth_error(400, "invalid_request", "no"));
    assert_eq!(user.refresh().status.code(), Some(4));
    assert_eq!(sent(4), renewed);
}

#[test]
fn the_token_request_is_the_documented_one() {
    let user = LoggedIn::new();
    user.refresh();
    let requests = user.standin.requests_to("POST", TOKEN);
    assert_eq!(requests.len(), 2);
    for (request, grant, credential) in
        [(&requests[0], "authorization_code", "code"), (&requests[1], "refresh_token", "refresh_token")]
    {
        let body = request.json();
        let names: Vec<&String> = body.as_object().expect("an object").keys().collect();
        assert_eq!(names, ["grant_type", "client_id", "client_secret", credential]);
        assert_eq!(body["grant_type"], grant);
        assert_eq!(request.header("Content-Type"), Some("application/json"));
        assert_eq!(request.target, TOKEN);
        for header in ["Authorization", "X-Api-Token", "Cookie", "Referer", "Origin"] {
            assert_eq!(request.header(header), None);
        }
    }
    let authorization = user.standin.authorizations().remove(0);
    assert_eq!(authorization.code_challenge, None);
    assert_eq!(authorization.state.map(|state| state.len()), Some(43));
}

#[test]
fn the_steps_name_the_credential_as_people_do() {
    let user = LoggedIn::new();
    let output_text = |command: &mut std::process::Command| {
        let output = command.output().expect("the binary can be run");
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    let stored = output_text(&mut user.home.command(["whoami", "-v"]));
    assert!(stored.contains("using the OAuth token from "), "{stored}");
    let token = user.standin.api_token();
    let given = output_text(user.home.command(["whoami", "-v"]).env("LOKALISE_API_TOKEN", token));
    assert!(given.contains("using the API token from "), "{given}");
}

#[test]
fn pkce_adds_an_s256_challenge_and_its_verifier() {
    let standin = Standin::start();
    standin.set(|switches| switches.pkce = true);
    let home = Home::new(&standin);
    let login = Waiting::start(&standin, &home, &["--pkce"]);
    assert!(login.url.contains("&code_challenge_method=S256"));
    assert!(login.answer().text().contains("Logged in to Lokalise"));
    let ended = login.end();
    ended.assert_code(0);
    let body = standin.requests_to("POST", TOKEN)[0].json();
    let verifier = body["code_verifier"].as_str().expect("a verifier").to_owned();
    assert_eq!(verifier.len(), 43);
    secrets::assert_absent(&[verifier], "stderr", ended.stderr.as_bytes());
}
