//! What can be typed: the commands, their flags and help texts. This module
//! runs nothing; `cli::usage` turns mistakes into errors that repeat no value.

pub mod complete;
pub mod field_args;
mod foreign_flags;
pub(crate) mod suggest;
pub mod topics;
pub mod usage;
mod values;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueHint};
use clap_complete::engine::{ArgValueCandidates, ArgValueCompleter};

use self::complete::candidates;
pub use self::topics::TOPICS;
pub use self::values::{Color, Shell, TokenFormat, duration};
use self::values::{port, profile_name, store_kind, variable_name};
use crate::names::StoreKind;
use crate::profile::ProfileName;

#[derive(Parser, Debug)]
#[command(
    name = "lokalise-auth",
    bin_name = "lokalise-auth",
    version,
    about = "Hold Lokalise credentials in the OS keyring and make API calls with them",
    max_term_width = 100,
    disable_help_subcommand = true,
    subcommand_required = true,
    after_help = "\
First steps, with an API token from https://app.lokalise.com/profile#apitokens:
  lokalise-auth token set
  lokalise-auth call GET /projects

Examples:
  lokalise-auth login
  lokalise-auth call GET /projects --jq '.projects[].name'

Topics, after `lokalise-auth help`:
  environment|exit-codes|storage|ci|ssh|call|jq|durations

`lokalise-auth COMMAND --help` shows a command's flags and examples."
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
    /// Keep a new credential in: auto, keyring, file or helper:NAME
    #[arg(long, global = true, value_name = "STORE", value_parser = store_kind, hide_short_help = true, add = ArgValueCompleter::new(candidates::stores))]
    pub store: Option<StoreKind>,
    /// Ask nothing; fail instead
    #[arg(long, global = true, hide_short_help = true)]
    pub no_input: bool,
    /// Print each step; with -vv each request too
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// Colour the output
    #[arg(
        long,
        global = true,
        value_name = "WHEN",
        value_enum,
        default_value_t,
        hide_default_value = true,
        hide_short_help = true
    )]
    pub color: Color,
    /// Report as JSON, errors too
    #[arg(long, global = true)]
    pub json: bool,
}

#[derive(Subcommand, Debug)]
pub enum Command {
    /// Log in to Lokalise in the browser
    #[command(after_help = "\
An OAuth app is registered by Lokalise's support, which gives you a client id and a client secret. Without an app: `lokalise-auth token set`, with an API token. The command asks for what no flag, variable or earlier login of the profile gives. The secret is never an argument.

Examples:
  lokalise-auth login --scope read_projects,write_keys
  lokalise-auth login --paste
  lokalise-auth --profile work login --store file")]
    Login(Login),
    /// Remove the stored credential of a profile
    #[command(after_help = "\
The credential is removed from this machine. Lokalise still accepts it: the command shows where to revoke it by hand.

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
{p} in a path is the project of --project or LOKALISE_PROJECT_ID.
Fields: `lokalise-auth help call`. Filters: `lokalise-auth help jq`.
All flags: `lokalise-auth call --help`.

Examples:
  lokalise-auth call '/projects/{p}/keys' --paginate --jq '.keys[].key_id'
  lokalise-auth call POST /projects -f name=Demo",
        after_long_help = "\
{p} in a path is the project of --project or LOKALISE_PROJECT_ID.

Fields: `lokalise-auth help call`. Filters: `lokalise-auth help jq`. Durations: `lokalise-auth help durations`. Exit codes: `lokalise-auth help exit-codes`.

Examples:
  lokalise-auth call GET /projects
  lokalise-auth call POST /projects -f name=Demo
  lokalise-auth call '/projects/{p}/keys' --paginate --jq '.keys[].key_id'
  lokalise-auth call '/projects/{p}/files/download' -f format=json --extract out"
    )]
    Call(Box<Call>),
    /// Run a command with the credential in its environment
    #[command(
        override_usage = "lokalise-auth exec [OPTIONS] -- COMMAND [ARGS]...",
        after_help = "\
The command gets LOKALISE_API_TOKEN or LOKALISE_ACCESS_TOKEN. `exec` ends with the command's exit code.
--as adds another name for the credential, which other programs read.

Examples:
  lokalise-auth exec -- ./sync-translations.sh
  lokalise-auth exec --as LOKALISE_API_KEY -- ./push.sh
  lokalise-auth exec --lokalise2 -- lokalise2 project list"
    )]
    Exec(Exec),
    /// List the profiles, or choose the default one
    #[command(subcommand, after_help = "Examples:\n  lokalise-auth profile list\n  lokalise-auth profile use work")]
    Profile(Profile),
    /// Show the OAuth scope that an endpoint needs
    #[command(after_help = "\
