//! Properties that hold for every document, list and path, tried with made-up ones. Each runs for about a second.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::Value;

use super::list::{BodyPiece, ListReader};
use super::pretty::Pretty;
use super::scan::{Malformed, Scanner, check};
use super::sorted::sorted;

/// Any JSON value, nested a few levels, in the words of Lokalise and in others.
fn value() -> impl Strategy<Value = Value> {
    let text = prop_oneof![any::<String>(), "[a-z\\\\\"/\u{1}\u{7f}é😀]{0,12}"];
    let scalar = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_filter("JSON has no NaN", |number| number.is_finite()).prop_map(Value::from),
        text.prop_map(Value::from),
    ];
    let name = prop_oneof![any::<String>(), "keys|errors|error|meta|next_cursor|key_removed|keys_locked"];
    scalar.prop_recursive(4, 40, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((name.clone(), inner), 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// A document as some server writes it: compact or indented.
fn document() -> impl Strategy<Value = String> {
    (value(), any::<bool>()).prop_map(|(value, is_indented)| {
        if is_indented { serde_json::to_string_pretty(&value).expect("a value") } else { value.to_string() }
    })
}

/// A document that something was cut from, put into or changed in.
fn damaged() -> impl Strategy<Value = Vec<u8>> {
    (document(), any::<prop::sample::Index>(), any::<u8>(), 0..3_u8).prop_map(|(document, at, byte, how)| {
        let mut bytes = document.into_bytes();
        let at = at.index(bytes.len());
        match how {
            0 => bytes.truncate(at),
            1 => bytes.insert(at, byte),
            _ => bytes[at] = byte,
        }
        bytes
    })
}

/// Feeds bytes to something in pieces of this size.
fn in_pieces(bytes: &[u8], size: usize, take: impl FnMut(&[u8])) {
    bytes.chunks(size.max(1)).for_each(take);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_scanner_takes_what_serde_takes(bytes in prop_oneof![damaged(), any::<Vec<u8>>()], size in 1..20_usize) {
        // serde refuses the byte order mark that a parser may skip, and text that is not UTF-8.
        prop_assume!(!bytes.starts_with(b"\xef\xbb\xbf"));
        let serde = serde_json::from_slice::<serde::de::IgnoredAny>(&bytes);
        let own = check(&bytes);
        if std::str::from_utf8(&bytes).is_ok() {
            prop_assert_eq!(own.is_ok(), serde.is_ok(), "{:?} {:?}", own, serde);
        } else if serde.is_ok() {
            prop_assert!(own.is_ok());
        }
        let mut scanner = Scanner::new(0);
        let mut in_parts: Result<(), Malformed> = Ok(());
        in_pieces(&bytes, size, |piece| {
            if in_parts.is_ok() {
                in_parts = scanner.check(piece);
            }
        });
        prop_assert_eq!(in_parts.and_then(|()| scanner.finish()), own, "in pieces of {}", size);
    }

    #[test]
    fn a_list_reader_hands_on_every_byte_but_those_between_items(document in document(), size in 1..20_usize) {
        let mut reader = ListReader::new(None);
        let (mut around, mut items) = (Vec::new(), Vec::<Vec<u8>>::new());
        in_pieces(document.as_bytes(), size, |piece| {
            reader.push(piece, |piece| match piece {
                BodyPiece::Before(bytes) | BodyPiece::After(bytes) => around.extend_from_slice(bytes),
                BodyPiece::ItemBegins => items.push(Vec::new()),
                BodyPiece::Item(bytes) => items.last_mut().expect("an item has begun").extend_from_slice(bytes),
                BodyPiece::ItemEnds => {}
            }).expect("a document");
        });
        let value: Value = serde_json::from_str(&document).expect("a document");
        let list = match &value {
            Value::Array(items) => Some(items),
            Value::Object(members) => members.iter().find_map(|(name, value)| value.as_array().filter(|_| name != "errors")),
            _ => None,
        };
        let summary = reader.finish();
        prop_assume!(summary.is_ok());
        let read: Vec<Value> = items.iter().map(|item| serde_json::from_slice(item).expect("an item")).collect();
        prop_assert_eq!(read, list.cloned().unwrap_or_default());
        prop_assert_eq!(summary.map(|summary| summary.items), Ok(items.len() as u64));
        if list.is_none() {
            prop_assert_eq!(String::from_utf8_lossy(&around).into_owned(), document);
        }
    }

    #[test]
    fn a_pretty_document_is_the_same_json(document in document(), size in 1..20_usize) {
        let value: Value = serde_json::from_str(&document).expect("a document");
        for mut pretty in [Pretty::for_file(), Pretty::new(false)] {
            let mut written = String::new();
            in_pieces(document.as_bytes(), size, |piece| written.push_str(&pretty.push(piece)));
            written.push_str(&pretty.end());
            let read: Value = serde_json::from_str(&written).expect("still JSON");
            prop_assert_eq!(&read, &value);
        }
        let mut pretty = Pretty::for_file();
        let once = pretty.push(document.as_bytes()) + &pretty.end();
        let twice = pretty.push(once.as_bytes()) + &pretty.end();
        prop_assert_eq!(once, twice, "what is pretty stays as it is");
    }

    #[test]
    fn a_sorted_document_is_the_same_json_in_one_order(document in document()) {
        let value: Value = serde_json::from_str(&document).expect("a document");
        let written = sorted(document.as_bytes()).expect("a document");
        prop_assert_eq!(&serde_json::from_slice::<Value>(&written).expect("still JSON"), &value);
        prop_assert_eq!(sorted(&written).expect("still JSON"), written.clone());
        prop_assert!(is_sorted(&serde_json::from_slice(&written).expect("still JSON")));
    }
}

fn is_sorted(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.iter().all(is_sorted),
        Value::Object(members) => {
            let by_name: BTreeMap<&String, &Value> = members.iter().collect();
            members.keys().eq(by_name.keys().copied()) && members.values().all(is_sorted)
        }
        _ => true,
    }
}
