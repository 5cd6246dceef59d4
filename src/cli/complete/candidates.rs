//! The candidates for each place of the command line: profiles, stores, scopes,
//! methods, API paths, topics.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::Path;

use clap::builder::StyledStr;
use clap_complete::CompletionCandidate;
use clap_complete::engine::ArgValueCompleter;

use crate::cli::topics::TOPICS;
use crate::cli::{Cli, METHODS};
use crate::lokalise::endpoints::{self, PAGE_PARAMETERS, Paging};
use crate::settings::Settings;
use crate::world::World;

/// Tells the shell to complete files itself, which it does better.
pub const FILES: &str = "files";
/// The same for folders.
pub const FOLDERS: &str = "folders";

/// The profiles' names.
pub fn profiles() -> Vec<CompletionCandidate> {
    let Ok(world) = World::real() else { return Vec::new() };
    let Ok(settings) = Settings::read(&world, None, None, false) else { return Vec::new() };
    let Ok(profiles) = settings.profiles() else { return Vec::new() };
    let entries = profiles.entries.iter();
    entries
        .map(|(name, entry)| candidate(name.as_str(), &format!("{} in {}", entry.kind.as_str(), entry.store)))
        .collect()
}

/// The stores; after `helper:` the credential helpers that are installed.
#[expect(clippy::disallowed_methods, reason = "on Tab nothing else of the machine is read")]
pub fn stores(current: &OsStr) -> Vec<CompletionCandidate> {
    const STORES: [(&str, &str); 4] = [
        ("auto", "The keyring"),
        ("keyring", "The keyring of the system"),
        ("file", "A plaintext file that only you can read"),
        ("helper:", "A docker-credential-NAME program"),
    ];
    if current.to_string_lossy().starts_with("helper:") {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let found: BTreeSet<String> = std::env::split_paths(&path).flat_map(|folder| helpers(&folder)).collect();
        return beginning(current, found.iter().map(|name| candidate(&format!("helper:{name}"), "")));
    }
    beginning(current, STORES.iter().map(|(name, help)| candidate(name, help)))
}

fn helpers(folder: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let names = names.filter_map(|name| Some(name.strip_prefix("docker-credential-")?.to_owned()));
    names.map(|name| name.strip_suffix(".exe").unwrap_or(&name).to_owned()).collect()
}

/// The topics and commands that `help` explains.
pub fn topics(current: &OsStr) -> Vec<CompletionCandidate> {
    let topics = TOPICS.iter().map(|(name, about)| candidate(name, about));
    beginning(current, commands(Some(&<Cli as clap::CommandFactory>::command())).into_iter().chain(topics))
}

/// The commands below a command.
pub fn commands(command: Option<&clap::Command>) -> Vec<CompletionCandidate> {
    let below = command.into_iter().flat_map(clap::Command::get_subcommands);
    below.map(|command| CompletionCandidate::new(command.get_name()).help(command.get_about().cloned())).collect()
}

/// The scopes that endpoints are known to need, without those that are typed already.
pub fn scopes(current: &OsStr) -> Vec<CompletionCandidate> {
    let current = current.to_string_lossy();
    let start = current.rfind([',', ' ']).map_or(0, |last| last + 1);
    let (done, beginning) = current.split_at(start);
    let typed: Vec<&str> = done.split([',', ' ']).collect();
    let known: BTreeSet<&str> = endpoints::all().filter_map(|endpoint| endpoint.operation.scope.name()).collect();
    let wanted = known.iter().filter(|scope| scope.starts_with(beginning) && !typed.contains(scope));
    wanted.map(|scope| candidate(&format!("{done}{scope}"), "")).collect()
}

/// `call`'s first word: a method, or a path, which then means GET or POST.
pub fn method_or_path(current: &OsStr) -> Vec<CompletionCandidate> {
    let methods = beginning(current, METHODS.iter().map(|method| candidate(method, "")));
    // All paths at once would hide the methods.
    if current.is_empty() || !methods.is_empty() { methods } else { paths(&["GET", "POST"], current) }
}

/// The methods. They are typed in small letters too.
pub fn methods(current: &OsStr) -> Vec<CompletionCandidate> {
    let current = current.to_string_lossy().to_ascii_uppercase();
    beginning(OsStr::new(&current), METHODS.iter().map(|method| candidate(method, "")))
}

/// The paths of the API that begin with what is typed, for the first of these methods that has them.
pub fn paths(methods: &[&str], current: &OsStr) -> Vec<CompletionCandidate> {
    let current = current.to_string_lossy();
    let (root, typed) = match current.strip_prefix("/api2/") {
        Some(rest) => ("/api2", format!("/{rest}")),
        None => ("", current.into_owned()),
    };
    let mut found: Vec<(String, &str)> = Vec::new();
    for method in methods {
        for (path, summary) in endpoints::completions(Some(method), &typed) {
            if !found.iter().any(|(other, _)| *other == path) {
                found.push((path, summary));
            }
        }
    }
    found.into_iter().map(|(path, summary)| candidate(&format!("{root}{path}"), summary)).collect()
}

