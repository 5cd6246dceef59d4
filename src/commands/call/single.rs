//! The plain case: one request, and its answer passed on as it comes.

use crate::call::merge::{Merge, MergeFormat};
use crate::call::output::{OutputOptions, ResponseWriter};
use crate::call::progress::{self, ProgressLine};
use crate::call::refusal::{ResponseHead, judged};
use crate::call::send::ApiResponse;
use crate::error::{Error, ErrorKind, Result};
use crate::json::errors::PartialErrors;
use crate::json::list::{BodySummary, ListReader};

use super::Run;

pub async fn single(run: &Run<'_>, options: OutputOptions) -> Result<()> {
    let answer = run.sender.send(&run.request).await?;
    if !answer.is_success() {
        return Err(run.refused(answer).await);
    }
    let head = ResponseHead::of(&answer);
    let lines = options.lines;
    let mut output = ResponseWriter::open(run.context.world, options).await?;
    output.begin(&answer)?;
    let summary =
        if lines { in_lines(run, answer, &mut output).await? } else { as_it_is(run, answer, &mut output).await? };
    run.hint_at_size(&head);
    let judged = judged(&summary, &head, run.allow_partial);
    // An answer that is an error is no data: neither a filter nor a file gets it.
    if summary.error.is_some() && run.data_only {
        return judged;
    }
    run.report_both(judged, output.finish().await)
}

/// Passes the bytes on, and reads along: for errors that a success may hold, and for an end that nothing else marks.
async fn as_it_is(run: &Run<'_>, mut answer: ApiResponse, output: &mut ResponseWriter) -> Result<BodySummary> {
    let mut errors = answer.may_be_json().then(PartialErrors::default);
    let mut page = (answer.is_json() && answer.ends_with_the_connection()).then(|| ListReader::new(None));
    let progress = ProgressLine::new(run.context.world, !output.is_file());
    let whole = answer.length();
    let mut done = 0;
    let mut read = Ok(());
    while let Some(chunk) = answer.chunk().await? {
        output.write(&chunk).await?;
        if run.request.reads_by_method() {
            output.check_reader()?;
        }
        done += chunk.len() as u64;
        progress.show(|| progress::bytes(done, whole));
        if let Some(errors) = &mut errors {
            errors.push(&chunk);
        }
        if let Some(page) = page.as_mut().filter(|_| read.is_ok()) {
            read = page.push(&chunk, |_| {});
        }
    }
    if let Some(page) = page.filter(|_| done > 0) {
        read.and_then(|()| page.finish().map(drop)).map_err(|malformed| {
            Error::network("the answer was cut short or garbled").because(malformed).hint("try again")
        })?;
    }
    errors.map_or(Ok(BodySummary::default()), PartialErrors::finish).map_err(|malformed| {
        let status = format!("the answer says that items were refused, and cannot be read (HTTP {})", answer.status());
        Error::new(ErrorKind::Refused, status).because(malformed)
    })
}

/// One item per line, out of a single answer.
async fn in_lines(run: &Run<'_>, mut answer: ApiResponse, output: &mut ResponseWriter) -> Result<BodySummary> {
    let mut merge = Merge::new(MergeFormat::Lines, None);
    let mut lines = Vec::new();
    let mut done = 0;
    while let Some(chunk) = answer.chunk().await? {
        done += chunk.len();
        merge.push(&chunk, &mut lines)?;
        output.write(&lines).await?;
        if run.request.reads_by_method() {
            output.check_reader()?;
        }
        lines.clear();
    }
    if done == 0 {
        return Ok(BodySummary::default());
    }
    let summary = merge.end_page(&mut lines).map_err(|error| answer.unreadable(error))?;
    if summary.error.is_none() {
        output.write(&lines).await?;
    }
    Ok(summary)
}
