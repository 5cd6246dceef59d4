//! Where records are kept: the OS keyring, a file, or a credential helper. Every
//! call has a deadline, and "no record" is a different answer from "unknown".

mod file;
mod helper;
mod keyring;
#[cfg(any(windows, target_os = "macos"))]
mod native_keyring;
#[cfg(all(unix, not(target_os = "macos")))]
mod secret_service;
#[cfg(all(unix, not(target_os = "macos")))]
mod shown_prompt;
mod store_error;

use std::path::PathBuf;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use zeroize::Zeroizing;

use crate::files::lock::RecordKey;
use crate::names::{ProfileName, StoreKind};
use crate::subprocess::SearchPath;

pub use store_error::StoreError;

/// When the caller stops waiting, and how long it waits in all.
#[derive(Clone, Copy)]
struct Deadline {
    at: Instant,
    limit: Duration,
}

impl Deadline {
    /// The time that is left; zero when it is over.
    #[cfg(all(unix, not(target_os = "macos")))]
    fn left(self) -> Duration {
        self.at.saturating_duration_since(Instant::now())
    }
}

/// What a store can do with one record, as text.
trait Backend: Send {
    fn read(&mut self, profile: &ProfileName, deadline: Deadline) -> Result<Option<Zeroizing<String>>, StoreError>;
    fn write(&mut self, profile: &ProfileName, record: &str, deadline: Deadline) -> Result<(), StoreError>;
    /// Removes the record. It succeeds if the record does not exist.
    fn delete(&mut self, profile: &ProfileName, deadline: Deadline) -> Result<(), StoreError>;

    /// Replaces exactly this old record. `false`: the store holds another record by now, or none.
    fn replace(&mut self, profile: &ProfileName, old: &str, new: &str, deadline: Deadline) -> Result<bool, StoreError> {
        match self.read(profile, deadline)? {
            Some(kept) if *kept == old => self.write(profile, new, deadline).map(|()| true),
            _ => Ok(false),
        }
    }

    /// Proves with a throw-away record that the store keeps, returns and removes one.
    fn probe(&mut self, deadline: Deadline) -> Result<(), StoreError> {
        let name = ProfileName::of_a_probe();
        let written = self.write(&name, "{}", deadline).and_then(|()| self.gives_back(&name, "{}", deadline));
        let removed = self.delete(&name, deadline).and_then(|()| self.has_forgotten(&name, deadline));
        written.and(removed).map_err(|why| match why {
            // Only the answer can be unreadable here: the probe wrote the record itself.
            StoreError::Corrupt(why) => StoreError::Unavailable(why),
            why => why,
        })
    }

    /// Proves that a record which was not found does not exist. Some stores hide their records while they are locked.
    fn confirm_absence(&mut self, _: &ProfileName, _: Deadline) -> Result<(), StoreError> {
        Ok(())
    }

    /// Some stores report success and keep nothing.
    fn gives_back(&mut self, profile: &ProfileName, record: &str, deadline: Deadline) -> Result<(), StoreError> {
        match self.read(profile, deadline)? {
            Some(kept) if *kept == record => Ok(()),
            _ => Err(StoreError::Unavailable("it took the record but does not give it back".to_owned())),
        }
    }

    fn has_forgotten(&mut self, profile: &ProfileName, deadline: Deadline) -> Result<(), StoreError> {
        match self.read(profile, deadline)? {
            None => Ok(()),
            Some(_) => Err(StoreError::Denied("it reports the record as removed but still holds it".to_owned())),
        }
    }
}

