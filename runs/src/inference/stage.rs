//! One stage: the distinct inputs of a call that have no answer yet.

use std::collections::{HashMap, VecDeque};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread;
use std::time::Duration;

use refuel_dag::NodeId;
use refuel_engine::Cancel;
use refuel_state::{BATCH, BatchName, Input, NewAnswer, RunId, State, Verdict, Work};
use refuel_task::{Answer, InputHash, OnError, RenderedInput, Source};
use refuel_warehouse::Warehouse;

use super::counts::StageCounts;
use super::pool::{Pool, Ticket};
use super::row::AnswerRow;
use super::tables::{AnswerTable, input_of};
use super::tasks::AskedTask;
use super::window::{LARGEST, WindowSize};
use super::{render, shown};
use crate::connections::Session;
use crate::error::RunError;
use crate::observe::{Event, Observer};

/// Inputs that are handed from the reading thread to the asking one together.
const READ_TOGETHER: usize = 512;

/// Windows of a stage that are in the pool at a time: one runs, and one waits.
const IN_FLIGHT: usize = 2;

/// How often a wait for inputs looks for Ctrl-C.
const LOOK_EVERY: Duration = Duration::from_millis(25);

/// A stage with everything that it needs.
pub(crate) struct StageRun<'a> {
    /// The node whose stage it is.
    pub(crate) node: &'a NodeId,
    /// The node's line in the pool.
    pub(crate) lane: usize,
    /// The run.
    pub(crate) run: &'a RunId,
    /// The stage's number in its node, from 0.
    pub(crate) number: u32,
    /// The query for its inputs.
    pub(crate) inputs: &'a str,
    /// Who is asked.
    pub(crate) asked: &'a AskedTask,
    /// Where answers go.
    pub(crate) table: &'a AnswerTable,
    /// What happens to rows that can't be answered.
    pub(crate) on_error: OnError,
    /// Where answers are kept.
    pub(crate) state: &'a Arc<State>,
    /// Where models run.
    pub(crate) pool: &'a Pool,
    /// Is told of progress.
    pub(crate) observer: &'a dyn Observer,
    /// Stops the work.
    pub(crate) cancel: &'a Cancel,
}

/// Rows for the table of answers.
type Rows = Vec<(Input, InputHash, AnswerRow)>;

/// An input that waits to be asked.
struct Waiting {
    hash: InputHash,
    input: Input,
    rendered: RenderedInput,
}

/// A window that is in the pool.
struct InFlight {
    ticket: Ticket,
    asked: Arc<Vec<(InputHash, Input)>>,
    number: u32,
}

/// What goes on in a stage.
struct Progress {
    counts: StageCounts,
    work: Work,
    size: WindowSize,
    /// Inputs that are to be asked and not in the pool yet.
    open: Vec<Waiting>,
    /// Different texts that are the same to the task, such as those that differ in blanks at the ends: they get the answer
    /// of the one that is asked.
    same: HashMap<InputHash, Vec<Input>>,
    flying: VecDeque<InFlight>,
    /// Answers that were known.
    rows: Rows,
    batches: u32,
    first_failure: Option<(Input, String)>,
    /// Whether the table has rows from before that failed, which answers replace.
    has_failures: bool,
}

