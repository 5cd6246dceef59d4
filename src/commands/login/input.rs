//! What `login` is told or has to ask for: client credentials, scopes, and the
//! code or address that a person pastes.

use std::io::Read;
use std::path::Path;

use zeroize::Zeroizing;

use crate::cli::Login;
use crate::credential::{Credential, Record};
use crate::error::{Error, Result};
use crate::oauth::authorization::{AuthorizationRequest, Redirected};
use crate::oauth::client::{ClientCredentials, DEFAULT_SCOPES, scope_tokens};
use crate::profile::{Entry, ProfileName};
use crate::secret::{AuthorizationCode, ClientSecret, LONGEST, one_token};
use crate::settings::Settings;
use crate::terminal::{Echo, ask, piped_secret};
use crate::world::World;

/// What a person is asked to paste.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Pasted {
    Code,
    Address,
}

/// Client id and secret: from a flag, a variable, the profile, or the person.
pub(super) async fn client_credentials(
    world: &World,
    settings: &Settings,
    login: &Login,
    profile: &ProfileName,
    entry: Option<&Entry>,
) -> Result<ClientCredentials> {
    let known = entry.and_then(|entry| entry.client_id.clone());
    let given = login.client_id.clone().or_else(|| world.var("LOKALISE_CLIENT_ID")).or_else(|| known.clone());
    let id = match given {
        Some(id) => id,
        None if world.person() => {
            ask(world, "client id of your Lokalise OAuth app: ", Echo::Shown).await?.trim().to_owned()
        }
        None => {
            return Err(Error::usage("the client id is missing").hint(
                "set LOKALISE_CLIENT_ID, or give --client-id; Lokalise's support issues it with your OAuth app",
            ));
        }
    };
    one_token(&id).map_err(|why| Error::usage(format!("the client id cannot be one: {why}")))?;
    if let Some(secret) = given_secret(world, login)? {
        return Ok(ClientCredentials { id, secret });
    }
    if known.as_deref() == Some(id.as_str())
        && let Some(secret) = stored_secret(settings, profile, entry).await
    {
        return Ok(ClientCredentials { id, secret });
    }
    if !world.person() {
        return Err(Error::usage("the client secret is missing")
            .hint("set LOKALISE_CLIENT_SECRET, or give --client-secret-file PATH (`-` is stdin)"));
    }
    let pasted = ask(world, "client secret (hidden): ", Echo::Hidden).await?;
    secret(&pasted).map(|secret| ClientCredentials { id, secret })
}

fn secret(text: &str) -> Result<ClientSecret> {
    ClientSecret::parse(text).map_err(|why| Error::usage(format!("the client secret cannot be one: {why}")))
}

fn given_secret(world: &World, login: &Login) -> Result<Option<ClientSecret>> {
    match (&login.client_secret_file, world.var("LOKALISE_CLIENT_SECRET")) {
        (Some(path), _) => secret(&secret_file(path)?).map(Some),
        (None, Some(text)) => secret(&Zeroizing::new(text)).map(Some),
        (None, None) => Ok(None),
    }
}

fn secret_file(path: &Path) -> Result<Zeroizing<String>> {
    let unreadable = |error: std::io::Error| Error::usage(format!("{} cannot be read", path.display())).because(error);
    if path == Path::new("-") {
        return piped_secret().map_err(|error| Error::usage("stdin cannot be read").because(error));
    }
    let file = std::fs::File::open(path).map_err(unreadable)?;
    if file.metadata().map_err(unreadable)?.is_dir() {
        return Err(unreadable(std::io::Error::other("it is a folder")));
    }
    let mut text = Zeroizing::new(String::with_capacity(2 * LONGEST));
    file.take(LONGEST as u64 + 4).read_to_string(&mut text).map_err(unreadable)?;
    Ok(text)
}

/// The secret of the profile's present record. A record that cannot be read is about to be replaced.
async fn stored_secret(settings: &Settings, profile: &ProfileName, entry: Option<&Entry>) -> Option<ClientSecret> {
    let entry = entry.filter(|entry| entry.oauth_url == settings.oauth_url.origin().as_str())?;
    let text = settings.vault(entry.store.clone()).read(profile).await.ok()??;
    match Record::from_text(&text, profile).ok()?.credential {
        Credential::OAuth(oauth) => oauth.renewal.map(|renewal| renewal.client.secret),
        Credential::ApiToken(_) => None,
    }
}

/// What is asked for: `--scope`, what the profile has, or enough for `whoami`.
pub(super) fn scopes(login: &Login, entry: Option<&Entry>) -> Result<Vec<String>> {
    let given = scope_tokens(&login.scopes)
        .map_err(|position| Error::usage(format!("scope {position} of `--scope` has a character that no scope has")))?;
    if !given.is_empty() {
        return Ok(given);
    }
    if !login.scopes.is_empty() {
        return Err(Error::usage("`--scope` names no scope").hint("`lokalise-auth scopes` lists them"));
    }
    let known = entry.and_then(|entry| entry.scopes.clone()).filter(|scopes| !scopes.is_empty());
    Ok(known.unwrap_or_else(|| DEFAULT_SCOPES.map(str::to_owned).to_vec()))
}

/// Takes what a person pastes until it is the answer; without a terminal, one line.
pub(super) async fn pasted(world: &World, request: &AuthorizationRequest, what: Pasted) -> Result<Redirected> {
    let question = match what {
        Pasted::Code => "code (hidden): ",
        Pasted::Address if request.redirect_uri.as_ref().is_some_and(crate::origin::is_loopback) => {
            "waiting for the browser; or paste here the address it ended on (hidden): "
        }
        Pasted::Address => "address (hidden): ",
    };
    loop {
        let line = if world.person() {
            ask(world, question, Echo::Hidden).await?
        } else {
            piped_secret().map_err(|error| Error::usage("stdin cannot be read").because(error))?
        };
        match read(request, what, line.trim()) {
            Ok(redirected) => return Ok(redirected),
            Err(why) if world.person() => world.say(&format!("{why}; try again, or stop with Ctrl-C")),
            Err(why) => return Err(Error::usage(why).hint("nothing was stored")),
        }
    }
}

fn read(request: &AuthorizationRequest, what: Pasted, line: &str) -> Result<Redirected, String> {
    if what == Pasted::Code {
        return match AuthorizationCode::parse(line) {
            Ok(code) => Ok(Redirected::Granted(code)),
            Err(why) => Err(format!("that is no code: {why}")),
        };
    }
    match request.pasted_address(line) {
        Redirected::NotOurs(why) => Err(format!("that is not the address of this login: {why}")),
        answer => Ok(answer),
    }
}
