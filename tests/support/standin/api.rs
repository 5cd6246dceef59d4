//! The API's endpoints as one table, and the order in which a request is checked:
//! path, shape of the project id and of the body, and only then the credential.

use serde_json::Value;

use super::super::secrets::uuid;
use super::content::Project;
use super::credential::Caller;
use super::message::{Answer, Received};
use super::{Lokalise, files, locked, projects};

/// A request that has passed all checks.
pub struct Call<'a> {
    pub request: &'a Received,
    /// The project in the path, without its branch.
    pub project: String,
    pub branch: String,
    /// The last id in the path.
    pub id: String,
    pub empty_last_cursor: bool,
}

impl Call<'_> {
    /// The last id in the path as a number.
    pub fn number(&self) -> Option<u64> {
        self.id.parse().ok()
    }
}

/// What answers an endpoint: `Err` is an answer too, only a shorter way to it.
type Endpoint = fn(&Lokalise, &Call) -> Result<Answer, Answer>;

struct Route {
    method: &'static str,
    path: &'static str,
    /// The OAuth scope; none is documented for some.
    scope: Option<&'static str>,
    endpoint: Endpoint,
}

const fn route(method: &'static str, path: &'static str, scope: &'static str, endpoint: Endpoint) -> Route {
    let scope = if scope.is_empty() { None } else { Some(scope) };
    Route { method, path, scope, endpoint }
}

#[rustfmt::skip] // a table
const ROUTES: &[Route] = &[
    route("GET",    "/api2/projects",                                   "read_projects",             projects::list),
    route("POST",   "/api2/projects",                                   "write_projects",            projects::create),
    route("GET",    "/api2/projects/{project}",                         "read_projects",             projects::get),
    route("DELETE", "/api2/projects/{project}",                         "write_projects",            projects::delete),
    route("GET",    "/api2/projects/{project}/keys",                    "read_keys",                 projects::keys),
    route("POST",   "/api2/projects/{project}/keys",                    "write_keys",                projects::create_keys),
    route("DELETE", "/api2/projects/{project}/keys",                    "write_keys",                projects::delete_keys),
    route("GET",    "/api2/projects/{project}/keys/{id}",               "read_keys",                 projects::key),
    route("DELETE", "/api2/projects/{project}/keys/{id}",               "write_keys",                projects::delete_key),
    route("GET",    "/api2/projects/{project}/translations",            "read_translations",         projects::translations),
    route("GET",    "/api2/projects/{project}/glossary-terms",          "read_glossary",             projects::terms),
    route("POST",   "/api2/projects/{project}/glossary-terms",          "write_glossary",            projects::create_terms),
    route("DELETE", "/api2/projects/{project}/glossary-terms",          "write_glossary",            projects::delete_terms),
    route("GET",    "/api2/projects/{project}/contributors",            "read_contributors",         projects::contributors),
    route("GET",    "/api2/projects/{project}/contributors/me",         "read_contributors",         projects::contributor_me),
    route("GET",    "/api2/projects/{project}/languages",               "read_languages",            projects::languages),
    route("GET",    "/api2/projects/{project}/files",                   "read_files",                files::list),
    route("POST",   "/api2/projects/{project}/files/upload",            "write_files",               files::upload),
    route("POST",   "/api2/projects/{project}/files/download",          "read_files",                files::download),
    route("POST",   "/api2/projects/{project}/files/async-download",    "read_files",                files::async_download),
    route("GET",    "/api2/projects/{project}/processes",               "read_background_processes", files::processes),
    route("GET",    "/api2/projects/{project}/processes/{id}",          "read_background_processes", files::process),
    route("GET",    "/api2/system/languages",                           "read_languages",            projects::system_languages),
    route("GET",    "/api2/teams",                                      "read_team_users",           projects::teams),
    route("GET",    "/api2/payment_cards",                              "read_payment_cards",        projects::payment_cards),
    route("GET",    "/api2/users/{id}",                                 "",                          projects::user),
    route("GET",    "/v1/audit-logs",                                   "",                          projects::audit_logs),
];

impl Route {
    /// The project and the id in the path, if the path is this route's.
    fn matched(&self, path: &str) -> Option<(String, String)> {
        let (mut project, mut id) = (String::new(), String::new());
        let mut segments = path.split('/');
        for pattern in self.path.split('/') {
            let segment = segments.next()?;
            match pattern {
                "{project}" => project = decoded(segment),
                "{id}" => id = decoded(segment),
                _ if pattern == segment => {}
                _ => return None,
            }
        }
        segments.next().is_none().then_some((project, id))
    }

