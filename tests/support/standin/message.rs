//! One request as it arrived, and one answer as it will go out.

use std::io::{Cursor, Read};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use reqwest::Url;
use serde_json::{Value, json};

use super::files::gzip_of;

/// A request as it arrived, headers in wire order.
#[derive(Clone, Debug)]
pub struct Received {
    pub method: String,
    /// Path and query, undecoded.
    pub target: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    pub at: Instant,
    /// The client's side of the connection: two requests with one peer used one connection.
    pub peer: SocketAddr,
}

impl Received {
    /// The path, undecoded.
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// The query, decoded, in order, duplicates kept.
    pub fn query(&self) -> Vec<(String, String)> {
        let (_, query) = self.target.split_once('?').unwrap_or_default();
        form(query)
    }

    /// The first value of a query parameter.
    pub fn parameter(&self, name: &str) -> Option<String> {
        self.query().into_iter().find(|(key, _)| key == name).map(|(_, value)| value)
    }

    /// The first header of that name, whatever its case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.all_headers(name).next()
    }

    /// Every header of that name, whatever its case.
    pub fn all_headers(&self, name: &str) -> impl Iterator<Item = &str> {
        self.headers.iter().filter(move |(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The body as JSON; `Null` if it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }
}

/// Decodes `application/x-www-form-urlencoded`.
pub fn form(text: &str) -> Vec<(String, String)> {
    let mut url = Url::parse("http://localhost/").expect("a constant URL");
    url.set_query(Some(text));
    url.query_pairs().into_owned().collect()
}

/// A body: bytes, or something that writes them while they are sent.
#[derive(Clone)]
pub enum Body {
    Bytes(Vec<u8>),
    /// A reader made anew for each answer, and its length if it is to be declared.
    Made(Arc<dyn Fn() -> Box<dyn Read + Send> + Send + Sync>, Option<usize>),
}

/// An answer: whatever a test wants it to be.
#[derive(Clone)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Body,
    /// How long after the request's arrival it is sent.
    pub delay: Duration,
}

impl Answer {
    pub fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self { status, headers: Vec::new(), body: Body::Bytes(body.into()), delay: Duration::ZERO }
    }

    pub fn json(status: u16, body: &Value) -> Self {
        Self::new(status, body.to_string()).header("Content-Type", "application/json")
    }

    pub fn html(status: u16, body: &str) -> Self {
        Self::new(status, body).header("Content-Type", "text/html; charset=utf-8")
    }

    pub fn redirect(location: &str) -> Self {
        Self::new(302, "").header("Location", location)
    }

    /// A body of `length` bytes (chunked if not `declared`) that is made while it is sent.
    pub fn streamed(
        declared: Option<usize>,
        reader: impl Fn() -> Box<dyn Read + Send> + Send + Sync + 'static,
    ) -> Self {
        let mut answer = Self::new(200, "").header("Content-Type", "application/json");
        answer.body = Body::Made(Arc::new(reader), declared);
        answer
    }

    /// The usual error of api2.
    pub fn error(status: u16, message: &str) -> Self {
        Self::json(status, &json!({"error": {"message": message, "code": status}}))
    }

    /// The same with the keys in the other order, as /v1 sends it.
    pub fn swapped_error(status: u16, message: &str) -> Self {
        Self::json(status, &json!({"error": {"code": status, "message": message}}))
    }

    /// Shape 2: flat, as the rate limiter of 2021 sent it.
    pub fn flat_error(status: u16, message: &str) -> Self {
        Self::json(status, &json!({"message": message, "code": status}))
    }

    /// Shape 3: the OTA service.
    pub fn ota_error(status: u16, message: &str, error: &str) -> Self {
        Self::json(status, &json!({"message": message, "statusCode": status, "error": error}))
    }

    /// Shape 4: the glossary's 422, a list of sentences.
    pub fn glossary_error(errors: &[&str]) -> Self {
        let meta = json!({"count": errors.len(), "created": 0, "limit": 500});
        Self::json(422, &json!({"data": [], "meta": meta, "errors": errors}))
    }

    /// An error of the token endpoint (RFC 6749 §5.2, and an empty `error_uri`).
    pub fn oauth_error(status: u16, error: &str, description: &str) -> Self {
        Self::json(status, &json!({"error": error, "error_description": description, "error_uri": ""}))
    }

    /// The same answer compressed, asked for or not.
    pub fn gzipped(mut self) -> Self {
        if let Body::Bytes(bytes) = &self.body {
            self.body = Body::Bytes(gzip_of(bytes));
        }
        self.header("Content-Encoding", "gzip")
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn after(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// The answer as the server library wants it.
    pub fn response(self) -> tiny_http::ResponseBox {
        let (reader, length): (Box<dyn Read + Send>, _) = match self.body {
            Body::Bytes(bytes) => {
                let length = bytes.len();
                (Box::new(Cursor::new(bytes)), Some(length))
            }
            Body::Made(make, length) => (make(), length),
        };
        let headers = self.headers.iter().map(|(name, value)| {
            tiny_http::Header::from_bytes(name.as_bytes(), value.as_bytes()).expect("the test's headers are ASCII")
        });
        let status = tiny_http::StatusCode(self.status);
        // A declared length is sent as Content-Length however large it is.
        tiny_http::Response::new(status, headers.collect(), reader, length, None)
            .with_chunked_threshold(usize::MAX)
            .boxed()
    }
}
