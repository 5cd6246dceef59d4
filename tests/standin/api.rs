//! Credentials, checks and errors of the API, and its data.

use std::time::{Duration, Instant};

use serde_json::json;

use super::support::client;
use super::support::standin::{OWNER_ID, Standin, SyncExport, zip_of};
use super::{ask, bare, error, page, with_token};

const UNKNOWN: &str = "0000000000000000000000000000000000000000";

fn owned(status: u16, message: &str) -> (u16, String) {
    (status, message.to_owned())
}

#[test]
fn a_credential_is_missing_malformed_unknown_or_good() {
    let standin = Standin::start();
    let malformed = owned(400, "Invalid `X-Api-Token` header");
    let projects = |name: &str, value: &str| error(&ask(&standin, "GET", "/api2/projects", (name, value), ""));
    assert_eq!(error(&bare(&standin, "/api2/projects")), malformed);
    assert_eq!(projects("X-Api-Token", ""), malformed);
    assert_eq!(projects("X-Api-Token", "junk-not-real-token-0123456789-012345678"), malformed);
    assert_eq!(projects("Authorization", "Basic eDp5"), malformed);
    assert_eq!(projects("Authorization", &format!("Bearer {UNKNOWN}")), malformed);
    assert_eq!(projects("Authorization", &format!("Bearer {}", standin.api_token())), malformed);
    assert_eq!(projects("X-Api-Token", UNKNOWN), owned(401, "Unauthorized"));
    assert_eq!(projects("x-api-token", &standin.api_token()).0, 200);
    assert_eq!(projects("Authorization", &format!("Bearer {}", standin.access_token("read_projects"))).0, 200);
}

#[test]
fn two_credentials_are_one_too_many() {
    let standin = Standin::start();
    let bearer = format!("Bearer {}", standin.access_token("read_projects"));
    let token = standin.api_token();
    let headers = [("X-Api-Token", token.as_str()), ("Authorization", bearer.as_str())];
    let reply = client::send("GET", &format!("{}/projects", standin.api_url()), &headers, b"").expect("it answers");
    assert_eq!(error(&reply), owned(400, "Invalid `X-Api-Token` header"));
    assert_eq!(standin.violations(), ["GET /api2/projects: more than one credential"]);
}

#[test]
fn what_no_request_may_do_is_a_violation() {
    let standin = Standin::start();
    ask(&standin, "GET", "/api2/projects", ("Referer", "http://x/"), "");
    ask(&standin, "GET", "/api2/projects", ("Cookie", "PHPSESSID=x"), "");
    bare(&standin, &format!("/api2/projects?api_token={}", standin.api_token()));
    let wanted = ["a Referer header", "a Cookie header", "a secret in the URL"];
    assert_eq!(standin.violations(), wanted.map(|what| format!("GET /api2/projects: {what}")));
}

#[test]
#[should_panic(expected = "as Lokalise must not be")]
fn an_unchecked_violation_fails_the_test() {
    let standin = Standin::start();
    ask(&standin, "GET", "/api2/projects", ("Cookie", "PHPSESSID=x"), "");
}

#[test]
fn shapes_are_checked_before_the_credential() {
    let standin = Standin::start();
    let refused = owned(400, "Invalid `project_id` parameter");
    assert_eq!(error(&bare(&standin, "/api2/projects/1234.abcd1234")), refused);
    assert_eq!(error(&bare(&standin, "/api2/projects/123.45/keys")), refused);
    let nameless = ask(&standin, "POST", "/api2/projects", ("Accept", "*/*"), "{}");
    assert_eq!(error(&nameless), owned(400, "Invalid `name` parameter"));
}

#[test]
fn an_unknown_path_and_a_wrong_method_are_not_found_whoever_asks() {
    let standin = Standin::start();
    let not_found = owned(404, "Not Found");
    assert_eq!(error(&bare(&standin, "/api2/no-such-endpoint")), not_found);
    assert_eq!(error(&bare(&standin, "/api2/projects/123/invalid")), not_found);
    assert_eq!(error(&ask(&standin, "PATCH", "/api2/projects", ("Accept", "*/*"), "")), not_found);
    let stranger = "/api2/projects/ffffffffffffffffffffff.99999999";
    assert_eq!(error(&with_token(&standin, "GET", stranger, "")), not_found);
    let branch = format!("/api2/projects/{}%3Anone/keys", standin.project_id());
    assert_eq!(error(&with_token(&standin, "GET", &branch, "")), not_found);
}

