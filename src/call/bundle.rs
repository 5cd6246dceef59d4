//! Unpacks a bundle (zip) below one folder, and nowhere else. The whole archive and the
//! folder are checked before the first file is written, so that a hostile or broken archive,
//! or a file in the way, changes nothing.

use std::collections::HashSet;
use std::fs::File;
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use zip::read::ZipFile;

use crate::error::{Error, ErrorKind, Result};
use crate::escape;
use crate::files::output_file::unwritable;

mod archive;
mod entry_name;
mod target_folder;

use archive::{Archive, broken};
use entry_name::entry_path;
use target_folder::TargetFolder;

/// These limits are far above any export of a Lokalise project.
const MAX_FILE_BYTES: u64 = 4 * 1024 * 1024 * 1024;
const MAX_NAME_BYTES: usize = 16 * 1024 * 1024;

/// How many times larger than the bundle all its files together may be, beyond the first 64 MiB. Text compresses to
/// about a tenth.
const MAX_RATIO: u64 = 200;
const RATIO_FREE_BYTES: u64 = 64 * 1024 * 1024;

const PIECE_BYTES: usize = 64 * 1024;

/// Unpacks a bundle below `folder` and returns the paths of its files, in the order of the archive. When `stop` is set,
/// it ends soon and removes the file that it was writing.
///
/// # Errors
/// Other, if the bundle cannot be unpacked safely, has no file in it, or something is in the way.
pub fn unpack(bundle: impl Read + Seek, folder: &Path, stop: &AtomicBool) -> Result<Vec<PathBuf>> {
    let mut archive = Archive::open(bundle)?;
    let mut entries = read_entries(&mut archive, stop)?;
    if entries.iter().all(|entry| entry.is_folder) {
        return Err(Error::other("the bundle has no file in it")
            .hint("an export is empty if no key matches its filters, or none is assigned to a file"));
    }
    refuse_clashes(&entries)?;
    check_places(&entries, folder)?;
    check_contents(&mut archive, &mut entries, stop)?;
    write_files(&mut archive, &entries, folder, stop)?;
    Ok(entries.into_iter().filter(|entry| !entry.is_folder).map(|entry| folder.join(entry.path)).collect())
}

/// A file or folder to make.
struct BundleEntry {
    path: PathBuf,
    is_folder: bool,
    length: u64,
}

/// Checks names and kinds of all entries.
fn read_entries<R: Read + Seek>(archive: &mut Archive<R>, stop: &AtomicBool) -> Result<Vec<BundleEntry>> {
    let mut entries = Vec::with_capacity(archive.entry_count());
    let mut extents = Vec::with_capacity(archive.entry_count());
    let mut name_bytes = 0;
    archive.for_each(|_, file| {
        go_on(stop)?;
        name_bytes += file.name_raw().len();
        if name_bytes > MAX_NAME_BYTES {
            return Err(hostile("the names of its entries are longer than any export's"));
        }
        let start = file.data_start().unwrap_or_default();
        if file.compressed_size() > 0 {
            extents.push((start, start.saturating_add(file.compressed_size())));
        }
        entries.push(entry(&file)?);
        Ok(())
    })?;
    // Zip bombs are built from entries that share their data.
    extents.sort_unstable();
    if extents.windows(2).any(|pair| pair[0].1 > pair[1].0) {
        return Err(hostile("some of its files overlap"));
    }
    Ok(entries)
}

fn entry<R: Read>(file: &ZipFile<'_, R>) -> Result<BundleEntry> {
    let name = file.name().map_err(broken)?;
    let path = entry_path(&name)
        .map_err(|why| hostile(&format!("it has an entry named `{}`, and {why}", escape::value(&name))))?;
    // The kind is in the upper half of the mode; archives made elsewhere than on Unix have none.
    let kind = file.unix_mode().unwrap_or_default() & 0o170_000;
    if file.is_symlink() || !matches!(kind, 0 | 0o100_000 | 0o040_000) {
        return Err(hostile(&format!("its entry `{}` is neither a file nor a folder", escape::value(&name))));
    }
    let is_folder = file.is_dir() || kind == 0o040_000;
    if !is_folder && path.as_os_str().is_empty() {
        return Err(hostile(&format!(
            "it has an entry named `{}`, and no file can have that name",
            escape::value(&name)
        )));
    }
    Ok(BundleEntry { path, is_folder, length: 0 })
}

