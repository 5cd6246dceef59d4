//! The listener on the redirect URI (RFC 8252 §7.3). It is open for one login,
//! answers other requests with 4xx, and lets the browser wait until the login has ended.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{
    ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use reqwest::Url;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};
use tokio::task::AbortHandle;

use crate::error::{Error, Result};
use crate::names::ProfileName;
use crate::oauth::authorization::{AuthorizationRequest, NotOurs, RedirectUri, Redirected};

mod page;
pub use page::BrowserPage;

/// The longest request head. Cookies have no port: a browser sends those of every program on 127.0.0.1.
const MAX_HEAD_BYTES: usize = 64 * 1024;
/// How long a connection may take, unless the answer came on it.
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(5);
/// The most open connections. A further one ends another: see [`make_room`].
const MAX_CONNECTIONS: usize = 16;
/// The browser has this long to take its page when the login has ended.
const PAGE_TIMEOUT: Duration = Duration::from_millis(800);

/// Which address to listen on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Redirect {
    /// `http://127.0.0.1:PORT/callback`, on a free port or this one.
    Port(Option<u16>),
    /// A loopback URI that Lokalise registered.
    Uri(RedirectUri),
}

/// Sockets on the redirect URI. Nothing is answered on them yet.
pub struct Loopback {
    listeners: Vec<TcpListener>,
    pub redirect_uri: RedirectUri,
}

/// The running listener. Dropping it closes the port, even with open connections.
pub struct Listening {
    acceptor: AbortHandle,
    answers: mpsc::Receiver<Answered>,
}

/// The answer to our request, and the browser that waits for its page.
pub struct Answered {
    pub redirected: Redirected,
    pub waiting: WaitingBrowser,
}

/// A browser that waits for its page.
pub struct WaitingBrowser {
    page: oneshot::Sender<BrowserPage>,
    sent: oneshot::Receiver<()>,
}

impl WaitingBrowser {
    /// Answers the browser, and waits until the page is sent or the browser is gone.
    pub async fn show(self, page: BrowserPage) {
        // A browser that has gone away needs no page.
        let _ = self.page.send(page);
        let _ = tokio::time::timeout(PAGE_TIMEOUT, self.sent).await;
    }
}

impl Loopback {
    /// Binds. The sockets that are bound here are the ones that take the redirect: a port is never released and bound again.
    ///
    /// # Errors
    /// Usage, if the port is taken; it is named. Nothing has been opened then.
    pub async fn bind(redirect: &Redirect) -> Result<Self> {
        match redirect {
            Redirect::Port(port) => {
                let port = port.unwrap_or(0);
                let listener = match TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await {
                    Err(error) if is_missing(&error) => TcpListener::bind((Ipv6Addr::LOCALHOST, port)).await,
                    bound => bound,
                }
                .map_err(|error| cannot_listen(redirect, port, error))?;
                let address = listener.local_addr().map_err(|error| cannot_listen(redirect, port, error))?;
                let redirect_uri =
                    RedirectUri::parse(&format!("http://{address}/callback")).expect("a socket address makes a URL");
                Ok(Self { listeners: vec![listener], redirect_uri })
            }
            Redirect::Uri(uri) => {
                let port = uri.url().port_or_known_default().unwrap_or(80);
                let mut listeners = Vec::new();
                for address in addresses(uri.url()) {
                    match TcpListener::bind(SocketAddr::new(address, port)).await {
                        Ok(listener) => listeners.push(listener),
                        // One family may be missing on this machine.
                        Err(error) if is_missing(&error) => {}
                        Err(error) => return Err(cannot_listen(redirect, port, error)),
                    }
                }
                if listeners.is_empty() {
                    return Err(cannot_listen(redirect, port, io::ErrorKind::AddrNotAvailable.into()));
                }
                Ok(Self { listeners, redirect_uri: uri.clone() })
            }
        }
    }

    /// Starts to answer. The redirect of `request` waits until its page is known; other requests get a page at once.
    pub fn listen(self, request: &Arc<AuthorizationRequest>, profile: &ProfileName) -> Listening {
        let (sender, answers) = mpsc::channel(1);
        let request = Arc::clone(request);
        let profile = profile.clone();
        let shared = Arc::new(ListenerState { request, profile, answers: sender, answered: AtomicBool::new(false) });
        let acceptor = tokio::spawn(accept_all(self.listeners, shared)).abort_handle();
        Listening { acceptor, answers }
    }
}

