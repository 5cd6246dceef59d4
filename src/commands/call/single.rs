//! The plain case: one request, and its answer passed on as it comes.

use crate::call::merge::{Form, Merge};
use crate::call::output::{Output, Wishes};
use crate::call::page::{Facts, Page};
use crate::call::partial::PartialErrors;
use crate::call::progress::{self, Progress};
use crate::call::refusal::{Head, judged};
use crate::call::send::Answer;
use crate::error::{Error, ErrorKind, Result};

use super::Run;

pub async fn single(run: &Run<'_>, wishes: Wishes) -> Result<()> {
    let answer = run.sender.send(&run.request).await?;
    if !answer.is_success() {
        return Err(run.refused(answer).await);
    }
    let head = Head::of(&answer);
    let lines = wishes.lines;
    let mut output = Output::open(run.world, wishes).await?;
    output.begin(&answer)?;
    let facts =
        if lines { in_lines(run, answer, &mut output).await? } else { as_it_is(run, answer, &mut output).await? };
    run.hint_at_size(&head);
    let judged = judged(&facts, &head, run.allow_partial);
    // An answer that is an error is no data: neither a filter nor a file gets it.
    if facts.error.is_some() && run.data_only {
        return judged;
    }
    run.both(judged, output.finish().await)
}

/// Passes the bytes on, and reads along: for errors that a success may hold, and for an end that nothing else marks.
async fn as_it_is(run: &Run<'_>, mut answer: Answer, output: &mut Output) -> Result<Facts> {
    let mut errors = answer.may_be_json().then(PartialErrors::default);
    let mut page = (answer.is_json() && answer.ends_with_the_connection()).then(|| Page::new(None));
    let progress = Progress::new(run.world, !output.is_file());
    let whole = answer.length();
    let mut done = 0;
    let mut read = Ok(());
    while let Some(chunk) = answer.chunk().await? {
        output.write(&chunk).await?;
        if run.request.reads_by_method() {
            output.somebody_reads()?;
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
    errors.map_or(Ok(Facts::default()), PartialErrors::finish).map_err(|malformed| {
        let status = format!("the answer says that items were refused, and cannot be read (HTTP {})", answer.status());
        Error::new(ErrorKind::Refused, status).because(malformed)
    })
}

/// One item per line, out of a single answer.
async fn in_lines(run: &Run<'_>, mut answer: Answer, output: &mut Output) -> Result<Facts> {
    let mut merge = Merge::new(Form::Lines, None);
    let mut lines = Vec::new();
    let mut done = 0;
    while let Some(chunk) = answer.chunk().await? {
        done += chunk.len();
        merge.push(&chunk, &mut lines)?;
        output.write(&lines).await?;
        if run.request.reads_by_method() {
            output.somebody_reads()?;
        }
        lines.clear();
    }
    if done == 0 {
        return Ok(Facts::default());
    }
    let facts = merge.end_page(&mut lines).map_err(|error| answer.unreadable(error))?;
    if facts.error.is_none() {
        output.write(&lines).await?;
    }
    Ok(facts)
}
