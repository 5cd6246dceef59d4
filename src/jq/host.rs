//! What a filter may use while it runs, and what is kept from one item to the next.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use super::regex::Regex;
use super::value::{Fails, Value};

/// What a filter may use while it runs.
pub trait Host {
    /// The environment, without what is secret.
    fn environment(&self) -> Value;
    /// Takes a message of `debug` or `stderr`.
    fn message(&self, text: &str);
    /// Seconds since 1970.
    fn now(&self) -> f64;
}

/// The host, with its earlier answers and the compiled expressions.
pub struct Surroundings<'p> {
    pub host: &'p dyn Host,
    environment: RefCell<Option<Value>>,
    regexes: RefCell<HashMap<(String, String), Rc<Regex>>>,
}

impl<'p> Surroundings<'p> {
    pub fn new(host: &'p dyn Host) -> Self {
        Self { host, environment: RefCell::default(), regexes: RefCell::default() }
    }

    pub fn environment(&self) -> Value {
        self.environment.borrow_mut().get_or_insert_with(|| self.host.environment()).clone()
    }

    /// A compiled expression, which is kept for the next item.
    pub fn regex(&self, pattern: &str, flags: &str) -> Fails<Rc<Regex>> {
        let key = (pattern.to_owned(), flags.to_owned());
        if let Some(known) = self.regexes.borrow().get(&key) {
            return Ok(Rc::clone(known));
        }
        let compiled = Rc::new(Regex::compile(pattern, flags)?);
        self.regexes.borrow_mut().insert(key, Rc::clone(&compiled));
        Ok(compiled)
    }
}
