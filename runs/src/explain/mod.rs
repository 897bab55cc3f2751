//! Why a row was asked, or was not: its input, what is known of it, and what became of the answer.

mod relation;

use std::collections::HashMap;

use jiff::Timestamp;
use refuel_dag::diff::{Snapshot, TaskState, compare_tasks};
use refuel_dag::{ModelNode, Node, RenderMode};
use refuel_engine::Cancel;
use refuel_staging::Stage;
use refuel_state::{Input, KeptAnswer, Review, Verdict};
use refuel_warehouse::RelationName;
use serde::Serialize;
use serde_json::Value;

use crate::connections::Session;
use crate::context::Scope;
use crate::error::RunError;
use crate::inference::{AnswerRow, AnswerTable, AskedTask, GateOutcome, input_of, render};
use crate::workspace::Workspace;
use crate::{nodes, quote};

pub use relation::ExplainedRelation;

/// Inputs of one call that are explained; a row has one, unless it is made of several.
const MOST_INPUTS: usize = 20;

/// Why the calls behind a row were asked, or were not.
#[derive(Debug, Clone, Serialize)]
pub struct Explanation {
    /// The model.
    pub node: String,
    /// The column that the row is found by.
    pub column: String,
    /// Its value.
    pub key: String,
    /// The tasks over whole relations whose results the model reads.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub relations: Vec<ExplainedRelation>,
    /// The calls behind the row, in the order in which they are answered.
    pub calls: Vec<ExplainedCall>,
}

/// An answer that was given at some time.
#[derive(Debug, Clone, Serialize)]
pub struct ExplainedAnswer {
    /// What the model said.
    pub value: Value,
    /// How sure it was.
    pub confidence: Option<f32>,
    /// Fingerprint of the task then.
    pub fingerprint: String,
    /// `name@digest` of the model.
    pub model: String,
    /// The run, unless it was pruned.
    pub run: Option<String>,
    /// When.
    pub at: Timestamp,
    /// Whether task and model are those of now, so that it counts.
    pub is_current: bool,
}

/// One call with one input.
#[derive(Debug, Clone, Serialize)]
pub struct ExplainedCall {
    /// The function.
    pub function: String,
    /// The task, or the model where the call names one.
    pub task: String,
    /// What the query selects.
    pub input: Input,
    /// What the task reads of it. None where it can't be read.
    pub reads: Option<String>,
    /// Hash of that, by which answers are found.
    pub hash: Option<String>,
    /// Fingerprint of the task as it is.
    pub fingerprint: String,
    /// `name@digest` of the model.
    pub model: String,
    /// Everything that was answered to this input, oldest first.
    pub history: Vec<ExplainedAnswer>,
    /// A person's verdict, where there is one: the value, or null for a rejection.
    pub verdict: Option<Value>,
    /// The value that the row has, behind the gate.
    pub value: Value,
    /// `accepted`, `review` or `rejected`. None where there is no answer yet.
    pub gate: Option<&'static str>,
    /// Whether the next build doesn't come to it, because the text of an incremental build leaves its row out.
    pub is_left_out: bool,
    /// What would happen in the next run, and why, in sentences.
    pub why: Vec<String>,
}

/// Explains the row of a model whose column `column` has a value. Without a column it is the model's `unique_key`.
///
/// # Errors
/// [`RunError::NotPossible`] where the row can't be followed to what the model reads, [`RunError::NoSuchRow`].
pub fn explain(
    workspace: &Workspace,
    model: &str,
    column: Option<&str>,
    key: &str,
    cancel: &Cancel,
) -> Result<Explanation, RunError> {
    let scope = Scope::of(workspace, None, cancel)?;
    let node = scope.node(model)?;
    let Some(of) = node.model() else {
        return Err(impossible(node, "is no model", "name a model"));
    };
    if of.calls.is_empty() {
        return Err(impossible(node, "calls no task", "explain the model that calls it"));
    }
    let own_key = of.config.unique_key.first();
    let Some(column) = column.map(str::to_owned).or_else(|| own_key.cloned()) else {
        return Err(impossible(
            node,
            "has no unique_key that a row could be found by",
            "say the column: --key id=17",
        ));
    };
    let mut session = scope.session()?;
    // What is made for the look must not be seen by whoever gets the connection next.
    session.spend();
    session.warehouse()?.begin()?;
    let explained = all(&scope, node, of, &column, key, &mut session);
    session.warehouse()?.rollback()?;
    let (relations, calls) = explained?;
    if calls.is_empty() && !relations.iter().any(relation::tells) {
        return Err(RunError::NoSuchRow {
            node: node.name.to_string(),
            key: format!("{column} = {key}"),
        });
    }
    Ok(Explanation {
        node: node.name.to_string(),
        column,
        key: key.to_owned(),
        relations,
        calls,
    })
}

