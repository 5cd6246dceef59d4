//! Sends requests: within the rate limit, again where a retry is safe, and with the credential
//! to the credential's own origin only. A response with any status is a success here.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use reqwest::header::{ACCEPT_ENCODING, HeaderName, HeaderValue, LOCATION};
use reqwest::{Body, Client, Response, Url};
use tokio::sync::Mutex;

use super::request::ApiRequest;
use super::response::{ApiResponse, FetchedResponse};
use super::retry::{AttemptResult, Decision, Retries};
use crate::error::{Error, Result};
use crate::http::{ACCEPTED_CODING, Http, may_pass, network_error, unless_idle};
use crate::origin::Origin;
use crate::rate_limit::RateLimit;
use crate::session::Session;
use crate::world::World;

/// How many redirects within the origin are followed.
pub const MAX_REDIRECTS: usize = 5;

/// How long a run may wait before it retries (`--max-wait`, `--no-retry`).
#[derive(Clone, Copy, Debug)]
pub struct RetryBudget {
    pub max_wait: Duration,
    pub retry: bool,
}

impl RetryBudget {
    /// The longest time that a refresh of the token may be tried again.
    pub fn longest(&self) -> Duration {
        if self.retry { self.max_wait } else { Duration::ZERO }
    }
}

/// A request that got no response, or none that can be read.
pub struct SendFailure {
    pub error: Error,
    /// Whether another try may succeed.
    pub may_pass: bool,
}

impl SendFailure {
    pub fn for_now(error: Error) -> Self {
        Self { error, may_pass: true }
    }

    pub fn for_good(error: Error) -> Self {
        Self { error, may_pass: false }
    }
}

impl From<reqwest::Error> for SendFailure {
    fn from(error: reqwest::Error) -> Self {
        Self { error: network_error(&error), may_pass: may_pass(&error) }
    }
}

/// Sends the requests of one run.
pub struct Sender<'w> {
    world: &'w World,
    client: Client,
    session: Mutex<Session<'w>>,
    pace: Option<RateLimit>,
    retry_budget: RetryBudget,
    /// How long the run has waited. Simultaneous waits of parallel requests count once. A request may wait for the rest
    /// of the budget.
    waited: Cell<Duration>,
    /// When the last of the current waits ends.
    waits_until: Cell<Option<Instant>>,
    /// A 429 or 423 has come: parallel requests are too many.
    crowded: Cell<bool>,
}

impl<'w> Sender<'w> {
    /// Sets up the client. Nothing is sent.
    ///
    /// # Errors
    /// Network, if TLS cannot be set up.
    pub fn new(world: &'w World, http: &Http, session: Session<'w>, retry_budget: RetryBudget) -> Result<Self> {
        let client = http.api()?.clone();
        let pace = RateLimit::of_user(world, session.credential().rate_limit_key());
        let session = Mutex::new(session);
        let (waited, waits_until, crowded) = (Cell::default(), Cell::default(), Cell::default());
        Ok(Self { world, client, session, pace, retry_budget, waited, waits_until, crowded })
    }

    /// Whether parallel requests have proved too many.
    pub fn is_crowded(&self) -> bool {
        self.crowded.get()
    }

    /// Sends a request and returns its response.
    ///
    /// # Errors
    /// Network, if none comes; the error of a refresh of the credential.
    pub async fn send(&self, request: &ApiRequest) -> Result<ApiResponse> {
        self.send_with(request, &mut self.retries()).await.map_err(|failure| failure.error)
    }

    /// Sends a request and reads its answer's body, until its end or until `enough` bytes are there. A body that is cut
    /// short before any of it was shown counts as a failed connection.
    ///
    /// # Errors
    /// As [`Sender::send`].
    pub async fn fetch(&self, request: &ApiRequest, enough: usize) -> Result<FetchedResponse> {
        self.try_fetch(request, enough).await.map_err(|failure| failure.error)
    }

    /// The same for a caller that has to know whether another try may succeed.
    pub async fn try_fetch(&self, request: &ApiRequest, enough: usize) -> Result<FetchedResponse, SendFailure> {
        self.fetch_with(request, enough, self.retries()).await
    }

    /// The same for one of several parallel requests.
    ///
    /// # Errors
    /// As [`Sender::send`].
    pub async fn fetch_in_parallel(&self, request: &ApiRequest, enough: usize) -> Result<FetchedResponse> {
        let retries = self.retries().through_locks();
        self.fetch_with(request, enough, retries).await.map_err(|failure| failure.error)
    }

    async fn fetch_with(
        &self,
        request: &ApiRequest,
        enough: usize,
        mut retries: Retries,
    ) -> Result<FetchedResponse, SendFailure> {
        loop {
            let answer = self.send_with(request, &mut retries).await?;
            let error = match FetchedResponse::read_ahead(answer, enough).await {
                Ok(fetched) => return Ok(fetched),
                Err(error) => error,
            };
            match retries.decide(&request.method, &AttemptResult::Unreachable, self.world.now(), self.jitter()) {
                Decision::Wait(wait) => self.wait(wait, &error.to_string()).await,
                // Each attempt got an answer, and none could be read.
                Decision::Keep | Decision::TooLong(_) => return Err(SendFailure::for_good(error)),
            }
        }
    }

    /// The retries of one more request, with what is left of the budget.
    pub fn retries(&self) -> Retries {
        Retries::new(self.retry_budget.max_wait.saturating_sub(self.waited.get()), self.retry_budget.retry)
    }

