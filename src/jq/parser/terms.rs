//! Terms: paths, literals, lists, objects, calls and the patterns of `as`.

use super::super::lexer::{LexedPart, SyntaxError, Word};
use super::super::syntax::{Pattern, Syntax, TextPart};
use super::{KEYWORDS, Parser};

impl Parser<'_> {
    /// A term with the indexes after it.
    pub(super) fn term(&mut self) -> Result<Syntax, SyntaxError> {
        let mut term = self.first_term()?;
        loop {
            term = match self.peek() {
                Some(Word::Field(name)) => {
                    self.at += 1;
                    Syntax::Index(Box::new(term), Box::new(text(name)))
                }
                Some(Word::Sign("[")) => self.brackets(term)?,
                Some(Word::Sign(".")) => {
                    self.at += 1;
                    match self.peek() {
                        Some(Word::Text(_) | Word::Format(_)) => {
                            let key = self.string()?;
                            Syntax::Index(Box::new(term), Box::new(key))
                        }
                        Some(Word::Sign("[")) => self.brackets(term)?,
                        _ => return Err(self.error("a name or `[` expected")),
                    }
                }
                Some(Word::Sign("?")) => {
                    self.at += 1;
                    optional(term)
                }
                _ => return Ok(term),
            };
            self.count_operator()?;
        }
    }

    fn first_term(&mut self) -> Result<Syntax, SyntaxError> {
        let Some(lexeme) = self.words.get(self.at) else { return Err(self.error("a filter expected")) };
        match &lexeme.word {
            Word::Sign(".") => {
                self.at += 1;
                if let Some(Word::Text(_) | Word::Format(_)) = self.peek()
                    && self.is_string()
                {
                    let key = self.string()?;
                    return Ok(Syntax::Index(Box::new(Syntax::Identity), Box::new(key)));
                }
                Ok(Syntax::Identity)
            }
            Word::Sign("..") => Ok(self.taken(Syntax::RecurseDefault)),
            Word::Field(name) => Ok(self.taken(Syntax::Index(Box::new(Syntax::Identity), Box::new(text(name))))),
            Word::Number(number) => Ok(self.taken(Syntax::Number(number.clone()))),
            Word::Format(name) if !self.is_string() => Ok(self.taken(Syntax::Format(name.clone()))),
            Word::Text(_) | Word::Format(_) => self.string(),
            Word::Variable(name) if name == "__loc__" => Ok(self.taken(Syntax::Location(lexeme.line))),
            Word::Variable(name) => Ok(self.taken(Syntax::Variable(name.clone()))),
            Word::Sign("(") => {
                self.at += 1;
                let inner = self.deeper(Self::pipe)?;
                self.expect(")")?;
                Ok(inner)
            }
            Word::Sign("[") => {
                self.at += 1;
                if self.takes("]") {
                    return Ok(Syntax::Array(None));
                }
                let items = self.deeper(Self::pipe)?;
                self.expect("]")?;
                Ok(Syntax::Array(Some(Box::new(items))))
            }
            Word::Sign("{") => self.deeper(Self::object),
            Word::Name(name) if name == "break" => {
                self.at += 1;
                Ok(Syntax::Break(self.variable()?))
            }
            Word::Name(name) if !KEYWORDS.contains(&name.as_str()) => self.call(),
            _ => Err(self.error("a filter expected")),
        }
    }

    fn taken(&mut self, term: Syntax) -> Syntax {
        self.at += 1;
        term
    }

    fn call(&mut self) -> Result<Syntax, SyntaxError> {
        let name = self.identifier()?;
        let mut arguments = Vec::new();
        if self.takes("(") {
            loop {
                arguments.push(self.deeper(Self::pipe)?);
                if !self.takes(";") {
                    break;
                }
            }
            self.expect(")")?;
        }
        Ok(Syntax::Call(name, arguments))
    }

    /// `[]`, `[index]` and `[from:to]` after a term.
    fn brackets(&mut self, term: Syntax) -> Result<Syntax, SyntaxError> {
        self.expect("[")?;
        let term = Box::new(term);
        if self.takes("]") {
            return Ok(Syntax::Each(term));
        }
        if self.takes(":") {
            let end = self.deeper(Self::pipe)?;
            self.expect("]")?;
            return Ok(Syntax::Slice(term, None, Some(Box::new(end))));
        }
        let index = Box::new(self.deeper(Self::pipe)?);
        if self.takes("]") {
            return Ok(Syntax::Index(term, index));
        }
        self.expect(":")?;
        if self.takes("]") {
            return Ok(Syntax::Slice(term, Some(index), None));
        }
        let end = self.deeper(Self::pipe)?;
        self.expect("]")?;
        Ok(Syntax::Slice(term, Some(index), Some(Box::new(end))))
    }

    /// Whether a string follows, with or without a format before it.
    fn is_string(&self) -> bool {
        match self.peek() {
            Some(Word::Text(_)) => true,
            Some(Word::Format(_)) => matches!(self.words.get(self.at + 1).map(|next| &next.word), Some(Word::Text(_))),
            _ => false,
        }
    }

    fn string(&mut self) -> Result<Syntax, SyntaxError> {
        let format = match self.peek() {
            Some(Word::Format(name)) => {
                self.at += 1;
                Some(name.clone())
            }
            _ => None,
        };
        let Some(Word::Text(parts)) = self.peek() else { return Err(self.error("a string expected")) };
        self.at += 1;
        let mut read = Vec::new();
        for part in parts {
            read.push(match part {
                LexedPart::Plain(text) => TextPart::Plain(text.clone()),
                LexedPart::Filter(words) => {
                    let end = self.words[self.at - 1].end;
                    let mut inner = Parser { words, at: 0, end, depth: self.depth, operators: self.operators };
                    let filter = inner.deeper(Parser::pipe)?;
                    inner.end()?;
                    self.operators = inner.operators;
                    TextPart::Filter(filter)
                }
            });
        }
        Ok(Syntax::Text(format, read))
    }

    fn object(&mut self) -> Result<Syntax, SyntaxError> {
        self.expect("{")?;
        let mut members = Vec::new();
        while !self.takes("}") {
            members.push(self.member()?);
            if !self.takes(",") {
                self.expect("}")?;
                break;
            }
        }
        Ok(Syntax::Object(members))
    }

    fn member(&mut self) -> Result<(Syntax, Syntax), SyntaxError> {
        let of_input = |key: Syntax| Syntax::Index(Box::new(Syntax::Identity), Box::new(key));
        let line = self.words.get(self.at).map_or(1, |lexeme| lexeme.line);
        let (key, short) = match self.peek() {
            Some(Word::Variable(name)) if name == "__loc__" => {
                self.at += 1;
                return Ok((text(name), Syntax::Location(line)));
            }
            Some(Word::Variable(name)) => {
                self.at += 1;
                let variable = Syntax::Variable(name.clone());
                if !self.takes(":") {
                    return Ok((text(name), variable));
                }
                return Ok((variable, self.member_value()?));
            }
            Some(Word::Name(name)) => {
                self.at += 1;
                (text(name), Some(of_input(text(name))))
            }
            Some(Word::Text(_) | Word::Format(_)) if self.is_string() => {
                let key = self.string()?;
                (key.clone(), Some(of_input(key)))
            }
            Some(Word::Sign("(")) => {
                self.at += 1;
                let key = self.deeper(Self::pipe)?;
                self.expect(")")?;
                (key, None)
            }
            _ => return Err(self.error("a key expected; put brackets around a filter that makes one")),
        };
        match (self.takes(":"), short) {
            (true, _) => Ok((key, self.member_value()?)),
            (false, Some(value)) => Ok((key, value)),
            (false, None) => Err(self.error("`:` expected")),
        }
    }

    /// The value of a member: terms with `|` between them.
    fn member_value(&mut self) -> Result<Syntax, SyntaxError> {
        self.deeper(|parser| {
            let value =
                if parser.takes("-") { Syntax::Negate(Box::new(parser.member_value()?)) } else { parser.term()? };
            if parser.takes("|") {
                parser.count_operator()?;
                return Ok(Syntax::Pipe(Box::new(value), Box::new(parser.member_value()?)));
            }
            match parser.sign() {
                Some("," | "}") => Ok(value),
                _ => Err(parser.error("`,` or `}` expected; put brackets around a value with operators")),
            }
        })
    }

    pub(super) fn patterns(&mut self) -> Result<Vec<Pattern>, SyntaxError> {
        let mut patterns = vec![self.pattern()?];
        while self.takes("?//") {
            patterns.push(self.pattern()?);
        }
        Ok(patterns)
    }

    fn pattern(&mut self) -> Result<Pattern, SyntaxError> {
        self.deeper(|parser| {
            if let Some(Word::Variable(_)) = parser.peek() {
                return parser.variable().map(Pattern::Variable);
            }
            if parser.takes("[") {
                let mut items = vec![parser.pattern()?];
                while parser.takes(",") {
                    items.push(parser.pattern()?);
                }
                parser.expect("]")?;
                return Ok(Pattern::Array(items));
            }
            if !parser.takes("{") {
                return Err(parser.error("a variable, `[` or `{` expected"));
            }
            let mut members = vec![parser.member_pattern()?];
            while parser.takes(",") {
                members.push(parser.member_pattern()?);
            }
            parser.expect("}")?;
            Ok(Pattern::Object(members))
        })
    }

    fn member_pattern(&mut self) -> Result<(Option<String>, Syntax, Option<Pattern>), SyntaxError> {
        let key = match self.peek() {
            Some(Word::Variable(name)) => {
                self.at += 1;
                let pattern = if self.takes(":") { Some(self.pattern()?) } else { None };
                return Ok((Some(name.clone()), text(name), pattern));
            }
            Some(Word::Name(name)) => {
                self.at += 1;
                text(name)
            }
            Some(Word::Text(_) | Word::Format(_)) if self.is_string() => self.string()?,
            Some(Word::Sign("(")) => {
                self.at += 1;
                let key = self.deeper(Self::pipe)?;
                self.expect(")")?;
                key
            }
            _ => return Err(self.error("a key or a variable expected")),
        };
        self.expect(":")?;
        Ok((None, key, Some(self.pattern()?)))
    }
}

