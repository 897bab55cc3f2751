//! Tasks over whole relations: whether what comes of one is kept or computed, why, and what it says of one record.

use refuel_dag::diff::Snapshot;
use refuel_dag::{Detail, ModelNode, Node};
use refuel_staging::Computed;
use refuel_task::Kind;
use refuel_warehouse::Value as Cell;
use serde::Serialize;
use serde_json::{Map, Value};

use super::{changed_keys, day, impossible};
use crate::connections::Session;
use crate::context::Scope;
use crate::error::RunError;
use crate::inference::AskedTask;
use crate::nodes::relations;
use crate::quote;
use crate::versions::{self, TaskChange};

/// The column by which results name their records.
const RECORD_KEY: &str = "record_key";

/// Rows of a result that are shown.
const MOST_ROWS: usize = 50;

/// A task over a whole relation that a model reads the result of.
#[derive(Debug, Clone, Serialize)]
pub struct ExplainedRelation {
    /// The function.
    pub function: String,
    /// The task.
    pub task: String,
    /// The relation, quoted.
    pub reads: String,
    /// Its rows.
    pub rows: u64,
    /// Fingerprint of the task as it is.
    pub fingerprint: String,
    /// `name@digest` of the model that makes vectors; none where the task names none.
    pub model: Option<String>,
    /// The table of what comes of these rows, quoted.
    pub table: String,
    /// Whether it is there, so that the next run computes nothing.
    pub is_kept: bool,
    /// What it says of the record: its row, and for `refuel_resolve` the other records of its entity; for `refuel_repair`
    /// a row for each of its cells that looks wrong.
    pub found: Vec<Map<String, Value>>,
    /// Whether the record was looked for: by its key, in a result that is there.
    pub is_looked_up: bool,
    /// What would happen in the next run, and why, in sentences.
    pub why: Vec<String>,
}

/// The row that is explained.
pub(super) struct Row<'a> {
    /// Its model.
    pub(super) node: &'a Node,
    /// The column that it is found by.
    pub(super) column: &'a str,
    /// The value there.
    pub(super) key: &'a str,
}

/// Whether what is explained is about the row that was asked for. A repair says nothing of records that look right.
pub(super) fn tells(explained: &ExplainedRelation) -> bool {
    !explained.is_looked_up || !explained.found.is_empty() || explained.function == "refuel_repair"
}

/// Refuses a model that applies a task to a relation that isn't there.
pub(super) fn refuse_missing(
    scope: &Scope<'_>,
    node: &Node,
    model: &ModelNode,
    session: &mut Session<'_>,
) -> Result<(), RunError> {
    if !model.calls.iter().any(|call| call.function.is_of_relations()) {
        return Ok(());
    }
    for id in &node.depends_on {
        let parent = scope.node(id.as_str())?;
        if let Some(relation) = &parent.relation
            && session.warehouse()?.relation(relation)?.is_none()
        {
            return Err(impossible(
                node,
                &format!("reads {}, which has not been built", parent.name),
                "build it first",
            ));
        }
    }
    Ok(())
}

/// Explains what comes of a relation.
pub(super) fn explained(
    scope: &Scope<'_>,
    computed: &Computed,
    row: &Row<'_>,
    snapshot: Option<&Snapshot>,
    session: &mut Session<'_>,
) -> Result<ExplainedRelation, RunError> {
    let asked = scope.tasks.get(&computed.call.asked)?;
    let warehouse = session.warehouse()?;
    let name = quote::relation(&computed.relation);
    let rows = warehouse.value(&format!("SELECT count(*) FROM {name}"))?;
    let is_kept = warehouse.relation(&computed.table)?.is_some();
    let key = asked.task.table.as_ref().and_then(|table| table.key());
    let is_key = |column: &str| row.column.eq_ignore_ascii_case(column);
    let is_looked_up = is_kept && (is_key(RECORD_KEY) || key.is_some_and(is_key));
    Ok(ExplainedRelation {
        function: computed.call.function.to_string(),
        task: asked.task.name.clone(),
        rows: rows.and_then(|rows| rows.as_integer()).unwrap_or(0) as u64,
        fingerprint: asked.answerer.fingerprint().to_owned(),
        model: relations::model_of(&asked),
        table: quote::relation(&computed.table),
        found: if is_looked_up {
            found(&asked, computed, row.key, session)?
        } else {
            Vec::new()
        },
        why: why(scope, &asked, computed, row.node, is_kept, snapshot)?,
        reads: name,
        is_kept,
        is_looked_up,
    })
}

