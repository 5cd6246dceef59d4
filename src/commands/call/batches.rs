//! `--batch`: the same request again and again, each time with the next items. One at a
//! time: the API counts concurrent requests for a project, and order may matter.

use serde_json::Value;

use crate::call::batch::merge;
use crate::call::body::RequestBody;
use crate::call::merge::{Merge, MergeFormat};
use crate::call::output::{OutputOptions, ResponseWriter};
use crate::call::progress::ProgressLine;
use crate::call::refusal::{ResponseHead, judged};
use crate::call::send::FetchedResponse;
use crate::error::{Error, Result};
use crate::json::lenient::without_bom;
use crate::json::list::BodySummary;

use super::{Run, summary_of};

/// No answer to a request with a few hundred items comes near this.
const LONGEST_ANSWER: usize = 64 * 1024 * 1024;

pub async fn send(run: &Run<'_>, options: OutputOptions, bodies: Vec<RequestBody>) -> Result<()> {
    let count = bodies.len();
    let progress = ProgressLine::new(run.context.world, false);
    let mut whole: Option<Value> = None;
    let lines = options.lines;
    let mut options = Some(options);
    let mut output = None;
    let mut ended = Ok(());
    let mut head = ResponseHead::default();
    for (index, body) in bodies.into_iter().enumerate() {
        progress.show(|| format!("request {} of {count}", index + 1));
        let mut request = run.request.clone();
        request.body = Some(body);
        let answered = match run.sender.fetch(&request, LONGEST_ANSWER).await {
            Ok(fetched) if fetched.answer.is_success() => answer(fetched),
            Ok(fetched) => {
                progress.clear();
                Err(run.refused_after(&request, fetched).await)
            }
            Err(error) => Err(error),
        };
        match answered {
            Ok((fetched, answer)) => {
                head = ResponseHead::of(&fetched.answer);
                if let Some(options) = options.take() {
                    output.insert(ResponseWriter::open(run.context.world, options).await?).begin(&fetched.answer)?;
                }
                match &mut whole {
                    Some(whole) => merge(whole, answer),
                    None => whole = Some(answer),
                }
            }
            Err(error) => {
                ended = Err(told(error, index, count));
                break;
            }
        }
    }
    drop(progress);
    // What was carried out is told, also if the rest was not.
    if let (Some(whole), Some(output)) = (whole, output) {
        let judged = judged(&BodySummary::of(&whole), &head, run.allow_partial);
        run.report_both(ended.and(judged), show(output, &whole, lines).await)
    } else {
        ended
    }
}

async fn show(mut output: ResponseWriter, whole: &Value, lines: bool) -> Result<()> {
    let mut document = whole.to_string().into_bytes();
    if lines {
        let mut merge = Merge::new(MergeFormat::Lines, None);
        let mut items = Vec::new();
        merge.push(&document, &mut items)?;
        merge.end_page(&mut items)?;
        document = items;
    } else {
        document.push(b'\n');
    }
    output.write(&document).await?;
    output.finish().await
}

/// The body of an answer. What was refused of it is judged in the end; an answer that is an error ends the run.
fn answer(fetched: FetchedResponse) -> Result<(FetchedResponse, Value)> {
    let body = fetched.body()?;
    judged(&summary_of(&body), &ResponseHead::of(&fetched.answer), true)?;
    // What has nothing to say, as a 204, adds nothing to the others.
    let document = without_bom(&body).trim_ascii();
    let document = if document.is_empty() { &b"{}"[..] } else { document };
    let answer =
        serde_json::from_slice(document).map_err(|error| Error::other("an answer is not JSON").because(error))?;
    Ok((fetched, answer))
}

fn told(mut error: Error, index: usize, count: usize) -> Error {
    if index > 0 {
        error.message =
            format!("request {} of {count} failed, those before it were carried out: {}", index + 1, error.message);
    }
    error
}
