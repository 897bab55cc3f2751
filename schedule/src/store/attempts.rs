//! Attempts: claimed, taken over, ended.

use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::OptionalExtension as _;
use serde::{Deserialize, Serialize};

use super::{Store, milliseconds, timestamp};
use crate::error::ScheduleError;
use crate::plan::Ended;
use crate::process::Identity;

/// What an attempt runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Task {
    /// The program.
    pub(crate) program: PathBuf,
    /// Its arguments.
    pub(crate) arguments: Vec<String>,
    /// Where it runs.
    pub(crate) folder: PathBuf,
    /// Variables that it gets besides those of the daemon.
    pub(crate) variables: Vec<(String, String)>,
    /// How long it may take.
    pub(crate) timeout: Option<Duration>,
    /// How long it has to end once it is asked to.
    pub(crate) grace: Duration,
}

/// How far an attempt is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AttemptState {
    /// Claimed; no process has taken it over.
    Starting,
    /// A process watches it.
    Running,
    /// It is over.
    Ended(Ended),
}

/// Why an attempt is to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StopReason {
    /// It isn't wanted any more.
    Cancelled,
    /// The schedule stops; it is wanted later.
    Interrupted,
}

impl StopReason {
    fn as_str(self) -> &'static str {
        match self {
            Self::Cancelled => "cancelled",
            Self::Interrupted => "interrupted",
        }
    }

    /// How an attempt ends that is stopped for this.
    pub(crate) fn ended(self) -> Ended {
        match self {
            Self::Cancelled => Ended::Cancelled,
            Self::Interrupted => Ended::Interrupted,
        }
    }
}

/// An attempt of a run that isn't settled.
#[derive(Debug, Clone)]
pub(crate) struct Attempt {
    pub(crate) id: i64,
    pub(crate) run: i64,
    pub(crate) number: u32,
    pub(crate) state: AttemptState,
    pub(crate) started_at: Option<Timestamp>,
    pub(crate) ended_at: Option<Timestamp>,
    pub(crate) process: Option<Identity>,
    pub(crate) exit_code: Option<i32>,
    pub(crate) signal: Option<i32>,
    pub(crate) stop: Option<StopReason>,
    pub(crate) log: PathBuf,
}

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct AttemptEnd {
    pub(crate) ended: Ended,
    pub(crate) exit_code: Option<i32>,
    pub(crate) signal: Option<i32>,
}

const ATTEMPT: &str = "SELECT attempts.id, run, number, attempts.state, started_at, attempts.ended_at, process, \
                       process_started, boot, exit_code, signal, stop, log FROM attempts";

fn attempt(row: &rusqlite::Row<'_>) -> rusqlite::Result<Attempt> {
    let state: String = row.get(3)?;
    let state = match state.as_str() {
        "starting" => AttemptState::Starting,
        "running" => AttemptState::Running,
        other => AttemptState::Ended(Ended::parse(other).unwrap_or(Ended::Failed)),
    };
    let process = match (row.get(6)?, row.get(7)?, row.get(8)?) {
        (Some(process), Some(started), Some(boot)) => Some(Identity { process, started, boot }),
        _ => None,
    };
    let stop: Option<String> = row.get(11)?;
    Ok(Attempt {
        id: row.get(0)?,
        run: row.get(1)?,
        number: row.get(2)?,
        state,
        started_at: row.get::<_, Option<i64>>(4)?.map(timestamp),
        ended_at: row.get::<_, Option<i64>>(5)?.map(timestamp),
        process,
        exit_code: row.get(9)?,
        signal: row.get(10)?,
        stop: match stop.as_deref() {
            Some("cancelled") => Some(StopReason::Cancelled),
            Some(_) => Some(StopReason::Interrupted),
            None => None,
        },
        log: PathBuf::from(row.get::<_, String>(12)?),
    })
}

impl Store {
    /// Claims a run that waits: it is under way from now on, and its next attempt is there for a process to take over.
    /// `log` names the log by the number of the attempt within the run. Returns nothing where the run no longer waits.
    pub(crate) fn claim(
        &mut self,
        run: i64,
        task: &Task,
        log: impl FnOnce(u32) -> PathBuf,
        now: Timestamp,
    ) -> Result<Option<i64>, ScheduleError> {
        let command = serde_json::to_string(task).unwrap_or_default();
        self.atomically(|transaction| {
            let waited = transaction.execute(
                "UPDATE runs SET state = 'running' WHERE id = ? AND state = 'queued'",
                [run],
            )?;
            if waited == 0 {
                return Ok(None);
            }
            let number: u32 = transaction.query_one(
                "SELECT coalesce(max(number), 0) + 1 FROM attempts WHERE run = ?",
                [run],
                |row| row.get(0),
            )?;
            transaction.execute(
                "INSERT INTO attempts (run, number, state, command, log, claimed_at) VALUES (?, ?, 'starting', ?, ?, ?)",
                (run, number, command, log(number).to_string_lossy(), milliseconds(now)),
            )?;
            Ok(Some(transaction.last_insert_rowid()))
        })
    }

