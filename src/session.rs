//! The credential in force: found by a fixed order of rules, renewed when it
//! is stale, by one process at a time. No failure here changes what is stored.

mod command;
pub mod refresh;
mod refresh_failure;
pub mod save;
mod variable;

use std::time::{Instant, SystemTime};

use reqwest::header::{HeaderName, HeaderValue};

use crate::context::Context;
use crate::credential::{Credential, CredentialKind, OAuth, Record, UnusableRecord};
use crate::error::{Error, ErrorKind, Result};
use crate::http::Http;
use crate::names::StoreKind;
use crate::origin::{API_URL, ApiUrl, OAUTH_URL, Origin};
use crate::profile::{ProfileEntry, ProfileName};
use crate::settings::{ProfileRule, Settings};
use crate::store::{Store, StoreError};
use crate::world::World;

pub use command::{command_credential, command_words};
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

/// Where a credential is sought: the rule, the profile, and what is known without opening a store.
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
    /// When this run set out, by the clock that records are dated with.
    began: SystemTime,
    /// When the token may be renewed again.
    not_before: Option<Instant>,
}

impl<'w> Session<'w> {
    /// Finds the credential in force. A stored one is read while the HTTP client is being built.
    ///
    /// # Errors
    /// `NotLoggedIn` when there is none; `Store` when that cannot be told.
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
            (_, Some(profile)) => stored(context, http, &rule, profile, entry.as_ref()).await?,
            (_, None) => unreachable!("only a token variable stands in for a profile"),
        };
        context.world.step(&format!("using the {} from {}", credential.kind().words(), source.parts().1));
        let not_before = None;
        let mut session = Self { context, http, rule, profile, source, entry, credential, store, began, not_before };
        if session.store.is_none() && session.refreshable() {
            session.pause(); // minted this moment
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

    pub fn oauth(&self) -> Option<&OAuth> {
        match &self.credential {
            Credential::OAuth(oauth) => Some(oauth),
            Credential::ApiToken(_) => None,
        }
    }

    /// What the credential may do, where it is known.
    pub fn scopes(&self) -> Option<&[String]> {
        self.oauth()?.scopes.as_deref()
    }

    /// Whether `login --read-only` or `token set --read-only` bound the profile to reading.
    pub fn read_only(&self) -> bool {
        self.entry.as_ref().is_some_and(|entry| entry.read_only)
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

/// ` --profile NAME`, for hints. Nothing for the profile `default` where nothing else was said: it is
/// then what the command means without it. Chosen by a flag, a variable or a folder it is not, elsewhere.
pub fn profile_flag_for_hint(profile: &ProfileName, rule: &ProfileRule) -> String {
    if *profile == ProfileName::default() && matches!(rule, ProfileRule::Default | ProfileRule::Chosen) {
        String::new()
    } else {
        format!(" --profile {profile}")
    }
}

/// Adds the line that gives a step of GitHub Actions its token, as it stands in the workflow.
pub fn for_github_actions(error: Error) -> Error {
    error.hint("give the step a token; under its `env:`").hint("LOKALISE_API_TOKEN: ${{ secrets.LOKALISE_API_TOKEN }}")
}

/// The error for "there is no credential", with the way on that works here.
pub fn not_logged_in(world: &World, profile: &ProfileName, rule: &ProfileRule) -> Error {
    let words = profile_flag_for_hint(profile, rule);
    let what = if words.is_empty() {
        "not logged in to Lokalise".to_owned()
    } else {
        format!("not logged in to Lokalise with profile `{profile}`")
    };
    let error = Error::new(ErrorKind::NotLoggedIn, what);
    if world.switch("GITHUB_ACTIONS") {
        return for_github_actions(error);
    }
    if world.asked_for_silence() {
        return error.hint("set LOKALISE_API_TOKEN");
    }
    error.hint(format!("log in with `lokalise-auth login{words}`, or set LOKALISE_API_TOKEN"))
}

/// The credential of a profile: from its store, or printed by its command.
async fn stored(
    context: Context<'_>,
    http: &Http,
    rule: &ProfileRule,
    profile: &ProfileName,
    entry: Option<&ProfileEntry>,
) -> Result<(CredentialSource, Credential, Option<Store>)> {
    let words = profile_flag_for_hint(profile, rule);
    let kind = match (entry, &context.settings.store_flag) {
        (Some(entry), None) => entry.store.clone(),
        (Some(entry), Some(flag)) if *flag == entry.store => entry.store.clone(),
        (Some(entry), Some(_)) => {
            return Err(Error::usage(format!("profile `{profile}` is kept in another store: {}", entry.store))
                .hint("leave --store out; it is for `login` and `token set`"));
        }
        // A record may outlive its entry in the list of profiles; only a store that was named is looked into.
        (None, Some(flag)) => flag.clone(),
        (None, None) => match &context.settings.store_variable {
            Some(named) => named.clone(),
            None => return Err(unknown_profile(context.world, rule, profile)),
        },
    };
    if let Some(entry) = entry {
        check_origin(
            context.settings,
            profile,
            &Origin::recorded(&entry.api_url),
            &Origin::recorded(&entry.oauth_url),
            entry.kind,
        )?;
        if let Some(command) = &entry.command {
            let credential = command_credential(context, command, entry.kind, &words).await?;
            let program = command.first().cloned().unwrap_or_default();
            return Ok((CredentialSource::Command(program), credential, None));
        }
    }
    let store = context.settings.store(kind);
    let reading = store.begin_read(profile);
    // While the store answers. What is wrong here matters to the first request alone.
    let _ = http.prepare(&context.settings.api_url.at(""));
    let text = store.finish_read(reading).await.map_err(|error| error.explain(&store, profile))?;
    let Some(text) = text else {
        // Some helpers say "not found" when they are locked; where a record should be, that is worth a second look.
        if entry.is_some() && matches!(store.kind, StoreKind::Helper(_)) {
            store.probe().await.map_err(|error| error.explain(&store, profile))?;
        }
        return Err(unknown_profile(context.world, rule, profile));
    };
    let record = record_of(&store, profile, &text, &words)?;
    check_origin(context.settings, profile, &record.api_origin, &record.oauth_origin, record.credential.kind())?;
    if entry.is_some_and(|entry| !entry.is_for(record.credential.kind())) {
        return Err(Error::store(format!(
            "the record of profile `{profile}` is of another kind than profiles.json says"
        ))
        .hint(log_in_again(context.world, &words)));
    }
    Ok((CredentialSource::Store(store.kind.type_name(), store.item_name(profile)), record.credential, Some(store)))
}

/// How a login is replaced that is good no more. Where nobody may be asked, it is not.
pub fn log_in_again(world: &World, profile_flag: &str) -> String {
    if world.asked_for_silence() {
        "set LOKALISE_API_TOKEN, or log in again where somebody is there to do it".to_owned()
    } else {
        format!("log in again with `lokalise-auth login{profile_flag}`")
    }
}

/// What to do about a refused token that a command prints.
pub fn command_hint(program: &str) -> String {
    format!("`{program}` prints this token: put a new one where it reads from")
}

fn unknown_profile(world: &World, rule: &ProfileRule, profile: &ProfileName) -> Error {
    let error = not_logged_in(world, profile, rule);
    match rule {
        ProfileRule::Folder(path) => error.hint(format!("the profile was chosen by {}", path.display())),
        ProfileRule::Variable => error.hint("the profile was chosen by LOKALISE_PROFILE"),
        _ => error,
    }
}

/// Reads a record. One that cannot be read is reported, never removed.
fn record_of(store: &Store, profile: &ProfileName, text: &str, words: &str) -> Result<Record> {
    Record::from_text(text, profile).map_err(|why| {
        let mut error = StoreError::Corrupt(why.to_string()).explain(store, profile);
        if why == UnusableRecord::Newer {
            error.hints = vec![format!(
                "nothing was changed; use that version, or log in again with this one: `lokalise-auth login{words}`"
            )];
        }
        error
    })
}

/// A record is for the origins that it was issued for, and for no other.
fn check_origin(
    settings: &Settings,
    profile: &ProfileName,
    api: &Origin,
    oauth: &Origin,
    kind: CredentialKind,
) -> Result<()> {
    let mismatch = |variable: &str, default: &str, recorded: &Origin, now: &Origin| {
        let error = Error::usage(format!(
            "the credential of profile `{profile}` is for {recorded}, not for {now}; nothing was sent"
        ));
        let (_, path) = default.rsplit_once('/').expect("a constant URL with a path");
        // The record may be anybody's: only what can be a base URL is repeated in a command.
        let error = match ApiUrl::parse(recorded.as_str()) {
            Ok(_) if default.strip_suffix(path) == Some(&format!("{recorded}/")) => {
                error.hint(format!("`unset {variable}`"))
            }
            Ok(_) => error.hint(format!(
                "`export {variable}={}` is where Lokalise was then",
                shell_words::quote(&format!("{recorded}/{path}"))
            )),
            Err(_) => error,
        };
        error.hint(format!("to log in to {now}, choose another profile: `lokalise-auth login --profile NAME`"))
    };
    let (api_now, oauth_now) = (settings.api_url.origin(), settings.oauth_url.origin());
    let of_api = (*api != api_now).then(|| mismatch("LOKALISE_API_URL", API_URL, api, &api_now));
    let is_elsewhere = kind == CredentialKind::OAuth && *oauth != oauth_now;
    let of_oauth = is_elsewhere.then(|| mismatch("LOKALISE_OAUTH_URL", OAUTH_URL, oauth, &oauth_now));
    match (of_api, of_oauth) {
        (None, None) => Ok(()),
        (Some(error), None) | (None, Some(error)) => Err(error),
        // Both variables have to be put right; the way to another profile is the same.
        (Some(mut error), Some(other)) => {
            let at = error.hints.len() - 1;
            error.hints.splice(at..at, other.hints.into_iter().take(at));
            Err(error)
        }
    }
}
