//! The topic `jq`: what the built-in filter does, and where it differs from jq 1.7.

use super::{Block, table, text};

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
             A filter that begins with `.NAME[]` takes a long list item by item while it comes in, in little memory: \
             what was printed before a failure stays printed. Any other filter holds the document, up to 512 MiB.",
        ),
        text(
            "`--arg NAME VALUE` sets the variable $NAME to a text, `--argjson NAME JSON` to a JSON value. `env` and $ENV \
             hold the environment without the variables of secrets. `debug`, `stderr`, `error` and `halt_error` write \
             to stderr.",
        ),
        Block::Code("lokalise-auth call /teams --arg n Web -q '.teams[] | select(.name == $n)'"),
        text(
            "`--fail-unless EXPR` is a gate: `true` goes on, `false` and `null` are exit code 12. Anything else, no \
             result or several are a mistake in the gate, exit code 2. With --ndjson it is asked of every item.",
        ),
        Block::Heading("Where it differs from jq"),
        table(&[
            ["input, inputs, input_line_number", "do not compile: there is one answer, and it is `.`"],
            ["import, include", "do not compile: there are no modules"],
            ["localtime, strflocaltime", "do not compile: dates are in UTC (`gmtime`, `strftime`, `strptime`)"],
            ["builtins, modulemeta", "do not compile"],
            ["error, halt_error", "exit code 1, whatever their number; `halt` is 0"],
            ["an unknown @format", "does not compile, where jq fails when it runs"],
            [
                "the flag `l` of patterns",
                "is an error; patterns with more than 8 MiB of tables or 10 million steps are, too",
            ],
            ["recursion", "of filters that call themselves with arguments ends with an error at some 10,000 levels"],
            ["assignment", "to a place above 16,777,215 of a list is an error"],
            [
                "the words of some errors",
                "such as those about text that is not JSON, when a filter catches and prints them",
            ],
            ["empty matches", "are not found inside a character, where jq finds one at each of its bytes"],
            ["mathematics", "the last digit may differ, as between two systems with jq"],
            [
                "paths of new values",
                "`path(unique)` and the like are errors in both, but within `?` or `try` jq may catch them earlier",
            ],
            ["paths after `as [$x]`", "are those of the input, where jq mixes them with those of the pattern"],
            ["from_entries", "takes `k` and `v` as well"],
            ["more than jq 1.7", "`trim`, `ltrim`, `rtrim`, `toarray`, `leaf_paths`, `ascii`, `@base32`, `@base32d`"],
        ]),
    ]
}
