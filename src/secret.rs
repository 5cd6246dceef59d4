//! Strings that cannot be printed. A secret is put into one of these types when
//! it is recognised and leaves it through `expose` alone, where it is sent or kept.

use std::fmt;

use serde::Serialize;
use zeroize::Zeroizing;

/// Why a text cannot be a token. It names the class and the position of a character, never a value.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAToken {
    #[error("it is empty")]
    Empty,
    #[error("it is longer than 4,096 characters")]
    TooLong,
    #[error("it has a second line")]
    SecondLine,
    #[error("it has {0} at position {1}")]
    Character(&'static str, usize),
    #[error("it starts with `Bearer`, which does not belong to the token")]
    Scheme,
}

/// How long Lokalise's API tokens are.
pub const API_TOKEN_LENGTH: usize = 40;

/// The longest secret, in bytes.
pub const MAX_SECRET_BYTES: usize = 4096;

/// Takes one trailing line break off and checks that the rest can be a token:
/// 1 to 4,096 visible ASCII characters (0x21 to 0x7E).
///
/// # Errors
/// [`NotAToken`], naming the class of the first bad character and its position, counted from 1.
pub fn one_token(pasted: &str) -> Result<&str, NotAToken> {
    let text = pasted.strip_suffix('\n').map_or(pasted, |line| line.strip_suffix('\r').unwrap_or(line));
    if text.is_empty() {
        return Err(NotAToken::Empty);
    }
    if text.len() > MAX_SECRET_BYTES {
        return Err(NotAToken::TooLong);
    }
    if text.get(..7).is_some_and(|start| start.eq_ignore_ascii_case("bearer ")) {
        return Err(NotAToken::Scheme);
    }
    if text.contains('\n') {
        return Err(NotAToken::SecondLine);
    }
    for (index, character) in text.chars().enumerate() {
        let class = match character {
            '\u{21}'..='\u{7e}' => continue,
            ' ' => "a space",
            '\t' => "a tab",
            '\r' => "a carriage return",
            '\u{feff}' => "a byte order mark",
            c if c.is_ascii_control() => "a control character",
            _ => "a character outside ASCII",
        };
        return Err(NotAToken::Character(class, index + 1));
    }
    Ok(text)
}

macro_rules! secret_type {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        pub struct $name(Zeroizing<String>);

        impl $name {
            /// Takes a secret that was already checked.
            pub fn new(text: impl Into<String>) -> Self {
                Self(Zeroizing::new(text.into()))
            }

            /// Takes what was pasted, read or received, if it can be a token at all.
            ///
            /// # Errors
            /// [`NotAToken`] gives the reason; it never holds the text.
            pub fn parse(pasted: &str) -> Result<Self, NotAToken> {
                one_token(pasted).map(Self::new)
            }

            /// The secret itself. Every use is a place to look at in review.
            pub fn expose(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "([redacted])"))
            }
        }
    )*};
}

secret_type! {
    /// A personal Lokalise API token, sent as `X-Api-Token`. It has its user's
    /// rights and no expiry date.
    ApiToken;
    /// An OAuth 2 access token (RFC 6749 §1.4), sent as `Authorization: Bearer`.
    AccessToken;
    /// An OAuth 2 refresh token (RFC 6749 §1.5).
    RefreshToken;
    /// An authorization code (RFC 6749 §1.3.1). It can be used for one token request.
    AuthorizationCode;
    /// The client secret (RFC 6749 §2.3.1), sent in the token request's body only.
    ClientSecret;
    /// The `state` of one authorization request (RFC 6749 §10.12).
    State;
    /// The PKCE code verifier (RFC 7636 §4.1).
    CodeVerifier;
}

/// JSON that holds secrets. `room` is enough for all of it: a buffer that grows leaves copies in memory.
pub fn json(value: &impl Serialize, room: usize) -> Zeroizing<String> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(room));
    serde_json::to_writer(&mut *bytes, value).expect("strings and numbers always serialize");
    Zeroizing::new(String::from_utf8(std::mem::take(&mut *bytes)).expect("JSON is text"))
}

/// Text of a server or of another program without what may be a secret that it echoes.
pub fn without_secrets(text: &str) -> String {
    // The characters of base64, in both alphabets, and of hex.
    let is_of_a_token = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '-' | '_' | '=');
    // Words and names of parameters are shorter, or have no digit.
    let run_may_be_secret =
        |run: &str| run.len() >= 32 || (run.len() >= 16 && run.contains(|c: char| c.is_ascii_digit()));
    // A path may be long without being a secret; a part between its slashes may be one.
    let may_be_secret = |word: &str| match word.strip_prefix('/') {
        Some(path) => path.split('/').any(run_may_be_secret),
        None => run_may_be_secret(word),
    };
    let pieces = text.split_inclusive(|c| !is_of_a_token(c)).map(|piece| {
        let word = piece.trim_end_matches(|c| !is_of_a_token(c));
        if may_be_secret(word) { piece.replace(word, "[redacted]") } else { piece.to_owned() }
    });
    pieces.collect()
}

