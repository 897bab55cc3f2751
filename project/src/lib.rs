//! The files of a project, read and checked. Nothing is rendered here, and no database is known.
//!
//! [`Project::load`] reads `refuel_project.yml`, `profiles.yml`, models, properties, seeds, sources, tests, tasks and
//! macros into typed values, or says everything that is wrong with them, each with its file, line and column. What a
//! file may hold is written down once, in tables of keys: the readers check against them, and [`schema`] makes JSON
//! Schemas of them.

mod config;
mod error;
mod load;
mod profile;
mod project;
mod properties;
pub mod scaffold;
mod schemas;
mod settings;
mod shape;
mod source_text;
mod store;

pub use config::{
    Budget, Comparison, IncrementalStrategy, Materialized, ModelConfig, OnSchemaChange, Operator, SeedConfig, Severity,
    TestConfig,
};
pub use error::ProjectError;
pub use profile::{
    Connection, Environment, Extension, PostgresTarget, Secret, SqliteTarget, SslMode, Target, render_environment,
};
pub use project::{LoadOptions, MacroFile, Model, Project, Seed, SingularTest, TaskFile};
pub use properties::{
    Column, Constraint, ConstraintKind, DataTest, Drift, Evaluation, EvaluationRows, Fixture, Format, Given, Input,
    Metric, Overrides, Properties, Reference, ScriptedAnswer, Source, SourceFile, SourceTable, TestKind, UnitTest,
};
pub use refuel_task::Place;
pub use schemas::{SCHEMAS, schema};
pub use settings::{Catchup, Hook, Job, JobCommand, Overlap, Settings};
pub use source_text::{SourceText, Stamp};
pub use store::Store;

/// The name of the file that makes a folder a project.
pub const PROJECT_FILE: &str = "refuel_project.yml";
/// The name of the file that holds targets.
pub const PROFILES_FILE: &str = "profiles.yml";
