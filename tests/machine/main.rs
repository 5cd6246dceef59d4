//! The machine around the program, as it is: text that others wrote, certificates and proxies, CI,
//! homes that are missing, and files that never answer.
#![cfg(target_os = "linux")]

#[path = "../support/mod.rs"]
mod support;

mod authorities;
mod bash_names;
mod ci;
mod hostile_text;
mod namespace;
mod no_home;
mod pasted_hints;
mod peoples_text;

use std::process::Output;

use support::home::Home;
use support::standin::Standin;

/// A Lokalise, and a machine that holds its API token in a variable.
struct Scene {
    standin: Standin,
    home: Home,
}

impl Scene {
    fn new() -> Self {
        let standin = Standin::start();
        let mut home = Home::new(&standin);
        home.set("LOKALISE_API_TOKEN", &standin.api_token());
        Self { standin, home }
    }

    /// Runs the program.
    fn run(&self, arguments: &[&str]) -> Output {
        self.run_with(arguments, &[])
    }

    /// The same with further variables.
    fn run_with(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Output {
        self.home.command(arguments).envs(variables.iter().copied()).output().expect("the program can be run")
    }
}

fn code(output: &Output) -> i32 {
    output.status.code().expect("no signal ended it")
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}
