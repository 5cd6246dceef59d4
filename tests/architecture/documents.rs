//! Documents and comments name only what a reader of the repository has, and every threat has its test.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::{root, rust_files};

/// The documents of the repository, by their path.
const DOCUMENTS: [&str; 5] =
    ["README.md", "CHANGELOG.md", ".github/CONTRIBUTING.md", ".github/SECURITY.md", "src/lokalise/README.md"];

fn document(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Words that name a page, such as `CONTRIBUTING.md`. What a URL ends with is no page of ours.
fn pages(text: &str) -> impl Iterator<Item = &str> {
    let is_path = |c: char| c.is_ascii_alphanumeric() || "._-/:#".contains(c);
    let words = text.split(move |c: char| !is_path(c)).filter(|word| !word.contains("://"));
    words
        .map(|word| word.split('#').next().unwrap_or(word).trim_end_matches(['.', ':']))
        .filter(|word| Path::new(word).extension().is_some_and(|extension| extension == "md"))
}

#[test]
fn comments_and_documents_cite_only_pages_that_are_here() {
    let root = root();
    let is_here = |page: &str, folder: &Path| {
        [folder.join(page), root.join(page), root.join(".github").join(page)].iter().any(|path| path.is_file())
    };
    let mut texts: Vec<(String, String)> = Vec::new();
    for folder in ["src", "tests"] {
        for (file, text) in rust_files(folder) {
            let comments = text.lines().filter(|line| line.trim_start().starts_with("//") || line.contains(" // "));
            texts.push((format!("{folder}/{file}"), comments.collect::<Vec<_>>().join("\n")));
        }
    }
    for file in DOCUMENTS.into_iter().chain([".ci/run", ".ci/check-files", "tests/run", "Cargo.toml", "deny.toml"]) {
        texts.push((file.to_owned(), document(file)));
    }
    let mut foreign = Vec::new();
    for (file, text) in &texts {
        let folder = root.join(file).parent().expect("a file is in a folder").to_owned();
        foreign.extend(pages(text).filter(|page| !is_here(page, &folder)).map(|page| format!("{file} cites {page}")));
    }
    assert!(foreign.is_empty(), "these pages are not in the repository:\n{}", foreign.join("\n"));
    let found: Vec<&str> = pages("see product.md §2, (SECURITY.md#a), https://x.org/a.md and a.mdx.").collect();
    assert_eq!(found, ["product.md", "SECURITY.md"]);
}

/// The text between backticks.
fn code_spans(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

#[test]
fn every_threat_has_a_test_that_exists_or_is_not_held() {
    let mut functions = BTreeSet::new();
    for folder in ["src", "tests"] {
        for text in rust_files(folder).into_values() {
            let names =
                text.lines().filter_map(|line| line.trim_start().trim_start_matches("async ").strip_prefix("fn "));
            functions.extend(names.filter_map(|name| name.split(['(', '<']).next()).map(str::to_owned));
        }
    }
    let security = document(".github/SECURITY.md");
    let is_id = |id: &str| id.len() == 6 && id.as_bytes()[3] == b'-' && id[..3].chars().all(|c| c.is_ascii_uppercase());
    let mut ids = BTreeSet::new();
    for row in security.lines().filter(|line| line.starts_with("| ")) {
        let cells: Vec<&str> = row.split(" | ").collect();
        let id = cells[0].trim_start_matches("| ");
        if !is_id(id) {
            continue;
        }
        assert!(ids.insert(id), "{id} has two rows");
        let held_by = cells.get(2).unwrap_or_else(|| panic!("{id} has no third column"));
        let is_test = |span: &&str| span.contains('_') && span.chars().all(|c| c == '_' || c.is_ascii_alphanumeric());
        let tests: Vec<&str> = code_spans(held_by).filter(is_test).collect();
        for test in &tests {
            assert!(functions.contains(*test), "{id} names `{test}`, and there is no such test");
        }
        let says_so = ["not held", "in CI", "Cargo.toml"].iter().any(|words| held_by.contains(words));
        assert!(!tests.is_empty() || says_so, "{id} names no test and does not say `not held`");
    }
    assert!(ids.len() > 85, "only {} rows were found", ids.len());
}

#[test]
fn the_guide_names_files_that_exist() {
    let guide = document(".github/CONTRIBUTING.md");
    let is_path =
        |span: &&str| ["src/", "tests/", ".ci/", ".github/", "completions/"].iter().any(|at| span.starts_with(at));
    let paths: BTreeSet<&str> =
        code_spans(&guide).filter(is_path).filter_map(|span| span.split_whitespace().next()).collect();
    assert!(paths.len() > 30, "the paths are no longer found: {paths:?}");
    for path in paths {
        assert!(root().join(path).exists(), "CONTRIBUTING.md names {path}, which does not exist");
    }
}

#[cfg(unix)]
#[test]
fn a_file_that_does_not_belong_fails_the_check() {
    use std::process::Command;
    let check = |files: &[(&str, &[u8])]| {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let git = |arguments: &[&str]| {
            let mut git = Command::new("git");
            // The repository around us, and what a hook of it says, is another one.
            git.arg("-C").arg(folder.path()).args(arguments).env_remove("GIT_DIR").env_remove("GIT_INDEX_FILE");
            assert!(git.output().expect("git can be run").status.success(), "git {arguments:?}");
        };
        git(&["init", "--quiet"]);
        for (name, content) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().expect("a folder")).expect("our own folder");
            fs::write(path, content).expect("our own folder");
            git(&["add", "--", name]);
        }
        let script = root().join(".ci/check-files");
        let mut command = Command::new("bash");
        command.arg(script).arg(folder.path()).env_remove("GIT_DIR").env_remove("GIT_INDEX_FILE");
        let output = command.output().expect("bash can be run");
        (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (binary, text) = (vec![0; 100_001], vec![b'a'; 200_000]);
    assert_eq!(check(&[("src/main.rs", b"fn main() {}\n"), ("tests/text", &text)]), (true, String::new()));
    assert_eq!(check(&[("tests/small.png", &binary[..100_000])]), (true, String::new()));
    let (passed, said) = check(&[("tests/big é.png", &binary)]);
    assert!(!passed && said.contains("tests/big é.png is a binary file of 100001 bytes"), "{said}");
    for stray in ["notes.md", "tool-1.0.whl", "node_modules/x.js"] {
        let (passed, said) = check(&[("README.md", b"x\n"), (stray, b"x\n")]);
        assert!(!passed && said.contains("does not belong at the top level"), "{stray}: {said}");
    }
}
