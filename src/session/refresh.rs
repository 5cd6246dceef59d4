//! The refresh of a stored token: lock, read again, decide, send the request, and replace the record
//! that was read. Even if many processes find the token stale, one of them sends the request and the
//! others use its result.

use std::time::{Duration, Instant};

use zeroize::Zeroizing;

use super::refresh_failure::Attempt;
use super::stored::{check_record_origin, record_of};
use super::token_request::request_refresh;
use super::variable::mint;
use super::{CredentialSource, Session, log_in_again, not_logged_in};
use crate::credential::{Credential, OAuth, Record, unix};
use crate::error::{Error, ErrorKind, Result};
use crate::files::{lock, private};
use crate::profile::ProfileName;
use crate::secret::digest;

/// Why a new token is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefreshReason {
    /// It has ended or is about to.
    Stale,
    /// The API refused it although it should be valid.
    Refused,
    /// `token refresh`
    Asked,
}

/// The result of a renewal.
#[derive(Debug)]
pub enum RefreshOutcome {
    /// A new token is in force. It is stored if the credential is a stored one.
    Renewed,
    /// Another process renewed it in the meantime.
    Overtaken,
    /// A new token is in force for this run, but the store did not take it.
    NotStored(Error),
}

/// How long a run waits before it repeats a renewal that failed.
const RENEWAL_RETRY_DELAY: Duration = Duration::from_secs(10);

/// A token with at least this much time left is still used when its refresh fails temporarily.
const MIN_TIME_LEFT: Duration = Duration::from_secs(30);

