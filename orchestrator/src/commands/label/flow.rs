//! Rows from the table through the engine into the table.
//!
//! Reading and rendering, answering, and writing each have a thread, one window of rows apart: while a model runs the
//! other two are idle, and when all answers are kept already they share the cores. What is in memory is a handful of
//! windows, however long the table is.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SendError, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use refuel_engine::EngineError;
use refuel_tables::{Chunk, Reader};
use refuel_task::{Answer, OnError, Status, Task};

use super::sink::Sink;
use super::tally::Tally;
use super::window::{self, Window};
use crate::answerer::Answerer;
use crate::error::{CliError, Failure};
use crate::interrupt::Interrupt;
use crate::progress::Progress;

/// How often a wait for rows looks for Ctrl-C.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Longest that Ctrl-C lets the rows in hand run, where their answers would be lost.
const PATIENCE: Duration = Duration::from_secs(5);

/// How a run goes.
#[derive(Debug, Clone)]
pub(crate) struct Rules {
    /// The task.
    pub(crate) task: Arc<Task>,
    /// What happens to a row that fails.
    pub(crate) on_error: OnError,
    /// Rows of the input to label, from its first.
    pub(crate) limit: Option<u64>,
    /// Number of the first row, counted from 0.
    pub(crate) start: u64,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// Behind the last row.
    Complete,
    /// Where somebody stopped it.
    Interrupted,
}

/// What a run leaves.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// How it ended.
    pub(crate) ending: Ending,
    /// Rows of the input that are in the table, those of earlier runs included.
    pub(crate) rows: u64,
    /// From the first row to the last, in seconds.
    pub(crate) seconds: f64,
}

/// What stopped a run.
#[derive(Debug)]
pub(crate) struct Failed {
    /// Why.
    pub(crate) failure: Failure,
    /// Whether the table has rows.
    pub(crate) has_rows: bool,
}

/// Labels rows until there are no more, or somebody stops it.
///
/// # Errors
/// What stopped it. The rows before are in the table, which can be gone on with.
pub(crate) fn run(
    rules: &Rules,
    answerer: &dyn Answerer,
    reader: Box<dyn Reader>,
    sink: Sink,
    interrupt: &Interrupt,
    tally: &mut Tally,
    progress: &mut Progress,
) -> Result<Outcome, Failed> {
    interrupt.let_finish(if answerer.keeps_answers() {
        Duration::ZERO
    } else {
        PATIENCE
    });
    let started = Instant::now();
    let windows = read_ahead(reader, rules);
    let (to_sink, writing) = write_behind(sink);
    let result = answer_all(rules, answerer, &windows, &to_sink, interrupt, tally, progress);
    drop(to_sink);
    let Ok((sink, written)) = writing.join() else {
        return Err(Failed {
            failure: CliError::Stopped { part: "writing" }.into(),
            // Nobody is left to ask, and rows must not be thrown away.
            has_rows: true,
        });
    };
    let seconds = started.elapsed().as_secs_f64();
    let has_rows = sink.rows() > 0;
    let ended = match (written, result) {
        // The first cause counts: when writing failed, answering was stopped by that.
        (Err(failure), _) => Err(failure),
        (Ok(()), Ok(Ending::Complete)) => sink.complete().map(|rows| (Ending::Complete, rows)),
        (Ok(()), Ok(Ending::Interrupted)) => sink.suspend().map(|rows| (Ending::Interrupted, rows)),
        (Ok(()), Err(failure)) => sink.suspend().and(Err(failure)),
    };
    match ended {
        Ok((ending, rows)) => Ok(Outcome { ending, rows, seconds }),
        Err(failure) => Err(Failed { failure, has_rows }),
    }
}

/// What the reading thread sends: a window, or `None` behind the last row. Without the latter, a thread that died would
/// look like the end of the table.
type Ahead = Result<Option<Window>, Failure>;

/// Reads and renders one window ahead. The thread is not waited for: standard input may never say another word.
fn read_ahead(mut reader: Box<dyn Reader>, rules: &Rules) -> Receiver<Ahead> {
    let (sender, receiver) = sync_channel(1);
    let (task, limit, mut row) = (Arc::clone(&rules.task), rules.limit, rules.start);
    thread::spawn(move || {
        loop {
            let end = window::end(row).min(limit.unwrap_or(u64::MAX));
            let chunk = if row < end {
                reader.next_chunk((end - row) as usize)
            } else {
                Ok(None)
            };
            let window = match chunk {
                Ok(Some(chunk)) => {
                    row += chunk.rows() as u64;
                    Ok(Some(Window::render(chunk, &task)))
                }
                Ok(None) => Ok(None),
                Err(error) => Err(Failure::from(error)),
            };
            let is_last = !matches!(window, Ok(Some(_)));
            if sender.send(window).is_err() || is_last {
                return;
            }
        }
    });
    receiver
}

