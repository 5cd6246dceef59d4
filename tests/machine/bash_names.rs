//! Names of files on Tab in a bash that has no `compopt` (3.2, as macOS has): what the script offers is inserted as it
//! is, so that a name with a command in it has to be quoted.

use std::fs;

use super::Scene;

#[test]
fn a_name_with_a_command_in_it_is_quoted_or_left_out() {
    let scene = Scene::new();
    for name in
        ["body$(touch pwned).json", "back`touch pwned`.json", "it's.json", "plain.json", "a b.json", "bang!.json"]
    {
        fs::write(scene.home.work().join(name), "{}").expect("our own folder");
    }
    let script = r#"
        eval "$("$1" completions bash)"
        compopt() { return 1; }
        lokalise-auth() { "$PROGRAM" "$@"; }
        offered() {
            COMP_LINE="lokalise-auth call POST /x --input $2$1"; COMP_POINT=${#COMP_LINE}; COMPREPLY=()
            _lokalise_auth_names -f "$1"
            for reply in "${COMPREPLY[@]}"; do
                # As bash does when Enter follows.
                eval "words=( $2$reply$2 )"
                printf '%s\n' "${#words[@]}:${words[0]}"
            done
        }
        for quote in '' "'" '"'; do for start in bod bac it pla a ban; do offered "$start" "$quote"; done; echo --; done
    "#;
    let mut command = scene.home.other("bash", ["--norc", "-c", script, "bash"]);
    let output = command.arg(super::support::home::binary()).output().expect("there is bash");
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    let all = [
        "1:body$(touch pwned).json",
        "1:back`touch pwned`.json",
        "1:it's.json",
        "1:plain.json",
        "1:a b.json",
        "1:bang!.json",
    ];
    let in_single =
        ["1:body$(touch pwned).json", "1:back`touch pwned`.json", "1:plain.json", "1:a b.json", "1:bang!.json"];
    let in_double = ["1:it's.json", "1:plain.json", "1:a b.json"];
    let expected: Vec<&str> = [&all[..], &["--"], &in_single, &["--"], &in_double, &["--"]].concat();
    assert_eq!(printed.lines().collect::<Vec<_>>(), expected, "{}", String::from_utf8_lossy(&output.stderr));
    assert!(!scene.home.work().join("pwned").exists(), "a name was run as a command");
}