fn impossible(node: &Node, reason: &str, hint: &str) -> RunError {
    RunError::NotPossible {
        node: node.name.to_string(),
        reason: reason.to_owned(),
        hint: Some(hint.to_owned()),
    }
}

/// What the state remembers of the project, to tell what changed in a task.
fn snapshot(scope: &Scope<'_>) -> Result<Option<Snapshot>, RunError> {
    let kept = scope.state.snapshot(scope.target)?;
    Ok(kept.and_then(|(_, content)| serde_json::from_slice(&content).ok()))
}

/// The tasks over whole relations that the model reads the results of, and the calls behind the row.
fn all(
    scope: &Scope<'_>,
    node: &Node,
    model: &ModelNode,
    column: &str,
    key: &str,
    session: &mut Session<'_>,
) -> Result<(Vec<ExplainedRelation>, Vec<ExplainedCall>), RunError> {
    relation::refuse_missing(scope, node, model, session)?;
    let snapshot = snapshot(scope)?;
    let sql = scope.dag.rendered_sql(node, &RenderMode::new(false))?;
    let Some(plan) = nodes::stage(scope, &sql, session)? else {
        return Err(answered_there(node));
    };
    let mut relations = Vec::new();
    for computed in &plan.relations {
        let row = relation::Row { node, column, key };
        relations.push(relation::explained(scope, computed, &row, snapshot.as_ref(), session)?);
    }
    let calls = if plan.stages.is_empty() && !relations.is_empty() {
        Vec::new()
    } else {
        match calls(scope, node, model, column, key, snapshot.as_ref(), session) {
            // What a result is found by need not be a column of what else the model reads.
            Err(RunError::NotPossible { .. }) if relations.iter().any(relation::tells) => Vec::new(),
            calls => calls?,
        }
    };
    Ok((relations, calls))
}

fn answered_there(node: &Node) -> RunError {
    impossible(
        node,
        "is answered by the database itself",
        "look at refuel_detail() there",
    )
}

fn calls(
    scope: &Scope<'_>,
    node: &Node,
    model: &ModelNode,
    column: &str,
    key: &str,
    snapshot: Option<&Snapshot>,
    session: &mut Session<'_>,
) -> Result<Vec<ExplainedCall>, RunError> {
    let (mut mode, whole) = narrowed(scope, node, column, key, session)?;
    let sql = scope.dag.rendered_sql(node, &mode)?;
    let Some(plan) = nodes::stage_part(scope, &sql, whole.clone(), session)? else {
        return Err(answered_there(node));
    };
    for computed in &plan.relations {
        nodes::relations::make_missing(scope, computed, session.warehouse()?)?;
    }
    let mut calls = Vec::new();
    for stage in &plan.stages {
        let asked = scope.tasks.get(&stage.asked)?;
        for input in inputs(stage, &asked, session)? {
            calls.push(call(scope, stage, &asked, input, snapshot)?);
        }
    }
    mode.incremental = true;
    say_left_out(scope, node, model, &mode, whole, session, &mut calls)?;
    Ok(calls)
}

/// What a stage selects of the rows that are explained.
fn inputs(stage: &Stage, asked: &AskedTask, session: &mut Session<'_>) -> Result<Vec<Input>, RunError> {
    let warehouse = session.warehouse()?;
    AnswerTable::of(stage).make_missing(warehouse, &asked.task)?;
    let rows = warehouse.rows(&format!(
        "SELECT * FROM ({}) AS inputs LIMIT {MOST_INPUTS}",
        stage.all_inputs
    ))?;
    Ok(rows.iter().filter_map(|row| input_of(row)).collect())
}