    /// Takes an attempt over for a process that will watch it. Of all processes that try, one gets it; nobody does once
    /// it is to stop.
    pub(crate) fn take_over(
        &mut self,
        attempt: i64,
        process: &Identity,
        now: Timestamp,
    ) -> Result<Option<Task>, ScheduleError> {
        let command: Option<String> = self.atomically(|transaction| {
            transaction
                .query_row(
                    "UPDATE attempts SET state = 'running', started_at = ?, process = ?, process_started = ?, boot = ? \
                     WHERE id = ? AND state = 'starting' AND stop IS NULL RETURNING command",
                    (
                        milliseconds(now),
                        process.process,
                        process.started,
                        &process.boot,
                        attempt,
                    ),
                    |row| row.get(0),
                )
                .optional()
        })?;
        Ok(command.and_then(|command| serde_json::from_str(&command).ok()))
    }

    /// Writes down that an attempt is over. One that is over already stays as it is.
    pub(crate) fn end_attempt(&mut self, attempt: i64, end: AttemptEnd, now: Timestamp) -> Result<bool, ScheduleError> {
        let done = self.atomically(|transaction| {
            transaction.execute(
                "UPDATE attempts SET state = ?, exit_code = ?, signal = ?, ended_at = ? \
                 WHERE id = ? AND state IN ('starting', 'running')",
                (
                    end.ended.as_str(),
                    end.exit_code,
                    end.signal,
                    milliseconds(now),
                    attempt,
                ),
            )
        })?;
        Ok(done == 1)
    }

    /// Writes down that an attempt that nobody took over is over.
    pub(crate) fn end_unstarted(&mut self, attempt: i64, ended: Ended, now: Timestamp) -> Result<bool, ScheduleError> {
        let done = self.atomically(|transaction| {
            transaction.execute(
                "UPDATE attempts SET state = ?, ended_at = ? WHERE id = ? AND state = 'starting'",
                (ended.as_str(), milliseconds(now), attempt),
            )
        })?;
        Ok(done == 1)
    }

    /// Notes why every attempt that isn't over is to stop, unless another reason is noted.
    pub(crate) fn stop_all(&mut self, reason: StopReason) -> Result<(), ScheduleError> {
        self.atomically(|transaction| {
            transaction.execute(
                "UPDATE attempts SET stop = ? WHERE state IN ('starting', 'running') AND stop IS NULL",
                [reason.as_str()],
            )
        })?;
        Ok(())
    }

    /// One attempt.
    pub(crate) fn attempt(&self, id: i64) -> Result<Option<Attempt>, ScheduleError> {
        let mut query = self
            .connection
            .prepare_cached(&format!("{ATTEMPT} WHERE id = ?"))
            .map_err(self.failed())?;
        query.query_row([id], attempt).optional().map_err(self.failed())
    }

    /// The last attempt of each run that is under way.
    pub(crate) fn attempts_under_way(&self) -> Result<Vec<Attempt>, ScheduleError> {
        let read = || {
            let mut query = self.connection.prepare_cached(&format!(
                "{ATTEMPT} JOIN runs ON runs.id = run WHERE runs.state = 'running' AND number = (SELECT max(number) FROM \
                 attempts AS other WHERE other.run = runs.id) ORDER BY attempts.id"
            ))?;
            let rows = query.query_map((), attempt)?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        };
        read().map_err(self.failed())
    }

    /// How many attempts of a run have failed by themselves, and how many were interrupted.
    pub(crate) fn tally(&self, run: i64) -> Result<(u32, u32), ScheduleError> {
        self.connection
            .query_one(
                "SELECT count(*) FILTER (WHERE state IN ('failed', 'timeout')), \
                 count(*) FILTER (WHERE state = 'interrupted') FROM attempts WHERE run = ?",
                [run],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )
            .map_err(self.failed())
    }
}
