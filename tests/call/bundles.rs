//! `--extract`: exports to folders, and what hostile bundles do not do.

use std::path::Path;

use serde_json::json;

use super::Scene;
use crate::support::standin::{Answer, SyncExport, zip_of};
use crate::support::tls::{Authority, Certificate, Tls};

const ASYNC: [&str; 7] =
    ["POST", "/projects/{p}/files/async-download", "-f", "format=json", "--wait", "--extract", "locales"];
const SYNC: [&str; 6] = ["POST", "/projects/{p}/files/download", "-f", "format=json", "--extract", "locales"];

/// All files below a folder, relative to it.
fn files_below(folder: &Path) -> Vec<String> {
    let mut found = vec![];
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).expect("a folder of ours") {
            let path = entry.expect("a folder of ours").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push(path.strip_prefix(folder).expect("it was found below").display().to_string());
            }
        }
    }
    found.sort();
    found
}

#[test]
fn an_export_ends_in_a_folder_and_its_files_are_listed() {
    for arguments in [&ASYNC[..], &SYNC] {
        let scene = Scene::new();
        let ran = scene.call(arguments);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        let listed = ran.stdout;
        let mut listed: Vec<&str> = listed.lines().collect();
        listed.sort_unstable();
        assert!(!listed.is_empty());
        assert_eq!(listed, files_below(&scene.home.work()));
        assert!(listed[0].starts_with("locales/"), "{listed:?}");
        let bundles = scene.standin.bundle_requests();
        assert_eq!(bundles.len(), 1);
        for header in ["x-api-token", "authorization", "cookie", "referer"] {
            assert_eq!(bundles[0].header(header), None, "{header}");
        }
    }
}

#[test]
fn the_signed_address_is_not_on_stderr() {
    let scene = Scene::new();
    scene.standin.answer_times(2, "GET", "/export/*", &Answer::html(403, "AccessDenied"));
    for arguments in [vec!["-vv"], vec![]] {
        let ran = scene.call(&[&ASYNC[..], &arguments].concat());
        let request = scene.standin.bundle_requests().pop().unwrap();
        let signature = request.parameter("X-Amz-Signature").unwrap();
        assert!(!ran.stderr.contains(&signature), "{}", ran.stderr);
        assert_eq!(ran.failed(1), "127.0.0.1 does not give the bundle (HTTP 403)");
    }
}

#[test]
fn a_signed_address_in_a_refused_answer_is_not_shown_either() {
    let scene = Scene::new();
    let bundle = "https://s3.example/b.zip?X-Amz-Signature=secret-signature";
    let partly = Answer::json(200, &json!({"bundle_url": bundle, "errors": ["one file skipped"]}));
    let refused = Answer::json(400, &json!({"bundle_url": bundle, "error": {"message": "No", "code": 400}}));
    let named = Answer::json(400, &json!({"error": {"message": format!("no {bundle} b.zip?…"), "code": 400}}));
    let listed = Answer::json(200, &json!({"errors": [{"message": "b.zip?…", "url": bundle}]}));
    for answer in [partly, refused, named, listed] {
        scene.standin.answer_next("POST", &scene.project("/files/download"), answer);
        let ran = scene.call(&SYNC);
        ran.failed(10);
        assert!(ran.stderr.contains("b.zip?…") && !ran.stderr.contains("secret-signature"), "{}", ran.stderr);
    }
}

#[test]
fn a_folder_that_cannot_be_one_is_named_before_anything_is_made() {
    let scene = Scene::new();
    scene.file("locales", "a file");
    assert!(scene.call(&ASYNC).failed(2).ends_with("locales` is a file, where a directory is needed"));
    assert!(scene.standin.requests().is_empty());
}

#[test]
fn the_waits_of_a_run_are_one_budget_to_the_bundle_s_end() {
    let scene = Scene::new();
    let busy = |seconds| Answer::error(429, "no").header("Retry-After", seconds);
    scene.standin.answer_next("POST", &scene.project("/files/download"), busy("1"));
    scene.standin.answer_next("GET", "/export/*", busy("1"));
    let ran = scene.call(&[&SYNC[..], &["--max-wait", "1500ms"]].concat());
    assert_eq!(ran.failed(7), "127.0.0.1 does not give the bundle (HTTP 429)");
    assert!(ran.stderr.contains("hint: try again in 1 s\n"), "{}", ran.stderr);
}

