//! Folders and files that only this user can open.

use std::fs;
use std::io;
use std::path::Path;

/// The refusal of another user's home: root would make files there that this user cannot read.
#[derive(Debug, thiserror::Error)]
#[error("this home belongs to another user than the one that runs the program")]
pub struct ForeignHome;

impl ForeignHome {
    /// The hint for it.
    pub const HINT: &str = "run it without sudo, or with `sudo -H`; after `su`, use `su -`";

    /// Whether an error means this.
    pub fn is(error: &io::Error) -> bool {
        error.get_ref().and_then(|inner| inner.downcast_ref::<Self>()).is_some()
    }
}

/// Refuses a home that is not ours: under `sudo` and `su -p`, and as root in a container whose HOME is another user's.
///
/// # Errors
/// [`ForeignHome`]
#[cfg(unix)]
#[expect(clippy::disallowed_methods, reason = "the owner of HOME is checked wherever a file is made")]
pub fn own_home() -> io::Result<()> {
    use std::os::unix::fs::MetadataExt;
    let user = rustix::process::geteuid();
    let home = std::env::var_os("HOME").and_then(|home| fs::metadata(home).ok());
    let foreign = user.is_root() && home.is_some_and(|home| home.uid() != user.as_raw());
    if foreign || rustix::process::getuid() != user {
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, ForeignHome));
    }
    Ok(())
}

#[cfg(not(unix))]
#[allow(clippy::unnecessary_wraps)] // as on unix, where it can fail
pub fn own_home() -> io::Result<()> {
    Ok(())
}

/// Refuses root a folder that another user owns, or that would be made in one.
#[cfg(unix)]
fn own_folder(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::MetadataExt;
    if !rustix::process::geteuid().is_root() {
        return Ok(());
    }
    match folder.ancestors().find_map(|folder| fs::metadata(folder).ok()) {
        Some(found) if found.uid() != 0 => Err(io::Error::new(io::ErrorKind::PermissionDenied, ForeignHome)),
        _ => Ok(()),
    }
}

#[cfg(not(unix))]
#[allow(clippy::unnecessary_wraps)] // as on unix, where it can fail
fn own_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

/// Makes a folder of mode 0700, parents included. One that exists is tightened
/// only if it is clearly ours: empty, or holding our files. Every write to an
/// installation's files makes its folder first, so this is where a foreign home is refused.
pub fn private_folder(folder: &Path) -> io::Result<()> {
    own_home()?;
    own_folder(folder)?;
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

/// Why a file is not a regular file of this user; `None` when it is.
#[cfg(unix)]
pub fn why_not_ours(metadata: &fs::Metadata) -> Option<String> {
    use std::os::unix::fs::MetadataExt;
    if !metadata.is_file() {
        Some("is not a regular file".to_owned())
    } else if metadata.uid() != rustix::process::geteuid().as_raw() {
        Some("belongs to another user".to_owned())
    } else {
        None
    }
}

/// The folder of the user's profile is closed to others by its ACL.
#[cfg(not(unix))]
pub fn why_not_ours(metadata: &fs::Metadata) -> Option<String> {
    (!metadata.is_file()).then(|| "is not a regular file".to_owned())
}

/// Why other users may have access to a file; `None` if only this user has.
#[cfg(unix)]
pub fn why_not_private(metadata: &fs::Metadata) -> Option<String> {
    use std::os::unix::fs::MetadataExt;
    let open_to_others = metadata.mode() & 0o077 != 0;
    why_not_ours(metadata)
        .or_else(|| open_to_others.then(|| format!("is open to other users (mode {:04o})", metadata.mode() & 0o7777)))
}

#[cfg(not(unix))]
pub fn why_not_private(metadata: &fs::Metadata) -> Option<String> {
    why_not_ours(metadata)
}