/// The address of the session bus, from the environment.
#[derive(Clone, Debug)]
pub enum BusAddress {
    Known(String),
    /// We connect to no bus, for this reason.
    Unusable(&'static str),
}

/// The folders and names of this installation that stores need.
#[derive(Clone, Debug)]
pub struct StoreLocations {
    /// The data folder, for the file store; `None` where no home can be found.
    pub data: Option<PathBuf>,
    /// The suffix that keeps this installation's items in the keyring apart from those of others.
    pub account_suffix: Option<String>,
    /// Variables that helpers must not inherit.
    pub secret_variables: Vec<String>,
    /// Where helpers are found.
    pub search_path: SearchPath,
    /// The D-Bus session bus, for the keyring.
    pub bus: BusAddress,
}

/// How long a store may take after the deadline to end a helper or to dismiss a prompt.
const STORE_GRACE: Duration = Duration::from_millis(500);

type StoreCall = Box<dyn FnOnce(&mut dyn Backend) + Send>;

/// One store for the length of one command. Its calls run on a thread that
/// cannot keep the process from exiting, and share one deadline.
pub struct Store {
    pub kind: StoreKind,
    places: StoreLocations,
    jobs: mpsc::Sender<StoreCall>,
    /// The time for all calls of this command.
    limit: Duration,
    /// The part of `limit` that is left.
    left: std::cell::Cell<Duration>,
    #[cfg(all(unix, not(target_os = "macos")))]
    prompt: shown_prompt::ShownPrompt,
}

/// An answer that the store has not given yet.
type PendingResult<T> = oneshot::Receiver<Result<T, StoreError>>;

/// A read under way.
pub struct PendingRead(PendingResult<Option<Zeroizing<String>>>);

impl Store {
    /// Opens nothing yet: the store is touched by the first call.
    pub fn new(kind: StoreKind, places: StoreLocations, limit: Duration) -> Self {
        let (jobs, inbox) = mpsc::channel::<StoreCall>();
        let (thread_kind, thread_places) = (kind.clone(), places.clone());
        #[cfg(all(unix, not(target_os = "macos")))]
        let prompt = shown_prompt::ShownPrompt::default();
        #[cfg(all(unix, not(target_os = "macos")))]
        let thread_prompt = prompt.clone();
        std::thread::spawn(move || {
            let mut backend: Box<dyn Backend> = match thread_kind {
                #[cfg(all(unix, not(target_os = "macos")))]
                StoreKind::Keyring => {
                    let suffix = thread_places.account_suffix;
                    Box::new(secret_service::SecretService::new(thread_places.bus, suffix, thread_prompt))
                }
                #[cfg(any(windows, target_os = "macos"))]
                StoreKind::Keyring => Box::new(native_keyring::NativeKeyring::new(thread_places.account_suffix)),
                StoreKind::File => Box::new(file::FileStore::new(thread_places.data)),
                StoreKind::Helper(name) => {
                    Box::new(helper::Helper::new(name, thread_places.secret_variables, thread_places.search_path))
                }
            };
            while let Ok(job) = inbox.recv() {
                job(backend.as_mut());
            }
        });
        Self {
            kind,
            places,
            jobs,
            limit,
            left: std::cell::Cell::new(limit),
            #[cfg(all(unix, not(target_os = "macos")))]
            prompt,
        }
    }

    /// Starts a read, so that other work can go on meanwhile.
    pub fn begin_read(&self, profile: &ProfileName) -> PendingRead {
        let profile = profile.clone();
        PendingRead(self.start(move |backend, deadline| backend.read(&profile, deadline)))
    }

    /// Waits for a read to end. `Ok(None)`: the store holds no record.
    pub async fn finish_read(&self, reading: PendingRead) -> Result<Option<Zeroizing<String>>, StoreError> {
        self.wait(reading.0).await
    }

    pub async fn read(&self, profile: &ProfileName) -> Result<Option<Zeroizing<String>>, StoreError> {
        self.finish_read(self.begin_read(profile)).await
    }

    /// Writes a record and reads it back.
    pub async fn write(&self, profile: &ProfileName, record: &str) -> Result<(), StoreError> {
        let (name, text) = (profile.clone(), Zeroizing::new(record.to_owned()));
        self.wait(self.start(move |backend, deadline| {
            backend.write(&name, &text, deadline)?;
            backend.gives_back(&name, &text, deadline)
        }))
        .await
    }

