//! The error for an answer that is not a success: one sentence, the id for Lokalise's support, and
//! hints where something is known to help.

use std::time::Duration;

use reqwest::Method;

use super::request::ApiRequest;
use super::response::ApiResponse;
use super::send::{MAX_REDIRECTS, time_to_come_back};
use crate::error::{Error, ErrorKind};
use crate::escape::escaped;
use crate::json::list::BodySummary;
use crate::lokalise::api_error::{ApiError, named, shorten};
use crate::lokalise::endpoints::{self, Paging, Scope};
use crate::shell;

/// The most members that are named as "not done". No answer of Lokalise has more than two.
const MAX_NOT_DONE: usize = 5;

/// The parts of an answer's head that matter for an error.
#[derive(Clone, Debug, Default)]
pub struct ResponseHead {
    pub status: u16,
    pub location: Option<String>,
    pub request_id: Option<String>,
    /// Whether there is an `X-Response-Too-Big`, whatever its value.
    pub too_big: bool,
    /// Whether the request's method writes.
    pub is_of_write: bool,
    pub come_back: Option<Duration>,
}

impl ResponseHead {
    pub fn of(answer: &ApiResponse) -> Self {
        Self {
            status: answer.status(),
            location: answer.header("location"),
            request_id: answer.request_id(),
            too_big: answer.headers().contains_key("x-response-too-big"),
            is_of_write: answer.is_of_write,
            come_back: answer.come_back,
        }
    }
}

/// What is known about the credential that was refused.
pub struct CredentialInfo {
    /// ` --profile NAME` where a pasted command needs it.
    pub profile_flag: String,
    /// The variable that the credential came from, if it came from one.
    pub variable: Option<&'static str>,
    /// What to do about the token, if a command prints it.
    pub command_hint: Option<String>,
    /// The length of an API token, if it is not the usual one.
    pub odd_length: Option<usize>,
    pub is_oauth: bool,
    /// The scopes of the credential, where they are known.
    pub scopes: Option<Vec<String>>,
    /// The same export as an asynchronous one, ready to paste.
    pub async_export: Option<String>,
    /// Whether the list is fetched page by page already.
    pub paginates: bool,
}

/// A refused request, from the head of its answer and the beginning of its body.
pub fn refusal(request: &ApiRequest, head: &ResponseHead, body: &[u8], credential_info: &CredentialInfo) -> Error {
    if (300..400).contains(&head.status)
        && let Some(location) = &head.location
    {
        return redirected(head, location);
    }
    let said = ApiError::read(head.status, body);
    let is_too_big = head.status == 413 || head.too_big || says_too_big(&said.message);
    let mut error = said.into_error(head.request_id.clone());
    error.message = without_queries(&error.message);
    match error.kind {
        ErrorKind::NotLoggedIn => {
            error.hints.extend(credential_info.odd_length.map(|length| {
                format!("the token has {length} characters, and an API token of Lokalise has 40: is it whole?")
            }));
            error.hints.push(login_hint(credential_info));
        }
        ErrorKind::NotAllowed => error.hints.extend(rights_hints(request, credential_info)),
        _ if matches!(head.status, 404 | 405) => error.hints.extend(path_hint(request)),
        _ if is_too_big => error.hints.extend(too_big_hint(request, credential_info)),
        _ => {}
    }
    if let Some(wait) = head.come_back {
        error.hints.push(time_to_come_back(wait));
    }
    error
}

/// Whether a message says that a synchronous export is too big. It comes with 413 and with 400.
fn says_too_big(message: &str) -> bool {
    let message = message.to_ascii_lowercase();
    message.contains("too big") && message.contains("async")
}

/// What to do about an answer that is, or soon will be, too big.
pub fn too_big_hint(request: &ApiRequest, credential_info: &CredentialInfo) -> Option<String> {
    if let Some(line) = &credential_info.async_export {
        return Some(format!("export it asynchronously: `{line}`"));
    }
    let is_list = matches!(request.paging(), Paging::Offset(_) | Paging::OffsetOrCursor(_) | Paging::Cursor(_));
    let hint = if credential_info.paginates {
        "ask for smaller pages, such as `--query limit=50`"
    } else {
        "--paginate fetches the list page by page"
    };
    (is_list && request.method == Method::GET).then(|| hint.to_owned())
}

