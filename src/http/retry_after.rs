//! How long a server asks us to wait before the next try.

use std::time::{Duration, SystemTime};

use reqwest::header::HeaderMap;

/// The longest wait that is believed: more would overflow further on.
pub const MAX_WAIT: Duration = Duration::from_secs(366 * 24 * 3600);

/// The wait that a response asks for: `Retry-After` (RFC 9110 §10.2.3), or `X-RateLimit-Reset` in seconds to go. Every
/// response has the latter; only in a 429 does it ask for a wait.
pub fn stated_wait(status: u16, headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let date = |text: &str| {
        let then = httpdate::parse_http_date(text).ok()?;
        Some(then.duration_since(now).unwrap_or_default())
    };
    text("retry-after")
        .and_then(|text| seconds(text).or_else(|| date(text)))
        .or_else(|| text("x-ratelimit-reset").filter(|_| status == 429).and_then(seconds))
        .map(|wait| wait.min(MAX_WAIT))
}

fn seconds(text: &str) -> Option<Duration> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    // Digits beyond counting still mean "not soon".
    is_number.then(|| text.parse().map_or(MAX_WAIT, Duration::from_secs))
}
