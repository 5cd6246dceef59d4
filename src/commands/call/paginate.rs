//! `--paginate`: every page of a list, as one document. Counted pages are fetched a few at
//! a time and printed in order; with cursors they come one after the other.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;

use futures_util::StreamExt;
use futures_util::stream::FuturesOrdered;

use crate::call::merge::{Merge, MergeFormat};
use crate::call::output::{OutputOptions, ResponseWriter};
use crate::call::pages::{NextStep, PageInfo, Pages, Parameters};
use crate::call::progress::{self, ProgressLine};
use crate::call::refusal::{ResponseHead, judged};
use crate::call::request::ApiRequest;
use crate::call::response::FetchedResponse;
use crate::call::send::Sender;
use crate::error::Result;

use super::Run;

/// How many requests are under way at a time. The rate limit allows six a second.
const PARALLEL_REQUESTS: usize = 4;

/// How much of each page is read ahead. A page is seldom longer; a longer one is streamed when its turn comes.
const READ_AHEAD: usize = 3 * 1024 * 1024;

pub async fn paginate(run: &Run<'_>, options: OutputOptions, items: Option<u64>, pages: Option<u64>) -> Result<()> {
    let form = if options.lines { MergeFormat::Lines } else { MergeFormat::Document };
    let progress = ProgressLine::new(run.context.world, run.context.world.stdout_is_terminal && options.file.is_none());
    let mut merge = Merge::new(form, items);
    let mut pages = pages_of(&run.request, items, pages);
    let mut flight = PageRequests::new(&run.sender, &run.request);
    flight.ask(vec![pages.first()]);
    let mut options = Some(options);
    let mut output = None;
    let mut piece = Vec::new();
    while let Some(fetched) = flight.next().await {
        let mut fetched = fetched?;
        if !fetched.answer.is_success() {
            progress.clear();
            return Err(run.refused_after(&run.request, fetched).await);
        }
        if let Some(options) = options.take() {
            output.insert(ResponseWriter::open(run.context.world, options).await?).begin(&fetched.answer)?;
        }
        let output = output.as_mut().expect("it was opened for the first page");
        while let Some(chunk) = fetched.chunk().await? {
            merge.push(&chunk, &mut piece)?;
            // Until there is an item, the answer may still turn out to be an error.
            if merge.written() > 0 || piece.len() > READ_AHEAD {
                output.write(&piece).await?;
                piece.clear();
            }
            output.check_reader()?;
        }
        let summary = merge.end_page(&mut piece).map_err(|error| fetched.answer.unreadable(error))?;
        judged(&summary, &ResponseHead::of(&fetched.answer), run.allow_partial)?;
        output.write(&piece).await?;
        piece.clear();
        output.check_reader()?;
        let turn = pages.turn(&PageInfo::read(fetched.answer.headers(), &summary))?;
        progress.show(|| progress::items(merge.written(), pages.total(), merge.list().unwrap_or("items")));
        match turn {
            NextStep::Over => break,
            NextStep::GoOn => {}
            NextStep::Next(parameters) => flight.ask(vec![parameters]),
            NextStep::Rest(parameters) => flight.ask(parameters),
        }
    }
    drop(progress);
    merge.finish(&mut piece);
    let mut output = output.expect("there was a first page");
    output.write(&piece).await?;
    output.finish().await
}

/// The run over the pages of a request's list.
pub fn pages_of(request: &ApiRequest, items: Option<u64>, pages: Option<u64>) -> Pages {
    let query: Vec<(String, String)> =
        request.url.query_pairs().map(|(name, value)| (name.into_owned(), value.into_owned())).collect();
    Pages::new(request.paging(), &query, items, pages)
}

/// The requests for pages, in progress or to come. Their answers are returned in order.
struct PageRequests<'a, 'w> {
    sender: &'a Sender<'w>,
    request: &'a ApiRequest,
    waiting: VecDeque<Parameters>,
    flying: FuturesOrdered<Pin<Box<dyn Future<Output = Result<FetchedResponse>> + 'a>>>,
}

impl<'a, 'w> PageRequests<'a, 'w> {
    fn new(sender: &'a Sender<'w>, request: &'a ApiRequest) -> Self {
        Self { sender, request, waiting: VecDeque::new(), flying: FuturesOrdered::new() }
    }

    fn ask(&mut self, parameters: Vec<Parameters>) {
        self.waiting.extend(parameters);
    }

    async fn next(&mut self) -> Option<Result<FetchedResponse>> {
        let most = if self.sender.is_crowded() { 1 } else { PARALLEL_REQUESTS };
        while self.flying.len() < most
            && let Some(parameters) = self.waiting.pop_front()
        {
            let request = self.request.with_parameters(&parameters);
            let sender = self.sender;
            self.flying.push_back(Box::pin(async move { sender.fetch_in_parallel(&request, READ_AHEAD).await }));
        }
        self.flying.next().await
    }
}
