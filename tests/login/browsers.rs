//! A real browser and a real keyring: Chromium without a window goes through the
//! stand-in's page, and the credential is stored in a private Secret Service.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicBool, Ordering};

use super::routes::script;
use super::support::home::{Home, binary};
use super::support::standin::{Answer, Person, Standin};
use super::waiting::login;

/// Chromium by one of its names, as it is run in a container: it only ever sees the stand-in.
fn chromium(folder: &Path) -> String {
    let names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
    let runs = |name: &&&str| Command::new(name).arg("--version").output().is_ok_and(|output| output.status.success());
    let name = names.iter().find(runs).expect("this test needs Chromium: `apt-get install chromium`");
    let data = folder.join("chromium");
    format!(
        "{name} --headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-dev-shm-usage \
         --disable-background-networking --disable-component-update --disable-sync --user-data-dir={}",
        data.display()
    )
}

/// A browser that writes its last page to `page` and its errors to `console`.
fn browser(home: &Home) -> String {
    let folder = home.path().display();
    let text = format!(
        "HOME='{folder}' exec {} --virtual-time-budget=20000 --enable-logging=stderr --dump-dom \"$1\" > '{folder}/page' 2> '{folder}/console'",
        chromium(home.path())
    );
    script(home.path(), "browser", &text)
}

