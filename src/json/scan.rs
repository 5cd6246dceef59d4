//! JSON (RFC 8259) checked as it comes in, in pieces of any size and in constant memory.
//! It tells where the outer values begin and end, so that their bytes can be passed on
//! untouched, and refuses what is cut short, malformed or nested too deep.

/// How deep a document may nest: what `serde_json` allows too.
pub const DEEPEST: usize = 128;

/// The longest key that is told apart. Longer ones are no list of Lokalise's.
const LONGEST_KEY: usize = 128;

/// Why some text is not a JSON document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    #[error("it is not JSON from byte {0} on")]
    At(u64),
    #[error("it nests deeper than {DEEPEST} levels")]
    TooDeep,
    #[error("it ends in the middle of a JSON document")]
    CutShort,
    #[error("what stands around its list is longer than any answer of Lokalise's")]
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

/// Something at a watched depth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The next byte is the first of a value.
    Begin(Shape),
    /// The byte before was the last of a value.
    End,
}

/// A document on its way in.
#[derive(Debug)]
pub struct Scanner {
    state: ScanState,
    /// How many containers are open; one bit of `objects` for each, the innermost lowest.
    depth: usize,
    objects: u128,
    /// Events are told of values inside at most so many containers.
    watched: usize,
    /// The value that comes next has been told of.
    announced: bool,
    /// The last key of the outermost object, escapes and all.
    key: Vec<u8>,
    seen: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ScanState {
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
    /// A scanner that tells of values inside at most `watched` containers.
    pub fn new(watched: usize) -> Self {
        Self { state: ScanState::Value, depth: 0, objects: 0, watched, announced: false, key: Vec::new(), seen: 0 }
    }

    /// Changes which values are told of, from here on.
    pub fn watch(&mut self, watched: usize) {
        self.watched = watched;
    }

    /// How many containers are open around the value that begins or has ended.
    pub fn depth(&self) -> usize {
        self.depth
    }

    /// The last key of the outermost object.
    pub fn key(&self) -> &[u8] {
        &self.key
    }

    /// Reads on to the next event or to the end of `bytes`, and says how far it came.
    ///
    /// # Errors
    /// [`Malformed`], at the first byte that cannot be.
    pub fn next(&mut self, bytes: &[u8]) -> Result<(usize, Option<Event>), Malformed> {
        let mut at = 0;
        while let Some(&byte) = bytes.get(at) {
            let step = match self.state {
                ScanState::Text(role) => self.text(role, bytes, &mut at),
                ScanState::Escape(role) => {
                    at += 1;
                    self.escape(role, byte)
                }
                ScanState::Hex(role, left) => {
                    at += 1;
                    self.state = if left > 1 { ScanState::Hex(role, left - 1) } else { ScanState::Text(role) };
                    if byte.is_ascii_hexdigit() { Ok(None) } else { Err(()) }
                }
                ScanState::Number(digits) => match digits.next(byte) {
                    Some(digits) => {
                        self.state = ScanState::Number(digits);
                        at += 1;
                        Ok(None)
                    }
                    None if digits.may_end() => Ok(self.ended()),
                    None => {
                        at += 1;
                        Err(())
                    }
                },
                ScanState::Literal(rest) => {
                    at += 1;
                    match rest.split_first() {
                        Some((&expected, [])) if expected == byte => Ok(self.ended()),
                        Some((&expected, rest)) if expected == byte => {
                            self.state = ScanState::Literal(rest);
                            Ok(None)
                        }
                        _ => Err(()),
                    }
                }
                _ if matches!(byte, b' ' | b'\t' | b'\n' | b'\r') => {
                    at += 1;
                    Ok(None)
                }
                _ if self.announces(byte) => {
                    self.announced = true;
                    let shape = match byte {
                        b'{' => Shape::Object,
                        b'[' => Shape::Array,
                        _ => Shape::Scalar,
                    };
                    Ok(Some(Event::Begin(shape)))
                }
                _ => {
                    at += 1;
                    self.punctuation(byte)?
                }
            };
            match step {
                Ok(None) => {}
                Ok(event) => {
                    self.seen += at as u64;
                    return Ok((at, event));
                }
                Err(()) => return Err(Malformed::At(self.seen + at as u64 - 1)),
            }
        }
        self.seen += at as u64;
        Ok((at, None))
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

    /// Whether `byte` begins a value that is to be told of first.
    fn announces(&self, byte: u8) -> bool {
        let value = match self.state {
            ScanState::Value => true,
            ScanState::ValueOrClose => byte != b']',
            _ => false,
        };
        value && self.depth <= self.watched && !self.announced
    }

    /// The inside of a string, up to its next quote or escape.
    fn text(&mut self, role: StringRole, bytes: &[u8], at: &mut usize) -> Result<Option<Event>, ()> {
        let plain = plain_text(&bytes[*at..]);
        if role == StringRole::Key && self.depth == 1 && self.key.len() < LONGEST_KEY {
            self.key.extend_from_slice(&bytes[*at..*at + plain]);
        }
        *at += plain;
        let Some(&byte) = bytes.get(*at) else { return Ok(None) };
        *at += 1;
        match (byte, role) {
            (b'"', StringRole::Value) => Ok(self.ended()),
            (b'"', StringRole::Key) => {
                self.state = ScanState::Colon;
                Ok(None)
            }
            (b'\\', _) => {
                self.state = ScanState::Escape(role);
                Ok(None)
            }
            _ => Err(()),
        }
    }

    fn escape(&mut self, role: StringRole, byte: u8) -> Result<Option<Event>, ()> {
        // So that no escaped spelling is taken for a plain one.
        if role == StringRole::Key && self.depth == 1 && self.key.len() < LONGEST_KEY {
            self.key.push(b'\\');
        }
        self.state = match byte {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => ScanState::Text(role),
            b'u' => ScanState::Hex(role, 4),
            _ => return Err(()),
        };
        Ok(None)
    }

    /// A byte between strings and numbers. The outer error is [`Malformed::TooDeep`], the inner one this byte.
    fn punctuation(&mut self, byte: u8) -> Result<Result<Option<Event>, ()>, Malformed> {
        self.announced = false;
        self.state = match (self.state, byte) {
            (ScanState::Value | ScanState::ValueOrClose, _) if byte != b']' => match byte {
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
                _ => return Ok(Err(())),
            },
            (ScanState::Key | ScanState::KeyOrClose, b'"') => {
                if self.depth == 1 {
                    self.key.clear();
                }
                ScanState::Text(StringRole::Key)
            }
            (ScanState::CommaOrClose, b',') if self.in_object() => ScanState::Key,
            (ScanState::Colon, b':') | (ScanState::CommaOrClose, b',') => ScanState::Value,
            (ScanState::CommaOrClose | ScanState::KeyOrClose, b'}') if self.in_object() => return Ok(Ok(self.close())),
            (ScanState::CommaOrClose | ScanState::ValueOrClose, b']') if !self.in_object() => {
                return Ok(Ok(self.close()));
            }
            _ => return Ok(Err(())),
        };
        Ok(Ok(None))
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
        self.ended()
    }

    fn in_object(&self) -> bool {
        self.objects & 1 == 1
    }

    fn ended(&mut self) -> Option<Event> {
        self.state = if self.depth == 0 { ScanState::Over } else { ScanState::CommaOrClose };
        (self.depth <= self.watched).then_some(Event::End)
    }
}

/// Checks one document that is at hand whole.
///
/// # Errors
/// [`Malformed`]
pub fn check(document: &[u8]) -> Result<(), Malformed> {
    let mut scanner = Scanner::new(0);
    let mut rest = document;
    while !rest.is_empty() {
        let (read, _) = scanner.next(rest)?;
        rest = &rest[read..];
    }
    scanner.finish()
}

/// How many bytes from the start are neither a quote, a backslash nor a control character: eight at a time, since
/// most of a document stands in strings.
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
