//! JSON (RFC 8259) checked as it comes in, in pieces of any size and in constant memory. It reports
//! where the outer values begin and end, so that their bytes can be passed on unchanged, and
//! refuses documents that are cut short, malformed or nested too deep.

use std::borrow::Cow;

/// How deep a document may nest: what `serde_json` allows too.
pub const DEEPEST: usize = 128;

/// The byte order mark of UTF-8. It is not part of JSON, and is skipped in front of a document (RFC 8259 §8.1).
const MARK: &[u8] = b"\xef\xbb\xbf";

/// About how many bytes of a key are kept, as it is spelled: a name of 100 bytes with an escape for each fits.
const MAX_KEY_BYTES: usize = 600;

/// Why some text is not a JSON document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    #[error("it is not JSON from byte {0} on")]
    At(u64),
    #[error("it nests deeper than {DEEPEST} levels")]
    TooDeep,
    #[error("it ends in the middle of a JSON document")]
    CutShort,
    #[error("what surrounds its list is longer than any answer of Lokalise")]
    TooLong,
    #[error("it says the same thing twice")]
    Ambiguous,
}

/// What kind of value begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    Object,
    Array,
    Scalar,
}

impl Shape {
    /// The kind of the value that begins with this byte.
    fn of(byte: u8) -> Self {
        match byte {
            b'{' => Self::Object,
            b'[' => Self::Array,
            _ => Self::Scalar,
        }
    }
}

/// Something at a watched depth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The next byte is the first of a value.
    Begin(Shape),
    /// The byte before was the last of a value.
    End,
}

/// A document that is being read.
#[derive(Debug)]
pub struct Scanner {
    state: ScanState,
    /// How many containers are open; one bit of `objects` for each, the innermost lowest.
    depth: usize,
    objects: u128,
    /// Events are reported for values inside at most this many containers.
    watched: usize,
    /// The value that comes next has been reported.
    announced: bool,
    /// The last key of the outermost object, as it is spelled.
    key: Vec<u8>,
    seen: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ScanState {
    /// Nothing but white space has come.
    Start,
    Value,
    ValueOrClose,
    Key,
    KeyOrClose,
    Colon,
    CommaOrClose,
    Over,
    Text(StringRole),
    Escape(StringRole),
    Hex(StringRole, u8),
    Number(Digits),
    Literal(&'static [u8]),
    /// Inside a byte order mark, with what is left of it.
    Mark(&'static [u8]),
}

/// What a string is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum StringRole {
    Key,
    Value,
}

/// How far a number has come (RFC 8259 §6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Digits {
    Minus,
    Zero,
    Integer,
    Point,
    Fraction,
    Exponent,
    Sign,
    Power,
}

impl Digits {
    fn next(self, byte: u8) -> Option<Self> {
        match (self, byte) {
            (Self::Minus, b'0') => Some(Self::Zero),
            (Self::Minus, b'1'..=b'9') | (Self::Integer, b'0'..=b'9') => Some(Self::Integer),
            (Self::Zero | Self::Integer, b'.') => Some(Self::Point),
            (Self::Point | Self::Fraction, b'0'..=b'9') => Some(Self::Fraction),
            (Self::Zero | Self::Integer | Self::Fraction, b'e' | b'E') => Some(Self::Exponent),
            (Self::Exponent, b'+' | b'-') => Some(Self::Sign),
            (Self::Exponent | Self::Sign | Self::Power, b'0'..=b'9') => Some(Self::Power),
            _ => None,
        }
    }

    fn may_end(self) -> bool {
        matches!(self, Self::Zero | Self::Integer | Self::Fraction | Self::Power)
    }
}

impl Scanner {
    /// A scanner that reports values inside at most `watched` containers.
    pub fn new(watched: usize) -> Self {
        Self { state: ScanState::Start, depth: 0, objects: 0, watched, announced: false, key: Vec::new(), seen: 0 }
    }

    /// Changes which values are reported, from here on.
    pub fn watch(&mut self, watched: usize) {
        self.watched = watched;
    }

    /// How many containers are open around the value that begins or has ended.
    pub fn depth(&self) -> usize {
        self.depth
    }

    /// The last key of the outermost object, without escapes. A key above 600 bytes may be cut.
    pub fn key(&self) -> Cow<'_, [u8]> {
        unescaped(&self.key)
    }

    /// Reads on to the next event or to the end of `bytes`, and says how far it came.
    ///
    /// # Errors
    /// [`Malformed`], at the first byte that cannot be.
    pub fn next(&mut self, bytes: &[u8]) -> Result<(usize, Option<Event>), Malformed> {
        let start = self.seen;
        let mut rest = bytes;
        let mut event = None;
        while event.is_none()
            && let Some(&byte) = rest.first()
        {
            let plain = self.plain_text_in(rest);
            if self.announces(byte) {
                self.announced = true;
                event = Some(Event::Begin(Shape::of(byte)));
            } else if self.number_ends_before(byte) {
                event = self.end_value();
            } else {
                let taken = plain.max(1);
                self.seen += taken as u64;
                rest = &rest[taken..];
                if plain == 0 {
                    event = self.take(byte)?;
                }
            }
        }
        let read = usize::try_from(self.seen - start).expect("no more than `bytes` has");
        Ok((read, event))
    }

