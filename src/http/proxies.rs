//! The proxy variables → which proxy a request goes through. A value that cannot
//! be meant is an error: going round a proxy silently is worse than not going at all.

use std::net::IpAddr;

use reqwest::{Proxy, Url};

use crate::error::{Error, Result};
use crate::origin;
use crate::world::World;

/// The proxy for https targets. Plain http is for loopback only, and goes direct.
pub(super) struct Proxies {
    pub https: Option<Proxy>,
}

impl Proxies {
    pub fn read(world: &World) -> Result<Self> {
        let Some((name, value)) = proxy_of(world) else { return Ok(Self { https: None }) };
        let url = proxy_url(&value).ok_or_else(|| {
            // The value may hold a password: it is not repeated.
            Error::usage(format!("{name} is not a proxy address"))
                .hint(format!("it is written `http://host:port`; `unset {name}` goes without a proxy"))
        })?;
        let exceptions = NoProxyList::read(&either(world, "NO_PROXY").map(|(_, value)| value).unwrap_or_default());
        let proxy =
            Proxy::custom(move |target| (target.scheme() == "https" && !exceptions.hold(target)).then(|| url.clone()));
        Ok(Self { https: Some(proxy) })
    }
}

/// Which variable names the proxy for https, if any does; for reports.
pub fn proxy_variable(world: &World) -> Option<&'static str> {
    proxy_of(world).map(|(name, _)| name)
}

/// Which variable names the exceptions, if any does; for reports.
pub fn no_proxy_variable(world: &World) -> Option<&'static str> {
    either(world, "NO_PROXY").map(|(name, _)| name)
}

fn proxy_of(world: &World) -> Option<(&'static str, String)> {
    either(world, "HTTPS_PROXY").or_else(|| either(world, "ALL_PROXY"))
}

/// A proxy variable by its capital or its small name.
fn either(world: &World, capital: &'static str) -> Option<(&'static str, String)> {
    let small = match capital {
        "HTTPS_PROXY" => "https_proxy",
        "ALL_PROXY" => "all_proxy",
        _ => "no_proxy",
    };
    [capital, small].into_iter().find_map(|name| world.var(name).map(|value| (name, value.trim().to_owned())))
}

/// `http://host:port`, with or without scheme, user name and password.
fn proxy_url(value: &str) -> Option<Url> {
    let address = if value.contains("://") { value.to_owned() } else { format!("http://{value}") };
    let url = origin::as_written(&address)?;
    let known = matches!(url.scheme(), "http" | "https" | "socks4" | "socks4a" | "socks5" | "socks5h");
    let bare = matches!(url.path(), "" | "/") && url.query().is_none() && url.fragment().is_none();
    let somewhere = url.host_str().is_some_and(|host| !host.is_empty()) && url.port() != Some(0);
    // reqwest reads it once more, by other rules, and goes direct where it cannot.
    (known && bare && somewhere && url.as_str().parse::<hyper::Uri>().is_ok()).then_some(url)
}

/// The targets that `NO_PROXY` takes out.
struct NoProxyList(Vec<NoProxyEntry>);

/// One entry: a host (or every host), on one port or on all.
struct NoProxyEntry {
    host: HostPattern,
    port: Option<u16>,
}

enum HostPattern {
    Every,
    Address(IpAddr),
    /// Address and prefix length of a network (RFC 4632 §3.1).
    Network(IpAddr, u8),
    /// This name and what lies below it.
    Name(String),
}

impl NoProxyList {
    fn read(no_proxy: &str) -> Self {
        Self(
            no_proxy
                .split([',', ' '])
                .map(str::trim)
                .filter(|entry| !entry.is_empty())
                .map(NoProxyEntry::read)
                .collect(),
        )
    }

    fn hold(&self, target: &Url) -> bool {
        let host = target.host_str().unwrap_or_default();
        let host = host.trim_start_matches('[').trim_end_matches(']').trim_end_matches('.');
        let port = target.port_or_known_default();
        self.0.iter().any(|entry| entry.host.is(host) && (entry.port.is_none() || entry.port == port))
    }
}

impl NoProxyEntry {
    fn read(entry: &str) -> Self {
        let unbracketed = |host: &str| host.trim_start_matches('[').trim_end_matches(']').to_owned();
        // The colons of a bare IPv6 address are no port.
        let (host, port) = match entry.rsplit_once(':') {
            Some((host, port)) if !host.contains(':') || host.ends_with(']') => match port.parse() {
                Ok(port) => (unbracketed(host), Some(port)),
                Err(_) => (unbracketed(entry), None),
            },
            _ => (unbracketed(entry), None),
        };
        Self { host: HostPattern::read(&host), port }
    }
}

impl HostPattern {
    fn read(text: &str) -> Self {
        if text == "*" {
            return Self::Every;
        }
        if let Ok(address) = text.parse() {
            return Self::Address(address);
        }
        if let Some((address, length)) = text.split_once('/')
            && let (Ok(address), Ok(length)) = (address.parse(), length.parse())
        {
            return Self::Network(address, length);
        }
        // `.example.com` and `*.example.com` are other spellings of `example.com`.
        let name = text.trim_start_matches('*').trim_start_matches('.').trim_end_matches('.');
        Self::Name(name.to_ascii_lowercase())
    }

