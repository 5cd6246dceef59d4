//! Where an answer goes: to stdout as it came, to a terminal made readable, through a
//! filter, or into a file. Nothing but the answer goes this way.

use std::fs::File;
use std::io::{self, Write};
use std::sync::Arc;

use super::filter::{self, Filter};
use super::response::ApiResponse;
use crate::error::{Error, ErrorKind, Result};
use crate::escape::{escaped, escaped_block};
use crate::files::output_file::{OutputFile, OutputPath};
use crate::json::pretty::{Pretty, Visible};
use crate::json::scan::Scanner;
use crate::json::sorted::sorted;
use crate::world::{ColorChoice, World};

/// What is to be done with an answer.
#[derive(Default)]
pub struct OutputOptions {
    /// `-o`
    pub file: Option<OutputPath>,
    /// `-i`
    pub include: bool,
    /// `--silent`
    pub silent: bool,
    /// One item per line, each a document to the filters.
    pub lines: bool,
    /// `--jq`
    pub filter: Option<Filter>,
    /// `--fail-unless`, and how it was written.
    pub gate: Option<(Filter, String)>,
    /// `--pretty`
    pub pretty: bool,
    /// `--sort-keys`
    pub sort_keys: bool,
}

/// The longest document that is held. A filter needs a few times as much again.
pub const MOST_HELD: usize = 512 * 1024 * 1024;

/// An answer on its way out.
pub struct ResponseWriter {
    sink: Sink,
    rendering: Rendering,
    for_terminal: bool,
    color: bool,
    include: bool,
    lines: bool,
    filters: Arc<Filters>,
    gate_held: bool,
    /// Who read stdout has gone away.
    reader_is_gone: bool,
    /// The document, or the line, that the filters wait for.
    held: Vec<u8>,
    /// Nothing of the body has come.
    is_empty: bool,
    /// Checks a document that is written anew: what is no JSON must not look like some.
    scanner: Option<Scanner>,
}

/// `--jq`, `--fail-unless` with its code, and how a result is written.
struct Filters {
    filter: Option<Filter>,
    gate: Option<(Filter, String)>,
    pretty: bool,
    sort_keys: bool,
}

enum Sink {
    Stdout(Stdout),
    File(OutputFile),
    Nowhere,
}

enum Rendering {
    Raw,
    Json(Box<Pretty>),
    Text(Visible),
}

impl ResponseWriter {
    /// Opens the way out. A file becomes visible only in the end.
    ///
    /// # Errors
    /// Other, if the file cannot be made.
    pub async fn open(world: &World, options: OutputOptions) -> Result<Self> {
        let sink = match options.file {
            _ if options.silent => Sink::Nowhere,
            Some(file) => Sink::File(file.open().await?),
            None => Sink::Stdout(Stdout::open(world)),
        };
        // Colour that was forced into a pipe is for a pager; without --color a pipe gets the bytes.
        let for_terminal = world.stdout_is_terminal || world.color == ColorChoice::Always;
        let color = world.color_stdout();
        let for_terminal = for_terminal && !matches!(sink, Sink::File(_));
        let is_shown = for_terminal && matches!(sink, Sink::Stdout(_));
        Ok(Self {
            rendering: if is_shown { Rendering::Text(Visible::default()) } else { Rendering::Raw },
            sink,
            for_terminal,
            color,
            include: options.include,
            lines: options.lines,
            filters: Arc::new(Filters {
                filter: options.filter,
                gate: options.gate,
                pretty: options.pretty,
                sort_keys: options.sort_keys,
            }),
            scanner: None,
            is_empty: true,
            gate_held: true,
            reader_is_gone: false,
            held: Vec::new(),
        })
    }

    /// Whether the answer is on its way to a file.
    pub fn is_file(&self) -> bool {
        matches!(self.sink, Sink::File(_))
    }

    /// To be asked where the rest of an answer need not be read.
    ///
    /// # Errors
    /// That stdout is closed, once who read it has gone away, unless a gate wants to see all of the answer. Without
    /// this question what is written is thrown away, and [`ResponseWriter::finish`] says so.
    pub fn check_reader(&self) -> Result<()> {
        if self.reader_is_gone && self.filters.gate.is_none() { Err(closed()) } else { Ok(()) }
    }

