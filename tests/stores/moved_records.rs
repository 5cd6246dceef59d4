//! A record that is not at the place that the profile names, folders under several names, and a list of
//! profiles that cannot be written or is not to be believed.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown, symlink};
use std::path::Path;

use crate::support::crowd::{can_trace, root, run, under_strace};
use crate::support::helper::scripted;
use crate::support::home::Home;
use crate::support::say;
use crate::support::secrets::forty_hex;
use crate::support::standin::Standin;

const NOBODY: u32 = 65534;

fn has_profile(home: &Home, profile: &str) -> bool {
    let list: serde_json::Value = serde_json::from_slice(&fs::read(home.profiles()).expect("a list")).expect("JSON");
    list["entries"].get(profile).is_some()
}

/// `token set --no-verify` with a token of its own.
fn set(home: &Home, arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = assert_cmd::Command::from_std(home.command(["token", "set", "--no-verify"]));
    let output = command.args(arguments).write_stdin(forty_hex()).output().expect("the program can be run");
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

/// Runs the commands that must fail while the record is elsewhere, and checks that they name the place.
fn assert_not_found(home: &Home, place: &str) {
    for (arguments, code) in [
        (&["logout"][..], 3),
        (&["logout", "--all"], 3),
        (&["call", "/projects"], 4),
        (&["whoami"], 4),
        (&["token", "print"], 4),
    ] {
        let ran = run(home.command(arguments)).expect(code);
        let output_text = format!("{}{}", ran.stdout, ran.stderr);
        assert!(output_text.contains(place), "{arguments:?}: `{place}` is not in: {output_text}");
        assert!(!output_text.contains("logged out of"), "{arguments:?}: {output_text}");
    }
    assert!(has_profile(home, "default"), "the entry stays");
}

#[test]
fn a_record_in_a_folder_that_moved_is_not_logged_out() {
    let standin = Standin::start();
    let mut home = Home::new(&standin);
    let data = home.path().join("data").display().to_string();
    for (variable, moved) in [("LOKALISE_AUTH_DATA_DIR", "moved"), ("XDG_DATA_HOME", "xdg")] {
        if variable == "XDG_DATA_HOME" {
            home.unset("LOKALISE_AUTH_DATA_DIR");
            home.set(variable, &data);
        }
        home.set_token(&[]);
        let moved = home.path().join(moved).display().to_string();
        home.set(variable, &moved);
        assert_not_found(&home, &moved);
        run(home.command(["logout", "--forget"])).expect(0);
        assert!(!has_profile(&home, "default"));
        home.set(variable, &data);
        home.set_token(&[]);
        run(home.command(["logout"])).expect(0);
    }
}

#[test]
fn a_record_in_another_folder_of_a_helper_is_not_logged_out() {
    let standin = Standin::start();
    let mut home = Home::new(&standin);
    let held = scripted(&mut home, "moves", "[ -z \"$MOVED\" ] || HELD=$MOVED");
    home.set_token(&[]);
    let moved = home.path().join("moved");
    fs::create_dir(&moved).expect("our own folder");
    home.set("MOVED", &moved.display().to_string());
    assert_not_found(&home, "docker-credential-moves lokalise-auth://default");
    let (code, output_text) = set(&home, &[]);
    assert_eq!(code, Some(0), "{output_text}");
    assert!(output_text.contains("was not found, and stays where it is"), "{output_text}");
    home.unset("MOVED");
    assert!(held.join("recordlokalise-auth___default").exists());
    run(home.command(["logout"])).expect(0);
    crate::support::home::remove_locks(&["helper:moves".to_owned()]);
}

#[test]
fn a_new_store_says_where_the_old_record_stays() {
    let standin = Standin::start();
    let mut home = Home::new(&standin);
    home.set_token(&[]);
    let old = home.credentials().display().to_string();
    let data = home.path().join("data").display().to_string();
    home.set("LOKALISE_AUTH_DATA_DIR", &home.path().join("moved").display().to_string());
    let (code, output_text) = set(&home, &[]);
    assert_eq!(code, Some(0), "{output_text}");
    assert!(
        output_text.contains("stays where it is") && output_text.contains(&old),
        "the same store, elsewhere: {output_text}"
    );
    home.set("LOKALISE_AUTH_DATA_DIR", &data);
    scripted(&mut home, "other", "");
    let (code, output_text) = set(&home, &["--store", "helper:other", "--profile", "work"]);
    assert_eq!(
        (code, output_text.contains("warning")),
        (Some(0), false),
        "a new profile has no old record: {output_text}"
    );
    let (code, output_text) = set(&home, &["--store", "file", "--profile", "work"]);
    assert_eq!((code, output_text.contains("warning")), (Some(0), false), "the old record is removed: {output_text}");
    crate::support::home::remove_locks(&["helper:other".to_owned()]);
}

#[test]
fn every_spelling_of_a_folder_is_one_installation() {
    let standin = Standin::start();
    let mut home = Home::new(&standin);
    let root = home.path().display().to_string();
    symlink(home.path(), home.path().join("link")).expect("a link");
    let spelled = |name: &str| {
        [
            format!("{root}/{name}"),
            format!("{root}/{name}/"),
            format!("{root}//./{name}"),
            format!("{root}/link/{name}"),
            format!("{root}/link/link/{name}/../{name}"),
            format!("{root}/{name}/../work/../{name}"),
        ]
    };
    for (config, data) in spelled("config").into_iter().zip(spelled("data").into_iter().rev()) {
        home.set_token(&[]);
        home.set("LOKALISE_AUTH_CONFIG_DIR", &config);
        home.set("LOKALISE_AUTH_DATA_DIR", &data);
        run(home.command(["token", "print"])).expect(0);
        run(home.command(["logout"])).expect(0);
        assert!(!home.credentials().exists(), "{config}, {data}");
    }
}

#[test]
fn a_list_that_cannot_be_replaced_stops_everything_before_it_starts() {
    if !can_trace() {
        return;
    }
    let standin = Standin::start();
    let home = Home::new(&standin);
    home.set_token(&[]);
    let before = (fs::read(home.credentials()).unwrap(), fs::read(home.profiles()).unwrap());
    let list = home.profiles().canonicalize().expect("a file").display().to_string();
    let lock = format!("{list}.lock");
    for (fault, path) in [
        // A file that is mounted alone, one that is immutable, and a folder on a read-only file system.
        ("inject=/^rename:error=EBUSY", &list),
        ("inject=/^rename:error=EPERM", &list),
        ("inject=openat:error=EROFS", &lock),
    ] {
        for arguments in [
            &["token", "set", "--no-verify", "--profile", "new"][..],
            &["login", "--paste", "--profile", "new"],
            &["logout"],
            &["logout", "--all"],
            &["logout", "--forget"],
        ] {
            let command = under_strace(&home.command(arguments), &[fault], std::slice::from_ref(path));
            let ran = run(command).expect(3);
            assert!(ran.stderr.contains("profiles.json cannot be written"), "{fault} {arguments:?}: {}", ran.stderr);
        }
        let after = (fs::read(home.credentials()).unwrap(), fs::read(home.profiles()).unwrap());
        assert_eq!(after, before, "{fault}");
    }
    assert_eq!(standin.requests_to("POST", "/oauth2/token").len(), 0);
}

#[test]
fn a_link_to_the_list_stays_a_link() {
    let standin = Standin::start();
    let home = Home::new(&standin);
    let dotfiles = home.path().join("dotfiles");
    fs::create_dir(&dotfiles).expect("our own folder");
    // The file need not exist yet.
    symlink("../dotfiles/list.json", home.profiles()).expect("a link");
    home.set_token(&["--profile", "a"]);
    home.set_token(&["--profile", "b"]);
    run(home.command(["profile", "use", "b"])).expect(0);
    run(home.command(["logout", "--profile", "a"])).expect(0);
    assert!(fs::symlink_metadata(home.profiles()).expect("a link").is_symlink());
    let list = fs::read_to_string(dotfiles.join("list.json")).expect("a file");
    assert!(list.contains("\"b\"") && !list.contains("\"a\""), "{list}");
    assert_eq!(fs::read_dir(&dotfiles).expect("a folder").count(), 1, "nothing else is left there");
}

/// A list that names a command, which would leave a file when it is run.
fn with_command(home: &Home) -> std::path::PathBuf {
    let ran = home.path().join("ran");
    let script = home.path().join("gives-token");
    fs::write(&script, format!("#!/bin/sh\ntouch {}\necho {}\n", ran.display(), forty_hex())).expect("our own folder");
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).expect("our own file");
    let command = script.display().to_string();
    run(home.command(["token", "set", "--no-verify", "--from-command", &command])).expect(0);
    run(home.command(["token", "print"])).expect(0);
    fs::remove_file(&ran).expect("the command was run");
    ran
}

