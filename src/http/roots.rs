//! The CAs to trust: those of `SSL_CERT_FILE` and `SSL_CERT_DIR` in place of the system's own, the
//! system's, or Mozilla's where a system has none. They are read when the first server shows a
//! certificate, so that plain http on loopback needs none.

use std::collections::HashSet;
use std::io::{self, Read};
use std::path::Path;
use std::sync::{Arc, OnceLock};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, OtherError, RootCertStore, SignatureScheme};

use crate::error::Error;
use crate::text;
use crate::world::{Lines, World};

/// Where Linux and the BSDs keep the bundle of all CAs.
const BUNDLES: [&str; 5] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// Where they keep one file for each CA, under the hash of its name.
const FOLDERS: [&str; 5] = [
    "/etc/ssl/certs",
    "/etc/pki/tls/certs",
    "/usr/local/share/certs",
    "/etc/openssl/certs",
    "/system/etc/security/cacerts",
];

/// The longest file of CAs. A system's bundle has 200 KB.
const MAX_PEM_BYTES: usize = 16 << 20;

/// The variables that say which CAs to trust.
const VARIABLES: [&str; 2] = ["SSL_CERT_FILE", "SSL_CERT_DIR"];

const BEGIN: &str = "-----BEGIN CERTIFICATE-----";

/// Those of them that are set.
pub fn variables(world: &World) -> Vec<&'static str> {
    VARIABLES.into_iter().filter(|name| world.var(name).is_some()).collect()
}

/// Why the CAs that a variable names cannot be used.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub(super) struct UnusableRoots {
    message: String,
    hint: &'static str,
}

const UNSET_BOTH: &str = if cfg!(windows) {
    "`Remove-Item Env:SSL_CERT_FILE, Env:SSL_CERT_DIR -ErrorAction Ignore` trusts the system's CAs again"
} else {
    "`unset SSL_CERT_FILE SSL_CERT_DIR` trusts the system's CAs again"
};

impl UnusableRoots {
    fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: UNSET_BOTH }
    }

    pub fn into_error(self) -> Error {
        Error::network(self.message).hint(self.hint)
    }
}

/// Verifies the certificates of servers, against CAs that are read when they are first needed.
#[derive(Debug)]
pub(super) struct Roots {
    file: Option<String>,
    folders: Option<String>,
    lines: Lines,
    provider: Arc<CryptoProvider>,
    first: OnceLock<Result<Arc<WebPkiServerVerifier>, UnusableRoots>>,
    /// For issuers that the first does not know. None if there are no other CAs.
    second: OnceLock<Option<Arc<WebPkiServerVerifier>>>,
}

impl Roots {
    /// Reads the variables. `None`: neither is set, and the library asks macOS or Windows itself.
    pub fn read(world: &World, provider: Arc<CryptoProvider>) -> Option<Self> {
        let (file, folders) = (world.var("SSL_CERT_FILE"), world.var("SSL_CERT_DIR"));
        if file.is_none() && folders.is_none() && cfg!(any(windows, target_os = "macos")) {
            return None;
        }
        Some(Self { file, folders, lines: world.lines(), provider, first: OnceLock::new(), second: OnceLock::new() })
    }

    /// A TLS configuration that trusts these CAs.
    pub fn config(self: Arc<Self>) -> Result<ClientConfig, rustls::Error> {
        let mut config = ClientConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_safe_default_protocol_versions()?
            .dangerous()
            .with_custom_certificate_verifier(self)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(config)
    }

    /// The CAs to ask first, read now if they were not yet.
    ///
    /// # Errors
    /// [`UnusableRoots`], naming the variable without a CA that can be used.
    pub fn load(&self) -> Result<&Arc<WebPkiServerVerifier>, UnusableRoots> {
        let first = self.first.get_or_init(|| {
            let store = match (&self.file, &self.folders) {
                (Some(file), _) => of_file(file)?,
                (None, Some(folders)) => of_folders(folders)?,
                (None, None) => of_system(self.lines),
            };
            self.verifier(store).ok_or_else(|| UnusableRoots::new("there is no CA to trust"))
        });
        first.as_ref().map_err(Clone::clone)
    }

    fn verifier(&self, store: RootCertStore) -> Option<Arc<WebPkiServerVerifier>> {
        WebPkiServerVerifier::builder_with_provider(Arc::new(store), Arc::clone(&self.provider)).build().ok()
    }

    /// The CAs of the folders: some hundred files, which OpenSSL too opens only for an issuer that
    /// it does not know yet.
    fn load_second(&self) -> Option<&Arc<WebPkiServerVerifier>> {
        let second = self.second.get_or_init(|| {
            let mut found = FolderRoots::none();
            match (&self.file, &self.folders) {
                (Some(_), Some(folders)) => found.add_folders(folders),
                (None, None) => found.add_system_folders(),
                _ => return None,
            }
            self.verifier(found.store)
        });
        second.as_ref()
    }
}

