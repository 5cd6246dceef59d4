//! Text from a server, a file or another program never becomes a line of its own, an escape sequence or a page of
//! text, whatever stderr is. GitHub Actions obeys lines that begin with `::` (CVE-2020-15228).

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Output;

use serde_json::json;

use super::support::standin::{Answer, zip_of};
use super::{Scene, code, stderr, stdout};

const HOSTILE: &str = "x\n::stop-commands::abc\r::error::y\nhint: run `rm`\u{1b}]0;z\u{7}\u{9b}31m\u{202e}\u{2066}\u{7f}\u{2028}::a\u{85}::b\u{61c}";
const MAX_FAILURE_BYTES: usize = 8 * 1024;

#[track_caller]
fn assert_harmless(what: &str, text: &str) {
    for line in text.split('\n') {
        assert!(!line.starts_with("::") && !line.starts_with("hint: run `rm`"), "{what}: a line of theirs: {line:?}");
        let control = line.chars().find(|c| {
            c.is_control()
                || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{61c}')
        });
        assert_eq!(control, None, "{what}: {line:?}");
        assert!(line.chars().count() <= 2000, "{what}: {} characters in a line", line.chars().count());
    }
    assert!(text.len() <= MAX_FAILURE_BYTES, "{what}: {} bytes", text.len());
}

/// stderr shows it, on one line.
#[track_caller]
fn assert_shown(what: &str, output: &Output) {
    assert_harmless(what, &stderr(output));
    assert!(stderr(output).contains("::stop-commands"), "{what}: it is not shown: {}", stderr(output));
}

#[test]
fn messages_of_an_answer_stay_in_their_line() {
    let scene = Scene::new();
    let api = |path: &str, answer: Answer| {
        for method in ["GET", "POST"] {
            scene.standin.answer_always(method, &format!("/api2{path}"), answer.clone());
        }
    };
    for status in [400, 404, 409, 500] {
        let body = json!({"error": {"message": HOSTILE, "code": status}});
        api("/e", Answer::json(status, &body));
        let output = scene.run(&["call", "POST", "/e", "-f", "a=b"]);
        assert_shown("an error's message", &output);
        assert_eq!(stdout(&output), body.to_string(), "the body is exact");
    }
    api("/top", Answer::json(400, &json!({"message": HOSTILE})));
    assert_shown("a message at the top", &scene.run(&["call", "/top"]));
    api("/items", Answer::json(200, &json!({"errors": [{"message": HOSTILE, HOSTILE: HOSTILE}]})));
    assert_shown("a refused item", &scene.run(&["call", "POST", "/items", "-f", "a=b"]));
    api("/long", Answer::json(400, &json!({"error": {"message": "long ".repeat(100_000), "code": 400}})));
    assert_harmless("a long message", &stderr(&scene.run(&["call", "/long", "--silent"])));
}

#[test]
fn filters_that_fail_with_a_text_show_it_in_one_line() {
    let scene = Scene::new();
    scene.standin.answer_always("GET", "/api2/f", Answer::json(200, &json!({"a": HOSTILE})));
    for filter in [".a|error", "error(.)", ".a|.b", ".a|tonumber", ".a|debug", ".a|halt_error"] {
        assert_harmless(filter, &stderr(&scene.run(&["call", "/f", "-q", filter])));
    }
    assert_eq!(stdout(&scene.run(&["call", "/f", "-q", ".a"])), format!("{HOSTILE}\n"), "an output is exact");
}

#[test]
fn processes_and_bundles_are_reported_on_one_line_each() {
    let scene = Scene::new();
    let files = json!({"files": [{"status": "failed", "name_original": HOSTILE, "message": HOSTILE}]});
    for process in [
        json!({"process_id": "p", "type": "t", "status": "failed", "message": HOSTILE}),
        json!({"process_id": "p", "type": "t", "status": HOSTILE}),
        json!({"process_id": HOSTILE, "type": HOSTILE, "status": "failed"}),
        json!({"process_id": "p", "type": "t", "status": "finished", "details": files}),
    ] {
        scene.standin.answer_always("POST", "/api2/p", Answer::json(202, &json!({"process": process})));
        assert_harmless("a process", &stderr(&scene.run(&["call", "POST", "/p", "-f", "a=b", "--wait=1s"])));
    }
    let zip = zip_of(&[("a\n::stop-commands::abc\u{202e}", b"text")]);
    scene.standin.answer_always("GET", "/bundle.zip", Answer::new(200, zip));
    let url = scene.standin.api_url().replace("/api2", "/bundle.zip");
    scene.standin.answer_always("POST", "/api2/bundle", Answer::json(200, &json!({"bundle_url": url})));
    let output = scene.run(&["call", "POST", "/bundle", "-f", "a=b", "--extract", "out"]);
    assert_harmless("a name in a bundle", &(stderr(&output) + &stdout(&output)));
}

