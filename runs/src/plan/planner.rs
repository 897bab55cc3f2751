//! Looking at the nodes of a run one after the other, each on what the ones before would leave.

use std::collections::{BTreeMap, HashMap, HashSet};

use refuel_dag::{Detail, ModelNode, Node, NodeId, RenderMode, SeedNode, SourceNode};
use refuel_staging::{Computed, Stage};
use refuel_warehouse::load::{self, Load};
use refuel_warehouse::{Owner, RelationName, Warehouse, ownership};

use super::demand::{count, estimate};
use super::{Action, PlanNode, PlanRelation, PlanStage};
use crate::connections::Session;
use crate::context::Scope;
use crate::error::RunError;
use crate::inference::AnswerTable;
use crate::nodes::{self, gates, model};
use crate::quote;
use crate::request::RunRequest;
use crate::versions;

/// What is known while nodes are looked at.
struct Planner<'a, 'b> {
    scope: &'a Scope<'b>,
    request: &'a RunRequest,
    /// Whether tokens and seconds are wanted.
    with_cost: bool,
    /// What stands for nodes that would be made.
    overrides: HashMap<NodeId, String>,
    /// Nodes whose rows depend on answers that are not there yet.
    open: HashSet<NodeId>,
    /// Inputs of tables of answers that were counted already: the same query for the same table is asked once.
    counted: HashSet<(RelationName, String)>,
    /// Empty tables that stand for results of tasks over whole relations, which aren't there yet.
    placeholders: HashSet<RelationName>,
    /// Relations that were made for the plan.
    made: usize,
}

/// Looks at the nodes of a run. `chosen` are their numbers in the project.
pub(super) fn plan(
    scope: &Scope<'_>,
    request: &RunRequest,
    chosen: &[usize],
    with_cost: bool,
) -> Result<Vec<PlanNode>, RunError> {
    let mut session = scope.session()?;
    // What is made for the plan must not be seen by whoever gets the connection next.
    session.spend();
    session.warehouse()?.begin()?;
    let mut planner = Planner {
        scope,
        request,
        with_cost,
        overrides: HashMap::new(),
        open: HashSet::new(),
        counted: HashSet::new(),
        placeholders: HashSet::new(),
        made: 0,
    };
    let planned = planner.all(chosen, &mut session);
    session.warehouse()?.rollback()?;
    planned
}

impl Planner<'_, '_> {
    fn all(&mut self, chosen: &[usize], session: &mut Session<'_>) -> Result<Vec<PlanNode>, RunError> {
        let wanted: HashSet<usize> = chosen.iter().copied().collect();
        let needed: HashSet<usize> = crate::run::needed(self.scope.dag, chosen).into_iter().collect();
        let order: Vec<usize> = self.scope.dag.graph.order().collect();
        let mut planned = Vec::with_capacity(chosen.len());
        for number in order {
            let node = &self.scope.dag.nodes[number];
            let is_wanted = wanted.contains(&number);
            match &node.detail {
                Detail::Source(source) if needed.contains(&number) => {
                    self.source(node, source, session)?;
                }
                Detail::Task(_) if needed.contains(&number) => self.task(node)?,
                Detail::Seed(seed) if is_wanted => planned.push(self.seed(node, seed, session)?),
                Detail::Model(model) if is_wanted => planned.push(self.model(node, model, session)?),
                Detail::Test(_) | Detail::UnitTest(_) | Detail::Evaluation(_) if is_wanted => {
                    planned.push(of(node, Action::Check));
                }
                _ => {}
            }
        }
        Ok(planned)
    }

    /// A name for something that the plan makes and that is gone afterwards.
    fn name(&mut self) -> RelationName {
        self.made += 1;
        RelationName::new(self.scope.schema.as_deref(), format!("_refuel_plan_{}", self.made))
    }

    fn owner(&self, node: &Node) -> Owner {
        Owner {
            project: self.scope.dag.project.settings.name.clone(),
            node: node.id.to_string(),
            fingerprint: String::new(),
        }
    }

