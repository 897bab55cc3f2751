//! What the verbs do, one file or folder a verb.

mod cache;
mod calibrate;
mod debug;
mod distill;
mod eval;
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
mod task_file;
mod train;
mod tune;

use std::process::ExitCode;

use refuel_engine::TASK_FILE;
use refuel_runs::Command as Work;

use crate::cli::Command;
use crate::context::Context;
use crate::error::Failure;
use crate::words;

/// How the process ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ExitStatus {
    /// What was asked for was done.
    Success,
    /// The request was fine, the work failed.
    Failure,
    /// The work failed for a reason that may pass.
    Later,
    /// The request was wrong.
    Usage,
    /// Somebody asked for the work to stop before it was done.
    Interrupted,
}

impl ExitStatus {
    /// Every status, in the order of the documentation.
    pub(crate) const ALL: [Self; 5] = [
        Self::Success,
        Self::Failure,
        Self::Usage,
        Self::Later,
        Self::Interrupted,
    ];

    /// The number that says it, and nothing else.
    pub(crate) fn number(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::Failure => 1,
            Self::Usage => 2,
            Self::Later => refuel_schedule::LATER as u8,
            // The shells' convention: 128 and the number of SIGINT.
            Self::Interrupted => 130,
        }
    }

    /// What it means.
    pub(crate) fn meaning(self) -> &'static str {
        match self {
            Self::Success => "What was asked for was done.",
            Self::Failure => "The request was fine, the work failed. What was done until then is kept.",
            Self::Usage => "The request was wrong: an option, a task file, a table or a model. Nothing was done.",
            Self::Later => {
                "Instead of 1, where `refuel schedule` started the work: it failed for a reason that may pass, such as a \
                 lost connection or a lock, and is tried again."
            }
            Self::Interrupted => {
                "Ctrl-C or SIGTERM ended the work. What was done until then is kept, and `--resume` goes on."
            }
        }
    }
}

impl From<ExitStatus> for ExitCode {
    fn from(status: ExitStatus) -> Self {
        match status {
            // Shells and people need not know more than that the work failed.
            ExitStatus::Later if !refuel_schedule::is_attempt() => ExitStatus::Failure.number(),
            status => status.number(),
        }
        .into()
    }
}

/// Runs a verb.
pub(crate) fn run(command: Command, context: &Context) -> Result<ExitStatus, Failure> {
    let task = command.task_file();
    run_verb(command, context).map_err(|failure| {
        failure.with_hints(|hint| {
            let hint = context.in_hint(hint);
            match &task {
                Some(file) => hint.replace(TASK_FILE, &words::shell(&file.display().to_string())),
                None => hint,
            }
        })
    })
}

fn run_verb(command: Command, context: &Context) -> Result<ExitStatus, Failure> {
    match command {
        Command::Init(arguments) => init::run(&arguments, context),
        Command::Build(arguments) => project::build::run(Work::Build, &arguments, context),
        Command::Run(arguments) => project::build::run(Work::Run, &arguments, context),
        Command::Test(arguments) => project::build::run(Work::Test, &arguments, context),
        Command::Seed(arguments) => project::build::run(Work::Seed, &arguments, context),
        Command::Retry(arguments) => project::build::retry(&arguments, context),
        Command::Plan(arguments) => project::plan::run(&arguments, context),
        Command::Compile(arguments) => project::compile::run(&arguments, context),
        Command::List(arguments) => project::list::run(&arguments, context),
        Command::Lineage(arguments) => project::lineage::run(&arguments, context),
        Command::Diff(arguments) => project::diff::run(&arguments, context),
        Command::Show(arguments) => project::show::run(&arguments, context),
        Command::Explain(arguments) => project::explain::run(&arguments, context),
        Command::Label(arguments) => label::run(&arguments, context),
        Command::Eval(arguments) => eval::run(&arguments, context),
        Command::Calibrate(arguments) => calibrate::run(&arguments, context),
        Command::Schedule(arguments) => schedule::run(&arguments, context),
        Command::Runs(arguments) => runs::run(&arguments, context),
        Command::Train(arguments) => train::run(&arguments, context),
        Command::Tune(arguments) => tune::run(&arguments, context),
        Command::Distill(arguments) => distill::run(&arguments, context),
        Command::Resolve(arguments) => relations::resolve(&arguments, context),
        Command::Repair(arguments) => relations::repair(&arguments, context),
        Command::Task(arguments) => task::run(&arguments, context),
        Command::Host(arguments) => host::run(&arguments, context),
        Command::Cache(arguments) => cache::run(&arguments, context),
        Command::Debug(arguments) => debug::run(&arguments, context),
        Command::Man(arguments) => man::run(&arguments, context),
        Command::Review(arguments) => review::run(&arguments, context),
        Command::Model(arguments) => model::run(&arguments, context),
    }
}