/// A string as a filter.
fn text(text: &str) -> Syntax {
    Syntax::Text(None, vec![TextPart::Plain(text.to_owned())])
}

/// `?` after a term. After an index it catches errors of that index only, and not of the term before.
fn optional(term: Syntax) -> Syntax {
    let forgiven = |place: Syntax| Syntax::Try(Box::new(place), None);
    let input = || Box::new(Syntax::Identity);
    match term {
        Syntax::Index(target, key) => {
            let (key, bind) = kept("__key", *key);
            bind(Syntax::Pipe(target, Box::new(forgiven(Syntax::Index(input(), Box::new(key))))))
        }
        Syntax::Slice(target, from, to) => {
            let (from, bind_from) = kept("__from", from.map_or(null(), |from| *from));
            let (to, bind_to) = kept("__to", to.map_or(null(), |to| *to));
            let slice = Syntax::Slice(input(), Some(Box::new(from)), Some(Box::new(to)));
            bind_from(bind_to(Syntax::Pipe(target, Box::new(forgiven(slice)))))
        }
        Syntax::Each(target) => Syntax::Pipe(target, Box::new(forgiven(Syntax::Each(input())))),
        other => forgiven(other),
    }
}

fn null() -> Syntax {
    Syntax::Call("null".to_owned(), Vec::new())
}

/// A key that is looked up in another place than it was written in: one that looks at its input is kept in a variable.
fn kept(name: &str, key: Syntax) -> (Syntax, impl FnOnce(Syntax) -> Syntax) {
    let is_constant = matches!(key, Syntax::Number(_))
        || matches!(&key, Syntax::Text(_, parts) if matches!(parts[..], [TextPart::Plain(_)]))
        || key == null();
    let variable = Syntax::Variable(name.to_owned());
    let (used, bound) = if is_constant { (key, None) } else { (variable, Some(key)) };
    let pattern = vec![Pattern::Variable(name.to_owned())];
    let bind = move |body| match bound {
        Some(key) => Syntax::Bind(Box::new(key), pattern, Box::new(body)),
        None => body,
    };
    (used, bind)
}
