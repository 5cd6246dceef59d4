//! The values that a filter works on. Strings are slices of the document that they came
//! from, lists and objects are shared until one of their holders changes them.

pub mod decimal;
mod object;
pub mod write;

use std::cmp::Ordering;
use std::ops::Deref;
use std::rc::Rc;

use decimal::Decimal;
pub use object::JqObject;

/// A JSON value.
#[derive(Clone, Debug, Default)]
pub enum Value {
    #[default]
    Null,
    Bool(bool),
    Number(f64),
    /// A number whose spelling says more than an `f64` does, such as `1.10` or 20 digits.
    Decimal(Rc<Decimal>),
    String(JqString),
    Array(Rc<Vec<Value>>),
    Object(Rc<JqObject>),
}

/// A string, or a part of one that others hold as well.
#[derive(Clone)]
pub struct JqString {
    buffer: Rc<String>,
    start: u32,
    length: u32,
}

impl JqString {
    /// A slice of `buffer`, which has to lie on character boundaries and below 4 GiB.
    pub fn slice(buffer: &Rc<String>, start: usize, end: usize) -> Self {
        let number = |at: usize| u32::try_from(at).expect("documents and strings are shorter than 4 GiB");
        Self { buffer: Rc::clone(buffer), start: number(start), length: number(end - start) }
    }

    /// The part between two byte offsets of this string.
    pub fn part(&self, start: usize, end: usize) -> Self {
        let offset = self.start as usize;
        Self::slice(&self.buffer, offset + start, offset + end)
    }

    /// Whether both are the very same string, and not only equal ones.
    pub fn is_same(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.buffer, &other.buffer) && self.start == other.start && self.length == other.length
    }

    /// This string with another one appended, without a copy if it has no other holder.
    pub fn append(mut self, more: &str) -> Self {
        let is_whole = self.start == 0 && self.length as usize == self.buffer.len();
        if is_whole && let Some(buffer) = Rc::get_mut(&mut self.buffer) {
            buffer.push_str(more);
            self.length = u32::try_from(buffer.len()).expect("strings are shorter than 4 GiB");
            return self;
        }
        let mut text = String::with_capacity(self.len() + more.len());
        text.push_str(&self);
        text.push_str(more);
        text.into()
    }
}

impl Deref for JqString {
    type Target = str;

    fn deref(&self) -> &str {
        let start = self.start as usize;
        &self.buffer[start..start + self.length as usize]
    }
}

impl From<String> for JqString {
    fn from(text: String) -> Self {
        let length = text.len();
        Self::slice(&Rc::new(text), 0, length)
    }
}

impl From<&str> for JqString {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

impl std::fmt::Debug for JqString {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Debug::fmt(&**self, formatter)
    }
}

impl PartialEq for JqString {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for JqString {}

impl std::hash::Hash for JqString {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        (**self).hash(state);
    }
}

impl std::borrow::Borrow<str> for JqString {
    fn borrow(&self) -> &str {
        self
    }
}

/// What is thrown is a value, as in jq.
pub type Fails<T> = Result<T, Value>;

impl Value {
    /// jq's name for the kind of a value.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "boolean",
            Self::Number(_) | Self::Decimal(_) => "number",
            Self::String(_) => "string",
            Self::Array(_) => "array",
            Self::Object(_) => "object",
        }
    }

    /// Everything but `null` and `false` counts as true.
    pub fn is_true(&self) -> bool {
        !matches!(self, Self::Null | Self::Bool(false))
    }

    pub fn as_number(&self) -> Option<f64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Decimal(decimal) => Some(decimal.number),
            _ => None,
        }
    }

    pub fn as_str(&self) -> Option<&str> {
        if let Self::String(text) = self { Some(text) } else { None }
    }

    pub fn string(text: impl Into<JqString>) -> Self {
        Self::String(text.into())
    }

    pub fn array(items: Vec<Value>) -> Self {
        Self::Array(Rc::new(items))
    }

    /// A count or an index.
    #[allow(clippy::cast_precision_loss)] // below 2^53, as all that fits in memory
    pub fn count(number: usize) -> Self {
        Self::Number(number as f64)
    }

    /// As JSON on one line.
    pub fn to_json(&self) -> String {
        let mut json = Vec::new();
        write::compact(self, &mut json);
        String::from_utf8(json).expect("JSON of strings is text")
    }

    /// A string as it is, anything else as JSON.
    pub fn to_text(&self) -> JqString {
        match self {
            Self::String(text) => text.clone(),
            other => other.to_json().into(),
        }
    }

    /// Whether jq treats both as the same value: they are equal, and neither was made anew.
    pub fn is_identical(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Null, Self::Null) => true,
            (Self::Bool(one), Self::Bool(two)) => one == two,
            (Self::Number(one), Self::Number(two)) => one.to_bits() == two.to_bits(),
            (Self::Decimal(one), Self::Decimal(two)) => Rc::ptr_eq(one, two),
            (Self::String(one), Self::String(two)) => one.is_same(two),
            (Self::Array(one), Self::Array(two)) => Rc::ptr_eq(one, two),
            (Self::Object(one), Self::Object(two)) => Rc::ptr_eq(one, two),
            _ => false,
        }
    }

    fn rank(&self) -> u8 {
        match self {
            Self::Null => 0,
            Self::Bool(false) => 1,
            Self::Bool(true) => 2,
            Self::Number(_) | Self::Decimal(_) => 3,
            Self::String(_) => 4,
            Self::Array(_) => 5,
            Self::Object(_) => 6,
        }
    }
}

/// jq's order: null, false, true, numbers, strings, lists, objects. A NaN is less than any number, itself included,
/// so this is no total order.
pub fn compare(one: &Value, two: &Value) -> Ordering {
    match (one, two) {
        (Value::Decimal(one), Value::Decimal(two)) => one.compare(two),
        (Value::Decimal(one), Value::Number(two)) => one.compare_with(*two),
        (Value::Number(one), Value::Decimal(two)) => two.compare_with(*one).reverse(),
        (Value::String(one), Value::String(two)) => one.as_bytes().cmp(two.as_bytes()),
        (Value::Array(one), Value::Array(two)) => {
            let different = one.iter().zip(two.iter()).map(|(one, two)| compare(one, two)).find(|order| order.is_ne());
            different.unwrap_or_else(|| one.len().cmp(&two.len()))
        }
        (Value::Object(one), Value::Object(two)) => one.compare(two),
        _ => match (one.as_number(), two.as_number()) {
            (Some(one), Some(two)) => match one.partial_cmp(&two) {
                Some(order) => order,
                None if one.is_nan() => Ordering::Less,
                None => Ordering::Greater,
            },
            _ => one.rank().cmp(&two.rank()),
        },
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Self::Number(value)
    }
}
