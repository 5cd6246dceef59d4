//! What can be typed: the commands, their flags and help texts. Nothing here
//! acts; `cli::usage` turns what cannot be meant into errors that echo no value.

pub mod complete;
pub mod field_args;
pub mod usage;

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::PossibleValuesParser;
use clap::{Args, Parser, Subcommand, ValueEnum, ValueHint};
use clap_complete::engine::{ArgValueCandidates, ArgValueCompleter};

use self::complete::candidates;
use crate::names::StoreKind;
use crate::profile::ProfileName;
use crate::world::ColorChoice;

/// What `help` explains besides the commands.
pub const TOPICS: [(&str, &str); 5] = [
    ("environment", "Variables that are read"),
    ("exit-codes", "Exit codes, and the codes of JSON errors"),
    ("storage", "Where credentials are kept, and how to remove them"),
    ("ci", "Credentials in CI"),
    ("ssh", "Log in over SSH and in containers"),
];

#[derive(Parser, Debug)]
#[command(
    name = "lokalise-auth",
    bin_name = "lokalise-auth",
    version,
    about = "Hold Lokalise credentials in the OS keyring and make API calls with them",
    max_term_width = 100,
    disable_help_subcommand = true,
    subcommand_required = true,
    after_help = "Examples:\n  lokalise-auth login\n  lokalise-auth call GET /projects\n\nTopics: lokalise-auth help environment|exit-codes|storage|ci|ssh\n\n`lokalise-auth COMMAND --help` shows a command's flags and examples."
)]
pub struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Args, Debug, Clone, Default)]
#[command(next_help_heading = "Global options")]
pub struct Global {
    /// Use this profile, whatever the environment says
    #[arg(short, long, global = true, value_name = "NAME", value_parser = profile_name, add = ArgValueCandidates::new(candidates::profiles))]
    pub profile: Option<ProfileName>,
    /// Keep the credential in: auto, keyring, file or helper:NAME
    #[arg(long, global = true, value_name = "STORE", value_parser = store_kind, add = ArgValueCompleter::new(candidates::stores))]
    pub store: Option<StoreKind>,
    /// Ask nothing; fail instead
    #[arg(long, global = true)]
    pub no_input: bool,
    /// Say each step; twice: each request too, without secrets
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// Colour the output
    #[arg(long, global = true, value_name = "WHEN", value_enum, default_value_t, hide_default_value = true)]
    pub color: Color,
    /// Report as JSON, failures too
    #[arg(long, global = true)]
    pub json: bool,
}

#[derive(ValueEnum, Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Color {
    #[default]
    Auto,
    Always,
    Never,
}

impl From<Color> for ColorChoice {
    fn from(color: Color) -> Self {
        match color {
            Color::Auto => Self::Auto,
            Color::Always => Self::Always,
            Color::Never => Self::Never,
        }
    }
}

#[derive(Subcommand, Debug)]
pub enum Command {
    /// Log in to Lokalise in the browser
    #[command(after_help = "\
Client id and secret are those of an OAuth app that Lokalise's support has registered. What no flag, variable or earlier login of the profile gives is asked for. The secret is never an argument.

Examples:
  lokalise-auth login --scope read_projects,write_keys
  lokalise-auth login --paste
  lokalise-auth --profile work login --store file")]
    Login(Login),
    /// Remove the stored credential of a profile
    #[command(after_help = "\
Lokalise cannot be told to end a token: it is removed here, and you are told where to revoke it.

Examples:
  lokalise-auth logout --profile work
  lokalise-auth logout --all")]
    Logout(Logout),
    /// Store, renew or print a token
    #[command(subcommand, after_help = "Examples:\n  lokalise-auth token set\n  lokalise-auth token print | wc -c")]
    Token(TokenCommand),
    /// Show which credential is in force, and whose it is
    #[command(
        after_help = "Examples:\n  lokalise-auth whoami --json\n  lokalise-auth whoami --check --min-validity 10m"
    )]
    Whoami(Whoami),
    /// Make one authenticated API request
    #[command(
        override_usage = "lokalise-auth call [OPTIONS] [METHOD] PATH",
        after_help = "\
{p} is the project of --project or LOKALISE_PROJECT_ID. Exit codes: `lokalise-auth help exit-codes`.

Examples:
  lokalise-auth call GET /projects
  lokalise-auth call POST /projects -f name=Demo
  lokalise-auth call '/projects/{p}/keys' --paginate --jq '.keys[].key_id'
  lokalise-auth call '/projects/{p}/files/download' -f format=json --extract out"
    )]
    Call(Box<Call>),
    /// Run a command with the credential in its environment
    #[command(after_help = "\
The command gets LOKALISE_API_TOKEN or LOKALISE_ACCESS_TOKEN, and its exit code is ours.

