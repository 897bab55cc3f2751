//! Arguments of `refuel review`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::FormatArgs;
use super::project::ProjectArgs;

const TABLE: &str = "As a table instead";

const ABOUT: &str = "\
Answers that their task's threshold does not let through, and inputs that no answer came of, wait here for a person. A \
verdict outranks what any model says of the same input, from the next `refuel build` on, whatever becomes of the task.

Verdicts do not change the task: nothing else is asked again because of them. They become examples that the model is \
shown only by `--as-examples`, which writes them to a file beside the task. Where the task names that file, its \
fingerprint changes with it, and the next build asks every row anew.";

const EXAMPLES: &str = "\
Examples:
  The least sure answers of all tasks, one after the other:
    refuel review
  Those of one task, in any order, a hundred of them:
    refuel review --task ticket_topic --order random --limit 100
  In a spreadsheet: write it, fill in the column `verdict`, look at what it would do, take it in:
    refuel review --export queue.csv
    refuel review --import queue.csv --dry-run
    refuel review --import queue.csv
  Show the verdicts to the model as examples:
    refuel review --as-examples tasks/ticket_topic.yml";

/// Arguments of `refuel review`.
#[derive(Debug, Args)]
#[command(long_about = ABOUT, after_help = EXAMPLES)]
pub(crate) struct ReviewArgs {
    /// Model whose calls are looked through [default: those of all models]
    #[arg(value_name = "MODEL")]
    pub(crate) model: Option<String>,

    /// Task whose answers are looked through; can be given several times
    #[arg(long, value_name = "NAME", conflicts_with = "model")]
    pub(crate) task: Vec<String>,

    /// What comes first
    #[arg(long, value_name = "ORDER", value_enum, default_value_t)]
    pub(crate) order: ReviewOrder,

    /// Look through so many at most
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) limit: u32,

    /// Who decides, as it is kept with each verdict
    #[arg(long, env = "REFUEL_REVIEWER", value_name = "NAME")]
    pub(crate) reviewer: Option<String>,

    /// Print what waits, and decide nothing
    #[arg(long, conflicts_with_all = ["export", "import", "as_examples"])]
    pub(crate) list: bool,

    /// Take verdicts that were given, instead of what waits: with `--list` or `--export`
    #[arg(long, conflicts_with_all = ["import", "as_examples"])]
    pub(crate) decided: bool,

    /// Write what waits to a CSV file, with an empty column `verdict`; `-` is standard output
    ///
    /// A verdict is a label's name or alias, several with `;` between them where the task gives several, yes or no where it
    /// compares, and `!reject` where nothing that could be answered is right. Rows without one stay undecided.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["import", "as_examples"], help_heading = TABLE)]
    pub(crate) export: Option<PathBuf>,

    /// Take verdicts from such a file: all of them, or none where one can't be taken
    #[arg(long, value_name = "FILE", conflicts_with = "as_examples", help_heading = TABLE)]
    pub(crate) import: Option<PathBuf>,

    /// With `--import`: say what would be done, and do nothing
    #[arg(long, requires = "import", help_heading = TABLE)]
    pub(crate) dry_run: bool,

    /// Write the verdicts on a task to the file of examples beside it: `TASK.reviewed.jsonl`
    #[arg(long, value_name = "TASK FILE", conflicts_with_all = ["model", "task"])]
    pub(crate) as_examples: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) format: FormatArgs,

    #[command(flatten)]
    pub(crate) project: ProjectArgs,
}

/// What comes first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReviewOrder {
    /// The least sure
    #[default]
    Confidence,
    /// What was answered first
    Oldest,
    /// Chance decides
    Random,
}
