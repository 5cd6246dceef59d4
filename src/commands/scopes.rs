//! `scopes`: the OAuth scopes that endpoints need, and how sure that is. It lists what `call` can reach.

use serde_json::{Value, json};

use super::layout::{self, Table};
use crate::cli::{METHODS, Scopes};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::lokalise::endpoints::{self, Endpoint, Scope};

pub fn run(context: Context<'_>, scopes: &Scopes) -> Result<u8> {
    let found = match (&scopes.filter, &scopes.path) {
        (Some(method), Some(path)) => {
            let endpoint = one(method, path)?;
            if context.settings.json {
                return context.world.answer_json(&object(&endpoint)).map(|()| 0);
            }
            vec![endpoint]
        }
        (Some(filter), None) => filtered(filter)?,
        (None, _) => callable().collect(),
    };
    if context.settings.json && context.world.stdout_is_terminal {
        return context.world.answer_json(&found.iter().map(object).collect()).map(|()| 0);
    }
    let text = if context.settings.json { as_json(&found) } else { as_table(&found, layout::width(context.world)) };
    context.world.answer(&text).map(|()| 0)
}

fn callable() -> impl Iterator<Item = Endpoint> {
    endpoints::all().filter(Endpoint::callable)
}

/// The endpoint of a method and a path.
fn one(method: &str, path: &str) -> Result<Endpoint> {
    let method = method.to_ascii_uppercase();
    if !METHODS.contains(&method.as_str()) {
        return Err(
            Error::usage("the first of two arguments is a method").hint(format!("methods: {}", METHODS.join(", ")))
        );
    }
    endpoints::find(&method, &rooted(path)).filter(Endpoint::callable).ok_or_else(|| {
        Error::usage(format!("no endpoint is known for {method} at this path"))
            .hint("`lokalise-auth scopes` lists the endpoints; `lokalise-auth scopes keys` those about keys")
    })
}

/// The endpoints of a method, of a path with a leading `/`, or about a word.
fn filtered(filter: &str) -> Result<Vec<Endpoint>> {
    let method = filter.to_ascii_uppercase();
    let word = filter.to_lowercase();
    let found: Vec<Endpoint> = if METHODS.contains(&method.as_str()) {
        callable().filter(|endpoint| endpoint.operation.method == method).collect()
    } else if filter.starts_with('/') || filter.contains("://") {
        let path = rooted(filter);
        METHODS.iter().filter_map(|method| endpoints::find(method, &path)).filter(Endpoint::callable).collect()
    } else {
        callable().filter(|endpoint| is_about(endpoint, &word)).collect()
    };
    if found.is_empty() {
        return Err(Error::usage("no endpoint fits")
            .hint("`lokalise-auth scopes` lists the endpoints; a word is looked for in path, scope and summary"));
    }
    Ok(found)
}

fn is_about(endpoint: &Endpoint, word: &str) -> bool {
    let Endpoint { path, operation } = endpoint;
    let scope = operation.scope.name().unwrap_or_default();
    [path, scope, operation.summary].iter().any(|text| text.to_lowercase().contains(word))
}

/// A path as the table has it, from what `call` takes: `/api2` may be left out, and a query does not matter.
fn rooted(path: &str) -> String {
    let path = path.split(['?', '#']).next().unwrap_or_default();
    // The host of a full URL does not matter either.
    let path = match path.split_once("://") {
        Some((_, rest)) => rest.find('/').map_or("", |slash| &rest[slash..]),
        None => path,
    };
    let path = path.strip_prefix('/').unwrap_or(path);
    let root = path.split('/').next().unwrap_or_default();
    if matches!(root, "api2" | "v1" | "v3" | "oauth2") { format!("/{path}") } else { format!("/api2/{path}") }
}

fn object(endpoint: &Endpoint) -> Value {
    json!({
        "method": endpoint.operation.method,
        "path": endpoint.typed(),
        "scope": endpoint.operation.scope.name(),
        "confidence": endpoint.operation.scope.confidence(),
        "summary": endpoint.operation.summary,
    })
}

fn as_json(endpoints: &[Endpoint]) -> String {
    let objects: Vec<String> = endpoints.iter().map(|endpoint| object(endpoint).to_string()).collect();
    format!("[{}]\n", objects.join(",\n "))
}

/// The scope as the table shows it: its name, and a mark for how sure that is.
fn marked(scope: Scope) -> String {
    match scope {
        Scope::High(name) => name.to_owned(),
        Scope::Medium(name) => format!("{name} ?"),
        Scope::Low(name) => format!("{name} ??"),
        Scope::Unknown => "unknown".to_owned(),
        Scope::NoneDocumented => "-".to_owned(),
    }
}

/// What a mark means; `None` for a scope that is certain.
fn explanation(scope: Scope) -> Option<[&'static str; 2]> {
    match scope {
        Scope::High(_) => None,
        Scope::Medium(_) => Some(["?", "one source names this scope"]),
        Scope::Low(_) => Some(["??", "one source names this scope, and it may be wrong"]),
        Scope::Unknown => Some(["unknown", "no source says which scope is needed"]),
        Scope::NoneDocumented => Some(["-", "no scope is documented"]),
    }
}

