//! The command of `token set --from-command`: it is run at each use, and what it
//! prints is the token.

use std::process::{Command, Stdio};
use std::time::Instant;

use super::Session;
use crate::context::Context;
use crate::credential::{Credential, CredentialKind, OAuth};
use crate::error::{Error, Result};
use crate::secret::{AccessToken, ApiToken, MAX_SECRET_BYTES};
use crate::settings::Settings;
use crate::subprocess::{self, SubprocessFailure};
use crate::world::SECRET_VARIABLES;

/// Splits a command line into words as a shell does, quotes included, but expands nothing. A relative path to the
/// program is made absolute, so that later runs in other folders use the same program.
///
/// # Errors
/// Usage, if the line is not a command or its program does not exist. The line may be the token itself, typed in the
/// wrong place, so it is not repeated.
pub fn command_words(settings: &Settings, line: &str) -> Result<Vec<String>> {
    let mut words = subprocess::split_words(line).filter(|words| !words.is_empty()).ok_or_else(|| {
        Error::usage("the value of `--from-command` is not a command: a quote is open, or it is empty")
    })?;
    let no_shell = no_shell_hint(&words);
    if words[0].contains(std::path::is_separator) {
        let absolute = std::path::absolute(&words[0]).ok().and_then(|path| path.to_str().map(str::to_owned));
        words[0] = absolute.ok_or_else(|| Error::usage("the program of `--from-command` has no usable path"))?;
    }
    if !settings.search_path.find(&words[0]).is_some_and(|program| program.is_file()) {
        return Err(Error::usage("the program of `--from-command` is not found (not shown, in case it is a secret)")
            .hint(no_shell.unwrap_or(
                "a command that prints the token is kept; the token itself is read from stdin or a prompt",
            )));
    }
    Ok(words)
}

/// The hint for a command line that was written for a shell, since no shell runs it.
pub fn no_shell_hint(words: &[String]) -> Option<&'static str> {
    let is_for_shell = |word: &String| {
        word.starts_with('~')
            || word.contains("$(")
            || word.contains("${")
            || word.contains('`')
            || word.split('$').skip(1).any(|rest| rest.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_'))
            || ["|", "||", "&&", ";", ">", "<", "2>", "&"].contains(&word.as_str())
    };
    words.iter().any(is_for_shell).then_some(if cfg!(windows) {
        "no shell runs the command, so `~`, `%NAME%` and `|` stay as they are; `cmd /c \"COMMAND\"` runs one"
    } else {
        "no shell runs the command, so `~`, `$NAME` and `|` stay as they are; `sh -c 'COMMAND'` runs one"
    })
}

/// Runs the command and takes what it prints as a token of this kind.
///
/// # Errors
/// `Store`, if it cannot be run, fails, or prints no token in time. Its output is not repeated.
pub async fn command_credential(
    context: Context<'_>,
    command: &[String],
    kind: CredentialKind,
    profile_flag: &str,
) -> Result<Credential> {
    let (name, arguments) = command.split_first().ok_or_else(|| Error::usage("the command is empty"))?;
    let no_shell = no_shell_hint(arguments);
    let failed = |why: String| {
        let mut error = Error::store(format!("the command `{name}` {why}"));
        error.hints.extend(no_shell.map(str::to_owned));
        error.hint(format!(
            "run it by hand; change it with `lokalise-auth token set{profile_flag} --from-command 'COMMAND'`"
        ))
    };
    let program = context.settings.search_path.find(name).ok_or_else(|| failed("is not on PATH".to_owned()))?;
    let mut command = Command::new(program);
    command.args(arguments);
    // It may ask a person, on this terminal.
    let apart = !context.world.person();
    if apart {
        command.stdin(Stdio::null());
    }
    for variable in SECRET_VARIABLES {
        command.env_remove(variable);
    }
    let limit = context.settings.store_limit;
    let answer = tokio::task::spawn_blocking(move || {
        subprocess::answer(&mut command, None, MAX_SECRET_BYTES + 4, Instant::now() + limit, apart)
    });
    let ended = match answer.await.map_err(|error| failed(format!("failed: {error}")))? {
        Ok(ended) => ended,
        Err(SubprocessFailure::TimedOut) => {
            return Err(failed(format!("did not end within {}", humantime::format_duration(limit))));
        }
        Err(SubprocessFailure::TooLong) => return Err(failed("prints more than a token".to_owned())),
        Err(SubprocessFailure::NotStarted(error)) => return Err(failed(format!("cannot be run: {error}"))),
    };
    if !ended.status.success() {
        return Err(failed(format!("failed ({})", ended.status)));
    }
    let text = std::str::from_utf8(&ended.stdout).map_err(|_| failed("does not print text".to_owned()))?;
    let token = text.trim();
    let credential = match kind {
        CredentialKind::ApiToken => ApiToken::parse(token).map(Credential::ApiToken),
        CredentialKind::OAuth => {
            AccessToken::parse(token).map(|token| Credential::OAuth(OAuth::from_access_token(token)))
        }
    };
    credential.map_err(|why| failed(format!("does not print a token: {why}")))
}

impl Session<'_> {
    /// Runs the command of `token set --from-command` again, after its token was refused: it may have been replaced
    /// where it is kept. `false` when no command prints the credential, or the command prints the same token.
    pub(super) async fn token_replaced_at_its_source(&mut self) -> Result<bool> {
        let Some(command) = self.entry.as_ref().and_then(|entry| entry.command.as_ref()) else { return Ok(false) };
        self.context.world.step("the token was refused; running its command once more");
        let kind = self.credential.kind();
        let credential = command_credential(self.context, command, kind, &self.profile_flag_for_hint()).await?;
        let is_new = credential.token() != self.credential.token();
        self.credential = credential;
        Ok(is_new)
    }
}
