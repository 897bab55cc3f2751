//! Arguments of `refuel tune`.

use std::path::PathBuf;

use clap::Args;

use super::FormatArgs;
use super::engine::EngineArgs;
use super::label::InputFormatArgs;

const ABOUT: &str = "\
Answers labelled rows in every way that the task can be answered, and shows them side by side: rules, the examples most \
alike, a trained head, language models with and without examples, and a cascade. The head is trained first where that has \
not been done on the task's examples. Rows that are examples of the task are left out: they would prove nothing.

The pick is the cheapest way that is not measurably worse than the best, by the 95 % interval of their difference on the \
same rows. Rules are cheaper than what embeds a text (`similar`, `head`), these than a cascade, and a language model costs most; of ways that cost the \
same, the one that is right more often is picked.";

const EXAMPLES: &str = "\
Examples:
  Which way of answering is best, on rows whose right answers are in the column `agent_topic`?
    refuel tune topic.yml --rows tickets.csv --expected agent_topic
  With another model beside the task's own, and the pick written into the task file:
    refuel tune topic.yml --rows tickets.csv --expected agent_topic --model qwen2.5-coder-1.5b-instruct --write";

/// Arguments of `refuel tune`.
#[derive(Debug, Args)]
#[command(long_about = ABOUT, after_help = EXAMPLES)]
pub(crate) struct TuneArgs {
    /// Task file
    #[arg(value_name = "TASK")]
    pub(crate) task: PathBuf,

    /// Table of labelled rows: CSV, TSV, JSON Lines or Parquet; `-` is standard input
    #[arg(long, value_name = "FILE")]
    pub(crate) rows: PathBuf,

    /// Column of the table with the right answers
    #[arg(long, short, value_name = "COLUMN")]
    pub(crate) expected: String,

    /// Language model to compare beside the task's own; can be given several times
    #[arg(long, short, value_name = "NAME")]
    pub(crate) model: Vec<String>,

    /// Leave the language model out: compare what needs none
    #[arg(long, conflicts_with = "model")]
    pub(crate) no_model: bool,

    /// Compare on the first N rows only
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) limit: Option<u64>,

    /// Ask the language model of a cascade about so many examples at most, where the head is trained first
    #[arg(long, value_name = "N", default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) most_asked: u32,

    /// Write the pick into the task file
    #[arg(long)]
    pub(crate) write: bool,

    #[command(flatten)]
    pub(crate) tables: InputFormatArgs,

    #[command(flatten)]
    pub(crate) format: FormatArgs,

    #[command(flatten)]
    pub(crate) engine: EngineArgs,
}
