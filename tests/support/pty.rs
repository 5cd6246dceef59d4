//! The binary on a pseudo-terminal: keys in, screen out, and the terminal's modes
//! before and after.

use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::{Child, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use pty_process::Size;
use pty_process::blocking::{Command, Pty, open};
use rustix::process::{Pid, Signal, kill_process};
use rustix::termios::{LocalModes, tcgetattr};

use super::home::{Home, binary};

/// How long a test waits for the screen or for the end, even on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// Ctrl-C.
pub const CTRL_C: &str = "\x03";
/// Ctrl-D, the end of input.
pub const CTRL_D: &str = "\x04";

/// A running program and the terminal that it has to itself.
pub struct Terminal {
    child: Child,
    pty: Arc<Pty>,
    screen: Arc<Screen>,
}

/// The modes of a terminal, to compare.
#[derive(Debug, PartialEq, Eq)]
pub struct Modes {
    input: u32,
    output: u32,
    control: u32,
    local: u32,
}

#[derive(Default)]
struct Screen {
    /// What was written, and whether that is all there will be.
    written: Mutex<(Vec<u8>, bool)>,
    changed: Condvar,
}

impl Terminal {
    /// Runs the binary with all three streams on the terminal.
    pub fn run(home: &Home, args: &[&str], vars: &[(&str, &str)]) -> Self {
        Self::of(&binary(), home, args, vars, None)
    }

    /// Runs any program, with stdout elsewhere if one is given, as in `$(lokalise-auth …)`.
    pub fn of(program: &Path, home: &Home, args: &[&str], vars: &[(&str, &str)], stdout: Option<Stdio>) -> Self {
        let (pty, pts) = open().expect("a pseudo-terminal can be had");
        pty.resize(Size::new(24, 100)).expect("it can be resized");
        let mut command = Command::new(program)
            .args(args)
            .env_clear()
            .envs(home.vars().iter().cloned())
            .env("TERM", "xterm-256color")
            .envs(vars.iter().copied())
            .current_dir(home.work());
        if let Some(stdout) = stdout {
            command = command.stdout(stdout);
        }
        let child = command.spawn(pts).expect("the binary can be run");
        let (pty, screen) = (Arc::new(pty), Arc::new(Screen::default()));
        let (source, sink) = (Arc::clone(&pty), Arc::clone(&screen));
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            // The end is an error (EIO) on Linux and a read of nothing elsewhere. On a busy Linux it can
            // overtake the last words.
            let mut ends = 0;
            while ends < 3 {
                if let Ok(count @ 1..) = (&*source).read(&mut buffer) {
                    sink.lock().0.extend_from_slice(&buffer[..count]);
                    sink.changed.notify_all();
                } else {
                    ends += 1;
                    thread::sleep(Duration::from_millis(10));
                }
            }
            sink.lock().1 = true;
            sink.changed.notify_all();
        });
        Self { child, pty, screen }
    }

    /// Presses keys. A line ends in `\r`, as the key Enter does.
    pub fn send(&self, keys: &str) {
        (&*self.pty).write_all(keys.as_bytes()).expect("the terminal takes keys");
    }

    /// Waits until the text is on the screen and returns the whole screen.
    #[track_caller]
    pub fn wait_for(&self, text: &str) -> String {
        let until = Instant::now() + PATIENCE;
        let mut written = self.screen.lock();
        loop {
            let shown = plain(&written.0);
            if shown.contains(text) {
                return shown;
            }
            let left = until.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "`{text}` did not appear on the screen, but:\n{shown}");
            written = self.screen.changed.wait_timeout(written, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// All that was written so far, control sequences and all.
    pub fn written(&self) -> Vec<u8> {
        self.screen.lock().0.clone()
    }

    /// All that was written so far, as text.
    pub fn text(&self) -> String {
        plain(&self.screen.lock().0)
    }

    /// Whether keys are shown as they are typed.
    pub fn echoes(&self) -> bool {
        tcgetattr(&*self.pty).expect("it is a terminal").local_modes.contains(LocalModes::ECHO)
    }

    /// Waits until keys are shown, or are not.
    #[track_caller]
    pub fn wait_for_echo(&self, wanted: bool) {
        let until = Instant::now() + PATIENCE;
        while self.echoes() != wanted {
            assert!(Instant::now() < until, "the terminal's echo did not become {wanted}:\n{}", self.text());
            // The kernel sends no event when a mode changes.
            thread::sleep(Duration::from_millis(5));
        }
    }

    pub fn modes(&self) -> Modes {
        let modes = tcgetattr(&*self.pty).expect("it is a terminal");
        Modes {
            input: modes.input_modes.bits(),
            output: modes.output_modes.bits(),
            control: modes.control_modes.bits(),
            local: modes.local_modes.bits(),
        }
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).expect("the program still runs");
    }

    pub fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// What the program wrote to a stdout that is a pipe.
    pub fn stdout(&mut self) -> Option<std::process::ChildStdout> {
        self.child.stdout.take()
    }

    /// Waits for the program's end and gives its status and the whole screen.
    #[track_caller]
    pub fn wait(&mut self) -> (ExitStatus, String) {
        let until = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().expect("our own child") {
                self.wait_for_the_last_words();
                return (status, self.text());
            }
            assert!(Instant::now() < until, "the program did not end; its screen:\n{}", self.text());
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// What a program wrote before it ended may not have been read yet. A child process that is
    /// still running may keep the terminal open for too long.
    fn wait_for_the_last_words(&self) {
        let limit = Duration::from_secs(1);
        let written = self.screen.lock();
        let waited = self.screen.changed.wait_timeout_while(written, limit, |(_, ended)| !*ended);
        drop(waited);
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // Only a failed test leaves it running.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Screen {
    fn lock(&self) -> std::sync::MutexGuard<'_, (Vec<u8>, bool)> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Text without its control sequences (ECMA-48 §5.4) and carriage returns.
fn plain(written: &[u8]) -> String {
    let text = String::from_utf8_lossy(written);
    let mut shown = String::new();
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            '\x1b' if characters.next() == Some('[') => {
                let _ = characters.by_ref().find(|c| ('\x40'..='\x7e').contains(c));
            }
            '\x1b' | '\r' => {}
            other => shown.push(other),
        }
    }
    shown
}
