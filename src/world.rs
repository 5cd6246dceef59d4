//! All that the tool asks of the machine in general: variables, streams, the
//! clock, randomness. Stores, sockets and the browser have modules of their own.

#![expect(clippy::disallowed_methods, reason = "this is where the machine is read")]

use std::ffi::OsString;
use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::{SecureRandom, SystemRandom};
use zeroize::Zeroizing;

use crate::error::{Error, Result};
use crate::escape;
use crate::subprocess::SearchPath;
use crate::tone::Tone;

/// The variables that are set to change what we do, with what they do: the table of `help environment`.
pub const VARIABLES: &[(&str, &str)] = &[
    ("LOKALISE_API_TOKEN", "personal API token, sent as X-Api-Token"),
    ("LOKALISE_API_TOKEN_FILE", "file that holds a personal API token"),
    ("LOKALISE_ACCESS_TOKEN", "OAuth access token, sent as Authorization: Bearer"),
    ("LOKALISE_REFRESH_TOKEN", "OAuth refresh token; with client id and secret a token is minted for this run"),
    ("LOKALISE_CLIENT_ID", "client id of the OAuth app"),
    ("LOKALISE_CLIENT_SECRET", "client secret of the OAuth app"),
    ("LOKALISE_PROFILE", "profile to use"),
    ("LOKALISE_PROJECT_ID", "fills {project_id} and {p} in the paths of `call`"),
    ("LOKALISE_API_URL", "API root; default https://api.lokalise.com/api2"),
    ("LOKALISE_OAUTH_URL", "folder of the OAuth endpoints; default https://app.lokalise.com/oauth2"),
    ("LOKALISE_AUTH_STORE", "store for new credentials: auto, keyring, file or helper:NAME"),
    ("LOKALISE_AUTH_CONFIG_DIR", "folder of profiles.json"),
    ("LOKALISE_AUTH_DATA_DIR", "folder of credentials.json (the file store)"),
    ("LOKALISE_AUTH_NO_INPUT", "ask nothing, as --no-input"),
    ("LOKALISE_AUTH_KEYRING_TIMEOUT", "seconds to wait for the store; default 5, or 60 where prompts are possible"),
    ("LOKALISE_AUTH_LOG", "`steps` as -v, `requests` as -vv"),
    ("BROWSER", "commands that open a URL, separated by `:`; %s is the URL"),
    ("CI", "set: no questions, as --no-input"),
    ("GITHUB_ACTIONS", "set: advice and masks in the form of GitHub Actions"),
    ("NO_COLOR", "no colour"),
    ("CLICOLOR_FORCE", "colour without a terminal too"),
    ("TERM", "`dumb`: plain lines"),
    ("ACCESSIBLE", "plain lines for screen readers"),
    ("HTTPS_PROXY", "proxy for https"),
    ("ALL_PROXY", "proxy for https where HTTPS_PROXY is not set"),
    ("NO_PROXY", "hosts, networks and ports without a proxy; `*` is every host"),
    ("SSL_CERT_FILE", "PEM file of trusted CAs in place of the system's"),
    ("SSL_CERT_DIR", "folder of trusted CAs in place of the system's"),
];

/// The variables that only describe the machine.
pub const OF_THE_MACHINE: [&str; 19] = [
    "HOME",
    "PATH",
    "XDG_CONFIG_HOME",
    "XDG_DATA_HOME",
    "XDG_RUNTIME_DIR",
    "DBUS_SESSION_BUS_ADDRESS",
    "DISPLAY",
    "WAYLAND_DISPLAY",
    "WSL_DISTRO_NAME",
    "SSH_CONNECTION",
    "SSH_TTY",
    "container",
    "KUBERNETES_SERVICE_HOST",
    "REMOTE_CONTAINERS",
    "CODESPACES",
    "SNAP",
    "FLATPAK_ID",
    "GITHUB_ENV",
    "PATHEXT",
];

/// The hint for a person at a terminal who is not asked because of `CI`.
pub const CI_IS_SET: &str = if cfg!(windows) {
    "CI is set, so no questions are asked: `Remove-Item Env:CI` changes that"
} else {
    "CI is set, so no questions are asked: `unset CI` changes that"
};

/// The proxy variables in their other spelling.
const LOWERCASE_PROXY_VARS: [&str; 3] = ["https_proxy", "all_proxy", "no_proxy"];

