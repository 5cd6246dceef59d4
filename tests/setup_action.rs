//! The setup action's script against a server on loopback that serves a made-up
//! release: the good one is installed, and of a bad one nothing is.

#![cfg(unix)] // bash and tar

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Arc, Mutex};
use std::thread;

use ring::digest::{SHA256, digest};
use tempfile::TempDir;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/.github/actions/setup/install.sh");
const NAME: &str = "lokalise-auth-1.2.3-x86_64-unknown-linux-musl";
const FILES: &str = "/owner/lokalise-auth/releases/download/v1.2.3";

#[derive(Clone)]
enum Answer {
    Body(Vec<u8>),
    /// A body that breaks off before its announced length.
    Cut(Vec<u8>),
    Redirect(String),
}

/// Answers by path; every other path is 404.
struct Server {
    address: SocketAddr,
    answers: Arc<Mutex<BTreeMap<String, Answer>>>,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has free ports");
        let server = Self {
            address: listener.local_addr().expect("it was just bound"),
            answers: Arc::default(),
            requests: Arc::default(),
        };
        let (answers, requests) = (Arc::clone(&server.answers), Arc::clone(&server.requests));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // A client that goes away in the middle is the client's business.
                let _ = serve(&stream, &answers.lock().expect("no test panics with it"), &requests);
            }
        });
        server
    }

    fn set(&self, path: &str, answer: Answer) {
        self.answers.lock().expect("no test panics with it").insert(path.to_owned(), answer);
    }

    fn requests_for(&self, end: &str) -> usize {
        self.requests.lock().expect("no test panics with it").iter().filter(|path| path.ends_with(end)).count()
    }

    /// A server with a release as it should be.
    fn with_release() -> Self {
        let server = Self::start();
        let archive = archive();
        server.set(
            "/owner/lokalise-auth/releases/latest",
            Answer::Redirect("/owner/lokalise-auth/releases/tag/v1.2.3".into()),
        );
        server.set("/owner/lokalise-auth/releases/tag/v1.2.3", Answer::Body(b"a page".to_vec()));
        server.set(&format!("{FILES}/SHA256SUMS"), Answer::Body(sums(&archive)));
        server.set(&format!("{FILES}/{NAME}.tar.gz"), Answer::Body(archive));
        server
    }
}

fn serve(
    mut stream: &TcpStream,
    answers: &BTreeMap<String, Answer>,
    requests: &Mutex<Vec<String>>,
) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream).lines();
    let request = lines.next().transpose()?.unwrap_or_default();
    while lines.next().transpose()?.is_some_and(|line| !line.is_empty()) {}
    let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
    let answer = answers.get(&path).cloned();
    requests.lock().expect("no test panics with it").push(path);
    let (status, header, body) = match answer {
        Some(Answer::Body(body)) => ("200 OK", format!("Content-Length: {}", body.len()), body),
        Some(Answer::Cut(body)) => ("200 OK", format!("Content-Length: {}", body.len() + 1000), body),
        Some(Answer::Redirect(to)) => ("302 Found", format!("Location: {to}\r\nContent-Length: 0"), Vec::new()),
        None => ("404 Not Found", "Content-Length: 0".to_owned(), Vec::new()),
    };
    stream.write_all(format!("HTTP/1.1 {status}\r\n{header}\r\nConnection: close\r\n\r\n").as_bytes())?;
    stream.write_all(&body)
}

/// An archive with a program that says its version.
fn archive() -> Vec<u8> {
    let folder = TempDir::new().expect("the folder for temporary files can be used");
    let program = folder.path().join(NAME).join("lokalise-auth");
    fs::create_dir(folder.path().join(NAME)).expect("our own folder");
    fs::write(&program, "#!/bin/sh\necho lokalise-auth 1.2.3\n").expect("our own folder");
    run(Command::new("chmod").arg("755").arg(&program));
    run(Command::new("tar").args(["-czf", "made.tar.gz", NAME]).current_dir(folder.path()));
    fs::read(folder.path().join("made.tar.gz")).expect("tar made it")
}

fn run(command: &mut Command) {
    assert!(command.status().expect("it can be run").success(), "{command:?}");
}

fn sums(archive: &[u8]) -> Vec<u8> {
    let bytes = digest(&SHA256, archive);
    let hex = bytes.as_ref().iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
    format!("{}  another-file\n{hex}  {NAME}.tar.gz\n", "0".repeat(64)).into_bytes()
}

