//! Certificates and proxies: what is trusted, what is refused before a byte of a
//! request is sent, and what a proxy gets to see.

use std::fs;
use std::io::{Read as _, Write as _};
use std::process::Output;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::support::home::Home;
use super::support::port::Port;
use super::support::proxy::Proxy;
use super::support::standin::Standin;
use super::support::tls::{Authority, Certificate, Tls};

/// Lokalise with a certificate of a private authority.
struct LokaliseOverTls {
    standin: Standin,
    authority: Authority,
    tls: Tls,
    home: Home,
}

impl LokaliseOverTls {
    fn certificate(certificate: &Certificate) -> Self {
        let standin = Standin::start();
        let authority = Authority::new();
        let tls = Tls::before(standin.address(), &authority, certificate);
        let mut home = Home::at(&standin, &tls.api_url(), &tls.oauth_url());
        home.set("LOKALISE_API_TOKEN", &standin.api_token());
        home.set("LOKALISE_AUTH_LOG", "requests");
        Self { standin, authority, tls, home }
    }

    /// The same with that authority trusted.
    fn trusted(certificate: &Certificate) -> Self {
        let mut lokalise = Self::certificate(certificate);
        let file = lokalise.authority.write(lokalise.home.path());
        lokalise.home.set("SSL_CERT_FILE", &file.display().to_string());
        lokalise
    }

    /// One run that asks the API.
    fn whoami(&self, vars: &[(&str, &str)]) -> Output {
        let output = self.home.command(["whoami"]).envs(vars.iter().copied()).output().expect("the binary can be run");
        Home::assert_silent(&self.standin, &output);
        output
    }

    #[track_caller]
    fn assert_fails(&self, vars: &[(&str, &str)], code: i32, words: &[&str]) {
        let output = self.whoami(vars);
        let output_text = output_text(&output);
        assert_eq!(output.status.code(), Some(code), "{vars:?}: {output_text}");
        for words in words {
            assert!(output_text.contains(words), "`{words}` is missing: {vars:?}: {output_text}");
        }
        assert!(self.standin.requests().is_empty(), "{vars:?}: a request was sent");
        assert!(self.tls.seen().iter().all(|seen| !seen.request), "{vars:?}: a request came through the encryption");
    }

    #[track_caller]
    fn assert_works(&self, vars: &[(&str, &str)]) {
        let output = self.whoami(vars);
        assert_eq!(output.status.code(), Some(0), "{vars:?}: {}", output_text(&output));
    }
}

fn output_text(output: &Output) -> String {
    String::from_utf8_lossy(&[output.stdout.clone(), output.stderr.clone()].concat()).into_owned()
}

// ---- certificates

#[test]
fn a_private_authority_is_trusted_when_it_is_named() {
    let lokalise = LokaliseOverTls::certificate(&Certificate::default());
    lokalise.assert_fails(&[], 9, &["the certificate of localhost is signed by a CA that this machine does not trust"]);
    // An empty variable counts as unset: the system's own CAs are in force, and ours is not among them.
    for empty in ["SSL_CERT_FILE", "SSL_CERT_DIR"] {
        lokalise.assert_fails(&[(empty, "")], 9, &["is signed by a CA that this machine does not trust"]);
    }
    let file = lokalise.authority.write(lokalise.home.path());
    let folder = lokalise.home.path().join("authorities");
    fs::create_dir_all(folder.join("a folder.pem")).expect("our own folder");
    fs::copy(&file, folder.join("0a1b2c3d.0")).expect("our own folder");
    fs::copy(&file, folder.join("again.pem")).expect("our own folder");
    fs::write(folder.join("README"), "no certificate").expect("our own folder");
    std::os::unix::fs::symlink("nowhere", folder.join("dangling.pem")).expect("our own folder");
    let (file, folder) = (file.display().to_string(), folder.display().to_string());
    let other = Authority::new();
    let elsewhere = tempfile::tempdir().expect("a folder can be had");
    let other = other.write(elsewhere.path()).display().to_string();
    let both = format!("/no/such/folder:{folder}");
    for vars in [
        vec![("SSL_CERT_FILE", file.as_str())],
        vec![("SSL_CERT_DIR", &folder)],
        vec![("SSL_CERT_DIR", &both)],
        vec![("SSL_CERT_FILE", &other), ("SSL_CERT_DIR", &folder)],
    ] {
        lokalise.assert_works(&vars);
    }
    lokalise.standin.forget_requests();
}