    fn source(&mut self, node: &Node, source: &SourceNode, session: &mut Session<'_>) -> Result<(), RunError> {
        let Some(relation) = &node.relation else { return Ok(()) };
        let file = nodes::source_table(self.scope, source).and_then(|table| table.file.as_ref());
        if let Some(file) = file {
            let types: Vec<(String, String)> = file
                .column_types
                .iter()
                .map(|(column, data_type)| (column.clone(), data_type.clone()))
                .collect();
            let path = self.scope.dag.project.root.join(&*file.path);
            let loaded = self.load(node, &path, file.delimiter, &types, session)?;
            let owned = ownership::owner(session.warehouse()?, &loaded)?;
            if let Some(content) = owned.and_then(|owned| owned.content) {
                let version = format!("{content} {}", node.fingerprints.body);
                self.scope.versions.set(&node.id, version);
            }
            return Ok(());
        }
        let warehouse = session.warehouse()?;
        if warehouse.relation(relation)?.is_some() {
            let digest = warehouse.digest(relation)?;
            self.scope
                .versions
                .set(&node.id, format!("{digest} {}", node.fingerprints.body));
        }
        Ok(())
    }

    fn task(&mut self, node: &Node) -> Result<(), RunError> {
        let Detail::Task(of) = &node.detail else { return Ok(()) };
        let version = versions::of_task_node(self.scope, node, of)?;
        self.scope.versions.set(&node.id, version);
        Ok(())
    }

    fn seed(&mut self, node: &Node, seed: &SeedNode, session: &mut Session<'_>) -> Result<PlanNode, RunError> {
        let version = versions::of_node(node, &BTreeMap::new());
        let before = self.scope.previous.get(node.id.as_str());
        let is_there = match &node.relation {
            Some(relation) => session.warehouse()?.relation(relation)?.is_some(),
            None => false,
        };
        let is_same = before.is_some_and(|before| before.version == version);
        self.scope.versions.set(&node.id, version);
        if is_there && is_same && !self.request.full_refresh {
            return Ok(of(node, Action::Reuse));
        }
        let types: Vec<(String, String)> = seed
            .config
            .column_types
            .iter()
            .map(|(column, data_type)| (column.clone(), data_type.clone()))
            .collect();
        let path = self.scope.dag.project.root.join(&*node.path);
        self.load(node, &path, seed.config.delimiter, &types, session)?;
        Ok(of(node, Action::Load))
    }

    fn load(
        &mut self,
        node: &Node,
        path: &std::path::Path,
        delimiter: Option<char>,
        column_types: &[(String, String)],
        session: &mut Session<'_>,
    ) -> Result<RelationName, RunError> {
        let relation = self.name();
        let owner = self.owner(node);
        load::file(
            session.warehouse()?,
            &Load {
                relation: &relation,
                path,
                delimiter: delimiter.map(|delimiter| delimiter as u8),
                column_types,
                owner: &owner,
                is_forced: true,
            },
        )?;
        self.overrides.insert(node.id.clone(), quote::relation(&relation));
        Ok(relation)
    }

    fn model(&mut self, node: &Node, model: &ModelNode, session: &mut Session<'_>) -> Result<PlanNode, RunError> {
        let inputs = model::inputs(self.scope, node, model)?;
        let version = versions::of_node(node, &inputs);
        self.scope.versions.set(&node.id, version.clone());
        let Some(relation) = &node.relation else {
            self.inherit(node);
            return Ok(of(node, Action::Inline));
        };
        let stored = gates::kept(relation, model.gated);
        let there = session.warehouse()?.relation(&stored)?;
        if !self.request.full_refresh
            && model::is_reused(self.scope, node, model, &version, &inputs, there, session.warehouse()?)?
        {
            return Ok(of(node, Action::Reuse));
        }
        let (way, _) = model::way(self.scope, self.request.full_refresh, node, model, &inputs, there);
        let action = if way.incremental_text {
            Action::Increment
        } else {
            Action::Build
        };
        let mut planned = of(node, action);
        self.inherit(node);
        let mode = RenderMode {
            overrides: self.overrides.clone(),
            ..RenderMode::new(way.incremental_text)
        };
        // What is wrong with one node is said beside it: the others can still be looked at.
        set_point(session.warehouse()?)?;
        match self.query(node, &mode, &mut planned, session) {
            Ok(view) => {
                forget_point(session.warehouse()?)?;
                self.overrides.insert(node.id.clone(), quote::relation(&view));
            }
            Err(RunError::Cancelled) => return Err(RunError::Cancelled),
            Err(error) => {
                back_to_point(session.warehouse()?)?;
                let error = nodes::not_built(self.scope, node, error, session.warehouse()?, &self.overrides);
                planned.unknown = Some(match error {
                    RunError::NotBuilt { .. } => {
                        format!("{error}: select +{} to count it with what it reads", node.name)
                    }
                    other => other.to_string(),
                });
                self.open.insert(node.id.clone());
            }
        }
        Ok(planned)
    }

