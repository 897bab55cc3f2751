//! Daemons as processes of their own, that are killed.

#![expect(clippy::unwrap_used, reason = "a test that can't be prepared has failed")]

mod desk;
mod ends;
mod kills;
mod policies;
mod roles;
