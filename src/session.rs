//! The credential in force: found by the rules of product.md §2, renewed when it
//! is stale, by one process at a time. No failure here changes what is stored.

pub mod keep;
pub mod renewal;

use reqwest::header::{HeaderName, HeaderValue};

use crate::credential::{Credential, Kind, OAuth, Record, Renewal};
use crate::error::{Error, ErrorKind, Result};
use crate::http::Http;
use crate::oauth::client::ClientCredentials;
use crate::oauth::token::Grant;
use crate::origin::{ApiUrl, Origin};
use crate::profile::{Entry, ProfileName, Profiles};
use crate::secret::{AccessToken, ApiToken, ClientSecret, NotAToken, RefreshToken};
use crate::settings::{Rule, Settings};
use crate::store::Vault;
use crate::world::World;

/// Where a credential came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    Variable(&'static str),
    /// Type (`keyring`, `file`, `helper`) and the item's name.
    Store(&'static str, String),
    /// The program of `token set --from-command`.
    Command(String),
}

impl Source {
    /// `source.type` and `source.name` in reports.
    pub fn parts(&self) -> (&'static str, &str) {
        match self {
            Self::Variable(name) => ("variable", name),
            Self::Store(kind, name) => (kind, name),
            Self::Command(name) => ("command", name),
        }
    }
}

/// Where a credential is sought: the rule, the profile, and what is known without opening a store.
pub struct Choice {
    pub rule: Rule,
    /// `None` while a token variable is in force.
    pub profile: Option<ProfileName>,
    pub entry: Option<Entry>,
}

impl Choice {
    /// Applies the rules of product.md §2.
    pub fn make(world: &World, settings: &Settings) -> Result<Self> {
        if let Some(name) = settings.token_variable(world)? {
            return Ok(Self { rule: Rule::TokenVariable(name), profile: None, entry: None });
        }
        let profiles = Profiles::load(&settings.config_folder)?;
        let (profile, rule) = settings.profile(world, &profiles)?;
        let entry = profiles.entries.get(&profile).cloned();
        Ok(Self { rule, profile: Some(profile), entry })
    }
}

/// The credential of one run.
pub struct Session<'w> {
    world: &'w World,
    settings: &'w Settings,
    http: &'w Http,
    pub rule: Rule,
    pub profile: Option<ProfileName>,
    pub source: Source,
    pub entry: Option<Entry>,
    credential: Credential,
    vault: Option<Vault>,
    /// One renewal a run: a clock that is wrong must not make a loop.
    renewed: bool,
}

impl<'w> Session<'w> {
    /// Finds the credential in force. A stored one is read while the HTTP client is being built.
    ///
    /// # Errors
    /// `NotLoggedIn` when there is none; `Store` when that cannot be told.
    pub async fn open(world: &'w World, settings: &'w Settings, http: &'w Http) -> Result<Self> {
        let choice = Choice::make(world, settings)?;
        Self::of_choice(world, settings, http, choice).await
    }

    /// As [`Session::open`], for a choice that is made already.
    pub async fn of_choice(world: &'w World, settings: &'w Settings, http: &'w Http, choice: Choice) -> Result<Self> {
        let Choice { rule, profile, entry } = choice;
        let (source, credential, vault, renewed) = match (&rule, &profile) {
            (Rule::TokenVariable(name), _) => {
                let (credential, minted) = from_variable(world, settings, http, name).await?;
                (Source::Variable(name), credential, None, minted)
            }
            (_, Some(profile)) => {
                let (source, credential, vault) = stored(world, settings, http, &rule, profile, entry.as_ref()).await?;
                (source, credential, vault, false)
            }
            (_, None) => unreachable!("only a token variable stands in for a profile"),
        };
        world.step(&format!("using the {} from {}", credential.kind().as_str(), source.parts().1));
        Ok(Self { world, settings, http, rule, profile, source, entry, credential, vault, renewed })
    }

    pub fn credential(&self) -> &Credential {
        &self.credential
    }

