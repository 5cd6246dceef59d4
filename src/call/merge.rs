//! Pages become one document of the same shape, or one item per line, as they come in. Items keep
//! their bytes. Of a page, only what is around its list is held in memory.

use crate::error::{Error, Result};
use crate::json::list::{BodyPiece, BodySummary, ListReader};
use crate::json::scan::Malformed;

/// The most bytes that are held of what follows a list, or of an answer without a list.
const MAX_HELD: usize = 16 * 1024 * 1024;

/// How the items are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MergeFormat {
    /// One JSON document, shaped like each of its pages.
    Document,
    /// One item per line (`--ndjson`). An answer without a list is one item.
    Lines,
}

/// The document that is being put together.
pub struct Merge {
    form: MergeFormat,
    page: Option<ListReader>,
    /// Pages that are complete.
    pages: u64,
    /// Items written so far, and how many may be.
    written: u64,
    most: u64,
    /// The key of the list that every page must have. The first page sets it.
    list: Option<Vec<u8>>,
    /// For a document, the bytes after the list of the last page. For lines, an answer without a list, which is the
    /// only item.
    held: Vec<u8>,
    /// A line break was left out, and the indentation after it will be too.
    indented: bool,
}

impl Merge {
    /// An empty document for at most `most` items.
    pub fn new(form: MergeFormat, most: Option<u64>) -> Self {
        Self {
            form,
            page: None,
            pages: 0,
            written: 0,
            most: most.unwrap_or(u64::MAX),
            list: None,
            held: Vec::new(),
            indented: false,
        }
    }

    /// How many items have been written.
    pub fn written(&self) -> u64 {
        self.written
    }

    /// The name of the list, such as `keys`.
    pub fn list(&self) -> Option<&str> {
        self.list.as_deref().and_then(|name| std::str::from_utf8(name).ok())
    }

