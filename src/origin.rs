//! Where Lokalise is: the base URLs of the API and of the OAuth endpoints, and
//! the origin that a credential is bound to.

use std::fmt;
use std::net::IpAddr;

use reqwest::Url;

use crate::error::{Error, Result};

/// Lokalise's API root.
pub const API_URL: &str = "https://api.lokalise.com/api2";
/// The folder of Lokalise's authorization and token endpoints.
pub const OAUTH_URL: &str = "https://app.lokalise.com/oauth2";

/// Scheme, host and port (RFC 6454 §4), in the form `https://api.lokalise.com`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Origin(String);

impl Origin {
    /// The origin of a URL.
    pub fn of(url: &Url) -> Self {
        Self(url.origin().ascii_serialization())
    }

    /// The origin as it is in a record. It is not checked, because it is only compared.
    pub fn recorded(text: &str) -> Self {
        Self(text.to_owned())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this is where Lokalise itself has the API or the login.
    pub fn is_lokalise(&self) -> bool {
        [API_URL, OAUTH_URL].iter().any(|url| url.strip_prefix(&self.0).is_some_and(|path| path.starts_with('/')))
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The API root that all requests are below. It ends in `/api2`; `/v1` has the same parent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiUrl {
    /// Everything before `/api2`, without a slash at its end.
    base: Url,
    prefix: String,
}

impl ApiUrl {
    /// Reads `LOKALISE_API_URL`: https, or http to a loopback host. Without a path it means `/api2`.
    ///
    /// # Errors
    /// Usage, if it is no such URL.
    pub fn parse(text: &str) -> Result<Self> {
        let base = base_url("LOKALISE_API_URL", text)?;
        let path = base.path().trim_end_matches('/');
        let prefix = match path {
            "" => "",
            _ => path.strip_suffix("/api2").ok_or_else(|| {
                Error::usage("LOKALISE_API_URL must end in `/api2`").hint(format!("Lokalise's own is {API_URL}"))
            })?,
        };
        let prefix = prefix.to_owned();
        Ok(Self { base, prefix })
    }

    pub fn origin(&self) -> Origin {
        Origin::of(&self.base)
    }

    /// The URL of a path that starts with `/api2/` or `/v1/` and is percent-encoded already.
    pub fn at(&self, path: &str) -> Url {
        let mut url = self.base.clone();
        url.set_path(&format!("{}{path}", self.prefix));
        url
    }

    /// The path before `/api2` and `/v1`; empty at Lokalise.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }
}

impl fmt::Display for ApiUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.at("/api2"))
    }
}

/// The folder of the authorization endpoint (`auth`) and the token endpoint (`token`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OAuthUrl(Url);

impl OAuthUrl {
    /// Reads `LOKALISE_OAUTH_URL`: https, or http to a loopback host.
    ///
    /// # Errors
    /// Usage, if it is no such URL.
    pub fn parse(text: &str) -> Result<Self> {
        base_url("LOKALISE_OAUTH_URL", text).map(Self)
    }

    pub fn origin(&self) -> Origin {
        Origin::of(&self.0)
    }

    /// The authorization endpoint (RFC 6749 §3.1).
    pub fn authorization_endpoint(&self) -> Url {
        self.below("auth")
    }

    /// The token endpoint (RFC 6749 §3.2).
    pub fn token_endpoint(&self) -> Url {
        self.below("token")
    }

    fn below(&self, name: &str) -> Url {
        let mut url = self.0.clone();
        url.set_path(&format!("{}/{name}", self.0.path().trim_end_matches('/')));
        url
    }
}

impl fmt::Display for OAuthUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.origin(), self.0.path().trim_end_matches('/'))
    }
}

/// A text as a URL, if every reader takes it for the same URL. A browser's rules read a host out of
/// `https:///api2`, `https:api2` and `https:\\api2` too, and leave out spaces and line breaks.
pub fn as_written(text: &str) -> Option<Url> {
    let rest = text.split_once("://").map_or("", |(_, rest)| rest);
    if rest.is_empty()
        || rest.starts_with('/')
        || text.contains(|c: char| c == '\\' || c.is_whitespace() || c.is_control())
    {
        return None;
    }
    Url::parse(text).ok()
}

