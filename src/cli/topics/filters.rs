//! The topic `jq`: what the built-in filter does, and where it differs from jq 1.7.

use super::{Block, text};

pub(super) fn jq() -> Vec<Block> {
    vec![
        text(
            "`--jq EXPR` (or -q) filters the answer of `call`, as `jq -r EXPR` would: the language is that of jq 1.7, \
             and a string is printed without quotes. jq need not be installed.",
        ),
        Block::Code(
            "lokalise-auth call /projects --jq '.projects[] | .name'\n\
             lokalise-auth call '/projects/{p}/keys' --paginate --jq '.keys | length'\n\
             lokalise-auth call '/projects/{p}' --jq .name",
        ),
        text(
            "With --paginate the filter sees one document of all pages. With --ndjson it sees one item after another. \
             `--fail-unless EXPR` ends with exit code 12 unless the expression is true.",
        ),
    ]
}
