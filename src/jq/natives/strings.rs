//! Filters on strings.

// All of these filters have one signature, whether they fail or keep their input or not.
#![allow(clippy::needless_pass_by_value, clippy::unnecessary_wraps)]

use std::rc::Rc;

use super::super::arithmetic;
use super::super::host::Surroundings;
use super::super::regex::{Found, Span};
use super::super::thrown::{described, error};
use super::super::value::{JqObject, JqString, Value};
use super::{Fails, Native};

pub fn find(name: &str, arity: usize) -> Option<Native> {
    Some(match (name, arity) {
        ("startswith", 1) => starts_with as Native,
        ("endswith", 1) => ends_with,
        ("ltrimstr", 1) => trim_prefix,
        ("rtrimstr", 1) => trim_suffix,
        ("trim", 0) => trim,
        ("ltrim", 0) => trim_start,
        ("rtrim", 0) => trim_end,
        ("ascii_downcase", 0) => downcase,
        ("ascii_upcase", 0) => upcase,
        ("explode", 0) => explode,
        ("implode", 0) => implode,
        ("split", 1) => split,
        ("__split", 2) => split_by_regex,
        ("__match", 3) => matches,
        ("__capture", 0) => capture,
        _ => return None,
    })
}

pub fn byte_length(_: &Surroundings<'_>, input: Value, _: &[Value]) -> Fails<Value> {
    match input.as_str() {
        Some(text) => Ok(Value::count(text.len())),
        None => Err(error(format!("{} only strings have UTF-8 byte length", described(&input)))),
    }
}

fn starts_with(_: &Surroundings<'_>, input: Value, arguments: &[Value]) -> Fails<Value> {
    match (input.as_str(), arguments[0].as_str()) {
        (Some(text), Some(start)) => Ok(text.starts_with(start).into()),
        _ => Err(error("startswith() requires string inputs")),
    }
}

fn ends_with(_: &Surroundings<'_>, input: Value, arguments: &[Value]) -> Fails<Value> {
    match (input.as_str(), arguments[0].as_str()) {
        (Some(text), Some(end)) => Ok(text.ends_with(end).into()),
        _ => Err(error("endswith() requires string inputs")),
    }
}

fn trim_prefix(_: &Surroundings<'_>, input: Value, arguments: &[Value]) -> Fails<Value> {
    match (&input, arguments[0].as_str()) {
        (Value::String(text), Some(start)) if text.starts_with(start) => {
            Ok(Value::String(text.part(start.len(), text.len())))
        }
        _ => Ok(input),
    }
}

fn trim_suffix(_: &Surroundings<'_>, input: Value, arguments: &[Value]) -> Fails<Value> {
    match (&input, arguments[0].as_str()) {
        (Value::String(text), Some(end)) if text.ends_with(end) => {
            Ok(Value::String(text.part(0, text.len() - end.len())))
        }
        _ => Ok(input),
    }
}

/// The part of a text that `trimmed` leaves of it.
fn trimmed(input: &Value, trimmed: fn(&str) -> &str) -> Fails<Value> {
    let Value::String(text) = input else { return Err(error(format!("{} cannot be trimmed", described(input)))) };
    let rest = trimmed(text);
    let start = rest.as_ptr() as usize - text.as_ptr() as usize;
    Ok(Value::String(text.part(start, start + rest.len())))
}

fn trim(_: &Surroundings<'_>, input: Value, _: &[Value]) -> Fails<Value> {
    trimmed(&input, str::trim)
}

fn trim_start(_: &Surroundings<'_>, input: Value, _: &[Value]) -> Fails<Value> {
    trimmed(&input, str::trim_start)
}

fn trim_end(_: &Surroundings<'_>, input: Value, _: &[Value]) -> Fails<Value> {
    trimmed(&input, str::trim_end)
}

fn downcase(_: &Surroundings<'_>, input: Value, _: &[Value]) -> Fails<Value> {
    let text = input.as_str().ok_or_else(|| error("explode input must be a string"))?;
    Ok(Value::string(text.to_ascii_lowercase()))
}

fn upcase(_: &Surroundings<'_>, input: Value, _: &[Value]) -> Fails<Value> {
    let text = input.as_str().ok_or_else(|| error("explode input must be a string"))?;
    Ok(Value::string(text.to_ascii_uppercase()))
}

fn explode(_: &Surroundings<'_>, input: Value, _: &[Value]) -> Fails<Value> {
    let text = input.as_str().ok_or_else(|| error("explode input must be a string"))?;
    Ok(Value::array(text.chars().map(|c| Value::Number(f64::from(u32::from(c)))).collect()))
}

fn implode(_: &Surroundings<'_>, input: Value, _: &[Value]) -> Fails<Value> {
    let Value::Array(items) = &input else { return Err(error("implode input must be an array")) };
    let mut text = String::new();
    for item in items.iter() {
        let number = item.as_number().filter(|number| !number.is_nan()).ok_or_else(|| {
            error(format!("{} can't be imploded, unicode codepoint needs to be numeric", described(item)))
        })?;
        #[allow(clippy::cast_possible_truncation)] // it saturates, and what is too large is no character
        let code = u32::try_from(number as i64).ok().and_then(char::from_u32);
        text.push(code.unwrap_or(char::REPLACEMENT_CHARACTER));
    }
    Ok(Value::string(text))
}

fn split(_: &Surroundings<'_>, input: Value, arguments: &[Value]) -> Fails<Value> {
    match (&input, arguments[0].as_str()) {
        (Value::String(text), Some(separator)) => Ok(arithmetic::split(text, separator)),
        _ => Err(error("split input and separator must be strings")),
    }
}

