//! The answers to the requests of `--batch` as one. Items and numbers keep their bytes.

use indexmap::IndexMap;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::json::lenient;
use crate::json::list::errors_of;

/// Numbers in an answer that count items, and are added up. All other numbers are ids.
const COUNTS: [&str; 5] = ["count", "created", "deleted", "keys_locked", "updated"];

/// The answers so far. An object or an array is taken apart when there is something to merge into it.
#[derive(Debug)]
pub enum MergedAnswers {
    Whole(Box<RawValue>),
    Array(Vec<Box<RawValue>>),
    Object(IndexMap<String, MergedAnswers>),
}

impl MergedAnswers {
    /// Merges the next answer into those before it: arrays are appended, counts are added up, a member that is false
    /// once stays false, null changes nothing, and every other member has its value from the last answer.
    ///
    /// # Errors
    /// If one of them is not JSON.
    pub fn merge(&mut self, answer: Box<RawValue>) -> serde_json::Result<()> {
        self.take_apart()?;
        let text = answer.get();
        match self {
            _ if text == "null" => {}
            Self::Array(whole) if text.starts_with('[') => {
                whole.extend(serde_json::from_str::<Vec<Box<RawValue>>>(text)?);
            }
            Self::Object(whole) if text.starts_with('{') => merge_members(whole, serde_json::from_str(text)?)?,
            Self::Whole(whole) if whole.get() == "false" && text == "true" => {}
            whole => *whole = Self::Whole(answer),
        }
        Ok(())
    }

    fn take_apart(&mut self) -> serde_json::Result<()> {
        let Self::Whole(whole) = self else { return Ok(()) };
        *self = match whole.get().as_bytes() {
            [b'[', ..] => Self::Array(serde_json::from_str(whole.get())?),
            [b'{', ..] => {
                let members: IndexMap<String, Box<RawValue>> = serde_json::from_str(whole.get())?;
                Self::Object(members.into_iter().map(|(name, value)| (name, Self::Whole(value))).collect())
            }
            _ => return Ok(()),
        };
        Ok(())
    }

    /// The one document, on one line if the answers were.
    pub fn into_json(self) -> String {
        let mut json = String::new();
        self.write(&mut json);
        json
    }

    fn write(self, out: &mut String) {
        match self {
            Self::Whole(value) => out.push_str(value.get()),
            Self::Array(items) => {
                let items = items.into_iter().map(|item| (None, Self::Whole(item)));
                write_between(['[', ']'], items, out);
            }
            Self::Object(members) => {
                let members = members.into_iter().map(|(name, value)| (Some(name), value));
                write_between(['{', '}'], members, out);
            }
        }
    }
}

fn write_between(brackets: [char; 2], values: impl Iterator<Item = (Option<String>, MergedAnswers)>, out: &mut String) {
    out.push(brackets[0]);
    for (index, (name, value)) in values.enumerate() {
        if index > 0 {
            out.push(',');
        }
        if let Some(name) = name {
            out.extend([&Value::String(name).to_string(), ":"]);
        }
        value.write(out);
    }
    out.push(brackets[1]);
}

fn merge_members(
    whole: &mut IndexMap<String, MergedAnswers>,
    answer: IndexMap<String, Box<RawValue>>,
) -> serde_json::Result<()> {
    for (name, value) in answer {
        let Some(before) = whole.get_mut(&name) else {
            whole.insert(name, MergedAnswers::Whole(value));
            continue;
        };
        if name == "errors" {
            merge_errors(before, value)?;
        } else if let (true, Some(sum)) = (COUNTS.contains(&name.as_str()), sum(before, &value)) {
            *before = MergedAnswers::Whole(serde_json::value::to_raw_value(&sum)?);
        } else {
            before.merge(value)?;
        }
    }
    Ok(())
}

