//! The stories: one file a command, each read from top to bottom as the steps it takes.

pub mod call;
pub mod completions;
pub mod doctor;
pub mod exec;
pub mod help;
mod layout;
pub mod login;
pub mod logout;
pub mod profile;
pub mod scopes;
pub mod token;
pub mod whoami;
