//! The pages that a browser sees on the redirect URI: constant text and the name of the profile.
//! They hold nothing from a request, load nothing and have no script.

use base64::Engine;

use crate::names::ProfileName;

/// The page that the browser gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BrowserPage {
    /// The credential is stored and was read back.
    LoggedIn,
    /// The person or Lokalise refused.
    Refused,
    /// The login has ended without a credential for another reason.
    Failed,
    /// The login is already answered.
    Repeated,
    /// The request does not belong to the login.
    Stranger,
}

/// What differs from page to page.
struct Content {
    /// The class that gives the page its colour.
    look: &'static str,
    /// The lines of the mark above the title, as an SVG path in a square of 24.
    mark: &'static str,
    title: &'static str,
    text: &'static str,
}

const STYLE: &str = "\
html{color-scheme:light dark;font:18px/1.5 system-ui,sans-serif;background:#f3f5f8;color:#1c2330}\
main{max-width:30rem;margin:16vh auto 0;padding:2rem;background:#fff;border-radius:.7rem;border-top:.5rem solid}\
h1{font-size:1.5rem;margin:.8rem 0 .4rem}h1,p{color:#1c2330}p{margin:0 0 1.4rem}\
small{color:#5b6472}code{font-family:ui-monospace,monospace}\
svg{display:block;width:3.4rem;fill:none;stroke:currentColor;stroke-width:2;stroke-linecap:round}\
.stored{color:#177a3c}.refused{color:#9a5b00}.failed{color:#c11f2b}.other{color:#5b6472}\
@media(prefers-color-scheme:dark){html{background:#10141b;color:#e8ecf2}main{background:#1a2029}\
h1,p{color:#e8ecf2}small{color:#a0a9b8}\
.stored{color:#46c06f}.refused{color:#e0a13a}.failed{color:#ff6b70}.other{color:#a0a9b8}}";

impl BrowserPage {
    fn content(self) -> Content {
        let (look, mark, title, text) = match self {
            Self::LoggedIn => (
                "stored",
                "M7 12.5l3.5 3.5L17 9",
                "Logged in to Lokalise",
                "The credential is stored. You can close this window and go back to the terminal.",
            ),
            Self::Refused => (
                "refused",
                "M7 12h10",
                "Access was not granted",
                "You are not logged in, and nothing was stored. The terminal shows how to try again.",
            ),
            Self::Failed => (
                "failed",
                "M8.5 8.5l7 7M15.5 8.5l-7 7",
                "Not logged in",
                "The login could not be completed. The terminal shows why.",
            ),
            Self::Repeated => (
                "other",
                "M12 7.5v5.5M12 16.3v.2",
                "Already answered",
                "This login has had its answer. Go back to the terminal.",
            ),
            Self::Stranger => (
                "other",
                "M12 7.5v5.5M12 16.3v.2",
                "Nothing here",
                "A login waits for its answer on this address, and this is not that answer.",
            ),
        };
        Content { look, mark, title, text }
    }

    pub(super) fn html(self, profile: &ProfileName) -> String {
        let Content { look, mark, title, text } = self.content();
        // A stranger learns nothing about the login.
        let of_profile =
            if self == Self::Stranger { String::new() } else { format!(", profile <code>{profile}</code>") };
        format!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width\">\n<title>{title} - lokalise-auth</title>\n\
             <style>{STYLE}</style>\n</head>\n<body>\n<main class=\"{look}\">\n\
             <svg viewBox=\"0 0 24 24\" aria-hidden=\"true\"><circle cx=\"12\" cy=\"12\" r=\"10\"/><path d=\"{mark}\"/></svg>\n\
             <h1>{title}</h1>\n<p>{text}</p>\n<small>lokalise-auth{of_profile}</small>\n</main>\n</body>\n</html>\n"
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

#[cfg(test)]
mod tests {
    use super::*;

    const PAGES: [BrowserPage; 5] = [
        BrowserPage::LoggedIn,
        BrowserPage::Refused,
        BrowserPage::Failed,
        BrowserPage::Repeated,
        BrowserPage::Stranger,
    ];

    fn html(page: BrowserPage) -> String {
        page.html(&ProfileName::parse("work").unwrap())
    }

    #[test]
    fn every_page_is_small_and_loads_and_runs_nothing() {
        for page in PAGES {
            let html = html(page);
            assert!(html.len() < 4096, "{page:?} has {} bytes", html.len());
            for forbidden in ["<script", "http", "url(", "@import", "src=", " style=", " onload"] {
                assert!(!html.contains(forbidden), "{page:?} has {forbidden}");
            }
        }
    }

    #[test]
    fn success_refusal_and_failure_differ_in_look_and_mark() {
        for (one, other) in [(0, 1), (0, 2), (1, 2)] {
            let (one, other) = (PAGES[one].content(), PAGES[other].content());
            assert!(one.look != other.look && one.mark != other.mark && one.text != other.text);
        }
    }

    #[test]
    fn every_page_of_a_login_names_the_program_and_the_profile() {
        for page in PAGES {
            assert!(html(page).contains("<small>lokalise-auth"), "{page:?}");
            assert_eq!(html(page).contains("<code>work</code>"), page != BrowserPage::Stranger, "{page:?}");
        }
    }
}
