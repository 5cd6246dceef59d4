//! `doctor`: checks settings, folders, store, network and credential with the code that
//! `call` uses, and says what to do about each finding. The report holds no secret, so
//! that it can be pasted into an issue.

mod certificate;
mod network;

use std::fmt::Write;
use std::path::Path;
use std::time::Instant;

use serde_json::{Value, json};

use super::whoami::{self, CredentialState};
use crate::context::Context;
use crate::error::{Error, ErrorKind, Result};
use crate::escape;
use crate::http::{Http, no_proxy_variable, proxy_variable};
use crate::names::StoreKind;
use crate::profile::{self, Profiles};
use crate::session::{CredentialChoice, Session, log_in_again, save};
use crate::settings::{ProfileRule, Settings};
#[cfg(unix)]
use crate::shell;
use crate::tone::Tone;
use crate::world::World;

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Health {
    Good,
    /// A warning: nothing fails because of it.
    Odd,
    Bad(ErrorKind),
}

/// One line of the report.
struct Check {
    name: &'static str,
    health: Health,
    detail: String,
    hints: Vec<String>,
}

impl Check {
    fn good(name: &'static str, detail: impl Into<String>) -> Self {
        Self { name, health: Health::Good, detail: detail.into(), hints: Vec::new() }
    }

    fn odd(name: &'static str, detail: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { name, health: Health::Odd, detail: detail.into(), hints: vec![hint.into()] }
    }

    fn bad(name: &'static str, error: &Error) -> Self {
        let mut hints = error.hints.clone();
        if hints.is_empty() {
            hints.push("fix the setting named above".to_owned());
        }
        Self { name, health: Health::Bad(error.kind), detail: error.to_string(), hints }
    }

    /// Puts the subject in front of the detail.
    fn about(mut self, what: &str) -> Self {
        self.detail = format!("{what}: {}", self.detail);
        self
    }

    fn word(&self) -> &'static str {
        match self.health {
            Health::Good => "ok",
            Health::Odd => "warning",
            Health::Bad(_) => "problem",
        }
    }

    fn tone(&self) -> Tone {
        match self.health {
            Health::Good => Tone::Good,
            Health::Odd => Tone::Warning,
            Health::Bad(_) => Tone::Bad,
        }
    }
}

pub async fn run(context: Context<'_>) -> Result<u8> {
    let mut checks = folders(context);
    checks.push(origins(context));
    let choice = match CredentialChoice::make(context) {
        Ok(choice) => {
            checks.push(Check::good("profile", chosen(&choice)));
            Some(choice)
        }
        Err(error) => {
            checks.push(Check::bad("profile", &error));
            None
        }
    };
    checks.extend(stores(context, choice.as_ref()).await);
    checks.push(prompts(context.world));
    let http = Http::new(context.world);
    match http.api() {
        Ok(_) => {
            checks.push(proxy(context.world));
            checks.extend(network::check_network(context, &http).await);
            if let Some(choice) = choice {
                checks.push(credential(context, &http, choice).await);
            }
        }
        Err(error) => checks.push(Check::bad("proxy", &error)),
    }
    report(context.world, checks, context.settings.json)
}

/// The report for an invalid setting. Checks that depend on it are left out.
pub fn without_settings(world: &World, error: &Error, json: bool) -> Result<u8> {
    report(world, vec![Check::bad("settings", error), prompts(world), proxy(world)], json)
}

fn report(world: &World, mut checks: Vec<Check>, json: bool) -> Result<u8> {
    for check in &mut checks {
        check.hints = std::mem::take(&mut check.hints).iter().filter_map(|hint| beyond_doctor(hint)).collect();
    }
    if json {
        world.answer_json(&to_json(&checks))?;
    } else {
        world.answer(&to_text(&checks, world.color_stdout()))?;
    }
    let first = checks.iter().find_map(|check| match check.health {
        Health::Bad(kind) => Some(kind.row().code),
        Health::Good | Health::Odd => None,
    });
    Ok(first.unwrap_or(0))
}

/// A hint without the advice to run `doctor`, which is running.
fn beyond_doctor(hint: &str) -> Option<String> {
    let rest = hint.split_once("`lokalise-auth doctor`").map_or(hint, |(before, _)| before.trim_end_matches("; "));
    (!rest.is_empty()).then(|| rest.to_owned())
}

/// Whether a setting comes from a variable or is the default.
fn from(world: &World, variable: &str) -> String {
    if world.var(variable).is_some() { format!("from {variable}") } else { "default".to_owned() }
}

