//! What is to be done, settled from the arguments and the task before anything runs.

use std::sync::Arc;

use fs_err as fs;
use refuel_tables::{self as tables, AnswerColumns, Continue, Input, Layout, Output, Reader, Survey, ValueType};
use refuel_task::{OnError, Task};

use super::checkpoint::{self, Checkpoint, Origin};
use super::sink::Ledger;
use super::target::{self, Claim, Target};
use crate::answerer::Answerer;
use crate::cli::{LabelArgs, OnErrorChoice};
use crate::context::Context;
use crate::error::{CliError, Failure};
use crate::printer::Printer;

/// Rows that a terminal is shown at the end.
const PREVIEW: usize = 8;

/// What is to be done.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) task: Arc<Task>,
    pub(crate) input: Input,
    pub(crate) input_layout: Layout,
    /// As it was named.
    pub(crate) output: Output,
    pub(crate) target: Target,
    pub(crate) output_layout: Layout,
    pub(crate) columns: AnswerColumns,
    pub(crate) on_error: OnError,
    pub(crate) limit: Option<u64>,
    pub(crate) preview: usize,
    prefix: String,
    resume: bool,
    force: bool,
}

/// Where a run begins.
#[derive(Debug)]
pub(crate) struct Start {
    /// Rows that an earlier run has done.
    pub(crate) rows: u64,
    /// How the table goes on.
    pub(crate) going_on: Option<Continue>,
    /// What is kept beside the table.
    pub(crate) ledger: Option<Ledger>,
}

/// The type of a task's values in tables with types.
fn value_type(task: &Task) -> ValueType {
    match task.kind.name() {
        "multilabel" => ValueType::Texts,
        "match" => ValueType::Boolean,
        "embed" => ValueType::Numbers,
        _ if task.kind.gives_record() => ValueType::Record,
        _ => ValueType::Text,
    }
}

impl Job {
    /// Settles what is to be done.
    pub(crate) fn settle(arguments: &LabelArgs, context: &Context) -> Result<Self, Failure> {
        let task = Task::from_file(&arguments.task)?;
        task.of_rows()?;
        let input = Input::new(&arguments.input);
        let input_layout = Layout::new(
            input.format(arguments.tables.input_format.map(Into::into))?,
            arguments.tables.delimiter,
        );
        let output = Output::new(&arguments.output);
        let output_format = output.format(arguments.output_format.map(Into::into), input_layout.format)?;
        let same = output_format == input_layout.format;
        let output_layout = Layout::new(output_format, arguments.tables.delimiter.filter(|_| same));
        let target = Target::of(&output);
        if arguments.resume && matches!(target, Target::Stream(_)) {
            return Err(CliError::ResumeWithoutFile.into());
        }
        if let (Input::File(from), Target::File(to)) = (&input, &target)
            && (target::is_same_file(from, to) || target::is_same_file(from, &checkpoint::partial_path(to)))
        {
            return Err(CliError::OutputIsInput { path: from.clone() }.into());
        }
        let prefix = arguments.prefix.clone().unwrap_or_else(|| task.name.clone());
        let on_error = match arguments.on_error {
            None => task.on_error,
            Some(OnErrorChoice::Fail) => OnError::Fail,
            Some(OnErrorChoice::Null) => OnError::Null,
            Some(OnErrorChoice::Capture) => OnError::Capture,
        };
        let printer = context.printer;
        let seen = printer.is_terminal() && printer.shows_notes();
        let columns = AnswerColumns::new(&prefix, value_type(&task));
        Ok(Self {
            columns: if arguments.scores {
                columns.with_scores()
            } else {
                columns
            },
            task: Arc::new(Task {
                // The engine would stop without saying which line of the input it was.
                on_error: OnError::Capture,
                ..task
            }),
            input,
            input_layout,
            output,
            target,
            output_layout,
            on_error,
            limit: arguments.limit,
            preview: arguments.preview.unwrap_or(if seen { PREVIEW } else { 0 }),
            prefix,
            resume: arguments.resume,
            force: arguments.force,
        })
    }

