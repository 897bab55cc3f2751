//! Running an evaluation.

use std::collections::BTreeMap;

use refuel_dag::{EvaluationNode, Node};
use refuel_engine::evaluate::Drift as Drifted;
use refuel_project::{Drift, Evaluation, Severity};
use refuel_state::{Input, Measurement, NodeStatus};
use refuel_task::{Answer, RenderedInput, Task};
use serde_json::Value;

use super::judge::Judge;
use super::metrics::{MetricResult, measured, report_of};
use super::rows::{self, Row, Rows};
use super::verdicts;
use crate::connections::Session;
use crate::context::Context;
use crate::error::RunError;
use crate::inference::ask_few;
use crate::report::NodeReport;
use crate::words;

/// Runs an evaluation.
pub(crate) fn run(
    context: &Context<'_>,
    node: &Node,
    of: &EvaluationNode,
    report: &mut NodeReport,
) -> Result<NodeStatus, RunError> {
    let model = context.node(of.model.as_str())?;
    let evaluation = context
        .dag
        .properties(model)
        .and_then(|properties| properties.evaluations.get(of.index))
        .ok_or_else(|| RunError::NotPossible {
            node: node.name.to_string(),
            reason: "is no longer in the properties of its model".to_owned(),
            hint: None,
        })?;
    let mut session = context.session()?;
    let task = match &evaluation.task {
        Some(name) => Some(context.tasks.named(name)?),
        None => None,
    };
    let kind = task.as_ref().map(|asked| asked.task.as_ref());
    let Rows { rows, truths } = rows::read(context, node, model, evaluation, kind, session.warehouse()?)?;
    let given = match &task {
        Some(asked) if evaluation.prediction.is_none() => {
            Some(answers(context, node, asked, &rows, &mut session, report)?)
        }
        _ => None,
    };
    let mut metrics = Vec::new();
    if let Some(truths) = &truths
        && !evaluation.metrics.is_empty()
    {
        let by_people = match given {
            Some(_) => Vec::new(),
            None => verdicts::known(context, model, evaluation, &rows)?,
        };
        let left_out = by_people.iter().filter(|by_a_person| **by_a_person).count() as u64;
        if left_out > 0 {
            context.note(
                Some(&node.id),
                format!(
                    "{} with a person's verdict left out: they say nothing of the model",
                    words::count(left_out, "row")
                ),
            );
        }
        let judge = judge(evaluation, kind, truths, &rows, given.as_deref(), &by_people);
        if judge.unusable() > 0 {
            context.note(
                Some(&node.id),
                format!("{} rows have no right answer that can be used", judge.unusable()),
            );
        }
        match judge.evaluation() {
            Some(result) => metrics.extend(measured(&result, &evaluation.metrics)),
            None => metrics.extend(
                evaluation
                    .metrics
                    .iter()
                    .map(|(metric, bound)| MetricResult::of_nothing(metric.name(), bound)),
            ),
        }
    }
    let task_name = evaluation.task.clone().unwrap_or_default();
    let counts = labels(evaluation, &rows, given.as_deref());
    if !evaluation.drift.is_empty() {
        metrics.extend(drift(context, node, evaluation, &task_name, &counts)?);
    }
    keep(context, node, &task_name, &metrics)?;
    let passed = metrics.iter().all(|metric| metric.passed);
    // What drifted too far is no measure for the next run, unless somebody says that it is right, as a full refresh does.
    if !evaluation.drift.is_empty() && (passed || evaluation.config.severity == Severity::Warn) {
        context
            .state
            .put_distribution(context.run, node.id.as_str(), &task_name, &counts)?;
    }
    report.rows = Some(rows.len() as u64);
    let mut message = report_of(&metrics);
    let is_held_up = evaluation.config.severity == Severity::Error;
    if is_held_up && metrics.iter().any(|metric| !metric.passed && is_drift(metric)) {
        message.push_str(&format!(
            "; if the labels of now are right, `refuel test --select {} --full-refresh` makes them the measure",
            node.name
        ));
    }
    report.message = Some(message).filter(|message| !message.is_empty());
    report.metrics = metrics;
    Ok(match (passed, evaluation.config.severity) {
        (true, _) => NodeStatus::Success,
        (false, Severity::Warn) => NodeStatus::Warn,
        (false, Severity::Error) => NodeStatus::Fail,
    })
}

