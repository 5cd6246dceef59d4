//! Lokalise's queued processes (imports and exports): what to ask for to see one, when it
//! is over, and how it went: see `src/lokalise/README.md`.

use std::time::Duration;

use serde_json::Value;

use crate::error::{Error, ErrorKind};

/// The wait before the first look, and the longest one between two.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// A process that is under way.
#[derive(Debug, PartialEq, Eq)]
pub struct QueuedProcess {
    /// Where it can be seen: what the server said, or the path that its id makes.
    pub place: String,
    pub id: String,
}

/// How a process stands.
#[derive(Debug, PartialEq, Eq)]
pub enum ProcessState {
    /// Its status, in the server's word.
    UnderWay(String),
    Finished,
    /// `failed` or `cancelled`, and what is said about it.
    Ended(String),
}

/// The process that an answer has queued, if it has: named by the `Location` of a 202 or by its body.
/// `path` is that of the request, whose project the process belongs to.
pub fn queued(status: u16, location: Option<&str>, body: &[u8], path: &str) -> Option<QueuedProcess> {
    let answer = ProcessBody::read(body);
    let id = answer.text("/process/process_id").or(answer.text("/process_id"));
    if let Some(place) = location.filter(|_| status == 202) {
        let last = place.split('?').next()?.trim_end_matches('/').rsplit('/').next()?;
        return Some(QueuedProcess { place: place.to_owned(), id: id.unwrap_or(last).to_owned() });
    }
    let project = path.strip_prefix("/api2/projects/")?.split('/').next()?;
    let id = id?;
    Some(QueuedProcess { place: format!("/api2/projects/{project}/processes/{}", encoded(id)), id: id.to_owned() })
}

/// An id as a path segment. Lokalise's are hexadecimal with dashes: whatever else is in one is not let near a path.
fn encoded(id: &str) -> String {
    id.chars().filter(|character| character.is_ascii_alphanumeric() || matches!(character, '-' | '_')).collect()
}

/// How the process in an answer stands.
pub fn standing(body: &[u8]) -> ProcessState {
    let answer = ProcessBody::read(body);
    let message = answer.text("/process/message").map(str::to_owned);
    let ended = |how: &str, why: Option<String>| {
        let kind = answer.text("/process/type").unwrap_or("process");
        let why = why.map(|why| format!(": {why}")).unwrap_or_default();
        ProcessState::Ended(format!("the {kind} {how}{why}"))
    };
    match answer.text("/process/status") {
        Some("failed") => ended("failed", message.or_else(|| answer.failed_file())),
        Some("cancelled" | "canceled") => ended("was cancelled", message),
        // An import is finished when it has looked at every file, also at those that it could not read.
        Some("finished") => match answer.failed_file() {
            None => ProcessState::Finished,
            file => ended("failed", file),
        },
        status => ProcessState::UnderWay(status.unwrap_or("unknown").to_owned()),
    }
}

/// Where the bundle of a download is: in the finished process of an export, or in the answer of the sync endpoint.
pub fn bundle_url(body: &[u8]) -> Option<String> {
    let answer = ProcessBody::read(body);
    answer.text("/process/details/download_url").or(answer.text("/bundle_url")).map(str::to_owned)
}

/// An answer that may tell of a process. Little is asked of its shape, since PHP writes an empty object as `[]`.
struct ProcessBody(Value);

impl ProcessBody {
    fn read(body: &[u8]) -> Self {
        Self(serde_json::from_slice(body).unwrap_or_default())
    }

    /// The string at a JSON pointer (RFC 6901), if it says anything.
    fn text(&self, pointer: &str) -> Option<&str> {
        said(self.0.pointer(pointer)?)
    }

    /// The first file that an import could not read, and why.
    fn failed_file(&self) -> Option<String> {
        let files = self.0.pointer("/process/details/files")?.as_array()?;
        let file = files.iter().find(|file| file["status"] == "failed")?;
        let name = said(&file["name_original"]).unwrap_or("a file");
        Some(match said(&file["message"]) {
            Some(message) => format!("{name}: {message}"),
            None => format!("{name} failed"),
        })
    }
}

fn said(value: &Value) -> Option<&str> {
    value.as_str().filter(|text| !text.trim().is_empty())
}

/// The pauses between two looks at a process: half a second, growing by half, up to ten seconds.
pub fn pauses() -> impl Iterator<Item = Duration> {
    std::iter::successors(Some(FIRST_PAUSE), |pause| Some((*pause * 3 / 2).min(LONGEST_PAUSE)))
}

