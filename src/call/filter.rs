//! jq, built in (jaq). A filter is compiled before anything is sent; it sees JSON that was
//! checked first, nothing of the environment, and what it prints as JSON is JSON.

use jaq_core::data::JustLut;
use jaq_core::load::{Arena, File, Loader, lex, parse};
use jaq_core::native::{Fun, bome, run, v};
use jaq_core::{Compiler, Ctx, Cv, ValXs, Vars};
use jaq_json::{Map, Num, Rc, Val, read};

use crate::error::{Error, Result};
use crate::json::scan;

type Data = JustLut<Val>;

/// What jq has and jaq lacks. `env` and `$ENV` are empty here: the environment holds the token.
const DEFINITIONS: &str = r#"
def env: {};
def IN(s): . as $x | any(s; . == $x);
def IN(src; s): any(src; IN(s));
def leaf_paths: paths(scalars);
def __row(escape):
  if isarray then .[] |= (
    if isstring then escape
    elif . == null then ""
    elif isnumber or isboolean then tostring
    else error("a row of \(type)s cannot be written as a line; only strings, numbers, booleans and null can") end)
  else error("\(type) cannot be written as a line, only an array can") end;
def @csv: __row("\"" + (. / "\"" | join("\"\"")) + "\"") | join(",");
def @tsv: __row(gsub("\\\\"; "\\\\") | gsub("\t"; "\\t") | gsub("\n"; "\\n") | gsub("\r"; "\\r")) | join("\t");
"#;

/// The longest message of a filter's own that is repeated, in characters.
const LONGEST: usize = 300;

/// jaq's compiler recurses: a filter that nests deeper or has more pipes than anybody writes would end the process.
const DEEPEST: usize = 40;
const MOST_PIPES: usize = 150;

/// A compiled filter.
pub struct Filter(jaq_core::Filter<Data>);

/// One result of a filter.
#[derive(Debug, PartialEq, Eq)]
pub enum FilterOutput {
    /// A string, raw.
    Text(Vec<u8>),
    /// Anything else, as JSON on one line.
    Json(Vec<u8>),
}

impl Filter {
    /// Compiles a filter.
    ///
    /// # Errors
    /// Usage, with the place of the first mistake.
    pub fn compile(code: &str) -> Result<Self> {
        if is_too_involved(code) {
            return Err(refused("it nests too deep, or has too many pipes"));
        }
        let own = parse::Parser::new(&lex::Lexer::new(DEFINITIONS).lex().expect("our own definitions"))
            .parse(parse::Parser::defs)
            .expect("our own definitions");
        let definitions = jaq_core::defs().chain(jaq_std::defs()).chain(jaq_json::defs()).chain(own);
        let arena = Arena::default();
        let modules = Loader::new(definitions)
            .load(&arena, File { code, path: () })
            .map_err(|errors| refused(&load_mistake(code, &errors)))?;
        Compiler::default()
            .with_funs(functions())
            .with_global_vars(["$ENV"])
            .compile(modules)
            .map(Self)
            .map_err(|errors| refused(&undefined(&errors)))
    }

    /// Runs the filter on one JSON document and hands on each result as it comes.
    ///
    /// # Errors
    /// Other, if the document is not JSON or the filter fails on it; and what `emit` returns.
    pub fn run(&self, document: &[u8], mut emit: impl FnMut(FilterOutput) -> Result<()>) -> Result<()> {
        for result in self.results(value(document)?) {
            emit(output(result?)?)?;
        }
        Ok(())
    }

    /// Whether the filter says `true` to a document, and nothing else.
    ///
    /// # Errors
    /// Other, if the document is not JSON or the filter fails on it.
    pub fn holds(&self, document: &[u8]) -> Result<bool> {
        let mut results = self.results(value(document)?).peekable();
        if results.peek().is_none() {
            return Ok(false);
        }
        results.try_fold(true, |holds, result| Ok(holds && matches!(result?, Val::Bool(true))))
    }