    /// `host` is as a URL has it: lower case, an address without brackets.
    fn is(&self, host: &str) -> bool {
        match self {
            Self::Every => true,
            Self::Address(address) => host.parse::<IpAddr>().is_ok_and(|host| host == *address),
            Self::Network(network, length) => host.parse().is_ok_and(|host| lies_in(host, *network, *length)),
            Self::Name(name) if name.is_empty() => false,
            // The end of an address is no domain that it lies in.
            Self::Name(_) if host.parse::<IpAddr>().is_ok() => false,
            Self::Name(name) => {
                host.strip_suffix(name.as_str()).is_some_and(|front| front.is_empty() || front.ends_with('.'))
            }
        }
    }
}

fn lies_in(host: IpAddr, network: IpAddr, length: u8) -> bool {
    fn bits(address: IpAddr) -> (u128, u32) {
        match address {
            IpAddr::V4(address) => (u32::from(address).into(), 32),
            IpAddr::V6(address) => (address.into(), 128),
        }
    }
    let ((host, size), (network, other)) = (bits(host), bits(network));
    let outside = size.saturating_sub(length.into());
    size == other && u32::from(length) <= size && (outside == 128 || host >> outside == network >> outside)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::OsString;
    use std::time::UNIX_EPOCH;

    fn proxies(variables: &[(&'static str, &str)]) -> Result<Proxies> {
        let variables: Vec<(&str, OsString)> =
            variables.iter().map(|(name, value)| (*name, OsString::from(value))).collect();
        let world = World::made_of(
            move |name| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| value.clone()),
            || UNIX_EPOCH,
        );
        Proxies::read(&world)
    }

    #[test]
    fn a_malformed_proxy_is_an_error_and_is_not_repeated() {
        for value in [
            "http://user:hunter2@",
            "::::",
            "ftp://proxy",
            "http://host:99999",
            "http://host:0",
            "http://host/path",
            "http://host?hunter2",
            "ht tp://x",
            "http://",
            "//proxy:3128",
            "http:\\\\proxy:3128",
        ] {
            // Also where nothing would go through it.
            for no_proxy in ["", "*"] {
                let error = proxies(&[("HTTPS_PROXY", value), ("NO_PROXY", no_proxy)]).map(|_| ()).expect_err(value);
                assert!(!format!("{error} {:?}", error.hints).contains("hunter2"), "{value}");
            }
        }
    }

    #[test]
    fn either_spelling_names_a_proxy_and_an_empty_one_names_none() {
        for (name, value) in [
            ("HTTPS_PROXY", "proxy:3128"),
            ("https_proxy", "http://proxy"),
            ("all_proxy", "https://proxy:3128/"),
            ("ALL_PROXY", "socks5h://u:p@proxy"),
        ] {
            assert!(proxies(&[(name, value), ("HTTPS_PROXY", "")]).expect("a proxy").https.is_some(), "{name}");
        }
        assert!(proxies(&[("HTTPS_PROXY", ""), ("HTTP_PROXY", "proxy:3128")]).expect("none").https.is_none());
    }

    #[test]
    fn what_no_proxy_takes_out() {
        let held = |no_proxy: &str, url: &str| NoProxyList::read(no_proxy).hold(&Url::parse(url).expect("a URL"));
        for (no_proxy, url) in [
            ("*", "https://api.lokalise.com"),
            ("localhost, *", "https://10.0.0.1"),
            ("*", "https://[::1]:8443"),
            ("lokalise.com", "https://api.lokalise.com"),
            (".lokalise.com", "https://api.lokalise.com"),
            ("*.lokalise.com", "https://api.lokalise.com"),
            ("API.Lokalise.com", "https://api.lokalise.com"),
            ("api.lokalise.com:443", "https://api.lokalise.com"),
            ("localhost:8443", "https://localhost:8443"),
            ("127.0.0.1", "https://127.0.0.1:8443"),
            ("127.0.0.1:8443", "https://127.0.0.1:8443"),
            ("10.0.0.0/8", "https://10.1.2.3"),
            ("0.0.0.0/0", "https://10.1.2.3"),
            ("::1", "https://[::1]:8443"),
            ("[::1]", "https://[::1]:8443"),
            ("[::1]:8443", "https://[::1]:8443"),
            ("fd00::/8", "https://[fd12::1]"),
            ("::/0", "https://[fd12::1]"),
            ("example.com lokalise.com", "https://api.lokalise.com"),
        ] {
            assert!(held(no_proxy, url), "{no_proxy} takes out {url}");
        }
        for (no_proxy, url) in [
            ("", "https://api.lokalise.com"),
            (",", "https://api.lokalise.com"),
            (".", "https://api.lokalise.com"),
            ("lokalise.co", "https://api.lokalise.com"),
            ("okalise.com", "https://api.lokalise.com"),
            ("api.lokalise.com:8443", "https://api.lokalise.com"),
            ("localhost:8443", "https://localhost:8444"),
            ("127.0.0.2", "https://127.0.0.1"),
            (".0.0.1", "https://127.0.0.1"),
            ("1", "https://127.0.0.1"),
            ("10.0.0.0/8", "https://11.1.2.3"),
            ("10.0.0.0/99", "https://10.1.2.3"),
            ("::/0", "https://10.1.2.3"),
            ("::1", "https://[::2]"),
        ] {
            assert!(!held(no_proxy, url), "{no_proxy} leaves {url}");
        }
    }
}
