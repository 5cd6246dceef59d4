//! Errors that a success may hold, found while a body streams through. Reading JSON byte by byte would make a long
//! download three times slower; so the bytes that such a member begins with are searched for, and only what
//! follows them is read.

use std::sync::LazyLock;

use memchr::memmem::Finder;

use super::scan::{Event, Malformed, Scanner};
use super::summary::{BodySummary, KeptMembers};

/// What a key begins with that is `error` or `errors`.
const BEGINNING: &[u8] = b"\"error";

static FINDER: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(BEGINNING));

/// A search for the outermost `error` and `errors` of a JSON object.
#[derive(Default)]
pub struct PartialErrors {
    body: BodyShape,
    /// The last bytes that went by unread: the beginning may have begun there, or a backslash may take it back.
    last: Vec<u8>,
    found: Option<ErrorsCandidate>,
}

/// What the body has shown itself to be.
#[derive(Default, PartialEq)]
enum BodyShape {
    /// Only white space has come, or a byte order mark.
    #[default]
    Unknown,
    Object,
    /// Nothing that can have an outermost member.
    Other,
}

impl PartialErrors {
    /// Takes the next bytes of the body.
    pub fn push(&mut self, mut bytes: &[u8]) {
        if self.body == BodyShape::Unknown {
            let Some(first) = bytes.iter().find(|byte| byte.is_ascii() && !byte.is_ascii_whitespace()) else { return };
            self.body = if *first == b'{' { BodyShape::Object } else { BodyShape::Other };
        }
        while self.body == BodyShape::Object && !bytes.is_empty() {
            match &mut self.found {
                None => bytes = self.search(bytes),
                Some(candidate) => match candidate.push(bytes) {
                    Ok(()) => return,
                    Err(RejectedCandidate { at }) => {
                        self.found = None;
                        self.last.clear();
                        bytes = &bytes[at..];
                    }
                },
            }
        }
    }

    /// Looks for the next beginning, and returns what follows it.
    fn search<'b>(&mut self, bytes: &'b [u8]) -> &'b [u8] {
        // A beginning that started in the bytes before, or with the first of these, is whole in this many.
        let first = &bytes[..bytes.len().min(BEGINNING.len())];
        let border = [&self.last, first].concat();
        let behind = match beginning_in(&border) {
            Some(place) => Some(place + BEGINNING.len() - self.last.len()),
            None => beginning_in(bytes).map(|place| place + BEGINNING.len()),
        };
        if let Some(behind) = behind {
            self.found = Some(ErrorsCandidate::new());
            return &bytes[behind..];
        }
        let kept = bytes.len().min(BEGINNING.len());
        self.last.extend_from_slice(&bytes[bytes.len() - kept..]);
        self.last.drain(..self.last.len().saturating_sub(BEGINNING.len()));
        &[]
    }

    /// What the body said, once it is over: the errors of the facts, and no more of them.
    ///
    /// # Errors
    /// [`Malformed`], if that cannot be read: it is more than 1 MiB, or is said twice.
    pub fn finish(self) -> Result<BodySummary, Malformed> {
        let Some(mut candidate) = self.found else { return Ok(BodySummary::default()) };
        if candidate.scanner.finish().is_ok() { candidate.kept.summary() } else { Ok(BodySummary::default()) }
    }
}

/// Where a key may begin: an escaped quote is inside a string, and a quote that closes one is followed by no letter.
fn beginning_in(text: &[u8]) -> Option<usize> {
    FINDER.find_iter(text).find(|place| *place > 0 && text[place - 1] != b'\\')
}

/// What follows such a beginning, read as if it were the first member of an outermost object. If it was inside
/// another value, something follows after that object's end.
struct ErrorsCandidate {
    scanner: Scanner,
    kept: KeptMembers,
    says_something: bool,
    /// How many bytes the scanner was given before.
    read: u64,
}

/// Why a candidate is none, as far as the place where the search goes on.
struct RejectedCandidate {
    at: usize,
}

impl ErrorsCandidate {
    fn new() -> Self {
        let mut candidate =
            Self { scanner: Scanner::new(1), kept: KeptMembers::default(), says_something: false, read: 0 };
        let begun = candidate.push(b"{").and_then(|()| candidate.push(BEGINNING));
        debug_assert!(begun.is_ok(), "an object and the beginning of a key");
        candidate
    }

