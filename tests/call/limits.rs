//! Retries and the rate limit: when a request is sent again, and how many start in a second.

use std::time::{Duration, Instant};

use super::Scene;
use crate::support::secrets::forty_hex;
use crate::support::standin::Answer;
use crate::support::wire::{Step, Wire, head};

#[test]
fn a_429_is_waited_out_for_any_method() {
    let scene = Scene::new();
    let too_many = Answer::flat_error(429, "Too many requests").header("Retry-After", "1");
    scene.standin.answer_next("POST", "/api2/projects", too_many);
    let begun = Instant::now();
    let ran = scene.call(&["POST", "/projects", "-f", "name=x"]);
    assert_eq!(ran.json()["name"], "x");
    assert!(begun.elapsed() >= Duration::from_secs(1));
    assert_eq!(ran.stderr, "lokalise-auth: too many requests (HTTP 429); trying again in 1s\n");
    let posts = scene.standin.requests_to("POST", "/api2/projects");
    assert_eq!((posts.len(), &posts[0].body), (2, &posts[1].body));
}

#[test]
fn a_date_and_a_reset_say_when_to_come_back_too() {
    let scene = Scene::new();
    let soon = httpdate::fmt_http_date(std::time::SystemTime::now() + Duration::from_secs(2));
    scene.standin.answer_next("GET", "/api2/projects", Answer::error(429, "no").header("Retry-After", &soon));
    scene.standin.answer_next("GET", "/api2/projects", Answer::error(429, "no").header("X-RateLimit-Reset", "1"));
    let ran = scene.call(&["GET", "/projects"]);
    assert_eq!(ran.code, 0);
    assert_eq!(ran.stderr.lines().count(), 2, "{}", ran.stderr);
    assert!(ran.stderr.ends_with("trying again in 1s\n"), "{}", ran.stderr);
}

#[test]
fn a_wait_that_is_too_long_is_not_begun() {
    let scene = Scene::new();
    for (retry_after, arguments) in
        [("61", &[][..]), ("3", &["--max-wait", "2s"]), ("1", &["--no-retry"]), ("99999999999999999999", &[])]
    {
        scene.standin.forget_requests();
        scene.standin.answer_next(
            "GET",
            "/api2/projects",
            Answer::error(429, "Slow down").header("Retry-After", retry_after),
        );
        let ran = scene.call(&[&["GET", "/projects"], arguments].concat());
        assert_eq!(ran.failed(7), "Slow down (HTTP 429)");
        assert!(ran.stderr.contains("hint: try again in "), "{}", ran.stderr);
        assert!(!ran.stderr.contains("trying again"), "{}", ran.stderr);
        assert_eq!(scene.standin.requests().len(), 1);
    }
}

#[test]
fn a_server_failure_is_retried_for_get_only() {
    let scene = Scene::new();
    for status in [502, 503, 504] {
        scene.standin.answer_next("GET", "/api2/projects", Answer::html(status, "x"));
        assert_eq!(scene.call(&["GET", "/projects"]).code, 0, "{status}");
        scene.standin.forget_requests();
        scene.standin.answer_next("POST", "/api2/projects", Answer::html(status, "x"));
        scene.call(&["POST", "/projects", "-f", "name=x"]).failed(8);
        assert_eq!(scene.standin.requests().len(), 1, "{status}");
    }
    scene.standin.forget_requests();
    scene.standin.answer_next("GET", "/api2/projects", Answer::error(500, "x"));
    scene.call(&["GET", "/projects"]).failed(8);
    assert_eq!(scene.standin.requests().len(), 1, "a 500 is not retried");
}

