//! The protocol of the host, version [`PROTOCOL`].
//!
//! Each side sends a [`Preamble`] first, whose form never changes, so that sides of different versions can tell each
//! other what they are. Then come frames: four bytes of length, little-endian, and a [`ToHost`] or a [`ToClient`] in
//! [postcard](https://postcard.jamesmunns.com/wire-format). A client may have several requests under way; replies name
//! theirs, and answers name their input.

mod frame;
mod message;
mod preamble;
mod relation;
mod report;

pub use frame::{FrameError, LARGEST_FRAME, decode, encode, take_frame};
pub use message::{
    Answer, Ask, Failure, Hello, Input, Prepared, STOPPING, Scored, Source, Status, TaskSpec, ToClient, ToHost, Value,
    Welcome, Work,
};
pub use preamble::{PREAMBLE_BYTES, Preamble};
pub use relation::{REPAIRED, RESOLVED, Relate, Relation, Row};
pub use report::{Activity, HostReport, ModelReport, Report, ReportKind, UsageReport};

/// Version of the protocol. Sides whose versions differ don't talk.
pub const PROTOCOL: u32 = 3;

/// Version of this crate, which is that of host and extension alike.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
