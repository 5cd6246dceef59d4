//! The owner and the real path of files that decide what this program does. A file of another user,
//! or a link that another user made, is not used.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

/// Why a file is not used.
#[derive(Debug, thiserror::Error)]
#[error("{} {why}", .path.display())]
pub struct Untrusted {
    /// The file, or the link to it.
    path: PathBuf,
    why: &'static str,
}

impl Untrusted {
    /// Whether an error means this.
    pub fn is(error: &io::Error) -> bool {
        error.get_ref().and_then(|inner| inner.downcast_ref::<Self>()).is_some()
    }

    fn error(path: &Path, why: &'static str) -> io::Error {
        io::Error::new(io::ErrorKind::PermissionDenied, Self { path: path.to_owned(), why })
    }
}

/// The most links from one path to its file, as in Linux.
const MAX_LINKS: usize = 40;

/// Follows the links at the end of a path, as long as they belong to this user or to root. The last link may point to
/// a file that does not exist yet.
///
/// # Errors
/// [`Untrusted`], if another user made one of the links.
pub fn follow_links(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_owned();
    for _ in 0..MAX_LINKS {
        let Ok(found) = fs::symlink_metadata(&path) else { return Ok(path) };
        if !found.is_symlink() {
            return Ok(path);
        }
        if !is_trusted(&found) {
            return Err(Untrusted::error(&path, "is a link that another user made"));
        }
        let target = fs::read_link(&path)?;
        path = path.parent().unwrap_or(Path::new("")).join(target);
    }
    Err(io::Error::other("there are too many links in a row"))
}

/// Opens a file for reading, if it is a regular one of this user or of root.
///
/// # Errors
/// [`Untrusted`], if another user owns it, or made a link to it.
pub fn open_trusted(path: &Path) -> io::Result<File> {
    let path = follow_links(path)?;
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        // A FIFO in this place would wait for a writer.
        let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
        options.custom_flags(flags.bits().cast_signed());
    }
    let file = options.open(&path)?;
    let found = file.metadata()?;
    if !is_trusted(&found) {
        return Err(Untrusted::error(&path, "belongs to another user"));
    }
    if !found.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    Ok(file)
}

/// Refuses a file that other users may write to. The mode does not count where the file system keeps none: a new file
/// of mode 0600 in the same folder then reads back wider.
///
/// # Errors
/// [`Untrusted`]
#[cfg(unix)]
pub fn refuse_shared(path: &Path, file: &File) -> io::Result<()> {
    use std::os::unix::fs::MetadataExt;
    let shared = |found: &fs::Metadata| found.mode() & 0o022 != 0;
    if !shared(&file.metadata()?) {
        return Ok(());
    }
    let path = follow_links(path)?;
    let new = path.parent().map(tempfile::NamedTempFile::new_in);
    match new {
        Some(Ok(new)) if shared(&new.as_file().metadata()?) => Ok(()),
        _ => Err(Untrusted::error(&path, "can be written by other users")),
    }
}

#[cfg(not(unix))]
#[allow(clippy::unnecessary_wraps)] // as on unix, where it can fail
pub fn refuse_shared(_: &Path, _: &File) -> io::Result<()> {
    Ok(())
}

#[cfg(unix)]
fn is_trusted(found: &fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    found.uid() == 0 || found.uid() == rustix::process::geteuid().as_raw()
}

#[cfg(not(unix))]
fn is_trusted(_: &fs::Metadata) -> bool {
    true
}

/// One spelling for all paths to a place: links followed as far as the path exists, `.`, `..` and double slashes
/// removed from the rest.
pub fn one_spelling(path: &Path) -> PathBuf {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let mut spelled = PathBuf::new();
    for part in absolute.components() {
        if part == std::path::Component::ParentDir {
            // Links before this are followed already.
            spelled.pop();
        } else {
            spelled.push(part);
            spelled = fs::canonicalize(&spelled).unwrap_or(spelled);
        }
    }
    spelled
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};

    #[test]
    fn links_of_ours_lead_to_the_file_or_to_where_it_will_be() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        symlink("second", at("first")).unwrap();
        symlink(at("file"), at("second")).unwrap();
        assert_eq!(follow_links(&at("first")).unwrap(), at("file"));
        fs::write(at("file"), "content").unwrap();
        assert_eq!(follow_links(&at("first")).unwrap(), at("file"));
        assert!(open_trusted(&at("first")).is_ok());
        symlink("loop", at("loop")).unwrap();
        assert!(follow_links(&at("loop")).is_err());
        assert!(open_trusted(folder.path()).is_err(), "a folder is not a file");
        assert_eq!(open_trusted(&at("missing")).unwrap_err().kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn a_file_that_others_may_write_to_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let file = File::create(&path).unwrap();
        for (mode, refused) in [(0o600, false), (0o644, false), (0o664, true), (0o606, true)] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let answer = refuse_shared(&path, &file);
            assert_eq!(answer.as_ref().is_err_and(Untrusted::is), refused, "{mode:o}: {answer:?}");
        }
    }

    #[test]
    fn all_paths_to_a_place_have_one_spelling() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path().canonicalize().unwrap();
        fs::create_dir_all(root.join("var/home/u")).unwrap();
        symlink("var/home", root.join("home")).unwrap();
        let expected = root.join("var/home/u/new/config");
        for spelling in ["home/u/new/config", "var/home/./u//new/config/", "home/u/../u/new/other/../config"] {
            assert_eq!(one_spelling(&root.join(spelling)), expected, "{spelling}");
        }
        // After a link, `..` is the parent of the link's target.
        assert_eq!(one_spelling(&root.join("home/../x")), root.join("var/x"));
    }
}
