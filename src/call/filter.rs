//! `--jq` and `--fail-unless`: filters in the jq language on the JSON of an answer. They are
//! compiled before anything is sent.

use std::ffi::OsString;
use std::rc::Rc;

use crate::error::{Error, ErrorKind, Result};
use crate::jq::{self, GivenValue, Host, JqObject, JqString, NamedValue, Program, Stop, Value};

/// The longest message of a filter that is repeated, in characters.
const MAX_MESSAGE: usize = 500;

/// How much of its thread's stack a filter may use. The thread has to have some more.
pub const STACK: usize = 60 * 1024 * 1024;

/// The variables that hold our secrets: a filter does not see them.
const SECRET_VARIABLES: [&str; 6] = [
    "LOKALISE_API_TOKEN",
    "LOKALISE_ACCESS_TOKEN",
    "LOKALISE_REFRESH_TOKEN",
    "LOKALISE_CLIENT_SECRET",
    "LOKALISE_API_KEY",
    "LOKALISE_TOKEN",
];

/// A compiled filter.
#[derive(Debug)]
pub struct Filter {
    program: Program,
    code: String,
}

/// What a filter sees of the machine, in addition to the answer.
#[derive(Clone, Debug, Default)]
pub struct FilterContext {
    /// The environment without the secrets.
    environment: Vec<(String, String)>,
    /// Where messages of `debug` and `stderr` go.
    pub say: Option<fn(&str)>,
}

impl FilterContext {
    /// Of these variables, a filter sees those that hold no secret of ours.
    pub fn new(variables: impl Iterator<Item = (OsString, OsString)>) -> Self {
        let text = |text: OsString| text.to_string_lossy().into_owned();
        let is_secret = |name: &str| SECRET_VARIABLES.iter().any(|secret| name.eq_ignore_ascii_case(secret));
        let variables = variables.map(|(name, value)| (text(name), value)).filter(|(name, _)| !is_secret(name));
        Self { environment: variables.map(|(name, value)| (name, text(value))).collect(), say: None }
    }
}

/// How a gate decided.
#[derive(Debug, PartialEq, Eq)]
pub enum GateResult {
    Open,
    /// With the result of the gate, `false` or `null`.
    Closed(String),
}

/// The variables of `--arg` and `--argjson`.
///
/// # Errors
/// Usage, for an invalid name or invalid JSON.
pub fn variables(texts: &[(String, String)], documents: &[(String, String)]) -> Result<Vec<NamedValue>> {
    let mut variables = Vec::new();
    for (name, text) in texts {
        variables.push(NamedValue { name: checked_name("--arg", name)?, value: GivenValue::Text(text.clone()) });
    }
    for (name, json) in documents {
        let name = checked_name("--argjson", name)?;
        let text = Rc::new(json.clone());
        jq::document(&text, 0, json.len())
            .map_err(|why| Error::usage(format!("the value of --argjson {name} is not JSON")).because(why))?;
        variables.push(NamedValue { name, value: GivenValue::Json(json.clone()) });
    }
    Ok(variables)
}

fn checked_name(flag: &str, name: &str) -> Result<String> {
    let begins = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    if begins && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
        return Ok(name.to_owned());
    }
    Err(Error::usage(format!("invalid name for {flag}: {name}"))
        .hint(format!("{flag} NAME VALUE sets the variable $NAME")))
}

impl Filter {
    /// Compiles a filter.
    ///
    /// # Errors
    /// Usage, with the place of the first mistake.
    pub fn compile(code: &str, variables: &[NamedValue]) -> Result<Self> {
        let compiled = on_large_stack(|| Program::compile(code, variables.to_vec()))?;
        let program = compiled.map_err(|mistake| {
            let place = match mistake.offset {
                Some(offset) if offset >= code.len() => " at its end".to_owned(),
                Some(offset) => format!(" at character {}", code[..offset].chars().count() + 1),
                None => String::new(),
            };
            Error::usage(format!("the filter does not compile: {}{place}", mistake.message))
        })?;
        Ok(Self { program, code: code.to_owned() })
    }

    /// How the filter was written.
    pub fn code(&self) -> &str {
        &self.code
    }

    /// The list that the filter takes item by item, if it begins with `.NAME[]`.
    pub fn streamed_list(&self) -> Option<&str> {
        self.program.streamed_list()
    }

    /// Prepares to run on whole documents, on a thread with more stack than [`STACK`].
    pub fn whole<'f>(&'f self, context: &'f FilterContext) -> FilterRun<'f> {
        FilterRun { running: self.program.whole(context, STACK) }
    }

    /// Prepares to run on the items of [`Filter::streamed_list`].
    pub fn items<'f>(&'f self, context: &'f FilterContext) -> Option<FilterRun<'f>> {
        self.program.items(context, STACK).map(|running| FilterRun { running })
    }

