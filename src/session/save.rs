//! Saves a new credential: first its record in the store, under the record's lock, then its entry
//! in `profiles.json`. The old record stays until the new one was read back.

use super::profile_flag_for_hint;
use crate::context::Context;
use crate::credential::Record;
use crate::error::Result;
use crate::files::lock;
use crate::names::StoreKind;
use crate::profile::{self, Owner, ProfileEntry, ProfileName, Profiles};
use crate::settings::Settings;
use crate::store::{Store, StoreError};
use crate::world::World;

/// The store for a new credential, and what chose it: `--store`, `LOKALISE_AUTH_STORE`, the profile that has one, or
/// nothing, which is the keyring.
pub fn store_and_rule(settings: &Settings, entry: Option<&ProfileEntry>) -> (StoreKind, &'static str) {
    match (&settings.store_flag, &settings.store_variable, entry) {
        (Some(named), ..) => (named.clone(), "--store"),
        (None, Some(named), _) => (named.clone(), "LOKALISE_AUTH_STORE"),
        (None, None, Some(entry)) => (entry.store.clone(), "the profile"),
        (None, None, None) => (StoreKind::Keyring, "default"),
    }
}

/// The store for a new credential.
pub fn store_for(settings: &Settings, entry: Option<&ProfileEntry>) -> StoreKind {
    store_and_rule(settings, entry).0
}

/// The store that `logout` looks into: the profile's own, whatever variables say.
pub fn store_for_logout(settings: &Settings, entry: Option<&ProfileEntry>) -> StoreKind {
    entry.map_or_else(|| store_for(settings, None), |entry| entry.store.clone())
}

/// Proves that a credential can be stored, before a person is asked for one.
pub async fn ready(context: Context<'_>, store: &Store, profile: &ProfileName) -> Result<()> {
    let config = context.settings.config_folder()?;
    Profiles::prove_changeable(config)?;
    if context.world.person() {
        context.world.step(&format!("waiting for {}", store.title()));
    }
    store.probe().await.map_err(|error| error.explain_for_new(store, profile))?;
    let entry = Profiles::load(config)?.entries.remove(profile);
    let former = entry.filter(|entry| entry.command.is_none() && entry.store == store.kind);
    match (store.read(profile).await, former) {
        (Ok(None), Some(entry)) => {
            // A second record would hide the first one when it is unlocked.
            store.confirm_absence(profile).await.map_err(|error| error.explain(store, profile))?;
            warn_of_former(context.world, &entry, store, profile);
            Ok(())
        }
        // A record that cannot be read is about to be replaced. Two records with one name cannot be.
        (Ok(_) | Err(StoreError::Corrupt(_)), _) => Ok(()),
        (Err(error), _) => Err(error.explain_for_new(store, profile)),
    }
}

/// Warns that the former record was not found: a copy in another place stays there.
fn warn_of_former(world: &World, entry: &ProfileEntry, store: &Store, profile: &ProfileName) {
    let looked = entry.where_looked(&store.title(), &store.item_name(profile));
    world.warn(&format!("the former credential of profile {profile} was not found, and stays where it is: {looked}"));
}

/// Keeps a record and its entry. The entry must name this store.
pub async fn save(context: Context<'_>, store: &Store, record: &Record, entry: ProfileEntry) -> Result<()> {
    let profile = &record.profile;
    let _lock = wait_for_lock(context.world, store, profile).await;
    let kind = record.credential.kind();
    Profiles::change(context.settings.config_folder()?, |profiles| {
        if let Some(entry) = profiles.entries.get_mut(profile).filter(|entry| entry.kind != kind) {
            entry.becomes = Some(kind);
        }
    })?;
    if store.kind == StoreKind::File {
        // Nothing here looks at the access list of a file on Windows.
        let readers = if cfg!(unix) { ", readable by you alone" } else { "" };
        let item = store.item_name(profile);
        context.world.say(&format!("lokalise-auth: the credential will be kept in plaintext in {item}{readers}"));
    }
    store.write(profile, &record.to_text()).await.map_err(|error| error.explain_for_new(store, profile))?;
    write_entry(context, profile, ProfileEntry { item: Some(store.item_name(profile)), ..entry }).await
}

