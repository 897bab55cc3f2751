//! The extension as its users meet it: servers that are started, killed and stopped, and real clients.

#![expect(clippy::unwrap_used, reason = "a test that can't be prepared has failed")]

mod supervision;
