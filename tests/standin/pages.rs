//! The ways in which lists come in pages.

use serde_json::{Value, json};

use super::support::standin::Standin;
use super::{error, keys, page, with_token};

/// Follows a cursor from its first page to the end; gives the ids and the number of pages.
fn run(standin: &Standin, path: &str, list: &str, id: &str) -> (Vec<u64>, usize) {
    let (mut ids, mut pages, mut cursor) = (Vec::new(), 0, String::new());
    loop {
        let reply = page(standin, &format!("{path}{cursor}"));
        let body = reply.json();
        ids.extend(body[list].as_array().expect("a list").iter().filter_map(|item| item[id].as_u64()));
        pages += 1;
        match reply.header("X-Pagination-Next-Cursor") {
            None | Some("") => return (ids, pages),
            Some(next) => cursor = format!("&cursor={}", next.replace('=', "%3D")),
        }
    }
}

#[test]
fn offset_pages_tell_the_totals_in_headers() {
    let standin = Standin::start();
    standin.edit(|content| content.set_projects(5));
    let reply = page(&standin, "/api2/projects?limit=2&page=3");
    let header = |name: &str| reply.header(&format!("X-Pagination-{name}")).map(str::to_owned);
    let totals = ["Total-Count", "Page-Count", "Limit", "Page"].map(|name| header(name).expect("a total"));
    assert_eq!(totals, ["5", "3", "2", "3"]);
    assert_eq!(reply.header("X-Total-Count"), None, "the documented name, which nobody ever saw");
    assert_eq!(reply.json()["projects"].as_array().map(Vec::len), Some(1));
    assert_eq!(page(&standin, "/api2/projects?page=9").json()["projects"], json!([]));
    assert_eq!(page(&standin, "/api2/projects").header("X-Pagination-Limit"), Some("100"));
}

#[test]
fn a_limit_has_its_limits() {
    let standin = Standin::start();
    let project = standin.project_id();
    let status = |path: &str| with_token(&standin, "GET", path, "").status;
    for (list, largest) in [("keys", 500), ("glossary-terms", 500), ("translations", 5000), ("languages", 5000)] {
        let path = format!("/api2/projects/{project}/{list}?limit=");
        assert_eq!(status(&format!("{path}{largest}")), 200, "{list}");
        assert_eq!(status(&format!("{path}{}", largest + 1)), 400, "{list}");
        assert_eq!(status(&format!("{path}0")), 400, "{list}");
        assert_eq!(status(&format!("{path}x")), 400, "{list}");
    }
    assert_eq!(status("/v1/audit-logs?limit=1000"), 200);
    assert_eq!(status("/v1/audit-logs?limit=1001"), 400);
    let refused = with_token(&standin, "GET", &format!("/api2/projects/{project}/keys?limit=501"), "");
    assert_eq!(error(&refused), (400, "Invalid `limit` parameter".to_owned()));
    assert_eq!(status("/api2/projects?page=0"), 400);
}

#[test]
fn keys_and_translations_come_by_cursor_without_totals() {
    let standin = Standin::start();
    let project = standin.project_id();
    standin.edit(|content| {
        content.set_keys(5);
        content.set_translations(4);
    });
    let keys = format!("/api2/projects/{project}/keys?pagination=cursor&limit=2");
    let reply = page(&standin, &keys);
    let cursor = reply.header("X-Pagination-Next-Cursor").expect("there is more");
    assert!(cursor.ends_with('='), "{cursor} would survive an encoding that forgets the padding");
    assert_eq!(reply.header("X-Pagination-Limit"), Some("2"));
    assert_eq!(reply.header("X-Pagination-Total-Count"), None);
    let (ids, pages) = run(&standin, &keys, "keys", "key_id");
    assert_eq!((ids.len(), pages), (5, 3));
    assert!(ids.is_sorted_by(|one, next| one < next));

    let translations = format!("/api2/projects/{project}/translations?pagination=cursor&limit=2");
    assert_eq!(run(&standin, &translations, "translations", "translation_id").1, 2, "a full last page has no next");
    let bad = with_token(&standin, "GET", &format!("{keys}&cursor=junk"), "");
    assert_eq!(error(&bad), (400, "Invalid `cursor` parameter".to_owned()));
}

#[test]
fn the_end_of_a_cursor_run_is_a_missing_header_or_an_empty_one() {
    let standin = Standin::start();
    let path = format!("/api2/projects/{}/keys?pagination=cursor", standin.project_id());
    assert_eq!(page(&standin, &path).header("X-Pagination-Next-Cursor"), None);
    standin.set(|switches| switches.empty_last_cursor = true);
    assert_eq!(page(&standin, &path).header("X-Pagination-Next-Cursor"), Some(""));
}

#[test]
fn the_glossary_tells_its_cursor_in_a_header_and_in_the_body() {
    let standin = Standin::start();
    standin.edit(|content| content.set_terms(3));
    let path = format!("/api2/projects/{}/glossary-terms?limit=2", standin.project_id());
    let first = page(&standin, &path);
    let body = first.json();
    assert_eq!(keys(&body["meta"]), ["count", "limit", "cursor", "hasMore", "nextCursor"]);
    assert_eq!(first.header("X-Pagination-Next-Cursor"), Some(body["meta"]["nextCursor"].to_string().as_str()));
    assert_eq!(run(&standin, &path, "data", "id"), (vec![5_489_001, 5_489_002, 5_489_003], 2));
}

#[test]
fn the_audit_log_tells_its_cursor_in_the_body_alone() {
    let standin = Standin::start();
    standin.edit(|content| content.set_audit_events(3));
    let first = page(&standin, "/v1/audit-logs?limit=2");
    let body = first.json();
    assert_eq!(keys(&body), ["data", "next_cursor", "has_more"]);
    assert_eq!((&body["has_more"], first.header("X-Pagination-Next-Cursor")), (&json!(true), None));
    let cursor = body["next_cursor"].as_str().expect("there is more").replace('=', "%3D");
    let last = page(&standin, &format!("/v1/audit-logs?limit=2&cursor={cursor}")).json();
    assert_eq!(last["data"].as_array().map(Vec::len), Some(1));
    assert_eq!((&last["has_more"], &last["next_cursor"]), (&json!(false), &Value::Null));

    let bad = with_token(&standin, "GET", "/v1/audit-logs?cursor=invalid-cursor", "");
    assert_eq!(keys(&bad.json()["error"]), ["code", "message"], "the other way round");
    assert_eq!(bad.status, 400);
}
