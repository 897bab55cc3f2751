//! Verdicts as examples: the file beside a task that it can name.

use std::path::{Path, PathBuf};

use refuel_state::{ReviewedExample, as_record};
use refuel_task::Task;
use serde_json::Value;

use super::error::ReviewError;

/// The file of a task: `topic.reviewed.jsonl` beside `topic.yml`.
pub(super) fn file_of(task_file: &Path) -> PathBuf {
    task_file.with_extension("reviewed.jsonl")
}

/// The lines of the file, and how many verdicts are not in it because they are of another input than the task reads now.
///
/// # Errors
/// [`ReviewError::AnswerColumn`], [`ReviewError::NoExamples`].
pub(super) fn lines_of(examples: &[ReviewedExample], task: &Task) -> Result<(String, usize, usize), ReviewError> {
    let none = || ReviewError::NoExamples {
        task: task.name.clone(),
    };
    let column = task.kind.answer_key().ok_or_else(none)?;
    if task.columns().iter().any(|there| there == column) {
        return Err(ReviewError::AnswerColumn {
            task: task.name.clone(),
            column,
        });
    }
    let (mut lines, mut written) = (String::new(), 0);
    for example in examples {
        // A task can lose a label, or read other columns, after somebody decided.
        let (Ok(mut record), Ok(answer)) = (
            as_record(&example.input, task),
            task.normalize_expected(&example.answer),
        ) else {
            continue;
        };
        record.insert(column.to_owned(), answer);
        lines.push_str(&Value::Object(record).to_string());
        lines.push('\n');
        written += 1;
    }
    if written == 0 {
        return Err(none());
    }
    Ok((lines, written, examples.len() - written))
}
