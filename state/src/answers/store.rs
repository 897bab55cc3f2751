//! Answers in the file.

use jiff::Timestamp;
use refuel_task::{Answer, InputHash, Scored, Source, Status};
use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, Row, named_params};
use serde_json::Value;

use super::value::{self, Bound};
use super::{BatchName, Input, KeptAnswer, MOST_SCORES, NewAnswer, TaskKey, TaskVersion};
use crate::error::StateError;
use crate::nodes::BatchState;
use crate::nodes::store::end_batch;
use crate::runs::{RunId, number_of};
use crate::state::State;
use crate::{columns, time};

impl State {
    /// The key of a task as it is now, with the model that answers it. Notes that this version was used.
    pub fn task_key(&self, version: &TaskVersion) -> Result<TaskKey, StateError> {
        self.write(|connection| {
            let task = make_task(connection, &version.task)?;
            let id = connection
                .prepare_cached(
                    "INSERT INTO task_versions (task, fingerprint, model_digest, model, first_used, last_used)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?5)
                     ON CONFLICT (task, fingerprint, model_digest) DO UPDATE SET last_used = excluded.last_used
                     RETURNING id",
                )?
                .query_row(
                    (
                        task,
                        &version.fingerprint,
                        &version.model_digest,
                        &version.model,
                        time::to_file(Timestamp::now()),
                    ),
                    |row| row.get(0),
                )?;
            Ok(TaskKey { task, version: id })
        })
    }

    /// Every version of a task that was asked, the last used first.
    pub fn task_versions(&self, task: &str) -> Result<Vec<TaskVersion>, StateError> {
        self.read(|connection| {
            connection
                .prepare_cached(
                    "SELECT t.name, v.fingerprint, v.model_digest, v.model FROM task_versions v JOIN tasks t ON t.id = v.task
                     WHERE t.name = ?1 ORDER BY v.last_used DESC, v.id DESC",
                )?
                .query_map([task], |row| {
                    Ok(TaskVersion {
                        task: row.get(0)?,
                        fingerprint: row.get(1)?,
                        model_digest: row.get(2)?,
                        model: row.get(3)?,
                    })
                })?
                .collect()
        })
    }

    /// The answers that are known, in the order of the hashes: as the model gave them, before any gate, with source
    /// `cache` and without [`Answer::scores`]. Answers that failed are not known.
    pub fn known(&self, key: TaskKey, hashes: &[InputHash]) -> Result<Vec<Option<Answer>>, StateError> {
        // In the order of the file, so that each of its pages is read once.
        let mut order: Vec<usize> = (0..hashes.len()).collect();
        order.sort_unstable_by_key(|&at| hashes[at]);
        self.read(|connection| {
            let model = model_of(connection, key)?;
            let mut known = vec![None; hashes.len()];
            let mut select = connection.prepare_cached(
                "SELECT value, confidence, raw_confidence, status, reason, NULL, input_tokens, output_tokens
                 FROM answers WHERE version = ?1 AND hash = ?2 AND status <> 'error'",
            )?;
            select.raw_bind_parameter(1, key.version)?;
            for at in order {
                select.raw_bind_parameter(2, hashes[at].0.as_slice())?;
                let mut rows = select.raw_query();
                if let Some(row) = rows.next()? {
                    known[at] = Some(answer_of(row, 0, model.clone(), Source::Cache)?);
                }
            }
            Ok(known)
        })
    }

