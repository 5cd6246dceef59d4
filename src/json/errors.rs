//! Errors that a success may hold, found while a body streams through. Reading JSON byte by byte would make a long
//! download three times slower; so the bytes that such a member begins with are searched for, and only what
//! follows them is read.

use std::ops::Range;
use std::sync::LazyLock;

use memchr::memmem::Finder;

use super::scan::{Event, Malformed, Scanner};
use super::summary::{BodySummary, KeptMembers};

/// The beginning of the keys `error` and `errors`, as servers spell it.
const PLAIN: &[u8] = b"\"error";

/// What an escape of a letter begins with. Any letter may be spelled as one.
const ESCAPE: &[u8] = b"\\u00";

/// The longest beginning that is searched for: all letters but the last, and an escape of that.
const MAX_BEGINNING: usize = b"\"erro\\u0072".len();

/// The two spellings are searched for in blocks of this size. Otherwise, each time that one of them is found, the search
/// for the other would go on to the end of the text.
const BLOCK: usize = 4096;

static PLAIN_FINDER: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(PLAIN));
static ESCAPE_FINDER: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(ESCAPE));

/// A search for the outermost `error` and `errors` of a JSON object.
#[derive(Default)]
pub struct PartialErrors {
    body: BodyShape,
    /// The last bytes that were skipped: the beginning may start in them, or a backslash in them may escape its quote.
    last: Vec<u8>,
    found: Option<ErrorsCandidate>,
}

/// The kind of the body, as far as it is known.
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
        let first = &bytes[..bytes.len().min(MAX_BEGINNING)];
        let border = [&self.last, first].concat();
        if let Some(beginning) = beginning_in(&border) {
            let after = beginning.end - self.last.len();
            self.found = Some(ErrorsCandidate::new(&border[beginning]));
            return &bytes[after..];
        }
        if let Some(beginning) = beginning_in(bytes) {
            let after = beginning.end;
            self.found = Some(ErrorsCandidate::new(&bytes[beginning]));
            return &bytes[after..];
        }
        let kept = bytes.len().min(MAX_BEGINNING);
        self.last.extend_from_slice(&bytes[bytes.len() - kept..]);
        self.last.drain(..self.last.len().saturating_sub(MAX_BEGINNING));
        &[]
    }

    /// The errors of the whole body. Only the error members of the summary are filled.
    ///
    /// # Errors
    /// [`Malformed`], if they cannot be read: they are above 1 MiB, or a member occurs twice.
    pub fn finish(self) -> Result<BodySummary, Malformed> {
        let Some(mut candidate) = self.found else { return Ok(BodySummary::default()) };
        let is_whole = candidate.has_trailing_text || candidate.scanner.finish().is_ok();
        if is_whole { candidate.kept.summary() } else { Ok(BodySummary::default()) }
    }
}

/// The first beginning of a key.
fn beginning_in(text: &[u8]) -> Option<Range<usize>> {
    (0..text.len()).step_by(BLOCK).find_map(|start| {
        // A beginning with the first byte of a block is found in the block before.
        let block = &text[start..text.len().min(start + BLOCK + MAX_BEGINNING)];
        beginning_in_block(block).map(|found| start + found.start..start + found.end)
    })
}

/// An escaped quote is inside a string, and a quote that closes one is followed by no letter.
fn beginning_in_block(block: &[u8]) -> Option<Range<usize>> {
    let is_key = |start: usize| start > 0 && block[start - 1] != b'\\';
    let plain =
        occurrences(block, PLAIN, &PLAIN_FINDER).find(|start| is_key(*start)).map(|start| start..start + PLAIN.len());
    // Only a spelling before the plain one matters.
    let before = &block[..plain.as_ref().map_or(block.len(), |plain| plain.start)];
    let escaped = occurrences(before, ESCAPE, &ESCAPE_FINDER).find_map(|escape| {
        let letters = (1..PLAIN.len()).find(|letters| before[..escape].ends_with(&PLAIN[..*letters]))?;
        let start = escape - letters;
        let digits = escape + ESCAPE.len()..escape + ESCAPE.len() + 2;
        let is_next = before.get(digits.clone()).is_some_and(|digits| is_hex_of(digits, PLAIN[letters]));
        (is_next && is_key(start)).then_some(start..digits.end)
    });
    escaped.or(plain)
}

/// Where these bytes occur in a text. A finder asks the CPU for its features when the first one is made. In a virtual
/// machine that takes longer (0.3 ms were measured) than to look through a short text byte by byte.
fn occurrences<'t>(
    text: &'t [u8],
    wanted: &'static [u8],
    finder: &'static LazyLock<Finder<'static>>,
) -> impl Iterator<Item = usize> + 't {
    let (short, long) = if text.len() < BLOCK { (text, None) } else { (&[][..], Some(text)) };
    let windows = short.windows(wanted.len()).enumerate();
    let in_short = windows.filter(move |(_, window)| *window == wanted).map(|(start, _)| start);
    in_short.chain(long.into_iter().flat_map(|long| finder.find_iter(long)))
}

