//! Flags and variables → where things are and which rule decides: folders, base
//! URLs, store, deadlines. Nothing here opens a store or a socket.

use std::cell::Cell;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::error::{Error, Result};
use crate::files::ownership::one_spelling;
use crate::names::StoreKind;
use crate::origin::{API_URL, ApiUrl, OAUTH_URL, OAuthUrl};
use crate::profile::{self, ProfileName, Profiles};
use crate::secret::digest;
use crate::shell;
use crate::store::{BusAddress, Store, StoreLocations};
use crate::subprocess::SearchPath;
use crate::world::{SECRET_VARIABLES, World};

/// The settings of this run, read once.
pub struct Settings {
    config_folder: Option<PathBuf>,
    pub data_folder: Option<PathBuf>,
    pub api_url: ApiUrl,
    pub oauth_url: OAuthUrl,
    /// `--profile`
    pub profile_flag: Option<ProfileName>,
    /// `--store`
    pub store_flag: Option<StoreKind>,
    /// `LOKALISE_AUTH_STORE`
    pub store_variable: Option<StoreKind>,
    pub json: bool,
    /// How long all calls of one command to a store, or to a command that prints a token, may take.
    pub store_limit: Duration,
    account_suffix: Option<String>,
    /// Where programs are found.
    pub search_path: SearchPath,
    bus: BusAddress,
    /// Whether a `.lokalise-profile` of another user was reported.
    has_warned: Cell<bool>,
}

/// Which rule chose the profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProfileRule {
    /// `--profile`
    Flag,
    /// A token variable is in force; there is no profile.
    TokenVariable(&'static str),
    /// `LOKALISE_PROFILE`
    Variable,
    /// The nearest `.lokalise-profile`
    Folder(PathBuf),
    /// `profile use`
    Chosen,
    /// Nothing chose one: the profile `default`
    Default,
}

impl ProfileRule {
    /// The rule's word in reports.
    pub fn describe(&self) -> String {
        match self {
            Self::Flag => "--profile".to_owned(),
            Self::TokenVariable(name) => (*name).to_owned(),
            Self::Variable => "LOKALISE_PROFILE".to_owned(),
            Self::Folder(path) => path.display().to_string(),
            Self::Chosen => "profile use".to_owned(),
            Self::Default => "default".to_owned(),
        }
    }
}

/// The variables that are a credential, by themselves.
pub const TOKEN_VARIABLES: [&str; 4] =
    ["LOKALISE_API_TOKEN", "LOKALISE_ACCESS_TOKEN", "LOKALISE_API_TOKEN_FILE", "LOKALISE_REFRESH_TOKEN"];

impl Settings {
    /// Reads the variables; the flags are handed in.
    ///
    /// # Errors
    /// Usage, naming the flag or variable that cannot be meant.
    pub fn read(
        world: &World,
        profile_flag: Option<ProfileName>,
        store_flag: Option<StoreKind>,
        json: bool,
    ) -> Result<Self> {
        let folders = directories::ProjectDirs::from("", "", "lokalise-auth");
        let config_override = world.var("LOKALISE_AUTH_CONFIG_DIR").map(|folder| one_spelling(Path::new(&folder)));
        let data_override = world.var("LOKALISE_AUTH_DATA_DIR").map(|folder| one_spelling(Path::new(&folder)));
        let account_suffix = config_override.as_deref().map(|folder| digest(&folder.to_string_lossy())[..8].to_owned());
        let config_folder = config_override.or_else(|| folders.as_ref().map(|folders| folders.config_dir().to_owned()));
        let store_variable = match world.var("LOKALISE_AUTH_STORE") {
            None => None,
            Some(text) => Some(
                StoreKind::parse(&text)
                    .map_err(|why| Error::usage("LOKALISE_AUTH_STORE names no store").because(why))?,
            ),
        };
        Ok(Self {
            config_folder,
            data_folder: data_override.or_else(|| folders.as_ref().map(|folders| folders.data_local_dir().to_owned())),
            api_url: ApiUrl::parse(world.var("LOKALISE_API_URL").as_deref().unwrap_or(API_URL))?,
            oauth_url: OAuthUrl::parse(world.var("LOKALISE_OAUTH_URL").as_deref().unwrap_or(OAUTH_URL))?,
            profile_flag,
            store_flag,
            store_variable,
            json,
            store_limit: store_limit(world)?,
            account_suffix,
            search_path: world.search_path(),
            bus: bus_address(world),
            has_warned: Cell::new(false),
        })
    }

    /// The folder of `profiles.json`.
    ///
    /// # Errors
    /// `Store`, if there is no home to have it in. Only what keeps something needs one.
    pub fn config_folder(&self) -> Result<&Path> {
        self.config_folder
            .as_deref()
            .ok_or_else(|| Error::store("no home folder can be found").hint("set LOKALISE_AUTH_CONFIG_DIR, or HOME"))
    }

    /// The list of profiles. Without a home there are none.
    pub fn profiles(&self) -> Result<Profiles> {
        self.config_folder.as_deref().map_or_else(|| Ok(Profiles::default()), Profiles::load)
    }

