//! `profiles.yml`: the databases that a project can work on.

mod environment;
mod keys;
mod read;
mod secret;
mod target;

pub use environment::{Environment, render_environment};
#[cfg(test)]
pub(crate) use keys::PROFILE;
pub(crate) use keys::PROFILES;
pub(crate) use read::{Chosen, choose};
pub use secret::Secret;
pub use target::{Connection, Extension, PostgresTarget, SqliteTarget, SslMode, Target};
