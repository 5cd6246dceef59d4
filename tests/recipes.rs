//! The recipes of the README, run as written there: in a shell, against the stand-in,
//! and their results compared with what the stand-in holds.

#![cfg(unix)] // the recipes are for sh

mod support;

use std::collections::BTreeMap;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::Output;

use serde_json::{Value, json};
use support::home::{Home, binary};
use support::pty::Terminal;
use support::standin::{Answer, Standin, zip_of};

const CSV: &str = "All keys as CSV, however many pages there are";
const SORTED: &str = "All keys as JSON in a file for git, sorted and indented, so that a diff shows what changed";
const FOLDER: &str = "Upload a folder: start all imports, then wait for each (bash and zsh)";
/// This one calls the real Lokalise and programs that are not here.
const OTHER_PROGRAMS: &str = "Run another program with the same credential. No list of processes shows the token";

/// A Lokalise, and a machine with the program on its path.
struct Kitchen {
    standin: Standin,
    home: Home,
}

impl Kitchen {
    fn new() -> Self {
        let standin = Standin::start();
        let mut home = Home::new(&standin);
        home.set("LOKALISE_API_TOKEN", &standin.api_token());
        home.set("LOKALISE_PROJECT_ID", &standin.project_id());
        let programs = home.path().join("bin");
        std::fs::create_dir(&programs).expect("our own folder");
        symlink(binary(), programs.join("lokalise-auth")).expect("our own folder");
        let path = std::env::var("PATH").unwrap_or_default();
        home.set("PATH", &format!("{}:{path}", programs.display()));
        Self { standin, home }
    }

    /// Runs the recipe under this sentence.
    #[track_caller]
    fn cook(&self, sentence: &str) -> Output {
        let recipes = recipes();
        let script = recipes.get(sentence).unwrap_or_else(|| panic!("the README has no recipe `{sentence}`"));
        let output = self.home.other("sh", ["-c", script]).output().expect("there is a shell");
        Home::assert_silent(&self.standin, &output);
        output
    }

