//! `token set`, `token refresh` and `token print`.

use serde::Serialize;
use zeroize::Zeroizing;

use super::whoami::{self, Found, State};
use crate::cli::{Token, TokenFormat, TokenPrint, TokenRefresh, TokenSet};
use crate::credential::{Credential, Kind, Record};
use crate::error::{Error, ErrorKind, Result};
use crate::http::Http;
use crate::profile::{Entry, Owner, ProfileName};
use crate::secret::{ApiToken, LONGEST, json};
use crate::session::keep::{self, ToFill, keep, profile_to_fill, store_for};
use crate::session::renewal::{Outcome, Reason};
use crate::session::{Session, command_token, command_words};
use crate::settings::Settings;
use crate::store::StoreKind;
use crate::terminal::{Echo, ask, piped_secret};
use crate::world::World;

pub async fn run(world: &World, settings: &Settings, token: &Token) -> Result<u8> {
    match token {
        Token::Set(set) => self::set(world, settings, set).await,
        Token::Refresh(refresh) => self::refresh(world, settings, refresh).await,
        Token::Print(print) => self::print(world, settings, print).await,
    }
}

async fn set(world: &World, settings: &Settings, set: &TokenSet) -> Result<u8> {
    let fill = profile_to_fill(world, settings)?;
    let http = Http::new(world)?;
    if let Some(line) = &set.from_command {
        return set_command(world, settings, &http, set, &fill, line).await;
    }
    let ToFill { profile, words, entry } = fill;
    let vault = settings.vault(store_for(settings, entry.as_ref()));
    keep::ready(world, settings, &vault, &profile).await?;
    let token = read_token(world, &words).await?;
    let credential = Credential::ApiToken(token);
    let owner = if set.no_verify { None } else { verified(world, settings, &http, &credential).await? };
    let record = Record {
        profile: profile.clone(),
        api_origin: settings.api_url.origin(),
        oauth_origin: settings.oauth_url.origin(),
        credential,
    };
    let entry = entry_of(settings, vault.kind.clone(), owner.clone(), set.read_only, None);
    keep(world, settings, &vault, &record, entry).await?;
    say_kept(world, &profile, owner.as_ref(), &format!("{} ({})", vault.title(), vault.item_name(&profile)));
    Ok(0)
}

async fn set_command(
    world: &World,
    settings: &Settings,
    http: &Http,
    set: &TokenSet,
    ToFill { profile, words, .. }: &ToFill,
    line: &str,
) -> Result<u8> {
    let command = command_words(line)?;
    let mut owner = None;
    if !set.no_verify {
        let token = command_token(world, settings, &command, words).await?;
        if command.iter().any(|word| word.contains(token.expose())) {
            return Err(Error::usage("the command of `--from-command` has the token in it (not shown)")
                .hint(format!("store the token itself: `lokalise-auth token set{words}`")));
        }
        let credential = Credential::ApiToken(token);
        owner = verified(world, settings, http, &credential).await?;
    }
    let program = command[0].clone();
    // No store holds anything for such a profile; the kind is only what a later `token set` starts from.
    let entry = entry_of(settings, StoreKind::Keyring, owner.clone(), set.read_only, Some(command));
    keep::enter(world, settings, profile, entry).await?;
    say_kept(world, profile, owner.as_ref(), &format!("what `{program}` prints, which runs at each use"));
    Ok(0)
}

fn entry_of(
    settings: &Settings,
    store: StoreKind,
    owner: Option<Owner>,
    read_only: bool,
    command: Option<Vec<String>>,
) -> Entry {
    Entry {
        kind: Kind::ApiToken,
        becomes: None,
        store,
        api_url: settings.api_url.origin().to_string(),
        oauth_url: settings.oauth_url.origin().to_string(),
        client_id: None,
        scopes: None,
        owner,
        read_only,
        command,
    }
}

fn say_kept(world: &World, profile: &ProfileName, owner: Option<&Owner>, place: &str) {
    let of = owner.map(whoami::owner_words).map_or_else(String::new, |owner| format!(" of {owner}"));
    world.say(&format!("the API token{of} is kept in {place}, as profile {profile}"));
}

/// The token from a pipe, or from a person.
async fn read_token(world: &World, profile_words: &str) -> Result<ApiToken> {
    let pasted = if !world.stdin_is_terminal {
        piped_secret().await?
    } else if world.person() {
        ask("API token (hidden; from https://app.lokalise.com/profile#apitokens): ", Echo::Hidden).await?
    } else {
        return Err(Error::usage("nobody is there to type a token")
            .hint(format!("pipe it in: `lokalise-auth token set{profile_words} < FILE`")));
    };
    let token = ApiToken::parse(&pasted).map_err(|why| {
        Error::usage(format!("that is no token: {why}")).hint("nothing was stored; paste the token alone, on one line")
    })?;
    if token.expose().len() != 40 {
        world.warn(&format!("Lokalise's API tokens have 40 characters, and this one has {}", token.expose().len()));
    }
    Ok(token)
}