/// Refuses two entries that would be one file: two spellings of one name, or names that differ only in case.
fn refuse_clashes(entries: &[BundleEntry]) -> Result<()> {
    let names: Vec<String> = entries
        .iter()
        .map(|entry| {
            let name = entry.path.to_string_lossy().replace('\\', "/");
            if cfg!(any(windows, target_os = "macos")) { name.to_lowercase() } else { name }
        })
        .collect();
    let mut files = HashSet::new();
    for (entry, name) in entries.iter().zip(&names) {
        if !entry.is_folder && !files.insert(name.as_str()) {
            return Err(hostile(&format!("it has two entries named `{}`", shown(&entry.path))));
        }
    }
    for (entry, name) in entries.iter().zip(&names) {
        if entry.is_folder && files.contains(name.as_str()) {
            return Err(hostile(&format!("`{}` is a file and a folder in it", shown(&entry.path))));
        }
        if name.match_indices('/').any(|(end, _)| files.contains(&name[..end])) {
            return Err(hostile(&format!("its entry `{}` is below a file", shown(&entry.path))));
        }
    }
    Ok(())
}

/// Checks that nothing is in the way.
fn check_places(entries: &[BundleEntry], folder: &Path) -> Result<()> {
    let Some(mut target) = TargetFolder::existing(folder)? else { return Ok(()) };
    for entry in entries {
        if entry.is_folder {
            target.check_folder(&entry.path)?;
        } else {
            target.check_file(&entry.path)?;
        }
    }
    Ok(())
}

/// Reads all files to their ends: an archive may state wrong sizes.
fn check_contents<R: Read + Seek>(
    archive: &mut Archive<R>,
    entries: &mut [BundleEntry],
    stop: &AtomicBool,
) -> Result<()> {
    let most = MAX_FILE_BYTES.min(RATIO_FREE_BYTES.max(archive.length().saturating_mul(MAX_RATIO)));
    let (mut total, mut buffer) = (0, vec![0; PIECE_BYTES]);
    archive.for_each(|index, mut file| {
        let entry = &mut entries[index];
        if entry.is_folder {
            return Ok(());
        }
        while let Some(piece) = next_piece(&mut file, &mut buffer, stop)? {
            entry.length += piece.len() as u64;
            total += piece.len() as u64;
            if total > most {
                return Err(hostile("its files are larger than any export's"));
            }
        }
        Ok(())
    })
}

fn write_files<R: Read + Seek>(
    archive: &mut Archive<R>,
    entries: &[BundleEntry],
    folder: &Path,
    stop: &AtomicBool,
) -> Result<()> {
    let mut target = TargetFolder::create(folder)?;
    archive.for_each(|index, file| {
        go_on(stop)?;
        let entry = &entries[index];
        if entry.is_folder {
            return target.make_folder(&entry.path);
        }
        target.write_file(&entry.path, |new| copy(file.take(entry.length), new, &folder.join(&entry.path), stop))
    })
}

fn copy(mut file: impl Read, new: &mut File, place: &Path, stop: &AtomicBool) -> Result<()> {
    let mut buffer = vec![0; PIECE_BYTES];
    while let Some(piece) = next_piece(&mut file, &mut buffer, stop)? {
        new.write_all(piece).map_err(|error| unwritable(place, error))?;
    }
    Ok(())
}

fn next_piece<'b>(file: &mut impl Read, buffer: &'b mut [u8], stop: &AtomicBool) -> Result<Option<&'b [u8]>> {
    go_on(stop)?;
    let read = file.read(buffer).map_err(|error| broken(error.into()))?;
    Ok(Some(&buffer[..read]).filter(|piece| !piece.is_empty()))
}

fn go_on(stop: &AtomicBool) -> Result<()> {
    if stop.load(Ordering::Relaxed) { Err(Error::new(ErrorKind::Interrupted, "interrupted")) } else { Ok(()) }
}

/// A path for a message.
fn shown(path: &Path) -> String {
    escape::value(&path.display().to_string()).into_owned()
}

fn hostile(why: &str) -> Error {
    Error::other(format!("the bundle is not unpacked: {why}"))
}

#[cfg(test)]
mod tests;
