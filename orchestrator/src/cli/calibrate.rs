//! Arguments of `refuel calibrate`.

use std::path::PathBuf;

use clap::Args;

use super::FormatArgs;
use super::engine::EngineArgs;
use super::label::InputFormatArgs;

const ABOUT: &str = "\
A model's confidence ranks its answers, and mostly says too much: of answers with 0.9, fewer than nine in ten are right. On \
rows whose right answer is known, or on the verdicts that people gave in `refuel review`, this finds the function that makes \
of it the share that is right. Several are tried, and the one that is best on rows that it was not fitted to is taken.

Where the task says `threshold: auto`, the least threshold is chosen with which the share of accepted answers that is right \
is `target_precision` or more: not on these rows, but with 95 % confidence on all rows like them.

With `--write` both go into the task file. They change no answer: known answers are gated anew, and no model is asked.";

const EXAMPLES: &str = "\
Examples:
  What would it do, on rows whose right answer people wrote into the column `agent_topic`?
    refuel calibrate topic.yml tickets.csv --expected agent_topic
  Write it into the task:
    refuel calibrate topic.yml tickets.csv --expected agent_topic --write
  From what people decided in `refuel review`:
    refuel calibrate tasks/topic.yml --write
  From both:
    refuel calibrate tasks/topic.yml tickets.csv --expected agent_topic --reviews --write";

/// Arguments of `refuel calibrate`.
#[derive(Debug, Args)]
#[command(long_about = ABOUT, after_help = EXAMPLES)]
pub(crate) struct CalibrateArgs {
    /// Task file
    #[arg(value_name = "TASK")]
    pub(crate) task: PathBuf,

    /// Table with right answers: CSV, TSV, JSON Lines or Parquet; `-` is standard input [default: the verdicts of the
    /// project that the task file is in]
    #[arg(value_name = "ROWS", requires = "expected")]
    pub(crate) rows: Option<PathBuf>,

    /// Column with the right answer, as people gave it
    #[arg(long, short, value_name = "COLUMN")]
    pub(crate) expected: Option<String>,

    /// Learn from the verdicts that people gave in `refuel review` beside the table
    #[arg(long)]
    pub(crate) reviews: bool,

    /// Write what was learned into the task file
    #[arg(long)]
    pub(crate) write: bool,

    /// Model to use instead of the task's: a name, or name@digest
    #[arg(long, short, env = "REFUEL_MODEL", value_name = "NAME")]
    pub(crate) model: Option<String>,

    /// Learn from the first N rows only
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) limit: Option<u64>,

    #[command(flatten)]
    pub(crate) tables: InputFormatArgs,

    #[command(flatten)]
    pub(crate) format: FormatArgs,

    #[command(flatten)]
    pub(crate) engine: EngineArgs,
}
