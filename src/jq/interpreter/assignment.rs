//! Assignments: the paths are found in the value as it was, then each place is changed.

use super::super::access;
use super::super::arithmetic;
use super::super::natives::collections;
use super::super::syntax::{Arithmetic, ByKey};
use super::super::term::Term;
use super::super::value::Value;
use super::single::is_single;
use super::{Interpreter, NameScope, Stop};

impl Interpreter<'_> {
    pub(super) fn assign<'s>(
        &'s self,
        paths: &'s Term,
        scope: &'s NameScope<'s>,
        input: Value,
        value: &Value,
    ) -> Result<Value, Stop> {
        self.change_all(paths, scope, input, &mut |_| Ok(value.clone()))
    }

    pub(super) fn update_with<'s>(
        &'s self,
        operator: Arithmetic,
        paths: &'s Term,
        scope: &'s NameScope<'s>,
        input: Value,
        value: &Value,
    ) -> Result<Value, Stop> {
        self.change_all(paths, scope, input, &mut |before| {
            arithmetic::calculate(operator, before, value.clone()).map_err(Stop::Error)
        })
    }

    pub(super) fn update_alternative<'s>(
        &'s self,
        paths: &'s Term,
        scope: &'s NameScope<'s>,
        input: Value,
        value: &Value,
    ) -> Result<Value, Stop> {
        self.change_all(paths, scope, input, &mut |before| Ok(if before.is_true() { before } else { value.clone() }))
    }

    /// `|=`: the first result counts, and a place without one is deleted after all others were changed.
    pub(super) fn update<'s>(
        &'s self,
        paths: &'s Term,
        update: &'s Term,
        scope: &'s NameScope<'s>,
        input: Value,
    ) -> Result<Value, Stop> {
        if is_single(update, scope) {
            return self.change_all(paths, scope, input, &mut |before| self.single(update, scope, before));
        }
        let found = self.paths_of(paths, scope, input.clone())?;
        let mut deleted = Vec::new();
        let mut value = input;
        for path in found {
            let before = access::get_path(value.clone(), &Value::array(path.clone()))?;
            match self.first(update, scope, before)? {
                Some(after) => value = access::change::<Stop>(value, &path, &mut |_| Ok(after.clone()))?,
                None => deleted.push(path),
            }
        }
        access::delete_paths(value, deleted).map_err(Stop::Error)
    }

    fn change_all<'s>(
        &'s self,
        paths: &'s Term,
        scope: &'s NameScope<'s>,
        input: Value,
        change: &mut dyn FnMut(Value) -> Result<Value, Stop>,
    ) -> Result<Value, Stop> {
        let found = self.paths_of(paths, scope, input.clone())?;
        found.iter().try_fold(input, |value, path| access::change(value, path, change))
    }

    fn first<'s>(&'s self, term: &'s Term, scope: &'s NameScope<'s>, input: Value) -> Result<Option<Value>, Stop> {
        let mut first = None;
        let label = self.new_label();
        let ended = self.run(term, scope, input, &mut |value| {
            first = Some(value);
            Err(Stop::Break(label))
        });
        super::stopped_at(label, ended).map(|()| first)
    }

    /// `sort_by` and its like: all results of the filter together are the key of an item.
    pub(super) fn by_key<'s>(
        &'s self,
        by_key: ByKey,
        filter: &'s Term,
        scope: &'s NameScope<'s>,
        input: &Value,
    ) -> Result<Value, Stop> {
        let mut keyed = Vec::new();
        super::each(input.clone(), &mut |item| {
            let mut key = Vec::new();
            self.run(filter, scope, item.clone(), &mut |value| {
                key.push(value);
                Ok(())
            })?;
            keyed.push((Value::array(key), item));
            Ok(())
        })?;
        collections::by_key(by_key, input, keyed).map_err(Stop::Error)
    }
}
