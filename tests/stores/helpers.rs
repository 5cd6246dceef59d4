//! `helper:NAME`: real helpers, and helpers that misbehave.

use std::fs;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use crate::support::crowd::{Ran, at_once, needs, run, until};
use crate::support::helper::{Pass, calls, program, scripted};
use crate::support::home::Home;
use crate::support::keyring::Keyring;
use crate::support::secrets::forty_hex;
use crate::support::standin::Standin;

fn set_token(home: &Home, token: &str) -> Ran {
    let output =
        assert_cmd::Command::from_std(home.command(["token", "set", "--no-verify"])).write_stdin(token).output();
    let output = output.expect("it runs");
    Ran {
        code: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        wall: Duration::ZERO,
    }
}

/// Lets the access token in a scripted helper's record have ended.
fn expire(held: &Path) {
    let file = held.join("recordlokalise-auth___default");
    let mut stored: Value = serde_json::from_slice(&fs::read(&file).expect("a record")).expect("JSON");
    let mut record: Value = serde_json::from_str(stored["Secret"].as_str().expect("a secret")).expect("JSON");
    record["expires_at"] = 1000.into();
    stored["Secret"] = record.to_string().into();
    fs::write(&file, stored.to_string()).expect("our own file");
}

/// A whole life: login, use, refresh by many, logout.
fn lives_in(home: &Home, standin: &Standin) {
    home.login(&[]);
    assert!(!home.credentials().exists());
    let token = run(home.command(["token", "print"])).expect(0).stdout;
    assert!(run(home.command(["whoami", "--json"])).expect(0).stdout.contains(r#""type":"helper""#));
    standin.forget_requests();
    run(home.command(["token", "refresh"])).expect(0);
    assert_ne!(run(home.command(["token", "print"])).expect(0).stdout, token);
    run(home.command(["logout"])).expect(0);
    assert!(run(home.command(["token", "print"])).expect(4).stderr.contains("not logged in"));
}

#[test]
fn a_login_lives_in_pass() {
    let standin = Standin::start();
    let mut home = Home::new(&standin);
    let _pass = Pass::new(&mut home);
    lives_in(&home, &standin);
    let left: Vec<_> = fs::read_dir(home.path().join("pass/docker-credential-helpers")).into_iter().flatten().collect();
    assert!(left.is_empty(), "neither the record nor a probe is left: {left:?}");
}

#[test]
fn a_missing_or_locked_pass_store_is_not_taken_for_a_logout() {
    let standin = Standin::start();
    let mut home = Home::new(&standin);
    let pass = Pass::new(&mut home);
    home.set_token(&[]);
    let gnupg = home.path().join("g");
    // The key is gone: as for a locked agent, gpg cannot decrypt.
    fs::rename(gnupg.join("private-keys-v1.d"), gnupg.join("away")).expect("our own folder");
    drop(pass);
    for arguments in [&["token", "print"][..], &["whoami", "--json"], &["logout"]] {
        let ran = run(home.command(arguments)).expect(3);
        assert!(ran.stderr.contains("the credential helper `pass`"), "{}", ran.stderr);
        assert!(!ran.stderr.contains("not logged in"), "{}", ran.stderr);
    }
    fs::rename(gnupg.join("away"), gnupg.join("private-keys-v1.d")).expect("our own folder");
    run(home.command(["token", "print"])).expect(0);
    // Debian's helper reports "nothing stored" even without any store.
    fs::rename(home.path().join("pass"), home.path().join("elsewhere")).expect("our own folder");
    for arguments in [&["token", "print"][..], &["logout"], &["token", "set"]] {
        run(home.command(arguments)).expect(3);
    }
    let _ = std::process::Command::new("gpgconf").args(["--kill", "all"]).env("GNUPGHOME", &gnupg).output();
}

#[test]
fn a_locked_secretservice_helper_is_not_taken_for_a_logout() {
    needs("docker-credential-secretservice", "golang-docker-credential-helpers");
    let standin = Standin::start();
    let mut home = Home::new(&standin);
    let mut keyring = Keyring::unlocked(&mut home);
    home.set("LOKALISE_AUTH_STORE", "helper:secretservice");
    lives_in(&home, &standin);
    home.set_token(&[]);
    keyring.lock();
    // It says "credentials not found" now, and removes nothing with exit 0.
    for arguments in [&["token", "print"][..], &["whoami"], &["logout"]] {
        let ran = run(home.command(arguments)).expect(3);
        assert!(!ran.stderr.contains("not logged in"), "{arguments:?}: {}", ran.stderr);
    }
    keyring.restart();
    run(home.command(["token", "print"])).expect(0);
}

#[test]
fn a_crowd_renews_a_login_in_a_helper_once_wherever_it_is_run() {
    let standin = Standin::start();
    let mut home = Home::new(&standin);
    let held = scripted(&mut home, &format!("crowd{}", std::process::id()), "");
    home.login(&[]);
    expire(&held);
    standin.forget_requests();
    let ran = at_once((0..16).map(|nth| {
        let mut command = home.command(["token", "print"]);
        command.env("HOME", format!("{}/home/{}", home.path().display(), if nth % 2 == 0 { "." } else { "" }));
        command.env("TMPDIR", format!("/nonexistent/{nth}")).current_dir(if nth % 3 == 0 {
            Path::new("/")
        } else {
            home.path()
        });
        command
    }));
    let tokens: Vec<String> = ran.into_iter().map(|ran| ran.expect(0).stdout).collect();
    assert!(tokens.iter().all(|token| *token == tokens[0]));
    assert_eq!(standin.requests_to("POST", "/oauth2/token").len(), 1);
}

#[test]
fn a_record_that_a_helper_is_just_storing_is_read_again() {
    let standin = Standin::start();
    let mut home = Home::new(&standin);
    let name = format!("half{}", std::process::id());
    let held = scripted(&mut home, &name, "");
    home.set_token(&[]);
    // What helpers say about half of a record, and Debian's for `pass` about an empty file and half of one.
    for half in [
        r#"echo '{"Secr'; exit 0"#,
        r#"echo '{"Secret":""}'; exit 0"#,
        "echo 'exit status 2: gpg: decrypt_message failed: Unknown system error'; exit 1",
        "echo 'exit status 2: gpg: decryption failed: Invalid packet'; exit 1",
        "echo \"exit status 2: gpg: [don't know]: length invalid\"; exit 1",
    ] {
        scripted(&mut home, &name, &format!(r#"[ $1 = get ] && mkdir "$HELD/once" 2>/dev/null && {{ {half}; }}"#));
        let before = calls(&held, "get");
        run(home.command(["token", "print"])).expect(0);
        assert_eq!(calls(&held, "get") - before, 2, "{half}");
        fs::remove_dir(held.join("once")).expect("the helper made it");
    }
    scripted(&mut home, &name, "[ $1 = get ] && { echo 'gpg: decryption failed: Invalid packet'; exit 1; }");
    let broken = run(home.command(["token", "print"])).expect(3);
    assert!(broken.stderr.contains("cannot be read: gpg: decryption failed"), "{}", broken.stderr);
    // A prompt that was refused is not shown again.
    scripted(&mut home, &name, "[ $1 = get ] && { echo 'gpg: decryption failed: No secret key'; exit 1; }");
    let before = calls(&held, "get");
    let locked = run(home.command(["token", "print"])).expect(3);
    assert!(locked.stderr.contains("is locked: gpg"), "{}", locked.stderr);
    assert_eq!(calls(&held, "get") - before, 1);
}

#[test]
fn a_read_only_helper_serves_this_run_and_warns_of_an_outdated_login() {
    let standin = Standin::start();
    let mut home = Home::new(&standin);
    let name = format!("once{}", std::process::id());
    let held = scripted(&mut home, &name, "");
    home.login(&[]);
    expire(&held);
    scripted(&mut home, &name, "[ $1 = get ] || { echo 'not supported'; exit 1; }");
    standin.forget_requests();
    let ran = run(home.command(["token", "print"])).expect(0);
    assert_eq!(ran.stdout.trim().len(), 40);
    let warnings: Vec<&str> = ran.stderr.lines().collect();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].contains("out of date") && warnings[0].contains("login --store file"), "{warnings:?}");
    let refused = run(home.command(["token", "refresh"])).expect(3);
    assert!(refused.stderr.contains("refused: not supported"), "{}", refused.stderr);
    assert_eq!(standin.requests_to("POST", "/oauth2/token").len(), 2);
    // Nothing was lost, and nothing new can be stored there.
    run(home.command(["logout"])).expect(3);
    assert_eq!(set_token(&home, &forty_hex()).code, Some(3));
    run(home.command(["token", "print"])).expect(0);
}

#[test]
fn a_bad_helper_is_a_store_error_in_time_that_quotes_no_secret() {
    let standin = Standin::start();
    let mut home = Home::new(&standin);
    home.set("LOKALISE_AUTH_KEYRING_TIMEOUT", "2");
    let canary = forty_hex();
    let cases = [
        ("echo 'the vault is locked'; exit 1", "is locked: the vault is locked"),
        ("echo 'permission denied'; exit 1", "refused: permission denied"),
        ("echo 'something broke'; exit 7", "cannot be used: something broke"),
        (&format!("echo 'bad token {canary}'; exit 1"), "cannot be used: bad token [redacted]"),
        (&format!(r#"echo '{{"Secret":"{canary}"}}'; exit 1"#), "cannot be used: it failed without saying why"),
        ("exit 1", "it failed without saying why"),
        (&format!("[ $1 = get ] && {{ echo '{canary}'; exit 0; }}"), "its answer is not the protocol's JSON"),
        ("[ $1 = get ] && { head -c 70000 /dev/zero | tr '\\0' x; exit 0; }", "its answer is longer than 64 KiB"),
        ("[ $1 = get ] && { yes; exit 0; }", "its answer is longer than 64 KiB"),
        ("[ $1 = store ] && exit 0", "it took the record but does not give it back"),
        ("[ $1 = erase ] && exit 0", "it reports the record as removed but still holds it"),
        ("sleep 30", "no answer within 2s"),
        ("kill -9 $$", "it failed without saying why"),
    ];
    for (nth, (script, why)) in cases.into_iter().enumerate() {
        scripted(&mut home, &format!("bad{nth}"), script);
        let ran = set_token(&home, &canary);
        assert_eq!(ran.code, Some(3), "{script}: {}", ran.stderr);
        assert!(ran.stderr.contains(why), "{script}: `{why}` is not in: {}", ran.stderr);
        assert!(!ran.stderr.contains(&canary), "{script}");
    }
    for name in ["nowhere", "/nonexistent/docker-credential-x"] {
        home.set("LOKALISE_AUTH_STORE", &format!("helper:{name}"));
        let ran = set_token(&home, &canary);
        assert_eq!(ran.code, Some(3), "{}", ran.stderr);
        assert!(ran.stderr.contains("install or mend it"), "{}", ran.stderr);
    }
}

#[test]
fn a_helper_that_times_out_ends_with_all_its_children() {
    let standin = Standin::start();
    let mut home = Home::new(&standin);
    home.set("LOKALISE_AUTH_KEYRING_TIMEOUT", "1");
    let held = scripted(&mut home, "slow", "sh -c 'sleep 60 & echo $! > \"$0/grandchild\"; wait' \"$HELD\"");
    assert_eq!(set_token(&home, &forty_hex()).code, Some(3));
    let grandchild = fs::read_to_string(held.join("grandchild")).expect("it was started");
    let gone = || !Path::new(&format!("/proc/{}/status", grandchild.trim())).exists() || is_dead(grandchild.trim());
    until("the grandchild's end", gone);
    // Ctrl-C and SIGTERM end the helper too.
    home.set("LOKALISE_AUTH_KEYRING_TIMEOUT", "50");
    fs::remove_file(held.join("grandchild")).expect("our own file");
    home.set("LOKALISE_PROFILE", "another");
    let running = crate::support::crowd::start(home.command(["token", "print"]));
    until("the helper's start", || fs::read_to_string(held.join("grandchild")).is_ok_and(|text| text.ends_with('\n')));
    let grandchild = fs::read_to_string(held.join("grandchild")).expect("it was started");
    crate::support::crowd::signal(running.id(), rustix::process::Signal::TERM);
    running.wait().expect(143);
    until("the grandchild's end", || is_dead(grandchild.trim()));
}

fn is_dead(process: &str) -> bool {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    status.is_empty() || status.contains("State:\tZ")
}

#[test]
fn a_helper_is_called_as_the_protocol_says_and_sees_no_secret_elsewhere() {
    let standin = Standin::start();
    let mut home = Home::new(&standin);
    let held = scripted(&mut home, "seen", "");
    home.set("GNUPGHOME", "/passed/on");
    home.login(&[]);
    let record: Value =
        serde_json::from_slice(&fs::read(held.join("recordlokalise-auth___default")).expect("a record")).expect("JSON");
    assert_eq!(
        (record["ServerURL"].as_str(), record["Username"].as_str()),
        (Some("lokalise-auth://default"), Some("lokalise-auth"))
    );
    let secret = record["Secret"].as_str().expect("a secret");
    assert!(secret.is_ascii() && !secret.contains('\n'));
    let mut print = home.command(["token", "print", "--profile", "default"]);
    for name in ["LOKALISE_API_TOKEN", "LOKALISE_ACCESS_TOKEN", "LOKALISE_REFRESH_TOKEN", "LOKALISE_CLIENT_SECRET"] {
        print.env(name, forty_hex());
    }
    run(print).expect(0);
    let environment = fs::read_to_string(held.join("environment")).expect("a file");
    assert!(environment.contains("GNUPGHOME=/passed/on"));
    for secret in ["LOKALISE_API_TOKEN", "LOKALISE_ACCESS_TOKEN", "LOKALISE_REFRESH_TOKEN", "LOKALISE_CLIENT_SECRET"] {
        assert!(!environment.contains(secret), "{secret}");
    }
    for name in ["environment", "arguments"] {
        Home::assert_no_secret(&standin, name, &fs::read(held.join(name)).expect("a file"));
    }
    assert!(fs::read_to_string(held.join("arguments")).expect("a file").contains("docker-credential-seen get"));
    assert_eq!(calls(&held, "list"), 0, "other programs' entries are never looked at");
    fs::remove_file(held.join("calls")).expect("our own file");
    run(home.command(["token", "print"])).expect(0);
    assert_eq!((calls(&held, "get"), calls(&held, "store")), (1, 0), "one call a run");
}

#[test]
fn the_working_folder_never_chooses_the_helper() {
    let standin = Standin::start();
    let mut home = Home::new(&standin);
    let path = home.vars().iter().find(|(name, _)| name == "PATH").expect("a PATH").1.clone();
    program(&home.work().join("docker-credential-evil"), "#!/bin/sh\ntouch ran\n");
    home.set("PATH", &format!(".::work:../work:{path}"));
    home.set("LOKALISE_AUTH_STORE", "helper:evil");
    let ran = set_token(&home, &forty_hex());
    assert_eq!(ran.code, Some(3), "{}", ran.stderr);
    assert!(ran.stderr.contains("`docker-credential-evil` is not on PATH"), "{}", ran.stderr);
    assert!(!home.work().join("ran").exists());
    for name in ["helper:./evil", "helper:../evil", "helper:a b", "helper:"] {
        home.set("LOKALISE_AUTH_STORE", name);
        assert_eq!(set_token(&home, &forty_hex()).code, Some(2), "{name}");
    }
}

#[test]
fn a_record_beyond_the_limit_is_refused_before_the_helper_is_called() {
    let standin = Standin::start();
    let mut home = Home::new(&standin);
    let held = scripted(&mut home, "wincred", "");
    // Credential Manager takes 2,560 bytes, some of which its helper needs: a long token does not fit.
    let ran = set_token(&home, &"t".repeat(2600));
    assert_eq!(ran.code, Some(3), "{}", ran.stderr);
    assert!(ran.stderr.contains("this store takes 2500"), "{}", ran.stderr);
    assert_eq!(calls(&held, "store"), 1, "the probe's alone");
}

#[test]
fn a_helper_that_is_chosen_by_its_path_is_named_by_it() {
    let standin = Standin::start();
    let mut home = Home::new(&standin);
    scripted(&mut home, "by-path", "");
    let path = home.path().join("helpers/docker-credential-by-path").display().to_string();
    home.set("LOKALISE_AUTH_STORE", &format!("helper:{path}"));
    let item = format!("{path} lokalise-auth://default");
    let ran = set_token(&home, &standin.api_token());
    assert!(ran.stderr.contains(&format!("({item})")), "{}", ran.stderr);
    let report = run(home.command(["whoami", "--offline", "--json"])).expect(0).stdout;
    let report: serde_json::Value = serde_json::from_str(&report).expect("JSON");
    assert_eq!(report["source"]["name"], item.as_str());
}
