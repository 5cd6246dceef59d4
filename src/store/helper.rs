//! `helper:NAME`: a program that speaks the docker-credential-helpers protocol.
//! The verb is its only argument; secrets travel on its stdin and stdout alone.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{Backend, StoreError};
use crate::profile::ProfileName;

/// The constant user name: two names under one URL hide each other in some helpers.
const USERNAME: &str = "lokalise-auth";
/// What a helper's answer may have, in bytes.
const LONGEST_ANSWER: u64 = 64 * 1024;
const LONGEST_RECORD: usize = 60_000;
/// `wincred` has Credential Manager's limit, part of which the helper itself needs.
const LONGEST_RECORD_WINCRED: usize = 2_500;

/// Whether a text can name a helper: a bare word, or an absolute path.
pub(super) fn is_name(name: &str) -> bool {
    let word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let bare = !name.is_empty() && name.chars().all(word) && name != "." && name != "..";
    bare || (Path::new(name).is_absolute() && !name.chars().any(char::is_control))
}

pub(super) fn server_url(profile: &ProfileName) -> String {
    format!("lokalise-auth://{profile}")
}

pub(super) struct Helper {
    name: String,
    secret_variables: Vec<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Stored<'a> {
    #[serde(rename = "ServerURL")]
    server_url: &'a str,
    username: &'a str,
    secret: &'a str,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    #[serde(default)]
    secret: String,
}

/// How a helper ended.
struct Ended {
    success: bool,
    stdout: Zeroizing<Vec<u8>>,
}

impl Helper {
    pub(super) fn new(name: String, secret_variables: Vec<String>) -> Self {
        Self { name, secret_variables }
    }

    fn program(&self) -> Result<PathBuf, StoreError> {
        let name = Path::new(&self.name);
        if name.is_absolute() {
            return Ok(name.to_owned());
        }
        let file = format!("docker-credential-{}{}", self.name, std::env::consts::EXE_SUFFIX);
        // Relative entries of PATH would let the working folder choose the program.
        let path = std::env::var_os("PATH").unwrap_or_default();
        std::env::split_paths(&path)
            .filter(|folder| folder.is_absolute())
            .map(|folder| folder.join(&file))
            .find(|candidate| candidate.is_file())
            .ok_or_else(|| StoreError::Unavailable(format!("`{file}` is not on PATH")))
    }

    fn run(&self, verb: &str, input: &[u8], deadline: Instant) -> Result<Ended, StoreError> {
        let program = self.program()?;
        let mut command = Command::new(&program);
        command.arg(verb).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        for variable in &self.secret_variables {
            command.env_remove(variable);
        }
        let limit = deadline.saturating_duration_since(Instant::now());
        let mut running = Running::start(&mut command)
            .map_err(|error| StoreError::Unavailable(format!("{} cannot be run: {error}", program.display())))?;
        let stdout = running.talk(input, deadline).ok_or(StoreError::TimedOut(limit))?;
        let status = running.wait(deadline).ok_or(StoreError::TimedOut(limit))?;
        if stdout.len() as u64 >= LONGEST_ANSWER {
            return Err(StoreError::Corrupt("its answer is longer than 64 KiB".to_owned()));
        }
        Ok(Ended { success: status.success(), stdout })
    }
}

impl Backend for Helper {
    fn read(&mut self, profile: &ProfileName, deadline: Instant) -> Result<Option<Zeroizing<String>>, StoreError> {
        let ended = self.run("get", server_url(profile).as_bytes(), deadline)?;
        if !ended.success {
            let said = said(&ended.stdout);
            return if said.contains("credentials not found") { Ok(None) } else { Err(refusal(&said)) };
        }
        // The helper's own words are never quoted here: they may be the secret.
        let answer: Answer = serde_json::from_slice(&ended.stdout)
            .map_err(|_| StoreError::Corrupt("its answer is not the protocol's JSON".to_owned()))?;
        let secret = Zeroizing::new(answer.secret);
        Ok((!secret.is_empty()).then_some(secret)) // Debian's pass helper says "not found" this way
    }

