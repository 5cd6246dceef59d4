//! The scanner takes the documents that serde takes and no others, in pieces of any size.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lokalise_auth::json::scan::{Scanner, check};
use serde::Deserialize as _;

/// Whether serde takes the text as one document, however deep it is.
fn is_json(text: &[u8]) -> bool {
    let mut reader = serde_json::Deserializer::from_slice(text);
    reader.disable_recursion_limit();
    serde::de::IgnoredAny::deserialize(&mut reader).and_then(|_| reader.end()).is_ok()
}

/// What the scanner says of a document that comes in pieces.
fn in_pieces(text: &[u8], size: usize) -> bool {
    let mut scanner = Scanner::new(3);
    for piece in text.chunks(size) {
        let mut rest = piece;
        while !rest.is_empty() {
            match scanner.next(rest) {
                Ok((read, event)) => {
                    assert!(read > 0 || event.is_some(), "it neither reads on nor says anything");
                    rest = &rest[read..];
                }
                Err(_) => return false,
            }
        }
    }
    scanner.finish().is_ok()
}

fuzz_target!(|input: (u8, &[u8])| {
    let (size, text) = input;
    // serde checks UTF-8 in strings; the scanner hands bytes on. Deep documents would end serde's stack.
    if std::str::from_utf8(text).is_err() || text.iter().filter(|byte| matches!(byte, b'[' | b'{')).count() > 500 {
        return;
    }
    let accepted = check(text).is_ok();
    // A byte order mark before an answer is skipped.
    assert_eq!(accepted, is_json(text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text)));
    assert_eq!(accepted, in_pieces(text, usize::from(size).max(1)));
});
