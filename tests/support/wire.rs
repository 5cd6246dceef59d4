//! A server that speaks bytes rather than HTTP: answers cut short, dribbled,
//! endless or reset. A request without a script is passed on to another server.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::io::{self, BufReader, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::client;
use super::port::Port;
use super::standin::{Place, Received};

/// One thing that happens on the connection.
#[derive(Clone, Debug)]
pub enum Step {
    Send(Vec<u8>),
    /// One byte at a time, with a pause after each.
    Dribble(Vec<u8>, Duration),
    Pause(Duration),
    /// The same bytes again and again, until the client goes away.
    Endless(Vec<u8>),
    /// Nothing, until the client goes away.
    Silence,
    /// An end without a FIN: what a crashed server or a firewall does.
    #[cfg(unix)]
    Reset,
}

/// The steps of one answer. The connection is closed after them.
pub type Steps = Vec<Step>;

/// Text to send as it is, with `\n` in the head written as CRLF.
pub fn head(text: &str) -> Step {
    Step::Send(format!("{}\r\n\r\n", text.trim().replace('\n', "\r\n")).into_bytes())
}

/// A running server of bytes. It stops when it is dropped.
pub struct Wire {
    shared: Arc<Shared>,
    port: Port,
}

struct Shared {
    /// Where requests without a script go.
    upstream: Option<SocketAddr>,
    queue: Mutex<VecDeque<(Place, Steps)>>,
    log: Mutex<Vec<Received>>,
    connections: AtomicUsize,
}

impl Wire {
    /// Knows only its scripts; a request without one gets a closed connection.
    pub fn alone() -> Self {
        Self::start(None)
    }

    /// Passes requests without a script on to a server on loopback.
    pub fn before(server: SocketAddr) -> Self {
        Self::start(Some(server))
    }

    fn start(upstream: Option<SocketAddr>) -> Self {
        let shared = Arc::new(Shared {
            upstream,
            queue: Mutex::default(),
            log: Mutex::default(),
            connections: AtomicUsize::new(0),
        });
        let serving = Arc::clone(&shared);
        let port = Port::open(move |stream| {
            serving.connections.fetch_add(1, Ordering::SeqCst);
            // An error here is a client that went away, which some scripts are about.
            let _ = serving.serve(&stream);
        });
        Self { shared, port }
    }

    pub fn address(&self) -> SocketAddr {
        self.port.address()
    }

    /// For `LOKALISE_API_URL`.
    pub fn api_url(&self) -> String {
        format!("http://{}/api2", self.address())
    }

    /// For `LOKALISE_OAUTH_URL`.
    pub fn oauth_url(&self) -> String {
        format!("http://{}/oauth2", self.address())
    }

    /// Queues the steps for the next request to that path (`*` at its end: to any path that begins so).
    pub fn answer_next(&self, method: &str, path: &str, steps: Steps) {
        let mut queue = self.shared.queue.lock().unwrap_or_else(PoisonError::into_inner);
        queue.push_back((Place::new(method, path), steps));
    }

    /// Every request so far, scripted or passed on.
    pub fn requests(&self) -> Vec<Received> {
        self.shared.log.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How many connections were made, with or without a request on them.
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }
}

impl Shared {
    /// One request and its answer; the connection is not used twice.
    fn serve(&self, stream: &TcpStream) -> io::Result<()> {
        let peer = stream.peer_addr()?;
        let request = read_request(&mut BufReader::new(stream), peer)?;
        self.log.lock().unwrap_or_else(PoisonError::into_inner).push(request.clone());
        let steps = {
            let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
            let first = queue.iter().position(|(place, _)| place.holds(&request));
            first.and_then(|index| queue.remove(index)).map(|(_, steps)| steps)
        };
        match (steps, self.upstream) {
            (Some(steps), _) => {
                for step in steps {
                    take(stream, step)?;
                }
                stream.shutdown(Shutdown::Write)
            }
            (None, Some(server)) => forward(&request, server, &mut &*stream),
            (None, None) => stream.shutdown(Shutdown::Both),
        }
    }
}

fn take(mut stream: &TcpStream, step: Step) -> io::Result<()> {
    match step {
        Step::Send(bytes) => stream.write_all(&bytes),
        Step::Dribble(bytes, pause) => bytes.iter().try_for_each(|byte| {
            thread::sleep(pause);
            stream.write_all(&[*byte])
        }),
        Step::Pause(pause) => {
            thread::sleep(pause);
            Ok(())
        }
        Step::Endless(bytes) => loop {
            stream.write_all(&bytes)?;
        },
        Step::Silence => stream.read_to_end(&mut Vec::new()).map(drop),
        #[cfg(unix)]
        Step::Reset => {
            // Closing with a linger time of zero sends a RST.
            rustix::net::sockopt::set_socket_linger(stream, Some(Duration::ZERO))?;
            Err(io::ErrorKind::ConnectionReset.into())
        }
    }
}

/// Reads one request from a connection.
pub fn read_request(stream: &mut impl io::BufRead, peer: SocketAddr) -> io::Result<Received> {
    let (first, headers) = client::read_head(stream)?;
    let body = client::read_body(stream, &headers, false)?;
    let mut words = first.split(' ').map(str::to_owned);
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    Ok(Received { method, target, headers, body, at: Instant::now(), peer })
}

/// Passes a request on to a server and its answer back, byte for byte but for the header that
/// announces the end of the connection.
pub fn forward(request: &Received, server: SocketAddr, client: &mut impl io::Write) -> io::Result<()> {
    let mut upstream = TcpStream::connect(server)?;
    let mut head = format!("{} {} HTTP/1.1\r\n", request.method, request.target);
    for (name, value) in &request.headers {
        let of_connection = ["Connection", "Transfer-Encoding", "Content-Length"];
        if !of_connection.iter().any(|other| other.eq_ignore_ascii_case(name)) {
            write!(head, "{name}: {value}\r\n").expect("writing to a string cannot fail");
        }
    }
    write!(head, "Content-Length: {}\r\nConnection: close\r\n\r\n", request.body.len())
        .expect("writing to a string cannot fail");
    upstream.write_all(&[head.as_bytes(), &request.body].concat())?;
    let mut answer = BufReader::new(upstream);
    let mut status_line = Vec::new();
    io::BufRead::read_until(&mut answer, b'\n', &mut status_line)?;
    client.write_all(&status_line)?;
    client.write_all(b"Connection: close\r\n")?;
    io::copy(&mut answer, client)?;
    client.flush()
}
