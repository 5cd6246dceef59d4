//! The folder that a bundle is unpacked into. On Unix each part of a path below it is opened on its own, without
//! following a link, so that a folder that is exchanged for a link meanwhile leads nowhere else.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::files::output_file::unwritable;

#[cfg(not(unix))]
use by_path::OpenFolder;
#[cfg(unix)]
use without_links::OpenFolder;

/// The folder, and the one below it that was used last: the entries of a bundle are mostly in order.
pub struct TargetFolder {
    path: PathBuf,
    root: OpenFolder,
    last: Option<(PathBuf, OpenFolder)>,
}

/// What exists at a path.
enum Occupant {
    Nothing,
    Folder(OpenFolder),
    File,
    /// Anything else, in words.
    Other(&'static str),
}

impl TargetFolder {
    /// Opens the folder if it exists. It may be a link, since the user named it.
    ///
    /// # Errors
    /// Other, if it cannot be opened.
    pub fn existing(path: &Path) -> Result<Option<Self>> {
        match OpenFolder::at(path) {
            Ok(root) => Ok(Some(Self { path: path.to_owned(), root, last: None })),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(unwritable(path, error)),
        }
    }

    /// Opens the folder, and makes it if it does not exist.
    ///
    /// # Errors
    /// Other, if it cannot be made or opened.
    pub fn create(path: &Path) -> Result<Self> {
        fs::create_dir_all(path).map_err(|error| unwritable(path, error))?;
        let root = OpenFolder::at(path).map_err(|error| unwritable(path, error))?;
        Ok(Self { path: path.to_owned(), root, last: None })
    }

    /// Checks that a file can be put there.
    ///
    /// # Errors
    /// Other, if something is in the way, or the folder takes no file.
    pub fn check_file(&mut self, inside: &Path) -> Result<()> {
        let (parent, name) = split(inside);
        let Some(folder) = self.check(parent)? else { return Ok(()) };
        match folder.look(name).map_err(|error| unwritable(&self.path.join(inside), error))? {
            Occupant::Nothing | Occupant::File => Ok(()),
            Occupant::Folder(_) => Err(self.in_the_way(inside, "a folder", "a file")),
            Occupant::Other(kind) => Err(self.in_the_way(inside, kind, "a file")),
        }
    }

    /// Checks that a folder can be there.
    ///
    /// # Errors
    /// As [`TargetFolder::check_file`].
    pub fn check_folder(&mut self, inside: &Path) -> Result<()> {
        self.check(inside).map(drop)
    }

    /// The folder below if it is there. The deepest one on the way that is there must take new files.
    fn check(&mut self, inside: &Path) -> Result<Option<OpenFolder>> {
        if let Some((_, folder)) = self.last.as_ref().filter(|(path, _)| path == inside) {
            return Ok(Some(folder.clone()));
        }
        let mut folder = self.root.clone();
        let mut done = PathBuf::new();
        for part in inside {
            done.push(part);
            match folder.look(part).map_err(|error| unwritable(&self.path.join(&done), error))? {
                Occupant::Folder(next) => folder = next,
                Occupant::Nothing => {
                    done.pop();
                    folder.check_writable().map_err(|error| unwritable(&self.path.join(&done), error))?;
                    return Ok(None);
                }
                Occupant::File => return Err(self.in_the_way(&done, "a file", "a folder")),
                Occupant::Other(kind) => return Err(self.in_the_way(&done, kind, "a folder")),
            }
        }
        folder.check_writable().map_err(|error| unwritable(&self.path.join(inside), error))?;
        self.last = Some((inside.to_owned(), folder.clone()));
        Ok(Some(folder))
    }

    /// Makes a folder and those on the way to it.
    ///
    /// # Errors
    /// Other, if one cannot be made, or something else is there.
    pub fn make_folder(&mut self, inside: &Path) -> Result<()> {
        self.make(inside).map(drop)
    }

    fn make(&mut self, inside: &Path) -> Result<OpenFolder> {
        if let Some((_, folder)) = self.last.as_ref().filter(|(path, _)| path == inside) {
            return Ok(folder.clone());
        }
        let mut folder = self.root.clone();
        let mut done = PathBuf::new();
        for part in inside {
            done.push(part);
            let place = self.path.join(&done);
            let made = folder.make(part).map_err(|error| unwritable(&place, error))?;
            folder = match made {
                Occupant::Folder(next) => next,
                Occupant::Other(kind) => return Err(self.in_the_way(&done, kind, "a folder")),
                Occupant::Nothing | Occupant::File => return Err(self.in_the_way(&done, "a file", "a folder")),
            };
        }
        self.last = Some((inside.to_owned(), folder.clone()));
        Ok(folder)
    }

