//! `--paginate`: whole lists, and runs that cannot end well.

use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use serde_json::{Value, json};

use super::{Ran, Scene};
use crate::support::standin::{Answer, Received};
use crate::support::wire::{Step, Wire, head};

/// The numbers under `name` of all items of a list.
fn numbers(document: &Value, list: &str, name: &str) -> Vec<u64> {
    let items = document[list].as_array().expect("a list");
    items.iter().map(|item| item[name].as_u64().expect("a number")).collect()
}

fn parameters(requests: &[Received], name: &str) -> Vec<Option<String>> {
    requests.iter().map(|request| request.parameter(name)).collect()
}

#[test]
fn all_keys_come_by_cursor_in_one_document() {
    let scene = Scene::new();
    scene.standin.edit(|content| content.set_keys(1_203));
    let ran = scene.call(&["GET", "/projects/{p}/keys", "--paginate"]);
    let document = ran.json();
    let ids = numbers(&document, "keys", "key_id");
    assert_eq!(ids.len(), 1_203);
    assert!(ids.is_sorted_by(|one, other| one < other));
    assert_eq!(document["project_id"], scene.standin.project_id());
    let requests = scene.standin.requests();
    assert_eq!(requests.len(), 3);
    assert_eq!(parameters(&requests, "limit"), vec![Some("500".to_owned()); 3]);
    assert_eq!(parameters(&requests, "pagination"), vec![Some("cursor".to_owned()); 3]);
    assert_eq!(parameters(&requests, "cursor")[0], None);
    assert_eq!(ran.quietly().matches("\"project_id\"").count(), 1);
}

#[test]
fn an_empty_last_cursor_ends_the_run_too() {
    let scene = Scene::new();
    scene.standin.edit(|content| content.set_keys(1_000));
    scene.standin.set(|switches| switches.empty_last_cursor = true);
    let document = scene.call(&["GET", "/projects/{p}/keys", "--paginate"]).json();
    assert_eq!(document["keys"].as_array().unwrap().len(), 1_000);
}

#[test]
fn counted_pages_come_in_order_with_the_largest_or_given_limit() {
    let scene = Scene::new();
    scene.standin.edit(|content| content.set_projects(250));
    let document = scene.call(&["GET", "/projects", "--paginate"]).json();
    assert_eq!(document["projects"].as_array().unwrap().len(), 250);
    assert_eq!(parameters(&scene.standin.requests(), "limit"), [Some("5000".to_owned())]);
    scene.standin.forget_requests();
    let small = scene.call(&["GET", "/projects?limit=20", "--paginate"]).json();
    assert_eq!(small, document, "whatever the size of the pages");
    let requests = scene.standin.requests();
    assert_eq!(requests.len(), 13);
    assert_eq!(parameters(&requests, "limit"), vec![Some("20".to_owned()); 13]);
}

#[test]
fn a_few_counted_pages_are_under_way_at_once() {
    let scene = Scene::new();
    scene.standin.edit(|content| content.set_projects(50));
    // A page after the first is answered once four of them have been asked for.
    let asked = Arc::new((Mutex::new(0), Condvar::new()));
    let together = Arc::clone(&asked);
    scene.standin.answer_with(move |request| {
        if request.parameter("page").is_some_and(|page| page != "1") {
            let (count, more) = &*together;
            let mut count = count.lock().unwrap();
            *count += 1;
            more.notify_all();
            let _ = more.wait_timeout_while(count, Duration::from_secs(20), |count| *count < 4).unwrap();
        }
        None
    });
    let document = scene.call(&["GET", "/projects?limit=10", "--paginate", "--timeout", "15s"]).json();
    assert_eq!(document["projects"].as_array().unwrap().len(), 50);
    assert_eq!(*asked.0.lock().unwrap(), 4);
}

#[test]
fn the_glossary_and_the_audit_log_have_cursors_of_their_own() {
    let scene = Scene::new();
    scene.standin.edit(|content| {
        content.set_terms(1_100);
        content.set_audit_events(2_500);
    });
    let glossary = scene.call(&["GET", "/projects/{p}/glossary-terms", "--paginate"]).json();
    assert_eq!(glossary["data"].as_array().unwrap().len(), 1_100);
    assert_eq!(glossary["meta"]["hasMore"], false, "the member after the list is the last page's");
    let log = scene.call(&["GET", "/v1/audit-logs", "--paginate"]).json();
    assert_eq!(log["data"].as_array().unwrap().len(), 2_500);
    assert_eq!((&log["has_more"], &log["next_cursor"]), (&json!(false), &Value::Null));
}

