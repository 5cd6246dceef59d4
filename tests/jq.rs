//! Filters compared with the real jq: libjq 1.7, from the Python package `jq`, which `tests/run` installs into
//! `target/jq-venv`. What differs is listed here and in `help jq`.
#![cfg(unix)]

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::rc::Rc;

use lokalise_auth::jq::{Host, Program, Stop, Value, document};
use serde_json::{Value as Json, json};

/// Filters whose difference is documented, with the reason.
const KNOWN: [(&str, &str); 4] = [
    ("cbrt", "the last digit depends on the C library"),
    ("@base32, @base32d?", "this libjq lacks a format that the manual has"),
    ("ascii", "this libjq lacks a filter that the manual has"),
    ("try tonumber catch .", "the words of an error"),
];

struct NoHost;

impl Host for NoHost {
    fn environment(&self) -> Value {
        let names = std::env::vars().map(|(name, value)| (name.as_str().into(), Value::string(value)));
        Value::Object(Rc::new(lokalise_auth::jq::JqObject::from_members(names.collect())))
    }

    fn message(&self, _: &str) {}

    fn now(&self) -> f64 {
        0.0
    }
}

/// The results of a filter as JSON, and whether it failed.
fn ours(code: &str, input: &str) -> (Vec<String>, bool) {
    let Ok(program) = Program::compile(code, Vec::new()) else { return (Vec::new(), true) };
    let text = Rc::new(input.to_owned());
    let value = document(&text, 0, text.len()).unwrap_or_else(|error| panic!("{input}: {error}"));
    let mut results = Vec::new();
    let ended = program.whole(&NoHost, 200 << 20).run(value, &mut |result| {
        results.push(result.to_json());
        if results.len() > 2000 { Err(Stop::Closed) } else { Ok(()) }
    });
    (results, matches!(ended, Err(Stop::Error(_) | Stop::Halt(Some(_)) | Stop::TooDeep)))
}

/// What the real jq says of each filter.
fn real(cases: &[(String, String)]) -> Vec<Json> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let python = root.join("target/jq-venv/bin/python");
    let mut command = Command::new(&python);
    command.arg(root.join("tests/support/real_jq.py")).env("TZ", "UTC");
    let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let mut child = child.unwrap_or_else(|error| {
        panic!("{}: {error}; `tests/run --install` installs the real jq there", python.display())
    });
    let mut input = child.stdin.take().expect("it is piped");
    let lines: String =
        cases.iter().map(|(filter, text)| json!({"filter": filter, "input": text}).to_string() + "\n").collect();
    let writer = std::thread::spawn(move || input.write_all(lines.as_bytes()));
    let output = child.wait_with_output().expect("it ends");
    writer.join().expect("no panic").expect("it reads all");
    let text = String::from_utf8(output.stdout).expect("it prints JSON");
    text.lines().map(|line| serde_json::from_str(line).expect("it prints JSON")).collect()
}

fn compare(cases: &[(String, String)]) {
    let real = real(cases);
    assert_eq!(real.len(), cases.len(), "one answer for each filter");
    let mut different = Vec::new();
    for ((filter, input), real) in cases.iter().zip(&real) {
        // An assertion of libjq says nothing of the result.
        let is_known = KNOWN.iter().any(|(known, _)| filter == known);
        if is_known || real["crashed"] == true {
            continue;
        }
        let (results, failed) = ours(filter, input);
        if json!(results) != real["results"] || json!(failed) != real["failed"] {
            different.push(format!("{filter} on {input}\n  jq   {real}\n  ours {results:?} {failed}"));
        }
    }
    assert!(different.is_empty(), "{} of {} differ:\n{}", different.len(), cases.len(), different.join("\n"));
}

/// Runs a test with the stack that filters have.
fn on_large_stack(test: impl FnOnce() + Send + 'static) {
    let thread = std::thread::Builder::new().stack_size(256 << 20).spawn(test).expect("a thread");
    if let Err(panic) = thread.join() {
        std::panic::resume_unwind(panic);
    }
}

#[test]
fn the_manual_s_filters_give_what_jq_gives() {
    on_large_stack(|| {
        let text = include_str!("support/jq_filters.txt");
        let case = |line: &str| match line.rsplit_once(" <<") {
            Some((filter, input)) => (filter.trim().to_owned(), input.to_owned()),
            None => (line.to_owned(), "null".to_owned()),
        };
        compare(&text.lines().filter(|line| !line.trim().is_empty()).map(case).collect::<Vec<_>>());
    });
}

