//! `refuel explain`: why a row was asked again, or was not.

use refuel_runs::{ExplainedAnswer, ExplainedCall, ExplainedRelation, Explanation, explain};
use refuel_state::Input;
use serde_json::Value;

use super::build::Opened;
use crate::cli::OutputFormat;
use crate::cli::project::{ExplainArgs, ModelArgs};
use crate::commands::ExitStatus;
use crate::context::Context;
use crate::error::Failure;
use crate::interrupt::Interrupt;
use crate::table::{Grid, Text, Tone};
use crate::words;

/// Longest text that is shown of an input or a value, in characters.
const LONGEST: usize = 200;
/// Digits of a fingerprint that tell versions of a task apart.
const DIGITS: usize = 12;

/// Explains a row.
pub(crate) fn run(arguments: &ExplainArgs, context: &Context) -> Result<ExitStatus, Failure> {
    let interrupt = Interrupt::listen(context.printer)?;
    let models = ModelArgs {
        model: arguments.model.clone(),
        ..ModelArgs::from_environment()
    };
    let opened = Opened::open(&arguments.project, &models, context)?;
    let (column, key) = column_and_value(&arguments.key);
    let dag = &opened.workspace.dag;
    // A model may be named by its name, or by its whole id.
    let id = dag
        .referable(&arguments.node)
        .map_or(arguments.node.as_str(), |node| node.id.as_str());
    let explanation = explain(&opened.workspace, id, column, key, &interrupt.cancel)?;
    match arguments.format.format {
        OutputFormat::Json => context.printer.json(&explanation)?,
        OutputFormat::Text => context.printer.data(text(&explanation))?,
    }
    Ok(ExitStatus::Success)
}

/// `COLUMN=VALUE`, or a value alone. What stands before `=` is a column where it could be the name of one.
fn column_and_value(key: &str) -> (Option<&str>, &str) {
    let is_name = |name: &str| {
        name.starts_with(|first: char| first.is_alphabetic() || first == '_')
            && name
                .chars()
                .all(|character| character.is_alphanumeric() || character == '_')
    };
    match key.split_once('=') {
        Some((column, value)) if is_name(column) => (Some(column), value),
        _ => (None, key),
    }
}

fn text(explanation: &Explanation) -> String {
    let head = format!("{}, {} = {}", explanation.node, explanation.column, explanation.key);
    let relations = explanation.relations.iter().map(relation);
    let calls = explanation.calls.iter().map(call);
    std::iter::once(head)
        .chain(relations)
        .chain(calls)
        .collect::<Vec<_>>()
        .join("\n\n")
}

fn relation(relation: &ExplainedRelation) -> String {
    let mut grid = Grid::pairs();
    grid.pair(
        "call",
        format!("{}({}, '{}')", relation.function, relation.reads, relation.task),
    );
    grid.pair("rows", words::count(relation.rows));
    if let Some(model) = &relation.model {
        grid.pair("model", model.as_str());
    }
    grid.pair("fingerprint", digits(&relation.fingerprint));
    grid.pair("result", relation.table.as_str());
    for row in &relation.found {
        let cells: Vec<String> = row
            .iter()
            .map(|(column, cell)| format!("{column} {}", value(cell)))
            .collect();
        grid.pair("found", cells.join(", "));
    }
    let mut lines = vec![grid.render()];
    lines.extend(relation.why.iter().map(|why| format!(" {why}")));
    if relation.is_looked_up && relation.found.is_empty() {
        lines.push(" the result has no row of this record".to_owned());
    }
    lines.join("\n")
}

fn call(call: &ExplainedCall) -> String {
    let mut grid = Grid::pairs();
    grid.pair("call", format!("{}(…, '{}')", call.function, call.task));
    grid.pair("input", input(&call.input));
    grid.pair("model", call.model.as_str());
    grid.pair("fingerprint", digits(&call.fingerprint));
    if let Some(verdict) = &call.verdict {
        grid.pair("verdict", Text::new(value(verdict), Tone::Strong));
    }
    let gate = match call.gate {
        Some("accepted") => Text::new("accepted", Tone::Good),
        Some("review") => Text::new("review", Tone::Unsure),
        Some(other) => Text::new(other, Tone::Bad),
        None => Text::new("no answer yet", Tone::Faint),
    };
    grid.pair("gate", gate);
    if call.gate.is_some() {
        grid.pair("value", value(&call.value));
    }
    for answer in &call.history {
        grid.pair("answered", history(answer));
    }
    let mut lines = vec![grid.render()];
    lines.extend(call.why.iter().map(|why| format!(" {why}")));
    lines.join("\n")
}

fn history(answer: &ExplainedAnswer) -> Text {
    let confidence = answer
        .confidence
        .map_or_else(String::new, |confidence| format!(" ({confidence:.2})"));
    let when = answer.at.strftime("%Y-%m-%d %H:%M:%S");
    let text = format!(
        "{when} {}{confidence}, fingerprint {}, {}",
        value(&answer.value),
        digits(&answer.fingerprint),
        answer.model
    );
    Text::new(text, if answer.is_current { Tone::Plain } else { Tone::Faint })
}

fn input(input: &Input) -> String {
    match input {
        Input::One(text) => words::one_line(text, LONGEST),
        Input::Two(a, b) => format!("{}\n{}", words::one_line(a, LONGEST), words::one_line(b, LONGEST)),
    }
}

fn value(value: &Value) -> String {
    match value {
        Value::Null => "(nothing)".to_owned(),
        Value::String(text) => words::one_line(text, LONGEST),
        other => words::one_line(&other.to_string(), LONGEST),
    }
}

fn digits(fingerprint: &str) -> String {
    fingerprint.chars().take(DIGITS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_a_value_or_a_column_with_its_value() {
        assert_eq!(column_and_value("M-20422"), (None, "M-20422"));
        assert_eq!(column_and_value("message_id=M-20422"), (Some("message_id"), "M-20422"));
        assert_eq!(column_and_value("a b=c"), (None, "a b=c"));
        assert_eq!(column_and_value("id=x=y"), (Some("id"), "x=y"));
    }
}
