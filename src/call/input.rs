//! The files and the one standard input that arguments of `call` may name. Only regular
//! files are read, so that a pipe or a device cannot make a request wait or swell for ever.

use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::text;

/// The longest text that becomes part of a JSON body. A longer one can be sent with `--input`.
const MAX_TEXT_BYTES: u64 = 64 * 1024 * 1024;

/// Standard input up to this size is kept in memory; more goes to an unnamed temporary file.
const IN_MEMORY: u64 = 1024 * 1024;

/// What arguments may read. Standard input is read beforehand, and can be used once.
pub struct Inputs {
    stdin: Option<ByteSource>,
}

/// Bytes of known length that can be sent, and sent again after a 429.
#[derive(Clone, Debug)]
pub enum ByteSource {
    Memory(Arc<[u8]>),
    File {
        /// `None` for standard input.
        path: Option<PathBuf>,
        file: Arc<File>,
        length: u64,
    },
}

impl ByteSource {
    pub fn length(&self) -> u64 {
        match self {
            Self::Memory(bytes) => bytes.len() as u64,
            Self::File { length, .. } => *length,
        }
    }

    /// The first bytes, or all of them if there are fewer.
    pub fn beginning<const N: usize>(&self) -> io::Result<Vec<u8>> {
        match self {
            Self::Memory(bytes) => Ok(bytes[..bytes.len().min(N)].to_vec()),
            Self::File { file, .. } => {
                let mut file: &File = file;
                file.rewind()?;
                let mut bytes = Vec::with_capacity(N);
                file.take(N as u64).read_to_end(&mut bytes)?;
                Ok(bytes)
            }
        }
    }

    /// Reads it from its beginning into memory.
    pub fn bytes(&self) -> io::Result<Vec<u8>> {
        match self {
            Self::Memory(bytes) => Ok(bytes.to_vec()),
            Self::File { file, length, .. } => {
                let mut file: &File = file;
                file.rewind()?;
                let mut bytes = Vec::with_capacity(usize::try_from(*length).unwrap_or_default());
                file.take(*length).read_to_end(&mut bytes)?;
                Ok(bytes)
            }
        }
    }
}

impl Inputs {
    pub fn new(stdin: Option<ByteSource>) -> Self {
        Self { stdin }
    }

    /// The text of a file, or of standard input if the name is `-`.
    ///
    /// # Errors
    /// Usage, if it is not a regular file, has an encoding that [`text::decode`] does not take, or is read for the
    /// second time.
    pub fn text(&mut self, name: &str) -> Result<String> {
        let source = self.source(name)?;
        if source.length() > MAX_TEXT_BYTES {
            return Err(Error::usage(format!("{} is longer than 64 MiB, too long for a field", called(name))));
        }
        let bytes = source.bytes().map_err(|error| unreadable(name, error))?;
        match text::decode(&bytes) {
            Ok(text) => Ok(text.to_string()),
            Err(_) => Err(Error::usage(format!("{} is not UTF-8 text", called(name)))
                .hint(format!("send its base64 with `@base64:{name}`"))),
        }
    }

    /// A file, or standard input if the name is `-`, to be read when it is sent.
    ///
    /// # Errors
    /// Usage, if it is not a regular file, or is read for the second time.
    pub fn source(&mut self, name: &str) -> Result<ByteSource> {
        if name == "-" {
            return self.stdin.take().ok_or_else(|| {
                Error::usage("two arguments read standard input, and it can be read once")
                    .hint("put one of them into a file")
            });
        }
        let path = Path::new(name);
        let (mut file, length) = regular_file(path)?;
        if length == 0 {
            // The file is empty, or states no length, as in /proc.
            return kept(&mut file).map_err(|error| unreadable(name, error));
        }
        Ok(ByteSource::File { path: Some(path.to_owned()), file: Arc::new(file), length })
    }
}

