//! One connection to a file of SQLite.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use refuel_staging::{Dialect, RelationName};
use rusqlite::Batch;
use rusqlite::config::DbConfig;
use rusqlite::fallible_iterator::FallibleIterator;
use tracing::debug;

use super::wait::Waits;
use super::writer::Writer;
use super::{errors, rows};
use crate::error::Refusal;
use crate::warehouse::{CancelHandle, OnRow, Rows, Warehouse};
use crate::{Column, Digest, Relation, RelationKind, Result, SqliteTarget, Value, WarehouseError};

/// Steps of SQLite's machine between two looks at whether the connection is stopped: some tenths of a millisecond.
const STEPS: i32 = 10_000;

/// What every connection sets.
///
/// With the older way of renaming, views keep the names that they were written with, so that a table can be put in the
/// place of another under the views that read it.
const SETTINGS: &str = "
    PRAGMA journal_mode = wal;
    PRAGMA synchronous = normal;
    PRAGMA foreign_keys = on;
    PRAGMA legacy_alter_table = on;
    PRAGMA cache_size = -65536;
    PRAGMA mmap_size = 1073741824;
";

/// One connection to a file of SQLite.
pub(crate) struct Connection {
    target: SqliteTarget,
    pub(super) inner: rusqlite::Connection,
    writer: Arc<Writer>,
    waits: Arc<Waits>,
    stop: Arc<AtomicBool>,
    /// Whether [`Warehouse::begin`] has the right to write, and nobody gave it back yet.
    is_open: bool,
}

