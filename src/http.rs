//! The HTTP clients: one for the token endpoint, one for the API. No redirect is
//! followed with a credential, no Referer is sent, and an error never shows a URL's query.

use std::cell::OnceCell;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Bytes;
use reqwest::{Client, ClientBuilder, Proxy, Url, redirect};
use zeroize::Zeroizing;

use crate::error::{Error, ErrorKind, Result};
use crate::oauth::client::ClientCredentials;
use crate::oauth::token::{Grant, TokenError, TokenResponse, request_body, token_response};
use crate::origin::OAuthUrl;
use crate::world::World;

mod failure;
mod incoming;
mod peer_certificate;
mod proxies;
mod retry_after;
mod roots;
use failure::cause;
pub use failure::{is_certificate_error, may_pass, network_error};
pub use incoming::{ACCEPTED_CODING, Incoming};
use peer_certificate::PeerCertificate;
use proxies::BadProxy;
pub use proxies::{no_proxy_variable, proxy_variable};
pub use retry_after::{MAX_WAIT, stated_wait};
pub use roots::variables as roots_variables;
use roots::{Roots, UnusableRoots};

/// The `User-Agent` of all requests.
pub const USER_AGENT: &str = concat!("lokalise-auth/", env!("CARGO_PKG_VERSION"));

const CONNECT: Duration = Duration::from_secs(10);
/// A connection on which nothing moves for this long counts as dead.
const IDLE: Duration = Duration::from_secs(60);
/// The time limit of a token request, from connecting to the last byte.
const TOKEN_REQUEST: Duration = Duration::from_secs(30);
/// The longest answer of the token endpoint, in bytes.
const MAX_TOKEN_ANSWER: usize = 1 << 20;

/// A token request that got no answer.
pub struct TokenRequestFailure {
    pub error: Error,
    /// Whether it may have reached the server.
    pub sent: bool,
    /// Whether another try may succeed.
    pub may_pass: bool,
}

/// How long a refresh that fails for now is tried again. It is less than other processes wait for the record's lock.
const REFRESH_PATIENCE: Duration = Duration::from_secs(15);

/// The clients of one run, built when first used.
pub struct Http {
    /// How long a refresh that fails for now is tried again.
    pub refresh_patience: Duration,
    /// Whether the waits between these tries are reported.
    pub reports_waits: bool,
    /// The proxy for https. One that cannot be used is an error of whatever needs the network.
    proxy: Result<Option<Proxy>, BadProxy>,
    /// `None` where macOS or Windows is asked.
    roots: Option<Arc<Roots>>,
    api: OnceCell<Client>,
}

impl Http {
    /// Reads the variables of proxies and CAs. What is wrong with them is an error of the first use.
    pub fn new(world: &World) -> Self {
        let roots = Roots::read(world, Arc::new(rustls::crypto::ring::default_provider()));
        Self {
            refresh_patience: REFRESH_PATIENCE,
            reports_waits: true,
            proxy: proxies::read(world),
            roots: roots.map(Arc::new),
            api: OnceCell::new(),
        }
    }

    /// Prepares requests to a URL while the caller waits for something else. Nothing is sent.
    ///
    /// # Errors
    /// Usage, if a proxy variable is malformed; `Network`, if the CAs that a variable names cannot be used.
    pub fn prepare(&self, url: &Url) -> Result<()> {
        self.api()?;
        if url.scheme() == "https"
            && let Some(roots) = &self.roots
        {
            roots.load().map_err(UnusableRoots::into_error)?;
        }
        Ok(())
    }

    /// The client for API requests. It holds no credential: each request carries its own. It has no time limit either:
    /// that of reqwest counts an upload as silence. See [`unless_idle`].
    ///
    /// # Errors
    /// Usage, if a proxy variable is malformed: bypassing a proxy silently is worse.
    pub fn api(&self) -> Result<&Client> {
        if let Some(client) = self.api.get() {
            return Ok(client);
        }
        let client = self.client(|builder| builder)?;
        Ok(self.api.get_or_init(|| client))
    }

    /// The certificate, in DER, that the server of a URL shows where it is not trusted. Nothing is sent to the server.
    pub async fn untrusted_certificate(&self, url: Url) -> Option<Vec<u8>> {
        let shown = PeerCertificate::default();
        let config = shown.config(&rustls::crypto::ring::default_provider().into()).ok()?;
        let client = self.any_client().ok()?.tls_backend_preconfigured(config).timeout(CONNECT).build().ok()?;
        // This connection is meant to fail.
        let _ = client.head(url).send().await;
        shown.take()
    }

    /// The settings that all clients share, without the CAs.
    fn any_client(&self) -> Result<ClientBuilder> {
        let builder = Client::builder()
            .user_agent(USER_AGENT)
            .redirect(redirect::Policy::none())
            .referer(false)
            .connect_timeout(CONNECT)
            // RFC 6761 §6.3: `localhost` needs no resolver. The system's would cost a thread and some 40 system calls.
            .resolve_to_addrs("localhost", &[(Ipv4Addr::LOCALHOST, 0).into(), (Ipv6Addr::LOCALHOST, 0).into()])
            .no_proxy();
        match &self.proxy {
            Ok(Some(proxy)) => Ok(builder.proxy(proxy.clone())),
            Ok(None) => Ok(builder),
            Err(bad) => Err(bad.to_error()),
        }
    }