Examples:
  lokalise-auth exec -- ./sync-translations.sh
  lokalise-auth exec --lokalise2 -- lokalise2 project list")]
    Exec(Exec),
    /// List the profiles, or choose the default one
    #[command(subcommand, after_help = "Examples:\n  lokalise-auth profile list\n  lokalise-auth profile use work")]
    Profile(Profile),
    /// Show the OAuth scope that an endpoint needs
    #[command(after_help = "\
Without arguments: all endpoints, with how sure each scope is.

Example:
  lokalise-auth scopes POST '/projects/{project_id}/keys'")]
    Scopes(Scopes),
    /// Check settings, store, network and credential
    #[command(after_help = "\
The report holds no secret: it is made to be pasted into an issue.

Example:
  lokalise-auth doctor")]
    Doctor(Doctor),
    /// Print the completion script of a shell
    #[command(after_help = "\
The first lines of each script say how to load it for good.

Example:
  eval \"$(lokalise-auth completions bash)\"")]
    Completions(Completions),
    /// Explain a command or a topic
    #[command(after_help = "Examples:\n  lokalise-auth help exit-codes\n  lokalise-auth help token set")]
    Help(Help),
}

#[derive(Args, Debug, Clone, Default)]
pub struct Login {
    /// Client id of the OAuth app, as Lokalise's support issued it
    #[arg(long, value_name = "ID", value_hint = ValueHint::Other)]
    pub client_id: Option<String>,
    /// Read the client secret from a file, or from stdin with `-`
    #[arg(long, value_name = "PATH", add = ArgValueCompleter::new(candidates::files))]
    pub client_secret_file: Option<PathBuf>,
    /// Scope to ask for; repeat it, or separate with spaces or commas
    #[arg(long = "scope", value_name = "SCOPE", value_hint = ValueHint::Other, add = ArgValueCompleter::new(candidates::scopes))]
    pub scopes: Vec<String>,
    /// Listen for the redirect on this port
    #[arg(long, value_name = "N", value_parser = port, conflicts_with_all = ["redirect_uri", "paste"])]
    pub port: Option<u16>,
    /// Redirect URI that Lokalise registered for the app
    #[arg(long, value_name = "URI", value_hint = ValueHint::Url, conflicts_with = "paste")]
    pub redirect_uri: Option<String>,
    /// Print the address only; open no browser
    #[arg(long)]
    pub no_browser: bool,
    /// Take the code that Lokalise shows on its page (SSH, containers)
    #[arg(long)]
    pub paste: bool,
    /// Give up after this long
    #[arg(long, value_name = "DURATION", value_parser = duration, default_value = "5m")]
    pub timeout: Duration,
    /// Add a PKCE challenge (Lokalise documents none)
    #[arg(long)]
    pub pkce: bool,
    /// Let this profile never write through `call`, until it is logged out
    #[arg(long)]
    pub read_only: bool,
}

#[derive(Args, Debug)]
pub struct Logout {
    /// Remove the credentials of all profiles
    #[arg(long, conflicts_with = "profile")]
    pub all: bool,
}

#[derive(Subcommand, Debug)]
pub enum TokenCommand {
    /// Store a personal API token, read from stdin or a hidden prompt
    #[command(after_help = "\
The token is checked against the API before it is stored. It is never an argument.

Examples:
  lokalise-auth token set
  lokalise-auth token set < token.txt
  lokalise-auth token set --from-command 'pass show lokalise'")]
    Set(TokenSet),
    /// Renew the OAuth access token now
    #[command(after_help = "Example:\n  lokalise-auth token refresh --if-expiring 10m")]
    Refresh(TokenRefresh),
    /// Write the token to stdout, for a pipe
    #[command(after_help = "\
A pipe keeps the token out of argv, which every user of the machine can read.

Example:
  lokalise-auth token print --format header |
    curl -H @- https://api.lokalise.com/api2/projects")]
    Print(TokenPrint),
}

#[derive(Args, Debug)]
pub struct TokenSet {
    /// Store the token without asking the API whether it is good
    #[arg(long)]
    pub no_verify: bool,
    /// Keep a command that prints the token, instead of the token
    #[arg(long, value_name = "COMMAND", value_hint = ValueHint::CommandString)]
    pub from_command: Option<String>,
    /// Take what the command prints as an OAuth access token, which is refreshed elsewhere
    #[arg(long, requires = "from_command")]
    pub access_token: bool,
    /// Let this profile never write through `call`, until it is logged out
    #[arg(long)]
    pub read_only: bool,
}

#[derive(Args, Debug)]
pub struct TokenRefresh {
    /// Renew only when less than this is left
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub if_expiring: Option<Duration>,
}

#[derive(Args, Debug)]
pub struct TokenPrint {
    /// Print it on a terminal too
    #[arg(long)]
    pub reveal: bool,
    /// How to write it
    #[arg(long, value_enum, default_value_t)]
    pub format: TokenFormat,
}

