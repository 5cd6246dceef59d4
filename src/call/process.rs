//! Lokalise's queued processes (imports and exports): which request shows one, when it is over,
//! and how it ended (`src/lokalise/README.md`). The shape of an answer is read leniently: PHP writes
//! an empty object as `[]` and a list with gaps as an object.

use std::time::Duration;

use serde_json::Value;

use super::first_words::first_words;
use crate::error::{Error, ErrorKind};
use crate::escape;
use crate::json::lenient;

/// The wait before the first poll, and the longest one between two.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const MAX_PAUSE: Duration = Duration::from_secs(10);

/// How many files of a failed process are named.
const MAX_FILES_NAMED: usize = 5;

/// The longest text of the server that is repeated for one message or name.
const MAX_TEXT_CHARACTERS: usize = 300;

/// A process that is under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueuedProcess {
    /// The path that shows it: named by the server, or made from its id.
    pub place: String,
    pub id: String,
}

/// The state of a process.
#[derive(Debug, PartialEq, Eq)]
pub enum ProcessState {
    /// Its status in the server's words.
    UnderWay(String),
    Finished,
    /// `failed` or `cancelled`, and the messages about it.
    Ended(String),
}

/// An answer that may describe a process.
#[derive(Debug, Default)]
pub struct ProcessBody(Value);

impl ProcessBody {
    /// Reads an answer. One without a body describes nothing.
    ///
    /// # Errors
    /// If it is not JSON, with the reason.
    pub fn read(body: &[u8]) -> Result<Self, String> {
        let text = lenient::without_bom(body).trim_ascii();
        if text.is_empty() {
            return Ok(Self::default());
        }
        lenient::parse(text).map(Self).map_err(|error| match text[0] {
            b'{' | b'[' => format!("it is not JSON ({error})"),
            _ => format!("it is not JSON: {}", first_words(text)),
        })
    }

    /// The process that this answer has queued, if any, named by the `Location` of a 202 or by the body. `path` is that
    /// of the request, whose project the process belongs to.
    pub fn queued(&self, status: u16, location: Option<&str>, path: &str) -> Option<QueuedProcess> {
        let id = text_of(self.member("process_id")).or_else(|| text_of(&self.0["process_id"]));
        if let Some(place) = location.filter(|_| status == 202) {
            let last = place.split('?').next()?.trim_end_matches('/').rsplit('/').next()?;
            return Some(QueuedProcess { place: place.to_owned(), id: id.unwrap_or(last).to_owned() });
        }
        let project = path.strip_prefix("/api2/projects/")?.split('/').next()?;
        let id = id?;
        Some(QueuedProcess { place: format!("/api2/projects/{project}/processes/{}", encoded(id)), id: id.to_owned() })
    }

    /// The type of the process, such as `file-import`.
    pub fn kind(&self) -> Option<&str> {
        text_of(self.member("type"))
    }

    /// The state of the process. Nothing if the answer does not say it.
    pub fn state(&self) -> Option<ProcessState> {
        let status = text_of(self.member("status"))?;
        let ended = |how: &str, reasons: Vec<String>| {
            let kind = shortened(self.kind().unwrap_or("process"));
            let why = if reasons.is_empty() { String::new() } else { format!(": {}", reasons.join("; ")) };
            Some(ProcessState::Ended(format!("the {kind} {how}{why}")))
        };
        let message = || texts(self.member("message")).map(|text| shortened(&text));
        match status.to_ascii_lowercase().as_str() {
            "failed" => ended("failed", message().into_iter().chain(self.file_messages(false)).collect()),
            "cancelled" | "canceled" => {
                ended("was cancelled", message().into_iter().chain(self.file_messages(false)).collect())
            }
            // An import is finished when it has processed every file, including those that it could not read.
            "finished" => match self.file_messages(true) {
                reasons if reasons.is_empty() => Some(ProcessState::Finished),
                reasons => ended("failed", reasons),
            },
            _ => Some(ProcessState::UnderWay(shortened(status))),
        }
    }

