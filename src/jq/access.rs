//! Getting, setting and deleting places in values. The words of the errors are jq's, since
//! filters can catch and print them.

use std::rc::Rc;

use super::thrown::{described, error};
use super::value::{Fails, JqObject, JqString, Value, compare};

/// The greatest index that an assignment may fill a list up to.
const MAX_INDEX: f64 = 16_777_215.0;

fn cannot_index(value: &Value, key: &Value) -> Value {
    let kind = value.kind();
    match key {
        Value::String(name) if matches!(value, Value::Object(_) | Value::Null) => {
            error(format!("Cannot index {kind} with \"{}\"", &**name))
        }
        Value::String(name) => error(format!("Cannot index {kind} with string \"{}\"", &**name)),
        _ => error(format!("Cannot index {kind} with {}", key.kind())),
    }
}

/// A key of an object under construction.
pub fn object_key(key: &Value) -> Fails<JqString> {
    match key {
        Value::String(key) => Ok(key.clone()),
        other => Err(error(format!("Cannot use {} as object key", described(other)))),
    }
}

/// `.name`
pub fn member(value: Value, name: &str) -> Fails<Value> {
    match value {
        Value::Object(members) => Ok(members.get(name).cloned().unwrap_or_default()),
        Value::Null => Ok(Value::Null),
        other => Err(cannot_index(&other, &Value::string(name))),
    }
}

/// `.[key]`
pub fn index(value: Value, key: &Value) -> Fails<Value> {
    if let Some(number) = key.as_number() {
        return match value {
            Value::Array(items) => Ok(place(number, items.len()).map(|at| items[at].clone()).unwrap_or_default()),
            Value::Null => Ok(Value::Null),
            other => Err(cannot_index(&other, key)),
        };
    }
    match (value, key) {
        (value, Value::String(name)) => member(value, name),
        (Value::Null, Value::Object(_)) => Ok(Value::Null),
        (Value::Array(items), Value::Object(slice)) => {
            let (start, end) = slice_ends(slice, items.len())?;
            Ok(Value::array(items[start..end].to_vec()))
        }
        (Value::String(text), Value::Object(slice)) => {
            let (start, end) = slice_ends(slice, text.chars().count())?;
            let byte = |at: usize| text.char_indices().nth(at).map_or(text.len(), |(byte, _)| byte);
            Ok(Value::String(text.part(byte(start), byte(end))))
        }
        (Value::Array(items), Value::Array(wanted)) => Ok(indexes_of(&items, wanted)),
        (other, _) => Err(cannot_index(&other, key)),
    }
}

/// The position in a list of `length` that a number means. Negative numbers count from the end.
fn place(number: f64, length: usize) -> Option<usize> {
    if number.is_nan() {
        return None;
    }
    #[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss)] // lists are shorter than 2^53
    let at = if number < 0.0 { number.trunc() + length as f64 } else { number.trunc() };
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // it saturates
    let index = at as usize;
    (at >= 0.0 && index < length).then_some(index)
}

/// The key of `.[from:to]`.
pub fn slice_key(from: Value, to: Value) -> Value {
    Value::Object(Rc::new(JqObject::from_members(vec![("start".into(), from), ("end".into(), to)])))
}

/// The start of a slice, and its end, which is not part of it.
fn slice_ends(slice: &JqObject, length: usize) -> Fails<(usize, usize)> {
    let wrong = || error("Array/string slice indices must be integers");
    #[allow(clippy::cast_precision_loss)] // lists are shorter than 2^53
    let all = length as f64;
    let end = |name: &str, otherwise: f64| match slice.get(name) {
        Some(Value::Null) => Ok(otherwise),
        Some(value) => value.as_number().ok_or_else(wrong),
        None => Err(wrong()),
    };
    let (mut start, mut end) = (end("start", 0.0)?, end("end", all)?);
    if start < 0.0 {
        start += all;
    }
    if end < 0.0 {
        end += all;
    }
    let start = if start < 0.0 || start.is_nan() { 0.0 } else { start.min(all).floor() };
    let end = if end > all || end.is_nan() { all } else { end.ceil() };
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // both lie between 0 and the length
    let (start, end) = (start as usize, end.max(start) as usize);
    Ok((start, end))
}

