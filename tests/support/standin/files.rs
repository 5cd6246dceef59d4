//! Files in and out: uploads and exports become processes, and exports end in a
//! bundle that another origin serves.

use std::io::{Cursor, Read as _, Write as _};

use serde_json::{Value, json};
use zip::write::SimpleFileOptions;
use zip::{ZipArchive, ZipWriter};

use super::super::secrets::{forty_hex, uuid};
use super::api::Call;
use super::content::TEAM_ID;
use super::message::{Answer, Received};
use super::switches::SyncExport;
use super::{Lokalise, locked, pages};

type Outcome = Result<Answer, Answer>;

const TOO_BIG: &str =
    "Project too big for sync export. Please use our async export endpoint instead. (/files/async-download)";

/// A zip file of these names, as they are: hostile ones too.
pub fn zip_of(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in files {
        zip.start_file(*name, SimpleFileOptions::default()).expect("the test's name fits into a zip");
        zip.write_all(content).expect("memory can be written to");
    }
    zip.finish().expect("memory can be written to").into_inner()
}

/// The bytes as a gzip member (RFC 1952 §2.3), made of what the zip library compresses.
pub fn gzip_of(bytes: &[u8]) -> Vec<u8> {
    let mut archive = ZipArchive::new(Cursor::new(zip_of(&[("x", bytes)]))).expect("it was just made");
    let mut file = archive.by_index_raw(0).expect("it has one file");
    let mut gzip = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    file.read_to_end(&mut gzip).expect("memory can be read");
    gzip.extend(file.crc32().to_le_bytes());
    // The length modulo 2^32, as the format has it.
    gzip.extend(u32::try_from(bytes.len() & 0xffff_ffff).expect("it is masked").to_le_bytes());
    gzip
}

pub fn list(lokalise: &Lokalise, call: &Call) -> Outcome {
    let files = lokalise.within(call, |project| project.files.clone());
    let front = json!({"project_id": call.project, "branch": call.branch});
    Ok(pages::offset(call, &files, 5000)?.answer(front, "files"))
}

/// 202, the queued process, and where to look for it.
pub fn upload(lokalise: &Lokalise, call: &Call) -> Outcome {
    let body = call.request.json();
    for name in ["data", "filename", "lang_iso"] {
        if body[name].as_str().is_none_or(str::is_empty) {
            return Err(Answer::error(400, &format!("Invalid `{name}` parameter")));
        }
    }
    let details = json!({"files": [{
        "status": "finished",
        "message": "",
        "name_original": body["filename"],
        "word_count_total": 1,
        "key_count_total": 1,
        "key_count_inserted": 1,
    }]});
    let process = started(lokalise, call, "file-import", details);
    let location =
        format!("/api2/projects/{}/processes/{}", call.project, process["process_id"].as_str().unwrap_or(""));
    let body = json!({"project_id": call.project, "branch": call.branch, "process": process});
    Ok(Answer::json(202, &body).header("Location", &location))
}

pub fn download(lokalise: &Lokalise, call: &Call) -> Outcome {
    check_format(call)?;
    let url = bundle_url(lokalise, call, "");
    let answer = Answer::json(200, &json!({"project_id": call.project, "branch": call.branch, "bundle_url": url}));
    match locked(&lokalise.switches).sync_export {
        SyncExport::Works => Ok(answer),
        SyncExport::WarnsTooBig => Ok(answer.header("X-Response-Too-Big", TOO_BIG)),
        SyncExport::RefusesTooBig => Err(Answer::error(413, TOO_BIG).header("X-Response-Too-Big", TOO_BIG)),
    }
}

pub fn async_download(lokalise: &Lokalise, call: &Call) -> Outcome {
    check_format(call)?;
    let signature = format!("?X-Amz-Expires=86400&X-Amz-Signature={}", forty_hex());
    let url = bundle_url(lokalise, call, &signature);
    let details = json!({"file_size_kb": 1, "total_number_of_keys": 12, "download_url": url});
    let process = started(lokalise, call, "async-export", details);
    Ok(Answer::json(200, &json!({"process_id": process["process_id"]})))
}

pub fn processes(lokalise: &Lokalise, call: &Call) -> Outcome {
    let (polls, end) = process_plan(lokalise);
    let bodies: Vec<Value> =
        lokalise.within(call, |project| project.processes.iter().map(|process| process.body(polls, &end)).collect());
    Ok(pages::offset(call, &bodies, 5000)?.answer(json!({"project_id": call.project}), "processes"))
}

/// Every look moves the process on.
pub fn process(lokalise: &Lokalise, call: &Call) -> Outcome {
    let (polls, end) = process_plan(lokalise);
    let body = lokalise.within(call, |project| {
        let process = project.processes.iter_mut().find(|process| process.id == call.id)?;
        process.polls += 1;
        Some(process.body(polls, &end))
    });
    let body = body.ok_or_else(|| Answer::error(404, "Not Found"))?;
    Ok(Answer::json(200, &json!({"project_id": call.project, "branch": call.branch, "process": body})))
}

impl Lokalise {
    /// What the bundles' origin answers. It knows no credential and wants none.
    pub fn bundle_answer(&self, request: &Received) -> Answer {
        self.bundle_log.add(request);
        self.inspect_foreign(request);
        if let Some(answer) = self.script.answer(request) {
            return answer;
        }
        if request.method != "GET" || !request.path().starts_with("/export/") {
            return Answer::new(403, "<Error><Code>AccessDenied</Code></Error>")
                .header("Content-Type", "application/xml");
        }
        let bundle = locked(&self.switches).bundle.clone().unwrap_or_else(|| {
            zip_of(&[
                ("locale/en.json", b"{\"key_00000\":\"Text 0\"}"),
                ("locale/fr.json", b"{\"key_00000\":\"Text 1\"}"),
            ])
        });
        Answer::new(200, bundle).header("Content-Type", "application/zip")
    }
}

fn started(lokalise: &Lokalise, call: &Call, kind: &'static str, details: Value) -> Value {
    let (polls, end) = process_plan(lokalise);
    // Fresh processes are queued, even where one is to end at the first look.
    lokalise.within(call, |project| project.add_process(kind, details).body(polls.max(1), &end))
}

fn process_plan(lokalise: &Lokalise) -> (usize, String) {
    let switches = locked(&lokalise.switches);
    (switches.process_polls, switches.process_end.clone())
}

fn check_format(call: &Call) -> Result<(), Answer> {
    let format = call.request.json()["format"].as_str().map(str::to_owned);
    if format.is_none_or(|format| format.is_empty()) {
        return Err(Answer::error(400, "Invalid `format` parameter"));
    }
    Ok(())
}

fn bundle_url(lokalise: &Lokalise, call: &Call, query: &str) -> String {
    let origin = locked(&lokalise.bundle_origin).clone();
    format!("{origin}/export/{TEAM_ID}/{}/{}/Website-locale.zip{query}", call.project, uuid())
}
