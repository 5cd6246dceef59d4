//! Files that are replaced whole or not at all: a crash, a full disk or a signal at any point
//! leaves the old content or the new one, readable by the owner alone.

use std::fs;
#[cfg(unix)]
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use tempfile::NamedTempFile;

use super::lock::Lock;
use super::private::why_not_private;

/// Replaces a file: new file of mode 0600, written, synced, renamed over the old one, folder
/// synced. With the lock of the file, it also removes the temporary files of killed processes.
pub fn replace(path: &Path, content: &[u8], lock: Option<&Lock>) -> io::Result<()> {
    let new = new_file(path, content, lock)?;
    persist(new, path)?;
    sync_folder(folder_of(path)?)
}

/// Proves that a file can be made in the folder of this path, and leaves nothing.
pub fn prove_changeable_folder(path: &Path, lock: Option<&Lock>) -> io::Result<()> {
    new_file(path, b"{}", lock).map(drop)
}

/// Refuses a folder in which even a new file of mode 0600 is open to other users, as on a file system without modes.
pub fn prove_private_folder(path: &Path, lock: Option<&Lock>) -> io::Result<()> {
    let new = new_file(path, b"{}", lock)?;
    match why_not_private(&new.as_file().metadata()?) {
        None => Ok(()),
        Some(why) => Err(io::Error::new(io::ErrorKind::PermissionDenied, format!("a new file there {why}"))),
    }
}

/// Removes a file for good.
pub fn remove(path: &Path, lock: Option<&Lock>) -> io::Result<()> {
    let folder = folder_of(path)?;
    if lock.is_some() {
        sweep(path, folder);
    }
    fs::remove_file(path)?;
    sync_folder(folder)
}

fn folder_of(path: &Path) -> io::Result<&Path> {
    path.parent().ok_or_else(|| io::Error::other("the path has no folder"))
}

/// A temporary file that is about to replace another file. If it is dropped before that, it is removed; if that fails,
/// the next write removes it.
fn new_file(path: &Path, content: &[u8], lock: Option<&Lock>) -> io::Result<NamedTempFile> {
    let folder = folder_of(path)?;
    if lock.is_some() {
        sweep(path, folder);
    }
    let prefix = format!("{}{}", temporary_prefix(path), std::process::id());
    // Without a lock a process with the same number, in another container, may be using the file.
    let random = if lock.is_some() { 0 } else { 8 };
    let mut new = tempfile::Builder::new().prefix(&prefix).rand_bytes(random).tempfile_in(folder)?;
    new.write_all(content)?;
    new.as_file().sync_all()?;
    Ok(new)
}

fn temporary_prefix(path: &Path) -> String {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    format!(".{name}.new.")
}

/// Removes the temporary files of killed processes.
fn sweep(path: &Path, folder: &Path) {
    let prefix = temporary_prefix(path);
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with(&prefix) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

#[cfg(not(windows))]
fn persist(new: NamedTempFile, path: &Path) -> io::Result<()> {
    new.persist(path).map(drop).map_err(|failed| failed.error)
}

/// On Windows a reader, a virus scanner or an indexer may hold the old file for a moment.
#[cfg(windows)]
fn persist(mut new: NamedTempFile, path: &Path) -> io::Result<()> {
    let mut tries = 0;
    loop {
        match new.persist(path) {
            Ok(_) => return Ok(()),
            Err(failed) if tries < 20 && matches!(failed.error.raw_os_error(), Some(5 | 32)) => {
                tries += 1;
                new = failed.file;
                std::thread::sleep(std::time::Duration::from_millis(100));
            }
            Err(failed) => return Err(failed.error),
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
