//! What a hint asks to paste runs nothing but this program: words of a server, of a file's name or of a variable are
//! quoted for the shell.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Output};

use serde_json::json;

use super::support::standin::Answer;
use super::{Scene, code, stderr, stdout};

/// Pastes every hint of an output into `sh`, with a program in place of ours that does nothing. Returns how many.
#[track_caller]
fn paste_all(scene: &Scene, output: &Output) -> usize {
    let tools = scene.home.path().join("tools");
    fs::create_dir_all(&tools).expect("our own folder");
    fs::write(tools.join("lokalise-auth"), "#!/bin/sh\nexit 0\n").expect("our own folder");
    fs::set_permissions(tools.join("lokalise-auth"), fs::Permissions::from_mode(0o755)).expect("our own folder");
    let mark = scene.home.work().join("pwned");
    let text = stderr(output) + &stdout(output);
    let mut pasted = 0;
    for line in text.lines() {
        let Some(start) = line.find("`lokalise-auth") else { continue };
        let rest = &line[start + 1..];
        // As a person may select it: to the first backtick, or to the last.
        for end in [rest.find('`'), rest.rfind('`')].into_iter().flatten() {
            let mut shell = Command::new("sh");
            shell.args(["-c", &rest[..end]]).current_dir(scene.home.work());
            shell.env_clear().env("PATH", format!("{}:/usr/bin:/bin", tools.display()));
            shell.output().expect("there is a shell");
            assert!(!mark.exists(), "pasting this runs a server's text: {}", &rest[..end]);
            pasted += 1;
        }
    }
    pasted
}

#[test]
fn the_address_of_a_process_is_one_word() {
    let scene = Scene::new();
    for tail in [
        "$(touch$IFS'pwned')",
        "$(touch${IFS}pwned)",
        "`touch${IFS}pwned`",
        ";touch${IFS}pwned;",
        "x|touch${IFS}pwned",
        "&touch${IFS}pwned&",
    ] {
        let body = json!({"process": {"process_id": "p", "type": "t", "status": "queued"}});
        let location = format!("/api2/projects/1/processes/{tail}");
        scene.standin.answer_with({
            let body = body.clone();
            move |request| {
                let answer = Answer::json(if request.path().ends_with("/upload") { 202 } else { 200 }, &body);
                Some(answer.header("Location", &location))
            }
        });
        let output = scene.run(&["call", "POST", "/projects/1/files/upload", "-f", "a=b", "--wait=1s"]);
        assert_ne!(code(&output), 0);
        paste_all(&scene, &output);
    }
}

#[test]
fn scopes_that_a_server_granted_are_names_of_scopes() {
    let mut scene = Scene::new();
    scene.home.unset("LOKALISE_API_TOKEN");
    let tokens = json!({
        "access_token": "a".repeat(40), "refresh_token": "r".repeat(40), "expires_in": 3600, "token_type": "Bearer",
        "scope": "read_projects x;touch${IFS}pwned;# y'`touch${IFS}pwned` \"z $(touch${IFS}pwned)",
    });
    scene.standin.answer_always("POST", "/oauth2/token", Answer::json(200, &tokens));
    scene.home.login(&[]);
    scene.standin.answer_always("POST", "/api2/projects/1/keys", Answer::error(403, "Forbidden"));
    let output = scene.run(&["call", "POST", "/projects/1/keys", "-f", "a=b"]);
    assert_eq!(code(&output), 5, "{}", stderr(&output));
    assert!(paste_all(&scene, &output) > 0, "{}", stderr(&output));
    let report = stdout(&scene.run(&["whoami", "--offline", "--json"]));
    assert!(report.contains("read_projects") && !report.contains("touch"), "{report}");
}

#[test]
fn names_of_files_folders_and_variables_are_one_word() {
    let scene = Scene::new();
    let name = "a`touch pwned` $(touch pwned) 'b;touch pwned";
    let folder = scene.home.path().join(name);
    let folder = folder.to_str().expect("a path");
    for (arguments, variables) in [
        (vec!["call", "POST", "/x", "--input", name], vec![]),
        (vec!["call", "/projects/$(touch pwned)"], vec![]),
        (vec!["whoami"], vec![("LOKALISE_API_TOKEN", ""), ("LOKALISE_AUTH_CONFIG_DIR", folder)]),
        (vec!["doctor"], vec![("LOKALISE_AUTH_DATA_DIR", folder), ("LOKALISE_AUTH_CONFIG_DIR", folder)]),
        (vec!["call", "/x"], vec![("LOKALISE_API_TOKEN", ""), ("LOKALISE_AUTH_STORE", "helper:/$(touch pwned)")]),
        (vec!["token", "set"], vec![("LOKALISE_API_TOKEN", ""), ("LOKALISE_PROFILE", "$(touch pwned)")]),
    ] {
        paste_all(&scene, &scene.run_with(&arguments, &variables));
    }
}
