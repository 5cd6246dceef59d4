//! Folders and files that only this user can open.

use std::fs;
use std::io;
use std::path::Path;

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
