//! The program: answers completion scripts, runs a command, reports a failure, exits.

#![deny(clippy::disallowed_methods)]

use std::io::{self, Write as _};
use std::process;

use lokalise_auth::cli::{complete, usage};
use lokalise_auth::error::Error;
use lokalise_auth::world::World;
use lokalise_auth::{hardening, report, run};

pub fn main() {
    hardening::apply();
    #[cfg(unix)]
    lokalise_auth::signals::wait_for_children();
    process::exit(i32::from(answer_completion().unwrap_or_else(exit_code)));
}

/// Answers a completion script before anything else is read or printed.
#[expect(clippy::disallowed_methods, reason = "there is no World yet, and the text is our own")]
fn answer_completion() -> Option<u8> {
    let text = complete::answer(std::env::args_os())?;
    // The shell may have stopped listening.
    let _ = io::stdout().write_all(text.as_bytes());
    Some(0)
}

fn exit_code() -> u8 {
    let usage::EarlyFlags { mut json, color } = usage::early_flags(std::env::args_os());
    // A variable that is not text is an error: it would look as if it were not set.
    let mut world = match World::real() {
        Ok(world) => world,
        Err((world, error)) => {
            report(&world, &error, json);
            return error.exit_code();
        }
    };
    world.color = color;
    let ended = match usage::parse(std::env::args_os(), world.color_stdout()) {
        Ok(usage::Parsed::Text(text)) => world.answer(&text).map(|()| 0),
        Ok(usage::Parsed::Command(cli)) => {
            json = cli.global.json;
            run(&mut world, &cli)
        }
        Err(error) => Err(error),
    };
    match ended {
        Ok(code) => code,
        Err(error) if error.is_closed_pipe() => 0,
        Err(error) => {
            quietly_or_not(&world, &error, json);
            error.exit_code()
        }
    }
}

fn quietly_or_not(world: &World, error: &Error, json: bool) {
    // The message of a false gate or a check is its exit code.
    if !error.message.is_empty() {
        report(world, error, json);
    }
}
