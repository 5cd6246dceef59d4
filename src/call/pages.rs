//! Which page comes next: Lokalise's offset and cursor pagination (`src/lokalise/README.md`) as a
//! state machine without I/O. It ends every run, and says so if items are missing.

use std::collections::HashSet;

use reqwest::header::HeaderMap;

use crate::error::{Error, Result};
use crate::json::list::BodySummary;
use crate::lokalise::endpoints::Paging;

/// The most pages of one run. No list at Lokalise is longer, and no server can cause more requests.
const MAX_PAGES: u64 = 10_000;

/// Parameters that ask for a page. They replace what the query has under their names.
pub type Parameters = Vec<(&'static str, String)>;

/// The next step of a run.
#[derive(Debug, PartialEq, Eq)]
pub enum NextStep {
    Over,
    /// Request one more page, which tells whether there is another.
    Next(Parameters),
    /// Request all remaining pages. The requests may be parallel; the pages are processed in order.
    Rest(Vec<Parameters>),
    /// Process the next of those.
    GoOn,
}

/// What a page says about the others.
#[derive(Debug, Default)]
pub struct PageInfo {
    items: u64,
    has_list: bool,
    next_cursor: Option<String>,
    total: Option<u64>,
    page_count: Option<u64>,
    page: Option<u64>,
}

impl PageInfo {
    pub fn read(headers: &HeaderMap, summary: &BodySummary) -> Self {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
        let number = |name: &str| text(name).and_then(|text| text.parse().ok());
        let in_header = text("x-pagination-next-cursor").filter(|cursor| !cursor.is_empty());
        Self {
            items: summary.items,
            has_list: summary.list.is_some(),
            next_cursor: in_header.map(str::to_owned).or_else(|| summary.next_cursor.clone()),
            total: number("x-pagination-total-count"),
            page_count: number("x-pagination-page-count").or_else(|| {
                let limit: u64 = number("x-pagination-limit").filter(|limit| *limit > 0)?;
                Some(number("x-pagination-total-count")?.div_ceil(limit))
            }),
            page: number("x-pagination-page"),
        }
    }
}

/// A run over the pages of one list.
pub struct Pages {
    /// How the list is handed out, as far as it is known.
    style: PagingStyle,
    /// The `limit` of the requests, if there is one.
    limit: Option<u64>,
    started_at: u64,
    item_bound: Option<u64>,
    page_bound: Option<u64>,
    cursors: HashSet<String>,
    taken: u64,
    items: u64,
    total: Option<u64>,
    /// Offset pages that were announced all at once, and how many of them are still to come.
    announced: u64,
    /// The number of the last page of a counted list.
    last: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum PagingStyle {
    /// Asked for by `page`.
    Offset,
    /// Asked for by `cursor`. Some lists need `pagination=cursor` as well.
    Cursor { on_request: bool },
    /// Not known before the first answer.
    Unknown,
}

impl Pages {
    /// A run over an endpoint's list. Page parameters in the request's own query are respected.
    pub fn new(paging: Paging, query: &[(String, String)], item_bound: Option<u64>, page_bound: Option<u64>) -> Self {
        let asked = |name: &str| query.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
        let by_page = asked("page").is_some() || asked("pagination") == Some("offset");
        let (style, largest) = match paging {
            Paging::Offset(largest) => (PagingStyle::Offset, largest),
            Paging::OffsetOrCursor(largest) if by_page => (PagingStyle::Offset, Some(largest)),
            Paging::OffsetOrCursor(largest) => (PagingStyle::Cursor { on_request: true }, Some(largest)),
            Paging::Cursor(largest) => (PagingStyle::Cursor { on_request: false }, Some(largest)),
            Paging::Whole | Paging::Unknown => (PagingStyle::Unknown, None),
        };
        let limit = match asked("limit") {
            Some(limit) => limit.parse().ok(),
            // A page need not be larger than the number of items wanted.
            None => largest.map(|largest| u64::from(largest).min(item_bound.unwrap_or(u64::MAX)).max(1)),
        };
        Self {
            style,
            limit,
            started_at: asked("page").and_then(|page| page.parse().ok()).unwrap_or(1),
            item_bound,
            page_bound,
            cursors: asked("cursor").map(str::to_owned).into_iter().collect(),
            taken: 0,
            items: 0,
            total: None,
            announced: 0,
            last: 0,
        }
    }

    /// The number of items in the list, once a page has stated it.
    pub fn total(&self) -> Option<u64> {
        self.total
    }

    /// What is to be added to the query of the first request.
    pub fn first(&self) -> Parameters {
        let mut parameters = Parameters::new();
        if let PagingStyle::Cursor { on_request: true } = self.style {
            parameters.push(("pagination", "cursor".to_owned()));
        }
        if let Some(limit) = self.limit {
            parameters.push(("limit", limit.to_string()));
        }
        parameters
    }

    /// Processes a page and returns the next step.
    ///
    /// # Errors
    /// Other, if pages are missing, or do not add up to the total that they state.
    pub fn turn(&mut self, answer: &PageInfo) -> Result<NextStep> {
        self.taken += 1;
        self.items = self.items.saturating_add(answer.items);
        self.compare(answer)?;
        if self.is_enough() {
            return Ok(NextStep::Over);
        }
        if self.announced > 0 {
            self.announced -= 1;
            return if self.announced > 0 { Ok(NextStep::GoOn) } else { self.rest(self.last) };
        }
        if let Some(cursor) = &answer.next_cursor {
            return self.from(cursor);
        }
        match self.style {
            _ if !answer.has_list => Ok(NextStep::Over),
            // A server that does not know `pagination=cursor` answers with counted pages.
            _ if self.taken == 1 && answer.page_count.is_some() => self.rest(answer.page_count.unwrap_or(1)),
            PagingStyle::Offset => self.uncounted(answer),
            PagingStyle::Cursor { .. } | PagingStyle::Unknown => self.over(),
        }
    }

    /// If a list changes between two requests, items are lost or doubled where the pages meet.
    fn compare(&mut self, answer: &PageInfo) -> Result<()> {
        if let (Some(before), Some(now)) = (self.total, answer.total)
            && before != now
        {
            return Err(Error::other(format!("the list changed from {before} to {now} items while it was read"))
                .hint("run the command again"));
        }
        self.total = self.total.or(answer.total);
        let asked = self.started_at.saturating_add(self.taken - 1);
        match answer.page {
            Some(page) if self.style == PagingStyle::Offset && page != asked => {
                Err(Error::other(format!("page {asked} was asked for, and page {page} came")))
            }
            _ => Ok(()),
        }
    }

    fn is_enough(&self) -> bool {
        self.item_bound.is_some_and(|most| self.items >= most) || self.page_bound.is_some_and(|most| self.taken >= most)
    }

    /// The next page of a list with cursors.
    fn from(&mut self, cursor: &str) -> Result<NextStep> {
        if let PagingStyle::Offset | PagingStyle::Unknown = self.style {
            self.style = PagingStyle::Cursor { on_request: false };
        }
        if !self.cursors.insert(cursor.to_owned()) {
            return Err(Error::other(format!("page {} repeats a cursor: the list would never end", self.taken)));
        }
        if self.taken == MAX_PAGES {
            return Err(too_many());
        }
        let mut parameters = self.first();
        parameters.push(("cursor", cursor.to_owned()));
        Ok(NextStep::Next(parameters))
    }

    /// The remaining pages of a counted list, or as many of them as hold the items that are wanted.
    fn rest(&mut self, page_count: u64) -> Result<NextStep> {
        self.style = PagingStyle::Offset;
        self.last = page_count;
        let next = self.started_at.saturating_add(self.taken);
        let left = page_count.saturating_add(1).saturating_sub(next);
        let left = left.min(self.page_bound.unwrap_or(u64::MAX).saturating_sub(self.taken));
        let left = match self.item_bound {
            Some(most) if self.items > 0 => left.min((most - self.items).div_ceil(self.items.div_ceil(self.taken))),
            _ => left,
        };
        if left == 0 {
            return self.over();
        }
        if left >= MAX_PAGES {
            return Err(too_many());
        }
        self.announced = left;
        Ok(NextStep::Rest((0..left).map(|further| self.page(next.saturating_add(further))).collect()))
    }

    /// The next page of a list without a total: a page that is not full is the last one.
    fn uncounted(&mut self, answer: &PageInfo) -> Result<NextStep> {
        let complete = match self.total {
            Some(total) => self.items >= total,
            None => self.limit.is_none_or(|limit| answer.items < limit),
        };
        if answer.items == 0 || complete {
            return self.over();
        }
        if self.taken == MAX_PAGES {
            return Err(too_many());
        }
        Ok(NextStep::Next(self.page(self.started_at.saturating_add(self.taken))))
    }

    fn page(&self, number: u64) -> Parameters {
        let mut parameters = match self.limit {
            Some(limit) => vec![("limit", limit.to_string())],
            None => Parameters::new(),
        };
        parameters.push(("page", number.to_string()));
        parameters
    }

    /// The end of a run that saw the whole list.
    fn over(&self) -> Result<NextStep> {
        match self.total {
            Some(total) if self.started_at == 1 && total != self.items => {
                Err(Error::other(format!("the pages hold {} items, and {total} were promised", self.items)))
            }
            _ => Ok(NextStep::Over),
        }
    }
}

fn too_many() -> Error {
    Error::other(format!("the list has more than {MAX_PAGES} pages")).hint("`--max-pages N` takes the first of them")
}

#[cfg(test)]
mod tests;
