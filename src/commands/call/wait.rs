//! `--wait`: after a request that queues a process, polls the process until it is over.

use std::time::{Duration, Instant};

use crate::call::output::{OutputOptions, ResponseWriter};
use crate::call::process::{ProcessBody, ProcessState, QueuedProcess, failure, pauses};
use crate::call::progress::ProgressLine;
use crate::call::refusal::{ResponseHead, judged};
use crate::call::request::ApiRequest;
use crate::call::response::FetchedResponse;
use crate::call::target::{Project, target};
use crate::error::{Error, ErrorKind, Result};
use crate::escape;
use crate::shell;

use super::{Run, summary_of};

/// Far above any description of a process, or answer that queues one.
const MAX_ANSWER_BYTES: usize = 16 * 1024 * 1024;

/// How many of the first polls may answer 404: the process may not be there yet.
const POLLS_WITH_404: usize = 3;

/// How many answers in a row may be unreadable, while a proxy or the server has a bad moment.
const MAX_UNREADABLE: usize = 5;

/// The result of a request and of the process that it queued.
pub struct Awaited {
    /// The last answer: that of the process or, if there is none to wait for, that of the request.
    pub last: FetchedResponse,
    pub body: ProcessBody,
    pub process: Option<QueuedProcess>,
    /// A process that failed or did not end.
    pub ended: Result<()>,
}

pub async fn wait(run: &Run<'_>, options: OutputOptions, limit: Duration) -> Result<()> {
    let awaited = run_to_end(run, Some(limit)).await?;
    run.report_both(awaited.ended, show(run, options, &awaited.last).await)
}

async fn show(run: &Run<'_>, options: OutputOptions, last: &FetchedResponse) -> Result<()> {
    let body = last.body()?;
    let mut output = ResponseWriter::open(run.context.world, options).await?;
    output.begin(&last.answer)?;
    output.write(&body).await?;
    output.finish().await
}

/// Sends the request and waits for the process that it queues, if a limit is given.
pub async fn run_to_end(run: &Run<'_>, limit: Option<Duration>) -> Result<Awaited> {
    let first = run.sender.fetch(&run.request, MAX_ANSWER_BYTES).await?;
    if !first.answer.is_success() {
        return Err(run.refused_after(&run.request, first).await);
    }
    let bytes = first.body()?;
    let head = ResponseHead::of(&first.answer);
    run.hint_at_size(&head);
    let last = judge_or_show(run, first, &bytes).await?;
    let read = ProcessBody::read(&bytes);
    // The head of a 202 is enough, whatever its body holds.
    let is_named_by_head = head.status == 202 && head.location.is_some();
    let body = match read {
        Err(why) if !is_named_by_head => return Err(show_unreadable(run, last, &why).await),
        read => read.unwrap_or_default(),
    };
    let process = body.queued(head.status, head.location.as_deref(), &run.request.path);
    let ended = match (limit, &process, body.state()) {
        (Some(_), None, _) if head.status == 202 => {
            Err(Error::new(ErrorKind::Process, "the answer names no process to wait for"))
        }
        (None, _, _) | (_, None, _) | (_, _, Some(ProcessState::Finished)) => Ok(()),
        (Some(_), Some(process), Some(ProcessState::Ended(why))) => Err(failure(&why, &process.id)),
        (Some(limit), Some(process), _) => return watch(run, process.clone(), &body, limit).await,
    };
    Ok(Awaited { last, body, process, ended })
}

/// Returns the answer unless it reports an error. Then the answer is shown and the error is returned.
async fn judge_or_show(run: &Run<'_>, fetched: FetchedResponse, body: &[u8]) -> Result<FetchedResponse> {
    match judged(&summary_of(body), &ResponseHead::of(&fetched.answer), run.allow_partial) {
        Ok(()) => Ok(fetched),
        Err(refused) => {
            let shown = run.shown_refusal(fetched).await.map(drop);
            run.report_both(Err(refused), shown)
        }
    }
}

/// The error for a first answer that cannot be read: it may or may not have queued a process.
async fn show_unreadable(run: &Run<'_>, fetched: FetchedResponse, why: &str) -> Error {
    let status = fetched.answer.status();
    let error = Error { status: Some(status), ..Error::network(format!("the answer cannot be read: {why}")) }
        .hint("a proxy or the login page of a network may have answered; `lokalise-auth doctor` looks closer");
    // Where stdout is for data, the beginning in the error is enough.
    let shown = if run.data_only { Ok(()) } else { run.shown_refusal(fetched).await.map(drop) };
    run.report_both(Err::<(), _>(error), shown).expect_err("the first is an error")
}

/// Polls a process until it is over or the time is.
async fn watch(run: &Run<'_>, process: QueuedProcess, first: &ProcessBody, limit: Duration) -> Result<Awaited> {
    let mut poller = Poller::new(run, process)?;
    let begun = Instant::now();
    poller.announce(first.kind(), limit);
    let mut status = "queued".to_owned();
    for pause in pauses() {
        let left = limit.saturating_sub(begun.elapsed());
        if left.is_zero() {
            break;
        }
        poller.show(&status, begun.elapsed());
        tokio::time::sleep(pause.min(left)).await;
        let left = limit.saturating_sub(begun.elapsed()).max(Duration::from_secs(1));
        let Ok(result) = tokio::time::timeout(left, poller.poll()).await else { break };
        match result? {
            Poll::Later(pause) => tokio::time::sleep(pause.min(limit.saturating_sub(begun.elapsed()))).await,
            Poll::Answered(_, _, ProcessState::UnderWay(now)) => status = now,
            Poll::Answered(last, body, ProcessState::Finished) => return Ok(poller.over(*last, body, Ok(()))),
            Poll::Answered(last, body, ProcessState::Ended(why)) => {
                let ended = Err(failure(&why, &poller.process.id));
                return Ok(poller.over(*last, body, ended));
            }
        }
    }
    let error = failure(&format!("still {status} after {}", humantime::format_duration(limit)), &poller.process.id);
    Err(poller.goes_on(error))
}

