//! README.md is true: its commands run, against the stand-in, in the order of
//! the page, and its tables are those of the code.

#![cfg(unix)] // the commands are for a shell

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Output, Stdio};

use clap::CommandFactory;
use lokalise_auth::cli::Cli;
use lokalise_auth::cli::usage::parse;
use lokalise_auth::error::EXIT_CODES;
use lokalise_auth::world::VARIABLES;
use serde_json::Value;
use support::browser;
use support::home::{Home, binary};
use support::standin::Standin;

fn readme() -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).expect("README.md is there")
}

/// A fenced block and the heading above it.
#[derive(Debug)]
struct Block {
    heading: String,
    language: String,
    text: String,
}

fn blocks(readme: &str) -> Vec<Block> {
    let mut found: Vec<Block> = Vec::new();
    let mut heading = String::new();
    let mut inside = false;
    for line in readme.lines() {
        match (line.strip_prefix("```"), line.strip_prefix("## ")) {
            (Some(language), _) => {
                inside = !inside;
                if inside {
                    let (heading, language) = (heading.clone(), language.to_owned());
                    found.push(Block { heading, language, text: String::new() });
                }
            }
            (None, _) if inside => {
                let block = found.last_mut().expect("one is open");
                block.text.push_str(line);
                block.text.push('\n');
            }
            (None, Some(text)) => text.clone_into(&mut heading),
            (None, None) => {}
        }
    }
    found
}

/// The rows of the table whose head begins so, without the head.
fn rows(readme: &str, head: &str) -> Vec<Vec<String>> {
    let below = readme.lines().skip_while(|line| !line.starts_with(head)).skip(2);
    let cells = |line: &str| line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect();
    below.take_while(|line| line.starts_with('|')).map(cells).collect()
}

#[test]
fn the_first_things_are_to_install_to_try_and_to_test_it() {
    let readme = readme();
    let headings: Vec<&str> = readme.lines().filter_map(|line| line.strip_prefix("## ")).collect();
    assert_eq!(headings[..4], ["Install", "Try it", "Test it", "First steps"]);
    let blocks = blocks(&readme);
    for (heading, command) in [("Try it", "cargo run --example tour\n"), ("Test it", "tests/run\n")] {
        let texts: Vec<&str> = blocks.iter().filter(|b| b.heading == heading).map(|b| b.text.as_str()).collect();
        assert_eq!(texts, [command]);
    }
    let run = fs::metadata(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/run")).expect("tests/run is there");
    assert!(run.permissions().mode() & 0o111 != 0, "tests/run cannot be run");
}

/// A machine on which every command of README.md works.
struct Machine<'a> {
    home: Home,
    standin: &'a Standin,
}

impl<'a> Machine<'a> {
    fn new(standin: &'a Standin) -> Self {
        let mut home = Home::new(standin);
        let bin = home.path().join("bin");
        fs::create_dir(&bin).expect("our own folder");
        let vault = bin.join("vault");
        fs::write(&vault, format!("#!/bin/sh\necho {}\n", standin.api_token())).expect("our own folder");
        fs::set_permissions(&vault, fs::Permissions::from_mode(0o700)).expect("our own file");
        let path = std::env::var("PATH").expect("there is a PATH");
        let folder = binary().parent().expect("a file is in a folder").display().to_string();
        home.set("PATH", &format!("{}:{folder}:{path}", bin.display()));
        home.set("BROWSER", &browser::script(home.path()));
        home.set("LOKALISE_CLIENT_SECRET", &standin.client_secret());
        Self { home, standin }
    }

    /// Runs a block as bash does, with the API token on stdin for a command that reads it.
    fn run(&self, text: &str) -> Output {
        // The client id and the project are examples; everybody has others.
        let text = text.replace("0123456789abcdef0123456789abcdef01234567", &self.standin.client_id());
        let text = text.replace("0123456789abcdef012345.67890123", &self.standin.project_id());
        let script = self.home.path().join("block.sh");
        fs::write(&script, format!("set -euo pipefail\n{text}")).expect("our own folder");
        let token = self.home.path().join("token");
        fs::write(&token, format!("{}\n", self.standin.api_token())).expect("our own folder");
        let mut bash = self.home.other("bash", [script]);
        bash.stdin(Stdio::from(fs::File::open(token).expect("our own file")));
        bash.output().expect("bash can be run")
    }
}

#[test]
fn every_command_runs_in_the_order_of_the_page() {
    let standin = Standin::start();
    let machine = Machine::new(&standin);
    let mut count = 0;
    for block in blocks(&readme()).iter().filter(|block| block.language == "sh") {
        // These are about the repository, or about the machine that runs this test.
        let about_others = ["cargo ", "tests/run", "rm "].iter().any(|first| block.text.starts_with(first));
        // These have tests of their own: tests/recipes.rs and tests/stores/fleet.rs.
        let has_tests = ["Recipes", "Many machines"].contains(&block.heading.as_str());
        if about_others || has_tests {
            continue;
        }
        let output = machine.run(&block.text);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{}:\n{}\n{}\n{stderr}", block.heading, block.text, output.status);
        Home::assert_no_secret(&standin, &block.text, &output.stderr);
        count += 1;
    }
    assert!(count >= 7, "only {count} blocks were found");
    // The last of them has removed everything.
    assert!(!holds(&machine.home.credentials(), &standin.api_token()));
    assert_eq!(machine.home.cmd(["whoami"]).output().expect("the binary can be run").status.code(), Some(4));
}

