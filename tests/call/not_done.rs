//! Successes that are none, or not all of what was asked for.

use super::Scene;
use crate::support::standin::Answer;

fn json(status: u16, body: &str) -> Answer {
    Answer::new(status, body).header("Content-Type", "application/json")
}

#[test]
fn a_write_that_was_not_done_is_exit_10_with_its_body() {
    let scene = Scene::new();
    for (method, path, body, said) in [
        (
            "DELETE",
            "/projects/{p}/keys/7",
            r#"{"key_removed":false,"keys_locked":1}"#,
            "`key_removed` is false, `keys_locked` is 1",
        ),
        ("DELETE", "/some/new/thing", r#"{"gadget_removed":false}"#, "`gadget_removed` is false"),
        ("POST", "/projects/{p}/branches/1/merge", r#"{"branch_merged":false}"#, "`branch_merged` is false"),
        ("PUT", "/x", r#"{"x_deleted":false}"#, "`x_deleted` is false"),
        ("PATCH", "/x", r#"{"keys_removed":true,"keys_locked":6}"#, "`keys_locked` is 6"),
    ] {
        scene.standin.answer_always(method, "/api2/*", json(200, body));
        let ran = scene.call(&[method, path]);
        assert_eq!(ran.failed(10), format!("it was not all done: {said} (HTTP 200)"));
        assert_eq!(ran.stdout, body);
        assert_eq!(scene.call(&[method, path, "--allow-partial"]).quietly(), body);
        assert_eq!(scene.call(&[method, path, "--silent"]).code, 10);
        let lines = scene.call(&[method, path, "--ndjson"]);
        assert_eq!((lines.code, lines.stdout), (10, format!("{body}\n")));
    }
}

#[test]
fn what_only_looks_like_it_is_a_success() {
    let scene = Scene::new();
    for (method, body) in [
        ("DELETE", r#"{"key_removed":true,"keys_locked":0}"#),
        ("DELETE", r#"{"key":{"key_removed":false},"list":[{"file_deleted":false}]}"#),
        ("DELETE", r#"{"key_removed":"false"}"#),
        ("GET", r#"{"key_removed":false,"keys_locked":3}"#),
    ] {
        scene.standin.answer_always(method, "/api2/*", json(200, body));
        assert_eq!(scene.call(&[method, "/x"]).quietly(), body);
    }
}

#[test]
fn every_batch_is_sent_before_a_locked_key_fails_the_run() {
    let scene = Scene::new();
    for body in [
        r#"{"keys_removed":true,"keys_locked":0}"#,
        r#"{"keys_removed":false,"keys_locked":2}"#,
        r#"{"keys_removed":true,"keys_locked":0}"#,
    ] {
        scene.standin.answer_next("DELETE", "/api2/projects/*", json(200, body));
    }
    let ran = scene
        .call_with(&["DELETE", "/projects/{p}/keys", "--input", "-", "--batch", "keys:2"], r#"{"keys":[1,2,3,4,5]}"#);
    assert_eq!(ran.failed(10), "it was not all done: `keys_removed` is false, `keys_locked` is 2 (HTTP 200)");
    assert_eq!(ran.json(), serde_json::json!({"keys_removed": false, "keys_locked": 2}));
    assert_eq!(scene.standin.requests().len(), 3);
}

#[test]
fn a_list_that_was_cut_says_so_in_one_line() {
    let scene = Scene::new();
    let body = r#"{"project_id":"1","keys":[{"id":1},{"id":2}]}"#;
    let page = || json(200, body).header("X-Pagination-Total-Count", "1203").header("X-Pagination-Page-Count", "602");
    scene.standin.answer_always("GET", "/api2/*", page());
    let line = "lokalise-auth: page 1 of 602: 2 of 1,203 keys; --paginate fetches all\n";
    for arguments in
        [&[][..], &["-q", ".keys | length"], &["--ndjson"], &["--silent"], &["-i"], &["--query", "filter_tags=x"]]
    {
        let ran = scene.call(&[&["GET", "/projects/{p}/keys"], arguments].concat());
        assert_eq!((ran.code, ran.stderr.as_str()), (0, line), "{arguments:?}");
    }
    assert_eq!(scene.call(&["GET", "/projects/{p}/keys"]).stdout, body);
    for arguments in [["--query", "limit=2"], ["-f", "page=1"], ["--query", "cursor=x"]] {
        scene.call(&[&["GET", "/projects/{p}/keys"], &arguments[..]].concat()).quietly();
    }
    scene.call(&["GET", "/projects/{p}/keys?limit=2"]).quietly();
}

#[test]
fn a_cursor_in_the_head_or_the_body_says_that_more_follows() {
    let scene = Scene::new();
    for answer in [
        json(200, r#"{"translations":[1]}"#).header("X-Pagination-Next-Cursor", "eyIxIjoxfQ=="),
        json(200, r#"{"data":[1],"meta":{"hasMore":true,"nextCursor":5}}"#),
        json(200, r#"{"data":[1],"next_cursor":"a","has_more":true}"#),
    ] {
        scene.standin.answer_next("GET", "/api2/x", answer);
        let ran = scene.call(&["GET", "/x"]);
        assert_eq!((ran.code, ran.stderr.as_str()), (0, "lokalise-auth: more items follow; --paginate fetches all\n"));
    }
    for answer in [
        json(200, r#"{"translations":[1]}"#).header("X-Pagination-Next-Cursor", ""),
        json(200, r#"{"tags":[1]}"#).header("X-Pagination-Total-Count", "words"),
        json(200, r#"{"data":[1],"next_cursor":"a","has_more":false}"#),
    ] {
        scene.standin.answer_next("GET", "/api2/x", answer);
        scene.call(&["GET", "/x"]).quietly();
    }
}

#[test]
fn what_is_too_big_names_the_way_out() {
    let scene = Scene::new();
    scene.standin.answer_next("GET", "/api2/projects/*", Answer::error(413, "Response too big"));
    let ran = scene.call(&["GET", "/projects/{p}/keys"]);
    assert_eq!(ran.failed(10), "Response too big (HTTP 413)");
    assert!(ran.stderr.contains("hint: --paginate"), "{}", ran.stderr);
    scene.standin.answer_next(
        "GET",
        "/api2/projects/*",
        json(200, r#"{"keys":[1]}"#).header("X-Response-Too-Big", "1"),
    );
    let ran = scene.call(&["GET", "/projects/{p}/keys"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, "hint: --paginate fetches the list page by page\n"));
}

#[test]
fn an_unknown_parameter_is_sent_with_one_warning() {
    let scene = Scene::new();
    scene.standin.answer_always("GET", "/api2/*", json(200, "{}"));
    let ran = scene.call(&["GET", "/projects/{p}/keys", "--query", "filter_tag=x", "-f", "limit=5"]);
    let warnings: Vec<&str> = ran.stderr.lines().collect();
    assert_eq!(warnings.len(), 1, "{}", ran.stderr);
    assert!(warnings[0].contains("`filter_tag`") && warnings[0].contains("`filter_tags`"), "{}", ran.stderr);
    assert_eq!((ran.code, ran.stdout.as_str()), (0, "{}"));
    assert!(scene.standin.requests()[0].target.contains("filter_tag=x"));
    scene.call(&["GET", "/projects/{p}/keys", "--query", "filter_tags[]=x"]).quietly();
    scene.call(&["GET", "/projects/{p}/keys?filter_tag=x"]).quietly();
    scene.call(&["GET", "/nobody/knows", "--query", "filter_tag=x"]).quietly();
}
