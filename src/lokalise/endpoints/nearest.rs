//! Suggestions for a mistyped path or query parameter. Only endpoints that `call` can reach are
//! suggested.

use super::{Endpoint, all, is_placeholder};

/// The most endpoints that are suggested.
const MAX_SUGGESTIONS: usize = 3;

/// The cost of a segment that only one side has.
const MISSING_WORD: u32 = 10;
const MISSING_PLACEHOLDER: u32 = 4;
/// The cost of a typed segment that no template has at this place.
const EXTRA_SEGMENT: u32 = 12;
/// The cost of a word where the template has an id.
const WORD_AS_ID: u32 = 6;
/// Paths with a higher cost are not similar.
const MAX_COST: u32 = 20;

/// The endpoints whose paths are most like this one, the likeliest first. Those of other methods are left out, unless
/// the path is theirs to the letter or the method has none.
pub fn nearest(method: &str, path: &str) -> Vec<Endpoint> {
    let method = if method == "HEAD" { "GET" } else { method };
    let mut found: Vec<(u32, Endpoint)> = all()
        .filter(Endpoint::callable)
        .filter_map(|endpoint| Some((path_cost(endpoint.path, path)?, endpoint)))
        .collect();
    if found.iter().any(|(_, endpoint)| endpoint.operation.method == method) {
        found.retain(|(cost, endpoint)| *cost == 0 || endpoint.operation.method == method);
    }
    found.sort_by_key(|(cost, _)| *cost);
    let worst = found.first().map_or(0, |(best, _)| best + MISSING_PLACEHOLDER - 1);
    found.into_iter().filter(|(cost, _)| *cost <= worst).map(|(_, endpoint)| endpoint).take(MAX_SUGGESTIONS).collect()
}

/// What it takes to turn a path into a template; nothing if they have no word in common.
fn path_cost(template: &str, path: &str) -> Option<u32> {
    let words: Vec<&str> = template.split('/').skip(1).collect();
    let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).take(16).collect();
    // The root is the same for all: it says nothing.
    let (words, segments) = (&words[1..], segments.get(1..)?);
    let has_common_word = segments
        .iter()
        .any(|segment| words.iter().any(|word| !is_placeholder(word) && word_cost(word, segment).is_some()));
    let cost = alignment(words, segments);
    (has_common_word && cost <= MAX_COST).then_some(cost)
}

/// The cheapest way to lay segments over the words of a template, both kept in order.
fn alignment(words: &[&str], segments: &[&str]) -> u32 {
    let missing = |word: &str| if is_placeholder(word) { MISSING_PLACEHOLDER } else { MISSING_WORD };
    let mut row = vec![0];
    for word in words {
        row.push(row[row.len() - 1] + missing(word));
    }
    for segment in segments {
        let mut next = vec![row[0] + EXTRA_SEGMENT];
        for (at, word) in words.iter().enumerate() {
            let laid_over = segment_cost(word, segment).map(|cost| row[at] + cost);
            let cheapest = (next[at] + missing(word)).min(row[at + 1] + EXTRA_SEGMENT);
            next.push(laid_over.map_or(cheapest, |cost| cost.min(cheapest)));
        }
        row = next;
    }
    row[words.len()]
}

fn segment_cost(word: &str, segment: &str) -> Option<u32> {
    if !is_placeholder(word) {
        return word_cost(word, segment);
    }
    let is_id = segment.starts_with('{') || segment.bytes().any(|byte| byte.is_ascii_digit());
    Some(if is_id { 0 } else { WORD_AS_ID })
}

/// What it takes to turn one word into another; nothing if they are not alike.
fn word_cost(word: &str, typed: &str) -> Option<u32> {
    let (word, typed) = (folded(word), folded(typed));
    let distance = distance(&word, &typed);
    (distance * 3 <= word.len().max(typed.len())).then(|| u32::try_from(distance).unwrap_or(u32::MAX))
}

/// The name that is most like the typed one. `tags` is like `filter_tags`.
pub fn nearest_name<'n>(names: &[&'n str], typed: &str) -> Option<&'n str> {
    let typed = folded(typed);
    let cost = |name: &str| {
        let last = name.split_once('_').map_or(name, |(_, last)| last);
        distance(&folded(name), &typed).min(distance(&folded(last), &typed) + 1)
    };
    names
        .iter()
        .map(|name| (cost(name), *name))
        .filter(|(cost, name)| cost * 5 <= name.len().max(typed.len()) * 2)
        .min_by_key(|(cost, _)| *cost)
        .map(|(_, name)| name)
}

