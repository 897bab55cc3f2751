//! Tables of answers in the warehouse: what a query looks answers up in.
//!
//! One table holds the answers of one task, by its fingerprint, on one model, by its digest: another guideline or another
//! model has another table, and the old one is dropped when nothing reads it any more. What a table holds is gated; a
//! note beside it says by which gate and after how many verdicts, so that a change of either is noticed and every row is
//! gated anew from the state, without a model.

use std::ops::ControlFlow;

use refuel_staging::Stage;
use refuel_state::{Input, State};
use refuel_task::{InputHash, Kind, Task};
use refuel_warehouse::{Dialect, RelationName, Value, Warehouse};

use crate::quote;

use super::row::AnswerRow;
use super::tasks::AskedTask;
use crate::error::RunError;

/// The table of notes on tables of answers.
const NOTES: &str = "_refuel_answers";

/// Rows that are gated anew together.
const TOGETHER: usize = 2048;

/// A table of answers, by what a query needs to know of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AnswerTable {
    /// Its name.
    pub(crate) name: RelationName,
    /// How many texts an input has.
    pub(crate) arguments: u8,
    /// Whether it lives and dies with its connection.
    pub(crate) temporary: bool,
}

impl AnswerTable {
    /// The table that a stage's answers are looked up in.
    pub(crate) fn of(stage: &Stage) -> Self {
        Self {
            name: stage.table.clone(),
            arguments: stage.arguments,
            temporary: false,
        }
    }

    /// Makes the table where it isn't there, for who only looks.
    pub(crate) fn make_missing(&self, warehouse: &mut dyn Warehouse, task: &Task) -> Result<(), RunError> {
        if warehouse.relation(&self.name)?.is_some() {
            return Ok(());
        }
        self.make(warehouse, task)
    }

    /// Makes the table where it isn't there.
    pub(crate) fn make(&self, warehouse: &mut dyn Warehouse, task: &Task) -> Result<(), RunError> {
        let dialect = warehouse.dialect();
        let (key_type, rest) = match dialect {
            Dialect::Sqlite => ("TEXT NOT NULL COLLATE BINARY", " WITHOUT ROWID"),
            Dialect::Postgres => ("bytea NOT NULL", ""),
        };
        let arguments = 1..=self.arguments;
        let mut columns: Vec<String> = arguments
            .clone()
            .map(|number| format!("key_{number} {key_type}"))
            .collect();
        columns.extend(arguments.clone().map(|number| match dialect {
            // The key is the text itself there: it is kept once.
            Dialect::Sqlite => format!("argument_{number} TEXT GENERATED ALWAYS AS (key_{number}) VIRTUAL"),
            Dialect::Postgres => format!("argument_{number} text NOT NULL"),
        }));
        columns.push(format!("value {}", value_type(task, dialect)));
        columns.extend(
            [
                "confidence REAL",
                "score REAL",
                "gate SMALLINT NOT NULL",
                "status TEXT NOT NULL",
                "source TEXT NOT NULL",
                "reason TEXT",
                "input_hash TEXT NOT NULL",
            ]
            .map(str::to_owned),
        );
        let keys: Vec<String> = arguments.map(|number| format!("key_{number}")).collect();
        let temporary = if self.temporary { "TEMPORARY " } else { "" };
        warehouse.execute(&format!(
            "CREATE {temporary}TABLE IF NOT EXISTS {} ({}, PRIMARY KEY ({})){rest}",
            quote::relation(&self.name),
            columns.join(", "),
            keys.join(", "),
        ))?;
        Ok(())
    }

