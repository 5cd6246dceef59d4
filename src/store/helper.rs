//! `helper:NAME`: a program that speaks the docker-credential-helpers protocol.
//! The verb is its only argument; secrets travel on its stdin and stdout alone.

use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{Backend, Deadline, StoreError};
use crate::names::ProfileName;
use crate::secret::{json, without_secrets};
use crate::shell;
use crate::subprocess::{self, SearchPath, SubprocessFailure, SubprocessOutput};

/// The constant user name: two names under one URL hide each other in some helpers.
const USERNAME: &str = "lokalise-auth";
/// The longest answer of a helper.
const MAX_ANSWER_BYTES: usize = 64 * 1024;
/// How often a record is read that may be half written, and the pause before each further time.
const MAX_READS: u32 = 3;
const READ_PAUSE: Duration = Duration::from_millis(150);
/// Words of gpg's messages about an empty file and about the first bytes of one, seen for each length of a file with
/// gpg 2.2. `pass` writes its files in place.
const HALF_WRITTEN: [&str; 3] = ["decrypt_message failed", "packet", "length"];
const MAX_RECORD_BYTES: usize = 60_000;
/// Credential Manager takes 2,560 bytes, and `wincred` needs some of them itself.
const MAX_WINCRED_RECORD_BYTES: usize = 2_500;

pub(super) fn server_url(profile: &ProfileName) -> String {
    format!("lokalise-auth://{profile}")
}

/// The program of a helper: a name to find on PATH, or an absolute path.
pub(super) fn program_name(name: &str) -> String {
    if Path::new(name).is_absolute() { name.to_owned() } else { format!("docker-credential-{name}") }
}

/// A call of the helper, quoted for a shell.
pub(super) fn shown_call(name: &str, verb: &str) -> String {
    format!("{} {verb}", shell::quote(&program_name(name)))
}

pub(super) struct Helper {
    name: String,
    secret_variables: Vec<String>,
    search_path: SearchPath,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct HelperRequest<'a> {
    #[serde(rename = "ServerURL")]
    server_url: &'a str,
    username: &'a str,
    secret: &'a str,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct HelperRecord {
    #[serde(default)]
    secret: Zeroizing<String>,
}

impl Helper {
    pub(super) fn new(name: String, secret_variables: Vec<String>, search_path: SearchPath) -> Self {
        Self { name, secret_variables, search_path }
    }

    fn get(&self, profile: &ProfileName, deadline: Deadline) -> Result<HelperRead, StoreError> {
        self.run("get", server_url(profile).as_bytes(), deadline).map(|ended| HelperRead::of(&ended))
    }

    fn run(&self, verb: &str, input: &[u8], deadline: Deadline) -> Result<SubprocessOutput, StoreError> {
        let file = program_name(&self.name);
        let program =
            self.search_path.find(&file).ok_or_else(|| StoreError::Unavailable(format!("`{file}` is not on PATH")))?;
        let mut command = Command::new(program);
        command.arg(verb).stderr(Stdio::null());
        for variable in &self.secret_variables {
            command.env_remove(variable);
        }
        subprocess::answer(&mut command, Some(input), MAX_ANSWER_BYTES, deadline.at, true).map_err(|why| match why {
            SubprocessFailure::TimedOut => StoreError::TimedOut(deadline.limit),
            SubprocessFailure::TooLong => StoreError::Corrupt("its answer is longer than 64 KiB".to_owned()),
            SubprocessFailure::NotStarted(_) => StoreError::Unavailable(format!("`{file}`: {why}")),
        })
    }
}

/// The answer to one `get`.
struct HelperRead {
    result: Result<Option<Zeroizing<String>>, StoreError>,
    /// Another process may be storing the record: not every helper replaces it at once.
    may_be_half_written: bool,
}

impl HelperRead {
    fn of(ended: &SubprocessOutput) -> Self {
        if !ended.status.success() {
            let message = failure_message(&ended.stdout);
            let may_be_half_written = HALF_WRITTEN.iter().any(|words| message.contains(words));
            let result = match message {
                message if message.contains("credentials not found") => Ok(None),
                message if may_be_half_written => Err(StoreError::Corrupt(message)),
                message => Err(refusal(&message)),
            };
            return Self { result, may_be_half_written };
        }
        // The helper's output is never quoted here: it may be the secret.
        let record = serde_json::from_slice::<HelperRecord>(&ended.stdout);
        let result = record.map_err(|_| StoreError::Corrupt("its answer is not the protocol's JSON".to_owned()));
        // An empty secret: with Debian's helper for pass the file is missing, or half of it is written.
        let result = result.map(|record| Some(record.secret).filter(|secret| !secret.is_empty()));
        Self { may_be_half_written: !matches!(result, Ok(Some(_))), result }
    }
}

