//! The terminal: text from elsewhere made harmless, and questions whose hidden
//! answers leave the terminal as it was, whatever ends them.

use std::borrow::Cow;
use std::fmt::Write;
use std::io;

use zeroize::Zeroizing;

use crate::error::{Error, Result};
use crate::secret::LONGEST;

#[cfg_attr(not(unix), path = "terminal/console.rs")]
mod prompt;
#[cfg(unix)]
pub use prompt::Modes;

/// Makes control characters visible: C0 (line break and tab too), DEL, C1 and
/// the characters that reorder text. For one line.
pub fn escaped(text: &str) -> Cow<'_, str> {
    escape(text, |_| false)
}

/// As [`escaped`], but line breaks and tabs stay. For blocks of text.
pub fn escaped_block(text: &str) -> Cow<'_, str> {
    escape(text, |c| c == '\n' || c == '\t')
}

/// As [`escaped`], for JSON, which is the same JSON afterwards.
pub fn escaped_json(json: &str) -> Cow<'_, str> {
    if !json.chars().any(is_control) {
        return Cow::Borrowed(json);
    }
    let mut safe = String::with_capacity(json.len() + 16);
    for c in json.chars() {
        if is_control(c) && !c.is_ascii_whitespace() {
            write!(safe, "\\u{:04x}", u32::from(c)).expect("a string takes all text");
        } else {
            safe.push(c);
        }
    }
    Cow::Owned(safe)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_drive_a_terminal_is_made_visible() {
        assert_eq!(escaped("plain ü text"), "plain ü text");
        assert_eq!(escaped("a\u{1b}[31m\r\nb\u{7f}\u{9b}\u{202e}"), "a\\u{1b}[31m\\r\\nb\\u{7f}\\u{9b}\\u{202e}");
        assert_eq!(escaped_block("a\n\tb\r"), "a\n\tb\\r");
        assert_eq!(escaped_json("{\"a\":\"\u{202e}\u{7f}\u{9b}\"}\n"), "{\"a\":\"\\u202e\\u007f\\u009b\"}\n");
    }
}
