//! Verdicts as solved rows: examples for a prompt, and rows to evaluate on.

use refuel_task::{InputSpec, Part, Record, Task};
use serde::Serialize;
use serde_json::Value;

use crate::answers::Input;

/// A solved row.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ReviewedExample {
    /// What the task was given.
    pub input: Input,
    /// The right answer, in the form of the task's kind.
    pub answer: Value,
}

/// The row that a text or two stand for: the columns that the task reads, as an example file or a table holds them.
///
/// # Errors
/// Why it is no row for the task, which may have changed since.
pub fn as_record(input: &Input, task: &Task) -> Result<Record, String> {
    match (&task.input, input) {
        (InputSpec::One(part), Input::One(text)) => row(text, part),
        (InputSpec::Two { a, b }, Input::Two(first, second)) => {
            let mut record = row(first, a)?;
            record.extend(row(second, b)?);
            Ok(record)
        }
        (InputSpec::One(_), Input::Two(..)) => Err("the task reads one text, and it was given two".to_owned()),
        (InputSpec::Two { .. }, Input::One(_)) => Err("the task reads two texts, and it was given one".to_owned()),
    }
}

/// A text as it was given to one part: what stands in its only column, or the object that holds the columns. An object
/// with that column alone is such an object, too: a row of a database that has no type for rows.
fn row(text: &str, part: &Part) -> Result<Record, String> {
    let columns = InputSpec::One(part.clone()).columns();
    let given = match serde_json::from_str(text) {
        Ok(Value::Object(given)) => Some(given),
        _ => None,
    };
    if let [column] = columns.as_slice() {
        let given = given.filter(|given| given.len() == 1 && given.contains_key(column));
        return Ok(given.unwrap_or_else(|| Record::from_iter([(column.clone(), Value::from(text))])));
    }
    let Some(given) = given else {
        return Err(format!(
            "the task reads the columns {}, and it was given a text",
            columns.join(", ")
        ));
    };
    columns
        .into_iter()
        .map(|column| match given.get(&column) {
            Some(value) => Ok((column, value.clone())),
            None => Err(format!("the task reads the column {column}, and it was given none")),
        })
        .collect()
}
