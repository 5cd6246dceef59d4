//! The authorization endpoint (RFC 6749 §3.1) and the person in front of it.

use reqwest::Url;

use super::message::{Answer, Received, form};
use super::switches::Person;
use super::{Lokalise, forty_hex, locked};

/// The scopes that the API reference names.
const SCOPES: &str = "read_projects write_projects read_keys write_keys read_translations write_translations \
    read_files write_files read_background_processes read_languages write_languages read_contributors \
    write_contributors read_comments write_comments read_screenshots write_screenshots read_snapshots \
    write_snapshots read_tasks write_tasks read_webhooks write_webhooks read_glossary write_glossary \
    read_team_users write_team_users read_team_groups write_team_groups read_team_orders write_team_orders \
    read_payment_cards write_payment_cards read_team_user_billing_details write_team_user_billing_details \
    read_translation_memory";

/// An authorization request that was in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authorization {
    pub client_id: String,
    pub scopes: Vec<String>,
    /// Without one the code is shown on a page.
    pub redirect_uri: Option<String>,
    pub state: Option<String>,
    /// The S256 challenge of PKCE (RFC 7636 §4.2).
    pub code_challenge: Option<String>,
}

impl Lokalise {
    /// `GET /oauth2/auth`: what a person's browser gets.
    pub fn authorization_page(&self, request: &Received) -> Answer {
        let authorization = match self.authorization(request) {
            Ok(authorization) => authorization,
            Err(why) => return Answer::html(400, &format!("<!doctype html><h1>Bad request</h1><p>{why}</p>")),
        };
        locked(&self.grants).authorizations.push(authorization.clone());
        let person = locked(&self.switches).person;
        match person {
            Person::Approves => self.approved(authorization),
            Person::Denies => refused(&authorization, "access_denied"),
            Person::SeesButtons | Person::HasAScript => {
                let id = forty_hex();
                let page = buttons(&id, &authorization, person == Person::HasAScript);
                locked(&self.grants).pending.insert(id, authorization);
                Answer::html(200, &page)
            }
        }
    }

    /// `POST /oauth2/decision`: the press of a button on that page.
    pub fn decision(&self, request: &Received) -> Answer {
        let fields = form(&String::from_utf8_lossy(&request.body));
        let field = |name: &str| fields.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
        let pending = field("request").and_then(|id| locked(&self.grants).pending.remove(id));
        match (pending, field("decision")) {
            (Some(authorization), Some("approve")) => self.approved(authorization),
            (Some(authorization), Some("deny")) => refused(&authorization, "access_denied"),
            _ => Answer::html(400, "<!doctype html><h1>Bad request</h1>"),
        }
    }

    /// Checks the query as strictly as if every parameter beyond the known ones were a mistake.
    fn authorization(&self, request: &Received) -> Result<Authorization, String> {
        let query = request.query();
        let pkce = locked(&self.switches).pkce;
        let mut known = vec!["response_type", "client_id", "scope", "redirect_uri", "state"];
        if pkce {
            known.extend(["code_challenge", "code_challenge_method"]);
        }
        for (index, (name, _)) in query.iter().enumerate() {
            let unknown = !known.contains(&name.as_str());
            if unknown || query.iter().skip(index + 1).any(|(other, _)| other == name) {
                let what = if unknown { "unknown" } else { "repeated" };
                self.violation(request, &format!("{what} parameter {name}"));
                return Err(format!("{what} parameter"));
            }
        }
        let value = |name: &str| request.parameter(name);
        if value("response_type").is_some_and(|kind| kind != "code") {
            return Err("response_type".to_owned());
        }
        if value("client_id").is_none_or(|id| id != self.registered.client_id) {
            return Err("client_id".to_owned());
        }
        let redirect_uri = value("redirect_uri");
        if redirect_uri.as_ref().is_some_and(|uri| Url::parse(uri).is_err()) {
            return Err("redirect_uri".to_owned());
        }
        let code_challenge = value("code_challenge");
        let method = value("code_challenge_method");
        if code_challenge.as_ref().is_some_and(|challenge| challenge.len() != 43 || method.as_deref() != Some("S256")) {
            return Err("code_challenge".to_owned());
        }
        Ok(Authorization {
            client_id: self.registered.client_id.clone(),
            scopes: value("scope").unwrap_or_default().split_whitespace().map(str::to_owned).collect(),
            redirect_uri,
            state: value("state"),
            code_challenge,
        })
    }

    fn approved(&self, authorization: Authorization) -> Answer {
        let known: Vec<&str> = SCOPES.split_whitespace().collect();
        if authorization.scopes.is_empty() || authorization.scopes.iter().any(|scope| !known.contains(&scope.as_str()))
        {
            return refused(&authorization, "invalid_scope");
        }
        let code = forty_hex();
        let answer = match &authorization.redirect_uri {
            Some(uri) => redirect(uri, "code", &code, authorization.state.as_deref()),
            None => Answer::html(200, &format!("<!doctype html><p>Your code: <code id=\"code\">{code}</code></p>")),
        };
        locked(&self.grants).codes.insert(code, authorization);
        answer
    }
}

/// RFC 6749 §4.1.2.1. No recording shows how Lokalise reports a denial.
fn refused(authorization: &Authorization, error: &str) -> Answer {
    match &authorization.redirect_uri {
        Some(uri) => redirect(uri, "error", error, authorization.state.as_deref()),
        None => Answer::html(200, &format!("<!doctype html><h1>{error}</h1>")),
    }
}

fn redirect(redirect_uri: &str, name: &str, value: &str, state: Option<&str>) -> Answer {
    let mut url = Url::parse(redirect_uri).expect("it was checked when it came in");
    url.query_pairs_mut().append_pair(name, value);
    if let Some(state) = state {
        url.query_pairs_mut().append_pair("state", state);
    }
    Answer::redirect(url.as_str()).header("Cache-Control", "no-store")
}

/// The page with the two buttons. The script in it, if it has one, presses the first.
fn buttons(id: &str, authorization: &Authorization, script: bool) -> String {
    let scopes = escaped(&authorization.scopes.join(", "));
    let script = if script { "<script>document.getElementById('approve').click()</script>" } else { "" };
    format!(
        "<!doctype html><title>Authorize</title><h1>An application asks for</h1><p>{scopes}</p>\
         <form method=\"post\" action=\"/oauth2/decision\"><input type=\"hidden\" name=\"request\" value=\"{id}\">\
         <button id=\"approve\" name=\"decision\" value=\"approve\">Approve</button>\
         <button id=\"deny\" name=\"decision\" value=\"deny\">Deny</button></form>{script}"
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}
