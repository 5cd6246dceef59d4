//! GitHub Actions: the mask goes where the runner reads it and into no file, and a variable gets a line of its own.

use std::fs::{self, File};

use super::support::pty::{CTRL_C, Terminal};
use super::{Scene, code, stderr, stdout};

fn in_actions() -> Scene {
    let mut scene = Scene::new();
    scene.home.set("GITHUB_ACTIONS", "true");
    scene.home.set("CI", "true");
    scene
}

#[test]
fn a_mask_goes_to_a_pipe_and_into_no_file() {
    let scene = in_actions();
    let mask = format!("::add-mask::{}\n", scene.standin.api_token());
    assert_eq!(stderr(&scene.run(&["exec", "--", "true"])), mask);
    assert_eq!(
        stdout(&scene.run(&["token", "print", "--format", "github"])).split_inclusive('\n').next(),
        Some(&*mask)
    );
    let (out, err) = (scene.home.path().join("out"), scene.home.path().join("err"));
    let new = |path| File::create(path).expect("our own folder");
    for arguments in [&["exec", "--", "true"][..], &["token", "print", "--format", "github"]] {
        let mut command = scene.home.command(arguments);
        let status = command.stdout(new(&out)).stderr(new(&err)).status().expect("the program can be run");
        assert!(status.success());
        for path in [&out, &err] {
            assert!(!fs::read_to_string(path).expect("our own file").contains("::add-mask::"), "{arguments:?}");
        }
    }
    // With one of the two in a file, the runner still learns it where it can.
    let output = scene.home.command(["token", "print", "--format", "github"]).stdout(new(&out)).output();
    assert_eq!(stderr(&output.expect("the program can be run")), mask);
}

#[test]
fn a_variable_for_later_steps_gets_a_line_of_its_own() {
    let scene = in_actions();
    let file = scene.home.path().join("env");
    let line = format!("LOKALISE_API_TOKEN={}\n", scene.standin.api_token());
    for (before, after) in [("", ""), ("A=b\n", "A=b\n"), ("A=b", "A=b\n")] {
        fs::write(&file, before).expect("our own folder");
        let output = scene
            .run_with(&["token", "print", "--format", "github"], &[("GITHUB_ENV", file.to_str().expect("a path"))]);
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        assert_eq!(fs::read_to_string(&file).expect("our own file"), format!("{after}{line}"));
    }
    for path in ["/dev/zero", "/"] {
        let output = scene.run_with(&["token", "print", "--format", "github"], &[("GITHUB_ENV", path)]);
        assert_eq!(code(&output), 1, "{}", stderr(&output));
        assert!(stderr(&output).contains("the file that GITHUB_ENV names cannot be written"), "{}", stderr(&output));
    }
}

#[test]
fn a_variable_that_cannot_hold_a_token_is_not_sent() {
    let mut scene = Scene::new();
    let token = scene.standin.api_token();
    scene.home.unset("LOKALISE_API_TOKEN");
    let file = scene.home.path().join("token");
    for name in ["LOKALISE_API_TOKEN", "LOKALISE_ACCESS_TOKEN", "LOKALISE_REFRESH_TOKEN", "LOKALISE_API_TOKEN_FILE"] {
        for value in [
            "$(LOKALISE_API_TOKEN)",
            "$LOKALISE_API_TOKEN",
            "${LOKALISE_API_TOKEN}",
            "${{ secrets.LOKALISE }}",
            "%LOKALISE_API_TOKEN%",
            "op://vault/lokalise/token",
            "***",
            "<token>",
            "null",
            &format!("\"{token}\""),
            &format!("'{token}'"),
            &format!("{token} {token}"),
            &format!("{token}\n{token}"),
        ] {
            let mut value = value;
            if name == "LOKALISE_API_TOKEN_FILE" {
                fs::write(&file, value).expect("our own folder");
                value = file.to_str().expect("a path");
            }
            let id = "5".repeat(40);
            let variables = [(name, value), ("LOKALISE_CLIENT_ID", &id), ("LOKALISE_CLIENT_SECRET", &id)];
            let output = scene.run_with(&["call", "/projects"], &variables);
            assert_eq!(code(&output), 2, "{name}={value}: {}", stderr(&output));
            assert!(stderr(&output).contains(name) && !stderr(&output).contains(&token), "{}", stderr(&output));
        }
    }
    assert!(scene.standin.requests().is_empty(), "something was sent");
    for value in [token.clone(), format!("{token}\n"), format!(" {token}\r\n")] {
        let output = scene.run_with(&["call", "/projects"], &[("LOKALISE_API_TOKEN", &value)]);
        assert_eq!(code(&output), 0, "{}", stderr(&output));
    }
    let output = scene.run_with(&["call", "/projects"], &[("LOKALISE_API_TOKEN", &token[1..])]);
    assert_eq!(code(&output), 4, "{}", stderr(&output));
    assert!(stderr(&output).contains("hint: the token has 39 characters"), "{}", stderr(&output));
}

