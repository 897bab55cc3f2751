//! `refuel tune`: the ways of answering a task, compared on labelled rows.

mod measure;
mod report;
mod variants;
mod write;

use std::collections::HashSet;
use std::time::Instant;

use refuel_engine::EngineError;
use refuel_engine::learning::{TrainOptions, hash_of};
use refuel_registry::RegistryError;
use refuel_task::{Example, InputHash, ModelName, RenderedInput, Strategy, Task};
use serde_json::Value;

use crate::answerer::Models;
use crate::cli::{OutputFormat, TuneArgs};
use crate::commands::ExitStatus;
use crate::commands::train::rows::{Rows, read_table, tell_left_out};
use crate::commands::train::{warnings, work};
use crate::context::Context;
use crate::error::{CliError, Failure};
use crate::interrupt::Interrupt;
use crate::printer::Printer;
use crate::progress::{Progress, Unit};
use crate::words;
use measure::{Clock, Measured, Time};
use report::Report;
use variants::Variant;

/// Rows that go through the engine together.
const TOGETHER: usize = 256;

/// A labelled row.
struct Row {
    input: RenderedInput,
    expected: Value,
}

/// Runs `refuel tune`.
pub(super) fn run(arguments: &TuneArgs, context: &Context) -> Result<ExitStatus, Failure> {
    let printer = context.printer;
    let interrupt = Interrupt::listen(printer)?;
    let task = Task::to_calibrate(&arguments.task)?;
    let mut learned = Rows::of_task(&task);
    learned.add_verdicts(&task, &arguments.task, printer)?;
    let examples = learned.all();
    if let Some(warning) = warnings::contradictions(&examples) {
        printer.warn(warning);
    }
    let rows = read(arguments, &task, &examples, printer)?;
    let task = if arguments.write { task } else { with_own_head(task) };
    let models = Models::open(&arguments.engine, context)?;
    let stopped = || {
        printer.note("\nstopped; nothing was compared");
        Ok(ExitStatus::Interrupted)
    };
    match train_head(arguments, &task, &examples, &models, &interrupt, printer) {
        Err(EngineError::Cancelled) => return stopped(),
        other => other?,
    }
    let variants = variants::of(&task, &arguments.model, arguments.no_model);
    let total = rows.len() as u64 * variants.len() as u64;
    let mut progress = Progress::new(printer, Unit::Rows, task.name.clone(), Some(total));
    let mut measured = Vec::new();
    for (at, variant) in (0u64..).zip(&variants) {
        let before = at * rows.len() as u64;
        match measure(variant, &rows, &models, &interrupt, &mut progress, before) {
            Ok(found) => measured.push(found),
            Err(EngineError::Cancelled) => return stopped(),
            // What is not on this machine, or not trained, is left out, and said.
            Err(error @ (EngineError::Registry(RegistryError::Unknown { .. }) | EngineError::NoCascade { .. })) => {
                progress.note(&format!("{} is left out: {error}", variant.name));
            }
            Err(error) => return Err(error.into()),
        }
    }
    progress.finish();
    models.tell_warnings(printer);
    let Some(report) = Report::new(&task, &rows, measured) else {
        let (path, shown) = (arguments.rows.clone(), false);
        return Err(CliError::NothingToEvaluate { path, shown }.into());
    };
    if arguments.format.format == OutputFormat::Json {
        printer.json(&report)?;
    } else {
        printer.data(report.text())?;
    }
    let warning = report.no_better();
    if let Some(warning) = &warning {
        printer.warn(warning);
    }
    if arguments.write && report.is_useless() {
        printer.note("nothing is written: no way of answering is better than always the same answer");
        return Ok(ExitStatus::Failure);
    }
    let pick = variants.iter().find(|variant| variant.name == report.pick);
    if let Some(pick) = pick.filter(|_| arguments.write) {
        write::write(&arguments.task, &task, pick)?;
        printer.note(format!(
            "written into `{}`",
            words::shell(&arguments.task.display().to_string())
        ));
    }
    Ok(ExitStatus::Success)
}