#[test]
fn scope_and_kind_decide_what_may_be_done() {
    let standin = Standin::start();
    let forbidden = owned(403, "Forbidden");
    let keys = format!("/api2/projects/{}/keys", standin.project_id());
    let bearer = format!("Bearer {}", standin.access_token("read_keys"));
    let new = r#"{"keys":[{"key_name":"new"}]}"#;
    assert_eq!(ask(&standin, "GET", &keys, ("Authorization", &bearer), "").status, 200);
    assert_eq!(error(&ask(&standin, "POST", &keys, ("Authorization", &bearer), new)), forbidden);
    assert_eq!(error(&ask(&standin, "GET", "/api2/projects", ("Authorization", &bearer), "")), forbidden);

    let read_only = standin.read_only_token();
    assert_eq!(ask(&standin, "GET", &keys, ("X-Api-Token", &read_only), "").status, 200);
    assert_eq!(error(&ask(&standin, "POST", &keys, ("X-Api-Token", &read_only), new)), forbidden);
    let download = format!("/api2/projects/{}/files/download", standin.project_id());
    let body = r#"{"format":"json"}"#;
    assert_eq!(ask(&standin, "POST", &download, ("X-Api-Token", &read_only), body).status, 200, "it only reads");

    let user = format!("/api2/users/{OWNER_ID}");
    assert_eq!(page(&standin, &user).json()["id"], OWNER_ID);
    assert_eq!(error(&ask(&standin, "GET", &user, ("Authorization", &bearer), "")), forbidden);
}

#[test]
fn every_answer_of_the_api_has_a_process_id_and_the_rate() {
    let standin = Standin::start();
    for reply in [bare(&standin, "/api2/projects"), page(&standin, "/api2/projects"), page(&standin, "/v1/audit-logs")]
    {
        assert_eq!(reply.header("x-ratelimit-limit"), Some("10, 10;w=1, 10;w=1"));
        assert_eq!((reply.header("x-ratelimit-remaining"), reply.header("x-ratelimit-reset")), (Some("9"), Some("1")));
        assert_eq!(reply.header("X-Lokalise-Process-Id").map(str::len), Some(36));
    }
    standin.set(|switches| switches.rate_limit = None);
    assert_eq!(page(&standin, "/api2/projects").header("x-ratelimit-limit"), None);
}

