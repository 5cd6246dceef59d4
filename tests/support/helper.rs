//! Credential helpers: the real `pass` with a key of its own, and scripted ones.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::crowd::needs;
use super::home::Home;

/// Writes a program, through another process: a file that this one still has open for writing, in a
/// child that another thread has just forked, could not be run.
pub fn program(path: &Path, text: &str) {
    let mut shell = Command::new("sh")
        .args(["-c", "cat > \"$0\" && chmod 755 \"$0\""])
        .arg(path)
        .stdin(Stdio::piped())
        .spawn()
        .expect("sh can be run");
    shell.stdin.take().expect("stdin is piped").write_all(text.as_bytes()).expect("sh reads");
    assert!(shell.wait().expect("our own child").success());
}

/// A scripted helper on the home's PATH, under this name. The script has the verb in `$1` and a folder
/// of its own in `$HELD`; without a word for a verb it is a helper that works.
pub fn scripted(home: &mut Home, name: &str, special: &str) -> PathBuf {
    let folder = home.path().join("helpers");
    let held = folder.join("held");
    std::fs::create_dir_all(&held).expect("our own folder");
    let path = folder.join(format!("docker-credential-{name}"));
    let text = format!(
        r#"#!/bin/sh
HELD='{}'
echo "$1" >> "$HELD/calls"
env >> "$HELD/environment"
tr '\0' ' ' < /proc/$$/cmdline >> "$HELD/arguments"
input=$(cat)
name=$(printf %s "$input" | sed 's/.*"ServerURL":"\([^"]*\)".*/\1/' | tr -c 'A-Za-z0-9.~_-' _)
{special}
case $1 in
store) printf %s "$input" | sed 's/"ServerURL":/"ServerURL": /' > "$HELD/record$name" ;;
get) cat "$HELD/record$name" 2>/dev/null || {{ echo 'credentials not found in native keychain'; exit 1; }} ;;
erase) rm "$HELD/record$name" 2>/dev/null || exit 1 ;;
list) echo '{{}}' ;;
esac
"#,
        held.display()
    );
    program(&path, &text);
    let path_variable = std::env::var("PATH").unwrap_or_default();
    home.set("PATH", &format!("{}:{path_variable}", folder.display()));
    home.set("LOKALISE_AUTH_STORE", &format!("helper:{name}"));
    held
}

/// How often a scripted helper was called with a verb.
pub fn calls(held: &Path, verb: &str) -> usize {
    let calls = std::fs::read_to_string(held.join("calls")).unwrap_or_default();
    calls.lines().filter(|line| *line == verb).count()
}

/// `docker-credential-pass` with a key without a passphrase, in this home alone.
pub struct Pass {
    gnupg: PathBuf,
}

impl Pass {
    pub fn new(home: &mut Home) -> Self {
        needs("docker-credential-pass", "golang-docker-credential-helpers");
        needs("pass", "pass");
        needs("gpg", "gnupg");
        // The agent's socket has a path of at most 108 bytes.
        let gnupg = home.path().join("g");
        std::fs::create_dir(&gnupg).expect("our own folder");
        std::fs::set_permissions(&gnupg, std::os::unix::fs::PermissionsExt::from_mode(0o700)).expect("our own folder");
        home.set("GNUPGHOME", &gnupg.display().to_string());
        home.set("PASSWORD_STORE_DIR", &home.path().join("pass").display().to_string());
        home.set("LOKALISE_AUTH_STORE", "helper:pass");
        let quick =
            ["--batch", "--quiet", "--passphrase", "", "--quick-generate-key", "test@example.org", "rsa2048", "encr"];
        for mut command in [home.other("gpg", quick), home.other("pass", ["init", "test@example.org"])] {
            let output = command.output().expect("it can be run");
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        }
        Self { gnupg }
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        let _ = Command::new("gpgconf").args(["--kill", "all"]).env("GNUPGHOME", &self.gnupg).output();
    }
}
