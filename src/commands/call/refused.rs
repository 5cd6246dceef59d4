//! Handles an answer that is not a success: its body is shown on stdout, or on stderr where stdout
//! is for data, and the rest becomes an error with hints.

use crate::call::output::{OutputOptions, ResponseWriter};
use crate::call::refusal::{ResponseHead, refusal, too_big_hint, without_queries};
use crate::call::request::ApiRequest;
use crate::call::response::{ApiResponse, FetchedResponse};
use crate::error::{Error, ErrorKind, Result};
use crate::escape;
use crate::json::pretty::{Pretty, Visible};
use crate::lokalise::api_error::LOOKED_AT;

use super::Run;

impl Run<'_> {
    /// The failure of a request that was refused. The body of the answer is shown on the way.
    pub async fn refused(&self, answer: ApiResponse) -> Error {
        self.refused_after(&self.request, FetchedResponse::unread(answer)).await
    }

    /// The same for an answer to another request of the run, whose body has been read in part.
    pub async fn refused_after(&self, request: &ApiRequest, fetched: FetchedResponse) -> Error {
        let head = ResponseHead::of(&fetched.answer);
        match self.shown_refusal(fetched).await {
            Ok(body) => refusal(request, &head, &body, &self.credential_info),
            // Without its body the answer still has a status.
            Err(error) if error.kind == ErrorKind::Network => refusal(request, &head, b"", &self.credential_info),
            Err(error) => error,
        }
    }

    /// Says what to do about an export that is, or soon will be, too big to wait for.
    pub fn hint_at_size(&self, head: &ResponseHead) {
        if let Some(hint) = too_big_hint(&self.request, &self.credential_info).filter(|_| head.too_big) {
            self.context.world.say(&format!("hint: {hint}"));
        }
    }

    /// Shows the body of a refusal: on stdout, or on stderr where stdout is for data. Returns its beginning.
    pub async fn shown_refusal(&self, mut fetched: FetchedResponse) -> Result<Vec<u8>> {
        let mut output = None;
        if !self.data_only {
            let options = OutputOptions { include: self.include, silent: self.silent, ..OutputOptions::default() };
            output = Some(ResponseWriter::open(self.context.world, options).await?);
        }
        if let Some(output) = &mut output {
            output.begin(&fetched.answer)?;
        }
        let mut looked_at = Vec::new();
        while let Some(chunk) = fetched.chunk().await? {
            let room = LOOKED_AT - looked_at.len();
            looked_at.extend_from_slice(&chunk[..chunk.len().min(room)]);
            match &mut output {
                Some(output) => output.write(&chunk).await?,
                None if looked_at.len() == LOOKED_AT => break,
                None => {}
            }
        }
        match output {
            // The failure is reported even if the body could not be written.
            Some(output) => match output.finish().await {
                Err(error) if !error.is_closed_pipe() => return Err(error),
                _ => {}
            },
            None => self.show_on_stderr(&looked_at, fetched.answer.is_json()),
        }
        Ok(looked_at)
    }

    /// Shows the body of an error where stdout is for data. With --json, stderr is for one object.
    fn show_on_stderr(&self, body: &[u8], is_json: bool) {
        if body.is_empty() || self.silent || self.context.settings.json {
            return;
        }
        let mut shown = Vec::with_capacity(body.len());
        for chunk in body.utf8_chunks() {
            shown.extend_from_slice(without_queries(chunk.valid()).as_bytes());
            shown.extend_from_slice(chunk.invalid());
        }
        let body = &shown;
        let shown = match (self.context.world.stderr_is_terminal, is_json) {
            // Build logs act on some lines. A line of JSON is never one of them, and any other body becomes one line.
            (false, _) if serde_json::from_slice::<serde::de::IgnoredAny>(body).is_ok() => {
                escape::escaped_json(&String::from_utf8_lossy(body)).into_owned()
            }
            (false, _) => escape::line(&String::from_utf8_lossy(body)).into_owned(),
            (true, true) => {
                let mut pretty = Pretty::new(self.context.world.color_stderr());
                pretty.push(body) + pretty.end().trim_end()
            }
            (true, false) => Visible::default().push(body),
        };
        self.context.world.say_escaped(&shown);
    }
}
