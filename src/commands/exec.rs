//! `exec -- COMMAND`: runs a command with the credential, and no other secret of ours, in its
//! environment. `exec` ends with the exit code of the command.

use std::ffi::{OsStr, OsString};
use std::io;
use std::process::Command;

use crate::cli::Exec;
use crate::context::Context;
use crate::credential::Credential;
use crate::error::{Error, Result};
use crate::http::Http;
use crate::session::{CredentialChoice, Session};
#[cfg(unix)]
use crate::signals::SignalsBeforeExec;
use crate::world::{SECRET_VARIABLES, World};

/// Finds the credential, then starts the command. Until then Ctrl-C also closes a prompt of the keyring.
pub async fn run(context: Context<'_>, exec: &Exec) -> Result<u8> {
    let http = Http::new(context.world);
    #[cfg(unix)]
    let mut signals = SignalsBeforeExec::listen();
    #[cfg(unix)]
    let session = tokio::select! {
        biased;
        signal = signals.next() => return Err(context.world.interrupted(signal)),
        session = fresh_session(context, &http) => session?,
    };
    #[cfg(not(unix))]
    let session = fresh_session(context, &http).await?;
    let credential = session.credential();
    if context.world.switch("GITHUB_ACTIONS") {
        context.world.mask(credential.token());
    }
    let (program, arguments) = exec.command.split_first().expect("clap requires a command");
    if exec.lokalise2 {
        return lokalise2(context.world, credential, exec.also_as.as_deref(), program, arguments).await;
    }
    let mut command = command(context.world, program);
    command.args(arguments);
    without_secrets(&mut command);
    command.env(credential.variable(), credential.token());
    command.envs(exec.also_as.as_deref().map(|name| (name, credential.token())));
    #[cfg(unix)]
    signals.none_so_far().map_err(|signal| context.world.interrupted(signal))?;
    Ok(replace(context.world, command, program))
}

/// The session in force, with its token renewed if that was stale.
async fn fresh_session<'w>(context: Context<'w>, http: &'w Http) -> Result<Session<'w>> {
    let choice = CredentialChoice::make(context)?;
    choice.refuse_call_only("exec")?;
    let mut session = Session::of_choice(context, http, choice).await?;
    session.fresh().await?;
    Ok(session)
}

/// The command, with its file ending if that was omitted: without it, Windows finds only `.exe` programs.
fn command(world: &World, program: &OsStr) -> Command {
    if cfg!(windows)
        && let Some(found) = program.to_str().and_then(|name| world.search_path().find(name))
    {
        return Command::new(found);
    }
    Command::new(program)
}

fn without_secrets(command: &mut Command) {
    for name in SECRET_VARIABLES {
        command.env_remove(name);
    }
}

/// Replaces this process by the command, which then gets the signals and the terminal.
#[cfg(unix)]
fn replace(world: &World, mut command: Command, program: &OsStr) -> u8 {
    crate::hardening::restore_core_limit();
    let error = std::os::unix::process::CommandExt::exec(&mut command);
    not_started(world, program, &error)
}

#[cfg(not(unix))]
fn replace(world: &World, mut command: Command, program: &OsStr) -> u8 {
    match command.status() {
        Ok(status) => code_of(status),
        Err(error) => not_started(world, program, &error),
    }
}

/// 127: the program does not exist; 126: it cannot be executed.
fn not_started(world: &World, program: &OsStr, error: &io::Error) -> u8 {
    let program = program.to_string_lossy();
    if error.kind() == io::ErrorKind::NotFound {
        world.say(&format!("lokalise-auth: the command `{program}` is not found"));
        127
    } else {
        world.say(&format!("lokalise-auth: the command `{program}` cannot be executed: {error}"));
        126
    }
}

/// The official CLI reads no variable: it gets its own config file while it runs.
async fn lokalise2(
    world: &World,
    credential: &Credential,
    also_as: Option<&str>,
    program: &OsStr,
    arguments: &[OsString],
) -> Result<u8> {
    let Credential::ApiToken(token) = credential else {
        return Err(Error::usage("the official CLI takes API tokens only, and an OAuth login is in force")
            .hint("store an API token: `lokalise-auth token set --profile NAME`, then `lokalise-auth exec --profile NAME --lokalise2 -- …`"));
    };
    // This comes before the file exists: from here on, no signal ends us before it is removed.
    let mut signals =
        ChildSignals::listen().map_err(|error| Error::other("signals cannot be waited for").because(error))?;
    let config = config_file(token.expose())
        .map_err(|error| Error::other("the config file for the official CLI cannot be written").because(error))?;
    let mut command = command(world, program);
    command.arg("--config").arg(config.path()).args(arguments);
    without_secrets(&mut command);
    command.envs(also_as.map(|name| (name, token.expose())));
    // The program gets our original core limit, as with `exec` alone.
    #[cfg(unix)]
    crate::hardening::restore_core_limit();
    let started = tokio::process::Command::from(command).spawn();
    #[cfg(unix)]
    crate::hardening::dump_no_core();
    let mut child = match started {
        Ok(child) => child,
        Err(error) => return Ok(not_started(world, program, &error)),
    };
    let status = signals
        .wait(&mut child)
        .await
        .map_err(|error| Error::other("the command cannot be waited for").because(error))?;
    drop(config);
    Ok(code_of(status))
}

