//! jq, the language: a filter is compiled once and then run on values. It prints what jq 1.7
//! prints, and what it does not support is an error. It knows nothing of HTTP or Lokalise.

mod access;
mod arithmetic;
mod dates;
mod definitions;
mod formats;
mod host;
mod interpreter;
mod lexer;
mod natives;
mod parser;
mod read;
mod regex;
mod resolve;
mod sort;
mod stream;
mod syntax;
mod term;
mod thrown;
mod value;

use std::rc::Rc;

pub use host::Host;
pub use interpreter::Stop;
pub use read::{ReadError, document, to_text};
pub use value::write::compact;
pub use value::{JqObject, JqString, Value};

use interpreter::{Interpreter, NameScope};
use syntax::Syntax;
use term::{Function, Term};

/// A compiled filter.
#[derive(Debug)]
pub struct Program {
    term: Term,
    functions: Vec<Function>,
    variables: Vec<NamedValue>,
    streamed: Option<StreamedProgram>,
}

/// The same filter for one item of a top-level list.
#[derive(Debug)]
struct StreamedProgram {
    list: String,
    term: Term,
    functions: Vec<Function>,
}

/// A variable that a filter is given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedValue {
    pub name: String,
    pub value: GivenValue,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GivenValue {
    Text(String),
    /// JSON, which was checked.
    Json(String),
}

/// Why a filter does not compile. The offset is that of the first mistake, where it is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompileError {
    pub message: String,
    pub offset: Option<usize>,
}

impl Program {
    /// Compiles a filter that may use these variables.
    ///
    /// # Errors
    /// [`CompileError`]
    pub fn compile(code: &str, variables: Vec<NamedValue>) -> Result<Self, CompileError> {
        let syntax = parser::parse(code)
            .map_err(|mistake| CompileError { message: mistake.message, offset: Some(mistake.offset) })?;
        let mut names: Vec<String> = variables.iter().map(|variable| variable.name.clone()).collect();
        names.push("ARGS".to_owned());
        let resolve = |syntax: &Syntax| {
            resolve::resolve(syntax, &names).map_err(|missing| CompileError { message: missing.0, offset: None })
        };
        let whole = resolve(&syntax)?;
        let streamed = match stream::split(&syntax) {
            Some((list, rest)) => {
                let rest = resolve(&rest)?;
                Some(StreamedProgram { list, term: rest.term, functions: rest.functions })
            }
            None => None,
        };
        Ok(Self { term: whole.term, functions: whole.functions, variables, streamed })
    }

    /// The list that the filter takes item by item, if it begins with `.NAME[]`.
    pub fn streamed_list(&self) -> Option<&str> {
        self.streamed.as_ref().map(|streamed| streamed.list.as_str())
    }

    /// Prepares to run the filter on whole documents. The thread has to have `stack` bytes of stack.
    pub fn whole<'p>(&'p self, host: &'p dyn Host, stack: usize) -> Running<'p> {
        self.running(&self.term, &self.functions, host, stack)
    }

    /// Prepares to run the rest of the filter on the items of [`Program::streamed_list`].
    pub fn items<'p>(&'p self, host: &'p dyn Host, stack: usize) -> Option<Running<'p>> {
        let streamed = self.streamed.as_ref()?;
        Some(self.running(&streamed.term, &streamed.functions, host, stack))
    }

    fn running<'p>(
        &'p self,
        term: &'p Term,
        functions: &'p [Function],
        host: &'p dyn Host,
        stack: usize,
    ) -> Running<'p> {
        let mut values: Vec<Value> = self.variables.iter().map(|variable| variable.value.to_value()).collect();
        let named = self.variables.iter().zip(&values);
        let named = named.map(|(variable, value)| (JqString::from(variable.name.as_str()), value.clone())).collect();
        let object = |members| Value::Object(Rc::new(JqObject::from_members(members)));
        let members = vec![("positional".into(), Value::array(Vec::new())), ("named".into(), object(named))];
        values.push(object(members));
        Running { term, interpreter: Interpreter::new(functions, host, stack), scope: NameScope::of_values(values) }
    }
}

impl GivenValue {
    fn to_value(&self) -> Value {
        match self {
            Self::Text(text) => Value::string(text.as_str()),
            Self::Json(json) => {
                let text = Rc::new(json.clone());
                let length = text.len();
                document(&text, 0, length).unwrap_or_default()
            }
        }
    }
}

/// A filter that is ready to take values.
pub struct Running<'p> {
    term: &'p Term,
    interpreter: Interpreter<'p>,
    scope: NameScope<'p>,
}

impl Running<'_> {
    /// Runs the filter on a value and hands each result to `out`, which may return [`Stop::Closed`].
    ///
    /// # Errors
    /// [`Stop`]
    pub fn run(&self, input: Value, out: &mut dyn FnMut(Value) -> Result<(), Stop>) -> Result<(), Stop> {
        self.interpreter.run(self.term, &self.scope, input, out)
    }

    /// Runs the filter on each value of `.[]`.
    ///
    /// # Errors
    /// [`Stop`]
    pub fn run_each(&self, input: Value, out: &mut dyn FnMut(Value) -> Result<(), Stop>) -> Result<(), Stop> {
        interpreter::each(input, &mut |value| self.run(value, out))
    }
}
