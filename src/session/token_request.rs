//! The refresh request (RFC 6749 §6), made again while the token endpoint fails for now. A blip
//! costs a wait and not a job.

use std::time::{Duration, Instant};

use crate::context::Context;
use crate::credential::Renewal;
use crate::error::{Error, Result};
use crate::http::{Http, token_error};
use crate::oauth::token::{Grant, TokenError, TokenResponse};

/// The first wait, where the server asks for none. It doubles, and is at least a fifth of this where the server asks
/// for less.
const FIRST_WAIT: Duration = Duration::from_millis(500);

/// How long all tries take together, answers included: other processes wait 30 seconds for the one that asks.
const MAX_DURATION: Duration = Duration::from_secs(28);

/// Why a try brought no token, and when another one may.
struct FailedTry {
    error: Error,
    /// `None`: another try would fail too.
    wait: Option<Duration>,
}

/// Exchanges a refresh token for new tokens. A failure that may pass is tried again for as long as `patience`.
///
/// # Errors
/// That of the last try; `what` is what the error says has failed.
pub async fn request_refresh(
    context: Context<'_>,
    http: &Http,
    renewal: &Renewal,
    patience: Duration,
    what: &str,
) -> Result<TokenResponse> {
    let began = Instant::now();
    let mut backoff = FIRST_WAIT;
    loop {
        let limit = MAX_DURATION.saturating_sub(began.elapsed());
        let failed = match try_once(context, http, renewal, limit, what, backoff).await {
            Ok(response) => return Ok(response),
            Err(failed) => failed,
        };
        let Some(wait) = failed.wait.filter(|wait| began.elapsed() + *wait <= patience) else {
            return Err(failed.error);
        };
        let line = format!("{}; trying again in {:.1} s", failed.error, wait.as_secs_f64());
        if http.reports_waits {
            context.world.say(&format!("lokalise-auth: {line}"));
        } else {
            context.world.step(&line);
        }
        tokio::time::sleep(wait).await;
        backoff *= 2;
    }
}

async fn try_once(
    context: Context<'_>,
    http: &Http,
    renewal: &Renewal,
    limit: Duration,
    what: &str,
    backoff: Duration,
) -> Result<TokenResponse, FailedTry> {
    let grant = Grant::RefreshToken(&renewal.refresh_token);
    let request = http.token_request(context.world, &context.settings.oauth_url, &grant, &renewal.client);
    let jittered = || {
        // Between half and one and a half times that, so that many do not come back together.
        let [random] = context.world.random::<1>().unwrap_or([128]);
        backoff.mul_f64(0.5 + f64::from(random) / 255.0)
    };
    match tokio::time::timeout(limit, request).await {
        Ok(Ok(Ok(response))) => Ok(response),
        Ok(Ok(Err(error))) => Err(FailedTry {
            wait: match &error {
                TokenError::NotNow { wait, .. } => Some(wait.map_or_else(jittered, |wait| wait.max(backoff / 5))),
                _ => None,
            },
            error: with_wait(token_error(&error, what), &error),
        }),
        Ok(Err(failure)) => Err(FailedTry { wait: failure.may_pass.then(jittered), error: failure.error }),
        Err(_) => Err(FailedTry {
            error: Error::network(format!("{what} failed: the token endpoint did not answer in time")),
            wait: Some(jittered()),
        }),
    }
}

/// Names the time to come back, where the server has said it.
fn with_wait(mut error: Error, token_error: &TokenError) -> Error {
    if let TokenError::NotNow { wait: Some(wait), .. } = token_error {
        let wait = humantime::format_duration(Duration::from_secs(wait.as_secs().max(1)));
        error.hints = vec![format!("try again in {wait}; nothing was changed")];
    }
    error
}
