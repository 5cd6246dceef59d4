//! Tab, pressed in real shells: what is completed must come out of the shell again
//! as the words that were meant, braces, `=` and `:` included.

#![cfg(unix)] // a pseudo-terminal

mod support;

use std::cell::Cell;
use std::fs;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::Command;

use support::home::{Home, binary};
use support::pty::Terminal;
use support::standin::Standin;

/// Every script, and the shell that it is for.
const SCRIPTS: [(&str, &str); 6] = [
    ("bash", "lokalise-auth.bash"),
    ("zsh", "_lokalise-auth"),
    ("fish", "lokalise-auth.fish"),
    ("elvish", "lokalise-auth.elv"),
    ("powershell", "_lokalise-auth.ps1"),
    ("nushell", "lokalise-auth.nu"),
];

/// A line as it is typed, and the words that the shell has to read from it once Tab was pressed.
const CASES: &[(&str, &[&str])] = &[
    ("tok", &["token"]),
    ("token ref", &["token", "refresh"]),
    ("call GET /projects/{project_id}/contributors/m", &["call", "GET", "/projects/{project_id}/contributors/me"]),
    ("call GET '/projects/{project_id}/contributors/m", &["call", "GET", "/projects/{project_id}/contributors/me"]),
    ("call GET \"/projects/{p}/contributors/m", &["call", "GET", "/projects/{p}/contributors/me"]),
    ("call GET /projects/\\{p\\}/contributors/m", &["call", "GET", "/projects/{p}/contributors/me"]),
    ("call 'PUT' /sys", &["call", "PUT", "/sys"]),
    ("call GET /projects/12.34:main/contributors/m", &["call", "GET", "/projects/12.34:main/contributors/me"]),
    ("call -i /sys", &["call", "-i", "/system/languages"]),
    ("call POST sys", &["call", "POST", "sys"]),
    ("call GET /bi", &["call", "GET", "/bi"]),
    ("whoami --profile wo", &["whoami", "--profile", "work"]),
    ("whoami --profile=wo", &["whoami", "--profile=work"]),
    ("whoami --profile 'wo", &["whoami", "--profile", "work"]),
    ("whoami --profile 'wo'r", &["whoami", "--profile", "work"]),
    ("profile use wo", &["profile", "use", "work"]),
    ("token set --store=fi", &["token", "set", "--store=file"]),
    ("token set --store hel", &["token", "set", "--store", "helper:"]),
    ("token set --store helper:tr", &["token", "set", "--store", "helper:trial"]),
    ("token set --store=helper:tr", &["token", "set", "--store=helper:trial"]),
    ("login --scope read_projects,write_pay", &["login", "--scope", "read_projects,write_payment_cards"]),
    ("help exit", &["help", "exit-codes"]),
    ("scopes POST /api2/projects/{p}/files/d", &["scopes", "POST", "/api2/projects/{p}/files/download"]),
    ("call --input a-f", &["call", "--input", "a-file"]),
    ("exec -- cat a-f", &["exec", "--", "cat", "a-file"]),
    ("--store=file exec cat a-f", &["--store=file", "exec", "cat", "a-file"]),
];

/// An interactive shell.
struct Shell {
    terminal: Terminal,
    questions: Cell<usize>,
}

impl Shell {
    /// Starts a shell in which these lines have been typed.
    fn start(program: &str, args: &[&str], lines: &[String], home: &Home) -> Self {
        let shell = Self { terminal: open(program, args, home), questions: Cell::new(0) };
        shell.ask();
        for line in lines {
            shell.terminal.send(&format!("{line}\r"));
            shell.ask();
        }
        shell
    }

    /// Waits until all keys so far have had their effect, and gives the screen.
    fn ask(&self) -> String {
        self.questions.set(self.questions.get() + 1);
        // The line that is typed holds the octal numbers, so only the answer can be what is waited for.
        self.terminal.send(&format!("printf '\\074end%d\\076\\n' {}\r", self.questions.get()));
        self.terminal.wait_for(&format!("<end{}>", self.questions.get()))
    }

