//! `-f` and `-F` as `gh api` has them: a small tree that becomes a JSON body, or the pairs of a
//! query. Two fields that contradict each other are an error: none wins silently.

use std::fmt::Write as _;

use serde_json::Value;

use super::body::{BodyPart, RequestBody};
use super::input::{self, ByteSource, Inputs};
use crate::error::{Error, Result};

/// How deep a key may nest.
const DEEPEST: usize = 64;

/// A field as it was typed.
#[derive(Clone, Debug)]
pub enum FieldArgument {
    /// `-f key=value`: the value is a string.
    Raw(String),
    /// `-F key=value`: the value may be `true`, `null`, `12`, `@file`, `@-`, `@base64:file` or `@dataurl:file`.
    Magic(String),
}

/// All fields of a request, read.
pub struct Fields(Vec<Field>);

struct Field {
    /// As it was typed, brackets and all.
    key: String,
    steps: Vec<KeyStep>,
    /// `None` for `key[]` alone, which is an empty array.
    value: Option<FieldValue>,
}

#[derive(Clone, Debug, PartialEq)]
enum KeyStep {
    /// `[name]`
    Name(String),
    /// `[]`
    Item,
}

enum FieldValue {
    /// A string, an integer, a boolean or null.
    Scalar(Value),
    Base64(ByteSource),
    /// An image as a data URL (RFC 2397): the text before its base64, and the file.
    DataUrl(&'static str, ByteSource),
}

enum FieldNode {
    Leaf(FieldValue),
    Array(Vec<FieldNode>),
    Object(Vec<(String, FieldNode)>),
}

impl Fields {
    /// Reads the fields, and the files that they name.
    ///
    /// # Errors
    /// Usage, if a field is malformed or its file cannot be read.
    pub fn read(typed: &[FieldArgument], inputs: &mut Inputs) -> Result<Self> {
        typed.iter().map(|field| Field::read(field, inputs)).collect::<Result<_>>().map(Self)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The JSON body that the fields make.
    ///
    /// # Errors
    /// Usage, if two fields clash.
    pub fn into_body(self) -> Result<RequestBody> {
        let mut root = FieldNode::Object(Vec::new());
        for field in self.0 {
            root.put(&field.steps, field.value).map_err(|clash| clash.about(&field.key))?;
        }
        let mut body = JsonBody::default();
        body.write(root);
        Ok(body.finished())
    }

    /// The pairs of a query, in the order in which they were typed, not encoded yet.
    ///
    /// # Errors
    /// Usage, if a key is given twice or its value is a file's base64.
    pub fn into_query(self) -> Result<Vec<(String, String)>> {
        let mut pairs: Vec<(String, String)> = Vec::with_capacity(self.0.len());
        for Field { key, steps, value } in self.0 {
            if !steps.contains(&KeyStep::Item) && pairs.iter().any(|(other, _)| *other == key) {
                return Err(FieldConflict::Twice.about(&key));
            }
            let value = match value {
                None => continue,
                Some(FieldValue::Scalar(Value::String(text))) => text,
                Some(FieldValue::Scalar(Value::Null)) => String::new(),
                Some(FieldValue::Scalar(value)) => value.to_string(),
                Some(FieldValue::Base64(_) | FieldValue::DataUrl(..)) => {
                    return Err(Error::usage(format!(
                        "the field `{key}` is a file, and this request has no JSON body"
                    ))
                    .hint("a GET, or a request with --input, has its fields in the query"));
                }
            };
            pairs.push((key, value));
        }
        Ok(pairs)
    }
}

/// One `key=value` of a query. The value is taken literally.
///
/// # Errors
/// Usage, if there is no `=` or no key.
pub fn pair(typed: &str) -> Result<(String, String)> {
    match typed.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err(Error::usage(format!("`{typed}` is not of the form `key=value`"))),
    }
}

impl FieldArgument {
    /// A warning about `-f key=@file`, which sends this text, although people usually mean the file.
    pub fn doubt(&self) -> Option<String> {
        let Self::Raw(text) = self else { return None };
        let (key, value) = text.split_once('=')?;
        let is_file = value.strip_prefix('@').is_some_and(|name| !name.is_empty());
        is_file
            .then(|| format!("`-f {key}=@…` sends the text with its `@`; `-F {key}=@FILE` sends what the file holds"))
    }

