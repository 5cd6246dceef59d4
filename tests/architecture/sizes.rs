//! Short files that say what they are for, and short functions.

use super::{code, rust_files};

const MAX_FILE_LINES: usize = 500;
const MAX_FUNCTION_LINES: usize = 80;
/// Of 100 functions, 95 have at most this many lines.
const P95_FUNCTION_LINES: usize = 30;

/// The length of each function, with its name: from `fn` to the brace in the same column.
fn functions(code: &str) -> Vec<(usize, String)> {
    let lines: Vec<&str> = code.lines().collect();
    let mut found = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let indent = line.len() - line.trim_start().len();
        let words: Vec<&str> = line.split_whitespace().take_while(|word| !word.contains('(')).collect();
        let Some(name) = line.split("fn ").nth(1).filter(|_| line.trim_start().starts_with(['f', 'p', 'a', 'c']))
        else {
            continue;
        };
        if !words
            .iter()
            .all(|word| word.starts_with("pub") || ["async", "const", "fn"].contains(word) || name.starts_with(word))
        {
            continue;
        }
        let end = lines[at..].iter().position(|line| line.starts_with(&format!("{}}}", " ".repeat(indent))));
        let is_one_line = line.trim_end().ends_with(['}', ';']);
        let length = if is_one_line { 1 } else { end.map_or(1, |end| end + 1) };
        found.push((length, name.split(['(', '<']).next().unwrap_or(name).to_owned()));
    }
    found
}

#[test]
fn every_file_is_short_and_says_what_it_is_for() {
    for folder in ["src", "tests"] {
        for (file, text) in rust_files(folder) {
            assert!(text.starts_with("//! "), "{folder}/{file} does not open with `//! ` and what it is for");
            let lines = text.lines().count();
            assert!(
                lines <= MAX_FILE_LINES,
                "{folder}/{file} has {lines} lines: what is the second thing that it does?"
            );
        }
    }
}

#[test]
fn functions_are_short() {
    let mut all = Vec::new();
    for (file, text) in rust_files("src") {
        for (length, name) in functions(&code(&text)) {
            assert!(length <= MAX_FUNCTION_LINES, "src/{file}: `{name}` has {length} lines");
            all.push(length);
        }
    }
    assert!(all.len() > 500, "the functions are no longer found: {}", all.len());
    all.sort_unstable();
    let p95 = all[all.len() * 95 / 100];
    assert!(p95 <= P95_FUNCTION_LINES, "95 of 100 functions have up to {p95} lines; take the longest apart");
}

#[test]
fn functions_are_measured() {
    let code = "pub async fn one(a: u8) -> u8 {\n    a\n}\nimpl X {\n    fn two<T>(\n        a: T,\n    ) {\n        a();\n    }\n    fn three() {}\n}\n";
    let expected = [(3, "one"), (5, "two"), (1, "three")].map(|(length, name)| (length, name.to_owned()));
    assert_eq!(functions(code), expected);
}
