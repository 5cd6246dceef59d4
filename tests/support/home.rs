//! An isolated installation: its own folder, its own environment, the file
//! store, and the stand-in as Lokalise.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use lokalise_auth::secret::digest;
use tempfile::TempDir;

use super::browser;
use super::secrets;
use super::standin::Standin;

/// The variables that every program needs. None is ours.
const OF_THE_SYSTEM: &[&str] = &["PATH", "SYSTEMROOT", "TEMP", "TMP"];

/// One person's machine.
pub struct Home {
    folder: TempDir,
    vars: Vec<(String, String)>,
    /// The names of the stores that commands here have used, as their locks have them.
    stores: Vec<String>,
    client_id: String,
    client_secret: String,
    api_token: String,
}

impl Home {
    /// A machine without a login, on which Lokalise is the stand-in.
    pub fn new(standin: &Standin) -> Self {
        Self::at(standin, &standin.api_url(), &standin.oauth_url())
    }

    /// The same, with Lokalise at other URLs that lead to the stand-in.
    pub fn at(standin: &Standin, api_url: &str, oauth_url: &str) -> Self {
        let folder = TempDir::with_prefix("lokalise-auth-test-").expect("the folder for temporary files can be used");
        let mut home = Self {
            vars: Vec::new(),
            stores: Vec::new(),
            client_id: standin.client_id(),
            client_secret: standin.client_secret(),
            api_token: standin.api_token(),
            folder,
        };
        for name in OF_THE_SYSTEM {
            if let Ok(value) = std::env::var(name) {
                home.set(name, &value);
            }
        }
        for (name, folder) in [
            ("HOME", "home"),
            ("LOKALISE_AUTH_CONFIG_DIR", "config"),
            ("LOKALISE_AUTH_DATA_DIR", "data"),
            ("XDG_RUNTIME_DIR", "run"),
            ("XDG_STATE_HOME", "state"),
            ("XDG_CACHE_HOME", "cache"),
        ] {
            let path = home.path().join(folder);
            create_private(&path);
            home.set(name, &path.display().to_string());
        }
        std::fs::create_dir(home.work()).expect("our own folder");
        home.set("LOKALISE_AUTH_STORE", "file");
        // A machine that is busy with something else may let a helper wait for longer than the usual 5 s.
        home.set("LOKALISE_AUTH_KEYRING_TIMEOUT", "60");
        home.set("LOKALISE_API_URL", api_url);
        home.set("LOKALISE_OAUTH_URL", oauth_url);
        home
    }

    /// The folder of everything here.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The folder that commands are run in.
    pub fn work(&self) -> PathBuf {
        self.path().join("work")
    }

    /// The lock file of a profile's record in this installation's file store.
    #[cfg(unix)]
    pub fn lock_of(&self, profile: &str) -> PathBuf {
        self.lock_in("data", profile)
    }

    /// The same where the data folder is another one of this home.
    #[cfg(unix)]
    pub fn lock_in(&self, data: &str, profile: &str) -> PathBuf {
        let file = self.path().canonicalize().expect("our own folder").join(data).join("credentials.json");
        lock_folder().join(format!("{}-{profile}.lock", digest(&format!("file {}", file.display()))))
    }

    /// Lets the next refresh ask the server, although others were refused within the last second.
    #[cfg(unix)]
    pub fn forget_failed_refreshes(&self) {
        let _ = std::fs::remove_file(self.lock_of("default"));
    }

    /// `credentials.json` of the file store.
    pub fn credentials(&self) -> PathBuf {
        self.path().join("data").join("credentials.json")
    }

    pub fn profiles(&self) -> PathBuf {
        self.path().join("config").join("profiles.json")
    }

    /// Sets a variable for every command from now on.
    pub fn set(&mut self, name: &str, value: &str) {
        self.unset(name);
        self.vars.push((name.to_owned(), value.to_owned()));
        match name {
            "LOKALISE_AUTH_STORE" => self.stores.push(value.to_owned()),
            "LOKALISE_AUTH_DATA_DIR" => self.stores.push(file_store(Path::new(value))),
            "LOKALISE_AUTH_CONFIG_DIR" => self.stores.push(keyring_store(Path::new(value))),
            _ => {}
        }
    }

    pub fn unset(&mut self, name: &str) {
        self.vars.retain(|(other, _)| other != name);
    }

    /// The whole environment of a command.
    pub fn vars(&self) -> &[(String, String)] {
        &self.vars
    }

