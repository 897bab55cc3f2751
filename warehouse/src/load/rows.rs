//! The rows of a file as values for a table.

use std::path::{Path, PathBuf};

use refuel_tables::{Chunk, Input, Layout, Reader};
use serde_json::Value as Json;

use super::{CHUNK, Kind, Shape};
use crate::{Result, Value, WarehouseError};

/// The rows of a file, one after another.
pub(super) struct FileRows<'a> {
    path: PathBuf,
    reader: Box<dyn Reader>,
    shapes: &'a [Shape],
    chunk: Option<Chunk>,
    row: usize,
    /// For each column, the numbers so far that are not finite. SQLite has none of these, so that they are null everywhere.
    not_finite: Vec<u64>,
}

impl<'a> FileRows<'a> {
    pub(super) fn open(path: &Path, input: &Input, layout: Layout, shapes: &'a [Shape]) -> Result<Self> {
        let names: Vec<String> = shapes.iter().map(|shape| shape.name.clone()).collect();
        Ok(Self {
            path: path.to_owned(),
            reader: refuel_tables::open(input, layout, &names)?,
            shapes,
            chunk: None,
            row: 0,
            not_finite: vec![0; shapes.len()],
        })
    }

    /// The columns that had numbers which are not finite, each with how many.
    pub(super) fn not_finite(&self) -> Vec<(String, u64)> {
        let columns = self.shapes.iter().zip(&self.not_finite);
        columns
            .filter(|(_, count)| **count > 0)
            .map(|(shape, count)| (shape.name.clone(), *count))
            .collect()
    }

    /// The chunk that has the next row.
    fn chunk(&mut self) -> Result<Option<&Chunk>> {
        let is_done = self.chunk.as_ref().is_none_or(|chunk| self.row >= chunk.rows());
        if is_done {
            self.chunk = self.reader.next_chunk(CHUNK)?;
            self.row = 0;
        }
        Ok(self.chunk.as_ref())
    }

    fn next_row(&mut self) -> Result<Option<Vec<Value>>> {
        if self.chunk()?.is_none() {
            return Ok(None);
        }
        let row = self.row;
        self.row += 1;
        let Some(chunk) = &self.chunk else { return Ok(None) };
        for (column, count) in self.not_finite.iter_mut().enumerate() {
            *count += u64::from(chunk.is_not_finite(row, column));
        }
        let values = self.shapes.iter().enumerate().map(|(column, shape)| {
            let value = match chunk.text(row, column) {
                // Text of CSV and of JSON; where the format has types, an empty text is one.
                Some("") if !chunk.has_types() => Some(Value::Null),
                Some(text) => shape.kind.value(text),
                None => of_json(&chunk.value(row, column), shape.kind),
            };
            value.ok_or_else(|| WarehouseError::Unfitting {
                path: self.path.clone(),
                place: chunk.place(row),
                column: shape.name.clone(),
                data_type: shape.data_type.clone(),
                value: chunk.value(row, column).to_string(),
            })
        });
        values.collect::<Result<Vec<Value>>>().map(Some)
    }
}

impl Iterator for FileRows<'_> {
    type Item = Result<Vec<Value>>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_row().transpose()
    }
}

/// The value of JSON in a column of a kind; `None` where it has none.
fn of_json(value: &Json, kind: Kind) -> Option<Value> {
    match (value, kind) {
        (Json::Null, _) => Some(Value::Null),
        (_, Kind::Json) => Some(Value::Json(value.to_string())),
        (Json::Bool(value), Kind::Boolean) => Some(Value::Boolean(*value)),
        (Json::Number(number), Kind::Real) => number.as_f64().map(Value::Real),
        (Json::String(text), kind) => kind.value(text),
        (other, kind) => kind.value(&other.to_string()),
    }
}
