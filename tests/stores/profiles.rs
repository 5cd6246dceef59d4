//! Profiles: which one is in force, what a record is bound to, and a list that
//! cannot be read.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use serde_json::Value;

use crate::support::crowd::{edit_record, record, run};
#[cfg(target_os = "linux")]
use crate::support::crowd::{needs, until};
use crate::support::home::Home;
use crate::support::secrets::forty_hex;
use crate::support::standin::Standin;

/// A home with two profiles in the file store, and the token of each.
fn with_two_profiles(standin: &Standin) -> (Home, String, String) {
    let home = Home::new(standin);
    let (one, two) = (forty_hex(), forty_hex());
    for (profile, token) in [("default", &one), ("second", &two)] {
        let set = home.command(["token", "set", "--no-verify", "--profile", profile]);
        assert_cmd::Command::from_std(set).write_stdin(token.as_str()).assert().success();
    }
    (home, one, two)
}

fn printed(home: &Home, folder: &Path, variables: &[(&str, &str)], arguments: &[&str]) -> String {
    let mut command = home.command(["token", "print"]);
    command.args(arguments).envs(variables.iter().copied()).current_dir(folder);
    run(command).expect(0).stdout.trim().to_owned()
}

#[test]
fn the_profile_is_chosen_by_the_nearest_rule() {
    let standin = Standin::start();
    let (home, one, two) = with_two_profiles(&standin);
    let deep = home.work().join("a/b/c");
    fs::create_dir_all(&deep).expect("our own folder");
    assert_eq!(printed(&home, &deep, &[], &[]), one);
    run(home.command(["profile", "use", "second"])).expect(0);
    assert_eq!(printed(&home, &deep, &[], &[]), two);
    fs::write(home.work().join(".lokalise-profile"), "second\n").expect("our own folder");
    fs::write(home.work().join("a/.lokalise-profile"), "default").expect("our own folder");
    assert_eq!(printed(&home, &deep, &[], &[]), one, "the nearest file up the tree");
    assert_eq!(printed(&home, &home.work(), &[], &[]), two);
    assert_eq!(printed(&home, &deep, &[("LOKALISE_PROFILE", "second")], &[]), two);
    assert_eq!(printed(&home, &deep, &[("LOKALISE_PROFILE", "")], &[]), one, "an empty variable counts as unset");
    assert_eq!(printed(&home, &deep, &[("LOKALISE_PROFILE", "second")], &["--profile", "default"]), one);
    assert_eq!(printed(&home, &deep, &[("LOKALISE_API_TOKEN", "from-variable")], &[]), "from-variable");
    assert_eq!(printed(&home, &deep, &[("LOKALISE_API_TOKEN", "from-variable")], &["--profile", "second"]), two);
    let mut whoami = home.command(["whoami", "--json", "--offline"]);
    whoami.current_dir(&deep);
    let report: Value = serde_json::from_str(&run(whoami).expect(0).stdout).expect("JSON");
    assert!(report["profile_rule"].as_str().expect("a rule").ends_with("work/a/.lokalise-profile"), "{report}");
}

#[test]
fn a_folder_that_names_no_profile_is_an_error_with_the_path() {
    let standin = Standin::start();
    let (home, ..) = with_two_profiles(&standin);
    let file = home.work().join(".lokalise-profile");
    for text in ["", "\n", "../x\n", "second\ndefault\n", "second # mine\n", &"x".repeat(65)] {
        fs::write(&file, text).expect("our own folder");
        let ran = run(home.command(["token", "print"])).expect(2);
        assert!(ran.stderr.contains(".lokalise-profile must hold one profile name and nothing else"), "{}", ran.stderr);
    }
    for text in ["second\r\n", " second \n", "\u{feff}second\n"] {
        fs::write(&file, text).expect("our own folder");
        run(home.command(["token", "print"])).expect(0);
    }
    fs::write(&file, "third\n").expect("our own folder");
    let ran = run(home.command(["token", "print"])).expect(4);
    assert!(
        ran.stderr.contains("the profile was chosen by") && ran.stderr.contains(".lokalise-profile"),
        "{}",
        ran.stderr
    );
    fs::remove_file(&file).expect("our own file");
    fs::create_dir(&file).expect("our own folder");
    run(home.command(["token", "print"])).expect(2);
}

