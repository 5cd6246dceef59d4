//! Terms as paths: where in a value they lead. As in jq, a result counts as a place only
//! while it is the very value that was found there.

use std::rc::Rc;

use super::super::access;
use super::super::term::{Action, Term};
use super::super::thrown::{LONG, SHORT, cannot_iterate, shown};
use super::super::value::Value;
use super::single::is_single;
use super::{Binding, Flow, Interpreter, Limit, NameScope, Stop, stopped_at};

/// A value inside a term, with the last place that was reached and the value found there.
#[derive(Clone)]
pub struct Tracked {
    value: Value,
    found: Value,
    path: Path,
    is_made: bool,
}

type Path = Option<Rc<PathKey>>;

struct PathKey {
    key: Value,
    before: Path,
}

/// What receives places.
type Places<'o> = dyn FnMut(Tracked) -> Flow + 'o;

impl Tracked {
    pub fn root(value: Value) -> Self {
        Self { found: value.clone(), value, path: None, is_made: false }
    }

    /// The path as a list of keys, if the value is still the one at that place.
    pub fn into_keys(self) -> Result<Vec<Value>, Stop> {
        if !self.is_in_place() {
            let result = shown(&self.value, LONG);
            return Err(error(format!("Invalid path expression with result {result}")));
        }
        let mut keys = Vec::new();
        let mut path = &self.path;
        while let Some(key) = path {
            keys.push(key.key.clone());
            path = &key.before;
        }
        keys.reverse();
        Ok(keys)
    }

    pub fn into_path(self) -> Result<Value, Stop> {
        self.into_keys().map(Value::array)
    }

    /// The same place, with another value.
    fn with(&self, value: Value) -> Self {
        Self { value, found: self.found.clone(), path: self.path.clone(), is_made: false }
    }

    /// A value that was made on the way. A number that was made is not the one that was found, though it may be equal.
    fn with_made(&self, value: Value) -> Self {
        let is_number = value.as_number().is_some();
        Self { is_made: is_number, ..self.with(value) }
    }

    fn is_in_place(&self) -> bool {
        !self.is_made && self.value.is_identical(&self.found)
    }

    fn check(&self, attempt: impl FnOnce() -> String) -> Flow {
        if self.is_in_place() {
            return Ok(());
        }
        let value = shown(&self.value, LONG);
        Err(error(format!("Invalid path expression {}{value}", attempt())))
    }

    fn index(self, key: &Value) -> Result<Self, Stop> {
        self.check(|| format!("near attempt to access element {} of ", shown(key, SHORT)))?;
        let value = access::index(self.value, key).map_err(Stop::Error)?;
        let path = Some(Rc::new(PathKey { key: key.clone(), before: self.path }));
        Ok(Self { found: value.clone(), value, path, is_made: false })
    }

    fn each(self, out: &mut Places<'_>) -> Flow {
        self.check(|| "near attempt to iterate through ".to_owned())?;
        let place = |key: Value, value: &Value| {
            let path = Some(Rc::new(PathKey { key, before: self.path.clone() }));
            Self { value: value.clone(), found: value.clone(), path, is_made: false }
        };
        match &self.value {
            Value::Array(items) => {
                items.iter().enumerate().try_for_each(|(at, item)| out(place(Value::count(at), item)))
            }
            Value::Object(members) => {
                members.iter().try_for_each(|(key, member)| out(place(Value::String(key.clone()), member)))
            }
            other => Err(Stop::Error(cannot_iterate(other))),
        }
    }
}

fn error(message: String) -> Stop {
    Stop::Error(Value::string(message))
}

