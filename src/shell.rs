//! How a hint writes what the reader is to paste: quoted for a Unix shell, or for PowerShell on Windows.

use std::borrow::Cow;

/// One word, whatever is in it.
pub fn quote(word: &str) -> Cow<'_, str> {
    if cfg!(windows) { for_powershell(word) } else { shell_words::quote(word) }
}

/// The command that unsets a variable.
pub fn unset(variable: &str) -> String {
    if cfg!(windows) { format!("Remove-Item Env:{variable}") } else { format!("unset {variable}") }
}

/// The command that sets a variable for the commands after it.
pub fn export(variable: &str, value: &str) -> String {
    if cfg!(windows) {
        format!("$Env:{variable} = {}", single_quoted(value))
    } else {
        format!("export {variable}={}", shell_words::quote(value))
    }
}

/// The command that gives one variable the value of another.
pub fn export_from(variable: &str, other: &str) -> String {
    if cfg!(windows) { format!("$Env:{variable} = $Env:{other}") } else { format!("export {variable}=\"${other}\"") }
}

/// A command that reads a file as its input.
pub fn with_input(command: &str, file: &str) -> String {
    if cfg!(windows) { format!("Get-Content {file} | {command}") } else { format!("{command} < {file}") }
}

/// PowerShell takes words of these characters as they are.
fn for_powershell(word: &str) -> Cow<'_, str> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_./\\:+=-".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) && !word.starts_with('-') {
        Cow::Borrowed(word)
    } else {
        Cow::Owned(single_quoted(word))
    }
}

/// PowerShell ends a quoted word at typographic quotes as well; each is doubled.
fn single_quoted(word: &str) -> String {
    let mut quoted = String::with_capacity(word.len() + 2);
    quoted.push('\'');
    for c in word.chars() {
        if matches!(c, '\'' | '\u{2018}'..='\u{201b}') {
            quoted.push(c);
        }
        quoted.push(c);
    }
    quoted.push('\'');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn powershell_takes_a_quoted_word_as_it_is() {
        assert_eq!(for_powershell("/projects/a.1/keys"), "/projects/a.1/keys");
        assert_eq!(for_powershell(r"C:\Users\ada\tok"), r"C:\Users\ada\tok");
        for (word, quoted) in [
            ("", "''"),
            ("a b", "'a b'"),
            ("$(rm x)", "'$(rm x)'"),
            ("it's", "'it''s'"),
            ("it\u{2019}s", "'it\u{2019}\u{2019}s'"),
            ("a;b", "'a;b'"),
            ("a`b", "'a`b'"),
            ("a,b", "'a,b'"),
            ("@a", "'@a'"),
            ("-Flag", "'-Flag'"),
            ("{id}", "'{id}'"),
        ] {
            assert_eq!(for_powershell(word), quoted);
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_shell_takes_a_quoted_word_as_it_is() {
        for word in ["", "a b", "$(touch x)", "it's", "`x`", "a;b", "a\nb", "~", "!x", "{a,b}", "*", "#", "\\", "ü"] {
            let script = format!("printf %s {}", quote(word));
            let output = std::process::Command::new("sh").args(["-c", &script]).output().expect("there is a shell");
            let printed = String::from_utf8_lossy(&output.stdout).into_owned();
            assert!(printed == word, "{word:?} became {printed:?}");
        }
    }
}
