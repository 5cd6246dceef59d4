//! Filters that are written in Rust. Their arguments are values; every combination of an
//! argument's results is called once.

// All of these filters have one signature, whether they fail or keep their input or not.
#![allow(clippy::needless_pass_by_value, clippy::unnecessary_wraps)]

pub mod collections;
mod math;
mod strings;

use super::dates::BrokenDown;
use super::host::Surroundings;
use super::thrown::{described, error};
pub use super::value::Fails;
use super::value::Value;
use super::{formats, read};

/// The result of a filter, or the value that it throws.
pub type Native = fn(&Surroundings<'_>, Value, &[Value]) -> Fails<Value>;

pub const MAX_ARGUMENTS: usize = 3;

/// The filter of this name and number of arguments.
pub fn find(name: &str, arity: usize) -> Option<Native> {
    let own = match (name, arity) {
        ("not", 0) => not as Native,
        ("length", 0) => length,
        ("utf8bytelength", 0) => strings::byte_length,
        ("type", 0) => kind,
        ("tostring", 0) => tostring,
        ("tojson", 0) => tojson,
        ("fromjson", 0) => fromjson,
        ("tonumber", 0) => tonumber,
        ("error", 0) => throw,
        ("now", 0) => now,
        ("input_filename" | "get_jq_origin" | "get_prog_origin", 0) => null,
        ("debug", 0) => debug,
        ("stderr", 0) => stderr,
        ("gmtime", 0) => gmtime,
        ("mktime", 0) => mktime,
        ("strftime", 1) => strftime,
        ("strptime", 1) => strptime,
        ("format", 1) => format,
        _ => {
            return strings::find(name, arity)
                .or_else(|| collections::find(name, arity))
                .or_else(|| math::find(name, arity));
        }
    };
    Some(own)
}

fn not(_: &Surroundings<'_>, input: Value, _: &[Value]) -> Fails<Value> {
    Ok((!input.is_true()).into())
}

fn null(_: &Surroundings<'_>, _: Value, _: &[Value]) -> Fails<Value> {
    Ok(Value::Null)
}

fn length(_: &Surroundings<'_>, input: Value, _: &[Value]) -> Fails<Value> {
    match &input {
        Value::Null => Ok(Value::Number(0.0)),
        Value::Bool(_) => Err(error(format!("{} has no length", described(&input)))),
        Value::Number(number) => Ok(Value::Number(number.abs())),
        Value::Decimal(decimal) => Ok(Value::Number(decimal.number.abs())),
        Value::String(text) => Ok(Value::count(text.chars().count())),
        Value::Array(items) => Ok(Value::count(items.len())),
        Value::Object(members) => Ok(Value::count(members.len())),
    }
}

fn kind(_: &Surroundings<'_>, input: Value, _: &[Value]) -> Fails<Value> {
    Ok(Value::string(input.kind()))
}

fn tostring(_: &Surroundings<'_>, input: Value, _: &[Value]) -> Fails<Value> {
    Ok(Value::String(input.to_text()))
}

fn tojson(_: &Surroundings<'_>, input: Value, _: &[Value]) -> Fails<Value> {
    Ok(Value::string(input.to_json()))
}

fn fromjson(_: &Surroundings<'_>, input: Value, _: &[Value]) -> Fails<Value> {
    let Value::String(text) = &input else {
        return Err(error(format!("{} only strings can be parsed", described(&input))));
    };
    read::lenient(text).map_err(|why| error(format!("{why} (while parsing '{}')", &**text)))
}

fn tonumber(_: &Surroundings<'_>, input: Value, _: &[Value]) -> Fails<Value> {
    match &input {
        Value::Number(_) | Value::Decimal(_) => Ok(input),
        Value::String(text) => match read::lenient(text) {
            Ok(number) if number.as_number().is_some() => Ok(number),
            _ => Err(error(format!("{} cannot be parsed as a number", described(&input)))),
        },
        other => Err(error(format!("{} cannot be parsed as a number", described(other)))),
    }
}

fn throw(_: &Surroundings<'_>, input: Value, _: &[Value]) -> Fails<Value> {
    Err(input)
}

fn now(surroundings: &Surroundings<'_>, _: Value, _: &[Value]) -> Fails<Value> {
    Ok(Value::Number(surroundings.host.now()))
}

fn debug(surroundings: &Surroundings<'_>, input: Value, _: &[Value]) -> Fails<Value> {
    let message = Value::array(vec![Value::string("DEBUG:"), input.clone()]);
    surroundings.host.message(&message.to_json());
    Ok(input)
}

fn stderr(surroundings: &Surroundings<'_>, input: Value, _: &[Value]) -> Fails<Value> {
    surroundings.host.message(&formats::message(&input));
    Ok(input)
}

fn gmtime(_: &Surroundings<'_>, input: Value, _: &[Value]) -> Fails<Value> {
    let seconds = input.as_number().ok_or_else(|| error("gmtime() requires numeric inputs"))?;
    BrokenDown::from_seconds(seconds).map(BrokenDown::to_value)
}

fn mktime(_: &Surroundings<'_>, input: Value, _: &[Value]) -> Fails<Value> {
    if !matches!(input, Value::Array(_)) {
        return Err(error("mktime requires array inputs"));
    }
    let date = BrokenDown::from_value(&input, "mktime requires parsed datetime inputs")?;
    #[allow(clippy::cast_precision_loss)] // seconds of dates
    Ok(Value::Number(date.seconds() as f64))
}

fn strftime(_: &Surroundings<'_>, input: Value, arguments: &[Value]) -> Fails<Value> {
    let date = match input.as_number() {
        Some(seconds) => BrokenDown::from_seconds(seconds)?,
        None => BrokenDown::from_value(&input, "strftime/1 requires parsed datetime inputs")?,
    };
    let format = arguments[0].as_str().ok_or_else(|| error("strftime/1 requires a string format"))?;
    date.format(format).map(Value::string)
}

fn strptime(_: &Surroundings<'_>, input: Value, arguments: &[Value]) -> Fails<Value> {
    let (Some(text), Some(format)) = (input.as_str(), arguments[0].as_str()) else {
        return Err(error("strptime/1 requires string inputs and arguments"));
    };
    let (date, rest) = BrokenDown::parse(text, format)?;
    match date.to_value() {
        Value::Array(parts) if !rest.is_empty() => {
            Ok(Value::array(parts.iter().cloned().chain([Value::string(rest)]).collect()))
        }
        parts => Ok(parts),
    }
}

fn format(_: &Surroundings<'_>, input: Value, arguments: &[Value]) -> Fails<Value> {
    let name = arguments[0].as_str();
    let format = name.and_then(formats::Format::by_name);
    let format = format.ok_or_else(|| error(format!("{} is not a valid format", &*arguments[0].to_text())))?;
    format.apply(&input).map(Value::String)
}
