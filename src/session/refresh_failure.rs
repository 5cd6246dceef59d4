//! Why the last refresh of a record failed, as a note in the record's lock file. The processes that wait
//! for the lock read it, so that they do not repeat a request that was just refused.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::error::{EXIT_CODES, Error, ErrorKind};
use crate::files::lock::Lock;

/// Of many processes that are started together, the last one starts at most this much later.
const LATE_START: Duration = Duration::from_secs(1);

/// A failed refresh. It holds no secret.
#[derive(Serialize, Deserialize)]
struct FailureNote {
    /// Digest of the record that could not be refreshed. A login makes another record.
    record: String,
    /// Milliseconds since 1970.
    at: u64,
    /// How long it was retried, in milliseconds.
    patience: u64,
    /// The exit code, from which the kind of the error is restored.
    code: u8,
    /// Whether another process used this note too: then many were started together.
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
    /// How long it would retry.
    pub patience: Duration,
}

impl Attempt<'_> {
    /// The failure that another process met with the same record while this one waited. Where many processes were
    /// started together, a refusal also counts for those that started a moment after it. A process that comes
    /// alone asks again.
    pub fn failed_already(&self) -> Option<Error> {
        let mut note = self.read()?;
        let kind = EXIT_CODES.iter().find(|row| row.code == note.code)?.kind;
        let late_start = if note.shared && !may_pass(kind) { LATE_START } else { Duration::ZERO };
        let was_tried_enough = !may_pass(kind) || note.patience >= milliseconds(self.patience);
        if !self.is_after_start(&note, late_start) || !was_tried_enough {
            return None;
        }
        note.shared = true;
        self.write(&note);
        let mut error = Error::new(kind, note.message);
        error.status = note.status;
        Some(error)
    }

    /// The note of an earlier failure with the same record.
    fn read(&self) -> Option<FailureNote> {
        let note: FailureNote = serde_json::from_slice(&self.lock.note().ok()?).ok()?;
        (note.record == self.record).then_some(note)
    }

    /// Whether the failure came after this process started, or at most `late_start` before.
    fn is_after_start(&self, note: &FailureNote, late_start: Duration) -> bool {
        let began = self.began.duration_since(UNIX_EPOCH).unwrap_or_default();
        note.at >= milliseconds(began.saturating_sub(late_start))
    }

    /// Writes a failure for the processes that wait.
    pub fn leave(&self, error: &Error, now: SystemTime) {
        // On a busy machine more processes of the same moment may follow the second that was refused.
        let shared = self.read().is_some_and(|note| self.is_after_start(&note, LATE_START));
        let note = FailureNote {
            record: self.record.clone(),
            at: milliseconds(now.duration_since(UNIX_EPOCH).unwrap_or_default()),
            patience: milliseconds(self.patience),
            code: error.exit_code(),
            shared,
            status: error.status,
            message: error.to_string(),
        };
        self.write(&note);
    }

    fn write(&self, note: &FailureNote) {
        let text = serde_json::to_vec(note).expect("strings and numbers always serialize");
        // Without the note, the next process sends its own request.
        let _ = self.lock.leave_note(&text);
    }

    /// Removes the note of an earlier failure.
    pub fn clear(&self) {
        let _ = self.lock.leave_note(&[]);
    }
}

/// Whether a failure of this kind may be temporary.
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

    /// Whether processes that started at these times find the failure of this kind.
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
    fn waiting_processes_share_a_failure_and_late_ones_a_refusal() {
        let (refused, server) = (ErrorKind::NotLoggedIn, ErrorKind::Server);
        let (soon, later) = (NOTED + LATE_START, NOTED + 2 * LATE_START);
        assert_eq!(read_by(refused, 0, &[soon]), [false], "it came alone");
        assert_eq!(read_by(refused, 0, &[BEFORE, soon, later]), [true, true, false]);
        assert_eq!(read_by(server, 15, &[BEFORE, soon]), [true, false], "it may work by now");
        assert_eq!(read_by(server, 5, &[BEFORE]), [false], "it was not tried for long enough");
    }

    #[test]
    fn the_second_refusal_within_a_moment_counts_for_a_third_process() {
        let folder = tempfile::tempdir().unwrap();
        let lock = lock::of_file(&folder.path().join("record")).unwrap().unwrap();
        let step = LATE_START / 4;
        let refused = Error::new(ErrorKind::NotLoggedIn, "no");
        // Each process starts when the refusal of the one before is already noted.
        let asks = (0..3).map(|nth| {
            let began = UNIX_EPOCH + NOTED + step * nth;
            let attempt = Attempt { lock: &lock, record: String::new(), began, patience: Duration::ZERO };
            let asks = attempt.failed_already().is_none();
            if asks {
                attempt.leave(&refused, began + step / 2);
            }
            asks
        });
        assert_eq!(asks.collect::<Vec<_>>(), [true, true, false]);
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
