//! What `whoami` shows: one report in two forms, and the words for owners and times
//! that other commands use too.

use std::fmt::Write;
use std::time::{Duration, UNIX_EPOCH};

use serde_json::{Value, json};

use super::{ApiFindings, CredentialState};
use crate::commands::layout;
use crate::context::Context;
use crate::credential::{CredentialKind, LAST_SECOND};
use crate::error::Error;
use crate::escape;
use crate::profile::Owner;
use crate::secret::{hint_of, without_secrets};
use crate::session::Session;
use crate::settings::{ProfileRule, Settings};

/// The report, in the order of its JSON keys.
pub(super) struct Report {
    profile: Option<String>,
    profile_rule: String,
    kind: Option<CredentialKind>,
    source: Option<(&'static str, String)>,
    /// The whole command of `token set --from-command`, for people.
    command: Option<String>,
    api_url: String,
    owner: Option<Owner>,
    owner_unknown_because: Option<String>,
    scopes: Option<Vec<String>>,
    expires_at: Option<u64>,
    expires_in: Option<u64>,
    refreshable: bool,
    read_only: bool,
    call_only: bool,
    state: CredentialState,
    state_reason: Option<String>,
    token_hint: Option<String>,
}

impl Report {
    /// A report with what is always known; the rest is empty.
    fn new(settings: &Settings, profile_rule: String, state: CredentialState) -> Self {
        Self {
            profile: None,
            profile_rule,
            kind: None,
            source: None,
            command: None,
            api_url: settings.api_url.to_string(),
            owner: None,
            owner_unknown_because: state.hides_the_owner().map(str::to_owned),
            scopes: None,
            expires_at: None,
            expires_in: None,
            refreshable: false,
            read_only: false,
            call_only: false,
            state,
            state_reason: None,
            token_hint: None,
        }
    }

    pub(super) fn of(context: Context<'_>, session: &Session<'_>, found: &ApiFindings) -> Self {
        let (kind, name) = session.source.parts();
        let oauth = session.oauth();
        let command = session.entry.as_ref().and_then(|entry| entry.command.as_ref());
        Self {
            profile: session.profile.as_ref().map(ToString::to_string),
            kind: Some(session.credential().kind()),
            source: Some((kind, name.to_owned())),
            command: command.map(|words| without_secrets(&shell_words::join(words))),
            owner: found.owner.clone(),
            owner_unknown_because: found.owner_unknown_because.clone(),
            scopes: session.scopes().map(<[String]>::to_vec),
            expires_at: oauth.and_then(|oauth| oauth.expires_at),
            expires_in: oauth.and_then(|oauth| oauth.left(context.world.now())).map(|left| left.as_secs()),
            refreshable: session.refreshable(),
            read_only: session.read_only(),
            call_only: session.call_only(),
            state_reason: found.reason.clone(),
            token_hint: hint_of(session.credential().token()),
            ..Self::new(context.settings, session.rule.describe(), found.state)
        }
    }

    pub(super) fn without_credential(
        settings: &Settings,
        profile: Option<String>,
        profile_rule: String,
        error: &Error,
    ) -> Self {
        let report = Self::new(settings, profile_rule, CredentialState::NotLoggedIn);
        Self { profile, state_reason: Some(error.to_string()), ..report }
    }

    /// A credential of variables from which no token was minted.
    pub(super) fn not_minted(settings: &Settings, rule: &ProfileRule, found: &ApiFindings) -> Self {
        let name = rule.describe();
        Self {
            kind: Some(CredentialKind::OAuth),
            source: Some(("variable", name.clone())),
            owner_unknown_because: found.owner_unknown_because.clone(),
            refreshable: true,
            state_reason: found.reason.clone(),
            ..Self::new(settings, name, found.state)
        }
    }

    pub(super) fn to_json(&self) -> Value {
        json!({
            "schema_version": 1,
            "profile": self.profile,
            "profile_rule": self.profile_rule,
            "kind": self.kind,
            "source": self.source.as_ref().map(|(kind, name)| json!({"type": kind, "name": name})),
            "api_url": self.api_url,
            "owner": self.owner,
            "owner_unknown_because": self.owner_unknown_because,
            "scopes": self.scopes,
            "expires_at": self.expires_at.map(timestamp),
            "expires_in": self.expires_in,
            "refreshable": self.refreshable,
            "read_only": self.read_only,
            "call_only": self.call_only,
            "state": self.state.as_str(),
            "state_reason": self.state_reason,
            "token_hint": self.token_hint,
        })
    }

