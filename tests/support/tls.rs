//! A TLS server with a private authority. It ends the encryption and passes what
//! it reads on to a server on loopback; it can also present the wrong certificate.

use std::fs;
use std::io::{self, BufReader, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::port::Port;
use super::secrets::uuid;
use super::wire;

/// A certification authority that no system trusts by default.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    name: String,
    pem: String,
}

/// The content of the certificate, and the TLS versions.
pub struct Certificate {
    pub names: Vec<String>,
    pub expired: bool,
    pub not_yet: bool,
    /// It is one that signs others, as `openssl req -x509` makes it.
    pub of_a_ca: bool,
    pub only: Option<&'static rustls::SupportedProtocolVersion>,
}

impl Default for Certificate {
    fn default() -> Self {
        let names = ["localhost", "127.0.0.1", "::1", "api.lokalise.com", "app.lokalise.com"];
        Self { names: names.map(str::to_owned).to_vec(), expired: false, not_yet: false, of_a_ca: false, only: None }
    }
}

/// One connection, as the server saw it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// The name that was asked for (RFC 6066 §3); none for an IP address.
    pub server_name: Option<String>,
    pub version: Option<String>,
    pub cipher_suite: Option<String>,
    /// Whether a whole request came through the encryption.
    pub request: bool,
}

/// A running TLS server. It stops when it is dropped.
pub struct Tls {
    port: Port,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Authority {
    pub fn new() -> Self {
        let mut params = CertificateParams::default();
        // Two of one name would be taken for each other, and the signature called bad.
        let name = format!("A private authority {}", uuid());
        params.distinguished_name.push(DnType::CommonName, &name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("the system has a random generator");
        let pem = params.self_signed(&key).expect("the parameters are in order").pem();
        Self { issuer: Issuer::new(params, key), name, pem }
    }

    /// Its common name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Writes the authority's certificate, for `SSL_CERT_FILE`.
    pub fn write(&self, folder: &Path) -> PathBuf {
        let path = folder.join("authority.pem");
        fs::write(&path, &self.pem).expect("the test's folder can be written to");
        path
    }

    fn config(&self, certificate: &Certificate) -> ServerConfig {
        let mut params = CertificateParams::new(certificate.names.clone()).expect("the names are names");
        params.distinguished_name.push(DnType::CommonName, "the stand-in");
        if certificate.expired {
            params.not_before = date_time_ymd(2020, 1, 1);
            params.not_after = date_time_ymd(2020, 2, 1);
        }
        if certificate.not_yet {
            params.not_before = date_time_ymd(2099, 1, 1);
            params.not_after = date_time_ymd(2100, 1, 1);
        }
        if certificate.of_a_ca {
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        }
        let key = KeyPair::generate().expect("the system has a random generator");
        let chain: Vec<CertificateDer> =
            vec![params.signed_by(&key, &self.issuer).expect("the parameters are in order").into()];
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let versions = certificate.only.map_or(rustls::ALL_VERSIONS.to_vec(), |only| vec![only]);
        ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&versions)
            .expect("the provider has both versions")
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .expect("key and certificate belong together")
    }
}

impl Default for Authority {
    fn default() -> Self {
        Self::new()
    }
}

impl Tls {
    /// Ends TLS for a server, with a certificate of that authority.
    pub fn before(server: SocketAddr, authority: &Authority, certificate: &Certificate) -> Self {
        let config = Arc::new(authority.config(certificate));
        let seen: Arc<Mutex<Vec<Seen>>> = Arc::default();
        let log = Arc::clone(&seen);
        let port = Port::open(move |stream| {
            let mut seen = Seen::default();
            // An error is a client that does not like the certificate: what the log is for.
            let _ = serve(stream, Arc::clone(&config), server, &mut seen);
            log.lock().unwrap_or_else(PoisonError::into_inner).push(seen);
        });
        Self { port, seen }
    }

    pub fn address(&self) -> SocketAddr {
        self.port.address()
    }

    /// For `LOKALISE_API_URL`.
    pub fn api_url(&self) -> String {
        format!("https://localhost:{}/api2", self.address().port())
    }

    /// For `LOKALISE_OAUTH_URL`.
    pub fn oauth_url(&self) -> String {
        format!("https://localhost:{}/oauth2", self.address().port())
    }

    /// The connections that have ended so far.
    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn serve(stream: TcpStream, config: Arc<ServerConfig>, server: SocketAddr, seen: &mut Seen) -> io::Result<()> {
    let peer = stream.peer_addr()?;
    let connection = ServerConnection::new(config).map_err(io::Error::other)?;
    let mut stream = StreamOwned::new(connection, stream);
    while stream.conn.is_handshaking() {
        let outcome = stream.conn.complete_io(&mut stream.sock);
        seen.server_name = stream.conn.server_name().map(str::to_owned);
        outcome?;
    }
    seen.version = stream.conn.protocol_version().map(|version| format!("{version:?}"));
    seen.cipher_suite = stream.conn.negotiated_cipher_suite().map(|suite| format!("{:?}", suite.suite()));
    let request = wire::read_request(&mut BufReader::new(&mut stream), peer)?;
    seen.request = true;
    wire::forward(&request, server, &mut stream)?;
    stream.conn.send_close_notify();
    stream.flush()
}
