//! What `login` is given or has to ask for: client credentials, scopes, and the
//! code or address that a person pastes.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use zeroize::Zeroizing;

use crate::cli::Login;
use crate::cli::suggest::nearest;
use crate::context::Context;
use crate::credential::{Credential, Record};
use crate::error::{Error, ErrorKind, Result};
use crate::lokalise::endpoints;
use crate::oauth::authorization::{AuthorizationRequest, RedirectUri, Redirected};
use crate::oauth::client::{ClientCredentials, DEFAULT_SCOPES, scope_tokens};
use crate::origin::is_loopback;
use crate::profile::ProfileEntry;
use crate::secret::{AuthorizationCode, ClientSecret, one_token};
use crate::session::save::TargetProfile;
use crate::session::secret_file;
use crate::settings::Settings;
use crate::terminal::{Echo, answer, ask, piped_line, piped_secret};
use crate::world::World;

const SECRET_QUESTION: &str = "client secret (hidden): ";

/// How long a client id and an authorization code of Lokalise are.
const LENGTH: usize = 40;

/// Where the client id and the client secret of a login may come from.
pub(super) struct ClientInput<'a> {
    pub context: Context<'a>,
    pub login: &'a Login,
    pub target: &'a TargetProfile,
}

impl ClientInput<'_> {
    /// Client id and secret: from a flag, a variable, the profile, or the person.
    pub(super) async fn credentials(&self) -> Result<ClientCredentials> {
        let id = self.id().await?;
        let secret = self.secret(&id).await?;
        // The id is part of the URL: the secret in its place would be in the browser's history.
        if id == secret.expose() {
            return Err(Error::usage("client id and client secret are the same")
                .hint("one of them is in the place of the other; check both"));
        }
        Ok(ClientCredentials { id, secret })
    }

    /// The id of the profile's present login.
    fn known_id(&self) -> Option<&str> {
        self.target.entry.as_ref()?.client_id.as_deref()
    }

    async fn id(&self) -> Result<String> {
        let Self { context: Context { world, .. }, login, .. } = self;
        let given = login.client_id.clone().or_else(|| world.var("LOKALISE_CLIENT_ID"));
        let id = match given.or_else(|| self.known_id().map(str::to_owned)) {
            Some(id) => id,
            None if world.person() => return self.asked_id().await,
            None => {
                let mut error = Error::usage("the client id is missing");
                error.hints.extend(world.ci_hint());
                return Err(error
                    .hint("set LOKALISE_CLIENT_ID, or give --client-id: Lokalise's support issues it with an OAuth app")
                    .hint(self.without_an_app()));
            }
        };
        one_token(&id).map_err(|why| Error::usage(format!("invalid client id: {why}")))?;
        Ok(id)
    }

    /// Asks until the answer can be a client id. It is hidden, since people paste tokens here.
    async fn asked_id(&self) -> Result<String> {
        let world = self.context.world;
        world.say("a login needs an OAuth app, which Lokalise's support registers for you; it has a client id and a client secret");
        world.say(&self.without_an_app());
        loop {
            let answer = ask("client id (hidden): ", Echo::Hidden).await?;
            let id = answer.trim();
            match one_token(id) {
                Ok(_) if id.len() == LENGTH => return Ok(id.to_owned()),
                Ok(_) => world.say(&format!("a client id has {LENGTH} characters, and this has {}; {AGAIN}", id.len())),
                Err(why) => world.say(&format!("invalid client id: {why}; {AGAIN}")),
            }
        }
    }

    fn without_an_app(&self) -> String {
        format!("without an app, store an API token: `lokalise-auth token set{}`", self.target.profile_flag)
    }

    async fn secret(&self, id: &str) -> Result<ClientSecret> {
        let world = self.context.world;
        if let Some(secret) = given_secret(world, self.login).await? {
            return Ok(secret);
        }
        if self.known_id() == Some(id)
            && let Some(secret) = stored_secret(self.context.settings, self.target).await
        {
            return Ok(secret);
        }
        if !world.person() {
            let mut error = Error::usage("the client secret is missing");
            error.hints.extend(world.ci_hint());
            return Err(error.hint("set LOKALISE_CLIENT_SECRET, or give --client-secret-file PATH (`-` is stdin)"));
        }
        let oauth = self.context.settings.oauth_url.origin();
        if !oauth.is_lokalise() {
            world.say(&format!("LOKALISE_OAUTH_URL is set: the client secret is sent to {oauth}"));
        }
        secret(&ask(SECRET_QUESTION, Echo::Hidden).await?)
    }
}

