//! Words → the tree of a filter, with jq's precedences.

mod terms;

use super::lexer::{Lexeme, SyntaxError, Word, lex};
use super::syntax::{Arithmetic, Comparison, Definition, Operator, Pattern, Syntax};

/// How deep brackets may nest.
const MAX_DEPTH: usize = 500;
/// How many operators one filter may have: trees of them are walked by recursion.
const MAX_OPERATORS: usize = 1000;

const KEYWORDS: [&str; 18] = [
    "def", "module", "import", "include", "if", "then", "else", "elif", "as", "reduce", "foreach", "end", "and", "or",
    "label", "try", "catch", "__loc__",
];

/// Parses a filter.
///
/// # Errors
/// [`SyntaxError`], with the place of the first mistake.
pub fn parse(code: &str) -> Result<Syntax, SyntaxError> {
    let words = lex(code)?;
    if words.is_empty() {
        return Ok(Syntax::Identity);
    }
    let mut parser = Parser::new(&words, code.len());
    if matches!(parser.name(), Some("import" | "include" | "module")) {
        return Err(parser.error("modules cannot be loaded"));
    }
    let filter = parser.pipe()?;
    parser.end()?;
    Ok(filter)
}

/// Parses definitions alone.
///
/// # Errors
/// [`SyntaxError`]
pub fn parse_definitions(code: &str) -> Result<Vec<Definition>, SyntaxError> {
    let words = lex(code)?;
    let mut parser = Parser::new(&words, code.len());
    let mut definitions = Vec::new();
    while parser.name() == Some("def") {
        definitions.push(parser.definition()?);
    }
    parser.end()?;
    Ok(definitions)
}

struct Parser<'w> {
    words: &'w [Lexeme],
    at: usize,
    /// The offset after the last word.
    end: usize,
    depth: usize,
    operators: usize,
}

/// How strongly an operator binds, from the weakest on, and which sides may be of the same strength.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Left,
    Right,
    Neither,
}

const PIPE: u8 = 1;
const COMMA: u8 = 2;
const PRODUCT: u8 = 9;

fn binary(sign: &str) -> Option<(u8, Side, Operator)> {
    let compare = |comparison| Some((7, Side::Neither, Operator::Compare(comparison)));
    let update = |arithmetic| Some((4, Side::Neither, Operator::UpdateWith(arithmetic)));
    match sign {
        "//" => Some((3, Side::Right, Operator::Alternative)),
        "=" => Some((4, Side::Neither, Operator::Assign)),
        "|=" => Some((4, Side::Neither, Operator::Update)),
        "//=" => Some((4, Side::Neither, Operator::UpdateAlternative)),
        "+=" => update(Arithmetic::Add),
        "-=" => update(Arithmetic::Subtract),
        "*=" => update(Arithmetic::Multiply),
        "/=" => update(Arithmetic::Divide),
        "%=" => update(Arithmetic::Remainder),
        "or" => Some((5, Side::Left, Operator::Or)),
        "and" => Some((6, Side::Left, Operator::And)),
        "==" => compare(Comparison::Equal),
        "!=" => compare(Comparison::Unequal),
        "<" => compare(Comparison::Less),
        "<=" => compare(Comparison::LessOrEqual),
        ">" => compare(Comparison::Greater),
        ">=" => compare(Comparison::GreaterOrEqual),
        "+" => Some((8, Side::Left, Operator::Arithmetic(Arithmetic::Add))),
        "-" => Some((8, Side::Left, Operator::Arithmetic(Arithmetic::Subtract))),
        "*" => Some((PRODUCT, Side::Left, Operator::Arithmetic(Arithmetic::Multiply))),
        "/" => Some((PRODUCT, Side::Left, Operator::Arithmetic(Arithmetic::Divide))),
        "%" => Some((PRODUCT, Side::Left, Operator::Arithmetic(Arithmetic::Remainder))),
        _ => None,
    }
}

impl<'w> Parser<'w> {
    fn new(words: &'w [Lexeme], end: usize) -> Self {
        Self { words, at: 0, end, depth: 0, operators: 0 }
    }

