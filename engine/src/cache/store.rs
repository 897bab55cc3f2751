//! The SQLite file.
//!
//! Answers lie in up to [`GENERATIONS`] tables. New ones go into the youngest; when that holds its share of the limit,
//! another is begun and the oldest is dropped with all that is in it. An answer that is used while it lies in the
//! oldest is copied into the youngest first, so that what goes is what was not used for long: the second chance of the
//! CLOCK algorithm (Corbató 1968, "A paging experiment with the Multics system"), by table instead of by row, so that a
//! read writes nothing until the file is nearly full.

use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension, Transaction, TransactionBehavior};

use super::key::CacheKey;

/// Tables that answers lie in, at most.
const GENERATIONS: u8 = 4;

/// Bytes of a page of the file.
const PAGE: i64 = 4096;

/// Most bytes of the log, of which a large limit is mindful and a small one in proportion.
const LOG: i64 = 32 << 20;

/// Longest wait for another process that writes.
const PATIENCE: Duration = Duration::from_secs(10);

/// Most bytes of the file that are mapped into memory.
const MAPPED: i64 = 1 << 30;

/// Most rows of one transaction.
const ROWS: usize = 1024;

/// How the limit is shared out.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sizes {
    disk_bytes: u64,
    /// Pages of the file.
    pages: i64,
    /// Pages of a generation.
    share: i64,
    /// Pages of the log before it is copied into the file.
    log_pages: i64,
    /// Bytes of rows in one transaction.
    transaction: usize,
}

impl Sizes {
    pub(super) fn of(disk_bytes: u64) -> Self {
        let bytes = i64::try_from(disk_bytes).unwrap_or(i64::MAX);
        // What the file leaves is for the log: it is copied into the file once it has `log_pages`, and may by then have
        // grown by a transaction, which writes a page or more for each of its rows.
        let pages = (bytes - (bytes / 8 * 3).min(LOG)) / PAGE;
        Self {
            disk_bytes,
            pages,
            // A 32nd is left over, so that it is rarely SQLite that says that the file is full.
            share: (pages - pages / 32) / i64::from(GENERATIONS),
            log_pages: (bytes / 8 / PAGE).min(1000),
            transaction: (bytes / 16).min(4 << 20) as usize,
        }
    }

    pub(super) fn disk_bytes(&self) -> u64 {
        self.disk_bytes
    }
}

/// What was made of a row that was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is the answer.
    Wanted,
    /// It is the answer to another input.
    Other,
    /// It is not what was written.
    Damaged,
}

/// What a look-up leaves to be done.
#[derive(Debug, Default)]
pub(super) struct Looked {
    /// Rows that are not what was written, with their generation.
    pub(super) damaged: Vec<(i64, i64)>,
    /// Rows of the oldest generation that were used.
    old: Vec<(CacheKey, Vec<u8>)>,
}

/// The SQLite file, open.
pub(super) struct Store {
    connection: Connection,
    sizes: Sizes,
    writable: bool,
    oversized: bool,
}