/// A runner, and what the steps of a job leave on it.
struct Runner {
    folder: TempDir,
    variables: Vec<(String, String)>,
}

impl Runner {
    fn new(server: &Server) -> Self {
        let folder = TempDir::new().expect("the folder for temporary files can be used");
        let path = |name: &str| folder.path().join(name).display().to_string();
        let variables = [
            ("SERVER", format!("http://{}", server.address)),
            ("REPOSITORY", "owner/lokalise-auth".to_owned()),
            ("RUNNER_OS", "Linux".to_owned()),
            ("RUNNER_ARCH", "X64".to_owned()),
            ("RUNNER_TEMP", path("temp")),
            ("RUNNER_TOOL_CACHE", path("tools")),
            ("GITHUB_OUTPUT", path("output")),
            ("GITHUB_PATH", path("path")),
            ("PATH", std::env::var("PATH").expect("a machine that runs tests has one")),
            ("no_proxy", "127.0.0.1".to_owned()),
        ];
        let variables = variables.map(|(name, value)| (name.to_owned(), value)).to_vec();
        Self { folder, variables }
    }

    fn set(&mut self, name: &str, value: &str) {
        self.variables.retain(|(other, _)| other != name);
        self.variables.push((name.to_owned(), value.to_owned()));
    }

    fn step(&self, step: &str) -> Output {
        let variables = self.variables.iter().map(|(name, value)| (name, value));
        Command::new("bash").args([SCRIPT, step]).env_clear().envs(variables).output().expect("bash can be run")
    }

    fn outputs(&self) -> BTreeMap<String, String> {
        let text = fs::read_to_string(self.folder.path().join("output")).unwrap_or_default();
        text.lines().filter_map(|line| line.split_once('=')).map(|(k, v)| (k.to_owned(), v.to_owned())).collect()
    }

    /// Both steps, as action.yml joins them.
    fn install(&mut self, version: &str) -> Output {
        self.set("INPUT_VERSION", version);
        let resolved = self.step("resolve");
        if !resolved.status.success() {
            return resolved;
        }
        let outputs = self.outputs();
        for (variable, output) in [("ARCHIVE", "archive"), ("NAME", "name"), ("VERSION", "version")] {
            self.set(variable, &outputs[output]);
        }
        self.step("install")
    }

    fn on_path(&self) -> Option<PathBuf> {
        let text = fs::read_to_string(self.folder.path().join("path")).ok()?;
        Some(PathBuf::from(text.lines().last()?))
    }

    fn archive(&self) -> PathBuf {
        PathBuf::from(&self.outputs()["archive"])
    }

    /// A program that is found before all others.
    fn put_first(&mut self, program: &str, text: &str) {
        let folder = self.folder.path().join("bin");
        fs::create_dir_all(&folder).expect("our own folder");
        fs::write(folder.join(program), text).expect("our own folder");
        run(Command::new("chmod").arg("755").arg(folder.join(program)));
        let path = std::env::var("PATH").expect("a machine that runs tests has one");
        self.set("PATH", &format!("{}:{path}", folder.display()));
    }
}

/// Fails unless the step ended with one error line that has these words, and nothing is on PATH.
fn assert_refused(runner: &Runner, output: &Output, words: &str) {
    let stdout = String::from_utf8_lossy(&output.stdout);
    let errors: Vec<&str> = stdout.lines().filter(|line| line.starts_with("::error")).collect();
    assert!(!output.status.success(), "{stdout}");
    assert!(matches!(&errors[..], [line] if line.contains(words)), "not one line with `{words}`: {stdout}");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    assert_eq!(runner.on_path(), None);
    let tools = runner.folder.path().join("tools/lokalise-auth/1.2.3").join(NAME);
    assert!(!tools.exists(), "{} was installed", tools.display());
}

fn assert_installed(runner: &Runner, output: &Output) {
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}{stderr}", String::from_utf8_lossy(&output.stdout));
    let folder = runner.on_path().expect("the folder is on PATH");
    let version = Command::new(folder.join("lokalise-auth")).arg("--version").output().expect("it can be run");
    assert_eq!(String::from_utf8_lossy(&version.stdout), "lokalise-auth 1.2.3\n");
}

