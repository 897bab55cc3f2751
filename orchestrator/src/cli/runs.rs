//! Arguments of `refuel runs`.

use clap::{Args, Subcommand};

use super::FormatArgs;

const EXAMPLES: &str = "\
Examples:
  What ran lately?
    refuel runs
  What failed of one job?
    refuel runs nightly --failed
  Why?
    refuel runs show 12
  Which times of the jobs didn't run?
    refuel runs --skipped";

/// Arguments of `refuel runs`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, mut_arg("format", |format| format.global(true)))]
pub(crate) struct RunsArgs {
    #[command(subcommand)]
    pub(crate) command: Option<RunsCommand>,

    /// Job, or PROJECT.JOB
    #[arg(value_name = "JOB")]
    pub(crate) job: Option<String>,

    /// Runs that failed, and no others
    #[arg(long)]
    pub(crate) failed: bool,

    /// Times that didn't run, with why, instead of runs
    #[arg(long, conflicts_with = "failed")]
    pub(crate) skipped: bool,

    /// Most runs to show
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) limit: u32,

    #[command(flatten)]
    pub(crate) format: FormatArgs,
}

/// What else can be seen of runs.
#[derive(Debug, Subcommand)]
pub(crate) enum RunsCommand {
    /// Show one run: attempts, hooks, the end of its output
    Show(RunsShowArgs),
}

/// Arguments of `refuel runs show`.
#[derive(Debug, Args)]
pub(crate) struct RunsShowArgs {
    /// Number of the run
    #[arg(value_name = "RUN")]
    pub(crate) run: i64,

    /// Lines of the last attempt's output to show
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub(crate) lines: usize,
}
