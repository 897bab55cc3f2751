//! Options that every verb takes.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// Heading under which `--help` lists the options of every verb.
pub(crate) const GLOBAL: &str = "Global options";

/// Options that every verb takes.
#[derive(Debug, Args)]
pub(crate) struct GlobalArgs {
    /// Folder that holds models, the answer cache and the ONNX Runtime library
    ///
    /// The default is `$XDG_DATA_HOME/refuel`, or `~/.local/share/refuel`.
    #[arg(long, global = true, env = "REFUEL_HOME", value_name = "DIR", help_heading = GLOBAL)]
    pub(crate) home: Option<PathBuf>,

    /// Whether `home` was named on the command line: what is named in the environment is there for the next command too
    #[arg(skip)]
    pub(crate) home_is_told: bool,

    /// Print nothing but data and errors
    #[arg(long, short, global = true, env = "REFUEL_QUIET", conflicts_with = "verbose", help_heading = GLOBAL)]
    pub(crate) quiet: bool,

    /// Log what is done to standard error; twice for more
    ///
    /// `REFUEL_LOG` takes a filter for single parts, such as `refuel_engine=debug`.
    #[arg(long, short, global = true, action = clap::ArgAction::Count, help_heading = GLOBAL)]
    pub(crate) verbose: u8,

    /// Show no progress
    #[arg(long, global = true, env = "REFUEL_NO_PROGRESS", help_heading = GLOBAL)]
    pub(crate) no_progress: bool,

    /// When to use colour
    ///
    /// `auto` follows the terminal, `NO_COLOR` and `CLICOLOR_FORCE`.
    #[arg(
        long, global = true, env = "REFUEL_COLOR", value_name = "WHEN", value_enum, default_value_t, hide_possible_values = true,
        help_heading = GLOBAL
    )]
    pub(crate) color: ColorChoice,
}

/// When to use colour.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum ColorChoice {
    /// When the stream is a terminal and `NO_COLOR` is not set
    #[default]
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// `--format`, for verbs that report something.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct FormatArgs {
    /// Form of the report
    #[arg(long, env = "REFUEL_FORMAT", value_name = "FORM", value_enum, default_value_t)]
    pub(crate) format: OutputFormat,
}

/// Form of a report.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum OutputFormat {
    /// For people
    #[default]
    Text,
    /// One JSON document with stable keys
    Json,
}
