//! Flags that shape a request or its output, ours and those that people bring from other tools.

use super::Scene;
use crate::support::standin::Answer;

#[test]
fn the_method_may_be_a_flag_in_any_case() {
    let scene = Scene::new();
    for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
        scene.standin.answer_always(method, "/api2/*", Answer::new(200, "{}"));
    }
    for (arguments, method) in [
        (&["-X", "DELETE", "/x"][..], "DELETE"),
        (&["/x", "-X", "put", "-f", "a=b"], "PUT"),
        (&["--method=PATCH", "/x"], "PATCH"),
        (&["-XPOST", "/x"], "POST"),
        (&["/x", "-X", "get", "-f", "a=b"], "GET"),
    ] {
        scene.standin.forget_requests();
        scene.call(arguments).quietly();
        assert_eq!(scene.standin.requests()[0].method, method, "{arguments:?}");
    }
    scene.standin.forget_requests();
    for arguments in [
        &["GET", "/x", "-X", "POST"][..],
        &["GET", "/x", "-X", "GET"],
        &["-X", "FETCH", "/x"],
        &["-X", "POST"],
        &["-X", "POST", "/a", "/b"],
    ] {
        scene.call(arguments).failed(2);
    }
    assert_eq!(scene.standin.requests().len(), 0);
}

#[test]
fn flags_of_other_tools_get_the_name_of_ours() {
    let scene = Scene::new();
    for (arguments, ours) in [
        (&["-d", "hidden-value"][..], "-f"),
        (&["--data", "hidden-value"], "--input"),
        (&["--data=hidden-value"], "--input"),
        (&["-L"], "redirects"),
        (&["-sS"], "--paginate"),
        (&["-fsSL"], "leave them out"),
        (&["-k"], "SSL_CERT_FILE"),
        (&["-u", "hidden-value"], "whoami"),
        (&["-r"], "--jq"),
        (&["--raw-output"], "-q"),
        (&["--slurp"], "--paginate"),
        (&["--filter", "hidden-value"], "--jq"),
        (&["-t", "hidden-value"], "--jq"),
        (&["--request", "POST"], "-X"),
        (&["-I"], "-X HEAD"),
        (&["--per-page", "5"], "--query limit=N"),
        (&["--input", "{\"hidden-value\":1}"], "--input -"),
        (&["--input", "@body.json"], "--input body.json"),
    ] {
        let ran = scene.call(&[&["/projects"], arguments].concat());
        ran.failed(2);
        let hints: Vec<&str> = ran.stderr.lines().filter(|line| line.starts_with("hint: ")).collect();
        assert!(hints.iter().any(|hint| hint.contains(ours)), "{arguments:?}: {}", ran.stderr);
        assert!(!ran.stderr.contains("hidden-value"), "{}", ran.stderr);
    }
    assert_eq!(scene.standin.requests().len(), 0);
}

#[test]
fn files_for_git_are_indented_and_sorted() {
    let scene = Scene::new();
    let body = r#"{"z":[{"name":"\u00e9\/","id":1.10}],"a":{"d":1,"c":[]}}"#;
    scene.standin.answer_always("GET", "/api2/*", Answer::new(200, body).header("Content-Type", "application/json"));
    let call = |arguments: &[&str]| scene.call(&[&["GET", "/x"], arguments].concat()).quietly();
    assert_eq!(call(&[]), body);
    assert_eq!(
        call(&["--pretty"]),
        "{\n  \"z\": [\n    {\n      \"name\": \"é/\",\n      \"id\": 1.10\n    }\n  ],\n  \"a\": {\n    \"d\": 1,\n    \"c\": []\n  }\n}\n"
    );
    assert_eq!(call(&["--sort-keys"]), "{\"a\":{\"c\":[],\"d\":1},\"z\":[{\"id\":1.10,\"name\":\"é/\"}]}\n");
    assert_eq!(call(&["--sort-keys", "--pretty", "-q", ".a"]), "{\n  \"c\": [],\n  \"d\": 1\n}\n");
    assert_eq!(call(&["--paginate", "--sort-keys"]), call(&["--sort-keys"]));
    assert_eq!(call(&["--paginate", "--pretty"]), call(&["--pretty"]));
    assert_eq!(call(&["--ndjson", "--sort-keys"]), "{\"id\":1.10,\"name\":\"é/\"}\n");
    scene.call(&["GET", "/x", "--pretty", "--ndjson"]).failed(2);
    scene.call(&["GET", "/x", "--pretty", "-o", "x.json"]).quietly();
    assert_eq!(std::fs::read_to_string(scene.home.work().join("x.json")).unwrap(), call(&["--pretty"]));
}

#[test]
fn what_is_no_json_is_not_written_as_some() {
    let scene = Scene::new();
    for body in ["{\"a\":1", "<html>", "{} {}"] {
        let answer = Answer::new(200, body).header("Content-Type", "application/json");
        scene.standin.answer_always("GET", "/api2/*", answer);
        for flag in ["--pretty", "--sort-keys"] {
            scene.call(&["GET", "/x", flag]).failed(1);
        }
    }
    scene.standin.answer_always("GET", "/api2/*", Answer::new(204, ""));
    assert_eq!(scene.call(&["GET", "/x", "--pretty"]).quietly(), "");
    scene.standin.answer_always("GET", "/api2/*", Answer::new(200, "a,b\n").header("Content-Type", "text/csv"));
    assert_eq!(scene.call(&["GET", "/x", "--pretty"]).quietly(), "a,b\n");
}

#[test]
fn an_image_is_sent_as_a_data_url_by_its_content() {
    let scene = Scene::new();
    scene.standin.answer_always("POST", "/api2/*", Answer::new(200, "{}"));
    scene.file("wrong.jpg", b"\x89PNG\r\n\x1a\n\0\0");
    scene.file("shot", b"\xff\xd8\xff\xe0\0");
    scene.file("text.png", b"no image");
    scene.file("empty.png", b"");
    for (name, data) in
        [("wrong.jpg", "data:image/png;base64,iVBORw0KGgoAAA=="), ("shot", "data:image/jpeg;base64,/9j/4AA=")]
    {
        scene.standin.forget_requests();
        scene.call(&["POST", "/x", "-F", &format!("a[][data]=@dataurl:{name}"), "-f", "a[][title]=t"]).quietly();
        assert_eq!(scene.standin.requests()[0].json()["a"][0]["data"], data);
    }
    scene.standin.forget_requests();
    for name in ["text.png", "empty.png", "missing.png", ""] {
        scene.call(&["POST", "/x", "-F", &format!("a=@dataurl:{name}")]).failed(2);
    }
    assert_eq!(scene.standin.requests().len(), 0);
}
