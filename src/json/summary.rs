//! What an answer says outside its list: errors, the next page, and whether a write was done.

use serde::Deserialize;
use serde_json::Value;

use super::scan::Malformed;

/// The members whose values are kept.
pub(super) const KEPT_MEMBERS: [&[u8]; 5] = [b"error", b"errors", b"has_more", b"meta", b"next_cursor"];

/// How many bytes of them are kept. No answer of Lokalise has more.
pub(super) const MAX_KEPT_BYTES: usize = 1024 * 1024;

/// What was found in an answer.
#[derive(Debug, Default, PartialEq)]
pub struct BodySummary {
    /// The key of its list, empty for an outermost array; nothing if it has no list.
    pub list: Option<Vec<u8>>,
    pub items: u64,
    /// The cursor of the next page, from `next_cursor` or `meta.nextCursor`. An empty one is none.
    pub next_cursor: Option<String>,
    /// The top-level `error`.
    pub error: Option<Value>,
    /// The refused items of a bulk request.
    pub errors: Vec<Value>,
    /// There were too many refused items to keep.
    pub more_errors: bool,
    /// What the answer to a write says was not done: `key_removed` is false.
    pub not_done: Vec<String>,
}

impl BodySummary {
    /// Reads what a whole document says about errors and the next page.
    pub fn of(document: &Value) -> Self {
        // An array would be read as the members in their order.
        let Some(object) = document.as_object() else { return Self::default() };
        let summary = SummaryMembers::deserialize(document).map(SummaryMembers::summary).unwrap_or_default();
        let not_done =
            object.iter().filter_map(|(name, value)| not_done(name.as_bytes(), value.to_string().as_bytes()));
        Self { not_done: not_done.collect(), ..summary }
    }
}

/// Outermost scalars that may say that a write was not done.
#[derive(Default)]
pub(super) struct WriteOutcome {
    pub(super) not_done: Vec<String>,
    /// The member that is coming in, and its value as far as it has come.
    open: Option<(Vec<u8>, Vec<u8>)>,
}

/// No `false` and no number of keys is longer.
const MAX_OUTCOME_BYTES: usize = 64;

impl WriteOutcome {
    pub(super) fn begin(&mut self, key: &[u8]) {
        if not_done(key, b"false").is_some() || not_done(key, b"1").is_some() {
            self.open = Some((key.to_owned(), Vec::new()));
        }
    }

    pub(super) fn take(&mut self, bytes: &[u8]) {
        if let Some((_, value)) = &mut self.open {
            value.extend_from_slice(&bytes[..bytes.len().min(MAX_OUTCOME_BYTES - value.len())]);
        }
    }

    pub(super) fn end(&mut self) {
        if let Some((key, value)) = self.open.take() {
            self.not_done.extend(not_done(&key, &value));
        }
    }
}

/// What a member says was not done, if it says so. Every delete of the API has a boolean of such a name, a merge has
/// `branch_merged`, and a deletion of keys counts those that were locked.
fn not_done(key: &[u8], value: &[u8]) -> Option<String> {
    let is_refused = match value {
        b"false" => [&b"_deleted"[..], b"_removed", b"_merged"].iter().any(|end| key.ends_with(end)),
        [b'0'..=b'9', ..] if key == b"keys_locked" => {
            std::str::from_utf8(value).ok()?.parse::<f64>().is_ok_and(|count| count > 0.0)
        }
        _ => false,
    };
    let text = String::from_utf8_lossy;
    is_refused.then(|| format!("`{}` is {}", text(key), text(value)))
}

/// Outermost members that are kept while the rest streams through: one JSON object, its closing brace still missing.
#[derive(Default)]
pub(super) struct KeptMembers {
    json: Vec<u8>,
    open: bool,
    /// Where the last member begins, and what it is.
    last: (usize, Member),
    long_error: bool,
    more_errors: bool,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Member {
    Error,
    Errors,
    #[default]
    Other,
}

impl KeptMembers {
    /// The value of `key` begins.
    pub(super) fn begin(&mut self, key: &[u8]) {
        if self.json.len() > MAX_KEPT_BYTES {
            return;
        }
        let member = match key {
            b"error" => Member::Error,
            b"errors" => Member::Errors,
            _ => Member::Other,
        };
        self.last = (self.json.len(), member);
        self.json.push(if self.json.is_empty() { b'{' } else { b',' });
        self.json.push(b'"');
        self.json.extend_from_slice(key);
        self.json.extend_from_slice(b"\":");
        self.open = true;
    }