    async fn send_with(&self, request: &ApiRequest, retries: &mut Retries) -> Result<ApiResponse, SendFailure> {
        let mut replayed = false;
        let is_of_write = !request.reads_by_method();
        loop {
            let credential = self.session.lock().await.header();
            let outcome = self.send_once(request, &credential).await;
            let (now, jitter) = (self.world.now(), self.jitter());
            let response = match outcome {
                Ok(response) => response,
                Err(failure) if !failure.may_pass => return Err(failure),
                Err(failure) => {
                    match retries.decide(&request.method, &AttemptResult::Unreachable, now, jitter) {
                        Decision::Wait(wait) => self.wait(wait, &failure.error.to_string()).await,
                        Decision::Keep | Decision::TooLong(_) => return Err(failure),
                    }
                    continue;
                }
            };
            let status = response.status().as_u16();
            let renewed = status == 401 && !replayed;
            if renewed && self.has_new_credential(&credential.1).await.map_err(SendFailure::for_good)? {
                replayed = true;
                continue;
            }
            if matches!(status, 423 | 429) {
                self.crowded.set(true);
            }
            match retries.decide(&request.method, &AttemptResult::Answered(status, response.headers()), now, jitter) {
                Decision::Keep => return received(response, None, is_of_write),
                Decision::TooLong(wait) => return received(response, Some(wait), is_of_write),
                Decision::Wait(wait) => {
                    let why = match status {
                        429 => "too many requests (HTTP 429)".to_owned(),
                        423 => "another request is in the way (HTTP 423)".to_owned(),
                        _ => format!("the server failed (HTTP {status})"),
                    };
                    self.wait(wait, &why).await;
                }
            }
        }
    }

    /// After a 401: gets another credential than the refused one, and returns whether there is one. It is renewed at
    /// most once in a run; parallel requests use the new one too.
    async fn has_new_credential(&self, refused: &HeaderValue) -> Result<bool> {
        let mut session = self.session.lock().await;
        if session.header().1 != *refused {
            return Ok(true);
        }
        session.renewed_after_401().await
    }

    /// Waits, and says why.
    pub async fn wait(&self, wait: Duration, why: &str) {
        let now = Instant::now();
        let until = now + wait;
        let counted = self.waits_until.get().map_or(now, |others| others.max(now));
        self.waited.set(self.waited.get() + until.saturating_duration_since(counted));
        self.waits_until.set(Some(until.max(counted)));
        let rounded = Duration::from_millis(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX).next_multiple_of(10));
        self.world.say(&format!("lokalise-auth: {why}; trying again in {}", humantime::format_duration(rounded)));
        tokio::time::sleep(wait).await;
    }

    /// Sends one request and follows redirects within the origin.
    async fn send_once(
        &self,
        request: &ApiRequest,
        (name, value): &(HeaderName, HeaderValue),
    ) -> Result<Response, SendFailure> {
        let mut url = request.url.clone();
        for hop in 0.. {
            let turn = match &self.pace {
                Some(pace) => Some(pace.turn(self.world.now()).await),
                None => None,
            };
            self.world.trace(&format!("> {} {url}", request.method));
            self.world.trace(&format!("> {name}: [redacted]"));
            let mut builder = self
                .client
                .request(request.method.clone(), url.clone())
                .headers(request.headers.clone())
                .header(ACCEPT_ENCODING, ACCEPTED_CODING)
                .header(name.clone(), value.clone());
            let sent = Arc::new(AtomicU64::new(0));
            if let Some(body) = &request.body {
                builder = builder.body(Body::wrap(body.open(Arc::clone(&sent))));
            }
            let host = url.host_str().unwrap_or_default();
            let response = unless_idle(host, || sent.load(Ordering::Relaxed), builder.send())
                .await
                .map_err(SendFailure::for_now)??;
            self.world.trace(&format!("< {}", response.status()));
            if let Some(turn) = turn {
                turn.answered(response.headers(), self.world.now());
            }
            match next_hop(request, &url, &response) {
                Some(next) if hop < MAX_REDIRECTS => url = next,
                _ => return Ok(response),
            }
        }
        unreachable!("the loop ends at the latest after {MAX_REDIRECTS} hops")
    }

    fn jitter(&self) -> f64 {
        // Without randomness all clients return at once, which is better than a failure.
        self.world.random::<1>().map_or(0.5, |[byte]| f64::from(byte) / 255.0)
    }
}

fn received(response: Response, come_back: Option<Duration>, is_of_write: bool) -> Result<ApiResponse, SendFailure> {
    ApiResponse::new(response, come_back, is_of_write).map_err(SendFailure::for_good)
}

/// The target of a redirect that may be followed with the credential: same scheme, host and port, and a request that
/// may be repeated.
fn next_hop(request: &ApiRequest, url: &Url, response: &Response) -> Option<Url> {
    let moved = matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308);
    if !moved || !request.reads_by_method() {
        return None;
    }
    let location = response.headers().get(LOCATION)?.to_str().ok()?;
    let next = url.join(location).ok()?;
    // A user name in it would become a second credential.
    let is_bare = next.username().is_empty() && next.password().is_none();
    (is_bare && Origin::of(&next) == Origin::of(url)).then_some(next)
}

/// The wait that the server asks for, in words. It names no time of day, since the clocks may differ.
pub fn time_to_come_back(wait: Duration) -> String {
    let seconds = wait.as_secs().max(1);
    let parts = [(seconds / 3600, "h"), (seconds / 60 % 60, "min"), (seconds % 60, "s")];
    let words: Vec<String> =
        parts.iter().filter(|(count, _)| *count > 0).map(|(count, unit)| format!("{count} {unit}")).collect();
    format!("try again in {}", words.join(" "))
}

/// A network failure that ended a run's time (`--timeout`).
pub fn out_of_time(limit: Duration) -> Error {
    Error::network(format!("not done within {}", humantime::format_duration(limit))).hint("--timeout sets the limit")
}
