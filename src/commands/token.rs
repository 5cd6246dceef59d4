//! `token set`, `token refresh` and `token print`.

use std::path::Path;

use serde::Serialize;
use zeroize::Zeroizing;

use super::next_step;
use super::whoami::{self, ApiFindings, CredentialState};
use crate::cli::{TokenCommand, TokenFormat, TokenPrint, TokenRefresh, TokenSet};
use crate::context::Context;
use crate::credential::{Credential, CredentialKind, Record};
use crate::error::{Error, ErrorKind, Result};
use crate::http::Http;
use crate::names::StoreKind;
use crate::profile::{Owner, ProfileEntry, ProfileName};
use crate::secret::{ApiToken, MAX_SECRET_BYTES, json};
use crate::session::refresh::{RefreshOutcome, RefreshReason};
use crate::session::save::{self, TargetProfile, profile_to_fill, save, store_for};
use crate::session::{CredentialChoice, CredentialSource, Session, command_credential, command_words, no_shell_hint};
use crate::settings::Settings;
use crate::shell;
use crate::terminal::{Echo, ask, piped_secret};
use crate::text::append_line;
use crate::world::World;

pub async fn run(context: Context<'_>, token: &TokenCommand) -> Result<u8> {
    match token {
        TokenCommand::Set(set) => self::set(context, set).await,
        TokenCommand::Refresh(refresh) => self::refresh(context, refresh).await,
        TokenCommand::Print(print) => self::print(context, print).await,
    }
}

async fn set(context: Context<'_>, set: &TokenSet) -> Result<u8> {
    let fill = profile_to_fill(context)?;
    let http = Http::new(context.world);
    if let Some(line) = &set.from_command {
        return set_command(context, &http, set, &fill, line).await;
    }
    let TargetProfile { profile, profile_flag, entry } = fill;
    let store = context.settings.store(store_for(context.settings, entry.as_ref()));
    save::ready(context, &store, &profile).await?;
    let token = read_token(context, &profile_flag).await?;
    let credential = Credential::ApiToken(token);
    let owner = if set.no_verify { None } else { verified(context, &http, &credential).await? };
    let record = Record {
        profile: profile.clone(),
        api_origin: context.settings.api_url.origin(),
        oauth_origin: context.settings.oauth_url.origin(),
        credential,
    };
    let entry = entry_of(context.settings, set, store.kind.clone(), owner.clone());
    save(context, &store, &record, entry).await?;
    let place = format!("{} ({})", store.title(), store.item_name(&profile));
    say_kept(context.world, CredentialKind::ApiToken, &profile, owner.as_ref(), &place);
    context.world.say(&next_step(&profile_flag));
    Ok(0)
}

async fn set_command(
    context: Context<'_>,
    http: &Http,
    set: &TokenSet,
    TargetProfile { profile, profile_flag, .. }: &TargetProfile,
    line: &str,
) -> Result<u8> {
    let command = command_words(context.settings, line)?;
    if let Some(hint) = no_shell_hint(&command[1..]) {
        context.world.warn(hint);
    }
    let kind = if set.access_token { CredentialKind::OAuth } else { CredentialKind::ApiToken };
    let mut owner = None;
    if !set.no_verify {
        let credential = command_credential(context, &command, kind, profile_flag).await?;
        if command.iter().any(|word| word.contains(credential.token())) {
            return Err(Error::usage("the command of `--from-command` has the token in it (not shown)")
                .hint(format!("store the token itself: `lokalise-auth token set{profile_flag}`")));
        }
        owner = verified(context, http, &credential).await?;
    }
    let program = command[0].clone();
    // No store holds anything for such a profile; the kind is only what a later `token set` starts from.
    let entry = entry_of(context.settings, set, StoreKind::Keyring, owner.clone());
    save::write_entry(context, profile, ProfileEntry { kind, command: Some(command), ..entry }).await?;
    say_kept(context.world, kind, profile, owner.as_ref(), &format!("what `{program}` prints, which runs at each use"));
    context.world.say(&next_step(profile_flag));
    Ok(0)
}

