//! Locks between processes: `flock` on files that are never removed. The kernel frees a lock
//! when its holder ends, however it ends. The files hold no secret.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use super::ownership::one_spelling;
use crate::names::ProfileName;
use crate::secret::digest;

/// How long a process waits for a record's lock.
pub const RECORD_LOCK_TIMEOUT: Duration = Duration::from_secs(30);

/// How long a process waits for the lock of a file that all records share. It is held for one write.
const SHARED_FILE_TIMEOUT: Duration = Duration::from_secs(10);

/// The most bytes of a note in a lock file.
const MAX_NOTE_BYTES: u64 = 4096;

/// A lock that is held until this is dropped.
#[derive(Debug)]
pub struct Lock(File);

impl Lock {
    /// The note that an earlier holder wrote for the next ones.
    pub fn note(&self) -> io::Result<Vec<u8>> {
        let mut file = &self.0;
        file.rewind()?;
        let mut note = Vec::new();
        file.take(MAX_NOTE_BYTES).read_to_end(&mut note)?;
        Ok(note)
    }

    /// Writes a note over the earlier one. An empty note counts as absent.
    pub fn leave_note(&self, note: &[u8]) -> io::Result<()> {
        let mut file = &self.0;
        file.set_len(0)?;
        file.rewind()?;
        file.write_all(note)
    }
}

/// Which record a lock is for: a profile in a store of this user on this machine.
#[derive(Debug, Clone)]
pub struct RecordKey {
    store: String,
    profile: ProfileName,
}

impl RecordKey {
    /// The record of a profile in the store of this name: two names are two stores.
    pub fn new(store: impl Into<String>, profile: &ProfileName) -> Self {
        Self { store: store.into(), profile: profile.clone() }
    }

    /// The record of a profile in a file, whatever path leads to the file.
    pub fn in_file(path: &Path, profile: &ProfileName) -> Self {
        Self::new(format!("file {}", one_spelling(path).display()), profile)
    }

    /// The lock file's name. The installations in tests clean up by its first part.
    fn file_name(&self) -> String {
        format!("{}-{}.lock", digest(&self.store), self.profile)
    }
}

/// Waits for the lock file `PATH.lock`. `None` if the file system has no locks: then no
/// process can hold one, and it is better to replace the file without a lock than never to write it.
///
/// # Errors
/// `TimedOut` when it is held for too long; otherwise the reason why the file cannot be opened or locked.
pub fn of_file(path: &Path) -> io::Result<Option<Lock>> {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(".lock");
    match wait(&path.with_file_name(name), SHARED_FILE_TIMEOUT) {
        Err(error) if has_no_locks(&error) => Ok(None),
        locked => locked.map(Some),
    }
}

/// Waits for a record's lock.
///
/// # Errors
/// `TimedOut` after [`RECORD_LOCK_TIMEOUT`]; otherwise the reason why the lock is not available.
pub fn of_record(key: &RecordKey) -> io::Result<Lock> {
    wait(&user_folder()?.join(key.file_name()), RECORD_LOCK_TIMEOUT)
}

/// Whether an error means that the file system has no locks, like some network file systems.
#[cfg(unix)]
fn has_no_locks(error: &io::Error) -> bool {
    use rustix::io::Errno;
    [Errno::NOLCK, Errno::OPNOTSUPP, Errno::NOSYS].iter().any(|no| error.raw_os_error() == Some(no.raw_os_error()))
}

#[cfg(not(unix))]
fn has_no_locks(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::Unsupported
}

