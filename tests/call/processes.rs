//! `--wait`: imports and exports that are queued, and what becomes of them.

use serde_json::json;

use super::{Ran, Scene};
use crate::support::standin::Answer;

const UPLOAD: [&str; 8] =
    ["POST", "/projects/{p}/files/upload", "-F", "data=@base64:en.json", "-f", "filename=en.json", "-f", "lang_iso=en"];

/// Fails unless the call succeeded and said no more than that it waited.
#[track_caller]
fn after_waiting(ran: Ran) -> String {
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let lines: Vec<&str> = ran.stderr.lines().collect();
    assert!(matches!(lines[..], [line] if line.starts_with("lokalise-auth: waiting up to ")), "{}", ran.stderr);
    ran.stdout
}

/// A finished process with more members, as `GET …/processes/x` answers.
fn finished(more: &[u8]) -> Answer {
    let start = br#"{"process":{"process_id":"x","type":"file-import","status":"finished""#;
    Answer::new(200, [&start[..], more, b"}}"].concat()).header("Content-Type", "application/json")
}

fn scene_with_file() -> Scene {
    let scene = Scene::new();
    scene.file("en.json", "{\"a\": \"b\"}");
    scene
}

#[test]
fn an_upload_is_waited_for_and_the_finished_process_printed() {
    let scene = scene_with_file();
    let ran = scene.call(&[&UPLOAD[..], &["--wait"]].concat());
    assert_eq!(ran.json()["process"]["status"], "finished");
    assert_eq!(ran.json()["process"]["details"]["files"][0]["name_original"], "en.json");
    let id = ran.json()["process"]["process_id"].as_str().unwrap().to_owned();
    assert_eq!(scene.standin.requests_to("GET", &scene.project(&format!("/processes/{id}"))).len(), 3);
    assert_eq!(scene.standin.requests_to("POST", &scene.project("/files/upload")).len(), 1);
    assert_eq!(ran.stderr, format!("lokalise-auth: waiting up to 10m for process {id} (file-import)\n"));
}

#[test]
fn without_wait_the_queued_process_is_printed() {
    let scene = scene_with_file();
    let ran = scene.call(&UPLOAD);
    assert_eq!(ran.json()["process"]["status"], "queued");
    assert_eq!(scene.standin.requests().len(), 1);
}

#[test]
fn an_import_that_fails_or_is_cancelled_fails_the_call() {
    for (end, said) in [("failed", "the file-import failed"), ("cancelled", "the file-import was cancelled")] {
        let scene = scene_with_file();
        scene.standin.set(|switches| switches.process_end = end.to_owned());
        let ran = scene.call(&[&UPLOAD[..], &["--wait"]].concat());
        assert!(ran.failed(11).starts_with(said), "{}", ran.stderr);
        assert_eq!(ran.json()["process"]["status"], end, "the process is printed all the same");
    }
}

#[test]
fn waiting_survives_rate_limits_and_failures_of_the_server() {
    let scene = scene_with_file();
    let processes = scene.project("/processes/*");
    scene.standin.answer_next("GET", &processes, Answer::error(429, "no").header("Retry-After", "0"));
    scene.standin.answer_next("GET", &processes, Answer::html(502, "x"));
    scene.standin.answer_next("GET", &processes, Answer::error(423, "Another request is under way"));
    scene.standin.answer_next("GET", &processes, Answer::error(408, "Too slow"));
    scene.standin.answer_next("GET", &processes, Answer::error(500, "x"));
    let ran = scene.call(&[&UPLOAD[..], &["--wait"]].concat());
    assert_eq!((ran.code, &ran.json()["process"]["status"]), (0, &json!("finished")));
    assert_eq!(scene.standin.answers_left(), 0);
}

#[test]
fn waiting_ends_at_its_limit_and_names_the_process() {
    let scene = scene_with_file();
    scene.standin.set(|switches| switches.process_polls = 1_000);
    let ran = scene.call(&[&UPLOAD[..], &["--wait=2s"]].concat());
    let id = scene.standin.requests().last().unwrap().path().rsplit('/').next().unwrap().to_owned();
    let said = ran.failed(11);
    assert!(said.starts_with("still ") && said.ends_with(&format!("after 2s (process {id})")), "{said}");
    assert!(ran.stderr.contains(&format!("/processes/{id} --wait`")), "{}", ran.stderr);
    let polls = scene.standin.requests_to("GET", &scene.project(&format!("/processes/{id}"))).len();
    assert!(polls <= 4, "{polls} polls");
}

