//! The loopback listener over raw sockets: whatever strangers send, the genuine
//! redirect then succeeds at once, and memory has not grown.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::sync::{Mutex, mpsc};
use std::thread;
use std::time::Duration;

use super::support::home::Home;
use super::support::standin::Standin;
use super::waiting::Waiting;

/// What the memory of a login under attack may grow by, in KiB.
const MOST_GROWTH: u64 = 8 * 1024;

/// A login that is attacked, and what it was before.
struct Attacked {
    standin: Standin,
    home: Home,
    login: Waiting,
    resident_before: u64,
}

impl Attacked {
    fn login() -> Self {
        let standin = Standin::start();
        let home = Home::new(&standin);
        let login = Waiting::start(&standin, &home, &[]);
        let resident_before = login.resident().0;
        Self { standin, home, login, resident_before }
    }

    /// The genuine redirect succeeds, the code is exchanged once, and memory is as it was.
    #[track_caller]
    fn then_succeeds(self) {
        let page = self.login.answer();
        assert!(page.text().contains("Logged in to Lokalise"), "{}: {}", page.status, page.text());
        let highest = self.login.resident().1;
        let growth = highest.saturating_sub(self.resident_before);
        assert!(growth < MOST_GROWTH, "memory grew by {growth} KiB");
        let ended = self.login.end();
        ended.assert_code(0);
        assert_eq!(self.standin.requests_to("POST", "/oauth2/token").len(), 1);
        assert!(self.home.credentials().exists());
        Home::assert_no_secret(&self.standin, "stderr", ended.stderr.as_bytes());
    }

    /// The status of an answer, after a check of the headers that every answer must have.
    #[track_caller]
    fn status_of(&self, request: &str) -> u16 {
        let answer = self.login.exchange(request.as_bytes());
        status_of(&answer)
    }
}

/// The status, after a check of the headers that every answer must have (LST-08, LST-09).
#[track_caller]
fn status_of(answer: &str) -> u16 {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {answer:?}"));
    let head = head.to_ascii_lowercase();
    assert!(!head.contains("\r\nlocation:"), "{head}");
    // hyper's own answer to a request that is not HTTP has no page.
    if !body.is_empty() {
        for header in [
            "content-security-policy: default-src 'none'",
            "referrer-policy: no-referrer",
            "cache-control: no-store",
            "x-content-type-options: nosniff",
            "connection: close",
            "content-type: text/html; charset=utf-8",
        ] {
            assert!(head.contains(header), "`{header}` is missing in {head}");
        }
        assert!(body.len() < 4096 && body.contains("<html lang=\"en\">"), "{body}");
        for word in ["<script", "http://", "https://", "src=", "href=", "url(", "@import"] {
            assert!(!body.contains(word), "`{word}` in {body}");
        }
    }
    head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status line")
}

#[test]
fn ten_thousand_wrong_states_neither_end_a_login_nor_grow_it() {
    let attacked = Attacked::login();
    thread::scope(|scope| {
        for part in 0..4 {
            let login = &attacked.login;
            scope.spawn(move || {
                for number in 0..2500 {
                    let target = match number % 4 {
                        0 => format!("/callback?code=x&state=wrong{part}{number}"),
                        1 => "/callback?code=x".to_owned(),
                        2 => "/callback?error=access_denied&state=".to_owned(),
                        _ => format!("/callback?code=x&state={0}&state={0}", login.state),
                    };
                    let answer = login.exchange(login.get(&target).as_bytes());
                    assert_eq!(status_of(&answer), 400, "{target}");
                    assert!(!answer.contains("wrong"), "the page repeats the request: {answer}");
                }
            });
        }
    });
    attacked.then_succeeds();
}

#[test]
fn fifty_silent_connections_do_not_delay_a_login() {
    let attacked = Attacked::login();
    let silent: Vec<TcpStream> = (0..50).map(|_| attacked.login.connect()).collect();
    // The oldest had to go: sixteen are enough for a browser.
    for mut stream in silent.iter().take(34) {
        // Less than the five seconds after which each would be closed anyway.
        stream.set_read_timeout(Some(Duration::from_secs(4))).expect("a time-out can be set");
        assert!(matches!(stream.read(&mut [0]), Ok(0)), "more than sixteen connections are held");
    }
    attacked.then_succeeds();
}

