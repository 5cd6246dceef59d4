//! What is stored in this Lokalise: a few projects of a small team, and as many
//! keys, translations, terms and events as a test asks for.

use std::collections::HashSet;

use serde_json::{Value, json};

use super::super::secrets::uuid;

pub const OWNER_ID: u64 = 20_001;
pub const OWNER_NAME: &str = "Ada Example";
pub const OWNER_EMAIL: &str = "ada@example.com";
pub const TEAM_ID: u64 = 170_001;

/// 2024-05-14, when everything here was made.
const STAMP: u64 = 1_715_710_000;
const DATE: &str = "2024-05-14 18:06:40 (Etc/UTC)";

/// Ids have eight digits: a cursor of such an id ends in `=`, which must survive the way back.
const FIRST_KEY: usize = 44_596_001;
const FIRST_TRANSLATION: usize = 30_458_001;
const FIRST_TERM: usize = 5_489_001;

pub struct Content {
    pub projects: Vec<Project>,
    pub audit_events: Vec<Value>,
}

/// One project and what is in it. The lists hold what the API shows of each item.
pub struct Project {
    pub id: String,
    pub name: String,
    pub description: String,
    pub branches: Vec<String>,
    pub keys: Vec<Value>,
    pub translations: Vec<Value>,
    pub terms: Vec<Value>,
    pub languages: Vec<Value>,
    pub files: Vec<Value>,
    pub processes: Vec<Process>,
}

/// Something queued. It moves on a step whenever it is looked at.
pub struct Process {
    pub id: String,
    pub kind: &'static str,
    pub polls: usize,
    /// What a finished one has to show.
    pub details: Value,
}

impl Content {
    /// Three projects; the first has a dozen of everything.
    pub fn of_a_small_team() -> Self {
        let mut content = Self { projects: Vec::new(), audit_events: Vec::new() };
        for name in ["Website", "iOS app", "Handbook"] {
            content.add_project(name, "");
        }
        content.set_keys(12);
        content.set_translations(24);
        content.set_terms(12);
        content.set_audit_events(12);
        content
    }

    pub fn first_project(&self) -> String {
        self.projects.first().expect("there is a project").id.clone()
    }

    pub fn project(&mut self, id: &str) -> Option<&mut Project> {
        self.projects.iter_mut().find(|project| project.id == id)
    }

    /// Adds a project and gives its id: 22 hex digits, a dot and 8 digits.
    pub fn add_project(&mut self, name: &str, description: &str) -> &mut Project {
        let number = self.projects.len() + 1;
        let id = format!("{:022x}.{:08}", 0x00ab_cdef_0000 + number, 10_000_000 + number);
        self.projects.push(Project {
            id,
            name: name.to_owned(),
            description: description.to_owned(),
            branches: vec!["master".to_owned()],
            keys: Vec::new(),
            translations: Vec::new(),
            terms: Vec::new(),
            languages: vec![language(640, "en", "English"), language(673, "fr", "French")],
            files: vec![json!({"file_id": 1, "filename": "%LANG_ISO%.json", "key_count": 12})],
            processes: Vec::new(),
        });
        self.projects.last_mut().expect("it was just added")
    }

    /// Adds or removes projects at the end of the list until it has this length.
    pub fn set_projects(&mut self, count: usize) {
        self.projects.truncate(count);
        while self.projects.len() < count {
            let name = format!("Project {}", self.projects.len() + 1);
            self.add_project(&name, "");
        }
    }

    pub fn set_keys(&mut self, count: usize) {
        self.first().keys = (0..count).map(|n| key(FIRST_KEY + n, &json!(format!("key_{n:05}")))).collect();
    }

    pub fn set_translations(&mut self, count: usize) {
        self.first().translations = (0..count).map(translation).collect();
    }

    pub fn set_terms(&mut self, count: usize) {
        let project = self.first_project();
        self.first().terms = (0..count).map(|n| term(&project, FIRST_TERM + n, &format!("term {n}"))).collect();
    }

    pub fn set_audit_events(&mut self, count: usize) {
        self.audit_events = (0..count).map(audit_event).collect();
    }

    fn first(&mut self) -> &mut Project {
        self.projects.first_mut().expect("there is a project")
    }
}

impl Project {
    /// The project as `GET /projects` shows it.
    pub fn body(&self) -> Value {
        json!({
            "project_id": self.id,
            "project_type": "localization_files",
            "name": self.name,
            "description": self.description,
            "created_at": DATE,
            "created_at_timestamp": STAMP,
            "created_by": OWNER_ID,
            "created_by_email": OWNER_EMAIL,
            "team_id": TEAM_ID,
            "base_language_id": 640,
            "base_language_iso": "en",
            "statistics": {"progress_total": 100, "keys_total": self.keys.len(), "team": 2, "base_words": 36},
        })
    }

