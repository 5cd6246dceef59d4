//! Arrows between files: they point down, and there is no ring.

use std::collections::{BTreeMap, BTreeSet};

use super::{code, root, rust_files};

/// The floors, from the entry point down to what uses nothing else of ours. A file may use what is on a lower floor,
/// and what is on its own floor as long as there is no ring.
const FLOORS: &[(&str, &[&str])] = &[
    ("the entry point", &["main"]),
    ("the run", &["lib"]),
    ("the commands", &["commands"]),
    ("the command line", &["cli"]),
    ("one API request", &["call"]),
    ("the credential in force", &["session"]),
    ("what every command is given", &["context", "settings"]),
    ("the machine", &["http", "loopback", "browser", "terminal", "rate_limit", "hardening", "signals", "world"]),
    ("Lokalise", &["lokalise"]),
    ("what is kept", &["profile", "credential", "store", "subprocess", "json", "files"]),
    ("the protocol", &["oauth", "jq"]),
    ("the ground", &["error", "escape", "names", "origin", "secret", "shell", "text", "tone"]),
];

/// These turn data into data: no socket, no store, no terminal.
const PURE: &[&str] = &[
    "jq",
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

/// A module's path below the crate: `call/retry.rs` is `["call", "retry"]`.
type Module = Vec<String>;

fn module_of(file: &str) -> Module {
    let path = file.strip_suffix(".rs").unwrap_or(file);
    let path = path.strip_suffix("/mod").unwrap_or(path);
    if path == "lib" { Module::new() } else { path.split('/').map(str::to_owned).collect() }
}

/// The paths that the code of a file names, as they are written: `crate::a::B`, `super::c`, `child::d`.
fn paths(code: &str) -> BTreeSet<String> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut found = BTreeSet::new();
    // The trees of `use` first: `use crate::{a::B, c::{D, E}};`
    let mut tree = String::new();
    for line in code.lines() {
        let line = line.trim();
        let declaration = match line.strip_prefix("pub") {
            Some(rest) if rest.starts_with('(') => rest.split_once(") ").map_or(rest, |(_, rest)| rest),
            Some(rest) => rest.trim_start(),
            None => line,
        };
        match declaration.strip_prefix("use ") {
            Some(start) => start.clone_into(&mut tree),
            None if tree.is_empty() => continue,
            None => tree.push_str(line),
        }
        if let Some((whole, _)) = tree.split_once(';') {
            expand("", whole, &mut found);
            tree.clear();
        }
    }
    // Then what the code spells out.
    let mut word = String::new();
    for c in code.chars().chain([' ']) {
        if is_word(c) || c == ':' {
            word.push(c);
        } else {
            let path = word.trim_matches(':');
            if path.contains("::") {
                found.insert(path.to_owned());
            }
            word.clear();
        }
    }
    found
}

/// Takes a tree of `use` apart: `a::{b, c::d}` is `a::b` and `a::c::d`.
fn expand(prefix: &str, tree: &str, found: &mut BTreeSet<String>) {
    let Some(brace) = tree.find('{') else {
        let name = tree.split(" as ").next().unwrap_or(tree).trim();
        let path = format!("{prefix}{name}");
        found.insert(path.strip_suffix("::self").unwrap_or(&path).to_owned());
        return;
    };
    let (head, list) = (&tree[..brace], tree[brace + 1..].trim_end().trim_end_matches('}'));
    // One brace too many may be gone where lists end together: the depth says where an entry ends.
    let (mut depth, mut start) = (0, 0);
    for (at, c) in list.char_indices().chain([(list.len(), ',')]) {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 || at == list.len() => {
                let entry = list[start..at].trim();
                if !entry.is_empty() {
                    expand(&format!("{prefix}{}", head.trim()), entry, found);
                }
                start = at + 1;
            }
            _ => {}
        }
    }
}

/// The module that a path leads to, seen from another one: the longest beginning of it that is a file.
fn resolve(path: &str, from: &Module, modules: &BTreeSet<Module>) -> Option<Module> {
    let mut at = from.clone();
    let mut is_ours = false;
    for segment in path.split("::") {
        match segment {
            "crate" | "lokalise_auth" => at = Module::new(),
            "self" => {}
            "super" => drop(at.pop()),
            name => {
                let child: Module = at.iter().cloned().chain([name.to_owned()]).collect();
                if !modules.contains(&child) {
                    break;
                }
                at = child;
            }
        }
        is_ours = true;
    }
    (is_ours && at != *from && !at.is_empty()).then_some(at)
}

/// Which file uses which. A file in a module's folder may use the file of that module: the two are one module in
/// several files, and that arrow is left out.
fn arrows(files: &BTreeMap<String, String>) -> BTreeSet<(String, String)> {
    let by_module: BTreeMap<Module, &String> = files.keys().map(|file| (module_of(file), file)).collect();
    let modules: BTreeSet<Module> = by_module.keys().cloned().collect();
    let mut found = BTreeSet::new();
    for (file, text) in files {
        if file.ends_with("/tests.rs") {
            continue;
        }
        let from = if file == "main.rs" { Module::new() } else { module_of(file) };
        for path in paths(&code(text)) {
            if let Some(to) = resolve(&path, &from, &modules).filter(|to| !from.starts_with(to)) {
                found.insert((file.clone(), by_module[&to].clone()));
            }
        }
    }
    found
}

