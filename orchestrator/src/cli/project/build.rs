//! Arguments of the verbs that run nodes: build, run, test, seed, retry.

use clap::{Args, FromArgMatches as _};

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

    #[command(flatten)]
    pub(crate) models: ModelArgs,

    #[command(flatten)]
    pub(crate) format: FormatArgs,
}

/// Which models answer, and how they run.
#[derive(Debug, Clone, Args)]
pub(crate) struct ModelArgs {
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
}

impl ModelArgs {
    /// What the environment says, for verbs that have none of these options.
    pub(crate) fn from_environment() -> Self {
        let command = Self::augment_args(clap::Command::new("refuel"));
        let mut matches = command.get_matches_from(["refuel"]);
        Self::from_arg_matches_mut(&mut matches).unwrap_or_else(|error| error.exit())
    }

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
    #[arg(long, value_name = "N", value_parser = parse_whole, allow_negative_numbers = true, help_heading = BUDGET)]
    pub(crate) max_rows: Option<u64>,

    /// Most tokens that models read and write
    #[arg(long, value_name = "N", value_parser = parse_whole, allow_negative_numbers = true, help_heading = BUDGET)]
    pub(crate) max_tokens: Option<u64>,

    /// Most minutes that models work
    #[arg(long, value_name = "N", value_parser = parse_minutes, allow_negative_numbers = true, help_heading = BUDGET)]
    pub(crate) max_minutes: Option<f64>,

    /// Whatever it costs
    #[arg(long, conflicts_with_all = ["max_rows", "max_tokens", "max_minutes"], help_heading = BUDGET)]
    pub(crate) no_budget: bool,
}

/// Reads a number of things that there can be none of, but not fewer.
pub(crate) fn parse_whole(text: &str) -> Result<u64, String> {
    text.parse()
        .map_err(|_| "write a whole number from 0 on, such as 5000".to_owned())
}

/// Reads minutes, also parts of them.
fn parse_minutes(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|minutes: &f64| minutes.is_finite() && *minutes >= 0.0)
        .ok_or_else(|| "write a number from 0 on, such as 30 or 0.5".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_is_a_number_from_0_on() {
        assert_eq!((parse_whole("5000"), parse_minutes("0.5")), (Ok(5000), Ok(0.5)));
        for wrong in ["-1", "1.5", "many", "99999999999999999999"] {
            assert!(parse_whole(wrong).is_err(), "{wrong}");
        }
        for wrong in ["-1", "nan", "inf", "soon"] {
            assert!(parse_minutes(wrong).is_err(), "{wrong}");
        }
    }
}
