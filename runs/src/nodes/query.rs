//! From SQL with calls to SQL that the database can run: the stages are answered, and the calls looked up.

use std::collections::{BTreeMap, HashMap};
use std::sync::PoisonError;

use refuel_dag::{Detail, Node};
use refuel_staging::{Analyzed, AnswerTables, Asked, Call, Gated, Placement, RelationName};
use refuel_task::OnError;

use crate::budget::{self, Demand};
use crate::connections::Session;
use crate::context::{Context, Scope};
use crate::error::RunError;
use crate::inference::{AnswerTable, AskedTask, StageCounts, StageRun, table_in};
use crate::report::NodeReport;

use super::trial;

/// SQL whose calls were answered.
#[derive(Debug, Clone)]
pub(crate) struct Resolved {
    /// The `SELECT`.
    pub(crate) sql: String,
    /// The same with the gate of each row, where the node's calls have one.
    pub(crate) gated: Option<Gated>,
    /// The tables of answers that it reads.
    pub(crate) tables: Vec<RelationName>,
    /// What was asked.
    pub(crate) counts: StageCounts,
}

/// Where the calls of a query are answered, for staging.
pub(crate) struct Tables<'a, 'b> {
    scope: &'a Scope<'b>,
    /// Columns of relations, as far as they could be found.
    columns: BTreeMap<RelationName, Vec<String>>,
    /// The tables of results of tasks over whole relations, by the task and the relation.
    computed: Vec<(Asked, RelationName, RelationName)>,
    /// The relations that stand for others here, which hold all the rows: whole relations are computed from those.
    whole: HashMap<RelationName, RelationName>,
    /// The first task that couldn't be prepared. Staging knows no such error.
    failed: std::cell::RefCell<Option<RunError>>,
}

impl<'a, 'b> Tables<'a, 'b> {
    /// Nothing is placed yet.
    pub(crate) fn new(scope: &'a Scope<'b>) -> Self {
        Self {
            scope,
            columns: BTreeMap::new(),
            computed: Vec::new(),
            whole: HashMap::new(),
            failed: std::cell::RefCell::default(),
        }
    }

    /// Looks up what staging needs of the database: the columns of relations, and what tasks over whole relations were
    /// computed into.
    fn learn(&mut self, analyzed: &Analyzed, session: &mut Session<'_>) -> Result<(), RunError> {
        self.learn_columns(analyzed, session)?;
        for (call, relation) in analyzed.computed() {
            let whole = self.whole.get(relation).unwrap_or(relation);
            let table = super::relations::table(self.scope, call, whole, session.warehouse()?)?;
            self.add_computed(call, relation, table);
        }
        Ok(())
    }

    /// Says where the result of a task over a whole relation is.
    pub(crate) fn add_computed(&mut self, call: &Call, relation: &RelationName, table: RelationName) {
        self.computed.push((call.asked.clone(), relation.clone(), table));
    }

    /// Looks the columns of the relations of a query up, which staging may need for `*`.
    pub(crate) fn learn_columns(&mut self, analyzed: &Analyzed, session: &mut Session<'_>) -> Result<(), RunError> {
        for (relation, _) in analyzed.relations() {
            let columns = session.warehouse()?.columns(relation)?;
            if !columns.is_empty() {
                let names = columns.into_iter().map(|column| column.name).collect();
                self.columns.insert(relation.clone(), names);
            }
        }
        Ok(())
    }

    /// What went wrong while staging asked.
    pub(crate) fn check(&self) -> Result<(), RunError> {
        self.failed.borrow_mut().take().map_or(Ok(()), Err)
    }
}

impl AnswerTables for Tables<'_, '_> {
    fn place(&self, asked: &Asked, arguments: u8) -> Placement {
        let task = match self.scope.tasks.get(asked) {
            Ok(task) => task,
            Err(error) => {
                self.failed.borrow_mut().get_or_insert(error);
                return Placement::Table(RelationName::new(None, "_refuel_unknown"));
            }
        };
        // The extension knows no verdicts: where there are some, calls are answered as where there is no extension.
        if self.scope.has_extension && self.scope.verdicts_of(&task.task.name) == 0 {
            return Placement::AsWritten;
        }
        Placement::Table(table_in(self.scope.schema.as_deref(), &task, arguments))
    }

    fn relation(&self, call: &Call, relation: &RelationName) -> Option<RelationName> {
        let mut computed = self.computed.iter();
        let found = computed.find(|(asked, of, _)| *asked == call.asked && of == relation);
        found.map(|(_, _, table)| table.clone())
    }

    fn columns(&self, relation: &RelationName) -> Option<Vec<String>> {
        self.columns.get(relation).cloned()
    }
}

/// What happens to a row of a node that a task can't answer.
pub(crate) fn on_error(node: &Node, task: &AskedTask) -> OnError {
    match &node.detail {
        Detail::Model(model) => model.config.on_error.unwrap_or(task.task.on_error),
        _ => task.task.on_error,
    }
}

/// A query that has calls, with where they are answered.
type Known<'a, 'b> = (Analyzed, Tables<'a, 'b>);

/// Reads a query and finds out where its calls are answered. None where there is no call in it.
fn read<'a, 'b>(
    scope: &'a Scope<'b>,
    sql: &str,
    whole: HashMap<RelationName, RelationName>,
    session: &mut Session<'_>,
) -> Result<Option<Known<'a, 'b>>, RunError> {
    // Parsing knows more SQL than this crate needs to, and less than the databases do: what has no call is not parsed.
    if !sql.contains("refuel_") && !sql.to_ascii_lowercase().contains("refuel_") {
        return Ok(None);
    }
    let analyzed = Analyzed::parse(sql, scope.dag.dialect())?;
    if analyzed.calls().is_empty() {
        return Ok(None);
    }
    let mut tables = Tables::new(scope);
    tables.whole = whole;
    tables.learn(&analyzed, session)?;
    Ok(Some((analyzed, tables)))
}

