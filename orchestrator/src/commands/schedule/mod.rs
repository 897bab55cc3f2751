//! `refuel schedule`: projects run by the clock.

mod listing;
mod projects;

use jiff::Timestamp;
use refuel_schedule::{DaemonOptions, Event, ScheduleError, Supervisor, Triggered};
use serde::Serialize;

use crate::cli::{OutputFormat, ScheduleArgs, ScheduleCommand, TriggerArgs};
use crate::commands::ExitStatus;
use crate::context::Context;
use crate::error::{CliError, Failure};
use crate::printer::Printer;
use projects::Files;

/// Runs `refuel schedule`.
pub(crate) fn run(arguments: &ScheduleArgs, context: &Context) -> Result<ExitStatus, Failure> {
    match &arguments.command {
        Some(ScheduleCommand::Ls(ls)) => listing::run(&arguments.projects, ls.next, arguments.format, context),
        Some(ScheduleCommand::Trigger(trigger)) => self::trigger(trigger, arguments, context),
        Some(ScheduleCommand::Watch(watch)) => {
            refuel_schedule::supervise(&watch.file, watch.attempt)?;
            Ok(ExitStatus::Success)
        }
        None if arguments.dry_run => listing::run(&arguments.projects, arguments.next, arguments.format, context),
        None => serve(arguments, context),
    }
}

/// Works by the clock.
fn serve(arguments: &ScheduleArgs, context: &Context) -> Result<ExitStatus, Failure> {
    let mut files = Files::find(&arguments.projects)?;
    let (table, problems) = files.read_right();
    if !files.is_any_right() {
        return Err(Failure::all(problems).unwrap_or_else(|| CliError::Stopped { part: "reading" }.into()));
    }
    let wrong = problems.len();
    for problem in &problems {
        // The others run meanwhile, and this one does as soon as it is right.
        context.printer.failure(problem);
    }
    let program = std::env::current_exe().map_err(|source| CliError::Read {
        path: "the program itself".into(),
        source,
    })?;
    let options = DaemonOptions {
        home: context.home()?,
        supervisor: Supervisor {
            program: program.clone(),
            arguments: vec!["schedule".to_owned(), "watch".to_owned()],
        },
        program,
        grace: arguments.grace,
        once: arguments.once,
        keep_runs: arguments.keep_runs,
        keep_days: arguments.keep_days,
    };
    if table.jobs().is_empty() {
        context.printer.warn("no project has a job under `schedule` yet");
    }
    let (printer, format) = (context.printer, arguments.format.format);
    let outcome = refuel_schedule::run(&options, table, &mut files, &mut |event| tell(&event, printer, format));
    let outcome = match outcome {
        // Whoever holds the lock does what was asked for.
        Err(ScheduleError::Busy { .. }) if arguments.once => {
            context
                .printer
                .note("another schedule is at work, and runs what is due");
            return Ok(ExitStatus::Success);
        }
        other => other?,
    };
    Ok(if arguments.once && outcome.interrupted {
        ExitStatus::Interrupted
    } else if arguments.once && (outcome.failed > 0 || wrong > 0) {
        ExitStatus::Failure
    } else {
        // A daemon that was asked to end has done what it was there for.
        ExitStatus::Success
    })
}

/// An event with its time. The keys are stable.
#[derive(Serialize)]
struct Line<'a> {
    at: Timestamp,
    #[serde(flatten)]
    event: &'a Event,
}

/// Tells an event: for people on standard error, as a line of JSON on standard output.
fn tell(event: &Event, printer: Printer, format: OutputFormat) {
    let at = Timestamp::now();
    if format == OutputFormat::Json {
        if let Ok(line) = serde_json::to_string(&Line { at, event }) {
            // A reader that has gone must not stop the jobs.
            let _ = printer.data(line);
        }
    } else {
        printer.note(format_args!("{} {event}", at.strftime("%Y-%m-%dT%H:%M:%SZ")));
    }
}

/// What came of `refuel schedule trigger`. The keys are stable.
#[derive(Serialize)]
struct Asked {
    run: i64,
    job: String,
    /// The schedule's process, where one runs.
    process: Option<i32>,
}

fn trigger(asked: &TriggerArgs, arguments: &ScheduleArgs, context: &Context) -> Result<ExitStatus, Failure> {
    let table = Files::find(&arguments.projects)?.read()?;
    let job = table.find(&asked.job)?;
    let (run, process) = match refuel_schedule::trigger(&context.home()?, job)? {
        Triggered::Queued { run, process } => (run, Some(process)),
        Triggered::Waits { run } => (run, None),
    };
    if arguments.format.format == OutputFormat::Json {
        let job = job.title();
        context.printer.json(&Asked { run, job, process })?;
        return Ok(ExitStatus::Success);
    }
    context.printer.note(match process {
        Some(process) => format!(
            "run {run} of {}: the schedule (process {process}) starts it",
            job.title()
        ),
        None => format!(
            "run {run} of {} waits: no schedule runs; `refuel schedule --once` starts it",
            job.title()
        ),
    });
    Ok(ExitStatus::Success)
}

impl From<ScheduleError> for Failure {
    fn from(error: ScheduleError) -> Self {
        let status = if error.is_wrong_request() {
            ExitStatus::Usage
        } else {
            ExitStatus::Failure
        };
        Self::new(&error, error.code(), error.hint(), status)
    }
}
