//! Why a request got no answer: in one sentence with a way on, and whether another
//! try may succeed.

use std::error::Error as _;

use super::roots::UnusableRoots;
use crate::error::Error;
use crate::escape;

/// Whether a request failed because the server's certificate is not accepted.
pub fn is_certificate_error(error: &reqwest::Error) -> bool {
    chain(error).iter().any(|cause| matches!(tls_error(*cause), Some(rustls::Error::InvalidCertificate(_))))
}

/// Whether a failed request may succeed when it is made again: not where a certificate, a setting or a name is wrong,
/// where the server speaks no TLS that we speak, where the head of its answer cannot be read, or where a proxy says no.
/// A proxy may lock out who asks too often.
pub fn may_pass(error: &reqwest::Error) -> bool {
    let chain = chain(error);
    let is_unknown_name = chain.iter().any(|cause| {
        let cause = cause.to_string().to_lowercase();
        cause.contains("failed to lookup") && !cause.contains("temporary")
    });
    let is_settled = chain.iter().any(|cause| {
        handshake_failure(*cause).is_some() || unusable_roots(*cause).is_some() || is_malformed_head(*cause)
    });
    !error.is_builder() && !is_unknown_name && !is_settled && !is_refused_by_proxy(&chain)
}

/// Whether an answer came whose head is not HTTP. Another try would get the same.
fn is_malformed_head(error: &(dyn std::error::Error + 'static)) -> bool {
    error.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_parse)
}

/// Whether the head of an answer is longer than the HTTP client takes.
fn is_long_head(error: &(dyn std::error::Error + 'static)) -> bool {
    error.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_parse_too_large)
}