/// A base URL as a variable gives it. Its text is not echoed: a variable can hold a secret by mistake.
fn base_url(variable: &str, text: &str) -> Result<Url> {
    let url = as_written(text).ok_or_else(|| Error::usage(format!("{variable} is not a URL")))?;
    match url.scheme() {
        "https" if url.host_str().is_some_and(|host| !host.is_empty()) => {}
        "http" if is_loopback(&url) => {}
        "http" => {
            return Err(Error::usage(format!("{variable} is plain http, which would send the credential in clear"))
                .hint(format!("set {variable} to an https URL; plain http is for loopback hosts only")));
        }
        _ => return Err(Error::usage(format!("{variable} is not an https URL"))),
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Error::usage(format!("{variable} must not hold a user name or password")));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(Error::usage(format!("{variable} must not have a query or a fragment")));
    }
    Ok(url)
}

/// Whether a URL's host is this machine for certain: 127.0.0.0/8, `[::1]` or `localhost`.
pub fn is_loopback(url: &Url) -> bool {
    let Some(host) = url.host_str() else { return false };
    let literal = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || literal.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_shown_as_it_is_recorded() {
        let origin = Origin::of(&Url::parse("https://api.lokalise.com:443/api2?x").unwrap());
        assert_eq!(
            (origin.as_str(), origin.to_string().as_str()),
            ("https://api.lokalise.com", "https://api.lokalise.com")
        );
        assert_eq!(origin, Origin::recorded("https://api.lokalise.com"));
    }

    #[test]
    fn a_base_url_is_refused_for_what_is_wrong_with_it() {
        for (url, why) in [
            ("http://example.com/api2", "plain http"),
            ("ftp://example.com/api2", "not an https URL"),
            ("https://user@example.com/api2", "must not hold a user name or password"),
            ("https://:password@example.com/api2", "must not hold a user name or password"),
        ] {
            let error = ApiUrl::parse(url).unwrap_err();
            assert!(error.to_string().contains(why), "{url}: {error}");
        }
        assert_eq!(OAuthUrl::parse(OAUTH_URL).unwrap().to_string(), OAUTH_URL);
    }

    #[test]
    fn only_the_hosts_of_lokalise_are_lokalise() {
        let origin = |url: &str| Origin::of(&Url::parse(url).unwrap());
        assert!(origin(API_URL).is_lokalise() && origin(OAUTH_URL).is_lokalise());
        for other in ["https://api.lokalise.co/", "http://api.lokalise.com/", "https://api.lokalise.com:8443/"] {
            assert!(!origin(other).is_lokalise(), "{other}");
        }
    }

    #[test]
    fn a_base_url_is_https_or_loopback() {
        for good in [
            API_URL,
            "https://api.lokalise.com/api2/",
            "http://127.0.0.1:80/api2",
            "http://127.9.9.9/api2",
            "http://[::1]:8080",
            "http://localhost:3000/api2",
        ] {
            assert!(ApiUrl::parse(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "api.lokalise.com",
            "http://api.lokalise.com/api2",
            "http://10.0.0.1/api2",
            "http://localhost.evil.com/api2",
            "ftp://127.0.0.1/api2",
            "https://u:p@api.lokalise.com/api2",
            "https://api.lokalise.com/api2?x=1",
            "https://api.lokalise.com/other",
            "http://0.0.0.0/api2",
            "https:///api2",
            "https:api2",
            "https:\\\\api2",
            "https://api.lokalise.com\\@evil.example/api2",
            "https://api.loka\tlise.com/api2",
            " https://api.lokalise.com/api2",
        ] {
            assert!(ApiUrl::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_endpoints_are_below_their_folder() {
        let oauth = OAuthUrl::parse(OAUTH_URL).expect("a constant URL");
        assert_eq!(oauth.authorization_endpoint().as_str(), "https://app.lokalise.com/oauth2/auth");
        assert_eq!(oauth.token_endpoint().as_str(), "https://app.lokalise.com/oauth2/token");
        let api = ApiUrl::parse("http://127.0.0.1:4000").expect("a constant URL");
        assert_eq!(api.to_string(), "http://127.0.0.1:4000/api2");
        assert_eq!(api.at("/v1/audit-logs").as_str(), "http://127.0.0.1:4000/v1/audit-logs");
    }
}