#[test]
fn authorities_that_cannot_be_read_are_named_before_anything_is_sent() {
    let lokalise = LokaliseOverTls::certificate(&Certificate::default());
    let empty = lokalise.home.path().join("empty.pem");
    fs::write(&empty, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").expect("our own folder");
    let (empty, folder) = (empty.display().to_string(), lokalise.home.work().display().to_string());
    for (name, value, words) in [
        ("SSL_CERT_FILE", "/no/such/file", "the file that SSL_CERT_FILE names cannot be read"),
        ("SSL_CERT_FILE", folder.as_str(), "the file that SSL_CERT_FILE names cannot be read"),
        ("SSL_CERT_FILE", &empty, "the file that SSL_CERT_FILE names holds no CA"),
        ("SSL_CERT_DIR", "/no/such/folder", "the folder that SSL_CERT_DIR names holds no CA"),
        ("SSL_CERT_DIR", &folder, "the folder that SSL_CERT_DIR names holds no CA"),
    ] {
        lokalise.assert_fails(&[(name, value)], 9, &[words]);
    }
    // A login reports it before the person uses the browser.
    let connections = lokalise.tls.seen().len();
    let mut home = Home::at(&lokalise.standin, &lokalise.tls.api_url(), &lokalise.tls.oauth_url());
    home.set("SSL_CERT_FILE", "/no/such/file");
    let output = home.login_cmd(&[]).output().expect("the binary can be run");
    assert_eq!(output.status.code(), Some(9), "{}", output_text(&output));
    assert!(
        !output_text(&output).contains("/auth?") && lokalise.tls.seen().len() == connections,
        "{}",
        output_text(&output)
    );
}

/// A login from before the server got this certificate, and its record.
fn logged_in_over_tls(certificate: &Certificate) -> (LokaliseOverTls, String) {
    let standin = Standin::start();
    let mut home = Home::new(&standin);
    home.login(&[]);
    let authority = Authority::new();
    let tls = Tls::before(standin.address(), &authority, certificate);
    for path in [home.credentials(), home.profiles()] {
        let text = fs::read_to_string(&path).expect("our own file");
        let origin = |url: String| url.trim_end_matches("/api2").to_owned();
        let text = text.replace(&origin(standin.api_url()), &origin(tls.api_url()));
        fs::write(path, text).expect("our own file");
    }
    home.set("LOKALISE_API_URL", &tls.api_url());
    home.set("LOKALISE_OAUTH_URL", &tls.oauth_url());
    home.set("SSL_CERT_FILE", &authority.write(home.path()).display().to_string());
    let record = fs::read_to_string(home.credentials()).expect("our own file");
    standin.forget_requests();
    (LokaliseOverTls { standin, authority, tls, home }, record)
}

#[test]
fn the_keys_of_a_connection_are_logged_nowhere() {
    let lokalise = LokaliseOverTls::trusted(&Certificate::default());
    let log = lokalise.home.path().join("keys.log");
    lokalise.assert_works(&[("SSLKEYLOGFILE", &log.display().to_string())]);
    assert!(!log.exists());
}

#[test]
fn doctor_names_who_signed_a_certificate_that_is_not_trusted() {
    let lokalise = LokaliseOverTls::certificate(&Certificate::default());
    let output = lokalise.home.cmd(["doctor"]).output().expect("the binary can be run");
    assert_eq!(output.status.code(), Some(9), "{}", output_text(&output));
    let signed =
        format!("the certificate is signed by {}; trusted are the CAs of this system", lokalise.authority.name());
    assert!(output_text(&output).contains(&signed), "{}", output_text(&output));
    assert!(lokalise.standin.requests().is_empty() && lokalise.tls.seen().iter().all(|seen| !seen.request));
    let trusted = LokaliseOverTls::trusted(&Certificate::default());
    let output = trusted.home.cmd(["doctor"]).output().expect("the binary can be run");
    assert!(output_text(&output).contains("trusted are the CAs from SSL_CERT_FILE"), "{}", output_text(&output));
}

#[test]
fn a_bad_certificate_is_one_sentence_and_nothing_is_sent() {
    let expired = Certificate { expired: true, ..Certificate::default() };
    let early = Certificate { not_yet: true, ..Certificate::default() };
    let elsewhere = Certificate { names: vec!["example.com".to_owned()], ..Certificate::default() };
    for (certificate, words) in [
        (expired, ["the certificate of localhost has expired", "clock"]),
        (early, ["the certificate of localhost is not valid yet", "clock"]),
        (elsewhere, ["the certificate of localhost is for another host", "LOKALISE_API_URL"]),
    ] {
        let (lokalise, before) = logged_in_over_tls(&certificate);
        let refresh = lokalise.home.cmd(["token", "refresh"]).output().expect("the binary can be run");
        assert_eq!(refresh.status.code(), Some(9), "{}", output_text(&refresh));
        assert!(words.iter().all(|words| output_text(&refresh).contains(words)), "{}", output_text(&refresh));
        assert_eq!(
            fs::read_to_string(lokalise.home.credentials()).expect("our own file"),
            before,
            "nothing was changed"
        );
        assert!(lokalise.standin.requests().is_empty() && lokalise.tls.seen().iter().all(|seen| !seen.request));

        let mut lokalise = LokaliseOverTls::trusted(&certificate);
        lokalise.assert_fails(&[], 9, &words[..1]);
        let token = lokalise
            .home
            .cmd(["token", "set", "--profile", "x"])
            .write_stdin(lokalise.standin.api_token())
            .output()
            .expect("it runs");
        assert_eq!(token.status.code(), Some(9), "{}", output_text(&token));
        Home::assert_silent(&lokalise.standin, &token);
        // The code is not sent to this server, and the login says why.
        lokalise.home.unset("LOKALISE_API_TOKEN");
        lokalise.home.set("LOKALISE_CLIENT_ID", &lokalise.standin.client_id());
        lokalise.home.set("LOKALISE_CLIENT_SECRET", &lokalise.standin.client_secret());
        let mut login = lokalise.home.cmd(["login", "--paste", "--json"]);
        let output = login.write_stdin("0".repeat(40)).output().expect("the binary can be run");
        assert_eq!(output.status.code(), Some(9), "{}", output_text(&output));
        for words in words {
            assert!(output_text(&output).contains(words), "{}", output_text(&output));
        }
        assert!(lokalise.standin.requests().is_empty() && lokalise.tls.seen().iter().all(|seen| !seen.request));
    }
}

#[test]
fn tls_1_2_is_spoken_and_1_1_is_not() {
    let only = Certificate { only: Some(&rustls::version::TLS12), ..Certificate::default() };
    let lokalise = LokaliseOverTls::trusted(&only);
    lokalise.assert_works(&[]);
    assert!(
        lokalise.tls.seen().iter().all(|seen| seen.version.as_deref() == Some("TLSv1_2")),
        "{:?}",
        lokalise.tls.seen()
    );

    // A server that answers any ClientHello with TLS 1.1 (RFC 4346 §7.4.1.3).
    let answered: Arc<Mutex<Vec<u8>>> = Arc::default();
    let log = Arc::clone(&answered);
    let port = Port::open(move |mut stream| {
        let mut hello = [0; 4096];
        let _ = stream.read(&mut hello);
        let random = [7; 32];
        let server_hello = [&[2, 0, 0, 38, 3, 2][..], &random, &[0, 0xc0, 0x14, 0]].concat();
        let length = u8::try_from(server_hello.len()).expect("it is short");
        let _ = stream.write_all(&[&[22, 3, 2, 0, length][..], &server_hello].concat());
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest);
        log.lock().expect("nobody panics").extend(rest);
    });
    let url = format!("https://localhost:{}/api2", port.address().port());
    let output = lokalise.whoami(&[("LOKALISE_API_URL", &url)]);
    assert_eq!(output.status.code(), Some(9), "{}", output_text(&output));
    drop(port);
    // The thread of the connection may still be reading.
    super::support::crowd::until("an answer", || !answered.lock().expect("nobody panics").is_empty());
    let answered = answered.lock().expect("nobody panics").clone();
    // An alert (21), and nothing else.
    assert_eq!(answered.first(), Some(&21), "{answered:?}");
    assert_eq!(answered.len(), 7, "{answered:?}");
}

