//! Arguments of `refuel resolve` and `refuel repair`: tasks over whole tables.

use std::path::PathBuf;

use clap::Args;

use super::engine::EngineArgs;
use super::label::{InputFormatArgs, TableFormat};
use super::{FormatArgs, parse_share};

const RESOLVE_EXAMPLES: &str = "\
Examples:
  Which rows of a table are the same thing?
    refuel resolve same_vendor.yml vendors.csv -o resolved.csv
  One row for each thing, made of the best of its rows:
    refuel resolve same_vendor.yml vendors.csv -o resolved.csv --entities entities.csv
  Which rows of one table are which of another?
    refuel resolve same_product.yml ours.csv theirs.jsonl -o linked.csv
  A table of a SQLite database:
    refuel resolve same_vendor.yml shop.sqlite3#vendors
  How good is it, where a column says what is the same?
    refuel resolve same_vendor.yml vendors.csv --expected cluster --format json";

const REPAIR_EXAMPLES: &str = "\
Examples:
  Which cells look wrong, and what should stand there?
    refuel repair mend_beers.yml beers.csv -o proposals.csv
  Take what is sure enough:
    refuel repair mend_beers.yml beers.csv -o proposals.csv --apply mended.csv --least 0.9
  Which rows should a person put right, so that the rest gets better?
    refuel repair mend_beers.yml beers.csv --choose 20 -o to_do.csv
  How good is it, where another table has what is right?
    refuel repair mend_beers.yml beers.csv --expected right.csv --format json";

/// What both verbs take.
#[derive(Debug, Args)]
pub(crate) struct RelationArgs {
    /// Table to write; `-` is standard output
    #[arg(long, short, value_name = "OUT", default_value = "-")]
    pub(crate) output: PathBuf,

    /// Write over what is there
    #[arg(long)]
    pub(crate) force: bool,

    /// Take the first N rows of each table only
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) limit: Option<u64>,

    #[command(flatten)]
    pub(crate) tables: InputFormatArgs,

    /// Format of the output [default: by its name; for standard output that of the input]
    #[arg(long, value_name = "FORMAT", value_enum)]
    pub(crate) output_format: Option<TableFormat>,

    #[command(flatten)]
    pub(crate) format: FormatArgs,
}

/// Arguments of `refuel resolve`.
#[derive(Debug, Args)]
#[command(after_help = RESOLVE_EXAMPLES)]
pub(crate) struct ResolveArgs {
    /// Task file of kind `resolve`
    #[arg(value_name = "TASK")]
    pub(crate) task: PathBuf,

    /// One table or two: CSV, TSV, JSON Lines, Parquet, or FILE#TABLE of SQLite; `-` is standard input
    #[arg(value_name = "SOURCE", required = true, num_args = 1..=2)]
    pub(crate) sources: Vec<String>,

    /// Write one row for each entity to this table: its canonical record
    #[arg(long, value_name = "FILE")]
    pub(crate) entities: Option<PathBuf>,

    /// Write the pairs that were compared to this table, with how likely each is one thing
    #[arg(long, value_name = "FILE")]
    pub(crate) pairs: Option<PathBuf>,

    /// Above this probability a pair speaks for being one thing, instead of what the task says
    #[arg(long, value_name = "P", value_parser = parse_between)]
    pub(crate) threshold: Option<f32>,

    /// Column that says what is the same: rows with one value are; the result is compared with it
    ///
    /// It is not compared by itself.
    #[arg(long, short, value_name = "COLUMN")]
    pub(crate) expected: Option<String>,

    /// Embedding model to use instead of the task's: a name, or name@digest
    #[arg(long, short, env = "REFUEL_MODEL", value_name = "NAME")]
    pub(crate) model: Option<String>,

    #[command(flatten)]
    pub(crate) common: RelationArgs,

    #[command(flatten)]
    pub(crate) engine: EngineArgs,
}

/// Arguments of `refuel repair`.
#[derive(Debug, Args)]
#[command(after_help = REPAIR_EXAMPLES)]
pub(crate) struct RepairArgs {
    /// Task file of kind `repair`
    #[arg(value_name = "TASK")]
    pub(crate) task: PathBuf,

    /// The table: CSV, TSV, JSON Lines, Parquet, or FILE#TABLE of SQLite; `-` is standard input
    #[arg(value_name = "SOURCE")]
    pub(crate) source: String,

    /// Write the whole table, with what is proposed in its place, to this table
    #[arg(long, value_name = "FILE")]
    pub(crate) apply: Option<PathBuf>,

    /// The least confidence of what `--apply` takes [default: the task's threshold]
    #[arg(long, value_name = "P", value_parser = parse_share, requires = "apply")]
    pub(crate) least: Option<f32>,

    /// The least confidence of a proposal, instead of what the task says
    #[arg(long, value_name = "P", value_parser = parse_share)]
    pub(crate) threshold: Option<f32>,

    /// Write the N rows that a person should put right next, instead of proposals
    ///
    /// Put right what is wrong in them, and name the table in the task: `examples: {from: FILE}`.
    #[arg(long, value_name = "N", conflicts_with_all = ["apply", "expected"], value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) choose: Option<u32>,

    /// Table with the same rows as they should be, by the task's key; the proposals are compared with it
    #[arg(long, short, value_name = "SOURCE")]
    pub(crate) expected: Option<String>,

    #[command(flatten)]
    pub(crate) common: RelationArgs,
}

fn parse_between(text: &str) -> Result<f32, String> {
    match text.parse() {
        Ok(share) if 0.0 < share && share < 1.0 => Ok(share),
        _ => Err("it has to be a number between 0 and 1".to_owned()),
    }
}