    /// Types a line after the program's name, presses Tab, and gives the words that the shell then reads.
    fn words(&self, line: &str) -> Vec<String> {
        self.terminal.send(&format!("lokalise-auth {line}\t"));
        // Ctrl-A: in front of all that, another command, which shows its arguments.
        self.terminal.send("\x01printf '\\074%s\\076' \x05\r");
        let screen = self.ask();
        let end = screen.rfind("<end").expect("it was waited for");
        let start = screen[..end].rfind("<lokalise-auth>").unwrap_or_else(|| panic!("{line}: no words\n{screen}"));
        let shown = screen[start..end].lines().next().unwrap_or_default();
        let words = shown.trim_start_matches('<').split("><").skip(1);
        words.map(|word| word.split('>').next().unwrap_or_default().to_owned()).collect()
    }

    fn hold_the_cases(&self) {
        let mut wrong = Vec::new();
        for (line, expected) in CASES {
            let words = self.words(line);
            if words != *expected {
                wrong.push(format!("{line}: {words:?}, not {expected:?}"));
            }
        }
        assert!(wrong.is_empty(), "{}\n\n{}", wrong.join("\n"), self.terminal.text());
    }

    /// Types a line, presses Tab twice, and gives what is then on the screen.
    fn list(&self, line: &str, until: &str) -> String {
        self.terminal.send(&format!("lokalise-auth {line}\t\t"));
        let screen = self.terminal.wait_for(until);
        // Ctrl-U, or in fish the end of the list first.
        self.terminal.send("\x15\x15");
        self.ask();
        screen
    }
}

/// Opens a shell in which `lokalise-auth` is the program under test.
fn open(program: &str, args: &[&str], home: &Home) -> Terminal {
    let exists = Command::new(program).arg("--version").output().is_ok_and(|output| output.status.success());
    assert!(exists, "this test needs {program}; install it with `apt-get install {program}`");
    let path = std::env::var("PATH").expect("there is a PATH");
    let folders = [binary().parent().expect("a file is in a folder").to_owned(), home.path().join("bin")];
    let path = std::env::join_paths(folders.into_iter().chain(std::env::split_paths(&path))).expect("a PATH");
    let vars = [("PATH", path.to_str().expect("text")), ("PS1", "> "), ("LC_ALL", "C.UTF-8")];
    let program = std::env::split_paths(&path).map(|folder| folder.join(program)).find(|path| path.is_file());
    Terminal::of(&program.expect("it ran"), home, args, &vars, None)
}

/// A home with two profiles, a credential helper, and a file in the working folder.
fn home(standin: &Standin) -> Home {
    let home = Home::new(standin);
    home.set_token(&["--profile", "work"]);
    home.set_token(&["--profile", "another"]);
    let bin = home.path().join("bin");
    fs::create_dir(&bin).expect("our own folder");
    fs::write(bin.join("docker-credential-trial"), "").expect("our own folder");
    fs::write(home.work().join("a-file"), "").expect("our own folder");
    home
}

/// The script that the program prints for a shell.
fn script(home: &Home, shell: &str) -> String {
    let output = home.cmd(["completions", shell]).output().expect("the binary can be run");
    assert!(output.status.success() && output.stderr.is_empty(), "{shell}");
    String::from_utf8(output.stdout).expect("a script is text")
}

/// Writes the script to where its shell looks for it.
fn install(home: &Home, shell: &str, place: &str) -> PathBuf {
    let path = home.path().join("home").join(place);
    fs::create_dir_all(path.parent().expect("a file is in a folder")).expect("our own folder");
    fs::write(&path, script(home, shell)).expect("our own folder");
    path
}

#[test]
fn the_files_are_what_the_program_prints() {
    let home = Home::new(&Standin::start());
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("completions");
    for (shell, name) in SCRIPTS {
        let file = fs::read_to_string(folder.join(name)).expect("the script is in completions/");
        let command = format!("cargo run -- completions {shell} > completions/{name}");
        assert_eq!(script(&home, shell), file, "completions/{name} is not up to date; update it with `{command}`");
        assert!(!file.contains(binary().to_str().expect("text")), "{name} names the program by its path");
    }
    let count = fs::read_dir(folder).expect("the folder can be read").count();
    assert_eq!(count, SCRIPTS.len(), "completions/ holds a file that no shell is named for here");
}

#[test]
fn bash_completes() {
    let standin = Standin::start();
    let home = home(&standin);
    let load = r#"eval "$(lokalise-auth completions bash)""#.to_owned();
    let shell = Shell::start("bash", &["--norc", "--noprofile", "-i"], &[load], &home);
    shell.hold_the_cases();
    assert!(shell.list("call ", "PATCH").contains("DELETE"));
}

