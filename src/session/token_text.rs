//! Text in the place of a token that cannot be one, and what it looks like. A CI system did not fill in a
//! variable, a file has quotes, a reference to a secret manager is not resolved.

/// What a text that cannot be a token looks like; `None` if it can be one. The text is never repeated.
pub(super) fn not_a_token(text: &str) -> Option<&'static str> {
    let inner = text.trim();
    let is_name = |name: &str| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    let between = |start: &str, end: &str| inner.strip_prefix(start).is_some_and(|rest| rest.ends_with(end));
    let looks_like = if inner.contains(['"', '\'', '`', '\u{2018}', '\u{2019}', '\u{201c}', '\u{201d}']) {
        "it has quotes, which do not belong to a token"
    } else if inner.contains("{{") {
        "it looks like an expression that was not filled in (`${{ … }}`)"
    } else if inner.contains("$(") || inner.contains("${") || inner.starts_with('$') {
        "it looks like a variable that was not filled in (`$NAME`)"
    } else if between("%", "%") {
        "it looks like a variable of Windows that was not filled in (`%NAME%`)"
    } else if inner.contains("://") {
        "it looks like a reference to a secret manager that was not resolved, or a URL"
    } else if inner.contains("***") {
        "it looks like a secret that a log has masked (`***`)"
    } else if between("<", ">") || between("[", "]") {
        "it looks like the placeholder of an example (`<token>`)"
    } else if ["null", "undefined", "none", "nil"].iter().any(|word| inner.eq_ignore_ascii_case(word)) {
        "it looks like the word of a program for a value that is missing (`null`)"
    } else if inner
        .split_once('=')
        .is_some_and(|(name, value)| is_name(name) && name.contains('_') && !value.is_empty())
    {
        "it begins with a name and `=`: the token alone is wanted"
    } else {
        return None;
    };
    Some(looks_like)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_a_ci_system_or_a_file_is_recognised() {
        let token = "00112233445566778899aabbccddeeff00112233";
        for (text, words) in [
            (format!("\"{token}\""), "quotes"),
            (format!("'{token}'"), "quotes"),
            (format!("{token}\""), "quotes"),
            (format!("\u{201c}{token}\u{201d}"), "quotes"),
            ("$(LOKALISE_API_TOKEN)".to_owned(), "$NAME"),
            ("${LOKALISE_API_TOKEN}".to_owned(), "$NAME"),
            ("$LOKALISE_API_TOKEN".to_owned(), "$NAME"),
            ("$env:TOKEN".to_owned(), "$NAME"),
            ("${{ secrets.LOKALISE }}".to_owned(), "${{ … }}"),
            ("{{ lokalise_token }}".to_owned(), "${{ … }}"),
            ("%LOKALISE_API_TOKEN%".to_owned(), "%NAME%"),
            ("op://vault/lokalise/token".to_owned(), "secret manager"),
            ("vault://secret/lokalise#token".to_owned(), "secret manager"),
            ("***".to_owned(), "***"),
            ("****************".to_owned(), "***"),
            ("<token>".to_owned(), "<token>"),
            ("null".to_owned(), "null"),
            (format!("LOKALISE_API_TOKEN={token}"), "a name and `=`"),
        ] {
            let reason = not_a_token(&text).unwrap_or_else(|| panic!("{text} can be a token"));
            assert!(reason.contains(words) && !reason.contains(token), "{text}: {reason}");
        }
    }

    #[test]
    fn what_can_be_a_token_is_left_alone() {
        for text in ["00112233445566778899aabbccddeeff00112233", "a.b-c_d~e+f/g==", "abc%2Fdef", "x=y", "a$b"] {
            assert_eq!(not_a_token(text), None, "{text}");
        }
    }
}
