//! Filters that begin with `.NAME[]` can be run item by item while the document comes in.

use super::syntax::{Syntax, TextPart};

/// The name, and the filter for one item.
pub fn split(filter: &Syntax) -> Option<(String, Syntax)> {
    match filter {
        Syntax::Pipe(first, rest) => {
            // `.NAME | .[] | …` is grouped to the right.
            if let (Some(name), Syntax::Pipe(each, rest)) = (list_name(first), &**rest)
                && is_each_of_input(each)
            {
                return Some((name, (**rest).clone()));
            }
            if let (Some(name), rest) = (list_name(first), &**rest)
                && is_each_of_input(rest)
            {
                return Some((name, Syntax::Identity));
            }
            let (name, first) = split(first)?;
            Some((name, Syntax::Pipe(Box::new(first), rest.clone())))
        }
        Syntax::Each(target) => match list_name(target) {
            Some(name) => Some((name, Syntax::Identity)),
            None => split(target).map(|(name, inner)| (name, Syntax::Each(Box::new(inner)))),
        },
        Syntax::Index(target, key) if is_independent(key) => {
            split(target).map(|(name, inner)| (name, Syntax::Index(Box::new(inner), key.clone())))
        }
        _ => None,
    }
}

/// `.NAME`, `."NAME"` or `.["NAME"]`
fn list_name(filter: &Syntax) -> Option<String> {
    match filter {
        Syntax::Index(target, key) if **target == Syntax::Identity => match &**key {
            Syntax::Text(None, parts) => match &parts[..] {
                [TextPart::Plain(name)] => Some(name.clone()),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    }
}

fn is_each_of_input(filter: &Syntax) -> bool {
    matches!(filter, Syntax::Each(target) if **target == Syntax::Identity)
}

/// A key that does not look at the input, which is the whole document there.
fn is_independent(key: &Syntax) -> bool {
    matches!(key, Syntax::Number(_))
        || matches!(key, Syntax::Text(_, parts) if matches!(parts[..], [TextPart::Plain(_)]))
}
