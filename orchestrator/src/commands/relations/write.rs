//! Whole tables out.

use std::path::Path;

use refuel_tables::{Format, Layout, Output, RowType, leads_elsewhere, write_rows};
use serde_json::Value;

use super::error::RelationsError;
use super::source::Source;
use crate::commands::label::{check, is_same_file};
use crate::error::{CliError, Failure};

/// A table that will be written, which is in nobody's way.
#[derive(Debug)]
pub(super) struct Target {
    output: Output,
    layout: Layout,
}

impl Target {
    /// Looks whether a table can be written there.
    ///
    /// # Errors
    /// Where a table is already and `force` is off, where it is one of the sources, and where no format is told.
    pub(super) fn new(
        path: &Path,
        asked: Option<Format>,
        sources: &[&Source],
        delimiter: Option<u8>,
        force: bool,
    ) -> Result<Self, Failure> {
        let output = Output::new(path);
        let of_source = sources.first().map_or(Format::Csv, |source| source.format);
        let format = output.format(asked, of_source)?;
        if let Output::File(path) = &output {
            let is = |source: &&&Source| source.path.as_deref().is_some_and(|from| is_same_file(from, path));
            if sources.iter().any(|source| is(&source)) {
                return Err(CliError::OutputIsInput { path: path.clone() }.into());
            }
            check(path)?;
            // A pipe or a device is there before anything is written to it.
            if path.exists() && !leads_elsewhere(path) && !force {
                return Err(CliError::OutputExists { path: path.clone() }.into());
            }
        }
        Ok(Self {
            layout: Layout::new(format, delimiter.filter(|_| format == of_source)),
            output,
        })
    }

    /// The file; none for standard output.
    pub(super) fn path(&self) -> Option<&Path> {
        match &self.output {
            Output::File(path) => Some(path),
            Output::Stdout => None,
        }
    }

    /// Writes the table, and says how many rows it has.
    pub(super) fn write(
        &self,
        columns: &[(String, RowType)],
        mut rows: impl Iterator<Item = Vec<Value>>,
    ) -> Result<u64, Failure> {
        Ok(write_rows(&self.output, self.layout, columns, &mut rows)?)
    }
}

/// Refuses two tables that both go to standard output; each is named by its option.
pub(super) fn refuse_two_streams(tables: &[(&'static str, Option<&Path>)]) -> Result<(), RelationsError> {
    let is_stream = |path: Option<&Path>| path.is_some_and(|path| Output::new(path) == Output::Stdout);
    let mut streams = tables.iter().filter(|(_, path)| is_stream(*path));
    match (streams.next(), streams.next()) {
        (Some((first, _)), Some((second, _))) => Err(RelationsError::TwoStreams { first, second }),
        _ => Ok(()),
    }
}

/// A column of the output that the source must not have.
pub(super) fn refuse_clash(source: &Source, columns: &[&str]) -> Result<(), CliError> {
    let clash = columns
        .iter()
        .find(|column| source.relation.columns.iter().any(|own| own == *column));
    match clash {
        Some(column) => Err(CliError::ClashingColumn {
            source_name: source.relation.name.clone(),
            column: (*column).to_owned(),
        }),
        None => Ok(()),
    }
}

/// What the values of each column of a source are, for formats with types.
pub(super) fn types(source: &Source) -> Vec<(String, RowType)> {
    let of = |at: usize| {
        let mut values = source
            .values
            .iter()
            .map(|row| &row[at])
            .filter(|value| !value.is_null())
            .peekable();
        if values.peek().is_none() {
            return RowType::Text;
        }
        let all = |holds: &dyn Fn(&Value) -> bool| source.values.iter().all(|row| row[at].is_null() || holds(&row[at]));
        if all(&Value::is_boolean) {
            RowType::Boolean
        } else if all(&Value::is_i64) {
            RowType::Integer
        } else if all(&Value::is_number) {
            RowType::Real
        } else {
            RowType::Text
        }
    };
    let names = source.relation.columns.iter().enumerate();
    names.map(|(at, name)| (name.clone(), of(at))).collect()
}
