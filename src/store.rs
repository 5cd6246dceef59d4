//! Where records are kept: the OS keyring, a file, or a credential helper. Every
//! call has a deadline, and "nothing is kept" is a different answer from "I cannot tell".

pub mod atomic;
mod error;
mod file;
mod helper;
mod keyring;
pub mod lock;

use std::fmt;
use std::path::PathBuf;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::profile::ProfileName;

pub use error::StoreError;

/// A store as `--store` and `LOKALISE_AUTH_STORE` name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreChoice {
    Auto,
    Kind(StoreKind),
}

/// A store as a profile has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreKind {
    Keyring,
    File,
    /// `docker-credential-NAME`, by its NAME or an absolute path.
    Helper(String),
}

/// Why a text names no store. The text is not repeated.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("a store is auto, keyring, file or helper:NAME")]
pub struct NotAStore;

impl StoreKind {
    pub fn parse(text: &str) -> Result<Self, NotAStore> {
        match text {
            "keyring" => Ok(Self::Keyring),
            "file" => Ok(Self::File),
            _ => match text.strip_prefix("helper:") {
                Some(name) if helper::is_name(name) => Ok(Self::Helper(name.to_owned())),
                _ => Err(NotAStore),
            },
        }
    }

    /// The word for `source.type` in reports.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Keyring => "keyring",
            Self::File => "file",
            Self::Helper(_) => "helper",
        }
    }
}

impl StoreChoice {
    pub fn parse(text: &str) -> Result<Self, NotAStore> {
        match text {
            "auto" => Ok(Self::Auto),
            _ => StoreKind::parse(text).map(Self::Kind),
        }
    }

    /// The store that is meant. `auto` is the keyring; nothing is ever guessed.
    pub fn kind(self) -> StoreKind {
        match self {
            Self::Auto => StoreKind::Keyring,
            Self::Kind(kind) => kind,
        }
    }
}

impl fmt::Display for StoreKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Helper(name) => write!(f, "helper:{name}"),
            _ => f.write_str(self.type_name()),
        }
    }
}

impl Serialize for StoreKind {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for StoreKind {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

/// What a store can do with one record, as text. `deadline` is when the caller stops listening.
trait Backend: Send {
    fn read(&mut self, profile: &ProfileName, deadline: Instant) -> Result<Option<Zeroizing<String>>, StoreError>;
    fn write(&mut self, profile: &ProfileName, record: &str, deadline: Instant) -> Result<(), StoreError>;
    /// Removing what is not there is done already.
    fn delete(&mut self, profile: &ProfileName, deadline: Instant) -> Result<(), StoreError>;
}

/// Where this installation keeps things, as far as stores need to know.
#[derive(Clone, Debug)]
pub struct Places {
    /// The data folder, for the file store; `None` where no home can be found.
    pub data: Option<PathBuf>,
    /// Set apart from other installations in the keyring (product.md §4).
    pub account_suffix: Option<String>,
    /// Variables that helpers must not inherit.
    pub secret_variables: Vec<String>,
}

type Job = Box<dyn FnOnce(&mut dyn Backend) + Send>;

/// One store for the length of one command. Its calls run on a thread that
/// cannot keep the process from exiting, and share one deadline.
pub struct Vault {
    pub kind: StoreKind,
    places: Places,
    jobs: mpsc::Sender<Job>,
    /// What is left of the time for all calls of this command.
    left: std::cell::Cell<Duration>,
}

/// An answer on its way from the store.
type Answer<T> = oneshot::Receiver<Result<T, StoreError>>;

/// A read under way.
pub struct Reading(Answer<Option<Zeroizing<String>>>);

impl Vault {
    /// Opens nothing yet: the store is touched by the first call.
    pub fn new(kind: StoreKind, places: Places, limit: Duration) -> Self {
        let (jobs, inbox) = mpsc::channel::<Job>();
        let (thread_kind, thread_places) = (kind.clone(), places.clone());
        std::thread::spawn(move || {
            let mut backend: Box<dyn Backend> = match thread_kind {
                StoreKind::Keyring => Box::new(keyring::Keyring::new(thread_places.account_suffix)),
                StoreKind::File => Box::new(file::FileStore::new(thread_places.data)),
                StoreKind::Helper(name) => Box::new(helper::Helper::new(name, thread_places.secret_variables)),
            };
            while let Ok(job) = inbox.recv() {
                job(backend.as_mut());
            }
        });
        Self { kind, places, jobs, left: std::cell::Cell::new(limit) }
    }

    /// Starts a read, so that other work can go on beside it.
    pub fn begin_read(&self, profile: &ProfileName) -> Reading {
        let profile = profile.clone();
        Reading(self.start(move |backend, deadline| backend.read(&profile, deadline)))
    }

