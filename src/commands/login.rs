//! `login`: the authorization code grant, RFC 6749 §4.1, as a command line does
//! it (RFC 8252). Nothing is stored before the last step, and nothing is said to have been.

mod input;
mod route;

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::whoami;
use crate::browser;
use crate::cli::Login;
use crate::credential::{Credential, Kind, OAuth, Record};
use crate::error::{Error, ErrorKind, Result};
use crate::http::{Http, token_error};
use crate::loopback::{Browser, Loopback, Page};
use crate::oauth::authorization::{AuthorizationRequest, Redirected};
use crate::oauth::client::ClientCredentials;
use crate::oauth::token::Grant;
use crate::profile::{Entry, Owner, ProfileName};
use crate::secret::{AuthorizationCode, CodeVerifier, State};
use crate::session::keep::{self, keep, profile_to_fill, store_for};
use crate::settings::Settings;
use crate::store::Vault;
use crate::world::World;

use input::{Pasted, client_credentials, scopes};
use route::{Circumstances, Route, route};

pub async fn run(world: &World, settings: &Settings, login: &Login) -> Result<u8> {
    let (profile, entry) = profile_to_fill(world, settings)?;
    let route = route(Circumstances::of(world), login)?;
    let http = Http::new(world)?;
    let vault = settings.vault(store_for(settings, entry.as_ref()));
    keep::ready(world, &vault, &profile).await?;
    let client = client_credentials(world, settings, login, &profile, entry.as_ref()).await?;
    let scopes = scopes(login, entry.as_ref())?;

    let verifier = login.pkce.then(|| verifier(world)).transpose()?;
    let mut listener = match &route {
        Route::Listen { redirect, .. } => Some(Loopback::bind(redirect).await?),
        Route::Paste | Route::PasteAddress(_) => None,
    };
    let request = Arc::new(AuthorizationRequest {
        endpoint: settings.oauth_url.authorization_endpoint(),
        client_id: client.id.clone(),
        scopes: scopes.clone(),
        redirect_uri: match &route {
            Route::Listen { .. } => listener.as_ref().map(|listener| listener.redirect_uri.clone()),
            Route::PasteAddress(uri) => Some(uri.clone()),
            Route::Paste => None,
        },
        state: State::new(URL_SAFE_NO_PAD.encode(world.random::<32>()?)),
        code_challenge: verifier.as_ref().map(challenge),
    });
    announce(world, &request, &route, login.timeout);

    let answer = tokio::time::timeout(login.timeout, answer(world, &request, &route, listener.as_mut()));
    let (redirected, browser) = match answer.await {
        Ok(answer) => answer?,
        Err(_) => return Err(timed_out(world, login.timeout, &profile)),
    };
    drop(listener);
    let stored = match redirected {
        Redirected::Granted(code) => {
            let new = New { world, settings, vault: &vault, profile: &profile, read_only: login.read_only };
            new.exchanged_and_kept(&http, client, scopes, &code, verifier.as_ref()).await
        }
        refused => Err(refusal(&refused)),
    };
    // Only now is it true.
    let page = match &stored {
        Ok(_) => Page::LoggedIn,
        Err(error) if error.kind == ErrorKind::NotLoggedIn => Page::Refused,
        Err(_) => Page::Failed,
    };
    if let Some(browser) = browser {
        browser.show(page).await;
    }
    say_logged_in(world, &vault, &profile, &stored?);
    Ok(0)
}

/// URL first, alone on its line: a browser that does not open must not keep it from the reader.
fn announce(world: &World, request: &AuthorizationRequest, route: &Route, limit: Duration) {
    world.say("open this address in a browser to log in to Lokalise:");
    world.say(request.url().as_str());
    world.say(&format!("it asks for: {} (within {})", request.scopes.join(" "), whoami::span(limit)));
    match route {
        Route::Listen { .. } => {}
        Route::Paste => world.say("Lokalise then shows a code; paste it here"),
        Route::PasteAddress(_) => world.say("then paste the address that the browser ends on"),
    }
}

/// Waits for the answer: on the listener, from a person who pastes it, or both.
async fn answer(
    world: &World,
    request: &Arc<AuthorizationRequest>,
    route: &Route,
    listener: Option<&mut Loopback>,
) -> Result<(Redirected, Option<Browser>)> {
    let (open, paste) = (route.opens_browser(), route.pastes());
    let opened = async {
        if open && let Err(why) = browser::open(world, &request.url()).await {
            world.say(&format!("no browser opened ({why}); open the address by hand"));
        }
        std::future::pending::<()>().await;
    };
    let redirect = async {
        match listener {
            Some(listener) => listener.answer(request).await,
            None => std::future::pending().await,
        }
    };
    let pasted = async {
        match paste {
            Some(what) => input::pasted(world, request, what).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        answered = redirect => Ok((answered.redirected, Some(answered.browser))),
        pasted = pasted => pasted.map(|redirected| (redirected, None)),
        () = opened => unreachable!("it never ends"),
    }
}

/// What a new credential is kept with.
struct New<'a> {
    world: &'a World,
    settings: &'a Settings,
    vault: &'a Vault,
    profile: &'a ProfileName,
    read_only: bool,
}

/// What is said at the end.
struct LoggedIn {
    owner: Option<Owner>,
    oauth_end: Option<u64>,
    renewable: bool,
}

