//! What all keyrings have in common: the name of a profile's item, and what the numbered errors
//! of macOS and Windows mean.

#[cfg(any(windows, target_os = "macos", test))]
use super::StoreError;
use crate::names::ProfileName;

/// The items' `service` attribute.
pub const SERVICE: &str = "lokalise-auth";

/// The item's user name: the profile, and the installation if it is not the default one.
pub fn account(profile: &ProfileName, suffix: Option<&str>) -> String {
    match suffix {
        Some(suffix) => format!("{profile}@{suffix}"),
        None => profile.to_string(),
    }
}

/// What an error of macOS or Windows means, by its number: its text is in the user's language.
#[cfg(any(windows, target_os = "macos"))]
pub fn by_number(why: &dyn std::error::Error) -> Option<StoreError> {
    // One library keeps its error type private. The `Debug` text of both libraries begins with the number.
    number(&format!("{why:?}")).and_then(|number| meaning_of(number, why.to_string()))
}

/// The first number in a text, as in `PlatformError(5)` and `Error { code: -61, message: "…" }`.
#[cfg(any(windows, target_os = "macos", test))]
fn number(text: &str) -> Option<i32> {
    let digits = text.split(|c: char| !c.is_ascii_digit() && c != '-').find(|run| run.ends_with(char::is_numeric))?;
    digits.parse().ok()
}

/// macOS's numbers are negative, Windows' are not.
#[cfg(any(windows, target_os = "macos", test))]
fn meaning_of(number: i32, why: String) -> Option<StoreError> {
    Some(match number {
        // The keychain does not exist, is not at its place, or is broken.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_of_macos_or_windows_is_known_by_its_number() {
        let of = |debug: &str| number(debug).and_then(|number| meaning_of(number, "why".to_owned()));
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
    fn two_installations_use_two_accounts() {
        let profile = ProfileName::default();
        assert_eq!(account(&profile, None), "default");
        assert_eq!(account(&profile, Some("0a1b2c3d")), "default@0a1b2c3d");
    }
}
