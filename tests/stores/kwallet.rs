//! The walk of a login through a real KWallet.

use crate::support::crowd::{at_once, run};
use crate::support::home::Home;
use crate::support::kwallet::KWallet;
use crate::support::secrets::forty_hex;
use crate::support::standin::Standin;

#[test]
fn a_login_lives_in_kwallet() {
    let standin = Standin::start();
    let mut home = Home::new(&standin);
    let mut wallet = KWallet::open(&mut home);
    home.set("LOKALISE_AUTH_KEYRING_TIMEOUT", "20");
    let token = |profile: &str| run(home.command(["token", "print", "--profile", profile])).expect(0).stdout;
    let set = |profile: &str| {
        let token = forty_hex();
        let mut command = home.command(["token", "set", "--no-verify", "--profile", profile]);
        command.stdin(std::process::Stdio::piped());
        assert_cmd::Command::from_std(command).write_stdin(token.clone()).assert().success();
        format!("{token}\n")
    };

    home.login(&["--profile", "login"]);
    let before = token("login");
    run(home.command(["token", "refresh", "--profile", "login"])).expect(0);
    assert_ne!(token("login"), before, "a refresh is stored");
    for _ in 0..2 {
        let stored = ["one", "two"].map(|profile| (profile, set(profile)));
        for (profile, stored) in stored {
            assert_eq!(token(profile), stored, "each profile has its own, replaced in place");
        }
    }
    // Readers and writers at once: each reader gets a whole record.
    let readers = (0..8).map(|_| home.command(["token", "print", "--profile", "login"]));
    let writers = (0..6).map(|_| home.command(["token", "refresh", "--profile", "login"]));
    for ran in at_once(readers.chain(writers)) {
        ran.expect(0);
    }
    let kept = token("one");
    run(home.command(["doctor", "--profile", "login"])).expect(0);
    run(home.command(["logout", "--profile", "two"])).expect(0);
    run(home.command(["token", "print", "--profile", "two"])).expect(4);

    // Locked is not absent. Without a window manager kwalletd5 5.103 crashes as soon as it shows its prompt.
    for arguments in [&["token", "print"][..], &["whoami"], &["logout"]] {
        wallet.lock();
        let ran = run(home.command(arguments.iter().chain(&["--profile", "one"])));
        let output_text = format!("{}{}", ran.stdout, ran.stderr);
        assert_eq!(ran.code, Some(3), "{arguments:?}: {output_text}");
        assert!(
            !output_text.contains("not logged in") && !output_text.contains("logged out of"),
            "{arguments:?}: {output_text}"
        );
        wallet.restart();
    }
    assert_eq!(token("one"), kept, "nothing was lost");
    run(home.command(["logout", "--all"])).expect(0);
    run(home.command(["token", "print", "--profile", "one"])).expect(4);
}
