//! Whole tables in: files, standard input, and tables of SQLite.

use std::io;
use std::path::{Path, PathBuf};

use refuel_relations::Relation;
use refuel_tables::{self as tables, Format, Input, Layout};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags};
use serde_json::Value;

use crate::cli::InputFormatArgs;
use crate::error::{CliError, Failure};
use crate::interrupt::Interrupt;

/// Rows that are read together.
const TOGETHER: usize = 8192;

/// A table that was read whole.
#[derive(Debug)]
pub(super) struct Source {
    /// Its rows as texts.
    pub(super) relation: Relation,
    /// The same rows with their types, for the output.
    pub(super) values: Vec<Vec<Value>>,
    /// The format that the output has unless told.
    pub(super) format: Format,
    /// The file.
    pub(super) path: Option<PathBuf>,
}

/// Reads a table: a file, `-`, or `FILE#TABLE`. None where somebody stopped it.
pub(super) fn read(
    name: &str,
    arguments: InputFormatArgs,
    limit: Option<u64>,
    interrupt: &Interrupt,
) -> Result<Option<Source>, Failure> {
    let limit = limit.unwrap_or(u64::MAX);
    match sqlite_table(name) {
        Some((path, table)) => Ok(Some(of_sqlite(name, &path, table, limit)?)),
        None => of_file(name, arguments, limit, interrupt),
    }
}

/// File and table, where the name is one of SQLite. A file of that name comes first: `#` may be in one.
fn sqlite_table(name: &str) -> Option<(PathBuf, Option<&str>)> {
    let is_database = |path: &str| {
        let extension = Path::new(path).extension().and_then(|extension| extension.to_str());
        extension.is_some_and(|extension| ["sqlite3", "sqlite", "db", "db3"].contains(&extension))
    };
    if Path::new(name).exists() {
        return is_database(name).then(|| (name.into(), None));
    }
    match name.rsplit_once('#') {
        Some((path, table)) if is_database(path) || Path::new(path).exists() => Some((path.into(), Some(table))),
        _ => None,
    }
}

fn of_file(
    name: &str,
    arguments: InputFormatArgs,
    limit: u64,
    interrupt: &Interrupt,
) -> Result<Option<Source>, Failure> {
    let asked = Input::new(Path::new(name));
    let format = asked.format(arguments.input_format.map(Into::into))?;
    let layout = Layout::new(format, arguments.delimiter);
    // The columns are known only once the table was looked at, and standard input can be read only once.
    let kept = match &asked {
        Input::File(_) => None,
        Input::Stdin => Some(spooled()?),
    };
    let input = kept
        .as_ref()
        .map_or(asked.clone(), |kept| Input::File(kept.path().to_owned()));
    let columns: Vec<String> = tables::column_types(&input, layout)?
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    let mut reader = tables::open(&input, layout, &columns)?;
    let mut source = Source {
        relation: Relation {
            name: asked.to_string(),
            columns,
            rows: Vec::new(),
        },
        values: Vec::new(),
        format,
        path: match asked {
            Input::File(path) => Some(path),
            Input::Stdin => None,
        },
    };
    loop {
        let left = limit - source.values.len() as u64;
        if left == 0 {
            break;
        }
        let Some(chunk) = reader.next_chunk(TOGETHER.min(left as usize))? else {
            break;
        };
        if interrupt.is_requested() {
            return Ok(None);
        }
        for row in 0..chunk.rows() {
            if let Some(reason) = chunk.fault(row) {
                return Err(CliError::RowFailed {
                    place: chunk.place(row),
                    reason: reason.to_owned(),
                }
                .into());
            }
            let values: Vec<Value> = (0..source.relation.columns.len())
                .map(|at| chunk.value(row, at))
                .collect();
            source.push(values);
        }
    }
    Ok(Some(source))
}

/// What comes on standard input, in a file that is gone when it is dropped.
fn spooled() -> Result<tempfile::NamedTempFile, Failure> {
    let unwritable = |source| CliError::Write {
        path: std::env::temp_dir(),
        source,
    };
    let mut file = tempfile::NamedTempFile::new().map_err(unwritable)?;
    io::copy(&mut io::stdin().lock(), &mut file).map_err(unwritable)?;
    Ok(file)
}

