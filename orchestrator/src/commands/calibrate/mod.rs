//! `refuel calibrate`: how sure the answers of a task really are, and the threshold that follows.

mod error;
mod fit;
#[cfg(test)]
mod tests;
mod text;

use std::path::Path;

use refuel_tables::{self as tables, Input, Layout};
use refuel_task::{Calibrated, Kind, OnError, Task};
use serde::Serialize;

use crate::answerer::{Answerer, Models};
use crate::cli::{CalibrateArgs, OutputFormat};
use crate::commands::eval::cases::{self, Cases, Wanted};
use crate::commands::eval::{LeftOut, ask, reviews, tell_left_out};
use crate::commands::{ExitStatus, task_file};
use crate::context::Context;
use crate::error::{CliError, Failure};
use crate::interrupt::Interrupt;
use crate::printer::Printer;
use crate::progress::{Progress, Unit};
use crate::words;
use error::CalibrateError;
use fit::Fit;

/// What rows are called whose right answers are verdicts.
const VERDICTS: &str = "verdict";

/// What was learned. The keys are stable.
#[derive(Debug, Serialize)]
pub(crate) struct Report<'a> {
    /// Name of the task.
    task: &'a str,
    /// `name@digest` of the model.
    model: &'a str,
    /// Whether it is in the task file.
    written: bool,
    #[serde(flatten)]
    fit: &'a Fit,
    #[serde(flatten)]
    left_out: &'a LeftOut,
}

/// Runs `refuel calibrate`.
pub(crate) fn run(arguments: &CalibrateArgs, context: &Context) -> Result<ExitStatus, Failure> {
    let interrupt = Interrupt::listen(context.printer)?;
    refuse_misplaced(arguments)?;
    let task = read_task(arguments)?;
    let cases = read_cases(arguments, &task)?;
    let models = Models::open(&arguments.engine, context)?;
    // The model's own confidence is what is learned from.
    let answerer = models.prepare(&task.ungated(), arguments.model.as_deref())?;
    let status = calibrate(arguments, &task, &cases, answerer.as_ref(), &interrupt, context.printer)?;
    models.tell_warnings(context.printer);
    Ok(status)
}

/// Refuses arguments that are not a task file and then a table, as far as their names tell.
fn refuse_misplaced(arguments: &CalibrateArgs) -> Result<(), CalibrateError> {
    let is_task = |path: &Path| path.extension().is_some_and(|end| end == "yml" || end == "yaml");
    let is_table = |path: &Path| Input::new(path).format(None).is_ok();
    let shell = |path: &Path| words::shell(&path.display().to_string());
    let expected = arguments.expected.as_deref().map_or("COLUMN".to_owned(), words::shell);
    let (task, rows) = (&*arguments.task, arguments.rows.as_deref());
    let (what, task, rows) = match rows {
        Some(rows) if is_table(task) && is_task(rows) => (
            format!(
                "`{}` is a table and `{}` a task file: the task file comes first",
                task.display(),
                rows.display()
            ),
            shell(rows),
            shell(task),
        ),
        _ if is_table(task) => (
            format!(
                "`{}` is a table, and the task file is missing, which comes first",
                task.display()
            ),
            "TASK".to_owned(),
            shell(task),
        ),
        None if arguments.expected.is_some() => (
            format!("the table with the column `{expected}` is missing"),
            shell(task),
            "ROWS".to_owned(),
        ),
        _ => return Ok(()),
    };
    let hint = format!("write `refuel calibrate {task} {rows} --expected {expected}`");
    Err(CalibrateError::Arguments { what, hint })
}

fn read_task(arguments: &CalibrateArgs) -> Result<Task, Failure> {
    let task = Task::to_calibrate(&arguments.task)?;
    if task.kind == Kind::EMBED {
        return Err(CalibrateError::Kind { kind: task.kind.name() }.into());
    }
    // A row that fails is one without a confidence; it ends nothing.
    Ok(Task {
        on_error: OnError::Capture,
        ..task
    })
}

