//! Every recorded answer of Lokalise goes through the real program: a stand-in
//! gives it again, and what the program makes of it is held to the contract.
//!
//! The recordings are not part of this project; `LOKALISE_RECORDINGS` names their
//! folder. Without it the tests say that they held nothing.

#![cfg(unix)] // the browser is a shell script

mod support;

use std::fs;

use lokalise_auth::error::ErrorKind;
use serde_json::{Value, json};
use support::home::Home;
use support::recorded::{self, Exchange};
use support::secrets::{assert_absent, forty_hex};
use support::standin::{Answer, Received, Standin};

/// The recordings, or a word about their absence.
fn recordings() -> Vec<Exchange> {
    let Some(folder) = recorded::folder() else {
        support::say("NOT TESTED: recorded answers, since LOKALISE_RECORDINGS names no folder");
        return Vec::new();
    };
    recorded::exchanges(&folder)
}

/// What is wrong, said with the exchange's name; nothing if all is well.
type TokenStatus = Result<(), String>;

fn ensure(holds: bool, what: impl FnOnce() -> String) -> TokenStatus {
    if holds { Ok(()) } else { Err(what()) }
}

/// Judges every exchange and fails with all complaints at once.
fn judge<'a>(exchanges: impl Iterator<Item = &'a Exchange>, judge: impl Fn(&Exchange) -> TokenStatus) -> usize {
    let mut count = 0;
    let complaints: Vec<String> = exchanges
        .inspect(|_| count += 1)
        .filter_map(|exchange| judge(exchange).err().map(|complaint| format!("{}: {complaint}", exchange.name)))
        .collect();
    assert!(complaints.is_empty(), "{} of {count} exchanges:\n{}", complaints.len(), complaints.join("\n"));
    count
}

#[test]
fn call_gives_every_recorded_answer_untouched_and_the_right_exit_code() {
    let recordings = recordings();
    let standin = Standin::start();
    let home = Home::new(&standin);
    let count = judge(recordings.iter().filter(|exchange| exchange.is_of_the_api()), |exchange| {
        replay(&standin, &home, exchange)
    });
    if count > 0 {
        support::say(&format!("{count} recorded answers of the API were replayed"));
    }
}

/// Gives the recorded answer to the recorded request, sent by `call`.
fn replay(standin: &Standin, home: &Home, exchange: &Exchange) -> TokenStatus {
    // A token of its own for each: the pace is kept by token, and this is not about the pace.
    let token = forty_hex();
    let path = exchange.url.path();
    standin.forget_requests();
    standin.answer_next(&exchange.method, path, exchange.answer());
    let mut command = home.cmd(["call", &exchange.method, &exchange.target(), "--no-retry"]);
    command.env(if exchange.is_bearer() { "LOKALISE_ACCESS_TOKEN" } else { "LOKALISE_API_TOKEN" }, &token);
    if let Some(body) = &exchange.request_body {
        command.args(["--input", "-"]).write_stdin(body.clone());
    }
    let output = command.output().expect("the binary can be run");
    let (code, stderr) = (output.status.code(), String::from_utf8_lossy(&output.stderr));
    assert_absent(std::slice::from_ref(&token), "the output", &[output.stdout.as_slice(), &output.stderr].concat());

    let arrived = standin.requests();
    let [request] = arrived.as_slice() else { return Err(format!("{} requests; {stderr}", arrived.len())) };
    let asked = (&request.method, &request.target, request.body.as_slice());
    let recorded = (&exchange.method, &exchange.target(), exchange.request_body.as_deref().unwrap_or_default());
    ensure(asked == recorded, || format!("asked {} {}", request.method, request.target))?;
    ensure(credential(request) == (exchange.is_bearer(), token), || "not the credential of the variable".to_owned())?;

    ensure(output.stdout == exchange.body(), || format!("stdout is not the body; {stderr}"))?;
    let expected = exit_code(exchange);
    ensure(code == Some(expected), || format!("exit code {code:?}, not {expected}; {stderr}"))?;
    if expected == 0 {
        let too_big = exchange.response_headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("X-Response-Too-Big"));
        // Whoever asks for a page knows that there are others.
        let asks_for_a_page = ["limit=", "page=", "cursor="].iter().any(|name| exchange.target().contains(name));
        let has_more = exchange.response["has_more"] == true && !asks_for_a_page;
        let fitting = match (too_big, has_more) {
            (true, _) => stderr.contains("/files/async-download"),
            (false, true) => stderr.lines().count() == 1 && stderr.contains("--paginate fetches all"),
            (false, false) => stderr.is_empty(),
        };
        return ensure(fitting, || format!("said {stderr}"));
    }
    let summaries: Vec<&str> = stderr.lines().filter(|line| line.starts_with("lokalise-auth: ")).collect();
    let [summary] = summaries.as_slice() else { return Err(format!("not one summary line: {stderr}")) };
    let status = format!("HTTP {}", exchange.status);
    ensure(summary.contains(&status), || format!("the summary does not say {status}: {summary}"))
}

/// Whether it is a bearer, and the token.
fn credential(request: &Received) -> (bool, String) {
    match request.header("Authorization").and_then(|value| value.strip_prefix("Bearer ")) {
        Some(token) => (true, token.to_owned()),
        None => (false, request.header("X-Api-Token").unwrap_or_default().to_owned()),
    }
}

