//! `whoami`: five states, one report in two forms, the same exit code for both,
//! and never more than four requests.

mod support;

use std::time::Duration;

use serde_json::Value;
use support::home::Home;
use support::standin::{Answer, Standin};

/// The exit code and the JSON report; the text form must agree on the code and the state.
fn whoami(home: &Home, arguments: &[&str]) -> (i32, Value) {
    let run = |extra: &[&str]| {
        let arguments: Vec<&str> = ["whoami"].iter().chain(arguments).chain(extra).copied().collect();
        home.cmd(arguments).output().expect("the binary runs")
    };
    let (json, text) = (run(&["--json"]), run(&[]));
    assert_eq!(json.status.code(), text.status.code(), "text and JSON disagree on the exit code");
    let report: Value = serde_json::from_slice(&json.stdout).expect("the report is JSON");
    let text = String::from_utf8(text.stdout).expect("the report is text");
    let nobody = report["owner"].is_null();
    assert_eq!(nobody, report["owner_unknown_because"].is_string(), "what is not known has a reason: {report}");
    assert!(text.contains(if nobody { "owner       unknown: " } else { "owner       " }), "{text}");
    let state = report["state"].as_str().expect("a state");
    assert!(text.lines().any(|line| line.starts_with("state") && line.contains(state)), "{text}");
    (json.status.code().expect("an exit code"), report)
}

/// The keys of the README's table, in order.
const KEYS: [&str; 17] = [
    "schema_version",
    "profile",
    "profile_rule",
    "kind",
    "source",
    "api_url",
    "owner",
    "owner_unknown_because",
    "scopes",
    "expires_at",
    "expires_in",
    "refreshable",
    "read_only",
    "call_only",
    "state",
    "state_reason",
    "token_hint",
];

fn assert_schema(report: &Value) {
    let keys: Vec<&String> = report.as_object().expect("an object").keys().collect();
    assert_eq!(keys, KEYS);
    assert_eq!(report["schema_version"], 1);
}

#[test]
fn a_login_is_reported_with_its_owner_scopes_and_end() {
    let standin = Standin::start();
    let home = Home::new(&standin);
    home.login(&["--scope", "read_projects,read_contributors", "--read-only"]);
    standin.forget_requests();
    let (code, report) = whoami(&home, &[]);
    assert_schema(&report);
    assert_eq!(code, 0);
    assert_eq!(report["profile"], "default");
    assert_eq!(report["kind"], "oauth");
    assert_eq!(report["source"]["type"], "file");
    assert_eq!(report["source"]["name"].as_str(), home.credentials().to_str());
    assert_eq!(report["api_url"].as_str(), Some(standin.api_url().as_str()));
    assert_eq!(report["owner"]["email"], "ada@example.com");
    assert_eq!(report["scopes"], serde_json::json!(["read_projects", "read_contributors"]));
    assert!(report["expires_at"].as_str().is_some_and(|end| end.ends_with('Z')));
    assert!((3500..=3600).contains(&report["expires_in"].as_u64().expect("seconds")));
    assert_eq!((&report["refreshable"], &report["read_only"]), (&Value::Bool(true), &Value::Bool(true)));
    assert_eq!(report["state"], "valid");
    let hint = report["token_hint"].as_str().expect("a hint");
    assert_eq!(hint.len(), 4);
    assert!(standin.requests().len() <= 4, "two reports of two requests each");
}

#[test]
fn an_api_token_of_a_variable_is_reported_without_a_profile() {
    let standin = Standin::start();
    let mut home = Home::new(&standin);
    home.set("LOKALISE_API_TOKEN", &standin.api_token());
    let (code, report) = whoami(&home, &[]);
    assert_schema(&report);
    assert_eq!(code, 0);
    assert_eq!(report["profile"], Value::Null);
    assert_eq!(report["source"], serde_json::json!({"type": "variable", "name": "LOKALISE_API_TOKEN"}));
    assert_eq!((&report["expires_at"], &report["refreshable"]), (&Value::Null, &Value::Bool(false)));
    assert_eq!(report["read_only"], false);
    assert_eq!(report["owner"]["user_id"].as_u64(), Some(20001));
}