/// The folder of this user on this machine for locks and rate limits, made when missing. It depends on the user's id
/// alone, and not on HOME, TMPDIR or a session: a cron job and a shell must use the same folder.
///
/// # Errors
/// If it cannot be made, or is not a folder of this user. In `/tmp` another user may make it first.
#[cfg(unix)]
pub fn user_folder() -> io::Result<PathBuf> {
    use std::os::unix::fs::{DirBuilderExt, MetadataExt};
    let user = rustix::process::geteuid().as_raw();
    let folder = PathBuf::from(format!("/tmp/lokalise-auth-{user}"));
    match fs::DirBuilder::new().mode(0o700).create(&folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    let found = fs::symlink_metadata(&folder)?;
    if found.is_dir() && found.uid() == user {
        Ok(folder)
    } else {
        let why = format!("{} is not a folder of yours", folder.display());
        Err(io::Error::new(io::ErrorKind::PermissionDenied, why))
    }
}

#[cfg(not(unix))]
pub fn user_folder() -> io::Result<PathBuf> {
    let folder = directories::ProjectDirs::from("", "", "lokalise-auth")
        .map(|places| places.data_local_dir().join("locks"))
        .ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "no home folder"))?;
    super::private::private_folder(&folder)?;
    Ok(folder)
}

/// Opens a lock file, made when missing, without following a link in its place.
///
/// # Errors
/// Also if it is not a regular file of this user. Its mode does not matter: it holds no secret, and some file systems
/// keep no modes.
pub fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
        options.mode(0o600).custom_flags(flags.bits().cast_signed());
    }
    let file = options.open(path)?;
    match super::private::why_not_ours(&file.metadata()?) {
        None => Ok(file),
        Some(why) => Err(io::Error::new(io::ErrorKind::PermissionDenied, format!("{} {why}", path.display()))),
    }
}

/// Waits for the lock on a file. A lock file that was removed meanwhile, by a
/// cleaner of /tmp or by hand, locks nothing: the next process makes a new one.
fn wait(path: &Path, timeout: Duration) -> io::Result<Lock> {
    let until = Instant::now() + timeout;
    loop {
        let file = locked(open(path)?, timeout, until)?;
        if is_at(path, &file) {
            return Ok(Lock(file));
        }
    }
}

/// Locks at once if no process holds the lock; otherwise waits on a thread, which wakes when it is free.
fn locked(file: File, timeout: Duration, until: Instant) -> io::Result<File> {
    match file.try_lock() {
        Ok(()) => return Ok(file),
        Err(fs::TryLockError::WouldBlock) => {}
        Err(fs::TryLockError::Error(error)) => return Err(error),
    }
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let locked = file.lock().map(|()| file);
        // After the time-out no receiver is left. The lock is then dropped, which frees it.
        let _ = sender.send(locked);
    });
    receiver.recv_timeout(until.saturating_duration_since(Instant::now())).unwrap_or_else(|_| {
        let held = format!("another lokalise-auth has held the lock for {} seconds", timeout.as_secs());
        Err(io::Error::new(io::ErrorKind::TimedOut, held))
    })
}

#[cfg(unix)]
fn is_at(path: &Path, file: &File) -> bool {
    use std::os::unix::fs::MetadataExt;
    let id = |metadata: &fs::Metadata| (metadata.dev(), metadata.ino());
    matches!((fs::symlink_metadata(path), file.metadata()), (Ok(there), Ok(ours)) if id(&there) == id(&ours))
}

#[cfg(not(unix))]
fn is_at(_: &Path, _: &File) -> bool {
    true // a file that is open cannot be removed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_is_read_by_the_next_holder() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("list");
        of_file(&path).unwrap().unwrap().leave_note(b"a longer note").unwrap();
        of_file(&path).unwrap().unwrap().leave_note(b"note").unwrap();
        let lock = of_file(&path).unwrap().unwrap();
        assert_eq!(lock.note().unwrap(), b"note");
        lock.leave_note(b"").unwrap();
        assert_eq!(lock.note().unwrap(), b"");
    }

    #[cfg(unix)]
    #[test]
    fn two_spellings_of_a_file_have_one_lock() {
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(folder.path(), &link).unwrap();
        let name = |path: PathBuf| RecordKey::in_file(&path, &ProfileName::default()).file_name();
        let direct = name(folder.path().join("data/credentials.json"));
        assert_eq!(name(link.join("data/credentials.json")), direct);
        assert_eq!(name(link.join("data/../data//./credentials.json")), direct);
        assert_ne!(name(folder.path().join("other/credentials.json")), direct);
    }
}
