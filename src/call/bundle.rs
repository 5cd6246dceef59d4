//! A bundle (zip) becomes files below one folder, and nothing anywhere else. The whole
//! archive is looked through before the first file is written, so that a hostile or broken
//! one leaves nothing behind.

use std::collections::HashSet;
use std::fs;
use std::io::{self, Read, Seek};
use std::path::{Path, PathBuf};

use zip::ZipArchive;

use crate::error::{Error, Result};
use crate::files::output_file::{self, unwritable};

/// No export of a Lokalise project comes near these.
const MOST_FILES: usize = 100_000;
const MOST_BYTES: u64 = 4 * 1024 * 1024 * 1024;

/// The longest name of a file on the file systems of today.
const LONGEST_NAME: usize = 255;

/// How much larger than the bundle its files may be together, beyond the first 64 MiB. Text shrinks to a tenth.
const HIGHEST_RATIO: u64 = 200;
const RATIO_FREE: u64 = 64 * 1024 * 1024;

/// Unpacks a bundle below `folder` and returns the paths of its files, in the order of the archive.
///
/// # Errors
/// Other, if the bundle cannot be unpacked safely, or has no file in it.
pub fn unpack(bundle: impl Read + Seek, length: u64, folder: &Path) -> Result<Vec<PathBuf>> {
    let mut archive = ZipArchive::new(bundle).map_err(broken)?;
    let entries = looked_through(&mut archive, length)?;
    let files: Vec<&BundleEntry> = entries.iter().filter(|entry| !entry.is_folder).collect();
    if files.is_empty() {
        return Err(Error::other("the bundle has no file in it")
            .hint("an export is empty if no key matches its filters, or none is assigned to a file"));
    }
    fs::create_dir_all(folder).map_err(|error| unwritable(folder, error))?;
    for entry in &entries {
        let inside = if entry.is_folder { Some(entry.path.as_path()) } else { entry.path.parent() };
        make_folders(folder, inside.unwrap_or(Path::new("")))?;
        if !entry.is_folder {
            write(&mut archive, entry, &folder.join(&entry.path))?;
        }
    }
    Ok(files.into_iter().map(|entry| folder.join(&entry.path)).collect())
}

/// What is to be written.
struct BundleEntry {
    index: usize,
    path: PathBuf,
    is_folder: bool,
    length: u64,
}

/// Checks names and kinds of all entries, then reads all of them to their ends.
fn looked_through<R: Read + Seek>(archive: &mut ZipArchive<R>, length: u64) -> Result<Vec<BundleEntry>> {
    if archive.len() > MOST_FILES {
        return Err(hostile("it has more than 100,000 files"));
    }
    // Two entries of one name show one reader this and another reader that; shared data is how zip bombs are built.
    if archive.has_duplicate_names() {
        return Err(hostile("it has two entries of the same name"));
    }
    if archive.has_overlapping_files().map_err(broken)? {
        return Err(hostile("some of its files overlap"));
    }
    let mut entries = Vec::with_capacity(archive.len());
    for index in 0..archive.len() {
        entries.push(entry(archive, index)?);
    }
    refuse_clashes(&entries)?;
    let most = MOST_BYTES.min(RATIO_FREE.max(length.saturating_mul(HIGHEST_RATIO)));
    let mut total = 0;
    for entry in entries.iter_mut().filter(|entry| !entry.is_folder) {
        let file = archive.by_index(entry.index).map_err(broken)?;
        // One more than may be: the sizes that an archive states are not believed.
        entry.length =
            io::copy(&mut file.take(most - total + 1), &mut io::sink()).map_err(|error| broken(error.into()))?;
        total += entry.length;
        if total > most {
            return Err(hostile("its files are larger than any export's"));
        }
    }
    Ok(entries)
}

