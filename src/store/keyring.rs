//! The OS keyring: Secret Service on Linux, Keychain on macOS, Credential Manager
//! on Windows. One item per profile.

use zeroize::Zeroizing;

use super::{Backend, Deadline, StoreError};
use crate::names::ProfileName;

#[cfg(target_os = "macos")]
use keyring::{Entry, Error};
#[cfg(not(target_os = "macos"))]
use keyring_core::{Entry, Error, api::CredentialStoreApi};

/// The items' `service` attribute.
pub const SERVICE: &str = "lokalise-auth";

/// Windows' `CRED_MAX_CREDENTIAL_BLOB_SIZE`, in bytes; the others take megabytes.
const LIMIT: usize = if cfg!(windows) { 2560 } else { 60_000 };

/// The item's user name: the profile, set apart by installation.
pub fn account(profile: &ProfileName, suffix: Option<&str>) -> String {
    match suffix {
        Some(suffix) => format!("{profile}@{suffix}"),
        None => profile.to_string(),
    }
}

pub(super) struct Keyring {
    suffix: Option<String>,
    #[cfg(all(unix, not(target_os = "macos")))]
    store: Option<std::sync::Arc<dbus_secret_service_keyring_store::Store>>,
}

impl Keyring {
    #[cfg(all(unix, not(target_os = "macos")))]
    pub(super) fn new(suffix: Option<String>) -> Self {
        Self { suffix, store: None }
    }

    #[cfg(any(windows, target_os = "macos"))]
    pub(super) fn new(suffix: Option<String>) -> Self {
        Self { suffix }
    }

    /// The item of a profile. One connection, and so one key exchange, serves the whole command.
    #[cfg(all(unix, not(target_os = "macos")))]
    fn entry(&mut self, profile: &ProfileName) -> Result<Entry, StoreError> {
        let store = if let Some(store) = &self.store {
            store
        } else {
            session_bus()?;
            self.store.insert(dbus_secret_service_keyring_store::Store::new().map_err(store_error)?)
        };
        let label = format!("lokalise-auth ({profile})");
        let modifiers = std::collections::HashMap::from([("label", label.as_str())]);
        store.build(SERVICE, &account(profile, self.suffix.as_deref()), Some(&modifiers)).map_err(store_error)
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

impl Backend for Keyring {
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
        if record.len() > LIMIT {
            return Err(StoreError::TooLarge { size: record.len(), limit: LIMIT });
        }
        // Bytes, not a password: Windows stores passwords in UTF-16, which halves the room.
        self.entry(profile)?.set_secret(record.as_bytes()).map_err(store_error)
    }

    fn delete(&mut self, profile: &ProfileName, _: Deadline) -> Result<(), StoreError> {
        match self.entry(profile)?.delete_credential() {
            Ok(()) | Err(Error::NoEntry) => Ok(()),
            Err(error) => Err(store_error(error)),
        }
    }
}

/// Whether there is a session bus to connect to. Without one libdbus would start `dbus-launch`, and
/// that a bus which outlives us, with our environment and the secrets in it.
#[cfg(all(unix, not(target_os = "macos")))]
fn session_bus() -> Result<(), StoreError> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    let there = match set("DBUS_SESSION_BUS_ADDRESS") {
        Some(address) => !address.to_string_lossy().starts_with("autolaunch:"),
        None => set("XDG_RUNTIME_DIR").is_some_and(|folder| std::path::Path::new(&folder).join("bus").exists()),
    };
    if there {
        Ok(())
    } else {
        Err(StoreError::Unavailable("there is no D-Bus session bus (DBUS_SESSION_BUS_ADDRESS is not set)".to_owned()))
    }
}

/// The library's answer as ours. Two of its errors hold the secret's bytes: those are dropped here.
fn store_error(error: Error) -> StoreError {
    match error {
        Error::BadEncoding(bytes) | Error::BadDataFormat(bytes, _) => {
            drop(Zeroizing::new(bytes));
            StoreError::Corrupt("it is not text".to_owned())
        }
        Error::Ambiguous(_) => StoreError::Ambiguous,
        Error::TooLong(_, limit) => StoreError::TooLarge { size: 0, limit: limit as usize },
        Error::NoStorageAccess(why) => by_number(&*why).unwrap_or_else(|| no_access(&one_line(&*why))),
        Error::PlatformFailure(why) => by_number(&*why).unwrap_or_else(|| platform_failure(&one_line(&*why))),
        Error::NoDefaultStore => StoreError::Unavailable("there is none on this system".to_owned()),
        other => StoreError::Unavailable(one_line(&other)),
    }
}

