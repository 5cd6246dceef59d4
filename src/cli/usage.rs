//! Arguments → what was meant, or a usage error. clap's own messages repeat
//! what was typed, and what was typed may be a token: ours name flags and
//! commands of the program only.

use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind as Clap};
use clap::{CommandFactory, FromArgMatches, ValueEnum};

use super::{Cli, Color};
use crate::error::{Error, Result};
use crate::world::ColorChoice;

/// What the arguments ask for.
pub enum Parsed {
    Command(Box<Cli>),
    /// `--help` or `--version`: this text, to stdout.
    Text(String),
}

/// How to answer before the arguments are understood, or when they are not.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct EarlyFlags {
    pub json: bool,
    pub color: ColorChoice,
}

/// Looks for `--json` and `--color` alone. What stands behind `--` is another program's.
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

/// Reads the arguments, the program's name first.
///
/// # Errors
/// Usage. The message holds no argument that is not a flag or command of ours.
pub fn parse<I: IntoIterator<Item = OsString>>(arguments: I, color: bool) -> Result<Parsed> {
    let mut command = Cli::command();
    let parsed = command.try_get_matches_from_mut(arguments).and_then(|matches| Cli::from_arg_matches(&matches));
    match parsed {
        Ok(cli) => Ok(Parsed::Command(Box::new(cli))),
        Err(error) => match error.kind() {
            Clap::DisplayHelp | Clap::DisplayVersion => {
                let text = error.render();
                Ok(Parsed::Text(if color { text.ansi().to_string() } else { text.to_string() }))
            }
            _ => Err(refusal(&error, &command)),
        },
    }
}

fn refusal(error: &clap::Error, command: &clap::Command) -> Error {
    let flag = text(error, ContextKind::InvalidArg).map(|typed| ours(&typed, command));
    match error.kind() {
        Clap::InvalidSubcommand => {
            let refused = Error::usage("there is no such command");
            match suggestion(error, ContextKind::SuggestedSubcommand) {
                Some(name) => refused.hint(format!("did you mean `{name}`? `lokalise-auth --help` lists all")),
                None => refused.hint("`lokalise-auth --help` lists the commands"),
            }
        }
        Clap::UnknownArgument => unknown_argument(error),
        Clap::MissingSubcommand | Clap::DisplayHelpOnMissingArgumentOrSubcommand => {
            Error::usage("a command is missing").hint("`lokalise-auth --help` lists the commands")
        }
        Clap::MissingRequiredArgument => {
            let what = text(error, ContextKind::InvalidArg).unwrap_or_default();
            Error::usage(format!("{what} is missing")).hint(usage_line(error))
        }
        Clap::InvalidValue | Clap::ValueValidation | Clap::InvalidUtf8 => invalid_value(error, flag),
        Clap::NoEquals => Error::usage(format!("{} takes its value behind `=`", flag.unwrap_or_default())),
        Clap::ArgumentConflict => {
            let other = text(error, ContextKind::PriorArg).unwrap_or_default();
            let flag = text(error, ContextKind::InvalidArg).unwrap_or_default();
            if other.is_empty() || other == flag {
                Error::usage(format!("`{flag}` is given twice"))
            } else {
                Error::usage(format!("`{flag}` cannot go with `{other}`"))
            }
        }
        Clap::TooManyValues | Clap::TooFewValues | Clap::WrongNumberOfValues => {
            Error::usage(format!("`{}` has the wrong number of values", flag.unwrap_or_default()))
        }
        _ => Error::usage("the command line cannot be read").hint("`lokalise-auth --help` shows how it goes"),
    }
}

/// An argument that nobody takes: a misspelt flag, or a value where none belongs.
fn unknown_argument(error: &clap::Error) -> Error {
    let typed = text(error, ContextKind::InvalidArg).unwrap_or_default();
    let usage = usage_line(error);
    let name = typed.split(['=', ' ']).next().unwrap_or_default();
    // A flag's name is safe to show; anything else may be a secret pasted in the wrong place.
    if !looks_like_a_flag(name) {
        let refused = Error::usage("there is an argument too many (not shown, in case it is a secret)");
        return if usage.contains("token set") {
            refused.hint(
                "a token is read from stdin or a prompt, never from the command line: `lokalise-auth token set < FILE`",
            )
        } else {
            refused.hint(usage)
        };
    }
    let refused = Error::usage(format!("there is no flag `{name}` here"));
    match name {
        "--token" | "--api-token" | "--access-token" | "-t" => refused.hint(
            "a token on the command line can be read by every user of this machine: set LOKALISE_API_TOKEN, or pipe it to `lokalise-auth token set`",
        ),
        "--client-secret" => refused.hint(
            "a secret on the command line can be read by every user of this machine: use --client-secret-file PATH or LOKALISE_CLIENT_SECRET",
        ),
        "--insecure" | "-k" => refused.hint("for a company's own CA set SSL_CERT_FILE to its PEM file"),
        _ => match suggestion(error, ContextKind::SuggestedArg) {
            Some(flag) => refused.hint(format!("did you mean `{flag}`?")),
            None => refused.hint(usage),
        },
    }
}

