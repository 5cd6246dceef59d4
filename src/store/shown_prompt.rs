//! The prompt that a store shows on the screen. When a command ends without its answer, as at
//! Ctrl-C, the store is asked to dismiss the prompt, and the command waits a moment for that.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Shared by a store's thread, which shows the prompt, and by the command that waits for it.
#[derive(Clone, Default)]
pub struct ShownPrompt(Arc<(Mutex<State>, Condvar)>);

#[derive(Default)]
struct State {
    is_shown: bool,
    is_given_up: bool,
}

/// A prompt on the screen, until this is dropped.
pub struct OnScreen<'a>(&'a ShownPrompt);

impl ShownPrompt {
    /// Marks the prompt as shown. `None` if the command has ended already: then it must not be shown.
    pub fn show(&self) -> Option<OnScreen<'_>> {
        let mut state = self.state();
        state.is_shown = !state.is_given_up;
        state.is_shown.then(|| OnScreen(self))
    }

    /// Whether the command has ended without an answer to the prompt.
    pub fn is_given_up(&self) -> bool {
        self.state().is_given_up
    }

    /// Asks for the prompt to be dismissed, and waits at most this long until that is done.
    pub fn give_up(&self, limit: Duration) {
        let mut state = self.state();
        state.is_given_up = true;
        let wait = self.0.1.wait_timeout_while(state, limit, |state| state.is_shown);
        drop(wait);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for OnScreen<'_> {
    fn drop(&mut self) {
        self.0.state().is_shown = false;
        self.0.0.1.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_prompt_is_shown_after_the_command_has_ended() {
        let prompt = ShownPrompt::default();
        assert!(prompt.show().is_some());
        prompt.give_up(Duration::ZERO);
        assert!(prompt.show().is_none());
    }
}