/// Asks the API whether the token is good, and whose it is.
async fn verified(world: &World, settings: &Settings, http: &Http, credential: &Credential) -> Result<Option<Owner>> {
    let found = whoami::ask(world, http, &settings.api_url, credential).await;
    match &found.state {
        State::Valid => Ok(found.owner),
        // A token that may not list projects is still a token.
        State::Forbidden => Ok(None),
        _ => Err(not_verified(&found)),
    }
}

fn not_verified(found: &Found) -> Error {
    let reason = found.reason.clone().unwrap_or_default();
    match found.state {
        State::Unchecked => {
            let kind = found.cause.unwrap_or(ErrorKind::Network);
            let mut error = Error::new(kind, format!("the token could not be checked: {reason}"));
            error.hints.clone_from(&found.hints);
            error.hint("nothing was stored; try again, or store it unchecked with --no-verify")
        }
        _ => Error::new(ErrorKind::NotLoggedIn, "Lokalise does not accept this token")
            .hint("nothing was stored; make a token at https://app.lokalise.com/profile#apitokens"),
    }
}

async fn refresh(world: &World, settings: &Settings, refresh: &TokenRefresh) -> Result<u8> {
    settings.refuse_token_variable(world)?;
    let http = Http::new(world)?;
    let mut session = Session::open(world, settings, &http).await?;
    let Some(oauth) = session.oauth() else {
        return Err(Error::usage("an API token has no expiry and cannot be refreshed")
            .hint(format!("only a login can: `lokalise-auth login{}`", session.profile_words())));
    };
    if let (Some(limit), Some(left)) = (refresh.if_expiring, oauth.left(world.now()))
        && left >= limit
        && !oauth.stale(world.now())
    {
        world.say(&format!("not renewed: the access token is good for {}", whoami::span(left)));
        return Ok(0);
    }
    match session.renew(Reason::Asked).await? {
        Outcome::NotStored(error) => Err(error.hint(
            "the new token was used for nothing; what is stored is out of date if Lokalise rotates refresh tokens",
        )),
        Outcome::Renewed | Outcome::Overtaken => {
            let left = session.oauth().and_then(|oauth| oauth.left(world.now()));
            let until =
                left.map_or_else(|| "without a known end".to_owned(), |left| format!("for {}", whoami::span(left)));
            world.say(&format!("renewed: the access token is good {until}"));
            Ok(0)
        }
    }
}

async fn print(world: &World, settings: &Settings, print: &TokenPrint) -> Result<u8> {
    if world.stdout_is_terminal && !print.reveal {
        return Err(Error::usage("a token does not belong on a screen")
            .hint("pipe it (`lokalise-auth token print | …`), or show it with --reveal"));
    }
    let http = Http::new(world)?;
    let mut session = Session::open(world, settings, &http).await?;
    session.fresh().await?;
    world.answer(&formatted(world, &session, print.format)?).map(|()| 0)
}

/// `--format json`
#[derive(Serialize)]
struct Printed<'a> {
    kind: Kind,
    token: &'a str,
    expires_at: Option<String>,
    api_url: String,
}

fn formatted(world: &World, session: &Session<'_>, format: TokenFormat) -> Result<Zeroizing<String>> {
    let credential = session.credential();
    let token = credential.token();
    let text = match format {
        TokenFormat::Raw => format!("{token}\n"),
        TokenFormat::Header => match credential.kind() {
            Kind::ApiToken => format!("X-Api-Token: {token}\n"),
            Kind::OAuth => format!("Authorization: Bearer {token}\n"),
        },
        TokenFormat::Json => {
            let end = session.oauth().and_then(|oauth| oauth.expires_at);
            let printed = Printed {
                kind: credential.kind(),
                token,
                expires_at: end.map(whoami::timestamp),
                api_url: session.api_url().to_string(),
            };
            let mut text = json(&printed, 2 * LONGEST);
            text.push('\n');
            return Ok(text);
        }
        TokenFormat::Env => format!("{}={}\n", credential.variable(), shell_words::quote(token)),
        TokenFormat::Github => return github(world, credential),
    };
    Ok(Zeroizing::new(text))
}

/// The mask first, so that no later line shows the token; then the variable, for the steps that follow.
fn github(world: &World, credential: &Credential) -> Result<Zeroizing<String>> {
    use std::io::Write;
    let line = Zeroizing::new(format!("{}={}\n", credential.variable(), credential.token()));
    let mask = Zeroizing::new(format!("::add-mask::{}\n", credential.token()));
    let Some(path) = world.var("GITHUB_ENV") else { return Ok(Zeroizing::new(format!("{}{}", *mask, *line))) };
    std::fs::OpenOptions::new()
        .append(true)
        .create(true)
        .open(&path)
        .and_then(|mut file| file.write_all(line.as_bytes()))
        .map_err(|error| Error::other("the file that GITHUB_ENV names cannot be written").because(error))?;
    Ok(mask)
}
