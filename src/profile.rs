//! Profiles: the list of them in `profiles.json`, which holds no secret, and
//! `.lokalise-profile`, in which a folder names the profile to use.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::credential::CredentialKind;
use crate::error::{Error, Result};
use crate::files::ownership::{self, Untrusted};
use crate::files::{atomic, lock, private};
use crate::names::StoreKind;
pub use crate::names::{NotAName, ProfileName};
use crate::origin::Origin;
use crate::shell;
use crate::text;

/// Who owns a credential, as far as the API shows it.
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
    /// The kind of the record that is about to be written. If the run ends before this entry is replaced,
    /// the new record is still valid.
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
    /// Whether the token is for `call` and `whoami` alone.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub call_only: bool,
    /// Where the record was stored: the file, or the item's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item: Option<String>,
    /// The words of a command that prints the token, in place of a stored record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<Vec<String>>,
}

impl ProfileEntry {
    /// An entry for a credential of these servers, with nothing else known or asked for.
    pub fn new(kind: CredentialKind, store: StoreKind, api: &Origin, oauth: &Origin) -> Self {
        Self {
            kind,
            becomes: None,
            store,
            api_url: api.to_string(),
            oauth_url: oauth.to_string(),
            client_id: None,
            scopes: None,
            owner: None,
            read_only: false,
            call_only: false,
            item: None,
            command: None,
        }
    }

    /// Where a record was looked for but not found, and where it was stored, if that is another place.
    pub fn where_looked(&self, store: &str, item: &str) -> String {
        match &self.item {
            Some(stored) if stored != item => format!("looked in {store} ({item}); it was stored in {stored}"),
            _ => format!("looked in {store} ({item})"),
        }
    }

    /// Whether the entry may describe a record of this kind.
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
/// Far more than any real list, so that a device or another large file is not read whole.
const MAX_LIST_BYTES: u64 = 1 << 20;

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
        let file = ownership::open_trusted(&path).and_then(|file| {
            ownership::refuse_shared(&path, &file)?;
            Ok(file)
        });
        let text = match file.and_then(read_bounded) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            // If the parent of the config folder is a file, no profiles exist; a write then fails.
            Err(error) if error.kind() == io::ErrorKind::NotADirectory => return Ok(Self::default()),
            Err(error) if Untrusted::is(&error) => return Err(untrusted(&path, error)),
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
            replace(&path, &after, lock.as_ref()).map_err(|error| unwritable(&path, error))?;
        }
        Ok(answer)
    }

    /// Proves that `profiles.json` can be changed. It replaces the file by one with the same content: a rename may fail
    /// although everything else works, for example if only this file is mounted.
    pub fn prove_changeable(folder: &Path) -> Result<()> {
        let path = path(folder);
        let lock = prepare(folder, &path)?;
        Self::load(folder)?;
        let proved = match fs::read_to_string(&path) {
            Ok(text) => replace(&path, &text, lock.as_ref()),
            Err(_) => {
                ownership::follow_links(&path).and_then(|path| atomic::prove_changeable_folder(&path, lock.as_ref()))
            }
        };
        proved.map_err(|error| unwritable(&path, error))
    }

    fn to_text(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).expect("strings and numbers always serialize");
        text.push('\n');
        text
    }
}

/// Replaces the list. A link to it stays: the file that it points to is replaced.
fn replace(path: &Path, text: &str, lock: Option<&lock::Lock>) -> io::Result<()> {
    atomic::replace(&ownership::follow_links(path)?, text.as_bytes(), lock)
}

/// Makes the folder, and takes the lock of the list.
fn prepare(folder: &Path, path: &Path) -> Result<Option<lock::Lock>> {
    private::private_folder(folder).and_then(|()| lock::of_file(path)).map_err(|error| unwritable(path, error))
}

/// Refuses a home that is not ours, before anything is changed.
pub fn own_home() -> Result<()> {
    private::own_home().map_err(|error| not_own_home(&error))
}

fn not_own_home(error: &io::Error) -> Error {
    Error::usage(format!("{error}; nothing was written")).hint(private::ForeignHome::HINT)
}

/// The list names commands that are run, so a list that another user may have written is refused.
fn untrusted(path: &Path, error: io::Error) -> Error {
    let quoted = path.display().to_string();
    let error = Error::store(format!("{} is not believed", path.display())).because(error);
    if private::own_home().is_err() {
        return error.hint(private::ForeignHome::HINT);
    }
    error
        .hint(format!("look at it (`ls -lL {0}`); if its content is yours: `chmod go-w {0}`", shell::quote(&quoted)))
        .hint("LOKALISE_AUTH_CONFIG_DIR names a folder of your own")
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
/// `ignored` is called for a file that another user made.
///
/// # Errors
/// Usage, if the file says anything but one profile name.
pub fn of_folder(folder: &Path, mut ignored: impl FnMut(io::Error)) -> Result<Option<(ProfileName, PathBuf)>> {
    for folder in folder.ancestors() {
        let path = folder.join(".lokalise-profile");
        // A folder that may not be looked into names no profile either.
        if fs::symlink_metadata(&path).is_err() {
            continue;
        }
        let text = match ownership::open_trusted(&path).and_then(text::read_value) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) if Untrusted::is(&error) => {
                ignored(error);
                continue;
            }
            Err(error) => return Err(Error::usage(format!("{} cannot be read", path.display())).because(error)),
        };
        return match ProfileName::parse(&text) {
            Ok(name) => Ok(Some((name, path))),
            Err(why) => Err(Error::usage(format!("{} must hold one profile name and nothing else", path.display()))
                .because(why)
                .hint("write the name alone into it, or name the profile with --profile")),
        };
    }
    Ok(None)
}

fn read_bounded(file: fs::File) -> io::Result<String> {
    let mut text = String::new();
    file.take(MAX_LIST_BYTES).read_to_string(&mut text)?;
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
        let name = |folder: &Path| {
            of_folder(folder, |error| panic!("{error}")).map(|found| found.map(|(name, _)| name.to_string()))
        };
        assert_eq!(name(&deep).expect("a name"), Some("outer".to_owned()));
        let inner = root.path().join("a/.lokalise-profile");
        for text in [&b"inner"[..], b"inner\r\n", b"\xef\xbb\xbf inner \n", b"\xff\xfei\0n\0n\0e\0r\0\r\0\n\0"] {
            fs::write(&inner, text).expect("a file");
            assert_eq!(name(&deep).expect("a name"), Some("inner".to_owned()), "{text:?}");
        }
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