Without arguments all endpoints are listed. One argument is a method, a path (with a leading `/`), or a word to look for in paths, scopes and summaries.

Examples:
  lokalise-auth scopes keys
  lokalise-auth scopes /projects
  lokalise-auth scopes POST '/projects/{project_id}/keys'")]
    Scopes(Scopes),
    /// Check settings, store, network and credential
    #[command(after_help = "\
The report holds no secret: you can paste it into an issue.

Example:
  lokalise-auth doctor")]
    Doctor(Doctor),
    /// Print the completion script of a shell
    #[command(after_help = "\
Each shell loads it in a start-up file of its own:
  bash, in ~/.bashrc:
    eval \"$(lokalise-auth completions bash)\"
  zsh, in ~/.zshrc after compinit:
    eval \"$(lokalise-auth completions zsh)\"
  fish, in ~/.config/fish/config.fish:
    lokalise-auth completions fish | source
  PowerShell, in $PROFILE:
    lokalise-auth completions powershell | Out-String | Invoke-Expression
  elvish, in ~/.config/elvish/rc.elv:
    eval (lokalise-auth completions elvish | slurp)
  nushell, typed once:
    let folder = $nu.user-autoload-dirs.0
    mkdir $folder
    lokalise-auth completions nushell | save -f $\"($folder)/lokalise-auth.nu\"

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
    /// Paste the code that Lokalise shows on its page (SSH, containers)
    #[arg(long)]
    pub paste: bool,
    /// Give up after this long
    #[arg(long, value_name = "DURATION", value_parser = duration, default_value = "5m")]
    pub timeout: Duration,
    /// Add a PKCE challenge, which Lokalise does not document
    #[arg(long)]
    pub pkce: bool,
    /// Refuse requests that write, until this profile is logged out
    #[arg(long)]
    pub read_only: bool,
    /// Let only `call` and `whoami` use this profile, until it is logged out
    #[arg(long)]
    pub call_only: bool,
}

#[derive(Args, Debug)]
pub struct Logout {
    /// Remove the credentials of all profiles
    #[arg(long, conflicts_with = "profile")]
    pub all: bool,
    /// Only remove the profile from the list; leave its record where it is
    #[arg(long)]
    pub forget: bool,
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
    /// Store the token without checking it at the API
    #[arg(long)]
    pub no_verify: bool,
    /// Keep a command that prints the token, instead of the token
    #[arg(long, value_name = "COMMAND", value_hint = ValueHint::CommandString)]
    pub from_command: Option<String>,
    /// Take what the command prints as an OAuth access token, which is refreshed elsewhere
    #[arg(long, requires = "from_command")]
    pub access_token: bool,
    /// Refuse requests that write, until this profile is logged out
    #[arg(long)]
    pub read_only: bool,
    /// Let only `call` and `whoami` use this profile, until it is logged out
    #[arg(long)]
    pub call_only: bool,
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
    /// How to print it
    #[arg(long, value_enum, default_value_t)]
    pub format: TokenFormat,
}

#[derive(Args, Debug)]
pub struct Whoami {
    /// Send no request
    #[arg(long)]
    pub offline: bool,
    /// Print nothing; only set the exit code
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
    #[arg(short = 'X', long, value_name = "METHOD", value_hint = ValueHint::Other, add = ArgValueCompleter::new(candidates::methods), help_heading = "Request", hide_short_help = true)]
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
    #[arg(short = 'H', long = "header", value_name = "HEADER", value_hint = ValueHint::Other, help_heading = "Request", hide_short_help = true)]
    pub headers: Vec<String>,
    /// Fill `{p}` in the path: the project's id or its web address
    #[arg(long, value_name = "ID", value_hint = ValueHint::Other, help_heading = "Request")]
    pub project: Option<String>,
    /// Make the project `ID:BRANCH`
    #[arg(long, value_name = "BRANCH", value_hint = ValueHint::Other, help_heading = "Request", hide_short_help = true)]
    pub branch: Option<String>,
    /// Send the array under KEY in requests of N, and merge the answers
    #[arg(long, value_name = "KEY:N", value_hint = ValueHint::Other, help_heading = "Request", hide_short_help = true)]
    pub batch: Option<String>,

