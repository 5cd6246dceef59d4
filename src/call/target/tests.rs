//! Paths and URLs as people type them, and where they lead.

use super::*;
use crate::error::ErrorKind;

fn lokalise() -> ApiUrl {
    ApiUrl::parse("https://api.lokalise.com/api2").unwrap()
}

fn url(argument: &str, project: Project) -> String {
    match target(argument, &lokalise(), project) {
        Ok(target) => target.url.to_string(),
        Err(error) => panic!("{argument}: {error}"),
    }
}

fn refusal(argument: &str, project: Project) -> String {
    match target(argument, &lokalise(), project) {
        Ok(target) => panic!("{argument} became {}", target.url),
        Err(error) => {
            assert_eq!(error.kind, ErrorKind::Usage);
            error.message
        }
    }
}

const NONE: Project = Project { id: None, branch: None };

#[test]
fn every_spelling_of_a_path_means_the_same_url() {
    for argument in [
        "projects",
        "/projects",
        "api2/projects",
        "/api2/projects",
        "https://api.lokalise.com/api2/projects",
        "HTTPS://API.lokalise.com:443/api2/projects",
        "/teams/../projects",
        "/./projects",
    ] {
        assert_eq!(url(argument, NONE), "https://api.lokalise.com/api2/projects", "{argument}");
    }
    assert_eq!(url("/v1/audit-logs", NONE), "https://api.lokalise.com/v1/audit-logs");
    assert_eq!(url("v1/audit-logs", NONE), "https://api.lokalise.com/v1/audit-logs");
}

#[test]
fn a_query_in_the_path_is_kept() {
    assert_eq!(
        url("projects?limit=1&filter_names=a%20b/@c:d", NONE),
        "https://api.lokalise.com/api2/projects?limit=1&filter_names=a%20b/@c:d"
    );
}

#[test]
fn a_path_that_leaves_the_origin_is_refused() {
    for argument in [
        "//evil.com/x",
        "///evil.com",
        "\\\\evil.com\\x",
        "/\\evil.com",
        "\thttps://evil.com",
        "/\t/evil.com",
        "http:evil",
        "https:/evil.com",
        "@evil.com",
        "/@evil.com/x",
        ".evil.com:80/",
        "https://evil.com/api2/projects",
        "http://api.lokalise.com/api2/projects",
        "https://api.lokalise.com.evil.com/api2/projects",
        "https://api.lokalise.com:444/api2/projects",
        "https://user:pass@api.lokalise.com/api2/projects",
        "https://api.lokalise.com@evil.com/api2/projects",
        "ftp://api.lokalise.com/api2/projects",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "https://",
    ] {
        refusal(argument, NONE);
    }
}

#[test]
fn a_path_that_climbs_out_of_the_api_is_refused() {
    for argument in [
        "..",
        "/../oauth2/token",
        "/%2e%2e/oauth2/token",
        "/projects/../../x",
        "/projects/.%2E/%2e./%2e%2e/x",
        "/projects/..%2f..%2f..%2foauth2",
        "/projects/..%5C..%5c..%5cx",
        "https://api.lokalise.com/oauth2/token",
        "https://api.lokalise.com/api2x/projects",
        "https://api.lokalise.com",
        "",
        "/",
        "/api2",
        "/api2/",
        "v1",
        "?limit=1",
    ] {
        refusal(argument, NONE);
    }
}

#[test]
fn characters_that_are_rewritten_in_silence_are_refused() {
    for argument in ["/proj\nects", "/pro\rjects", "/a\0b", "/a b", "/a\u{a0}b", "/a\u{7f}b", "/a#b", "/\u{85}"] {
        refusal(argument, NONE);
    }
}

#[test]
fn git_bash_gets_its_hint() {
    let error = target("C:/Program Files/Git/projects", &lokalise(), NONE).unwrap_err();
    assert!(error.hints[0].contains("MSYS_NO_PATHCONV"), "{:?}", error.hints);
}

#[test]
fn a_project_and_its_branch_are_filled_in_and_encoded() {
    let project = Project { id: Some("12ab.34"), branch: None };
    assert_eq!(url("/projects/{project_id}/keys", project), "https://api.lokalise.com/api2/projects/12ab.34/keys");
    let branch = Project { id: Some("12ab.34"), branch: Some("feature/ä 1?") };
    assert_eq!(
        url("projects/{p}/keys?x={p}", branch),
        "https://api.lokalise.com/api2/projects/12ab.34:feature%2F%C3%A4%201%3F/keys?x=12ab.34:feature%2F%C3%A4%201%3F"
    );
    let together = Project { id: Some("12ab.34:dev"), branch: None };
    assert_eq!(url("projects/{p}", together), "https://api.lokalise.com/api2/projects/12ab.34:dev");
    let hostile = Project { id: Some("../../oauth2"), branch: None };
    assert_eq!(refusal("projects/{p}", hostile), "the project is neither an id nor the address of a project");
}

#[test]
fn a_project_that_names_nothing_is_refused() {
    for id in ["", ".", "..", "a:", ":b", "a:..", "a\nb"] {
        refusal("projects/{p}", Project { id: Some(id), branch: None });
    }
    for branch in ["", ".", ".."] {
        refusal("projects/{p}", Project { id: Some("1"), branch: Some(branch) });
    }
    refusal("projects/{p}", Project { id: Some("1:a"), branch: Some("b") });
    assert_eq!(refusal("projects/{p}", NONE), "the path needs a project, and none is given");
}