fn of_sqlite(name: &str, path: &Path, table: Option<&str>, limit: u64) -> Result<Source, Failure> {
    let failed = |error: &rusqlite::Error| {
        Failure::from(CliError::Database {
            source_name: name.to_owned(),
            reason: error.to_string(),
            tables: Vec::new(),
        })
    };
    if !path.exists() {
        return Err(CliError::Read {
            path: path.to_owned(),
            source: io::ErrorKind::NotFound.into(),
        }
        .into());
    }
    let connection =
        Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(|error| failed(&error))?;
    let there: Vec<String> = connection
        .prepare("SELECT name FROM sqlite_master WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name")
        .and_then(|mut statement| statement.query_map([], |row| row.get(0))?.collect())
        .map_err(|error| failed(&error))?;
    let table = match (table, &there[..]) {
        (Some(table), _) if there.iter().any(|name| name == table) => table.to_owned(),
        (None, [only]) => only.clone(),
        _ => {
            let reason = table.map_or_else(
                || format!("it has {} tables", there.len()),
                |table| format!("it has no table \"{table}\""),
            );
            return Err(CliError::Database {
                source_name: name.to_owned(),
                reason,
                tables: there,
            }
            .into());
        }
    };
    let sql = format!(
        "SELECT * FROM \"{}\" LIMIT {}",
        table.replace('"', "\"\""),
        limit.min(i64::MAX as u64)
    );
    let mut statement = connection.prepare(&sql).map_err(|error| failed(&error))?;
    let mut source = Source {
        relation: Relation {
            name: name.to_owned(),
            columns: statement.column_names().map(str::to_owned).collect(),
            rows: Vec::new(),
        },
        values: Vec::new(),
        format: Format::Csv,
        path: None,
    };
    let count = source.relation.columns.len();
    let mut rows = statement.query([]).map_err(|error| failed(&error))?;
    while let Some(row) = rows.next().map_err(|error| failed(&error))? {
        let values = (0..count).map(|at| match row.get_ref(at) {
            Ok(ValueRef::Integer(number)) => number.into(),
            Ok(ValueRef::Real(number)) => number.into(),
            Ok(ValueRef::Text(text) | ValueRef::Blob(text)) => String::from_utf8_lossy(text).into_owned().into(),
            Ok(ValueRef::Null) | Err(_) => Value::Null,
        });
        let values = values.collect();
        source.push(values);
    }
    Ok(source)
}

impl Source {
    fn push(&mut self, values: Vec<Value>) {
        let text = |value: &Value| match value {
            Value::Null => None,
            Value::String(text) => (!text.is_empty()).then(|| text.clone()),
            other => Some(other.to_string()),
        };
        self.relation.rows.push(values.iter().map(text).collect());
        self.values.push(values);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments() -> InputFormatArgs {
        InputFormatArgs {
            input_format: None,
            delimiter: None,
        }
    }

    #[test]
    fn a_table_of_sqlite_is_named_behind_its_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("shop.sqlite3");
        let connection = Connection::open(&path).unwrap();
        connection
            .execute_batch(
                "CREATE TABLE vendor (id INTEGER, name TEXT); INSERT INTO vendor VALUES (1, 'Acme'), (2, NULL)",
            )
            .unwrap();
        let read = |name: &str| read(name, arguments(), None, &Interrupt::default());
        let shown = path.display().to_string();
        let source = read(&format!("{shown}#vendor")).unwrap().unwrap();
        assert_eq!(source.relation.columns, ["id", "name"]);
        assert_eq!(source.values[0], [Value::from(1), Value::from("Acme")]);
        assert_eq!(source.relation.rows[1], [Some("2".to_owned()), None]);
        assert_eq!(
            read(&shown).unwrap().unwrap().values,
            source.values,
            "it is the only one"
        );
        let error = read(&format!("{shown}#vendors")).unwrap_err().message().unwrap();
        assert!(error.contains("no table \"vendors\""), "{error}");
    }

    #[test]
    fn a_file_is_read_whole_with_its_types() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.jsonl");
        fs_err::write(&path, "{\"a\": 1, \"b\": \"x\"}\n{\"b\": \"\"}\n{\"a\": 3}\n").unwrap();
        let name = path.display().to_string();
        let source = read(&name, arguments(), Some(2), &Interrupt::default())
            .unwrap()
            .unwrap();
        assert_eq!(source.values, [[Value::from(1), "x".into()], [Value::Null, "".into()]]);
        assert_eq!(source.relation.rows[1], [None, None]);
    }
}
