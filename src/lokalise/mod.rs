//! What is particular to Lokalise, as data: its endpoints and its error bodies.

pub mod endpoints;
pub mod error;