/// Says of which inputs the next build doesn't come to, because the text of an incremental build leaves their rows out.
fn say_left_out(
    scope: &Scope<'_>,
    node: &Node,
    model: &ModelNode,
    mode: &RenderMode,
    whole: HashMap<RelationName, RelationName>,
    session: &mut Session<'_>,
    calls: &mut [ExplainedCall],
) -> Result<(), RunError> {
    let Some(relation) = node.relation.as_ref().filter(|_| model.incremental.is_some()) else {
        return Ok(());
    };
    if session.warehouse()?.relation(relation)?.is_none() {
        return Ok(());
    }
    let sql = scope.dag.rendered_sql(node, mode)?;
    let Some(plan) = nodes::stage_part(scope, &sql, whole, session)? else {
        return Ok(());
    };
    for computed in &plan.relations {
        nodes::relations::make_missing(scope, computed, session.warehouse()?)?;
    }
    let mut taken: Vec<(String, Input)> = Vec::new();
    for stage in &plan.stages {
        let asked = scope.tasks.get(&stage.asked)?;
        let inputs = inputs(stage, &asked, session)?;
        taken.extend(inputs.into_iter().map(|input| (stage.task.clone(), input)));
    }
    for call in calls {
        let is_taken = taken
            .iter()
            .any(|(task, input)| *task == call.task && *input == call.input);
        if is_taken {
            continue;
        }
        call.is_left_out = true;
        if call.gate.is_none() {
            call.why.clear();
        }
        call.why.push(
            "the next build doesn't come to it: what is_incremental() adds to the model leaves its row out, and \
             --full-refresh takes it in"
                .to_owned(),
        );
    }
    Ok(())
}

/// What the model reads, with only those rows that have the key: in each relation that has a column of that name. With it
/// come the relations that these are parts of.
fn narrowed(
    scope: &Scope<'_>,
    node: &Node,
    column: &str,
    key: &str,
    session: &mut Session<'_>,
) -> Result<(RenderMode, HashMap<RelationName, RelationName>), RunError> {
    let mut whole = HashMap::new();
    let mut mode = RenderMode::new(false);
    let mut open: Vec<_> = node.depends_on.clone();
    let mut looked_at: Vec<String> = Vec::new();
    while let Some(id) = open.pop() {
        let parent = scope.node(id.as_str())?;
        let Some(relation) = &parent.relation else {
            if parent.model().is_some() {
                open.extend(parent.depends_on.iter().cloned());
            }
            continue;
        };
        let warehouse = session.warehouse()?;
        let columns = warehouse.columns(relation)?;
        if columns.is_empty() {
            return Err(impossible(
                node,
                &format!("reads {}, which has not been built", parent.name),
                "build it first",
            ));
        }
        looked_at.push(parent.name.to_string());
        if !columns.iter().any(|there| there.name.eq_ignore_ascii_case(column)) {
            continue;
        }
        let view = RelationName::new(
            scope.schema.as_deref(),
            format!("_refuel_plan_{}", mode.overrides.len() + 1),
        );
        warehouse.execute(&format!(
            "CREATE VIEW {} AS SELECT * FROM {} WHERE CAST({} AS text) = {}",
            quote::relation(&view),
            quote::relation(relation),
            quote::identifier(column),
            quote::text(key)
        ))?;
        mode.overrides.insert(id, quote::relation(&view));
        whole.insert(view, relation.clone());
    }
    if mode.overrides.is_empty() {
        return Err(impossible(
            node,
            &format!("reads nothing that has a column \"{column}\": {}", looked_at.join(", ")),
            "say a column that the model takes over from what it reads: --key id=17",
        ));
    }
    Ok((mode, whole))
}