/// Our variables that hold secrets. No child inherits them, except the command that is given the token.
pub const SECRET_VARIABLES: [&str; 5] = [
    "LOKALISE_API_TOKEN",
    "LOKALISE_ACCESS_TOKEN",
    "LOKALISE_REFRESH_TOKEN",
    "LOKALISE_CLIENT_SECRET",
    "LOKALISE_API_TOKEN_FILE",
];

/// How much stderr gets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verbosity {
    #[default]
    Answers,
    /// `-v`
    Steps,
    /// `-vv`
    Requests,
}

/// Colour as `--color` has it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ColorChoice {
    #[default]
    Auto,
    Always,
    Never,
}

/// Our lines on stderr, for a terminal, a file or a build log. Text from elsewhere
/// cannot become a line of its own, and no line is longer than [`escape::MAX_LINE`].
#[derive(Clone, Copy, Debug, Default)]
pub struct Lines {
    detail: Verbosity,
    /// Whether a failure is coloured.
    color: bool,
}

impl Lines {
    pub fn say(self, line: &str) {
        write_line(&escape::line(line));
    }

    pub fn say_all(self, lines: impl IntoIterator<Item = String>) {
        let mut left = escape::MAX_FAILURE_BYTES;
        for line in lines {
            let line = escape::line(&line);
            if line.len() + 1 > left {
                return;
            }
            left -= line.len() + 1;
            write_line(&self.with_tone(&line));
        }
    }

    /// The line of a failure with its first word in colour.
    fn with_tone(self, line: &str) -> String {
        let (tone, start) = if line.starts_with("hint:") {
            (Tone::Strong, "hint:")
        } else if line.starts_with("lokalise-auth:") {
            (Tone::Bad, "lokalise-auth:")
        } else {
            return line.to_owned();
        };
        format!("{}{}", tone.paint(start, self.color), &line[start.len()..])
    }

    pub fn warn(self, line: &str) {
        self.say(&format!("lokalise-auth: warning: {line}"));
    }

    pub fn step(self, line: &str) {
        if self.detail >= Verbosity::Steps {
            self.say(&format!("lokalise-auth: {line}"));
        }
    }

    pub fn trace(self, line: &str) {
        if self.detail >= Verbosity::Requests {
            self.say(&format!("lokalise-auth: {line}"));
        }
    }
}

fn write_line(line: &str) {
    // If stderr is closed, no other place for the message is left.
    let _ = writeln!(io::stderr().lock(), "{line}");
}

fn mask_line(secret: &str) -> Zeroizing<String> {
    Zeroizing::new(format!("::add-mask::{secret}"))
}

#[cfg(unix)]
fn is_regular_file(stream: &impl std::os::fd::AsFd) -> bool {
    use rustix::fs::{FileType, fstat};
    fstat(stream).is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile)
}

#[cfg(windows)]
fn is_regular_file(stream: &impl std::os::windows::io::AsHandle) -> bool {
    let file = stream.as_handle().try_clone_to_owned().map(std::fs::File::from);
    // A pipe and a console have no metadata.
    file.and_then(|file| file.metadata()).is_ok_and(|metadata| metadata.is_file())
}

type Variables = Box<dyn Fn(&str) -> Option<OsString> + Send + Sync>;
type Clock = Box<dyn Fn() -> SystemTime + Send + Sync>;

/// The machine, as one run sees it.
pub struct World {
    variables: Variables,
    clock: Clock,
    pub stdin_is_terminal: bool,
    pub stdout_is_terminal: bool,
    pub stderr_is_terminal: bool,
    pub no_input: bool,
    pub detail: Verbosity,
    pub color: ColorChoice,
    /// What to do after an interrupted run, as long as there is anything to do.
    interrupted_hint: Mutex<Option<String>>,
}

impl World {
    /// The real machine.
    ///
    /// # Errors
    /// Usage, if one of our variables is not text; with the machine, to report it.
    pub fn real() -> Result<Self, (Box<Self>, Error)> {
        let world = Self {
            variables: Box::new(|name| std::env::var_os(name)),
            clock: Box::new(SystemTime::now),
            stdin_is_terminal: io::stdin().is_terminal(),
            stdout_is_terminal: io::stdout().is_terminal(),
            stderr_is_terminal: io::stderr().is_terminal(),
            no_input: false,
            detail: Verbosity::default(),
            color: ColorChoice::default(),
            interrupted_hint: Mutex::default(),
        };
        for name in VARIABLES.iter().map(|(name, _)| *name).chain(LOWERCASE_PROXY_VARS) {
            if std::env::var_os(name).is_some_and(|value| value.to_str().is_none()) {
                return Err((Box::new(world), Error::usage(format!("{name} is not UTF-8 text"))));
            }
        }
        Ok(world)
    }

