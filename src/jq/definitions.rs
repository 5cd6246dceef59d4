//! Filters that are defined in jq itself, in terms of what is written in Rust.

use std::sync::OnceLock;

use super::parser::parse_definitions;
use super::syntax::Definition;

const DEFINITIONS: &str = include_str!("definitions.jq");

/// The definition of a filter, by its name and the number of its arguments.
pub fn find(name: &str, arity: usize) -> Option<Definition> {
    static PARSED: OnceLock<Vec<Definition>> = OnceLock::new();
    let parsed = PARSED.get_or_init(|| parse_definitions(DEFINITIONS).expect("our own definitions"));
    parsed.iter().find(|known| known.name == name && known.parameters.len() == arity).cloned()
}
