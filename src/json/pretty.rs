//! JSON on lines of its own: for a terminal, coloured and with nothing in it that could
//! drive one; or for a file, as `jq --indent 2` writes it. A document comes in pieces.

use std::fmt::Write;
use std::mem::take;

use crate::escape::{escaped_block, is_control};

const NAME: &str = "\u{1b}[34;1m";
const TEXT: &str = "\u{1b}[32m";
const NULL: &str = "\u{1b}[90m";
const PLAIN: &str = "\u{1b}[0m";

/// What a document is written for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum PrettyStyle {
    Terminal { color: bool },
    File,
}

/// A printer for one document after another.
pub struct Pretty {
    style: PrettyStyle,
    /// The open containers; true for an object.
    open: Vec<bool>,
    /// Nothing has come in the innermost container yet.
    is_empty: bool,
    /// The next string is the name of a member.
    at_name: bool,
    token: PrettyToken,
    /// The bytes of the string or scalar that is coming in.
    bytes: Vec<u8>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum PrettyToken {
    None,
    Text,
    Escape,
    Scalar,
}

impl Pretty {
    /// A printer for a terminal. Text that is not JSON is shown escaped.
    pub fn new(color: bool) -> Self {
        Self::with_style(PrettyStyle::Terminal { color })
    }

    /// A printer for a file. Strings keep their text, not their spelling: `\u00e9` and `\/` become `é` and `/`.
    pub fn for_file() -> Self {
        Self::with_style(PrettyStyle::File)
    }

    fn with_style(style: PrettyStyle) -> Self {
        Self { style, open: Vec::new(), is_empty: false, at_name: false, token: PrettyToken::None, bytes: Vec::new() }
    }

    /// Shows the next bytes.
    pub fn push(&mut self, bytes: &[u8]) -> String {
        let mut out = String::with_capacity(bytes.len() * 2);
        for byte in bytes {
            self.byte(*byte, &mut out);
        }
        out
    }

    /// Ends the document: whatever it was, the next line starts anew.
    pub fn end(&mut self) -> String {
        let mut out = String::new();
        match self.token {
            PrettyToken::None => {}
            PrettyToken::Scalar => self.scalar(&mut out),
            PrettyToken::Text | PrettyToken::Escape => self.text(&mut out),
        }
        out.push('\n');
        *self = Self::with_style(self.style);
        out
    }

    fn byte(&mut self, byte: u8, out: &mut String) {
        match (self.token, byte) {
            (PrettyToken::Text, b'"') => self.text(out),
            (PrettyToken::Text | PrettyToken::Escape, _) => {
                self.bytes.push(byte);
                self.token = if self.token == PrettyToken::Text && byte == b'\\' {
                    PrettyToken::Escape
                } else {
                    PrettyToken::Text
                };
            }
            (PrettyToken::Scalar, b',' | b':' | b'{' | b'}' | b'[' | b']' | b'"' | b' ' | b'\t' | b'\r' | b'\n') => {
                self.scalar(out);
                self.byte(byte, out);
            }
            (PrettyToken::Scalar, _) => self.bytes.push(byte),
            (PrettyToken::None, b' ' | b'\t' | b'\r' | b'\n') => {}
            (PrettyToken::None, b'{' | b'[') => {
                self.begin_value(out);
                out.push(char::from(byte));
                self.open.push(byte == b'{');
                self.is_empty = true;
                self.at_name = byte == b'{';
            }
            (PrettyToken::None, b'}' | b']') => {
                self.open.pop();
                if !take(&mut self.is_empty) {
                    self.new_line(out);
                }
                self.at_name = false;
                out.push(char::from(byte));
            }
            (PrettyToken::None, b',') => {
                out.push(',');
                self.new_line(out);
                self.at_name = self.open.last() == Some(&true);
            }
            (PrettyToken::None, b':') => {
                out.push_str(": ");
                self.at_name = false;
            }
            (PrettyToken::None, b'"') => {
                self.begin_value(out);
                self.token = PrettyToken::Text;
            }
            // Of a byte order mark; no JSON has such a byte outside its strings.
            (PrettyToken::None, 0xef | 0xbb | 0xbf) if self.style == PrettyStyle::File => {}
            (PrettyToken::None, _) => {
                self.begin_value(out);
                self.token = PrettyToken::Scalar;
                self.bytes.push(byte);
            }
        }
    }

    fn begin_value(&mut self, out: &mut String) {
        if take(&mut self.is_empty) {
            self.new_line(out);
        }
    }

    fn new_line(&self, out: &mut String) {
        out.push('\n');
        for _ in &self.open {
            out.push_str("  ");
        }
    }

