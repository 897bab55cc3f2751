//! Arguments of the verbs that look at the graph of a project: ls, lineage, diff.

use clap::builder::PossibleValuesParser;
use clap::{Args, ValueEnum};
use refuel_dag::select::RESOURCE_TYPES;

use super::{ProjectArgs, SelectionArgs};
use crate::cli::{EngineArgs, FormatArgs};

/// Arguments of `refuel ls`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  What there is, a line a node:
    refuel ls
  What a change of a task would reach:
    refuel ls --select task:ticket_topic+ --resource-type model
  Files of what changed since it was built:
    refuel ls --select state:modified --output path")]
pub(crate) struct ListArgs {
    #[command(flatten)]
    pub(crate) selection: SelectionArgs,

    /// Types of nodes to list [default: all]
    #[arg(long, value_name = "TYPE", num_args = 1.., value_parser = PossibleValuesParser::new(RESOURCE_TYPES))]
    pub(crate) resource_type: Vec<String>,

    /// What a line says of its node
    #[arg(long, value_name = "WHAT", value_enum, default_value_t)]
    pub(crate) output: ListOutput,

    #[command(flatten)]
    pub(crate) format: FormatArgs,

    #[command(flatten)]
    pub(crate) project: ProjectArgs,
}

/// What a line of `refuel ls` says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum ListOutput {
    /// What selects the node and nothing else: `shop.staging.stg_orders`, `source:raw.orders`
    #[default]
    Selector,
    /// Its name
    Name,
    /// Its file
    Path,
    /// Its unique id: `model.shop.stg_orders`
    Id,
}

/// Arguments of `refuel lineage`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  Which columns and tasks does a column come from?
    refuel lineage topic_report.topic
  What comes from a column of a source?
    refuel lineage raw.tickets.body --downstream
  All that a model is made of, as a picture:
    refuel lineage topic_report --draw dot | dot -Tsvg > lineage.svg")]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of the command line")]
pub(crate) struct LineageArgs {
    /// Model, seed or source table (`source.table`), or a column of one (`model.column`)
    #[arg(value_name = "NODE[.COLUMN]")]
    pub(crate) node: String,

    /// What it comes from; this is what is shown where neither is asked for
    #[arg(long, short)]
    pub(crate) upstream: bool,

    /// What comes from it
    #[arg(long, short)]
    pub(crate) downstream: bool,

    /// Every column of the node
    #[arg(long)]
    pub(crate) columns: bool,

    /// Of a node: how many steps to go [default: all the way]
    #[arg(long, value_name = "N", conflicts_with = "columns")]
    pub(crate) depth: Option<usize>,

    /// Of a node: tests too
    #[arg(long, conflicts_with = "columns")]
    pub(crate) tests: bool,

    /// How it is drawn
    #[arg(long, value_name = "AS", value_enum, default_value_t)]
    pub(crate) draw: Drawing,

    #[command(flatten)]
    pub(crate) format: FormatArgs,

    #[command(flatten)]
    pub(crate) project: ProjectArgs,
}

/// How a lineage is drawn.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Drawing {
    /// A tree for the terminal
    #[default]
    Tree,
    /// A flowchart for Mermaid
    Mermaid,
    /// A graph for Graphviz
    Dot,
}

/// Arguments of `refuel diff`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  What changed since the last build, and what follows from it?
    refuel diff
  Against what is built in production:
    refuel diff --target prod
  Only what is above a report:
    refuel diff --select +topic_report
  And how many rows are asked again:
    refuel diff --rows")]
pub(crate) struct DiffArgs {
    #[command(flatten)]
    pub(crate) selection: SelectionArgs,

    /// Count the rows that models are asked about because of it; this reads the target
    #[arg(long)]
    pub(crate) rows: bool,

    #[command(flatten)]
    pub(crate) engine: EngineArgs,

    #[command(flatten)]
    pub(crate) format: FormatArgs,

    #[command(flatten)]
    pub(crate) project: ProjectArgs,
}
