//! `refuel distill`: a head out of what a language model says.

use refuel_engine::EngineError;
use refuel_tables::{self as tables, Input, Layout};
use refuel_task::{Example, RenderedInput, Status, Strategy, Task};

use crate::answerer::Models;
use crate::cli::DistillArgs;
use crate::commands::ExitStatus;
use crate::commands::train::rows::Rows;
use crate::commands::train::work::{Work, train};
use crate::context::Context;
use crate::error::{CliError, Failure};
use crate::interrupt::Interrupt;
use crate::printer::Printer;
use crate::progress::{Progress, Unit};
use crate::words;

/// Rows that are read and asked together.
const TOGETHER: usize = 512;

/// Runs `refuel distill`.
pub(super) fn run(arguments: &DistillArgs, context: &Context) -> Result<ExitStatus, Failure> {
    let printer = context.printer;
    let interrupt = Interrupt::listen(printer)?;
    let task = Task::from_file(&arguments.task)?;
    let inputs = read(arguments, &task, printer)?;
    let models = Models::open(&arguments.engine, context)?;
    let Some((taught, teacher)) = teach(arguments, &task, &inputs, &models, &interrupt, printer)? else {
        printer.note("\nstopped; answers that were given until then are kept for the next run");
        return Ok(ExitStatus::Interrupted);
    };
    let mut rows = Rows::of_task(&task);
    rows.add_taught(taught);
    if !arguments.training.no_verdicts {
        rows.add_verdicts(&task, &arguments.task, printer)?;
    }
    let work = Work {
        task: &task,
        rows: &rows,
        training: &arguments.training,
        model: arguments.teacher.as_deref(),
        most_asked: 500,
        teacher: Some(&teacher),
        format: arguments.format.format,
    };
    train(&work, &models, &interrupt, context)
}

/// What the task reads of the rows. Rows of which it can read nothing are left out.
fn read(arguments: &DistillArgs, task: &Task, printer: Printer) -> Result<Vec<RenderedInput>, Failure> {
    let input = Input::new(&arguments.rows);
    let format = input.format(arguments.tables.input_format.map(Into::into))?;
    let mut reader = tables::open(&input, Layout::new(format, arguments.tables.delimiter), &task.columns())?;
    let most = arguments
        .limit
        .map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
    let (mut inputs, mut unread) = (Vec::new(), 0);
    while inputs.len() < most {
        let Some(chunk) = reader.next_chunk((most - inputs.len()).min(TOGETHER))? else {
            break;
        };
        for row in 0..chunk.rows() {
            match task.render_input(&chunk.record(row)) {
                Ok(input) if chunk.fault(row).is_none() => inputs.push(input),
                _ => unread += 1,
            }
        }
    }
    if unread > 0 {
        let rows = words::counted(unread, "row", "rows");
        printer.warn(format!("left out {rows} of which the task reads nothing"));
    }
    if inputs.is_empty() {
        let path = arguments.rows.clone();
        return Err(CliError::NothingToEvaluate { path, shown: false }.into());
    }
    Ok(inputs)
}

/// What the teacher says of inputs, where it is sure enough, and its `name@digest`. None where somebody stopped it.
fn teach(
    arguments: &DistillArgs,
    task: &Task,
    inputs: &[RenderedInput],
    models: &Models,
    interrupt: &Interrupt,
    printer: Printer,
) -> Result<Option<(Vec<Example>, String)>, Failure> {
    let by_model = Task {
        strategy: Strategy::Model,
        threshold: arguments.least.or(task.threshold),
        ..task.clone()
    };
    let prepared = models.engine().prepare(&by_model, arguments.teacher.as_deref())?;
    let mut progress = Progress::new(printer, Unit::Rows, "asking the teacher", Some(inputs.len() as u64));
    let mut taught = Vec::new();
    let mut done = 0;
    for chunk in inputs.chunks(TOGETHER) {
        let answers = prepared.answer(chunk, &interrupt.cancel, &mut |rows| {
            done += rows as u64;
            progress.set(done);
        });
        let answers = match answers {
            Err(EngineError::Cancelled) => return Ok(None),
            other => other?,
        };
        let said = chunk
            .iter()
            .zip(answers)
            .filter(|(_, answer)| answer.status == Status::Ok);
        taught.extend(said.map(|(input, answer)| Example {
            input: input.clone(),
            answer: answer.value,
        }));
    }
    progress.finish();
    printer.note(format!(
        "{} answered {} of {} surely enough",
        prepared.model(),
        words::count(taught.len() as u64),
        words::counted(inputs.len() as u64, "row", "rows")
    ));
    let teacher = prepared.model().to_owned();
    Ok(Some((taught, teacher)))
}
