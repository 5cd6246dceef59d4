//! No record is ever lost: many processes of the binary at once, with injected failures.
#![cfg(unix)]

#[path = "../support/mod.rs"]
mod support;

mod beyond;
mod calls_only;
mod clock;
mod failing_refresh;
#[cfg(target_os = "linux")]
mod faults;
#[cfg(target_os = "linux")]
mod fleet;
#[cfg(target_os = "linux")]
mod hardening;
#[cfg(target_os = "linux")]
mod helpers;
#[cfg(target_os = "linux")]
mod keyring;
#[cfg(target_os = "linux")]
mod kwallet;
#[cfg(target_os = "linux")]
mod locked_keyring;
mod moved_records;
mod profiles;
mod refresh_storm;
#[cfg(target_os = "linux")]
mod stuck;
mod sudo;
