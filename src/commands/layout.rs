//! Text in lines and columns for people: paragraphs wrapped, tables aligned. Nothing is escaped here.

use std::fmt::Write;

use crate::world::World;

/// Longer lines are hard to read, however wide the terminal is.
pub(super) const MAX_WIDTH: usize = 100;

/// How wide text for people may be on stdout.
pub(super) fn width(world: &World) -> usize {
    world.columns().map_or(MAX_WIDTH, |columns| columns.clamp(20, MAX_WIDTH))
}

/// The last column of a table is not made narrower than this.
const MIN_LAST_COLUMN: usize = 16;

/// How a table is laid out. The columns are two spaces apart; the last one takes what room is left.
pub(super) struct Table<'a> {
    pub indent: usize,
    pub width: usize,
    /// The greatest width of each column but the last. A longer cell overflows its column.
    pub widest: &'a [usize],
}

impl Table<'_> {
    /// The rows as lines, without a line end after the last. Every row has as many cells as the first. The last cell is
    /// wrapped within its column, or below the row if the column is too narrow.
    pub(super) fn render(&self, rows: &[Vec<String>]) -> String {
        let widths = self.widths(rows);
        let last_at = self.last_column(&widths).unwrap_or(self.indent + 4);
        let lines = rows.iter().flat_map(|row| self.row(row, &widths, last_at));
        lines.collect::<Vec<_>>().join("\n")
    }

    /// Whether the last column has room next to the others.
    pub(super) fn has_room_for_last(&self, rows: &[Vec<String>]) -> bool {
        self.last_column(&self.widths(rows)).is_some()
    }

    /// The widths of all columns but the last.
    fn widths(&self, rows: &[Vec<String>]) -> Vec<usize> {
        let columns = rows.first().map_or(0, Vec::len).saturating_sub(1);
        let limit = |at: usize| self.widest.get(at).copied().unwrap_or(usize::MAX);
        let widest = |at: usize| rows.iter().map(|row| length(&row[at])).filter(|length| *length <= limit(at)).max();
        (0..columns).map(|at| widest(at).unwrap_or(0)).collect()
    }

    /// Where the last column begins, if it has room next to the others.
    fn last_column(&self, widths: &[usize]) -> Option<usize> {
        let start = self.indent + widths.iter().map(|width| width + 2).sum::<usize>();
        // A column of a few characters would be a column of single words.
        (start + MIN_LAST_COLUMN <= self.width).then_some(start)
    }

    fn row(&self, row: &[String], widths: &[usize], last_at: usize) -> Vec<String> {
        let (last, cells) = row.split_last().expect("a row has cells");
        let mut lines = Vec::new();
        let mut line = " ".repeat(self.indent);
        let mut start = self.indent;
        for (cell, width) in cells.iter().zip(widths) {
            // A cell after one that is too long goes below it.
            if length(&line) > start && length(&line) + length(cell) > self.width {
                lines.push(line.trim_end().to_owned());
                line = " ".repeat(start);
            }
            write!(line, "{cell:width$}  ").expect("a string takes all text");
            start += width + 2;
        }
        let mut pieces = wrapped(last, self.width.saturating_sub(last_at)).into_iter().peekable();
        if length(&line) <= last_at && pieces.peek().is_some() {
            line.push_str(&pieces.next().unwrap_or_default());
        } else if length(&line) + length(last) <= self.width {
            line.push_str(last);
            pieces = Vec::new().into_iter().peekable();
        }
        lines.push(line.trim_end().to_owned());
        lines.extend(pieces.filter(|piece| !piece.is_empty()).map(|piece| format!("{}{piece}", " ".repeat(last_at))));
        lines
    }
}

fn length(text: &str) -> usize {
    text.chars().count()
}

/// The lines of a paragraph. Text between backticks stays on one line.
pub(super) fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in words(text) {
        let line = lines.last_mut().expect("there is a line");
        if line.is_empty() {
            line.push_str(word);
        } else if length(line) + 1 + length(word) <= width {
            line.push(' ');
            line.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines
}

/// The words of a text; a span between backticks is one.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let mut in_code = false;
    let ends_word = move |c: char| {
        in_code ^= c == '`';
        c == ' ' && !in_code
    };
    text.split(ends_word).filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_paragraph_is_wrapped_and_code_stays_whole() {
        assert_eq!(wrapped("one two `three four` five", 12), ["one two", "`three four`", "five"]);
        assert_eq!(wrapped("", 12), [""]);
        assert_eq!(wrapped("a-very-long-word b", 4), ["a-very-long-word", "b"]);
    }

    #[test]
    fn a_table_is_aligned_and_its_last_column_is_wrapped() {
        let rows = [["a", "one two"], ["long", "three"]].map(|row| row.map(str::to_owned).to_vec());
        let table = |width, widest: &[usize]| Table { indent: 2, width, widest }.render(&rows);
        assert_eq!(table(80, &[]), "  a     one two\n  long  three");
        assert_eq!(table(12, &[]), "  a\n      one\n      two\n  long\n      three", "no room for a column");
        assert_eq!(table(80, &[3]), "  a  one two\n  long  three", "one long cell moves no other row");
    }

    #[test]
    fn a_cell_after_one_that_is_too_long_goes_below_it() {
        let rows =
            [["/a", "read", "List them"], ["/a/very/long/path/of/thirty-five-bytes", "write", "Write one of them"]];
        let rows = rows.map(|row| row.map(str::to_owned).to_vec());
        let table = Table { indent: 0, width: 40, widest: &[6, 6] };
        assert_eq!(
            table.render(&rows),
            "/a  read   List them\n/a/very/long/path/of/thirty-five-bytes\n    write  Write one of them"
        );
        assert!(table.has_room_for_last(&rows));
        assert!(!Table { width: 26, ..table }.has_room_for_last(&rows));
    }

    #[test]
    fn a_wrapped_cell_hangs_below_itself() {
        let rows = [["GET", "/projects", "List all projects available to the token"]];
        let rows = rows.map(|row| row.map(str::to_owned).to_vec());
        let table = Table { indent: 0, width: 40, widest: &[] }.render(&rows);
        assert_eq!(table, "GET  /projects  List all projects\n                available to the token");
    }
}