/// PHP writes a list with gaps as an object, and an empty list in several ways.
fn merge_errors(before: &mut MergedAnswers, value: Box<RawValue>) -> serde_json::Result<()> {
    before.take_apart()?;
    if matches!(before, MergedAnswers::Array(_)) && value.get().starts_with('[') {
        return before.merge(value);
    }
    let before_as_json = std::mem::replace(before, MergedAnswers::Array(Vec::new())).into_json();
    let mut errors = Vec::new();
    for list in [before_as_json.as_str(), value.get()] {
        errors.extend(errors_of(lenient::parse(list.as_bytes())?));
    }
    let errors = errors.iter().map(serde_json::value::to_raw_value).collect::<Result<_, _>>()?;
    *before = MergedAnswers::Array(errors);
    Ok(())
}

/// The sum of two counts, if both are.
fn sum(before: &MergedAnswers, value: &RawValue) -> Option<u64> {
    let MergedAnswers::Whole(before) = before else { return None };
    let [one, other] = [before.get(), value.get()].map(|text| text.parse::<u64>().ok());
    Some(one?.saturating_add(other?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn merged(answers: &[&str]) -> String {
        let mut raw = answers.iter().map(|answer| serde_json::from_str::<Box<RawValue>>(answer).unwrap());
        let mut whole = MergedAnswers::Whole(raw.next().unwrap());
        raw.for_each(|answer| whole.merge(answer).unwrap());
        whole.into_json()
    }

    #[test]
    fn answers_become_one() {
        assert_eq!(
            merged(&[
                r#"{"project_id":"1","keys":[1],"errors":[],"keys_removed":true,"keys_locked":1,"user_id":7}"#,
                r#"{"project_id":"1","keys":[2,3],"errors":["no"],"keys_removed":false,"keys_locked":2,"user_id":7}"#,
                r#"{"keys_removed":true,"keys":[]}"#,
            ]),
            r#"{"project_id":"1","keys":[1,2,3],"errors":["no"],"keys_removed":false,"keys_locked":3,"user_id":7}"#
        );
        assert_eq!(
            merged(&[
                r#"{"data":{"deleted":{"count":2,"ids":[1,2]}}}"#,
                r#"{"data":{"deleted":{"count":1,"ids":[3]}},"more":null}"#,
            ]),
            r#"{"data":{"deleted":{"count":3,"ids":[1,2,3]}},"more":null}"#
        );
        assert_eq!(merged(&["[1]", "[]", "[ 2 ]"]), "[1,2]");
        assert_eq!(merged(&[r#"{"a":[1],"b":"x"}"#, r#"{"a":"now text","b":null}"#]), r#"{"a":"now text","b":"x"}"#);
    }

    #[test]
    fn items_and_numbers_keep_their_bytes() {
        let ids = r#"{"id": 36893488147419103232, "n": 1.10, "t": "\u00e9"}"#;
        assert_eq!(
            merged(&[&format!(r#"{{"keys":[{ids}],"last":1}}"#), r#"{"keys":[1e400],"last":99999999999999999999}"#]),
            format!(r#"{{"keys":[{ids},1e400],"last":99999999999999999999}}"#)
        );
        assert_eq!(merged(&[ids]), ids);
        assert_eq!(merged(&[r#"{"a\"b":{"x":1}}"#, r#"{"a\"b":{"y":2}}"#]), r#"{"a\"b":{"x":1,"y":2}}"#);
    }

    #[test]
    fn errors_of_each_shape_become_one_list() {
        assert_eq!(merged(&[r#"{"errors":{"3":"taken"}}"#, r#"{"errors":["no"]}"#]), r#"{"errors":["taken","no"]}"#);
        assert_eq!(merged(&[r#"{"errors":"one"}"#, r#"{"errors":null}"#]), r#"{"errors":["one"]}"#);
        assert!(merged(&[r#"{"errors":{"1":1e400}}"#, r#"{"errors":["no"]}"#]).ends_with(r#","no"]}"#));
    }

    #[test]
    fn a_count_that_is_no_whole_number_is_the_last_one() {
        assert_eq!(merged(&[r#"{"count":1}"#, r#"{"count":1.5}"#]), r#"{"count":1.5}"#);
        let largest = format!(r#"{{"count":{}}}"#, u64::MAX);
        assert_eq!(merged(&[&largest, r#"{"count":1}"#]), largest);
    }
}