    /// Makes the table where it isn't there, and brings it to the task's gate and to the verdicts that were given. The table
    /// of notes must be there.
    pub(crate) fn prepare(
        &self,
        warehouse: &mut dyn Warehouse,
        reader: &mut dyn Warehouse,
        project: &str,
        asked: &AskedTask,
        state: &State,
        verdicts: u64,
    ) -> Result<(), RunError> {
        let is_there = warehouse.relation(&self.name)?.is_some();
        let notes = quote::relation(&notes_beside(&self.name));
        let name = quote::text(&self.name.name);
        let found = warehouse.rows(&format!("SELECT gate, verdicts FROM {notes} WHERE name = {name}"))?;
        let gate = asked.gate_fingerprint();
        let noted = found.first().map(|row| {
            let (noted_gate, noted_verdicts) = (row[0].to_string(), row[1].as_integer().unwrap_or(-1));
            (noted_gate == gate, noted_verdicts == verdicts as i64)
        });
        if is_there && noted == Some((true, true)) {
            return Ok(());
        }
        // What is there was committed before, so that another connection can read it while this one writes.
        let task = &asked.task;
        warehouse.begin()?;
        let done = (|| {
            self.make(warehouse, task)?;
            if is_there {
                let only_verdicts = matches!(noted, Some((true, false)));
                self.gate_anew(warehouse, reader, asked, state, only_verdicts)?;
            }
            note(warehouse, &self.name, project, &task.name, &gate, verdicts)
        })();
        match done {
            Ok(()) => Ok(warehouse.commit()?),
            Err(error) => {
                // The first error says more than one of taking it back.
                let _ = warehouse.rollback();
                Err(error)
            }
        }
    }

    /// Gates rows that are there anew: all, or those alone that verdicts are about or were about.
    fn gate_anew(
        &self,
        warehouse: &mut dyn Warehouse,
        reader: &mut dyn Warehouse,
        asked: &AskedTask,
        state: &State,
        only_verdicts: bool,
    ) -> Result<(), RunError> {
        let name = quote::relation(&self.name);
        let fresh = RelationName::new(None, format!("{}_gated", self.name.name));
        let fresh_name = quote::relation(&fresh);
        warehouse.execute(&format!("DROP TABLE IF EXISTS {fresh_name}"))?;
        warehouse.execute(&format!(
            "CREATE TEMPORARY TABLE {fresh_name} AS SELECT {} FROM {name} WHERE 1 = 0",
            self.stored().join(", ")
        ))?;
        let keys: Vec<String> = (1..=self.arguments)
            .map(|number| format!("argument_{number}"))
            .collect();
        let mut query = format!("SELECT {}, input_hash FROM {name}", keys.join(", "));
        if only_verdicts {
            let hashes: Vec<String> = state
                .reviews(Some(&asked.task.name))?
                .iter()
                .map(|review| quote::text(&review.hash.to_string()))
                .collect();
            query.push_str(" WHERE source = 'human'");
            if !hashes.is_empty() {
                query.push_str(&format!(" OR input_hash IN ({})", hashes.join(", ")));
            }
        }
        let mut batch: Vec<(Input, InputHash)> = Vec::with_capacity(TOGETHER);
        let mut failed: Option<RunError> = None;
        let arguments = self.arguments as usize;
        let flush = |batch: &mut Vec<(Input, InputHash)>, warehouse: &mut dyn Warehouse| -> Result<(), RunError> {
            let rows = rows_of(asked, state, std::mem::take(batch))?;
            self.write(warehouse, &fresh, asked.task.kind, &rows)
        };
        reader.query(&query, &mut |row| {
            let hash = row[arguments].as_text().and_then(parse_hash);
            // A row without a hash is none of ours; it stays as it is.
            let (Some(input), Some(hash)) = (input_of(&row[..arguments]), hash) else {
                return ControlFlow::Continue(());
            };
            batch.push((input, hash));
            if batch.len() >= TOGETHER
                && let Err(error) = flush(&mut batch, warehouse)
            {
                failed = Some(error);
                return ControlFlow::Break(());
            }
            ControlFlow::Continue(())
        })?;
        if let Some(error) = failed {
            return Err(error);
        }
        flush(&mut batch, warehouse)?;
        let columns = ["value", "confidence", "score", "gate", "status", "source", "reason"];
        let sets: Vec<String> = columns
            .iter()
            .map(|column| format!("{column} = fresh.{column}"))
            .collect();
        let same: Vec<String> = (1..=self.arguments)
            .map(|number| format!("{name}.key_{number} = fresh.key_{number}"))
            .collect();
        warehouse.execute(&format!(
            "UPDATE {name} SET {} FROM {fresh_name} AS fresh WHERE {}",
            sets.join(", "),
            same.join(" AND ")
        ))?;
        warehouse.execute(&format!("DROP TABLE {fresh_name}"))?;
        Ok(())
    }

