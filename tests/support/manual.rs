//! The manual pages, made from the same tables as the help: one per command in
//! section 1, one per topic of `help` in section 7.

use clap::{Arg, ArgAction, Command, CommandFactory as _};
use lokalise_auth::cli::{Cli, TOPICS};
use lokalise_auth::commands::help::topic;

/// A manual page in roff.
pub struct Page {
    /// `lokalise-auth-call.1`
    pub file_name: String,
    pub text: String,
}

const MANUAL: &str = "lokalise-auth manual";

/// The topic that is part of the page of the command with its name.
const CALL: &str = "call";

/// All pages. `date` is shown at the bottom of each, as `2026-11-26`.
pub fn pages(date: &str) -> Vec<Page> {
    let mut root = Cli::command();
    root.build();
    let mut pages = Vec::new();
    command_pages(&root, "lokalise-auth", date, &mut pages);
    for (name, about) in TOPICS.iter().filter(|(name, _)| *name != CALL) {
        pages.push(topic_page(name, about, date));
    }
    pages
}

fn command_pages(command: &Command, name: &str, date: &str, pages: &mut Vec<Page>) {
    pages.push(command_page(command, name, date));
    for subcommand in command.get_subcommands() {
        command_pages(subcommand, &format!("{name}-{}", subcommand.get_name()), date, pages);
    }
}

fn command_page(command: &Command, name: &str, date: &str) -> Page {
    let about = command.get_about().map(ToString::to_string).unwrap_or_default();
    let after_help =
        command.get_after_long_help().or(command.get_after_help()).map(ToString::to_string).unwrap_or_default();
    let (notes, examples) = split_examples(&after_help);
    let mut text = title(name, "1", date);
    text.push_str(&name_section(name, &about));
    text.push_str(&synopsis(command));
    text.push_str(".SH DESCRIPTION\n");
    text.push_str(&filled(&format!("{about}.")));
    text.push_str(&body(&notes));
    text.push_str(&options(command));
    text.push_str(&subcommands(command, name));
    if name == "lokalise-auth-call"
        && let Some(topic) = topic(CALL)
    {
        text.push_str(".SH FIELDS, PATHS AND ANSWERS\n");
        text.push_str(&body(&topic));
    }
    text.push_str(".SH EXIT STATUS\nSee\n.BR lokalise\\-auth\\-exit\\-codes (7).\n");
    text.push_str(".SH EXAMPLES\n");
    text.push_str(&literal(&examples));
    text.push_str(&see_also(name, "1"));
    Page { file_name: format!("{name}.1"), text }
}

fn topic_page(topic_name: &str, about: &str, date: &str) -> Page {
    let name = format!("lokalise-auth-{topic_name}");
    let mut text = title(&name, "7", date);
    text.push_str(&name_section(&name, about));
    text.push_str(".SH DESCRIPTION\n");
    text.push_str(&body(&topic(topic_name).unwrap_or_else(|| panic!("`help {topic_name}` has no text"))));
    text.push_str(&see_also(&name, "7"));
    Page { file_name: format!("{name}.7"), text }
}

fn title(name: &str, section: &str, date: &str) -> String {
    let version = env!("CARGO_PKG_VERSION");
    format!(".TH {} {section} {date} \"lokalise\\-auth {version}\" \"{MANUAL}\"\n", escaped(&name.to_uppercase()))
}

fn name_section(name: &str, about: &str) -> String {
    format!(".SH NAME\n{}", filled(&format!("{name} - {about}")))
}

fn synopsis(command: &Command) -> String {
    let usage = command.clone().render_usage().to_string();
    let usage = usage.strip_prefix("Usage: ").unwrap_or(&usage);
    format!(".SH SYNOPSIS\n{}\n", line(usage.trim()))
}

