//! Opens one URL in the user's browser: as one argument, without a shell, without our secrets in its
//! environment, and never by a program of the working folder. It runs in a process group of its own.

use std::process::{Command, Stdio};
use std::time::Duration;

use reqwest::Url;

use crate::subprocess::split_words;
use crate::world::World;

/// A launcher that fails does so within this time; one that runs longer is the browser itself.
const WATCHED: Duration = Duration::from_millis(500);

/// The separator of the commands in `BROWSER`. On Windows a `:` belongs to a path.
const SEPARATOR: char = if cfg!(windows) { ';' } else { ':' };

/// Why no browser opened.
#[derive(Debug, thiserror::Error)]
pub enum NotOpened {
    #[error("no browser was found")]
    None,
    #[error("`{0}` did not open it")]
    Failed(String),
    #[error("a quote is open in BROWSER")]
    OpenQuote,
}

/// Opens the URL. A failure to open is not a failure to log in: the URL was printed before.
pub async fn open(world: &World, url: &Url) -> Result<(), NotOpened> {
    let commands = match world.var("BROWSER") {
        Some(browser) => commands_of(&browser, url).ok_or(NotOpened::OpenQuote)?,
        None => open::commands(url.as_str()),
    };
    let mut failure = NotOpened::None;
    for command in commands {
        let name = command.get_program().to_string_lossy().into_owned();
        if opens(world, command).await {
            return Ok(());
        }
        failure = NotOpened::Failed(name);
    }
    Err(failure)
}

async fn opens(world: &World, mut command: Command) -> bool {
    // Also variables of other versions of this program.
    for name in world.names_of_variables().filter(|name| name.to_string_lossy().starts_with("LOKALISE_")) {
        command.env_remove(name);
    }
    // This PATH finds the browser and whatever the browser starts.
    match world.search_path().to_variable() {
        Some(path) => command.env("PATH", path),
        None => command.env_remove("PATH"),
    };
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    // Ctrl-C here does not end it.
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    let Ok(mut child) = tokio::process::Command::from(command).spawn() else { return false };
    match tokio::time::timeout(WATCHED, child.wait()).await {
        Ok(ended) => ended.is_ok_and(|status| status.success()),
        Err(_) => true,
    }
}

/// The commands of `BROWSER`, each split into words as a shell does, with the URL for `%s` or as the last
/// argument. `None`: a quote is open.
fn commands_of(browser: &str, url: &Url) -> Option<Vec<Command>> {
    let mut commands = Vec::new();
    for line in split_list(browser, SEPARATOR) {
        let words = split_words(line)?;
        let Some((program, arguments)) = words.split_first() else { continue };
        let mut command = Command::new(program);
        command.args(arguments.iter().map(|word| word.replace("%s", url.as_str())));
        if !arguments.iter().any(|word| word.contains("%s")) {
            command.arg(url.as_str());
        }
        commands.push(command);
    }
    Some(commands)
}

/// Splits a list at a separator outside of quotes.
fn split_list(list: &str, separator: char) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut quote, mut start, mut is_escaped) = (None, 0, false);
    for (at, c) in list.char_indices() {
        match (quote, c) {
            _ if is_escaped => is_escaped = false,
            (None | Some('"'), '\\') if !cfg!(windows) => is_escaped = true,
            (None, '\'' | '"') => quote = Some(c),
            (Some(open), c) if open == c => quote = None,
            (None, c) if c == separator => {
                parts.push(&list[start..at]);
                start = at + c.len_utf8();
            }
            _ => {}
        }
    }
    parts.push(&list[start..]);
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_split_outside_of_quotes() {
        assert_eq!(split_list("a b:c", ':'), ["a b", "c"]);
        assert_eq!(split_list("'a:b' \"c:d\":e", ':'), ["'a:b' \"c:d\"", "e"]);
        assert_eq!(split_list(r"C:\a;'C:\b;c'", ';'), [r"C:\a", r"'C:\b;c'"]);
    }

    #[cfg(unix)]
    #[test]
    fn the_url_is_one_argument_whatever_is_in_it() {
        let url = Url::parse("https://app.lokalise.com/oauth2/auth?a=1&b=%20;rm").expect("a constant URL");
        let all = |browser: &str| -> Vec<Vec<String>> {
            let commands = commands_of(browser, &url).expect("no quote is open");
            let words = |command: &Command| {
                std::iter::once(command.get_program())
                    .chain(command.get_args())
                    .map(|word| word.to_string_lossy().into())
                    .collect()
            };
            commands.iter().map(words).collect()
        };
        let url_text = url.as_str();
        assert_eq!(all("firefox"), [["firefox", url_text]]);
        assert_eq!(all("firefox -new-tab %s:w3m"), [vec!["firefox", "-new-tab", url_text], vec!["w3m", url_text]]);
        assert_eq!(all("'/a b/c' --new \"one word\" '%s'"), [["/a b/c", "--new", "one word", url_text]]);
        assert_eq!(all(r"/a\ b/c\:d --url=%s"), [vec!["/a b/c:d".to_owned(), format!("--url={url_text}")]]);
        assert!(all("").is_empty() && all(" : ").is_empty());
        assert!(commands_of("'firefox", &url).is_none());
    }
}
