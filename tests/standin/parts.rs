//! The other parts that tests use: bytes on the wire, TLS, a proxy, a
//! browser, and the search for secrets.

use std::io::{BufReader, Read as _, Write as _};
use std::net::TcpStream;
#[cfg(unix)]
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use super::support::browser;
use super::support::client;
#[cfg(unix)]
use super::support::home::Home;
use super::support::proxy::Proxy;
#[cfg(unix)]
use super::support::pty::Terminal;
use super::support::say;
use super::support::secrets;
use super::support::standin::{Person, Standin};
use super::support::tls::{Authority, Certificate, Tls};
use super::support::wire::{Step, Wire, head};

#[test]
fn the_wire_cuts_an_answer_as_ordered_and_passes_on_the_rest() {
    let standin = Standin::start();
    let wire = Wire::before(standin.address());
    let cut = vec![head("HTTP/1.1 200 OK\nContent-Length: 100"), Step::Send(b"{\"half\":".to_vec())];
    wire.answer_next("GET", "/api2/projects", cut);
    let url = format!("{}/projects", wire.api_url());
    let error = client::get(&url).expect_err("the body is cut short");
    assert_eq!(error.kind(), std::io::ErrorKind::UnexpectedEof);

    let token = standin.api_token();
    let reply = client::send("GET", &url, &[("X-Api-Token", &token)], b"").expect("it is passed on");
    assert_eq!((reply.status, reply.header("Connection")), (200, Some("close")));
    assert_eq!((wire.connections(), standin.requests().len()), (2, 1));
    assert_eq!(wire.requests().len(), 2);
}

#[test]
fn the_wire_dribbles_ends_by_closing_and_never_ends() {
    let wire = Wire::alone();
    let url = wire.api_url();
    wire.answer_next(
        "GET",
        "/api2",
        vec![head("HTTP/1.1 200 OK"), Step::Dribble(b"slow".to_vec(), Duration::from_millis(1))],
    );
    assert_eq!(client::get(&url).expect("it ends by closing").text(), "slow");

    wire.answer_next("GET", "/api2", vec![head("HTTP/1.1 200 OK"), Step::Endless(b"again ".to_vec())]);
    let mut stream = TcpStream::connect(wire.address()).expect("it listens");
    stream.write_all(b"GET /api2 HTTP/1.1\r\n\r\n").expect("it reads");
    let mut much = vec![0; 1 << 20];
    stream.read_exact(&mut much).expect("there is always more");
    drop(stream);

    wire.answer_next("GET", "/api2", vec![Step::Silence]);
    let mut stream = TcpStream::connect(wire.address()).expect("it listens");
    stream.write_all(b"GET /api2 HTTP/1.1\r\n\r\n").expect("it reads");
    stream.set_read_timeout(Some(Duration::from_millis(50))).expect("a time-out can be set");
    let error = stream.read(&mut [0]).expect_err("nothing comes");
    assert!(matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut), "{error}");
}

#[cfg(unix)]
#[test]
fn the_wire_can_reset_a_connection() {
    let wire = Wire::alone();
    wire.answer_next("GET", "/api2", vec![Step::Reset]);
    let error = client::get(&wire.api_url()).expect_err("the connection is reset");
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
}

/// The status line that a TLS client gets which trusts that authority.
fn status_over_tls(stream: TcpStream, authority: &Authority, host: &'static str) -> std::io::Result<String> {
    let folder = tempfile::tempdir().expect("the folder for temporary files can be used");
    let file = authority.write(folder.path());
    let mut roots = RootCertStore::empty();
    let certificate = rustls::pki_types::CertificateDer::from_pem_file(file).expect("it is a certificate");
    roots.add(certificate).expect("it is an authority");
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("the provider has them")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from(host).expect("it is a name");
    let connection = ClientConnection::new(Arc::new(config), name).expect("the configuration is good");
    let mut stream = StreamOwned::new(connection, stream);
    stream.write_all(b"GET /api2/projects HTTP/1.1\r\nHost: x\r\n\r\n")?;
    client::read_head(&mut BufReader::new(stream)).map(|(status_line, _)| status_line)
}

fn connect(tls: &Tls) -> TcpStream {
    TcpStream::connect(tls.address()).expect("it listens")
}

#[test]
fn the_tls_server_passes_on_what_is_encrypted_for_it() {
    let standin = Standin::start();
    let authority = Authority::new();
    let tls = Tls::before(standin.address(), &authority, &Certificate::default());
    for host in ["localhost", "127.0.0.1", "api.lokalise.com"] {
        let status = status_over_tls(connect(&tls), &authority, host).expect("the certificate is good");
        assert_eq!(status, "HTTP/1.1 400 Bad Request", "{host}");
    }
    assert_eq!(standin.requests().len(), 3);
}

#[test]
fn the_tls_server_can_present_a_bad_certificate() {
    let standin = Standin::start();
    let (authority, other) = (Authority::new(), Authority::new());
    let expired = Certificate { expired: true, ..Certificate::default() };
    let elsewhere = Certificate { names: vec!["example.com".to_owned()], ..Certificate::default() };
    for (what, issuer, certificate) in [
        ("expired", &authority, &expired),
        ("another host", &authority, &elsewhere),
        ("an unknown issuer", &other, &Certificate::default()),
    ] {
        let tls = Tls::before(standin.address(), issuer, certificate);
        let error = status_over_tls(connect(&tls), &authority, "localhost").expect_err(what);
        assert!(error.to_string().contains("certificate"), "{what}: {error}");
    }
    assert!(standin.requests().is_empty());
}

