//! Root with another user's HOME writes no file that this user cannot read, and trusts no file of this user.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, chown};
use std::path::Path;
use std::process::Command;

use crate::support::crowd::{expire, root, run};
use crate::support::home::Home;
use crate::support::say;
use crate::support::standin::Standin;

const NOBODY: u32 = 65534;

/// The command as `sudo`, `su -p` and the start script of a container run it: only `sudo` sets a variable.
fn as_root(home: &Home, arguments: &[&str]) -> [Command; 2] {
    let mut by_sudo = home.command(arguments);
    by_sudo.env("SUDO_UID", NOBODY.to_string());
    [by_sudo, home.command(arguments)]
}

fn give_away(path: &Path) {
    chown(path, Some(NOBODY), Some(NOBODY)).expect("root gives files away");
}

#[test]
fn root_with_the_home_of_another_user_changes_nothing_there() {
    if !root() {
        return say("  skipped: only root can be another user than the one whose home it is; run as root");
    }
    let standin = Standin::start();
    let home = Home::new(&standin);
    home.set_token(&[]);
    let config = home.profiles().parent().expect("a folder").to_owned();
    let files = [home.path().join("home"), config.clone(), home.profiles()];
    for path in &files {
        give_away(path);
    }
    let before = fs::read_to_string(home.profiles()).expect("a file");
    for arguments in [
        &["profile", "use", "work"][..],
        &["logout"],
        &["logout", "--all", "--forget"],
        &["token", "set", "--no-verify"],
        &["login", "--paste"],
        &["whoami"],
    ] {
        for command in as_root(&home, arguments) {
            let ran = run(command);
            assert!(matches!(ran.code, Some(2 | 3)), "{arguments:?}: {:?} {}", ran.code, ran.stderr);
            assert!(ran.stderr.contains("sudo -H"), "{arguments:?}: {}", ran.stderr);
        }
    }
    assert_eq!(fs::read_to_string(home.profiles()).expect("a file"), before);
    for path in &files {
        assert_eq!(fs::metadata(path).expect("it is there").uid(), NOBODY, "{}", path.display());
    }
    assert_eq!(fs::read_dir(home.path().join("home")).expect("a folder").count(), 0);
}

#[test]
fn root_makes_nothing_in_the_folder_of_another_user() {
    if !root() {
        return say("  skipped: only root can be another user than the one whose folder it is; run as root");
    }
    let standin = Standin::start();
    let mut home = Home::new(&standin);
    let theirs = home.path().join("theirs");
    fs::create_dir(&theirs).expect("our own folder");
    give_away(&theirs);
    for variable in ["LOKALISE_AUTH_CONFIG_DIR", "LOKALISE_AUTH_DATA_DIR"] {
        let own = home.vars().iter().find(|(name, _)| name == variable).expect("a folder").1.clone();
        home.set(variable, &theirs.join("new/folder").display().to_string());
        let set =
            assert_cmd::Command::from_std(home.command(["token", "set", "--no-verify"])).write_stdin("x").output();
        let set = set.expect("the program can be run");
        assert!(matches!(set.status.code(), Some(2 | 3)), "{variable}: {}", String::from_utf8_lossy(&set.stderr));
        assert_eq!(fs::read_dir(&theirs).expect("a folder").count(), 0, "{variable}");
        home.set(variable, &own);
    }
    home.set_token(&[]);
}

#[test]
fn root_with_the_home_of_another_user_renews_a_token_for_its_run_alone() {
    if !root() {
        return say("  skipped: only root can be another user than the one whose home it is; run as root");
    }
    let standin = Standin::start();
    let home = Home::new(&standin);
    home.login(&[]);
    give_away(&home.path().join("home"));
    for command in as_root(&home, &["call", "/projects"]) {
        expire(&home, "default");
        let before = fs::read(home.credentials()).expect("a file");
        let ran = run(command).expect(0);
        assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
        assert!(ran.stderr.contains("renewed for this run only") && ran.stderr.contains("sudo -H"), "{}", ran.stderr);
        assert_eq!(fs::read(home.credentials()).expect("a file"), before);
    }
}