/// The known endpoints whose paths are similar to an unknown one.
fn path_hint(request: &ApiRequest) -> Option<String> {
    if request.endpoint().is_some() {
        return None;
    }
    let nearest = endpoints::nearest(request.method.as_str(), &request.path);
    let names: Vec<String> =
        nearest.iter().map(|endpoint| format!("`{} {}`", endpoint.operation.method, endpoint.typed())).collect();
    (!names.is_empty()).then(|| format!("no endpoint is known at this path; the nearest: {}", names.join(", ")))
}

/// Where a redirect would have led. Its query may hold a signature and is left out.
fn redirected(head: &ResponseHead, location: &str) -> Error {
    let location = &without_user(location);
    let place = match location.split_once(['?', '#']) {
        Some((place, _)) => format!("{}?…", shorten(place)),
        None => shorten(location),
    };
    let message = format!("redirected to `{}`, which is not followed (HTTP {})", escaped(&place), head.status);
    let hint = format!("GET and HEAD follow up to {MAX_REDIRECTS} redirects that keep the scheme, host and port");
    let error = Error::new(ErrorKind::Refused, message).hint(hint);
    Error { status: Some(head.status), request_id: head.request_id.clone(), ..error }
}

/// A URL without a user name and a password.
fn without_user(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("//") else { return url.to_owned() };
    let (host, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let host = host.rsplit('@').next().unwrap_or_default();
    format!("{scheme}//{host}{path}")
}

fn login_hint(credential_info: &CredentialInfo) -> String {
    if let Some(hint) = &credential_info.command_hint {
        return hint.clone();
    }
    match credential_info.variable {
        Some(name) => format!("`lokalise-auth whoami` shows whether the token in {name} works"),
        None => format!(
            "`lokalise-auth whoami{0}` shows whether the token works; `lokalise-auth {1}{0}` replaces it",
            credential_info.profile_flag,
            if credential_info.is_oauth { "login" } else { "token set" }
        ),
    }
}

/// What the caller lacks: a scope of the OAuth token, or a right of the API token's owner.
fn rights_hints(request: &ApiRequest, credential_info: &CredentialInfo) -> Vec<String> {
    if let Some(hint) = scope_hint(request, credential_info) {
        return vec![hint];
    }
    let mut hints = Vec::new();
    if !credential_info.is_oauth {
        let place = if request.path.starts_with("/api2/teams/") { "team" } else { "project" };
        hints.push(format!(
            "an API token has the rights of its owner: it may be read-only, or its owner may not be an admin of this {place}"
        ));
    }
    if let Some(endpoint) = request.endpoint()
        && let Some(right) = endpoint.operation.right
    {
        hints.push(format!("`{} {}` needs {right}", endpoint.operation.method, endpoint.typed()));
    }
    hints
}

/// The scope that is missing, and the login that asks for it together with the present ones.
fn scope_hint(request: &ApiRequest, credential_info: &CredentialInfo) -> Option<String> {
    let endpoint = request.endpoint()?;
    let needed = endpoint.operation.scope.name().filter(|_| credential_info.is_oauth)?;
    let place = format!("`{} {}`", endpoint.operation.method, endpoint.typed());
    let sure = match endpoint.operation.scope {
        Scope::High(_) => "needs",
        _ => "is said to need",
    };
    let Some(scopes) = &credential_info.scopes else {
        return Some(format!("{place} {sure} the scope `{needed}`"));
    };
    if scopes.iter().any(|scope| scope == needed) {
        return None;
    }
    let known = scopes.iter().map(String::as_str).filter(|scope| is_scope_token(scope));
    let all: Vec<&str> = known.chain([needed]).collect();
    let scopes = all.join(",");
    let login = format!("lokalise-auth login{} --scope {}", credential_info.profile_flag, shell::quote(&scopes));
    Some(match credential_info.variable {
        Some(_) => format!("{place} {sure} the scope `{needed}`, which this token does not have"),
        None => format!("{place} {sure} the scope `{needed}`, which this login does not have: `{login}`"),
    })
}

/// Whether a granted scope may be part of a command: the characters of RFC 6749 §3.3 without separators.
fn is_scope_token(scope: &str) -> bool {
    !scope.is_empty()
        && scope.len() <= 64
        && scope.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.:".contains(&byte))
}

/// The errors in a success: a top-level `error`, or items that were refused.
///
/// # Errors
/// Refused.
pub fn judged(summary: &BodySummary, head: &ResponseHead, allow_partial: bool) -> Result<(), Error> {
    if let Some(error) = &summary.error {
        let body = serde_json::json!({ "error": error }).to_string();
        let said = ApiError::read(head.status, body.as_bytes());
        let error = said.into_error(head.request_id.clone());
        return Err(Error { message: without_queries(&error.message), ..error });
    }
    if allow_partial {
        return Ok(());
    }
    let mut said: Vec<String> = match summary.errors.len() {
        0 if summary.more_errors => vec!["more items were refused than can be shown".to_owned()],
        0 => Vec::new(),
        1 => vec![format!("1 item was refused: {}", named(&summary.errors))],
        count => vec![format!("{count} items were refused: {}", named(&summary.errors))],
    };
    let mut hint = "the others were accepted; --allow-partial makes that a success";
    if head.is_of_write && !summary.not_done.is_empty() {
        said.push(format!(
            "it was not all done: {}",
            summary.not_done[..summary.not_done.len().min(MAX_NOT_DONE)].join(", ")
        ));
        hint = "--allow-partial makes that a success";
    }
    if said.is_empty() {
        return Ok(());
    }
    let message = without_queries(&format!("{} (HTTP {})", said.join("; "), head.status));
    Err(Error {
        status: Some(head.status),
        request_id: head.request_id.clone(),
        ..Error::new(ErrorKind::Refused, message).hint(hint)
    })
}

/// Text without the queries of its URLs: the query of a bundle's address holds the signature that gives access to it.
pub fn without_queries(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    // Each byte is read a fixed number of times, so that a long text takes linear time.
    while let Some(start) = rest.as_bytes().windows(4).position(|word| word.eq_ignore_ascii_case(b"http")) {
        let url = &rest[start..];
        let scheme = url.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(url.len());
        if !url[scheme..].starts_with(':') {
            shown.push_str(&rest[..start + scheme]);
            rest = &url[scheme..];
            continue;
        }
        let ends = |(at, c): &(usize, char)| match c {
            '"' => !url[..*at].ends_with('\\'),
            c => c.is_whitespace() || matches!(c, '\'' | '`' | '<' | '>'),
        };
        let end = url.char_indices().find(ends).map_or(url.len(), |(at, _)| at);
        let query = url[..end].find(['?', '#']);
        shown.push_str(&rest[..start + query.unwrap_or(end)]);
        if query.is_some() {
            shown.push_str("?…");
        }
        rest = &url[end..];
    }
    shown + rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::target::{Project, target};
    use crate::origin::ApiUrl;
    use reqwest::Method;
    use reqwest::header::HeaderMap;

    fn request(method: Method, path: &str) -> ApiRequest {
        let api = ApiUrl::parse("https://api.lokalise.com/api2").unwrap();
        ApiRequest::new(method, target(path, &api, Project::default()).unwrap(), HeaderMap::new(), None)
    }

    fn credential_info(scopes: Option<&[&str]>) -> CredentialInfo {
        CredentialInfo {
            profile_flag: " --profile work".to_owned(),
            variable: None,
            command_hint: None,
            odd_length: None,
            is_oauth: scopes.is_some(),
            scopes: scopes.map(|scopes| scopes.iter().map(|&scope| scope.to_owned()).collect()),
            async_export: None,
            paginates: false,
        }
    }

    fn head(status: u16) -> ResponseHead {
        ResponseHead { status, ..ResponseHead::default() }
    }

    fn refusal_of(
        request: &ApiRequest,
        head: &ResponseHead,
        body: &str,
        credential_info: &CredentialInfo,
    ) -> (String, Vec<String>) {
        let error = refusal(request, head, body.as_bytes(), credential_info);
        (error.message, error.hints)
    }

    #[test]
    fn a_missing_scope_is_named_with_the_login_that_asks_for_it() {
        let scopes = ["read_keys", "read_projects"];
        let keys = request(Method::POST, "/projects/1:dev/keys");
        let (message, hints) =
            refusal_of(&keys, &head(403), r#"{"error":{"message":"Forbidden"}}"#, &credential_info(Some(&scopes)));
        assert_eq!(message, "Forbidden (HTTP 403)");
        assert_eq!(
            hints,
            ["`POST /projects/{project_id}/keys` needs the scope `write_keys`, which this login does not have: \
             `lokalise-auth login --profile work --scope read_keys,read_projects,write_keys`"]
        );
    }

    #[test]
    fn a_scope_that_is_there_or_not_known_is_not_blamed() {
        let scopes = ["write_keys"];
        let hints = |request: &ApiRequest, credential_info: &CredentialInfo| {
            refusal_of(request, &head(403), "", credential_info).1
        };
        let right = "`POST /projects/{project_id}/keys` needs the admin right `Manage keys` in the project";
        assert_eq!(hints(&request(Method::POST, "/projects/1/keys"), &credential_info(Some(&scopes))), [right]);
        assert_eq!(hints(&request(Method::GET, "/v1/audit-logs"), &credential_info(Some(&scopes))), [""; 0]);
    }

    #[test]
    fn only_scope_tokens_are_pasted() {
        let scopes = ["read_keys", "$(touch made)", "a;b", ""];
        let (_, hints) =
            refusal_of(&request(Method::POST, "/projects/1/keys"), &head(403), "", &credential_info(Some(&scopes)));
        assert!(hints[0].ends_with("`lokalise-auth login --profile work --scope read_keys,write_keys`"), "{hints:?}");
    }

    #[test]
    fn the_rights_of_an_api_token_are_those_of_its_owner() {
        let hints = |method, path| refusal_of(&request(method, path), &head(403), "", &credential_info(None)).1;
        let keys = hints(Method::DELETE, "/projects/1/keys/2");
        assert!(keys[0].contains("read-only") && keys[0].contains("admin of this project"), "{keys:?}");
        assert_eq!(
            keys[1],
            "`DELETE /projects/{project_id}/keys/{key_id}` needs the admin right `Manage keys` in the project"
        );
        let users = hints(Method::GET, "/teams/1/users");
        assert!(users[0].contains("admin of this team"), "{users:?}");
        assert_eq!(users[1], "`GET /teams/{team_id}/users` needs the admin role in the team");
        assert_eq!(hints(Method::GET, "/projects").len(), 1, "no right is on record for it");
    }

    #[test]
    fn a_path_that_no_endpoint_has_gets_the_nearest() {
        let hints = |path| refusal_of(&request(Method::GET, path), &head(404), "", &credential_info(None)).1;
        assert_eq!(
            hints("/projects/1.2/key"),
            ["no endpoint is known at this path; the nearest: `GET /projects/{project_id}/keys`"]
        );
        assert_eq!(hints("/projects/1.2/keys"), [""; 0], "it is known, and the project or the key is not there");
        assert_eq!(hints("/zzz"), [""; 0]);
    }

    #[test]
    fn a_list_that_is_too_big_comes_page_by_page() {
        let hints = |method, path, paginates| {
            let credential_info = CredentialInfo { paginates, ..credential_info(None) };
            refusal_of(&request(method, path), &head(413), "", &credential_info).1
        };
        for path in ["/projects/1/keys", "/projects/1/translations", "/projects/1/glossary-terms", "/projects"] {
            assert_eq!(hints(Method::GET, path, false), ["--paginate fetches the list page by page"]);
        }
        assert!(hints(Method::GET, "/projects/1/keys", true)[0].contains("limit=50"));
        assert_eq!(hints(Method::POST, "/projects/1/keys", false), [""; 0]);
        assert_eq!(hints(Method::GET, "/nobody/knows", false), [""; 0]);
    }

    #[test]
    fn a_400_that_says_too_big_gets_the_asynchronous_line_too() {
        let said = "Project too big for sync export. Please use our async export endpoint instead.";
        let credential_info =
            CredentialInfo { async_export: Some("lokalise-auth call POST /x".into()), ..credential_info(None) };
        let download = request(Method::POST, "/projects/1/files/download");
        let hints = |message: &str| {
            refusal_of(&download, &head(400), &format!(r#"{{"error":{{"message":"{message}"}}}}"#), &credential_info).1
        };
        assert_eq!(hints(said), ["export it asynchronously: `lokalise-auth call POST /x`"]);
        assert_eq!(hints("Invalid `format` parameter"), [""; 0]);
    }

    #[test]
    fn a_redirect_shows_where_it_leads_and_no_signature() {
        let redirect = ResponseHead {
            status: 302,
            location: Some("https://evil/\u{1b}[2Jx?sig=secret".into()),
            ..ResponseHead::default()
        };
        let error = refusal(&request(Method::POST, "/projects"), &redirect, b"", &credential_info(None));
        assert_eq!(error.message, "redirected to `https://evil/\\u{1b}[2Jx?…`, which is not followed (HTTP 302)");
        assert_eq!(error.exit_code(), 10);
        let redirect = ResponseHead { location: Some("https://user:secret@evil/x@y".into()), ..redirect };
        let error = refusal(&request(Method::POST, "/projects"), &redirect, b"", &credential_info(None));
        assert_eq!(error.message, "redirected to `https://evil/x@y`, which is not followed (HTTP 302)");
    }

    #[test]
    fn the_time_to_wait_is_named() {
        let later = ResponseHead { come_back: Some(Duration::from_secs(90)), ..head(429) };
        let (message, hints) = refusal_of(&request(Method::GET, "/projects"), &later, "", &credential_info(None));
        assert_eq!(message, "Too Many Requests (HTTP 429)");
        assert_eq!(hints, ["try again in 1 min 30 s"]);
    }

    #[test]
    fn an_export_that_is_too_big_gets_the_asynchronous_line() {
        let mut credential_info = credential_info(None);
        credential_info.async_export = Some("lokalise-auth call POST /x".into());
        let (_, hints) =
            refusal_of(&request(Method::POST, "/projects/1/files/download"), &head(413), "", &credential_info);
        assert_eq!(hints, ["export it asynchronously: `lokalise-auth call POST /x`"]);
    }

    #[test]
    fn a_refused_token_differs_from_a_refused_request() {
        let (_, hints) = refusal_of(&request(Method::GET, "/projects"), &head(401), "", &credential_info(None));
        assert!(hints[0].contains("`lokalise-auth token set --profile work` replaces it"), "{hints:?}");
        let short = CredentialInfo { odd_length: Some(39), ..credential_info(None) };
        let (_, hints) = refusal_of(&request(Method::GET, "/projects"), &head(401), "", &short);
        assert_eq!(hints[0], "the token has 39 characters, and an API token of Lokalise has 40: is it whole?");
        let from_variable = CredentialInfo { variable: Some("LOKALISE_API_TOKEN"), ..credential_info(None) };
        let (_, hints) = refusal_of(&request(Method::GET, "/projects"), &head(401), "", &from_variable);
        assert_eq!(hints, ["`lokalise-auth whoami` shows whether the token in LOKALISE_API_TOKEN works"]);
    }

    #[test]
    fn a_success_with_errors_is_refused_unless_that_is_allowed() {
        let summary = BodySummary { errors: vec!["no".into(), "no either".into()], ..BodySummary::default() };
        let error = judged(&summary, &head(200), false).unwrap_err();
        assert_eq!((error.exit_code(), error.message.as_str()), (10, "2 items were refused: no; no either (HTTP 200)"));
        assert!(judged(&summary, &head(200), true).is_ok());
        assert!(judged(&BodySummary::default(), &head(200), false).is_ok());
        let error_object =
            BodySummary { error: Some(serde_json::json!({"message": "Broken"})), ..BodySummary::default() };
        let error = judged(&error_object, &head(200), true).unwrap_err();
        assert_eq!((error.exit_code(), error.message.as_str()), (10, "Broken (HTTP 200)"));
    }

    #[test]
    fn a_write_that_was_not_done_is_refused_unless_that_is_allowed() {
        let summary = BodySummary { not_done: vec!["`key_removed` is false".into()], ..BodySummary::default() };
        let write = ResponseHead { is_of_write: true, ..head(200) };
        let error = judged(&summary, &write, false).unwrap_err();
        assert_eq!(
            (error.exit_code(), error.message.as_str()),
            (10, "it was not all done: `key_removed` is false (HTTP 200)")
        );
        assert!(judged(&summary, &write, true).is_ok());
        assert!(judged(&summary, &head(200), false).is_ok(), "a GET reports what is so");
        let both = BodySummary { errors: vec!["no".into()], ..summary };
        let error = judged(&both, &write, false).unwrap_err();
        assert_eq!(error.message, "1 item was refused: no; it was not all done: `key_removed` is false (HTTP 200)");
    }

    #[test]
    fn a_text_of_many_schemes_is_read_once() {
        let text = "http:? http".repeat(200_000);
        assert!(without_queries(&text).contains("http:?…"));
    }

    #[test]
    fn the_query_of_a_url_is_not_shown() {
        assert_eq!(
            without_queries(r#"{"a":"https:\/\/s3.example\/b.zip?X-Amz-Signature=1&x=\"2","b":"HTTP?","c":"why?"}"#),
            r#"{"a":"https:\/\/s3.example\/b.zip?…","b":"HTTP?","c":"why?"}"#
        );
        assert_eq!(without_queries("see `HTTPS://a/?b` https://c/#d http"), "see `HTTPS://a/?…` https://c/?… http");
    }
}
