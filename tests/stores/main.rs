//! Nothing is ever lost: the binary, many times at once, with things breaking under it.
#![cfg(unix)]

#[path = "../support/mod.rs"]
mod support;

mod clock;
mod refresh_storm;
#[cfg(target_os = "linux")]
mod stuck;