    /// Begins an answer: its status line and headers, if they were asked for.
    ///
    /// # Errors
    /// [`Error::stdout`].
    pub fn begin(&mut self, answer: &ApiResponse) -> Result<()> {
        if self.include {
            let mut head = format!("{}\r\n", answer.status_line());
            for (name, value) in answer.headers() {
                let value = String::from_utf8_lossy(value.as_bytes());
                let value = if self.for_terminal { escaped(&value).into_owned().into() } else { value };
                head.extend([name.as_str(), ": ", &value, "\r\n"]);
            }
            head.push_str("\r\n");
            // Asked for by name, it goes out under --silent too.
            if matches!(self.sink, Sink::Nowhere) {
                let written = Stdout::Shared.write(head.as_bytes());
                self.unless_gone(written)?;
            }
            self.put(head.as_bytes())?;
        }
        if matches!(self.rendering, Rendering::Text(_)) && answer.is_json() && !self.lines {
            self.rendering = Rendering::Json(Box::new(Pretty::new(self.color)));
        }
        if matches!(self.rendering, Rendering::Raw)
            && self.filters.pretty
            && answer.may_be_json()
            && !self.is_replaced()
        {
            self.rendering = Rendering::Json(Box::new(Pretty::for_file()));
            self.scanner = Some(Scanner::new(0));
        }
        Ok(())
    }

    /// Takes the next bytes of the body.
    ///
    /// # Errors
    /// If they cannot be written, or a filter fails on them.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<()> {
        if !self.is_replaced() && self.filters.gate.is_none() {
            return self.show(bytes);
        }
        if self.held.len() + bytes.len() > MOST_HELD {
            return Err(Error::other("the answer is longer than the 512 MiB that are held of a document")
                .hint("--ndjson takes a list item by item"));
        }
        self.held.extend_from_slice(bytes);
        if !self.lines {
            return if self.is_replaced() { Ok(()) } else { self.show(bytes) };
        }
        let Some(end) = bytes.iter().rposition(|byte| *byte == b'\n') else { return Ok(()) };
        let rest = self.held.split_off(self.held.len() - bytes.len() + end + 1);
        let lines = std::mem::replace(&mut self.held, rest);
        if !self.is_replaced() {
            self.show(&lines)?;
        }
        self.documents(lines).await
    }

    /// Whether something else is written than the bytes of the body.
    fn is_replaced(&self) -> bool {
        self.filters.filter.is_some() || self.filters.sort_keys
    }

    /// Ends the answer.
    ///
    /// # Errors
    /// If it cannot be written, a filter fails, the gate does not hold, or nobody read it to the end.
    pub async fn finish(mut self) -> Result<()> {
        if !self.lines && !self.held.trim_ascii().is_empty() {
            let document = std::mem::take(&mut self.held);
            self.documents(document).await?;
        } else if !self.lines && self.filters.gate.is_some() {
            self.gate_held = false;
        }
        self.end_look()?;
        match self.sink {
            Sink::File(file) => file.finish()?,
            Sink::Stdout(_) => io::stdout().flush().map_err(Error::stdout)?,
            Sink::Nowhere => {}
        }
        match &self.filters.gate {
            Some((_, code)) if !self.gate_held => {
                Err(Error::new(ErrorKind::GateFalse, format!("not true of the answer: {code}")))
            }
            _ if self.reader_is_gone => Err(closed()),
            _ => Ok(()),
        }
    }

    /// Documents for the gate and the filter: one, or one on each line. They work on a thread of their own: a filter
    /// may take for ever, and neither a signal nor `--timeout` waits for it.
    async fn documents(&mut self, text: Vec<u8>) -> Result<()> {
        let filters = Arc::clone(&self.filters);
        let look = (!matches!(self.rendering, Rendering::Raw)).then_some(self.color);
        let is_lines = self.lines;
        let (sender, mut pieces) = tokio::sync::mpsc::channel(2);
        let filtered = tokio::task::spawn_blocking(move || {
            let mut results = FilterResults { piece: Vec::new(), sender };
            let mut gate_held = true;
            let mut document = |text: &[u8]| filters.document(text, look, &mut gate_held, &mut results);
            let ended = if is_lines {
                let mut lines = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
                lines.try_for_each(&mut document)
            } else {
                document(&text)
            };
            // What the filter said before it failed was asked for as well.
            let sent = results.send();
            (gate_held, ended.and(sent))
        });
        while let Some(piece) = pieces.recv().await {
            self.put(&piece)?;
            if self.check_reader().is_err() {
                break;
            }
        }
        // A filter that goes on for nobody ends at its next result.
        drop(pieces);
        let (gate_held, ended) =
            filtered.await.map_err(|died| Error::other("the filter cannot be run").because(died))?;
        self.gate_held &= gate_held;
        ended
    }

    /// Shows bytes of the body as the place wants them.
    fn show(&mut self, bytes: &[u8]) -> Result<()> {
        match &mut self.rendering {
            Rendering::Raw => self.put(bytes),
            Rendering::Json(pretty) => {
                if let Some(scanner) = &mut self.scanner {
                    scanner.check(bytes).map_err(no_json)?;
                }
                self.is_empty &= bytes.is_empty();
                let shown = pretty.push(bytes);
                self.put(shown.as_bytes())
            }
            Rendering::Text(visible) => {
                let shown = visible.push(bytes);
                self.put(shown.as_bytes())
            }
        }
    }

    fn end_look(&mut self) -> Result<()> {
        match &mut self.rendering {
            Rendering::Json(_) if self.scanner.is_some() && self.is_empty => Ok(()),
            Rendering::Json(pretty) if self.filters.filter.is_none() && !self.filters.sort_keys => {
                let end = pretty.end();
                let checked = self.scanner.take().map_or(Ok(()), |mut scanner| scanner.finish());
                self.put(end.as_bytes())?;
                checked.map_err(no_json)
            }
            _ => Ok(()),
        }
    }

    fn put(&mut self, bytes: &[u8]) -> Result<()> {
        let written = match &mut self.sink {
            Sink::Stdout(_) if self.reader_is_gone => Ok(()),
            Sink::Stdout(stdout) => stdout.write(bytes),
            Sink::File(file) => file.write(bytes),
            Sink::Nowhere => Ok(()),
        };
        self.unless_gone(written)
    }

    /// `| head` has seen enough; what the answer says against itself is still to be told.
    fn unless_gone(&mut self, written: Result<()>) -> Result<()> {
        match written {
            Err(error) if error.is_closed_pipe() && !self.is_file() => {
                self.reader_is_gone = true;
                Ok(())
            }
            written => written,
        }
    }
}

