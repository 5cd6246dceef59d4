//! The body of a request as a sequence of parts, so that a file goes from the disk to the
//! socket, through base64 if need be, without ever being in memory whole.

use std::fs::File;
use std::io::{self, Read, Seek};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hyper::body::{Body, Bytes, Frame, SizeHint};

use super::input::ByteSource;

/// How much of a file is read at a time: divisible by three, so that base64 needs no padding before the end.
const PIECE: usize = 48 * 1024;

/// A body that can be sent, and sent again after a 429.
#[derive(Clone, Debug, Default)]
pub struct RequestBody {
    pub parts: Vec<BodyPart>,
}

#[derive(Clone, Debug)]
pub enum BodyPart {
    Text(Bytes),
    /// A file as it is.
    Raw(ByteSource),
    /// A file's base64, on one line (RFC 4648 §4).
    Base64(ByteSource),
}

impl BodyPart {
    fn length(&self) -> u64 {
        match self {
            Self::Text(text) => text.len() as u64,
            Self::Raw(source) => source.length(),
            Self::Base64(source) => source.length().div_ceil(3) * 4,
        }
    }
}

impl RequestBody {
    pub fn of(text: impl Into<Bytes>) -> Self {
        Self { parts: vec![BodyPart::Text(text.into())] }
    }

    /// What `Content-Length` says.
    pub fn length(&self) -> u64 {
        self.parts.iter().map(BodyPart::length).sum()
    }

    /// The body from its beginning, to be sent. `sent` counts the bytes that were sent.
    pub fn open(&self, sent: Arc<AtomicU64>) -> BodyStream {
        BodyStream { left: self.length(), parts: self.parts.clone().into_iter(), piece: None, sent }
    }

    /// The whole body, read into memory.
    pub fn bytes(&self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let mut sending = self.open(Arc::default());
        while let Some(piece) = sending.next_piece()? {
            bytes.extend_from_slice(&piece);
        }
        Ok(bytes)
    }
}

/// A body that is being sent.
pub struct BodyStream {
    left: u64,
    parts: std::vec::IntoIter<BodyPart>,
    piece: Option<FileReader>,
    sent: Arc<AtomicU64>,
}

/// A file that is being read.
struct FileReader {
    source: ByteSource,
    at: u64,
    base64: bool,
}

impl BodyStream {
    fn next_piece(&mut self) -> io::Result<Option<Bytes>> {
        loop {
            if let Some(reading) = &mut self.piece {
                if let Some(piece) = reading.next_piece()? {
                    return Ok(Some(piece));
                }
                self.piece = None;
            }
            match self.parts.next() {
                None => return Ok(None),
                Some(BodyPart::Text(text)) if text.is_empty() => {}
                Some(BodyPart::Text(text)) => return Ok(Some(text)),
                Some(BodyPart::Raw(source)) => self.piece = Some(FileReader { source, at: 0, base64: false }),
                Some(BodyPart::Base64(source)) => self.piece = Some(FileReader { source, at: 0, base64: true }),
            }
        }
    }
}

impl FileReader {
    fn next_piece(&mut self) -> io::Result<Option<Bytes>> {
        let left = self.source.length() - self.at;
        if left == 0 {
            return Ok(None);
        }
        let wanted = usize::try_from(left).unwrap_or(PIECE).min(PIECE);
        let mut piece = vec![0; wanted];
        match &self.source {
            ByteSource::Memory(bytes) => {
                let start = usize::try_from(self.at).expect("an offset into a slice");
                piece.copy_from_slice(&bytes[start..start + wanted]);
            }
            ByteSource::File { file, .. } => {
                let mut file: &File = file;
                if self.at == 0 {
                    file.rewind()?;
                }
                // `Content-Length` was sent already, so a file that becomes shorter ends the request.
                file.read_exact(&mut piece)?;
            }
        }
        self.at += wanted as u64;
        Ok(Some(if self.base64 { STANDARD.encode(&piece).into() } else { piece.into() }))
    }
}

/// The files are on a disk, so that a read of one piece blocks only briefly.
impl Body for BodyStream {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let piece = self.next_piece();
        if let Ok(Some(piece)) = &piece {
            self.left -= piece.len() as u64;
            self.sent.fetch_add(piece.len() as u64, Ordering::Relaxed);
        }
        Poll::Ready(piece.map(|piece| piece.map(Frame::data)).transpose())
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn file(content: &[u8]) -> ByteSource {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(content).unwrap();
        ByteSource::File { path: None, file: Arc::new(file), length: content.len() as u64 }
    }

    #[test]
    fn a_file_becomes_one_line_of_base64_of_the_promised_length() {
        for length in [0, 1, 2, 3, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE + 2] {
            let content: Vec<u8> = (0..length).map(|number| u8::try_from(number % 251).unwrap()).collect();
            let body = RequestBody {
                parts: vec![
                    BodyPart::Text("{\"data\":\"".into()),
                    BodyPart::Base64(file(&content)),
                    BodyPart::Text("\"}".into()),
                ],
            };
            let expected = format!("{{\"data\":\"{}\"}}", STANDARD.encode(&content));
            assert_eq!(body.length(), expected.len() as u64, "{length}");
            assert_eq!(body.bytes().unwrap(), expected.as_bytes(), "{length}");
        }
    }

    #[test]
    fn a_body_can_be_sent_a_second_time() {
        let body = RequestBody {
            parts: vec![BodyPart::Raw(file(b"abc")), BodyPart::Raw(ByteSource::Memory(Arc::from(&b"de"[..])))],
        };
        assert_eq!(body.bytes().unwrap(), b"abcde");
        assert_eq!(body.bytes().unwrap(), b"abcde");
    }

    #[test]
    fn a_file_that_shrank_is_an_error_and_not_a_short_body() {
        let ByteSource::File { file, .. } = file(b"abc") else { panic!("a file") };
        let body = RequestBody { parts: vec![BodyPart::Raw(ByteSource::File { path: None, file, length: 5 })] };
        assert_eq!(body.bytes().unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }
}
