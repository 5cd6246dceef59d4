//! What other processes can see of ours, and what the command of `exec` inherits.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::process::Command;

use crate::support::crowd::{can_trace, needs, root, run, signal, start, traced, until};
use crate::support::helper::scripted;
use crate::support::home::{Home, binary};
use crate::support::secrets::forty_hex;
use crate::support::standin::Standin;

/// A process that holds a secret and waits: for a helper that does not answer.
fn waiting(home: &mut Home, secret: &str) -> crate::support::crowd::Running {
    let held = scripted(home, "waits", "touch \"$HELD/waiting\"; sleep 20");
    home.set("LOKALISE_AUTH_KEYRING_TIMEOUT", "20");
    let mut command = home.command(["token", "print", "--profile", "default"]);
    command.env("LOKALISE_API_TOKEN", secret);
    let running = start(command);
    until("the helper's start", || held.join("waiting").exists());
    running
}

#[test]
fn memory_and_environment_are_private_and_no_core_is_dumped() {
    if root() {
        needs("setpriv", "util-linux");
    }
    let standin = Standin::start();
    let mut home = Home::new(&standin);
    let secret = forty_hex();
    let running = waiting(&mut home, &secret);
    let process = format!("/proc/{}", running.id());
    let limits = fs::read_to_string(format!("{process}/limits")).expect("limits can be read");
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).expect("a limit");
    assert_eq!(core.split_whitespace().nth(4), Some("0"), "{core}");
    signal(running.id(), rustix::process::Signal::TERM);
    running.wait().expect(143);

    // As a user other than root, since root reads everything.
    let folder = home.path().join("nobody");
    fs::create_dir(&folder).expect("our own folder");
    let program = folder.join("lokalise-auth");
    fs::copy(binary(), &program).expect("our own folder");
    for path in [home.path(), &folder] {
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("our own folder");
    }
    if root() {
        std::os::unix::fs::chown(&folder, Some(65534), Some(65534)).expect("root gives folders away");
    }
    let as_user_nobody = |program: &str| {
        let mut command = Command::new(if root() { "setpriv" } else { program });
        if root() {
            command.args(["--reuid=65534", "--regid=65534", "--clear-groups", program]);
        }
        command.current_dir(&folder).env_clear();
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("HOME", &folder);
        command
    };
    let fifo = folder.join("fifo");
    let made = as_user_nobody("mkfifo").arg(&fifo).status().expect("mkfifo can be run");
    assert!(made.success());
    let mut holder = as_user_nobody(&program.display().to_string());
    // It waits for a token in a file without a writer.
    holder.args(["token", "print"]).env("LOKALISE_API_TOKEN_FILE", &fifo).env("LOKALISE_CLIENT_SECRET", &secret);
    let holder = start(holder);
    let process = format!("/proc/{}", holder.id());
    until("the program", || {
        // Whose program it is by now only root can see; before that it is setpriv.
        (!root() || fs::read_link(format!("{process}/exe")).is_ok_and(|exe| exe == program))
            && fs::metadata(format!("{process}/environ")).is_ok_and(|file| file.uid() == 0)
    });
    let other = as_user_nobody("sleep").arg("5").spawn();
    let mut other = other.expect("sleep can be run");
    until("a process that is not closed", || {
        fs::read_link(format!("/proc/{}/exe", other.id())).is_ok_and(|exe| exe.ends_with("sleep"))
    });
    for (file, id, readable) in [
        ("environ", other.id(), true),
        ("environ", holder.id(), false),
        ("mem", holder.id(), false),
        ("maps", holder.id(), false),
    ] {
        let read = run({
            let mut head = as_user_nobody("head");
            head.args(["-c", "1"]).arg(format!("/proc/{id}/{file}"));
            head
        });
        assert_eq!(read.code == Some(0), readable, "{file} of {id}: {}", read.stderr);
    }
    let arguments = fs::read(format!("{process}/cmdline")).expect("every user reads this");
    assert!(!String::from_utf8_lossy(&arguments).contains(&secret));
    for id in [holder.id(), other.id()] {
        signal(id, rustix::process::Signal::KILL);
    }
    let _ = other.wait();
    holder.wait();
}

