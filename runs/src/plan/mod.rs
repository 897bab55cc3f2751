//! What a run would do, and what it would ask of models.
//!
//! Everything is looked at in one transaction of the target that is taken back at the end: files that have changed are
//! loaded there and models that would be made are made as views under other names, so that inputs are counted on the rows
//! that the run would see. What depends on answers that are not there yet can't be counted; it is said as "at most".

mod demand;
mod planner;

use refuel_dag::NodeId;
use refuel_engine::Cancel;
use refuel_project::Budget;
use serde::Serialize;

pub(crate) use demand::demand_of;

use crate::budget::{self, Demand};
use crate::context::{Context, Scope};
use crate::error::RunError;
use crate::request::RunRequest;
use crate::workspace::Workspace;

/// What would be done with a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// It is made.
    Build,
    /// New rows are put into it.
    Increment,
    /// Nothing: it is as it would be.
    Reuse,
    /// A file is loaded.
    Load,
    /// A check is run.
    Check,
    /// Nothing: it is put into the queries that read it.
    Inline,
}

/// What a stage of a node would ask.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a key of the report, and any of them can hold by itself"
)]
pub struct PlanStage {
    /// The task, or the model where a call names one.
    pub task: String,
    /// `name@digest` of the model.
    pub model: String,
    /// Distinct inputs.
    pub distinct: u64,
    /// Those of them whose answer is known: to this project, or to the machine from elsewhere.
    pub answered: u64,
    /// Those that would be asked. Rules or a head may answer some of them before a language model is asked.
    pub to_ask: u64,
    /// Whether the task asks a language model. Otherwise rules, like examples or a head answer all, which no budget bounds.
    pub asks_model: bool,
    /// Tokens of these, about.
    pub tokens: Option<u64>,
    /// Seconds that they would take, about.
    pub seconds: Option<f64>,
    /// Whether tokens and seconds come from the speed of earlier runs. Else a few inputs were tried.
    pub is_measured: bool,
    /// Whether the numbers are an upper bound, because the inputs depend on answers that are not there yet.
    pub at_most: bool,
    /// Whether another node of the plan asks the same, so that it is counted there.
    pub is_shared: bool,
}

/// A task over a whole relation that a node reads the result of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlanRelation {
    /// The task.
    pub task: String,
    /// `name@digest` of the model that makes vectors; none where the task names none.
    pub model: Option<String>,
    /// The relation: a node's name, or how the query names it.
    pub reads: String,
    /// Its rows; where they depend on answers that are not there yet, so many at most.
    pub rows: u64,
    /// Whether the result of these rows is kept, so that nothing is computed.
    pub is_kept: bool,
    /// Whether another node of the plan reads the same result, so that it is computed there.
    pub is_shared: bool,
}

/// What would be done with a node.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PlanNode {
    /// The node.
    pub node: NodeId,
    /// Its name.
    pub name: String,
    /// What would be done.
    pub action: Action,
    /// Rows that its query gives, where they were counted: for nodes with calls.
    pub rows: Option<u64>,
    /// The results of tasks over whole relations that it reads.
    pub relations: Vec<PlanRelation>,
    /// What its calls would ask.
    pub stages: Vec<PlanStage>,
    /// Why it could not be looked at more closely.
    pub unknown: Option<String>,
}

/// All together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct PlanTotal {
    /// Inputs of tasks that ask a language model, counted.
    pub to_ask: u64,
    /// Inputs that are answered without one, by rules, like examples or a head; at most so many, where they depend on
    /// answers that are not there yet.
    pub without_model: u64,
    /// Further ones at most, where they depend on answers that are not there yet.
    pub at_most_more: u64,
    /// Inputs whose answer is known.
    pub answered: u64,
    /// Rows of relations that tasks would be applied to as a whole.
    pub computed: u64,
    /// Tokens, about; without what is only bounded.
    pub tokens: u64,
    /// Seconds of models, about; without what is only bounded.
    pub seconds: f64,
}

/// What a run would do.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PlanReport {
    /// The nodes, each behind those that it reads.
    pub nodes: Vec<PlanNode>,
    /// All together.
    pub total: PlanTotal,
    /// The budget of the run.
    #[serde(skip)]
    pub budget: Budget,
    /// By how much the budget would be passed. None where it would be kept.
    pub over_budget: Option<String>,
    /// Whether the extension answers calls, whose own kept answers are not known here.
    pub has_extension: bool,
}

