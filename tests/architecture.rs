//! The shape of the source: arrows between modules point down, there is no ring, and
//! every file is short and says what it is for.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The floors, from the door down to the ground. A module may use what stands on a lower floor, and on its own as long
/// as no ring comes of it.
const FLOORS: &[(&str, &[&str])] = &[
    ("the door", &["main"]),
    ("the run", &["lib"]),
    ("the stories", &["commands"]),
    ("what can be typed", &["cli"]),
    ("a call", &["call"]),
    ("the credential in force", &["session"]),
    ("what every command is given", &["context", "settings"]),
    ("the edge", &["http", "loopback", "browser", "terminal", "rate_limit", "hardening", "signals", "world"]),
    ("Lokalise", &["lokalise"]),
    ("the things", &["profile", "credential", "store", "subprocess", "json", "files"]),
    ("the protocol", &["oauth"]),
    ("the ground", &["error", "escape", "names", "origin", "secret"]),
];

/// These turn data into data: no socket, no store, no terminal.
const PURE: &[&str] = &[
    "oauth",
    "lokalise",
    "call/target",
    "call/fields",
    "call/pages",
    "call/merge",
    "call/filter",
    "call/process",
    "json",
];
const NOT_IN_PURE: &[&str] =
    &["crate::http", "crate::store", "crate::session", "crate::world", "std::net", "std::process"];

const MOST_LINES: usize = 500;

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// Every file below a folder, by its path there, with its text.
fn files(folder: &Path) -> BTreeMap<String, String> {
    fn collect(folder: &Path, root: &Path, found: &mut BTreeMap<String, String>) {
        for entry in fs::read_dir(folder).expect("the source can be read") {
            let path = entry.expect("the source can be read").path();
            if path.is_dir() {
                collect(&path, root, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(root).expect("it lies below").to_string_lossy().replace('\\', "/");
                found.insert(name, fs::read_to_string(&path).expect("the source is text"));
            }
        }
    }
    let mut found = BTreeMap::new();
    collect(folder, folder, &mut found);
    assert!(!found.is_empty(), "{} holds no source", folder.display());
    found
}

/// The module at the top that a file belongs to.
fn top(file: &str) -> &str {
    let first = file.split('/').next().unwrap_or(file);
    first.strip_suffix(".rs").unwrap_or(first)
}

/// The code without its comments, and without the tests at the end of a file, which may look anywhere.
fn code(text: &str) -> String {
    let before_tests = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or(text);
    let lines = before_tests.lines().map(|line| if line.trim_start().starts_with("//") { "" } else { line });
    lines.collect::<Vec<_>>().join("\n")
}

/// The modules that a text names behind `crate::`, or behind the crate's own name in `main`.
fn used(code: &str) -> BTreeSet<String> {
    let name = |text: &str| text.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect::<String>();
    let mut found = BTreeSet::new();
    for path in code.split("crate::").skip(1).chain(code.split("lokalise_auth::").skip(1)) {
        match path.strip_prefix('{') {
            // `use crate::{a::B, c}`: the names that stand at the first level.
            Some(list) => {
                let mut depth = 0;
                let mut start = true;
                for (at, c) in list.char_indices() {
                    match c {
                        '{' => depth += 1,
                        '}' if depth == 0 => break,
                        '}' => depth -= 1,
                        ',' if depth == 0 => start = true,
                        c if start && !c.is_whitespace() => {
                            found.insert(name(&list[at..]));
                            start = false;
                        }
                        _ => {}
                    }
                }
            }
            None => {
                found.insert(name(path));
            }
        }
    }
    found
}

/// Which module uses which, and in which file.
fn arrows(files: &BTreeMap<String, String>) -> BTreeMap<(String, String), String> {
    let modules: BTreeSet<&str> = files.keys().map(|file| top(file)).collect();
    let mut found = BTreeMap::new();
    for (file, text) in files {
        let from = top(file);
        for to in used(&code(text)) {
            if to != from && modules.contains(to.as_str()) {
                found.entry((from.to_owned(), to)).or_insert_with(|| file.clone());
            }
        }
    }
    found
}

fn floor(module: &str) -> usize {
    let found = FLOORS.iter().position(|(_, modules)| modules.contains(&module));
    found.unwrap_or_else(|| panic!("`{module}` stands on no floor: give it one in tests/architecture.rs"))
}

#[test]
fn arrows_between_modules_point_down() {
    let arrows = arrows(&files(&source()));
    assert!(arrows.len() > 40, "the arrows are no longer found: {arrows:?}");
    let up: Vec<String> = arrows
        .iter()
        .filter(|((from, to), _)| floor(to) < floor(from))
        .map(|((from, to), file)| {
            format!("{file}: {from} ({}) uses {to} ({})", FLOORS[floor(from)].0, FLOORS[floor(to)].0)
        })
        .collect();
    assert!(up.is_empty(), "these arrows point up:\n{}", up.join("\n"));
}

#[test]
fn no_modules_stand_in_a_ring() {
    let arrows = arrows(&files(&source()));
    let mut left: BTreeSet<&str> = arrows.keys().flat_map(|(from, to)| [from.as_str(), to.as_str()]).collect();
    // Whoever uses nobody that is left, or is used by nobody that is left, stands in no ring.
    loop {
        let uses = |module: &str| arrows.keys().any(|(from, to)| from == module && left.contains(to.as_str()));
        let wanted = |module: &str| arrows.keys().any(|(from, to)| to == module && left.contains(from.as_str()));
        let free: Vec<&str> = left.iter().copied().filter(|module| !uses(module) || !wanted(module)).collect();
        if free.is_empty() {
            break;
        }
        left.retain(|module| !free.contains(module));
    }
    let inside = |((from, to), file): (&(String, String), &String)| {
        (left.contains(from.as_str()) && left.contains(to.as_str())).then(|| format!("{from} → {to} in {file}"))
    };
    let ring: Vec<String> = arrows.iter().filter_map(inside).collect();
    assert!(ring.is_empty(), "these modules stand in rings, or between two:\n{}", ring.join("\n"));
}

#[test]
fn what_turns_data_into_data_touches_nothing_else() {
    for (file, text) in files(&source()) {
        if !PURE.iter().any(|pure| file == format!("{pure}.rs") || file.starts_with(&format!("{pure}/"))) {
            continue;
        }
        let code = code(&text);
        for other in NOT_IN_PURE {
            assert!(!code.contains(other), "{file} uses {other}");
        }
    }
}

#[test]
fn every_file_is_short_and_says_what_it_is_for() {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    for (file, text) in files(&source()).into_iter().chain(files(&tests)) {
        assert!(text.starts_with("//! "), "{file} does not open with `//! ` and what it is for");
        let lines = text.lines().count();
        assert!(lines <= MOST_LINES, "{file} has {lines} lines: what is the second thing that it does?");
    }
}

#[test]
fn the_reader_of_arrows_sees_them() {
    let text =
        "//! crate::not_this\nuse crate::a::{B, c::D};\nuse crate::{e::{F, crate_g}, h};\nfn x() { crate::i::j() }";
    assert_eq!(used(&code(text)).into_iter().collect::<Vec<_>>(), ["a", "e", "h", "i"]);
    assert_eq!(top("store/file.rs"), "store");
    assert_eq!(top("main.rs"), "main");
}
