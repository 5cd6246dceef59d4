//! One refresh for all: however many processes find the token stale, one asks, and
//! if it ends or is stuck, the others wait for a limited time.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;

use crate::support::crowd::{at_once, edit_record, expire, lockers, now, p95, record, run, signal, start, until};
use crate::support::home::Home;
use crate::support::say;
use crate::support::secrets::forty_hex;
use crate::support::standin::Standin;

const TOKEN: &str = "/oauth2/token";

/// A home whose access token has ended, with the requests so far forgotten.
pub fn with_ended_token(standin: &Standin) -> Home {
    let home = Home::new(standin);
    home.login(&[]);
    expire(&home, "default");
    standin.forget_requests();
    home
}

pub fn token_requests(standin: &Standin) -> usize {
    standin.requests_to("POST", TOKEN).len()
}

fn printers(home: &Home, count: usize) -> Vec<Command> {
    (0..count).map(|_| home.command(["token", "print"])).collect()
}

fn stored_token(home: &Home) -> String {
    record(home, "default")["access_token"].as_str().expect("a token").to_owned()
}

#[test]
fn sixty_four_processes_with_one_expired_token_make_one_token_request() {
    let standin = Standin::start();
    let home = with_ended_token(&standin);
    let mut commands = printers(&home, 40);
    // Only a few that ask the API: all together have six requests a second.
    commands.extend((0..3).map(|_| home.command(["whoami", "--json"])));
    commands.extend((0..3).map(|_| home.command(["call", "GET", "/projects"])));
    commands.extend((0..18).map(|_| home.command(["exec", "--", "sh", "-c", "echo $LOKALISE_ACCESS_TOKEN"])));
    let ran = at_once(commands);
    for (index, ran) in ran.iter().enumerate() {
        assert_eq!(ran.code, Some(0), "process {index}: {}", ran.stderr);
        if !(40..46).contains(&index) {
            assert_eq!(ran.stdout.trim(), stored_token(&home), "process {index} has the token that is stored");
        }
    }
    assert_eq!(token_requests(&standin), 1);
    say(&format!("  64 processes, one expired token: 1 token request, p95 of their wall time {:?}", p95(&ran)));
}

#[test]
fn a_rejected_refresh_is_asked_at_most_twice_by_sixty_four_processes() {
    let standin = Standin::start();
    let home = with_ended_token(&standin);
    let before = record(&home, "default");
    standin.revoke_refresh_tokens();
    for ran in at_once(printers(&home, 64)) {
        assert!(ran.expect(4).stderr.contains("invalid_request"));
    }
    let asked = token_requests(&standin);
    say(&format!("  64 processes, one revoked login: {asked} token requests"));
    assert!((1..=2).contains(&asked), "{asked} token requests");
    assert_eq!(record(&home, "default"), before, "what is stored is as it was");
    // A process that comes later, alone, sends its own request: the cause may be gone.
    sleep(Duration::from_millis(1100));
    for nth in 1..=2 {
        run(home.command(["token", "print"])).expect(4);
        assert_eq!(token_requests(&standin), asked + nth);
    }
}

#[test]
fn a_holder_that_is_killed_in_its_refresh_frees_the_others_at_once() {
    let standin = Standin::start();
    let home = with_ended_token(&standin);
    standin.set(|switches| switches.token_delay = Duration::from_secs(25));
    let holder = start(home.command(["token", "print"]));
    standin.wait_for("POST", TOKEN, 1);
    let others: Vec<_> = printers(&home, 7).into_iter().map(start).collect();
    let lock = home.lock_of("default");
    until("seven processes waiting", || lockers(&lock, true) == 7);
    standin.set(|switches| switches.token_delay = Duration::ZERO);
    signal(holder.id(), Signal::KILL);
    for other in others {
        // If the lock were still held, each process would give up after 30 seconds.
        other.wait().expect(0);
    }
    assert_eq!(token_requests(&standin), 2, "the killed one's and one more");
    assert_eq!(holder.wait().code, None);
}

#[test]
fn a_logout_during_twenty_refreshes_stays_final() {
    let standin = Standin::start();
    let home = with_ended_token(&standin);
    standin.set(|switches| switches.token_delay = Duration::from_millis(300));
    let refreshes: Vec<_> = printers(&home, 20).into_iter().map(start).collect();
    standin.wait_for("POST", TOKEN, 1);
    run(home.command(["logout"])).expect(0);
    for refresh in refreshes {
        let ran = refresh.wait();
        assert!(matches!(ran.code, Some(0 | 4)), "{:?}: {}", ran.code, ran.stderr);
    }
    assert_eq!(record(&home, "default"), Value::Null);
    assert!(!home.credentials().exists(), "no empty file is left");
    run(home.command(["token", "print"])).expect(4);
}

