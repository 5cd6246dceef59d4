//! A request as it would be sent: to read, and as a curl command. The credential is named, never shown.

use std::fmt::Write;

use serde_json::{Map, Value, json};

use super::body::{BodyPart, RequestBody};
use super::input::ByteSource;
use super::request::ApiRequest;
use crate::credential::CredentialKind;

/// Linux refuses an argument above 128 KiB.
const MAX_ARGUMENT_BYTES: u64 = 96 * 1024;

/// The request line, the headers and the body. Contents of files are replaced by the names of the files.
pub fn as_request(request: &ApiRequest, kind: CredentialKind) -> String {
    let name = credential_header(kind);
    let mut shown = format!("{} {}\n{name}: [redacted]\n", request.method, request.url);
    for (name, value) in &request.headers {
        line(&mut shown, format_args!("{name}: {}", String::from_utf8_lossy(value.as_bytes())));
    }
    let Some(body) = &request.body else { return shown };
    line(&mut shown, format_args!("content-length: {}\n", body.length()));
    shown.push_str(&shown_body(body));
    shown.push('\n');
    shown
}

/// The same as one JSON object. A JSON body is included as JSON. Contents of files are replaced by the names of the
/// files.
pub fn as_json(request: &ApiRequest, kind: CredentialKind) -> Value {
    let mut headers = Map::new();
    headers.insert(credential_header(kind).to_owned(), "[redacted]".into());
    for (name, value) in &request.headers {
        headers.insert(name.to_string(), String::from_utf8_lossy(value.as_bytes()).into());
    }
    let mut object = json!({"method": request.method.as_str(), "url": request.url.as_str(), "headers": headers});
    if let Some(body) = &request.body {
        let text = shown_body(body);
        object["body"] = serde_json::from_str(&text).unwrap_or(Value::String(text));
        object["body_length"] = body.length().into();
    }
    object
}

fn credential_header(kind: CredentialKind) -> &'static str {
    match kind {
        CredentialKind::ApiToken => "x-api-token",
        CredentialKind::OAuth => "authorization",
    }
}

/// The body, with the names of files in place of their contents.
fn shown_body(body: &RequestBody) -> String {
    let mut shown = String::new();
    for part in &body.parts {
        match part {
            BodyPart::Text(text) => shown.push_str(&String::from_utf8_lossy(text)),
            BodyPart::Raw(source) => shown.extend(["<", &named(source), ">"]),
            BodyPart::Base64(source) => shown.extend(["<base64 of ", &named(source), ">"]),
        }
    }
    shown
}

fn line(text: &mut String, line: std::fmt::Arguments) {
    writeln!(text, "{line}").expect("a String takes all");
}

fn named(source: &ByteSource) -> String {
    match source {
        ByteSource::File { path: Some(path), length, .. } => format!("{}, {length} bytes", path.display()),
        source => format!("standard input, {} bytes", source.length()),
    }
}

/// A shell command that sends the same request with curl. It works as pasted if the variable of the token is set.
pub fn as_curl(request: &ApiRequest, kind: CredentialKind) -> String {
    let token = match kind {
        CredentialKind::ApiToken => "\"X-Api-Token: $LOKALISE_API_TOKEN\"",
        CredentialKind::OAuth => "\"Authorization: Bearer $LOKALISE_ACCESS_TOKEN\"",
    };
    let mut command = String::from("curl");
    match request.method.as_str() {
        // With a body curl would send a POST.
        "GET" if request.body.is_none() => {}
        "HEAD" => command.push_str(" --head"),
        method => command.extend([" -X ", method]),
    }
    // curl takes brackets and braces in a URL for lists of URLs.
    if request.url.as_str().contains(['[', ']', '{', '}']) {
        command.push_str(" --globoff");
    }
    command.extend([" ", &quoted(request.url.as_str()), " -H ", token]);
    for (name, value) in &request.headers {
        // curl drops a header without a value, unless a semicolon ends its name.
        let header = match value.as_bytes() {
            [] => format!("{name};"),
            value => format!("{name}: {}", String::from_utf8_lossy(value)),
        };
        command.extend([" -H ", &quoted(&header)]);
    }
    let Some(body) = &request.body else { return command };
    match &body.parts[..] {
        [BodyPart::Text(text)] if body.length() <= MAX_ARGUMENT_BYTES => {
            command.extend([" --data-raw ", &quoted(&String::from_utf8_lossy(text))]);
        }
        [BodyPart::Raw(source)] => command.extend([" --data-binary ", &quoted(&format!("@{}", file(source)))]),
        _ => command = format!("{} | {command} --data-binary @-", piped(body)),
    }
    command
}

/// Commands that write the body. `printf` is a builtin, so that no argument is too long for it.
fn piped(body: &RequestBody) -> String {
    let mut commands: Vec<String> = Vec::with_capacity(body.parts.len());
    for part in &body.parts {
        commands.push(match part {
            BodyPart::Text(text) => format!("printf %s {}", quoted(&String::from_utf8_lossy(text))),
            BodyPart::Raw(source) => format!("cat {}", quoted(&file(source))),
            // GNU's base64 breaks lines, and other ones have no flag against it.
            BodyPart::Base64(source) => format!("base64 < {} | tr -d '\\n'", quoted(&file(source))),
        });
    }
    format!("{{ {}; }}", commands.join("; "))
}