/// Mode 0600, and removed when it is dropped. A JSON string is valid YAML.
fn config_file(token: &str) -> io::Result<tempfile::NamedTempFile> {
    use std::io::Write;
    let mut file = tempfile::Builder::new().prefix("lokalise2-").suffix(".yml").tempfile()?;
    let token = zeroize::Zeroizing::new(serde_json::to_string(token).expect("a string always serializes"));
    writeln!(file, "token: {}", *token)?;
    file.flush()?;
    Ok(file)
}

/// The signals that reach us while a child runs.
#[cfg(unix)]
struct ChildSignals {
    /// What a terminal sends to the child too: Ctrl-C and Ctrl-\.
    of_terminal: [tokio::signal::unix::Signal; 2],
    /// What is sent to us alone, and would end us with the file still there.
    others: Vec<(rustix::process::Signal, tokio::signal::unix::Signal)>,
}

#[cfg(unix)]
impl ChildSignals {
    fn listen() -> io::Result<Self> {
        use rustix::process::Signal;
        use tokio::signal::unix::{SignalKind, signal};
        let others = [
            Signal::TERM,
            Signal::HUP,
            Signal::USR1,
            Signal::USR2,
            Signal::ALARM,
            Signal::VTALARM,
            Signal::PROF,
            Signal::ABORT,
            Signal::XCPU,
            Signal::XFSZ,
        ];
        let others = others.map(|other| Ok((other, signal(SignalKind::from_raw(other.as_raw()))?)));
        Ok(Self {
            of_terminal: [signal(SignalKind::interrupt())?, signal(SignalKind::quit())?],
            others: others.into_iter().collect::<io::Result<_>>()?,
        })
    }

    /// Waits for the child. A signal to us alone is passed to it: the file has to be removed after it ends.
    async fn wait(&mut self, child: &mut tokio::process::Child) -> io::Result<std::process::ExitStatus> {
        use rustix::process::{Pid, Signal, kill_process};
        let pid = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        let [interrupt, quit] = &mut self.of_terminal;
        loop {
            let others = self.others.iter_mut().map(|(number, signal)| {
                Box::pin(async move {
                    signal.recv().await;
                    *number
                })
            });
            let pass_on = tokio::select! {
                status = child.wait() => return status,
                (other, ..) = futures_util::future::select_all(others) => other,
                _ = interrupt.recv() => Signal::INT,
                _ = quit.recv() => Signal::QUIT,
            };
            let child_has_it = matches!(pass_on, Signal::INT | Signal::QUIT) && crate::terminal::is_ours();
            if let Some(pid) = pid.filter(|_| !child_has_it) {
                let _ = kill_process(pid, pass_on);
            }
        }
    }
}

/// The requests to end that reach us while a child runs: the console sends them to both.
#[cfg(windows)]
struct ChildSignals {
    interrupt: tokio::signal::windows::CtrlC,
    stop: tokio::signal::windows::CtrlBreak,
}

#[cfg(windows)]
impl ChildSignals {
    fn listen() -> io::Result<Self> {
        use tokio::signal::windows::{ctrl_break, ctrl_c};
        Ok(Self { interrupt: ctrl_c()?, stop: ctrl_break()? })
    }

    /// Waits for the child, however it reacts: the file has to be removed after it ends.
    async fn wait(&mut self, child: &mut tokio::process::Child) -> io::Result<std::process::ExitStatus> {
        loop {
            tokio::select! {
                status = child.wait() => return status,
                _ = self.interrupt.recv() => {}
                _ = self.stop.recv() => {}
            }
        }
    }
}

/// The child's exit code, or 128 plus the signal that ended it, as in shells.
fn code_of(status: std::process::ExitStatus) -> u8 {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return u8::try_from(128 + signal).unwrap_or(255);
    }
    u8::try_from(status.code().unwrap_or(1) & 0xff).unwrap_or(1)
}
