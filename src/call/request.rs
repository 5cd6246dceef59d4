//! One API request: its URL, its method, headers and body, and whether it changes anything.

use std::collections::HashSet;

use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Method, Url};

use super::body::RequestBody;
use super::target::Target;
use crate::error::{Error, Result};
use crate::escape;
use crate::lokalise::endpoints::{self, Endpoint, Paging};

/// The methods of the API.
const METHODS: [Method; 6] = [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];

/// A request that can be sent, and sent again.
#[derive(Clone, Debug)]
pub struct ApiRequest {
    pub method: Method,
    pub url: Url,
    /// The path as the endpoint table has it: `/api2/projects/123/keys`.
    pub path: String,
    /// All headers but the credential's.
    pub headers: HeaderMap,
    pub body: Option<RequestBody>,
}

impl ApiRequest {
    /// A request with the headers that every one has, unless `headers` says otherwise.
    pub fn new(method: Method, target: Target, mut headers: HeaderMap, body: Option<RequestBody>) -> Self {
        let json = HeaderValue::from_static("application/json");
        headers.entry(ACCEPT).or_insert_with(|| json.clone());
        if body.is_some() {
            headers.entry(CONTENT_TYPE).or_insert(json);
        }
        Self { method, url: target.url, path: target.path, headers, body }
    }

    /// A GET of a path that an answer named.
    pub fn get(target: Target) -> Self {
        Self::new(Method::GET, target, HeaderMap::new(), None)
    }

    /// The endpoint, if it is known.
    pub fn endpoint(&self) -> Option<Endpoint> {
        endpoints::find(self.method.as_str(), &self.path)
    }

    pub fn paging(&self) -> Paging {
        self.endpoint().map_or(Paging::Unknown, |endpoint| endpoint.operation.paging)
    }

    /// A warning for each of these query parameters that the endpoint does not have, with the most similar name. No
    /// source says what the server does with an unknown name; it may ignore a filter.
    pub fn unknown_parameters<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> Vec<String> {
        let Some(endpoint) = self.endpoint() else { return Vec::new() };
        let known = endpoint.operation.query.unwrap_or_default();
        let mut said = Vec::new();
        let mut seen = HashSet::new();
        for name in names.into_iter().filter(|name| !endpoint.takes_parameter(name)) {
            let plain = name.split('[').next().unwrap_or_default();
            if !seen.insert(plain) {
                continue;
            }
            let meant = match endpoints::nearest_name(known, plain) {
                Some(nearest) => format!("the nearest is `{nearest}`"),
                None => format!("it has {}", known.join(", ")),
            };
            let place = format!("`{} {}`", endpoint.operation.method, endpoint.typed());
            said.push(format!(
                "{place} has no query parameter `{}` ({meant}); it is sent all the same",
                escape::value(plain)
            ));
        }
        said
    }

    /// Whether it changes nothing at Lokalise.
    pub fn only_reads(&self) -> bool {
        self.reads_by_method() || self.endpoint().is_some_and(|endpoint| endpoint.only_reads())
    }

    /// Whether the method is safe (RFC 9110 §9.2.1), so that servers and proxies rely on it too.
    pub fn reads_by_method(&self) -> bool {
        matches!(self.method, Method::GET | Method::HEAD)
    }