fn entry_of(settings: &Settings, set: &TokenSet, store: StoreKind, owner: Option<Owner>) -> ProfileEntry {
    let (api, oauth) = (settings.api_url.origin(), settings.oauth_url.origin());
    ProfileEntry {
        owner,
        read_only: set.read_only,
        call_only: set.call_only,
        ..ProfileEntry::new(CredentialKind::ApiToken, store, &api, &oauth)
    }
}

fn say_kept(world: &World, kind: CredentialKind, profile: &ProfileName, owner: Option<&Owner>, place: &str) {
    let of = owner.map(whoami::owner_words).map_or_else(String::new, |owner| format!(" of {owner}"));
    let what = match kind {
        CredentialKind::ApiToken => "API token",
        CredentialKind::OAuth => "access token",
    };
    world.say(&format!("the {what}{of} is kept in {place}, as profile {profile}"));
}

/// Reads the token from a pipe or from a person.
async fn read_token(context: Context<'_>, profile_flag: &str) -> Result<ApiToken> {
    let world = context.world;
    let pasted = if !world.stdin_is_terminal {
        let text = piped_secret().await?;
        match token_of_config(&text) {
            Some(token) => {
                world.say("taking the value of `token` from a config file of lokalise2");
                token
            }
            None => text,
        }
    } else if world.person() {
        let api = context.settings.api_url.origin();
        if !api.is_lokalise() {
            world.say(&format!("LOKALISE_API_URL is set: the token is sent to {api}, unless --no-verify is given"));
        }
        ask("API token (hidden; from https://app.lokalise.com/profile#apitokens): ", Echo::Hidden).await?
    } else {
        let mut error = Error::usage("cannot ask for a token here");
        error.hints.extend(world.ci_hint());
        let command = shell::with_input(&format!("lokalise-auth token set{profile_flag}"), "FILE");
        return Err(error.hint(format!("pipe it in: `{command}`")));
    };
    let token = ApiToken::parse(&pasted).map_err(|why| {
        Error::usage(format!("invalid token: {why}")).hint("nothing was stored; paste the token alone, on one line")
    })?;
    if token.expose().len() != 40 {
        world.warn(&format!("Lokalise's API tokens have 40 characters, and this one has {}", token.expose().len()));
    }
    Ok(token)
}

/// The value of the key `token` in YAML as the official CLI has it: a line `token: …` among others or alone.
fn token_of_config(text: &str) -> Option<Zeroizing<String>> {
    let mut values = text.lines().filter_map(|line| line.strip_prefix("token:"));
    let value = values.next().filter(|_| values.next().is_none())?;
    let value = value.split(" #").next().unwrap_or_default().trim();
    let unquoted = ['"', '\''].iter().find_map(|quote| value.strip_prefix(*quote)?.strip_suffix(*quote));
    let value = unquoted.unwrap_or(value);
    (!value.is_empty()).then(|| Zeroizing::new(value.to_owned()))
}

/// Asks the API whether the token is valid, and who owns it.
async fn verified(context: Context<'_>, http: &Http, credential: &Credential) -> Result<Option<Owner>> {
    let found = whoami::ask(context.world, http, &context.settings.api_url, credential).await;
    match &found.state {
        CredentialState::Valid => Ok(found.owner),
        // A token that may not list projects is still valid.
        CredentialState::Forbidden => Ok(None),
        _ => Err(not_verified(&found)),
    }
}

fn not_verified(found: &ApiFindings) -> Error {
    let reason = found.reason.clone().unwrap_or_default();
    match found.state {
        CredentialState::Unchecked => {
            let kind = found.cause.unwrap_or(ErrorKind::Network);
            let mut error = Error::new(kind, format!("the token could not be checked: {reason}"));
            error.hints.clone_from(&found.hints);
            error.hint("nothing was stored; try again, or store it unchecked with --no-verify")
        }
        _ => Error::new(ErrorKind::NotLoggedIn, "Lokalise does not accept this token")
            .hint("nothing was stored; make a token at https://app.lokalise.com/profile#apitokens"),
    }
}

