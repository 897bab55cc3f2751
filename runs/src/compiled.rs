//! What a run sends to a target for a model: the stages that answer its calls, and the query that looks them up.

use std::cell::RefCell;
use std::collections::HashMap;

use refuel_dag::{Node, NodeId, RenderMode};
use refuel_engine::Cancel;
use refuel_staging::{Analyzed, AnswerTables, Asked, Call, Computed, Placement, Plan, RelationName};
use serde::Serialize;

use crate::connections::Session;
use crate::context::Scope;
use crate::error::RunError;
use crate::inference::table_named;
use crate::models::is_missing;
use crate::nodes::{Tables, gates, relations};
use crate::quote;
use crate::workspace::Workspace;

/// What stands at the end of a table's name where the model that it belongs to isn't on this machine.
const UNKNOWN_END: &str = "unknown";

/// One step before a query: the distinct inputs of a call that have no answer yet are selected and asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CompiledStage {
    /// The function of the first call that needs these answers.
    pub function: &'static str,
    /// The task, or the model where the call names one.
    pub task: String,
    /// `name@digest` of the model that answers; none where it isn't on this machine.
    pub model: Option<String>,
    /// The stages, from 1, that are answered before.
    pub after: Vec<usize>,
    /// The table that answers are kept in and looked up in, quoted.
    pub table: String,
    /// The query for the inputs.
    pub inputs: String,
}

/// A task over a whole relation, which is computed before anything else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CompiledRelation {
    /// The function.
    pub function: &'static str,
    /// The task.
    pub task: String,
    /// `name@digest` of the model that makes vectors; none where the task names none, or where it isn't on this machine.
    pub model: Option<String>,
    /// The query for the rows.
    pub rows: String,
    /// The table that the result is kept in, quoted. Its name says of which rows it is, and ends in `_unknown` where the
    /// relation or the model isn't there.
    pub table: String,
    /// Whether that table is there already.
    pub is_kept: bool,
}

/// A query of a model, as it is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CompiledQuery {
    /// Whether it is the one that adds rows to an incremental model, rather than the one that makes all of them.
    pub incremental: bool,
    /// What is computed of whole relations first.
    pub relations: Vec<CompiledRelation>,
    /// The stages, in the order in which they are answered. None where the extension answers calls, or there are none.
    pub stages: Vec<CompiledStage>,
    /// The query behind them.
    pub sql: String,
    /// Why the query could not be cut into stages, so that `sql` is as it is written.
    pub unknown: Option<String>,
}

/// What is sent for a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CompiledNode {
    /// The node.
    pub node: NodeId,
    /// Its name.
    pub name: String,
    /// Its file, from the project's folder.
    pub path: String,
    /// The relation that the rows are kept in, quoted; none for tests and for what is put into other queries.
    pub relation: Option<String>,
    /// Whether the extension answers its calls, so that the SQL runs as it is written.
    pub as_written: bool,
    /// Its queries: that of a full build, and that of an incremental one where it is another.
    pub queries: Vec<CompiledQuery>,
}

/// What would be sent for models and tests. The target is looked at, and nothing there is changed.
///
/// # Errors
/// Where the target can't be connected to, or SQL can't be rendered or cut into stages.
pub fn compiled(workspace: &Workspace, nodes: &[NodeId], cancel: &Cancel) -> Result<Vec<CompiledNode>, RunError> {
    let scope = Scope::of(workspace, None, cancel)?;
    let mut session = scope.session()?;
    nodes
        .iter()
        .map(|id| node(&scope, scope.node(id.as_str())?, &mut session))
        .collect()
}

fn node(scope: &Scope<'_>, node: &Node, session: &mut Session<'_>) -> Result<CompiledNode, RunError> {
    let model = node.model();
    let has_incremental = model.is_some_and(|model| model.incremental.is_some());
    let mut queries = vec![query(scope, node, false, session)?];
    if has_incremental {
        queries.push(query(scope, node, true, session)?);
    }
    let gated = model.is_some_and(|model| model.gated);
    let relation = node
        .relation
        .as_ref()
        .map(|relation| quote::relation(&gates::kept(relation, gated)));
    let has_calls = model.is_some_and(|model| !model.calls.is_empty());
    Ok(CompiledNode {
        node: node.id.clone(),
        name: node.name.to_string(),
        path: node.path.to_string(),
        relation,
        as_written: scope.has_extension
            && has_calls
            && queries
                .iter()
                .all(|query| query.stages.is_empty() && query.relations.is_empty()),
        queries,
    })
}

