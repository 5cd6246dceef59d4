//! Which way the answer of the browser comes back: one pure function from flags,
//! terminals and display to a route.

use std::path::Path;

use crate::cli::Login;
use crate::error::{Error, ErrorKind, Result};
use crate::loopback::{Loopback, Redirect};
use crate::oauth::authorization::RedirectUri;
use crate::origin::is_loopback;
use crate::session::for_github_actions;
use crate::world::{CI_IS_SET, World};

/// How the authorization code reaches us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Route {
    /// On a loopback listener; `paste`: or pasted by a person, at the same time.
    Listen { redirect: Redirect, open: bool, paste: bool },
    /// Without a redirect URI: Lokalise shows the code and a person pastes it.
    Paste,
    /// On a redirect URI elsewhere: a person pastes the address that the browser ended on.
    PasteAddress { redirect_uri: RedirectUri, open: bool },
}

impl Route {
    pub(super) fn opens_browser(&self) -> bool {
        matches!(self, Self::Listen { open: true, .. } | Self::PasteAddress { open: true, .. })
    }

    /// The redirect URI of the request; without one Lokalise shows the code.
    pub(super) fn redirect_uri(&self, listener: Option<&Loopback>) -> Option<RedirectUri> {
        match self {
            Self::Listen { .. } => listener.map(|listener| listener.redirect_uri.clone()),
            Self::PasteAddress { redirect_uri, .. } => Some(redirect_uri.clone()),
            Self::Paste => None,
        }
    }

    /// Whether a person may paste something, or has to.
    pub(super) fn pastes(&self) -> bool {
        !matches!(self, Self::Listen { paste: false, .. })
    }
}

/// The facts about the machine that decide.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct LoginEnvironment {
    /// stdin and stderr are terminals, and nothing rules questions out.
    pub person: bool,
    /// `CI`, `--no-input` or `LOKALISE_AUTH_NO_INPUT`
    pub silence: bool,
    /// `BROWSER` is set: a script may be the browser.
    pub browser_variable: bool,
    /// A browser can show up on this machine: a display, or a system that always has one.
    pub display: bool,
    pub github_actions: bool,
    /// `LOKALISE_API_TOKEN` is set to nothing, as to a secret that does not exist.
    pub token_is_empty: bool,
    /// A person or a script may be there, and only `CI` rules questions out.
    pub ci_decides: bool,
}

impl LoginEnvironment {
    pub(super) fn of(world: &World) -> Self {
        // Under WSL the browser is Windows'.
        let display = cfg!(not(all(unix, not(target_os = "macos"))))
            || ["DISPLAY", "WAYLAND_DISPLAY", "WSL_DISTRO_NAME"].iter().any(|name| world.var(name).is_some());
        Self {
            person: world.person(),
            silence: world.asked_for_silence(),
            browser_variable: world.var("BROWSER").is_some(),
            display,
            github_actions: world.switch("GITHUB_ACTIONS"),
            token_is_empty: world.is_set_but_empty("LOKALISE_API_TOKEN"),
            ci_decides: world.ci_hint().is_some() || world.is_silenced_by_ci() && world.var("BROWSER").is_some(),
        }
    }
}

/// Why a browser may not reach the listener. It only changes the advice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RemoteSession {
    Ssh,
    Container,
    Wsl,
}

impl RemoteSession {
    pub(super) fn of(world: &World) -> Option<Self> {
        let set = |names: &[&str]| names.iter().any(|name| world.var(name).is_some());
        let container = || ["/.dockerenv", "/run/.containerenv"].iter().any(|file| Path::new(file).exists());
        if set(&["SSH_CONNECTION", "SSH_TTY"]) {
            Some(Self::Ssh)
        } else if set(&["WSL_DISTRO_NAME"]) {
            Some(Self::Wsl)
        } else if set(&["container", "KUBERNETES_SERVICE_HOST", "REMOTE_CONTAINERS", "CODESPACES"]) || container() {
            Some(Self::Container)
        } else {
            None
        }
    }

    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Ssh => "over SSH, a browser on your own machine cannot reach this one",
            Self::Container => "a browser outside this container cannot reach the program in it",
            Self::Wsl => "a browser on Windows may not reach this Linux",
        }
    }
}

/// The route, or the reason why the login is impossible here.
///
/// # Errors
/// `NotLoggedIn` if no person can log in here; usage for an invalid redirect URI.
pub(super) fn route(here: LoginEnvironment, login: &Login) -> Result<Route> {
    let unattended = here.silence || !(here.person || here.browser_variable);
    if unattended && !login.no_browser && !login.paste {
        return Err(error_of_unattended(here));
    }
    if login.paste {
        return Ok(Route::Paste);
    }
    let open = !login.no_browser && (here.browser_variable || here.display);
    let redirect = match &login.redirect_uri {
        None => Redirect::Port(login.port),
        Some(text) => match registered(text)? {
            uri if uri.url().scheme() == "http" => Redirect::Uri(uri),
            redirect_uri => return Ok(Route::PasteAddress { redirect_uri, open }),
        },
    };
    Ok(Route::Listen { redirect, open, paste: here.person })
}

