//! The values of flags: the sets of words that some take, and the parsers of the others.
//! No message repeats what was typed.

use std::time::Duration;

use clap::ValueEnum;

use crate::names::StoreKind;
use crate::profile::ProfileName;
use crate::world::ColorChoice;

#[derive(ValueEnum, Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Color {
    #[default]
    Auto,
    Always,
    Never,
}

impl From<Color> for ColorChoice {
    fn from(color: Color) -> Self {
        match color {
            Color::Auto => Self::Auto,
            Color::Always => Self::Always,
            Color::Never => Self::Never,
        }
    }
}

#[derive(ValueEnum, Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TokenFormat {
    /// The bare token and a line break
    #[default]
    Raw,
    /// `X-Api-Token: …` or `Authorization: Bearer …`
    Header,
    /// An object with the token, its kind and its expiry
    Json,
    /// `LOKALISE_API_TOKEN=…` or `LOKALISE_ACCESS_TOKEN=…`
    Env,
    /// Masks the token in the log of GitHub Actions, then sets it for the next steps
    Github,
}

#[derive(ValueEnum, Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shell {
    Bash,
    Zsh,
    Fish,
    Powershell,
    Elvish,
    Nushell,
}

pub(super) fn profile_name(text: &str) -> Result<ProfileName, String> {
    ProfileName::parse(text).map_err(|why| why.to_string())
}

pub(super) fn store_kind(text: &str) -> Result<StoreKind, String> {
    StoreKind::parse(text).map_err(|why| why.to_string())
}

/// The name of a variable that a child may be given: not one that decides which code is loaded.
pub(super) fn variable_name(text: &str) -> Result<String, String> {
    let is_name = text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    let upper = text.to_ascii_uppercase();
    let loads = ["PATH", "LIBPATH", "SHLIB_PATH"].contains(&upper.as_str())
        || ["LD_", "DYLD_", "_RLD"].iter().any(|prefix| upper.starts_with(prefix));
    if !is_name {
        Err("a variable's name is letters, digits and `_`, and does not begin with a digit".to_owned())
    } else if loads {
        Err("this variable decides which programs and libraries are loaded".to_owned())
    } else {
        Ok(text.to_owned())
    }
}

pub(super) fn port(text: &str) -> Result<u16, String> {
    text.parse::<u16>().ok().filter(|port| *port > 0).ok_or_else(|| "a port is a number from 1 to 65535".to_owned())
}

/// A duration as people write it: `90s`, `10m`, `1h 30m`; a bare number is seconds.
///
/// # Errors
/// A sentence that shows the form. The text itself is not repeated.
pub fn duration(text: &str) -> Result<Duration, String> {
    if let Ok(seconds) = text.parse::<u32>() {
        return Ok(Duration::from_secs(seconds.into()));
    }
    humantime::parse_duration(text)
        .ok()
        .filter(|duration| duration.as_secs() <= u32::MAX.into())
        .ok_or_else(|| "a duration is written like 90s, 10m or 1h30m".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_as_people_write_them() {
        for (text, seconds) in [("30", 30), ("90s", 90), ("10m", 600), ("1h30m", 5400), ("1h 30m", 5400), ("0", 0)] {
            assert_eq!(duration(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for text in ["", "-1", "ten", "10x", "1e9", "99999999999999999999", "9999999y"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }
}
