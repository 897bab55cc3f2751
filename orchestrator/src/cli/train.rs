//! Arguments of `refuel train` and `refuel distill`.

use std::path::PathBuf;

use clap::Args;

use super::engine::EngineArgs;
use super::label::InputFormatArgs;
use super::{FormatArgs, parse_share};

const ABOUT: &str = "\
Trains a head on the examples of a task: a small model that answers from an embedding of the text; where fields are read \
out of it, from its words and their states in an encoder; and where records are matched, from how alike they are column \
by column. With `strategy: head` in the task file it answers instead of the \
language model, a hundred times as fast; with `strategy: cascade` it answers what it is sure of, and the language model \
the rest.

All rows of `examples:` are learned from, whether a prompt shows them or not, and names and descriptions of the labels \
with them. In a project, what people decided in `refuel review` is learned from too, and outranks an example of the same \
input. What is reported was measured on rows that were held out. The head is kept under the task's name in the registry \
(`refuel model show NAME`); the same rows make the same head.";

const EXAMPLES: &str = "\
Examples:
  Train the head of a task on its examples:
    refuel train topic.yml
  On rows of a table, too, whose right answers are in a column:
    refuel train topic.yml --from tickets.csv --expected agent_topic
  Look at it, and use it:
    refuel model show topic
    refuel label tickets.csv --task topic.yml -o labeled.csv";

/// What `refuel train` and `refuel distill` learn from and how.
#[derive(Debug, Args)]
pub(crate) struct TrainingArgs {
    /// Name of the head in the registry [default: `head:` of the task, or its name]
    #[arg(long = "as", value_name = "NAME")]
    pub(crate) name: Option<String>,

    /// Model whose embeddings the head reads [default: the one that chooses the task's examples]
    #[arg(long, value_name = "NAME")]
    pub(crate) embedding: Option<String>,

    /// Tune the embedding model itself on the rows, and train the head on that
    ///
    /// Takes minutes for some hundred rows, and tells labels apart that look alike to a model which was made for any text.
    /// The tuned model is kept beside the head as `NAME-encoder`. The checkpoint that the embedding model was compiled of is
    /// fetched once.
    #[arg(long)]
    pub(crate) tune_encoder: bool,

    /// How often a tuned model sees each row
    #[arg(long, value_name = "N", default_value_t = 10, requires = "tune_encoder", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) epochs: u32,

    /// Leave out what people decided in `refuel review`
    #[arg(long)]
    pub(crate) no_verdicts: bool,
}

/// Arguments of `refuel train`.
#[derive(Debug, Args)]
#[command(long_about = ABOUT, after_help = EXAMPLES)]
pub(crate) struct TrainArgs {
    /// Task file
    #[arg(value_name = "TASK")]
    pub(crate) task: PathBuf,

    /// Table of more labelled rows: CSV, TSV, JSON Lines or Parquet; `-` is standard input
    #[arg(long, value_name = "FILE", requires = "expected")]
    pub(crate) from: Option<PathBuf>,

    /// Column of the table with the right answers
    #[arg(long, short, value_name = "COLUMN", requires = "from")]
    pub(crate) expected: Option<String>,

    #[command(flatten)]
    pub(crate) training: TrainingArgs,

    /// Language model of a cascade, instead of the task's: a name, or name@digest
    #[arg(long, short, env = "REFUEL_MODEL", value_name = "NAME")]
    pub(crate) model: Option<String>,

    /// Ask the language model of a cascade about so many rows at most
    #[arg(long, value_name = "N", default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) most_asked: u32,

    #[command(flatten)]
    pub(crate) tables: InputFormatArgs,

    #[command(flatten)]
    pub(crate) format: FormatArgs,

    #[command(flatten)]
    pub(crate) engine: EngineArgs,
}

const DISTILL: &str = "\
Lets a language model answer rows that nobody labelled, and trains a head on its answers: one that answers nearly as it \
does, a hundred times as fast. Answers that the task's threshold does not let through are left out. Examples of the task, \
and what people decided in `refuel review`, are learned from too, and outrank the teacher on an equal input.

What is reported is how often the head agrees with what it was taught, on rows that were held out: it says nothing of how \
right the teacher is. `refuel eval` does, on rows that people labelled.";

const DISTILL_EXAMPLES: &str = "\
Examples:
  Let the task's own model label ten thousand rows, and learn from them:
    refuel distill topic.yml --rows tickets.csv --limit 10000
  A stronger model than the task's, and only what it is sure of:
    refuel distill topic.yml --rows tickets.csv --teacher qwen2.5-coder-1.5b-instruct --least 0.8";

/// Arguments of `refuel distill`.
#[derive(Debug, Args)]
#[command(long_about = DISTILL, after_help = DISTILL_EXAMPLES)]
pub(crate) struct DistillArgs {
    /// Task file
    #[arg(value_name = "TASK")]
    pub(crate) task: PathBuf,

    /// Table of rows that the teacher answers: CSV, TSV, JSON Lines or Parquet; `-` is standard input
    #[arg(long, value_name = "FILE")]
    pub(crate) rows: PathBuf,

    /// Language model that teaches [default: the task's own]
    #[arg(long, env = "REFUEL_MODEL", value_name = "NAME")]
    pub(crate) teacher: Option<String>,

    /// Learn from answers of this confidence or more [default: the task's threshold, else all]
    #[arg(long, value_name = "CONFIDENCE", value_parser = parse_share)]
    pub(crate) least: Option<f32>,

    /// Let the teacher answer the first N rows only
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) limit: Option<u64>,

    #[command(flatten)]
    pub(crate) training: TrainingArgs,

    #[command(flatten)]
    pub(crate) tables: InputFormatArgs,

    #[command(flatten)]
    pub(crate) format: FormatArgs,

    #[command(flatten)]
    pub(crate) engine: EngineArgs,
}
