//! Asks one question on a console outside Unix. rpassword hides the answer.

#![expect(clippy::disallowed_methods, reason = "this module asks on the terminal")]

use std::io::{self, Write};

use zeroize::Zeroizing;

use super::{Echo, on_a_thread};

/// Prompts and reads one line from the console; `None` is the end of the input.
pub(super) async fn answer(question: &str, echo: Echo) -> io::Result<Option<Zeroizing<String>>> {
    io::stderr().write_all(question.as_bytes()).and_then(|()| io::stderr().flush())?;
    on_a_thread(move || match echo {
        Echo::Hidden => rpassword::read_password().map(|line| Some(Zeroizing::new(line))),
        Echo::Shown => line_of_stdin(),
    })
    .await
}

/// One line of stdin.
pub(super) fn line_of_stdin() -> io::Result<Option<Zeroizing<String>>> {
    let mut line = Zeroizing::new(String::with_capacity(8192));
    let count = io::stdin().read_line(&mut line)?;
    Ok((count > 0).then(|| Zeroizing::new(line.trim_end_matches(['\r', '\n']).to_owned())))
}
