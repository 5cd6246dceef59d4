//! `logout`: removes the record and the profile's entry, and reads back that they
//! are gone. What could not be removed is said, and the rest is removed all the same.

use crate::cli::Logout;
use crate::context::Context;
use crate::credential::CredentialKind;
use crate::error::{Error, Result};
use crate::profile::{self, ProfileEntry, ProfileName, Profiles};
use crate::session::save;

pub async fn run(context: Context<'_>, logout: &Logout) -> Result<u8> {
    profile::own_home()?;
    if logout.all {
        return all(context).await;
    }
    context.settings.refuse_token_variable(context.world)?;
    let profiles = context.settings.profiles()?;
    let (profile, _) = context.settings.profile(context.world, &profiles)?;
    one(context, &profile, profiles.entries.get(&profile)).await?;
    Ok(0)
}

async fn all(context: Context<'_>) -> Result<u8> {
    context.settings.refuse_token_variable(context.world)?;
    let profiles = context.settings.profiles()?;
    let mut failed: Vec<(&ProfileName, Error)> = Vec::new();
    for (profile, entry) in &profiles.entries {
        if let Err(error) = one(context, profile, Some(entry)).await {
            failed.push((profile, error));
        }
    }
    if profiles.entries.is_empty() {
        context.world.say("no profile holds a credential");
    }
    let Some((profile, first)) = failed.pop() else { return Ok(0) };
    for (profile, error) in &failed {
        context.world.say(&format!("lokalise-auth: profile `{profile}` was not logged out: {error}"));
    }
    let mut error = Error::store(format!("profile `{profile}` was not logged out: {first}"));
    error.hints = first.hints;
    Err(error)
}

async fn one(context: Context<'_>, profile: &ProfileName, entry: Option<&ProfileEntry>) -> Result<()> {
    let by_command = entry.is_some_and(|entry| entry.command.is_some());
    let mut removed = by_command;
    if !by_command {
        let store = context.settings.store(save::store_for_logout(context.settings, entry));
        let explain = |error: crate::store::StoreError| error.explain(&store, profile);
        let _lock = if entry.is_some() { save::waited(context.world, &store, profile).await } else { None };
        // A locked store may say "not found": only one that can be written is believed.
        if entry.is_some() {
            store.probe().await.map_err(explain)?;
        }
        removed = store.read(profile).await.map_or(true, |record| record.is_some());
        store.delete(profile).await.map_err(explain)?;
    }
    if entry.is_some() {
        Profiles::change(context.settings.config_folder()?, |profiles| {
            profiles.entries.remove(profile);
            if profiles.default.as_ref() == Some(profile) {
                profiles.default = None;
            }
        })?;
    }
    if !removed && entry.is_none() {
        context.world.say(&format!("profile {profile} holds no credential"));
        return Ok(());
    }
    context.world.say(&format!("logged out of profile {profile}"));
    match entry.map(|entry| entry.kind) {
        Some(_) if by_command => context.world.say("the token is where its command gets it from; only the command was kept here"),
        Some(CredentialKind::ApiToken) | None => context.world.say(
            "Lokalise has no way to revoke a token from here: delete it by hand at https://app.lokalise.com/profile#apitokens",
        ),
        Some(CredentialKind::OAuth) => context.world.say(
            "Lokalise has no way to revoke a login from here: withdraw the app's access by hand in your profile at https://app.lokalise.com/profile; an access token ends within the hour",
        ),
    }
    Ok(())
}
