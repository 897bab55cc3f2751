//! Answers in a unit test: those that it gives, and the model's for the rest.

use std::cell::RefCell;
use std::collections::BTreeMap;

use refuel_project::{ScriptedAnswer, UnitTest};
use refuel_staging::{Analyzed, AnswerTables, Asked, Call, Placement, RelationName, Stage};
use refuel_state::Input;
use refuel_task::{Answer, InputHash, RenderedInput, Source, Status, Task};
use serde_json::Value;

use crate::connections::Session;
use crate::context::Context;
use crate::error::RunError;
use crate::inference::{AnswerRow, AnswerTable, ask_few, input_of, render};
use crate::nodes::relations;
use crate::report::NodeReport;

use super::diff::equal_records;

/// Tables of answers that are the test's own.
#[derive(Default)]
struct OwnTables {
    names: RefCell<BTreeMap<(Asked, u8), RelationName>>,
    /// What comes of tasks over whole relations, by the task and the relation.
    computed: RefCell<BTreeMap<(Asked, RelationName), RelationName>>,
    columns: BTreeMap<RelationName, Vec<String>>,
}

impl AnswerTables for OwnTables {
    fn place(&self, asked: &Asked, arguments: u8) -> Placement {
        let mut names = self.names.borrow_mut();
        let number = names.len() + 1;
        let name = names
            .entry((asked.clone(), arguments))
            .or_insert_with(|| RelationName::new(None, format!("_refuel_unit_{number}")));
        Placement::Table(name.clone())
    }

    fn relation(&self, call: &Call, relation: &RelationName) -> Option<RelationName> {
        let mut computed = self.computed.borrow_mut();
        let number = computed.len() + 1;
        let name = computed
            .entry((call.asked.clone(), relation.clone()))
            .or_insert_with(|| RelationName::new(None, format!("_refuel_unit_of_relation_{number}")));
        Some(name.clone())
    }

    fn columns(&self, relation: &RelationName) -> Option<Vec<String>> {
        self.columns.get(relation).cloned()
    }
}

/// Answers the calls of a query in temporary tables, and gives the query that looks them up. What a task makes of a whole
/// relation is computed from the rows that the test gives; `called` says whose rows a table holds.
pub(super) fn resolve(
    context: &Context<'_>,
    unit: &UnitTest,
    sql: &str,
    called: &dyn Fn(&RelationName) -> String,
    session: &mut Session<'_>,
    report: &mut NodeReport,
) -> Result<String, RunError> {
    if !sql.to_ascii_lowercase().contains("refuel_") {
        return Ok(sql.to_owned());
    }
    let analyzed = Analyzed::parse(sql, context.dag.dialect())?;
    if analyzed.calls().is_empty() {
        return Ok(sql.to_owned());
    }
    let mut tables = OwnTables::default();
    for (relation, _) in analyzed.relations() {
        let columns = session.warehouse()?.columns(relation)?;
        if !columns.is_empty() {
            let names = columns.into_iter().map(|column| column.name).collect();
            tables.columns.insert(relation.clone(), names);
        }
    }
    let plan = analyzed.stage(&tables)?;
    for computed in &plan.relations {
        relations::compute_apart(context, computed, &called(&computed.relation), session)?;
    }
    for stage in &plan.stages {
        answer(context, unit, stage, session, report)?;
    }
    Ok(plan.sql)
}

