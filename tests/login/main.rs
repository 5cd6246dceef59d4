//! Logins that cannot be broken, forged or blocked: the real binary
//! under attack, in front of real browsers, proxies, terminals and keyrings.
#![cfg(target_os = "linux")]

#[path = "../support/mod.rs"]
mod support;
mod waiting;

mod bad_input;
mod browsers;
mod canary;
mod endings;
mod lifetime;
mod listener;
mod no_tls;
mod opening;
mod pasting;
mod routes;
mod terminal;
mod tls_and_proxy;
mod token_endpoint;
