//! What has run: for people, and for taking old things away.

use std::path::PathBuf;

use jiff::Timestamp;
use rusqlite::OptionalExtension as _;
use serde::Serialize;

use super::{Store, milliseconds, timestamp};
use crate::error::ScheduleError;

/// How far a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    /// It waits for a slot, an earlier run or a retry.
    Queued,
    /// An attempt is under way.
    Running,
    /// It went well.
    Success,
    /// It failed, and is not tried again.
    Failed,
    /// It was stopped, or taken away before it started.
    Cancelled,
}

impl RunState {
    /// The word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Success => "success",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    fn parse(text: &str) -> Self {
        [Self::Queued, Self::Running, Self::Success, Self::Cancelled]
            .into_iter()
            .find(|state| state.as_str() == text)
            .unwrap_or(Self::Failed)
    }
}

/// Which runs.
#[derive(Debug, Clone, Default)]
pub struct RunFilter {
    /// `JOB` or `PROJECT.JOB`.
    pub job: Option<String>,
    /// Only those that failed.
    pub failed: bool,
    /// At most so many, the latest.
    pub limit: u32,
}

/// One run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RunRecord {
    /// Its number.
    pub run: i64,
    /// The project.
    pub project: String,
    /// The job.
    pub job: String,
    /// The project's folder.
    pub folder: PathBuf,
    /// When it was due.
    pub scheduled_at: Timestamp,
    /// `cron`, `catchup` or `manual`.
    pub origin: String,
    /// How far it is.
    pub state: RunState,
    /// Why, where that isn't plain.
    pub reason: Option<String>,
    /// When its first attempt started.
    pub started_at: Option<Timestamp>,
    /// When it was settled.
    pub ended_at: Option<Timestamp>,
    /// How many attempts there were.
    pub attempts: u32,
    /// Exit status of the last attempt.
    pub exit_code: Option<i32>,
}

/// One attempt of a run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AttemptRecord {
    /// Its number within the run, from 1.
    pub number: u32,
    /// `starting`, `running`, `success`, `failed`, `timeout`, `cancelled` or `interrupted`.
    pub state: String,
    /// When its process started.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// Exit status.
    pub exit_code: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// The program with its arguments.
    pub command: Vec<String>,
    /// Its output.
    pub log: PathBuf,
}

/// A hook of a run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HookRecord {
    /// `command` or `webhook`.
    pub kind: String,
    /// `pending`, `done` or `failed`.
    pub state: String,
    /// How often it was told.
    pub tries: u32,
    /// What went wrong.
    pub message: Option<String>,
}

/// Times of a job that didn't run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SkipRecord {
    /// The project.
    pub project: String,
    /// The job.
    pub job: String,
    /// The first of them.
    pub first: Timestamp,
    /// The last of them.
    pub last: Timestamp,
    /// How many, where that was counted.
    pub count: Option<u64>,
    /// `missed`, `overlap`, `full` or `superseded`.
    pub reason: String,
}

const RUN: &str = "SELECT runs.id, jobs.project, jobs.name, jobs.folder, runs.scheduled_at, runs.origin, runs.state, \
                   runs.reason, (SELECT min(started_at) FROM attempts WHERE run = runs.id), runs.ended_at, \
                   (SELECT count(*) FROM attempts WHERE run = runs.id), \
                   (SELECT exit_code FROM attempts WHERE run = runs.id ORDER BY number DESC LIMIT 1) \
                   FROM runs JOIN jobs ON jobs.id = runs.job";

fn run(row: &rusqlite::Row<'_>) -> rusqlite::Result<RunRecord> {
    Ok(RunRecord {
        run: row.get(0)?,
        project: row.get(1)?,
        job: row.get(2)?,
        folder: PathBuf::from(row.get::<_, String>(3)?),
        scheduled_at: timestamp(row.get(4)?),
        origin: row.get(5)?,
        state: RunState::parse(&row.get::<_, String>(6)?),
        reason: row.get(7)?,
        started_at: row.get::<_, Option<i64>>(8)?.map(timestamp),
        ended_at: row.get::<_, Option<i64>>(9)?.map(timestamp),
        attempts: row.get(10)?,
        exit_code: row.get(11)?,
    })
}

impl Store {
    /// The latest runs, latest first.
    pub fn runs(&self, filter: &RunFilter) -> Result<Vec<RunRecord>, ScheduleError> {
        let read = || {
            let mut query = self.connection.prepare(&format!(
                "{RUN} WHERE (?1 IS NULL OR jobs.name = ?1 OR jobs.project || '.' || jobs.name = ?1) \
                 AND (NOT ?2 OR runs.state = 'failed') ORDER BY runs.scheduled_at DESC, runs.id DESC LIMIT ?3"
            ))?;
            let rows = query.query_map((&filter.job, filter.failed, filter.limit), run)?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        };
        read().map_err(self.failed())
    }