#[test]
fn the_proxy_tunnels_and_can_ask_for_a_password() {
    let standin = Standin::start();
    let authority = Authority::new();
    let tls = Tls::before(standin.address(), &authority, &Certificate::default());
    let proxy = Proxy::with_password(tls.address(), "user", "pass");
    let open = |extra: &str| {
        let mut stream = TcpStream::connect(proxy.address()).expect("it listens");
        write!(stream, "CONNECT api.lokalise.com:443 HTTP/1.1\r\n{extra}\r\n").expect("it reads");
        let head = client::read_head(&mut BufReader::with_capacity(1, &stream)).expect("it answers");
        (stream, head.0)
    };
    assert_eq!(open("").1, "HTTP/1.1 407 Proxy Authentication Required");
    let (stream, status) = open("Proxy-Authorization: Basic dXNlcjpwYXNz\r\n");
    assert_eq!(status, "HTTP/1.1 200 Connection established");
    status_over_tls(stream, &authority, "api.lokalise.com").expect("the tunnel leads to the TLS server");
    assert_eq!(proxy.seen().iter().map(|seen| seen.target.as_str()).collect::<Vec<_>>(), ["api.lokalise.com:443"; 2]);
    assert_eq!(client::get(&format!("{}/x", proxy.url())).expect("it answers").status, 405);
}

/// What a redirect URI listens with, for a browser to end on.
fn landing() -> Wire {
    let wire = Wire::alone();
    wire.answer_next("GET", "/callback", vec![head("HTTP/1.1 200 OK\nContent-Length: 4"), Step::Send(b"done".into())]);
    wire
}

fn authorization_url(standin: &Standin, landing: &Wire) -> String {
    format!(
        "{}/auth?client_id={}&scope=read_projects&redirect_uri=http%3A%2F%2F{}%2Fcallback&state=s",
        standin.oauth_url(),
        standin.client_id(),
        landing.address()
    )
}

#[test]
fn the_browser_in_the_test_follows_the_redirect() {
    let standin = Standin::start();
    let landing = landing();
    let url = authorization_url(&standin, &landing);
    assert_eq!(browser::printed_url(&format!("open this page:\n\n  {url}\n\nwaiting\n")), Some(url.clone()));
    assert_eq!(browser::open(&url).expect("the page opens").text(), "done");
    assert_eq!(landing.requests().len(), 1);
}

#[cfg(unix)]
#[test]
fn the_browser_that_is_a_script_follows_the_redirect() {
    let standin = Standin::start();
    let landing = landing();
    let folder = tempfile::tempdir().expect("the folder for temporary files can be used");
    let command = browser::script(folder.path()).replace("%s", &authorization_url(&standin, &landing));
    let mut words = command.split(' ');
    let status = std::process::Command::new(words.next().expect("a program")).args(words).status();
    assert!(status.expect("it can be run").success());
    let page = std::fs::read_to_string(folder.path().join("page.html")).expect("it keeps the page");
    assert_eq!((page.as_str(), landing.requests().len()), ("done", 1));
}

#[cfg(unix)]
#[test]
fn a_real_browser_presses_the_button_and_follows_the_redirect() {
    let folder = tempfile::tempdir().expect("the folder for temporary files can be used");
    let Some(command) = browser::chromium(folder.path()) else {
        assert!(std::env::var_os("CI").is_none(), "this test needs Chromium: `apt-get install chromium`");
        say("NOT TESTED: a real browser, since there is no Chromium here");
        return;
    };
    let standin = Standin::start();
    standin.set(|switches| switches.person = Person::HasAScript);
    let landing = landing();
    let command = command.replace("%s", &authorization_url(&standin, &landing));
    let mut words = command.split(' ');
    let output = std::process::Command::new(words.next().expect("a program")).args(words).output().expect("it runs");
    let page = String::from_utf8_lossy(&output.stdout);
    assert!(page.contains("done"), "{page}\n{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(standin.requests_to("POST", "/oauth2/decision").len(), 1);
}

#[cfg(unix)]
#[test]
fn a_terminal_shows_what_is_written_and_takes_keys() {
    let standin = Standin::start();
    let home = Home::new(&standin);
    let script = "read -r go; printf '\\033[1mname?\\033[0m '; stty -echo; read -r name; stty echo; echo; echo \"hello $name\"; exit 7";
    let mut terminal = Terminal::of(Path::new("/bin/sh"), &home, &["-c", script], &[], None);
    let before = terminal.modes();
    terminal.send("\r");
    terminal.wait_for("name? ");
    terminal.wait_for_echo(false);
    assert_ne!(terminal.modes(), before);
    terminal.send("Ada\r");
    let (status, screen) = terminal.wait();
    assert_eq!((status.code(), screen.as_str()), (Some(7), "\nname? \nhello Ada\n"));
    assert_eq!(terminal.modes(), before);
    assert!(terminal.written().windows(4).any(|bytes| bytes == b"\x1b[1m"));
}

#[test]
fn a_secret_is_found_in_every_disguise() {
    let secret = secrets::forty_hex();
    let known = [secret.clone()];
    secrets::assert_absent(&known, "the output", b"nothing of interest");
    let bytes = format!("{:?}", secret.as_bytes());
    for output in [secret.clone(), secret.to_uppercase(), bytes, format!("x{secret}x")] {
        let found = std::panic::catch_unwind(|| secrets::assert_absent(&known, "the output", output.as_bytes()));
        let message = found.expect_err("it is there");
        let message = message.downcast_ref::<String>().expect("a message");
        assert!(!message.contains(&secret), "the message must not hold it");
    }
}
