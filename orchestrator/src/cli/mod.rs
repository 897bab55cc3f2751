//! Argument types: what can be asked for, and the text of `--help`. Nothing here reads a file or prints.

mod cache;
mod debug;
pub(crate) mod engine;
mod eval;
pub(crate) mod global;
mod host;
pub(crate) mod label;
mod man;
mod model;
mod task;

use clap::builder::Styles;
use clap::builder::styling::{AnsiColor, Effects};
use clap::{Parser, Subcommand};

pub(crate) use cache::{CacheArgs, CacheCommand};
pub(crate) use debug::DebugArgs;
pub(crate) use engine::{DeviceChoice, EngineArgs};
pub(crate) use eval::EvalArgs;
pub(crate) use global::{ColorChoice, FormatArgs, GlobalArgs, OutputFormat};
pub(crate) use host::{HostArgs, LogFormat};
pub(crate) use label::{LabelArgs, OnErrorChoice};
pub(crate) use man::{ManArgs, SchemaChoice};
pub(crate) use model::{
    DirArgs, ImportArgs, InstallArgs, LsArgs, ModelArgs, ModelCommand, PullArgs, RmArgs, ShowArgs, VerifyArgs,
    WeightsChoice,
};
pub(crate) use task::{TaskArgs, TaskCheckArgs, TaskCommand, TaskExportArgs, TaskExportFormat};

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
    /// Label every row of a table
    Label(Box<LabelArgs>),
    /// Compare answers with right ones
    Eval(Box<EvalArgs>),
    /// Check a task file
    Task(TaskArgs),
    /// Fetch, import, list, check and remove models
    Model(ModelArgs),
    /// Answer the databases and programs of this machine
    Host(Box<HostArgs>),
    /// Show or forget kept answers
    Cache(CacheArgs),
    /// Show what this machine has: library, devices, models, memory
    Debug(DebugArgs),
    /// Read about task files, errors, exit codes and environment variables
    Man(ManArgs),
}
