//! Many machines: what one writer keeps in a real etcd, the others read with `--from-command`.

use std::fs;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::support::crowd::run;
use crate::support::etcd::Etcd;
use crate::support::helper::program;
use crate::support::home::Home;
use crate::support::say;
use crate::support::standin::Standin;

const READERS: usize = 20;

/// A machine that reads its access token with a command, checked or not.
fn reader(standin: &Standin, command: &str) -> Home {
    let home = Home::new(standin);
    run(home.command(["token", "set", "--access-token", "--from-command", command])).expect(0);
    home
}

#[test]
fn an_api_token_in_etcd_is_read_at_each_use() {
    let (standin, etcd) = (Standin::start(), Etcd::start());
    let home = Home::new(&standin);
    etcd.put("lokalise/api-token", &standin.api_token());
    run(home.command(["token", "set", "--from-command", &etcd.get_command("lokalise/api-token")])).expect(0);
    run(home.command(["call", "/projects"])).expect(0);
    // It is replaced there, and nothing has to be done here.
    etcd.put("lokalise/api-token", &standin.read_only_token());
    assert_eq!(run(home.command(["token", "print"])).expect(0).stdout.trim(), standin.read_only_token());
    run(home.command(["call", "/projects"])).expect(0);
}

#[test]
fn twenty_readers_outlive_the_access_token_that_one_writer_publishes() {
    let (standin, etcd) = (Standin::start(), Etcd::start());
    let lifetime = Duration::from_secs(12);
    standin.set(|switches| {
        switches.token_lifetime = lifetime.as_secs();
        // What is measured is not how the readers share the rate limit.
        switches.rate_limit = Some("100, 100;w=1, 100;w=1".to_owned());
    });
    let writer = Home::new(&standin);
    writer.login(&[]);
    let job = format!("printenv LOKALISE_ACCESS_TOKEN | {}", etcd.put_command("lokalise/access-token"));
    let publish = || {
        run(writer.command(["token", "refresh", "--if-expiring", "6s"])).expect(0);
        run(writer.command(["exec", "--", "sh", "-c", &job])).expect(0);
    };
    publish();
    let started = Instant::now();
    let readers: Vec<Home> =
        (0..READERS).map(|_| reader(&standin, &etcd.get_command("lokalise/access-token"))).collect();
    let (is_over, calls) = (AtomicBool::new(false), AtomicUsize::new(0));
    // Each has made a call after the first token had ended.
    let late = AtomicUsize::new(0);
    thread::scope(|scope| {
        for home in &readers {
            let (is_over, calls, late) = (&is_over, &calls, &late);
            scope.spawn(move || {
                let mut is_late = false;
                while !is_over.load(Ordering::SeqCst) {
                    let begun = started.elapsed();
                    let ran = run(home.command(["call", "/projects", "--silent"]));
                    if ran.code != Some(0) {
                        is_over.store(true, Ordering::SeqCst);
                    }
                    ran.expect(0);
                    calls.fetch_add(1, Ordering::SeqCst);
                    if begun > lifetime && !is_late {
                        is_late = true;
                        late.fetch_add(1, Ordering::SeqCst);
                    }
                    thread::sleep(Duration::from_millis(200));
                }
            });
        }
        while late.load(Ordering::SeqCst) < READERS && !is_over.load(Ordering::SeqCst) {
            publish();
            thread::sleep(Duration::from_millis(500));
        }
        is_over.store(true, Ordering::SeqCst);
    });
    let requests = standin.requests_to("GET", "/api2/projects");
    let mut tokens: Vec<_> = requests.iter().filter_map(|request| request.header("authorization")).collect();
    tokens.sort_unstable();
    tokens.dedup();
    assert!(tokens.len() >= 2, "the token was never replaced");
    say(&format!("  {READERS} readers, {} calls, {} access tokens: none failed", calls.into_inner(), tokens.len()));
    for home in &readers {
        for folder in ["config", "data"] {
            for file in fs::read_dir(home.path().join(folder)).expect("our own folder").flatten() {
                let text = fs::read(file.path()).unwrap_or_default();
                Home::assert_no_secret(&standin, "a file of a reader", &text);
            }
        }
    }
}

