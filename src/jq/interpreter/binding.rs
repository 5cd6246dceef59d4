//! `as`, `reduce`, `foreach`: variables, and values taken apart.

use super::super::access;
use super::super::term::{Destructuring, Fold, ShapeTerm, Term};
use super::super::value::Value;
use super::single::is_single;
use super::{Binding, Flow, Interpreter, NameScope, Out, Stop};

/// What is done with the values of the variables.
type Bound<'b> = dyn FnMut(&[Value]) -> Flow + 'b;

impl Interpreter<'_> {
    pub(super) fn bind<'s>(
        &'s self,
        source: &'s Term,
        pattern: &'s Destructuring,
        body: &'s Term,
        scope: &'s NameScope<'s>,
        input: Value,
        out: &mut Out<'_>,
    ) -> Flow {
        if is_single(source, scope) && matches!(pattern.alternatives[..], [ShapeTerm::Variable(_)]) {
            let value = self.single(source, scope, input.clone())?;
            let inner = scope.inner(Binding::Values(vec![value]));
            return self.run(body, &inner, input, out);
        }
        self.run(source, scope, input.clone(), &mut |value| {
            self.destructure(pattern, scope, &value, &mut |values| {
                let inner = scope.inner(Binding::Values(values.to_vec()));
                self.run(body, &inner, input.clone(), out)
            })
        })
    }

    pub(super) fn reduce<'s>(
        &'s self,
        fold: &'s Fold,
        scope: &'s NameScope<'s>,
        input: &Value,
        out: &mut Out<'_>,
    ) -> Flow {
        // As in jq, only the first start value sees the input: the source of the others is run on null.
        let mut given = input.clone();
        self.run(&fold.init, scope, input.clone(), &mut |init| {
            let mut state = init;
            self.run(&fold.source, scope, std::mem::take(&mut given), &mut |value| {
                self.destructure(&fold.pattern, scope, &value, &mut |values| {
                    let inner = scope.inner(Binding::Values(values.to_vec()));
                    let before = std::mem::take(&mut state);
                    if is_single(&fold.update, &inner) {
                        state = self.single(&fold.update, &inner, before)?;
                        return Ok(());
                    }
                    self.run(&fold.update, &inner, before, &mut |after| {
                        state = after;
                        Ok(())
                    })
                })
            })?;
            out(std::mem::take(&mut state))
        })
    }

    pub(super) fn foreach<'s>(
        &'s self,
        fold: &'s Fold,
        extract: Option<&'s Term>,
        scope: &'s NameScope<'s>,
        input: &Value,
        out: &mut Out<'_>,
    ) -> Flow {
        // As in jq, only the first start value sees the input: the source of the others is run on null.
        let mut given = input.clone();
        self.run(&fold.init, scope, input.clone(), &mut |init| {
            let mut state = init;
            self.run(&fold.source, scope, std::mem::take(&mut given), &mut |value| {
                self.destructure(&fold.pattern, scope, &value, &mut |values| {
                    let inner = scope.inner(Binding::Values(values.to_vec()));
                    let before = std::mem::take(&mut state);
                    self.run(&fold.update, &inner, before, &mut |after| {
                        state = after.clone();
                        match extract {
                            Some(extract) => self.run(extract, &inner, after, out),
                            None => out(after),
                        }
                    })
                })
            })
        })
    }

    /// Takes a value apart. Of several shapes the next is tried when one fails, and also when what is done with its
    /// variables fails.
    pub(super) fn destructure<'s>(
        &'s self,
        pattern: &'s Destructuring,
        scope: &'s NameScope<'s>,
        value: &Value,
        bound: &mut Bound<'_>,
    ) -> Flow {
        if let [ShapeTerm::Variable(_)] = pattern.alternatives[..] {
            return bound(std::slice::from_ref(value));
        }
        let (last, before) = pattern.alternatives.split_last().expect("a pattern has a shape");
        for shape in before {
            let mut variables = vec![Value::Null; pattern.variables];
            match self.match_shape(shape, scope, value, &mut variables, bound) {
                Err(Stop::Error(_)) => {}
                ended => return ended,
            }
        }
        let mut variables = vec![Value::Null; pattern.variables];
        self.match_shape(last, scope, value, &mut variables, bound)
    }

    fn match_shape<'s>(
        &'s self,
        shape: &'s ShapeTerm,
        scope: &'s NameScope<'s>,
        value: &Value,
        variables: &mut [Value],
        bound: &mut Bound<'_>,
    ) -> Flow {
        let mut work = vec![(shape, value.clone())];
        self.match_shapes(&mut work, scope, variables, bound)
    }

    /// Matches the shapes that are left, the last one first.
    fn match_shapes<'s>(
        &'s self,
        left: &mut Vec<(&'s ShapeTerm, Value)>,
        scope: &'s NameScope<'s>,
        variables: &mut [Value],
        bound: &mut Bound<'_>,
    ) -> Flow {
        let Some((shape, value)) = left.pop() else { return bound(variables) };
        match shape {
            ShapeTerm::Variable(at) => {
                variables[*at] = value;
                self.match_shapes(left, scope, variables, bound)
            }
            ShapeTerm::Array(items) => {
                let first = left.len();
                for (at, item) in items.iter().enumerate() {
                    let key = Value::count(at);
                    left.push((item, access::index(value.clone(), &key).map_err(Stop::Error)?));
                }
                left[first..].reverse();
                self.match_shapes(left, scope, variables, bound)
            }
            ShapeTerm::Object(members) => self.match_members(members, &value, left, scope, variables, bound),
        }
    }

    fn match_members<'s>(
        &'s self,
        members: &'s [(Option<usize>, Term, Option<ShapeTerm>)],
        value: &Value,
        left: &mut Vec<(&'s ShapeTerm, Value)>,
        scope: &'s NameScope<'s>,
        variables: &mut [Value],
        bound: &mut Bound<'_>,
    ) -> Flow {
        let Some(((variable, key, shape), rest)) = members.split_first() else {
            return self.match_shapes(left, scope, variables, bound);
        };
        let left = &*left;
        self.run(key, scope, value.clone(), &mut |key| {
            let member = access::index(value.clone(), &key).map_err(Stop::Error)?;
            if let Some(at) = variable {
                variables[*at] = member.clone();
            }
            let mut left = left.clone();
            let Some(shape) = shape else {
                return self.match_members(rest, value, &mut left, scope, variables, bound);
            };
            // This member's pattern is matched before the following members.
            let mut own = vec![(shape, member)];
            self.match_shapes(&mut own, scope, variables, &mut |matched| {
                let mut variables = matched.to_vec();
                self.match_members(rest, value, &mut left.clone(), scope, &mut variables, bound)
            })
        })
    }
}
