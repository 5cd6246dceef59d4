//! What is kept between runs: the record, how it is issued and renewed, when it
//! is stale, and the one header that a credential becomes.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use reqwest::header::{AUTHORIZATION, HeaderName, HeaderValue};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::names::ProfileName;
use crate::oauth::client::ClientCredentials;
use crate::oauth::token::TokenResponse;
use crate::origin::Origin;
use crate::secret::digest;
use crate::secret::{AccessToken, ApiToken, ClientSecret, MAX_SECRET_BYTES, RefreshToken, json};

/// The two kinds of credential that Lokalise knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CredentialKind {
    #[serde(rename = "api-token")]
    ApiToken,
    #[serde(rename = "oauth")]
    OAuth,
}

impl CredentialKind {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ApiToken => "api-token",
            Self::OAuth => "oauth",
        }
    }

    /// The kind as people say it.
    pub fn words(self) -> &'static str {
        match self {
            Self::ApiToken => "API token",
            Self::OAuth => "OAuth token",
        }
    }
}

/// A credential that a request can be made with.
#[derive(Debug)]
pub enum Credential {
    ApiToken(ApiToken),
    OAuth(OAuth),
}

/// An access token, and what it takes to renew it.
#[derive(Debug)]
pub struct OAuth {
    pub access_token: AccessToken,
    /// Seconds since 1970 at which the access token ends; `None` when the server gave no lifetime.
    pub expires_at: Option<u64>,
    /// The lifetime that the server gave, in seconds.
    pub lifetime: Option<u64>,
    /// `None` until the server named them: Lokalise does so with the first refresh.
    pub scopes: Option<Vec<String>>,
    pub renewal: Option<Renewal>,
}

/// What the refresh grant needs (RFC 6749 §6).
#[derive(Debug)]
pub struct Renewal {
    pub client: ClientCredentials,
    pub refresh_token: RefreshToken,
}

impl Credential {
    pub fn kind(&self) -> CredentialKind {
        match self {
            Self::ApiToken(_) => CredentialKind::ApiToken,
            Self::OAuth(_) => CredentialKind::OAuth,
        }
    }

    /// The token itself, for the commands whose job is to hand it out, and for its digest.
    pub fn token(&self) -> &str {
        match self {
            Self::ApiToken(token) => token.expose(),
            Self::OAuth(oauth) => oauth.access_token.expose(),
        }
    }

    /// The variable that hands this kind of token to another program.
    pub fn variable(&self) -> &'static str {
        match self {
            Self::ApiToken(_) => "LOKALISE_API_TOKEN",
            Self::OAuth(_) => "LOKALISE_ACCESS_TOKEN",
        }
    }

    /// A name for the token that does not reveal it, for the rate limit that its requests share.
    pub fn rate_limit_key(&self) -> String {
        digest(&format!("pace {}", self.token()))
    }

    /// The one header that authenticates a request, marked sensitive. Never both.
    pub fn header(&self) -> (HeaderName, HeaderValue) {
        let (name, text) = match self {
            Self::ApiToken(token) => {
                (HeaderName::from_static("x-api-token"), Zeroizing::new(token.expose().to_owned()))
            }
            Self::OAuth(oauth) => (AUTHORIZATION, Zeroizing::new(format!("Bearer {}", oauth.access_token.expose()))),
        };
        let mut value =
            HeaderValue::from_str(&text).expect("tokens are visible ASCII: checked when they are recognised");
        value.set_sensitive(true);
        (name, value)
    }
}

impl OAuth {
    /// An access token that another program issued and refreshes. Its end is not known.
    pub fn from_access_token(access_token: AccessToken) -> Self {
        Self { access_token, expires_at: None, lifetime: None, scopes: None, renewal: None }
    }

    /// The tokens of an answer to the authorization code grant.
    pub fn issued(response: TokenResponse, client: ClientCredentials, now: SystemTime) -> Self {
        let renewal = response.refresh_token.map(|refresh_token| Renewal { client, refresh_token });
        Self {
            access_token: response.access_token,
            expires_at: response.expires_in.map(|seconds| unix(now) + seconds),
            lifetime: response.expires_in,
            scopes: response.scopes,
            renewal,
        }
    }

