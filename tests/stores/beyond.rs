//! Beyond one machine: tokens minted from a variable, tokens that a command prints,
//! one writer and many readers, and a store that cannot be written.

use std::fs;

use serde_json::Value;

use crate::refresh_storm::{token_requests, with_ended_token};
use crate::support::crowd::{at_once, record, run, until};
use crate::support::helper::program;
use crate::support::home::Home;
use crate::support::secrets::forty_hex;
use crate::support::standin::Standin;

/// The three variables of a credential that no store holds.
fn minting(standin: &Standin, refresh_token: &str) -> [(&'static str, String); 3] {
    [
        ("LOKALISE_REFRESH_TOKEN", refresh_token.to_owned()),
        ("LOKALISE_CLIENT_ID", standin.client_id()),
        ("LOKALISE_CLIENT_SECRET", standin.client_secret()),
    ]
}

/// Every file in the folders that an installation may write to.
fn files(home: &Home) -> Vec<String> {
    let mut found = Vec::new();
    for folder in ["config", "data", "home", "state", "cache", "run"] {
        for entry in fs::read_dir(home.path().join(folder)).expect("a folder").flatten() {
            found.push(entry.path().display().to_string());
        }
    }
    found
}

#[test]
fn a_refresh_token_in_the_environment_mints_a_token_in_memory() {
    let standin = Standin::start();
    let home = Home::new(&standin);
    let refresh_token = standin.refresh_token("read_projects");
    let variables = minting(&standin, &refresh_token);
    let with = |arguments: &[&str]| {
        let mut command = home.command(arguments);
        command.envs(variables.iter().map(|(name, value)| (*name, value)));
        command
    };
    let before = files(&home);
    run(with(&["call", "GET", "/projects"])).expect(0);
    assert_eq!(token_requests(&standin), 1);
    let job = "printf '%s %s' \"$LOKALISE_ACCESS_TOKEN\" \"$LOKALISE_REFRESH_TOKEN$LOKALISE_CLIENT_SECRET\"";
    let given = run(with(&["exec", "--", "sh", "-c", job])).expect(0).stdout;
    assert_eq!((given.trim_end().len(), given.len()), (40, 41), "the job has the access token and nothing else");
    for ran in at_once((0..4).map(|_| with(&["token", "print"]))) {
        ran.expect(0);
    }
    assert_eq!(token_requests(&standin), 6, "each mints its own, and waits for no other");
    assert_eq!(files(&home), before, "nothing is written");

    standin.revoke_refresh_tokens();
    let refused = run(with(&["whoami"])).expect(4);
    assert!(refused.stdout.contains("minting a token from LOKALISE_REFRESH_TOKEN was refused"), "{}", refused.stdout);
    assert!(!(refused.stdout + &refused.stderr).contains(&refresh_token));
    let mut half = home.command(["token", "print"]);
    half.env("LOKALISE_REFRESH_TOKEN", &refresh_token);
    assert!(run(half).expect(2).stderr.contains("LOKALISE_CLIENT_ID is not"));
}

#[test]
fn a_minted_refresh_token_that_is_replaced_is_said_to_be_lost() {
    let standin = Standin::start();
    standin.set(|switches| switches.rotate_refresh = true);
    let home = Home::new(&standin);
    let mut command = home.command(["token", "print"]);
    command.envs(minting(&standin, &standin.refresh_token("read_projects")));
    assert!(run(command).expect(0).stderr.contains("LOKALISE_REFRESH_TOKEN may not work again"));
}

#[test]
fn a_token_for_readers_has_its_end_with_it_and_no_other_secret() {
    let standin = Standin::start();
    let home = Home::new(&standin);
    home.login(&[]);
    let printed = run(home.command(["token", "print", "--format", "json"])).expect(0).stdout;
    let token: Value = serde_json::from_str(&printed).expect("JSON");
    let mut keys: Vec<&String> = token.as_object().expect("an object").keys().collect();
    keys.sort_unstable();
    assert_eq!(keys, ["api_url", "expires_at", "kind", "token"]);
    assert!(token["expires_at"].as_str().expect("an end").ends_with('Z'));
    let stored = record(&home, "default");
    assert_eq!(token["token"], stored["access_token"]);
    for secret in ["refresh_token", "client_secret"] {
        assert!(!printed.contains(stored[secret].as_str().expect("a secret")));
    }
    let reader = Home::new(&standin);
    let mut call = reader.command(["call", "/projects"]);
    call.env("LOKALISE_ACCESS_TOKEN", token["token"].as_str().expect("a token"));
    run(call).expect(0);
}

#[test]
fn a_token_command_is_split_as_a_shell_does_and_expands_nothing() {
    let standin = Standin::start();
    let home = Home::new(&standin);
    let (token, script) = (standin.api_token(), home.path().join("print token"));
    program(
        &script,
        &format!("#!/bin/sh\nprintf '%s\\n' \"$@\" > '{}/words'\nprintf '  {token}\\r\\n'\n", home.path().display()),
    );
    let line = format!(r#"'{}' "two words" '$HOME' `id` *.json a\ b '' ;rm"#, script.display());
    run(home.command(["token", "set", "--from-command", &line])).expect(0);
    assert_eq!(run(home.command(["token", "print"])).expect(0).stdout.trim(), token);
    let words = fs::read_to_string(home.path().join("words")).expect("it was run");
    assert_eq!(words, "two words\n$HOME\n`id`\n*.json\na b\n\n;rm\n");
    assert!(!home.credentials().exists(), "the token is kept nowhere");
    let kept = fs::read_to_string(home.profiles()).expect("a file");
    assert!(kept.contains("two words") && !kept.contains(&token));
    let whoami = run(home.command(["whoami", "--json"])).expect(0).stdout;
    assert!(whoami.contains(r#""source":{"type":"command""#), "{whoami}");
    run(home.command(["logout"])).expect(0);
    run(home.command(["token", "print"])).expect(4);
}

#[test]
fn a_token_command_is_not_given_the_input_of_the_call() {
    let standin = Standin::start();
    let home = Home::new(&standin);
    let script = home.path().join("print-token");
    program(&script, &format!("#!/bin/sh\ncat\necho {}\n", standin.api_token()));
    run(home.command(["token", "set", "--from-command", script.to_str().expect("text")])).expect(0);
    let call = home.command(["call", "/projects"]);
    assert_cmd::Command::from_std(call).write_stdin("ids of a loop\n").assert().success();
}

#[test]
fn a_token_command_is_never_looked_up_in_the_working_folder() {
    let standin = Standin::start();
    let mut home = Home::new(&standin);
    let token = standin.api_token();
    program(&home.work().join("get-token"), &format!("#!/bin/sh\necho {token}\n"));
    run(home.command(["token", "set", "--from-command", "./get-token"])).expect(0);
    let mut elsewhere = home.command(["token", "print"]);
    elsewhere.current_dir("/");
    assert_eq!(run(elsewhere).expect(0).stdout.trim(), token);
    let path = home.vars().iter().find(|(name, _)| name == "PATH").expect("a PATH").1.clone();
    home.set("PATH", &format!(".:{path}"));
    let refused = run(home.command(["token", "set", "--from-command", "get-token"])).expect(2);
    assert!(refused.stderr.contains("the program of `--from-command` is not found"), "{}", refused.stderr);
    fs::remove_file(home.work().join("get-token")).expect("our own file");
    let gone = run(home.command(["token", "print"])).expect(3);
    assert!(gone.stderr.contains("get-token` cannot be run"), "the stored command is not a secret: {}", gone.stderr);
}

#[test]
fn a_token_in_the_place_of_a_command_is_refused_and_not_repeated() {
    let standin = Standin::start();
    let home = Home::new(&standin);
    let token = standin.api_token();
    let (slashed, absolute) = (token.replacen('0', "/", 2), format!("/{token}"));
    for line in [&token, &format!("{token} x"), &slashed, &absolute, &format!("./{token}")] {
        for more in [&[][..], &["--no-verify"]] {
            let mut set = home.command(["token", "set", "--from-command", line]);
            set.args(more);
            let ran = run(set).expect(2);
            assert!(!ran.stderr.contains(&token[..8]), "{line}: {}", ran.stderr);
            assert!(ran.stderr.contains("read from stdin or a prompt"), "{line}: {}", ran.stderr);
        }
    }
    assert!(!home.profiles().exists(), "nothing was kept");
}

#[test]
fn a_token_command_that_fails_is_an_error_that_quotes_nothing() {
    let standin = Standin::start();
    let mut home = Home::new(&standin);
    home.set("LOKALISE_AUTH_KEYRING_TIMEOUT", "1");
    let canary = forty_hex();
    let script = home.path().join("command");
    for (text, why) in [
        ("exit 3".to_owned(), "failed (exit status: 3)"),
        (format!("echo {canary}; exit 1"), "failed (exit status: 1)"),
        (format!("echo {canary}; echo {canary}"), "does not print a token: it has a second line"),
        (format!("echo 'Bearer {canary}'"), "does not print a token"),
        ("true".to_owned(), "does not print a token: it is empty"),
        ("printf '\\377\\376'".to_owned(), "does not print text"),
        ("yes".to_owned(), "prints more than a token"),
        (format!("sleep 40 & echo $! > '{}/child'; wait", home.path().display()), "did not end within 1s"),
    ] {
        program(&script, &format!("#!/bin/sh\n{text}\n"));
        let ran = run(home.command(["token", "set", "--from-command", &script.display().to_string()])).expect(3);
        assert!(ran.stderr.contains(why), "{text}: `{why}` is not in: {}", ran.stderr);
        assert!(!ran.stderr.contains(&canary), "{text}");
    }
    let child = fs::read_to_string(home.path().join("child")).expect("it was started");
    until("the end of what it started", || {
        let status = fs::read_to_string(format!("/proc/{}/status", child.trim())).unwrap_or_default();
        status.is_empty() || status.contains("State:\tZ")
    });
    for line in ["", "   ", "'open", "\"open"] {
        let ran = run(home.command(["token", "set", "--from-command", line])).expect(2);
        assert!(ran.stderr.contains("is not a command") || ran.stderr.contains("--from-command"), "{}", ran.stderr);
    }
    assert!(!home.profiles().exists(), "nothing was kept");
}

#[cfg(target_os = "linux")]
#[test]
fn a_store_that_cannot_be_written_after_a_refresh_does_not_stop_the_run() {
    if !crate::support::crowd::can_trace() {
        return;
    }
    let standin = Standin::start();
    let home = with_ended_token(&standin);
    let before = record(&home, "default");
    let folder = home.path().join("data").display().to_string();
    let paths = [home.credentials().display().to_string(), format!("{folder}/.credentials.json.new.$$")];
    let fault = ["inject=write:error=ENOSPC"];
    let full = |arguments: &[&str]| run(crate::support::crowd::under_strace(&home.command(arguments), &fault, &paths));
    let ran = full(&["token", "print"]).expect(0);
    assert_eq!(ran.stdout.trim().len(), 40);
    assert_ne!(before["access_token"], ran.stdout.trim());
    let lines: Vec<&str> = ran.stderr.lines().collect();
    assert_eq!(lines.len(), 1, "{}", ran.stderr);
    assert!(
        lines[0].contains("the stored login is now out of date") && lines[0].contains("No space left"),
        "{}",
        lines[0]
    );
    assert!(lines[0].contains("`lokalise-auth login --store file`"), "{}", lines[0]);
    let refused = full(&["token", "refresh"]).expect(3);
    assert!(refused.stderr.contains("free space"), "{}", refused.stderr);
    assert_eq!(record(&home, "default"), before);
}