#[test]
fn owners_and_profiles_are_reported_in_one_line_each() {
    let mut scene = Scene::new();
    let owner = json!({"contributor": {"user_id": 1, "fullname": HOSTILE, "email": HOSTILE}});
    scene.standin.answer_always(
        "GET",
        "/api2/projects*",
        Answer::json(200, &json!({"projects": [{"project_id": "a.1"}]})),
    );
    scene.standin.answer_always("GET", "/api2/projects/a.1/contributors/me", Answer::json(200, &owner));
    let output = scene.run(&["whoami"]);
    assert!(stdout(&output).contains("x\\n::stop"), "{}", stdout(&output));
    assert_harmless("whoami", &(stdout(&output) + &stderr(&output)));
    let json: serde_json::Value = serde_json::from_slice(&scene.run(&["whoami", "--json"]).stdout).expect("JSON");
    assert_eq!(json["owner"]["name"], HOSTILE, "JSON is exact");
    scene.home.unset("LOKALISE_API_TOKEN");
    scene.home.set_token(&[]);
    for command in [&["whoami"][..], &["whoami", "--offline"], &["profile", "list"], &["doctor"]] {
        let output = scene.run(command);
        assert_harmless(command[0], &(stdout(&output) + &stderr(&output)));
    }
}

#[test]
fn the_token_endpoint_and_the_redirect_are_shown_in_one_line() {
    let mut scene = Scene::new();
    scene.standin.answer_always("POST", "/oauth2/token", Answer::oauth_error(400, HOSTILE, HOSTILE));
    scene.home.unset("LOKALISE_API_TOKEN");
    let minted = [
        ("LOKALISE_REFRESH_TOKEN", "0123456789012345678901234567890123456789"),
        ("LOKALISE_CLIENT_ID", "1123456789012345678901234567890123456789"),
        ("LOKALISE_CLIENT_SECRET", "2123456789012345678901234567890123456789"),
    ];
    assert_harmless("a minted token", &stderr(&scene.run_with(&["call", "/projects"], &minted)));
    let script = scene.home.path().join("refusing");
    let text = "#!/bin/sh\nexec curl -s \"$(printf %s \"$1\" | sed 's/.*redirect_uri=\\([^&]*\\).*/\\1/; s/%3A/:/g; s/%2F/\\//g')?error=x%0A%3A%3Astop-commands%3A%3Aabc%0D%1B%5B2J&error_description=y%0A%3A%3Aerror%3A%3Az%E2%80%AE&state=$(printf %s \"$1\" | sed 's/.*state=\\([^&]*\\).*/\\1/')\"\n";
    fs::write(&script, text).expect("our own folder");
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).expect("our own folder");
    let output = scene.home.login_cmd(&[]).env("BROWSER", &script).output().expect("the program can be run");
    assert_eq!(output.status.code(), Some(4), "{}", stderr(&output));
    assert_shown("a refusal in the redirect", &output);
}

#[test]
fn names_of_files_programs_and_variables_stay_in_their_line() {
    let scene = Scene::new();
    assert_shown("a file's name", &scene.run(&["call", "POST", "/x", "--input", HOSTILE]));
    assert_shown("a program's name", &scene.run(&["exec", "--", HOSTILE]));
    assert_eq!(code(&scene.run(&["exec", "--", HOSTILE])), 127);
    for arguments in [&[HOSTILE][..], &["call", HOSTILE], &["scopes", HOSTILE], &["help", HOSTILE]] {
        assert_harmless("an argument", &stderr(&scene.run(arguments)));
    }
    for variable in
        ["LOKALISE_API_URL", "LOKALISE_AUTH_STORE", "HTTPS_PROXY", "SSL_CERT_FILE", "LOKALISE_PROFILE", "BROWSER"]
    {
        for command in [&["call", "/projects"][..], &["doctor"]] {
            let output = scene.run_with(command, &[(variable, HOSTILE), ("LOKALISE_API_TOKEN", "")]);
            assert_harmless(variable, &(stderr(&output) + &stdout(&output)));
        }
    }
    let folder = scene.home.work().join("a\n::stop-commands::abc");
    fs::create_dir(&folder).expect("our own folder");
    fs::write(folder.join(".lokalise-profile"), "two names").expect("our own folder");
    let mut command = scene.home.command(["call", "/projects"]);
    let output = command.current_dir(&folder).env("LOKALISE_API_TOKEN", "").output().expect("the program can be run");
    assert_harmless("a folder's name", &stderr(&output));
    assert!(stderr(&output).contains("a\\n::stop"), "{}", stderr(&output));
}

#[test]
fn what_a_helper_or_a_command_says_stays_in_its_line() {
    let mut scene = Scene::new();
    scene.home.unset("LOKALISE_API_TOKEN");
    let folder = scene.home.path().join("bin");
    fs::create_dir(&folder).expect("our own folder");
    let program = |path: &Path| {
        let text = "#!/bin/sh\nprintf 'x\\n::stop-commands::abc\\r\\033[2J\\n::error::y\\n'\nexit 1\n";
        fs::write(path, text).expect("our own folder");
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("our own folder");
    };
    program(&folder.join("docker-credential-hostile"));
    let path = format!("{}:/usr/bin:/bin", folder.display());
    for command in [&["call", "/projects"][..], &["doctor"], &["logout"]] {
        let output = scene.run_with(command, &[("PATH", &path), ("LOKALISE_AUTH_STORE", "helper:hostile")]);
        assert_harmless("a helper", &(stderr(&output) + &stdout(&output)));
    }
    let line = folder.join("docker-credential-hostile").display().to_string();
    assert_eq!(code(&scene.run(&["token", "set", "--no-verify", "--from-command", &line])), 0);
    assert_harmless("a command", &stderr(&scene.run(&["token", "print"])));
}
