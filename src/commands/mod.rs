//! One file for each command, which reads from top to bottom as the steps that the command takes.

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

/// What to do once a credential is stored: the line that lists the projects, with the ids that other calls need.
fn next_step(profile_flag: &str) -> String {
    format!(r#"next: `lokalise-auth{profile_flag} call /projects --jq '.projects[] | "\(.project_id) \(.name)"'`"#)
}
