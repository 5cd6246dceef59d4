//! A stand-in for Lokalise on loopback, as strict as `src/lokalise/README.md` says the real one is.
//! It logs the requests and answers as a test orders.

mod api;
mod authorize;
mod content;
mod credential;
mod files;
mod log;
mod message;
mod pages;
mod projects;
mod script;
mod serve;
mod switches;
mod token;
mod violations;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

// Not every test needs all of them.
#[allow(unused_imports)]
pub use {
    authorize::Authorization,
    content::{Content, OWNER_EMAIL, OWNER_ID, OWNER_NAME, TEAM_ID},
    files::{gzip_of, zip_of},
    message::{Answer, Body, Received, form},
    script::Place,
    switches::{Person, Switches, SyncExport},
};

use super::secrets::forty_hex;
use credential::Grants;
use log::Log;
use script::Script;
use serve::Listener;

/// A running stand-in. It stops when it is dropped, and fails the test if it was
/// spoken to in a way that the real one must never be (see [`Standin::violations`]).
pub struct Standin {
    lokalise: Arc<Lokalise>,
    api: Listener,
    bundles: Listener,
}

/// What both listeners share.
struct Lokalise {
    started: Instant,
    /// By how much the stand-in's clock is ahead.
    ahead: Mutex<Duration>,
    switches: Mutex<Switches>,
    script: Script,
    log: Log,
    bundle_log: Log,
    violations: Mutex<Vec<String>>,
    registered: Registered,
    grants: Mutex<Grants>,
    content: Mutex<Content>,
    /// Scheme, host and port of the bundles, where no credential belongs.
    bundle_origin: Mutex<String>,
}

/// What support has registered and a profile page has made, new for every run.
struct Registered {
    client_id: String,
    client_secret: String,
    api_token: String,
    read_only_token: String,
}

