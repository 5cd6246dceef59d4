//! Locks whose holder is stuck, and systems that give no lock.

use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;

use crate::refresh_storm::{token_requests, with_ended_token};
use crate::support::crowd::{
    can_trace, edit_record, expire, lockers, now, obstacles, record, run, signal, start, under_strace, until,
};
use crate::support::home::Home;
use crate::support::say;
use crate::support::secrets::forty_hex;
use crate::support::standin::Standin;

/// A command whose write to `credentials.json` begins this much later: it has its new token, and holds the lock.
fn stuck_before_its_write(home: &Home, profile: &str, delay: Duration) -> Command {
    let file_lock = format!("{}.lock", home.credentials().display());
    let mut command = home.command(["token", "print", "--profile", profile]);
    command.env("LOKALISE_AUTH_KEYRING_TIMEOUT", "60");
    under_strace(&command, &[&format!("inject=flock:delay_enter={}:when=1", delay.as_micros())], &[file_lock])
}

/// This is one test, so that all its parts wait in the same half minute.
#[test]
fn a_stuck_holder_costs_the_others_half_a_minute_and_undoes_nothing() {
    if !can_trace() {
        return;
    }
    let standin = Standin::start();
    let home = with_ended_token(&standin);
    for profile in ["gone", "new", "done"] {
        home.login(&["--profile", profile]);
        expire(&home, profile);
    }
    standin.forget_requests();
    let before = record(&home, "default");

    standin.set(|switches| switches.token_delay = Duration::from_secs(20));
    let stopped = start(home.command(["token", "print"]));
    standin.wait_for("POST", "/oauth2/token", 1);
    signal(stopped.id(), Signal::STOP);
    standin.set(|switches| switches.token_delay = Duration::ZERO);
    // They write at different times: the one that finds the file locked then has no time left to wait for it.
    let slow: Vec<_> = [("gone", 34), ("new", 37)]
        .map(|(profile, delay)| start(stuck_before_its_write(&home, profile, Duration::from_secs(delay))))
        .into();
    standin.wait_for("POST", "/oauth2/token", 3);

    // This holder has stored its new token, and still keeps the lock.
    let lock = home.lock_of("done");
    let held = fs::File::options().read(true).open(&lock).expect("the login made it");
    held.lock().expect("nobody holds it");
    let adopting = start(home.command(["token", "print", "--profile", "done"]));
    until("a process waiting", || lockers(&lock, true) == 1);
    let renewed = forty_hex();
    edit_record(&home, "done", |record| {
        record["access_token"] = renewed.as_str().into();
        record["expires_at"] = (now() + 3000).into();
    });

    let began = Instant::now();
    let commands: [&[&str]; 4] =
        [&["token", "print"], &["token", "print"], &["whoami", "--json"], &["token", "refresh"]];
    let waiting = commands.map(|command| start(home.command(command)));
    let logout = start(home.command(["logout", "--profile", "gone"]));
    let login = std::thread::scope(|scope| {
        // A login waits for the same time, and then goes first.
        let login = scope.spawn(|| {
            home.login(&["--profile", "new"]);
            record(&home, "new")
        });
        until("four processes waiting", || lockers(&home.lock_of("default"), true) == 4);
        for waiting in waiting {
            let ran = waiting.wait().expect(9);
            assert!(ran.stdout.is_empty() || ran.stdout.contains(r#""state":"unchecked""#), "{}", ran.stdout);
            assert!(format!("{}{}", ran.stdout, ran.stderr).contains("has not finished in 30 s"), "{}", ran.stderr);
            assert!(ran.wall >= Duration::from_secs(29), "{:?}", ran.wall);
        }
        say(&format!("  a stopped holder: the others ended after {:?}", began.elapsed()));
        login.join().expect("the login")
    });
    assert_eq!(adopting.wait().expect(0).stdout.trim(), renewed);
    drop(held);
    assert_eq!(record(&home, "default"), before, "nothing was changed");
    assert_eq!(token_requests(&standin), 4, "three refreshes and the login's exchange");

    let logout = logout.wait().expect(0);
    assert!(logout.stderr.contains("has held the lock for 30 seconds; going on without it"), "{}", logout.stderr);
    for (slow, code) in slow.into_iter().zip([4, 0]) {
        slow.wait().expect(code);
    }
    assert_eq!(record(&home, "gone"), Value::Null, "the logout is final");
    assert_eq!(record(&home, "new"), login, "the login stays");
    signal(stopped.id(), Signal::KILL);
    stopped.wait();
}

#[test]
fn where_no_lock_is_to_be_had_one_refresh_goes_without_and_says_so() {
    if !can_trace() {
        return;
    }
    let standin = Standin::start();
    let home = with_ended_token(&standin);
    let lock = home.lock_of("default");
    let lock = lock.display().to_string();
    let file_lock = format!("{}.lock", home.credentials().display());
    for (nth, (fault, paths)) in [
        // A network file system without locks,
        ("inject=flock:error=ENOLCK", vec![lock.clone(), file_lock]),
        // a folder that nothing can be made in, and one that is closed to us.
        ("inject=openat:error=EROFS", vec![lock.clone()]),
        ("inject=openat:error=EACCES", vec![lock.clone()]),
    ]
    .into_iter()
    .enumerate()
    {
        expire(&home, "default");
        let traced = under_strace(&home.command(["token", "print", "-v"]), &[fault], &paths);
        let ran = run(traced).expect(0);
        assert!(ran.stderr.contains("no lock can be had"), "{fault}: {}", ran.stderr);
        assert_eq!(token_requests(&standin), nth + 1, "{fault}");
        assert_eq!(record(&home, "default")["access_token"], ran.stdout.trim(), "{fault}: the token is stored");
    }
    // The list of profiles can be written there as well.
    let config = home.profiles().display().to_string();
    let set = under_strace(
        &home.command(["profile", "use", "default"]),
        &["inject=flock:error=ENOLCK"],
        &[format!("{config}.lock")],
    );
    run(set).expect(0);
}

#[test]
fn a_lock_that_is_not_a_file_of_ours_is_not_used() {
    let standin = Standin::start();
    let home = with_ended_token(&standin);
    let lock = home.lock_of("default");
    let victim = home.path().join("victim");
    fs::write(&victim, "untouched").expect("our own folder");
    // The mode of a lock does not matter: it holds no secret.
    for obstacle in obstacles().filter(|obstacle| *obstacle != "readable") {
        let _ = fs::remove_file(&lock);
        crate::support::crowd::obstacle(obstacle, &lock, &victim);
        expire(&home, "default");
        let ran = run(home.command(["token", "print", "-v"])).expect(0);
        assert!(ran.stderr.contains("no lock can be had"), "{obstacle}: {}", ran.stderr);
        assert_eq!(fs::read_to_string(&victim).expect("a file"), "untouched", "{obstacle}");
        if obstacle == "directory" {
            fs::remove_dir(&lock).expect("our own folder");
        }
    }
}

#[test]
fn a_removed_lock_file_still_excludes_the_next_process() {
    let standin = Standin::start();
    let home = with_ended_token(&standin);
    standin.set(|switches| switches.token_delay = Duration::from_secs(20));
    let lock = home.lock_of("default");
    let first = start(home.command(["token", "print"]));
    standin.wait_for("POST", "/oauth2/token", 1);
    let second = start(home.command(["token", "print"]));
    until("a waiting process", || lockers(&lock, true) == 1);
    // As a cleaner of old files does. The third makes a new one, and cannot know of the first.
    fs::remove_file(&lock).expect("our own file");
    standin.set(|switches| switches.token_delay = Duration::from_secs(2));
    let third = start(home.command(["token", "print"]));
    standin.wait_for("POST", "/oauth2/token", 2);
    // The second wakes with a lock that is gone, and must wait for the third's.
    signal(first.id(), Signal::KILL);
    first.wait();
    assert_eq!(second.wait().expect(0).stdout, third.wait().expect(0).stdout);
    assert_eq!(token_requests(&standin), 2);
    assert!(lock.exists());
}
