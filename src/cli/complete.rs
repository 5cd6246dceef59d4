//! The Tab key: the completion scripts in `completions/` hand over the words before
//! the cursor, and get back the candidates. No store, no network, no lock. What
//! cannot be read is skipped without a message.

pub mod candidates;
mod words;

use std::ffi::OsString;
use std::fmt::Write;
use std::mem::ManuallyDrop;

use clap::{Command, CommandFactory};
use clap_complete::CompletionCandidate;
use clap_complete::engine::ArgValueCompleter;

use self::words::TypedLine;
use super::{Cli, METHODS};

/// The first argument of a request from a completion script. It is not a command, and no help lists it.
const REQUEST: &str = "__complete";

/// The answer to a completion script, if it is one that asks: a line for each candidate, with its help after a tab.
/// A line that opens with a tab tells the shell to complete files, folders, or from word N on another command.
pub fn answer(arguments: impl IntoIterator<Item = OsString>) -> Option<String> {
    let mut arguments = arguments.into_iter().skip(1);
    if arguments.next()? != REQUEST {
        return None;
    }
    let shell = arguments.next().unwrap_or_default();
    let rest: Vec<String> = arguments.map(|word| word.to_string_lossy().into_owned()).collect();
    let typed = match (shell.to_str(), &rest[..]) {
        (Some("bash"), [line, replaced]) => TypedLine::in_bash(line, replaced),
        (Some("fish"), [before @ .., current]) => TypedLine::in_fish(before, current),
        (Some("powershell"), [count, words @ ..]) => TypedLine::in_powershell(count, words),
        (_, [before @ .., current]) => TypedLine::plain(before, current),
        _ => return Some(String::new()),
    };
    Some(lines(&typed).unwrap_or_default())
}

fn lines(typed: &TypedLine) -> Option<String> {
    let mut command = Cli::command();
    command.build();
    if let Some(first) = wrapped_command(&command, typed.before()) {
        return Some(format!("\tcommand {first}\n"));
    }
    // The end of the process frees it faster than `drop`.
    let mut command = ManuallyDrop::new(with_context(command, typed.before()));
    // The engine treats a lone dash as stdin, and would offer only the short names.
    let current = if typed.current() == "-" { "--" } else { typed.current() };
    let words = typed.before().iter().map(String::as_str).chain([current]).map(OsString::from).collect();
    let index = typed.words.len() - 1;
    let mut found = clap_complete::engine::complete(&mut command, words, index, None).ok()?;
    // Where words are expected, flags are offered only after a dash.
    if typed.current().is_empty() && found.iter().any(|candidate| !is_flag(candidate)) {
        found.retain(|candidate| !is_flag(candidate));
    }
    for id in [candidates::FILES, candidates::FOLDERS] {
        if found.iter().any(|candidate| candidate.get_id().is_some_and(|other| other == id)) {
            return Some(format!("\t{id}\n"));
        }
    }
    let mut text = String::new();
    for candidate in found {
        let Some(value) = typed.inserted(&candidate.get_value().to_string_lossy()) else { continue };
        let help = candidate.get_help().map(ToString::to_string).unwrap_or_default();
        let help = help.lines().next().unwrap_or_default();
        writeln!(text, "{value}\t{help}").expect("a string takes all text");
    }
    Some(text)
}

fn is_flag(candidate: &CompletionCandidate) -> bool {
    candidate.get_value().as_encoded_bytes().starts_with(b"-")
}

/// The index of the first word of the command that `exec` runs, if the cursor is in that command.
fn wrapped_command(command: &Command, before: &[String]) -> Option<usize> {
    let (name, at) = *positionals(command, before, 1).first()?;
    let exec = command.find_subcommand("exec").filter(|_| name == "exec")?;
    let first = positionals(exec, before, at + 1).first().map(|&(_, at)| at);
    // After `--` the word at the cursor is the command itself.
    first.or_else(|| (before.last()? == "--").then_some(before.len()))
}

/// The command line with candidates that depend on the words before: the paths of the method,
/// and for `help` the commands of the command.
fn with_context(command: Command, before: &[String]) -> Command {
    let Some(&(name, at)) = positionals(&command, before, 1).first() else { return command };
    let Some(subcommand) = command.find_subcommand(name) else { return command };
    let words: Vec<String> =
        positionals(subcommand, before, at + 1).into_iter().map(|(word, _)| word.to_owned()).collect();
    let command = if name == "call" { with_parameters(command, &before[at + 1..], &words) } else { command };
    match (name, &words[..]) {
        ("call" | "scopes", [method]) => {
            let Some(method) = METHODS.into_iter().find(|known| known.eq_ignore_ascii_case(method)) else {
                return command;
            };
            let paths = ArgValueCompleter::new(move |current: &std::ffi::OsStr| candidates::paths(&[method], current));
            command.mut_subcommand(name, |command| command.mut_arg("path", |path| path.add(paths)))
        }
        ("help", [first, ..]) => {
            let first = first.clone();
            let commands = ArgValueCompleter::new(move |current: &std::ffi::OsStr| {
                let below = candidates::commands(Cli::command().find_subcommand(&first));
                candidates::beginning(current, below.into_iter())
            });
            command.mut_subcommand("help", |command| command.mut_arg("words", |words| words.add(commands)))
        }
        _ => command,
    }
}