    /// The columns that rows are written with.
    fn stored(&self) -> Vec<String> {
        let arguments = 1..=self.arguments;
        let mut columns: Vec<String> = arguments.clone().map(|number| format!("key_{number}")).collect();
        columns.extend(
            [
                "value",
                "confidence",
                "score",
                "gate",
                "status",
                "source",
                "reason",
                "input_hash",
            ]
            .map(str::to_owned),
        );
        columns
    }

    /// Whether there are rows that failed.
    pub(crate) fn has_failures(&self, warehouse: &mut dyn Warehouse) -> Result<bool, RunError> {
        let name = quote::relation(&self.name);
        let failed = warehouse.value(&format!("SELECT 1 FROM {name} WHERE status = 'error' LIMIT 1"))?;
        Ok(failed.is_some())
    }

    /// Adds answers. Where the table `has_failures` from before, those of the same inputs are replaced.
    pub(crate) fn add(
        &self,
        warehouse: &mut dyn Warehouse,
        kind: Kind,
        rows: &[(Input, InputHash, AnswerRow)],
        has_failures: bool,
    ) -> Result<(), RunError> {
        if rows.is_empty() {
            return Ok(());
        }
        let own = !warehouse.in_transaction();
        if own {
            warehouse.begin()?;
        }
        let forgotten = if has_failures {
            self.forget_failures(warehouse, rows)
        } else {
            Ok(())
        };
        let done = forgotten.and_then(|()| self.write(warehouse, &self.name, kind, rows));
        match done {
            Ok(()) if own => Ok(warehouse.commit()?),
            Ok(()) => Ok(()),
            Err(error) => {
                if own {
                    // The first error says more than one of taking it back.
                    let _ = warehouse.rollback();
                }
                Err(error)
            }
        }
    }

    /// Deletes the rows of these inputs, which are there only where they had failed.
    fn forget_failures(
        &self,
        warehouse: &mut dyn Warehouse,
        rows: &[(Input, InputHash, AnswerRow)],
    ) -> Result<(), RunError> {
        let name = quote::relation(&self.name);
        let dialect = warehouse.dialect();
        let keys: Vec<String> = rows.iter().map(|(input, ..)| key_literals(input, dialect)).collect();
        let columns: Vec<String> = (1..=self.arguments).map(|number| format!("key_{number}")).collect();
        warehouse.execute(&format!(
            "DELETE FROM {name} WHERE status = 'error' AND ({}) IN (VALUES {})",
            columns.join(", "),
            keys.join(", ")
        ))?;
        Ok(())
    }

    fn write(
        &self,
        warehouse: &mut dyn Warehouse,
        to: &RelationName,
        kind: Kind,
        rows: &[(Input, InputHash, AnswerRow)],
    ) -> Result<(), RunError> {
        let dialect = warehouse.dialect();
        let mut columns = self.stored();
        // A table that is only read back needs no arguments, and SQLite makes them from the keys.
        let with_arguments = dialect == Dialect::Postgres && *to == self.name;
        if with_arguments {
            columns.extend((1..=self.arguments).map(|number| format!("argument_{number}")));
        }
        let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
        let mut values = rows.iter().map(|(input, hash, row)| {
            let texts: Vec<&str> = match input {
                Input::One(text) => vec![text],
                Input::Two(a, b) => vec![a, b],
            };
            let mut values: Vec<Value> = texts.iter().map(|text| key(text, dialect)).collect();
            values.push(value(&row.value, kind, dialect));
            values.push(row.confidence.map(f64::from).into());
            values.push(row.score.map(f64::from).into());
            values.push(Value::Integer(i64::from(row.gate as u8)));
            values.push(row.status.into());
            values.push(row.source.into());
            values.push(row.reason.clone().into());
            values.push(hash.to_string().into());
            if with_arguments {
                values.extend(texts.iter().map(|text| Value::from(*text)));
            }
            Ok(values)
        });
        warehouse.insert(to, &columns, &mut values)?;
        Ok(())
    }
}

/// What a table holds of these inputs by the gate and the verdicts of now. What the state doesn't know is failed, so that
/// it is asked again.
fn rows_of(
    asked: &AskedTask,
    state: &State,
    inputs: Vec<(Input, InputHash)>,
) -> Result<Vec<(Input, InputHash, AnswerRow)>, RunError> {
    let hashes: Vec<InputHash> = inputs.iter().map(|(_, hash)| *hash).collect();
    let known = state.known(asked.key, &hashes)?;
    let verdicts = state.verdicts(&asked.task.name, &hashes)?;
    Ok(inputs
        .into_iter()
        .zip(known.iter().zip(&verdicts))
        .map(|((input, hash), (known, verdict))| {
            let row = AnswerRow::new(&asked.task, known.as_ref(), verdict.as_ref());
            (input, hash, row)
        })
        .collect())
}