/// The exit code that belongs to a status.
fn exit_code(exchange: &Exchange) -> i32 {
    let body = &exchange.response;
    // In an object of its own, or flat.
    let message = body["error"].get("message").unwrap_or(&body["message"]);
    let kind = match exchange.status {
        200..=299 if body.get("error").is_some() => ErrorKind::Refused,
        200..=299 if body["errors"].as_array().is_some_and(|errors| !errors.is_empty()) => ErrorKind::Refused,
        200..=299 if exchange.method != "GET" && says_not_done(body) => ErrorKind::Refused,
        200..=299 => return 0,
        400 if message == "Invalid `X-Api-Token` header" => ErrorKind::NotLoggedIn,
        status => ErrorKind::from_status(status),
    };
    kind.row().code.into()
}

/// Whether the answer to a write says that it was not done, as deleting a locked key does.
fn says_not_done(body: &Value) -> bool {
    let is_undone = |(name, value): (&String, &Value)| {
        let names_a_result = ["_deleted", "_removed", "_merged"].iter().any(|end| name.ends_with(end));
        names_a_result && value == false || name == "keys_locked" && value.as_u64().is_some_and(|locked| locked > 0)
    };
    body.as_object().is_some_and(|members| members.iter().any(is_undone))
}

#[test]
fn call_refuses_other_services_before_a_socket_opens() {
    let recordings = recordings();
    let standin = Standin::start();
    let home = Home::new(&standin);
    let elsewhere = |exchange: &&Exchange| !exchange.is_oauth() && !exchange.is_of_the_api();
    let count = judge(recordings.iter().filter(elsewhere), |exchange| {
        let mut command = home.cmd(["call", &exchange.method, exchange.url.as_str()]);
        let output = command.env("LOKALISE_API_TOKEN", standin.api_token()).output().expect("the binary can be run");
        let stderr = String::from_utf8_lossy(&output.stderr);
        ensure(output.status.code() == Some(2), || format!("{:?}; {stderr}", output.status.code()))?;
        ensure(standin.requests().is_empty(), || "a request was sent".to_owned())
    });
    if count > 0 {
        support::say(&format!("{count} recorded exchanges with another service were refused"));
    }
}

#[test]
fn a_recorded_token_answer_is_kept_or_refused_and_nothing_is_lost() {
    let recordings = recordings();
    let count = judge(recordings.iter().filter(|exchange| exchange.is_oauth()), |exchange| {
        let sent: Value = serde_json::from_slice(exchange.request_body.as_deref().unwrap_or_default())
            .map_err(|_| "the recorded request is not JSON".to_owned())?;
        let login = sent["grant_type"] == "authorization_code";
        let good = exchange.status == 200;
        // Somebody is logged in already, so that there is something to lose.
        let standin = Standin::start();
        let home = Home::new(&standin);
        home.login(&[]);
        let before = fs::read(home.credentials()).expect("the record is in the file");
        standin.forget_requests();

        standin.answer_next("POST", "/oauth2/token", exchange.answer());
        let mut command = if login { home.login_cmd(&[]) } else { home.cmd(["token", "refresh"]) };
        let output = command.output().expect("the binary can be run");
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        Home::assert_silent(&standin, &output);

        let requests = standin.requests_to("POST", "/oauth2/token");
        let [request] = requests.as_slice() else { return Err(format!("{} token requests; {stderr}", requests.len())) };
        ensure(field_names(&request.json()) == field_names(&sent), || "the request has other fields".to_owned())?;
        let expected = if good { 0 } else { 4 };
        ensure(output.status.code() == Some(expected), || {
            format!("{:?}, not {expected}; {stderr}", output.status.code())
        })?;
        if good {
            kept(&home, exchange)?;
            goes_on(&standin, &home, exchange, request)
        } else {
            let after = fs::read(home.credentials()).expect("the record is in the file");
            ensure(after == before, || "the stored record has changed".to_owned())?;
            let description = exchange.response["error_description"].as_str().unwrap_or_default();
            ensure(stderr.contains(description), || format!("the description is missing: {stderr}"))?;
            ensure(!stderr.contains("error_uri"), || format!("the body is quoted: {stderr}"))
        }
    });
    if count > 0 {
        support::say(&format!("{count} recorded answers of the token endpoint were taken or refused"));
    }
}

fn field_names(object: &Value) -> Vec<&String> {
    let mut names: Vec<&String> = object.as_object().map(|object| object.keys().collect()).unwrap_or_default();
    names.sort();
    names
}

/// The access token in force is the recorded one.
fn kept(home: &Home, exchange: &Exchange) -> TokenStatus {
    let output = home.cmd(["token", "print"]).output().expect("the binary can be run");
    let token = String::from_utf8_lossy(&output.stdout).trim_end().to_owned();
    ensure(exchange.response["access_token"] == token, || "another token is in force".to_owned())
}

/// The next refresh sends the recorded refresh token, or the one of before if the answer had none.
fn goes_on(standin: &Standin, home: &Home, exchange: &Exchange, before: &Received) -> TokenStatus {
    let body = json!({"access_token": forty_hex(), "expires_in": 3600, "token_type": "Bearer"});
    standin.answer_next("POST", "/oauth2/token", Answer::json(200, &body));
    home.cmd(["token", "refresh"]).assert().success();
    let requests = standin.requests_to("POST", "/oauth2/token");
    let sent = requests.last().map(Received::json).unwrap_or_default();
    let expected = match &exchange.response["refresh_token"] {
        Value::Null => before.json()["refresh_token"].clone(),
        recorded => recorded.clone(),
    };
    ensure(sent["refresh_token"] == expected, || "the refresh token was lost".to_owned())
}