#[test]
fn the_table_is_what_jq_prints() {
    on_large_stack(|| {
        let table: Json = serde_json::from_str(include_str!("call/jq_table.json")).expect("JSON");
        let text = |value: &Json| value.as_str().unwrap_or_default().to_owned();
        let rows =
            table["rows"].as_array().expect("rows").iter().filter(|row| row["kind"] != "words of the environment");
        let case = |row: &Json| {
            let input = text(&row["input"]);
            (text(&row["filter"]), table["documents"].get(&input).map_or(input, text))
        };
        compare(&rows.map(case).collect::<Vec<_>>());
    });
}

#[test]
fn generated_filters_give_what_jq_gives() {
    on_large_stack(|| {
        let mut random = 20_261_126_u64;
        let cases = (0..1_500).map(|_| (filter(3, &mut random), INPUTS[below(INPUTS.len(), &mut random)].to_owned()));
        compare(&cases.collect::<Vec<_>>());
    });
}

#[test]
fn calls_of_any_arguments_give_what_jq_gives() {
    on_large_stack(|| {
        let mut random = 20_261_127_u64;
        let cases = (0..2_000).map(|_| (call(&mut random), VALUES[below(VALUES.len(), &mut random)].to_owned()));
        compare(&cases.collect::<Vec<_>>());
    });
}

/// A call of a filter that jq has, with arguments that may not suit it.
fn call(random: &mut u64) -> String {
    let names: Vec<&str> = CALLS.split_whitespace().collect();
    let (name, arity) = names[below(names.len(), random)].split_once('/').expect("a name and an arity");
    let arguments: Vec<&str> =
        (0..arity.parse().expect("a number")).map(|_| ARGUMENTS[below(ARGUMENTS.len(), random)]).collect();
    if arguments.is_empty() {
        format!("[limit(40; {name})]")
    } else {
        format!("[limit(40; {name}({}))]", arguments.join("; "))
    }
}

/// Filters of jq 1.7 with the number of their arguments.
const CALLS: &str = "length/0 utf8bytelength/0 not/0 keys/0 keys_unsorted/0 values/0 nulls/0 booleans/0 numbers/0 \
    strings/0 arrays/0 objects/0 iterables/0 scalars/0 add/0 any/0 all/0 flatten/0 floor/0 sqrt/0 tostring/0 tonumber/0 \
    type/0 isinfinite/0 isnan/0 isnormal/0 isfinite/0 finites/0 normals/0 sort/0 unique/0 reverse/0 explode/0 implode/0 \
    tojson/0 fromjson/0 todate/0 fromdate/0 ascii_downcase/0 ascii_upcase/0 recurse/0 transpose/0 to_entries/0 \
    from_entries/0 first/0 last/0 min/0 max/0 combinations/0 @text/0 @json/0 @html/0 @uri/0 @csv/0 @tsv/0 @sh/0 \
    @base64/0 paths/0 tostream/0 gmtime/0 mktime/0 abs/0 trunc/0 round/0 ceil/0 significand/0 logb/0 frexp/0 has/1 in/1 \
    map/1 map_values/1 path/1 del/1 with_entries/1 select/1 recurse/1 any/1 all/1 flatten/1 range/1 sort_by/1 group_by/1 \
    min_by/1 max_by/1 unique_by/1 inside/1 contains/1 startswith/1 endswith/1 ltrimstr/1 rtrimstr/1 split/1 join/1 \
    test/1 match/1 capture/1 scan/1 splits/1 first/1 last/1 isempty/1 index/1 rindex/1 indices/1 getpath/1 delpaths/1 \
    paths/1 pick/1 walk/1 strftime/1 IN/1 INDEX/1 combinations/1 truncate_stream/1 fromstream/1 nth/1 bsearch/1 \
    error/1 limit/2 range/2 nth/2 any/2 all/2 sub/2 gsub/2 test/2 match/2 capture/2 scan/2 split/2 splits/2 recurse/2 \
    setpath/2 IN/2 INDEX/2 while/2 pow/2 fmin/2 fmax/2 copysign/2 range/3 sub/3 gsub/3";

const VALUES: [&str; 24] = [
    "null",
    "true",
    "0",
    "-1.5",
    "13911860366432393",
    r#""""#,
    r#""a,b, c""#,
    r#""aXbxc12""#,
    r#""2015-03-05T23:51:47Z""#,
    "1425599621",
    "[]",
    "[3,1,2,1]",
    r#"["a","b",null,1]"#,
    "[[1,2],[3,4]]",
    r#"[["a","b"],1]"#,
    r#"[{"a":1,"b":2},{"a":3,"b":4},{"a":1,"b":5}]"#,
    r#"[{"key":"a","value":1},{"name":"b"}]"#,
    r#"[null,true,1,"a",[],{}]"#,
    "[13911860366432393,13911860366432392,0.1,1e2]",
    "[97,98.5,8364]",
    "[2015,2,5,23,51,47,4,63]",
    "{}",
    r#"{"a":1,"b":2}"#,
    r#"{"b":{"c":[1,2]},"a":null}"#,
];