/// Folders and files: their paths, where the paths come from, and their modes.
fn folders(context: Context<'_>) -> Vec<Check> {
    let config = context.settings.config_folder().ok();
    let mut checks = vec![folder("config folder", config, &from(context.world, "LOKALISE_AUTH_CONFIG_DIR"))];
    checks.extend(config.map(|config| match Profiles::load(config) {
        Ok(profiles) => {
            Check::good("profiles", format!("{} in {}", profiles.entries.len(), profile::path(config).display()))
        }
        Err(error) => Check::bad("profiles", &error),
    }));
    checks.push(folder(
        "data folder",
        context.settings.data_folder.as_deref(),
        &from(context.world, "LOKALISE_AUTH_DATA_DIR"),
    ));
    checks.push(match crate::files::lock::user_folder() {
        Ok(path) => folder("locks and pace", Some(&path), "by user id"),
        Err(error) => Check::odd(
            "locks and pace",
            error.to_string(),
            "without it, parallel runs share neither renewals nor the rate limit",
        ),
    });
    checks
}

fn folder(name: &'static str, path: Option<&Path>, from: &str) -> Check {
    let Some(path) = path else {
        return Check::odd(
            name,
            "none: there is no home folder",
            "set HOME, LOKALISE_AUTH_CONFIG_DIR and LOKALISE_AUTH_DATA_DIR",
        );
    };
    let Ok(metadata) = std::fs::metadata(path) else {
        return Check::good(name, format!("{} ({from}; not made yet)", path.display()));
    };
    if !metadata.is_dir() {
        return Check::bad(
            name,
            &Error::store(format!("{} is not a folder", path.display())).hint("move that file away"),
        );
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let mode = metadata.mode() & 0o7777;
        let detail = format!("{} ({from}; mode {mode:04o})", path.display());
        if mode & 0o022 != 0 {
            let hint = format!("others can write there: `chmod go-w {}`", shell::quote(&path.to_string_lossy()));
            return Check::odd(name, detail, hint);
        }
        Check::good(name, detail)
    }
    #[cfg(not(unix))]
    Check::good(name, format!("{} ({from})", path.display()))
}

fn origins(context: Context<'_>) -> Check {
    let api = format!("api {} ({})", context.settings.api_url, from(context.world, "LOKALISE_API_URL"));
    Check::good(
        "servers",
        format!("{api}, oauth {} ({})", context.settings.oauth_url, from(context.world, "LOKALISE_OAUTH_URL")),
    )
}

fn chosen(choice: &CredentialChoice) -> String {
    match (&choice.profile, &choice.rule) {
        (Some(profile), rule) => format!("{profile} (chosen by: {})", rule.describe()),
        (None, rule) => format!("none; the credential is in {}", rule.describe()),
    }
}

/// The store in force, the store of a new login if that is another, and the time limit of both.
async fn stores(context: Context<'_>, choice: Option<&CredentialChoice>) -> Vec<Check> {
    let entry = choice.and_then(|choice| choice.entry.as_ref());
    let (next, rule) = save::store_and_rule(context.settings, entry);
    let of_profile = entry.map(|entry| &entry.store).filter(|store| **store != next);
    let mut checks = Vec::new();
    if entry.is_some_and(|entry| entry.command.is_some()) {
        checks.push(Check::good("store", "none: the profile's token comes from a command"));
    } else if let Some(store) = of_profile {
        checks.push(probed("store", context.settings, choice, store.clone(), "the profile").await);
        checks.push(probed("next store", context.settings, choice, next, rule).await);
    } else {
        checks.push(probed("store", context.settings, choice, next, rule).await);
    }
    let limit = humantime::format_duration(context.settings.store_limit);
    let why = match from(context.world, "LOKALISE_AUTH_KEYRING_TIMEOUT") {
        why if why != "default" => why,
        _ if context.world.person() => "default where prompts are possible".to_owned(),
        _ => "default without prompts".to_owned(),
    };
    checks.push(Check::good("store deadline", format!("{limit} ({why})")));
    checks
}

/// Writes, reads back and removes a throw-away record.
async fn probed(
    name: &'static str,
    settings: &Settings,
    choice: Option<&CredentialChoice>,
    kind: StoreKind,
    rule: &str,
) -> Check {
    let from = if rule == "default" { rule.to_owned() } else { format!("from {rule}") };
    let has_entry = choice.is_some_and(|choice| choice.entry.is_some());
    let in_use = has_entry || !matches!(choice.map(|choice| &choice.rule), Some(ProfileRule::TokenVariable(_)));
    if kind == StoreKind::File && !in_use {
        return Check::good(name, format!("file ({from}), not in use"));
    }
    let store = settings.store(kind.clone());
    let profile = choice.and_then(|choice| choice.profile.clone()).unwrap_or_default();
    let started = Instant::now();
    match store.probe().await {
        Ok(()) => Check::good(
            name,
            format!(
                "{kind} ({from}): {} {} in {} ms",
                store.title(),
                if kind == StoreKind::Keyring { "is open and answers" } else { "takes, returns and forgets a record" },
                started.elapsed().as_millis()
            ),
        ),
        Err(why) => {
            let error = if has_entry { why.explain(&store, &profile) } else { why.explain_for_new(&store, &profile) };
            // The keyring is not needed while a variable holds the token.
            if in_use {
                Check::bad(name, &error).about(&format!("{kind} ({from})"))
            } else {
                Check::odd(name, format!("{kind} ({from}): {error}"), "not needed while a token variable is set")
            }
        }
    }
}

