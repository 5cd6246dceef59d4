//! Arguments → the parsed command line, or a usage error. clap's own messages repeat what was typed,
//! and what was typed may be a token: ours name flags and commands of this program only.

use std::ffi::OsString;
use std::mem::ManuallyDrop;

use clap::error::{ContextKind, ContextValue, ErrorKind as Clap};
use clap::{Args as _, CommandFactory, FromArgMatches, Subcommand as _, ValueEnum};

use super::complete::positionals;
use super::{Call, Cli, Color, Exec, Global, TokenCommand, Whoami, foreign_flags, suggest};
use crate::error::{Error, Result};
use crate::world::ColorChoice;

/// What the arguments ask for: a command, or a text.
pub enum Parsed {
    Command(Box<Cli>),
    /// `--help` or `--version`: this text, to stdout.
    Text(String),
}

/// How to print errors before the arguments are parsed, or when they cannot be.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct EarlyFlags {
    pub json: bool,
    pub color: ColorChoice,
}

/// Looks for `--json` and `--color` alone. Everything after `--` belongs to another program.
pub fn early_flags<I: IntoIterator<Item = OsString>>(arguments: I) -> EarlyFlags {
    let mut early_flags = EarlyFlags::default();
    let mut arguments = arguments.into_iter().take_while(|argument| argument != "--");
    while let Some(argument) = arguments.next() {
        let Some(argument) = argument.to_str() else { continue };
        early_flags.json |= argument == "--json";
        let color = match argument.strip_prefix("--color=") {
            None if argument == "--color" => arguments.next().and_then(|when| when.into_string().ok()),
            when => when.map(str::to_owned),
        };
        if let Some(color) = color.and_then(|when| Color::from_str(&when, false).ok()) {
            early_flags.color = color.into();
        }
    }
    early_flags
}

/// Reads the arguments, the program's name first. Without any, the help is asked for.
///
/// # Errors
/// Usage. The message repeats only flags and commands of this program.
pub fn parse<I: IntoIterator<Item = OsString>>(arguments: I, color: bool) -> Result<Parsed> {
    let mut arguments: Vec<OsString> = arguments.into_iter().collect();
    if arguments.len() <= 1 {
        arguments.push(OsString::from("--help"));
    }
    // Scripts ask for it often, and it needs no description of the commands.
    if let [_, only] = &arguments[..]
        && (only == "--version" || only == "-V")
    {
        return Ok(Parsed::Text(version()));
    }
    if let Some(cli) = parse_scripted(&arguments) {
        return Ok(Parsed::Command(Box::new(cli)));
    }
    // The end of the process frees it faster than `drop`.
    let mut command = ManuallyDrop::new(Cli::command());
    let parsed = command.try_get_matches_from_mut(&arguments).and_then(|matches| Cli::from_arg_matches(&matches));
    match parsed {
        Ok(cli) => Ok(Parsed::Command(Box::new(cli))),
        Err(error) => match error.kind() {
            Clap::DisplayHelp | Clap::DisplayVersion => {
                let text = error.render();
                Ok(Parsed::Text(if color { text.ansi().to_string() } else { text.to_string() }))
            }
            _ => Err(refusal(&error, &command, &arguments)),
        },
    }
}

fn version() -> String {
    concat!(env!("CARGO_PKG_NAME"), " ", env!("CARGO_PKG_VERSION"), "\n").to_owned()
}

/// Parses a command that scripts run often by a description of that command alone, because the description of all
/// commands takes a tenth of a `call`. `None` for other commands, and for help and mistakes, which need all of it.
fn parse_scripted(arguments: &[OsString]) -> Option<Cli> {
    let described = |name| clap::Command::new(name);
    let command = match arguments.get(1)?.to_str()? {
        "call" => Call::augment_args(described("call")),
        "exec" => Exec::augment_args(described("exec")),
        "token" => TokenCommand::augment_subcommands(described("token")),
        "whoami" => Whoami::augment_args(described("whoami")),
        _ => return None,
    };
    let mut root = ManuallyDrop::new(Global::augment_args(described("lokalise-auth")).subcommand(command));
    let matches = ManuallyDrop::new(root.try_get_matches_from_mut(arguments).ok()?);
    Cli::from_arg_matches(&matches).ok()
}

