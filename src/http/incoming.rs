//! A response that is being received. Its body is decoded here (RFC 9110 §8.4): we ask for gzip and
//! for nothing else, so a body in any other content coding is an error before one byte of it is
//! passed on.

use flate2::{Decompress, FlushDecompress, Status};
use hyper::body::Bytes;
use reqwest::header::{CONTENT_ENCODING, CONTENT_LENGTH, HeaderMap, HeaderName, TRANSFER_ENCODING};
use reqwest::{Response, StatusCode};

use super::{network_error, unless_idle};
use crate::error::{Error, Result};
use crate::escape;

/// What `Accept-Encoding` says.
pub const ACCEPTED_CODING: &str = "gzip";

/// The most bytes that are decoded at once, so that even a body that was compressed to a thousandth takes little
/// memory.
const MAX_PIECE_BYTES: usize = 64 * 1024;

/// A response whose body is read piece by piece.
pub struct Incoming {
    response: Response,
    gzip: Option<Gunzip>,
    ends_with_connection: bool,
}

impl Incoming {
    /// Looks at the head of a response. The headers that describe the coded body go with the coding.
    ///
    /// # Errors
    /// Network, if the body is in a coding that we did not ask for.
    pub fn new(mut response: Response) -> Result<Self> {
        let headers = response.headers();
        // A 204 has no body that could be cut (RFC 9112 §6.3).
        let ends_with_connection = response.status() != StatusCode::NO_CONTENT
            && !headers.contains_key(CONTENT_LENGTH)
            && !headers.contains_key(TRANSFER_ENCODING);
        let content_codings = codings(headers, &CONTENT_ENCODING);
        let mut transfer_codings = codings(headers, &TRANSFER_ENCODING);
        // Undone by now, and the only one that we take (RFC 9112 §7).
        transfer_codings.retain(|coding| coding != "chunked");
        let gzip = match &content_codings[..] {
            // There is nothing to decode, for example after a HEAD.
            _ if response.content_length() == Some(0) => None,
            _ if !transfer_codings.is_empty() => {
                return Err(unexpected_coding(&response, &transfer_codings.join(", ")));
            }
            [] => None,
            [coding] if matches!(coding.as_str(), "gzip" | "x-gzip") => Some(Gunzip::default()),
            codings => return Err(unexpected_coding(&response, &codings.join(", "))),
        };
        if gzip.is_some() {
            response.headers_mut().remove(CONTENT_ENCODING);
            response.headers_mut().remove(CONTENT_LENGTH);
        }
        Ok(Self { response, gzip, ends_with_connection })
    }

    /// Status and headers.
    pub fn head(&self) -> &Response {
        &self.response
    }

    /// The length of the body, where it is known.
    pub fn length(&self) -> Option<u64> {
        self.response.content_length().filter(|_| self.gzip.is_none())
    }

    /// Whether only the end of the connection marks the end of the body (RFC 9112 §6.3): it may be cut short unseen.
    pub fn ends_with_connection(&self) -> bool {
        self.ends_with_connection
    }

    /// The next bytes of the body, decoded. Nothing marks its end.
    ///
    /// # Errors
    /// Network, if the body was cut short or garbled, or nothing has come for too long.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>> {
        loop {
            if let Some(gzip) = &mut self.gzip
                && let Some(piece) = gzip.next_piece().map_err(|why| undecodable(&self.response, why))?
            {
                return Ok(Some(piece));
            }
            let host = host(&self.response).to_owned();
            let chunk =
                unless_idle(&host, || 0, self.response.chunk()).await?.map_err(|error| network_error(&error))?;
            match (&mut self.gzip, chunk) {
                (None, chunk) => return Ok(chunk),
                (Some(gzip), Some(chunk)) => gzip.push(chunk),
                (Some(gzip), None) => {
                    gzip.finish().map_err(|why| undecodable(&self.response, why))?;
                    return Ok(None);
                }
            }
        }
    }
}

/// The codings of a body in the order in which they were applied, in small letters. `identity` is none.
fn codings(headers: &HeaderMap, name: &HeaderName) -> Vec<String> {
    headers
        .get_all(name)
        .iter()
        .flat_map(|value| {
            let list = String::from_utf8_lossy(value.as_bytes()).to_ascii_lowercase();
            list.split(',').map(|coding| coding.trim().to_owned()).collect::<Vec<_>>()
        })
        .filter(|coding| !coding.is_empty() && coding != "identity")
        .collect()
}

fn unexpected_coding(response: &Response, coding: &str) -> Error {
    let status = response.status().as_u16();
    let message = format!(
        "the answer of {} is in the coding `{}`, and we asked for gzip (HTTP {status})",
        host(response),
        escape::value(coding)
    );
    let error = Error::network(message).hint("a proxy or cache in between may have packed it; ask its owner");
    Error { status: Some(status), ..error }
}

fn undecodable(response: &Response, why: &'static str) -> Error {
    Error::network(format!("the answer of {} {why}", host(response))).hint("try again")
}

fn host(response: &Response) -> &str {
    response.url().host_str().unwrap_or("the server")
}

