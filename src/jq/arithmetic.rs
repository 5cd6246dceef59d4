//! Operators on values.

use std::rc::Rc;

use super::syntax::{Arithmetic, Comparison};
use super::thrown::{described, error};
use super::value::{Fails, JqObject, JqString, Value, compare};

/// The longest string that a multiplication makes.
const MAX_STRING: usize = 1 << 29;

pub fn calculate(operator: Arithmetic, one: Value, two: Value) -> Fails<Value> {
    match operator {
        Arithmetic::Add => add(one, two),
        Arithmetic::Subtract => subtract(one, two),
        Arithmetic::Multiply => multiply(one, two),
        Arithmetic::Divide => divide(&one, &two),
        Arithmetic::Remainder => remainder(&one, &two),
    }
}

pub fn compares(comparison: Comparison, one: &Value, two: &Value) -> bool {
    let order = compare(one, two);
    match comparison {
        Comparison::Equal => order.is_eq(),
        Comparison::Unequal => order.is_ne(),
        Comparison::Less => order.is_lt(),
        Comparison::LessOrEqual => order.is_le(),
        Comparison::Greater => order.is_gt(),
        Comparison::GreaterOrEqual => order.is_ge(),
    }
}

pub fn impossible(one: &Value, two: &Value, what: &str) -> Value {
    error(format!("{} and {} cannot be {what}", described(one), described(two)))
}

pub fn negate(value: &Value) -> Fails<Value> {
    match value.as_number() {
        Some(number) => Ok(Value::Number(-number)),
        None => Err(error(format!("{} cannot be negated", described(value)))),
    }
}

pub fn add(one: Value, two: Value) -> Fails<Value> {
    if let (Some(one), Some(two)) = (one.as_number(), two.as_number()) {
        return Ok(Value::Number(one + two));
    }
    match (one, two) {
        (Value::Null, other) | (other, Value::Null) => Ok(other),
        (Value::String(one), Value::String(two)) => Ok(Value::String(one.append(&two))),
        (Value::Array(mut one), Value::Array(two)) => {
            let own = Rc::make_mut(&mut one);
            match Rc::try_unwrap(two) {
                Ok(mut two) => own.append(&mut two),
                Err(two) => own.extend(two.iter().cloned()),
            }
            Ok(Value::Array(one))
        }
        (Value::Object(mut one), Value::Object(two)) => {
            let own = Rc::make_mut(&mut one);
            match Rc::try_unwrap(two) {
                Ok(two) => two.into_members().into_iter().for_each(|(key, value)| own.insert(key, value)),
                Err(two) => two.iter().for_each(|(key, value)| own.insert(key.clone(), value.clone())),
            }
            Ok(Value::Object(one))
        }
        (one, two) => Err(impossible(&one, &two, "added")),
    }
}

fn subtract(one: Value, two: Value) -> Fails<Value> {
    if let (Some(one), Some(two)) = (one.as_number(), two.as_number()) {
        return Ok(Value::Number(one - two));
    }
    match (one, two) {
        (Value::Array(mut one), Value::Array(two)) => {
            Rc::make_mut(&mut one).retain(|item| !two.iter().any(|gone| compare(item, gone).is_eq()));
            Ok(Value::Array(one))
        }
        (one, two) => Err(impossible(&one, &two, "subtracted")),
    }
}

fn multiply(one: Value, two: Value) -> Fails<Value> {
    if let (Some(one), Some(two)) = (one.as_number(), two.as_number()) {
        return Ok(Value::Number(one * two));
    }
    match (one, two) {
        (Value::String(text), times) | (times, Value::String(text)) if times.as_number().is_some() => {
            repeat(&text, times.as_number().unwrap_or_default())
        }
        (Value::Object(one), Value::Object(two)) => Ok(Value::Object(Rc::new(merge(&one, &two)))),
        (one, two) => Err(impossible(&one, &two, "multiplied")),
    }
}

fn repeat(text: &str, times: f64) -> Fails<Value> {
    if times.is_nan() || times < 0.0 {
        return Ok(Value::Null);
    }
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // it saturates
    let count = times as usize;
    if text.len().saturating_mul(count) > MAX_STRING {
        return Err(error("Repeat string result too long"));
    }
    Ok(Value::string(text.repeat(count)))
}

/// Objects that are in both are merged as well. For every other member the second value wins.
fn merge(one: &JqObject, two: &JqObject) -> JqObject {
    let mut merged = one.clone();
    for (key, value) in two.iter() {
        let value = match (merged.get(key), value) {
            (Some(Value::Object(one)), Value::Object(two)) => Value::Object(Rc::new(merge(one, two))),
            (_, value) => value.clone(),
        };
        merged.insert(key.clone(), value);
    }
    merged
}

fn divide(one: &Value, two: &Value) -> Fails<Value> {
    match (one, two) {
        (Value::String(text), Value::String(separator)) => Ok(split(text, separator)),
        _ => match (one.as_number(), two.as_number()) {
            (Some(_), Some(0.0)) => Err(impossible(one, two, "divided because the divisor is zero")),
            (Some(one), Some(two)) => Ok(Value::Number(one / two)),
            _ => Err(impossible(one, two, "divided")),
        },
    }
}

/// The remainder of whole numbers, with the sign of the first. A number that is too large counts as the largest one.
fn remainder(one: &Value, two: &Value) -> Fails<Value> {
    let (Some(first), Some(second)) = (one.as_number(), two.as_number()) else {
        return Err(impossible(one, two, "divided (remainder)"));
    };
    if first.is_nan() || second.is_nan() {
        return Ok(Value::Number(f64::NAN));
    }
    #[allow(clippy::cast_possible_truncation)] // it saturates
    let (whole, divisor) = (first as i64, second as i64);
    if divisor == 0 {
        return Err(impossible(one, two, "divided (remainder) because the divisor is zero"));
    }
    let rest = whole.unsigned_abs() % divisor.unsigned_abs();
    #[allow(clippy::cast_precision_loss)] // as jq does
    let rest = rest as f64;
    Ok(Value::Number(if whole < 0 { -rest } else { rest }))
}

/// The parts of a text between separators; between empty separators, its characters.
pub fn split(text: &JqString, separator: &str) -> Value {
    if text.is_empty() {
        return Value::array(Vec::new());
    }
    if separator.is_empty() {
        let characters = text.char_indices().map(|(at, c)| Value::String(text.part(at, at + c.len_utf8())));
        return Value::array(characters.collect());
    }
    let mut parts = Vec::new();
    let mut start = 0;
    for (at, _) in text.match_indices(separator) {
        parts.push(Value::String(text.part(start, at)));
        start = at + separator.len();
    }
    parts.push(Value::String(text.part(start, text.len())));
    Value::array(parts)
}
