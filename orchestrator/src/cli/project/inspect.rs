//! Arguments of the verbs that look at a project: compile, show, plan, explain.

use clap::Args;

use super::build::{BudgetArgs, ModelArgs, parse_whole};
use super::{ProjectArgs, SelectionArgs};
use crate::cli::FormatArgs;

/// Arguments of `refuel compile`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  Find what is wrong, without a database or a model:
    refuel compile
  See what is sent for a model, with the stages that answer its calls:
    refuel compile --select labelled_messages --print")]
pub(crate) struct CompileArgs {
    #[command(flatten)]
    pub(crate) selection: SelectionArgs,

    /// Print what is sent for the selected models, or else tests; this looks at the target
    ///
    /// Of a model that calls tasks, each stage comes first: the distinct inputs that have no answer yet, the task, the model
    /// and the table that its answers go into; then the query with calls looked up. Before these come the rows that a task is
    /// applied to as a whole, and the table that its result is kept in. Where the extension answers calls, SQL
    /// runs as it is written.
    #[arg(long)]
    pub(crate) print: bool,

    /// Read every file anew, whatever is kept of them
    #[arg(long)]
    pub(crate) no_compile_cache: bool,

    #[command(flatten)]
    pub(crate) format: FormatArgs,

    #[command(flatten)]
    pub(crate) project: ProjectArgs,
}

/// Arguments of `refuel show`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  The first rows of a model, as it was last built:
    refuel show topic_report
  Of a part of it:
    refuel show labelled_messages.review --limit 20
  What fails a data test:
    refuel show no_message_is_lost
  Of any query:
    refuel show --inline \"SELECT topic, count(*) FROM {{ ref('labelled_messages') }} GROUP BY topic\"")]
pub(crate) struct ProjectShowArgs {
    /// Model, seed, source table (`source.table`), part of a model (`m.review`) or data test (the rows that fail it)
    #[arg(value_name = "NODE", required_unless_present = "inline")]
    pub(crate) node: Option<String>,

    /// SQL instead of a node, with `ref()` and `source()`; calls of refuel functions aren't answered
    #[arg(long, value_name = "SQL", conflicts_with = "node")]
    pub(crate) inline: Option<String>,

    /// Most rows to show
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = parse_whole, allow_negative_numbers = true)]
    pub(crate) limit: u64,

    #[command(flatten)]
    pub(crate) format: FormatArgs,

    #[command(flatten)]
    pub(crate) project: ProjectArgs,
}

/// Arguments of `refuel plan`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  What would a build cost?
    refuel plan
  One model and all behind it, as JSON:
    refuel plan --select labelled_messages+ --format json")]
pub(crate) struct PlanArgs {
    #[command(flatten)]
    pub(crate) selection: SelectionArgs,

    /// As if tables were built anew
    #[arg(long)]
    pub(crate) full_refresh: bool,

    #[command(flatten)]
    pub(crate) budget: BudgetArgs,

    #[command(flatten)]
    pub(crate) models: ModelArgs,

    #[command(flatten)]
    pub(crate) format: FormatArgs,

    #[command(flatten)]
    pub(crate) project: ProjectArgs,
}

/// Arguments of `refuel explain`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  Why was a row asked again, or not?
    refuel explain labelled_messages --key message_id=M-20422
  By the first column of the model's unique key:
    refuel explain labelled_messages --key M-20422")]
pub(crate) struct ExplainArgs {
    /// Model that calls a task
    #[arg(value_name = "MODEL")]
    pub(crate) node: String,

    /// The row: COLUMN=VALUE, or the value alone, of the first column of the model's `unique_key`
    #[arg(long, short, value_name = "KEY")]
    pub(crate) key: String,

    /// Model that answers instead of those that tasks name: a name, or name@digest
    #[arg(long, short, env = "REFUEL_MODEL", value_name = "NAME")]
    pub(crate) model: Option<String>,

    #[command(flatten)]
    pub(crate) format: FormatArgs,

    #[command(flatten)]
    pub(crate) project: ProjectArgs,
}
