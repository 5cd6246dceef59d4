//! The credential in force: found by a fixed order of rules, renewed when it
//! is stale, by one process at a time. No failure here changes what is stored.

mod command;
mod login_hints;
mod nothing_in_force;
pub mod refresh;
mod refresh_failure;
pub mod save;
mod stored;
mod token_request;
mod token_text;
mod variable;

use std::time::{Instant, SystemTime};

use reqwest::header::{HeaderName, HeaderValue};

use crate::context::Context;
use crate::credential::{Credential, CredentialKind, OAuth};
use crate::error::{Error, Result};
use crate::http::Http;
use crate::origin::ApiUrl;
use crate::profile::{ProfileEntry, ProfileName};
use crate::settings::ProfileRule;
use crate::store::Store;

use stored::StoredProfile;

pub use command::{command_credential, command_words, no_shell_hint};
pub use login_hints::{command_hint, for_github_actions, known_profiles, log_in_again, not_logged_in, ways};
pub use variable::{renewal_of_variables, secret_file};

/// Where a credential came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CredentialSource {
    Variable(&'static str),
    /// Type (`keyring`, `file`, `helper`) and the item's name.
    Store(&'static str, String),
    /// The program of `token set --from-command`.
    Command(String),
}

impl CredentialSource {
    /// `source.type` and `source.name` in reports.
    pub fn parts(&self) -> (&'static str, &str) {
        match self {
            Self::Variable(name) => ("variable", name),
            Self::Store(kind, name) => (kind, name),
            Self::Command(name) => ("command", name),
        }
    }
}

/// Where a credential is looked for: the rule, the profile, and what is known without opening a store.
pub struct CredentialChoice {
    pub rule: ProfileRule,
    /// `None` while a token variable is in force.
    pub profile: Option<ProfileName>,
    pub entry: Option<ProfileEntry>,
}

impl CredentialChoice {
    /// Applies the rules in their order: flag, token variable, `LOKALISE_PROFILE`, folder, `profile use`, `default`.
    pub fn make(context: Context<'_>) -> Result<Self> {
        if let Some(name) = context.settings.token_variable(context.world)? {
            return Ok(Self { rule: ProfileRule::TokenVariable(name), profile: None, entry: None });
        }
        let profiles = context.settings.profiles()?;
        let (profile, rule) = context.settings.profile(context.world, &profiles)?;
        let entry = profiles.entries.get(&profile).cloned();
        Ok(Self { rule, profile: Some(profile), entry })
    }

    /// Refuses to hand out the token of a profile that is only for `call` and `whoami`.
    ///
    /// # Errors
    /// Usage; `command` is the command that is refused.
    pub fn refuse_call_only(&self, command: &str) -> Result<()> {
        let Some(profile) = self.profile.as_ref().filter(|_| self.entry.as_ref().is_some_and(|entry| entry.call_only))
        else {
            return Ok(());
        };
        Err(Error::usage(format!(
            "`{command}` does not hand out the token of profile `{profile}`: it is for calls only"
        ))
        .hint(format!("make the request with `lokalise-auth call --profile {profile}`"))
        .hint(format!("`lokalise-auth logout --profile {profile}` removes the credential and this limit")))
    }
}

/// The credential of one run.
pub struct Session<'w> {
    context: Context<'w>,
    http: &'w Http,
    pub rule: ProfileRule,
    pub profile: Option<ProfileName>,
    pub source: CredentialSource,
    pub entry: Option<ProfileEntry>,
    credential: Credential,
    store: Option<Store>,
    /// When this run started, by the clock that dates records.
    began: SystemTime,
    /// When the token may be renewed again.
    not_before: Option<Instant>,
}

impl<'w> Session<'w> {
    /// Finds the credential in force. A stored one is read while the HTTP client is being built.
    ///
    /// # Errors
    /// `NotLoggedIn` when no credential exists; `Store` when that cannot be determined.
    pub async fn open(context: Context<'w>, http: &'w Http) -> Result<Self> {
        let choice = CredentialChoice::make(context)?;
        Self::of_choice(context, http, choice).await
    }

    /// As [`Session::open`], for a choice that is made already.
    pub async fn of_choice(context: Context<'w>, http: &'w Http, choice: CredentialChoice) -> Result<Self> {
        let CredentialChoice { rule, profile, entry } = choice;
        let began = context.world.now();
        let (source, credential, store) = match (&rule, &profile) {
            (ProfileRule::TokenVariable(name), _) => {
                (CredentialSource::Variable(name), variable::credential(context, http, name).await?, None)
            }
            (rule, Some(profile)) => {
                StoredProfile { context, rule, profile, entry: entry.as_ref() }.credential(http).await?
            }
            (_, None) => unreachable!("without a token variable there is a profile"),
        };
        context.world.step(&format!("using the {} from {}", credential.kind().words(), source.parts().1));
        let not_before = None;
        let mut session = Self { context, http, rule, profile, source, entry, credential, store, began, not_before };
        if session.store.is_none() && session.refreshable() {
            session.pause(); // the token was minted a moment ago
        }
        Ok(session)
    }

    pub fn credential(&self) -> &Credential {
        &self.credential
    }

    /// The one header that authenticates a request, marked sensitive.
    pub fn header(&self) -> (HeaderName, HeaderValue) {
        self.credential.header()
    }

    /// The API root that the credential may be sent to.
    pub fn api_url(&self) -> &ApiUrl {
        &self.context.settings.api_url
    }

    pub fn is_oauth(&self) -> bool {
        self.credential.kind() == CredentialKind::OAuth
    }

    /// How long the API token is, if the credential is one.
    pub fn api_token_length(&self) -> Option<usize> {
        match &self.credential {
            Credential::ApiToken(token) => Some(token.expose().len()),
            Credential::OAuth(_) => None,
        }
    }

    pub fn oauth(&self) -> Option<&OAuth> {
        match &self.credential {
            Credential::OAuth(oauth) => Some(oauth),
            Credential::ApiToken(_) => None,
        }
    }

    /// What the credential allows, if that is known.
    pub fn scopes(&self) -> Option<&[String]> {
        self.oauth()?.scopes.as_deref()
    }

    /// Whether `login --read-only` or `token set --read-only` bound the profile to reading.
    pub fn read_only(&self) -> bool {
        self.entry.as_ref().is_some_and(|entry| entry.read_only)
    }

    /// Whether `login --call-only` or `token set --call-only` bound the profile to `call` and `whoami`.
    pub fn call_only(&self) -> bool {
        self.entry.as_ref().is_some_and(|entry| entry.call_only)
    }

    /// Whether an access token that ends can be replaced by a new one.
    pub fn refreshable(&self) -> bool {
        self.oauth().is_some_and(|oauth| oauth.renewal.is_some())
    }

    /// The `--profile NAME` that a pasted hint needs, with a space before it; see [`profile_flag_for_hint`].
    pub fn profile_flag_for_hint(&self) -> String {
        self.profile.as_ref().map_or_else(String::new, |profile| profile_flag_for_hint(profile, &self.rule))
    }
}

/// ` --profile NAME`, for hints. It is empty for the profile `default` where no flag, variable or folder chose it: the
/// command then means that profile anyway.
pub fn profile_flag_for_hint(profile: &ProfileName, rule: &ProfileRule) -> String {
    if *profile == ProfileName::default() && matches!(rule, ProfileRule::Default | ProfileRule::Chosen) {
        String::new()
    } else {
        format!(" --profile {profile}")
    }
}
