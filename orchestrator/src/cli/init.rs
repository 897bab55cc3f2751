//! Arguments of `refuel init`.

use std::path::PathBuf;

use clap::Args;

use super::FormatArgs;

const EXAMPLES: &str = "\
Examples:
  A project that runs at once:
    refuel init library && cd library && refuel build
  In the current folder, with nothing in it:
    refuel init --empty";

/// Arguments of `refuel init`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct InitArgs {
    /// Folder of the project, which is made where it isn't there
    #[arg(value_name = "FOLDER", default_value = ".")]
    pub(crate) folder: PathBuf,

    /// Name of the project [default: the folder's]
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,

    /// Write settings and empty folders, and no example
    #[arg(long)]
    pub(crate) empty: bool,

    #[command(flatten)]
    pub(crate) format: FormatArgs,
}