fn error_of_unattended(here: LoginEnvironment) -> Error {
    let error = Error::new(ErrorKind::NotLoggedIn, "cannot log in with a browser here");
    let error = if here.ci_decides { error.hint(CI_IS_SET) } else { error };
    if here.github_actions {
        return for_github_actions(error, here.token_is_empty);
    }
    error
        .hint("in CI and scripts set LOKALISE_API_TOKEN instead")
        .hint("`--no-browser` waits for a browser elsewhere; `--paste` reads the code from stdin")
}

/// A redirect URI that Lokalise registered: https anywhere, or http on a loopback host.
fn registered(text: &str) -> Result<RedirectUri> {
    let refused = |why: &str| Error::usage(format!("the value of `--redirect-uri` {why}"));
    let uri = RedirectUri::parse(text).ok_or_else(|| refused("is not a URL"))?;
    let url = uri.url();
    if url.fragment().is_some() || !url.username().is_empty() || url.password().is_some() {
        return Err(refused("must not have a fragment or a user name (RFC 6749 §3.1.2)"));
    }
    // The answer has these parameters itself, and a parameter that is given twice has no value (RFC 6749 §3.1).
    if let Some(name) = ["code", "state", "error"].iter().find(|name| url.query_pairs().any(|(key, _)| key == **name)) {
        return Err(refused(&format!("has `{name}` in its query, which the answer brings itself")));
    }
    match url.scheme() {
        "https" => Ok(uri),
        "http" if url.port() == Some(0) => Err(refused("has port 0, which no browser goes to")),
        "http" if is_loopback(url) => Ok(uri),
        "http" => Err(refused("is plain http on a host that is not this machine; the code would travel in clear")),
        _ => Err(refused("is neither https nor http on a loopback host")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Flags as letters: n `--no-browser`, p `--paste`. Circumstances: P person, s silence, B `BROWSER`, d display.
    fn of(flags: &str, here: &str) -> Option<Route> {
        let login = Login { no_browser: flags.contains('n'), paste: flags.contains('p'), ..Login::default() };
        let here = LoginEnvironment {
            person: here.contains('P'),
            silence: here.contains('s'),
            browser_variable: here.contains('B'),
            display: here.contains('d'),
            github_actions: false,
            token_is_empty: false,
            ci_decides: false,
        };
        route(here, &login).ok()
    }

    fn listen(open: bool, paste: bool) -> Route {
        Route::Listen { redirect: Redirect::Port(None), open, paste }
    }

    #[test]
    fn the_truth_table_of_routes() {
        let rows = [
            ("", "Pd", Some(listen(true, true))),
            ("", "P", Some(listen(false, true))),
            ("", "PB", Some(listen(true, true))),
            ("", "PBd", Some(listen(true, true))),
            ("", "B", Some(listen(true, false))),
            ("", "Bd", Some(listen(true, false))),
            ("", "d", None),
            ("", "", None),
            ("", "s", None),
            ("", "sB", None),
            ("", "sd", None),
            ("n", "Pd", Some(listen(false, true))),
            ("n", "PB", Some(listen(false, true))),
            ("n", "", Some(listen(false, false))),
            ("n", "s", Some(listen(false, false))),
            ("n", "sB", Some(listen(false, false))),
            ("p", "Pd", Some(Route::Paste)),
            ("p", "", Some(Route::Paste)),
            ("p", "s", Some(Route::Paste)),
            ("np", "P", Some(Route::Paste)),
        ];
        for (flags, here, expected) in rows {
            assert_eq!(of(flags, here), expected, "flags `{flags}`, circumstances `{here}`");
        }
    }

    #[test]
    fn a_redirect_uri_is_listened_on_only_on_this_machine() {
        let of = |uri: &str| {
            let login = Login { redirect_uri: Some(uri.to_owned()), ..Login::default() };
            route(LoginEnvironment { person: true, display: true, ..LoginEnvironment::default() }, &login)
        };
        for uri in ["http://127.0.0.1:3000/callback", "http://localhost:3000/callback", "http://[::1]:3000/cb"] {
            assert!(
                matches!(of(uri), Ok(Route::Listen { redirect: Redirect::Uri(_), open: true, paste: true })),
                "{uri}"
            );
        }
        assert!(matches!(of("https://example.com/callback"), Ok(Route::PasteAddress { open: true, .. })));
        for uri in [
            "",
            "callback",
            "http://127.0.0.1:0/callback",
            "http://example.com/callback",
            "ftp://127.0.0.1/x",
            "http://127.0.0.1/x#y",
            "myapp://x",
            " http://localhost:3000/cb ",
            "http://localhost:3000/cb\n",
            "http://localhost:3000/a b",
            "http:localhost:3000/cb",
            "http:\\\\localhost:3000/cb",
            "https:///cb",
            "http://localhost:3000/cb?state=x",
            "https://example.com/cb?a=b&code=",
            "https://example.com/cb?error",
        ] {
            assert!(of(uri).is_err(), "{uri}");
        }
    }
}
