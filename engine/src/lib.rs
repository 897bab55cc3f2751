//! The engine: tasks in, answers out. It knows no database and no command line.

pub mod batching;
mod cancel;
pub mod error;
pub mod session;

pub use cancel::Cancel;
pub use error::EngineError;
