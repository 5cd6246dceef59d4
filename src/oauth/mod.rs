//! RFC 6749's authorization code grant as data. Nothing here opens a socket.

pub mod authorization;
pub mod client;
pub mod token;