    #[cfg(test)]
    /// A machine made for a test: its variables, its clock, no terminal.
    pub fn made_of(
        variables: impl Fn(&str) -> Option<OsString> + Send + Sync + 'static,
        clock: impl Fn() -> SystemTime + Send + Sync + 'static,
    ) -> Self {
        Self {
            variables: Box::new(variables),
            clock: Box::new(clock),
            stdin_is_terminal: false,
            stdout_is_terminal: false,
            stderr_is_terminal: false,
            no_input: true,
            detail: Verbosity::default(),
            color: ColorChoice::default(),
            interrupted_hint: Mutex::default(),
        }
    }

    /// The names of all variables, to remove some of them for a child.
    pub fn names_of_variables(&self) -> impl Iterator<Item = OsString> {
        std::env::vars_os().map(|(name, _)| name)
    }

    /// Where programs are found.
    pub fn search_path(&self) -> SearchPath {
        SearchPath::new((self.variables)("PATH"), self.var("PATHEXT").as_deref())
    }

    /// A variable's value; an empty one counts as unset.
    pub fn var(&self, name: &str) -> Option<String> {
        (self.variables)(name)?.into_string().ok().filter(|value| !value.is_empty())
    }

    /// Whether a variable is set and has no value. Some CI systems pass a secret that does not exist that way.
    pub fn is_set_but_empty(&self, name: &str) -> bool {
        (self.variables)(name).is_some_and(|value| value.is_empty())
    }

    /// Whether a variable switches something on: `0`, `false`, `no` and `off` do not.
    pub fn switch(&self, name: &str) -> bool {
        let is_off = |value: &str| ["0", "false", "no", "off", ""].iter().any(|off| value.eq_ignore_ascii_case(off));
        self.var(name).is_some_and(|value| !is_off(value.trim()))
    }

    /// The working folder.
    ///
    /// # Errors
    /// If it was removed, or is closed to us.
    pub fn working_folder(&self) -> io::Result<PathBuf> {
        std::env::current_dir()
    }

    pub fn now(&self) -> SystemTime {
        (self.clock)()
    }

    /// Whether a person can be asked. It does not depend on stdout, which may be captured.
    pub fn person(&self) -> bool {
        self.stdin_is_terminal && self.stderr_is_terminal && !self.asked_for_silence()
    }

    /// Whether questions are ruled out, whatever the terminals say.
    pub fn asked_for_silence(&self) -> bool {
        self.no_input || self.switch("CI") || self.switch("LOKALISE_AUTH_NO_INPUT")
    }

    /// Sets the hint of the error for an interruption from here on.
    pub fn set_interrupted_hint(&self, hint: Option<String>) {
        *self.interrupted_hint.lock().unwrap_or_else(PoisonError::into_inner) = hint;
    }

