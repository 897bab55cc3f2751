//! Forgetting what is old. Verdicts are never forgotten.

use jiff::Timestamp;
use rusqlite::named_params;
use serde::Serialize;

use crate::error::StateError;
use crate::state::State;
use crate::time;

/// What may be forgotten.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Prune {
    /// Runs that began before this, with their nodes, batches and measurements. The last run of each target stays, and so
    /// does the one whose distributions the next run is compared with.
    pub runs_before: Option<Timestamp>,
    /// Answers of task versions that were last used before this. The version of each task that was used last stays.
    pub answers_unused_since: Option<Timestamp>,
}

/// What was forgotten.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Pruned {
    /// Runs.
    pub runs: u64,
    /// Versions of tasks.
    pub task_versions: u64,
    /// Answers.
    pub answers: u64,
}

impl State {
    /// Forgets what is old, and gives the room back to the disk.
    pub fn prune(&self, what: &Prune) -> Result<Pruned, StateError> {
        let pruned = self.write(|connection| {
            let mut pruned = Pruned::default();
            if let Some(before) = what.runs_before {
                pruned.runs = connection.execute(
                    "DELETE FROM runs WHERE started < :before AND status <> 'running'
                     AND number NOT IN (SELECT max(number) FROM runs GROUP BY target)
                     AND number NOT IN (SELECT max(d.run) FROM distributions d JOIN runs r ON r.number = d.run
                                        GROUP BY r.target, d.unique_id, d.task)",
                    named_params! {":before": time::to_file(before)},
                )? as u64;
            }
            if let Some(unused) = what.answers_unused_since {
                connection.execute_batch(
                    "CREATE TEMP TABLE IF NOT EXISTS unused (version INTEGER PRIMARY KEY); DELETE FROM temp.unused;",
                )?;
                connection.execute(
                    "INSERT INTO temp.unused SELECT id FROM task_versions v WHERE last_used < :unused
                     AND EXISTS (SELECT 1 FROM task_versions later WHERE later.task = v.task
                                 AND (later.last_used, later.id) > (v.last_used, v.id))",
                    named_params! {":unused": time::to_file(unused)},
                )?;
                pruned.answers = connection.execute(
                    "DELETE FROM answers WHERE version IN (SELECT version FROM temp.unused)",
                    [],
                )? as u64;
                pruned.task_versions = connection.execute(
                    "DELETE FROM task_versions WHERE id IN (SELECT version FROM temp.unused)",
                    [],
                )? as u64;
                connection.execute(
                    "DELETE FROM inputs WHERE NOT EXISTS (
                         SELECT 1 FROM task_versions v JOIN answers a ON a.version = v.id AND a.hash = inputs.hash
                         WHERE v.task = inputs.task)",
                    [],
                )?;
            }
            Ok(pruned)
        })?;
        if pruned.runs + pruned.answers > 0 {
            self.connection()
                .execute_batch("VACUUM; PRAGMA wal_checkpoint(TRUNCATE);")
                .map_err(|error| StateError::of(self.path(), error))?;
        }
        Ok(pruned)
    }
}