impl Backend for Helper {
    fn read(&mut self, profile: &ProfileName, deadline: Deadline) -> Result<Option<Zeroizing<String>>, StoreError> {
        let mut reads = 1;
        loop {
            let read = self.get(profile, deadline)?;
            if !read.may_be_half_written || reads == MAX_READS {
                return read.result;
            }
            thread::sleep(READ_PAUSE);
            reads += 1;
        }
    }

    fn write(&mut self, profile: &ProfileName, record: &str, deadline: Deadline) -> Result<(), StoreError> {
        let limit = if self.name.contains("wincred") { MAX_WINCRED_RECORD_BYTES } else { MAX_RECORD_BYTES };
        if record.len() > limit {
            return Err(StoreError::TooLarge { size: record.len(), limit });
        }
        let stored = HelperRequest { server_url: &server_url(profile), username: USERNAME, secret: record };
        // The record's quotes double its length at most.
        let input = json(&stored, 2 * record.len() + 1024);
        let ended = self.run("store", input.as_bytes(), deadline)?;
        if ended.status.success() { Ok(()) } else { Err(refusal(&failure_message(&ended.stdout))) }
    }

    fn delete(&mut self, profile: &ProfileName, deadline: Deadline) -> Result<(), StoreError> {
        match self.read(profile, deadline) {
            // In some helpers it is a failure to erase a record that does not exist.
            Ok(None) => return Ok(()),
            // A record that cannot be read can still be removed.
            Ok(Some(_)) | Err(StoreError::Corrupt(_)) => {}
            Err(why) => return Err(why),
        }
        let ended = self.run("erase", server_url(profile).as_bytes(), deadline)?;
        if ended.status.success() { Ok(()) } else { Err(refusal(&failure_message(&ended.stdout))) }
    }

    fn confirm_absence(&mut self, _: &ProfileName, deadline: Deadline) -> Result<(), StoreError> {
        self.probe(deadline)
    }
}

/// The message of a failed helper, on one line of at most 200 characters. JSON may hold a secret and is left out.
fn failure_message(stdout: &[u8]) -> String {
    let text = String::from_utf8_lossy(stdout);
    if text.contains('{') || text.contains("Secret") {
        return String::new();
    }
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    without_secrets(&line).chars().take(200).collect()
}

fn refusal(message: &str) -> StoreError {
    let lower = message.to_lowercase();
    let any = |words: &[&str]| words.iter().any(|word| lower.contains(word));
    if message.is_empty() {
        StoreError::Unavailable("it failed without saying why".to_owned())
    } else if any(&["locked", "decryption failed", "prompt dismissed", "pinentry", "no secret key"]) {
        StoreError::Locked(message.to_owned())
    } else if any(&["permission denied", "access denied", "forbidden", "not supported", "unsupported", "read-only"]) {
        StoreError::Denied(message.to_owned())
    } else {
        StoreError::Unavailable(message.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::is_helper_name;

    #[test]
    fn a_helper_is_a_bare_word_or_an_absolute_path() {
        for good in ["pass", "secretservice", "ecr-login", "/opt/docker-credential-store"] {
            assert!(is_helper_name(good), "{good}");
        }
        for bad in ["", "..", "a/b", "../x", "a b", "pa\nss", "/opt/x\n"] {
            assert!(!is_helper_name(bad), "{bad}");
        }
    }

    #[test]
    fn a_failed_helper_is_quoted_only_where_no_secret_can_be() {
        assert_eq!(failure_message(b"gpg:  decryption failed\n"), "gpg: decryption failed");
        assert_eq!(failure_message(br#"{"ServerURL":"x","Secret":"s"}"#), "");
        assert_eq!(failure_message(b"bad token 0123456789abcdef0123456789abcdef01234567"), "bad token [redacted]");
    }
}
