//! `completions SHELL`: the script that a shell loads. It asks the program on PATH
//! for candidates, so that profiles and API paths complete too.

use clap_complete::env::Shells;

use crate::cli::{Completions, Shell};
use crate::error::{Error, Result};
use crate::world::World;

/// The program by name, not by path: the script outlives an upgrade.
const PROGRAM: &str = "lokalise-auth";

pub fn run(world: &World, completions: &Completions) -> Result<u8> {
    world.answer(&script(completions.shell)?).map(|()| 0)
}

fn script(shell: Shell) -> Result<String> {
    let name = match shell {
        Shell::Bash => "bash",
        Shell::Zsh => "zsh",
        Shell::Fish => "fish",
        Shell::Powershell => "powershell",
        Shell::Elvish => "elvish",
    };
    let shells = Shells::builtins();
    let completer = shells.completer(name).expect("all five are built in");
    let mut script = Vec::new();
    completer
        .write_registration("COMPLETE", PROGRAM, PROGRAM, PROGRAM, &mut script)
        .map_err(|error| Error::other("the completion script cannot be made").because(error))?;
    String::from_utf8(script).map_err(|error| Error::other("the completion script is not text").because(error))
}
