//! Who asked how much: counted in memory, kept in a small SQLite file, so that a restart loses a few seconds at most.
//!
//! The file is a help only. Where it can't be read or written that is told once, and counting goes on in memory. Hosts
//! that share a home folder add to the same rows; each reports what was there when it started, and its own.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use refuel_client::wire::UsageReport;
use rusqlite::{Connection, params};

/// Different rows that are counted. Names come from clients: what is beyond is counted together.
const MOST_ROWS: usize = 10_000;
/// The task's name in the row that the others are counted in.
const OTHERS: &str = "(others)";
/// Longest wait for another process that writes.
const PATIENCE: Duration = Duration::from_secs(2);

/// What is counted for itself.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct UsageKey {
    pub(super) database: String,
    pub(super) role: String,
    pub(super) task: String,
    pub(super) model: String,
}

/// Numbers of a row. Times are in milliseconds since 1970-01-01 UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Count {
    pub(super) requests: u64,
    pub(super) inputs: u64,
    pub(super) cached: u64,
    pub(super) failed: u64,
    pub(super) input_tokens: u64,
    pub(super) output_tokens: u64,
    pub(super) model_us: u64,
    pub(super) first_ms: i64,
    pub(super) last_ms: i64,
}

impl Count {
    fn add(&mut self, other: &Self) {
        self.first_ms = match (self.first_ms, other.first_ms) {
            (0, first) | (first, 0) => first,
            (own, other) => own.min(other),
        };
        self.last_ms = self.last_ms.max(other.last_ms);
        self.requests += other.requests;
        self.inputs += other.inputs;
        self.cached += other.cached;
        self.failed += other.failed;
        self.input_tokens += other.input_tokens;
        self.output_tokens += other.output_tokens;
        self.model_us += other.model_us;
    }
}

#[derive(Default)]
struct Counts {
    all: HashMap<UsageKey, Count>,
    /// What is not in the file yet.
    unsaved: HashMap<UsageKey, Count>,
    told: bool,
}

/// See the module.
pub(super) struct Usage {
    file: Option<PathBuf>,
    counts: Mutex<Counts>,
}

impl Usage {
    /// Reads what was counted before. None of a file counts in memory alone.
    pub(super) fn open(file: Option<PathBuf>) -> Self {
        let mut counts = Counts::default();
        if let Some(path) = &file {
            match connect(path).and_then(|connection| read(&connection)) {
                Ok(all) => counts.all = all,
                Err(error) => tell(&mut counts, path, &error),
            }
        }
        Self {
            file,
            counts: Mutex::new(counts),
        }
    }

    /// Counts a request.
    pub(super) fn record(&self, mut key: UsageKey, count: &Count) {
        let mut counts = self.lock();
        if !counts.all.contains_key(&key) && counts.all.len() >= MOST_ROWS {
            OTHERS.clone_into(&mut key.task);
            key.database.clear();
            key.role.clear();
            key.model.clear();
        }
        counts.all.entry(key.clone()).or_default().add(count);
        counts.unsaved.entry(key).or_default().add(count);
    }

    /// Writes what is new into the file.
    pub(super) fn save(&self) {
        let Some(path) = &self.file else { return };
        let unsaved = std::mem::take(&mut self.lock().unsaved);
        if unsaved.is_empty() {
            return;
        }
        let saved = connect(path).and_then(|mut connection| write(&mut connection, &unsaved));
        let mut counts = self.lock();
        match saved {
            Ok(()) => counts.told = false,
            Err(error) => {
                tell(&mut counts, path, &error);
                for (key, count) in unsaved {
                    counts.unsaved.entry(key).or_default().add(&count);
                }
            }
        }
    }

    /// All that was counted, by database, role, task and model.
    pub(super) fn report(&self) -> Vec<UsageReport> {
        let mut rows: Vec<UsageReport> = self
            .lock()
            .all
            .iter()
            .map(|(key, count)| UsageReport {
                database: key.database.clone(),
                role: key.role.clone(),
                task: key.task.clone(),
                model: key.model.clone(),
                requests: count.requests,
                inputs: count.inputs,
                cached: count.cached,
                failed: count.failed,
                input_tokens: count.input_tokens,
                output_tokens: count.output_tokens,
                model_us: count.model_us,
                first_ms: count.first_ms,
                last_ms: count.last_ms,
            })
            .collect();
        rows.sort_by(|left, right| {
            (&left.database, &left.role, &left.task, &left.model).cmp(&(
                &right.database,
                &right.role,
                &right.task,
                &right.model,
            ))
        });
        rows
    }

