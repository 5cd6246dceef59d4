//! Why a store gave no answer, sorted by what the reader can do about it. Each error
//! has hints that work for that store.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use super::{Store, file, helper, keyring};
use crate::error::{Error, ErrorKind};
use crate::files::private;
use crate::names::{ProfileName, StoreKind};
use crate::shell;

/// Why a store gave no answer. A missing record is not an error: that is `Ok(None)`.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The store does not exist here: no D-Bus, no service, no program, no folder.
    #[error("{0}")]
    Unavailable(String),
    #[error("{0}")]
    Locked(String),
    /// The keyring runs, but has no collection for new records.
    #[error("it has no default collection")]
    NoCollection,
    /// The store showed a prompt, and no person answered it within this time.
    #[error("it is locked, and its prompt was not answered")]
    PromptUnanswered(Duration),
    /// The store refused, or our check of its file did.
    #[error("{0}")]
    Denied(String),
    /// No answer came within this time.
    #[error("no answer in time")]
    TimedOut(Duration),
    /// The record cannot be read. Its bytes are never part of this.
    #[error("{0}")]
    Corrupt(String),
    /// The file of all records cannot be read.
    #[error("{} {why}", .path.display())]
    CorruptFile { path: PathBuf, why: &'static str },
    /// Several items have our name.
    #[error("more than one item answers to the name")]
    Ambiguous,
    #[error("the record has {size} bytes, and this store takes {limit}")]
    TooLarge { size: usize, limit: usize },
}

const WAIT_LONGER: &str = "LOKALISE_AUTH_KEYRING_TIMEOUT=120 waits longer (seconds)";
const KEEPASSXC_ASKS: &str = "KeePassXC asks at every access unless `Confirm when passwords are retrieved by clients` is off (Settings, Secret Service Integration)";

impl StoreError {
    /// The error for a command that reads a record, with hints that work for this store.
    pub fn explain(self, store: &Store, profile: &ProfileName) -> Error {
        self.explained(store, profile, false)
    }

    /// The same for a command that stores a new credential: it may choose another store.
    pub fn explain_for_new(self, store: &Store, profile: &ProfileName) -> Error {
        self.explained(store, profile, true)
    }

    fn explained(self, store: &Store, profile: &ProfileName, new: bool) -> Error {
        let title = store.title();
        let what = match &self {
            Self::Unavailable(_) | Self::NoCollection => format!("{title} cannot be used"),
            Self::Locked(_) => format!("{title} is locked"),
            Self::Denied(_) => format!("{title} refused"),
            Self::TimedOut(limit) | Self::PromptUnanswered(limit) => {
                let milliseconds = u64::try_from(limit.as_millis()).unwrap_or(u64::MAX);
                let limit = humantime::format_duration(Duration::from_millis(milliseconds));
                format!("{title} gave no answer within {limit}")
            }
            Self::Corrupt(_) | Self::CorruptFile { .. } => {
                format!("the credential of profile `{profile}` in {title} cannot be read")
            }
            Self::Ambiguous => format!("{title} holds profile `{profile}` twice"),
            Self::TooLarge { .. } => format!("{title} cannot hold the credential"),
        };
        let hints: Vec<String> = match &self {
            Self::Unavailable(_) | Self::Denied(_) if store.kind == StoreKind::File => vec![store.file_remedy()],
            Self::Locked(_) if store.kind == StoreKind::File => vec!["try again; nothing was changed".to_owned()],
            Self::Unavailable(_) => store.ways_on(&store.to_start(), new),
            Self::NoCollection => store.ways_on(
                "create a wallet (KWallet), a keyring (GNOME), or choose a group to expose in the database settings (KeePassXC)",
                new,
            ),
            Self::Locked(_) => store.ways_on(&store.to_unlock(), new),
            Self::Denied(_) => store.ways_on("allow lokalise-auth to use it", new),
            Self::TimedOut(_) => {
                let mut hints = store.ways_on("answer its prompt, or restart it", new);
                hints.push(WAIT_LONGER.to_owned());
                hints
            }
            Self::PromptUnanswered(_) => {
                let mut hints = store.ways_on("answer its prompt", new);
                hints.push(WAIT_LONGER.to_owned());
                hints.push(KEEPASSXC_ASKS.to_owned());
                hints
            }
            Self::Corrupt(_) => vec![format!(
                "nothing was changed; `lokalise-auth logout --profile {profile}` removes it, then log in again"
            )],
            Self::CorruptFile { path, .. } => {
                let path = path.display().to_string();
                let path = shell::quote(&path);
                vec![format!(
                    "nothing was changed; mend it or move it away (`mv {path} {path}.broken`), then log in again"
                )]
            }
            Self::Ambiguous => vec![store.twin_remedy(profile)],
            Self::TooLarge { .. } => vec!["choose another store: `--store file` or `--store helper:NAME`".to_owned()],
        };
        let mut error = Error::new(ErrorKind::Store, what);
        // A time-out has no further cause.
        if !matches!(self, Self::TimedOut(_)) {
            error = error.because(self);
        }
        error.hints = hints;
        error
    }
}

