//! Regular expressions, with Unicode, as `test`, `match` and `sub` take them.

use std::fmt::Write as _;

use fancy_regex::RegexBuilder;

use super::thrown::error;
use super::value::Value;

/// The largest compiled expression.
const MAX_COMPILED: usize = 8 * 1024 * 1024;
/// The most backtracking steps of an expression.
const MAX_STEPS: usize = 10_000_000;

/// A compiled expression and its flags.
pub struct Regex {
    expression: fancy_regex::Regex,
    pub is_global: bool,
    skips_empty: bool,
}

/// A match or a group: bytes from and to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    pub start: usize,
    pub end: usize,
}

/// A match with its groups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    pub whole: Span,
    pub groups: Vec<Option<Span>>,
}

impl Regex {
    /// Compiles an expression.
    ///
    /// # Errors
    /// What jq would throw.
    pub fn compile(pattern: &str, flags: &str) -> Result<Self, Value> {
        let (mut is_global, mut skips_empty, mut is_long) = (false, false, false);
        let mut builder = RegexBuilder::new("");
        for flag in flags.chars() {
            match flag {
                'g' => is_global = true,
                'i' => {
                    builder.case_insensitive(true);
                }
                'x' => {
                    builder.ignore_whitespace(true);
                }
                'n' => skips_empty = true,
                'l' => is_long = true,
                // The dot matches line ends with `s` in jq's words, and with `p` in what it does.
                'p' => {
                    builder.dot_matches_new_line(true);
                }
                's' => {}
                _ => return Err(error(format!("{flags} is not a valid modifier string"))),
            }
        }
        if is_long {
            return Err(error("the flag `l` is not available"));
        }
        builder.pattern(translated(pattern)).delegate_size_limit(MAX_COMPILED).backtrack_limit(MAX_STEPS);
        let expression = builder.build().map_err(|mistake| error(format!("Regex failure: {mistake}")))?;
        Ok(Self { expression, is_global, skips_empty })
    }

    /// The names of the groups, in their order.
    pub fn names(&self) -> Vec<Option<String>> {
        self.expression.capture_names().skip(1).map(|name| name.map(str::to_owned)).collect()
    }

    /// The first match, or all of them.
    ///
    /// # Errors
    /// A search that takes too many steps.
    pub fn find(&self, text: &str) -> Result<Vec<Found>, Value> {
        let mut found = Vec::new();
        let mut from = 0;
        while from <= text.len() {
            let captures = self.expression.captures_from_pos(text, from);
            let captures = captures.map_err(|mistake| error(format!("Regex failure: {mistake}")))?;
            let Some(captures) = captures else { break };
            let span = |at: usize| captures.get(at).map(|group| Span { start: group.start(), end: group.end() });
            let Some(whole) = span(0) else { break };
            if !(self.skips_empty && whole.start == whole.end) {
                found.push(Found { whole, groups: (1..captures.len()).map(span).collect() });
            }
            if !self.is_global {
                break;
            }
            from = if whole.end == whole.start {
                whole.end + text[whole.end..].chars().next().map_or(1, char::len_utf8)
            } else {
                whole.end
            };
        }
        Ok(found)
    }

    /// Whether there is a match.
    ///
    /// # Errors
    /// As [`Regex::find`].
    pub fn is_match(&self, text: &str) -> Result<bool, Value> {
        if self.skips_empty {
            return self.find(text).map(|found| !found.is_empty());
        }
        self.expression.is_match(text).map_err(|mistake| error(format!("Regex failure: {mistake}")))
    }
}

