//! Runs over lists, each written as its answers and the steps that were taken.

use super::*;

const KEYS: Paging = Paging::OffsetOrCursor(500);
const PROJECTS: Paging = Paging::Offset(Some(5000));

/// An answer with this number of items and these headers.
fn answer(items: u64, headers: &[(&'static str, &str)]) -> PageInfo {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.insert(*name, value.parse().unwrap());
    }
    PageInfo::read(&map, &BodySummary { list: Some(b"keys".to_vec()), items, ..BodySummary::default() })
}

fn counted(items: u64, total: &str, page_count: &str, page: &str) -> PageInfo {
    answer(
        items,
        &[("x-pagination-total-count", total), ("x-pagination-page-count", page_count), ("x-pagination-page", page)],
    )
}

fn with_cursor(items: u64, cursor: &str) -> PageInfo {
    answer(items, &[("x-pagination-limit", "500"), ("x-pagination-next-cursor", cursor)])
}

fn run(paging: Paging) -> Pages {
    Pages::new(paging, &[], None, None)
}

fn query(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn parameters(pairs: &[(&'static str, &str)]) -> Parameters {
    pairs.iter().map(|(key, value)| (*key, (*value).to_owned())).collect()
}

fn message(turn: Result<NextStep>) -> String {
    match turn {
        Ok(turn) => panic!("{turn:?}"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn the_largest_page_is_asked_for_unless_the_query_has_a_limit() {
    assert_eq!(run(PROJECTS).first(), parameters(&[("limit", "5000")]));
    assert_eq!(run(KEYS).first(), parameters(&[("pagination", "cursor"), ("limit", "500")]));
    assert_eq!(run(Paging::Cursor(1000)).first(), parameters(&[("limit", "1000")]));
    assert_eq!(run(Paging::Unknown).first(), parameters(&[]));
    assert_eq!(Pages::new(PROJECTS, &query(&[("limit", "7")]), None, None).first(), parameters(&[("limit", "7")]));
    assert_eq!(Pages::new(PROJECTS, &[], Some(3), None).first(), parameters(&[("limit", "3")]));
}

#[test]
fn a_query_that_asks_for_a_page_keeps_a_list_of_keys_from_cursors() {
    assert_eq!(Pages::new(KEYS, &query(&[("page", "2")]), None, None).first(), parameters(&[("limit", "500")]));
    let offset = query(&[("pagination", "offset")]);
    assert_eq!(Pages::new(KEYS, &offset, None, None).first(), parameters(&[("limit", "500")]));
}

#[test]
fn counted_pages_are_all_announced_at_once() {
    let mut pages = run(PROJECTS);
    let rest = vec![parameters(&[("limit", "5000"), ("page", "2")]), parameters(&[("limit", "5000"), ("page", "3")])];
    assert_eq!(pages.turn(&counted(100, "250", "3", "1")).unwrap(), NextStep::Rest(rest));
    assert_eq!(pages.total(), Some(250));
    assert_eq!(pages.turn(&counted(100, "250", "3", "2")).unwrap(), NextStep::GoOn);
    assert_eq!(pages.turn(&counted(50, "250", "3", "3")).unwrap(), NextStep::Over);
}

#[test]
fn a_single_counted_page_is_the_whole_list() {
    assert_eq!(run(PROJECTS).turn(&counted(2, "2", "1", "1")).unwrap(), NextStep::Over);
    assert_eq!(run(PROJECTS).turn(&counted(0, "0", "0", "1")).unwrap(), NextStep::Over);
}

#[test]
fn a_total_that_does_not_match_is_an_error() {
    let mut pages = run(PROJECTS);
    pages.turn(&counted(100, "200", "2", "1")).unwrap();
    assert_eq!(message(pages.turn(&counted(99, "200", "2", "2"))), "the pages hold 199 items, and 200 were promised");
    assert_eq!(message(run(PROJECTS).turn(&counted(3, "5", "1", "1"))), "the pages hold 3 items, and 5 were promised");
}

#[test]
fn a_list_that_changes_while_it_is_read_is_an_error() {
    let mut pages = run(PROJECTS);
    pages.turn(&counted(100, "200", "2", "1")).unwrap();
    assert_eq!(
        message(pages.turn(&counted(99, "199", "2", "2"))),
        "the list changed from 200 to 199 items while it was read"
    );
}

#[test]
fn a_page_that_was_not_asked_for_is_an_error() {
    let mut pages = run(PROJECTS);
    pages.turn(&counted(100, "200", "2", "1")).unwrap();
    assert_eq!(message(pages.turn(&counted(100, "200", "2", "1"))), "page 2 was asked for, and page 1 came");
}

#[test]
fn a_run_from_the_middle_of_a_list_compares_no_totals() {
    let mut pages = Pages::new(PROJECTS, &query(&[("page", "2")]), None, None);
    let rest = vec![parameters(&[("limit", "5000"), ("page", "3")])];
    assert_eq!(pages.turn(&counted(100, "250", "3", "2")).unwrap(), NextStep::Rest(rest));
    assert_eq!(pages.turn(&counted(50, "250", "3", "3")).unwrap(), NextStep::Over);
}

#[test]
fn a_cursor_is_followed_until_there_is_none() {
    let mut pages = run(KEYS);
    let next = |cursor| NextStep::Next(parameters(&[("pagination", "cursor"), ("limit", "500"), ("cursor", cursor)]));
    assert_eq!(pages.turn(&with_cursor(500, "eyIxIjo0NX0=")).unwrap(), next("eyIxIjo0NX0="));
    assert_eq!(pages.turn(&with_cursor(0, "b")).unwrap(), next("b"), "an empty page with a cursor goes on");
    assert_eq!(pages.turn(&answer(7, &[("x-pagination-limit", "500")])).unwrap(), NextStep::Over);
}

#[test]
fn an_empty_cursor_ends_the_run() {
    assert_eq!(run(KEYS).turn(&with_cursor(500, "")).unwrap(), NextStep::Over);
}

#[test]
fn a_repeated_cursor_is_an_error() {
    let mut pages = run(KEYS);
    pages.turn(&with_cursor(500, "a")).unwrap();
    pages.turn(&with_cursor(500, "b")).unwrap();
    assert_eq!(message(pages.turn(&with_cursor(500, "a"))), "page 3 repeats a cursor: the list would never end");
    let mut from_a = Pages::new(KEYS, &query(&[("cursor", "a")]), None, None);
    assert!(from_a.turn(&with_cursor(500, "a")).is_err(), "the one that was started from");
}

#[test]
fn a_cursor_in_the_body_is_followed_too() {
    let summary =
        BodySummary { list: Some(b"data".to_vec()), items: 1, next_cursor: Some("x".into()), ..BodySummary::default() };
    let turn = run(Paging::Cursor(1000)).turn(&PageInfo::read(&HeaderMap::new(), &summary)).unwrap();
    assert_eq!(turn, NextStep::Next(parameters(&[("limit", "1000"), ("cursor", "x")])));
}

#[test]
fn an_unknown_endpoint_goes_by_its_first_answer() {
    assert_eq!(run(Paging::Unknown).turn(&answer(3, &[])).unwrap(), NextStep::Over);
    let rest = NextStep::Rest(vec![parameters(&[("page", "2")])]);
    assert_eq!(run(Paging::Whole).turn(&counted(3, "5", "2", "1")).unwrap(), rest);
    let next = NextStep::Next(parameters(&[("cursor", "c")]));
    assert_eq!(run(Paging::Unknown).turn(&with_cursor(3, "c")).unwrap(), next);
}

#[test]
fn a_server_without_cursors_is_asked_for_pages() {
    let rest = NextStep::Rest(vec![parameters(&[("limit", "500"), ("page", "2")])]);
    assert_eq!(run(KEYS).turn(&counted(500, "501", "2", "1")).unwrap(), rest);
}

#[test]
fn an_answer_without_a_list_is_the_only_one() {
    let one = PageInfo::read(&HeaderMap::new(), &BodySummary::default());
    assert_eq!(run(PROJECTS).turn(&one).unwrap(), NextStep::Over);
}

#[test]
fn pages_without_a_total_end_with_one_that_is_not_full() {
    let mut pages = run(PROJECTS);
    let next = |page| NextStep::Next(parameters(&[("limit", "5000"), ("page", page)]));
    assert_eq!(pages.turn(&answer(5000, &[])).unwrap(), next("2"));
    assert_eq!(pages.turn(&answer(5000, &[])).unwrap(), next("3"));
    assert_eq!(pages.turn(&answer(0, &[])).unwrap(), NextStep::Over);
    let mut with_total = run(PROJECTS);
    assert_eq!(with_total.turn(&answer(3, &[("x-pagination-total-count", "5")])).unwrap(), next("2"));
    assert_eq!(with_total.turn(&answer(2, &[("x-pagination-total-count", "5")])).unwrap(), NextStep::Over);
}

#[test]
fn a_run_ends_when_the_caller_has_enough() {
    let mut items = Pages::new(PROJECTS, &query(&[("limit", "100")]), Some(150), None);
    let second = vec![parameters(&[("limit", "100"), ("page", "2")])];
    assert_eq!(items.turn(&counted(100, "1000", "10", "1")).unwrap(), NextStep::Rest(second.clone()));
    assert_eq!(items.turn(&counted(100, "1000", "10", "2")).unwrap(), NextStep::Over);
    let mut two = Pages::new(PROJECTS, &query(&[("limit", "100")]), None, Some(2));
    assert_eq!(two.turn(&counted(100, "1000", "10", "1")).unwrap(), NextStep::Rest(second));
    assert_eq!(two.turn(&counted(100, "1000", "10", "2")).unwrap(), NextStep::Over);
    let mut one = Pages::new(KEYS, &[], None, Some(1));
    assert_eq!(one.turn(&with_cursor(500, "a")).unwrap(), NextStep::Over);
}

#[test]
fn no_list_is_read_for_ever() {
    let promised = run(PROJECTS).turn(&counted(1, "20000", "20000", "1"));
    assert_eq!(message(promised), "the list has more than 10000 pages");
    let mut pages = run(KEYS);
    let taken = (0..20_000).take_while(|number| pages.turn(&with_cursor(1, &number.to_string())).is_ok()).count();
    assert_eq!(taken, 9_999);
}

#[test]
fn the_number_of_pages_may_follow_from_total_and_limit() {
    let counted = |limit| answer(2, &[("x-pagination-total-count", "5"), ("x-pagination-limit", limit)]);
    let page = |number: &str| parameters(&[("limit", "5000"), ("page", number)]);
    assert_eq!(run(PROJECTS).turn(&counted("2")).unwrap(), NextStep::Rest(vec![page("2"), page("3")]));
    assert_eq!(run(PROJECTS).turn(&counted("0")).unwrap(), NextStep::Next(page("2")));
}

#[test]
fn an_answer_without_a_list_ends_the_run_whatever_it_counts() {
    let without = PageInfo { has_list: false, ..counted(0, "9", "3", "1") };
    assert_eq!(run(PROJECTS).turn(&without).unwrap(), NextStep::Over);
}

#[test]
fn only_the_pages_that_hold_the_wanted_items_are_requested() {
    let page = |number: &str| parameters(&[("limit", "100"), ("page", number)]);
    let with_limit = |items| Pages::new(PROJECTS, &query(&[("limit", "100")]), Some(items), None);
    let rest = with_limit(350).turn(&counted(100, "1000", "10", "1")).unwrap();
    assert_eq!(rest, NextStep::Rest(vec![page("2"), page("3"), page("4")]));
    let after_none = with_limit(350).turn(&counted(0, "150", "2", "1")).unwrap();
    assert_eq!(after_none, NextStep::Rest(vec![page("2")]), "an empty page says nothing about the others");
}

#[test]
fn a_page_without_a_total_that_is_not_full_is_the_last() {
    assert_eq!(run(PROJECTS).turn(&answer(4999, &[])).unwrap(), NextStep::Over);
}
