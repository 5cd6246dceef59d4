//! Properties of paths, fields, pages and merged documents, tried with made-up ones. Each runs for about a second.

use proptest::prelude::*;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, json};

use super::fields::{FieldArgument, Fields};
use super::input::Inputs;
use super::merge::{Merge, MergeFormat};
use super::pages::{NextStep, PageInfo, Pages};
use super::target::{Project, target};
use crate::json::list::BodySummary;
use crate::lokalise::endpoints::Paging;
use crate::origin::{ApiUrl, Origin};

/// Paths as people type them, and hostile ones.
fn path() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        Just("projects".to_owned()),
        Just("{p}".to_owned()),
        Just("..".to_owned()),
        Just("api2".to_owned()),
        Just("v1".to_owned()),
        "%2[eEfF]|%5[cC]|%2e%2e",
        "[a-z0-9.:@\\\\ %$&=?#/-]{0,8}",
        any::<String>(),
    ];
    let start = prop_oneof![
        Just(String::new()),
        Just("/".to_owned()),
        Just("//".to_owned()),
        Just("https://api.lokalise.com/api2/".to_owned()),
        Just("https://api.lokalise.com@".to_owned()),
        Just("https:".to_owned()),
    ];
    (start, prop::collection::vec(part, 0..6)).prop_map(|(start, parts)| start + &parts.join("/"))
}

