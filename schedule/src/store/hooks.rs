//! Hooks: whom to tell of a run.

use std::path::PathBuf;

use jiff::Timestamp;

use super::{Store, milliseconds, timestamp};
use crate::error::ScheduleError;
use crate::settings::Hook;

/// A hook that is to be told.
#[derive(Debug, Clone)]
pub(crate) struct PendingHook {
    pub(crate) id: i64,
    pub(crate) hook: Hook,
    /// How often it was tried.
    pub(crate) tries: u32,
    pub(crate) run: i64,
    pub(crate) folder: PathBuf,
    pub(crate) project: String,
    pub(crate) job: String,
    pub(crate) scheduled_at: Timestamp,
    pub(crate) state: String,
    pub(crate) reason: Option<String>,
    pub(crate) attempts: u32,
    /// How the last attempt ended.
    pub(crate) ended: Option<String>,
    pub(crate) exit_code: Option<i32>,
    pub(crate) signal: Option<i32>,
    pub(crate) started_at: Option<Timestamp>,
    pub(crate) ended_at: Option<Timestamp>,
    pub(crate) log: Option<PathBuf>,
}

/// What came of telling a hook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Told {
    Done,
    Failed(String),
    /// It is told again at this time.
    Again(Timestamp, String),
}

impl Store {
    /// Hooks that are to be told now.
    pub(crate) fn pending_hooks(&self, now: Timestamp) -> Result<Vec<PendingHook>, ScheduleError> {
        let read = || {
            let mut query = self.connection.prepare_cached(
                "SELECT hooks.id, hooks.kind, hooks.target, hooks.tries, runs.id, jobs.folder, jobs.project, jobs.name, \
                 runs.scheduled_at, runs.state, runs.reason, runs.ended_at, \
                 (SELECT count(*) FROM attempts WHERE run = runs.id), \
                 (SELECT min(started_at) FROM attempts WHERE run = runs.id), \
                 last.exit_code, last.log, last.state, last.signal \
                 FROM hooks JOIN runs ON runs.id = hooks.run JOIN jobs ON jobs.id = runs.job \
                 LEFT JOIN attempts AS last ON last.run = runs.id \
                 AND last.number = (SELECT max(number) FROM attempts WHERE run = runs.id) \
                 WHERE hooks.state = 'pending' AND hooks.not_before <= ? ORDER BY hooks.id",
            )?;
            let rows = query.query_map([milliseconds(now)], |row| {
                let (kind, target): (String, String) = (row.get(1)?, row.get(2)?);
                Ok(PendingHook {
                    id: row.get(0)?,
                    hook: if kind == "webhook" {
                        Hook::Webhook(target)
                    } else {
                        Hook::Command(target)
                    },
                    tries: row.get(3)?,
                    run: row.get(4)?,
                    folder: PathBuf::from(row.get::<_, String>(5)?),
                    project: row.get(6)?,
                    job: row.get(7)?,
                    scheduled_at: timestamp(row.get(8)?),
                    state: row.get(9)?,
                    reason: row.get(10)?,
                    ended_at: row.get::<_, Option<i64>>(11)?.map(timestamp),
                    attempts: row.get(12)?,
                    started_at: row.get::<_, Option<i64>>(13)?.map(timestamp),
                    exit_code: row.get(14)?,
                    log: row.get::<_, Option<String>>(15)?.map(PathBuf::from),
                    ended: row.get(16)?,
                    signal: row.get(17)?,
                })
            })?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        };
        read().map_err(self.failed())
    }

    /// Whether a hook is still to be told, now or later.
    pub(crate) fn has_pending_hooks(&self) -> Result<bool, ScheduleError> {
        self.connection
            .query_one(
                "SELECT EXISTS (SELECT 1 FROM hooks WHERE state = 'pending')",
                (),
                |row| row.get(0),
            )
            .map_err(self.failed())
    }

    /// Writes down what came of telling a hook.
    pub(crate) fn hook_told(&mut self, hook: i64, told: &Told) -> Result<(), ScheduleError> {
        let (state, not_before, message) = match told {
            Told::Done => ("done", 0, None),
            Told::Failed(message) => ("failed", 0, Some(message)),
            Told::Again(at, message) => ("pending", milliseconds(*at), Some(message)),
        };
        self.atomically(|transaction| {
            transaction.execute(
                "UPDATE hooks SET state = ?, not_before = ?, message = ?, tries = tries + 1 WHERE id = ?",
                (state, not_before, message, hook),
            )
        })?;
        Ok(())
    }
}
