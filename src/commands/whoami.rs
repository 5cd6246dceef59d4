//! `whoami`: which credential is in force, where it came from, whose it is, what
//! it may do and how long it lasts. An outage is never called an invalid token.

mod report;

use std::time::Duration;

use reqwest::header::ACCEPT;

use crate::cli::Whoami;
use crate::context::Context;
use crate::credential::Credential;
use crate::error::{Error, ErrorKind, Result};
use crate::http::{Http, Incoming, network_error};
use crate::lokalise::identity::{OwnerLookup, TokenStatus};
use crate::names::ProfileName;
use crate::origin::ApiUrl;
use crate::profile::Owner;
use crate::rate_limit::RateLimit;
use crate::session::{CredentialChoice, Session, command_hint, log_in_again, renewal_of_variables, save};
use crate::settings::ProfileRule;
use crate::tone::Tone;
use crate::world::World;

use report::Report;
pub use report::{owner_words, span, timestamp};

/// What is known about the credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CredentialState {
    Valid,
    Expired,
    Rejected,
    Forbidden,
    Unchecked,
    NotLoggedIn,
}

impl CredentialState {
    fn as_str(self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::Expired => "expired",
            Self::Rejected => "rejected",
            Self::Forbidden => "forbidden",
            Self::Unchecked => "unchecked",
            Self::NotLoggedIn => "not-logged-in",
        }
    }
}

impl CredentialState {
    /// How the state is coloured.
    fn tone(self) -> Tone {
        match self {
            Self::Valid => Tone::Good,
            Self::Unchecked | Self::Forbidden => Tone::Warning,
            Self::Expired | Self::Rejected | Self::NotLoggedIn => Tone::Bad,
        }
    }

    /// Why the owner of the credential is not known in this state.
    fn hides_the_owner(self) -> Option<&'static str> {
        match self {
            Self::Valid => None,
            Self::Expired => Some("the access token has ended"),
            Self::Rejected => Some("the credential is not accepted"),
            Self::Forbidden => Some("the token may not list projects"),
            Self::Unchecked => Some("the credential was not checked"),
            Self::NotLoggedIn => Some("not logged in"),
        }
    }
}

/// What the API answered about a credential.
pub struct ApiFindings {
    pub state: CredentialState,
    /// The reason for the state, where there is one.
    pub reason: Option<String>,
    /// The kind of failure that left it unchecked.
    pub cause: Option<ErrorKind>,
    /// What to do about that.
    pub hints: Vec<String>,
    pub owner: Option<Owner>,
    pub owner_unknown_because: Option<String>,
}

impl ApiFindings {
    fn state(state: CredentialState, reason: impl Into<Option<String>>) -> Self {
        let owner_unknown_because = state.hides_the_owner().map(str::to_owned);
        Self { state, reason: reason.into(), cause: None, hints: Vec::new(), owner: None, owner_unknown_because }
    }

    /// The API could not be asked, because of this error.
    fn unchecked(error: &Error) -> Self {
        let found = Self::state(CredentialState::Unchecked, error.to_string());
        Self { cause: Some(error.kind), hints: error.hints.clone(), ..found }
    }
}

pub async fn run(context: Context<'_>, whoami: &Whoami) -> Result<u8> {
    match inspect(context, whoami).await {
        // `--check` prints nothing, errors included.
        Err(error) if whoami.check => Ok(error.exit_code()),
        ended => ended,
    }
}

async fn inspect(context: Context<'_>, whoami: &Whoami) -> Result<u8> {
    let mut http = Http::new(context.world);
    http.reports_waits = !whoami.check;
    if !whoami.offline {
        // A malformed proxy is wrong usage, not an API that cannot be reached.
        http.api()?;
    }
    let choice = CredentialChoice::make(context)?;
    let (profile, rule) = (choice.profile.clone(), choice.rule.clone());
    if whoami.offline && rule == ProfileRule::TokenVariable("LOKALISE_REFRESH_TOKEN") {
        // Finding the credential would request a new token.
        renewal_of_variables(context.world)?;
        let found = ApiFindings::state(CredentialState::Unchecked, "offline".to_owned());
        return finish(context, whoami, &Report::not_minted(context.settings, &rule, &found), 0, &[]);
    }
    let mut session = match Session::of_choice(context, &http, choice).await {
        Ok(session) => session,
        Err(error) => return without_credential(context, whoami, profile.as_ref(), &rule, error),
    };
    let found = if whoami.offline {
        offline(context.world, &session)
    } else {
        online(context.world, &http, &mut session).await
    };
    remember_owner(context, &session, &found);
    let report = Report::of(context, &session, &found);
    let code = exit_code(context.world, &session, &found, whoami);
    finish(context, whoami, &report, code, &next_steps(context.world, &session, found, code))
}

