//! Crash safety: a fault in every single call that reads or writes our files, one at
//! a time. Whatever fails, the next run has the whole old record or the whole new one.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::support::crowd::{can_trace, obstacles, run, start, traced, under_strace};
use crate::support::home::Home;
use crate::support::say;
use crate::support::secrets::forty_hex;
use crate::support::standin::Standin;

/// What can happen to a system call: an error that it can really have, or the end of the process during it.
const FAULTS: &[(&str, &[&str])] = &[
    ("openat", &["error=ENOSPC", "error=EIO", "error=EROFS", "error=EDQUOT"]),
    ("mkdir", &["error=ENOSPC", "error=EROFS", "error=EDQUOT"]),
    ("read", &["error=EIO"]),
    ("write", &["error=ENOSPC", "error=EIO", "error=EDQUOT"]),
    ("fsync", &["error=ENOSPC", "error=EIO", "error=EDQUOT"]),
    ("rename", &["error=ENOSPC", "error=EIO", "error=EROFS", "error=EDQUOT"]),
    ("unlink", &["error=EIO", "error=EROFS"]),
];
const KILLED: &str = "signal=SIGKILL";

/// The faults for the nth call: all of them where something changes; otherwise each call gets the next error.
fn faults_of(call: &str, errors: &[&'static str], nth: usize) -> Vec<&'static str> {
    let in_turn = matches!(call, "openat" | "mkdir" | "read");
    let mut faults = if in_turn { vec![errors[nth % errors.len()]] } else { errors.to_vec() };
    faults.push(KILLED);
    faults
}

/// More calls of one kind than any command makes on our files in one thread.
const MOST_CALLS: usize = 40;

/// Every file of ours that a command touches; `$$` is the command's process id.
fn our_paths(home: &Home) -> Vec<String> {
    let data = home.path().join("data").display().to_string();
    let config = home.path().join("config").display().to_string();
    let mut paths =
        vec![data.clone(), config.clone(), format!("{data}/locks"), format!("{data}/locks/default.refresh.lock")];
    for file in [format!("{data}/credentials.json"), format!("{config}/profiles.json")] {
        let (folder, name) = file.rsplit_once('/').expect("a path");
        paths.extend([file.clone(), format!("{file}.lock"), format!("{folder}/.{name}.new.$$")]);
    }
    paths
}

/// The files of an installation, to restore them for the next run.
struct Snapshot(Vec<(PathBuf, Vec<u8>)>);

impl Snapshot {
    fn of(home: &Home) -> Self {
        let files = [home.credentials(), home.profiles()];
        Self(files.into_iter().map(|path| (path.clone(), fs::read(path).expect("a file"))).collect())
    }

    fn restore(&self) {
        for (path, content) in &self.0 {
            let folder = path.parent().expect("a folder");
            for entry in fs::read_dir(folder).expect("a folder").flatten() {
                if entry.path().is_file() {
                    fs::remove_file(entry.path()).expect("our own file");
                }
            }
            fs::write(path, content).expect("our own file");
            fs::set_permissions(path, fs::Permissions::from_mode(0o600)).expect("our own file");
        }
    }
}

#[derive(Default)]
struct Tally {
    faults: usize,
    old: usize,
    new: usize,
}

/// Runs the command with one fault at a time, for every call and every fault, and checks the remaining files.
fn with_every_fault(
    home: &Home,
    snapshot: &Snapshot,
    command: impl Fn() -> Command,
    input: &str,
    kept: impl Fn() -> &'static str,
) -> Tally {
    let mut tally = Tally::default();
    for (call, errors) in FAULTS {
        'calls: for nth in 1..MOST_CALLS {
            for fault in faults_of(call, errors, nth) {
                snapshot.restore();
                let trace = home.path().join("trace");
                let inject = format!("inject={call}:{fault}:when={nth}");
                let options = [format!("trace={call}"), inject.clone()];
                let options = options.each_ref().map(String::as_str);
                let traced = traced(&command(), &options, &our_paths(home), &trace);
                let ran = with_input(traced, input);
                let trace = fs::read_to_string(&trace).unwrap_or_default();
                if !trace.contains("INJECTED") && !trace.contains("killed by SIGKILL") {
                    break 'calls; // it makes no more of these calls
                }
                tally.faults += 1;
                let what = format!("{inject}: exit {:?}, {}", ran.0, ran.1);
                let left = kept();
                match left {
                    "old" => tally.old += 1,
                    "new" => tally.new += 1,
                    other => panic!("{what}: {other}"),
                }
                // After a fault, exit 0 may leave a temporary file, but not the record.
                if ran.0 == Some(0) && fault != KILLED && *call != "unlink" {
                    assert_eq!(left, "new", "{what}: it reports success");
                }
                assert_private(&home.path().join("data"), &what);
                assert_private(&home.path().join("config"), &what);
            }
        }
    }
    tally
}

fn with_input(mut command: Command, input: &str) -> (Option<i32>, String) {
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("strace can be run");
    // One that is killed early does not read it.
    let _ = child.stdin.take().expect("stdin is piped").write_all(input.as_bytes());
    let output = child.wait_with_output().expect("our own child");
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[track_caller]
fn assert_private(folder: &Path, what: &str) {
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let mode = entry.metadata().expect("a file").permissions().mode() & 0o777;
        let wanted = if entry.path().is_dir() { 0o700 } else { 0o600 };
        assert_eq!(mode, wanted, "{what}: {}", entry.path().display());
    }
}

/// The token that the next run has.
fn next_run(home: &Home) -> (Option<i32>, String) {
    let ran = run(home.command(["token", "print"]));
    (ran.code, format!("{}{}", ran.stdout.trim(), ran.stderr))
}

fn tell(what: &str, tally: &Tally) {
    say(&format!(
        "  {what}: {} faults, {} left the old record whole and {} the new one",
        tally.faults, tally.old, tally.new
    ));
    assert!(tally.faults > 30 && tally.old > 0, "the faults are not injected");
}

#[test]
fn token_set_keeps_the_old_record_or_the_new_one_whatever_fails() {
    if !can_trace() {
        return;
    }
    let standin = Standin::start();
    let home = Home::new(&standin);
    home.login(&[]);
    let old = run(home.command(["token", "print"])).expect(0).stdout;
    let snapshot = Snapshot::of(&home);
    // Another kind of credential too: its two files must not contradict each other.
    let new = forty_hex();
    let kept = || match next_run(&home) {
        (Some(0), token) if token == old.trim() => "old",
        (Some(0), token) if token == new => "new",
        other => Box::leak(format!("{other:?}").into_boxed_str()),
    };
    let command = || home.command(["token", "set", "--no-verify"]);
    tell("token set", &with_every_fault(&home, &snapshot, command, &format!("{new}\n"), kept));
    assert_swept(&home);
}

#[test]
fn a_refresh_keeps_the_old_record_or_the_new_one_whatever_fails() {
    if !can_trace() {
        return;
    }
    let standin = Standin::start();
    let home = Home::new(&standin);
    home.login(&[]);
    let snapshot = Snapshot::of(&home);
    let old = run(home.command(["token", "print"])).expect(0).stdout;
    let kept = || match next_run(&home) {
        (Some(0), token) if token == old.trim() => "old",
        (Some(0), token) if token.len() == 40 => "new",
        other => Box::leak(format!("{other:?}").into_boxed_str()),
    };
    tell("token refresh", &with_every_fault(&home, &snapshot, || home.command(["token", "refresh"]), "", kept));
    assert_swept(&home);
}

#[test]
fn a_logout_keeps_the_record_or_removes_it_whatever_fails() {
    if !can_trace() {
        return;
    }
    let standin = Standin::start();
    let home = Home::new(&standin);
    home.set_token(&["--profile", "other"]);
    home.login(&[]);
    let snapshot = Snapshot::of(&home);
    let old = run(home.command(["token", "print"])).expect(0).stdout;
    let kept = || {
        let other = run(home.command(["token", "print", "--profile", "other"]));
        if other.code != Some(0) {
            return "the record of another profile is lost";
        }
        match next_run(&home) {
            (Some(0), token) if token == old.trim() => "old",
            (Some(4), output_text) if output_text.contains("not logged in") => "new",
            other => Box::leak(format!("{other:?}").into_boxed_str()),
        }
    };
    tell("logout", &with_every_fault(&home, &snapshot, || home.command(["logout"]), "", kept));
}

#[test]
fn a_login_keeps_the_old_record_or_the_new_one_whatever_fails() {
    if !can_trace() {
        return;
    }
    let standin = Standin::start();
    let home = Home::new(&standin);
    home.login(&[]);
    let snapshot = Snapshot::of(&home);
    let old = run(home.command(["token", "print"])).expect(0).stdout;
    let kept = || match next_run(&home) {
        (Some(0), token) if token == old.trim() => "old",
        (Some(0), token) if token.len() == 40 => "new",
        other => Box::leak(format!("{other:?}").into_boxed_str()),
    };
    let login = home.login_cmd(&["--scope", "read_projects"]);
    let variables: Vec<_> =
        login.get_envs().map(|(name, value)| (name.to_owned(), value.map(ToOwned::to_owned))).collect();
    let command = || {
        let mut command = home.command(["login", "--scope", "read_projects"]);
        command.envs(variables.iter().filter_map(|(name, value)| Some((name, value.as_ref()?))));
        command
    };
    tell("login", &with_every_fault(&home, &snapshot, command, "", kept));
    assert_swept(&home);
}

/// The next write removes the leftovers of a killed one.
#[track_caller]
fn assert_swept(home: &Home) {
    let stray = home.path().join("data/.credentials.json.new.1");
    fs::write(&stray, "half").expect("our own folder");
    let _ = start(home.command(["token", "refresh"])).wait();
    home.set_token(&[]);
    let left: Vec<_> = fs::read_dir(home.path().join("data")).expect("a folder").flatten().collect();
    let left: Vec<_> =
        left.iter().map(fs::DirEntry::file_name).filter(|name| name.to_string_lossy().contains(".new.")).collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn a_login_that_could_not_be_kept_fails_before_anybody_is_asked() {
    if !can_trace() {
        return;
    }
    let standin = Standin::start();
    let home = Home::new(&standin);
    let login = home.login_cmd(&[]);
    for file in [home.profiles(), home.credentials()] {
        let (folder, name) = (file.parent().expect("a folder"), file.file_name().expect("a name").to_string_lossy());
        let new = format!("{}/.{name}.new.$$", folder.display());
        let mut command = home.command(["login"]);
        command.envs(login.get_envs().filter_map(|(name, value)| Some((name, value?))));
        for fault in ["inject=openat:error=EROFS", "inject=write:error=ENOSPC"] {
            let ran = run(under_strace(&command, &[fault], std::slice::from_ref(&new))).expect(3);
            assert!(ran.stderr.contains(&format!("{} cannot be written", file.display())), "{}", ran.stderr);
            assert!(ran.stderr.contains("free space"), "{}", ran.stderr);
        }
        assert!(!file.exists());
    }
    assert_eq!(standin.requests().len(), 0);
}

#[test]
fn a_file_that_is_not_ours_alone_is_refused_and_untouched() {
    let standin = Standin::start();
    let home = Home::new(&standin);
    home.set_token(&[]);
    let content = fs::read(home.credentials()).expect("a file");
    let victim = home.path().join("victim");
    for (obstacle, why) in [
        ("symlink", "is a symbolic link"),
        ("fifo", "is not a regular file"),
        ("directory", "is not a regular file"),
        ("readable", "is open to other users (mode 0640)"),
        ("foreign", "belongs to another user"),
    ]
    .into_iter()
    .filter(|(obstacle, _)| obstacles().any(|can| can == *obstacle))
    {
        fs::write(&victim, &content).expect("our own folder");
        let _ = fs::remove_file(home.credentials()).or_else(|_| fs::remove_dir(home.credentials()));
        crate::support::crowd::obstacle(obstacle, &home.credentials(), &victim);
        for arguments in [&["token", "print"][..], &["logout"], &["token", "set", "--no-verify"]] {
            let refused = with_input(home.command(arguments), &format!("{}\n", forty_hex()));
            assert_eq!(refused.0, Some(3), "{obstacle}: {arguments:?}: {}", refused.1);
            assert!(refused.1.contains(why), "{obstacle}: {arguments:?}: {}", refused.1);
        }
        assert_eq!(fs::read(&victim).expect("a file"), content, "{obstacle}");
    }
}

#[test]
fn an_obstacle_in_place_of_the_lock_or_the_new_file_changes_nothing() {
    let standin = Standin::start();
    let home = Home::new(&standin);
    home.set_token(&[]);
    let before = fs::read(home.credentials()).expect("a file");
    let lock = PathBuf::from(format!("{}.lock", home.credentials().display()));
    let victim = home.path().join("victim");
    fs::write(&victim, "untouched").expect("our own folder");
    // The mode of a lock does not matter: it holds no secret.
    for obstacle in obstacles().filter(|obstacle| *obstacle != "readable") {
        let _ = fs::remove_file(&lock).or_else(|_| fs::remove_dir(&lock));
        crate::support::crowd::obstacle(obstacle, &lock, &victim);
        let refused = with_input(home.command(["token", "set", "--no-verify"]), &format!("{}\n", forty_hex()));
        assert_eq!(refused.0, Some(3), "{obstacle} for a lock: {}", refused.1);
        assert_eq!(fs::read(home.credentials()).expect("a file"), before, "{obstacle}");
        assert_eq!(fs::read_to_string(&victim).expect("a file"), "untouched", "{obstacle}");
    }
    let _ = fs::remove_file(&lock);
    for obstacle in obstacles().filter(|obstacle| *obstacle != "readable") {
        // The shell makes way for the program, which has its number.
        let place = home.path().join("data/.credentials.json.new.");
        let make = match obstacle {
            "symlink" => format!("ln -s {} {}$$", victim.display(), place.display()),
            "fifo" => format!("mkfifo {}$$", place.display()),
            "foreign" => format!("touch {0}$$; chown 65534 {0}$$", place.display()),
            _ => format!("mkdir {}$$", place.display()),
        };
        let program = home.command(["token", "set", "--no-verify"]);
        let mut shell = home.other("sh", ["-c", &format!("{make}; exec \"$0\" token set --no-verify")]);
        shell.arg(program.get_program());
        let token = forty_hex();
        let ended = with_input(shell, &format!("{token}\n"));
        let file = fs::read_to_string(home.credentials()).expect("a file");
        if obstacle == "directory" {
            assert_eq!(ended.0, Some(3), "{}", ended.1);
            assert!(!file.contains(&token));
        } else {
            assert_eq!(ended.0, Some(0), "{obstacle}: {}", ended.1);
            assert!(file.contains(&token));
        }
        assert_eq!(fs::read_to_string(&victim).expect("a file"), "untouched", "{obstacle}");
        let _: Value = serde_json::from_str(&file).expect("a whole file");
    }
}
