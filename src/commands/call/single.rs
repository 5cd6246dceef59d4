//! The plain case: one request, and its answer passed on as it comes.

use crate::call::merge::{Form, Merge};
use crate::call::output::{Output, Wishes};
use crate::call::page::{Facts, Page};
use crate::call::progress::{self, Progress};
use crate::call::refusal::{Head, judged, too_big_hint};
use crate::call::send::Answer;
use crate::error::{Error, Result};

use super::Run;

pub async fn single(run: &Run<'_>, wishes: Wishes) -> Result<()> {
    let answer = run.sender.send(&run.request).await?;
    if !answer.is_success() {
        return Err(run.refused(answer).await);
    }
    let head = Head::of(&answer);
    let lines = wishes.lines;
    let mut output = Output::open(run.world, wishes)?;
    output.begin(&answer)?;
    let facts = if lines { in_lines(answer, &mut output).await? } else { as_it_is(run, answer, &mut output).await? };
    if head.too_big
        && let Some(hint) = too_big_hint(&run.caller())
    {
        run.world.say(&format!("hint: {hint}"));
    }
    let judged = judged(&facts, &head, run.allow_partial);
    // An answer that is an error is no data: neither a filter nor a file gets it.
    if facts.error.is_none() || !run.data_only {
        output.finish()?;
    }
    judged
}

/// How far a long list is read along: what says `error` says nothing else, and no list says which items were refused.
const READ_ALONG: u64 = 1024 * 1024;

/// Passes the bytes on, and reads along: for errors that a success may hold, and for an end that nothing else marks.
async fn as_it_is(run: &Run<'_>, mut answer: Answer, output: &mut Output) -> Result<Facts> {
    let mut page = answer.may_be_json().then(|| Page::new(None));
    let to_the_end = answer.ends_with_the_connection() || !run.request.reads_by_method();
    let progress = Progress::new(run.world, !output.is_file());
    let whole = answer.length();
    let mut done = 0;
    while let Some(chunk) = answer.chunk().await? {
        output.write(&chunk)?;
        done += chunk.len() as u64;
        progress.show(|| progress::bytes(done, whole));
        let goes_on = to_the_end || done < READ_ALONG;
        if !goes_on || page.as_mut().is_some_and(|page| page.push(&chunk, |_| {}).is_err()) {
            page = None;
        }
    }
    match page.map(Page::finish) {
        Some(Ok(facts)) => Ok(facts),
        Some(Err(malformed)) if done > 0 && answer.is_json() && answer.ends_with_the_connection() => {
            Err(Error::network("the answer was cut short").because(malformed).hint("try again"))
        }
        _ => Ok(Facts::default()),
    }
}

/// One item per line, out of a single answer.
async fn in_lines(mut answer: Answer, output: &mut Output) -> Result<Facts> {
    let mut merge = Merge::new(Form::Lines, None);
    let mut lines = Vec::new();
    let mut done = 0;
    while let Some(chunk) = answer.chunk().await? {
        done += chunk.len();
        merge.push(&chunk, &mut lines)?;
        output.write(&lines)?;
        lines.clear();
    }
    if done == 0 {
        return Ok(Facts::default());
    }
    let facts = merge.end_page(&mut lines)?;
    output.write(&lines)?;
    Ok(facts)
}
