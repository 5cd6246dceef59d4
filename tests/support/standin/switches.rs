//! How this Lokalise behaves where the real one may do either thing, or where a
//! test wants trouble.

use std::time::Duration;

/// What the person in front of the authorization page does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Person {
    /// Is sent straight back with a code.
    Approves,
    /// Is sent straight back with `error=access_denied`.
    Denies,
    /// Gets a page with an Approve and a Deny button, for a real browser.
    SeesButtons,
    /// Gets that page, and a script in it presses Approve.
    HasAScript,
}

/// How the synchronous export ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SyncExport {
    Works,
    /// 200, and the header `X-Response-Too-Big`.
    WarnsTooBig,
    /// 413 and that header: what is done to projects of 10,000 key-language pairs.
    RefusesTooBig,
}

/// The switches, as they are at the start: everything works.
#[allow(clippy::struct_excessive_bools)] // switches are what they are
pub struct Switches {
    pub person: Person,
    /// Whether `code_challenge` and `code_verifier` are understood rather than refused.
    pub pkce: bool,
    /// `expires_in` of new access tokens, in seconds of the stand-in's clock.
    pub token_lifetime: u64,
    /// Whether a refresh answers with a new refresh token and revokes the old one.
    pub rotate_refresh: bool,
    /// Whether a login answers without a refresh token.
    pub omit_refresh_token: bool,
    /// How long the token endpoint thinks.
    pub token_delay: Duration,
    /// The value of `X-RateLimit-Limit`; `None` sends no rate limit headers (until 2025 there were none).
    pub rate_limit: Option<String>,
    /// Answers 429 to more than this number of requests of one credential in a second. The headers name this rate.
    pub requests_per_second: Option<usize>,
    /// How often a process is looked at before it ends.
    pub process_polls: usize,
    /// The status that a process ends with: `finished`, `failed` or `cancelled`.
    pub process_end: String,
    pub sync_export: SyncExport,
    /// Whether the last page of a cursor run has an empty header instead of none.
    pub empty_last_cursor: bool,
    /// The zip file at every bundle URL; `None` makes one from the languages.
    pub bundle: Option<Vec<u8>>,
}

impl Default for Switches {
    fn default() -> Self {
        Self {
            person: Person::Approves,
            pkce: false,
            token_lifetime: 3600,
            rotate_refresh: false,
            omit_refresh_token: false,
            token_delay: Duration::ZERO,
            rate_limit: Some("10, 10;w=1, 10;w=1".to_owned()),
            requests_per_second: None,
            process_polls: 3,
            process_end: "finished".to_owned(),
            sync_export: SyncExport::Works,
            empty_last_cursor: false,
            bundle: None,
        }
    }
}
