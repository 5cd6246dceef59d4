//! Calls by name: parameters, definitions, filters written in Rust, and those that are not
//! supported here.

use super::super::definitions;
use super::super::natives;
use super::super::syntax::{ByKey, Syntax};
use super::super::term::{Action, Function, Slot, Term};
use super::{Name, Resolver, Unresolved, many, single};

impl Resolver {
    pub(super) fn call(&mut self, name: &str, arguments: &[Syntax]) -> Result<Term, Unresolved> {
        if let Some(term) = self.in_scope(name, arguments)? {
            return Ok(term);
        }
        if let Some(term) = self.built_in(name, arguments)? {
            return Ok(term);
        }
        if let Some(native) = natives::find(name, arguments.len()) {
            let terms = self.terms(arguments)?;
            let is_single = terms.iter().all(|term| term.is_single);
            return Ok(Term { is_single, action: Action::Native(native, terms) });
        }
        if let Some(term) = self.defined_in_jq(name, arguments)? {
            return Ok(term);
        }
        Err(Unresolved(match (name, arguments.len()) {
            ("input" | "inputs" | "input_line_number", 0) => {
                format!("`{name}` is not available: there is one answer, and it is `.`")
            }
            ("localtime" | "strflocaltime", _) => {
                format!("`{name}` is not available: use UTC, with `gmtime` and `strftime`")
            }
            (name, arity) => format!("unknown filter `{name}/{arity}`"),
        }))
    }

    fn terms(&mut self, arguments: &[Syntax]) -> Result<Vec<Term>, Unresolved> {
        arguments.iter().map(|argument| self.term(argument)).collect()
    }

    /// Parameters and definitions of the filter itself, the innermost first.
    fn in_scope(&mut self, wanted: &str, arguments: &[Syntax]) -> Result<Option<Term>, Unresolved> {
        for at in (0..self.names.len()).rev() {
            match &self.names[at] {
                Name::Parameters(names) if arguments.is_empty() => {
                    if let Some(index) = names.iter().position(|name| name == wanted) {
                        return Ok(Some(many(Action::Parameter(Slot { up: self.up_to(at), index }))));
                    }
                }
                Name::Function(name, arity, number) if name == wanted && *arity == arguments.len() => {
                    let (number, up) = (*number, self.up_to(at));
                    return self.call_function(number, up, arguments).map(Some);
                }
                _ => {}
            }
        }
        Ok(None)
    }

    /// A filter written in Rust that takes its arguments as filters.
    fn built_in(&mut self, name: &str, arguments: &[Syntax]) -> Result<Option<Term>, Unresolved> {
        let by_key = match name {
            "sort_by" => Some(ByKey::Sort),
            "group_by" => Some(ByKey::Group),
            "unique_by" => Some(ByKey::Unique),
            "min_by" => Some(ByKey::Min),
            "max_by" => Some(ByKey::Max),
            _ => None,
        };
        Ok(Some(match (name, arguments) {
            ("empty", []) => many(Action::Empty),
            ("null", []) => single(Action::Null),
            ("true", []) => single(Action::Bool(true)),
            ("false", []) => single(Action::Bool(false)),
            ("env", []) => single(Action::Environment),
            ("path", [filter]) => many(Action::Paths(self.boxed(filter)?)),
            ("first", [filter]) => many(Action::First(self.boxed(filter)?)),
            ("limit", [count, filter]) => many(Action::Limit(self.boxed(count)?, self.boxed(filter)?)),
            ("range", [from, to]) => many(Action::Range(self.boxed(from)?, self.boxed(to)?)),
            ("halt", []) => many(Action::Halt),
            ("halt_error", [code]) => many(Action::HaltError(self.boxed(code)?)),
            ("getpath", [path]) => {
                let path = self.boxed(path)?;
                Term { is_single: path.is_single, action: Action::GetPath(path) }
            }
            (_, [filter]) if let Some(by_key) = by_key => single(Action::ByKey(by_key, self.boxed(filter)?)),
            _ => return Ok(None),
        }))
    }

    /// A filter that is defined in jq. The definitions of the user's filter are out of its scope.
    fn defined_in_jq(&mut self, name: &str, arguments: &[Syntax]) -> Result<Option<Term>, Unresolved> {
        let is_wanted = |known: &(String, usize, usize)| known.0 == name && known.1 == arguments.len();
        if !self.defined.iter().any(is_wanted) {
            let Some(definition) = definitions::find(name, arguments.len()) else { return Ok(None) };
            let inner = self.names.split_off(1);
            let number = self.functions.len();
            self.functions.push(None);
            self.defined.push((name.to_owned(), arguments.len(), number));
            let body = self.function_body(&definition);
            self.names.truncate(1);
            self.names.extend(inner);
            self.functions[number] = Some(Function { body: body? });
        }
        let number = self.defined.iter().find(|known| is_wanted(known)).map(|known| known.2);
        number.map(|number| self.call_function(number, self.up_to(0), arguments)).transpose()
    }

    fn call_function(&mut self, number: usize, up: usize, arguments: &[Syntax]) -> Result<Term, Unresolved> {
        let is_single = self.functions[number].as_ref().is_some_and(|function| function.body.is_single);
        let terms = self.terms(arguments)?;
        Ok(Term { is_single, action: Action::Call(number, up, terms) })
    }
}
