//! `--wait`: after a request that queues a process, look at the process until it is over.

use std::time::{Duration, Instant};

use crate::call::output::{OutputOptions, ResponseWriter};
use crate::call::process::{ProcessState, QueuedProcess, failure, pauses, queued, standing};
use crate::call::progress::ProgressLine;
use crate::call::refusal::{ResponseHead, judged};
use crate::call::request::ApiRequest;
use crate::call::send::FetchedResponse;
use crate::call::target::{Project, target};
use crate::error::{Error, ErrorKind, Result};

use super::{Run, summary_of};

/// No process, and no answer that queues one, comes near this.
pub const LONGEST_ANSWER: usize = 16 * 1024 * 1024;

pub async fn wait(run: &Run<'_>, options: OutputOptions, limit: Duration) -> Result<()> {
    let (last, ended) = over(run, Some(limit)).await?;
    run.report_both(ended, shown(run, options, &last).await)
}

async fn shown(run: &Run<'_>, options: OutputOptions, last: &FetchedResponse) -> Result<()> {
    let body = last.body()?;
    let mut output = ResponseWriter::open(run.context.world, options).await?;
    output.begin(&last.answer)?;
    output.write(&body).await?;
    output.finish().await
}

/// Sends the request, waits for the process that it queues, and returns the last answer: that of the process, or, if
/// there is none to wait for, that of the request. The inner error is a process that did not end well.
pub async fn over(run: &Run<'_>, limit: Option<Duration>) -> Result<(FetchedResponse, Result<()>)> {
    let first = run.sender.fetch(&run.request, LONGEST_ANSWER).await?;
    if !first.answer.is_success() {
        return Err(run.refused_after(&run.request, first).await);
    }
    let body = first.body()?;
    run.hint_at_size(&ResponseHead::of(&first.answer));
    let first = judged_or_shown(run, first, &body).await?;
    let location = first.answer.header("location");
    let process = queued(first.answer.status(), location.as_deref(), &body, &run.request.path);
    let Some(limit) = limit else { return Ok((first, Ok(()))) };
    let Some(process) = process else {
        let ended = match first.answer.status() {
            202 => Err(Error::new(ErrorKind::Process, "the answer names no process to wait for")),
            _ => Ok(()),
        };
        return Ok((first, ended));
    };
    match standing(&body) {
        ProcessState::UnderWay(_) => watched(run, &process, limit).await,
        ProcessState::Finished => Ok((first, Ok(()))),
        ProcessState::Ended(why) => Ok((first, Err(failure(&why, &process.id)))),
    }
}

/// An answer that says nothing against itself. One that does is shown, and is the error.
async fn judged_or_shown(run: &Run<'_>, fetched: FetchedResponse, body: &[u8]) -> Result<FetchedResponse> {
    match judged(&summary_of(body), &ResponseHead::of(&fetched.answer), run.allow_partial) {
        Ok(()) => Ok(fetched),
        Err(refused) => {
            let shown = run.shown_refusal(fetched).await.map(drop);
            run.report_both(Err(refused), shown)
        }
    }
}

/// Looks at a process until it is over or the time is.
async fn watched(run: &Run<'_>, process: &QueuedProcess, limit: Duration) -> Result<(FetchedResponse, Result<()>)> {
    let place = target(&process.place, &run.context.settings.api_url, Project::default())
        .map_err(|_| Error::other("the answer names a process that is not at the API").hint("it was not looked at"))?;
    let request = ApiRequest::get(place);
    let begun = Instant::now();
    let progress = ProgressLine::new(run.context.world, false);
    run.context.world.step(&format!("waiting for process {}", process.id));
    let mut status = "queued".to_owned();
    for pause in pauses() {
        let left = limit.saturating_sub(begun.elapsed());
        if left.is_zero() {
            break;
        }
        progress.show(|| format!("process {}: {status} ({} s)", process.id, begun.elapsed().as_secs()));
        tokio::time::sleep(pause.min(left)).await;
        let left = limit.saturating_sub(begun.elapsed()).max(Duration::from_secs(1));
        let Ok(looked) = tokio::time::timeout(left, run.sender.fetch(&request, LONGEST_ANSWER)).await else { break };
        let fetched = match looked {
            Ok(fetched) => fetched,
            // The process goes on, whether or not we can see it.
            Err(error) if error.kind == ErrorKind::Network => {
                run.context.world.step(&format!("{error}; the process is looked at again"));
                continue;
            }
            Err(error) => return Err(goes_on(run, &request, error)),
        };
        match fetched.answer.status() {
            200..=299 => {}
            408 | 423 | 425 | 429 | 500..=599 => {
                let pause = fetched.answer.come_back.unwrap_or_default();
                tokio::time::sleep(pause.min(limit.saturating_sub(begun.elapsed()))).await;
                continue;
            }
            _ => {
                progress.clear();
                return Err(goes_on(run, &request, run.refused_after(&request, fetched).await));
            }
        }
        let body = fetched.body()?;
        let fetched = judged_or_shown(run, fetched, &body).await?;
        match standing(&body) {
            ProcessState::UnderWay(now) => status = now,
            ProcessState::Finished => return Ok((fetched, Ok(()))),
            ProcessState::Ended(why) => return Ok((fetched, Err(failure(&why, &process.id)))),
        }
    }
    let error = failure(&format!("still {status} after {}", humantime::format_duration(limit)), &process.id);
    Err(goes_on(run, &request, error))
}

/// Whatever kept us from seeing the end of a process, it has been queued and goes on.
fn goes_on(run: &Run<'_>, looked: &ApiRequest, error: Error) -> Error {
    let place = looked.path.strip_prefix("/api2").unwrap_or(&looked.path);
    let words = &run.credential_info.profile_flag;
    error.hint(format!("the process itself goes on: `lokalise-auth call GET {place} --wait{words}` waits for it"))
}
