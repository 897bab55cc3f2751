//! The state of a project, as another crate sees it.

#![expect(clippy::unwrap_used, reason = "a test that can't be prepared has failed")]
#![expect(
    clippy::print_stdout,
    reason = "children of tests talk to them, and a measurement is printed"
)]

mod answers;
mod common;
mod faults;
mod processes;
mod reviews;
mod runs;
mod speed;
