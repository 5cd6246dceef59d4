//! Text from elsewhere made safe to show: what a terminal or a build log would act on is made
//! visible, and what is too long is cut. It may come from a server, a file or another program.

use std::borrow::Cow;
use std::fmt::Write;

/// The longest value from elsewhere in a message, in characters.
pub const MAX_VALUE: usize = 500;
/// The longest line of ours, in characters.
pub const MAX_LINE: usize = 2000;
/// The longest text of the TLS library, in characters.
pub const MAX_TLS_ERROR: usize = 400;
/// All lines of one failure together, in bytes.
pub const MAX_FAILURE_BYTES: usize = 8 * 1024;

/// Makes control characters visible: C0 (line break and tab too), DEL, C1 and
/// the characters that reorder text. For one line.
pub fn escaped(text: &str) -> Cow<'_, str> {
    escape(text, |_| false)
}

/// As [`escaped`], but line breaks and tabs stay. For blocks of text.
pub fn escaped_block(text: &str) -> Cow<'_, str> {
    escape(text, |c| c == '\n' || c == '\t')
}

/// As [`escaped`], for JSON, whose meaning stays the same.
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

/// One value from elsewhere, for a message or a report: escaped, and at most [`MAX_VALUE`] characters.
pub fn value(text: &str) -> Cow<'_, str> {
    shortened(text, MAX_VALUE)
}

/// One line: escaped, and at most [`MAX_LINE`] characters.
pub fn line(text: &str) -> Cow<'_, str> {
    shortened(text, MAX_LINE)
}

/// Escaped and cut to that many characters, with `…` for what is left out. The time that it takes is
/// bounded too, whatever the length of the text.
pub fn shortened(text: &str, max_chars: usize) -> Cow<'_, str> {
    // Escapes make a text longer, never shorter.
    let (text, is_cut) = start_of(text, max_chars);
    let safe = escaped(text);
    if !is_cut && !start_of(&safe, max_chars).1 {
        return safe;
    }
    Cow::Owned(format!("{}…", start_of(&safe, max_chars.saturating_sub(1)).0))
}

/// The first characters of a text, and whether there are more.
fn start_of(text: &str, max_chars: usize) -> (&str, bool) {
    match text.char_indices().nth(max_chars) {
        Some((end, _)) => (&text[..end], true),
        None => (text, false),
    }
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

/// C0, DEL, C1, and what breaks a line or changes the direction of text.
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

    #[test]
    fn what_is_too_long_is_cut_after_it_is_escaped() {
        assert_eq!(shortened("abcd", 4), "abcd");
        assert_eq!(shortened("abcde", 4), "abc…");
        assert_eq!(shortened("ab\ncd", 4), "ab\\…");
        assert_eq!(shortened("üüüüü", 4), "üüü…");
        assert_eq!(shortened("\n\n", 4), "\\n\\n");
        assert_eq!(line(&"\u{1b}".repeat(5000)).chars().count(), MAX_LINE);
        assert_eq!(value(&"x".repeat(501)).chars().count(), MAX_VALUE);
    }

    #[test]
    fn a_text_that_was_made_safe_stays_as_it_is() {
        for text in ["a\nb\u{202e}", "it's\t`$(x)`"] {
            let once = line(text).into_owned();
            assert_eq!(line(&once), once);
        }
    }
}