#[test]
fn without_a_project_the_owner_of_an_api_token_is_found_in_four_requests() {
    let standin = Standin::start();
    standin.edit(|content| content.set_projects(0));
    let mut home = Home::new(&standin);
    home.set("LOKALISE_API_TOKEN", &standin.api_token());
    let output = home.cmd(["whoami", "--json"]).output().expect("the binary runs");
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(report["owner"]["name"], "Ada Example");
    assert!(standin.requests().len() <= 4, "{}", standin.requests().len());
}

#[test]
fn without_a_login_whoami_is_exit_4_and_a_report() {
    let standin = Standin::start();
    let home = Home::new(&standin);
    let (code, report) = whoami(&home, &[]);
    assert_schema(&report);
    assert_eq!((code, report["state"].as_str()), (4, Some("not-logged-in")));
    assert_eq!(report["kind"], Value::Null);
}

#[test]
fn a_token_that_lokalise_does_not_know_is_rejected() {
    let standin = Standin::start();
    let mut home = Home::new(&standin);
    for token in ["0123456789abcdef0123456789abcdef01234567", "malformed"] {
        home.set("LOKALISE_API_TOKEN", token);
        let (code, report) = whoami(&home, &[]);
        assert_eq!((code, report["state"].as_str()), (4, Some("rejected")), "{token}");
    }
}

#[test]
fn an_outage_is_unchecked_with_the_exit_code_of_its_cause() {
    let standin = Standin::start();
    let mut home = Home::new(&standin);
    home.set("LOKALISE_API_TOKEN", &standin.api_token());
    for (answer, expected) in [
        (Answer::error(429, "Too many requests"), 7),
        (Answer::error(503, "Down"), 8),
        (Answer::html(500, "<html>oops</html>"), 8),
        (Answer::html(200, "<html>Log in to the hotel's network</html>"), 9),
        (Answer::new(302, "").header("Location", "/login"), 9),
        (Answer::error(404, "Not found"), 9),
    ] {
        standin.answer_times(2, "GET", "/api2/projects", &answer);
        let (code, report) = whoami(&home, &[]);
        assert_eq!((code, report["state"].as_str()), (expected, Some("unchecked")));
        assert!(report["state_reason"].as_str().is_some_and(|reason| !reason.is_empty()));
    }
    home.set("LOKALISE_API_URL", "http://127.0.0.1:1/api2");
    let (code, report) = whoami(&home, &[]);
    assert_eq!((code, report["state"].as_str()), (9, Some("unchecked")));
    let output = home.cmd(["whoami"]).output().expect("the binary runs");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.contains("hint: check the network"), "what keeps it unchecked has a way on: {stderr}");
}

#[test]
fn a_403_is_forbidden_and_exit_5() {
    let standin = Standin::start();
    let mut home = Home::new(&standin);
    home.set("LOKALISE_ACCESS_TOKEN", &standin.access_token("read_projects"));
    standin.answer_times(2, "GET", "/api2/projects", &Answer::error(403, "Forbidden"));
    let (code, report) = whoami(&home, &[]);
    assert_eq!((code, report["state"].as_str()), (5, Some("forbidden")));
}

#[test]
fn an_ended_access_token_of_a_variable_is_expired_and_exit_4() {
    let standin = Standin::start();
    let mut home = Home::new(&standin);
    home.set("LOKALISE_ACCESS_TOKEN", &standin.access_token("read_projects"));
    standin.advance(Duration::from_secs(3601));
    let (code, report) = whoami(&home, &[]);
    assert_eq!((code, report["state"].as_str()), (4, Some("expired")));
}

#[test]
fn offline_asks_nothing_and_is_exit_0_unless_the_token_has_ended_for_good() {
    let standin = Standin::start();
    let home = Home::new(&standin);
    home.login(&[]);
    standin.forget_requests();
    let (code, report) = whoami(&home, &["--offline"]);
    assert_eq!((code, report["state"].as_str()), (0, Some("unchecked")));
    assert_eq!(report["owner"]["email"], "ada@example.com", "known from the login");
    standin.set(|switches| {
        switches.token_lifetime = 1;
        switches.omit_refresh_token = true;
    });
    home.login(&["--profile", "short"]);
    std::thread::sleep(Duration::from_millis(1100)); // the record's own end, by the real clock
    standin.forget_requests();
    let (code, report) = whoami(&home, &["--offline", "--profile", "short"]);
    assert_eq!((code, report["state"].as_str()), (4, Some("expired")));
    assert!(standin.requests().is_empty());
}

