//! `--batch`: the same request again and again, each time with the next items. One at a
//! time: the API counts concurrent requests for a project, and order may matter.

use serde_json::Value;

use crate::call::batch::merge;
use crate::call::body::RequestBody;
use crate::call::merge::{Form, Merge};
use crate::call::output::{Output, Wishes};
use crate::call::page::Facts;
use crate::call::progress::Progress;
use crate::call::refusal::{Head, judged};
use crate::call::send::Fetched;
use crate::error::{Error, Result};

use super::{Run, facts_of};

/// No answer to a request with a few hundred items comes near this.
const LONGEST_ANSWER: usize = 64 * 1024 * 1024;

pub async fn send(run: &Run<'_>, wishes: Wishes, bodies: Vec<RequestBody>) -> Result<()> {
    let count = bodies.len();
    let progress = Progress::new(run.world, false);
    let mut whole: Option<Value> = None;
    let lines = wishes.lines;
    let mut wishes = Some(wishes);
    let mut output = None;
    let mut ended = Ok(());
    let mut head = Head::default();
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
                head = Head::of(&fetched.answer);
                if let Some(wishes) = wishes.take() {
                    output.insert(Output::open(run.world, wishes).await?).begin(&fetched.answer)?;
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
        let judged = judged(&Facts::of(&whole), &head, run.allow_partial);
        run.both(ended.and(judged), show(output, &whole, lines).await)
    } else {
        ended
    }
}

async fn show(mut output: Output, whole: &Value, lines: bool) -> Result<()> {
    let mut document = whole.to_string().into_bytes();
    if lines {
        let mut merge = Merge::new(Form::Lines, None);
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
fn answer(fetched: Fetched) -> Result<(Fetched, Value)> {
    let body = fetched.body()?;
    judged(&facts_of(&body), &Head::of(&fetched.answer), true)?;
    // What has nothing to say, as a 204, adds nothing to the others.
    let document = if body.trim_ascii().is_empty() { &b"{}"[..] } else { &body };
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