/// The table of notes in the schema of a table of answers.
fn notes_beside(table: &RelationName) -> RelationName {
    table.sibling(NOTES)
}

/// Makes the table of notes where it isn't there.
pub(crate) fn make_notes(warehouse: &mut dyn Warehouse) -> Result<(), RunError> {
    let notes = RelationName::new(warehouse.schema(), NOTES);
    warehouse.execute(&format!(
        "CREATE TABLE IF NOT EXISTS {} (name TEXT NOT NULL PRIMARY KEY, project TEXT NOT NULL, task TEXT NOT NULL, gate TEXT NOT NULL, verdicts BIGINT NOT NULL)",
        quote::relation(&notes)
    ))?;
    Ok(())
}

/// Notes a table that is dropped when nothing reads it any more, and that no gate is about. The table of notes must be there.
pub(crate) fn note_table(
    warehouse: &mut dyn Warehouse,
    table: &RelationName,
    project: &str,
    task: &str,
) -> Result<(), RunError> {
    note(warehouse, table, project, task, "", 0)
}

/// Notes of what task a table is, and with what gate and verdicts its answers were gated.
fn note(
    warehouse: &mut dyn Warehouse,
    table: &RelationName,
    project: &str,
    task: &str,
    gate: &str,
    verdicts: u64,
) -> Result<(), RunError> {
    let notes = quote::relation(&notes_beside(table));
    let name = quote::text(&table.name);
    warehouse.execute(&format!("DELETE FROM {notes} WHERE name = {name}"))?;
    warehouse.execute(&format!(
        "INSERT INTO {notes} (name, project, task, gate, verdicts) VALUES ({name}, {}, {}, {}, {verdicts})",
        quote::text(project),
        quote::text(task),
        quote::text(gate),
    ))?;
    Ok(())
}

/// Drops the tables of answers of a project but for those that are named. Returns the names of those that were dropped,
/// each with the task that it was of.
pub(crate) fn drop_unused(
    warehouse: &mut dyn Warehouse,
    project: &str,
    used: &dyn Fn(&str) -> bool,
) -> Result<Vec<(String, String)>, RunError> {
    let notes = RelationName::new(warehouse.schema(), NOTES);
    if warehouse.relation(&notes)?.is_none() {
        return Ok(Vec::new());
    }
    let notes_name = quote::relation(&notes);
    let rows = warehouse.rows(&format!(
        "SELECT name, task FROM {notes_name} WHERE project = {} ORDER BY name",
        quote::text(project)
    ))?;
    let mut dropped = Vec::new();
    for row in &rows {
        let Some(name) = row[0].as_text().filter(|name| !used(name)) else {
            continue;
        };
        let table = quote::relation(&notes.sibling(name));
        warehouse.transaction(|warehouse| {
            warehouse.execute(&format!("DROP TABLE IF EXISTS {table}"))?;
            warehouse.execute(&format!("DELETE FROM {notes_name} WHERE name = {}", quote::text(name)))?;
            Ok(())
        })?;
        dropped.push((name.to_owned(), row[1].to_string()));
    }
    Ok(dropped)
}

/// What a row is found by: the text itself in SQLite, its SHA-256 in Postgres, whose indexes hold no long texts.
fn key(text: &str, dialect: Dialect) -> Value {
    match dialect {
        Dialect::Sqlite => Value::Text(text.to_owned()),
        Dialect::Postgres => {
            use sha2::Digest as _;
            Value::Bytes(sha2::Sha256::digest(text.as_bytes()).to_vec())
        }
    }
}

/// The keys of an input as a row of `VALUES`.
fn key_literals(input: &Input, dialect: Dialect) -> String {
    let literal = |text: &str| match key(text, dialect) {
        Value::Bytes(bytes) => {
            let mut literal = "'\\x".to_owned();
            for byte in bytes {
                literal.push_str(&format!("{byte:02x}"));
            }
            literal + "'::bytea"
        }
        _ => quote::text(text),
    };
    match input {
        Input::One(text) => format!("({})", literal(text)),
        Input::Two(a, b) => format!("({}, {})", literal(a), literal(b)),
    }
}