/// One login through Chromium, and the page that it ended on.
fn through_chromium(standin: &Standin, home: &Home) -> (Output, String) {
    let mut login = login(standin, home, &["--timeout", "60s"]);
    let output = login.env("BROWSER", browser(home)).output().expect("the binary can be run");
    // The login does not wait for its browser.
    let page = home.path().join("page");
    let until = std::time::Instant::now() + super::waiting::PATIENCE;
    while !fs::read_to_string(&page).is_ok_and(|text| text.contains("</html>")) {
        assert!(std::time::Instant::now() < until, "Chromium showed nothing: {}", console(home));
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    (output, fs::read_to_string(page).expect("it was just read"))
}

fn console(home: &Home) -> String {
    fs::read_to_string(home.path().join("console")).unwrap_or_default()
}

#[track_caller]
fn assert_ended(output: &Output, code: i32, words: &str) {
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{stderr}");
    assert!(stderr.contains(words), "{stderr}");
}

#[test]
fn chromium_presses_the_button_and_sees_that_it_is_logged_in() {
    let standin = Standin::start();
    standin.set(|switches| switches.person = Person::HasAScript);
    let home = Home::new(&standin);
    let (output, page) = through_chromium(&standin, &home);
    assert_ended(&output, 0, "logged in to Lokalise as Ada");
    assert!(page.contains("<h1>Logged in to Lokalise</h1>"), "{page}");
    // The one style sheet is let through by its digest, and there is nothing else to refuse.
    assert!(!console(&home).contains("Content Security Policy"), "{}", console(&home));
    assert_eq!(standin.requests_to("POST", "/oauth2/decision").len(), 1);
    assert_eq!(standin.requests_to("POST", "/oauth2/token").len(), 1);
    Home::assert_no_secret(&standin, "the page", page.as_bytes());
}

#[test]
fn chromium_sees_that_access_was_denied() {
    let standin = Standin::start();
    standin.set(|switches| switches.person = Person::Denies);
    let home = Home::new(&standin);
    let (output, page) = through_chromium(&standin, &home);
    assert_ended(&output, 4, "access was denied in the browser");
    assert!(page.contains("<h1>Access was not granted</h1>"), "{page}");
}

#[test]
fn a_page_that_forges_redirects_in_chromium_changes_nothing() {
    let standin = Standin::start();
    let home = Home::new(&standin);
    let first = AtomicBool::new(true);
    standin.answer_with(move |request| {
        let redirect_uri = request.parameter("redirect_uri").filter(|_| request.path() == "/oauth2/auth")?;
        // The second time it is the person's own page.
        first.swap(false, Ordering::SeqCst).then(|| {
            let forged = ["code=attackers&state=forged", "error=access_denied", "code=attackers", "state="];
            let loads: String = forged.iter().enumerate().map(|(number, query)| {
                let url = format!("{redirect_uri}?{query}").replace('&', "&amp;");
                match number % 3 {
                    0 => format!("<img src=\"{url}\">"),
                    1 => format!("<iframe src=\"{url}\"></iframe>"),
                    _ => format!("<link rel=\"preload\" as=\"fetch\" href=\"{url}\"><link rel=\"stylesheet\" href=\"{url}\">"),
                }
            }).collect();
            Answer::html(200, &format!(
                "<!doctype html><meta name=\"referrer\" content=\"no-referrer\">{loads}\
                 <form id=\"f\" method=\"post\" target=\"g\" action=\"{redirect_uri}?code=x&amp;state=forged\"></form><iframe name=\"g\"></iframe>\
                 <script>fetch('{redirect_uri}?error=access_denied',{{mode:'no-cors'}}).catch(()=>0);\
                 fetch('{redirect_uri}?code=x',{{method:'POST',headers:{{'X-A':'b'}}}}).catch(()=>0);\
                 document.getElementById('f').submit();\
                 setTimeout(()=>location.replace(location.href),1500)</script>"
            ))
        })
    });
    let (output, page) = through_chromium(&standin, &home);
    assert_ended(&output, 0, "logged in to Lokalise");
    assert!(page.contains("<h1>Logged in to Lokalise</h1>"), "{page}");
    assert_eq!(standin.requests_to("GET", "/oauth2/auth").len(), 2);
    let exchanges = standin.requests_to("POST", "/oauth2/token");
    assert_eq!(exchanges.len(), 1);
    assert_ne!(exchanges[0].json()["code"], "attackers");
}

/// Runs a shell line, with the binary in `$0`, on a D-Bus with a Secret Service of its own.
fn with_keyring(home: &Home, line: &str, vars: &[(&str, &str)]) -> Output {
    for (program, package) in
        [("dbus-run-session", "dbus"), ("gnome-keyring-daemon", "gnome-keyring"), ("secret-tool", "libsecret-tools")]
    {
        let found = Command::new("sh").args(["-c", "command -v \"$0\"", program]).output();
        assert!(
            found.is_ok_and(|found| found.status.success()),
            "this test needs {program}: `apt-get install {package}`"
        );
    }
    let line = format!("printf password | gnome-keyring-daemon --unlock --components=secrets > /dev/null && {line}");
    let mut command = home.other("dbus-run-session", ["--", "sh", "-c", &line]);
    command.arg(binary()).envs(vars.iter().copied()).output().expect("it was just found")
}

#[test]
fn a_login_through_chromium_is_kept_in_a_real_keyring() {
    let standin = Standin::start();
    standin.set(|switches| switches.person = Person::HasAScript);
    let mut home = Home::new(&standin);
    home.unset("LOKALISE_AUTH_STORE");
    let (id, secret, browser) = (standin.client_id(), standin.client_secret(), browser(&home));
    let vars = [("LOKALISE_CLIENT_ID", id.as_str()), ("LOKALISE_CLIENT_SECRET", &secret), ("BROWSER", &browser)];
    let line = "\"$0\" login --timeout 60s && unset LOKALISE_CLIENT_ID LOKALISE_CLIENT_SECRET && \
                \"$0\" whoami --json && \"$0\" call GET /projects && \
                secret-tool search --all service lokalise-auth 2>&1 | grep -v '^secret = ' && \
                \"$0\" logout 2>&1 && ! secret-tool search service lokalise-auth 2>/dev/null | grep .";
    let output = with_keyring(&home, line, &vars);
    assert_ended(&output, 0, "the credential is kept in the keyring (lokalise-auth / default@");
    let stdout = String::from_utf8_lossy(&output.stdout);
    let mut documents = serde_json::Deserializer::from_str(&stdout).into_iter::<serde_json::Value>();
    let whoami = documents.next().expect("a report").expect("it is JSON");
    assert_eq!((&whoami["state"], &whoami["source"]["type"]), (&"valid".into(), &"keyring".into()));
    let projects = documents.next().expect("an answer").expect("it is JSON");
    assert!(projects["projects"].is_array(), "{projects}");
    assert!(stdout.contains("label = lokalise-auth (default)"), "{stdout}");
    assert!(!home.credentials().exists(), "nothing is in plaintext");
    Home::assert_silent(&standin, &output);
}
