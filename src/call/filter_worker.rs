//! The thread that filters run on: a filter may take for ever, and neither a signal nor
//! `--timeout` waits for it. Answers go in, lines come out.

use std::io;
use std::rc::Rc;
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::filter::{self, Filter, FilterContext, FilterRun, GateResult, Ran};
use crate::error::{Error, Result};
use crate::escape::escaped_block;
use crate::jq::{self, Value};
use crate::json::items::{ItemBatch, MAX_NAME};
use crate::json::pretty::Pretty;
use crate::json::sorted::sorted;

/// How many bytes of results are sent at once.
const PIECE: usize = 64 * 1024;

/// `--jq`, `--fail-unless`, and how results are written.
#[derive(Debug, Default)]
pub struct Filters {
    pub filter: Option<Filter>,
    pub gate: Option<Filter>,
    pub context: FilterContext,
    pub style: ResultStyle,
}

/// How a result is written that is not a string.
#[derive(Clone, Copy, Debug, Default)]
pub struct ResultStyle {
    /// For a terminal: readable, and coloured or not.
    pub terminal: Option<bool>,
    /// `--pretty`
    pub pretty: bool,
    /// `--sort-keys`
    pub sort_keys: bool,
}

/// What the thread is given.
pub enum FilterInput {
    /// One document.
    Document(Vec<u8>),
    /// Documents, one on each line.
    Lines(Vec<u8>),
    /// Items of the list that the filter takes item by item.
    Items(ItemBatch),
    /// The document has no such list.
    NoList,
}

/// A running filter.
pub struct FilterWorker {
    inputs: Option<mpsc::Sender<FilterInput>>,
    pieces: mpsc::Receiver<Vec<u8>>,
    thread: Option<JoinHandle<Result<()>>>,
}

/// Receives results. `false` means that no more are wanted.
pub type TakeResults<'t> = dyn FnMut(&[u8]) -> Result<bool> + Send + 't;

impl FilterWorker {
    pub fn start(filters: Arc<Filters>) -> Self {
        let (inputs, mut given) = mpsc::channel(2);
        let (sender, pieces) = mpsc::channel(2);
        let thread = tokio::task::spawn_blocking(move || {
            let mut results = Results { style: filters.style, piece: Vec::new(), sender };
            let ended = filters.run(&mut given, &mut results);
            // The results before the failure are printed too.
            let sent = results.send();
            ended.and(sent)
        });
        Self { inputs: Some(inputs), pieces, thread: Some(thread) }
    }

    /// Gives the filter something, and hands on the results that come meanwhile.
    ///
    /// # Errors
    /// That of the filter, and what `take` returns.
    pub async fn give(&mut self, input: FilterInput, take: &mut TakeResults<'_>) -> Result<()> {
        let Some(inputs) = self.inputs.clone() else { return Ok(()) };
        loop {
            tokio::select! {
                biased;
                piece = self.pieces.recv() => match piece {
                    Some(piece) => self.hand_on(&piece, take)?,
                    // The filter is at its end, or failed.
                    None => return self.finish(take).await,
                },
                permit = inputs.reserve() => {
                    match permit {
                        Ok(permit) => permit.send(input),
                        Err(_) => return self.finish(take).await,
                    }
                    return Ok(());
                }
            }
        }
    }

    /// Waits for the last results.
    ///
    /// # Errors
    /// As [`FilterWorker::give`].
    pub async fn finish(&mut self, take: &mut TakeResults<'_>) -> Result<()> {
        self.inputs = None;
        while let Some(piece) = self.pieces.recv().await {
            self.hand_on(&piece, take)?;
        }
        match self.thread.take() {
            Some(thread) => thread.await.map_err(|died| Error::other("the filter cannot be run").because(died))?,
            None => Ok(()),
        }
    }

    fn hand_on(&mut self, piece: &[u8], take: &mut TakeResults<'_>) -> Result<()> {
        if !take(piece)? {
            // A filter whose results are not wanted any more ends at its next result.
            self.pieces.close();
        }
        Ok(())
    }
}

