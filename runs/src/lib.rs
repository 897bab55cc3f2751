//! Runs: what a compiled project asks of its target and of models, in the right order, and only what has changed.
//!
//! [`execute`] does a run: nodes in the order in which they depend on each other, each as soon as what it reads is there.
//! The calls of a model are answered in stages, by windows of distinct inputs that wait for one pool in which models run;
//! every answer is kept before the next window begins. [`plan`] says what a run would do and cost, [`explain`] why a row
//! was asked, or was not.

mod artifacts;
mod budget;
mod compiled;
mod connections;
mod context;
mod error;
mod evaluation;
mod explain;
mod inference;
mod models;
mod nodes;
mod observe;
mod order;
mod plan;
mod quote;
mod report;
mod request;
mod run;
mod unit;
mod versions;
mod words;
mod workspace;

pub use compiled::{CompiledNode, CompiledQuery, CompiledRelation, CompiledStage, compiled};
pub use error::RunError;
pub use evaluation::MetricResult;
pub use explain::{ExplainedAnswer, ExplainedCall, ExplainedRelation, Explanation, explain};
pub use models::{Answerer, LocalModels, Models};
pub use observe::{Event, Observer, Silent};
pub use plan::{Action, PlanNode, PlanRelation, PlanReport, PlanStage, PlanTotal, plan};
pub use refuel_engine::Cancel;
pub use refuel_state::NodeStatus;
pub use report::{NodeReport, RunReport};
pub use request::{Command, RunRequest};
pub use run::{execute, retry, retry_request};
pub use unit::{Line, RowComparison};
pub use workspace::{Workspace, target_of};

/// A result of this crate.
pub type Result<T, E = RunError> = std::result::Result<T, E>;
