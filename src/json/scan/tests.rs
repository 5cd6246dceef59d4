//! Documents, good and bad, in pieces of every size.

use super::*;

#[test]
fn documents_that_serde_takes_are_taken_and_no_others() {
    let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    for document in [
        "{}",
        "[]",
        "null",
        "true",
        "false",
        "0",
        "-0",
        "1.5e-3",
        "1E+2",
        "\"\"",
        " [1 , 2]\r\n\t",
        r#"{"a":{"b":[{},[],"c",-1.0]},"d":null}"#,
        r#""\"\\\/\b\f\n\r\t\u00e9""#,
        "\"ä 😀\"",
        "",
        " ",
        "{",
        "}",
        "[1,]",
        "[,1]",
        "{,}",
        r#"{"a"}"#,
        r#"{"a":}"#,
        r#"{"a":1,}"#,
        "{1:2}",
        "[1 2]",
        "[}",
        "{]",
        "nul",
        "nulll",
        "truefalse",
        "01",
        "-",
        "1.",
        ".5",
        "1e",
        "+1",
        "--1",
        "0x1",
        "NaN",
        "Infinity",
        "'a'",
        "\"a",
        "\"\\x\"",
        "\"\\u12g4\"",
        "\"\n\"",
        "[1]]",
        "[1] 2",
        "[1}",
        "[}",
        "{]",
        r#"{"a":1]"#,
        r#"[{"a":[1}],2]"#,
        "// a\n1",
        &nested(127),
        "\"\\",
        "\"\\u12",
    ] {
        let serde = serde_json::from_str::<serde::de::IgnoredAny>(document).is_ok();
        assert_eq!(check(document.as_bytes()).is_ok(), serde, "{document}");
    }
    assert_eq!(check(nested(DEEPEST).as_bytes()), Ok(()));
    assert_eq!(check(nested(200_000).as_bytes()), Err(Malformed::TooDeep));
}

#[test]
fn the_place_of_the_first_bad_byte_is_reported() {
    assert_eq!(check(b"{\"a\": tru }"), Err(Malformed::At(9)));
    assert_eq!(check(b"<html>"), Err(Malformed::At(0)));
    assert_eq!(check(b"[1, 2"), Err(Malformed::CutShort));
    assert_eq!(check(b"\"ab\ncd\""), Err(Malformed::At(3)));
    assert_eq!(check(b"[1.x]"), Err(Malformed::At(3)));
}

/// The events at depth 0 to 2, each with the text since the one before.
fn events_of(document: &str, piece: usize) -> Vec<(String, String)> {
    let mut scanner = Scanner::new(2);
    let mut events = vec![];
    let mut text = String::new();
    for mut bytes in document.as_bytes().chunks(piece) {
        while !bytes.is_empty() {
            let (read, event) = scanner.next(bytes).unwrap();
            text.push_str(std::str::from_utf8(&bytes[..read]).unwrap());
            bytes = &bytes[read..];
            if let Some(event) = event {
                events.push((format!("{event:?} {}", scanner.depth()), std::mem::take(&mut text)));
            }
        }
    }
    scanner.finish().unwrap();
    events
}

#[test]
fn outer_values_are_reported_whatever_the_pieces() {
    let document = r#"{"a": 12, "keys":[{"b":["]"]},"x"] }"#;
    let expected = [
        ("Begin(Object) 0", ""),
        ("Begin(Scalar) 1", r#"{"a": "#),
        ("End 1", "12"),
        ("Begin(Array) 1", r#", "keys":"#),
        ("Begin(Object) 2", "["),
        ("End 2", r#"{"b":["]"]}"#),
        ("Begin(Scalar) 2", ","),
        ("End 2", r#""x""#),
        ("End 1", "]"),
        ("End 0", " }"),
    ];
    let expected = expected.map(|(event, text)| (event.to_owned(), text.to_owned()));
    for piece in 1..=document.len() {
        assert_eq!(events_of(document, piece), expected, "in pieces of {piece}");
    }
}

#[test]
fn the_plain_text_of_a_string_ends_at_the_first_special_byte() {
    for length in 0..40 {
        for special in [b'"', b'\\', 0, 0x1f, b'\n'] {
            let mut text = vec![b' '; length];
            text.extend_from_slice("é\u{7f}~!#[".as_bytes());
            let plain = text.len();
            text.push(special);
            text.extend_from_slice(b"\"\\\0       ");
            assert_eq!(plain_text(&text), plain, "{length} {special}");
        }
    }
    assert_eq!(plain_text("äöü🎉 and no end".as_bytes()), "äöü🎉 and no end".len());
}

#[test]
fn a_key_of_escapes_is_not_kept_whole() {
    let mut scanner = Scanner::new(1);
    let document = format!(r#"{{"{}":1}}"#, r"\n".repeat(10_000));
    let mut rest = document.as_bytes();
    while !rest.is_empty() {
        let (read, _) = scanner.next(rest).unwrap();
        rest = &rest[read..];
    }
    assert!(scanner.key().len() <= MAX_KEY_BYTES, "{}", scanner.key().len());
}

#[test]
fn a_byte_order_mark_is_skipped_in_front_of_a_document_alone() {
    assert_eq!(check("\u{feff}{\"a\":1}".as_bytes()), Ok(()));
    assert_eq!(check("\u{feff} 1".as_bytes()), Ok(()));
    assert_eq!(check("\u{feff}\u{feff}1".as_bytes()), Err(Malformed::At(3)));
    assert_eq!(check(b"\xef\xbb1"), Err(Malformed::At(2)));
    assert_eq!(check("\u{feff}".as_bytes()), Err(Malformed::CutShort));
    assert_eq!(check("1\u{feff}".as_bytes()), Err(Malformed::At(1)));
    assert_eq!(check("[\u{feff}1]".as_bytes()), Err(Malformed::At(1)));
}
