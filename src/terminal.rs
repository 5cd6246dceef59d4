//! Questions on the terminal, whose hidden answers leave it as it was, whatever ends them; and what
//! is piped in in place of an answer.

use std::io;

use zeroize::Zeroizing;

use crate::error::{Error, Result};
use crate::secret::LONGEST;

#[cfg_attr(not(unix), path = "terminal/console.rs")]
mod prompt;

/// Whether there is a terminal whose Ctrl-C reaches us, and every child of our process group.
#[cfg(unix)]
pub fn is_ours() -> bool {
    prompt::has_our_keys()
}

/// Whether an answer is shown while it is typed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Echo {
    Shown,
    Hidden,
}

/// Asks one question on stderr and takes one line of the terminal on stdin. `None`: the input has ended.
///
/// Dropping the future, which is what Ctrl-C, SIGTERM and SIGHUP lead to, restores the terminal.
///
/// # Errors
/// Usage, if a hidden answer has a second line: what else was pasted would come out as commands of the shell.
pub async fn answer(question: &str, echo: Echo) -> Result<Option<Zeroizing<String>>> {
    prompt::answer(question, echo).await.map_err(|error| match error.kind() {
        io::ErrorKind::InvalidInput => Error::usage("what was typed or pasted cannot be taken").because(error),
        _ => Error::other("the terminal cannot be read").because(error),
    })
}

/// As [`answer`], for a question that needs one.
///
/// # Errors
/// Usage, if the input ends without a line too.
pub async fn ask(question: &str, echo: Echo) -> Result<Zeroizing<String>> {
    answer(question, echo).await?.ok_or_else(|| Error::usage("the input ended before an answer"))
}

/// Reads a secret that was piped in: stdin to its end, but no more than a token can have.
///
/// # Errors
/// Usage, if stdin cannot be read.
pub async fn piped_secret() -> Result<Zeroizing<String>> {
    on_a_thread(|| {
        use std::io::Read;
        let mut bytes = Zeroizing::new(Vec::with_capacity(8192));
        // Two more than the longest token with its line break: enough to see that it is too long.
        io::stdin().lock().take(LONGEST as u64 + 4).read_to_end(&mut bytes)?;
        Ok(text(&bytes))
    })
    .await
    .map_err(unreadable)
}

/// Reads one line that was piped in, and nothing behind it: whoever writes may keep the pipe open.
///
/// # Errors
/// Usage, if stdin cannot be read or ends without a line.
pub async fn piped_line() -> Result<Zeroizing<String>> {
    let line = on_a_thread(prompt::line_of_stdin).await.map_err(unreadable)?;
    line.ok_or_else(|| Error::usage("stdin ended before a line came"))
}

fn unreadable(error: io::Error) -> Error {
    Error::usage("stdin cannot be read").because(error)
}

/// What is not text holds a character outside ASCII, which the check for tokens names.
fn text(bytes: &[u8]) -> Zeroizing<String> {
    Zeroizing::new(String::from_utf8_lossy(bytes).into_owned())
}

/// Runs what may block for ever on a thread of its own, which keeps neither signals nor the exit waiting.
async fn on_a_thread<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    let (sender, done) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let _ = sender.send(work());
    });
    done.await.map_err(io::Error::other)?
}