    fn peek(&self) -> Option<&'w Word> {
        self.words.get(self.at).map(|lexeme| &lexeme.word)
    }

    /// The next word if it is a name or a keyword.
    fn name(&self) -> Option<&'w str> {
        if let Some(Word::Name(name)) = self.peek() { Some(name) } else { None }
    }

    fn sign(&self) -> Option<&'static str> {
        if let Some(Word::Sign(sign)) = self.peek() { Some(sign) } else { None }
    }

    fn takes(&mut self, sign: &str) -> bool {
        let found = self.sign() == Some(sign);
        self.at += usize::from(found);
        found
    }

    fn takes_name(&mut self, name: &str) -> bool {
        let found = self.name() == Some(name);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, sign: &str) -> Result<(), SyntaxError> {
        if self.takes(sign) { Ok(()) } else { Err(self.error(format!("`{sign}` expected"))) }
    }

    fn expect_name(&mut self, name: &str) -> Result<(), SyntaxError> {
        if self.takes_name(name) { Ok(()) } else { Err(self.error(format!("`{name}` expected"))) }
    }

    fn error(&self, message: impl Into<String>) -> SyntaxError {
        SyntaxError::new(message, self.words.get(self.at).map_or(self.end, |lexeme| lexeme.start))
    }

    fn end(&self) -> Result<(), SyntaxError> {
        if self.at == self.words.len() { Ok(()) } else { Err(self.error("an operator or the end expected")) }
    }

    fn deeper<T>(&mut self, parse: impl FnOnce(&mut Self) -> Result<T, SyntaxError>) -> Result<T, SyntaxError> {
        if self.depth == MAX_DEPTH {
            return Err(self.error("the filter nests too deep"));
        }
        self.depth += 1;
        let parsed = parse(self);
        self.depth -= 1;
        parsed
    }

    fn count_operator(&mut self) -> Result<(), SyntaxError> {
        self.operators += 1;
        if self.operators > MAX_OPERATORS { Err(self.error("the filter has too many operators")) } else { Ok(()) }
    }

    /// A whole filter.
    fn pipe(&mut self) -> Result<Syntax, SyntaxError> {
        self.expression(PIPE)
    }

    /// A filter of operators that bind at least as strongly as `weakest`.
    fn expression(&mut self, weakest: u8) -> Result<Syntax, SyntaxError> {
        let mut left = self.deeper(Self::operand)?;
        loop {
            let (strength, side, operator) = match self.peek() {
                Some(Word::Sign("|")) => (PIPE, Side::Right, None),
                Some(Word::Sign(",")) => (COMMA, Side::Left, None),
                Some(Word::Sign(sign)) => match binary(sign) {
                    Some((strength, side, operator)) => (strength, side, Some(operator)),
                    None => return Ok(left),
                },
                Some(Word::Name(name)) if name == "and" || name == "or" => {
                    let (strength, side, operator) = binary(name).expect("both are operators");
                    (strength, side, Some(operator))
                }
                _ => return Ok(left),
            };
            if strength < weakest {
                return Ok(left);
            }
            self.count_operator()?;
            self.at += 1;
            let right = self.deeper(|parser| parser.expression(strength + u8::from(side != Side::Right)))?;
            let (one, two) = (Box::new(left), Box::new(right));
            left = match operator {
                Some(operator) => Syntax::Binary(operator, one, two),
                None if strength == PIPE => Syntax::Pipe(one, two),
                None => Syntax::Comma(one, two),
            };
            let next = self.sign().and_then(binary).map(|(strength, ..)| strength);
            if side == Side::Neither && next == Some(strength) {
                return Err(self.error("this operator cannot be chained: put brackets around one side"));
            }
        }
    }

    /// An operand of operators, with the `?` after it.
    fn operand(&mut self) -> Result<Syntax, SyntaxError> {
        let mut operand = match self.peek() {
            Some(Word::Sign("-")) => {
                self.at += 1;
                return Ok(Syntax::Negate(Box::new(self.expression(PRODUCT)?)));
            }
            Some(Word::Name(name)) => match name.as_str() {
                "def" => {
                    let definition = Box::new(self.definition()?);
                    return Ok(Syntax::Define(definition, Box::new(self.pipe()?)));
                }
                "label" => return self.label(),
                "try" => return self.attempt(),
                "if" => self.condition()?,
                "reduce" => self.reduce()?,
                "foreach" => self.foreach()?,
                _ => self.term_or_binding()?,
            },
            _ => self.term_or_binding()?,
        };
        while self.takes("?") {
            operand = Syntax::Try(Box::new(operand), None);
        }
        Ok(operand)
    }

    fn term_or_binding(&mut self) -> Result<Syntax, SyntaxError> {
        let term = self.term()?;
        if !self.takes_name("as") {
            return Ok(term);
        }
        let patterns = self.patterns()?;
        self.expect("|")?;
        Ok(Syntax::Bind(Box::new(term), patterns, Box::new(self.pipe()?)))
    }

    fn label(&mut self) -> Result<Syntax, SyntaxError> {
        self.at += 1;
        let name = self.variable()?;
        self.expect("|")?;
        Ok(Syntax::Label(name, Box::new(self.pipe()?)))
    }

    fn attempt(&mut self) -> Result<Syntax, SyntaxError> {
        self.at += 1;
        let body = self.tried()?;
        let handler = if self.takes_name("catch") { Some(Box::new(self.tried()?)) } else { None };
        let mut attempt = Syntax::Try(Box::new(body), handler);
        while self.takes("?") {
            attempt = Syntax::Try(Box::new(attempt), None);
        }
        Ok(attempt)
    }

    /// The body of `try` or `catch`, which takes no operators along.
    fn tried(&mut self) -> Result<Syntax, SyntaxError> {
        self.deeper(|parser| match (parser.peek(), parser.name()) {
            (Some(Word::Sign("-")), _) => {
                parser.at += 1;
                Ok(Syntax::Negate(Box::new(parser.tried()?)))
            }
            (_, Some("try")) => parser.attempt(),
            (_, Some("if")) => parser.condition(),
            (_, Some("reduce")) => parser.reduce(),
            (_, Some("foreach")) => parser.foreach(),
            (_, Some("def" | "label")) => parser.operand(),
            _ => parser.term_or_binding(),
        })
    }

    fn condition(&mut self) -> Result<Syntax, SyntaxError> {
        self.at += 1;
        let condition = Box::new(self.pipe()?);
        self.expect_name("then")?;
        let then = Box::new(self.pipe()?);
        let otherwise = match self.name() {
            Some("elif") => Some(Box::new(self.deeper(Self::condition)?)),
            Some("else") => {
                self.at += 1;
                let otherwise = self.pipe()?;
                self.expect_name("end")?;
                Some(Box::new(otherwise))
            }
            _ => {
                self.expect_name("end")?;
                None
            }
        };
        Ok(Syntax::If(condition, then, otherwise))
    }

    fn reduce(&mut self) -> Result<Syntax, SyntaxError> {
        let (source, patterns, init, update) = self.fold_head()?;
        self.expect(")")?;
        Ok(Syntax::Reduce(source, patterns, init, update))
    }

    fn foreach(&mut self) -> Result<Syntax, SyntaxError> {
        let (source, patterns, init, update) = self.fold_head()?;
        let extract = if self.takes(";") { Some(Box::new(self.pipe()?)) } else { None };
        self.expect(")")?;
        Ok(Syntax::Foreach(source, patterns, init, update, extract))
    }

    #[allow(clippy::type_complexity)] // the four parts that both folds begin with
    fn fold_head(&mut self) -> Result<(Box<Syntax>, Vec<Pattern>, Box<Syntax>, Box<Syntax>), SyntaxError> {
        self.at += 1;
        let source = Box::new(self.deeper(Self::term)?);
        self.expect_name("as")?;
        let patterns = self.patterns()?;
        self.expect("(")?;
        let init = Box::new(self.pipe()?);
        self.expect(";")?;
        Ok((source, patterns, init, Box::new(self.pipe()?)))
    }

    fn definition(&mut self) -> Result<Definition, SyntaxError> {
        self.at += 1;
        let name = self.identifier()?;
        let mut parameters = Vec::new();
        if self.takes("(") {
            loop {
                parameters.push(match self.peek() {
                    Some(Word::Variable(_)) => format!("${}", self.variable()?),
                    _ => self.identifier()?,
                });
                if !self.takes(";") {
                    break;
                }
            }
            self.expect(")")?;
        }
        self.expect(":")?;
        let body = self.pipe()?;
        self.expect(";")?;
        Ok(Definition { name, parameters, body })
    }

    /// A name that is no keyword.
    fn identifier(&mut self) -> Result<String, SyntaxError> {
        match self.name() {
            Some(name) if !KEYWORDS.contains(&name) => {
                self.at += 1;
                Ok(name.to_owned())
            }
            _ => Err(self.error("a name expected")),
        }
    }

    fn variable(&mut self) -> Result<String, SyntaxError> {
        match self.peek() {
            Some(Word::Variable(name)) => {
                self.at += 1;
                Ok(name.clone())
            }
            _ => Err(self.error("a variable such as `$name` expected")),
        }
    }
}