    /// The one header that authenticates a request, marked sensitive.
    pub fn header(&self) -> (HeaderName, HeaderValue) {
        self.credential.header()
    }

    /// The API root that the credential may be sent to.
    pub fn api_url(&self) -> &ApiUrl {
        &self.settings.api_url
    }

    pub fn is_oauth(&self) -> bool {
        self.credential.kind() == Kind::OAuth
    }

    pub fn oauth(&self) -> Option<&OAuth> {
        match &self.credential {
            Credential::OAuth(oauth) => Some(oauth),
            Credential::ApiToken(_) => None,
        }
    }

    /// What the credential may do, where it is known.
    pub fn scopes(&self) -> Option<&[String]> {
        self.oauth()?.scopes.as_deref()
    }

    /// Whether `login --read-only` or `token set --read-only` bound the profile to reading.
    pub fn read_only(&self) -> bool {
        self.entry.as_ref().is_some_and(|entry| entry.read_only)
    }

    /// Whether an access token that ends can be replaced by a new one.
    pub fn refreshable(&self) -> bool {
        self.oauth().is_some_and(|oauth| oauth.renewal.is_some())
    }

    /// A name for the token that does not tell it, for the pace that its requests share.
    pub fn pace_key(&self) -> String {
        self.credential.pace_key()
    }

    /// The `--profile NAME` that a pasted hint needs, with a space before it; empty for the default.
    pub fn profile_words(&self) -> String {
        self.profile.as_ref().map_or_else(String::new, profile_words)
    }
}

/// ` --profile NAME`, for hints; nothing for the profile `default`.
pub fn profile_words(profile: &ProfileName) -> String {
    if *profile == ProfileName::default() { String::new() } else { format!(" --profile {profile}") }
}

/// The error for "there is no credential", with the way on that works here.
pub fn not_logged_in(world: &World, profile: &ProfileName) -> Error {
    let what = if *profile == ProfileName::default() {
        "not logged in to Lokalise".to_owned()
    } else {
        format!("not logged in to Lokalise with profile `{profile}`")
    };
    let error = Error::new(ErrorKind::NotLoggedIn, what);
    if world.switch("GITHUB_ACTIONS") {
        return error
            .hint("set the token in the workflow: `env: { LOKALISE_API_TOKEN: ${{ secrets.LOKALISE_API_TOKEN }} }`");
    }
    if world.asked_for_silence() {
        return error.hint("set LOKALISE_API_TOKEN");
    }
    error.hint(format!("log in with `lokalise-auth login{}`, or set LOKALISE_API_TOKEN", profile_words(profile)))
}

/// A credential that a variable holds, and whether it was minted for this run.
async fn from_variable(
    world: &World,
    settings: &Settings,
    http: &Http,
    name: &'static str,
) -> Result<(Credential, bool)> {
    let text = zeroize::Zeroizing::new(world.var(name).unwrap_or_default());
    let no_token = |why: NotAToken| Error::usage(format!("{name} does not hold a token: {why}"));
    match name {
        "LOKALISE_API_TOKEN" => {
            ApiToken::parse(&text).map(|token| (Credential::ApiToken(token), false)).map_err(no_token)
        }
        "LOKALISE_API_TOKEN_FILE" => {
            let content = read_token_file(&text)?;
            let token = ApiToken::parse(&content)
                .map_err(|why| Error::usage(format!("the file of {name} does not hold a token: {why}")))?;
            Ok((Credential::ApiToken(token), false))
        }
        "LOKALISE_ACCESS_TOKEN" => {
            let access_token = AccessToken::parse(&text).map_err(no_token)?;
            let oauth = OAuth { access_token, expires_at: None, lifetime: None, scopes: None, renewal: None };
            Ok((Credential::OAuth(oauth), false))
        }
        _ => {
            let refresh_token = RefreshToken::parse(&text).map_err(no_token)?;
            let client = client_of_variables(world)?;
            let response = http
                .token(world, &settings.oauth_url, &Grant::RefreshToken(&refresh_token), &client)
                .await?
                .map_err(|error| {
                    crate::http::token_error(&error, "minting a token from LOKALISE_REFRESH_TOKEN")
                        .hint("check LOKALISE_REFRESH_TOKEN, LOKALISE_CLIENT_ID and LOKALISE_CLIENT_SECRET")
                })?;
            let mut oauth = OAuth::issued(
                response,
                ClientCredentials { id: String::new(), secret: ClientSecret::new("") },
                world.now(),
            );
            oauth.renewal = Some(Renewal { client, refresh_token });
            Ok((Credential::OAuth(oauth), true))
        }
    }
}

