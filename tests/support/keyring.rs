//! A real Secret Service: gnome-keyring on a private D-Bus, with no desktop.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use super::crowd::needs;
use super::home::Home;

/// A bus and the programs on it. Both end when this is dropped.
pub struct Keyring {
    bus: Child,
    daemon: Option<Child>,
    address: String,
    folder: PathBuf,
}

/// The collection's password.
const PASSWORD: &str = "pw";

impl Keyring {
    /// An unlocked collection on a private bus, which the home's commands then use.
    pub fn unlocked(home: &mut Home) -> Self {
        let mut keyring = Self::bus(home, "", &[]);
        keyring.start_daemon(&["--unlock"]);
        keyring
    }

    /// The same on a display, where the daemon can ask.
    pub fn locked_on_a_display(home: &mut Home, display: &str) -> Self {
        let mut keyring = Self::bus(home, "", &[("DISPLAY", display)]);
        keyring.start_daemon(&["--unlock"]);
        keyring.lock();
        keyring
    }

    /// A daemon that has never been given a collection.
    pub fn empty(home: &mut Home) -> Self {
        let mut keyring = Self::bus(home, "", &[]);
        keyring.start_daemon(&[]);
        keyring
    }

    /// An unlocked collection on a bus that forbids all messages to it.
    pub fn denied(home: &mut Home) -> Self {
        let mut keyring = Self::bus(home, "<deny send_destination=\"org.freedesktop.secrets\"/>", &[]);
        keyring.start_daemon(&["--unlock"]);
        keyring
    }

    /// The daemon anew, unlocked, with what it has kept.
    pub fn restart(&mut self) {
        if let Some(mut daemon) = self.daemon.take() {
            let _ = daemon.kill();
            let _ = daemon.wait();
        }
        self.start_daemon(&["--unlock"]);
    }

    /// A bus with nothing on it. `policy`: further rules for messages on the bus. If `started_with` has variables,
    /// the bus starts installed services on demand, with these variables.
    pub fn bus(home: &mut Home, policy: &str, started_with: &[(&str, &str)]) -> Self {
        needs("dbus-daemon", "dbus");
        let folder = home.path().join("keyring");
        std::fs::create_dir_all(&folder).expect("our own folder");
        std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o700)).expect("our own folder");
        let configuration = folder.join("bus.conf");
        let services = if started_with.is_empty() { "" } else { "<standard_session_servicedirs/>" };
        let text = format!(
            "<busconfig><type>session</type><listen>unix:path={}/socket</listen><auth>EXTERNAL</auth>\
             <policy context=\"default\"><allow send_destination=\"*\" eavesdrop=\"true\"/><allow eavesdrop=\"true\"/>\
             <allow own=\"*\"/>{policy}</policy>{services}</busconfig>",
            folder.display()
        );
        std::fs::write(&configuration, text).expect("our own folder");
        let mut bus = Command::new("dbus-daemon")
            .args(["--nofork", "--print-address=1", "--config-file"])
            .arg(&configuration)
            .env_clear()
            .envs(home.vars().iter().cloned())
            .envs(started_with.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("dbus-daemon can be run");
        let mut address = String::new();
        let stdout = bus.stdout.take().expect("stdout is piped");
        BufReader::new(stdout).read_line(&mut address).expect("the bus prints its address");
        let address = address.trim().to_owned();
        assert!(!address.is_empty(), "dbus-daemon did not start");
        home.set("DBUS_SESSION_BUS_ADDRESS", &address);
        home.set("LOKALISE_AUTH_STORE", "keyring");
        Self { bus, daemon: None, address, folder }
    }

    fn start_daemon(&mut self, how: &[&str]) {
        needs("gnome-keyring-daemon", "gnome-keyring");
        let mut daemon = self
            .on_the_bus("gnome-keyring-daemon")
            .args(["--foreground", "--components=secrets"])
            .args(how)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("gnome-keyring-daemon can be run");
        let mut stdin = daemon.stdin.take().expect("stdin is piped");
        stdin.write_all(PASSWORD.as_bytes()).expect("it reads its password");
        drop(stdin);
        self.daemon = Some(daemon);
        super::crowd::until("the Secret Service", || {
            let names = self.call("org.freedesktop.DBus", "/", "org.freedesktop.DBus.ListNames", &[]);
            String::from_utf8_lossy(&names.stdout).contains("org.freedesktop.secrets")
        });
    }

    /// Locks the collection, as a screen saver may.
    pub fn lock(&self) {
        let path = "array:objpath:/org/freedesktop/secrets/collection/login";
        let locked = self.secrets("org.freedesktop.Secret.Service.Lock", &[path]);
        assert!(locked.status.success(), "{}", String::from_utf8_lossy(&locked.stderr));
    }

    pub fn secrets(&self, method: &str, arguments: &[&str]) -> Output {
        self.call("org.freedesktop.secrets", "/org/freedesktop/secrets", method, arguments)
    }

    pub fn call(&self, name: &str, path: &str, method: &str, arguments: &[&str]) -> Output {
        self.on_the_bus("dbus-send")
            .args(["--session", "--print-reply", "--reply-timeout=5000", &format!("--dest={name}"), path, method])
            .args(arguments)
            .output()
            .expect("dbus-send can be run")
    }

    /// Runs another program on the same keyring.
    pub fn secret_tool(&self, arguments: &[&str], input: &str) -> Output {
        needs("secret-tool", "libsecret-tools");
        let mut tool = self
            .on_the_bus("secret-tool")
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("secret-tool can be run");
        let _ = tool.stdin.take().expect("stdin is piped").write_all(input.as_bytes());
        tool.wait_with_output().expect("our own child")
    }

    /// Another program with this bus and these folders.
    pub fn on_the_bus(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        let path = std::env::var_os("PATH").unwrap_or_default();
        command.env_clear().env("PATH", path).env("DBUS_SESSION_BUS_ADDRESS", &self.address);
        command.env("HOME", &self.folder).env("XDG_RUNTIME_DIR", &self.folder).env("XDG_DATA_HOME", &self.folder);
        command
    }

    /// The daemon's process id.
    pub fn daemon(&self) -> u32 {
        self.daemon.as_ref().expect("there is a daemon").id()
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

impl Drop for Keyring {
    fn drop(&mut self) {
        for child in self.daemon.iter_mut().chain([&mut self.bus]) {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