/// The task with a head of its own to compare with. The one that answers the task stays what it is until a pick is written.
fn with_own_head(mut task: Task) -> Task {
    task.head = Some(ModelName {
        name: format!("{}-compared", task.head_name()),
        digest: None,
    });
    task
}

/// Reads the labelled rows that are no examples of the task.
fn read(arguments: &TuneArgs, task: &Task, examples: &[Example], printer: Printer) -> Result<Vec<Row>, Failure> {
    let cases = read_table(task, &arguments.rows, &arguments.expected, arguments.tables)?;
    tell_left_out(&cases, &arguments.expected, printer);
    let most = arguments
        .limit
        .map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
    let learned: HashSet<InputHash> = examples.iter().map(|example| example.input.hash()).collect();
    let mut shown = 0;
    let rows: Vec<Row> = cases
        .rows
        .into_iter()
        .filter_map(|case| {
            let input = case.input.ok()?;
            if learned.contains(&input.hash()) {
                shown += 1;
                return None;
            }
            let expected = case.expected;
            Some(Row { input, expected })
        })
        .take(most)
        .collect();
    if shown > 0 {
        let rows = words::counted(shown, "row", "rows");
        printer.warn(format!("left out {rows}: what the task has as examples proves nothing"));
    }
    if rows.is_empty() {
        let path = arguments.rows.clone();
        return Err(CliError::NothingToEvaluate { path, shown: shown > 0 }.into());
    }
    Ok(rows)
}

/// Trains the head, with what a cascade needs, where the one that is there was not trained on the examples of the task.
fn train_head(
    arguments: &TuneArgs,
    task: &Task,
    examples: &[Example],
    models: &Models,
    interrupt: &Interrupt,
    printer: Printer,
) -> Result<(), EngineError> {
    if task.solved().is_empty() || !variants::takes_head(task) {
        return Ok(());
    }
    let hash = hash_of(examples);
    let as_cascade = Task {
        strategy: Strategy::Cascade,
        ..task.clone()
    };
    let is_there = models.engine().registry().get(&task.head_name()).is_ok_and(|entry| {
        let notes = &entry.manifest.description.notes;
        notes.get("data hash") == Some(&hash) && notes.contains_key("cascade")
    });
    let fits = models.engine().prepare(&as_cascade.ungated(), None).is_ok();
    if is_there && fits {
        return Ok(());
    }
    printer.note("training the head first");
    let first = arguments.model.first().map(String::as_str);
    let options = TrainOptions {
        model: first,
        most_asked: if arguments.no_model {
            0
        } else {
            arguments.most_asked as usize
        },
        ..TrainOptions::default()
    };
    work::engine_train(&as_cascade, examples, &options, models, interrupt, printer).map(drop)
}

/// Asks one way of answering about every row.
fn measure(
    variant: &Variant,
    rows: &[Row],
    models: &Models,
    interrupt: &Interrupt,
    progress: &mut Progress,
    before: u64,
) -> Result<Measured, EngineError> {
    let prepared = models.engine().prepare(&variant.task, variant.model.as_deref())?;
    prepared.load(&interrupt.cancel)?;
    let started = Instant::now();
    let mut clock = Clock::default();
    let mut answers = Vec::with_capacity(rows.len());
    for chunk in rows.chunks(TOGETHER) {
        let inputs: Vec<RenderedInput> = chunk.iter().map(|row| row.input.clone()).collect();
        let mut done = before + answers.len() as u64;
        let began = Instant::now();
        let given = prepared.answer(&inputs, &interrupt.cancel, &mut |rows| {
            done += rows as u64;
            progress.set(done);
        })?;
        clock.add(&given, began.elapsed().as_secs_f64());
        answers.extend(given);
        progress.set(before + answers.len() as u64);
    }
    let seconds = started.elapsed().as_secs_f64();
    let expected: Vec<&Value> = rows.iter().map(|row| &row.expected).collect();
    Ok(Measured::of(
        variant,
        prepared.model(),
        &answers,
        &expected,
        Time {
            seconds,
            rows_per_second: clock.rows_per_second(),
        },
    ))
}
