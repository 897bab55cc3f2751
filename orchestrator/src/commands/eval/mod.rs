//! `refuel eval`: how good the answers of a task are, on rows whose right answer is in a column.

pub(crate) mod ask;
pub(super) mod cases;
mod html;
pub(crate) mod judge;
mod measure;
mod measures;
mod report;
pub(crate) mod reviews;
#[cfg(test)]
mod tests;
mod text;
mod variant;

use std::fmt::Write as _;

use refuel_tables::{self as tables, Input, Layout};
use refuel_task::{OnError, Task};

use crate::answerer::{Answerer, Models};
use crate::cli::{EvalArgs, EvalFormat};
use crate::commands::ExitStatus;
use crate::context::Context;
use crate::error::{CliError, Failure};
use crate::interrupt::Interrupt;
use crate::printer::Printer;
use crate::progress::{Progress, Unit};
use crate::words;
use cases::{Cases, Wanted};
pub(crate) use report::LeftOut;
use report::Report;
use variant::Variant;

/// Values that can't be right answers, of which a warning tells.
const SHOWN_UNUSABLE: usize = 3;

/// Makes a task ready to be asked of a model.
type Prepare<'a> = dyn Fn(&Task, Option<&str>) -> Result<Box<dyn Answerer>, Failure> + 'a;

/// What is to be done, read and checked before a model is loaded.
pub(crate) struct Job {
    variants: Vec<Variant>,
    cases: Cases,
}

/// Runs `refuel eval`.
pub(crate) fn run(arguments: &EvalArgs, context: &Context) -> Result<ExitStatus, Failure> {
    let printer = context.printer;
    let interrupt = Interrupt::listen(printer)?;
    let job = Job::settle(arguments)?;
    let models = Models::open(&arguments.engine, context)?;
    let report = job.evaluate(
        arguments,
        &|task, model| models.prepare(task, model),
        &interrupt,
        printer,
    );
    models.tell_warnings(printer);
    let Some(report) = report? else {
        printer.note("\nstopped before the last row; answers that were given until then are kept for the next run");
        return Ok(ExitStatus::Interrupted);
    };
    match arguments.format {
        EvalFormat::Text => printer.data(text::text(&report, arguments.threshold_table))?,
        EvalFormat::Json => printer.json(&report)?,
        EvalFormat::Html => printer.data(html::page(&report, jiff::Zoned::now().date()))?,
    }
    Ok(ExitStatus::Success)
}

impl Job {
    /// Reads the task and the table.
    ///
    /// # Errors
    /// What is wrong with either; when there is no row to evaluate.
    pub(crate) fn settle(arguments: &EvalArgs) -> Result<Self, Failure> {
        let task = Task::from_file(&arguments.task)?;
        task.of_rows()?;
        // A row that fails is a wrong one; it ends nothing.
        let task = Task {
            on_error: OnError::Capture,
            ..task
        };
        let variants = variant::variants(&task, arguments.model.as_deref(), arguments.compare.as_deref())?;
        if arguments.reviews {
            let tasks: Vec<&Task> = variants.iter().map(|variant| &variant.task).collect();
            let cases = reviews::cases(&arguments.task, &tasks, arguments.limit)?;
            if cases.rows.is_empty() {
                return Err(nothing(&cases, arguments));
            }
            return Ok(Self { variants, cases });
        }
        let input = Input::new(&arguments.input);
        let layout = Layout::new(
            input.format(arguments.tables.input_format.map(Into::into))?,
            arguments.tables.delimiter,
        );
        let wanted = Wanted::new(&task, &arguments.expected, &arguments.slice);
        let mut reader = tables::open(&input, layout, &wanted.columns)?;
        if cases::are_own_answers(reader.as_ref(), &arguments.expected)? {
            let column = arguments.expected.clone();
            return Err(CliError::OwnAnswers { column }.into());
        }
        let tasks: Vec<&Task> = variants.iter().map(|variant| &variant.task).collect();
        let cases = cases::read(reader.as_mut(), &wanted, &tasks, arguments.limit)?;
        if cases.rows.is_empty() {
            return Err(nothing(&cases, arguments));
        }
        Ok(Self { variants, cases })
    }

    /// Asks every variant for every row, and measures the answers. None when somebody stopped it.
    pub(crate) fn evaluate(
        &self,
        arguments: &EvalArgs,
        prepare: &Prepare<'_>,
        interrupt: &Interrupt,
        printer: Printer,
    ) -> Result<Option<Report>, Failure> {
        let left_out = LeftOut::of(&self.cases);
        tell_left_out(&left_out, &arguments.expected, printer);
        let cases = &self.cases.rows;
        let rows = cases.len() as u64;
        let name = self.variants[0].task.name.clone();
        let mut progress = Progress::new(printer, Unit::Rows, name, Some(rows * self.variants.len() as u64));
        let mut measured = Vec::with_capacity(self.variants.len());
        for (at, variant) in (0u64..).zip(&self.variants) {
            // Answers are gated here, so that what the model said is still there to be measured.
            let answerer = prepare(&variant.task.ungated(), variant.model.as_deref())?;
            let Some(asked) = ask::ask(cases, answerer.as_ref(), interrupt, &mut progress, at * rows)? else {
                return Ok(None);
            };
            measured.extend(measure::measure(
                variant,
                cases,
                &asked,
                answerer.as_ref(),
                &arguments.slice,
            )?);
        }
        progress.finish();
        let mut told: Vec<&str> = Vec::new();
        for note in measured.iter().flat_map(|measured| &measured.notes) {
            if !told.contains(&note.as_str()) {
                printer.warn(note);
                told.push(note);
            }
        }
        let task = &self.variants[0].task;
        Ok(Some(Report::new(
            task,
            &arguments.expected,
            arguments.compare.as_deref(),
            measured,
            left_out,
        )))
    }
}

/// Why there is no row to evaluate.
fn nothing(cases: &Cases, arguments: &EvalArgs) -> Failure {
    if let Some((value, (_, reason))) = cases.unusable.first_key_value() {
        let value = format!("\"{value}\"");
        let example = match reason.strip_prefix(value.as_str()) {
            Some(what) => format!("{value}, which{what}"),
            None => format!("{value}: {reason}"),
        };
        return CliError::NoneExpected {
            column: arguments.expected.clone(),
            example,
        }
        .into();
    }
    let shown = cases.shown_rows > 0;
    CliError::NothingToEvaluate {
        path: arguments.input.clone(),
        shown,
    }
    .into()
}

/// Warns of rows that are not evaluated.
pub(crate) fn tell_left_out(left_out: &LeftOut, expected: &str, printer: Printer) {
    if left_out.unusable_rows > 0 {
        let mut text = format!(
            "left out {} whose `{expected}` is nothing that the task can answer with:",
            words::counted(left_out.unusable_rows, "row", "rows")
        );
        for value in left_out.unusable.iter().take(SHOWN_UNUSABLE) {
            let reason = if value.value.is_empty() {
                "nothing is there"
            } else {
                &value.reason
            };
            let _ = write!(text, "\n  {}: {reason}", words::counted(value.rows, "row", "rows"));
        }
        if left_out.unusable.len() > SHOWN_UNUSABLE {
            let _ = write!(text, "\n  and {} more values", left_out.unusable.len() - SHOWN_UNUSABLE);
        }
        printer.warn(text);
    }
    if left_out.shown_rows > 0 {
        let rows = words::counted(left_out.shown_rows, "row", "rows");
        printer.warn(format!("left out {rows} that the task has as examples: with their answers they are shown to the model, or learned from"));
    }
}
