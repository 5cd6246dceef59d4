//! Where the browser is: in the terminal itself, nowhere, or on another machine.

use std::path::Path;
use std::time::Duration;

use rustix::process::Signal;

use super::routes::script;
use super::support::browser;
use super::support::home::Home;
use super::support::pty::{CTRL_C, Terminal};
use super::terminal::{ADDRESS, machine, url_on, wait_for_times};

#[test]
fn a_text_browser_has_the_terminal_until_it_ends() {
    let (standin, mut home) = machine();
    let folder = home.path().join("bin");
    std::fs::create_dir(&folder).expect("our own folder");
    let text = r#"
test -t 0 && test -t 1 && test -t 2 || { echo no-terminal; exit 1; }
case $(env) in *LOKALISE_*) echo leaked;; esac
trap 'echo not-yours' INT
stty raw -echo; printf 'W3M-DRAWS '; head -c 1 >/dev/null; stty sane
curl -sL --noproxy '*' "$1" | grep -o 'Logged in to Lokalise' | sed 's/^/page-/'
trap 'echo w3m-was-interrupted' INT
stty -echo; until read -r key && test "$key" = q; do :; done; stty echo
echo W3M-ENDS"#;
    script(&folder, "w3m", text);
    home.set("PATH", &format!("{}:{}", folder.display(), std::env::var("PATH").expect("there is one")));
    let mut terminal = Terminal::run(&home, &["login"], &[("BROWSER", "w3m")]);
    terminal.wait_for("W3M-DRAWS");
    std::thread::sleep(Duration::from_millis(700));
    assert!(!terminal.text().contains("paste here"), "the prompt is in its way: {}", terminal.text());
    terminal.send("x");
    terminal.wait_for("page-Logged in to Lokalise");
    terminal.wait_for_echo(false);
    // Ctrl-C is the browser's, and our words wait for its end.
    terminal.send(CTRL_C);
    terminal.wait_for("w3m-was-interrupted");
    terminal.send(CTRL_C);
    wait_for_times(&terminal, "w3m-was-interrupted", 2);
    assert!(!terminal.text().contains("logged in to Lokalise"), "{}", terminal.text());
    terminal.send("q\r");
    let (status, screen) = terminal.wait();
    assert_eq!(status.code(), Some(0), "{screen}");
    assert!(!screen.contains("leaked") && !screen.contains("no-terminal"), "{screen}");
    let (ends, logged_in) = (screen.find("W3M-ENDS"), screen.find("logged in to Lokalise"));
    assert!(ends.is_some() && ends < logged_in, "{screen}");
    Home::assert_no_secret(&standin, "the screen", &terminal.written());
}

#[test]
fn a_text_browser_that_ends_without_an_answer_leaves_the_prompt() {
    let (_standin, mut home) = machine();
    script(home.path(), "lynx", "echo LYNX-ENDS");
    home.set("BROWSER", &home.path().join("lynx").display().to_string());
    let mut terminal = Terminal::run(&home, &["login"], &[]);
    let screen = terminal.wait_for(ADDRESS);
    assert!(screen.contains("LYNX-ENDS"), "{screen}");
    terminal.wait_for_echo(false);
    terminal.send(CTRL_C);
    let (status, screen) = terminal.wait();
    assert_eq!(status.code(), Some(130), "{screen}");
    assert!(screen.ends_with("lokalise-auth: login cancelled; nothing was stored\n"), "{screen}");
}

#[test]
fn a_text_browser_goes_with_the_login_that_ends() {
    for (args, signal, code) in [(&["login", "--timeout", "1s"][..], None, 4), (&["login"], Some(Signal::TERM), 143)] {
        let (_standin, mut home) = machine();
        let pid = home.path().join("pid");
        let text = format!("echo $$ > '{}'; stty raw -echo; printf LINKS-DRAWS; exec sleep 60", pid.display());
        script(home.path(), "links", &text);
        home.set("BROWSER", &home.path().join("links").display().to_string());
        let mut terminal = Terminal::run(&home, args, &[]);
        let before = Terminal::run(&home, &["--version"], &[]).modes();
        terminal.wait_for("LINKS-DRAWS");
        if let Some(signal) = signal {
            terminal.signal(signal);
        }
        let (status, screen) = terminal.wait();
        assert_eq!(status.code(), Some(code), "{screen}");
        assert_eq!(terminal.modes(), before);
        let pid = std::fs::read_to_string(pid).expect("it was started");
        let alive = Path::new("/proc").join(pid.trim()).exists();
        assert!(!alive, "the text browser still draws");
    }
}

#[test]
fn a_window_system_without_a_browser_leaves_the_url_and_the_prompt() {
    let (_standin, mut home) = machine();
    home.set("PATH", &home.path().join("empty").display().to_string());
    home.set("DISPLAY", ":99");
    let mut terminal = Terminal::run(&home, &["login"], &[]);
    let screen = terminal.wait_for(ADDRESS);
    assert!(screen.contains("no browser opened ("), "{screen}");
    browser::open(&url_on(&screen)).expect("it listens");
    assert_eq!(terminal.wait().0.code(), Some(0));
}

#[test]
fn the_working_folder_never_chooses_the_browser() {
    for named in [None, Some("evil"), Some("w3m")] {
        let (_standin, mut home) = machine();
        for name in ["xdg-open", "gio", "gnome-open", "kde-open", "wslview", "evil", "w3m"] {
            script(&home.work(), name, "echo > ran");
        }
        // One that is in PATH for good and asks for another by its name.
        let bin = home.path().join("bin");
        std::fs::create_dir(&bin).expect("our own folder");
        home.set("PATH", &format!(".::../work:work:{}", bin.display()));
        home.set("DISPLAY", ":99");
        let variable = named.map(|named| format!("{named}:{}", script(&bin, "wrapper", "evil \"$@\"")));
        let variables: Vec<_> = variable.iter().map(|variable| ("BROWSER", variable.as_str())).collect();
        let mut terminal = Terminal::run(&home, &["login"], &variables);
        let screen = terminal.wait_for(ADDRESS);
        assert!(screen.contains("no browser opened ("), "{named:?}: {screen}");
        assert!(!home.work().join("ran").exists(), "{named:?}");
        browser::open(&url_on(&screen)).expect("it listens");
        assert_eq!(terminal.wait().0.code(), Some(0));
    }
}

#[test]
fn over_ssh_the_way_on_is_told_at_once() {
    let (_standin, home) = machine();
    for (name, value, words) in [
        ("SSH_CONNECTION", "10.0.0.1 5 10.0.0.2 22", "over SSH a browser on your own machine does not reach this one"),
        ("WSL_DISTRO_NAME", "Debian", "a browser on Windows may not reach this Linux"),
        ("container", "podman", "a browser outside of this container does not reach into it"),
    ] {
        let mut terminal = Terminal::run(&home, &["login", "--no-browser", "--timeout", "1s"], &[(name, value)]);
        let screen = terminal.wait_for(ADDRESS);
        assert!(screen.contains(&format!("{words}: when its last page does not load, paste")), "{screen}");
        let (status, screen) = terminal.wait();
        assert_eq!(status.code(), Some(4));
        assert!(screen.contains(&format!("hint: {words}: `lokalise-auth login --paste`")), "{screen}");
    }
}
