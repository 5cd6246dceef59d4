//! The CAs to trust: those of `SSL_CERT_FILE` and `SSL_CERT_DIR`, on every system, in place of the
//! system's own. What cannot be used is named before anything is sent.

use std::collections::HashSet;
use std::path::Path;

use reqwest::Certificate;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

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
    pub fn certificates(&self) -> Result<Option<Vec<Certificate>>> {
        let mut found = Found::default();
        if let Some(file) = &self.file {
            let text = std::fs::read(file)
                .map_err(|error| not_usable("the file that SSL_CERT_FILE names cannot be read").because(error))?;
            found.add(&text);
            if found.authorities.is_empty() {
                return Err(not_usable("the file that SSL_CERT_FILE names holds no CA in PEM form"));
            }
        }
        if let Some(folders) = &self.folders {
            std::env::split_paths(folders).for_each(|folder| found.add_folder(&folder, self.file.as_deref()));
            if found.authorities.is_empty() {
                return Err(not_usable("the folder that SSL_CERT_DIR names holds no CA in PEM form"));
            }
        }
        // The bundle alone, as curl does it: the folder beside it holds the same CAs, a file each.
        if found.authorities.is_empty() && cfg!(all(unix, not(target_os = "macos"))) {
            let bundle = BUNDLES.iter().find_map(|path| std::fs::read(path).ok());
            found.add(&bundle.unwrap_or_default());
        }
        let all: Vec<Certificate> =
            found.authorities.iter().filter_map(|der| Certificate::from_der(der).ok()).collect();
        Ok((!all.is_empty()).then_some(all))
    }
}

/// The CAs found so far, each once: in a folder one often lies several times, under links.
#[derive(Default)]
struct Found {
    authorities: HashSet<CertificateDer<'static>>,
    #[cfg(unix)]
    files: HashSet<(u64, u64)>,
}

impl Found {
    /// Adds the certificates that can be trust anchors. One that cannot must not spoil the others.
    fn add(&mut self, pem: &[u8]) {
        for certificate in CertificateDer::pem_slice_iter(pem).filter_map(std::result::Result::ok) {
            if !self.authorities.contains(&certificate) && RootCertStore::empty().add(certificate.clone()).is_ok() {
                self.authorities.insert(certificate);
            }
        }
    }

    /// As OpenSSL does: what is missing or no certificate is passed over, and no subfolder is entered.
    fn add_folder(&mut self, folder: &Path, read_before: Option<&str>) {
        if let Some(path) = read_before {
            self.is_new(Path::new(path));
        }
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
