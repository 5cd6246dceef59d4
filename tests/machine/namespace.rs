//! Commands in a mount namespace of their own, where the folders of the system are others.

use std::process::{Command, Output};

use super::support;

/// Whether this machine lets us have one. If not, the test says that it is skipped.
pub fn is_possible(test: &str) -> bool {
    let tried = Command::new("unshare").args(["-m", "true"]).output();
    let possible = tried.is_ok_and(|output| output.status.success());
    if !possible {
        support::say(&format!("SKIPPED {test}: no mount namespace can be made (it takes root)"));
    }
    possible
}

/// Runs a script of `sh` in there, and then the command, which the script finds as `"$@"`.
pub fn run(script: &str, command: &Command) -> Output {
    let mut outer = Command::new("unshare");
    outer.args(["-m", "sh", "-ec", &format!("mount --make-rprivate /\n{script}"), "sh"]);
    outer.arg(command.get_program()).args(command.get_args());
    outer.env_clear().envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    if let Some(folder) = command.get_current_dir() {
        outer.current_dir(folder);
    }
    outer.output().expect("it can be run")
}
