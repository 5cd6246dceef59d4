//! What is sent: method, path, query, headers and body.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::Scene;

#[test]
fn a_call_sends_the_token_and_prints_the_body_untouched() {
    let scene = Scene::new();
    let body = b"{ \"b\":1.10,\n\t\"a\": \"\\u00e9\xc3\xa9\" }\n\n";
    let answer = crate::support::standin::Answer::new(200, &body[..]).header("Content-Type", "application/json");
    scene.standin.answer_next("GET", "/api2/projects", answer);
    assert_eq!(scene.call(&["GET", "/projects"]).quietly().as_bytes(), body);
    let request = &scene.standin.requests()[0];
    assert_eq!(request.header("x-api-token"), Some(scene.standin.api_token().as_str()));
    assert_eq!(request.header("authorization"), None);
    assert_eq!(request.header("accept"), Some("application/json"));
    assert_eq!(request.header("referer"), None);
}

#[test]
fn fields_become_a_json_body_and_make_it_a_post() {
    let scene = Scene::new();
    let ran =
        scene.call(&["projects", "-f", "name=Démo \"1\"", "-F", "team_id=176692", "-F", "settings[per_platform]=true"]);
    assert_eq!(ran.json()["name"], "Démo \"1\"");
    let request = &scene.standin.requests()[0];
    assert_eq!((request.method.as_str(), request.target.as_str()), ("POST", "/api2/projects"));
    assert_eq!(request.header("content-type"), Some("application/json"));
    assert_eq!(
        String::from_utf8_lossy(&request.body),
        r#"{"name":"Démo \"1\"","team_id":176692,"settings":{"per_platform":true}}"#
    );
    assert_eq!(request.header("content-length"), Some(request.body.len().to_string().as_str()));
    assert_eq!(request.header("transfer-encoding"), None);
}

#[test]
fn a_branch_and_odd_characters_are_percent_encoded() {
    let scene = Scene::new();
    scene.standin.answer_always("GET", "/api2/*", crate::support::standin::Answer::new(200, "{}"));
    scene
        .call(&[
            "GET",
            "/projects/{project_id}/keys",
            "--branch",
            "feature/ä b",
            "-f",
            "filter_keys=a&b=c",
            "--query",
            "filter_tags=1+1",
        ])
        .quietly();
    let request = &scene.standin.requests()[0];
    let project = scene.standin.project_id();
    assert_eq!(request.path(), format!("/api2/projects/{project}:feature%2F%C3%A4%20b/keys"));
    let pairs =
        [("filter_tags", "1+1"), ("filter_keys", "a&b=c")].map(|(key, value)| (key.to_owned(), value.to_owned()));
    assert_eq!(request.query(), pairs);
}

#[test]
fn input_is_sent_byte_for_byte_from_a_file_or_from_stdin() {
    let scene = Scene::new();
    let body = "{\"name\" : \"x\"}\r\n\u{feff}";
    scene.file("body.json", body);
    for arguments in [["projects", "--input", "body.json"], ["projects", "--input", "-"]] {
        scene.standin.forget_requests();
        scene.call_with(&arguments, body);
        assert_eq!(scene.standin.requests()[0].body, body.as_bytes());
        assert_eq!(scene.standin.requests()[0].method, "POST");
    }
}