#[test]
fn a_command_gets_our_original_limits_and_one_secret() {
    let standin = Standin::start();
    let mut home = Home::new(&standin);
    home.set_token(&[]);
    let look = "ulimit -c; env";
    for (soft, more) in [("unlimited", &[][..]), ("0", &[]), ("7", &[]), ("unlimited", &["--lokalise2"])] {
        let mut shell = home.other("sh", ["-c", &format!("ulimit -S -c {soft}; exec \"$0\" \"$@\"")]);
        shell.arg(binary()).args(["exec", "--profile", "default"]).args(more).arg("--");
        // The official CLI gets `--config FILE` right after its name.
        let script = home.path().join("command");
        crate::support::helper::program(&script, &format!("#!/bin/sh\n{look}\n"));
        shell.arg(&script);
        for name in ["LOKALISE_ACCESS_TOKEN", "LOKALISE_REFRESH_TOKEN", "LOKALISE_CLIENT_SECRET"] {
            shell.env(name, forty_hex());
        }
        let ran = run(shell).expect(0);
        let (limit, environment) = ran.stdout.split_once('\n').expect("a limit and an environment");
        assert_eq!(limit, soft, "{more:?}");
        let given = environment.lines().any(|line| line == format!("LOKALISE_API_TOKEN={}", standin.api_token()));
        assert_eq!(given, more.is_empty());
        for name in ["LOKALISE_ACCESS_TOKEN", "LOKALISE_REFRESH_TOKEN", "LOKALISE_CLIENT_SECRET"] {
            assert!(!environment.contains(name), "{more:?}: {name}");
        }
    }
    home.unset("HOME");
}

#[test]
fn a_command_ignores_the_signals_that_our_parent_ignored() {
    let standin = Standin::start();
    let home = Home::new(&standin);
    home.set_token(&[]);
    for ignored in ["", "INT", "INT HUP TERM"] {
        let ignored_by = |command: &str| {
            let script = format!("trap '' {ignored} USR1; {command} grep SigIgn /proc/self/status");
            let mut shell = home.other("sh", ["-c", &script]);
            shell.arg(binary());
            run(shell).expect(0).stdout
        };
        assert_eq!(ignored_by("\"$0\" exec --profile default --"), ignored_by("exec"), "{ignored}");
    }
}

#[test]
fn the_config_file_for_the_official_cli_goes_away_whatever_signal_comes() {
    use rustix::process::Signal;
    let standin = Standin::start();
    let mut home = Home::new(&standin);
    home.set_token(&[]);
    let temporary = home.path().join("temporary");
    fs::create_dir(&temporary).expect("our own folder");
    home.set("TMPDIR", &temporary.display().to_string());
    let files = || fs::read_dir(&temporary).expect("our own folder").count();
    let script = home.path().join("command");
    let started = home.path().join("started");
    // It ends by itself a moment after a signal, or without one in a while.
    let text = format!(
        "trap 'sleep 0.2; exit 7' TERM HUP INT QUIT USR1 ALRM XCPU\ntouch '{}'\nsleep 1 & wait\nexit 9",
        started.display()
    );
    crate::support::helper::program(&script, &format!("#!/bin/sh\n{text}\n"));
    let command = |home: &Home| {
        let mut command = home.command(["exec", "--lokalise2", "--"]);
        command.arg(&script);
        command
    };
    // No terminal has sent any of them to the child as well.
    let signals = [Signal::TERM, Signal::HUP, Signal::INT, Signal::QUIT, Signal::USR1, Signal::ALARM, Signal::XCPU];
    for sent in signals {
        let running = start(command(&home));
        until("the command", || started.exists());
        assert_eq!(files(), 1);
        signal(running.id(), sent);
        running.wait().expect(7);
        assert_eq!(files(), 0, "{sent:?}");
        fs::remove_file(&started).expect("our own file");
    }
    if !crate::support::crowd::can_trace() {
        return;
    }
    let trace = home.path().join("trace");
    let mut strace = home.other("strace", ["-f", "-qq", "-e", "trace=rt_sigaction,openat", "-o"]);
    strace.arg(&trace).arg(binary()).args(["exec", "--lokalise2", "--", "true"]);
    run(strace);
    let seen = fs::read_to_string(&trace).expect("a trace");
    let file = seen.find("/lokalise2-").expect("the file is made");
    for handled in ["SIGINT", "SIGQUIT", "SIGTERM", "SIGHUP"] {
        let handler = seen.find(&format!("rt_sigaction({handled}, {{sa_handler=0x"));
        assert!(handler.is_some_and(|at| at < file), "{handled} is not prepared for before there is a file");
    }
}

