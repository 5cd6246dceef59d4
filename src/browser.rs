//! Opens one URL in the user's browser: as one argument, without a shell, in a
//! process group of its own, and without our secrets in its environment.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use reqwest::Url;

use crate::world::{VARIABLES, World};

/// A launcher that fails does so within this time; one that runs longer is the browser itself.
const WATCHED: Duration = Duration::from_millis(250);

/// Why no browser opened.
#[derive(Debug, thiserror::Error)]
pub enum NotOpened {
    #[error("there is no browser to open here")]
    None,
    #[error("`{0}` did not open it")]
    Failed(String),
}

/// Opens the URL. A failure to open is not a failure to log in: the URL was printed before.
pub async fn open(world: &World, url: &Url) -> Result<(), NotOpened> {
    let commands = match world.var("BROWSER") {
        Some(browser) => of_variable(&browser, url),
        None => open::commands(url.as_str()),
    };
    // Launching blocks for up to a quarter of a second a candidate.
    tokio::task::spawn_blocking(move || launch(commands)).await.unwrap_or(Err(NotOpened::None))
}

/// The commands of `BROWSER`: separated by `:`, each split at spaces, with the
/// URL for `%s` or as the last argument.
fn of_variable(browser: &str, url: &Url) -> Vec<Command> {
    browser
        .split(':')
        .filter_map(|candidate| {
            let mut words = candidate.split(' ').filter(|word| !word.is_empty());
            let mut command = Command::new(words.next()?);
            let mut placed = false;
            for word in words {
                placed |= word.contains("%s");
                command.arg(word.replace("%s", url.as_str()));
            }
            if !placed {
                command.arg(url.as_str());
            }
            Some(command)
        })
        .collect()
}

fn launch(commands: Vec<Command>) -> Result<(), NotOpened> {
    let mut failure = NotOpened::None;
    for mut command in commands {
        let name = command.get_program().to_string_lossy().into_owned();
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        for (variable, _) in VARIABLES.iter().filter(|(name, _)| name.starts_with("LOKALISE_")) {
            command.env_remove(variable);
        }
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let Ok(mut child) = command.spawn() else {
            failure = NotOpened::Failed(name);
            continue;
        };
        let started = Instant::now();
        loop {
            match child.try_wait() {
                Ok(Some(status)) if status.success() => return Ok(()),
                Ok(None) if started.elapsed() < WATCHED => std::thread::sleep(Duration::from_millis(5)),
                Ok(None) => return Ok(()),
                Ok(Some(_)) | Err(_) => break,
            }
        }
        failure = NotOpened::Failed(name);
    }
    Err(failure)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_url_is_one_argument_whatever_is_in_it() {
        let url = Url::parse("https://app.lokalise.com/oauth2/auth?a=1&b=%20;rm").expect("a constant URL");
        let all = |browser: &str| -> Vec<Vec<String>> {
            of_variable(browser, &url)
                .iter()
                .map(|command| {
                    std::iter::once(command.get_program())
                        .chain(command.get_args())
                        .map(|word| word.to_string_lossy().into_owned())
                        .collect()
                })
                .collect()
        };
        assert_eq!(all("firefox"), [["firefox", url.as_str()]]);
        assert_eq!(
            all("firefox -new-tab %s:w3m"),
            [vec!["firefox", "-new-tab", url.as_str()], vec!["w3m", url.as_str()]]
        );
        assert!(all("").is_empty());
    }
}