#[test]
fn a_request_in_two_pieces_survives_a_flood_of_silent_connections() {
    let attacked = Attacked::login();
    let denial = attacked.login.get(&attacked.login.target("error=access_denied"));
    let (front, back) = denial.split_at(30);
    let mut genuine = attacked.login.connect();
    genuine.write_all(front.as_bytes()).expect("it reads");
    thread::sleep(Duration::from_millis(50));
    let silent: Vec<TcpStream> = (0..60).map(|_| attacked.login.connect()).collect();
    thread::sleep(Duration::from_millis(50));
    genuine.write_all(back.as_bytes()).expect("it reads");
    let mut page = String::new();
    genuine.read_to_string(&mut page).expect("it is answered");
    assert_eq!(status_of(&page), 200);
    attacked.login.end().assert_code(4).assert_says("access was denied in the browser");
    drop(silent);
}

#[test]
fn a_flood_of_unfinished_requests_does_not_block_a_new_connection() {
    let attacked = Attacked::login();
    let denial = attacked.login.get(&attacked.login.target("error=access_denied"));
    let begun = |_| {
        let mut stream = attacked.login.connect();
        stream.write_all(b"G").expect("it reads");
        stream
    };
    let mut flood: Vec<TcpStream> = (0..20).map(begun).collect();
    thread::sleep(Duration::from_millis(50));
    let mut genuine = attacked.login.connect();
    flood.extend((0..6).map(begun));
    thread::sleep(Duration::from_millis(50));
    genuine.write_all(denial.as_bytes()).expect("it reads");
    let mut page = String::new();
    genuine.read_to_string(&mut page).expect("it is answered");
    assert_eq!(status_of(&page), 200);
    attacked.login.end().assert_code(4);
}

#[test]
fn a_redirect_in_the_middle_of_a_burst_of_connections_is_read() {
    let attacked = Attacked::login();
    // As a browser that was quicker than a page which opens connection after connection.
    attacked.login.signal(rustix::process::Signal::STOP);
    let mut connections: Vec<TcpStream> = (0..30).map(|_| attacked.login.connect()).collect();
    let denial = attacked.login.target("error=access_denied");
    let mut genuine = attacked.login.connect();
    genuine.write_all(attacked.login.get(&denial).as_bytes()).expect("the kernel takes it");
    connections.extend((0..60).map(|_| attacked.login.connect()));
    attacked.login.signal(rustix::process::Signal::CONT);
    let mut page = String::new();
    genuine.read_to_string(&mut page).expect("it is answered");
    assert_eq!(status_of(&page), 200);
    attacked.login.end().assert_code(4).assert_says("access was denied in the browser");
}

#[test]
fn a_request_that_arrives_byte_by_byte_is_cut_off() {
    let attacked = Attacked::login();
    let request = attacked.login.get(&attacked.login.target("code=x"));
    thread::scope(|scope| {
        for _ in 0..20 {
            let mut stream = attacked.login.connect();
            let request = &request;
            scope.spawn(move || {
                let sent = request.as_bytes().iter().take_while(|byte| {
                    thread::sleep(Duration::from_millis(500));
                    stream.write_all(&[**byte]).is_ok()
                });
                // All of it would take a minute.
                assert!(sent.count() < request.len(), "a slow stranger was kept to the end");
                let mut answer = Vec::new();
                let _ = stream.read_to_end(&mut answer);
                assert_eq!(answer, b"", "a slow stranger was answered");
            });
        }
    });
    attacked.then_succeeds();
}

#[test]
fn a_header_line_of_two_hundred_mebibytes_is_not_kept() {
    let attacked = Attacked::login();
    for start in ["GET /callback?code=", "GET / HTTP/1.1\r\nX-Long: "] {
        let mut stream = attacked.login.connect();
        stream.write_all(start.as_bytes()).expect("it reads");
        let chunk = vec![b'a'; 1 << 20];
        let sent = (0..200).take_while(|_| stream.write_all(&chunk).is_ok()).count();
        assert!(sent < 200, "all of it was taken");
    }
    for head in [128 * 1024, 200 * 1024] {
        let request =
            format!("GET /callback HTTP/1.1\r\nHost: {}\r\nX: {}\r\n\r\n", attacked.login.host(), "a".repeat(head));
        let answer = attacked.login.exchange(request.as_bytes());
        assert!(answer.is_empty() || status_of(&answer) == 431, "{answer}");
    }
    attacked.then_succeeds();
}

