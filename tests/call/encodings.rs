//! Content codings, heads that cannot be read, and byte order marks.

use serde_json::json;

use super::Scene;
use crate::support::standin::{Answer, gzip_of};
use crate::support::wire::{Step, Wire, head};

const DOCUMENT: &str = "{\"projects\":[{\"name\":\"\u{e9}\"}]}";

fn packed() -> Answer {
    Answer::new(200, gzip_of(DOCUMENT.as_bytes())).header("Content-Type", "application/json")
}

#[test]
fn gzip_is_decoded_in_any_letter_case_and_with_identity() {
    let scene = Scene::new();
    for codings in [&["gzip"][..], &["GZIP"], &["x-gzip"], &["identity", "X-GZip"], &["gzip, identity"]] {
        let answer = codings.iter().fold(packed(), |answer, coding| answer.header("Content-Encoding", coding));
        scene.standin.answer_times(2, "GET", "/api2/projects", &answer);
        assert_eq!(scene.call(&["GET", "/projects"]).quietly(), DOCUMENT, "{codings:?}");
        assert_eq!(scene.call(&["GET", "/projects", "-q", ".projects[].name"]).quietly(), "\u{e9}\n", "{codings:?}");
    }
    scene.standin.answer_next("GET", "/api2/projects", packed().header("Content-Encoding", "gzip"));
    let shown = scene.call(&["GET", "/projects", "-i"]).quietly().to_ascii_lowercase();
    assert!(!shown.contains("content-encoding") && !shown.contains("content-length"), "{shown}");
    for coding in ["identity", "", "Identity, "] {
        let answer = Answer::new(200, DOCUMENT).header("Content-Encoding", coding);
        scene.standin.answer_next("GET", "/api2/projects", answer);
        assert_eq!(scene.call(&["GET", "/projects"]).quietly(), DOCUMENT, "{coding}");
    }
}

#[test]
fn a_coding_that_was_not_requested_is_never_passed_on() {
    let scene = Scene::new();
    for (codings, named) in [
        (&["br"][..], "br"),
        (&["Deflate"], "deflate"),
        (&["zstd"], "zstd"),
        (&["gzip, br"], "gzip, br"),
        (&["gzip", "br"], "gzip, br"),
        (&["gzip, gzip"], "gzip, gzip"),
        (&["x-own"], "x-own"),
    ] {
        let answer = codings.iter().fold(packed(), |answer, coding| answer.header("Content-Encoding", coding));
        scene.standin.answer_always("GET", "/api2/projects", answer);
        for flags in [&[][..], &["-i"], &["-q", "."], &["--paginate"], &["--ndjson"], &["-o", "out.json"]] {
            scene.standin.forget_requests();
            let ran = scene.call(&[&["GET", "/projects"], flags].concat());
            let said = format!("the answer of 127.0.0.1 is in the coding `{named}`, and we asked for gzip (HTTP 200)");
            assert_eq!((ran.failed(9), ran.stdout.as_str()), (said.as_str(), ""), "{flags:?}");
            assert_eq!(scene.standin.requests().len(), 1, "it would be the same the next time");
        }
    }
    assert!(!scene.home.work().join("out.json").exists());
    let refused = Answer::error(404, "no").header("Content-Encoding", "br");
    scene.standin.answer_next("GET", "/api2/teams", refused);
    let ran = scene.call(&["GET", "/teams"]);
    assert!(ran.failed(9).ends_with("(HTTP 404)") && ran.stdout.is_empty(), "{}", ran.stderr);
}

#[test]
fn a_transfer_coding_other_than_chunked_is_not_passed_on_either() {
    let mut scene = Scene::new();
    let wire = Wire::before(scene.standin.address());
    scene.home.set("LOKALISE_API_URL", &wire.api_url());
    let packed = gzip_of(DOCUMENT.as_bytes());
    let chunk = [format!("{:x}\r\n", packed.len()).as_bytes(), &packed, b"\r\n0\r\n\r\n"].concat();
    for (coding, body) in [("gzip, chunked", &chunk), ("gzip", &packed)] {
        let first = head(&format!("HTTP/1.1 200 OK\nTransfer-Encoding: {coding}"));
        wire.answer_next("GET", "/api2/projects", vec![first, Step::Send(body.clone())]);
        let ran = scene.call(&["GET", "/projects"]);
        let said = "the answer of 127.0.0.1 is in the coding `gzip`, and we asked for gzip (HTTP 200)";
        assert_eq!((ran.failed(9), ran.stdout.as_str()), (said, ""), "{coding}");
    }
}

#[test]
fn an_answer_without_a_body_has_nothing_to_decode() {
    let scene = Scene::new();
    for coding in ["gzip", "br"] {
        let answer = Answer::new(200, DOCUMENT).header("Content-Encoding", coding);
        scene.standin.answer_next("HEAD", "/api2/projects", answer);
        assert_eq!(scene.call(&["HEAD", "/projects"]).quietly(), "");
        scene.standin.answer_next(
            "DELETE",
            "/api2/projects/1",
            Answer::new(204, "").header("Content-Encoding", coding),
        );
        assert_eq!(scene.call(&["DELETE", "/projects/1"]).quietly(), "");
    }
}