impl Connection {
    pub(super) fn open(target: &SqliteTarget, writer: Arc<Writer>, waits: Arc<Waits>) -> Result<Self> {
        let open = || {
            let inner = rusqlite::Connection::open(&target.path)?;
            inner.busy_timeout(target.busy_timeout)?;
            // A misspelt column in double quotes would be a text otherwise, the same in every row.
            inner.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DML, false)?;
            inner.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DDL, false)?;
            // A row comes of some of these.
            let mut batch = Batch::new(&inner, SETTINGS);
            while let Some(mut statement) = batch.next()? {
                let mut rows = statement.raw_query();
                while rows.next()?.is_some() {}
            }
            let stop = Arc::new(AtomicBool::new(false));
            let stopped = Arc::clone(&stop);
            let mut inner = inner;
            inner.progress_handler(STEPS, Some(move || stopped.load(Ordering::Relaxed)))?;
            Ok((inner, stop))
        };
        let (inner, stop) = open().map_err(|error| errors::opening(target, &error))?;
        Ok(Self {
            target: target.clone(),
            inner,
            writer,
            waits,
            stop,
            is_open: false,
        })
    }

    pub(super) fn target_name(&self) -> &str {
        &self.target.name
    }

    pub(super) fn path(&self) -> &Path {
        &self.target.path
    }

    pub(super) fn busy_timeout(&self) -> Duration {
        self.target.busy_timeout
    }

    /// Refuses a statement of a connection that is stopped, or whose transaction SQLite has taken back.
    fn check(&self) -> Result<()> {
        if self.stop.load(Ordering::Relaxed) {
            return Err(self.cancelled());
        }
        if self.is_open && self.inner.is_autocommit() {
            let refusal = Refusal {
                message: "an earlier fault has ended the transaction".to_owned(),
                ..Refusal::default()
            };
            return Err(WarehouseError::Statement {
                target: self.target.name.clone(),
                refusal: Box::new(refusal),
            });
        }
        Ok(())
    }

    pub(super) fn cancelled(&self) -> WarehouseError {
        WarehouseError::Cancelled {
            target: self.target.name.clone(),
        }
    }

    /// Begins a transaction that may write.
    fn begin_writing(&self) -> Result<()> {
        self.patiently(&self.stop, &self.waits, || self.inner.execute_batch("BEGIN IMMEDIATE"))
    }

    /// Does something with the right to write, which a transaction has already.
    fn writing<T>(&mut self, work: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        self.check()?;
        if self.is_open {
            return work(self);
        }
        if !self.writer.take(&self.stop) {
            return Err(self.cancelled());
        }
        let done = work(self);
        self.writer.give();
        done
    }

    /// Runs statements one after another. Returns the rows that the last one changed.
    fn run(&self, sql: &str) -> Result<u64, rusqlite::Error> {
        let mut changed = 0;
        let mut batch = Batch::new(&self.inner, sql);
        while let Some(mut statement) = batch.next()? {
            let before = self.inner.total_changes();
            let mut rows = statement.raw_query();
            while rows.next()?.is_some() {}
            // What SQLite says of the last change stays the same behind a statement that changes no row.
            let is_changed = self.inner.total_changes() > before;
            changed = if is_changed { self.inner.changes() } else { 0 };
        }
        Ok(changed)
    }

    /// Does something all or not at all, within a transaction too.
    fn whole<T>(&self, work: impl FnOnce() -> Result<T>) -> Result<T> {
        let run = |sql: &str| self.inner.execute_batch(sql).map_err(|error| self.fault(&error));
        if self.is_open {
            run("SAVEPOINT refuel_part")?;
        } else {
            self.begin_writing()?;
        }
        let end = if self.is_open { "RELEASE refuel_part" } else { "COMMIT" };
        match work().and_then(|done| run(end).map(|()| done)) {
            Ok(done) => Ok(done),
            Err(error) => {
                if !self.inner.is_autocommit() {
                    let back = if self.is_open {
                        "ROLLBACK TO refuel_part; RELEASE refuel_part"
                    } else {
                        "ROLLBACK"
                    };
                    // The work's own error says more than one of taking it back.
                    let _ = self.inner.execute_batch(back);
                }
                Err(error)
            }
        }
    }

    /// Prepares a query, and says what its columns are.
    pub(super) fn prepare(&self, sql: &str) -> Result<(rusqlite::Statement<'_>, Vec<Column>)> {
        let statement = self.inner.prepare(sql).map_err(|error| self.fault(&error))?;
        let columns = statement.columns().map(|column| Column {
            name: column.name().to_owned(),
            data_type: column
                .decl_type()
                .filter(|name| !name.is_empty())
                .map(str::to_lowercase),
            not_null: false,
        });
        let columns = columns.collect();
        Ok((statement, columns))
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if self.is_open {
            let _ = self.inner.execute_batch("ROLLBACK");
            self.writer.give();
        }
    }
}

impl Warehouse for Connection {
    fn dialect(&self) -> Dialect {
        Dialect::Sqlite
    }

    fn target(&self) -> &str {
        &self.target.name
    }

    fn schema(&self) -> Option<&str> {
        None
    }

    fn has_extension(&self) -> bool {
        false
    }

    fn cancel_handle(&self) -> CancelHandle {
        let stop = Arc::clone(&self.stop);
        CancelHandle::new(move || stop.store(true, Ordering::Relaxed))
    }

    fn execute(&mut self, sql: &str) -> Result<u64> {
        debug!(target: "refuel_warehouse", sql, "execute");
        let has_several = sql.trim_end().trim_end_matches(';').contains(';');
        self.writing(|connection| {
            if has_several {
                connection.whole(|| connection.run(sql).map_err(|error| connection.fault(&error)))
            } else if connection.is_open {
                connection.run(sql).map_err(|error| connection.fault(&error))
            } else {
                connection.patiently(&connection.stop, &connection.waits, || connection.run(sql))
            }
        })
    }

    fn query(&mut self, sql: &str, on_row: OnRow<'_>) -> Result<Vec<Column>> {
        debug!(target: "refuel_warehouse", sql, "query");
        self.check()?;
        let is_reading = self.prepare(sql)?.0.readonly();
        if is_reading {
            return self.read(sql, on_row);
        }
        self.writing(|connection| connection.read(sql, on_row))
    }