fn secret(text: &str) -> Result<ClientSecret> {
    ClientSecret::parse(text).map_err(|why| Error::usage(format!("invalid client secret: {why}")))
}

async fn given_secret(world: &World, login: &Login) -> Result<Option<ClientSecret>> {
    let text = match (&login.client_secret_file, world.var("LOKALISE_CLIENT_SECRET")) {
        (Some(path), _) if path == Path::new("-") => stdin_secret(world, login).await?,
        (Some(path), _) => {
            // The path is not repeated: it may be the secret itself.
            secret_file(path.clone()).await.map_err(|error| {
                Error::usage("the file that `--client-secret-file` names cannot be read").because(error)
            })?
        }
        (None, Some(text)) => Zeroizing::new(text),
        (None, None) => return Ok(None),
    };
    secret(&text).map(Some)
}

/// A secret from stdin, or from a hidden prompt on a terminal. What is pasted later follows it on stdin.
async fn stdin_secret(world: &World, login: &Login) -> Result<Zeroizing<String>> {
    if world.person() {
        ask(SECRET_QUESTION, Echo::Hidden).await
    } else if world.stdin_is_terminal {
        line_without_a_question(world).await
    } else if login.paste || login.redirect_uri.is_some() {
        piped_line().await
    } else {
        piped_secret().await
    }
}

/// One line of stdin, without a question. What is typed or pasted on a terminal is hidden there too.
async fn line_without_a_question(world: &World) -> Result<Zeroizing<String>> {
    if !world.stdin_is_terminal {
        return piped_line().await;
    }
    answer("", Echo::Hidden).await?.ok_or_else(|| Error::usage("stdin ended before a line came"))
}

/// The secret of the profile's present record. A record that cannot be read is about to be replaced.
async fn stored_secret(settings: &Settings, target: &TargetProfile) -> Option<ClientSecret> {
    let TargetProfile { profile, entry, .. } = target;
    let entry = entry.as_ref().filter(|entry| entry.oauth_url == settings.oauth_url.origin().as_str())?;
    let text = settings.store(entry.store.clone()).read(profile).await.ok()??;
    match Record::from_text(&text, profile).ok()?.credential {
        Credential::OAuth(oauth) => oauth.renewal.map(|renewal| renewal.client.secret),
        Credential::ApiToken(_) => None,
    }
}

/// The scopes to request: `--scope`, what the profile has, or enough for `whoami`.
pub(super) fn scopes(world: &World, login: &Login, entry: Option<&ProfileEntry>) -> Result<Vec<String>> {
    let given = scope_tokens(&login.scopes)
        .map_err(|position| Error::usage(format!("scope {position} of `--scope` has a character that no scope has")))?;
    if !given.is_empty() {
        for question in given.iter().enumerate().filter_map(|(index, scope)| doubt(index, scope)) {
            world.warn(&question);
        }
        return Ok(given);
    }
    if !login.scopes.is_empty() {
        return Err(Error::usage("`--scope` names no scope").hint("`lokalise-auth scopes` lists them"));
    }
    let known = entry.and_then(|entry| entry.scopes.clone()).filter(|scopes| !scopes.is_empty());
    Ok(known.unwrap_or_else(|| DEFAULT_SCOPES.map(str::to_owned).to_vec()))
}

