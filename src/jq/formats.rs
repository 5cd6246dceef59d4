//! `@csv`, `@json` and the other formats.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::thrown::{described, error};
use super::value::{Fails, JqString, Value, decimal, write};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Text,
    Json,
    Csv,
    Tsv,
    Html,
    Uri,
    Shell,
    Base64,
    Base64Decoded,
    Base32,
    Base32Decoded,
}

impl Format {
    pub fn by_name(name: &str) -> Option<Self> {
        Some(match name {
            "text" => Self::Text,
            "json" => Self::Json,
            "csv" => Self::Csv,
            "tsv" => Self::Tsv,
            "html" => Self::Html,
            "uri" => Self::Uri,
            "sh" => Self::Shell,
            "base64" => Self::Base64,
            "base64d" => Self::Base64Decoded,
            "base32" => Self::Base32,
            "base32d" => Self::Base32Decoded,
            _ => return None,
        })
    }

    /// Writes a value in this format.
    ///
    /// # Errors
    /// A value that the format cannot hold.
    pub fn apply(self, value: &Value) -> Fails<JqString> {
        Ok(match self {
            Self::Text => value.to_text(),
            Self::Json => value.to_json().into(),
            Self::Csv => row(value, "csv", ",", csv_field)?,
            Self::Tsv => row(value, "tsv", "\t", tsv_field)?,
            Self::Html => html(&value.to_text()).into(),
            Self::Uri => uri(&value.to_text()).into(),
            Self::Shell => shell(value)?,
            Self::Base64 => STANDARD.encode(value.to_text().as_bytes()).into(),
            Self::Base64Decoded => base64_decoded(&value.to_text())?,
            Self::Base32 => base32(value.to_text().as_bytes()).into(),
            Self::Base32Decoded => base32_decoded(&value.to_text())?,
        })
    }
}

fn row(value: &Value, name: &str, separator: &str, field: fn(&str, &mut String)) -> Fails<JqString> {
    let Value::Array(items) = value else {
        return Err(error(format!("{} cannot be {name}-formatted, only array", described(value))));
    };
    let mut line = String::new();
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            line.push_str(separator);
        }
        match item {
            Value::Null => {}
            Value::String(text) => field(text, &mut line),
            Value::Bool(_) | Value::Decimal(_) => line.push_str(&item.to_json()),
            Value::Number(number) if number.is_nan() => {}
            Value::Number(number) => line.push_str(&decimal::number_text(*number)),
            _ => return Err(error(format!("{} is not valid in a csv row", described(item)))),
        }
    }
    Ok(line.into())
}

fn csv_field(text: &str, line: &mut String) {
    line.push('"');
    for (at, part) in text.split('"').enumerate() {
        if at > 0 {
            line.push_str("\"\"");
        }
        line.push_str(part);
    }
    line.push('"');
}

fn tsv_field(text: &str, line: &mut String) {
    for c in text.chars() {
        match c {
            '\t' => line.push_str("\\t"),
            '\n' => line.push_str("\\n"),
            '\r' => line.push_str("\\r"),
            '\\' => line.push_str("\\\\"),
            c => line.push(c),
        }
    }
}

fn html(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '&' => html.push_str("&amp;"),
            '\'' => html.push_str("&apos;"),
            '"' => html.push_str("&quot;"),
            c => html.push(c),
        }
    }
    html
}

fn uri(text: &str) -> String {
    let mut uri = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => uri.push(char::from(byte)),
            other => {
                let _ = write!(uri, "%{other:02X}");
            }
        }
    }
    uri
}

fn shell(value: &Value) -> Fails<JqString> {
    let quoted = |value: &Value| match value {
        Value::Array(_) | Value::Object(_) => Err(error(format!("{} can not be escaped for shell", described(value)))),
        Value::String(text) => Ok(format!("'{}'", text.replace('\'', "'\\''"))),
        other => Ok(other.to_json()),
    };
    match value {
        Value::Array(items) => Ok(items.iter().map(quoted).collect::<Fails<Vec<_>>>()?.join(" ").into()),
        other => quoted(other).map(JqString::from),
    }
}

/// Reads on to the first `=`, as jq does, with or without padding. What is not UTF-8 becomes U+FFFD.
fn base64_decoded(text: &str) -> Fails<JqString> {
    let fails = |why: &str| error(format!("{} {why}", described(&Value::string(text))));
    let digit = |byte: u8| match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    };
    let digits = text.bytes().take_while(|byte| *byte != b'=').map(digit).collect::<Option<Vec<u8>>>();
    let digits = digits.ok_or_else(|| fails("is not valid base64 data"))?;
    if digits.len() % 4 == 1 {
        return Err(fails("trailing base64 byte found"));
    }
    Ok(decoded(&digits, 6))
}

const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

fn base32(bytes: &[u8]) -> String {
    let mut text = String::new();
    for chunk in bytes.chunks(5) {
        let mut group = [0_u8; 8];
        group[3..3 + chunk.len()].copy_from_slice(chunk);
        let group = u64::from_be_bytes(group);
        let digits = (chunk.len() * 8).div_ceil(5);
        for at in 0..8 {
            let digit = BASE32[(group >> (35 - 5 * at) & 31) as usize];
            text.push(if at < digits { char::from(digit) } else { '=' });
        }
    }
    text
}

fn base32_decoded(text: &str) -> Fails<JqString> {
    let digit = |byte: u8| BASE32.iter().position(|digit| *digit == byte).and_then(|at| u8::try_from(at).ok());
    let digits = text.trim_end_matches('=').bytes().map(digit).collect::<Option<Vec<u8>>>();
    let digits =
        digits.ok_or_else(|| error(format!("{} is not valid base32 data", described(&Value::string(text)))))?;
    Ok(decoded(&digits, 5))
}

/// Bytes out of digits of `width` bits.
fn decoded(digits: &[u8], width: u32) -> JqString {
    let mut bytes = Vec::with_capacity(digits.len());
    let (mut bits, mut held) = (0_u32, 0_u32);
    for digit in digits {
        held = held << width | u32::from(*digit);
        bits += width;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from(held >> bits & 255).unwrap_or_default());
            held &= (1 << bits) - 1;
        }
    }
    super::read::to_text(bytes).into()
}

/// A message for stderr: a string as it is, anything else as JSON.
pub fn message(value: &Value) -> String {
    let mut json = Vec::new();
    match value {
        Value::String(text) => return text.to_string(),
        other => write::compact(other, &mut json),
    }
    String::from_utf8_lossy(&json).into_owned()
}
