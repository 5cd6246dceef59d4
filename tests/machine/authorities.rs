//! Which CAs are trusted: the file that a variable names, as editors and `cat` leave it; the system's bundle, the hash
//! links next to it, and Mozilla's list where there is nothing.

use std::fs;
use std::process::Command;

use super::support::home::Home;
use super::support::standin::Standin;
use super::support::tls::{Authority, Certificate, Tls};
use super::{code, namespace, stderr};

/// Lokalise with a certificate of a private authority.
struct Private {
    _standin: Standin,
    authority: Authority,
    _tls: Tls,
    home: Home,
}

impl Private {
    fn start() -> Self {
        let standin = Standin::start();
        let authority = Authority::new();
        let tls = Tls::before(standin.address(), &authority, &Certificate::default());
        let mut home = Home::at(&standin, &tls.api_url(), &tls.oauth_url());
        home.set("LOKALISE_API_TOKEN", &standin.api_token());
        Self { _standin: standin, authority, _tls: tls, home }
    }

    fn pem(&self) -> String {
        fs::read_to_string(self.authority.write(self.home.path())).expect("our own folder")
    }

    /// A call with that content in the file of `SSL_CERT_FILE`: its exit code and stderr.
    fn call_with(&self, content: &[u8]) -> (i32, String) {
        let file = self.home.path().join("trusted.pem");
        fs::write(&file, content).expect("our own folder");
        let mut command = self.home.command(["call", "/projects", "--silent", "--no-retry"]);
        let output = command.env("SSL_CERT_FILE", &file).output().expect("the program can be run");
        (code(&output), stderr(&output))
    }

    fn command(&self) -> Command {
        self.home.command(["call", "/projects", "--silent", "--no-retry", "-v"])
    }
}

#[test]
fn a_file_of_cas_is_read_as_an_editor_saved_it() {
    let server = Private::start();
    let pem = server.pem();
    let other = fs::read_to_string(Authority::new().write(tempfile::tempdir().expect("a folder").path())).expect("PEM");
    let utf16 =
        |text: &str| -> Vec<u8> { format!("\u{feff}{text}").encode_utf16().flat_map(u16::to_le_bytes).collect() };
    for content in [
        pem.clone().into_bytes(),
        format!("\u{feff}{pem}").into_bytes(),
        pem.replace('\n', "\r\n").into_bytes(),
        pem.trim_end().as_bytes().to_vec(),
        utf16(&pem),
        format!("{other}{pem}").into_bytes(),
        format!("a comment\n{pem}more text").into_bytes(),
    ] {
        let (code, said) = server.call_with(&content);
        assert_eq!(code, 0, "{said}: {:?}", &content[..40]);
    }
}

#[test]
fn a_damaged_file_of_cas_is_called_damaged() {
    let server = Private::start();
    let pem = server.pem();
    let other = fs::read_to_string(Authority::new().write(tempfile::tempdir().expect("a folder").path())).expect("PEM");
    for content in [
        format!("{}{pem}", other.trim_end()),
        format!("{pem}{}", &other[..200]),
        format!("{pem}\u{feff}{other}"),
        pem.replacen("\nMII", "\nM!!", 1),
    ] {
        let (code, said) = server.call_with(content.as_bytes());
        assert_eq!(code, 9, "{said}");
        assert!(said.contains("the file that SSL_CERT_FILE names is damaged"), "{said}");
        assert_eq!(said.lines().count(), 2, "{said}");
    }
    for (content, words) in [(&b"no certificate\n"[..], "holds no CA in PEM form"), (b"\x30\x82\x01\x00", "DER")] {
        let (code, said) = server.call_with(content);
        assert!(code == 9 && said.contains(words), "{said}");
    }
}

#[test]
fn a_file_of_cas_that_never_ends_is_refused_at_once() {
    let server = Private::start();
    let fifo = server.home.path().join("fifo");
    rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, 0o600.into(), 0).expect("a FIFO");
    for path in [fifo.to_str().expect("a path"), "/dev/zero", "/dev/stdin", "/", "/no/such/file"] {
        // A read of the FIFO would never end, since it has no writer.
        let output = server.command().env("SSL_CERT_FILE", path).output().expect("the program can be run");
        assert_eq!(code(&output), 9, "{path}: {}", stderr(&output));
        assert!(stderr(&output).contains("the file that SSL_CERT_FILE names cannot be read"), "{}", stderr(&output));
    }
}

#[test]
fn a_ca_under_a_hash_link_is_trusted_and_a_stray_file_is_not() {
    if !namespace::is_possible("a_ca_under_a_hash_link_is_trusted_and_a_stray_file_is_not") {
        return;
    }
    let server = Private::start();
    let pem = server.authority.write(server.home.path());
    let with = |name: &str| {
        let script = format!(
            "mkdir c; cp -a /etc/ssl/certs/. c/; mount --bind c /etc/ssl/certs; cp {} /etc/ssl/certs/corp.pem\n\
             {name}\nexec \"$@\"",
            pem.display()
        );
        let output = namespace::run(
            &script,
            server.command().current_dir(tempfile::tempdir_in(server.home.path()).expect("a folder").keep()),
        );
        (code(&output), stderr(&output))
    };
    let (code, said) = with("ln -s corp.pem /etc/ssl/certs/0a1b2c3d.0");
    assert_eq!(code, 0, "{said}");
    for stray in ["true", "ln -s corp.pem /etc/ssl/certs/corp.0", "ln -s corp.pem /etc/ssl/certs/0a1b2c3d"] {
        let (code, said) = with(stray);
        assert!(code == 9 && said.contains("is signed by a CA that this machine does not trust"), "{stray}: {said}");
    }
}

#[test]
fn mozillas_list_is_trusted_only_where_there_is_no_other() {
    if !namespace::is_possible("mozillas_list_is_trusted_only_where_there_is_no_other") {
        return;
    }
    let server = Private::start();
    let empty =
        "mkdir empty; for folder in /etc/ssl /etc/pki; do test ! -d $folder || mount --bind empty $folder; done";
    let built_in = "trusting the built-in list of Mozilla";
    let output = namespace::run(&format!("{empty}; exec \"$@\""), server.command().current_dir(server.home.path()));
    assert_eq!(code(&output), 9, "{}", stderr(&output));
    assert!(stderr(&output).contains(built_in), "{}", stderr(&output));
    assert!(stderr(&output).contains("is signed by a CA that this machine does not trust"), "{}", stderr(&output));
    // A folder without a bundle is a system with CAs.
    let pem = server.authority.write(server.home.path());
    let script = format!(
        "mkdir -p other/certs; cp {} other/certs/0a1b2c3d.0; mount --bind other /etc/ssl; test ! -d /etc/pki || mount --bind empty /etc/pki; exec \"$@\"",
        pem.display()
    );
    let output = namespace::run(&script, server.command().current_dir(server.home.path()));
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert!(!stderr(&output).contains(built_in), "{}", stderr(&output));
}