async fn refresh(context: Context<'_>, refresh: &TokenRefresh) -> Result<u8> {
    context.settings.refuse_token_variable(context.world)?;
    let http = Http::new(context.world);
    let mut session = Session::open(context, &http).await?;
    let Some(oauth) = session.oauth() else {
        return Err(Error::usage("an API token has no expiry and cannot be refreshed")
            .hint(format!("only a login can: `lokalise-auth login{}`", session.profile_flag_for_hint())));
    };
    if let CredentialSource::Command(program) = &session.source {
        return Err(Error::usage(format!("the access token comes from `{program}`, and cannot be refreshed here"))
            .hint("refresh it where it is published; each command here asks for the current one"));
    }
    if let (Some(limit), Some(left)) = (refresh.if_expiring, oauth.left(context.world.now()))
        && left >= limit
        && !oauth.stale(context.world.now())
    {
        context.world.say(&format!("not renewed: the access token lasts another {}", whoami::span(left)));
        return Ok(0);
    }
    match session.renew(RefreshReason::Asked).await? {
        RefreshOutcome::NotStored(error) => Err(error.hint(
            "the new token was used for nothing; what is stored is out of date if Lokalise rotates refresh tokens",
        )),
        RefreshOutcome::Renewed | RefreshOutcome::Overtaken => {
            let left = session.oauth().and_then(|oauth| oauth.left(context.world.now()));
            let until =
                left.map_or_else(|| "without a known end".to_owned(), |left| format!("for {}", whoami::span(left)));
            context.world.say(&format!("renewed: the access token lasts {until}"));
            Ok(0)
        }
    }
}

async fn print(context: Context<'_>, print: &TokenPrint) -> Result<u8> {
    if context.world.stdout_is_terminal && !print.reveal {
        return Err(Error::usage("a token does not belong on a screen")
            .hint("pipe it (`lokalise-auth token print | …`), or show it with --reveal"));
    }
    let http = Http::new(context.world);
    let choice = CredentialChoice::make(context)?;
    choice.refuse_call_only("token print")?;
    let mut session = Session::of_choice(context, &http, choice).await?;
    session.fresh().await?;
    match print.format {
        TokenFormat::Github => print_for_github(context.world, session.credential())?,
        format => context.world.answer(&formatted(&session, format))?,
    }
    Ok(0)
}

/// `--format json`
#[derive(Serialize)]
struct TokenJson<'a> {
    kind: CredentialKind,
    token: &'a str,
    expires_at: Option<String>,
    api_url: String,
}

fn formatted(session: &Session<'_>, format: TokenFormat) -> Zeroizing<String> {
    let credential = session.credential();
    let token = credential.token();
    let text = match format {
        TokenFormat::Raw => format!("{token}\n"),
        TokenFormat::Header => match credential.kind() {
            CredentialKind::ApiToken => format!("X-Api-Token: {token}\n"),
            CredentialKind::OAuth => format!("Authorization: Bearer {token}\n"),
        },
        TokenFormat::Json => {
            let end = session.oauth().and_then(|oauth| oauth.expires_at);
            let printed = TokenJson {
                kind: credential.kind(),
                token,
                expires_at: end.map(whoami::timestamp),
                api_url: session.api_url().to_string(),
            };
            let mut text = json(&printed, 2 * MAX_SECRET_BYTES);
            text.push('\n');
            return text;
        }
        TokenFormat::Env | TokenFormat::Github => format!("{}={}\n", credential.variable(), shell_words::quote(token)),
    };
    Zeroizing::new(text)
}

/// The mask first, so that no later line shows the token; then the variable, for the steps that follow.
fn print_for_github(world: &World, credential: &Credential) -> Result<()> {
    let line = Zeroizing::new(format!("{}={}", credential.variable(), credential.token()));
    world.mask_on_stdout(credential.token())?;
    match world.var("GITHUB_ENV") {
        None => world.answer(&Zeroizing::new(format!("{}\n", *line))),
        Some(path) => append_line(Path::new(&path), &line)
            .map_err(|error| Error::other("the file that GITHUB_ENV names cannot be written").because(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_config_file_of_the_official_cli_gives_its_token() {
        let of = |text: &str| token_of_config(text).map(|token| token.to_string());
        for text in ["token: abc\n", "token: \"abc\"", "project-id: 1.2\ntoken: 'abc' # mine\n", "token:abc\r\n"] {
            assert_eq!(of(text).as_deref(), Some("abc"), "{text}");
        }
        for text in ["abc\n", "token:\n", "token: a\ntoken: b\n", "  token: abc\n", ""] {
            assert_eq!(of(text), None, "{text}");
        }
    }
}