#[test]
fn a_packed_body_that_is_cut_or_garbled_is_the_network_s_failure() {
    let scene = Scene::new();
    let whole = gzip_of(DOCUMENT.as_bytes());
    for (body, said) in [
        (whole[..whole.len() - 3].to_vec(), "the answer of 127.0.0.1 was cut short"),
        (DOCUMENT.as_bytes().to_vec(), "the answer of 127.0.0.1 is not the gzip that it claims to be"),
    ] {
        let answer = Answer::new(200, body).header("Content-Encoding", "gzip");
        scene.standin.answer_next("GET", "/api2/projects", answer);
        assert_eq!(scene.call(&["GET", "/projects", "-q", "."]).failed(9), said);
    }
}

#[test]
fn a_head_that_cannot_be_read_is_not_asked_for_again() {
    let mut scene = Scene::new();
    let wire = Wire::before(scene.standin.address());
    scene.home.set("LOKALISE_API_URL", &wire.api_url());
    let long = format!("HTTP/1.1 200 OK\nX-Long: {}\nContent-Length: 2", "x".repeat(2 * 1024 * 1024));
    let many = format!("HTTP/1.1 200 OK\n{}Content-Length: 2", "X-A: b\n".repeat(200));
    let heads = [
        "HTTP/1.1 200 OK\nX-A : b\nContent-Length: 2",
        "HTTP/1.1 200 OK\nnonsense\nContent-Length: 2",
        "HTTP/1.1 abc OK\nContent-Length: 2",
        "hello, this is not HTTP",
        "HTTP/1.1 200 OK\nX-A: a\0b\nContent-Length: 2",
        "HTTP/1.1 200 OK\nContent-Length: 3\nContent-Length: 2",
        "HTTP/1.1 200 OK\nContent-Length: 2x",
        "HTTP/1.1 200 OK\n: b\nContent-Length: 2",
        "HTTP/1.1 200 OK\nX-A: b\n folded\nContent-Length: 2",
        "HTTP/9.9 200 OK\nContent-Length: 2",
        &long,
        &many,
    ];
    let is_long = |text: &str| text.len() > 1000;
    for (asked, text) in heads.into_iter().enumerate() {
        let steps = vec![head(text), Step::Send(b"{}".to_vec())];
        wire.answer_next("GET", "/api2/projects", steps);
        let ran = scene.call(&["GET", "/projects"]);
        let named = &text[..text.len().min(60)];
        let what = if is_long(text) { "whose headers are too long" } else { "that is not HTTP" };
        let message = format!("127.0.0.1 sent an answer {what}: ");
        assert!(ran.failed(9).starts_with(&message), "{named}: {}", ran.stderr);
        assert_eq!((wire.requests().len(), ran.stdout.as_str()), (asked + 1, ""), "{named}");
    }
}

#[test]
fn a_byte_order_mark_before_an_answer_is_skipped_where_it_is_read() {
    let scene = Scene::new();
    let marked =
        |document: &str| Answer::new(200, format!("\u{feff}{document}")).header("Content-Type", "application/json");
    scene.standin.answer_always("GET", "/api2/projects", marked(DOCUMENT));
    assert_eq!(scene.call(&["GET", "/projects"]).quietly(), format!("\u{feff}{DOCUMENT}"), "byte for byte");
    assert_eq!(scene.call(&["GET", "/projects", "--ndjson"]).quietly(), "{\"name\":\"\u{e9}\"}\n");
    assert_eq!(scene.call(&["GET", "/projects?page=1", "--paginate"]).json()["projects"][0]["name"], "\u{e9}");
    scene.standin.answer_always("POST", "/api2/projects", marked("{\"errors\":[\"taken\"]}"));
    assert_eq!(scene.call(&["POST", "/projects", "-f", "a=b"]).failed(10), "1 item was refused: taken (HTTP 200)");
    scene.standin.answer_always("PUT", "/api2/projects", marked("{\"keys\":[1]}"));
    let ran = scene.call_with(&["PUT", "/projects", "--input", "-", "--batch", "keys:1"], "{\"keys\":[1,2]}");
    assert_eq!(ran.json(), json!({"keys": [1, 1]}));
}

#[test]
fn a_long_name_of_a_coding_is_cut() {
    let scene = Scene::new();
    scene.standin.answer_next(
        "GET",
        "/api2/projects",
        Answer::new(200, "x").header("Content-Encoding", &"x".repeat(1500)),
    );
    let ran = scene.call(&["GET", "/projects"]);
    assert!(ran.failed(9).chars().count() < 700, "{}", ran.stderr);
}
