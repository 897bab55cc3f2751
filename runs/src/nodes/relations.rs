//! Tasks over whole relations: their results, kept in tables that queries read.
//!
//! A table is named after the task and after a digest of all that decides what is in it: the task, the model, and the rows
//! of the relation. What is as it was is not computed again, and a table that nothing reads any more is dropped like those
//! of answers.

use std::ops::ControlFlow;
use std::sync::PoisonError;

use refuel_dag::Node;
use refuel_relations::{Relation, RelationError, Resolving, digest, repair};
use refuel_staging::{Asked, Call, Computed, RelationName};
use refuel_task::{Kind, Task};
use refuel_warehouse::{Dialect, Value, Warehouse, WarehouseError};

use crate::connections::Session;
use crate::context::{Context, Scope};
use crate::error::RunError;
use crate::inference::{AskedTask, note_table, table_named};
use crate::{quote, words};

/// Columns of a table of results, with their types.
fn columns(kind: Kind, dialect: Dialect) -> &'static [(&'static str, &'static str)] {
    match (kind == Kind::RESOLVE, dialect) {
        (true, Dialect::Sqlite) => &[
            ("record_key", "TEXT NOT NULL PRIMARY KEY"),
            ("entity_id", "INTEGER NOT NULL"),
            ("is_canonical", "BOOLEAN NOT NULL"),
            ("confidence", "REAL NOT NULL"),
            ("canonical", "TEXT NOT NULL"),
        ],
        (true, Dialect::Postgres) => &[
            ("record_key", "text NOT NULL PRIMARY KEY"),
            ("entity_id", "bigint NOT NULL"),
            ("is_canonical", "boolean NOT NULL"),
            ("confidence", "real NOT NULL"),
            ("canonical", "jsonb NOT NULL"),
        ],
        (false, _) => &[
            ("record_key", "TEXT NOT NULL"),
            ("column_name", "TEXT NOT NULL"),
            ("value", "TEXT"),
            ("proposed", "TEXT"),
            ("confidence", "REAL NOT NULL"),
            ("evidence", "TEXT NOT NULL"),
            ("remedy", "TEXT NOT NULL"),
        ],
    }
}

/// The query for the rows of a relation, of which a task reads its own columns.
pub(crate) fn rows_query(relation: &RelationName) -> String {
    format!("SELECT * FROM {}", quote::relation(relation))
}

/// The name of the model that makes the vectors of a relation's records; none where the task asks for none.
pub(crate) fn model_of(asked: &AskedTask) -> Option<String> {
    asked.task.model.as_ref().map(|_| asked.answerer.model().to_owned())
}

/// The table that holds what comes of a task over the rows that a relation has now.
pub(crate) fn table(
    scope: &Scope<'_>,
    call: &Call,
    relation: &RelationName,
    warehouse: &mut dyn Warehouse,
) -> Result<RelationName, RunError> {
    let asked = scope.tasks.get(&call.asked)?;
    let rows = rows(&asked.task, relation, &relation.to_string(), warehouse)?;
    let hash = digest(&asked.task, Some(asked.answerer.digest()), std::slice::from_ref(&rows));
    let name = table_named(&asked.task.name, &hash[..12]);
    Ok(RelationName::new(scope.schema.as_deref(), name))
}

/// The rows of a relation as far as a task reads them, in the order of their keys. Messages call it `called`.
fn rows(
    task: &Task,
    relation: &RelationName,
    called: &str,
    warehouse: &mut dyn Warehouse,
) -> Result<Relation, RunError> {
    if task.table.as_ref().and_then(|table| table.key()).is_none() {
        return Err(RunError::NotPossible {
            node: task.name.clone(),
            reason: "names no key, and rows of a database have no places".to_owned(),
            hint: Some("name the column that tells rows apart: key: id".to_owned()),
        });
    }
    let mut whole = Relation {
        name: called.to_owned(),
        ..Relation::default()
    };
    let columns = warehouse.query(&rows_query(relation), &mut |row| {
        let text = |value: &Value| match value {
            Value::Null => None,
            other => Some(other.to_string()),
        };
        whole.rows.push(row.iter().map(text).collect());
        ControlFlow::Continue(())
    })?;
    whole.columns = columns.into_iter().map(|column| column.name).collect();
    Ok(whole.keyed(task)?)
}

/// Makes an empty table where there is none, for who only looks. Says whether there was one.
pub(crate) fn make_missing(
    scope: &Scope<'_>,
    computed: &Computed,
    warehouse: &mut dyn Warehouse,
) -> Result<bool, RunError> {
    if warehouse.relation(&computed.table)?.is_some() {
        return Ok(true);
    }
    let asked = scope.tasks.get(&computed.call.asked)?;
    make(asked.task.kind, &computed.table, false, warehouse)?;
    Ok(false)
}

/// Makes an empty table. One that is `temporary` lives and dies with its connection.
pub(crate) fn make(
    kind: Kind,
    table: &RelationName,
    temporary: bool,
    warehouse: &mut dyn Warehouse,
) -> Result<(), RunError> {
    let columns: Vec<String> = columns(kind, warehouse.dialect())
        .iter()
        .map(|(name, of)| format!("{name} {of}"))
        .collect();
    warehouse.execute(&format!(
        "CREATE {}TABLE {} ({})",
        if temporary { "TEMPORARY " } else { "" },
        quote::relation(table),
        columns.join(", ")
    ))?;
    Ok(())
}

