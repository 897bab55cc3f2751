//! Argument types: what can be asked for, and the text of `--help`. Nothing here reads a file or prints.

mod cache;
mod calibrate;
mod debug;
pub(crate) mod engine;
mod eval;
pub(crate) mod global;
mod host;
mod init;
pub(crate) mod label;
mod man;
mod model;
pub(crate) mod project;
mod relations;
mod review;
mod runs;
mod schedule;
mod task;
mod train;
mod tune;

use std::path::PathBuf;

use clap::builder::styling::{AnsiColor, Effects};
use clap::builder::{Resettable, Styles};
use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{ArgMatches, CommandFactory, FromArgMatches, Parser, Subcommand};

pub(crate) use cache::{CacheArgs, CacheCommand};
pub(crate) use calibrate::CalibrateArgs;
pub(crate) use debug::DebugArgs;
pub(crate) use engine::{DeviceChoice, EngineArgs};
pub(crate) use eval::{EvalArgs, EvalFormat};
pub(crate) use global::{ColorChoice, FormatArgs, GlobalArgs, OutputFormat};
pub(crate) use host::{HostArgs, LogFormat};
pub(crate) use init::InitArgs;
pub(crate) use label::{InputFormatArgs, LabelArgs, OnErrorChoice};
pub(crate) use man::{ManArgs, SchemaChoice};
pub(crate) use model::{
    DirArgs, ImportArgs, InstallArgs, LsArgs, ModelArgs, ModelCommand, PullArgs, RmArgs, ShowArgs, VerifyArgs,
    WeightsChoice,
};
pub(crate) use relations::{RepairArgs, ResolveArgs};
pub(crate) use review::{ReviewArgs, ReviewOrder};
pub(crate) use runs::{RunsArgs, RunsCommand, RunsShowArgs};
pub(crate) use schedule::{ScheduleArgs, ScheduleCommand, ScheduleProjects, TriggerArgs};
pub(crate) use task::{TaskArgs, TaskCheckArgs, TaskCommand, TaskExportArgs, TaskExportFormat};
pub(crate) use train::{DistillArgs, TrainArgs, TrainingArgs};
pub(crate) use tune::TuneArgs;

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Green.on_default().effects(Effects::BOLD))
    .usage(AnsiColor::Green.on_default().effects(Effects::BOLD))
    .literal(AnsiColor::Cyan.on_default().effects(Effects::BOLD))
    .placeholder(AnsiColor::Cyan.on_default());

/// Label, match and clean messy text in databases with local models
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

impl Cli {
    /// Reads the command line.
    ///
    /// # Errors
    /// Where it is wrong, and where it asks for help: clap knows how to print either.
    pub(crate) fn read(words: impl IntoIterator<Item = std::ffi::OsString>) -> Result<Self, clap::Error> {
        let words: Vec<std::ffi::OsString> = words.into_iter().collect();
        let mut command = Self::command();
        let matches = command
            .try_get_matches_from_mut(&words)
            .map_err(|wrong| without_environment(wrong, &words))?;
        refuse_misplaced(&mut command, &matches)?;
        let mut cli = Self::from_arg_matches(&matches)?;
        cli.global.home_is_told = is_told(&matches, "home");
        Ok(cli)
    }
}

/// The same error of the command line alone. Its usage otherwise shows options that environment variables give as if they
/// had to be there.
fn without_environment(wrong: clap::Error, words: &[std::ffi::OsString]) -> clap::Error {
    fn bare(command: clap::Command) -> clap::Command {
        command
            .mut_args(|argument| argument.env(Resettable::Reset))
            .mut_subcommands(bare)
    }
    if !matches!(
        wrong.kind(),
        ErrorKind::MissingRequiredArgument | ErrorKind::ArgumentConflict
    ) {
        return wrong;
    }
    let same = bare(Cli::command()).try_get_matches_from(words).err();
    same.filter(|same| same.kind() == wrong.kind()).unwrap_or(wrong)
}

/// Whether an option that every verb takes was given on the command line, before the verb or behind it.
fn is_told(matches: &ArgMatches, option: &str) -> bool {
    matches.value_source(option) == Some(ValueSource::CommandLine)
        || matches.subcommand().is_some_and(|(_, below)| is_told(below, option))
}

