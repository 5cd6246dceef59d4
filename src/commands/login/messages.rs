//! What `login` says: before the browser opens, when it is done, and for each way
//! in which it can end otherwise.

use std::time::Duration;

use super::StoredState;
use super::route::{RemoteSession, Route};
use crate::commands::whoami::{owner_words, timestamp};
use crate::credential::Credential;
use crate::error::{Error, ErrorKind, Result};
use crate::http::{TokenRequestFailure, token_error};
use crate::loopback::Redirect;
use crate::oauth::authorization::{AuthorizationRequest, Redirected};
use crate::oauth::token::TokenError;
use crate::profile::{Owner, ProfileName};
use crate::secret::{AuthorizationCode, ClientSecret, without_secrets};
use crate::store::Store;
use crate::world::World;

/// URL first, alone on its line: a browser that does not open must not keep it from the reader.
pub(super) fn announce(world: &World, request: &AuthorizationRequest, route: &Route, limit: Duration) {
    world.say("open this address in a browser to log in to Lokalise:");
    world.say_whole(request.url().as_str());
    let limit = humantime::format_duration(limit);
    world.say(&format!("it asks for: {} (within {limit})", request.scopes.join(" ")));
    match route {
        Route::Listen { paste: true, .. } => {
            if let Some(distance) = RemoteSession::of(world) {
                let words = distance.words();
                world.say(&format!("{words}: when its last page does not load, paste the address of that page here"));
            }
        }
        Route::Listen { .. } => {}
        Route::Paste => world.say("Lokalise then shows a code; paste it here"),
        Route::PasteAddress { .. } => world.say("then paste the address that the browser ends on"),
    }
}

/// Who is logged in, where the credential is kept, and until when it lasts.
pub(super) fn logged_in(world: &World, store: &Store, profile: &ProfileName, owner: Option<&Owner>, kept: &Credential) {
    let who = owner.map_or_else(String::new, |owner| format!(" as {}", owner_words(owner)));
    world.say(&format!("logged in to Lokalise{who}, with profile {profile}"));
    world.say(&format!("the credential is kept in {} ({})", store.title(), store.item_name(profile)));
    let Credential::OAuth(oauth) = kept else { return };
    let end = oauth.expires_at.map_or_else(|| "an unknown time".to_owned(), timestamp);
    if oauth.renewal.is_some() {
        world.say(&format!("the access token lasts until {end} and is renewed by itself"));
    } else {
        world.say(&format!("the access token lasts until {end}"));
        world.warn("Lokalise gave no refresh token, so this login cannot be renewed: log in again when it ends");
    }
}

/// Of a text in a redirect so many characters are told.
const LONGEST_TEXT: usize = 200;

/// The code, or why the browser came back without one.
pub(super) fn granted(redirected: Redirected, secret: &ClientSecret) -> Result<AuthorizationCode> {
    // Before anything is cut: half a secret looks like a word.
    let told = |text: &str| -> String {
        let text = text.replace(secret.expose(), "[redacted]");
        without_secrets(&text).chars().take(LONGEST_TEXT).collect()
    };
    let (error, description) = match redirected {
        Redirected::Granted(code) => return Ok(code),
        Redirected::Refused { error, description } => (error, description),
        Redirected::NotOurs(why) => return Err(Error::other(format!("the browser's answer cannot be read: {why}"))),
    };
    let refused = match error.as_str() {
        "access_denied" => Error::new(ErrorKind::NotLoggedIn, "access was denied in the browser"),
        _ => Error::new(ErrorKind::NotLoggedIn, format!("Lokalise refused the login: {}", told(&error))),
    };
    let refused = match description {
        Some(description) => refused.because(anyhow::anyhow!(told(&description))),
        None => refused,
    };
    Err(refused.hint("nothing was stored; log in again to try once more"))
}

/// No answer came to the token request. Once it is on the wire, the server may have taken the code all the same.
pub(super) fn not_exchanged(unanswered: TokenRequestFailure) -> Error {
    let again = if unanswered.sent {
        "nothing was stored, and the code is used up: log in again"
    } else {
        "nothing was stored; log in again"
    };
    without_another_try(unanswered.error).hint(again)
}

pub(super) fn refused_exchange(error: &TokenError) -> Error {
    let later = if matches!(error, TokenError::NotNow { .. }) { " in a minute" } else { "" };
    without_another_try(token_error(error, "the login")).hint(format!("nothing was stored; log in again{later}"))
}

/// The request itself is not made again: a new login is the other try.
fn without_another_try(mut error: Error) -> Error {
    error.hints.retain(|hint| !hint.starts_with("try again"));
    error
}

pub(super) fn not_kept(error: Error, profile_flag: &str) -> Error {
    error.hint(format!(
        "the login was good but may not be stored; `lokalise-auth whoami{profile_flag}` says what is in force"
    ))
}

pub(super) fn timed_out(world: &World, limit: Duration, profile: &str, route: &Route) -> Error {
    let limit = humantime::format_duration(limit);
    let ended = |who: &str| Error::new(ErrorKind::NotLoggedIn, format!("{who} within {limit}; nothing was stored"));
    match route {
        Route::Paste => ended("nobody pasted a code")
            .hint(format!("take more time with `lokalise-auth login{profile} --paste --timeout 15m`")),
        Route::PasteAddress { .. } => {
            ended("nobody pasted an address").hint("take more time with `--timeout 15m` beside the other flags")
        }
        Route::Listen { redirect, .. } => {
            let more = match redirect {
                Redirect::Port(_) => format!("take more time with `lokalise-auth login{profile} --timeout 15m`"),
                Redirect::Uri(_) => "take more time with `--timeout 15m` beside the other flags".to_owned(),
            };
            let why = RemoteSession::of(world).map_or("if the browser cannot reach this machine", RemoteSession::words);
            ended("nobody logged in").hint(more).hint(format!("{why}: `lokalise-auth login{profile} --paste`"))
        }
    }
}

/// A signal ended it.
pub(super) fn cancelled(signal: &Error, stored: StoredState, profile_flag: &str) -> Error {
    match stored {
        StoredState::Nothing => Error::new(signal.kind, "login cancelled; nothing was stored"),
        StoredState::Perhaps => Error::new(signal.kind, "login cancelled while the credential was being stored")
            .hint(format!("`lokalise-auth whoami{profile_flag}` tells whether it was")),
        StoredState::Yes => Error::new(signal.kind, format!("{}; the login is stored", signal.message)),
    }
}