/// Polls one process.
pub struct Poller<'r, 'w> {
    run: &'r Run<'w>,
    process: QueuedProcess,
    request: ApiRequest,
    progress: ProgressLine,
    /// How many polls were answered.
    answered: usize,
    /// How many answers in a row could not be read.
    unreadable: usize,
}

/// The result of one poll.
pub enum Poll {
    Answered(Box<FetchedResponse>, ProcessBody, ProcessState),
    /// Not over yet: poll again after this time.
    Later(Duration),
}

impl<'r, 'w> Poller<'r, 'w> {
    /// # Errors
    /// Other, if the process is not at the API.
    pub fn new(run: &'r Run<'w>, process: QueuedProcess) -> Result<Self> {
        let target = target(&process.place, &run.context.settings.api_url, Project::default()).map_err(|_| {
            Error::other("the answer names a process that is not at the API").hint("no request was sent there")
        })?;
        let progress = ProgressLine::new(run.context.world, false);
        Ok(Self { run, process, request: ApiRequest::get(target), progress, answered: 0, unreadable: 0 })
    }

    /// Polls once.
    ///
    /// # Errors
    /// What ends the wait: a refusal, or too many answers in a row that cannot be read.
    pub async fn poll(&mut self) -> Result<Poll> {
        let fetched = match self.run.sender.try_fetch(&self.request, MAX_ANSWER_BYTES).await {
            Ok(fetched) => fetched,
            // The process goes on, whether or not we can see it.
            Err(failure) if failure.error.kind == ErrorKind::Network && failure.may_pass => {
                self.run.context.world.step(&format!("{}; the process is asked for again", failure.error));
                return Ok(Poll::Later(Duration::ZERO));
            }
            Err(failure) if failure.error.kind == ErrorKind::Network => return self.unreadable(failure.error),
            Err(failure) => return Err(self.goes_on(failure.error)),
        };
        self.answered += 1;
        match fetched.answer.status() {
            200..=299 => self.read(fetched).await,
            404 if self.answered <= POLLS_WITH_404 => Ok(Poll::Later(Duration::ZERO)),
            408 | 423 | 425 | 429 | 500..=599 => Ok(Poll::Later(fetched.answer.come_back.unwrap_or_default())),
            _ => {
                self.progress.clear();
                let refused = self.run.refused_after(&self.request, fetched).await;
                Err(self.goes_on(refused))
            }
        }
    }

    async fn read(&mut self, fetched: FetchedResponse) -> Result<Poll> {
        let bytes = fetched.body()?;
        self.progress.clear();
        let fetched = judge_or_show(self.run, fetched, &bytes).await?;
        let why = match ProcessBody::read(&bytes) {
            Ok(body) => match body.state() {
                Some(state) => {
                    self.unreadable = 0;
                    return Ok(Poll::Answered(Box::new(fetched), body, state));
                }
                None => "it says no status".to_owned(),
            },
            Err(why) => why,
        };
        let error = Error::network(format!("the answer about process {} cannot be read: {why}", self.process.id));
        self.unreadable(error)
    }

    /// An answer that cannot be read. A few are waited through.
    fn unreadable(&mut self, error: Error) -> Result<Poll> {
        self.unreadable += 1;
        if self.unreadable > MAX_UNREADABLE {
            return Err(self.goes_on(error));
        }
        self.run.context.world.step(&format!("{error}; the process is asked for again"));
        Ok(Poll::Later(Duration::ZERO))
    }

    /// Says what the run waits for if there is no progress line, and how to look again after an interruption.
    fn announce(&self, kind: Option<&str>, limit: Duration) {
        let world = self.run.context.world;
        if !world.fancy() {
            let kind = kind.map(|kind| format!(" ({})", escape::value(kind))).unwrap_or_default();
            let (id, limit) = (escape::value(&self.process.id), humantime::format_duration(limit));
            world.say(&format!("lokalise-auth: waiting up to {limit} for process {id}{kind}"));
        }
        world.set_interrupted_hint(Some(self.hint()));
    }

    fn show(&self, status: &str, waited: Duration) {
        self.progress.show(|| format!("process {}: {status} ({} s)", self.process.id, waited.as_secs()));
    }

    fn over(self, last: FetchedResponse, body: ProcessBody, ended: Result<()>) -> Awaited {
        self.run.context.world.set_interrupted_hint(None);
        Awaited { last, body, process: Some(self.process), ended }
    }

    /// Adds to an error that the process has been queued and goes on.
    fn goes_on(&self, error: Error) -> Error {
        self.progress.clear();
        self.run.context.world.set_interrupted_hint(None);
        error.hint(self.hint())
    }

    fn hint(&self) -> String {
        let path = self.request.path.strip_prefix("/api2").unwrap_or(&self.request.path);
        let flag = &self.run.credential_info.profile_flag;
        format!("the process itself goes on: `lokalise-auth call GET {} --wait{flag}` waits for it", shell::quote(path))
    }
}