#[test]
fn a_redirect_with_the_cookies_of_other_programs_is_taken() {
    for size in [9_000, 30_000, 60_000] {
        let attacked = Attacked::login();
        let cookies = format!("Cookie: c={}\r\n", "x".repeat(2988)).repeat(size / 3000);
        let target = attacked.login.target("error=access_denied");
        let request = format!("GET {target} HTTP/1.1\r\nHost: {}\r\n{cookies}\r\n", attacked.login.host());
        assert_eq!(attacked.status_of(&request), 200, "{size} bytes of cookies");
        attacked.login.end().assert_code(4).assert_says("access was denied in the browser");
    }
}

#[test]
fn only_a_get_of_the_redirect_uri_on_its_own_host_counts() {
    let attacked = Attacked::login();
    let login = &attacked.login;
    let (host, genuine, denial) = (login.host(), login.target("code=x"), login.target("error=access_denied"));
    let port = login.redirect_uri.port().expect("a port");
    let request = |line: &str, headers: &[&str]| format!("{line} HTTP/1.1\r\n{}\r\n\r\n", headers.join("\r\n"));
    let on = |host: &str| format!("Host: {host}");
    let right = on(&host);
    for method in ["HEAD", "OPTIONS", "POST", "PUT", "DELETE", "TRACE", "PATCH", "get", "PROPFIND"] {
        for target in [&genuine, &denial] {
            let status = attacked.status_of(&request(&format!("{method} {target}"), &[&right, "Content-Length: 0"]));
            assert_eq!(status, 405, "{method}");
        }
    }
    let preflight = [
        "Origin: https://evil.example",
        "Access-Control-Request-Private-Network: true",
        "Access-Control-Request-Method: GET",
    ];
    let answer = login
        .exchange(request(&format!("OPTIONS {genuine}"), &[&[right.as_str()], &preflight[..]].concat()).as_bytes());
    assert_eq!(status_of(&answer), 405);
    assert!(!answer.to_ascii_lowercase().contains("access-control-allow"), "{answer}");
    for wrong in [
        on("evil.example"),
        on(&format!("evil.example:{port}")),
        on("127.0.0.1"),
        on(&format!("localhost:{port}")),
        on(&format!("127.0.0.1.evil.example:{port}")),
        on(&format!("127.0.0.1:{}", port ^ 1)),
        on(&format!("user@127.0.0.1:{port}")),
        on(""),
        "X-Forwarded-Host: 127.0.0.1".to_owned(),
        format!("{right}\r\n{right}"),
        format!("{right}\r\nHost: evil.example"),
    ] {
        assert_eq!(attacked.status_of(&request(&format!("GET {genuine}"), &[&wrong])), 400, "{wrong}");
        assert_eq!(attacked.status_of(&request(&format!("GET {denial}"), &[&wrong])), 400, "{wrong}");
    }
    for (target, expected) in [
        (format!("http://{host}{genuine}"), 404),
        (format!("http://evil.example{genuine}"), 404),
        (genuine.replace("/callback", "/callback/"), 404),
        (genuine.replace("/callback", "//callback"), 404),
        (genuine.replace("/callback", "/Callback"), 404),
        (genuine.replace("/callback", "/%63allback"), 404),
        (genuine.replace("/callback", "/x/../callback"), 404),
        ("/favicon.ico".to_owned(), 404),
        ("/".to_owned(), 404),
        ("*".to_owned(), 404),
        ("/callback".to_owned(), 400),
        (login.target("x=1"), 400),
        (login.target("code="), 400),
        (login.target("code=a&code=b"), 400),
        (login.target("next=https://evil.example/"), 400),
    ] {
        let status = attacked.status_of(&request(&format!("GET {target}"), &[&right]));
        assert_eq!(status, expected, "{target}");
    }
    assert_eq!(attacked.standin.requests_to("POST", "/oauth2/token").len(), 0);
    attacked.then_succeeds();
}

