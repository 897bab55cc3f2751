//! What was measured: evaluations, how often each label was given, and how fast models are.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rusqlite::{OptionalExtension, named_params};
use serde::Serialize;

use crate::error::StateError;
use crate::runs::RunId;
use crate::state::State;
use crate::{columns, time};

/// A number that says how good answers are.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Measurement {
    /// Unique id of the evaluation, or of the node that it is about.
    pub unique_id: String,
    /// Name of the task.
    pub task: String,
    /// What was measured: `accuracy`, `f1`, `coverage`, `auroc`, `chi_square_p`, `psi`.
    pub metric: String,
    /// The value. None where the rows don't give one, such as an AUROC where every answer is right.
    pub value: Option<f64>,
    /// Its 95 % interval, where it has one.
    pub interval: Option<(f64, f64)>,
    /// Rows that it was measured on.
    pub rows: u64,
}

/// How often each label was given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Distribution {
    /// Rows by label.
    pub counts: BTreeMap<String, u64>,
    /// The run that counted.
    pub run: RunId,
    /// When that run began.
    pub at: Timestamp,
}

/// What a model did in some time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Work {
    /// Inputs that were answered.
    pub rows: u64,
    /// Tokens that were read and written.
    pub tokens: u64,
    /// Seconds that it took.
    pub seconds: f64,
}

/// How fast a model is.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Speed {
    /// Inputs a second.
    pub rows_per_second: f64,
    /// Tokens a second, read and written.
    pub tokens_per_second: f64,
}

/// What is left of earlier measurements when one is added: a machine that got faster is believed after a few runs.
const KEPT: f64 = 0.5;

impl State {
    /// Keeps what an evaluation measured in a run.
    pub fn put_measurements(&self, run: &RunId, measurements: &[Measurement]) -> Result<(), StateError> {
        self.of_run(run, |connection, number| {
            let mut insert = connection.prepare_cached(
                "INSERT OR REPLACE INTO evaluations (run, unique_id, task, metric, value, low, high, rows)
                 VALUES (:run, :unique_id, :task, :metric, :value, :low, :high, :rows)",
            )?;
            measurements.iter().try_for_each(|measured| {
                insert
                    .execute(named_params! {
                        ":run": number,
                        ":unique_id": measured.unique_id,
                        ":task": measured.task,
                        ":metric": measured.metric,
                        ":value": measured.value,
                        ":low": measured.interval.map(|(low, _)| low),
                        ":high": measured.interval.map(|(_, high)| high),
                        ":rows": measured.rows as i64,
                    })
                    .map(|_| ())
            })
        })
    }

    /// What was measured in a run.
    pub fn measurements(&self, run: &RunId) -> Result<Vec<Measurement>, StateError> {
        self.read(|connection| {
            connection
                .prepare_cached(
                    "SELECT unique_id, task, metric, value, low, high, rows FROM evaluations
                     WHERE run = (SELECT number FROM runs WHERE id = ?1) ORDER BY unique_id, task, metric",
                )?
                .query_map([&run.0], |row| {
                    let (low, high): (Option<f64>, Option<f64>) = (row.get(4)?, row.get(5)?);
                    Ok(Measurement {
                        unique_id: row.get(0)?,
                        task: row.get(1)?,
                        metric: row.get(2)?,
                        value: row.get(3)?,
                        interval: low.zip(high),
                        rows: row.get::<_, i64>(6)? as u64,
                    })
                })?
                .collect()
        })
    }

    /// Keeps how often each label was given in the rows of a node.
    pub fn put_distribution(
        &self,
        run: &RunId,
        unique_id: &str,
        task: &str,
        counts: &BTreeMap<String, u64>,
    ) -> Result<(), StateError> {
        self.of_run(run, |connection, number| {
            connection
                .prepare_cached(
                    "INSERT OR REPLACE INTO distributions (run, unique_id, task, counts) VALUES (?1, ?2, ?3, ?4)",
                )?
                .execute((number, unique_id, task, serde_json::json!(counts).to_string()))
                .map(|_| ())
        })
    }

    /// How often each label was given in the last run of the same target before `run` that counted it.
    pub fn distribution_before(
        &self,
        run: &RunId,
        unique_id: &str,
        task: &str,
    ) -> Result<Option<Distribution>, StateError> {
        self.read(|connection| {
            connection
                .prepare_cached(
                    "SELECT d.counts, r.id, r.started FROM distributions d JOIN runs r ON r.number = d.run
                     JOIN runs this ON this.id = ?1 AND this.target = r.target
                     WHERE d.unique_id = ?2 AND d.task = ?3 AND d.run < this.number ORDER BY d.run DESC LIMIT 1",
                )?
                .query_row((&run.0, unique_id, task), |row| {
                    Ok(Distribution {
                        counts: columns::json(row, 0)?,
                        run: RunId(row.get(1)?),
                        at: time::from_file(row.get(2)?),
                    })
                })
                .optional()
        })
    }

    /// Notes how fast a model answered a task on a device, such as `cpu`. Work of no time is not noted.
    pub fn note_speed(&self, model_digest: &str, device: &str, task: &str, work: &Work) -> Result<(), StateError> {
        if !work.seconds.is_finite() || work.seconds <= 0.0 {
            return Ok(());
        }
        self.write(|connection| {
            connection
                .prepare_cached(
                    "INSERT INTO speeds (model_digest, device, task, rows, tokens, seconds, at)
                     VALUES (:model_digest, :device, :task, :rows, :tokens, :seconds, :at)
                     ON CONFLICT (model_digest, device, task) DO UPDATE SET rows = rows * :kept + excluded.rows,
                         tokens = tokens * :kept + excluded.tokens, seconds = seconds * :kept + excluded.seconds,
                         at = excluded.at",
                )?
                .execute(named_params! {
                    ":model_digest": model_digest,
                    ":device": device,
                    ":task": task,
                    ":rows": work.rows as f64,
                    ":tokens": work.tokens as f64,
                    ":seconds": work.seconds,
                    ":at": time::to_file(Timestamp::now()),
                    ":kept": KEPT,
                })
                .map(|_| ())
        })
    }

    /// How fast a model answers a task on a device; where that was not measured, how fast it answers all tasks that were.
    /// None where it was never asked.
    pub fn speed(&self, model_digest: &str, device: &str, task: &str) -> Result<Option<Speed>, StateError> {
        self.read(|connection| {
            let mut select = connection.prepare_cached(
                "SELECT sum(rows), sum(tokens), sum(seconds) FROM speeds
                 WHERE model_digest = ?1 AND device = ?2 AND (?3 IS NULL OR task = ?3)",
            )?;
            let mut of = |task: Option<&str>| {
                select.query_row((model_digest, device, task), |row| {
                    let (rows, tokens, seconds): (Option<f64>, Option<f64>, Option<f64>) =
                        (row.get(0)?, row.get(1)?, row.get(2)?);
                    Ok(rows.zip(tokens).zip(seconds).map(|((rows, tokens), seconds)| Speed {
                        rows_per_second: rows / seconds,
                        tokens_per_second: tokens / seconds,
                    }))
                })
            };
            match of(Some(task))? {
                Some(speed) => Ok(Some(speed)),
                None => of(None),
            }
        })
    }
}
