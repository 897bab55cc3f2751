//! `refuel label`: a task over every row of a table.

mod checkpoint;
mod dry_run;
mod flow;
mod job;
mod sink;
mod summary;
mod tally;
#[cfg(test)]
mod tests;
mod window;

use std::path::Path;
use std::time::Instant;

pub(crate) use tally::plain;

use crate::answerer::{Answerer, Models};
use crate::cli::{LabelArgs, OutputFormat};
use crate::commands::ExitStatus;
use crate::context::Context;
use crate::error::Failure;
use crate::interrupt::Interrupt;
use crate::io::{self, Output, Survey};
use crate::progress::{Progress, Unit};
use crate::words;
use flow::Ending;
use job::Job;
use summary::Facts;
use tally::Tally;

/// Runs `refuel label`.
pub(crate) fn run(arguments: &LabelArgs, context: &Context) -> Result<ExitStatus, Failure> {
    let interrupt = Interrupt::listen(context.printer)?;
    let job = Job::settle(arguments, context)?;
    // What is wrong with the table is said before seconds are spent on a model.
    job.check_input()?;
    if !arguments.dry_run {
        job.refuse_output()?;
    }
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

    let Some(start) = job.start(survey, answerer, printer)? else {
        return Ok(ExitStatus::Success);
    };
    if start.rows > 0 {
        progress.start_at(start.rows);
        reader.skip(start.rows)?;
    }
    let target = match &job.output {
        Output::File(path) => Output::File(checkpoint::partial_path(path)),
        Output::Stdout => Output::Stdout,
    };
    let writer = io::create(
        &target,
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
        Err(failure) => {
            if let Output::File(path) = &job.output
                && checkpoint::partial_path(path).exists()
                && !matches!(failure, Failure::OutputClosed)
            {
                printer.note(going_on_text(arguments, job));
            }
            return Err(failure);
        }
    };
    answerer.notes().iter().for_each(|note| printer.warn(note));
    let interrupted = outcome.ending == Ending::Interrupted;
    let table = match (&job.output, &target) {
        (Output::File(path), _) if !interrupted => Some(path.as_path()),
        (_, Output::File(partial)) => Some(partial.as_path()),
        _ => None,
    };
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
            next(arguments, job, table)
        },
    };
    if arguments.format.format == OutputFormat::Json {
        let report = summary::report(&tally, &facts);
        if table.is_some() {
            printer.json(&report)?;
        } else {
            // Standard output has the rows.
            printer.note_json(&report)?;
        }
    } else if printer.shows_notes() {
        printer.note(format!("\n{}", summary::text(&tally, &facts)));
    }
    if interrupted {
        printer.note(going_on_text(arguments, job));
        return Ok(ExitStatus::Interrupted);
    }
    Ok(ExitStatus::Success)
}

/// How to go on.
fn going_on_text(arguments: &LabelArgs, job: &Job) -> String {
    match &job.output {
        Output::File(_) => {
            let command = command(arguments, job, &["--resume"]);
            format!("\nstopped before the last row; what is done is kept. Go on with\n  {command}")
        }
        Output::Stdout => "\nstopped before the last row; write to a file with `-o` to go on later".to_owned(),
    }
}

fn command(arguments: &LabelArgs, job: &Job, more: &[&str]) -> String {
    let path = |path: &Path| words::shell(&path.display().to_string());
    let mut text = format!(
        "refuel label {} --task {}",
        path(&arguments.input),
        path(&arguments.task)
    );
    if let Output::File(output) = &job.output {
        text.push_str(" -o ");
        text.push_str(&path(output));
    }
    if let Some(model) = &arguments.model {
        text.push_str(" --model ");
        text.push_str(&words::shell(model));
    }
    if let Some(prefix) = &arguments.prefix {
        text.push_str(" --prefix ");
        text.push_str(&words::shell(prefix));
    }
    for option in more {
        text.push(' ');
        text.push_str(option);
    }
    text
}

/// Three commands to try next.
fn next(arguments: &LabelArgs, job: &Job, table: Option<&Path>) -> Vec<(String, String)> {
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
    vec![
        (
            "again, with every answer kept from this run:".to_owned(),
            command(arguments, job, &["--force"]),
        ),
        (
            "how good the answers are, on rows whose right answer is in a column:".to_owned(),
            format!("refuel eval {input} --task {task}{model} --expected COLUMN"),
        ),
        (
            "what the model reads of the first row:".to_owned(),
            format!("refuel task check {task}{model} --prompt --sample {input}"),
        ),
    ]
}