#[test]
fn a_bad_profile_name_is_refused_wherever_it_is_typed() {
    let standin = Standin::start();
    let (home, ..) = with_two_profiles(&standin);
    let before = fs::read(home.profiles()).expect("a file");
    for name in ["../x", "", ".", "..", "a/b", "a b", "a\nb", "a@b", "~probe.1", "\u{1b}[2J", &"x".repeat(65)] {
        for arguments in [
            &["token", "print", "--profile", name][..],
            &["login", "-p", name],
            &["logout", "-p", name],
            &["profile", "use", name],
        ] {
            let ran = run(home.command(arguments)).expect(2);
            assert!(!ran.stderr.contains('\u{1b}'), "{}", ran.stderr);
        }
        if !name.is_empty() {
            let mut command = home.command(["token", "print"]);
            let ran = run({
                command.env("LOKALISE_PROFILE", name);
                command
            })
            .expect(2);
            assert!(ran.stderr.contains("LOKALISE_PROFILE names no profile"), "{}", ran.stderr);
        }
    }
    assert_eq!(fs::read(home.profiles()).expect("a file"), before);
}

#[test]
fn commands_that_write_refuse_a_token_variable() {
    let standin = Standin::start();
    let (home, one, _) = with_two_profiles(&standin);
    for name in ["LOKALISE_API_TOKEN", "LOKALISE_ACCESS_TOKEN", "LOKALISE_REFRESH_TOKEN", "LOKALISE_API_TOKEN_FILE"] {
        for arguments in [&["login"][..], &["token", "set"], &["token", "refresh"], &["logout"], &["logout", "--all"]] {
            let mut command = home.command(arguments);
            command.env(name, "x");
            let ran = run(command).expect(2);
            let lines: Vec<&str> = ran.stderr.lines().collect();
            assert_eq!(lines.len(), 2, "{arguments:?}: {}", ran.stderr);
            assert!(lines[0].contains(name) && lines[1].contains(&format!("`unset {name}`")), "{}", ran.stderr);
        }
    }
    let mut both = home.command(["token", "print"]);
    both.env("LOKALISE_API_TOKEN", "x").env("LOKALISE_ACCESS_TOKEN", "y");
    assert!(run(both).expect(2).stderr.contains("are both set"));
    assert_eq!(printed(&home, &home.work(), &[], &[]), one);
    let mut logout = home.command(["logout", "--profile", "default"]);
    logout.env("LOKALISE_API_TOKEN", "x");
    run(logout).expect(0);
    assert_eq!(record(&home, "default"), Value::Null);
}

#[test]
fn a_record_is_used_for_its_own_profile_origin_and_kind_alone() {
    let standin = Standin::start();
    let (home, ..) = with_two_profiles(&standin);
    standin.forget_requests();
    let (first, second) = (record(&home, "default"), record(&home, "second"));
    let call = || run(home.command(["call", "/projects"]));
    // The records change places.
    edit_record(&home, "default", |record| *record = second);
    assert!(call().expect(3).stderr.contains("it belongs to another profile"));
    for (field, value, code) in [
        ("api_url", "https://evil.example", 2),
        ("api_url", "http://127.0.0.1:1", 2),
        ("api_url", "", 2),
        ("kind", "oauth", 3),
        ("kind", "password", 3),
        ("api_token", "a b", 3),
        ("api_token", "", 3),
        ("profile", "Default", 3),
    ] {
        edit_record(&home, "default", |record| {
            *record = first.clone();
            record[field] = value.into();
        });
        call().expect(code);
    }
    // The whole record is of the other kind, and the list says that it is not.
    edit_record(&home, "default", |record| {
        *record = first.clone();
        record["kind"] = "oauth".into();
        record["access_token"] = forty_hex().into();
    });
    assert!(call().expect(3).stderr.contains("of another kind than profiles.json says"));
    edit_record(&home, "default", |record| *record = first.clone());
    let mut elsewhere = home.command(["call", "/projects"]);
    elsewhere.env("LOKALISE_API_URL", "http://127.0.0.1:1/api2");
    let refused = run(elsewhere).expect(2).stderr;
    assert!(refused.contains("nothing was sent"), "{refused}");
    // What was set when the token was stored has to be set again.
    let back = format!("hint: `export LOKALISE_API_URL={}` is where Lokalise was then", standin.api_url());
    assert!(refused.contains(&back), "{refused}");
    assert_eq!(standin.requests().len(), 0);
    run(home.command(["token", "print"])).expect(0);
}