/// Whether a proxy answered, and not with a tunnel.
fn is_refused_by_proxy(chain: &[&(dyn std::error::Error + 'static)]) -> bool {
    chain.iter().any(|cause| {
        let cause = cause.to_string().to_lowercase();
        let tunnel = cause.strip_prefix("tunnel error: ");
        tunnel.is_some_and(|why| matches!(why, "unsuccessful" | "proxy authorization required"))
            || cause.starts_with("socks error: ") && cause.contains("auth")
    })
}

/// A request that got no answer, or not all of it, in one sentence.
pub fn network_error(error: &reqwest::Error) -> Error {
    let url = error.url();
    let host = url.and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_else(|| "the server".to_owned());
    let chain = chain(error);
    let all = chain.iter().map(ToString::to_string).collect::<Vec<_>>().join(": ").to_lowercase();
    // It is about the proxy's own name, address or port, not about the host's.
    let is_proxy = all.contains("underlying connection");
    if let Some(unusable) = chain.iter().find_map(|cause| unusable_roots(*cause)) {
        return unusable.clone().into_error();
    }
    if let Some(failure) = chain.iter().find_map(|cause| handshake_failure(*cause)) {
        let port = url.and_then(reqwest::Url::port_or_known_default);
        return if is_proxy { failure.into_error("the proxy", None) } else { failure.into_error(&host, port) };
    }
    let (message, hint) = if is_proxy {
        ("the proxy cannot be reached".to_owned(), "check HTTPS_PROXY or ALL_PROXY, and the network")
    } else if error.is_timeout() && error.is_connect() {
        (format!("no connection to {host} came about in time"), "check the network, or HTTPS_PROXY")
    } else if error.is_timeout() || all.contains("timed out") {
        (format!("{host} did not answer in time"), "try again; `lokalise-auth doctor` looks closer")
    } else if all.contains("dns error") || all.contains("failed to lookup") {
        (format!("the name {host} cannot be resolved"), "check the network and DNS, or HTTPS_PROXY")
    } else if all.contains("proxy") || all.contains("tunnel") {
        (format!("the proxy did not let us through to {host}"), "check HTTPS_PROXY and its user name and password")
    } else if all.contains("tls handshake eof") {
        (
            format!("{host} closed the connection before TLS was agreed on"),
            "check LOKALISE_API_URL and its port, or the network",
        )
    } else if chain.iter().any(|cause| is_long_head(*cause)) {
        (
            format!("{host} sent an answer whose headers are too long"),
            "check LOKALISE_API_URL; a proxy in between may add headers",
        )
    } else if chain.iter().any(|cause| is_malformed_head(*cause)) {
        (
            format!("{host} sent an answer that is not HTTP"),
            "check LOKALISE_API_URL and its port; a proxy in between may garble answers",
        )
    } else if error.is_connect() {
        (format!("{host} cannot be reached"), "check the network, or HTTPS_PROXY")
    } else if error.is_body() || error.is_decode() {
        (format!("the answer of {host} was cut short"), "try again")
    } else {
        (format!("the connection to {host} broke"), "try again")
    };
    Error::network(message).because(anyhow::anyhow!(cause(error))).hint(hint)
}

/// What is wrong with a TLS handshake. Another try would fail too.
enum HandshakeFailure {
    /// What is wrong with the certificate, and what to do about it.
    Certificate(&'static str, &'static str),
    /// The certificate is refused for a rare reason, in the library's words.
    OddCertificate(String),
    /// Both sides speak TLS, and have no version of it in common.
    Version,
    /// The answer was not TLS.
    NoTls,
    /// Anything else that the two cannot agree on, in the library's words.
    NothingInCommon(String),
}

impl HandshakeFailure {
    /// `port`: the server's; a proxy's is not known.
    fn into_error(self, host: &str, port: Option<u16>) -> Error {
        match self {
            Self::Certificate(what, hint) => Error::network(format!("the certificate of {host} {what}")).hint(hint),
            Self::OddCertificate(why) => Error::network(format!("the certificate of {host} is not acceptable"))
                .because(anyhow::anyhow!(why))
                .hint("the server's owner must replace it; `lokalise-auth doctor` shows who issued it"),
            Self::Version => Error::network(format!("{host} speaks no TLS 1.2 or newer"))
                .hint("its owner must switch TLS 1.2 on; where a company's proxy answers in its place, ask its owner"),
            Self::NoTls => match port {
                Some(port) => Error::network(format!("{host} does not speak TLS on port {port}"))
                    .hint("check LOKALISE_API_URL and LOKALISE_OAUTH_URL, and the port in them"),
                None => Error::network(format!("{host} does not speak TLS"))
                    .hint("write its address with `http://`: what goes through it is encrypted all the same"),
            },
            Self::NothingInCommon(why) => Error::network(format!("no TLS connection to {host} can be agreed on"))
                .because(anyhow::anyhow!(why))
                .hint("its owner, or the owner of a proxy in between, must allow what TLS 1.2 and 1.3 commonly use"),
        }
    }
}

fn handshake_failure(error: &(dyn std::error::Error + 'static)) -> Option<HandshakeFailure> {
    use rustls::{AlertDescription as Alert, Error as Tls, InvalidMessage, PeerIncompatible};
    Some(match tls_error(error)? {
        error @ Tls::InvalidCertificate(certificate) => match certificate_failure(certificate) {
            Some((what, hint)) => HandshakeFailure::Certificate(what, hint),
            None => HandshakeFailure::OddCertificate(in_one_line(error)),
        },
        Tls::AlertReceived(Alert::ProtocolVersion)
        | Tls::PeerIncompatible(
            PeerIncompatible::ServerDoesNotSupportTls12Or13 | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig,
        ) => HandshakeFailure::Version,
        Tls::InvalidMessage(InvalidMessage::InvalidContentType | InvalidMessage::UnknownProtocolVersion) => {
            HandshakeFailure::NoTls
        }
        error @ (Tls::PeerIncompatible(_)
        | Tls::AlertReceived(
            Alert::HandshakeFailure | Alert::InsufficientSecurity | Alert::UnrecognisedName,
        )) => HandshakeFailure::NothingInCommon(in_one_line(error)),
        _ => return None,
    })
}

/// The CAs that a variable names were needed for the first time, and could not be used.
fn unusable_roots<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a UnusableRoots> {
    match tls_error(error)? {
        rustls::Error::Other(other) => other.0.downcast_ref(),
        _ => None,
    }
}

/// An error of the library without the values in it, which may be lists of bytes.
fn in_one_line(error: &rustls::Error) -> String {
    let text = error.to_string();
    let text = text.split(['{', '[', '\n']).next().unwrap_or_default().trim_end();
    escape::shortened(text.strip_suffix("Context").unwrap_or(text), escape::MAX_TLS_ERROR).into_owned()
}

fn tls_error<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a rustls::Error> {
    error
        .downcast_ref::<rustls::Error>()
        .or_else(|| error.downcast_ref::<std::io::Error>()?.get_ref()?.downcast_ref::<rustls::Error>())
}

/// What is wrong with a certificate, and what to do about it.
fn certificate_failure(certificate: &rustls::CertificateError) -> Option<(&'static str, &'static str)> {
    use rustls::CertificateError as Certificate;
    Some(match certificate {
        Certificate::UnknownIssuer => (
            "is signed by a CA that this machine does not trust",
            "where a company's proxy or server has its own CA, set SSL_CERT_FILE to that CA's PEM file",
        ),
        Certificate::Expired | Certificate::ExpiredContext { .. } => {
            ("has expired", "check this machine's clock (`date`); if it is right, the server's owner must renew it")
        }
        Certificate::NotValidYet | Certificate::NotValidYetContext { .. } => {
            ("is not valid yet", "check this machine's clock (`date`)")
        }
        Certificate::NotValidForName | Certificate::NotValidForNameContext { .. } => {
            ("is for another host", "check LOKALISE_API_URL and LOKALISE_OAUTH_URL, and whether a proxy is in between")
        }
        Certificate::UnsupportedSignatureAlgorithmContext { .. }
        | Certificate::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => (
            "is signed in a way that this program cannot check, such as ECDSA with SHA-512 or with P-521",
            "ask for a certificate that is signed with RSA, or with ECDSA and SHA-256 or SHA-384; until then curl may \
             connect: `lokalise-auth call --curl` prints its command",
        ),
        Certificate::Revoked => ("has been revoked", "the server's owner must replace it"),
        Certificate::InvalidPurpose | Certificate::InvalidPurposeContext { .. } => {
            ("is not meant for a server", "the server's owner must replace it")
        }
        Certificate::BadSignature => (
            "bears a signature that is not its issuer's",
            "a CA in SSL_CERT_FILE may be an old one of the same name; `lokalise-auth doctor` shows who issued it",
        ),
        Certificate::Other(other)
            if matches!(other.0.downcast_ref::<webpki::Error>(), Some(webpki::Error::CaUsedAsEndEntity)) =>
        {
            (
                "is a CA's own certificate, not a server's",
                "the server needs one with `basicConstraints=CA:FALSE`, as `openssl req -x509` makes it with \
                 `-addext basicConstraints=critical,CA:FALSE`",
            )
        }
        _ => return None,
    })
}

fn chain(error: &reqwest::Error) -> Vec<&(dyn std::error::Error + 'static)> {
    let mut chain: Vec<&(dyn std::error::Error + 'static)> = Vec::new();
    let mut next = error.source();
    while let Some(cause) = next {
        chain.push(cause);
        // An io::Error hides what it wraps from `source`.
        next = match cause.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref) {
            Some(inner) => Some(inner),
            None => cause.source(),
        };
    }
    chain
}

/// The innermost cause: the only one that says something that the message does not.
pub(super) fn cause(error: &reqwest::Error) -> String {
    chain(error).last().map_or_else(|| "no cause is known".to_owned(), ToString::to_string)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_of_the_library_is_cut() {
        let text = in_one_line(&rustls::Error::General("x".repeat(1000)));
        assert_eq!(text.chars().count(), escape::MAX_TLS_ERROR);
    }
}