    /// Reads on to the end of `bytes`, whatever is in them.
    ///
    /// # Errors
    /// [`Malformed`], at the first byte that cannot be.
    pub fn check(&mut self, mut bytes: &[u8]) -> Result<(), Malformed> {
        while !bytes.is_empty() {
            let (read, _) = self.next(bytes)?;
            bytes = &bytes[read..];
        }
        Ok(())
    }

    /// To be called at the end of the input.
    ///
    /// # Errors
    /// [`Malformed::CutShort`], if the document goes on.
    pub fn finish(&mut self) -> Result<(), Malformed> {
        match self.state {
            ScanState::Over => Ok(()),
            // Only a number needs what follows to know that it is over.
            ScanState::Number(digits) if self.depth == 0 && digits.may_end() => {
                self.state = ScanState::Over;
                Ok(())
            }
            _ => Err(Malformed::CutShort),
        }
    }

    /// Whether `byte` begins a value that is to be reported first.
    fn announces(&self, byte: u8) -> bool {
        let begins_value = match self.state {
            ScanState::Start => byte != MARK[0],
            ScanState::Value => true,
            ScanState::ValueOrClose => byte != b']',
            _ => false,
        };
        begins_value && self.depth <= self.watched && !self.announced && !is_space(byte)
    }

    /// Whether the number that is being read ends in front of `byte`. No other value needs what follows it.
    fn number_ends_before(&self, byte: u8) -> bool {
        matches!(self.state, ScanState::Number(digits) if digits.may_end() && digits.next(byte).is_none())
    }

    /// How many of the next bytes are plain text inside a string. Those of an outermost key are kept.
    fn plain_text_in(&mut self, bytes: &[u8]) -> usize {
        let ScanState::Text(role) = self.state else { return 0 };
        let plain = plain_text(bytes);
        self.keep_of_key(role, &bytes[..plain]);
        plain
    }

    fn keep_of_key(&mut self, role: StringRole, bytes: &[u8]) {
        if role == StringRole::Key && self.depth == 1 && self.key.len() < MAX_KEY_BYTES {
            self.key.extend_from_slice(bytes);
        }
    }

    /// Takes one byte that is not plain text.
    fn take(&mut self, byte: u8) -> Result<Option<Event>, Malformed> {
        match self.state {
            ScanState::Text(role) => self.end_of_text(role, byte),
            ScanState::Escape(role) => self.escape(role, byte),
            ScanState::Hex(role, left) => self.hex_digit(role, left, byte),
            ScanState::Number(digits) => self.digit(digits, byte),
            ScanState::Literal(rest) => self.literal(rest, byte),
            ScanState::Mark(rest) => self.mark(rest, byte),
            _ if is_space(byte) => Ok(None),
            _ => self.punctuation(byte),
        }
    }

    /// The error for the byte that was taken last.
    fn unexpected<T>(&self) -> Result<T, Malformed> {
        Err(Malformed::At(self.seen - 1))
    }

    /// A byte inside a string that is not plain: a quote, a backslash, or a control character.
    fn end_of_text(&mut self, role: StringRole, byte: u8) -> Result<Option<Event>, Malformed> {
        self.state = match (byte, role) {
            (b'"', StringRole::Value) => return Ok(self.end_value()),
            (b'"', StringRole::Key) => ScanState::Colon,
            (b'\\', _) => ScanState::Escape(role),
            _ => return self.unexpected(),
        };
        Ok(None)
    }

    fn escape(&mut self, role: StringRole, byte: u8) -> Result<Option<Event>, Malformed> {
        // An escaped spelling is not taken for a plain one.
        self.keep_of_key(role, &[b'\\', byte]);
        self.state = match byte {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => ScanState::Text(role),
            b'u' => ScanState::Hex(role, 4),
            _ => return self.unexpected(),
        };
        Ok(None)
    }

    fn hex_digit(&mut self, role: StringRole, left: u8, byte: u8) -> Result<Option<Event>, Malformed> {
        if !byte.is_ascii_hexdigit() {
            return self.unexpected();
        }
        self.keep_of_key(role, &[byte]);
        self.state = if left > 1 { ScanState::Hex(role, left - 1) } else { ScanState::Text(role) };
        Ok(None)
    }

    fn digit(&mut self, digits: Digits, byte: u8) -> Result<Option<Event>, Malformed> {
        let Some(digits) = digits.next(byte) else { return self.unexpected() };
        self.state = ScanState::Number(digits);
        Ok(None)
    }

    fn literal(&mut self, rest: &'static [u8], byte: u8) -> Result<Option<Event>, Malformed> {
        match rest.split_first() {
            Some((&expected, [])) if expected == byte => Ok(self.end_value()),
            Some((&expected, rest)) if expected == byte => {
                self.state = ScanState::Literal(rest);
                Ok(None)
            }
            _ => self.unexpected(),
        }
    }

