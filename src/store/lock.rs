//! Locks between processes: `flock` on empty files that are never removed. The
//! kernel frees a lock when its holder dies, whatever it died of.

use std::fmt::Write;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Duration;

/// How long anyone waits for a lock.
pub const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// A lock that is held until this is dropped.
#[derive(Debug)]
pub struct Lock(#[allow(dead_code)] File); // held, not read

/// Where a record's lock lies.
#[derive(Debug, Clone)]
pub enum Place {
    /// In the folder `locks` of this folder, under this name.
    In(Option<PathBuf>, String),
    /// In the folder of this user on this machine, under the digest of this key. It
    /// depends on nothing but the user's id: not on HOME, TMPDIR or the working folder.
    OfUser(String),
}

/// Waits for the lock file `PATH.lock`.
///
/// # Errors
/// `TimedOut` after [`LONGEST_WAIT`]; else why the file cannot be opened or locked.
pub fn beside(path: &Path) -> io::Result<Lock> {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(".lock");
    wait(open(&path.with_file_name(name))?)
}

/// Waits for a record's lock.
///
/// # Errors
/// As [`beside`].
pub fn of_record(place: &Place) -> io::Result<Lock> {
    wait(open(&path_of(place)?)?)
}

/// The lock file's path; its folder is made when missing.
///
/// # Errors
/// If there is no such folder.
pub fn path_of(place: &Place) -> io::Result<PathBuf> {
    match place {
        Place::In(Some(folder), name) => {
            let folder = folder.join("locks");
            super::atomic::private_folder(&folder)?;
            Ok(folder.join(format!("{name}.lock")))
        }
        Place::In(None, _) => Err(io::Error::new(io::ErrorKind::NotFound, "there is no data folder")),
        Place::OfUser(key) => Ok(user_folder()?.join(format!("{}.lock", digest(key)))),
    }
}

/// The first 16 hex digits of a key's SHA-256: a name that any key can have.
pub fn digest(key: &str) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, key.as_bytes());
    digest.as_ref()[..8].iter().fold(String::with_capacity(16), |mut hex, byte| {
        write!(hex, "{byte:02x}").expect("a string takes all text");
        hex
    })
}

/// A folder of this user on this machine for locks and pace files, made when missing.
///
/// # Errors
/// If it cannot be made, or is not a folder that only this user can write to.
#[cfg(unix)]
pub fn user_folder() -> io::Result<PathBuf> {
    use std::os::unix::fs::MetadataExt;
    let user = rustix::process::geteuid().as_raw();
    let run = PathBuf::from(format!("/run/user/{user}"));
    let folder = if fs::symlink_metadata(&run).is_ok_and(|found| found.is_dir() && found.uid() == user) {
        run.join("lokalise-auth")
    } else {
        PathBuf::from(format!("/tmp/lokalise-auth-{user}"))
    };
    super::atomic::private_folder(&folder)?;
    // In /tmp another user may have been first.
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
    super::atomic::private_folder(&folder)?;
    Ok(folder)
}

/// Opens a private file without following a link in its place.
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
    if file.metadata()?.is_file() { Ok(file) } else { Err(io::Error::other("it is not a regular file")) }
}

/// Locks at once when nobody holds it; else waits on a thread, which wakes the moment it is free.
fn wait(file: File) -> io::Result<Lock> {
    match file.try_lock() {
        Ok(()) => return Ok(Lock(file)),
        Err(fs::TryLockError::WouldBlock) => {}
        Err(fs::TryLockError::Error(error)) => return Err(error),
    }
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let locked = file.lock().map(|()| Lock(file));
        // Nobody is left to take it after the time-out: it is then dropped, which frees it.
        let _ = sender.send(locked);
    });
    receiver.recv_timeout(LONGEST_WAIT).unwrap_or_else(|_| {
        Err(io::Error::new(io::ErrorKind::TimedOut, "another lokalise-auth has held the lock for 30 seconds"))
    })
}
