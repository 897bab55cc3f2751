//! Configuration of models, seeds and tests: what `config` holds, and how what is said nearer outranks what is said
//! farther away.

mod comparison;
mod keys;
mod model;
mod seed;
mod test;

pub use comparison::{Comparison, Operator};
pub(crate) use keys::{COUNT, Layered, MINUTES, MODEL_CONFIG, SEED_CONFIG, TEST_CONFIG, add_words};
pub use model::{Budget, IncrementalStrategy, Materialized, ModelConfig, OnSchemaChange};
pub use seed::SeedConfig;
pub use test::{Severity, TestConfig};
