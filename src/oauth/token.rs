//! Grant → token request; answer → tokens, or the reason why it holds none (RFC 6749 §4.1.3,
//! §5 and §6). No part of a body that was not understood is repeated.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use zeroize::Zeroizing;

use super::client::ClientCredentials;
use crate::secret::{
    AccessToken, AuthorizationCode, CodeVerifier, MAX_SECRET_BYTES, RefreshToken, json, one_token, without_secrets,
};

/// What is exchanged for tokens.
pub enum Grant<'a> {
    AuthorizationCode { code: &'a AuthorizationCode, verifier: Option<&'a CodeVerifier> },
    RefreshToken(&'a RefreshToken),
}

/// The tokens of a good answer.
#[derive(Debug)]
pub struct TokenResponse {
    pub access_token: AccessToken,
    pub refresh_token: Option<RefreshToken>,
    /// Seconds, at most a day; `None` when the server does not say.
    pub expires_in: Option<u64>,
    pub scopes: Option<Vec<String>>,
}

/// Why a token request brought no tokens.
#[derive(Debug, PartialEq, Eq)]
pub enum TokenError {
    /// The server refused with an OAuth error (§5.2). Both texts are the server's, cut and stripped of odd characters.
    Rejected { status: u16, error: String, description: String },
    /// 408, 429 or 5xx: another try may succeed later, after the wait that the server asks for.
    NotNow { status: u16, wait: Option<Duration> },
    /// Anything else: HTML, a redirect, a proxy's page, missing fields.
    NotUnderstood { status: u16, why: &'static str },
}

#[derive(Serialize)]
struct TokenRequestBody<'a> {
    grant_type: &'static str,
    client_id: &'a str,
    client_secret: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code_verifier: Option<&'a str>,
}

/// The JSON body of a token request: exactly the fields that Lokalise documents.
pub fn request_body(grant: &Grant<'_>, client: &ClientCredentials) -> Zeroizing<String> {
    let mut body = TokenRequestBody {
        grant_type: "refresh_token",
        client_id: &client.id,
        client_secret: client.secret.expose(),
        code: None,
        refresh_token: None,
        code_verifier: None,
    };
    match grant {
        Grant::RefreshToken(token) => body.refresh_token = Some(token.expose()),
        Grant::AuthorizationCode { code, verifier } => {
            body.grant_type = "authorization_code";
            body.code = Some(code.expose());
            body.code_verifier = verifier.map(CodeVerifier::expose);
        }
    }
    json(&body, 4 * MAX_SECRET_BYTES)
}

/// The longest lifetime that is accepted: a day, in seconds.
const MAX_LIFETIME: u64 = 24 * 3600;

/// Reads the answer of the token endpoint.
pub fn token_response(status: u16, body: &[u8]) -> Result<TokenResponse, TokenError> {
    // Parse errors are dropped: they can quote the token they could not parse.
    let object = serde_json::from_slice::<JsonMembers>(body).ok().filter(JsonMembers::are_unique);
    if matches!(status, 408 | 429 | 500..=599) {
        return Err(TokenError::NotNow { status, wait: None });
    }
    if let Some(object) = &object
        && let Some(error) = object.get("error").filter(|error| error.get() != "null")
    {
        // Lokalise's API puts an object with a message there.
        let message = serde_json::from_str::<ErrorMessage>(error.get()).ok().map(|error| error.message);
        let description = text(object, "error_description").or(message);
        let error = text(object, "error").map(|error| plain(&error, 60)).unwrap_or_default();
        let description = description.map(|text| plain(&text, 200)).unwrap_or_default();
        return if matches!(status, 200 | 400 | 401 | 403) {
            Err(TokenError::Rejected { status, error, description })
        } else {
            Err(TokenError::NotUnderstood { status, why: "the answer is neither tokens nor an OAuth error" })
        };
    }
    let not_understood = |why| TokenError::NotUnderstood { status, why };
    if status != 200 {
        return Err(not_understood("the answer is neither tokens nor an OAuth error"));
    }
    let Some(object) = object else { return Err(not_understood("the answer is not a JSON object")) };
    let access_token = token(&object, "access_token")
        .filter(|text| is_usable(text))
        .map(|text| AccessToken::new(text.as_str()))
        .ok_or_else(|| not_understood("the answer holds no usable access token"))?;
    // A token of a type that is not understood must not be used (RFC 6749 §7.1).
    match text(&object, "token_type") {
        Some(kind) if kind.eq_ignore_ascii_case("bearer") => {}
        _ => return Err(not_understood("the token is not of type `Bearer`")),
    }
    let refresh_token = match token(&object, "refresh_token") {
        None => None,
        Some(text) if is_usable(&text) => Some(RefreshToken::new(text.as_str())),
        Some(_) => return Err(not_understood("the answer holds no usable refresh token")),
    };
    Ok(TokenResponse {
        access_token,
        refresh_token,
        expires_in: object.get("expires_in").and_then(|value| seconds(value.get())),
        scopes: object.get("scope").and_then(|value| scopes(&serde_json::from_str(value.get()).ok()?)),
    })
}