    /// Whether its value is read from standard input.
    pub fn reads_stdin(&self) -> bool {
        let Self::Magic(text) = self else { return false };
        text.split_once('=').is_some_and(|(_, value)| matches!(value, "@-" | "@base64:-" | "@dataurl:-"))
    }
}

impl Field {
    fn read(typed: &FieldArgument, inputs: &mut Inputs) -> Result<Self> {
        let (FieldArgument::Raw(text) | FieldArgument::Magic(text)) = typed;
        let (key, value) = text.split_once('=').map_or((text.as_str(), None), |(key, value)| (key, Some(value)));
        let steps = steps(key)?;
        let value = match (typed, value) {
            (_, None) if steps.last() == Some(&KeyStep::Item) => None,
            (_, None) => {
                let error = Error::usage(format!("the field `{key}` has no value"));
                return Err(error.hint(if is_group_of_curl(typed, key) {
                    "curl's -f, -s, -S and -L are how `call` always works: leave them out"
                } else {
                    "write `key=value`"
                }));
            }
            (FieldArgument::Raw(_), Some(value)) => Some(FieldValue::Scalar(value.into())),
            (FieldArgument::Magic(_), Some(value)) => Some(magic(value, inputs)?),
        };
        Ok(Self { key: key.to_owned(), steps, value })
    }
}

/// Whether a field is curl's `-fsSL`, or another group of flags that begins with `-f`.
fn is_group_of_curl(typed: &FieldArgument, key: &str) -> bool {
    matches!(typed, FieldArgument::Raw(_)) && key.len() <= 4 && key.bytes().all(|byte| b"sSLkivg".contains(&byte))
}

/// Splits `a[b][][c]` into its steps.
fn steps(key: &str) -> Result<Vec<KeyStep>> {
    let malformed = || {
        Error::usage(format!("the field `{key}` has no key that can be read"))
            .hint("write `key=value`, `key[inner]=value` or `key[]=value`")
    };
    let (name, mut rest) = key.split_at(key.find('[').unwrap_or(key.len()));
    if name.is_empty() || name.contains(']') {
        return Err(malformed());
    }
    let mut steps = vec![KeyStep::Name(name.to_owned())];
    while !rest.is_empty() {
        let (inner, after) = rest.strip_prefix('[').and_then(|rest| rest.split_once(']')).ok_or_else(malformed)?;
        if inner.contains('[') {
            return Err(malformed());
        }
        let step = if inner.is_empty() { KeyStep::Item } else { KeyStep::Name(inner.to_owned()) };
        // Nothing would say where the inner array ends.
        if step == KeyStep::Item && steps.last() == Some(&KeyStep::Item) {
            return Err(malformed());
        }
        steps.push(step);
        if steps.len() > DEEPEST {
            return Err(Error::usage("a field is nested deeper than 64 levels"));
        }
        rest = after;
    }
    Ok(steps)
}

/// The value of a typed field.
fn magic(value: &str, inputs: &mut Inputs) -> Result<FieldValue> {
    if let Some(name) = value.strip_prefix('@') {
        return file(name, inputs);
    }
    Ok(FieldValue::Scalar(match value {
        "true" => true.into(),
        "false" => false.into(),
        "null" => Value::Null,
        _ => integer(value).unwrap_or_else(|| value.into()),
    }))
}

/// The value of a typed field that names a file.
fn file(name: &str, inputs: &mut Inputs) -> Result<FieldValue> {
    if let Some(name) = name.strip_prefix("base64:") {
        return match name {
            "" => Err(Error::usage("`@base64:` names no file")),
            name => inputs.source(name).map(FieldValue::Base64),
        };
    }
    if let Some(name) = name.strip_prefix("dataurl:") {
        if name.is_empty() {
            return Err(Error::usage("`@dataurl:` names no file"));
        }
        let source = inputs.source(name)?;
        let beginning = source.beginning::<8>().map_err(|error| input::unreadable(name, error))?;
        let prefix = data_url_prefix(&beginning).ok_or_else(|| {
            Error::usage(format!("{} is neither a PNG nor a JPEG image", input::called(name)))
                .hint(format!("`@base64:{name}` sends the base64 of any file, without the type in front"))
        })?;
        return Ok(FieldValue::DataUrl(prefix, source));
    }
    match name {
        "" => Err(Error::usage("`@` names no file").hint("`-f key=@` sends the character")),
        name => inputs.text(name).map(|text| FieldValue::Scalar(text.into())),
    }
}

/// The beginning of an image's data URL, by the first bytes of the file. File names are often wrong.
fn data_url_prefix(beginning: &[u8]) -> Option<&'static str> {
    match beginning {
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Some("data:image/png;base64,"),
        [0xff, 0xd8, 0xff, ..] => Some("data:image/jpeg;base64,"),
        _ => None,
    }
}

/// An integer in JSON's notation. `007` and `+1` are strings, for example telephone numbers.
fn integer(text: &str) -> Option<Value> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let plain = digits == "0" || (!digits.starts_with('0') && digits.bytes().all(|byte| byte.is_ascii_digit()));
    plain.then(|| text.parse::<i64>().ok()).flatten().map(Value::from)
}

