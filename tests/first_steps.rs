//! What a newcomer reads when something is missing: each line leads on, and is true here.

mod support;

use serde_json::{Value, json};
use support::home::Home;
use support::standin::Standin;

/// Runs a command that fails, and gives what it said on stderr.
#[track_caller]
fn refused(home: &Home, args: &[&str], code: i32) -> String {
    let output = home.cmd(args).output().expect("the binary can be run");
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "{args:?}: {stderr}");
    stderr
}

#[test]
fn without_a_credential_both_ways_are_named() {
    let standin = Standin::start();
    let home = Home::new(&standin);
    for args in [&["whoami"][..], &["call", "/projects"], &["token", "print"], &["exec", "--", "true"]] {
        let output = home.cmd(args).output().expect("the binary can be run");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(4), "{args:?}: {said}");
        assert!(said.contains("with an API token: `lokalise-auth token set`\n"), "{args:?}: {said}");
        assert!(said.contains("with an OAuth app: `lokalise-auth login`\n"), "{args:?}: {said}");
    }
}

#[test]
fn where_nobody_can_be_asked_the_variable_is_named_instead() {
    let standin = Standin::start();
    let home = Home::new(&standin);
    home.set_token(&["--profile", "other"]);
    let hints = |output: std::process::Output| {
        let said = String::from_utf8(output.stderr).expect("text");
        said.lines().filter_map(|line| line.strip_prefix("hint: ").map(str::to_owned)).collect::<Vec<_>>()
    };
    let silent = home.cmd(["call", "/projects", "--no-input"]).output().expect("it runs");
    assert_eq!(hints(silent), ["set LOKALISE_API_TOKEN"]);
    let chosen = home.cmd(["call", "/projects"]).env("LOKALISE_PROFILE", "work").output().expect("it runs");
    assert!(hints(chosen).contains(&"the profile was chosen by LOKALISE_PROFILE".to_owned()));
}

#[test]
fn a_profile_that_was_named_is_in_every_hint_and_variables_are_not() {
    let standin = Standin::start();
    let home = Home::new(&standin);
    home.set_token(&["--profile", "work"]);
    for (name, value) in [("CI", ""), ("CI", "1"), ("GITHUB_ACTIONS", "true")] {
        let output = home.cmd(["-p", "wrk", "call", "/projects"]).env(name, value).output().expect("it runs");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(4), "{said}");
        assert!(!said.contains("LOKALISE_API_TOKEN"), "--profile overrides it: {said}");
        assert!(said.contains("`lokalise-auth token set --profile wrk"), "{said}");
        assert!(said.contains("hint: profiles: work\n"), "{said}");
    }
    let said = refused(&home, &["-p", "work", "call", "/projects/{p}"], 2);
    assert!(said.contains("`lokalise-auth --profile work call /projects --jq "), "{said}");
}

#[test]
fn under_github_actions_the_line_that_is_there_is_not_advised() {
    let standin = Standin::start();
    let home = Home::new(&standin);
    let said = |token: Option<&str>| {
        let mut command = home.cmd(["call", "/projects"]);
        command.env("GITHUB_ACTIONS", "true").env("CI", "true");
        if let Some(token) = token {
            command.env("LOKALISE_API_TOKEN", token);
        }
        String::from_utf8(command.output().expect("it runs").stderr).expect("text")
    };
    assert!(said(None).contains("LOKALISE_API_TOKEN: ${{ secrets.LOKALISE_API_TOKEN }}"));
    let empty = said(Some(""));
    assert!(empty.contains("set but empty") && !empty.contains("${{"), "{empty}");
}

#[test]
fn the_list_of_profiles_has_a_head_and_shows_what_is_gone() {
    let standin = Standin::start();
    let home = Home::new(&standin);
    let said = String::from_utf8(home.cmd(["profile", "list"]).output().expect("it runs").stderr).expect("text");
    assert!(said.contains("token set") && said.contains("`lokalise-auth login`"), "{said}");
    home.set_token(&[]);
    home.set_token(&["--profile", "a-much-longer-name"]);
    let list = || {
        let output = home.cmd(["profile", "list"]).output().expect("it runs");
        String::from_utf8(output.stdout).expect("text")
    };
    let table = list();
    let rows: Vec<&str> = table.lines().collect();
    let column = rows[0].find("KIND").expect("it has a head");
    assert!(rows[1..].iter().all(|row| row[column..].starts_with("api-token")), "{table}");
    assert!(rows.iter().any(|row| row.starts_with("*  default")), "{table}");
    std::fs::remove_file(home.credentials()).expect("it is there");
    assert_eq!(list().matches("(record is gone)").count(), 2, "{}", list());
    let json: Value =
        serde_json::from_slice(&home.cmd(["profile", "list", "--json"]).output().expect("it runs").stdout)
            .expect("JSON");
    assert_eq!(json["profiles"][0]["record_is_gone"], true);
}

