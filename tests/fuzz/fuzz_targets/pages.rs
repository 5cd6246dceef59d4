//! A run over pages ends, whatever the answers say.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lokalise_auth::call::pages::{NextStep, PageInfo, Pages};
use lokalise_auth::json::summary::BodySummary;
use lokalise_auth::lokalise::endpoints::Paging;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

const HEADERS: [&str; 5] = [
    "x-pagination-next-cursor",
    "x-pagination-total-count",
    "x-pagination-page-count",
    "x-pagination-limit",
    "x-pagination-page",
];

type PageOf<'a> = (u16, bool, Option<&'a str>, [Option<&'a str>; 5]);

fuzz_target!(|input: (u8, Vec<(&str, &str)>, Option<u64>, Option<u64>, Vec<PageOf>)| {
    let (style, query, items, pages, answers) = input;
    let paging = match style % 5 {
        0 => Paging::Offset(Some(500)),
        1 => Paging::OffsetOrCursor(500),
        2 => Paging::Cursor(500),
        3 => Paging::Whole,
        _ => Paging::Unknown,
    };
    if answers.is_empty() {
        return;
    }
    let query: Vec<(String, String)> = query.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect();
    let mut run = Pages::new(paging, &query, items, pages);
    let _ = run.first();
    let mut announced: u64 = 0;
    // The answers come again and again: the run has to end by itself.
    for (count, (items, has_list, cursor, headers)) in answers.iter().cycle().enumerate() {
        assert!(count <= 20_000, "it does not end");
        let mut map = HeaderMap::new();
        for (name, value) in HEADERS.iter().zip(headers) {
            if let Some(value) = value.and_then(|value| HeaderValue::from_str(value).ok()) {
                map.insert(HeaderName::from_static(name), value);
            }
        }
        let mut summary = BodySummary::default();
        summary.items = u64::from(*items);
        summary.list = has_list.then(|| "keys".into());
        summary.next_cursor = cursor.map(str::to_owned);
        match run.turn(&PageInfo::read(&map, &summary)) {
            Err(_) | Ok(NextStep::Over) => return,
            Ok(NextStep::Rest(rest)) => {
                assert!(!rest.is_empty(), "nothing is announced");
                announced = rest.len() as u64;
            }
            Ok(NextStep::GoOn) => {
                announced = announced.checked_sub(1).expect("no more than was announced");
            }
            Ok(NextStep::Next(parameters)) => assert!(!parameters.is_empty(), "the same page again"),
        }
    }
});