impl Store {
    /// Opens or makes the file.
    pub(super) fn open(path: &Path, sizes: Sizes) -> rusqlite::Result<Self> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)?;
        prepare(&connection)?;
        // Closing would delete the log by its name, which by then may be that of another file: one that was begun after
        // this one was set aside or cleared. `drop` empties the log instead.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
        connection.pragma_update(None, "page_size", PAGE)?;
        connection.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(()))?;
        // With a log, a power cut can lose the last answers and can't corrupt the file.
        connection.pragma_update(None, "synchronous", "normal")?;
        connection.pragma_update_and_check(None, "wal_autocheckpoint", sizes.log_pages, |_| Ok(()))?;
        connection.pragma_update_and_check(None, "journal_size_limit", sizes.log_pages * PAGE, |_| Ok(()))?;
        if generations(&connection)?.is_none() {
            connection.execute_batch(
                "BEGIN IMMEDIATE;
                 CREATE TABLE IF NOT EXISTS generations (id INTEGER PRIMARY KEY, base INTEGER NOT NULL);
                 COMMIT;",
            )?;
        }
        let mut store = Self {
            connection,
            sizes,
            writable: true,
            oversized: false,
        };
        if pages(&store.connection)? > sizes.pages {
            store.oversized = store.shrink().is_err();
        }
        store
            .connection
            .pragma_update_and_check(None, "max_page_count", sizes.pages, |_| Ok(()))?;
        Ok(store)
    }

    /// Opens a file that can't be written to. One in which nothing is kept is an error.
    pub(super) fn open_read_only(path: &Path, sizes: Sizes) -> rusqlite::Result<Self> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)?;
        prepare(&connection)?;
        if generations(&connection)?.is_none() {
            return Err(rusqlite::Error::QueryReturnedNoRows);
        }
        Ok(Self {
            connection,
            sizes,
            writable: false,
            oversized: false,
        })
    }

    /// Whether the file was larger than the limit and could not be made smaller.
    pub(super) fn is_oversized(&self) -> bool {
        self.oversized
    }

    /// Gives the bytes of each row that is there; `wanted` is sorted.
    pub(super) fn get(
        &mut self,
        wanted: &[(CacheKey, usize)],
        mut give: impl FnMut(&CacheKey, usize, &[u8]) -> Verdict,
    ) -> rusqlite::Result<Looked> {
        let mut looked = Looked::default();
        // One snapshot, in which no generation goes away.
        let snapshot = self.connection.transaction()?;
        let generations = generations(&snapshot)?.unwrap_or_default();
        let mut wanted: Vec<(CacheKey, usize)> = wanted.to_vec();
        for (age, generation) in generations.iter().enumerate() {
            let oldest = self.writable && age > 0 && age + 1 >= usize::from(GENERATIONS);
            let mut select =
                snapshot.prepare_cached(&format!("SELECT answer FROM answers_{generation} WHERE id = ?1"))?;
            let mut left = Vec::new();
            for (key, place) in wanted {
                select.raw_bind_parameter(1, key.row)?;
                let mut rows = select.raw_query();
                let Some(row) = rows.next()? else {
                    left.push((key, place));
                    continue;
                };
                let bytes = row.get_ref(0)?.as_blob().unwrap_or_default();
                match give(&key, place, bytes) {
                    Verdict::Wanted if oldest => looked.old.push((key, bytes.to_vec())),
                    Verdict::Wanted | Verdict::Other => {}
                    Verdict::Damaged => looked.damaged.push((*generation, key.row)),
                }
            }
            wanted = left;
            if wanted.is_empty() {
                break;
            }
        }
        Ok(looked)
    }

    /// Takes away damaged rows, and copies those that were used out of the oldest generation.
    pub(super) fn tidy(&mut self, looked: &Looked) -> rusqlite::Result<()> {
        if self.writable && !looked.damaged.is_empty() {
            let transaction = self
                .connection
                .transaction_with_behavior(TransactionBehavior::Immediate)?;
            let there = generations(&transaction)?.unwrap_or_default();
            for (generation, row) in looked
                .damaged
                .iter()
                .filter(|(generation, _)| there.contains(generation))
            {
                transaction
                    .prepare_cached(&format!("DELETE FROM answers_{generation} WHERE id = ?1"))?
                    .execute([row])?;
            }
            transaction.commit()?;
        }
        if !looked.old.is_empty() {
            self.write(&looked.old, &mut vec![true; looked.old.len()], true)?;
        }
        Ok(())
    }

    /// Keeps rows, and says in `first` which were not there.
    pub(super) fn put(&mut self, rows: &[(CacheKey, Vec<u8>)], first: &mut [bool]) -> rusqlite::Result<()> {
        if self.writable {
            self.write(rows, first, false)
        } else {
            Ok(())
        }
    }

    fn write(&mut self, rows: &[(CacheKey, Vec<u8>)], first: &mut [bool], copies: bool) -> rusqlite::Result<()> {
        let mut from = 0;
        while from < rows.len() {
            let mut bytes = 0;
            let fitting = rows[from..].iter().take(ROWS).take_while(|(_, row)| {
                bytes += row.len();
                bytes <= self.sizes.transaction
            });
            let count = fitting.count();
            if count == 0 {
                // A row that would take a good part of the file for itself is not worth it.
                from += 1;
                continue;
            }
            let (rows, first) = (&rows[from..from + count], &mut first[from..from + count]);
            match self.write_some(rows, first, copies) {
                Err(error) if error.sqlite_error_code() == Some(ErrorCode::DiskFull) && self.is_at_limit()? => {
                    // It is the limit and not the disk: the oldest make room.
                    self.drop_oldest()?;
                    self.write_some(rows, first, copies)?;
                }
                written => written?,
            }
            from += count;
        }
        Ok(())
    }

    fn write_some(&mut self, rows: &[(CacheKey, Vec<u8>)], first: &mut [bool], copies: bool) -> rusqlite::Result<()> {
        let sizes = self.sizes;
        // The lock for writing is taken at once: one that is asked for after reading can't be waited for.
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut there = generations(&transaction)?.unwrap_or_default();
        if there.is_empty() {
            there.push(begin_generation(&transaction, 1)?);
        }
        let (youngest, older) = (there[0], &there[1..]);
        let is_there = |row: i64| -> rusqlite::Result<bool> {
            for generation in older.iter().filter(|_| !copies) {
                let sql = format!("SELECT 1 FROM answers_{generation} WHERE id = ?1");
                if transaction.prepare_cached(&sql)?.exists([row])? {
                    return Ok(true);
                }
            }
            Ok(false)
        };
        {
            let sql = format!("INSERT OR IGNORE INTO answers_{youngest} (id, answer) VALUES (?1, ?2)");
            let mut insert = transaction.prepare_cached(&sql)?;
            for ((key, bytes), first) in rows.iter().zip(first) {
                *first = !is_there(key.row)? && insert.execute((key.row, bytes))? == 1;
            }
        }
        let base: i64 = transaction.query_row("SELECT base FROM generations WHERE id = ?1", [youngest], |row| {
            row.get(0)
        })?;
        if used(&transaction)? - base >= sizes.share {
            for generation in there.iter().skip(usize::from(GENERATIONS) - 1) {
                drop_generation(&transaction, *generation)?;
            }
            begin_generation(&transaction, youngest + 1)?;
        }
        transaction.commit()
    }

    fn is_at_limit(&self) -> rusqlite::Result<bool> {
        Ok(pages(&self.connection)? + self.sizes.pages / 32 >= self.sizes.pages)
    }

    /// Makes room for a quarter of the file.
    fn drop_oldest(&mut self) -> rusqlite::Result<()> {
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        let there = generations(&transaction)?.unwrap_or_default();
        if let Some(oldest) = there.last() {
            drop_generation(&transaction, *oldest)?;
        }
        if let Some(youngest) = there.first() {
            // What was freed would else count as growth that the youngest has yet to make.
            begin_generation(&transaction, youngest + 1)?;
        }
        transaction.commit()
    }

    /// Brings a file that was made under a larger limit under this one.
    fn shrink(&mut self) -> rusqlite::Result<()> {
        while used(&self.connection)? > self.sizes.pages {
            if generations(&self.connection)?.unwrap_or_default().is_empty() {
                break;
            }
            let transaction = self
                .connection
                .transaction_with_behavior(TransactionBehavior::Immediate)?;
            if let Some(oldest) = generations(&transaction)?.unwrap_or_default().last() {
                drop_generation(&transaction, *oldest)?;
            }
            transaction.commit()?;
        }
        self.connection.execute_batch("VACUUM")?;
        self.empty_log()
    }

    /// Copies the log into the file and makes it empty, where nobody else reads it.
    fn empty_log(&self) -> rusqlite::Result<()> {
        self.connection
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        if self.writable {
            // Whoever opens the file next reads the log where this does not succeed.
            let _ = self.connection.busy_timeout(Duration::ZERO);
            let _ = self.empty_log();
        }
    }
}

