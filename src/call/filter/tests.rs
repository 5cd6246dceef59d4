//! Filters as `call` runs them: the table of what jq prints, messages, gates and limits.

use serde_json::Value as Json;

use super::*;

/// What a filter prints, each result on a line, and how it ended.
fn ran(code: &str, document: &str, context: &FilterContext) -> (String, Result<Ran>) {
    let mut lines = String::new();
    let filter = Filter::compile(code, &[]).unwrap_or_else(|error| panic!("{code}: {error}"));
    let ended = read(document.as_bytes().to_vec()).and_then(|value| {
        // The thread of a test has less stack than that of a filter.
        let running = FilterRun { running: filter.program.whole(context, 1024 * 1024 * 3 / 2) };
        running.run(value, &mut |result| {
            lines.push_str(&result.to_text());
            lines.push('\n');
            Ok(())
        })
    });
    (lines, ended)
}

fn filtered(code: &str, document: &str) -> String {
    let (lines, ended) = ran(code, document, &FilterContext::default());
    ended.unwrap_or_else(|error| panic!("{code}: {error}"));
    lines
}

fn failure(code: &str, document: &str) -> String {
    ran(code, document, &FilterContext::default()).1.unwrap_err().to_string()
}

fn refusal(code: &str) -> String {
    let error = Filter::compile(code, &[]).map(|_| code.to_owned()).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Usage);
    error.message.replace("the filter does not compile: ", "")
}

#[test]
fn every_row_of_the_table_prints_what_jq_prints() {
    let table: Json = serde_json::from_str(include_str!("../../../tests/call/jq_table.json")).unwrap();
    let text = |value: &Json| value.as_str().unwrap_or_default().to_owned();
    let variables = table["environment"].as_object().unwrap().iter();
    let context = FilterContext::new(variables.map(|(name, value)| (name.into(), text(value).into())));
    let rows = table["rows"].as_array().unwrap();
    assert!(rows.len() > 400, "the table is whole");
    let wrong: Vec<String> = rows
        .iter()
        .filter_map(|row| {
            let (filter, input) = (text(&row["filter"]), text(&row["input"]));
            let document = table["documents"].get(&input).map_or(input, text);
            let (lines, ended) = ran(&filter, &document, &context);
            let is_right = lines == text(&row["out"]) && ended.is_err() == (row["fails"] == true);
            (!is_right).then(|| format!("{filter} on {document}: {lines:?} {ended:?}, not {}", row["out"]))
        })
        .collect();
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), rows.len(), wrong.join("\n"));
}

#[test]
fn secret_variables_are_not_in_the_environment() {
    let names = ["PATH", "LOKALISE_API_TOKEN", "lokalise_access_token", "LOKALISE_TOKEN", "LOKALISE_PROJECT_ID"];
    let context = FilterContext::new(names.iter().map(|name| (name.into(), "x".into())));
    let (lines, ended) = ran("env, $ENV | keys | join(\" \")", "1", &context);
    assert!(ended.is_ok());
    assert_eq!(lines, "LOKALISE_PROJECT_ID PATH\n".repeat(2));
}

#[test]
fn variables_are_text_or_json() {
    let pair = |name: &str, value: &str| vec![(name.to_owned(), value.to_owned())];
    let given = variables(&pair("a", "1"), &pair("b", "{\"k\":[1.0]}")).unwrap();
    let filter = Filter::compile("$a, $b.k[0], $ARGS.named.a", &given).unwrap();
    let mut seen = Vec::new();
    filter
        .whole(&FilterContext::default())
        .run(Value::Null, &mut |value| {
            seen.push(value.to_json());
            Ok(())
        })
        .unwrap();
    assert_eq!(seen, ["\"1\"", "1.0", "\"1\""]);
    assert!(variables(&[], &pair("b", "{no json")).unwrap_err().to_string().contains("--argjson b is not JSON"));
    assert!(variables(&pair("1", "x"), &[]).unwrap_err().to_string().contains("invalid name for --arg"));
}

#[test]
fn a_filter_that_does_not_compile_is_refused_in_one_line() {
    assert_eq!(refusal(".keys[]]"), "an operator or the end expected at character 8");
    assert_eq!(refusal(".keys | | length"), "a filter expected at character 9");
    assert_eq!(refusal(".a |"), "a filter expected at its end");
    assert_eq!(refusal(".keys[\"a"), "a string without its end at character 7");
    assert_eq!(refusal(".a | frobnicate(1)"), "unknown filter `frobnicate/1`");
    assert_eq!(refusal("$nothing"), "unknown variable `$nothing`");
    assert_eq!(refusal("import \"a\" as a; ."), "modules cannot be loaded at character 1");
    assert_eq!(refusal("1 < 2 < 3"), "this operator cannot be chained: put brackets around one side at character 7");
    assert!(refusal("input").contains("not available"));
    assert!(refusal("localtime").contains("use UTC"));
}