/// What macOS and Windows mean, by the numbers of their errors: their words are in the user's language.
fn by_number(why: &dyn std::error::Error) -> Option<StoreError> {
    if cfg!(any(windows, target_os = "macos")) {
        // One library keeps the type to itself. What both show for debugging begins with the number.
        number(&format!("{why:?}")).and_then(|number| meant_by(number, one_line(why)))
    } else {
        None
    }
}

/// The first number in a text, as in `PlatformError(5)` and `Error { code: -61, message: "…" }`.
fn number(text: &str) -> Option<i32> {
    let digits = text.split(|c: char| !c.is_ascii_digit() && c != '-').find(|run| run.ends_with(char::is_numeric))?;
    digits.parse().ok()
}

/// macOS's numbers are negative, Windows' are not.
fn meant_by(number: i32, why: String) -> Option<StoreError> {
    Some(match number {
        // There is no keychain, it is not where it should be, or it is broken.
        -25291 | -25294 | -25295 => StoreError::Unavailable(why),
        // Write permission, owner edit, a keychain that is read-only, wrong passphrase, cancelled prompt.
        -61 | -25244 | -25292 | -25293 | -128 => StoreError::Denied(why),
        // A prompt is needed and not allowed.
        -25308 | -25315 => StoreError::Locked(why),
        5 => StoreError::Denied("access is denied".to_owned()),
        1312 => StoreError::Unavailable(
            "it is closed to a logon over the network, which SSH is too; log on at the machine itself".to_owned(),
        ),
        _ => return None,
    })
}

/// A keyring without a default collection is called inaccessible too: there is nothing to unlock.
fn no_access(why: &str) -> StoreError {
    if why.contains("no result found") {
        StoreError::Unavailable("it has no default collection".to_owned())
    } else {
        StoreError::Locked(why.to_owned())
    }
}

/// The bindings of D-Bus tell these apart by words only.
fn platform_failure(why: &str) -> StoreError {
    let lower = why.to_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| lower.contains(word));
    if says(&["did not receive a reply", "noreply", "timed out", "timeout"]) {
        StoreError::TimedOut(std::time::Duration::from_secs(2))
    } else if says(&["locked"]) {
        StoreError::Locked(why.to_owned())
    } else if says(&["access denied", "accessdenied", "rejected send message", "policy prevents", "not authorized"]) {
        StoreError::Denied(why.to_owned())
    } else {
        StoreError::Unavailable(why.to_owned())
    }
}

fn one_line(error: &dyn std::error::Error) -> String {
    let text = error.to_string();
    // What the bus adds about its rules helps nobody.
    let text = text.split(';').next().unwrap_or_default();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
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

    #[test]
    fn an_error_of_macos_or_windows_is_known_by_its_number() {
        let of = |debug: &str| number(debug).and_then(|number| meant_by(number, "why".to_owned()));
        for code in [-25291, -25294, -25295] {
            let error = of(&format!("Error {{ code: {code}, message: \"kein Schl\u{fc}sselbund (2)\" }}"));
            assert!(matches!(error, Some(StoreError::Unavailable(_))), "{code}: {error:?}");
        }
        for code in [-61, -25244, -25292, -25293, -128] {
            let error = of(&format!("Error {{ code: {code} }}"));
            assert!(matches!(error, Some(StoreError::Denied(_))), "{code}: {error:?}");
        }
        assert!(matches!(of("Error { code: -25308 }"), Some(StoreError::Locked(_))));
        assert!(matches!(of("PlatformError(5)"), Some(StoreError::Denied(_))));
        let Some(StoreError::Unavailable(why)) = of("PlatformError(1312)") else { panic!("1312 has words of its own") };
        assert!(why.contains("SSH"), "{why}");
        for unknown in ["PlatformError(8)", "Error { code: -25299 }", "-", "", "PlatformError(99999999999)"] {
            assert!(of(unknown).is_none(), "{unknown}");
        }
    }

    #[test]
    fn a_secret_service_that_is_locked_is_not_one_that_is_missing() {
        let platform = |why: &str| store_error(Error::PlatformFailure(why.into()));
        let no_access = |why: &str| store_error(Error::NoStorageAccess(why.into()));
        assert!(matches!(no_access("Secret Service: object locked"), StoreError::Locked(_)));
        assert!(matches!(no_access("Secret Service: no result found"), StoreError::Unavailable(_)));
        assert!(matches!(platform("DBus error: Did not receive a reply"), StoreError::TimedOut(_)));
        assert!(matches!(platform("DBus error: Rejected send message, 2 rules"), StoreError::Denied(_)));
        assert!(matches!(platform("No DBus session or Secret Service provider found"), StoreError::Unavailable(_)));
    }

    #[test]
    fn two_installations_use_two_accounts() {
        let profile = ProfileName::default();
        assert_eq!(account(&profile, None), "default");
        assert_eq!(account(&profile, Some("0a1b2c3d")), "default@0a1b2c3d");
    }
}
