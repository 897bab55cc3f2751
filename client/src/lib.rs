//! What a host and its clients say to each other ([`wire`]), and a client that blocks.
//!
//! Small on purpose: it is linked into database backends. No thread is started here, and no model is known.

pub mod wire;