#[test]
fn a_bundle_that_fails_to_come_is_fetched_again() {
    let scene = Scene::new();
    for status in [500, 503, 408, 429] {
        scene.standin.forget_requests();
        scene.standin.answer_next("GET", "/export/*", Answer::html(status, "x").header("Retry-After", "0"));
        assert_eq!(scene.call(&SYNC).code, 0, "{status}");
        assert_eq!(scene.standin.bundle_requests().len(), 2, "{status}");
    }
}

#[test]
fn a_hostile_bundle_writes_nothing() {
    let outside = "it leads out of the folder";
    let odd = "it has a character that no file name should have";
    for (name, why) in [
        ("../evil", outside),
        ("a/../../evil", outside),
        ("/../evil", outside),
        ("..\\evil", odd),
        ("C:\\evil", "it begins with a drive"),
        ("C:/evil", "it begins with a drive"),
        (".git/config", "git would take it for its own folder"),
        ("sub/.G\u{200c}IT. /hooks/x", "git would take it for its own folder"),
    ] {
        let scene = Scene::new();
        scene.standin.set(|switches| switches.bundle = Some(zip_of(&[("good.json", b"{}"), (name, b"evil")])));
        let ran = scene.call(&SYNC);
        assert_eq!(ran.failed(1), format!("the bundle is not unpacked: it has an entry named `{name}`, and {why}"));
        assert_eq!(files_below(&scene.home.work()), [""; 0]);
        assert!(!scene.home.path().join("evil").exists());
    }
}

#[test]
fn an_empty_or_broken_bundle_is_an_error() {
    for (bundle, said) in [
        (zip_of(&[]), "the bundle has no file in it"),
        (
            b"<Error>AccessDenied</Error>".to_vec(),
            "the bundle is not a zip archive: it begins with `<Error>AccessDenied</Error>`",
        ),
        (zip_of(&[("a", b"b")])[..40].to_vec(), "the bundle cannot be unpacked"),
    ] {
        let scene = Scene::new();
        scene.standin.set(|switches| switches.bundle = Some(bundle.clone()));
        let ran = scene.call(&SYNC);
        assert!(ran.failed(1).starts_with(said), "{}", ran.stderr);
        assert_eq!(files_below(&scene.home.work()), [""; 0]);
    }
}

#[test]
fn a_bundle_over_plain_http_is_not_fetched() {
    let scene = Scene::new();
    scene.standin.serve_bundles_from("http://bundles.example");
    let ran = scene.call(&SYNC);
    assert_eq!(ran.failed(1), "the address of the bundle is not https; it is not fetched");
    let redirect = Answer::new(302, "").header("Location", "http://bundles.example/x");
    let scene = Scene::new();
    scene.standin.answer_next("GET", "/export/*", redirect);
    assert_eq!(scene.call(&SYNC).failed(1), "the address of the bundle is not https; it is not fetched");
}

#[test]
fn an_https_api_cannot_lead_to_plain_http_on_this_machine() {
    let mut scene = Scene::new();
    let authority = Authority::new();
    let tls = Tls::before(scene.standin.address(), &authority, &Certificate::default());
    scene.home.set("LOKALISE_API_URL", &tls.api_url());
    scene.home.set("SSL_CERT_FILE", &authority.write(&scene.home.work()).display().to_string());
    let said = "the address of the bundle leads to this machine by plain http; it is not fetched";
    assert_eq!(scene.call(&SYNC).failed(1), said);
    // Nor does a redirect.
    let there = format!("http://{}/export/x", scene.standin.bundle_address());
    let here = format!("{}/moved", tls.api_url());
    let answer = Answer::json(200, &json!({ "bundle_url": here }));
    scene.standin.answer_next("POST", &scene.project("/files/download"), answer);
    scene.standin.answer_next("GET", "/api2/moved", Answer::redirect(&there));
    assert_eq!(scene.call(&SYNC).failed(1), said);
    assert_eq!(scene.standin.bundle_requests().len(), 0);
}

