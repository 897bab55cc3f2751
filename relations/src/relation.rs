//! Rows with columns, as texts.

use refuel_task::{TableTask, Task};
use rustc_hash::FxHashMap;

use crate::{RelationError, Result};

/// Rows of a table, of a query or of a file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Relation {
    /// What messages call it.
    pub name: String,
    /// Names of its columns, in order.
    pub columns: Vec<String>,
    /// Values as texts, as many a row as there are columns; none where there is nothing.
    pub rows: Vec<Vec<Option<String>>>,
}

impl Relation {
    /// Where a column is.
    pub(crate) fn place(&self, column: &str) -> Result<usize> {
        let found = self.columns.iter().position(|name| name == column);
        found.ok_or_else(|| RelationError::MissingColumn {
            column: column.to_owned(),
            relation: self.name.clone(),
            columns: self.columns.clone(),
        })
    }

    /// Names of all rows, in order: what is in the key's column, or their places from 1. No two are the same.
    ///
    /// # Errors
    /// Where there is no such column, where a row has nothing there, and where two have the same.
    pub fn row_keys(&self, key: Option<&str>) -> Result<Vec<String>> {
        let Some(column) = key else {
            return Ok((1..=self.rows.len()).map(|place| place.to_string()).collect());
        };
        let place = self.place(column)?;
        let mut rows: FxHashMap<&str, usize> = FxHashMap::default();
        let mut keys = Vec::with_capacity(self.rows.len());
        for (row, values) in self.rows.iter().enumerate() {
            let value = values[place]
                .as_deref()
                .map(str::trim)
                .filter(|value| !value.is_empty());
            let Some(value) = value else {
                return Err(RelationError::NoKey {
                    column: column.to_owned(),
                    relation: self.name.clone(),
                    row: row + 1,
                });
            };
            if let Some(first) = rows.insert(value, row) {
                return Err(RelationError::SameKey {
                    key: value.to_owned(),
                    relation: self.name.clone(),
                    first: first + 1,
                    second: row + 1,
                });
            }
            keys.push(value.to_owned());
        }
        Ok(keys)
    }

    /// The columns that a task reads: its key, and what it looks at. Whatever else changes, its result stays.
    ///
    /// # Errors
    /// A column that the task names and the relation lacks.
    pub fn read_by(self, task: &Task) -> Result<Self> {
        let (named, ignored): (Vec<&str>, &[String]) = match &task.table {
            Some(TableTask::Resolve(resolve)) => (
                resolve.columns.iter().map(|column| &*column.name).collect(),
                &resolve.ignore,
            ),
            Some(TableTask::Repair(repair)) => (repair.columns.iter().map(String::as_str).collect(), &repair.ignore),
            None => (Vec::new(), &[]),
        };
        let key = task.table.as_ref().and_then(TableTask::key);
        let mut places = self.looked_at(&named, ignored, key)?;
        if let Some(key) = key {
            places.push(self.place(key)?);
            places.sort_unstable();
        }
        let ignored: Vec<usize> = ignored.iter().map(|column| self.place(column)).collect::<Result<_>>()?;
        // A task that ignores a column says so of one that has to be there.
        let kept: Vec<usize> = (0..self.columns.len())
            .filter(|place| places.contains(place) || ignored.contains(place))
            .collect();
        let cell = |place: usize, row: &mut Vec<Option<String>>| {
            if places.contains(&place) {
                row[place].take()
            } else {
                None
            }
        };
        Ok(Self {
            name: self.name,
            columns: kept.iter().map(|&place| self.columns[place].clone()).collect(),
            rows: self
                .rows
                .into_iter()
                .map(|mut row| kept.iter().map(|&place| cell(place, &mut row)).collect())
                .collect(),
        })
    }

    /// Rows of a database as far as a task reads them, in the order of their keys: there they have no other. The same rows
    /// give the same result then.
    ///
    /// # Errors
    /// A task that names no key, and what [`read_by`](Self::read_by) refuses.
    pub fn keyed(self, task: &Task) -> Result<Self> {
        let Some(key) = task.table.as_ref().and_then(TableTask::key) else {
            return Err(RelationError::KeyNeeded {
                task: task.name.clone(),
            });
        };
        let mut part = self.read_by(task)?;
        let place = part.place(key)?;
        part.rows.sort_by(|one, other| one[place].cmp(&other[place]));
        Ok(part)
    }

    /// Places of the columns that a task looks at, in the relation's order: those that it names, or all but the key and
    /// those that it ignores.
    pub(crate) fn looked_at(&self, named: &[&str], ignored: &[String], key: Option<&str>) -> Result<Vec<usize>> {
        let places = named
            .iter()
            .copied()
            .chain(ignored.iter().map(String::as_str))
            .chain(key)
            .map(|column| self.place(column))
            .collect::<Result<Vec<usize>>>()?;
        if named.is_empty() {
            return Ok((0..self.columns.len())
                .filter(|place| !places.contains(place))
                .collect());
        }
        let mut wanted = places[..named.len()].to_vec();
        wanted.sort_unstable();
        Ok(wanted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn relation(rows: &[[&str; 2]]) -> Relation {
        let value = |text: &&str| (!text.is_empty()).then(|| (*text).to_owned());
        Relation {
            name: "vendors".to_owned(),
            columns: vec!["id".to_owned(), "name".to_owned()],
            rows: rows.iter().map(|row| row.iter().map(value).collect()).collect(),
        }
    }

    #[test]
    fn rows_are_named_by_their_key_or_their_place() {
        let relation = relation(&[["a", "x"], [" b ", "y"]]);
        assert_eq!(relation.row_keys(Some("id")).unwrap(), ["a", "b"]);
        assert_eq!(relation.row_keys(None).unwrap(), ["1", "2"]);
    }

    #[test]
    fn rows_of_a_database_are_in_the_order_of_their_keys() {
        let task = |text: &str| Task::from_yaml(text, "t.yml", std::path::Path::new(".")).unwrap();
        let rows = relation(&[["b", "x"], ["a", "y"]]);
        let keyed = rows.clone().keyed(&task("{name: t, kind: repair, key: id}")).unwrap();
        assert_eq!(keyed, relation(&[["a", "y"], ["b", "x"]]));
        let error = rows.keyed(&task("{name: t, kind: repair}")).unwrap_err();
        assert_eq!((error.code(), error.hint().is_some()), ("RF2408", true));
    }

    #[test]
    fn a_key_names_one_row() {
        let told = |rows: &[[&str; 2]], key| relation(rows).row_keys(Some(key)).unwrap_err().to_string();
        assert_eq!(
            told(&[["a", "x"], ["a", "y"]], "id"),
            "rows 1 and 2 of vendors have the same key \"a\""
        );
        assert_eq!(
            told(&[["a", "x"], ["", "y"]], "id"),
            "row 2 of vendors has nothing in its key \"id\""
        );
        assert_eq!(told(&[], "ids"), "no column \"ids\" in vendors, which has id, name");
    }

    #[test]
    fn all_but_the_key_and_what_is_ignored_is_looked_at() {
        let relation = relation(&[]);
        assert_eq!(relation.looked_at(&[], &[], Some("id")).unwrap(), [1]);
        assert_eq!(relation.looked_at(&["name", "id"], &[], None).unwrap(), [0, 1]);
        assert!(relation.looked_at(&[], &["nmae".to_owned()], None).is_err());
    }
}