fn assert_not_believed(home: &Home, ran: &Path, why: &str) {
    for arguments in [&["token", "print"][..], &["call", "/projects"], &["whoami"], &["logout"], &["profile", "list"]] {
        let output_text = run(home.command(arguments)).expect(3).stderr;
        assert!(output_text.contains("profiles.json") && output_text.contains(why), "{arguments:?}: {output_text}");
        assert!(!ran.exists(), "{arguments:?} ran the command");
    }
}

#[test]
fn a_list_that_others_may_write_to_runs_no_command() {
    let standin = Standin::start();
    let home = Home::new(&standin);
    let ran = with_command(&home);
    for mode in [0o660, 0o602, 0o666] {
        fs::set_permissions(home.profiles(), fs::Permissions::from_mode(mode)).expect("our own file");
        assert_not_believed(&home, &ran, "can be written by other users");
    }
    fs::set_permissions(home.profiles(), fs::Permissions::from_mode(0o644)).expect("our own file");
    run(home.command(["token", "print"])).expect(0);
}

#[test]
fn a_list_of_another_user_or_through_its_link_runs_no_command() {
    if !root() {
        return say("  skipped: only root can make files of another user; run as root");
    }
    let standin = Standin::start();
    let home = Home::new(&standin);
    let ran = with_command(&home);
    chown(home.profiles(), Some(NOBODY), None).expect("root gives files away");
    assert_not_believed(&home, &ran, "belongs to another user");
    chown(home.profiles(), Some(0), None).expect("root takes files back");
    let real = home.path().join("real.json");
    fs::rename(home.profiles(), &real).expect("our own file");
    symlink(&real, home.profiles()).expect("a link");
    std::os::unix::fs::lchown(home.profiles(), Some(NOBODY), None).expect("root gives links away");
    assert_not_believed(&home, &ran, "is a link that another user made");
}