/// The positions of a list in another one.
pub fn indexes_of(items: &[Value], wanted: &[Value]) -> Value {
    if wanted.is_empty() {
        return Value::array(Vec::new());
    }
    let is_there = |at: &usize| {
        let rest = &items[*at..];
        rest.len() >= wanted.len() && rest.iter().zip(wanted).all(|(one, two)| compare(one, two).is_eq())
    };
    Value::array((0..items.len()).filter(is_there).map(Value::count).collect())
}

/// `getpath`: below null everything is null.
pub fn get_path(value: Value, path: &Value) -> Fails<Value> {
    let Value::Array(keys) = path else { return Err(error("Path must be specified as an array")) };
    keys.iter().try_fold(value, |value, key| if matches!(value, Value::Null) { Ok(value) } else { index(value, key) })
}

/// Replaces the value at a path by the result of `change`.
pub fn change<E: From<Value>>(
    value: Value,
    path: &[Value],
    change: &mut dyn FnMut(Value) -> Result<Value, E>,
) -> Result<Value, E> {
    let Some((key, rest)) = path.split_first() else { return change(value) };
    let (holder, child) = take(value, key)?;
    let child = self::change(child, rest, change)?;
    Ok(set(holder, key, child)?)
}

/// Takes a child out of its holder, so that it can be changed without a copy.
fn take(mut value: Value, key: &Value) -> Fails<(Value, Value)> {
    let child = match (&mut value, key) {
        (Value::Object(members), Value::String(name)) => match Rc::get_mut(members) {
            Some(members) => members.get_mut(name).map(std::mem::take).unwrap_or_default(),
            None => members.get(name).cloned().unwrap_or_default(),
        },
        (Value::Array(items), key) if let Some(number) = key.as_number() => match place(number, items.len()) {
            Some(at) => match Rc::get_mut(items) {
                Some(items) => std::mem::take(&mut items[at]),
                None => items[at].clone(),
            },
            None => Value::Null,
        },
        (other, key) => index(other.clone(), key)?,
    };
    Ok((value, child))
}

/// `setpath` of one key.
pub fn set(value: Value, key: &Value, child: Value) -> Fails<Value> {
    if let Some(number) = key.as_number() {
        return match value {
            Value::Array(items) => set_item(items, number, child),
            Value::Null => set_item(Rc::default(), number, child),
            other => Err(cannot_index(&other, key)),
        };
    }
    match (value, key) {
        (Value::Object(mut members), Value::String(name)) => {
            Rc::make_mut(&mut members).insert(name.clone(), child);
            Ok(Value::Object(members))
        }
        (Value::Null, Value::String(name)) => {
            Ok(Value::Object(Rc::new(JqObject::from_members(vec![(name.clone(), child)]))))
        }
        (Value::Array(items), Value::Object(slice)) => set_slice(items, slice, child),
        (Value::Null, Value::Object(slice)) => set_slice(Rc::default(), slice, child),
        (Value::String(_), Value::Object(_)) => Err(error("Cannot update string slices")),
        (Value::Array(_), Value::Array(_)) => Err(error("Cannot update field at array index of array")),
        (Value::Object(_), Value::Object(_)) => Err(error("Cannot update field at object index of object")),
        (other, _) => Err(cannot_index(&other, key)),
    }
}

