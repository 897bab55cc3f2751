//! Nodes in the file.

use std::collections::HashMap;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, named_params};

use super::{Batch, BatchState, NodeResult, NodeStatus, NodeVersion};
use crate::answers::BatchName;
use crate::columns;
use crate::error::StateError;
use crate::runs::{RunId, number_of, unknown};
use crate::state::State;
use crate::time;

impl State {
    /// Notes that a node is being worked on.
    pub fn node_started(&self, run: &RunId, unique_id: &str) -> Result<(), StateError> {
        let started = NodeResult {
            started: Some(Timestamp::now()),
            ..NodeResult::new(unique_id, NodeStatus::Running)
        };
        self.node_finished(run, &started)
    }

    /// Notes what became of a node. What was noted of it in this run before is replaced.
    pub fn node_finished(&self, run: &RunId, result: &NodeResult) -> Result<(), StateError> {
        self.of_run(run, |connection, number| put_result(connection, number, result))
    }

    /// The same for many nodes at once, such as all that a failure skips.
    pub fn nodes_finished(&self, run: &RunId, results: &[NodeResult]) -> Result<(), StateError> {
        self.of_run(run, |connection, number| {
            results
                .iter()
                .try_for_each(|result| put_result(connection, number, result))
        })
    }

    /// What became of the nodes of a run, by unique id.
    pub fn node_results(&self, run: &RunId) -> Result<Vec<NodeResult>, StateError> {
        self.read(|connection| {
            connection
                .prepare_cached(
                    "SELECT unique_id, status, started, ended, compile_seconds, execute_seconds, rows, asked, cached, failures,
                            message, relation, fingerprint, compiled_sql
                     FROM node_results WHERE run = (SELECT number FROM runs WHERE id = ?1) ORDER BY unique_id",
                )?
                .query_map([&run.0], result_of)?
                .collect()
        })
    }

    /// Keeps what a good build of a node was made of, and what it left, in place of what was kept before.
    pub fn put_node_version(&self, run: &RunId, target: &str, version: &NodeVersion) -> Result<(), StateError> {
        self.put_node_versions(run, target, std::slice::from_ref(version))
    }

    /// The same for many nodes in one transaction.
    pub fn put_node_versions(&self, run: &RunId, target: &str, versions: &[NodeVersion]) -> Result<(), StateError> {
        self.of_run(run, |connection, number| {
            versions
                .iter()
                .try_for_each(|version| put_version(connection, number, target, version))
        })
    }

    /// The last good build of a node in a target.
    pub fn node_version(&self, target: &str, unique_id: &str) -> Result<Option<NodeVersion>, StateError> {
        self.read(|connection| {
            connection
                .prepare_cached(&format!("{VERSIONS} WHERE target = ?1 AND unique_id = ?2"))?
                .query_row((target, unique_id), version_of)
                .optional()
        })
    }

    /// The last good builds of all nodes of a target, by unique id.
    pub fn node_versions(&self, target: &str) -> Result<HashMap<String, NodeVersion>, StateError> {
        self.read(|connection| {
            connection
                .prepare_cached(&format!("{VERSIONS} WHERE target = ?1"))?
                .query_map([target], |row| {
                    let version = version_of(row)?;
                    Ok((version.unique_id.clone(), version))
                })?
                .collect()
        })
    }

    /// Forgets the last good build of a node: its relation was dropped, or it is no longer in the project.
    pub fn forget_node_version(&self, target: &str, unique_id: &str) -> Result<(), StateError> {
        self.write(|connection| {
            connection
                .prepare_cached("DELETE FROM node_versions WHERE target = ?1 AND unique_id = ?2")?
                .execute((target, unique_id))
                .map(|_| ())
        })
    }

    /// Notes that a model is asked a batch.
    pub fn batch_asked(&self, run: &RunId, batch: &BatchName<'_>, inputs: u64) -> Result<(), StateError> {
        self.of_run(run, |connection, run| {
            connection
                .prepare_cached(
                    "INSERT OR REPLACE INTO batches (run, unique_id, stage, number, inputs, state, started)
                     VALUES (?1, ?2, ?3, ?4, ?5, 'asked', ?6)",
                )?
                .execute((
                    run,
                    batch.unique_id,
                    batch.stage,
                    batch.number,
                    inputs as i64,
                    time::to_file(Timestamp::now()),
                ))
                .map(|_| ())
        })
    }

