//! `--batch KEY:N`: a body with a long array becomes bodies with short ones. The items keep their bytes.

use crate::error::{Error, Result};
use crate::json::list::{BodyPiece, ListReader};
use crate::json::scan::{Event, Scanner};

/// What to cut a body into.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    pub key: String,
    pub size: usize,
}

impl Batch {
    /// Reads `KEY:N`.
    ///
    /// # Errors
    /// Usage, if it is not of that form.
    pub fn parse(text: &str) -> Result<Self> {
        let malformed = || Error::usage("--batch takes the key of an array and a number, such as `keys:500`");
        let (key, size) = text.rsplit_once(':').ok_or_else(malformed)?;
        let size = size.parse().ok().filter(|size| *size > 0).ok_or_else(malformed)?;
        if key.is_empty() {
            return Err(malformed());
        }
        Ok(Self { key: key.to_owned(), size })
    }

    /// Cuts a body into bodies whose array has at most `size` items.
    ///
    /// # Errors
    /// Usage, if the body has no array under the key.
    pub fn cut(&self, body: &[u8]) -> Result<Vec<Vec<u8>>> {
        let (mut before, mut items, mut after) = (Vec::new(), Vec::<Vec<u8>>::new(), Vec::new());
        let mut page = ListReader::new(Some(self.key.clone().into_bytes()));
        let read = page.push(body, |piece| match piece {
            BodyPiece::Before(bytes) => before.extend_from_slice(bytes),
            BodyPiece::ItemBegins => items.push(Vec::new()),
            BodyPiece::Item(bytes) => items.last_mut().expect("an item has begun").extend_from_slice(bytes),
            BodyPiece::ItemEnds => {}
            BodyPiece::After(bytes) => after.extend_from_slice(bytes),
        });
        let summary = read
            .and_then(|()| page.finish())
            .map_err(|malformed| Error::usage("--batch needs a body of JSON").because(malformed))?;
        if summary.list.is_none() {
            return Err(Error::usage(format!("the body has no array `{}` for --batch to cut", self.key)));
        }
        if occurrences(body, &self.key) > 1 {
            return Err(Error::usage(format!("the body has `{}` more than once", self.key)));
        }
        if items.is_empty() {
            return Ok(vec![body.to_vec()]);
        }
        let cut = |items: &[Vec<u8>]| [&before[..], &items.join(&b','), b"]", &after].concat();
        Ok(items.chunks(self.size).map(cut).collect())
    }
}

/// How many top-level members of a JSON object have this name.
fn occurrences(mut body: &[u8], name: &str) -> usize {
    let mut scanner = Scanner::new(1);
    let mut count = 0;
    while let Ok((read, Some(event))) = scanner.next(body) {
        body = &body[read..];
        let is_member = scanner.depth() == 1 && matches!(event, Event::Begin(_));
        count += usize::from(is_member && scanner.key() == name.as_bytes());
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(batch: &str, body: &str) -> Vec<String> {
        let bodies = Batch::parse(batch).unwrap().cut(body.as_bytes()).unwrap();
        bodies.into_iter().map(|body| String::from_utf8(body).unwrap()).collect()
    }

    #[test]
    fn a_long_array_is_cut_and_its_items_keep_their_bytes() {
        assert_eq!(
            cut("keys:2", r#"{"use_automations":true, "keys":[{"a": 1.10}, "é\u00e9",[2]] ,"x":{"keys":[1]}}"#),
            [
                r#"{"use_automations":true, "keys":[{"a": 1.10},"é\u00e9"] ,"x":{"keys":[1]}}"#,
                r#"{"use_automations":true, "keys":[[2]] ,"x":{"keys":[1]}}"#,
            ]
        );
        assert_eq!(cut("keys:500", r#"{"keys":[1,2]}"#), [r#"{"keys":[1,2]}"#]);
        assert_eq!(cut("keys:1", r#"{"keys":[]}"#), [r#"{"keys":[]}"#]);
        assert_eq!(cut("keys:2", r#"{"other":[9],"keys":[1,2,3,4,5]}"#).len(), 3);
    }

    #[test]
    fn a_body_without_the_array_is_refused() {
        let refusal = |body: &str| Batch::parse("keys:2").unwrap().cut(body.as_bytes()).unwrap_err().to_string();
        assert_eq!(refusal(r#"{"terms":[1]}"#), "the body has no array `keys` for --batch to cut");
        assert_eq!(refusal(r#"{"keys":{"a":1}}"#), "the body has no array `keys` for --batch to cut");
        assert_eq!(refusal("[1,2]"), "the body has no array `keys` for --batch to cut");
        assert_eq!(refusal("{\"keys\":[1"), "--batch needs a body of JSON: it ends in the middle of a JSON document");
    }

    #[test]
    fn a_body_with_the_key_twice_is_refused() {
        let refusal = |body: &str| Batch::parse("keys:1").unwrap().cut(body.as_bytes()).unwrap_err().message;
        for body in [r#"{"keys":[1],"keys":[2]}"#, r#"{"keys":[1],"k\u0065ys":3}"#, r#"{"k\u0065ys":3,"keys":[]}"#] {
            assert_eq!(refusal(body), "the body has `keys` more than once", "{body}");
        }
        assert_eq!(cut("keys:1", r#"{"keys":[1],"x":{"keys":[2]}}"#).len(), 1);
    }

    #[test]
    fn a_batch_is_a_key_and_a_number() {
        assert_eq!(Batch::parse("a:b:5").unwrap(), Batch { key: "a:b".into(), size: 5 });
        for text in ["", "keys", "keys:", ":5", "keys:0", "keys:-1", "keys:x", "5:keys"] {
            assert!(Batch::parse(text).is_err(), "{text}");
        }
    }
}
