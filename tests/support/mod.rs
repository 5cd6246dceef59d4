//! What the tests use: a Lokalise on loopback, an isolated installation to run the
//! binary in, a browser, a TLS server, and a terminal.

// Every integration test is a crate of its own and uses only some of this.
#![allow(dead_code)]

pub mod browser;
pub mod client;
pub mod crowd;
#[cfg(unix)]
pub mod etcd;
#[cfg(unix)]
pub mod helper;
pub mod home;
#[cfg(unix)]
pub mod keyring;
#[cfg(target_os = "linux")]
pub mod kwallet;
pub mod port;
pub mod proxy;
#[cfg(unix)]
pub mod pty;
pub mod recorded;
#[cfg(target_os = "linux")]
pub mod secret_service;
pub mod secrets;
pub mod standin;
pub mod tls;
pub mod wire;

/// Prints a line that is visible even if the test passes: libtest captures only the print macros.
pub fn say(line: &str) {
    let _ = std::io::Write::write_all(&mut std::io::stderr(), format!("{line}\n").as_bytes());
}