#[test]
fn a_login_over_tls_works_from_the_browser_to_the_store() {
    let mut lokalise = LokaliseOverTls::trusted(&Certificate::default());
    lokalise.home.unset("LOKALISE_API_TOKEN");
    lokalise.home.login(&[]);
    lokalise.home.cmd(["whoami"]).assert().success();
    assert!(lokalise.standin.requests_to("POST", "/oauth2/token").len() == 1);
}

// ---- proxies

#[test]
fn a_proxy_sees_connect_and_no_secret() {
    for name in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"] {
        let lokalise = LokaliseOverTls::trusted(&Certificate::default());
        let proxy = Proxy::leading_to(lokalise.tls.address());
        lokalise.assert_works(&[(name, &proxy.url()), ("HTTPS_PROXY_", "x")]);
        let seen = proxy.seen();
        assert!(!seen.is_empty(), "{name}");
        for request in seen {
            assert_eq!(request.method, "CONNECT", "{name}");
            assert_eq!(request.target, format!("localhost:{}", lokalise.tls.address().port()));
            assert_eq!(request.header("Proxy-Authorization"), None);
            let headers: Vec<String> = request.headers.iter().map(|(name, _)| name.to_ascii_lowercase()).collect();
            assert!(headers.iter().all(|name| ["host", "user-agent"].contains(&name.as_str())), "{headers:?}");
            Home::assert_no_secret(&lokalise.standin, "CONNECT", format!("{request:?}").as_bytes());
        }
        // The password for the proxy is sent to the proxy only.
        assert!(lokalise.standin.requests().iter().all(|request| request.header("Proxy-Authorization").is_none()));
    }
}