fn client_of_variables(world: &World) -> Result<ClientCredentials> {
    let needed = |name: &str| {
        world.var(name).ok_or_else(|| {
            Error::usage(format!("LOKALISE_REFRESH_TOKEN is set, but {name} is not")).hint(
                "a token is minted from LOKALISE_REFRESH_TOKEN, LOKALISE_CLIENT_ID and LOKALISE_CLIENT_SECRET together",
            )
        })
    };
    let id = needed("LOKALISE_CLIENT_ID")?;
    let secret = ClientSecret::parse(&needed("LOKALISE_CLIENT_SECRET")?)
        .map_err(|why| Error::usage(format!("LOKALISE_CLIENT_SECRET does not hold a client secret: {why}")))?;
    Ok(ClientCredentials { id, secret })
}

fn read_token_file(path: &str) -> Result<zeroize::Zeroizing<String>> {
    use std::io::Read;
    let unreadable = |error: std::io::Error| {
        Error::usage(format!("the file that LOKALISE_API_TOKEN_FILE names cannot be read: {path}")).because(error)
    };
    let mut text = zeroize::Zeroizing::new(String::with_capacity(8192));
    let file = std::fs::File::open(path).map_err(unreadable)?;
    if file.metadata().map_err(unreadable)?.is_dir() {
        return Err(unreadable(std::io::Error::other("it is a folder")));
    }
    file.take(crate::secret::LONGEST as u64 + 4).read_to_string(&mut text).map_err(unreadable)?;
    Ok(text)
}

/// The credential of a profile: from its store, or printed by its command.
async fn stored(
    world: &World,
    settings: &Settings,
    http: &Http,
    rule: &Rule,
    profile: &ProfileName,
    entry: Option<&Entry>,
) -> Result<(Source, Credential, Option<Vault>)> {
    let kind = match (entry, &settings.store_flag) {
        (Some(entry), None) => entry.store.clone(),
        (Some(entry), Some(flag)) if flag.clone().kind() == entry.store => entry.store.clone(),
        (Some(entry), Some(_)) => {
            return Err(Error::usage(format!("profile `{profile}` is kept in: {}", entry.store))
                .hint("leave --store out; it is for `login` and `token set`"));
        }
        // A record may outlive its entry in the list of profiles; only a store that was named is looked into.
        (None, Some(flag)) => flag.clone().kind(),
        (None, None) => match &settings.store_variable {
            Some(choice) => choice.clone().kind(),
            None => return Err(unknown_profile(world, rule, profile)),
        },
    };
    if let Some(entry) = entry {
        check_origin(
            settings,
            profile,
            &Origin::recorded(&entry.api_url),
            &Origin::recorded(&entry.oauth_url),
            entry.kind,
        )?;
        if let Some(words) = &entry.command {
            let token = command_token(world, words).await?;
            let program = words.first().cloned().unwrap_or_default();
            return Ok((Source::Command(program), Credential::ApiToken(token), None));
        }
    }
    let vault = settings.vault(kind);
    let reading = vault.begin_read(profile);
    http.api()?; // built while the store answers
    let text = vault.finish_read(reading).await.map_err(|error| error.explain(&vault, profile))?;
    let Some(text) = text else { return Err(unknown_profile(world, rule, profile)) };
    let record = record_of(&vault, profile, &text)?;
    check_origin(settings, profile, &record.api_origin, &record.oauth_origin, record.credential.kind())?;
    if entry.is_some_and(|entry| entry.kind != record.credential.kind()) {
        return Err(Error::store(format!(
            "the record of profile `{profile}` is of another kind than profiles.json says"
        ))
        .hint(format!("log in again with `lokalise-auth login{}`", profile_words(profile))));
    }
    Ok((Source::Store(vault.kind.type_name(), vault.item_name(profile)), record.credential, Some(vault)))
}

