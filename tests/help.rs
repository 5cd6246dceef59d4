//! The help texts: every example pastes, every line is in the same voice, and the
//! tables are those of the code.

mod support;

use std::ffi::OsString;
use std::fs;
use std::path::Path;

use clap::{Command, CommandFactory};
use lokalise_auth::cli::Cli;
use lokalise_auth::cli::topics::TOPICS;
use lokalise_auth::cli::usage::{Parsed, parse};
use lokalise_auth::error::EXIT_CODES;
use lokalise_auth::world::{OF_THE_MACHINE, SECRET_VARIABLES, VARIABLES};
use support::home::Home;
use support::standin::Standin;

/// Every command by the words that name it, the program itself first.
fn commands() -> Vec<(Vec<String>, Command)> {
    fn collect(words: &[String], command: &Command, found: &mut Vec<(Vec<String>, Command)>) {
        found.push((words.to_vec(), command.clone()));
        for below in command.get_subcommands() {
            collect(&[words, &[below.get_name().to_owned()]].concat(), below, found);
        }
    }
    let mut found = Vec::new();
    collect(&[], &Cli::command(), &mut found);
    found
}

fn home() -> Home {
    Home::new(&Standin::start())
}

/// What a command prints, when it ends well and says nothing else.
fn printed(home: &Home, args: &[&str]) -> String {
    let output = home.cmd(args).output().expect("the binary can be run");
    assert!(output.status.success(), "{args:?} ends with {}", output.status);
    assert!(output.stderr.is_empty(), "{args:?} says {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("help is text")
}

/// The lines below `Example:` or `Examples:`.
fn examples(help: &str) -> Vec<&str> {
    let below = help.lines().skip_while(|line| !matches!(*line, "Example:" | "Examples:")).skip(1);
    below.take_while(|line| line.starts_with("  ")).map(str::trim_start).collect()
}

/// The arguments after the program's name in a line for a shell, as far as the shell would hand them over.
fn arguments(line: &str) -> Vec<String> {
    let (_, rest) = line.split_once("lokalise-auth").unwrap_or_else(|| panic!("`{line}` does not run the program"));
    let mut in_quotes = false;
    let ends = |c: char| {
        in_quotes ^= c == '\'';
        !in_quotes && matches!(c, '|' | '<' | '>' | ')')
    };
    let end = rest.find(ends).unwrap_or(rest.len());
    shell_words::split(&rest[..end]).unwrap_or_else(|why| panic!("`{line}`: {why}"))
}

/// Fails unless the line is one that the program takes.
fn assert_pastes(line: &str) {
    let arguments = std::iter::once("lokalise-auth".to_owned()).chain(arguments(line)).map(OsString::from);
    match parse(arguments, false) {
        Ok(Parsed::Command(_) | Parsed::Text(_)) => {}
        Err(error) => panic!("`{line}` is refused: {error}"),
    }
}

#[test]
fn every_command_has_an_example_that_pastes() {
    let home = home();
    for (words, _) in commands() {
        let args: Vec<&str> = words.iter().map(String::as_str).chain(["--help"]).collect();
        let help = printed(&home, &args);
        let examples = examples(&help);
        assert!(!examples.is_empty(), "{words:?} shows no example");
        for example in examples {
            assert!(example.len() <= 78, "on a terminal of 80 columns this breaks where it must not: {example}");
            // The second half of a pipe is not ours.
            if example.starts_with("curl ") {
                continue;
            }
            assert_pastes(example);
            assert!(example.contains(&words.join(" ")), "the example of {words:?} is of something else: {example}");
        }
    }
}

#[test]
fn every_line_of_help_is_in_the_same_voice() {
    for (words, command) in commands() {
        let about = command.get_about().unwrap_or_else(|| panic!("{words:?} says nothing")).to_string();
        assert_voice(&format!("{words:?}"), &about);
        for argument in command.get_arguments().filter(|argument| !argument.is_hide_set()) {
            let place = format!("{words:?} {}", argument.get_id());
            let Some(help) = argument.get_help() else {
                // clap's own --help and --version are written when the command is built.
                assert!(matches!(argument.get_id().as_str(), "help" | "version"), "{place} says nothing");
                continue;
            };
            assert_voice(&place, &help.to_string());
        }
    }
    for (name, about) in TOPICS {
        assert_voice(name, about);
    }
}

fn assert_voice(place: &str, text: &str) {
    assert!(!text.ends_with('.'), "{place} ends in a full stop: {text}");
    assert!(text.starts_with(char::is_uppercase), "{place} does not open with a capital: {text}");
    assert!(text.chars().count() <= 100, "{place} is long: {text}");
    let first = text.split([' ', ',']).next().unwrap_or_default();
    assert!(!first.ends_with("es") || first == "Variables", "{place} is not in the imperative: {text}");
}

#[test]
fn no_help_shows_a_secret_of_the_environment() {
    let mut home = home();
    for name in SECRET_VARIABLES {
        home.set(name, "0123456789abcdef0123456789abcdef01234567");
    }
    for args in [&["--help"][..], &["login", "--help"], &["help"], &["help", "environment"]] {
        assert!(!printed(&home, args).contains("0123456789abcdef"), "{args:?}");
    }
}

#[test]
fn help_of_a_command_is_its_own_help() {
    let home = home();
    for (words, _) in commands() {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        // It is a topic as well, which says where the flags are explained.
        if words == ["call"] {
            assert!(printed(&home, &["help", "call"]).contains("`lokalise-auth call --help`"));
            continue;
        }
        let asked = printed(&home, &[&["help"], &words[..]].concat());
        let own = printed(&home, &[&words[..], &["--help"]].concat());
        let collapsed = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(collapsed(&asked), collapsed(&own), "help {words:?}");
    }
}

#[test]
fn every_topic_is_there_and_fits_a_screen() {
    let home = home();
    for (name, _) in TOPICS {
        let text = printed(&home, &["help", name]);
        assert!(text.ends_with('\n') && !text.ends_with("\n\n"), "{name}");
        let widest = text.lines().max_by_key(|line| line.chars().count()).unwrap_or_default();
        assert!(widest.chars().count() <= 100, "{name} is wide: {widest}");
        let commands = text.lines().filter(|line| line.starts_with("    ") && line.contains("lokalise-auth "));
        for line in commands {
            let line = line.trim_start().trim_start_matches("- ").trim_start_matches("run: ");
            assert_pastes(line.trim_start_matches("script: "));
        }
    }
    let listed = Cli::command().get_after_help().expect("it has one").to_string();
    assert!(listed.contains(&TOPICS.map(|(name, _)| name).join("|")), "{listed}");
}

#[test]
fn the_program_alone_prints_its_help() {
    let home = home();
    assert_eq!(printed(&home, &[]), printed(&home, &["--help"]));
}

#[test]
fn the_short_help_of_a_command_fits_a_screen() {
    let home = home();
    for (words, _) in commands() {
        let args: Vec<&str> = words.iter().map(String::as_str).chain(["-h"]).collect();
        let help = printed(&home, &args);
        assert!(help.lines().count() <= 40, "{words:?} has {} lines:\n{help}", help.lines().count());
        for line in help.lines() {
            assert!(line.chars().count() <= 100, "{words:?} is wide: {line}");
        }
    }
}

#[test]
fn an_unknown_topic_gets_a_suggestion_and_the_list() {
    let output = home().cmd(["help", "exitcodes"]).output().expect("the binary can be run");
    assert_eq!(output.status.code(), Some(2));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(!stderr.contains("exitcodes"), "what was typed may be a secret: {stderr}");
    assert!(stderr.contains("did you mean `exit-codes`?"), "{stderr}");
    assert!(TOPICS.iter().all(|(name, _)| stderr.contains(name)), "{stderr}");
}

#[test]
fn the_exit_codes_are_those_of_the_code() {
    let text = printed(&home(), &["help", "exit-codes"]);
    let mut rows = text.lines().filter(|line| line.starts_with("  "));
    assert_eq!(rows.next().map(|row| row.split_whitespace().collect()), Some(vec!["0", "done"]));
    for row in EXIT_CODES {
        let words: Vec<&str> = rows.next().expect("a row for each").split_whitespace().collect();
        assert_eq!(words[0], row.code.to_string());
        assert_eq!(words[1], row.name);
        assert_eq!(words[2..].join(" "), row.meaning);
    }
    assert_eq!(rows.next(), None);
}

#[test]
fn the_environment_is_that_of_the_code() {
    let text = printed(&home(), &["help", "environment"]);
    // A long meaning takes two lines.
    let collapsed = text.split_whitespace().collect::<Vec<_>>().join(" ");
    for (name, meaning) in VARIABLES {
        assert!(collapsed.contains(&format!("{name} {meaning}")), "{name}");
    }
    // Every variable of ours that the source names is documented, and every documented one is read.
    let source = source(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
    let named: Vec<&str> = source.split('"').filter(|text| text.starts_with("LOKALISE_")).collect();
    for name in &named {
        let name: String = name.chars().take_while(|c| c.is_ascii_uppercase() || *c == '_').collect();
        // The bare prefix covers all of them.
        let is_ours = VARIABLES.iter().any(|(known, _)| *known == name);
        // The last two are variables of other programs: they are pointed out and not used.
        let is_known = is_ours || ["LOKALISE_", "LOKALISE_API_KEY", "LOKALISE_TOKEN"].contains(&name.as_str());
        assert!(is_known, "{name} is not in `help environment`");
    }
    for call in ["var(\"", "var_os(\"", "switch(\"", "set(\""] {
        for name in source.split(call).skip(1).filter_map(|rest| rest.split('"').next()) {
            assert!(text.contains(&name.to_uppercase()), "{name} is read and not in `help environment`");
        }
    }
    for name in OF_THE_MACHINE {
        // Two of them are read for us, by the crate that knows where folders are.
        let reads = source.split('"').filter(|other| *other == name).count() > 1;
        assert!(text.contains(name) && (reads || name.starts_with("XDG_")), "{name} is documented but not read");
    }
    for (name, _) in VARIABLES.iter().filter(|(name, _)| name.starts_with("LOKALISE_")) {
        assert!(named.iter().filter(|other| *other == name).count() > 1, "{name} is documented but not read");
    }
}

/// All of the code below a folder, without its tests.
fn source(folder: &Path) -> String {
    let mut text = String::new();
    for entry in fs::read_dir(folder).expect("the source can be read") {
        let path = entry.expect("the source can be read").path();
        if path.is_dir() {
            text.push_str(&source(&path));
        } else {
            let code = fs::read_to_string(&path).expect("the source is text");
            text.push_str(code.split("#[cfg(test)]\nmod tests").next().unwrap_or_default());
        }
    }
    text
}

#[cfg(unix)]
#[test]
fn help_on_a_terminal_has_colour_unless_it_is_refused() {
    let colored = |args: &[&str]| {
        let mut terminal = support::pty::Terminal::run(&home(), args, &[]);
        assert!(terminal.wait().0.success());
        terminal.written().contains(&0x1b)
    };
    assert!(colored(&["call", "--help"]));
    assert!(!colored(&["--color", "never", "call", "--help"]));
    assert!(!colored(&["call", "--help", "--color=never"]));
}

#[test]
fn json_errors_follow_our_flag_and_not_the_flag_of_another_program() {
    let home = home();
    let fails_with_json = |args: &[&str]| {
        let output = home.cmd(args).output().expect("the binary can be run");
        assert!(!output.status.success());
        String::from_utf8(output.stderr).expect("errors are text").starts_with('{')
    };
    assert!(fails_with_json(&["exec", "-p", "nope", "--json", "--", "gh", "pr", "list"]));
    assert!(!fails_with_json(&["exec", "-p", "nope", "--", "gh", "pr", "list", "--json", "x"]));
    assert!(!fails_with_json(&["exec", "-p", "nope", "gh", "pr", "list", "--json", "x"]));
    assert!(fails_with_json(&["no-such-command", "--json"]));
}
