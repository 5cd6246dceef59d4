//! A redirect or a pasted text grants a code only with this login's state.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lokalise_auth::oauth::authorization::{AuthorizationRequest, Redirected, RedirectUri};
use lokalise_auth::origin::OAuthUrl;
use lokalise_auth::secret::State;

const STATE: &str = "kR3v9bT0xWq7";

fuzz_target!(|input: (&str, Option<&str>, bool)| {
    let (text, host, has_redirect_uri) = input;
    let request = AuthorizationRequest {
        endpoint: OAuthUrl::parse("https://app.lokalise.com/oauth2").expect("a URL").authorization_endpoint(),
        client_id: "c".repeat(40),
        scopes: vec!["read_projects".to_owned()],
        redirect_uri: has_redirect_uri.then(|| RedirectUri::parse("http://127.0.0.1:8000/callback").expect("a URI")),
        state: State::new(STATE),
        code_challenge: None,
    };
    let is_granted = |redirected: &Redirected| matches!(redirected, Redirected::Granted(_) | Redirected::Refused { .. });
    // The state may be percent-encoded: a text without any part of either form cannot have it.
    let may_have_it = text.contains(STATE) || text.contains('%');
    if is_granted(&request.redirected(text, host)) {
        assert!(may_have_it, "{text}");
        assert_eq!(host, Some("127.0.0.1:8000"));
        assert!(text.starts_with("/callback?"), "{text}");
    }
    let _ = request.pasted_parameters(text);
    if is_granted(&request.pasted_address(text)) {
        assert!(may_have_it, "{text}");
    }
});