    /// Writes a temporary file in the same folder and renames it, so that the file appears whole or not at all.
    ///
    /// # Errors
    /// Other, if it cannot be written; what `write` says.
    pub fn write_file(&mut self, inside: &Path, write: impl FnOnce(&mut File) -> Result<()>) -> Result<()> {
        let (parent, name) = split(inside);
        let folder = self.make(parent)?;
        let place = self.path.join(inside);
        let mut new = folder.new_file().map_err(|error| unwritable(&place, error))?;
        write(new.file())?;
        new.persist(name).map_err(|error| unwritable(&place, error))
    }

    fn in_the_way(&self, inside: &Path, is: &str, wanted: &str) -> Error {
        let place = self.path.join(inside);
        Error::other(format!("`{}` is in the way: it is {is}, and the bundle has {wanted} there", place.display()))
            .hint("move it away, or extract into another folder")
    }
}

fn split(inside: &Path) -> (&Path, &OsStr) {
    (inside.parent().unwrap_or(Path::new("")), inside.file_name().unwrap_or_default())
}

#[cfg(unix)]
mod without_links {
    use std::ffi::OsStr;
    use std::fs::File;
    use std::io;
    use std::path::Path;
    use std::rc::Rc;

    use rustix::fd::OwnedFd;
    use rustix::fs::{Access, AtFlags, CWD, FileType, Mode, OFlags};
    use rustix::io::Errno;

    use super::Occupant;

    /// How many temporary names are tried.
    const MAX_TRIES: u32 = 1000;

    #[derive(Clone)]
    pub struct OpenFolder(Rc<OwnedFd>);

    impl OpenFolder {
        /// A folder by its path, links followed.
        pub fn at(path: &Path) -> io::Result<Self> {
            let flags = OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC;
            Ok(Self(Rc::new(rustix::fs::openat(CWD, path, flags, Mode::empty())?)))
        }

        pub fn look(&self, name: &OsStr) -> io::Result<Occupant> {
            let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::RDONLY | OFlags::CLOEXEC;
            match rustix::fs::openat(&self.0, name, flags, Mode::empty()) {
                Ok(folder) => Ok(Occupant::Folder(Self(Rc::new(folder)))),
                Err(Errno::NOENT) => Ok(Occupant::Nothing),
                Err(Errno::LOOP | Errno::NOTDIR | Errno::MLINK) => self.look_at_file(name),
                Err(error) => Err(error.into()),
            }
        }

        fn look_at_file(&self, name: &OsStr) -> io::Result<Occupant> {
            let stat = rustix::fs::statat(&self.0, name, AtFlags::SYMLINK_NOFOLLOW)?;
            Ok(match FileType::from_raw_mode(stat.st_mode) {
                FileType::RegularFile if self.protects(stat.st_uid)? => Occupant::Other("a file of another user"),
                FileType::RegularFile => Occupant::File,
                FileType::Symlink => Occupant::Other("a link"),
                _ => Occupant::Other("neither a file nor a folder"),
            })
        }

        /// Whether only the owner of a file can replace it in this folder, as in `/tmp`.
        fn protects(&self, owner: u32) -> io::Result<bool> {
            let user = rustix::process::geteuid();
            if user.is_root() || owner == user.as_raw() {
                return Ok(false);
            }
            let folder = rustix::fs::fstat(&self.0)?;
            let is_sticky = Mode::from_raw_mode(folder.st_mode).contains(Mode::SVTX);
            Ok(is_sticky && folder.st_uid != user.as_raw())
        }

        /// The folder of that name, made if nothing is there.
        pub fn make(&self, name: &OsStr) -> io::Result<Occupant> {
            match self.look(name)? {
                Occupant::Nothing => {}
                occupant => return Ok(occupant),
            }
            match rustix::fs::mkdirat(&self.0, name, Mode::from_raw_mode(0o777)) {
                Ok(()) | Err(Errno::EXIST) => self.look(name),
                Err(error) => Err(error.into()),
            }
        }