    /// Waits for a read to end. `Ok(None)`: nothing is kept.
    pub async fn finish_read(&self, reading: Reading) -> Result<Option<Zeroizing<String>>, StoreError> {
        self.wait(reading.0).await
    }

    pub async fn read(&self, profile: &ProfileName) -> Result<Option<Zeroizing<String>>, StoreError> {
        self.finish_read(self.begin_read(profile)).await
    }

    /// Writes a record and reads it back: some stores report success and keep nothing.
    pub async fn write(&self, profile: &ProfileName, record: &str) -> Result<(), StoreError> {
        let (name, text) = (profile.clone(), Zeroizing::new(record.to_owned()));
        self.wait(self.start(move |backend, deadline| backend.write(&name, &text, deadline))).await?;
        match self.read(profile).await? {
            Some(kept) if *kept == record => Ok(()),
            _ => Err(StoreError::Unavailable("it took the record but does not give it back".to_owned())),
        }
    }

    /// Removes a record and reads back that it is gone.
    pub async fn delete(&self, profile: &ProfileName) -> Result<(), StoreError> {
        let name = profile.clone();
        self.wait(self.start(move |backend, deadline| backend.delete(&name, deadline))).await?;
        match self.read(profile).await? {
            None => Ok(()),
            Some(_) => Err(StoreError::Denied("it reports the record as removed but still holds it".to_owned())),
        }
    }

    /// Proves that the store can be used, by a throw-away record that is
    /// written, read back and removed. Some stores say "not found" when they are locked.
    pub async fn probe(&self) -> Result<(), StoreError> {
        let name = ProfileName::parse(&format!("probe.{}", std::process::id())).expect("letters, a dot and digits");
        let written = self.write(&name, "{}").await;
        let removed = if matches!(written, Err(StoreError::TimedOut(_))) { Ok(()) } else { self.delete(&name).await };
        written.and(removed)
    }

    fn start<T: Send + 'static>(
        &self,
        call: impl FnOnce(&mut dyn Backend, Instant) -> Result<T, StoreError> + Send + 'static,
    ) -> Answer<T> {
        let (answer, outbox) = oneshot::channel();
        let deadline = Instant::now() + self.left.get();
        // A send fails only when the thread has died; the wait then says so.
        let _ = self.jobs.send(Box::new(move |backend| {
            let _ = answer.send(call(backend, deadline));
        }));
        outbox
    }

    async fn wait<T>(&self, outbox: Answer<T>) -> Result<T, StoreError> {
        let (started, left) = (Instant::now(), self.left.get());
        let answer = tokio::time::timeout(left, outbox).await;
        self.left.set(left.saturating_sub(started.elapsed()));
        match answer {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(StoreError::Unavailable("the store's library stopped unexpectedly".to_owned())),
            Err(_) => Err(StoreError::TimedOut(left)),
        }
    }

    /// The store in words, for messages.
    pub fn title(&self) -> String {
        match &self.kind {
            StoreKind::Keyring => "the keyring".to_owned(),
            StoreKind::File => "the credentials file".to_owned(),
            StoreKind::Helper(name) => format!("the credential helper `{name}`"),
        }
    }

    /// The name that another program finds the record by.
    pub fn item_name(&self, profile: &ProfileName) -> String {
        match &self.kind {
            StoreKind::Keyring => {
                format!("{} / {}", keyring::SERVICE, keyring::account(profile, self.places.account_suffix.as_deref()))
            }
            StoreKind::File => {
                file::path(self.places.data.as_deref()).map_or_else(String::new, |p| p.display().to_string())
            }
            StoreKind::Helper(name) => format!("docker-credential-{name} {}", helper::server_url(profile)),
        }
    }

    /// What the record's lock is named after, and the folder it has to lie in, if any.
    pub fn lock_place(&self, profile: &ProfileName) -> lock::Place {
        match &self.kind {
            // Beside the records, so that all who share the folder share the lock.
            StoreKind::File => lock::Place::In(self.places.data.clone(), format!("{profile}.refresh")),
            _ => lock::Place::OfUser(format!("{} {}", self.kind, self.item_name(profile))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_is_named_exactly() {
        assert_eq!(StoreChoice::parse("auto").map(StoreChoice::kind), Ok(StoreKind::Keyring));
        assert_eq!(StoreKind::parse("helper:pass"), Ok(StoreKind::Helper("pass".to_owned())));
        for bad in ["", "Keyring", "helper:", "helper:a b", "helper:../x", "helper:a/b", "helper", "plain"] {
            assert_eq!(StoreKind::parse(bad), Err(NotAStore), "{bad}");
        }
        assert!(StoreKind::parse("helper:/opt/docker-credential-x").is_ok());
    }
}
