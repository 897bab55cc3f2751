//! From the texts that a query selects to what a task reads.

use refuel_state::Input;
use refuel_task::{Record, RenderedInput, Task, TaskError};
use serde_json::Value;

/// What a task reads of the arguments of a call, as the function of the extension would read them.
///
/// One text stands for the one column that the task reads. A task that reads several columns takes a JSON object, and so
/// does any other where the object has exactly its columns: that is what a row is in databases that have no type for one.
///
/// A row that has nothing to read is [nothing](RenderedInput::nothing).
///
/// # Errors
/// Those of one row: it lacks a column.
pub(crate) fn render(task: &Task, input: &Input) -> Result<RenderedInput, TaskError> {
    RenderedInput::or_nothing(match input {
        Input::Two(a, b) => task.render_pair(a, b),
        Input::One(text) => match record(task, text) {
            Some(record) => task.render_input(&record),
            None => task.render_text(text),
        },
    })
}

/// The row that a text stands for. None where it is no JSON object, or has other columns than a task that can read a lone
/// text.
fn record(task: &Task, text: &str) -> Option<Record> {
    // Most texts are none, and this is called for each.
    if !text.trim_start().starts_with('{') {
        return None;
    }
    let Ok(Value::Object(record)) = serde_json::from_str(text) else {
        return None;
    };
    let columns = task.columns();
    let is_lone = columns.len() == 1 && !task.input.is_two();
    let is_row = !is_lone || (record.len() == 1 && record.contains_key(&columns[0]));
    is_row.then_some(record)
}

/// The beginning of an input, in quotes, for messages.
pub(crate) fn shown(input: &Input) -> String {
    let short = |text: &str| {
        let line: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
        match line.char_indices().nth(80) {
            Some((end, _)) => format!("\"{}...\"", &line[..end]),
            None => format!("\"{line}\""),
        }
    };
    match input {
        Input::One(text) => short(text),
        Input::Two(a, b) => format!("{} and {}", short(a), short(b)),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn task(input: &str) -> Task {
        let text = format!("kind: label\ninput: {input}\nlabels: [a, b]\n");
        Task::from_yaml(&text, "topic", Path::new(".")).unwrap()
    }

    fn one(task: &Task, text: &str) -> Result<String, String> {
        render(task, &Input::One(text.to_owned()))
            .map(|rendered| rendered.text)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn a_text_stands_for_the_column_that_a_task_reads() {
        let task = task("body");
        assert_eq!(one(&task, " a note "), Ok("a note".to_owned()));
        assert_eq!(one(&task, "{not json"), Ok("{not json".to_owned()));
        assert_eq!(
            one(&task, "  "),
            Ok(String::new()),
            "nothing, which is answered without asking"
        );
    }

    #[test]
    fn a_json_object_of_the_columns_is_a_row() {
        let two = task("[subject, body]");
        assert_eq!(
            one(&two, r#"{"body": "late again", "subject": "order"}"#),
            Ok("subject: order\nbody: late again".to_owned())
        );
        assert!(one(&two, r#"{"body": "late again"}"#).unwrap_err().contains("subject"));
        assert!(
            one(&two, "late again").is_err(),
            "a lone text doesn't tell which column it is"
        );
        let lone = task("body");
        assert_eq!(one(&lone, r#"{"body": "late"}"#), Ok("late".to_owned()));
        let other = r#"{"code": 7}"#;
        assert_eq!(
            one(&lone, other),
            Ok(other.to_owned()),
            "a text that happens to be JSON"
        );
    }

    #[test]
    fn messages_show_the_beginning_in_one_line() {
        assert_eq!(shown(&Input::One("a\n b".to_owned())), "\"a b\"");
        assert_eq!(shown(&Input::Two("a".into(), "b".into())), "\"a\" and \"b\"");
        assert_eq!(shown(&Input::One("x".repeat(90))).len(), 80 + 5);
    }
}