fn is_hex_of(digits: &[u8], byte: u8) -> bool {
    std::str::from_utf8(digits).ok().and_then(|digits| u8::from_str_radix(digits, 16).ok()) == Some(byte)
}

/// What follows such a beginning, read as if it were the first member of an outermost object. If it was inside
/// another value, something follows after that object's end.
struct ErrorsCandidate {
    scanner: Scanner,
    kept: KeptMembers,
    says_something: bool,
    /// Whether its object has ended.
    is_closed: bool,
    /// Whether text that is not JSON follows the object: then the object is the outermost one.
    has_trailing_text: bool,
    /// How many bytes the scanner was given before.
    read: u64,
}

/// A candidate that is not an error member. The search goes on at this offset.
struct RejectedCandidate {
    at: usize,
}

impl ErrorsCandidate {
    fn new(beginning: &[u8]) -> Self {
        let mut candidate = Self {
            scanner: Scanner::new(1),
            kept: KeptMembers::default(),
            says_something: false,
            is_closed: false,
            has_trailing_text: false,
            read: 0,
        };
        let begun = candidate.push(b"{").and_then(|()| candidate.push(beginning));
        debug_assert!(begun.is_ok(), "an object and the beginning of a key");
        candidate
    }

    fn push(&mut self, bytes: &[u8]) -> Result<(), RejectedCandidate> {
        let mut done = 0;
        while done < bytes.len() && !self.has_trailing_text {
            let (read, event) = match self.scanner.next(&bytes[done..]) {
                Ok(next) => next,
                Err(malformed) => {
                    let at = match malformed {
                        Malformed::At(at) => usize::try_from(at - self.read).unwrap_or(bytes.len()),
                        _ => bytes.len(),
                    };
                    // Inside another value, one of these follows an object.
                    let is_inner = bytes.get(at).is_none_or(|byte| b",]}".contains(byte));
                    if !self.is_closed || is_inner {
                        return Err(RejectedCandidate { at });
                    }
                    self.has_trailing_text = true;
                    break;
                }
            };
            self.kept.take(&bytes[done..done + read]);
            done += read;
            self.is_closed |= self.scanner.depth() == 0 && event == Some(Event::End);
            let is_member = self.scanner.depth() == 1;
            let tells = matches!(&*self.scanner.key(), b"error" | b"errors");
            match event {
                Some(Event::Begin(_)) if is_member && tells => self.kept.begin(&self.scanner.key()),
                Some(Event::End) if is_member && tells => {
                    self.kept.end();
                    // A member that cannot be read may hold an error as well.
                    self.says_something |= self.kept.summary().as_ref() != Ok(&BodySummary::default());
                }
                _ => {}
            }
            // The member is empty or has another name, so the rest of its object is not read.
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

    /// The result for a document that arrives in pieces of `size` bytes.
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
            r#"{"\u0065rrors":[1],"e\u0072ror":"x"}"#,
            r#"{"a":"\u0065rrors","err\u006Frs":[1]}"#,
            r#"{"a":"é\u00e9","error\u0073":[1],"errors_more":2}"#,
            r#"{"a":"\"e\u0072rors\":[1]","\u0065\u0072\u0072\u006f\u0072\u0073":[2]}"#,
            r#"{"x":{"erro\u0072":1},"\\u0065rrors":[1],"e\u00e9":3}"#,
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
    fn errors_are_found_wherever_a_block_ends() {
        for name in [r"errors", r"e\u0072rors", r"erro\u0072s"] {
            for filled in BLOCK - 40..BLOCK + 10 {
                let document = format!(r#"{{"a":"{}","{name}":["x"]}}"#, "b".repeat(filled));
                assert_eq!(found(&document, document.len()).unwrap().errors, ["x"], "{name} after {filled} bytes");
            }
        }
    }

    #[test]
    fn text_after_the_document_does_not_hide_its_errors() {
        for size in [1, 7, 1000] {
            for (document, errors) in [
                ("{\"errors\":[\"x\"]}<br />Warning", 1),
                ("{\"a\":1,\"errors\":[\"x\"]}\nnotice {\"errors\":[1,2]}", 1),
                ("{\"a\":{\"errors\":[\"x\"]}}<br />", 0),
                ("{\"errors\":[\"x\"]<br />", 0),
                ("{\"a\":[{\"errors\":[\"x\"]}, 1]}<br />", 0),
            ] {
                let mut found = PartialErrors::default();
                document.as_bytes().chunks(size).for_each(|chunk| found.push(chunk));
                assert_eq!(found.finish().unwrap().errors.len(), errors, "{document} in pieces of {size}");
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
