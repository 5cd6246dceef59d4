//! Runs terms. Every result is passed to a callback at once, so that only what a filter collects is
//! held in memory.

mod assignment;
mod binding;
mod paths;
mod single;

use std::cell::Cell;
use std::cmp::Ordering;
use std::rc::Rc;

use single::is_single;

use super::access;
use super::arithmetic;
use super::formats;
use super::host::{Host, Surroundings};
use super::syntax::Arithmetic;
use super::term::{Action, Function, Slot, Term};
use super::thrown::{cannot_iterate, error};
use super::value::{Value, compare};

/// Why a filter stops early.
#[derive(Debug)]
pub enum Stop {
    /// An error that `try` can catch, with the value that was thrown.
    Error(Value),
    /// `break` out of the label with this number.
    Break(u64),
    /// `halt`, or `halt_error` with its message.
    Halt(Option<String>),
    /// The receiver of the results wants no more.
    Closed,
    /// The stack is used up.
    TooDeep,
}

impl From<Value> for Stop {
    fn from(thrown: Value) -> Self {
        Self::Error(thrown)
    }
}

pub type Flow = Result<(), Stop>;

/// A receiver of results.
pub type Out<'o> = dyn FnMut(Value) -> Flow + 'o;

/// The bindings of names while a filter runs, the innermost first.
pub struct NameScope<'s> {
    binding: Binding<'s>,
    outer: Option<&'s NameScope<'s>>,
}

enum Binding<'s> {
    Values(Vec<Value>),
    Arguments(&'s [Argument<'s>]),
    Label(u64),
}

/// A filter that was given to another one, with the scope that it was written in.
#[derive(Clone, Copy)]
struct Argument<'s> {
    term: &'s Term,
    scope: &'s NameScope<'s>,
}

impl<'s> NameScope<'s> {
    pub fn of_values(values: Vec<Value>) -> Self {
        Self { binding: Binding::Values(values), outer: None }
    }

