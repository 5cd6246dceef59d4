//! JSON whose text is damaged, read all the same: a byte order mark in front, broken UTF-8, half of a surrogate pair, a
//! raw control character in a string, a number beyond a double. It is for answers that we act on and do not pass on.

use std::fmt::Write;

use serde_json::Value;

/// The bytes without a byte order mark in front.
pub fn without_bom(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)
}

/// Reads a document. What cannot be read within a string becomes U+FFFD, and a number beyond a double the largest one,
/// as in jq.
///
/// # Errors
/// If it is not JSON apart from that.
pub fn parse(bytes: &[u8]) -> serde_json::Result<Value> {
    let bytes = without_bom(bytes);
    serde_json::from_slice(bytes).or_else(|_| serde_json::from_str(&repaired(&String::from_utf8_lossy(bytes))))
}

/// The text with its strings made such as JSON allows (RFC 8259 §7).
fn repaired(text: &str) -> String {
    let mut fixed = String::with_capacity(text.len() + 16);
    let mut rest = text;
    let mut in_string = false;
    while let Some(c) = rest.chars().next() {
        let length = match c {
            '\\' if in_string => escape_sequence(rest, &mut fixed),
            c if in_string && c < ' ' => {
                write!(fixed, "\\u{:04x}", u32::from(c)).expect("a string takes all text");
                1
            }
            '-' | '0'..='9' if !in_string => number(rest, &mut fixed),
            c => {
                in_string ^= c == '"';
                fixed.push(c);
                c.len_utf8()
            }
        };
        rest = &rest[length..];
    }
    fixed
}

/// Appends the number that a text begins with. Returns the length of what was read.
fn number(text: &str, fixed: &mut String) -> usize {
    let length = text.find(|c: char| !matches!(c, '0'..='9' | '+' | '-' | '.' | 'e' | 'E')).unwrap_or(text.len());
    let number = &text[..length];
    match number.parse::<f64>() {
        Ok(infinite) if infinite.is_infinite() => {
            write!(fixed, "{:e}", f64::MAX.copysign(infinite)).expect("a string takes all text");
        }
        _ => fixed.push_str(number),
    }
    length
}

/// Appends the escape sequence that a text begins with, or what it is replaced by. Returns the length of what was read.
fn escape_sequence(text: &str, fixed: &mut String) -> usize {
    let length = match text.as_bytes().get(1) {
        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => 2,
        Some(b'u') => match (code_unit(text), text.get(6..).and_then(code_unit)) {
            (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => 12,
            (Some(0xd800..=0xdfff), _) => {
                fixed.push_str("\\ufffd");
                return 6;
            }
            (Some(_), _) => 6,
            (None, _) => 0,
        },
        _ => 0,
    };
    if length == 0 {
        // It escapes nothing, and so it is itself.
        fixed.push_str("\\\\");
        return 1;
    }
    fixed.push_str(&text[..length]);
    length
}

/// The UTF-16 unit of a `\uXXXX` that a text begins with.
fn code_unit(text: &str) -> Option<u16> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    let is_hex = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    u16::from_str_radix(digits, 16).ok().filter(|_| is_hex)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn a_damaged_string_does_not_hide_the_rest() {
        for (document, message) in [
            (&b"\xef\xbb\xbf{\"m\":\"plain\"}"[..], "plain"),
            (b"{\"m\":\"caf\xc3\"}", "caf\u{fffd}"),
            (b"{\"m\":\"caf\xe9 au lait\"}", "caf\u{fffd} au lait"),
            (b"{\"m\":\"a\x07b\tc\nd\"}", "a\u{7}b\tc\nd"),
            (br#"{"m":"\ud83d"}"#, "\u{fffd}"),
            (br#"{"m":"\ude00\ud83d\ude00"}"#, "\u{fffd}\u{1f600}"),
            (br#"{"m":"\ud83d\ud83d\ude00"}"#, "\u{fffd}\u{1f600}"),
            (br#"{"m":"C:\Users\u12"}"#, "C:\\Users\\u12"),
            (br#"{"m":"say \"no\" \\"}"#, "say \"no\" \\"),
        ] {
            assert_eq!(parse(document).unwrap(), json!({ "m": message }), "{}", document.escape_ascii());
        }
    }

    #[test]
    fn a_number_beyond_a_double_is_the_largest_one() {
        let read = parse(br#"{"a":[1e400,-1e999,"1e400",1.5],"errors":["x"]}"#).unwrap();
        assert_eq!(read, json!({"a": [f64::MAX, f64::MIN, "1e400", 1.5], "errors": ["x"]}));
    }

    #[test]
    fn what_is_not_json_stays_unread() {
        for document in [&b""[..], b"<html>", b"{\"a\":\"b", b"{\"a\":1}{", b"{\"a\":caf\xe9}", b"\xff\xfe{\0}\0"] {
            assert!(parse(document).is_err(), "{}", document.escape_ascii());
        }
    }

    proptest! {
        #[test]
        fn what_a_string_holds_never_matters(text: Vec<u8>) {
            let inner: Vec<u8> = text.into_iter().filter(|byte| !matches!(byte, b'"' | b'\\')).collect();
            let document = [&b"{\"message\":\""[..], &inner, b"\",\"status\":\"finished\"}"].concat();
            prop_assert_eq!(&parse(&document).unwrap()["status"], "finished");
        }

        #[test]
        fn sound_json_is_read_as_it_is(text: String) {
            let document = json!({ "a": text }).to_string();
            prop_assert_eq!(repaired(&document), document);
        }
    }
}