#[test]
fn an_address_that_comes_later_is_waited_for() {
    let scene = Scene::new();
    let processes = scene.project("/processes/*");
    let url = format!("http://{}/export/x", scene.standin.bundle_address());
    let finished = |more: serde_json::Value| {
        let mut process = json!({"process_id": "x", "status": "finished"});
        process.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        Answer::json(200, &json!({ "process": process }))
    };
    for more in [json!({"details": []}), json!({"details": null}), json!({"details": {"download_url": ""}})] {
        scene.standin.answer_next("GET", &processes, finished(more));
    }
    scene.standin.answer_next("GET", &processes, finished(json!({"details": {"bundle_url": url}})));
    assert_eq!(scene.call(&ASYNC).code, 0);
    // And no longer than that.
    scene.standin.forget_requests();
    scene.standin.answer_always("GET", &processes, finished(json!({"details": []})));
    assert_eq!(scene.call(&ASYNC).failed(1), "the answer names no bundle to fetch");
    assert_eq!(scene.standin.requests().len(), 5, "the export and four polls");
}

#[test]
fn the_list_of_files_is_shown_escaped() {
    let scene = Scene::new();
    let bundle = zip_of(&[("/locale//de\u{202e}.json", b"{}")]);
    scene.standin.set(|switches| switches.bundle = Some(bundle.clone()));
    assert_eq!(scene.call(&SYNC).quietly(), "locales/locale/de\\u{202e}.json\n");
    assert_eq!(files_below(&scene.home.work()), ["locales/locale/de\u{202e}.json"]);
}

#[test]
fn what_is_in_the_way_is_named_and_nothing_is_written() {
    let scene = Scene::new();
    std::fs::create_dir_all(scene.home.work().join("locales/locale/fr.json")).expect("our own folder");
    let ran = scene.call(&SYNC);
    let said = "`locales/locale/fr.json` is in the way: it is a folder, and the bundle has a file there";
    assert_eq!(ran.failed(1), said);
    assert_eq!(files_below(&scene.home.work()), [""; 0]);
}

#[test]
fn a_bundle_gets_no_credential_of_its_address_either() {
    let scene = Scene::new();
    let address = format!("http://user:word@{}/export/x", scene.standin.address());
    let answer = Answer::json(200, &json!({ "bundle_url": address }));
    scene.standin.answer_next("POST", &scene.project("/files/download"), answer);
    assert_eq!(scene.call(&SYNC).failed(1), "the address of the bundle has a user name in it; it is not fetched");
    assert_eq!(scene.standin.bundle_requests().len(), 0);
}

#[test]
fn an_export_that_failed_fetches_nothing() {
    let scene = Scene::new();
    scene.standin.set(|switches| switches.process_end = "failed".into());
    scene.call(&ASYNC).failed(11);
    assert_eq!(scene.standin.bundle_requests().len(), 0);
}

#[test]
fn an_asynchronous_export_that_is_not_waited_for_says_so() {
    let scene = Scene::new();
    let arguments = ["POST", "/projects/{p}/files/async-download", "-f", "format=json", "--extract", "locales"];
    let ran = scene.call(&arguments);
    assert_eq!(ran.failed(1), "the answer names no bundle to fetch");
    assert!(ran.stderr.contains("add --wait"), "{}", ran.stderr);
}

#[test]
fn an_export_that_is_too_big_gets_a_line_that_works_as_pasted() {
    let scene = Scene::new();
    scene.standin.set(|switches| switches.sync_export = SyncExport::RefusesTooBig);
    let ran = scene.call(&SYNC);
    assert!(ran.failed(10).starts_with("Project too big for sync export."), "{}", ran.stderr);
    let hint = ran.stderr.lines().find_map(|line| line.strip_prefix("hint: export it asynchronously: `")).unwrap();
    let line = hint.strip_suffix('`').unwrap();
    let words = shell_words::split(line).unwrap();
    assert_eq!(words[0], "lokalise-auth");
    let arguments: Vec<&str> = words[2..].iter().map(String::as_str).collect();
    let pasted = scene.call(&arguments);
    assert_eq!((pasted.code, pasted.stdout.is_empty()), (0, false), "{}", pasted.stderr);
}

#[test]
fn an_export_that_is_nearly_too_big_is_hinted_at() {
    let scene = Scene::new();
    scene.standin.set(|switches| switches.sync_export = SyncExport::WarnsTooBig);
    let ran = scene.call(&["POST", "/projects/{p}/files/download", "-f", "format=json"]);
    assert_eq!(ran.code, 0);
    assert!(ran.stderr.contains("/files/async-download -f 'format=json' --wait`"), "{}", ran.stderr);
}