/// Whether prompts are possible, and if not, why.
fn prompts(world: &World) -> Check {
    let why = if world.person() {
        return Check::good("prompts", "possible");
    } else if world.switch("CI") {
        "CI is set"
    } else if world.switch("LOKALISE_AUTH_NO_INPUT") {
        "LOKALISE_AUTH_NO_INPUT is set"
    } else if world.no_input {
        "--no-input"
    } else {
        "stdin or stderr is not a terminal"
    };
    Check::good("prompts", format!("none: {why}"))
}

fn proxy(world: &World) -> Check {
    match (proxy_variable(world), no_proxy_variable(world)) {
        (Some(name), Some(except)) => {
            Check::good("proxy", format!("for https, from {name}, with exceptions from {except}"))
        }
        (Some(name), None) => Check::good("proxy", format!("for https, from {name}")),
        (None, _) => Check::good("proxy", "none"),
    }
}

/// The credential in force, checked as by `whoami`.
async fn credential(context: Context<'_>, http: &Http, choice: CredentialChoice) -> Check {
    const NAME: &str = "credential";
    let of_profile = choice.profile.is_some();
    let mut session = match Session::of_choice(context, http, choice).await {
        Ok(session) => session,
        Err(error) if of_profile && error.kind == ErrorKind::NotLoggedIn => {
            return Check { name: NAME, health: Health::Odd, detail: error.to_string(), hints: error.hints };
        }
        Err(error) => return Check::bad(NAME, &error),
    };
    if let Err(error) = session.fresh().await {
        return Check::bad(NAME, &error);
    }
    let found = whoami::ask(context.world, http, session.api_url(), session.credential()).await;
    let words = session.profile_flag_for_hint();
    let (place, name) = session.source.parts();
    let kept = format!("{} from {place} {name}", session.credential().kind().as_str());
    let left = session.oauth().and_then(|oauth| oauth.left(context.world.now()));
    let left = left.map_or_else(String::new, |left| format!(", lasts another {}", whoami::span(left)));
    let reason = found.reason.unwrap_or_default();
    match found.state {
        CredentialState::Valid => Check::good(NAME, format!("{kept}{left}: the API accepts it")),
        CredentialState::Unchecked => Check {
            name: NAME,
            health: Health::Bad(found.cause.unwrap_or(ErrorKind::Network)),
            detail: format!("{kept}{left}: it could not be checked: {reason}"),
            hints: if found.hints.is_empty() { vec!["try again in a minute".to_owned()] } else { found.hints },
        },
        CredentialState::Forbidden => Check::odd(
            NAME,
            format!("{kept}{left}: {reason}"),
            if of_profile {
                format!("log in with that scope: `lokalise-auth login{words} --scope read_projects,read_contributors`")
            } else {
                format!("set {name} to a token with that scope")
            },
        ),
        CredentialState::Expired | CredentialState::Rejected | CredentialState::NotLoggedIn => Check {
            name: NAME,
            health: Health::Bad(ErrorKind::NotLoggedIn),
            detail: format!("{kept}: {reason}"),
            hints: vec![if of_profile && session.is_oauth() {
                log_in_again(context.world, &words)
            } else if of_profile {
                format!("store a new token with `lokalise-auth token set{words}`")
            } else {
                format!("set {name} to a valid token")
            }],
        },
    }
}

fn to_json(checks: &[Check]) -> Value {
    let rows: Vec<_> = checks
        .iter()
        .map(|check| json!({"name": check.name, "status": check.word(), "detail": check.detail, "hints": check.hints}))
        .collect();
    json!({
        "schema_version": 1,
        "version": env!("CARGO_PKG_VERSION"),
        "system": format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
        "ok": checks.iter().all(|check| !matches!(check.health, Health::Bad(_))),
        "checks": rows,
    })
}

fn to_text(checks: &[Check], color: bool) -> String {
    let mut text = format!(
        "lokalise-auth {} on {} {}\n\n",
        env!("CARGO_PKG_VERSION"),
        std::env::consts::OS,
        std::env::consts::ARCH
    );
    for check in checks {
        let word = check.tone().paint(&format!("{:8}", check.word()), color);
        writeln!(text, "{word} {:14} {}", check.name, escape::line(&check.detail)).expect("a string takes all text");
    }
    let todo: Vec<&Check> = checks.iter().filter(|check| !check.hints.is_empty()).collect();
    text.push_str(if todo.is_empty() { "\nnothing to do\n" } else { "\nwhat to do\n" });
    for check in todo {
        for hint in &check.hints {
            writeln!(text, "  {}: {}", check.name, escape::line(hint)).expect("a string takes all text");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_problem_has_a_hint() {
        assert_eq!(Check::bad("x", &Error::usage("no")).hints.len(), 1);
        assert_eq!(Check::bad("x", &Error::usage("no").hint("do this")).hints, ["do this"]);
    }
}