fn unknown_profile(world: &World, rule: &Rule, profile: &ProfileName) -> Error {
    let error = not_logged_in(world, profile);
    match rule {
        Rule::Folder(path) => error.hint(format!("the profile was chosen by {}", path.display())),
        Rule::Variable => error.hint("the profile was chosen by LOKALISE_PROFILE"),
        _ => error,
    }
}

/// Reads a record. One that cannot be read is reported, never removed.
pub fn record_of(vault: &Vault, profile: &ProfileName, text: &str) -> Result<Record> {
    Record::from_text(text, profile)
        .map_err(|why| crate::store::StoreError::Corrupt(why.to_string()).explain(vault, profile))
}

/// A record is for the origins that it was issued for, and for no other.
fn check_origin(settings: &Settings, profile: &ProfileName, api: &Origin, oauth: &Origin, kind: Kind) -> Result<()> {
    let mismatch = |variable: &str, recorded: &Origin, now: &Origin| {
        Error::usage(format!(
            "the credential of profile `{profile}` is for {recorded}, not for {now}; nothing was sent"
        ))
        .hint(format!(
            "`unset {variable}`, or log in to {now} under another profile: `lokalise-auth login --profile NAME`"
        ))
    };
    if *api != settings.api_url.origin() {
        return Err(mismatch("LOKALISE_API_URL", api, &settings.api_url.origin()));
    }
    if kind == Kind::OAuth && *oauth != settings.oauth_url.origin() {
        return Err(mismatch("LOKALISE_OAUTH_URL", oauth, &settings.oauth_url.origin()));
    }
    Ok(())
}

/// Runs the command of `token set --from-command` and takes what it prints as the token.
///
/// # Errors
/// `Store`, if it cannot be run, fails, or prints no token in time. Its output is not repeated.
pub async fn command_token(world: &World, words: &[String]) -> Result<ApiToken> {
    use tokio::io::AsyncReadExt;
    let (program, arguments) = words.split_first().ok_or_else(|| Error::usage("the command is empty"))?;
    let failed = |why: String| {
        Error::store(format!("the command `{program}` {why}"))
            .hint("run it by hand; change it with `lokalise-auth token set --from-command`")
    };
    let limit = std::time::Duration::from_secs(if world.person() { 60 } else { 5 });
    let mut command = tokio::process::Command::new(program);
    command.args(arguments).stdout(std::process::Stdio::piped()).kill_on_drop(true);
    if !world.person() {
        command.stdin(std::process::Stdio::null());
    }
    for name in crate::world::SECRET_VARIABLES {
        command.env_remove(name);
    }
    let mut child = command.spawn().map_err(|error| failed(format!("cannot be run: {error}")))?;
    let mut stdout = child.stdout.take().expect("stdout is piped").take(crate::secret::LONGEST as u64 + 4);
    let mut text = zeroize::Zeroizing::new(String::with_capacity(8192));
    let ended = tokio::time::timeout(limit, async {
        let read = stdout.read_to_string(&mut text).await;
        (read, child.wait().await)
    });
    match ended.await {
        Err(_) => Err(failed(format!("did not end within {} s", limit.as_secs()))),
        Ok((Ok(_), Ok(status))) if status.success() => {
            ApiToken::parse(text.trim()).map_err(|why| failed(format!("does not print a token: {why}")))
        }
        Ok((Err(_), _)) => Err(failed("does not print text".to_owned())),
        Ok((_, Ok(status))) => Err(failed(format!("failed ({status})"))),
        Ok((_, Err(error))) => Err(failed(format!("failed: {error}"))),
    }
}
