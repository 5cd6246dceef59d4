//! Usage errors: what is suggested, what is named, and that nothing typed is repeated.

use super::*;

const SECRET: &str = "0123456789abcdef0123456789abcdef01234567";

fn refusal_of(arguments: &[&str]) -> Error {
    let all = std::iter::once("lokalise-auth").chain(arguments.iter().copied()).map(OsString::from);
    match parse(all, false) {
        Err(error) => error,
        Ok(_) => panic!("{arguments:?} is accepted"),
    }
}

fn refused(arguments: &[&str]) -> String {
    let error = refusal_of(arguments);
    format!("{error}\n{}", error.hints.join("\n"))
}

#[test]
fn the_version_is_the_one_of_the_description() {
    for flag in ["--version", "-V"] {
        match parse(["lokalise-auth", flag].map(OsString::from), false) {
            Ok(Parsed::Text(text)) => assert_eq!(text, Cli::command().render_version()),
            _ => panic!("{flag} is not answered with a text"),
        }
    }
}

#[test]
fn a_secret_in_the_wrong_place_is_not_repeated() {
    for arguments in [
        vec![SECRET],
        vec!["token", SECRET],
        vec!["token", "set", SECRET],
        vec!["token", "set", "--token", SECRET],
        vec!["login", "--client-secret", SECRET],
        vec!["login", &format!("--client-secret={SECRET}")],
        vec!["login", "--port", SECRET],
        vec!["login", "--timeout", SECRET],
        vec!["--store", SECRET, "whoami"],
        vec!["--profile", "a/b0123456789abcdef0123456789abcdef01234567", "whoami"],
        vec!["--color", SECRET, "whoami"],
        vec!["token", "print", "--format", SECRET],
        vec!["token", "set", &format!("--{SECRET}")],
        vec!["token", "set", &format!("-{SECRET}")],
        vec!["call", "GET", "/projects", SECRET],
        vec!["call", "GET", "/projects", "--max-items", SECRET],
        vec!["completions", SECRET],
    ] {
        let message = refused(&arguments);
        assert!(!message.contains(SECRET) && !message.contains(&SECRET[..8]), "{arguments:?}: {message}");
    }
}

#[test]
fn the_early_flags_are_ours_and_not_another_programs() {
    let of = |line: &str| early_flags(line.split(' ').map(OsString::from));
    let (json, color) = (true, ColorChoice::Never);
    assert_eq!(of("lokalise-auth whoami --json --color never"), EarlyFlags { json, color });
    assert_eq!(of("lokalise-auth --color=never call --help"), EarlyFlags { json: false, color });
    for line in ["x exec -- gh --json x --color never", "x --color", "x --color purple", "x --jsonp"] {
        assert_eq!(of(line), EarlyFlags::default(), "{line}");
    }
}

fn hint(arguments: &[&str]) -> String {
    refusal_of(arguments).hints.join("\n")
}

#[test]
fn a_misspelt_word_gets_a_suggestion() {
    for (typed, words) in [
        (&["logn"][..], "did you mean `login`?\n`lokalise-auth --help`"),
        (&["-p", "work", "lgoin"], "did you mean `login`?"),
        (&["status"], "did you mean `whoami`?"),
        (&["auth", "login"], "did you mean `login`?"),
        (&["token", "show"], "did you mean `token print`?\n`lokalise-auth token --help` lists"),
        (&["token", "xyz"], "`lokalise-auth token --help` lists the commands"),
        (&["profile", "delete", "work"], "did you mean `logout --profile NAME`?\n`lokalise-auth profile --help`"),
        (&["login", "--no-browse"], "did you mean `--no-browser`?"),
        (&["whoami", "--profil=x"], "did you mean `--profile`?"),
        (&["token", "set", "--token", "x"], "LOKALISE_API_TOKEN"),
        (&["call", "-d", "a=b", "/projects"], "`-f KEY=VALUE` adds a string field"),
        (&["call", "/projects", "-t", "x"], "`--jq EXPR`, shapes the answer"),
        (&["whoami", "-t", "x"], "LOKALISE_API_TOKEN"),
        (&["call"], "usage: lokalise-auth call [OPTIONS] [METHOD] PATH"),
        (&["exec", "--lokalise", "--", "ls"], "did you mean `--lokalise2`?"),
    ] {
        let hint = hint(typed);
        assert!(hint.contains(words), "{typed:?}: {hint}");
    }
}

