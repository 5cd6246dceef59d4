//! The proxy variables → which proxy a request goes through. A value that cannot be meant is an
//! error: bypassing a proxy silently is worse than sending nothing.

use std::net::IpAddr;

use reqwest::{Proxy, Url};

use crate::error::Error;
use crate::world::World;
use crate::{origin, shell};

/// A proxy variable that holds no proxy's address.
#[derive(Clone, Debug)]
pub(super) struct BadProxy {
    variable: &'static str,
    /// What may be wrong, if it is known.
    hint: Option<&'static str>,
}

impl BadProxy {
    /// The value may hold a password: it is not repeated.
    pub fn to_error(&self) -> Error {
        let variable = self.variable;
        let mut error = Error::usage(format!("{variable} is not a proxy address"));
        error.hints.extend(self.hint.map(str::to_owned));
        error.hint(format!("it is written `http://HOST:PORT`; `{}` goes without a proxy", shell::unset(variable)))
    }
}

/// The proxy for https targets. Plain http is for loopback only, and goes direct.
pub(super) fn read(world: &World) -> Result<Option<Proxy>, BadProxy> {
    let Some((variable, value)) = proxy_of(world) else { return Ok(None) };
    let url = proxy_url(&value).ok_or_else(|| BadProxy { variable, hint: escape_hint(&value) })?;
    let exceptions = NoProxyList::read(&either(world, "NO_PROXY").map(|(_, value)| value).unwrap_or_default());
    let proxy =
        Proxy::custom(move |target| (target.scheme() == "https" && !exceptions.hold(target)).then(|| url.clone()));
    Ok(Some(proxy))
}

/// How a character of a user name or password is written that would end it, or that no URL has.
fn escape_hint(value: &str) -> Option<&'static str> {
    let rest = value.split_once("://").map_or(value, |(_, rest)| rest);
    let (credentials, _) = rest.rsplit_once('@')?;
    [
        ('\\', "a backslash in the user name or password is written `%5C`"),
        ('#', "a `#` in the user name or password is written `%23`"),
        ('/', "a `/` in the user name or password is written `%2F`"),
        ('?', "a `?` in the user name or password is written `%3F`"),
        ('[', "a `[` in the user name or password is written `%5B`"),
        (' ', "a space in the user name or password is written `%20`"),
        ('%', "a `%` in the user name or password is written `%25`"),
    ]
    .into_iter()
    .find_map(|(character, hint)| credentials.contains(character).then_some(hint))
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
    [capital, small].into_iter().find_map(|name| {
        world.var(name).map(|value| (name, value.trim().to_owned())).filter(|(_, value)| !value.is_empty())
    })
}

/// `http://host:port`, with or without scheme, user name and password.
fn proxy_url(value: &str) -> Option<Url> {
    let address = match value.split_once("://") {
        // As GNOME's settings export it: SOCKS5, and the proxy resolves the name.
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("socks") => format!("socks5h://{rest}"),
        Some(_) => value.to_owned(),
        None => format!("http://{value}"),
    };
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
    /// This name and its subdomains.
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
            // An IP address has no parent domain.
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

    fn proxy(variables: &[(&'static str, &str)]) -> Result<Option<Proxy>, Error> {
        let variables: Vec<(&str, OsString)> =
            variables.iter().map(|(name, value)| (*name, OsString::from(value))).collect();
        let world = World::made_of(
            move |name| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| value.clone()),
            || UNIX_EPOCH,
        );
        read(&world).map_err(|bad| bad.to_error())
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
                let error = proxy(&[("HTTPS_PROXY", value), ("NO_PROXY", no_proxy)]).expect_err(value);
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
            assert!(proxy(&[(name, value), ("HTTPS_PROXY", "")]).expect("a proxy").is_some(), "{name}");
        }
        for no_proxy in
            [[("HTTPS_PROXY", ""), ("HTTP_PROXY", "proxy:3128")], [("HTTPS_PROXY", " "), ("ALL_PROXY", "\t")]]
        {
            assert!(proxy(&no_proxy).expect("none").is_none());
        }
        let url = |value| proxy_url(value).expect("a proxy").to_string();
        assert_eq!(url("socks://127.0.0.1:9/"), "socks5h://127.0.0.1:9/");
        assert_eq!(url("SOCKS://u:p@proxy:9"), "socks5h://u:p@proxy:9");
        assert_eq!(url("socks5h://proxy:9"), "socks5h://proxy:9");
    }

    #[test]
    fn a_character_that_needs_an_escape_is_named_with_it() {
        for (value, escape) in [
            ("http://CORP\\ada:hunter2@proxy:3128", "%5C"),
            ("CORP\\ada:hunter2@proxy:3128", "%5C"),
            ("http://ada:hunter2#x@proxy:3128", "%23"),
            ("http://ada:hunter2/x@proxy:3128", "%2F"),
            ("http://ada:hunter2?x@proxy:3128", "%3F"),
            ("http://ada:hunter2 x@proxy:3128", "%20"),
            ("socks5://ada:hunter2#x@proxy:1080", "%23"),
        ] {
            let error = proxy(&[("ALL_PROXY", value)]).expect_err(value);
            assert!(error.hints[0].contains(escape) && !format!("{error:?}").contains("hunter2"), "{value}: {error:?}");
        }
        for value in ["http://CORP%5Cada:a%23%2Fb@proxy:3128", "http://ada:p@ss@proxy:3128"] {
            assert!(proxy(&[("HTTPS_PROXY", value)]).is_ok(), "{value}");
        }
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