    /// The program with these arguments, ready to run, stdin empty.
    pub fn cmd(&self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Command {
        Command::from_std(self.command(args))
    }

    /// The same for a test that wants the running process.
    pub fn command(&self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> std::process::Command {
        self.prepare(std::process::Command::new(binary()), args)
    }

    /// Another program in the same environment.
    pub fn other(&self, program: &str, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> std::process::Command {
        self.prepare(std::process::Command::new(program), args)
    }

    fn prepare(
        &self,
        mut command: std::process::Command,
        args: impl IntoIterator<Item = impl AsRef<OsStr>>,
    ) -> std::process::Command {
        command.args(args).env_clear().envs(self.vars.iter().cloned()).current_dir(self.work());
        command.stdin(std::process::Stdio::null());
        command
    }

    /// `login` with these further arguments, through a browser that is a script.
    #[cfg(unix)]
    pub fn login_cmd(&self, args: &[&str]) -> Command {
        let mut command = self.cmd(["login"]);
        command.args(args);
        command.env("BROWSER", browser::script(self.path()));
        command.env("LOKALISE_CLIENT_ID", &self.client_id).env("LOKALISE_CLIENT_SECRET", &self.client_secret);
        command
    }

    /// Logs in for real: authorization page, redirect, exchange, store.
    #[cfg(unix)]
    #[track_caller]
    pub fn login(&self, args: &[&str]) {
        self.login_cmd(args).assert().success();
    }

    /// Stores the stand-in's personal API token for real.
    #[track_caller]
    pub fn set_token(&self, args: &[&str]) {
        let mut command = self.cmd(["token", "set"]);
        command.args(args).write_stdin(format!("{}\n", self.api_token)).assert().success();
    }

    /// Fails if an output holds a secret that the stand-in knows.
    #[track_caller]
    pub fn assert_no_secret(standin: &Standin, what: &str, output: &[u8]) {
        secrets::assert_absent(&standin.secrets(), what, output);
    }

    /// Fails if stdout or stderr holds such a secret.
    #[track_caller]
    pub fn assert_silent(standin: &Standin, output: &std::process::Output) {
        Self::assert_no_secret(standin, "stdout", &output.stdout);
        Self::assert_no_secret(standin, "stderr", &output.stderr);
    }
}

/// The folder of the locks. All processes of the user share it, also those of an installed copy.
#[cfg(unix)]
pub fn lock_folder() -> PathBuf {
    PathBuf::from(format!("/tmp/lokalise-auth-{}", rustix::process::geteuid().as_raw()))
}

/// The file store in a folder, as its lock is named.
fn file_store(folder: &Path) -> String {
    let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    format!("file {}", folder.join("credentials.json").display())
}

/// The keyring items of the installation with this configuration folder, as their lock is named.
fn keyring_store(folder: &Path) -> String {
    let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    format!("keyring {}", &digest(&folder.to_string_lossy())[..8])
}

/// Removes the lock files of the stores with these names. A lock that another process holds stays: several tests may use
/// a helper of the same name.
#[cfg(unix)]
pub fn remove_locks(stores: &[String]) {
    for entry in std::fs::read_dir(lock_folder()).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if stores.iter().any(|store| name.starts_with(&digest(store))) {
            remove_free_lock(&entry.path());
        }
    }
}

/// Removes a lock file under its own lock, so that a process which waits for it notices.
#[cfg(unix)]
fn remove_free_lock(path: &Path) {
    use rustix::fs::{FlockOperation, flock};
    let Ok(file) = std::fs::OpenOptions::new().write(true).open(path) else { return };
    if flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok() {
        let _ = std::fs::remove_file(path);
    }
}

#[cfg(unix)]
impl Drop for Home {
    fn drop(&mut self) {
        let (file, keyring) = (self.path().join("home/.local/share/lokalise-auth"), self.path().join("other"));
        self.stores.extend([file_store(&file), keyring_store(&keyring)]);
        remove_locks(&self.stores);
    }
}

/// The program that the tour runs, once it has set this.
pub static TOURS_PROGRAM: std::sync::OnceLock<PathBuf> = std::sync::OnceLock::new();

/// The program under test: cargo's for a test, the one in the example's folder for the tour.
pub fn binary() -> PathBuf {
    if let Some(path) = option_env!("CARGO_BIN_EXE_lokalise-auth") {
        return PathBuf::from(path);
    }
    if let Some(path) = TOURS_PROGRAM.get() {
        return path.clone();
    }
    let example = std::env::current_exe().expect("a process knows its own file");
    let profile = example.ancestors().nth(2).expect("an example is in target/PROFILE/examples");
    profile.join(format!("lokalise-auth{}", std::env::consts::EXE_SUFFIX))
}

/// A folder that other users cannot read, as a runtime folder has to be.
fn create_private(path: &Path) {
    std::fs::create_dir(path).expect("our own folder");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o700)).expect("our own folder");
    }
}
