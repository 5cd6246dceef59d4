//! One JSON answer while it comes in: which bytes belong to the items of its list, which
//! stand around it, and what it says about errors and about the page after it.

use serde::Deserialize;
use serde_json::Value;

use super::scan::{Event, Malformed, Scanner, Shape};

/// The members whose values are kept, beside the list.
const KEPT_MEMBERS: [&[u8]; 5] = [b"error", b"errors", b"has_more", b"meta", b"next_cursor"];

/// How much of them is kept. More is no answer of Lokalise's.
pub(super) const MAX_KEPT_BYTES: usize = 1024 * 1024;

/// Part of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyPiece<'a> {
    /// Bytes up to the list's `[`, which is among them; all bytes of an answer without a list.
    Before(&'a [u8]),
    ItemBegins,
    Item(&'a [u8]),
    ItemEnds,
    /// Bytes behind the list's `]`.
    After(&'a [u8]),
}

/// An answer on its way in.
pub struct ListReader {
    scanner: Scanner,
    place: ListPosition,
    /// The key of the list: the one that is wanted, or the one that was found. Empty for an outermost array.
    list: Option<Vec<u8>>,
    items: u64,
    kept: KeptMembers,
}

/// Where the next byte stands. The number is the depth of the list.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ListPosition {
    Before,
    Between(usize),
    InItem(usize),
    After,
}

/// What an answer was found to be.
#[derive(Debug, Default, PartialEq)]
pub struct BodySummary {
    /// The key of its list, empty for an outermost array; nothing if it has no list.
    pub list: Option<Vec<u8>>,
    pub items: u64,
    /// The cursor of the next page, from `next_cursor` or `meta.nextCursor`. Empty is as good as none.
    pub next_cursor: Option<String>,
    /// The top-level `error`.
    pub error: Option<Value>,
    /// What was refused of a bulk request.
    pub errors: Vec<Value>,
    /// So much was refused that it was not kept.
    pub more_errors: bool,
}

impl BodySummary {
    /// What a document that is at hand says of errors and of the page after it.
    pub fn of(document: &Value) -> Self {
        // An array would be read as the members in their order.
        let members = document.is_object().then(|| SummaryMembers::deserialize(document));
        members.and_then(Result::ok).map(SummaryMembers::summary).unwrap_or_default()
    }
}

impl ListReader {
    /// A page whose list is the first array that is not `errors`, or the array under `list` alone.
    pub fn new(list: Option<Vec<u8>>) -> Self {
        Self { scanner: Scanner::new(1), place: ListPosition::Before, list, items: 0, kept: KeptMembers::default() }
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
            self.kept.take(span);
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

    fn begins(&mut self, shape: Shape, take: &mut impl FnMut(BodyPiece)) {
        let depth = self.scanner.depth();
        let place = self.place;
        match place {
            ListPosition::Between(list) => {
                self.place = ListPosition::InItem(list);
                self.items += 1;
                take(BodyPiece::ItemBegins);
            }
            ListPosition::Before if shape == Shape::Array && self.is_the_list(depth) => {
                // The bracket and what stands between items is written anew; it is not handed on.
                take(BodyPiece::Before(b"["));
                self.place = ListPosition::Between(depth);
                self.scanner.watch(depth + 1);
            }
            ListPosition::Before | ListPosition::After if depth == 1 && KEPT_MEMBERS.contains(&self.scanner.key()) => {
                self.kept.begin(self.scanner.key());
            }
            _ => {}
        }
    }

    fn is_the_list(&mut self, depth: usize) -> bool {
        let key = if depth == 0 { &b""[..] } else { self.scanner.key() };
        if key == b"errors" {
            return false;
        }
        if let Some(wanted) = &self.list {
            return wanted == key;
        }
        self.list = Some(key.to_owned());
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
            _ if depth == 1 => self.kept.end(),
            _ => {}
        }
    }

    /// To be called when the answer is over.
    ///
    /// # Errors
    /// [`Malformed`], if its document is not.
    pub fn finish(mut self) -> Result<BodySummary, Malformed> {
        self.scanner.finish()?;
        let list = self.list.take().filter(|_| self.place != ListPosition::Before);
        Ok(BodySummary { list, items: self.items, ..self.kept.summary()? })
    }
}

/// Outermost members that are kept while the rest goes by: one JSON object, its closing brace still missing.
#[derive(Default)]
pub(super) struct KeptMembers {
    json: Vec<u8>,
    open: bool,
    /// Where the last member begins, and what it is.
    last: (usize, Member),
    long_error: bool,
    more_errors: bool,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Member {
    Error,
    Errors,
    #[default]
    Other,
}

impl KeptMembers {
    /// From here on the value of `key` comes in.
    pub(super) fn begin(&mut self, key: &[u8]) {
        if self.json.len() > MAX_KEPT_BYTES {
            return;
        }
        let member = match key {
            b"error" => Member::Error,
            b"errors" => Member::Errors,
            _ => Member::Other,
        };
        self.last = (self.json.len(), member);
        self.json.push(if self.json.is_empty() { b'{' } else { b',' });
        self.json.push(b'"');
        self.json.extend_from_slice(key);
        self.json.extend_from_slice(b"\":");
        self.open = true;
    }

    /// Takes the next bytes, if they are of such a value.
    pub(super) fn take(&mut self, bytes: &[u8]) {
        if self.open && self.json.len() <= MAX_KEPT_BYTES {
            self.json.extend_from_slice(bytes);
            if self.json.len() > MAX_KEPT_BYTES && self.last.1 != Member::Other {
                // That there is an error is known by now, whatever it says.
                self.json.truncate(self.last.0);
                self.open = false;
                self.long_error |= self.last.1 == Member::Error;
                self.more_errors |= self.last.1 == Member::Errors;
            }
        }
    }

    /// Whether such a value is coming in.
    pub(super) fn is_open(&self) -> bool {
        self.open
    }

    /// The value is over.
    pub(super) fn end(&mut self) {
        self.open = false;
    }

    /// What the members say.
    ///
    /// # Errors
    /// [`Malformed`], if that is more than is kept, or is said twice.
    pub(super) fn summary(&self) -> Result<BodySummary, Malformed> {
        if self.json.len() > MAX_KEPT_BYTES {
            return Err(Malformed::TooLong);
        }
        let whole = if self.json.is_empty() { b"{}".to_vec() } else { [&self.json[..], b"}"].concat() };
        let members: SummaryMembers = serde_json::from_slice(&whole).map_err(|_| Malformed::Ambiguous)?;
        let mut summary = members.summary();
        summary.more_errors = self.more_errors;
        if self.long_error {
            summary.error = Some("an error of more than 1 MiB".into());
        }
        Ok(summary)
    }
}

/// The noted members.
#[derive(Default, Deserialize)]
#[serde(default)]
struct SummaryMembers {
    error: Option<Value>,
    errors: Value,
    has_more: Value,
    next_cursor: Value,
    meta: Value,
}

impl SummaryMembers {
    fn summary(self) -> BodySummary {
        // The audit log has its cursor beside the list, the glossary in `meta`.
        let member = |name| self.meta.get(name).unwrap_or(&Value::Null);
        let over = self.has_more == Value::Bool(false) || *member("hasMore") == Value::Bool(false);
        let next_cursor = [&self.next_cursor, member("nextCursor")].into_iter().find_map(|cursor| match cursor {
            Value::String(text) if !text.is_empty() => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        });
        let errors = errors_of(self.errors);
        let error = self.error.filter(|error| !says_nothing(error));
        BodySummary { next_cursor: next_cursor.filter(|_| !over), error, errors, ..BodySummary::default() }
    }
}

/// The items of an `errors`. PHP writes a list with gaps as an object.
pub fn errors_of(errors: Value) -> Vec<Value> {
    match errors {
        Value::Array(errors) => errors,
        Value::Object(errors) => errors.into_iter().map(|(_, error)| error).collect(),
        Value::String(error) if !error.is_empty() => vec![Value::String(error)],
        _ => Vec::new(),
    }
}

/// PHP has many words for nothing.
fn says_nothing(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Bool(true) => false,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The pieces of a document that comes in bytes of `size`, joined where they are of a kind.
    fn pieces(document: &str, size: usize) -> (String, BodySummary) {
        let mut page = ListReader::new(None);
        let mut told = String::new();
        for bytes in document.as_bytes().chunks(size) {
            page.push(bytes, |piece| match piece {
                BodyPiece::Before(bytes) | BodyPiece::Item(bytes) | BodyPiece::After(bytes) => {
                    told.push_str(std::str::from_utf8(bytes).unwrap());
                }
                BodyPiece::ItemBegins => told.push('<'),
                BodyPiece::ItemEnds => told.push('>'),
            })
            .unwrap();
        }
        (told, page.finish().unwrap())
    }

    fn summary(document: &str) -> BodySummary {
        pieces(document, 7).1
    }

    #[test]
    fn the_items_of_the_list_are_told_from_what_stands_around_it() {
        let document = r#"{"project_id": "1", "ids": {"x":[1]}, "keys":[ {"a":[1,2]} , 3,"]" ] , "branch":"b" }"#;
        let told = r#"{"project_id": "1", "ids": {"x":[1]}, "keys":[<{"a":[1,2]}><3><"]"> , "branch":"b" }"#;
        for size in 1..=document.len() {
            let (pieces, summary) = pieces(document, size);
            assert_eq!(pieces, told, "in pieces of {size}");
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
    fn an_answer_without_a_list_has_none() {
        assert_eq!(summary(r#"{"process":{"ids":[1]}}"#), BodySummary::default());
        assert_eq!(summary("12"), BodySummary::default());
    }

    #[test]
    fn the_next_cursor_is_found_where_it_may_stand() {
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
    fn a_wanted_list_is_the_only_one() {
        let mut page = ListReader::new(Some(b"keys".to_vec()));
        page.push(br#"{"data":[1],"keys":[2,3]}"#, |_| {}).unwrap();
        assert_eq!(page.finish().unwrap().items, 2);
        let mut page = ListReader::new(Some(b"keys".to_vec()));
        page.push(br#"{"data":[1]}"#, |_| {}).unwrap();
        assert_eq!(page.finish().unwrap().list, None);
    }

    #[test]
    fn members_without_end_are_not_all_kept() {
        let mut page = ListReader::new(None);
        page.push(b"{\"a\":1", |_| {}).unwrap();
        for _ in 0..200_000 {
            page.push(br#","meta":"12345""#, |_| {}).unwrap();
        }
        assert!(page.kept.json.len() < MAX_KEPT_BYTES + 100, "{}", page.kept.json.len());
    }

    #[test]
    fn an_answer_that_is_cut_short_is_no_answer() {
        let mut page = ListReader::new(None);
        page.push(br#"{"keys":[1,2]"#, |_| {}).unwrap();
        assert_eq!(page.finish(), Err(Malformed::CutShort));
    }
}