/// Reports that there is no credential.
fn without_credential(
    context: Context<'_>,
    whoami: &Whoami,
    profile: Option<&ProfileName>,
    rule: &ProfileRule,
    error: Error,
) -> Result<u8> {
    match profile {
        Some(profile) if error.kind == ErrorKind::NotLoggedIn => {
            let report =
                Report::without_credential(context.settings, Some(profile.to_string()), rule.describe(), &error);
            finish(context, whoami, &report, 4, &error.hints)
        }
        // The token for this run could not be issued. A missing variable is wrong usage and is reported as such.
        None if error.kind != ErrorKind::Usage => {
            let found = not_renewed(&error);
            let code = if found.state == CredentialState::Rejected { 4 } else { code_of_unchecked(found.cause) };
            finish(context, whoami, &Report::not_minted(context.settings, rule, &found), code, &error.hints)
        }
        _ => Err(error),
    }
}

/// What to do about a credential that does not work.
fn next_steps(world: &World, session: &Session<'_>, found: ApiFindings, code: u8) -> Vec<String> {
    let rejected = found.state == CredentialState::Rejected;
    if !rejected && found.state != CredentialState::Expired {
        return found.hints;
    }
    let profile_flag = session.profile_flag_for_hint();
    let source = session.source.parts().1;
    let is_printed = session.entry.as_ref().is_some_and(|entry| entry.command.is_some());
    match &session.profile {
        _ if is_printed => vec![command_hint(source)],
        Some(_) if code != 0 && session.is_oauth() => vec![log_in_again(world, &profile_flag)],
        Some(_) if rejected => vec![format!("store a new token with `lokalise-auth token set{profile_flag}`")],
        _ if code != 0 => vec![format!("set {source} to a valid token")],
        _ => found.hints,
    }
}

fn finish(context: Context<'_>, whoami: &Whoami, report: &Report, code: u8, hints: &[String]) -> Result<u8> {
    if whoami.check {
        return Ok(code);
    }
    if context.settings.json {
        context.world.answer_json(&report.to_json())?;
        return Ok(code);
    }
    context.world.answer(&report.to_text(context.world.color_stdout(), context.world.columns()))?;
    for hint in hints {
        context.world.say(&format!("hint: {hint}"));
    }
    Ok(code)
}

/// What the record alone shows.
fn offline(world: &World, session: &Session<'_>) -> ApiFindings {
    let ended = session.oauth().and_then(|oauth| oauth.left(world.now())).is_some_and(|left| left.is_zero());
    let mut found = if ended {
        ApiFindings::state(CredentialState::Expired, "the access token has ended".to_owned())
    } else {
        ApiFindings::state(CredentialState::Unchecked, "offline".to_owned())
    };
    found.owner = session.entry.as_ref().and_then(|entry| entry.owner.clone());
    found.owner_unknown_because = found.owner.is_none().then(|| "offline".to_owned());
    found
}

/// Renews a stale token, then asks the API; a refused token is renewed and asked about once more.
async fn online(world: &World, http: &Http, session: &mut Session<'_>) -> ApiFindings {
    if let Err(error) = session.fresh().await {
        return not_renewed(&error);
    }
    let ended = session.oauth().and_then(|oauth| oauth.left(world.now())).is_some_and(|left| left.is_zero());
    if ended && !session.refreshable() {
        return ApiFindings::state(
            CredentialState::Expired,
            "the access token has ended, and there is no refresh token".to_owned(),
        );
    }
    let found = ask(world, http, session.api_url(), session.credential()).await;
    if !matches!(found.state, CredentialState::Expired | CredentialState::Rejected) {
        return found;
    }
    match session.renewed_after_401().await {
        Ok(true) => match ask(world, http, session.api_url(), session.credential()).await {
            // A token that was just renewed cannot have expired.
            found if found.state == CredentialState::Expired => ApiFindings::state(
                CredentialState::Rejected,
                "the API does not accept the token that was just renewed".to_owned(),
            ),
            found => found,
        },
        Ok(false) => found,
        Err(error) => not_renewed(&error),
    }
}

fn not_renewed(error: &Error) -> ApiFindings {
    match error.kind {
        ErrorKind::NotLoggedIn => ApiFindings::state(CredentialState::Rejected, error.to_string()),
        _ => ApiFindings::unchecked(error),
    }
}

