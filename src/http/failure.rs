//! Why a request got no answer: in one sentence with a way on, and whether another
//! try may succeed.

use std::error::Error as _;

use crate::error::Error;

/// Whether a request failed because the server's certificate is not accepted.
pub fn is_certificate_error(error: &reqwest::Error) -> bool {
    chain(error).iter().any(|cause| certificate_error(*cause).is_some())
}

/// Whether a failed request may succeed when it is made again: not where a certificate, a setting or a name is wrong.
pub fn may_pass(error: &reqwest::Error) -> bool {
    let chain = chain(error);
    let is_unknown_name = chain.iter().any(|cause| {
        let cause = cause.to_string().to_lowercase();
        cause.contains("failed to lookup") && !cause.contains("temporary")
    });
    !error.is_builder() && !is_unknown_name && !is_certificate_error(error)
}

/// A request that got no answer, or not all of it, in one sentence.
pub fn network_error(error: &reqwest::Error) -> Error {
    let host = error.url().and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_else(|| "the server".to_owned());
    let chain = chain(error);
    if let Some(why) = chain.iter().find_map(|cause| certificate_error(*cause)) {
        let (what, hint) = why;
        return Error::network(format!("the certificate of {host} {what}")).hint(hint);
    }
    let all = chain.iter().map(ToString::to_string).collect::<Vec<_>>().join(": ").to_lowercase();
    let (message, hint) = if all.contains("underlying connection") {
        // The proxy's own name, address or port; not the host's behind it.
        ("the proxy cannot be reached".to_owned(), "check HTTPS_PROXY or ALL_PROXY, and the network")
    } else if error.is_timeout() && error.is_connect() {
        (format!("{host} did not accept a connection in time"), "check the network, or HTTPS_PROXY")
    } else if error.is_timeout() || all.contains("timed out") {
        (format!("{host} did not answer in time"), "try again; `lokalise-auth doctor` looks closer")
    } else if all.contains("dns error") || all.contains("failed to lookup") {
        (format!("the name {host} cannot be resolved"), "check the network and DNS, or HTTPS_PROXY")
    } else if all.contains("proxy") || all.contains("tunnel") {
        (format!("the proxy did not let us through to {host}"), "check HTTPS_PROXY and its user name and password")
    } else if error.is_connect() {
        (format!("{host} cannot be reached"), "check the network, or HTTPS_PROXY")
    } else if error.is_body() || error.is_decode() {
        (format!("the answer of {host} was cut short"), "try again")
    } else {
        (format!("the connection to {host} broke"), "try again")
    };
    Error::network(message).because(anyhow::anyhow!(cause(error))).hint(hint)
}

/// What is wrong with a certificate, and what to do about it.
fn certificate_error(error: &(dyn std::error::Error + 'static)) -> Option<(&'static str, &'static str)> {
    use rustls::CertificateError as Certificate;
    let tls = error
        .downcast_ref::<rustls::Error>()
        .or_else(|| error.downcast_ref::<std::io::Error>()?.get_ref()?.downcast_ref::<rustls::Error>())?;
    let rustls::Error::InvalidCertificate(certificate) = tls else { return None };
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
        _ => ("is not acceptable", "`lokalise-auth doctor` shows who issued it"),
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
