//! `--extract`: fetches the bundle of an export and unpacks it. The bundle is on another host,
//! which never sees the credential. Its address is a secret too, since it gives access to the
//! bundle.

use std::fs::File;
use std::io::{BufReader, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use reqwest::header::{ACCEPT_ENCODING, LOCATION};
use reqwest::{Method, Response, Url};

use crate::call::bundle::unpack;
use crate::call::bundle_address::bundle_address;
use crate::call::process::{ProcessState, failure, pauses};
use crate::call::progress::{self, ProgressLine};
use crate::call::retry::{AttemptResult, Decision};
use crate::call::send::{SendFailure, time_to_come_back};
use crate::error::{Error, ErrorKind, Result};
use crate::escape;
use crate::http::{ACCEPTED_CODING, Incoming, unless_idle};

use super::Run;
use super::wait::{Awaited, Poll, Poller, run_to_end};

const MAX_BUNDLE_BYTES: u64 = 2 * 1024 * 1024 * 1024;

/// The most redirects to a bundle that are followed.
const MAX_HOPS: usize = 5;

/// How often a finished export is polled for a missing address.
const POLLS_FOR_ADDRESS: usize = 3;

/// How long an interrupted run waits for its unfinished file to be removed.
const MAX_CLEANUP: Duration = Duration::from_secs(2);

pub async fn extract(run: &Run<'_>, wait: Option<Duration>, folder: &Path) -> Result<()> {
    let mut awaited = run_to_end(run, wait).await?;
    std::mem::replace(&mut awaited.ended, Ok(()))?;
    let address = match awaited.body.bundle_url() {
        Some(url) => url.to_owned(),
        None => poll_for_address(run, &awaited, wait.is_some()).await?,
    };
    let zip = fetch(run, &bundle_address(&address, None, api_is_plain(run))?).await?;
    let mut names = String::new();
    for path in unpack_on_a_thread(zip, folder).await? {
        names.push_str(&escape::value(&path.display().to_string()));
        names.push('\n');
    }
    if run.silent { Ok(()) } else { run.context.world.answer(&names) }
}

/// The address of a finished export whose answer does not have it yet.
async fn poll_for_address(run: &Run<'_>, awaited: &Awaited, has_waited: bool) -> Result<String> {
    let no_address = || Error::other("the answer names no bundle to fetch");
    let process = match (&awaited.process, awaited.body.state()) {
        (Some(process), Some(ProcessState::Finished)) => process,
        (Some(_), _) if !has_waited => {
            return Err(no_address().hint("an asynchronous export ends in one: add --wait"));
        }
        _ => return Err(no_address()),
    };
    let mut poller = Poller::new(run, process.clone())?;
    for pause in pauses().take(POLLS_FOR_ADDRESS) {
        tokio::time::sleep(pause).await;
        match poller.poll().await? {
            Poll::Answered(_, _, ProcessState::Ended(why)) => return Err(failure(&why, &process.id)),
            Poll::Answered(_, body, _) => {
                if let Some(url) = body.bundle_url() {
                    return Ok(url.to_owned());
                }
            }
            Poll::Later(_) => {}
        }
    }
    Err(no_address().hint("the export has finished, and its process still says no address; run the export again"))
}

/// Whether the API is a test server on this machine.
fn api_is_plain(run: &Run<'_>) -> bool {
    run.request.url.scheme() == "http"
}

/// Fetches the bundle into an unnamed file.
async fn fetch(run: &Run<'_>, url: &Url) -> Result<File> {
    let mut retries = run.sender.retries().of_bundle();
    loop {
        let now = run.context.world.now();
        let (error, decision) = match attempt(run, url).await {
            Ok(Ok(file)) => return Ok(file),
            Ok(Err(response)) => {
                let status = response.status().as_u16();
                let result = AttemptResult::Answered(status, response.headers());
                (refused(url, status), retries.decide(&Method::GET, &result, now, 0.5))
            }
            Err(SendFailure { error, may_pass: false }) => return Err(error),
            Err(SendFailure { error, .. }) => {
                (error, retries.decide(&Method::GET, &AttemptResult::Unreachable, now, 0.5))
            }
        };
        match decision {
            Decision::Wait(wait) => run.sender.wait(wait, &error.to_string()).await,
            Decision::TooLong(wait) if error.kind == ErrorKind::RateLimited => {
                return Err(error.hint(time_to_come_back(wait)));
            }
            Decision::TooLong(_) | Decision::Keep => return Err(error),
        }
    }
}

/// One attempt. The inner error is a response without a bundle.
async fn attempt(run: &Run<'_>, url: &Url) -> Result<Result<File, Response>, SendFailure> {
    let mut incoming = match response(run, url).await? {
        response if response.status().is_success() => Incoming::new(response).map_err(SendFailure::for_good)?,
        refused => return Ok(Err(refused)),
    };
    let unwritable =
        |error: std::io::Error| SendFailure::for_good(Error::other("the bundle cannot be kept").because(error));
    let mut file = tempfile::tempfile().map_err(unwritable)?;
    let (mut length, whole) = (0, incoming.length());
    let progress = ProgressLine::new(run.context.world, false);
    while let Some(chunk) = incoming.chunk().await.map_err(SendFailure::for_now)? {
        length += chunk.len() as u64;
        if length > MAX_BUNDLE_BYTES {
            return Err(SendFailure::for_good(Error::other("the bundle is longer than 2 GiB; it is not fetched")));
        }
        file.write_all(&chunk).map_err(unwritable)?;
        progress.show(|| progress::bytes(length, whole));
    }
    file.rewind().map_err(unwritable)?;
    Ok(Ok(file))
}

/// The response at the address, after its redirects.
async fn response(run: &Run<'_>, url: &Url) -> Result<Response, SendFailure> {
    let client = run.http.api().map_err(SendFailure::for_good)?;
    let mut url = url.clone();
    for _ in 0..=MAX_HOPS {
        run.context.world.trace(&format!("> GET {} (address not shown)", host(&url)));
        let request = client.get(url.clone()).header(ACCEPT_ENCODING, ACCEPTED_CODING);
        let response = unless_idle(host(&url), || 0, request.send()).await.map_err(SendFailure::for_now)??;
        run.context.world.trace(&format!("< {}", response.status()));
        let location = response.headers().get(LOCATION).filter(|_| response.status().is_redirection());
        let Some(location) = location.and_then(|location| location.to_str().ok()) else { return Ok(response) };
        url = bundle_address(location, Some(&url), api_is_plain(run)).map_err(SendFailure::for_good)?;
    }
    Err(SendFailure::for_good(Error::other("the bundle is redirected again and again")))
}

fn refused(url: &Url, status: u16) -> Error {
    let message = format!("{} does not give the bundle (HTTP {status})", host(url));
    // That host's 403 or 404 says nothing about the credential or the request.
    let kind = match status {
        408 => ErrorKind::Network,
        429 => ErrorKind::RateLimited,
        500..=599 => ErrorKind::Server,
        _ => ErrorKind::Other,
    };
    let error = Error { status: Some(status), ..Error::new(kind, message) };
    match kind {
        ErrorKind::Other => error.hint("the address of a bundle is valid for a short time: run the export again"),
        _ => error,
    }
}

fn host(url: &Url) -> &str {
    url.host_str().unwrap_or("the server")
}

/// Unpacks on a thread of its own, so that signals and `--timeout` act meanwhile.
async fn unpack_on_a_thread(zip: File, folder: &Path) -> Result<Vec<PathBuf>> {
    let (stop, (ends, ended)) = (Arc::new(AtomicBool::new(false)), mpsc::channel());
    let _guard = StopOnDrop { stop: Arc::clone(&stop), ended };
    let folder = folder.to_owned();
    let unpacked = tokio::task::spawn_blocking(move || {
        // It is dropped when the thread is done.
        let _ends: mpsc::Sender<()> = ends;
        unpack(BufReader::new(zip), &folder, &stop)
    });
    unpacked.await.unwrap_or_else(|died| Err(Error::other("the bundle cannot be unpacked").because(died)))
}

/// Stops the thread when the run ends early, and gives it time to remove the file that it was writing.
struct StopOnDrop {
    stop: Arc<AtomicBool>,
    ended: mpsc::Receiver<()>,
}

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = self.ended.recv_timeout(MAX_CLEANUP);
    }
}