/// The last four characters of a token of 20 characters or more, so that a
/// person can tell two apart; nothing of a shorter one.
pub fn hint_of(token: &str) -> Option<String> {
    let count = token.chars().count();
    (count >= 20).then(|| token.chars().skip(count - 4).collect())
}

/// The first 16 hex digits of a key's SHA-256: a name that any key can have.
pub fn digest(key: &str) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, key.as_bytes());
    digest.as_ref()[..8].iter().fold(String::with_capacity(16), |mut hex, byte| {
        fmt::Write::write_fmt(&mut hex, format_args!("{byte:02x}")).expect("a string takes all text");
        hex
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_says_nothing() {
        let token = ApiToken::new("0123456789abcdef");
        assert_eq!(format!("{token:?}"), "ApiToken([redacted])");
    }

    #[test]
    fn one_line_break_at_the_end_is_not_part_of_a_token() {
        assert_eq!(one_token("abc\n"), Ok("abc"));
        assert_eq!(one_token("abc\r\n"), Ok("abc"));
    }

    #[test]
    fn what_cannot_be_a_token_is_named_by_class_and_place() {
        let cases = [
            ("", NotAToken::Empty),
            ("\n", NotAToken::Empty),
            ("ab\n\n", NotAToken::SecondLine),
            ("ab\ncd", NotAToken::SecondLine),
            ("ab cd", NotAToken::Character("a space", 3)),
            (" ab", NotAToken::Character("a space", 1)),
            ("a\tb", NotAToken::Character("a tab", 2)),
            ("\u{feff}ab", NotAToken::Character("a byte order mark", 1)),
            ("ab\u{1b}", NotAToken::Character("a control character", 3)),
            ("ab\u{a0}", NotAToken::Character("a character outside ASCII", 3)),
            ("Bearer abc", NotAToken::Scheme),
        ];
        for (pasted, why) in cases {
            assert_eq!(one_token(pasted), Err(why), "{pasted:?}");
        }
        assert_eq!(one_token(&"a".repeat(4097)), Err(NotAToken::TooLong));
        assert!(one_token(&"a".repeat(4096)).is_ok());
    }

    #[test]
    fn what_may_be_an_echoed_secret_is_left_out_and_a_path_is_not() {
        assert_eq!(without_secrets("token 0123456789abcdef is bad"), "token [redacted] is bad");
        assert_eq!(
            without_secrets("no /org/freedesktop/secrets/collection/login"),
            "no /org/freedesktop/secrets/collection/login"
        );
        assert_eq!(without_secrets("no /tmp/0123456789abcdef"), "no [redacted]");
    }

    #[test]
    fn a_secret_cannot_be_printed_sent_or_copied_by_accident() {
        /// Ambiguous, and so no longer compiled, for a type that has the trait.
        trait HasNot<Marker> {
            fn the_trait() {}
        }
        impl<T: ?Sized> HasNot<()> for T {}
        struct Display;
        struct Serialize;
        struct Clone;
        impl<T: ?Sized + std::fmt::Display> HasNot<Display> for T {}
        impl<T: ?Sized + serde::Serialize> HasNot<Serialize> for T {}
        impl<T: std::clone::Clone> HasNot<Clone> for T {}
        <ApiToken as HasNot<_>>::the_trait();
        <AccessToken as HasNot<_>>::the_trait();
        <RefreshToken as HasNot<_>>::the_trait();
        <AuthorizationCode as HasNot<_>>::the_trait();
        <ClientSecret as HasNot<_>>::the_trait();
        <State as HasNot<_>>::the_trait();
        <CodeVerifier as HasNot<_>>::the_trait();
        assert_eq!(format!("{:?}", ApiToken::new("secret")), "ApiToken([redacted])");
    }

    #[test]
    fn json_with_secrets_stays_in_the_buffer_that_it_began_in() {
        let text = json(&["t".repeat(4000)], 5000);
        assert_eq!((text.len(), text.capacity()), (4004, 5000));
    }

    #[test]
    fn a_short_token_has_no_hint() {
        assert_eq!(hint_of("0123456789012345678"), None);
        assert_eq!(hint_of("01234567890123456789").as_deref(), Some("6789"));
    }
}
