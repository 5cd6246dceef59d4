//! `--batch KEY:N`: a body with a long array becomes bodies with short ones, and their
//! answers become one. The items keep their bytes.

use serde_json::{Map, Value};

use crate::error::{Error, Result};
use crate::json::list::{BodyPiece, ListReader, errors_of};
use crate::json::scan::{Event, Scanner, unescaped};

/// Numbers in an answer that count items, and are added up. All other numbers are ids.
const COUNTS: [&str; 5] = ["count", "created", "deleted", "keys_locked", "updated"];

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
        count += usize::from(is_member && unescaped(scanner.key()) == name.as_bytes());
    }
    count
}

/// Merges the next answer into those before it: arrays are appended, counts are added up, a member that is false once
/// stays false, and every other member has its value from the last answer.
pub fn merge(whole: &mut Value, answer: Value) {
    match (whole, answer) {
        (Value::Array(whole), Value::Array(answer)) => whole.extend(answer),
        (Value::Object(whole), Value::Object(answer)) => merge_members(whole, answer),
        (Value::Bool(whole), Value::Bool(answer)) => *whole &= answer,
        (_, Value::Null) => {}
        (whole, answer) => *whole = answer,
    }
}

fn merge_members(whole: &mut Map<String, Value>, answer: Map<String, Value>) {
    for (name, value) in answer {
        let Some(before) = whole.get_mut(&name) else {
            whole.insert(name, value);
            continue;
        };
        // PHP writes a list with gaps as an object, and an empty list in several ways.
        if name == "errors" && !(before.is_array() && value.is_array()) {
            let mut errors = errors_of(before.take());
            errors.extend(errors_of(value));
            *before = Value::Array(errors);
            continue;
        }
        match (before.as_u64(), value.as_u64()) {
            (Some(one), Some(other)) if COUNTS.contains(&name.as_str()) => *before = one.saturating_add(other).into(),
            _ => merge(before, value),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

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

    #[test]
    fn answers_become_one() {
        let mut whole =
            json!({"project_id":"1","keys":[1],"errors":[],"keys_removed":true,"keys_locked":1,"user_id":7});
        merge(
            &mut whole,
            json!({"project_id":"1","keys":[2,3],"errors":["no"],"keys_removed":false,"keys_locked":2,"user_id":7}),
        );
        assert_eq!(
            whole,
            json!({"project_id":"1","keys":[1,2,3],"errors":["no"],"keys_removed":false,"keys_locked":3,"user_id":7})
        );
        let mut nested = json!({"data":{"deleted":{"count":2,"ids":[1,2]}}});
        merge(&mut nested, json!({"data":{"deleted":{"count":1,"ids":[3]}},"more":null}));
        assert_eq!(nested, json!({"data":{"deleted":{"count":3,"ids":[1,2,3]}},"more":null}));
    }
}
