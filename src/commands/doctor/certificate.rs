//! Reads the issuer of a server's certificate: just enough of X.501 names.

use rustls::pki_types::CertificateDer;

/// The attribute types that name an issuer (X.520): organization, then common name.
const ORGANIZATION: &[u8] = &[0x55, 0x04, 0x0a];
const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];

/// The issuer of a certificate in DER, as `Organization, Common Name`.
pub(super) fn issuer(certificate: &[u8]) -> Option<String> {
    let certificate = CertificateDer::from(certificate);
    let parsed = webpki::EndEntityCert::try_from(&certificate).ok()?;
    let name = parsed.issuer();
    let parts: Vec<String> = [ORGANIZATION, COMMON_NAME].iter().filter_map(|kind| attribute(name, kind)).collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

/// The value of the first attribute of a type: RDNs are sets of sequences of a type and a string.
fn attribute(mut name: &[u8], kind: &[u8]) -> Option<String> {
    while let Some((_, set, rest)) = element(name) {
        name = rest;
        let (_, pair, _) = element(set)?;
        let (_, found, after) = element(pair)?;
        if found == kind {
            let (_, value, _) = element(after)?;
            return Some(String::from_utf8_lossy(value).into_owned());
        }
    }
    None
}

/// Tag, content and what follows, of one DER element with a short or a two-byte length.
fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = der.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81 => {
            let (&length, rest) = rest.split_first()?;
            (usize::from(length), rest)
        }
        _ => return None,
    };
    (length <= rest.len()).then(|| (tag, &rest[..length], &rest[length..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_issuer_is_shown_in_words() {
        let mut parameters = rcgen::CertificateParams::new(Vec::new()).expect("no names");
        parameters.distinguished_name.push(rcgen::DnType::CommonName, "Proxy CA 1");
        parameters.distinguished_name.push(rcgen::DnType::OrganizationName, "Example Corp");
        let key = rcgen::KeyPair::generate().expect("a key");
        let certificate = parameters.self_signed(&key).expect("a certificate");
        assert_eq!(issuer(certificate.der()).as_deref(), Some("Example Corp, Proxy CA 1"));
        assert_eq!(issuer(b"junk"), None);
    }
}
