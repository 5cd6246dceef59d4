//! The names of profiles. Records and stores carry them too, so they stand below both.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A profile's name: 1 to 64 of `A-Za-z0-9._-`, not `.` or `..`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct ProfileName(String);

/// Why a text is no profile name. The text is not repeated.
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
}