    /// Notes how a batch ended. That its answers are kept is better said with them: [`State::put_answers`].
    pub fn batch_ended(&self, run: &RunId, batch: &BatchName<'_>, state: BatchState) -> Result<(), StateError> {
        self.of_run(run, |connection, run| end_batch(connection, run, batch, state))
    }

    /// The batches of a run, by node, stage and number.
    pub fn batches(&self, run: &RunId) -> Result<Vec<Batch>, StateError> {
        self.read(|connection| {
            connection
                .prepare_cached(
                    "SELECT unique_id, stage, number, inputs, state, started, ended FROM batches
                     WHERE run = (SELECT number FROM runs WHERE id = ?1) ORDER BY unique_id, stage, number",
                )?
                .query_map([&run.0], |row| {
                    Ok(Batch {
                        unique_id: row.get(0)?,
                        stage: row.get(1)?,
                        number: row.get(2)?,
                        inputs: row.get::<_, i64>(3)? as u64,
                        state: columns::word(row, 4)?,
                        started: time::from_file(row.get(5)?),
                        ended: row.get::<_, Option<i64>>(6)?.map(time::from_file),
                    })
                })?
                .collect()
        })
    }

    /// Keeps what a target was last compiled to: bytes that mean something to the caller only. They are compressed.
    pub fn put_snapshot(&self, run: &RunId, target: &str, content: &[u8]) -> Result<(), StateError> {
        let packed =
            zstd::bulk::compress(content, SNAPSHOT_LEVEL).map_err(|error| self.damaged(snapshot_of(target), error))?;
        self.of_run(run, |connection, number| {
            connection
                .prepare_cached("INSERT OR REPLACE INTO snapshots (target, run, at, content) VALUES (?1, ?2, ?3, ?4)")?
                .execute((target, number, time::to_file(Timestamp::now()), packed))
                .map(|_| ())
        })
    }

    /// What a target was last compiled to, as it was given, with the time.
    ///
    /// # Errors
    /// [`StateError::Damaged`] where it is not what was written.
    pub fn snapshot(&self, target: &str) -> Result<Option<(Timestamp, Vec<u8>)>, StateError> {
        let found: Option<(i64, Vec<u8>)> = self.read(|connection| {
            connection
                .prepare_cached("SELECT at, content FROM snapshots WHERE target = ?1")?
                .query_row([target], |row| Ok((row.get(0)?, row.get(1)?)))
                .optional()
        })?;
        found
            .map(|(at, packed)| match zstd::stream::decode_all(packed.as_slice()) {
                Ok(content) => Ok((time::from_file(at), content)),
                Err(error) => Err(self.damaged(snapshot_of(target), error)),
            })
            .transpose()
    }

    /// Writes something that belongs to a run, which has to be there.
    pub(crate) fn of_run<T>(
        &self,
        run: &RunId,
        work: impl FnOnce(&Connection, i64) -> rusqlite::Result<T>,
    ) -> Result<T, StateError> {
        self.write(|connection| match number_of(connection, run)? {
            Some(number) => work(connection, number).map(Some),
            None => Ok(None),
        })?
        .ok_or_else(|| unknown(run))
    }
}

/// A snapshot is text that repeats itself: the fastest level makes a tenth of it.
const SNAPSHOT_LEVEL: i32 = 1;

const VERSIONS: &str =
    "SELECT unique_id, fingerprint, gate_fingerprint, metadata_fingerprint, version, inputs, relation,
    answer_tables, (SELECT id FROM runs WHERE number = run), at FROM node_versions";

fn snapshot_of(target: &str) -> String {
    format!("the snapshot of target \"{target}\"")
}

