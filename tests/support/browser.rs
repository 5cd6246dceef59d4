//! A browser: something that opens the authorization page and follows the
//! redirect to the loopback listener, as a command for `BROWSER` or in the test itself.

use std::io;
use std::path::Path;

use reqwest::Url;

use super::client::{self, Reply};

/// Redirects that are followed before something is wrong.
const MOST_REDIRECTS: usize = 5;

/// Opens a URL and follows its redirects to the last page.
pub fn open(url: &str) -> io::Result<Reply> {
    let mut url = Url::parse(url).map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
    for _ in 0..=MOST_REDIRECTS {
        let page = client::get(url.as_str())?;
        match page.header("Location") {
            Some(location) if (300..400).contains(&page.status) => {
                url = url.join(location).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
            }
            _ => return Ok(page),
        }
    }
    Err(io::Error::other("too many redirects"))
}

/// Opens the authorization page and gives the address that it redirects to, without going there:
/// what a person copies from the address bar.
pub fn redirect_of(url: &str) -> String {
    let page = client::get(url).expect("the authorization page opens");
    page.header("Location").expect("the page redirects").to_owned()
}

/// Opens the authorization page of a request without a redirect URI and reads the code that it shows.
pub fn code_on_page(url: &str) -> String {
    let page = client::get(url).expect("the authorization page opens").text();
    let code = page.split_once("id=\"code\">").and_then(|(_, rest)| rest.split_once('<'));
    code.expect("the page shows a code").0.to_owned()
}

/// The authorization URL that `login` prints alone on its line.
pub fn printed_url(stderr: &str) -> Option<String> {
    let mut lines = stderr.lines().map(str::trim);
    lines.find(|line| line.starts_with("http") && line.contains("/auth?")).map(str::to_owned)
}

/// Writes a browser made of a shell script and curl, and gives the value for `BROWSER`.
/// It keeps the last page in `page.html` in its own folder.
#[cfg(unix)]
pub fn script(folder: &Path) -> String {
    use std::os::unix::fs::PermissionsExt as _;

    let curl = std::process::Command::new("curl").arg("--version").output();
    assert!(
        curl.is_ok_and(|output| output.status.success()),
        "this test needs curl; install it with `apt-get install curl` or `brew install curl`"
    );
    let path = folder.join("browser.sh");
    let page = folder.join("page.html");
    let text = format!(
        "#!/bin/sh\nexec curl --silent --show-error --location --noproxy '*' --max-time 30 --output '{}' \"$1\"\n",
        page.display()
    );
    std::fs::write(&path, text).expect("the test's folder can be written to");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700)).expect("our own file");
    format!("{} %s", path.display())
}

/// The value for `BROWSER` that opens a real Chromium without a window, which loads the page and
/// what it leads to, runs the scripts, and ends. `None` if there is no Chromium here.
#[cfg(unix)]
pub fn chromium(folder: &Path) -> Option<String> {
    let names = ["chromium", "chromium-browser", "google-chrome"];
    let version = |name: &&str| std::process::Command::new(name).arg("--version").output();
    let name = names.iter().find(|name| version(name).is_ok_and(|output| output.status.success()))?;
    // Without the sandbox it also runs as root in a container; it only ever sees the stand-in.
    Some(format!(
        "{name} --headless --no-sandbox --disable-gpu --user-data-dir={} --virtual-time-budget=10000 --dump-dom %s",
        folder.join("chromium").display()
    ))
}
