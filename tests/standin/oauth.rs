//! The authorization endpoint and the token endpoint.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::support::browser;
use super::support::client::{self, Reply};
use super::support::standin::{Person, Standin};
use super::{ask, bare, error, keys};

const REDIRECT_URI: &str = "http://127.0.0.1:1/callback";

/// The query of an ordinary authorization request.
fn query(standin: &Standin) -> String {
    format!(
        "/oauth2/auth?response_type=code&client_id={}&scope=read_projects+write_keys\
         &redirect_uri=http%3A%2F%2F127.0.0.1%3A1%2Fcallback&state=s-1",
        standin.client_id()
    )
}

/// A code, as a person who approves gets it.
fn code(standin: &Standin) -> String {
    let location = browser::redirect_of(&format!("http://{}{}", standin.address(), query(standin)));
    let (_, rest) = location.split_once("code=").expect("the redirect has a code");
    rest.split('&').next().expect("a code").to_owned()
}

fn token(standin: &Standin, body: &Value) -> Reply {
    let url = format!("{}/token", standin.oauth_url());
    let headers = [("Content-Type", "application/json")];
    client::send("POST", &url, &headers, body.to_string().as_bytes()).expect("the stand-in answers")
}

fn code_request(standin: &Standin, code: &str) -> Value {
    json!({
        "grant_type": "authorization_code",
        "client_id": standin.client_id(),
        "client_secret": standin.client_secret(),
        "code": code,
    })
}

fn refresh_request(standin: &Standin, refresh_token: &str) -> Value {
    json!({
        "grant_type": "refresh_token",
        "client_id": standin.client_id(),
        "client_secret": standin.client_secret(),
        "refresh_token": refresh_token,
    })
}

#[track_caller]
fn assert_refused(reply: &Reply, description: &str) {
    let wanted = json!({"error": "invalid_request", "error_description": description, "error_uri": ""});
    assert_eq!((reply.status, reply.json()), (400, wanted));
}

#[test]
fn a_person_who_approves_is_sent_back_with_a_code_and_the_state() {
    let standin = Standin::start();
    let reply = bare(&standin, &query(&standin));
    let location = reply.header("Location").expect("a redirect");
    let code = location.strip_prefix(&format!("{REDIRECT_URI}?code=")).and_then(|rest| rest.strip_suffix("&state=s-1"));
    assert_eq!(reply.status, 302);
    assert_eq!(code.map(str::len), Some(40), "{location}");

    let authorization = standin.authorizations().pop().expect("it was recorded");
    assert_eq!(authorization.scopes, ["read_projects", "write_keys"]);
    assert_eq!(authorization.redirect_uri.as_deref(), Some(REDIRECT_URI));
}

#[test]
fn response_type_may_be_left_out_but_be_nothing_else() {
    let standin = Standin::start();
    assert_eq!(bare(&standin, &query(&standin).replace("response_type=code&", "")).status, 302);
    assert_eq!(bare(&standin, &query(&standin).replace("=code&", "=token&")).status, 400);
    assert_eq!(bare(&standin, &query(&standin).replace("http%3A%2F%2F127", "127")).status, 400, "no redirect URI");
}

#[test]
fn a_strange_client_and_a_strange_parameter_are_refused() {
    let standin = Standin::start();
    let other = query(&standin).replace(&standin.client_id(), &"0".repeat(40));
    assert_eq!(bare(&standin, &other).status, 400);
    assert_eq!(standin.violations(), Vec::<String>::new());

    let secret = standin.client_secret();
    assert_eq!(bare(&standin, &format!("{}&client_secret={secret}", query(&standin))).status, 400);
    assert_eq!(standin.violations().len(), 2, "the secret in the URL and the parameter");
    assert_eq!(bare(&standin, &format!("{}&state=s-2", query(&standin))).status, 400);
    assert_eq!(standin.violations(), ["GET /oauth2/auth: repeated parameter state"]);
    assert_eq!(bare(&standin, &format!("{}&code_challenge=x", query(&standin))).status, 400);
    assert_eq!(standin.violations(), ["GET /oauth2/auth: unknown parameter code_challenge"]);
}

