//! Arguments of `refuel label`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use refuel_tables::Format;

use super::FormatArgs;
use super::engine::EngineArgs;

const EXAMPLES: &str = "\
Examples:
  Label a file, and keep its columns:
    refuel label tickets.csv --task topic.yml -o labeled.csv
  See what it would cost before anything runs:
    refuel label tickets.csv --task topic.yml --dry-run
  Go on after Ctrl-C, a crash or a full disk:
    refuel label tickets.csv --task topic.yml -o labeled.csv --resume
  In a pipe:
    cat tickets.jsonl | refuel label - --input-format jsonl --task topic.yml | jq .topic";

/// Arguments of `refuel label`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "flags of a command line stand for themselves"
)]
pub(crate) struct LabelArgs {
    /// Table to label: CSV, TSV, JSON Lines or Parquet; `-` is standard input
    #[arg(value_name = "INPUT")]
    pub(crate) input: PathBuf,

    /// Task file that says what is asked of each row
    #[arg(long, short, env = "REFUEL_TASK", value_name = "FILE")]
    pub(crate) task: PathBuf,

    /// Table to write; `-` is standard output
    ///
    /// It has the columns of the input, and those of the answers behind them. While it is written it is called
    /// `OUT.partial`. A link stays, and the file behind it is the table; rows go to a pipe or a device as they come.
    #[arg(long, short, value_name = "OUT", default_value = "-")]
    pub(crate) output: PathBuf,

    /// Model to use instead of the task's: a name, or name@digest
    #[arg(long, short, env = "REFUEL_MODEL", value_name = "NAME")]
    pub(crate) model: Option<String>,

    /// Go on with OUT where an earlier run stopped
    #[arg(long, conflicts_with_all = ["force", "dry_run"])]
    pub(crate) resume: bool,

    /// Write over OUT, and over what an earlier run began
    #[arg(long)]
    pub(crate) force: bool,

    /// Print rows, distinct inputs, cached answers, tokens and the time it would take, and stop
    #[arg(long)]
    pub(crate) dry_run: bool,

    /// Label the first N rows only
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) limit: Option<u64>,

    /// What happens to a row that fails, instead of what the task says
    #[arg(long, value_name = "POLICY", value_enum)]
    pub(crate) on_error: Option<OnErrorChoice>,

    /// Name that the answers' columns begin with [default: the task's name]
    #[arg(long, value_name = "NAME", value_parser = parse_prefix)]
    pub(crate) prefix: Option<String>,

    /// Add a column with what else could have been answered, and how sure each is, as JSON
    #[arg(long)]
    pub(crate) scores: bool,

    /// Show N rows with their answers at the end [default: 8 on a terminal, else 0]
    #[arg(long, value_name = "N")]
    pub(crate) preview: Option<usize>,

    #[command(flatten)]
    pub(crate) tables: InputFormatArgs,

    /// Format of the output [default: by its name; for standard output that of the input]
    #[arg(long, value_name = "FORMAT", value_enum)]
    pub(crate) output_format: Option<TableFormat>,

    #[command(flatten)]
    pub(crate) format: FormatArgs,

    #[command(flatten)]
    pub(crate) engine: EngineArgs,
}

/// How an input table is read.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct InputFormatArgs {
    /// Format of the input [default: by its name]
    #[arg(long, value_name = "FORMAT", value_enum)]
    pub(crate) input_format: Option<TableFormat>,

    /// What separates the fields of CSV: one character, or `tab`
    #[arg(long, value_name = "CHARACTER", value_parser = parse_delimiter)]
    pub(crate) delimiter: Option<u8>,
}

/// Formats of tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum TableFormat {
    /// Comma-separated values with a header (RFC 4180)
    Csv,
    /// Tab-separated values with a header
    Tsv,
    /// One JSON object a line
    #[value(alias = "ndjson")]
    Jsonl,
    /// Apache Parquet
    Parquet,
}

impl From<TableFormat> for Format {
    fn from(format: TableFormat) -> Self {
        match format {
            TableFormat::Csv => Self::Csv,
            TableFormat::Tsv => Self::Tsv,
            TableFormat::Jsonl => Self::Jsonl,
            TableFormat::Parquet => Self::Parquet,
        }
    }
}

/// What happens to a row that fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum OnErrorChoice {
    /// The run stops
    Fail,
    /// The value is null
    Null,
    /// The value is null, and the reason is kept beside it
    Capture,
}

fn parse_prefix(text: &str) -> Result<String, String> {
    if text.trim().is_empty() || text.chars().any(char::is_control) {
        return Err("it has to name a column: at least one visible character, and no line end".to_owned());
    }
    Ok(text.to_owned())
}

fn parse_delimiter(text: &str) -> Result<u8, String> {
    match text.as_bytes() {
        [byte] if byte.is_ascii() && !matches!(byte, b'"' | b'\n' | b'\r') => Ok(*byte),
        b"tab" | b"\\t" => Ok(b'\t'),
        _ => Err("it has to be one ASCII character that is neither a quote nor a line end, or `tab`".to_owned()),
    }
}
