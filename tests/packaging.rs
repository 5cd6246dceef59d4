//! `.github/package` refuses what may not be released: one line, and no file.

#![cfg(unix)] // stand-ins for cargo and rustc that are scripts

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
const VERSION: &str = env!("CARGO_PKG_VERSION");
const TARGET: &str = "x86_64-unknown-linux-musl";

/// A commit with the real scripts and metadata, and with stand-ins for the tools that build.
struct Commit {
    folder: TempDir,
}

impl Commit {
    fn new() -> Self {
        let commit = Self { folder: TempDir::new().expect("the folder for temporary files can be used") };
        commit.write(
            "CHANGELOG.md",
            &format!("# Changelog\n\n## {VERSION}\n\n* It does more.\n\n## 0.0.1\n\nThe first.\n"),
        );
        commit.write(".gitignore", "/target\n");
        for name in ["Cargo.toml", ".github/package"] {
            commit.write(name, &fs::read_to_string(Path::new(ROOT).join(name)).expect("a file of this repository"));
        }
        for file in fs::read_dir(Path::new(ROOT).join(".github/packaging")).expect("a folder of this repository") {
            let path = file.expect("a folder of this repository").path();
            if path.extension().is_some_and(|extension| extension == "py") {
                let name = format!(".github/packaging/{}", path.file_name().expect("it is a file").display());
                commit.write(&name, &fs::read_to_string(&path).expect("a file of this repository"));
            }
        }
        commit.git(&["init", "--quiet"]);
        commit.commit();
        commit.tool("dpkg-deb", "exit 0");
        commit.tool("rustc", "case $* in *target-libdir*) echo \"$LIBRARIES\" ;; *) echo /nowhere ;; esac");
        commit.tool("cargo", "exit 0");
        commit.tool("cargo-zigbuild", "exit 0");
        commit
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join("tree").join(name)
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("it is in a folder")).expect("our own folder");
        fs::write(path, text).expect("our own folder");
    }

    fn git(&self, arguments: &[&str]) {
        let status = Command::new("git").args(arguments).current_dir(self.path(".")).status().expect("git can be run");
        assert!(status.success(), "git {arguments:?}");
    }

    fn commit(&self) {
        self.git(&["add", "--all"]);
        let author = ["-c", "user.name=x", "-c", "user.email=x@localhost", "-c", "commit.gpgSign=false"];
        self.git(&[&author[..], &["commit", "--quiet", "--message", "a commit"]].concat());
    }

    /// A stand-in for a program, found before the real one.
    fn tool(&self, name: &str, script: &str) {
        let path = self.folder.path().join("bin").join(name);
        fs::create_dir_all(self.folder.path().join("bin")).expect("our own folder");
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).expect("our own folder");
        let status = Command::new("chmod").arg("755").arg(&path).status().expect("chmod can be run");
        assert!(status.success());
    }

    fn package(&self, arguments: &[&str]) -> Output {
        // A standard library for the target, unless a test takes it away.
        let libraries = self.folder.path().join("libraries");
        fs::create_dir_all(&libraries).expect("our own folder");
        fs::write(libraries.join("libstd-0.rlib"), "").expect("our own folder");
        self.package_with(arguments, &[("LIBRARIES", &libraries.display().to_string())])
    }

    fn package_with(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Output {
        let path = std::env::var("PATH").expect("a machine that runs tests has one");
        Command::new("python3")
            .arg(self.path(".github/package"))
            .args(arguments)
            .env("PATH", format!("{}:{path}", self.folder.path().join("bin").display()))
            .env_remove("GITHUB_REPOSITORY")
            .env_remove("GITHUB_SERVER_URL")
            .envs(variables.iter().copied())
            .output()
            .expect("python3 can be run")
    }

    /// Fails unless it ends with one line that has these words, and has made nothing.
    fn assert_refused(&self, output: &Output, words: &str) {
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success(), "it is not refused: {words}");
        assert!(stderr.starts_with("package: ") && stderr.contains(words), "not with `{words}`: {stderr}");
        assert_eq!(stderr.lines().count(), 1, "{stderr}");
        assert_eq!(String::from_utf8_lossy(&output.stdout), "");
        assert!(!self.path("target/package").join(VERSION).exists(), "something was made");
    }
}

#[test]
fn a_version_that_differs_is_refused() {
    let commit = Commit::new();
    let words = &format!("Cargo.toml has version {VERSION}, not 99.0.0");
    commit.assert_refused(&commit.package(&[TARGET, "99.0.0"]), words);
    commit.assert_refused(&commit.package(&["--check", "v99.0.0"]), words);
    commit.assert_refused(&commit.package(&["--check", VERSION]), "a release's tag is v and the version");
}

