//! No path leads out of the API.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lokalise_auth::call::target::{Project, target};
use lokalise_auth::origin::ApiUrl;

fuzz_target!(|input: (bool, &str, Option<&str>, Option<&str>)| {
    let (is_below_a_path, argument, id, branch) = input;
    let base = if is_below_a_path { "https://proxy.example/lokalise/api2" } else { "https://api.lokalise.com/api2" };
    let api = ApiUrl::parse(base).expect("a base URL");
    let Ok(target) = target(argument, &api, Project { id, branch }) else { return };
    let prefix = if is_below_a_path { "/lokalise" } else { "" };
    assert_eq!(target.url.origin().ascii_serialization(), api.origin().to_string());
    assert!(target.url.username().is_empty() && target.url.password().is_none());
    let path = target.url.path().strip_prefix(prefix).expect("it stays below the prefix");
    assert!(path.starts_with("/api2/") || path.starts_with("/v1/"), "{path}");
    let climbs = |segment: &str| matches!(segment.to_ascii_lowercase().as_str(), ".." | "%2e%2e" | ".%2e" | "%2e.");
    assert!(!path.split('/').any(climbs), "{path}");
});
