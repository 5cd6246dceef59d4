//! Asks one question on a Unix terminal. However the question ends, the terminal is restored.
//! Ctrl-Z gives the terminal to the shell; when the process continues, the question is shown again.

#![expect(clippy::disallowed_methods, reason = "this module asks on the terminal")]

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Signal, getpgrp, getpid, kill_process};
use rustix::stdio::stdin;
use rustix::termios::{
    LocalModes, OptionalActions, QueueSelector, Termios, isatty, tcflush, tcgetattr, tcgetpgrp, tcsetattr,
};
use tokio::signal::unix::{SignalKind, signal};
use zeroize::Zeroizing;

use super::{Echo, decoded, is_in_paste, on_a_thread};
use crate::signals::{PromptShown, quit};

/// The kernel keeps this much of one typed or pasted line, and silently drops the rest.
const MAX_TYPED_BYTES: usize = if cfg!(target_os = "linux") { 4095 } else { 1023 };
const MAX_PIPED_BYTES: usize = 16 * 1024;
/// How often a reader checks whether its line is still wanted, and whether the process is in the foreground.
const POLL_INTERVAL: Duration = Duration::from_millis(50);
/// How long to wait for the rest of a paste after a line end.
const REST_OF_A_PASTE: Duration = Duration::from_millis(200);

/// The modes of the terminal on stdin, to be given back when this is dropped.
struct TerminalModes(Termios);

impl TerminalModes {
    /// `None` where stdin is not a terminal.
    fn of_stdin() -> Option<Self> {
        tcgetattr(stdin()).ok().map(Self)
    }
}

impl Drop for TerminalModes {
    fn drop(&mut self) {
        // From the background this would stop the process, and the shell has set modes of its own by then.
        if in_foreground() {
            let _ = tcsetattr(stdin(), OptionalActions::Now, &self.0);
        }
    }
}

/// A question on the screen.
struct Prompt<'a> {
    question: &'a str,
    /// Set while what is typed stays hidden.
    before: Option<TerminalModes>,
    /// Whether the cursor is still on the line of the question.
    unended: bool,
    /// Whether what is typed is still for us. Hidden text must not appear at the shell's prompt.
    open: bool,
}

impl<'a> Prompt<'a> {
    fn show(question: &'a str, echo: Echo) -> io::Result<Self> {
        let before = if echo == Echo::Hidden { TerminalModes::of_stdin() } else { None };
        let mut prompt = Self { question, before, unended: false, open: true };
        prompt.show_again()?;
        Ok(prompt)
    }

    fn show_again(&mut self) -> io::Result<()> {
        if let Some(TerminalModes(before)) = &self.before {
            let mut quiet = before.clone();
            quiet.local_modes.remove(LocalModes::ECHO | LocalModes::ECHONL);
            tcsetattr(stdin(), OptionalActions::Now, &quiet)?;
        }
        self.unended = !self.question.is_empty();
        io::stderr().write_all(self.question.as_bytes()).and_then(|()| io::stderr().flush())
    }

    /// Restores the terminal for the shell.
    fn step_aside(&mut self) -> io::Result<()> {
        if let Some(TerminalModes(before)) = &self.before {
            tcsetattr(stdin(), OptionalActions::Flush, before)?;
        }
        self.end_line();
        Ok(())
    }

    fn end_line(&mut self) {
        if std::mem::take(&mut self.unended) {
            let _ = io::stderr().write_all(b"\n");
        }
    }
}

impl Drop for Prompt<'_> {
    fn drop(&mut self) {
        self.end_line();
        if self.open && self.before.is_some() && in_foreground() {
            let _ = tcflush(stdin(), QueueSelector::IFlush);
        }
    }
}

