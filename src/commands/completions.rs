//! `completions SHELL`: the script that a shell loads, as it is in `completions/`.
//! The script asks the program on PATH for candidates, so that profiles and API
//! paths complete too, and a new version completes its new commands.

use crate::cli::{Completions, Shell};
use crate::error::Result;
use crate::world::World;

pub fn run(world: &World, completions: &Completions) -> Result<u8> {
    world.answer(script(completions.shell)).map(|()| 0)
}

fn script(shell: Shell) -> &'static str {
    match shell {
        Shell::Bash => include_str!("../../completions/lokalise-auth.bash"),
        Shell::Zsh => include_str!("../../completions/_lokalise-auth"),
        Shell::Fish => include_str!("../../completions/lokalise-auth.fish"),
        Shell::Powershell => include_str!("../../completions/_lokalise-auth.ps1"),
        Shell::Nushell => include_str!("../../completions/lokalise-auth.nu"),
        Shell::Elvish => include_str!("../../completions/lokalise-auth.elv"),
    }
}
