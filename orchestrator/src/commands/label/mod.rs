//! `refuel label`: a task over every row of a table.

mod again;
mod checkpoint;
mod dry_run;
mod flow;
mod job;
mod sink;
mod summary;
mod tally;
mod target;
#[cfg(test)]
mod tests;
mod window;

use std::path::Path;
use std::time::Instant;

use refuel_tables::{self as tables, Output, Survey};
use refuel_task::Task;
pub(crate) use tally::plain;

use crate::answerer::{Answerer, Models};
use crate::cli::{LabelArgs, OutputFormat};
use crate::commands::ExitStatus;
use crate::context::Context;
use crate::error::Failure;
use crate::interrupt::Interrupt;
use crate::progress::{Progress, Unit};
use crate::words;
use flow::{Ending, Failed};
use job::Job;
use summary::Facts;
use tally::Tally;
use target::Target;
pub(crate) use target::{check, is_same_file};

/// Runs `refuel label`.
pub(crate) fn run(arguments: &LabelArgs, context: &Context) -> Result<ExitStatus, Failure> {
    let interrupt = Interrupt::listen(context.printer)?;
    let job = Job::settle(arguments, context)?;
    // What is wrong with the table is said before seconds are spent on a model.
    job.check_input()?;
    let _claim = if arguments.dry_run { None } else { job.claim_output()? };
    let models = Models::open(&arguments.engine, context)?;
    let answerer = models.prepare(&job.task, arguments.model.as_deref())?;
    let status = execute(arguments, &job, answerer.as_ref(), &interrupt, context);
    models.tell_warnings(context.printer);
    status
}

/// Labels with any answerer.
pub(crate) fn execute(
    arguments: &LabelArgs,
    job: &Job,
    answerer: &dyn Answerer,
    interrupt: &Interrupt,
    context: &Context,
) -> Result<ExitStatus, Failure> {
    let printer = context.printer;
    let survey = Survey::of(&job.input, job.input_layout.format)?;
    let total = survey
        .as_ref()
        .map(|survey| job.limit.map_or(survey.rows, |limit| limit.min(survey.rows)));
    let mut progress = Progress::new(printer, Unit::Rows, job.task.name.clone(), total);
    let mut reader = job.open_input()?;
    if arguments.dry_run {
        let forecast = dry_run::forecast(
            &job.task,
            answerer,
            reader.as_mut(),
            job.limit,
            interrupt,
            &mut progress,
        )?;
        progress.finish();
        return match forecast {
            Some(forecast) => dry_run::report(&forecast, arguments.format.format, printer),
            None => Ok(ExitStatus::Interrupted),
        };
    }

    let is_surveyed = survey.is_some();
    let start = job.start(survey, answerer, printer)?;
    if start.rows > 0 {
        progress.start_at(start.rows);
        reader.skip(start.rows)?;
    }
    let writer = tables::create(
        &job.target.written(),
        job.output_layout,
        reader.as_ref(),
        job.columns.clone(),
        start.going_on,
    )?;
    let sink = sink::Sink::new(writer, start.ledger, start.rows);
    let rules = flow::Rules {
        task: job.task.clone(),
        on_error: job.on_error,
        limit: job.limit,
        start: start.rows,
    };
    let mut tally = Tally::new(&job.task, job.preview);
    let began = Instant::now();
    let outcome = flow::run(&rules, answerer, reader, sink, interrupt, &mut tally, &mut progress);
    progress.finish();
    let outcome = match outcome {
        Ok(outcome) => outcome,
        Err(Failed { failure, has_rows }) => {
            if let Target::File(path) = &job.target {
                let partial = checkpoint::partial_path(path);
                if has_rows {
                    printer.note(stopped(job, is_surveyed && !failure.comes_again()));
                } else {
                    // It would only be in the way of the next run.
                    checkpoint::discard(&partial)?;
                }
            }
            return Err(failure);
        }
    };
    answerer.notes().iter().for_each(|note| printer.warn(note));
    let interrupted = outcome.ending == Ending::Interrupted;
    // It would only be in the way, since no run can go on with it.
    let is_useless = interrupted && outcome.rows == 0 && !is_surveyed;
    let table = match (&job.output, &job.target) {
        (Output::Stdout, _) => None,
        (_, Target::File(path)) if is_useless => {
            checkpoint::discard(&checkpoint::partial_path(path))?;
            None
        }
        (_, Target::File(path)) if interrupted => Some(checkpoint::partial_path(path)),
        (Output::File(path), _) => Some(path.clone()),
    };
    let table = table.as_deref();
    let facts = Facts {
        task: &job.task,
        model: answerer.model(),
        first_answer_seconds: tally
            .first_answer
            .map(|first| first.duration_since(began).as_secs_f64()),
        outcome: &outcome,
        table,
        next: if interrupted {
            Vec::new()
        } else {
            next(arguments, table, &job.task, &context.program())
        },
    };
    if arguments.format.format == OutputFormat::Json {
        let report = summary::report(&tally, &facts);
        printer.json_beside(table.is_none(), &report)?;
    } else if printer.shows_notes() {
        printer.note(format!("\n{}", summary::text(&tally, &facts)));
    }
    if interrupted {
        printer.note(if is_useless {
            "\nstopped before the first row; nothing is kept".to_owned()
        } else {
            stopped(job, is_surveyed)
        });
        return Ok(ExitStatus::Interrupted);
    }
    Ok(ExitStatus::Success)
}

/// What there is of a table that was not finished, and how to go on where that is possible.
fn stopped(job: &Job, can_go_on: bool) -> String {
    match &job.target {
        Target::File(_) if can_go_on => {
            let command = again::command(std::env::args_os(), "--resume");
            format!("\nstopped before the last row; what is done is kept. Go on with\n  {command}")
        }
        Target::File(path) => {
            let partial = checkpoint::partial_path(path);
            format!(
                "\nstopped before the last row; what is done is in `{}`, and can't be gone on with",
                partial.display()
            )
        }
        Target::Stream(_) => "\nstopped before the last row; write to a file with `-o` to go on later".to_owned(),
    }
}

/// Commands to try next.
fn next(arguments: &LabelArgs, table: Option<&Path>, asked: &Task, program: &str) -> Vec<(String, String)> {
    let (Some(_), false) = (table, arguments.input == Path::new("-")) else {
        return Vec::new();
    };
    let input = words::shell(&arguments.input.display().to_string());
    let task = words::shell(&arguments.task.display().to_string());
    let model = arguments
        .model
        .as_ref()
        .map(|model| format!(" --model {}", words::shell(model)))
        .unwrap_or_default();
    let mut next = vec![
        (
            if asked.asks_model() || arguments.model.is_some() {
                "again, with every answer kept from this run:".to_owned()
            } else {
                "again:".to_owned()
            },
            again::command(std::env::args_os(), "--force"),
        ),
        (
            "how good the answers are, on rows whose right answer is in a column:".to_owned(),
            format!("{program} eval {input} --task {task}{model} --expected COLUMN"),
        ),
    ];
    if asked.asks_model() || arguments.model.is_some() {
        next.push((
            "what the model reads of the first row:".to_owned(),
            format!("{program} task check {task}{model} --prompt --sample {input}"),
        ));
    }
    next
}
