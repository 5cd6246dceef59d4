//! A plain HTTP client for the tests' own requests: one request, one connection,
//! loopback or not, no TLS, nothing added that was not asked for.

use std::io::{self, BufRead, BufReader, Write};
use std::net::TcpStream;
use std::time::Duration;

use reqwest::Url;
use serde_json::Value;

/// A complete answer.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Reply {
    /// The first header of that name, whatever its case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON; `Null` if it is not JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }
}

/// Sends one request and reads the whole answer.
pub fn send(method: &str, url: &str, headers: &[(&str, &str)], body: &[u8]) -> io::Result<Reply> {
    let url = Url::parse(url).map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
    let host = url.host_str().unwrap_or_default();
    let port = url.port_or_known_default().unwrap_or(80);
    // `[::1]` keeps its brackets in a Host header and loses them for the connection.
    let stream = TcpStream::connect((host.trim_start_matches('[').trim_end_matches(']'), port))?;
    stream.set_read_timeout(Some(Duration::from_secs(60)))?;
    let query = url.query().map(|query| format!("?{query}")).unwrap_or_default();
    let mut head = format!("{method} {}{query} HTTP/1.1\r\nHost: {host}:{port}\r\n", url.path());
    for (name, value) in headers {
        head.push_str(&format_header(name, value));
    }
    if !body.is_empty() {
        head.push_str(&format_header("Content-Length", &body.len().to_string()));
    }
    head.push_str("Connection: close\r\n\r\n");
    (&stream).write_all(&[head.as_bytes(), body].concat())?;
    read_reply(&mut BufReader::new(stream), method)
}

/// `GET`s a URL and nothing more.
pub fn get(url: &str) -> io::Result<Reply> {
    send("GET", url, &[], b"")
}

fn format_header(name: &str, value: &str) -> String {
    format!("{name}: {value}\r\n")
}

fn read_reply(stream: &mut impl BufRead, method: &str) -> io::Result<Reply> {
    let (first, headers) = read_head(stream)?;
    let status = first.split(' ').nth(1).and_then(|code| code.parse().ok());
    let status = status.ok_or_else(|| malformed("the status line"))?;
    let mut reply = Reply { status, headers, body: Vec::new() };
    if method != "HEAD" && !matches!(status, 204 | 304) {
        reply.body = read_body(stream, &reply.headers, true)?;
    }
    Ok(reply)
}

/// The first line of a message and its headers (RFC 9112 §2.1).
pub fn read_head(stream: &mut impl BufRead) -> io::Result<(String, Vec<(String, String)>)> {
    let first = read_line(stream)?;
    let mut headers = Vec::new();
    loop {
        let line = read_line(stream)?;
        match line.split_once(':') {
            Some((name, value)) => headers.push((name.to_owned(), value.trim().to_owned())),
            None if line.is_empty() => return Ok((first, headers)),
            None => return Err(malformed("a header")),
        }
    }
}

/// A body of declared length, in chunks, or (an answer's) up to the end of the connection (RFC 9112 §6.3).
pub fn read_body(stream: &mut impl BufRead, headers: &[(String, String)], until_closed: bool) -> io::Result<Vec<u8>> {
    let header = |name: &str| headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value);
    let mut body = Vec::new();
    if header("Transfer-Encoding").is_some_and(|coding| coding.eq_ignore_ascii_case("chunked")) {
        loop {
            let size = read_line(stream)?;
            let size = usize::from_str_radix(&size, 16).map_err(|_| malformed("a chunk's size"))?;
            let start = body.len();
            body.resize(start + size, 0);
            stream.read_exact(&mut body[start..])?;
            read_line(stream)?;
            if size == 0 {
                return Ok(body);
            }
        }
    }
    if let Some(length) = header("Content-Length") {
        body.resize(length.parse().map_err(|_| malformed("Content-Length"))?, 0);
        stream.read_exact(&mut body)?;
    } else if until_closed {
        stream.read_to_end(&mut body)?;
    }
    Ok(body)
}

/// A line without its end; an error if the connection ended first.
fn read_line(stream: &mut impl BufRead) -> io::Result<String> {
    let mut line = Vec::new();
    stream.read_until(b'\n', &mut line)?;
    if line.pop() != Some(b'\n') {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    String::from_utf8(line).map_err(|_| malformed("a line"))
}

fn malformed(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("{what} cannot be read"))
}
