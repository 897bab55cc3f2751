//! Tables that are made of rows, and not of another table.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanBuilder, Float64Builder, Int64Builder, StringBuilder};
use arrow::datatypes::{DataType, Field, Schema};
use arrow::record_batch::RecordBatch;
use fs_err as fs;
use parquet::arrow::ArrowWriter;
use parquet::errors::ParquetError;
use serde_json::{Map, Value};

use crate::chunk::plain_text;
use crate::{Format, IoError, Layout, Output};

/// Rows of Parquet that are written together.
const TOGETHER: usize = 65_536;

/// What the values of a column are, for formats with types.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowType {
    /// Text; other values as JSON.
    Text,
    /// Yes or no.
    Boolean,
    /// Whole numbers.
    Integer,
    /// Numbers.
    Real,
}

/// Links to links that are followed, as many as Linux does (`path_resolution(7)`).
const MOST_LINKS: usize = 40;

/// Whether a pipe or a device is there, which rows are written to as they come, and which no file takes the place of.
pub fn leads_elsewhere(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|there| !there.is_file() && !there.is_dir())
}

/// Writes a whole table, and returns how many rows it has. A file is there once all of it is; it has the permissions of the
/// one that it takes the place of, and a link to it stays one.
///
/// Each row has as many values as there are columns. In formats without types null is nothing, and what is no text is
/// written as JSON.
///
/// # Errors
/// When it can't be written.
pub fn write_rows(
    output: &Output,
    layout: Layout,
    columns: &[(String, RowType)],
    rows: &mut dyn Iterator<Item = Vec<Value>>,
) -> Result<u64, IoError> {
    match output {
        Output::File(path) if !leads_elsewhere(path) => {
            let path = behind_links(path);
            let file = beside(&path).map_err(|source| output.unwritable(source))?;
            let handle: File = file.reopen().map_err(|source| output.unwritable(source))?;
            let count = write(output, Box::new(handle), layout, columns, rows)?;
            file.persist(path).map_err(|error| output.unwritable(error.error))?;
            Ok(count)
        }
        _ => write(output, output.open(None)?, layout, columns, rows),
    }
}

/// The file that a link leads to in the end, whether it is there or not.
pub fn behind_links(path: &Path) -> PathBuf {
    let mut path = path.to_owned();
    for _ in 0..MOST_LINKS {
        let Ok(next) = fs::read_link(&path) else { break };
        path = path.parent().unwrap_or(Path::new("")).join(next);
    }
    path
}

/// A file of another name in the same folder, with the permissions that the file has, or that a new one would have.
fn beside(path: &Path) -> std::io::Result<tempfile::NamedTempFile> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let there = fs::metadata(path).ok().map(|there| there.permissions());
    // The system takes from these what the process may not give to new files (`umask(2)`).
    let new = std::fs::Permissions::from_mode(0o666);
    let file = tempfile::Builder::new()
        .permissions(new)
        .tempfile_in(folder.unwrap_or(Path::new(".")))?;
    if let Some(permissions) = there {
        file.as_file().set_permissions(permissions)?;
    }
    Ok(file)
}

fn write(
    output: &Output,
    to: Box<dyn Write + Send>,
    layout: Layout,
    columns: &[(String, RowType)],
    rows: &mut dyn Iterator<Item = Vec<Value>>,
) -> Result<u64, IoError> {
    let to = BufWriter::with_capacity(1 << 18, to);
    match layout.format {
        Format::Csv | Format::Tsv => delimited(to, layout.delimiter, columns, rows).map_err(|error| {
            let source = match error.into_kind() {
                csv::ErrorKind::Io(source) => source,
                other => std::io::Error::other(format!("{other:?}")),
            };
            output.unwritable(source)
        }),
        Format::Jsonl => lines(to, columns, rows).map_err(|source| output.unwritable(source)),
        Format::Parquet => columnar(to, columns, rows).map_err(|source| IoError::WriteParquet {
            output: output.to_string(),
            source,
        }),
    }
}

fn delimited(
    to: impl Write,
    delimiter: u8,
    columns: &[(String, RowType)],
    rows: &mut dyn Iterator<Item = Vec<Value>>,
) -> Result<u64, csv::Error> {
    let mut writer = csv::WriterBuilder::new().delimiter(delimiter).from_writer(to);
    writer.write_record(columns.iter().map(|(name, _)| name))?;
    let mut count = 0;
    for row in rows {
        writer.write_record(row.iter().map(|value| plain_text(value).into_owned()))?;
        count += 1;
    }
    writer.flush()?;
    Ok(count)
}

fn lines(
    mut to: impl Write,
    columns: &[(String, RowType)],
    rows: &mut dyn Iterator<Item = Vec<Value>>,
) -> std::io::Result<u64> {
    let mut count = 0;
    for row in rows {
        let line: Map<String, Value> = columns.iter().map(|(name, _)| name.clone()).zip(row).collect();
        serde_json::to_writer(&mut to, &line)?;
        to.write_all(b"\n")?;
        count += 1;
    }
    to.flush()?;
    Ok(count)
}

