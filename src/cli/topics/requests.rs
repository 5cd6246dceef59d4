//! The topic `call`: how fields, files and flags become a request.

use super::{Block, table, text};

pub(super) fn call() -> Vec<Block> {
    vec![
        text(
            "`lokalise-auth call [METHOD] PATH` sends one request. Without METHOD it is a GET, or a POST once there \
             is a body. All flags: `lokalise-auth call --help`.",
        ),
        Block::Heading("The path"),
        text(
            "It is relative to the API: `/projects`, `projects` and `/api2/projects` are the same. {p} and \
             {project_id} are the project of --project or LOKALISE_PROJECT_ID; --branch NAME makes it a branch \
             of that project. Put a path with braces in quotes. The ids of your projects:",
        ),
        Block::Code(r#"lokalise-auth call /projects --jq '.projects[] | "\(.project_id) \(.name)"'"#),
        Block::Heading("Fields"),
        table(&[
            ["-f key=value", "a string, whatever it looks like"],
            ["-F key=true", "a typed value: true, false, null or an integer; any other text is a string"],
            ["-F key=@FILE", "the text of a file; `@-` is stdin"],
            ["-F key=@base64:FILE", "a file as base64, for uploads"],
            ["-f 'a[b]=v'", "an object in an object: {\"a\": {\"b\": \"v\"}}"],
            ["-f 'a[]=v'", "an item of an array: {\"a\": [\"v\"]}; repeat it for more items"],
            ["-f 'a[]'", "an empty array"],
            ["-f 'a[][b]=v'", "an object in an array; a key that the object has already begins the next object"],
        ]),
        text("The same key twice is an error. `-f key=@FILE` sends the text `@FILE`: files need -F."),
        Block::Heading("Body or query"),
        text(
            "With POST, PUT, PATCH and DELETE the fields are the JSON body. With GET, or with --input, they are \
             the query. `--query key=value` is the query whatever the method. `--input FILE` is the body, byte for \
             byte; `--input -` reads it from stdin.",
        ),
        Block::Heading("See it first"),
        text("--dry-run shows the request and sends nothing; --curl shows it as a curl command."),
        Block::Code(
            "lokalise-auth call POST /projects -f name=Demo --dry-run\n\
             lokalise-auth call POST /projects -f 'languages[][lang_iso]=en' --curl",
        ),
        Block::Heading("Lists"),
        text(
            "--paginate fetches every page and prints one document; --ndjson prints one item per line. --batch KEY:N \
             sends a large array in requests of N items.",
        ),
        Block::Code("lokalise-auth call '/projects/{p}/keys' --paginate --jq '.keys | length'"),
    ]
}
