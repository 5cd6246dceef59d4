//! `--jq` and `--fail-unless` through the program: streams, messages, variables and exit codes.

use serde_json::json;

use super::Scene;
use crate::support::standin::Answer;

fn answered(body: &str) -> Scene {
    let scene = Scene::new();
    scene.standin.answer_always(
        "GET",
        "/api2/projects",
        Answer::new(200, body).header("Content-Type", "application/json"),
    );
    scene
}

#[test]
fn items_are_filtered_while_the_document_comes_in() {
    let scene = answered(r#"{"n":{"keys":[0]},"keys":[{"id":1,"s":"a"},{"id":2,"s":"\u00e9"}],"z":[3]}"#);
    let call = |filter: &str| scene.call(&["/projects", "-q", filter]);
    assert_eq!(call(".keys[].id").quietly(), "1\n2\n");
    assert_eq!(call(".keys[] | [.id, .s] | @csv").quietly(), "1,\"a\"\n2,\"é\"\n");
    assert_eq!(call(".keys | .[] | select(.id > 1)").quietly(), "{\"id\":2,\"s\":\"é\"}\n");
    assert_eq!(call("(.keys[] | .id), .z[0]").quietly(), "1\n2\n3\n", "this one is not streamed");
    assert_eq!(call(".none[]").failed(1), "the filter failed: Cannot iterate over null (null)");
    assert_eq!(call(".n[] | length").quietly(), "1\n", "an object has values, too");
    assert_eq!(call(".keys[] | 1, halt, 2").quietly(), "1\n");
}

#[test]
fn what_came_before_a_document_breaks_off_stays_printed() {
    for (body, why) in [
        (r#"{"keys":[1,2,{"a":"#, "it ends in the middle of a JSON document"),
        (r#"{"keys":[1,2],"keys":[3]}"#, "it has `keys` twice"),
        (r#"{"keys":[1,2],}"#, "it is not JSON from byte"),
    ] {
        let ran = answered(body).call(&["/projects", "-q", ".keys[]"]);
        assert_eq!(ran.stdout, "1\n2\n", "{body}");
        assert!(ran.failed(1).starts_with("the answer cannot be"), "{}", ran.stderr);
        assert!(ran.stderr.contains(why), "{body}: {}", ran.stderr);
    }
}

#[test]
fn a_failure_in_one_item_keeps_what_was_printed() {
    let ran = answered(r#"{"keys":[{"a":1},2,{"a":3}]}"#).call(&["/projects", "-q", ".keys[] | .a"]);
    assert_eq!(ran.failed(1), "the filter failed: Cannot index number with string \"a\"");
    assert_eq!(ran.stdout, "1\n");
}

#[test]
fn variables_are_given_to_filters_and_gates() {
    let scene = answered(r#"{"projects":[{"name":"it's","id":1}]}"#);
    let call = |arguments: &[&str]| scene.call(&[&["/projects"], arguments].concat());
    assert_eq!(call(&["--arg", "n", "it's", "-q", ".projects[] | select(.name == $n).id"]).quietly(), "1\n");
    assert_eq!(call(&["--argjson", "n", "1", "--silent", "--fail-unless", ".projects[0].id == $n"]).quietly(), "");
    let sent = scene.standin.requests().len();
    assert_eq!(
        call(&["--argjson", "n", "{no", "-q", "$n"]).failed(2),
        "the value of --argjson n is not JSON: it is not JSON from byte 1 on"
    );
    assert_eq!(call(&["--arg", "n"]).code, 2);
    assert_eq!(call(&["-q", "$n"]).failed(2), "the filter does not compile: unknown variable `$n`");
    assert_eq!(scene.standin.requests().len(), sent, "nothing was sent");
}

#[test]
fn messages_of_a_filter_go_to_stderr_on_one_line_each() {
    let scene = answered(r#"{"a":"x\n::stop-commands::y"}"#);
    let ran = scene.call(&["/projects", "-q", ".a | debug | stderr | length"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (0, "20\n"));
    assert_eq!(ran.stderr, "jq: [\"DEBUG:\",\"x\\n::stop-commands::y\"]\njq: x\\n::stop-commands::y\n");
    let ran = scene.call(&["/projects", "-q", ".a | error"]);
    assert_eq!(ran.failed(1), "the filter failed: x\\n::stop-commands::y");
    let ran = scene.call(&["/projects", "-q", "\"gone\" | halt_error(3)"]);
    assert_eq!((ran.failed(1), ran.stdout.as_str()), ("the filter failed: gone", ""));
}

#[test]
fn a_gate_that_gives_no_truth_value_is_a_mistake() {
    let scene = answered(r#"{"name":"x","list":[]}"#);
    for (gate, what) in
        [(".name", "a string \"x\""), ("empty", "no result"), (".", "an object"), ("true, true", "several results")]
    {
        let ran = scene.call(&["/projects", "--silent", "--fail-unless", gate]);
        assert!(ran.stderr.contains(&format!("has to give one true or false, not {what}")), "{gate}: {}", ran.stderr);
        assert_eq!(ran.code, 2, "{gate}");
    }
    assert_eq!(scene.call(&["/projects", "--fail-unless", ".name.x"]).code, 1);
    let items = answered("{\"projects\":[1,2,3]}");
    assert_eq!(items.call(&["/projects", "--ndjson", "-q", ".", "--fail-unless", ". < 2"]).stdout, "1\n2\n");
    let none = answered("{\"projects\":[]}");
    assert_eq!(none.call(&["/projects", "--ndjson", "--fail-unless", "false"]).code, 0, "no items, no failure");
}

#[test]
fn secrets_are_not_in_the_environment_of_a_filter() {
    let scene = Scene::new();
    scene.standin.answer_always("GET", "/api2/projects", Answer::json(200, &json!({})));
    let ran =
        scene.call(&["/projects", "-q", "env, $ENV | [has(\"LOKALISE_API_TOKEN\"), has(\"LOKALISE_PROJECT_ID\")]"]);
    assert_eq!(ran.quietly(), "[false,true]\n[false,true]\n");
}
