//! Secrets that exist once: random per run, so that finding one in an output is
//! proof that it leaked.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::rand::{SecureRandom as _, SystemRandom};

/// 40 lower-case hex digits: what Lokalise's ids, secrets, codes and tokens look like.
pub fn forty_hex() -> String {
    hex(&random::<20>())
}

/// A UUID-shaped id.
pub fn uuid() -> String {
    let digits = hex(&random::<16>());
    let part = |from: usize, to: usize| &digits[from..to];
    format!("{}-{}-{}-{}-{}", part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32))
}

/// Fails if the output contains one of the secrets, as it is or in an encoded form.
#[track_caller]
pub fn assert_absent(secrets: &[String], what: &str, output: &[u8]) {
    for (index, secret) in secrets.iter().enumerate() {
        for (form, text) in disguises(secret) {
            let found = output.windows(text.len()).any(|window| window.eq_ignore_ascii_case(text.as_bytes()));
            // The output is not quoted: a failing test must not print the secret again.
            assert!(!found, "{what} holds secret no. {index} ({form})");
        }
    }
}

/// A secret as a careless program may print it.
fn disguises(secret: &str) -> Vec<(&'static str, String)> {
    let byte_list = secret.bytes().map(|byte| byte.to_string()).collect::<Vec<_>>().join(", ");
    vec![
        ("plain", secret.to_owned()),
        ("base64", STANDARD.encode(secret).trim_end_matches('=').to_owned()),
        ("base64url", URL_SAFE_NO_PAD.encode(secret)),
        ("hex", hex(secret.as_bytes())),
        ("a byte list", byte_list),
    ]
}

fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    SystemRandom::new().fill(&mut bytes).expect("the system has a random generator");
    bytes
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to a string cannot fail");
        text
    })
}
