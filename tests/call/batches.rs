//! `--batch`: long arrays in short requests.

use serde_json::{Value, json};

use super::Scene;
use crate::support::standin::Answer;

fn keys(names: impl Iterator<Item = String>) -> String {
    let keys: Vec<Value> = names.map(|name| json!({"key_name": name, "platforms": ["web"]})).collect();
    json!({"keys": keys}).to_string()
}

const CREATE: [&str; 6] = ["POST", "/projects/{p}/keys", "--input", "-", "--batch", "keys:500"];

#[test]
fn a_long_list_is_created_in_batches_and_the_answers_are_one() {
    let scene = Scene::new();
    scene.standin.edit(|content| content.set_keys(0));
    let ran = scene.call_with(&CREATE, &keys((0..2_476).map(|number| format!("key-{number}"))));
    assert_eq!(ran.json()["keys"].as_array().unwrap().len(), 2_476);
    assert_eq!(ran.json()["project_id"], scene.standin.project_id());
    let sizes: Vec<usize> =
        scene.standin.requests().iter().map(|request| request.json()["keys"].as_array().unwrap().len()).collect();
    assert_eq!(sizes, [500, 500, 500, 500, 476]);
}

#[test]
fn items_that_are_refused_do_not_stop_the_others() {
    let scene = Scene::new();
    scene.standin.edit(|content| content.set_keys(0));
    let names = (0..1_100).map(|number| format!("key-{}", if number < 600 { number % 599 } else { number }));
    let ran = scene.call_with(&CREATE, &keys(names));
    assert_eq!(ran.failed(10), "1 item was refused: This key name is already taken: key_name `key-0` (HTTP 200)");
    assert_eq!(ran.json()["keys"].as_array().unwrap().len(), 1_099);
}

#[test]
fn a_failed_batch_ends_the_run_and_what_was_done_is_shown() {
    let scene = Scene::new();
    scene.standin.edit(|content| content.set_keys(0));
    let path = scene.project("/keys");
    let asked = std::sync::atomic::AtomicUsize::new(0);
    scene.standin.answer_with(move |request| {
        let third = request.path() == path && asked.fetch_add(1, std::sync::atomic::Ordering::SeqCst) == 2;
        third.then(|| Answer::error(500, "Something went wrong"))
    });
    let ran = scene.call_with(&CREATE, &keys((0..2_476).map(|number| format!("key-{number}"))));
    let said = "request 3 of 5 failed, those before it were carried out: Something went wrong (HTTP 500)";
    assert_eq!(ran.failed(8), said);
    assert_eq!(ran.json()["keys"].as_array().unwrap().len(), 1_000, "one document, whatever the refusal says");
    assert_eq!(scene.standin.requests().len(), 3);
}

#[test]
fn keys_are_deleted_in_batches() {
    let scene = Scene::new();
    scene.standin.edit(|content| content.set_keys(1_203));
    let ids = scene.call(&["GET", "/projects/{p}/keys", "--paginate", "-q", "{keys: [.keys[].key_id]}"]).quietly();
    let ran = scene.call_with(&["DELETE", "/projects/{p}/keys", "--input", "-", "--batch", "keys:500"], &ids);
    assert_eq!(ran.json()["keys_removed"], true);
    let left = scene.call(&["GET", "/projects/{p}/keys", "-q", ".keys | length"]).quietly();
    assert_eq!(left, "0\n");
}