/// What the task answers to the rows.
fn answers(
    context: &Context<'_>,
    node: &Node,
    asked: &crate::inference::AskedTask,
    rows: &[Row],
    session: &mut Session<'_>,
    report: &mut NodeReport,
) -> Result<Vec<Answer>, RunError> {
    let mut failed: BTreeMap<usize, String> = BTreeMap::new();
    let mut inputs: Vec<(Input, RenderedInput)> = Vec::with_capacity(rows.len());
    for (at, row) in rows.iter().enumerate() {
        match RenderedInput::or_nothing(asked.task.render_input(row)) {
            Ok(rendered) => {
                let input = match &rendered.sides {
                    Some([a, b]) => Input::Two(a.clone(), b.clone()),
                    None => Input::One(rendered.text.clone()),
                };
                inputs.push((input, rendered));
            }
            Err(error) => {
                failed.insert(at, error.to_string());
            }
        }
    }
    let lane = context.dag.nodes.get_index_of(node.id.as_str()).unwrap_or_default();
    let (answers, counts) = ask_few(context, lane, asked, &inputs, session)?;
    report.count(&counts);
    let mut answers = answers.into_iter();
    let model = asked.answerer.model();
    Ok((0..rows.len())
        .map(|at| match failed.remove(&at) {
            Some(reason) => Answer::unasked(model, reason),
            None => answers
                .next()
                .unwrap_or_else(|| Answer::error(model, "the row was left without an answer")),
        })
        .collect())
}

fn judge(
    evaluation: &Evaluation,
    task: Option<&Task>,
    truths: &[Value],
    rows: &[Row],
    given: Option<&[Answer]>,
    left_out: &[bool],
) -> Judge {
    let mut judge = match task {
        Some(task) => Judge::of_task(task),
        None => Judge::of_columns(),
    };
    let cell = |row: &Row, column: &Option<String>| {
        let found = column.as_ref().and_then(|column| row.get(column));
        found.cloned().unwrap_or(Value::Null)
    };
    for (at, (row, right)) in rows.iter().zip(truths).enumerate() {
        if left_out.get(at) == Some(&true) {
            continue;
        }
        if let Some(answers) = given {
            judge.add_answer(right, &answers[at]);
            continue;
        }
        let confidence = match cell(row, &evaluation.confidence) {
            Value::Number(number) => number.as_f64(),
            Value::String(text) => text.parse().ok(),
            _ => None,
        };
        judge.add_cells(right, &cell(row, &evaluation.prediction), confidence);
    }
    judge
}

/// How often each label was given. Rows without an answer are none.
fn labels(evaluation: &Evaluation, rows: &[Row], given: Option<&[Answer]>) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    let mut count = |value: &Value| {
        let label = match value {
            Value::Null => return,
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        *counts.entry(label).or_default() += 1;
    };
    match (given, &evaluation.prediction) {
        (Some(answers), _) => answers.iter().for_each(|answer| count(&answer.value)),
        (None, Some(column)) => rows
            .iter()
            .for_each(|row| count(row.get(column).unwrap_or(&Value::Null))),
        (None, None) => {}
    }
    counts
}

/// How far the labels are from those of the run before, beside the bounds.
fn drift(
    context: &Context<'_>,
    node: &Node,
    evaluation: &Evaluation,
    task: &str,
    counts: &BTreeMap<String, u64>,
) -> Result<Vec<MetricResult>, RunError> {
    let rows = counts.values().sum();
    let Some(before) = context.state.distribution_before(context.run, node.id.as_str(), task)? else {
        context.note(
            Some(&node.id),
            "there are no labels of an earlier run to compare with".to_owned(),
        );
        return Ok(Vec::new());
    };
    let drifted = Drifted::of(&before.counts, counts);
    Ok(evaluation
        .drift
        .iter()
        .map(|(drift, bound)| {
            let value = drifted.map(|drifted| match drift {
                Drift::ChiSquare => drifted.chi_square.p_value,
                Drift::Psi => drifted.stability_index,
            });
            // By a full refresh somebody says that what is there now is right: it is measured, and no bound holds.
            let bound = Some(bound).filter(|_| !context.request.full_refresh);
            MetricResult::new(drift.name(), value, rows, bound)
        })
        .collect())
}

fn is_drift(metric: &MetricResult) -> bool {
    [Drift::ChiSquare, Drift::Psi]
        .iter()
        .any(|drift| drift.name() == metric.metric)
}

fn keep(context: &Context<'_>, node: &Node, task: &str, metrics: &[MetricResult]) -> Result<(), RunError> {
    let kept: Vec<Measurement> = metrics
        .iter()
        .map(|metric| Measurement {
            unique_id: node.id.to_string(),
            task: task.to_owned(),
            metric: metric.metric.clone(),
            value: metric.value,
            interval: metric.interval.map(|interval| (interval.0, interval.1)),
            rows: metric.rows,
        })
        .collect();
    Ok(context.state.put_measurements(context.run, &kept)?)
}
