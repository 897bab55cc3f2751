//! What the kinds of nodes have.

use std::fmt;
use std::sync::Arc;

use refuel_project::{ModelConfig, SeedConfig, SourceText};
use refuel_staging::{Call, Facts, RelationName};
use refuel_task::Task;
use serde::{Deserialize, Serialize};

use super::NodeId;

/// A part of a model with gates: `ref('orders.accepted')`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// Rows whose answers are all sure enough, or were given by a person.
    Accepted,
    /// Rows with an answer that a person should look at.
    Review,
    /// Rows with an answer that could not be given, or that a person rejected.
    Rejected,
}

impl Part {
    /// Every part.
    pub const ALL: [Self; 3] = [Self::Accepted, Self::Review, Self::Rejected];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Review => "review",
            Self::Rejected => "rejected",
        }
    }

    /// The part with this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|part| part.name() == name)
    }

    /// The view that holds this part of a model stored as `model`: `orders__accepted`.
    pub fn relation(self, model: &RelationName) -> RelationName {
        RelationName {
            name: format!("{}__{}", model.name, self.name()),
            ..model.clone()
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// One relation that a rendered text reads by `ref()`, `source()` or `this`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// The node.
    pub node: NodeId,
    /// The part of it, where a part was asked for.
    pub part: Option<Part>,
}

/// A model's or test's text after rendering.
#[derive(Debug, Clone)]
pub struct Rendering {
    /// The SQL, with a mark where each relation stands: [`crate::Dag::rendered_sql`] puts relations there.
    pub marked: Arc<str>,
    /// What the marks stand for, by number.
    pub references: Vec<Reference>,
    /// What the SQL holds.
    pub facts: Arc<Facts>,
}

/// A SELECT.
#[derive(Debug, Clone)]
pub struct ModelNode {
    /// Its settings: project, properties and the file's own `config(...)`.
    pub config: Arc<ModelConfig>,
    /// The file's text.
    pub raw: SourceText,
    /// The text for a full build.
    pub full: Rendering,
    /// The text for an incremental build, where it is another.
    pub incremental: Option<Rendering>,
    /// The calls in either text, each once, in the order of the texts. Their positions are those of the marked text.
    pub calls: Vec<Call>,
    /// Whether the text depends on the time or on the id of the run: what is kept here has fixed ones, and
    /// [`crate::Dag::rendered_sql`] renders it anew.
    pub volatile: bool,
    /// Whether its rows are gated: its settings say so, or something reads a part of it.
    pub gated: bool,
}

/// A small table in a file.
#[derive(Debug, Clone)]
pub struct SeedNode {
    /// Its settings.
    pub config: Arc<SeedConfig>,
    /// BLAKE3 of the file, in 64 hexadecimal digits.
    pub content: Arc<str>,
}

/// A table that others make, or a file.
#[derive(Debug, Clone)]
pub struct SourceNode {
    /// Name of the source.
    pub source: Arc<str>,
    /// Name of the table, as `source()` says it.
    pub table: Arc<str>,
}

/// Measures of a model's answers.
#[derive(Debug, Clone)]
pub struct EvaluationNode {
    /// The model that it belongs to.
    pub model: NodeId,
    /// Its place in [`refuel_project::Properties::evaluations`] of the model.
    pub index: usize,
    /// The relation whose rows are measured, where it is not the model itself or a file.
    pub rows: Option<Reference>,
}

/// A judgement that models ask for.
#[derive(Debug, Clone)]
pub struct TaskNode {
    /// The task.
    pub task: Arc<Task>,
}