#[test]
fn an_upload_is_one_line_of_base64_with_its_length_said() {
    let scene = Scene::new();
    let content: Vec<u8> = (0..1_000_001_u32).map(|number| u8::try_from(number % 253).unwrap()).collect();
    scene.file("en.json", &content);
    let ran = scene.call(&[
        "POST",
        "/projects/{p}/files/upload",
        "-F",
        "data=@base64:en.json",
        "-f",
        "filename=en.json",
        "-f",
        "lang_iso=en",
    ]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let request = &scene.standin.requests()[0];
    let data = STANDARD.decode(request.json()["data"].as_str().unwrap()).unwrap();
    assert!(data == content);
    assert_eq!(request.header("content-length"), Some(request.body.len().to_string().as_str()));
}

#[test]
fn own_headers_go_along_and_those_of_a_credential_do_not() {
    let scene = Scene::new();
    scene.call(&["GET", "/projects", "-H", "X-Trace: a b", "-H", "accept: */*"]);
    let request = &scene.standin.requests()[0];
    assert_eq!(request.header("x-trace"), Some("a b"));
    assert_eq!(request.all_headers("accept").collect::<Vec<_>>(), ["*/*"]);
    scene.standin.forget_requests();
    for header in ["Authorization: Bearer x", "x_api_token: x", "Host: evil", "Content-Length: 1", "Cookie: a=b"] {
        scene.call(&["GET", "/projects", "-H", header]).failed(2);
    }
    assert_eq!(scene.standin.requests().len(), 0);
}

#[test]
fn bad_input_is_one_line_and_nothing_is_sent() {
    let scene = Scene::new();
    scene.file("no-array.json", r#"{"keys":{"a":1}}"#);
    scene.file("binary", [0xc3, 0x28]);
    let cases: &[&[&str]] = &[
        &["FETCH", "/projects"],
        &["GET"],
        &["POST", "/projects", "-f", "name"],
        &["POST", "/projects", "-f", "a[b=1"],
        &["POST", "/projects", "-f", "a=1", "-f", "a=2"],
        &["POST", "/projects", "-f", "a=1", "-f", "a[b]=2"],
        &["POST", "/projects", "-F", "data=@missing"],
        &["POST", "/projects", "-F", "data=@base64:missing"],
        &["POST", "/projects", "-F", "data=@."],
        &["POST", "/projects", "-F", "data=@binary"],
        &["POST", "/projects", "--input", "missing"],
        &["POST", "/projects", "--input", "."],
        &["POST", "/projects", "--input", "-", "-F", "a=@-"],
        &["POST", "/projects", "-F", "a=@-", "-F", "b=@-"],
        &["POST", "/projects", "--paginate"],
        &["POST", "/projects/{p}/keys", "--batch", "keys:5"],
        &["POST", "/projects/{p}/keys", "--input", "no-array.json", "--batch", "keys:5"],
        &["POST", "/projects/{p}/keys", "--input", "no-array.json", "--batch", "keys"],
        &["GET", "/projects", "--jq", ".projects["],
        &["GET", "/projects", "--jq", "nonsense"],
        &["GET", "/projects", "--fail-unless", "]"],
        &["GET", "/projects", "--query", "limit"],
        &["GET", "/projects", "-o", "missing/file"],
        &["GET", "/projects", "-o", "."],
        &["GET", "/projects/{p}/keys/{key_id}"],
        &["GET", "/projects/1/keys", "--branch", "dev"],
    ];
    for arguments in cases {
        let ran = scene.call(arguments);
        assert!(!ran.failed(2).is_empty(), "{arguments:?}");
        assert_eq!(ran.stdout, "", "{arguments:?}");
        let lines: Vec<&str> = ran.stderr.lines().filter(|line| !line.starts_with("hint: ")).collect();
        assert_eq!(lines.len(), 1, "{arguments:?}: {}", ran.stderr);
    }
    assert_eq!(scene.standin.requests().len(), 0);
}

#[test]
fn a_path_that_leaves_the_api_opens_no_socket() {
    let mut scene = Scene::new();
    // Whoever connects anywhere at all is seen here.
    let wire = crate::support::wire::Wire::alone();
    scene.home.set("LOKALISE_API_URL", &wire.api_url());
    let elsewhere = format!("http://{}/api2/projects", scene.standin.address());
    for path in [
        "//evil.com/x",
        "\\\\evil.com\\x",
        "/\\evil.com",
        "\thttps://evil.com",
        "/\t/evil.com",
        "http:evil",
        "@evil.com",
        "https://evil.com/api2/projects",
        elsewhere.as_str(),
        "https://user@evil.com/api2/projects",
        "/../oauth2/token",
        "/%2e%2e/oauth2/token",
        "/projects/../../oauth2",
        "/projects/%2E%2e/..%2foauth2",
        "/proj\nects",
        "/proj\u{1b}ects",
        "/a b",
        "ftp://127.0.0.1/api2/x",
        "C:/Program Files/Git/projects",
        "",
    ] {
        let ran = scene.call(&["GET", path]);
        assert!(!ran.failed(2).is_empty(), "{path:?}");
        assert_eq!(ran.stdout, "", "{path:?}");
    }
    assert_eq!(wire.connections(), 0);
    assert_eq!(scene.standin.requests().len(), 0);
}

#[test]
fn a_read_only_call_sends_no_write_but_exports() {
    let scene = Scene::new();
    for arguments in [
        &["POST", "/projects", "-f", "name=x", "--read-only"][..],
        &["DELETE", "/projects/{p}", "--read-only"],
        &["POST", "/projects/{p}/files/upload", "-f", "a=1", "--read-only"],
    ] {
        scene.call(arguments).failed(2);
    }
    assert_eq!(scene.standin.requests().len(), 0);
    scene.call(&["GET", "/projects", "--read-only"]).quietly();
    scene.call(&["POST", "/projects/{p}/files/download", "-f", "format=json", "--read-only"]).quietly();
    scene.call(&["POST", "/projects/{p}/files/async-download", "-f", "format=json", "--read-only"]).quietly();
}

#[test]
fn a_profile_that_was_stored_read_only_stays_so() {
    let mut scene = Scene::new();
    scene.home.unset("LOKALISE_API_TOKEN");
    scene.home.set_token(&["--read-only"]);
    scene.standin.forget_requests();
    let ran = scene.call(&["DELETE", "/projects/{p}"]);
    assert!(ran.failed(2).contains("only reading is allowed"), "{}", ran.stderr);
    assert_eq!(scene.standin.requests().len(), 0);
    scene.call(&["GET", "/projects"]).quietly();
}
