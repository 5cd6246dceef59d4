//! `doctor`: what it finds, what it advises, and that its report can be pasted anywhere.

mod support;

use serde_json::Value;
use support::home::Home;
use support::standin::{Answer, Standin};

fn doctor(home: &Home) -> (i32, Value, String) {
    let json = home.cmd(["doctor", "--json"]).output().expect("the binary runs");
    let text = home.cmd(["doctor"]).output().expect("the binary runs");
    assert_eq!(json.status.code(), text.status.code(), "text and JSON disagree on the exit code");
    let report = serde_json::from_slice(&json.stdout).expect("the report is JSON");
    (json.status.code().expect("an exit code"), report, String::from_utf8(text.stdout).expect("the report is text"))
}

fn detail<'a>(report: &'a Value, name: &str) -> &'a str {
    let mut checks = report["checks"].as_array().expect("checks").iter();
    checks.find(|check| check["name"] == name).map_or("", |check| check["detail"].as_str().expect("a detail"))
}

fn status<'a>(report: &'a Value, name: &str) -> &'a str {
    let checks = report["checks"].as_array().expect("checks");
    let check =
        checks.iter().find(|check| check["name"] == name).unwrap_or_else(|| panic!("no check `{name}`: {report}"));
    check["status"].as_str().expect("a status")
}

#[test]
fn a_sound_installation_has_nothing_to_do_and_shows_no_secret() {
    let standin = Standin::start();
    let home = Home::new(&standin);
    home.login(&[]);
    let (code, report, text) = doctor(&home);
    assert_eq!((code, &report["ok"]), (0, &Value::Bool(true)), "{text}");
    for name in [
        "config folder",
        "profiles",
        "data folder",
        "servers",
        "profile",
        "store",
        "store deadline",
        "prompts",
        "proxy",
        "network",
        "clock",
        "credential",
    ] {
        assert_eq!(status(&report, name), "ok", "{name}: {text}");
    }
    assert!(text.contains("nothing to do"), "{text}");
    let output = home.cmd(["doctor", "-vv"]).output().expect("the binary runs");
    Home::assert_silent(&standin, &output);
}