    fn push(&mut self, bytes: &[u8]) -> Result<(), RejectedCandidate> {
        let mut done = 0;
        while done < bytes.len() {
            let (read, event) = self.scanner.next(&bytes[done..]).map_err(|malformed| match malformed {
                Malformed::At(at) => RejectedCandidate { at: usize::try_from(at - self.read).unwrap_or(bytes.len()) },
                _ => RejectedCandidate { at: bytes.len() },
            })?;
            self.kept.take(&bytes[done..done + read]);
            done += read;
            let is_member = self.scanner.depth() == 1;
            let tells = matches!(self.scanner.key(), b"error" | b"errors");
            match event {
                Some(Event::Begin(_)) if is_member && tells => self.kept.begin(self.scanner.key()),
                Some(Event::End) if is_member && tells => {
                    self.kept.end();
                    // What cannot be read may say something as well.
                    self.says_something |= self.kept.summary().as_ref() != Ok(&BodySummary::default());
                }
                _ => {}
            }
            // A member that says nothing, or of another name: no reason to read the rest of its object.
            if event.is_some() && is_member && !self.says_something && !self.kept.is_open() {
                return Err(RejectedCandidate { at: done });
            }
        }
        self.read += bytes.len() as u64;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::list::ListReader;
    use crate::json::summary::MAX_KEPT_BYTES;

    /// What is found in a document that comes in bytes of `size`.
    fn found(document: &str, size: usize) -> Result<BodySummary, Malformed> {
        let mut errors = PartialErrors::default();
        for bytes in document.as_bytes().chunks(size) {
            errors.push(bytes);
        }
        errors.finish()
    }

    #[test]
    fn what_is_found_is_what_reading_everything_finds() {
        for document in [
            r#"{"keys":[1,2],"errors":[{"message":"taken"}]}"#,
            r#" {"errors":["no"],"keys":[{"errors":[]},{"error":null}],"error":{"message":"both"}} "#,
            r#"{"errors":{"1":"no"}}"#,
            r#"{ "error" : "text" , "keys":[]}"#,
            r#"{"errors":[],"keys":[]}"#,
            r#"{"error":null,"errors":["late"]}"#,
            r#"{"keys":[{"errors":["inside"]}]}"#,
            r#"{"keys":[{"errors":["inside"]}],"errors":["outside"]}"#,
            r#"{"a":{"error":{"message":"inside"}}}"#,
            r#"{"a":["error","errors","\"error\":1}"],"error_count":2}"#,
            r#"{"a":"x,\"errors\":[1]}"}"#,
            r#"{"a":"x\\","errors":[1]}"#,
            r#"{"x\"errors":[1],"y":{"\"error":2}}"#,
            r#"{"error_message":"x","errors_more":[1],"errors":[3]}"#,
            r#"[{"errors":["in a list"]}]"#,
            r#""{\"errors\":[1]}""#,
            "{}",
            "",
        ] {
            let mut page = ListReader::new(None);
            page.push(document.as_bytes(), |_| {}).unwrap();
            let whole = page.finish().unwrap_or_default();
            let expected = BodySummary { error: whole.error, errors: whole.errors, ..BodySummary::default() };
            for size in 1..=document.len().max(1) {
                assert_eq!(found(document, size).as_ref(), Ok(&expected), "{document} in pieces of {size}");
            }
        }
    }

    #[test]
    fn text_that_is_no_object_holds_no_errors() {
        let marked = "\u{feff}{\"errors\":[1]}";
        assert_eq!(found(marked, 2).unwrap().errors.len(), 1, "after a byte order mark");
        for text in [r#"<p>{"errors":[1]}"#, r#"12,{"errors":[1]}"#] {
            assert_eq!(found(text, 64), Ok(BodySummary::default()), "{text}");
        }
    }

    #[test]
    fn errors_that_are_too_many_to_keep_are_not_taken_for_none() {
        let many = format!(r#"{{"errors":["{0}","{0}"],"keys":[]}}"#, "x".repeat(MAX_KEPT_BYTES));
        assert_eq!(found(&many, 4096), Ok(BodySummary { more_errors: true, ..BodySummary::default() }));
        let long = format!(r#"{{"error":"{}"}}"#, "x".repeat(MAX_KEPT_BYTES));
        let error = Some("an error of more than 1 MiB".into());
        assert_eq!(found(&long, 4096), Ok(BodySummary { error, ..BodySummary::default() }));
    }
}
