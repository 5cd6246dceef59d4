//! `login`: the authorization code grant, RFC 6749 §4.1, as a command line does
//! it (RFC 8252). Nothing is stored, or reported as stored, before the last step.

mod messages;
mod questions;
mod route;

use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

use super::whoami;
use crate::browser;
use crate::cli::Login;
use crate::context::Context;
use crate::credential::{Credential, CredentialKind, OAuth, Record};
use crate::error::Result;
use crate::http::Http;
use crate::loopback::{BrowserPage, Listening, Loopback, WaitingBrowser};
use crate::oauth::authorization::{AuthorizationRequest, Redirected, code_challenge};
use crate::oauth::client::ClientCredentials;
use crate::oauth::token::Grant;
use crate::profile::{Owner, ProfileEntry};
use crate::secret::{AuthorizationCode, CodeVerifier, State};
use crate::session::save::{self, TargetProfile, profile_to_fill, save, store_for};
use crate::signals::Signals;
use crate::store::Store;
use crate::world::World;

use questions::{ClientInput, pasted, scopes};
use route::{LoginEnvironment, Route, route};

/// The most time for the question about the owner: the login itself is done by then.
const TIME_FOR_THE_OWNER: Duration = Duration::from_secs(10);

/// How far a login has come, for the message of an interruption.
#[derive(Default)]
struct LoginProgress {
    stored: Cell<StoredState>,
    /// The browser that waits for its page.
    browser: Cell<Option<WaitingBrowser>>,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum StoredState {
    #[default]
    Nothing,
    /// The write has begun, and its result is not known.
    Perhaps,
    Yes,
}

pub async fn run(context: Context<'_>, login: &Login) -> Result<u8> {
    let mut signals = Signals::listen();
    let fill = profile_to_fill(context)?;
    let progress = LoginProgress::default();
    let work = log_in(context, login, &fill, &progress);
    tokio::pin!(work);
    let signal = tokio::select! {
        biased;
        signal = signals.next() => signal,
        ended = &mut work => return ended.map(|()| 0),
    };
    // The login stops here, but the connection of its browser is still open.
    if let Some(waiting) = progress.browser.take() {
        waiting.show(BrowserPage::Failed).await;
    }
    Err(messages::cancelled(&signal, progress.stored.get(), &fill.profile_flag))
}

async fn log_in(context: Context<'_>, login: &Login, fill: &TargetProfile, progress: &LoginProgress) -> Result<()> {
    let TargetProfile { profile, entry, .. } = fill;
    let route = route(LoginEnvironment::of(context.world), login)?;
    let http = Http::new(context.world);
    // A proxy or CA file that cannot be used is reported before the person logs in.
    http.prepare(&context.settings.oauth_url.token_endpoint())?;
    let store = context.settings.store(store_for(context.settings, entry.as_ref()));
    save::ready(context, &store, profile).await?;
    let client = ClientInput { context, login, target: fill }.credentials().await?;
    let scopes = scopes(context.world, login, entry.as_ref())?;

    // The authorization request (RFC 6749 §4.1.1)
    let verifier = if login.pkce { Some(CodeVerifier::new(context.world.random_text()?)) } else { None };
    let listener = listener(&route).await?;
    let request = Arc::new(AuthorizationRequest {
        endpoint: context.settings.oauth_url.authorization_endpoint(),
        client_id: client.id.clone(),
        scopes,
        redirect_uri: route.redirect_uri(listener.as_ref()),
        state: State::new(context.world.random_text()?),
        code_challenge: verifier.as_ref().map(code_challenge),
    });
    messages::announce(context.world, &request, &route, login.timeout);

    // Its answer (§4.1.2)
    let mut listening = listener.map(|listener| listener.listen(&request, profile));
    let answer = answer(context.world, &request, &route, listening.as_mut());
    let Ok(answer) = tokio::time::timeout(login.timeout, answer).await else {
        return Err(messages::timed_out(context.world, login.timeout, &fill.profile_flag, &route));
    };
    let RedirectAnswer { redirected, waiting } = answer?;
    progress.browser.set(waiting);
    let refused = matches!(redirected, Redirected::Refused { .. });

    // The access token request and its answer (§4.1.3, §4.1.4)
    let new = NewCredential {
        context,
        http: &http,
        store: &store,
        fill,
        read_only: login.read_only,
        call_only: login.call_only,
    };
    let kept = new.credential(redirected, client, verifier.as_ref(), &request.scopes, progress).await;
    // Only now the page may report success.
    if let Some(waiting) = progress.browser.take() {
        waiting.show(page(&kept, refused)).await;
    }
    drop(listening);
    let kept = kept?;
    messages::logged_in(context.world, &store, fill, new.owner(&kept).await.as_ref(), &kept);
    Ok(())
}

async fn listener(route: &Route) -> Result<Option<Loopback>> {
    match route {
        Route::Listen { redirect, .. } => Loopback::bind(redirect).await.map(Some),
        Route::Paste | Route::PasteAddress { .. } => Ok(None),
    }
}

/// The answer to the authorization request, and the browser that waits for its page, if it came from one.
struct RedirectAnswer {
    redirected: Redirected,
    waiting: Option<WaitingBrowser>,
}

/// Waits for the answer: on the listener, from a person who pastes it, or both.
async fn answer(
    world: &World,
    request: &AuthorizationRequest,
    route: &Route,
    listening: Option<&mut Listening>,
) -> Result<RedirectAnswer> {
    let redirect = async {
        match listening {
            Some(listening) => listening.answer().await,
            None => std::future::pending().await,
        }
    };
    let by_hand = async {
        if route.opens_browser()
            && let Err(why) = browser::open(world, &request.url()).await
        {
            world.say(&format!("no browser opened ({why}); open the address by hand"));
        }
        if !route.pastes() {
            return std::future::pending().await;
        }
        pasted(world, request).await
    };
    tokio::select! {
        answered = redirect => Ok(RedirectAnswer { redirected: answered.redirected, waiting: Some(answered.waiting) }),
        pasted = by_hand => pasted.map(|redirected| RedirectAnswer { redirected, waiting: None }),
    }
}

fn page(kept: &Result<Credential>, refused: bool) -> BrowserPage {
    match kept {
        Ok(_) => BrowserPage::LoggedIn,
        Err(_) if refused => BrowserPage::Refused,
        Err(_) => BrowserPage::Failed,
    }
}

/// A new credential that is going to be stored.
struct NewCredential<'a> {
    context: Context<'a>,
    http: &'a Http,
    store: &'a Store,
    fill: &'a TargetProfile,
    read_only: bool,
    call_only: bool,
}

