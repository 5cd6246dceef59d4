//! The authorization request → URL, and the redirect that answers it → an
//! authorization code (RFC 6749 §4.1.1 and §4.1.2).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::Url;
use ring::digest::{SHA256, digest};

use crate::origin::as_written;
use crate::secret::{AuthorizationCode, CodeVerifier, State};

/// A redirect URI: the exact text that was registered, since servers compare the text
/// (RFC 6749 §3.1.2.3), and the URL that a browser makes of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedirectUri {
    text: String,
    url: Url,
}

impl RedirectUri {
    pub fn parse(text: &str) -> Option<Self> {
        Some(Self { text: text.to_owned(), url: as_written(text)? })
    }

    pub fn as_str(&self) -> &str {
        &self.text
    }

    pub fn url(&self) -> &Url {
        &self.url
    }
}

/// One authorization request. Its `state` can be used for one answer only.
#[derive(Debug)]
pub struct AuthorizationRequest {
    pub endpoint: Url,
    pub client_id: String,
    pub scopes: Vec<String>,
    /// `None`: Lokalise shows the code on a page instead of redirecting.
    pub redirect_uri: Option<RedirectUri>,
    pub state: State,
    /// The S256 code challenge, with `--pkce` (RFC 7636 §4.2).
    pub code_challenge: Option<String>,
}

/// The meaning of one HTTP request to the redirect URI.
#[derive(Debug)]
pub enum Redirected {
    /// Not the answer to our request. The wait goes on.
    NotOurs(NotOurs),
    /// The user or the server refused (RFC 6749 §4.1.2.1). Both texts come from the server: escape them.
    Refused {
        error: String,
        description: Option<String>,
    },
    Granted(AuthorizationCode),
}

/// Why a request was not the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotOurs {
    #[error("it is not an address")]
    Address,
    #[error("it is for another path")]
    Path,
    #[error("it is for another host")]
    Host,
    #[error("its state is missing or not ours")]
    State,
    #[error("it holds neither a code nor an error")]
    Empty,
}

impl AuthorizationRequest {
    /// The URL for the browser: the RFC's parameters and nothing else.
    pub fn url(&self) -> Url {
        let mut url = self.endpoint.clone();
        {
            let mut query = url.query_pairs_mut();
            query.append_pair("response_type", "code");
            query.append_pair("client_id", &self.client_id);
            query.append_pair("scope", &self.scopes.join(" "));
            if let Some(redirect_uri) = &self.redirect_uri {
                query.append_pair("redirect_uri", redirect_uri.as_str());
            }
            query.append_pair("state", self.state.expose());
            if let Some(challenge) = &self.code_challenge {
                query.append_pair("code_challenge", challenge);
                query.append_pair("code_challenge_method", "S256");
            }
        }
        url
    }

    /// Reads the target and the Host header of a GET request that reached the listener.
    pub fn redirected(&self, target: &str, host: Option<&str>) -> Redirected {
        let Some(expected) = self.redirect_uri.as_ref().map(RedirectUri::url) else {
            return Redirected::NotOurs(NotOurs::Path);
        };
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        if path != expected.path() {
            return Redirected::NotOurs(NotOurs::Path);
        }
        if !host.is_some_and(|host| host.eq_ignore_ascii_case(&authority(expected))) {
            return Redirected::NotOurs(NotOurs::Host);
        }
        self.answered(query)
    }

    /// Reads a pasted address: the last one that the browser showed. Without a redirect URI of ours it may be any
    /// address, because Lokalise then chooses it; the state still shows whether it answers our request.
    pub fn pasted_address(&self, pasted: &str) -> Redirected {
        let Ok(address) = Url::parse(pasted.trim()) else { return Redirected::NotOurs(NotOurs::Address) };
        // No browser ends on an address with a user name or a password.
        if !address.username().is_empty() || address.password().is_some() {
            return Redirected::NotOurs(NotOurs::Address);
        }
        if let Some(expected) = self.redirect_uri.as_ref().map(RedirectUri::url) {
            if address.origin() != expected.origin() {
                return Redirected::NotOurs(NotOurs::Host);
            }
            if address.path() != expected.path() {
                return Redirected::NotOurs(NotOurs::Path);
            }
        }
        self.answered(address.query().unwrap_or_default())
    }