/// Without case and word breaks, which are typed in every way. Nobody's word is longer than this.
fn folded(word: &str) -> Vec<u8> {
    word.bytes().filter(|byte| !matches!(byte, b'_' | b'-')).map(|byte| byte.to_ascii_lowercase()).take(64).collect()
}

/// How many letters must be put in, left out, changed or swapped with their neighbour.
fn distance(one: &[u8], other: &[u8]) -> usize {
    let mut before = vec![0; other.len() + 1];
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.iter().enumerate() {
        let mut next = vec![i + 1];
        for (j, b) in other.iter().enumerate() {
            let mut cost = (row[j] + usize::from(a != b)).min(row[j + 1] + 1).min(next[j] + 1);
            if i > 0 && j > 0 && *a == other[j - 1] && one[i - 1] == *b {
                cost = cost.min(before[j - 1] + 1);
            }
            next.push(cost);
        }
        before = std::mem::replace(&mut row, next);
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(method: &str, path: &str) -> Vec<&'static str> {
        nearest(method, path).iter().map(Endpoint::typed).collect()
    }

    #[test]
    fn a_mistyped_path_has_its_endpoint_first() {
        for (method, path, expected) in [
            ("GET", "/api2/project", "/projects"),
            ("GET", "/api2/Projects", "/projects"),
            ("GET", "/api2/keys", "/projects/{project_id}/keys"),
            ("GET", "/api2/projects/1.2/key", "/projects/{project_id}/keys"),
            ("PUT", "/api2/projects/1.2/key/5", "/projects/{project_id}/keys/{key_id}"),
            ("GET", "/api2/project/1.2/translation", "/projects/{project_id}/translations"),
            ("POST", "/api2/projects/1.2/files/downlaod", "/projects/{project_id}/files/download"),
            ("POST", "/api2/projects/1.2/file/async_download", "/projects/{project_id}/files/async-download"),
            ("GET", "/api2/projects/1.2/glossary_terms", "/projects/{project_id}/glossary-terms"),
            ("GET", "/api2/teams/5/user", "/teams/{team_id}/users"),
            ("GET", "/api2/contributors/me", "/projects/{project_id}/contributors/me"),
            ("GET", "/v1/auditlogs", "/v1/audit-logs"),
            ("HEAD", "/api2/team", "/teams"),
        ] {
            assert_eq!(paths(method, path).first(), Some(&expected), "{method} {path}: {:?}", paths(method, path));
        }
    }

    #[test]
    fn a_path_that_is_like_no_other_gets_no_offer() {
        for path in ["/api2/zzz", "/api2", "/api2/me", "/api2/a/b/c/d/e/f", "/api2/invoices/2024"] {
            assert_eq!(paths("GET", path), [""; 0], "{path}");
        }
    }

    #[test]
    fn a_path_of_other_methods_is_offered_with_them() {
        let methods: Vec<_> =
            nearest("PATCH", "/api2/projects/1/keys").iter().map(|endpoint| endpoint.operation.method).collect();
        assert_eq!(methods, ["DELETE", "GET", "POST"]);
        let empty = nearest("GET", "/api2/projects/1.2/empty");
        assert_eq!(empty.iter().map(|endpoint| endpoint.operation.method).collect::<Vec<_>>(), ["PUT"]);
    }

    #[test]
    fn a_mistyped_parameter_has_its_name() {
        let keys = super::super::find("GET", "/api2/projects/1/keys").unwrap().operation.query.unwrap();
        for (typed, expected) in [
            ("filter_tag", Some("filter_tags")),
            ("filtertags", Some("filter_tags")),
            ("filterTags", Some("filter_tags")),
            ("tags", Some("filter_tags")),
            ("Filter-Tags", Some("filter_tags")),
            ("include_translation", Some("include_translations")),
            ("translations", Some("include_translations")),
            ("filter_key_id", Some("filter_key_ids")),
            ("filter_unstranslated", Some("filter_untranslated")),
            ("x", None),
            ("verbose", None),
        ] {
            assert_eq!(nearest_name(keys, typed), expected, "{typed}");
        }
    }

    #[test]
    fn letters_that_changed_places_are_one_mistake() {
        assert_eq!(distance(b"downlaod", b"download"), 1);
        assert_eq!(distance(b"", b"abc"), 3);
        assert_eq!(distance(b"kitten", b"sitting"), 3);
    }
}
