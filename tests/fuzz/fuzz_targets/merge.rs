//! Merged pages are one document with the items of all pages, whatever pieces they come in.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lokalise_auth::call::merge::{Merge, MergeFormat};
use serde_json::Value;

/// The merged text, or nothing if a page was refused.
fn merged(pages: &[&[u8]], size: usize, format: MergeFormat) -> Option<(Vec<u8>, Option<String>, u64)> {
    let mut merge = Merge::new(format, None);
    let mut out = Vec::new();
    for page in pages {
        for piece in page.chunks(size) {
            merge.push(piece, &mut out).ok()?;
        }
        merge.end_page(&mut out).ok()?;
    }
    let (list, written) = (merge.list().map(str::to_owned), merge.written());
    merge.finish(&mut out);
    Some((out, list, written))
}

fuzz_target!(|input: (u8, Vec<&[u8]>)| {
    let (size, pages) = input;
    let size = usize::from(size).max(1);
    let whole = merged(&pages, usize::MAX, MergeFormat::Document);
    assert_eq!(whole, merged(&pages, size, MergeFormat::Document), "the size of the pieces shows");
    let lines = merged(&pages, size, MergeFormat::Lines);
    let Some((out, list, written)) = whole else { return };
    if pages.is_empty() {
        return;
    }
    let parsed: Result<Vec<Value>, _> = pages.iter().map(|page| serde_json::from_slice(page)).collect();
    let Ok(parsed) = parsed else { return };
    let document: Value = serde_json::from_slice(&out).expect("a merged document is JSON");
    let Some(list) = list else { return };
    let items = |page: &Value| match page {
        Value::Array(items) => Some(items.clone()),
        page => page.get(&list).and_then(Value::as_array).cloned(),
    };
    // A page may have a member twice: serde keeps the last, and the list is the first.
    let all: Option<Vec<Vec<Value>>> = parsed.iter().map(items).collect();
    let (Some(all), Some(found)) = (all, items(&document)) else { return };
    let expected: Vec<Value> = all.into_iter().flatten().collect();
    if expected.len() as u64 == written {
        assert_eq!(found, expected);
        let (lines, ..) = lines.expect("what is a document is lines too");
        let each: Vec<Value> = serde_json::Deserializer::from_slice(&lines)
            .into_iter()
            .collect::<Result<_, _>>()
            .expect("each line is JSON");
        assert_eq!(each, expected);
    }
});
