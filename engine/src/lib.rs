//! The engine: tasks in, answers out. It knows no database and no command line.

pub mod batching;
pub mod cache;
mod cancel;
pub mod confidence;
mod debug;
mod engine;
pub mod error;
pub mod evaluate;
pub mod guide;
mod learned;
pub mod learning;
pub mod machine;
mod model;
mod prepared;
mod procedure;
mod reading;
pub mod session;
mod steps;
mod tokenizer;
mod truncation;

pub use cancel::Cancel;
pub use debug::{CudaFound, DebugReport, RuntimeFound, debug_report};
pub use engine::{CachePolicy, Engine, EngineOptions, LoadedModel, ModelMemory};
pub use error::{EngineError, TASK_FILE};
pub use model::chat_template;
pub use prepared::{Estimate, PreparedTask, PromptTokens};
pub use refuel_task::DEFAULT_MODEL;
