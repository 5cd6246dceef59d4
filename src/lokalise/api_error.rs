//! What Lokalise says when it refuses: eight shapes of body (seven recorded, and none at
//! all), each turned into one sentence. A body that makes no sense never hides the status.

use reqwest::StatusCode;
use serde_json::{Map, Value};

use crate::error::{Error, ErrorKind};
use crate::json::lenient;

/// How much of a body is read. No recorded error has 1 KiB.
pub const LOOKED_AT: usize = 64 * 1024;

/// The longest text of a server that is repeated in one of our sentences, in characters.
const MAX_TEXT: usize = 300;

/// How many of the refused items are named, and how many members of one.
const NAMED: usize = 5;
const MEMBERS_NAMED: usize = 4;

/// The 400 that Lokalise gives to a token that is missing or malformed, where others give a 401.
const INVALID_TOKEN: &str = "Invalid `X-Api-Token` header";

/// A refusal in the server's words.
#[derive(Debug, PartialEq, Eq)]
pub struct ApiError {
    pub status: u16,
    /// The server's sentence, or the status's own name where it gave none.
    pub message: String,
    /// The server's own error code, if it gives one in addition to the status: `invalid_request`, `ENTITY_NOT_FOUND`.
    pub code: Option<String>,
}

impl ApiError {
    /// Reads the refusal from a status and the beginning of the body.
    pub fn read(status: u16, body: &[u8]) -> Self {
        let said = match lenient::parse(body) {
            Ok(Value::Object(body)) => said_in(&body),
            _ => None,
        };
        let (message, code) = said.unwrap_or_else(|| (name_of(status), None));
        Self { status, message, code }
    }

    /// What the reader can do about it. `error` in a 2xx is a refusal like any other.
    pub fn kind(&self) -> ErrorKind {
        match self.status {
            400 if self.message.trim_end_matches('.') == INVALID_TOKEN => ErrorKind::NotLoggedIn,
            status => ErrorKind::from_status(status),
        }
    }

    /// `Project not found (HTTP 404)`.
    pub fn sentence(&self) -> String {
        match &self.code {
            Some(code) => format!("{} (HTTP {}, {code})", self.message, self.status),
            None => format!("{} (HTTP {})", self.message, self.status),
        }
    }

    /// The failure of a command, with the id that Lokalise's support asks for.
    pub fn into_error(self, request_id: Option<String>) -> Error {
        Error { status: Some(self.status), request_id, ..Error::new(self.kind(), self.sentence()) }
    }
}

/// The message and the code of an error body, whichever shape it has; the shapes are listed in `src/lokalise/README.md`.
fn said_in(body: &Map<String, Value>) -> Option<(String, Option<String>)> {
    let text = |name: &str| body.get(name).and_then(Value::as_str).and_then(one_line);
    let word = |name: &str| text(name).filter(|word| !word.contains(' '));
    match body.get("error") {
        // api2: `{"error":{"message":"…","code":404}}`
        Some(Value::Object(error)) => said_in(error).map(|(message, _)| (message, None)),
        // RFC 6749 §5.2 at the token endpoint; OTA as recorded has `error` for a code and `message` next to it.
        Some(Value::String(_)) => match text("error_description").or_else(|| text("message")) {
            Some(message) => Some((message, word("error"))),
            None => text("error").map(|message| (message, None)),
        },
        // Flat, and OTA as documented: `{"message":"…","errorCode":"…"}`
        _ => text("message").map(|message| (message, word("errorCode"))).or_else(|| {
            // The glossary's 422: `{"data":[],"errors":["…"]}`
            let errors = body.get("errors")?.as_array()?;
            (!errors.is_empty()).then(|| (named(errors), None))
        }),
    }
}

