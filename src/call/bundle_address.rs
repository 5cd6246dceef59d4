//! The address of a bundle, as a server names it. It must not make this machine ask its own services.

use reqwest::Url;

use crate::error::{Error, Result};
use crate::origin::is_loopback;

/// Reads an address. It must be https. Plain http is allowed only to this machine, and only while the API's own address
/// is plain http too, as in tests. `redirected_from` is the address that led here: from https no redirect leads to
/// plain http.
///
/// # Errors
/// Other. The address is not repeated, since it gives access to the bundle.
pub fn bundle_address(text: &str, redirected_from: Option<&Url>, api_is_plain: bool) -> Result<Url> {
    let url = match redirected_from {
        Some(base) => base.join(text),
        None => Url::parse(text),
    };
    let url = url.map_err(|_| Error::other("the address of the bundle cannot be read"))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Error::other("the address of the bundle has a user name in it; it is not fetched"));
    }
    let may_be_plain = api_is_plain && redirected_from.is_none_or(|base| base.scheme() == "http");
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_loopback(&url) && may_be_plain => Ok(url),
        "http" if is_loopback(&url) => {
            Err(Error::other("the address of the bundle leads to this machine by plain http; it is not fetched"))
        }
        _ => Err(Error::other("the address of the bundle is not https; it is not fetched")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn is_taken(text: &str, from: Option<&str>, api_is_plain: bool) -> bool {
        let from = from.map(|from| Url::parse(from).unwrap());
        bundle_address(text, from.as_ref(), api_is_plain).is_ok()
    }

    #[test]
    fn plain_http_is_taken_to_this_machine_from_a_plain_api_only() {
        for plain in [true, false] {
            assert!(is_taken("https://s3.example/b.zip?sig=1", None, plain));
            for loopback in [
                "http://127.0.0.1:8080/b.zip",
                "HTTP://localhost/b.zip",
                "http://[::1]/b.zip",
                "http://2130706433:8080/b.zip",
            ] {
                assert_eq!(is_taken(loopback, None, plain), plain, "{loopback}");
            }
        }
        for bad in [
            "http://s3.example/b.zip",
            "http://127.0.0.1.example/b.zip",
            "http://0.0.0.0/b.zip",
            "http://[::ffff:127.0.0.1]/b.zip",
            "http://localhost.example/",
            "ftp://127.0.0.1/b.zip",
            "file:///etc/hostname",
            "data:,x",
            "//127.0.0.1/b.zip",
            "b.zip",
            "",
            "https://",
            "https://user@s3.example/",
            "https://:word@s3.example/",
            "http://user:word@127.0.0.1/",
        ] {
            assert!(!is_taken(bad, None, true), "{bad}");
        }
    }

    #[test]
    fn a_redirect_may_lead_to_https_and_never_back_from_it() {
        let https = Some("https://s3.example/a?sig=1");
        assert!(is_taken("/b.zip", https, true));
        assert!(is_taken("https://other.example/", https, true));
        assert!(!is_taken("http://127.0.0.1/", https, true));
        assert!(!is_taken("http://s3.example/", https, true));
        let plain = Some("http://127.0.0.1:1/a");
        assert!(is_taken("/b.zip", plain, true));
        assert!(is_taken("https://s3.example/", plain, true));
        assert!(!is_taken("http://s3.example/", plain, true));
        assert!(!is_taken("//user@127.0.0.1:1/", plain, true));
    }

    proptest! {
        #[test]
        fn no_address_leads_to_plain_http_where_https_was_spoken(
            text in "((https?|HTTP|ftp|file):)?(//|/|\\\\\\\\)?([a-z@:.\\[\\]0-9%]|127\\.0\\.0\\.1|localhost|\\PC){0,12}",
            redirected: bool,
            api_is_plain: bool,
        ) {
            let base = Url::parse("https://s3.example/a/b").unwrap();
            if let Ok(url) = bundle_address(&text, redirected.then_some(&base), api_is_plain) {
                let is_plain = url.scheme() == "http" && is_loopback(&url) && api_is_plain && !redirected;
                prop_assert!(url.scheme() == "https" || is_plain, "{url}");
                prop_assert!(url.username().is_empty() && url.password().is_none(), "{url}");
            }
        }
    }
}
