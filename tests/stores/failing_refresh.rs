//! A token endpoint that fails temporarily costs a wait; one that refuses gets one or two requests.

use crate::refresh_storm::{token_requests, with_ended_token};
use crate::support::crowd::{at_once, expire, record, run};
use crate::support::home::Home;
use crate::support::port::Port;
use crate::support::standin::{Answer, Standin};

const TOKEN: &str = "/oauth2/token";

/// The commands that renew a token that has ended.
const RENEWING: [&[&str]; 5] = [
    &["token", "refresh"],
    &["token", "print"],
    &["call", "GET", "/projects"],
    &["whoami", "--json"],
    &["exec", "--", "true"],
];

#[test]
fn a_failure_that_passes_costs_a_wait_and_no_job() {
    let standin = Standin::start();
    let home = with_ended_token(&standin);
    let failures = [
        Answer::html(503, "busy"),
        Answer::html(500, "broken"),
        Answer::html(502, "no upstream"),
        Answer::html(429, "slow down").header("Retry-After", "1"),
        Answer::html(503, "busy").header("Retry-After", "0"),
    ];
    for (arguments, failure) in RENEWING.into_iter().zip(failures) {
        expire(&home, "default");
        standin.forget_requests();
        standin.answer_next("POST", TOKEN, failure);
        let ran = run(home.command(arguments)).expect(0);
        assert_eq!(token_requests(&standin), 2, "{arguments:?}");
        assert!(ran.stderr.contains("trying again in"), "{arguments:?}: {}", ran.stderr);
    }
    expire(&home, "default");
    standin.answer_next("POST", TOKEN, Answer::html(503, "busy"));
    let ran = run(home.command(["whoami", "--check"])).expect(0);
    assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("", ""), "--check prints nothing");
}

#[test]
fn many_processes_and_one_failure_share_one_wait() {
    let standin = Standin::start();
    let home = with_ended_token(&standin);
    standin.answer_next("POST", TOKEN, Answer::html(503, "busy"));
    for ran in at_once((0..16).map(|_| home.command(["token", "print"]))) {
        ran.expect(0);
    }
    assert_eq!(token_requests(&standin), 2);
}

#[test]
fn a_failure_that_stays_ends_with_its_own_code_and_keeps_the_record() {
    let standin = Standin::start();
    let home = with_ended_token(&standin);
    let before = record(&home, "default");
    for (failure, code, says) in [
        (Answer::html(503, "busy"), 8, "HTTP 503"),
        (Answer::html(429, "slow down"), 7, "HTTP 429"),
        // The server asks for a longer wait than the limit: the error comes at once and names the wait.
        (Answer::html(429, "slow down").header("Retry-After", "90"), 7, "try again in 1m 30s"),
    ] {
        standin.answer_always("POST", TOKEN, failure);
        standin.forget_requests();
        let ran = run(home.command(["call", "/projects", "--max-wait", "1s"])).expect(code);
        assert!(ran.stderr.contains(says), "{}", ran.stderr);
        let once = run(home.command(["call", "/projects", "--no-retry"])).expect(code);
        assert!(!once.stderr.contains("trying again"), "{}", once.stderr);
        assert_eq!(record(&home, "default"), before);
    }
}

#[test]
fn those_who_wait_do_not_wait_one_after_the_other() {
    let standin = Standin::start();
    let home = with_ended_token(&standin);
    standin.answer_always("POST", TOKEN, Answer::html(503, "busy"));
    let ran = at_once((0..16).map(|_| home.command(["call", "/projects", "--max-wait", "2s"])));
    for ran in ran {
        assert!(ran.expect(8).stderr.contains("HTTP 503"));
    }
    // Only one process sends requests.
    let waits = ["500ms", "1s", "2s"].len();
    assert!(token_requests(&standin) <= waits + 2, "{} token requests", token_requests(&standin));
}

#[test]
fn a_token_endpoint_that_is_not_there_is_a_network_error() {
    let standin = Standin::start();
    let closes_at_once = Port::open(drop);
    let refuses = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port").local_addr().expect("it is bound");
    for address in [closes_at_once.address(), refuses] {
        let mut home = Home::at(&standin, &standin.api_url(), &format!("http://{address}/oauth2"));
        home.set("LOKALISE_REFRESH_TOKEN", &standin.refresh_token("read_projects"));
        home.set("LOKALISE_CLIENT_ID", &standin.client_id());
        home.set("LOKALISE_CLIENT_SECRET", &standin.client_secret());
        let ran = run(home.command(["call", "/projects", "--max-wait", "1s"])).expect(9);
        assert!(ran.stderr.contains("trying again in"), "{}", ran.stderr);
        let once = run(home.command(["call", "/projects", "--no-retry"])).expect(9);
        assert!(!once.stderr.contains("trying again in"), "{}", once.stderr);
    }
}

#[test]
fn a_token_that_is_still_good_is_used_without_a_wait() {
    let standin = Standin::start();
    standin.set(|switches| switches.token_lifetime = 3600);
    let home = Home::new(&standin);
    home.login(&[]);
    let good = run(home.command(["token", "print"])).expect(0).stdout;
    // Stale, since it ends within a minute, but valid for longer than any wait.
    crate::support::crowd::edit_record(&home, "default", |record| {
        record["expires_at"] = (crate::support::crowd::now() + 55).into();
    });
    standin.answer_always("POST", TOKEN, Answer::html(503, "busy"));
    standin.forget_requests();
    let ran = run(home.command(["token", "print"])).expect(0);
    assert_eq!((ran.stdout, token_requests(&standin)), (good, 1));
}

#[test]
fn a_code_is_never_exchanged_twice() {
    let standin = Standin::start();
    let home = Home::new(&standin);
    standin.answer_next("POST", TOKEN, Answer::html(503, "busy"));
    let output = home.login_cmd(&[]).output().expect("the program can be run");
    assert_eq!(output.status.code(), Some(8), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(token_requests(&standin), 1);
}

#[test]
fn a_refusal_is_not_repeated_whatever_its_status() {
    let standin = Standin::start();
    let home = with_ended_token(&standin);
    for status in [400, 401, 403] {
        let before = record(&home, "default");
        standin.answer_always("POST", TOKEN, Answer::oauth_error(status, "invalid_grant", "revoked"));
        standin.forget_requests();
        for ran in at_once((0..16).map(|_| home.command(["token", "print"]))) {
            ran.expect(4);
        }
        assert!((1..=2).contains(&token_requests(&standin)), "{status}: {}", token_requests(&standin));
        assert_eq!(record(&home, "default"), before, "{status}");
        // Edited by hand, it is another record: an old refusal does not count for it.
        expire(&home, "default");
        let _ = std::fs::remove_file(home.lock_of("default"));
    }
}