/// The results of a filter on their way from its thread, some at a time.
struct FilterResults {
    piece: Vec<u8>,
    sender: tokio::sync::mpsc::Sender<Vec<u8>>,
}

/// So many bytes of results are worth sending.
const PIECE: usize = 64 * 1024;

impl FilterResults {
    fn line(&mut self, result: &[u8]) -> Result<()> {
        self.piece.extend_from_slice(result);
        self.piece.push(b'\n');
        if self.piece.len() < PIECE { Ok(()) } else { self.send() }
    }

    fn send(&mut self) -> Result<()> {
        let piece = std::mem::take(&mut self.piece);
        if piece.is_empty() { Ok(()) } else { self.sender.blocking_send(piece).map_err(|_| closed()) }
    }
}

impl Filters {
    /// One document. `look` is given where the results are for eyes, and says whether they are coloured.
    fn document(
        &self,
        document: &[u8],
        rendering: Option<bool>,
        gate_held: &mut bool,
        results: &mut FilterResults,
    ) -> Result<()> {
        if let Some((gate, _)) = &self.gate {
            *gate_held &= gate.holds(document)?;
        }
        let Some(filter) = &self.filter else {
            return if self.sort_keys { self.json(document, rendering, results) } else { Ok(()) };
        };
        filter.run(document, |result| match (rendering, result) {
            (None, filter::FilterOutput::Text(text)) => results.line(&text),
            (Some(_), filter::FilterOutput::Text(text)) => {
                results.line(escaped_block(&String::from_utf8_lossy(&text)).as_bytes())
            }
            (_, filter::FilterOutput::Json(json)) => self.json(&json, rendering, results),
        })
    }

    /// One result that is JSON.
    fn json(&self, json: &[u8], rendering: Option<bool>, results: &mut FilterResults) -> Result<()> {
        let sorted = if self.sort_keys { Some(sorted(json).map_err(no_json)?) } else { None };
        let json = sorted.as_deref().unwrap_or(json);
        let mut pretty = match rendering {
            Some(color) => Pretty::new(color),
            None if self.pretty => Pretty::for_file(),
            None => return results.line(json),
        };
        let shown = pretty.push(json) + &pretty.end();
        results.line(shown.trim_end().as_bytes())
    }
}

fn no_json(error: impl Into<anyhow::Error>) -> Error {
    Error::other("the answer cannot be written as JSON").because(error)
}

fn closed() -> Error {
    Error::stdout(io::ErrorKind::BrokenPipe.into())
}

/// Standard output. Rust's own looks for the last line break in all that is written to it, which a long body without
/// one makes felt; a pipe or a file gets the bytes without that.
enum Stdout {
    Shared,
    Direct(File),
}

impl Stdout {
    fn open(world: &World) -> Self {
        #[cfg(unix)]
        let own = std::os::fd::AsFd::as_fd(&io::stdout()).try_clone_to_owned();
        #[cfg(windows)]
        let own = std::os::windows::io::AsHandle::as_handle(&io::stdout()).try_clone_to_owned();
        match own {
            Ok(own) if !world.stdout_is_terminal => Self::Direct(own.into()),
            _ => Self::Shared,
        }
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        match self {
            Self::Shared => io::stdout().write_all(bytes),
            Self::Direct(file) => file.write_all(bytes),
        }
        .map_err(Error::stdout)
    }
}
