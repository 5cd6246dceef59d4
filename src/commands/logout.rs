//! `logout`: removes the record and the profile's entry, and reads back that they are gone. A
//! record that is not found is never called removed.

use crate::cli::Logout;
use crate::context::Context;
use crate::credential::CredentialKind;
use crate::error::{Error, Result};
use crate::profile::{self, ProfileEntry, ProfileName, Profiles};
use crate::session::save;
use crate::store::{Store, StoreError};
use crate::world::World;

pub async fn run(context: Context<'_>, logout: &Logout) -> Result<u8> {
    profile::own_home()?;
    context.settings.refuse_token_variable(context.world)?;
    let profiles = context.settings.profiles()?;
    if logout.all {
        return all(context, &profiles, logout.forget).await;
    }
    let (profile, _) = context.settings.profile(context.world, &profiles)?;
    match profiles.entries.get(&profile) {
        Some(entry) => one(context, &profile, entry, logout.forget).await?,
        None if logout.forget => {
            context.world.say(&format!("profile {profile} is not in {}", list_of(context)));
        }
        None => without_entry(context, &profile).await?,
    }
    Ok(0)
}

/// Logs out of every profile. A failure for one does not stop the others.
async fn all(context: Context<'_>, profiles: &Profiles, forget: bool) -> Result<u8> {
    let mut failed: Vec<(&ProfileName, Error)> = Vec::new();
    for (profile, entry) in &profiles.entries {
        if let Err(error) = one(context, profile, entry, forget).await {
            failed.push((profile, error));
        }
    }
    if profiles.entries.is_empty() {
        context.world.say(&format!("no profile is in {}", list_of(context)));
    }
    let Some((profile, last)) = failed.pop() else { return Ok(0) };
    for (profile, error) in &failed {
        context.world.say(&format!("lokalise-auth: profile `{profile}` was not logged out: {error}"));
    }
    let mut error = Error::store(format!("profile `{profile}` was not logged out: {last}"));
    error.hints = last.hints;
    Err(error)
}

async fn one(context: Context<'_>, profile: &ProfileName, entry: &ProfileEntry, forget: bool) -> Result<()> {
    if let Some(flag) = context.settings.store_flag.as_ref().filter(|flag| **flag != entry.store) {
        return Err(Error::usage(format!(
            "profile `{profile}` is kept in {}, not in {flag}; nothing was removed",
            entry.store
        ))
        .hint(format!("`lokalise-auth logout --profile {profile}` removes it from there")));
    }
    // This comes before anything is removed: a list that names a removed record would look like a fault.
    Profiles::prove_changeable(context.settings.config_folder()?)?;
    if forget {
        remove_entry(context, profile)?;
        say_forgotten(context, profile, entry);
        return Ok(());
    }
    if entry.command.is_none() {
        let store = context.settings.store(entry.store.clone());
        let _lock = save::wait_for_lock(context.world, &store, profile).await;
        remove_record(&store, profile, entry).await?;
    }
    remove_entry(context, profile)?;
    context.world.say(&format!("logged out of profile {profile}"));
    say_how_to_revoke(context.world, Some(entry));
    Ok(())
}

/// Removes the record. If it is not found, it may be in another place.
async fn remove_record(store: &Store, profile: &ProfileName, entry: &ProfileEntry) -> Result<()> {
    let explain = |error: StoreError| error.explain(store, profile);
    match store.read(profile).await {
        Ok(None) => {
            store.confirm_absence(profile).await.map_err(explain)?;
            Err(not_found(store, profile, entry))
        }
        // A record that cannot be read can still be removed.
        Ok(Some(_)) | Err(StoreError::Corrupt(_)) => store.delete(profile).await.map_err(explain),
        Err(error) => Err(explain(error)),
    }
}

fn not_found(store: &Store, profile: &ProfileName, entry: &ProfileEntry) -> Error {
    let looked = entry.where_looked(&store.title(), &store.item_name(profile));
    let moved = match &entry.store {
        crate::names::StoreKind::File => "run it where XDG_DATA_HOME, HOME or LOKALISE_AUTH_DATA_DIR is as it was then",
        _ => "run it with the settings of that time: the store may keep several sets of records",
    };
    Error::store(format!("the record of profile `{profile}` was not found, and nothing was removed: {looked}"))
        .hint(moved)
        .hint(format!("`lokalise-auth logout --profile {profile} --forget` removes the profile from the list alone"))
}

fn remove_entry(context: Context<'_>, profile: &ProfileName) -> Result<()> {
    Profiles::change(context.settings.config_folder()?, |profiles| {
        profiles.entries.remove(profile);
        if profiles.default.as_ref() == Some(profile) {
            profiles.default = None;
        }
    })
}

fn say_forgotten(context: Context<'_>, profile: &ProfileName, entry: &ProfileEntry) {
    context.world.say(&format!("profile {profile} was removed from {}", list_of(context)));
    if entry.command.is_none() {
        let store = context.settings.store(entry.store.clone());
        let item = entry.item.clone().unwrap_or_else(|| store.item_name(profile));
        context.world.say(&format!("its record was not touched: {item} ({})", entry.store));
    }
}

/// A record may outlive its entry in the list. It is looked for in the store that a new one would go to.
async fn without_entry(context: Context<'_>, profile: &ProfileName) -> Result<()> {
    let store = context.settings.store(save::store_for(context.settings, None));
    let explain = |error: StoreError| error.explain(&store, profile);
    match store.read(profile).await {
        Ok(None) => {
            let (list, title, item) = (list_of(context), store.title(), store.item_name(profile));
            context.world.say(&format!(
                "profile {profile} holds no credential: it is not in {list}, and has no record in {title} ({item})"
            ));
        }
        // A record that cannot be read can still be removed.
        Ok(Some(_)) | Err(StoreError::Corrupt(_)) => {
            store.delete(profile).await.map_err(explain)?;
            context.world.say(&format!("logged out of profile {profile}"));
            say_how_to_revoke(context.world, None);
        }
        Err(error) => return Err(explain(error)),
    }
    Ok(())
}

fn list_of(context: Context<'_>) -> String {
    context
        .settings
        .config_folder()
        .map_or_else(|_| "profiles.json".to_owned(), |folder| profile::path(folder).display().to_string())
}

fn say_how_to_revoke(world: &World, entry: Option<&ProfileEntry>) {
    let (what, page) = match entry.map(|entry| (entry.kind, entry.command.is_some())) {
        Some((_, true)) => {
            return world.say("the token is where its command gets it from; only the command was kept here");
        }
        Some((CredentialKind::ApiToken, false)) | None => ("the token until you delete it", "profile#apitokens"),
        Some((CredentialKind::OAuth, _)) => ("the login until you remove the app from your profile", "profile"),
    };
    world.say(&format!("Lokalise still accepts {what}:"));
    world.say(&format!("  https://app.lokalise.com/{page}"));
}