    /// What reads rows that depend on open answers depends on them too.
    fn inherit(&mut self, node: &Node) {
        if node.depends_on.iter().any(|id| self.open.contains(id)) {
            self.open.insert(node.id.clone());
        }
    }

    /// Counts the inputs of a model's calls, and makes a view that stands for it.
    fn query(
        &mut self,
        node: &Node,
        mode: &RenderMode,
        planned: &mut PlanNode,
        session: &mut Session<'_>,
    ) -> Result<RelationName, RunError> {
        let sql = self.scope.dag.rendered_sql(node, mode)?;
        let is_open = self.open.contains(&node.id);
        let mut sql = sql;
        if let Some(plan) = nodes::stage(self.scope, &sql, session)? {
            for computed in &plan.relations {
                let relation = self.relation(computed, is_open, session)?;
                // What comes of it is known only once it is computed.
                if !relation.is_kept {
                    self.open.insert(node.id.clone());
                }
                planned.relations.push(relation);
            }
            let is_open = self.open.contains(&node.id);
            let mut stages: Vec<PlanStage> = Vec::with_capacity(plan.stages.len());
            for stage in &plan.stages {
                let counted = self.stage(node, stage, &stages, is_open, session)?;
                if counted.to_ask > 0 {
                    self.open.insert(node.id.clone());
                }
                stages.push(counted);
            }
            planned.stages = stages;
            sql = plan.sql;
        }
        let view = self.name();
        let warehouse = session.warehouse()?;
        warehouse.execute(&format!("CREATE VIEW {} AS {sql}", quote::relation(&view)))?;
        let is_computed = planned.relations.iter().all(|relation| relation.is_kept);
        if is_computed && !(planned.stages.is_empty() && planned.relations.is_empty()) {
            planned.rows = Some(rows_of(warehouse, &quote::relation(&view))?);
        }
        Ok(view)
    }

    /// Looks at a task over a whole relation, and makes an empty table for its result where there is none.
    fn relation(
        &mut self,
        computed: &Computed,
        is_open: bool,
        session: &mut Session<'_>,
    ) -> Result<PlanRelation, RunError> {
        let asked = self.scope.tasks.get(&computed.call.asked)?;
        let warehouse = session.warehouse()?;
        let is_there = nodes::relations::make_missing(self.scope, computed, warehouse)?;
        // A table that was made for the plan is seen by the next node that reads it.
        let is_shared = is_there && self.placeholders.contains(&computed.table);
        if !is_there {
            self.placeholders.insert(computed.table.clone());
        }
        let name = quote::relation(&computed.relation);
        let rows = rows_of(warehouse, &name)?;
        let stands_for = self.overrides.iter().find(|(_, table)| **table == name);
        let stands_for = stands_for.and_then(|(id, _)| self.scope.dag.node(id.as_str()));
        Ok(PlanRelation {
            task: asked.task.name.clone(),
            model: nodes::relations::model_of(&asked),
            reads: stands_for.map_or_else(|| computed.relation.to_string(), |node| node.name.to_string()),
            rows,
            is_kept: is_there && !is_open && !is_shared,
            is_shared,
        })
    }