fn answer(
    context: &Context<'_>,
    unit: &UnitTest,
    stage: &Stage,
    session: &mut Session<'_>,
    report: &mut NodeReport,
) -> Result<(), RunError> {
    let asked = context.tasks.get(&stage.asked)?;
    let table = AnswerTable {
        temporary: true,
        ..AnswerTable::of(stage)
    };
    let warehouse = session.warehouse()?;
    table.make(warehouse, &asked.task)?;
    let inputs: Vec<Input> = warehouse
        .rows(&stage.inputs)?
        .iter()
        .filter_map(|row| input_of(row))
        .collect();
    let name = stage.asked.name();
    // A confidence that a test gives is what becomes of the model's.
    let as_scripted = Task {
        calibrated: None,
        ..Task::clone(&asked.task)
    };
    let mut rows: Vec<(Input, InputHash, AnswerRow)> = Vec::with_capacity(inputs.len());
    let mut open: Vec<(Input, RenderedInput)> = Vec::new();
    for input in inputs {
        let scripted = unit
            .answers
            .iter()
            .find(|answer| is_of(&answer.task, &name) && is_same(&answer.input, &input));
        match (scripted, render(&asked.task, &input)) {
            (Some(scripted), _) => {
                let hash = RenderedInput::text(&serde_json::json!(input).to_string()).hash();
                let mut row = AnswerRow::new(&as_scripted, Some(&scripted_answer(scripted, &asked.task)), None);
                row.score = scripted.score.or(row.score);
                rows.push((input, hash, row));
            }
            (None, Ok(rendered)) => open.push((input, rendered)),
            (None, Err(error)) => {
                let hash = RenderedInput::text(&serde_json::json!(input).to_string()).hash();
                let answer = Answer::unasked(asked.answerer.model(), error.to_string());
                rows.push((input, hash, AnswerRow::new(&asked.task, Some(&answer), None)));
            }
        }
    }
    let (answers, counts) = ask_few(context, usize::MAX, &asked, &open, session)?;
    report.count(&counts);
    for ((input, rendered), answer) in open.into_iter().zip(answers) {
        let row = AnswerRow::new(&asked.task, Some(&answer), None);
        rows.push((input, rendered.hash(), row));
    }
    table.add(session.warehouse()?, asked.task.kind, &rows, false)
}

/// Whether a test's answer is of this task: by its name, with or without the version that the call names.
fn is_of(scripted: &str, called: &str) -> bool {
    scripted == called || called.split_once('@').is_some_and(|(name, _)| name == scripted)
}

/// Whether a test's input is this one: a text, a list of two texts, or a map of columns.
fn is_same(scripted: &Value, input: &Input) -> bool {
    match (scripted, input) {
        (Value::String(text), Input::One(input)) => text.trim() == input.trim(),
        (Value::Object(columns), Input::One(input)) => serde_json::from_str::<Value>(input)
            .is_ok_and(|input| input.as_object().is_some_and(|input| equal_records(columns, input))),
        (Value::Array(sides), Input::Two(a, b)) => match sides.as_slice() {
            [Value::String(left), Value::String(right)] => left.trim() == a.trim() && right.trim() == b.trim(),
            _ => false,
        },
        (Value::Number(number), Input::One(input)) => input.trim() == number.to_string(),
        _ => false,
    }
}

/// The answer that a test gives, as a model would have given it.
fn scripted_answer(scripted: &ScriptedAnswer, task: &Task) -> Answer {
    if let Some(reason) = &scripted.error {
        return Answer::error("test", reason.clone());
    }
    let value = if scripted.value.is_null() {
        Value::Null
    } else {
        let own = task.normalize_expected(&scripted.value);
        own.unwrap_or_else(|_| scripted.value.clone())
    };
    let abstained = value.is_null() && !task.kind.takes_null();
    Answer {
        status: if abstained { Status::Abstained } else { Status::Ok },
        value,
        confidence: Some(scripted.confidence),
        raw_confidence: Some(scripted.confidence),
        reason: None,
        source: Source::Rule,
        ..Answer::error("test", "")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn inputs_of_a_test_are_texts_pairs_or_rows() {
        assert!(is_same(&json!("late again"), &Input::One(" late again\n".into())));
        assert!(is_same(&json!(["a", "b"]), &Input::Two("a".into(), "b".into())));
        assert!(!is_same(&json!(["b", "a"]), &Input::Two("a".into(), "b".into())));
        assert!(is_same(
            &json!({"subject": "order", "body": 7}),
            &Input::One(r#"{"body": 7, "subject": "order"}"#.into())
        ));
        assert!(is_of("topic", "topic@2") && is_of("topic", "topic") && !is_of("topic", "topics"));
    }
}
