//! The tree of a filter → terms: every name is looked up once, before anything runs.

mod calls;

use super::formats::Format;
use super::syntax::{Definition, Operator, Pattern, Syntax, TextPart};
use super::term::{Action, Destructuring, Fold, Function, ShapeTerm, Slot, Term, TextTerm};
use super::value::{Value, decimal};

/// A name in a filter that does not exist, or is not supported here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unresolved(pub String);

/// A filter and what it calls.
#[derive(Debug)]
pub struct Resolved {
    pub term: Term,
    pub functions: Vec<Function>,
}

/// Resolves a filter that may use these variables, which are bound by one binding in this order.
///
/// # Errors
/// [`Unresolved`]
pub fn resolve(filter: &Syntax, variables: &[String]) -> Result<Resolved, Unresolved> {
    let mut resolver =
        Resolver { names: vec![Name::Variables(variables.to_vec())], functions: Vec::new(), defined: Vec::new() };
    let term = resolver.term(filter)?;
    let functions = resolver.functions.into_iter().map(|function| function.expect("all bodies are resolved"));
    Ok(Resolved { term, functions: functions.collect() })
}

/// Names in scope, the innermost last.
enum Name {
    Variables(Vec<String>),
    Parameters(Vec<String>),
    Label(String),
    /// A defined filter; the number is that in `Resolver::functions`.
    Function(String, usize, usize),
}

impl Name {
    /// Whether it is a binding while the program runs.
    fn is_binding(&self) -> bool {
        !matches!(self, Self::Function(..))
    }
}

struct Resolver {
    names: Vec<Name>,
    functions: Vec<Option<Function>>,
    /// What is defined in jq itself: name, number of arguments, and number in `functions`.
    defined: Vec<(String, usize, usize)>,
}

fn single(action: Action) -> Term {
    Term { is_single: true, action }
}

fn many(action: Action) -> Term {
    Term { is_single: false, action }
}

fn both(one: &Term, two: &Term) -> bool {
    one.is_single && two.is_single
}

impl Resolver {
    fn term(&mut self, syntax: &Syntax) -> Result<Term, Unresolved> {
        Ok(match syntax {
            Syntax::Identity => single(Action::Identity),
            Syntax::RecurseDefault => self.call("recurse", &[])?,
            Syntax::Number(spelling) => number(spelling)?,
            Syntax::Text(format, parts) => self.text(format.as_deref(), parts)?,
            Syntax::Format(name) => single(Action::Format(format(name)?)),
            Syntax::Variable(name) if name == "ENV" => self.variable(name).unwrap_or(single(Action::Environment)),
            Syntax::Variable(name) => {
                self.variable(name).ok_or_else(|| Unresolved(format!("unknown variable `${name}`")))?
            }
            Syntax::Location(line) => single(Action::Location(*line)),
            Syntax::Call(name, arguments) => self.call(name, arguments)?,
            Syntax::Index(target, key) => self.pair(target, key, Action::Index)?,
            Syntax::Slice(target, from, to) => self.slice(target, from.as_deref(), to.as_deref())?,
            Syntax::Each(target) => many(Action::Each(self.boxed(target)?)),
            Syntax::Try(body, handler) => {
                let handler = handler.as_deref().map(|handler| self.boxed(handler)).transpose()?;
                many(Action::Try(self.boxed(body)?, handler))
            }
            Syntax::Array(items) => single(Action::Array(items.as_deref().map(|items| self.boxed(items)).transpose()?)),
            Syntax::Object(members) => self.object(members)?,
            Syntax::Negate(operand) => {
                let operand = self.boxed(operand)?;
                Term { is_single: operand.is_single, action: Action::Negate(operand) }
            }
            Syntax::Pipe(one, two) => self.pair(one, two, Action::Pipe)?,
            Syntax::Comma(one, two) => many(Action::Comma(self.boxed(one)?, self.boxed(two)?)),
            Syntax::Binary(operator, one, two) => self.binary(*operator, one, two)?,
            Syntax::If(condition, then, otherwise) => self.condition(condition, then, otherwise.as_deref())?,
            Syntax::Reduce(source, patterns, init, update) => {
                let (fold, _) = self.fold(source, patterns, init, update, None)?;
                Term { is_single: fold.init.is_single, action: Action::Reduce(Box::new(fold)) }
            }
            Syntax::Foreach(source, patterns, init, update, extract) => {
                let (fold, extract) = self.fold(source, patterns, init, update, extract.as_deref())?;
                many(Action::Foreach(Box::new(fold), extract))
            }
            Syntax::Bind(source, patterns, body) => self.bind(source, patterns, body)?,
            Syntax::Label(name, body) => {
                let body = self.inside(Name::Label(name.clone()), |inner| inner.boxed(body))?;
                many(Action::Label(body))
            }
            Syntax::Break(name) => self.break_out(name)?,
            Syntax::Define(definition, rest) => {
                let count = self.names.len();
                self.define(definition)?;
                let rest = self.term(rest);
                self.names.truncate(count);
                rest?
            }
        })
    }