    fn client(&self, more: impl FnOnce(ClientBuilder) -> ClientBuilder) -> Result<Client> {
        let cannot = |why: String| Error::network("the TLS client cannot be set up").because(anyhow::anyhow!(why));
        // The first of two installs wins; both are the same.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = self.any_client()?.tls_version_min(reqwest::tls::Version::TLS_1_2).tls_info(true);
        if let Some(roots) = &self.roots {
            let config = Arc::clone(roots).config().map_err(|error| cannot(error.to_string()))?;
            builder = builder.tls_backend_preconfigured(config);
        }
        more(builder).build().map_err(|error| {
            cannot(cause(&error))
                .hint("where this system has no CAs of its own, set SSL_CERT_FILE to a PEM file of them")
        })
    }

    /// One request to the token endpoint, sent once and never again.
    ///
    /// # Errors
    /// [`token_error`] makes an error of a failed answer.
    pub async fn token_request(
        &self,
        world: &World,
        oauth_url: &OAuthUrl,
        grant: &Grant<'_>,
        client: &ClientCredentials,
    ) -> Result<Result<TokenResponse, TokenError>, TokenRequestFailure> {
        let url = oauth_url.token_endpoint();
        let body = request_body(grant, client);
        world.trace(&format!("> POST {url}"));
        let request = self
            .client(|builder| builder.timeout(TOKEN_REQUEST).retry(reqwest::retry::never()))
            .map_err(|error| TokenRequestFailure { error, sent: false, may_pass: false })?
            .post(url)
            .header("content-type", "application/json")
            .header("accept", "application/json")
            .body(Bytes::from_owner(body));
        let unanswered = |error: reqwest::Error| TokenRequestFailure {
            error: network_error(&error),
            sent: !error.is_connect(),
            may_pass: may_pass(&error),
        };
        let mut response = request.send().await.map_err(unanswered)?;
        let status = response.status().as_u16();
        let wait = stated_wait(status, response.headers(), world.now());
        world.trace(&format!("< {status}"));
        // Large enough for any real answer: a growing buffer would leave copies of the tokens in memory.
        let mut answer = Zeroizing::new(Vec::with_capacity(16 * 1024));
        while let Some(chunk) = response.chunk().await.map_err(unanswered)? {
            if answer.len() + chunk.len() > MAX_TOKEN_ANSWER {
                return Ok(Err(TokenError::NotUnderstood { status, why: "the answer is longer than 1 MiB" }));
            }
            answer.extend_from_slice(&chunk);
        }
        Ok(token_response(status, &answer).map_err(|error| match error {
            TokenError::NotNow { status, .. } => TokenError::NotNow { status, wait },
            error => error,
        }))
    }
}

/// The error of a failed token request. The caller adds the hints.
pub fn token_error(error: &TokenError, what: &str) -> Error {
    match error {
        TokenError::Rejected { status, error, description } => {
            let detail = match (error.as_str(), description.as_str()) {
                ("", "") => String::new(),
                (error, "") => format!(": {error}"),
                ("", description) => format!(": {description}"),
                (error, description) => format!(": {error}, {description}"),
            };
            let mut refused = Error::new(ErrorKind::NotLoggedIn, format!("{what} was refused{detail} (HTTP {status})"));
            refused.status = Some(*status);
            refused
        }
        TokenError::NotNow { status, .. } => {
            let kind = if *status == 408 { ErrorKind::Network } else { ErrorKind::from_status(*status) };
            let mut later = Error::new(kind, format!("{what} failed: the token endpoint answered HTTP {status}"))
                .hint("try again in a minute; nothing was changed");
            later.status = Some(*status);
            later
        }
        TokenError::NotUnderstood { status, why } => {
            let kind = if (200..300).contains(status) { ErrorKind::Other } else { ErrorKind::from_status(*status) };
            let mut odd = Error::new(kind, format!("{what} failed: {why} (HTTP {status})"))
                .hint("a proxy or a login page of the network may have answered; `lokalise-auth doctor` looks closer");
            odd.status = Some(*status);
            odd
        }
    }
}

/// Waits for the network, as long as something moves: `moved` counts what has been sent meanwhile.
///
/// # Errors
/// Network, after a minute of silence.
pub async fn unless_idle<T>(host: &str, moved: impl Fn() -> u64, waited_for: impl Future<Output = T>) -> Result<T> {
    tokio::pin!(waited_for);
    let mut before = moved();
    loop {
        match tokio::time::timeout(IDLE, &mut waited_for).await {
            Ok(came) => return Ok(came),
            Err(_) if moved() != before => before = moved(),
            Err(_) => {
                return Err(Error::network(format!("{host} did not answer in time"))
                    .hint("try again; `lokalise-auth doctor` looks closer"));
            }
        }
    }
}