    fn inner(&'s self, binding: Binding<'s>) -> NameScope<'s> {
        NameScope { binding, outer: Some(self) }
    }

    fn up(&'s self, count: usize) -> &'s Self {
        (0..count).fold(self, |scope, _| scope.outer.expect("the resolver counted the bindings"))
    }

    fn value(&'s self, slot: Slot) -> &'s Value {
        match &self.up(slot.up).binding {
            Binding::Values(values) => &values[slot.index],
            _ => unreachable!("the resolver knows the kind of a binding"),
        }
    }

    fn argument(&'s self, slot: Slot) -> Argument<'s> {
        match &self.up(slot.up).binding {
            Binding::Arguments(arguments) => arguments[slot.index],
            _ => unreachable!("the resolver knows the kind of a binding"),
        }
    }

    fn label(&self, up: usize) -> u64 {
        match self.up(up).binding {
            Binding::Label(number) => number,
            _ => unreachable!("the resolver knows the kind of a binding"),
        }
    }
}

pub struct Interpreter<'p> {
    functions: &'p [Function],
    surroundings: Surroundings<'p>,
    labels: Cell<u64>,
    /// The lowest address that the stack may reach.
    stack_limit: usize,
}

/// What the stack keeps free for natives, for writing results and for dropping values.
const STACK_RESERVE: usize = 1024 * 1024;

fn stack_address() -> usize {
    let marker = 0_u8;
    std::ptr::from_ref(&marker) as usize
}

impl<'p> Interpreter<'p> {
    /// An interpreter that may use this many bytes of its thread's stack.
    pub fn new(functions: &'p [Function], host: &'p dyn Host, stack: usize) -> Self {
        Self {
            functions,
            surroundings: Surroundings::new(host),
            labels: Cell::new(0),
            stack_limit: stack_address().saturating_sub(stack.saturating_sub(STACK_RESERVE)),
        }
    }

    fn check_stack(&self) -> Flow {
        if stack_address() < self.stack_limit { Err(Stop::TooDeep) } else { Ok(()) }
    }

    /// Runs a term on a value and hands each result to `out`.
    ///
    /// # Errors
    /// [`Stop`], its own or that of `out`.
    pub fn run<'s>(
        &'s self,
        mut term: &'s Term,
        mut scope: &'s NameScope<'s>,
        mut input: Value,
        out: &mut Out<'_>,
    ) -> Flow {
        self.check_stack()?;
        // Tail calls continue in this loop, so that loops in jq need no stack.
        loop {
            match &term.action {
                Action::Pipe(one, two) => {
                    if !is_single(one, scope) {
                        return self.run(one, scope, input, &mut |value| self.run(two, scope, value, out));
                    }
                    input = self.single(one, scope, input)?;
                    term = two;
                }
                Action::Comma(one, two) => {
                    self.run(one, scope, input.clone(), out)?;
                    term = two;
                }
                Action::If(condition, then, otherwise) => {
                    if !is_single(condition, scope) {
                        return self.run(
                            condition,
                            scope,
                            input.clone(),
                            &mut |value| match (value.is_true(), otherwise) {
                                (true, _) => self.run(then, scope, input.clone(), out),
                                (false, Some(otherwise)) => self.run(otherwise, scope, input.clone(), out),
                                (false, None) => out(input.clone()),
                            },
                        );
                    }
                    match (self.single(condition, scope, input.clone())?.is_true(), otherwise) {
                        (true, _) => term = then,
                        (false, Some(otherwise)) => term = otherwise,
                        (false, None) => return out(input),
                    }
                }
                Action::Call(function, up, arguments) if arguments.is_empty() => {
                    term = &self.functions[*function].body;
                    scope = scope.up(*up);
                }
                Action::Parameter(slot) => {
                    let argument = scope.argument(*slot);
                    (term, scope) = (argument.term, argument.scope);
                }
                Action::Try(body, handler) => match self.attempt(body, scope, input, out)? {
                    None => return Ok(()),
                    Some(thrown) => match handler {
                        Some(handler) => (term, input) = (handler, thrown),
                        None => return Ok(()),
                    },
                },
                _ if term.is_single => return out(self.single(term, scope, input)?),
                _ => return self.run_many(term, scope, input, out),
            }
        }
    }

    /// Terms that give any number of results, none of them by a tail call.
    fn run_many<'s>(&'s self, term: &'s Term, scope: &'s NameScope<'s>, input: Value, out: &mut Out<'_>) -> Flow {
        match &term.action {
            Action::Empty => Ok(()),
            Action::Call(function, up, arguments) => {
                let body = &self.functions[*function].body;
                single::with_arguments(arguments, scope, *up, |inner| self.run(body, inner, input, out))
            }
            Action::Native(native, terms) => self.with_values(terms, scope, &input, &mut |input, values| {
                out(native(&self.surroundings, input, values).map_err(Stop::Error)?)
            }),
            Action::Index(target, key) => self.run(key, scope, input.clone(), &mut |key| {
                self.run(target, scope, input.clone(), &mut |value| {
                    out(access::index(value, &key).map_err(Stop::Error)?)
                })
            }),
            Action::Slice(target, from, to) => self.slices(from, to, scope, &input, &mut |key| {
                self.run(target, scope, input.clone(), &mut |value| {
                    out(access::index(value, &key).map_err(Stop::Error)?)
                })
            }),
            Action::Each(target) => self.run(target, scope, input, &mut |value| each(value, out)),
            Action::GetPath(path) => self.run(path, scope, input.clone(), &mut |path| {
                out(access::get_path(input.clone(), &path).map_err(Stop::Error)?)
            }),
            Action::Text(format, parts) => self.text(*format, parts, scope, &input, String::new(), out),
            Action::Object(members) => self.object(members, scope, &input, Rc::default(), out),
            Action::Negate(_) | Action::Arithmetic(..) | Action::Compare(..) | Action::And(..) | Action::Or(..) => {
                self.operate(term, scope, input, out)
            }
            Action::Alternative(one, two) => self.alternative(one, two, scope, input, out),
            Action::Reduce(fold) => self.reduce(fold, scope, &input, out),
            Action::Foreach(fold, extract) => self.foreach(fold, extract.as_deref(), scope, &input, out),
            Action::Bind(source, pattern, body) => self.bind(source, pattern, body, scope, input, out),
            Action::Label(_)
            | Action::Break(_)
            | Action::Halt
            | Action::HaltError(_)
            | Action::First(_)
            | Action::Limit(..) => self.run_to_an_end(term, scope, input, out),
            Action::Range(from, to) => self.run(from, scope, input.clone(), &mut |from| {
                self.run(to, scope, input.clone(), &mut |to| range(&from, &to, out))
            }),
            Action::Paths(filter) => {
                self.track(filter, scope, paths::Tracked::root(input), &mut |tracked| out(tracked.into_path()?))
            }
            Action::Assign(..) | Action::UpdateWith(..) | Action::UpdateAlternative(..) => {
                self.run_assignment(term, scope, &input, out)
            }
            _ => unreachable!("all others give one result, or are run in the loop"),
        }
    }

    /// Terms that may end before all of their results came.
    fn run_to_an_end<'s>(&'s self, term: &'s Term, scope: &'s NameScope<'s>, input: Value, out: &mut Out<'_>) -> Flow {
        match &term.action {
            Action::Label(body) => {
                let number = self.new_label();
                let inner = scope.inner(Binding::Label(number));
                stopped_at(number, self.run(body, &inner, input, out))
            }
            Action::Break(up) => Err(Stop::Break(scope.label(*up))),
            Action::Halt => Err(Stop::Halt(None)),
            Action::HaltError(code) => self.run(code, scope, input.clone(), &mut |code| match code.as_number() {
                Some(_) => Err(Stop::Halt(Some(formats::message(&input)))),
                None => Err(Stop::Error(error("halt_error/1: number required"))),
            }),
            Action::First(filter) => {
                let number = self.new_label();
                stopped_at(
                    number,
                    self.run(filter, scope, input, &mut |value| out(value).and(Err(Stop::Break(number)))),
                )
            }
            Action::Limit(count, filter) => self.run(count, scope, input.clone(), &mut |count| {
                let number = self.new_label();
                let mut left = Limit::new(count);
                if matches!(left, Limit::None) {
                    return Ok(());
                }
                let ended = self.run(filter, scope, input.clone(), &mut |value| {
                    let is_last = left.take()?;
                    out(value)?;
                    if is_last { Err(Stop::Break(number)) } else { Ok(()) }
                });
                stopped_at(number, ended)
            }),
            _ => unreachable!("the caller knows what ends early"),
        }
    }

    /// Assignments of any number of values.
    fn run_assignment<'s>(
        &'s self,
        term: &'s Term,
        scope: &'s NameScope<'s>,
        input: &Value,
        out: &mut Out<'_>,
    ) -> Flow {
        match &term.action {
            Action::Assign(paths, value) => self.run(value, scope, input.clone(), &mut |value| {
                out(self.assign(paths, scope, input.clone(), &value)?)
            }),
            Action::UpdateWith(operator, paths, value) => self.run(value, scope, input.clone(), &mut |value| {
                out(self.update_with(*operator, paths, scope, input.clone(), &value)?)
            }),
            Action::UpdateAlternative(paths, value) => self.run(value, scope, input.clone(), &mut |value| {
                out(self.update_alternative(paths, scope, input.clone(), &value)?)
            }),
            _ => unreachable!("the caller knows the assignments"),
        }
    }

    /// The results that are true, or those of the second term if there are none.
    fn alternative<'s>(
        &'s self,
        one: &'s Term,
        two: &'s Term,
        scope: &'s NameScope<'s>,
        input: Value,
        out: &mut Out<'_>,
    ) -> Flow {
        let mut found = false;
        self.run(one, scope, input.clone(), &mut |value| {
            if !value.is_true() {
                return Ok(());
            }
            found = true;
            out(value)
        })?;
        if found { Ok(()) } else { self.run(two, scope, input, out) }
    }

    /// Operators whose operands give any number of results: the second operand is the outer loop.
    fn operate<'s>(&'s self, term: &'s Term, scope: &'s NameScope<'s>, input: Value, out: &mut Out<'_>) -> Flow {
        match &term.action {
            Action::Negate(operand) => {
                self.run(operand, scope, input, &mut |value| out(arithmetic::negate(&value).map_err(Stop::Error)?))
            }
            Action::Arithmetic(operator, one, two) => self.run(two, scope, input.clone(), &mut |two| {
                self.run(one, scope, input.clone(), &mut |one| {
                    out(arithmetic::calculate(*operator, one, two.clone()).map_err(Stop::Error)?)
                })
            }),
            Action::Compare(comparison, one, two) => {
                self.run(two, scope, input.clone(), &mut |two| {
                    self.run(one, scope, input.clone(), &mut |one| {
                        out(arithmetic::compares(*comparison, &one, &two).into())
                    })
                })
            }
            Action::And(one, two) => self.either(one, two, true, scope, &input, out),
            Action::Or(one, two) => self.either(one, two, false, scope, &input, out),
            _ => unreachable!("the caller knows the operators"),
        }
    }

    fn new_label(&self) -> u64 {
        self.labels.set(self.labels.get() + 1);
        self.labels.get()
    }

    /// Runs the body of a `try` and returns the value that it throws. An error of the receiver of its results is not
    /// caught.
    fn attempt<'s>(
        &'s self,
        body: &'s Term,
        scope: &'s NameScope<'s>,
        input: Value,
        out: &mut Out<'_>,
    ) -> Result<Option<Value>, Stop> {
        let mut is_from_outside = false;
        let ended = self.run(body, scope, input, &mut |value| {
            let taken = out(value);
            is_from_outside = taken.is_err();
            taken
        });
        match ended {
            Ok(()) => Ok(None),
            Err(Stop::Error(thrown)) if !is_from_outside => Ok(Some(thrown)),
            Err(stop) => Err(stop),
        }
    }

    fn either<'s>(
        &'s self,
        one: &'s Term,
        two: &'s Term,
        is_and: bool,
        scope: &'s NameScope<'s>,
        input: &Value,
        out: &mut Out<'_>,
    ) -> Flow {
        self.run(one, scope, input.clone(), &mut |value| {
            if value.is_true() != is_and {
                return out((!is_and).into());
            }
            self.run(two, scope, input.clone(), &mut |value| out(value.is_true().into()))
        })
    }

    /// The keys of slices: the start is the outer loop.
    fn slices<'s>(
        &'s self,
        from: &'s Term,
        to: &'s Term,
        scope: &'s NameScope<'s>,
        input: &Value,
        out: &mut Out<'_>,
    ) -> Flow {
        self.run(from, scope, input.clone(), &mut |from| {
            self.run(to, scope, input.clone(), &mut |to| out(access::slice_key(from.clone(), to)))
        })
    }
}

