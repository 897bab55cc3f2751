//! Rules and guards from outside.

#![expect(clippy::unwrap_used, reason = "a test that can't be prepared has failed")]

mod properties;
mod rules;