    fn text(&mut self, out: &mut String) {
        let color = if self.at_name { NAME } else { TEXT };
        let text = take(&mut self.bytes);
        match self.style {
            PrettyStyle::File => rewritten(&text, out),
            PrettyStyle::Terminal { .. } => {
                // A reader wants to see the letter, not `\u0141`.
                let mut shown = String::with_capacity(text.len() + 2);
                rewritten(&text, &mut shown);
                self.colored(color, &harmless(shown.as_bytes()), out);
            }
        }
        self.token = PrettyToken::None;
    }

    fn scalar(&mut self, out: &mut String) {
        let text = take(&mut self.bytes);
        let color = if text == b"null" { NULL } else { "" };
        match self.style {
            PrettyStyle::File => out.push_str(&String::from_utf8_lossy(&text)),
            PrettyStyle::Terminal { .. } => self.colored(color, &harmless(&text), out),
        }
        self.token = PrettyToken::None;
    }

    fn colored(&self, color: &str, text: &str, out: &mut String) {
        if self.style == (PrettyStyle::Terminal { color: true }) && !color.is_empty() {
            out.extend([color, text, PLAIN]);
        } else {
            out.push_str(text);
        }
    }
}

/// Writes a JSON string, quotes and all, with as few escapes as JSON allows. `inside` is what is between the quotes.
pub fn rewritten(inside: &[u8], out: &mut String) {
    out.push('"');
    let mut rest = inside;
    while !rest.is_empty() {
        let plain = rest.iter().position(|byte| *byte == b'\\').unwrap_or(rest.len());
        for character in String::from_utf8_lossy(&rest[..plain]).chars() {
            push_escaped(character, out);
        }
        rest = &rest[plain..];
        if !rest.is_empty() {
            let (character, read) = unescaped(rest);
            push_escaped(character, out);
            rest = &rest[read..];
        }
    }
    out.push('"');
}

fn push_escaped(character: char, out: &mut String) {
    match character {
        '"' => out.push_str("\\\""),
        '\\' => out.push_str("\\\\"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        '\u{8}' => out.push_str("\\b"),
        '\u{c}' => out.push_str("\\f"),
        '\0'..='\u{1f}' | '\u{7f}' => write!(out, "\\u{:04x}", u32::from(character)).expect("a String takes all"),
        _ => out.push(character),
    }
}

/// The character of the escape that a text begins with, and how long the escape is. Half a surrogate pair is no
/// character (RFC 8259 §8.2).
fn unescaped(text: &[u8]) -> (char, usize) {
    let unit = |from: usize| {
        let digits = text.get(from..from + 6).filter(|escape| escape.starts_with(b"\\u"))?;
        u32::from_str_radix(std::str::from_utf8(&digits[2..]).ok()?, 16).ok()
    };
    let plain = match text.get(1) {
        Some(b'b') => '\u{8}',
        Some(b'f') => '\u{c}',
        Some(b'n') => '\n',
        Some(b'r') => '\r',
        Some(b't') => '\t',
        Some(b'u') => {
            let Some(first) = unit(0) else { return (char::REPLACEMENT_CHARACTER, text.len().min(2)) };
            if let (0xd800..=0xdbff, Some(second @ 0xdc00..=0xdfff)) = (first, unit(6)) {
                let pair = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
                return (char::from_u32(pair).unwrap_or(char::REPLACEMENT_CHARACTER), 12);
            }
            return (char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER), 6);
        }
        Some(byte @ (b'"' | b'\\' | b'/')) => char::from(*byte),
        _ => return (char::REPLACEMENT_CHARACTER, 1),
    };
    (plain, 2)
}

/// Control characters as JSON writes them, so that what is copied from the terminal still is JSON.
fn harmless(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        if is_control(character) {
            write!(safe, "\\u{:04x}", u32::from(character)).expect("a String takes all");
        } else {
            safe.push(character);
        }
    }
    safe
}

/// Text that is not JSON, in pieces, with control characters made visible.
#[derive(Default)]
pub struct Visible {
    /// The beginning of a character whose end is still to come.
    rest: Vec<u8>,
}