#[test]
fn the_proxys_credentials_are_decoded_once_and_never_shown() {
    for (user, password, decoded) in [
        ("user", "pass", "user:pass"),
        ("u%40s%3Aer", "p%2Fa%25%32%35ss", "u@s:er:p/a%25ss"),
        ("user", "hunter%C3%BC", "user:hunter\u{fc}"),
        ("user", "", "user:"),
    ] {
        let lokalise = LokaliseOverTls::trusted(&Certificate::default());
        let proxy = Proxy::leading_to(lokalise.tls.address());
        let url = proxy.url_with(user, password);
        let output = lokalise.whoami(&[("HTTPS_PROXY", &url)]);
        assert_eq!(output.status.code(), Some(0), "{}", output_text(&output));
        let expected = format!("Basic {}", STANDARD.encode(decoded));
        assert_eq!(proxy.seen()[0].header("Proxy-Authorization"), Some(expected.as_str()), "{user}:{password}");
        assert!(lokalise.standin.requests().iter().all(|request| request.header("Proxy-Authorization").is_none()));
        assert!(!output_text(&output).contains(user) || user == "user", "{}", output_text(&output));
    }
}

#[test]
fn a_proxy_that_refuses_or_is_not_there_is_named_and_its_password_is_not() {
    let lokalise = LokaliseOverTls::trusted(&Certificate::default());
    let proxy = Proxy::with_password(lokalise.tls.address(), "user", "right");
    let gone = Port::open(drop);
    let gone = {
        let address = gone.address();
        drop(gone);
        address
    };
    for (url, words) in [
        (proxy.url(), "the proxy did not let us through to localhost"),
        (proxy.url_with("user", "hunter2-wrong"), "the proxy did not let us through to localhost"),
        (format!("http://user:hunter2@{gone}"), "the proxy cannot be reached"),
        ("http://user:hunter2@proxy.invalid:3128".to_owned(), "the proxy cannot be reached"),
    ] {
        for command in ["whoami", "doctor"] {
            let output =
                lokalise.home.command([command]).env("HTTPS_PROXY", &url).output().expect("the binary can be run");
            assert_eq!(output.status.code(), Some(9), "{}", output_text(&output));
            assert!(output_text(&output).contains(words), "`{words}` is missing: {}", output_text(&output));
            assert!(
                !output_text(&output).contains("hunter2")
                    && !output_text(&output).contains(&STANDARD.encode("user:hunter2")),
                "{}",
                output_text(&output)
            );
        }
    }
    assert!(lokalise.standin.requests().is_empty() && lokalise.tls.seen().is_empty());
    lokalise.assert_works(&[("HTTPS_PROXY", &proxy.url_with("user", "right"))]);
}

