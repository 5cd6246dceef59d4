//! No name in a bundle writes outside of the folder, or into what git takes for `.git`.
#![no_main]

use std::fs;
use std::io::{Cursor, Write as _};
use std::path::Path;
use std::sync::atomic::AtomicBool;

use libfuzzer_sys::fuzz_target;
use lokalise_auth::call::bundle::unpack;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

/// The names of all entries below a folder.
fn names(folder: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).expect("our own folder").flatten() {
        found.push(entry.file_name().to_string_lossy().into_owned());
        if entry.file_type().expect("it is there").is_dir() {
            names(&entry.path(), found);
        }
    }
}

fuzz_target!(|input: Vec<&str>| {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for name in &input {
        if zip.start_file(*name, SimpleFileOptions::default()).is_err() || zip.write_all(b"x").is_err() {
            return;
        }
    }
    let Ok(bundle) = zip.finish() else { return };
    let around = tempfile::tempdir().expect("a temporary folder");
    let folder = around.path().join("a/b/c");
    fs::create_dir_all(&folder).expect("our own folder");
    let unpacked = unpack(bundle, &folder, &AtomicBool::new(false));
    let mut below = Vec::new();
    names(&folder, &mut below);
    let mut all = Vec::new();
    names(around.path(), &mut all);
    assert_eq!(all.len(), below.len() + 3, "something was written outside: {all:?}");
    assert!(!below.iter().any(|name| name.to_ascii_lowercase().trim_end_matches(['.', ' ']) == ".git"), "{below:?}");
    if unpacked.is_err() {
        assert!(below.is_empty(), "a bundle that is refused leaves nothing: {below:?}");
    }
});
