//! Follows the links in a path, unless another user may have made one to lead us to a file of ours.

use std::path::{Path, PathBuf};

use crate::error::Result;

/// The path without links. A part that does not exist is left as it is.
///
/// # Errors
/// Other, if a link, or a pipe at the end, belongs to another user, in a folder that others can write to.
#[cfg(not(unix))]
pub fn follow(path: &Path) -> Result<PathBuf> {
    Ok(std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned()))
}

#[cfg(unix)]
pub use unix::follow;

#[cfg(unix)]
mod unix {
    use std::collections::VecDeque;
    use std::ffi::OsString;
    use std::fs::{self, Metadata};
    use std::os::unix::fs::MetadataExt;
    use std::path::Component;

    use super::{Path, PathBuf, Result};
    use crate::error::Error;

    /// As many links as Linux follows in one path.
    const MAX_LINKS: usize = 40;

    /// The path without links. A part that does not exist is left as it is.
    ///
    /// # Errors
    /// Other, if a link, or a pipe at the end, belongs to another user, in a folder that others can write to.
    pub fn follow(path: &Path) -> Result<PathBuf> {
        let mut done = PathBuf::new();
        let mut parts = parts_of(path);
        let mut links = 0;
        while let Some(part) = parts.pop_front() {
            if part == ".." {
                step_up(&mut done);
                continue;
            }
            let place = done.join(&part);
            let Ok(found) = fs::symlink_metadata(&place) else {
                done = place;
                continue;
            };
            if !found.is_dir() && !found.is_file() {
                check_owner(&place, &found, &done)?;
            }
            let target = if found.is_symlink() { target_of(&place, &done) } else { None };
            let Some(target) = target else {
                done = place;
                continue;
            };
            links += 1;
            if links > MAX_LINKS {
                return Err(Error::other(format!("`{}` leads through too many links", path.display())));
            }
            for part in parts_of(&target).into_iter().rev() {
                parts.push_front(part);
            }
        }
        // `.` and `a/..` have no parts left, and are this folder.
        Ok(if done.as_os_str().is_empty() { PathBuf::from(".") } else { done })
    }

    /// The parts of a path. The first one may be the root.
    fn parts_of(path: &Path) -> VecDeque<OsString> {
        path.components().filter(|part| *part != Component::CurDir).map(|part| part.as_os_str().to_owned()).collect()
    }

    /// No part of `done` is a link, so that the folder above it is the one that its path names.
    fn step_up(done: &mut PathBuf) {
        match done.components().next_back() {
            None | Some(Component::ParentDir) => done.push(".."),
            Some(Component::RootDir) => {}
            Some(_) => {
                done.pop();
            }
        }
    }

    /// The target of a link. Links in `/proc` to an open pipe or a deleted file have none that is a path.
    fn target_of(link: &Path, folder: &Path) -> Option<PathBuf> {
        let target = fs::read_link(link).ok()?;
        let is_path = fs::symlink_metadata(folder.join(&target)).is_ok() || fs::metadata(link).is_err();
        is_path.then_some(target)
    }

    fn check_owner(place: &Path, found: &Metadata, folder: &Path) -> Result<()> {
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        let of_folder = fs::metadata(folder).map(|metadata| (metadata.uid(), metadata.mode()));
        if is_trusted(found.uid(), of_folder.ok(), rustix::process::geteuid().as_raw()) {
            return Ok(());
        }
        let kind = if found.is_symlink() { "a link" } else { "a pipe or device" };
        let message = format!("`{}` is {kind} of another user, in a folder that others can write to", place.display());
        Err(Error::other(message).hint("it is not followed; give the path of the file itself"))
    }

    /// Whether something is the user's or root's, or is in a folder that only they can write to.
    fn is_trusted(owner: u32, folder: Option<(u32, u32)>, user: u32) -> bool {
        let is_ours = |owner| owner == user || owner == 0;
        is_ours(owner) || folder.is_some_and(|(owner, mode)| is_ours(owner) && mode & 0o022 == 0)
    }

    #[cfg(test)]
    mod tests {
        use super::*;
        use std::os::unix::fs::symlink;

        #[test]
        fn a_link_of_another_user_is_followed_only_where_others_cannot_write() {
            let (me, root, other) = (1000, 0, 1001);
            for (owner, folder, mode, trusted) in [
                (me, root, 0o1777, true),
                (root, root, 0o1777, true),
                (other, root, 0o1777, false),
                (other, me, 0o777, false),
                (other, me, 0o775, false),
                (other, me, 0o755, true),
                (other, root, 0o755, true),
                (other, other, 0o755, false),
                (me, other, 0o755, true),
            ] {
                let found = is_trusted(owner, Some((folder, mode)), me);
                assert_eq!(found, trusted, "owner {owner} in a folder of {folder} with mode {mode:o}");
            }
            assert!(!is_trusted(other, None, me));
        }

        #[test]
        fn the_working_folder_keeps_its_name() {
            for path in [".", "./", "src/..", "src/../."] {
                assert_eq!(follow(Path::new(path)).unwrap(), Path::new("."), "{path}");
            }
        }

        #[test]
        fn links_are_followed_to_where_they_lead() {
            let folder = tempfile::tempdir().unwrap();
            let root = fs::canonicalize(folder.path()).unwrap();
            fs::create_dir_all(root.join("a/b")).unwrap();
            fs::write(root.join("a/file"), "").unwrap();
            symlink("a/b", root.join("to-b")).unwrap();
            symlink(root.join("to-b"), root.join("absolute")).unwrap();
            symlink("../file", root.join("a/b/up")).unwrap();
            symlink("a/new", root.join("dangling")).unwrap();
            symlink("loop", root.join("loop")).unwrap();
            for (path, leads_to) in [
                ("a/file", "a/file"),
                ("to-b/up", "a/file"),
                ("absolute/up", "a/file"),
                ("absolute/../file", "a/file"),
                ("./a/../a/./b/../file", "a/file"),
                ("dangling", "a/new"),
                ("to-b/missing/x", "a/b/missing/x"),
            ] {
                assert_eq!(follow(&root.join(path)).unwrap(), root.join(leads_to), "{path}");
            }
            let error = follow(&root.join("loop/x")).unwrap_err();
            assert!(error.message.ends_with("leads through too many links"), "{}", error.message);
            assert_eq!(follow(Path::new("out.json")).unwrap(), Path::new("out.json"));
            assert_eq!(follow(Path::new("../x/../../y")).unwrap(), Path::new("../../y"));
        }

        #[cfg(target_os = "linux")]
        #[test]
        fn a_link_to_an_open_pipe_is_left_as_it_is() {
            let (reader, _writer) = std::io::pipe().unwrap();
            let link =
                PathBuf::from(format!("/proc/{}/fd/{}", std::process::id(), std::os::fd::AsRawFd::as_raw_fd(&reader)));
            assert_eq!(follow(&link).unwrap(), link);
        }
    }
}