/// A warning about a scope that no known endpoint needs. Lokalise may have more scopes than we know.
fn doubt(index: usize, scope: &str) -> Option<String> {
    let known: BTreeSet<&str> = endpoints::all().filter_map(|endpoint| endpoint.operation.scope.name()).collect();
    if known.contains(scope) || DEFAULT_SCOPES.contains(&scope) {
        return None;
    }
    let all: Vec<&str> = known.into_iter().collect();
    Some(match nearest(scope, &all) {
        Some(meant) => format!("no endpoint needs the scope `{scope}`; did you mean `{meant}`?"),
        // It may be anything, a token too.
        None => format!(
            "no endpoint needs scope {} of `--scope`; `lokalise-auth scopes` lists those that are needed",
            index + 1
        ),
    })
}

/// The end of the message that asks again.
const AGAIN: &str = "try again, or stop with Ctrl-C";

/// A terminal that is gone ends every question at once.
const REPEAT_PAUSE: Duration = Duration::from_millis(200);

/// What the person is expected to paste.
enum PasteExpected {
    /// Without a redirect URI Lokalise shows a code.
    Code,
    /// The address on which the browser ended.
    Address,
}

/// Takes what a person pastes until it is the answer; without a person, one line of stdin.
pub(super) async fn pasted(world: &World, request: &AuthorizationRequest) -> Result<Redirected> {
    let redirect_uri = request.redirect_uri.as_ref().map(RedirectUri::url);
    let expected = if redirect_uri.is_some() { PasteExpected::Address } else { PasteExpected::Code };
    if !world.person() {
        let line = line_without_a_question(world).await?;
        return read(request, &expected, &line).map_err(|why| Error::usage(why).hint("nothing was stored"));
    }
    let listening = redirect_uri.is_some_and(is_loopback);
    let question = match expected {
        PasteExpected::Code => "code (hidden): ",
        PasteExpected::Address if listening => {
            "waiting for the browser; or paste here the address it ended on (hidden): "
        }
        PasteExpected::Address => "address (hidden): ",
    };
    loop {
        let read = match answer(question, Echo::Hidden).await {
            Ok(Some(line)) => read(request, &expected, &line),
            // The next question keeps what is pasted hidden.
            Ok(None) if listening => {
                world.say("still waiting for the browser; Ctrl-C stops");
                tokio::time::sleep(REPEAT_PAUSE).await;
                continue;
            }
            Ok(None) => return Err(Error::usage("the input ended before an answer").hint("nothing was stored")),
            Err(error) if error.kind == ErrorKind::Usage => Err(error.to_string()),
            Err(error) => return Err(error),
        };
        match read {
            Ok(redirected) => return Ok(redirected),
            Err(why) => world.say(&format!("{why}; {AGAIN}")),
        }
    }
}

fn read(request: &AuthorizationRequest, expected: &PasteExpected, line: &str) -> Result<Redirected, String> {
    let line = line.trim();
    // Lokalise may send the browser on all the same, to an address of the app's own.
    if matches!(expected, PasteExpected::Code) && !line.contains("://") {
        let is_parameter = |part: &str| {
            let part = part.to_ascii_lowercase();
            ["code=", "state=", "error="].iter().any(|name| part.starts_with(name))
        };
        if line.split(['?', '&', '#', ';']).any(is_parameter) {
            return match request.pasted_parameters(line) {
                Redirected::NotOurs(why) => Err(format!("invalid code: {why}")),
                answer => Ok(answer),
            };
        }
        // A token may contain any of these, and so may a code that was copied with its surroundings.
        if let Some(odd) = line.chars().find(|c| "\"'`<>?&#;".contains(*c)) {
            return Err(format!("invalid code: it has a `{odd}`; paste the code alone"));
        }
        return match AuthorizationCode::parse(line) {
            Ok(code) if code.expose().len() == LENGTH => Ok(Redirected::Granted(code)),
            Ok(code) => {
                Err(format!("invalid code: a code has {LENGTH} characters, and this has {}", code.expose().len()))
            }
            Err(why) => Err(format!("invalid code: {why}")),
        };
    }
    match request.pasted_address(line) {
        Redirected::NotOurs(why) => Err(format!("that is not the address of this login: {why}")),
        answer => Ok(answer),
    }
}
