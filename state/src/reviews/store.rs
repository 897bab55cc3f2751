//! Verdicts in the file.

use std::collections::BTreeMap;

use refuel_task::InputHash;
use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, Row, named_params};

use super::{Guess, Review, ReviewedExample, Verdict};
use crate::answers::{make_task, task_id};
use crate::error::StateError;
use crate::state::State;
use crate::{columns, time};

const COLUMNS: &str = "t.name, r.hash, r.input, r.verdict, r.reviewer, r.at, r.note, r.guess, r.guess_confidence,
    r.guess_fingerprint, r.guess_model";

impl State {
    /// Keeps verdicts, all or none. One on the same input of the same task is replaced.
    pub fn put_reviews(&self, reviews: &[Review]) -> Result<(), StateError> {
        self.write(|connection| reviews.iter().try_for_each(|review| put(connection, review)))
    }

    /// Takes a verdict back, and gives what it was.
    pub fn take_review_back(&self, task: &str, hash: InputHash) -> Result<Option<Review>, StateError> {
        self.write(|connection| {
            let Some(id) = task_id(connection, task)? else {
                return Ok(None);
            };
            let there = connection
                .prepare_cached(&format!(
                    "SELECT {COLUMNS} FROM reviews r JOIN tasks t ON t.id = r.task WHERE r.task = ?1 AND r.hash = ?2"
                ))?
                .query_row((id, hash.0.as_slice()), review_of)
                .optional()?;
            if there.is_some() {
                connection
                    .prepare_cached("DELETE FROM reviews WHERE task = ?1 AND hash = ?2")?
                    .execute((id, hash.0.as_slice()))?;
                count_change(connection, id)?;
            }
            Ok(there)
        })
    }

    /// The verdicts on a task, oldest first; on all tasks where none is named.
    pub fn reviews(&self, task: Option<&str>) -> Result<Vec<Review>, StateError> {
        self.read(|connection| {
            connection
                .prepare_cached(&format!(
                    "SELECT {COLUMNS} FROM reviews r JOIN tasks t ON t.id = r.task
                     WHERE ?1 IS NULL OR t.name = ?1 ORDER BY r.at, t.name, r.hash"
                ))?
                .query_map([task], review_of)?
                .collect()
        })
    }

    /// The verdicts that there are, in the order of the hashes.
    pub fn verdicts(&self, task: &str, hashes: &[InputHash]) -> Result<Vec<Option<Verdict>>, StateError> {
        self.read(|connection| {
            let mut found = vec![None; hashes.len()];
            let Some(id) = task_id(connection, task)? else {
                return Ok(found);
            };
            let mut select = connection.prepare_cached("SELECT verdict FROM reviews WHERE task = ?1 AND hash = ?2")?;
            for (hash, found) in hashes.iter().zip(&mut found) {
                *found = select
                    .query_row((id, hash.0.as_slice()), |row| verdict_of(row, 0))
                    .optional()?;
            }
            Ok(found)
        })
    }

    /// Tasks that there are verdicts on, with a number for each that changes whenever a verdict is given or taken back: a
    /// node that was built when it was the same has taken in all of them.
    pub fn tasks_with_verdicts(&self) -> Result<BTreeMap<String, u64>, StateError> {
        self.read(|connection| {
            connection
                .prepare_cached("SELECT name, verdicts FROM tasks WHERE verdicts > 0")?
                .query_map([], |row| Ok((row.get(0)?, row.get::<_, i64>(1)? as u64)))?
                .collect()
        })
    }

    /// The verdicts on a task that say what is right, as solved rows, oldest first. Rejections are none.
    pub fn reviews_as_examples(&self, task: &str) -> Result<Vec<ReviewedExample>, StateError> {
        let reviews = self.reviews(Some(task))?;
        Ok(reviews
            .into_iter()
            .filter_map(|review| match review.verdict {
                Verdict::Value(answer) => Some(ReviewedExample {
                    input: review.input,
                    answer,
                }),
                Verdict::Reject => None,
            })
            .collect())
    }
}

fn put(connection: &Connection, review: &Review) -> rusqlite::Result<()> {
    let task = make_task(connection, &review.task)?;
    let verdict = match &review.verdict {
        Verdict::Value(value) => Some(value.to_string()),
        Verdict::Reject => None,
    };
    let guess = review.guess.as_ref();
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO reviews (task, hash, verdict, reviewer, at, note, input, guess, guess_confidence,
                 guess_fingerprint, guess_model)
             VALUES (:task, :hash, :verdict, :reviewer, :at, :note, :input, :guess, :guess_confidence,
                 :guess_fingerprint, :guess_model)",
        )?
        .execute(named_params! {
            ":task": task,
            ":hash": review.hash.0.as_slice(),
            ":verdict": verdict,
            ":reviewer": review.reviewer,
            ":at": time::to_file(review.at),
            ":note": review.note,
            ":input": serde_json::json!(review.input).to_string(),
            ":guess": guess.map(|guess| guess.value.to_string()),
            ":guess_confidence": guess.and_then(|guess| guess.confidence).map(f64::from),
            ":guess_fingerprint": guess.map(|guess| &guess.fingerprint),
            ":guess_model": guess.map(|guess| &guess.model),
        })?;
    count_change(connection, task)
}

fn count_change(connection: &Connection, task: i64) -> rusqlite::Result<()> {
    connection
        .prepare_cached("UPDATE tasks SET verdicts = verdicts + 1 WHERE id = ?1")?
        .execute([task])
        .map(|_| ())
}

fn verdict_of(row: &Row<'_>, column: usize) -> rusqlite::Result<Verdict> {
    Ok(columns::json_or_null(row, column)?.map_or(Verdict::Reject, Verdict::Value))
}

fn review_of(row: &Row<'_>) -> rusqlite::Result<Review> {
    let guess = match columns::json_or_null(row, 7)? {
        None => None,
        Some(value) => Some(Guess {
            value,
            confidence: row.get(8)?,
            fingerprint: row.get::<_, Option<String>>(9)?.unwrap_or_default(),
            model: row.get::<_, Option<String>>(10)?.unwrap_or_default(),
        }),
    };
    let hash: Vec<u8> = row.get(1)?;
    let hash = hash
        .try_into()
        .map_err(|_| rusqlite::Error::FromSqlConversionFailure(1, Type::Blob, "a hash has 16 bytes".into()))?;
    Ok(Review {
        task: row.get(0)?,
        hash: InputHash(hash),
        input: columns::json(row, 2)?,
        verdict: verdict_of(row, 3)?,
        reviewer: row.get(4)?,
        at: time::from_file(row.get(5)?),
        note: row.get(6)?,
        guess,
    })
}
