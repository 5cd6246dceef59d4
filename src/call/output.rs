//! Where an answer goes: to stdout as it came, to a terminal made readable, through a filter, or
//! into a file. Nothing else is written here.

use std::fs::File;
use std::io::{self, Write};
use std::sync::Arc;

use super::filter_worker::{FilterInput, FilterWorker, Filters, closed, no_json};
use super::response::ApiResponse;
use crate::error::{Error, ErrorKind, Result};
use crate::escape::escaped;
use crate::files::output_file::{OutputFile, OutputPath};
use crate::json::items::{ItemSplitter, SplitEnd, SplitError};
use crate::json::pretty::{Pretty, Visible};
use crate::json::scan::Scanner;
use crate::world::{ColorChoice, World};

/// How an answer is written.
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
    /// `--jq`, `--fail-unless`, `--pretty` and `--sort-keys`
    pub filters: Filters,
}

/// The longest document that is held. A filter needs a few times as much again.
pub const MAX_HELD_BYTES: usize = 512 * 1024 * 1024;

/// How many bytes of items are filtered at once.
const BATCH: usize = 128 * 1024;

/// The longest message of a filter that is written, in characters.
const MAX_MESSAGE: usize = 2000;

/// An answer that is being written.
pub struct ResponseWriter {
    sink: Sink,
    rendering: Rendering,
    for_terminal: bool,
    color: bool,
    include: bool,
    lines: bool,
    filters: Arc<Filters>,
    worker: Option<FilterWorker>,
    /// Cuts the document into items where the filter takes them one by one.
    splitter: Option<ItemSplitter>,
    /// The reader of stdout has gone.
    reader_is_gone: bool,
    /// The document, or the line, that the filters wait for.
    held: Vec<u8>,
    /// Nothing of the body has come.
    is_empty: bool,
    /// Checks a document that is reformatted: invalid JSON must not look valid.
    scanner: Option<Scanner>,
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
    /// Opens the output. A file appears only when it is complete.
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
        let mut filters = options.filters;
        filters.style.terminal = is_shown.then_some(color);
        filters.context.say = Some(say_message);
        let splitter = filters.streamed_list().filter(|_| !options.lines).map(ItemSplitter::new);
        Ok(Self {
            rendering: if is_shown { Rendering::Text(Visible::default()) } else { Rendering::Raw },
            sink,
            for_terminal,
            color,
            include: options.include,
            lines: options.lines,
            splitter,
            filters: Arc::new(filters),
            worker: None,
            scanner: None,
            is_empty: true,
            reader_is_gone: false,
            held: Vec::new(),
        })
    }

    /// Whether the answer is on its way to a file.
    pub fn is_file(&self) -> bool {
        matches!(self.sink, Sink::File(_))
    }

    /// Checks whether the rest of an answer still has to be read.
    ///
    /// # Errors
    /// A closed pipe, if the reader of stdout has gone and no gate needs the rest. Without this check further output is
    /// thrown away, and [`ResponseWriter::finish`] reports it.
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
            // `--include` asks for it explicitly, so it is printed under --silent too.
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
            && self.filters.style.pretty
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
        self.is_empty &= bytes.is_empty();
        if self.lines {
            return self.write_lines(bytes).await;
        }
        if self.splitter.is_some() {
            return self.write_items(bytes).await;
        }
        self.hold(bytes)?;
        if self.is_replaced() { Ok(()) } else { self.show(bytes) }
    }

    /// Whether the output differs from the bytes of the body.
    fn is_replaced(&self) -> bool {
        self.filters.filter.is_some() || self.filters.style.sort_keys
    }

    /// Ends the answer.
    ///
    /// # Errors
    /// If it cannot be written, a filter fails, the gate does not hold, or its reader left before the end.
    pub async fn finish(mut self) -> Result<()> {
        let filtered = self.finish_filters().await;
        if let Err(error) = &filtered
            && error.kind != ErrorKind::GateFalse
        {
            return filtered;
        }
        self.end_look()?;
        match self.sink {
            Sink::File(file) => file.finish()?,
            Sink::Stdout(stdout) => stdout.flush()?,
            Sink::Nowhere => {}
        }
        if self.reader_is_gone && filtered.is_ok() { Err(closed()) } else { filtered }
    }

    async fn finish_filters(&mut self) -> Result<()> {
        let splitter = self.splitter.take().filter(|_| !self.is_empty);
        let held = std::mem::take(&mut self.held);
        if let Some(splitter) = splitter {
            self.end_items(splitter).await?;
        } else if self.lines && !held.trim_ascii().is_empty() {
            self.filter(FilterInput::Lines(held)).await?;
        } else if !held.trim_ascii().is_empty() {
            self.filter(FilterInput::Document(held)).await?;
        } else if !self.lines && self.filters.gate.is_some() {
            return Err(Error::other("the answer is empty: --fail-unless has nothing to look at"));
        }
        self.end_filters().await
    }

    /// Passes input to the filters and writes their results as they come.
    async fn filter(&mut self, input: FilterInput) -> Result<()> {
        let filters = Arc::clone(&self.filters);
        let mut worker = self.worker.take().unwrap_or_else(|| FilterWorker::start(filters));
        let given = worker.give(input, &mut |piece| self.take_results(piece)).await;
        self.worker = Some(worker);
        given
    }

    async fn end_filters(&mut self) -> Result<()> {
        let Some(mut worker) = self.worker.take() else { return Ok(()) };
        worker.finish(&mut |piece| self.take_results(piece)).await
    }

    fn take_results(&mut self, piece: &[u8]) -> Result<bool> {
        self.put(piece)?;
        Ok(self.check_reader().is_ok())
    }

    /// Holds a part of the document that the filters need as a whole.
    fn hold(&mut self, bytes: &[u8]) -> Result<()> {
        if self.held.len() + bytes.len() > MAX_HELD_BYTES {
            return Err(too_long_to_hold());
        }
        self.held.extend_from_slice(bytes);
        Ok(())
    }

    /// Passes complete lines to the filters.
    async fn write_lines(&mut self, bytes: &[u8]) -> Result<()> {
        self.hold(bytes)?;
        let Some(end) = bytes.iter().rposition(|byte| *byte == b'\n') else { return Ok(()) };
        let rest = self.held.split_off(self.held.len() - bytes.len() + end + 1);
        let lines = std::mem::replace(&mut self.held, rest);
        if !self.is_replaced() {
            self.show(&lines)?;
        }
        self.filter(FilterInput::Lines(lines)).await
    }

    /// Passes complete items to a filter that takes them one by one.
    async fn write_items(&mut self, bytes: &[u8]) -> Result<()> {
        let Some(splitter) = &mut self.splitter else { return Ok(()) };
        let pushed = splitter.push(bytes);
        if splitter.held() > MAX_HELD_BYTES {
            return Err(too_long_to_hold());
        }
        let is_enough = pushed.is_err() || splitter.held() >= BATCH;
        let batch = if is_enough { splitter.take() } else { None };
        if let Some(batch) = batch {
            self.filter(FilterInput::Items(batch)).await?;
        }
        if pushed.is_err() {
            // What came before is still printed.
            self.end_filters().await?;
        }
        pushed.map_err(unreadable)
    }

    async fn end_items(&mut self, mut splitter: ItemSplitter) -> Result<()> {
        if let Some(batch) = splitter.take() {
            self.filter(FilterInput::Items(batch)).await?;
        }
        match splitter.finish() {
            Ok(SplitEnd::Split) => Ok(()),
            Ok(SplitEnd::Missing) => self.filter(FilterInput::NoList).await,
            Ok(SplitEnd::Whole(document)) => self.filter(FilterInput::Document(document)).await,
            Err(error) => {
                self.end_filters().await?;
                Err(unreadable(error))
            }
        }
    }

    /// Writes bytes of the body in the form that the output needs.
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
            Rendering::Json(pretty) if self.filters.filter.is_none() && !self.filters.style.sort_keys => {
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

    /// `| head` has closed the pipe. Errors in the answer are still reported.
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

/// A message of `debug` or `stderr`, on one line. A failure to write it is ignored.
#[expect(clippy::disallowed_methods, reason = "a filter runs on a thread without a World")]
fn say_message(text: &str) {
    let line = escaped(text.trim_end_matches('\n'));
    let short: String = line.chars().take(MAX_MESSAGE).collect();
    let end = if short.len() < line.len() { "…" } else { "" };
    let _ = writeln!(io::stderr().lock(), "jq: {short}{end}");
}

fn too_long_to_hold() -> Error {
    Error::other("the answer is longer than the 512 MiB that are held of a document")
        .hint("--ndjson takes a list item by item")
}

fn unreadable(error: SplitError) -> Error {
    Error::other("the answer cannot be filtered").because(error)
}

/// Standard output without the line buffer of Rust's own, which searches everything for line breaks and is slow for a
/// long body without any.
enum Stdout {
    Shared,
    Direct(File),
}

#[expect(clippy::disallowed_methods, reason = "the body of a response is written here and nowhere else")]
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

    fn flush(self) -> Result<()> {
        match self {
            Self::Shared => io::stdout().flush().map_err(Error::stdout),
            Self::Direct(_) => Ok(()),
        }
    }
}
