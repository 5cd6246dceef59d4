//! Lokalise's endpoints: what each one is called, which OAuth scope it needs and how
//! it hands out its list. The rows are in `table`; here is how to read and find them.

mod nearest;
mod table;

pub use nearest::{nearest, nearest_name};

pub use table::RESOURCES;

use std::fmt;

/// A path and what can be done there.
pub struct Resource {
    /// Base and path, with placeholders: `/api2/projects/{project_id}/keys`.
    pub path: &'static str,
    /// Sorted by method.
    pub operations: &'static [Operation],
}

/// One method on one path.
pub struct Operation {
    pub method: &'static str,
    pub scope: Scope,
    /// What the owner of the token must be allowed, where the reference says so.
    pub right: Option<Right>,
    pub paging: Paging,
    /// The names of its query parameters, where they are known. [`PAGE_PARAMETERS`] are left out.
    pub query: Option<&'static [&'static str]>,
    /// A POST that changes nothing, so that read-only credentials may send it.
    pub only_reads: bool,
    pub summary: &'static str,
}

/// The OAuth scope that an operation needs. No page lists them all: each comes with how sure we are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Two independent sources name it.
    High(&'static str),
    /// One mirror of the vendor's reference names it.
    Medium(&'static str),
    /// One source names it, and it may be a slip of that source.
    Low(&'static str),
    /// There may be one; no source says which.
    Unknown,
    /// The vendor's page for it names none.
    NoneDocumented,
}

impl Scope {
    /// The scope's name, where one is known.
    pub fn name(self) -> Option<&'static str> {
        match self {
            Self::High(name) | Self::Medium(name) | Self::Low(name) => Some(name),
            Self::Unknown | Self::NoneDocumented => None,
        }
    }

    /// How sure we are of it, in one word.
    pub fn confidence(self) -> &'static str {
        match self {
            Self::High(_) => "high",
            Self::Medium(_) => "medium",
            Self::Low(_) => "low",
            Self::Unknown => "unknown",
            Self::NoneDocumented => "none-documented",
        }
    }
}

/// The right that an operation needs in addition to the scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Right {
    /// An admin right of the project, by the name that the web app gives it.
    Project(&'static str),
    /// Some admin right of the project; the reference does not say which.
    ProjectAdmin,
    TeamAdmin,
}

impl fmt::Display for Right {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Project(name) => write!(f, "the admin right `{name}` in the project"),
            Self::ProjectAdmin => f.write_str("an admin right in the project"),
            Self::TeamAdmin => f.write_str("the admin role in the team"),
        }
    }
}

/// The parameters that ask for a page. Every list may have them.
pub const PAGE_PARAMETERS: [&str; 4] = ["page", "limit", "cursor", "pagination"];

/// How an operation hands out a list. The number is the largest `limit` that it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paging {
    /// Its answer is whole.
    Whole,
    /// `page` and `limit`, counted in `X-Pagination-*` headers.
    Offset(Option<u32>),
    /// The same, or `pagination=cursor` with `X-Pagination-Next-Cursor`, which stays right while the list changes.
    OffsetOrCursor(u32),
    /// A cursor always, without asking.
    Cursor(u32),
    /// Not known.
    Unknown,
}

/// An operation and its path.
#[derive(Clone, Copy)]
pub struct Endpoint {
    pub path: &'static str,
    pub operation: &'static Operation,
}

impl Endpoint {
    /// The path as it is typed after `call`, without `/api2`.
    pub fn typed(&self) -> &'static str {
        self.path.strip_prefix("/api2").unwrap_or(self.path)
    }

    /// Whether `call` can reach it: OTA and OAuth are on other hosts, with other credentials.
    pub fn callable(&self) -> bool {
        self.path.starts_with("/api2/") || self.path.starts_with("/v1/")
    }

    /// Whether it has a query parameter of this name: `true` where its parameters are not known. `filter_x[]` is
    /// `filter_x`.
    pub fn takes_parameter(&self, name: &str) -> bool {
        let name = name.split('[').next().unwrap_or_default();
        self.operation.query.is_none_or(|known| known.contains(&name)) || PAGE_PARAMETERS.contains(&name)
    }

    /// Whether it changes nothing at Lokalise.
    pub fn only_reads(&self) -> bool {
        self.operation.method == "GET" || self.operation.only_reads
    }
}