#[test]
fn an_absurd_filter_is_refused_without_a_crash() {
    for code in ["[".repeat(501) + &"]".repeat(501), ".a|".repeat(1_001) + "."] {
        std::thread::Builder::new()
            .stack_size(STACK)
            .spawn(move || assert!(refusal(&code).contains("too")))
            .unwrap()
            .join()
            .unwrap();
    }
}

#[test]
fn loops_need_no_stack_and_endless_recursion_is_an_error() {
    assert_eq!(filtered("[limit(100000; repeat(1))] | length", "0"), "100000\n");
    assert_eq!(filtered("last(range(0; 100000; 1))", "0"), "99999\n");
    assert_eq!(filtered("until(. >= 100000; . + 1)", "0"), "100000\n");
    assert_eq!(filtered("def f: if . >= 100000 then . else . + 1 | f end; f", "0"), "100000\n");
    assert_eq!(failure("def f: 1 + f; f", "0"), "the filter failed: it calls itself too deep");
}

#[test]
fn a_filter_that_fails_says_so_without_the_whole_document() {
    let document = format!(r#"{{"text":"{}"}}"#, "x".repeat(10_000));
    let message = failure(".text | error", &document);
    assert!(message.starts_with("the filter failed: xxx") && message.chars().count() < 600, "{message}");
    assert_eq!(failure(".text[0]", &document), "the filter failed: Cannot index string with number");
    assert_eq!(failure("error({a:1})", "1"), "the filter failed: {\"a\":1} (not a string)");
    assert_eq!(failure("\"gone\\n\" | halt_error(3)", "1"), "the filter failed: gone");
}

#[test]
fn halt_ends_the_filter_and_is_no_failure() {
    let (lines, ended) = ran("1, halt, 2", "null", &FilterContext::default());
    assert_eq!((lines.as_str(), ended.unwrap()), ("1\n", Ran::Halted));
}

#[test]
fn what_is_not_json_cannot_be_filtered() {
    for document in ["", "<html>", "NaN", "{\"a\":1} # comment", "1 2", "[1,]", "01", "\"\u{1}\"", "{\"a\" 1}", "[1"] {
        let error = read(document.as_bytes().to_vec()).unwrap_err();
        assert_eq!(error.message, "the answer cannot be filtered", "{document}");
    }
    assert_eq!(filtered(".", "\u{feff}1"), "1\n");
}

#[test]
fn a_gate_gives_one_true_or_false() {
    let asked = |code: &str| {
        let filter = Filter::compile(code, &[]).unwrap();
        filter.gate(read(br#"{"progress":90,"name":"x"}"#.to_vec()).unwrap(), &FilterContext::default())
    };
    assert_eq!(asked(".progress >= 90").unwrap(), GateResult::Open);
    assert_eq!(asked(".progress > 90").unwrap(), GateResult::Closed("false".into()));
    assert_eq!(asked(".missing").unwrap(), GateResult::Closed("null".into()));
    for code in [".name", ".progress", "empty", "true, true", "false, true", "{}", "[]", "\"true\""] {
        assert_eq!(asked(code).unwrap_err().kind, ErrorKind::Usage, "{code}");
    }
    for code in ["error", ".name.x", "1 / 0", "true, error(\"x\")"] {
        assert_eq!(asked(code).unwrap_err().kind, ErrorKind::Other, "{code}");
    }
}

#[test]
fn only_filters_that_begin_with_a_list_are_streamed() {
    let list = |code: &str| Filter::compile(code, &[]).unwrap().streamed_list().map(str::to_owned);
    for code in [".keys[]", ".keys[] | .a", ".keys | .[] | .a | .b", ".keys[].a.b", ".\"keys\"[] | [.a, .b] | @csv"] {
        assert_eq!(list(code).as_deref(), Some("keys"), "{code}");
    }
    for code in [".keys", ".", "first(.keys[])", ".keys[], 1", ".keys[] as $k | $k", ".keys[.n]", "[.keys[]]", ".[]"] {
        assert_eq!(list(code), None, "{code}");
    }
}