/// The names of query parameters that an endpoint has, as far as they are known.
pub fn parameters(method: &str, path: &str) -> Vec<&'static str> {
    let path = path.split('?').next().unwrap_or_default();
    let path = path.split_once("://").map_or(path, |(_, rest)| rest.find('/').map_or("", |slash| &rest[slash..]));
    let below = path.strip_prefix('/').unwrap_or(path);
    let is_rooted = ["api2/", "v1/"].iter().any(|root| below.starts_with(root));
    let rooted = if is_rooted { format!("/{below}") } else { format!("/api2/{below}") };
    let Some(endpoint) = endpoints::find(&method.to_ascii_uppercase(), &rooted) else { return Vec::new() };
    let page: &[&str] = match endpoint.operation.paging {
        Paging::Whole => &[],
        Paging::Offset(_) => &["limit", "page"],
        Paging::Cursor(_) => &["limit", "cursor"],
        Paging::OffsetOrCursor(_) | Paging::Unknown => &PAGE_PARAMETERS,
    };
    endpoint.operation.query.unwrap_or_default().iter().chain(page).copied().collect()
}

/// Completes `key=value`: the names, and the files after `@` where the value may be one.
pub fn parameter_completer(names: Vec<&'static str>, takes_files: bool) -> ArgValueCompleter {
    ArgValueCompleter::new(move |current: &OsStr| {
        let files = if takes_files { field_files(current) } else { Vec::new() };
        let names = names.iter().map(|name| candidate(&format!("{name}="), ""));
        beginning(current, names).into_iter().chain(files).collect()
    })
}

/// Typing one more letter is faster than reading a longer list.
const MAX_FILES: usize = 500;

/// The files that `-F key=@…` could name. The shell does not know where in the word a name begins.
pub fn field_files(current: &OsStr) -> Vec<CompletionCandidate> {
    let current = current.to_string_lossy();
    let Some((key, typed)) = current.split_once("=@") else { return Vec::new() };
    let encoding = ["base64:", "dataurl:"].into_iter().find(|encoding| typed.starts_with(encoding)).unwrap_or_default();
    let typed = &typed[encoding.len()..];
    let (folder, start) = typed.rsplit_once('/').map_or(("", typed), |(folder, start)| (folder, start));
    let (shown, listed) = match (folder, typed.contains('/')) {
        (_, false) => (String::new(), "."),
        ("", true) => ("/".to_owned(), "/"),
        (folder, true) => (format!("{folder}/"), folder),
    };
    let mut names: Vec<String> = std::fs::read_dir(listed)
        .into_iter()
        .flatten()
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let name = entry.file_name().into_string().ok()?;
            let is_meant = name.starts_with(start) && (!name.starts_with('.') || start.starts_with('.'));
            let end = if entry.path().is_dir() { "/" } else { "" };
            is_meant.then(|| format!("{name}{end}"))
        })
        .collect();
    names.sort_unstable();
    names.truncate(MAX_FILES);
    let files = names.iter().map(|name| candidate(&format!("{key}=@{encoding}{shown}{name}"), ""));
    let encodings = ["base64:", "dataurl:"].into_iter().filter(|word| encoding.is_empty() && word.starts_with(typed));
    let encodings = encodings.map(|word| candidate(&format!("{key}=@{word}"), ""));
    files.chain(encodings).collect()
}

/// The paths of the API, for any method.
pub fn any_path(current: &OsStr) -> Vec<CompletionCandidate> {
    paths(&METHODS, current)
}

/// Files, which the shell completes.
pub fn files(_: &OsStr) -> Vec<CompletionCandidate> {
    vec![CompletionCandidate::new("").id(Some(FILES.to_owned()))]
}

/// Folders, which the shell completes.
pub fn folders(_: &OsStr) -> Vec<CompletionCandidate> {
    vec![CompletionCandidate::new("").id(Some(FOLDERS.to_owned()))]
}

/// The candidates that begin with the word at the cursor.
pub fn beginning(current: &OsStr, all: impl Iterator<Item = CompletionCandidate>) -> Vec<CompletionCandidate> {
    let current = current.as_encoded_bytes();
    all.filter(|candidate| candidate.get_value().as_encoded_bytes().starts_with(current)).collect()
}

fn candidate(value: &str, help: &str) -> CompletionCandidate {
    CompletionCandidate::new(value).help((!help.is_empty()).then(|| StyledStr::from(help.to_owned())))
}
