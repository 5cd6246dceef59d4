//! Locked is not absent: a Secret Service that hides what is locked, as KeePassXC does, and its
//! prompts.

use std::process::Command;

use rustix::process::Signal;

use crate::support::crowd::{Ran, run, signal, start, until};
use crate::support::home::Home;
use crate::support::keyring::Keyring;
use crate::support::secret_service::{Person, SecretService};
use crate::support::standin::Standin;

/// Two databases, both open, of which the first is the default.
struct Databases {
    home: Home,
    service: SecretService,
    _bus: Keyring,
}

impl Databases {
    fn open(standin: &Standin) -> Self {
        let mut home = Home::new(standin);
        let bus = Keyring::bus(&mut home, "", &[]);
        let address = home.vars().iter().find(|(name, _)| name == "DBUS_SESSION_BUS_ADDRESS").expect("a bus").1.clone();
        // Short, because some prompts here are never answered.
        home.set("LOKALISE_AUTH_KEYRING_TIMEOUT", "1");
        Self { service: SecretService::start(&address, &["A", "B"]), home, _bus: bus }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        self.home.command(arguments)
    }
}

#[track_caller]
fn assert_output(ran: Ran, code: i32, words: &[&str]) -> Ran {
    let ran = ran.expect(code);
    let output_text = format!("{}{}", ran.stdout, ran.stderr);
    for word in words {
        assert!(output_text.contains(word), "`{word}` is not in: {output_text}");
    }
    ran
}

#[test]
fn a_record_in_a_locked_database_is_not_absent() {
    let standin = Standin::start();
    let databases = Databases::open(&standin);
    databases.home.set_token(&[]);
    assert_eq!(databases.service.count("A"), 1);
    // The record is in A, which is locked; B is open and the default.
    databases.service.lock("A");
    databases.service.state().default = Some("B".to_owned());
    let locked = ["the keyring is locked", "Label of A", "unlock it"];
    for arguments in [
        &["token", "print"][..],
        &["whoami"],
        &["call", "/projects"],
        &["exec", "--", "true"],
        &["logout"],
        &["logout", "--all"],
        &["token", "set", "--no-verify"],
    ] {
        assert_output(run(databases.command(arguments)), 3, &locked);
    }
    assert_eq!((databases.service.count("A"), databases.service.count("B")), (1, 0), "nothing was written or removed");
    assert!(run(databases.command(&["profile", "list"])).expect(0).stdout.contains("default"), "the entry stays");
    databases.service.unlock("A");
    run(databases.command(&["token", "print"])).expect(0);
    run(databases.command(&["logout"])).expect(0);
    assert_eq!(databases.service.count("A"), 0);
}

#[test]
fn a_locked_default_database_is_unlocked_by_its_prompt() {
    let standin = Standin::start();
    let databases = Databases::open(&standin);
    databases.home.set_token(&[]);
    for (person, code, words) in [
        (Person::Cancels, 3, &["the keyring is locked", "Label of A", "dismissed"][..]),
        (Person::Sleeps, 3, &["the keyring gave no answer within 1s", "prompt was not answered", "KeePassXC"]),
        (Person::Agrees, 0, &[]),
    ] {
        databases.service.lock("A");
        databases.service.state().person = person;
        assert_output(run(databases.command(&["token", "print"])), code, words);
    }
    databases.service.lock("A");
    run(databases.command(&["logout"])).expect(0);
    assert_eq!(databases.service.count("A"), 0);
}

#[test]
fn a_prompt_that_is_given_up_leaves_the_screen() {
    let standin = Standin::start();
    let databases = Databases::open(&standin);
    databases.service.state().confirms_access = true;
    // The item is locked for every program as soon as it is made, so that not even the read-back is allowed.
    let mut set = assert_cmd::Command::from_std(databases.command(&["token", "set", "--no-verify"]));
    set.write_stdin(standin.api_token()).assert().code(3);
    for nth in 2..=4 {
        databases.service.lock("A");
        assert_output(run(databases.command(&["token", "set", "--no-verify"])), 3, &["prompt was not answered"]);
        let state = databases.service.state();
        assert_eq!((state.shown, state.dismissed, state.prompts.len()), (nth, nth, 0), "no prompt is left");
    }
}