/// The items that a bulk request was refused, from the `errors` of its answer:
/// ``This key name is already taken: key_name `existing`; and 4 more``.
pub fn named(errors: &[Value]) -> String {
    let mut sentences: Vec<String> = errors.iter().take(NAMED).map(refusal).collect();
    if errors.len() > NAMED {
        sentences.push(format!("and {} more", errors.len() - NAMED));
    }
    sentences.join("; ")
}

/// One refused item: the message, and what else its entry says of which item it was.
fn refusal(entry: &Value) -> String {
    let Value::Object(entry) = entry else {
        return one_line(&plain(entry)).unwrap_or_else(|| "an unnamed error".to_owned());
    };
    let message = entry.get("message").and_then(Value::as_str).and_then(one_line);
    let others = entry.iter().filter(|(name, value)| !matches!(name.as_str(), "message" | "code") && !value.is_null());
    let mut item: Vec<String> = others
        .clone()
        .take(MEMBERS_NAMED)
        .filter_map(|(name, value)| Some(format!("{} `{}`", one_line(name)?, one_line(&plain(value))?)))
        .collect();
    if others.clone().nth(MEMBERS_NAMED).is_some() {
        item.push(format!("and {} more", others.count() - MEMBERS_NAMED));
    }
    match (message, item.is_empty()) {
        (Some(message), true) => message,
        (Some(message), false) => format!("{message}: {}", item.join(", ")),
        (None, true) => "an unnamed error".to_owned(),
        (None, false) => item.join(", "),
    }
}

/// A value as a reader would write it. A key has one name for each platform, most often the same one.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Object(names) => {
            let mut values = names.values();
            match values.next() {
                Some(first @ Value::String(_)) if values.all(|other| other == first) => plain(first),
                _ => value.to_string(),
            }
        }
        _ => value.to_string(),
    }
}