#[test]
fn a_login_that_ends_during_a_refresh_wins() {
    let standin = Standin::start();
    let home = with_ended_token(&standin);
    standin.set(|switches| switches.token_delay = Duration::from_millis(700));
    let refresh = start(home.command(["token", "refresh"]));
    standin.wait_for("POST", TOKEN, 1);
    let old = record(&home, "default");
    home.login(&[]);
    let new = record(&home, "default");
    assert_ne!(new["refresh_token"], old["refresh_token"]);
    refresh.wait().expect(0);
    assert_eq!(record(&home, "default"), new, "the refresh does not overwrite the login");
}

#[test]
fn one_user_has_one_lock_wherever_a_command_is_run() {
    let standin = Standin::start();
    let mut home = Home::new(&standin);
    home.unset("LOKALISE_AUTH_CONFIG_DIR");
    home.unset("LOKALISE_AUTH_DATA_DIR");
    home.login(&[]);
    let data = home.path().join("home/.local/share/lokalise-auth");
    let file = data.join("credentials.json");
    let text = fs::read_to_string(&file).expect("the default place");
    let mut content: Value = serde_json::from_str(&text).expect("JSON");
    content["records"]["default"]["expires_at"] = (now() - 600).into();
    fs::write(&file, content.to_string()).expect("our own file");
    let lock = home.lock_in("home/.local/share/lokalise-auth", "default");
    let inode = fs::metadata(&lock).expect("the lock stays").ino();
    standin.forget_requests();
    standin.set(|switches| switches.token_delay = Duration::from_millis(500));

    let spelled = |name: &str| format!("{}/{name}", home.path().display());
    let link = home.path().join("link");
    std::os::unix::fs::symlink(home.path().join("home"), &link).expect("a link");
    let mut commands = Vec::new();
    for (spelling, temporary, folder) in [
        ("home", "/tmp", "work"),
        ("home/", "/var/tmp", "home"),
        ("work/../home/.", "/", "config"),
        ("link", "/nonexistent", "run"),
    ] {
        for _ in 0..4 {
            let mut command = home.command(["token", "print"]);
            command.env("HOME", spelled(spelling)).env("TMPDIR", temporary).current_dir(spelled(folder));
            commands.push(command);
        }
    }
    for ran in at_once(commands) {
        ran.expect(0);
    }
    assert_eq!(token_requests(&standin), 1);
    let metadata = fs::metadata(&lock).expect("the lock stays");
    assert_eq!((metadata.ino(), metadata.permissions().mode() & 0o777, metadata.len()), (inode, 0o600, 0));
}

#[test]
fn a_new_refresh_token_is_stored_in_the_same_write() {
    let standin = Standin::start();
    let home = with_ended_token(&standin);
    standin.set(|switches| switches.rotate_refresh = true);
    for round in 1..=2 {
        let old = record(&home, "default");
        for ran in at_once(printers(&home, 8)) {
            ran.expect(0);
        }
        let new = record(&home, "default");
        assert_ne!(new["refresh_token"], old["refresh_token"]);
        assert_eq!(new["client_secret"], old["client_secret"]);
        assert_eq!(token_requests(&standin), round, "the revoked refresh token is not used again");
        expire(&home, "default");
    }
}

#[test]
fn tokens_that_are_over_when_they_are_issued_are_shared_too() {
    let standin = Standin::start();
    let home = with_ended_token(&standin);
    standin.set(|switches| {
        switches.token_lifetime = 0;
        switches.token_delay = Duration::from_secs(1);
    });
    for ran in at_once(printers(&home, 16)) {
        ran.expect(0);
    }
    let asked = token_requests(&standin);
    // Those that were started in another second cannot know that the token is still valid.
    assert!(asked <= 4, "{asked} token requests");
}

#[test]
fn a_token_of_another_process_that_has_ended_already_is_renewed_too() {
    let standin = Standin::start();
    let home = with_ended_token(&standin);
    let lock = home.lock_of("default");
    let held = fs::File::options().read(true).open(&lock).expect("the login made it");
    held.lock().expect("nobody holds it");
    let refresh = start(home.command(["token", "print"]));
    until("a process waiting", || lockers(&lock, true) == 1);
    edit_record(&home, "default", |record| record["access_token"] = forty_hex().into());
    held.unlock().expect("it is ours");
    let ran = refresh.wait().expect(0);
    assert_eq!(token_requests(&standin), 1);
    assert_eq!(record(&home, "default")["access_token"], ran.stdout.trim());
}

#[test]
fn a_profile_that_became_an_api_token_meanwhile_is_not_refreshed() {
    let standin = Standin::start();
    let home = with_ended_token(&standin);
    standin.set(|switches| switches.token_delay = Duration::from_millis(500));
    let refresh = start(home.command(["token", "print"]));
    standin.wait_for("POST", TOKEN, 1);
    // This edit takes no lock, like a process that timed out while it waited for the lock.
    edit_record(&home, "default", |record| {
        record["kind"] = "api-token".into();
        record["api_token"] = standin.api_token().into();
    });
    let kept = record(&home, "default");
    assert!(refresh.wait().expect(4).stderr.contains("now holds an API token"));
    assert_eq!(record(&home, "default"), kept);
}
