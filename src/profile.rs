//! Profiles: the list of them in `profiles.json`, which holds no secret, and
//! `.lokalise-profile`, by which a folder names the one to use.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::credential::CredentialKind;
use crate::error::{Error, Result};
use crate::files::{atomic, lock, private};
use crate::names::StoreKind;
pub use crate::names::{NotAName, ProfileName};

/// Who owns a credential, as far as the API told.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    pub user_id: Option<u64>,
    pub name: Option<String>,
    pub email: Option<String>,
}

/// What is known of a profile without opening its store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProfileEntry {
    pub kind: CredentialKind,
    /// The kind of the record that is about to be written: should the run end before this entry is
    /// replaced too, the new record is good all the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub becomes: Option<CredentialKind>,
    pub store: StoreKind,
    /// Origin of the API that the credential is for.
    pub api_url: String,
    /// Origin that issued it.
    pub oauth_url: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scopes: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<Owner>,
    #[serde(default)]
    pub read_only: bool,
    /// The words of a command that prints the token, in place of a stored record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<Vec<String>>,
}

impl ProfileEntry {
    /// Whether a record of this kind may be the one that the entry speaks of.
    pub fn is_for(&self, kind: CredentialKind) -> bool {
        self.kind == kind || self.becomes == Some(kind)
    }
}

/// The content of `profiles.json`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Profiles {
    version: u32,
    /// The profile that `profile use` chose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<ProfileName>,
    #[serde(default)]
    pub entries: BTreeMap<ProfileName, ProfileEntry>,
}

impl Default for Profiles {
    fn default() -> Self {
        Self { version: VERSION, default: None, entries: BTreeMap::new() }
    }
}

const VERSION: u32 = 1;
/// Far above any real list, so that a device or a stray download is not read whole.
const LONGEST: u64 = 1 << 20;

/// The file's place in the configuration folder.
pub fn path(folder: &Path) -> PathBuf {
    folder.join("profiles.json")
}

impl Profiles {
    /// Reads `profiles.json`; a missing file is an empty list.
    pub fn load(folder: &Path) -> Result<Self> {
        let path = path(folder);
        let unusable = |why: String| {
            Error::store(format!("{} {why}", path.display()))
                .hint("nothing was changed; mend the file or move it away, then log in again")
        };
        let text = match read_bounded(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            // A config folder whose parent is a file holds no profiles; writing there will say so.
            Err(error) if error.kind() == io::ErrorKind::NotADirectory => return Ok(Self::default()),
            Err(error) => return Err(unusable("cannot be read".to_owned()).because(error)),
        };
        let Ok(value) = serde_json::from_str::<serde_json::Value>(&text) else {
            return Err(unusable("is not JSON".to_owned()));
        };
        match value.get("version").and_then(serde_json::Value::as_u64) {
            Some(version) if version > u64::from(VERSION) => {
                return Err(Error::store(format!("{} was written by a newer lokalise-auth", path.display()))
                    .hint("nothing was changed; use that version, or move the file away"));
            }
            Some(_) => {}
            None => return Err(unusable("is not a list of profiles".to_owned())),
        }
        serde_json::from_value(value).map_err(|why| unusable("is not a list of profiles".to_owned()).because(why))
    }

    /// Reads, changes and writes `profiles.json` under its own lock.
    pub fn change<T>(folder: &Path, change: impl FnOnce(&mut Self) -> T) -> Result<T> {
        let path = path(folder);
        let lock = prepare(folder, &path)?;
        let mut profiles = Self::load(folder)?;
        let before = profiles.to_text();
        let answer = change(&mut profiles);
        let after = profiles.to_text();
        if before != after {
            atomic::replace(&path, after.as_bytes(), lock.as_ref()).map_err(|error| unwritable(&path, error))?;
        }
        Ok(answer)
    }