    /// A byte of the byte order mark that some servers put in front of UTF-8.
    fn mark(&mut self, rest: &'static [u8], byte: u8) -> Result<Option<Event>, Malformed> {
        self.state = match rest.split_first() {
            Some((&expected, [])) if expected == byte => ScanState::Value,
            Some((&expected, rest)) if expected == byte => ScanState::Mark(rest),
            _ => return self.unexpected(),
        };
        Ok(None)
    }

    /// A byte between strings and numbers.
    fn punctuation(&mut self, byte: u8) -> Result<Option<Event>, Malformed> {
        self.announced = false;
        self.state = match (self.state, byte) {
            (ScanState::Start, _) if byte == MARK[0] => ScanState::Mark(&MARK[1..]),
            (ScanState::Start | ScanState::Value | ScanState::ValueOrClose, _) if byte != b']' => {
                return self.begin_value(byte);
            }
            (ScanState::Key | ScanState::KeyOrClose, b'"') => {
                if self.depth == 1 {
                    self.key.clear();
                }
                ScanState::Text(StringRole::Key)
            }
            (ScanState::CommaOrClose, b',') if self.in_object() => ScanState::Key,
            (ScanState::Colon, b':') | (ScanState::CommaOrClose, b',') => ScanState::Value,
            (ScanState::CommaOrClose | ScanState::KeyOrClose, b'}') if self.in_object() => return Ok(self.close()),
            (ScanState::CommaOrClose | ScanState::ValueOrClose, b']') if !self.in_object() => return Ok(self.close()),
            _ => return self.unexpected(),
        };
        Ok(None)
    }

    /// The first byte of a value.
    fn begin_value(&mut self, byte: u8) -> Result<Option<Event>, Malformed> {
        self.state = match byte {
            b'{' => {
                self.open(1)?;
                ScanState::KeyOrClose
            }
            b'[' => {
                self.open(0)?;
                ScanState::ValueOrClose
            }
            b'"' => ScanState::Text(StringRole::Value),
            b'-' => ScanState::Number(Digits::Minus),
            b'0' => ScanState::Number(Digits::Zero),
            b'1'..=b'9' => ScanState::Number(Digits::Integer),
            b't' => ScanState::Literal(b"rue"),
            b'f' => ScanState::Literal(b"alse"),
            b'n' => ScanState::Literal(b"ull"),
            _ => return self.unexpected(),
        };
        Ok(None)
    }

    fn open(&mut self, object: u128) -> Result<(), Malformed> {
        if self.depth == DEEPEST {
            return Err(Malformed::TooDeep);
        }
        self.depth += 1;
        self.objects = self.objects << 1 | object;
        Ok(())
    }

    fn close(&mut self) -> Option<Event> {
        self.depth -= 1;
        self.objects >>= 1;
        self.end_value()
    }

    fn in_object(&self) -> bool {
        self.objects & 1 == 1
    }

    fn end_value(&mut self) -> Option<Event> {
        self.state = if self.depth == 0 { ScanState::Over } else { ScanState::CommaOrClose };
        (self.depth <= self.watched).then_some(Event::End)
    }
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

/// The text of a name as it is spelled between its quotes. A spelling that is not JSON is returned as it is.
fn unescaped(name: &[u8]) -> Cow<'_, [u8]> {
    if !name.contains(&b'\\') {
        return Cow::Borrowed(name);
    }
    let quoted = [b"\"", name, b"\""].concat();
    serde_json::from_slice::<String>(&quoted).map_or(Cow::Borrowed(name), |text| Cow::Owned(text.into_bytes()))
}

/// Checks one document that is at hand whole.
///
/// # Errors
/// [`Malformed`]
pub fn check(document: &[u8]) -> Result<(), Malformed> {
    let mut scanner = Scanner::new(0);
    scanner.check(document)?;
    scanner.finish()
}

/// How many bytes from the start are neither a quote, a backslash nor a control character: eight at a time, since
/// most of a document is strings.
fn plain_text(bytes: &[u8]) -> usize {
    const ONES: u64 = u64::MAX / 255;
    const HIGH: u64 = ONES << 7;
    let zero_byte = |word: u64| word.wrapping_sub(ONES) & !word & HIGH;
    let mut words = bytes.chunks_exact(8);
    let mut at = 0;
    for word in &mut words {
        let word = u64::from_le_bytes(word.try_into().expect("eight bytes"));
        let control = word.wrapping_sub(ONES * 0x20) & !word & HIGH;
        let found = zero_byte(word ^ (ONES * u64::from(b'"'))) | zero_byte(word ^ (ONES * u64::from(b'\\'))) | control;
        if found != 0 {
            // A borrow can only mark bytes above the first true one, so the lowest mark is right.
            return at + found.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    let special = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..=0x1f);
    at + words.remainder().iter().position(special).unwrap_or(words.remainder().len())
}

#[cfg(test)]
mod tests;