/// Arguments and flags by the headings of the help, the global ones last.
fn options(command: &Command) -> String {
    let shown: Vec<&Arg> = command.get_arguments().filter(|argument| !argument.is_hide_set()).collect();
    let mut headings: Vec<&str> = Vec::new();
    for argument in &shown {
        if !headings.contains(&heading(argument)) {
            headings.push(heading(argument));
        }
    }
    headings.sort_by_key(|heading| (*heading == "Global options", *heading != "Arguments"));
    let mut text = String::from(".SH OPTIONS\n");
    for (index, heading_shown) in headings.into_iter().enumerate() {
        // The section's own title repeats it.
        if index > 0 || heading_shown != "Options" {
            text.extend([".SS ", &escaped(heading_shown), "\n"]);
        }
        for argument in shown.iter().filter(|argument| heading(argument) == heading_shown) {
            text.push_str(&option(argument));
        }
    }
    text
}

fn heading(argument: &Arg) -> &str {
    argument.get_help_heading().unwrap_or(if argument.is_positional() { "Arguments" } else { "Options" })
}

fn option(argument: &Arg) -> String {
    let mut text = format!(".TP\n{}\n", forms(argument));
    let mut meaning = argument.get_help().map(ToString::to_string).unwrap_or_default();
    let values: Vec<_> = argument.get_possible_values().into_iter().filter(|value| !value.is_hide_set()).collect();
    if values.iter().any(|value| value.get_help().is_none()) {
        let names: Vec<&str> = values.iter().map(clap::builder::PossibleValue::get_name).collect();
        meaning.extend([": ", &names.join(", ")]);
    }
    if let [default] = argument.get_default_values()
        && argument.get_action().takes_values()
        && !argument.is_hide_default_value_set()
    {
        meaning.extend([" (default: ", &default.to_string_lossy(), ")"]);
    }
    text.push_str(&filled(&meaning));
    for value in values.iter().filter(|value| value.get_help().is_some()) {
        let help = value.get_help().map(ToString::to_string).unwrap_or_default();
        text.extend([".RS\n.TP\n", &escaped(value.get_name()), "\n", &filled(&help), ".RE\n"]);
    }
    text
}

/// `-p, --profile NAME`, `--wait[=DURATION]`, or the name of an argument.
fn forms(argument: &Arg) -> String {
    let short = argument.get_short().map(|short| format!("\\fB\\-{short}\\fR"));
    let long = argument.get_long().map(|long| format!("\\fB\\-\\-{}\\fR", escaped(long)));
    let names: Vec<String> = short.into_iter().chain(long).collect();
    let value = argument.get_value_names().map(|names| names.join(" ")).unwrap_or_default();
    let value = format!("\\fI{}\\fR", escaped(&value));
    if names.is_empty() {
        return value;
    }
    let repeated = if matches!(argument.get_action(), ArgAction::Count) { " ..." } else { "" };
    let value = match (argument.get_action().takes_values(), argument.is_require_equals_set()) {
        (false, _) => String::new(),
        (true, false) => format!(" {value}"),
        (true, true) => format!("[={value}]"),
    };
    format!("{}{value}{repeated}", names.join(", "))
}

fn subcommands(command: &Command, name: &str) -> String {
    let mut text = String::new();
    for subcommand in command.get_subcommands() {
        if text.is_empty() {
            text.push_str(".SH COMMANDS\n");
        }
        let about = subcommand.get_about().map(ToString::to_string).unwrap_or_default();
        let page = escaped(&format!("{name}-{}", subcommand.get_name()));
        text.extend([".TP\n.BR ", &page, " (1)\n", &filled(&about)]);
    }
    text
}

/// The pages of the same manual that a reader may want next.
fn see_also(name: &str, section: &str) -> String {
    let mut pages = vec![("lokalise-auth".to_owned(), "1")];
    pages.extend(TOPICS.iter().filter(|(topic, _)| *topic != CALL).map(|(t, _)| (format!("lokalise-auth-{t}"), "7")));
    pages.retain(|(other, of)| (other.as_str(), *of) != (name, section));
    let last = pages.len() - 1;
    let lines = pages.iter().enumerate().map(|(index, (page, section))| {
        format!(".BR {} ({section}){}\n", escaped(page), if index == last { "" } else { "," })
    });
    std::iter::once(".SH SEE ALSO\n".to_owned()).chain(lines).collect()
}

/// The text below a command's help, and the lines of its examples without their indentation.
fn split_examples(after_help: &str) -> (String, String) {
    let mut notes = Vec::new();
    let mut examples = Vec::new();
    let mut in_examples = false;
    for line in after_help.lines() {
        match line {
            "Example:" | "Examples:" => in_examples = true,
            _ if in_examples && line.starts_with("  ") => examples.push(&line[2..]),
            _ => {
                in_examples = false;
                notes.push(line);
            }
        }
    }
    (notes.join("\n"), examples.join("\n"))
}