/// The members of an object, each to be parsed by itself: a number that is out of bounds spoils no other member. An
/// object that has a member twice is refused: two readers could read two tokens (RFC 8259 §4).
struct JsonMembers<'a>(BTreeMap<String, &'a RawValue>);

impl<'a> JsonMembers<'a> {
    fn get(&self, name: &str) -> Option<&'a RawValue> {
        self.0.get(name).copied()
    }

    /// Whether no object inside has a member twice either.
    fn are_unique(&self) -> bool {
        self.0.values().all(|value| has_unique_members(value.get()))
    }
}

fn has_unique_members(json: &str) -> bool {
    match json.as_bytes().first() {
        Some(b'{') => serde_json::from_str::<JsonMembers>(json).is_ok_and(|members| members.are_unique()),
        Some(b'[') => serde_json::from_str::<Vec<&RawValue>>(json)
            .is_ok_and(|values| values.iter().all(|value| has_unique_members(value.get()))),
        _ => true,
    }
}

impl<'de> Deserialize<'de> for JsonMembers<'de> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct MembersVisitor;
        impl<'de> serde::de::Visitor<'de> for MembersVisitor {
            type Value = JsonMembers<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = BTreeMap::new();
                while let Some((name, value)) = map.next_entry()? {
                    if members.insert(name, value).is_some() {
                        return Err(serde::de::Error::custom("a member is there twice"));
                    }
                }
                Ok(JsonMembers(members))
            }
        }
        deserializer.deserialize_map(MembersVisitor)
    }
}

#[derive(Deserialize)]
struct ErrorMessage {
    message: String,
}

fn text(object: &JsonMembers, name: &str) -> Option<String> {
    serde_json::from_str(object.get(name)?.get()).ok()
}

/// A token field. Null and the empty string count as absent.
fn token(object: &JsonMembers, name: &str) -> Option<Zeroizing<String>> {
    text(object, name).map(Zeroizing::new).filter(|text| !text.is_empty())
}

/// Whether a token can be sent as it is. It was not pasted, so a line break at its end is not accepted.
fn is_usable(text: &str) -> bool {
    one_token(text) == Ok(text)
}

/// A lifetime as servers write it: an integer, an integral float, or digits in a string, of any length. A negative
/// lifetime is over already.
fn seconds(value: &str) -> Option<u64> {
    let digits = serde_json::from_str::<String>(value).unwrap_or_else(|_| value.to_owned());
    // `inf` and `NaN` parse as numbers; they hold no digit.
    if !digits.contains(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let number = digits.trim().parse::<f64>().ok()?;
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)] // within 0..=86400
    let clamped = number.clamp(0.0, MAX_LIFETIME as f64) as u64;
    Some(clamped)
}

/// Scopes as one string, as in RFC 6749 and every recording, or as an array, as in one vendor page. RFC 6749 §3.3
/// allows nearly every character in them. A scope with other characters than real scope names have is dropped,
/// because hints repeat scopes in commands.
fn scopes(value: &Value) -> Option<Vec<String>> {
    let tokens: Vec<String> = match value {
        Value::String(text) => text.split(' ').filter(|token| is_scope_name(token)).map(str::to_owned).collect(),
        Value::Array(items) => {
            items.iter().filter_map(Value::as_str).filter(|token| is_scope_name(token)).map(str::to_owned).collect()
        }
        _ => return None,
    };
    (!tokens.is_empty()).then_some(tokens)
}

