//! `profile list` and `profile use`: the list of profiles. No keyring and no helper is opened for it;
//! the file store is read, to see which records are gone.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::layout::{self, Table};
use crate::cli::Profile;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::escape;
use crate::names::StoreKind;
use crate::origin::API_URL;
use crate::profile::{ProfileEntry, ProfileName, Profiles};
use crate::session::{known_profiles, ways};

pub async fn run(context: Context<'_>, command: &Profile) -> Result<u8> {
    match command {
        Profile::List => list(context).await,
        Profile::Use { name } => choose(context, name),
    }
}

/// The profiles, and what is known about them here.
struct Listing {
    profiles: Profiles,
    default: ProfileName,
    in_force: Option<ProfileName>,
    /// The profiles that should have a record in the file store but have none.
    gone: BTreeSet<ProfileName>,
}

async fn list(context: Context<'_>) -> Result<u8> {
    let Context { world, settings } = context;
    let profiles = settings.profiles()?;
    // A token variable overrides every profile. If two are set, neither is in force.
    let in_force = match settings.token_variable(world) {
        Ok(None) => Some(settings.profile(world, &profiles)?.0),
        Ok(Some(variable)) => {
            world.say(&format!("no profile is in force: {variable} is set"));
            None
        }
        Err(_) => None,
    };
    let default = profiles.default.clone().unwrap_or_default();
    let gone = gone(context, &profiles).await;
    let listing = Listing { profiles, default, in_force, gone };
    if settings.json {
        return world.answer_json(&listing.to_json()).map(|()| 0);
    }
    if listing.profiles.entries.is_empty() {
        world.say("no profiles yet; to make one:");
        for way in ways(world, "", None) {
            world.say(&format!("  {way}"));
        }
        return Ok(0);
    }
    world.answer(&listing.to_table(layout::width(world)))?;
    for name in &listing.gone {
        let kind = listing.profiles.entries.get(name).map(|entry| entry.kind);
        for way in ways(world, &format!(" --profile {name}"), kind) {
            world.say(&format!("hint: the record of {name} is gone; to store it again {way}"));
        }
    }
    Ok(0)
}

/// The profiles without their record in the file store. None, if the file cannot be read.
async fn gone(context: Context<'_>, profiles: &Profiles) -> BTreeSet<ProfileName> {
    let mut gone = BTreeSet::new();
    let store = context.settings.store(StoreKind::File);
    for (name, entry) in &profiles.entries {
        let is_there = entry.command.is_some() || entry.store != StoreKind::File;
        if !is_there && matches!(store.read(name).await, Ok(None)) {
            gone.insert(name.clone());
        }
    }
    gone
}

impl Listing {
    fn to_table(&self, width: usize) -> String {
        let entries = &self.profiles.entries;
        // With one server for all profiles, the column would say nothing.
        let shows_server = entries.values().any(|entry| !API_URL.starts_with(&entry.api_url));
        let row = |cells: [&str; 5], server: &str| {
            let mut row = cells.map(str::to_owned).to_vec();
            if shows_server {
                row.insert(4, server.to_owned());
            }
            row
        };
        let mut rows = vec![row([" ", "PROFILE", "KIND", "STORE", "OWNER"], "SERVER")];
        for (name, entry) in entries {
            let mark = if self.in_force.as_ref() == Some(name) { "*" } else { " " };
            let mut store = place(entry);
            if self.gone.contains(name) {
                store.push_str(" (record is gone)");
            }
            let owner = entry.owner.as_ref().and_then(|owner| owner.email.clone().or_else(|| owner.name.clone()));
            let owner = owner.unwrap_or_default();
            rows.push(row(
                [mark, name.as_str(), entry.kind.as_str(), &store, &escape::value(&owner)],
                &escape::value(&entry.api_url),
            ));
        }
        let mut text = Table { indent: 0, width, widest: &[] }.render(&rows);
        text.push('\n');
        text
    }

    fn to_json(&self) -> Value {
        let row = |(name, entry): (&ProfileName, &ProfileEntry)| {
            json!({
                "name": name,
                "default": *name == self.default,
                "in_force": self.in_force.as_ref() == Some(name),
                "kind": entry.kind,
                "store": place(entry),
                "record_is_gone": self.gone.contains(name),
                "api_url": entry.api_url,
                "client_id": entry.client_id,
                "scopes": entry.scopes,
                "owner": entry.owner,
                "read_only": entry.read_only,
            })
        };
        let entries: Vec<_> = self.profiles.entries.iter().map(row).collect();
        json!({"schema_version": 1, "default": self.default, "profiles": entries})
    }
}

/// Where the profile's credential is kept.
fn place(entry: &ProfileEntry) -> String {
    if entry.command.is_some() { "command".to_owned() } else { entry.store.to_string() }
}

fn choose(context: Context<'_>, name: &ProfileName) -> Result<u8> {
    let Context { world, settings } = context;
    let profiles = settings.profiles()?;
    if !profiles.entries.contains_key(name) {
        return Err(unknown(context, name, &profiles));
    }
    Profiles::change(settings.config_folder()?, |profiles| profiles.default = Some(name.clone()))?;
    world.say(&format!("the default profile is now {name}"));
    if let Ok((in_force, rule)) = settings.profile(world, &settings.profiles()?)
        && in_force != *name
    {
        world.say(&format!("but here {in_force} is in force: {}", rule.describe()));
    }
    Ok(0)
}

fn unknown(context: Context<'_>, name: &ProfileName, profiles: &Profiles) -> Error {
    // A token can be a name by its letters.
    let is_like_a_token = name.as_str().len() == 40 && name.as_str().bytes().all(|byte| byte.is_ascii_hexdigit());
    let error = if is_like_a_token {
        Error::usage("unknown profile (not shown, in case it is a secret)")
    } else {
        let ways = ways(context.world, &format!(" --profile {name}"), None);
        ways.into_iter().fold(Error::usage(format!("unknown profile `{name}`")), |error, way| {
            error.hint(format!("to make it {way}"))
        })
    };
    known_profiles(profiles).into_iter().fold(error, Error::hint)
}
