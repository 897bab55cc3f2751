//! Servers for tests: Postgres with the extension, started from nothing, run as an account without rights, and gone
//! when the test ends, however it ends.
//!
//! Nothing is written into the system's folders. [`Installation`] is a copy of the server's programs with everything
//! else linked, into which the install script puts the extension: Postgres finds its libraries and extensions relative
//! to its own path. [`Cluster`] is a server on it, with a home folder for models of its own.

#![expect(clippy::unwrap_used, reason = "a test that can't be prepared has failed")]
#![expect(clippy::print_stderr, reason = "a test that is skipped says so")]

mod account;
mod cluster;
mod installation;
mod process;

pub use account::Account;
pub use cluster::{Cluster, Host, Plan, Shutdown};
pub use installation::Installation;
pub use process::Process;

use std::time::{Duration, Instant};

/// The model that language tasks of the tests ask.
pub const LANGUAGE_MODEL: &str = "smollm2-135m-instruct";
/// The model that tasks of the tests ask for vectors.
pub const EMBEDDING_MODEL: &str = "all-minilm-l6-v2";

/// Waits until something is so, and fails the test where it doesn't become so in time.
///
/// # Panics
/// When `within` is over.
#[track_caller]
pub fn wait_until(what: &str, within: Duration, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < within, "{what}: not within {within:?}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
