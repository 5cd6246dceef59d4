//! Printing changes no JSON, and nothing that it prints can drive a terminal.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lokalise_auth::json::pretty::Pretty;
use serde_json::Value;

fn printed(text: &[u8], size: usize) -> String {
    let mut pretty = Pretty::new(false);
    let mut out = String::new();
    text.chunks(size).for_each(|piece| out.push_str(&pretty.push(piece)));
    out.push_str(&pretty.end());
    out
}

fuzz_target!(|input: (u8, &[u8])| {
    let (size, text) = input;
    let out = printed(text, usize::from(size).max(1));
    assert_eq!(out, printed(text, text.len().max(1)), "the size of the pieces shows");
    let drives = |c: char| (c.is_control() && c != '\n' && c != '\t') || ('\u{202a}'..='\u{202e}').contains(&c);
    assert!(!out.contains(drives), "{out:?}");
    if let Ok(value) = serde_json::from_slice::<Value>(text) {
        let again: Value = serde_json::from_str(&out).expect("what is printed is JSON");
        assert_eq!(again, value);
    }
});
