//! A token is taken from a 200 with a JSON object and no error, and from nothing else.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lokalise_auth::oauth::token::{TokenError, token_response};
use serde_json::Value;

fuzz_target!(|input: (u16, &[u8])| {
    let (status, body) = input;
    match token_response(status, body) {
        Ok(response) => {
            assert_eq!(status, 200);
            let object: Value = serde_json::from_slice(body).expect("a token answer is JSON");
            assert!(object.is_object());
            let token = response.access_token.expose();
            assert!(!token.is_empty() && token.bytes().all(|byte| (0x21..=0x7e).contains(&byte)), "{token:?}");
            assert_eq!(object["access_token"], token);
            assert!(response.expires_in.is_none_or(|seconds| seconds <= 86_400));
        }
        Err(TokenError::Rejected { error, description, .. }) => {
            let is_plain = |text: &str| text.chars().all(|c| !c.is_control());
            assert!(is_plain(&error) && is_plain(&description), "{error:?} {description:?}");
            assert!(description.chars().count() <= 250, "{}", description.len());
        }
        Err(_) => {}
    }
});