#[test]
fn a_malformed_proxy_is_2_and_nothing_bypasses_it() {
    let lokalise = LokaliseOverTls::trusted(&Certificate::default());
    for (name, value) in [
        ("HTTPS_PROXY", "http://user:hunter2@"),
        ("HTTPS_PROXY", "::::"),
        ("https_proxy", "ftp://hunter2"),
        ("ALL_PROXY", "http://hunter2:99999"),
        ("all_proxy", "http://user:hunter2@host/path"),
        ("HTTPS_PROXY", "hunter2 hunter2"),
    ] {
        for no_proxy in ["", "*", "localhost"] {
            lokalise.assert_fails(
                &[(name, value), ("NO_PROXY", no_proxy)],
                2,
                &[&format!("{name} is not a proxy address")],
            );
            let output = lokalise.whoami(&[(name, value)]);
            assert!(!output_text(&output).contains("hunter2"), "{}", output_text(&output));
        }
    }
    assert!(lokalise.tls.seen().is_empty());
    // A variable that is not used is not checked.
    lokalise.assert_works(&[("HTTP_PROXY", "::::"), ("http_proxy", "::::"), ("HTTPS_PROXY", "")]);
}

#[test]
fn no_proxy_takes_hosts_out() {
    let standin = Standin::start();
    let authority = Authority::new();
    let tls = Tls::before(standin.address(), &authority, &Certificate::default());
    let port = tls.address().port();
    let mut home = Home::at(&standin, "", "");
    home.set("SSL_CERT_FILE", &authority.write(home.path()).display().to_string());
    home.set("LOKALISE_API_TOKEN", &standin.api_token());
    let with_port = |host: &str| format!("{host}:{port}");
    for (host, no_proxy, direct) in [
        ("localhost", "*".to_owned(), true),
        ("127.0.0.1", "*".to_owned(), true),
        ("localhost", "localhost".to_owned(), true),
        ("127.0.0.1", "127.0.0.1".to_owned(), true),
        ("127.0.0.1", "127.0.0.0/8".to_owned(), true),
        ("localhost", with_port("localhost"), true),
        ("127.0.0.1", with_port("127.0.0.1"), true),
        ("localhost", "example.com, .localhost".to_owned(), true),
        ("localhost", "localhost:1".to_owned(), false),
        ("127.0.0.1", "localhost".to_owned(), false),
        ("localhost", "ocalhost".to_owned(), false),
        ("localhost", String::new(), false),
    ] {
        let proxy = Proxy::leading_to(tls.address());
        for name in ["NO_PROXY", "no_proxy"] {
            let output = home
                .command(["whoami"])
                .env("LOKALISE_API_URL", format!("https://{}/api2", with_port(host)))
                .env("LOKALISE_OAUTH_URL", format!("https://{}/oauth2", with_port(host)))
                .env("HTTPS_PROXY", proxy.url())
                .env(name, &no_proxy)
                .output()
                .expect("the binary can be run");
            assert_eq!(output.status.code(), Some(0), "{}", output_text(&output));
        }
        assert_eq!(proxy.seen().is_empty(), direct, "{no_proxy} for {host}");
    }
}

#[test]
fn plain_http_on_loopback_goes_to_no_proxy() {
    let standin = Standin::start();
    let home = Home::new(&standin);
    let proxy = Proxy::leading_to(standin.address());
    for name in ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"] {
        let mut command = home.command(["whoami"]);
        command.env(name, proxy.url()).env("LOKALISE_API_TOKEN", standin.api_token());
        assert_eq!(command.output().expect("the binary can be run").status.code(), Some(0), "{name}");
    }
    assert!(proxy.seen().is_empty());
}

#[test]
fn the_token_request_of_a_login_goes_through_the_tunnel() {
    let mut lokalise = LokaliseOverTls::trusted(&Certificate::default());
    lokalise.home.unset("LOKALISE_API_TOKEN");
    let proxy = Proxy::with_password(lokalise.tls.address(), "user", "pass");
    lokalise.home.set("HTTPS_PROXY", &proxy.url_with("user", "pass"));
    lokalise.home.login(&[]);
    let seen = proxy.seen();
    assert!(!seen.is_empty() && seen.iter().all(|request| request.method == "CONNECT"));
    Home::assert_no_secret(&lokalise.standin, "what the proxy saw", format!("{seen:?}").as_bytes());
}