#[test]
fn a_list_that_cannot_be_read_is_named_and_not_overwritten() {
    let standin = Standin::start();
    let (home, ..) = with_two_profiles(&standin);
    let path = home.profiles();
    let shown = path.display().to_string();
    let commands: [&[&str]; 7] = [
        &["token", "print"],
        &["whoami"],
        &["profile", "list"],
        &["profile", "use", "default"],
        &["token", "set", "--no-verify"],
        &["login"],
        &["logout", "--all"],
    ];
    let credentials = fs::read(home.credentials()).expect("a file");
    let newer = r#"{"version":2,"entries":{}}"#;
    for text in ["", "{", "[]", "\0\0", "null", newer, r#"{"version":1,"entries":{"../x":{}}}"#] {
        fs::write(&path, text).expect("our own file");
        for arguments in commands {
            let ran = run(home.command(arguments)).expect(3);
            assert!(ran.stderr.contains(&shown), "{text}: {arguments:?}: {}", ran.stderr);
            assert!(ran.stderr.contains("nothing was changed"), "{text}: {arguments:?}: {}", ran.stderr);
        }
        assert_eq!(fs::read_to_string(&path).expect("a file"), text);
    }
    let victim = home.path().join("victim");
    fs::write(&victim, "{}").expect("our own folder");
    for obstacle in ["fifo", "directory"] {
        let _ = fs::remove_file(&path);
        crate::support::crowd::obstacle(obstacle, &path, &victim);
        for arguments in commands {
            assert!(run(home.command(arguments)).expect(3).stderr.contains(&shown), "{obstacle}: {arguments:?}");
        }
    }
    assert_eq!(fs::read(home.credentials()).expect("a file"), credentials);
}

#[test]
fn one_profile_that_cannot_be_logged_out_does_not_keep_the_others() {
    let standin = Standin::start();
    let (mut home, ..) = with_two_profiles(&standin);
    crate::support::helper::scripted(&mut home, "broken", "");
    home.set_token(&["--profile", "stuck"]);
    crate::support::helper::scripted(&mut home, "broken", "echo 'the vault is locked'; exit 1");
    home.set("LOKALISE_AUTH_STORE", "file");
    let ran = run(home.command(["logout", "--all"])).expect(3);
    assert!(ran.stderr.contains("profile `stuck` was not logged out"), "{}", ran.stderr);
    for profile in ["default", "second"] {
        assert_eq!(record(&home, profile), Value::Null);
        run(home.command(["token", "print", "--profile", profile])).expect(4);
    }
    let left: Value = serde_json::from_slice(&fs::read(home.profiles()).expect("a file")).expect("JSON");
    let left: Vec<&String> = left["entries"].as_object().expect("profiles").keys().collect();
    assert_eq!(left, ["stuck"]);
    crate::support::helper::scripted(&mut home, "broken", "");
    run(home.command(["logout", "--all"])).expect(0);
}

