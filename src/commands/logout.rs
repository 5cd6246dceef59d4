//! `logout`: removes the record and the profile's entry, and reads back that they
//! are gone. What could not be removed is said, and the rest is removed all the same.

use crate::cli::Logout;
use crate::credential::Kind;
use crate::error::{Error, Result};
use crate::profile::{self, Entry, ProfileName, Profiles};
use crate::session::keep;
use crate::settings::Settings;
use crate::world::World;

pub async fn run(world: &World, settings: &Settings, logout: &Logout) -> Result<u8> {
    profile::own_home()?;
    if logout.all {
        return all(world, settings).await;
    }
    settings.refuse_token_variable(world)?;
    let profiles = Profiles::load(&settings.config_folder)?;
    let (profile, _) = settings.profile(world, &profiles)?;
    one(world, settings, &profile, profiles.entries.get(&profile)).await?;
    Ok(0)
}

async fn all(world: &World, settings: &Settings) -> Result<u8> {
    settings.refuse_token_variable(world)?;
    let profiles = Profiles::load(&settings.config_folder)?;
    let mut failed: Vec<(&ProfileName, Error)> = Vec::new();
    for (profile, entry) in &profiles.entries {
        if let Err(error) = one(world, settings, profile, Some(entry)).await {
            failed.push((profile, error));
        }
    }
    if profiles.entries.is_empty() {
        world.say("no profile holds a credential");
    }
    let Some((profile, first)) = failed.pop() else { return Ok(0) };
    for (profile, error) in &failed {
        world.say(&format!("lokalise-auth: profile `{profile}` was not logged out: {error}"));
    }
    let mut error = Error::store(format!("profile `{profile}` was not logged out: {first}"));
    error.hints = first.hints;
    Err(error)
}

async fn one(world: &World, settings: &Settings, profile: &ProfileName, entry: Option<&Entry>) -> Result<()> {
    let by_command = entry.is_some_and(|entry| entry.command.is_some());
    let mut removed = by_command;
    if !by_command {
        let vault = settings.vault(keep::store_for_logout(settings, entry));
        let explain = |error: crate::store::StoreError| error.explain(&vault, profile);
        let _lock = if entry.is_some() { keep::waited(world, &vault, profile).await } else { None };
        // A locked store may say "not found": only one that can be written is believed.
        if entry.is_some() {
            vault.probe().await.map_err(explain)?;
        }
        removed = vault.read(profile).await.map_or(true, |record| record.is_some());
        vault.delete(profile).await.map_err(explain)?;
    }
    if entry.is_some() {
        Profiles::change(&settings.config_folder, |profiles| {
            profiles.entries.remove(profile);
            if profiles.default.as_ref() == Some(profile) {
                profiles.default = None;
            }
        })?;
    }
    if !removed && entry.is_none() {
        world.say(&format!("profile {profile} holds no credential"));
        return Ok(());
    }
    world.say(&format!("logged out of profile {profile}"));
    match entry.map(|entry| entry.kind) {
        Some(Kind::ApiToken) if by_command => world.say("the token is where its command gets it from; only the command was kept here"),
        Some(Kind::ApiToken) | None => world.say(
            "Lokalise has no way to revoke a token from here: delete it by hand at https://app.lokalise.com/profile#apitokens",
        ),
        Some(Kind::OAuth) => world.say(
            "Lokalise has no way to revoke a login from here: withdraw the app's access by hand in your profile at https://app.lokalise.com/profile; an access token ends within the hour",
        ),
    }
    Ok(())
}
