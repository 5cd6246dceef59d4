//! The file of `-o`. It appears when it is whole, or not at all.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::followed_links::follow;
use crate::error::{Error, Result};

/// A temporary file in the same folder, with the permissions that any new file of the user gets.
pub fn new_in_same_folder(path: &Path) -> io::Result<NamedTempFile> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    builder.prefix(".lokalise-auth-");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    builder.tempfile_in(folder)
}

/// Where `-o` writes.
pub struct OutputPath {
    path: PathBuf,
    /// The temporary file that becomes the output. Nothing for a pipe or a device: it takes the bytes as they come and
    /// must not be replaced by a file.
    new: Option<NamedTempFile>,
}

impl OutputPath {
    /// Checks the path and makes the temporary file. A request is not sent if its answer cannot be kept.
    ///
    /// # Errors
    /// Usage, if the path cannot be a file; other, if the temporary file cannot be made, or a link is not to be followed.
    pub fn new(path: &Path) -> Result<Self> {
        if cfg!(windows) && is_windows_device(path) {
            return Ok(Self { path: path.to_owned(), new: None });
        }
        let has_slash = path.as_os_str().as_encoded_bytes().ends_with(b"/");
        let path = follow(path)?;
        let old = fs::metadata(&path).ok();
        match &old {
            Some(old) if old.is_dir() => {
                return Err(Error::usage(format!("`{}` is a directory, and a file is needed", path.display())));
            }
            Some(old) if !old.is_file() => return Ok(Self { path, new: None }),
            Some(_) => {}
            None => {
                let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
                // A name that ends in a slash is the name of a folder.
                let folder = if has_slash { &path } else { folder };
                if !folder.is_dir() {
                    return Err(Error::usage(format!("the folder `{}` does not exist", folder.display())));
                }
            }
        }
        let new = new_in_same_folder(&path).and_then(|file| {
            // The same users may read the new file as the old one.
            old.map_or(Ok(()), |old| file.as_file().set_permissions(plain(&old.permissions())))?;
            Ok(file)
        });
        match new {
            Ok(new) => Ok(Self { path, new: Some(new) }),
            Err(error) => Err(unwritable(&path, error)),
        }
    }

    /// Opens the output. A pipe without a reader does not delay signals or `--timeout`.
    ///
    /// # Errors
    /// Other, if the pipe or device cannot be opened.
    pub async fn open(self) -> Result<OutputFile> {
        if let Some(new) = self.new {
            return Ok(OutputFile { path: self.path, inner: OutputTarget::New(new) });
        }
        let path = self.path.clone();
        let opened = tokio::task::spawn_blocking(move || fs::OpenOptions::new().write(true).open(path)).await;
        match opened.unwrap_or_else(|died| Err(io::Error::other(died))) {
            Ok(special) => Ok(OutputFile { path: self.path, inner: OutputTarget::Special(special) }),
            Err(error) => Err(unwritable(&self.path, error)),
        }
    }
}

/// `NUL` and similar names are devices in every folder of Windows, in upper and lower case.
fn is_windows_device(path: &Path) -> bool {
    let name = path.to_string_lossy().to_ascii_uppercase();
    let name = name.trim_start_matches(r"\\.\").trim_end_matches(':');
    let is_numbered = |name: &str| matches!(name.as_bytes(), [b'1'..=b'9']);
    matches!(name, "NUL" | "CON" | "PRN" | "AUX")
        || name.strip_prefix("COM").or_else(|| name.strip_prefix("LPT")).is_some_and(is_numbered)
}

/// The file while it is being written. Dropping it leaves nothing.
pub struct OutputFile {
    path: PathBuf,
    inner: OutputTarget,
}

enum OutputTarget {
    New(NamedTempFile),
    Special(File),
}

impl OutputFile {
    /// Appends bytes.
    ///
    /// # Errors
    /// Other, if the disk does not take them.
    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        let written = match &mut self.inner {
            // The wrapper would add the temporary name to an error.
            OutputTarget::New(file) => file.as_file_mut().write_all(bytes),
            OutputTarget::Special(file) => file.write_all(bytes),
        };
        written.map_err(|error| unwritable(&self.path, error))
    }

    /// Moves the file to its place.
    ///
    /// # Errors
    /// Other, if it cannot be moved there.
    pub fn finish(self) -> Result<()> {
        match self.inner {
            OutputTarget::New(file) => {
                file.persist(&self.path).map(drop).map_err(|error| unwritable(&self.path, error.error))
            }
            OutputTarget::Special(_) => Ok(()),
        }
    }
}

