//! What the token endpoint has just refused, told to the processes that stand in
//! line behind: 64 of them must not ask 64 times for what is refused to all alike.

use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::files::{atomic, lock};
use crate::oauth::token::TokenError;

/// Where the last refusal of a record's refresh token is noted, beside its lock. It holds no secret.
pub struct RefusalFile {
    path: PathBuf,
    /// When this run began, in milliseconds since 1970.
    began: u128,
    /// Whether other processes want a new token as well.
    company: bool,
}

#[derive(Serialize, Deserialize)]
struct RecordedRefusal {
    /// Names the refresh token that was refused.
    token: String,
    at: u128,
    /// Whether a crowd met it, and not one process by itself.
    crowd: bool,
    status: u16,
    error: Option<String>,
    description: Option<String>,
}

/// How late one of a crowd may have been started, in milliseconds.
const LATE_START: u128 = 1000;

impl RefusalFile {
    /// `None` where there is no place for a lock: then every process asks for itself.
    pub fn beside(place: &lock::LockPlace, began: SystemTime) -> Option<Self> {
        let path = lock::path_of(place).ok()?.with_extension("refused");
        let company = in_company(&path.with_extension("present"));
        Some(Self { path, began: milliseconds(began), company })
    }

    /// The refusal that another process met with the same refresh token since this run began, or that a
    /// crowd met a moment before. Whoever comes alone and later wants to be told anew.
    pub fn of(&self, token: &str, lock: Option<&lock::Lock>) -> Option<TokenError> {
        let mut refusal: RecordedRefusal = serde_json::from_slice(&std::fs::read(&self.path).ok()?).ok()?;
        let crowd = self.company || refusal.crowd;
        let since = if crowd { self.began.saturating_sub(LATE_START) } else { self.began };
        if refusal.token != token || refusal.at < since {
            return None;
        }
        if crowd && !refusal.crowd {
            refusal.crowd = true;
            self.write(&refusal, lock);
        }
        Some(match (refusal.error, refusal.description) {
            (Some(error), description) => {
                TokenError::Rejected { status: refusal.status, error, description: description.unwrap_or_default() }
            }
            (None, _) => TokenError::NotNow { status: refusal.status },
        })
    }

    /// Notes a refusal for those who wait.
    pub fn note(&self, token: &str, now: SystemTime, error: &TokenError, lock: Option<&lock::Lock>) {
        let (status, error, description) = match error {
            TokenError::Rejected { status, error, description } => {
                (*status, Some(error.clone()), Some(description.clone()))
            }
            TokenError::NotNow { status } => (*status, None, None),
            TokenError::NotUnderstood { .. } => return,
        };
        let (at, crowd) = (milliseconds(now), self.company);
        self.write(&RecordedRefusal { token: token.to_owned(), at, crowd, status, error, description }, lock);
    }

    fn write(&self, refusal: &RecordedRefusal, lock: Option<&lock::Lock>) {
        let text = serde_json::to_vec(refusal).expect("strings and numbers always serialize");
        // Best effort: without it the next process asks for itself.
        let _ = atomic::replace(&self.path, &text, lock);
    }
}

/// Whether other processes want a new token just now. Each holds a shared lock for as long as it
/// runs, so whoever gets the lock for itself is alone. Nothing here waits.
fn in_company(path: &Path) -> bool {
    let Ok(file) = lock::open(path) else { return false };
    let alone = file.try_lock().is_ok();
    let _ = file.try_lock_shared();
    std::mem::forget(file);
    !alone
}

fn milliseconds(time: SystemTime) -> u128 {
    time.duration_since(UNIX_EPOCH).map_or(0, |time| time.as_millis())
}