fn call(
    scope: &Scope<'_>,
    stage: &Stage,
    asked: &AskedTask,
    input: Input,
    snapshot: Option<&Snapshot>,
) -> Result<ExplainedCall, RunError> {
    let task = &asked.task;
    let mut explained = ExplainedCall {
        function: stage.function.to_string(),
        task: stage.task.clone(),
        reads: None,
        hash: None,
        fingerprint: asked.answerer.fingerprint().to_owned(),
        model: asked.answerer.model().to_owned(),
        history: Vec::new(),
        verdict: None,
        value: Value::Null,
        gate: None,
        is_left_out: false,
        why: Vec::new(),
        input,
    };
    let rendered = match render(task, &explained.input) {
        Ok(rendered) => rendered,
        Err(error) => {
            explained.gate = Some(gate_word(GateOutcome::Rejected));
            explained.why.push(format!("it is never asked: {error}"));
            return Ok(explained);
        }
    };
    let hash = rendered.hash();
    explained.reads = Some(rendered.text.clone());
    explained.hash = Some(hash.to_string());
    let history = scope.state.history(&task.name, hash)?;
    let is_current = |kept: &KeptAnswer| {
        kept.fingerprint == asked.answerer.fingerprint() && kept.model_digest == asked.answerer.digest()
    };
    explained.history = history
        .iter()
        .map(|kept| ExplainedAnswer {
            value: kept.answer.value.clone(),
            confidence: kept.answer.confidence,
            fingerprint: kept.fingerprint.clone(),
            model: kept.answer.model.clone(),
            run: kept.run.as_ref().map(ToString::to_string),
            at: kept.at,
            is_current: is_current(kept),
        })
        .collect();
    let review = scope
        .state
        .reviews(Some(&task.name))?
        .into_iter()
        .find(|review| review.hash == hash);
    let known = scope.state.known(asked.key, &[hash])?.pop().flatten();
    let verdict = review.as_ref().map(|review| &review.verdict);
    explained.verdict = verdict.map(|verdict| match verdict {
        Verdict::Value(value) => value.clone(),
        Verdict::Reject => Value::Null,
    });
    if known.is_some() || verdict.is_some() {
        let row = AnswerRow::new(task, known.as_ref(), verdict);
        explained.gate = Some(gate_word(row.gate));
        explained.value = row.value.clone();
        explained.why.push(reason_known(
            review.as_ref(),
            history.iter().find(|kept| is_current(kept)),
        ));
        explained.why.push(reason_gate(asked, &row));
    } else {
        explained.why.push(reason_asked(asked, history.last(), snapshot));
    }
    Ok(explained)
}

fn gate_word(gate: GateOutcome) -> &'static str {
    match gate {
        GateOutcome::Accepted => "accepted",
        GateOutcome::Review => "review",
        GateOutcome::Rejected => "rejected",
    }
}

fn reason_known(review: Option<&Review>, kept: Option<&KeptAnswer>) -> String {
    match (review, kept) {
        (Some(review), _) => format!(
            "it is not asked: {} gave a verdict on it on {}, which outranks the model",
            review.reviewer,
            day(review.at)
        ),
        (None, Some(kept)) => format!(
            "it is not asked: the same input was answered by the same task and model on {}",
            day(kept.at)
        ),
        (None, None) => "it is not asked: its answer is known".to_owned(),
    }
}

fn reason_gate(asked: &AskedTask, row: &AnswerRow) -> String {
    let gate = gate_word(row.gate);
    match (row.source, &row.reason, asked.task.threshold, row.confidence) {
        ("human", ..) => format!("its gate is {gate}, by that verdict"),
        (_, Some(reason), ..) if row.status != "ok" => format!("its gate is {gate}: {reason}"),
        (_, _, Some(threshold), Some(confidence)) => {
            format!("its gate is {gate}: confidence {confidence:.3} against the threshold {threshold}")
        }
        _ => format!("its gate is {gate}: the task has no threshold"),
    }
}

fn reason_asked(asked: &AskedTask, last: Option<&KeptAnswer>, snapshot: Option<&Snapshot>) -> String {
    let Some(last) = last else {
        return "it is asked: this input has never been answered".to_owned();
    };
    let mut changed = Vec::new();
    if last.fingerprint != asked.answerer.fingerprint() {
        let keys = changed_keys(asked, snapshot);
        changed.push(if keys.is_empty() {
            "the task has changed".to_owned()
        } else {
            format!("the task has changed ({})", keys.join(", "))
        });
    }
    if last.model_digest != asked.answerer.digest() {
        changed.push(format!("the model is another ({})", asked.answerer.model()));
    }
    if changed.is_empty() {
        return format!("it is asked again: on {} it could not be answered", day(last.at));
    }
    format!("it is asked again: since {} {}", day(last.at), changed.join(", and "))
}

/// The keys of a task that are not what they were when the project was last built.
fn changed_keys(asked: &AskedTask, snapshot: Option<&Snapshot>) -> Vec<String> {
    let name = &asked.task.name;
    let before = snapshot.and_then(|snapshot| {
        let states = snapshot
            .nodes
            .values()
            .filter_map(|node| Some((&node.name, node.task.as_ref()?)));
        states.into_iter().find(|(of, _)| *of == name).map(|(_, task)| task)
    });
    let Some(before) = before else { return Vec::new() };
    let change = compare_tasks(name, before, &TaskState::of(&asked.task));
    change.map_or_else(Vec::new, |change| change.keys.into_iter().map(|key| key.key).collect())
}

fn day(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}
