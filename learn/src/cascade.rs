//! Where a cheap strategy passes a row on to a stronger one.

use serde::Serialize;

use crate::error::LearnError;
use crate::thresholds::{Threshold, threshold_for_precision};

/// How a strategy did on labelled rows.
#[derive(Debug, Clone)]
pub struct StageRows {
    /// Its name.
    pub name: String,
    /// For each row, how sure it was and whether it was right; None where it had no answer.
    pub rows: Vec<Option<(f32, bool)>>,
    /// What a row costs, in any unit that all stages share.
    pub cost: f64,
}

/// What a stage does in a cascade.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CascadeStage {
    /// Its name.
    pub name: String,
    /// Where it answers itself. None: it passes every row on, or it is the last and answers every row that it can.
    pub threshold: Option<Threshold>,
    /// Rows that come to it.
    pub reached: u64,
    /// Rows that it answers.
    pub answered: u64,
    /// Rows that it answers rightly.
    pub right: u64,
}

/// A cascade, with what it did on the rows that it was chosen on.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Cascade {
    /// Stages, from the cheapest. Those that answer nothing are left out.
    pub stages: Vec<CascadeStage>,
    /// Share of all rows that is right. Rows without an answer are not.
    pub accuracy: f64,
    /// The same of the last stage alone.
    pub accuracy_of_last: f64,
    /// What all rows cost.
    pub cost: f64,
    /// What they would cost with the last stage alone.
    pub cost_of_last: f64,
}

/// Chooses where each stage answers itself: where it is right for a share of `keep` at least, by a one-sided bound, of
/// the rows that reach it and it answers. What no threshold keeps right goes on to the next stage, and the last answers
/// what is left.
///
/// A stage that costs more than what it spares the stages behind it is left out.
///
/// # Errors
/// [`LearnError::TooFewExamples`] without stages or rows; [`LearnError::Shape`] where stages have different rows.
pub fn choose_cascade(stages: &[StageRows], keep: f64) -> Result<Cascade, LearnError> {
    let too_few = |have| LearnError::TooFewExamples {
        what: "a cascade",
        need: 1,
        have,
    };
    let last = stages.last().ok_or(too_few(0))?;
    let rows = last.rows.len();
    if rows == 0 {
        return Err(too_few(0));
    }
    if let Some(stage) = stages.iter().find(|stage| stage.rows.len() != rows) {
        return Err(LearnError::Shape {
            what: "rows of a stage",
            expected: rows,
            found: stage.rows.len(),
        });
    }
    // All ways of leaving stages out: there are few stages.
    let mut best: Option<Cascade> = None;
    for kept in 0..1u32 << (stages.len() - 1).min(16) {
        let chosen: Vec<&StageRows> = stages[..stages.len() - 1]
            .iter()
            .enumerate()
            .filter(|(at, _)| kept & (1 << at) != 0)
            .map(|(_, stage)| stage)
            .chain([last])
            .collect();
        let cascade = through(&chosen, keep);
        if best.as_ref().is_none_or(|best| cascade.cost < best.cost) {
            best = Some(cascade);
        }
    }
    best.ok_or(too_few(0))
}

/// Takes all rows through stages.
fn through(stages: &[&StageRows], keep: f64) -> Cascade {
    let count = stages.last().map_or(0, |last| last.rows.len());
    let mut waiting: Vec<usize> = (0..count).collect();
    let mut chosen = Vec::new();
    let mut cost = 0.0;
    for (at, stage) in stages.iter().enumerate() {
        let is_last = at + 1 == stages.len();
        cost += stage.cost * waiting.len() as f64;
        let scored: Vec<(f32, bool)> = waiting
            .iter()
            .map(|&row| stage.rows[row].unwrap_or((f32::NAN, false)))
            .collect();
        let threshold = if is_last {
            None
        } else {
            threshold_for_precision(&scored, keep)
        };
        let answers = |(confidence, _): &(f32, bool)| {
            if is_last {
                !confidence.is_nan()
            } else {
                threshold.is_some_and(|threshold| *confidence >= threshold.threshold)
            }
        };
        let right = scored.iter().filter(|row| answers(row) && row.1).count() as u64;
        let reached = waiting.len() as u64;
        let rest: Vec<usize> = waiting
            .iter()
            .zip(&scored)
            .filter(|(_, row)| !answers(row))
            .map(|(row, _)| *row)
            .collect();
        chosen.push(CascadeStage {
            name: stage.name.clone(),
            threshold,
            reached,
            answered: reached - rest.len() as u64,
            right,
        });
        waiting = rest;
    }
    let rate = |right: u64| right as f64 / count.max(1) as f64;
    let last = stages.last();
    Cascade {
        accuracy: rate(chosen.iter().map(|stage| stage.right).sum()),
        accuracy_of_last: rate(last.map_or(0, |last| {
            last.rows.iter().flatten().filter(|(_, right)| *right).count() as u64
        })),
        cost,
        cost_of_last: last.map_or(0.0, |last| last.cost * count as f64),
        stages: chosen,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stage(name: &str, cost: f64, rows: Vec<Option<(f32, bool)>>) -> StageRows {
        StageRows {
            name: name.to_owned(),
            rows,
            cost,
        }
    }

    /// A rule that answers a third of the rows and is always right, a head that is right where it is sure, and a model.
    fn stages() -> Vec<StageRows> {
        let rules = (0..600).map(|row| (row % 3 == 0).then_some((1.0, true))).collect();
        let head = (0..600)
            .map(|row| Some(if row % 2 == 0 { (0.9, true) } else { (0.4, row % 5 == 0) }))
            .collect();
        let model = (0..600).map(|row| Some((0.8, row % 10 != 1))).collect();
        vec![
            stage("rules", 0.001, rules),
            stage("head", 0.1, head),
            stage("model", 100.0, model),
        ]
    }

    #[test]
    fn each_stage_answers_what_it_is_sure_of() {
        let cascade = choose_cascade(&stages(), 0.95).unwrap();
        let answered: Vec<u64> = cascade.stages.iter().map(|stage| stage.answered).collect();
        assert_eq!(answered, [200, 200, 200]);
        assert_eq!(cascade.stages[1].reached, 400);
        assert!(cascade.accuracy >= cascade.accuracy_of_last);
        assert!(cascade.cost < 0.4 * cascade.cost_of_last);
    }

    #[test]
    fn a_stage_that_is_never_sure_enough_is_left_out() {
        let mut stages = stages();
        stages[1].rows = (0..600).map(|row| Some((0.9, row % 2 == 0))).collect();
        let cascade = choose_cascade(&stages, 0.95).unwrap();
        let names: Vec<&str> = cascade.stages.iter().map(|stage| stage.name.as_str()).collect();
        assert_eq!(names, ["rules", "model"]);
        assert_eq!(cascade.stages[1].answered, 400);
    }

    #[test]
    fn stages_of_different_rows_are_refused() {
        let mut stages = stages();
        stages[0].rows.pop();
        assert!(matches!(choose_cascade(&stages, 0.9), Err(LearnError::Shape { .. })));
        assert!(matches!(
            choose_cascade(&[], 0.9),
            Err(LearnError::TooFewExamples { .. })
        ));
    }
}
