//! `scopes`: the OAuth scope that an endpoint needs, and how sure we are of it.

use std::fmt::Write;

use serde_json::json;

use crate::cli::Scopes;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::lokalise::endpoints::{self, Endpoint};

pub fn run(context: Context<'_>, scopes: &Scopes) -> Result<u8> {
    let (Some(method), Some(path)) = (&scopes.method, &scopes.path) else {
        let all: Vec<Endpoint> = endpoints::all().collect();
        let text = if context.settings.json { as_json(&all) } else { as_table(&all) };
        return context.world.answer(&text).map(|()| 0);
    };
    let method = method.to_ascii_uppercase();
    let endpoint = endpoints::find(&method, &rooted(path)).ok_or_else(|| {
        Error::usage(format!("no endpoint is known for {method} at this path"))
            .hint("`lokalise-auth scopes` lists those that are")
    })?;
    let shown = if context.settings.json {
        context.world.answer_json(&object(&endpoint))
    } else {
        context.world.answer(&as_table(&[endpoint]))
    };
    shown.map(|()| 0)
}

/// A path as the table has it, from what `call` takes: `/api2` goes without saying, a query does not matter.
fn rooted(path: &str) -> String {
    let path = path.split(['?', '#']).next().unwrap_or_default();
    // Of a full URL, the host does not matter either.
    let path = match path.split_once("://") {
        Some((_, rest)) => rest.find('/').map_or("", |slash| &rest[slash..]),
        None => path,
    };
    let path = path.strip_prefix('/').unwrap_or(path);
    let root = path.split('/').next().unwrap_or_default();
    if matches!(root, "api2" | "v1" | "v3" | "oauth2") { format!("/{path}") } else { format!("/api2/{path}") }
}

/// Where an endpoint is: the path for `call`, or the whole URL of one that `call` does not reach.
fn place(endpoint: &Endpoint) -> String {
    let host = match endpoint.path {
        path if path.starts_with("/v3/") => "https://ota.lokalise.com",
        path if path.starts_with("/oauth2/") => "https://app.lokalise.com",
        _ => "",
    };
    format!("{host}{}", endpoint.typed())
}

fn object(endpoint: &Endpoint) -> serde_json::Value {
    json!({
        "method": endpoint.operation.method,
        "path": place(endpoint),
        "scope": endpoint.operation.scope.name(),
        "confidence": endpoint.operation.scope.confidence(),
        "summary": endpoint.operation.summary,
    })
}

fn as_json(endpoints: &[Endpoint]) -> String {
    let objects: Vec<String> = endpoints.iter().map(|endpoint| object(endpoint).to_string()).collect();
    format!("[{}]\n", objects.join(",\n "))
}

/// Method, path, scope and confidence in columns. A dash stands for no scope.
fn as_table(endpoints: &[Endpoint]) -> String {
    let places: Vec<String> = endpoints.iter().map(place).collect();
    let width = places.iter().map(String::len).max().unwrap_or(0);
    let scope = |endpoint: &Endpoint| endpoint.operation.scope.name().unwrap_or("-");
    let scopes = endpoints.iter().map(|endpoint| scope(endpoint).len()).max().unwrap_or(0);
    let mut table = String::new();
    for (endpoint, place) in endpoints.iter().zip(places) {
        let method = endpoint.operation.method;
        let confidence = endpoint.operation.scope.confidence();
        writeln!(table, "{method:6}  {place:width$}  {:scopes$}  {confidence}", scope(endpoint))
            .expect("a String takes all");
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(method: &str, path: &str) -> String {
        as_table(&[endpoints::find(method, &rooted(path)).unwrap_or_else(|| panic!("{path}"))])
    }

    #[test]
    fn an_endpoint_is_found_however_its_path_is_written() {
        let expected = "POST    /projects/{project_id}/keys  write_keys  high\n";
        for path in [
            "/projects/{project_id}/keys",
            "projects/{p}/keys",
            "/api2/projects/12ab.34:dev/keys?limit=1",
            "https://api.lokalise.com/api2/projects/1/keys",
        ] {
            assert_eq!(line("POST", path), expected, "{path}");
        }
        assert_eq!(line("GET", "v1/audit-logs"), "GET     /v1/audit-logs  -  unknown\n");
    }

    #[test]
    fn an_endpoint_on_another_host_is_shown_with_it() {
        assert_eq!(
            line("POST", "/oauth2/token"),
            "POST    https://app.lokalise.com/oauth2/token  -  none-documented\n"
        );
    }

    #[test]
    fn the_table_is_aligned_and_the_json_is_json() {
        let all: Vec<Endpoint> = endpoints::all().collect();
        let table = as_table(&all);
        assert_eq!(table.lines().count(), 130);
        let column = table.lines().next().unwrap().find("  high").or(table.lines().next().unwrap().find("  medium"));
        assert!(table.lines().all(|line| line.as_bytes()[column.unwrap()] == b' '), "{table}");
        let json: Vec<serde_json::Value> = serde_json::from_str(&as_json(&all)).unwrap();
        assert_eq!(json.len(), 130);
        assert_eq!(
            json[0].as_object().unwrap().keys().collect::<Vec<_>>(),
            ["method", "path", "scope", "confidence", "summary"]
        );
    }
}
