//! SQLite in memory.

use refuel_staging::{Asked, Dialect, RelationName};
use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, params_from_iter};

use super::{Answer, Database, Form, Row, answer, form};

pub(crate) struct Sqlite {
    /// With the functions.
    asking: Connection,
    /// Without them.
    staged: Connection,
}

/// A text as the functions take it: NULL stays NULL.
fn text(context: &Context<'_>, place: usize) -> Option<String> {
    match context.get_raw(place) {
        ValueRef::Null => None,
        ValueRef::Integer(number) => Some(number.to_string()),
        ValueRef::Real(number) => Some(number.to_string()),
        ValueRef::Text(text) | ValueRef::Blob(text) => Some(String::from_utf8_lossy(text).into_owned()),
    }
}

/// The answer to two texts, unless one is NULL.
fn of_two(context: &Context<'_>) -> Option<Answer> {
    let task = text(context, 2).unwrap_or_default();
    let (a, b) = text(context, 0).zip(text(context, 1))?;
    Some(answer(&[a, b], &task))
}

fn register(connection: &Connection) -> rusqlite::Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    for name in ["refuel_label", "refuel_normalize", "refuel_clean"] {
        connection.create_scalar_function(name, 2, flags, |context| {
            let task = text(context, 1).unwrap_or_default();
            Ok(text(context, 0).and_then(|input| answer(&[input], &task).text))
        })?;
    }
    connection.create_scalar_function("refuel_confidence", 2, flags, |context| {
        let task = text(context, 1).unwrap_or_default();
        Ok(text(context, 0).map(|input| answer(&[input], &task).confidence))
    })?;
    connection.create_scalar_function("refuel_extract", 2, flags, |context| {
        let task = text(context, 1).unwrap_or_default();
        Ok(text(context, 0).and_then(|input| answer(&[input], &task).record))
    })?;
    connection.create_scalar_function("refuel_match", 3, flags, |context| {
        Ok(of_two(context).and_then(|answer| answer.boolean))
    })?;
    connection.create_scalar_function("refuel_answer", 3, flags, |context| {
        Ok(of_two(context).and_then(|answer| answer.text))
    })?;
    connection.create_scalar_function("refuel_confidence", 3, flags, |context| {
        Ok(of_two(context).map(|answer| answer.confidence))
    })
}

impl Sqlite {
    /// Two databases with the same tables and rows.
    pub(crate) fn with(schema: &str) -> Self {
        let asking = Connection::open_in_memory().expect("a database in memory");
        register(&asking).expect("functions");
        let staged = Connection::open_in_memory().expect("a database in memory");
        asking.execute_batch(schema).expect("tables");
        staged.execute_batch(schema).expect("tables");
        Self { asking, staged }
    }

    fn query(connection: &Connection, sql: &str) -> Result<Vec<Row>, String> {
        let mut statement = connection.prepare(sql).map_err(|error| error.to_string())?;
        let columns = statement.column_count();
        let rows = statement
            .query_map([], |row| {
                (0..columns)
                    .map(|column| {
                        Ok(match row.get::<_, Value>(column)? {
                            Value::Null => None,
                            Value::Integer(number) => Some(number.to_string()),
                            Value::Real(number) => Some(number.to_string()),
                            Value::Text(text) => Some(text),
                            Value::Blob(bytes) => Some(format!("{bytes:?}")),
                        })
                    })
                    .collect::<rusqlite::Result<Row>>()
            })
            .map_err(|error| error.to_string())?;
        rows.collect::<rusqlite::Result<Vec<Row>>>()
            .map_err(|error| error.to_string())
    }
}

impl Database for Sqlite {
    fn dialect(&self) -> Dialect {
        Dialect::Sqlite
    }

    fn row_by_row(&mut self, sql: &str) -> Result<Vec<Row>, String> {
        Self::query(&self.asking, sql)
    }

    fn rows(&mut self, sql: &str) -> Result<Vec<Row>, String> {
        Self::query(&self.staged, sql)
    }

    fn make(&mut self, table: &RelationName, asked: &Asked, arguments: u8) {
        let name = table.sql(Dialect::Sqlite);
        let value = if form(asked) == Form::Boolean {
            "INTEGER"
        } else {
            "TEXT"
        };
        let (keys, texts, primary) = if arguments == 2 {
            (
                "key_1 TEXT COLLATE BINARY, key_2 TEXT COLLATE BINARY",
                "argument_1 TEXT, argument_2 TEXT",
                "key_1, key_2",
            )
        } else {
            ("key_1 TEXT COLLATE BINARY", "argument_1 TEXT", "key_1")
        };
        self.staged
            .execute_batch(&format!(
                "CREATE TABLE IF NOT EXISTS {name} ({keys}, {texts}, value {value}, confidence REAL, score REAL, \
                 gate INTEGER, status TEXT, source TEXT, reason TEXT, PRIMARY KEY ({primary}))"
            ))
            .expect("a table of answers");
    }

    fn keep(&mut self, table: &RelationName, asked: &Asked, texts: &[String], answer: &Answer) {
        let name = table.sql(Dialect::Sqlite);
        let value = match form(asked) {
            Form::Boolean => answer.boolean.map(|boolean| Value::Integer(i64::from(boolean))),
            Form::Text => answer.text.clone().map(Value::Text),
            Form::Record => answer.record.clone().map(Value::Text),
        };
        let value = value.unwrap_or(Value::Null);
        let mut values: Vec<Value> = texts.iter().chain(texts).cloned().map(Value::Text).collect();
        values.extend([
            value,
            Value::Real(answer.confidence),
            Value::Integer(i64::from(answer.gate)),
            Value::Text(answer.status.to_owned()),
        ]);
        let columns = if texts.len() == 2 {
            "key_1, key_2, argument_1, argument_2"
        } else {
            "key_1, argument_1"
        };
        let places = vec!["?"; values.len()].join(", ");
        self.staged
            .execute(
                &format!(
                    "INSERT OR REPLACE INTO {name} ({columns}, value, confidence, gate, status) VALUES ({places})"
                ),
                params_from_iter(values),
            )
            .expect("an answer");
    }

    fn forget(&mut self) {
        let names = Self::query(
            &self.staged,
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE '\\_refuel\\_%' ESCAPE '\\'",
        );
        for name in names.expect("names").into_iter().flatten().flatten() {
            self.staged
                .execute_batch(&format!("DROP TABLE \"{name}\""))
                .expect("a table of answers");
        }
    }
}
