//! The file store: `credentials.json` in the data folder, plaintext, 0600. It
//! is used only on request, and refuses a file that anybody else could have read.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use zeroize::Zeroizing;

use super::{Backend, Deadline, StoreError};
use crate::files::{atomic, lock, private};
use crate::names::ProfileName;
use crate::secret::json;

/// Records stay text, so that a broken record does not affect the others.
type Records = BTreeMap<String, RecordText>;

/// The JSON of one record, as it is in the file.
struct RecordText(Zeroizing<String>);

impl Serialize for RecordText {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let raw: &RawValue = serde_json::from_str(&self.0).map_err(|_| serde::ser::Error::custom("it is not JSON"))?;
        raw.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for RecordText {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <&RawValue>::deserialize(deserializer).map(|raw| Self(Zeroizing::new(raw.get().to_owned())))
    }
}

/// The content of `credentials.json`.
#[derive(Serialize, Deserialize)]
struct CredentialsFile {
    version: u32,
    records: Records,
}

impl Default for CredentialsFile {
    fn default() -> Self {
        Self { version: VERSION, records: Records::new() }
    }
}

const VERSION: u32 = 1;
const MAX_FILE_BYTES: u64 = 4 << 20;

pub(super) struct FileStore {
    data: Option<PathBuf>,
}

/// The file's path, if a data folder is known.
pub(super) fn path(data: Option<&Path>) -> Option<PathBuf> {
    data.map(|folder| folder.join("credentials.json"))
}

impl FileStore {
    pub(super) fn new(data: Option<PathBuf>) -> Self {
        Self { data }
    }

    fn path(&self) -> Result<PathBuf, StoreError> {
        path(self.data.as_deref())
            .ok_or_else(|| StoreError::Unavailable("there is no home folder; set LOKALISE_AUTH_DATA_DIR".to_owned()))
    }

    /// Reads, changes and replaces the file under its lock. When the last record is gone, the file is removed.
    fn change<T>(&self, change: impl FnOnce(&mut Records) -> (bool, T)) -> Result<T, StoreError> {
        let path = self.path()?;
        let lock = prepare(&path)?;
        let loaded = load(&path)?;
        let there = loaded.is_some();
        let mut content = loaded.unwrap_or_default();
        let (changed, answer) = change(&mut content.records);
        if !changed {
            return Ok(answer);
        }
        let written = if content.records.is_empty() {
            if there { atomic::remove(&path, lock.as_ref()) } else { Ok(()) }
        } else {
            let room: usize = content.records.iter().map(|(name, text)| name.len() + text.0.len() + 8).sum();
            let text = json(&content, room + 64);
            atomic::replace(&path, text.as_bytes(), lock.as_ref())
        };
        written.map(|()| answer).map_err(|error| unwritable(&path, &error))
    }
}

/// Makes the folder, and takes the lock that all writers share.
fn prepare(path: &Path) -> Result<Option<lock::Lock>, StoreError> {
    let folder = path.parent().expect("a file in the data folder");
    private::private_folder(folder)
        .and_then(|()| lock::of_file(path))
        .map_err(|error| io_error(path, "cannot be written", &error))
}

fn unwritable(path: &Path, error: &io::Error) -> StoreError {
    io_error(path, "cannot be written", error)
}

fn text(record: &str) -> Result<RecordText, StoreError> {
    match serde_json::from_str::<&RawValue>(record) {
        Ok(raw) => Ok(RecordText(Zeroizing::new(raw.get().to_owned()))),
        Err(_) => Err(StoreError::Corrupt("the record to write is not JSON".to_owned())),
    }
}

impl Backend for FileStore {
    fn read(&mut self, profile: &ProfileName, _: Deadline) -> Result<Option<Zeroizing<String>>, StoreError> {
        let content = load(&self.path()?)?;
        Ok(content.and_then(|content| content.records.get(profile.as_str()).map(|record| record.0.clone())))
    }

    fn write(&mut self, profile: &ProfileName, record: &str, _: Deadline) -> Result<(), StoreError> {
        let text = text(record)?;
        self.change(|records| {
            records.insert(profile.to_string(), text);
            (true, ())
        })
    }

    /// Compares and replaces under one lock, so that no other process writes in between.
    fn replace(&mut self, profile: &ProfileName, old: &str, new: &str, _: Deadline) -> Result<bool, StoreError> {
        let text = text(new)?;
        self.change(|records| {
            let same = records.get(profile.as_str()).is_some_and(|kept| *kept.0 == old);
            if same {
                records.insert(profile.to_string(), text);
            }
            (same, same)
        })
    }

    fn delete(&mut self, profile: &ProfileName, deadline: Deadline) -> Result<(), StoreError> {
        if self.read(profile, deadline)?.is_none() {
            return Ok(());
        }
        self.change(|records| (records.remove(profile.as_str()).is_some(), ()))
    }

    /// Proves that a new file is private there, and that it can take the old one's place: the file is replaced by one of
    /// the same content.
    fn probe(&mut self, _: Deadline) -> Result<(), StoreError> {
        let path = self.path()?;
        let lock = prepare(&path)?;
        let loaded = load(&path)?;
        atomic::prove_private_folder(&path, lock.as_ref()).map_err(|error| unwritable(&path, &error))?;
        drop(lock);
        if loaded.is_some() { self.change(|records| (!records.is_empty(), ())) } else { Ok(()) }
    }
}

/// The file's content. `None` if the file does not exist.
fn load(path: &Path) -> Result<Option<CredentialsFile>, StoreError> {
    let unreadable = |error: io::Error| io_error(path, "cannot be read", &error);
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
        options.custom_flags(flags.bits().cast_signed());
    }
    let file = match options.open(path) {
        Ok(file) => file,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Err(error) if is_link(path) => {
            return Err(StoreError::Denied(format!("{} is a symbolic link ({error})", path.display())));
        }
        Err(error) => return Err(unreadable(error)),
    };
    let metadata = file.metadata().map_err(unreadable)?;
    if let Some(why) = private::why_not_private(&metadata) {
        return Err(StoreError::Denied(format!("{} {why}", path.display())));
    }
    // The buffer has its full size from the start: a growing one would leave copies of the tokens in memory.
    let room = usize::try_from(metadata.len().min(MAX_FILE_BYTES)).unwrap_or(0) + 1;
    let mut text = Zeroizing::new(String::with_capacity(room));
    file.take(MAX_FILE_BYTES).read_to_string(&mut text).map_err(|error| match error.kind() {
        io::ErrorKind::InvalidData => corrupt(path, "is not text"),
        _ => unreadable(error),
    })?;
    // serde's own message could quote a secret.
    let content: CredentialsFile =
        serde_json::from_str(&text).map_err(|_| corrupt(path, "is not a credentials file"))?;
    if content.version == VERSION {
        Ok(Some(content))
    } else {
        Err(corrupt(path, "was written by another version of lokalise-auth"))
    }
}

fn corrupt(path: &Path, why: &'static str) -> StoreError {
    StoreError::CorruptFile { path: path.to_owned(), why }
}

fn is_link(path: &Path) -> bool {
    path.symlink_metadata().is_ok_and(|metadata| metadata.is_symlink())
}

fn io_error(path: &Path, what: &str, error: &io::Error) -> StoreError {
    let text = format!("{} {what}: {error}", path.display());
    match error.kind() {
        io::ErrorKind::PermissionDenied => StoreError::Denied(text),
        io::ErrorKind::TimedOut => StoreError::Locked(text),
        _ => StoreError::Unavailable(text),
    }
}
