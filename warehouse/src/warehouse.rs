//! One connection to a target, and what opens them.

use std::ops::ControlFlow;
use std::sync::Arc;

use refuel_staging::{Dialect, RelationName};

use crate::postgres::Server;
use crate::sqlite::Files;
use crate::{Column, Digest, Relation, RelationKind, Result, Target, Value};

/// What is done with a row of a query; breaking ends the query.
pub type OnRow<'a> = &'a mut dyn FnMut(&[Value]) -> ControlFlow<()>;

/// Rows to be written, each with a value for every column.
pub type Rows<'a> = &'a mut dyn Iterator<Item = Result<Vec<Value>>>;

/// One connection to a target.
///
/// Statements are the dialect's own SQL. Outside of [`Warehouse::begin`] each stands for itself: it is done wholly or
/// not at all. SQLite lets one connection write at a time: the others of this program wait for it as long as it
/// takes, and those of other programs as long as the target's settings say.
pub trait Warehouse: Send {
    /// The dialect of its SQL.
    fn dialect(&self) -> Dialect;

    /// The target's name.
    fn target(&self) -> &str;

    /// The schema that relations are made in, where the database has schemas.
    fn schema(&self) -> Option<&str>;

    /// Whether the functions of the extension are there, and wanted.
    fn has_extension(&self) -> bool;

    /// What stops this connection from another thread.
    fn cancel_handle(&self) -> CancelHandle;

    /// Runs one or more statements. Returns the number of rows that the last of them changed.
    fn execute(&mut self, sql: &str) -> Result<u64>;

    /// Runs a query, and gives its rows one by one. Returns its columns.
    ///
    /// The same connection can't be used from within `on_row`; another of the same target can.
    fn query(&mut self, sql: &str, on_row: OnRow<'_>) -> Result<Vec<Column>>;

    /// The columns that a query would give, without running it.
    fn describe(&mut self, query: &str) -> Result<Vec<Column>>;

    /// What the relation of a name is; `None` where there is none.
    fn relation(&mut self, relation: &RelationName) -> Result<Option<RelationKind>>;

    /// Every relation of a schema, in the order of their names; of the target's own schema where none is named.
    fn relations(&mut self, schema: Option<&str>) -> Result<Vec<Relation>>;

    /// The columns of a relation in order; none where there is no such relation.
    fn columns(&mut self, relation: &RelationName) -> Result<Vec<Column>>;

    /// Appends rows to a table, all or none of them. Returns how many there were.
    fn insert(&mut self, relation: &RelationName, columns: &[&str], rows: Rows<'_>) -> Result<u64>;

    /// Begins a transaction. SQLite's waits until it may write.
    fn begin(&mut self) -> Result<()>;

    /// Makes what the transaction did last.
    fn commit(&mut self) -> Result<()>;

    /// Undoes what the transaction did. This works behind a cancellation too.
    fn rollback(&mut self) -> Result<()>;

    /// Whether a transaction is open.
    fn in_transaction(&self) -> bool;

    /// Whether the connection has ended, so that nothing can be done with it any more.
    fn is_closed(&self) -> bool;

    /// A hash of a relation's rows, whatever their order. All of them are read for it: neither database says in a
    /// cheaper way, that could be relied on, whether one relation has changed.
    fn digest(&mut self, relation: &RelationName) -> Result<Digest>;
}

impl dyn Warehouse + '_ {
    /// The first value of a query's first row; `None` where there is no row.
    pub fn value(&mut self, sql: &str) -> Result<Option<Value>> {
        let mut found = None;
        self.query(sql, &mut |row| {
            found = row.first().cloned();
            ControlFlow::Break(())
        })?;
        Ok(found)
    }

    /// Every row of a query whose result is small.
    pub fn rows(&mut self, sql: &str) -> Result<Vec<Vec<Value>>> {
        let mut rows = Vec::new();
        self.query(sql, &mut |row| {
            rows.push(row.to_vec());
            ControlFlow::Continue(())
        })?;
        Ok(rows)
    }

    /// Does something wholly or not at all. Within a transaction it is a part of that.
    pub fn transaction<T>(&mut self, work: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        if self.in_transaction() {
            return work(self);
        }
        self.begin()?;
        match work(self).and_then(|done| self.commit().map(|()| done)) {
            Ok(done) => Ok(done),
            Err(error) => {
                // The work's own error says more than one of taking it back: a lost connection does that by itself.
                if self.in_transaction() {
                    let _ = self.rollback();
                }
                Err(error)
            }
        }
    }

    /// Drops a relation, whoever made it. Those that hang on it are not dropped with it: that is an error.
    pub(crate) fn drop_relation(&mut self, relation: &RelationName, kind: RelationKind) -> Result<()> {
        let name = relation.sql(self.dialect());
        self.execute(&format!("DROP {} {name}", kind.keyword())).map(|_| ())
    }

    /// Gives a table another name in its schema.
    pub(crate) fn rename_table(&mut self, relation: &RelationName, name: &str) -> Result<()> {
        let (relation, name) = (relation.sql(self.dialect()), self.dialect().quote(name));
        self.execute(&format!("ALTER TABLE {relation} RENAME TO {name}"))
            .map(|_| ())
    }
}

/// Stops a connection from another thread: what it does ends with [`crate::WarehouseError::Cancelled`], and so does
/// whatever it is asked to do later, but for [`Warehouse::rollback`].
#[derive(Clone)]
pub struct CancelHandle(Arc<dyn Fn() + Send + Sync>);

impl CancelHandle {
    pub(crate) fn new(cancel: impl Fn() + Send + Sync + 'static) -> Self {
        Self(Arc::new(cancel))
    }

    /// Stops the connection. Returns at once; may be called more than once, and when nothing runs.
    pub fn cancel(&self) {
        (self.0)();
    }
}

impl std::fmt::Debug for CancelHandle {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("CancelHandle")
    }
}

/// A target that connections are opened to.
#[derive(Debug)]
pub struct Warehouses(Kind);

#[derive(Debug)]
enum Kind {
    Sqlite(Files),
    Postgres(Box<Server>),
}

impl Warehouses {
    /// Connects to a target, and makes what has to be there: the file, the schema, the table of what projects own.
    ///
    /// # Errors
    /// When it can't be connected to, or lacks the extension where that is required.
    pub fn open(target: &Target) -> Result<Self> {
        let opened = Self(match target {
            Target::Sqlite(target) => Kind::Sqlite(Files::open(target)?),
            Target::Postgres(target) => Kind::Postgres(Box::new(Server::open(target)?)),
        });
        crate::ownership::prepare(opened.connect()?.as_mut())?;
        Ok(opened)
    }

    /// Opens a further connection. Connections work in parallel.
    pub fn connect(&self) -> Result<Box<dyn Warehouse>> {
        Ok(match &self.0 {
            Kind::Sqlite(files) => Box::new(files.connect()?),
            Kind::Postgres(server) => Box::new(server.connect()?),
        })
    }

    /// What is to be told of waits for other programs that write to the target, a line each, and hasn't been told yet.
    /// Postgres has locks for single relations; nothing is told of these.
    pub fn waits(&self) -> Vec<String> {
        match &self.0 {
            Kind::Sqlite(files) => files.waits(),
            Kind::Postgres(_) => Vec::new(),
        }
    }
}
