//! One word for one thing: no type name and no file name exists twice.

use std::collections::BTreeMap;

use super::{code, rust_files};

/// The name of the type that a line declares. Associated types belong to their trait and are not counted.
fn declared_type(line: &str) -> Option<&str> {
    let declaration = line.trim_start();
    let declaration = match declaration.strip_prefix("pub") {
        Some(rest) if rest.starts_with('(') => rest.split_once(") ")?.1,
        Some(rest) => rest.trim_start(),
        None => declaration,
    };
    let (keyword, rest) = declaration.split_once(' ')?;
    let is_type =
        matches!(keyword, "struct" | "enum" | "union" | "trait") || (keyword == "type" && !line.starts_with(' '));
    let end = rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(rest.len());
    (is_type && end > 0).then(|| &rest[..end])
}

#[test]
fn no_type_name_exists_twice() {
    let mut places: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (file, text) in rust_files("src") {
        if file.ends_with("/tests.rs") {
            continue;
        }
        for name in code(&text).lines().filter_map(declared_type) {
            places.entry(name.to_owned()).or_default().push(file.clone());
        }
    }
    assert!(places.len() > 100, "the types are no longer found: {}", places.len());
    // Windows and Unix may have one each in one file.
    places.values_mut().for_each(Vec::dedup);
    let twice: Vec<_> = places.into_iter().filter(|(_, files)| files.len() > 1).collect();
    assert!(twice.is_empty(), "these names are used for two types: {twice:#?}");
}

#[test]
fn no_file_name_exists_twice() {
    let mut places: BTreeMap<(&str, String), Vec<String>> = BTreeMap::new();
    for file in rust_files("src").into_keys() {
        let name = file.rsplit('/').next().unwrap_or(&file).to_owned();
        if name == "mod.rs" || name == "tests.rs" {
            continue;
        }
        // A command and its part of the command line may be named after the thing that they are about.
        let room = ["commands/", "cli/"].into_iter().find(|room| file.starts_with(room)).unwrap_or_default();
        places.entry((room, name)).or_default().push(file);
    }
    let twice: Vec<_> = places.into_values().filter(|files| files.len() > 1).collect();
    assert!(twice.is_empty(), "these files have the same name: {twice:#?}");
}

#[test]
fn declarations_are_separated_from_other_lines() {
    for (line, name) in [
        ("pub struct Vault<'a> {", Some("Vault")),
        ("    enum Inner {", Some("Inner")),
        ("pub(super) trait Backend: Sync {", Some("Backend")),
        ("type Outer = ();", Some("Outer")),
        ("    type Item = u8;", None),
        ("let x = struct_of();", None),
        ("    pub fn type_name() {}", None),
    ] {
        assert_eq!(declared_type(line), name, "{line}");
    }
}
