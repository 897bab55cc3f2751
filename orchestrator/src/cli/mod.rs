//! Argument types: what can be asked for, and the text of `--help`. Nothing here reads a file or prints.

pub(crate) mod global;

use clap::builder::Styles;
use clap::builder::styling::{AnsiColor, Effects};
use clap::{Parser, Subcommand};

pub(crate) use global::{ColorChoice, FormatArgs, GlobalArgs, OutputFormat};

use crate::commands::model::ModelArgs;

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Green.on_default().effects(Effects::BOLD))
    .usage(AnsiColor::Green.on_default().effects(Effects::BOLD))
    .literal(AnsiColor::Cyan.on_default().effects(Effects::BOLD))
    .placeholder(AnsiColor::Cyan.on_default());

/// Label, match and complete messy text with local models
#[derive(Debug, Parser)]
#[command(
    name = "refuel",
    version,
    styles = STYLES,
    max_term_width = 100,
    arg_required_else_help = true,
    subcommand_required = true,
    disable_help_subcommand = true,
    after_help = "Run `refuel VERB --help` for what a verb takes, with examples."
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: GlobalArgs,

    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Fetch, import, list, check and remove models
    Model(ModelArgs),
}
