//! The words before the cursor, as the shells hand them over: bash as a line,
//! fish and PowerShell with the quotes of the last word, the others plain.

/// What is typed, up to the cursor.
pub struct TypedLine {
    /// The program's name first, the word at the cursor last; it may be empty.
    pub words: Vec<String>,
    /// How much of the word at the cursor the shell keeps in front of what is inserted.
    kept: usize,
    /// How the inserted text has to be escaped.
    escape: Escape,
}

/// How the inserted text is escaped, so that the shell reads it unchanged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Escape {
    /// By the shell or by its script.
    Shell,
    /// With a backslash before each special character of bash.
    Bash,
    /// The same between double quotes.
    BashDoubleQuotes,
    /// Nothing can be escaped between single quotes.
    BashSingleQuotes,
}

impl TypedLine {
    /// Words without quotes.
    pub fn plain(before: &[String], current: &str) -> Self {
        let mut words = before.to_vec();
        words.push(current.to_owned());
        Self { words, kept: 0, escape: Escape::Shell }
    }

    /// fish passes the finished words without quotes, and the current one as it is typed.
    pub fn in_fish(before: &[String], current: &str) -> Self {
        Self::plain(before, &unquoted(current))
    }

    /// PowerShell may drop an empty last word on its way here, so the count of finished words comes first.
    pub fn in_powershell(count: &str, words: &[String]) -> Self {
        let finished = count.parse().unwrap_or(usize::MAX).min(words.len());
        let (before, rest) = words.split_at(finished);
        Self::plain(before, &unquoted(rest.first().map_or("", String::as_str)))
    }

    /// bash gives the line up to the cursor, and the end of it that it is going to replace. That is less than the
    /// last word where the word holds a `=` or a `:`, for bash ends words there (`COMP_WORDBREAKS`).
    pub fn in_bash(line: &str, replaced: &str) -> Self {
        let (words, escape) = split(line);
        let current = words.last().map_or("", String::as_str);
        let kept = current.strip_suffix(unquoted(replaced).as_str()).map_or(0, str::len);
        Self { words, kept, escape }
    }

    pub fn current(&self) -> &str {
        self.words.last().map_or("", String::as_str)
    }

    pub fn before(&self) -> &[String] {
        &self.words[..self.words.len() - 1]
    }

    /// What the shell is to insert for a candidate; nothing if it cannot be inserted here.
    pub fn inserted(&self, candidate: &str) -> Option<String> {
        let rest = candidate.get(self.kept..).filter(|_| candidate.starts_with(&self.current()[..self.kept]))?;
        // Each candidate is one line.
        if rest.contains(['\n', '\t']) {
            return None;
        }
        Some(match self.escape {
            Escape::Bash => escaped(rest, |c| !c.is_alphanumeric() && !"/_-.,+=:@%^{}".contains(c)),
            Escape::BashDoubleQuotes => escaped(rest, |c| "\"\\$`".contains(c)),
            Escape::Shell | Escape::BashSingleQuotes => rest.to_owned(),
        })
    }
}

fn escaped(text: &str, must: impl Fn(char) -> bool) -> String {
    text.chars().flat_map(|c| must(c).then_some('\\').into_iter().chain([c])).collect()
}

/// A line's words without their quotes, and how the last one has to be escaped. After a space a new word
/// begins, even if it is still empty.
fn split(line: &str) -> (Vec<String>, Escape) {
    let mut words = vec![String::new()];
    let mut quote = Escape::Bash;
    let mut characters = line.trim_start().chars().peekable();
    while let Some(c) = characters.next() {
        let word = words.last_mut().expect("there is always a last word");
        match (quote, c) {
            (Escape::Bash, ' ' | '\t' | '\n') => {
                if characters.peek().is_none_or(|next| !next.is_whitespace()) {
                    words.push(String::new());
                }
            }
            (Escape::Bash, '\'') => quote = Escape::BashSingleQuotes,
            (Escape::Bash, '"') => quote = Escape::BashDoubleQuotes,
            (Escape::BashSingleQuotes, '\'') | (Escape::BashDoubleQuotes, '"') => quote = Escape::Bash,
            (Escape::Bash, '\\') => word.extend(characters.next()),
            (Escape::BashDoubleQuotes, '\\') => {
                let literal = characters.peek().is_some_and(|next| !"\"\\$`".contains(*next));
                word.extend(literal.then_some('\\'));
                word.extend(characters.next());
            }
            (_, other) => word.push(other),
        }
    }
    (words, quote)
}

/// One word without its quotes and backslashes, whether its last quote is closed or not.
fn unquoted(word: &str) -> String {
    split(word).0.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<String> {
        split(line).0
    }

    #[test]
    fn a_line_is_split_as_bash_splits_it() {
        assert_eq!(words("l call  GET /p"), ["l", "call", "GET", "/p"]);
        assert_eq!(words("l call "), ["l", "call", ""]);
        assert_eq!(words(r#"l 'a b' "c \" \d" e\ f"#), ["l", "a b", r#"c " \d"#, "e f"]);
        assert_eq!(words("l '/pro"), ["l", "/pro"]);
        assert_eq!(words(""), [""]);
        assert_eq!(words("l x\\"), ["l", "x"]);
    }

    #[test]
    fn bash_keeps_the_text_before_its_word_break() {
        let typed = TypedLine::in_bash("l whoami --profile=wo", "wo");
        assert_eq!(typed.words, ["l", "whoami", "--profile=wo"]);
        assert_eq!(typed.inserted("--profile=work").as_deref(), Some("work"));
        assert_eq!(TypedLine::in_bash("l --profile=", "").inserted("--profile=work").as_deref(), Some("work"));
        assert_eq!(TypedLine::in_bash("l --store helper:pa", "pa").inserted("helper:pass").as_deref(), Some("pass"));
        assert_eq!(TypedLine::in_bash("l call /p", "/p").inserted("/projects/{p}").as_deref(), Some("/projects/{p}"));
    }

    #[test]
    fn inserted_text_is_read_back_unchanged() {
        assert_eq!(TypedLine::in_bash("l call /a\\ b/", "/a\\ b/").inserted("/a b/$c").as_deref(), Some("/a\\ b/\\$c"));
        assert_eq!(TypedLine::in_bash("l call '/a b/", "/a b/").inserted("/a b/$c").as_deref(), Some("/a b/$c"));
        assert_eq!(TypedLine::in_bash("l call \"/a b/", "/a b/").inserted("/a b/$c").as_deref(), Some("/a b/\\$c"));
        assert_eq!(TypedLine::plain(&[], "x").inserted("a\nb"), None);
    }

    #[test]
    fn the_other_shells_leave_quotes_in_the_last_word_only() {
        let before = ["l".to_owned(), "it's".to_owned()];
        assert_eq!(TypedLine::in_fish(&before, r"/projects/\{p\}/k").words, ["l", "it's", "/projects/{p}/k"]);
        assert_eq!(TypedLine::in_powershell("1", &["l".to_owned(), "'/p".to_owned()]).words, ["l", "/p"]);
        assert_eq!(TypedLine::in_powershell("1", &["l".to_owned()]).words, ["l", ""]);
        assert_eq!(TypedLine::in_powershell("nonsense", &["l".to_owned()]).words, ["l", ""]);
    }
}