    /// Proves that `profiles.json` could be changed, and leaves it as it is.
    pub fn could_change(folder: &Path) -> Result<()> {
        let path = path(folder);
        let lock = prepare(folder, &path)?;
        Self::load(folder)?;
        atomic::could_replace(&path, lock.as_ref()).map_err(|error| unwritable(&path, error))
    }

    fn to_text(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).expect("strings and numbers always serialize");
        text.push('\n');
        text
    }
}

/// Makes the folder, and takes the lock of the list.
fn prepare(folder: &Path, path: &Path) -> Result<Option<lock::Lock>> {
    private::private_folder(folder).and_then(|()| lock::beside(path)).map_err(|error| unwritable(path, error))
}

/// Refuses to change anything in a home that is not ours, before it is begun.
pub fn own_home() -> Result<()> {
    private::own_home().map_err(|error| not_own_home(&error))
}

fn not_own_home(error: &io::Error) -> Error {
    Error::usage(format!("{error}; nothing was written")).hint(private::ForeignHome::HINT)
}

fn unwritable(path: &Path, error: io::Error) -> Error {
    if private::ForeignHome::is(&error) {
        return not_own_home(&error);
    }
    Error::store(format!("{} cannot be written", path.display()))
        .because(error)
        .hint("check the folder's owner, mode and free space, or set LOKALISE_AUTH_CONFIG_DIR")
}

/// The profile that the nearest `.lokalise-profile` names, in `folder` or a
/// parent of it, and that file's path.
///
/// # Errors
/// Usage, if the file says anything but one profile name.
pub fn of_folder(folder: &Path) -> Result<Option<(ProfileName, PathBuf)>> {
    for folder in folder.ancestors() {
        let path = folder.join(".lokalise-profile");
        // A folder that may not be looked into names no profile either.
        if fs::metadata(&path).is_err() {
            continue;
        }
        let text = match read_bounded(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(Error::usage(format!("{} cannot be read", path.display())).because(error)),
        };
        let line = text.strip_suffix('\n').unwrap_or(&text);
        let line = line.strip_suffix('\r').unwrap_or(line);
        return match ProfileName::parse(line) {
            Ok(name) => Ok(Some((name, path))),
            Err(why) => Err(Error::usage(format!("{} must hold one profile name and nothing else", path.display()))
                .because(why)
                .hint("write the name alone into it, or name the profile with --profile")),
        };
    }
    Ok(None)
}

fn read_bounded(path: &Path) -> io::Result<String> {
    // A FIFO in this place would block the open for ever.
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    let mut text = String::new();
    fs::File::open(path)?.take(LONGEST).read_to_string(&mut text)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_file_up_the_tree_names_the_profile() {
        let root = tempfile::tempdir().expect("a temporary folder");
        let deep = root.path().join("a/b");
        fs::create_dir_all(&deep).expect("a folder");
        fs::write(root.path().join(".lokalise-profile"), "outer\n").expect("a file");
        let name = |folder: &Path| of_folder(folder).map(|found| found.map(|(name, _)| name.to_string()));
        assert_eq!(name(&deep).expect("a name"), Some("outer".to_owned()));
        fs::write(root.path().join("a/.lokalise-profile"), "inner\r\n").expect("a file");
        assert_eq!(name(&deep).expect("a name"), Some("inner".to_owned()));
        fs::write(root.path().join("a/.lokalise-profile"), "inner\nsecond\n").expect("a file");
        assert!(name(&deep).is_err());
    }

    #[test]
    fn a_list_that_cannot_be_read_is_not_overwritten() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for text in ["", "{", "[]", r#"{"version":2,"entries":{}}"#, r#"{"version":1,"entries":{"../x":{}}}"#] {
            fs::write(path(folder.path()), text).expect("a file");
            assert!(Profiles::load(folder.path()).is_err(), "{text}");
            assert!(Profiles::change(folder.path(), |_| ()).is_err(), "{text}");
            assert_eq!(fs::read_to_string(path(folder.path())).expect("a file"), text);
        }
    }
}
