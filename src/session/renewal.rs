//! Renewal: lock, read again, decide, refresh, read once more, write. However many
//! processes find the token stale, one of them asks and the others use its answer.

use serde::{Deserialize, Serialize};

use super::{Session, not_logged_in, profile_words, record_of};
use crate::credential::{Credential, OAuth, Record, unix};
use crate::error::{Error, ErrorKind, Result};
use crate::http::token_error;
use crate::oauth::token::{Grant, TokenError};
use crate::profile::ProfileName;
use crate::store::lock;

/// Why a new token is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// It has ended or is about to.
    Stale,
    /// The API refused it although it should be good.
    Refused,
    /// `token refresh`
    Asked,
}

/// What came of a renewal.
#[derive(Debug)]
pub enum Outcome {
    /// A new token is in force and stored.
    Renewed,
    /// Another process renewed it in the meantime.
    Overtaken,
    /// A new token is in force for this run, but the store did not take it.
    NotStored(Error),
}

impl Session<'_> {
    /// Renews a stale OAuth token, at most once a run. Where that fails and the old
    /// token still has time left, it stays in use.
    pub async fn fresh(&mut self) -> Result<()> {
        let now = self.world.now();
        let Some(oauth) = self.oauth() else { return Ok(()) };
        if self.renewed || !oauth.stale(now) || oauth.renewal.is_none() {
            return Ok(());
        }
        let time_left = oauth.left(now).is_some_and(|left| !left.is_zero());
        match self.renew(Reason::Stale).await {
            Ok(Outcome::NotStored(error)) => {
                self.say_not_stored(&error);
                Ok(())
            }
            Ok(_) => Ok(()),
            Err(error) if time_left && error.kind != ErrorKind::NotLoggedIn => {
                self.renewed = true;
                self.world.step(&format!("{error}; the old token is still good"));
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// After a 401: one renewal, so that the request can be replayed once. `false` when
    /// there is nothing to renew, or it was renewed in this run already.
    pub async fn renewed_after_401(&mut self) -> Result<bool> {
        if self.renewed || !self.refreshable() || self.vault.is_none() {
            return Ok(false);
        }
        self.world.step("the token was refused; renewing it once");
        match self.renew(Reason::Refused).await? {
            Outcome::NotStored(error) => self.say_not_stored(&error),
            Outcome::Renewed | Outcome::Overtaken => {}
        }
        Ok(true)
    }

    fn say_not_stored(&self, error: &Error) {
        self.world.warn(&format!(
            "the token was renewed for this run only, and the stored login is now out of date ({error}); log in to a store that can be written: `lokalise-auth login{} --store file`",
            self.profile_words()
        ));
    }

    /// Renews the token of a stored OAuth credential.
    ///
    /// # Errors
    /// `NotLoggedIn` when the server refused; else why there is no new token. What is stored stays as it was.
    pub async fn renew(&mut self, reason: Reason) -> Result<Outcome> {
        let (Some(profile), Some(vault)) = (self.profile.clone(), &self.vault) else {
            return Err(Error::usage("only a stored OAuth credential can be renewed"));
        };
        let place = vault.lock_place(&profile);
        let failures = SharedFailure::join(&place);
        let seen = lock::digest(self.credential.token());
        let _lock = match self.lock(place).await {
            Ok(lock) => lock,
            // The holder may be stuck after its work was done.
            Err(stuck) => return self.adopt_renewed(&profile, &seen).await.ok_or(stuck),
        };
        let mut current = self.stored_oauth(&profile).await?;
        let changed = lock::digest(current.access_token.expose()) != seen;
        let still_stale = current.stale(self.world.now());
        if changed && !(reason == Reason::Stale && still_stale) {
            self.adopt(current);
            return Ok(Outcome::Overtaken);
        }
        let Some(renewal) = current.renewal.take() else { return Err(cannot_be_renewed(&profile)) };
        let generation = lock::digest(renewal.refresh_token.expose());
        if let Some(error) = failures.as_ref().and_then(|failures| failures.of(&generation, unix(self.world.now()))) {
            return Err(refused(&error, &profile));
        }
        self.world.step("renewing the access token");
        let grant = Grant::RefreshToken(&renewal.refresh_token);
        let answer = self.http.token(self.world, &self.settings.oauth_url, &grant, &renewal.client).await?;
        let response = answer.map_err(|error| {
            if let Some(failures) = &failures {
                failures.tell(&generation, unix(self.world.now()), &error);
            }
            refused(&error, &profile)
        })?;
        current.renewal = Some(renewal);
        let renewed = current.renewed(response, self.world.now());
        // A login or a logout that did not wait for us is newer than what we were asked to renew.
        let stored = self.stored_oauth(&profile).await?;
        if stored.renewal.as_ref().is_none_or(|renewal| lock::digest(renewal.refresh_token.expose()) != generation) {
            self.adopt(stored);
            return Ok(Outcome::Overtaken);
        }
        let record = Record {
            profile: profile.clone(),
            api_origin: self.settings.api_url.origin(),
            oauth_origin: self.settings.oauth_url.origin(),
            credential: Credential::OAuth(renewed),
        };
        let vault = self.vault.as_ref().expect("checked above");
        let saved = vault.write(&profile, &record.to_text()).await.map_err(|error| error.explain(vault, &profile));
        self.credential = record.credential;
        self.renewed = true;
        Ok(match saved {
            Ok(()) => Outcome::Renewed,
            Err(error) => Outcome::NotStored(error),
        })
    }

    /// Takes over what another process has stored meanwhile, if it is new and good.
    async fn adopt_renewed(&mut self, profile: &ProfileName, seen: &str) -> Option<Outcome> {
        let stored = self.stored_oauth(profile).await.ok()?;
        if lock::digest(stored.access_token.expose()) == seen || stored.stale(self.world.now()) {
            return None;
        }
        self.adopt(stored);
        Some(Outcome::Overtaken)
    }

    fn adopt(&mut self, oauth: OAuth) {
        self.credential = Credential::OAuth(oauth);
        self.renewed = true;
    }

    /// The lock, waited for without holding up signals; `None` where none can be had.
    async fn lock(&self, place: lock::Place) -> Result<Option<lock::Lock>> {
        let waited = tokio::task::spawn_blocking(move || lock::of_record(&place)).await;
        match waited.unwrap_or_else(|error| Err(std::io::Error::other(error))) {
            Ok(lock) => Ok(Some(lock)),
            Err(error) if error.kind() == std::io::ErrorKind::TimedOut => {
                Err(Error::network("another lokalise-auth is renewing the token and has not finished in 30 s")
                    .hint("try again; if it is stuck, end that process: nothing was changed"))
            }
            Err(error) => {
                self.world.warn(&format!("no lock can be had ({error}); renewing the token without one"));
                Ok(None)
            }
        }
    }

    async fn stored_oauth(&self, profile: &ProfileName) -> Result<OAuth> {
        let vault = self.vault.as_ref().expect("a stored credential has a store");
        let text = vault.read(profile).await.map_err(|error| error.explain(vault, profile))?;
        // Logged out by another process: that is final.
        let text = text.ok_or_else(|| not_logged_in(self.world, profile))?;
        match record_of(vault, profile, &text)?.credential {
            Credential::OAuth(oauth) => Ok(oauth),
            Credential::ApiToken(_) => {
                Err(Error::new(ErrorKind::NotLoggedIn, format!("profile `{profile}` now holds an API token"))
                    .hint("run the command again"))
            }
        }
    }
}

fn cannot_be_renewed(profile: &ProfileName) -> Error {
    Error::new(ErrorKind::NotLoggedIn, "the access token has ended, and there is no refresh token to renew it with")
        .hint(format!("log in again with `lokalise-auth login{}`", profile_words(profile)))
}

fn refused(error: &TokenError, profile: &ProfileName) -> Error {
    let said = token_error(error, "renewing the token");
    if matches!(error, TokenError::Rejected { .. }) {
        said.hint(format!("log in again with `lokalise-auth login{}`; what is stored was kept", profile_words(profile)))
    } else {
        said
    }
}

/// A refusal that processes running at the same time share, so that 64 of them do not ask 64 times.
/// It lies beside the lock and holds no secret. A process that is alone does not believe it.
struct SharedFailure {
    path: std::path::PathBuf,
    alone: bool,
}

#[derive(Serialize, Deserialize)]
struct Told {
    generation: String,
    at: u64,
    status: u16,
    error: Option<String>,
    description: Option<String>,
}

impl SharedFailure {
    /// `None` where the files cannot be had: then every process asks for itself.
    fn join(place: &lock::Place) -> Option<Self> {
        let path = lock::path_of(place).ok()?;
        let presence = lock::open(&path.with_extension("present")).ok()?;
        let alone = presence.try_lock().is_ok();
        presence.lock_shared().ok()?;
        // Held until the process ends: it shows the next one that somebody is here.
        std::mem::forget(presence);
        Some(Self { path: path.with_extension("refused"), alone })
    }

    /// What another process was just told about the same refresh token.
    fn of(&self, generation: &str, now: u64) -> Option<TokenError> {
        if self.alone {
            return None;
        }
        let told: Told = serde_json::from_slice(&std::fs::read(&self.path).ok()?).ok()?;
        if told.generation != generation || now.abs_diff(told.at) > lock::LONGEST_WAIT.as_secs() {
            return None;
        }
        Some(match (told.error, told.description) {
            (Some(error), description) => {
                TokenError::Rejected { status: told.status, error, description: description.unwrap_or_default() }
            }
            (None, _) => TokenError::NotNow { status: told.status },
        })
    }

    fn tell(&self, generation: &str, now: u64, error: &TokenError) {
        let told = match error {
            TokenError::Rejected { status, error, description } => Told {
                generation: generation.to_owned(),
                at: now,
                status: *status,
                error: Some(error.clone()),
                description: Some(description.clone()),
            },
            TokenError::NotNow { status } => {
                Told { generation: generation.to_owned(), at: now, status: *status, error: None, description: None }
            }
            TokenError::NotUnderstood { .. } => return,
        };
        // Best effort: without it the next process asks for itself.
        let text = serde_json::to_vec(&told).expect("strings and numbers always serialize");
        let _ = crate::store::atomic::replace(&self.path, &text);
    }
}
