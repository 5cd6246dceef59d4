//! `--batch`: the same request again and again, each time with the next items. One at a
//! time: the API counts concurrent requests for a project, and order may matter.

use serde_json::Value;

use crate::call::batch::merge;
use crate::call::body::RequestBody;
use crate::call::output::{Output, Wishes};
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
                    output.insert(Output::open(run.world, wishes)?).begin(&fetched.answer)?;
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
    if let (Some(whole), Some(mut output)) = (whole, output) {
        let document = whole.to_string();
        let judged = judged(&facts_of(document.as_bytes()), &head, run.allow_partial);
        let shown = output.write(document.as_bytes()).and_then(|()| output.write(b"\n")).and_then(|()| output.finish());
        run.both(ended.and(judged), shown)
    } else {
        ended
    }
}

/// The body of an answer. What was refused of it is judged in the end; an answer that is an error ends the run.
fn answer(fetched: Fetched) -> Result<(Fetched, Value)> {
    let body = fetched.body()?;
    judged(&facts_of(&body), &Head::of(&fetched.answer), true)?;
    let answer = serde_json::from_slice(&body).map_err(|error| Error::other("an answer is not JSON").because(error))?;
    Ok((fetched, answer))
}

fn told(mut error: Error, index: usize, count: usize) -> Error {
    if index > 0 {
        error.message =
            format!("request {} of {count} failed, those before it were carried out: {}", index + 1, error.message);
    }
    error
}