    /// Reads the parameters of an answer that were pasted without their address: `code=…`, `?code=…&state=…`. Without
    /// a state they are treated like a bare code: the person who pastes it is trusted.
    pub fn pasted_parameters(&self, pasted: &str) -> Redirected {
        let query = pasted.rsplit_once('?').map_or(pasted, |(_, query)| query);
        let has_state = query.split('&').any(|pair| pair.split('=').next() == Some("state"));
        if has_state { self.answered(query) } else { granted_or_refused(&parameters(query)) }
    }

    fn answered(&self, query: &str) -> Redirected {
        let parameters = parameters(query);
        // The state comes first: nothing else in a redirect counts until we know that it answers our request.
        // Digests are compared, so that the duration of the comparison reveals nothing about the state.
        let digested = |state: &str| digest(&SHA256, state.as_bytes());
        let expected = digested(self.state.expose());
        let ours = once(&parameters, "state").is_some_and(|state| digested(state).as_ref() == expected.as_ref());
        if ours { granted_or_refused(&parameters) } else { Redirected::NotOurs(NotOurs::State) }
    }
}

fn granted_or_refused(parameters: &[(String, String)]) -> Redirected {
    if let Some(error) = once(parameters, "error") {
        return Redirected::Refused {
            error: error.to_owned(),
            description: once(parameters, "error_description").map(str::to_owned),
        };
    }
    match once(parameters, "code").map(AuthorizationCode::parse) {
        Some(Ok(code)) => Redirected::Granted(code),
        _ => Redirected::NotOurs(NotOurs::Empty),
    }
}

fn parameters(query: &str) -> Vec<(String, String)> {
    Url::parse(&format!("http://localhost/?{query}"))
        .map(|url| url.query_pairs().into_owned().collect())
        .unwrap_or_default()
}

/// A parameter's value. A parameter that is given twice has no value (RFC 6749 §3.1).
fn once<'a>(parameters: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let mut values = parameters.iter().filter(|(key, _)| key == name).map(|(_, value)| value.as_str());
    values.next().filter(|value| !value.is_empty() && values.next().is_none())
}

/// S256 (RFC 7636 §4.2).
pub fn code_challenge(verifier: &CodeVerifier) -> String {
    URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.expose().as_bytes()))
}

