//! JSON text → values. Strings without escapes stay slices of the text.

use std::rc::Rc;

use super::value::{JqObject, JqString, Value, decimal};

/// How deep a text may nest, as in jq.
const MAX_DEPTH: usize = 10_000;

/// Why a text cannot be read, and at which byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    #[error("it is not JSON from byte {0} on")]
    At(usize),
    #[error("it nests deeper than {MAX_DEPTH} levels")]
    TooDeep,
    #[error("it ends in the middle of a JSON document")]
    CutShort,
    #[error("it holds no JSON document")]
    Empty,
}

/// Reads one document (RFC 8259), which is all of the part of `text` between two byte offsets.
///
/// # Errors
/// [`ReadError`], with the offset in `text`.
pub fn document(text: &Rc<String>, start: usize, end: usize) -> Result<Value, ReadError> {
    Reader::new(text, start, end, true).only_value()
}

/// Reads what jq's `fromjson` reads: also numbers such as `+1`, `01`, `.5`, and `nan`.
///
/// # Errors
/// [`ReadError`]
pub fn lenient(text: &str) -> Result<Value, ReadError> {
    let text = Rc::new(text.to_owned());
    Reader::new(&text, 0, text.len(), false).only_value()
}

/// Bytes as text, with U+FFFD for what is not UTF-8. As in jq, there is one for a character that is complete but invalid
/// (too long, or a surrogate), and one for a character that the text is too short for and all that follows it.
pub fn to_text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|error| {
        let mut text = String::new();
        let mut rest = error.as_bytes();
        while let Some(first) = rest.first() {
            let length = match first {
                0xC2..=0xDF => 2,
                0xE0..=0xEF => 3,
                0xF0..=0xF4 => 4,
                _ => 1,
            };
            let Some(others) = rest.get(1..length) else {
                text.push(char::REPLACEMENT_CHARACTER);
                break;
            };
            let continued = others.iter().take_while(|byte| matches!(byte, 0x80..=0xBF)).count();
            let (character, after) = rest.split_at(1 + continued);
            text.push_str(std::str::from_utf8(character).unwrap_or("\u{FFFD}"));
            rest = after;
        }
        text
    })
}

struct Reader<'t> {
    buffer: &'t Rc<String>,
    bytes: &'t [u8],
    at: usize,
    is_strict: bool,
    /// Items and members of the containers that are open.
    items: Vec<Value>,
    members: Vec<(JqString, Value)>,
}

impl<'t> Reader<'t> {
    fn new(buffer: &'t Rc<String>, start: usize, end: usize, is_strict: bool) -> Self {
        let bytes = &buffer.as_bytes()[..end];
        Self { buffer, bytes, at: start, is_strict, items: Vec::new(), members: Vec::new() }
    }

    fn only_value(mut self) -> Result<Value, ReadError> {
        self.skip_blanks();
        if self.at == self.bytes.len() {
            return Err(ReadError::Empty);
        }
        let value = self.value(0)?;
        self.skip_blanks();
        if self.at < self.bytes.len() { Err(ReadError::At(self.at)) } else { Ok(value) }
    }