/// What is left of the arrows when every file that is in no ring is taken away.
fn rings(arrows: &BTreeSet<(String, String)>) -> Vec<String> {
    let mut left: BTreeSet<&str> = arrows.iter().flat_map(|(from, to)| [from.as_str(), to.as_str()]).collect();
    loop {
        let uses = |file: &str| arrows.iter().any(|(from, to)| from == file && left.contains(to.as_str()));
        let is_used = |file: &str| arrows.iter().any(|(from, to)| to == file && left.contains(from.as_str()));
        let free: Vec<&str> = left.iter().copied().filter(|file| !uses(file) || !is_used(file)).collect();
        if free.is_empty() {
            break;
        }
        left.retain(|file| !free.contains(file));
    }
    let inside = arrows.iter().filter(|(from, to)| left.contains(from.as_str()) && left.contains(to.as_str()));
    inside.map(|(from, to)| format!("{from} uses {to}")).collect()
}

/// The module at the top that a file belongs to.
fn top(file: &str) -> &str {
    let first = file.split('/').next().unwrap_or(file);
    first.strip_suffix(".rs").unwrap_or(first)
}

fn floor(file: &str) -> usize {
    let found = FLOORS.iter().position(|(_, modules)| modules.contains(&top(file)));
    found.unwrap_or_else(|| panic!("{file} is on no floor: give its module one in tests/architecture/arrows.rs"))
}

#[test]
fn arrows_point_down() {
    let arrows = arrows(&rust_files("src"));
    assert!(arrows.len() > 200, "the arrows are no longer found: {}", arrows.len());
    let is_up = |(from, to): &&(String, String)| floor(to) < floor(from);
    let up: Vec<String> = arrows
        .iter()
        .filter(is_up)
        .map(|(from, to)| format!("{from} ({}) uses {to} ({})", FLOORS[floor(from)].0, FLOORS[floor(to)].0))
        .collect();
    assert!(up.is_empty(), "these arrows point up:\n{}", up.join("\n"));
}

#[test]
fn no_files_are_in_a_ring() {
    let rings = rings(&arrows(&rust_files("src")));
    assert!(rings.is_empty(), "these arrows are part of a ring, or between two:\n{}", rings.join("\n"));
}

#[test]
fn the_floors_name_what_exists() {
    let files = rust_files("src");
    for module in FLOORS.iter().flat_map(|(_, modules)| *modules) {
        assert!(files.keys().any(|file| top(file) == *module), "`{module}` has a floor and no file");
    }
    for pure in PURE {
        let is_there = files.keys().any(|file| *file == format!("{pure}.rs") || file.starts_with(&format!("{pure}/")));
        assert!(is_there, "`{pure}` is called pure and has no file");
    }
    for name in NOT_IN_PURE.iter().filter_map(|name| name.strip_prefix("crate::")) {
        assert!(root().join("src").join(format!("{name}.rs")).is_file(), "src/{name}.rs does not exist");
    }
}

#[test]
fn pure_modules_do_no_input_or_output() {
    for (file, text) in rust_files("src") {
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
fn the_reader_of_arrows_sees_them() {
    let text = "//! crate::not_this\nuse crate::a::{B, c::D};\npub(crate) use crate::{e::{F, g::H}, i as j};\n\
                mod child;\nuse child::Thing;\nfn x() { crate::k::l(); super::m(); child::n() }\n\
                #[cfg(test)]\nmod tests {\n    use crate::z;\n}\n";
    let found = paths(&code(text));
    for path in
        ["crate::a::B", "crate::a::c::D", "crate::e::F", "crate::e::g::H", "crate::i", "child::Thing", "super::m"]
    {
        assert!(found.contains(path), "{path} is not in {found:?}");
    }
    assert!(!found.iter().any(|path| path.contains("not_this") || path.contains('z')), "{found:?}");

    let file = |name: &str, text: &str| (name.to_owned(), text.to_owned());
    let files = BTreeMap::from([
        file("lib.rs", "pub mod a;\npub mod b;"),
        file("a.rs", "mod inner;\nuse inner::X;"),
        file("a/inner.rs", "use crate::b::{self, Y};"),
        file("b.rs", "fn f() { crate::a::g() }"),
        file("c.rs", "use crate::a::inner::X;\nuse crate::b;"),
    ]);
    let found = arrows(&files);
    let arrow = |from: &str, to: &str| (from.to_owned(), to.to_owned());
    let expected = [
        arrow("a.rs", "a/inner.rs"),
        arrow("a/inner.rs", "b.rs"),
        arrow("b.rs", "a.rs"),
        arrow("c.rs", "a/inner.rs"),
        arrow("c.rs", "b.rs"),
    ];
    assert_eq!(found, BTreeSet::from(expected));
    assert_eq!(rings(&found), ["a.rs uses a/inner.rs", "a/inner.rs uses b.rs", "b.rs uses a.rs"]);
}
