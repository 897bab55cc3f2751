//! The registry against real files: fixtures, hostile archives, a server, and processes that die.

#![expect(clippy::unwrap_used, reason = "a test that can't be prepared has failed")]

mod fixtures;
mod imports;
mod pulls;
mod server;
mod wheels;
