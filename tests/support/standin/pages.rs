//! The three kinds of paged lists (`src/lokalise/README.md`): by offset, by
//! cursor, and by a cursor in the body.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::api::Call;
use super::message::Answer;

/// One page and the headers that tell about the others.
pub struct Page {
    pub items: Vec<Value>,
    pub headers: Vec<(&'static str, String)>,
}

impl Page {
    /// The items under `key`, after the members that come before the list.
    pub fn answer(self, mut body: Value, key: &str) -> Answer {
        body[key] = self.items.into();
        let answer = Answer::json(200, &body);
        self.headers.into_iter().fold(answer, |answer, (name, value)| answer.header(name, &value))
    }
}

/// `limit` and `page`; totals in `X-Pagination-*`.
pub fn offset(call: &Call, items: &[Value], largest: usize) -> Result<Page, Answer> {
    let limit = number(call, "limit", 100, largest)?;
    let page = number(call, "page", 1, usize::MAX)?;
    let start = limit.saturating_mul(page - 1);
    let headers = vec![
        ("X-Pagination-Total-Count", items.len().to_string()),
        ("X-Pagination-Page-Count", items.len().div_ceil(limit).to_string()),
        ("X-Pagination-Limit", limit.to_string()),
        ("X-Pagination-Page", page.to_string()),
    ];
    Ok(Page { items: items.iter().skip(start).take(limit).cloned().collect(), headers })
}

/// `pagination=cursor`, `limit` and a cursor: base64 of `{"1":<last id>}`. No totals.
pub fn cursor(call: &Call, items: &[Value], id: &str, largest: usize) -> Result<Page, Answer> {
    let limit = number(call, "limit", 100, largest)?;
    let last = match call.request.parameter("cursor") {
        None => 0,
        Some(cursor) => {
            let last = decoded(&cursor).and_then(|position| position["1"].as_u64());
            last.ok_or_else(|| invalid("cursor"))?
        }
    };
    let (items, next) = after(items, id, last, limit);
    let mut headers = vec![("X-Pagination-Limit", limit.to_string())];
    match next {
        Some(next) => headers.push(("X-Pagination-Next-Cursor", encoded(&json!({"1": next})))),
        None if call.empty_last_cursor => headers.push(("X-Pagination-Next-Cursor", String::new())),
        None => {}
    }
    Ok(Page { items, headers })
}

/// The glossary: plain numbers as cursors, in a header and in `meta`.
pub fn glossary(call: &Call, items: &[Value]) -> Result<Answer, Answer> {
    let limit = number(call, "limit", 100, 500)?;
    let last = match call.request.parameter("cursor") {
        None => 0,
        Some(cursor) => cursor.parse().map_err(|_| invalid("cursor"))?,
    };
    let (items, next) = after(items, "id", last, limit);
    let meta = json!({
        "count": items.len(),
        "limit": limit,
        "cursor": last,
        "hasMore": next.is_some(),
        "nextCursor": next,
    });
    let answer = Answer::json(200, &json!({"data": items, "meta": meta}));
    Ok(match next {
        Some(next) => answer.header("X-Pagination-Next-Cursor", &next.to_string()),
        None if call.empty_last_cursor => answer.header("X-Pagination-Next-Cursor", ""),
        None => answer,
    })
}

/// The audit log: the next cursor is only in the body.
pub fn audit_log(call: &Call, items: &[Value]) -> Result<Answer, Answer> {
    let limit = number(call, "limit", 100, 1000)?;
    let start = match call.request.parameter("cursor") {
        None => 0,
        Some(cursor) => {
            let position = decoded(&cursor);
            let uid = position.as_ref().and_then(|position| position["id"].as_str());
            let found = uid.and_then(|uid| items.iter().position(|item| item["metadata"]["uid"] == uid));
            found.ok_or_else(|| Answer::swapped_error(400, "Unexpected response status: 400"))? + 1
        }
    };
    let page: Vec<Value> = items.iter().skip(start).take(limit).cloned().collect();
    let more = start + page.len() < items.len();
    let next = page.last().filter(|_| more).map(|item| encoded(&json!({"id": item["metadata"]["uid"]})));
    Ok(Answer::json(200, &json!({"data": page, "next_cursor": next, "has_more": more})))
}

/// The items after an id, and the id of the last one if there are more.
fn after(items: &[Value], id: &str, last: u64, limit: usize) -> (Vec<Value>, Option<u64>) {
    let mut rest = items.iter().filter(|item| item[id].as_u64() > Some(last));
    let page: Vec<Value> = rest.by_ref().take(limit).cloned().collect();
    let next = page.last().filter(|_| rest.next().is_some()).and_then(|item| item[id].as_u64());
    (page, next)
}

/// A number of the query from 1 to the largest that is allowed.
fn number(call: &Call, name: &str, otherwise: usize, largest: usize) -> Result<usize, Answer> {
    let Some(text) = call.request.parameter(name) else { return Ok(otherwise) };
    text.parse().ok().filter(|number| (1..=largest).contains(number)).ok_or_else(|| invalid(name))
}

fn invalid(parameter: &str) -> Answer {
    Answer::error(400, &format!("Invalid `{parameter}` parameter"))
}

fn encoded(position: &Value) -> String {
    STANDARD.encode(position.to_string())
}

fn decoded(cursor: &str) -> Option<Value> {
    serde_json::from_slice(&STANDARD.decode(cursor).ok()?).ok()
}