/// Refuses options of a verb that mean nothing to what stands below it, such as `refuel schedule --once trigger JOB`.
/// Those that every verb takes may stand before it, which `args_conflicts_with_subcommands` would not let them.
fn refuse_misplaced(command: &mut clap::Command, matches: &ArgMatches) -> Result<(), clap::Error> {
    let Some((verb, of_verb)) = matches.subcommand() else {
        return Ok(());
    };
    let (Some(verb), Some((below, _))) = (command.find_subcommand_mut(verb), of_verb.subcommand()) else {
        return Ok(());
    };
    let misplaced = verb
        .get_arguments()
        .filter(|argument| !argument.is_global_set())
        .find(|argument| of_verb.value_source(argument.get_id().as_str()) == Some(ValueSource::CommandLine))
        .map(ToString::to_string);
    match misplaced {
        None => Ok(()),
        Some(argument) => Err(verb.error(
            ErrorKind::ArgumentConflict,
            format!("'{argument}' cannot be used with the subcommand '{below}'"),
        )),
    }
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make a new project
    Init(InitArgs),
    /// Build a project: seeds, models and their tests, in the order in which they depend on each other
    Build(Box<project::BuildArgs>),
    /// Build models alone
    Run(Box<project::BuildArgs>),
    /// Run tests, unit tests and evaluations
    Test(Box<project::BuildArgs>),
    /// Load the small tables of a project
    Seed(Box<project::BuildArgs>),
    /// Go on with the last run: what failed, was skipped or was stopped
    Retry(Box<project::RetryArgs>),
    /// Say what a build would do and cost: rows, tokens, time
    Plan(Box<project::PlanArgs>),
    /// Read a project, and say what is wrong with it; write its SQL and its manifest
    Compile(Box<project::CompileArgs>),
    /// Show rows of a model or of a query
    Show(Box<project::ProjectShowArgs>),
    /// List the nodes of a project
    #[command(name = "ls")]
    List(Box<project::ListArgs>),
    /// Show what a model or column comes from, and what comes from it
    Lineage(Box<project::LineageArgs>),
    /// Show what changed since the project was built, and what follows from it
    Diff(Box<project::DiffArgs>),
    /// Say why a row was asked again, or was not
    Explain(Box<project::ExplainArgs>),
    /// Label every row of a table
    Label(Box<LabelArgs>),
    /// Compare answers with right ones
    Eval(Box<EvalArgs>),
    /// Train a head on labelled rows, to answer instead of a language model or before it
    Train(Box<TrainArgs>),
    /// Compare the ways of answering a task on labelled rows, and pick one
    Tune(Box<TuneArgs>),
    /// Train a head on what a language model says
    Distill(Box<DistillArgs>),
    /// Learn from rows with right answers how sure answers really are, and choose a threshold
    Calibrate(Box<CalibrateArgs>),
    /// Find which rows of whole tables are the same thing
    Resolve(Box<ResolveArgs>),
    /// Find which cells of a whole table are wrong, and what should stand there
    Repair(Box<RepairArgs>),
    /// Check a task file
    Task(TaskArgs),
    /// Decide on answers that are not sure enough
    Review(Box<ReviewArgs>),
    /// Run the jobs of projects by the clock
    Schedule(Box<ScheduleArgs>),
    /// Show what the schedule has run
    Runs(RunsArgs),
    /// Fetch, import, list, check and remove models
    Model(ModelArgs),
    /// Answer the databases and programs of this machine
    Host(Box<HostArgs>),
    /// Show or forget kept answers
    Cache(CacheArgs),
    /// Show what this machine has: library, devices, models, memory
    Debug(DebugArgs),
    /// Read about files of projects, errors, exit codes and environment variables
    Man(ManArgs),
}

impl Command {
    /// The task file that the verb was given. None where it takes none.
    pub(crate) fn task_file(&self) -> Option<PathBuf> {
        let file = match self {
            Self::Label(arguments) => &arguments.task,
            Self::Eval(arguments) => &arguments.task,
            Self::Train(arguments) => &arguments.task,
            Self::Tune(arguments) => &arguments.task,
            Self::Distill(arguments) => &arguments.task,
            Self::Calibrate(arguments) => &arguments.task,
            Self::Task(TaskArgs {
                command: TaskCommand::Check(arguments),
            }) => &arguments.task,
            _ => return None,
        };
        Some(file.clone())
    }
}

/// Reads a number from 0 to 1.
fn parse_share(text: &str) -> Result<f32, String> {
    match text.parse() {
        Ok(share) if (0.0..=1.0).contains(&share) => Ok(share),
        _ => Err("it has to be a number from 0 to 1".to_owned()),
    }
}