/// A repository chooses the names of its files, and Enter must run none of them. Without `compopt`, as in the bash 3.2 of
/// macOS, the script inserts the names itself.
#[test]
fn bash_quotes_the_names_of_files_with_and_without_compopt() {
    let standin = Standin::start();
    let home = home(&standin);
    let name = "body$(touch made).json";
    fs::write(home.work().join(name), "{}").expect("our own folder");
    let load = r#"eval "$(lokalise-auth completions bash)""#;
    for setup in
        [load.to_owned(), format!("{load}; compopt() {{ return 1; }}; complete -F _lokalise_auth lokalise-auth")]
    {
        let shell = Shell::start("bash", &["--norc", "--noprofile", "-i"], &[setup], &home);
        assert_eq!(shell.words("call POST /x --input bod"), ["call", "POST", "/x", "--input", name]);
        assert!(!home.work().join("made").exists(), "the name was run");
    }
}

#[test]
fn bash_completes_with_bash_completion() {
    const BASH_COMPLETION: &str = "/usr/share/bash-completion/bash_completion";
    assert!(Path::new(BASH_COMPLETION).exists(), "this test needs `apt-get install bash-completion`");
    let standin = Standin::start();
    let home = home(&standin);
    install(&home, "bash", ".local/share/bash-completion/completions/lokalise-auth");
    let load = format!("source {BASH_COMPLETION}");
    let shell = Shell::start("bash", &["--norc", "--noprofile", "-i"], &[load], &home);
    shell.hold_the_cases();
    // It knows what the command that `exec` is to run takes.
    assert!(shell.list("--store=helper:trial exec -- git --vers", "git --version").contains("git --version"));
}

#[test]
fn zsh_completes() {
    let standin = Standin::start();
    let home = home(&standin);
    let script = install(&home, "zsh", "functions/_lokalise-auth");
    let folder = script.parent().expect("a file is in a folder").display();
    let lines = [
        format!("fpath=({folder} $fpath); autoload -U compinit; compinit -u; bindkey -e"),
        "unsetopt zle_bracketed_paste prompt_sp".to_owned(),
    ];
    let shell = Shell::start("zsh", &["-f", "-i"], &lines, &home);
    // The first Tab loads the function, and must complete all the same.
    shell.hold_the_cases();
    assert!(shell.list("token ", "Renew the OAuth").contains("Store a personal API token"));
}

#[test]
fn zsh_completes_when_the_script_is_evaluated() {
    let standin = Standin::start();
    let home = home(&standin);
    let lines = [
        "autoload -U compinit; compinit -u; bindkey -e".to_owned(),
        "unsetopt zle_bracketed_paste prompt_sp".to_owned(),
        r#"eval "$(lokalise-auth completions zsh)""#.to_owned(),
    ];
    let shell = Shell::start("zsh", &["-f", "-i"], &lines, &home);
    shell.hold_the_cases();
}

#[test]
fn fish_completes() {
    let standin = Standin::start();
    let home = home(&standin);
    install(&home, "fish", ".config/fish/completions/lokalise-auth.fish");
    let shell = Shell::start("fish", &["-i"], &["set fish_greeting".to_owned()], &home);
    shell.hold_the_cases();
    assert!(shell.list("token ", "Renew the OAuth").contains("Store a personal API token"));
}

#[test]
fn elvish_completes() {
    let standin = Standin::start();
    let home = home(&standin);
    let script = install(&home, "elvish", ".config/elvish/rc.elv");
    // A function that shows its arguments, and completes as the program does.
    let show = r"
        fn show {|@words| print '<'(str:join '><' $words)'>' }
        set edit:completion:arg-completer[show] = $edit:completion:arg-completer[lokalise-auth]
    ";
    let text = fs::read_to_string(&script).expect("our own file") + show;
    fs::write(&script, text).expect("our own file");
    let terminal = open("elvish", &["-rc", script.to_str().expect("text")], &home);
    for (line, expected) in CASES {
        // elvish handles quotes and braces itself, and it lists files where nothing completes.
        if line.contains(['{', '\'', '"']) || line.ends_with("sys") || line.ends_with("/bi") {
            continue;
        }
        // Enter accepts, if elvish shows a list, and then runs the line.
        terminal.send(&format!("show {line}\t\r\r"));
        terminal.wait_for(&format!("<{}>", expected.join("><")));
    }
}

