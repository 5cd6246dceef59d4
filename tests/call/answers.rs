//! What is printed, where, and with which exit code.

use std::time::Duration;

use serde_json::json;

use super::{Ran, Scene};
use crate::support::standin::Answer;
use crate::support::wire::{Step, Wire, head};

#[test]
fn every_status_has_its_exit_code_and_one_sentence() {
    let scene = Scene::new();
    for (status, code, said) in [
        (400, 10, "no (HTTP 400)"),
        (401, 4, "no (HTTP 401)"),
        (403, 5, "no (HTTP 403)"),
        (404, 6, "no (HTTP 404)"),
        (405, 10, "no (HTTP 405)"),
        (409, 10, "no (HTTP 409)"),
        (422, 10, "no (HTTP 422)"),
        (423, 10, "no (HTTP 423)"),
        (500, 8, "no (HTTP 500)"),
    ] {
        scene.standin.answer_next(
            "GET",
            "/api2/projects",
            Answer::error(status, "no").header("X-Lokalise-Process-Id", "a-b-c"),
        );
        let ran = scene.call(&["GET", "/projects"]);
        assert_eq!(ran.failed(code), said);
        assert_eq!(ran.json(), json!({"error": {"message": "no", "code": status}}), "the body is on stdout");
        assert!(ran.stderr.contains("a-b-c"), "{}", ran.stderr);
    }
}

#[test]
fn a_malformed_token_is_not_logged_in() {
    let scene = Scene::new();
    scene.standin.answer_next("GET", "/api2/projects", Answer::error(400, "Invalid `X-Api-Token` header"));
    assert_eq!(scene.call(&["GET", "/projects"]).failed(4), "Invalid `X-Api-Token` header (HTTP 400)");
}

#[test]
fn a_body_that_is_no_json_does_not_hide_the_status() {
    let scene = Scene::new();
    scene.standin.answer_next("POST", "/api2/projects", Answer::html(502, "<h1>nginx</h1>"));
    let ran = scene.call(&["POST", "/projects", "-f", "name=x"]);
    assert_eq!(ran.failed(8), "Bad Gateway (HTTP 502)");
    assert_eq!(ran.stdout, "<h1>nginx</h1>");
    assert_eq!(scene.standin.requests().len(), 1, "a POST is sent once");
}

