//! Arguments of `refuel cache`.

use clap::{Args, Subcommand};

use super::FormatArgs;

/// Arguments of `refuel cache`.
#[derive(Debug, Args)]
pub(crate) struct CacheArgs {
    #[command(subcommand)]
    pub(crate) command: CacheCommand,
}

/// What can be done with kept answers.
#[derive(Debug, Subcommand)]
pub(crate) enum CacheCommand {
    /// Show how many answers are kept, and where
    Ls(FormatArgs),
    /// Forget every kept answer
    Clear,
}
