//! The keyring on macOS (Keychain) and Windows (Credential Manager).

use zeroize::Zeroizing;

use super::keyring::{SERVICE, account, by_number};
use super::{Backend, Deadline, StoreError};
use crate::names::ProfileName;

#[cfg(target_os = "macos")]
use keyring::{Entry, Error};
#[cfg(windows)]
use keyring_core::{Entry, Error, api::CredentialStoreApi};

/// Windows' `CRED_MAX_CREDENTIAL_BLOB_SIZE`, in bytes; the Keychain takes megabytes.
const MAX_RECORD_BYTES: usize = if cfg!(windows) { 2560 } else { 60_000 };

/// The store. One item per profile.
pub struct NativeKeyring {
    suffix: Option<String>,
}

impl NativeKeyring {
    pub fn new(suffix: Option<String>) -> Self {
        Self { suffix }
    }

    /// The item of a profile. It stays on this machine: by default it would roam with the user.
    #[cfg(windows)]
    fn entry(&mut self, profile: &ProfileName) -> Result<Entry, StoreError> {
        let store = windows_native_keyring_store::Store::new().map_err(store_error)?;
        let modifiers = std::collections::HashMap::from([("persistence", "Local")]);
        store.build(SERVICE, &account(profile, self.suffix.as_deref()), Some(&modifiers)).map_err(store_error)
    }

    #[cfg(target_os = "macos")]
    fn entry(&mut self, profile: &ProfileName) -> Result<Entry, StoreError> {
        Entry::new(SERVICE, &account(profile, self.suffix.as_deref())).map_err(store_error)
    }
}

impl Backend for NativeKeyring {
    fn read(&mut self, profile: &ProfileName, _: Deadline) -> Result<Option<Zeroizing<String>>, StoreError> {
        match self.entry(profile)?.get_secret() {
            Ok(bytes) => String::from_utf8(bytes).map(|text| Some(Zeroizing::new(text))).map_err(|error| {
                drop(Zeroizing::new(error.into_bytes()));
                StoreError::Corrupt("it is not text".to_owned())
            }),
            Err(Error::NoEntry) => Ok(None),
            Err(error) => Err(store_error(error)),
        }
    }

    fn write(&mut self, profile: &ProfileName, record: &str, _: Deadline) -> Result<(), StoreError> {
        if record.len() > MAX_RECORD_BYTES {
            return Err(StoreError::TooLarge { size: record.len(), limit: MAX_RECORD_BYTES });
        }
        // Bytes, not a password: Windows stores passwords in UTF-16, which takes twice the space.
        self.entry(profile)?.set_secret(record.as_bytes()).map_err(store_error)
    }

    fn delete(&mut self, profile: &ProfileName, _: Deadline) -> Result<(), StoreError> {
        match self.entry(profile)?.delete_credential() {
            Ok(()) | Err(Error::NoEntry) => Ok(()),
            Err(error) => Err(store_error(error)),
        }
    }
}

/// The library's error as ours. Two of its errors hold the secret's bytes: those are dropped here.
fn store_error(error: Error) -> StoreError {
    match error {
        Error::BadEncoding(bytes) | Error::BadDataFormat(bytes, _) => {
            drop(Zeroizing::new(bytes));
            StoreError::Corrupt("it is not text".to_owned())
        }
        Error::Ambiguous(_) => StoreError::Ambiguous,
        Error::TooLong(_, limit) => StoreError::TooLarge { size: 0, limit: limit as usize },
        Error::NoStorageAccess(why) => by_number(&*why).unwrap_or_else(|| StoreError::Locked(one_line(&*why))),
        Error::PlatformFailure(why) => by_number(&*why).unwrap_or_else(|| StoreError::Unavailable(one_line(&*why))),
        Error::NoDefaultStore => StoreError::Unavailable("this system has none".to_owned()),
        other => StoreError::Unavailable(one_line(&other)),
    }
}

fn one_line(error: &dyn std::error::Error) -> String {
    error.to_string().split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_that_carries_the_secret_loses_it() {
        let error = store_error(Error::BadEncoding(b"SECRET".to_vec()));
        assert!(matches!(&error, StoreError::Corrupt(_)));
        assert!(!format!("{error:?}{error}").contains("83, 69"));
    }
}
