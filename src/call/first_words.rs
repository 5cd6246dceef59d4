//! The first words of a body that is not what it should be, for the message that says so.

use super::refusal::without_queries;

/// How much is read, and how many characters are repeated.
const MAX_READ_BYTES: usize = 512;
const MAX_CHARACTERS: usize = 80;

/// What a body begins with, such as ``it begins with `<html>one moment` ``. Signatures in addresses are left out.
pub fn first_words(body: &[u8]) -> String {
    let start = &body[..body.len().min(MAX_READ_BYTES)];
    if start.trim_ascii().is_empty() {
        return "it is empty".to_owned();
    }
    let text = String::from_utf8_lossy(start);
    let is_binary = text.chars().any(|c| c == '\u{fffd}' || c.is_control() && !c.is_whitespace());
    if is_binary {
        let bytes: Vec<String> = start.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        return format!("it begins with the bytes {}", bytes.join(" "));
    }
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let words = without_queries(&words);
    match words.char_indices().nth(MAX_CHARACTERS) {
        Some((end, _)) => format!("it begins with `{}…`", &words[..end]),
        None => format!("it begins with `{words}`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_known_by_its_first_words() {
        assert_eq!(first_words(b"<html>\n  one\tmoment</html>"), "it begins with `<html> one moment</html>`");
        assert_eq!(first_words(" \n".as_bytes()), "it is empty");
        assert_eq!(first_words(b"\x1f\x8b\x08\x00"), "it begins with the bytes 1f 8b 08 00");
        assert_eq!(
            first_words(b"<a href=\"https://s3.example/b.zip?X-Amz-Signature=secret\">"),
            "it begins with `<a href=\"https://s3.example/b.zip?…\">`"
        );
        let long = "ü".repeat(100);
        assert_eq!(first_words(long.as_bytes()), format!("it begins with `{}…`", "ü".repeat(80)));
    }
}