fn refusal(error: &clap::Error, root: &clap::Command, arguments: &[OsString]) -> Error {
    let place = Place::of(arguments, root);
    let flag = text(error, ContextKind::InvalidArg).map(|typed| ours(&typed, root));
    match error.kind() {
        Clap::InvalidSubcommand => unknown_command(error, &place, arguments),
        Clap::UnknownArgument => unknown_argument(error, &place),
        Clap::MissingSubcommand | Clap::DisplayHelpOnMissingArgumentOrSubcommand => {
            Error::usage(place.missing_command()).hint(place.lists())
        }
        Clap::MissingRequiredArgument => {
            let what = text(error, ContextKind::InvalidArg).unwrap_or_default();
            Error::usage(format!("{} is missing", bare(&what))).hint(usage_line(error)).hint(place.shows())
        }
        Clap::InvalidValue | Clap::ValueValidation | Clap::InvalidUtf8 => invalid_value(error, flag),
        Clap::NoEquals => {
            let flag = flag.unwrap_or_default();
            Error::usage(format!("`{flag}` takes its value after `=`: `{flag}=VALUE`"))
        }
        Clap::ArgumentConflict => {
            let other = text(error, ContextKind::PriorArg).map(|other| ours(&other, root)).unwrap_or_default();
            let flag = flag.unwrap_or_default();
            if other.is_empty() || other == flag {
                Error::usage(format!("`{flag}` is given twice"))
            } else {
                Error::usage(format!("`{flag}` and `{other}` cannot be used together"))
            }
        }
        Clap::TooManyValues | Clap::TooFewValues | Clap::WrongNumberOfValues => {
            Error::usage(format!("`{}` has the wrong number of values", flag.unwrap_or_default())).hint(place.shows())
        }
        _ => Error::usage("the command line cannot be read").hint(place.shows()),
    }
}

/// The command whose words were being read when the mistake was found.
struct Place<'a> {
    /// The words that name it; none at the top.
    words: Vec<&'a str>,
    command: &'a clap::Command,
    root: &'a clap::Command,
}

impl<'a> Place<'a> {
    /// Follows the words that are commands. Flags and their values may come before each.
    fn of(arguments: &[OsString], root: &'a clap::Command) -> Self {
        let typed: Vec<String> = arguments.iter().map(|argument| argument.to_string_lossy().into_owned()).collect();
        let mut place = Self { words: Vec::new(), command: root, root };
        let mut from = 1;
        while let Some(&(word, at)) = positionals(place.command, &typed, from).first()
            && let Some(below) = place.command.find_subcommand(word)
        {
            place.words.push(below.get_name());
            place.command = below;
            from = at + 1;
        }
        place
    }

    /// `lokalise-auth token`
    fn line(&self) -> String {
        [&["lokalise-auth"], &self.words[..]].concat().join(" ")
    }

    fn names(&self) -> Vec<&'a str> {
        self.command.get_subcommands().map(clap::Command::get_name).collect()
    }

    /// The long flags that can be given here.
    fn flags(&self) -> Vec<&'a str> {
        let globals = self.root.get_arguments().filter(|argument| argument.is_global_set());
        self.command.get_arguments().chain(globals).filter_map(clap::Arg::get_long).collect()
    }

    fn missing_command(&self) -> String {
        if self.words.is_empty() {
            "a command is missing".to_owned()
        } else {
            format!("`{}` needs a command: {}", self.line(), self.names().join(", "))
        }
    }

    fn lists(&self) -> String {
        format!("`{} --help` lists the commands", self.line())
    }

    fn shows(&self) -> String {
        format!("`{} --help` shows all flags", self.line())
    }
}

fn unknown_command(error: &clap::Error, place: &Place, arguments: &[OsString]) -> Error {
    let typed = text(error, ContextKind::InvalidSubcommand).unwrap_or_default();
    let at = arguments.iter().position(|argument| argument.to_str() == Some(&typed));
    let next = at.and_then(|at| arguments.get(at + 1)).and_then(|next| next.to_str());
    let refused = Error::usage(if place.words.is_empty() {
        "unknown command".to_owned()
    } else {
        format!("unknown command after `{}`", place.line())
    });
    match suggest::command(&place.words, &typed, next, &place.names()) {
        Some(meant) => refused.hint(format!("did you mean `{meant}`?")).hint(place.lists()),
        None => refused.hint(place.lists()),
    }
}

