//! The map of this crate. `cli` says what can be typed, `commands` tell the
//! stories, and what they need stands below them: see each module's first lines.

pub mod call;
pub mod error;
pub mod lokalise;
pub mod origin;
pub mod pace;
pub mod secret;
