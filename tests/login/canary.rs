//! Every secret of a run is unique, so that a match proves a leak. The tests search both streams,
//! files, and the arguments and environments of children.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use clap::CommandFactory as _;

use super::routes::script;
use super::support::home::{Home, binary};
use super::support::secrets::{self, forty_hex};
use super::support::standin::{Answer, Person, Standin};
use super::waiting::login;

/// The most verbose level.
const LOUD: [(&str, &str); 4] =
    [("RUST_LOG", "trace"), ("RUST_BACKTRACE", "full"), ("LOKALISE_AUTH_LOG", "requests"), ("HYPER_LOG", "trace")];

/// A flow with a check of every step.
struct Flow {
    standin: Standin,
    home: Home,
    /// Secrets that the stand-in does not know.
    others: Vec<String>,
}

impl Flow {
    fn new() -> Self {
        let standin = Standin::start();
        let mut home = Home::new(&standin);
        for (name, value) in LOUD {
            home.set(name, value);
        }
        Self { standin, home, others: Vec::new() }
    }

    fn secrets(&self) -> Vec<String> {
        [self.standin.secrets(), self.others.clone()].concat()
    }

    /// Runs under strace, and checks all its output, except a stdout that is meant to hold a secret.
    #[track_caller]
    fn run(&self, command: &Command, code: i32, stdout_tells: bool) -> Output {
        self.run_with(command, code, stdout_tells, b"")
    }

    #[track_caller]
    fn run_with(&self, command: &Command, code: i32, stdout_tells: bool, stdin: &[u8]) -> Output {
        let trace = self.home.path().join("trace");
        let mut traced = Command::new("strace");
        // -v: environments whole; -s: strings whole.
        traced.args(["-f", "-qq", "-v", "-s", "100000", "-e", "trace=execve", "-o"]).arg(&trace);
        traced.arg(command.get_program()).args(command.get_args()).env_clear();
        traced.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        traced.current_dir(self.home.work());
        let output = assert_cmd::Command::from_std(traced).write_stdin(stdin).output();
        let output = output.expect("this test needs strace: `apt-get install strace`");
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{stderr}");
        let secrets = self.secrets();
        secrets::assert_absent(&secrets, "stderr", &output.stderr);
        if !stdout_tells {
            secrets::assert_absent(&secrets, "stdout", &output.stdout);
        }
        let calls = fs::read_to_string(&trace).expect("strace wrote it");
        // The first is our own start, with the environment that we gave it.
        let children: Vec<&str> = calls.lines().skip(1).collect();
        secrets::assert_absent(&secrets, "a child's arguments or environment", children.join("\n").as_bytes());
        fs::remove_file(&trace).expect("our own file");
        output
    }

    fn command(&self, args: &[&str]) -> Command {
        self.home.command(args)
    }

    fn login(&self, args: &[&str]) -> Command {
        let mut command = login(&self.standin, &self.home, args);
        command.env("BROWSER", super::support::browser::script(self.home.path()));
        command
    }

    /// No file but the store's own holds a secret.
    #[track_caller]
    fn assert_files_are_silent(&self) {
        let mut folders = vec![self.home.path().to_owned()];
        let mut looked_at = 0;
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).expect("our own folder") {
                let path = entry.expect("our own folder").path();
                if path.is_dir() {
                    folders.push(path);
                } else if path != self.home.credentials() {
                    let bytes = fs::read(&path).unwrap_or_default();
                    secrets::assert_absent(&self.secrets(), &path.display().to_string(), &bytes);
                    looked_at += 1;
                }
            }
        }
        assert!(looked_at >= 2, "the flow left no files to look at");
    }
}

#[test]
fn no_secret_leaves_the_flow() {
    let flow = Flow::new();
    flow.run(&flow.login(&["-vv"]), 0, false);
    for args in [
        &["whoami"][..],
        &["whoami", "--json", "-vv"],
        &["whoami", "--offline"],
        &["doctor"],
        &["doctor", "--json"],
        &["profile", "list", "--json"],
        &["token", "refresh", "-vv"],
        &["call", "GET", "/projects", "-vv"],
        &["call", "GET", "/projects", "--dry-run"],
        &["call", "GET", "/projects", "--curl"],
        &["call", "GET", "/projects", "-i"],
    ] {
        flow.run(&flow.command(args), 0, false);
    }
    for format in ["raw", "header", "json", "env", "github"] {
        let output = flow.run(&flow.command(&["token", "print", "-vv", "--format", format]), 0, true);
        assert!(!output.stdout.is_empty());
    }
    let token = flow.standin.api_token();
    flow.run_with(&flow.command(&["token", "set", "-vv", "--profile", "api"]), 0, false, token.as_bytes());
    flow.run(&flow.command(&["whoami", "--profile", "api", "-vv"]), 0, false);
    flow.run(&flow.command(&["logout", "--profile", "api", "-vv"]), 0, false);
    flow.assert_files_are_silent();
}

