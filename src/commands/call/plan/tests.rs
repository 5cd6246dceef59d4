//! Flags, and the plans that they make.

use std::ffi::OsString;
use std::time::UNIX_EPOCH;

use clap::Parser;

use super::*;
use crate::cli::{Cli, Command};
use crate::error::ErrorKind;
use crate::settings::Settings;
use crate::world::World;

fn plan(arguments: &[&str]) -> Result<CallPlan> {
    let cli = Cli::parse_from(["lokalise-auth", "call"].iter().chain(arguments));
    let Command::Call(call) = cli.command else { panic!("a call") };
    let world = World::made_of(
        |name| match name {
            "LOKALISE_PROJECT_ID" => Some(OsString::from("12ab.34")),
            "LOKALISE_AUTH_CONFIG_DIR" | "LOKALISE_AUTH_DATA_DIR" => Some(OsString::from("/nowhere")),
            _ => None,
        },
        || UNIX_EPOCH,
    );
    let settings = Settings::read(&world, None, None, false).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(CallPlan::read(Context { world: &world, settings: &settings }, &call))
}

/// The method, the path with its query, and the body.
fn meant(arguments: &[&str]) -> (String, String, Option<String>) {
    let request = plan(arguments).unwrap_or_else(|error| panic!("{arguments:?}: {error}")).request;
    let path = request.url.as_str().strip_prefix("https://api.lokalise.com").unwrap().to_owned();
    let body = request.body.map(|body| String::from_utf8(body.bytes().unwrap()).unwrap());
    (request.method.to_string(), path, body)
}

fn refusal(arguments: &[&str]) -> String {
    match plan(arguments) {
        Ok(plan) => panic!("{arguments:?} became a {:?}", plan.request),
        Err(error) => {
            assert_eq!(error.kind, ErrorKind::Usage, "{arguments:?}");
            error.to_string()
        }
    }
}

#[test]
fn the_method_is_get_until_there_is_a_body() {
    assert_eq!(meant(&["projects"]), ("GET".into(), "/api2/projects".into(), None));
    assert_eq!(
        meant(&["projects", "-f", "name=Demo"]),
        ("POST".into(), "/api2/projects".into(), Some(r#"{"name":"Demo"}"#.to_owned()))
    );
    assert_eq!(
        meant(&["put", "/projects/1", "-F", "a=1"]),
        ("PUT".into(), "/api2/projects/1".into(), Some(r#"{"a":1}"#.to_owned()))
    );
    assert_eq!(meant(&["DELETE", "/projects/1"]), ("DELETE".into(), "/api2/projects/1".into(), None));
    assert_eq!(meant(&["projects", "--query", "a=b c"]), ("GET".into(), "/api2/projects?a=b+c".into(), None));
}

#[test]
fn the_fields_of_a_get_are_its_query() {
    assert_eq!(
        meant(&["GET", "/projects?x=1", "-f", "filter_names=a&b", "-F", "limit=5", "--query", "page=2"]),
        ("GET".into(), "/api2/projects?x=1&page=2&filter_names=a%26b&limit=5".into(), None)
    );
}

#[test]
fn with_input_fields_are_the_query_and_the_file_is_the_body() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("body.json");
    std::fs::write(&file, "{\"a\" : 1}\n").unwrap();
    let file = file.display().to_string();
    assert_eq!(
        meant(&["projects/1/keys", "--input", &file, "-f", "a=1"]),
        ("POST".into(), "/api2/projects/1/keys?a=1".into(), Some("{\"a\" : 1}\n".to_owned()))
    );
}

#[test]
fn fields_keep_the_order_in_which_they_were_typed() {
    let body = meant(&["projects", "-f", "k[][n]=a", "-F", "k[][p]=false", "-f", "k[][n]=b", "-F", "k[][p]=true"]).2;
    assert_eq!(body, Some(r#"{"k":[{"n":"a","p":false},{"n":"b","p":true}]}"#.to_owned()));
}

#[test]
fn the_project_comes_from_the_flag_or_the_variable() {
    assert_eq!(meant(&["/projects/{p}"]).1, "/api2/projects/12ab.34");
    assert_eq!(meant(&["/projects/{project_id}", "--project", "9"]).1, "/api2/projects/9");
    assert_eq!(meant(&["/projects/{p}/keys", "--branch", "dev"]).1, "/api2/projects/12ab.34:dev/keys");
}

#[test]
fn a_limit_without_an_equals_sign_is_not_taken_for_a_path() {
    assert_eq!(refusal(&["/projects", "--wait", "5m"]), "`5m` is not a path");
}

#[test]
fn contradictions_are_refused() {
    for (arguments, message) in [
        (&["FETCH", "/projects"][..], "`FETCH` is not a method of the API"),
        (&["GET"], "the path is missing"),
        (&["POST", "/projects", "-f", "name"], "the field `name` has no value"),
        (&["POST", "/projects", "--input", "/no/such/file"], "no such file: `/no/such/file`"),
        (&["POST", "/projects", "--input", "/"], "`/` is a directory, where a file is needed"),
        (&["POST", "/projects", "-F", "data=@base64:/"], "`/` is a directory, where a file is needed"),
        (&["POST", "/projects", "--paginate"], "--paginate reads lists, and this is a POST"),
        (&["projects", "-f", "a=1", "--paginate"], "--paginate reads lists, and this is a POST"),
        (&["POST", "/projects", "--batch", "keys:5"], "--batch needs a body to cut"),
        (&["POST", "/projects", "-f", "a=1", "--batch", "keys:5"], "the body has no array `keys` for --batch to cut"),
        (&["projects", "-q", ".["], "the filter does not compile: a filter expected at its end"),
        (&["projects", "--fail-unless", "nope"], "the filter does not compile: unknown filter `nope/0`"),
        (&["projects", "--query", "x"], "`x` is not of the form `key=value`"),
        (&["projects", "-H", "Authorization: x"], "-H cannot set `authorization`"),
        (&["projects", "-o", "/"], "`/` is a directory, and a file is needed"),
        (&["projects", "--paginate", "--wait"], "`--wait` cannot go with `--paginate`"),
        (&["projects", "--extract", "x", "--jq", "."], "`--jq` cannot go with `--extract`"),
        (&["//evil"], "`//evil` names a host; give the path alone, such as `/projects`"),
    ] {
        assert_eq!(refusal(arguments), message);
    }
}

#[test]
fn a_synchronous_export_has_an_asynchronous_line() {
    let export = plan(&[
        "POST",
        "/projects/{p}/files/download",
        "-f",
        "format=json",
        "-F",
        "original_filenames=true",
        "-f",
        "directory_prefix=%LANG ISO%",
        "--extract",
        "my locales",
    ]);
    assert_eq!(
        export.unwrap().async_export.as_deref(),
        Some(
            "lokalise-auth call POST /projects/12ab.34/files/async-download -f 'format=json' \
             -F 'original_filenames=true' -f 'directory_prefix=%LANG ISO%' --wait --extract 'my locales'"
        )
    );
    assert_eq!(plan(&["POST", "/projects/{p}/files/upload", "-f", "a=1"]).unwrap().async_export, None);
}
