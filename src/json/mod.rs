//! JSON that is read and written while it streams. Nothing here knows HTTP or Lokalise's endpoints.

pub mod errors;
pub mod items;
pub mod lenient;
pub mod list;
pub mod pretty;
pub mod scan;
pub mod sorted;
pub mod summary;

#[cfg(test)]
mod properties;