#[test]
fn no_secret_leaves_a_flow_that_fails() {
    let mut flow = Flow::new();
    flow.run(&flow.login(&[]), 0, false);
    // A server that puts every secret into each answer.
    let everything = flow.secrets().join(" ");
    for status in [200, 400, 401, 500] {
        let answer = Answer::oauth_error(status, "invalid_request", &everything);
        flow.standin.answer_next("POST", "/oauth2/token", answer.clone());
        flow.run(&flow.login(&["-vv"]), if status == 500 { 8 } else { 4 }, false);
        flow.home.forget_failed_refreshes();
        // A refresh that meets a 500 tries again, until the server has recovered.
        flow.standin.answer_next("POST", "/oauth2/token", answer);
        flow.run(&flow.command(&["token", "refresh", "-vv"]), if status == 500 { 0 } else { 4 }, false);
    }
    flow.standin.set(|switches| switches.person = Person::Denies);
    flow.run(&flow.login(&["-vv"]), 4, false);
    flow.standin.set(|switches| switches.person = Person::Approves);
    flow.run(&flow.login(&["-vv", "--no-input"]), 4, false);
    flow.run(&flow.login(&["-vv", "--timeout", "0"]), 4, false);
    let wrong = forty_hex();
    flow.others.push(wrong.clone());
    flow.run_with(&flow.login(&["--paste", "-vv"]), 4, false, wrong.as_bytes());
    flow.run_with(&flow.command(&["token", "set", "-vv"]), 4, false, wrong.as_bytes());
    // The token ends, and the refresh token is no longer valid.
    flow.standin.revoke_refresh_tokens();
    flow.standin.advance(Duration::from_secs(7200));
    for args in [&["whoami", "-vv"][..], &["whoami", "--json"], &["token", "refresh"], &["call", "GET", "/projects"]] {
        flow.run(&flow.command(args), 4, false);
    }
    // The error about a broken store shows nothing of its content.
    let text = fs::read_to_string(flow.home.credentials()).expect("it is stored");
    fs::write(flow.home.credentials(), text.replace("access", "\"access")).expect("our own file");
    flow.run(&flow.command(&["whoami", "-vv"]), 3, false);
    fs::write(flow.home.credentials(), text).expect("our own file");
    flow.assert_files_are_silent();
}