    fn boxed(&mut self, syntax: &Syntax) -> Result<Box<Term>, Unresolved> {
        self.term(syntax).map(Box::new)
    }

    fn pair(
        &mut self,
        one: &Syntax,
        two: &Syntax,
        action: impl FnOnce(Box<Term>, Box<Term>) -> Action,
    ) -> Result<Term, Unresolved> {
        let (one, two) = (self.boxed(one)?, self.boxed(two)?);
        Ok(Term { is_single: both(&one, &two), action: action(one, two) })
    }

    fn inside<T>(
        &mut self,
        name: Name,
        resolve: impl FnOnce(&mut Self) -> Result<T, Unresolved>,
    ) -> Result<T, Unresolved> {
        let count = self.names.len();
        self.names.push(name);
        let resolved = resolve(self);
        self.names.truncate(count);
        resolved
    }

    /// How many bindings lie between here and the name at `at`.
    fn up_to(&self, at: usize) -> usize {
        self.names[at + 1..].iter().filter(|name| name.is_binding()).count()
    }

    fn variable(&self, wanted: &str) -> Option<Term> {
        (0..self.names.len()).rev().find_map(|at| {
            let Name::Variables(names) = &self.names[at] else { return None };
            let index = names.iter().rposition(|name| name == wanted)?;
            Some(single(Action::Variable(Slot { up: self.up_to(at), index })))
        })
    }

    fn break_out(&self, wanted: &str) -> Result<Term, Unresolved> {
        let is_wanted = |name: &Name| matches!(name, Name::Label(label) if label == wanted);
        match self.names.iter().rposition(is_wanted) {
            Some(at) => Ok(many(Action::Break(self.up_to(at)))),
            None => Err(Unresolved(format!("unknown label `${wanted}`"))),
        }
    }

    fn text(&mut self, name: Option<&str>, parts: &[TextPart]) -> Result<Term, Unresolved> {
        let format = format(name.unwrap_or("text"))?;
        if let [TextPart::Plain(text)] = parts {
            return Ok(single(Action::Plain(text.clone())));
        }
        let mut terms = Vec::new();
        for part in parts {
            match part {
                TextPart::Plain(text) if text.is_empty() => {}
                TextPart::Plain(text) => terms.push(TextTerm::Plain(text.clone())),
                TextPart::Filter(filter) => terms.push(TextTerm::Filter(self.term(filter)?)),
            }
        }
        let is_single = terms.iter().all(|term| !matches!(term, TextTerm::Filter(term) if !term.is_single));
        Ok(Term { is_single, action: Action::Text(format, terms) })
    }

    fn slice(&mut self, target: &Syntax, from: Option<&Syntax>, to: Option<&Syntax>) -> Result<Term, Unresolved> {
        let mut end = |end: Option<&Syntax>| match end {
            Some(end) => self.boxed(end),
            None => Ok(Box::new(single(Action::Null))),
        };
        let (from, to) = (end(from)?, end(to)?);
        let target = self.boxed(target)?;
        let is_single = target.is_single && both(&from, &to);
        Ok(Term { is_single, action: Action::Slice(target, from, to) })
    }

    fn object(&mut self, members: &[(Syntax, Syntax)]) -> Result<Term, Unresolved> {
        let mut terms = Vec::new();
        for (key, value) in members {
            let key = self.term(key)?;
            if matches!(key.action, Action::Null | Action::Bool(_) | Action::Number(_) | Action::Spelled(_)) {
                return Err(Unresolved("a key of an object has to be a string".to_owned()));
            }
            terms.push((key, self.term(value)?));
        }
        let is_single = terms.iter().all(|(key, value)| both(key, value));
        Ok(Term { is_single, action: Action::Object(terms) })
    }

    fn binary(&mut self, operator: Operator, one: &Syntax, two: &Syntax) -> Result<Term, Unresolved> {
        let (one, two) = (self.boxed(one)?, self.boxed(two)?);
        let is_single = both(&one, &two);
        let value_is_single = two.is_single;
        let (is_single, action) = match operator {
            Operator::Alternative => (is_single, Action::Alternative(one, two)),
            Operator::Assign => (value_is_single, Action::Assign(one, two)),
            Operator::Update => (true, Action::Update(one, two)),
            Operator::UpdateWith(arithmetic) => (value_is_single, Action::UpdateWith(arithmetic, one, two)),
            Operator::UpdateAlternative => (value_is_single, Action::UpdateAlternative(one, two)),
            Operator::Or => (is_single, Action::Or(one, two)),
            Operator::And => (is_single, Action::And(one, two)),
            Operator::Compare(comparison) => (is_single, Action::Compare(comparison, one, two)),
            Operator::Arithmetic(arithmetic) => (is_single, Action::Arithmetic(arithmetic, one, two)),
        };
        Ok(Term { is_single, action })
    }