    /// Adds keys with these names. For a name that is taken, the result has the entry for `errors`.
    pub fn add_keys<'a>(&mut self, names: impl Iterator<Item = &'a Value>) -> Vec<Result<Value, Value>> {
        // Both are found once for all names: thousands of keys are created in one request.
        let mut taken: HashSet<Value> = self.keys.iter().map(|key| key["key_name"]["web"].clone()).collect();
        let last = self.keys.iter().filter_map(|key| key["key_id"].as_u64()).max();
        let mut id = last.map_or(FIRST_KEY, |id| usize::try_from(id).expect("ids are small") + 1);
        let mut add = |name: &Value| {
            let new = key(id, name);
            if !taken.insert(new["key_name"]["web"].clone()) {
                return Err(json!({
                    "message": "This key name is already taken", "code": 400, "key_name": new["key_name"],
                }));
            }
            id += 1;
            self.keys.push(new.clone());
            Ok(new)
        };
        names.map(&mut add).collect()
    }

    pub fn add_process(&mut self, kind: &'static str, details: Value) -> &mut Process {
        self.processes.push(Process { id: uuid(), kind, polls: 0, details });
        self.processes.last_mut().expect("it was just added")
    }
}

impl Process {
    /// The process with the status that it has after this number of polls.
    pub fn body(&self, polls_to_end: usize, end: &str) -> Value {
        let status = match self.polls {
            _ if self.polls >= polls_to_end => end,
            0 | 1 => "queued",
            _ => "running",
        };
        let mut body = json!({
            "process_id": self.id,
            "type": self.kind,
            "status": status,
            "message": if status == "failed" { "Something went wrong" } else { "" },
            "created_by": OWNER_ID,
            "created_by_email": OWNER_EMAIL,
            "created_at": DATE,
            "created_at_timestamp": STAMP,
        });
        if status == "finished" {
            body["details"] = self.details.clone();
        }
        body
    }
}

pub fn language(id: u64, iso: &str, name: &str) -> Value {
    json!({"lang_id": id, "lang_iso": iso, "lang_name": name, "is_rtl": false, "plural_forms": ["one", "other"]})
}

pub fn contributor() -> Value {
    json!({
        "user_id": OWNER_ID,
        "email": OWNER_EMAIL,
        "fullname": OWNER_NAME,
        "created_at": DATE,
        "created_at_timestamp": STAMP,
        "is_admin": true,
        "is_reviewer": true,
        "languages": [{"lang_id": 640, "lang_iso": "en", "lang_name": "English", "is_writable": true}],
        "admin_rights": ["upload", "download", "keys", "languages"],
        "role_id": 1,
    })
}

pub fn term(project: &str, id: usize, term: &str) -> Value {
    json!({
        "id": id,
        "term": term,
        "description": "",
        "caseSensitive": false,
        "translatable": true,
        "forbidden": false,
        "translations": [],
        "tags": [],
        "projectId": project,
        "createdAt": DATE,
        "updatedAt": null,
    })
}

/// A key; its name is one for all platforms or an object with one for each.
fn key(id: usize, name: &Value) -> Value {
    let names = match name {
        Value::Object(_) => name.clone(),
        name => json!({"ios": name, "android": name, "web": name, "other": name}),
    };
    json!({
        "key_id": id,
        "created_at": DATE,
        "created_at_timestamp": STAMP,
        "key_name": names,
        "description": "",
        "platforms": ["web"],
        "tags": [],
        "is_plural": false,
        "is_hidden": false,
        "is_archived": false,
        "base_words": 3,
    })
}

fn translation(number: usize) -> Value {
    let language = if number.is_multiple_of(2) { "en" } else { "fr" };
    json!({
        "translation_id": FIRST_TRANSLATION + number,
        "segment_number": 1,
        "key_id": FIRST_KEY + number / 2,
        "language_iso": language,
        "translation": format!("Text {number}"),
        "is_reviewed": false,
        "words": 2,
    })
}

fn audit_event(number: usize) -> Value {
    json!({
        "class_uid": 6003,
        "activity_name": "Other",
        "status": "Success",
        "time": STAMP,
        "metadata": {"uid": format!("{number:024x}"), "event_code": "project.created"},
        "actor": {"user": {"uid": OWNER_ID.to_string(), "type_id": 1}},
    })
}