impl StageRun<'_> {
    /// Asks what has no answer yet, and writes all answers to the table. `reader` reads the inputs while `session` writes;
    /// its permit to run SQL is given back while models are waited for.
    ///
    /// # Errors
    /// Those of the database, the state and the models; [`RunError::RowFailed`] where a row can't be answered and that is
    /// to stop the run. What was answered is kept.
    pub(crate) fn run(&self, session: &mut Session<'_>, reader: &mut dyn Warehouse) -> Result<StageCounts, RunError> {
        let stop_reading = reader.cancel_handle();
        let done = thread::scope(|scope| {
            let (sender, inputs) = sync_channel::<Vec<Input>>(4);
            let query = self.inputs;
            let reading = scope.spawn(move || {
                let mut together = Vec::with_capacity(READ_TOGETHER);
                let mut open = true;
                reader.query(query, &mut |row| {
                    together.extend(input_of(row));
                    if together.len() >= READ_TOGETHER {
                        open = sender.send(std::mem::take(&mut together)).is_ok();
                    }
                    if open {
                        ControlFlow::Continue(())
                    } else {
                        ControlFlow::Break(())
                    }
                })?;
                // Who is gone needs no more.
                let _ = sender.send(together);
                Ok::<(), RunError>(())
            });
            let asked = self.ask_all(session, &inputs);
            // A reader that is blocked on a full channel is let go, one that is in the database is stopped.
            drop(inputs);
            if asked.is_err() {
                stop_reading.cancel();
            }
            let read = reading.join().unwrap_or(Err(RunError::Stopped { part: "reading" }));
            asked.and_then(|counts| read.map(|()| counts))
        });
        if self.cancel.is_cancelled() {
            return Err(RunError::Cancelled);
        }
        done
    }

    fn ask_all(&self, session: &mut Session<'_>, inputs: &Receiver<Vec<Input>>) -> Result<StageCounts, RunError> {
        let mut progress = Progress {
            counts: StageCounts::default(),
            work: Work {
                rows: 0,
                tokens: 0,
                seconds: 0.0,
            },
            size: WindowSize::default(),
            open: Vec::new(),
            same: HashMap::new(),
            flying: VecDeque::new(),
            rows: Vec::new(),
            batches: 0,
            first_failure: None,
            has_failures: self.table.has_failures(session.warehouse()?)?,
        };
        let done = self.ask_some(session, inputs, &mut progress);
        // Whatever stopped it, what was known is there.
        let flushed = if done.is_ok() || matches!(done, Err(RunError::RowFailed { .. })) {
            self.flush(session, &mut progress)
        } else {
            Ok(())
        };
        if progress.work.seconds > 0.0 && progress.work.rows > 0 {
            let device = self.asked.answerer.device().unwrap_or_else(|| "unknown".to_owned());
            self.state.note_speed(
                self.asked.answerer.digest(),
                &device,
                &self.asked.task.name,
                &progress.work,
            )?;
        }
        done.and(flushed).map(|()| progress.counts)
    }

    fn ask_some(
        &self,
        session: &mut Session<'_>,
        inputs: &Receiver<Vec<Input>>,
        progress: &mut Progress,
    ) -> Result<(), RunError> {
        let mut left = true;
        while left || !progress.open.is_empty() || !progress.flying.is_empty() {
            if self.cancel.is_cancelled() {
                return Err(RunError::Cancelled);
            }
            while left && progress.open.len() < progress.size.inputs() {
                match inputs.recv_timeout(LOOK_EVERY) {
                    Ok(more) => self.sort(session, more, progress)?,
                    Err(RecvTimeoutError::Disconnected) => left = false,
                    Err(RecvTimeoutError::Timeout) if self.cancel.is_cancelled() => return Err(RunError::Cancelled),
                    // While inputs are found slowly, answers that are there are not left lying.
                    Err(RecvTimeoutError::Timeout) if !progress.flying.is_empty() && progress.open.is_empty() => break,
                    Err(RecvTimeoutError::Timeout) => {}
                }
            }
            if !progress.open.is_empty() && progress.flying.len() < IN_FLIGHT {
                self.send(progress)?;
            } else if !progress.flying.is_empty() {
                self.take(session, progress)?;
            }
        }
        Ok(())
    }

    /// Looks up what is known of inputs, and lines the others up.
    fn sort(&self, session: &mut Session<'_>, inputs: Vec<Input>, progress: &mut Progress) -> Result<(), RunError> {
        let task = &self.asked.task;
        let mut found: Vec<Waiting> = Vec::with_capacity(inputs.len());
        for input in inputs {
            match render(task, &input) {
                Ok(rendered) => found.push(Waiting {
                    hash: rendered.hash(),
                    input,
                    rendered,
                }),
                Err(error) => {
                    let answer = Answer::unasked(self.asked.answerer.model(), error.to_string());
                    // What can't be read has no hash of its own; its text has one.
                    let hash = RenderedInput::text(&serde_json::json!(input).to_string()).hash();
                    self.add_row(progress, input, hash, Some(&answer), None);
                }
            }
        }
        let hashes: Vec<InputHash> = found.iter().map(|waiting| waiting.hash).collect();
        let verdicts = self.state.verdicts(&task.name, &hashes)?;
        let known = self.state.known(self.asked.key, &hashes)?;
        let mut new = 0;
        for ((waiting, verdict), known) in found.into_iter().zip(verdicts).zip(known) {
            if verdict.is_some() || known.is_some() {
                progress.counts.cached += 1;
                self.add_row(progress, waiting.input, waiting.hash, known.as_ref(), verdict.as_ref());
            } else if let Some(same) = progress.same.get_mut(&waiting.hash) {
                same.push(waiting.input);
            } else {
                progress.same.insert(waiting.hash, Vec::new());
                progress.open.push(waiting);
                new += 1;
            }
        }
        if new > 0 {
            self.observer.event(&Event::Inputs {
                node: self.node.clone(),
                task: task.name.clone(),
                found: new,
            });
        }
        if progress.rows.len() >= LARGEST {
            self.flush(session, progress)?;
        }
        Ok(())
    }

    /// Puts a window into the pool.
    fn send(&self, progress: &mut Progress) -> Result<(), RunError> {
        let count = progress.size.inputs().min(progress.open.len());
        let window: Vec<Waiting> = progress.open.drain(..count).collect();
        let number = progress.batches;
        progress.batches += 1;
        let mut rendered = Vec::with_capacity(count);
        let mut asked = Vec::with_capacity(count);
        for waiting in window {
            rendered.push(waiting.rendered);
            asked.push((waiting.hash, waiting.input));
        }
        let asked = Arc::new(asked);
        let batch = BatchName {
            unique_id: self.node.as_str(),
            stage: self.number,
            number,
        };
        self.state.batch_asked(self.run, &batch, count as u64)?;
        let keep = {
            let (state, asked) = (Arc::clone(self.state), Arc::clone(&asked));
            let (run, key, node, stage) = (self.run.clone(), self.asked.key, self.node.clone(), self.number);
            Box::new(move |answered: &super::pool::Answered| {
                let new: Vec<NewAnswer<'_>> = asked
                    .iter()
                    .zip(&answered.answers)
                    .map(|((hash, input), answer)| NewAnswer {
                        hash: *hash,
                        input,
                        answer,
                    })
                    .collect();
                let batch = BatchName {
                    unique_id: node.as_str(),
                    stage,
                    number,
                };
                let chunks = new.chunks(BATCH);
                let last = chunks.len().saturating_sub(1);
                for (at, chunk) in chunks.enumerate() {
                    state.put_answers(Some(&run), key, chunk, (at == last).then_some(&batch))?;
                }
                Ok(())
            })
        };
        let ticket = self
            .pool
            .ask(self.lane, &self.asked.answerer, rendered, self.cancel, keep);
        progress.flying.push_back(InFlight { ticket, asked, number });
        Ok(())
    }

    /// Waits for the window that was sent first, and writes its answers.
    fn take(&self, session: &mut Session<'_>, progress: &mut Progress) -> Result<(), RunError> {
        let Some(flight) = progress.flying.pop_front() else {
            return Ok(());
        };
        let answered = session.without_permit(|| flight.ticket.wait());
        let answered = match answered {
            Ok(answered) => answered,
            Err(error) => {
                if !matches!(error, RunError::Cancelled) {
                    let batch = BatchName {
                        unique_id: self.node.as_str(),
                        stage: self.number,
                        number: flight.number,
                    };
                    self.state
                        .batch_ended(self.run, &batch, refuel_state::BatchState::Failed)?;
                }
                return Err(error);
            }
        };
        let mut asked_of_model = 0;
        for ((hash, input), answer) in flight.asked.iter().zip(&answered.answers) {
            progress.counts.answered(&self.asked.task, answer);
            if !matches!(answer.source, Source::Cache) {
                asked_of_model += 1;
                progress.work.tokens += u64::from(answer.input_tokens) + u64::from(answer.output_tokens);
            }
            for same in progress.same.remove(hash).unwrap_or_default() {
                self.add_row(progress, same, *hash, Some(answer), None);
            }
            self.add_row(progress, input.clone(), *hash, Some(answer), None);
        }
        // Windows that the engine knew already say nothing of the model's speed.
        if asked_of_model == answered.answers.len() {
            progress.work.rows += asked_of_model as u64;
            progress.work.seconds += answered.seconds;
        }
        progress.size = progress.size.after(answered.answers.len(), answered.seconds);
        self.observer.event(&Event::Answered {
            node: self.node.clone(),
            task: self.asked.task.name.clone(),
            inputs: answered.answers.len() as u64,
        });
        self.flush(session, progress)
    }

    fn add_row(
        &self,
        progress: &mut Progress,
        input: Input,
        hash: InputHash,
        answer: Option<&Answer>,
        verdict: Option<&Verdict>,
    ) {
        let mut row = AnswerRow::new(&self.asked.task, answer, verdict);
        if row.status == "error" {
            let reason = row.reason.clone().unwrap_or_else(|| "no reason was given".to_owned());
            progress.counts.failed(&reason);
            if progress.first_failure.is_none() {
                progress.first_failure = Some((input.clone(), reason));
            }
            if self.on_error == OnError::Null {
                row.reason = None;
            }
        }
        progress.rows.push((input, hash, row));
    }

    /// Writes the rows that are there.
    fn flush(&self, session: &mut Session<'_>, progress: &mut Progress) -> Result<(), RunError> {
        let rows = std::mem::take(&mut progress.rows);
        self.table
            .add(session.warehouse()?, self.asked.task.kind, &rows, progress.has_failures)?;
        match &progress.first_failure {
            Some((input, reason)) if self.on_error == OnError::Fail => Err(RunError::RowFailed {
                task: self.asked.task.name.clone(),
                input: shown(input),
                reason: reason.clone(),
            }),
            _ => Ok(()),
        }
    }
}
