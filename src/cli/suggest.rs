//! What a mistyped word was probably meant to be: the most similar command or flag of ours, and
//! pairs for words of other programs. Nothing that was typed is repeated.

/// Words that are not commands of this program, each with the command line to suggest.
const ROOT_PAIRS: &[(&str, &str)] = &[
    ("status", "whoami"),
    ("auth", "whoami"),
    ("me", "whoami"),
    ("user", "whoami"),
    ("api", "call"),
    ("get", "call"),
    ("post", "call"),
    ("put", "call"),
    ("patch", "call"),
    ("delete", "call"),
    ("request", "call"),
    ("curl", "call"),
    ("project", "call /projects"),
    ("projects", "call /projects"),
    ("signin", "login"),
    ("sign-in", "login"),
    ("signout", "logout"),
    ("sign-out", "logout"),
    ("run", "exec"),
    ("env", "exec"),
    ("ls", "profile list"),
    ("list", "profile list"),
    ("use", "profile use NAME"),
    ("switch", "profile use NAME"),
    ("set", "token set"),
    ("print", "token print"),
    ("refresh", "token refresh"),
    ("renew", "token refresh"),
    ("check", "doctor"),
    ("version", "--version"),
];

const TOKEN_PAIRS: &[(&str, &str)] = &[
    ("show", "token print"),
    ("get", "token print"),
    ("cat", "token print"),
    ("add", "token set"),
    ("save", "token set"),
    ("store", "token set"),
    ("create", "token set"),
    ("renew", "token refresh"),
    ("delete", "logout"),
    ("remove", "logout"),
    ("rm", "logout"),
    ("check", "whoami"),
    ("status", "whoami"),
];

const PROFILE_PAIRS: &[(&str, &str)] = &[
    ("delete", "logout --profile NAME"),
    ("remove", "logout --profile NAME"),
    ("rm", "logout --profile NAME"),
    ("add", "login --profile NAME"),
    ("create", "login --profile NAME"),
    ("new", "login --profile NAME"),
    ("show", "whoami"),
    ("current", "whoami"),
    ("ls", "profile list"),
    ("set", "profile use NAME"),
    ("switch", "profile use NAME"),
    ("default", "profile use NAME"),
    ("select", "profile use NAME"),
];

/// The command line to suggest for an unknown word. `parents` are the commands before it (none at the top),
/// `next` is the word after it, and `known` are the commands that exist at this place.
pub(super) fn command(parents: &[&str], typed: &str, next: Option<&str>, known: &[&str]) -> Option<String> {
    let typed = typed.to_lowercase();
    if parents.is_empty() && typed == "auth" {
        // `gh auth login` and similar commands.
        let meant = match next {
            Some("login") => "login",
            Some("logout") => "logout",
            Some("token") => "token print",
            Some("refresh") => "token refresh",
            _ => "whoami",
        };
        return Some(meant.to_owned());
    }
    if parents.is_empty() && typed.starts_with('/') {
        return Some("call PATH".to_owned());
    }
    let pairs = match parents {
        [] => ROOT_PAIRS,
        ["token"] => TOKEN_PAIRS,
        ["profile"] => PROFILE_PAIRS,
        _ => &[],
    };
    if let Some((_, meant)) = pairs.iter().find(|(word, _)| *word == typed) {
        return Some((*meant).to_owned());
    }
    nearest(&typed, known).map(|name| [parents, &[name]].concat().join(" "))
}

/// The most similar of `known`, if one is similar enough. `logout` loses every tie: running it by
/// mistake does the most damage.
pub(crate) fn nearest<'a>(typed: &str, known: &[&'a str]) -> Option<&'a str> {
    let length = typed.chars().count();
    if length < 2 {
        return None;
    }
    let ranked = known.iter().filter_map(|&name| {
        let distance = if name.starts_with(typed) { 1 } else { edit_distance(typed, name) };
        let shorter = length.min(name.chars().count());
        // A third of the shorter word may be wrong, and one letter always.
        (distance <= (shorter / 3).max(1)).then_some((distance, name == "logout", name))
    });
    // Of equals the first in the list wins.
    ranked.min_by_key(|&(distance, is_logout, _)| (distance, is_logout)).map(|(_, _, name)| name)
}

/// How many letters have to be inserted, deleted, replaced or swapped with their neighbour.
fn edit_distance(one: &str, other: &str) -> usize {
    let (one, other): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
    let mut rows = vec![vec![0; other.len() + 1]; one.len() + 1];
    for i in 0..=one.len() {
        for j in 0..=other.len() {
            rows[i][j] = if i == 0 || j == 0 {
                i + j
            } else {
                let replaced = rows[i - 1][j - 1] + usize::from(one[i - 1] != other[j - 1]);
                let mut least = replaced.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
                if i > 1 && j > 1 && one[i - 1] == other[j - 2] && one[i - 2] == other[j - 1] {
                    least = least.min(rows[i - 2][j - 2] + 1);
                }
                least
            };
        }
    }
    rows[one.len()][other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMANDS: &[&str] =
        &["login", "logout", "token", "whoami", "call", "exec", "profile", "scopes", "doctor", "completions", "help"];

    #[test]
    fn the_most_similar_command_is_suggested() {
        for (typed, meant) in [
            ("logn", "login"),
            ("lgoin", "login"),
            ("logon", "login"),
            ("log", "login"),
            ("lo", "login"),
            ("logi", "login"),
            ("Login", "login"),
            ("logut", "logout"),
            ("loguot", "logout"),
            ("log-out", "logout"),
            ("whomai", "whoami"),
            ("cal", "call"),
            ("cll", "call"),
            ("exce", "exec"),
            ("profiles", "profile"),
            ("scope", "scopes"),
            ("tokne", "token"),
            ("docter", "doctor"),
            ("completion", "completions"),
            ("hlep", "help"),
        ] {
            assert_eq!(command(&[], typed, None, COMMANDS).as_deref(), Some(meant), "{typed}");
        }
        for typed in ["frobnicate", "x", "0123456789abcdef0123456789abcdef01234567", "ö", ""] {
            assert_eq!(command(&[], typed, None, COMMANDS), None, "{typed}");
        }
    }

    #[test]
    fn words_of_other_programs_have_their_command() {
        let root = |typed, next| command(&[], typed, next, COMMANDS).unwrap_or_default();
        assert_eq!(root("status", None), "whoami");
        assert_eq!(root("auth", None), "whoami");
        assert_eq!(root("auth", Some("login")), "login");
        assert_eq!(root("auth", Some("status")), "whoami");
        assert_eq!(root("api", None), "call");
        assert_eq!(root("GET", None), "call");
        assert_eq!(root("/projects", None), "call PATH");
        assert_eq!(command(&["profile"], "delete", None, &["list", "use"]).as_deref(), Some("logout --profile NAME"));
        assert_eq!(command(&["token"], "show", None, &["set", "refresh", "print"]).as_deref(), Some("token print"));
        assert_eq!(command(&["token"], "prnt", None, &["set", "refresh", "print"]).as_deref(), Some("token print"));
        assert_eq!(command(&["token"], "logn", None, &["set", "refresh", "print"]), None);
    }

    #[test]
    fn letters_that_changed_places_are_one_mistake() {
        for (one, other, distance) in [("", "ab", 2), ("ab", "ba", 1), ("login", "logn", 1), ("abc", "axc", 1)] {
            assert_eq!(edit_distance(one, other), distance, "{one} {other}");
            assert_eq!(edit_distance(other, one), distance, "{other} {one}");
        }
    }
}
