//! The CAs to trust: those of `SSL_CERT_FILE` and `SSL_CERT_DIR`, on every system, in place of the
//! system's own. What cannot be used is named before anything is sent.

use std::collections::HashSet;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{VerifierBuilderError, WebPkiServerVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};

use crate::error::{Error, Result};
use crate::world::World;

/// Where Linux and the BSDs keep the bundle of all CAs.
const BUNDLES: [&str; 5] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// The variables that say which CAs to trust.
const VARIABLES: [&str; 2] = ["SSL_CERT_FILE", "SSL_CERT_DIR"];

/// Those of them that are set.
pub fn variables(world: &World) -> Vec<&'static str> {
    VARIABLES.into_iter().filter(|name| world.var(name).is_some()).collect()
}

/// Both variables, read once; the files are opened when a client is built.
pub(super) struct Roots {
    file: Option<String>,
    folders: Option<String>,
}

impl Roots {
    pub fn read(world: &World) -> Self {
        Self { file: world.var("SSL_CERT_FILE"), folders: world.var("SSL_CERT_DIR") }
    }

    /// `None`: neither variable is set, there is no bundle, and the library finds the system's CAs itself.
    ///
    /// # Errors
    /// `Network`, naming the variable without a CA that can be used.
    pub fn tls(&self) -> Result<Option<ClientConfig>> {
        let mut found = FoundRoots::none();
        if let Some(file) = &self.file {
            let text = std::fs::read(file)
                .map_err(|error| not_usable("the file that SSL_CERT_FILE names cannot be read").because(error))?;
            found.add(&text);
            if found.anchors.is_empty() {
                return Err(not_usable("the file that SSL_CERT_FILE names holds no CA in PEM form"));
            }
        } else if let Some(folders) = &self.folders {
            found.add_folders(folders);
            if found.anchors.is_empty() {
                return Err(not_usable("the folder that SSL_CERT_DIR names holds no CA in PEM form"));
            }
        } else if cfg!(all(unix, not(target_os = "macos"))) {
            // The bundle alone, as curl does it: the folder beside it holds the same CAs, a file each.
            let bundle = BUNDLES.iter().find_map(|path| std::fs::read(path).ok());
            found.add(&bundle.unwrap_or_default());
        }
        if found.anchors.is_empty() {
            return Ok(None);
        }
        let later = self.folders.clone().filter(|_| self.file.is_some());
        config(found, later).map(Some).map_err(|error| Error::network("the TLS client cannot be set up").because(error))
    }
}

fn config(found: FoundRoots, later: Option<String>) -> Result<ClientConfig, anyhow::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let first = found.verifier(&provider)?;
    let builder = ClientConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions()?;
    let mut config = match later {
        None => builder.with_webpki_verifier(first).with_no_client_auth(),
        Some(folders) => {
            let verifier = Arc::new(FileThenFolders { first, folders, provider, second: OnceLock::new() });
            builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth()
        }
    };
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

/// The CAs of the file, and those of the folders where that file does not know the issuer: a folder of all CAs has
/// some hundred files, and OpenSSL too looks into it only then.
#[derive(Debug)]
struct FileThenFolders {
    first: Arc<WebPkiServerVerifier>,
    folders: String,
    provider: Arc<CryptoProvider>,
    /// None if the folders hold no CA.
    second: OnceLock<Option<Arc<WebPkiServerVerifier>>>,
}

impl ServerCertVerifier for FileThenFolders {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let verify = |verifier: &WebPkiServerVerifier| {
            verifier.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
        };
        let refused = match verify(&self.first) {
            Err(error @ rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer)) => error,
            decided => return decided,
        };
        let second = self.second.get_or_init(|| {
            let mut found = FoundRoots::none();
            found.add_folders(&self.folders);
            found.verifier(&self.provider).ok()
        });
        second.as_ref().map_or(Err(refused), |second| verify(second))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.first.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.first.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.first.supported_verify_schemes()
    }
}

/// The CAs found so far, each once: in a folder one often lies several times, under links.
struct FoundRoots {
    anchors: RootCertStore,
    known: HashSet<CertificateDer<'static>>,
    #[cfg(unix)]
    files: HashSet<(u64, u64)>,
}

impl FoundRoots {
    fn none() -> Self {
        Self {
            anchors: RootCertStore::empty(),
            known: HashSet::new(),
            #[cfg(unix)]
            files: HashSet::new(),
        }
    }

    /// Adds the certificates that can be trust anchors. One that cannot must not spoil the others.
    fn add(&mut self, pem: &[u8]) {
        for certificate in CertificateDer::pem_slice_iter(pem).filter_map(std::result::Result::ok) {
            if !self.known.contains(&certificate) && self.anchors.add(certificate.clone()).is_ok() {
                self.known.insert(certificate);
            }
        }
    }

    /// # Errors
    /// If there is no CA.
    fn verifier(self, provider: &Arc<CryptoProvider>) -> Result<Arc<WebPkiServerVerifier>, VerifierBuilderError> {
        WebPkiServerVerifier::builder_with_provider(Arc::new(self.anchors), provider.clone()).build()
    }

    fn add_folders(&mut self, folders: &str) {
        std::env::split_paths(folders).for_each(|folder| self.add_folder(&folder));
    }

    /// As OpenSSL does: what is missing or no certificate is passed over, and no subfolder is entered.
    fn add_folder(&mut self, folder: &Path) {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if self.is_new(&path)
                && let Ok(text) = std::fs::read(&path)
            {
                self.add(&text);
            }
        }
    }

    /// Whether a path leads to a file that was not read yet.
    #[cfg(unix)]
    fn is_new(&mut self, path: &Path) -> bool {
        use std::os::unix::fs::MetadataExt;
        std::fs::metadata(path).is_ok_and(|file| file.is_file() && self.files.insert((file.dev(), file.ino())))
    }

    #[cfg(not(unix))]
    #[allow(clippy::unused_self, clippy::needless_pass_by_ref_mut)] // as on unix, where links are known by their file
    fn is_new(&mut self, path: &Path) -> bool {
        path.is_file()
    }
}

fn not_usable(what: &str) -> Error {
    Error::network(what).hint("`unset SSL_CERT_FILE SSL_CERT_DIR` trusts the system's CAs again")
}