impl Visible {
    pub fn push(&mut self, bytes: &[u8]) -> String {
        self.rest.extend_from_slice(bytes);
        let whole = match std::str::from_utf8(&self.rest) {
            // Only an unfinished character at the end is worth waiting for.
            Err(error) if error.error_len().is_none() => error.valid_up_to(),
            _ => self.rest.len(),
        };
        let text: Vec<u8> = self.rest.drain(..whole).collect();
        escaped_block(&String::from_utf8_lossy(&text)).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(color: bool, document: &str) -> String {
        let mut whole = Pretty::new(color);
        let expected = whole.push(document.as_bytes()) + &whole.end();
        let mut pieces = Pretty::new(color);
        let mut in_pieces = String::new();
        for byte in document.as_bytes().chunks(1) {
            in_pieces.push_str(&pieces.push(byte));
        }
        in_pieces.push_str(&pieces.end());
        assert_eq!(in_pieces, expected, "in single bytes");
        expected
    }

    #[test]
    fn a_document_is_indented() {
        assert_eq!(
            shown(false, r#"{"a":[1,{"b":null}],"c":{},"d":[ ],"e":"x\"{","f":1.10}"#),
            "{\n  \"a\": [\n    1,\n    {\n      \"b\": null\n    }\n  ],\n  \"c\": {},\n  \"d\": [],\n  \
             \"e\": \"x\\\"{\",\n  \"f\": 1.10\n}\n"
        );
        assert_eq!(shown(false, "12\n"), "12\n");
    }

    /// A document as it is written to a file, whatever the pieces.
    fn written(document: &str) -> String {
        let mut whole = Pretty::for_file();
        let expected = whole.push(document.as_bytes()) + &whole.end();
        let mut pieces = Pretty::for_file();
        let in_pieces: String = document.as_bytes().chunks(1).map(|byte| pieces.push(byte)).collect();
        assert_eq!(in_pieces + &pieces.end(), expected, "in single bytes");
        expected
    }

    #[test]
    fn a_file_gets_the_text_of_strings_and_not_their_spelling() {
        assert_eq!(
            written(r#"{"a\u00e9":"\u00e9\/\ud83d\ude00\"\\\n\u0007\u007f\u009b","n":[1.10,1e5,-0]}"#),
            "{\n  \"aé\": \"é/😀\\\"\\\\\\n\\u0007\\u007f\u{9b}\",\n  \"n\": [\n    1.10,\n    1e5,\n    -0\n  ]\n}\n"
        );
        assert_eq!(
            written(r#"["\ud83d","\ude00x","\ud83d\u0041"]"#),
            "[\n  \"\u{fffd}\",\n  \"\u{fffd}x\",\n  \"\u{fffd}A\"\n]\n"
        );
        assert_eq!(
            written(r#"["\r\t\b\f\n","\u000d\u0009\u0008\u000c\u000a"]"#),
            "[\n  \"\\r\\t\\b\\f\\n\",\n  \"\\r\\t\\b\\f\\n\"\n]\n"
        );
        assert_eq!(written("\u{feff}[]"), "[]\n", "without the byte order mark");
    }

    #[test]
    fn names_strings_and_null_have_colours() {
        assert_eq!(
            shown(true, r#"{"a":["b",null,"c"],"d":1}"#),
            "{\n  \u{1b}[34;1m\"a\"\u{1b}[0m: [\n    \u{1b}[32m\"b\"\u{1b}[0m,\n    \u{1b}[90mnull\u{1b}[0m,\n    \
             \u{1b}[32m\"c\"\u{1b}[0m\n  ],\n  \u{1b}[34;1m\"d\"\u{1b}[0m: 1\n}\n"
        );
    }

    #[test]
    fn nothing_in_a_document_can_drive_a_terminal() {
        let shown = shown(false, "{\"a\u{9b}31m\":\"\u{1b}]0;x\u{7}\u{202e}\u{7f}\"}");
        assert_eq!(shown, "{\n  \"a\\u009b31m\": \"\\u001b]0;x\\u0007\\u202e\\u007f\"\n}\n");
        let text: String = serde_json::from_str::<serde_json::Value>(&shown).unwrap()["a\u{9b}31m"].to_string();
        assert!(text.contains('\u{202e}'), "it still is the same JSON");
    }

    #[test]
    fn what_is_not_json_is_shown_too() {
        assert_eq!(shown(false, "}]oops\u{1b}[31m"), "\n}\n]oops\\u001b[\n  31m\n");
        assert_eq!(shown(false, "{\"a\": \"cut sho"), "{\n  \"a\": \"cut sho\"\n");
    }

    #[test]
    fn text_is_made_visible_without_breaking_characters() {
        let mut visible = Visible::default();
        let shown: String = "aä\u{1b}€\n\t😀".as_bytes().chunks(1).map(|byte| visible.push(byte)).collect();
        assert_eq!(shown, "aä\\u{1b}€\n\t😀");
        assert_eq!(Visible::default().push(b"\xff\x1b"), "\u{fffd}\\u{1b}");
    }
}
