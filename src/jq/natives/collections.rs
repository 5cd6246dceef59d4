//! Filters on lists and objects.

// All of these filters have one signature, whether they fail or keep their input or not.
#![allow(clippy::needless_pass_by_value, clippy::unnecessary_wraps)]

use std::cmp::Ordering;
use std::rc::Rc;

use super::super::access;
use super::super::arithmetic::{self, impossible};
use super::super::host::Surroundings;
use super::super::sort::stable;
use super::super::syntax::{Arithmetic, ByKey};
use super::super::thrown::{cannot_iterate, described, error};
use super::super::value::{JqObject, JqString, Value, compare};
use super::{Fails, Native};

pub fn find(name: &str, arity: usize) -> Option<Native> {
    Some(match (name, arity) {
        ("keys", 0) => keys as Native,
        ("keys_unsorted", 0) => keys_unsorted,
        ("has", 1) => has,
        ("contains", 1) => contains,
        ("add", 0) => add,
        ("sort", 0) => sort,
        ("unique", 0) => unique,
        ("min", 0) => min,
        ("max", 0) => max,
        ("reverse", 0) => reverse,
        ("flatten", 0) => flatten_all,
        ("flatten", 1) => flatten,
        ("join", 1) => join,
        ("transpose", 0) => transpose,
        ("from_entries", 0) => from_entries,
        ("indices", 1) => indices,
        ("bsearch", 1) => bsearch,
        ("setpath", 2) => set_path,
        ("delpaths", 1) => delete_paths,
        _ => return None,
    })
}

fn keys(_: &Surroundings<'_>, input: Value, _: &[Value]) -> Fails<Value> {
    match &input {
        Value::Object(members) => {
            Ok(Value::array(members.sorted_keys().into_iter().cloned().map(Value::String).collect()))
        }
        Value::Array(items) => Ok(Value::array((0..items.len()).map(Value::count).collect())),
        other => Err(error(format!("{} has no keys", described(other)))),
    }
}

fn keys_unsorted(surroundings: &Surroundings<'_>, input: Value, arguments: &[Value]) -> Fails<Value> {
    match &input {
        Value::Object(members) => Ok(Value::array(members.iter().map(|(key, _)| Value::String(key.clone())).collect())),
        _ => keys(surroundings, input, arguments),
    }
}

fn has(_: &Surroundings<'_>, input: Value, arguments: &[Value]) -> Fails<Value> {
    match (&input, &arguments[0]) {
        (Value::Object(members), Value::String(key)) => Ok(members.get(key).is_some().into()),
        (Value::Array(items), key) if let Some(number) = key.as_number() => {
            #[allow(clippy::cast_precision_loss)] // lists are shorter than 2^53
            let length = items.len() as f64;
            Ok((number >= 0.0 && number < length).into())
        }
        (Value::Null, _) => Ok(false.into()),
        (input, key) => Err(error(format!("Cannot check whether {} has a {} key", input.kind(), key.kind()))),
    }
}

fn contains(_: &Surroundings<'_>, input: Value, arguments: &[Value]) -> Fails<Value> {
    if input.kind() != arguments[0].kind() && !matches!((&input, &arguments[0]), (Value::Bool(_), Value::Bool(_))) {
        let (one, two) = (described(&input), described(&arguments[0]));
        return Err(error(format!("{one} and {two} cannot have their containment checked")));
    }
    Ok(holds(&input, &arguments[0]).into())
}

fn holds(one: &Value, two: &Value) -> bool {
    match (one, two) {
        (Value::Object(one), Value::Object(two)) => {
            two.iter().all(|(key, wanted)| one.get(key).is_some_and(|found| holds(found, wanted)))
        }
        (Value::Array(one), Value::Array(two)) => two.iter().all(|wanted| one.iter().any(|item| holds(item, wanted))),
        (Value::String(one), Value::String(two)) => one.contains(&**two),
        _ => compare(one, two).is_eq(),
    }
}

/// The values of a list or an object.
fn values(value: &Value) -> Fails<Vec<Value>> {
    match value {
        Value::Array(items) => Ok(items.to_vec()),
        Value::Object(members) => Ok(members.iter().map(|(_, value)| value.clone()).collect()),
        other => Err(cannot_iterate(other)),
    }
}

fn add(_: &Surroundings<'_>, input: Value, _: &[Value]) -> Fails<Value> {
    let items = match input {
        Value::Array(items) => Rc::try_unwrap(items).unwrap_or_else(|items| items.to_vec()),
        other => values(&other)?,
    };
    items.into_iter().try_fold(Value::Null, arithmetic::add)
}

fn list(value: &Value, what: &str) -> Fails<Vec<Value>> {
    match value {
        Value::Array(items) => Ok(items.to_vec()),
        other => Err(error(format!("{} cannot be {what}, as it is not an array", described(other)))),
    }
}

fn sort(_: &Surroundings<'_>, input: Value, _: &[Value]) -> Fails<Value> {
    let mut items = list(&input, "sorted")?;
    stable(&mut items, compare);
    Ok(Value::array(items))
}

