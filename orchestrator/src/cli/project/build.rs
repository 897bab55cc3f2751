//! Arguments of the verbs that run nodes: build, run, test, seed, retry.

use clap::Args;

use super::{ProjectArgs, SelectionArgs};
use crate::cli::FormatArgs;
use crate::cli::engine::{EngineArgs, RuntimeArgs};

const RUN: &str = "Run options";
const BUDGET: &str = "Budget";

const EXAMPLES: &str = "\
Examples:
  Everything, in the order in which it depends on each other:
    refuel build
  One model and what it is made of:
    refuel build --select +topic_report
  What calls a task, and all behind it:
    refuel build --select task:ticket_topic+
  From nothing, in another target:
    refuel build --full-refresh --target prod
  Go on after a crash, Ctrl-C or an error:
    refuel retry";

/// Arguments of `refuel build`, `run`, `test` and `seed`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct BuildArgs {
    #[command(flatten)]
    pub(crate) selection: SelectionArgs,

    /// Build tables anew, also where only new rows would be added
    ///
    /// Answers that are known are used again: no row is asked twice.
    #[arg(long, help_heading = RUN)]
    pub(crate) full_refresh: bool,

    #[command(flatten)]
    pub(crate) work: WorkArgs,

    #[command(flatten)]
    pub(crate) project: ProjectArgs,
}

/// Arguments of `refuel retry`.
#[derive(Debug, Args)]
pub(crate) struct RetryArgs {
    #[command(flatten)]
    pub(crate) work: WorkArgs,

    #[command(flatten)]
    pub(crate) project: ProjectArgs,
}

/// How nodes are run.
#[derive(Debug, Clone, Args)]
pub(crate) struct WorkArgs {
    /// Nodes whose SQL runs at the same time [default: the target's, else 4]
    #[arg(long, env = "REFUEL_PROJECT_THREADS", value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256), help_heading = RUN)]
    pub(crate) threads: Option<u16>,

    /// Stop at the first node that fails
    #[arg(long, short = 'x', help_heading = RUN)]
    pub(crate) fail_fast: bool,

    #[command(flatten)]
    pub(crate) budget: BudgetArgs,

    /// Model to use instead of those that tasks name: a name, or name@digest
    #[arg(
        long,
        short,
        env = "REFUEL_MODEL",
        value_name = "NAME",
        help_heading = "Engine options"
    )]
    pub(crate) model: Option<String>,

    /// Threads that a model runs on [default: the number of physical cores]
    #[arg(long, env = "REFUEL_THREADS", value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024), help_heading = "Engine options")]
    pub(crate) model_threads: Option<u16>,

    #[command(flatten)]
    pub(crate) runtime: RuntimeArgs,

    #[command(flatten)]
    pub(crate) format: FormatArgs,
}

impl WorkArgs {
    /// The options of the engine, as the verbs that run one model have them.
    pub(crate) fn engine(&self) -> EngineArgs {
        EngineArgs {
            threads: self.model_threads,
            runtime: self.runtime.clone(),
        }
    }
}

/// What a run may cost at most; instead of what the project says.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct BudgetArgs {
    /// Most rows that models are asked about
    #[arg(long, value_name = "N", help_heading = BUDGET)]
    pub(crate) max_rows: Option<u64>,

    /// Most tokens that models read and write
    #[arg(long, value_name = "N", help_heading = BUDGET)]
    pub(crate) max_tokens: Option<u64>,

    /// Most minutes that models work
    #[arg(long, value_name = "N", help_heading = BUDGET)]
    pub(crate) max_minutes: Option<f64>,

    /// Whatever it costs
    #[arg(long, conflicts_with_all = ["max_rows", "max_tokens", "max_minutes"], help_heading = BUDGET)]
    pub(crate) no_budget: bool,
}