/// What a result says of a record.
fn found(
    asked: &AskedTask,
    computed: &Computed,
    key: &str,
    session: &mut Session<'_>,
) -> Result<Vec<Map<String, Value>>, RunError> {
    let table = quote::relation(&computed.table);
    let is_record = format!("{RECORD_KEY} = {}", quote::text(key));
    let (condition, order) = if asked.task.kind == Kind::RESOLVE {
        (
            format!("entity_id IN (SELECT entity_id FROM {table} WHERE {is_record})"),
            format!("CASE WHEN {is_record} THEN 0 ELSE 1 END, {RECORD_KEY}"),
        )
    } else {
        (is_record, "column_name".to_owned())
    };
    let sql = format!("SELECT * FROM {table} WHERE {condition} ORDER BY {order} LIMIT {MOST_ROWS}");
    let mut rows: Vec<Vec<Value>> = Vec::new();
    let columns = session.warehouse()?.query(&sql, &mut |row| {
        rows.push(row.iter().map(Cell::to_json).collect());
        std::ops::ControlFlow::Continue(())
    })?;
    let named = |row: Vec<Value>| columns.iter().map(|column| column.name.clone()).zip(row).collect();
    Ok(rows.into_iter().map(named).collect())
}

/// Why a result is computed, or not.
fn why(
    scope: &Scope<'_>,
    asked: &AskedTask,
    computed: &Computed,
    node: &Node,
    is_kept: bool,
    snapshot: Option<&Snapshot>,
) -> Result<Vec<String>, RunError> {
    let before = scope.previous.get(node.id.as_str());
    let table = &computed.table.name;
    let same = before.filter(|before| before.answer_tables.contains(table));
    if is_kept {
        let when = same.map_or_else(String::new, |before| {
            format!(", which {} read on {}", node.name, day(before.at))
        });
        return Ok(vec![format!(
            "nothing is computed: the result for these rows, this task and its model is kept{when}"
        )]);
    }
    if same.is_some() {
        return Ok(vec![
            "it is computed again: task, model and rows are as before, and the table of the result is gone".to_owned(),
        ]);
    }
    // The name of a table is that of its task with a digest behind.
    let of_task = table.rsplit_once('_').map_or(table.as_str(), |(task, _)| task);
    let before = before.filter(|before| {
        let mut tables = before.answer_tables.iter();
        tables.any(|table| table.rsplit_once('_').is_some_and(|(task, _)| task == of_task))
    });
    let Some(before) = before else {
        return Ok(vec![format!(
            "it is computed: {} has never been built with this task over it",
            node.name
        )]);
    };
    let own = scope.dag.nodes.values().find_map(|node| match &node.detail {
        Detail::Task(of) if of.task.name == asked.task.name => Some((node, of)),
        _ => None,
    });
    let change = match own {
        Some((task, of)) => {
            let now = versions::of_task_node(scope, task, of)?;
            let then = before.inputs.get(task.id.as_str());
            then.and_then(|then| TaskChange::between(then, &now))
        }
        None => None,
    };
    let mut changed = Vec::new();
    if change.is_some_and(|change| change.task) {
        let keys = changed_keys(asked, snapshot);
        changed.push(if keys.is_empty() {
            "the task has changed".to_owned()
        } else {
            format!("the task has changed ({})", keys.join(", "))
        });
    }
    if change.is_some_and(|change| change.model) {
        changed.push(format!("the model is another ({})", asked.answerer.model()));
    }
    if changed.is_empty() {
        changed.push(format!(
            "the rows of {} have changed, in columns that the task reads",
            computed.relation
        ));
    }
    Ok(vec![format!(
        "it is computed again: since {} {}",
        day(before.at),
        changed.join(", and ")
    )])
}