/// Writes the profile's entry, and removes the record that another store held for it before. A profile
/// that was limited to reading or to calls stays limited: a new token alone does not lift a limit.
pub async fn write_entry(context: Context<'_>, profile: &ProfileName, mut entry: ProfileEntry) -> Result<()> {
    let (kept_in, by_command) = (entry.store.clone(), entry.command.is_some());
    let asked = (entry.read_only, entry.call_only);
    let before = Profiles::change(context.settings.config_folder()?, |profiles| {
        if let Some(before) = profiles.entries.get(profile) {
            entry.read_only |= before.read_only;
            entry.call_only |= before.call_only;
        }
        profiles.entries.insert(profile.clone(), entry)
    })?;
    let Some(before) = before else { return Ok(()) };
    for (limit, stays) in
        [("read-only", before.read_only && !asked.0), ("for calls only", before.call_only && !asked.1)]
    {
        if stays {
            context.world.say(&format!(
                "profile {profile} stays {limit}; `lokalise-auth logout --profile {profile}` first would lift that"
            ));
        }
    }
    if before.command.is_none() && (before.store != kept_in || by_command) {
        remove_former(context, profile, &before).await;
    }
    Ok(())
}

/// Removes the record that another store held before, or says that it is still there.
async fn remove_former(context: Context<'_>, profile: &ProfileName, before: &ProfileEntry) {
    let store = context.settings.store(before.store.clone());
    let removed = match store.read(profile).await {
        Ok(None) => store.confirm_absence(profile).await.map(|()| false),
        // A record that cannot be read can still be removed.
        Ok(Some(_)) | Err(StoreError::Corrupt(_)) => store.delete(profile).await.map(|()| true),
        Err(error) => Err(error),
    };
    match removed {
        Ok(true) => {}
        Ok(false) => warn_of_former(context.world, before, &store, profile),
        Err(error) => {
            let item = before.item.clone().unwrap_or_else(|| store.item_name(profile));
            context.world.warn(&format!("the former credential is still in {} ({item}): {error}", store.title()));
        }
    }
}

/// Records the owner of a credential, and its scopes if they are known, for `profile list` and for later use
/// without a network. A profile that was logged out while the API was asked stays logged out.
pub fn note_owner(settings: &Settings, profile: &ProfileName, owner: &Owner, scopes: Option<&[String]>) -> Result<()> {
    Profiles::change(settings.config_folder()?, |profiles| {
        if let Some(entry) = profiles.entries.get_mut(profile) {
            entry.owner = Some(owner.clone());
            if let Some(scopes) = scopes {
                entry.scopes = Some(scopes.to_vec());
            }
        }
    })
}

/// Waits for the record's lock, so that a refresh under way ends first and does not overwrite the new record. A
/// refresh that is stuck compares what is stored before it writes, so it cannot undo this either.
pub async fn wait_for_lock(world: &World, store: &Store, profile: &ProfileName) -> Option<lock::Lock> {
    let key = store.record_key(profile);
    let lock = tokio::task::spawn_blocking(move || lock::of_record(&key)).await;
    match lock.unwrap_or_else(|error| Err(std::io::Error::other(error))) {
        Ok(lock) => Some(lock),
        Err(error) if error.kind() == std::io::ErrorKind::TimedOut => {
            world.warn(&format!("{error}; going on without it"));
            None
        }
        Err(error) => {
            world.step(&format!("no lock can be had ({error}); going on without one"));
            None
        }
    }
}

/// The profile that a new credential goes to.
pub struct TargetProfile {
    pub profile: ProfileName,
    /// For hints.
    pub profile_flag: String,
    /// Its entry so far, if it has one.
    pub entry: Option<ProfileEntry>,
}

/// Which profile a new credential goes to.
pub fn profile_to_fill(context: Context<'_>) -> Result<TargetProfile> {
    context.settings.refuse_token_variable(context.world)?;
    let profiles = context.settings.profiles()?;
    let (profile, rule) = context.settings.profile(context.world, &profiles)?;
    profile::own_home()?;
    let (profile_flag, entry) = (profile_flag_for_hint(&profile, &rule), profiles.entries.get(&profile).cloned());
    Ok(TargetProfile { profile, profile_flag, entry })
}
