//! Objects: members in the order in which they came. Small ones are searched from end to
//! end, large ones have an index.

use std::cmp::Ordering;
use std::collections::HashMap;

use super::{JqString, Value, compare};

/// Up to this many members a search is as fast as an index, and takes no memory.
const MAX_WITHOUT_INDEX: usize = 12;

#[derive(Clone, Debug, Default)]
pub struct JqObject {
    members: Vec<(JqString, Value)>,
    #[allow(clippy::box_collection)] // most objects have none, and are smaller for it
    index: Option<Box<HashMap<JqString, u32>>>,
}

impl JqObject {
    /// An object of these members. If a key comes twice, its last value is kept at its first position.
    pub fn from_members(members: Vec<(JqString, Value)>) -> Self {
        let mut object = Self { members: Vec::new(), index: None };
        if members.len() <= MAX_WITHOUT_INDEX {
            let twice = (1..members.len()).any(|at| members[..at].iter().any(|(key, _)| *key == members[at].0));
            if !twice {
                object.members = members;
                return object;
            }
        }
        object.members.reserve_exact(members.len());
        for (key, value) in members {
            object.insert(key, value);
        }
        object
    }

    pub fn len(&self) -> usize {
        self.members.len()
    }

    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&JqString, &Value)> {
        self.members.iter().map(|(key, value)| (key, value))
    }

    pub fn into_members(self) -> Vec<(JqString, Value)> {
        self.members
    }

    pub fn get(&self, key: &str) -> Option<&Value> {
        self.position(key).map(|at| &self.members[at].1)
    }

    pub fn get_mut(&mut self, key: &str) -> Option<&mut Value> {
        self.position(key).map(|at| &mut self.members[at].1)
    }

    pub fn insert(&mut self, key: JqString, value: Value) {
        match self.position(&key) {
            Some(at) => self.members[at].1 = value,
            None => self.push(key, value),
        }
    }

    /// Removes a member; the others keep their order.
    pub fn remove(&mut self, key: &str) -> Option<Value> {
        let at = self.position(key)?;
        self.index = None;
        let (_, value) = self.members.remove(at);
        self.make_index();
        Some(value)
    }

    /// Removes the members whose keys are not wanted.
    pub fn retain(&mut self, mut is_wanted: impl FnMut(&str) -> bool) {
        self.members.retain(|(key, _)| is_wanted(key));
        self.index = None;
        self.make_index();
    }

    /// The keys in the order of their bytes.
    pub fn sorted_keys(&self) -> Vec<&JqString> {
        let mut keys: Vec<&JqString> = self.members.iter().map(|(key, _)| key).collect();
        keys.sort_unstable_by(|one, two| one.as_bytes().cmp(two.as_bytes()));
        keys
    }

    /// First by the sorted keys, then by the values in that order.
    pub fn compare(&self, other: &Self) -> Ordering {
        let (keys, others) = (self.sorted_keys(), other.sorted_keys());
        let by_key = |one: &&JqString, two: &&JqString| one.as_bytes().cmp(two.as_bytes());
        let order = keys.iter().zip(&others).map(|(one, two)| by_key(one, two)).find(|order| order.is_ne());
        let order = order.unwrap_or_else(|| keys.len().cmp(&others.len()));
        if order.is_ne() {
            return order;
        }
        let value = |object: &Self, key: &str| object.get(key).cloned().unwrap_or_default();
        let values = keys.iter().map(|key| compare(&value(self, key), &value(other, key)));
        values.into_iter().find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
    }

    fn position(&self, key: &str) -> Option<usize> {
        match &self.index {
            Some(index) => index.get(key).map(|at| *at as usize),
            None => self.members.iter().position(|(name, _)| **name == *key),
        }
    }

    fn push(&mut self, key: JqString, value: Value) {
        let at = self.members.len();
        if let Some(index) = &mut self.index {
            index.insert(key.clone(), number(at));
        }
        self.members.push((key, value));
        if self.index.is_none() {
            self.make_index();
        }
    }

    fn make_index(&mut self) {
        if self.members.len() > MAX_WITHOUT_INDEX {
            let places = self.members.iter().enumerate().map(|(at, (key, _))| (key.clone(), number(at)));
            self.index = Some(Box::new(places.collect()));
        }
    }
}

fn number(at: usize) -> u32 {
    u32::try_from(at).expect("an object of fewer than 4,294,967,296 members")
}