/// `call` with the names of the endpoint's query parameters: after `--query`, and after `-f` and `-F` where those are
/// the query.
fn with_parameters(command: Command, before: &[String], words: &[String]) -> Command {
    let flag = before.iter().enumerate().rev().find_map(|(at, word)| match word.as_str() {
        "-X" | "--method" => before.get(at + 1).map(String::as_str),
        word => word.strip_prefix("--method=").or_else(|| word.strip_prefix("-X")),
    });
    let (method, path) = match (flag, words) {
        (Some(method), [path]) => (Some(method), path),
        (None, [method, path]) => (Some(method.as_str()), path),
        (None, [path]) => (None, path),
        _ => return command,
    };
    let names = candidates::parameters(method.unwrap_or("GET"), path);
    let are_query =
        method.is_some_and(|method| method.eq_ignore_ascii_case("GET") || method.eq_ignore_ascii_case("HEAD"));
    command.mut_subcommand("call", |call| {
        let call = call.mut_arg("query", |query| query.add(candidates::parameter_completer(names.clone(), false)));
        if !are_query {
            return call;
        }
        call.mut_arg("raw-field", |field| field.add(candidates::parameter_completer(names.clone(), false)))
            .mut_arg("field", |field| field.add(candidates::parameter_completer(names, true)))
    })
}