/// The same command with the signals of a terminal: a shell starts the jobs in its background with Ctrl-C ignored,
/// and `exec` leaves ignored what it finds ignored.
fn with_default_signals(command: &Command) -> Command {
    let mut wrapped = Command::new("env");
    wrapped.arg("--default-signal=INT,TERM").arg(command.get_program()).args(command.get_args()).env_clear();
    wrapped.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    wrapped
}

#[test]
fn ctrl_c_during_a_prompt_dismisses_it() {
    let standin = Standin::start();
    let mut databases = Databases::open(&standin);
    databases.home.set_token(&[]);
    databases.home.set("LOKALISE_AUTH_KEYRING_TIMEOUT", "600");
    for (nth, (arguments, ending, code)) in [
        (&["token", "print"][..], Signal::INT, 130),
        (&["whoami"], Signal::TERM, 143),
        (&["logout"], Signal::INT, 130),
        (&["login", "--no-browser"], Signal::INT, 130),
        (&["exec", "--", "true"], Signal::INT, 130),
        (&["exec", "--", "true"], Signal::TERM, 143),
    ]
    .into_iter()
    .enumerate()
    {
        databases.service.lock("A");
        let mut command = databases.command(arguments);
        command.env("LOKALISE_CLIENT_ID", standin.client_id());
        command.env("LOKALISE_CLIENT_SECRET", standin.client_secret());
        let running = start(with_default_signals(&command));
        until("a prompt", || databases.service.state().shown as usize == nth + 1);
        signal(running.id(), ending);
        running.wait().expect(code);
        let state = databases.service.state();
        assert_eq!((state.dismissed as usize, state.prompts.len()), (nth + 1, 0), "{arguments:?}");
    }
    assert_eq!(databases.service.count("A"), 1, "the record stays");
}

#[test]
fn a_service_that_ends_during_a_prompt_is_not_waited_for() {
    let standin = Standin::start();
    let mut databases = Databases::open(&standin);
    databases.home.set_token(&[]);
    databases.service.lock("A");
    databases.home.set("LOKALISE_AUTH_KEYRING_TIMEOUT", "600");
    let print = start(databases.command(&["token", "print"]));
    until("a prompt", || databases.service.state().shown == 1);
    drop(databases.service);
    assert_output(print.wait(), 3, &["the keyring cannot be used", "ended during the prompt"]);
}

#[test]
fn a_keyring_without_a_default_collection_is_not_started() {
    let standin = Standin::start();
    let databases = Databases::open(&standin);
    databases.service.state().default = None;
    let ran = assert_output(run(databases.command(&["token", "set"])), 3, &["it has no default collection", "KWallet"]);
    assert!(!ran.stderr.contains("start the keyring"), "{}", ran.stderr);
}

#[test]
fn a_probe_leaves_nothing_in_the_recycle_bin() {
    let standin = Standin::start();
    let databases = Databases::open(&standin);
    databases.home.set_token(&[]);
    run(databases.command(&["doctor"])).expect(0);
    run(databases.command(&["token", "print"])).expect(0);
    assert_eq!(databases.service.state().recycled.len(), 0);
    run(databases.command(&["logout"])).expect(0);
    let labels: Vec<String> = databases.service.state().recycled.iter().map(|item| item.label.clone()).collect();
    assert_eq!(labels, ["lokalise-auth (default)"]);
}

#[test]
fn an_item_is_found_in_whatever_open_database_it_lies() {
    let standin = Standin::start();
    let databases = Databases::open(&standin);
    databases.home.set_token(&[]);
    databases.service.state().default = Some("B".to_owned());
    let token = run(databases.command(&["token", "print"])).expect(0).stdout;
    databases.home.set_token(&[]);
    assert_eq!((databases.service.count("A"), databases.service.count("B")), (1, 0), "it is replaced where it is");
    assert_eq!(run(databases.command(&["token", "print"])).expect(0).stdout, token);
}

#[test]
fn a_lost_session_is_replaced_at_most_twice() {
    let standin = Standin::start();
    let databases = Databases::open(&standin);
    let lose = |sessions: u32| databases.service.state().lost_sessions = sessions;
    lose(2);
    databases.home.set_token(&[]);
    for lost in 1..=2 {
        lose(lost);
        run(databases.command(&["token", "print"])).expect(0);
        assert_eq!(databases.service.state().lost_sessions, 0);
    }
    lose(3);
    assert_output(run(databases.command(&["token", "print"])), 3, &["it has lost the session with this program"]);
    assert_eq!(databases.service.count("A"), 1, "nothing was written twice");
}
