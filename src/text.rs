//! Text that people make, with an editor, a shell or another program: read within bounds, and taken in
//! each encoding that announces itself.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::path::Path;

use zeroize::Zeroizing;

/// The longest text that holds one value (a token, a profile's name), in bytes.
pub const MAX_VALUE_BYTES: usize = 64 * 1024;

/// The text of some bytes: UTF-8 with or without a byte order mark, or UTF-16 with one.
///
/// # Errors
/// `InvalidData`, if it is neither.
pub fn decode(bytes: &[u8]) -> io::Result<Zeroizing<String>> {
    let not_text = || io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8 text");
    let utf16 = |unit: fn([u8; 2]) -> u16, bytes: &[u8]| {
        // A UTF-16 unit is at most three bytes of UTF-8. A growing string would leave copies of a secret in memory.
        let mut text = Zeroizing::new(String::with_capacity(bytes.len() / 2 * 3));
        let (pairs, rest) = bytes.as_chunks::<2>();
        for character in char::decode_utf16(pairs.iter().map(|&pair| unit(pair))) {
            text.push(character.map_err(|_| not_text())?);
        }
        if rest.is_empty() { Ok(text) } else { Err(not_text()) }
    };
    match bytes {
        [0xff, 0xfe, rest @ ..] => utf16(u16::from_le_bytes, rest),
        [0xfe, 0xff, rest @ ..] => utf16(u16::from_be_bytes, rest),
        [0xef, 0xbb, 0xbf, rest @ ..] | rest => {
            std::str::from_utf8(rest).map(|text| Zeroizing::new(text.to_owned())).map_err(|_| not_text())
        }
    }
}

/// The marks that a terminal puts around pasted text while bracketed paste is switched on.
pub const PASTE_BEGINS: &str = "\u{1b}[200~";
pub const PASTE_ENDS: &str = "\u{1b}[201~";

/// A value without the marks of a paste, and without the blanks and line ends around it.
pub fn value(text: &str) -> Zeroizing<String> {
    let mut unmarked = Zeroizing::new(String::with_capacity(text.len()));
    for part in text.split(PASTE_BEGINS).flat_map(|part| part.split(PASTE_ENDS)) {
        unmarked.push_str(part);
    }
    Zeroizing::new(unmarked.trim_matches([' ', '\t', '\r', '\n']).to_owned())
}

/// Reads text that holds one value, to its end. See [`decode`] and [`value`].
///
/// # Errors
/// If it cannot be read, is longer than [`MAX_VALUE_BYTES`], or is not text.
pub fn read_value(source: impl Read) -> io::Result<Zeroizing<String>> {
    let bytes = read_bounded(source, MAX_VALUE_BYTES)?;
    let text = decode(&bytes)?;
    Ok(value(&text))
}

/// Reads a source to its end.
///
/// # Errors
/// If it cannot be read, or is longer than that.
pub fn read_bounded(source: impl Read, max_bytes: usize) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(8192));
    let mut chunk = Zeroizing::new([0; 8192]);
    let mut source = source.take(max_bytes as u64 + 1);
    loop {
        let count = match source.read(&mut *chunk) {
            Ok(0) => return Ok(bytes),
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        if bytes.len() + count > max_bytes {
            return Err(io::Error::other(format!("it is longer than {} KiB", max_bytes / 1024)));
        }
        append(&mut bytes, &chunk[..count]);
    }
}

/// Appends to a buffer that may hold a secret: when it has to grow, its old memory is wiped.
fn append(bytes: &mut Zeroizing<Vec<u8>>, more: &[u8]) {
    if bytes.capacity() - bytes.len() < more.len() {
        let mut bigger = Zeroizing::new(Vec::with_capacity(2 * bytes.capacity() + more.len()));
        bigger.extend_from_slice(bytes);
        *bytes = bigger;
    }
    bytes.extend_from_slice(more);
}

/// Opens a regular file, and nothing else: a FIFO in its place would keep the reader waiting, and a
/// device would have no end.
///
/// # Errors
/// If it cannot be opened, or is something else.
pub fn open_regular(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true);
    do_not_wait(&mut options);
    let file = options.open(path)?;
    file.metadata().and_then(only_regular)?;
    Ok(file)
}

