//! One connection to a server.

use std::io::Cursor;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::{SinkExt, TryStreamExt};
use refuel_staging::{Dialect, RelationName};
use tokio::runtime::Runtime;
use tokio_postgres::{Client, Config, CopyInSink, SimpleQueryMessage, SimpleQueryRow, SimpleQueryStream, Statement};
use tokio_postgres_rustls::MakeRustlsConnect;
use tracing::debug;

use super::values::Reading;
use super::{copy, errors};
use crate::error::Refusal;
use crate::types;
use crate::warehouse::{CancelHandle, OnRow, Rows, Warehouse};
use crate::{Column, Digest, ExtensionUse, PostgresTarget, Relation, RelationKind, Result, Value, WarehouseError};

/// Rows that are fetched before they are given on: the runtime is left in between, so that who gets a row may use
/// another connection.
const FETCH: usize = 256;

/// Bytes that are sent at a time.
const SEND: usize = 1 << 16;

/// What every connection sets, so that values are written in one way on every server.
const SETTINGS: &str = "SET client_encoding = 'UTF8'; SET standard_conforming_strings = on; SET DateStyle = ISO; \
                        SET IntervalStyle = postgres; SET extra_float_digits = 1; SET bytea_output = hex; \
                        SET client_min_messages = warning";

/// How long a cancellation waits before it tries again: one that comes before its statement is lost.
const AGAIN: Duration = Duration::from_millis(100);

/// One connection to a server.
pub(crate) struct Connection {
    target: Arc<PostgresTarget>,
    runtime: Arc<Runtime>,
    client: Client,
    tls: MakeRustlsConnect,
    stop: Arc<AtomicBool>,
    /// Whether a statement runs.
    is_busy: Arc<AtomicBool>,
    /// Whether a transaction is open.
    is_open: bool,
    has_extension: bool,
}

impl Connection {
    pub(super) fn open(
        target: &Arc<PostgresTarget>,
        config: &Config,
        tls: &MakeRustlsConnect,
        runtime: &Arc<Runtime>,
    ) -> Result<Self> {
        let connect = async {
            let limited = tokio::time::timeout(target.connect_timeout, config.connect(tls.clone()));
            let timeout = || std::io::Error::from(std::io::ErrorKind::TimedOut);
            let connected = limited.await.map_err(|_| errors::unreachable(target, &timeout()))?;
            connected.map_err(|error| errors::connecting(target, &error))
        };
        let (client, socket) = runtime.block_on(connect)?;
        let name = target.name.clone();
        runtime.spawn(async move {
            // The statement that runs is told of it too.
            if let Err(error) = socket.await {
                debug!(target: "refuel_warehouse", name, %error, "a connection ended");
            }
        });
        let mut connection = Self {
            target: Arc::clone(target),
            runtime: Arc::clone(runtime),
            client,
            tls: tls.clone(),
            stop: Arc::new(AtomicBool::new(false)),
            is_busy: Arc::new(AtomicBool::new(false)),
            is_open: false,
            has_extension: false,
        };
        connection.settle()?;
        Ok(connection)
    }

    /// Sets what every connection sets, and looks for the extension.
    fn settle(&mut self) -> Result<()> {
        self.execute(SETTINGS)?;
        let sql = "SELECT n.nspname::text FROM pg_catalog.pg_extension e \
                   JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'refuel'";
        let found = (self as &mut dyn Warehouse).value(sql)?;
        self.has_extension = match (self.target.extension, &found) {
            (ExtensionUse::Never, _) | (ExtensionUse::Auto, None) => false,
            (_, Some(_)) => true,
            (ExtensionUse::Required, None) => {
                return Err(WarehouseError::NoExtension {
                    target: self.target.name.clone(),
                    database: self.target.database.clone(),
                });
            }
        };
        let mut path = vec![self.target.schema.as_str(), "public"];
        path.extend(found.as_ref().and_then(Value::as_text));
        path.dedup();
        let path = crate::quote::list(Dialect::Postgres, path);
        self.execute(&format!("SET search_path = {path}")).map(|_| ())
    }

    pub(super) fn schema_name(&self) -> &str {
        &self.target.schema
    }

    /// Makes a schema where it isn't there. Asking first needs no right to make any.
    pub(super) fn make_schema(&mut self, schema: &str) -> Result<()> {
        let name = Dialect::Postgres.literal(schema);
        let sql = format!("SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = {name}");
        if (self as &mut dyn Warehouse).value(&sql)?.is_none() {
            let name = Dialect::Postgres.quote(schema);
            self.execute(&format!("CREATE SCHEMA IF NOT EXISTS {name}"))?;
        }
        Ok(())
    }

