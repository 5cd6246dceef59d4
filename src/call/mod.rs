//! One API request, from what was typed to what is printed.

pub mod batch;
pub mod body;
pub mod bundle;
pub mod bundle_address;
pub mod dry_run;
pub mod fields;
pub mod filter;
pub mod filter_worker;
pub mod first_words;
pub mod headers;
pub mod input;
pub mod merge;
pub mod merged_answers;
pub mod output;
pub mod pages;
pub mod process;
pub mod progress;
pub mod refusal;
pub mod request;
pub mod response;
pub mod retry;
pub mod send;
pub mod target;
pub mod truncated_list;

#[cfg(test)]
mod invariants;