    /// Replaces exactly this old record, and reads the new one back. `false`: the store holds another record by
    /// now, or none, and nothing was written.
    pub async fn replace(&self, profile: &ProfileName, old: &str, new: &str) -> Result<bool, StoreError> {
        let name = profile.clone();
        let (old, new) = (Zeroizing::new(old.to_owned()), Zeroizing::new(new.to_owned()));
        self.wait(self.start(move |backend, deadline| {
            let replaced = backend.replace(&name, &old, &new, deadline)?;
            if replaced {
                backend.gives_back(&name, &new, deadline)?;
            }
            Ok(replaced)
        }))
        .await
    }

    /// Removes a record and reads back that it is gone.
    pub async fn delete(&self, profile: &ProfileName) -> Result<(), StoreError> {
        let name = profile.clone();
        self.wait(self.start(move |backend, deadline| {
            backend.delete(&name, deadline)?;
            backend.has_forgotten(&name, deadline)
        }))
        .await
    }

    /// Proves that a record which was not found does not exist: some stores report "not found" while they are locked.
    pub async fn confirm_absence(&self, profile: &ProfileName) -> Result<(), StoreError> {
        let name = profile.clone();
        self.wait(self.start(move |backend, deadline| backend.confirm_absence(&name, deadline))).await
    }

    /// Proves that the store can be used.
    pub async fn probe(&self) -> Result<(), StoreError> {
        self.wait(self.start(|backend, deadline| backend.probe(deadline))).await
    }

    fn start<T: Send + 'static>(
        &self,
        call: impl FnOnce(&mut dyn Backend, Deadline) -> Result<T, StoreError> + Send + 'static,
    ) -> PendingResult<T> {
        let (answer, outbox) = oneshot::channel();
        let deadline = Deadline { at: Instant::now() + self.left.get(), limit: self.limit };
        // A send fails only when the thread has died; the wait then reports that.
        let _ = self.jobs.send(Box::new(move |backend| {
            let _ = answer.send(call(backend, deadline));
        }));
        outbox
    }

    async fn wait<T>(&self, outbox: PendingResult<T>) -> Result<T, StoreError> {
        let (started, left) = (Instant::now(), self.left.get());
        // The store has the same deadline, and needs some time to clean up.
        let answer = tokio::time::timeout(left + STORE_GRACE, outbox).await;
        self.left.set(left.saturating_sub(started.elapsed()));
        match answer {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(StoreError::Unavailable("the store's library stopped unexpectedly".to_owned())),
            Err(_) => Err(StoreError::TimedOut(self.limit)),
        }
    }

    /// The store's name in messages.
    pub fn title(&self) -> String {
        match &self.kind {
            StoreKind::Keyring => "the keyring".to_owned(),
            StoreKind::File => "the credentials file".to_owned(),
            StoreKind::Helper(name) => format!("the credential helper `{name}`"),
        }
    }

    /// The name by which another program finds the record.
    pub fn item_name(&self, profile: &ProfileName) -> String {
        match &self.kind {
            StoreKind::Keyring => {
                format!("{} / {}", keyring::SERVICE, keyring::account(profile, self.places.account_suffix.as_deref()))
            }
            StoreKind::File => {
                file::path(self.places.data.as_deref()).map_or_else(String::new, |p| p.display().to_string())
            }
            StoreKind::Helper(name) => format!("{} {}", helper::program_name(name), helper::server_url(profile)),
        }
    }

    /// The key that names the record's lock.
    pub fn record_key(&self, profile: &ProfileName) -> RecordKey {
        match (&self.kind, file::path(self.places.data.as_deref())) {
            (StoreKind::File, Some(path)) => RecordKey::in_file(&path, profile),
            (StoreKind::Keyring, _) => {
                let installation = self.places.account_suffix.as_deref().unwrap_or_default();
                RecordKey::new(format!("keyring {installation}"), profile)
            }
            (kind, _) => RecordKey::new(kind.to_string(), profile),
        }
    }
}

/// A command that ends early, as at Ctrl-C, leaves no prompt on the screen.
#[cfg(all(unix, not(target_os = "macos")))]
impl Drop for Store {
    fn drop(&mut self) {
        self.prompt.give_up(STORE_GRACE);
    }
}