    fn describe(&mut self, query: &str) -> Result<Vec<Column>> {
        self.check()?;
        let (statement, columns) = self.prepare(query)?;
        if columns.is_empty() || !statement.readonly() {
            let refusal = Refusal {
                message: "it isn't a query".to_owned(),
                hint: Some("begin it with SELECT or WITH".to_owned()),
                ..Refusal::default()
            };
            return Err(WarehouseError::Statement {
                target: self.target.name.clone(),
                refusal: Box::new(refusal),
            });
        }
        Ok(columns)
    }

    fn relation(&mut self, relation: &RelationName) -> Result<Option<RelationKind>> {
        self.check()?;
        self.find_relation(relation)
    }

    fn relations(&mut self, schema: Option<&str>) -> Result<Vec<Relation>> {
        self.check()?;
        self.list_relations(schema)
    }

    fn columns(&mut self, relation: &RelationName) -> Result<Vec<Column>> {
        self.check()?;
        self.list_columns(relation)
    }

    fn insert(&mut self, relation: &RelationName, columns: &[&str], rows: Rows<'_>) -> Result<u64> {
        let names = crate::quote::list(Dialect::Sqlite, columns.iter().copied());
        let places = vec!["?"; columns.len()].join(", ");
        let name = relation.sql(Dialect::Sqlite);
        let sql = format!("INSERT INTO {name} ({names}) VALUES ({places})");
        self.writing(|connection| {
            connection.whole(|| {
                let fault = |error: rusqlite::Error| connection.fault(&error);
                let mut statement = connection.inner.prepare(&sql).map_err(fault)?;
                let mut count = 0;
                for row in rows {
                    for (at, value) in row?.iter().enumerate() {
                        rows::bind(&mut statement, at + 1, value).map_err(fault)?;
                    }
                    statement.raw_execute().map_err(fault)?;
                    count += 1;
                }
                Ok(count)
            })
        })
    }

    fn begin(&mut self) -> Result<()> {
        self.check()?;
        debug_assert!(!self.is_open, "transactions aren't nested");
        if !self.writer.take(&self.stop) {
            return Err(self.cancelled());
        }
        if let Err(error) = self.begin_writing() {
            self.writer.give();
            return Err(error);
        }
        self.is_open = true;
        Ok(())
    }

    fn commit(&mut self) -> Result<()> {
        self.check()?;
        self.inner.execute_batch("COMMIT").map_err(|error| self.fault(&error))?;
        self.is_open = false;
        self.writer.give();
        Ok(())
    }

    fn rollback(&mut self) -> Result<()> {
        let done = if self.inner.is_autocommit() {
            Ok(())
        } else {
            self.inner.execute_batch("ROLLBACK").map_err(|error| self.fault(&error))
        };
        if self.is_open {
            self.is_open = false;
            self.writer.give();
        }
        done
    }

    fn in_transaction(&self) -> bool {
        self.is_open
    }

    fn is_closed(&self) -> bool {
        false
    }

    fn digest(&mut self, relation: &RelationName) -> Result<Digest> {
        self.check()?;
        self.digest_rows(relation)
    }
}

impl Connection {
    fn read(&self, sql: &str, on_row: OnRow<'_>) -> Result<Vec<Column>> {
        let fault = |error: rusqlite::Error| self.fault(&error);
        let (mut statement, columns) = self.prepare(sql)?;
        let mut values = vec![Value::Null; columns.len()];
        let mut rows = statement.raw_query();
        while let Some(row) = rows.next().map_err(fault)? {
            for (at, value) in values.iter_mut().enumerate() {
                *value = rows::value(row.get_ref(at).map_err(fault)?);
            }
            if on_row(&values).is_break() {
                break;
            }
        }
        drop(rows);
        Ok(columns)
    }
}
