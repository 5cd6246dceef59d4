//! Opens one URL in the user's browser: as one argument, without a shell, without
//! our secrets in its environment, and never by a program of the working folder. A window is a process group of its own;
//! a text browser has the terminal until it ends.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use reqwest::Url;
use tokio::process::{Child, Command};

use crate::subprocess;
use crate::world::World;

/// A launcher that fails does so within this time; one that runs longer is the browser itself.
const WATCHED: Duration = Duration::from_millis(500);

/// Browsers that draw on the terminal.
const IN_TEXT: [&str; 8] = ["w3m", "lynx", "links", "links2", "elinks", "cha", "browsh", "www-browser"];

/// Why no browser opened.
#[derive(Debug, thiserror::Error)]
pub enum NotOpened {
    #[error("there is no browser to open here")]
    None,
    #[error("`{0}` did not open it")]
    Failed(String),
}

/// The browser of one login.
#[derive(Default)]
pub struct Browser {
    on_terminal: Option<OnTerminal>,
}

impl Browser {
    /// Opens the URL. A failure to open is not a failure to log in: the URL was printed before.
    pub async fn open(&mut self, world: &World, url: &Url) -> Result<(), NotOpened> {
        let commands = match world.var("BROWSER") {
            Some(browser) => of_variable(&browser, url),
            None => open::commands(url.as_str()),
        };
        let mut failure = NotOpened::None;
        for command in commands {
            let name = command.get_program().to_string_lossy().into_owned();
            if self.opened(command, world.person() && draws_on_terminal(&name)).await {
                return Ok(());
            }
            failure = NotOpened::Failed(name);
        }
        Err(failure)
    }

    async fn opened(&mut self, command: std::process::Command, on_terminal: bool) -> bool {
        let mut command = Command::from(command);
        // All of them, whether this version knows them or not.
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("LOKALISE_") {
                command.env_remove(name);
            }
        }
        // By this PATH the command is looked up too, and what it runs in turn: the working folder chooses none of them.
        match subprocess::path() {
            Some(path) => command.env("PATH", path),
            None => command.env_remove("PATH"),
        };
        if on_terminal {
            self.on_terminal = OnTerminal::spawn(&mut command);
            return self.on_terminal.is_some();
        }
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        // Ctrl-C here does not end it.
        #[cfg(unix)]
        command.process_group(0);
        let Ok(mut child) = command.spawn() else { return false };
        match tokio::time::timeout(WATCHED, child.wait()).await {
            Ok(ended) => ended.is_ok_and(|status| status.success()),
            Err(_) => true,
        }
    }

    /// Waits until a text browser has given the terminal back; without one that is now.
    pub async fn gone_from_terminal(&mut self) {
        if let Some(browser) = &mut self.on_terminal {
            // What it ended with says nothing about the login.
            let _ = browser.child.wait().await;
        }
        self.on_terminal = None;
    }
}

/// A text browser: in our process group, since the terminal answers nobody else's. Dropping it ends it.
struct OnTerminal {
    child: Child,
    #[cfg(unix)]
    _terminal: (Option<crate::terminal::TerminalModes>, crate::signals::Lent),
}

impl OnTerminal {
    fn spawn(command: &mut Command) -> Option<Self> {
        #[cfg(unix)]
        {
            use std::os::fd::AsFd;
            // stdout may be captured; stderr is the terminal where a person is there.
            let screen = std::io::stderr().as_fd().try_clone_to_owned().ok()?;
            command.stdout(Stdio::from(screen));
        }
        Some(Self {
            #[cfg(unix)]
            _terminal: (crate::terminal::TerminalModes::of_stdin(), crate::signals::Lent::start()),
            child: command.kill_on_drop(true).spawn().ok()?,
        })
    }
}

#[cfg(unix)]
impl Drop for OnTerminal {
    fn drop(&mut self) {
        use std::time::Instant;

        use rustix::process::{Pid, Signal, kill_process};
        let Some(pid) = self.child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw) else { return };
        // It has a screen to put away, and little time for it: we are about to end.
        let _ = kill_process(pid, Signal::TERM);
        let patience = Instant::now() + Duration::from_millis(500);
        while Instant::now() < patience && matches!(self.child.try_wait(), Ok(None)) {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// The commands of `BROWSER`: separated by `:`, each split at spaces, with the
/// URL for `%s` or as the last argument.
fn of_variable(browser: &str, url: &Url) -> Vec<std::process::Command> {
    browser
        .split(':')
        .filter_map(|candidate| {
            let mut words = candidate.split(' ').filter(|word| !word.is_empty());
            let mut command = std::process::Command::new(words.next()?);
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

fn draws_on_terminal(program: &str) -> bool {
    let name = Path::new(program).file_name().and_then(|name| name.to_str());
    name.is_some_and(|name| IN_TEXT.contains(&name))
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

    #[test]
    fn a_text_browser_is_known_by_its_name() {
        assert!(draws_on_terminal("w3m") && draws_on_terminal("/usr/bin/lynx"));
        assert!(!draws_on_terminal("firefox") && !draws_on_terminal("/opt/w3m/open") && !draws_on_terminal(""));
    }
}
