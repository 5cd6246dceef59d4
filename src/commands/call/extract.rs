//! `--extract`: fetches the bundle that an export ends in, and unpacks it. The bundle is
//! at another host, which never sees the credential; its address is itself a secret.

use std::fs::File;
use std::io::{Seek, Write};
use std::path::Path;
use std::time::Duration;

use reqwest::header::{ACCEPT_ENCODING, LOCATION};
use reqwest::{Method, Response, Url};

use crate::call::bundle::unpack;
use crate::call::process::{bundle_url, queued};
use crate::call::progress::{self, ProgressLine};
use crate::call::retry::{AttemptResult, Decision};
use crate::call::send::SendFailure;
use crate::error::{Error, ErrorKind, Result};
use crate::escape::escaped;
use crate::http::{ACCEPTED_CODING, Incoming, unless_idle};
use crate::origin::is_loopback;

use super::Run;
use super::wait::over;

/// The longest bundle that is fetched.
const LONGEST_BUNDLE: u64 = 2 * 1024 * 1024 * 1024;

/// How many redirects a store of files may need.
const MOST_HOPS: usize = 5;

pub async fn extract(run: &Run<'_>, wait: Option<Duration>, folder: &Path) -> Result<()> {
    let (last, ended) = over(run, wait).await?;
    ended?;
    let body = last.body()?;
    let location = last.answer.header("location");
    let is_queued = || queued(last.answer.status(), location.as_deref(), &body, &run.request.path).is_some();
    let url = bundle_url(&body).ok_or_else(|| no_bundle(wait.is_none() && is_queued()))?;
    let (zip, length) = fetch(run, &address(&url)?).await?;
    let mut names = String::new();
    for path in unpack(zip, length, folder)? {
        let name = path.display().to_string();
        names.push_str(&if run.context.world.stdout_is_terminal { escaped(&name) } else { name.as_str().into() });
        names.push('\n');
    }
    if run.silent { Ok(()) } else { run.context.world.answer(&names) }
}

fn no_bundle(is_under_way: bool) -> Error {
    let error = Error::other("the answer names no bundle to fetch");
    if is_under_way { error.hint("an asynchronous export ends in one: add --wait") } else { error }
}

/// The address of a bundle: https, or this machine.
fn address(text: &str) -> Result<Url> {
    // The address is not repeated: whoever has it has the bundle.
    let url = Url::parse(text).map_err(|_| Error::other("the address of the bundle cannot be read"))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Error::other("the address of the bundle has a user name in it; it is not fetched"));
    }
    if url.scheme() == "https" || (url.scheme() == "http" && is_loopback(&url)) {
        return Ok(url);
    }
    Err(Error::other("the address of the bundle is not https; it is not fetched"))
}

/// Fetches the bundle into a file that has no name.
async fn fetch(run: &Run<'_>, url: &Url) -> Result<(File, u64)> {
    let mut retries = run.sender.retries();
    loop {
        let (error, decision) = match attempt(run, url).await {
            Ok(Ok(fetched)) => return Ok(fetched),
            Ok(Err(response)) => {
                let status = response.status().as_u16();
                let outcome = AttemptResult::Answered(status, response.headers());
                (refused(url, status), retries.decide(&Method::GET, &outcome, run.context.world.now(), 0.5))
            }
            Err(SendFailure { error, may_pass: false }) => return Err(error),
            Err(SendFailure { error, .. }) => {
                (error, retries.decide(&Method::GET, &AttemptResult::Unreachable, run.context.world.now(), 0.5))
            }
        };
        let Decision::Wait(wait) = decision else { return Err(error) };
        run.sender.wait(wait, &error.to_string()).await;
    }
}

/// One try. The inner error is an answer that is no bundle.
async fn attempt(run: &Run<'_>, url: &Url) -> Result<Result<(File, u64), Response>, SendFailure> {
    let mut incoming = match answer(run, url).await? {
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
        if length > LONGEST_BUNDLE {
            return Err(SendFailure::for_good(Error::other("the bundle is longer than 2 GiB; it is not fetched")));
        }
        file.write_all(&chunk).map_err(unwritable)?;
        progress.show(|| progress::bytes(length, whole));
    }
    file.rewind().map_err(unwritable)?;
    Ok(Ok((file, length)))
}

/// The answer at the address, or where that leads.
async fn answer(run: &Run<'_>, url: &Url) -> Result<Response, SendFailure> {
    let client = run.http.api().map_err(SendFailure::for_good)?;
    let mut url = url.clone();
    for _ in 0..=MOST_HOPS {
        run.context.world.trace(&format!("> GET {} (address not shown)", host(&url)));
        let response =
            unless_idle(host(&url), || 0, client.get(url.clone()).header(ACCEPT_ENCODING, ACCEPTED_CODING).send())
                .await
                .map_err(SendFailure::for_now)??;
        run.context.world.trace(&format!("< {}", response.status()));
        let location = response.headers().get(LOCATION).filter(|_| response.status().is_redirection());
        let Some(next) = location.and_then(|location| url.join(location.to_str().ok()?).ok()) else {
            return Ok(response);
        };
        url = address(next.as_str()).map_err(SendFailure::for_good)?;
    }
    Err(SendFailure::for_good(Error::other("the bundle is redirected again and again")))
}

fn refused(url: &Url, status: u16) -> Error {
    let message = format!("{} does not give the bundle (HTTP {status})", host(url));
    // That host's 403 or 404 says nothing about the credential or the request.
    let kind = if status >= 500 { ErrorKind::Server } else { ErrorKind::Other };
    Error { status: Some(status), ..Error::new(kind, message) }
        .hint("the address of a bundle is good for a short time: run the export again")
}

fn host(url: &Url) -> &str {
    url.host_str().unwrap_or("the server")
}
