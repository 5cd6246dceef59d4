//! Under `sudo` with the caller's HOME nothing is written that the caller could not read afterwards.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, chown};
use std::path::Path;
use std::process::Command;

use crate::support::crowd::{expire, root, run};
use crate::support::home::Home;
use crate::support::say;
use crate::support::standin::Standin;

const NOBODY: u32 = 65534;

/// A command of root's in a home that is somebody else's.
fn by_sudo(home: &Home, arguments: &[&str]) -> Command {
    let mut command = home.command(arguments);
    command.env("SUDO_UID", NOBODY.to_string());
    command
}

fn give_away(path: &Path) {
    chown(path, Some(NOBODY), Some(NOBODY)).expect("root gives files away");
}

#[test]
fn sudo_with_the_callers_home_takes_nothing_from_the_caller() {
    if !root() {
        return say("  skipped: only root can be another user than the one whose home it is; run as root");
    }
    let standin = Standin::start();
    let home = Home::new(&standin);
    home.set_token(&[]);
    home.set_token(&["--profile", "work"]);
    let config = home.profiles().parent().expect("a folder").to_owned();
    let files = [home.path().join("home"), config.clone(), home.profiles()];
    for path in &files {
        give_away(path);
    }
    // An owner that is learned would be noted.
    let without_owner = fs::read_to_string(home.profiles()).expect("a file").replace("Ada Example", "Somebody Else");
    fs::write(home.profiles(), &without_owner).expect("root writes everywhere");
    for arguments in [
        &["profile", "use", "work"][..],
        &["logout"],
        &["logout", "--all"],
        &["token", "set", "--no-verify"],
        &["login", "--paste"],
    ] {
        let ran = run(by_sudo(&home, arguments)).expect(2);
        assert!(ran.stderr.contains("running as another user than the one whose home this is"), "{}", ran.stderr);
        assert!(ran.stderr.contains("hint: run it without sudo, or with `sudo -H`"), "{}", ran.stderr);
    }
    let ran = run(by_sudo(&home, &["whoami"])).expect(0);
    assert_eq!(ran.stderr, "");
    assert_eq!(fs::read_to_string(home.profiles()).expect("a file"), without_owner);
    for path in &files {
        assert_eq!(fs::metadata(path).expect("it is there").uid(), NOBODY, "{}", path.display());
    }
    let with_sudo_h = by_sudo(&home, &["profile", "use", "work"]).env("HOME", home.path()).status();
    assert!(with_sudo_h.expect("the program can be run").success(), "a home of root's own");
}

#[test]
fn sudo_with_the_callers_home_renews_a_token_for_its_run_alone_and_says_so_once() {
    if !root() {
        return say("  skipped: only root can be another user than the one whose home it is; run as root");
    }
    let standin = Standin::start();
    let home = Home::new(&standin);
    home.login(&[]);
    expire(&home, "default");
    let locks = home.path().join("data/locks");
    let _ = fs::remove_dir_all(&locks);
    give_away(&home.path().join("home"));
    let before = fs::read(home.credentials()).expect("a file");
    let ran = run(by_sudo(&home, &["call", "/projects"])).expect(0);
    assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
    assert!(ran.stderr.contains("renewed for this run only") && ran.stderr.contains("sudo -H"), "{}", ran.stderr);
    assert_eq!(fs::read(home.credentials()).expect("a file"), before);
    assert!(!locks.exists(), "a lock of root's would keep the caller from locking");
}
