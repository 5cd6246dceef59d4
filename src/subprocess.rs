//! Runs a program for its output. It is never looked up in the working folder; its time and its output
//! are limited; and it ends together with all programs that it has started.

use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use zeroize::Zeroizing;

/// How often we check whether a program has ended.
const POLL_INTERVAL: Duration = Duration::from_millis(5);
/// How long we wait for more output after the program has ended, if another process keeps its stdout open.
const AFTER_THE_END: Duration = Duration::from_millis(250);

/// How a program ended, and what it printed.
pub struct SubprocessOutput {
    pub status: ExitStatus,
    pub stdout: Zeroizing<Vec<u8>>,
}

/// Why a program gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum SubprocessFailure {
    #[error("it cannot be run: {0}")]
    NotStarted(io::Error),
    #[error("it took too long")]
    TimedOut,
    #[error("its answer is too long")]
    TooLong,
}

/// The folders in which programs are found: the absolute folders of PATH. With a relative one, the working folder
/// would choose the program.
#[derive(Clone, Debug, Default)]
pub struct SearchPath {
    folders: Vec<PathBuf>,
    /// The endings that a name may omit: on Windows those of PATHEXT.
    endings: Vec<String>,
}

impl SearchPath {
    /// From the values of PATH and, on Windows, of PATHEXT.
    pub fn new(path: Option<OsString>, endings: Option<&str>) -> Self {
        let folders = std::env::split_paths(&path.unwrap_or_default()).filter(|folder| folder.is_absolute()).collect();
        let endings = if cfg!(windows) { endings_of(endings) } else { Vec::new() };
        Self { folders, endings }
    }

    /// Finds a program by its absolute path or its bare name. An absolute path is not
    /// checked: starting the program shows whether it works.
    pub fn find(&self, name: &str) -> Option<PathBuf> {
        let path = Path::new(name);
        let files = with_endings(name, &self.endings);
        if path.is_absolute() {
            let found = files.into_iter().map(PathBuf::from).find(|file| is_executable(file));
            return Some(found.unwrap_or_else(|| path.to_owned()));
        }
        if name.is_empty() || path.components().count() != 1 || name.contains(std::path::is_separator) {
            return None;
        }
        let mut candidates = self.folders.iter().flat_map(|folder| files.iter().map(|file| folder.join(file)));
        candidates.find(|candidate| is_executable(candidate))
    }

    /// The value of PATH for a program that starts others; `None` if no folder is left.
    pub fn to_variable(&self) -> Option<OsString> {
        std::env::join_paths(&self.folders).ok().filter(|path| !path.is_empty())
    }
}

/// The endings of PATHEXT, or those that Windows has without it.
fn endings_of(variable: Option<&str>) -> Vec<String> {
    let endings = variable.filter(|endings| !endings.trim().is_empty()).unwrap_or(".COM;.EXE;.BAT;.CMD");
    endings.split(';').map(str::trim).filter(|ending| ending.starts_with('.')).map(str::to_ascii_lowercase).collect()
}

/// The files that a name may mean, the likeliest first. A name with an ending of the list is meant as it is.
fn with_endings(name: &str, endings: &[String]) -> Vec<String> {
    let lower = name.to_ascii_lowercase();
    let is_whole = endings.is_empty() || endings.iter().any(|ending| lower.ends_with(ending));
    let completed = endings.iter().map(|ending| format!("{name}{ending}"));
    is_whole.then(|| name.to_owned()).into_iter().chain(completed).collect()
}

/// Splits a command line into words as a shell does, quotes included, but expands nothing. `None`: a quote is open.
pub fn split_words(line: &str) -> Option<Vec<String>> {
    if cfg!(windows) { split_on_windows(line) } else { shell_words::split(line).ok() }
}

