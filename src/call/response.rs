//! A response of the API with any status: its head, and its body while it arrives.

use std::collections::VecDeque;
use std::time::Duration;

use hyper::body::Bytes;
use reqwest::header::HeaderMap;
use reqwest::{Response, Url};

use crate::error::{Error, ErrorKind, Result};
use crate::http::Incoming;

/// A response of the API. Its body is read as it comes.
pub struct ApiResponse {
    incoming: Incoming,
    /// How long the server asks us to wait, if that is longer than this run may wait.
    pub come_back: Option<Duration>,
    /// Whether the request's method is one that writes.
    pub is_of_write: bool,
}

/// A response and the beginning of its body, read ahead.
pub struct FetchedResponse {
    pub answer: ApiResponse,
    beginning: VecDeque<Bytes>,
    /// Whether the beginning is the whole body.
    is_whole: bool,
}

impl FetchedResponse {
    /// Reads the body of a response ahead until its end, or until at least `enough` bytes are there.
    ///
    /// # Errors
    /// As [`ApiResponse::chunk`].
    pub async fn read_ahead(mut answer: ApiResponse, enough: usize) -> Result<Self> {
        let (mut beginning, mut length) = (VecDeque::new(), 0);
        while length < enough {
            let Some(chunk) = answer.chunk().await? else { return Ok(Self { answer, beginning, is_whole: true }) };
            length += chunk.len();
            beginning.push_back(chunk);
        }
        Ok(Self { answer, beginning, is_whole: false })
    }

    /// A response whose body has not been read.
    pub fn unread(answer: ApiResponse) -> Self {
        Self { answer, beginning: VecDeque::new(), is_whole: false }
    }

    /// The next bytes of the body, from its beginning.
    ///
    /// # Errors
    /// As [`ApiResponse::chunk`].
    pub async fn chunk(&mut self) -> Result<Option<Bytes>> {
        match self.beginning.pop_front() {
            None if !self.is_whole => self.answer.chunk().await,
            chunk => Ok(chunk),
        }
    }

    /// The body of a response that was read whole.
    ///
    /// # Errors
    /// Other, if it is longer than was read.
    pub fn body(&self) -> Result<Vec<u8>> {
        if !self.is_whole {
            return Err(Error::other("the answer is longer than any answer to this request should be"));
        }
        let mut body = Vec::new();
        self.beginning.iter().for_each(|chunk| body.extend_from_slice(chunk));
        Ok(body)
    }
}

impl ApiResponse {
    /// # Errors
    /// Network, if the body is in a coding that we did not ask for.
    pub fn new(response: Response, come_back: Option<Duration>, is_of_write: bool) -> Result<Self> {
        Ok(Self { incoming: Incoming::new(response)?, come_back, is_of_write })
    }

    pub fn status(&self) -> u16 {
        self.incoming.head().status().as_u16()
    }

    pub fn is_success(&self) -> bool {
        self.incoming.head().status().is_success()
    }

    /// The URL that it came from, after all redirects.
    pub fn url(&self) -> &Url {
        self.incoming.head().url()
    }

    /// The status line, such as `HTTP/1.1 200 OK`.
    pub fn status_line(&self) -> String {
        let head = self.incoming.head();
        format!("{:?} {}", head.version(), head.status())
    }

    pub fn headers(&self) -> &HeaderMap {
        self.incoming.head().headers()
    }

    /// The text of a header. Bytes that are not UTF-8 become U+FFFD.
    pub fn header(&self, name: &str) -> Option<String> {
        self.headers().get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
    }

    /// The id that Lokalise's support asks for.
    pub fn request_id(&self) -> Option<String> {
        self.header("x-lokalise-process-id").filter(|id| !id.is_empty())
    }

    /// Whether the body may be JSON: the server says that it is, or says nothing.
    pub fn may_be_json(&self) -> bool {
        self.is_json() || !self.headers().contains_key("content-type")
    }

    /// Whether the server says that the body is JSON.
    pub fn is_json(&self) -> bool {
        self.header("content-type").is_some_and(|kind| kind.to_ascii_lowercase().contains("json"))
    }

    /// Whether the body ends where the connection ends (RFC 9112 §6.3), so that it may be cut short unseen.
    pub fn ends_with_the_connection(&self) -> bool {
        self.incoming.ends_with_connection()
    }

    /// The error of a body that cannot be read: a network failure where it may have been cut short unseen.
    pub fn unreadable(&self, error: Error) -> Error {
        if self.ends_with_the_connection() {
            Error { kind: ErrorKind::Network, ..error }.hint("it may have been cut short: try again")
        } else {
            error
        }
    }

    /// The length of the body, where it is known.
    pub fn length(&self) -> Option<u64> {
        self.incoming.length()
    }

    /// The next bytes of the body.
    ///
    /// # Errors
    /// Network, if the body was cut short.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>> {
        self.incoming.chunk().await
    }
}
