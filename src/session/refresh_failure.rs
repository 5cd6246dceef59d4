//! What the last refresh of a record failed with, as a note in the record's lock file. The
//! processes that wait for the lock read it: they do not ask for what has just been refused.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::error::{EXIT_CODES, Error, ErrorKind};
use crate::files::lock::Lock;

/// How late the last of many processes may start that were started together.
const LATE_START: Duration = Duration::from_secs(1);

/// A failed refresh. It holds no secret.
#[derive(Serialize, Deserialize)]
struct FailureNote {
    /// Digest of the record that could not be refreshed. A login makes another one.
    record: String,
    /// Milliseconds since 1970.
    at: u64,
    /// How long it was tried, in milliseconds.
    patience: u64,
    /// The exit code, which stands for the kind of the error.
    code: u8,
    /// Whether a process that waited has read it: then many were started together.
    shared: bool,
    status: Option<u16>,
    message: String,
}

/// A process that is about to refresh a record under its lock.
pub struct Attempt<'a> {
    pub lock: &'a Lock,
    /// Digest of the record.
    pub record: String,
    /// When this process started.
    pub began: SystemTime,
    /// How long it would try.
    pub patience: Duration,
}

impl Attempt<'_> {
    /// The failure that another process met with the same record while this one waited. Where many were started
    /// together, a refusal also counts for those that started a moment after it. Whoever comes alone asks again.
    pub fn failed_already(&self) -> Option<Error> {
        let mut note: FailureNote = serde_json::from_slice(&self.lock.note().ok()?).ok()?;
        let kind = EXIT_CODES.iter().find(|row| row.code == note.code)?.kind;
        let began = self.began.duration_since(UNIX_EPOCH).unwrap_or_default();
        let is_late = note.shared && kind == ErrorKind::NotLoggedIn;
        let is_recent =
            note.at >= milliseconds(began.saturating_sub(if is_late { LATE_START } else { Duration::ZERO }));
        let was_tried_enough = !may_pass(kind) || note.patience >= milliseconds(self.patience);
        if note.record != self.record || !is_recent || !was_tried_enough {
            return None;
        }
        note.shared = true;
        self.write(&note);
        let mut error = Error::new(kind, note.message);
        error.status = note.status;
        Some(error)
    }

    /// Leaves a failure for those who wait.
    pub fn leave(&self, error: &Error, now: SystemTime) {
        let note = FailureNote {
            record: self.record.clone(),
            at: milliseconds(now.duration_since(UNIX_EPOCH).unwrap_or_default()),
            patience: milliseconds(self.patience),
            code: error.exit_code(),
            shared: false,
            status: error.status,
            message: error.to_string(),
        };
        self.write(&note);
    }

    fn write(&self, note: &FailureNote) {
        let text = serde_json::to_vec(note).expect("strings and numbers always serialize");
        // Without it the next process asks for itself.
        let _ = self.lock.leave_note(&text);
    }

    /// Removes the note of an earlier failure.
    pub fn clear(&self) {
        let _ = self.lock.leave_note(&[]);
    }
}

/// Whether a failure of this kind may be over soon.
pub fn may_pass(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::RateLimited | ErrorKind::Server | ErrorKind::Network)
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::lock;

    /// When the failure is noted, and a second before, since 1970.
    const NOTED: Duration = Duration::from_secs(1_000_000);
    const BEFORE: Duration = Duration::from_secs(999_999);

    /// The failures that processes read which started at these times, after a failure of this kind.
    fn read_by(kind: ErrorKind, patience: u64, started: &[Duration]) -> Vec<bool> {
        let folder = tempfile::tempdir().unwrap();
        let lock = lock::of_file(&folder.path().join("record")).unwrap().unwrap();
        let attempt = |patience: u64, began: Duration| Attempt {
            lock: &lock,
            record: "digest".to_owned(),
            began: UNIX_EPOCH + began,
            patience: Duration::from_secs(patience),
        };
        attempt(patience, NOTED).leave(&Error::new(kind, "failed"), UNIX_EPOCH + NOTED);
        let other = Attempt { record: "after a login".to_owned(), ..attempt(0, BEFORE) };
        assert!(other.failed_already().is_none(), "another record");
        let read = |started: &Duration| attempt(15, *started).failed_already().is_some_and(|error| error.kind == kind);
        started.iter().map(read).collect()
    }

    #[test]
    fn a_failure_counts_for_those_who_wait_and_a_refusal_for_late_starters_too() {
        let (refused, server) = (ErrorKind::NotLoggedIn, ErrorKind::Server);
        let (soon, later) = (NOTED + LATE_START, NOTED + 2 * LATE_START);
        assert_eq!(read_by(refused, 0, &[soon]), [false], "it came alone");
        assert_eq!(read_by(refused, 0, &[BEFORE, soon, later]), [true, true, false]);
        assert_eq!(read_by(server, 15, &[BEFORE, soon]), [true, false], "it may work by now");
        assert_eq!(read_by(server, 5, &[BEFORE]), [false], "it was not tried for long enough");
    }

    #[test]
    fn a_refresh_that_works_clears_the_note() {
        let folder = tempfile::tempdir().unwrap();
        let lock = lock::of_file(&folder.path().join("record")).unwrap().unwrap();
        let attempt = Attempt { lock: &lock, record: String::new(), began: UNIX_EPOCH, patience: Duration::ZERO };
        attempt.leave(&Error::new(ErrorKind::NotLoggedIn, "no"), UNIX_EPOCH);
        attempt.clear();
        assert!(attempt.failed_already().is_none() && lock.note().unwrap().is_empty());
    }
}
