//! Values as JSON on one line, as jq prints it.

use super::Value;
use super::decimal::number_text;

/// Values that nest deeper are left out, as in jq.
const MAX_DEPTH: usize = 256;

/// Appends a value as compact JSON.
pub fn compact(value: &Value, json: &mut Vec<u8>) {
    write(value, 0, json);
}

fn write(value: &Value, depth: usize, json: &mut Vec<u8>) {
    if depth > MAX_DEPTH {
        json.extend_from_slice(b"<skipped: too deep>");
        return;
    }
    match value {
        Value::Null => json.extend_from_slice(b"null"),
        Value::Bool(true) => json.extend_from_slice(b"true"),
        Value::Bool(false) => json.extend_from_slice(b"false"),
        Value::Number(number) => json.extend_from_slice(number_text(*number).as_bytes()),
        Value::Decimal(decimal) => json.extend_from_slice(decimal.text.as_bytes()),
        Value::String(text) => string(text, json),
        Value::Array(items) => {
            json.push(b'[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    json.push(b',');
                }
                write(item, depth + 1, json);
            }
            json.push(b']');
        }
        Value::Object(members) => {
            json.push(b'{');
            for (at, (key, member)) in members.iter().enumerate() {
                if at > 0 {
                    json.push(b',');
                }
                string(key, json);
                json.push(b':');
                write(member, depth + 1, json);
            }
            json.push(b'}');
        }
    }
}

/// Appends a string in quotes.
pub fn string(text: &str, json: &mut Vec<u8>) {
    json.push(b'"');
    let mut rest = text.as_bytes();
    while let Some(at) = rest.iter().position(|byte| matches!(byte, 0..=0x1f | b'"' | b'\\' | 0x7f)) {
        json.extend_from_slice(&rest[..at]);
        match rest[at] {
            b'"' => json.extend_from_slice(b"\\\""),
            b'\\' => json.extend_from_slice(b"\\\\"),
            b'\n' => json.extend_from_slice(b"\\n"),
            b'\t' => json.extend_from_slice(b"\\t"),
            b'\r' => json.extend_from_slice(b"\\r"),
            0x08 => json.extend_from_slice(b"\\b"),
            0x0c => json.extend_from_slice(b"\\f"),
            control => json.extend_from_slice(format!("\\u{control:04x}").as_bytes()),
        }
        rest = &rest[at + 1..];
    }
    json.extend_from_slice(rest);
    json.push(b'"');
}