#[derive(ValueEnum, Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TokenFormat {
    /// The bare token and a line break
    #[default]
    Raw,
    /// `X-Api-Token: …` or `Authorization: Bearer …`
    Header,
    /// An object with the token, its kind and its expiry
    Json,
    /// `LOKALISE_API_TOKEN=…` or `LOKALISE_ACCESS_TOKEN=…`
    Env,
    /// Masks the token in the log of GitHub Actions, then sets it for the next steps
    Github,
}

#[derive(Args, Debug)]
pub struct Whoami {
    /// Ask the API nothing
    #[arg(long)]
    pub offline: bool,
    /// Print nothing; the exit code is the answer
    #[arg(long)]
    pub check: bool,
    /// With --check: fail when less than this is left and it cannot be renewed
    #[arg(long, value_name = "DURATION", value_parser = duration, requires = "check")]
    pub min_validity: Option<Duration>,
}

/// The methods that the API knows.
pub const METHODS: [&str; 5] = ["GET", "POST", "PUT", "PATCH", "DELETE"];

#[derive(Args, Debug, Clone, Default)]
pub struct Call {
    /// HTTP method (GET, or POST once there is a body), then the path below the API root
    #[arg(value_name = "[METHOD] PATH", required = true, value_hint = ValueHint::Other, add = ArgValueCompleter::new(candidates::method_or_path))]
    pub method_or_path: String,
    #[arg(hide = true, value_hint = ValueHint::Other, add = ArgValueCompleter::new(candidates::any_path))]
    pub path: Option<String>,
    /// HTTP method, instead of the first word
    #[arg(short = 'X', long, value_name = "METHOD", value_hint = ValueHint::Other, add = ArgValueCompleter::new(candidates::methods), help_heading = "Request")]
    pub method: Option<String>,

    #[command(flatten)]
    pub fields: field_args::InOrder,
    /// Add a query parameter, whatever the method
    #[arg(long, value_name = "KEY=VALUE", value_hint = ValueHint::Other, help_heading = "Request")]
    pub query: Vec<String>,
    /// Send this file as the body, byte for byte; `-` is stdin
    #[arg(long, value_name = "FILE", add = ArgValueCompleter::new(candidates::files), help_heading = "Request")]
    pub input: Option<PathBuf>,
    /// Add a header, `Name: value`
    #[arg(short = 'H', long = "header", value_name = "HEADER", value_hint = ValueHint::Other, help_heading = "Request")]
    pub headers: Vec<String>,
    /// Fill `{project_id}` or `{p}` in the path: an id, or the project's web address
    #[arg(long, value_name = "ID", value_hint = ValueHint::Other, help_heading = "Request")]
    pub project: Option<String>,
    /// Make the project `ID:BRANCH`
    #[arg(long, value_name = "BRANCH", value_hint = ValueHint::Other, help_heading = "Request")]
    pub branch: Option<String>,
    /// Send the array under KEY in requests of N, and merge the answers
    #[arg(long, value_name = "KEY:N", value_hint = ValueHint::Other, help_heading = "Request")]
    pub batch: Option<String>,

    /// Fetch every page, as one document
    #[arg(long, help_heading = "Answer")]
    pub paginate: bool,
    /// Stop after N items
    #[arg(long, value_name = "N", requires = "paginate", help_heading = "Answer")]
    pub max_items: Option<u64>,
    /// Stop after N pages
    #[arg(long, value_name = "N", requires = "paginate", help_heading = "Answer")]
    pub max_pages: Option<u64>,
    /// Print one item per line
    #[arg(long, help_heading = "Answer")]
    pub ndjson: bool,
    /// Filter the answer with a jq expression
    #[arg(short = 'q', long, value_name = "EXPR", allow_hyphen_values = true, value_hint = ValueHint::Other, help_heading = "Answer")]
    pub jq: Option<String>,
    /// Indent JSON by two spaces, in a pipe too
    #[arg(long, help_heading = "Answer")]
    pub pretty: bool,
    /// Sort the members of JSON objects by name
    #[arg(long, help_heading = "Answer")]
    pub sort_keys: bool,
    /// Print the status line and headers first
    #[arg(short, long, help_heading = "Answer")]
    pub include: bool,
    /// Print no body
    #[arg(long, help_heading = "Answer")]
    pub silent: bool,
    /// Write the body to a file
    #[arg(short, long, value_name = "FILE", add = ArgValueCompleter::new(candidates::files), help_heading = "Answer")]
    pub output: Option<PathBuf>,
    /// Wait for the queued process to end (10m unless given)
    #[arg(long, value_name = "DURATION", num_args = 0..=1, require_equals = true, default_missing_value = "10m", value_parser = duration, help_heading = "Answer")]
    pub wait: Option<Duration>,
    /// Fetch the bundle of the answer and unpack it into DIR
    #[arg(long, value_name = "DIR", add = ArgValueCompleter::new(candidates::folders), help_heading = "Answer")]
    pub extract: Option<PathBuf>,
    /// Exit with 12 unless this jq expression is true
    #[arg(long, value_name = "EXPR", allow_hyphen_values = true, value_hint = ValueHint::Other, help_heading = "Answer")]
    pub fail_unless: Option<String>,
    /// Accept a 2xx that says it was not all done
    #[arg(long, help_heading = "Answer")]
    pub allow_partial: bool,

