//! Reads a zip archive entry by entry. The entries are counted before the first one is read, and none is kept in memory.

use std::io::{self, Read, Seek, SeekFrom};

use zip::ZipReadOptions;
use zip::read::{ArchiveOffset, Config, ZipFile};
use zip::result::ZipError;
use zip::unstable::read::ZipIterable;

use super::hostile;
use crate::call::first_words::first_words;
use crate::error::{Error, Result};

/// Far above any export of a Lokalise project.
const MAX_ENTRIES: usize = 100_000;

/// The record at the end of an archive, and the longest comment after it (APPNOTE §4.3.16).
const END_RECORD_BYTES: usize = 22;
const MAX_COMMENT_BYTES: u64 = 65_535;

/// The record before it in a zip64 archive (APPNOTE §4.3.15).
const LOCATOR_BYTES: usize = 20;

pub struct Archive<R> {
    zip: ZipIterable<R>,
    length: u64,
}

impl<R: Read + Seek> Archive<R> {
    /// Finds the list of the entries.
    ///
    /// # Errors
    /// Other, if it is not an archive, or has too many entries.
    pub fn open(mut reader: R) -> Result<Self> {
        let length = reader.seek(SeekFrom::End(0)).map_err(|error| broken(error.into()))?;
        let start = read_at(&mut reader, 0, 512).map_err(|error| broken(error.into()))?;
        let offset = prepended_bytes(&mut reader, length).map_err(|error| broken(error.into()))?;
        // The beginning is given: the library's own search for it would keep every place that looks like one.
        let config = Config { archive_offset: ArchiveOffset::Known(offset) };
        let zip = ZipIterable::try_new(reader, config).map_err(|error| not_an_archive(error, &start))?;
        if zip.len() > MAX_ENTRIES {
            return Err(hostile("it has more than 100,000 entries"));
        }
        Ok(Self { zip, length })
    }

    /// The length of the archive in bytes.
    pub fn length(&self) -> u64 {
        self.length
    }

    pub fn entry_count(&self) -> usize {
        self.zip.len()
    }

    /// Goes through the entries in their order, the same each time.
    ///
    /// # Errors
    /// Other, if an entry cannot be read; what `each` says.
    pub fn for_each(&mut self, mut each: impl FnMut(usize, ZipFile<'_, R>) -> Result<()>) -> Result<()> {
        let files = self.zip.files().map_err(broken)?;
        let mut index = 0;
        while let Some(entry) = files.next() {
            let options = ZipReadOptions::new();
            let file = entry.and_then(|entry| entry.with_reader(files.reader_mut(), options)).map_err(broken)?;
            each(index, file)?;
            index += 1;
        }
        Ok(())
    }
}

fn not_an_archive(error: ZipError, start: &[u8]) -> Error {
    if start.starts_with(b"PK") {
        return broken(error);
    }
    Error::other(format!("the bundle is not a zip archive: {}", first_words(start)))
        .hint("the address of a bundle is valid for a short time: run the export again")
}

/// How many bytes come before the archive, as in a self-extracting one: the difference between the offset of the end
/// record and the offset that the record states.
fn prepended_bytes(reader: &mut (impl Read + Seek), length: u64) -> io::Result<u64> {
    let tail_start = length.saturating_sub(MAX_COMMENT_BYTES + (END_RECORD_BYTES + LOCATOR_BYTES) as u64);
    let tail = read_at(reader, tail_start, usize::MAX)?;
    let record = (0..(tail.len() + 1).saturating_sub(END_RECORD_BYTES)).rev().find(|at| {
        let record = &tail[*at..];
        let comment = usize::from(u16::from_le_bytes([record[20], record[21]]));
        record.starts_with(b"PK\x05\x06") && END_RECORD_BYTES + comment <= record.len()
    });
    let Some(at) = record else { return Ok(0) };
    // A zip64 archive has more records in between. Bytes before such an archive are not supported.
    if at.checked_sub(LOCATOR_BYTES).is_some_and(|locator| tail[locator..].starts_with(b"PK\x06\x07")) {
        return Ok(0);
    }
    let number = |from: usize| {
        let bytes = &tail[at + from..at + from + 4];
        u64::from(u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
    };
    let (size, offset) = (number(12), number(16));
    Ok((tail_start + at as u64).saturating_sub(size + offset))
}

fn read_at(reader: &mut (impl Read + Seek), at: u64, most: usize) -> io::Result<Vec<u8>> {
    reader.seek(SeekFrom::Start(at))?;
    let mut bytes = Vec::new();
    reader.take(most as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}

pub fn broken(error: ZipError) -> Error {
    Error::other("the bundle cannot be unpacked").because(error)
}