/// Asks the API about a credential, in at most four requests.
pub async fn ask(world: &World, http: &Http, api_url: &ApiUrl, credential: &Credential) -> ApiFindings {
    let mut lookup = OwnerLookup::new(credential.kind());
    while let Some(path) = lookup.next() {
        match get(world, http, api_url, credential, &path).await {
            Ok((status, body)) => lookup.answered(status, &body),
            // Without the first answer nothing is known; without a later one, only the owner.
            Err(error) if lookup.token_status.is_none() => return ApiFindings::unchecked(&error),
            Err(error) => {
                lookup.unknown_because = Some(error.to_string());
                break;
            }
        }
    }
    let (state, reason, cause) = match lookup.token_status.expect("the first answer brings the token_status") {
        TokenStatus::Valid => (CredentialState::Valid, None, None),
        TokenStatus::Expired => {
            (CredentialState::Expired, Some("the API says that the access token has ended".to_owned()), None)
        }
        TokenStatus::Rejected => {
            (CredentialState::Rejected, Some("the API does not accept the token".to_owned()), None)
        }
        TokenStatus::Forbidden => {
            let why = "the API does not allow this token to list projects (HTTP 403; scope read_projects)";
            (CredentialState::Forbidden, Some(why.to_owned()), None)
        }
        TokenStatus::Unclear(status, why) => {
            let cause = if status == 200 { ErrorKind::Network } else { ErrorKind::from_status(status) };
            (CredentialState::Unchecked, Some(why), Some(cause))
        }
    };
    let owner_unknown_because = lookup.unknown_because.or_else(|| state.hides_the_owner().map(str::to_owned));
    ApiFindings { state, reason, cause, hints: Vec::new(), owner: lookup.owner, owner_unknown_because }
}

/// One small answer of the API.
async fn get(
    world: &World,
    http: &Http,
    api_url: &ApiUrl,
    credential: &Credential,
    path: &str,
) -> Result<(u16, Vec<u8>)> {
    const MAX_BODY_BYTES: usize = 1 << 20;
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let mut url = api_url.at(path);
    url.set_query(Some(query).filter(|query| !query.is_empty()));
    let pace = RateLimit::of_user(world, credential.rate_limit_key());
    let turn = match &pace {
        Some(pace) => Some(pace.turn(world.now()).await),
        None => None,
    };
    world.trace(&format!("> GET {}", url.path()));
    let (name, value) = credential.header();
    let request =
        http.api()?.get(url).header(name, value).header(ACCEPT, "application/json").timeout(Duration::from_secs(30));
    let response = request.send().await.map_err(|error| network_error(&error))?;
    if let Some(turn) = turn {
        turn.answered(response.headers(), world.now());
    }
    let status = response.status().as_u16();
    world.trace(&format!("< {status}"));
    let mut body = Vec::new();
    let mut incoming = Incoming::new(response)?;
    while let Some(chunk) = incoming.chunk().await? {
        if body.len() + chunk.len() > MAX_BODY_BYTES {
            break;
        }
        body.extend_from_slice(&chunk);
    }
    Ok((status, body))
}

/// Writes a newly learned owner into the profile's entry.
fn remember_owner(context: Context<'_>, session: &Session<'_>, found: &ApiFindings) {
    let (Some(profile), Some(entry), Some(owner)) = (&session.profile, &session.entry, &found.owner) else { return };
    let scopes = session.scopes();
    if entry.owner.as_ref() == Some(owner) && scopes.is_none_or(|scopes| entry.scopes.as_deref() == Some(scopes)) {
        return;
    }
    if let Err(error) = save::note_owner(context.settings, profile, owner, scopes) {
        context.world.step(&format!("the owner could not be noted: {error}"));
    }
}

/// The exit code of an outage. An answer that is not the API's counts as a network failure.
fn code_of_unchecked(cause: Option<ErrorKind>) -> u8 {
    match cause {
        Some(kind @ (ErrorKind::RateLimited | ErrorKind::Server | ErrorKind::Store)) => kind.row().code,
        _ => ErrorKind::Network.row().code,
    }
}

fn exit_code(world: &World, session: &Session<'_>, found: &ApiFindings, whoami: &Whoami) -> u8 {
    let code = match found.state {
        CredentialState::Valid => 0,
        CredentialState::Unchecked if whoami.offline => 0,
        CredentialState::Unchecked => code_of_unchecked(found.cause),
        CredentialState::Expired if session.refreshable() => 0,
        CredentialState::Expired | CredentialState::Rejected | CredentialState::NotLoggedIn => 4,
        CredentialState::Forbidden => 5,
    };
    let left = session.oauth().and_then(|oauth| oauth.left(world.now()));
    let too_short = matches!((whoami.min_validity, left), (Some(least), Some(left)) if left < least);
    if code == 0 && too_short && !session.refreshable() { 4 } else { code }
}