#[test]
fn a_refused_refresh_is_rejected() {
    let standin = Standin::start();
    standin.set(|switches| switches.token_lifetime = 1);
    let home = Home::new(&standin);
    home.login(&[]);
    standin.revoke_refresh_tokens();
    std::thread::sleep(Duration::from_millis(1100));
    let (code, report) = whoami(&home, &[]);
    assert_eq!((code, report["state"].as_str()), (4, Some("rejected")));
}

#[test]
fn check_prints_nothing_and_counts_the_time_left() {
    let standin = Standin::start();
    let mut home = Home::new(&standin);
    home.login(&[]);
    let check = |home: &Home, arguments: &[&str]| {
        let all: Vec<&str> = ["whoami", "--check"].iter().chain(arguments).copied().collect();
        let output = home.cmd(all).output().expect("the binary runs");
        assert!(output.stdout.is_empty() && output.stderr.is_empty(), "--check prints nothing");
        output.status.code().expect("an exit code")
    };
    assert_eq!(check(&home, &[]), 0);
    assert_eq!(check(&home, &["--min-validity", "10h"]), 0, "it can be renewed");
    standin.set(|switches| switches.omit_refresh_token = true);
    home.login(&["--profile", "once"]);
    assert_eq!(check(&home, &["--profile", "once", "--min-validity", "10m"]), 0);
    assert_eq!(check(&home, &["--profile", "once", "--min-validity", "2h"]), 4);
    home.set("LOKALISE_PROFILE", "nobody");
    assert_eq!(check(&home, &[]), 4);
    home.set("LOKALISE_PROFILE", "once");
    home.set("LOKALISE_API_URL", "http://127.0.0.1:1/api2");
    assert_eq!(check(&home, &[]), 2, "the credential is for another origin");
    std::fs::write(home.credentials(), "no JSON").expect("our own file");
    home.set("LOKALISE_API_URL", &standin.api_url());
    assert_eq!(check(&home, &[]), 3);
}

#[test]
fn without_a_person_a_new_login_is_not_suggested() {
    let standin = Standin::start();
    let mut home = Home::new(&standin);
    home.login(&[]);
    standin.answer_always(
        "GET",
        "/api2/projects",
        Answer::json(401, &serde_json::json!({"error": {"message": "The access token expired", "code": 401}})),
    );
    standin.answer_always("POST", "/oauth2/token", Answer::json(400, &serde_json::json!({"error": "invalid_request"})));
    for (variable, advice) in [
        ("", "log in again with `lokalise-auth login`"),
        ("CI", "set LOKALISE_API_TOKEN, or run `lokalise-auth login` on a machine where you can log in"),
    ] {
        home.set(variable, "1");
        home.unset("");
        for command in [&["whoami"][..], &["call", "/projects"], &["token", "refresh"], &["doctor"]] {
            let output = home.cmd(command).output().expect("the binary runs");
            let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
            assert!(said.contains(advice), "{variable} {command:?}: {said}");
        }
    }
}

#[test]
fn for_a_refused_api_token_a_new_token_is_suggested() {
    let standin = Standin::start();
    let home = Home::new(&standin);
    home.set_token(&["--profile", "ci"]);
    let unknown = serde_json::json!({"error": {"message": "Invalid `X-Api-Token` header", "code": 400}});
    standin.answer_always("GET", "/api2/projects", Answer::json(400, &unknown));
    for command in ["whoami", "call /projects", "doctor"] {
        let arguments = command.split(' ').chain(["--profile", "ci"]);
        let output = home.cmd(arguments).output().expect("the binary runs");
        assert_eq!(output.status.code(), Some(4), "{command}");
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert!(said.contains("`lokalise-auth token set --profile ci`"), "{command}: {said}");
        assert!(!said.contains("lokalise-auth login"), "{command}: {said}");
    }
}