/// Why two fields contradict each other.
enum FieldConflict {
    Twice,
    Shape(&'static str),
}

impl FieldConflict {
    fn about(self, key: &str) -> Error {
        match self {
            Self::Twice => Error::usage(format!("the field `{key}` is given twice"))
                .hint(format!("for a list, write `{key}[]=value` each time")),
            Self::Shape(was) => {
                Error::usage(format!("the field `{key}` does not go with an earlier one, which made {was} of it"))
            }
        }
    }
}

impl FieldNode {
    /// A node that holds the value at the end of the steps.
    fn grown(steps: &[KeyStep], value: Option<FieldValue>) -> Self {
        match steps.split_first() {
            None => value.map_or_else(|| Self::Array(Vec::new()), Self::Leaf),
            Some((KeyStep::Name(name), rest)) => Self::Object(vec![(name.clone(), Self::grown(rest, value))]),
            Some((KeyStep::Item, [])) => Self::Array(value.map(Self::Leaf).into_iter().collect()),
            Some((KeyStep::Item, rest)) => Self::Array(vec![Self::grown(rest, value)]),
        }
    }

    fn put(&mut self, steps: &[KeyStep], value: Option<FieldValue>) -> Result<(), FieldConflict> {
        let Some((step, rest)) = steps.split_first() else { return Err(FieldConflict::Twice) };
        match (step, self) {
            (KeyStep::Name(name), Self::Object(members)) => match members.iter_mut().find(|(other, _)| other == name) {
                Some((_, Self::Array(_))) if rest.is_empty() => Err(FieldConflict::Shape("a list")),
                Some((_, Self::Object(_))) if rest.is_empty() => Err(FieldConflict::Shape("an object")),
                Some((_, member)) => member.put(rest, value),
                None => {
                    members.push((name.clone(), Self::grown(rest, value)));
                    Ok(())
                }
            },
            (KeyStep::Item, Self::Array(items)) => {
                match items.last_mut() {
                    Some(last) if !rest.is_empty() && last.takes(rest) => return last.put(rest, value),
                    _ if rest.is_empty() => items.extend(value.map(Self::Leaf)),
                    _ => items.push(Self::grown(rest, value)),
                }
                Ok(())
            }
            (_, Self::Leaf(_)) => Err(FieldConflict::Shape("a value")),
            (_, Self::Array(_)) => Err(FieldConflict::Shape("a list")),
            (_, Self::Object(_)) => Err(FieldConflict::Shape("an object")),
        }
    }

    /// Whether a field of a list's object belongs to this, its last one. A field that it has already begins the next
    /// object: `a[][x]=1 a[][y]=2 a[][x]=3` are two.
    fn takes(&self, steps: &[KeyStep]) -> bool {
        match (self, steps.split_first()) {
            (Self::Object(members), Some((KeyStep::Name(name), rest))) => {
                match members.iter().find(|(other, _)| other == name) {
                    Some((_, member)) => !rest.is_empty() && member.takes(rest),
                    None => true,
                }
            }
            (Self::Array(_), Some((KeyStep::Item, _))) => true,
            _ => false,
        }
    }
}

/// JSON text with gaps for the contents of files.
#[derive(Default)]
struct JsonBody {
    parts: Vec<BodyPart>,
    text: String,
}

impl JsonBody {
    fn write(&mut self, node: FieldNode) {
        match node {
            FieldNode::Leaf(FieldValue::Scalar(value)) => write!(self.text, "{value}").expect("a String takes all"),
            FieldNode::Leaf(FieldValue::Base64(source)) => self.write_base64("", source),
            FieldNode::Leaf(FieldValue::DataUrl(prefix, source)) => self.write_base64(prefix, source),
            FieldNode::Array(items) => {
                self.text.push('[');
                for (index, item) in items.into_iter().enumerate() {
                    if index > 0 {
                        self.text.push(',');
                    }
                    self.write(item);
                }
                self.text.push(']');
            }
            FieldNode::Object(members) => {
                self.text.push('{');
                for (index, (name, member)) in members.into_iter().enumerate() {
                    let comma = if index > 0 { "," } else { "" };
                    write!(self.text, "{comma}{}:", Value::from(name)).expect("a String takes all");
                    self.write(member);
                }
                self.text.push('}');
            }
        }
    }

    /// A string that is some text and then a file's base64.
    fn write_base64(&mut self, prefix: &str, source: ByteSource) {
        self.text.push('"');
        self.text.push_str(prefix);
        self.parts.push(BodyPart::Text(std::mem::take(&mut self.text).into()));
        self.parts.push(BodyPart::Base64(source));
        self.text.push('"');
    }

    fn finished(mut self) -> RequestBody {
        self.parts.push(BodyPart::Text(self.text.into()));
        RequestBody { parts: self.parts }
    }
}

#[cfg(test)]
mod tests;