/// A text of the help as roff. Lines without indentation are paragraphs; of the indented ones
/// those with two columns become a list, and the others are shown as they are.
fn body(text: &str) -> String {
    let mut roff = String::new();
    let mut state = State::Paragraph;
    for shown in text.lines() {
        let next = state.after(shown);
        roff.push_str(state.change(next, roff.is_empty()));
        match next {
            State::Break => {}
            State::Paragraph | State::Continuation => roff.push_str(&filled(shown)),
            State::Entry => {
                let (term, meaning) = columns(shown).expect("an entry has two columns");
                roff.extend([".TP\n\\fB", &escaped(term), "\\fR\n", &filled(meaning)]);
            }
            State::Literal => roff.extend([&line(shown), "\n"]),
        }
        state = next;
    }
    roff.push_str(state.change(State::Break, false));
    roff
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    Break,
    Paragraph,
    /// A line with two columns: a word and its meaning.
    Entry,
    /// The meaning of an entry goes on.
    Continuation,
    Literal,
}

impl State {
    fn after(self, shown: &str) -> Self {
        let indentation = shown.len() - shown.trim_start().len();
        match self {
            _ if shown.trim().is_empty() => Self::Break,
            _ if indentation == 0 => Self::Paragraph,
            Self::Literal => Self::Literal,
            Self::Entry | Self::Continuation if indentation > 6 => Self::Continuation,
            _ if columns(shown).is_some() => Self::Entry,
            _ => Self::Literal,
        }
    }

    /// The text between a line of this kind and one of the next.
    fn change(self, next: Self, first: bool) -> &'static str {
        match (self, next) {
            (Self::Literal, Self::Literal) => "",
            (Self::Literal, Self::Paragraph) => ".fi\n.RE\n.PP\n",
            (Self::Literal, _) => ".fi\n.RE\n",
            (_, Self::Literal) => ".PP\n.RS 4\n.nf\n",
            (Self::Break | Self::Entry | Self::Continuation, Self::Paragraph) if !first => ".PP\n",
            _ => "",
        }
    }
}

/// The two columns of a line like `  file         in the data folder`.
fn columns(shown: &str) -> Option<(&str, &str)> {
    let (term, meaning) = shown.trim_start().split_once("  ")?;
    Some((term, meaning.trim_start()))
}

/// Lines that are shown as they are.
fn literal(text: &str) -> String {
    let lines: String = text
        .lines()
        .map(|shown| {
            line(shown)
                + "
"
        })
        .collect();
    format!(".RS 4\n.nf\n{lines}.fi\n.RE\n")
}

/// Text that the reader's terminal breaks into lines. The lines of the source are short, as the language wants them.
fn filled(text: &str) -> String {
    let mut lines: Vec<String> = vec![String::new()];
    for word in text.split_whitespace().map(escaped) {
        let current = lines.last_mut().expect("there is always one line");
        if current.is_empty() {
            *current = word;
        } else if current.len() + word.len() < 78 {
            current.push(' ');
            current.push_str(&word);
        } else {
            lines.push(word);
        }
    }
    lines
        .iter()
        .map(|text| {
            guarded(text)
                + "
"
        })
        .collect()
}

fn line(text: &str) -> String {
    guarded(&escaped(text))
}

/// A line that is not taken for a request to roff.
fn guarded(text: &str) -> String {
    if text.starts_with(['.', '\'']) { format!("\\&{text}") } else { text.to_owned() }
}

fn escaped(text: &str) -> String {
    let mut roff = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\\' => roff.push_str("\\e"),
            '-' => roff.push_str("\\-"),
            '\'' => roff.push_str("\\(aq"),
            '`' => roff.push_str("\\(ga"),
            '^' => roff.push_str("\\(ha"),
            '~' => roff.push_str("\\(ti"),
            '"' => roff.push_str("\\(dq"),
            '…' => roff.push_str("..."),
            other => roff.push(other),
        }
    }
    roff
}
