//! The words of a filter. A string is one word, with the words of the filters in it.

/// One word and where it begins.
#[derive(Clone, Debug, PartialEq)]
pub struct Lexeme {
    pub word: Word,
    /// The offset of its first byte, and the offset after its last.
    pub start: usize,
    pub end: usize,
    pub line: usize,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Word {
    /// A name or a keyword.
    Name(String),
    /// `.name`
    Field(String),
    /// `$name`
    Variable(String),
    /// `@name`
    Format(String),
    Number(String),
    Text(Vec<LexedPart>),
    /// An operator or a bracket.
    Sign(&'static str),
}

/// A part of a string.
#[derive(Clone, Debug, PartialEq)]
pub enum LexedPart {
    Plain(String),
    Filter(Vec<Lexeme>),
}

/// A syntax error: what is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyntaxError {
    pub message: String,
    pub offset: usize,
}

impl SyntaxError {
    pub fn new(message: impl Into<String>, offset: usize) -> Self {
        Self { message: message.into(), offset }
    }
}

/// Longer signs come before their beginnings.
const SIGNS: [&str; 38] = [
    "?//=", "?//", "//=", "!=", "==", "//", "|=", "+=", "-=", "*=", "/=", "%=", "<=", ">=", "..", ".", "[", "]", "(",
    ")", "{", "}", "|", ",", ":", ";", "=", "<", ">", "+", "-", "*", "/", "%", "?", "$", "!", "&",
];

/// Splits a filter into words.
///
/// # Errors
/// [`SyntaxError`]
pub fn lex(code: &str) -> Result<Vec<Lexeme>, SyntaxError> {
    let mut lexer = Lexer { code, at: 0, line: 1 };
    let words = lexer.words()?;
    match lexer.rest().chars().next() {
        Some(_) => Err(SyntaxError::new("unexpected `)`", lexer.at)),
        None => Ok(words),
    }
}

struct Lexer<'c> {
    code: &'c str,
    at: usize,
    line: usize,
}

