//! Runs: waiting, under way, settled.

use std::path::PathBuf;

use jiff::{SignedDuration, Timestamp};
use rusqlite::Transaction;

use super::{Registered, Store, milliseconds, timestamp};
use crate::error::ScheduleError;
use crate::plan::{Open, Settled};
use crate::settings::Hook;

/// A run that isn't done, with the job that it is of.
#[derive(Debug, Clone)]
pub(crate) struct OpenRun {
    pub(crate) open: Open,
    pub(crate) folder: PathBuf,
    pub(crate) job: String,
    /// Whether somebody asked for it.
    pub(crate) manual: bool,
}

impl Store {
    /// Asks for a run now. Returns its number.
    pub(crate) fn trigger(&mut self, job: Registered, now: Timestamp) -> Result<i64, ScheduleError> {
        self.atomically(|transaction| {
            let mut at = milliseconds(now);
            loop {
                let new = transaction.execute(
                    "INSERT INTO runs (job, scheduled_at, origin, state, not_before) VALUES (?, ?, 'manual', 'queued', 0) \
                     ON CONFLICT DO NOTHING",
                    (job.0, at),
                )?;
                if new == 1 {
                    return Ok(transaction.last_insert_rowid());
                }
                at += 1;
            }
        })
    }

    /// Every run that isn't done, of every job, oldest first.
    pub(crate) fn open_runs(&self) -> Result<Vec<OpenRun>, ScheduleError> {
        let read = || {
            let mut query = self.connection.prepare_cached(
                "SELECT runs.id, runs.job, runs.scheduled_at, runs.state = 'running', runs.not_before, jobs.folder, \
                 jobs.name, runs.origin = 'manual' FROM runs JOIN jobs ON jobs.id = runs.job WHERE runs.state IN ('queued', 'running') \
                 ORDER BY runs.scheduled_at, runs.id",
            )?;
            let rows = query.query_map((), |row| {
                Ok(OpenRun {
                    open: Open {
                        run: row.get(0)?,
                        job: row.get(1)?,
                        scheduled_at: timestamp(row.get(2)?),
                        running: row.get(3)?,
                        not_before: timestamp(row.get(4)?),
                    },
                    folder: PathBuf::from(row.get::<_, String>(5)?),
                    job: row.get(6)?,
                    manual: row.get(7)?,
                })
            })?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        };
        read().map_err(self.failed())
    }

    /// Takes a run that waits away, for a reason, or asks one that is under way to stop.
    pub(crate) fn cancel_run(&mut self, run: i64, reason: &str) -> Result<(), ScheduleError> {
        self.atomically(|transaction| cancel(transaction, run, reason))
    }

    /// Writes down what becomes of a run whose attempt has ended, with the hooks that are to be told. A run that is
    /// settled already stays as it is.
    pub(crate) fn settle(
        &mut self,
        run: i64,
        settled: &Settled,
        hooks: &[Hook],
        now: Timestamp,
    ) -> Result<bool, ScheduleError> {
        self.atomically(|transaction| {
            let (state, reason) = match settled {
                Settled::Success => ("success", None),
                Settled::Failed(reason) => ("failed", Some(reason.as_str())),
                Settled::Cancelled => ("cancelled", Some("it was stopped")),
                Settled::Again(wait) => {
                    let wait = SignedDuration::try_from(*wait).unwrap_or(SignedDuration::MAX);
                    let at = now.saturating_add(wait).unwrap_or(Timestamp::MAX);
                    let done = transaction.execute(
                        "UPDATE runs SET state = 'queued', not_before = ? WHERE id = ? AND state = 'running'",
                        (milliseconds(at), run),
                    )?;
                    return Ok(done == 1);
                }
            };
            let done = transaction.execute(
                "UPDATE runs SET state = ?, reason = coalesce(reason, ?), ended_at = ? WHERE id = ? AND state = 'running'",
                (state, reason, milliseconds(now), run),
            )?;
            if done == 0 {
                return Ok(false);
            }
            for hook in hooks {
                let (kind, target) = match hook {
                    Hook::Command(command) => ("command", command),
                    Hook::Webhook(address) => ("webhook", address),
                };
                transaction.execute(
                    "INSERT INTO hooks (run, kind, target, state, not_before) VALUES (?, ?, ?, 'pending', 0)",
                    (run, kind, target),
                )?;
            }
            Ok(true)
        })
    }
}

/// Takes a run that waits away; asks the attempt of one that is under way to stop. Whoever asked has to signal its
/// process then.
pub(super) fn cancel(transaction: &Transaction<'_>, run: i64, reason: &str) -> rusqlite::Result<()> {
    let waited = transaction.execute(
        "UPDATE runs SET state = 'cancelled', reason = ?1, ended_at = CAST(unixepoch('subsec') * 1000 AS INTEGER) \
         WHERE id = ?2 AND state = 'queued'",
        (reason, run),
    )?;
    if waited == 0 {
        transaction.execute(
            "UPDATE runs SET reason = ? WHERE id = ? AND state = 'running'",
            (reason, run),
        )?;
        transaction.execute(
            "UPDATE attempts SET stop = 'cancelled' WHERE run = ? AND state IN ('starting', 'running')",
            [run],
        )?;
    }
    Ok(())
}
