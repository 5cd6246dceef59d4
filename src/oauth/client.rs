//! The client (RFC 6749 §2): its credentials as Lokalise's support issues them,
//! and the scope that it asks for.

use crate::secret::ClientSecret;

/// Client id and client secret (RFC 6749 §2.3.1).
#[derive(Debug)]
pub struct ClientCredentials {
    pub id: String,
    pub secret: ClientSecret,
}

/// The scopes that `login` requests by default: enough for `whoami`.
pub const DEFAULT_SCOPES: [&str; 2] = ["read_projects", "read_contributors"];

/// The scope tokens (RFC 6749 §3.3) of several arguments, each with spaces or
/// commas between them. Each token is kept once.
///
/// # Errors
/// The position, counted from 1, of a token with a character that the RFC forbids.
pub fn scope_tokens(arguments: &[String]) -> Result<Vec<String>, usize> {
    let mut tokens: Vec<String> = Vec::new();
    let all =
        arguments.iter().flat_map(|argument| argument.split([' ', ',', '\t', '\n'])).filter(|token| !token.is_empty());
    for (index, token) in all.enumerate() {
        if !token.bytes().all(|byte| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e)) {
            return Err(index + 1);
        }
        if !tokens.iter().any(|known| known == token) {
            tokens.push(token.to_owned());
        }
    }
    Ok(tokens)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_may_be_repeated_or_separated_by_spaces_or_commas() {
        let arguments = ["read_projects,write_keys".to_owned(), " read_projects  read_files ".to_owned()];
        assert_eq!(
            scope_tokens(&arguments),
            Ok(vec!["read_projects".into(), "write_keys".into(), "read_files".into()])
        );
        assert_eq!(scope_tokens(&["a".to_owned(), "b\"c".to_owned()]), Err(2));
        assert_eq!(scope_tokens(&[]), Ok(vec![]));
    }
}
