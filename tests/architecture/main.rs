//! The shape of the repository: which file may use which, one word for one thing,
//! short files, and documents that name only what exists.

mod arrows;
mod documents;
mod names;
mod sizes;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The folder of the repository.
fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every Rust file below `folder` of the repository, by its path there, with its text.
fn rust_files(folder: &str) -> BTreeMap<String, String> {
    fn collect(folder: &Path, root: &Path, found: &mut BTreeMap<String, String>) {
        for entry in fs::read_dir(folder).expect("the source can be read") {
            let path = entry.expect("the source can be read").path();
            if path.is_dir() {
                // What cargo-fuzz builds and finds is not source.
                let is_of_fuzzing =
                    ["fuzz/target", "fuzz/corpus", "fuzz/artifacts"].iter().any(|end| path.ends_with(end));
                if !is_of_fuzzing {
                    collect(&path, root, found);
                }
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(root).expect("it lies below").to_string_lossy().replace('\\', "/");
                found.insert(name, fs::read_to_string(&path).expect("the source is text"));
            }
        }
    }
    let root = root().join(folder);
    let mut found = BTreeMap::new();
    collect(&root, &root, &mut found);
    assert!(!found.is_empty(), "{} holds no source", root.display());
    found
}

/// The code of a file without its comments, and without the tests at its end.
fn code(text: &str) -> String {
    let before_tests = text.split("#[cfg(test)]\nmod tests").next().unwrap_or(text);
    let lines = before_tests.lines().map(|line| if line.trim_start().starts_with("//") { "" } else { line });
    lines.collect::<Vec<_>>().join("\n")
}
