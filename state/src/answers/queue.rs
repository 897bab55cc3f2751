//! Answers that a person should look at: those that their task's gate does not let through, and failures.

use jiff::Timestamp;
use refuel_task::{Answer, Confidence, Gate, InputHash};
use rusqlite::{Connection, OptionalExtension, named_params};
use serde::Serialize;

use super::Input;
use super::store::{answer_of, source_of, task_id};
use crate::error::StateError;
use crate::state::State;
use crate::{columns, time};

/// A task whose answers are looked through.
#[derive(Debug, Clone)]
pub struct QueueTask {
    /// Its name.
    pub name: String,
    /// What it lets through.
    pub gate: Gate,
}

/// What comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QueueOrder {
    /// The least sure; failures, which have no confidence, before all others.
    LeastSure,
    /// The answer that was given first.
    Oldest,
    /// Any, the same for the same number.
    Random(u64),
}

/// An answer that a person should look at.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Pending {
    /// Name of the task.
    pub task: String,
    /// Hash of what the model read.
    #[serde(serialize_with = "hexadecimal")]
    pub hash: InputHash,
    /// What the task was given.
    pub input: Input,
    /// What the model said, before the gate, with its best candidates.
    pub answer: Answer,
    /// Fingerprint of the task then.
    pub fingerprint: String,
    /// When it said so.
    pub at: Timestamp,
}

fn hexadecimal<S: serde::Serializer>(hash: &InputHash, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(hash)
}

impl State {
    /// What a person should look at: answers of the version of each task that was used last, which its gate does not let
    /// through or which failed, and on which there is no verdict. At most `most` of them.
    pub fn queue(&self, tasks: &[QueueTask], order: QueueOrder, most: usize) -> Result<Vec<Pending>, StateError> {
        self.read(|connection| {
            let mut found = Vec::new();
            for task in tasks {
                of_task(connection, task, order, most, &mut found)?;
            }
            match order {
                QueueOrder::LeastSure => found.sort_by(|a, b| a.rank.total_cmp(&b.rank)),
                QueueOrder::Oldest => found.sort_by_key(|found| found.pending.at),
                QueueOrder::Random(seed) => found.sort_by_key(|found| mixed(found.pending.hash, seed)),
            }
            found.truncate(most);
            Ok(found.into_iter().map(|found| found.pending).collect())
        })
    }

    /// How many answers wait for a person, task by task in the order given.
    pub fn queue_lengths(&self, tasks: &[QueueTask]) -> Result<Vec<u64>, StateError> {
        self.read(|connection| {
            tasks
                .iter()
                .map(|task| {
                    let Some((id, version)) = last_used(connection, &task.name)? else {
                        return Ok(0);
                    };
                    let sql = format!("SELECT count(*) FROM answers a WHERE {}", waits(&task.gate));
                    connection
                        .prepare_cached(&sql)?
                        .query_row(
                            named_params! {":version": version, ":task": id, ":threshold": threshold(&task.gate)},
                            |row| row.get::<_, i64>(0),
                        )
                        .map(|count| count as u64)
                })
                .collect()
        })
    }
}

struct Found {
    pending: Pending,
    /// The confidence that counts; below 0 where there is none.
    rank: f64,
}

fn of_task(
    connection: &Connection,
    task: &QueueTask,
    order: QueueOrder,
    most: usize,
    found: &mut Vec<Found>,
) -> rusqlite::Result<()> {
    let Some((id, version)) = last_used(connection, &task.name)? else {
        return Ok(());
    };
    let rank = rank(&task.gate);
    let (sorted, limit) = match order {
        QueueOrder::LeastSure => (rank, most as i64),
        QueueOrder::Oldest => ("a.at", most as i64),
        // Mixing is not SQL's to do.
        QueueOrder::Random(_) => ("a.hash", -1),
    };
    let sql = format!(
        "SELECT a.value, a.confidence, a.raw_confidence, a.status, a.reason, a.scores, a.input_tokens, a.output_tokens,
                a.source, v.model, v.fingerprint, a.hash, i.input, a.at, {rank}
         FROM answers a JOIN task_versions v ON v.id = a.version JOIN inputs i ON i.task = :task AND i.hash = a.hash
         WHERE {} ORDER BY {sorted}, a.hash LIMIT :most",
        waits(&task.gate)
    );
    let mut select = connection.prepare_cached(&sql)?;
    let rows = select.query_map(
        named_params! {":version": version, ":task": id, ":threshold": threshold(&task.gate), ":most": limit},
        |row| {
            let source = source_of(row, 8)?;
            Ok(Found {
                pending: Pending {
                    task: task.name.clone(),
                    answer: answer_of(row, 0, row.get(9)?, source)?,
                    fingerprint: row.get(10)?,
                    hash: InputHash(row.get(11)?),
                    input: columns::json(row, 12)?,
                    at: time::from_file(row.get(13)?),
                },
                rank: row.get(14)?,
            })
        },
    )?;
    for row in rows {
        found.push(row?);
    }
    Ok(())
}

/// What of a task's answers waits: the same as [`Gate::apply`] does not let through, in SQL. An answer of a kind that has
/// no confidence can't pass a threshold.
fn waits(gate: &Gate) -> String {
    format!(
        "a.version = :version AND (a.status <> 'ok' OR (:threshold IS NOT NULL AND {} < :threshold))
         AND NOT EXISTS (SELECT 1 FROM reviews r WHERE r.task = :task AND r.hash = a.hash)",
        rank(gate)
    )
}

fn rank(gate: &Gate) -> &'static str {
    match gate.confidence {
        Confidence::Normalized => "coalesce(a.confidence, -1.0)",
        Confidence::Raw => "coalesce(a.raw_confidence, -1.0)",
    }
}

fn threshold(gate: &Gate) -> Option<f64> {
    // Answers are kept as the model gave them.
    gate.own_threshold().map(f64::from)
}

/// The numbers of a task and of its version that was used last.
fn last_used(connection: &Connection, task: &str) -> rusqlite::Result<Option<(i64, i64)>> {
    let Some(id) = task_id(connection, task)? else {
        return Ok(None);
    };
    connection
        .prepare_cached("SELECT id FROM task_versions WHERE task = ?1 ORDER BY last_used DESC, id DESC LIMIT 1")?
        .query_row([id], |row| Ok((id, row.get(0)?)))
        .optional()
}

/// A hash mixed with a number: the finalizer of `SplitMix64` (Steele, Lea, Flood 2014, "Fast splittable pseudorandom number
/// generators").
fn mixed(hash: InputHash, seed: u64) -> u64 {
    let (halves, _) = hash.0.as_chunks::<8>();
    let mut mixed = halves
        .iter()
        .fold(seed, |sum, half| sum.wrapping_add(u64::from_le_bytes(*half)));
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