/// The failure of a process that was waited for.
pub fn failure(why: &str, id: &str) -> Error {
    Error::new(ErrorKind::Process, format!("{why} (process {id})"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const UPLOAD: &str = "/api2/projects/80.46:dev/files/upload";

    #[test]
    fn the_location_of_a_202_says_where_the_process_is() {
        let body = br#"{"project_id":"80.46","process":{"process_id":"edc1","status":"queued"}}"#;
        let location = "/api2/projects/80.46/processes/edc1";
        assert_eq!(
            queued(202, Some(location), body, UPLOAD),
            Some(QueuedProcess { place: location.into(), id: "edc1".into() })
        );
        assert_eq!(queued(202, Some(location), b"", UPLOAD).unwrap().id, "edc1", "without a body");
    }

    #[test]
    fn a_process_in_the_body_is_looked_for_in_the_request_s_project() {
        let place = "/api2/projects/80.46:dev/processes/1efed526-cd7c";
        let expected = Some(QueuedProcess { place: place.into(), id: "1efed526-cd7c".into() });
        assert_eq!(queued(200, None, br#"{"process_id":"1efed526-cd7c"}"#, UPLOAD), expected);
        assert_eq!(queued(202, None, br#"{"process":{"process_id":"1efed526-cd7c"}}"#, UPLOAD), expected);
        assert_eq!(queued(200, Some("/elsewhere"), br#"{"process_id":"1efed526-cd7c"}"#, UPLOAD), expected);
    }

    #[test]
    fn an_answer_without_a_process_has_none() {
        for body in
            [&b"{}"[..], b"", b"[]", b"<html>", br#"{"process_id":""}"#, br#"{"process":[]}"#, br#"{"process_id":1}"#]
        {
            assert_eq!(queued(200, None, body, UPLOAD), None);
        }
        assert_eq!(queued(200, None, br#"{"process_id":"1"}"#, "/api2/teams"), None);
    }

    #[test]
    fn a_hostile_id_stays_one_segment() {
        let place = queued(200, None, br#"{"process_id":"../../x?y"}"#, UPLOAD).unwrap().place;
        assert_eq!(place, "/api2/projects/80.46:dev/processes/xy");
    }

    #[test]
    fn a_process_is_over_when_it_is_finished_failed_or_cancelled() {
        let stands = |process: &str| standing(format!(r#"{{"process":{process}}}"#).as_bytes());
        for status in ["queued", "pre_processing", "running", "post_processing", "new"] {
            assert_eq!(stands(&format!(r#"{{"status":"{status}"}}"#)), ProcessState::UnderWay(status.into()));
        }
        assert_eq!(stands(r#"{"status":"finished","message":null,"details":[]}"#), ProcessState::Finished);
        let failed = r#"{"type":"file-import","status":"failed","message":"Unsupported format"}"#;
        assert_eq!(stands(failed), ProcessState::Ended("the file-import failed: Unsupported format".into()));
        assert_eq!(
            stands(r#"{"status":"cancelled","message":""}"#),
            ProcessState::Ended("the process was cancelled".into())
        );
        assert_eq!(standing(b"{}"), ProcessState::UnderWay("unknown".into()));
    }

    #[test]
    fn an_import_that_finished_with_a_failed_file_has_failed() {
        let body = br#"{"process":{"type":"file-import","status":"finished","details":{"files":[
            {"status":"finished","name_original":"en.json"},
            {"status":"failed","name_original":"de.json","message":"File target language is missing"}]}}}"#;
        assert_eq!(
            standing(body),
            ProcessState::Ended("the file-import failed: de.json: File target language is missing".into())
        );
    }

    #[test]
    fn the_bundle_is_where_either_export_says() {
        let of_process = br#"{"process":{"status":"finished","details":{"download_url":"https://s3/a?sig"}}}"#;
        assert_eq!(bundle_url(of_process).as_deref(), Some("https://s3/a?sig"));
        assert_eq!(bundle_url(br#"{"project_id":"1","bundle_url":"https://s3/b"}"#).as_deref(), Some("https://s3/b"));
        assert_eq!(bundle_url(br#"{"bundle_url":""}"#), None);
        assert_eq!(bundle_url(br#"{"process":{"details":null}}"#), None);
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