/// Adds one line to a regular file, which is made if it is missing. Whatever wrote to the file before may have left
/// out the last line end: the line still gets a line of its own.
///
/// # Errors
/// If it cannot be written, or is no regular file.
pub fn append_line(path: &Path, line: &str) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.read(true).append(true).create(true);
    do_not_wait(&mut options);
    let mut file = options.open(path)?;
    let length = file.metadata().and_then(only_regular)?.len();
    let mut last = [b'\n'];
    if length > 0 {
        file.seek(io::SeekFrom::End(-1))?;
        file.read_exact(&mut last)?;
    }
    let before = if last == [b'\n'] { "" } else { "\n" };
    // One write: other programs may append at the same time.
    let whole = Zeroizing::new(format!("{before}{line}\n"));
    file.write_all(whole.as_bytes())
}

/// An open for reading does not wait for a writer, nor the other way round.
fn do_not_wait(options: &mut OpenOptions) {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(options, rustix::fs::OFlags::NONBLOCK.bits().cast_signed());
    #[cfg(not(unix))]
    let _ = options;
}

fn only_regular(metadata: Metadata) -> io::Result<Metadata> {
    if metadata.is_file() { Ok(metadata) } else { Err(io::Error::other("it is not a regular file")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Option<String> {
        read_value(bytes).ok().map(|text| text.to_string())
    }

    #[test]
    fn text_is_taken_in_each_encoding_that_has_a_mark() {
        let le: Vec<u8> = "\u{feff}wörk 🔑\r\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let be: Vec<u8> = "\u{feff}wörk 🔑\r\n".encode_utf16().flat_map(u16::to_be_bytes).collect();
        for bytes in [&le[..], &be, "\u{feff}wörk 🔑\n\n".as_bytes(), "\t wörk 🔑 \t\r\n".as_bytes()] {
            assert_eq!(read(bytes).as_deref(), Some("wörk 🔑"));
        }
        assert_eq!(read(b"").as_deref(), Some(""));
        assert_eq!(read(b"\xff\xfe").as_deref(), Some(""));
    }

    #[test]
    fn what_is_not_text_is_refused_and_no_encoding_is_guessed() {
        for bytes in [&b"caf\xe9"[..], b"\xff\xfea", b"\xff\xfe\x00\xd8a\0", b"\xfe\xff\xd8\x00"] {
            assert_eq!(read(bytes), None, "{bytes:?}");
        }
        assert_eq!(read(b"a\0b\0").as_deref(), Some("a\0b\0"), "the NUL is for the reader to refuse");
    }

    #[test]
    fn the_marks_of_a_paste_are_removed() {
        for (typed, left) in [
            ("\u{1b}[200~abc\u{1b}[201~", "abc"),
            ("\u{1b}[200~ abc\n\u{1b}[201~ ", "abc"),
            ("ab\u{1b}[200~c", "abc"),
            ("\u{1b}[Aabc", "\u{1b}[Aabc"),
        ] {
            assert_eq!(*value(typed), left);
        }
    }

    #[test]
    fn a_value_that_does_not_end_is_given_up() {
        assert!(read_value(io::repeat(b'a')).is_err());
        assert_eq!(read(&vec![b'a'; MAX_VALUE_BYTES]).map(|text| text.len()), Some(MAX_VALUE_BYTES));
        assert_eq!(read(&vec![b'a'; MAX_VALUE_BYTES + 1]), None);
    }

    #[test]
    fn a_line_is_added_on_a_line_of_its_own() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("env");
        for (before, after) in
            [("", "A=b\n"), ("X=y\n", "X=y\nA=b\n"), ("X=y", "X=y\nA=b\n"), ("X=y\r\n", "X=y\r\nA=b\n")]
        {
            std::fs::write(&file, before).expect("a file");
            append_line(&file, "A=b").expect("it is written");
            assert_eq!(std::fs::read_to_string(&file).expect("a file"), after);
        }
        append_line(&folder.path().join("new"), "A=b").expect("it is made");
    }

    #[cfg(unix)]
    #[test]
    fn only_a_regular_file_is_opened() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("file");
        std::fs::write(&file, "text").expect("a file");
        assert!(open_regular(&file).is_ok());
        let fifo = folder.path().join("fifo");
        rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, 0o600.into(), 0).expect("a FIFO");
        let socket = folder.path().join("socket");
        let _bound = std::os::unix::net::UnixListener::bind(&socket).expect("a socket");
        for other in [&fifo, &socket, folder.path(), Path::new("/dev/zero")] {
            assert!(open_regular(other).is_err(), "{}", other.display());
            assert!(append_line(other, "line").is_err(), "{}", other.display());
        }
    }
}