    fn write(&mut self, profile: &ProfileName, record: &str, deadline: Instant) -> Result<(), StoreError> {
        let limit = if self.name.contains("wincred") { LONGEST_RECORD_WINCRED } else { LONGEST_RECORD };
        if record.len() > limit {
            return Err(StoreError::TooLarge { size: record.len(), limit });
        }
        let stored = Stored { server_url: &server_url(profile), username: USERNAME, secret: record };
        let input = Zeroizing::new(serde_json::to_vec(&stored).expect("three strings always serialize"));
        let ended = self.run("store", &input, deadline)?;
        if ended.success { Ok(()) } else { Err(refusal(&said(&ended.stdout))) }
    }

    fn delete(&mut self, profile: &ProfileName, deadline: Instant) -> Result<(), StoreError> {
        // Erasing what is not there is a failure in some helpers and a success in others.
        if self.read(profile, deadline)?.is_none() {
            return Ok(());
        }
        let ended = self.run("erase", server_url(profile).as_bytes(), deadline)?;
        if ended.success { Ok(()) } else { Err(refusal(&said(&ended.stdout))) }
    }
}

/// What a failed helper said, on one line of at most 200 characters. JSON may hold a secret and is left out.
fn said(stdout: &[u8]) -> String {
    let text = String::from_utf8_lossy(stdout);
    if text.contains('{') || text.contains("Secret") {
        return String::new();
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(200).collect()
}

fn refusal(said: &str) -> StoreError {
    let lower = said.to_lowercase();
    let any = |words: &[&str]| words.iter().any(|word| lower.contains(word));
    if said.is_empty() {
        StoreError::Unavailable("it failed without saying why".to_owned())
    } else if any(&["locked", "decryption failed", "prompt dismissed", "pinentry", "no secret key"]) {
        StoreError::Locked(said.to_owned())
    } else if any(&["permission denied", "access denied", "forbidden", "not supported", "unsupported", "read-only"]) {
        StoreError::Denied(said.to_owned())
    } else {
        StoreError::Unavailable(said.to_owned())
    }
}

/// A helper and all that it starts, in a process group of its own: when time is up, the group is ended.
struct Running {
    child: Child,
    ended: bool,
}

impl Running {
    fn start(command: &mut Command) -> std::io::Result<Self> {
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(command, 0);
        Ok(Self { child: command.spawn()?, ended: false })
    }

    /// Writes the input and reads the answer. A thread each, since either may block for ever.
    fn talk(&mut self, input: &[u8], deadline: Instant) -> Option<Zeroizing<Vec<u8>>> {
        let mut stdin = self.child.stdin.take().expect("stdin is piped");
        let stdout = self.child.stdout.take().expect("stdout is piped");
        let input = Zeroizing::new(input.to_vec());
        std::thread::spawn(move || {
            // A helper that does not read its input shows it by its answer.
            let _ = stdin.write_all(&input);
        });
        let (sender, receiver) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let mut answer = Zeroizing::new(Vec::with_capacity(4096));
            let _ = stdout.take(LONGEST_ANSWER).read_to_end(&mut answer);
            let _ = sender.send(answer);
        });
        receiver.recv_timeout(deadline.saturating_duration_since(Instant::now())).ok()
    }

    fn wait(&mut self, deadline: Instant) -> Option<std::process::ExitStatus> {
        loop {
            if let Ok(Some(status)) = self.child.try_wait() {
                self.ended = true;
                return Some(status);
            }
            if Instant::now() >= deadline {
                return None;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        #[cfg(unix)]
        if let Some(group) = i32::try_from(self.child.id()).ok().and_then(rustix::process::Pid::from_raw) {
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_helper_is_a_bare_word_or_an_absolute_path() {
        for good in ["pass", "secretservice", "ecr-login", "/opt/docker-credential-vault"] {
            assert!(is_name(good), "{good}");
        }
        for bad in ["", "..", "a/b", "../x", "a b", "pa\nss", "/opt/x\n"] {
            assert!(!is_name(bad), "{bad}");
        }
    }

    #[test]
    fn a_failed_helper_is_quoted_only_where_no_secret_can_be() {
        assert_eq!(said(b"gpg:  decryption failed\n"), "gpg: decryption failed");
        assert_eq!(said(br#"{"ServerURL":"x","Secret":"s"}"#), "");
    }
}