    /// The tokens of an answer to a refresh token that no record holds.
    pub fn minted(response: TokenResponse, renewal: Renewal, now: SystemTime) -> Self {
        Self::issued(
            TokenResponse { refresh_token: response.refresh_token.or(Some(renewal.refresh_token)), ..response },
            renewal.client,
            now,
        )
    }

    /// Takes the tokens of a refresh. What the answer omits stays in force (RFC 6749 §6).
    pub fn renew(&mut self, response: TokenResponse, now: SystemTime) {
        if let (Some(renewal), Some(refresh_token)) = (&mut self.renewal, response.refresh_token) {
            renewal.refresh_token = refresh_token;
        }
        self.access_token = response.access_token;
        self.expires_at = response.expires_in.map(|seconds| unix(now) + seconds);
        self.lifetime = response.expires_in;
        if response.scopes.is_some() {
            self.scopes = response.scopes;
        }
    }

    /// Time left, if the end is known; zero when it is past.
    pub fn left(&self, now: SystemTime) -> Option<Duration> {
        self.expires_at.map(|end| Duration::from_secs(end.saturating_sub(unix(now))))
    }

    /// Whether the token should be renewed before it is used: from a minute before its
    /// end, or from the last tenth of a lifetime of less than ten minutes. A token that was issued in the
    /// future means that the clock was wrong: it is stale too.
    pub fn stale(&self, now: SystemTime) -> bool {
        let (Some(end), now) = (self.expires_at, unix(now)) else { return false };
        let lifetime = self.lifetime.unwrap_or(3600);
        let margin = (lifetime / 10).min(60);
        end <= now + margin || end - now > lifetime.saturating_add(60)
    }
}

/// Whole seconds since 1970.
pub fn unix(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |duration| duration.as_secs())
}

/// A stored record: a credential, bound to the profile and the origins that it is for.
#[derive(Debug)]
pub struct Record {
    pub profile: ProfileName,
    pub api_origin: Origin,
    pub oauth_origin: Origin,
    pub credential: Credential,
}

/// Why a record is not used. None of its bytes are part of this.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnusableRecord {
    #[error("it is not a record of lokalise-auth")]
    Malformed,
    #[error("it was written by a newer lokalise-auth")]
    Newer,
    #[error("it belongs to another profile")]
    OtherProfile,
}

const VERSION: u32 = 1;
/// 9999-12-31T23:59:59Z, in seconds since 1970.
pub const LAST_SECOND: u64 = 253_402_300_799;

/// The record's form in the store.
#[derive(Serialize, Deserialize)]
struct StoredRecord {
    version: u32,
    profile: String,
    kind: CredentialKind,
    api_url: String,
    oauth_url: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    api_token: Option<Zeroizing<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    client_secret: Option<Zeroizing<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    access_token: Option<Zeroizing<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    refresh_token: Option<Zeroizing<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    client_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expires_at: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    lifetime: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    scopes: Option<Vec<String>>,
}

impl Record {
    /// The record as compact ASCII JSON, the form that every store takes.
    pub fn to_text(&self) -> Zeroizing<String> {
        let kept = |secret: &str| Some(Zeroizing::new(secret.to_owned()));
        let mut form = StoredRecord {
            version: VERSION,
            profile: self.profile.to_string(),
            kind: self.credential.kind(),
            api_url: self.api_origin.to_string(),
            oauth_url: self.oauth_origin.to_string(),
            api_token: None,
            client_secret: None,
            access_token: None,
            refresh_token: None,
            client_id: None,
            expires_at: None,
            lifetime: None,
            scopes: None,
        };
        match &self.credential {
            Credential::ApiToken(token) => form.api_token = kept(token.expose()),
            Credential::OAuth(oauth) => {
                form.access_token = kept(oauth.access_token.expose());
                form.expires_at = oauth.expires_at;
                form.lifetime = oauth.lifetime;
                form.scopes.clone_from(&oauth.scopes);
                if let Some(renewal) = &oauth.renewal {
                    form.client_id = Some(renewal.client.id.clone());
                    form.client_secret = kept(renewal.client.secret.expose());
                    form.refresh_token = kept(renewal.refresh_token.expose());
                }
            }
        }
        json(&form, 5 * MAX_SECRET_BYTES)
    }

