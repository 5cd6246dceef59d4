//! `--batch`: sends the same request several times, each time with the next items. The requests
//! are serial: the API counts concurrent requests for a project, and order may matter.

use serde_json::value::RawValue;

use crate::call::body::RequestBody;
use crate::call::first_words::first_words;
use crate::call::merge::{Merge, MergeFormat};
use crate::call::merged_answers::MergedAnswers;
use crate::call::output::{MAX_HELD_BYTES, OutputOptions, ResponseWriter};
use crate::call::progress::ProgressLine;
use crate::call::refusal::{ResponseHead, judged};
use crate::call::request::ApiRequest;
use crate::call::response::FetchedResponse;
use crate::error::{Error, Result};
use crate::json::lenient;

use super::{Run, summary_of};

/// Far above any answer to a request with a few hundred items.
const MAX_ANSWER_BYTES: usize = 64 * 1024 * 1024;

pub async fn send(run: &Run<'_>, options: OutputOptions, bodies: Vec<RequestBody>) -> Result<()> {
    let count = bodies.len();
    let lines = options.lines;
    let mut options = Some(options);
    let mut output = None;
    let mut head = ResponseHead::default();
    let mut merged: Option<MergedAnswers> = None;
    let mut merged_bytes = 0;
    let mut not_done = Vec::new();
    let mut ended = Ok(());
    let progress = ProgressLine::new(run.context.world, false);
    for (index, body) in bodies.into_iter().enumerate() {
        progress.show(|| format!("request {} of {count}", index + 1));
        let (fetched, answer, left) = match send_one(run, &progress, body).await {
            Ok(answered) => answered,
            Err(error) => {
                ended = Err(after_others(error, index, count));
                break;
            }
        };
        head = ResponseHead::of(&fetched.answer);
        if let Some(options) = options.take() {
            output.insert(ResponseWriter::open(run.context.world, options).await?).begin(&fetched.answer)?;
        }
        not_done.extend(left);
        merged_bytes += answer.get().len();
        match &mut merged {
            Some(merged) => merged.merge(answer).map_err(not_mergeable)?,
            None => merged = Some(MergedAnswers::Whole(answer)),
        }
        if merged_bytes > MAX_HELD_BYTES && index + 1 < count {
            ended = Err(too_much(index, count));
            break;
        }
    }
    drop(progress);
    // What was done is shown even if the rest failed.
    if let (Some(merged), Some(output)) = (merged, output) {
        let merged = merged.into_json();
        let mut summary = summary_of(merged.as_bytes());
        // A later answer of another type may have replaced what an earlier one said.
        if summary.not_done.is_empty() {
            summary.not_done = not_done;
        }
        let judged = judged(&summary, &head, run.allow_partial);
        run.report_both(ended.and(judged), show(output, merged, lines).await)
    } else {
        ended
    }
}

/// Sends one batch. Its answer, and what that says was not done.
async fn send_one(
    run: &Run<'_>,
    progress: &ProgressLine,
    body: RequestBody,
) -> Result<(FetchedResponse, Box<RawValue>, Vec<String>)> {
    let request = ApiRequest { body: Some(body), ..run.request.clone() };
    let fetched = run.sender.fetch(&request, MAX_ANSWER_BYTES).await?;
    if !fetched.answer.is_success() {
        progress.clear();
        return Err(run.refused_after(&request, fetched).await);
    }
    let bytes = fetched.body()?;
    // Refused items are judged at the end; an error ends the run.
    let summary = summary_of(&bytes);
    judged(&summary, &ResponseHead::of(&fetched.answer), true)?;
    Ok((fetched, json(&bytes)?, summary.not_done))
}

/// The answer to one batch.
fn json(bytes: &[u8]) -> Result<Box<RawValue>> {
    let document = lenient::without_bom(bytes).trim_ascii();
    // An answer without a body, such as a 204, adds nothing to the others.
    let document = if document.is_empty() { &b"{}"[..] } else { document };
    // A value is read too, as for the judgement: what that cannot read, such as lists that are too deep, is not judged.
    let read = lenient::parse(document).and_then(|_| serde_json::from_slice(document));
    read.map_err(|error| {
        let words = if document.starts_with(b"{") { String::new() } else { format!(": {}", first_words(document)) };
        Error::other(format!("an answer is not JSON{words}")).because(error)
    })
}

fn not_mergeable(error: serde_json::Error) -> Error {
    Error::other("the answers cannot become one").because(error)
}

fn after_others(mut error: Error, index: usize, count: usize) -> Error {
    if index > 0 {
        let (number, message) = (index + 1, &error.message);
        error.message = format!("request {number} of {count} failed, those before it were carried out: {message}");
    }
    error
}

fn too_much(index: usize, count: usize) -> Error {
    let done = index + 1;
    Error::other(format!("the answers to {done} of {count} requests are longer than the 512 MiB that are held of them"))
        .hint("the other requests were not sent: send those items in a run of their own")
}

async fn show(mut output: ResponseWriter, merged: String, in_lines: bool) -> Result<()> {
    let mut document = merged.into_bytes();
    if in_lines {
        let mut lines = Merge::new(MergeFormat::Lines, None);
        let mut items = Vec::new();
        lines.push(&document, &mut items)?;
        lines.end_page(&mut items)?;
        document = items;
    } else {
        document.push(b'\n');
    }
    output.write(&document).await?;
    output.finish().await
}