#[test]
fn an_endpoint_that_is_not_known_goes_by_its_first_answer() {
    let scene = Scene::new();
    let page = |number: usize| {
        Answer::json(200, &json!({"things": [number]}))
            .header("X-Pagination-Total-Count", "3")
            .header("X-Pagination-Page-Count", "3")
            .header("X-Pagination-Page", &number.to_string())
    };
    scene.standin.answer_with(move |request| {
        (request.path() == "/api2/things")
            .then(|| page(request.parameter("page").and_then(|page| page.parse().ok()).unwrap_or(1)))
    });
    assert_eq!(scene.call(&["GET", "/things", "--paginate"]).quietly(), r#"{"things":[1,2,3]}"#);
    assert_eq!(scene.standin.requests()[0].target, "/api2/things");
}

#[test]
fn items_come_one_on_a_line_and_through_a_filter() {
    let scene = Scene::new();
    scene.standin.edit(|content| content.set_keys(600));
    let lines = scene.call(&["GET", "/projects/{p}/keys", "--paginate", "--ndjson"]).quietly();
    let keys: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(keys.len(), 600);
    let ids = scene.call(&["GET", "/projects/{p}/keys", "--paginate", "--ndjson", "-q", ".key_id"]).quietly();
    let expected: Vec<String> = keys.iter().map(|key| key["key_id"].to_string()).collect();
    assert_eq!(ids.lines().collect::<Vec<_>>(), expected);
    let count = scene.call(&["GET", "/projects/{p}/keys", "--paginate", "-q", ".keys | length"]).quietly();
    assert_eq!(count, "600\n");
}

#[test]
fn a_run_can_be_cut_after_some_items_or_pages() {
    let scene = Scene::new();
    scene.standin.edit(|content| content.set_keys(1_203));
    let count = |arguments: &[&str]| {
        let ran = scene.call(&[&["GET", "/projects/{p}/keys", "--paginate"], arguments].concat());
        ran.json()["keys"].as_array().unwrap().len()
    };
    assert_eq!(count(&["--max-items", "7"]), 7);
    assert_eq!(scene.standin.requests().last().unwrap().parameter("limit").as_deref(), Some("7"));
    assert_eq!(count(&["--max-items", "501"]), 501);
    assert_eq!(count(&["--max-pages", "2"]), 1_000);
    assert_eq!(count(&["--max-items", "5000"]), 1_203);
}

/// A run over pages that a closure makes of their numbers.
fn run(pages: impl Fn(usize) -> Answer + Send + Sync + 'static) -> Ran {
    let scene = Scene::new();
    let asked = std::sync::atomic::AtomicUsize::new(0);
    scene.standin.answer_with(move |_| Some(pages(asked.fetch_add(1, std::sync::atomic::Ordering::SeqCst))));
    scene.call(&["GET", "/projects/{p}/keys", "--paginate"])
}

#[track_caller]
fn assert_no_document(ran: &Ran) {
    assert!(serde_json::from_str::<Value>(&ran.stdout).is_err(), "it parses: {}", ran.stdout);
}

#[test]
fn an_empty_page_with_a_cursor_is_not_the_last() {
    let ran = run(|number| match number {
        0 => Answer::json(200, &json!({"keys": [1]})).header("X-Pagination-Next-Cursor", "a"),
        1 => Answer::json(200, &json!({"keys": []})).header("X-Pagination-Next-Cursor", "b"),
        _ => Answer::json(200, &json!({"keys": [2]})),
    });
    assert_eq!(ran.quietly(), r#"{"keys":[1,2]}"#);
}

#[test]
fn a_repeated_cursor_is_an_error() {
    let ran = run(|_| Answer::json(200, &json!({"keys": [1]})).header("X-Pagination-Next-Cursor", "again"));
    assert_eq!(ran.failed(1), "page 2 repeats a cursor: the list would never end");
    assert_no_document(&ran);
}

#[test]
fn totals_that_do_not_match_are_an_error() {
    let scene = Scene::new();
    let page = |request: &Received| {
        let page = request.parameter("page").unwrap_or("1".into());
        let answer = Answer::json(200, &json!({"projects": [{"page": page}]}));
        let counted = answer.header("X-Pagination-Total-Count", "3").header("X-Pagination-Page-Count", "2");
        Some(counted.header("X-Pagination-Page", &page))
    };
    scene.standin.answer_with(page);
    let ran = scene.call(&["GET", "/projects", "--paginate"]);
    assert_eq!(ran.failed(1), "the pages hold 2 items, and 3 were promised");
    assert_no_document(&ran);
}

#[test]
fn a_later_page_that_is_an_error_is_reported_as_one() {
    let ran = run(|page| match page {
        0 => Answer::json(200, &json!({"keys": [1]})).header("X-Pagination-Page-Count", "2"),
        _ => Answer::json(200, &json!({"error": {"message": "Something broke", "code": 500}})),
    });
    assert_eq!(ran.failed(10), "Something broke (HTTP 200)");
    assert_no_document(&ran);
}

#[test]
fn pages_that_are_shorter_than_the_first_are_made_up_for() {
    let scene = Scene::new();
    scene.standin.answer_with(|request| {
        let page: usize = request.parameter("page").map_or(1, |page| page.parse().expect("a number"));
        let items = if page == 1 { vec![1, 2] } else { vec![page] };
        let answer = Answer::json(200, &json!({ "projects": items }));
        Some(answer.header("X-Pagination-Page-Count", "5").header("X-Pagination-Total-Count", "6"))
    });
    let ran = scene.call(&["GET", "/projects", "--paginate", "--max-items", "5"]);
    assert_eq!(ran.json()["projects"].as_array().expect("a list").len(), 5);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
}

#[test]
fn simultaneous_waits_are_counted_once() {
    let scene = Scene::new();
    let refused = std::sync::Mutex::new(std::collections::HashSet::new());
    scene.standin.answer_with(move |request| {
        let page: u64 = request.parameter("page").map_or(1, |page| page.parse().expect("a number"));
        if (2..=6).contains(&page) && refused.lock().expect("nobody panics").insert(page) {
            return Some(Answer::error(429, "no").header("Retry-After", "1"));
        }
        Some(Answer::json(200, &json!({"projects": [page]})).header("X-Pagination-Page-Count", "8"))
    });
    // One second for four at a time, and one for the fifth.
    let ran = scene.call(&["GET", "/projects", "--paginate", "--max-wait", "3s"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
}

#[test]
fn a_page_that_fails_leaves_no_document() {
    let ran = run(|number| match number {
        0 => Answer::json(200, &json!({"keys": [1]})).header("X-Pagination-Next-Cursor", "a"),
        _ => Answer::error(500, "Something went wrong"),
    });
    assert_eq!(ran.failed(8), "Something went wrong (HTTP 500)");
    assert_no_document(&ran);
    let ran = run(|number| match number {
        0 => Answer::json(200, &json!({"keys": [1]})).header("X-Pagination-Next-Cursor", "a"),
        _ => Answer::html(200, "<html>log in</html>"),
    });
    assert_eq!(ran.failed(1), "page 2 of the answer cannot be read: it is not JSON from byte 0 on");
    assert_no_document(&ran);
    let ran = run(|number| match number {
        0 => Answer::json(200, &json!({"keys": [1]})).header("X-Pagination-Next-Cursor", "a"),
        _ => Answer::new(200, r#"{"keys":[1,2"#).header("Content-Type", "application/json"),
    });
    assert_eq!(ran.failed(1), "page 2 of the answer cannot be read: it ends in the middle of a JSON document");
    assert_no_document(&ran);
}

#[test]
fn a_page_that_is_cut_short_is_fetched_again() {
    let mut scene = Scene::new();
    scene.standin.edit(|content| content.set_keys(900));
    let wire = Wire::before(scene.standin.address());
    let cut = vec![
        head("HTTP/1.1 200 OK\nContent-Type: application/json\nContent-Length: 1000"),
        Step::Send(b"{\"keys\":[1".to_vec()),
    ];
    wire.answer_next("GET", &scene.project("/keys"), cut.clone());
    wire.answer_next("GET", &scene.project("/keys"), cut);
    scene.home.set("LOKALISE_API_URL", &wire.api_url());
    let ran = scene.call(&["GET", "/projects/{p}/keys", "--paginate"]);
    assert_eq!(ran.json()["keys"].as_array().unwrap().len(), 900);
    assert_eq!(ran.stderr.matches("was cut short").count(), 2, "{}", ran.stderr);
}

#[test]
fn trouble_on_the_way_does_not_change_the_document() {
    let scene = Scene::new();
    scene.standin.edit(|content| content.set_projects(120));
    let expected = scene.call(&["GET", "/projects", "--paginate"]).quietly();
    let too_many = Answer::flat_error(429, "Too many requests").header("Retry-After", "0");
    scene.standin.answer_times(2, "GET", "/api2/projects", &too_many);
    scene.standin.answer_next("GET", "/api2/projects", Answer::html(503, "busy"));
    scene.standin.answer_next("GET", "/api2/projects", Answer::error(423, "Your token is currently used"));
    let ran = scene.call(&["GET", "/projects?limit=30", "--paginate"]);
    assert_eq!((ran.code, ran.stdout), (0, expected));
    assert_eq!(scene.standin.answers_left(), 0);
    assert_eq!(ran.stderr.lines().count(), 4, "one line for each wait: {}", ran.stderr);
}
