//! Locks between processes: `flock` on empty files that are never removed. The
//! kernel frees a lock when its holder dies, whatever it died of.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// How long anyone waits for a record's lock.
pub const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// How long anyone waits for a file that all records share: it is held for the moment of one write.
const SHARED_FILE_WAIT: Duration = Duration::from_secs(10);

/// A lock that is held until this is dropped.
#[derive(Debug)]
pub struct Lock(#[allow(dead_code)] File); // held, not read

/// Where a record's lock lies.
#[derive(Debug, Clone)]
pub enum LockPlace {
    /// In the folder `locks` of this folder, under this name.
    In(Option<PathBuf>, String),
    /// In the folder of this user on this machine, under the digest of this key. It
    /// depends on nothing but the user's id: not on HOME, TMPDIR or the working folder.
    OfUser(String),
}

/// Waits for the lock file `PATH.lock`. `None` where the file system has no locks: then nobody
/// can hold one, and a file that is replaced whole beats one that can never be written.
///
/// # Errors
/// `TimedOut` when it is held for too long; else why the file cannot be opened or locked.
pub fn beside(path: &Path) -> io::Result<Option<Lock>> {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(".lock");
    match wait(&path.with_file_name(name), SHARED_FILE_WAIT) {
        Err(error) if has_no_locks(&error) => Ok(None),
        locked => locked.map(Some),
    }
}

/// Waits for a record's lock.
///
/// # Errors
/// `TimedOut` after [`LONGEST_WAIT`]; else why there is none to be had.
pub fn of_record(place: &LockPlace) -> io::Result<Lock> {
    wait(&path_of(place)?, LONGEST_WAIT)
}

/// Whether an error means that the file system does not know locks, as some network file systems.
#[cfg(unix)]
fn has_no_locks(error: &io::Error) -> bool {
    use rustix::io::Errno;
    [Errno::NOLCK, Errno::OPNOTSUPP, Errno::NOSYS].iter().any(|no| error.raw_os_error() == Some(no.raw_os_error()))
}

#[cfg(not(unix))]
fn has_no_locks(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::Unsupported
}

/// The lock file's path; its folder is made when missing.
///
/// # Errors
/// If there is no such folder.
pub fn path_of(place: &LockPlace) -> io::Result<PathBuf> {
    match place {
        LockPlace::In(Some(folder), name) => {
            let folder = folder.join("locks");
            super::private::private_folder(&folder)?;
            Ok(folder.join(format!("{name}.lock")))
        }
        LockPlace::In(None, _) => Err(io::Error::new(io::ErrorKind::NotFound, "there is no data folder")),
        LockPlace::OfUser(key) => Ok(user_folder()?.join(format!("{}.lock", crate::secret::digest(key)))),
    }
}

/// A folder of this user on this machine for locks and pace files, made when missing.
///
/// # Errors
/// If it cannot be made, or is not a folder that only this user can write to.
#[cfg(unix)]
pub fn user_folder() -> io::Result<PathBuf> {
    use std::os::unix::fs::{DirBuilderExt, MetadataExt};
    let user = rustix::process::geteuid().as_raw();
    let run = PathBuf::from(format!("/run/user/{user}"));
    let folder = if fs::symlink_metadata(&run).is_ok_and(|found| found.is_dir() && found.uid() == user) {
        run.join("lokalise-auth")
    } else {
        PathBuf::from(format!("/tmp/lokalise-auth-{user}"))
    };
    match fs::DirBuilder::new().mode(0o700).create(&folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    // In /tmp another user may have been first, with a folder or a link.
    let found = fs::symlink_metadata(&folder)?;
    if found.is_dir() && found.uid() == user && found.mode() & 0o022 == 0 {
        Ok(folder)
    } else {
        Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            format!("{} is not a private folder of yours", folder.display()),
        ))
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

/// Opens a private file, made when missing, without following a link in its place.
///
/// # Errors
/// Also if what is there is no regular file, or not this user's alone: whoever can open a lock can hold it.
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
    match super::private::why_not_private(&file.metadata()?) {
        None => Ok(file),
        Some(why) => Err(io::Error::new(io::ErrorKind::PermissionDenied, format!("{} {why}", path.display()))),
    }
}

/// Waits for the lock on a file. One that was removed meanwhile, by a cleaner of /tmp or by hand,
/// locks nothing: the next process makes a new one.
fn wait(path: &Path, longest: Duration) -> io::Result<Lock> {
    let until = Instant::now() + longest;
    loop {
        let file = locked(open(path)?, longest, until)?;
        if is_at(path, &file) {
            return Ok(Lock(file));
        }
    }
}

/// Locks at once when nobody holds it; else waits on a thread, which wakes the moment it is free.
fn locked(file: File, longest: Duration, until: Instant) -> io::Result<File> {
    match file.try_lock() {
        Ok(()) => return Ok(file),
        Err(fs::TryLockError::WouldBlock) => {}
        Err(fs::TryLockError::Error(error)) => return Err(error),
    }
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let locked = file.lock().map(|()| file);
        // Nobody is left to take it after the time-out: it is then dropped, which frees it.
        let _ = sender.send(locked);
    });
    receiver.recv_timeout(until.saturating_duration_since(Instant::now())).unwrap_or_else(|_| {
        let held = format!("another lokalise-auth has held the lock for {} seconds", longest.as_secs());
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