impl ServerCertVerifier for Roots {
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
        let first = self.load().map_err(|unusable| rustls::Error::Other(OtherError(Arc::new(unusable))))?;
        match verify(first) {
            Err(unknown @ rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer)) => {
                self.load_second().map_or(Err(unknown), |second| verify(second))
            }
            decided => decided,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// The CAs of `SSL_CERT_FILE`, all of them.
fn of_file(file: &str) -> Result<RootCertStore, UnusableRoots> {
    let unusable = |why: &str| UnusableRoots::new(format!("the file that SSL_CERT_FILE names {why}"));
    let pem = read_pem(Path::new(file)).map_err(|error| unusable(&format!("cannot be read: {error}")))?;
    let mut store = RootCertStore::empty();
    let mut count = 0;
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        let Ok(certificate) = certificate else { return Err(damaged(&unusable)) };
        count += 1;
        // One that cannot be a trust anchor must not spoil the others.
        let _ = store.add(certificate);
    }
    // A certificate whose first line is joined to another one is passed over by the parser without a word.
    if count < String::from_utf8_lossy(&pem).matches(BEGIN).count() {
        return Err(damaged(&unusable));
    }
    if pem.starts_with(&[0x30, 0x82]) {
        let mut error = unusable("holds no CA in PEM form but one in DER");
        error.hint = "`openssl x509 -inform der -in FILE -out FILE.pem` makes a PEM file of it";
        return Err(error);
    }
    if store.is_empty() { Err(unusable("holds no CA in PEM form")) } else { Ok(store) }
}

fn damaged(unusable: &impl Fn(&str) -> UnusableRoots) -> UnusableRoots {
    let mut error = unusable("is damaged: not every certificate in it can be read");
    error.hint =
        "each `-----BEGIN CERTIFICATE-----` needs a line of its own; files that were joined may lack a line break";
    error
}

/// The CAs of `SSL_CERT_DIR`: one folder, or several as in `PATH`.
fn of_folders(folders: &str) -> Result<RootCertStore, UnusableRoots> {
    let mut found = FolderRoots::none();
    found.add_folders(folders);
    if found.store.is_empty() {
        return Err(UnusableRoots::new("the folder that SSL_CERT_DIR names holds no CA in PEM form"));
    }
    Ok(found.store)
}

/// The system's bundle alone, as curl does it: the folder next to it usually holds the same CAs, one file each.
fn of_system(lines: Lines) -> RootCertStore {
    let bundle = BUNDLES.iter().find_map(|path| read_pem(Path::new(path)).ok()).unwrap_or_default();
    let mut store = RootCertStore::empty();
    store.add_parsable_certificates(CertificateDer::pem_slice_iter(&bundle).flatten());
    if !store.is_empty() {
        return store;
    }
    let mut found = FolderRoots::none();
    found.add_system_folders();
    if found.store.is_empty() {
        lines.step("this system has no CAs of its own: trusting the built-in list of Mozilla");
        return RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    }
    found.store
}

/// A PEM file, without the byte order mark that an editor may have put before it.
fn read_pem(path: &Path) -> io::Result<Vec<u8>> {
    let file = text::open_regular(path)?;
    let mut pem =
        Vec::with_capacity(usize::try_from(file.metadata()?.len()).map_or(0, |len| len.min(MAX_PEM_BYTES) + 1));
    file.take(MAX_PEM_BYTES as u64).read_to_end(&mut pem)?;
    if pem.starts_with(&[0xff, 0xfe]) || pem.starts_with(&[0xfe, 0xff]) {
        pem = text::decode(&pem)?.as_bytes().to_vec();
    } else if pem.starts_with(b"\xef\xbb\xbf") {
        pem.drain(..3);
    }
    Ok(pem)
}

/// The CAs of some folders, each once: one file often lies there several times, under links.
struct FolderRoots {
    store: RootCertStore,
    known: HashSet<CertificateDer<'static>>,
    #[cfg(unix)]
    files: HashSet<(u64, u64)>,
}

impl FolderRoots {
    fn none() -> Self {
        Self {
            store: RootCertStore::empty(),
            known: HashSet::new(),
            #[cfg(unix)]
            files: HashSet::new(),
        }
    }

    fn add_folders(&mut self, folders: &str) {
        for folder in std::env::split_paths(folders) {
            self.add_folder(&folder, |_| true);
        }
    }

    /// What OpenSSL finds there: the names that `openssl rehash` gives, and no stray file.
    fn add_system_folders(&mut self) {
        for folder in FOLDERS {
            self.add_folder(Path::new(folder), is_hash_link);
        }
    }

    /// As OpenSSL does: what is missing or no certificate is passed over, and no subfolder is entered.
    fn add_folder(&mut self, folder: &Path, is_wanted: impl Fn(&str) -> bool) {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if is_wanted(&entry.file_name().to_string_lossy())
                && self.is_new(&path)
                && let Ok(pem) = read_pem(&path)
            {
                self.add(&pem);
            }
        }
    }

    fn add(&mut self, pem: &[u8]) {
        for certificate in CertificateDer::pem_slice_iter(pem).flatten() {
            if !self.known.contains(&certificate) && self.store.add(certificate.clone()).is_ok() {
                self.known.insert(certificate);
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

/// `0a1b2c3d.0`: eight hex digits, and a number for those that share them.
fn is_hash_link(name: &str) -> bool {
    name.split_once('.').is_some_and(|(hash, number)| {
        hash.len() == 8
            && hash.bytes().all(|digit| digit.is_ascii_hexdigit())
            && !number.is_empty()
            && number.bytes().all(|digit| digit.is_ascii_digit())
    })
}