#[test]
fn a_process_that_may_not_be_looked_at_is_named_with_what_that_needs() {
    let mut scene = scene_with_file();
    scene.home.unset("LOKALISE_API_TOKEN");
    scene.home.login(&["--scope", "read_projects,write_files"]);
    scene.standin.answer_next("GET", &scene.project("/processes/*"), Answer::error(403, "Forbidden"));
    let ran = scene.call(&[&UPLOAD[..], &["--wait"]].concat());
    assert_eq!(ran.failed(5), "Forbidden (HTTP 403)");
    assert!(ran.stderr.contains("the scope `read_background_processes`"), "{}", ran.stderr);
    assert!(ran.stderr.contains("--wait` waits for it"), "{}", ran.stderr);
}

#[test]
fn a_look_that_finds_an_error_ends_the_wait() {
    for (answer, code, said) in [
        (json!({"error": {"message": "Process is gone", "code": 404}}), 10, "Process is gone (HTTP 200)"),
        (
            json!({"process": {"process_id": "1", "status": "finished"}, "errors": ["x"]}),
            10,
            "1 item was refused: x (HTTP 200)",
        ),
    ] {
        let scene = scene_with_file();
        scene.standin.answer_next("GET", &scene.project("/processes/*"), Answer::json(200, &answer));
        let ran = scene.call(&[&UPLOAD[..], &["--wait"]].concat());
        assert_eq!(ran.failed(code), said);
        assert_eq!(ran.json(), answer);
    }
}

#[test]
fn what_was_accepted_and_names_no_process_is_not_taken_for_done() {
    let scene = Scene::new();
    scene.standin.answer_next("POST", &scene.project("/files/upload"), Answer::json(202, &json!({})));
    let ran = scene.call(&["POST", "/projects/{p}/files/upload", "-f", "a=b", "--wait"]);
    assert_eq!(ran.failed(11), "the answer names no process to wait for");
}

#[test]
fn a_process_that_is_named_at_another_origin_is_not_looked_at() {
    let scene = Scene::new();
    let answer = Answer::json(202, &json!({})).header("Location", "https://evil.com/api2/projects/1/processes/2");
    scene.standin.answer_next("POST", &scene.project("/files/upload"), answer);
    let ran = scene.call(&["POST", "/projects/{p}/files/upload", "-f", "a=b", "--wait"]);
    assert_eq!(ran.failed(1), "the answer names a process that is not at the API");
}

#[test]
fn a_process_can_be_waited_for_by_its_id() {
    let scene = scene_with_file();
    let id = scene.call(&UPLOAD).json()["process"]["process_id"].as_str().unwrap().to_owned();
    let path = format!("/projects/{{p}}/processes/{id}");
    assert_eq!(after_waiting(scene.call(&["GET", &path, "--wait", "-q", ".process.status"])), "finished\n");
}

#[test]
fn an_answer_that_queues_nothing_is_not_waited_for() {
    let scene = Scene::new();
    let ran = scene.call(&["GET", "/projects", "--wait"]);
    assert!(ran.json()["projects"].is_array());
    assert_eq!(scene.standin.requests().len(), 1);
}

#[test]
fn a_process_is_read_even_where_its_text_is_damaged() {
    let scene = scene_with_file();
    let processes = scene.project("/processes/*");
    for more in [
        &b",\"message\":\"caf\xc3\""[..],
        b",\"message\":\"\\ud83d\"",
        b",\"message\":\"a\x07b\tc\"",
        b",\"details\":[]",
    ] {
        scene.standin.answer_next("GET", &processes, finished(more));
        after_waiting(scene.call(&[&UPLOAD[..], &["--wait"]].concat()));
    }
    let marked = Answer::new(200, "\u{feff}{\"process\":{\"status\":\"finished\"}}");
    scene.standin.answer_next("GET", &processes, marked);
    after_waiting(scene.call(&[&UPLOAD[..], &["--wait"]].concat()));
    let failed = b"{\"process\":{\"status\":\"failed\",\"message\":\"name: caf\xe9\"}}".to_vec();
    scene.standin.answer_next("GET", &processes, Answer::new(200, failed));
    let ran = scene.call(&[&UPLOAD[..], &["--wait"]].concat());
    assert!(ran.failed(11).starts_with("the process failed: name: caf\u{fffd} (process "), "{}", ran.stderr);
}

#[test]
fn the_messages_of_files_are_in_the_error() {
    let scene = scene_with_file();
    let files = json!([{"name_original": "en.json", "status": "failed", "message": "Invalid JSON"}]);
    let process = json!({"type": "file-import", "status": "failed", "message": null, "details": {"files": files}});
    scene.standin.answer_next("GET", &scene.project("/processes/*"), Answer::json(200, &json!({"process": process})));
    let ran = scene.call(&[&UPLOAD[..], &["--wait"]].concat());
    assert!(ran.failed(11).starts_with("the file-import failed: en.json: Invalid JSON (process "), "{}", ran.stderr);
}

