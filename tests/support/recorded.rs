//! Exchanges with the real Lokalise, read in place from `LOKALISE_RECORDINGS`:
//! JSON files that are not part of this project.

use std::fs;
use std::path::{Path, PathBuf};

use reqwest::Url;
use serde_json::Value;

use super::standin::Answer;

/// Headers that belonged to the connection of the recording, not to the answer.
const OF_THE_CONNECTION: &[&str] = &["Content-Encoding", "Content-Length", "Transfer-Encoding", "Connection"];

/// One recorded request and its answer.
pub struct Exchange {
    pub name: String,
    pub method: String,
    pub url: Url,
    pub request_headers: Vec<(String, String)>,
    pub request_body: Option<Vec<u8>>,
    pub status: u16,
    pub response_headers: Vec<(String, String)>,
    pub response: Value,
}

impl Exchange {
    /// Whether the token endpoint was asked.
    pub fn is_oauth(&self) -> bool {
        self.url.path().starts_with("/oauth2/")
    }

    /// Whether one of the paths was asked that `call` knows.
    pub fn is_of_the_api(&self) -> bool {
        ["/api2/", "/v1/"].iter().any(|start| self.url.path().starts_with(start))
    }

    /// Whether the credential was an OAuth access token.
    pub fn is_bearer(&self) -> bool {
        self.request_headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("Authorization"))
    }

    /// Path and query, as they were sent.
    pub fn target(&self) -> String {
        let query = self.url.query().map(|query| format!("?{query}")).unwrap_or_default();
        format!("{}{query}", self.url.path())
    }

    /// The body of the answer: text as it is, anything else as JSON.
    pub fn body(&self) -> Vec<u8> {
        match &self.response {
            Value::Null => Vec::new(),
            Value::String(text) => text.clone().into_bytes(),
            json => json.to_string().into_bytes(),
        }
    }

    /// The answer as it was recorded.
    pub fn answer(&self) -> Answer {
        let headers = self.response_headers.iter().filter(|(name, _)| {
            // A second Date would contradict the server's own.
            !OF_THE_CONNECTION.iter().any(|other| other.eq_ignore_ascii_case(name))
        });
        headers.fold(Answer::new(self.status, self.body()), |answer, (name, value)| answer.header(name, value))
    }
}

/// The folder, if one was named. Where none is, `tests/run` says so in its last lines; `.ci/run` requires it.
///
/// # Panics
/// If it cannot be read.
pub fn folder() -> Option<PathBuf> {
    let folder = std::env::var_os("LOKALISE_RECORDINGS").map(PathBuf::from);
    if let Some(folder) = &folder {
        assert!(folder.is_dir(), "LOKALISE_RECORDINGS is {}, which is not a folder", folder.display());
    }
    folder
}

/// Every exchange below a folder, by name.
pub fn exchanges(folder: &Path) -> Vec<Exchange> {
    let mut exchanges = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("the folder can be read") {
            let path = entry.expect("the folder can be read").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "json") {
                exchanges.push(exchange(&path));
            }
        }
    }
    exchanges.sort_by(|one, other| one.name.cmp(&other.name));
    assert!(!exchanges.is_empty(), "{} holds no recordings", folder.display());
    exchanges
}

fn exchange(path: &Path) -> Exchange {
    let text = fs::read(path).expect("the file can be read");
    let mut json: Value = serde_json::from_slice(&text).unwrap_or_else(|_| panic!("{} is not JSON", path.display()));
    let (request, response) = (json["request"].take(), json["response"].take());
    let text = |value: &Value| value.as_str().unwrap_or_else(|| panic!("{} lacks a text", path.display())).to_owned();
    Exchange {
        name: text(&json["name"]),
        method: text(&request["method"]),
        url: Url::parse(&text(&request["url"])).expect("it was requested once"),
        request_headers: headers(&request["headers"]),
        request_body: match &request["body"] {
            Value::Null => None,
            Value::String(text) => Some(text.clone().into_bytes()),
            body => Some(body.to_string().into_bytes()),
        },
        status: response["status"].as_u64().and_then(|status| status.try_into().ok()).expect("a status"),
        response_headers: headers(&response["headers"]),
        response: response["body"].clone(),
    }
}

fn headers(list: &Value) -> Vec<(String, String)> {
    let pair = |pair: &Value| Some((pair[0].as_str()?.to_owned(), pair[1].as_str()?.to_owned()));
    list.as_array().map(|list| list.iter().filter_map(pair).collect()).unwrap_or_default()
}
