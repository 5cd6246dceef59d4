//! What a test orders is what is answered, and what arrives can be read.

use std::io::{Read as _, repeat};
use std::time::{Duration, Instant};

use serde_json::json;

use super::support::standin::{Answer, Standin};
use super::{bare, page, with_token};

#[test]
fn queued_answers_are_given_once_and_in_order() {
    let standin = Standin::start();
    standin.answer_next("GET", "/api2/projects", Answer::error(503, "one").header("Retry-After", "1"));
    standin.answer_times(2, "GET", "/api2/projects", &Answer::flat_error(429, "two"));
    standin.answer_next("GET", "/api2/*", Answer::new(299, "any").header("X-Two", "a").header("X-Two", "b"));
    let first = bare(&standin, "/api2/projects?limit=1");
    assert_eq!((first.status, first.header("Retry-After")), (503, Some("1")));
    assert_eq!(bare(&standin, "/api2/projects").json(), json!({"message": "two", "code": 429}));
    assert_eq!(bare(&standin, "/api2/projects").status, 429);
    assert_eq!(standin.answers_left(), 1);
    let any = bare(&standin, "/api2/anything");
    assert_eq!((any.status, any.text().as_str()), (299, "any"));
    let twice: Vec<&str> = any.headers.iter().filter(|(name, _)| name == "X-Two").map(|(_, v)| v.as_str()).collect();
    assert_eq!(twice, ["a", "b"]);
    assert_eq!(page(&standin, "/api2/projects").status, 200, "then the stand-in's own again");
}

#[test]
fn rules_stay_and_the_last_one_is_asked_first() {
    let standin = Standin::start();
    standin.answer_always("GET", "/api2/teams", Answer::new(200, "always"));
    standin.answer_with(|request| request.parameter("page").map(|page| Answer::new(200, format!("page {page}"))));
    assert_eq!(bare(&standin, "/api2/teams").text(), "always");
    assert_eq!(bare(&standin, "/api2/teams?page=2").text(), "page 2");
    assert_eq!(bare(&standin, "/api2/teams").text(), "always");
}

#[test]
fn an_answer_can_take_its_time_without_holding_up_another() {
    let standin = Standin::start();
    let delay = Duration::from_secs(1);
    standin.answer_next("GET", "/api2/teams", Answer::new(200, "slow").after(delay));
    std::thread::scope(|scope| {
        let start = Instant::now();
        let slow = scope.spawn(|| bare(&standin, "/api2/teams").text());
        standin.wait_for("GET", "/api2/teams", 1);
        page(&standin, "/api2/projects");
        assert!(!slow.is_finished(), "the slow answer went first");
        assert_eq!(slow.join().expect("it ends"), "slow");
        assert!(start.elapsed() >= delay);
    });
}

#[test]
fn a_body_can_be_made_while_it_is_sent() {
    let standin = Standin::start();
    let million = 1_000_000;
    let body = move || Box::new(repeat(b'x').take(million)) as Box<dyn std::io::Read + Send>;
    standin.answer_next("GET", "/api2/teams", Answer::streamed(Some(1_000_000), body));
    standin.answer_next("GET", "/api2/teams", Answer::streamed(None, body));
    let declared = bare(&standin, "/api2/teams");
    assert_eq!((declared.header("Content-Length"), declared.body.len()), (Some("1000000"), 1_000_000));
    let chunked = bare(&standin, "/api2/teams");
    assert_eq!((chunked.header("Transfer-Encoding"), chunked.body.len()), (Some("chunked"), 1_000_000));
}

#[cfg(unix)]
#[test]
fn a_body_can_be_compressed() {
    let standin = Standin::start();
    standin.answer_next("GET", "/api2/teams", Answer::new(200, "a".repeat(100_000)).gzipped());
    let reply = bare(&standin, "/api2/teams");
    assert_eq!(reply.header("Content-Encoding"), Some("gzip"));
    assert!(reply.body.len() < 1000);
    let folder = tempfile::tempdir().expect("the folder for temporary files can be used");
    std::fs::write(folder.path().join("body.gz"), &reply.body).expect("our own folder");
    let output = std::process::Command::new("gzip").args(["-dc", "body.gz"]).current_dir(folder.path()).output();
    assert_eq!(output.expect("gzip is everywhere").stdout, "a".repeat(100_000).as_bytes());
}

#[test]
fn what_arrived_is_kept_as_it_arrived() {
    let standin = Standin::start();
    with_token(&standin, "POST", "/api2/projects?x=a%20b&x=c+d", "{\"name\": \"Demo\"}");
    let request = standin.requests().pop().expect("it arrived");
    assert_eq!((request.method.as_str(), request.target.as_str()), ("POST", "/api2/projects?x=a%20b&x=c+d"));
    assert_eq!(request.query(), [("x".to_owned(), "a b".to_owned()), ("x".to_owned(), "c d".to_owned())]);
    assert_eq!(request.body, b"{\"name\": \"Demo\"}");
    let names: Vec<&str> = request.headers.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["Host", "X-Api-Token", "Content-Length", "Connection"]);
    assert_eq!(standin.requests_to("POST", "/api2/projects").len(), 1);
    standin.forget_requests();
    assert!(standin.requests().is_empty());
}

#[test]
fn the_port_is_closed_when_the_stand_in_is_dropped() {
    let standin = Standin::start();
    let address = standin.address();
    page(&standin, "/api2/projects");
    drop(standin);
    assert!(std::net::TcpStream::connect(address).is_err());
}
