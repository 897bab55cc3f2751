//! Arguments of `refuel eval`.

use std::path::PathBuf;

use clap::builder::ArgPredicate;
use clap::{Args, ValueEnum};

use super::engine::EngineArgs;
use super::label::InputFormatArgs;

const EXAMPLES: &str = "\
Examples:
  How good are the answers, on rows whose right answer people wrote into the column `agent_topic`?
    refuel eval tickets.csv --task topic.yml --expected agent_topic
  Which threshold is worth having?
    refuel eval tickets.csv --task topic.yml --expected agent_topic --threshold-table
  Is calibration better on, for this task and this model?
    refuel eval tickets.csv --task topic.yml --expected agent_topic --compare calibration=on,off
  As a page to look at, with plots and the errors that it was surest of?
    refuel eval tickets.csv --task topic.yml --expected agent_topic --format html > report.html
  How good are they on what people decided in `refuel review`?
    refuel eval --reviews --task tasks/topic.yml
  Which model?
    refuel eval tickets.csv --task topic.yml --expected agent_topic --compare model=smollm2-135m-instruct,qwen2.5-coder-1.5b-instruct";

/// Arguments of `refuel eval`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct EvalArgs {
    /// Table with right answers: CSV, TSV, JSON Lines or Parquet; `-` is standard input
    #[arg(value_name = "INPUT", required = false, required_unless_present = "reviews", default_value_if("reviews", ArgPredicate::Equals("true".into()), "verdicts"))]
    pub(crate) input: PathBuf,

    /// Task file that says what is asked of each row
    #[arg(long, short, env = "REFUEL_TASK", value_name = "FILE")]
    pub(crate) task: PathBuf,

    /// Column with the right answer, as people gave it
    #[arg(long, short, value_name = "COLUMN", required = false, required_unless_present = "reviews", default_value_if("reviews", ArgPredicate::Equals("true".into()), "verdict"))]
    pub(crate) expected: String,

    /// Evaluate on the verdicts that people gave in `refuel review`, instead of a table
    ///
    /// They are those of the project that the task file is in. What is reviewed is what the model was not sure of, so that
    /// it is less often right there than on all rows.
    #[arg(long, conflicts_with_all = ["input", "expected", "slice", "input_format", "delimiter"])]
    pub(crate) reviews: bool,

    /// Run the same rows once for each value of a setting, and show them side by side
    ///
    /// Settings: `calibration=on,off`, `model=NAME,NAME`, `examples=none,fixed,similar,diverse`,
    /// `truncate=head,tail,middle,error`, `threshold=none,0.5,0.8`, `confidence=normalized,raw`, `calibrated=on,off`. The
    /// first value is what the others are tested against (McNemar's test).
    #[arg(long, value_name = "KEY=A,B")]
    pub(crate) compare: Option<String>,

    /// Column whose values are looked at one by one, for those where the answers are worst; can be given several times
    #[arg(long, value_name = "COLUMN")]
    pub(crate) slice: Vec<String>,

    /// Show what each threshold would accept, and how much of that would be right
    #[arg(long)]
    pub(crate) threshold_table: bool,

    /// Model to use instead of the task's: a name, or name@digest
    #[arg(long, short, env = "REFUEL_MODEL", value_name = "NAME")]
    pub(crate) model: Option<String>,

    /// Evaluate the first N rows only
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) limit: Option<u64>,

    #[command(flatten)]
    pub(crate) tables: InputFormatArgs,

    /// Form of the report
    #[arg(long, env = "REFUEL_FORMAT", value_name = "FORM", value_enum, default_value_t)]
    pub(crate) format: EvalFormat,

    #[command(flatten)]
    pub(crate) engine: EngineArgs,
}

/// Form of an evaluation's report.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum EvalFormat {
    /// For people
    #[default]
    Text,
    /// One JSON document with stable keys
    Json,
    /// One page for a browser, which needs no other file
    Html,
}