    /// The address of the bundle of a download: in the finished process of an export, or in the answer of the sync
    /// endpoint.
    pub fn bundle_url(&self) -> Option<&str> {
        let details = first_object(self.member("details"));
        [details, self.process(), &self.0]
            .into_iter()
            .flat_map(|object| [&object["download_url"], &object["bundle_url"]])
            .find_map(text_of)
    }

    /// The process: the object under that name, or the answer itself.
    fn process(&self) -> &Value {
        match first_object(&self.0["process"]) {
            Value::Null => first_object(&self.0),
            process => process,
        }
    }

    fn member(&self, name: &str) -> &Value {
        &self.process()[name]
    }

    /// The messages about the files of the process: those that failed, and unless `failed_only` all that have a
    /// message.
    fn file_messages(&self, failed_only: bool) -> Vec<String> {
        let details = first_object(self.member("details"));
        let files = [&details["files"], self.member("files")].into_iter().find(|files| !items(files).is_empty());
        let mut messages = Vec::new();
        let mut more = 0;
        for file in files.map(items).unwrap_or_default() {
            let failed = text_of(&file["status"]).is_some_and(|status| status.eq_ignore_ascii_case("failed"));
            let message = texts(&file["message"]);
            if !failed && (failed_only || message.is_none()) {
                continue;
            }
            if messages.len() == MAX_FILES_NAMED {
                more += 1;
                continue;
            }
            let name = text_of(&file["name_original"]).or(text_of(&file["filename"])).unwrap_or("a file");
            messages.push(match message {
                Some(message) => format!("{}: {}", shortened(name), shortened(&message)),
                None => format!("{} failed", shortened(name)),
            });
        }
        match more {
            0 => {}
            1 => messages.push("1 more file".to_owned()),
            more => messages.push(format!("{more} more files")),
        }
        messages
    }
}

/// An id as a path segment. Lokalise's ids are hexadecimal with dashes; other characters never get into a path.
fn encoded(id: &str) -> String {
    id.chars().filter(|character| character.is_ascii_alphanumeric() || matches!(character, '-' | '_')).collect()
}

/// An object, or the first one of a list.
fn first_object(value: &Value) -> &Value {
    match value {
        Value::Object(_) => value,
        Value::Array(items) => items.iter().find(|item| item.is_object()).unwrap_or(&Value::Null),
        _ => &Value::Null,
    }
}

/// The items of a list, or the values of the object that PHP may write in its place.
fn items(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(items) => items.iter().collect(),
        Value::Object(members) => members.values().collect(),
        _ => Vec::new(),
    }
}

/// A string that is not blank.
fn text_of(value: &Value) -> Option<&str> {
    value.as_str().map(str::trim).filter(|text| !text.is_empty())
}