    /// What is counted is whole between calls.
    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Says once, until it works again, that the file is of no help.
fn tell(counts: &mut Counts, path: &Path, error: &rusqlite::Error) {
    if !counts.told {
        counts.told = true;
        tracing::warn!(file = %path.display(), %error, "usage is not kept for the next start");
    }
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    if let Some(folder) = path.parent() {
        // Where that fails, opening the file says why.
        let _ = fs_err::create_dir_all(folder);
    }
    let connection = Connection::open(path)?;
    connection.busy_timeout(PATIENCE)?;
    connection.execute_batch(
        "CREATE TABLE IF NOT EXISTS usage (
             database TEXT NOT NULL,
             role TEXT NOT NULL,
             task TEXT NOT NULL,
             model TEXT NOT NULL,
             requests INTEGER NOT NULL,
             inputs INTEGER NOT NULL,
             cached INTEGER NOT NULL,
             failed INTEGER NOT NULL,
             input_tokens INTEGER NOT NULL,
             output_tokens INTEGER NOT NULL,
             model_us INTEGER NOT NULL,
             first_ms INTEGER NOT NULL,
             last_ms INTEGER NOT NULL,
             PRIMARY KEY (database, role, task, model)
         ) WITHOUT ROWID",
    )?;
    Ok(connection)
}

fn read(connection: &Connection) -> rusqlite::Result<HashMap<UsageKey, Count>> {
    let mut select = connection.prepare(
        "SELECT database, role, task, model, requests, inputs, cached, failed, input_tokens, output_tokens, model_us,
                first_ms, last_ms
         FROM usage LIMIT ?1",
    )?;
    let rows = select.query_map([MOST_ROWS as i64], |row| {
        let number = |column| row.get::<_, i64>(column).map(|number| number.max(0).cast_unsigned());
        Ok((
            UsageKey {
                database: row.get(0)?,
                role: row.get(1)?,
                task: row.get(2)?,
                model: row.get(3)?,
            },
            Count {
                requests: number(4)?,
                inputs: number(5)?,
                cached: number(6)?,
                failed: number(7)?,
                input_tokens: number(8)?,
                output_tokens: number(9)?,
                model_us: number(10)?,
                first_ms: row.get(11)?,
                last_ms: row.get(12)?,
            },
        ))
    })?;
    rows.collect()
}

fn write(connection: &mut Connection, counts: &HashMap<UsageKey, Count>) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    {
        let mut upsert = transaction.prepare(
            "INSERT INTO usage VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)
             ON CONFLICT DO UPDATE SET
                 requests = requests + excluded.requests,
                 inputs = inputs + excluded.inputs,
                 cached = cached + excluded.cached,
                 failed = failed + excluded.failed,
                 input_tokens = input_tokens + excluded.input_tokens,
                 output_tokens = output_tokens + excluded.output_tokens,
                 model_us = model_us + excluded.model_us,
                 first_ms = min(first_ms, excluded.first_ms),
                 last_ms = max(last_ms, excluded.last_ms)",
        )?;
        for (key, count) in counts {
            let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
            upsert.execute(params![
                key.database,
                key.role,
                key.task,
                key.model,
                number(count.requests),
                number(count.inputs),
                number(count.cached),
                number(count.failed),
                number(count.input_tokens),
                number(count.output_tokens),
                number(count.model_us),
                count.first_ms,
                count.last_ms,
            ])?;
        }
    }
    transaction.commit()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(task: &str) -> UsageKey {
        UsageKey {
            database: "shop".to_owned(),
            role: "anna".to_owned(),
            task: task.to_owned(),
            model: "m@1".to_owned(),
        }
    }

    fn count(inputs: u64, at: i64) -> Count {
        Count {
            requests: 1,
            inputs,
            first_ms: at,
            last_ms: at,
            ..Count::default()
        }
    }

    fn told(usage: &Usage) -> Vec<(String, u64, u64, i64, i64)> {
        let rows = usage.report().into_iter();
        rows.map(|row| (row.task, row.requests, row.inputs, row.first_ms, row.last_ms))
            .collect()
    }

    #[test]
    fn what_was_counted_is_there_after_a_restart_and_nothing_is_counted_twice() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("cache").join("usage-1.sqlite3");
        let usage = Usage::open(Some(file.clone()));
        usage.record(key("topic"), &count(10, 1000));
        usage.save();
        usage.record(key("topic"), &count(5, 2000));
        usage.record(key("other"), &count(1, 1500));
        usage.save();
        usage.save();
        let expected = [
            ("other".to_owned(), 1, 1, 1500, 1500),
            ("topic".to_owned(), 2, 15, 1000, 2000),
        ];
        assert_eq!(told(&usage), expected);
        assert_eq!(told(&Usage::open(Some(file))), expected);
    }

    #[test]
    fn a_file_that_can_not_be_written_stops_no_counting_and_is_tried_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("usage-1.sqlite3");
        fs_err::create_dir(&file).expect("something stands in its place");
        let usage = Usage::open(Some(file.clone()));
        usage.record(key("topic"), &count(10, 1000));
        usage.save();
        usage.record(key("topic"), &count(1, 2000));
        assert_eq!(told(&usage), [("topic".to_owned(), 2, 11, 1000, 2000)]);
        fs_err::remove_dir(&file).expect("it goes");
        usage.save();
        assert_eq!(told(&Usage::open(Some(file))), told(&usage));
    }

    #[test]
    fn names_that_never_end_are_counted_together() {
        let usage = Usage::open(None);
        for number in 0..MOST_ROWS + 50 {
            usage.record(key(&format!("task {number}")), &count(1, 1));
        }
        let rows = usage.report();
        assert!(rows.len() <= MOST_ROWS + 1);
        assert!(rows.iter().any(|row| row.task == OTHERS && row.inputs == 50));
    }
}
