//! `help`: the commands' own help, and the topics, from the same tables as the code.

use std::fmt::Write;

use clap::CommandFactory;

use crate::cli::{Cli, Help, TOPICS};
use crate::error::{EXIT_CODES, Error, Result};
use crate::world::{OF_THE_MACHINE, VARIABLES, World};

/// The text of one of [`TOPICS`].
pub fn topic(name: &str) -> Option<String> {
    match name {
        "environment" => Some(environment()),
        "exit-codes" => Some(exit_codes()),
        "storage" => Some(STORAGE.to_owned()),
        "ci" => Some(CI.to_owned()),
        "ssh" => Some(SSH.to_owned()),
        _ => None,
    }
}

pub fn run(world: &World, help: &Help) -> Result<u8> {
    if let [word] = &help.words[..]
        && let Some(text) = topic(word)
    {
        return world.answer(&text).map(|()| 0);
    }
    let mut command = Cli::command();
    command.build();
    let mut found = &mut command;
    for word in &help.words {
        found = found.find_subcommand_mut(word).ok_or_else(|| {
            Error::usage("there is no such command or topic")
                .hint(format!("topics: {}; `lokalise-auth --help` lists the commands", topics()))
        })?;
    }
    let text = found.render_long_help();
    let text = if world.color_stdout() { text.ansi().to_string() } else { text.to_string() };
    world.answer(&text).map(|()| 0)
}

fn topics() -> String {
    TOPICS.map(|(name, _)| name).join(", ")
}

fn environment() -> String {
    let width = VARIABLES.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    let mut text = String::from("Variables that change what lokalise-auth does. An empty one counts as unset.\n");
    let (ours, of_others): (Vec<_>, Vec<_>) = VARIABLES.iter().partition(|(name, _)| name.starts_with("LOKALISE_"));
    for group in [ours, of_others] {
        text.push('\n');
        for (name, meaning) in group {
            writeln!(text, "  {name:width$}  {meaning}").expect("a string takes all text");
        }
    }
    text.push_str("\nThe proxy variables may be in small letters too. What tells where we run is read besides:\n");
    for names in OF_THE_MACHINE.chunks(7) {
        writeln!(text, "  {}", names.join(" ")).expect("a string takes all text");
    }
    text.push_str(
        "\nThe credential in force: --profile, then a token variable, then LOKALISE_PROFILE, then the nearest\n\
         .lokalise-profile (one line, a profile name) here or in a parent folder, then `profile use`.\n\
         `lokalise-auth whoami` says which rule decided.\n",
    );
    text
}

fn exit_codes() -> String {
    let mut text = String::from("Exit codes, and the `code` of JSON errors.\n\n    0  done\n");
    for row in EXIT_CODES {
        writeln!(text, "  {:3}  {:14} {}", row.code, row.name, row.meaning).expect("a string takes all text");
    }
    text.push_str(
        "\n`exec` ends with the code of the command it runs; 126: it cannot be executed, 127: it is not found.\n",
    );
    text
}

const STORAGE: &str = "\
Where credentials are kept.

  keyring      the OS keyring: macOS Keychain, Windows Credential Manager, Secret Service on Linux (the default)
  file         credentials.json in the data folder, plaintext that only you can read; only on request
  helper:NAME  a docker-credential-NAME program: pass, secretservice, osxkeychain, wincred, or a front end of
               HashiCorp Store, 1Password or a cloud's secret manager

Choose with --store at `login` or `token set`; the profile remembers it. profiles.json in the config folder
holds no secret. `lokalise-auth doctor` shows the folders and tries the store.

To remove every trace: `lokalise-auth logout --all`, then delete the folders that `doctor` shows: config, data,
and locks and pace. Tokens that were handed out live on at Lokalise until they are revoked there.
";

const CI: &str = "\
In CI, give the token by a variable; nothing is stored then.

  GitHub Actions:
    - run: lokalise-auth call GET /projects
      env:
        LOKALISE_API_TOKEN: ${{ secrets.LOKALISE_API_TOKEN }}

  GitLab: a masked variable LOKALISE_API_TOKEN in Settings > CI/CD > Variables, and
    script: lokalise-auth call GET /projects

  From a secret manager, without the token in the environment of every step:
    lokalise-auth token set --from-command 'store kv get -field=token secret/lokalise'

  With an OAuth app: LOKALISE_REFRESH_TOKEN, LOKALISE_CLIENT_ID and LOKALISE_CLIENT_SECRET; a token is
  minted for each run, and `lokalise-auth exec -- ./job.sh` mints one for a whole job.

Scripts rely on exit codes: `lokalise-auth help exit-codes`.
";

const SSH: &str = "\
Over SSH and in containers the browser runs elsewhere, and cannot reach a port of this machine.

  The code that Lokalise shows on its page, pasted here:
    lokalise-auth login --paste

  Or a port that leads back, on your own machine and then on the other:
    ssh -L 8123:127.0.0.1:8123 HOST
    lokalise-auth login --no-browser --port 8123

  Or a browser in the terminal itself: BROWSER=w3m lokalise-auth login

On a machine without a keyring: --store file, or LOKALISE_API_TOKEN.
";