/// The pages of a list of this many items, as a server counts them.
fn page_of(total: u64, limit: u64, number: u64, is_counted: bool) -> PageInfo {
    let items = total.saturating_sub((number - 1).saturating_mul(limit)).min(limit);
    let mut headers = HeaderMap::new();
    let mut add = |name: &'static str, value: u64| {
        headers.insert(HeaderName::from_static(name), HeaderValue::from(value));
    };
    add("x-pagination-page", number);
    if is_counted {
        add("x-pagination-total-count", total);
        add("x-pagination-page-count", total.div_ceil(limit));
    }
    PageInfo::read(&headers, &BodySummary { list: Some(b"keys".to_vec()), items, ..BodySummary::default() })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_path_that_is_taken_stays_at_the_api(path in path(), id in prop_oneof!["[a-z0-9.]{1,9}", any::<String>()]) {
        let api = ApiUrl::parse("https://api.lokalise.com/api2").expect("an address");
        if let Ok(target) = target(&path, &api, Project { id: Some(&id), branch: None }) {
            prop_assert_eq!(Origin::of(&target.url), api.origin());
            prop_assert!(target.url.username().is_empty() && target.url.password().is_none());
            let path = target.url.path();
            prop_assert!(path.starts_with("/api2/") || path.starts_with("/v1/"), "{}", path);
            let decoded = path.to_ascii_lowercase().replace("%2e", ".").replace("%2f", "/").replace("%5c", "/");
            let depth = decoded.split('/').skip(2).try_fold(0_i32, |depth, segment| match segment {
                ".." if depth == 0 => None,
                ".." => Some(depth - 1),
                "" | "." => Some(depth),
                _ => Some(depth + 1),
            });
            prop_assert!(depth.is_some(), "{} climbs out", path);
        }
    }

    #[test]
    fn string_fields_arrive_as_they_were_typed(fields in prop::collection::vec(("[a-z]{1,6}(\\[[a-z]{1,3}\\]){0,2}(\\[\\])?", any::<String>()), 0..8)) {
        let typed: Vec<FieldArgument> =
            fields.iter().map(|(key, value)| FieldArgument::Raw(format!("{key}={value}"))).collect();
        let Ok(read) = Fields::read(&typed, &mut Inputs::new(None)) else { return Err(TestCaseError::fail("read")) };
        // Two fields may contradict each other. What is sent holds each value, at its place.
        let Ok(body) = read.into_body() else { return Ok(()) };
        let body: Value = serde_json::from_slice(&body.bytes().expect("no file")).expect("JSON");
        for (key, value) in &fields {
            let pointer = format!("/{}", key.replace("[]", "").replace('[', "/").replace(']', ""));
            let found = body.pointer(&pointer).expect("its place");
            let is_there = match found {
                Value::Array(items) => items.contains(&json!(value)),
                found => found == &json!(value),
            };
            prop_assert!(is_there, "{} is not in {}", key, body);
        }
    }

    #[test]
    fn every_page_is_asked_for_once_and_every_run_ends(
        total in 0..60_000_u64,
        limit in 1..700_u64,
        is_counted: bool,
        most in prop::option::of(1..3_000_u64),
    ) {
        let query = [("limit".to_owned(), limit.to_string())];
        let mut pages = Pages::new(Paging::Offset(None), &query, most, None);
        let mut waiting = std::collections::VecDeque::from([1]);
        let mut asked = vec![1];
        let mut items = 0;
        while let Some(number) = waiting.pop_front() {
            items += total.saturating_sub((number - 1) * limit).min(limit);
            let number_of = |parameters: &super::pages::Parameters| -> u64 {
                parameters.iter().find(|(name, _)| *name == "page").expect("a page").1.parse().expect("a number")
            };
            match pages.turn(&page_of(total, limit, number, is_counted)) {
                Ok(NextStep::Over) => { waiting.clear(); break }
                Ok(NextStep::GoOn) => {}
                Ok(NextStep::Next(next)) => { waiting.push_back(number_of(&next)); asked.push(number_of(&next)) }
                Ok(NextStep::Rest(rest)) => rest.iter().for_each(|next| { waiting.push_back(number_of(next)); asked.push(number_of(next)) }),
                Err(error) => {
                    prop_assert!(total.div_ceil(limit) > 10_000 - 1, "{}", error);
                    return Ok(());
                }
            }
        }
        prop_assert!(asked.iter().copied().eq(1..=asked.len() as u64), "{:?}", asked);
        prop_assert!(items >= total.min(most.unwrap_or(u64::MAX)), "{} of {}", items, total);
    }

    #[test]
    fn a_run_from_any_page_ends_without_overflow(start: u64, limit: u64, pages in 1..5_u64) {
        let query = [("limit".to_owned(), limit.to_string()), ("page".to_owned(), start.to_string())];
        for paging in [Paging::Offset(Some(500)), Paging::OffsetOrCursor(500), Paging::Unknown] {
            let mut run = Pages::new(paging, &query, None, Some(pages));
            let mut number = start;
            for _ in 0..pages {
                number = number.max(1);
                let info = page_of(u64::MAX, limit.max(1), number, true);
                if !matches!(run.turn(&info), Ok(NextStep::GoOn | NextStep::Next(_) | NextStep::Rest(_))) {
                    break;
                }
                number = number.saturating_add(1);
            }
        }
    }

    #[test]
    fn merged_pages_are_one_document_with_all_items(
        pages in prop::collection::vec(prop::collection::vec(any::<i32>(), 0..5), 1..5),
        most in prop::option::of(0..12_u64),
        size in 1..20_usize,
    ) {
        let all: Vec<i32> = pages.iter().flatten().copied().take(usize::try_from(most.unwrap_or(99)).expect("small")).collect();
        for format in [MergeFormat::Document, MergeFormat::Lines] {
            let mut merge = Merge::new(format, most);
            let mut out = Vec::new();
            for (number, items) in pages.iter().enumerate() {
                let page = json!({"number": number, "keys": items, "end": true}).to_string();
                for piece in page.as_bytes().chunks(size) {
                    merge.push(piece, &mut out).expect("a page");
                }
                merge.end_page(&mut out).expect("a page");
            }
            merge.finish(&mut out);
            let text = String::from_utf8(out).expect("text");
            match format {
                MergeFormat::Document => {
                    let document: Value = serde_json::from_str(&text).expect("one document");
                    prop_assert_eq!(document, json!({"number": 0, "keys": &all, "end": true}));
                }
                MergeFormat::Lines => {
                    let lines: Vec<String> = all.iter().map(|item| format!("{item}\n")).collect();
                    prop_assert_eq!(text, lines.concat());
                }
            }
        }
    }
}