#[test]
fn a_broken_connection_is_retried_for_get_only() {
    let mut scene = Scene::new();
    let wire = Wire::before(scene.standin.address());
    scene.home.set("LOKALISE_API_URL", &wire.api_url());
    wire.answer_next("GET", "/api2/projects", vec![]);
    let ran = scene.call(&["GET", "/projects"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stderr.contains("; trying again in "), "{}", ran.stderr);
    wire.answer_next("POST", "/api2/projects", vec![]);
    scene.call(&["POST", "/projects", "-f", "name=x"]).failed(9);
    let posts = wire.requests().into_iter().filter(|request| request.method == "POST").count();
    assert_eq!(posts, 1, "it may have been carried out");
}

#[test]
fn a_body_that_was_shown_in_part_is_not_shown_again() {
    let mut scene = Scene::new();
    let wire = Wire::before(scene.standin.address());
    scene.home.set("LOKALISE_API_URL", &wire.api_url());
    let cut = vec![head("HTTP/1.1 200 OK\nContent-Length: 100"), Step::Send(b"beginning".to_vec())];
    wire.answer_next("GET", "/api2/projects", cut);
    let ran = scene.call(&["GET", "/projects"]);
    ran.failed(9);
    assert_eq!((ran.stdout.as_str(), wire.requests().len()), ("beginning", 1));
}

#[test]
fn an_api_without_a_server_is_a_network_failure() {
    let mut scene = Scene::new();
    scene.home.set("LOKALISE_API_URL", "http://127.0.0.1:9/api2");
    let ran = scene.call(&["GET", "/projects", "--max-wait", "1s"]);
    assert!(ran.failed(9).contains("cannot be reached"), "{}", ran.stderr);
}

#[test]
fn a_failure_that_will_not_pass_is_not_retried() {
    let mut scene = Scene::new();
    let authority = crate::support::tls::Authority::new();
    let tls = crate::support::tls::Tls::before(
        scene.standin.address(),
        &authority,
        &crate::support::tls::Certificate::default(),
    );
    scene.home.set("LOKALISE_API_URL", &tls.api_url());
    for arguments in [&["GET", "/projects"][..], &["GET", "/projects", "--paginate"]] {
        let ran = scene.call(arguments);
        assert!(ran.failed(9).contains("certificate"), "{}", ran.stderr);
        assert!(!ran.stderr.contains("trying again"), "{}", ran.stderr);
    }
    scene.home.set("SSL_CERT_FILE", "/no/such/file");
    let ran = scene.call(&["GET", "/projects"]);
    assert!(!ran.stderr.contains("trying again"), "{}", ran.stderr);
}

/// How many requests arrived within any one second.
fn most_in_a_second(scene: &Scene) -> usize {
    let mut arrivals: Vec<Instant> = scene.standin.requests().iter().map(|request| request.at).collect();
    arrivals.sort();
    let second = Duration::from_secs(1);
    arrivals
        .iter()
        .map(|begin| arrivals.iter().filter(|at| *at >= begin && **at < *begin + second).count())
        .max()
        .unwrap_or(0)
}

#[test]
fn many_processes_together_start_six_requests_a_second() {
    let scene = Scene::new();
    scene.standin.set(|switches| switches.rate_limit = None);
    let calls = |paced: bool| {
        let begun = Instant::now();
        let processes: Vec<_> = (0..40)
            .map(|_| {
                let mut command = scene.home.command(["call", "GET", "/projects", "--no-retry", "--silent"]);
                if !paced {
                    // Each token has a pace of its own.
                    command.env("LOKALISE_API_TOKEN", forty_hex());
                }
                command.stderr(std::process::Stdio::piped()).spawn().unwrap()
            })
            .collect();
        for process in processes {
            let output = process.wait_with_output().unwrap();
            assert!(!paced || output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        }
        begun.elapsed()
    };
    let unpaced = calls(false);
    scene.standin.forget_requests();
    let paced = calls(true);
    assert_eq!(scene.standin.requests().len(), 40);
    // The last four of forty start six seconds after the first six, and not much later than the machine needs.
    assert!(paced >= Duration::from_secs(6), "{paced:?}");
    assert!(paced < Duration::from_secs(14) + 4 * unpaced, "{paced:?}, and {unpaced:?} without a pace");
}

#[test]
fn the_pace_is_what_the_answers_grant() {
    let scene = Scene::new();
    scene.standin.edit(|content| content.set_projects(120));
    // Every answer of the stand-in grants ten a second, and the first of sixty pages says so.
    let begun = Instant::now();
    scene.call(&["GET", "/projects?limit=2", "--paginate"]).quietly();
    assert!(begun.elapsed() >= Duration::from_secs(5), "{:?}", begun.elapsed());
    assert!(most_in_a_second(&scene) > 6, "{}", most_in_a_second(&scene));
}

#[test]
fn a_single_call_waits_for_no_turn() {
    let scene = Scene::new();
    let ran = scene.call(&["GET", "/projects", "-v"]);
    assert!(!ran.stderr.contains("waiting"), "{}", ran.stderr);
}