impl Filters {
    /// The list that the filter takes item by item. A gate needs the whole document.
    pub fn streamed_list(&self) -> Option<&str> {
        let is_plain =
            |name: &&str| name.len() <= MAX_NAME && !name.bytes().any(|b| matches!(b, b'"' | b'\\' | 0..=31));
        self.filter.as_ref().filter(|_| self.gate.is_none())?.streamed_list().filter(is_plain)
    }

    fn run(&self, inputs: &mut mpsc::Receiver<FilterInput>, results: &mut Results) -> Result<()> {
        let whole = self.filter.as_ref().map(|filter| filter.whole(&self.context));
        let items = self.filter.as_ref().and_then(|filter| filter.items(&self.context));
        while let Some(input) = inputs.blocking_recv() {
            let ran = match input {
                FilterInput::Document(document) if self.filter.is_none() && self.style.sort_keys => {
                    self.rewrite(&document, results)?;
                    Ran::ToTheEnd
                }
                FilterInput::Document(document) => self.document(filter::read(document)?, whole.as_ref(), results)?,
                FilterInput::Lines(lines) if self.filter.is_none() && self.style.sort_keys => {
                    let mut lines = lines.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty());
                    lines.try_for_each(|line| self.rewrite(line, results))?;
                    Ran::ToTheEnd
                }
                FilterInput::Lines(lines) => self.lines(lines, whole.as_ref(), results)?,
                FilterInput::Items(batch) => batch_items(batch, items.as_ref(), results)?,
                FilterInput::NoList => each(Value::Null, items.as_ref(), results)?,
            };
            if ran == Ran::Halted {
                break;
            }
        }
        Ok(())
    }

    /// A document with sorted members and unchanged numbers. It is printed even if the gate is closed.
    fn rewrite(&self, document: &[u8], results: &mut Results) -> Result<()> {
        let asked = match &self.gate {
            Some(gate) => Some((gate, gate.gate(filter::read(document.to_vec())?, &self.context)?)),
            None => None,
        };
        results.json(document)?;
        match asked {
            Some((gate, GateResult::Closed(value))) => Err(filter::closed_gate(gate.code(), &value)),
            _ => Ok(()),
        }
    }

    fn lines(&self, lines: Vec<u8>, whole: Option<&FilterRun<'_>>, results: &mut Results) -> Result<Ran> {
        let text = Rc::new(jq::to_text(lines));
        let mut start = 0;
        for line in text.split('\n') {
            let end = start + line.len();
            if !line.trim_ascii().is_empty() {
                let mark = if line.starts_with('\u{feff}') { 3 } else { 0 };
                let ran = self.document(filter::read_part(&text, start + mark, end)?, whole, results)?;
                if ran == Ran::Halted {
                    return Ok(ran);
                }
            }
            start = end + 1;
        }
        Ok(Ran::ToTheEnd)
    }

    /// Runs the gate and the filter on a document. The filter's results are printed even if the gate is closed.
    fn document(&self, document: Value, whole: Option<&FilterRun<'_>>, results: &mut Results) -> Result<Ran> {
        let asked = match &self.gate {
            Some(gate) => Some((gate, gate.gate(document.clone(), &self.context)?)),
            None => None,
        };
        let ran = match whole {
            Some(run) => run.run(document, &mut |result| results.line(result))?,
            None => Ran::ToTheEnd,
        };
        match asked {
            Some((gate, GateResult::Closed(value))) => Err(filter::closed_gate(gate.code(), &value)),
            _ => Ok(ran),
        }
    }
}

