//! The file store: `credentials.json` in the data folder, plaintext, 0600. It
//! is used only on request, and refuses a file that anybody else could have read.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::Instant;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use zeroize::Zeroizing;

use super::{Backend, StoreError, atomic, lock};
use crate::profile::ProfileName;

/// The content of `credentials.json`. Records stay text, so that one that is broken breaks no other.
#[derive(Serialize, Deserialize)]
struct Content {
    version: u32,
    records: BTreeMap<String, Box<RawValue>>,
}

const VERSION: u32 = 1;
const LONGEST: u64 = 4 << 20;

pub(super) struct FileStore {
    data: Option<PathBuf>,
}

/// The file's place, where a data folder is known.
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

    /// Reads, changes and replaces the file, alone.
    fn change(&self, change: impl FnOnce(&mut BTreeMap<String, Box<RawValue>>)) -> Result<(), StoreError> {
        let path = self.path()?;
        let folder = path.parent().expect("a file in the data folder");
        let unwritable = |error: io::Error| io_error(&path, "cannot be written", &error);
        atomic::private_folder(folder).map_err(unwritable)?;
        let _lock = lock::beside(&path).map_err(unwritable)?;
        let mut content = load(&path)?.unwrap_or(Content { version: VERSION, records: BTreeMap::new() });
        change(&mut content.records);
        let text = Zeroizing::new(serde_json::to_string(&content).expect("text and numbers always serialize"));
        atomic::replace(&path, text.as_bytes()).map_err(unwritable)
    }
}

impl Backend for FileStore {
    fn read(&mut self, profile: &ProfileName, _: Instant) -> Result<Option<Zeroizing<String>>, StoreError> {
        let content = load(&self.path()?)?;
        Ok(content.and_then(|content| {
            content.records.get(profile.as_str()).map(|record| Zeroizing::new(record.get().to_owned()))
        }))
    }

    fn write(&mut self, profile: &ProfileName, record: &str, _: Instant) -> Result<(), StoreError> {
        let raw = RawValue::from_string(record.to_owned())
            .map_err(|_| StoreError::Corrupt("the record to write is not JSON".to_owned()))?;
        self.change(|records| {
            records.insert(profile.to_string(), raw);
        })
    }

    fn delete(&mut self, profile: &ProfileName, deadline: Instant) -> Result<(), StoreError> {
        if self.read(profile, deadline)?.is_none() {
            return Ok(());
        }
        self.change(|records| {
            records.remove(profile.as_str());
        })
    }
}

/// The file's content, if there is a file and it is safe to believe.
fn load(path: &Path) -> Result<Option<Content>, StoreError> {
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
    check(path, &file)?;
    let mut text = Zeroizing::new(String::new());
    file.take(LONGEST).read_to_string(&mut text).map_err(|error| match error.kind() {
        io::ErrorKind::InvalidData => StoreError::Corrupt(format!("{} is not text", path.display())),
        _ => unreadable(error),
    })?;
    // serde's own words could quote a secret.
    let content: Content = serde_json::from_str(&text)
        .map_err(|_| StoreError::Corrupt(format!("{} is not a credentials file", path.display())))?;
    if content.version == VERSION {
        Ok(Some(content))
    } else {
        Err(StoreError::Corrupt(format!("{} was written by another version of lokalise-auth", path.display())))
    }
}

fn is_link(path: &Path) -> bool {
    path.symlink_metadata().is_ok_and(|metadata| metadata.is_symlink())
}

#[cfg(unix)]
fn check(path: &Path, file: &std::fs::File) -> Result<(), StoreError> {
    use std::os::unix::fs::MetadataExt;
    let metadata = file.metadata().map_err(|error| io_error(path, "cannot be read", &error))?;
    let refused = if !metadata.is_file() {
        "is not a regular file".to_owned()
    } else if metadata.uid() != rustix::process::geteuid().as_raw() {
        "belongs to another user".to_owned()
    } else if metadata.mode() & 0o077 != 0 {
        format!("is open to other users (mode {:04o})", metadata.mode() & 0o7777)
    } else {
        return Ok(());
    };
    Err(StoreError::Denied(format!("{} {refused}", path.display())))
}

#[cfg(not(unix))]
fn check(_: &Path, _: &std::fs::File) -> Result<(), StoreError> {
    Ok(()) // the folder of the user's profile is closed to others by its ACL
}

fn io_error(path: &Path, what: &str, error: &io::Error) -> StoreError {
    let text = format!("{} {what}: {error}", path.display());
    match error.kind() {
        io::ErrorKind::PermissionDenied => StoreError::Denied(text),
        io::ErrorKind::TimedOut => StoreError::TimedOut(lock::LONGEST_WAIT),
        _ => StoreError::Unavailable(text),
    }
}