    /// The error of an interrupted run, with what to do afterwards.
    pub fn interrupted(&self, error: Error) -> Error {
        match self.interrupted_hint.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(hint) => error.hint(hint),
            None => error,
        }
    }

    /// Whether `CI` alone keeps us from asking.
    pub fn is_silenced_by_ci(&self) -> bool {
        self.switch("CI") && !self.no_input && !self.switch("LOKALISE_AUTH_NO_INPUT")
    }

    /// The hint for a person at a terminal, if `CI` is the reason that no question is asked.
    pub fn ci_hint(&self) -> Option<String> {
        let is_reason = self.is_silenced_by_ci() && self.stdin_is_terminal && self.stderr_is_terminal;
        is_reason.then(|| CI_IS_SET.to_owned())
    }

    /// Bytes from the operating system's generator.
    ///
    /// # Errors
    /// If it gives none: we have no second source.
    pub fn random<const N: usize>(&self) -> Result<[u8; N]> {
        let mut bytes = [0; N];
        SystemRandom::new()
            .fill(&mut bytes)
            .map_err(|_| Error::other("the operating system's random generator does not answer"))?;
        Ok(bytes)
    }

    /// 256 random bits as base64url text: a `state`, or a code verifier of 43 characters (RFC 7636 §4.1).
    ///
    /// # Errors
    /// As [`World::random`].
    pub fn random_text(&self) -> Result<String> {
        Ok(URL_SAFE_NO_PAD.encode(self.random::<32>()?))
    }

    /// Whether stdout may be coloured.
    pub fn color_stdout(&self) -> bool {
        self.colored(self.stdout_is_terminal)
    }

    /// Whether stderr may be coloured.
    pub fn color_stderr(&self) -> bool {
        self.colored(self.stderr_is_terminal)
    }

    fn colored(&self, terminal: bool) -> bool {
        match self.color {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto if self.var("NO_COLOR").is_some() => false,
            ColorChoice::Auto if self.switch("CLICOLOR_FORCE") => true,
            ColorChoice::Auto => terminal && !self.dumb(),
        }
    }

    fn dumb(&self) -> bool {
        self.var("TERM").as_deref() == Some("dumb")
    }

    /// How many characters a line of the terminal on stdout has; `None` if stdout is not a terminal.
    pub fn columns(&self) -> Option<usize> {
        let (terminal_size::Width(columns), _) = terminal_size::terminal_size_of(io::stdout())?;
        Some(usize::from(columns)).filter(|columns| self.stdout_is_terminal && *columns > 0)
    }

    /// Whether lines on stderr may be redrawn (progress).
    pub fn fancy(&self) -> bool {
        self.stderr_is_terminal && !self.dumb() && !self.switch("ACCESSIBLE") && !self.switch("CI")
    }

    /// One line on stderr, escaped and cut: see [`Lines`].
    pub fn say(&self, line: &str) {
        self.lines().say(line);
    }

    /// The lines of one failure. The last ones are left out if all together are too long.
    pub fn say_all(&self, lines: impl IntoIterator<Item = String>) {
        self.lines().say_all(lines);
    }

    /// One line on stderr that has to be whole: the address to log in at. It is escaped.
    pub fn say_whole(&self, line: &str) {
        write_line(&escape::escaped(line));
    }

    /// A text on stderr that is escaped already.
    pub fn say_escaped(&self, text: &str) {
        write_line(text);
    }

    /// One JSON object on stderr, on a line of its own.
    pub fn say_json(&self, object: &serde_json::Value) {
        let text = if self.stderr_is_terminal { format!("{object:#}") } else { object.to_string() };
        write_line(&escape::escaped_json(&text));
    }

    /// Has GitHub Actions hide a secret in its log from here on. The line goes to stderr, which the runner
    /// reads as well as stdout; into a file, where the runner never sees it, it is not written.
    pub fn mask(&self, secret: &str) {
        if is_regular_file(&io::stderr()) {
            self.step("stderr is a file: GitHub Actions is not asked to mask the credential");
        } else {
            write_line(&mask_line(secret));
        }
    }

    /// The same on stdout, for a command that prints the secret there.
    ///
    /// # Errors
    /// [`Error::stdout`].
    pub fn mask_on_stdout(&self, secret: &str) -> Result<()> {
        if is_regular_file(&io::stdout()) {
            self.mask(secret);
            return Ok(());
        }
        self.answer(&format!("{}\n", *mask_line(secret)))
    }

    pub fn warn(&self, line: &str) {
        self.lines().warn(line);
    }

    /// One step, shown with `-v`.
    pub fn step(&self, line: &str) {
        self.lines().step(line);
    }

    /// One request or status line, shown with `-vv`. It never holds the secret of a header.
    pub fn trace(&self, line: &str) {
        self.lines().trace(line);
    }

    /// The lines on stderr, for code that has no `World` at hand.
    pub fn lines(&self) -> Lines {
        Lines { detail: self.detail, color: self.color_stderr() }
    }

    /// Writes a report in JSON to stdout: on one line, or indented where people read it.
    ///
    /// # Errors
    /// [`Error::stdout`].
    pub fn answer_json(&self, report: &serde_json::Value) -> Result<()> {
        if self.stdout_is_terminal {
            self.answer(&escape::escaped_json(&format!("{report:#}\n")))
        } else {
            self.answer(&format!("{report}\n"))
        }
    }

    /// Writes an answer to stdout and flushes it.
    ///
    /// # Errors
    /// [`Error::stdout`].
    pub fn answer(&self, text: &str) -> Result<()> {
        let mut stdout = io::stdout().lock();
        stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()).map_err(Error::stdout)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_and_verifiers_never_repeat() {
        let world = World::made_of(|_| None, || std::time::UNIX_EPOCH);
        let texts: std::collections::HashSet<String> = (0..10_000).map(|_| world.random_text().unwrap()).collect();
        assert_eq!(texts.len(), 10_000);
        let is_good =
            |text: &String| text.len() == 43 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
        assert!(texts.iter().all(is_good));
    }
}
