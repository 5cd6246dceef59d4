//! One API request, from what was typed to what is printed.

pub mod target;
