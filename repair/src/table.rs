//! A table as distinct texts and codes: every question that repairing asks is about codes.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::{RepairError, Result};

/// The code of a value that is missing.
pub(crate) const MISSING: u32 = 0;

/// One column: each row's value is a code, and each code a distinct text.
#[derive(Debug, Clone)]
pub(crate) struct Column {
    pub(crate) name: String,
    texts: Vec<Arc<str>>,
    lookup: FxHashMap<Arc<str>, u32>,
    codes: Vec<u32>,
    counts: Vec<u32>,
}

impl Column {
    fn new(name: String) -> Self {
        Self {
            name,
            texts: vec!["".into()],
            lookup: FxHashMap::default(),
            codes: Vec::new(),
            counts: vec![0],
        }
    }

    /// The code of a text, which gets one where it has none. An empty text is missing.
    pub(crate) fn intern(&mut self, text: &str) -> u32 {
        if text.is_empty() {
            return MISSING;
        }
        if let Some(&code) = self.lookup.get(text) {
            return code;
        }
        let code = self.texts.len() as u32;
        let text: Arc<str> = text.into();
        self.texts.push(text.clone());
        self.counts.push(0);
        self.lookup.insert(text, code);
        code
    }

    fn push(&mut self, text: Option<&str>) {
        let code = self.intern(text.unwrap_or_default());
        self.codes.push(code);
        self.counts[code as usize] += 1;
    }

    /// The code of a text that the column has or once had.
    pub(crate) fn code_of(&self, text: &str) -> Option<u32> {
        if text.is_empty() {
            return Some(MISSING);
        }
        self.lookup.get(text).copied()
    }

    /// The code of the value in a row.
    pub(crate) fn code(&self, row: usize) -> u32 {
        self.codes[row]
    }

    /// The codes of all rows.
    pub(crate) fn codes(&self) -> &[u32] {
        &self.codes
    }

    /// The text of a code; empty for [`MISSING`].
    pub(crate) fn text(&self, code: u32) -> &Arc<str> {
        &self.texts[code as usize]
    }

    /// In how many rows a code stands.
    pub(crate) fn count(&self, code: u32) -> u32 {
        self.counts[code as usize]
    }

    /// How many codes there are, that of missing values and those that stand in no row among them.
    pub(crate) fn code_count(&self) -> usize {
        self.texts.len()
    }

    /// How many rows have a value.
    pub(crate) fn present(&self) -> usize {
        self.codes.len() - self.counts[0] as usize
    }

    /// The codes that stand in some row, but that of missing values.
    pub(crate) fn present_codes(&self) -> impl Iterator<Item = u32> + '_ {
        (1..self.texts.len() as u32).filter(|&code| self.count(code) > 0)
    }

    /// Puts another value into a row.
    pub(crate) fn set(&mut self, row: usize, code: u32) {
        self.counts[self.codes[row] as usize] -= 1;
        self.counts[code as usize] += 1;
        self.codes[row] = code;
    }
}

/// A table of texts, which a repair reads and never changes.
///
/// A value is a text or missing; an empty text counts as missing.
#[derive(Debug, Clone)]
pub struct Table {
    pub(crate) columns: Vec<Column>,
    rows: usize,
}

impl Table {
    /// Reads rows of as many values as there are columns.
    ///
    /// # Errors
    /// A row of another length.
    pub fn new<R, V>(columns: impl IntoIterator<Item = impl Into<String>>, rows: R) -> Result<Self>
    where
        R: IntoIterator<Item = Vec<Option<V>>>,
        V: AsRef<str>,
    {
        let mut columns: Vec<Column> = columns.into_iter().map(|name| Column::new(name.into())).collect();
        let mut count = 0;
        for row in rows {
            if row.len() != columns.len() {
                return Err(RepairError::RowLength {
                    row: count,
                    found: row.len(),
                    expected: columns.len(),
                });
            }
            for (column, value) in columns.iter_mut().zip(&row) {
                column.push(value.as_ref().map(AsRef::as_ref));
            }
            count += 1;
        }
        Ok(Self { columns, rows: count })
    }

    /// How many rows there are.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The names of the columns, in order.
    pub fn columns(&self) -> impl ExactSizeIterator<Item = &str> {
        self.columns.iter().map(|column| column.name.as_str())
    }

    /// The value of a cell; none where it is missing.
    pub fn value(&self, row: usize, column: usize) -> Option<&str> {
        let column = &self.columns[column];
        let code = column.code(row);
        (code != MISSING).then(|| &**column.text(code))
    }
}
