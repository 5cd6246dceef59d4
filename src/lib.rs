//! The modules of this crate, and `run`. `cli` defines what can be typed, `commands` has one file
//! for each command, and the other modules are what the commands use: see each module's first
//! lines.

// All reading of the environment, the clock and randomness goes through `world`; clippy.toml names the methods.
#![cfg_attr(not(test), deny(clippy::disallowed_methods))]

pub mod browser;
pub mod call;
pub mod cli;
pub mod commands;
pub mod context;
pub mod credential;
pub mod error;
pub mod escape;
pub mod files;
pub mod hardening;
pub mod http;
pub mod jq;
pub mod json;
pub mod lokalise;
pub mod loopback;
pub mod names;
pub mod oauth;
pub mod origin;
pub mod profile;
pub mod rate_limit;
pub mod secret;
pub mod session;
pub mod settings;
pub mod shell;
pub mod signals;
pub mod store;
pub mod subprocess;
pub mod terminal;
pub mod text;
pub mod tone;
pub mod world;

use crate::cli::{Cli, Command};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::names::ProfileName;
use crate::settings::Settings;
use crate::signals::Signals;
use crate::world::{Verbosity, World};

/// The stack for filters that recurse over a deep document or a long `reduce`. Memory is only taken as the stack grows.
const FILTER_STACK: usize = 64 * 1024 * 1024;

/// Runs one command. The answer goes to stdout, everything else to stderr.
///
/// # Errors
/// What failed, for [`report`]; its kind is the exit code.
pub fn run(world: &mut World, cli: &Cli) -> Result<u8> {
    world.no_input |= cli.global.no_input;
    world.color = cli.global.color.into();
    // These need no settings, so that a broken one does not hide the help.
    match &cli.command {
        Command::Help(help) => return commands::help::run(world, help),
        Command::Completions(completions) => return commands::completions::run(world, completions),
        _ => {}
    }
    let read = detail(world, cli.global.verbose).and_then(|detail| {
        world.detail = detail;
        Settings::read(world, cli.global.profile.clone(), cli.global.store.clone(), cli.global.json)
    });
    let world = &*world;
    let settings = match (read, &cli.command) {
        (Ok(settings), _) => settings,
        // These commands report an invalid setting themselves.
        (Err(error), Command::Doctor(_)) => return commands::doctor::without_settings(world, &error, cli.global.json),
        (Err(error), Command::Whoami(whoami)) if whoami.check => return Ok(error.exit_code()),
        (Err(error), _) => return Err(error),
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .thread_stack_size(FILTER_STACK)
        .build()
        .map_err(|error| Error::other("the runtime cannot be started").because(error))?;
    let context = Context { world, settings: &settings };
    let ended = runtime.block_on(async {
        // Signals belong to the command that `exec` runs, and `login` has its own words for them.
        match &cli.command {
            Command::Exec(exec) => return commands::exec::run(context, exec).await,
            Command::Login(login) => return commands::login::run(context, login).await,
            _ => {}
        }
        let mut signals = Signals::listen_under_nohup();
        tokio::select! {
            biased;
            signal = signals.next() => Err(world.interrupted(signal)),
            ended = command(context, &cli.command) => ended,
        }
    });
    subprocess::end_all();
    // Threads that still wait for a terminal, or for a keyring that does not answer, must not delay the exit.
    runtime.shutdown_background();
    ended.map_err(|error| for_profile(error, settings.profile_flag.as_ref()))
}

/// Adds the `--profile` that was given to every command in the hints, since they are pasted.
fn for_profile(mut error: Error, profile: Option<&ProfileName>) -> Error {
    const OURS: &str = "`lokalise-auth ";
    let Some(profile) = profile else { return error };
    for hint in &mut error.hints {
        let mut parts = hint.split(OURS);
        let mut kept = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let command = part.split('`').next().unwrap_or_default();
            let needs_none = ["help", "scopes", "profile", "completions"].iter().any(|word| command.starts_with(word))
                || ["--help", "--profile", "-p "].iter().any(|flag| command.contains(flag));
            kept.push_str(OURS);
            if !needs_none {
                kept.extend(["--profile ", profile.as_str(), " "]);
            }
            kept.push_str(part);
        }
        *hint = kept;
    }
    error
}

async fn command(context: Context<'_>, command: &Command) -> Result<u8> {
    match command {
        Command::Logout(logout) => commands::logout::run(context, logout).await,
        Command::Token(token) => commands::token::run(context, token).await,
        Command::Whoami(whoami) => commands::whoami::run(context, whoami).await,
        Command::Call(call) => commands::call::run(context, call).await,
        Command::Profile(profile) => commands::profile::run(context, profile).await,
        Command::Scopes(scopes) => commands::scopes::run(context, scopes),
        Command::Doctor(_) => commands::doctor::run(context).await,
        Command::Exec(_) | Command::Login(_) | Command::Help(_) | Command::Completions(_) => {
            unreachable!("`run` took these")
        }
    }
}

/// `-v` and `-vv`, or `LOKALISE_AUTH_LOG`.
fn detail(world: &World, verbose: u8) -> Result<Verbosity> {
    match (verbose, world.var("LOKALISE_AUTH_LOG").as_deref()) {
        (1, _) | (0, Some("steps")) => Ok(Verbosity::Steps),
        (2.., _) | (0, Some("requests")) => Ok(Verbosity::Requests),
        (0, None) => Ok(Verbosity::Answers),
        (0, Some(_)) => Err(Error::usage("LOKALISE_AUTH_LOG is `steps` or `requests`")),
    }
}

/// Reports a failure: one line and its hints, or one JSON object.
pub fn report(world: &World, error: &Error, json: bool) {
    if json {
        // Cut before it is JSON, so that it stays JSON.
        let shortened = |text: &str| text.chars().take(escape::MAX_LINE).collect::<String>();
        let hints = error.hints.iter().map(|hint| shortened(hint)).collect::<Vec<_>>().join("\n");
        let object = serde_json::json!({"error": {
            "code": error.kind.row().name,
            "exit": error.exit_code(),
            "status": error.status,
            "message": shortened(&error.to_string()),
            "hint": (!hints.is_empty()).then_some(hints),
            "request_id": error.request_id,
        }});
        world.say_json(&object);
        return;
    }
    let id = error.request_id.as_ref().map(|id| format!("request id for Lokalise's support: {id}"));
    let hints = error.hints.iter().map(|hint| format!("hint: {hint}"));
    world.say_all(std::iter::once(format!("lokalise-auth: {error}")).chain(id).chain(hints));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hints_keep_the_profile_that_was_given() {
        let profile = ProfileName::parse("work").unwrap();
        let hint = |hint: &str| for_profile(Error::usage("x").hint(hint), Some(&profile)).hints.remove(0);
        assert_eq!(hint("`lokalise-auth whoami` shows it"), "`lokalise-auth --profile work whoami` shows it");
        assert_eq!(
            hint("pipe it (`lokalise-auth token print | …`), or `lokalise-auth login`"),
            "pipe it (`lokalise-auth --profile work token print | …`), or `lokalise-auth --profile work login`"
        );
        for kept in ["`lokalise-auth login --profile other`", "`lokalise-auth help jq`", "`lokalise-auth scopes`", "x"]
        {
            assert_eq!(hint(kept), kept);
        }
        assert_eq!(for_profile(Error::usage("x").hint("`lokalise-auth a`"), None).hints, ["`lokalise-auth a`"]);
    }
}
