//! A login that waits for its browser, and actions on it meanwhile.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs as _};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use reqwest::Url;
use rustix::process::{Pid, Signal, kill_process};

use super::support::browser;
use super::support::client::Reply;
use super::support::home::Home;
use super::support::standin::Standin;

/// How long a test waits for what is about to happen, even on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// A running `login` whose URL is known.
pub struct Waiting {
    child: Child,
    output_text: Arc<Said>,
    pub url: String,
    pub redirect_uri: Url,
    pub state: String,
}

/// Its stderr so far, and whether that is all.
#[derive(Default)]
struct Said {
    text: Mutex<(Vec<u8>, bool)>,
    more: Condvar,
}

/// How it ended.
pub struct Ended {
    pub status: ExitStatus,
    pub stdout: Vec<u8>,
    pub stderr: String,
}

impl Ended {
    #[track_caller]
    pub fn assert_code(&self, code: i32) -> &Self {
        assert_eq!(self.status.code(), Some(code), "{}", self.stderr);
        assert_eq!(self.stdout, b"", "stdout is for answers, and a login has none");
        self
    }

    #[track_caller]
    pub fn assert_says(&self, words: &str) -> &Self {
        assert!(self.stderr.contains(words), "`{words}` is missing:\n{}", self.stderr);
        self
    }
}

/// `login` with the client's credentials in the environment.
pub fn login(standin: &Standin, home: &Home, args: &[&str]) -> Command {
    let mut command = home.command(["login"]);
    command.args(args);
    command.env("LOKALISE_CLIENT_ID", standin.client_id()).env("LOKALISE_CLIENT_SECRET", standin.client_secret());
    command
}

/// Fails if the installation holds a credential or claims to. The probe of the store may have left an empty one.
#[track_caller]
pub fn assert_nothing_stored(standin: &Standin, home: &Home) {
    for path in [home.credentials(), home.profiles()] {
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(!text.contains("default"), "{} names a profile", path.display());
        Home::assert_no_secret(standin, &path.display().to_string(), text.as_bytes());
    }
}

impl Waiting {
    /// `login --no-browser` with these further arguments.
    pub fn start(standin: &Standin, home: &Home, args: &[&str]) -> Self {
        let mut command = login(standin, home, &["--no-browser"]);
        command.args(args);
        Self::of(command)
    }

    /// Runs the command until it has printed its URL.
    pub fn of(mut command: Command) -> Self {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the binary can be run");
        let output_text = Arc::new(Said::default());
        let (mut stderr, sink) = (child.stderr.take().expect("it is piped"), Arc::clone(&output_text));
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(count @ 1..) = stderr.read(&mut buffer) {
                sink.lock().0.extend_from_slice(&buffer[..count]);
                sink.more.notify_all();
            }
            sink.lock().1 = true;
            sink.more.notify_all();
        });
        let url = output_text.wait_until(|text| browser::printed_url(text.rsplit_once('\n')?.0));
        let parsed = Url::parse(&url).expect("it is a URL");
        let parameter =
            |name: &str| parsed.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
        let redirect_uri = parameter("redirect_uri").unwrap_or_else(|| "http://none.invalid/".to_owned());
        Self {
            child,
            output_text,
            redirect_uri: Url::parse(&redirect_uri).expect("it is a URL"),
            state: parameter("state").expect("a request has a state"),
            url,
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        let (host, port) = (self.redirect_uri.host_str().expect("a host"), self.redirect_uri.port().expect("a port"));
        let host = host.trim_start_matches('[').trim_end_matches(']');
        (host, port).to_socket_addrs().expect("it resolves").next().expect("to something")
    }

    /// The Host header that a browser sends.
    pub fn host(&self) -> String {
        format!("{}:{}", self.redirect_uri.host_str().expect("a host"), self.redirect_uri.port().expect("a port"))
    }

    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address()).expect("it listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a time-out can be set");
        stream.set_write_timeout(Some(PATIENCE)).expect("a time-out can be set");
        stream
    }

    /// Sends bytes and reads all that comes back; nothing, where it is cut off.
    pub fn exchange(&self, bytes: &[u8]) -> String {
        let mut stream = self.connect();
        // It may stop reading before it has everything.
        let _ = stream.write_all(bytes);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// The path and query of a redirect with our state.
    pub fn target(&self, parameters: &str) -> String {
        format!("{}?{parameters}&state={}", self.redirect_uri.path(), self.state)
    }

    /// The page that a browser ends on which opens the printed URL: the genuine redirect.
    pub fn answer(&self) -> Reply {
        browser::open(&self.url).expect("the redirect is answered")
    }

    /// A request that a browser would send.
    pub fn get(&self, target: &str) -> String {
        format!("GET {target} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", self.host())
    }

    pub fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).expect("it still runs");
    }

    /// Resident memory in KiB, now and at its highest.
    pub fn resident(&self) -> (u64, u64) {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid().as_raw_nonzero()));
        let status = status.expect("this test reads /proc, so it needs Linux");
        let row = |name: &str| {
            let row = status.lines().find_map(|line| line.strip_prefix(name)).expect("a row of /proc/PID/status");
            row.trim().trim_end_matches(" kB").parse().expect("a number of KiB")
        };
        (row("VmRSS:"), row("VmHWM:"))
    }

    pub fn output_text(&self) -> String {
        self.output_text.text()
    }

    #[track_caller]
    pub fn wait_until_it_says(&self, words: &str) {
        self.output_text.wait_until(|text| text.contains(words).then_some(()));
    }

    /// Waits for its end.
    #[track_caller]
    pub fn end(mut self) -> Ended {
        let until = Instant::now() + PATIENCE;
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("our own child") {
                break status;
            }
            assert!(Instant::now() < until, "login did not end; it output_text:\n{}", self.output_text());
            thread::sleep(Duration::from_millis(5));
        };
        let mut stdout = Vec::new();
        self.child.stdout.take().expect("it is piped").read_to_end(&mut stdout).expect("our own pipe");
        // A browser that goes on holds no pipe of ours.
        self.output_text.wait_for_end();
        Ended { status, stdout, stderr: self.output_text.text() }
    }

    /// Whether the port takes connections.
    pub fn listens(&self) -> bool {
        TcpStream::connect_timeout(&self.address(), Duration::from_millis(500)).is_ok()
    }

    /// Waits until the port is closed.
    #[track_caller]
    pub fn assert_closes(&self) {
        let until = Instant::now() + PATIENCE;
        while self.listens() {
            assert!(Instant::now() < until, "the port is still open");
            thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        // Only a failed test leaves it running.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Said {
    fn lock(&self) -> std::sync::MutexGuard<'_, (Vec<u8>, bool)> {
        self.text.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.lock().0).into_owned()
    }

    #[track_caller]
    fn wait_until<T>(&self, found: impl Fn(&str) -> Option<T>) -> T {
        let until = Instant::now() + PATIENCE;
        let mut text = self.lock();
        loop {
            let so_far = String::from_utf8_lossy(&text.0).into_owned();
            if let Some(found) = found(&so_far) {
                return found;
            }
            let left = until.saturating_duration_since(Instant::now());
            assert!(!left.is_zero() && !text.1, "login did not say it, but:\n{so_far}");
            text = self.more.wait_timeout(text, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn wait_for_end(&self) {
        let text = self.lock();
        drop(self.more.wait_timeout_while(text, Duration::from_secs(1), |(_, ended)| !*ended));
    }
}