/// Windows has no escape character: a backslash belongs to a path.
fn split_on_windows(line: &str) -> Option<Vec<String>> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    for c in line.chars() {
        match quote {
            Some(open) if open == c => quote = None,
            None if c == '"' || c == '\'' => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            None if c.is_whitespace() => words.extend(word.take()),
            _ => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    quote.is_none().then_some(words)
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
/// `apart`: in its own process group, which ends as a whole when the time is up. It is not for a program
/// that may ask a person: only the foreground group can read from the terminal.
///
/// # Errors
/// [`SubprocessFailure`]. The output of a program that fails is not an error.
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
    running.write(input);
    running.read(longest, until)
}

/// The output of a program so far, read on a thread, since a read may block for ever.
struct Answer {
    bytes: Arc<Mutex<Zeroizing<Vec<u8>>>>,
    /// One message for each piece; disconnected at the end.
    progress: mpsc::Receiver<()>,
}

impl Answer {
    fn read_from(mut stdout: impl Read + Send + 'static, longest: usize) -> Self {
        // The buffer has its full size from the start: a growing one would leave copies of the secret in memory.
        let bytes = Arc::new(Mutex::new(Zeroizing::new(Vec::with_capacity(longest + 1))));
        let (sender, progress) = mpsc::channel();
        let shared = Arc::clone(&bytes);
        std::thread::spawn(move || {
            let mut piece = Zeroizing::new([0; 4096]);
            while let Ok(count @ 1..) = stdout.read(&mut *piece) {
                let mut bytes = shared.lock().unwrap_or_else(PoisonError::into_inner);
                let room = longest + 1 - bytes.len();
                bytes.extend_from_slice(&piece[..count.min(room)]);
                if count >= room || sender.send(()).is_err() {
                    return;
                }
            }
        });
        Self { bytes, progress }
    }

    fn take(&self) -> Zeroizing<Vec<u8>> {
        std::mem::take(&mut self.bytes.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A program that runs until this is dropped.
struct RunningSubprocess {
    child: Child,
    #[cfg_attr(not(unix), allow(dead_code))] // Windows has no process groups
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

    /// Writes the input, on a thread: the program may never read it.
    fn write(&mut self, input: Option<&[u8]>) {
        if let (Some(input), Some(mut stdin)) = (input, self.child.stdin.take()) {
            let input = Zeroizing::new(input.to_vec());
            std::thread::spawn(move || {
                // The output of a program shows whether it has read its input.
                let _ = stdin.write_all(&input);
            });
        }
    }

    /// Reads the output to its end. A child of the program may outlive it and keep stdout open: then the output
    /// is what came before the program itself ended.
    fn read(&mut self, longest: usize, until: Instant) -> Result<SubprocessOutput, SubprocessFailure> {
        let answer = Answer::read_from(self.child.stdout.take().expect("stdout is piped"), longest);
        let mut ended = None;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(SubprocessFailure::TimedOut);
            }
            let pause = if ended.is_some() { AFTER_THE_END } else { POLL_INTERVAL };
            match answer.progress.recv_timeout(pause.min(left)) {
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) if ended.is_some() => break,
                Ok(()) | Err(RecvTimeoutError::Timeout) => {}
            }
            if ended.is_none() {
                ended = self.try_wait();
            }
        }
        let stdout = answer.take();
        if stdout.len() > longest {
            return Err(SubprocessFailure::TooLong);
        }
        let status = match ended {
            Some(status) => status,
            None => self.wait(until).ok_or(SubprocessFailure::TimedOut)?,
        };
        Ok(SubprocessOutput { status, stdout })
    }

    fn try_wait(&mut self) -> Option<ExitStatus> {
        let status = self.child.try_wait().ok().flatten()?;
        self.ended = true;
        Some(status)
    }

    fn wait(&mut self, until: Instant) -> Option<ExitStatus> {
        loop {
            if let Some(status) = self.try_wait() {
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

/// Ends the process groups that still run: Ctrl-C does not reach them.
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

    #[cfg(unix)]
    fn search_path() -> SearchPath {
        SearchPath::new(Some("/usr/local/bin:relative:/usr/bin:/bin".into()), None)
    }

    #[cfg(unix)]
    #[test]
    fn a_relative_path_finds_no_program() {
        for name in ["", ".", "..", "./sh", "bin/sh", "../sh", "no-such-program-anywhere"] {
            assert_eq!(search_path().find(name), None, "{name}");
        }
        assert_eq!(search_path().to_variable(), Some("/usr/local/bin:/usr/bin:/bin".into()));
        assert_eq!(SearchPath::new(None, None).to_variable(), None);
    }

    #[test]
    fn an_ending_that_windows_adds_may_be_left_out() {
        let endings = endings_of(Some(".COM;.EXE; .Cmd ;;nonsense"));
        assert_eq!(endings, [".com", ".exe", ".cmd"]);
        assert_eq!(with_endings("vault", &endings), ["vault.com", "vault.exe", "vault.cmd"]);
        assert_eq!(with_endings("tok.CMD", &endings)[0], "tok.CMD");
        assert_eq!(with_endings("node.js", &endings)[0], "node.js.com");
        assert_eq!(with_endings("sh", &[]), ["sh"]);
        for default in [None, Some(""), Some(" ")] {
            assert_eq!(endings_of(default), [".com", ".exe", ".bat", ".cmd"]);
        }
    }

    #[test]
    fn a_backslash_belongs_to_a_path_on_windows() {
        let words = |line: &str| split_on_windows(line);
        let owned = |words: &[&str]| Some(words.iter().map(|word| (*word).to_owned()).collect());
        assert_eq!(words(r"C:\bin\tok.exe -a  b"), owned(&[r"C:\bin\tok.exe", "-a", "b"]));
        assert_eq!(words(r#""C:\Program Files\tok.exe" 'a b' """#), owned(&[r"C:\Program Files\tok.exe", "a b", ""]));
        assert_eq!(words(r"\\server\share\tok x"), owned(&[r"\\server\share\tok", "x"]));
        assert_eq!(words(r#"a"b c"#), None);
        assert_eq!(words(" "), owned(&[]));
    }

    #[cfg(unix)]
    #[test]
    fn a_program_is_found_and_answers() {
        let shell = search_path().find("sh").expect("there is a shell");
        assert!(shell.is_absolute());
        let until = Instant::now() + Duration::from_secs(30);
        let ended = answer(Command::new(&shell).args(["-c", "cat; exit 3"]), Some(b"in"), 10, until, true);
        let ended = ended.expect("an answer");
        assert_eq!((ended.status.code(), ended.stdout.as_slice()), (Some(3), &b"in"[..]));
        let long = answer(Command::new(&shell).args(["-c", "echo 12345"]), None, 5, until, true);
        assert!(matches!(long, Err(SubprocessFailure::TooLong)));
        let endless = answer(Command::new(&shell).args(["-c", "exec cat /dev/zero"]), None, 5, until, true);
        assert!(matches!(endless, Err(SubprocessFailure::TooLong)));
    }

    #[cfg(unix)]
    #[test]
    fn a_program_that_lives_on_does_not_hold_up_the_answer() {
        let until = Instant::now() + Duration::from_secs(600);
        let script = "sleep 600 </dev/null 2>/dev/null & echo $!; exit 4";
        let ended = answer(Command::new("/bin/sh").args(["-c", script]), None, 100, until, true).expect("an answer");
        assert_eq!(ended.status.code(), Some(4));
        let pid = String::from_utf8_lossy(&ended.stdout).trim().parse().ok().and_then(rustix::process::Pid::from_raw);
        let pid = pid.expect("the number of the program that lives on");
        rustix::process::kill_process(pid, rustix::process::Signal::KILL).expect("it lives on");
    }
}
