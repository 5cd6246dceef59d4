//! `--dry-run`, `--curl` and `scopes`: what is shown, and that nothing is sent.

use super::{Ran, Scene};

#[test]
fn a_dry_run_shows_the_request_and_sends_nothing() {
    let scene = Scene::new();
    let ran = scene.call(&["POST", "/projects", "-f", "name=Demo", "-H", "X-A: b", "--dry-run"]).quietly();
    let url = format!("{}/projects", scene.standin.api_url());
    assert_eq!(
        ran,
        format!(
            "POST {url}\nx-api-token: [redacted]\nx-a: b\naccept: application/json\ncontent-type: application/json\n\
             content-length: 15\n\n{{\"name\":\"Demo\"}}\n"
        )
    );
    let ran = scene.call(&["GET", "/projects/{p}/keys", "--paginate", "--dry-run"]);
    assert!(ran.stdout.contains("/keys?pagination=cursor&limit=500\n"), "{}", ran.stdout);
    assert_eq!(scene.standin.requests().len(), 0);
}

#[cfg(unix)]
#[test]
fn a_curl_command_works_as_pasted() {
    let scene = Scene::new();
    scene.file("it's en.json", "{\"a\": 1}");
    for arguments in [
        &["GET", "/projects?limit=1", "--query", "filter_names=a b"][..],
        &["POST", "/projects", "-f", "name=it's \"quoted\" $HOME `x`"],
        &[
            "POST",
            "/projects/{p}/files/upload",
            "-F",
            "data=@base64:it's en.json",
            "-f",
            "filename=x",
            "-f",
            "lang_iso=en",
        ],
        &["POST", "/projects/{p}/keys", "--input", "it's en.json"],
        &["DELETE", "/projects/{p}"],
    ] {
        scene.standin.forget_requests();
        let command = scene.call(&[arguments, &["--curl"]].concat()).quietly();
        assert!(command.contains("$LOKALISE_API_TOKEN"), "{command}");
        assert_eq!(scene.standin.requests().len(), 0);
        scene.home.other("sh", ["-c", &command]).output().unwrap();
        scene.call(arguments);
        let requests = scene.standin.requests();
        assert_eq!(requests.len(), 2, "{command}");
        let (by_curl, by_us) = (&requests[0], &requests[1]);
        assert_eq!((&by_curl.method, &by_curl.target), (&by_us.method, &by_us.target));
        assert_eq!(String::from_utf8_lossy(&by_curl.body), String::from_utf8_lossy(&by_us.body), "{command}");
        for header in ["x-api-token", "accept", "content-type"] {
            assert_eq!(by_curl.header(header), by_us.header(header), "{header}");
        }
    }
}

#[test]
fn without_a_credential_a_request_can_still_be_shown() {
    let mut scene = Scene::new();
    scene.home.unset("LOKALISE_API_TOKEN");
    let ran = scene.call(&["GET", "/projects", "--curl"]).quietly();
    assert!(ran.starts_with("curl http"), "{ran}");
    scene.call(&["GET", "/projects"]).failed(4);
    assert_eq!(scene.standin.requests().len(), 0);
}

#[test]
fn the_log_names_requests_and_no_secret() {
    let scene = Scene::new();
    let ran = scene.call(&["GET", "/projects", "-vv", "--silent"]);
    assert!(ran.stderr.contains("> GET "), "{}", ran.stderr);
    assert!(ran.stderr.contains("x-api-token: [redacted]"), "{}", ran.stderr);
    assert!(ran.stderr.contains("< 200 OK"), "{}", ran.stderr);
}

#[test]
fn scopes_are_listed_for_one_endpoint_or_for_all() {
    let scene = Scene::new();
    let scopes = |arguments: &[&str]| Ran::of(&scene.home.cmd(["scopes"]).args(arguments).output().unwrap());
    let one = scopes(&["POST", "/projects/{project_id}/keys"]).quietly();
    assert_eq!(one.lines().count(), 2, "{one}");
    assert!(one.ends_with("\nPOST    /projects/{p}/keys  write_keys  Create keys\n"), "{one}");
    let files = scopes(&["get", "projects/1/files"]).quietly();
    assert!(files.lines().any(|line| line.split_whitespace().nth(2) == Some("read_files")), "{files}");
    let json = scopes(&["--json"]).json();
    let endpoints = json.as_array().expect("a list").len();
    let table = scopes(&[]).quietly();
    // A summary that needs a second line begins with blanks there.
    let rows =
        table.lines().skip(1).filter(|line| line.starts_with(|c: char| c.is_ascii_uppercase()) && line.contains('/'));
    assert_eq!(rows.count(), endpoints, "{table}");
    assert!(endpoints > 100, "{endpoints}");
    let json = scopes(&["POST", "/projects/1/files/download", "--json"]).json();
    assert_eq!((&json["scope"], &json["confidence"]), (&"read_files".into(), &"high".into()));
    scopes(&["GET", "/nothing"]).failed(2);
    assert_eq!(scene.standin.requests().len(), 0);
}