#[test]
fn stdout_holds_data_only_once_a_filter_is_in_use() {
    let scene = Scene::new();
    for arguments in [&["--jq", "."][..], &["--ndjson"], &["--paginate"], &["-o", "out.json"], &["--extract", "out"]] {
        scene.standin.answer_next("GET", "/api2/projects", Answer::error(404, "not here"));
        let ran = scene.call(&[&["GET", "/projects"], arguments].concat());
        assert_eq!(ran.failed(6), "not here (HTTP 404)", "{arguments:?}");
        assert_eq!(ran.stdout, "", "{arguments:?}");
        assert!(ran.stderr.contains(r#"{"error":{"#), "the body is on stderr: {}", ran.stderr);
        assert_eq!(std::fs::read_dir(scene.home.work()).unwrap().count(), 0, "{arguments:?} left something");
    }
}

#[test]
fn with_json_a_failure_is_one_object_on_stderr() {
    let scene = Scene::new();
    let error = Answer::error(404, "not here").header("X-Lokalise-Process-Id", "a-b-c");
    scene.standin.answer_next("GET", "/api2/projects", error);
    let ran = scene.call(&["GET", "/projects", "--json", "--jq", "."]);
    let object: serde_json::Value = serde_json::from_str(&ran.stderr).unwrap();
    assert_eq!(object["error"]["code"], "not_found");
    assert_eq!(object["error"]["exit"], 6);
    assert_eq!(object["error"]["status"], 404);
    assert_eq!(object["error"]["request_id"], "a-b-c");
}

#[test]
fn a_success_that_lists_errors_is_refused_unless_that_is_allowed() {
    let scene = Scene::new();
    let key = ["POST", "/projects/{p}/keys", "-f", "keys[][key_name]=new", "-f", "keys[][key_name]=new"];
    let ran = scene.call(&key);
    assert_eq!(ran.failed(10), "1 item was refused: This key name is already taken: key_name `new` (HTTP 200)");
    assert_eq!(ran.json()["keys"].as_array().unwrap().len(), 1, "what was done is on stdout");
    let ran = scene.call(&[&key[..], &["--allow-partial"]].concat());
    assert_eq!((ran.code, ran.json()["errors"].as_array().unwrap().len()), (0, 2));
}

#[test]
fn errors_are_found_after_megabytes_of_an_answer() {
    let scene = Scene::new();
    let item = json!({"key_id": 1, "error": null, "errors": ["of an item"], "note": "\"errors\":[1]", "kind": "error"});
    let mut body = json!({"keys": vec![item; 40_000], "errors": ["late"]});
    assert!(body.to_string().len() > 3_000_000);
    scene.standin.answer_next("GET", "/api2/projects", Answer::json(200, &body));
    let ran = scene.call(&["GET", "/projects", "-o", "refused.json"]);
    assert_eq!(ran.failed(10), "1 item was refused: late (HTTP 200)");
    body["errors"] = json!([]);
    scene.standin.answer_next("GET", "/api2/projects", Answer::json(200, &body));
    scene.call(&["GET", "/projects", "-o", "whole.json"]).quietly();
}

#[test]
fn errors_are_found_whatever_the_content_type_and_the_text_after_them() {
    let scene = Scene::new();
    for (body, expected) in [
        (r#"{"errors":["x"]}"#, "1 item was refused: x (HTTP 200)"),
        (r#"{"key\u005fdeleted":false}"#, "it was not all done: `key_deleted` is false (HTTP 200)"),
        (r#"{"key_deleted":false}"#, "it was not all done: `key_deleted` is false (HTTP 200)"),
        ("{\"errors\":[\"x\"]}<br />Warning", "1 item was refused: x (HTTP 200)"),
        ("{\"key_deleted\":false}<br />Warning", "it was not all done: `key_deleted` is false (HTTP 200)"),
    ] {
        for content_type in ["application/json", "text/html", "text/plain; charset=utf-8"] {
            let answer = Answer::new(200, body).header("Content-Type", content_type);
            scene.standin.answer_next("POST", "/api2/projects", answer);
            let ran = scene.call(&["POST", "/projects", "-f", "name=x"]);
            assert_eq!(ran.failed(10), expected, "{content_type}: {body}");
            assert_eq!(ran.stdout, body, "the body is printed as it came");
        }
    }
    let page = Answer::html(200, "<p>errors</p>");
    scene.standin.answer_next("POST", "/api2/projects", page);
    assert_eq!(scene.call(&["POST", "/projects", "-f", "name=x"]).code, 0);
}

#[test]
fn an_error_without_end_is_one_whatever_is_allowed() {
    let scene = Scene::new();
    let body = json!({"keys": [{"a": 1}], "error": {"message": "x".repeat(2_000_000), "code": 400}});
    for arguments in [&[][..], &["--ndjson"], &["--paginate"], &["-q", ".keys"]] {
        scene.standin.answer_next("GET", "/api2/projects", Answer::json(200, &body));
        let ran = scene.call(&[&["GET", "/projects", "--allow-partial"], arguments].concat());
        assert_eq!(ran.failed(10), "an error of more than 1 MiB (HTTP 200)", "{arguments:?}");
    }
}

#[cfg(unix)]
#[test]
fn a_refused_body_on_stderr_is_text_that_drives_nothing() {
    let scene = Scene::new();
    let mut wired = Scene::new();
    let wire = Wire::before(scene.standin.address());
    let answer =
        b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: 6\r\n\r\n\xe9\xff bad".to_vec();
    wire.answer_next("GET", "/api2/projects", vec![Step::Send(answer)]);
    wired.home.set("LOKALISE_API_URL", &wire.api_url());
    let output = wired.home.command(["call", "GET", "/projects", "-q", "."]).output().expect("the binary runs");
    assert!(output.stderr.starts_with("\u{fffd}\u{fffd} bad\n".as_bytes()), "{:?}", output.stderr);
}

#[test]
fn a_success_that_is_an_error_is_refused() {
    let scene = Scene::new();
    for nothing in [json!(null), json!(false), json!(""), json!([]), json!({})] {
        scene.standin.answer_next("GET", "/api2/projects", Answer::json(200, &json!({"error": nothing})));
        scene.call(&["GET", "/projects"]).quietly();
    }
    let body = json!({"error": {"message": "Something went wrong", "code": 500}});
    let answer = Answer::json(200, &body);
    scene.standin.answer_next("GET", "/api2/projects", answer.clone());
    let ran = scene.call(&["GET", "/projects"]);
    assert_eq!(ran.failed(10), "Something went wrong (HTTP 200)");
    assert_eq!(ran.json(), body);
    for arguments in [&["--jq", "."][..], &["--ndjson"], &["--paginate"], &["--paginate", "--ndjson"], &["-o", "x"]] {
        scene.standin.answer_next("GET", "/api2/projects", answer.clone());
        let ran = scene.call(&[&["GET", "/projects"], arguments].concat());
        assert_eq!(ran.failed(10), "Something went wrong (HTTP 200)");
        assert_eq!(ran.stdout, "", "{arguments:?}");
    }
    assert_eq!(std::fs::read_dir(scene.home.work()).unwrap().count(), 0);
    scene.standin.answer_next("GET", "/api2/projects", Answer::new(200, body.to_string()));
    scene.call(&["GET", "/projects"]).failed(10);
}

#[test]
fn status_line_and_headers_come_first_when_asked_for() {
    let scene = Scene::new();
    scene.standin.answer_next(
        "GET",
        "/api2/projects",
        Answer::new(200, "{}").header("X-Two", "a").header("X-Two", "b"),
    );
    let ran = scene.call(&["GET", "/projects", "-i"]).quietly();
    assert!(ran.starts_with("HTTP/1.1 200 OK\r\n"), "{ran}");
    assert!(ran.contains("\r\nx-two: a\r\nx-two: b\r\n"), "{ran}");
    assert!(ran.ends_with("\r\n\r\n{}"), "{ran}");
    let ran = scene.call(&["GET", "/projects", "-i", "--silent"]).quietly();
    assert!(ran.ends_with("\r\n\r\n"), "{ran}");
    assert_eq!(scene.call(&["GET", "/projects", "--silent"]).quietly(), "");
    let ran = scene.call(&["HEAD", "/projects", "-i"]).quietly();
    assert!(ran.contains("x-pagination-total-count"), "{ran}");
}

#[test]
fn a_head_request_takes_no_body() {
    let scene = Scene::new();
    let ran = scene.call_with(&["HEAD", "/projects", "--input", "-"], "{}");
    assert_eq!(ran.failed(2), "a HEAD request has no body for --input");
    assert_eq!(scene.standin.requests().len(), 0);
}

#[test]
fn a_filter_prints_strings_raw_and_a_gate_decides_the_exit_code() {
    let scene = Scene::new();
    let body = json!({"projects": [{"name": "a\nb", "statistics": {"progress": 90}}, {"name": "c", "statistics": {"progress": 40}}]});
    scene.standin.answer_always("GET", "/api2/projects", Answer::json(200, &body));
    let call = |arguments: &[&str]| scene.call(&[&["GET", "/projects"], arguments].concat());
    assert_eq!(call(&["-q", ".projects[].name"]).quietly(), "a\nb\nc\n");
    assert_eq!(call(&["--ndjson", "-q", ".statistics"]).quietly(), "{\"progress\":90}\n{\"progress\":40}\n");
    assert_eq!(call(&["--ndjson"]).quietly().lines().count(), 2);
    assert_eq!(
        call(&["-q", ".projects[] | [.name, .statistics.progress] | @csv"]).quietly(),
        "\"a\nb\",90\n\"c\",40\n"
    );
    assert_eq!(call(&["--silent", "--fail-unless", ".projects[0].statistics.progress >= 90"]).quietly(), "");
    let ran = call(&["--fail-unless", "all(.projects[]; .statistics.progress >= 90)"]);
    assert_eq!(ran.failed(12), "not true of the answer, but false: all(.projects[]; .statistics.progress >= 90)");
    assert_eq!(ran.json(), body, "the answer is printed all the same");
    assert_eq!(call(&["--ndjson", "--fail-unless", ".statistics.progress >= 90"]).code, 12);
    let ran = call(&["-q", ".projects.name"]);
    assert!(ran.failed(1).starts_with("the filter failed: Cannot index"), "{}", ran.stderr);
}

#[test]
fn a_file_appears_when_it_is_whole() {
    let mut scene = Scene::new();
    scene.file("out.json", "old");
    let content = || std::fs::read_to_string(scene.home.work().join("out.json")).unwrap();
    assert_eq!(scene.call(&["GET", "/projects", "-o", "out.json"]).quietly(), "");
    assert!(content().starts_with("{\"projects\""));
    let whole = content();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let path = scene.home.work().join("out.json");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        scene.call(&["GET", "/projects", "-o", "out.json"]).quietly();
        let mode = std::fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "what was closed to others stays so");
    }
    let wire = Wire::before(scene.standin.address());
    wire.answer_next(
        "GET",
        "/api2/projects",
        vec![
            head("HTTP/1.1 200 OK\nContent-Type: application/json\nContent-Length: 100"),
            Step::Send(b"{\"proj".to_vec()),
        ],
    );
    let api_url = wire.api_url();
    scene.home.set("LOKALISE_API_URL", &api_url);
    let ran = scene.call(&["GET", "/projects", "-o", "out.json"]);
    assert!(ran.failed(9).contains("was cut short"), "{}", ran.stderr);
    assert_eq!(std::fs::read_to_string(scene.home.work().join("out.json")).unwrap(), whole);
    assert_eq!(std::fs::read_dir(scene.home.work()).unwrap().count(), 1, "nothing else is left");
}

fn cut_short(headers: &str, body: &str) -> Ran {
    cut_short_with(headers, body, &[])
}

fn cut_short_with(headers: &str, body: &str, more: &[&str]) -> Ran {
    let mut scene = Scene::new();
    let wire = Wire::before(scene.standin.address());
    let head = head(&format!("HTTP/1.1 200 OK\nContent-Type: application/json{headers}"));
    wire.answer_next("GET", "/api2/projects", vec![head, Step::Send(body.as_bytes().to_vec())]);
    scene.home.set("LOKALISE_API_URL", &wire.api_url());
    scene.call(&[&["GET", "/projects"], more].concat())
}

#[test]
fn a_body_that_is_cut_short_is_a_failure() {
    for (headers, body) in [
        ("\nContent-Length: 100", r#"{"projects":[]}"#),
        ("\nTransfer-Encoding: chunked", "10\r\n{\"projects\":[1,2\r\n"),
        ("", r#"{"projects":[{"a":1}"#),
    ] {
        let ran = cut_short(headers, body);
        assert!(ran.failed(9).contains("was cut short"), "{headers}: {}", ran.stderr);
    }
    for more in ["--ndjson", "--paginate"] {
        let ran = cut_short_with("", r#"{"projects":[{"a":1}"#, &[more]);
        assert_eq!(ran.code, 9, "{more}: {}", ran.stderr);
    }
    assert_eq!(cut_short("", r#"{"projects":[]}"#).quietly(), r#"{"projects":[]}"#, "whole without a length");
}

#[test]
fn a_filter_without_end_ends_with_the_time_and_at_a_signal() {
    let scene = Scene::new();
    let endless = ["call", "GET", "/projects", "-q", "last(repeat(1))"];
    let ran = scene.call(&[&endless[1..], &["--timeout", "1s"]].concat());
    assert_eq!(ran.failed(9), "not done within 1s");
    #[cfg(unix)]
    {
        scene.standin.forget_requests();
        let child = scene.home.command(endless).stderr(std::process::Stdio::piped()).spawn().expect("it runs");
        scene.standin.wait_for("GET", "/api2/projects", 1);
        std::thread::sleep(std::time::Duration::from_millis(500));
        let pid = rustix::process::Pid::from_child(&child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("it runs");
        assert_eq!(child.wait_with_output().expect("it ends").status.code(), Some(143));
    }
}

#[test]
fn an_answer_that_can_be_kept_nowhere_is_not_asked_for() {
    let scene = Scene::new();
    scene.file("there", "a file");
    scene.call(&["POST", "/projects", "-f", "name=x", "-o", "there/out.json"]).failed(2);
    assert!(scene.standin.requests().is_empty());
}

#[test]
fn the_whole_call_has_a_time_limit_when_asked_for() {
    let scene = Scene::new();
    scene.standin.answer_next("GET", "/api2/projects", Answer::new(200, "{}").after(Duration::from_secs(20)));
    let ran = scene.call(&["GET", "/projects", "--timeout", "500ms"]);
    assert_eq!(ran.failed(9), "not done within 500ms", "and not the answer, which comes after 20 seconds");
}

#[cfg(unix)]
#[test]
fn a_reader_that_has_seen_enough_ends_the_call_quietly() {
    let scene = Scene::new();
    let long = || -> Box<dyn std::io::Read + Send> { Box::new(std::io::Read::take(std::io::repeat(b'x'), 50_000_000)) };
    scene.standin.answer_next("GET", "/api2/projects", Answer::streamed(None, long));
    let program = crate::support::home::binary();
    let script = format!("'{}' call GET /projects | head -c 10; echo \" ${{PIPESTATUS[0]}}\"", program.display());
    let output = scene.home.other("bash", ["-c", &script]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "xxxxxxxxxx 0\n");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

/// A call whose stdout nobody reads.
#[cfg(unix)]
fn unread(scene: &Scene, arguments: &[&str]) -> (Option<i32>, String) {
    let (reader, writer) = std::io::pipe().expect("a pipe can be had");
    drop(reader);
    let mut command = scene.home.command([&["call"], arguments].concat());
    let output = command.stdin(std::process::Stdio::null()).stdout(writer).output().expect("the program can be run");
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[cfg(unix)]
#[test]
fn a_failure_is_reported_although_nobody_reads_stdout() {
    let scene = Scene::new();
    let refused = json!({"keys": [], "errors": ["taken"]});
    let failed = json!({"process": {"process_id": "1", "status": "failed", "type": "file-import"}});
    let cases: [(&str, Answer, &[&str], i32, &str); 5] = [
        ("GET", Answer::error(404, "Not here"), &[], 6, "Not here (HTTP 404)"),
        ("POST", Answer::json(200, &refused), &["-f", "a=b"], 10, "1 item was refused"),
        ("POST", Answer::json(200, &refused), &["-f", "a=b", "--ndjson"], 10, "1 item was refused"),
        ("POST", Answer::json(200, &failed), &["-f", "a=b", "--wait"], 11, "the file-import failed"),
        ("GET", Answer::json(200, &json!({"projects": []})), &[], 0, ""),
    ];
    for (method, answer, arguments, code, said) in cases {
        scene.standin.answer_next(method, "/api2/projects/1.2/files/upload", answer);
        let (ended, stderr) = unread(&scene, &[&[method, "/projects/1.2/files/upload"], arguments].concat());
        assert_eq!(ended, Some(code), "{method} {arguments:?}: {stderr}");
        assert!(stderr.contains(said) && stderr.is_empty() == said.is_empty(), "{method} {arguments:?}: {stderr}");
    }
    scene.standin.edit(|content| content.set_projects(1_200));
    for arguments in [&["--paginate"][..], &["--paginate", "--ndjson"]] {
        let (ended, stderr) = unread(&scene, &[&["GET", "/projects"], arguments].concat());
        assert_eq!((ended, stderr.as_str()), (Some(0), ""), "{arguments:?}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_call_under_nohup_outlives_its_terminal() {
    let scene = Scene::new();
    for (nohup, code) in [(true, Some(0)), (false, Some(143))] {
        scene.standin.forget_requests();
        let answer = Answer::json(200, &json!({})).after(std::time::Duration::from_millis(700));
        scene.standin.answer_next("GET", "/api2/projects", answer);
        let program = crate::support::home::binary();
        // What runs the tests may itself be under it.
        let words = if nohup { ["nohup", "--"] } else { ["env", "--default-signal=HUP"] };
        let mut command = scene.home.other(words[0], [words[1].as_ref(), program.as_os_str()]);
        command.args(["call", "GET", "/projects"]).stdout(std::process::Stdio::piped());
        let child = command.stderr(std::process::Stdio::piped()).spawn().expect("coreutils are there");
        scene.standin.wait_for("GET", "/api2/projects", 1);
        let pid = rustix::process::Pid::from_child(&child);
        rustix::process::kill_process(pid, rustix::process::Signal::HUP).expect("it runs");
        assert_eq!(child.wait_with_output().expect("it ends").status.code(), code, "under nohup: {nohup}");
    }
}

#[cfg(unix)]
#[test]
fn a_gate_sees_all_of_an_answer_that_nobody_reads() {
    let scene = Scene::new();
    let long = json!({ "projects": vec!["x".repeat(5_000); 1_000] });
    for (gate, code) in [("true", 0), ("false", 12)] {
        for more in [&[][..], &["--paginate"], &["--ndjson"], &["-q", ".projects[]"]] {
            scene.standin.answer_next("GET", "/api2/projects", Answer::json(200, &long));
            let (ended, stderr) = unread(&scene, &[&["GET", "/projects", "--fail-unless", gate], more].concat());
            assert_eq!(ended, Some(code), "{gate} {more:?}: {stderr}");
            assert_eq!(stderr.is_empty(), code == 0, "{gate} {more:?}: {stderr}");
        }
    }
}

#[cfg(unix)]
#[test]
fn a_filter_ends_when_its_reader_is_gone() {
    let scene = Scene::new();
    let (ended, stderr) = unread(&scene, &["GET", "/projects", "-q", "range(1000000000)"]);
    assert_eq!((ended, stderr.as_str()), (Some(0), ""));
}

#[cfg(unix)]
#[test]
fn a_pipe_without_a_reader_does_not_delay_the_time_limit() {
    let scene = Scene::new();
    let pipe = scene.home.work().join("pipe");
    let made = scene.home.other("mkfifo", [&pipe]).status().expect("coreutils are there");
    assert!(made.success());
    assert_eq!(scene.call(&["GET", "/projects", "-o", "pipe", "--timeout", "1s"]).failed(9), "not done within 1s");
    let mut slow = scene.home.command(["call", "POST", "/projects", "--input", "-", "--timeout", "1s"]);
    let mut child = slow.stdin(std::process::Stdio::piped()).spawn().expect("it runs");
    let _open = child.stdin.take();
    assert_eq!(child.wait().expect("it ends").code(), Some(9), "stdin says nothing");
}

#[test]
fn a_gate_does_not_hide_a_failure() {
    let scene = Scene::new();
    let refused = json!({"keys": [], "errors": ["taken"]});
    let gate = ["--fail-unless", ".keys | length > 0"];
    scene.standin.answer_next("POST", "/api2/projects/1.2/keys", Answer::json(200, &refused));
    let ran = scene.call(&[&["POST", "/projects/1.2/keys", "-f", "a=b"], &gate[..]].concat());
    assert_eq!(ran.failed(10), "1 item was refused: taken (HTTP 200)");
    assert!(ran.stderr.contains("not true of the answer"), "neither is lost: {}", ran.stderr);
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_reported() {
    let scene = Scene::new();
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = scene.home.command(["call", "GET", "/projects"]).stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("stdout cannot be written"));
}