fn set_item(mut items: Rc<Vec<Value>>, number: f64, child: Value) -> Fails<Value> {
    if number.is_nan() {
        return Err(error("Cannot set array element at NaN index"));
    }
    let number = number.trunc();
    #[allow(clippy::cast_precision_loss)] // lists are shorter than 2^53
    let at = if number < 0.0 { number + items.len() as f64 } else { number };
    if at < 0.0 {
        return Err(error("Out of bounds negative array index"));
    }
    if at > MAX_INDEX {
        return Err(error("Array index too large"));
    }
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // it was checked
    let at = at as usize;
    let own = Rc::make_mut(&mut items);
    if at >= own.len() {
        own.resize_with(at + 1, Value::default);
    }
    own[at] = child;
    Ok(Value::Array(items))
}

fn set_slice(mut items: Rc<Vec<Value>>, slice: &JqObject, child: Value) -> Fails<Value> {
    let (start, end) = slice_ends(slice, items.len())?;
    let Value::Array(new) = child else {
        return Err(error("A slice of an array can only be assigned another array"));
    };
    Rc::make_mut(&mut items).splice(start..end, new.iter().cloned());
    Ok(Value::Array(items))
}

/// `delpaths`: the last paths first, so that the places of the others stay the same.
pub fn delete_paths(value: Value, mut paths: Vec<Vec<Value>>) -> Fails<Value> {
    let by_keys = |one: &Vec<Value>, two: &Vec<Value>| {
        let different = one.iter().zip(two).map(|(one, two)| compare(one, two)).find(|order| order.is_ne());
        different.unwrap_or_else(|| one.len().cmp(&two.len()))
    };
    super::sort::stable(&mut paths, by_keys);
    if paths.first().is_some_and(Vec::is_empty) {
        return Ok(Value::Null);
    }
    let paths: Vec<&[Value]> = paths.iter().map(Vec::as_slice).collect();
    delete_sorted(value, &paths)
}

fn delete_sorted(mut value: Value, paths: &[&[Value]]) -> Fails<Value> {
    let mut keys: Vec<&Value> = Vec::new();
    let mut left = paths;
    while let Some(first) = left.first() {
        let key = &first[0];
        let same = left.iter().take_while(|path| compare(&path[0], key).is_eq()).count();
        let (group, rest) = left.split_at(same);
        left = rest;
        if first.len() == 1 {
            // The paths below it are removed with it.
            keys.push(key);
            continue;
        }
        let (holder, child) = take(value, key)?;
        value = match child {
            Value::Null => holder,
            child => {
                let below: Vec<&[Value]> = group.iter().map(|path| &path[1..]).collect();
                set(holder, key, delete_sorted(child, &below)?)?
            }
        };
    }
    delete_keys(value, &keys)
}

fn delete_keys(value: Value, keys: &[&Value]) -> Fails<Value> {
    if keys.is_empty() {
        return Ok(value);
    }
    match value {
        Value::Null => Ok(Value::Null),
        Value::Array(items) => delete_items(items, keys),
        Value::Object(mut members) => {
            let mut names = std::collections::HashSet::new();
            for key in keys {
                let Value::String(name) = key else {
                    return Err(error(format!("Cannot delete {} field of object", key.kind())));
                };
                names.insert(&**name);
            }
            Rc::make_mut(&mut members).retain(|name| !names.contains(name));
            Ok(Value::Object(members))
        }
        other => Err(error(format!("Cannot delete fields from {}", other.kind()))),
    }
}

fn delete_items(mut items: Rc<Vec<Value>>, keys: &[&Value]) -> Fails<Value> {
    let mut is_deleted = vec![false; items.len()];
    for key in keys {
        match (key.as_number(), key) {
            (Some(number), _) => {
                if let Some(at) = place(number, items.len()) {
                    is_deleted[at] = true;
                }
            }
            (None, Value::Object(slice)) => {
                let (start, end) = slice_ends(slice, items.len())?;
                is_deleted[start..end].fill(true);
            }
            _ => return Err(error(format!("Cannot delete {} element of array", key.kind()))),
        }
    }
    let mut deleted = is_deleted.into_iter();
    Rc::make_mut(&mut items).retain(|_| deleted.next() != Some(true));
    Ok(Value::Array(items))
}
