//! Jobs, and the times that are decided.

use jiff::Timestamp;
use rusqlite::{OptionalExtension as _, Transaction};

use super::{Store, milliseconds, timestamp};
use crate::error::ScheduleError;
use crate::plan::{Decision, Open};
use crate::settings::Job;

/// A job's number in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Registered(pub(crate) i64);

impl Store {
    /// Notes a job. Times before it was known, or before it was switched on or had this expression, were never due.
    pub(crate) fn register(&mut self, job: &Job, now: Timestamp) -> Result<Registered, ScheduleError> {
        let settings = &job.settings;
        let folder = settings.folder.to_string_lossy().into_owned();
        self.atomically(|transaction| {
            let there = transaction
                .query_row(
                    "SELECT id, expression, zone, enabled, decided_until FROM jobs WHERE folder = ? AND name = ?",
                    (&folder, &settings.name),
                    |row| {
                        Ok((
                            row.get::<_, i64>(0)?,
                            row.get::<_, String>(1)?,
                            row.get::<_, String>(2)?,
                            row.get::<_, bool>(3)?,
                            row.get::<_, i64>(4)?,
                        ))
                    },
                )
                .optional()?;
            let (expression, zone) = (job.cron.expression(), job.cron.zone());
            let Some((id, old_expression, old_zone, was_enabled, decided_until)) = there else {
                transaction.execute(
                    "INSERT INTO jobs (folder, name, project, expression, zone, enabled, decided_until) \
                     VALUES (?, ?, ?, ?, ?, ?, ?)",
                    (
                        &folder,
                        &settings.name,
                        &settings.project,
                        expression,
                        zone,
                        settings.enabled,
                        milliseconds(now),
                    ),
                )?;
                return Ok(Registered(transaction.last_insert_rowid()));
            };
            let same = was_enabled && old_expression == expression && old_zone == zone;
            let decided_until = if same {
                decided_until
            } else {
                decided_until.max(milliseconds(now))
            };
            transaction.execute(
                "UPDATE jobs SET project = ?, expression = ?, zone = ?, enabled = ?, decided_until = ? WHERE id = ?",
                (&settings.project, expression, zone, settings.enabled, decided_until, id),
            )?;
            Ok(Registered(id))
        })
    }

    /// Decides about the times of a job, and writes down what was decided, in one transaction. Returns the decision and
    /// the numbers of the new runs.
    pub(crate) fn decide(
        &mut self,
        job: Registered,
        decide: impl FnOnce(Timestamp, &[Open]) -> Decision,
    ) -> Result<(Decision, Vec<i64>), ScheduleError> {
        self.atomically(|transaction| {
            let decided_until: i64 =
                transaction.query_one("SELECT decided_until FROM jobs WHERE id = ?", [job.0], |row| row.get(0))?;
            let open = open_runs(transaction, job)?;
            let decision = decide(timestamp(decided_until), &open);
            let mut runs = Vec::new();
            for (at, caught_up) in &decision.runs {
                let origin = if *caught_up { "catchup" } else { "cron" };
                // A run that somebody asked for at this very moment is the run of this moment.
                let new = transaction.execute(
                    "INSERT INTO runs (job, scheduled_at, origin, state, not_before) VALUES (?, ?, ?, 'queued', 0) \
                     ON CONFLICT DO NOTHING",
                    (job.0, milliseconds(*at), origin),
                )?;
                if new == 1 {
                    runs.push(transaction.last_insert_rowid());
                }
            }
            for skip in &decision.skips {
                transaction.execute(
                    "INSERT INTO skips (job, first_at, last_at, count, reason) VALUES (?, ?, ?, ?, ?)",
                    (
                        job.0,
                        milliseconds(skip.first),
                        milliseconds(skip.last),
                        skip.count.map(|count| count as i64),
                        skip.reason.as_str(),
                    ),
                )?;
            }
            for run in &decision.cancel {
                super::runs::cancel(transaction, *run, "a later run replaces it")?;
            }
            // Rounded down to the milliseconds of the file: a time between would be decided again, and be there already.
            transaction.execute(
                "UPDATE jobs SET decided_until = ? WHERE id = ?",
                (milliseconds(decision.decided_until), job.0),
            )?;
            Ok((decision, runs))
        })
    }
}

/// The runs of a job that aren't done.
fn open_runs(transaction: &Transaction<'_>, job: Registered) -> rusqlite::Result<Vec<Open>> {
    let mut query = transaction.prepare_cached(
        "SELECT id, scheduled_at, state = 'running', not_before FROM runs \
         WHERE job = ? AND state IN ('queued', 'running') ORDER BY scheduled_at",
    )?;
    query
        .query_map([job.0], |row| {
            Ok(Open {
                run: row.get(0)?,
                job: job.0,
                scheduled_at: timestamp(row.get(1)?),
                running: row.get(2)?,
                not_before: timestamp(row.get(3)?),
            })
        })?
        .collect()
}