fn query(
    scope: &Scope<'_>,
    node: &Node,
    incremental: bool,
    session: &mut Session<'_>,
) -> Result<CompiledQuery, RunError> {
    let mut compiled = CompiledQuery {
        incremental,
        relations: Vec::new(),
        stages: Vec::new(),
        sql: scope.dag.rendered_sql(node, &RenderMode::new(incremental))?,
        unknown: None,
    };
    if node.model().is_none_or(|model| model.calls.is_empty()) {
        return Ok(compiled);
    }
    let analyzed = Analyzed::parse(&compiled.sql, scope.dag.dialect())?;
    let mut known = Tables::new(scope);
    known.learn_columns(&analyzed, session)?;
    for (call, relation) in analyzed.computed() {
        let table = result_table(scope, call, relation, session)?;
        known.add_computed(call, relation, table);
    }
    let tables = Lenient {
        scope,
        known,
        failed: RefCell::default(),
        missing: RefCell::default(),
    };
    let plan = match analyzed.stage(&tables) {
        Ok(plan) => plan,
        Err(error) => {
            // Columns behind `*` are known only once what is read is built.
            compiled.unknown = Some(error.to_string());
            return Ok(compiled);
        }
    };
    if let Some(error) = tables.failed.borrow_mut().take() {
        return Err(error);
    }
    for computed in &plan.relations {
        compiled.relations.push(of_relation(scope, computed, session)?);
    }
    compiled.stages = stages(scope, &plan, &tables.missing.borrow())?;
    compiled.sql = if node.model().is_some_and(|model| model.gated) {
        match gates::query(node, &plan.sql, plan.gated.as_ref()) {
            Ok(sql) => sql,
            Err(error) => {
                compiled.unknown = Some(error.to_string());
                plan.sql
            }
        }
    } else {
        plan.sql
    };
    Ok(compiled)
}

/// The table of a result; where the relation or the model isn't there, one that stands for it.
fn result_table(
    scope: &Scope<'_>,
    call: &Call,
    relation: &RelationName,
    session: &mut Session<'_>,
) -> Result<RelationName, RunError> {
    let warehouse = session.warehouse()?;
    let unknown = || RelationName::new(scope.schema.as_deref(), table_named(&call.asked.name(), UNKNOWN_END));
    if warehouse.relation(relation)?.is_none() {
        return Ok(unknown());
    }
    match relations::table(scope, call, relation, warehouse) {
        Err(RunError::Engine(error)) if is_missing(&error) => Ok(unknown()),
        table => table,
    }
}

fn of_relation(
    scope: &Scope<'_>,
    computed: &Computed,
    session: &mut Session<'_>,
) -> Result<CompiledRelation, RunError> {
    let model = match scope.tasks.get(&computed.call.asked) {
        Ok(asked) => relations::model_of(&asked),
        Err(RunError::Engine(error)) if is_missing(&error) => None,
        Err(error) => return Err(error),
    };
    Ok(CompiledRelation {
        function: computed.call.function.name(),
        task: computed.call.asked.name(),
        model,
        rows: relations::rows_query(&computed.relation),
        table: quote::relation(&computed.table),
        is_kept: session.warehouse()?.relation(&computed.table)?.is_some(),
    })
}

fn stages(
    scope: &Scope<'_>,
    plan: &Plan,
    missing: &HashMap<Asked, RelationName>,
) -> Result<Vec<CompiledStage>, RunError> {
    plan.stages
        .iter()
        .map(|stage| {
            let model = if missing.contains_key(&stage.asked) {
                None
            } else {
                Some(scope.tasks.get(&stage.asked)?.answerer.model().to_owned())
            };
            Ok(CompiledStage {
                function: stage.function.name(),
                task: stage.task.clone(),
                model,
                after: stage.after.iter().map(|before| before + 1).collect(),
                table: quote::relation(&stage.table),
                inputs: stage.inputs.clone(),
            })
        })
        .collect()
}

/// Places calls as a run does, also those whose model isn't on this machine.
struct Lenient<'a, 'b> {
    scope: &'a Scope<'b>,
    known: Tables<'a, 'b>,
    /// The first task that couldn't be prepared for another reason.
    failed: RefCell<Option<RunError>>,
    /// What isn't on this machine, with the table that stands for the one that there would be.
    missing: RefCell<HashMap<Asked, RelationName>>,
}

impl AnswerTables for Lenient<'_, '_> {
    fn place(&self, asked: &Asked, arguments: u8) -> Placement {
        let Err(error) = self.scope.tasks.get(asked) else {
            return self.known.place(asked, arguments);
        };
        if !matches!(&error, RunError::Engine(error) if is_missing(error)) {
            self.failed.borrow_mut().get_or_insert(error);
        } else if self.scope.has_extension {
            return Placement::AsWritten;
        }
        let table = RelationName::new(self.scope.schema.as_deref(), table_named(&asked.name(), UNKNOWN_END));
        self.missing.borrow_mut().insert(asked.clone(), table.clone());
        Placement::Table(table)
    }

    fn relation(&self, call: &Call, relation: &RelationName) -> Option<RelationName> {
        self.known.relation(call, relation)
    }

    fn columns(&self, relation: &RelationName) -> Option<Vec<String>> {
        self.known.columns(relation)
    }
}