    fn skip_blanks(&mut self) {
        while matches!(self.bytes.get(self.at), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    /// The next byte that is no blank, which is not taken.
    fn peek(&mut self) -> Result<u8, ReadError> {
        self.skip_blanks();
        self.bytes.get(self.at).copied().ok_or(ReadError::CutShort)
    }

    fn value(&mut self, depth: usize) -> Result<Value, ReadError> {
        if depth > MAX_DEPTH {
            return Err(ReadError::TooDeep);
        }
        match self.peek()? {
            b'"' => Ok(Value::String(self.string()?)),
            b'{' => self.object(depth),
            b'[' => self.array(depth),
            b't' => self.literal("true", Value::Bool(true)),
            b'f' => self.literal("false", Value::Bool(false)),
            b'n' if !self.is_strict && self.bytes[self.at..].starts_with(b"nan") => {
                self.literal("nan", Value::Number(f64::NAN))
            }
            b'n' => self.literal("null", Value::Null),
            _ => self.number(),
        }
    }

    fn literal(&mut self, word: &str, value: Value) -> Result<Value, ReadError> {
        let rest = &self.bytes[self.at..];
        let same = rest.iter().zip(word.bytes()).take_while(|(byte, expected)| **byte == *expected).count();
        self.at += same;
        match same {
            all if all == word.len() => Ok(value),
            _ if self.at == self.bytes.len() => Err(ReadError::CutShort),
            _ => Err(ReadError::At(self.at)),
        }
    }

    fn array(&mut self, depth: usize) -> Result<Value, ReadError> {
        self.at += 1;
        let first = self.items.len();
        if self.peek()? == b']' {
            self.at += 1;
            return Ok(Value::array(Vec::new()));
        }
        loop {
            let item = self.value(depth + 1)?;
            self.items.push(item);
            match self.peek()? {
                b',' => self.at += 1,
                b']' => break,
                _ => return Err(ReadError::At(self.at)),
            }
        }
        self.at += 1;
        Ok(Value::array(self.items.drain(first..).collect()))
    }

    fn object(&mut self, depth: usize) -> Result<Value, ReadError> {
        self.at += 1;
        let first = self.members.len();
        if self.peek()? == b'}' {
            self.at += 1;
            return Ok(Value::Object(Rc::default()));
        }
        loop {
            if self.peek()? != b'"' {
                return Err(ReadError::At(self.at));
            }
            let key = self.string()?;
            if self.peek()? != b':' {
                return Err(ReadError::At(self.at));
            }
            self.at += 1;
            let value = self.value(depth + 1)?;
            self.members.push((key, value));
            match self.peek()? {
                b',' => self.at += 1,
                b'}' => break,
                _ => return Err(ReadError::At(self.at)),
            }
        }
        self.at += 1;
        let members = self.members.drain(first..).collect();
        Ok(Value::Object(Rc::new(JqObject::from_members(members))))
    }

    fn number(&mut self) -> Result<Value, ReadError> {
        let start = self.at;
        let rest = &self.bytes[start..];
        let length = rest.iter().position(|byte| !matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E'));
        let spelling = &rest[..length.unwrap_or(rest.len())];
        let is_number = if self.is_strict { is_json_number(spelling) } else { !spelling.is_empty() };
        let spelling = std::str::from_utf8(spelling).unwrap_or_default();
        let value = if is_number { decimal::from_spelling(spelling) } else { None };
        self.at += spelling.len();
        match value {
            Some(value) => Ok(value),
            None if self.at == self.bytes.len() && !spelling.is_empty() => Err(ReadError::CutShort),
            None => Err(ReadError::At(start)),
        }
    }

    /// A string, from its opening quote to its closing one.
    fn string(&mut self) -> Result<JqString, ReadError> {
        let start = self.at + 1;
        let plain = plain_length(&self.bytes[start..]);
        self.at = start + plain;
        if self.bytes.get(self.at) == Some(&b'"') {
            self.at += 1;
            return Ok(JqString::slice(self.buffer, start, self.at - 1));
        }
        let mut text = self.buffer[start..self.at].to_owned();
        loop {
            match self.bytes.get(self.at) {
                Some(b'"') => break,
                Some(b'\\') => text.push(self.escape()?),
                Some(_) if self.is_strict => return Err(ReadError::At(self.at)),
                Some(control) => {
                    text.push(char::from(*control));
                    self.at += 1;
                }
                None => return Err(ReadError::CutShort),
            }
            let plain = plain_length(&self.bytes[self.at..]);
            text.push_str(&self.buffer[self.at..self.at + plain]);
            self.at += plain;
        }
        self.at += 1;
        text.shrink_to_fit();
        Ok(text.into())
    }

    fn escape(&mut self) -> Result<char, ReadError> {
        self.at += 2;
        Ok(match self.bytes.get(self.at - 1).ok_or(ReadError::CutShort)? {
            quoted @ (b'"' | b'\\' | b'/') => char::from(*quoted),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => self.code_point()?,
            _ => return Err(ReadError::At(self.at - 1)),
        })
    }

    /// The character of `\uXXXX`, whose two first characters were taken, and of the second half of a pair. A half
    /// without its other one is U+FFFD.
    fn code_point(&mut self) -> Result<char, ReadError> {
        let first = self.hex()?;
        if (0xd800..0xdc00).contains(&first) && self.bytes[self.at..].starts_with(b"\\u") {
            let before = self.at;
            self.at += 2;
            let second = self.hex()?;
            if (0xdc00..0xe000).contains(&second) {
                let code = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
                return Ok(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
            }
            self.at = before;
        }
        Ok(char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER))
    }

    fn hex(&mut self) -> Result<u32, ReadError> {
        let digits = self.bytes.get(self.at..self.at + 4).ok_or(ReadError::CutShort)?;
        let mut code = 0;
        for digit in digits {
            let digit = char::from(*digit).to_digit(16).ok_or(ReadError::At(self.at))?;
            code = code * 16 + digit;
        }
        self.at += 4;
        Ok(code)
    }
}

/// RFC 8259 §6.
fn is_json_number(spelling: &[u8]) -> bool {
    let digits = |text: &[u8]| text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let rest = spelling.strip_prefix(b"-").unwrap_or(spelling);
    let whole = digits(rest);
    if whole == 0 || (whole > 1 && rest[0] == b'0') {
        return false;
    }
    let mut rest = &rest[whole..];
    if let Some(fraction) = rest.strip_prefix(b".") {
        let count = digits(fraction);
        if count == 0 {
            return false;
        }
        rest = &fraction[count..];
    }
    if let [b'e' | b'E', exponent @ ..] = rest {
        let exponent = if let [b'+' | b'-', digits @ ..] = exponent { digits } else { exponent };
        return !exponent.is_empty() && digits(exponent) == exponent.len();
    }
    rest.is_empty()
}

/// How many bytes from the start are neither a quote, a backslash nor a control character: eight at a time.
fn plain_length(bytes: &[u8]) -> usize {
    const ONES: u64 = u64::MAX / 255;
    const HIGH: u64 = ONES << 7;
    let mut at = 0;
    while let Some(word) = bytes.get(at..at + 8) {
        let word = u64::from_le_bytes(word.try_into().expect("eight bytes"));
        let has = |byte: u8| {
            let difference = word ^ (ONES * u64::from(byte));
            difference.wrapping_sub(ONES) & !difference & HIGH
        };
        let control = word.wrapping_sub(ONES * 0x20) & !word & HIGH;
        let found = has(b'"') | has(b'\\') | control;
        if found != 0 {
            // A borrow marks only bytes above the first true one, so the lowest mark is right.
            return at + found.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    let rest = &bytes[at..];
    at + rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..=0x1f)).unwrap_or(rest.len())
}