#[test]
fn a_secret_with_odd_characters_is_as_silent() {
    let mut flow = Flow::new();
    let secret = "can&ary\"%+/<secret>'\\=?#{}$(x)`y`;|~^[]";
    let percent: String = secret
        .bytes()
        .map(|byte| if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect();
    let json = serde_json::to_string(secret).expect("a string");
    flow.others = vec![secret.to_owned(), percent, json.trim_matches('"').to_owned()];
    let mut command = flow.login(&["-vv"]);
    command.env("LOKALISE_CLIENT_SECRET", secret);
    flow.run(&command, 4, false);
    let mut command = flow.command(&["whoami", "-vv"]);
    command.env("LOKALISE_ACCESS_TOKEN", secret);
    // A variable with quotes in it is not sent.
    flow.run(&command, 2, false);
    flow.run_with(&flow.command(&["token", "set", "-vv"]), 4, false, secret.as_bytes());
    let mut command = flow.command(&["whoami", "-vv"]);
    command
        .env("HTTPS_PROXY", format!("http://user:{}@127.0.0.1:1", flow.others[1]))
        .env("LOKALISE_ACCESS_TOKEN", forty_hex());
    command.env("LOKALISE_API_URL", "https://localhost:1/api2");
    flow.run(&command, 9, false);
}

#[test]
fn a_helper_is_given_the_record_and_nothing_else() {
    let flow = Flow::new();
    let folder = flow.home.path().join("seen");
    fs::create_dir(&folder).expect("our own folder");
    let kept = flow.home.credentials();
    let text = format!(
        "printf '%s\\n' \"$@\" >> '{0}/argv'; env >> '{0}/env'; input=$(cat)\ncase $1 in store) printf %s \"$input\" > '{1}';;\n\
         get) [ -e '{1}' ] && cat '{1}' || {{ echo 'credentials not found in native keychain'; exit 1; }};;\nerase) rm -f '{1}';;\nlist) echo '{{}}';;\nesac",
        folder.display(),
        kept.display()
    );
    let helper = script(flow.home.path(), "docker-credential-dumps", &text);
    flow.run(&flow.login(&["-vv", "--store", &format!("helper:{helper}")]), 0, false);
    flow.run(&flow.command(&["whoami", "-vv"]), 0, false);
    for name in ["argv", "env"] {
        let seen = fs::read(folder.join(name)).expect("the helper wrote it");
        secrets::assert_absent(&flow.secrets(), &format!("the helper's {name}"), &seen);
    }
    flow.assert_files_are_silent();
}

/// Every command there is, as the words that lead to it.
fn commands() -> Vec<Vec<String>> {
    fn below(command: &clap::Command, path: &[String], all: &mut Vec<Vec<String>>) {
        all.push(path.to_vec());
        for command in command.get_subcommands() {
            below(command, &[path, &[command.get_name().to_owned()]].concat(), all);
        }
    }
    let mut all = Vec::new();
    below(&lokalise_auth::cli::Cli::command(), &[], &mut all);
    assert!(all.len() > 15, "{all:?}");
    all
}

#[test]
fn help_usage_errors_and_completions_show_no_variable() {
    let standin = Standin::start();
    let home = Home::new(&standin);
    let canary = forty_hex();
    let canaries = [canary.clone()];
    let variables: Vec<(&str, String)> = lokalise_auth::world::VARIABLES
        .iter()
        .filter(|(name, _)| name.starts_with("LOKALISE_") && !name.ends_with("_DIR"))
        .map(|(name, _)| (*name, canary.clone()))
        .collect();
    let silent = |args: &[&str], extra: &[(&str, &str)]| {
        let mut command = home.command(args);
        command.envs(variables.iter().map(|(name, value)| (name, value))).envs(extra.iter().copied());
        let output = command.output().expect("the binary can be run");
        secrets::assert_absent(&canaries, &format!("stdout of {args:?}"), &output.stdout);
        secrets::assert_absent(&canaries, &format!("stderr of {args:?}"), &output.stderr);
        output
    };
    for command in commands() {
        let words: Vec<&str> = command.iter().map(String::as_str).collect();
        for flag in ["--help", "-h", "--no-such-flag", "no-such-word", "--json", ""] {
            let args = [&words[..], &[flag]].concat();
            silent(&args, &[]);
        }
        let topic = [&["help"], &words[..]].concat();
        silent(&topic, &[]);
    }
    silent(&["--version"], &[]);
    for topic in ["environment", "exit-codes", "storage", "ci", "ssh"] {
        assert!(silent(&["help", topic], &[]).status.success());
    }
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        assert!(silent(&["completions", shell], &[]).status.success());
        for command in commands() {
            let words =
                [&["--", "lokalise-auth"], &command.iter().map(String::as_str).collect::<Vec<_>>()[..]].concat();
            for last in ["", "-", "--"] {
                let line = [&words[..], &[last]].concat();
                let index = (line.len() - 2).to_string();
                silent(&line, &[("COMPLETE", shell), ("_CLAP_COMPLETE_INDEX", &index), ("_CLAP_IFS", "\n")]);
            }
        }
    }
}

#[test]
fn other_processes_of_the_user_cannot_read_our_environment_or_memory() {
    let standin = Standin::start();
    let home = Home::new(&standin);
    let waiting = super::waiting::Waiting::start(&standin, &home, &[]);
    let of = |name: &str| PathBuf::from(format!("/proc/{}/{name}", waiting.pid().as_raw_nonzero()));
    // Other users cannot read what belongs to root in /proc.
    for name in ["environ", "mem", "maps"] {
        assert_eq!(fs::metadata(of(name)).expect("it runs").uid(), 0, "{name}");
    }
    let limits = fs::read_to_string(of("limits")).expect("it runs");
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).expect("a row");
    assert_eq!(core.split_whitespace().nth(4), Some("0"), "{core}");
    let command_line = fs::read(of("cmdline")).expect("it runs");
    secrets::assert_absent(&standin.secrets(), "our own arguments", &command_line);
    assert!(Path::new(&binary()).exists());
}