    /// A `POST` is not always a write: downloads only need `read_files`.
    fn writes(&self) -> bool {
        self.scope.is_some_and(|scope| scope.starts_with("write_"))
    }
}

impl Lokalise {
    pub fn api_answer(&self, request: &Received) -> Answer {
        let too_fast = self.too_fast(request);
        let answer = if too_fast {
            Answer::error(429, "Too many requests. Cool your jets and try again in a bit")
        } else {
            self.routed(request).unwrap_or_else(|answer| answer)
        };
        let answer = Self::with_usual_headers(answer);
        let switches = locked(&self.switches);
        // The headers name the rate that is enforced.
        let enforced = switches.requests_per_second.map(|rate| format!("{rate}, {rate};w=1, {rate};w=1"));
        match switches.rate_limit.as_ref().map(|named| enforced.as_ref().unwrap_or(named)) {
            Some(limit) => answer
                .header("X-RateLimit-Limit", limit)
                .header("X-RateLimit-Remaining", if too_fast { "0" } else { "9" })
                .header("X-RateLimit-Reset", "1"),
            None => answer,
        }
    }

    /// What nginx and the framework put on every answer.
    pub fn with_usual_headers(answer: Answer) -> Answer {
        answer
            .header("X-Content-Type-Options", "nosniff")
            .header("X-Frame-Options", "deny")
            .header("Strict-Transport-Security", "max-age=31536000")
            .header("X-Lokalise-Process-Id", &uuid())
    }

    /// Looks into the project of a call.
    pub fn within<T>(&self, call: &Call, look: impl FnOnce(&mut Project) -> T) -> T {
        let mut content = locked(&self.content);
        look(content.project(&call.project).expect("only calls with a project that exists get here"))
    }

    fn routed(&self, request: &Received) -> Result<Answer, Answer> {
        let not_found = || Answer::error(404, "Not Found");
        let method = if request.method == "HEAD" { "GET" } else { &request.method };
        let (route, (project, id)) = ROUTES
            .iter()
            .filter(|route| route.method == method)
            .find_map(|route| Some((route, route.matched(request.path())?)))
            .ok_or_else(not_found)?;
        let (project, branch) = match project.split_once(':') {
            Some((project, branch)) => (project.to_owned(), branch.to_owned()),
            None => (project, "master".to_owned()),
        };
        if route.path.contains("{project}") && !is_project_id(&project) {
            return Err(Answer::error(400, "Invalid `project_id` parameter"));
        }
        if (route.method, route.path) == ("POST", "/api2/projects") {
            projects::check_new_project(&request.json())?;
        }
        let caller = self.caller(request)?;
        // "Not available via OAuth token": how that is said is not on record.
        let api_token_only = route.path.starts_with("/api2/users/");
        if !caller.may(route.scope, route.writes()) || (api_token_only && matches!(caller, Caller::OAuth { .. })) {
            return Err(Answer::error(403, "Forbidden"));
        }
        if route.path.contains("{project}") {
            let mut content = locked(&self.content);
            let found = content.project(&project).is_some_and(|project| project.branches.contains(&branch));
            if !found {
                return Err(not_found());
            }
        }
        let empty_last_cursor = locked(&self.switches).empty_last_cursor;
        (route.endpoint)(self, &Call { request, project, branch, id, empty_last_cursor })
    }
}

/// Hex digits, a dot and 8 digits.
fn is_project_id(text: &str) -> bool {
    let Some((hex, digits)) = text.split_once('.') else { return false };
    let is_hex = |text: &str| text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    (16..=24).contains(&hex.len()) && is_hex(hex) && digits.len() == 8 && digits.bytes().all(|b| b.is_ascii_digit())
}

/// A path segment without its percent-encoding.
fn decoded(segment: &str) -> String {
    // `+` is a plus in a path; the query's rules do not hold here.
    let pairs = super::form(&format!("x={}", segment.replace('+', "%2B")));
    pairs.into_iter().next().map(|(_, value)| value).unwrap_or_default()
}

/// The array under `key` of a body, or the 400 that misses it.
pub fn array(body: &Value, key: &str) -> Result<Vec<Value>, Answer> {
    let array = body[key].as_array().cloned();
    array.ok_or_else(|| Answer::error(400, &format!("Invalid `{key}` parameter")))
}