#[test]
fn a_denial_and_an_unknown_scope_end_in_an_error_redirect() {
    let standin = Standin::start();
    let scope = query(&standin).replace("write_keys", "read_minds");
    let location = bare(&standin, &scope).header("Location").map(str::to_owned);
    assert_eq!(location.as_deref(), Some("http://127.0.0.1:1/callback?error=invalid_scope&state=s-1"));

    standin.set(|switches| switches.person = Person::Denies);
    let location = bare(&standin, &query(&standin)).header("Location").map(str::to_owned);
    assert_eq!(location.as_deref(), Some("http://127.0.0.1:1/callback?error=access_denied&state=s-1"));
}

#[test]
fn the_page_has_buttons_that_work_once() {
    let standin = Standin::start();
    standin.set(|switches| switches.person = Person::SeesButtons);
    let page = bare(&standin, &query(&standin)).text();
    assert!(!page.contains("<script>"));
    let id = page.split_once("value=\"").and_then(|(_, rest)| rest.split_once('"')).expect("the form has an id").0;
    let press = || ask(&standin, "POST", "/oauth2/decision", ("Accept", "*/*"), &format!("request={id}&decision=deny"));
    let location = press().header("Location").map(str::to_owned);
    assert_eq!(location.as_deref(), Some("http://127.0.0.1:1/callback?error=access_denied&state=s-1"));
    assert_eq!(press().status, 400);

    standin.set(|switches| switches.person = Person::HasAScript);
    assert!(bare(&standin, &query(&standin)).text().contains("<script>"));
}

#[test]
fn without_a_redirect_uri_the_code_is_shown_on_a_page() {
    let standin = Standin::start();
    let url = format!("{}/auth?client_id={}&scope=read_projects", standin.oauth_url(), standin.client_id());
    let code = browser::code_on_page(&url);
    assert_eq!(token(&standin, &code_request(&standin, &code)).status, 200);
}

#[test]
fn a_code_is_exchanged_once_for_the_body_on_record() {
    let standin = Standin::start();
    let request = code_request(&standin, &code(&standin));
    let reply = token(&standin, &request);
    let body = reply.json();
    assert_eq!(reply.status, 200);
    assert_eq!(keys(&body), ["access_token", "refresh_token", "expires_in", "token_type"]);
    assert_eq!((&body["expires_in"], &body["token_type"]), (&json!(3600), &json!("Bearer")));
    for name in ["access_token", "refresh_token"] {
        assert_eq!(body[name].as_str().map(str::len), Some(40));
    }
    assert_eq!(reply.header("Pragma"), Some("no-cache"));
    assert!(reply.header("Cache-Control").is_some_and(|value| value.starts_with("no-store")));
    assert!(reply.header("X-Lokalise-Process-Id").is_some());

    assert_refused(&token(&standin, &request), "Invalid request parameters");
}

#[test]
fn a_refresh_keeps_the_refresh_token_out_of_its_answer() {
    let standin = Standin::start();
    let refresh_token = standin.refresh_token("read_projects write_team_groups");
    let body = token(&standin, &refresh_request(&standin, &refresh_token)).json();
    assert_eq!(keys(&body), ["access_token", "expires_in", "scope", "token_type"]);
    assert_eq!(body["scope"], "write_team_groups read_projects", "in an order of its own");
    assert_eq!(token(&standin, &refresh_request(&standin, &refresh_token)).status, 200, "it can be used again");

    standin.set(|switches| switches.rotate_refresh = true);
    let body = token(&standin, &refresh_request(&standin, &refresh_token)).json();
    let rotated = body["refresh_token"].as_str().expect("a new one").to_owned();
    assert_refused(&token(&standin, &refresh_request(&standin, &refresh_token)), "Invalid request parameters");
    assert_eq!(token(&standin, &refresh_request(&standin, &rotated)).status, 200);

    standin.revoke_refresh_tokens();
    assert_refused(&token(&standin, &refresh_request(&standin, &rotated)), "Invalid request parameters");
}

