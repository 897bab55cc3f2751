//! Rows whose answer is a person's: a measure of the model leaves them out.

use std::collections::BTreeSet;
use std::sync::Arc;

use refuel_dag::Node;
use refuel_project::{Evaluation, EvaluationRows};
use refuel_state::Input;
use refuel_task::{InputHash, Task};
use serde_json::Value;

use super::rows::Row;
use crate::context::Context;
use crate::error::RunError;
use crate::inference::render;

/// Whether people may have given some of the answers in a table that an evaluation reads them from.
pub(super) fn may_be_there(context: &Context<'_>, model: &Node, evaluation: &Evaluation) -> bool {
    let is_table = !matches!(evaluation.rows, EvaluationRows::File { .. }) || !evaluation.key.is_empty();
    is_table && evaluation.prediction.is_some() && !tasks(context, model, evaluation).is_empty()
}

/// Of each row, whether a person gave its answer. None where nobody has given any.
///
/// Which text a row's answer is to isn't kept with the row: it is looked for in all of its columns. A model that asks of
/// something else than it shows, such as `lower(body)` beside `body`, hides it, and that is told.
pub(super) fn known(
    context: &Context<'_>,
    model: &Node,
    evaluation: &Evaluation,
    rows: &[Row],
) -> Result<Vec<bool>, RunError> {
    if !may_be_there(context, model, evaluation) {
        return Ok(Vec::new());
    }
    let mut known = vec![false; rows.len()];
    for task in tasks(context, model, evaluation) {
        let mut asked: Vec<(usize, InputHash)> = Vec::new();
        for (at, row) in rows.iter().enumerate() {
            asked.extend(hashes(&task, row).into_iter().map(|hash| (at, hash)));
        }
        let hashes: Vec<InputHash> = asked.iter().map(|(_, hash)| *hash).collect();
        let verdicts = context.state.verdicts(&task.name, &hashes)?;
        let mut is_any = false;
        for ((at, _), verdict) in asked.iter().zip(verdicts) {
            known[*at] |= verdict.is_some();
            is_any |= verdict.is_some();
        }
        if !is_any && !rows.is_empty() {
            context.note(
                Some(&model.id),
                format!(
                    "people gave verdicts on \"{}\", and none of them is to a text in the rows of an evaluation: if the model \
                     asks of something that it doesn't show, their answers are measured with the others",
                    task.name
                ),
            );
        }
    }
    Ok(known)
}

/// The tasks that gave the answers, as far as there are verdicts on them.
fn tasks(context: &Context<'_>, model: &Node, evaluation: &Evaluation) -> Vec<Arc<Task>> {
    let names: BTreeSet<&str> = match (&evaluation.task, model.model()) {
        (Some(task), _) => [task.as_str()].into(),
        (None, Some(model)) => {
            let asked = model.calls.iter().filter_map(|call| match &call.asked {
                refuel_staging::Asked::Task { name, .. } => Some(name.as_str()),
                _ => None,
            });
            asked.collect()
        }
        (None, None) => BTreeSet::new(),
    };
    names
        .into_iter()
        .filter(|name| context.verdicts_of(name) > 0)
        .filter_map(|name| context.dag.project.tasks.get(name))
        .map(|file| Arc::clone(&file.task))
        .collect()
}

/// Every input of a task that a row could be: its columns together, and where the task reads one text, each of them.
fn hashes(task: &Task, row: &Row) -> BTreeSet<InputHash> {
    let whole = task.render_input(row).ok().map(|rendered| rendered.hash());
    let is_lone = task.columns().len() == 1 && !task.input.is_two();
    let texts = row.values().filter_map(|value| match value {
        Value::String(text) if is_lone => Some(text.clone()),
        _ => None,
    });
    let alone = texts.filter_map(|text| render(task, &Input::One(text)).ok());
    whole.into_iter().chain(alone.map(|rendered| rendered.hash())).collect()
}