    fn check(&self) -> Result<()> {
        if self.stop.load(Ordering::Relaxed) {
            return Err(WarehouseError::Cancelled {
                target: self.target.name.clone(),
            });
        }
        Ok(())
    }

    fn fault(&self, error: &tokio_postgres::Error, sql: &str) -> WarehouseError {
        errors::statement(&self.target, error, sql, self.stop.load(Ordering::Relaxed))
    }

    /// Waits for something that the server does.
    fn wait<T>(&self, sql: &str, work: impl Future<Output = Result<T, tokio_postgres::Error>>) -> Result<T> {
        self.is_busy.store(true, Ordering::Relaxed);
        let done = self.runtime.block_on(work);
        self.is_busy.store(false, Ordering::Relaxed);
        done.map_err(|error| self.fault(&error, sql))
    }

    /// Runs statements one after another. Returns the rows that the last one changed.
    fn run(&self, sql: &str) -> Result<u64> {
        debug!(target: "refuel_warehouse", sql, "execute");
        self.wait(sql, async {
            let mut messages = pin!(self.client.simple_query_raw(sql).await?);
            let mut changed = 0;
            while let Some(message) = messages.try_next().await? {
                if let SimpleQueryMessage::CommandComplete(rows) = message {
                    changed = rows;
                }
            }
            Ok(changed)
        })
    }

    fn prepare(&self, sql: &str) -> Result<Statement> {
        self.wait(sql, self.client.prepare(sql))
    }

    /// The next rows, none of them behind the last one.
    fn fetch(&self, sql: &str, messages: &mut Pin<Box<SimpleQueryStream>>) -> Result<Vec<SimpleQueryRow>> {
        self.wait(sql, async {
            let mut rows = Vec::with_capacity(FETCH);
            while rows.len() < FETCH {
                match messages.try_next().await? {
                    Some(SimpleQueryMessage::Row(row)) => rows.push(row),
                    Some(_) => {}
                    None => break,
                }
            }
            Ok(rows)
        })
    }

    /// Sends rows to a `COPY`.
    fn send(&self, sql: &str, columns: usize, rows: Rows<'_>) -> Result<u64> {
        let sink: CopyInSink<Cursor<Vec<u8>>> = self.wait(sql, self.client.copy_in(sql))?;
        // A sink that is dropped before it is finished makes the server take everything back.
        let mut sink = Box::pin(sink);
        let mut text = String::with_capacity(SEND + SEND / 4);
        let mut count = 0;
        for row in rows {
            let row = row?;
            debug_assert_eq!(row.len(), columns, "a value for every column");
            copy::put(&mut text, &row);
            count += 1;
            if text.len() >= SEND {
                let piece = std::mem::replace(&mut text, String::with_capacity(SEND + SEND / 4));
                self.check()?;
                self.wait(sql, sink.send(Cursor::new(piece.into_bytes())))?;
            }
        }
        self.wait(sql, async {
            sink.send(Cursor::new(text.into_bytes())).await?;
            sink.as_mut().finish().await
        })?;
        Ok(count)
    }
}

impl Warehouse for Connection {
    fn dialect(&self) -> Dialect {
        Dialect::Postgres
    }

    fn target(&self) -> &str {
        &self.target.name
    }

    fn schema(&self) -> Option<&str> {
        Some(&self.target.schema)
    }

    fn has_extension(&self) -> bool {
        self.has_extension
    }

    fn cancel_handle(&self) -> CancelHandle {
        let runtime = self.runtime.handle().clone();
        let token = self.client.cancel_token();
        let tls = self.tls.clone();
        let (stop, is_busy) = (Arc::clone(&self.stop), Arc::clone(&self.is_busy));
        CancelHandle::new(move || {
            stop.store(true, Ordering::Relaxed);
            let (token, tls, is_busy) = (token.clone(), tls.clone(), Arc::clone(&is_busy));
            runtime.spawn(async move {
                while is_busy.load(Ordering::Relaxed) {
                    // Where this fails the connection has gone, and the statement with it.
                    if token.cancel_query(tls.clone()).await.is_err() {
                        break;
                    }
                    tokio::time::sleep(AGAIN).await;
                }
            });
        })
    }

    fn execute(&mut self, sql: &str) -> Result<u64> {
        self.check()?;
        self.run(sql)
    }

