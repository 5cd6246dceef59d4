//! The topics `storage`, `ci`, `ssh` and `durations`.

use super::{Block, table, text};

pub(super) fn storage() -> Vec<Block> {
    vec![
        table(&[
            [
                "keyring",
                "The keyring of the system: macOS Keychain, Windows Credential Manager, Secret Service on Linux (GNOME Keyring, KWallet, KeePassXC). The default.",
            ],
            ["file", "credentials.json in the data folder: plaintext that only you can read. Used only on request."],
            [
                "helper:NAME",
                "A docker-credential-NAME program: pass, secretservice, osxkeychain, wincred, or one for HashiCorp Vault, 1Password or a cloud's secret manager.",
            ],
        ]),
        text(
            "Choose with --store at `login` or `token set`, or with LOKALISE_AUTH_STORE. The profile remembers its \
             store. profiles.json in the config folder holds no secret. `lokalise-auth doctor` shows the folders and \
             tests the store.",
        ),
        Block::Heading("Remove every trace"),
        Block::Code("lokalise-auth logout --all"),
        text(
            "Then delete the folders that `lokalise-auth doctor` shows: config, data, and locks and pace. Lokalise \
             still accepts the tokens: delete API tokens and apps in your profile at Lokalise.",
        ),
    ]
}

pub(super) fn ci() -> Vec<Block> {
    vec![
        text("In CI, put the token into a variable. Nothing is stored then."),
        Block::Heading("GitHub Actions"),
        Block::Code(
            "- run: lokalise-auth call GET /projects\n  env:\n    LOKALISE_API_TOKEN: ${{ secrets.LOKALISE_API_TOKEN }}",
        ),
        Block::Heading("GitLab"),
        text("Add a masked variable LOKALISE_API_TOKEN under Settings > CI/CD > Variables."),
        Block::Code("script: lokalise-auth call GET /projects"),
        Block::Heading("From a secret manager"),
        text("The command is kept instead of the token, and runs each time a token is needed:"),
        Block::Code("lokalise-auth token set --from-command 'vault kv get -field=token secret/x'"),
        Block::Heading("With an OAuth app"),
        text(
            "LOKALISE_REFRESH_TOKEN, LOKALISE_CLIENT_ID and LOKALISE_CLIENT_SECRET together get an access token for \
             each run. `exec` gets one for a whole job:",
        ),
        Block::Code("lokalise-auth exec -- ./job.sh"),
        text("Scripts rely on exit codes: `lokalise-auth help exit-codes`."),
    ]
}

pub(super) fn ssh() -> Vec<Block> {
    vec![
        text("Over SSH and in containers the browser runs on another machine, and cannot reach a port of this one."),
        Block::Heading("Paste a code"),
        text("Lokalise shows a code on its page. You paste it here:"),
        Block::Code("lokalise-auth login --paste"),
        Block::Heading("Forward a port"),
        text("Run the first line on your own machine, and the second one on the other machine:"),
        Block::Code("ssh -L 8123:127.0.0.1:8123 HOST\nlokalise-auth login --no-browser --port 8123"),
        Block::Heading("Without a keyring"),
        text("Add `--store file` to the login, or set LOKALISE_API_TOKEN instead of logging in."),
    ]
}

pub(super) fn durations() -> Vec<Block> {
    vec![
        text("A duration is a number with a unit, or several of them. A number alone means seconds."),
        table(&[
            ["30", "30 seconds"],
            ["90s", "90 seconds"],
            ["10m", "10 minutes"],
            ["1h30m", "one hour and a half; `'1h 30m'` too"],
            ["2d", "two days"],
            ["500ms", "half a second"],
        ]),
        Block::Heading("Where durations are taken"),
        table(&[
            ["login --timeout", "how long to wait for the browser; 5m unless given"],
            ["call --wait=D", "how long to wait for a queued process; 10m unless given. The `=` is needed."],
            ["call --max-wait", "how long to wait for rate limits and retries, in all; 60s unless given"],
            ["call --timeout", "how long the whole call may take; no limit unless given"],
            ["token refresh --if-expiring", "renew only when less than this is left"],
            ["whoami --min-validity", "with --check: fail when less than this is left and it cannot be renewed"],
        ]),
        text("LOKALISE_AUTH_KEYRING_TIMEOUT is a number of seconds, such as 2.5."),
    ]
}
