//! Who owns a credential. Lokalise has no "me" endpoint: up to four requests, one
//! after the other, find it out. Here they are data; nothing is sent.

use serde_json::Value;

use crate::credential::CredentialKind;
use crate::profile::Owner;

/// What the API said of the credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenStatus {
    Valid,
    /// 401, in the words for an ended access token.
    Expired,
    /// 401, or 400 for a header that no token can be in.
    Rejected,
    Forbidden,
    /// The answer tells nothing about the credential: its status, and why.
    Unclear(u16, String),
}

/// The search for a credential's owner.
#[derive(Debug)]
pub struct OwnerLookup {
    kind: CredentialKind,
    next: Option<LookupStep>,
    pub token_status: Option<TokenStatus>,
    pub owner: Option<Owner>,
    /// Why the owner, or a part of it, is not known.
    pub unknown_because: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum LookupStep {
    Projects,
    Me(String),
    Cards,
    User(u64),
}

impl OwnerLookup {
    pub fn new(kind: CredentialKind) -> Self {
        Self { kind, next: Some(LookupStep::Projects), token_status: None, owner: None, unknown_because: None }
    }

    /// The path and query of the next GET request, or `None` at the end.
    pub fn next(&self) -> Option<String> {
        Some(match self.next.as_ref()? {
            LookupStep::Projects => "/api2/projects?limit=1".to_owned(),
            LookupStep::Me(project) => format!("/api2/projects/{project}/contributors/me"),
            LookupStep::Cards => "/api2/payment_cards?limit=1".to_owned(),
            LookupStep::User(id) => format!("/api2/users/{id}"),
        })
    }

    /// Takes the answer to the request that [`OwnerLookup::next`] named.
    pub fn answered(&mut self, status: u16, body: &[u8]) {
        let body = serde_json::from_slice::<Value>(body).unwrap_or(Value::Null);
        match self.next.take() {
            Some(LookupStep::Projects) => self.projects(status, &body),
            Some(LookupStep::Me(_)) => self.me(status, &body),
            Some(LookupStep::Cards) => self.cards(status, &body),
            Some(LookupStep::User(id)) => self.user(id, status, &body),
            None => {}
        }
    }

    fn projects(&mut self, status: u16, body: &Value) {
        let token_status = token_status(status, body);
        let valid = token_status == TokenStatus::Valid;
        self.token_status = Some(token_status);
        if !valid {
            return;
        }
        // A path is made of the id: only one of the known shape is used.
        let project = body["projects"][0]["project_id"].as_str().filter(|id| {
            !id.is_empty() && id.chars().all(|c| c.is_ascii_alphanumeric() || c == '.') && id.chars().any(|c| c != '.')
        });
        match project {
            Some(id) => self.next = Some(LookupStep::Me(id.to_owned())),
            None => self.without_project("the credential sees no project"),
        }
    }

    fn me(&mut self, status: u16, body: &Value) {
        let me = body.get("contributor").unwrap_or(body);
        match me["user_id"].as_u64() {
            Some(id) if status == 200 => {
                self.owner = Some(Owner { user_id: Some(id), name: text(&me["fullname"]), email: text(&me["email"]) });
            }
            _ if status == 403 => self.without_project("reading contributors is not allowed (scope read_contributors)"),
            _ => self.without_project(&format!("the API answered HTTP {status} to contributors/me")),
        }
    }

    /// What is left without a project is for API tokens only.
    fn without_project(&mut self, why: &str) {
        self.unknown_because = Some(why.to_owned());
        if self.kind == CredentialKind::ApiToken {
            self.next = Some(LookupStep::Cards);
        }
    }

    fn cards(&mut self, status: u16, body: &Value) {
        match body["user_id"].as_u64() {
            Some(id) if status == 200 => {
                self.owner = Some(Owner { user_id: Some(id), name: None, email: None });
                self.next = Some(LookupStep::User(id));
            }
            _ => {
                let why = self.unknown_because.take().unwrap_or_default();
                self.unknown_because = Some(format!("{why}, and payment_cards answered HTTP {status}"));
            }
        }
    }

