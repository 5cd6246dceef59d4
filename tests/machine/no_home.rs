//! A container with nothing but the program: no HOME, no entry in passwd, no CAs, a read-only root, a random user.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::support::home::binary;
use super::support::standin::Standin;
use super::support::tls::{Authority, Certificate, Tls};
use super::{code, namespace, stderr, stdout};

/// The libraries that the program is linked with, where it looks for them.
fn libraries(program: &Path) -> Vec<String> {
    let output = Command::new("ldd").arg(program).output().expect("there is ldd");
    let paths = String::from_utf8_lossy(&output.stdout).into_owned();
    paths.split_whitespace().filter(|word| word.starts_with('/')).map(str::to_owned).collect()
}

#[test]
fn a_token_variable_is_enough_in_an_empty_container() {
    if !namespace::is_possible("a_token_variable_is_enough_in_an_empty_container") {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path().join("root");
    for library in libraries(&binary()) {
        let place = root.join(&library[1..]);
        fs::create_dir_all(place.parent().expect("a folder")).expect("our own folder");
        fs::copy(&library, place).expect("our own folder");
    }
    fs::create_dir_all(&root).expect("our own folder");
    fs::copy(binary(), root.join("la")).expect("our own folder");
    let standin = Standin::start();
    let authority = Authority::new();
    let tls = Tls::before(standin.address(), &authority, &Certificate::default());
    authority.write(&root);
    let run = |arguments: &[&str], variables: &[(&str, &str)]| {
        let mut command = Command::new("/la");
        command.args(arguments).env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").envs(variables.iter().copied());
        let root = root.display();
        let script = format!(
            "mount --bind {root} {root}; mount -o remount,ro,bind {root}; exec chroot --userspec=1000650000:0 {root} \"$@\""
        );
        namespace::run(&script, &command)
    };
    let token = standin.api_token();
    let token = ("LOKALISE_API_TOKEN", token.as_str());
    let plain = ("LOKALISE_API_URL", &*standin.api_url());
    for arguments in [
        &["call", "/projects"][..],
        &["whoami"],
        &["whoami", "--offline"],
        &["call", "--dry-run", "/projects"],
        &["exec", "--", "/la", "--version"],
    ] {
        let output = run(arguments, &[token, plain]);
        assert_eq!(code(&output), 0, "{arguments:?}: {}", stderr(&output));
    }
    assert_eq!(stdout(&run(&["token", "print"], &[token])), format!("{}\n", token.1));
    let (tls, plain_oauth) = (tls.api_url(), standin.oauth_url());
    let tls = tls.replace("localhost", "127.0.0.1");
    let private = [token, ("LOKALISE_API_URL", &*tls), ("LOKALISE_OAUTH_URL", &*plain_oauth)];
    let output = run(&["call", "/projects"], &[&private[..], &[("SSL_CERT_FILE", "/authority.pem")]].concat());
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let output = run(&["call", "/projects", "-v"], &private);
    assert_eq!(code(&output), 9, "{}", stderr(&output));
    assert!(stderr(&output).contains("trusting the built-in list of Mozilla"), "{}", stderr(&output));
    for arguments in [
        &["scopes", "GET", "/projects"][..],
        &["help", "environment"],
        &["--version"],
        &["call", "--dry-run", "/projects"],
    ] {
        let output = run(arguments, &[plain]);
        assert_eq!(code(&output), 0, "{arguments:?} without a credential: {}", stderr(&output));
    }
    let output = run(&["call", "/projects"], &[plain]);
    assert_eq!(code(&output), 4, "{}", stderr(&output));
    let output = run(&["token", "set", "--no-verify", "--store", "file"], &[plain]);
    assert!(code(&output) == 3 && stderr(&output).contains("no home folder"), "{}", stderr(&output));
}
