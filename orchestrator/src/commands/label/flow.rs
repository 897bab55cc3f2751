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
use refuel_task::{Answer, OnError, Status, Task};

use super::sink::Sink;
use super::tally::Tally;
use super::window::{self, Window};
use crate::answerer::Answerer;
use crate::error::{CliError, Failure};
use crate::interrupt::Interrupt;
use crate::io::{Chunk, Reader};
use crate::progress::Progress;

/// How often a wait for rows looks for Ctrl-C.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Longest that Ctrl-C lets the rows in hand run, where their answers would not be lost.
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
) -> Result<Outcome, Failure> {
    let started = Instant::now();
    let windows = read_ahead(reader, rules);
    let (to_sink, writing) = write_behind(sink);
    let result = answer_all(rules, answerer, &windows, &to_sink, interrupt, tally, progress);
    drop(to_sink);
    let joined = writing
        .join()
        .map_err(|_| CliError::Stopped { part: "writing" }.into())
        .and_then(|written: Result<Sink, Failure>| written);
    // The first cause counts: when writing failed, answering was stopped by that.
    let sink = joined?;
    let seconds = started.elapsed().as_secs_f64();
    match result {
        Ok(Ending::Complete) => Ok(Outcome {
            ending: Ending::Complete,
            rows: sink.complete()?,
            seconds,
        }),
        Ok(Ending::Interrupted) => Ok(Outcome {
            ending: Ending::Interrupted,
            rows: sink.suspend()?,
            seconds,
        }),
        Err(failure) => {
            sink.suspend()?;
            Err(failure)
        }
    }
}

/// Reads and renders one window ahead. The thread is not waited for: standard input may never say another word.
fn read_ahead(mut reader: Box<dyn Reader>, rules: &Rules) -> Receiver<Result<Window, Failure>> {
    let (sender, receiver) = sync_channel(1);
    let (task, limit, mut row) = (Arc::clone(&rules.task), rules.limit, rules.start);
    thread::spawn(move || {
        loop {
            let end = window::end(row).min(limit.unwrap_or(u64::MAX));
            if row >= end {
                return;
            }
            let window = match reader.next_chunk((end - row) as usize) {
                Ok(Some(chunk)) => {
                    row += chunk.rows() as u64;
                    Ok(Window::render(chunk, &task))
                }
                Ok(None) => return,
                Err(error) => Err(error.into()),
            };
            let failed = window.is_err();
            if sender.send(window).is_err() || failed {
                return;
            }
        }
    });
    receiver
}

type Written = (Chunk, Vec<Answer>);

/// Writes windows in the order in which they come, and gives the sink back behind the last.
fn write_behind(mut sink: Sink) -> (SyncSender<Written>, JoinHandle<Result<Sink, Failure>>) {
    let (sender, receiver) = sync_channel::<Written>(1);
    let writing = thread::spawn(move || {
        for (chunk, answers) in receiver {
            sink.write(&chunk, &answers)?;
        }
        Ok(sink)
    });
    (sender, writing)
}

fn answer_all(
    rules: &Rules,
    answerer: &dyn Answerer,
    windows: &Receiver<Result<Window, Failure>>,
    to_sink: &SyncSender<Written>,
    interrupt: &Interrupt,
    tally: &mut Tally,
    progress: &mut Progress,
) -> Result<Ending, Failure> {
    loop {
        let window = match windows.recv_timeout(LOOK_EVERY) {
            Ok(window) => window?,
            Err(RecvTimeoutError::Timeout) if interrupt.is_requested() => return Ok(Ending::Interrupted),
            Err(RecvTimeoutError::Timeout) => continue,
            Err(RecvTimeoutError::Disconnected) => return Ok(Ending::Complete),
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
    let started = Instant::now();
    answerer.answer(&window.inputs, &interrupt.cancel, &mut |rows| {
        done += rows;
        tally.first_answer.get_or_insert_with(Instant::now);
        progress.set(window.chunk.first_row + done as u64);
        if interrupt.is_requested() && answerer.keeps_answers() {
            let left = window.inputs.len().saturating_sub(done) as f64;
            let expected = started.elapsed().as_secs_f64() * left / done.max(1) as f64;
            if expected > PATIENCE.as_secs_f64() {
                interrupt.cancel.cancel();
            }
        }
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
            Some((_, reason)) => merged.push(Answer::error(model, reason.as_str())),
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