fn columnar(
    to: impl Write + Send,
    columns: &[(String, RowType)],
    rows: &mut dyn Iterator<Item = Vec<Value>>,
) -> Result<u64, ParquetError> {
    let fields = columns.iter().map(|(name, row_type)| {
        let data_type = match row_type {
            RowType::Text => DataType::Utf8,
            RowType::Boolean => DataType::Boolean,
            RowType::Integer => DataType::Int64,
            RowType::Real => DataType::Float64,
        };
        Field::new(name, data_type, true)
    });
    let schema = Arc::new(Schema::new(fields.collect::<Vec<Field>>()));
    let mut writer = ArrowWriter::try_new(to, Arc::clone(&schema), None)?;
    let mut count = 0;
    loop {
        let together: Vec<Vec<Value>> = (&mut *rows).take(TOGETHER).collect();
        if together.is_empty() {
            break;
        }
        count += together.len() as u64;
        let arrays = columns.iter().enumerate().map(|(at, (_, row_type))| {
            let values = together.iter().map(|row| &row[at]);
            array(*row_type, values)
        });
        writer.write(&RecordBatch::try_new(Arc::clone(&schema), arrays.collect())?)?;
    }
    writer.close()?;
    Ok(count)
}

fn array<'a>(row_type: RowType, values: impl Iterator<Item = &'a Value>) -> ArrayRef {
    match row_type {
        RowType::Text => {
            let mut builder = StringBuilder::new();
            values.for_each(|value| match value {
                Value::Null => builder.append_null(),
                other => builder.append_value(plain_text(other)),
            });
            Arc::new(builder.finish())
        }
        RowType::Boolean => {
            let mut builder = BooleanBuilder::new();
            values.for_each(|value| builder.append_option(value.as_bool()));
            Arc::new(builder.finish())
        }
        RowType::Integer => {
            let mut builder = Int64Builder::new();
            values.for_each(|value| builder.append_option(value.as_i64()));
            Arc::new(builder.finish())
        }
        RowType::Real => {
            let mut builder = Float64Builder::new();
            values.for_each(|value| builder.append_option(value.as_f64()));
            Arc::new(builder.finish())
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::Input;

    #[test]
    fn rows_are_the_same_in_every_format() {
        let folder = tempfile::tempdir().unwrap();
        let columns = [
            ("name".to_owned(), RowType::Text),
            ("entity".to_owned(), RowType::Integer),
            ("first".to_owned(), RowType::Boolean),
            ("sure".to_owned(), RowType::Real),
        ];
        let rows = || {
            [
                vec![json!("a,\"b\"\nc"), json!(1), json!(true), json!(0.5)],
                vec![json!(null), json!(2), json!(false), json!(null)],
            ]
            .into_iter()
        };
        let names: Vec<String> = columns.iter().map(|(name, _)| name.clone()).collect();
        let mut texts = Vec::new();
        for (name, format) in [
            ("t.csv", Format::Csv),
            ("t.jsonl", Format::Jsonl),
            ("t.parquet", Format::Parquet),
        ] {
            let path = folder.path().join(name);
            let layout = Layout::new(format, None);
            let written = write_rows(&Output::new(&path), layout, &columns, &mut rows()).unwrap();
            assert_eq!(written, 2);
            let mut reader = crate::open(&Input::new(&path), layout, &names).unwrap();
            let chunk = reader.next_chunk(10).unwrap().unwrap();
            let read: Vec<Vec<String>> = (0..chunk.rows())
                .map(|row| {
                    (0..names.len())
                        .map(|at| plain_text(&chunk.value(row, at)).into_owned())
                        .collect()
                })
                .collect();
            texts.push(read);
        }
        assert_eq!(texts[0], [["a,\"b\"\nc", "1", "true", "0.5"], ["", "2", "false", ""]]);
        assert!(texts.iter().all(|other| *other == texts[0]), "{texts:?}");
    }
    fn written(path: &Path) -> u64 {
        let columns = [("a".to_owned(), RowType::Integer)];
        let rows = &mut [vec![json!(1)]].into_iter();
        write_rows(&Output::new(path), Layout::new(Format::Csv, None), &columns, rows).unwrap()
    }

    #[test]
    fn a_link_stays_and_permissions_stay() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("real.csv"), folder.path().join("link.csv"));
        fs::write(&file, "old").unwrap();
        fs::set_permissions(&file, std::fs::Permissions::from_mode(0o640)).unwrap();
        std::os::unix::fs::symlink("real.csv", &link).unwrap();
        assert_eq!(written(&link), 1);
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read_to_string(&file).unwrap(), "a\n1\n");
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o640);
    }

    #[test]
    fn a_new_table_has_the_permissions_of_any_new_file() {
        let folder = tempfile::tempdir().unwrap();
        let (table, other) = (folder.path().join("t.csv"), folder.path().join("other"));
        written(&table);
        fs::write(&other, "").unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode(&table), mode(&other));
    }

    #[test]
    fn a_device_stays_a_device() {
        written(Path::new("/dev/null"));
        assert!(leads_elsewhere(Path::new("/dev/null")));
    }
}
