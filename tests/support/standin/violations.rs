//! The rules that no request to Lokalise may break, whatever it asks for.

use super::message::Received;
use super::{Lokalise, locked};

impl Lokalise {
    pub fn violation(&self, request: &Received, what: &str) {
        // Path only: the query of a bad request may hold a secret.
        locked(&self.violations).push(format!("{} {}: {what}", request.method, request.path()));
    }

    /// Looks at what every request has: a target and headers.
    pub fn inspect(&self, request: &Received) {
        let credentials = request.all_headers("X-Api-Token").count() + request.all_headers("Authorization").count();
        if credentials > 1 {
            self.violation(request, "more than one credential");
        }
        if request.path().starts_with("/oauth2/") && credentials > 0 {
            self.violation(request, "a credential in a header of an OAuth request");
        }
        self.inspect_url_and_browser_headers(request);
    }

    /// Looks at a request to the bundles, which are another party's.
    pub fn inspect_foreign(&self, request: &Received) {
        for name in ["X-Api-Token", "Authorization"] {
            if request.header(name).is_some() {
                self.violation(request, &format!("{name} sent to the bundles' origin"));
            }
        }
        self.inspect_url_and_browser_headers(request);
    }

    fn inspect_url_and_browser_headers(&self, request: &Received) {
        // The browser that follows the redirect does not come here with the code; we do, in a body.
        if self.secrets().iter().any(|secret| request.target.contains(secret.as_str())) {
            self.violation(request, "a secret in the URL");
        }
        if request.path() == "/oauth2/decision" || request.path() == "/favicon.ico" {
            return; // a real browser's requests
        }
        for name in ["Referer", "Cookie"] {
            if request.header(name).is_some() {
                self.violation(request, &format!("a {name} header"));
            }
        }
    }
}