/// Method, path, scope and summary below a head, and the marks that occur. A narrow table of many endpoints has no
/// summaries, so that each endpoint stays on one line.
fn as_table(endpoints: &[Endpoint], width: usize) -> String {
    let cells = |row: [&str; 4]| row.map(str::to_owned).to_vec();
    let mut rows = vec![cells(["METHOD", "PATH", "SCOPE", "WHAT IT DOES"])];
    let mut marks: Vec<Vec<String>> = Vec::new();
    for endpoint in endpoints {
        let Endpoint { operation, .. } = endpoint;
        // `call` takes the short form too.
        let path = endpoint.typed().replace("{project_id}", "{p}");
        rows.push(cells([operation.method, &path, &marked(operation.scope), operation.summary]));
        if let Some(mark) = explanation(operation.scope).map(|mark| mark.map(str::to_owned).to_vec())
            && !marks.contains(&mark)
        {
            marks.push(mark);
        }
    }
    let mut layout = Table { indent: 0, width, widest: &[6, 45, 20] };
    let is_short = endpoints.len() > 1 && !layout.has_room_for_last(&rows);
    if is_short {
        for row in &mut rows {
            row.pop();
        }
        // On 80 columns the longest scope has room.
        layout.widest = &[6, 39];
    }
    let mut table = layout.render(&rows);
    if is_short {
        table.push_str("\n\na wider terminal shows what each endpoint does");
    }
    if !marks.is_empty() {
        table.push_str("\n\n");
        table.push_str(&Table { indent: 0, width, widest: &[] }.render(&marks));
    }
    table.push('\n');
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table_of(method: &str, path: &str) -> String {
        as_table(&[one(method, path).unwrap_or_else(|error| panic!("{path}: {error}"))], 100)
    }

    #[test]
    fn an_endpoint_is_found_however_its_path_is_written() {
        let expected = "METHOD  PATH                SCOPE       WHAT IT DOES\n\
                        POST    /projects/{p}/keys  write_keys  Create keys\n";
        for path in [
            "/projects/{project_id}/keys",
            "projects/{p}/keys",
            "/api2/projects/12ab.34:dev/keys?limit=1",
            "https://api.lokalise.com/api2/projects/1/keys",
        ] {
            assert_eq!(table_of("post", path), expected, "{path}");
        }
        assert!(table_of("GET", "v1/audit-logs").contains("unknown  no source says"), "the mark is explained");
    }

    #[test]
    fn one_argument_is_a_method_a_path_or_a_word() {
        let found = |filter: &str| -> Vec<String> {
            let found = filtered(filter).unwrap_or_default();
            found.iter().map(|found| format!("{} {}", found.operation.method, found.typed())).collect()
        };
        assert_eq!(found("/projects"), ["GET /projects", "POST /projects"]);
        assert_eq!(found("/projects/12.34/keys/5"), found("/projects/{p}/keys/{key_id}"));
        assert!(found("patch").iter().all(|line| line.starts_with("PATCH ")) && !found("patch").is_empty());
        let keys = found("Keys");
        assert!(keys.contains(&"POST /projects/{project_id}/keys".to_owned()), "{keys:?}");
        assert!(!keys.contains(&"GET /projects".to_owned()), "{keys:?}");
        for filter in ["/nothing", "nothing", "/oauth2/token", "ota.lokalise"] {
            assert!(found(filter).is_empty(), "{filter}");
        }
    }

    #[test]
    fn what_call_cannot_reach_is_not_listed() {
        assert!(one("POST", "/oauth2/token").is_err());
        assert!(one("ota", "/projects").is_err(), "not a method");
        assert_eq!(callable().count(), 113);
    }

    #[test]
    fn on_80_columns_each_endpoint_has_one_line_and_its_scope() {
        let all: Vec<Endpoint> = callable().collect();
        let table = as_table(&all, 80);
        let lines: Vec<&str> = table.lines().take_while(|line| !line.is_empty()).collect();
        assert!(lines[0].starts_with("METHOD  PATH ") && lines[0].ends_with(" SCOPE"), "{}", lines[0]);
        assert!(table.lines().all(|line| line.chars().count() <= 80), "{table}");
        let below = lines.iter().filter(|line| line.starts_with(' ')).count();
        assert_eq!(lines.len() - below, 1 + all.len(), "{table}");
        assert!(below <= 12, "only the scope of a very long path is below it: {table}");
        assert!(table_of("GET", "/projects").contains("List all projects"));
    }

    #[test]
    fn the_whole_table_fits_and_every_row_is_whole() {
        let all: Vec<Endpoint> = callable().collect();
        let table = as_table(&all, 100);
        assert!(table.starts_with("METHOD  PATH "), "{table}");
        for line in table.lines() {
            assert!(line.chars().count() <= 100, "{line}");
        }
        for endpoint in &all {
            let start = format!("{:6}  {}", endpoint.operation.method, endpoint.typed().replace("project_id", "p"));
            let row = table.lines().find(|line| line.starts_with(&format!("{start} ")));
            assert!(row.is_some_and(|row| row.contains(&marked(endpoint.operation.scope))), "{start}");
        }
        let json: Vec<Value> = serde_json::from_str(&as_json(&all)).unwrap();
        assert_eq!(json.len(), 113);
        assert_eq!(
            json[0].as_object().unwrap().keys().collect::<Vec<_>>(),
            ["method", "path", "scope", "confidence", "summary"]
        );
    }
}