    /// Takes the next bytes, if they are of such a value.
    pub(super) fn take(&mut self, bytes: &[u8]) {
        if self.open && self.json.len() <= MAX_KEPT_BYTES {
            self.json.extend_from_slice(bytes);
            if self.json.len() > MAX_KEPT_BYTES && self.last.1 != Member::Other {
                // It is known already that there is an error, whatever it says.
                self.json.truncate(self.last.0);
                self.open = false;
                self.long_error |= self.last.1 == Member::Error;
                self.more_errors |= self.last.1 == Member::Errors;
            }
        }
    }

    /// Whether such a value is coming in.
    pub(super) fn is_open(&self) -> bool {
        self.open
    }

    /// The value is over.
    pub(super) fn end(&mut self) {
        self.open = false;
    }

    /// What the members say.
    ///
    /// # Errors
    /// [`Malformed`], if that is more than is kept, or is said twice.
    pub(super) fn summary(&self) -> Result<BodySummary, Malformed> {
        if self.json.len() > MAX_KEPT_BYTES {
            return Err(Malformed::TooLong);
        }
        let whole = if self.json.is_empty() { b"{}".to_vec() } else { [&self.json[..], b"}"].concat() };
        let members: SummaryMembers = serde_json::from_slice(&whole).map_err(|_| Malformed::Ambiguous)?;
        let mut summary = members.summary();
        summary.more_errors = self.more_errors;
        if self.long_error {
            summary.error = Some("an error of more than 1 MiB".into());
        }
        Ok(summary)
    }
}

/// The noted members.
#[derive(Default, Deserialize)]
#[serde(default)]
struct SummaryMembers {
    error: Option<Value>,
    errors: Value,
    has_more: Value,
    next_cursor: Value,
    meta: Value,
}

impl SummaryMembers {
    fn summary(self) -> BodySummary {
        // The audit log has its cursor next to the list, the glossary in `meta`.
        let member = |name| self.meta.get(name).unwrap_or(&Value::Null);
        let over = self.has_more == Value::Bool(false) || *member("hasMore") == Value::Bool(false);
        let next_cursor = [&self.next_cursor, member("nextCursor")].into_iter().find_map(|cursor| match cursor {
            Value::String(text) if !text.is_empty() => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        });
        let errors = errors_of(self.errors);
        let error = self.error.filter(|error| !says_nothing(error));
        BodySummary { next_cursor: next_cursor.filter(|_| !over), error, errors, ..BodySummary::default() }
    }
}

/// The items of an `errors`. PHP writes a list with gaps as an object.
pub fn errors_of(errors: Value) -> Vec<Value> {
    match errors {
        Value::Array(errors) => errors,
        Value::Object(errors) => errors.into_iter().map(|(_, error)| error).collect(),
        Value::String(error) if !error.is_empty() => vec![Value::String(error)],
        _ => Vec::new(),
    }
}

/// PHP writes an empty value in several ways.
fn says_nothing(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Bool(true) => false,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_that_was_not_done_is_found_by_its_name() {
        assert_eq!(not_done(b"key_deleted", b"false").unwrap(), "`key_deleted` is false");
        assert_eq!(not_done(b"key_deleted", b"true"), None);
        assert_eq!(not_done(b"keys_locked", b"2").unwrap(), "`keys_locked` is 2");
        assert_eq!(not_done(b"keys_locked", b"0"), None);
        assert_eq!(not_done(b"keys_created", b"2"), None);
    }

    #[test]
    fn an_empty_error_in_any_spelling_of_php_says_nothing() {
        let summary = |text: &str| BodySummary::of(&serde_json::from_str(text).unwrap());
        for empty in ["null", "false", "0", "0.0", "\"\"", "[]", "{}"] {
            let found = summary(&format!(r#"{{"error":{empty},"errors":{empty}}}"#));
            assert_eq!(found, BodySummary::default(), "{empty}");
        }
        for said in ["true", "1", "\"no\"", "[0]", "{\"code\":0}"] {
            assert!(summary(&format!(r#"{{"error":{said}}}"#)).error.is_some(), "{said}");
        }
        assert_eq!(summary(r#"{"errors":"no"}"#).errors, ["no"]);
    }

    #[test]
    fn members_without_end_are_not_all_kept() {
        let mut kept = KeptMembers::default();
        for _ in 0..200_000 {
            kept.begin(b"meta");
            kept.take(b"\"12345\"");
            kept.end();
        }
        assert!(kept.json.len() < MAX_KEPT_BYTES + 100, "{}", kept.json.len());
        assert_eq!(kept.summary(), Err(Malformed::TooLong));
    }
}
