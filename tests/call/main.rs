//! `call` as a user meets it: the real program, over real HTTP, against the stand-in.

#[path = "../support/mod.rs"]
mod support;

mod answers;
mod batches;
mod bundles;
mod dry_run;
mod encodings;
mod filters;
mod flags;
mod limits;
mod not_done;
#[cfg(unix)]
mod output_file;
mod pages;
mod processes;
mod refusals;
mod requests;
#[cfg(unix)]
mod terminal;

use std::process::Output;

use support::home::Home;
use support::standin::Standin;

/// A Lokalise and a machine that holds its API token in a variable.
struct Scene {
    standin: Standin,
    home: Home,
}

/// What came of one call.
struct Ran {
    code: i32,
    stdout: String,
    stderr: String,
}

impl Scene {
    fn new() -> Self {
        let standin = Standin::start();
        let mut home = Home::new(&standin);
        home.set("LOKALISE_API_TOKEN", &standin.api_token());
        home.set("LOKALISE_PROJECT_ID", &standin.project_id());
        Self { standin, home }
    }

    /// Runs `call` with these arguments.
    fn call(&self, arguments: &[&str]) -> Ran {
        self.call_with(arguments, "")
    }

    /// The same with something on stdin.
    fn call_with(&self, arguments: &[&str], stdin: &str) -> Ran {
        let mut command = self.home.cmd(["call"]);
        let output = command.args(arguments).write_stdin(stdin.as_bytes()).output().expect("the program can be run");
        Home::assert_silent(&self.standin, &output);
        Ran::of(&output)
    }

    /// Writes a file into the folder that commands are run in.
    fn file(&self, name: &str, content: impl AsRef<[u8]>) {
        std::fs::write(self.home.work().join(name), content).expect("our own folder");
    }

    /// A path of the project with all the content.
    fn project(&self, path: &str) -> String {
        format!("/api2/projects/{}{path}", self.standin.project_id())
    }
}

impl Ran {
    fn of(output: &Output) -> Self {
        Self {
            code: output.status.code().expect("no signal ended it"),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Fails unless the call succeeded without a word.
    #[track_caller]
    fn quietly(self) -> String {
        assert_eq!((self.code, self.stderr.as_str()), (0, ""), "stdout: {}", self.stdout);
        self.stdout
    }

    /// Fails unless the call ended with this code; gives the first line of stderr without the program's name.
    #[track_caller]
    fn failed(&self, code: i32) -> &str {
        assert_eq!(self.code, code, "stdout: {}\nstderr: {}", self.stdout, self.stderr);
        let mut lines = self.stderr.lines().rev();
        lines.find_map(|line| line.strip_prefix("lokalise-auth: ")).unwrap_or_default()
    }

    #[track_caller]
    fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {}\n{}", self.stdout, self.stderr))
    }
}