    /// The latest times that didn't run, latest first.
    pub fn skips(&self, job: Option<&str>, limit: u32) -> Result<Vec<SkipRecord>, ScheduleError> {
        let read = || {
            let mut query = self.connection.prepare(
                "SELECT project, name, first_at, last_at, count, reason FROM skips JOIN jobs ON jobs.id = skips.job \
                 WHERE ?1 IS NULL OR name = ?1 OR project || '.' || name = ?1 ORDER BY last_at DESC, skips.id DESC LIMIT ?2",
            )?;
            let rows = query.query_map((job, limit), |row| {
                Ok(SkipRecord {
                    project: row.get(0)?,
                    job: row.get(1)?,
                    first: timestamp(row.get(2)?),
                    last: timestamp(row.get(3)?),
                    count: row.get::<_, Option<i64>>(4)?.and_then(|count| count.try_into().ok()),
                    reason: row.get(5)?,
                })
            })?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        };
        read().map_err(self.failed())
    }

    /// Names of all jobs that were ever known: `JOB` and `PROJECT.JOB`.
    pub fn job_names(&self) -> Result<Vec<(String, String)>, ScheduleError> {
        let read = || {
            let mut query = self
                .connection
                .prepare("SELECT name, project || '.' || name FROM jobs ORDER BY id")?;
            let rows = query.query_map((), |row| Ok((row.get(0)?, row.get(1)?)))?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        };
        read().map_err(self.failed())
    }

    /// One run with its attempts and hooks.
    pub fn run(&self, number: i64) -> Result<(RunRecord, Vec<AttemptRecord>, Vec<HookRecord>), ScheduleError> {
        let found = self
            .connection
            .query_row(&format!("{RUN} WHERE runs.id = ?"), [number], run)
            .optional()
            .map_err(self.failed())?;
        let Some(found) = found else {
            return Err(ScheduleError::UnknownRun { run: number });
        };
        let attempts = || {
            let mut query = self.connection.prepare(
                "SELECT number, state, started_at, ended_at, exit_code, signal, command, log FROM attempts \
                 WHERE run = ? ORDER BY number",
            )?;
            let rows = query.query_map([number], |row| {
                let task: Option<super::Task> = serde_json::from_str(&row.get::<_, String>(6)?).ok();
                let command = task.map(|task| {
                    let program = task.program.to_string_lossy().into_owned();
                    std::iter::once(program).chain(task.arguments).collect()
                });
                Ok(AttemptRecord {
                    number: row.get(0)?,
                    state: row.get(1)?,
                    started_at: row.get::<_, Option<i64>>(2)?.map(timestamp),
                    ended_at: row.get::<_, Option<i64>>(3)?.map(timestamp),
                    exit_code: row.get(4)?,
                    signal: row.get(5)?,
                    command: command.unwrap_or_default(),
                    log: PathBuf::from(row.get::<_, String>(7)?),
                })
            })?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        };
        let hooks = || {
            let mut query = self
                .connection
                .prepare("SELECT kind, state, tries, message FROM hooks WHERE run = ? ORDER BY id")?;
            let rows = query.query_map([number], |row| {
                Ok(HookRecord {
                    kind: row.get(0)?,
                    state: row.get(1)?,
                    tries: row.get(2)?,
                    message: row.get(3)?,
                })
            })?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        };
        Ok((
            found,
            attempts().map_err(self.failed())?,
            hooks().map_err(self.failed())?,
        ))
    }

    /// Forgets runs that are done, of each job all but the last `keep` and all that ended before `before`, and skipped
    /// times as old. Returns the logs that nobody knows of any more. The last run of a job always stays.
    pub(crate) fn forget(&mut self, keep: u32, before: Timestamp) -> Result<Vec<PathBuf>, ScheduleError> {
        let before = milliseconds(before);
        self.atomically(|transaction| {
            let mut query = transaction.prepare_cached(
                "WITH done AS (SELECT id, ended_at, row_number() OVER (PARTITION BY job ORDER BY scheduled_at DESC) AS place \
                 FROM runs WHERE state NOT IN ('queued', 'running')) \
                 SELECT id FROM done WHERE place > 1 AND (place > ?1 OR ended_at < ?2) \
                 AND NOT EXISTS (SELECT 1 FROM hooks WHERE hooks.run = done.id AND hooks.state = 'pending')",
            )?;
            let old: Vec<i64> = query.query_map((keep, before), |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
            let mut logs = Vec::new();
            for run in old {
                let mut query = transaction.prepare_cached("SELECT log FROM attempts WHERE run = ?")?;
                for log in query.query_map([run], |row| row.get::<_, String>(0))? {
                    logs.push(PathBuf::from(log?));
                }
                transaction.execute("DELETE FROM runs WHERE id = ?", [run])?;
            }
            transaction.execute("DELETE FROM skips WHERE last_at < ?", [before])?;
            Ok(logs)
        })
    }
}