    fn user(&mut self, id: u64, status: u16, body: &Value) {
        let user = body.get("user").unwrap_or(body);
        if status == 200 {
            self.owner = Some(Owner { user_id: Some(id), name: text(&user["fullname"]), email: text(&user["email"]) });
            self.unknown_because = None;
        } else {
            self.unknown_because = Some(format!("the API answered HTTP {status} to users/{id}"));
        }
    }
}

fn text(value: &Value) -> Option<String> {
    value.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
}

fn token_status(status: u16, body: &Value) -> TokenStatus {
    let message = body["error"]["message"].as_str().or_else(|| body["message"].as_str()).unwrap_or_default();
    match status {
        200 if body["projects"].is_array() => TokenStatus::Valid,
        200 => TokenStatus::Unclear(
            status,
            "the answer is not a list of projects; a proxy or login page may have answered".to_owned(),
        ),
        401 if message.contains("expired") => TokenStatus::Expired,
        401 => TokenStatus::Rejected,
        400 if message.contains("X-Api-Token") => TokenStatus::Rejected,
        403 => TokenStatus::Forbidden,
        429 => TokenStatus::Unclear(status, "rate limited".to_owned()),
        500..=599 => TokenStatus::Unclear(status, format!("the server failed (HTTP {status})")),
        _ => TokenStatus::Unclear(status, format!("the API answered HTTP {status}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(kind: CredentialKind, answers: &[(&str, u16, &str)]) -> OwnerLookup {
        let mut lookup = OwnerLookup::new(kind);
        for (path, status, body) in answers {
            assert_eq!(lookup.next().as_deref(), Some(*path));
            lookup.answered(*status, body.as_bytes());
        }
        assert_eq!(lookup.next(), None);
        lookup
    }

    const PROJECTS: (&str, u16, &str) = ("/api2/projects?limit=1", 200, r#"{"projects":[{"project_id":"ab12.34"}]}"#);
    const NONE: (&str, u16, &str) = ("/api2/projects?limit=1", 200, r#"{"projects":[]}"#);

    #[test]
    fn a_project_tells_who_we_are() {
        let me = r#"{"user_id":7,"email":"a@b","fullname":"Ann"}"#;
        let lookup = asked(CredentialKind::OAuth, &[PROJECTS, ("/api2/projects/ab12.34/contributors/me", 200, me)]);
        let owner = Owner { user_id: Some(7), name: Some("Ann".into()), email: Some("a@b".into()) };
        assert_eq!((lookup.token_status, lookup.owner), (Some(TokenStatus::Valid), Some(owner)));
    }

    #[test]
    fn an_api_token_without_a_project_is_found_in_four_requests() {
        let lookup = asked(
            CredentialKind::ApiToken,
            &[
                PROJECTS,
                ("/api2/projects/ab12.34/contributors/me", 404, "{}"),
                ("/api2/payment_cards?limit=1", 200, r#"{"user_id":7,"payment_cards":[]}"#),
                ("/api2/users/7", 200, r#"{"user":{"id":7,"email":"a@b","fullname":"Ann"}}"#),
            ],
        );
        assert_eq!(lookup.owner.and_then(|owner| owner.name).as_deref(), Some("Ann"));
        assert_eq!(lookup.unknown_because, None);
    }

    #[test]
    fn an_oauth_token_without_a_project_stays_unknown() {
        let lookup = asked(CredentialKind::OAuth, &[NONE]);
        assert_eq!((lookup.token_status, lookup.owner), (Some(TokenStatus::Valid), None));
        assert!(lookup.unknown_because.is_some());
    }

    #[test]
    fn an_outage_is_not_an_invalid_token() {
        for (status, body, token_status) in [
            (401, r#"{"error":{"message":"The access token expired","code":401}}"#, TokenStatus::Expired),
            (401, "", TokenStatus::Rejected),
            (400, r#"{"error":{"message":"Invalid `X-Api-Token` header","code":400}}"#, TokenStatus::Rejected),
            (403, "", TokenStatus::Forbidden),
        ] {
            let lookup = asked(CredentialKind::OAuth, &[("/api2/projects?limit=1", status, body)]);
            assert_eq!(lookup.token_status, Some(token_status), "{status} {body}");
        }
        for status in [200, 302, 404, 429, 500, 503] {
            let lookup = asked(CredentialKind::ApiToken, &[("/api2/projects?limit=1", status, "<html>")]);
            assert!(matches!(lookup.token_status, Some(TokenStatus::Unclear(found, _)) if found == status), "{status}");
        }
    }
}