#[test]
fn an_empty_variable_and_the_variables_of_other_tools_are_pointed_out() {
    let mut scene = Scene::new();
    let token = scene.standin.api_token();
    scene.home.unset("LOKALISE_API_TOKEN");
    for command in [&["call", "/projects"][..], &["whoami"], &["token", "print"], &["exec", "--", "true"]] {
        for (name, value, words) in [
            ("LOKALISE_API_TOKEN", "", "LOKALISE_API_TOKEN is set but empty"),
            ("LOKALISE_ACCESS_TOKEN", "", "LOKALISE_ACCESS_TOKEN is set but empty"),
            ("LOKALISE_API_TOKEN_FILE", "", "LOKALISE_API_TOKEN_FILE is set but empty"),
            ("LOKALISE_API_KEY", &token, "`export LOKALISE_API_TOKEN=\"$LOKALISE_API_KEY\"`"),
            ("LOKALISE_TOKEN", &token, "`export LOKALISE_API_TOKEN=\"$LOKALISE_TOKEN\"`"),
        ] {
            for more in [("X", "x"), ("GITHUB_ACTIONS", "true"), ("CI", "true")] {
                let output = scene.run_with(command, &[(name, value), more]);
                let said = stderr(&output);
                assert!(code(&output) == 4 && said.contains(words) && !said.contains(&token), "{command:?}: {said}");
            }
        }
        let output = scene.run(command);
        assert!(code(&output) == 4 && !stderr(&output).contains("empty"), "{}", stderr(&output));
    }
}

#[test]
fn ci_is_named_where_it_is_the_reason_for_no_questions() {
    let mut scene = Scene::new();
    scene.home.unset("LOKALISE_API_TOKEN");
    for arguments in [&["login"][..], &["token", "set"], &["call", "/projects"], &["login", "--no-browser"]] {
        for value in ["true", "1", "yes", "woodpecker"] {
            let mut terminal = Terminal::run(&scene.home, arguments, &[("CI", value)]);
            let (status, screen) = terminal.wait();
            assert!(matches!(status.code(), Some(2 | 4)), "{screen}");
            assert!(
                screen.contains("CI is set, so no questions are asked: `unset CI` changes that"),
                "{arguments:?}: {screen}"
            );
        }
    }
    let variables = [("CI", "true"), ("LOKALISE_AUTH_NO_INPUT", "1")];
    let (_, screen) = Terminal::run(&scene.home, &["login"], &variables).wait();
    assert!(!screen.contains("CI is set"), "it is not the reason: {screen}");
    for value in ["", "false", "False", "FALSE", "0", "no", "off", "Off", " "] {
        let mut terminal = Terminal::run(&scene.home, &["token", "set"], &[("CI", value)]);
        terminal.wait_for("API token (hidden");
        terminal.send(CTRL_C);
        assert_eq!(terminal.wait().0.code(), Some(130));
    }
}