fn prepare(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(PATIENCE)?;
    connection.set_prepared_statement_cache_capacity(8 * usize::from(GENERATIONS));
    connection.pragma_update_and_check(None, "mmap_size", MAPPED, |_| Ok(()))
}

/// The generations, youngest first. None where the file is new.
fn generations(connection: &Connection) -> rusqlite::Result<Option<Vec<i64>>> {
    let is_made = connection
        .prepare_cached("SELECT 1 FROM sqlite_schema WHERE name = 'generations'")?
        .query_row([], |_| Ok(()))
        .optional()?;
    if is_made.is_none() {
        return Ok(None);
    }
    let mut statement = connection.prepare_cached("SELECT id FROM generations ORDER BY id DESC")?;
    let there = statement
        .query_map([], |row| row.get(0))?
        .collect::<rusqlite::Result<Vec<i64>>>()?;
    Ok(Some(there))
}

fn begin_generation(transaction: &Transaction<'_>, generation: i64) -> rusqlite::Result<i64> {
    let base = used(transaction)?;
    transaction.execute_batch(&format!(
        "CREATE TABLE answers_{generation} (id INTEGER PRIMARY KEY, answer BLOB NOT NULL)"
    ))?;
    transaction.execute("INSERT INTO generations (id, base) VALUES (?1, ?2)", (generation, base))?;
    Ok(generation)
}

fn drop_generation(transaction: &Transaction<'_>, generation: i64) -> rusqlite::Result<()> {
    transaction.execute_batch(&format!("DROP TABLE answers_{generation}"))?;
    transaction.execute("DELETE FROM generations WHERE id = ?1", [generation])?;
    Ok(())
}

/// Pages of the file.
fn pages(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("PRAGMA page_count", [], |row| row.get(0))
}

/// Pages of the file that hold something.
fn used(connection: &Connection) -> rusqlite::Result<i64> {
    let free: i64 = connection.query_row("PRAGMA freelist_count", [], |row| row.get(0))?;
    Ok(pages(connection)? - free)
}
