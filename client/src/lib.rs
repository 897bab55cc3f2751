//! What a host and its clients say to each other ([`wire`]), and a client that blocks ([`Session`]).
//!
//! Small on purpose: it is linked into database backends. No thread is started here, and no model is known.

mod error;
mod session;
pub mod wire;

pub use error::ClientError;
pub use session::{Address, AddressError, Blocking, Connection, Interest, Session, Stopped, Waiter};