/// Writes an expression of Oniguruma, which jq uses, for the engine that is used here: a `{` without a count is
/// a literal, named classes in brackets know every script, and `\h` is a hexadecimal digit.
fn translated(pattern: &str) -> String {
    let mut text = String::with_capacity(pattern.len());
    let mut rest = pattern;
    let mut depth = 0_usize;
    while let Some(c) = rest.chars().next() {
        let next = &rest[c.len_utf8()..];
        match c {
            '\\' => {
                let escape = escape_at(next);
                push_escape(escape, depth > 0, &mut text);
                rest = &next[escape.len()..];
                continue;
            }
            '[' if depth > 0 && next.starts_with(':') => {
                if let Some((class, length)) = named_class(next) {
                    text.push_str(class);
                    rest = &next[length..];
                    continue;
                }
                text.push_str("\\[");
            }
            '[' => {
                depth += 1;
                text.push('[');
                let negation = usize::from(next.starts_with('^'));
                text.push_str(&next[..negation]);
                rest = &next[negation..];
                // A bracket that comes first is a character.
                if let Some(after) = rest.strip_prefix(']') {
                    text.push_str("\\]");
                    rest = after;
                }
                continue;
            }
            ']' if depth > 0 => {
                depth -= 1;
                text.push(']');
            }
            '{' if depth == 0 && !is_count(next) => text.push_str("\\{"),
            '{' if depth == 0 && next.starts_with(',') => text.push_str("{0"),
            '}' if depth == 0 && !ends_count(&pattern[..pattern.len() - rest.len()]) => text.push_str("\\}"),
            '&' | '~' | '-' if depth > 0 && next.starts_with(c) && c != '&' => {
                let _ = write!(text, "\\{c}");
            }
            c => text.push(c),
        }
        rest = next;
    }
    text
}

/// What belongs to the backslash in front of a text: a character, or a class or a code with braces.
fn escape_at(text: &str) -> &str {
    let Some(first) = text.chars().next() else { return "" };
    let length = match text.find('}') {
        Some(end) if "pPx".contains(first) && text[1..].starts_with('{') => end + 1,
        _ => first.len_utf8(),
    };
    &text[..length]
}

fn push_escape(escape: &str, is_in_brackets: bool, text: &mut String) {
    match escape {
        "h" if is_in_brackets => text.push_str("0-9a-fA-F"),
        "h" => text.push_str("[0-9a-fA-F]"),
        "H" if !is_in_brackets => text.push_str("[^0-9a-fA-F]"),
        "Z" => text.push_str("(?=\\n?\\z)"),
        _ => text.extend(["\\", escape]),
    }
}

/// Whether this is what follows the `{` of a count: `2}`, `2,}`, `,3}` or `2,3}`.
fn is_count(text: &str) -> bool {
    let Some((inside, _)) = text.split_once('}') else { return false };
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match inside.split_once(',') {
        Some((least, most)) => {
            (is_number(least) && (most.is_empty() || is_number(most))) || (least.is_empty() && is_number(most))
        }
        None => is_number(inside),
    }
}

/// Whether a text ends inside a count or a name in braces, so that a `}` closes it.
fn ends_count(before: &str) -> bool {
    let Some(open) = before.rfind('{') else { return false };
    if before[open..].contains('}') {
        return false;
    }
    is_count(&[&before[open + 1..], "}"].concat())
}

/// The class that `:name:]` means after a `[`, and the length of that text.
fn named_class(text: &str) -> Option<(&'static str, usize)> {
    let end = text.find(":]")?;
    let class = match &text[1..end] {
        "alpha" => "\\p{Alphabetic}",
        "digit" => "\\p{Nd}",
        "alnum" => "\\p{Alphabetic}\\p{Nd}",
        "upper" => "\\p{Uppercase}",
        "lower" => "\\p{Lowercase}",
        "space" => "\\s",
        "punct" => "\\p{P}$+<=>^`|~",
        "word" => "\\w",
        "cntrl" => "\\p{Cc}",
        "xdigit" => "0-9a-fA-F",
        "blank" => "\\p{Zs}\\t",
        "graph" => "\\p{L}\\p{M}\\p{N}\\p{P}\\p{S}",
        "print" => "\\p{L}\\p{M}\\p{N}\\p{P}\\p{S}\\p{Zs}",
        "ascii" => "\\x00-\\x7f",
        "^alpha" => "\\P{Alphabetic}",
        "^digit" => "\\P{Nd}",
        "^upper" => "\\P{Uppercase}",
        "^lower" => "\\P{Lowercase}",
        "^space" => "\\S",
        "^word" => "\\W",
        _ => return None,
    };
    Some((class, end + 2))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_escape_is_a_character_or_has_braces() {
        for (text, escape) in
            [("", ""), ("d+", "d"), ("p{L}+", "p{L}"), ("p{L", "p"), ("x{e9}}", "x{e9}"), ("é}", "é"), ("é{2}", "é")]
        {
            assert_eq!(escape_at(text), escape, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_an_expression_or_an_error(pattern in r"[\\hHpPxZé{}\[\]:^,0-9&~a-]{0,12}") {
            let _ = Regex::compile(&pattern, "g").map(|regex| regex.find("é}a1"));
        }
    }
}
