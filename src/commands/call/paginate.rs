//! `--paginate`: every page of a list, as one document. Counted pages are fetched a few at
//! a time and printed in order; behind a cursor they come one after the other.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;

use futures_util::StreamExt;
use futures_util::stream::FuturesOrdered;

use crate::call::merge::{Form, Merge};
use crate::call::output::{Output, Wishes};
use crate::call::pages::{Outlook, Pages, Parameters, Turn};
use crate::call::progress::{self, Progress};
use crate::call::refusal::{Head, judged};
use crate::call::request::Request;
use crate::call::send::{Fetched, Sender};
use crate::error::Result;

use super::Run;

/// How many requests are made beside each other. The pace allows for six a second.
const BESIDE: usize = 4;

/// How much of each page is read ahead. A page is seldom longer; a longer one is streamed when its turn comes.
const READ_AHEAD: usize = 3 * 1024 * 1024;

pub async fn paginate(run: &Run<'_>, wishes: Wishes, items: Option<u64>, pages: Option<u64>) -> Result<()> {
    let form = if wishes.lines { Form::Lines } else { Form::Document };
    let progress = Progress::new(run.world, run.world.stdout_is_terminal && wishes.file.is_none());
    let mut merge = Merge::new(form, items);
    let mut pages = pages_of(&run.request, items, pages);
    let mut flight = Flight::new(&run.sender, &run.request);
    flight.ask(vec![pages.first()]);
    let mut wishes = Some(wishes);
    let mut output = None;
    let mut piece = Vec::new();
    while let Some(fetched) = flight.next().await {
        let mut fetched = fetched?;
        if !fetched.answer.is_success() {
            progress.clear();
            return Err(run.refused_after(&run.request, fetched).await);
        }
        if let Some(wishes) = wishes.take() {
            output.insert(Output::open(run.world, wishes).await?).begin(&fetched.answer)?;
        }
        let output = output.as_mut().expect("it was opened for the first page");
        while let Some(chunk) = fetched.chunk().await? {
            merge.push(&chunk, &mut piece)?;
            // Until there is an item, the answer may still turn out to be an error.
            if merge.written() > 0 || piece.len() > READ_AHEAD {
                output.write(&piece).await?;
                piece.clear();
            }
            output.somebody_reads()?;
        }
        let facts = merge.end_page(&mut piece).map_err(|error| fetched.answer.unreadable(error))?;
        judged(&facts, &Head::of(&fetched.answer), run.allow_partial)?;
        output.write(&piece).await?;
        piece.clear();
        output.somebody_reads()?;
        let turn = pages.turn(&Outlook::read(fetched.answer.headers(), &facts))?;
        progress.show(|| progress::items(merge.written(), pages.total(), merge.list().unwrap_or("items")));
        match turn {
            Turn::Over => break,
            Turn::GoOn => {}
            Turn::Next(parameters) => flight.ask(vec![parameters]),
            Turn::Rest(parameters) => flight.ask(parameters),
        }
    }
    drop(progress);
    merge.finish(&mut piece);
    let mut output = output.expect("there was a first page");
    output.write(&piece).await?;
    output.finish().await
}

/// The run over the pages of a request's list.
pub fn pages_of(request: &Request, items: Option<u64>, pages: Option<u64>) -> Pages {
    let query: Vec<(String, String)> =
        request.url.query_pairs().map(|(name, value)| (name.into_owned(), value.into_owned())).collect();
    Pages::new(request.paging(), &query, items, pages)
}

/// The requests for pages that are under way, and those that will be. Answers come in the order of asking.
struct Flight<'a, 'w> {
    sender: &'a Sender<'w>,
    request: &'a Request,
    waiting: VecDeque<Parameters>,
    flying: FuturesOrdered<Pin<Box<dyn Future<Output = Result<Fetched>> + 'a>>>,
}

impl<'a, 'w> Flight<'a, 'w> {
    fn new(sender: &'a Sender<'w>, request: &'a Request) -> Self {
        Self { sender, request, waiting: VecDeque::new(), flying: FuturesOrdered::new() }
    }

    fn ask(&mut self, parameters: Vec<Parameters>) {
        self.waiting.extend(parameters);
    }

    async fn next(&mut self) -> Option<Result<Fetched>> {
        let most = if self.sender.is_crowded() { 1 } else { BESIDE };
        while self.flying.len() < most
            && let Some(parameters) = self.waiting.pop_front()
        {
            let request = self.request.with_parameters(&parameters);
            let sender = self.sender;
            self.flying.push_back(Box::pin(async move { sender.fetch_beside_others(&request, READ_AHEAD).await }));
        }
        self.flying.next().await
    }
}
