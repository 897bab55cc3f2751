//! Text in the columns of a screen.

use refuel_state::Input;
use refuel_task::Task;
use serde_json::Value;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::words;

/// What a task was given, as a person reads it: the columns of a row one below the other, and both sides of a pair.
pub(in super::super) fn of_input(input: &Input, task: &Task) -> String {
    match input {
        Input::One(text) => of_side(text, task),
        Input::Two(a, b) => format!("{}\n\n{}", named("A", &of_side(a, task)), named("B", &of_side(b, task))),
    }
}

/// A text behind its name, or below it where it has several lines.
fn named(name: &str, text: &str) -> String {
    let between = if text.contains('\n') { '\n' } else { ' ' };
    format!("{name}:{between}{text}")
}

fn of_side(text: &str, task: &Task) -> String {
    let Ok(Value::Object(row)) = serde_json::from_str(text) else {
        return text.to_owned();
    };
    // A task that reads one column is given a text, which may look like an object; or an object with just that column.
    let columns = task.columns();
    if columns.len() < 2 && !(row.len() == 1 && columns.iter().all(|column| row.contains_key(column))) {
        return text.to_owned();
    }
    let shown = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let lines: Vec<String> = row
        .iter()
        .filter(|(_, value)| !value.is_null())
        .map(|(column, value)| format!("{column}: {}", shown(value)))
        .collect();
    lines.join("\n")
}

/// A value as a person reads it.
pub(in super::super) fn of_value(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Bool(true) => "same".to_owned(),
        Value::Bool(false) => "different".to_owned(),
        Value::Array(items) if items.is_empty() => "none".to_owned(),
        Value::Array(items) => items.iter().map(of_value).collect::<Vec<_>>().join("; "),
        other => other.to_string(),
    }
}

/// Text without what a terminal would act on.
pub(super) fn clean(text: &str) -> String {
    text.replace("\r\n", "\n")
        .replace('\t', "    ")
        .chars()
        .map(|letter| match letter {
            '\n' => '\n',
            letter => words::visible(letter),
        })
        .collect()
}

/// Text in lines of so many columns. Its own line ends are kept.
pub(super) fn wrap(text: &str, columns: usize) -> Vec<String> {
    let options = textwrap::Options::new(columns.max(1)).word_separator(textwrap::WordSeparator::AsciiSpace);
    let mut lines = Vec::new();
    for line in clean(text.trim_end()).lines() {
        lines.extend(
            textwrap::wrap(line, &options)
                .into_iter()
                .map(|line| line.trim_end().to_owned()),
        );
    }
    lines
}

/// Text cut to so many columns.
pub(super) fn fit(text: &str, columns: usize) -> String {
    if text.width() <= columns {
        return text.to_owned();
    }
    let mut cut = String::new();
    let mut width = 1;
    for letter in text.chars() {
        width += letter.width().unwrap_or(0);
        if width > columns {
            break;
        }
        cut.push(letter);
    }
    if columns > 0 {
        cut.push('…');
    }
    cut
}

/// The end of a text that fits into so many columns: what somebody is writing.
pub(super) fn end(text: &str, columns: usize) -> &str {
    let mut width = 0;
    for (at, letter) in text.char_indices().rev() {
        width += letter.width().unwrap_or(0);
        if width > columns {
            return &text[at + letter.len_utf8()..];
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_turns_the_rest_of_its_line_around() {
        assert_eq!(
            wrap("paid\u{202e}\u{1b}[2J drawer\r\n\tsecond", 40),
            ["paid\u{fffd}\u{fffd}[2J drawer", "    second"]
        );
    }
}