impl<'c> Lexer<'c> {
    fn rest(&self) -> &'c str {
        &self.code[self.at..]
    }

    /// The words up to the end, or to a `)` that closes nothing.
    fn words(&mut self) -> Result<Vec<Lexeme>, SyntaxError> {
        let mut words = Vec::new();
        let mut open = 0_usize;
        loop {
            self.skip_blanks();
            let (start, line) = (self.at, self.line);
            let Some(first) = self.rest().chars().next() else { return Ok(words) };
            if first == ')' && open == 0 {
                return Ok(words);
            }
            let word = self.word(first)?;
            match word {
                Word::Sign("(") => open += 1,
                Word::Sign(")") => open -= 1,
                _ => {}
            }
            words.push(Lexeme { word, start, end: self.at, line });
        }
    }

    fn skip_blanks(&mut self) {
        loop {
            let rest = self.rest();
            let blanks = rest.len() - rest.trim_start_matches([' ', '\t', '\n', '\r']).len();
            self.line += rest[..blanks].matches('\n').count();
            self.at += blanks;
            if !self.rest().starts_with('#') {
                return;
            }
            self.skip_comment();
        }
    }

    /// A comment ends with its line, unless an odd number of backslashes precedes the end of the line.
    fn skip_comment(&mut self) {
        loop {
            let rest = self.rest();
            let end = rest.find('\n').unwrap_or(rest.len());
            let text = rest[..end].trim_end_matches('\r');
            let backslashes = text.len() - text.trim_end_matches('\\').len();
            self.at += end;
            if backslashes.is_multiple_of(2) || self.rest().is_empty() {
                return;
            }
            self.at += 1;
            self.line += 1;
        }
    }

    fn word(&mut self, first: char) -> Result<Word, SyntaxError> {
        let rest = self.rest();
        let second = rest[first.len_utf8()..].chars().next();
        let begins_name = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
        match first {
            '"' => {
                self.at += 1;
                self.text().map(Word::Text)
            }
            '.' if begins_name(second) => {
                self.at += 1;
                Ok(Word::Field(self.take_plain_name()))
            }
            '$' if begins_name(second) => {
                self.at += 1;
                Ok(Word::Variable(self.take_name()))
            }
            '@' if second.is_some_and(|c| c.is_ascii_alphanumeric() || c == '_') => {
                self.at += 1;
                Ok(Word::Format(self.take_plain_name()))
            }
            c if c.is_ascii_digit() || (c == '.' && second.is_some_and(|c| c.is_ascii_digit())) => {
                Ok(Word::Number(self.number()))
            }
            c if begins_name(Some(c)) => Ok(Word::Name(self.take_name())),
            c => match SIGNS.iter().find(|sign| rest.starts_with(**sign)) {
                Some(sign) if !matches!(*sign, "!" | "&" | "?//=") => {
                    self.at += sign.len();
                    Ok(Word::Sign(sign))
                }
                _ => Err(SyntaxError::new(format!("unexpected `{c}`"), self.at)),
            },
        }
    }

    fn take_plain_name(&mut self) -> String {
        let rest = self.rest();
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
        self.at += end;
        rest[..end].to_owned()
    }

    /// A name, with the names of modules before it.
    fn take_name(&mut self) -> String {
        let mut name = self.take_plain_name();
        while let Some(rest) = self.rest().strip_prefix("::")
            && rest.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        {
            self.at += 2;
            name.push_str("::");
            name.push_str(&self.take_plain_name());
        }
        name
    }

    fn number(&mut self) -> String {
        let rest = self.rest().as_bytes();
        let digits = |from: usize| rest[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        let mut end = digits(0);
        if rest.get(end) == Some(&b'.') {
            end += 1 + digits(end + 1);
        }
        if matches!(rest.get(end), Some(b'e' | b'E')) {
            let sign = usize::from(matches!(rest.get(end + 1), Some(b'+' | b'-')));
            let power = digits((end + 1 + sign).min(rest.len()));
            if power > 0 {
                end += 1 + sign + power;
            }
        }
        let number = self.rest()[..end].to_owned();
        self.at += end;
        number
    }

    /// The parts of a string, whose opening quote was taken.
    fn text(&mut self) -> Result<Vec<LexedPart>, SyntaxError> {
        let opened = self.at - 1;
        let mut parts = Vec::new();
        let mut plain = String::new();
        loop {
            let c = self.rest().chars().next().ok_or_else(|| SyntaxError::new("a string without its end", opened))?;
            self.at += c.len_utf8();
            match c {
                '"' => break,
                '\\' if self.rest().starts_with('(') => {
                    self.at += 1;
                    parts.push(LexedPart::Plain(std::mem::take(&mut plain)));
                    parts.push(LexedPart::Filter(self.words()?));
                    if !self.rest().starts_with(')') {
                        return Err(SyntaxError::new("a string without its end", opened));
                    }
                    self.at += 1;
                }
                '\\' => plain.push(self.escape()?),
                '\n' => {
                    self.line += 1;
                    plain.push(c);
                }
                c => plain.push(c),
            }
        }
        parts.push(LexedPart::Plain(plain));
        Ok(parts)
    }

    /// The character of an escape, whose backslash was taken.
    fn escape(&mut self) -> Result<char, SyntaxError> {
        let start = self.at - 1;
        let invalid = || SyntaxError::new("invalid escape in a string", start);
        let c = self.rest().chars().next().ok_or_else(invalid)?;
        self.at += c.len_utf8();
        Ok(match c {
            '"' | '\\' | '/' => c,
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => {
                let first = self.hex().ok_or_else(invalid)?;
                if !(0xd800..0xe000).contains(&first) {
                    return char::from_u32(first).ok_or_else(invalid);
                }
                if !self.rest().starts_with("\\u") {
                    return Err(invalid());
                }
                self.at += 2;
                let second = self.hex().filter(|second| (0xdc00..0xe000).contains(second)).ok_or_else(invalid)?;
                let code = 0x10000 + ((first & 0x3ff) << 10) + (second - 0xdc00);
                char::from_u32(code).ok_or_else(invalid)?
            }
            _ => return Err(invalid()),
        })
    }

    fn hex(&mut self) -> Option<u32> {
        let digits = self.rest().get(..4).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
        self.at += 4;
        u32::from_str_radix(digits, 16).ok()
    }
}
