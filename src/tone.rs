//! Colour for the few words that carry the meaning of a line. It is added to text that is escaped
//! already.

/// The meaning of a coloured word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    Good,
    Warning,
    Bad,
    /// A heading, or the beginning of a line.
    Strong,
}

impl Tone {
    /// The text in the colour of this tone, or as it is.
    pub fn paint(self, text: &str, color: bool) -> String {
        let code = match self {
            Self::Good => "32",
            Self::Warning => "33",
            Self::Bad => "31;1",
            Self::Strong => "1",
        };
        if color { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_has_colour_only_where_that_is_wanted() {
        assert_eq!(Tone::Bad.paint("problem", true), "\u{1b}[31;1mproblem\u{1b}[0m");
        assert_eq!(Tone::Bad.paint("problem", false), "problem");
    }
}
