//! The plain case: one request, and its answer passed on as it comes.

use crate::call::merge::{Merge, MergeFormat};
use crate::call::output::{OutputOptions, ResponseWriter};
use crate::call::progress::{self, ProgressLine};
use crate::call::refusal::{ResponseHead, judged};
use crate::call::request::ApiRequest;
use crate::call::response::ApiResponse;
use crate::call::truncated_list::TruncatedList;
use crate::error::{Error, ErrorKind, Result};
use crate::json::errors::PartialErrors;
use crate::json::list::{BodySummary, ListReader};
use crate::json::scan::Malformed;

use super::Run;

pub async fn single(run: &Run<'_>, options: OutputOptions) -> Result<()> {
    let answer = run.sender.send(&run.request).await?;
    if !answer.is_success() {
        return Err(run.refused(answer).await);
    }
    let head = ResponseHead::of(&answer);
    let headers = answer.headers().clone();
    let may_be_truncated = TruncatedList::is_possible(&run.request, answer.url());
    let lines = options.lines;
    let mut output = ResponseWriter::open(run.context.world, options).await?;
    output.begin(&answer)?;
    let summary =
        if lines { in_lines(run, answer, &mut output).await? } else { as_it_is(run, answer, &mut output).await? };
    // A GET without page parameters may have got the first page only.
    let truncated = TruncatedList::of(&headers, &summary).filter(|_| summary.error.is_none());
    match truncated.filter(|_| may_be_truncated) {
        Some(list) => run.context.world.say(&format!("lokalise-auth: {list}")),
        None => run.hint_at_size(&head),
    }
    let judged = judged(&summary, &head, run.allow_partial);
    // An error is not data: neither a filter nor a file gets it.
    if summary.error.is_some() && run.data_only {
        return judged;
    }
    run.report_both(judged, output.finish().await)
}

/// Passes the bytes on and scans them: for errors in a success, for the length of a list, and for an end that nothing
/// else marks.
async fn as_it_is(run: &Run<'_>, mut answer: ApiResponse, output: &mut ResponseWriter) -> Result<BodySummary> {
    let mut errors = PartialErrors::default();
    let mut page = ResponseScan::of(&run.request, &answer);
    let progress = ProgressLine::new(run.context.world, !output.is_file());
    let whole = answer.length();
    let mut done = 0;
    while let Some(chunk) = answer.chunk().await? {
        output.write(&chunk).await?;
        if run.request.reads_by_method() {
            output.check_reader()?;
        }
        done += chunk.len() as u64;
        progress.show(|| progress::bytes(done, whole));
        errors.push(&chunk);
        page.push(&chunk);
    }
    let summary = page.finish(done > 0)?;
    let errors = errors.finish().map_err(|malformed| {
        let status = format!("the answer says that items were refused, and cannot be read (HTTP {})", answer.status());
        Error::new(ErrorKind::Refused, status).because(malformed)
    })?;
    Ok(BodySummary { error: errors.error, errors: errors.errors, more_errors: errors.more_errors, ..summary })
}

/// How many bytes of an answer to a GET are scanned to count its list. A page that was not requested has 100 items.
const MAX_COUNTED_BYTES: u64 = 8 * 1024 * 1024;

/// Scans an answer as far as there is a reason to, since scanning JSON takes longer than passing it on.
struct ResponseScan {
    page: Option<ListReader>,
    read: Result<(), Malformed>,
    /// How much is scanned.
    most: u64,
    done: u64,
    /// Nothing else marks the end of the answer: if it does not end where its JSON does, it was cut short.
    is_the_end: bool,
}

impl ResponseScan {
    fn of(request: &ApiRequest, answer: &ApiResponse) -> Self {
        let is_the_end = answer.is_json() && answer.ends_with_the_connection();
        let may_be_truncated = TruncatedList::is_possible(request, answer.url()) && answer.may_be_json();
        let most = match may_be_truncated {
            _ if is_the_end || answer.is_of_write => u64::MAX,
            // A list that is counted is scanned to its end; its pages are short.
            true if TruncatedList::is_counted(answer.headers()) => u64::MAX,
            true => MAX_COUNTED_BYTES,
            false => 0,
        };
        Self { page: (most > 0).then(|| ListReader::new(None)), read: Ok(()), most, done: 0, is_the_end }
    }

    fn push(&mut self, chunk: &[u8]) {
        self.done += chunk.len() as u64;
        if self.done > self.most {
            self.page = None;
        }
        if let Some(page) = self.page.as_mut().filter(|_| self.read.is_ok()) {
            self.read = page.push(chunk, |_| {});
        }
    }

    /// The result of the scan. An answer that is not JSON has none, unless it was cut short.
    fn finish(self, has_body: bool) -> Result<BodySummary> {
        let Some(page) = self.page.filter(|_| has_body) else { return Ok(BodySummary::default()) };
        let not_done = page.not_done();
        match self.read.and_then(|()| page.finish()) {
            Ok(summary) => Ok(summary),
            Err(malformed) if self.is_the_end => {
                Err(Error::network("the answer was cut short or garbled").because(malformed).hint("try again"))
            }
            Err(_) => Ok(BodySummary { not_done, ..BodySummary::default() }),
        }
    }
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