/// The expression and flags of `match(re; flags)`, where `re` may be a list of both.
fn pattern_and_flags(pattern: &Value, flags: &Value) -> Fails<(String, String)> {
    let (pattern, flags) = match pattern {
        Value::String(_) => (pattern.clone(), flags.clone()),
        // Without flags of its own, the call may give both in a list.
        Value::Array(both) if matches!(flags, Value::Null) => {
            (both.first().cloned().unwrap_or_default(), both.get(1).cloned().unwrap_or_default())
        }
        other if !matches!(flags, Value::Null) => return Err(not_matched(other)),
        other => return Err(error(format!("{} not a string or array", other.kind()))),
    };
    let Value::String(pattern) = &pattern else {
        return Err(error(format!("{} is not a string", described(&pattern))));
    };
    match &flags {
        Value::Null => Ok((pattern.to_string(), String::new())),
        Value::String(flags) => Ok((pattern.to_string(), flags.to_string())),
        other => Err(error(format!("{} is not a string", described(other)))),
    }
}

fn not_matched(value: &Value) -> Value {
    error(format!("{} cannot be matched, as it is not a string", described(value)))
}

fn matches(surroundings: &Surroundings<'_>, input: Value, arguments: &[Value]) -> Fails<Value> {
    let (pattern, flags) = pattern_and_flags(&arguments[0], &arguments[1])?;
    let Value::String(text) = &input else {
        return Err(not_matched(&input));
    };
    let regex = surroundings.regex(&pattern, &flags)?;
    if arguments[2].is_true() {
        return regex.is_match(text).map(Value::from);
    }
    let found = regex.find(text)?;
    let names = regex.names();
    let mut offsets = Offsets { text, byte: 0, characters: 0 };
    Ok(Value::array(found.iter().map(|found| offsets.found(found, &names)).collect()))
}

fn object(members: Vec<(&str, Value)>) -> Value {
    let members = members.into_iter().map(|(key, value)| (JqString::from(key), value)).collect();
    Value::Object(Rc::new(JqObject::from_members(members)))
}

/// Byte offsets → characters. Matches come in order, so the text is walked once.
struct Offsets<'t> {
    text: &'t JqString,
    byte: usize,
    characters: usize,
}

impl Offsets<'_> {
    fn characters(&mut self, byte: usize) -> usize {
        if byte < self.byte {
            return self.text[..byte].chars().count();
        }
        self.characters += self.text[self.byte..byte].chars().count();
        self.byte = byte;
        self.characters
    }

    fn span(&mut self, span: Span) -> (Value, Value, Value) {
        let offset = Value::count(self.characters(span.start));
        let length = Value::count(self.text[span.start..span.end].chars().count());
        (offset, length, Value::String(self.text.part(span.start, span.end)))
    }

    fn found(&mut self, found: &Found, names: &[Option<String>]) -> Value {
        let (offset, length, string) = self.span(found.whole);
        let is_empty = found.whole.start == found.whole.end;
        let groups = found.groups.iter().zip(names).map(|(group, name)| {
            let name = name.as_deref().map_or(Value::Null, Value::string);
            match group {
                // jq looks at no group of an empty match.
                _ if is_empty => object(vec![
                    ("offset", offset.clone()),
                    ("string", string.clone()),
                    ("length", Value::Number(0.0)),
                    ("name", name),
                ]),
                Some(span) => {
                    let (offset, length, string) = self.span(*span);
                    object(vec![("offset", offset), ("length", length), ("string", string), ("name", name)])
                }
                None => object(vec![
                    ("offset", Value::Number(-1.0)),
                    ("string", Value::Null),
                    ("length", Value::Number(0.0)),
                    ("name", name),
                ]),
            }
        });
        let captures = Value::array(groups.collect());
        object(vec![("offset", offset), ("length", length), ("string", string), ("captures", captures)])
    }
}

/// The named groups of a match as an object.
fn capture(_: &Surroundings<'_>, input: Value, _: &[Value]) -> Fails<Value> {
    let Value::Object(found) = &input else { return Ok(input) };
    let mut members = Vec::new();
    if let Some(Value::Array(groups)) = found.get("captures") {
        for group in groups.iter() {
            if let Value::Object(group) = group
                && let Some(Value::String(name)) = group.get("name")
            {
                members.push((name.clone(), group.get("string").cloned().unwrap_or_default()));
            }
        }
    }
    Ok(Value::Object(Rc::new(JqObject::from_members(members))))
}

/// The parts between the matches. The matches for several flags follow one another, as if they were of one.
fn split_by_regex(surroundings: &Surroundings<'_>, input: Value, arguments: &[Value]) -> Fails<Value> {
    let mut parts = Vec::new();
    let mut start = 0;
    let Value::Array(all_flags) = &arguments[1] else { return Err(error("flags are an array here")) };
    for flags in all_flags.iter() {
        let flags = arithmetic::add(Value::string("g"), flags.clone())?;
        let (pattern, flags) = pattern_and_flags(&arguments[0], &flags)?;
        let Value::String(text) = &input else { return Err(not_matched(&input)) };
        for found in surroundings.regex(&pattern, &flags)?.find(text)? {
            parts.push(Value::String(text.part(start, found.whole.start.max(start))));
            start = found.whole.end;
        }
    }
    let Value::String(text) = &input else { return Err(not_matched(&input)) };
    parts.push(Value::String(text.part(start, text.len())));
    Ok(Value::array(parts))
}