    fn query(&mut self, sql: &str, on_row: OnRow<'_>) -> Result<Vec<Column>> {
        self.check()?;
        debug!(target: "refuel_warehouse", sql, "query");
        // Values come as text, which the server has for every type; only preparing says which types they are.
        let statement = self.prepare(sql)?;
        let readings: Vec<Reading> = statement
            .columns()
            .iter()
            .map(|column| Reading::of(column.type_()))
            .collect();
        let columns = statement.columns().iter().map(|column| Column {
            name: column.name().to_owned(),
            data_type: Some(types::normalized(Dialect::Postgres, column.type_().name())),
            not_null: false,
        });
        let columns: Vec<Column> = columns.collect();
        let mut messages = Box::pin(self.wait(sql, self.client.simple_query_raw(sql))?);
        let mut values = vec![Value::Null; columns.len()];
        let mut is_wanted = true;
        loop {
            let rows = self.fetch(sql, &mut messages)?;
            for row in rows.iter().take_while(|_| is_wanted) {
                for (at, (value, reading)) in values.iter_mut().zip(&readings).enumerate() {
                    *value = reading.value(row.get(at));
                }
                if on_row(&values).is_break() {
                    is_wanted = false;
                    break;
                }
            }
            // What nobody wants any more has to be fetched all the same, before the connection is free.
            if rows.len() < FETCH {
                return Ok(columns);
            }
        }
    }

    fn describe(&mut self, query: &str) -> Result<Vec<Column>> {
        self.check()?;
        let statement = self.prepare(query)?;
        if statement.columns().is_empty() {
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
        // The server spells types with their lengths and digits.
        let numbers = statement
            .columns()
            .iter()
            .enumerate()
            .map(|(at, column)| format!("({at}, {}::oid, {})", column.type_().oid(), column.type_modifier()));
        let sql = format!(
            "SELECT pg_catalog.format_type(t.id, t.modifier) FROM (VALUES {}) AS t(place, id, modifier) ORDER BY t.place",
            numbers.collect::<Vec<String>>().join(", ")
        );
        let spelled = (self as &mut dyn Warehouse).rows(&sql)?;
        let columns = statement.columns().iter().zip(spelled).map(|(column, row)| Column {
            name: column.name().to_owned(),
            data_type: row[0].as_text().map(ToOwned::to_owned),
            not_null: false,
        });
        Ok(columns.collect())
    }

    fn relation(&mut self, relation: &RelationName) -> Result<Option<RelationKind>> {
        self.find_relation(relation)
    }

    fn relations(&mut self, schema: Option<&str>) -> Result<Vec<Relation>> {
        self.list_relations(schema)
    }

    fn columns(&mut self, relation: &RelationName) -> Result<Vec<Column>> {
        self.list_columns(relation)
    }

    fn insert(&mut self, relation: &RelationName, columns: &[&str], rows: Rows<'_>) -> Result<u64> {
        self.check()?;
        let name = relation.sql(Dialect::Postgres);
        let names = crate::quote::list(Dialect::Postgres, columns.iter().copied());
        let sql = format!("COPY {name} ({names}) FROM STDIN");
        if !self.is_open {
            return self.send(&sql, columns.len(), rows);
        }
        // A fault of a row would end the transaction around it.
        self.run("SAVEPOINT refuel_part")?;
        match self.send(&sql, columns.len(), rows) {
            Ok(count) => self.run("RELEASE SAVEPOINT refuel_part").map(|_| count),
            Err(error) => {
                // The fault says more than one of taking it back.
                let _ = self.run("ROLLBACK TO SAVEPOINT refuel_part");
                Err(error)
            }
        }
    }

    fn begin(&mut self) -> Result<()> {
        self.check()?;
        debug_assert!(!self.is_open, "transactions aren't nested");
        self.run("BEGIN")?;
        self.is_open = true;
        Ok(())
    }

    fn commit(&mut self) -> Result<()> {
        self.check()?;
        self.run("COMMIT")?;
        self.is_open = false;
        Ok(())
    }

    fn rollback(&mut self) -> Result<()> {
        self.is_open = false;
        // A cancellation that comes late may hit this statement instead of the one that it was for.
        self.run("ROLLBACK").or_else(|_| self.run("ROLLBACK")).map(|_| ())
    }

    fn in_transaction(&self) -> bool {
        self.is_open
    }

    fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    fn digest(&mut self, relation: &RelationName) -> Result<Digest> {
        self.check()?;
        self.digest_rows(relation)
    }
}
