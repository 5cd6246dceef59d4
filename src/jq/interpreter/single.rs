//! Terms that give exactly one result are evaluated without a callback: that is faster,
//! and a value with one holder can be changed in place.

use std::rc::Rc;

use super::super::access;
use super::super::arithmetic;
use super::super::formats::Format;
use super::super::natives::MAX_ARGUMENTS;
use super::super::term::{Action, Term, TextTerm};
use super::super::value::{JqObject, JqString, Value, decimal};
use super::{Argument, Binding, Flow, Interpreter, NameScope, Out, Stop};

impl Interpreter<'_> {
    /// The result of a term that gives one.
    pub(super) fn single<'s>(&'s self, term: &'s Term, scope: &'s NameScope<'s>, input: Value) -> Result<Value, Stop> {
        let fails = Stop::Error;
        Ok(match &term.action {
            Action::Identity => input,
            Action::Null => Value::Null,
            Action::Bool(value) => Value::Bool(*value),
            Action::Number(number) => Value::Number(*number),
            Action::Spelled(spelling) => decimal::from_spelling(spelling).unwrap_or_default(),
            Action::Plain(text) => Value::string(text.as_str()),
            Action::Format(format) => Value::String(format.apply(&input).map_err(fails)?),
            Action::Variable(slot) => scope.value(*slot).clone(),
            Action::Environment => self.surroundings.environment(),
            Action::Location(line) => location(*line),
            Action::Pipe(one, two) => {
                let value = self.single(one, scope, input)?;
                self.single(two, scope, value)?
            }
            Action::Index(target, key) => {
                if let Action::Plain(name) = &key.action {
                    let value = self.single(target, scope, input)?;
                    return access::member(value, name).map_err(fails);
                }
                let key = self.single(key, scope, input.clone())?;
                let value = self.single(target, scope, input)?;
                access::index(value, &key).map_err(fails)?
            }
            Action::Slice(..) | Action::GetPath(_) => self.single_place(term, scope, input)?,
            Action::Array(None) => Value::array(Vec::new()),
            Action::Array(Some(items)) => Value::array(self.collected(items, scope, input)?),
            Action::Object(members) => self.single_object(members, scope, &input)?,
            Action::Negate(_)
            | Action::Arithmetic(..)
            | Action::Compare(..)
            | Action::And(..)
            | Action::Or(..)
            | Action::Alternative(..) => self.single_operation(term, scope, input)?,
            Action::If(condition, then, otherwise) => {
                let is_true = self.single(condition, scope, input.clone())?.is_true();
                match if is_true { Some(then) } else { otherwise.as_ref() } {
                    Some(branch) => self.single(branch, scope, input)?,
                    None => input,
                }
            }
            Action::Native(native, arguments) => {
                let values = self.arguments(arguments, scope, &input)?;
                native(&self.surroundings, input, &values[..arguments.len()]).map_err(fails)?
            }
            Action::Update(..) | Action::Assign(..) | Action::UpdateWith(..) | Action::UpdateAlternative(..) => {
                self.assignment(term, scope, input)?
            }
            Action::ByKey(by_key, filter) => self.by_key(*by_key, filter, scope, &input)?,
            Action::Call(function, up, arguments) if !arguments.is_empty() => {
                self.check_stack()?;
                let body = &self.functions[*function].body;
                return with_arguments(arguments, scope, *up, |inner| self.single(body, inner, input));
            }
            Action::Call(function, up, _) => {
                self.check_stack()?;
                return self.single(&self.functions[*function].body, scope.up(*up), input);
            }
            Action::Parameter(slot) => {
                let argument = scope.argument(*slot);
                return self.single(argument.term, argument.scope, input);
            }
            _ => return self.last(term, scope, input),
        })
    }

    fn single_operation<'s>(&'s self, term: &'s Term, scope: &'s NameScope<'s>, input: Value) -> Result<Value, Stop> {
        let fails = Stop::Error;
        Ok(match &term.action {
            Action::Negate(operand) => {
                let value = self.single(operand, scope, input)?;
                arithmetic::negate(&value).map_err(fails)?
            }
            Action::Arithmetic(operator, one, two) => {
                let two = self.single(two, scope, input.clone())?;
                let one = self.single(one, scope, input)?;
                arithmetic::calculate(*operator, one, two).map_err(fails)?
            }
            Action::Compare(comparison, one, two) => {
                let two = self.single(two, scope, input.clone())?;
                let one = self.single(one, scope, input)?;
                arithmetic::compares(*comparison, &one, &two).into()
            }
            Action::And(one, two) => {
                let is_true = self.single(one, scope, input.clone())?.is_true();
                (is_true && self.single(two, scope, input)?.is_true()).into()
            }
            Action::Or(one, two) => {
                let is_true = self.single(one, scope, input.clone())?.is_true();
                (is_true || self.single(two, scope, input)?.is_true()).into()
            }
            Action::Alternative(one, two) => match self.single(one, scope, input.clone())? {
                value if value.is_true() => value,
                _ => self.single(two, scope, input)?,
            },
            _ => unreachable!("the caller knows the operators"),
        })
    }

    fn single_place<'s>(&'s self, term: &'s Term, scope: &'s NameScope<'s>, input: Value) -> Result<Value, Stop> {
        match &term.action {
            Action::Slice(target, from, to) => {
                let from = self.single(from, scope, input.clone())?;
                let to = self.single(to, scope, input.clone())?;
                let value = self.single(target, scope, input)?;
                access::index(value, &access::slice_key(from, to)).map_err(Stop::Error)
            }
            Action::GetPath(path) => {
                let path = self.single(path, scope, input.clone())?;
                access::get_path(input, &path).map_err(Stop::Error)
            }
            _ => unreachable!("the caller knows the places"),
        }
    }

    fn assignment<'s>(&'s self, term: &'s Term, scope: &'s NameScope<'s>, input: Value) -> Result<Value, Stop> {
        match &term.action {
            Action::Update(paths, update) => self.update(paths, update, scope, input),
            Action::Assign(paths, value) => {
                let value = self.single(value, scope, input.clone())?;
                self.assign(paths, scope, input, &value)
            }
            Action::UpdateWith(operator, paths, value) => {
                let value = self.single(value, scope, input.clone())?;
                self.update_with(*operator, paths, scope, input, &value)
            }
            Action::UpdateAlternative(paths, value) => {
                let value = self.single(value, scope, input.clone())?;
                self.update_alternative(paths, scope, input, &value)
            }
            _ => unreachable!("the caller knows the assignments"),
        }
    }

    fn arguments<'s>(
        &'s self,
        terms: &'s [Term],
        scope: &'s NameScope<'s>,
        input: &Value,
    ) -> Result<[Value; MAX_ARGUMENTS], Stop> {
        let mut values = std::array::from_fn(|_| Value::Null);
        for (value, term) in values.iter_mut().zip(terms).rev() {
            *value = self.single(term, scope, input.clone())?;
        }
        Ok(values)
    }

    fn collected<'s>(&'s self, items: &'s Term, scope: &'s NameScope<'s>, input: Value) -> Result<Vec<Value>, Stop> {
        let mut collected = Vec::new();
        self.run(items, scope, input, &mut |item| {
            collected.push(item);
            Ok(())
        })?;
        Ok(collected)
    }

    /// The result of a term that is known to give one, by way of a callback.
    fn last<'s>(&'s self, term: &'s Term, scope: &'s NameScope<'s>, input: Value) -> Result<Value, Stop> {
        let mut last = Value::Null;
        self.run_many(term, scope, input, &mut |value| {
            last = value;
            Ok(())
        })?;
        Ok(last)
    }

    /// Every combination of the results of some terms; the last term is the outermost loop.
    pub(super) fn with_values<'s>(
        &'s self,
        terms: &'s [Term],
        scope: &'s NameScope<'s>,
        input: &Value,
        call: &mut dyn FnMut(Value, &[Value]) -> Flow,
    ) -> Flow {
        let mut values = vec![Value::Null; terms.len()];
        self.fill_values(terms, scope, input, &mut values, call)
    }

    fn fill_values<'s>(
        &'s self,
        terms: &'s [Term],
        scope: &'s NameScope<'s>,
        input: &Value,
        values: &mut Vec<Value>,
        call: &mut dyn FnMut(Value, &[Value]) -> Flow,
    ) -> Flow {
        let Some((last, before)) = terms.split_last() else { return call(input.clone(), values) };
        self.run(last, scope, input.clone(), &mut |value| {
            values[before.len()] = value;
            self.fill_values(before, scope, input, values, call)
        })
    }

    /// A string with filters in it: the last filter is the outermost loop.
    pub(super) fn text<'s>(
        &'s self,
        format: Format,
        parts: &'s [TextTerm],
        scope: &'s NameScope<'s>,
        input: &Value,
        after: String,
        out: &mut Out<'_>,
    ) -> Flow {
        match parts.split_last() {
            None => out(Value::string(after)),
            Some((TextTerm::Plain(text), before)) => {
                self.text(format, before, scope, input, [text, after.as_str()].concat(), out)
            }
            Some((TextTerm::Filter(term), before)) => self.run(term, scope, input.clone(), &mut |value| {
                let text = format.apply(&value).map_err(Stop::Error)?;
                self.text(format, before, scope, input, [&*text, after.as_str()].concat(), out)
            }),
        }
    }

    /// An object: the first member is the outermost loop.
    pub(super) fn object<'s>(
        &'s self,
        members: &'s [(Term, Term)],
        scope: &'s NameScope<'s>,
        input: &Value,
        made: Rc<JqObject>,
        out: &mut Out<'_>,
    ) -> Flow {
        let Some(((key, value), rest)) = members.split_first() else { return out(Value::Object(made)) };
        self.run(key, scope, input.clone(), &mut |key| {
            self.run(value, scope, input.clone(), &mut |value| {
                let mut made = Rc::clone(&made);
                Rc::make_mut(&mut made).insert(access::object_key(&key).map_err(Stop::Error)?, value);
                self.object(rest, scope, input, made, out)
            })
        })
    }

    fn single_object<'s>(
        &'s self,
        members: &'s [(Term, Term)],
        scope: &'s NameScope<'s>,
        input: &Value,
    ) -> Result<Value, Stop> {
        let mut made: Vec<(JqString, Value)> = Vec::with_capacity(members.len());
        for (key, value) in members {
            let key = self.single(key, scope, input.clone())?;
            let value = self.single(value, scope, input.clone())?;
            made.push((access::object_key(&key).map_err(Stop::Error)?, value));
        }
        Ok(Value::Object(Rc::new(JqObject::from_members(made))))
    }
}

