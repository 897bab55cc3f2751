//! `refuel model`: the registry of models.

use clap::{Args, Subcommand};

use crate::commands::ExitStatus;
use crate::context::Context;
use crate::error::Failure;

/// Arguments of `refuel model`.
#[derive(Debug, Args)]
pub(crate) struct ModelArgs {
    #[command(subcommand)]
    command: ModelCommand,
}

#[derive(Debug, Subcommand)]
enum ModelCommand {
    /// Print the folder that models are kept in
    Dir,
}

/// Runs `refuel model`.
pub(crate) fn run(arguments: ModelArgs, context: &Context) -> Result<ExitStatus, Failure> {
    match arguments.command {
        ModelCommand::Dir => context.printer.data(context.home()?.join("models").display())?,
    }
    Ok(ExitStatus::Success)
}