    /// Keeps answers in one transaction, and with `batch` that it is done. Returns how many were new: an answer that is
    /// kept stays, unless it had failed.
    ///
    /// Best called with [`crate::BATCH`] answers at a time.
    pub fn put_answers(
        &self,
        run: Option<&RunId>,
        key: TaskKey,
        answers: &[NewAnswer<'_>],
        batch: Option<&BatchName<'_>>,
    ) -> Result<usize, StateError> {
        let mut order: Vec<&NewAnswer<'_>> = answers.iter().collect();
        order.sort_by_key(|new| new.hash);
        self.write(|connection| {
            let number = match run {
                Some(run) => number_of(connection, run)?,
                None => None,
            };
            let mut new_ones = 0;
            for new in order {
                new_ones += usize::from(put(connection, number, key, new)?);
            }
            if let (Some(number), Some(batch)) = (number, batch) {
                end_batch(connection, number, batch, BatchState::Done)?;
            }
            Ok(new_ones)
        })
    }

    /// Everything that was ever answered to an input of a task, over all fingerprints and models, oldest first. Failures are
    /// there too.
    pub fn history(&self, task: &str, hash: InputHash) -> Result<Vec<KeptAnswer>, StateError> {
        self.read(|connection| {
            connection
                .prepare_cached(
                    "SELECT a.value, a.confidence, a.raw_confidence, a.status, a.reason, a.scores, a.input_tokens, a.output_tokens,
                            a.source, v.model, v.fingerprint, v.model_digest, r.id, a.at
                     FROM tasks t JOIN task_versions v ON v.task = t.id JOIN answers a ON a.version = v.id AND a.hash = ?2
                     LEFT JOIN runs r ON r.number = a.run
                     WHERE t.name = ?1 ORDER BY a.at, v.id",
                )?
                .query_map((task, hash.0.as_slice()), |row| {
                    let source = source_of(row, 8)?;
                    Ok(KeptAnswer {
                        answer: answer_of(row, 0, row.get(9)?, source)?,
                        fingerprint: row.get(10)?,
                        model_digest: row.get(11)?,
                        run: row.get::<_, Option<String>>(12)?.map(RunId),
                        at: time::from_file(row.get(13)?),
                    })
                })?
                .collect()
        })
    }

    /// What a task was given that has this hash, where it was asked before.
    pub fn input(&self, task: &str, hash: InputHash) -> Result<Option<Input>, StateError> {
        self.read(|connection| {
            connection
                .prepare_cached(
                    "SELECT input FROM inputs WHERE task = (SELECT id FROM tasks WHERE name = ?1) AND hash = ?2",
                )?
                .query_row((task, hash.0.as_slice()), |row| columns::json(row, 0))
                .optional()
        })
    }

    /// How many answers are kept of a version of a task, failures not counted.
    pub fn count_answers(&self, key: TaskKey) -> Result<u64, StateError> {
        self.read(|connection| {
            connection
                .prepare_cached("SELECT count(*) FROM answers WHERE version = ?1 AND status <> 'error'")?
                .query_row([key.version], |row| row.get::<_, i64>(0))
                .map(|count| count as u64)
        })
    }
}

/// The number of a task; it is given one where it has none.
pub(crate) fn make_task(connection: &Connection, name: &str) -> rusqlite::Result<i64> {
    if let Some(id) = task_id(connection, name)? {
        return Ok(id);
    }
    connection
        .prepare_cached("INSERT INTO tasks (name) VALUES (?1)")?
        .insert([name])
}

/// The number of a task.
pub(crate) fn task_id(connection: &Connection, name: &str) -> rusqlite::Result<Option<i64>> {
    connection
        .prepare_cached("SELECT id FROM tasks WHERE name = ?1")?
        .query_row([name], |row| row.get(0))
        .optional()
}

fn model_of(connection: &Connection, key: TaskKey) -> rusqlite::Result<String> {
    connection
        .prepare_cached("SELECT model FROM task_versions WHERE id = ?1")?
        .query_row([key.version], |row| row.get(0))
}

fn put(connection: &Connection, run: Option<i64>, key: TaskKey, new: &NewAnswer<'_>) -> rusqlite::Result<bool> {
    let answer = new.answer;
    let scores = &answer.scores[..answer.scores.len().min(MOST_SCORES)];
    let changed = connection
        .prepare_cached(
            "INSERT INTO answers (version, hash, value, confidence, raw_confidence, status, source, reason, scores,
                 input_tokens, output_tokens, run, at)
             VALUES (:version, :hash, :value, :confidence, :raw_confidence, :status, :source, :reason, :scores,
                 :input_tokens, :output_tokens, :run, :at)
             ON CONFLICT (version, hash) DO UPDATE SET value = excluded.value, confidence = excluded.confidence,
                 raw_confidence = excluded.raw_confidence, status = excluded.status, source = excluded.source,
                 reason = excluded.reason, scores = excluded.scores, input_tokens = excluded.input_tokens,
                 output_tokens = excluded.output_tokens, run = excluded.run, at = excluded.at
             WHERE answers.status = 'error'",
        )?
        .execute(named_params! {
            ":version": key.version,
            ":hash": new.hash.0.as_slice(),
            ":value": Bound(&answer.value),
            ":confidence": answer.confidence.map(f64::from),
            ":raw_confidence": answer.raw_confidence.map(f64::from),
            ":status": status_word(answer.status),
            ":source": source_word(answer.source),
            ":reason": answer.reason,
            ":scores": (!scores.is_empty()).then(|| serde_json::json!(scores).to_string()),
            ":input_tokens": answer.input_tokens,
            ":output_tokens": answer.output_tokens,
            ":run": run,
            ":at": time::to_file(Timestamp::now()),
        })?;
    if changed > 0 {
        connection
            .prepare_cached("INSERT OR IGNORE INTO inputs (task, hash, input) VALUES (?1, ?2, ?3)")?
            .execute((
                key.task,
                new.hash.0.as_slice(),
                serde_json::json!(new.input).to_string(),
            ))?;
    }
    Ok(changed > 0)
}

/// An answer from columns that begin at `first`: value, confidence, raw confidence, status, reason, scores, tokens in, out.
pub(super) fn answer_of(row: &Row<'_>, first: usize, model: String, source: Source) -> rusqlite::Result<Answer> {
    let unreadable = |column: usize, what: &str| {
        rusqlite::Error::FromSqlConversionFailure(column, Type::Text, format!("{what} is not what was written").into())
    };
    let value = value::read(row.get_ref(first)?).ok_or_else(|| unreadable(first, "the value of an answer"))?;
    let status = match row.get_ref(first + 3)?.as_str()? {
        "ok" => Status::Ok,
        "abstained" => Status::Abstained,
        "error" => Status::Error,
        _ => return Err(unreadable(first + 3, "the status of an answer")),
    };
    Ok(Answer {
        value,
        confidence: row.get(first + 1)?,
        raw_confidence: row.get(first + 2)?,
        status,
        reason: row.get(first + 4)?,
        scores: columns::json_or_null::<Vec<Scored>>(row, first + 5)?.unwrap_or_default(),
        model,
        source,
        input_tokens: row.get(first + 6)?,
        output_tokens: row.get(first + 7)?,
    })
}

fn status_word(status: Status) -> &'static str {
    match status {
        Status::Ok => "ok",
        Status::Abstained => "abstained",
        Status::Error => "error",
    }
}

fn source_word(source: Source) -> &'static str {
    match source {
        Source::Model => "model",
        Source::Cache => "cache",
        Source::Duplicate => "duplicate",
        Source::Rule => "rule",
        Source::Human => "human",
        Source::Similar => "similar",
        Source::Head => "head",
    }
}

pub(super) fn source_of(row: &Row<'_>, column: usize) -> rusqlite::Result<Source> {
    let word = Value::from(row.get_ref(column)?.as_str()?);
    serde_json::from_value(word)
        .map_err(|error| rusqlite::Error::FromSqlConversionFailure(column, Type::Text, error.into()))
}
