//! Reads tasks of kind `repair`.

use std::path::Path;

use super::{check_columns, column, ignored, key, solved_rows, value};
use crate::error::TaskError;
use crate::parse::fields::{Fields, wrong_type};
use crate::tables::{RepairTask, RightRow};
use crate::yaml::Content;

/// The least confidence of a proposal, unless told.
pub(crate) const THRESHOLD: f32 = 0.5;

pub(super) fn read(fields: &mut Fields, folder: Option<&Path>) -> Result<RepairTask, TaskError> {
    let key = key(fields)?;
    let place = fields.place_of("columns").unwrap_or(&fields.place).clone();
    let columns = match fields.take("columns") {
        None => Vec::new(),
        Some(node) => match node.content {
            Content::List(items) => items.into_iter().map(column).collect::<Result<_, _>>()?,
            _ => return Err(wrong_type(&node, "a list of columns")),
        },
    };
    let ignore = ignored(fields)?;
    check_columns(&place, &columns, &ignore, key.as_deref())?;
    let of_examples = fields.place_of("examples").cloned();
    let solved = solved_rows(fields, None, folder)?;
    let mut rows = Vec::with_capacity(solved.records.len());
    for (place, record) in solved.records {
        let Some(key) = &key else {
            return Err(TaskError::MissingKey {
                place: of_examples.unwrap_or(place),
                key: "key".to_owned(),
                context: ", which a task with examples needs".to_owned(),
                hint: "name the column that says which row an example is: key: id".to_owned(),
            });
        };
        let Some(named) = record.get(key).and_then(value) else {
            return Err(TaskError::MissingKey {
                place,
                key: key.clone(),
                context: " in an example".to_owned(),
                hint: "an example is a whole row as it should be, with its key".to_owned(),
            });
        };
        let values = record.iter().filter(|(column, _)| *column != key);
        let mut values: Vec<_> = values.map(|(column, right)| (column.clone(), value(right))).collect();
        // A catalog keeps maps in another order than they were written in.
        values.sort_unstable();
        rows.push(RightRow { key: named, values });
    }
    Ok(RepairTask {
        key,
        columns,
        ignore,
        threshold: fields.probability("threshold")?.unwrap_or(THRESHOLD),
        unknown: fields.flag("unknown")?.unwrap_or(true),
        rows,
    })
}