/// Computes what a query reads, where it isn't there yet.
pub(crate) fn compute(
    context: &Context<'_>,
    node: &Node,
    computed: &Computed,
    session: &mut Session<'_>,
) -> Result<(), RunError> {
    let asked = context.tasks.get(&computed.call.asked)?;
    // Another model with the same call waits here, and finds the table made.
    let lock = context.tables.named(&computed.table.name);
    let _alone = session.without_permit(|| lock.lock().unwrap_or_else(PoisonError::into_inner));
    if session.warehouse()?.relation(&computed.table)?.is_some() {
        return Ok(());
    }
    let called = computed.relation.to_string();
    let relation = rows(&asked.task, &computed.relation, &called, session.warehouse()?)?;
    let made = session.without_permit(|| result(context, &asked.task, &relation))?;
    context.note(Some(&node.id), format!("{}: {}", asked.task.name, made.words));
    let (table, project) = (&computed.table, &context.dag.project.settings.name);
    super::model::in_transaction(session.warehouse()?, |warehouse| {
        made.keep(asked.task.kind, table, false, warehouse)?;
        note_table(warehouse, table, project, &asked.task.name)
    })
}

/// Computes what a query reads into a table that lives and dies with the connection. Messages call the relation `called`.
pub(crate) fn compute_apart(
    context: &Context<'_>,
    computed: &Computed,
    called: &str,
    session: &mut Session<'_>,
) -> Result<(), RunError> {
    let asked = context.tasks.get(&computed.call.asked)?;
    let relation = rows(&asked.task, &computed.relation, called, session.warehouse()?)?;
    let made = session.without_permit(|| result(context, &asked.task, &relation))?;
    made.keep(asked.task.kind, &computed.table, true, session.warehouse()?)
}

/// What comes of a relation.
struct Made {
    rows: Vec<Vec<Value>>,
    words: String,
}

impl Made {
    /// Puts it into a new table.
    fn keep(
        self,
        kind: Kind,
        table: &RelationName,
        temporary: bool,
        warehouse: &mut dyn Warehouse,
    ) -> Result<(), RunError> {
        make(kind, table, temporary, warehouse)?;
        let names: Vec<&str> = columns(kind, warehouse.dialect())
            .iter()
            .map(|(name, _)| *name)
            .collect();
        let mut rows = self.rows.into_iter().map(Ok::<_, WarehouseError>);
        warehouse.insert(table, &names, &mut rows)?;
        Ok(())
    }
}

fn result(context: &Context<'_>, task: &Task, relation: &Relation) -> Result<Made, RunError> {
    if task.kind == Kind::REPAIR {
        let repaired = repair(task, relation)?;
        let words = format!(
            "{} of {} look wrong",
            words::count(repaired.report.cells as u64, "cell"),
            words::count(repaired.report.rows as u64, "row")
        );
        let text = |text: &str| Value::Text(text.to_owned());
        let rows = repaired.rows.iter().map(|row| {
            vec![
                text(&row.record_key),
                text(&row.column_name),
                row.value.as_deref().map_or(Value::Null, text),
                row.proposed.as_deref().map_or(Value::Null, text),
                Value::Real(f64::from(row.confidence)),
                text(&row.evidence),
                text(row.remedy.word()),
            ]
        });
        return Ok(Made {
            rows: rows.collect(),
            words,
        });
    }
    let relations = std::slice::from_ref(relation);
    let resolving = Resolving::new(task, relations)?;
    let vectors = match &task.model {
        Some(model) => Some(embed(context, &model.to_string(), &resolving.texts())?),
        None => None,
    };
    let resolved = match resolving.resolve(vectors, &|_, _, _| !context.cancel.is_cancelled()) {
        Err(error) if error.is_cancelled() => return Err(RunError::Cancelled),
        resolved => resolved?,
    };
    let report = &resolved.report;
    let recall = report.estimated_recall.map_or_else(String::new, |share| {
        format!(", blocking found an estimated {:.1} % of the matches", 100.0 * share)
    });
    let words = format!(
        "{} are {}{recall}",
        words::count(resolved.rows.len() as u64, "record"),
        if report.entities == 1 {
            "1 entity".to_owned()
        } else {
            format!("{} entities", report.entities)
        },
    );
    let rows = resolved.rows.iter().map(|row| {
        vec![
            Value::Text(row.record_key.clone()),
            Value::Integer(row.entity_id),
            Value::Boolean(row.is_canonical),
            Value::Real(f64::from(row.confidence)),
            Value::Json(serde_json::Value::Object(resolved.canonical(row).clone()).to_string()),
        ]
    });
    Ok(Made {
        rows: rows.collect(),
        words,
    })
}

/// The vectors of texts, by the engine that answers `refuel_embed`.
fn embed(context: &Context<'_>, model: &str, texts: &[String]) -> Result<Vec<Vec<f32>>, RunError> {
    let asked = context.tasks.get(&Asked::Embed {
        model: model.to_owned(),
    })?;
    Ok(refuel_relations::embed(texts, |_, inputs| {
        asked.answerer.answer(inputs, context.cancel, &mut |_| {})
    })?)
}

impl From<RelationError> for RunError {
    fn from(error: RelationError) -> Self {
        Self::Relation(Box::new(error))
    }
}