impl New<'_> {
    /// Exchanges the code, once; stores what comes back; reads it back.
    async fn exchanged_and_kept(
        &self,
        http: &Http,
        client: ClientCredentials,
        asked: Vec<String>,
        code: &AuthorizationCode,
        verifier: Option<&CodeVerifier>,
    ) -> Result<LoggedIn> {
        let grant = Grant::AuthorizationCode { code, verifier };
        let response = http
            .token(self.world, &self.settings.oauth_url, &grant, &client)
            .await
            .map_err(|error| error.hint("the code is used up; log in again: nothing was stored"))?
            .map_err(|error| token_error(&error, "the login").hint("nothing was stored; log in again"))?;
        let client_id = client.id.clone();
        let mut oauth = OAuth::issued(response, client, self.world.now());
        // An answer that names no scope granted what was asked for (RFC 6749 §5.1).
        oauth.scopes.get_or_insert(asked);
        let (oauth_end, renewable) = (oauth.expires_at, oauth.renewal.is_some());
        let scopes = oauth.scopes.clone();
        let record = Record {
            profile: self.profile.clone(),
            api_origin: self.settings.api_url.origin(),
            oauth_origin: self.settings.oauth_url.origin(),
            credential: Credential::OAuth(oauth),
        };
        let mut entry = Entry {
            kind: Kind::OAuth,
            becomes: None,
            store: self.vault.kind.clone(),
            api_url: record.api_origin.to_string(),
            oauth_url: record.oauth_origin.to_string(),
            client_id: Some(client_id),
            scopes,
            owner: None,
            read_only: self.read_only,
            command: None,
        };
        keep(self.world, self.settings, self.vault, &record, entry.clone())
            .await
            .map_err(|error| error.hint("the login was good but is not stored; what was stored before is as it was"))?;
        // Whose it is is worth a look, not a failure.
        let owner = whoami::ask(self.world, http, &self.settings.api_url, &record.credential).await.owner;
        if owner.is_some() {
            entry.owner.clone_from(&owner);
            keep::enter(self.world, self.settings, self.profile, entry).await?;
        }
        Ok(LoggedIn { owner, oauth_end, renewable })
    }
}

fn say_logged_in(world: &World, vault: &Vault, profile: &ProfileName, logged_in: &LoggedIn) {
    let who = logged_in.owner.as_ref().map_or_else(String::new, |owner| format!(" as {}", whoami::owner_words(owner)));
    world.say(&format!("logged in to Lokalise{who}, with profile {profile}"));
    world.say(&format!("the credential is kept in {} ({})", vault.title(), vault.item_name(profile)));
    let end = logged_in.oauth_end.map_or_else(|| "an unknown time".to_owned(), whoami::timestamp);
    if logged_in.renewable {
        world.say(&format!("the access token lasts until {end} and is renewed by itself"));
    } else {
        world.say(&format!("the access token lasts until {end}"));
        world.warn("Lokalise gave no refresh token, so this login cannot be renewed: log in again when it ends");
    }
}

fn refusal(redirected: &Redirected) -> Error {
    let Redirected::Refused { error, description } = redirected else {
        return Error::other("the browser's answer cannot be read");
    };
    let refused = match error.as_str() {
        "access_denied" => Error::new(ErrorKind::NotLoggedIn, "access was denied in the browser"),
        _ => Error::new(ErrorKind::NotLoggedIn, format!("Lokalise refused the login: {error}")),
    };
    let refused = match description {
        Some(description) => refused.because(anyhow::anyhow!(description.clone())),
        None => refused,
    };
    refused.hint("nothing was stored; log in again to try once more")
}

fn timed_out(world: &World, limit: Duration, profile: &ProfileName) -> Error {
    let profile = crate::session::profile_words(profile);
    let error = Error::new(
        ErrorKind::NotLoggedIn,
        format!("nobody logged in within {}; nothing was stored", whoami::span(limit)),
    );
    let error = error.hint(format!("take more time with `lokalise-auth login{profile} --timeout 15m`"));
    if world.var("SSH_CONNECTION").is_some() {
        error.hint(format!("over SSH the browser cannot reach this machine: `lokalise-auth login{profile} --paste`"))
    } else {
        error.hint(format!("if the browser cannot reach this machine: `lokalise-auth login{profile} --paste`"))
    }
}

/// 32 random octets in base64url: 43 characters (RFC 7636 §4.1).
fn verifier(world: &World) -> Result<CodeVerifier> {
    Ok(CodeVerifier::new(URL_SAFE_NO_PAD.encode(world.random::<32>()?)))
}

/// S256 (RFC 7636 §4.2).
fn challenge(verifier: &CodeVerifier) -> String {
    URL_SAFE_NO_PAD.encode(ring::digest::digest(&ring::digest::SHA256, verifier.expose().as_bytes()))
}

/// What a person is asked to paste.
impl Route {
    fn pastes(&self) -> Option<Pasted> {
        match self {
            Self::Listen { paste: false, .. } => None,
            Self::Listen { paste: true, .. } | Self::PasteAddress(_) => Some(Pasted::Address),
            Self::Paste => Some(Pasted::Code),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_challenge_is_the_one_of_the_rfc() {
        // RFC 7636, appendix B
        let verifier = CodeVerifier::new("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
        assert_eq!(challenge(&verifier), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    }
}
