//! Opening the browser: the program in `BROWSER`, a missing browser, and a browser on another machine.

use super::routes::script;
use super::support::browser;
use super::support::home::Home;
use super::support::pty::Terminal;
use super::terminal::{ADDRESS, machine, url_on};

#[test]
fn a_text_browser_is_opened_like_any_other() {
    let (standin, home) = machine();
    let text =
        "test -t 0 -o -t 1 -o -t 2 && exit 1; case $(env) in *LOKALISE_*) exit 1;; esac; curl -sL --noproxy '*' \"$1\"";
    let browser = script(home.path(), "w3m", text);
    let mut terminal = Terminal::run(&home, &["login"], &[("BROWSER", &browser)]);
    let (status, screen) = terminal.wait();
    assert_eq!(status.code(), Some(0), "{screen}");
    Home::assert_no_secret(&standin, "the screen", &terminal.written());
}

#[test]
fn browser_is_split_into_words_as_a_shell_does() {
    let (_standin, home) = machine();
    let folder = home.path().join("Program Files");
    std::fs::create_dir(&folder).expect("our own folder");
    let words = home.path().join("words");
    let program = script(&folder, "b", &format!("printf '%s\\n' \"$@\" > '{}'", words.display()));
    let escaped = program.replace(' ', "\\ ");
    for (browser, before) in [
        (format!("\"{program}\" %s"), ""),
        (format!("'{program}'"), ""),
        (escaped, ""),
        (format!("/no/such/program:'{program}' --new 'one word' \"%s\""), "--new\none word\n"),
        (format!("'{program}' --url=%s"), "--url="),
    ] {
        let mut terminal = Terminal::run(&home, &["login", "--timeout", "1s"], &[("BROWSER", &browser)]);
        let (_, screen) = terminal.wait();
        let text = std::fs::read_to_string(&words).unwrap_or_else(|error| panic!("{browser}: {error}: {screen}"));
        assert!(text.starts_with(&format!("{before}http://127.0.0.1:")), "{browser}: {text}");
        assert_eq!(text.lines().count(), before.lines().count().max(1) + usize::from(before.contains('\n')), "{text}");
        std::fs::remove_file(&words).expect("our own file");
    }
    let mut terminal = Terminal::run(&home, &["login", "--timeout", "1s"], &[("BROWSER", "'firefox")]);
    let (_, screen) = terminal.wait();
    assert!(screen.contains("no browser opened (a quote is open in BROWSER)"), "{screen}");
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
        // A browser on the real PATH that starts another program by its name.
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
fn over_ssh_the_hint_comes_at_once() {
    let (_standin, home) = machine();
    for (name, value, words) in [
        ("SSH_CONNECTION", "10.0.0.1 5 10.0.0.2 22", "over SSH, a browser on your own machine cannot reach this one"),
        ("WSL_DISTRO_NAME", "Debian", "a browser on Windows may not reach this Linux"),
        ("container", "podman", "a browser outside this container cannot reach the program in it"),
    ] {
        let mut terminal = Terminal::run(&home, &["login", "--no-browser", "--timeout", "1s"], &[(name, value)]);
        let screen = terminal.wait_for(ADDRESS);
        assert!(screen.contains(words) && screen.contains("does not load, paste its address here"), "{screen}");
        let (status, screen) = terminal.wait();
        assert_eq!(status.code(), Some(4));
        assert!(screen.contains(&format!("hint: {words}: `lokalise-auth login --paste`")), "{screen}");
    }
}
