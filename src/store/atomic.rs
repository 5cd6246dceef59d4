//! Files that are replaced whole or not at all: a crash, a full disk or a signal
//! at any point leaves the old content or the new one, readable by the owner alone.

#[cfg(unix)]
use std::fs::File;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::lock::Lock;

/// Under `sudo` with the caller's HOME, files would be written that the caller can no longer read.
#[derive(Debug, thiserror::Error)]
#[error("running as another user than the one whose home this is")]
pub struct ForeignHome;

impl ForeignHome {
    /// What to do about it.
    pub const HINT: &str = "run it without sudo, or with `sudo -H`";

    /// Whether an error means this.
    pub fn is(error: &io::Error) -> bool {
        error.get_ref().and_then(|inner| inner.downcast_ref::<Self>()).is_some()
    }
}

/// Refuses a home that is not ours.
///
/// # Errors
/// [`ForeignHome`]
#[cfg(unix)]
pub fn own_home() -> io::Result<()> {
    use std::os::unix::fs::MetadataExt;
    let user = rustix::process::geteuid().as_raw();
    let home = std::env::var_os("HOME").and_then(|home| fs::metadata(home).ok());
    let by_sudo = user == 0 && std::env::var_os("SUDO_UID").is_some();
    let foreign = by_sudo && home.is_some_and(|home| home.uid() != user);
    if foreign || rustix::process::getuid().as_raw() != user {
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, ForeignHome));
    }
    Ok(())
}

#[cfg(not(unix))]
#[allow(clippy::unnecessary_wraps)] // there is nothing to refuse
pub fn own_home() -> io::Result<()> {
    Ok(())
}

/// Makes a folder of mode 0700, parents included. One that exists is tightened
/// only if it is clearly ours: empty, or holding our files. Whoever writes an
/// installation's files comes by here first, so this is where [`own_home`] is asked.
pub fn private_folder(folder: &Path) -> io::Result<()> {
    own_home()?;
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
        builder.mode(0o700);
        if let Ok(metadata) = fs::metadata(folder) {
            let open_to_others = metadata.is_dir() && metadata.mode() & 0o077 != 0;
            let sticky = metadata.mode() & 0o1000 != 0;
            if open_to_others && !sticky && metadata.uid() == rustix::process::geteuid().as_raw() && is_ours(folder) {
                fs::set_permissions(folder, fs::Permissions::from_mode(0o700))?;
            }
        }
    }
    builder.create(folder)
}

#[cfg(unix)]
fn is_ours(folder: &Path) -> bool {
    let Ok(mut entries) = fs::read_dir(folder) else { return false };
    entries.all(|entry| {
        entry.is_ok_and(|entry| {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            ["credentials.json", "profiles.json", ".credentials.json", ".profiles.json", "locks"]
                .iter()
                .any(|ours| name.starts_with(ours))
        })
    })
}

/// Why a file cannot be believed to be this user's alone; `None` when it is.
#[cfg(unix)]
pub fn why_not_private(metadata: &fs::Metadata) -> Option<String> {
    use std::os::unix::fs::MetadataExt;
    if !metadata.is_file() {
        Some("is not a regular file".to_owned())
    } else if metadata.uid() != rustix::process::geteuid().as_raw() {
        Some("belongs to another user".to_owned())
    } else if metadata.mode() & 0o077 != 0 {
        Some(format!("is open to other users (mode {:04o})", metadata.mode() & 0o7777))
    } else {
        None
    }
}

/// The folder of the user's profile is closed to others by its ACL.
#[cfg(not(unix))]
pub fn why_not_private(metadata: &fs::Metadata) -> Option<String> {
    (!metadata.is_file()).then(|| "is not a regular file".to_owned())
}

/// Replaces a file: new file of mode 0600, written, synced, renamed over the old one, folder
/// synced. Whoever holds the lock of the file removes what a killed process left of an earlier try.
pub fn replace(path: &Path, content: &[u8], lock: Option<&Lock>) -> io::Result<()> {
    let folder = path.parent().ok_or_else(|| io::Error::other("the path has no folder"))?;
    let new = New::write(path, content, lock)?;
    rename(&new.0, path)?;
    std::mem::forget(new);
    sync_folder(folder)
}

/// Proves that a file could be replaced, and leaves it alone.
pub fn could_replace(path: &Path, lock: Option<&Lock>) -> io::Result<()> {
    New::write(path, b"{}", lock).map(drop)
}

/// Removes a file for good.
pub fn remove(path: &Path, lock: Option<&Lock>) -> io::Result<()> {
    let folder = path.parent().ok_or_else(|| io::Error::other("the path has no folder"))?;
    if lock.is_some() {
        sweep(path, folder);
    }
    fs::remove_file(path)?;
    sync_folder(folder)
}

/// A file that is about to take another's place. Dropped before it did, it is removed.
struct New(PathBuf);

impl New {
    fn write(path: &Path, content: &[u8], lock: Option<&Lock>) -> io::Result<Self> {
        let process = std::process::id();
        let name = match (lock, path.parent()) {
            (Some(_), Some(folder)) => {
                sweep(path, folder);
                format!("{}{process}", temporary_prefix(path))
            }
            // Without a lock a process of the same number, in another container, may be at work.
            _ => format!("{}{process}.{}", temporary_prefix(path), nanoseconds()),
        };
        let new = path.with_file_name(name);
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        {
            use std::os::unix::fs::OpenOptionsExt;
            options.mode(0o600);
        }
        let mut file = options.open(&new)?;
        let new = Self(new);
        file.write_all(content)?;
        file.sync_all()?;
        Ok(new)
    }
}

impl Drop for New {
    fn drop(&mut self) {
        // What cannot be removed now is swept away by the next write.
        let _ = fs::remove_file(&self.0);
    }
}

fn nanoseconds() -> u128 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |time| time.as_nanos())
}

fn temporary_prefix(path: &Path) -> String {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    format!(".{name}.new.")
}

/// Removes what a killed process left behind.
fn sweep(path: &Path, folder: &Path) {
    let prefix = temporary_prefix(path);
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with(&prefix) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

#[cfg(not(windows))]
fn rename(from: &Path, to: &Path) -> io::Result<()> {
    fs::rename(from, to)
}

/// On Windows a reader, a virus scanner or an indexer may hold the old file for a moment.
#[cfg(windows)]
fn rename(from: &Path, to: &Path) -> io::Result<()> {
    let mut tries = 0;
    loop {
        match fs::rename(from, to) {
            Err(error) if tries < 20 && matches!(error.raw_os_error(), Some(5 | 32)) => {
                tries += 1;
                std::thread::sleep(std::time::Duration::from_millis(100));
            }
            done => return done,
        }
    }
}

#[cfg(unix)]
fn sync_folder(folder: &Path) -> io::Result<()> {
    match File::open(folder)?.sync_all() {
        // Some network file systems cannot sync a folder; the rename is done all the same.
        Err(error) if matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported) => Ok(()),
        synced => synced,
    }
}

#[cfg(not(unix))]
#[allow(clippy::unnecessary_wraps)] // as on unix, where it can fail
fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}