/// `host:port` as a browser's Host header has it: the default port is left out.
pub fn authority(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_challenge_is_the_one_of_the_rfc() {
        // RFC 7636, appendix B
        let verifier = CodeVerifier::new("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
        assert_eq!(code_challenge(&verifier), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    }

    fn request() -> AuthorizationRequest {
        AuthorizationRequest {
            endpoint: Url::parse("https://app.lokalise.com/oauth2/auth").expect("a constant URL"),
            client_id: "c1".to_owned(),
            scopes: vec!["read_projects".to_owned(), "write_keys".to_owned()],
            redirect_uri: RedirectUri::parse("http://127.0.0.1:8123/callback"),
            state: State::new("right"),
            code_challenge: None,
        }
    }

    const HOST: Option<&str> = Some("127.0.0.1:8123");

    #[test]
    fn the_url_holds_the_parameters_of_the_rfc_and_no_other() {
        assert_eq!(
            request().url().as_str(),
            "https://app.lokalise.com/oauth2/auth?response_type=code&client_id=c1&scope=read_projects+write_keys\
             &redirect_uri=http%3A%2F%2F127.0.0.1%3A8123%2Fcallback&state=right"
        );
    }

    #[test]
    fn the_redirect_with_our_state_grants_the_code() {
        let answer = request().redirected("/callback?code=abc&state=right", HOST);
        assert!(matches!(answer, Redirected::Granted(code) if code.expose() == "abc"));
    }

    #[test]
    fn a_forged_redirect_is_not_ours_whatever_it_says() {
        let cases = [
            ("/callback?code=abc", HOST, NotOurs::State),
            ("/callback?code=abc&state=", HOST, NotOurs::State),
            ("/callback?code=abc&state=wrong", HOST, NotOurs::State),
            ("/callback?code=abc&state=right&state=right", HOST, NotOurs::State),
            ("/callback?error=access_denied", HOST, NotOurs::State),
            ("/callback?error=access_denied&state=wrong", HOST, NotOurs::State),
            ("/callback?state=right", HOST, NotOurs::Empty),
            ("/callback?code=a&code=b&state=right", HOST, NotOurs::Empty),
            ("/callback?code=a%20b&state=right", HOST, NotOurs::Empty),
            ("/favicon.ico", HOST, NotOurs::Path),
            ("/callback/?code=abc&state=right", HOST, NotOurs::Path),
            ("http://127.0.0.1:8123/callback?code=abc&state=right", HOST, NotOurs::Path),
            ("/callback?code=abc&state=right", Some("evil.example:8123"), NotOurs::Host),
            ("/callback?code=abc&state=right", Some("127.0.0.1"), NotOurs::Host),
            ("/callback?code=abc&state=right", None, NotOurs::Host),
        ];
        for (target, host, why) in cases {
            let answer = request().redirected(target, host);
            assert!(matches!(answer, Redirected::NotOurs(reason) if reason == why), "{target} {host:?}: {answer:?}");
        }
    }

    #[test]
    fn a_refusal_is_believed_with_our_state() {
        let answer = request().redirected("/callback?error=access_denied&error_description=No+way&state=right", HOST);
        let Redirected::Refused { error, description } = answer else { panic!("not refused: {answer:?}") };
        assert_eq!((error.as_str(), description.as_deref()), ("access_denied", Some("No way")));
    }

    #[test]
    fn a_pasted_address_must_be_the_redirect_uri() {
        let granted = |pasted: &str| matches!(request().pasted_address(pasted), Redirected::Granted(_));
        assert!(granted("http://127.0.0.1:8123/callback?code=abc&state=right"));
        assert!(granted("  http://127.0.0.1:8123/callback?state=right&code=abc#_\n"));
        assert!(!granted("http://127.0.0.1:8124/callback?code=abc&state=right"));
        assert!(!granted("https://evil.example/callback?code=abc&state=right"));
        for user in ["u@", ":pw@", "u:pw@"] {
            assert!(!granted(&format!("http://{user}127.0.0.1:8123/callback?code=abc&state=right")), "{user}");
        }
        assert!(!granted("abc"));
    }

    #[test]
    fn without_a_redirect_uri_the_state_alone_makes_an_address_ours() {
        let request = AuthorizationRequest { redirect_uri: None, ..request() };
        let granted = |pasted: &str| matches!(request.pasted_address(pasted), Redirected::Granted(_));
        assert!(granted("https://app.example/cb?code=abc&state=right"));
        assert!(!granted("https://:pw@app.example/cb?code=abc&state=right"));
        assert!(!granted("https://app.example/cb?code=abc&state=wrong"));
        assert!(!granted("https://app.example/cb?code=abc"));
    }

    #[test]
    fn pasted_parameters_are_read_and_their_state_is_checked() {
        let pasted = |text: &str| request().pasted_parameters(text);
        for text in ["code=abc", "?code=abc", "/cb?code=abc", "code=abc&state=right", "?state=right&code=abc#_"] {
            assert!(matches!(pasted(text), Redirected::Granted(code) if code.expose() == "abc"), "{text}");
        }
        for text in ["error=access_denied", "?error=access_denied&state=right&code=abc"] {
            assert!(matches!(pasted(text), Redirected::Refused { error, .. } if error == "access_denied"), "{text}");
        }
        for text in ["code=abc&state=wrong", "code=abc&state=", "?error=x&state=wrong"] {
            assert!(matches!(pasted(text), Redirected::NotOurs(NotOurs::State)), "{text}");
        }
        for text in ["code=", "?", "code=a&code=b", "?x=1", "code=a%20b"] {
            assert!(matches!(pasted(text), Redirected::NotOurs(NotOurs::Empty)), "{text}");
        }
    }

    #[test]
    fn a_redirect_uri_is_sent_exactly_as_it_was_given() {
        let redirect_uri = RedirectUri::parse("http://LOCALHOST:80");
        let request = AuthorizationRequest { redirect_uri, ..request() };
        assert!(request.url().as_str().contains("redirect_uri=http%3A%2F%2FLOCALHOST%3A80&"), "{}", request.url());
        assert!(matches!(request.redirected("/?code=abc&state=right", Some("localhost")), Redirected::Granted(_)));
    }
}