fn file(source: &ByteSource) -> String {
    match source {
        ByteSource::File { path: Some(path), .. } => path.display().to_string(),
        _ => "/dev/stdin".to_owned(),
    }
}

fn quoted(text: &str) -> String {
    shell_words::quote(text).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::fields::{FieldArgument, Fields};
    use crate::call::input::Inputs;
    use crate::call::target::{Project, target};
    use crate::origin::ApiUrl;
    use reqwest::Method;
    use reqwest::header::HeaderMap;

    fn request(method: Method, path: &str, body: Option<RequestBody>) -> ApiRequest {
        let api = ApiUrl::parse("https://api.lokalise.com/api2").unwrap();
        ApiRequest::new(method, target(path, &api, Project::default()).unwrap(), HeaderMap::new(), body)
    }

    fn upload(path: &std::path::Path) -> RequestBody {
        let fields =
            [FieldArgument::Raw("it's=x".into()), FieldArgument::Magic(format!("data=@base64:{}", path.display()))];
        Fields::read(&fields, &mut Inputs::new(None)).unwrap().into_body().unwrap()
    }

    #[test]
    fn a_request_is_shown_without_its_credential() {
        let shown =
            as_request(&request(Method::POST, "projects", Some(RequestBody::of("{}"))), CredentialKind::ApiToken);
        assert_eq!(
            shown,
            "POST https://api.lokalise.com/api2/projects\nx-api-token: [redacted]\naccept: application/json\n\
             content-type: application/json\ncontent-length: 2\n\n{}\n"
        );
        let shown = as_request(&request(Method::GET, "projects", None), CredentialKind::OAuth);
        assert!(shown.ends_with("authorization: [redacted]\naccept: application/json\n"), "{shown}");
    }

    #[test]
    fn a_request_is_one_json_object() {
        let shown =
            as_json(&request(Method::POST, "projects", Some(RequestBody::of("{\"a\":1}"))), CredentialKind::ApiToken);
        assert_eq!(
            shown,
            json!({
                "method": "POST",
                "url": "https://api.lokalise.com/api2/projects",
                "headers": {
                    "x-api-token": "[redacted]",
                    "accept": "application/json",
                    "content-type": "application/json",
                },
                "body": {"a": 1},
                "body_length": 7,
            })
        );
        assert_eq!(as_json(&request(Method::GET, "projects", None), CredentialKind::OAuth).get("body"), None);
    }

    #[test]
    fn a_file_is_named_and_not_shown() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("en.json");
        std::fs::write(&path, "{}").unwrap();
        let shown = as_request(&request(Method::POST, "projects", Some(upload(&path))), CredentialKind::ApiToken);
        let body = format!("{{\"it's\":\"x\",\"data\":\"<base64 of {}, 2 bytes>\"}}\n", path.display());
        assert!(shown.ends_with(&body), "{shown}");
    }

    #[test]
    fn curl_gets_the_token_from_its_variable() {
        assert_eq!(
            as_curl(&request(Method::GET, "projects?limit=1&filter_names=a%20b", None), CredentialKind::ApiToken),
            "curl 'https://api.lokalise.com/api2/projects?limit=1&filter_names=a%20b' \
             -H \"X-Api-Token: $LOKALISE_API_TOKEN\" -H 'accept: application/json'"
        );
        let body = RequestBody::of(r#"{"name":"it's"}"#);
        assert_eq!(
            as_curl(&request(Method::PUT, "projects/1", Some(body)), CredentialKind::OAuth),
            "curl -X PUT https://api.lokalise.com/api2/projects/1 \
             -H \"Authorization: Bearer $LOKALISE_ACCESS_TOKEN\" -H 'accept: application/json' \
             -H 'content-type: application/json' --data-raw '{\"name\":\"it'\\''s\"}'"
        );
        let with_body = as_curl(&request(Method::GET, "projects", Some(RequestBody::of("{}"))), CredentialKind::OAuth);
        assert!(with_body.starts_with("curl -X GET https://"), "{with_body}");
        let mut empty = request(Method::GET, "projects", None);
        empty.headers.insert("x-a", "".parse().unwrap());
        assert!(as_curl(&empty, CredentialKind::OAuth).ends_with(" -H 'x-a;'"));
        assert!(
            as_curl(&request(Method::HEAD, "projects?a[]=1", None), CredentialKind::OAuth).contains("--head --globoff")
        );
    }

    #[cfg(unix)]
    #[test]
    fn the_commands_that_write_a_body_write_that_body() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("it's a file");
        std::fs::write(&path, "x".repeat(100)).unwrap();
        let body = upload(&path);
        let ran = std::process::Command::new("sh").args(["-c", &piped(&body)]).output().unwrap();
        assert_eq!(ran.stdout, body.bytes().unwrap());
    }
}