impl Session<'_> {
    /// Renews a stale OAuth token. If that fails and the old token still has time left, it stays in use.
    pub async fn fresh(&mut self) -> Result<()> {
        let now = self.context.world.now();
        let Some(oauth) = self.oauth() else { return Ok(()) };
        if !oauth.stale(now) || oauth.renewal.is_none() || !self.may_renew() {
            return Ok(());
        }
        let time_left = oauth.left(now).is_some_and(|left| !left.is_zero());
        match self.renew(RefreshReason::Stale).await {
            Ok(outcome) => {
                self.say_if_not_stored(&outcome);
                Ok(())
            }
            Err(error) if time_left && error.kind != ErrorKind::NotLoggedIn => {
                self.not_before = Some(Instant::now() + RENEWAL_RETRY_DELAY);
                self.context.world.step(&format!("{error}; the old token is still valid"));
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// After a 401: one renewal, so that the request can be replayed once. `false` when
    /// there is nothing to renew, or it was renewed a moment ago.
    pub async fn renewed_after_401(&mut self) -> Result<bool> {
        if let CredentialSource::Command(_) = self.source {
            return self.token_replaced_at_its_source().await;
        }
        if !self.refreshable() || !self.may_renew() {
            return Ok(false);
        }
        self.context.world.step("the token was refused; renewing it once");
        let outcome = self.renew(RefreshReason::Refused).await?;
        self.say_if_not_stored(&outcome);
        // A token that another process got counts as well: the request is not replayed twice with it either.
        self.pause();
        Ok(true)
    }

    fn may_renew(&self) -> bool {
        self.not_before.is_none_or(|not_before| Instant::now() >= not_before)
    }

    /// Allows no second renewal for half of the token's lifetime, measured with the monotonic clock. A wrong system
    /// clock, or a server whose tokens end at once, must not cause a loop.
    pub(super) fn pause(&mut self) {
        let lifetime = self.oauth().and_then(|oauth| oauth.lifetime).unwrap_or(3600);
        self.not_before = Some(Instant::now() + Duration::from_secs((lifetime / 2).clamp(30, 300)));
    }

    fn say_if_not_stored(&self, outcome: &RefreshOutcome) {
        let RefreshOutcome::NotStored(error) = outcome else { return };
        let way_on = match private::own_home() {
            Err(_) => private::ForeignHome::HINT.to_owned(),
            Ok(()) => format!(
                "log in to a store that can be written: `lokalise-auth login{} --store file`",
                self.profile_flag_for_hint()
            ),
        };
        self.context.world.warn(&format!(
            "the token was renewed for this run only, and the stored login is now out of date ({error}); {way_on}"
        ));
    }

    /// Renews the token of an OAuth credential: under the record's lock if it is stored, in memory if
    /// it was minted for this run.
    ///
    /// # Errors
    /// `NotLoggedIn` when the server refused; otherwise the reason why no new token came. The stored record stays as it was.
    pub async fn renew(&mut self, reason: RefreshReason) -> Result<RefreshOutcome> {
        let (Some(profile), Some(store)) = (self.profile.clone(), &self.store) else {
            return self.minted_anew().await;
        };
        let key = store.record_key(&profile);
        let seen = digest(self.credential.token());
        let lock = match self.lock(key).await {
            Ok(lock) => lock,
            // The holder of the lock may be stuck although its work is done.
            Err(stuck) => return self.adopt_renewed(&profile, &seen).await.ok_or(stuck),
        };
        let (old, mut current) = self.stored_oauth(&profile).await?;
        if digest(current.access_token.expose()) != seen && self.is_good_for(&current, reason) {
            self.credential = Credential::OAuth(current);
            return Ok(RefreshOutcome::Overtaken);
        }
        let Some(renewal) = &current.renewal else { return Err(self.cannot_be_renewed(&current)) };
        let patience = self.patience(reason);
        let attempt = lock.as_ref().map(|lock| Attempt { lock, record: digest(&old), began: self.began, patience });
        if let Some(error) = attempt.as_ref().and_then(Attempt::failed_already) {
            return Err(self.with_way_on(error));
        }
        self.context.world.step("renewing the access token");
        let response = request_refresh(self.context, self.http, renewal, patience, "renewing the token").await;
        match (&response, &attempt) {
            (Ok(_), Some(attempt)) => attempt.clear(),
            (Err(error), Some(attempt)) => attempt.leave(error, self.context.world.now()),
            (_, None) => {}
        }
        current.renew(response.map_err(|error| self.with_way_on(error))?, self.context.world.now());
        self.store_renewed(&profile, &old, current).await
    }

    /// How long a refresh that fails temporarily is retried. While the old token is still valid, it is used instead.
    fn patience(&self, reason: RefreshReason) -> Duration {
        let left = self.oauth().and_then(|oauth| oauth.left(self.context.world.now())).unwrap_or_default();
        if reason == RefreshReason::Stale && left > MIN_TIME_LEFT { Duration::ZERO } else { self.http.refresh_patience }
    }

    fn with_way_on(&self, error: Error) -> Error {
        if error.kind == ErrorKind::NotLoggedIn {
            let again = log_in_again(self.context.world, &self.profile_flag_for_hint());
            error.hint(format!("{again}; what is stored was kept"))
        } else if error.hints.is_empty() {
            error.hint("try again in a minute; nothing was changed")
        } else {
            error
        }
    }

    /// Stores new tokens in place of the record that was renewed. The result of a login or logout that did not wait for us
    /// is newer than that record, so it stays.
    async fn store_renewed(&mut self, profile: &ProfileName, old: &str, renewed: OAuth) -> Result<RefreshOutcome> {
        let record = Record {
            profile: profile.clone(),
            api_origin: self.context.settings.api_url.origin(),
            oauth_origin: self.context.settings.oauth_url.origin(),
            credential: Credential::OAuth(renewed),
        };
        let store = self.store.as_ref().expect("a stored credential has a store");
        let outcome = match store.replace(profile, old, &record.to_text()).await {
            Ok(true) => RefreshOutcome::Renewed,
            Ok(false) => {
                let (_, newer) = self.stored_oauth(profile).await?;
                self.credential = Credential::OAuth(newer);
                return Ok(RefreshOutcome::Overtaken);
            }
            Err(error) => RefreshOutcome::NotStored(error.explain(store, profile)),
        };
        self.credential = record.credential;
        self.pause();
        Ok(outcome)
    }

    /// Whether we can use the token that another process has stored meanwhile. A token that was issued after this run
    /// began is as new as we could get, however short its lifetime is.
    fn is_good_for(&self, stored: &OAuth, reason: RefreshReason) -> bool {
        let since = stored.expires_at.zip(stored.lifetime).map(|(end, lifetime)| end.saturating_sub(lifetime));
        reason != RefreshReason::Stale
            || !stored.stale(self.context.world.now())
            || since.is_some_and(|since| since >= unix(self.began))
    }

    /// Uses the token that another process has stored meanwhile, if it is new and not stale.
    async fn adopt_renewed(&mut self, profile: &ProfileName, seen: &str) -> Option<RefreshOutcome> {
        let (_, stored) = self.stored_oauth(profile).await.ok()?;
        if digest(stored.access_token.expose()) == seen || stored.stale(self.context.world.now()) {
            return None;
        }
        self.credential = Credential::OAuth(stored);
        Some(RefreshOutcome::Overtaken)
    }

    /// Waits for the lock without delaying signals. `None` if this system gives no lock.
    async fn lock(&self, key: lock::RecordKey) -> Result<Option<lock::Lock>> {
        let waited = tokio::task::spawn_blocking(move || lock::of_record(&key)).await;
        match waited.unwrap_or_else(|error| Err(std::io::Error::other(error))) {
            Ok(lock) => Ok(Some(lock)),
            Err(error) if error.kind() == std::io::ErrorKind::TimedOut => {
                Err(Error::network("another lokalise-auth is renewing the token and has not finished in 30 s")
                    .hint("try again; if it is stuck, end that process: nothing was changed"))
            }
            Err(error) => {
                self.context.world.step(&format!("no lock can be had ({error}); renewing the token without one"));
                Ok(None)
            }
        }
    }

    /// The stored OAuth credential as it is now, and the text that it was read from.
    async fn stored_oauth(&self, profile: &ProfileName) -> Result<(Zeroizing<String>, OAuth)> {
        let store = self.store.as_ref().expect("a stored credential has a store");
        let text = store.read(profile).await.map_err(|error| error.explain(store, profile))?;
        // Another process logged out. That is final.
        let text = text.ok_or_else(|| not_logged_in(self.context, profile, &self.rule))?;
        let record = record_of(store, profile, &text, &self.profile_flag_for_hint())?;
        check_record_origin(self.context.settings, &record)?;
        match record.credential {
            Credential::OAuth(oauth) => Ok((text, oauth)),
            Credential::ApiToken(_) => {
                Err(Error::new(ErrorKind::NotLoggedIn, format!("profile `{profile}` now holds an API token"))
                    .hint("run the command again"))
            }
        }
    }

    /// Renews a token that is only in memory.
    async fn minted_anew(&mut self) -> Result<RefreshOutcome> {
        let Some(renewal) = self.oauth().and_then(|oauth| oauth.renewal.as_ref()) else {
            return Err(Error::usage("only a login can be renewed"));
        };
        let response = mint(self.context, self.http, renewal).await?;
        if let Credential::OAuth(oauth) = &mut self.credential {
            oauth.renew(response, self.context.world.now());
        }
        self.pause();
        Ok(RefreshOutcome::Renewed)
    }

    fn cannot_be_renewed(&self, oauth: &OAuth) -> Error {
        let is_valid = oauth.left(self.context.world.now()).is_none_or(|left| !left.is_zero());
        let what = if is_valid {
            "this login has no refresh token, so it cannot be renewed"
        } else {
            "the access token has ended, and there is no refresh token to renew it with"
        };
        Error::new(ErrorKind::NotLoggedIn, what).hint(log_in_again(self.context.world, &self.profile_flag_for_hint()))
    }
}
