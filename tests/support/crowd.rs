//! Many processes at once, and the tools to break things under them: signals,
//! faults that the kernel injects, and a look at what is stored.

use std::fs;
use std::io::Read as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::Value;

use super::home::Home;

/// One process of a crowd, from its start to its end.
pub struct Ran {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
    pub wall: Duration,
}

/// A process that runs.
pub struct Running {
    child: Child,
    started: Instant,
}

/// Starts a command with both outputs kept.
#[track_caller]
pub fn start(mut command: Command) -> Running {
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let started = Instant::now();
    Running { child: command.spawn().expect("the program can be run"), started }
}

impl Running {
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn is_over(&mut self) -> bool {
        self.child.try_wait().expect("our own child").is_some()
    }

    pub fn wait(mut self) -> Ran {
        let (mut stdout, mut stderr) = (self.child.stdout.take(), self.child.stderr.take());
        let errors = thread::spawn(move || {
            let mut text = Vec::new();
            let _ = stderr.as_mut().map(|pipe| pipe.read_to_end(&mut text));
            text
        });
        let mut text = Vec::new();
        let _ = stdout.as_mut().map(|pipe| pipe.read_to_end(&mut text));
        let status = self.child.wait().expect("our own child");
        Ran {
            code: status.code(),
            stdout: String::from_utf8_lossy(&text).into_owned(),
            stderr: String::from_utf8_lossy(&errors.join().expect("a thread that reads")).into_owned(),
            wall: self.started.elapsed(),
        }
    }
}

impl Ran {
    /// Fails and shows all output, unless the program ended with this exit code.
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "stdout: {}\nstderr: {}", self.stdout, self.stderr);
        self
    }
}

/// Runs one command to its end.
pub fn run(command: Command) -> Ran {
    start(command).wait()
}

/// Starts all of them one after another without a pause, and waits for each.
pub fn at_once(commands: impl IntoIterator<Item = Command>) -> Vec<Ran> {
    let running: Vec<Running> = commands.into_iter().map(start).collect();
    let waiting: Vec<_> = running.into_iter().map(|running| thread::spawn(move || running.wait())).collect();
    waiting.into_iter().map(|waiting| waiting.join().expect("a thread that waits")).collect()
}

/// The 95th percentile of the wall times.
pub fn p95(ran: &[Ran]) -> Duration {
    let mut walls: Vec<Duration> = ran.iter().map(|ran| ran.wall).collect();
    walls.sort_unstable();
    walls[(walls.len() * 95).div_ceil(100) - 1]
}

/// Waits until a condition holds.
#[track_caller]
pub fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(30);
    while !is_so() {
        assert!(Instant::now() < end, "{what} did not come about");
        thread::sleep(Duration::from_millis(5));
    }
}

/// Sends a signal to a process of ours.
#[cfg(unix)]
pub fn signal(process: u32, signal: rustix::process::Signal) {
    let process = i32::try_from(process).ok().and_then(rustix::process::Pid::from_raw).expect("a process id");
    rustix::process::kill_process(process, signal).expect("it runs");
}

/// How many processes wait for the lock on a file, or hold it, in the kernel's list.
#[cfg(target_os = "linux")]
pub fn lockers(path: &Path, waiting: bool) -> usize {
    use std::os::unix::fs::MetadataExt as _;
    let Ok(metadata) = fs::metadata(path) else { return 0 };
    let inode = format!(":{} ", metadata.ino());
    let locks = fs::read_to_string("/proc/locks").expect("the kernel lists its locks");
    locks.lines().filter(|line| line.contains(&inode) && line.contains("->") == waiting).count()
}

/// Now, in seconds since 1970.
pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("a time after 1970").as_secs()
}

/// A profile's record in the file store; `Null` if it does not exist.
pub fn record(home: &Home, profile: &str) -> Value {
    let Ok(text) = fs::read(home.credentials()) else { return Value::Null };
    let content: Value = serde_json::from_slice(&text).expect("a credentials file");
    content["records"][profile].clone()
}