    /// Fetch every page, as one document
    #[arg(long, help_heading = "Answer")]
    pub paginate: bool,
    /// Stop after N items
    #[arg(long, value_name = "N", requires = "paginate", help_heading = "Answer", hide_short_help = true)]
    pub max_items: Option<u64>,
    /// Stop after N pages
    #[arg(long, value_name = "N", requires = "paginate", help_heading = "Answer", hide_short_help = true)]
    pub max_pages: Option<u64>,
    /// Print one item per line
    #[arg(long, help_heading = "Answer")]
    pub ndjson: bool,
    /// Filter the answer with a jq expression
    #[arg(short = 'q', long, value_name = "EXPR", allow_hyphen_values = true, value_hint = ValueHint::Other, help_heading = "Answer")]
    pub jq: Option<String>,
    /// Set $NAME in filters to a text
    #[arg(long, value_names = ["NAME", "VALUE"], num_args = 2, value_hint = ValueHint::Other, allow_hyphen_values = true, help_heading = "Answer", hide_short_help = true)]
    pub arg: Vec<String>,
    /// Set $NAME in filters to a JSON value
    #[arg(long, value_names = ["NAME", "JSON"], num_args = 2, value_hint = ValueHint::Other, allow_hyphen_values = true, help_heading = "Answer", hide_short_help = true)]
    pub argjson: Vec<String>,
    /// Indent JSON by two spaces, in a pipe too
    #[arg(long, help_heading = "Answer", hide_short_help = true)]
    pub pretty: bool,
    /// Sort the members of JSON objects by name
    #[arg(long, help_heading = "Answer", hide_short_help = true)]
    pub sort_keys: bool,
    /// Print the status line and headers first
    #[arg(short, long, help_heading = "Answer")]
    pub include: bool,
    /// Print no body
    #[arg(long, help_heading = "Answer", hide_short_help = true)]
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
    /// Accept a 2xx that says that something was not done
    #[arg(long, help_heading = "Answer", hide_short_help = true)]
    pub allow_partial: bool,

    /// Show the request and send nothing
    #[arg(long, conflicts_with = "curl", help_heading = "Request")]
    pub dry_run: bool,
    /// Show the request as a curl command and send nothing
    #[arg(long, help_heading = "Sending", hide_short_help = true)]
    pub curl: bool,
    /// Refuse anything that writes
    #[arg(long, help_heading = "Sending", hide_short_help = true)]
    pub read_only: bool,
    /// Wait this long at most for rate limits and retries (60s unless given)
    #[arg(long, value_name = "DURATION", value_parser = duration, help_heading = "Sending", hide_short_help = true)]
    pub max_wait: Option<Duration>,
    /// Do not retry
    #[arg(long, help_heading = "Sending", hide_short_help = true)]
    pub no_retry: bool,
    /// Limit the time of the whole call
    #[arg(long, value_name = "DURATION", value_parser = duration, help_heading = "Sending", hide_short_help = true)]
    pub timeout: Option<Duration>,
}

#[derive(Args, Debug)]
pub struct Exec {
    /// Give the official CLI, lokalise2, a config file instead of variables
    #[arg(long)]
    pub lokalise2: bool,
    /// Give the command the credential in this variable too
    #[arg(long = "as", value_name = "NAME", value_parser = variable_name, value_hint = ValueHint::Other)]
    pub also_as: Option<String>,
    /// The command and its arguments
    #[arg(value_name = "COMMAND", required = true, trailing_var_arg = true, value_hint = ValueHint::CommandWithArguments)]
    pub command: Vec<std::ffi::OsString>,
}

#[derive(Subcommand, Debug)]
pub enum Profile {
    /// List the profiles; no keyring is opened
    #[command(after_help = "Example:\n  lokalise-auth profile list --json")]
    List,
    /// Make a profile the default
    #[command(after_help = "Example:\n  lokalise-auth profile use work")]
    Use {
        /// Name of the profile
        #[arg(value_name = "NAME", value_parser = profile_name, add = ArgValueCandidates::new(candidates::profiles))]
        name: ProfileName,
    },
}

#[derive(Args, Debug)]
pub struct Scopes {
    /// HTTP method, a path with a leading `/`, or a word to look for
    #[arg(value_name = "METHOD|PATH|WORD", value_hint = ValueHint::Other, add = ArgValueCompleter::new(candidates::method_or_path))]
    pub filter: Option<String>,
    /// API path after a method, with or without placeholders
    #[arg(value_hint = ValueHint::Other, add = ArgValueCompleter::new(candidates::any_path))]
    pub path: Option<String>,
}

#[derive(Args, Debug)]
pub struct Doctor {}

#[derive(Args, Debug)]
pub struct Completions {
    /// Shell to print the script for
    #[arg(value_enum)]
    pub shell: Shell,
}

#[derive(Args, Debug)]
pub struct Help {
    /// A command, or a topic: environment, exit-codes, storage, ci, ssh, call, jq, durations
    #[arg(value_name = "COMMAND|TOPIC", value_hint = ValueHint::Other, add = ArgValueCompleter::new(candidates::topics))]
    pub words: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