#[cfg(target_os = "linux")]
#[test]
fn the_list_and_the_tab_key_open_no_store() {
    if !crate::support::crowd::can_trace() {
        return;
    }
    needs("strace", "strace");
    let standin = Standin::start();
    let mut home = Home::new(&standin);
    let keyring = crate::support::keyring::Keyring::unlocked(&mut home);
    home.set_token(&[]);
    let trace = home.path().join("trace");
    let look = |arguments: &[&str]| {
        let mut strace = home.other("strace", ["-f", "-qq", "-e", "trace=connect,openat,flock", "-o"]);
        strace.arg(&trace).arg(crate::support::home::binary()).args(arguments);
        let ran = run(strace);
        until("the trace", || trace.exists());
        (ran.expect(0).stdout, fs::read_to_string(&trace).expect("a trace"))
    };
    let (listed, seen) = look(&["profile", "list", "--json"]);
    assert!(listed.contains(r#""name":"default""#));
    let (tabbed, seen_by_tab) = look(&["__complete", "zsh", "lokalise-auth", "--profile", "d"]);
    assert!(tabbed.contains("default"), "{tabbed}");
    for seen in [seen, seen_by_tab] {
        assert!(!seen.contains("connect("), "{seen}");
        assert!(!seen.contains("flock("), "{seen}");
        assert!(!seen.contains("credentials.json"), "{seen}");
    }
    let (_, seen) = look(&["token", "print"]);
    assert!(seen.contains(&keyring.folder().join("socket").display().to_string()), "the trace does show a keyring");
}

#[test]
fn a_folder_that_may_not_be_looked_into_names_no_profile() {
    let standin = Standin::start();
    let (home, one, _) = with_two_profiles(&standin);
    let deep = home.work().join("closed/inner");
    fs::create_dir_all(&deep).expect("our own folder");
    // The folder is closed while a shell is in it.
    let mut print = home.other("sh", ["-c", "chmod 0 ../../closed && exec \"$0\" token print"]);
    print.arg(crate::support::home::binary()).current_dir(&deep);
    assert_eq!(run(print).expect(0).stdout.trim(), one);
    fs::set_permissions(home.work().join("closed"), fs::Permissions::from_mode(0o700)).expect("our own folder");
    // A working folder that is gone names none either.
    let mut print = home.other("sh", ["-c", "rmdir \"$PWD\" && exec \"$0\" token print"]);
    print.arg(crate::support::home::binary()).current_dir(&deep);
    assert_eq!(run(print).expect(0).stdout.trim(), one);
}

#[test]
fn a_profile_that_was_bound_to_reading_stays_so_until_it_is_logged_out() {
    let standin = Standin::start();
    let home = Home::new(&standin);
    let command = home.path().join("get-token");
    crate::support::helper::program(&command, &format!("#!/bin/sh\necho {}\n", standin.api_token()));
    let ways: [&dyn Fn() -> String; 3] = [
        &|| {
            let set = home.command(["token", "set", "-p", "ro"]);
            let token = standin.api_token();
            let ran = assert_cmd::Command::from_std(set).write_stdin(token).assert().success();
            String::from_utf8_lossy(&ran.get_output().stderr).into_owned()
        },
        &|| {
            let mut set = home.command(["token", "set", "-p", "ro", "--from-command"]);
            set.arg(&command);
            run(set).expect(0).stderr
        },
        &|| {
            let ran = home.login_cmd(&["-p", "ro"]).assert().success();
            String::from_utf8_lossy(&ran.get_output().stderr).into_owned()
        },
    ];
    home.set_token(&["--read-only", "-p", "ro"]);
    for way in ways {
        let output_text = way();
        assert!(
            output_text.contains("profile ro stays read-only; `lokalise-auth logout --profile ro`"),
            "{output_text}"
        );
        let refused = run(home.command(["call", "-p", "ro", "POST", "/projects", "-f", "name=x"])).expect(2);
        assert!(refused.stderr.contains("only reading is allowed"), "{}", refused.stderr);
    }
    run(home.command(["logout", "-p", "ro"])).expect(0);
    home.set_token(&["-p", "ro"]);
    run(home.command(["call", "-p", "ro", "POST", "/projects", "-f", "name=x"])).expect(0);
}

#[test]
fn a_hint_names_the_profile_that_it_is_for() {
    let standin = Standin::start();
    let (mut home, ..) = with_two_profiles(&standin);
    run(home.command(["logout", "--profile", "default"])).expect(0);
    let hint = |home: &Home, arguments: &[&str]| run(home.command(arguments)).expect(4).stderr;
    assert!(hint(&home, &["call", "/projects"]).contains("`lokalise-auth login`"));
    // A login without the flag would now be one to `second`.
    run(home.command(["profile", "use", "second"])).expect(0);
    for arguments in [&["-p", "default", "call", "/projects"][..], &["-p", "default", "token", "print"]] {
        assert!(hint(&home, arguments).contains("`lokalise-auth login --profile default`"), "{arguments:?}");
    }
    home.set("LOKALISE_PROFILE", "default");
    assert!(hint(&home, &["call", "/projects"]).contains("`lokalise-auth login --profile default`"));
    home.set("LOKALISE_PROFILE", "gone");
    let command = home.path().join("get-token");
    crate::support::helper::program(&command, "#!/bin/sh\nexit 1\n");
    let mut set = home.command(["token", "set", "--no-verify", "--from-command"]);
    set.arg(&command);
    run(set).expect(0);
    let failed = run(home.command(["token", "print"])).expect(3).stderr;
    assert!(failed.contains("`lokalise-auth token set --profile gone --from-command 'COMMAND'`"), "{failed}");
    let refused = run(home.command(["token", "refresh", "-p", "second"])).expect(2).stderr;
    assert!(refused.contains("`lokalise-auth login --profile second`"), "{refused}");
}

#[test]
fn a_credential_for_another_server_is_named_with_the_way_back() {
    let standin = Standin::start();
    let (home, ..) = with_two_profiles(&standin);
    let kept = fs::read_to_string(home.profiles()).expect("a file");
    let mismatch = |api_url: &str| {
        fs::write(home.profiles(), kept.replace(&standin.api_url().replace("/api2", ""), api_url))
            .expect("our own file");
        run(home.command(["token", "print"])).expect(2).stderr
    };
    let lokalise = mismatch("https://api.lokalise.com");
    assert!(lokalise.contains("hint: `unset LOKALISE_API_URL`\n"), "{lokalise}");
    let other = mismatch("https://api.example.com");
    assert!(other.contains("hint: `export LOKALISE_API_URL=https://api.example.com/api2` is where"), "{other}");
    for odd in ["", "http://plain.example", "https://x.example/$(id)"] {
        let odd = mismatch(odd);
        assert!(!odd.contains("export") && !odd.contains("unset"), "{odd}");
    }
    // A login is for two servers, and both variables lead back.
    fs::write(home.profiles(), &kept).expect("our own file");
    home.login(&[]);
    let kept = fs::read_to_string(home.profiles()).expect("a file");
    let origin = standin.api_url().replace("/api2", "");
    fs::write(home.profiles(), kept.replace(&origin, "https://api.example.com")).expect("our own file");
    let both = run(home.command(["token", "print"])).expect(2).stderr;
    for url in ["LOKALISE_API_URL=https://api.example.com/api2", "LOKALISE_OAUTH_URL=https://api.example.com/oauth2"] {
        assert!(both.contains(&format!("hint: `export {url}` is where")), "{both}");
    }
}

#[test]
fn a_token_in_place_of_a_name_or_a_command_is_not_stored_or_shown() {
    let standin = Standin::start();
    let (home, ..) = with_two_profiles(&standin);
    let token = standin.api_token();
    let command = format!("echo {token}");
    for arguments in [vec!["profile", "use", &token], vec!["token", "set", "-p", "x", "--from-command", &command]] {
        let ran = run(home.command(&arguments)).expect(2);
        assert!(ran.stderr.contains("not shown") && !ran.stderr.contains(&token), "{}", ran.stderr);
        assert!(!fs::read_to_string(home.profiles()).expect("a file").contains(&token));
    }
}

#[test]
fn no_profile_is_in_force_while_a_token_variable_is_set() {
    let standin = Standin::start();
    let (home, ..) = with_two_profiles(&standin);
    let list = |variables: &[(&str, &str)], arguments: &[&str]| {
        let mut list = home.command(["profile", "list"]);
        list.args(arguments).envs(variables.iter().copied());
        let ran = run(list).expect(0);
        (ran.stdout.lines().filter(|line| line.starts_with('*')).count(), ran.stdout, ran.stderr)
    };
    let token = ("LOKALISE_API_TOKEN", "x");
    assert_eq!(list(&[], &[]).0, 1);
    let (marked, _, output_text) = list(&[token], &[]);
    assert_eq!((marked, output_text.as_str()), (0, "no profile is in force: LOKALISE_API_TOKEN is set\n"));
    assert_eq!(list(&[token, ("LOKALISE_ACCESS_TOKEN", "y")], &[]).0, 0);
    assert_eq!(list(&[token], &["--profile", "second"]).0, 1, "the flag comes before the variable");
    assert!(list(&[], &["--json"]).1.contains(r#""in_force":true"#));
    assert!(!list(&[token], &["--json"]).1.contains(r#""in_force":true"#));
}
