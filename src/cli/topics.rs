//! The topics of `help`, as data. The program prints them at the width of the terminal, and the
//! manual pages use the same blocks.

mod filters;
mod guides;
mod requests;

use crate::error::EXIT_CODES;
use crate::world::{OF_THE_MACHINE, VARIABLES};

/// The topics by name, each with what it is about.
pub const TOPICS: [(&str, &str); 8] = [
    ("environment", "Variables that are read"),
    ("exit-codes", "Exit codes, and the codes of JSON errors"),
    ("storage", "Where credentials are kept, and how to remove them"),
    ("ci", "Credentials in CI"),
    ("ssh", "Log in over SSH and in containers"),
    ("call", "How fields become the body or the query of a request"),
    ("jq", "The built-in jq filter"),
    ("durations", "How lengths of time are written"),
];

/// One topic.
pub struct Topic {
    pub name: &'static str,
    /// What it is about, as in [`TOPICS`].
    pub title: &'static str,
    pub blocks: Vec<Block>,
}

/// A piece of a topic. Text between backticks is code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Block {
    Heading(&'static str),
    /// A paragraph, to be wrapped.
    Text(String),
    /// Lines that are typed or pasted as they are, never wrapped.
    Code(&'static str),
    /// Rows of cells. The last cell of a row is wrapped.
    Table(Vec<Vec<String>>),
}

fn text(text: &str) -> Block {
    Block::Text(text.to_owned())
}

fn table<const N: usize>(rows: &[[&str; N]]) -> Block {
    Block::Table(rows.iter().map(|row| row.iter().map(|&cell| cell.to_owned()).collect()).collect())
}

/// All topics, in the order of [`TOPICS`].
pub fn topics() -> Vec<Topic> {
    TOPICS
        .into_iter()
        .map(|(name, title)| {
            let blocks = match name {
                "environment" => environment(),
                "exit-codes" => exit_codes(),
                "storage" => guides::storage(),
                "ci" => guides::ci(),
                "ssh" => guides::ssh(),
                "call" => requests::call(),
                "jq" => filters::jq(),
                "durations" => guides::durations(),
                _ => unreachable!("every topic has its blocks; a test prints them all"),
            };
            Topic { name, title, blocks }
        })
        .collect()
}

fn environment() -> Vec<Block> {
    let (ours, of_others): (Vec<_>, Vec<_>) = VARIABLES.iter().partition(|(name, _)| name.starts_with("LOKALISE_"));
    let rows = |variables: Vec<&(&str, &str)>| {
        Block::Table(variables.iter().map(|(name, meaning)| vec![(*name).to_owned(), (*meaning).to_owned()]).collect())
    };
    vec![
        text("An empty variable counts as unset."),
        Block::Heading("Variables of lokalise-auth"),
        rows(ours),
        Block::Heading("Variables of other programs that it respects"),
        rows(of_others),
        text("The proxy variables can be written in small letters too."),
        Block::Heading("Variables that describe the machine"),
        Block::Text(OF_THE_MACHINE.join(" ")),
        Block::Heading("Which credential is used"),
        text(
            "The first of these that exists: --profile NAME; a variable that holds a token; LOKALISE_PROFILE; the \
             nearest file .lokalise-profile (one line, a profile name) in this folder or a parent; the profile of \
             `lokalise-auth profile use NAME`; the profile `default`. `lokalise-auth whoami` shows which one it was.",
        ),
    ]
}

fn exit_codes() -> Vec<Block> {
    let done = vec!["0".to_owned(), String::new(), "done".to_owned()];
    let rows = EXIT_CODES.iter().map(|row| vec![row.code.to_string(), row.name.to_owned(), row.meaning.to_owned()]);
    vec![
        text(
            "The second column is the `code` of the JSON object that --json prints on stderr when a command fails. \
             Its keys are in `error`: code, exit, status, message, hint and request_id.",
        ),
        Block::Table(std::iter::once(done).chain(rows).collect()),
        text(
            "`exec` ends with the exit code of the command that it runs; 126 if that cannot be executed, 127 if it \
             is not found.",
        ),
    ]
}