fn unique(_: &Surroundings<'_>, input: Value, _: &[Value]) -> Fails<Value> {
    let keyed = values(&input)?.into_iter().map(|item| (Value::array(vec![item.clone()]), item)).collect();
    by_key(ByKey::Unique, &input, keyed)
}

fn min(_: &Surroundings<'_>, input: Value, _: &[Value]) -> Fails<Value> {
    let Value::Array(items) = &input else { return Err(not_iterable(&input)) };
    Ok(items
        .iter()
        .reduce(|least, item| if compare(item, least).is_lt() { item } else { least })
        .cloned()
        .unwrap_or_default())
}

fn max(_: &Surroundings<'_>, input: Value, _: &[Value]) -> Fails<Value> {
    let Value::Array(items) = &input else { return Err(not_iterable(&input)) };
    Ok(items
        .iter()
        .reduce(|most, item| if compare(item, most).is_ge() { item } else { most })
        .cloned()
        .unwrap_or_default())
}

fn not_iterable(value: &Value) -> Value {
    impossible(value, value, "iterated over")
}

/// `sort_by` and its like, once the key of each item is known.
pub fn by_key(by_key: ByKey, input: &Value, mut keyed: Vec<(Value, Value)>) -> Fails<Value> {
    if !matches!(input, Value::Array(_)) {
        let keys = Value::array(keyed.into_iter().map(|(key, _)| key).collect());
        let what = match by_key {
            ByKey::Min | ByKey::Max => "iterated over",
            ByKey::Sort | ByKey::Group | ByKey::Unique => "sorted, as they are not both arrays",
        };
        return Err(impossible(input, &keys, what));
    }
    let order = |one: &(Value, Value), two: &(Value, Value)| compare(&one.0, &two.0);
    match by_key {
        ByKey::Min => {
            let least = keyed.into_iter().reduce(|least, item| if order(&item, &least).is_lt() { item } else { least });
            return Ok(least.map(|(_, item)| item).unwrap_or_default());
        }
        ByKey::Max => {
            let most = keyed.into_iter().reduce(|most, item| if order(&item, &most).is_ge() { item } else { most });
            return Ok(most.map(|(_, item)| item).unwrap_or_default());
        }
        ByKey::Sort | ByKey::Group | ByKey::Unique => {}
    }
    stable(&mut keyed, order);
    match by_key {
        ByKey::Group => {
            let groups = keyed.chunk_by(|one, two| order(one, two).is_eq());
            let items = |group: &[(Value, Value)]| Value::array(group.iter().map(|(_, item)| item.clone()).collect());
            Ok(Value::array(groups.map(items).collect()))
        }
        ByKey::Unique => {
            keyed.dedup_by(|two, one| order(one, two).is_eq());
            Ok(Value::array(keyed.into_iter().map(|(_, item)| item).collect()))
        }
        _ => Ok(Value::array(keyed.into_iter().map(|(_, item)| item).collect())),
    }
}

fn reverse(_: &Surroundings<'_>, input: Value, _: &[Value]) -> Fails<Value> {
    match input {
        Value::Array(items) => Ok(Value::array(items.iter().rev().cloned().collect())),
        other if is_without_length(&other) => Ok(Value::array(Vec::new())),
        other => no_place_in(other),
    }
}

fn flatten_all(_: &Surroundings<'_>, input: Value, _: &[Value]) -> Fails<Value> {
    flattened(&input, &Value::Number(1e9))
}

fn flatten(_: &Surroundings<'_>, input: Value, arguments: &[Value]) -> Fails<Value> {
    if compare(&arguments[0], &Value::Number(0.0)).is_lt() {
        return Err(error("flatten depth must not be negative"));
    }
    flattened(&input, &arguments[0])
}

fn flattened(value: &Value, depth: &Value) -> Fails<Value> {
    let mut flat = Vec::new();
    flatten_into(&values(value)?, depth, &mut flat)?;
    Ok(Value::array(flat))
}

/// The depth is any value that 1 can be taken from until it is 0, as in jq.
fn flatten_into(items: &[Value], depth: &Value, flat: &mut Vec<Value>) -> Fails<()> {
    for item in items {
        match item {
            Value::Array(inner) if compare(depth, &Value::Number(0.0)).is_ne() => {
                let less = arithmetic::calculate(Arithmetic::Subtract, depth.clone(), Value::Number(1.0))?;
                flatten_into(inner, &less, flat)?;
            }
            other => flat.push(other.clone()),
        }
    }
    Ok(())
}

/// As jq's definition goes: null is nothing, numbers and booleans are written as JSON, all else is added.
fn join(_: &Surroundings<'_>, input: Value, arguments: &[Value]) -> Fails<Value> {
    let separator = &arguments[0];
    let mut joined = Value::Null;
    let mut is_first = true;
    for item in values(&input)? {
        let start = if is_first { Value::string("") } else { arithmetic::add(joined, separator.clone())? };
        is_first = false;
        let text = match item {
            Value::Bool(_) | Value::Number(_) | Value::Decimal(_) => Value::string(item.to_json()),
            Value::Null => Value::string(""),
            other => other,
        };
        joined = arithmetic::add(start, text)?;
    }
    Ok(if is_first { Value::string("") } else { joined })
}

