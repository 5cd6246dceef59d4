//! A filter as it was written: the tree that the parser makes.

/// A filter or a part of one.
#[derive(Clone, Debug, PartialEq)]
pub enum Syntax {
    Identity,
    RecurseDefault,
    Number(String),
    /// `@format "text \(filter)"`; a plain string has no format and one text.
    Text(Option<String>, Vec<TextPart>),
    Format(String),
    Variable(String),
    /// `$__loc__`, with its line.
    Location(usize),
    Call(String, Vec<Syntax>),
    Index(Box<Syntax>, Box<Syntax>),
    Slice(Box<Syntax>, Option<Box<Syntax>>, Option<Box<Syntax>>),
    Each(Box<Syntax>),
    /// `try body catch handler`, and `body?`.
    Try(Box<Syntax>, Option<Box<Syntax>>),
    Array(Option<Box<Syntax>>),
    Object(Vec<(Syntax, Syntax)>),
    Negate(Box<Syntax>),
    Pipe(Box<Syntax>, Box<Syntax>),
    Comma(Box<Syntax>, Box<Syntax>),
    Binary(Operator, Box<Syntax>, Box<Syntax>),
    If(Box<Syntax>, Box<Syntax>, Option<Box<Syntax>>),
    Reduce(Box<Syntax>, Vec<Pattern>, Box<Syntax>, Box<Syntax>),
    Foreach(Box<Syntax>, Vec<Pattern>, Box<Syntax>, Box<Syntax>, Option<Box<Syntax>>),
    Bind(Box<Syntax>, Vec<Pattern>, Box<Syntax>),
    Label(String, Box<Syntax>),
    Break(String),
    Define(Box<Definition>, Box<Syntax>),
}

#[derive(Clone, Debug, PartialEq)]
pub enum TextPart {
    Plain(String),
    Filter(Syntax),
}

/// The pattern of `as`.
#[derive(Clone, Debug, PartialEq)]
pub enum Pattern {
    Variable(String),
    Array(Vec<Pattern>),
    /// The variable that is bound to the member, the key, and the pattern for the member.
    Object(Vec<(Option<String>, Syntax, Option<Pattern>)>),
}

/// `def name(parameters): body;`
#[derive(Clone, Debug, PartialEq)]
pub struct Definition {
    pub name: String,
    /// A parameter that begins with `$` is a value, any other a filter.
    pub parameters: Vec<String>,
    pub body: Syntax,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    Alternative,
    Assign,
    Update,
    /// `+=` and its like.
    UpdateWith(Arithmetic),
    UpdateAlternative,
    Or,
    And,
    Compare(Comparison),
    Arithmetic(Arithmetic),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arithmetic {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    Equal,
    Unequal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// Filters that make a key of each item, such as `sort_by`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ByKey {
    Sort,
    Group,
    Unique,
    Min,
    Max,
}
