//! One API request, from what was typed to what is printed.

pub mod body;
pub mod bundle;
pub mod fields;
pub mod filter;
pub mod headers;
pub mod input;
pub mod merge;
pub mod page;
pub mod pages;
pub mod process;
pub mod retry;
pub mod scan;
pub mod target;