/// Prompts and reads one line from stdin; `None` is the end of the input.
pub(super) async fn answer(question: &str, echo: Echo) -> io::Result<Option<Zeroizing<String>>> {
    let (_shown, mut stopped, mut ended) = PromptShown::start()?;
    let mut resumed = signal(SignalKind::from_raw(Signal::CONT.as_raw()))?;
    // To set the modes from the background (`login &`) would stop the process, and the listener with it.
    foreground().await;
    let mut prompt = Prompt::show(question, echo)?;
    let wanted = LineWanted(Arc::new(AtomicBool::new(true)));
    let line = on_a_thread({
        let wanted = Arc::clone(&wanted.0);
        move || line(MAX_TYPED_BYTES, &wanted)
    });
    tokio::pin!(line);
    loop {
        tokio::select! {
            line = &mut line => {
                let line = line.and_then(|line| only(line, echo)).inspect_err(|_| {
                    // The shell would run what else was typed.
                    let _ = tcflush(stdin(), QueueSelector::IFlush);
                })?;
                // Enter is echoed if keys are echoed.
                prompt.unended &= echo == Echo::Hidden || line.is_none();
                prompt.open = false;
                return Ok(line);
            }
            _ = stopped.recv() => {
                prompt.step_aside()?;
                kill_process(getpid(), Signal::STOP)?;
            }
            _ = ended.recv() => {
                prompt.step_aside()?;
                quit();
            }
            // Also after a SIGSTOP, which cannot be caught.
            _ = resumed.recv() => {
                foreground().await;
                prompt.end_line();
                prompt.show_again()?;
            }
        }
    }
}

/// A hidden answer is one line. A second line was pasted with it.
fn only(line: Option<Zeroizing<String>>, echo: Echo) -> io::Result<Option<Zeroizing<String>>> {
    if echo == Echo::Hidden && line.is_some() && isatty(stdin()) && input_within(Duration::ZERO)? {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it has a second line"));
    }
    Ok(line)
}

/// Stops the reader when its line is not wanted any more: what is typed next belongs to the shell.
struct LineWanted(Arc<AtomicBool>);

impl Drop for LineWanted {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

/// One line of a stdin that is not a terminal.
pub(super) fn line_of_stdin() -> io::Result<Option<Zeroizing<String>>> {
    line(MAX_PIPED_BYTES, &AtomicBool::new(true))
}

/// One line, byte by byte: what comes after it belongs to the next question.
fn line(longest: usize, wanted: &AtomicBool) -> io::Result<Option<Zeroizing<String>>> {
    let mut line = Zeroizing::new(Vec::with_capacity(MAX_PIPED_BYTES));
    let mut byte = [0];
    loop {
        // A read in the background would stop the process, and could not be cancelled. The foreground is looked at
        // last: the process may have been stopped while it waited for input.
        let readable = input_within(POLL_INTERVAL)?;
        if !wanted.load(Ordering::Relaxed) {
            return Ok(None);
        }
        if !in_foreground() {
            std::thread::sleep(POLL_INTERVAL);
            continue;
        }
        if !readable {
            continue;
        }
        match rustix::io::read(stdin(), &mut byte) {
            Ok(0) if line.is_empty() => return Ok(None),
            Ok(0) => break,
            Ok(_) if byte[0] == b'\n' && is_in_paste(&line) && input_within(REST_OF_A_PASTE)? => line.push(byte[0]),
            Ok(_) if byte[0] == b'\n' => {
                if line.last() == Some(&b'\r') {
                    line.pop();
                }
                break;
            }
            Ok(_) => line.push(byte[0]),
            Err(rustix::io::Errno::INTR | rustix::io::Errno::AGAIN) => {}
            Err(error) => return Err(error.into()),
        }
        if line.len() >= longest {
            let why = format!("it is longer than {} characters", longest - 1);
            return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
        }
    }
    Ok(Some(decoded(&line)))
}

/// Whether stdin has something to read, or an end.
fn input_within(limit: Duration) -> io::Result<bool> {
    let limit = Timespec { tv_sec: 0, tv_nsec: i64::from(limit.subsec_nanos()) };
    match poll(&mut [PollFd::new(&stdin(), PollFlags::IN)], Some(&limit)) {
        Ok(ready) => Ok(ready > 0),
        Err(rustix::io::Errno::INTR) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Waits until this process is in the foreground.
async fn foreground() {
    while !in_foreground() {
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}

/// Whether Ctrl-C and Ctrl-\ on the terminal go to our process group.
pub(super) fn has_our_keys() -> bool {
    let terminal = std::fs::File::open("/dev/tty");
    terminal.is_ok_and(|terminal| tcgetpgrp(&terminal).is_ok_and(|group| group == getpgrp()))
}

/// Whether this process may read and set the terminal. Without job control it always may.
fn in_foreground() -> bool {
    tcgetpgrp(stdin()).map_or(true, |group| group == getpgrp())
}
