//! `refuel train`: a head for a task, out of labelled rows.

mod report;
pub(super) mod rows;
pub(super) mod warnings;
pub(super) mod work;

use refuel_task::Task;

use crate::answerer::Models;
use crate::cli::TrainArgs;
use crate::commands::ExitStatus;
use crate::context::Context;
use crate::error::Failure;
use crate::interrupt::Interrupt;
use rows::{Rows, tell_left_out};
use work::{Work, train};

/// Runs `refuel train`.
pub(super) fn run(arguments: &TrainArgs, context: &Context) -> Result<ExitStatus, Failure> {
    let printer = context.printer;
    let interrupt = Interrupt::listen(printer)?;
    let task = Task::to_calibrate(&arguments.task)?;
    let mut rows = Rows::of_task(&task);
    if let (Some(from), Some(expected)) = (&arguments.from, &arguments.expected) {
        let left_out = rows.add_table(&task, from, expected, arguments.tables)?;
        tell_left_out(&left_out, expected, printer);
    }
    if !arguments.training.no_verdicts {
        rows.add_verdicts(&task, &arguments.task, printer)?;
    }
    let models = Models::open(&arguments.engine, context)?;
    let work = Work {
        task: &task,
        rows: &rows,
        training: &arguments.training,
        model: arguments.model.as_deref(),
        most_asked: arguments.most_asked,
        teacher: None,
        format: arguments.format.format,
    };
    train(&work, &models, &interrupt, context)
}
