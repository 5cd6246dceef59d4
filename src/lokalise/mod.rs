//! What is particular to Lokalise, as data: endpoints, error bodies, who owns a credential.
#![doc = include_str!("README.md")]

pub mod api_error;
pub mod endpoints;
pub mod identity;
