//! Why no credential is in force, as far as the environment shows it: a variable that is set but
//! empty, the variable of another tool, or `CI`, which keeps us from asking.

use crate::error::Error;
use crate::settings::TOKEN_VARIABLES;
use crate::shell;
use crate::world::World;

/// What other Lokalise tools call their token.
const VARIABLES_OF_OTHERS: [&str; 2] = ["LOKALISE_API_KEY", "LOKALISE_TOKEN"];

/// Adds what the environment shows to "not logged in".
pub(super) fn explained(world: &World, mut error: Error) -> Error {
    // In GitHub Actions, another hint already says this for the API token.
    let has_own_hint = |name: &str| name == "LOKALISE_API_TOKEN" && world.switch("GITHUB_ACTIONS");
    for name in TOKEN_VARIABLES.iter().filter(|name| world.is_set_but_empty(name) && !has_own_hint(name)) {
        error = error.hint(format!(
            "{name} is set but empty: the secret may have another name, or is not given to this build (as to one of a fork)"
        ));
    }
    if let Some(other) = VARIABLES_OF_OTHERS.into_iter().find(|name| world.var(name).is_some()) {
        let command = shell::export_from("LOKALISE_API_TOKEN", other);
        error = error.hint(format!("{other} is set, but this program reads LOKALISE_API_TOKEN: `{command}`"));
    }
    error
}
