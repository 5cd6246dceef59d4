//! The stand-in Lokalise is as strict as `src/lokalise/README.md` says the real one is.
//! The other tests rely on what these tests check.

#[path = "../support/mod.rs"]
mod support;

mod api;
mod oauth;
mod pages;
mod parts;
mod scripted;

use serde_json::Value;
use support::client::{self, Reply};
use support::standin::Standin;

/// A request to the stand-in with one credential.
fn ask(standin: &Standin, method: &str, path: &str, credential: (&str, &str), body: &str) -> Reply {
    let url = format!("http://{}{path}", standin.address());
    client::send(method, &url, &[credential], body.as_bytes()).expect("the stand-in answers")
}

/// The same with the personal API token that may do everything.
fn with_token(standin: &Standin, method: &str, path: &str, body: &str) -> Reply {
    ask(standin, method, path, ("X-Api-Token", &standin.api_token()), body)
}

/// A successful `GET` with that token.
#[track_caller]
fn page(standin: &Standin, path: &str) -> Reply {
    let reply = with_token(standin, "GET", path, "");
    assert_eq!(reply.status, 200, "{path}: {}", reply.text());
    reply
}

/// `GET` without any header.
fn bare(standin: &Standin, path: &str) -> Reply {
    client::get(&format!("http://{}{path}", standin.address())).expect("the stand-in answers")
}

/// An answer's status and error message.
fn error(reply: &Reply) -> (u16, String) {
    let json = reply.json();
    let message = json["error"]["message"].as_str().map(str::to_owned);
    (reply.status, message.unwrap_or_else(|| json.to_string()))
}

/// The keys of a JSON object, in order.
fn keys(value: &Value) -> Vec<&str> {
    value.as_object().map(|object| object.keys().map(String::as_str).collect()).unwrap_or_default()
}
