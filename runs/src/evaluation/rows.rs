//! The rows of an evaluation.

use std::collections::{BTreeSet, HashMap};

use refuel_dag::{Node, NodeId, Part, ResourceType};
use refuel_project::{Evaluation, EvaluationRows, Format, Reference};
use refuel_staging::{Dialect, RelationName};
use refuel_task::{Record, Task};
use refuel_warehouse::Warehouse;
use serde_json::Value;

use crate::context::Context;
use crate::error::RunError;
use crate::quote;

/// A row: the columns that are read, by name.
pub(super) type Row = Record;

/// Rows, with the right answers where there are any.
pub(super) struct Rows {
    pub(super) rows: Vec<Row>,
    /// As many as there are rows.
    pub(super) truths: Option<Vec<Value>>,
}

/// Reads the rows of an evaluation: those that it names, or those of its model that it names the right answers of.
pub(super) fn read(
    context: &Context<'_>,
    node: &Node,
    model: &Node,
    evaluation: &Evaluation,
    task: Option<&Task>,
    warehouse: &mut dyn Warehouse,
) -> Result<Rows, RunError> {
    match &evaluation.truth {
        Some(truth) if !evaluation.key.is_empty() => {
            let own = with(&evaluation.key, [&evaluation.prediction, &evaluation.confidence]);
            let given = of_relation(
                context,
                node,
                model,
                evaluation,
                &EvaluationRows::Model,
                &own,
                warehouse,
            )?;
            let right = with(&evaluation.key, [&Some(truth.clone()), &None]);
            let right = of_rows(context, node, model, evaluation, &right, warehouse)?;
            Ok(joined(context, node, evaluation, truth, given, &right))
        }
        truth => {
            let columns = columns(evaluation, task);
            let rows = of_rows(context, node, model, evaluation, &columns, warehouse)?;
            let truths = truth.as_ref().map(|truth| {
                let right = rows.iter().map(|row| row.get(truth).cloned().unwrap_or_default());
                right.collect()
            });
            Ok(Rows { rows, truths })
        }
    }
}

/// The model's rows with the right answers to them. A row that has none is not measured, and neither is a right answer
/// without a row; the latter is told.
fn joined(
    context: &Context<'_>,
    node: &Node,
    evaluation: &Evaluation,
    truth: &str,
    given: Vec<Row>,
    right: &[Row],
) -> Rows {
    let mut by_key: HashMap<Vec<String>, Vec<&Value>> = HashMap::new();
    for row in right {
        if let (Some(key), Some(value)) = (key_of(row, &evaluation.key), row.get(truth)) {
            by_key.entry(key).or_default().push(value);
        }
    }
    let mut met: BTreeSet<Vec<String>> = BTreeSet::new();
    let mut rows = Vec::new();
    let mut truths = Vec::new();
    for row in given {
        let Some(key) = key_of(&row, &evaluation.key) else {
            continue;
        };
        let Some(values) = by_key.get(&key) else { continue };
        for value in values {
            rows.push(row.clone());
            truths.push((*value).clone());
        }
        met.insert(key);
    }
    let alone = by_key.len() - met.len();
    if alone > 0 {
        context.note(
            Some(&node.id),
            format!("{alone} right answers are to rows that the model doesn't have"),
        );
    }
    Rows {
        rows,
        truths: Some(truths),
    }
}

/// The values of the key as text, so that a number of a file is that of a database. None where one is null.
fn key_of(row: &Row, key: &[String]) -> Option<Vec<String>> {
    let text = |column: &String| match row.get(column)? {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    };
    key.iter().map(text).collect()
}

/// Columns and some more, each once.
fn with(columns: &[String], more: [&Option<String>; 2]) -> Vec<String> {
    let mut all = columns.to_vec();
    for name in more.into_iter().flatten() {
        if !all.contains(name) {
            all.push(name.clone());
        }
    }
    all
}

/// The columns that are read: those of the task, the right answers, the answers and their confidence, each once.
fn columns(evaluation: &Evaluation, task: Option<&Task>) -> Vec<String> {
    let mut columns: Vec<String> = Vec::new();
    if evaluation.prediction.is_none() {
        columns.extend(task.map(Task::columns).unwrap_or_default());
    }
    let columns = with(&columns, [&evaluation.truth, &evaluation.prediction]);
    with(&columns, [&evaluation.confidence, &None])
}

/// The rows that an evaluation names, with these columns.
fn of_rows(
    context: &Context<'_>,
    node: &Node,
    model: &Node,
    evaluation: &Evaluation,
    columns: &[String],
    warehouse: &mut dyn Warehouse,
) -> Result<Vec<Row>, RunError> {
    if let EvaluationRows::File { path, format } = &evaluation.rows {
        return of_file(context, path, *format, columns);
    }
    of_relation(context, node, model, evaluation, &evaluation.rows, columns, warehouse)
}

