//! `help`: the commands' own help, and the topics, printed at the width of the terminal.

use clap::CommandFactory;

use super::layout::{self, Table};
use crate::cli::topics::{Block, TOPICS, Topic, topics};
use crate::cli::{Cli, Help, suggest};
use crate::error::{Error, Result};
use crate::world::World;

pub fn run(world: &World, help: &Help) -> Result<u8> {
    if let [word] = &help.words[..]
        && let Some(topic) = topics().into_iter().find(|topic| topic.name == word)
    {
        return world.answer(&rendered(&topic, layout::width(world), world.color_stdout())).map(|()| 0);
    }
    let mut command = Cli::command();
    command.build();
    let mut found = &mut command;
    for word in &help.words {
        let names: Vec<&str> = found.get_subcommands().map(clap::Command::get_name).collect();
        if !names.contains(&word.as_str()) {
            return Err(unknown(word, &names, found.get_name() == "lokalise-auth"));
        }
        found = found.find_subcommand_mut(word).expect("it is one of the names");
    }
    let text = found.render_long_help();
    let text = if world.color_stdout() { text.ansi().to_string() } else { text.to_string() };
    world.answer(&text).map(|()| 0)
}

/// A topic as plain text in lines of at most 100 characters.
pub fn topic(name: &str) -> Option<String> {
    let topic = topics().into_iter().find(|topic| topic.name == name)?;
    Some(rendered(&topic, layout::MAX_WIDTH, false))
}

/// The word is not repeated: it may be a secret.
fn unknown(word: &str, commands: &[&str], at_the_top: bool) -> Error {
    let topics = TOPICS.map(|(name, _)| name);
    let known = if at_the_top { [commands, &topics].concat() } else { commands.to_vec() };
    let refused = Error::usage("unknown command or topic");
    let refused = match suggest::nearest(&word.to_lowercase(), &known) {
        Some(name) => refused.hint(format!("did you mean `{name}`?")),
        None => refused,
    };
    refused.hint(format!("topics: {}; `lokalise-auth --help` lists the commands", topics.join(", ")))
}

/// A topic as text for people, wrapped.
fn rendered(topic: &Topic, width: usize, color: bool) -> String {
    let heading = |words: &str| if color { format!("\u{1b}[1m{words}\u{1b}[0m") } else { words.to_owned() };
    let mut paragraphs = vec![heading(topic.title)];
    for block in &topic.blocks {
        paragraphs.push(match block {
            Block::Heading(words) => heading(words),
            Block::Text(text) => layout::wrapped(text, width).join("\n"),
            Block::Code(lines) => lines.lines().map(|line| format!("    {line}")).collect::<Vec<_>>().join("\n"),
            Block::Table(rows) => Table { indent: 2, width, widest: &[32] }.render(rows),
        });
    }
    let mut text = paragraphs.join("\n\n");
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_topic_fits_every_terminal() {
        for topic in topics() {
            for width in [60, 80, 100] {
                let text = rendered(&topic, width, false);
                let is_code = |line: &&str| line.starts_with("    ");
                for line in text.lines().filter(|line| !is_code(line)) {
                    assert!(line.chars().count() <= width, "{} at {width}: {line}", topic.name);
                }
                for line in text.lines().filter(is_code) {
                    assert!(line.chars().count() <= 80, "{}: {line}", topic.name);
                }
            }
        }
    }
}