#[test]
fn more_refused_items_than_fit_a_page_are_reported_too() {
    let scene = Scene::new();
    let error = json!({"message": "This key name is already taken", "key_name": {"web": "x".repeat(1_000)}});
    let refused = json!({"project_id": "1", "keys": [], "errors": vec![error; 500]});
    scene.standin.answer_always("POST", &scene.project("/keys"), Answer::json(200, &refused));
    let ran = scene.call_with(&CREATE, &keys((0..2_000).map(|number| format!("key-{number}"))));
    assert!(ran.failed(10).starts_with("2000 items were refused: This key name is already taken"), "{}", ran.stderr);
    // One answer that is streamed is too long for its errors to be kept.
    let refused = json!({"keys": [], "errors": vec!["x".repeat(1_000); 2_000]});
    scene.standin.answer_always("POST", &scene.project("/keys"), Answer::json(200, &refused));
    for arguments in [&[][..], &["--ndjson"]] {
        let ran = scene.call(&[&["POST", "/projects/{p}/keys", "-f", "keys[]=a"], arguments].concat());
        assert_eq!(ran.failed(10), "more items were refused than can be shown (HTTP 200)");
    }
    let ran = scene.call(&["POST", "/projects/{p}/keys", "-f", "keys[]=a", "--allow-partial", "--silent"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
}

#[test]
fn numbers_of_the_answers_keep_their_digits() {
    let scene = Scene::new();
    let (first, second) = ("36893488147419103232", "1.10");
    for number in [first, second] {
        let body = format!(r#"{{"keys":[{{"id": {number}, "n": 1e400}}],"last":{number}}}"#);
        let answer = Answer::new(200, body).header("Content-Type", "application/json");
        scene.standin.answer_next("POST", &scene.project("/keys"), answer);
    }
    let ran = scene.call(&["POST", "/projects/{p}/keys", "--batch", "k:1", "-F", "k[]=0", "-F", "k[]=1"]);
    let merged =
        format!(r#"{{"keys":[{{"id": {first}, "n": 1e400}},{{"id": {second}, "n": 1e400}}],"last":{second}}}"#);
    assert_eq!(ran.quietly().trim_end(), merged);
    let refused = Answer::new(200, r#"{"n":1e400,"errors":["taken"]}"#).header("Content-Type", "application/json");
    scene.standin.answer_next("POST", &scene.project("/keys"), refused);
    let ran = scene.call(&["POST", "/projects/{p}/keys", "--batch", "k:2", "-F", "k[]=0", "-F", "k[]=1"]);
    assert!(ran.failed(10).starts_with("1 item was refused: taken"), "{}", ran.stderr);
}

#[test]
fn an_answer_that_is_too_deep_to_be_judged_is_an_error() {
    let scene = Scene::new();
    let create = ["POST", "/projects/{p}/keys", "--batch", "k:2", "-F", "k[]=0", "-F", "k[]=1"];
    for (depth, code) in [(126, 10), (127, 1), (128, 1)] {
        let deep = format!(r#"{{"deep":{}{},"errors":["taken"]}}"#, "[".repeat(depth), "]".repeat(depth));
        let answer = Answer::new(200, deep).header("Content-Type", "application/json");
        scene.standin.answer_next("POST", &scene.project("/keys"), answer);
        scene.call(&create).failed(code);
    }
}

#[test]
fn the_items_of_a_batch_come_one_on_a_line_too() {
    let scene = Scene::new();
    scene.standin.edit(|content| content.set_keys(0));
    let body = keys(["a", "b", "c"].map(str::to_owned).into_iter());
    let each = ["--ndjson", "-q", ".key_name.web"];
    let create = ["POST", "/projects/{p}/keys", "--input", "-", "--batch", "keys:2"];
    assert_eq!(scene.call_with(&[&create[..], &each].concat(), &body).quietly(), "a\nb\nc\n");
}

#[test]
fn what_was_refused_of_any_batch_is_reported() {
    let scene = Scene::new();
    let path = scene.project("/keys");
    let create =
        |scene: &Scene| scene.call(&["POST", "/projects/{p}/keys", "--batch", "k:1", "-F", "k[]=0", "-F", "k[]=1"]);
    for (first, second, count) in [
        (json!({"3": {"message": "taken"}}), json!([]), "1 item was"),
        (json!(["taken"]), json!({}), "1 item was"),
        (json!(["taken"]), json!(null), "1 item was"),
        (json!({"3": {"message": "taken"}}), json!(["taken"]), "2 items were"),
        (json!("taken"), json!(["taken"]), "2 items were"),
    ] {
        scene.standin.answer_next("POST", &path, Answer::json(200, &json!({"k": [1], "errors": first})));
        scene.standin.answer_next("POST", &path, Answer::json(200, &json!({"k": [2], "errors": second})));
        let ran = create(&scene);
        assert!(ran.failed(10).starts_with(&format!("{count} refused: taken")), "{first} {second}: {}", ran.stderr);
        assert_eq!(ran.json()["k"], json!([1, 2]));
    }
    for (first, second) in [
        (json!({"keys_locked": 1.0}), json!({"keys_locked": 0})),
        (json!({"keys_locked": 1}), json!({"keys_locked": 0.0})),
        (json!({"key_removed": false}), json!({"key_removed": 1})),
    ] {
        for answer in [&first, &second] {
            scene.standin.answer_next("POST", &path, Answer::json(200, answer));
        }
        let ran = create(&scene);
        assert!(ran.failed(10).starts_with("it was not all done: `key"), "{first} {second}: {}", ran.stderr);
    }
    // An array has no members, whatever is in it.
    scene.standin.answer_times(2, "POST", &path, &Answer::json(200, &json!(["a", ["x"]])));
    assert_eq!(create(&scene).json(), json!(["a", ["x"], "a", ["x"]]));
    scene.standin.answer_next("POST", &path, Answer::json(200, &json!([{"id": 1}])));
    assert_eq!(scene.call(&["POST", "/projects/{p}/keys", "-f", "a=b", "--wait"]).code, 0);
}

#[test]
fn a_body_and_a_field_may_be_utf_16_or_have_a_byte_order_mark() {
    let scene = Scene::new();
    scene.standin.edit(|content| content.set_keys(0));
    let body = keys(["größe", "🔑"].map(str::to_owned).into_iter());
    let marked = format!("\u{feff}{body}");
    let little: Vec<u8> = marked.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let big: Vec<u8> = marked.encode_utf16().flat_map(u16::to_be_bytes).collect();
    for (name, bytes) in [("utf8.json", marked.as_bytes()), ("little.json", &little), ("big.json", &big)] {
        scene.standin.edit(|content| content.set_keys(0));
        scene.standin.forget_requests();
        scene.file(name, bytes);
        let ran = scene.call(&["POST", "/projects/{p}/keys", "--input", name, "--batch", "keys:1"]);
        assert_eq!(ran.code, 0, "{name}: {}", ran.stderr);
        let sent: Vec<Value> =
            scene.standin.requests().iter().map(|sent| sent.json()["keys"][0]["key_name"].clone()).collect();
        assert_eq!(sent, ["größe", "🔑"], "{name}");
        let field = format!("description=@{name}");
        let ran = scene.call(&["POST", "/projects", "-f", "name=x", "-F", &field]);
        assert_eq!(ran.code, 0, "{name}: {}", ran.stderr);
        assert_eq!(scene.standin.requests().last().unwrap().json()["description"], body.as_str(), "{name}");
    }
    scene.file("odd.json", &little[..little.len() - 1]);
    let ran = scene.call(&["POST", "/projects/{p}/keys", "--input", "odd.json", "--batch", "keys:1"]);
    assert_eq!(ran.failed(2), "the body begins as UTF-16 and is not UTF-16");
    let ran = scene.call(&["POST", "/projects", "-F", "name=@odd.json"]);
    assert_eq!(ran.failed(2), "`odd.json` is not UTF-8 text");
}