    /// Show the request and send nothing
    #[arg(long, conflicts_with = "curl", help_heading = "Sending")]
    pub dry_run: bool,
    /// Show the request as a curl command and send nothing
    #[arg(long, help_heading = "Sending")]
    pub curl: bool,
    /// Refuse anything that writes
    #[arg(long, help_heading = "Sending")]
    pub read_only: bool,
    /// Wait this long at most for rate limits and retries (60s unless given)
    #[arg(long, value_name = "DURATION", value_parser = duration, help_heading = "Sending")]
    pub max_wait: Option<Duration>,
    /// Try once
    #[arg(long, help_heading = "Sending")]
    pub no_retry: bool,
    /// Limit the time of the whole call
    #[arg(long, value_name = "DURATION", value_parser = duration, help_heading = "Sending")]
    pub timeout: Option<Duration>,
}

#[derive(Args, Debug)]
pub struct Exec {
    /// Give the official CLI, lokalise2, a config file instead of variables
    #[arg(long)]
    pub lokalise2: bool,
    /// The command and its arguments
    #[arg(value_name = "COMMAND", required = true, trailing_var_arg = true, allow_hyphen_values = true, value_hint = ValueHint::CommandWithArguments)]
    pub command: Vec<std::ffi::OsString>,
}

#[derive(Subcommand, Debug)]
pub enum Profile {
    /// List the profiles; no credential is read
    #[command(after_help = "Example:\n  lokalise-auth profile list --json")]
    List,
    /// Make a profile the default
    #[command(after_help = "Example:\n  lokalise-auth profile use work")]
    Use {
        /// The profile's name
        #[arg(value_name = "NAME", value_parser = profile_name, add = ArgValueCandidates::new(candidates::profiles))]
        name: ProfileName,
    },
}

#[derive(Args, Debug)]
pub struct Scopes {
    /// HTTP method
    #[arg(requires = "path", value_parser = PossibleValuesParser::new(METHODS), ignore_case = true)]
    pub method: Option<String>,
    /// API path, with or without placeholders
    #[arg(value_hint = ValueHint::Other, add = ArgValueCompleter::new(candidates::any_path))]
    pub path: Option<String>,
}

#[derive(Args, Debug)]
pub struct Doctor {}

#[derive(Args, Debug)]
pub struct Completions {
    /// The shell
    #[arg(value_enum)]
    pub shell: Shell,
}

#[derive(ValueEnum, Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shell {
    Bash,
    Zsh,
    Fish,
    Powershell,
    Elvish,
}

#[derive(Args, Debug)]
pub struct Help {
    /// A command, or a topic: environment, exit-codes, storage, ci, ssh
    #[arg(value_name = "COMMAND|TOPIC", value_hint = ValueHint::Other, add = ArgValueCompleter::new(candidates::topics))]
    pub words: Vec<String>,
}

fn profile_name(text: &str) -> Result<ProfileName, String> {
    ProfileName::parse(text).map_err(|why| why.to_string())
}

fn store_kind(text: &str) -> Result<StoreKind, String> {
    StoreKind::parse(text).map_err(|why| why.to_string())
}

fn port(text: &str) -> Result<u16, String> {
    text.parse::<u16>().ok().filter(|port| *port > 0).ok_or_else(|| "a port is a number from 1 to 65535".to_owned())
}

/// A duration as people write it: `90s`, `10m`, `1h 30m`; a bare number is seconds.
///
/// # Errors
/// A sentence that shows the form. The text itself is not repeated.
pub fn duration(text: &str) -> Result<Duration, String> {
    if let Ok(seconds) = text.parse::<u32>() {
        return Ok(Duration::from_secs(seconds.into()));
    }
    humantime::parse_duration(text)
        .ok()
        .filter(|duration| duration.as_secs() <= u32::MAX.into())
        .ok_or_else(|| "a duration is written like 90s, 10m or 1h30m".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn durations_read_as_people_write_them() {
        for (text, seconds) in [("30", 30), ("90s", 90), ("10m", 600), ("1h30m", 5400), ("1h 30m", 5400), ("0", 0)] {
            assert_eq!(duration(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for text in ["", "-1", "ten", "10x", "1e9", "99999999999999999999", "9999999y"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }
}