    /// Looks whether the input can be read, where it can be opened more than once.
    pub(crate) fn check_input(&self) -> Result<(), Failure> {
        let Input::File(path) = &self.input else { return Ok(()) };
        if fs::metadata(path).is_ok_and(|metadata| !metadata.is_file() && !metadata.is_dir()) {
            return Ok(());
        }
        self.open_input().map(drop)
    }

    /// Opens the input with the columns that the task reads.
    pub(crate) fn open_input(&self) -> Result<Box<dyn Reader>, Failure> {
        Ok(tables::open(&self.input, self.input_layout, &self.task.columns())?)
    }

    /// Refuses to write over what is there, unless that was asked for, and what can't be written at all. Holds the
    /// table against other runs; `None` where it is no file.
    ///
    /// # Errors
    /// What is in the way.
    pub(crate) fn claim_output(&self) -> Result<Option<Claim>, Failure> {
        let Target::File(path) = &self.target else {
            return Ok(None);
        };
        target::check(path)?;
        let claim = Claim::take(path)?;
        let partial = checkpoint::partial_path(path);
        let is_begun = partial.exists() || tables::earlier_path(&partial).exists();
        if self.resume && path.exists() && !is_begun {
            return Err(CliError::Finished { path: path.clone() }.into());
        }
        if self.force || self.resume {
            return Ok(Some(claim));
        }
        // A table without rows is no loss.
        if is_begun && Checkpoint::read(&partial)?.is_none_or(|there| there.rows > 0) {
            return Err(CliError::Unfinished { path: path.clone() }.into());
        }
        if path.exists() {
            return Err(CliError::OutputExists { path: path.clone() }.into());
        }
        Ok(Some(claim))
    }

    /// Settles where the run begins.
    ///
    /// # Errors
    /// When an earlier run began something else under this name.
    pub(crate) fn start(
        &self,
        survey: Option<Survey>,
        answerer: &dyn Answerer,
        printer: Printer,
    ) -> Result<Start, Failure> {
        let Target::File(output) = &self.target else {
            return Ok(Start {
                rows: 0,
                going_on: None,
                ledger: None,
            });
        };
        let partial = checkpoint::partial_path(output);
        let origin = survey.map(|survey| self.origin(survey, answerer));
        let ledger = Ledger {
            output: output.clone(),
            partial: partial.clone(),
            origin,
        };
        let fresh = |ledger| {
            checkpoint::discard(&partial)?;
            Ok(Start {
                rows: 0,
                going_on: None,
                ledger: Some(ledger),
            })
        };
        if !self.resume {
            return fresh(ledger);
        }
        let Some(there) =
            Checkpoint::read(&partial)?.filter(|_| partial.exists() || tables::earlier_path(&partial).exists())
        else {
            printer.note("no earlier run left anything to go on with; starting at the first row");
            return fresh(ledger);
        };
        let difference = match &ledger.origin {
            Some(origin) => origin.difference(&there.origin),
            None => Some("the input, which can't be read twice,"),
        };
        if let Some(what) = difference {
            let path = output.clone();
            return Err(CliError::ResumeDiffers { path, what }.into());
        }
        let whole = match there.bytes {
            Some(bytes) => fs::metadata(&partial).is_ok_and(|metadata| metadata.len() >= bytes),
            None => there.closed,
        };
        if !whole {
            printer.note("the earlier run was ended before its table could be closed; starting at the first row");
            return fresh(ledger);
        }
        printer.note(format!("going on behind row {}", crate::words::count(there.rows)));
        Ok(Start {
            rows: there.rows,
            going_on: Some(Continue { bytes: there.bytes }),
            ledger: Some(ledger),
        })
    }

    fn origin(&self, survey: Survey, answerer: &dyn Answerer) -> Origin {
        let task = &self.task;
        Origin {
            input: self.input.to_string(),
            survey,
            input_format: self.input_layout.format,
            delimiter: char::from(self.input_layout.delimiter),
            output_format: self.output_layout.format,
            prefix: self.prefix.clone(),
            task: task.name.clone(),
            fingerprint: answerer.fingerprint().to_owned(),
            gate: format!("{:?}", task.gate()),
            model: answerer.model().to_owned(),
        }
    }
}
