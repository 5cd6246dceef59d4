//! The manual pages: nothing that `--help` shows is missing from them, and they are
//! correct roff.

#[path = "support/manual.rs"]
mod manual;
mod support;

use std::collections::BTreeSet;
use std::process::Command;

use lokalise_auth::cli::TOPICS;
use manual::Page;

/// The words of a page as a reader sees them: no fonts, no escapes.
fn plain(page: &Page) -> String {
    let mut text = page.text.clone();
    for (roff, shown) in [
        ("\\fB", ""),
        ("\\fI", ""),
        ("\\fR", ""),
        ("\\&", ""),
        ("\\-", "-"),
        ("\\(aq", "'"),
        ("\\(ga", "`"),
        ("\\(ha", "^"),
        ("\\(ti", "~"),
        ("\\(dq", "\""),
        ("\\e", "\\"),
    ] {
        text = text.replace(roff, shown);
    }
    text
}

fn pages() -> Vec<Page> {
    manual::pages("2026-11-26")
}

fn help(words: &[&str]) -> String {
    let output = Command::new(support::home::binary()).args(words).arg("--help").output().expect("the binary runs");
    assert!(output.status.success(), "{words:?} --help ends with {}", output.status);
    String::from_utf8(output.stdout).expect("help is text")
}

/// `-p` and `--profile` of a help text: what begins a line of an option.
fn flags(help: &str) -> BTreeSet<String> {
    let lines = help.lines().map(str::trim_start).filter(|line| line.starts_with('-'));
    let words = lines.flat_map(|line| line.split("  ").next().unwrap_or_default().split([' ', ',', '[', '=']));
    words.filter(|word| word.starts_with('-')).map(|word| word.trim_end_matches(['.', ']']).to_owned()).collect()
}

/// The words of a command by the name of its page: `lokalise-auth-token-set.1` is `token set`.
fn command_of(page: &Page) -> Option<Vec<&str>> {
    let name = page.file_name.strip_suffix(".1")?.strip_prefix("lokalise-auth")?;
    Some(name.split('-').filter(|word| !word.is_empty()).collect())
}

#[test]
fn every_flag_of_the_help_is_in_the_page_of_its_command() {
    let mut commands = 0;
    for page in pages() {
        let Some(words) = command_of(&page) else { continue };
        commands += 1;
        let shown = plain(&page);
        let flags = flags(&help(&words));
        assert!(flags.contains("--profile") && flags.contains("-h"), "{words:?}: {flags:?}");
        for flag in flags {
            let found = shown.lines().any(|line| line.split([' ', ',', '[', '=']).any(|word| word == flag));
            assert!(found, "{} does not have {flag}", page.file_name);
        }
    }
    assert!(commands > 15, "{commands} pages of commands");
}

#[test]
fn every_command_and_topic_has_a_page() {
    let names: BTreeSet<String> = pages().into_iter().map(|page| page.file_name).collect();
    let listed = help(&[]);
    let commands = listed.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let names_of_commands: Vec<&str> = commands.filter_map(|line| line.split_whitespace().next()).collect();
    assert!(names_of_commands.contains(&"call"), "{names_of_commands:?}");
    for command in names_of_commands {
        assert!(names.contains(&format!("lokalise-auth-{command}.1")), "{command} has no page: {names:?}");
    }
    for (topic, _) in TOPICS.iter().filter(|(topic, _)| *topic != "call") {
        assert!(names.contains(&format!("lokalise-auth-{topic}.7")), "{topic} has no page: {names:?}");
    }
}

#[test]
fn pages_have_the_examples_of_the_help() {
    for page in pages() {
        let Some(words) = command_of(&page) else { continue };
        let help = help(&words);
        let examples: Vec<&str> = help
            .lines()
            .skip_while(|line| !matches!(*line, "Example:" | "Examples:"))
            .skip(1)
            .take_while(|line| line.starts_with("  "))
            .collect();
        assert!(!examples.is_empty(), "{words:?} has no example");
        let shown = plain(&page);
        for example in examples {
            assert!(shown.contains(&example[2..]), "{} lacks the example {example}", page.file_name);
        }
    }
}

#[test]
fn pages_of_topics_have_every_word_of_the_topic() {
    for page in pages().iter().filter(|page| page.file_name.ends_with(".7")) {
        let topic = page.file_name.trim_end_matches(".7").trim_start_matches("lokalise-auth-");
        let text = lokalise_auth::commands::help::topic(topic).expect("each page of section 7 is a topic");
        let shown = plain(page).replace("...", "…");
        let shown: BTreeSet<&str> = shown.split_whitespace().collect();
        for word in text.replace("...", "…").split_whitespace() {
            assert!(shown.contains(word), "{} lacks the word {word}", page.file_name);
        }
    }
}

#[cfg(target_os = "linux")] // where tests/run installs mandoc
#[test]
fn pages_pass_mandocs_lint() {
    support::crowd::needs("mandoc", "mandoc");
    let folder = tempfile::tempdir().expect("the folder for temporary files can be used");
    for page in pages() {
        let path = folder.path().join(&page.file_name);
        std::fs::write(&path, &page.text).expect("our own folder");
        let output = Command::new("mandoc").arg("-Tlint").arg(&path).output().expect("mandoc runs");
        let found = String::from_utf8_lossy(&output.stdout);
        assert!(found.is_empty(), "{found}");
    }
}