/// Changes a profile's record by hand.
pub fn edit_record(home: &Home, profile: &str, edit: impl FnOnce(&mut Value)) {
    let text = fs::read(home.credentials()).expect("there is a credentials file");
    let mut content: Value = serde_json::from_slice(&text).expect("a credentials file");
    edit(&mut content["records"][profile]);
    // Written in place: owner and mode stay.
    fs::write(home.credentials(), content.to_string()).expect("our own file");
}

/// Changes a profile's access token so that it ended ten minutes ago.
pub fn expire(home: &Home, profile: &str) {
    edit_record(home, profile, |record| record["expires_at"] = (now() - 600).into());
}

/// Fails, saying how to install it, unless a program is there.
#[track_caller]
pub fn needs(program: &str, package: &str) {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).any(|folder| folder.join(program).is_file());
    assert!(found, "this test needs {program}; install it with `apt-get install {package}`");
}

/// A command under strace, with the same process id, so that files named after it are known beforehand:
/// `$$` in a path means that id. Faults are injected into calls on these paths alone.
#[cfg(target_os = "linux")]
pub fn under_strace(command: &Command, options: &[&str], paths: &[String]) -> Command {
    traced(command, options, paths, Path::new("/dev/null"))
}

/// The same, with the trace in a file.
#[cfg(target_os = "linux")]
pub fn traced(command: &Command, options: &[&str], paths: &[String], trace: &Path) -> Command {
    needs("strace", "strace");
    let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\\\""));
    let options = options.iter().map(|option| format!(" -e {}", quoted(option)));
    let paths = paths.iter().map(|path| format!(" -P {}", quoted(path)));
    let words: String = options.chain(paths).collect();
    let line = format!("exec strace -D -f -qq -o {}{words} \"$0\" \"$@\"", trace.display());
    let mut traced = Command::new("sh");
    traced.arg("-c").arg(line).arg(command.get_program()).args(command.get_args()).env_clear();
    traced.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    if let Some(folder) = command.get_current_dir() {
        traced.current_dir(folder);
    }
    traced.stdin(Stdio::null());
    traced
}

/// Whether we are root, who can read every file and change its owner.
#[cfg(unix)]
pub fn root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Whether calls can be traced by their paths: the program closes itself even to a tracer of its own
/// user, so that only root can. Prints a note if it is not possible.
#[cfg(unix)]
pub fn can_trace() -> bool {
    if !root() {
        super::say("  skipped: only root can inject faults into a program that is closed to others; run as root");
    }
    root()
}

/// What can be in the place of a file here. Only root can make a file of another user.
#[cfg(unix)]
pub fn obstacles() -> impl Iterator<Item = &'static str> {
    ["symlink", "fifo", "directory", "readable", "foreign"].into_iter().filter(|kind| root() || *kind != "foreign")
}

/// Puts one of these obstacles in the place of a file.
#[cfg(unix)]
pub fn obstacle(kind: &str, path: &Path, victim: &Path) {
    use std::os::unix::fs::{PermissionsExt as _, chown, symlink};
    let made = match kind {
        "symlink" => symlink(victim, path),
        "fifo" => {
            rustix::fs::mknodat(rustix::fs::CWD, path, rustix::fs::FileType::Fifo, 0o600.into(), 0).map_err(Into::into)
        }
        "directory" => fs::create_dir(path),
        "readable" => fs::copy(victim, path).and_then(|_| fs::set_permissions(path, fs::Permissions::from_mode(0o640))),
        "foreign" => fs::copy(victim, path)
            .and_then(|_| fs::set_permissions(path, fs::Permissions::from_mode(0o600)))
            .and_then(|()| chown(path, Some(65534), None)),
        _ => unreachable!("no such obstacle"),
    };
    made.unwrap_or_else(|error| panic!("a {kind} in a file's place: {error}"));
}