    /// A store, ready to be opened by its first call.
    pub fn store(&self, kind: StoreKind) -> Store {
        let places = StoreLocations {
            data: self.data_folder.clone(),
            account_suffix: self.account_suffix.clone(),
            secret_variables: SECRET_VARIABLES.iter().map(|&name| name.to_owned()).collect(),
            search_path: self.search_path.clone(),
            bus: self.bus.clone(),
        };
        Store::new(kind, places, self.store_limit)
    }

    /// The profile in force and the rule that chose it, with token variables left aside.
    pub fn profile(&self, world: &World, profiles: &Profiles) -> Result<(ProfileName, ProfileRule)> {
        if let Some(name) = &self.profile_flag {
            return Ok((name.clone(), ProfileRule::Flag));
        }
        if let Some(text) = world.var("LOKALISE_PROFILE") {
            let name = ProfileName::parse(&text)
                .map_err(|why| Error::usage("LOKALISE_PROFILE names no profile").because(why))
                .map_err(|error| {
                    let unset = shell::unset("LOKALISE_PROFILE");
                    error.hint(format!("`{unset}`, or name one of `lokalise-auth profile list`"))
                })?;
            return Ok((name, ProfileRule::Variable));
        }
        // A working folder that is gone or closed names no profile.
        let warn = |error| self.warn_of_untrusted(world, &error);
        if let Some((name, path)) =
            world.working_folder().map_or(Ok(None), |folder| profile::of_folder(&folder, warn))?
        {
            return Ok((name, ProfileRule::Folder(path)));
        }
        Ok(match &profiles.default {
            Some(name) => (name.clone(), ProfileRule::Chosen),
            None => (ProfileName::default(), ProfileRule::Default),
        })
    }

    /// One warning for a run, however often the profile is looked for.
    fn warn_of_untrusted(&self, world: &World, error: &std::io::Error) {
        if !self.has_warned.replace(true) {
            world.warn(&format!("{error}, so it does not choose the profile"));
        }
    }

    /// The token variable in force, unless `--profile` was given.
    ///
    /// # Errors
    /// Usage, if two are set.
    pub fn token_variable(&self, world: &World) -> Result<Option<&'static str>> {
        if self.profile_flag.is_some() {
            return Ok(None);
        }
        let set: Vec<&'static str> = TOKEN_VARIABLES.into_iter().filter(|name| world.var(name).is_some()).collect();
        match set[..] {
            [] => Ok(None),
            [one] => Ok(Some(one)),
            [one, other, ..] => Err(Error::usage(format!("{one} and {other} are both set"))
                .hint(format!("unset one of them: `{}`", shell::unset(other)))),
        }
    }

    /// Refuses to change the stored credential while a variable hides it.
    pub fn refuse_token_variable(&self, world: &World) -> Result<()> {
        match self.token_variable(world)? {
            None => Ok(()),
            Some(name) => Err(Error::usage(format!("{name} is set, so a stored credential would not be used"))
                .hint(format!("`{}` first, or name the profile with --profile", shell::unset(name)))),
        }
    }
}

/// The session bus, without the addresses that make libdbus start a program with our environment.
fn bus_address(world: &World) -> BusAddress {
    let Some(addresses) = world.var("DBUS_SESSION_BUS_ADDRESS") else {
        let socket = world.var("XDG_RUNTIME_DIR").map(|folder| PathBuf::from(folder).join("bus"));
        return match socket.filter(|socket| socket.exists()) {
            Some(socket) => BusAddress::Known(format!("unix:path={}", escaped_for_bus(&socket.to_string_lossy()))),
            None => BusAddress::Unusable("there is no D-Bus session bus (DBUS_SESSION_BUS_ADDRESS is not set)"),
        };
    };
    let starts = |transport: &str| addresses.split(';').any(|address| address.trim_start().starts_with(transport));
    if starts("autolaunch:") {
        // It starts a bus that outlives us.
        BusAddress::Unusable("there is no D-Bus session bus (DBUS_SESSION_BUS_ADDRESS only asks to start one)")
    } else if starts("unixexec:") && SECRET_VARIABLES.iter().any(|name| world.var(name).is_some()) {
        BusAddress::Unusable(
            "DBUS_SESSION_BUS_ADDRESS starts a program (unixexec), which would inherit the secret in a variable of ours",
        )
    } else {
        BusAddress::Known(addresses)
    }
}

/// A value in an address of D-Bus: other characters than these are written as `%` and two hex digits.
fn escaped_for_bus(path: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_/.\\".contains(&byte);
    path.bytes().fold(String::new(), |mut text, byte| {
        if plain(byte) {
            text.push(char::from(byte));
        } else {
            write!(text, "%{byte:02x}").expect("a string takes all text");
        }
        text
    })
}

fn store_limit(world: &World) -> Result<Duration> {
    match world.var("LOKALISE_AUTH_KEYRING_TIMEOUT") {
        None => Ok(Duration::from_secs(if world.person() { 60 } else { 5 })),
        Some(text) => match text.parse::<f64>() {
            Ok(seconds) if seconds > 0.0 && seconds <= 3600.0 => Ok(Duration::from_secs_f64(seconds)),
            _ => {
                Err(Error::usage("LOKALISE_AUTH_KEYRING_TIMEOUT is a number of seconds: more than 0, and 3600 at most"))
            }
        },
    }
}