/// A message: a string, or the first strings of a list.
fn texts(value: &Value) -> Option<String> {
    if let Some(text) = text_of(value) {
        return Some(text.to_owned());
    }
    let texts: Vec<&str> = items(value).into_iter().filter_map(text_of).take(3).collect();
    (!texts.is_empty()).then(|| texts.join("; "))
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(MAX_TEXT_CHARACTERS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// The pauses between two polls: half a second, growing by half, up to ten seconds.
pub fn pauses() -> impl Iterator<Item = Duration> {
    std::iter::successors(Some(FIRST_PAUSE), |pause| Some((*pause * 3 / 2).min(MAX_PAUSE)))
}

/// The failure of a process that was waited for.
pub fn failure(why: &str, id: &str) -> Error {
    Error::new(ErrorKind::Process, format!("{why} (process {})", escape::value(id)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const UPLOAD: &str = "/api2/projects/80.46:dev/files/upload";

    fn read(body: &str) -> ProcessBody {
        ProcessBody::read(body.as_bytes()).unwrap()
    }

    fn queued(status: u16, location: Option<&str>, body: &str) -> Option<QueuedProcess> {
        read(body).queued(status, location, UPLOAD)
    }

    /// The state of a process that is the `process` of an answer.
    fn state(process: &str) -> Option<ProcessState> {
        read(&format!(r#"{{"process":{process}}}"#)).state()
    }

    fn ended(why: &str) -> ProcessState {
        ProcessState::Ended(why.into())
    }

    #[test]
    fn the_location_of_a_202_says_where_the_process_is() {
        let body = r#"{"project_id":"80.46","process":{"process_id":"edc1","status":"queued"}}"#;
        let location = "/api2/projects/80.46/processes/edc1";
        assert_eq!(
            queued(202, Some(location), body),
            Some(QueuedProcess { place: location.into(), id: "edc1".into() })
        );
        assert_eq!(queued(202, Some(location), "").unwrap().id, "edc1", "without a body");
    }

    #[test]
    fn a_process_in_the_body_is_looked_for_in_the_project_of_the_request() {
        let place = "/api2/projects/80.46:dev/processes/1efed526-cd7c";
        let expected = Some(QueuedProcess { place: place.into(), id: "1efed526-cd7c".into() });
        assert_eq!(queued(200, None, r#"{"process_id":"1efed526-cd7c"}"#), expected);
        assert_eq!(queued(202, None, r#"{"process":{"process_id":"1efed526-cd7c"}}"#), expected);
        assert_eq!(queued(200, Some("/elsewhere"), r#"{"process_id":"1efed526-cd7c"}"#), expected);
    }

    #[test]
    fn an_answer_without_a_process_has_none() {
        for body in ["{}", "", "[]", "null", r#"{"process_id":""}"#, r#"{"process":[]}"#, r#"{"process_id":1}"#] {
            assert_eq!(queued(200, None, body), None);
        }
        assert_eq!(read(r#"{"process_id":"1"}"#).queued(200, None, "/api2/teams"), None);
    }

    #[test]
    fn a_hostile_id_stays_one_segment() {
        let place = queued(200, None, r#"{"process_id":"../../x?y"}"#).unwrap().place;
        assert_eq!(place, "/api2/projects/80.46:dev/processes/xy");
    }

    #[test]
    fn a_process_is_over_when_it_is_finished_failed_or_cancelled() {
        for status in ["queued", "pre_processing", "running", "post_processing", "new"] {
            let body = format!(r#"{{"status":"{status}"}}"#);
            assert_eq!(state(&body), Some(ProcessState::UnderWay(status.into())));
        }
        assert_eq!(state(r#"{"status":"finished","message":null,"details":[]}"#), Some(ProcessState::Finished));
        assert_eq!(state(r#"{"status":"Finished"}"#), Some(ProcessState::Finished));
        assert_eq!(
            state(r#"{"type":"file-import","status":"failed","message":"Unsupported format"}"#),
            Some(ended("the file-import failed: Unsupported format"))
        );
        assert_eq!(state(r#"{"status":"cancelled","message":""}"#), Some(ended("the process was cancelled")));
    }

    #[test]
    fn an_answer_without_a_status_does_not_describe_a_process() {
        for body in ["", "{}", "[]", "null", "12", r#"{"process":null}"#, r#"{"process":{"status":null}}"#] {
            assert_eq!(read(body).state(), None, "{body}");
        }
        assert_eq!(state(r#"{"process_id":"1","status":3}"#), None);
    }

    #[test]
    fn a_process_may_be_the_answer_itself_or_in_a_list() {
        assert_eq!(read(r#"{"process_id":"1","status":"finished"}"#).state(), Some(ProcessState::Finished));
        assert_eq!(state(r#"[{"status":"finished"}]"#), Some(ProcessState::Finished));
        assert_eq!(read(r#"[{"status":"finished"}]"#).state(), Some(ProcessState::Finished));
    }

    #[test]
    fn what_is_not_json_is_named() {
        let reason = |body: &[u8]| ProcessBody::read(body).unwrap_err();
        assert_eq!(reason(b"<html>one moment</html>"), "it is not JSON: it begins with `<html>one moment</html>`");
        let cut = reason(br#"{"process":{"status":"fin"#);
        assert_eq!(cut, "it is not JSON (EOF while parsing a string at line 1 column 25)");
    }

    #[test]
    fn an_import_that_finished_with_a_failed_file_has_failed() {
        let failed = "the file-import failed: de.json: File target language is missing";
        let file = r#"{"status":"failed","name_original":"de.json","message":"File target language is missing"}"#;
        let sound = r#"{"status":"finished","name_original":"en.json","message":"ok"}"#;
        for files in [format!("[{sound},{file}]"), format!(r#"{{"1":{sound},"3":{file}}}"#)] {
            let body = format!(r#"{{"type":"file-import","status":"finished","details":{{"files":{files}}}}}"#);
            assert_eq!(state(&body), Some(ended(failed)));
        }
    }

    #[test]
    fn a_failed_process_has_the_messages_of_its_files() {
        let body = r#"{"status":"failed","message":"2 files failed","details":{"files":[
            {"status":"failed","name_original":"a.json","message":["bad key","bad value"]},
            {"status":"failed","filename":"b.json","message":null}, {"message":"skipped"}, {"status":"finished"}]}}"#;
        assert_eq!(
            state(body),
            Some(ended(
                "the process failed: 2 files failed; a.json: bad key; bad value; b.json failed; a file: skipped"
            ))
        );
    }

    #[test]
    fn of_many_failed_files_some_are_named_and_the_others_counted() {
        let files = vec![r#"{"status":"failed","name_original":"a"}"#; 60_000].join(",");
        let body = format!(r#"{{"status":"failed","details":{{"files":[{files}]}}}}"#);
        let named = "a failed; ".repeat(5);
        assert_eq!(state(&body), Some(ended(&format!("the process failed: {named}59995 more files"))));
        let long = format!(r#"{{"status":"failed","message":"{}"}}"#, "x".repeat(100_000));
        assert_eq!(state(&long), Some(ended(&format!("the process failed: {}…", "x".repeat(300)))));
    }

    #[test]
    fn the_bundle_is_where_either_export_says() {
        for body in [
            r#"{"process":{"status":"finished","details":{"download_url":"https://s3/a?sig"}}}"#,
            r#"{"process":{"details":{"bundle_url":"https://s3/a?sig"}}}"#,
            r#"{"process":{"details":[{"bundle_url":"https://s3/a?sig"}]}}"#,
            r#"{"process":{"details":{"download_url":"","bundle_url":"https://s3/a?sig"}}}"#,
            r#"{"process":{"details":[],"download_url":" https://s3/a?sig "}}"#,
            r#"{"process":{"details":null,"bundle_url":"https://s3/a?sig"}}"#,
            r#"{"project_id":"1","bundle_url":"https://s3/a?sig"}"#,
            r#"{"download_url":"https://s3/a?sig"}"#,
        ] {
            assert_eq!(read(body).bundle_url(), Some("https://s3/a?sig"), "{body}");
        }
        for body in [r#"{"bundle_url":""}"#, r#"{"bundle_url":null}"#, r#"{"process":{"details":null}}"#, "[]", ""] {
            assert_eq!(read(body).bundle_url(), None, "{body}");
        }
    }

    #[test]
    fn the_pauses_grow_to_ten_seconds() {
        let pauses: Vec<u64> = pauses().take(12).map(|pause| u64::try_from(pause.as_millis()).unwrap()).collect();
        assert_eq!(pauses[..3], [500, 750, 1125]);
        assert_eq!(pauses[11], 10_000);
    }

    #[test]
    fn the_failure_names_the_process() {
        let error = failure("the file-import failed", "edc1");
        assert_eq!((error.exit_code(), error.message.as_str()), (11, "the file-import failed (process edc1)"));
    }
}