type Written = (Chunk, Vec<Answer>);

/// The writing thread. It gives the sink back, and what stopped it before the last window.
type Writing = JoinHandle<(Sink, Result<(), Failure>)>;

/// Writes windows in the order in which they come.
fn write_behind(mut sink: Sink) -> (SyncSender<Written>, Writing) {
    let (sender, receiver) = sync_channel::<Written>(1);
    let writing = thread::spawn(move || {
        for (chunk, answers) in receiver {
            if let Err(failure) = sink.write(&chunk, &answers) {
                return (sink, Err(failure));
            }
        }
        (sink, Ok(()))
    });
    (sender, writing)
}

fn answer_all(
    rules: &Rules,
    answerer: &dyn Answerer,
    windows: &Receiver<Ahead>,
    to_sink: &SyncSender<Written>,
    interrupt: &Interrupt,
    tally: &mut Tally,
    progress: &mut Progress,
) -> Result<Ending, Failure> {
    loop {
        let window = match windows.recv_timeout(LOOK_EVERY) {
            Ok(Ok(Some(window))) => window,
            Ok(Ok(None)) => return Ok(Ending::Complete),
            Ok(Err(failure)) => return Err(failure),
            Err(RecvTimeoutError::Timeout) if interrupt.is_requested() => return Ok(Ending::Interrupted),
            Err(RecvTimeoutError::Timeout) => continue,
            Err(RecvTimeoutError::Disconnected) => return Err(CliError::Stopped { part: "reading" }.into()),
        };
        if interrupt.is_requested() {
            return Ok(Ending::Interrupted);
        }
        let before = window.chunk.first_row;
        let answers = match answer_window(answerer, &window, interrupt, tally, progress) {
            Ok(answers) => answers,
            Err(EngineError::Cancelled) => return Ok(Ending::Interrupted),
            Err(error) => return Err(error.into()),
        };
        let mut answers = merge(answers, &window, answerer.model());
        let failed = apply(rules.on_error, &mut answers);
        let failure = failed.map(|(row, reason)| CliError::RowFailed {
            place: window.chunk.place(row),
            reason,
        });
        tally.add(&window.chunk, &answers);
        progress.set(before + answers.len() as u64);
        let Window { chunk, .. } = window;
        if let Err(SendError(_)) = to_sink.send((chunk, answers)) {
            // The writer has stopped, and says why when it is joined.
            return Ok(Ending::Interrupted);
        }
        if let Some(failure) = failure {
            return Err(failure.into());
        }
    }
}

fn answer_window(
    answerer: &dyn Answerer,
    window: &Window,
    interrupt: &Interrupt,
    tally: &mut Tally,
    progress: &mut Progress,
) -> Result<Vec<Answer>, EngineError> {
    let mut done = 0;
    answerer.answer(&window.inputs, &interrupt.cancel, &mut |rows| {
        done += rows;
        tally.first_answer.get_or_insert_with(Instant::now);
        progress.set(window.chunk.first_row + done as u64);
    })
}

/// Puts the rows that could not be asked between the answers.
fn merge(answers: Vec<Answer>, window: &Window, model: &str) -> Vec<Answer> {
    if window.faults.is_empty() {
        return answers;
    }
    let mut merged = Vec::with_capacity(window.chunk.rows());
    let mut answers = answers.into_iter();
    let mut faults = window.faults.iter().peekable();
    for row in 0..window.chunk.rows() {
        match faults.next_if(|(fault, _)| *fault == row) {
            Some((_, reason)) => merged.push(Answer::unasked(model, reason.as_str())),
            None => merged.extend(answers.next()),
        }
    }
    merged
}

/// Does what the policy says about rows that failed. Returns the row that ends the run, and why; it and those behind
/// it are taken out.
pub(crate) fn apply(on_error: OnError, answers: &mut Vec<Answer>) -> Option<(usize, String)> {
    match on_error {
        OnError::Capture => None,
        OnError::Null => {
            let failed = answers.iter_mut().filter(|answer| answer.status == Status::Error);
            failed.for_each(|answer| answer.reason = None);
            None
        }
        OnError::Fail => {
            let row = answers.iter().position(|answer| answer.status == Status::Error)?;
            let reason = answers[row]
                .reason
                .take()
                .unwrap_or_else(|| "no reason is known".to_owned());
            answers.truncate(row);
            Some((row, reason))
        }
    }
}
