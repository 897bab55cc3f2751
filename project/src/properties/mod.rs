//! What properties files say of models, seeds and sources: descriptions, columns, tests, evaluations.

mod evaluations;
mod keys;
mod models;
mod reader;
mod reference;
mod rows;
mod sources;
mod tests;
mod tree;
mod unit_tests;

pub use evaluations::{Drift, Evaluation, EvaluationRows, Metric};
pub(crate) use keys::{COLUMN_TESTS, FILE};
pub use models::{Column, Constraint, ConstraintKind, Properties};
pub(crate) use reader::{Described, PropertiesFile, Reader};
pub use reference::Reference;
pub use sources::{Format, Source, SourceFile, SourceTable};
pub use tests::{DataTest, TestKind};
pub(crate) use tree::{TextHash, read_store, text_hash, tree};
pub use unit_tests::{Fixture, Given, Input, Overrides, ScriptedAnswer, UnitTest};