fn transpose(_: &Surroundings<'_>, input: Value, _: &[Value]) -> Fails<Value> {
    let rows = values(&input)?;
    let length = |row: &Value| match row {
        Value::Array(items) => Ok(items.len()),
        Value::Null => Ok(0),
        other => Err(error(format!("Cannot index {} with number", other.kind()))),
    };
    let width = rows.iter().map(length).collect::<Fails<Vec<_>>>()?.into_iter().max().unwrap_or(0);
    let column = |at: usize| {
        let cells = rows.iter().map(|row| access::index(row.clone(), &Value::count(at)));
        cells.collect::<Fails<Vec<_>>>().map(Value::array)
    };
    (0..width).map(column).collect::<Fails<Vec<_>>>().map(Value::array)
}

/// Each entry is an object with a key and a value, under any of their usual names.
fn from_entries(_: &Surroundings<'_>, input: Value, _: &[Value]) -> Fails<Value> {
    let mut made = JqObject::default();
    for entry in values(&input)? {
        let get = |name: &str| access::member(entry.clone(), name);
        let mut key = Value::Null;
        for name in ["key", "k", "name", "Name", "Key", "K"] {
            key = get(name)?;
            if key.is_true() {
                break;
            }
        }
        let mut value = Value::Null;
        for name in ["value", "v", "Value", "V"] {
            if let Value::Object(members) = &entry
                && let Some(found) = members.get(name)
            {
                value = found.clone();
                break;
            }
        }
        made.insert(access::object_key(&key)?, value);
    }
    Ok(Value::Object(Rc::new(made)))
}

fn indices(_: &Surroundings<'_>, input: Value, arguments: &[Value]) -> Fails<Value> {
    match (&input, &arguments[0]) {
        (Value::String(text), Value::String(wanted)) => Ok(offsets(text, wanted)),
        (Value::Array(items), Value::Array(wanted)) => Ok(access::indexes_of(items, wanted)),
        (Value::Array(items), wanted) => Ok(access::indexes_of(items, std::slice::from_ref(wanted))),
        (_, wanted) => access::index(input, wanted),
    }
}

/// Where a text is in another one, in bytes, as in jq 1.7.
fn offsets(text: &JqString, wanted: &str) -> Value {
    if wanted.is_empty() {
        return Value::array(Vec::new());
    }
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(at) = text.get(from..).and_then(|rest| rest.find(wanted)) {
        found.push(Value::count(from + at));
        from += at + text[from + at..].chars().next().map_or(1, char::len_utf8);
    }
    Value::array(found)
}

/// The place of a value in a sorted list, or `-1 - place` where it would be. In a list that is not sorted, it looks at the
/// same items as jq does.
fn bsearch(_: &Surroundings<'_>, input: Value, arguments: &[Value]) -> Fails<Value> {
    let Value::Array(items) = &input else {
        return if is_without_length(&input) { Ok(Value::Number(-1.0)) } else { no_place_in(input) };
    };
    let (mut start, mut end) = (0, items.len());
    while start < end {
        let middle = start + (end - start - 1) / 2;
        match compare(&items[middle], &arguments[0]) {
            Ordering::Equal => return Ok(Value::count(middle)),
            Ordering::Less => start = middle + 1,
            Ordering::Greater => end = middle,
        }
    }
    #[allow(clippy::cast_precision_loss)] // lists are shorter than 2^53
    Ok(Value::Number(-1.0 - start as f64))
}

/// Whether jq takes this value for an empty list.
fn is_without_length(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Object(members) => members.is_empty(),
        _ => value.as_number() == Some(0.0),
    }
}

/// The error of a value that is used as a list.
fn no_place_in(value: Value) -> Fails<Value> {
    if let Value::Bool(_) = value {
        return Err(error(format!("{} has no length", described(&value))));
    }
    access::index(value, &Value::Number(0.0))
}

fn set_path(_: &Surroundings<'_>, input: Value, arguments: &[Value]) -> Fails<Value> {
    let Value::Array(path) = &arguments[0] else { return Err(error("Path must be specified as an array")) };
    access::change(input, path, &mut |_| Ok::<_, Value>(arguments[1].clone()))
}

fn delete_paths(_: &Surroundings<'_>, input: Value, arguments: &[Value]) -> Fails<Value> {
    let Value::Array(paths) = &arguments[0] else { return Err(error("Paths must be specified as an array")) };
    let path = |path: &Value| match path {
        Value::Array(keys) => Ok(keys.to_vec()),
        other => Err(error(format!("Path must be specified as array, not {}", other.kind()))),
    };
    access::delete_paths(input, paths.iter().map(path).collect::<Fails<_>>()?)
}
