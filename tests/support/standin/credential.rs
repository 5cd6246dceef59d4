//! The credentials that exist, what each may do, and how a request with one is
//! refused.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::authorize::Authorization;
use super::message::{Answer, Received};
use super::{Lokalise, forty_hex, locked};

/// What has been granted so far.
#[derive(Default)]
pub struct Grants {
    pub authorizations: Vec<Authorization>,
    /// Authorization requests that wait for a button, by the id in the page.
    pub pending: HashMap<String, Authorization>,
    /// Codes that nobody has exchanged yet.
    pub codes: HashMap<String, Authorization>,
    /// Codes that somebody has exchanged.
    pub used_codes: Vec<String>,
    access_tokens: HashMap<String, AccessToken>,
    refresh_tokens: HashMap<String, RefreshToken>,
    /// When each credential was used last, for the rate limit.
    uses: HashMap<String, Vec<Instant>>,
}

struct AccessToken {
    scopes: Vec<String>,
    /// On the stand-in's clock.
    expires: Duration,
}

struct RefreshToken {
    scopes: Vec<String>,
    revoked: bool,
}

impl Grants {
    pub fn revoke_refresh_tokens(&mut self) {
        for token in self.refresh_tokens.values_mut() {
            token.revoked = true;
        }
    }

    /// The scopes of a refresh token that is in force.
    pub fn refreshable(&self, token: &str) -> Option<Vec<String>> {
        self.refresh_tokens.get(token).filter(|token| !token.revoked).map(|token| token.scopes.clone())
    }

    pub fn revoke(&mut self, refresh_token: &str) {
        if let Some(token) = self.refresh_tokens.get_mut(refresh_token) {
            token.revoked = true;
        }
    }
}

/// Who asks, once the credential has been believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Caller {
    ApiToken { read_only: bool },
    OAuth { scopes: Vec<String> },
}

impl Caller {
    /// Whether an endpoint with that scope (`None`: none is documented) may be called.
    pub fn may(&self, scope: Option<&str>, writes: bool) -> bool {
        match self {
            Self::ApiToken { read_only } => !(*read_only && writes),
            Self::OAuth { scopes } => scope.is_none_or(|scope| scopes.iter().any(|granted| granted == scope)),
        }
    }
}

impl Lokalise {
    /// A new access token and a new refresh token.
    pub fn issue(&self, scopes: &str) -> (String, String) {
        let scopes: Vec<String> = scopes.split_whitespace().map(str::to_owned).collect();
        let access_token = self.issue_access_token(&scopes);
        let refresh_token = forty_hex();
        let grant = RefreshToken { scopes, revoked: false };
        locked(&self.grants).refresh_tokens.insert(refresh_token.clone(), grant);
        (access_token, refresh_token)
    }

    pub fn issue_access_token(&self, scopes: &[String]) -> String {
        let lifetime = Duration::from_secs(locked(&self.switches).token_lifetime);
        let token = forty_hex();
        let grant = AccessToken { scopes: scopes.to_vec(), expires: self.now() + lifetime };
        locked(&self.grants).access_tokens.insert(token.clone(), grant);
        token
    }

    pub fn secrets(&self) -> Vec<String> {
        let registered = &self.registered;
        let grants = locked(&self.grants);
        let fixed = [&registered.client_secret, &registered.api_token, &registered.read_only_token];
        let tokens = grants.access_tokens.keys().chain(grants.refresh_tokens.keys());
        let codes = grants.codes.keys().chain(&grants.used_codes);
        fixed.into_iter().chain(tokens).chain(codes).cloned().collect()
    }

    /// The caller, or the answer that refuses the credential.
    pub fn caller(&self, request: &Received) -> Result<Caller, Answer> {
        let malformed = || Answer::error(400, "Invalid `X-Api-Token` header");
        match (request.header("X-Api-Token"), request.header("Authorization")) {
            (Some(token), None) => self.api_token_caller(token),
            (None, Some(authorization)) => {
                // A bearer that is not understood falls through to the check of the other header.
                let token = authorization.strip_prefix("Bearer ").ok_or_else(malformed)?;
                let now = self.now();
                match locked(&self.grants).access_tokens.get(token) {
                    None => Err(malformed()),
                    Some(grant) if grant.expires <= now => Err(Answer::error(401, "The access token expired")),
                    Some(grant) => Ok(Caller::OAuth { scopes: grant.scopes.clone() }),
                }
            }
            _ => Err(malformed()),
        }
    }

    fn api_token_caller(&self, token: &str) -> Result<Caller, Answer> {
        let well_formed = token.len() == 40 && token.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_lowercase());
        if token == self.registered.api_token {
            Ok(Caller::ApiToken { read_only: false })
        } else if token == self.registered.read_only_token {
            Ok(Caller::ApiToken { read_only: true })
        } else if well_formed {
            Err(Answer::error(401, "Unauthorized"))
        } else {
            Err(Answer::error(400, "Invalid `X-Api-Token` header"))
        }
    }

    /// Whether this request exceeds the rate that is enforced, by arrival on the real clock.
    pub fn too_fast(&self, request: &Received) -> bool {
        let Some(allowed) = locked(&self.switches).requests_per_second else { return false };
        let credential = request.header("X-Api-Token").or(request.header("Authorization")).unwrap_or_default();
        let mut grants = locked(&self.grants);
        let uses = grants.uses.entry(credential.to_owned()).or_default();
        uses.retain(|used| request.at.saturating_duration_since(*used) < Duration::from_secs(1));
        if uses.len() >= allowed {
            return true;
        }
        uses.push(request.at);
        false
    }
}