impl Interpreter<'_> {
    /// The paths that a term leads to in a value.
    pub(super) fn paths_of<'s>(
        &'s self,
        term: &'s Term,
        scope: &'s NameScope<'s>,
        input: Value,
    ) -> Result<Vec<Vec<Value>>, Stop> {
        let mut found = Vec::new();
        self.track(term, scope, Tracked::root(input), &mut |tracked| {
            found.push(tracked.into_keys()?);
            Ok(())
        })?;
        Ok(found)
    }

    /// Follows a term and hands on each place that it leads to.
    pub(super) fn track<'s>(
        &'s self,
        mut term: &'s Term,
        mut scope: &'s NameScope<'s>,
        mut input: Tracked,
        out: &mut Places<'_>,
    ) -> Flow {
        self.check_stack()?;
        loop {
            match &term.action {
                Action::Identity => return out(input),
                Action::Pipe(one, two) => match &one.action {
                    Action::Identity => term = two,
                    _ => return self.track(one, scope, input, &mut |place| self.track(two, scope, place, out)),
                },
                Action::Comma(one, two) => {
                    self.track(one, scope, input.clone(), out)?;
                    term = two;
                }
                Action::If(condition, then, otherwise) => {
                    if !is_single(condition, scope) {
                        return self.run(condition, scope, input.value.clone(), &mut |value| match (
                            value.is_true(),
                            otherwise,
                        ) {
                            (true, _) => self.track(then, scope, input.clone(), out),
                            (false, Some(otherwise)) => self.track(otherwise, scope, input.clone(), out),
                            (false, None) => out(input.clone()),
                        });
                    }
                    match (self.single(condition, scope, input.value.clone())?.is_true(), otherwise) {
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
                Action::Try(body, handler) => {
                    let mut is_from_outside = false;
                    let ended = self.track(body, scope, input.clone(), &mut |place| {
                        let taken = out(place);
                        is_from_outside = taken.is_err();
                        taken
                    });
                    match (ended, handler) {
                        (Err(Stop::Error(thrown)), Some(handler)) if !is_from_outside => {
                            (term, input) = (handler, input.with(thrown));
                        }
                        (Err(Stop::Error(_)), None) if !is_from_outside => return Ok(()),
                        (ended, _) => return ended,
                    }
                }
                _ => return self.track_many(term, scope, input, out),
            }
        }
    }

    /// `reduce` and `foreach`: as in jq, the state is at the place that the source has led to.
    fn track_fold<'s>(
        &'s self,
        term: &'s Term,
        scope: &'s NameScope<'s>,
        input: &Tracked,
        out: &mut Places<'_>,
    ) -> Flow {
        match &term.action {
            Action::Reduce(fold) => self.track(&fold.init, scope, input.clone(), &mut |init| {
                let mut state = init.value.clone();
                self.track(&fold.source, scope, input.clone(), &mut |item| {
                    self.destructure(&fold.pattern, scope, &item.value, &mut |values| {
                        let inner = scope.inner(Binding::Values(values.to_vec()));
                        let before = item.with(std::mem::take(&mut state));
                        self.track(&fold.update, &inner, before, &mut |after| {
                            state = after.value;
                            Ok(())
                        })
                    })
                })?;
                out(init.with(std::mem::take(&mut state)))
            }),
            Action::Foreach(fold, extract) => self.track(&fold.init, scope, input.clone(), &mut |init| {
                let mut state = init.value.clone();
                self.track(&fold.source, scope, input.clone(), &mut |item| {
                    self.destructure(&fold.pattern, scope, &item.value, &mut |values| {
                        let inner = scope.inner(Binding::Values(values.to_vec()));
                        let before = item.with(std::mem::take(&mut state));
                        self.track(&fold.update, &inner, before, &mut |after| {
                            state = after.value.clone();
                            match extract {
                                Some(extract) => self.track(extract, &inner, after, out),
                                None => out(after),
                            }
                        })
                    })
                })
            }),
            _ => unreachable!("the caller knows the folds"),
        }
    }

    fn track_many<'s>(
        &'s self,
        term: &'s Term,
        scope: &'s NameScope<'s>,
        input: Tracked,
        out: &mut Places<'_>,
    ) -> Flow {
        match &term.action {
            Action::Empty => Ok(()),
            Action::Call(function, up, arguments) => {
                let body = &self.functions[*function].body;
                super::single::with_arguments(arguments, scope, *up, |inner| self.track(body, inner, input, out))
            }
            Action::Index(target, key) => self.run(key, scope, input.value.clone(), &mut |key| {
                self.track(target, scope, input.clone(), &mut |place| out(place.index(&key)?))
            }),
            Action::Slice(target, from, to) => {
                let value = input.value.clone();
                self.slices(from, to, scope, &value, &mut |key| {
                    self.track(target, scope, input.clone(), &mut |place| out(place.index(&key)?))
                })
            }
            Action::Each(target) => self.track(target, scope, input, &mut |place| place.each(out)),
            Action::GetPath(path) => {
                self.run(path, scope, input.value.clone(), &mut |path| out(track_path(input.clone(), &path)?))
            }
            Action::Alternative(one, two) => self.track_alternative(one, two, scope, input, out),
            Action::Reduce(_) | Action::Foreach(..) => self.track_fold(term, scope, &input, out),
            Action::Bind(source, pattern, body) => self.run(source, scope, input.value.clone(), &mut |value| {
                self.destructure(pattern, scope, &value, &mut |values| {
                    let inner = scope.inner(Binding::Values(values.to_vec()));
                    self.track(body, &inner, input.clone(), out)
                })
            }),
            Action::Label(body) => {
                let number = self.new_label();
                let inner = scope.inner(Binding::Label(number));
                stopped_at(number, self.track(body, &inner, input, out))
            }
            Action::Break(up) => Err(Stop::Break(scope.label(*up))),
            Action::First(filter) => self.track_limited(Limit::new(Value::count(1)), filter, scope, input, out),
            Action::Limit(count, filter) => self.run(count, scope, input.value.clone(), &mut |count| {
                self.track_limited(Limit::new(count), filter, scope, input.clone(), out)
            }),
            Action::Variable(_) => out(input.with(self.single(term, scope, input.value.clone())?)),
            // All other terms make values. A value has no path, unless it is the value that is found at the path.
            _ => self.run(term, scope, input.value.clone(), &mut |value| out(input.with_made(value))),
        }
    }

    fn track_alternative<'s>(
        &'s self,
        one: &'s Term,
        two: &'s Term,
        scope: &'s NameScope<'s>,
        input: Tracked,
        out: &mut Places<'_>,
    ) -> Flow {
        let mut found = false;
        self.track(one, scope, input.clone(), &mut |place| {
            if !place.value.is_true() {
                return Ok(());
            }
            found = true;
            out(place)
        })?;
        if found { Ok(()) } else { self.track(two, scope, input, out) }
    }

    fn track_limited<'s>(
        &'s self,
        mut left: Limit,
        filter: &'s Term,
        scope: &'s NameScope<'s>,
        input: Tracked,
        out: &mut Places<'_>,
    ) -> Flow {
        if matches!(left, Limit::None) {
            return Ok(());
        }
        let number = self.new_label();
        let ended = self.track(filter, scope, input, &mut |place| {
            let is_last = left.take()?;
            out(place)?;
            if is_last { Err(Stop::Break(number)) } else { Ok(()) }
        });
        stopped_at(number, ended)
    }
}

fn track_path(input: Tracked, path: &Value) -> Result<Tracked, Stop> {
    input.check(|| "with result ".to_owned())?;
    let value = access::get_path(input.value, path).map_err(Stop::Error)?;
    let Value::Array(keys) = path else { return Err(error("Path must be specified as an array".to_owned())) };
    let place = |before, key: &Value| Some(Rc::new(PathKey { key: key.clone(), before }));
    let path = keys.iter().fold(input.path, place);
    Ok(Tracked { found: value.clone(), value, path, is_made: false })
}
