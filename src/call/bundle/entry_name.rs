//! The names of a bundle's entries. They are read as `unzip` reads them: a leading `/`, `./` and a doubled `/` are
//! dropped. What could lead out of the folder, or into git's own, is refused.

use std::path::PathBuf;

/// No export has deeper names.
const MAX_PARTS: usize = 64;

/// The longest file name that common file systems take.
const MAX_PART_BYTES: usize = 255;

/// A name as a relative path. It is empty for an entry that is the folder itself, such as `./`.
///
/// # Errors
/// Why no entry may have this name.
pub fn entry_path(name: &str) -> Result<PathBuf, &'static str> {
    let parts: Vec<&str> = name.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
    if parts.len() > MAX_PARTS {
        return Err("it has more than 64 parts");
    }
    if parts.first().is_some_and(|first| has_drive(first)) {
        return Err("it begins with a drive");
    }
    parts.iter().try_for_each(|part| check_part(part))?;
    Ok(parts.into_iter().collect())
}

fn check_part(part: &str) -> Result<(), &'static str> {
    if part == ".." {
        return Err("it leads out of the folder");
    }
    if part.len() > MAX_PART_BYTES {
        return Err("a part of it is longer than 255 bytes");
    }
    if part.contains(|c: char| c == '\\' || c.is_control()) {
        return Err("it has a character that no file name should have");
    }
    if is_git_folder(part) {
        return Err("git would take it for its own folder");
    }
    if cfg!(windows) && !is_plain_on_windows(part) {
        return Err("Windows has another use for it");
    }
    Ok(())
}

/// Whether a path begins on another drive on Windows, as `C:evil` does.
fn has_drive(part: &str) -> bool {
    matches!(part.as_bytes(), [letter, b':', ..] if letter.is_ascii_alphabetic())
}

/// Whether git would take a name for `.git` on any file system, as it refuses such a name itself (CVE-2014-9390,
/// CVE-2019-1352): letter case and characters without width do not count on HFS+; on NTFS neither do dots and blanks at
/// the end, and what follows a colon names a stream of the same file.
fn is_git_folder(part: &str) -> bool {
    let visible: String = part.chars().filter(|c| !has_no_width(*c)).collect();
    let file = visible.split(':').next().unwrap_or_default().trim_end_matches(['.', ' ']);
    file.eq_ignore_ascii_case(".git") || file.eq_ignore_ascii_case("git~1")
}