fn is_scope_name(token: &str) -> bool {
    !token.is_empty() && token.chars().all(|c| c.is_ascii_alphanumeric() || "_-.:/*".contains(c))
}

/// An error text with only the characters that RFC 6749 §5.2 allows, without what may be an echoed secret, cut to
/// `max_length` characters.
fn plain(text: &str, max_length: usize) -> String {
    let text: String = text.chars().map(|c| if matches!(c, '\u{20}'..='\u{7e}') { c } else { '?' }).collect();
    // Secrets go before the text is cut: half a secret looks like a word.
    without_secrets(&text).chars().take(max_length).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::ClientSecret;

    fn client() -> ClientCredentials {
        ClientCredentials { id: "id".to_owned(), secret: ClientSecret::new("secret") }
    }

    #[test]
    fn a_scope_with_odd_characters_is_dropped() {
        let read = |text: &str| scopes(&Value::from(text));
        assert_eq!(read("read_projects  write:keys"), Some(vec!["read_projects".to_owned(), "write:keys".to_owned()]));
        assert_eq!(read("read_projects x;touch${IFS}a y'`b` \"z \u{202e}"), Some(vec!["read_projects".to_owned()]));
        assert_eq!(read("$(touch) \n"), None);
        let list = serde_json::json!(["read_projects", "a b", "c;d", 5]);
        assert_eq!(scopes(&list), Some(vec!["read_projects".to_owned()]));
    }

    #[test]
    fn the_request_holds_exactly_the_documented_fields() {
        let code = AuthorizationCode::new("code");
        let body = request_body(&Grant::AuthorizationCode { code: &code, verifier: None }, &client());
        assert_eq!(
            body.as_str(),
            r#"{"grant_type":"authorization_code","client_id":"id","client_secret":"secret","code":"code"}"#
        );
        let token = RefreshToken::new("r");
        assert_eq!(
            request_body(&Grant::RefreshToken(&token), &client()).as_str(),
            r#"{"grant_type":"refresh_token","client_id":"id","client_secret":"secret","refresh_token":"r"}"#
        );
    }

    #[test]
    fn a_good_answer_is_read() {
        let body = br#"{"access_token":"a","refresh_token":"r","expires_in":3600,"token_type":"bearer","x":1}"#;
        let response = token_response(200, body).expect("tokens");
        assert_eq!(response.access_token.expose(), "a");
        assert_eq!(response.refresh_token.map(|token| token.expose().to_owned()).as_deref(), Some("r"));
        assert_eq!((response.expires_in, response.scopes), (Some(3600), None));
    }

    #[test]
    fn a_lifetime_is_read_leniently_and_clamped() {
        for (text, seconds) in [
            ("3600", Some(3600)),
            ("3600.0", Some(3600)),
            ("1e3", Some(1000)),
            ("\"3600\"", Some(3600)),
            ("0", Some(0)),
            ("-5", Some(0)),
            ("18446744073709551616", Some(MAX_LIFETIME)),
            ("99999999", Some(MAX_LIFETIME)),
            ("1e400", Some(MAX_LIFETIME)),
            ("-1e400", Some(0)),
            (&"9".repeat(400), Some(MAX_LIFETIME)),
            ("\"1e400\"", Some(MAX_LIFETIME)),
            ("\"inf\"", None),
            ("\"1 day\"", None),
            ("true", None),
            ("null", None),
            ("\"soon\"", None),
            ("\"NaN\"", None),
            ("[]", None),
        ] {
            let body = format!(r#"{{"access_token":"a","token_type":"Bearer","expires_in":{text}}}"#);
            assert_eq!(token_response(200, body.as_bytes()).expect("tokens").expires_in, seconds, "{text}");
        }
    }

    #[test]
    fn an_empty_refresh_token_is_none() {
        for text in ["null", "\"\""] {
            let body = format!(r#"{{"access_token":"a","token_type":"Bearer","refresh_token":{text}}}"#);
            assert!(token_response(200, body.as_bytes()).expect("tokens").refresh_token.is_none(), "{text}");
        }
    }

    #[test]
    fn an_answer_without_a_usable_token_is_not_understood() {
        let cases: [(u16, &str); 13] = [
            (200, "<html>CANARY</html>"),
            (200, r#"["CANARY",3600,"bearer"]"#),
            (200, "\"CANARY\""),
            (200, r#"{"access_token":"","token_type":"Bearer"}"#),
            (200, r#"{"access_token":"a b","token_type":"Bearer"}"#),
            (200, r#"{"access_token":"a\n","token_type":"Bearer"}"#),
            (200, r#"{"access_token":7,"token_type":"Bearer"}"#),
            (200, r#"{"token_type":"Bearer"}"#),
            (200, r#"{"access_token":"CANARY","token_type":"mac"}"#),
            (200, r#"{"access_token":"CANARY"}"#),
            (201, r#"{"access_token":"CANARY","token_type":"Bearer"}"#),
            (302, r#"{"access_token":"CANARY","token_type":"Bearer"}"#),
            (407, "CANARY"),
        ];
        for (status, body) in cases {
            let error = token_response(status, body.as_bytes()).expect_err(body);
            assert!(matches!(error, TokenError::NotUnderstood { .. }), "{status} {body}: {error:?}");
            assert!(!format!("{error:?}").contains("CANARY"), "{status} {body}");
        }
    }

    #[test]
    fn an_oauth_error_is_a_rejection_even_in_a_200() {
        let body = br#"{"error":"invalid_request","error_description":"code: Code must be 40 characters long","error_uri":"","access_token":"a"}"#;
        for status in [200, 400, 401] {
            let error = token_response(status, body).expect_err("a rejection");
            assert_eq!(
                error,
                TokenError::Rejected {
                    status,
                    error: "invalid_request".to_owned(),
                    description: "code: Code must be 40 characters long".to_owned()
                }
            );
        }
        assert_eq!(token_response(503, body).expect_err("an error"), TokenError::NotNow { status: 503, wait: None });
    }

    #[test]
    fn an_error_as_lokalises_api_writes_it_shows_its_message() {
        let body = br#"{"error":{"message":"Invalid client","code":401}}"#;
        let description = "Invalid client".to_owned();
        let expected = TokenError::Rejected { status: 401, error: String::new(), description };
        assert_eq!(token_response(401, body).expect_err("a rejection"), expected);
    }

    #[test]
    fn an_error_text_is_cut_and_plain() {
        assert_eq!(plain("a\u{1b}[31mb\u{202e}c", 200), "a?[31mb?c");
        assert_eq!(plain(&"x ".repeat(300), 200).len(), 200);
        let token = "0123456789abcdef0123456789abcdef01234567";
        assert_eq!(plain(&format!("token {token} is bad"), 200), "token [redacted] is bad");
        assert_eq!(plain(&format!("code=\"{token}\", {token}."), 200), "code=\"[redacted]\", [redacted].");
        let cut = plain(&format!("{}{token}", "x ".repeat(95)), 200);
        assert!(!cut.contains("0123") && cut.len() <= 200, "{cut}");
        assert_eq!(plain("code: Code must be 40 characters long", 200), "code: Code must be 40 characters long");
    }

    #[test]
    fn an_answer_with_a_member_twice_is_not_understood() {
        let good = r#""access_token":"a","token_type":"Bearer","refresh_token":"r","expires_in":9"#;
        assert!(token_response(200, format!("{{{good}}}").as_bytes()).is_ok());
        for twice in [
            r#""access_token":"b""#,
            r#""access\u005ftoken":"b""#,
            r#""access_token":"a""#,
            r#""refresh_token":"b""#,
            r#""expires_in":8"#,
            r#""token_type":"Bearer""#,
            r#""other":1,"other":2"#,
            r#""nested":{"a":[{"b":1,"b":1}]}"#,
        ] {
            for body in [format!("{{{good},{twice}}}"), format!("{{{twice},{good}}}")] {
                let answer = token_response(200, body.as_bytes());
                assert!(matches!(answer, Err(TokenError::NotUnderstood { status: 200, .. })), "{body}: {answer:?}");
            }
        }
        let refusal = br#"{"error":"invalid_grant","error":"invalid_client"}"#;
        assert!(matches!(token_response(400, refusal), Err(TokenError::NotUnderstood { status: 400, .. })));
    }
}
