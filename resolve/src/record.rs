//! Rows of a table as they are compared.

use serde::{Deserialize, Serialize};

/// One row: columns with their texts, in the order of the table.
///
/// A value that is empty or only white space counts as missing, and so does a column that the record does not have.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Record {
    fields: Vec<(String, String)>,
}

impl Record {
    /// A record of these columns and texts.
    pub fn new<C: Into<String>, T: Into<String>>(fields: impl IntoIterator<Item = (C, T)>) -> Self {
        Self {
            fields: fields
                .into_iter()
                .map(|(column, text)| (column.into(), text.into()))
                .collect(),
        }
    }

    /// Columns and texts, in order; missing values are left out.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &str)> {
        self.fields
            .iter()
            .map(|(column, text)| (column.as_str(), text.trim()))
            .filter(|(_, text)| !text.is_empty())
    }

    /// Names of all columns, in order, those without a value too.
    pub fn columns(&self) -> impl Iterator<Item = &str> {
        self.fields.iter().map(|(column, _)| column.as_str())
    }

    /// The text of a column; `None` where it is missing.
    pub fn get(&self, column: &str) -> Option<&str> {
        self.fields().find(|(name, _)| *name == column).map(|(_, text)| text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blank_value_is_a_missing_one() {
        let record = Record::new([("name", " Ada "), ("city", "  ")]);
        assert_eq!(record.get("name"), Some("Ada"));
        assert_eq!(record.get("city"), None);
        assert_eq!(record.get("street"), None);
        assert_eq!(record.columns().collect::<Vec<_>>(), ["name", "city"]);
        assert_eq!(record.fields().count(), 1);
    }
}
