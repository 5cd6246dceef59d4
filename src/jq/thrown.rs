//! Error messages in jq's words: filters can catch and print them.

use super::value::Value;

/// How many bytes of a value an error shows.
pub const SHORT: usize = 14;
pub const LONG: usize = 29;

pub fn error(message: impl Into<String>) -> Value {
    Value::string(message.into())
}

/// The first bytes of a value as JSON.
pub fn shown(value: &Value, most: usize) -> String {
    let json = value.to_json();
    if json.len() <= most {
        return json;
    }
    let end = (0..=most - 3).rev().find(|end| json.is_char_boundary(*end)).unwrap_or(0);
    format!("{}...", &json[..end])
}

/// A value with its kind, as errors name it.
pub fn described(value: &Value) -> String {
    format!("{} ({})", value.kind(), shown(value, SHORT))
}

pub fn cannot_iterate(value: &Value) -> Value {
    error(format!("Cannot iterate over {}", described(value)))
}
