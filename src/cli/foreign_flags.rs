//! Flags that people know from curl, gh, jq and other tools, and what `call` has instead.

/// What to do instead, by the names of the flag. A short one is the first letter of a group such as `-sS`.
const FLAGS: &[(&[&str], &str)] = &[
    (
        &["-d", "--data", "--data-raw", "--data-binary", "--data-ascii", "--data-urlencode", "--body", "--json-body"],
        "`-f KEY=VALUE` adds a string field, `-F KEY=VALUE` a typed one; `--input FILE` sends a file as the body, `--input -` stdin",
    ),
    (&["--form", "--form-string"], "`-F KEY=@base64:FILE` or `-F KEY=@dataurl:FILE` sends a file in a JSON body"),
    (&["-T", "--upload-file"], "`--input FILE` sends a file as the body"),
    (&["--request"], "`-X METHOD` or `--method METHOD` chooses the method"),
    (&["-I", "--head"], "`-X HEAD` asks for the headers; `-i` shows them"),
    (&["-G", "--get"], "`-X GET` puts the fields of `-f` and `-F` into the query"),
    (&["--param", "--params", "--url-query"], "`--query KEY=VALUE` adds a query parameter"),
    (&["--url"], "the path is a word of its own: `call GET /projects`"),
    (&["-L", "--location", "--follow", "--location-trusted"], "redirects within the API are followed without a flag"),
    (
        &["-s", "--slurp"],
        "only the answer and errors are shown, without a flag; `--paginate` makes one document of all pages",
    ),
    (&["-S", "--show-error"], "errors are shown without a flag; `--sort-keys` sorts the members of objects"),
    (&["--fail", "--fail-with-body", "--check-status"], "a status of 400 or more fails without a flag"),
    (&["-k", "--insecure"], "for a company's own CA set SSL_CERT_FILE to its PEM file"),
    (&["--cacert", "--capath", "--ca-native"], "SSL_CERT_FILE and SSL_CERT_DIR name CAs"),
    (&["-x", "--proxy", "--preproxy"], "HTTPS_PROXY, ALL_PROXY and NO_PROXY choose the proxy"),
    (
        &["-u", "--user", "--oauth2-bearer", "--auth", "-n", "--netrc", "-a", "--hostname"],
        "the credential in force is sent: `lokalise-auth whoami` shows it, `-p NAME` chooses another",
    ),
    (&["-A", "--user-agent"], "`-H 'User-Agent: NAME'` sets it"),
    (&["--referer"], "no Referer is ever sent"),
    (&["-b", "--cookie", "--cookie-jar"], "cookies are neither kept nor sent"),
    (&["-O", "--remote-name"], "`-o FILE` names the file"),
    (&["-w", "--write-out", "-D", "--dump-header"], "`-i` shows the status line and the headers"),
    (&["-m", "--max-time"], "`--timeout DURATION` limits the whole call"),
    (&["--connect-timeout"], "connections have a limit of their own; `--timeout DURATION` limits the whole call"),
    (
        &["--retry", "--retry-delay", "--retry-max-time", "--retry-all-errors"],
        "`--max-wait DURATION` limits the retries",
    ),
    (&["--compressed", "--no-buffer", "-N"], "no flag is needed for that"),
    (&["-r", "--raw-output", "--raw"], "strings are raw without a flag: `-q EXPR`, or `--jq EXPR`"),
    (&["-j", "--join-output", "--ascii-output"], "`-q EXPR`, or `--jq EXPR`, prints one result on each line"),
    (&["-c", "--compact-output", "--compact"], "results of `-q EXPR`, or `--jq EXPR`, are compact without a flag"),
    (&["--tab", "--indent", "--prettify", "--format"], "`--pretty` indents JSON by two spaces"),
    (&["-e", "--exit-status"], "`--fail-unless EXPR` ends with 12 unless the expression is true"),
    (
        &["--slurpfile", "--rawfile", "--args", "--jsonargs"],
        "`--arg NAME VALUE` and `--argjson NAME JSON` set variables",
    ),
    (&["--stream", "--seq", "--ndjson-stream"], "`--ndjson` takes a list item by item"),
    (&["--null-input", "--raw-input"], "`-q EXPR`, or `--jq EXPR`, filters the answer"),
    (&["--filter", "--query-jq", "--expression", "--jmespath"], "`-q EXPR`, or `--jq EXPR`, filters the answer"),
    (
        &["-t", "--template"],
        "`-q EXPR`, or `--jq EXPR`, shapes the answer; a token is never an argument: set LOKALISE_API_TOKEN",
    ),
    (&["--all", "--all-pages", "--page-all", "--cache"], "`--paginate` fetches every page"),
    (
        &["--limit", "--page", "--per-page", "--page-size", "--cursor"],
        "`--query limit=N` and `--query page=N` ask for one page; `--paginate` fetches all, `--max-items N` the first N items",
    ),
    (&["-P", "--project-id"], "`--project ID` fills in `{p}`"),
    (&["--download", "--unzip", "--unzip-to", "--dest"], "`--extract DIR` unpacks the bundle of an export"),
    (&["--poll", "--async"], "`--wait` waits for a queued process"),
];

/// What `call` has instead of this flag, if it is a flag of another tool.
pub fn hint(flag: &str) -> Option<&'static str> {
    FLAGS.iter().find(|(names, _)| names.contains(&flag)).map(|(_, hint)| *hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_foreign_flag_is_listed_once_and_is_not_a_flag_of_call() {
        use clap::CommandFactory;
        let mut cli = crate::cli::Cli::command();
        cli.build();
        let call = cli.find_subcommand("call").unwrap();
        let is_ours = |flag: &str| {
            call.get_arguments().any(|argument| match flag.strip_prefix("--") {
                Some(long) => argument.get_long() == Some(long),
                None => argument.get_short() == flag.chars().nth(1),
            })
        };
        let mut seen = std::collections::HashSet::new();
        for flag in FLAGS.iter().flat_map(|(names, _)| *names) {
            assert!(seen.insert(*flag), "{flag} is there twice");
            assert!(!is_ours(flag), "{flag} is a flag of `call`");
        }
    }

    #[test]
    fn every_flag_in_a_hint_exists() {
        use clap::CommandFactory;
        let mut cli = crate::cli::Cli::command();
        cli.build();
        let call = cli.find_subcommand("call").unwrap();
        for (names, hint) in FLAGS {
            for word in hint
                .split([' ', ',', ';', ':'])
                .map(|word| word.trim_matches('`'))
                .filter(|word| word.starts_with('-') && word.len() > 1)
            {
                let exists = call.get_arguments().any(|argument| match word.strip_prefix("--") {
                    Some(long) => argument.get_long() == Some(long),
                    None => argument.get_short() == word.chars().nth(1),
                });
                assert!(exists || word.starts_with("--arg"), "{names:?}: {word}");
            }
        }
    }
}