fn looks_like_a_flag(name: &str) -> bool {
    let letters = name.trim_start_matches('-');
    let short = name.starts_with('-') && !name.starts_with("--") && letters.chars().count() == 1;
    let long = name.starts_with("--") && (2..=24).contains(&letters.len());
    (short || long) && letters.chars().all(|c| c.is_ascii_lowercase() || c == '-')
}

fn invalid_value(error: &clap::Error, flag: Option<String>) -> Error {
    let flag = flag.unwrap_or_else(|| "an argument".to_owned());
    if error.kind() == Clap::InvalidUtf8 {
        return Error::usage("an argument is not UTF-8");
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
        Some(why) => Error::usage(format!("the value of `{flag}` is no good: {why}")),
        None => Error::usage(format!("the value of `{flag}` is no good")),
    };
    match error.get(ContextKind::ValidValue) {
        Some(ContextValue::Strings(values)) if !values.is_empty() => {
            refused.hint(format!("it is one of: {}", values.join(", ")))
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

fn suggestion(error: &clap::Error, kind: ContextKind) -> Option<String> {
    match error.get(kind)? {
        ContextValue::String(name) => Some(name.clone()),
        ContextValue::Strings(names) => names.first().cloned(),
        _ => None,
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
mod tests {
    use super::*;

    const SECRET: &str = "0123456789abcdef0123456789abcdef01234567";

    fn refused(arguments: &[&str]) -> String {
        let arguments = std::iter::once("lokalise-auth").chain(arguments.iter().copied()).map(OsString::from);
        match parse(arguments, false) {
            Err(error) => format!("{error}\n{}", error.hints.join("\n")),
            Ok(_) => panic!("the arguments were taken"),
        }
    }

    #[test]
    fn a_secret_in_the_wrong_place_is_not_repeated() {
        for arguments in [
            vec![SECRET],
            vec!["token", SECRET],
            vec!["token", "set", SECRET],
            vec!["token", "set", "--token", SECRET],
            vec!["login", "--client-secret", SECRET],
            vec!["login", &format!("--client-secret={SECRET}")],
            vec!["login", "--port", SECRET],
            vec!["login", "--timeout", SECRET],
            vec!["--store", SECRET, "whoami"],
            vec!["--profile", "a/b0123456789abcdef0123456789abcdef01234567", "whoami"],
            vec!["--color", SECRET, "whoami"],
            vec!["token", "print", "--format", SECRET],
            vec!["token", "set", &format!("--{SECRET}")],
            vec!["token", "set", &format!("-{SECRET}")],
            vec!["call", "GET", "/projects", SECRET],
            vec!["call", "GET", "/projects", "--max-items", SECRET],
            vec!["completions", SECRET],
        ] {
            let message = refused(&arguments);
            assert!(!message.contains(SECRET) && !message.contains(&SECRET[..8]), "{arguments:?}: {message}");
        }
    }

    #[test]
    fn the_manner_of_an_answer_is_known_before_the_command_and_is_not_another_programs() {
        let of = |line: &str| early_flags(line.split(' ').map(OsString::from));
        let (json, color) = (true, ColorChoice::Never);
        assert_eq!(of("lokalise-auth whoami --json --color never"), EarlyFlags { json, color });
        assert_eq!(of("lokalise-auth --color=never call --help"), EarlyFlags { json: false, color });
        for line in ["x exec -- gh --json x --color never", "x --color", "x --color purple", "x --jsonp"] {
            assert_eq!(of(line), EarlyFlags::default(), "{line}");
        }
    }

    #[test]
    fn a_misspelt_word_gets_a_suggestion() {
        assert!(refused(&["lgoin"]).contains("did you mean `login`?"));
        assert!(refused(&["login", "--no-browse"]).contains("did you mean `--no-browser`?"));
        assert!(refused(&["token", "set", "--token", "x"]).contains("LOKALISE_API_TOKEN"));
    }
}
