//! Files that only this user can open: private folders, atomic replacement and locks; and the file of `-o`.

pub mod atomic;
pub mod followed_links;
pub mod lock;
pub mod output_file;
pub mod ownership;
pub mod private;