/// A command that prints the next of these tokens at each run, and the last one from then on.
fn printer(home: &Home, tokens: &[&str]) -> String {
    let script = home.path().join("print-token");
    let folder = home.path().display();
    for (number, token) in tokens.iter().enumerate() {
        fs::write(home.path().join(format!("token-{}", number + 1)), token).expect("our own folder");
    }
    let text = format!(
        "#!/bin/sh\necho run >> '{folder}/runs'\nnumber=$(wc -l < '{folder}/runs')\n\
         cat \"{folder}/token-$number\" 2>/dev/null || cat '{folder}/token-{}'\n",
        tokens.len()
    );
    program(&script, &text);
    script.display().to_string()
}

fn runs(home: &Home) -> usize {
    fs::read_to_string(home.path().join("runs")).unwrap_or_default().lines().count()
}

#[test]
fn a_refused_token_of_a_command_is_asked_for_once_more() {
    let standin = Standin::start();
    let old = standin.access_token("read_projects");
    standin.advance(Duration::from_secs(3601));
    let new = standin.access_token("read_projects");
    let home = Home::new(&standin);
    let command = printer(&home, &[&old, &new, &new]);
    let set = ["token", "set", "--access-token", "--no-verify", "--from-command", &command];
    run(home.command(set)).expect(0);
    run(home.command(["call", "/projects"])).expect(0);
    assert_eq!((runs(&home), standin.requests().len()), (2, 2), "asked again, and the request repeated once");

    // The same token again is no reason to repeat the request.
    standin.forget_requests();
    let stale = Home::new(&standin);
    let command = printer(&stale, &[&old]);
    let set = ["token", "set", "--access-token", "--no-verify", "--from-command", &command];
    run(stale.command(set)).expect(0);
    let refused = run(stale.command(["call", "/projects"])).expect(4);
    assert_eq!((runs(&stale), standin.requests().len()), (2, 1));
    assert!(refused.stderr.contains("print-token"), "{}", refused.stderr);
    let report = run(stale.command(["whoami", "--json"])).expect(4).stdout;
    let report: serde_json::Value = serde_json::from_str(&report).expect("JSON");
    assert_eq!((&report["kind"], &report["refreshable"]), (&"oauth".into(), &false.into()));
    assert_eq!(report["source"]["type"], "command");
}

#[test]
fn an_access_token_of_a_command_is_checked_and_is_not_refreshed_here() {
    let standin = Standin::start();
    let token = standin.access_token("read_projects read_contributors");
    let home = Home::new(&standin);
    let command = printer(&home, &[&token]);
    let kept = run(home.command(["token", "set", "--access-token", "--from-command", &command])).expect(0);
    assert!(kept.stderr.contains("the access token of "), "{}", kept.stderr);
    let given = run(home.command(["exec", "--", "sh", "-c", "echo $LOKALISE_ACCESS_TOKEN$LOKALISE_API_TOKEN"]));
    assert_eq!(given.expect(0).stdout.trim(), token);
    assert_eq!(
        run(home.command(["token", "print", "--format", "header"])).expect(0).stdout.trim(),
        format!("Authorization: Bearer {token}")
    );
    let refused = run(home.command(["token", "refresh"])).expect(2);
    assert!(refused.stderr.contains("print-token"), "{}", refused.stderr);
    let alone = run(home.command(["token", "set", "--access-token"])).expect(2);
    assert!(alone.stderr.contains("--from-command"), "{}", alone.stderr);
    // A command that holds an API token is not one that prints an access token.
    let other = Home::new(&standin);
    let command = printer(&other, &[&standin.api_token()]);
    run(other.command(["token", "set", "--access-token", "--from-command", &command])).expect(4);
    assert!(!other.profiles().exists(), "nothing was kept");
}
