//! The keyring: what other programs see in it, and every way in which it fails.

use std::io::Read as _;
use std::os::unix::net::UnixListener;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::support::crowd::{Ran, at_once, run, signal};
use crate::support::home::Home;
use crate::support::keyring::Keyring;
use crate::support::kwallet::Display;
use crate::support::say;
use crate::support::secrets::forty_hex;
use crate::support::standin::Standin;

/// The item's user name: the profile and the installation.
fn account(keyring: &Keyring) -> String {
    let found = keyring.secret_tool(&["search", "--all", "--unlock", "service", "lokalise-auth"], "");
    let text = format!("{}{}", String::from_utf8_lossy(&found.stdout), String::from_utf8_lossy(&found.stderr));
    let line = text.lines().find_map(|line| line.strip_prefix("attribute.username = "));
    line.expect("an item with a user name").to_owned()
}

fn set_by_another_program(keyring: &Keyring, account: &str, more: &[&str], secret: &str) {
    let mut arguments = vec!["store", "--label=other", "service", "lokalise-auth", "username", account];
    arguments.extend(more);
    let stored = keyring.secret_tool(&arguments, secret);
    assert!(stored.status.success(), "{}", String::from_utf8_lossy(&stored.stderr));
}

/// Checks one failure: exit 3, in time, with the cause and a hint.
#[track_caller]
fn assert_says(ran: Ran, what: &str, hint: &str) -> Ran {
    let ran = ran.expect(3);
    assert!(ran.stderr.contains(what), "`{what}` is not in: {}", ran.stderr);
    assert!(ran.stderr.contains(hint), "`{hint}` is not in: {}", ran.stderr);
    assert_eq!(ran.stdout, "");
    ran
}

