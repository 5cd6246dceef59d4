//! A tour of lokalise-auth for newcomers: the real program against a Lokalise
//! that is started for it on this machine, with a browser that approves.
//!
//! `cargo run --example tour`

// The tour uses only a part of what the tests use.
#![allow(dead_code)]

mod browser;
mod client;
mod home;
#[path = "../../src/main.rs"]
mod program_itself;
mod secrets;
mod standin;

use std::io::{self, IsTerminal as _, Write as _};
use std::process::{Command, ExitCode, Stdio};

use home::Home;
use standin::Standin;

/// The file name under which this example acts as the program.
const PROGRAM: &str = "lokalise-auth";

/// The flag with which the tour is its own browser.
const BROWSE: &str = "--browse";

/// A heading, a sentence or two, and commands with the exit codes that they must have.
struct Stop {
    heading: &'static str,
    words: &'static str,
    commands: &'static [(&'static [&'static str], i32)],
}

const STOPS: &[Stop] = &[
    Stop {
        heading: "Log in",
        words: "The browser opens Lokalise's page, you approve, and the tokens are kept: in the\n\
                keyring of the system, or, as here because it was asked for, in a file.",
        commands: &[(&["login", "--scope", "read_projects read_keys read_files read_contributors"], 0)],
    },
    Stop {
        heading: "Who is that?",
        words: "Which credential is in force, whose it is, what it may do and for how long.",
        commands: &[(&["whoami"], 0)],
    },
    Stop {
        heading: "Call the API",
        words: "A path is enough. The answer is on stdout, unchanged when it goes into a pipe.",
        commands: &[(&["call", "GET", "/projects/{p}/contributors/me"], 0)],
    },
    Stop {
        heading: "Take out what you need",
        words: "A jq filter is built in.",
        commands: &[(&["call", "/projects", "--jq", ".projects[] | .name"], 0)],
    },
    Stop {
        heading: "All pages",
        words: "1,200 keys in pages of 500: they come as one document.",
        commands: &[(&["call", "/projects/{p}/keys", "--paginate", "--jq", ".keys | length"], 0)],
    },
    Stop {
        heading: "Download translations",
        words: "The bundle is on another host, which gets no credential from us.",
        commands: &[(
            &["call", "POST", "/projects/{p}/files/download", "-f", "format=json", "--extract", "translations"],
            0,
        )],
    },
    Stop {
        heading: "When something goes wrong",
        words: "One line says what, another what to do, and the exit code says it to scripts:\n\
                5 is `not allowed`, 6 is `not found` (`lokalise-auth help exit-codes`).",
        commands: &[
            (&["call", "POST", "/projects", "-f", "name=Demo"], 5),
            (&["call", "/projects/ffffffffffffffffffffff.00000000"], 6),
        ],
    },
    Stop {
        heading: "Stay logged in",
        words: "An access token lasts an hour. It is renewed when it is needed, or now.",
        commands: &[(&["token", "refresh"], 0)],
    },
    Stop { heading: "Log out", words: "", commands: &[(&["logout"], 0), (&["whoami"], 4)] },
];

const FOR_REAL: &str = "\
With a personal API token (https://app.lokalise.com/profile#apitokens):