/// The characters that Unicode lists as `Default_Ignorable_Code_Point`. HFS+ ignores some of them.
fn has_no_width(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fff8}' | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// Whether Windows takes a name literally: it is not a device, names no stream, and has no ending that Windows drops.
fn is_plain_on_windows(part: &str) -> bool {
    let stem = part.split('.').next().unwrap_or_default().trim_end().to_uppercase();
    // The superscript digits count as digits there.
    let is_digit = |number: &str| matches!(number, "¹" | "²" | "³") || number.len() == 1;
    let is_numbered = |device| stem.strip_prefix(device).is_some_and(is_digit);
    let is_device = matches!(stem.as_str(), "CON" | "PRN" | "AUX" | "NUL" | "CONIN$" | "CONOUT$")
        || is_numbered("COM")
        || is_numbered("LPT");
    !is_device && !part.contains(['<', '>', ':', '"', '|', '?', '*']) && !part.ends_with(['.', ' '])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::path::{Component, Path};

    fn path(name: &str) -> Result<String, &'static str> {
        entry_path(name).map(|path| path.to_str().unwrap().to_owned())
    }

    #[test]
    fn a_name_is_read_as_unzip_reads_it() {
        for (name, read) in [
            ("en.json", "en.json"),
            ("/en.json", "en.json"),
            ("//en.json", "en.json"),
            ("./en.json", "en.json"),
            ("locales//en.json", "locales/en.json"),
            ("/./x//./y.json", "x/y.json"),
            ("a/", "a"),
            ("/", ""),
            ("./", ""),
            ("..a/b..json", "..a/b..json"),
            (".hidden/...", ".hidden/..."),
            ("zh-Hans/ü 100%.json", "zh-Hans/ü 100%.json"),
        ] {
            assert_eq!(path(name).as_deref(), Ok(read), "{name}");
        }
    }

    #[test]
    fn a_name_that_leads_out_is_refused() {
        for name in ["..", "../en.json", "/../x", "a/../x", "a/../../x", "./../x", "a/.."] {
            assert_eq!(path(name), Err("it leads out of the folder"), "{name}");
        }
        for name in ["x\\..\\y", "\\x", "a\nb", "a\0b", "a/\u{7f}", "\u{9b}"] {
            assert_eq!(path(name), Err("it has a character that no file name should have"), "{name:?}");
        }
        for name in ["C:/evil", "c:evil", "/C:/evil", "C:"] {
            assert_eq!(path(name), Err("it begins with a drive"), "{name}");
        }
        assert_eq!(path(&"a/".repeat(65)), Err("it has more than 64 parts"));
        assert!(path(&"a/".repeat(64)).is_ok());
        assert_eq!(path(&"x".repeat(256)), Err("a part of it is longer than 255 bytes"));
        assert!(path(&"x".repeat(255)).is_ok());
    }

    #[test]
    fn a_name_that_git_takes_for_its_folder_is_refused() {
        for name in [
            ".git",
            ".GIT",
            ".Git/hooks/post-checkout",
            "a/.git/config",
            ".git./config",
            ".git /config",
            ".git. ./config",
            ".git...",
            "git~1/config",
            "GIT~1",
            "git~1 .",
            ".git::$INDEX_ALLOCATION/config",
            ".git:stream",
            ".git .:x",
            "git~1:$I30:$INDEX_ALLOCATION",
            ".g\u{200c}it",
            "\u{200b}.git",
            ".gi\u{feff}t",
            ".g\u{200d}I\u{2060}t",
            ".git\u{200e}",
            ".git\u{200e}. ",
            "\u{202a}.\u{202e}g\u{206a}i\u{206f}t",
            ".g\u{ad}it",
            ".g\u{e0001}it",
        ] {
            assert_eq!(path(name), Err("git would take it for its own folder"), "{name:?}");
        }
        for name in [
            ".github/workflows/x.yml",
            ".gitignore",
            ".gitattributes",
            ".gitkeep",
            ".git-blame/x",
            "git/config",
            "git",
            "x.git/config",
            "en.git",
            "git~12",
            ".g it",
            " .git",
            "..git",
        ] {
            assert_eq!(path(name).as_deref(), Ok(name));
        }
    }

    #[test]
    fn names_that_windows_keeps_for_itself_are_known() {
        for name in [
            "CON",
            "nul.txt",
            "com1",
            "COM0",
            "com².json",
            "LPT9.json",
            "conin$",
            "a:b",
            "what?",
            "end.",
            "end ",
            "a|b",
        ] {
            assert!(!is_plain_on_windows(name), "{name}");
        }
        for name in ["console", "com10", "en.json", "zh-Hans", ".hidden", "company", "com", "größe"] {
            assert!(is_plain_on_windows(name), "{name}");
        }
    }

    proptest! {
        #[test]
        fn a_path_only_leads_inward(parts in proptest::collection::vec("(\\.{0,3}|[a-c:\\\\ .]{1,5}|\\.g.?it.?|\\PC{1,4})", 0..70)) {
            let name = parts.join("/");
            if let Ok(path) = entry_path(&name) {
                prop_assert!(path.components().all(|part| matches!(part, Component::Normal(_))), "{name:?}");
                prop_assert!(path.components().count() <= MAX_PARTS);
                let folded = path.to_str().unwrap().to_lowercase();
                prop_assert!(!Path::new(&folded).components().any(|part| part.as_os_str() == ".git"), "{name:?}");
                // Reading it again changes nothing.
                prop_assert_eq!(entry_path(path.to_str().unwrap()), Ok(path.clone()));
            }
        }
    }
}
