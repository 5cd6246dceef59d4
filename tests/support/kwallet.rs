//! A real KWallet on a private bus and a display of its own, open.

use std::io::Read as _;
use std::process::{Child, Command, Stdio};

use super::crowd::{needs, until};
use super::home::Home;
use super::keyring::Keyring;

/// A virtual display.
pub struct Display {
    server: Child,
    /// As `DISPLAY` has it.
    pub name: String,
}

impl Display {
    pub fn start() -> Self {
        needs("Xvfb", "xvfb");
        let mut server = Command::new("Xvfb")
            .args(["-displayfd", "1", "-screen", "0", "320x240x8", "-nolisten", "tcp"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("Xvfb can be run");
        let mut number = [0; 16];
        let read = server.stdout.as_mut().expect("stdout is piped").read(&mut number).expect("it tells its display");
        let name = format!(":{}", String::from_utf8_lossy(&number[..read]).trim());
        Self { server, name }
    }
}

impl Drop for Display {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// The wallet's program, and the bus that it is on.
pub struct KWallet {
    program: Child,
    bus: Keyring,
    display: Display,
}

const SERVICE: &str = "org.kde.kwalletd5";

impl KWallet {
    /// A wallet for this home, created and open as after a login with a password.
    pub fn open(home: &mut Home) -> Self {
        needs("kwalletd5", "libkf5wallet-bin");
        let display = Display::start();
        let bus = Keyring::bus(home, "", &[]);
        // Without this it asks how to encrypt wallets.
        std::fs::write(bus.folder().join("kwalletrc"), "[Wallet]\nFirst Use=false\n").expect("our own folder");
        let mut wallet = Self { program: start(&bus, &display), bus, display };
        wallet.log_in();
        // The first start makes the wallet, and only the second one offers it.
        wallet.restart();
        wallet
    }

    /// Ends the program and starts it again, with the wallet open.
    pub fn restart(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
        self.program = start(&self.bus, &self.display);
        self.log_in();
        until("a default wallet", || {
            let alias = self.bus.secrets("org.freedesktop.Secret.Service.ReadAlias", &["string:default"]);
            alias.status.success() && !String::from_utf8_lossy(&alias.stdout).contains("\"/\"")
        });
    }

    /// Locks all wallets.
    pub fn lock(&self) {
        let locked = self.bus.call(SERVICE, "/modules/kwalletd5", "org.kde.KWallet.closeAllWallets", &[]);
        assert!(locked.status.success(), "{}", String::from_utf8_lossy(&locked.stderr));
    }

    /// Opens the wallet with a key, as PAM does at a login.
    fn log_in(&self) {
        let key = format!("array:byte:{}", ["7"; 56].join(","));
        let arguments = ["string:kdewallet", &key, "int32:0"];
        let opened = self.bus.call(SERVICE, "/modules/kwalletd5", "org.kde.KWallet.pamOpen", &arguments);
        assert!(opened.status.success(), "{}", String::from_utf8_lossy(&opened.stderr));
    }
}

impl Drop for KWallet {
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

fn start(bus: &Keyring, display: &Display) -> Child {
    let mut command = bus.on_the_bus("kwalletd5");
    command.env("DISPLAY", &display.name).env("XDG_CONFIG_HOME", bus.folder());
    let program = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let program = program.expect("kwalletd5 can be run");
    until("KWallet", || {
        let names = bus.call("org.freedesktop.DBus", "/", "org.freedesktop.DBus.ListNames", &[]);
        String::from_utf8_lossy(&names.stdout).contains(SERVICE)
    });
    program
}