impl NewCredential<'_> {
    /// Handles the answer: exchanges the code, stores the credential, and reads it back.
    async fn credential(
        &self,
        redirected: Redirected,
        client: ClientCredentials,
        verifier: Option<&CodeVerifier>,
        asked: &[String],
        progress: &LoginProgress,
    ) -> Result<Credential> {
        let flag = &self.fill.profile_flag;
        let code = messages::granted(redirected, &client.secret, flag)?;
        let client_id = client.id.clone();
        let mut oauth = self.exchanged(client, &code, verifier).await?;
        // An answer that names no scope granted what was asked for (RFC 6749 §5.1).
        oauth.scopes.get_or_insert_with(|| asked.to_vec());
        self.kept(oauth, client_id, &progress.stored).await
    }

    /// Sends the one token request. It uses up the code, whatever the response is.
    async fn exchanged(
        &self,
        client: ClientCredentials,
        code: &AuthorizationCode,
        verifier: Option<&CodeVerifier>,
    ) -> Result<OAuth> {
        let grant = Grant::AuthorizationCode { code, verifier };
        let answer =
            self.http.token_request(self.context.world, &self.context.settings.oauth_url, &grant, &client).await;
        let flag = &self.fill.profile_flag;
        let response = answer
            .map_err(|failure| messages::not_exchanged(failure, flag))?
            .map_err(|error| messages::refused_exchange(&error, flag))?;
        Ok(OAuth::issued(response, client, self.context.world.now()))
    }

    /// Stores the credential, reads it back, and gives it its entry.
    async fn kept(&self, oauth: OAuth, client_id: String, stored: &Cell<StoredState>) -> Result<Credential> {
        let settings = self.context.settings;
        let (api, issuer) = (settings.api_url.origin(), settings.oauth_url.origin());
        let entry = ProfileEntry {
            client_id: Some(client_id),
            scopes: oauth.scopes.clone(),
            read_only: self.read_only,
            call_only: self.call_only,
            ..ProfileEntry::new(CredentialKind::OAuth, self.store.kind.clone(), &api, &issuer)
        };
        let record = Record {
            profile: self.fill.profile.clone(),
            api_origin: self.context.settings.api_url.origin(),
            oauth_origin: self.context.settings.oauth_url.origin(),
            credential: Credential::OAuth(oauth),
        };
        stored.set(StoredState::Perhaps);
        save(self.context, self.store, &record, entry)
            .await
            .map_err(|error| messages::not_kept(error, &self.fill.profile_flag))?;
        stored.set(StoredState::Yes);
        Ok(record.credential)
    }

    /// Asks who owns the login. A failure is only a warning.
    async fn owner(&self, credential: &Credential) -> Option<Owner> {
        let asked = whoami::ask(self.context.world, self.http, &self.context.settings.api_url, credential);
        let found = tokio::time::timeout(TIME_FOR_THE_OWNER, asked).await.ok()?;
        if found.state == whoami::CredentialState::Rejected {
            let reason = found.reason.unwrap_or_default();
            self.context.world.warn(&format!("the API does not accept the new token: {reason}"));
        }
        let owner = found.owner?;
        if let Err(error) = save::note_owner(self.context.settings, &self.fill.profile, &owner, None) {
            self.context.world.step(&format!("the owner could not be noted: {error}"));
        }
        Some(owner)
    }
}
