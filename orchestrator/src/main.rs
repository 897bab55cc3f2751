//! The `refuel` command line.
//!
//! Argument types live in [`cli`], what a verb does in [`commands`], one file a verb. Only the [`printer`] writes to
//! standard output and standard error, and only [`error`] knows how a failure looks and which exit status it earns.

mod answerer;
mod cli;
mod commands;
mod context;
mod error;
mod home;
mod interrupt;
mod logging;
mod memory;
mod panic;
mod printer;
mod progress;
mod table;
mod words;

use std::process::ExitCode;

use crate::cli::Cli;
use crate::context::Context;

fn main() -> ExitCode {
    memory::give_back_soon();
    panic::install();
    // clap prints help to standard output with status 0, and a wrong request to standard error with status 2.
    let cli = Cli::read(std::env::args_os()).unwrap_or_else(|wrong| wrong.exit());
    let context = Context::new(&cli.global);
    logging::start(&cli.global, &cli.command);
    match commands::run(cli.command, &context) {
        Ok(status) => status.into(),
        Err(failure) => context.printer.failure(&failure).into(),
    }
}