#[test]
fn a_token_that_is_refused_right_after_its_renewal_is_rejected() {
    let standin = Standin::start();
    let home = Home::new(&standin);
    home.login(&[]);
    let ended = Answer::json(401, &serde_json::json!({"error": {"message": "The access token expired", "code": 401}}));
    standin.answer_always("GET", "/api2/projects", ended);
    let (code, report) = whoami(&home, &[]);
    assert_eq!((code, report["state"].as_str()), (4, Some("rejected")));
}

#[test]
fn a_token_of_this_run_is_not_issued_offline_and_its_refusal_is_reported() {
    let standin = Standin::start();
    let mut home = Home::new(&standin);
    home.set("LOKALISE_REFRESH_TOKEN", &standin.refresh_token("read_projects"));
    home.set("LOKALISE_CLIENT_ID", &standin.client_id());
    let output = home.cmd(["whoami", "--offline"]).output().expect("the binary runs");
    assert_eq!(output.status.code(), Some(2), "a variable is missing");
    home.set("LOKALISE_CLIENT_SECRET", &standin.client_secret());
    let (code, report) = whoami(&home, &["--offline"]);
    assert_schema(&report);
    assert_eq!((code, report["state"].as_str()), (0, Some("unchecked")));
    assert_eq!(report["source"], serde_json::json!({"type": "variable", "name": "LOKALISE_REFRESH_TOKEN"}));
    assert_eq!((&report["kind"], &report["refreshable"]), (&"oauth".into(), &Value::Bool(true)));
    assert!(standin.requests().is_empty(), "--offline asks nobody");
    assert_eq!(whoami(&home, &[]).0, 0);

    for (answer, code, state, advice) in [
        (Answer::error(429, "Too many requests").header("Retry-After", "60"), 7, "unchecked", "try again"),
        (Answer::error(503, "Down").header("Retry-After", "60"), 8, "unchecked", "try again"),
        (
            Answer::json(400, &serde_json::json!({"error": "invalid_grant"})),
            4,
            "rejected",
            "check LOKALISE_REFRESH_TOKEN",
        ),
    ] {
        // The server asks for a longer wait than a refresh may take, so that nobody waits.
        standin.answer_always("POST", "/oauth2/token", answer);
        let (found, report) = whoami(&home, &[]);
        assert_schema(&report);
        assert_eq!((found, report["state"].as_str()), (code, Some(state)));
        let output = home.cmd(["whoami"]).output().expect("the binary runs");
        let hints: Vec<String> = String::from_utf8_lossy(&output.stderr).lines().map(str::to_owned).collect();
        assert!(hints.len() == 1 && hints[0].contains(advice), "{hints:?}");
    }
    home.set("LOKALISE_OAUTH_URL", "http://127.0.0.1:1/oauth2");
    let (code, report) = whoami(&home, &[]);
    assert_eq!((code, report["state"].as_str()), (9, Some("unchecked")));
    assert_eq!(home.cmd(["whoami", "--check"]).output().expect("the binary runs").status.code(), Some(9));
}

#[cfg(unix)]
#[test]
fn json_on_a_terminal_is_json_and_drives_nothing() {
    use support::pty::Terminal;
    let standin = Standin::start();
    let home = Home::new(&standin);
    home.login(&[]);
    let text = std::fs::read_to_string(home.profiles()).expect("our own file");
    let evil = "\u{202e}\u{9b}31m\u{7f}";
    std::fs::write(home.profiles(), text.replace("Ada Example", evil)).expect("our own file");
    for command in [&["whoami", "--offline", "--json"][..], &["profile", "list", "--json"]] {
        let mut terminal = Terminal::run(&home, command, &[]);
        terminal.wait();
        let screen = String::from_utf8(terminal.written()).expect("text");
        assert!(!evil.chars().any(|c| !c.is_ascii_alphanumeric() && screen.contains(c)), "{screen:?}");
        let report: Value = serde_json::from_str(&screen).expect("JSON");
        assert!(report.to_string().contains(evil), "{report}");
    }
}