    /// Runs it, and gives what it printed if it succeeded.
    #[track_caller]
    fn cooked(&self, sentence: &str) -> String {
        let output = self.cook(sentence);
        assert!(output.status.success(), "{}: {}", output.status, String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("text")
    }

    fn file(&self, name: &str) -> PathBuf {
        self.home.work().join(name)
    }

    fn write(&self, name: &str, content: &str) {
        let path = self.file(name);
        std::fs::create_dir_all(path.parent().expect("it has a folder")).expect("our own folder");
        std::fs::write(path, content).expect("our own folder");
    }
}

/// The recipes of the README by the sentences above them.
fn recipes() -> BTreeMap<String, String> {
    let readme = include_str!("../README.md");
    let (_, chapter) = readme.split_once("\n## Recipes\n").expect("the README has recipes");
    let chapter = chapter.split("\n## ").next().expect("a chapter");
    let mut parts = chapter.split("```");
    let mut recipes = BTreeMap::new();
    while let (Some(text), Some(block)) = (parts.next(), parts.next()) {
        let sentence = text.trim().rsplit("\n\n").next().expect("a text").replace('\n', " ");
        let script = block.strip_prefix("sh\n").expect("a recipe is for sh");
        recipes.insert(sentence.trim_end_matches(':').to_owned(), script.to_owned());
    }
    recipes
}

#[test]
fn every_recipe_has_a_test() {
    let of_others = [OTHER_PROGRAMS];
    let tests = include_str!("recipes.rs");
    for sentence in recipes().keys() {
        let is_cooked = tests.contains(&format!("\"{sentence}\""));
        assert!(is_cooked || of_others.contains(&sentence.as_str()), "nothing tests `{sentence}`");
    }
    assert!(recipes().len() >= 12);
}

#[test]
fn keys_as_csv() {
    let kitchen = Kitchen::new();
    kitchen.standin.edit(|content| {
        content.set_keys(1_203);
        let keys = &mut content.projects[0].keys;
        keys[0]["tags"] = json!(["a", "b \"c\""]);
        keys[1_202]["key_name"]["web"] = json!("last, one");
    });
    kitchen.cooked(CSV);
    let csv = std::fs::read_to_string(kitchen.file("keys.csv")).expect("it was made");
    let rows: Vec<&str> = csv.lines().collect();
    assert_eq!(rows.len(), 1_203);
    assert_eq!(rows[0], r#"44596001,"key_00000","a b ""c""""#);
    assert_eq!(rows[1_202], r#"44597203,"last, one","""#);
}

#[test]
fn a_list_that_fails_half_way_leaves_no_file() {
    let kitchen = Kitchen::new();
    kitchen.standin.edit(|content| content.set_keys(1_203));
    let path = format!("/api2/projects/{}/keys", kitchen.standin.project_id());
    kitchen.standin.answer_next("GET", &path, Answer::error(500, "no"));
    for sentence in [CSV, SORTED] {
        assert_ne!(kitchen.cook(sentence).status.code(), Some(0), "{sentence}");
        kitchen.standin.answer_next("GET", &path, Answer::error(500, "no"));
    }
    assert!(!kitchen.file("keys.csv").exists() && !kitchen.file("keys.json").exists());
}

#[test]
fn keys_for_git() {
    let kitchen = Kitchen::new();
    kitchen.standin.edit(|content| content.set_keys(3));
    kitchen.cooked(SORTED);
    let text = std::fs::read_to_string(kitchen.file("keys.json")).expect("it was made");
    let keys: Value = serde_json::from_str(&text).expect("one document");
    assert_eq!(keys["keys"].as_array().map(Vec::len), Some(3));
    assert!(text.starts_with("{\n  \"branch\": \"master\",\n  \"keys\": [\n"), "{text}");
}

#[test]
fn an_upload_that_is_imported() {
    let kitchen = Kitchen::new();
    kitchen.write("locales/en.json", "{\"hello\": \"Hello\"}");
    let printed = kitchen.cooked("Upload a file, and fail if the import fails");
    let process: Value = serde_json::from_str(&printed).expect("the finished process");
    assert_eq!(process["process"]["status"], "finished");
    let upload = &kitchen.standin.requests()[0];
    assert_eq!(upload.json()["data"], "eyJoZWxsbyI6ICJIZWxsbyJ9");
}

#[test]
fn an_upload_whose_import_fails() {
    let kitchen = Kitchen::new();
    kitchen.write("locales/en.json", "{}");
    kitchen.standin.set(|switches| switches.process_end = "failed".to_owned());
    let output = kitchen.cook("Upload a file, and fail if the import fails");
    assert_eq!(output.status.code(), Some(11));
}

#[test]
fn a_folder_that_is_uploaded() {
    let kitchen = Kitchen::new();
    for language in ["de", "en", "fr"] {
        kitchen.write(&format!("locales/{language}.json"), "{}");
    }
    assert_eq!(kitchen.cooked(FOLDER), "");
    let path = format!("/api2/projects/{}/files/upload", kitchen.standin.project_id());
    let uploads = kitchen.standin.requests_to("POST", &path);
    let names: Vec<Value> = uploads.iter().map(|upload| upload.json()["filename"].clone()).collect();
    assert_eq!(names, ["de.json", "en.json", "fr.json"]);

    kitchen.standin.forget_requests();
    kitchen.standin.set(|switches| switches.process_end = "cancelled".to_owned());
    let output = kitchen.cook(FOLDER);
    assert_eq!(output.status.code(), Some(11));
    // All imports had been started before the first was waited for.
    assert_eq!(kitchen.standin.requests_to("POST", &path).len(), 3);

    kitchen.standin.forget_requests();
    kitchen.standin.answer_next("POST", &path, Answer::error(400, "no"));
    let output = kitchen.cook(FOLDER);
    assert_eq!(output.status.code(), Some(10));
    assert_eq!(kitchen.standin.requests_to("POST", &path).len(), 1, "no upload follows one that was refused");
}

#[test]
fn bundles_that_are_unpacked() {
    for sentence in [
        "Download the translations, and unpack them",
        "The same for a project of more than 10,000 translations: the export is queued, and `--wait` waits for it",
    ] {
        let kitchen = Kitchen::new();
        let zip = zip_of(&[("en/app.json", b"{\"a\":1}"), ("de/app.json", b"{}")]);
        kitchen.standin.set(|switches| switches.bundle = Some(zip));
        assert_eq!(kitchen.cooked(sentence), "locales/en/app.json\nlocales/de/app.json\n");
        assert_eq!(std::fs::read(kitchen.file("locales/en/app.json")).expect("it was unpacked"), b"{\"a\":1}");
    }
}

#[test]
fn a_release_that_is_stopped() {
    let kitchen = Kitchen::new();
    assert_eq!(kitchen.cooked("Stop a release while something is untranslated (exit code 12)"), "");
    let path = format!("/api2/projects/{}", kitchen.standin.project_id());
    let answer = Answer::json(200, &json!({"statistics": {"progress_total": 99}}));
    kitchen.standin.answer_next("GET", &path, answer);
    let output = kitchen.cook("Stop a release while something is untranslated (exit code 12)");
    assert_eq!(output.status.code(), Some(12));
    // An outage is no translation that is missing.
    kitchen.standin.answer_next("GET", &path, Answer::error(500, "no"));
    let output = kitchen.cook("Stop a release while something is untranslated (exit code 12)");
    assert_eq!(output.status.code(), Some(8));
}

#[test]
fn thousands_of_keys_that_are_created() {
    let kitchen = Kitchen::new();
    kitchen.standin.edit(|content| content.set_keys(0));
    let keys: Vec<Value> = (0..2_476).map(|n| json!({"key_name": format!("n{n}"), "platforms": ["web"]})).collect();
    kitchen.write("new-keys.json", &json!({ "keys": keys }).to_string());
    // A rate limit on the way changes nothing.
    let path = format!("/api2/projects/{}/keys", kitchen.standin.project_id());
    kitchen.standin.answer_next("POST", &path, Answer::flat_error(429, "no").header("Retry-After", "0"));
    let printed = kitchen.cooked("Create thousands of keys, 500 at a time");
    let answer: Value = serde_json::from_str(&printed).expect("one document");
    assert_eq!(answer["keys"].as_array().map(Vec::len), Some(2_476));
    let created = kitchen.standin.edit(|content| content.projects[0].keys.len());
    assert_eq!(created, 2_476);
}

#[test]
fn keys_that_are_deleted_by_tag() {
    let kitchen = Kitchen::new();
    kitchen.standin.edit(|content| content.set_keys(1_203));
    kitchen.cooked("Delete all keys that have a tag; keys that are locked make it fail (exit code 10)");
    assert_eq!(kitchen.standin.edit(|content| content.projects[0].keys.len()), 0);
    let asked = &kitchen.standin.requests()[0];
    assert_eq!(asked.parameter("filter_tags").as_deref(), Some("obsolete"));
    // If the list cannot be had, nothing is deleted and the whole fails.
    kitchen.standin.edit(|content| content.set_keys(5));
    let path = format!("/api2/projects/{}/keys", kitchen.standin.project_id());
    kitchen.standin.answer_next("GET", &path, Answer::error(500, "no"));
    assert!(
        !kitchen
            .cook("Delete all keys that have a tag; keys that are locked make it fail (exit code 10)")
            .status
            .success()
    );
    assert_eq!(kitchen.standin.edit(|content| content.projects[0].keys.len()), 5);
}

#[test]
fn a_project_by_its_name() {
    let kitchen = Kitchen::new();
    kitchen.standin.edit(|content| content.set_projects(300));
    let id = kitchen.cooked("The id of a project, by its name");
    assert_eq!(id, format!("{}\n", kitchen.standin.project_id()));
}

#[test]
fn a_new_project() {
    let kitchen = Kitchen::new();
    let id = kitchen.cooked("A new project with its languages; its id is printed");
    let created = kitchen.standin.edit(|content| content.projects.last().map(|project| project.id.clone()));
    assert_eq!(created.map(|created| created + "\n"), Some(id));
    let body = kitchen.standin.requests()[0].json();
    assert_eq!(body, json!({"name": "Demo", "languages": [{"lang_iso": "en"}, {"lang_iso": "de"}]}));
}

#[test]
fn translations_that_are_to_be_reviewed() {
    let kitchen = Kitchen::new();
    kitchen.standin.edit(|content| {
        content.set_translations(6);
        content.projects[0].translations[1]["is_reviewed"] = json!(true);
        content.projects[0].translations[3]["translation"] = json!("a\tb\nc");
    });
    let rows = kitchen.cooked("French translations that are not reviewed yet, tab-separated");
    assert_eq!(rows, "44596002\ta\\tb\\nc\n44596003\tText 5\n");
}

#[test]
fn many_projects_at_a_time() {
    let kitchen = Kitchen::new();
    kitchen.standin.edit(|content| content.set_projects(24));
    kitchen.standin.set(|switches| {
        switches.rate_limit = None;
        switches.requests_per_second = Some(8);
    });
    let sentence = "Ask about each of many projects, sixteen processes at a time; together they keep to the rate limit";
    let output = kitchen.cook(sentence);
    assert_eq!(String::from_utf8_lossy(&output.stderr), "", "no 429 was earned");
    let mut rows: Vec<String> = String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect();
    rows.sort();
    assert_eq!(rows.len(), 24);
    assert!(rows.contains(&"\"Website\",12".to_owned()), "{rows:?}");
}

#[test]
fn a_glossary_in_a_file() {
    let kitchen = Kitchen::new();
    kitchen.standin.edit(|content| content.set_terms(1_100));
    kitchen.cooked("The whole glossary in a file, which is replaced only when the whole list has arrived");
    let text = std::fs::read_to_string(kitchen.file("glossary.json")).expect("it was made");
    let glossary: Value = serde_json::from_str(&text).expect("one document");
    assert_eq!(glossary["data"].as_array().map(Vec::len), Some(1_100));
    let path = format!("/api2/projects/{}/glossary-terms", kitchen.standin.project_id());
    kitchen.standin.answer_next("GET", &path, Answer::error(500, "no"));
    let output = kitchen.cook("The whole glossary in a file, which is replaced only when the whole list has arrived");
    assert_eq!(output.status.code(), Some(8));
    assert_eq!(std::fs::read_to_string(kitchen.file("glossary.json")).expect("it is still there"), text);
}

#[test]
fn what_happened_in_the_account() {
    let kitchen = Kitchen::new();
    kitchen.standin.edit(|content| content.set_audit_events(1_500));
    let events = kitchen.cooked("Everything that happened in the account since a date, one event per line");
    assert_eq!(events.lines().count(), 1_500);
    assert_eq!(kitchen.standin.requests()[1].parameter("date_from").as_deref(), Some("2026-08-01"));
}

#[test]
fn a_request_that_is_only_shown() {
    let kitchen = Kitchen::new();
    let shown = kitchen.cooked("See what would be sent, and send nothing; `--curl` shows it as a curl command");
    assert!(shown.starts_with("DELETE http"), "{shown}");
    assert_eq!(kitchen.standin.requests().len(), 0);
}

/// A shell into which recipes are pasted.
struct PastedInto {
    name: &'static str,
    terminal: Terminal,
    asked: usize,
}

impl PastedInto {
    fn start(name: &'static str, kitchen: &Kitchen) -> Self {
        let args: &[&str] = match name {
            "bash" => &["--norc", "--noprofile", "-i"],
            "zsh" => &["-f", "-i"],
            _ => &["--no-config", "-i"],
        };
        support::crowd::needs(name, name);
        let path = std::env::var("PATH").expect("there is a PATH");
        let program = std::env::split_paths(&path).map(|folder| folder.join(name)).find(|path| path.is_file());
        let vars = [("PS1", "> "), ("LC_ALL", "C.UTF-8")];
        let terminal = Terminal::of(&program.expect("it is needed"), &kitchen.home, args, &vars, None);
        let mut shell = Self { name, terminal, asked: 0 };
        if name == "zsh" {
            shell.paste("unsetopt zle_bracketed_paste prompt_sp\n");
        }
        shell
    }

    /// Pastes the lines, and gives the exit code that the shell then reports: it is still there.
    fn paste(&mut self, script: &str) -> String {
        self.asked += 1;
        let status = if self.name == "fish" { "$status" } else { "$?" };
        // What is typed holds the octal numbers, so that only the answer can be what is waited for.
        let question = format!("printf '\\074%d:end%d\\076\\n' {status} {}\n", self.asked);
        self.terminal.send(&format!("{script}{question}").replace('\n', "\r"));
        let end = format!(":end{}>", self.asked);
        let screen = self.terminal.wait_for(&end);
        let before = screen.split(&end).next().unwrap_or_default();
        before.rsplit('<').next().unwrap_or_default().to_owned()
    }
}

/// A kitchen in which every recipe succeeds.
fn full_kitchen() -> Kitchen {
    let kitchen = Kitchen::new();
    for language in ["de", "en", "fr"] {
        kitchen.write(&format!("locales/{language}.json"), "{}");
    }
    kitchen.write("new-keys.json", &json!({"keys": [{"key_name": "a", "platforms": ["web"]}]}).to_string());
    let zip = zip_of(&[("en/app.json", b"{}")]);
    kitchen.standin.set(|switches| switches.bundle = Some(zip));
    kitchen
}

#[test]
fn every_recipe_can_be_pasted_into_its_shells() {
    for shell in ["bash", "zsh", "fish"] {
        let kitchen = full_kitchen();
        let mut pasted = PastedInto::start(shell, &kitchen);
        for (sentence, script) in recipes() {
            let is_for_others = shell == "fish" && sentence.ends_with("(bash and zsh)");
            if sentence != OTHER_PROGRAMS && !is_for_others {
                assert_eq!(pasted.paste(&script), "0", "{shell}: {sentence}\n{}", pasted.terminal.text());
            }
        }
        assert!(kitchen.file("keys.csv").exists() && kitchen.file("glossary.json").exists(), "{shell}");
    }
}

#[test]
fn a_recipe_that_fails_leaves_the_shell_open() {
    for shell in ["bash", "zsh"] {
        let kitchen = full_kitchen();
        let mut pasted = PastedInto::start(shell, &kitchen);
        kitchen.standin.set(|switches| switches.process_end = "cancelled".to_owned());
        assert_eq!(pasted.paste(&recipes()[FOLDER]), "11", "{shell}:\n{}", pasted.terminal.text());
        let path = format!("/api2/projects/{}/files/upload", kitchen.standin.project_id());
        kitchen.standin.answer_next("POST", &path, Answer::error(400, "no"));
        assert_eq!(pasted.paste(&recipes()[FOLDER]), "10", "{shell}:\n{}", pasted.terminal.text());
        assert_eq!(pasted.paste("true\n"), "0", "{shell} goes on");
    }
}