const ARGUMENTS: [&str; 40] = [
    ".",
    ".[]",
    ".[]?",
    "empty",
    "1, 2",
    "2, 0",
    ".a",
    ".a?",
    ".[0]",
    ".[0]?",
    ".[1:]",
    ".[-1:]?",
    "length",
    "type",
    "null",
    "true",
    "false",
    "not",
    "0",
    "-1",
    "1.5",
    "3",
    "infinite",
    "\"a\"",
    "\",\"",
    "\"\"",
    "\"[a-c]\"",
    "\"(?<x>[a-z])(?<y>[0-9]+)?\"",
    "\"( )*\"",
    "\"g\"",
    "\"gi\"",
    "\"%Y-%m-%d\"",
    "[]",
    "[1]",
    "[\"a\"]",
    "[\"b\", \"c\", 0]",
    "{}",
    "{b: 2}",
    "[.[]?]",
    "select(. != null)",
];

const INPUTS: [&str; 6] = [
    r#"{"a":[1,2.50,{"b":null}],"b":{"c":"x, y","a":3},"c":"größe 12"}"#,
    r#"[{"a":1,"b":[3]},{"a":"z","b":[]},{"b":[1,2]}]"#,
    r#"[3,1,2,1,null,"a",[1],{"a":2}]"#,
    r#"{"a":{"a":{"a":{}}},"b":false}"#,
    "null",
    r#""foo Bar, foo""#,
];

const TERMS: [&str; 40] = [
    ".",
    ".a",
    ".b",
    ".[0]",
    ".[1:]",
    ".[-1]",
    ".[]?",
    ".a.b?",
    "..",
    "1",
    "-1.5",
    "\"a\"",
    "\"a\\(.)b\"",
    "null",
    "true",
    "[]",
    "{}",
    "[.[]?]",
    "{a: 1}",
    "length?",
    "keys?",
    "type",
    "tojson",
    "tostring",
    "(.a | not)",
    "add?",
    "sort?",
    "unique?",
    "first?",
    "to_entries?",
    "reverse?",
    "flatten?",
    "ascii_downcase?",
    "[paths]",
    "[tostream]",
    "min?",
    "max?",
    "(split(\",\"))?",
    "[scan(\"\\\\w+\")?]",
    "(tonumber)?",
];

/// What assignments and `del` are tried on. A term that is not a path is an error in both, at different moments.
const PATHS: [&str; 11] = [
    ".a",
    ".b",
    ".[0]",
    ".[1:]",
    ".[]?",
    ".a.b?",
    "..",
    ".[-1]",
    "(.a, .b)",
    "(.[]? | select(. != null))",
    "first(.[]?)",
];

/// A filter with at most this many nested operators.
fn filter(depth: usize, random: &mut u64) -> String {
    if depth == 0 || below(4, random) == 0 {
        return TERMS[below(TERMS.len(), random)].to_owned();
    }
    let one = filter(depth - 1, random);
    let two = filter(depth - 1, random);
    let path = PATHS[below(PATHS.len(), random)];
    let assignments = [" = ", " |= ", " += ", " //= "];
    let operators = [" | ", ", ", " + ", " - ", " * ", " // ", " == ", " < ", " and ", " or "];
    match below(16, random) {
        0 => format!("[{one} | {two}]"),
        1 => format!("if {one} then {two} else . end"),
        2 => format!("(try ({one}) catch .)"),
        3 => format!("reduce ({one}) as $x ({two}; [., $x])"),
        4 => format!("[foreach ({one}) as $x (0; . + 1; [$x, .])]"),
        5 => format!("(({one}) as [$x, $y] | [$x, $y])?"),
        6 => format!("map({one})?"),
        7 => format!("[path({path})]?"),
        8 => format!("del({path})?"),
        9 => format!("[limit(3; {one})]"),
        10 => format!("(with_entries(.value |= {one}))?"),
        11 => format!("[.[]? | select({one})]"),
        12 => format!("(group_by({one}))?"),
        13 => format!("{{(\"k\", \"l\"): ({one})}}"),
        14 => format!("({path}{}({two}))?", assignments[below(assignments.len(), random)]),
        _ => format!("({one}){}({two})", operators[below(operators.len(), random)]),
    }
}

fn below(end: usize, random: &mut u64) -> usize {
    *random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    usize::try_from(*random >> 33).expect("31 bits") % end
}
