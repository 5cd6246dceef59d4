//! The token endpoint (RFC 6749 §3.2), with the bodies and refusals that were
//! recorded (`src/lokalise/README.md`).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest::{SHA256, digest};
use serde_json::{Map, Value, json};

use super::message::{Answer, Received};
use super::{Lokalise, locked};

/// Why a token request is refused: a description, always under `invalid_request`.
struct Refusal(&'static str);

/// What is said where nothing more precise is on record.
const INVALID: Refusal = Refusal("Invalid request parameters");

impl Lokalise {
    /// `POST /oauth2/token`.
    pub fn token_answer(&self, request: &Received) -> Answer {
        let delay = locked(&self.switches).token_delay;
        let answer = match self.token_response(request) {
            Ok(body) => Answer::json(200, &body),
            Err(Refusal(description)) => Answer::oauth_error(400, "invalid_request", description),
        };
        Self::with_usual_headers(answer)
            .header("Cache-Control", "no-store, no-cache, must-revalidate, max-age=0, must-revalidate, private")
            .header("Pragma", "no-cache")
            .after(delay)
    }

    fn token_response(&self, request: &Received) -> Result<Value, Refusal> {
        if request.header("Content-Type").is_some_and(|kind| !kind.starts_with("application/json")) {
            self.violation(request, "a token request that is not JSON");
            return Err(INVALID);
        }
        let Value::Object(fields) = request.json() else { return Err(INVALID) };
        let field = |name: &str| fields.get(name).and_then(Value::as_str).unwrap_or_default();
        let grant = match field("grant_type") {
            "authorization_code" => "code",
            "refresh_token" => "refresh_token",
            _ => return Err(INVALID),
        };
        self.refuse_unknown_fields(request, &fields, grant)?;
        let forty = |name: &str, refusal| if field(name).len() == 40 { Ok(()) } else { Err(Refusal(refusal)) };
        forty("client_id", "client_id: Client id must be 40 characters long")?;
        forty("client_secret", "client_secret: Client secret must be 40 characters long")?;
        if grant == "code" {
            forty("code", "code: Code must be 40 characters long")?;
        } else if field("refresh_token").len() < 40 {
            return Err(Refusal("refresh_token: Refresh token too short"));
        }
        let registered = &self.registered;
        if field("client_id") != registered.client_id || field("client_secret") != registered.client_secret {
            return Err(INVALID);
        }
        if grant == "code" {
            self.code_grant(field("code"), fields.get("code_verifier").and_then(Value::as_str))
        } else {
            self.refresh_grant(field("refresh_token"))
        }
    }

    fn refuse_unknown_fields(
        &self,
        request: &Received,
        fields: &Map<String, Value>,
        grant: &str,
    ) -> Result<(), Refusal> {
        let pkce = locked(&self.switches).pkce;
        for (name, value) in fields {
            let known = ["grant_type", "client_id", "client_secret", grant].contains(&name.as_str())
                || (pkce && grant == "code" && name == "code_verifier");
            if !known || !value.is_string() {
                self.violation(request, &format!("the token endpoint does not know the field {name}"));
                return Err(INVALID);
            }
        }
        Ok(())
    }

    /// RFC 6749 §4.1.3. A code can be exchanged once.
    fn code_grant(&self, code: &str, verifier: Option<&str>) -> Result<Value, Refusal> {
        let authorization = locked(&self.grants).codes.remove(code).ok_or(INVALID)?;
        locked(&self.grants).used_codes.push(code.to_owned());
        // RFC 7636 §4.6
        let challenge = verifier.map(|verifier| URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.as_bytes())));
        if challenge != authorization.code_challenge {
            return Err(INVALID);
        }
        let (access_token, refresh_token) = self.issue(&authorization.scopes.join(" "));
        let switches = locked(&self.switches);
        let mut body = json!({"access_token": access_token});
        if !switches.omit_refresh_token {
            body["refresh_token"] = refresh_token.into();
        }
        body["expires_in"] = switches.token_lifetime.into();
        body["token_type"] = "Bearer".into();
        Ok(body)
    }

    /// RFC 6749 §6. The answer leaves the refresh token out unless tokens rotate,
    /// and names the scopes in an order of its own.
    fn refresh_grant(&self, refresh_token: &str) -> Result<Value, Refusal> {
        let mut scopes = locked(&self.grants).refreshable(refresh_token).ok_or(INVALID)?;
        let access_token = self.issue_access_token(&scopes);
        scopes.sort_by(|one, other| other.cmp(one));
        let (rotate, lifetime) = {
            let switches = locked(&self.switches);
            (switches.rotate_refresh, switches.token_lifetime)
        };
        let scope = scopes.join(" ");
        let mut body = json!({
            "access_token": access_token,
            "expires_in": lifetime,
            "scope": scope,
            "token_type": "Bearer",
        });
        if rotate {
            locked(&self.grants).revoke(refresh_token);
            body["refresh_token"] = self.issue(&scope).1.into();
        }
        Ok(body)
    }
}
