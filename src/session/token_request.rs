//! The refresh request (RFC 6749 §6). It is repeated while the token endpoint fails temporarily, so that a
//! short failure costs a wait and not a job.

use std::time::{Duration, Instant};

use crate::context::Context;
use crate::credential::Renewal;
use crate::error::{Error, Result};
use crate::http::{Http, token_error};
use crate::oauth::token::{Grant, TokenError, TokenResponse};

/// The first wait, if the server asks for none. Each further wait is twice as long. If the server asks for a shorter
/// wait, at least a fifth of ours is kept.
const FIRST_WAIT: Duration = Duration::from_millis(500);

/// The most that all tries take together, answers included: other processes wait 30 seconds for the one that asks.
const MAX_DURATION: Duration = Duration::from_secs(28);

/// Why a try returned no token, and when another try may succeed.
struct FailedTry {
    error: Error,
    /// `None`: another try would fail too.
    wait: Option<Duration>,
}

/// Exchanges a refresh token for new tokens. A temporary failure is retried for as long as `patience`.
///
/// # Errors
/// The error of the last try. `what` names the failed action in its message.
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
        // The wait is 0.5 to 1.5 times the backoff, so that many processes do not come back together.
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

/// Adds the wait that the server asked for, if it asked for one.
fn with_wait(mut error: Error, token_error: &TokenError) -> Error {
    if let TokenError::NotNow { wait: Some(wait), .. } = token_error {
        let wait = humantime::format_duration(Duration::from_secs(wait.as_secs().max(1)));
        error.hints = vec![format!("try again in {wait}; nothing was changed")];
    }
    error
}