fn holds(file: &Path, text: &str) -> bool {
    fs::read_to_string(file).is_ok_and(|content| content.contains(text))
}

/// Fails unless the program takes these words.
fn assert_taken(line: &str) {
    let (_, rest) = line.split_once("lokalise-auth").expect("it was looked for");
    let words = shell_words::split(rest).unwrap_or_else(|why| panic!("`{line}`: {why}"));
    let words = std::iter::once("lokalise-auth".to_owned()).chain(words).map(Into::into);
    if let Err(error) = parse::<Vec<_>>(words.collect(), false) {
        panic!("`{line}` is refused: {error}");
    }
}

#[test]
fn every_command_flag_and_variable_of_the_page_exists() {
    let readme = readme();
    for line in blocks(&readme).iter().filter(|block| block.language == "yaml").flat_map(|block| block.text.lines()) {
        if line.contains("lokalise-auth ") {
            assert_taken(line);
        }
    }
    // Every second piece is between backticks.
    let prose: String = readme.split("```").step_by(2).collect();
    let spans: Vec<&str> = prose.split('`').skip(1).step_by(2).collect();
    for span in &spans {
        let placeholder = span.split(' ').any(|word| word.len() > 1 && word.bytes().all(|b| b.is_ascii_uppercase()));
        if span.starts_with("lokalise-auth ") && !placeholder && !span.contains("<TAB>") {
            assert_taken(span);
        }
    }
    let mut command = Cli::command();
    command.build();
    let all = all_flags(&command);
    // A line for another program has that program's flags.
    let ours =
        spans.iter().filter(|span| !["cargo ", "sudo ", "tar ", "COPY "].iter().any(|other| span.starts_with(other)));
    for word in ours.flat_map(|span| span.split([' ', '='])).filter(|word| word.starts_with("--")) {
        assert!(all.contains(&word.to_owned()), "there is no flag {word}");
    }
    for (at, _) in readme.match_indices("LOKALISE_") {
        let name: String = readme[at..].chars().take_while(|c| c.is_ascii_uppercase() || *c == '_').collect();
        // The official actions read this one, and `exec --as` sets it for them.
        let is_known = name == "LOKALISE_API_KEY" || VARIABLES.iter().any(|(known, _)| *known == name);
        assert!(is_known, "unknown variable {name}");
    }
}

fn all_flags(command: &clap::Command) -> Vec<String> {
    let own = command.get_arguments().filter_map(|argument| Some(format!("--{}", argument.get_long()?)));
    own.chain(command.get_subcommands().flat_map(all_flags)).collect()
}

#[test]
fn the_exit_codes_are_those_of_the_code() {
    let mut expected = vec![vec!["0".to_owned(), "done".to_owned()]];
    expected.extend(EXIT_CODES.iter().map(|row| vec![row.code.to_string(), row.meaning.to_owned()]));
    assert_eq!(rows(&readme(), "| code | meaning |"), expected);
}

#[test]
fn the_report_of_whoami_has_the_keys_of_the_table() {
    let readme = readme();
    let table = rows(&readme, "| key | type | meaning |");
    let standin = Standin::start();
    let mut home = Home::new(&standin);
    let mut reports = vec![home.cmd(["whoami", "--json"]).output()];
    home.set_token(&[]);
    reports.push(home.cmd(["whoami", "--json"]).output());
    home.login(&["--profile", "browser"]);
    reports.push(home.cmd(["whoami", "--json", "--profile", "browser"]).output());
    home.set("LOKALISE_API_TOKEN", &standin.read_only_token());
    reports.push(home.cmd(["whoami", "--json", "--offline"]).output());
    for report in reports {
        let report = report.expect("the binary can be run").stdout;
        let report: serde_json::Map<String, Value> = serde_json::from_slice(&report).expect("the report is JSON");
        let keys: Vec<String> = table.iter().map(|row| row[0].trim_matches('`').to_owned()).collect();
        assert_eq!(report.keys().collect::<Vec<_>>(), keys.iter().collect::<Vec<_>>());
        for row in &table {
            let value = &report[row[0].trim_matches('`')];
            let kind = match value {
                Value::Null => "null",
                Value::Bool(_) => "boolean",
                Value::Number(_) => "number",
                Value::String(_) => "string",
                Value::Array(_) => "array",
                Value::Object(_) => "object",
            };
            assert!(row[1].split(" or ").any(|known| known == kind), "{} is a {kind}: {value}", row[0]);
        }
        assert_eq!(report["schema_version"], 1);
        for (key, inner) in [("source", &["type", "name"][..]), ("owner", &["user_id", "name", "email"])] {
            if let Some(object) = report[key].as_object() {
                assert_eq!(object.keys().collect::<Vec<_>>(), inner, "{key}");
                let row = table.iter().find(|row| row[0].contains(key)).expect("it has a row");
                assert!(inner.iter().all(|name| row[2].contains(&format!("`{name}`"))), "{row:?}");
            }
        }
    }
}
