//! Candidates for the Tab key. No store, no network, no lock; what cannot be
//! read completes nothing and says nothing.

use std::ffi::OsStr;

use clap_complete::CompletionCandidate;

use super::METHODS;
use crate::lokalise::endpoints;
use crate::profile::Profiles;
use crate::settings::Settings;
use crate::world::World;

/// The profiles' names.
pub fn profiles() -> Vec<CompletionCandidate> {
    let Ok(world) = World::real() else { return Vec::new() };
    let Ok(settings) = Settings::read(&world, None, None, false) else { return Vec::new() };
    let Ok(profiles) = Profiles::load(&settings.config_folder) else { return Vec::new() };
    profiles.entries.keys().map(|name| CompletionCandidate::new(name.as_str())).collect()
}

pub fn stores() -> Vec<CompletionCandidate> {
    ["auto", "keyring", "file", "helper:"].into_iter().map(CompletionCandidate::new).collect()
}

pub fn topics() -> Vec<CompletionCandidate> {
    crate::commands::help::TOPICS.iter().map(|topic| CompletionCandidate::new(topic.name)).collect()
}

/// The scopes that any endpoint is known to need.
pub fn scopes() -> Vec<CompletionCandidate> {
    let mut scopes: Vec<&str> = endpoints::all().filter_map(|endpoint| endpoint.operation.scope.name()).collect();
    scopes.sort_unstable();
    scopes.dedup();
    scopes.into_iter().map(CompletionCandidate::new).collect()
}

/// `call`'s first word: a method, or a path at once.
pub fn method_or_path(current: &OsStr) -> Vec<CompletionCandidate> {
    let typed = current.to_string_lossy();
    let methods = METHODS.iter().filter(|method| method.starts_with(typed.as_ref()));
    methods.map(|method| CompletionCandidate::new(*method)).chain(path(current)).collect()
}

/// The paths of the API.
pub fn path(current: &OsStr) -> Vec<CompletionCandidate> {
    endpoints::completions(None, &current.to_string_lossy())
        .into_iter()
        .map(|(path, summary)| CompletionCandidate::new(path).help(Some(summary.into())))
        .collect()
}