    fn results(&self, input: Val) -> impl Iterator<Item = Result<Val>> {
        let environment = Val::Obj(Rc::new(Map::default()));
        let context = Ctx::<Data>::new(&self.0.lut, Vars::new([environment]));
        let mut results = self.0.id.run((context, input));
        // jaq's own `unwrap_valr` would exit the process when a filter says `halt`.
        std::iter::from_fn(move || match results.next()? {
            Ok(value) => Some(Ok(value)),
            Err(exception) => match exception.get_err() {
                Ok(error) => Some(Err(failed(&complaint(error)))),
                Err(exception) => match exception.get_halt() {
                    Ok(0) => None,
                    Ok(code) => Some(Err(failed(&format!("it halted with {code}")))),
                    Err(_) => Some(Err(failed("it broke out of nothing"))),
                },
            },
        })
    }
}

fn is_too_involved(code: &str) -> bool {
    let (mut depth, mut deepest) = (0_usize, 0);
    for byte in code.bytes() {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest > DEEPEST || code.bytes().filter(|byte| *byte == b'|').count() > MOST_PIPES
}

/// The filters that are written in Rust: jaq's, without the two that this program must answer for.
fn functions() -> impl Iterator<Item = Fun<Data>> {
    jaq_core::funs()
        .chain(jaq_std::funs())
        .chain(jaq_json::funs())
        .filter(|(name, _, _)| !matches!(*name, "env" | "fromjson"))
        .chain([run::<Data>(("fromjson", v(0), from_json))])
}

fn from_json((_, input): Cv<Data>) -> ValXs<Val> {
    bome(input.try_as_utf8_bytes_owned().and_then(|text| checked(&text).map_err(jaq_json::Error::str)))
}

fn value(document: &[u8]) -> Result<Val> {
    checked(document).map_err(|why| Error::other(format!("the answer cannot be filtered: {why}")))
}

/// Reads JSON. jaq's reader keeps the spelling of numbers, and would overflow the stack on a deep document.
fn checked(document: &[u8]) -> Result<Val, String> {
    scan::check(document).map_err(|malformed| malformed.to_string())?;
    read::parse_single(document).map_err(|error| error.to_string())
}

fn output(value: Val) -> Result<FilterOutput> {
    match value {
        Val::TStr(text) => Ok(FilterOutput::Text(text.to_vec())),
        value => {
            let mut json = Vec::new();
            write_json(&value, &mut json)?;
            Ok(FilterOutput::Json(json))
        }
    }
}

/// Writes strict JSON: jaq's writer would print `NaN` and keys that are no strings.
fn write_json(value: &Val, json: &mut Vec<u8>) -> Result<()> {
    match value {
        // As jq prints them.
        Val::Num(Num::Float(number)) if number.is_nan() => json.extend_from_slice(b"null"),
        Val::Num(Num::Float(number)) if number.is_infinite() => {
            let sign = if *number < 0.0 { "-" } else { "" };
            json.extend_from_slice(format!("{sign}1.7976931348623157e308").as_bytes());
        }
        Val::BStr(_) => return Err(failed("its result has bytes in it, which JSON cannot hold")),
        Val::Arr(items) => {
            json.push(b'[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    json.push(b',');
                }
                write_json(item, json)?;
            }
            json.push(b']');
        }
        Val::Obj(members) => {
            json.push(b'{');
            for (index, (key, member)) in members.iter().enumerate() {
                if index > 0 {
                    json.push(b',');
                }
                if !matches!(key, Val::TStr(_)) {
                    return Err(failed("its result has an object key that is no string"));
                }
                write_json(key, json)?;
                json.push(b':');
                write_json(member, json)?;
            }
            json.push(b'}');
        }
        scalar => jaq_json::write::write(json, &jaq_json::write::Pp::default(), 0, scalar)
            .expect("memory takes what is written"),
    }
    Ok(())
}

/// A message is a string as a rule; `error` may throw any value.
fn complaint(error: jaq_json::Error) -> String {
    match error.into_val() {
        Val::TStr(text) => String::from_utf8_lossy(&text).into_owned(),
        value => value.to_string(),
    }
}

fn refused(mistake: &str) -> Error {
    Error::usage(format!("the filter does not compile: {mistake}"))
}

/// A filter's own complaint, which may quote the whole document.
fn failed(complaint: &str) -> Error {
    let mut short: String = complaint.chars().take(LONGEST).collect();
    if short.len() < complaint.len() {
        short.push('…');
    }
    Error::other(format!("the filter failed: {short}"))
}

