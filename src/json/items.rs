//! The items of one top-level list of a document, cut out while the document comes in.

use super::scan::{Event, Malformed, Scanner, Shape};

/// The scanner does not distinguish longer names.
pub const MAX_NAME: usize = 100;

/// Why the items cannot be cut out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SplitError {
    #[error(transparent)]
    Malformed(#[from] Malformed),
    #[error("it has `{0}` twice")]
    Twice(String),
}

/// Items that are complete, as parts of one text.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct ItemBatch {
    pub text: Vec<u8>,
    pub items: Vec<(usize, usize)>,
    /// The value under the name, if it is not a list.
    pub other: Option<(usize, usize)>,
}

/// How a document ended.
#[derive(Debug, PartialEq, Eq)]
pub enum SplitEnd {
    /// Its list was cut up.
    Split,
    /// It is an object without the name.
    Missing,
    /// It is not an object: the document has to be read as a whole.
    Whole(Vec<u8>),
}

/// A document that is being read.
pub struct ItemSplitter {
    scanner: Scanner,
    name: String,
    position: SplitPosition,
    is_found: bool,
    /// A document that is not an object, or what comes before the first byte of one.
    whole: Vec<u8>,
    batch: ItemBatch,
    /// Where the value that is coming in begins.
    open: Option<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SplitPosition {
    Start,
    Members,
    Items,
    /// Inside a value under the name that is not a list.
    Other,
    Whole,
}

impl ItemSplitter {
    /// A splitter for the list under `name`, which is at most [`MAX_NAME`] bytes long and needs no escapes in JSON.
    pub fn new(name: &str) -> Self {
        Self {
            scanner: Scanner::new(1),
            name: name.to_owned(),
            position: SplitPosition::Start,
            is_found: false,
            whole: Vec::new(),
            batch: ItemBatch::default(),
            open: None,
        }
    }

    /// Takes the next bytes.
    ///
    /// # Errors
    /// [`SplitError`]
    pub fn push(&mut self, mut bytes: &[u8]) -> Result<(), SplitError> {
        while !bytes.is_empty() {
            if self.position == SplitPosition::Whole {
                self.whole.extend_from_slice(bytes);
                return Ok(());
            }
            let (read, event) = self.scanner.next(bytes)?;
            let (span, rest) = bytes.split_at(read);
            bytes = rest;
            if self.open.is_some() {
                self.batch.text.extend_from_slice(span);
            }
            if self.position == SplitPosition::Start {
                self.whole.extend_from_slice(span);
            }
            match event {
                Some(Event::Begin(shape)) => self.begin(shape)?,
                Some(Event::End) => self.end(),
                None => {}
            }
        }
        Ok(())
    }

    /// How many bytes wait to be taken, or to become an item.
    pub fn held(&self) -> usize {
        self.batch.text.len() + self.whole.len()
    }

    /// Takes the items that are complete.
    pub fn take(&mut self) -> Option<ItemBatch> {
        if self.batch.items.is_empty() && self.batch.other.is_none() {
            return None;
        }
        let mut next = ItemBatch::default();
        if let Some(open) = &mut self.open {
            next.text = self.batch.text.split_off(*open);
            *open = 0;
        }
        Some(std::mem::replace(&mut self.batch, next))
    }

    /// To be called when the document is over.
    ///
    /// # Errors
    /// [`Malformed::CutShort`]
    pub fn finish(mut self) -> Result<SplitEnd, SplitError> {
        if self.position == SplitPosition::Whole {
            return Ok(SplitEnd::Whole(self.whole));
        }
        self.scanner.finish()?;
        Ok(if self.is_found { SplitEnd::Split } else { SplitEnd::Missing })
    }

    fn begin(&mut self, shape: Shape) -> Result<(), SplitError> {
        match (self.position, self.scanner.depth()) {
            (SplitPosition::Start, _) if shape == Shape::Object => {
                self.position = SplitPosition::Members;
                self.whole.clear();
            }
            (SplitPosition::Start, _) => self.position = SplitPosition::Whole,
            (SplitPosition::Members, 1) => self.begin_member(shape)?,
            (SplitPosition::Items, 2) => self.open = Some(self.batch.text.len()),
            _ => {}
        }
        Ok(())
    }