#[test]
fn a_version_without_a_changelog_section_is_refused() {
    let commit = Commit::new();
    for text in [
        "# Changelog\n\n## Unreleased\n\n* It does more.\n".to_owned(),
        format!("## {VERSION}\n\n## 0.0.1\n\nThe first.\n"),
    ] {
        commit.write("CHANGELOG.md", &text);
        commit.commit();
        for arguments in [[TARGET, VERSION], ["--check", &format!("v{VERSION}")], ["--notes", VERSION]] {
            commit.assert_refused(&commit.package(&arguments), &format!("no section `## {VERSION}`"));
        }
    }
}

#[test]
fn a_tree_with_changes_is_refused() {
    let commit = Commit::new();
    commit.write("src/new.rs", "");
    for arguments in [[TARGET, VERSION], ["--check", &format!("v{VERSION}")]] {
        commit.assert_refused(&commit.package(&arguments), "changes that are not committed: src/");
    }
}

#[test]
fn a_tag_of_another_repository_than_the_manifest_names_is_refused() {
    let commit = Commit::new();
    let variables = [("GITHUB_SERVER_URL", "https://github.com"), ("GITHUB_REPOSITORY", "somebody/elsewhere")];
    let output = commit.package_with(&["--check", &format!("v{VERSION}")], &variables);
    commit.assert_refused(&output, "needs repository = \"https://github.com/somebody/elsewhere\"");
}

#[test]
fn a_target_that_cannot_be_built_is_refused() {
    let commit = Commit::new();
    commit.assert_refused(&commit.package(&["mips-unknown-none", VERSION]), "unknown target mips-unknown-none");
    commit.assert_refused(&commit.package(&["x86_64-pc-windows-msvc", VERSION]), "is built on Windows");
    let output = commit.package_with(&[TARGET, VERSION], &[("LIBRARIES", "/nowhere")]);
    if cfg!(target_os = "linux") {
        commit.assert_refused(
            &output,
            "standard library for x86_64-unknown-linux-musl is missing: `rustup component add rust-src`",
        );
    }
}

#[cfg(target_os = "linux")] // where the target is built
#[test]
fn a_missing_tool_and_a_missing_network_are_named_in_one_line() {
    let commit = Commit::new();
    commit.tool("cargo", "echo 'error: no such command: `auditable`' >&2; exit 101");
    commit.assert_refused(&commit.package(&[TARGET, VERSION]), "cargo-auditable is missing");
    commit.tool("cargo", "[ $1 = generate-rpm ] && exit 101\nexit 0");
    commit.assert_refused(&commit.package(&[TARGET, VERSION]), "cargo-generate-rpm is missing");
    commit.tool(
        "cargo",
        "[ $1 = auditable ] || [ $1 = generate-rpm ] && exit 0\nprintf 'error: failed\\n\\nCaused by:\\n  no route to host\\n' >&2; exit 101",
    );
    commit.assert_refused(&commit.package(&[TARGET, VERSION]), "`cargo fetch --locked` failed: no route to host");
    commit.tool("cargo", "[ $1 = auditable ] && [ $# -gt 2 ] && exit 101\nexit 0");
    commit.assert_refused(&commit.package(&[TARGET, VERSION]), "`cargo auditable zigbuild --release` failed");
}

#[test]
fn notes_are_the_section_of_the_changelog() {
    let commit = Commit::new();
    let output = commit.package(&["--notes", VERSION]);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "* It does more.\n");
    assert!(commit.package(&["--check", &format!("v{VERSION}")]).status.success());
}

#[test]
fn binstall_looks_for_the_names_that_a_release_has() {
    let manifest = fs::read_to_string(Path::new(ROOT).join("Cargo.toml")).expect("a file of this repository");
    let addresses: Vec<&str> = manifest.lines().filter_map(|line| line.strip_prefix("pkg-url = ")).collect();
    let archives = [(TARGET, "tar.gz"), ("x86_64-pc-windows-msvc", "zip")];
    assert_eq!(addresses.len(), archives.len());
    for (address, (target, extension)) in addresses.iter().zip(archives) {
        let mut address = (*address).to_owned();
        for (name, value) in
            [("repo", "https://host/owner/it"), ("name", "lokalise-auth"), ("version", "1.2.3"), ("target", target)]
        {
            address = address.replace(&format!("{{ {name} }}"), value);
        }
        let file = format!("lokalise-auth-1.2.3-{target}.{extension}");
        assert_eq!(address, format!("\"https://host/owner/it/releases/download/v1.2.3/{file}\""));
    }
}