#[test]
fn what_is_no_http_is_closed() {
    let attacked = Attacked::login();
    let hello = [0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3]
        .into_iter()
        .chain((0..507).map(|byte: u16| byte.to_le_bytes()[0]))
        .collect::<Vec<u8>>();
    for bytes in [
        &hello[..],
        b"\0\0\0\0\r\n\r\n",
        b"\r\n\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET /callback HTTP/9.9\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET /callback\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /callback HTTP/1.1\r\nHost\r\n\r\n",
        b"GET /callback HTTP/1.1\r\n Host: x\r\n\r\n",
    ] {
        let mut stream = attacked.login.connect();
        let _ = stream.write_all(bytes);
        let _ = stream.shutdown(Shutdown::Write);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        let answer = String::from_utf8_lossy(&answer);
        assert!(answer.is_empty() || (400..500).contains(&status_of(&answer)), "{answer}");
    }
    attacked.then_succeeds();
}

#[test]
fn a_redirect_with_a_body_is_answered_without_it() {
    let standin = Standin::start();
    let home = Home::new(&standin);
    let login = Waiting::start(&standin, &home, &[]);
    let target = login.target("error=access_denied");
    let mut stream = login.connect();
    let head = format!("GET {target} HTTP/1.1\r\nHost: {}\r\nContent-Length: 1000000000\r\n\r\n", login.host());
    stream.write_all(head.as_bytes()).expect("it reads");
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).expect("it is answered before the body has come");
    assert_eq!(&answer, b"HTTP/1.1 200");
    login.end().assert_code(4);
}

#[test]
fn the_second_of_two_equal_redirects_gets_a_neutral_page_and_no_exchange() {
    let attacked = Attacked::login();
    let (release, released) = mpsc::channel::<()>();
    let released = Mutex::new(released);
    attacked.standin.answer_with(move |request| {
        if request.path() == "/oauth2/token" {
            let _ = released.lock().expect("one request").recv();
        }
        None
    });
    let redirect = super::support::browser::redirect_of(&attacked.login.url);
    let target = redirect.split_once(&attacked.login.host()).expect("it is ours").1.to_owned();
    let request = attacked.login.get(&target);
    thread::scope(|scope| {
        // A panic drops it too, so that the scope ends.
        let release = release;
        let first = scope.spawn(|| attacked.login.exchange(request.as_bytes()));
        attacked.standin.wait_for("POST", "/oauth2/token", 1);
        for _ in 0..40 {
            let again = attacked.login.exchange(request.as_bytes());
            assert_eq!(status_of(&again), 200);
            assert!(again.contains("Already answered") && !again.contains("Logged in"), "{again}");
        }
        // Strangers are bounded after the answer too.
        let strangers: Vec<TcpStream> = (0..100).map(|_| attacked.login.connect()).collect();
        drop(release);
        let page = first.join().expect("the first is answered");
        assert!(page.contains("Logged in to Lokalise"), "{page}");
        drop(strangers);
    });
    attacked.login.end().assert_code(0);
    assert_eq!(attacked.standin.requests_to("POST", "/oauth2/token").len(), 1);
}

#[test]
fn a_keep_alive_connection_is_closed_after_its_page() {
    let attacked = Attacked::login();
    let redirect = super::support::browser::redirect_of(&attacked.login.url);
    let target = redirect.split_once(&attacked.login.host()).expect("it is ours").1.to_owned();
    let mut stream = attacked.login.connect();
    let request = format!("GET {target} HTTP/1.1\r\nHost: {}\r\nConnection: keep-alive\r\n\r\n", attacked.login.host());
    stream.write_all(request.as_bytes()).expect("it reads");
    let mut page = String::new();
    stream.read_to_string(&mut page).expect("it ends the connection");
    assert_eq!(status_of(&page), 200);
    assert!(page.contains("Logged in to Lokalise"), "{page}");
    attacked.login.assert_closes();
    attacked.login.end().assert_code(0);
}
