//! `--wait`: imports and exports that are queued, and what becomes of them.

use std::time::{Duration, Instant};

use serde_json::json;

use super::Scene;
use crate::support::standin::Answer;

const UPLOAD: [&str; 8] =
    ["POST", "/projects/{p}/files/upload", "-F", "data=@base64:en.json", "-f", "filename=en.json", "-f", "lang_iso=en"];

fn scene_with_file() -> Scene {
    let scene = Scene::new();
    scene.file("en.json", "{\"a\": \"b\"}");
    scene
}

#[test]
fn an_upload_is_waited_for_and_the_finished_process_printed() {
    let scene = scene_with_file();
    let told = scene.call(&[&UPLOAD[..], &["--wait"]].concat());
    assert_eq!(told.json()["process"]["status"], "finished");
    assert_eq!(told.json()["process"]["details"]["files"][0]["name_original"], "en.json");
    let id = told.json()["process"]["process_id"].as_str().unwrap().to_owned();
    assert_eq!(scene.standin.requests_to("GET", &scene.project(&format!("/processes/{id}"))).len(), 3);
    assert_eq!(scene.standin.requests_to("POST", &scene.project("/files/upload")).len(), 1);
    told.quietly();
}

#[test]
fn without_wait_the_queued_process_is_printed() {
    let scene = scene_with_file();
    let told = scene.call(&UPLOAD);
    assert_eq!(told.json()["process"]["status"], "queued");
    assert_eq!(scene.standin.requests().len(), 1);
}

#[test]
fn an_import_that_fails_or_is_cancelled_fails_the_call() {
    for (end, said) in [("failed", "the file-import failed"), ("cancelled", "the file-import was cancelled")] {
        let scene = scene_with_file();
        scene.standin.set(|switches| switches.process_end = end.to_owned());
        let told = scene.call(&[&UPLOAD[..], &["--wait"]].concat());
        assert!(told.failed(11).starts_with(said), "{}", told.stderr);
        assert_eq!(told.json()["process"]["status"], end, "the process is printed all the same");
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
    let told = scene.call(&[&UPLOAD[..], &["--wait"]].concat());
    assert_eq!((told.code, &told.json()["process"]["status"]), (0, &json!("finished")));
    assert_eq!(scene.standin.answers_left(), 0);
}

#[test]
fn waiting_ends_at_its_limit_and_names_the_process() {
    let scene = scene_with_file();
    scene.standin.set(|switches| switches.process_polls = 1_000);
    let begun = Instant::now();
    let told = scene.call(&[&UPLOAD[..], &["--wait=2s"]].concat());
    let id = scene.standin.requests().last().unwrap().path().rsplit('/').next().unwrap().to_owned();
    let said = told.failed(11);
    assert!(said.starts_with("still ") && said.ends_with(&format!("after 2s (process {id})")), "{said}");
    assert!(told.stderr.contains(&format!("/processes/{id} --wait`")), "{}", told.stderr);
    assert!(begun.elapsed() < Duration::from_secs(5));
}

#[test]
fn a_process_that_may_not_be_looked_at_is_named_with_what_that_needs() {
    let mut scene = scene_with_file();
    scene.home.unset("LOKALISE_API_TOKEN");
    scene.home.login(&["--scope", "read_projects,write_files"]);
    scene.standin.answer_next("GET", &scene.project("/processes/*"), Answer::error(403, "Forbidden"));
    let told = scene.call(&[&UPLOAD[..], &["--wait"]].concat());
    assert_eq!(told.failed(5), "Forbidden (HTTP 403)");
    assert!(told.stderr.contains("the scope `read_background_processes`"), "{}", told.stderr);
    assert!(told.stderr.contains("--wait` waits for it"), "{}", told.stderr);
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
        let told = scene.call(&[&UPLOAD[..], &["--wait"]].concat());
        assert_eq!(told.failed(code), said);
        assert_eq!(told.json(), answer);
    }
}

#[test]
fn what_was_accepted_and_names_no_process_is_not_taken_for_done() {
    let scene = Scene::new();
    scene.standin.answer_next("POST", &scene.project("/files/upload"), Answer::json(202, &json!({})));
    let told = scene.call(&["POST", "/projects/{p}/files/upload", "-f", "a=b", "--wait"]);
    assert_eq!(told.failed(11), "the answer names no process to wait for");
}

#[test]
fn a_process_that_is_named_at_another_origin_is_not_looked_at() {
    let scene = Scene::new();
    let answer = Answer::json(202, &json!({})).header("Location", "https://evil.com/api2/projects/1/processes/2");
    scene.standin.answer_next("POST", &scene.project("/files/upload"), answer);
    let told = scene.call(&["POST", "/projects/{p}/files/upload", "-f", "a=b", "--wait"]);
    assert_eq!(told.failed(1), "the answer names a process that is not at the API");
}

#[test]
fn a_process_can_be_waited_for_by_its_id() {
    let scene = scene_with_file();
    let id = scene.call(&UPLOAD).json()["process"]["process_id"].as_str().unwrap().to_owned();
    let path = format!("/projects/{{p}}/processes/{id}");
    assert_eq!(scene.call(&["GET", &path, "--wait", "-q", ".process.status"]).quietly(), "finished\n");
}

#[test]
fn an_answer_that_queues_nothing_is_not_waited_for() {
    let scene = Scene::new();
    let told = scene.call(&["GET", "/projects", "--wait"]);
    assert!(told.json()["projects"].is_array());
    assert_eq!(scene.standin.requests().len(), 1);
}
