//! Redirects, scopes and renewals: where the credential goes, and what is said when it is refused.

use super::Scene;
use crate::support::standin::{Answer, Standin};

/// A scene with a login instead of an API token.
fn logged_in(options: &[&str]) -> Scene {
    let mut scene = Scene::new();
    scene.home.unset("LOKALISE_API_TOKEN");
    scene.home.login(options);
    scene.standin.forget_requests();
    scene
}

#[test]
fn no_credential_follows_a_redirect_to_another_origin() {
    let scene = Scene::new();
    let other = Standin::start();
    let elsewhere = format!("http://{}/api2/projects?token=abc", other.address());
    for status in [301, 302, 303, 307, 308] {
        for method in ["GET", "POST"] {
            let redirect = Answer::new(status, "").header("Location", &elsewhere);
            scene.standin.answer_next(method, "/api2/projects", redirect);
            let ran = scene.call(&[method, "/projects"]);
            let place = format!("http://{}/api2/projects?…", other.address());
            assert_eq!(ran.failed(10), format!("redirected to `{place}`, which is not followed (HTTP {status})"));
        }
    }
    assert_eq!(other.requests().len(), 0);
}

#[test]
fn a_redirect_within_the_origin_is_followed_for_reading() {
    let scene = Scene::new();
    scene.standin.answer_next("GET", "/api2/old", Answer::new(301, "").header("Location", "/api2/projects?limit=100"));
    scene.call(&["GET", "/old"]).quietly();
    assert_eq!(scene.standin.requests()[1].target, "/api2/projects?limit=100");
    scene.standin.answer_next("POST", "/api2/projects", Answer::new(307, "").header("Location", "/api2/projects2"));
    scene.call(&["POST", "/projects", "-f", "name=x"]).failed(10);
    assert_eq!(scene.standin.requests_to("POST", "/api2/projects2").len(), 0);
}

#[test]
fn a_redirect_that_brings_a_credential_of_its_own_is_not_followed() {
    let scene = Scene::new();
    let place = format!("http://user:word@{}/api2/projects", scene.standin.address());
    scene.standin.answer_next("GET", "/api2/old", Answer::new(301, "").header("Location", &place));
    scene.call(&["GET", "/old"]).failed(10);
    assert_eq!(scene.standin.requests().len(), 1);
}

#[test]
fn a_redirect_in_a_circle_ends() {
    let scene = Scene::new();
    let redirect = Answer::new(302, "").header("Location", "/api2/circle?sig=abc");
    scene.standin.answer_always("GET", "/api2/circle", redirect);
    let ran = scene.call(&["GET", "/circle"]);
    assert_eq!(ran.failed(10), "redirected to `/api2/circle?…`, which is not followed (HTTP 302)");
    assert!(ran.stderr.contains("hint: GET and HEAD follow up to 5 redirects"), "{}", ran.stderr);
    assert_eq!(scene.standin.requests().len(), 6, "five hops");
}

#[test]
fn the_place_of_a_redirect_cannot_drive_a_terminal() {
    let mut scene = Scene::new();
    // C1 as UTF-8 is what a header can hold of it.
    let wire = crate::support::wire::Wire::before(scene.standin.address());
    wire.answer_next(
        "GET",
        "/api2/projects",
        vec![crate::support::wire::Step::Send(
            b"HTTP/1.1 302 Found\r\nLocation: https://evil/\xc2\x9b31m\r\nContent-Length: 0\r\n\r\n".to_vec(),
        )],
    );
    scene.home.set("LOKALISE_API_URL", &wire.api_url());
    let ran = scene.call(&["GET", "/projects"]);
    assert!(ran.failed(10).contains("`https://evil/\\u{9b}31m`"), "{}", ran.stderr);
}

#[cfg(unix)]
#[test]
fn a_scope_that_is_missing_is_named_with_the_login_that_brings_it() {
    let mut scene = Scene::new();
    scene.home.unset("LOKALISE_API_TOKEN");
    scene.home.login(&["--scope", "read_projects", "--scope", "read_keys"]);
    let ran = scene.call(&["POST", "/projects/{p}/keys", "-f", "keys[][key_name]=x"]);
    assert_eq!(ran.failed(5), "Forbidden (HTTP 403)");
    let hint = "hint: `POST /projects/{project_id}/keys` needs the scope `write_keys`, which this login does not have: \
                `lokalise-auth login --scope read_projects,read_keys,write_keys`";
    assert!(ran.stderr.contains(hint), "{}", ran.stderr);
}

#[cfg(unix)]
#[test]
fn a_token_that_ended_early_is_renewed_once_and_the_request_replayed() {
    let scene = logged_in(&["--scope", "read_projects", "--scope", "write_projects"]);
    scene.standin.answer_next("POST", "/api2/projects", Answer::error(401, "The access token expired"));
    let ran = scene.call(&["POST", "/projects", "-f", "name=x"]);
    assert_eq!(ran.json()["name"], "x");
    assert_eq!(scene.standin.requests_to("POST", "/oauth2/token").len(), 1);
    let posts = scene.standin.requests_to("POST", "/api2/projects");
    assert_eq!(posts.len(), 2);
    assert_eq!(posts[0].body, posts[1].body);
    assert_ne!(posts[0].header("authorization"), posts[1].header("authorization"));
}

#[cfg(unix)]
#[test]
fn a_token_that_stays_refused_is_renewed_once_only() {
    let scene = logged_in(&[]);
    scene.standin.answer_always("GET", "/api2/projects", Answer::error(401, "Unauthorized"));
    let ran = scene.call(&["GET", "/projects"]);
    assert_eq!(ran.failed(4), "Unauthorized (HTTP 401)");
    assert_eq!(scene.standin.requests_to("POST", "/oauth2/token").len(), 1);
    assert_eq!(scene.standin.requests_to("GET", "/api2/projects").len(), 2);
}

#[test]
fn a_second_refusal_in_one_run_brings_no_second_renewal() {
    let scene = logged_in(&[]);
    let refused = || Answer::error(401, "The access token expired");
    let page = Answer::new(200, r#"{"projects":[{"project_id":"1.1"}]}"#)
        .header("X-Pagination-Total-Count", "2")
        .header("X-Pagination-Page-Count", "2");
    for answer in [refused(), page, refused()] {
        scene.standin.answer_next("GET", "/api2/projects", answer);
    }
    let ran = scene.call(&["GET", "/projects?limit=1", "--paginate"]);
    assert_eq!(ran.failed(4), "The access token expired (HTTP 401)");
    assert_eq!(scene.standin.requests_to("POST", "/oauth2/token").len(), 1);
    assert_eq!(scene.standin.requests_to("GET", "/api2/projects").len(), 3);
}

#[test]
fn an_api_token_that_is_refused_is_not_tried_again() {
    let scene = Scene::new();
    scene.standin.answer_always("GET", "/api2/projects", Answer::error(401, "Unauthorized"));
    let ran = scene.call(&["GET", "/projects"]);
    assert_eq!(ran.failed(4), "Unauthorized (HTTP 401)");
    assert!(ran.stderr.contains("LOKALISE_API_TOKEN"), "{}", ran.stderr);
    assert_eq!(scene.standin.requests().len(), 1);
}
