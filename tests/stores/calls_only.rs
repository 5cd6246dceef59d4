//! `--call-only`: a profile for `call` and `whoami`; and `exec --as`.

use crate::support::crowd::run;
use crate::support::home::Home;
use crate::support::secrets::assert_absent;
use crate::support::standin::Standin;

#[test]
fn the_token_of_a_call_only_profile_is_not_handed_out() {
    let standin = Standin::start();
    let home = Home::new(&standin);
    home.set_token(&["--call-only", "--profile", "token"]);
    home.login(&["--call-only", "--profile", "login"]);
    for profile in ["token", "login"] {
        for arguments in [
            &["token", "print"][..],
            &["token", "print", "--reveal"],
            &["token", "print", "--format", "json"],
            &["token", "print", "--format", "github"],
            &["exec", "--", "env"],
            &["exec", "--as", "OTHER", "--", "env"],
            &["exec", "--lokalise2", "--", "env"],
        ] {
            let mut command = home.command(["--profile", profile]);
            let ran = run({
                command.args(arguments);
                command
            })
            .expect(2);
            assert_absent(&standin.secrets(), "the output", format!("{}{}", ran.stdout, ran.stderr).as_bytes());
            assert!(ran.stderr.contains("lokalise-auth call --profile"), "{arguments:?}: {}", ran.stderr);
        }
        run(home.command(["--profile", profile, "call", "/projects"])).expect(0);
        let report = run(home.command(["--profile", profile, "whoami", "--json"])).expect(0).stdout;
        assert!(report.contains("\"call_only\":true"), "{report}");
        run(home.command(["--profile", profile, "doctor"])).expect(0);
    }
    run(home.command(["--profile", "login", "token", "refresh"])).expect(0);
    // It stays until logout, as reading only does.
    home.set_token(&["--profile", "token"]);
    run(home.command(["--profile", "token", "token", "print"])).expect(2);
    run(home.command(["--profile", "token", "logout"])).expect(0);
    home.set_token(&["--profile", "token"]);
    run(home.command(["--profile", "token", "token", "print"])).expect(0);
    let report = run(home.command(["--profile", "token", "whoami", "--json", "--offline"])).expect(0).stdout;
    assert!(report.contains("\"call_only\":false"), "{report}");
}

#[test]
fn a_command_gets_the_credential_under_another_name_too() {
    let standin = Standin::start();
    let home = Home::new(&standin);
    home.set_token(&["--profile", "token"]);
    home.login(&["--profile", "login"]);
    for (profile, variable) in [("token", "LOKALISE_API_TOKEN"), ("login", "LOKALISE_ACCESS_TOKEN")] {
        let token = run(home.command(["--profile", profile, "token", "print"])).expect(0).stdout;
        let script = format!("echo $LOKALISE_API_KEY; echo ${variable}");
        let arguments = ["--profile", profile, "exec", "--as", "LOKALISE_API_KEY", "--", "sh", "-c", &script];
        assert_eq!(run(home.command(arguments)).expect(0).stdout, format!("{token}{token}"));
    }
    for name in ["PATH", "path", "LD_PRELOAD", "DYLD_INSERT_LIBRARIES", "A B", "A=B", "1A", "", "a-b", "Ä"] {
        let ran = run(home.command(["exec", "--as", name, "--", "touch", "ran"])).expect(2);
        assert!(!home.work().join("ran").exists(), "{name}: {}", ran.stderr);
    }
}