#[test]
fn what_is_missing_is_named() {
    for (typed, message) in [
        (&["token"][..], "`lokalise-auth token` needs a command: set, refresh, print"),
        (&["-v"], "a command is missing"),
        (&["call"], "PATH is missing"),
        (&["exec"], "COMMAND is missing"),
        (&["call", "/x", "--max-items", "1"], "`--paginate` is missing"),
    ] {
        assert_eq!(refusal_of(typed).message, message, "{typed:?}");
    }
}

#[test]
fn a_flag_in_front_of_the_wrapped_command_is_ours() {
    let parsed = |arguments: &[&str]| {
        let all = ["lokalise-auth"].into_iter().chain(arguments.iter().copied()).map(OsString::from);
        match parse(all, false) {
            Ok(Parsed::Command(cli)) => match cli.command {
                crate::cli::Command::Exec(exec) => Some(exec.command),
                _ => None,
            },
            _ => None,
        }
    };
    assert_eq!(parsed(&["exec", "--lokalise3", "--", "ls"]), None);
    assert_eq!(parsed(&["exec", "-x", "ls"]), None);
    assert_eq!(parsed(&["exec", "--", "-x", "ls"]), Some(vec!["-x".into(), "ls".into()]));
    assert_eq!(parsed(&["exec", "ls", "--json", "-x"]), Some(vec!["ls".into(), "--json".into(), "-x".into()]));
    let words = ["ls", "--", "-x"].map(OsString::from).to_vec();
    assert_eq!(parsed(&["exec", "--", "ls", "--", "-x"]), Some(words));
}

#[test]
fn no_arguments_ask_for_the_help() {
    let Ok(Parsed::Text(text)) = parse([OsString::from("lokalise-auth")], false) else { panic!("no text") };
    assert!(text.contains("Usage: lokalise-auth"), "{text}");
}

#[test]
fn a_command_that_is_parsed_alone_is_parsed_as_among_all() {
    let mut parsed = 0;
    for line in [
        "call /projects",
        "call GET /projects -p work --json -vv",
        "call -X post /projects -f a=b -F c[d]=1 --query x=y --store file",
        "call GET /x --jq .a --arg n v --argjson m {} --wait --max-wait 3s --timeout=9s -o out",
        "call GET /x --wait=9s --color always --no-input",
        "exec -v --as A -- make --json -p x",
        "exec --lokalise2 lokalise2 --profile other",
        "token print --format header --reveal",
        "token set --from-command cat --access-token -p a",
        "token -p a refresh --if-expiring 5m",
        "whoami --check --min-validity 1h",
        "whoami -p work --offline",
        "call",
        "call GET /x --nonsense",
        "call --max-items 3 /x",
        "token",
        "token nonsense",
        "whoami --min-validity 1h",
        "exec",
        "call --help",
        "whoami --version",
        "-p work call /x",
        "logout --all",
    ] {
        let arguments: Vec<OsString> =
            ["lokalise-auth"].into_iter().chain(line.split(' ')).map(OsString::from).collect();
        let among_all = Cli::command().try_get_matches_from(&arguments).and_then(|all| Cli::from_arg_matches(&all));
        if let Some(alone) = parse_scripted(&arguments) {
            assert_eq!(format!("{alone:?}"), format!("{:?}", among_all.expect(line)), "{line}");
            parsed += 1;
        }
    }
    assert_eq!(parsed, 12);
}