impl Listening {
    /// Waits for the answer to our request. Other requests are answered and ignored.
    pub async fn answer(&mut self) -> Answered {
        match self.answers.recv().await {
            Some(answered) => answered,
            None => std::future::pending().await,
        }
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.acceptor.abort();
    }
}

/// A connection that is being served, until it is dropped.
struct Connection {
    task: AbortHandle,
    stage: Arc<ConnectionStage>,
}

/// How far a connection has come.
#[derive(Default)]
struct ConnectionStage {
    /// Something was sent on it.
    begun: AtomicBool,
    holds_answer: AtomicBool,
}

impl Connection {
    fn serve(stream: TcpStream, shared: &Arc<ListenerState>) -> Self {
        let stage = Arc::new(ConnectionStage::default());
        let task = tokio::spawn(serve(stream, Arc::clone(shared), Arc::clone(&stage))).abort_handle();
        Self { task, stage }
    }

    fn has_begun(&self) -> bool {
        self.stage.begun.load(Ordering::Relaxed)
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Accepts connections until the login has ended. Reloads of the page are answered too.
async fn accept_all(listeners: Vec<TcpListener>, shared: Arc<ListenerState>) {
    let mut connections: VecDeque<Connection> = VecDeque::new();
    loop {
        let Ok((stream, _)) = accept(&listeners).await else {
            // No file descriptor is free, or the connection was reset before it was accepted: try again later.
            tokio::time::sleep(Duration::from_millis(20)).await;
            continue;
        };
        connections.retain(|connection| !connection.task.is_finished());
        if connections.len() >= MAX_CONNECTIONS {
            make_room(&mut connections);
        }
        connections.push_back(Connection::serve(stream, &shared));
        // The data of a connection is read before newer connections can end it.
        tokio::task::yield_now().await;
    }
}

/// Ends one connection, so that a flood cannot push out the browser.
///
/// Connections form two groups: those that have sent something, and silent ones. The oldest of the larger group ends.
/// So a flood of silent connections does not end a request that arrives in pieces, and a flood of unfinished requests does
/// not end a new connection that had no time to send anything. The connection with the answer never ends here.
fn make_room(connections: &mut VecDeque<Connection>) {
    let begun = connections.iter().filter(|connection| connection.has_begun()).count();
    let ends_begun = 2 * begun > connections.len();
    let oldest = connections.iter().position(|connection| {
        connection.has_begun() == ends_begun && !connection.stage.holds_answer.load(Ordering::Relaxed)
    });
    if let Some(index) = oldest {
        connections.remove(index);
    }
}

async fn accept(listeners: &[TcpListener]) -> io::Result<(TcpStream, SocketAddr)> {
    match listeners {
        [one] => one.accept().await,
        [one, other, ..] => tokio::select! {
            accepted = one.accept() => accepted,
            accepted = other.accept() => accepted,
        },
        [] => std::future::pending().await,
    }
}

/// `localhost` means both families (RFC 8252 §8.3 advises against it, but apps are registered with it).
fn addresses(uri: &Url) -> Vec<IpAddr> {
    let host = uri.host_str().unwrap_or_default();
    let literal = host.trim_start_matches('[').trim_end_matches(']');
    match literal.parse() {
        Ok(address) => vec![address],
        Err(_) => vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()],
    }
}

/// Whether this machine lacks the address, or its whole family.
fn is_missing(error: &io::Error) -> bool {
    #[cfg(unix)]
    if error.raw_os_error() == Some(rustix::io::Errno::AFNOSUPPORT.raw_os_error()) {
        return true;
    }
    matches!(error.kind(), io::ErrorKind::AddrNotAvailable | io::ErrorKind::Unsupported)
}

fn cannot_listen(redirect: &Redirect, port: u16, error: io::Error) -> Error {
    // `--paste` takes neither of the two flags.
    let way_on = match redirect {
        Redirect::Port(None) => "log in with `--paste`",
        Redirect::Port(Some(_)) => "choose another `--port`, or log in with `--paste` in its place",
        Redirect::Uri(_) => "log in with `--paste` in place of `--redirect-uri`",
    };
    match error.kind() {
        io::ErrorKind::AddrInUse => Error::usage(format!("port {port} is in use by another program"))
            .hint(format!("end that program, or {way_on}")),
        io::ErrorKind::PermissionDenied => {
            Error::usage(format!("port {port} needs more rights than you have")).because(error).hint(way_on)
        }
        _ => Error::other("cannot listen on a loopback port").because(error).hint(way_on),
    }
}

struct ListenerState {
    request: Arc<AuthorizationRequest>,
    /// The profile's name, for the pages.
    profile: ProfileName,
    answers: mpsc::Sender<Answered>,
    answered: AtomicBool,
}

/// One connection: one request, one answer, closed.
async fn serve(stream: TcpStream, shared: Arc<ListenerState>, stage: Arc<ConnectionStage>) {
    let until = tokio::time::Instant::now() + CONNECTION_TIMEOUT;
    if !matches!(tokio::time::timeout_at(until, stream.peek(&mut [0])).await, Ok(Ok(1..))) {
        return;
    }
    stage.begun.store(true, Ordering::Relaxed);
    let sent: Arc<Mutex<Option<oneshot::Sender<()>>>> = Arc::default();
    let service = {
        let (sent, stage) = (Arc::clone(&sent), Arc::clone(&stage));
        service_fn(move |request: Request<Incoming>| {
            let (shared, stage, sent) = (Arc::clone(&shared), Arc::clone(&stage), Arc::clone(&sent));
            async move { Ok::<_, Infallible>(respond(&request, &shared, &stage.holds_answer, &sent).await) }
        })
    };
    let connection = hyper::server::conn::http1::Builder::new()
        .keep_alive(false)
        // A client that has sent everything may still read.
        .half_close(true)
        .max_buf_size(MAX_HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    // A client that is not a browser may send anything: hyper's message about it does not help.
    let in_time = tokio::time::timeout_at(until, &mut connection).await.is_ok();
    if !in_time && stage.holds_answer.load(Ordering::Relaxed) {
        let _ = connection.await;
    }
    if let Some(sent) = sent.lock().expect("no holder panics").take() {
        let _ = sent.send(());
    }
}

async fn respond(
    request: &Request<Incoming>,
    shared: &ListenerState,
    holds_answer: &AtomicBool,
    sent: &Mutex<Option<oneshot::Sender<()>>>,
) -> Response<Full<Bytes>> {
    let response = |status, page: BrowserPage| response(status, page.html(&shared.profile));
    if request.method() != Method::GET {
        let mut refusal = response(StatusCode::METHOD_NOT_ALLOWED, BrowserPage::Stranger);
        refusal.headers_mut().insert(ALLOW, hyper::header::HeaderValue::from_static("GET"));
        return refusal;
    }
    // In absolute form the target has its own host. A browser does not send that form to us.
    let target = request.uri().to_string();
    let mut hosts = request.headers().get_all(HOST).iter();
    let host = hosts.next().and_then(|host| host.to_str().ok()).filter(|_| hosts.next().is_none());
    let redirected = shared.request.redirected(&target, host);
    if let Redirected::NotOurs(why) = redirected {
        return response(
            if why == NotOurs::Path { StatusCode::NOT_FOUND } else { StatusCode::BAD_REQUEST },
            BrowserPage::Stranger,
        );
    }
    // The state can be used for one answer only.
    if shared.answered.swap(true, Ordering::SeqCst) {
        return response(StatusCode::OK, BrowserPage::Repeated);
    }
    holds_answer.store(true, Ordering::Relaxed);
    let (page, shown) = oneshot::channel();
    let (done, gone) = oneshot::channel();
    *sent.lock().expect("no holder panics") = Some(done);
    let answered = Answered { redirected, waiting: WaitingBrowser { page, sent: gone } };
    if shared.answers.send(answered).await.is_err() {
        return response(StatusCode::OK, BrowserPage::Failed);
    }
    // A login that is cancelled drops its receiver.
    let page = shown.await.unwrap_or(BrowserPage::Failed);
    response(StatusCode::OK, page)
}

fn response(status: StatusCode, html: String) -> Response<Full<Bytes>> {
    Response::builder()
        .status(status)
        .header(CONTENT_TYPE, "text/html; charset=utf-8")
        .header(CONTENT_SECURITY_POLICY, page::policy())
        .header(REFERRER_POLICY, "no-referrer")
        .header(CACHE_CONTROL, "no-store")
        .header(X_CONTENT_TYPE_OPTIONS, "nosniff")
        .body(Full::new(Bytes::from(html)))
        .expect("constant headers")
}