impl Store {
    #[expect(clippy::disallowed_methods, reason = "the kind of package only changes a hint")]
    fn ways_on(&self, first: &str, new: bool) -> Vec<String> {
        let mut ways = if new {
            vec![format!("{first}, or set LOKALISE_API_TOKEN")]
        } else {
            let instead = "LOKALISE_API_TOKEN replaces it with `call`, `exec`, `whoami` and `token print`";
            vec![first.to_owned(), instead.to_owned()]
        };
        if new && self.kind != StoreKind::File {
            ways.push(
                "or add `--store file`: it keeps the credential in a plaintext file that only you can read".to_owned(),
            );
        }
        if std::env::var_os("SNAP").is_some() {
            ways.push("in a snap: `snap connect lokalise-auth:password-manager-service`".to_owned());
        }
        if std::env::var_os("FLATPAK_ID").is_some() {
            ways.push(
                "in a flatpak: `flatpak override --user --talk-name=org.freedesktop.secrets $FLATPAK_ID`".to_owned(),
            );
        }
        ways
    }

    /// The system asks for the password of a locked keyring if a person can answer.
    fn to_unlock(&self) -> String {
        match &self.kind {
            StoreKind::Helper(name) => format!("unlock it (`{}` should answer)", helper::shown_call(name, "list")),
            _ => "unlock it: `lokalise-auth doctor`, in a terminal of your desktop, asks for its password".to_owned(),
        }
    }

    fn to_start(&self) -> String {
        match &self.kind {
            StoreKind::Helper(name) => {
                format!("install or mend it (`{}` should answer)", helper::shown_call(name, "list"))
            }
            _ if cfg!(target_os = "macos") => "make or mend the login keychain in Keychain Access".to_owned(),
            _ => "start the keyring".to_owned(),
        }
    }

    fn file_remedy(&self) -> String {
        if private::own_home().is_err() {
            return private::ForeignHome::HINT.to_owned();
        }
        let Some(path) = file::path(self.places.data.as_deref()) else {
            return "set LOKALISE_AUTH_DATA_DIR, or HOME".to_owned();
        };
        let found = fs::symlink_metadata(&path).ok();
        let path = path.display().to_string();
        let path = shell::quote(&path);
        if found.as_ref().is_some_and(|found| !found.is_file()) {
            format!("look at it (`ls -ld {path}`), then move it away: `mv {path} {path}.moved`")
        } else if found.as_ref().is_some_and(is_of_another_user) {
            format!("see who owns it (`ls -l {path}`); LOKALISE_AUTH_DATA_DIR names a folder of your own")
        } else if found.is_some_and(|found| private::why_not_private(&found).is_some()) {
            format!("look at it (`ls -l {path}`); if it is yours and no other user could read it: `chmod 600 {path}`")
        } else {
            "check the folder's owner, mode and free space, or set LOKALISE_AUTH_DATA_DIR".to_owned()
        }
    }

    fn twin_remedy(&self, profile: &ProfileName) -> String {
        let account = keyring::account(profile, self.places.account_suffix.as_deref());
        format!(
            "another program wrote a second item; `secret-tool clear service {} username {account}` removes both, then log in again",
            keyring::SERVICE
        )
    }
}

#[cfg(unix)]
fn is_of_another_user(found: &fs::Metadata) -> bool {
    std::os::unix::fs::MetadataExt::uid(found) != rustix::process::geteuid().as_raw()
}

#[cfg(not(unix))]
fn is_of_another_user(_: &fs::Metadata) -> bool {
    false
}