fn entry<R: Read + Seek>(archive: &mut ZipArchive<R>, index: usize) -> Result<BundleEntry> {
    let file = archive.by_index(index).map_err(broken)?;
    let name = file.name().map_err(broken)?.into_owned();
    let path = path_inside(&name).ok_or_else(|| hostile(&format!("it has an entry named `{name}`")))?;
    // The kind is in the upper half of the mode; archives made elsewhere than on Unix have none.
    let kind = file.unix_mode().unwrap_or_default() & 0o170_000;
    let is_regular = matches!(kind, 0 | 0o100_000 | 0o040_000);
    if file.is_symlink() || !is_regular {
        return Err(hostile(&format!("`{name}` is neither a file nor a folder")));
    }
    Ok(BundleEntry { index, path, is_folder: file.is_dir(), length: 0 })
}

/// An entry's name as a path that can only lead inward, on every system.
fn path_inside(name: &str) -> Option<PathBuf> {
    let name = name.strip_suffix('/').unwrap_or(name);
    let is_plain = |part: &str| {
        !matches!(part, "" | "." | "..")
            && part.len() <= LONGEST_NAME
            && !part.contains(|character: char| character == '\\' || character.is_control())
            && (!cfg!(windows) || is_plain_on_windows(part))
    };
    let has_drive = name.as_bytes().get(1) == Some(&b':') && name.as_bytes()[0].is_ascii_alphabetic();
    (!has_drive && name.split('/').all(is_plain)).then(|| name.split('/').collect())
}

/// Whether Windows takes a name for itself: not for a device, a stream, or a name without its end.
fn is_plain_on_windows(part: &str) -> bool {
    let stem = part.split('.').next().unwrap_or_default().trim_end().to_ascii_uppercase();
    let numbered = |device| stem.strip_prefix(device).is_some_and(|number| number.len() == 1);
    let is_device = matches!(stem.as_str(), "CON" | "PRN" | "AUX" | "NUL") || numbered("COM") || numbered("LPT");
    !is_device && !part.contains(['<', '>', ':', '"', '|', '?', '*']) && !part.ends_with(['.', ' '])
}

/// Refuses two entries that would be one file: after a trailing slash is gone, or where case does not count.
fn refuse_clashes(entries: &[BundleEntry]) -> Result<()> {
    let folded = |path: &Path| {
        let name = path.to_string_lossy().into_owned();
        if cfg!(any(windows, target_os = "macos")) { name.to_lowercase() } else { name }
    };
    let mut names = HashSet::new();
    let files: HashSet<String> =
        entries.iter().filter(|entry| !entry.is_folder).map(|entry| folded(&entry.path)).collect();
    for entry in entries {
        if !names.insert(folded(&entry.path)) {
            return Err(hostile(&format!("it has two entries named `{}`", entry.path.display())));
        }
        if entry.path.ancestors().skip(1).any(|above| files.contains(&folded(above))) {
            return Err(hostile(&format!("`{}` stands below a file", entry.path.display())));
        }
    }
    Ok(())
}

/// Makes the folders on the way to an entry. One that is a symbolic link could lead out again.
fn make_folders(folder: &Path, inside: &Path) -> Result<()> {
    let mut path = folder.to_owned();
    for part in inside {
        path.push(part);
        match fs::symlink_metadata(&path) {
            Ok(metadata) if metadata.is_dir() => {}
            Ok(_) => return Err(Error::other(format!("`{}` is in the way: it is no folder", path.display()))),
            Err(_) => fs::create_dir(&path).map_err(|error| unwritable(&path, error))?,
        }
    }
    Ok(())
}

/// Writes one file beside its place and moves it there, so that a link at that place is replaced and not followed.
fn write<R: Read + Seek>(archive: &mut ZipArchive<R>, entry: &BundleEntry, path: &Path) -> Result<()> {
    let file = archive.by_index(entry.index).map_err(broken)?;
    let mut new = output_file::new_beside(path).map_err(|error| unwritable(path, error))?;
    io::copy(&mut file.take(entry.length), &mut new).map_err(|error| unwritable(path, error))?;
    new.persist(path).map_err(|error| unwritable(path, error.error))?;
    Ok(())
}

fn broken(error: zip::result::ZipError) -> Error {
    Error::other("the bundle cannot be unpacked").because(error)
}

fn hostile(why: &str) -> Error {
    Error::other(format!("the bundle is not unpacked: {why}"))
}

#[cfg(test)]
mod tests;