/// The words after `from` that are neither flags nor values of flags, with their positions.
pub(super) fn positionals<'a>(command: &Command, words: &'a [String], from: usize) -> Vec<(&'a str, usize)> {
    let takes_the_next = |flag: &str| {
        let long = flag.strip_prefix("--");
        let short = flag.strip_prefix('-').and_then(|letters| letters.chars().last());
        let mut all = command.get_arguments();
        let argument = match long {
            Some(name) => all.find(|argument| argument.get_long() == Some(name)),
            None => all.find(|argument| argument.get_short() == short),
        };
        argument.is_some_and(|argument| {
            argument.get_num_args().is_some_and(|range| range.takes_values()) && !argument.is_require_equals_set()
        })
    };
    let mut found = Vec::new();
    let mut at = from;
    let mut only_words = false;
    while let Some(word) = words.get(at) {
        if only_words || !word.starts_with('-') || word == "-" {
            found.push((word.as_str(), at));
        } else if word == "--" {
            only_words = true;
        } else if takes_the_next(word) {
            at += 1;
        }
        at += 1;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What Tab offers after these words, without the help.
    fn offered(words: &[&str]) -> Vec<String> {
        let asked = ["lokalise-auth", REQUEST, "elvish", "lokalise-auth"].into_iter().chain(words.iter().copied());
        let text = answer(asked.map(OsString::from)).expect("a script asks");
        text.lines().map(|line| line.split_once('\t').map_or(line, |(value, _)| value).to_owned()).collect()
    }

    #[test]
    fn only_a_completion_script_is_answered() {
        for arguments in [&["lokalise-auth"][..], &["lokalise-auth", "call", "__complete"]] {
            assert_eq!(answer(arguments.iter().map(OsString::from)), None, "{arguments:?}");
        }
    }

    #[test]
    fn where_words_are_expected_flags_are_offered_after_a_dash() {
        assert_eq!(offered(&["token", ""]), ["set", "refresh", "print"]);
        assert!(offered(&["token", "-"]).contains(&"--profile".to_owned()));
        assert!(offered(&["whoami", ""]).contains(&"--offline".to_owned()), "no word is expected there");
        assert!(!offered(&["whoami", "--"]).contains(&"--frobnicate".to_owned()));
    }

    #[test]
    fn call_offers_methods_and_then_the_paths_of_that_method() {
        assert_eq!(offered(&["call", ""]), METHODS);
        assert!(offered(&["call", "GET", "/proj"]).contains(&"/projects/{project_id}/keys".to_owned()));
        assert_eq!(
            offered(&["call", "GET", "/projects/{project_id}/contributors/m"]),
            ["/projects/{project_id}/contributors/me"]
        );
        let posts = offered(&["call", "-i", "--query", "GET=1", "POST", "/projects/1.2/files"]);
        assert!(posts.contains(&"/projects/1.2/files/download".to_owned()), "{posts:?}");
        assert!(!posts.contains(&"/projects/1.2/files".to_owned()), "{posts:?}");
        assert_eq!(
            offered(&["call", "--project", "x", "/projects/{p}/contributors/m"]),
            ["/projects/{p}/contributors/me"]
        );
        assert_eq!(offered(&["call", "GET", "/api2/system/l"]), ["/api2/system/languages"]);
        assert_eq!(offered(&["call", "GET", "system/l"]), ["system/languages"]);
        assert_eq!(offered(&["scopes", "get", "/system/l"]), ["/system/languages"]);
        assert_eq!(offered(&["call", "GET", "/bin"]), [""; 0]);
    }

    #[test]
    fn parameters_of_the_endpoint_are_offered_where_they_are_the_query() {
        let tags = ["filter_translation_lang_ids=", "filter_tags="];
        assert_eq!(offered(&["call", "GET", "/projects/1/keys", "--query", "filter_t"]), tags);
        assert_eq!(offered(&["call", "/projects/{p}/keys", "--query", "filter_t"]), tags);
        assert_eq!(offered(&["call", "-X", "get", "/api2/projects/1/keys", "-f", "filter_t"]), tags);
        assert_eq!(offered(&["call", "--method=GET", "/projects/1/keys", "-F", "filter_t"]), tags);
        assert_eq!(offered(&["call", "GET", "/projects/1/keys", "--query=filter_ta"]), ["--query=filter_tags="]);
        assert_eq!(
            offered(&["call", "GET", "/projects", "--query", "include_s"]),
            ["include_statistics=", "include_settings="]
        );
        assert_eq!(offered(&["call", "GET", "/projects/1/languages", "--query", ""]), ["limit=", "page="]);
        assert_eq!(offered(&["call", "POST", "/projects/1/keys", "-f", "filter_t"]), [""; 0]);
        assert_eq!(offered(&["call", "/projects/1/keys", "-f", "filter_t"]), [""; 0], "a field makes it a POST");
        assert_eq!(offered(&["call", "-X", "pa"]), ["PATCH"]);
    }

    #[test]
    fn files_are_offered_after_the_at_sign_of_a_field() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().display();
        for name in ["shot.png", "shop.json", ".shy", "other"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        std::fs::create_dir(folder.path().join("shots")).unwrap();
        let field = |text: String| offered(&["call", "POST", "/x", "-F", &text]);
        let named = |names: &[&str], start: &str| -> Vec<String> {
            names.iter().map(|name| format!("data=@{start}{place}/{name}")).collect()
        };
        assert_eq!(field(format!("data=@{place}/sho")), named(&["shop.json", "shot.png", "shots/"], ""));
        assert_eq!(field(format!("data=@dataurl:{place}/shot.")), named(&["shot.png"], "dataurl:"));
        assert_eq!(field(format!("data=@{place}/.s")), named(&[".shy"], ""));
        assert!(field("data=@da".to_owned()).contains(&"data=@dataurl:".to_owned()));
        assert_eq!(field("data=sho".to_owned()), [""; 0]);
    }

    #[test]
    fn help_offers_commands_topics_and_the_commands_of_commands() {
        assert_eq!(offered(&["help", "e"]), ["exec", "environment", "exit-codes"]);
        assert_eq!(offered(&["help", "profile", ""]), ["list", "use"]);
    }

    #[test]
    fn values_are_offered_in_either_form() {
        assert_eq!(offered(&["--color", "a"]), ["auto", "always"]);
        assert_eq!(offered(&["--color=n"]), ["--color=never"]);
        assert_eq!(offered(&["login", "--scope", "read_projects,read_pay"]), ["read_projects,read_payment_cards"]);
    }

    #[test]
    fn files_and_wrapped_commands_are_left_to_the_shell() {
        let answer_for = |words: &[&str]| {
            let asked = ["x", REQUEST, "zsh", "lokalise-auth"].into_iter().chain(words.iter().copied());
            answer(asked.map(OsString::from)).expect("a script asks")
        };
        assert_eq!(answer_for(&["call", "--input", "x"]), "\tfiles\n");
        assert_eq!(answer_for(&["call", "--output=x"]), "\tfiles\n");
        assert_eq!(answer_for(&["call", "--extract", ""]), "\tfolders\n");
        assert_eq!(answer_for(&["exec", "--", ""]), "\tcommand 3\n");
        assert_eq!(answer_for(&["exec", "--", "./a", "-"]), "\tcommand 3\n");
        assert_eq!(answer_for(&["-p", "exec", "exec", "make", "-"]), "\tcommand 4\n");
        assert!(answer_for(&["exec", "--l"]).starts_with("--lokalise2\t"));
    }
}