/// All endpoints, by path and then by method.
pub fn all() -> impl Iterator<Item = Endpoint> {
    RESOURCES
        .iter()
        .flat_map(|resource| resource.operations.iter().map(|operation| Endpoint { path: resource.path, operation }))
}

/// The endpoint of a request, by method and path (`/api2/projects/123/keys`, a template, or any mix).
/// A HEAD is treated as a GET.
pub fn find(method: &str, path: &str) -> Option<Endpoint> {
    let method = if method == "HEAD" { "GET" } else { method };
    let path = path.strip_suffix('/').unwrap_or(path);
    RESOURCES
        .iter()
        .filter(|resource| fits(resource.path, path))
        .filter_map(|resource| {
            let operation = resource.operations.iter().find(|operation| operation.method == method)?;
            Some(Endpoint { path: resource.path, operation })
        })
        .reduce(|one, other| if is_more_literal(other.path, one.path, path) { other } else { one })
}

/// Whether a path fits a template.
fn fits(template: &str, path: &str) -> bool {
    let (mut words, mut segments) = (template.split('/'), path.split('/'));
    loop {
        match (words.next(), segments.next()) {
            (None, None) => return true,
            (Some(word), Some(segment)) if is_word_for(word, segment) => {}
            _ => return false,
        }
    }
}

/// Whether a word of a template is this segment of a path, or a placeholder for one.
fn is_word_for(word: &str, segment: &str) -> bool {
    word == segment || (is_placeholder(word) && !segment.is_empty())
}

/// Of two templates that fit a path: whether the first has the path's own word where they differ. In
/// `contributors/me`, `me` is not an id.
fn is_more_literal(first: &str, second: &str, path: &str) -> bool {
    let mut words = first.split('/').zip(second.split('/')).zip(path.split('/'));
    words.find(|((first, second), _)| first != second).is_some_and(|((first, _), segment)| first == segment)
}

fn is_placeholder(word: &str) -> bool {
    word.starts_with('{')
}

