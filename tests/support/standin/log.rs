//! What arrived, in order, for a test to read and to wait for.

use std::sync::{Condvar, Mutex};
use std::time::{Duration, Instant};

use super::locked;
use super::message::Received;

/// How long a test waits for something that is about to happen, even on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// The requests of one listener.
#[derive(Default)]
pub struct Log {
    requests: Mutex<Vec<Received>>,
    grew: Condvar,
}

impl Log {
    pub fn add(&self, request: &Received) {
        locked(&self.requests).push(request.clone());
        self.grew.notify_all();
    }

    pub fn all(&self) -> Vec<Received> {
        locked(&self.requests).clone()
    }

    /// The requests with that method and path (without its query).
    pub fn to(&self, method: &str, path: &str) -> Vec<Received> {
        let mut requests = self.all();
        requests.retain(|request| request.method == method && request.path() == path);
        requests
    }

    /// Waits until `count` such requests have arrived, and gives the last of them.
    #[track_caller]
    pub fn wait_for(&self, method: &str, path: &str, count: usize) -> Received {
        let until = Instant::now() + PATIENCE;
        let mut requests = locked(&self.requests);
        loop {
            let mut such = requests.iter().filter(|request| request.method == method && request.path() == path);
            if let Some(request) = such.nth(count - 1) {
                return request.clone();
            }
            let left = until.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "request {count} to {method} {path} did not arrive");
            requests = self.grew.wait_timeout(requests, left).expect("no thread panics here").0;
        }
    }

    pub fn clear(&self) {
        locked(&self.requests).clear();
    }
}
