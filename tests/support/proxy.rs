//! A proxy that knows only `CONNECT` (RFC 9110 §9.3.6). It records the request that
//! opened the tunnel, and can ask for a password.

use std::io::{self, BufReader, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::port::Port;
use super::standin::Received;
use super::wire;

/// A running proxy. It stops when it is dropped.
pub struct Proxy {
    port: Port,
    seen: Arc<Mutex<Vec<Received>>>,
}

impl Proxy {
    /// Every tunnel leads to that server, whatever host was asked for.
    pub fn leading_to(server: SocketAddr) -> Self {
        Self::start(server, None)
    }

    /// The same with a password: 407 without it (RFC 9110 §15.5.8).
    pub fn with_password(server: SocketAddr, user: &str, password: &str) -> Self {
        Self::start(server, Some(format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))))
    }

    fn start(server: SocketAddr, password: Option<String>) -> Self {
        let seen: Arc<Mutex<Vec<Received>>> = Arc::default();
        let log = Arc::clone(&seen);
        let port = Port::open(move |stream| {
            // An error is a client that went away.
            let _ = serve(&stream, server, password.as_deref(), &log);
        });
        Self { port, seen }
    }

    pub fn address(&self) -> SocketAddr {
        self.port.address()
    }

    /// For `HTTPS_PROXY`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address())
    }

    /// For `HTTPS_PROXY`, with a password.
    pub fn url_with(&self, user: &str, password: &str) -> String {
        format!("http://{user}:{password}@{}", self.address())
    }

    /// Everything that a client said to the proxy itself.
    pub fn seen(&self) -> Vec<Received> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn serve(
    mut client: &TcpStream,
    server: SocketAddr,
    password: Option<&str>,
    log: &Mutex<Vec<Received>>,
) -> io::Result<()> {
    // Unbuffered after the head: the next byte belongs to the tunnel, and a client waits for our answer first.
    let request = wire::read_request(&mut BufReader::with_capacity(1, client), client.peer_addr()?)?;
    log.lock().unwrap_or_else(PoisonError::into_inner).push(request.clone());
    if request.method != "CONNECT" {
        return client.write_all(b"HTTP/1.1 405 Method Not Allowed\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    }
    if password.is_some_and(|password| request.header("Proxy-Authorization") != Some(password)) {
        let answer = "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"proxy\"\r\n\
                      Content-Length: 0\r\nConnection: close\r\n\r\n";
        return client.write_all(answer.as_bytes());
    }
    let upstream = TcpStream::connect(server)?;
    client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")?;
    thread::scope(|scope| {
        scope.spawn(|| pass_on(client, &upstream));
        pass_on(&upstream, client);
    });
    Ok(())
}

/// Copies one direction to its end. Errors are an end too.
fn pass_on(mut from: &TcpStream, mut to: &TcpStream) {
    let _ = io::copy(&mut from, &mut to);
    let _ = to.shutdown(Shutdown::Write);
}
