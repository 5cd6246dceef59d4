//! The pages that a browser sees on the redirect URI: constant text, in which
//! nothing of any request appears, with nothing to load and no script.

use base64::Engine;

/// What the browser is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BrowserPage {
    /// The credential is stored and was read back.
    LoggedIn,
    /// The person, or Lokalise, said no.
    Refused,
    /// The login has ended without a credential all the same.
    Failed,
    /// The answer came before.
    Repeated,
    /// Not the answer that is waited for.
    Stranger,
}

const STYLE: &str = "html{color-scheme:light dark;font:18px/1.5 system-ui,sans-serif}\
body{max-width:32rem;margin:20vh auto;padding:0 1rem}h1{font-size:1.4rem}";

impl BrowserPage {
    fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::LoggedIn => (
                "Logged in to Lokalise",
                "The credential is stored. You can close this window and go back to the terminal.",
            ),
            Self::Refused => ("Not logged in", "Access was not granted. The terminal says more."),
            Self::Failed => ("Not logged in", "The login could not be completed. The terminal says why."),
            Self::Repeated => ("Already answered", "This login was answered before. Go back to the terminal."),
            Self::Stranger => {
                ("Nothing here", "lokalise-auth waits for a login on this address, and this is not its answer.")
            }
        }
    }

    pub(super) fn html(self) -> String {
        let (title, text) = self.words();
        format!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width\">\n<title>{title}</title>\n<style>{STYLE}</style>\n\
             </head>\n<body>\n<main>\n<h1>{title}</h1>\n<p>{text}</p>\n</main>\n</body>\n</html>\n"
        )
    }
}

/// Nothing may be loaded or run; the one style sheet is allowed by its digest.
pub(super) fn policy() -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, STYLE.as_bytes());
    let digest = base64::engine::general_purpose::STANDARD.encode(digest);
    format!(
        "default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
}
