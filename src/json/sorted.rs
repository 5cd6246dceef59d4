//! JSON with the members of every object sorted by name, on one line, as `jq -c -S` writes it: so that two answers
//! which say the same are the same text.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use crate::json::pretty::rewritten;

/// Sorts a document. Numbers keep their spelling; of members with one name the last counts.
///
/// # Errors
/// If it is no JSON document.
pub fn sorted(document: &[u8]) -> Result<Vec<u8>, serde_json::Error> {
    let document = document.strip_prefix(b"\xef\xbb\xbf").unwrap_or(document);
    let mut out = String::with_capacity(document.len());
    write_sorted(serde_json::from_slice(document)?, &mut out)?;
    Ok(out.into_bytes())
}

fn write_sorted(value: &RawValue, out: &mut String) -> Result<(), serde_json::Error> {
    let text = value.get();
    match text.as_bytes().first() {
        Some(b'{') => {
            let members: BTreeMap<String, &RawValue> = serde_json::from_str(text)?;
            out.push('{');
            for (index, (name, member)) in members.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                let quoted = serde_json::to_string(name)?;
                rewritten(&quoted.as_bytes()[1..quoted.len() - 1], out);
                out.push(':');
                write_sorted(member, out)?;
            }
            out.push('}');
        }
        Some(b'[') => {
            let items: Vec<&RawValue> = serde_json::from_str(text)?;
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_sorted(item, out)?;
            }
            out.push(']');
        }
        Some(b'"') => rewritten(&text.as_bytes()[1..text.len() - 1], out),
        _ => out.push_str(text),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(document: &str) -> String {
        String::from_utf8(sorted(document.as_bytes()).unwrap()).unwrap()
    }

    #[test]
    fn members_are_sorted_at_every_depth_and_lists_are_not() {
        assert_eq!(
            written(r#" {"z":[{"b":1,"a":2},"x"], "é":null,"A":{"d":1.10,"c":[]} ,"a":"\u00e9\/" }"#),
            r#"{"A":{"c":[],"d":1.10},"a":"é/","z":[{"a":2,"b":1},"x"],"é":null}"#
        );
        assert_eq!(written("12"), "12");
        assert_eq!(written(r#"{"a":1,"\u0061":2}"#), r#"{"a":2}"#);
        assert_eq!(written("\u{feff}[1e400,100000000000000000001]"), "[1e400,100000000000000000001]");
    }

    #[test]
    fn what_is_no_document_is_an_error() {
        for text in ["", "{", "[1]2", "<html>", &"[".repeat(200)] {
            assert!(sorted(text.as_bytes()).is_err(), "{text}");
        }
    }
}