/// The completions of a partly typed path, in the order of the table: the finished segments are kept, and the rest of
/// each matching template is appended. The leading `/` may be left out.
pub fn completions(method: Option<&str>, typed: &str) -> Vec<(String, &'static str)> {
    let slash = if typed.starts_with('/') { "" } else { "/" };
    let rooted = format!("{slash}{typed}");
    let mut found: Vec<(String, &'static str)> = Vec::new();
    for endpoint in all().filter(Endpoint::callable) {
        if method.is_some_and(|method| !method.eq_ignore_ascii_case(endpoint.operation.method)) {
            continue;
        }
        let Some(path) = completed(endpoint.typed(), &rooted) else { continue };
        let path = path[slash.len()..].to_owned();
        if found.last().is_none_or(|(last, _)| *last != path) {
            found.push((path, endpoint.operation.summary));
        }
    }
    found
}

/// The typed path, completed by the template, if its finished segments match and its last one is the beginning of a
/// segment.
fn completed(template: &str, typed: &str) -> Option<String> {
    let (finished, beginning) = typed.rsplit_once('/')?;
    let mut words = template.split('/');
    for segment in finished.split('/') {
        if !is_word_for(words.next()?, segment) {
            return None;
        }
    }
    let rest: Vec<&str> = words.collect();
    rest.first().is_some_and(|word| word.starts_with(beginning)).then(|| format!("{finished}/{}", rest.join("/")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_by_path_and_method_and_has_nothing_twice() {
        assert!(RESOURCES.is_sorted_by(|one, other| one.path < other.path));
        for Resource { path, operations } in RESOURCES {
            assert!(!operations.is_empty(), "{path}");
            assert!(operations.is_sorted_by(|one, other| one.method < other.method), "{path}");
        }
    }

    #[test]
    fn the_table_has_every_endpoint_that_is_known() {
        let below = |base: &str| all().filter(|endpoint| endpoint.path.starts_with(base)).count();
        assert_eq!((below("/api2/"), below("/v1/"), below("/v3/"), below("/oauth2/")), (112, 1, 15, 2));
        assert_eq!(all().count(), 130);
    }

    #[test]
    fn every_scope_is_named_for_what_its_endpoint_does() {
        for endpoint in all() {
            let Some(scope) = endpoint.operation.scope.name() else { continue };
            let verb = if endpoint.only_reads() { "read_" } else { "write_" };
            assert!(scope.starts_with(verb), "{} {}: {scope}", endpoint.operation.method, endpoint.path);
        }
    }

    #[test]
    fn an_endpoint_is_found_by_a_concrete_path() {
        let template = |method, path| find(method, path).map(|endpoint| endpoint.path);
        assert_eq!(template("GET", "/api2/projects"), Some("/api2/projects"));
        assert_eq!(template("GET", "/api2/projects/"), Some("/api2/projects"));
        assert_eq!(template("HEAD", "/api2/projects/1:dev/keys"), Some("/api2/projects/{project_id}/keys"));
        assert_eq!(template("GET", "/v1/audit-logs"), Some("/v1/audit-logs"));
        assert_eq!(template("PATCH", "/api2/projects"), None);
        assert_eq!(template("GET", "/api2/projects//keys"), None);
        assert_eq!(template("GET", "/api2/project"), None);
        assert_eq!(template("GET", "/api2/projects/1/keys/2/3"), None);
    }

    #[test]
    fn a_literal_segment_beats_a_placeholder() {
        let template = |path| find("GET", path).map(|endpoint| endpoint.path);
        assert_eq!(template("/api2/projects/1/contributors/me"), Some("/api2/projects/{project_id}/contributors/me"));
        assert_eq!(
            template("/api2/projects/1/contributors/20181"),
            Some("/api2/projects/{project_id}/contributors/{contributor_id}")
        );
    }

    #[test]
    fn an_export_is_a_post_that_only_reads() {
        let only_reads = |method, path| find(method, path).map(|endpoint| endpoint.only_reads());
        assert_eq!(only_reads("POST", "/api2/projects/1/files/download"), Some(true));
        assert_eq!(only_reads("POST", "/api2/projects/1/files/async-download"), Some(true));
        assert_eq!(only_reads("POST", "/api2/projects/1/files/upload"), Some(false));
        assert_eq!(all().filter(|endpoint| endpoint.operation.only_reads).count(), 2);
    }

    #[test]
    fn a_half_typed_path_is_completed_with_what_was_typed_kept() {
        let paths =
            |method, typed| -> Vec<String> { completions(method, typed).into_iter().map(|(path, _)| path).collect() };
        assert_eq!(paths(Some("POST"), "/proj").first().map(String::as_str), Some("/projects"));
        assert_eq!(paths(Some("patch"), "proj"), ["projects/{project_id}/webhooks/{webhook_id}/secret/regenerate"]);
        assert_eq!(
            paths(Some("GET"), "/projects/1.2:dev/tr"),
            [
                "/projects/1.2:dev/translation-memories",
                "/projects/1.2:dev/translations",
                "/projects/1.2:dev/translations/{translation_id}",
            ]
        );
        assert_eq!(paths(None, "/v1/"), ["/v1/audit-logs"]);
        assert_eq!(paths(None, "/nothing"), [""; 0]);
        assert_eq!(paths(None, "/oauth2"), [""; 0]);
    }
}