fn location(line: usize) -> Value {
    let members = vec![("file".into(), Value::string("<top-level>")), ("line".into(), Value::count(line))];
    Value::Object(Rc::new(JqObject::from_members(members)))
}

/// Calls a filter with arguments, each with the scope that it was written in.
pub(super) fn with_arguments<'s, T>(
    terms: &'s [Term],
    scope: &'s NameScope<'s>,
    up: usize,
    call: impl for<'i> FnOnce(&'i NameScope<'i>) -> T,
) -> T {
    let argument = |term: &'s Term| match &term.action {
        Action::Parameter(slot) => scope.argument(*slot),
        _ => Argument { term, scope },
    };
    let outer = scope.up(up);
    if let [one] = terms {
        let arguments = [argument(one)];
        return call(&outer.inner(Binding::Arguments(&arguments)));
    }
    let arguments: Vec<Argument<'s>> = terms.iter().map(argument).collect();
    call(&outer.inner(Binding::Arguments(&arguments)))
}

/// Whether a term gives one result here: a filter that was given as an argument may do so, too.
pub(super) fn is_single<'s>(term: &'s Term, scope: &'s NameScope<'s>) -> bool {
    match &term.action {
        Action::Parameter(slot) => {
            let argument = scope.argument(*slot);
            is_single(argument.term, argument.scope)
        }
        _ => term.is_single,
    }
}
