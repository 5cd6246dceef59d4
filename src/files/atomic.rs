//! Files that are replaced whole or not at all: a crash, a full disk or a signal
//! at any point leaves the old content or the new one, readable by the owner alone.

#[cfg(unix)]
use std::fs::File;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::lock::Lock;

/// Replaces a file: new file of mode 0600, written, synced, renamed over the old one, folder
/// synced. Whoever holds the lock of the file removes what a killed process left of an earlier try.
pub fn replace(path: &Path, content: &[u8], lock: Option<&Lock>) -> io::Result<()> {
    let folder = path.parent().ok_or_else(|| io::Error::other("the path has no folder"))?;
    let new = TemporaryFile::write(path, content, lock)?;
    rename(&new.0, path)?;
    std::mem::forget(new);
    sync_folder(folder)
}

/// Proves that a file could be replaced, and leaves it alone.
pub fn could_replace(path: &Path, lock: Option<&Lock>) -> io::Result<()> {
    TemporaryFile::write(path, b"{}", lock).map(drop)
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
struct TemporaryFile(PathBuf);

impl TemporaryFile {
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

impl Drop for TemporaryFile {
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
