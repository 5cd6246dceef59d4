//! What is particular to Lokalise, as data: endpoints, error bodies, who owns a credential.

pub mod api_error;
pub mod endpoints;
pub mod identity;
