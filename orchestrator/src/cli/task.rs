//! Arguments of `refuel task`.

use std::path::PathBuf;

use clap::builder::ArgPredicate;
use clap::{Args, Subcommand, ValueEnum};

use super::FormatArgs;
use super::label::InputFormatArgs;

const EXAMPLES: &str = "\
Examples:
  Find mistakes before a run does:
    refuel task check topic.yml
  Read the prompt of the first row, as the model will:
    refuel task check topic.yml --prompt --sample tickets.csv";

const EXPORT_EXAMPLES: &str = "\
Examples:
  Make a task of a file in Postgres:
    refuel task export topic.yml --format sql | psql shop
  Give a task of Postgres a new version:
    refuel task export topic.yml --alter | psql shop";

/// Arguments of `refuel task`.
#[derive(Debug, Args)]
pub(crate) struct TaskArgs {
    #[command(subcommand)]
    pub(crate) command: TaskCommand,
}

/// What can be done with tasks.
#[derive(Debug, Subcommand)]
pub(crate) enum TaskCommand {
    /// Read a task file, and show what it says
    Check(Box<TaskCheckArgs>),
    /// Write a task file as the catalog of a database takes it
    Export(TaskExportArgs),
}

/// Arguments of `refuel task check`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct TaskCheckArgs {
    /// Task file
    #[arg(value_name = "FILE")]
    pub(crate) task: PathBuf,

    /// Show the prompt as the model will read it
    #[arg(long)]
    pub(crate) prompt: bool,

    /// Table whose first row stands in the prompt
    #[arg(long, value_name = "INPUT", requires = "prompt")]
    pub(crate) sample: Option<PathBuf>,

    /// Row of the table, counted from 1
    #[arg(long, value_name = "N", default_value_t = 1, requires = "sample", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) row: u64,

    /// Model whose chat template is used, instead of the task's
    #[arg(long, short, env = "REFUEL_MODEL", value_name = "NAME")]
    pub(crate) model: Option<String>,

    #[command(flatten)]
    pub(crate) tables: InputFormatArgs,

    #[command(flatten)]
    pub(crate) format: FormatArgs,
}

/// Arguments of `refuel task export`.
#[derive(Debug, Args)]
#[command(after_help = EXPORT_EXAMPLES)]
pub(crate) struct TaskExportArgs {
    /// Task file; the rows of the example file that it names become a part of the task
    #[arg(value_name = "FILE")]
    pub(crate) task: PathBuf,

    /// What is written
    #[arg(
        long,
        value_name = "FORM",
        value_enum,
        default_value_t,
        default_value_if("alter", ArgPredicate::IsPresent, "sql")
    )]
    pub(crate) format: TaskExportFormat,

    /// Give a task that is there a new version, instead of making one
    #[arg(long)]
    pub(crate) alter: bool,
}

/// Form of a task for a catalog.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum TaskExportFormat {
    /// The specification alone
    #[default]
    Json,
    /// A statement of SQL that makes the task, for psql
    Sql,
}