/// Hands on the items of a list or the values of an object.
pub fn each(value: Value, out: &mut Out<'_>) -> Flow {
    match value {
        Value::Array(items) => match Rc::try_unwrap(items) {
            Ok(items) => items.into_iter().try_for_each(out),
            Err(items) => items.iter().cloned().try_for_each(out),
        },
        Value::Object(members) => members.iter().map(|(_, value)| value.clone()).try_for_each(out),
        other => Err(Stop::Error(cannot_iterate(&other))),
    }
}

fn range(from: &Value, to: &Value, out: &mut Out<'_>) -> Flow {
    let (Some(mut at), Some(to)) = (from.as_number(), to.as_number()) else {
        return Err(Stop::Error(Value::string("Range bounds must be numeric")));
    };
    // The first one keeps its spelling.
    let mut next = from.clone();
    // What is not a number is no end.
    while at.partial_cmp(&to).is_none_or(Ordering::is_lt) {
        out(next)?;
        at += 1.0;
        next = at.into();
    }
    Ok(())
}

/// Ends at a break out of this label.
fn stopped_at(label: u64, ended: Flow) -> Flow {
    match ended {
        Err(Stop::Break(number)) if number == label => Ok(()),
        ended => ended,
    }
}

/// How many results of `limit` are left. A negative count sets no limit. Counting down what is not a number fails.
enum Limit {
    None,
    Left(Value),
    All,
}

impl Limit {
    fn new(count: Value) -> Self {
        match compare(&count, &Value::Number(0.0)) {
            Ordering::Equal => Self::None,
            Ordering::Greater => Self::Left(count),
            Ordering::Less => Self::All,
        }
    }

    /// Takes one result, and returns whether it is the last one.
    fn take(&mut self) -> Result<bool, Stop> {
        let Self::Left(left) = self else { return Ok(false) };
        *left = arithmetic::calculate(Arithmetic::Subtract, std::mem::take(left), Value::Number(1.0))?;
        Ok(compare(left, &Value::Number(0.0)).is_le())
    }
}