fn batch_items(batch: ItemBatch, items: Option<&FilterRun<'_>>, results: &mut Results) -> Result<Ran> {
    // Items are slices of UTF-8 text. If one is not UTF-8, each is read by itself.
    let text = match String::from_utf8(batch.text) {
        Ok(text) => Rc::new(text),
        Err(error) => return broken_items(error.as_bytes(), &batch.items, batch.other, items, results),
    };
    for (start, end) in batch.items {
        let item = filter::read_part(&text, start, end)?;
        if run_item(item, items, results)? == Ran::Halted {
            return Ok(Ran::Halted);
        }
    }
    match batch.other {
        Some((start, end)) => each(filter::read_part(&text, start, end)?, items, results),
        None => Ok(Ran::ToTheEnd),
    }
}

fn broken_items(
    bytes: &[u8],
    spans: &[(usize, usize)],
    other: Option<(usize, usize)>,
    items: Option<&FilterRun<'_>>,
    results: &mut Results,
) -> Result<Ran> {
    for (start, end) in spans {
        if run_item(filter::read(bytes[*start..*end].to_vec())?, items, results)? == Ran::Halted {
            return Ok(Ran::Halted);
        }
    }
    match other {
        Some((start, end)) => each(filter::read(bytes[start..end].to_vec())?, items, results),
        None => Ok(Ran::ToTheEnd),
    }
}

fn run_item(item: Value, items: Option<&FilterRun<'_>>, results: &mut Results) -> Result<Ran> {
    match items {
        Some(run) => run.run(item, &mut |result| results.line(result)),
        None => Ok(Ran::ToTheEnd),
    }
}

/// For a value under the name of the list that is not a list: the values of an object, or an error.
fn each(value: Value, items: Option<&FilterRun<'_>>, results: &mut Results) -> Result<Ran> {
    match items {
        Some(run) => run.run_each(value, &mut |result| results.line(result)),
        None => Ok(Ran::ToTheEnd),
    }
}

/// Results that the thread sends, several at a time.
struct Results {
    style: ResultStyle,
    piece: Vec<u8>,
    sender: mpsc::Sender<Vec<u8>>,
}

impl Results {
    /// A result with its line end: a string as it is, anything else as JSON.
    fn line(&mut self, result: &Value) -> Result<()> {
        match (result, self.style) {
            (Value::String(text), ResultStyle { terminal: None, .. }) => self.piece.extend_from_slice(text.as_bytes()),
            (Value::String(text), _) => self.piece.extend_from_slice(escaped_block(text).as_bytes()),
            (other, ResultStyle { terminal: None, pretty: false, sort_keys: false }) => {
                jq::compact(other, &mut self.piece);
            }
            (other, _) => return self.json(other.to_json().as_bytes()),
        }
        self.end_line()
    }

    /// JSON as `--pretty`, `--sort-keys` or the terminal want it.
    fn json(&mut self, json: &[u8]) -> Result<()> {
        let sorted = if self.style.sort_keys { Some(sorted(json).map_err(no_json)?) } else { None };
        let json = sorted.as_deref().unwrap_or(json);
        let pretty = match self.style.terminal {
            Some(color) => Some(Pretty::new(color)),
            None if self.style.pretty => Some(Pretty::for_file()),
            None => None,
        };
        match pretty {
            Some(mut pretty) => {
                let shown = pretty.push(json) + &pretty.end();
                self.piece.extend_from_slice(shown.trim_end().as_bytes());
            }
            None => self.piece.extend_from_slice(json),
        }
        self.end_line()
    }

    fn end_line(&mut self) -> Result<()> {
        self.piece.push(b'\n');
        if self.piece.len() < PIECE { Ok(()) } else { self.send() }
    }

    fn send(&mut self) -> Result<()> {
        let piece = std::mem::replace(&mut self.piece, Vec::with_capacity(PIECE));
        if piece.is_empty() { Ok(()) } else { self.sender.blocking_send(piece).map_err(|_| closed()) }
    }
}

pub fn no_json(error: impl Into<anyhow::Error>) -> Error {
    Error::other("the answer cannot be written as JSON").because(error)
}

/// The reader of stdout has gone.
pub fn closed() -> Error {
    Error::stdout(io::ErrorKind::BrokenPipe.into())
}
