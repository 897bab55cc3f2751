//! The end of the line: rows and answers go into the table, and what is needed to go on is kept beside it.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use fs_err as fs;
use refuel_tables::{Chunk, Writer};
use refuel_task::Answer;

use super::checkpoint::{self, Checkpoint, Origin};
use crate::error::{CliError, Failure};

/// How often a table that is being written is made good for going on. A run that is killed does again what came later.
const KEEP_EVERY: Duration = Duration::from_millis(500);

/// What is kept beside a table that is a file.
#[derive(Debug)]
pub(crate) struct Ledger {
    /// The name that the table will have.
    pub(crate) output: PathBuf,
    /// The name that it has until then.
    pub(crate) partial: PathBuf,
    /// What it is made from; `None` where the input can't be read again.
    pub(crate) origin: Option<Origin>,
}

/// Writes rows with their answers.
pub(crate) struct Sink {
    writer: Box<dyn Writer>,
    ledger: Option<Ledger>,
    kept: Option<Instant>,
    /// Rows of the input that are written.
    rows: u64,
}

impl Sink {
    /// Begins behind row number `rows`.
    pub(crate) fn new(writer: Box<dyn Writer>, ledger: Option<Ledger>, rows: u64) -> Self {
        Self {
            writer,
            ledger,
            kept: None,
            rows,
        }
    }

    /// Rows of the input that are in the table.
    pub(crate) fn rows(&self) -> u64 {
        self.rows
    }

    /// Writes the first rows of a chunk, one for each answer.
    pub(crate) fn write(&mut self, chunk: &Chunk, answers: &[Answer]) -> Result<(), Failure> {
        self.writer.write(chunk, answers)?;
        self.rows = chunk.first_row + answers.len() as u64;
        if self.kept.is_none_or(|kept| kept.elapsed() >= KEEP_EVERY) {
            self.keep(false)?;
            self.kept = Some(Instant::now());
        }
        Ok(())
    }

    /// Hands everything to the operating system, and says beside the table how far it is.
    fn keep(&mut self, closed: bool) -> Result<(), Failure> {
        let bytes = if closed { None } else { self.writer.checkpoint()? };
        self.note(bytes, closed)
    }

    fn note(&self, bytes: Option<u64>, closed: bool) -> Result<(), Failure> {
        if let Some(Ledger {
            partial,
            origin: Some(origin),
            ..
        }) = &self.ledger
        {
            Checkpoint::new(origin.clone(), self.rows, bytes, closed).write(partial)?;
        }
        Ok(())
    }

    /// Ends before the last row: leaves a valid table, and says how far it is.
    pub(crate) fn suspend(mut self) -> Result<u64, Failure> {
        if let Some(bytes) = self.writer.checkpoint()? {
            self.note(Some(bytes), false)?;
            self.writer.finish()?;
        } else {
            let (ledger, rows) = (self.ledger.take(), self.rows);
            self.writer.finish()?;
            if let Some(Ledger {
                partial,
                origin: Some(origin),
                ..
            }) = ledger
            {
                Checkpoint::new(origin, rows, None, true).write(&partial)?;
            }
            return Ok(rows);
        }
        Ok(self.rows)
    }

    /// Ends behind the last row: the table takes its name.
    pub(crate) fn complete(self) -> Result<u64, Failure> {
        self.writer.finish()?;
        if let Some(Ledger { output, partial, .. }) = self.ledger {
            fs::rename(&partial, &output).map_err(|source| CliError::Write { path: output, source })?;
            checkpoint::discard(&partial)?;
        }
        Ok(self.rows)
    }
}