/// Says what a run would do and cost. Nothing is changed, and models are asked only where their speed has never been
/// measured: then a few inputs are tried.
///
/// # Errors
/// As for a run, but for what a node alone has wrong, which is said beside it.
pub fn plan(workspace: &Workspace, request: &RunRequest, cancel: &Cancel) -> Result<PlanReport, RunError> {
    let chosen = crate::run::chosen(workspace, request)?;
    let scope = Scope::of(workspace, request.threads, cancel)?;
    let planned = scope
        .connections
        .watched(cancel, &|_| {}, || planner::plan(&scope, request, &chosen, true));
    if cancel.is_cancelled() {
        return Err(RunError::Cancelled);
    }
    let nodes = planned?;
    let budget = budget::settled(&workspace.dag.project.settings.budget, request);
    let total = total(&nodes);
    let over = over(&scope, request, &nodes, &total, &budget).err();
    Ok(PlanReport {
        total,
        over_budget: over.map(|error| error.to_string()),
        budget,
        has_extension: scope.has_extension,
        nodes,
    })
}

/// Compares what a run would ask with the budgets, before any model runs. Where nothing is bounded nothing is counted.
pub(crate) fn check_budgets(context: &Context<'_>, chosen: &[usize]) -> Result<(), RunError> {
    let own = chosen
        .iter()
        .filter_map(|&number| context.dag.nodes[number].model())
        .any(|model| !model.calls.is_empty() && !budget::of_model(model, context.request).is_unlimited());
    let asks = chosen
        .iter()
        .filter_map(|&number| context.dag.nodes[number].model())
        .any(|model| !model.calls.is_empty());
    let budget = budget::settled(&context.dag.project.settings.budget, context.request);
    if context.request.empty || !asks || (budget.is_unlimited() && !own) {
        return Ok(());
    }
    let needs_tokens = budget::needs_tokens(&budget) || own;
    let nodes = planner::plan(context, context.request, chosen, needs_tokens)?;
    over(context, context.request, &nodes, &total(&nodes), &budget)
}

/// The first budget that would be passed by what was counted.
fn over(
    scope: &Scope<'_>,
    request: &RunRequest,
    nodes: &[PlanNode],
    total: &PlanTotal,
    budget: &Budget,
) -> Result<(), RunError> {
    let demand = Demand {
        rows: total.to_ask,
        tokens: total.tokens,
        seconds: total.seconds,
    };
    budget::check("the run", &demand, budget)?;
    for node in nodes {
        let Some(model) = scope.dag.node(node.node.as_str()).and_then(refuel_dag::Node::model) else {
            continue;
        };
        let demand = node
            .stages
            .iter()
            .filter(|stage| !stage.at_most && !stage.is_shared)
            .fold(Demand::default(), |demand, stage| demand.plus(demand_of_stage(stage)));
        budget::check(&node.name, &demand, &budget::of_model(model, request))?;
    }
    Ok(())
}

/// What a stage asks of language models.
fn demand_of_stage(stage: &PlanStage) -> Demand {
    if !stage.asks_model {
        return Demand::default();
    }
    Demand {
        rows: stage.to_ask,
        tokens: stage.tokens.unwrap_or(0),
        seconds: stage.seconds.unwrap_or(0.0),
    }
}

fn total(nodes: &[PlanNode]) -> PlanTotal {
    let mut total = PlanTotal::default();
    let relations = nodes.iter().flat_map(|node| &node.relations);
    total.computed = relations
        .filter(|relation| !relation.is_kept && !relation.is_shared)
        .map(|relation| relation.rows)
        .sum();
    for stage in nodes
        .iter()
        .flat_map(|node| &node.stages)
        .filter(|stage| !stage.is_shared)
    {
        total.answered += stage.answered;
        if !stage.asks_model {
            total.without_model += stage.to_ask;
        } else if stage.at_most {
            total.at_most_more += stage.to_ask;
        } else {
            let demand = demand_of_stage(stage);
            total.to_ask += demand.rows;
            total.tokens += demand.tokens;
            total.seconds += demand.seconds;
        }
    }
    total
}