fn put_result(connection: &Connection, run: i64, result: &NodeResult) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO node_results (run, unique_id, status, started, ended, compile_seconds, execute_seconds,
                 rows, asked, cached, failures, message, relation, fingerprint, compiled_sql)
             VALUES (:run, :unique_id, :status, :started, :ended, :compile_seconds, :execute_seconds,
                 :rows, :asked, :cached, :failures, :message, :relation, :fingerprint, :compiled_sql)",
        )?
        .execute(named_params! {
            ":run": run,
            ":unique_id": result.unique_id,
            ":status": result.status.as_str(),
            ":started": result.started.map(time::to_file),
            ":ended": result.ended.map(time::to_file),
            ":compile_seconds": result.compile_seconds,
            ":execute_seconds": result.execute_seconds,
            ":rows": result.rows.map(|count| count as i64),
            ":asked": result.asked.map(|count| count as i64),
            ":cached": result.cached.map(|count| count as i64),
            ":failures": result.failures.map(|count| count as i64),
            ":message": result.message,
            ":relation": result.relation,
            ":fingerprint": result.fingerprint,
            ":compiled_sql": result.compiled_sql,
        })
        .map(|_| ())
}

fn result_of(row: &Row<'_>) -> rusqlite::Result<NodeResult> {
    let count = |column: usize| -> rusqlite::Result<Option<u64>> {
        Ok(row.get::<_, Option<i64>>(column)?.map(|count| count as u64))
    };
    Ok(NodeResult {
        unique_id: row.get(0)?,
        status: columns::word(row, 1)?,
        started: row.get::<_, Option<i64>>(2)?.map(time::from_file),
        ended: row.get::<_, Option<i64>>(3)?.map(time::from_file),
        compile_seconds: row.get(4)?,
        execute_seconds: row.get(5)?,
        rows: count(6)?,
        asked: count(7)?,
        cached: count(8)?,
        failures: count(9)?,
        message: row.get(10)?,
        relation: row.get(11)?,
        fingerprint: row.get(12)?,
        compiled_sql: row.get(13)?,
    })
}

fn put_version(connection: &Connection, run: i64, target: &str, version: &NodeVersion) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO node_versions (target, unique_id, fingerprint, gate_fingerprint, metadata_fingerprint,
                 version, inputs, relation, answer_tables, run, at)
             VALUES (:target, :unique_id, :fingerprint, :gate_fingerprint, :metadata_fingerprint,
                 :version, :inputs, :relation, :answer_tables, :run, :at)",
        )?
        .execute(named_params! {
            ":target": target,
            ":unique_id": version.unique_id,
            ":fingerprint": version.fingerprint,
            ":gate_fingerprint": version.gate_fingerprint,
            ":metadata_fingerprint": version.metadata_fingerprint,
            ":version": version.version,
            ":inputs": serde_json::json!(version.inputs).to_string(),
            ":relation": version.relation,
            ":answer_tables": serde_json::json!(version.answer_tables).to_string(),
            ":run": run,
            ":at": time::to_file(version.at),
        })
        .map(|_| ())
}

fn version_of(row: &Row<'_>) -> rusqlite::Result<NodeVersion> {
    Ok(NodeVersion {
        unique_id: row.get(0)?,
        fingerprint: row.get(1)?,
        gate_fingerprint: row.get(2)?,
        metadata_fingerprint: row.get(3)?,
        version: row.get(4)?,
        inputs: columns::json(row, 5)?,
        relation: row.get(6)?,
        answer_tables: columns::json(row, 7)?,
        run: row.get::<_, Option<String>>(8)?.map(RunId),
        at: time::from_file(row.get(9)?),
    })
}

pub(crate) fn end_batch(
    connection: &Connection,
    run: i64,
    batch: &BatchName<'_>,
    state: BatchState,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "UPDATE batches SET state = ?5, ended = ?6 WHERE run = ?1 AND unique_id = ?2 AND stage = ?3 AND number = ?4",
        )?
        .execute((
            run,
            batch.unique_id,
            batch.stage,
            batch.number,
            state.as_str(),
            time::to_file(Timestamp::now()),
        ))
        .map(|_| ())
}
