//! The certificate of a server that is not trusted, for a report that names its issuer. The connection that shows it
//! ends there: no byte of a request goes over it.

use std::sync::{Arc, Mutex};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme};

/// The certificate that was shown last, in DER.
#[derive(Clone, Debug, Default)]
pub(super) struct PeerCertificate(Arc<Mutex<Option<Vec<u8>>>>);

impl PeerCertificate {
    pub fn take(&self) -> Option<Vec<u8>> {
        self.0.lock().ok()?.take()
    }

    /// A TLS configuration that trusts no certificate.
    pub fn config(&self, provider: &Arc<CryptoProvider>) -> Result<ClientConfig, Error> {
        let schemes = provider.signature_verification_algorithms.supported_schemes();
        let verifier = Arc::new(CertificateRecorder { shown: self.clone(), schemes });
        Ok(ClientConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()?
            .dangerous()
            .with_custom_certificate_verifier(verifier)
            .with_no_client_auth())
    }
}

/// Remembers what it is shown and accepts nothing.
#[derive(Debug)]
struct CertificateRecorder {
    shown: PeerCertificate,
    schemes: Vec<SignatureScheme>,
}

fn refused<T>() -> Result<T, Error> {
    Err(Error::General("only looked at".to_owned()))
}

impl ServerCertVerifier for CertificateRecorder {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if let Ok(mut shown) = self.shown.0.lock() {
            *shown = Some(end_entity.to_vec());
        }
        refused()
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        refused()
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        refused()
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.schemes.clone()
    }
}
