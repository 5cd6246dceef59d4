//! `login`: the authorization code grant, RFC 6749 §4.1, as a command line does
//! it (RFC 8252). Nothing is stored before the last step, and nothing is said to have been.

mod input;
mod route;
mod words;

use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

use super::whoami;
use crate::browser::Browser;
use crate::cli::Login;
use crate::credential::{Credential, Kind, OAuth, Record};
use crate::error::Result;
use crate::http::Http;
use crate::loopback::{Listening, Loopback, Page, Waiting};
use crate::oauth::authorization::{AuthorizationRequest, Redirected, code_challenge};
use crate::oauth::client::ClientCredentials;
use crate::oauth::token::Grant;
use crate::profile::{Entry, Owner};
use crate::secret::{AuthorizationCode, CodeVerifier, State};
use crate::session::keep::{self, ToFill, keep, profile_to_fill, store_for};
use crate::settings::Settings;
use crate::signals::Signals;
use crate::store::Vault;
use crate::world::World;

use input::{client_credentials, pasted, scopes};
use route::{Circumstances, Route, route};

/// The login is done when this question is asked: it may not take long.
const TIME_FOR_THE_OWNER: Duration = Duration::from_secs(10);

/// How far a login has come, for whoever ends it.
#[derive(Default)]
struct Progress {
    stored: Cell<Stored>,
    /// The browser that waits for its page.
    browser: Cell<Option<Waiting>>,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Stored {
    #[default]
    Nothing,
    /// Being written: nobody can tell.
    Perhaps,
    Yes,
}

pub async fn run(world: &World, settings: &Settings, login: &Login) -> Result<u8> {
    let mut signals = Signals::listen();
    let fill = profile_to_fill(world, settings)?;
    let progress = Progress::default();
    let work = log_in(world, settings, login, &fill, &progress);
    tokio::pin!(work);
    let signal = tokio::select! {
        biased;
        signal = signals.next() => signal,
        ended = &mut work => return ended.map(|()| 0),
    };
    // The work goes no further, but the connection of its browser is still open.
    if let Some(waiting) = progress.browser.take() {
        waiting.show(Page::Failed).await;
    }
    Err(words::cancelled(&signal, progress.stored.get(), &fill.words))
}

async fn log_in(world: &World, settings: &Settings, login: &Login, fill: &ToFill, progress: &Progress) -> Result<()> {
    let ToFill { profile, entry, .. } = fill;
    let route = route(Circumstances::of(world), login)?;
    let http = Http::new(world)?;
    // A proxy or a CA file that is no good is better known before somebody has logged in.
    http.api()?;
    let vault = settings.vault(store_for(settings, entry.as_ref()));
    keep::ready(world, settings, &vault, profile).await?;
    let client = client_credentials(world, settings, login, profile, entry.as_ref()).await?;
    let scopes = scopes(login, entry.as_ref())?;

    // The authorization request (RFC 6749 §4.1.1)
    let verifier = if login.pkce { Some(CodeVerifier::new(world.random_text()?)) } else { None };
    let listener = listener(&route).await?;
    let request = Arc::new(AuthorizationRequest {
        endpoint: settings.oauth_url.authorization_endpoint(),
        client_id: client.id.clone(),
        scopes,
        redirect_uri: route.redirect_uri(listener.as_ref()),
        state: State::new(world.random_text()?),
        code_challenge: verifier.as_ref().map(code_challenge),
    });
    words::announce(world, &request, &route, login.timeout);

    // Its answer (§4.1.2)
    let mut listening = listener.map(|listener| listener.listen(&request));
    let mut browser = Browser::default();
    let answer = answer(world, &request, &route, listening.as_mut(), &mut browser);
    let Ok(answer) = tokio::time::timeout(login.timeout, answer).await else {
        return Err(words::timed_out(world, login.timeout, &fill.words, &route));
    };
    let Answer { redirected, waiting } = answer?;
    progress.browser.set(waiting);
    let refused = matches!(redirected, Redirected::Refused { .. });

    // The access token request and its answer (§4.1.3, §4.1.4)
    let new = New { world, settings, http: &http, vault: &vault, fill, read_only: login.read_only };
    let kept = new.credential(redirected, client, verifier.as_ref(), &request.scopes, progress).await;
    // Only now is it true.
    if let Some(waiting) = progress.browser.take() {
        waiting.show(page(&kept, refused)).await;
    }
    drop(listening);
    browser.gone_from_terminal().await;
    let kept = kept?;
    words::logged_in(world, &vault, profile, new.owner(&kept).await.as_ref(), &kept);
    Ok(())
}

async fn listener(route: &Route) -> Result<Option<Loopback>> {
    match route {
        Route::Listen { redirect, .. } => Loopback::bind(redirect).await.map(Some),
        Route::Paste | Route::PasteAddress { .. } => Ok(None),
    }
}

/// The answer to the authorization request, and the browser that waits for its page, if it came from one.
struct Answer {
    redirected: Redirected,
    waiting: Option<Waiting>,
}

/// Waits for the answer: on the listener, from a person who pastes it, or both.
async fn answer(
    world: &World,
    request: &AuthorizationRequest,
    route: &Route,
    listening: Option<&mut Listening>,
    browser: &mut Browser,
) -> Result<Answer> {
    let redirect = async {
        match listening {
            Some(listening) => listening.answer().await,
            None => std::future::pending().await,
        }
    };
    let by_hand = async {
        if route.opens_browser()
            && let Err(why) = browser.open(world, &request.url()).await
        {
            world.say(&format!("no browser opened ({why}); open the address by hand"));
        }
        if !route.pastes() {
            return std::future::pending().await;
        }
        browser.gone_from_terminal().await;
        pasted(world, request).await
    };
    tokio::select! {
        answered = redirect => Ok(Answer { redirected: answered.redirected, waiting: Some(answered.waiting) }),
        pasted = by_hand => pasted.map(|redirected| Answer { redirected, waiting: None }),
    }
}

fn page(kept: &Result<Credential>, refused: bool) -> Page {
    match kept {
        Ok(_) => Page::LoggedIn,
        Err(_) if refused => Page::Refused,
        Err(_) => Page::Failed,
    }
}

/// A new credential on its way into the store.
struct New<'a> {
    world: &'a World,
    settings: &'a Settings,
    http: &'a Http,
    vault: &'a Vault,
    fill: &'a ToFill,
    read_only: bool,
}

