//! Digests of relations in SQLite, which have to be read for it.

use refuel_staging::{Dialect, RelationName};
use rusqlite::types::ValueRef;

use super::connection::Connection;
use crate::{Digest, Result};

impl Connection {
    /// Reads every row once.
    pub(super) fn digest_rows(&self, relation: &RelationName) -> Result<Digest> {
        let fault = |error: rusqlite::Error| self.fault(&error);
        let sql = format!("SELECT * FROM {}", relation.sql(Dialect::Sqlite));
        let (mut statement, columns) = self.prepare(&sql)?;
        let mut count = 0;
        let mut sum = 0u128;
        let mut bytes = Vec::new();
        let mut rows = statement.raw_query();
        while let Some(row) = rows.next().map_err(fault)? {
            bytes.clear();
            for column in 0..columns.len() {
                put(&mut bytes, row.get_ref(column).map_err(fault)?);
            }
            sum = sum.wrapping_add(hash(&bytes));
            count += 1;
        }
        drop(rows);
        let described = columns
            .iter()
            .map(|column| (column.name.as_str(), column.data_type.as_deref()));
        Ok(Digest::new(described, count, &[&sum.to_le_bytes()]))
    }
}

fn hash(bytes: &[u8]) -> u128 {
    let mut half = [0; 16];
    half.copy_from_slice(&blake3::hash(bytes).as_bytes()[..16]);
    u128::from_le_bytes(half)
}

/// A value so that no two rows of values give the same bytes: its type, its length where that varies, and itself.
fn put(bytes: &mut Vec<u8>, value: ValueRef<'_>) {
    match value {
        ValueRef::Null => bytes.push(0),
        ValueRef::Integer(number) => {
            bytes.push(1);
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        ValueRef::Real(number) => {
            bytes.push(2);
            bytes.extend_from_slice(&number.to_bits().to_le_bytes());
        }
        ValueRef::Text(text) => sized(bytes, 3, text),
        ValueRef::Blob(blob) => sized(bytes, 4, blob),
    }
}

fn sized(bytes: &mut Vec<u8>, kind: u8, content: &[u8]) {
    bytes.push(kind);
    bytes.extend_from_slice(&(content.len() as u64).to_le_bytes());
    bytes.extend_from_slice(content);
}
