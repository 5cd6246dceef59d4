//! A filter that is ready to run: names are resolved, and it is known which parts give
//! exactly one result.

use super::formats::Format;
use super::natives::Native;
use super::syntax::{Arithmetic, ByKey, Comparison};

/// A part of a program.
#[derive(Debug)]
pub struct Term {
    /// Whether it gives exactly one result, or fails.
    pub is_single: bool,
    pub action: Action,
}

/// A place in the scope: how many bindings to go up, and which of the values there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot {
    pub up: usize,
    pub index: usize,
}

#[derive(Debug)]
pub enum Action {
    Identity,
    Empty,
    Null,
    Bool(bool),
    Number(f64),
    /// A number that needs its spelling.
    Spelled(String),
    Plain(String),
    Text(Format, Vec<TextTerm>),
    Format(Format),
    Variable(Slot),
    Environment,
    Location(usize),
    /// A defined filter: its number, how many bindings to go up to where it was defined, and its arguments.
    Call(usize, usize, Vec<Term>),
    /// An argument of the filter that is running.
    Parameter(Slot),
    Native(Native, Vec<Term>),
    Index(Box<Term>, Box<Term>),
    Slice(Box<Term>, Box<Term>, Box<Term>),
    Each(Box<Term>),
    GetPath(Box<Term>),
    Try(Box<Term>, Option<Box<Term>>),
    Array(Option<Box<Term>>),
    Object(Vec<(Term, Term)>),
    Negate(Box<Term>),
    Pipe(Box<Term>, Box<Term>),
    Comma(Box<Term>, Box<Term>),
    Alternative(Box<Term>, Box<Term>),
    Arithmetic(Arithmetic, Box<Term>, Box<Term>),
    Compare(Comparison, Box<Term>, Box<Term>),
    And(Box<Term>, Box<Term>),
    Or(Box<Term>, Box<Term>),
    If(Box<Term>, Box<Term>, Option<Box<Term>>),
    Reduce(Box<Fold>),
    Foreach(Box<Fold>, Option<Box<Term>>),
    Bind(Box<Term>, Destructuring, Box<Term>),
    Label(Box<Term>),
    Break(usize),
    Assign(Box<Term>, Box<Term>),
    Update(Box<Term>, Box<Term>),
    UpdateWith(Arithmetic, Box<Term>, Box<Term>),
    UpdateAlternative(Box<Term>, Box<Term>),
    Paths(Box<Term>),
    First(Box<Term>),
    Limit(Box<Term>, Box<Term>),
    Range(Box<Term>, Box<Term>),
    Halt,
    HaltError(Box<Term>),
    /// `sort_by` and its like: the filter makes the key of each item.
    ByKey(ByKey, Box<Term>),
}

#[derive(Debug)]
pub enum TextTerm {
    Plain(String),
    Filter(Term),
}

#[derive(Debug)]
pub struct Fold {
    pub source: Term,
    pub pattern: Destructuring,
    pub init: Term,
    pub update: Term,
}

/// What `as` binds: a number of variables, by the first of the shapes that fits.
#[derive(Debug)]
pub struct Destructuring {
    pub variables: usize,
    pub alternatives: Vec<ShapeTerm>,
}

#[derive(Debug)]
pub enum ShapeTerm {
    Variable(usize),
    Array(Vec<ShapeTerm>),
    Object(Vec<(Option<usize>, Term, Option<ShapeTerm>)>),
}

/// A defined filter.
#[derive(Debug)]
pub struct Function {
    pub body: Term,
}
