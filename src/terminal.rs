//! The terminal: text from elsewhere made harmless, and questions whose hidden
//! answers leave the terminal as it was, whatever ends them.

use std::borrow::Cow;
use std::fmt::Write;
use std::io;

use zeroize::Zeroizing;

use crate::error::{Error, ErrorKind, Result};
use crate::world::World;

/// Makes control characters visible: C0 (line break and tab too), DEL, C1 and
/// the characters that reorder text. For one line.
pub fn escaped(text: &str) -> Cow<'_, str> {
    escape(text, |_| false)
}

/// As [`escaped`], but line breaks and tabs stay. For blocks of text.
pub fn escaped_block(text: &str) -> Cow<'_, str> {
    escape(text, |c| c == '\n' || c == '\t')
}

fn escape(text: &str, keep: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.chars().any(|c| is_control(c) && !keep(c)) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            _ if keep(c) || !is_control(c) => safe.push(c),
            '\n' => safe.push_str("\\n"),
            '\r' => safe.push_str("\\r"),
            '\t' => safe.push_str("\\t"),
            _ => write!(safe, "\\u{{{:x}}}", u32::from(c)).expect("a string takes all text"),
        }
    }
    Cow::Owned(safe)
}

/// C0, DEL, C1, and what changes the direction of text.
pub fn is_control(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{61c}' | '\u{2028}' | '\u{2029}')
}

/// Whether an answer is shown while it is typed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Echo {
    Shown,
    Hidden,
}

/// Asks one question on stderr and takes one line of the terminal on stdin.
///
/// Dropping the future, which is what Ctrl-C, SIGTERM and SIGHUP lead to, restores the terminal.
///
/// # Errors
/// Usage, if the input ends without a line.
pub async fn ask(world: &World, question: &str, echo: Echo) -> Result<Zeroizing<String>> {
    let line =
        read_line(question, echo).await.map_err(|error| Error::usage("the terminal cannot be read").because(error))?;
    if echo == Echo::Hidden {
        world.say("");
    }
    line.ok_or_else(|| Error::new(ErrorKind::Usage, "the input ended before an answer"))
}

#[cfg(unix)]
pub use unix::read_line;

#[cfg(unix)]
mod unix {
    use std::io::{self, Write};

    use rustix::process::{Signal, getpid, kill_process};
    use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
    use tokio::signal::unix::{SignalKind, signal};
    use zeroize::Zeroizing;

    use super::Echo;

    /// A terminal whose echo is off until this is dropped.
    struct Hidden(Termios);

    impl Hidden {
        /// `None` where stdin is no terminal: there is nothing to hide.
        fn start() -> Option<Self> {
            let before = tcgetattr(rustix::stdio::stdin()).ok()?;
            let mut quiet = before.clone();
            quiet.local_modes.remove(LocalModes::ECHO | LocalModes::ECHONL);
            tcsetattr(rustix::stdio::stdin(), OptionalActions::Flush, &quiet).ok()?;
            Some(Self(before))
        }
    }

    impl Drop for Hidden {
        fn drop(&mut self) {
            let _ = tcsetattr(rustix::stdio::stdin(), OptionalActions::Now, &self.0);
        }
    }

    /// Prompts and reads one line from stdin. Ctrl-Z gives the shell back its
    /// terminal as it was, and the prompt returns with the process.
    ///
    /// # Errors
    /// What the operating system says; `Ok(None)` is the end of the input.
    pub async fn read_line(prompt: &str, echo: Echo) -> io::Result<Option<Zeroizing<String>>> {
        let mut stopped = signal(SignalKind::from_raw(Signal::TSTP.as_raw()))?;
        let mut hidden = if echo == Echo::Hidden { Hidden::start() } else { None };
        let show = || io::stderr().write_all(prompt.as_bytes()).and_then(|()| io::stderr().flush());
        show()?;
        let (sender, mut line) = tokio::sync::oneshot::channel();
        // A thread of its own: a read from a terminal cannot be called off.
        std::thread::spawn(move || {
            let _ = sender.send(line_of_stdin());
        });
        loop {
            tokio::select! {
                line = &mut line => return line.map_err(io::Error::other)?,
                _ = stopped.recv() => {
                    let was_hidden = hidden.take().is_some();
                    kill_process(getpid(), Signal::STOP)?;
                    if was_hidden {
                        hidden = Hidden::start();
                    }
                    show()?;
                }
            }
        }
    }

    /// One line, byte by byte: what comes after it belongs to the next question.
    fn line_of_stdin() -> io::Result<Option<Zeroizing<String>>> {
        let mut line = Zeroizing::new(Vec::with_capacity(8192));
        let mut byte = [0];
        loop {
            match rustix::io::read(rustix::stdio::stdin(), &mut byte) {
                Ok(0) if line.is_empty() => return Ok(None),
                Ok(0) => break,
                Ok(_) if byte[0] == b'\n' => break,
                Ok(_) => line.push(byte[0]),
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
            if line.len() > 16 * 1024 {
                return Err(io::Error::other("the line is too long"));
            }
        }
        String::from_utf8(std::mem::take(&mut *line))
            .map(|line| Some(Zeroizing::new(line)))
            .map_err(|_| io::Error::other("the line is not UTF-8"))
    }
}

/// Prompts and reads one line from the console.
///
/// # Errors
/// What the operating system says; `Ok(None)` is the end of the input.
#[cfg(not(unix))]
pub async fn read_line(prompt: &str, echo: Echo) -> io::Result<Option<Zeroizing<String>>> {
    use std::io::Write;
    io::stderr().write_all(prompt.as_bytes()).and_then(|()| io::stderr().flush())?;
    let (sender, line) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let line = match echo {
            Echo::Hidden => rpassword::read_password().map(|line| Some(Zeroizing::new(line))),
            Echo::Shown => {
                let mut line = String::new();
                io::stdin()
                    .read_line(&mut line)
                    .map(|count| (count > 0).then(|| Zeroizing::new(line.trim_end().to_owned())))
            }
        };
        let _ = sender.send(line);
    });
    line.await.map_err(io::Error::other)?
}

/// Reads a secret that was piped in: stdin to its end, but no more than a token can have.
///
/// # Errors
/// If stdin cannot be read, or is not text.
pub fn piped_secret() -> io::Result<Zeroizing<String>> {
    use std::io::Read;
    let mut bytes = Zeroizing::new(Vec::with_capacity(8192));
    // Two more than the longest token with its line break: enough to see that it is too long.
    io::stdin().lock().take(crate::secret::LONGEST as u64 + 4).read_to_end(&mut bytes)?;
    // What is not text holds a character outside ASCII, which the check for tokens names.
    Ok(Zeroizing::new(String::from_utf8_lossy(&bytes).into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_drive_a_terminal_is_made_visible() {
        assert_eq!(escaped("plain ü text"), "plain ü text");
        assert_eq!(escaped("a\u{1b}[31m\r\nb\u{7f}\u{9b}\u{202e}"), "a\\u{1b}[31m\\r\\nb\\u{7f}\\u{9b}\\u{202e}");
        assert_eq!(escaped_block("a\n\tb\r"), "a\n\tb\\r");
    }
}