  lokalise-auth token set          # asks for it, hidden

With OAuth, for an app that Lokalise's support has registered for you
(https://developers.lokalise.com/docs/oauth-2-flow):

  export LOKALISE_CLIENT_ID=…
  lokalise-auth login              # asks for the client secret, hidden

And then:

  lokalise-auth call /projects
";

fn main() -> ExitCode {
    let own_name = std::env::args_os().next().map(std::path::PathBuf::from);
    if own_name.is_some_and(|path| path.file_stem().is_some_and(|name| name == PROGRAM)) {
        program_itself::main();
    }
    let args: Vec<String> = std::env::args().skip(1).collect();
    let done = match args.as_slice() {
        [flag, url] if flag == BROWSE => browser::open(url).map(|_| true),
        [] => program().and_then(|folder| tour().inspect(|_| drop(folder))),
        _ => Err(io::Error::other("the tour takes no arguments")),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            let _ = writeln!(io::stderr(), "tour: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Makes this example the program as well: under the program's name it is the program, so that no second build
/// is needed. The folder lives as long as the tour.
fn program() -> io::Result<tempfile::TempDir> {
    let folder = tempfile::TempDir::with_prefix("lokalise-auth-tour-")?;
    let path = folder.path().join(format!("{PROGRAM}{}", std::env::consts::EXE_SUFFIX));
    let tour = std::env::current_exe()?;
    #[cfg(unix)]
    std::os::unix::fs::symlink(tour, &path)?;
    #[cfg(not(unix))]
    std::fs::copy(tour, &path)?;
    home::TOURS_PROGRAM.set(path).map_err(|_| io::Error::other("the program is set already"))?;
    Ok(folder)
}

/// Walks through the stops; false if a command did not end as it should.
fn tour() -> io::Result<bool> {
    let standin = Standin::start();
    standin.edit(|content| content.set_keys(1200));
    let home = newcomer(&standin)?;
    let mut out = io::stdout();
    let bold = |text: &str| if in_colour() { format!("\x1b[1m{text}\x1b[0m") } else { text.to_owned() };
    let dim = |text: &str| if in_colour() { format!("\x1b[2m{text}\x1b[0m") } else { text.to_owned() };

    writeln!(out, "{}\n", bold("A tour of lokalise-auth"))?;
    writeln!(
        out,
        "This is the real program. Lokalise is a stand-in on this machine, the browser\n\
         approves by itself, and nothing is kept. The variables LOKALISE_CLIENT_ID,\n\
         LOKALISE_CLIENT_SECRET and, for {{p}} in a path, LOKALISE_PROJECT_ID are set."
    )?;
    for (number, stop) in STOPS.iter().enumerate() {
        writeln!(out, "\n\n{}", bold(&format!("{}. {}", number + 1, stop.heading)))?;
        if !stop.words.is_empty() {
            writeln!(out, "{}", stop.words)?;
        }
        for (args, expected) in stop.commands {
            writeln!(out, "\n{}", bold(&format!("$ lokalise-auth {}", typed(args))))?;
            out.flush()?;
            let code = shown(home.command(*args))?;
            writeln!(
                out,
                "{}",
                dim(&format!("(exit code {})", code.map_or("none".to_owned(), |code| code.to_string())))
            )?;
            if code != Some(*expected) {
                writeln!(out, "\nThis should have been {expected}. The tour ends here.")?;
                return Ok(false);
            }
        }
    }
    writeln!(out, "\n\n{}\n\n{FOR_REAL}", bold("Now for real"))?;
    Ok(true)
}

/// Runs a command in sight of the reader, and gives its exit code.
fn shown(mut command: Command) -> io::Result<Option<i32>> {
    let mut out = io::stdout();
    if out.is_terminal() {
        return Ok(command.status()?.code());
    }
    // A piped body has no line break at its end; our next line needs one.
    let output = command.stderr(Stdio::inherit()).output()?;
    out.write_all(&output.stdout)?;
    if output.stdout.last().is_some_and(|last| *last != b'\n') {
        writeln!(out)?;
    }
    Ok(output.status.code())
}

/// A machine that has just been set up, whose browser is this very program.
fn newcomer(standin: &Standin) -> io::Result<Home> {
    let mut home = Home::new(standin);
    let tour = std::env::current_exe()?;
    let name = tour.file_stem().and_then(|name| name.to_str()).unwrap_or("tour");
    // By name through PATH: a path could hold the characters at which BROWSER is split.
    let folder = tour.parent().expect("a file is in a folder").to_owned();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = std::env::join_paths(std::iter::once(folder).chain(std::env::split_paths(&path)));
    home.set("PATH", &path.map_err(io::Error::other)?.to_string_lossy());
    home.set("BROWSER", &format!("{name} {BROWSE} %s"));
    home.set("LOKALISE_CLIENT_ID", &standin.client_id());
    home.set("LOKALISE_CLIENT_SECRET", &standin.client_secret());
    home.set("LOKALISE_PROJECT_ID", &standin.project_id());
    for name in ["TERM", "NO_COLOR", "COLORTERM", "LANG"] {
        if let Ok(value) = std::env::var(name) {
            home.set(name, &value);
        }
    }
    Ok(home)
}

/// The arguments as they are typed in a shell.
fn typed(args: &[&str]) -> String {
    let plain = |arg: &str| arg.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_./=".contains(&b));
    let words = args.iter().map(|arg| if plain(arg) { (*arg).to_owned() } else { format!("'{arg}'") });
    let mut line = String::new();
    for word in words {
        // A long command goes on in the next line, as it would be pasted.
        let column = "$ lokalise-auth ".len() + line.len();
        let gap = if line.is_empty() {
            ""
        } else if column + word.len() >= 80 {
            " \\\n    "
        } else {
            " "
        };
        line.push_str(gap);
        line.push_str(&word);
    }
    line
}

fn in_colour() -> bool {
    io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}