    /// Runs the filter as a gate: it must give one result, and only `true` opens the gate.
    ///
    /// # Errors
    /// Usage, if it gives anything but one `true`, `false` or `null`; other, if it fails.
    pub fn gate(&self, document: Value, context: &FilterContext) -> Result<GateResult> {
        let mut results = Vec::new();
        self.whole(context)
            .run(document, &mut |result| {
                results.push(result.clone());
                if results.len() > 1 { Err(Error::other("one result is enough to see the mistake")) } else { Ok(()) }
            })
            .or_else(|error| if results.len() > 1 { Ok(Ran::ToTheEnd) } else { Err(error) })?;
        let mistake = |what: String| {
            Error::usage(format!("--fail-unless has to give one true or false, not {what}: {}", self.code))
                .hint("compare with something, as in `.progress >= 90`")
        };
        match &results[..] {
            [Value::Bool(true)] => Ok(GateResult::Open),
            [closed @ (Value::Bool(false) | Value::Null)] => Ok(GateResult::Closed(closed.to_json())),
            [other] => Err(mistake(format!("{} {}", article(other.kind()), cut(&other.to_json(), 60)))),
            [] => Err(mistake("no result".to_owned())),
            _ => Err(mistake("several results".to_owned())),
        }
    }
}

/// The parser recurses, and the main thread of some systems has a small stack.
fn on_large_stack<T: Send>(work: impl FnOnce() -> T + Send) -> Result<T> {
    let cannot = "the filter cannot be compiled";
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, work);
        let thread = thread.map_err(|error| Error::other(cannot).because(error))?;
        thread.join().map_err(|_| Error::other(cannot))
    })
}

fn article(kind: &str) -> String {
    format!("{} {kind}", if kind.starts_with(['a', 'o']) { "an" } else { "a" })
}

/// The error of a gate that is closed.
pub fn closed_gate(code: &str, value: &str) -> Error {
    Error::new(ErrorKind::GateFalse, format!("not true of the answer, but {value}: {code}"))
}

/// How a filter ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ran {
    ToTheEnd,
    /// `halt` was called: nothing more is filtered.
    Halted,
}

/// A filter that is ready to take values.
pub struct FilterRun<'f> {
    running: jq::Running<'f>,
}

impl FilterRun<'_> {
    /// Runs on a value and hands on each result as it comes.
    ///
    /// # Errors
    /// Other, if the filter fails; and what `emit` returns.
    pub fn run(&self, input: Value, emit: &mut dyn FnMut(&Value) -> Result<()>) -> Result<Ran> {
        ran(emit, |out| self.running.run(input, out))
    }

    /// Runs on each value of `.[]`.
    ///
    /// # Errors
    /// As [`FilterRun::run`].
    pub fn run_each(&self, input: Value, emit: &mut dyn FnMut(&Value) -> Result<()>) -> Result<Ran> {
        ran(emit, |out| self.running.run_each(input, out))
    }
}

type JqResults<'o> = dyn FnMut(Value) -> Result<(), Stop> + 'o;

fn ran(
    emit: &mut dyn FnMut(&Value) -> Result<()>,
    run: impl FnOnce(&mut JqResults<'_>) -> Result<(), Stop>,
) -> Result<Ran> {
    let mut refused = None;
    let ended = run(&mut |result| {
        emit(&result).map_err(|error| {
            refused = Some(error);
            Stop::Closed
        })
    });
    match (ended, refused) {
        (Ok(()), _) => Ok(Ran::ToTheEnd),
        (Err(Stop::Closed), Some(error)) => Err(error),
        (Err(Stop::Halt(None)), _) => Ok(Ran::Halted),
        (Err(stop), _) => Err(failure(&stop)),
    }
}

fn failure(stop: &Stop) -> Error {
    let message = match stop {
        Stop::Error(Value::String(text)) => text.to_string(),
        Stop::Error(thrown) => format!("{} (not a string)", thrown.to_json()),
        Stop::Halt(Some(message)) => message.trim_end().to_owned(),
        Stop::TooDeep => "it calls itself too deep".to_owned(),
        Stop::Break(_) | Stop::Halt(None) | Stop::Closed => "it was broken off".to_owned(),
    };
    Error::other(format!("the filter failed: {}", cut(&message, MAX_MESSAGE)))
}

fn cut(text: &str, most: usize) -> String {
    let mut short: String = text.chars().take(most).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

/// Reads a whole document.
///
/// # Errors
/// Other, if it is not JSON.
pub fn read(document: Vec<u8>) -> Result<Value> {
    let text = Rc::new(jq::to_text(document));
    // Some servers put a byte order mark before the JSON.
    let start = if text.starts_with('\u{feff}') { 3 } else { 0 };
    read_part(&text, start, text.len())
}

/// Reads the document between two offsets of a text.
///
/// # Errors
/// Other, if it is not JSON.
pub fn read_part(text: &Rc<String>, start: usize, end: usize) -> Result<Value> {
    jq::document(text, start, end).map_err(|why| Error::other("the answer cannot be filtered").because(why))
}

impl Host for FilterContext {
    fn environment(&self) -> Value {
        let members =
            self.environment.iter().map(|(name, value)| (JqString::from(name.as_str()), Value::string(value.as_str())));
        Value::Object(Rc::new(JqObject::from_members(members.collect())))
    }

    fn message(&self, text: &str) {
        if let Some(say) = self.say {
            say(text);
        }
    }

    fn now(&self) -> f64 {
        std::time::UNIX_EPOCH.elapsed().map_or(0.0, |passed| passed.as_secs_f64())
    }
}

#[cfg(test)]
mod tests;
