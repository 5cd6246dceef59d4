//! The messages of `login`: before the browser opens, when it is done, and for each way
//! in which it can end otherwise.

use std::time::Duration;

use super::StoredState;
use super::route::{RemoteSession, Route};
use crate::commands::next_step;
use crate::commands::whoami::{owner_words, span, timestamp};
use crate::credential::Credential;
use crate::error::{Error, ErrorKind, Result};
use crate::http::{TokenRequestFailure, token_error};
use crate::loopback::Redirect;
use crate::oauth::authorization::{AuthorizationRequest, Redirected};
use crate::oauth::token::TokenError;
use crate::profile::Owner;
use crate::secret::{AuthorizationCode, ClientSecret, without_secrets};
use crate::session::save::TargetProfile;
use crate::store::Store;
use crate::world::World;

/// The address is alone on its line and comes first: a browser that does not open must not keep it from the reader.
pub(super) fn announce(world: &World, request: &AuthorizationRequest, route: &Route, limit: Duration) {
    world.say("open this address in a browser to log in to Lokalise:");
    world.say_whole(request.url().as_str());
    world.say(&format!("scopes requested: {}", request.scopes.join(" ")));
    world.say(&format!("waiting up to {}; Ctrl-C stops", span(limit)));
    match route {
        Route::Listen { redirect, paste, .. } => {
            let remote = RemoteSession::of(world);
            if let (Some(RemoteSession::Ssh), Redirect::Port(Some(port))) = (remote, redirect) {
                world.say("run this on your own machine first, so that its browser reaches this one:");
                world.say(&format!("  ssh -L {port}:127.0.0.1:{port} HOST"));
            } else if let (Some(remote), true) = (remote, *paste) {
                world.say(remote.words());
                world.say("if the page after the login does not load, paste its address here");
            }
        }
        Route::Paste => world.say("Lokalise then shows a code; paste it here"),
        Route::PasteAddress { .. } => world.say("then paste the address that the browser ends on"),
    }
}

/// Who is logged in, where the credential is kept, until when it lasts, and what comes next.
pub(super) fn logged_in(
    world: &World,
    store: &Store,
    target: &TargetProfile,
    owner: Option<&Owner>,
    kept: &Credential,
) {
    let TargetProfile { profile, profile_flag, .. } = target;
    let who = owner.map_or_else(String::new, |owner| format!(" as {}", owner_words(owner)));
    world.say(&format!("logged in to Lokalise{who}, with profile {profile}"));
    world.say(&format!("the credential is kept in {} ({})", store.title(), store.item_name(profile)));
    if let Credential::OAuth(oauth) = kept {
        let end = oauth.expires_at.map_or_else(|| "an unknown time".to_owned(), timestamp);
        if oauth.renewal.is_some() {
            world.say(&format!("the access token lasts until {end} and is renewed automatically"));
        } else {
            world.say(&format!("the access token lasts until {end}"));
            world.warn(&format!(
                "Lokalise gave no refresh token, so this login cannot be renewed; when it ends: `lokalise-auth login{profile_flag}`"
            ));
        }
    }
    world.say(&next_step(profile_flag));
}

/// The longest server text that a message repeats, in characters.
const MAX_TEXT: usize = 200;

/// The code, or why the browser came back without one.
pub(super) fn granted(redirected: Redirected, secret: &ClientSecret, profile_flag: &str) -> Result<AuthorizationCode> {
    // Before anything is cut: half a secret looks like a word.
    let shown = |text: &str| -> String {
        let text = text.replace(secret.expose(), "[redacted]");
        without_secrets(&text).chars().take(MAX_TEXT).collect()
    };
    let (error, description) = match redirected {
        Redirected::Granted(code) => return Ok(code),
        Redirected::Refused { error, description } => (error, description),
        Redirected::NotOurs(why) => return Err(Error::other(format!("the browser's answer cannot be read: {why}"))),
    };
    let refused = match error.as_str() {
        "access_denied" => Error::new(ErrorKind::NotLoggedIn, "access was denied in the browser"),
        _ => Error::new(ErrorKind::NotLoggedIn, format!("Lokalise refused the login: {}", shown(&error))),
    };
    let refused = match description {
        Some(description) => refused.because(anyhow::anyhow!(shown(&description))),
        None => refused,
    };
    Err(refused.hint(nothing_stored(profile_flag)))
}

/// No answer came to the token request. Once it is on the wire, the server may have taken the code all the same.
pub(super) fn not_exchanged(unanswered: TokenRequestFailure, profile_flag: &str) -> Error {
    let error = without_another_try(unanswered.error);
    let error = if unanswered.sent { error.hint("the code is used up") } else { error };
    error.hint(nothing_stored(profile_flag))
}

pub(super) fn refused_exchange(error: &TokenError, profile_flag: &str) -> Error {
    let later = if matches!(error, TokenError::NotNow { .. }) { " in a minute" } else { "" };
    without_another_try(token_error(error, "the login")).hint(format!("{}{later}", nothing_stored(profile_flag)))
}

fn nothing_stored(profile_flag: &str) -> String {
    format!("nothing was stored; log in again with `lokalise-auth login{profile_flag}`")
}

/// The request is not repeated: only a new login can be tried.
fn without_another_try(mut error: Error) -> Error {
    error.hints.retain(|hint| !hint.starts_with("try again"));
    error
}

pub(super) fn not_kept(error: Error, profile_flag: &str) -> Error {
    error.hint(format!(
        "the login succeeded but may not be stored; `lokalise-auth whoami{profile_flag}` shows what is in force"
    ))
}

pub(super) fn timed_out(world: &World, limit: Duration, profile: &str, route: &Route) -> Error {
    let limit = humantime::format_duration(limit);
    let ended = |who: &str| Error::new(ErrorKind::NotLoggedIn, format!("{who} within {limit}; nothing was stored"));
    match route {
        Route::Paste => ended("no code was pasted")
            .hint(format!("take more time with `lokalise-auth login{profile} --paste --timeout 15m`")),
        Route::PasteAddress { .. } => {
            ended("no address was pasted").hint("take more time with `--timeout 15m` in addition to the other flags")
        }
        Route::Listen { redirect, .. } => {
            let more = match redirect {
                Redirect::Port(_) => format!("take more time with `lokalise-auth login{profile} --timeout 15m`"),
                Redirect::Uri(_) => "take more time with `--timeout 15m` in addition to the other flags".to_owned(),
            };
            let why = RemoteSession::of(world).map_or("if the browser cannot reach this machine", RemoteSession::words);
            ended("no login was completed").hint(more).hint(format!("{why}: `lokalise-auth login{profile} --paste`"))
        }
    }
}

/// A signal ended it.
pub(super) fn cancelled(signal: &Error, stored: StoredState, profile_flag: &str) -> Error {
    match stored {
        StoredState::Nothing => Error::new(signal.kind, "login cancelled; nothing was stored"),
        StoredState::Perhaps => Error::new(signal.kind, "login cancelled while the credential was being stored")
            .hint(format!("`lokalise-auth whoami{profile_flag}` shows whether it was")),
        StoredState::Yes => Error::new(signal.kind, format!("{}; the login is stored", signal.message)),
    }
}