/// Standard input to its end. It is read on a thread of its own, so that Ctrl-C works while somebody types.
///
/// # Errors
/// Usage, if it cannot be read.
#[expect(clippy::disallowed_methods, reason = "the body of a request is read here and nowhere else")]
pub async fn stdin() -> Result<ByteSource> {
    let read = tokio::task::spawn_blocking(|| kept(&mut io::stdin().lock())).await;
    read.unwrap_or_else(|died| Err(io::Error::other(died))).map_err(|error| unreadable("-", error))
}

/// Reads a stream to its end, since a body's length is said before the body.
fn kept(stream: &mut dyn Read) -> io::Result<ByteSource> {
    let mut beginning = Vec::new();
    stream.take(IN_MEMORY).read_to_end(&mut beginning)?;
    if (beginning.len() as u64) < IN_MEMORY {
        return Ok(ByteSource::Memory(beginning.into()));
    }
    let mut file = tempfile::tempfile()?;
    file.write_all(&beginning)?;
    let length = beginning.len() as u64 + io::copy(stream, &mut file)?;
    Ok(ByteSource::File { path: None, file: Arc::new(file), length })
}

/// Opens a file and returns its length. Its type is checked first, since opening a FIFO would wait for a writer.
fn regular_file(path: &Path) -> Result<(File, u64)> {
    let name = path.display().to_string();
    let metadata = path.metadata().map_err(|error| unreadable(&name, error))?;
    if metadata.is_dir() {
        return Err(Error::usage(format!("`{name}` is a directory, where a file is needed")));
    }
    if !metadata.is_file() {
        return Err(
            Error::usage(format!("`{name}` is not a regular file")).hint("pipe it in, and write `-` for the file")
        );
    }
    let file = File::open(path).map_err(|error| unreadable(&name, error))?;
    Ok((file, metadata.len()))
}

/// The failure of a file that cannot be read.
pub fn unreadable(name: &str, error: io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::NotFound => Error::usage(format!("no such file: `{name}`")),
        _ => Error::usage(format!("{} cannot be read", called(name))).because(error),
    }
}

/// What a file, or `-`, is called in a message.
pub fn called(name: &str) -> String {
    if name == "-" { "standard input".to_owned() } else { format!("`{name}`") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message<T>(result: Result<T>) -> String {
        match result {
            Ok(_) => panic!("it was read"),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn standard_input_is_read_once() {
        let mut inputs = Inputs::new(Some(kept(&mut &b"text"[..]).unwrap()));
        assert_eq!(inputs.text("-").unwrap(), "text");
        assert_eq!(message(inputs.source("-")), "two arguments read standard input, and it can be read once");
    }

    #[test]
    fn a_long_standard_input_is_kept_outside_memory_and_whole() {
        let long = vec![b'x'; usize::try_from(IN_MEMORY).unwrap() + 7];
        let source = kept(&mut &long[..]).unwrap();
        assert!(matches!(&source, ByteSource::File { path: None, .. }));
        assert_eq!(source.length(), long.len() as u64);
        assert_eq!(source.bytes().unwrap(), long);
        assert_eq!(source.bytes().unwrap().len(), long.len(), "a second time");
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let binary = folder.path().join("logo.png");
        std::fs::write(&binary, [0x89, b'P', b'N', b'G', 0xff]).unwrap();
        let mut inputs = Inputs::new(None);
        let name = |path: &Path| path.display().to_string();
        let missing = name(&folder.path().join("nothing.json"));
        assert_eq!(message(inputs.source(&missing)), format!("no such file: `{missing}`"));
        let directory = name(folder.path());
        assert_eq!(message(inputs.text(&directory)), format!("`{directory}` is a directory, where a file is needed"));
        assert_eq!(message(inputs.text(&name(&binary))), format!("`{}` is not UTF-8 text", name(&binary)));
    }

    #[cfg(unix)]
    #[test]
    fn a_device_is_not_read() {
        assert_eq!(message(Inputs::new(None).source("/dev/zero")), "`/dev/zero` is not a regular file");
    }
}