#[test]
fn a_profile_file_of_another_user_is_not_obeyed() {
    if !root() {
        return say("  skipped: only root can make files of another user; run as root");
    }
    let standin = Standin::start();
    let home = Home::new(&standin);
    let mut tokens = Vec::new();
    for profile in ["default", "theirs", "outer"] {
        home.set_token(&["--profile", profile]);
        set(&home, &["--profile", profile]);
        tokens.push(run(home.command(["token", "print", "--profile", profile])).expect(0).stdout);
    }
    let file = home.work().join(".lokalise-profile");
    let own = home.path().join("own");
    fs::write(&own, "theirs\n").expect("our own folder");
    let outer = home.path().join(".lokalise-profile");
    for (text, is_link) in [("theirs\n", false), ("no name\n\n", false), ("", true)] {
        let _ = fs::remove_file(&file);
        if is_link {
            symlink(&own, &file).expect("a link");
        } else {
            fs::write(&file, text).expect("our own folder");
        }
        std::os::unix::fs::lchown(&file, Some(NOBODY), None).expect("root gives files away");
        for (expected, nearest) in [(&tokens[0], false), (&tokens[2], true)] {
            let _ = fs::remove_file(&outer);
            if nearest {
                fs::write(&outer, "outer\n").expect("our own folder");
            }
            let ran = run(home.command(["token", "print"])).expect(0);
            assert_eq!(&ran.stdout, expected, "{text:?}");
            assert_eq!(ran.stderr.lines().count(), 1, "one warning: {}", ran.stderr);
            assert!(ran.stderr.contains(".lokalise-profile") && ran.stderr.contains("another user"), "{}", ran.stderr);
        }
    }
}
