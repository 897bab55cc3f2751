//! Arguments that the verbs of a project share.

mod build;
mod graph;
mod inspect;

use std::path::PathBuf;

use clap::{Args, ValueEnum};

pub(crate) use build::{BudgetArgs, BuildArgs, ModelArgs, RetryArgs, WorkArgs};
pub(crate) use graph::{DiffArgs, Drawing, LineageArgs, ListArgs, ListOutput};
pub(crate) use inspect::{CompileArgs, ExplainArgs, PlanArgs, ProjectShowArgs};

/// Heading under which `--help` lists the options of every project.
const PROJECT: &str = "Project options";
/// Heading under which `--help` lists the options that choose nodes.
const SELECTION: &str = "Selection";

/// Which project, and how it is read.
#[derive(Debug, Clone, Args)]
pub(crate) struct ProjectArgs {
    /// Folder of the project [default: the nearest above that has a `refuel_project.yml`]
    #[arg(long, env = "REFUEL_PROJECT_DIR", value_name = "DIR", help_heading = PROJECT)]
    pub(crate) project_dir: Option<PathBuf>,

    /// Folder of profiles.yml [default: the project's, then ~/.refuel]
    #[arg(long, env = "REFUEL_PROFILES_DIR", value_name = "DIR", help_heading = PROJECT)]
    pub(crate) profiles_dir: Option<PathBuf>,

    /// Target of the profile to build in
    #[arg(long, short = 't', env = "REFUEL_TARGET", value_name = "NAME", help_heading = PROJECT)]
    pub(crate) target: Option<String>,

    /// Variables, as YAML or JSON: '{since: 2025-01-01}'; or NAME=VALUE, as often as needed
    #[arg(long, value_name = "VARS", help_heading = PROJECT)]
    pub(crate) vars: Vec<String>,
}

/// Which nodes.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct SelectionArgs {
    /// Nodes to take: names, `+m+`, `2+m`, `@m`, tag:, path:, task:, source:, state:, result:
    ///
    /// Several words are taken together; a comma between two takes what both choose. `+` before a name adds what it is
    /// made of, behind it what is made of it, a number how far.
    #[arg(long, short = 's', value_name = "NODES", num_args = 1.., help_heading = SELECTION)]
    pub(crate) select: Vec<String>,

    /// Nodes to leave out, in the same words
    #[arg(long, value_name = "NODES", num_args = 1.., help_heading = SELECTION)]
    pub(crate) exclude: Vec<String>,

    /// Tests that come along with what they test
    #[arg(long, value_name = "WHICH", value_enum, default_value_t, help_heading = SELECTION)]
    pub(crate) indirect_selection: IndirectChoice,

    /// Do nothing, instead of failing, where nothing is selected
    #[arg(long, help_heading = SELECTION)]
    pub(crate) allow_empty_selection: bool,
}

/// Which tests come along with what they test.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum IndirectChoice {
    /// Those of anything that is selected
    #[default]
    Eager,
    /// Those of which everything that they test is selected
    Cautious,
    /// Those of which everything that they test is selected, or above what is
    Buildable,
    /// None
    Empty,
}