/// Undoes gzip (RFC 1952) piece by piece.
struct Gunzip {
    inflate: Decompress,
    coded: Bytes,
    position: Position,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Position {
    /// Nothing has come yet.
    Start,
    InMember,
    /// A member has ended, and another may follow.
    BetweenMembers,
    /// The rest is not a member. It is dropped, as `gzip -d` does.
    AfterLast,
}

impl Default for Gunzip {
    fn default() -> Self {
        Self { inflate: Decompress::new_gzip(15), coded: Bytes::new(), position: Position::Start }
    }
}

impl Gunzip {
    /// Takes the next bytes. Those before them have been decoded.
    fn push(&mut self, coded: Bytes) {
        self.coded = coded;
    }

    /// The next decoded bytes, or nothing until more are pushed.
    fn next_piece(&mut self) -> Result<Option<Bytes>, &'static str> {
        while let Some(first) = self.coded.first() {
            match self.position {
                Position::Start | Position::InMember => self.position = Position::InMember,
                Position::BetweenMembers if *first == 0x1f => {
                    self.inflate = Decompress::new_gzip(15);
                    self.position = Position::InMember;
                }
                Position::BetweenMembers | Position::AfterLast => {
                    self.position = Position::AfterLast;
                    self.coded.clear();
                    return Ok(None);
                }
            }
            let mut piece = Vec::with_capacity((8 * self.coded.len()).clamp(4096, MAX_PIECE_BYTES));
            let before = self.inflate.total_in();
            let status = self.inflate.decompress_vec(&self.coded, &mut piece, FlushDecompress::None);
            let read = usize::try_from(self.inflate.total_in() - before).unwrap_or(usize::MAX);
            self.coded = self.coded.slice(read.min(self.coded.len())..);
            match status {
                Ok(Status::StreamEnd) => self.position = Position::BetweenMembers,
                Ok(_) if read > 0 || !piece.is_empty() => {}
                Ok(_) | Err(_) => return Err("is not the gzip that it claims to be"),
            }
            if !piece.is_empty() {
                return Ok(Some(piece.into()));
            }
        }
        Ok(None)
    }

    /// To be called when no more comes. A body without a byte is empty, whatever its header says.
    fn finish(&self) -> Result<(), &'static str> {
        if self.position == Position::InMember { Err("was cut short") } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use std::io::Write;

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    /// Decodes a body that comes in pieces of `size` bytes.
    fn decoded(coded: &[u8], size: usize) -> Result<Vec<u8>, &'static str> {
        let (mut gunzip, mut text) = (Gunzip::default(), Vec::new());
        for chunk in coded.chunks(size) {
            gunzip.push(Bytes::copy_from_slice(chunk));
            while let Some(piece) = gunzip.next_piece()? {
                assert!(piece.len() <= MAX_PIECE_BYTES);
                text.extend_from_slice(&piece);
            }
        }
        gunzip.finish().map(|()| text)
    }

    #[test]
    fn gzip_is_undone_however_it_is_cut() {
        let text = b"{\"projects\":[]}".repeat(300);
        let coded = gzip(&text);
        for size in [1, 2, 7, coded.len()] {
            assert_eq!(decoded(&coded, size).as_deref(), Ok(&text[..]), "in pieces of {size}");
        }
        let zeros = vec![b' '; 3 * MAX_PIECE_BYTES];
        assert_eq!(decoded(&gzip(&zeros), usize::MAX), Ok(zeros));
    }

    #[test]
    fn members_follow_each_other_and_garbage_after_them_is_dropped() {
        let two = [gzip(b"{\"a\":"), gzip(b"1}")].concat();
        assert_eq!(decoded(&two, 3).as_deref(), Ok(&b"{\"a\":1}"[..]));
        let padded = [gzip(b"{}"), vec![0; 600]].concat();
        assert_eq!(decoded(&padded, 5).as_deref(), Ok(&b"{}"[..]));
        assert_eq!(decoded(b"", 1).as_deref(), Ok(&b""[..]));
    }

    #[test]
    fn a_body_that_is_cut_or_garbled_is_an_error() {
        let coded = gzip(b"{\"projects\":[]}");
        for length in 1..coded.len() {
            assert_eq!(decoded(&coded[..length], 4), Err("was cut short"), "{length} bytes");
        }
        let mut garbled = coded.clone();
        let last = garbled.len() - 6;
        garbled[last] ^= 1;
        assert_eq!(decoded(&garbled, 4), Err("is not the gzip that it claims to be"), "the checksum");
        assert_eq!(decoded(b"{\"projects\":[]}", 4), Err("is not the gzip that it claims to be"));
    }

    #[test]
    fn a_coding_is_read_from_all_lines_and_in_any_letter_case() {
        let listed = |values: &[&str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(CONTENT_ENCODING, reqwest::header::HeaderValue::from_bytes(value.as_bytes()).unwrap());
            }
            codings(&headers, &CONTENT_ENCODING)
        };
        for none in [&[][..], &[""], &["identity"], &["Identity, ", ""]] {
            assert!(listed(none).is_empty(), "{none:?}");
        }
        assert_eq!(listed(&[" GZip "]), ["gzip"]);
        assert_eq!(listed(&["identity, x-GZIP"]), ["x-gzip"]);
        assert_eq!(listed(&["gzip", "br"]), ["gzip", "br"]);
        assert_eq!(listed(&["gzip,br"]), ["gzip", "br"]);
        assert_eq!(listed(&["ü"]), ["ü"]);
    }
}
