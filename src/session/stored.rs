//! The credential of a profile: from its store, or printed by its command. A record is used for
//! the profile, the kind and the servers that it was issued for, and for nothing else.

use super::command::command_credential;
use super::{CredentialSource, log_in_again, not_logged_in, profile_flag_for_hint};
use crate::context::Context;
use crate::credential::{Credential, CredentialKind, Record, UnusableRecord};
use crate::error::{Error, Result};
use crate::http::Http;
use crate::names::StoreKind;
use crate::origin::{API_URL, ApiUrl, OAUTH_URL, Origin};
use crate::profile::{ProfileEntry, ProfileName};
use crate::settings::{ProfileRule, Settings};
use crate::shell;
use crate::store::{Store, StoreError};

/// A credential, where it came from, and the store that keeps it.
pub type FoundCredential = (CredentialSource, Credential, Option<Store>);

/// A profile, and what is needed to find its credential.
pub struct StoredProfile<'a> {
    pub context: Context<'a>,
    pub rule: &'a ProfileRule,
    pub profile: &'a ProfileName,
    pub entry: Option<&'a ProfileEntry>,
}

impl StoredProfile<'_> {
    /// Finds the credential. The HTTP client is built while the store answers.
    ///
    /// # Errors
    /// `NotLoggedIn` when no credential exists; `Store` when that cannot be determined.
    pub async fn credential(&self, http: &Http) -> Result<FoundCredential> {
        let kind = self.store_kind()?;
        if let Some(entry) = self.entry {
            check_entry_origin(self.context.settings, self.profile, entry)?;
            if let Some(command) = &entry.command {
                return self.printed_by(command, entry.kind).await;
            }
        }
        let store = self.context.settings.store(kind);
        let reading = store.begin_read(self.profile);
        // An error here is reported by the first request.
        let _ = http.prepare(&self.context.settings.api_url.at(""));
        let text = store.finish_read(reading).await.map_err(|error| error.explain(&store, self.profile))?;
        let Some(text) = text else { return Err(self.missing(&store).await) };
        let record = record_of(&store, self.profile, &text, &self.flag())?;
        check_record_origin(self.context.settings, &record)?;
        if self.entry.is_some_and(|entry| !entry.is_for(record.credential.kind())) {
            let what = format!("the record of profile `{}` is of another kind than profiles.json says", self.profile);
            return Err(Error::store(what).hint(log_in_again(self.context.world, &self.flag())));
        }
        let source = CredentialSource::Store(store.kind.type_name(), store.item_name(self.profile));
        Ok((source, record.credential, Some(store)))
    }

    /// The profile's store. A record may outlive its entry in `profiles.json`; then a store is read only if it is named.
    fn store_kind(&self) -> Result<StoreKind> {
        let settings = self.context.settings;
        match (self.entry, &settings.store_flag) {
            (Some(entry), Some(flag)) if *flag != entry.store => {
                Err(Error::usage(format!("profile `{}` is kept in another store: {}", self.profile, entry.store))
                    .hint("leave --store out; it is for `login` and `token set`"))
            }
            (Some(entry), _) => Ok(entry.store.clone()),
            (None, flag) => {
                flag.clone().or_else(|| settings.store_variable.clone()).ok_or_else(|| self.not_logged_in())
            }
        }
    }

    async fn printed_by(&self, command: &[String], kind: CredentialKind) -> Result<FoundCredential> {
        let credential = command_credential(self.context, command, kind, &self.flag()).await?;
        let program = command.first().cloned().unwrap_or_default();
        Ok((CredentialSource::Command(program), credential, None))
    }

    /// The error where the store has no record. Some stores hide their records while they are locked.
    async fn missing(&self, store: &Store) -> Error {
        let Some(entry) = self.entry else { return self.not_logged_in() };
        if let Err(error) = store.confirm_absence(self.profile).await {
            return error.explain(store, self.profile);
        }
        self.not_logged_in().hint(entry.where_looked(&store.title(), &store.item_name(self.profile)))
    }

    fn not_logged_in(&self) -> Error {
        not_logged_in(self.context, self.profile, self.rule)
    }

    fn flag(&self) -> String {
        profile_flag_for_hint(self.profile, self.rule)
    }
}

/// Reads a record. One that cannot be read is reported, never removed.
pub fn record_of(store: &Store, profile: &ProfileName, text: &str, words: &str) -> Result<Record> {
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

/// Refuses a record that was issued for other servers.
pub fn check_record_origin(settings: &Settings, record: &Record) -> Result<()> {
    check_origin(settings, &record.profile, &record.api_origin, &record.oauth_origin, record.credential.kind())
}

fn check_entry_origin(settings: &Settings, profile: &ProfileName, entry: &ProfileEntry) -> Result<()> {
    let (api, oauth) = (Origin::recorded(&entry.api_url), Origin::recorded(&entry.oauth_url));
    check_origin(settings, profile, &api, &oauth, entry.kind)
}

/// Refuses a credential that was issued for other origins.
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
        // The record may come from elsewhere: only what can be a base URL is repeated in a command.
        let error = match ApiUrl::parse(recorded.as_str()) {
            Ok(_) if default.strip_suffix(path) == Some(&format!("{recorded}/")) => {
                error.hint(format!("`{}`", shell::unset(variable)))
            }
            Ok(_) => error.hint(format!(
                "`{}` is where Lokalise was then",
                shell::export(variable, &format!("{recorded}/{path}"))
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
        // Both variables have to be changed; the hint about another profile is the same.
        (Some(mut error), Some(other)) => {
            let at = error.hints.len() - 1;
            error.hints.splice(at..at, other.hints.into_iter().take(at));
            Err(error)
        }
    }
}