#[test]
fn a_login_is_kept_in_the_keyring_and_used_by_the_next_process() {
    let standin = Standin::start();
    let mut home = Home::new(&standin);
    let keyring = Keyring::unlocked(&mut home);
    home.login(&[]);
    assert!(!home.credentials().exists());
    let account = account(&keyring);
    let (profile, suffix) = account.split_once('@').expect("set apart by installation");
    assert_eq!((profile, suffix.len()), ("default", 8));
    let found = keyring.secret_tool(&["search", "--all", "service", "lokalise-auth"], "");
    let seen = format!("{}{}", String::from_utf8_lossy(&found.stdout), String::from_utf8_lossy(&found.stderr));
    assert!(seen.contains("label = lokalise-auth (default)"), "{seen}");
    assert_eq!(seen.matches("label = ").count(), 1, "the probe has left nothing: {seen}");

    let token = run(home.command(["token", "print"])).expect(0).stdout;
    assert!(run(home.command(["whoami", "--json"])).expect(0).stdout.contains(r#""type":"keyring""#));
    run(home.command(["call", "GET", "/projects"])).expect(0);
    let began = Instant::now();
    let mut times: Vec<Duration> = (0..10).map(|_| run(home.command(["token", "print"])).expect(0).wall).collect();
    times.sort_unstable();
    say(&format!("  a command that reads the keyring: {:?} (median of {:?})", times[5], began.elapsed()));

    // A crowd finds the token ended: the server says so, since the record is not ours to edit here.
    run(home.command(["token", "refresh"])).expect(0);
    assert_ne!(run(home.command(["token", "print"])).expect(0).stdout, token);
    run(home.command(["logout"])).expect(0);
    run(home.command(["token", "print"])).expect(4);
    let left = keyring.secret_tool(&["search", "--all", "service", "lokalise-auth"], "");
    assert!(left.stdout.is_empty(), "{}", String::from_utf8_lossy(&left.stdout));
}

#[test]
fn sixteen_processes_renew_a_login_in_the_keyring_once() {
    let standin = Standin::start();
    standin.set(|switches| switches.token_lifetime = 1);
    let mut home = Home::new(&standin);
    let _keyring = Keyring::unlocked(&mut home);
    home.login(&[]);
    std::thread::sleep(Duration::from_millis(1100));
    standin.set(|switches| switches.token_lifetime = 3600);
    standin.forget_requests();
    let ran = at_once((0..16).map(|nth| {
        let mut command = home.command(["token", "print"]);
        command.env("TMPDIR", format!("/nonexistent/{nth}"));
        command
    }));
    let tokens: Vec<String> = ran.into_iter().map(|ran| ran.expect(0).stdout).collect();
    assert!(tokens.iter().all(|token| *token == tokens[0]));
    assert_eq!(standin.requests_to("POST", "/oauth2/token").len(), 1);
}

#[test]
fn two_installations_do_not_overwrite_each_other() {
    let standin = Standin::start();
    let mut home = Home::new(&standin);
    let _keyring = Keyring::unlocked(&mut home);
    home.set_token(&[]);
    let first = run(home.command(["token", "print"])).expect(0).stdout;
    let other = home.path().join("other");
    std::fs::create_dir(&other).expect("our own folder");
    let mut set = home.command(["token", "set", "--no-verify"]);
    set.env("LOKALISE_AUTH_CONFIG_DIR", &other);
    let second = forty_hex();
    let mut set = assert_cmd::Command::from_std(set);
    set.write_stdin(second.clone()).assert().success();
    assert_eq!(run(home.command(["token", "print"])).expect(0).stdout, first);
    let mut print = home.command(["token", "print"]);
    print.env("LOKALISE_AUTH_CONFIG_DIR", format!("{}/./", other.display()));
    assert_eq!(run(print).expect(0).stdout.trim(), second);
}

#[test]
fn without_a_bus_or_a_service_the_keyring_is_unavailable() {
    let standin = Standin::start();
    let mut home = Home::new(&standin);
    home.set("LOKALISE_AUTH_STORE", "keyring");
    // With a display, libdbus would start its own bus, with our secrets in its environment.
    home.set("DISPLAY", ":77");
    let login = |home: &Home| {
        let mut login = home.command(["login"]);
        login.env("BROWSER", "false").env("LOKALISE_CLIENT_ID", standin.client_id());
        login.env("LOKALISE_CLIENT_SECRET", standin.client_secret());
        run(login)
    };
    for (variable, value) in [("", ""), ("DBUS_SESSION_BUS_ADDRESS", "autolaunch:")] {
        home.set(variable, value);
        home.unset("");
        let ran = assert_says(
            login(&home),
            "the keyring cannot be used: there is no D-Bus session bus",
            "LOKALISE_API_TOKEN",
        );
        assert!(ran.stderr.contains("--store file"), "{}", ran.stderr);
    }
    for (variable, way) in [("SNAP", "snap connect"), ("FLATPAK_ID", "flatpak override")] {
        home.set(variable, "lokalise-auth");
        let ran = login(&home);
        assert!(ran.stderr.contains(way), "in a box the box has the key: {}", ran.stderr);
        home.unset(variable);
    }
    home.set("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent/bus");
    assert_says(login(&home), "the keyring cannot be used", "start the keyring, or set LOKALISE_API_TOKEN");
    let _bus = Keyring::bus(&mut home, "", &[]);
    assert_says(login(&home), "the keyring cannot be used", "start the keyring, or set LOKALISE_API_TOKEN");
    assert_eq!(standin.requests().len(), 0, "it fails before anything is done");
    assert!(!home.profiles().exists() && !home.credentials().exists(), "and falls back to nothing");
}

#[test]
fn a_bus_that_says_no_is_a_refusal() {
    let standin = Standin::start();
    let mut home = Home::new(&standin);
    let _keyring = Keyring::denied(&mut home);
    let set = assert_cmd::Command::from_std(home.command(["token", "set", "--no-verify"])).write_stdin("x").output();
    let output_text = String::from_utf8_lossy(&set.expect("it runs").stderr).into_owned();
    assert!(
        output_text.contains("the keyring refused") && output_text.contains("allow lokalise-auth to use it"),
        "{output_text}"
    );
}

#[test]
fn a_locked_collection_is_not_taken_for_a_logout() {
    let standin = Standin::start();
    let mut home = Home::new(&standin);
    let mut keyring = Keyring::unlocked(&mut home);
    home.set_token(&[]);
    keyring.lock();
    for arguments in
        [&["token", "print"][..], &["whoami", "--json"], &["call", "/projects"], &["logout"], &["token", "set"]]
    {
        // It does not say that no answer came: it does not wait for a person.
        assert_says(run(home.command(arguments)), "the keyring is locked", "unlock it");
    }
    // Nothing was lost.
    keyring.restart();
    run(home.command(["token", "print"])).expect(0);
}

#[test]
fn a_missing_default_collection_is_not_a_lock() {
    let standin = Standin::start();
    let mut home = Home::new(&standin);
    let _keyring = Keyring::empty(&mut home);
    let set = assert_cmd::Command::from_std(home.command(["token", "set", "--no-verify"])).write_stdin("x").output();
    let output_text = String::from_utf8_lossy(&set.expect("it runs").stderr).into_owned();
    assert!(output_text.contains("the keyring cannot be used: it has no default collection"), "{output_text}");
}

#[test]
fn a_bus_or_a_daemon_that_never_answers_costs_the_deadline_and_no_more() {
    let standin = Standin::start();
    let mut home = Home::new(&standin);
    home.unset("LOKALISE_AUTH_KEYRING_TIMEOUT");
    let keyring = Keyring::unlocked(&mut home);
    home.set_token(&[]);
    signal(keyring.daemon(), Signal::STOP);
    let frozen = assert_says(run(home.command(["token", "print"])), "gave no answer within", "restart it");
    signal(keyring.daemon(), Signal::CONT);

    let socket = home.path().join("mute");
    let listener = UnixListener::bind(&socket).expect("a socket");
    std::thread::spawn(move || {
        let mut kept = Vec::new();
        for mut connection in listener.incoming().flatten() {
            let _ = connection.read(&mut [0; 512]);
            kept.push(connection);
        }
    });
    let mute = |timeout: Option<&str>| {
        let mut command = home.command(["token", "print"]);
        command.env("DBUS_SESSION_BUS_ADDRESS", format!("unix:path={}", socket.display()));
        command.envs(timeout.map(|timeout| ("LOKALISE_AUTH_KEYRING_TIMEOUT", timeout)));
        assert_says(run(command), "the keyring gave no answer within", "LOKALISE_AUTH_KEYRING_TIMEOUT")
    };
    let (short, long) = (mute(Some("1")), mute(None));
    assert!(short.stderr.contains("no answer within 1s") && long.stderr.contains("no answer within 5s"));
    assert!(short.wall >= Duration::from_secs(1), "{:?}", short.wall);
    assert!(long.wall >= Duration::from_secs(5) && long.wall > short.wall, "{:?}, {:?}", long.wall, short.wall);
    say(&format!(
        "  a mute bus costs {:?} (asked for 1 s: {:?}); a frozen daemon {:?}",
        long.wall, short.wall, frozen.wall
    ));
    run(home.command(["token", "print"])).expect(0);
}

#[test]
fn an_unanswered_prompt_ends_with_the_deadline() {
    let standin = Standin::start();
    let mut home = Home::new(&standin);
    let display = Display::start();
    let _keyring = Keyring::locked_on_a_display(&mut home, &display.name);
    home.set("DISPLAY", &display.name);
    home.set("LOKALISE_AUTH_KEYRING_TIMEOUT", "2");
    let output_text = run(home.command(["token", "set", "--no-verify"])).expect(3).stderr;
    assert!(
        output_text.contains("the keyring gave no answer within 2s: it is locked, and its prompt was not answered"),
        "{output_text}"
    );
}

#[test]
fn a_second_item_of_the_same_name_is_ambiguous_and_the_hint_clears_it() {
    let standin = Standin::start();
    let mut home = Home::new(&standin);
    let keyring = Keyring::unlocked(&mut home);
    home.set_token(&[]);
    set_by_another_program(&keyring, &account(&keyring), &["twin", "yes"], "another");
    for arguments in [&["token", "print"][..], &["logout"], &["token", "set"]] {
        assert_says(run(home.command(arguments)), "the keyring holds profile `default` twice", "secret-tool clear");
    }
    let output_text = run(home.command(["token", "print"])).stderr;
    let words = output_text.split('`').find(|text| text.starts_with("secret-tool clear")).expect("a command to paste");
    let words: Vec<&str> = words.split(' ').skip(1).collect();
    assert!(keyring.secret_tool(&words, "").status.success());
    home.set_token(&[]);
    run(home.command(["token", "print"])).expect(0);
}

#[test]
fn what_is_not_our_record_is_reported_and_neither_shown_nor_removed() {
    let standin = Standin::start();
    let mut home = Home::new(&standin);
    let keyring = Keyring::unlocked(&mut home);
    home.set_token(&[]);
    let account = account(&keyring);
    let canary = forty_hex();
    let newer = format!(r#"{{"version":2,"profile":"default","secret":"{canary}"}}"#);
    let foreign = format!(
        r#"{{"version":1,"profile":"other","kind":"api-token","api_url":"https://api.lokalise.com","oauth_url":"https://app.lokalise.com","api_token":"{canary}"}}"#
    );
    for (record, why) in [
        (canary.as_str(), "it is not a record of lokalise-auth"),
        ("", "it is not a record of lokalise-auth"),
        ("\u{feff}{}", "it is not a record of lokalise-auth"),
        ("\u{1b}[2J\n", "it is not a record of lokalise-auth"),
        (&newer, "it was written by a newer lokalise-auth"),
        (&foreign, "it belongs to another profile"),
    ] {
        set_by_another_program(&keyring, &account, &[], record);
        for arguments in [&["token", "print"][..], &["whoami", "--json"], &["token", "refresh"]] {
            let ran = run(home.command(arguments)).expect(3);
            assert!(ran.stderr.contains("cannot be read") && ran.stderr.contains(why), "{why}: {}", ran.stderr);
            assert!(!format!("{}{}", ran.stderr, ran.stdout).contains(&canary), "none of its bytes are shown");
        }
        let kept = keyring.secret_tool(&["lookup", "service", "lokalise-auth", "username", &account], "");
        assert_eq!(String::from_utf8_lossy(&kept.stdout), record, "nothing is removed");
    }
    // A record of another origin, too, goes nowhere.
    standin.forget_requests();
    let other = foreign.replace("other", "default");
    set_by_another_program(&keyring, &account, &[], &other);
    run(home.command(["call", "/projects"])).expect(2);
    assert_eq!(standin.requests().len(), 0);
    run(home.command(["logout"])).expect(0);
}

#[test]
fn a_record_too_large_for_the_store_is_refused_before_it_is_written() {
    let standin = Standin::start();
    let mut home = Home::new(&standin);
    let keyring = Keyring::unlocked(&mut home);
    // A token is at most 4,096 characters; a client id can be anything.
    let mut login = home.login_cmd(&["--client-id", &"i".repeat(61_000)]);
    let output = login.output().expect("it runs");
    let output_text = String::from_utf8_lossy(&output.stderr);
    assert_ne!(output.status.code(), Some(0), "{output_text}");
    drop(keyring);
}
