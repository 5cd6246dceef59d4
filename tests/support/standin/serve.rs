//! One listener on loopback: `tiny_http` in front of a function from request to
//! answer, every request on a thread of its own so that a slow answer holds up no other.

use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tiny_http::{Request, Server};

use super::message::{Answer, Received};

/// An open port and the thread that accepts on it.
pub struct Listener {
    server: Option<Arc<Server>>,
    address: SocketAddr,
    closing: Arc<AtomicBool>,
    acceptor: Option<JoinHandle<()>>,
}

impl Listener {
    /// Listens on a free port of 127.0.0.1.
    pub fn open<T: Send + Sync + 'static>(shared: &Arc<T>, answer: fn(&T, &Received) -> Answer) -> Self {
        let server = Arc::new(Server::http("127.0.0.1:0").expect("a loopback port is free"));
        let address = server.server_addr().to_ip().expect("it listens on an IP address");
        let closing = Arc::new(AtomicBool::new(false));
        let acceptor = {
            let (server, closing, shared) = (Arc::clone(&server), Arc::clone(&closing), Arc::clone(shared));
            thread::spawn(move || {
                while !closing.load(Ordering::SeqCst) {
                    let Ok(request) = server.recv() else { continue };
                    let shared = Arc::clone(&shared);
                    thread::spawn(move || serve(request, |received| answer(&shared, received)));
                }
            })
        };
        Self { server: Some(server), address, closing, acceptor: Some(acceptor) }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends the accepting thread and waits until the port refuses connections.
    pub fn close(&mut self) {
        self.closing.store(true, Ordering::SeqCst);
        let Some(server) = self.server.take() else { return };
        server.unblock();
        if let Some(acceptor) = self.acceptor.take() {
            acceptor.join().expect("the acceptor does not panic");
        }
        // Its own thread still accepts, and looks up only when a connection comes.
        drop(server);
        let until = Instant::now() + Duration::from_secs(5);
        while TcpStream::connect(self.address).is_ok() && Instant::now() < until {
            thread::yield_now();
        }
    }
}

fn serve(mut request: Request, answer: impl Fn(&Received) -> Answer) {
    let at = Instant::now();
    let mut body = Vec::new();
    if request.as_reader().read_to_end(&mut body).is_err() {
        return; // the client went away
    }
    let headers = request.headers().iter();
    let received = Received {
        method: request.method().to_string(),
        target: request.url().to_owned(),
        headers: headers.map(|header| (header.field.to_string(), header.value.to_string())).collect(),
        body,
        at,
        peer: *request.remote_addr().expect("a TCP client has an address"),
    };
    let answer = answer(&received);
    thread::sleep(answer.delay.saturating_sub(at.elapsed()));
    // A client may have gone away; that is its right.
    let _ = request.respond(answer.response());
}
