//! Trains, shows how far it is, and reports.

use std::time::Instant;

use refuel_engine::EngineError;
use refuel_engine::learning::{TrainEvent, TrainOptions, TrainStep, Training, Tuning};
use refuel_registry::Servers;
use refuel_task::{Example, Kind, Task};

use super::report::{Report, text};
use super::rows::Rows;
use super::warnings;
use crate::answerer::Models;
use crate::cli::{OutputFormat, TrainingArgs};
use crate::commands::ExitStatus;
use crate::context::Context;
use crate::error::Failure;
use crate::interrupt::Interrupt;
use crate::printer::Printer;
use crate::progress::{Progress, Unit};
use crate::words;

/// What is to be trained.
pub(in crate::commands) struct Work<'a> {
    pub(in crate::commands) task: &'a Task,
    pub(in crate::commands) rows: &'a Rows,
    pub(in crate::commands) training: &'a TrainingArgs,
    /// The language model of a cascade, where it isn't the task's.
    pub(in crate::commands) model: Option<&'a str>,
    pub(in crate::commands) most_asked: u32,
    /// `name@digest` of the model that labelled rows, where one did.
    pub(in crate::commands) teacher: Option<&'a str>,
    pub(in crate::commands) format: OutputFormat,
}

/// Trains a head and tells how it does.
pub(in crate::commands) fn train(
    work: &Work<'_>,
    models: &Models,
    interrupt: &Interrupt,
    context: &Context,
) -> Result<ExitStatus, Failure> {
    let printer = context.printer;
    let options = TrainOptions {
        name: work.training.name.as_deref(),
        embedding: work.training.embedding.as_deref(),
        model: work.model,
        most_asked: work.most_asked as usize,
        teacher: work.teacher,
        tune: work.training.tune_encoder.then(|| Tuning {
            epochs: work.training.epochs as usize,
            servers: Servers::from_environment(),
        }),
        ..TrainOptions::default()
    };
    let started = Instant::now();
    let examples = work.rows.all();
    if let Some(warning) = warnings::contradictions(&examples) {
        printer.warn(warning);
    }
    let training = engine_train(work.task, &examples, &options, models, interrupt, printer);
    models.tell_warnings(printer);
    let training = match training {
        Err(EngineError::Cancelled) => {
            printer.note("\nstopped; nothing was trained");
            return Ok(ExitStatus::Interrupted);
        }
        other => other?,
    };
    training.notes.iter().for_each(|note| printer.warn(note));
    let held_out = &training.held_out;
    let warning = warnings::no_better(
        if work.teacher.is_some() {
            "the head agrees with what it was taught"
        } else {
            "the head is right"
        },
        held_out.accuracy,
        held_out.accuracy_interval,
        held_out.null_model,
    );
    if let Some(warning) = warning {
        printer.warn(warning);
    }
    let report = Report {
        rows: work.rows.counts(),
        seconds: started.elapsed().as_secs_f64(),
        training,
    };
    if work.format == OutputFormat::Json {
        printer.json(&report)?;
    } else {
        printer.data(text(&report))?;
        tell_use(work.task, printer);
    }
    Ok(ExitStatus::Success)
}

/// Trains a head, and shows how far it is.
pub(in crate::commands) fn engine_train(
    task: &Task,
    examples: &[Example],
    options: &TrainOptions<'_>,
    models: &Models,
    interrupt: &Interrupt,
    printer: Printer,
) -> Result<Training, EngineError> {
    let mut progress: Option<Progress> = None;
    let mut done = 0;
    let mut hear = |event: TrainEvent| match event {
        TrainEvent::Begin { step, rows } => {
            done = 0;
            // The bar of the step before has to go before another is drawn.
            progress = None;
            progress = Some(progress_of(step, rows, printer));
        }
        TrainEvent::Rows(rows) => {
            done += rows;
            if let Some(progress) = &mut progress {
                progress.set(done);
            }
        }
    };
    models
        .engine()
        .train(task, examples, options, &interrupt.cancel, &mut hear)
}

/// The progress of a step of so many rows.
fn progress_of(step: TrainStep, rows: u64, printer: Printer) -> Progress {
    let what = match step {
        TrainStep::Embed => "embedding",
        TrainStep::Tune => "tuning the encoder",
        TrainStep::Ask => "asking the model",
        TrainStep::Fit => {
            let what = format!("fitting to {}", words::counted(rows, "row", "rows"));
            return Progress::new(printer, Unit::Nothing, what, None);
        }
    };
    Progress::new(printer, Unit::Rows, what, Some(rows))
}

/// Says how the head comes to answer, where the task does not ask it yet.
fn tell_use(task: &Task, printer: Printer) {
    if task.strategy.reads_head() {
        return;
    }
    let ways = if task.kind == Kind::ANSWER {
        "`strategy: head`"
    } else {
        "`strategy: head` or `strategy: cascade`"
    };
    printer.note(format!("the task does not ask it yet: write {ways} into its file"));
}