#[test]
fn a_rate_that_is_enforced_answers_429_to_the_credential_that_exceeds_it() {
    let standin = Standin::start();
    standin.set(|switches| switches.requests_per_second = Some(2));
    assert_eq!(bare(&standin, "/api2/teams").header("x-ratelimit-limit"), Some("2, 2;w=1, 2;w=1"));
    let status = || with_token(&standin, "GET", "/api2/teams", "").status;
    assert_eq!([status(), status()], [200, 200]);
    // On a busy machine the third may come in the next second; three in one second come at some time.
    let until = Instant::now() + Duration::from_secs(30);
    while status() != 429 {
        assert!(Instant::now() < until, "no third request within a second was refused");
    }
    let other = standin.read_only_token();
    assert_eq!(ask(&standin, "GET", "/api2/teams", ("X-Api-Token", &other), "").status, 200);
    let until = Instant::now() + Duration::from_secs(30);
    while status() == 429 {
        assert!(Instant::now() < until, "a second is over at some time");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn the_owner_of_a_token_can_be_found_out_in_the_two_known_ways() {
    let standin = Standin::start();
    let me = page(&standin, &format!("/api2/projects/{}/contributors/me", standin.project_id())).json();
    assert_eq!(me["contributor"]["user_id"], OWNER_ID);
    assert_eq!(page(&standin, "/api2/payment_cards?limit=1").json()["user_id"], OWNER_ID);
    assert_eq!(page(&standin, "/api2/teams").json()["teams"][0].get("user_id"), None);
}

#[test]
fn creating_answers_200_and_what_was_created() {
    let standin = Standin::start();
    let reply = with_token(&standin, "POST", "/api2/projects", r#"{"name":"Demo"}"#);
    let id = reply.json()["project_id"].as_str().expect("an id").to_owned();
    assert_eq!((reply.status, &reply.json()["name"]), (200, &json!("Demo")));
    assert_eq!(page(&standin, &format!("/api2/projects/{id}")).json()["name"], "Demo");
    let deleted = with_token(&standin, "DELETE", &format!("/api2/projects/{id}"), "");
    assert_eq!((deleted.status, deleted.json()), (200, json!({"project_id": id, "project_deleted": true})));
}

#[test]
fn names_that_are_taken_are_errors_in_a_200_and_ids_are_deleted_by_a_body() {
    let standin = Standin::start();
    let keys = format!("/api2/projects/{}/keys", standin.project_id());
    let reply = with_token(&standin, "POST", &keys, r#"{"keys":[{"key_name":"new"},{"key_name":"key_00000"}]}"#);
    let body = reply.json();
    assert_eq!((reply.status, body["keys"].as_array().map(Vec::len)), (200, Some(1)));
    assert_eq!(body["errors"][0]["message"], "This key name is already taken");

    let id = body["keys"][0]["key_id"].as_u64().expect("an id");
    assert_eq!(page(&standin, &format!("{keys}/{id}")).json()["key"]["key_name"]["web"], "new");
    let deleted = with_token(&standin, "DELETE", &keys, &json!({"keys": [id]}).to_string());
    assert_eq!(deleted.json()["keys_removed"], true);
    assert_eq!(with_token(&standin, "GET", &format!("{keys}/{id}"), "").status, 404);
    assert_eq!(error(&with_token(&standin, "DELETE", &keys, "")), owned(400, "Invalid `keys` parameter"));
}

#[test]
fn a_term_that_exists_is_a_422_without_a_top_level_error() {
    let standin = Standin::start();
    let terms = format!("/api2/projects/{}/glossary-terms", standin.project_id());
    let reply = with_token(&standin, "POST", &terms, r#"{"terms":[{"term":"term 1"}]}"#);
    let meta = json!({"count": 1, "created": 0, "limit": 500});
    let wanted = json!({"data": [], "meta": meta, "errors": ["Unable to create term: term 1"]});
    assert_eq!((reply.status, reply.json()), (422, wanted));
    assert_eq!(with_token(&standin, "POST", &terms, r#"{"terms":[{"term":"new"}]}"#).status, 200);
}

#[test]
fn an_upload_is_a_202_with_a_process_that_ends_after_so_many_looks() {
    let standin = Standin::start();
    let upload = format!("/api2/projects/{}/files/upload", standin.project_id());
    assert_eq!(error(&with_token(&standin, "POST", &upload, "{}")), owned(400, "Invalid `data` parameter"));
    let file = r#"{"data":"e30=","filename":"en.json","lang_iso":"en"}"#;
    let reply = with_token(&standin, "POST", &upload, file);
    let location = reply.header("Location").expect("where to look").to_owned();
    assert_eq!((reply.status, &reply.json()["process"]["status"]), (202, &json!("queued")));
    let look = || page(&standin, &location).json()["process"]["status"].as_str().map(str::to_owned);
    let statuses: Vec<String> = (0..4).filter_map(|_| look()).collect();
    assert_eq!(statuses, ["queued", "running", "finished", "finished"]);
    assert_eq!(page(&standin, &location).json()["process"]["details"]["files"][0]["name_original"], "en.json");
}

#[test]
fn a_bundle_lies_at_another_origin_where_no_credential_belongs() {
    let standin = Standin::start();
    let download = format!("/api2/projects/{}/files/download", standin.project_id());
    let format = r#"{"format":"json"}"#;
    assert_eq!(with_token(&standin, "POST", &download, "{}").status, 400);
    let url = with_token(&standin, "POST", &download, format).json()["bundle_url"].as_str().expect("a URL").to_owned();
    assert!(url.starts_with(&format!("http://{}/", standin.bundle_address())), "{url}");
    assert_ne!(standin.address(), standin.bundle_address());
    let bundle = client::get(&url).expect("it answers");
    assert!(bundle.body.starts_with(b"PK"));
    assert_eq!(standin.bundle_requests().len(), 1);

    client::send("GET", &url, &[("X-Api-Token", "x")], b"").expect("it answers");
    assert_eq!(standin.violations().len(), 1);
    let own = zip_of(&[("../evil", b"x")]);
    standin.set(|switches| switches.bundle = Some(own.clone()));
    assert_eq!(client::get(&url).expect("it answers").body, own);
}

#[test]
fn an_export_can_be_too_big_in_two_ways_and_the_asynchronous_one_works() {
    let standin = Standin::start();
    let files = format!("/api2/projects/{}/files", standin.project_id());
    let format = r#"{"format":"json"}"#;
    let download = || with_token(&standin, "POST", &format!("{files}/download"), format);
    for (switch, status) in [(SyncExport::WarnsTooBig, 200), (SyncExport::RefusesTooBig, 413)] {
        standin.set(|switches| switches.sync_export = switch);
        let reply = download();
        assert_eq!((reply.status, reply.header("X-Response-Too-Big").is_some()), (status, true));
    }
    standin.set(|switches| switches.process_polls = 1);
    let reply = with_token(&standin, "POST", &format!("{files}/async-download"), format);
    let id = reply.json()["process_id"].as_str().expect("an id").to_owned();
    let process = page(&standin, &format!("/api2/projects/{}/processes/{id}", standin.project_id())).json();
    let url = process["process"]["details"]["download_url"].as_str().expect("a URL").to_owned();
    assert!(client::get(&url).expect("it answers").body.starts_with(b"PK"));

    standin.set(|switches| "failed".clone_into(&mut switches.process_end));
    let process = page(&standin, &format!("/api2/projects/{}/processes/{id}", standin.project_id())).json();
    assert_eq!((&process["process"]["status"], process["process"].get("details")), (&json!("failed"), None));
    assert_eq!(page(&standin, "/api2/system/languages").status, 200);
    standin.advance(Duration::from_secs(86_400)); // an API token has no expiry date
    assert_eq!(page(&standin, "/api2/projects").status, 200);
}
