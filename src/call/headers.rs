//! `-H`: extra headers, but none that would carry a credential, move the request to
//! another host or change where its body ends (CAL-06 in `.github/SECURITY.md`).

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

use crate::error::{Error, Result};

/// Headers that `-H` may not set, because this program or its HTTP client sets them.
const FORBIDDEN_HEADERS: [&str; 16] = [
    "accept-encoding",
    "authorization",
    "connection",
    "content-encoding",
    "content-length",
    "cookie",
    "expect",
    "host",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "x-api-token",
];

/// Reads the headers as they were typed, `Name: value`.
///
/// # Errors
/// Usage. The value is never repeated: it may be a secret.
pub fn headers(typed: &[String]) -> Result<HeaderMap> {
    let mut headers = HeaderMap::new();
    for header in typed {
        let (name, value) = one(header)?;
        headers.append(name, value);
    }
    Ok(headers)
}

fn one(typed: &str) -> Result<(HeaderName, HeaderValue)> {
    let (name, value) = typed
        .split_once(':')
        .ok_or_else(|| Error::usage("a header after -H has no colon").hint("write it as `-H 'Name: value'`"))?;
    let name = name.trim();
    let parsed = HeaderName::from_bytes(name.as_bytes())
        .map_err(|_| Error::usage("the name of a header after -H has a character that no header name has"))?;
    // Some servers take `_` for `-`, which is how CVE-2025-64484 passed a header that was refused.
    if FORBIDDEN_HEADERS.contains(&parsed.as_str().replace('_', "-").as_str()) {
        let error = Error::usage(format!("-H cannot set `{parsed}`"));
        return Err(match parsed.as_str() {
            "authorization" | "x-api-token" => error.hint("the credential in force is sent; -p chooses another"),
            _ => error,
        });
    }
    let value = value.trim_matches([' ', '\t']);
    if !value.bytes().all(|byte| byte == b'\t' || (b' '..=b'~').contains(&byte)) {
        return Err(Error::usage(format!(
            "the value of the header `{parsed}` has a character outside printable ASCII"
        )));
    }
    let value = HeaderValue::from_str(value).expect("printable ASCII");
    Ok((parsed, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(header: &str) -> String {
        match headers(&[header.to_owned()]) {
            Ok(headers) => panic!("{header} became {headers:?}"),
            Err(error) => error.message,
        }
    }

    #[test]
    fn a_header_is_taken_with_its_value_trimmed() {
        let headers =
            headers(&["Accept:  text/plain ".into(), "X-A: 1".into(), "x-a: 2".into(), "Empty:".into()]).unwrap();
        assert_eq!(headers["accept"], "text/plain");
        assert_eq!(headers.get_all("x-a").iter().collect::<Vec<_>>(), ["1", "2"]);
        assert_eq!(headers["empty"], "");
    }

    #[test]
    fn headers_of_ours_are_refused_in_every_spelling() {
        for name in FORBIDDEN_HEADERS {
            for spelling in [name.to_owned(), name.to_uppercase(), name.replace('-', "_"), format!("{name} ")] {
                let message = refusal(&format!("{spelling}: value"));
                assert!(message.starts_with("-H cannot set"), "{spelling}: {message}");
            }
        }
    }

    #[test]
    fn a_refused_header_is_not_repeated() {
        let secret = "0123456789abcdef";
        for header in [
            format!("Authorization: Bearer {secret}"),
            format!("X-Api-Token:{secret}"),
            format!("X-A: {secret}\r\nHost: evil"),
            format!("X-A: {secret}\u{e9}"),
            format!("{secret} {secret}"),
            secret.to_owned(),
        ] {
            let error = headers(&[header]).unwrap_err();
            assert!(!format!("{error:?}").contains(secret), "{error:?}");
        }
    }

    #[test]
    fn a_header_cannot_bring_a_second_one() {
        for header in ["A: b\nHost: evil", "A\r\nHost: b", "A: b\0", "A\u{7f}: b", ": b", "A b: c"] {
            refusal(header);
        }
    }
}