/// The rows of the table, and the verdicts.
fn read_cases(arguments: &CalibrateArgs, task: &Task) -> Result<Cases, Failure> {
    let mut cases = match (&arguments.rows, &arguments.expected) {
        (Some(rows), Some(expected)) => {
            let input = Input::new(rows);
            let layout = Layout::new(
                input.format(arguments.tables.input_format.map(Into::into))?,
                arguments.tables.delimiter,
            );
            let wanted = Wanted::new(task, expected, &[]);
            let mut reader = tables::open(&input, layout, &wanted.columns)?;
            if cases::are_own_answers(reader.as_ref(), expected)? {
                let column = expected.clone();
                return Err(CliError::OwnAnswers { column }.into());
            }
            cases::read(reader.as_mut(), &wanted, &[task], arguments.limit)?
        }
        _ => reviews::cases(&arguments.task, &[task], arguments.limit)?,
    };
    if arguments.reviews && arguments.rows.is_some() {
        cases.join(reviews::cases(&arguments.task, &[task], arguments.limit)?);
    }
    if cases.rows.is_empty() {
        let path = arguments.rows.clone().unwrap_or_else(|| VERDICTS.into());
        let shown = cases.shown_rows > 0;
        return Err(CliError::NothingToEvaluate { path, shown }.into());
    }
    Ok(cases)
}

fn calibrate(
    arguments: &CalibrateArgs,
    task: &Task,
    cases: &Cases,
    answerer: &dyn Answerer,
    interrupt: &Interrupt,
    printer: Printer,
) -> Result<ExitStatus, Failure> {
    let left_out = LeftOut::of(cases);
    tell_left_out(&left_out, arguments.expected.as_deref().unwrap_or(VERDICTS), printer);
    let rows = cases.rows.len() as u64;
    let mut progress = Progress::new(printer, Unit::Rows, task.name.clone(), Some(rows));
    let Some(asked) = ask::ask(&cases.rows, answerer, interrupt, &mut progress, 0)? else {
        printer.note("\nstopped before the last row; answers that were given until then are kept for the next run");
        return Ok(ExitStatus::Interrupted);
    };
    progress.finish();
    answerer.notes().iter().for_each(|note| printer.warn(note));
    let (digest, fingerprint) = (answerer.digest(), answerer.fingerprint());
    let Some(fit) = Fit::of(task, &cases.rows, &asked.answers, digest, fingerprint) else {
        let reason = asked.answers.iter().find_map(|answer| answer.reason.clone());
        return Err(CalibrateError::NothingScored {
            rows,
            reason: reason.unwrap_or_else(|| "answers of this kind have none".to_owned()),
        }
        .into());
    };
    if fit.is_untried() {
        printer.warn(
            "too few rows, or too few right or wrong ones of them, to learn from: 30, and 5 of each, are the least",
        );
    }
    // Nothing is written that would leave the task without a threshold that it asks for.
    let is_short = task.target_precision.is_some() && fit.calibrated.threshold.is_none();
    let written = arguments.write && !is_short;
    if written {
        write(&arguments.task, &fit.calibrated)?;
    }
    let report = Report {
        task: &task.name,
        model: answerer.model(),
        written,
        fit: &fit,
        left_out: &left_out,
    };
    if arguments.format.format == OutputFormat::Json {
        printer.json(&report)?;
    } else {
        printer.data(text::text(&report))?;
    }
    if let (true, Some(target)) = (is_short, fit.thresholds.first()) {
        return Err(CalibrateError::NoThreshold {
            target: target.precision,
            rows,
            best: fit.best,
        }
        .into());
    }
    if written {
        printer.note(format_args!(
            "written into `{}`: known answers are gated anew, none is asked again",
            words::shell(&arguments.task.display().to_string())
        ));
    }
    Ok(ExitStatus::Success)
}

/// Puts a calibration into a task file, whatever else is there staying as it is.
fn write(path: &Path, calibrated: &Calibrated) -> Result<(), Failure> {
    let shown = path.display().to_string();
    let next = calibrated.write_into(&task_file::read(path)?, &shown)?;
    let folder = path.parent().unwrap_or(Path::new(""));
    let (before, after) = (Task::to_calibrate(path)?, Task::from_yaml(&next, &shown, folder)?);
    if before.fingerprint() != after.fingerprint() || after.calibrated.as_ref() != Some(&as_written(calibrated)) {
        return Err(CalibrateError::Altered { path: path.to_owned() }.into());
    }
    task_file::replace(path, &next)
}

/// What is read back of what is written: shares of a threshold have four digits.
fn as_written(calibrated: &Calibrated) -> Calibrated {
    let mut calibrated = calibrated.clone();
    if let Some(chosen) = &mut calibrated.threshold {
        let four = |share: f64| format!("{share:.4}").parse().unwrap_or(share);
        (chosen.precision, chosen.at_least) = (four(chosen.precision), four(chosen.at_least));
    }
    calibrated
}
