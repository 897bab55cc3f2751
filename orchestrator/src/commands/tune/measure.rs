//! How one way of answering does on labelled rows.

use refuel_engine::evaluate::{Interval, auroc, auroc_interval, wilson};
use refuel_task::{Answer, Source, Status};
use serde::Serialize;
use serde_json::Value;

use super::variants::{Variant, cost};

/// One way of answering, measured. The keys are stable.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Measured {
    /// What it is called.
    pub(super) way: String,
    /// `name@digest` of what answers.
    pub(super) model: String,
    /// Share of all rows with the right answer. A row without one is a wrong one.
    pub(super) accuracy: f64,
    /// Its 95 % interval.
    pub(super) accuracy_ci95: Option<Interval>,
    /// How well confidence tells right from wrong, of the rows that have an answer.
    pub(super) auroc: Option<f64>,
    /// Its 95 % interval.
    pub(super) auroc_ci95: Option<Interval>,
    /// Share of the rows that have an answer.
    pub(super) answered: f64,
    /// Rows a second, of the rows whose answers were not kept from earlier, counted in chunks. None where every chunk has
    /// kept ones.
    pub(super) rows_per_second: Option<f64>,
    /// Seconds from the first row to the last.
    pub(super) seconds: f64,
    /// What an answer costs: see [`super::variants::cost`].
    #[serde(skip)]
    pub(super) cost: u8,
    /// Whether each row is right.
    #[serde(skip)]
    pub(super) right: Vec<bool>,
}

/// How long a way of answering took.
#[derive(Debug, Clone, Copy)]
pub(super) struct Time {
    /// Seconds from the first row to the last.
    pub(super) seconds: f64,
    /// See [`Measured::rows_per_second`].
    pub(super) rows_per_second: Option<f64>,
}

/// Times what is answered anew: how fast a kept answer is found says nothing of what gave it.
#[derive(Debug, Default)]
pub(super) struct Clock {
    rows: usize,
    seconds: f64,
}

impl Clock {
    /// Counts rows that were answered together, unless answers of some were kept.
    pub(super) fn add(&mut self, answers: &[Answer], seconds: f64) {
        if answers.iter().all(|answer| answer.source != Source::Cache) {
            self.rows += answers.len();
            self.seconds += seconds;
        }
    }

    /// None where nothing was counted.
    pub(super) fn rows_per_second(&self) -> Option<f64> {
        (self.rows > 0).then(|| self.rows as f64 / self.seconds.max(1e-9))
    }
}

impl Measured {
    /// Measures answers beside the right ones.
    pub(super) fn of(way: &Variant, model: &str, answers: &[Answer], expected: &[&Value], time: Time) -> Self {
        let said = |answer: &Answer| answer.status == Status::Ok;
        let right: Vec<bool> = answers
            .iter()
            .zip(expected)
            .map(|(answer, expected)| said(answer) && answer.value == **expected)
            .collect();
        let hits = right.iter().filter(|right| **right).count() as u64;
        let rows = answers.len().max(1) as f64;
        let scored: Vec<(f64, bool)> = answers
            .iter()
            .zip(&right)
            .filter(|(answer, _)| said(answer))
            .filter_map(|(answer, right)| Some((f64::from(answer.confidence?), *right)))
            .collect();
        Self {
            way: way.name.clone(),
            cost: cost(way.task.strategy),
            model: model.to_owned(),
            accuracy: hits as f64 / rows,
            accuracy_ci95: wilson(hits, answers.len() as u64),
            auroc: auroc(&scored),
            auroc_ci95: auroc_interval(&scored),
            answered: answers.iter().filter(|answer| said(answer)).count() as f64 / rows,
            rows_per_second: time.rows_per_second,
            seconds: time.seconds,
            right,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kept_answers_are_not_timed() {
        let answer = |source| Answer {
            source,
            ..Answer::error("m@1", "")
        };
        let mut clock = Clock::default();
        clock.add(&[answer(Source::Head), answer(Source::Cache)], 1e-6);
        assert_eq!(clock.rows_per_second(), None);
        clock.add(&[answer(Source::Head), answer(Source::Head)], 0.5);
        assert_eq!(clock.rows_per_second(), Some(4.0));
    }
}