#[test]
fn a_process_that_is_not_there_yet_is_waited_for() {
    let scene = scene_with_file();
    let processes = scene.project("/processes/*");
    scene.standin.answer_times(3, "GET", &processes, &Answer::error(404, "Process not found"));
    after_waiting(scene.call(&[&UPLOAD[..], &["--wait"]].concat()));
    assert_eq!(scene.standin.answers_left(), 0);
}

#[test]
fn a_process_that_never_is_there_ends_the_wait() {
    let scene = scene_with_file();
    scene.standin.answer_always("GET", &scene.project("/processes/*"), Answer::error(404, "Process not found"));
    let ran = scene.call(&[&UPLOAD[..], &["--wait"]].concat());
    assert_eq!(ran.failed(6), "Process not found (HTTP 404)");
    assert_eq!(scene.standin.requests().len(), 5, "the upload and four polls");
}

#[test]
fn five_answers_in_a_row_may_be_unreadable_and_not_six() {
    let scene = scene_with_file();
    let processes = scene.project("/processes/*");
    let page = Answer::html(200, "<html>one moment</html>");
    let no_status = Answer::json(200, &json!({"process": {"process_id": "x"}}));
    for answer in [&page, &no_status, &page, &Answer::new(200, "{\"process\":{\"status\":\"fin"), &page] {
        scene.standin.answer_next("GET", &processes, answer.clone());
    }
    let underway = Answer::json(200, &json!({"process": {"status": "running"}}));
    scene.standin.answer_next("GET", &processes, underway);
    scene.standin.answer_times(5, "GET", &processes, &page.clone().header("Content-Encoding", "br"));
    scene.standin.answer_next("GET", &processes, page);
    let ran = scene.call(&[&UPLOAD[..], &["--wait=3m"]].concat());
    let said = ran.failed(9);
    assert!(said.starts_with("the answer about process "), "{said}");
    assert!(said.ends_with("cannot be read: it is not JSON: it begins with `<html>one moment</html>`"), "{said}");
    assert!(ran.stderr.contains("hint: the process itself goes on: `lokalise-auth call GET "), "{}", ran.stderr);
    assert_eq!(scene.standin.answers_left(), 0);
    assert_eq!(ran.stdout, "");
}

#[test]
fn a_page_in_place_of_an_answer_is_not_taken_for_done() {
    let scene = scene_with_file();
    for arguments in [&["--wait"][..], &["--wait", "-q", "."]] {
        let page = Answer::html(200, "<html>log in</html>");
        scene.standin.answer_next("POST", &scene.project("/files/upload"), page);
        let ran = scene.call(&[&UPLOAD[..], arguments].concat());
        let said = "the answer cannot be read: it is not JSON: it begins with `<html>log in</html>`";
        assert_eq!(ran.failed(9), said);
        assert_eq!(ran.stdout, if arguments.len() == 1 { "<html>log in</html>" } else { "" });
    }
    let location = "/api2/projects/1/processes/x";
    let accepted = Answer::html(202, "<html>").header("Location", location);
    scene.standin.answer_next("POST", &scene.project("/files/upload"), accepted);
    scene.standin.answer_next("GET", location, finished(b""));
    after_waiting(scene.call(&[&UPLOAD[..], &["--wait"]].concat()));
}

#[cfg(unix)]
#[test]
fn an_interrupted_wait_says_how_to_look_again() {
    let scene = scene_with_file();
    let place = scene.project("/processes/x");
    let accepted = Answer::json(202, &json!({})).header("Location", &place);
    scene.standin.answer_next("POST", &scene.project("/files/upload"), accepted);
    let under_way = json!({"process": {"process_id": "x", "status": "running"}});
    scene.standin.answer_always("GET", &place, Answer::json(200, &under_way));
    let mut command = scene.home.command(["call"]);
    command.args(UPLOAD).args(["--wait", "--silent"]).stderr(std::process::Stdio::piped());
    let waiting = command.spawn().expect("the program can be run");
    scene.standin.wait_for("GET", &place, 1);
    let pid = rustix::process::Pid::from_child(&waiting);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).expect("it runs");
    let output = waiting.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(130));
    let place = place.strip_prefix("/api2").expect("a path of the API");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let hint = format!(
        "lokalise-auth: interrupted\nhint: the process itself goes on: `lokalise-auth call GET {place} --wait`"
    );
    assert!(said.contains(&hint), "{said}");
}

#[test]
fn a_wait_that_is_out_of_time_says_how_to_look_again() {
    let scene = scene_with_file();
    scene.standin.set(|switches| switches.process_polls = 1_000);
    let ran = scene.call(&[&UPLOAD[..], &["--wait", "--timeout", "2s"]].concat());
    assert_eq!(ran.failed(9), "not done within 2s");
    assert!(ran.stderr.contains("--wait` waits for it"), "{}", ran.stderr);
}
