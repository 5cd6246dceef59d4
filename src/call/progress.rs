//! The progress of a long run: one line on stderr that is redrawn in place. Where lines cannot
//! be redrawn, nothing is shown.

use std::cell::Cell;
use std::io::{self, Write};
use std::time::{Duration, Instant};

use crate::escape::escaped;
use crate::world::World;

/// The shortest time between two drawings.
const MIN_REDRAW_INTERVAL: Duration = Duration::from_millis(100);

/// Writes to stderr. A failure does not end the run.
#[expect(clippy::disallowed_methods, reason = "the text moves the cursor and has no line end")]
fn draw(text: &str) {
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

/// The line. Dropping it removes it from the screen.
pub struct ProgressLine {
    is_shown: bool,
    drawn: Cell<Option<Instant>>,
}

impl ProgressLine {
    /// A line on stderr. It is not drawn while an answer is shown on the same terminal.
    pub fn new(world: &World, answer_is_shown: bool) -> Self {
        Self { is_shown: world.fancy() && !answer_is_shown, drawn: Cell::new(None) }
    }

    /// Draws the line, unless it has just been drawn.
    pub fn show(&self, line: impl FnOnce() -> String) {
        let is_due = self.drawn.get().is_none_or(|drawn| drawn.elapsed() >= MIN_REDRAW_INTERVAL);
        if self.is_shown && is_due {
            self.drawn.set(Some(Instant::now()));
            // The cursor goes back, so that a warning overwrites the line.
            draw(&format!("\r{}\u{1b}[K\r", escaped(&line())));
        }
    }

    /// Removes the line, so that another can be written in its place.
    pub fn clear(&self) {
        if self.drawn.take().is_some() {
            draw("\r\u{1b}[K");
        }
    }
}

impl Drop for ProgressLine {
    fn drop(&mut self) {
        self.clear();
    }
}

/// `12.3 of 200.0 MB`, with a bar in front of it once the whole is known.
pub fn bytes(done: u64, whole: Option<u64>) -> String {
    const WIDTH: u64 = 24;
    let (unit, name) = if whole.unwrap_or(done) < 1_000_000 { (1_000, "kB") } else { (1_000_000, "MB") };
    // A tenth is exact enough.
    let shown = |bytes: u64| format!("{}.{}", bytes / unit, bytes % unit / (unit / 10));
    match whole.filter(|whole| *whole > 0) {
        Some(whole) => {
            let filled = usize::try_from(done.min(whole) * WIDTH / whole).unwrap_or(0);
            let empty = usize::try_from(WIDTH).unwrap_or(0) - filled;
            format!("[{}{}] {} of {} {name}", "#".repeat(filled), ".".repeat(empty), shown(done), shown(whole))
        }
        None => format!("{} {name}", shown(done)),
    }
}

/// `3,500 of 12,041 keys`
pub fn items(done: u64, total: Option<u64>, name: &str) -> String {
    match total {
        Some(total) => format!("{} of {} {name}", grouped(done), grouped(total)),
        None => format!("{} {name}", grouped(done)),
    }
}

fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_are_counted_in_thousands() {
        assert_eq!(items(3_500, Some(12_041), "keys"), "3,500 of 12,041 keys");
        assert_eq!(items(999, None, "projects"), "999 projects");
        assert_eq!(items(1_234_567, None, "items"), "1,234,567 items");
    }

    #[test]
    fn bytes_have_a_bar_once_the_whole_is_known() {
        assert_eq!(bytes(50_000_000, Some(200_000_000)), "[######..................] 50.0 of 200.0 MB");
        assert_eq!(bytes(1_250_000, None), "1.2 MB");
        assert_eq!(bytes(12_340, Some(12_340)), "[########################] 12.3 of 12.3 kB");
        assert_eq!(bytes(900, Some(300)), "[########################] 0.9 of 0.3 kB");
        assert_eq!(bytes(0, Some(0)), "0.0 kB");
    }
}
