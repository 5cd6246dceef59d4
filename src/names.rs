//! The names of profiles and stores. Records and stores use them, so they are below both.

use std::fmt;
use std::path::Path;

use serde::{Deserialize, Serialize};

/// A profile's name: 1 to 64 of `A-Za-z0-9._-`, not `.` or `..`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct ProfileName(String);

/// Why a text is not a profile name. The text is not repeated.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("a profile name is 1 to 64 letters, digits, `.`, `_` or `-`, and not `.` or `..`")]
pub struct NotAName;

impl ProfileName {
    pub fn parse(text: &str) -> Result<Self, NotAName> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        let good = (1..=64).contains(&text.len()) && text.chars().all(allowed) && text != "." && text != "..";
        if good { Ok(Self(text.to_owned())) } else { Err(NotAName) }
    }

    /// The name of a throw-away record: one that no profile can have, so that none is ever overwritten.
    pub(crate) fn of_a_probe() -> Self {
        Self(format!("~probe.{}", std::process::id()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for ProfileName {
    fn default() -> Self {
        Self("default".to_owned())
    }
}

impl fmt::Display for ProfileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for ProfileName {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

/// A store, as a profile has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreKind {
    Keyring,
    File,
    /// `docker-credential-NAME`, by its NAME or an absolute path.
    Helper(String),
}

/// Why a text names no store. The text is not repeated.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("a store is auto, keyring, file or helper:NAME")]
pub struct NotAStore;

impl StoreKind {
    /// Reads what `--store` and `LOKALISE_AUTH_STORE` name. `auto` is the keyring: nothing is ever guessed.
    ///
    /// # Errors
    /// If it names no store.
    pub fn parse(text: &str) -> Result<Self, NotAStore> {
        match text {
            "keyring" | "auto" => Ok(Self::Keyring),
            "file" => Ok(Self::File),
            _ => match text.strip_prefix("helper:") {
                Some(name) if is_helper_name(name) => Ok(Self::Helper(name.to_owned())),
                _ => Err(NotAStore),
            },
        }
    }

    /// The word for `source.type` in reports.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Keyring => "keyring",
            Self::File => "file",
            Self::Helper(_) => "helper",
        }
    }
}

impl fmt::Display for StoreKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Helper(name) => write!(f, "helper:{name}"),
            _ => f.write_str(self.type_name()),
        }
    }
}

impl Serialize for StoreKind {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for StoreKind {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

/// Whether a text can name a helper: a bare word, or an absolute path.
pub fn is_helper_name(name: &str) -> bool {
    let word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let bare = !name.is_empty() && name.chars().all(word) && name != "." && name != "..";
    bare || (Path::new(name).is_absolute() && !name.chars().any(char::is_control))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_name_is_short_and_plain() {
        for good in ["default", "a", "Work-2.eu_x", "...", &"x".repeat(64)] {
            assert!(ProfileName::parse(good).is_ok(), "{good}");
        }
        for bad in ["", ".", "..", "../x", "a b", "a\n", "ä", "a/b", "a@b", &"x".repeat(65)] {
            assert_eq!(ProfileName::parse(bad), Err(NotAName), "{bad}");
        }
    }

    #[test]
    fn a_store_is_named_exactly() {
        assert_eq!(StoreKind::parse("auto"), Ok(StoreKind::Keyring));
        assert_eq!(StoreKind::parse("helper:pass"), Ok(StoreKind::Helper("pass".to_owned())));
        for bad in ["", "Keyring", "helper:", "helper:a b", "helper:../x", "helper:a/b", "helper", "plain"] {
            assert_eq!(StoreKind::parse(bad), Err(NotAStore), "{bad}");
        }
        assert!(StoreKind::parse("helper:/opt/docker-credential-x").is_ok());
    }
}
