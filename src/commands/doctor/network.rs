//! Whether Lokalise's servers can be reached, who signed for the API, and what time it is there.

use std::time::{Duration, Instant, SystemTime};

use reqwest::header::{ACCEPT, CONTENT_TYPE, DATE};
use reqwest::{Response, Url};

use super::{Check, Health, certificate};
use crate::commands::whoami;
use crate::context::Context;
use crate::error::{Error, ErrorKind};
use crate::escape;
use crate::http::{Http, is_certificate_error, network_error, roots_variables};
use crate::world::World;

/// One request without a credential to the API, and one to the server of the login where that is another.
pub(super) async fn check_network(context: Context<'_>, http: &Http) -> Vec<Check> {
    let mut checks = match ask(context.world, http, context.settings.api_url.at("/api2/system/languages")).await {
        Ok((response, took)) => {
            vec![
                reached("network", "the API", &response, took),
                tls(context.world, &response),
                time(context.world, &response),
            ]
        }
        Err(failed) => failed.checks(context.world, http).await,
    };
    if context.settings.oauth_url.origin() != context.settings.api_url.origin() {
        checks.push(login_server(context, http).await);
    }
    checks
}

/// Only a login and a renewal need this server, so a failure is a warning.
async fn login_server(context: Context<'_>, http: &Http) -> Check {
    let mut check = match ask(context.world, http, context.settings.oauth_url.token_endpoint()).await {
        Ok((response, took)) => reached("login server", "it", &response, took),
        Err(failed) => Check::bad("login server", &failed.error),
    };
    if let Health::Bad(_) = check.health {
        check.health = Health::Odd;
    }
    check
}

/// A request that got no answer.
struct ProbeFailure {
    error: Error,
    /// The address of the server, if its certificate is not accepted.
    untrusted: Option<Url>,
}

impl ProbeFailure {
    async fn checks(self, world: &World, http: &Http) -> Vec<Check> {
        let mut checks = vec![Check::bad("network", &self.error)];
        if let Some(url) = self.untrusted
            && let Some(certificate) = http.untrusted_certificate(url).await
        {
            let detail = format!("the certificate is {}", signed(world, &certificate));
            checks.push(Check { name: "tls", health: Health::Bad(ErrorKind::Network), detail, hints: Vec::new() });
        }
        checks
    }
}

/// The answer, and how many milliseconds it took.
async fn ask(world: &World, http: &Http, url: Url) -> Result<(Response, u128), ProbeFailure> {
    let client = http.api().map_err(|error| ProbeFailure { error, untrusted: None })?;
    world.trace(&format!("> GET {}", url.path()));
    let started = Instant::now();
    let sent = client.get(url.clone()).header(ACCEPT, "application/json").timeout(Duration::from_secs(15)).send().await;
    let response = sent.map_err(|error| ProbeFailure {
        untrusted: is_certificate_error(&error).then_some(url),
        error: network_error(&error),
    })?;
    Ok((response, started.elapsed().as_millis()))
}

/// Whether Lokalise answers. Only a success is called `reachable`: a refusal may come from Lokalise, which got
/// no credential, or from something else.
fn reached(name: &'static str, who: &str, response: &Response, took: u128) -> Check {
    let status = response.status();
    let is_page = response.headers().get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
    let answers = |what: &str| format!("{what} (HTTP {}) in {took} ms", status.as_u16());
    if status.is_server_error() {
        let error = Error::new(ErrorKind::Server, answers(&format!("{who} answers with an error")));
        return Check::bad(name, &error.hint("try again in a minute"));
    }
    // The login server may answer with a page; the API does not.
    let is_other = status.is_redirection() || is_page || matches!(status.as_u16(), 404 | 407 | 511);
    if name == "network" && is_other {
        let hint = "a proxy or the login page of a network may be in between; or check LOKALISE_API_URL";
        return Check::odd(name, answers(&format!("something else than {who} answers")), hint);
    }
    Check::good(
        name,
        answers(&if status.is_success() { format!("{who} is reachable") } else { format!("{who} answers") }),
    )
}

/// Who signed the certificate of a connection.
fn tls(world: &World, response: &Response) -> Check {
    let info = response.extensions().get::<reqwest::tls::TlsInfo>();
    Check::good(
        "tls",
        match info.and_then(|info| info.peer_certificate()) {
            Some(certificate) => signed(world, certificate),
            None => "not in use (http)".to_owned(),
        },
    )
}

fn signed(world: &World, certificate: &[u8]) -> String {
    let issuer = certificate::issuer(certificate).unwrap_or_else(|| "an issuer without a name".to_owned());
    format!("signed by {}; trusted are {}", escape::value(&issuer), authorities(world))
}

fn time(world: &World, response: &Response) -> Check {
    let date = response
        .headers()
        .get(DATE)
        .and_then(|date| date.to_str().ok())
        .and_then(|date| httpdate::parse_http_date(date).ok());
    date.map_or_else(
        || Check::odd("clock", "the server sent no date", "compare `date -u` with another clock"),
        |date| clock(world.now(), date),
    )
}

/// Which CAs are trusted, in words.
fn authorities(world: &World) -> String {
    match roots_variables(world)[..] {
        [] => "the CAs of this system (default)".to_owned(),
        ref set => format!("the CAs from {}", set.join(" and ")),
    }
}

fn clock(ours: SystemTime, servers: SystemTime) -> Check {
    let (skew, direction) = match ours.duration_since(servers) {
        Ok(skew) => (skew, "ahead of"),
        Err(error) => (error.duration(), "behind"),
    };
    // Dates have whole seconds, and the answer took some time.
    if skew <= Duration::from_secs(5) {
        return Check::good("clock", "agrees with the server's");
    }
    let detail = format!("{} {direction} the server's", whoami::span(skew));
    if skew < Duration::from_secs(60) {
        return Check::good("clock", detail);
    }
    Check::odd("clock", detail, "set this machine's clock: tokens are renewed too early or too late otherwise")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::UNIX_EPOCH;

    #[test]
    fn a_clock_that_is_off_is_named_with_its_direction() {
        let at = |seconds| UNIX_EPOCH + Duration::from_secs(seconds);
        assert_eq!(clock(at(1000), at(1003)).health, Health::Good);
        let ahead = clock(at(87_400), at(1000));
        assert_eq!((ahead.health, ahead.detail.as_str()), (Health::Odd, "24 h ahead of the server's"));
        assert_eq!(clock(at(1000), at(1300)).detail, "5 min behind the server's");
    }
}