/// The permissions without the set-user-id and set-group-id bits, which were given to the old content.
#[cfg(unix)]
fn plain(rights: &fs::Permissions) -> fs::Permissions {
    use std::os::unix::fs::PermissionsExt;
    fs::Permissions::from_mode(rights.mode() & 0o777)
}

#[cfg(not(unix))]
fn plain(rights: &fs::Permissions) -> fs::Permissions {
    rights.clone()
}

pub fn unwritable(path: &Path, error: io::Error) -> Error {
    // An error that names a temporary file has no error number of the system.
    let error = if error.raw_os_error().is_none() { io::Error::from(error.kind()) } else { error };
    Error::other(format!("`{}` cannot be written", path.display())).because(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_devices_of_windows_are_known_by_their_names() {
        for name in ["NUL", "nul", "Con", "COM1", "lpt9", r"\\.\NUL", "nul:"] {
            assert!(is_windows_device(Path::new(name)), "{name}");
        }
        for name in ["null", "nul.json", "COM", "COM10", "COM0", "out/nul.txt", "a"] {
            assert!(!is_windows_device(Path::new(name)), "{name}");
        }
    }

    fn opened(destination: OutputPath) -> OutputFile {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(destination.open()).unwrap()
    }

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_appears_when_it_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.json");
        fs::write(&path, "old").unwrap();
        let writing = OutputPath::new(&path).unwrap();
        let mut writing = opened(writing);
        writing.write(b"ne").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"old");
        writing.write(b"w").unwrap();
        writing.finish().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(names(folder.path()), ["out.json"]);
    }

    #[test]
    fn a_file_that_is_not_finished_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let writing = OutputPath::new(&folder.path().join("out.json")).unwrap();
        let mut writing = opened(writing);
        writing.write(b"half").unwrap();
        drop(writing);
        assert_eq!(names(folder.path()), [""; 0]);
    }

    #[test]
    fn a_path_that_cannot_be_a_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        assert!(OutputPath::new(folder.path()).is_err());
        assert!(OutputPath::new(&folder.path().join("missing/out.json")).is_err());
        assert!(OutputPath::new(&folder.path().join("out.json/")).is_err());
        assert!(OutputPath::new(Path::new("out.json")).is_ok(), "a bare name is in this folder");
    }

    #[cfg(unix)]
    #[test]
    fn a_device_is_written_to_and_not_replaced() {
        use std::os::unix::fs::FileTypeExt;
        let writing = OutputPath::new(Path::new("/dev/null")).unwrap();
        let mut writing = opened(writing);
        writing.write(b"gone").unwrap();
        writing.finish().unwrap();
        assert!(fs::metadata("/dev/null").unwrap().file_type().is_char_device());
    }

    #[cfg(unix)]
    #[test]
    fn a_file_keeps_its_rights_without_the_set_id_bits() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.json");
        for (mode, expected) in [(0o4755, 0o755), (0o2755, 0o755), (0o1600, 0o600), (0o664, 0o664), (0o640, 0o640)] {
            fs::write(&path, "old").unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            opened(OutputPath::new(&path).unwrap()).finish().unwrap();
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, expected, "{mode:o}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_link_is_followed() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("file"), folder.path().join("link"));
        fs::write(&file, "old").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        let writing = OutputPath::new(&link).unwrap();
        let mut writing = opened(writing);
        writing.write(b"new").unwrap();
        writing.finish().unwrap();
        assert_eq!(fs::read(&file).unwrap(), b"new");
        assert!(link.is_symlink());
    }
}
