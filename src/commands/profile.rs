//! `profile list` and `profile use`: the list of profiles. No store is opened.

use std::fmt::Write;

use crate::cli::Profile;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::escape;
use crate::profile::{ProfileEntry, ProfileName, Profiles};

pub fn run(context: Context<'_>, command: &Profile) -> Result<u8> {
    match command {
        Profile::List => list(context),
        Profile::Use { name } => choose(context, name),
    }
}

fn list(context: Context<'_>) -> Result<u8> {
    let profiles = context.settings.profiles()?;
    // A variable that holds a token comes before every profile; of two of them neither is in force.
    let in_force = match context.settings.token_variable(context.world) {
        Ok(None) => Some(context.settings.profile(context.world, &profiles)?.0),
        Ok(Some(variable)) => {
            context.world.say(&format!("no profile is in force: {variable} is set"));
            None
        }
        Err(_) => None,
    };
    let in_force = in_force.as_ref();
    let default = profiles.default.clone().unwrap_or_default();
    if context.settings.json {
        let entries: Vec<_> =
            profiles.entries.iter().map(|(name, entry)| row(name, entry, &default, in_force)).collect();
        let report = serde_json::json!({"schema_version": 1, "default": default, "profiles": entries});
        return context.world.answer_json(&report).map(|()| 0);
    }
    if profiles.entries.is_empty() {
        context.world.say("no profiles; `lokalise-auth login` makes one");
    }
    let width = profiles.entries.keys().map(|name| name.as_str().len()).max().unwrap_or(0);
    let mut text = String::new();
    for (name, entry) in &profiles.entries {
        let mark = if Some(name) == in_force { '*' } else { ' ' };
        let owner = entry.owner.as_ref().and_then(|owner| owner.email.clone().or_else(|| owner.name.clone()));
        let owner = owner.unwrap_or_default();
        let owner = escape::value(&owner);
        let store = if entry.command.is_some() { "command".to_owned() } else { entry.store.to_string() };
        let line = format!("{mark} {name:width$}  {:9}  {store:8}  {}  {owner}", entry.kind.as_str(), entry.api_url);
        writeln!(text, "{}", line.trim_end()).expect("a string takes all text");
    }
    context.world.answer(&text).map(|()| 0)
}

fn row(
    name: &ProfileName,
    entry: &ProfileEntry,
    default: &ProfileName,
    in_force: Option<&ProfileName>,
) -> serde_json::Value {
    serde_json::json!({
        "name": name,
        "default": name == default,
        "in_force": Some(name) == in_force,
        "kind": entry.kind,
        "store": if entry.command.is_some() { "command".to_owned() } else { entry.store.to_string() },
        "api_url": entry.api_url,
        "client_id": entry.client_id,
        "scopes": entry.scopes,
        "owner": entry.owner,
        "read_only": entry.read_only,
    })
}

fn choose(context: Context<'_>, name: &ProfileName) -> Result<u8> {
    let profiles = context.settings.profiles()?;
    if !profiles.entries.contains_key(name) {
        let known = profiles.entries.keys().map(ProfileName::as_str).collect::<Vec<_>>().join(", ");
        // A token can be a name by its letters.
        let is_like_a_token = name.as_str().len() == 40 && name.as_str().bytes().all(|byte| byte.is_ascii_hexdigit());
        let error = if is_like_a_token {
            Error::usage("there is no profile of that name (not shown, in case it is a secret)")
        } else {
            Error::usage(format!("there is no profile `{name}`"))
                .hint(format!("`lokalise-auth login --profile {name}` makes it"))
        };
        return Err(if known.is_empty() { error } else { error.hint(format!("profiles: {known}")) });
    }
    Profiles::change(context.settings.config_folder()?, |profiles| profiles.default = Some(name.clone()))?;
    context.world.say(&format!("the default profile is now {name}"));
    if let Ok((in_force, rule)) = context.settings.profile(context.world, &context.settings.profiles()?)
        && in_force != *name
    {
        context.world.say(&format!("but here {in_force} is in force: {}", rule.describe()));
    }
    Ok(0)
}
