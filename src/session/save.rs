//! Keeping a new credential: into the store under the record's lock, then into
//! `profiles.json`. What was there before stays until the new one was read back.

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

/// Proves that a credential can be kept before anybody is asked for one.
pub async fn ready(context: Context<'_>, store: &Store, profile: &ProfileName) -> Result<()> {
    Profiles::could_change(context.settings.config_folder()?)?;
    if store.kind == StoreKind::File {
        context.world.say(&format!(
            "lokalise-auth: the credential will be kept in plaintext in {}, readable by you alone",
            store.item_name(profile)
        ));
    }
    if context.world.person() {
        context.world.step(&format!("waiting for {}", store.title()));
    }
    store.probe().await.map_err(|error| error.explain_for_new(store, profile))?;
    match store.read(profile).await {
        // What cannot be read is about to be replaced. What is there twice could not be.
        Ok(_) | Err(StoreError::Corrupt(_)) => Ok(()),
        Err(error) => Err(error.explain_for_new(store, profile)),
    }
}

/// Keeps a record and its entry. The entry must name this store.
pub async fn save(context: Context<'_>, store: &Store, record: &Record, entry: ProfileEntry) -> Result<()> {
    let profile = &record.profile;
    let _lock = waited(context.world, store, profile).await;
    let kind = record.credential.kind();
    Profiles::change(context.settings.config_folder()?, |profiles| {
        if let Some(entry) = profiles.entries.get_mut(profile).filter(|entry| entry.kind != kind) {
            entry.becomes = Some(kind);
        }
    })?;
    store.write(profile, &record.to_text()).await.map_err(|error| error.explain_for_new(store, profile))?;
    enter(context, profile, entry).await
}

/// Writes the profile's entry, and removes the record that another store held for it before. A profile
/// that was bound to reading stays so: what it may do is not to grow with a new token, unasked.
pub async fn enter(context: Context<'_>, profile: &ProfileName, mut entry: ProfileEntry) -> Result<()> {
    let (kept_in, by_command, asked) = (entry.store.clone(), entry.command.is_some(), entry.read_only);
    let before = Profiles::change(context.settings.config_folder()?, |profiles| {
        entry.read_only |= profiles.entries.get(profile).is_some_and(|before| before.read_only);
        profiles.entries.insert(profile.clone(), entry)
    })?;
    if !asked && before.as_ref().is_some_and(|before| before.read_only) {
        context.world.say(&format!(
            "profile {profile} stays read-only; `lokalise-auth logout --profile {profile}` first would lift that"
        ));
    }
    let Some(before) = before.filter(|before| before.command.is_none() && (before.store != kept_in || by_command))
    else {
        return Ok(());
    };
    let old = context.settings.store(before.store);
    if let Err(error) = old.delete(profile).await {
        context.world.warn(&format!("the former credential is still in {}: {error}", old.title()));
    }
    Ok(())
}

/// Notes whose credential it is, and its scopes where they are told, for `profile list` and for later
/// without a network. A profile that was logged out while the API was asked stays so.
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

/// The record's lock, so that a refresh under way ends first and does not overwrite what is kept now. A
/// refresh that is stuck checks what is stored before it writes: it cannot undo this either.
pub async fn waited(world: &World, store: &Store, profile: &ProfileName) -> Option<lock::Lock> {
    let place = store.lock_place(profile);
    let lock = tokio::task::spawn_blocking(move || lock::of_record(&place)).await;
    match lock.unwrap_or_else(|error| Err(std::io::Error::other(error))) {
        Ok(lock) => Some(lock),
        Err(error) => {
            world.warn(&format!("no lock can be had ({error}); going on without one"));
            None
        }
    }
}

/// The profile that a new credential goes to.
pub struct TargetProfile {
    pub profile: ProfileName,
    /// For hints.
    pub profile_flag: String,
    /// What is known of it by now.
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
