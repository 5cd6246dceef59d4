//! Hints for a missing or refused credential: commands that work here, for this profile and in this mode.

use super::{nothing_in_force, profile_flag_for_hint};
use crate::context::Context;
use crate::credential::CredentialKind;
use crate::error::{Error, ErrorKind};
use crate::profile::{ProfileName, Profiles};
use crate::settings::ProfileRule;
use crate::shell;
use crate::world::World;

/// Adds the workflow line that gives a step of GitHub Actions its token. If the line exists but its secret is empty,
/// the hint says that instead.
pub fn for_github_actions(error: Error, token_is_empty: bool) -> Error {
    if token_is_empty {
        return error.hint(
            "LOKALISE_API_TOKEN is set but empty: its secret has another name, or this build does not get secrets \
             (a pull request from a fork does not)",
        );
    }
    error.hint("give the step a token; under its `env:`").hint("LOKALISE_API_TOKEN: ${{ secrets.LOKALISE_API_TOKEN }}")
}

/// The error for a missing credential, with the hints that work here.
pub fn not_logged_in(context: Context<'_>, profile: &ProfileName, rule: &ProfileRule) -> Error {
    let flag = profile_flag_for_hint(profile, rule);
    let profiles = context.settings.profiles().unwrap_or_default();
    let kind = profiles.entries.get(profile).map(|entry| entry.kind);
    let mut error = Error::new(
        ErrorKind::NotLoggedIn,
        if flag.is_empty() {
            "not logged in to Lokalise".to_owned()
        } else {
            format!("not logged in to Lokalise with profile `{profile}`")
        },
    );
    let is_flag = *rule == ProfileRule::Flag;
    if !is_flag {
        error = nothing_in_force::explained(context.world, error);
        error.hints.extend(context.world.ci_hint());
    }
    error = match context.world {
        // `--profile` comes before the variables, so they cannot help there.
        world if !is_flag && world.switch("GITHUB_ACTIONS") => {
            for_github_actions(error, world.is_set_but_empty("LOKALISE_API_TOKEN"))
        }
        world if !is_flag && world.asked_for_silence() => error.hint("set LOKALISE_API_TOKEN"),
        world => ways(world, &flag, kind).into_iter().fold(error, Error::hint),
    };
    match rule {
        ProfileRule::Folder(path) => error = error.hint(format!("the profile was chosen by {}", path.display())),
        ProfileRule::Variable => error = error.hint("the profile was chosen by LOKALISE_PROFILE"),
        _ => {}
    }
    if kind.is_none() && *rule != ProfileRule::Default {
        error = known_profiles(&profiles).into_iter().fold(error, Error::hint);
    }
    error
}

/// The two ways to get a credential, one line each; only one line if the kind of the profile's credential is known.
pub fn ways(world: &World, profile_flag: &str, kind: Option<CredentialKind>) -> Vec<String> {
    let silent = world.asked_for_silence();
    let place = if silent { ", on a machine with a browser" } else { "" };
    let set = format!("lokalise-auth token set{profile_flag}");
    let token = format!("with an API token: `{}`", if silent { shell::with_input(&set, "FILE") } else { set });
    let login = format!("with an OAuth app: `lokalise-auth login{profile_flag}`{place}");
    match kind {
        None => vec![token, login],
        Some(CredentialKind::ApiToken) => vec![token],
        Some(CredentialKind::OAuth) => vec![login],
    }
}

/// The names of the existing profiles, as a hint for an unknown name.
pub fn known_profiles(profiles: &Profiles) -> Option<String> {
    let names: Vec<&str> = profiles.entries.keys().map(ProfileName::as_str).collect();
    (!names.is_empty()).then(|| format!("profiles: {}", names.join(", ")))
}

/// How to replace a login that no longer works.
pub fn log_in_again(world: &World, profile_flag: &str) -> String {
    match (world.asked_for_silence(), profile_flag) {
        (false, _) => format!("log in again with `lokalise-auth login{profile_flag}`"),
        (true, "") => {
            "set LOKALISE_API_TOKEN, or run `lokalise-auth login` on a machine where you can log in".to_owned()
        }
        (true, _) => format!("run `lokalise-auth login{profile_flag}` on a machine where you can log in"),
    }
}

/// The hint for a refused token that a command printed.
pub fn command_hint(program: &str) -> String {
    format!("`{program}` prints this token: put a new one where it reads from")
}