#[test]
fn no_started_program_gets_a_secret_that_is_not_meant_for_it() {
    needs("strace", "strace");
    let standin = Standin::start();
    let mut home = Home::new(&standin);
    scripted(&mut home, "plain", "");
    let trace = home.path().join("trace");
    let login = home.login_cmd(&[]);
    let login: Vec<_> = login.get_envs().map(|(name, value)| (name.to_owned(), value.map(ToOwned::to_owned))).collect();
    let script = home.path().join("prints");
    crate::support::helper::program(&script, &format!("#!/bin/sh\necho {}\n", standin.api_token()));
    let from_command = script.display().to_string();
    let canaries: Vec<String> = (0..3).map(|_| forty_hex()).collect();
    for arguments in [
        &["login"][..],
        &["token", "print"],
        &["whoami"],
        &["call", "/projects"],
        &["token", "set", "--profile", "other", "--from-command", &from_command],
        &["token", "print", "--profile", "other"],
        &["logout", "--profile", "default"],
    ] {
        let mut strace = home.other("strace", ["-f", "-qq", "-v", "-s", "100000", "-e", "trace=execve", "-o"]);
        strace.arg(&trace).arg(binary()).args(arguments);
        if arguments[0] == "login" {
            strace.envs(login.iter().filter_map(|(name, value)| Some((name, value.as_ref()?))));
        } else if arguments.contains(&"--profile") {
            let names = ["LOKALISE_API_TOKEN", "LOKALISE_REFRESH_TOKEN", "LOKALISE_CLIENT_SECRET"];
            strace.envs(names.into_iter().zip(&canaries));
        }
        run(strace).expect(0);
        let seen = fs::read_to_string(&trace).expect("a trace");
        let mut calls = seen.lines().filter(|line| line.contains("execve("));
        // The first is our own start, with all that we were given.
        assert!(calls.next().is_some_and(|own| own.contains("lokalise-auth")));
        for call in calls {
            let mut secrets = standin.secrets();
            secrets.extend(canaries.iter().cloned());
            assert!(
                !secrets.iter().any(|secret| call.contains(secret.as_str())),
                "{arguments:?} starts a program that knows a secret"
            );
            assert!(
                !call.contains("LOKALISE_CLIENT_SECRET") && !call.contains("LOKALISE_REFRESH_TOKEN"),
                "{arguments:?}"
            );
        }
    }
}

#[test]
fn nothing_but_a_login_listens() {
    if !can_trace() {
        return;
    }
    let standin = Standin::start();
    let home = Home::new(&standin);
    home.set_token(&[]);
    let trace = home.path().join("trace");
    for arguments in [
        &["call", "/projects"][..],
        &["whoami"],
        &["token", "print"],
        &["doctor"],
        &["exec", "--", "true"],
        &["scopes"],
    ] {
        let ran = run(traced(&home.command(arguments), &["trace=socket,bind,listen"], &[], &trace));
        let calls = fs::read_to_string(&trace).expect("the trace");
        assert!(!calls.contains("listen(") && !calls.contains("bind("), "{arguments:?}: {calls}\n{}", ran.stderr);
    }
    // The tracer does see it.
    let mut login = home.command(["login", "--no-browser", "--timeout", "1s", "--client-id", &standin.client_id()]);
    login.env("LOKALISE_CLIENT_SECRET", standin.client_secret());
    run(traced(&login, &["trace=socket,bind,listen"], &[], &trace)).expect(4);
    assert!(fs::read_to_string(&trace).expect("the trace").contains("listen("));
}

#[test]
fn a_program_in_the_bus_address_never_gets_a_secret() {
    let standin = Standin::start();
    let mut home = Home::new(&standin);
    home.set("LOKALISE_AUTH_STORE", "keyring");
    let (program, environment) = (home.path().join("bus"), home.path().join("environment"));
    crate::support::helper::program(&program, &format!("#!/bin/sh\nenv > '{}'\n", environment.display()));
    let secret = standin.client_secret();
    for address in ["unixexec:path=", "unix:path=/nowhere;unixexec:path=", " unixexec:path="] {
        home.set("DBUS_SESSION_BUS_ADDRESS", &format!("{address}{}", program.display()));
        for variable in lokalise_auth::world::SECRET_VARIABLES {
            // `--profile` makes a command use the store although a token variable is set.
            let mut command = home.command(["token", "print", "--profile", "default"]);
            let ran = run({
                command.env(variable, &secret);
                command
            })
            .expect(3);
            assert!(ran.stderr.contains("starts a program (unixexec)"), "{variable}: {}", ran.stderr);
            assert!(!ran.stderr.contains(&secret) && !environment.exists(), "{address} {variable}");
        }
    }
    // Without a secret to inherit, the program is started: so the check above can fail.
    home.set("DBUS_SESSION_BUS_ADDRESS", &format!("unixexec:path={}", program.display()));
    let ran = run(home.command(["token", "print", "--profile", "default"])).expect(3);
    assert!(environment.exists(), "{}", ran.stderr);
}