impl New<'_> {
    /// What comes of the answer: the code exchanged, the credential stored, and read back.
    async fn credential(
        &self,
        redirected: Redirected,
        client: ClientCredentials,
        verifier: Option<&CodeVerifier>,
        asked: &[String],
        progress: &Progress,
    ) -> Result<Credential> {
        let code = words::granted(redirected, &client.secret)?;
        let client_id = client.id.clone();
        let mut oauth = self.exchanged(client, &code, verifier).await?;
        // An answer that names no scope granted what was asked for (RFC 6749 §5.1).
        oauth.scopes.get_or_insert_with(|| asked.to_vec());
        self.kept(oauth, client_id, &progress.stored).await
    }

    /// One token request. The code is used up by it, whatever comes back.
    async fn exchanged(
        &self,
        client: ClientCredentials,
        code: &AuthorizationCode,
        verifier: Option<&CodeVerifier>,
    ) -> Result<OAuth> {
        let grant = Grant::AuthorizationCode { code, verifier };
        let answer = self.http.token_request(self.world, &self.settings.oauth_url, &grant, &client).await;
        let response = answer.map_err(words::not_exchanged)?.map_err(|error| words::refused_exchange(&error))?;
        Ok(OAuth::issued(response, client, self.world.now()))
    }

    /// Stores the credential, reads it back, and gives it its entry.
    async fn kept(&self, oauth: OAuth, client_id: String, stored: &Cell<Stored>) -> Result<Credential> {
        let entry = Entry {
            kind: Kind::OAuth,
            becomes: None,
            store: self.vault.kind.clone(),
            api_url: self.settings.api_url.origin().to_string(),
            oauth_url: self.settings.oauth_url.origin().to_string(),
            client_id: Some(client_id),
            scopes: oauth.scopes.clone(),
            owner: None,
            read_only: self.read_only,
            command: None,
        };
        let record = Record {
            profile: self.fill.profile.clone(),
            api_origin: self.settings.api_url.origin(),
            oauth_origin: self.settings.oauth_url.origin(),
            credential: Credential::OAuth(oauth),
        };
        stored.set(Stored::Perhaps);
        keep(self.world, self.settings, self.vault, &record, entry)
            .await
            .map_err(|error| words::not_kept(error, &self.fill.words))?;
        stored.set(Stored::Yes);
        Ok(record.credential)
    }

    /// Whose login it is: worth a look, not a failure.
    async fn owner(&self, credential: &Credential) -> Option<Owner> {
        let asked = whoami::ask(self.world, self.http, &self.settings.api_url, credential);
        let found = tokio::time::timeout(TIME_FOR_THE_OWNER, asked).await.ok()?;
        if found.state == whoami::State::Rejected {
            let reason = found.reason.unwrap_or_default();
            self.world.warn(&format!("the API does not accept the new token: {reason}"));
        }
        let owner = found.owner?;
        if let Err(error) = keep::note_owner(self.settings, &self.fill.profile, &owner, None) {
            self.world.step(&format!("the owner could not be noted: {error}"));
        }
        Some(owner)
    }
}