/// An argument that is not expected: a misspelt flag, or a value where none belongs.
fn unknown_argument(error: &clap::Error, place: &Place) -> Error {
    let typed = text(error, ContextKind::InvalidArg).unwrap_or_default();
    let name = typed.split(['=', ' ']).next().unwrap_or_default();
    // A flag's name is safe to show; anything else may be a secret pasted in the wrong place.
    if !looks_like_a_flag(name) {
        let refused = Error::usage("unexpected argument (not shown, in case it is a secret)");
        return if place.words == ["token", "set"] {
            refused.hint(
                "a token is read from stdin or a prompt, never from the command line: `lokalise-auth token set < FILE`",
            )
        } else {
            refused.hint(usage_line(error))
        };
    }
    let refused = Error::usage(format!("unknown flag `{name}`"));
    match name {
        "--token" | "--api-token" | "--access-token" => refused.hint(TOKEN_IN_ARGUMENTS),
        "-t" if place.words != ["call"] => refused.hint(TOKEN_IN_ARGUMENTS),
        "--client-secret" => refused.hint(
            "a secret on the command line can be read by every user of this machine: use --client-secret-file PATH or LOKALISE_CLIENT_SECRET",
        ),
        "--insecure" | "-k" => refused.hint("for a company's own CA set SSL_CERT_FILE to its PEM file"),
        _ => refused.hint(flag_hint(name, place)),
    }
}

const TOKEN_IN_ARGUMENTS: &str = "a token on the command line can be read by every user of this machine: set LOKALISE_API_TOKEN, or pipe it to `lokalise-auth token set`";

fn flag_hint(name: &str, place: &Place) -> String {
    if place.words == ["call"]
        && let Some(words) = foreign_flags::hint(name)
    {
        return words.to_owned();
    }
    match suggest::nearest(name.trim_start_matches('-'), &place.flags()) {
        Some(flag) => format!("did you mean `--{flag}`? {}", place.shows()),
        None => place.shows(),
    }
}

/// A declared argument (`<COMMAND>...`, `--input <FILE>`) without the brackets of a usage line.
fn bare(declared: &str) -> String {
    let name = declared.trim_end_matches("...");
    match name.strip_prefix('<').and_then(|name| name.strip_suffix('>')) {
        Some(value) => value.trim_start_matches("[METHOD] ").to_owned(),
        None => format!("`{}`", name.split(' ').next().unwrap_or_default()),
    }
}

fn looks_like_a_flag(name: &str) -> bool {
    let letters = name.trim_start_matches('-');
    let short = name.starts_with('-') && !name.starts_with("--") && letters.chars().count() == 1;
    let long = name.starts_with("--") && (2..=24).contains(&letters.len());
    (short && letters.chars().all(|c| c.is_ascii_alphabetic()))
        || (long && letters.chars().all(|c| c.is_ascii_lowercase() || c == '-'))
}

fn invalid_value(error: &clap::Error, flag: Option<String>) -> Error {
    let flag = flag.unwrap_or_else(|| "an argument".to_owned());
    if error.kind() == Clap::InvalidUtf8 {
        return Error::usage("an argument is not UTF-8 text");
    }
    // Our own parsers answer with a sentence that repeats nothing; clap's number parsers do not.
    let why = std::error::Error::source(error)
        .filter(|_| error.kind() == Clap::ValueValidation)
        .map(ToString::to_string)
        .filter(|why| !why.contains("invalid digit"));
    if text(error, ContextKind::InvalidValue).is_some_and(|value| value.is_empty()) && why.is_none() {
        return Error::usage(format!("`{flag}` needs a value"));
    }
    let refused = match why {
        Some(why) => Error::usage(format!("invalid value for `{flag}`: {why}")),
        None => Error::usage(format!("invalid value for `{flag}`")),
    };
    match error.get(ContextKind::ValidValue) {
        Some(ContextValue::Strings(values)) if !values.is_empty() => {
            refused.hint(format!("possible values: {}", values.join(", ")))
        }
        _ => refused,
    }
}

/// The declared form of an argument (`--port <N>`), which clap puts into most contexts, cut to its name.
fn ours(typed: &str, command: &clap::Command) -> String {
    let name = typed.split([' ', '=', '<', '[']).next().unwrap_or_default();
    if name.starts_with('-') || command.find_subcommand(name).is_some() { name.to_owned() } else { typed.to_owned() }
}

fn text(error: &clap::Error, kind: ContextKind) -> Option<String> {
    match error.get(kind)? {
        ContextValue::String(text) => Some(text.clone()),
        ContextValue::Strings(texts) => Some(texts.join(", ")),
        other => Some(other.to_string()),
    }
}

/// clap's usage line without its heading, on one line.
fn usage_line(error: &clap::Error) -> String {
    let usage = match error.get(ContextKind::Usage) {
        Some(ContextValue::StyledStr(usage)) => usage.to_string(),
        _ => String::new(),
    };
    let line = usage.trim_start_matches("Usage:").split_whitespace().collect::<Vec<_>>().join(" ");
    format!("usage: {line}")
}

#[cfg(test)]
mod tests;
