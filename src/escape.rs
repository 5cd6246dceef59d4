//! Makes text from elsewhere harmless: control characters become visible.

use std::borrow::Cow;
use std::fmt::Write;

/// Makes control characters visible: C0 (line break and tab too), DEL, C1 and
/// the characters that reorder text. For one line.
pub fn escaped(text: &str) -> Cow<'_, str> {
    escape(text, |_| false)
}

/// As [`escaped`], but line breaks and tabs stay. For blocks of text.
pub fn escaped_block(text: &str) -> Cow<'_, str> {
    escape(text, |c| c == '\n' || c == '\t')
}

/// As [`escaped`], for JSON, which is the same JSON afterwards.
pub fn escaped_json(json: &str) -> Cow<'_, str> {
    if !json.chars().any(is_control) {
        return Cow::Borrowed(json);
    }
    let mut safe = String::with_capacity(json.len() + 16);
    for c in json.chars() {
        if is_control(c) && !c.is_ascii_whitespace() {
            write!(safe, "\\u{:04x}", u32::from(c)).expect("a string takes all text");
        } else {
            safe.push(c);
        }
    }
    Cow::Owned(safe)
}

fn escape(text: &str, keep: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.chars().any(|c| is_control(c) && !keep(c)) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            _ if keep(c) || !is_control(c) => safe.push(c),
            '\n' => safe.push_str("\\n"),
            '\r' => safe.push_str("\\r"),
            '\t' => safe.push_str("\\t"),
            _ => write!(safe, "\\u{{{:x}}}", u32::from(c)).expect("a string takes all text"),
        }
    }
    Cow::Owned(safe)
}

/// C0, DEL, C1, and what changes the direction of text.
pub fn is_control(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{61c}' | '\u{2028}' | '\u{2029}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_drive_a_terminal_is_made_visible() {
        assert_eq!(escaped("plain ü text"), "plain ü text");
        assert_eq!(escaped("a\u{1b}[31m\r\nb\u{7f}\u{9b}\u{202e}"), "a\\u{1b}[31m\\r\\nb\\u{7f}\\u{9b}\\u{202e}");
        assert_eq!(escaped_block("a\n\tb\r"), "a\n\tb\\r");
        assert_eq!(escaped_json("{\"a\":\"\u{202e}\u{7f}\u{9b}\"}\n"), "{\"a\":\"\\u202e\\u007f\\u009b\"}\n");
    }
}
