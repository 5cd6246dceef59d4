//! Servers without our versions of TLS, and proxies that refuse: the error names the cause, with a hint,
//! and they get one request.

use std::io::{Read as _, Write as _};
use std::process::Output;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::support::home::Home;
use super::support::port::Port;
use super::support::proxy::Proxy;
use super::support::standin::Standin;
use super::support::tls::{Authority, Certificate, Tls};

/// A port that sends the same bytes to every client that has sent something.
struct Answering {
    port: Port,
    asked: Arc<AtomicUsize>,
}

impl Answering {
    fn with(bytes: &[u8]) -> Self {
        let (bytes, asked) = (bytes.to_vec(), Arc::<AtomicUsize>::default());
        let counted = Arc::clone(&asked);
        let port = Port::open(move |mut stream| {
            counted.fetch_add(1, Ordering::SeqCst);
            // A client that has gone away has seen enough.
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(&bytes);
            let _ = stream.read_to_end(&mut Vec::new());
        });
        Self { port, asked }
    }
}

fn output_text(output: &Output) -> String {
    String::from_utf8_lossy(&[output.stdout.clone(), output.stderr.clone()].concat()).into_owned()
}

fn home(standin: &Standin) -> Home {
    let mut home = Home::new(standin);
    home.set("LOKALISE_API_TOKEN", &standin.api_token());
    home
}

#[test]
fn a_server_without_our_tls_is_named_and_not_asked_again() {
    let standin = Standin::start();
    let home = home(&standin);
    // RFC 4346 §7.4.1.3, and RFC 5246 §7.2.2
    let server_hello = [&[22, 3, 2, 0, 42, 2, 0, 0, 38, 3, 2][..], &[7; 32], &[0, 0xc0, 0x14, 0]].concat();
    let alert = |description| vec![21, 3, 2, 0, 2, 2, description];
    let no_tls = "does not speak TLS on port";
    for (bytes, words, hint) in [
        (server_hello, "localhost speaks no TLS 1.2 or newer", "must switch TLS 1.2 on"),
        (alert(70), "localhost speaks no TLS 1.2 or newer", "must switch TLS 1.2 on"),
        (alert(40), "no TLS connection to localhost can be agreed on", "TLS 1.2 and 1.3"),
        (b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n".to_vec(), no_tls, "LOKALISE_API_URL"),
        (b"SSH-2.0-OpenSSH_9.2\r\n".to_vec(), no_tls, "LOKALISE_API_URL"),
    ] {
        let server = Answering::with(&bytes);
        let url = format!("https://localhost:{}/api2", server.port.address().port());
        let output = home.command(["call", "GET", "/projects"]).env("LOKALISE_API_URL", url).output();
        let output = output.expect("the binary can be run");
        assert_eq!(output.status.code(), Some(9), "{}", output_text(&output));
        assert!(
            output_text(&output).contains(words) && output_text(&output).contains(hint),
            "{}",
            output_text(&output)
        );
        assert_eq!(server.asked.load(Ordering::SeqCst), 1, "{words}");
    }
}

#[test]
fn a_proxy_without_tls_is_not_taken_for_the_server() {
    let standin = Standin::start();
    let home = home(&standin);
    let proxy = Answering::with(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
    let mut command = home.command(["call", "GET", "/projects"]);
    command.env("LOKALISE_API_URL", "https://localhost:1/api2");
    command.env("HTTPS_PROXY", format!("https://{}", proxy.port.address()));
    let output = command.output().expect("the binary can be run");
    assert_eq!(output.status.code(), Some(9), "{}", output_text(&output));
    assert!(output_text(&output).contains("the proxy does not speak TLS\n"), "{}", output_text(&output));
    assert!(output_text(&output).contains("write its address with `http://`"), "{}", output_text(&output));
    assert_eq!(proxy.asked.load(Ordering::SeqCst), 1);
}

#[test]
fn a_cas_own_certificate_is_named_for_what_it_is() {
    let standin = Standin::start();
    let mut home = home(&standin);
    let authority = Authority::new();
    let certificate = Certificate { of_a_ca: true, ..Certificate::default() };
    let tls = Tls::before(standin.address(), &authority, &certificate);
    home.set("SSL_CERT_FILE", &authority.write(home.path()).display().to_string());
    home.set("LOKALISE_API_URL", &tls.api_url());
    home.set("LOKALISE_OAUTH_URL", &tls.oauth_url());
    for command in ["whoami", "doctor"] {
        let output = home.command([command]).output().expect("the binary can be run");
        assert_eq!(output.status.code(), Some(9), "{}", output_text(&output));
        let words = ["the certificate of localhost is a CA's own certificate, not a server's", "CA:FALSE"];
        assert!(words.iter().all(|words| output_text(&output).contains(words)), "{}", output_text(&output));
    }
    assert!(standin.requests().is_empty());
}

#[test]
fn a_proxy_that_refuses_gets_one_request() {
    let standin = Standin::start();
    let mut home = home(&standin);
    home.set("LOKALISE_API_URL", "https://localhost:1/api2");
    let call = |home: &Home, proxy: &str| {
        let mut command = home.command(["call", "GET", "/projects"]);
        let output = command.env("HTTPS_PROXY", proxy).output().expect("the binary can be run");
        assert_eq!(output.status.code(), Some(9), "{}", output_text(&output));
        let words = "the proxy did not let us through to localhost";
        assert!(output_text(&output).contains(words), "{}", output_text(&output));
    };
    // Each try with a wrong password is one step to a locked account.
    let proxy = Proxy::with_password(standin.address(), "user", "right");
    call(&home, &proxy.url_with("user", "wrong"));
    assert_eq!(proxy.seen().len(), 1);
    for answer in ["403 Forbidden\r\n", "302 Found\r\nLocation: http://portal.example/\r\n"] {
        let proxy = Answering::with(format!("HTTP/1.1 {answer}Content-Length: 0\r\n\r\n").as_bytes());
        call(&home, &format!("http://{}", proxy.port.address()));
        assert_eq!(proxy.asked.load(Ordering::SeqCst), 1, "{answer}");
    }
}
