//! Response heads that cannot be read.

use super::Scene;
use crate::support::wire::{Step, Wire, head};

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
    for (asked, text) in heads.into_iter().enumerate() {
        let steps = vec![head(text), Step::Send(b"{}".to_vec())];
        wire.answer_next("GET", "/api2/projects", steps);
        let told = scene.call(&["GET", "/projects"]);
        let named = &text[..text.len().min(60)];
        assert!(told.failed(9).starts_with("127.0.0.1 sent an answer that is not HTTP: "), "{named}: {}", told.stderr);
        assert_eq!((wire.requests().len(), told.stdout.as_str()), (asked + 1, ""), "{named}");
    }
}