#[test]
fn each_finding_has_its_exit_code_and_a_way_on() {
    let standin = Standin::start();
    let mut home = Home::new(&standin);
    let (code, report, text) = doctor(&home);
    assert_eq!((code, status(&report, "credential")), (0, "warning"), "nobody logged in is no fault: {text}");
    assert!(text.contains("lokalise-auth login"), "{text}");

    home.set("LOKALISE_API_TOKEN", "0123456789abcdef0123456789abcdef01234567");
    let (code, report, text) = doctor(&home);
    assert_eq!((code, status(&report, "credential")), (4, "problem"));
    // A login would refuse for as long as the variable is set.
    assert!(text.contains("credential: set LOKALISE_API_TOKEN to a valid token"), "{text}");
    assert!(!text.contains("lokalise-auth login"), "{text}");
    home.unset("LOKALISE_API_TOKEN");

    for (name, value) in [
        ("LOKALISE_REFRESH_TOKEN", "0123456789abcdef0123456789abcdef01234567"),
        ("LOKALISE_CLIENT_ID", &standin.client_id()),
        ("LOKALISE_CLIENT_SECRET", &standin.client_secret()),
    ] {
        home.set(name, value);
    }
    let (code, report, text) = doctor(&home);
    assert_eq!((code, status(&report, "credential")), (4, "problem"), "it was set, and it does not work: {text}");
    assert!(text.contains("check LOKALISE_REFRESH_TOKEN") && !text.contains("lokalise-auth login"), "{text}");
    home.unset("LOKALISE_REFRESH_TOKEN");

    home.set("LOKALISE_API_URL", "http://127.0.0.1:1/api2");
    let (code, report, _) = doctor(&home);
    assert_eq!((code, status(&report, "network")), (9, "problem"));
    home.set("LOKALISE_API_URL", &standin.api_url());

    home.set("HTTPS_PROXY", "http://user:hunter2@");
    let (code, report, text) = doctor(&home);
    assert_eq!((code, status(&report, "proxy")), (2, "problem"));
    assert!(!text.contains("hunter2"));
    home.unset("HTTPS_PROXY");

    for (name, value) in
        [("LOKALISE_API_TOKEN", "a b"), ("LOKALISE_API_TOKEN_FILE", "/nope"), ("LOKALISE_PROFILE", "..")]
    {
        home.set(name, value);
        let (code, _, text) = doctor(&home);
        assert!(code == 2 && text.contains("what to do"), "{name}: {text}");
        home.unset(name);
    }
    for (answer, code, word) in [
        (Answer::error(503, "Down"), 8, "problem"),
        (Answer::html(200, "<html>Log in to the hotel's network</html>"), 0, "warning"),
        (Answer::new(302, "").header("Location", "/login"), 0, "warning"),
    ] {
        standin.answer_times(2, "GET", "/api2/system/languages", &answer);
        let (ended, report, text) = doctor(&home);
        assert_eq!((ended, status(&report, "network")), (code, word), "{text}");
    }
    // Where the login has a server of its own, that is looked at too; a token may need neither.
    let other = Standin::start();
    home.set("LOKALISE_OAUTH_URL", &other.oauth_url());
    let (code, report, _) = doctor(&home);
    assert_eq!((code, status(&report, "login server")), (0, "ok"));
    home.set("LOKALISE_OAUTH_URL", "http://127.0.0.1:1/oauth2");
    let (code, report, text) = doctor(&home);
    assert_eq!((code, status(&report, "login server")), (0, "warning"), "{text}");
    home.set("LOKALISE_OAUTH_URL", &standin.oauth_url());
    std::fs::write(home.profiles(), "not JSON").expect("our own file");
    let (code, report, _) = doctor(&home);
    assert_eq!((code, status(&report, "profiles")), (3, "problem"));
}

#[test]
fn a_folder_in_the_place_of_the_credentials_is_moved_away() {
    let standin = Standin::start();
    let mut home = Home::new(&standin);
    let spaced = home.path().join("my data");
    std::fs::create_dir_all(spaced.join("credentials.json")).expect("our own folder");
    home.set("LOKALISE_AUTH_DATA_DIR", &spaced.display().to_string());
    let (code, report, text) = doctor(&home);
    assert_eq!((code, status(&report, "store")), (3, "problem"), "{text}");
    let path = format!("'{}/credentials.json'", spaced.display());
    assert!(text.contains(&format!("`mv {path} {path}.moved`")) && !text.contains("chmod"), "{text}");
}

#[test]
fn each_setting_says_where_it_came_from() {
    let standin = Standin::start();
    let mut home = Home::new(&standin);
    home.unset("LOKALISE_AUTH_KEYRING_TIMEOUT");
    home.set("LOKALISE_AUTH_STORE", "file");
    let (_, report, _) = doctor(&home);
    assert!(detail(&report, "store").starts_with("file (from LOKALISE_AUTH_STORE): "), "{report}");
    assert_eq!(detail(&report, "store deadline"), "5s (default without prompts)");
    assert_eq!(detail(&report, "prompts"), "none: stdin or stderr is not a terminal");
    assert!(detail(&report, "servers").contains("(from LOKALISE_API_URL)"), "{report}");

    home.set("LOKALISE_AUTH_KEYRING_TIMEOUT", "2.5");
    home.set("CI", "1");
    let flag = home.cmd(["doctor", "--json", "--store", "helper:nobody-has-it"]).output().expect("the binary runs");
    let report: Value = serde_json::from_slice(&flag.stdout).expect("the report is JSON");
    assert!(detail(&report, "store").starts_with("helper:nobody-has-it (from --store): "), "{report}");
    assert_eq!(detail(&report, "store deadline"), "2s 500ms (from LOKALISE_AUTH_KEYRING_TIMEOUT)");
    assert_eq!(detail(&report, "prompts"), "none: CI is set");
    home.unset("CI");

    // What a profile has is in force; another store that was named is for the next login.
    home.login(&[]);
    home.set("LOKALISE_AUTH_STORE", "helper:nobody-has-it");
    let (code, report, _) = doctor(&home);
    assert!(detail(&report, "store").starts_with("file (from the profile): "), "{report}");
    assert_eq!((code, status(&report, "store"), status(&report, "next store")), (3, "ok", "problem"));
    home.unset("LOKALISE_AUTH_STORE");
    let (code, report, _) = doctor(&home);
    assert_eq!((code, detail(&report, "next store")), (0, ""));
    assert!(detail(&report, "store").starts_with("file (from the profile): "), "{report}");
}

