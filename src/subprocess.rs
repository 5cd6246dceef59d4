//! A program that is run for what it prints: found without a look at the working
//! folder, bounded in time and in size, and ended with all that it has started.

use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use zeroize::Zeroizing;

/// How a program ended, and what it printed.
pub struct SubprocessOutput {
    pub status: ExitStatus,
    pub stdout: Zeroizing<Vec<u8>>,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum SubprocessFailure {
    #[error("it cannot be run: {0}")]
    NotStarted(io::Error),
    #[error("its time is up")]
    TimedOut,
    #[error("its answer is too long")]
    TooLong,
}

/// Finds a program by its absolute path or its bare name. Relative entries of PATH are passed over:
/// they would let the working folder choose the program.
pub fn find(name: &str) -> Option<PathBuf> {
    let path = Path::new(name);
    if path.is_absolute() {
        return Some(path.to_owned());
    }
    if name.is_empty() || path.components().count() != 1 || name.contains(std::path::is_separator) {
        return None;
    }
    let file = if path.extension().is_some() || std::env::consts::EXE_SUFFIX.is_empty() {
        name.to_owned()
    } else {
        format!("{name}{}", std::env::consts::EXE_SUFFIX)
    };
    folders().into_iter().map(|folder| folder.join(&file)).find(|candidate| is_executable(candidate))
}

/// The absolute entries of PATH, for a program that is to find others; `None` if there is none.
pub fn path() -> Option<OsString> {
    std::env::join_paths(folders()).ok().filter(|path| !path.is_empty())
}

fn folders() -> Vec<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).filter(|folder| folder.is_absolute()).collect()
}

#[cfg(unix)]
fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata().is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_executable(path: &Path) -> bool {
    path.is_file()
}

/// Runs a program, gives it the input if there is one, and takes at most `longest` bytes of its answer.
///
/// `apart`: in a process group of its own, which is ended as a whole when the time is up. Not for a
/// program that may ask a person: the terminal answers the foreground group alone.
///
/// # Errors
/// [`SubprocessFailure`]. A program that fails is an answer.
pub fn answer(
    command: &mut Command,
    input: Option<&[u8]>,
    longest: usize,
    until: Instant,
    apart: bool,
) -> Result<SubprocessOutput, SubprocessFailure> {
    command.stdout(Stdio::piped());
    if input.is_some() {
        command.stdin(Stdio::piped());
    }
    let mut running = RunningSubprocess::start(command, apart).map_err(SubprocessFailure::NotStarted)?;
    let stdout = running.talk(input, longest, until).ok_or(SubprocessFailure::TimedOut)?;
    if stdout.len() > longest {
        return Err(SubprocessFailure::TooLong);
    }
    let status = running.wait(until).ok_or(SubprocessFailure::TimedOut)?;
    Ok(SubprocessOutput { status, stdout })
}

/// A program that runs until this is dropped.
struct RunningSubprocess {
    child: Child,
    #[cfg_attr(not(unix), allow(dead_code))] // there are no process groups there
    apart: bool,
    ended: bool,
}

impl RunningSubprocess {
    fn start(command: &mut Command, apart: bool) -> io::Result<Self> {
        #[cfg(unix)]
        if apart {
            std::os::unix::process::CommandExt::process_group(command, 0);
        }
        let child = command.spawn()?;
        #[cfg(unix)]
        if apart {
            groups::enter(child.id());
        }
        Ok(Self { child, apart, ended: false })
    }

    /// Writes the input and reads the answer. A thread each, since either may block for ever.
    fn talk(&mut self, input: Option<&[u8]>, longest: usize, until: Instant) -> Option<Zeroizing<Vec<u8>>> {
        if let (Some(input), Some(mut stdin)) = (input, self.child.stdin.take()) {
            let input = Zeroizing::new(input.to_vec());
            std::thread::spawn(move || {
                // A program that does not read its input shows it by its answer.
                let _ = stdin.write_all(&input);
            });
        }
        let stdout = self.child.stdout.take().expect("stdout is piped");
        let (sender, receiver) = mpsc::channel();
        std::thread::spawn(move || {
            // Room for all of it from the start: a growing buffer would leave copies of the secret behind.
            let mut answer = Zeroizing::new(Vec::with_capacity(longest + 1));
            let _ = stdout.take(longest as u64 + 1).read_to_end(&mut answer);
            let _ = sender.send(answer);
        });
        receiver.recv_timeout(until.saturating_duration_since(Instant::now())).ok()
    }

    fn wait(&mut self, until: Instant) -> Option<ExitStatus> {
        loop {
            if let Ok(Some(status)) = self.child.try_wait() {
                self.ended = true;
                return Some(status);
            }
            if Instant::now() >= until {
                return None;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

impl Drop for RunningSubprocess {
    fn drop(&mut self) {
        #[cfg(unix)]
        if self.apart {
            groups::leave(self.child.id(), self.ended);
        }
        if !self.ended {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// Ends what still runs in a group of its own: Ctrl-C does not reach it.
pub fn end_all() {
    #[cfg(unix)]
    groups::end_all();
}

#[cfg(unix)]
mod groups {
    use std::sync::{Mutex, PoisonError};

    use rustix::process::{Pid, Signal, kill_process_group};

    /// The process groups that we have started and that have not ended.
    static RUNNING: Mutex<Vec<u32>> = Mutex::new(Vec::new());

    pub fn enter(group: u32) {
        RUNNING.lock().unwrap_or_else(PoisonError::into_inner).push(group);
    }

    pub fn leave(group: u32, ended: bool) {
        let mut running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
        running.retain(|other| *other != group);
        if !ended {
            end(group);
        }
    }

    pub fn end_all() {
        RUNNING.lock().unwrap_or_else(PoisonError::into_inner).drain(..).for_each(end);
    }

    fn end(group: u32) {
        if let Some(group) = i32::try_from(group).ok().and_then(Pid::from_raw) {
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relative_path_names_no_program() {
        for name in ["", ".", "..", "./sh", "bin/sh", "../sh", "no-such-program-anywhere"] {
            assert_eq!(find(name), None, "{name}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_program_is_found_and_answers() {
        let shell = find("sh").expect("there is a shell");
        assert!(shell.is_absolute());
        let until = Instant::now() + Duration::from_secs(30);
        let ended = answer(Command::new(&shell).args(["-c", "cat; exit 3"]), Some(b"in"), 10, until, true);
        let ended = ended.expect("an answer");
        assert_eq!((ended.status.code(), ended.stdout.as_slice()), (Some(3), &b"in"[..]));
        let long = answer(Command::new(&shell).args(["-c", "echo 12345"]), None, 5, until, true);
        assert!(matches!(long, Err(SubprocessFailure::TooLong)));
    }
}