/// What is wrong with the first token that does not fit, and where.
fn load_mistake(code: &str, errors: &jaq_core::load::Errors<&str, ()>) -> String {
    use jaq_core::load::Error as Load;
    let (expected, found) = match errors.first().map(|(_, error)| error) {
        Some(Load::Lex(mistakes)) => match mistakes.first() {
            Some((expected, found)) => (expected.as_str(), *found),
            None => return "it cannot be read".to_owned(),
        },
        Some(Load::Parse(mistakes)) => match mistakes.first() {
            Some((expected, found)) => (expected.as_str(), *found),
            None => return "it cannot be read".to_owned(),
        },
        Some(Load::Io(_)) | None => return "modules cannot be loaded".to_owned(),
    };
    // Both errors point into the code itself.
    let offset = (found.as_ptr() as usize).checked_sub(code.as_ptr() as usize);
    match offset.and_then(|offset| code.get(..offset)).filter(|before| before.len() < code.len()) {
        Some(before) => {
            let found: String = found.chars().take_while(|character| !character.is_whitespace()).take(20).collect();
            format!("{expected} expected at character {}, not `{found}`", before.chars().count() + 1)
        }
        None => format!("{expected} expected at its end"),
    }
}

fn undefined(errors: &jaq_core::compile::Errors<&str, ()>) -> String {
    use jaq_core::compile::Undefined;
    match errors.iter().flat_map(|(_, undefined)| undefined).next() {
        Some((name, Undefined::Filter(arity))) => format!("there is no filter `{name}/{arity}`"),
        Some((name, kind)) => format!("there is no {} `{name}`", kind.as_str()),
        None => "it cannot be read".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    /// The results of a filter, each on a line.
    fn filtered(code: &str, document: &str) -> String {
        let mut lines = String::new();
        Filter::compile(code)
            .and_then(|filter| {
                filter.run(document.as_bytes(), |(FilterOutput::Text(line) | FilterOutput::Json(line))| {
                    lines.push_str(std::str::from_utf8(&line).unwrap());
                    lines.push('\n');
                    Ok(())
                })
            })
            .unwrap_or_else(|error| panic!("{code}: {error}"));
        lines
    }

    fn failure(code: &str, document: &str) -> String {
        let filter = Filter::compile(code).unwrap_or_else(|error| panic!("{code}: {error}"));
        filter.run(document.as_bytes(), |_| Ok(())).unwrap_err().to_string()
    }

    #[test]
    fn strings_are_raw_and_the_rest_is_json_on_one_line() {
        let document = r#"{"keys":[{"name":"a\nb","id":1.10},{"name":"é","id":12345678901234567890}]}"#;
        assert_eq!(filtered(".keys[].name", document), "a\nb\né\n");
        assert_eq!(filtered(".keys[].id", document), "1.10\n12345678901234567890\n");
        assert_eq!(filtered(".keys[0]", document), "{\"name\":\"a\\nb\",\"id\":1.10}\n");
        assert_eq!(filtered("[.keys[].id] | length, null, true", document), "2\nnull\ntrue\n");
    }

    #[test]
    fn rows_become_csv_and_tsv() {
        let document = r#"[["a \"b\"", 12345, null, true, 1.50, "x,y"], [], [""]]"#;
        assert_eq!(filtered(".[] | @csv", document), "\"a \"\"b\"\"\",12345,,true,1.50,\"x,y\"\n\n\"\"\n");
        assert_eq!(filtered("@tsv", r#"["a\tb", "c\nd\r", "e\\f", null, 1]"#), "a\\tb\tc\\nd\\r\te\\\\f\t\t1\n");
        assert_eq!(filtered(r#""x: " + @csv"#, "[1]"), "x: 1\n");
        assert!(failure("@csv", "{}").contains("object cannot be written as a line"), "{}", failure("@csv", "{}"));
        assert!(failure("@tsv", "[[1]]").contains("a row of arrays"));
    }

    #[test]
    fn what_jq_has_and_jaq_lacks_is_there() {
        assert_eq!(filtered(r#".[] | IN("a", "b")"#, r#"["a","c"]"#), "true\nfalse\n");
        assert_eq!(filtered("IN(.[]; 2, 3)", "[1,2]"), "true\n");
        assert_eq!(filtered("[leaf_paths]", r#"{"a":{"b":1}}"#), "[[\"a\",\"b\"]]\n");
    }

    #[test]
    fn the_environment_cannot_be_seen() {
        assert!(std::env::vars().count() > 0);
        assert_eq!(filtered("env, $ENV", "null"), "{}\n{}\n");
    }

    #[test]
    fn a_filter_that_does_not_compile_is_refused_in_one_line() {
        let refusal = |code| {
            let Err(error) = Filter::compile(code) else { panic!("{code} compiles") };
            assert_eq!(error.kind, ErrorKind::Usage);
            error.message.replace("the filter does not compile: ", "")
        };
        assert_eq!(refusal(".keys[]]"), "token expected at character 8, not `]`");
        assert_eq!(refusal(".keys | | length"), "term expected at character 9, not `|`");
        assert_eq!(refusal(".a |"), "term expected at its end");
        assert_eq!(refusal(".keys[\"a"), "closing quote expected at its end");
        assert_eq!(refusal(".a | frobnicate(1)"), "there is no filter `frobnicate/1`");
        assert_eq!(refusal("$nothing"), "there is no variable `$nothing`");
        assert_eq!(refusal("import \"a\" as a; ."), "modules cannot be loaded");
    }

    #[test]
    fn a_filter_that_nobody_writes_is_refused_and_ends_no_process() {
        for code in ["(".repeat(50_000), "[".repeat(41) + &"]".repeat(41), ".a|".repeat(9_000) + "."] {
            let Err(error) = Filter::compile(&code) else { panic!("it compiles") };
            assert_eq!(error.kind, ErrorKind::Usage);
        }
        assert!(Filter::compile(&("[".repeat(40) + &"]".repeat(40))).is_ok());
        assert!(Filter::compile(&(".a|".repeat(150) + ".")).is_ok());
    }

    #[test]
    fn a_filter_that_fails_says_so_without_the_whole_document() {
        let document = format!(r#"{{"text":"{}"}}"#, "x".repeat(10_000));
        let message = failure(".text | .[0].id", &document);
        assert!(message.starts_with("the filter failed: cannot index"), "{message}");
        assert!(message.chars().count() < 400);
        assert_eq!(failure("error(\"no\")", "1"), "the filter failed: no");
    }

    #[test]
    fn what_is_printed_as_json_is_json() {
        assert_eq!(
            filtered("[nan, infinite, -infinite]", "1"),
            "[null,1.7976931348623157e308,-1.7976931348623157e308]\n"
        );
        assert_eq!(filtered("nan", "1"), "null\n");
        assert!(failure("{(1|tostring): 1} | with_entries(.key = 1)", "1").contains("no string"));
        assert!(failure("[\"a\" | tobytes]", "1").contains("bytes"));
    }

    #[test]
    fn halt_ends_the_filter_and_not_the_process() {
        assert_eq!(filtered("1, halt, 2", "null"), "1\n");
        assert_eq!(failure("halt_error", "\"x\""), "the filter failed: it halted with 5");
    }

    #[test]
    fn a_document_that_nests_too_deep_is_refused() {
        let deep = "[".repeat(200_000);
        assert!(failure(".", &deep).contains("nests deeper"));
        assert!(failure("fromjson", &format!("\"{deep}\"")).contains("nests deeper"));
        assert_eq!(filtered("fromjson", r#""{\"a\": [1.0]}""#), "{\"a\":[1.0]}\n");
    }

    #[test]
    fn what_is_no_json_cannot_be_filtered() {
        for document in ["", "<html>", "NaN", "{\"a\":1} # comment", "1 2"] {
            assert!(failure(".", document).starts_with("the answer cannot be filtered: "), "{document}");
        }
    }

    #[test]
    fn a_gate_holds_if_all_results_are_true() {
        let holds = |code: &str, document: &str| Filter::compile(code).unwrap().holds(document.as_bytes()).unwrap();
        assert!(holds(".progress >= 90", r#"{"progress":90}"#));
        assert!(!holds(".progress >= 90", r#"{"progress":89}"#));
        assert!(holds(".[] | . > 1", "[2,3]"));
        assert!(!holds(".[] | . > 1", "[2,1]"));
        for not_true in ["empty", "null", "0", "1", "\"true\"", "[]"] {
            assert!(!holds(not_true, "null"), "{not_true}");
        }
        assert!(Filter::compile("error").unwrap().holds(b"1").is_err());
    }
}