/// The values that nushell's completer gives for these words, `none` where it leaves them to nushell.
fn nushell_values(home: &Home, script: &Path, words: &[&str]) -> String {
    let words = serde_json::to_string(&[&["lokalise-auth"], words].concat()).expect("words are JSON");
    // In a raw string: as an argument of nu's, a word with a dash would be a flag of its own.
    let show = format!(
        "source {}\nlet found = do $env.config.completions.external.completer (r#'{words}'# | from json)\n\
         print (if $found == null {{ 'none' }} else {{ $found | get value | str join ' ' }})\n",
        script.display(),
    );
    let file = home.path().join("show.nu");
    fs::write(&file, show).expect("our own folder");
    let path = std::env::var("PATH").expect("there is a PATH");
    let folder = binary().parent().expect("a file is in a folder").display().to_string();
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/nushell/node_modules/.bin/nu");
    assert!(program.exists(), "this test needs {}; `tests/run --install` installs it", program.display());
    let program = program.to_str().expect("text");
    let mut nu = home.other(program, ["--no-config-file", file.to_str().expect("text")]);
    let output = nu.env("PATH", format!("{folder}:{path}")).output();
    let output = output.expect("nu can be run");
    assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("candidates are text").trim().to_owned()
}

#[test]
fn nushell_completes() {
    let home = home(&Standin::start());
    let script = install(&home, "nushell", "lokalise-auth.nu");
    for (words, expected) in [
        (&["tok"][..], "token"),
        (&["token", "ref"], "refresh"),
        (&["call", "GET", "'/projects/{p}/contributors/m"], "'/projects/{p}/contributors/me'"),
        (&["whoami", "--profile=wo"], "--profile=work"),
        (&["call", "--input", "a-f"], "none"),
        (&["exec", "--", "cat", "a-f"], "none"),
        (&["nonsense", "nonsense"], "none"),
    ] {
        assert_eq!(nushell_values(&home, &script, words), expected, "{words:?}");
    }
}

/// The answer that a script gets for these words.
fn answered(home: &Home, words: &[&str]) -> String {
    let mut command = home.cmd(["__complete", "elvish", "lokalise-auth"]);
    let output = command.args(words).output().expect("the binary can be run");
    assert!(output.status.success(), "{words:?}");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{words:?}");
    String::from_utf8(output.stdout).expect("candidates are text")
}

#[test]
fn tab_opens_no_store_no_connection_and_no_lock() {
    let standin = Standin::start();
    let mut home = home(&standin);
    let bus = home.path().join("bus");
    let listener = UnixListener::bind(&bus).expect("our own folder");
    listener.set_nonblocking(true).expect("it is a socket");
    home.set("DBUS_SESSION_BUS_ADDRESS", &format!("unix:path={}", bus.display()));
    home.unset("LOKALISE_AUTH_STORE");
    standin.forget_requests();
    let before = files(home.path());
    for words in [&["whoami", "--profile", ""][..], &["call", "GET", "/"], &["token", "set", "--store", ""], &[""]] {
        assert_ne!(answered(&home, words), "", "{words:?}");
    }
    assert_eq!(files(home.path()), before, "a file came or went");
    assert!(standin.requests().is_empty(), "Lokalise was asked");
    assert!(listener.accept().is_err(), "the keyring was asked");
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("our own folder") {
        let path = entry.expect("our own folder").path();
        if path.is_dir() {
            found.extend(files(&path));
        }
        found.push(path);
    }
    found.sort();
    found
}

#[test]
fn an_unreadable_list_of_profiles_completes_nothing_without_a_message() {
    let standin = Standin::start();
    let mut home = home(&standin);
    assert_eq!(answered(&home, &["--profile", ""]), "another\tapi-token in file\nwork\tapi-token in file\n");
    fs::write(home.profiles(), "{").expect("our own file");
    assert_eq!(answered(&home, &["--profile", ""]), "");
    assert!(answered(&home, &["call", "GET", "/sys"]).starts_with("/system/languages\t"), "the rest goes on");
    // Nor does a variable that makes no sense get in the way.
    home.set("LOKALISE_API_URL", "nonsense");
    assert_eq!(answered(&home, &["--profile", ""]), "");
    assert_eq!(answered(&home, &["tok"]), "token\tStore, renew or print a token\n");
}