/// Cuts a query into stages. Where a task couldn't be prepared, that is the error.
fn cut(analyzed: &Analyzed, tables: &Tables<'_, '_>) -> Result<refuel_staging::Plan, RunError> {
    let plan = analyzed.stage(tables);
    tables.check()?;
    Ok(plan?)
}

/// Reads a query and cuts it into stages. None where there is no call in it.
pub(crate) fn stage(
    scope: &Scope<'_>,
    sql: &str,
    session: &mut Session<'_>,
) -> Result<Option<refuel_staging::Plan>, RunError> {
    stage_part(scope, sql, HashMap::new(), session)
}

/// The same for a query that reads parts of relations. `whole` says which relation each is a part of.
pub(crate) fn stage_part(
    scope: &Scope<'_>,
    sql: &str,
    whole: HashMap<RelationName, RelationName>,
    session: &mut Session<'_>,
) -> Result<Option<refuel_staging::Plan>, RunError> {
    let known = read(scope, sql, whole, session)?;
    known.map(|(analyzed, tables)| cut(&analyzed, &tables)).transpose()
}

/// Answers the calls of a query.
pub(crate) fn resolve(
    context: &Context<'_>,
    node: &Node,
    sql: &str,
    session: &mut Session<'_>,
    report: &mut NodeReport,
) -> Result<Resolved, RunError> {
    let Some((analyzed, known)) = read(context, sql, HashMap::new(), session)? else {
        return Ok(Resolved {
            sql: sql.to_owned(),
            gated: None,
            tables: Vec::new(),
            counts: StageCounts::default(),
        });
    };
    let plan = cut(&analyzed, &known)?;
    trial::check(context, node, &analyzed, &known, session)?;
    let mut counts = StageCounts::default();
    let mut tables: Vec<RelationName> = Vec::new();
    for computed in &plan.relations {
        super::relations::compute(context, node, computed, session)?;
        tables.push(computed.table.clone());
    }
    for (number, stage) in plan.stages.iter().enumerate() {
        let done = answer(context, node, number as u32, stage, session)?;
        counts.add(&done);
        report.count(&done);
        if !tables.contains(&stage.table) {
            tables.push(stage.table.clone());
        }
    }
    Ok(Resolved {
        sql: plan.sql,
        gated: plan.gated,
        tables,
        counts,
    })
}

/// Answers one stage.
fn answer(
    context: &Context<'_>,
    node: &Node,
    number: u32,
    stage: &refuel_staging::Stage,
    session: &mut Session<'_>,
) -> Result<StageCounts, RunError> {
    let asked = context.tasks.get(&stage.asked)?;
    let table = AnswerTable::of(stage);
    // Another model with the same call waits here, and finds its inputs answered. It needs no SQL meanwhile.
    let lock = context.tables.named(&stage.table.name);
    let _alone = session.without_permit(|| lock.lock().unwrap_or_else(PoisonError::into_inner));
    let mut reader = session.reader()?;
    let prepared = table.prepare(
        session.warehouse()?,
        reader.warehouse.as_mut(),
        &context.dag.project.settings.name,
        &asked,
        context.state,
        context.verdicts_of(&asked.task.name),
    );
    if let Err(error) = prepared {
        session.connections().discard(reader);
        return Err(error);
    }
    if context.request.empty {
        session.connections().give_back(reader);
        return Ok(StageCounts::default());
    }
    if let Err(error) = within_budget(context, node, stage, &asked, &mut reader) {
        session.connections().discard(reader);
        return Err(error);
    }
    let run = StageRun {
        node: &node.id,
        lane: context.dag.nodes.get_index_of(node.id.as_str()).unwrap_or_default(),
        run: context.run,
        number,
        inputs: &stage.inputs,
        asked: &asked,
        table: &table,
        on_error: on_error(node, &asked),
        state: context.state,
        pool: &context.pool,
        observer: context.observer,
        cancel: context.cancel,
    };
    let done = run.run(session, reader.warehouse.as_mut());
    match done {
        Ok(counts) => {
            session.connections().give_back(reader);
            for note in asked.note.iter().cloned().chain(asked.answerer.notes()) {
                context.note(Some(&node.id), format!("{}: {note}", asked.task.name));
            }
            Ok(counts)
        }
        Err(error) => {
            // It may have been stopped in the middle of a query.
            session.connections().discard(reader);
            Err(error)
        }
    }
}

/// Counts what a stage will ask, and compares it with what is left of the budgets. Where nothing is bounded, nothing is
/// counted.
fn within_budget(
    context: &Context<'_>,
    node: &Node,
    stage: &refuel_staging::Stage,
    asked: &AskedTask,
    reader: &mut crate::connections::Connection,
) -> Result<(), RunError> {
    let own = node
        .model()
        .map(|model| budget::of_model(model, context.request))
        .unwrap_or_default();
    if own.is_unlimited() && !context.spending.is_bounded() {
        return Ok(());
    }
    let needs_tokens = budget::needs_tokens(&own) || context.spending.needs_tokens();
    let demand: Demand = crate::plan::demand_of(
        context.state,
        asked,
        &stage.inputs,
        reader.warehouse.as_mut(),
        needs_tokens,
        context.cancel,
    )?;
    budget::check(&node.name, &demand, &own)?;
    context.spending.take(demand)
}
