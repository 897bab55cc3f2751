//! The vocabulary that a column shows of itself: rare values that look like frequent ones.

mod channel;
mod distance;
mod neighbours;

pub(crate) use channel::Channel;
pub(crate) use distance::Aligner;
pub(crate) use neighbours::{Likeness, Neighbours};
