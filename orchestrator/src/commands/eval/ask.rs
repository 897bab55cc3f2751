//! Rows through the engine, for evaluation.

use std::time::Instant;

use refuel_engine::EngineError;
use refuel_task::{Answer, RenderedInput};

use super::cases::Case;
use crate::answerer::Answerer;
use crate::error::Failure;
use crate::interrupt::Interrupt;
use crate::progress::Progress;

/// Rows that go through the engine together.
const ROWS: usize = 1024;

/// Answers to every row of a variant.
#[derive(Debug)]
pub(crate) struct Asked {
    /// In the order of the rows.
    pub(crate) answers: Vec<Answer>,
    /// From the first row to the last, in seconds.
    pub(crate) seconds: f64,
}

/// Asks every row; `None` when somebody stopped it.
pub(crate) fn ask(
    cases: &[Case],
    answerer: &dyn Answerer,
    interrupt: &Interrupt,
    progress: &mut Progress,
    done_before: u64,
) -> Result<Option<Asked>, Failure> {
    let started = Instant::now();
    let mut answers = Vec::with_capacity(cases.len());
    for window in cases.chunks(ROWS) {
        let inputs: Vec<RenderedInput> = window
            .iter()
            .filter_map(|case| case.input.as_ref().ok().cloned())
            .collect();
        let before = done_before + answers.len() as u64;
        let mut done = 0;
        let given = answerer.answer(&inputs, &interrupt.cancel, &mut |rows| {
            done += rows as u64;
            progress.set(before + done);
        });
        let mut given = match given {
            Ok(given) => given.into_iter(),
            Err(EngineError::Cancelled) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        for case in window {
            match &case.input {
                Ok(_) => answers.extend(given.next()),
                Err(reason) => answers.push(Answer::unasked(answerer.model(), reason.as_str())),
            }
        }
        progress.set(done_before + answers.len() as u64);
        if interrupt.is_requested() {
            return Ok(None);
        }
    }
    Ok(Some(Asked {
        answers,
        seconds: started.elapsed().as_secs_f64(),
    }))
}
