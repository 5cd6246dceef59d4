//! One JSON answer while it comes in: which bytes belong to the items of its list, and which
//! are around it.

use std::borrow::Cow;

use super::scan::{Event, Malformed, Scanner, Shape};
use super::summary::{KEPT_MEMBERS, KeptMembers, WriteOutcome};

pub use super::summary::{BodySummary, errors_of};

/// Part of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyPiece<'a> {
    /// Bytes up to the list's `[`, which is among them; all bytes of an answer without a list.
    Before(&'a [u8]),
    ItemBegins,
    Item(&'a [u8]),
    ItemEnds,
    /// Bytes after the list's `]`.
    After(&'a [u8]),
}

/// An answer that is being read.
pub struct ListReader {
    scanner: Scanner,
    place: ListPosition,
    /// The key of the list: the one that is wanted, or the one that was found. Empty for an outermost array.
    list: Option<Vec<u8>>,
    items: u64,
    kept: KeptMembers,
    outcome: WriteOutcome,
    has_begun: bool,
}

/// Where the next byte is. The number is the depth of the list.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ListPosition {
    Before,
    Between(usize),
    InItem(usize),
    After,
}

impl ListReader {
    /// A page whose list is the first array that is not `errors`, or the array under `list` alone.
    pub fn new(list: Option<Vec<u8>>) -> Self {
        Self {
            scanner: Scanner::new(1),
            place: ListPosition::Before,
            list,
            items: 0,
            kept: KeptMembers::default(),
            outcome: WriteOutcome::default(),
            has_begun: false,
        }
    }

    /// Takes the next bytes and hands them on in pieces.
    ///
    /// # Errors
    /// [`Malformed`], if they are not the next bytes of a JSON document.
    pub fn push(&mut self, mut bytes: &[u8], mut take: impl FnMut(BodyPiece)) -> Result<(), Malformed> {
        while !bytes.is_empty() {
            let (read, event) = self.scanner.next(bytes)?;
            let (span, rest) = bytes.split_at(read);
            bytes = rest;
            let span = self.without_mark(span);
            self.kept.take(span);
            self.outcome.take(span);
            match self.place {
                ListPosition::Before if !span.is_empty() => take(BodyPiece::Before(span)),
                ListPosition::InItem(_) if !span.is_empty() => take(BodyPiece::Item(span)),
                ListPosition::After if !span.is_empty() => take(BodyPiece::After(span)),
                _ => {}
            }
            match event {
                Some(Event::Begin(shape)) => self.begins(shape, &mut take),
                Some(Event::End) => self.ended(&mut take),
                None => {}
            }
        }
        Ok(())
    }

    /// In front of the document there is white space and perhaps a byte order mark, which must not be handed on: it
    /// would be in the middle of a merged document.
    fn without_mark<'b>(&mut self, span: &'b [u8]) -> &'b [u8] {
        if self.has_begun {
            return span;
        }
        let begin = span.iter().position(u8::is_ascii).unwrap_or(span.len());
        &span[begin..]
    }

    fn begins(&mut self, shape: Shape, take: &mut impl FnMut(BodyPiece)) {
        let depth = self.scanner.depth();
        let place = self.place;
        self.has_begun = true;
        match place {
            ListPosition::Between(list) => {
                self.place = ListPosition::InItem(list);
                self.items += 1;
                take(BodyPiece::ItemBegins);
            }
            ListPosition::Before if shape == Shape::Array && self.is_the_list(depth) => {
                // The bracket and what is between items is written anew; it is not handed on.
                take(BodyPiece::Before(b"["));
                self.place = ListPosition::Between(depth);
                self.scanner.watch(depth + 1);
            }
            ListPosition::Before | ListPosition::After
                if depth == 1 && KEPT_MEMBERS.contains(&&*self.scanner.key()) =>
            {
                self.kept.begin(&self.scanner.key());
            }
            ListPosition::Before | ListPosition::After if depth == 1 && shape == Shape::Scalar => {
                self.outcome.begin(&self.scanner.key());
            }
            _ => {}
        }
    }

    fn is_the_list(&mut self, depth: usize) -> bool {
        let key = if depth == 0 { Cow::Borrowed(&b""[..]) } else { self.scanner.key() };
        if *key == *b"errors" {
            return false;
        }
        if let Some(wanted) = &self.list {
            return *wanted == *key;
        }
        self.list = Some(key.into_owned());
        true
    }

    fn ended(&mut self, take: &mut impl FnMut(BodyPiece)) {
        let depth = self.scanner.depth();
        match self.place {
            ListPosition::InItem(list) if depth == list + 1 => {
                self.place = ListPosition::Between(list);
                take(BodyPiece::ItemEnds);
            }
            ListPosition::Between(list) if depth == list => {
                self.place = ListPosition::After;
                self.scanner.watch(1);
            }
            _ if depth == 1 => {
                self.kept.end();
                self.outcome.end();
            }
            _ => {}
        }
    }

    /// What the answer so far says was not done. Later bytes that are not JSON do not change that.
    pub fn not_done(&self) -> Vec<String> {
        self.outcome.not_done.clone()
    }

    /// To be called when the answer is over.
    ///
    /// # Errors
    /// [`Malformed`], if its document is not.
    pub fn finish(mut self) -> Result<BodySummary, Malformed> {
        self.scanner.finish()?;
        let list = self.list.take().filter(|_| self.place != ListPosition::Before);
        Ok(BodySummary { list, items: self.items, not_done: self.not_done(), ..self.kept.summary()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The pieces of a document that comes in bytes of `size`, joined where they are of a kind.
    fn pieces(document: &str, size: usize) -> (String, BodySummary) {
        let mut page = ListReader::new(None);
        let mut joined = String::new();
        for bytes in document.as_bytes().chunks(size) {
            page.push(bytes, |piece| match piece {
                BodyPiece::Before(bytes) | BodyPiece::Item(bytes) | BodyPiece::After(bytes) => {
                    joined.push_str(std::str::from_utf8(bytes).unwrap());
                }
                BodyPiece::ItemBegins => joined.push('<'),
                BodyPiece::ItemEnds => joined.push('>'),
            })
            .unwrap();
        }
        (joined, page.finish().unwrap())
    }

    fn summary(document: &str) -> BodySummary {
        pieces(document, 7).1
    }

    #[test]
    fn the_items_of_the_list_are_separated_from_the_rest() {
        let document = r#"{"project_id": "1", "ids": {"x":[1]}, "keys":[ {"a":[1,2]} , 3,"]" ] , "branch":"b" }"#;
        let joined = r#"{"project_id": "1", "ids": {"x":[1]}, "keys":[<{"a":[1,2]}><3><"]"> , "branch":"b" }"#;
        for size in 1..=document.len() {
            let (pieces, summary) = pieces(document, size);
            assert_eq!(pieces, joined, "in pieces of {size}");
            assert_eq!((summary.list.as_deref(), summary.items), (Some(&b"keys"[..]), 3));
        }
    }

    #[test]
    fn an_outermost_array_is_a_list_too() {
        let (pieces, summary) = pieces(" [1,[2],{}] ", 1);
        assert_eq!(pieces, " [<1><[2]><{}> ");
        assert_eq!((summary.list.as_deref(), summary.items), (Some(&b""[..]), 3));
    }

    #[test]
    fn the_first_array_is_the_list_unless_it_is_errors() {
        let summary = summary(r#"{"errors":["no"],"keys":[1,2],"more":[3]}"#);
        assert_eq!((summary.list.as_deref(), summary.items), (Some(&b"keys"[..]), 2));
        assert_eq!(summary.errors, ["no"]);
    }

    #[test]
    fn names_may_be_spelled_with_escapes() {
        let summary = summary(r#"{"\u0065rrors":["no"],"k\u0065y_deleted":false,"k\u0065ys":[1]}"#);
        assert_eq!(summary.list.as_deref(), Some(&b"keys"[..]));
        assert_eq!((&summary.errors[0], &*summary.not_done[0]), (&"no".into(), "`key_deleted` is false"));
    }

    #[test]
    fn an_answer_without_a_list_has_none() {
        assert_eq!(summary(r#"{"process":{"ids":[1]}}"#), BodySummary::default());
        assert_eq!(summary("12"), BodySummary::default());
    }

    #[test]
    fn the_next_cursor_is_found_in_each_of_its_places() {
        let cursor = |document| summary(document).next_cursor;
        assert_eq!(cursor(r#"{"data":[],"next_cursor":"abc==","has_more":true}"#).as_deref(), Some("abc=="));
        assert_eq!(cursor(r#"{"data":[],"meta":{"hasMore":true,"nextCursor":5489104}}"#).as_deref(), Some("5489104"));
        for none in [
            r#"{"data":[],"next_cursor":"","has_more":true}"#,
            r#"{"data":[],"next_cursor":null}"#,
            r#"{"data":[],"next_cursor":"abc","has_more":false}"#,
            r#"{"data":[],"meta":{"hasMore":false,"nextCursor":5}}"#,
            r#"{"data":[{"next_cursor":"inside"}],"meta":[]}"#,
        ] {
            assert_eq!(cursor(none), None, "{none}");
        }
    }

    #[test]
    fn errors_of_a_bulk_request_are_kept() {
        assert_eq!(summary(r#"{"keys":[],"errors":[{"message":"taken"}]}"#).errors.len(), 1);
        assert_eq!(summary(r#"{"keys":[],"errors":[]}"#).errors.len(), 0);
        assert_eq!(summary(r#"{"errors":{"1":"no"}}"#).errors.len(), 1);
        assert_eq!(summary(r#"{"error":{"message":"no"}}"#).error.unwrap()["message"], "no");
        assert_eq!(summary(r#"{"keys":[{"errors":["inside"]}]}"#).errors.len(), 0);
    }

    #[test]
    fn what_was_not_done_is_found_at_the_top_alone() {
        let not_done = |document: &str| {
            let found = summary(document).not_done;
            let of_value = BodySummary::of(&serde_json::from_str(document).unwrap()).not_done;
            assert_eq!(found, of_value, "{document}");
            found
        };
        assert_eq!(
            not_done(r#"{"project_id":"1","keys_removed":false, "keys_locked": 3 }"#),
            ["`keys_removed` is false", "`keys_locked` is 3"]
        );
        assert_eq!(not_done(r#"{"branch":{"branch_id":1},"branch_merged":false}"#), ["`branch_merged` is false"]);
        assert_eq!(not_done(r#"{"keys":[{"key_id":1}],"gadget_deleted" :false}"#), ["`gadget_deleted` is false"]);
        for nothing in [
            r#"{"key_removed":true,"keys_locked":0}"#,
            r#"{"key_removed":"false","keys_locked":"1"}"#,
            r#"{"key_removed":null,"keys_locked":-1}"#,
            r#"{"key":{"key_removed":false},"list":[{"file_deleted":false}]}"#,
            r#"{"removed_keys":false,"is_deleted_soon":false,"deleted":false}"#,
            r#"{"key_removed":{"false":false},"file_deleted":[false]}"#,
            r#"["key_removed",false]"#,
        ] {
            assert_eq!(not_done(nothing), [""; 0], "{nothing}");
        }
        let long = format!(r#"{{"keys_locked":1{}}}"#, "0".repeat(300));
        assert_eq!(summary(&long).not_done.len(), 1);
    }

    #[test]
    fn a_byte_order_mark_is_not_part_of_the_document() {
        for size in 1..9 {
            let (joined, summary) = pieces("\u{feff}{\"keys\":[1]}", size);
            assert_eq!((joined.as_str(), summary.items), ("{\"keys\":[<1>}", 1), "in pieces of {size}");
        }
    }

    #[test]
    fn a_wanted_list_is_the_only_one() {
        let mut page = ListReader::new(Some(b"keys".to_vec()));
        page.push(br#"{"data":[1],"keys":[2,3]}"#, |_| {}).unwrap();
        assert_eq!(page.finish().unwrap().items, 2);
        let mut page = ListReader::new(Some(b"keys".to_vec()));
        page.push(br#"{"data":[1]}"#, |_| {}).unwrap();
        assert_eq!(page.finish().unwrap().list, None);
    }

    #[test]
    fn an_answer_that_is_cut_short_is_an_error() {
        let mut page = ListReader::new(None);
        page.push(br#"{"keys":[1,2]"#, |_| {}).unwrap();
        assert_eq!(page.finish(), Err(Malformed::CutShort));
    }
}
