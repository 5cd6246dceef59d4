//! Asks questions on the terminal, and reads answers that are piped in. However a question ends, the
//! terminal is restored.

use std::io;

use zeroize::Zeroizing;

use crate::error::{Error, Result};
use crate::text;

#[cfg_attr(not(unix), path = "terminal/console.rs")]
mod prompt;

/// Whether Ctrl-C on the terminal reaches this process and every child in its process group.
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
/// Usage, if a hidden answer has a second line: the shell would run the rest of the paste as commands.
pub async fn answer(question: &str, echo: Echo) -> Result<Option<Zeroizing<String>>> {
    let line = prompt::answer(question, echo).await.map_err(|error| match error.kind() {
        io::ErrorKind::InvalidInput => Error::usage("what was typed or pasted cannot be taken").because(error),
        _ => Error::other("the terminal cannot be read").because(error),
    })?;
    Ok(line.map(|line| text::value(&line)))
}

/// Whether a paste has begun and not ended. A line end is then part of the paste.
#[cfg_attr(not(unix), allow(dead_code))] // only Unix reads byte by byte
fn is_in_paste(line: &[u8]) -> bool {
    let last = |mark: &str| memchr::memmem::rfind(line, mark.as_bytes());
    last(text::PASTE_BEGINS) > last(text::PASTE_ENDS)
}

/// As [`answer`], for a question that needs one.
///
/// # Errors
/// Those of [`answer`], and usage if the input ends without a line.
pub async fn ask(question: &str, echo: Echo) -> Result<Zeroizing<String>> {
    answer(question, echo).await?.ok_or_else(|| Error::usage("the input ended before an answer"))
}

/// Reads a secret that was piped in: stdin to its end, in UTF-8 or in UTF-16 with a byte order mark.
///
/// # Errors
/// Usage, if stdin cannot be read, or is longer than any value.
#[expect(clippy::disallowed_methods, reason = "this module reads what people type or pipe")]
pub async fn piped_secret() -> Result<Zeroizing<String>> {
    on_a_thread(|| text::read_value(io::stdin().lock())).await.map_err(unreadable)
}

/// Reads one piped line and nothing after it, since the writer may keep the pipe open.
///
/// # Errors
/// Usage, if stdin cannot be read or ends without a line.
pub async fn piped_line() -> Result<Zeroizing<String>> {
    let line = on_a_thread(prompt::line_of_stdin).await.map_err(unreadable)?;
    let line = line.ok_or_else(|| Error::usage("stdin ended before a line came"))?;
    Ok(text::value(&line))
}

fn unreadable(error: io::Error) -> Error {
    Error::usage("stdin cannot be read").because(error)
}

/// One line, in UTF-8 or in UTF-16 with a byte order mark. Bytes that are not text become U+FFFD, which the check
/// for tokens refuses.
#[cfg_attr(not(unix), allow(dead_code))] // the console reads text
fn decoded(line: &[u8]) -> Zeroizing<String> {
    // The last byte of a line in UTF-16 is half of its line end.
    let line = if line.starts_with(&[0xfe, 0xff]) && line.len() % 2 == 1 { &line[..line.len() - 1] } else { line };
    text::decode(line).unwrap_or_else(|_| Zeroizing::new(String::from_utf8_lossy(line).into_owned()))
}

/// Runs work that may block for ever on its own thread, so that signals and the exit do not wait for it.
async fn on_a_thread<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    let (sender, done) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let _ = sender.send(work());
    });
    done.await.map_err(io::Error::other)?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_paste_ends_where_its_mark_is() {
        assert!(is_in_paste(b"\x1b[200~abc") && is_in_paste(b"\x1b[200~a\x1b[201~\x1b[200~b"));
        assert!(!is_in_paste(b"abc") && !is_in_paste(b"\x1b[200~abc\x1b[201~") && !is_in_paste(b"\x1b[A"));
    }

    #[test]
    fn a_piped_line_is_taken_in_each_encoding_that_has_a_mark() {
        assert_eq!(*decoded(b"\xef\xbb\xbfabc"), "abc");
        assert_eq!(*decoded(b"\xff\xfea\0b\0\r\0"), "ab\r");
        assert_eq!(*decoded(b"\xfe\xff\0a\0b\0\r\0"), "ab\r");
        assert_eq!(*decoded(b"caf\xe9"), "caf\u{fffd}");
    }
}