/// The type of the values of a task.
fn value_type(task: &Task, dialect: Dialect) -> &'static str {
    match (dialect, task.kind.name()) {
        (Dialect::Sqlite, "match") => "INTEGER",
        (Dialect::Postgres, "match") => "boolean",
        (Dialect::Postgres, "multilabel") => "text[]",
        (Dialect::Postgres, "embed") => "real[]",
        (Dialect::Postgres, _) if task.kind.gives_record() => "jsonb",
        _ => "TEXT",
    }
}

/// A value as its column holds it: lists are JSON text in SQLite and arrays in Postgres, records JSON in both.
fn value(value: &serde_json::Value, kind: Kind, dialect: Dialect) -> Value {
    use serde_json::Value as Json;
    match value {
        Json::Null => Value::Null,
        record if kind.gives_record() => Value::Text(record.to_string()),
        Json::Bool(flag) if dialect == Dialect::Sqlite => Value::Integer(i64::from(*flag)),
        Json::Bool(flag) => Value::Boolean(*flag),
        Json::String(text) if kind != Kind::MULTILABEL || dialect == Dialect::Sqlite => Value::Text(text.clone()),
        // The fallback of a task with several labels may be one text.
        Json::String(text) => Value::Text(array([text.as_str()].into_iter().map(quoted_element))),
        Json::Array(items) if dialect == Dialect::Postgres => Value::Text(array(items.iter().map(|item| match item {
            Json::String(text) => quoted_element(text),
            other => other.to_string(),
        }))),
        other => Value::Text(other.to_string()),
    }
}

/// An array as Postgres writes it: `{"a","b"}`.
fn array(elements: impl Iterator<Item = String>) -> String {
    format!("{{{}}}", elements.collect::<Vec<_>>().join(","))
}

fn quoted_element(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// The input that a row of arguments is. None where one is no text, which no stage gives.
pub(crate) fn input_of(row: &[Value]) -> Option<Input> {
    match row {
        [one] => Some(Input::One(text_of(one)?)),
        [a, b] => Some(Input::Two(text_of(a)?, text_of(b)?)),
        _ => None,
    }
}

fn text_of(value: &Value) -> Option<String> {
    (!value.is_null()).then(|| value.to_string())
}

/// A hash as it is written.
fn parse_hash(text: &str) -> Option<InputHash> {
    if text.len() != 32 || !text.is_ascii() {
        return None;
    }
    let mut bytes = [0; 16];
    for (byte, at) in bytes.iter_mut().zip((0..).step_by(2)) {
        *byte = u8::from_str_radix(&text[at..at + 2], 16).ok()?;
    }
    Some(InputHash(bytes))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn lists_are_json_in_sqlite_and_arrays_in_postgres_and_records_are_json() {
        let labels = json!(["a \"b\"", "c\\d"]);
        assert_eq!(
            value(&labels, Kind::MULTILABEL, Dialect::Sqlite),
            Value::Text(r#"["a \"b\"","c\\d"]"#.to_owned())
        );
        assert_eq!(
            value(&labels, Kind::MULTILABEL, Dialect::Postgres),
            Value::Text(r#"{"a \"b\"","c\\d"}"#.to_owned())
        );
        assert_eq!(
            value(&json!([0.5, -1.0]), Kind::EMBED, Dialect::Postgres),
            Value::Text("{0.5,-1.0}".to_owned())
        );
        for dialect in [Dialect::Sqlite, Dialect::Postgres] {
            assert_eq!(
                value(&json!({"brand": "Acme", "colors": ["red"]}), Kind::EXTRACT, dialect),
                Value::Text(r#"{"brand":"Acme","colors":["red"]}"#.to_owned())
            );
        }
        assert_eq!(value(&json!(true), Kind::MATCH, Dialect::Sqlite), Value::Integer(1));
        assert_eq!(
            value(&json!(true), Kind::MATCH, Dialect::Postgres),
            Value::Boolean(true)
        );
    }

    #[test]
    fn a_hash_is_read_as_it_is_written() {
        let hash = InputHash([7; 16]);
        assert_eq!(parse_hash(&hash.to_string()), Some(hash));
        assert_eq!(parse_hash("nothing"), None);
    }
}
