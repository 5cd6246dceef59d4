//! A list that is longer than its answer: without page parameters the API sends the first 100
//! items, and a script that counts them notices nothing.

use std::fmt;

use reqwest::header::HeaderMap;
use reqwest::{Method, Url};

use super::request::ApiRequest;
use crate::escape;
use crate::json::list::BodySummary;
use crate::lokalise::endpoints::PAGE_PARAMETERS;

/// What is missing from an answer, as one sentence.
#[derive(Debug, PartialEq, Eq)]
pub struct TruncatedList {
    shown: u64,
    /// What the list is called, such as `keys`.
    name: String,
    total: Option<u64>,
    pages: Option<u64>,
}

impl TruncatedList {
    /// Whether the answer may be a first page although no page was requested: it answers a GET without page, limit or
    /// cursor. `url` is where the answer came from: a redirect may have asked for one.
    pub fn is_possible(request: &ApiRequest, url: &Url) -> bool {
        // `pagination` alone asks for a kind of page, and not for one of them.
        let asks = |name: &str| name != "pagination" && PAGE_PARAMETERS.contains(&name);
        let asks = |url: &Url| url.query_pairs().any(|(name, _)| asks(&name));
        request.method == Method::GET && !asks(&request.url) && !asks(url)
    }

    /// Whether the headers say how long the list is.
    pub fn is_counted(headers: &HeaderMap) -> bool {
        total(headers).is_some()
    }

    /// What is missing, if something is.
    pub fn of(headers: &HeaderMap, summary: &BodySummary) -> Option<Self> {
        let name = summary.list.as_ref()?;
        let total = total(headers).filter(|total| *total > summary.items);
        let next_cursor = text(headers, "x-pagination-next-cursor").or(summary.next_cursor.as_deref());
        if total.is_none() && next_cursor.is_none() {
            return None;
        }
        let name = String::from_utf8_lossy(name);
        let name = if name.is_empty() { "items".into() } else { escape::value(&name).into_owned() };
        Some(Self { shown: summary.items, name, total, pages: pages(headers, total, summary.items) })
    }
}

/// The `OpenAPI` document has the total under the second name.
fn total(headers: &HeaderMap) -> Option<u64> {
    number(headers, "x-pagination-total-count").or_else(|| number(headers, "x-total-count"))
}

fn pages(headers: &HeaderMap, total: Option<u64>, shown: u64) -> Option<u64> {
    let size = number(headers, "x-pagination-limit").unwrap_or(shown);
    let counted = total.filter(|_| size > 0).map(|total| total.div_ceil(size));
    number(headers, "x-pagination-page-count").or(counted).filter(|pages| *pages > 1)
}

fn number(headers: &HeaderMap, name: &str) -> Option<u64> {
    text(headers, name)?.parse().ok()
}

fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name)?.to_str().ok().map(str::trim).filter(|text| !text.is_empty())
}

impl fmt::Display for TruncatedList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(total) = self.total else {
            return f.write_str("more items follow; --paginate fetches all");
        };
        if let Some(pages) = self.pages {
            write!(f, "page 1 of {}: ", grouped(pages))?;
        }
        write!(f, "{} of {} {}; --paginate fetches all", grouped(self.shown), grouped(total), self.name)
    }
}

/// A number with separated thousands.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() * 4 / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::target::{Project, target};
    use crate::origin::ApiUrl;
    use reqwest::header::{HeaderName, HeaderValue};

    fn said(method: Method, path: &str, headers: &[(&'static str, &'static str)], items: u64) -> Option<String> {
        let api = ApiUrl::parse("https://api.lokalise.com/api2").unwrap();
        let target = target(path, &api, Project::default()).unwrap();
        let request = ApiRequest::new(method, target, HeaderMap::new(), None);
        let headers = headers
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect();
        let summary = BodySummary { list: Some(b"keys".to_vec()), items, ..BodySummary::default() };
        TruncatedList::is_possible(&request, &request.url)
            .then(|| TruncatedList::of(&headers, &summary))
            .flatten()
            .map(|list| list.to_string())
    }

    const COUNTED: [(&str, &str); 4] = [
        ("x-pagination-total-count", "1203"),
        ("x-pagination-page-count", "13"),
        ("x-pagination-limit", "100"),
        ("x-pagination-page", "1"),
    ];

    #[test]
    fn a_page_that_was_not_requested_is_counted() {
        let keys = |headers: &[_]| said(Method::GET, "/projects/1/keys?filter_tags=a", headers, 100);
        let expected = Some("page 1 of 13: 100 of 1,203 keys; --paginate fetches all".to_owned());
        assert_eq!(keys(&COUNTED), expected);
        assert_eq!(keys(&[COUNTED[0], COUNTED[2]]), expected, "the pages are counted from the limit");
        assert_eq!(keys(&[("x-total-count", "1203")]), expected, "or from what came");
        assert_eq!(
            keys(&[("x-pagination-next-cursor", "eyIxIjoxfQ==")]),
            Some("more items follow; --paginate fetches all".to_owned())
        );
    }

    #[test]
    fn a_whole_list_and_a_requested_page_give_no_warning() {
        for path in ["/p?limit=100", "/p?page=1", "/p?a=b&cursor=x", "/p?pagination=offset&limit=5"] {
            assert_eq!(said(Method::GET, path, &COUNTED, 100), None, "{path}");
        }
        assert_eq!(said(Method::POST, "/projects/1/keys", &COUNTED, 100), None);
        assert_eq!(said(Method::GET, "/p", &COUNTED, 1203), None);
        assert_eq!(said(Method::GET, "/p", &[], 100), None);
        assert_eq!(said(Method::GET, "/p", &[("x-pagination-total-count", "words")], 100), None);
        assert_eq!(said(Method::GET, "/p", &[("x-pagination-next-cursor", "")], 100), None);
        assert!(said(Method::GET, "/p?pagination=cursor", &COUNTED, 100).is_some());
    }

    #[test]
    fn numbers_of_any_size_are_taken() {
        let huge = [("x-pagination-total-count", "18446744073709551615"), ("x-pagination-limit", "0")];
        assert_eq!(
            said(Method::GET, "/p", &huge, 0).unwrap(),
            "0 of 18,446,744,073,709,551,615 keys; --paginate fetches all"
        );
        assert_eq!(grouped(1_000), "1,000");
        assert_eq!(grouped(999), "999");
    }
}