/// The relation that rows are in.
fn relation(context: &Context<'_>, model: &Node, rows: &EvaluationRows) -> Result<RelationName, RunError> {
    let mut part = None;
    let id = match rows {
        EvaluationRows::Reference(Reference::Model { name }) => {
            let (name, asked) = name.split_once('.').unwrap_or((name, ""));
            part = Part::named(asked);
            context.dag.referable(name).map(|node| node.id.clone())
        }
        EvaluationRows::Reference(Reference::Source { source, table }) => Some(NodeId::new(
            ResourceType::Source,
            &context.dag.project.settings.name,
            &[source, table],
        )),
        _ => Some(model.id.clone()),
    };
    let relation = id.and_then(|id| context.dag.relation(id.as_str()));
    let relation = relation.ok_or_else(|| RunError::NotPossible {
        node: model.name.to_string(),
        reason: "is not stored, and can't be evaluated".to_owned(),
        hint: Some("evaluate a model that is a view or a table".to_owned()),
    })?;
    Ok(part.map_or_else(|| relation.clone(), |part| part.relation(relation)))
}

/// The rows of a relation, with these columns. The condition of the evaluation is one of the rows with answers: where
/// there is a key, those of the model, else those that are named.
fn of_relation(
    context: &Context<'_>,
    node: &Node,
    model: &Node,
    evaluation: &Evaluation,
    of: &EvaluationRows,
    columns: &[String],
    warehouse: &mut dyn Warehouse,
) -> Result<Vec<Row>, RunError> {
    let relation = relation(context, model, of)?;
    let there: Vec<String> = warehouse
        .columns(&relation)?
        .into_iter()
        .map(|column| column.name)
        .collect();
    check(node, &relation, columns, &there, warehouse.dialect())?;
    let is_of_answers = evaluation.key.is_empty() || *of == EvaluationRows::Model;
    let mut columns = columns.to_vec();
    if is_of_answers && super::verdicts::may_be_there(context, model, evaluation) {
        // Which text was asked isn't known of a row: any of its columns may be it.
        columns = there
            .iter()
            .fold(columns, |all, column| with(&all, [&Some(column.clone()), &None]));
    }
    let list: Vec<String> = columns.iter().map(|column| quote::identifier(column)).collect();
    let condition = evaluation.config.condition.as_deref().filter(|_| is_of_answers);
    let condition = condition
        .map(|condition| format!(" WHERE {condition}"))
        .unwrap_or_default();
    let found = warehouse.rows(&format!(
        "SELECT {} FROM {}{condition}",
        list.join(", "),
        quote::relation(&relation)
    ))?;
    Ok(found
        .iter()
        .map(|row| {
            let cells = columns
                .iter()
                .cloned()
                .zip(row.iter().map(refuel_warehouse::Value::to_json));
            cells.collect()
        })
        .collect())
}

/// Refuses a column that a relation doesn't have. One that is not there has its own error.
fn check(
    node: &Node,
    relation: &RelationName,
    columns: &[String],
    there: &[String],
    dialect: Dialect,
) -> Result<(), RunError> {
    let is_there = |column: &str| {
        there.iter().any(|there| match dialect {
            Dialect::Sqlite => there.eq_ignore_ascii_case(column),
            Dialect::Postgres => there == column,
        })
    };
    match columns.iter().find(|column| !there.is_empty() && !is_there(column)) {
        None => Ok(()),
        Some(column) => {
            let names = there.iter().map(String::as_str);
            let near = refuel_dag::nearest(column, names.clone());
            Err(RunError::NotPossible {
                node: node.name.to_string(),
                reason: format!("reads the column \"{column}\", which {relation} doesn't have"),
                hint: Some(match near {
                    Some(near) => format!("did you mean \"{near}\"?"),
                    None => format!("its columns are {}", names.collect::<Vec<_>>().join(", ")),
                }),
            })
        }
    }
}

/// The rows of a file.
fn of_file(context: &Context<'_>, path: &str, format: Format, columns: &[String]) -> Result<Vec<Row>, RunError> {
    let format = match format {
        Format::Csv => refuel_tables::Format::Csv,
        Format::Tsv => refuel_tables::Format::Tsv,
        Format::Jsonl => refuel_tables::Format::Jsonl,
        Format::Parquet => refuel_tables::Format::Parquet,
    };
    let input = refuel_tables::Input::new(&context.dag.project.root.join(path));
    let mut reader = refuel_tables::open(&input, refuel_tables::Layout::new(format, None), columns)?;
    let mut rows = Vec::new();
    while let Some(chunk) = reader.next_chunk(2048)? {
        rows.extend((0..chunk.rows()).map(|row| chunk.record(row)));
    }
    Ok(rows)
}