/// Text of a server on one line and cut to a bound; `None` if there is none.
fn one_line(text: &str) -> Option<String> {
    let mut line = String::new();
    // Only the part of a long text that is repeated is read.
    let beginning = text.trim_start();
    let end = beginning.char_indices().nth(MAX_TEXT * 4).map_or(beginning.len(), |(at, _)| at);
    for word in beginning[..end].split_whitespace() {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    Some(shorten(&line)).filter(|line| !line.is_empty())
}

/// The beginning of a server's text that is repeated in a message.
pub fn shorten(text: &str) -> String {
    match text.char_indices().nth(MAX_TEXT) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

fn name_of(status: u16) -> String {
    let name = StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
    name.unwrap_or("no reason given").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sentence(status: u16, body: &str) -> String {
        ApiError::read(status, body.as_bytes()).sentence()
    }

    #[test]
    fn every_recorded_shape_becomes_one_sentence() {
        let cases = [
            (404, r#"{"error":{"message":"Project not found","code":404}}"#, "Project not found (HTTP 404)"),
            (400, r#"{"error":{"code":400,"message":"Invalid cursor"}}"#, "Invalid cursor (HTTP 400)"),
            (429, r#"{"message":"Too many requests","code":429}"#, "Too many requests (HTTP 429)"),
            (
                404,
                r#"{"message":"Project not found","statusCode":404,"error":"ENTITY_NOT_FOUND"}"#,
                "Project not found (HTTP 404, ENTITY_NOT_FOUND)",
            ),
            (
                401,
                r#"{"message":"Token has expired","errorCode":"002_TOKEN_EXPIRED","details":{"a":1}}"#,
                "Token has expired (HTTP 401, 002_TOKEN_EXPIRED)",
            ),
            (
                400,
                r#"{"error":"invalid_request","error_description":"code: Code must be 40 characters long","error_uri":""}"#,
                "code: Code must be 40 characters long (HTTP 400, invalid_request)",
            ),
            (
                422,
                r#"{"data":[],"meta":{"count":1},"errors":["Unable to create term: python"]}"#,
                "Unable to create term: python (HTTP 422)",
            ),
            (400, r#"{"error":"invalid_grant"}"#, "invalid_grant (HTTP 400)"),
            (200, r#"{"error":{"message":"Broken","code":500}}"#, "Broken (HTTP 200)"),
        ];
        for (status, body, expected) in cases {
            assert_eq!(sentence(status, body), expected);
        }
    }

    #[test]
    fn a_body_that_makes_no_sense_does_not_hide_the_status() {
        for body in ["", "<html>502</html>", "[]", "null", "{", r#"{"message":""}"#, r#"{"error":{}}"#, "\u{0}"] {
            assert_eq!(sentence(502, body), "Bad Gateway (HTTP 502)", "{body:?}");
        }
        assert_eq!(sentence(599, ""), "no reason given (HTTP 599)");
    }

    #[test]
    fn a_malformed_token_is_refused_with_400_and_still_means_not_logged_in() {
        let kind = |status, body: &str| ApiError::read(status, body.as_bytes()).kind();
        let invalid = r#"{"error":{"message":"Invalid `X-Api-Token` header","code":400}}"#;
        assert_eq!(kind(400, invalid), ErrorKind::NotLoggedIn);
        assert_eq!(kind(400, &format!("\u{feff}{invalid}")), ErrorKind::NotLoggedIn, "after a byte order mark");
        let parameter = r#"{"error":{"message":"Invalid `project_id` parameter","code":400}}"#;
        assert_eq!(kind(400, parameter), ErrorKind::Refused);
        assert_eq!(kind(200, invalid), ErrorKind::Refused);
        assert_eq!(kind(403, ""), ErrorKind::NotAllowed);
    }

    #[test]
    fn refused_items_are_named_by_what_their_entries_say() {
        let errors = serde_json::json!([
            {"message": "This key name is already taken", "code": 400,
             "key_name": {"ios": "existing", "android": "existing", "web": "existing"}},
            {"message": "`lang_iso` should be known", "code": 400, "lang_iso": "by"},
            "Unable to create term: python",
        ]);
        assert_eq!(
            named(errors.as_array().unwrap()),
            "This key name is already taken: key_name `existing`; \
             `lang_iso` should be known: lang_iso `by`; Unable to create term: python"
        );
    }

    #[test]
    fn a_long_list_of_refusals_is_cut_and_counted() {
        let errors: Vec<Value> = (0..12).map(|number| format!("no {number}").into()).collect();
        assert_eq!(named(&errors), "no 0; no 1; no 2; no 3; no 4; and 7 more");
    }

    #[test]
    fn an_item_of_many_members_is_cut_and_counted() {
        let members = (0..60_000).map(|number| (format!("k{number}"), Value::from("http:")));
        let entry = Value::Object(members.collect());
        assert_eq!(named(&[entry]), "k0 `http:`, k1 `http:`, k2 `http:`, k3 `http:`, and 59996 more");
        let long = serde_json::json!([{ "x".repeat(10_000): "y".repeat(10_000) }]);
        assert!(named(long.as_array().unwrap()).chars().count() < 3 * MAX_TEXT);
        assert_eq!(named(&[serde_json::json!({"code": 400})]), "an unnamed error");
    }

    #[test]
    fn text_of_the_server_is_put_on_one_line_and_bounded() {
        assert_eq!(sentence(400, r#"{"message":"two\n lines"}"#), "two lines (HTTP 400)");
        let long = format!(r#"{{"message":"{}"}}"#, "x".repeat(100_000));
        assert_eq!(ApiError::read(400, long.as_bytes()).message.chars().count(), MAX_TEXT + 1);
    }

    #[test]
    fn the_failure_carries_status_and_request_id() {
        let error = ApiError::read(404, b"").into_error(Some("a1".into()));
        assert_eq!((error.kind, error.status), (ErrorKind::NotFound, Some(404)));
        assert_eq!(error.request_id.as_deref(), Some("a1"));
        assert_eq!(error.message, "Not Found (HTTP 404)");
    }
}