    /// The same request for another page: these parameters, and none of the same names from before.
    pub fn with_parameters(&self, parameters: &[(&'static str, String)]) -> Self {
        let mut request = self.clone();
        let before = self.url.query().unwrap_or_default();
        let mut pair_of_query = self.url.clone();
        let mut name_of = |pair: &str| {
            pair_of_query.set_query(Some(pair));
            pair_of_query.query_pairs().next().map(|(name, _)| name.into_owned())
        };
        let others: Vec<&str> = before
            .split('&')
            .filter(|pair| name_of(pair).is_some_and(|name| parameters.iter().all(|(other, _)| *other != name)))
            .collect();
        request.url.set_query(Some(&others.join("&")).filter(|others| !others.is_empty()).map(String::as_str));
        add_query(&mut request.url, parameters.iter().map(|(name, value)| (*name, value.as_str())));
        request
    }
}

/// Appends pairs to a URL's query, percent-encoded.
pub fn add_query<'a>(url: &mut Url, pairs: impl IntoIterator<Item = (&'a str, &'a str)>) {
    let mut pairs = pairs.into_iter().peekable();
    if pairs.peek().is_some() {
        url.query_pairs_mut().extend_pairs(pairs);
    }
}

/// Reads a method in any case.
///
/// # Errors
/// Usage, if the API has no such method. A word that could be a secret is not repeated.
pub fn method(word: &str) -> Result<Method> {
    METHODS.into_iter().find(|method| method.as_str().eq_ignore_ascii_case(word)).ok_or_else(|| {
        let is_word = word.len() <= 10 && word.bytes().all(|byte| byte.is_ascii_alphabetic());
        let what =
            if is_word { format!("`{word}` is not a method of the API") } else { "there are two paths".to_owned() };
        Error::usage(what).hint("a call is `call [METHOD] PATH`, with GET, HEAD, POST, PUT, PATCH or DELETE")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::target::{Project, target};
    use crate::origin::ApiUrl;

    fn request(method: Method, path: &str) -> ApiRequest {
        let api = ApiUrl::parse("https://api.lokalise.com/api2").unwrap();
        let target = target(path, &api, Project::default()).unwrap();
        ApiRequest::new(method, target, HeaderMap::new(), None)
    }

    #[test]
    fn a_method_is_read_in_any_case() {
        assert_eq!(method("get").unwrap(), Method::GET);
        assert_eq!(method("DELETE").unwrap(), Method::DELETE);
        assert_eq!(method("FETCH").unwrap_err().message, "`FETCH` is not a method of the API");
        let secret = "0123456789abcdef0123456789abcdef01234567";
        assert!(!format!("{:?}", method(secret).unwrap_err()).contains(secret));
    }

    #[test]
    fn what_a_request_would_do_is_known_from_its_method_and_endpoint() {
        assert!(request(Method::GET, "/projects").only_reads());
        assert!(request(Method::POST, "/projects/1/files/async-download").only_reads());
        assert!(!request(Method::POST, "/projects/1/files/async-download").reads_by_method());
        assert!(!request(Method::POST, "/projects/1/files/upload").only_reads());
        assert!(!request(Method::DELETE, "/nobody/knows").only_reads());
    }

    #[test]
    fn a_parameter_that_the_endpoint_does_not_have_is_said_once() {
        let said = |path, names: &[&str]| request(Method::GET, path).unknown_parameters(names.iter().copied());
        assert_eq!(
            said("/projects/1/keys", &["filter_tag", "filter_tag[]", "filter_tags[]", "limit", "pagination"]),
            ["`GET /projects/{project_id}/keys` has no query parameter `filter_tag` (the nearest is `filter_tags`); \
             it is sent all the same"]
        );
        let far = said("/projects/1/files", &["verbose"]);
        assert!(far[0].contains("(it has filter_filename)"), "{far:?}");
        for (path, name) in [("/projects/1/languages", "x"), ("/nobody/knows", "x"), ("/projects", "page")] {
            assert_eq!(said(path, &[name]), [""; 0], "{path}");
        }
        assert_eq!(request(Method::HEAD, "/projects").unknown_parameters(["x"]).len(), 1);
        assert_eq!(request(Method::POST, "/projects").unknown_parameters(["x"]), [""; 0]);
    }

    #[test]
    fn parameters_of_a_page_replace_those_of_the_query() {
        let request = request(Method::GET, "projects?p%61ge=1&filter_names=a%20b&limit=2&page[]=x");
        let next = request.with_parameters(&[("limit", "500".into()), ("page", "3".into()), ("cursor", "a+b=".into())]);
        assert_eq!(next.url.query(), Some("filter_names=a%20b&page[]=x&limit=500&page=3&cursor=a%2Bb%3D"));
        assert_eq!(next.with_parameters(&[]).url, next.url);
    }

    #[test]
    fn a_query_is_percent_encoded() {
        let mut url = Url::parse("https://a/b?c=d").unwrap();
        add_query(&mut url, [("e f", "g&h=ü/+"), ("i[]", "")]);
        assert_eq!(url.query(), Some("c=d&e+f=g%26h%3D%C3%BC%2F%2B&i%5B%5D="));
        add_query(&mut url, []);
        assert!(url.as_str().ends_with("&i%5B%5D="));
    }

    #[test]
    fn json_is_asked_for_and_said_unless_the_caller_says_otherwise() {
        let target = Target { url: Url::parse("https://a/").unwrap(), path: String::new() };
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
        let request = ApiRequest::new(Method::POST, target, headers, Some(RequestBody::of("x")));
        assert_eq!(request.headers[ACCEPT], "application/json");
        assert_eq!(request.headers[CONTENT_TYPE], "text/plain");
    }
}