    /// Reads a record and checks that it is the one that was asked for.
    ///
    /// # Errors
    /// [`UnusableRecord`]. Parse errors are dropped: they can quote the token they could not parse.
    pub fn from_text(text: &str, profile: &ProfileName) -> Result<Self, UnusableRecord> {
        #[derive(Deserialize)]
        struct RecordVersion {
            version: u32,
        }
        let RecordVersion { version } = serde_json::from_str(text).map_err(|_| UnusableRecord::Malformed)?;
        if version > VERSION {
            return Err(UnusableRecord::Newer);
        }
        let form: StoredRecord = serde_json::from_str(text).map_err(|_| UnusableRecord::Malformed)?;
        if form.profile != profile.as_str() {
            return Err(UnusableRecord::OtherProfile);
        }
        Ok(Self {
            profile: profile.clone(),
            api_origin: Origin::recorded(&form.api_url),
            oauth_origin: Origin::recorded(&form.oauth_url),
            credential: form.credential().ok_or(UnusableRecord::Malformed)?,
        })
    }
}

impl StoredRecord {
    fn credential(self) -> Option<Credential> {
        if self.kind == CredentialKind::ApiToken {
            return ApiToken::parse(&self.api_token?).ok().map(Credential::ApiToken);
        }
        let renewal = match (self.client_id, self.client_secret, self.refresh_token) {
            (Some(id), Some(secret), Some(token)) => Some(Renewal {
                client: ClientCredentials { id, secret: ClientSecret::parse(&secret).ok()? },
                refresh_token: RefreshToken::parse(&token).ok()?,
            }),
            _ => None,
        };
        // Sums with an end after the calendar's last second could overflow.
        if self.expires_at.is_some_and(|end| end > LAST_SECOND) {
            return None;
        }
        Some(Credential::OAuth(OAuth {
            access_token: AccessToken::parse(&self.access_token?).ok()?,
            expires_at: self.expires_at,
            lifetime: self.lifetime,
            scopes: self.scopes,
            renewal,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn client() -> ClientCredentials {
        ClientCredentials { id: "c".repeat(40), secret: ClientSecret::new("d".repeat(40)) }
    }

    fn response(refresh: Option<&str>, scopes: Option<&str>) -> TokenResponse {
        TokenResponse {
            access_token: AccessToken::new("a".repeat(40)),
            refresh_token: refresh.map(RefreshToken::new),
            expires_in: Some(3600),
            scopes: scopes.map(|scopes| scopes.split(' ').map(str::to_owned).collect()),
        }
    }

    #[test]
    fn a_refresh_keeps_the_refresh_token_that_the_server_omits() {
        let mut oauth = OAuth::issued(response(Some("first"), None), client(), at(1000));
        oauth.renew(response(None, Some("read_projects")), at(5000));
        assert_eq!(oauth.renewal.as_ref().map(|renewal| renewal.refresh_token.expose()), Some("first"));
        assert_eq!(oauth.scopes, Some(vec!["read_projects".to_owned()]));
        assert_eq!(oauth.expires_at, Some(8600));
        oauth.renew(response(Some("second"), None), at(9000));
        assert_eq!(oauth.renewal.as_ref().map(|renewal| renewal.refresh_token.expose()), Some("second"));
        assert_eq!(oauth.scopes, Some(vec!["read_projects".to_owned()]));
    }

    #[test]
    fn a_token_is_stale_a_minute_or_a_tenth_before_its_end() {
        let hour = OAuth::issued(response(None, None), client(), at(1000));
        assert!(!hour.stale(at(4539)));
        assert!(hour.stale(at(4540)));
        let short = OAuth { expires_at: Some(1020), lifetime: Some(20), ..hour };
        assert!(!short.stale(at(1017)));
        assert!(short.stale(at(1018)));
        assert!(short.stale(at(0)), "issued in the future: the clock was wrong");
        let endless = OAuth { expires_at: None, lifetime: None, ..short };
        assert!(!endless.stale(at(u64::from(u32::MAX))));
    }

    #[test]
    fn a_record_is_read_as_it_was_written() {
        let profile = ProfileName::default();
        let record = Record {
            profile: profile.clone(),
            api_origin: Origin::recorded("https://api.lokalise.com"),
            oauth_origin: Origin::recorded("https://app.lokalise.com"),
            credential: Credential::OAuth(OAuth::issued(response(Some("r"), Some("a b")), client(), at(0))),
        };
        let text = record.to_text();
        assert!(text.is_ascii() && !text.contains('\n'));
        let back = Record::from_text(&text, &profile).expect("a record");
        assert_eq!(*back.to_text(), *text);
        let other = ProfileName::parse("other").expect("a name");
        assert_eq!(Record::from_text(&text, &other).map(drop), Err(UnusableRecord::OtherProfile));
    }

    #[test]
    fn a_foreign_record_is_refused_and_not_repeated() {
        let profile = ProfileName::default();
        for (text, why) in [
            ("", UnusableRecord::Malformed),
            ("hunter2", UnusableRecord::Malformed),
            ("[1]", UnusableRecord::Malformed),
            (r#"{"version":1}"#, UnusableRecord::Malformed),
            (r#"{"version":2,"profile":"default"}"#, UnusableRecord::Newer),
            (
                r#"{"version":1,"profile":"default","kind":"api-token","api_url":"","oauth_url":"","api_token":"a b"}"#,
                UnusableRecord::Malformed,
            ),
        ] {
            assert_eq!(Record::from_text(text, &profile).map(drop), Err(why), "{text}");
        }
    }

    #[test]
    fn a_credential_becomes_one_sensitive_header() {
        let (name, value) = Credential::ApiToken(ApiToken::new("t")).header();
        assert_eq!((name.as_str(), value.as_bytes(), value.is_sensitive()), ("x-api-token", &b"t"[..], true));
    }

    #[test]
    fn each_kind_has_its_words_its_variable_and_its_own_rate_limit() {
        let api_token = Credential::ApiToken(ApiToken::new("t"));
        let oauth = Credential::OAuth(OAuth::from_access_token(AccessToken::new("a")));
        let described = |credential: &Credential| {
            let kind = credential.kind();
            (kind.as_str(), kind.words(), credential.variable(), credential.token().to_owned())
        };
        assert_eq!(described(&api_token), ("api-token", "API token", "LOKALISE_API_TOKEN", "t".to_owned()));
        assert_eq!(described(&oauth), ("oauth", "OAuth token", "LOKALISE_ACCESS_TOKEN", "a".to_owned()));
        let keys = [api_token.rate_limit_key(), oauth.rate_limit_key()];
        assert!(keys[0] != keys[1] && keys.iter().all(|key| key.len() == 16), "{keys:?}");
    }

    #[test]
    fn a_minted_token_keeps_the_refresh_token_or_takes_the_new_one() {
        let renewal = || Renewal { client: client(), refresh_token: RefreshToken::new("first") };
        for (answer, expected) in [(None, "first"), (Some("second"), "second")] {
            let oauth = OAuth::minted(response(answer, None), renewal(), at(0));
            assert_eq!(
                oauth.renewal.map(|renewal| renewal.refresh_token.expose().to_owned()).as_deref(),
                Some(expected)
            );
        }
    }

    #[test]
    fn the_time_left_ends_with_the_token_and_a_far_end_is_stale() {
        let oauth = OAuth::issued(response(None, None), client(), at(1000));
        let left = |now| oauth.left(at(now)).map(|left| left.as_secs());
        assert_eq!([left(1000), left(4600), left(9999)], [Some(3600), Some(0), Some(0)]);
        assert_eq!(OAuth::from_access_token(AccessToken::new("a")).left(at(0)), None);
        // Two clocks may differ by a minute.
        assert_eq!([oauth.stale(at(940)), oauth.stale(at(939))], [false, true]);
    }

    #[test]
    fn an_end_after_the_last_second_of_the_calendar_is_refused() {
        let profile = ProfileName::default();
        let with_end = |end: u64| {
            let text = format!(
                r#"{{"version":1,"profile":"default","kind":"oauth","api_url":"","oauth_url":"","access_token":"a","expires_at":{end}}}"#
            );
            Record::from_text(&text, &profile).map(drop)
        };
        assert_eq!(with_end(LAST_SECOND), Ok(()));
        assert_eq!(with_end(LAST_SECOND + 1), Err(UnusableRecord::Malformed));
        assert_eq!(with_end(LAST_SECOND + 2), Err(UnusableRecord::Malformed));
    }
}