#[test]
fn the_token_endpoint_refuses_with_the_descriptions_on_record() {
    let standin = Standin::start();
    let forty = "0".repeat(40);
    let with = |mut request: Value, name: &str, value: &str| {
        request[name] = value.into();
        token(&standin, &request)
    };
    let good = refresh_request(&standin, &standin.refresh_token("read_projects"));
    let code_request = code_request(&standin, &forty);
    let refresh_request = refresh_request(&standin, &forty);
    assert_refused(&with(code_request.clone(), "code", "short"), "code: Code must be 40 characters long");
    for request in [&code_request, &refresh_request] {
        assert_refused(&with(request.clone(), "client_id", "x"), "client_id: Client id must be 40 characters long");
    }
    let short = with(refresh_request.clone(), "refresh_token", "fake");
    assert_refused(&short, "refresh_token: Refresh token too short");
    let invalid = "Invalid request parameters";
    assert_eq!(token(&standin, &good).status, 200);
    for name in ["client_id", "client_secret"] {
        assert_refused(&with(good.clone(), name, &forty), invalid);
    }
    assert_refused(&with(code_request.clone(), "grant_type", "authorization_token"), invalid);
    assert_refused(&token(&standin, &refresh_request), invalid);
    assert_refused(&token(&standin, &json!([])), invalid);
}

#[test]
fn the_token_endpoint_knows_four_fields_and_json_alone() {
    let standin = Standin::start();
    for extra in ["redirect_uri", "scope", "code_verifier", "refresh_token"] {
        let mut request = code_request(&standin, &"0".repeat(40));
        request[extra] = "x".into();
        assert_refused(&token(&standin, &request), "Invalid request parameters");
        assert_eq!(standin.violations().len(), 1, "{extra}");
    }
    let mut request = code_request(&standin, &"0".repeat(40));
    request["grant_type"] = "refresh_token".into();
    request["refresh_token"] = 5.into();
    request.as_object_mut().expect("an object").remove("code");
    assert_refused(&token(&standin, &request), "Invalid request parameters");
    assert_eq!(standin.violations().len(), 1, "a field that is not a string");
    let form = ("Content-Type", "application/x-www-form-urlencoded");
    assert_eq!(ask(&standin, "POST", "/oauth2/token", form, "grant_type=refresh_token").status, 400);
    assert_eq!(standin.violations().len(), 1);
    ask(&standin, "POST", "/oauth2/token", ("Authorization", "Basic eDp5"), "{}");
    assert_eq!(standin.violations(), ["POST /oauth2/token: a credential in a header of an OAuth request"]);
    assert_eq!(bare(&standin, "/oauth2/token").status, 404);
}

#[test]
fn pkce_is_understood_only_when_it_is_switched_on() {
    let standin = Standin::start();
    standin.set(|switches| switches.pkce = true);
    let verifier = "v".repeat(43);
    let digest = ring::digest::digest(&ring::digest::SHA256, verifier.as_bytes());
    let challenge = URL_SAFE_NO_PAD.encode(digest);
    let challenge = format!("{}&code_challenge={challenge}&code_challenge_method=", query(&standin));
    assert_eq!(bare(&standin, &format!("{challenge}plain")).status, 400);
    let challenged = || {
        let location = browser::redirect_of(&format!("http://{}{challenge}S256", standin.address()));
        let (_, rest) = location.split_once("code=").expect("the redirect has a code");
        rest.split('&').next().expect("a code").to_owned()
    };
    let mut request = code_request(&standin, &challenged());
    assert_eq!(token(&standin, &request).status, 400, "the verifier is missing");
    request["code"] = challenged().into();
    request["code_verifier"] = "w".repeat(43).into();
    assert_eq!(token(&standin, &request).status, 400, "the verifier is another one");
    request["code"] = challenged().into();
    request["code_verifier"] = verifier.into();
    assert_eq!(token(&standin, &request).status, 200);
}

#[test]
fn an_access_token_expires_by_the_clock_of_the_stand_in() {
    let standin = Standin::start();
    standin.set(|switches| switches.token_lifetime = 60);
    let bearer = format!("Bearer {}", standin.access_token("read_projects"));
    let ask = || ask(&standin, "GET", "/api2/projects", ("Authorization", &bearer), "");
    assert_eq!(ask().status, 200);
    standin.advance(Duration::from_secs(61));
    assert_eq!(error(&ask()), (401, "The access token expired".to_owned()));
}
