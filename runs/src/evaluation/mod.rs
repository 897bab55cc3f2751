//! Evaluations: how good the answers behind a model are, against rows whose right answer is known and against the run
//! before.

mod judge;
mod metrics;
mod rows;
mod run;
mod verdicts;

pub use metrics::MetricResult;
pub(crate) use run::run;