    fn begin_member(&mut self, shape: Shape) -> Result<(), SplitError> {
        if self.scanner.key() != self.name.as_bytes() {
            return Ok(());
        }
        if self.is_found {
            return Err(SplitError::Twice(self.name.clone()));
        }
        self.is_found = true;
        if shape == Shape::Array {
            self.position = SplitPosition::Items;
            self.scanner.watch(2);
        } else {
            self.position = SplitPosition::Other;
            self.open = Some(self.batch.text.len());
        }
        Ok(())
    }

    fn end(&mut self) {
        let depth = self.scanner.depth();
        let end = self.batch.text.len();
        match (self.position, depth) {
            (SplitPosition::Items, 2) => {
                let start = self.open.take().unwrap_or(end);
                self.batch.items.push((start, end));
            }
            (SplitPosition::Items, 1) => {
                self.position = SplitPosition::Members;
                self.scanner.watch(1);
            }
            (SplitPosition::Other, 1) => {
                self.batch.other = self.open.take().map(|start| (start, end));
                self.position = SplitPosition::Members;
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The items of a document that comes in pieces of `size` bytes, and how it ended.
    fn split(document: &str, size: usize) -> Result<(Vec<String>, SplitEnd), SplitError> {
        let mut splitter = ItemSplitter::new("keys");
        let mut items = Vec::new();
        for bytes in document.as_bytes().chunks(size) {
            splitter.push(bytes)?;
            if let Some(batch) = splitter.take() {
                let text = |(start, end)| String::from_utf8(batch.text[start..end].to_vec()).unwrap();
                items.extend(batch.items.iter().copied().map(text));
                items.extend(batch.other.map(|other| format!("other: {}", text(other))));
            }
        }
        splitter.finish().map(|end| (items, end))
    }

    #[test]
    fn items_are_cut_out_whatever_the_pieces() {
        let document = r#" {"a": {"keys":[9]}, "keys" : [ {"x":[1,"]"]} , 2, "\"," ,[] ,true] , "z": [3] } "#;
        for size in 1..=document.len() {
            let (items, end) = split(document, size).unwrap();
            assert_eq!(items, [r#"{"x":[1,"]"]}"#, "2", r#""\",""#, "[]", "true"], "in pieces of {size}");
            assert_eq!(end, SplitEnd::Split);
        }
    }

    #[test]
    fn what_is_not_a_list_is_recognised() {
        assert_eq!(split(r#"{"keys":{"a":1}}"#, 3).unwrap().0, [r#"other: {"a":1}"#]);
        assert_eq!(split(r#"{"keys":null }"#, 3).unwrap().0, ["other: null"]);
        assert_eq!(split(r#"{"x":[1]}"#, 3).unwrap(), (vec![], SplitEnd::Missing));
        assert_eq!(split(" [1]", 1).unwrap().1, SplitEnd::Whole(b" [1]".to_vec()));
    }

    #[test]
    fn what_is_held_is_what_waits() {
        let mut splitter = ItemSplitter::new("keys");
        splitter.push(br#"{"keys":[12,34"#).unwrap();
        assert_eq!(splitter.held(), 4);
        splitter.take();
        assert_eq!(splitter.held(), 2, "the end of the second number is not known");
        let mut whole = ItemSplitter::new("keys");
        whole.push(b"[1,2").unwrap();
        assert_eq!(whole.held(), 4);
    }

    #[test]
    fn a_name_may_be_spelled_with_escapes() {
        assert_eq!(split(r#"{"k\u0065ys":[1]}"#, 2).unwrap(), (vec!["1".to_owned()], SplitEnd::Split));
    }

    #[test]
    fn a_list_that_comes_twice_or_is_cut_short_is_an_error() {
        assert_eq!(split(r#"{"keys":[1],"keys":[2]}"#, 4).unwrap_err(), SplitError::Twice("keys".into()));
        assert_eq!(split(r#"{"keys":[1],"\u006beys":[2]}"#, 4).unwrap_err(), SplitError::Twice("keys".into()));
        assert_eq!(split(r#"{"keys":[1,"#, 4).unwrap_err(), SplitError::Malformed(Malformed::CutShort));
        assert!(matches!(split(r#"{"keys":[1,}"#, 4).unwrap_err(), SplitError::Malformed(Malformed::At(_))));
    }
}