#[test]
fn a_variable_that_no_shell_has_replaced_is_named() {
    for (argument, variable) in [
        ("/projects/$LOKALISE_PROJECT_ID/keys", "$LOKALISE_PROJECT_ID"),
        ("/projects/${ID}/keys", "${ID}"),
        ("/projects/${ID:-1}", "${ID:-1}"),
        ("/projects/$env:ID/keys", "$env"),
        ("/projects/$(id)/keys", "$(id)"),
        ("/projects/%LOKALISE_PROJECT_ID%/keys", "%LOKALISE_PROJECT_ID%"),
        ("/projects/{p}/keys/$_", "$_"),
        ("https://api.lokalise.com/api2/projects/$ID", "$ID"),
        ("/projects/${ID", "${ID"),
    ] {
        let message = refusal(argument, Project { id: Some("1"), branch: None });
        assert!(message.contains(&format!("`{variable}`")), "{argument}: {message}");
    }
    refusal("/projects/{p}", Project { id: Some("$LOKALISE_PROJECT_ID"), branch: None });
    for taken in ["/projects?x=$a", "/a/%E4%B8%AD", "/a/b$", "/a/$1", "/a/%20%41%42", "/a/%CAFE%20"] {
        url(taken, NONE);
    }
}

#[test]
fn the_address_of_a_project_in_the_web_app_is_its_id() {
    for (given, expected) in [
        ("https://app.lokalise.com/project/12ab.34/?view=multi", "12ab.34"),
        ("https://app.lokalise.com/project/12ab.34", "12ab.34"),
        ("https://app.lokalise.com/project/12ab.34/#k1", "12ab.34"),
        ("HTTPS://app.lokalise.com/project/12ab.34/activity?a=b#c", "12ab.34"),
        ("app.lokalise.com/project/12ab.34/", "12ab.34"),
        ("https://app.lokalise.com/project/12ab.34/?view=multi&branch=feature%2Fx", "12ab.34:feature%2Fx"),
        ("https://app.lokalise.com/project/12ab.34:dev/?view=multi", "12ab.34:dev"),
        ("https://api.lokalise.com/api2/projects/12ab.34/keys", "12ab.34"),
    ] {
        let project = Project { id: Some(given), branch: None };
        assert_eq!(url("projects/{p}", project), format!("https://api.lokalise.com/api2/projects/{expected}"));
    }
    for given in [
        "https://app.lokalise.com/",
        "https://app.lokalise.com/project/",
        "https://app.lokalise.com/project//x",
        "https://app.lokalise.com/project/%2e%2e/x",
        "https://app.lokalise.com/teams/1",
        "a/b",
    ] {
        refusal("projects/{p}", Project { id: Some(given), branch: None });
    }
    let two = "https://app.lokalise.com/project/12ab.34/?branch=a";
    refusal("projects/{p}", Project { id: Some(two), branch: Some("b") });
}

#[test]
fn a_branch_without_a_placeholder_is_refused_rather_than_dropped() {
    refusal("projects/123/keys", Project { id: Some("123"), branch: Some("dev") });
}

#[test]
fn a_placeholder_that_nothing_fills_is_named() {
    assert_eq!(
        refusal("projects/{p}/keys/{key_id}", Project { id: Some("1"), branch: None }),
        "nothing is known to put for `{key_id}`"
    );
}

#[test]
fn the_path_is_returned_as_in_the_endpoint_table() {
    let proxy = ApiUrl::parse("https://proxy.example/lokalise/api2").unwrap();
    let target = target("projects/1/keys?limit=1", &proxy, NONE).unwrap();
    assert_eq!(target.url.as_str(), "https://proxy.example/lokalise/api2/projects/1/keys?limit=1");
    assert_eq!(target.path, "/api2/projects/1/keys");
}

#[test]
fn a_user_name_or_a_password_in_a_url_is_refused() {
    for argument in ["https://user@api.lokalise.com/api2/projects", "https://:secret@api.lokalise.com/api2/projects"] {
        assert_eq!(refusal(argument, NONE), "a URL with a user name or password in it is not sent anywhere");
    }
}

#[test]
fn what_is_neither_a_path_nor_an_http_url_is_refused() {
    for argument in ["ftp://api.lokalise.com/api2/projects", "http:projects", "a:"] {
        assert_eq!(refusal(argument, NONE), format!("`{argument}` is neither a path nor an http URL"));
    }
}

#[test]
fn a_placeholder_in_the_query_alone_is_filled() {
    let project = Project { id: Some("12ab.34"), branch: None };
    for placeholder in ["{p}", "{project_id}"] {
        let argument = format!("/projects?filter_names={placeholder}");
        assert_eq!(url(&argument, project), "https://api.lokalise.com/api2/projects?filter_names=12ab.34");
    }
}

#[test]
fn an_encoded_path_may_climb_only_below_the_api() {
    assert_eq!(url("/projects/a%2F..%2Fb", NONE), "https://api.lokalise.com/api2/projects/a%2F..%2Fb");
    refusal("/projects/a%2F..%2F..%2F..%2Foauth2", NONE);
}

#[test]
fn a_percent_sign_before_a_bracket_is_no_variable() {
    url("/projects?x=%7Ba%7D", NONE);
    assert_eq!(unexpanded("%{a}"), None);
    assert_eq!(unexpanded("%(a)"), None);
}