        pub fn check_writable(&self) -> io::Result<()> {
            match rustix::fs::accessat(&self.0, c".", Access::WRITE_OK | Access::EXEC_OK, AtFlags::EACCESS) {
                // Any other failure means that the system cannot answer.
                Err(error @ (Errno::ACCESS | Errno::ROFS)) => Err(error.into()),
                _ => Ok(()),
            }
        }

        /// A new file with the rights that any new file of the user gets.
        pub fn new_file(&self) -> io::Result<UnfinishedFile> {
            let flags = OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::WRONLY | OFlags::CLOEXEC;
            for number in 0..MAX_TRIES {
                let name = format!(".lokalise-auth-{}-{number}", std::process::id());
                match rustix::fs::openat(&self.0, &name, flags, Mode::from_raw_mode(0o666)) {
                    Ok(file) => {
                        return Ok(UnfinishedFile { folder: self.clone(), file: file.into(), name: Some(name) });
                    }
                    Err(Errno::EXIST) => {}
                    Err(error) => return Err(error.into()),
                }
            }
            Err(Errno::EXIST.into())
        }
    }

    /// A file under a temporary name. Dropped, it leaves nothing.
    pub struct UnfinishedFile {
        folder: OpenFolder,
        file: File,
        name: Option<String>,
    }

    impl UnfinishedFile {
        pub fn file(&mut self) -> &mut File {
            &mut self.file
        }

        pub fn persist(mut self, place: &OsStr) -> io::Result<()> {
            if let Some(name) = &self.name {
                rustix::fs::renameat(&self.folder.0, name, &self.folder.0, place)?;
            }
            self.name = None;
            Ok(())
        }
    }

    impl Drop for UnfinishedFile {
        fn drop(&mut self) {
            if let Some(name) = &self.name {
                // What cannot be removed is left: the failure before it is the one to report.
                let _ = rustix::fs::unlinkat(&self.folder.0, name, AtFlags::empty());
            }
        }
    }
}

/// For systems on which folders cannot be opened one by one: their paths are checked.
#[cfg(not(unix))]
mod by_path {
    use std::ffi::OsStr;
    use std::fs::{self, File};
    use std::io;
    use std::path::{Path, PathBuf};

    use tempfile::NamedTempFile;

    use super::Occupant;
    use crate::files::output_file::new_in_same_folder;

    #[derive(Clone)]
    pub struct OpenFolder(PathBuf);

    impl OpenFolder {
        pub fn at(path: &Path) -> io::Result<Self> {
            match fs::metadata(path)? {
                metadata if metadata.is_dir() => Ok(Self(path.to_owned())),
                _ => Err(io::ErrorKind::NotADirectory.into()),
            }
        }

        pub fn look(&self, name: &OsStr) -> io::Result<Occupant> {
            let path = self.0.join(name);
            match fs::symlink_metadata(&path) {
                Ok(metadata) if metadata.is_dir() => Ok(Occupant::Folder(Self(path))),
                Ok(metadata) if metadata.is_file() => Ok(Occupant::File),
                Ok(metadata) if metadata.is_symlink() => Ok(Occupant::Other("a link")),
                Ok(_) => Ok(Occupant::Other("neither a file nor a folder")),
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Occupant::Nothing),
                Err(error) => Err(error),
            }
        }

        pub fn make(&self, name: &OsStr) -> io::Result<Occupant> {
            match self.look(name)? {
                Occupant::Nothing => {}
                occupant => return Ok(occupant),
            }
            match fs::create_dir(self.0.join(name)) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
                _ => self.look(name),
            }
        }

        pub fn check_writable(&self) -> io::Result<()> {
            Ok(())
        }

        pub fn new_file(&self) -> io::Result<UnfinishedFile> {
            Ok(UnfinishedFile { folder: self.0.clone(), file: new_in_same_folder(&self.0.join("new"))? })
        }
    }

    pub struct UnfinishedFile {
        folder: PathBuf,
        file: NamedTempFile,
    }

    impl UnfinishedFile {
        pub fn file(&mut self) -> &mut File {
            self.file.as_file_mut()
        }

        pub fn persist(self, place: &OsStr) -> io::Result<()> {
            self.file.persist(self.folder.join(place)).map(drop).map_err(|error| error.error)
        }
    }
}