#[test]
fn a_stored_token_is_followed_by_the_next_step() {
    let standin = Standin::start();
    let home = Home::new(&standin);
    let mut set = home.cmd(["token", "set", "--profile", "work"]);
    let output = set.write_stdin(standin.api_token()).output().expect("it runs");
    let said = String::from_utf8(output.stderr).expect("text");
    let next = said.lines().last().unwrap_or_default();
    assert!(next.starts_with("next: `lokalise-auth --profile work call /projects --jq '"), "{said}");
    // The line works as it is pasted.
    let words = shell_words::split(next.trim_start_matches("next: ").trim_matches('`')).expect("words");
    let output = home.cmd(&words[1..]).output().expect("it runs");
    let printed = String::from_utf8(output.stdout).expect("text");
    assert!(printed.contains(&format!("{} Website\n", standin.project_id())), "{printed}");
}

#[test]
fn the_token_is_taken_out_of_the_config_file_of_the_official_cli() {
    let standin = Standin::start();
    let home = Home::new(&standin);
    let config = format!("# mine\ntoken: \"{}\"\nproject-id: 1.2\n", standin.api_token());
    let output = home.cmd(["token", "set"]).write_stdin(config).output().expect("it runs");
    let said = String::from_utf8(output.stderr).expect("text");
    assert!(output.status.success() && said.contains("the value of `token`"), "{said}");
    assert!(!said.contains(&standin.api_token()), "{said}");
}

#[test]
fn plaintext_is_announced_only_once_the_token_is_accepted() {
    let standin = Standin::start();
    let home = Home::new(&standin);
    let output = home.cmd(["token", "set"]).write_stdin("f".repeat(40)).output().expect("it runs");
    let said = String::from_utf8(output.stderr).expect("text");
    assert_eq!(output.status.code(), Some(4), "{said}");
    assert!(!said.contains("plaintext"), "{said}");
}

#[test]
fn a_dry_run_with_json_is_one_object() {
    let standin = Standin::start();
    let mut home = Home::new(&standin);
    home.set("LOKALISE_API_TOKEN", &standin.api_token());
    let args = ["call", "POST", "/projects", "-f", "name=Demo", "--dry-run", "--json"];
    let output = home.cmd(args).output().expect("it runs");
    let shown: Value = serde_json::from_slice(&output.stdout).expect("one object");
    assert_eq!((&shown["method"], &shown["body"]), (&json!("POST"), &json!({"name": "Demo"})));
    assert_eq!(shown["headers"]["x-api-token"], "[redacted]");
    assert!(standin.requests().is_empty());
}

#[test]
fn a_file_name_in_a_string_field_gets_a_warning() {
    let standin = Standin::start();
    let mut home = Home::new(&standin);
    home.set("LOKALISE_API_TOKEN", &standin.api_token());
    let args = ["call", "POST", "/projects", "-f", "name=@file", "--dry-run"];
    let output = home.cmd(args).output().expect("it runs");
    let said = String::from_utf8(output.stderr).expect("text");
    assert!(output.status.success() && said.contains("`-F name=@FILE` sends what the file holds"), "{said}");
    let args = ["call", "POST", "/projects", "-f", "name=@", "-F", "a=b", "--dry-run"];
    assert!(home.cmd(args).output().expect("it runs").stderr.is_empty());
}

#[test]
fn a_store_that_does_not_hold_the_profile_is_refused() {
    let standin = Standin::start();
    let home = Home::new(&standin);
    home.set_token(&["--store", "file"]);
    let said = refused(&home, &["token", "print", "--store", "keyring"], 2);
    assert!(said.contains("profile `default` is kept in another store: file\n"), "{said}");
    home.cmd(["token", "print", "--store", "file"]).assert().success();
}

#[test]
fn logout_does_not_look_into_another_store() {
    let standin = Standin::start();
    let home = Home::new(&standin);
    home.set_token(&[]);
    let said = refused(&home, &["logout", "--store", "keyring"], 2);
    assert!(said.contains("is kept in file, not in keyring; nothing was removed"), "{said}");
    home.cmd(["logout", "--store", "file"]).assert().success();
}

#[cfg(unix)]
#[test]
fn an_escaped_letter_is_shown_as_the_letter_on_a_terminal() {
    let standin = Standin::start();
    let mut home = Home::new(&standin);
    home.set("LOKALISE_API_TOKEN", &standin.api_token());
    let body = r#"{"name":"\u0141\u00f3d\u017a \u001b[31m\u202e"}"#;
    let answer = support::standin::Answer::new(200, body).header("Content-Type", "application/json");
    standin.answer_next("GET", "/api2/projects", answer);
    let mut terminal = support::pty::Terminal::run(&home, &["call", "/projects", "--color", "never"], &[]);
    let (status, screen) = terminal.wait();
    assert!(status.success(), "{screen}");
    assert!(screen.contains(r#""name": "Łódź \u001b[31m\u202e""#), "{screen}");
}