    /// The report for people. On a terminal, `columns` is its width, at which the list of scopes is wrapped.
    pub(super) fn to_text(&self, color: bool, columns: Option<usize>) -> String {
        let mut text = String::new();
        let mut line = |name: &str, value: &str| {
            writeln!(text, "{name:11} {}", escape::line(value)).expect("a string takes all text");
        };
        if let Some(profile) = &self.profile {
            line("profile", &format!("{profile} (chosen by: {})", self.profile_rule));
        }
        if let (Some(kind), Some((place, name))) = (self.kind, &self.source) {
            line("credential", &format!("{} from {place} {name}", kind.as_str()));
        }
        if let Some(command) = &self.command {
            line("command", command);
        }
        line("api", &self.api_url);
        match (&self.owner, &self.owner_unknown_because) {
            (Some(owner), _) => line("owner", &owner_words(owner)),
            (None, Some(why)) => line("owner", &format!("unknown: {why}")),
            (None, None) => {}
        }
        if self.kind == Some(CredentialKind::OAuth) {
            let scopes = self.scopes.as_ref().map_or_else(|| "not known yet".to_owned(), |scopes| scopes.join(" "));
            let room = columns.map_or(usize::MAX, |columns| columns.saturating_sub(12).max(20));
            for (at, scopes) in layout::wrapped(&scopes, room).iter().enumerate() {
                line(if at == 0 { "scopes" } else { "" }, scopes);
            }
            let renewed = match self.state {
                CredentialState::Rejected => "",
                _ if self.refreshable => ", then renewed automatically",
                _ => ", cannot be renewed",
            };
            match (self.expires_at, self.expires_in) {
                (Some(end), Some(0)) => line("expires", &format!("{} (over){renewed}", timestamp(end))),
                (Some(end), Some(left)) => {
                    line("expires", &format!("{} (in {}){renewed}", timestamp(end), span(Duration::from_secs(left))));
                }
                _ => line("expires", "not known"),
            }
        } else if self.kind.is_some() {
            line("expires", "never");
        }
        if self.read_only {
            line("read-only", "yes: `call` refuses to write");
        }
        if self.call_only {
            line("call-only", "yes: `token print` and `exec` refuse");
        }
        if let Some(hint) = &self.token_hint {
            line("token", &format!("…{hint}"));
        }
        // `not-logged-in` needs no reason.
        let reason = self.state_reason.as_ref().filter(|_| self.state != CredentialState::NotLoggedIn);
        let reason = reason.map_or_else(String::new, |reason| format!(" ({reason})"));
        let state = self.state.tone().paint(self.state.as_str(), color);
        writeln!(text, "{:11} {state}{}", "state", escape::line(&reason)).expect("a string takes all text");
        text
    }
}

/// The owner in one phrase.
pub fn owner_words(owner: &Owner) -> String {
    let id = owner.user_id.map(|id| format!("user {id}"));
    match (&owner.name, &owner.email, id) {
        (Some(name), Some(email), _) => format!("{name} <{email}>"),
        (Some(one), None, _) | (None, Some(one), _) => one.clone(),
        (None, None, id) => id.unwrap_or_else(|| "an unknown user".to_owned()),
    }
}

/// RFC 3339, UTC, whole seconds.
pub fn timestamp(seconds: u64) -> String {
    // Later than the year 9999 is no date; a record cannot hold one, but a file can.
    humantime::format_rfc3339_seconds(UNIX_EPOCH + Duration::from_secs(seconds.min(LAST_SECOND))).to_string()
}

/// A length of time as people say it: `52 min`, `3 h 5 min`, `40 s`.
pub fn span(time: Duration) -> String {
    let seconds = time.as_secs();
    match (seconds / 3600, seconds / 60 % 60) {
        (0, 0) => format!("{seconds} s"),
        (0, minutes) => format!("{minutes} min"),
        (hours, 0) => format!("{hours} h"),
        (hours, minutes) => format!("{hours} h {minutes} min"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_as_people_say_them() {
        assert_eq!(timestamp(0), "1970-01-01T00:00:00Z");
        for (seconds, words) in
            [(0, "0 s"), (59, "59 s"), (60, "1 min"), (3119, "51 min"), (3600, "1 h"), (11_100, "3 h 5 min")]
        {
            assert_eq!(span(Duration::from_secs(seconds)), words);
        }
        assert_eq!(timestamp(u64::MAX), "9999-12-31T23:59:59Z");
    }
}