#[test]
fn the_latest_release_is_found_and_installed() {
    let server = Server::with_release();
    let mut runner = Runner::new(&server);
    let output = runner.install("latest");
    assert_installed(&runner, &output);
    assert_eq!(runner.outputs()["version"], "1.2.3");
    assert_eq!(Path::new(&runner.outputs()["path"]), runner.on_path().expect("it is on PATH"));
}

#[test]
fn a_version_is_installed_with_and_without_a_v() {
    let server = Server::with_release();
    for version in ["1.2.3", "v1.2.3"] {
        let mut runner = Runner::new(&server);
        let output = runner.install(version);
        assert_installed(&runner, &output);
    }
    assert_eq!(server.requests_for("/latest"), 0);
}

#[test]
fn an_archive_from_the_cache_is_checked_and_not_fetched() {
    let server = Server::with_release();
    let mut runner = Runner::new(&server);
    runner.install("1.2.3");
    let fetched = server.requests_for(".tar.gz");
    let output = runner.install("1.2.3");
    assert_installed(&runner, &output);
    assert_eq!((fetched, server.requests_for(".tar.gz")), (1, 1));
    fs::write(runner.archive(), "what somebody else put into the cache").expect("our own folder");
    let output = runner.install("1.2.3");
    assert_installed(&runner, &output);
    assert_eq!(server.requests_for(".tar.gz"), 2);
}

#[test]
fn an_archive_with_another_sum_is_not_installed() {
    let server = Server::with_release();
    server.set(&format!("{FILES}/{NAME}.tar.gz"), Answer::Body(b"something else".to_vec()));
    let mut runner = Runner::new(&server);
    let output = runner.install("1.2.3");
    assert_refused(&runner, &output, "does not have the sum");
    assert!(!runner.archive().exists(), "the cache would keep it");
}

#[test]
fn a_cut_download_is_not_installed() {
    let server = Server::with_release();
    server.set(&format!("{FILES}/{NAME}.tar.gz"), Answer::Cut(archive()));
    let mut runner = Runner::new(&server);
    let output = runner.install("1.2.3");
    assert_refused(&runner, &output, "cannot be fetched");
    assert!(!runner.archive().exists(), "the cache would keep it");
}

#[test]
fn a_release_without_an_archive_for_this_runner_is_named() {
    let server = Server::with_release();
    let mut runner = Runner::new(&server);
    runner.set("RUNNER_OS", "macOS");
    let output = runner.install("1.2.3");
    assert_refused(&runner, &output, "has no lokalise-auth-1.2.3-x86_64-apple-darwin.tar.gz");
    runner.set("RUNNER_ARCH", "ARM");
    let output = runner.install("1.2.3");
    assert_refused(&runner, &output, "no release for macOS on ARM");
}

#[test]
fn a_release_that_does_not_exist_is_named() {
    let server = Server::start();
    for (version, words) in [
        ("latest", "has no latest release"),
        ("9.9.9", "release v9.9.9 has no SHA256SUMS"),
        ("main", "version is not one like 1.2.3"),
        ("../../etc", "version is not one like 1.2.3"),
        ("", "version is not one like 1.2.3"),
    ] {
        let mut runner = Runner::new(&server);
        let output = runner.install(version);
        assert_refused(&runner, &output, words);
    }
}

#[test]
fn an_archive_that_another_workflow_made_is_not_installed() {
    let server = Server::with_release();
    let mut runner = Runner::new(&server);
    runner.set("GH_TOKEN", "made-up");
    runner.put_first("gh", "#!/bin/sh\necho \"$@\" >> \"$RUNNER_TEMP/gh\"\n");
    let output = runner.install("1.2.3");
    assert_installed(&runner, &output);
    let asked = fs::read_to_string(runner.folder.path().join("temp/gh")).expect("gh was asked");
    assert!(asked.starts_with("attestation verify ") && asked.ends_with("--repo owner/lokalise-auth\n"), "{asked}");
    let mut runner = Runner::new(&server);
    runner.set("GH_TOKEN", "made-up");
    runner.put_first("gh", "#!/bin/sh\nexit 1\n");
    let output = runner.install("1.2.3");
    assert_refused(&runner, &output, "was not made by the workflow of owner/lokalise-auth");
    assert!(!runner.archive().exists(), "the cache would keep it");
}
