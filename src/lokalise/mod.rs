//! What is particular to Lokalise, as data: endpoints, error bodies, who owns a credential.

pub mod endpoints;
pub mod error;
pub mod identity;