    fn condition(&mut self, condition: &Syntax, then: &Syntax, otherwise: Option<&Syntax>) -> Result<Term, Unresolved> {
        let (condition, then) = (self.boxed(condition)?, self.boxed(then)?);
        let otherwise = otherwise.map(|otherwise| self.boxed(otherwise)).transpose()?;
        let is_single = both(&condition, &then) && otherwise.as_ref().is_none_or(|otherwise| otherwise.is_single);
        Ok(Term { is_single, action: Action::If(condition, then, otherwise) })
    }

    fn fold(
        &mut self,
        source: &Syntax,
        patterns: &[Pattern],
        init: &Syntax,
        update: &Syntax,
        extract: Option<&Syntax>,
    ) -> Result<(Fold, Option<Box<Term>>), Unresolved> {
        let (source, init) = (self.term(source)?, self.term(init)?);
        let (names, pattern) = self.destructuring(patterns)?;
        self.inside(Name::Variables(names), |inner| {
            let update = inner.term(update)?;
            let extract = extract.map(|extract| inner.boxed(extract)).transpose()?;
            Ok((Fold { source, pattern, init, update }, extract))
        })
    }

    fn bind(&mut self, source: &Syntax, patterns: &[Pattern], body: &Syntax) -> Result<Term, Unresolved> {
        let source = self.boxed(source)?;
        let (names, pattern) = self.destructuring(patterns)?;
        let body = self.inside(Name::Variables(names), |inner| inner.boxed(body))?;
        let is_plain = matches!(pattern.alternatives[..], [ShapeTerm::Variable(_)]);
        Ok(Term { is_single: is_plain && both(&source, &body), action: Action::Bind(source, pattern, body) })
    }

    /// The variables of all alternatives, and where each alternative finds them.
    fn destructuring(&mut self, patterns: &[Pattern]) -> Result<(Vec<String>, Destructuring), Unresolved> {
        let mut names = Vec::new();
        let alternatives = patterns.iter().map(|pattern| self.shape(pattern, &mut names)).collect::<Result<_, _>>()?;
        let variables = names.len();
        Ok((names, Destructuring { variables, alternatives }))
    }

    fn shape(&mut self, pattern: &Pattern, names: &mut Vec<String>) -> Result<ShapeTerm, Unresolved> {
        let place = |name: &String, names: &mut Vec<String>| {
            let known = names.iter().position(|known| known == name);
            known.unwrap_or_else(|| {
                names.push(name.clone());
                names.len() - 1
            })
        };
        Ok(match pattern {
            Pattern::Variable(name) => ShapeTerm::Variable(place(name, names)),
            Pattern::Array(items) => {
                ShapeTerm::Array(items.iter().map(|item| self.shape(item, names)).collect::<Result<_, _>>()?)
            }
            Pattern::Object(members) => {
                let mut shapes = Vec::new();
                for (variable, key, pattern) in members {
                    let variable = variable.as_ref().map(|name| place(name, names));
                    let key = self.term(key)?;
                    let shape = pattern.as_ref().map(|pattern| self.shape(pattern, names)).transpose()?;
                    shapes.push((variable, key, shape));
                }
                ShapeTerm::Object(shapes)
            }
        })
    }

    /// Brings a definition into scope, in which it may call itself.
    fn define(&mut self, definition: &Definition) -> Result<(), Unresolved> {
        let number = self.functions.len();
        self.functions.push(None);
        self.names.push(Name::Function(definition.name.clone(), definition.parameters.len(), number));
        let body = self.function_body(definition)?;
        self.functions[number] = Some(Function { body });
        Ok(())
    }

    /// A parameter `$name` is a filter, too, and a variable for each of its results.
    fn function_body(&mut self, definition: &Definition) -> Result<Term, Unresolved> {
        if definition.parameters.is_empty() {
            return self.term(&definition.body);
        }
        let plain = |name: &String| name.trim_start_matches('$').to_owned();
        let names = definition.parameters.iter().map(plain).collect();
        let mut body = definition.body.clone();
        for name in definition.parameters.iter().rev().filter_map(|name| name.strip_prefix('$')) {
            let source = Box::new(Syntax::Call(name.to_owned(), Vec::new()));
            body = Syntax::Bind(source, vec![Pattern::Variable(name.to_owned())], Box::new(body));
        }
        self.inside(Name::Parameters(names), |inner| inner.term(&body))
    }
}

fn number(spelling: &str) -> Result<Term, Unresolved> {
    match decimal::from_spelling(spelling) {
        Some(Value::Number(number)) => Ok(single(Action::Number(number))),
        Some(_) => Ok(single(Action::Spelled(spelling.to_owned()))),
        None => Err(Unresolved(format!("`{spelling}` is not a number"))),
    }
}

fn format(name: &str) -> Result<Format, Unresolved> {
    Format::by_name(name).ok_or_else(|| Unresolved(format!("unknown format `@{name}`")))
}