    fn stage(
        &mut self,
        node: &Node,
        stage: &Stage,
        before: &[PlanStage],
        is_open: bool,
        session: &mut Session<'_>,
    ) -> Result<PlanStage, RunError> {
        let asked = self.scope.tasks.get(&stage.asked)?;
        let warehouse = session.warehouse()?;
        AnswerTable::of(stage).make_missing(warehouse, &asked.task)?;
        let (mut counted, sample) = count(self.scope.state, &asked, &stage.inputs, warehouse)?;
        let distinct = rows_of(warehouse, &format!("({}) AS inputs", stage.all_inputs))?;
        let waits = stage.after.iter().any(|&earlier| before[earlier].to_ask > 0);
        let at_most = is_open || waits;
        if at_most {
            // Every row of what it reads may come to be asked: more can't.
            let bound = self.bound(node, stage, before, warehouse)?.max(distinct);
            let known = distinct.saturating_sub(counted.demand.rows);
            counted.demand.rows = bound.saturating_sub(known);
            counted.distinct = bound;
        } else {
            counted.distinct = distinct;
        }
        if self.with_cost {
            estimate(self.scope.state, &asked, &mut counted, &sample, true, self.scope.cancel)?;
        }
        let is_shared = !self.counted.insert((stage.table.clone(), stage.inputs.clone()));
        let has_cost = self.with_cost && (counted.demand.rows == 0 || counted.demand.tokens > 0 || counted.is_measured);
        Ok(PlanStage {
            task: stage.task.clone(),
            model: asked.answerer.model().to_owned(),
            distinct: counted.distinct,
            answered: counted
                .distinct
                .saturating_sub(counted.demand.rows)
                .saturating_sub(counted.unreadable),
            to_ask: counted.demand.rows,
            asks_model: asked.task.asks_model(),
            tokens: has_cost.then_some(counted.demand.tokens),
            seconds: has_cost.then_some(counted.demand.seconds),
            is_measured: counted.is_measured,
            at_most,
            is_shared,
        })
    }

    /// How many inputs a stage can have at most whose inputs depend on open answers: as many as what it reads has rows, or
    /// as the stages before it have inputs.
    fn bound(
        &self,
        node: &Node,
        stage: &Stage,
        before: &[PlanStage],
        warehouse: &mut dyn Warehouse,
    ) -> Result<u64, RunError> {
        let mut bound = stage
            .after
            .iter()
            .map(|&earlier| before[earlier].distinct)
            .max()
            .unwrap_or(0);
        for id in &node.depends_on {
            let relation = match self.overrides.get(id) {
                Some(relation) => Some(relation.clone()),
                None => self.scope.dag.relation(id.as_str()).map(quote::relation),
            };
            if let Some(relation) = relation {
                bound = bound.max(rows_of(warehouse, &relation)?);
            }
        }
        Ok(bound)
    }
}

fn rows_of(warehouse: &mut dyn Warehouse, from: &str) -> Result<u64, RunError> {
    let count = warehouse.value(&format!("SELECT count(*) FROM {from}"))?;
    Ok(count.and_then(|count| count.as_integer()).unwrap_or(0) as u64)
}

fn of(node: &Node, action: Action) -> PlanNode {
    PlanNode {
        node: node.id.clone(),
        name: node.name.to_string(),
        action,
        rows: None,
        relations: Vec::new(),
        stages: Vec::new(),
        unknown: None,
    }
}

/// A place in a transaction to go back to, so that one statement that fails doesn't end it.
const POINT: &str = "refuel_plan";

fn set_point(warehouse: &mut dyn Warehouse) -> Result<(), RunError> {
    warehouse.execute(&format!("SAVEPOINT {POINT}"))?;
    Ok(())
}

fn forget_point(warehouse: &mut dyn Warehouse) -> Result<(), RunError> {
    warehouse.execute(&format!("RELEASE SAVEPOINT {POINT}"))?;
    Ok(())
}

fn back_to_point(warehouse: &mut dyn Warehouse) -> Result<(), RunError> {
    warehouse.execute(&format!("ROLLBACK TO SAVEPOINT {POINT}"))?;
    forget_point(warehouse)
}