#[test]
fn the_proxys_exceptions_are_those_of_the_variable_that_is_set() {
    let standin = Standin::start();
    let mut home = Home::new(&standin);
    home.set("HTTPS_PROXY", "http://127.0.0.1:9");
    for name in ["NO_PROXY", "no_proxy"] {
        home.set(name, "*");
        let (_, report, _) = doctor(&home);
        assert_eq!(detail(&report, "proxy"), format!("for https, from HTTPS_PROXY, with exceptions from {name}"));
        home.unset(name);
    }
}

#[test]
fn no_finding_advises_to_run_what_is_running() {
    let standin = Standin::start();
    let mut home = Home::new(&standin);
    home.set("LOKALISE_CLIENT_ID", &standin.client_id());
    home.set("LOKALISE_CLIENT_SECRET", &standin.client_secret());
    home.set("LOKALISE_REFRESH_TOKEN", "0123456789abcdef0123456789abcdef01234567");
    standin.answer_times(2, "POST", "/oauth2/token", &Answer::html(200, "<html>a login page</html>"));
    let (_, report, text) = doctor(&home);
    assert_eq!(status(&report, "credential"), "problem", "{text}");
    assert!(text.contains("a login page of the network may have answered\n"), "{text}");
    assert!(!text.contains("lokalise-auth doctor`"), "{text}");
}

#[test]
fn a_setting_that_cannot_be_meant_is_a_row_of_the_report() {
    let standin = Standin::start();
    let home = Home::new(&standin);
    for (name, value) in [
        ("LOKALISE_AUTH_STORE", "bogus"),
        ("LOKALISE_API_URL", "http://evil.example/api2"),
        ("LOKALISE_AUTH_KEYRING_TIMEOUT", "abc"),
        ("LOKALISE_AUTH_LOG", "everything"),
    ] {
        let run = |arguments: &[&str]| home.command(arguments).env(name, value).output().expect("the binary runs");
        let output = run(&["doctor", "--json"]);
        let report: Value = serde_json::from_slice(&output.stdout).expect("the report is JSON");
        assert_eq!((output.status.code(), status(&report, "settings")), (Some(2), "problem"), "{name}: {report}");
        let hint = report["checks"][0]["hints"][0].as_str().expect("a way on");
        assert_eq!(hint, hint.trim_end(), "{name}: it breaks off");
        let output = run(&["whoami", "--check"]);
        assert_eq!(output.status.code(), Some(2), "{name}");
        assert!(output.stdout.is_empty() && output.stderr.is_empty(), "{name}: --check says nothing");
    }
    assert!(standin.requests().is_empty());
}

#[test]
fn a_clock_that_is_a_day_off_is_named() {
    let standin = Standin::start();
    let home = Home::new(&standin);
    let answer = Answer::error(400, "no").header("Date", "Thu, 01 Jan 2026 00:00:00 GMT");
    standin.answer_times(2, "GET", "/api2/system/languages", &answer);
    let (_, report, text) = doctor(&home);
    assert_eq!(status(&report, "clock"), "warning", "{text}");
    assert!(text.contains("ahead of the server's"), "{text}");
}
