//! The CAs of `SSL_CERT_FILE` and `SSL_CERT_DIR`, on every system, in place of the
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

/// Both variables, read once; the files are opened when a client is built.
pub(super) struct Roots {
    file: Option<String>,
    folders: Option<String>,
    /// The library that finds the system's CAs takes an empty variable for a path.
    an_empty_one: bool,
}

impl Roots {
    pub fn read(world: &World) -> Self {
        let empty = |name| std::env::var_os(name).is_some_and(|value| value.is_empty());
        Self {
            file: world.var("SSL_CERT_FILE"),
            folders: world.var("SSL_CERT_DIR"),
            an_empty_one: empty("SSL_CERT_FILE") || empty("SSL_CERT_DIR"),
        }
    }

    /// `None`: neither variable is set, and the system's CAs are in force.
    ///
    /// # Errors
    /// `Network`, naming the variable without a CA that can be used.
    pub fn certificates(&self) -> Result<Option<Vec<Certificate>>> {
        // One CA often lies in a folder several times, under links.
        let mut found = HashSet::new();
        if let Some(file) = &self.file {
            let text = std::fs::read(file)
                .map_err(|error| not_usable("the file that SSL_CERT_FILE names cannot be read").because(error))?;
            found.extend(authorities(&text));
            if found.is_empty() {
                return Err(not_usable("the file that SSL_CERT_FILE names holds no CA in PEM form"));
            }
        }
        if let Some(folders) = &self.folders {
            std::env::split_paths(folders).for_each(|folder| found.extend(of_folder(&folder)));
            if found.is_empty() {
                return Err(not_usable("the folder that SSL_CERT_DIR names holds no CA in PEM form"));
            }
        }
        if found.is_empty() && self.an_empty_one {
            let bundle = BUNDLES.iter().find_map(|path| std::fs::read(path).ok());
            found.extend(bundle.iter().flat_map(|text| authorities(text)));
        }
        let all: Vec<Certificate> = found.iter().filter_map(|der| Certificate::from_der(der).ok()).collect();
        Ok((!all.is_empty()).then_some(all))
    }
}

fn not_usable(what: &str) -> Error {
    Error::network(what).hint("`unset SSL_CERT_FILE SSL_CERT_DIR` trusts the system's CAs again")
}

/// As OpenSSL does: what is missing or no certificate is passed over, and no subfolder is entered.
fn of_folder(folder: &Path) -> Vec<CertificateDer<'static>> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let files = entries.filter_map(|entry| entry.ok().map(|entry| entry.path())).filter(|path| path.is_file());
    files.filter_map(|file| std::fs::read(file).ok()).flat_map(|text| authorities(&text)).collect()
}

/// The certificates that can be trust anchors. One that cannot must not spoil the others.
fn authorities(pem: &[u8]) -> Vec<CertificateDer<'static>> {
    let all = CertificateDer::pem_slice_iter(pem).filter_map(std::result::Result::ok);
    all.filter(|certificate| RootCertStore::empty().add(certificate.clone()).is_ok()).collect()
}