/// The lock's content, also after a test has panicked while it held the lock.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Standin {
    pub fn start() -> Self {
        let registered = Registered {
            client_id: forty_hex(),
            client_secret: forty_hex(),
            api_token: forty_hex(),
            read_only_token: forty_hex(),
        };
        let lokalise = Arc::new(Lokalise {
            started: Instant::now(),
            ahead: Mutex::default(),
            switches: Mutex::default(),
            script: Script::default(),
            log: Log::default(),
            bundle_log: Log::default(),
            violations: Mutex::default(),
            registered,
            grants: Mutex::default(),
            content: Mutex::new(Content::of_a_small_team()),
            bundle_origin: Mutex::default(),
        });
        let bundles = Listener::open(&lokalise, Lokalise::bundle_answer);
        *locked(&lokalise.bundle_origin) = format!("http://{}", bundles.address());
        let api = Listener::open(&lokalise, Lokalise::answer);
        Self { lokalise, api, bundles }
    }

    /// Where API and OAuth endpoints listen.
    pub fn address(&self) -> SocketAddr {
        self.api.address()
    }

    /// Where bundles are downloaded from: another origin.
    pub fn bundle_address(&self) -> SocketAddr {
        self.bundles.address()
    }

    /// Uses another origin in bundle URLs, such as a TLS server that passes requests on.
    pub fn serve_bundles_from(&self, origin: &str) {
        origin.clone_into(&mut locked(&self.lokalise.bundle_origin));
    }

    /// For `LOKALISE_API_URL`.
    pub fn api_url(&self) -> String {
        format!("http://{}/api2", self.address())
    }

    /// For `LOKALISE_OAUTH_URL`.
    pub fn oauth_url(&self) -> String {
        format!("http://{}/oauth2", self.address())
    }

    pub fn client_id(&self) -> String {
        self.lokalise.registered.client_id.clone()
    }

    pub fn client_secret(&self) -> String {
        self.lokalise.registered.client_secret.clone()
    }

    /// A personal API token that may do everything.
    pub fn api_token(&self) -> String {
        self.lokalise.registered.api_token.clone()
    }

    /// A personal API token that was made read-only.
    pub fn read_only_token(&self) -> String {
        self.lokalise.registered.read_only_token.clone()
    }

    /// A new access token with these scopes (separated by spaces), as if somebody had logged in.
    pub fn access_token(&self, scopes: &str) -> String {
        self.lokalise.issue(scopes).0
    }

    /// A new refresh token with these scopes.
    pub fn refresh_token(&self, scopes: &str) -> String {
        self.lokalise.issue(scopes).1
    }

    /// Every secret that exists by now: client secret, tokens, codes.
    pub fn secrets(&self) -> Vec<String> {
        self.lokalise.secrets()
    }

    /// Turns switches: `standin.set(|switches| switches.pkce = true)`.
    pub fn set(&self, turn: impl FnOnce(&mut Switches)) {
        turn(&mut locked(&self.lokalise.switches));
    }

    /// Changes the projects and what is in them.
    pub fn edit<T>(&self, edit: impl FnOnce(&mut Content) -> T) -> T {
        edit(&mut locked(&self.lokalise.content))
    }

    /// The id of the first project, which has all the content.
    pub fn project_id(&self) -> String {
        self.edit(|content| content.first_project())
    }

    /// Moves the stand-in's clock ahead, and no other clock.
    pub fn advance(&self, by: Duration) {
        *locked(&self.lokalise.ahead) += by;
    }

    /// Refuses every refresh token there is.
    pub fn revoke_refresh_tokens(&self) {
        locked(&self.lokalise.grants).revoke_refresh_tokens();
    }

    /// Queues an answer for the next request to that path (`*` at its end: to any path that begins so).
    pub fn answer_next(&self, method: &str, path: &str, answer: Answer) {
        self.lokalise.script.queue(method, path, answer);
    }

    /// Queues the same answer for the next `times` requests.
    pub fn answer_times(&self, times: usize, method: &str, path: &str, answer: &Answer) {
        for _ in 0..times {
            self.answer_next(method, path, answer.clone());
        }
    }

    /// Answers every request to that path so.
    pub fn answer_always(&self, method: &str, path: &str, answer: Answer) {
        self.lokalise.script.always(method, path, answer);
    }

    /// Asks the closure first, for every request there is.
    pub fn answer_with(&self, rule: impl Fn(&Received) -> Option<Answer> + Send + Sync + 'static) {
        self.lokalise.script.rule(rule);
    }

    /// How many queued answers nobody has asked for.
    pub fn answers_left(&self) -> usize {
        self.lokalise.script.left()
    }

    /// Every request to API and OAuth endpoints so far.
    pub fn requests(&self) -> Vec<Received> {
        self.lokalise.log.all()
    }

    /// The requests with that method and path so far.
    pub fn requests_to(&self, method: &str, path: &str) -> Vec<Received> {
        self.lokalise.log.to(method, path)
    }

    /// Waits for the `count`th request to that path.
    #[track_caller]
    pub fn wait_for(&self, method: &str, path: &str, count: usize) -> Received {
        self.lokalise.log.wait_for(method, path, count)
    }

    pub fn forget_requests(&self) {
        self.lokalise.log.clear();
        self.lokalise.bundle_log.clear();
    }

    /// Every request to the bundles' origin so far.
    pub fn bundle_requests(&self) -> Vec<Received> {
        self.lokalise.bundle_log.all()
    }

    /// The authorization requests that were in order.
    pub fn authorizations(&self) -> Vec<Authorization> {
        locked(&self.lokalise.grants).authorizations.clone()
    }

    /// What no request may do, and one did: two credentials, a secret in a URL, a credential on a
    /// foreign origin, a field that the token endpoint does not know. Whoever asks has dealt with them.
    pub fn violations(&self) -> Vec<String> {
        std::mem::take(&mut locked(&self.lokalise.violations))
    }
}

impl Drop for Standin {
    fn drop(&mut self) {
        self.api.close();
        self.bundles.close();
        let violations = self.violations();
        if !std::thread::panicking() {
            assert!(violations.is_empty(), "the stand-in was spoken to as Lokalise must not be: {violations:#?}");
        }
    }
}

impl Lokalise {
    /// The stand-in's own time.
    fn now(&self) -> Duration {
        self.started.elapsed() + *locked(&self.ahead)
    }

    /// One answer to one request, the scripted one first.
    fn answer(&self, request: &Received) -> Answer {
        self.log.add(request);
        self.inspect(request);
        if let Some(answer) = self.script.answer(request) {
            return answer;
        }
        match request.path() {
            "/oauth2/auth" if request.method == "GET" => self.authorization_page(request),
            "/oauth2/decision" if request.method == "POST" => self.decision(request),
            "/oauth2/token" if request.method == "POST" => self.token_answer(request),
            path if path.starts_with("/oauth2/") => Answer::html(404, "<h1>Not Found</h1>"),
            _ => self.api_answer(request),
        }
    }
}