    /// Takes the next bytes of a page and appends what can be written to `out`.
    ///
    /// # Errors
    /// Other, if the page is not JSON. What was written until then does not parse.
    pub fn push(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<()> {
        let mut page = self.page.take().unwrap_or_else(|| ListReader::new(self.list.clone()));
        let pushed = page.push(bytes, |piece| self.take(piece, out));
        self.page = Some(page);
        pushed.map_err(|malformed| self.bad_page(malformed))?;
        if self.held.len() > MAX_HELD {
            return Err(Error::other("the answer has no list where one was expected, and is too long to be one item"));
        }
        Ok(())
    }

    fn take(&mut self, piece: BodyPiece, out: &mut Vec<u8>) {
        match self.form {
            MergeFormat::Document => self.take_for_document(piece, out),
            MergeFormat::Lines => self.take_for_lines(piece, out),
        }
    }

    fn take_for_document(&mut self, piece: BodyPiece, out: &mut Vec<u8>) {
        let full = self.written == self.most;
        match piece {
            BodyPiece::Before(bytes) if self.pages == 0 => out.extend_from_slice(bytes),
            BodyPiece::Before(_) => self.held.clear(),
            BodyPiece::After(bytes) => self.held.extend_from_slice(bytes),
            _ if full => {}
            BodyPiece::ItemBegins if self.written == 0 => {}
            BodyPiece::ItemBegins => out.push(b','),
            BodyPiece::Item(bytes) => out.extend_from_slice(bytes),
            BodyPiece::ItemEnds => self.written += 1,
        }
    }

    fn take_for_lines(&mut self, piece: BodyPiece, out: &mut Vec<u8>) {
        let full = self.written == self.most;
        match piece {
            BodyPiece::Before(bytes) => self.held.extend_from_slice(bytes),
            // There is a list, so the bytes before it are not an item.
            BodyPiece::ItemBegins | BodyPiece::After(_) => self.held.clear(),
            _ if full => {}
            BodyPiece::Item(bytes) => put_on_one_line(bytes, &mut self.indented, out),
            BodyPiece::ItemEnds => {
                self.written += 1;
                out.push(b'\n');
            }
        }
    }

    /// Ends the current page.
    ///
    /// # Errors
    /// Other, if it was cut short, or is not shaped like the first one.
    pub fn end_page(&mut self, out: &mut Vec<u8>) -> Result<BodySummary> {
        let page = self.page.take().unwrap_or_else(|| ListReader::new(None));
        let summary = page.finish().map_err(|malformed| self.bad_page(malformed))?;
        if summary.error.is_some() {
            return Ok(summary);
        }
        if self.pages > 0 && (self.list.is_none() || summary.list.is_none()) {
            let name = String::from_utf8_lossy(self.list.as_deref().unwrap_or_default()).into_owned();
            return Err(Error::other(format!("page {} has no list `{name}`, as page 1 has", self.pages + 1)));
        }
        if summary.list.is_none() && self.form == MergeFormat::Lines {
            put_on_one_line(self.held.trim_ascii(), &mut self.indented, out);
            out.push(b'\n');
            self.written += 1;
        }
        self.pages += 1;
        self.list.clone_from(&summary.list);
        Ok(summary)
    }

    /// Writes what closes the document. Without it, what was written does not parse.
    pub fn finish(self, out: &mut Vec<u8>) {
        if self.form == MergeFormat::Document && self.list.is_some() {
            out.push(b']');
            out.extend_from_slice(&self.held);
        }
    }

    fn bad_page(&self, malformed: Malformed) -> Error {
        let what = match self.pages {
            0 => "the answer cannot be read".to_owned(),
            before => format!("page {} of the answer cannot be read", before + 1),
        };
        Error::other(what).because(malformed)
    }
}

/// Leaves out line breaks and the indentation after them. No string has a line break in it, so that nothing of an
/// item is lost, and every other byte stays as it came.
fn put_on_one_line(bytes: &[u8], indented: &mut bool, out: &mut Vec<u8>) {
    let is_break = |byte: &u8| matches!(byte, b'\n' | b'\r');
    if !*indented && !bytes.iter().any(is_break) {
        out.extend_from_slice(bytes);
        return;
    }
    for byte in bytes {
        *indented = is_break(byte) || (*indented && matches!(byte, b' ' | b'\t'));
        if !*indented {
            out.push(*byte);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The output for pages that arrive in pieces of `size` bytes.
    fn merged(form: MergeFormat, most: Option<u64>, pages: &[&str], size: usize) -> Result<String> {
        let mut merge = Merge::new(form, most);
        let mut out = Vec::new();
        for page in pages {
            for bytes in page.as_bytes().chunks(size) {
                merge.push(bytes, &mut out)?;
            }
            merge.end_page(&mut out)?;
        }
        merge.finish(&mut out);
        Ok(String::from_utf8(out).unwrap())
    }

    fn document(pages: &[&str]) -> String {
        let whole = merged(MergeFormat::Document, None, pages, usize::MAX).unwrap();
        for size in 1..9 {
            assert_eq!(merged(MergeFormat::Document, None, pages, size).unwrap(), whole, "in pieces of {size}");
        }
        whole
    }

    fn lines(pages: &[&str]) -> String {
        let whole = merged(MergeFormat::Lines, None, pages, usize::MAX).unwrap();
        for size in 1..9 {
            assert_eq!(merged(MergeFormat::Lines, None, pages, size).unwrap(), whole, "in pieces of {size}");
        }
        whole
    }

    #[test]
    fn pages_become_one_document_of_the_same_shape() {
        assert_eq!(
            document(&[
                r#"{"project_id":"1","keys":[{"a": 1.10},{"b":"é\u00e9"}]}"#,
                r#"{"project_id":"1","keys":[]}"#,
                r#"{"project_id":"1","keys":[ {"c":12345678901234567890} ]}"#,
            ]),
            r#"{"project_id":"1","keys":[{"a": 1.10},{"b":"é\u00e9"},{"c":12345678901234567890}]}"#
        );
        assert_eq!(document(&["[1,2]", "[]", "[3]\n"]), "[1,2,3]\n");
    }

    #[test]
    fn an_empty_first_page_puts_no_comma() {
        assert_eq!(document(&[r#"{"keys":[]}"#, r#"{"keys":[1]}"#]), r#"{"keys":[1]}"#);
        assert_eq!(document(&[r#"{"keys":[]}"#]), r#"{"keys":[]}"#);
    }

    #[test]
    fn the_members_after_the_list_are_those_of_the_last_page() {
        assert_eq!(
            document(&[
                r#"{"data":[1],"next_cursor":"x","has_more":true}"#,
                r#"{"data":[2],"next_cursor":null,"has_more":false}"#,
            ]),
            r#"{"data":[1,2],"next_cursor":null,"has_more":false}"#
        );
    }

    #[test]
    fn an_answer_without_a_list_is_passed_on_whole() {
        assert_eq!(document(&[" {\"project\": {\"ids\":[1]}}\n"]), " {\"project\": {\"ids\":[1]}}\n");
        assert_eq!(lines(&["{\n  \"project\": {}\n}\n"]), "{\"project\": {}}\n");
    }

    #[test]
    fn lines_hold_one_item_each() {
        assert_eq!(
            lines(&["{\"n\":1,\"keys\":[{\n  \"a\": \"x  y\",\r\n\t\"b\":[1,\n2]\n},\n2]}", r#"{"n":1,"keys":["z"]}"#]),
            "{\"a\": \"x  y\",\"b\":[1,2]}\n2\n\"z\"\n"
        );
        assert_eq!(lines(&[r#"{"keys":[],"n":1}"#]), "");
    }

    #[test]
    fn items_beyond_the_most_are_left_out() {
        let pages = [r#"{"keys":[1,2],"n":1}"#, r#"{"keys":[3,4],"n":2}"#];
        assert_eq!(merged(MergeFormat::Document, Some(3), &pages, 1).unwrap(), r#"{"keys":[1,2,3],"n":2}"#);
        assert_eq!(merged(MergeFormat::Document, Some(0), &pages, 1).unwrap(), r#"{"keys":[],"n":2}"#);
        assert_eq!(merged(MergeFormat::Lines, Some(1), &pages, 1).unwrap(), "1\n");
    }

    #[test]
    fn the_items_are_counted_and_the_list_has_a_name() {
        for (form, page, list, items) in [
            (MergeFormat::Document, r#"{"keys":[1,2]}"#, Some("keys"), 2),
            (MergeFormat::Lines, r#"{"keys":[1,2]}"#, Some("keys"), 2),
            (MergeFormat::Document, r#"{"key":1}"#, None, 0),
            (MergeFormat::Lines, r#"{"key":1}"#, None, 1),
        ] {
            let mut merge = Merge::new(form, None);
            assert_eq!((merge.list(), merge.written()), (None, 0));
            merge.push(page.as_bytes(), &mut Vec::new()).unwrap();
            merge.end_page(&mut Vec::new()).unwrap();
            assert_eq!((merge.list(), merge.written()), (list, items), "{page}");
        }
    }

    #[test]
    fn an_answer_without_a_list_is_one_line_up_to_a_limit() {
        let held = |bytes: usize| {
            let page = format!(r#"{{"key":"{}"}}"#, "x".repeat(bytes - r#"{"key":""}"#.len()));
            Merge::new(MergeFormat::Lines, None).push(page.as_bytes(), &mut Vec::new())
        };
        assert!(held(16 * 1024 * 1024).is_ok());
        let error = held(16 * 1024 * 1024 + 1).unwrap_err().to_string();
        assert_eq!(error, "the answer has no list where one was expected, and is too long to be one item");
    }

    #[test]
    fn a_page_of_another_shape_is_an_error() {
        let message = |pages: &[&str]| merged(MergeFormat::Document, None, pages, 1).unwrap_err().to_string();
        assert_eq!(message(&[r#"{"keys":[1]}"#, r#"{"data":[2]}"#]), "page 2 has no list `keys`, as page 1 has");
        assert_eq!(message(&[r#"{"key":1}"#, r#"{"key":2}"#]), "page 2 has no list ``, as page 1 has");
    }

    #[test]
    fn a_page_that_is_cut_short_leaves_an_unfinished_document() {
        let mut merge = Merge::new(MergeFormat::Document, None);
        let mut out = Vec::new();
        merge.push(br#"{"keys":[1,{"a":"#, &mut out).unwrap();
        assert_eq!(
            merge.end_page(&mut out).unwrap_err().to_string(),
            "the answer cannot be read: it ends in the middle of a JSON document"
        );
        assert_eq!(out, br#"{"keys":[1,{"a":"#);
    }
}
