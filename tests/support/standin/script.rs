//! The answers that a test orders instead of the usual ones: queues for one path,
//! and rules that stay.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use super::locked;
use super::message::{Answer, Received};

/// Looks at a request; `None` leaves it to the next rule.
type ProfileRule = dyn Fn(&Received) -> Option<Answer> + Send + Sync;

/// The answers that a test ordered. Queued ones go first, in the order they were queued.
#[derive(Default)]
pub struct Script {
    queue: Mutex<VecDeque<(Place, Answer)>>,
    rules: Mutex<Vec<Arc<ProfileRule>>>,
}

/// A method and a path without a query. A path that ends in `*` matches all paths with that beginning.
pub struct Place {
    method: String,
    path: String,
}

impl Place {
    pub fn new(method: &str, path: &str) -> Self {
        Self { method: method.to_owned(), path: path.to_owned() }
    }

    pub fn holds(&self, request: &Received) -> bool {
        let path = match self.path.strip_suffix('*') {
            Some(start) => request.path().starts_with(start),
            None => request.path() == self.path,
        };
        path && request.method == self.method
    }
}

impl Script {
    pub fn queue(&self, method: &str, path: &str, answer: Answer) {
        locked(&self.queue).push_back((Place::new(method, path), answer));
    }

    pub fn always(&self, method: &str, path: &str, answer: Answer) {
        let place = Place::new(method, path);
        self.rule(move |request| place.holds(request).then(|| answer.clone()));
    }

    /// The rule made last is asked first.
    pub fn rule(&self, rule: impl Fn(&Received) -> Option<Answer> + Send + Sync + 'static) {
        locked(&self.rules).insert(0, Arc::new(rule));
    }

    /// The answer ordered for this request, taken from its queue.
    pub fn answer(&self, request: &Received) -> Option<Answer> {
        let queued = {
            let mut queue = locked(&self.queue);
            let first = queue.iter().position(|(place, _)| place.holds(request));
            first.and_then(|index| queue.remove(index)).map(|(_, answer)| answer)
        };
        // The lock on the rules is not held while one runs: a rule may order answers itself.
        let rules = locked(&self.rules).clone();
        queued.or_else(|| rules.iter().find_map(|rule| rule(request)))
    }

    /// How many queued answers nobody has asked for.
    pub fn left(&self) -> usize {
        locked(&self.queue).len()
    }
}
