//! The registry against real files: fixtures, hostile archives, a server, and processes that die.

mod fixtures;
mod imports;
