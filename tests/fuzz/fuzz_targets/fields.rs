//! Fields become one JSON object or are refused.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lokalise_auth::call::fields::{FieldArgument, Fields};
use lokalise_auth::call::input::Inputs;
use serde_json::Value;

fuzz_target!(|input: Vec<(bool, &str)>| {
    // A typed field that begins with `@` names a file of this machine.
    if input.iter().any(|(is_typed, text)| *is_typed && text.contains('@')) {
        return;
    }
    let arguments = || {
        let one = |(is_typed, text): &(bool, &str)| {
            let text = (*text).to_owned();
            if *is_typed { FieldArgument::Magic(text) } else { FieldArgument::Raw(text) }
        };
        input.iter().map(one).collect::<Vec<_>>()
    };
    if let Ok(fields) = Fields::read(&arguments(), &mut Inputs::new(None))
        && !fields.is_empty()
        && let Ok(body) = fields.into_body()
    {
        let bytes = body.bytes().expect("it is in memory");
        assert_eq!(bytes.len() as u64, body.length());
        let document: Value = serde_json::from_slice(&bytes).expect("a body of fields is JSON");
        assert!(document.is_object(), "{document}");
    }
    if let Ok(fields) = Fields::read(&arguments(), &mut Inputs::new(None)) {
        let _ = fields.into_query();
    }
});
