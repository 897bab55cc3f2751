//! Measures beside the bounds that they must keep.

use refuel_engine::evaluate::{Evaluation, Interval};
use refuel_project::{Comparison, Metric};
use serde::Serialize;

use crate::words;

/// A measure and whether it is as it must be.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MetricResult {
    /// Its name, such as `accuracy` or `psi`.
    pub metric: String,
    /// Its value. None where it can't be measured on these rows.
    pub value: Option<f64>,
    /// Its 95 % interval, where it has one.
    pub interval: Option<Interval>,
    /// What always giving the most frequent answer would get, where that can be compared.
    pub baseline: Option<f64>,
    /// Rows that it was measured on.
    pub rows: u64,
    /// What it must be, such as `>= 0.8`. None where it is only measured.
    pub bound: Option<String>,
    /// Whether it is. What can't be measured doesn't pass.
    pub passed: bool,
    /// Why it can't be measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'static str>,
}

impl MetricResult {
    /// A measure beside its bound.
    pub(crate) fn new(metric: &str, value: Option<f64>, rows: u64, bound: Option<&Comparison>) -> Self {
        Self {
            metric: metric.to_owned(),
            value,
            interval: None,
            baseline: None,
            rows,
            bound: bound.map(ToString::to_string),
            passed: bound.is_none_or(|bound| value.is_some_and(|value| bound.holds(value))),
            reason: None,
        }
    }

    /// The measure where there is nothing to measure.
    pub(crate) fn of_nothing(metric: &str, bound: &Comparison) -> Self {
        Self {
            reason: Some("no row has a right answer that can be used"),
            ..Self::new(metric, None, 0, Some(bound))
        }
    }

    /// `accuracy 0.75 [0.41, 0.93] on 8 rows, must be >= 0.8; always the most frequent answer gets 0.5`.
    pub fn to_text(&self) -> String {
        // Of this test the bound is one of p, and not of the statistic.
        let metric = match self.metric.as_str() {
            "chi_square" => "chi_square p",
            other => other,
        };
        let mut text = match self.value {
            Some(value) => format!("{metric} {}", number(value)),
            None => format!("{metric} can't be measured"),
        };
        if let Some(Interval(low, high)) = self.interval {
            text.push_str(&format!(" [{}, {}]", number(low), number(high)));
        }
        text.push_str(&format!(" on {}", words::count(self.rows, "row")));
        if let Some(reason) = self.reason {
            text.push_str(&format!(", since {reason}"));
        }
        if let Some(bound) = &self.bound {
            let verb = if self.passed { "as it must be" } else { "must be" };
            text.push_str(&format!(", {verb} {bound}"));
        }
        if let Some(baseline) = self.baseline {
            text.push_str(&format!("; always the most frequent answer gets {}", number(baseline)));
        }
        text
    }
}

/// Three digits behind the point, no zeros at the end.
fn number(value: f64) -> String {
    let text = format!("{value:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// The measures of an evaluation beside their bounds.
pub(crate) fn measured(evaluation: &Evaluation, bounds: &[(Metric, Comparison)]) -> Vec<MetricResult> {
    bounds
        .iter()
        .map(|(metric, bound)| {
            let (value, interval, baseline) = match metric {
                Metric::Accuracy => (
                    evaluation.accuracy_of_completed,
                    evaluation.accuracy_of_completed_ci95,
                    Some(evaluation.majority_rate),
                ),
                Metric::F1 => (evaluation.f1_macro, evaluation.f1_macro_ci95, None),
                Metric::Coverage => (Some(evaluation.completion_rate), None, None),
                Metric::Auroc => (evaluation.auroc, evaluation.auroc_ci95, Some(0.5)),
            };
            let reason = match metric {
                _ if value.is_some() => None,
                _ if evaluation.completed == 0 => Some("no row has an answer"),
                Metric::Auroc => Some("it takes right answers and wrong ones, with a confidence each"),
                _ => None,
            };
            MetricResult {
                interval,
                baseline,
                reason,
                ..MetricResult::new(metric.name(), value, evaluation.rows, Some(bound))
            }
        })
        .collect()
}

/// One measure after the other, those that failed first.
pub(crate) fn report_of(metrics: &[MetricResult]) -> String {
    let (passed, failed): (Vec<&MetricResult>, Vec<&MetricResult>) = metrics.iter().partition(|metric| metric.passed);
    let told: Vec<String> = failed.into_iter().chain(passed).map(MetricResult::to_text).collect();
    told.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_measure_is_told_with_its_interval_its_bound_and_the_null_model() {
        let bound = Comparison::parse(">= 0.8", "").unwrap();
        let metric = MetricResult {
            interval: Some(Interval(0.409_3, 0.928_6)),
            baseline: Some(0.5),
            ..MetricResult::new("accuracy", Some(0.75), 8, Some(&bound))
        };
        assert!(!metric.passed);
        assert_eq!(
            metric.to_text(),
            "accuracy 0.75 [0.409, 0.929] on 8 rows, must be >= 0.8; always the most frequent answer gets 0.5"
        );
        assert_eq!(report_of(std::slice::from_ref(&metric)), metric.to_text());
    }

    #[test]
    fn what_cannot_be_measured_does_not_pass() {
        let bound = Comparison::parse(">= 0.5", "").unwrap();
        let metric = MetricResult::new("auroc", None, 3, Some(&bound));
        assert!(!metric.passed);
        assert_eq!(metric.to_text(), "auroc can't be measured on 3 rows, must be >= 0.5");
        assert_eq!(
            MetricResult::of_nothing("accuracy", &bound).to_text(),
            "accuracy can't be measured on 0 rows, since no row has a right answer that can be used, must be >= 0.5"
        );
    }

    #[test]
    fn measures_are_all_told_and_those_that_failed_first() {
        let (low, high) = (
            Comparison::parse("> 0.01", "").unwrap(),
            Comparison::parse("< 0.2", "").unwrap(),
        );
        let metrics = [
            MetricResult::new("psi", Some(0.1), 20, Some(&high)),
            MetricResult::new("chi_square", Some(0.0), 1, Some(&low)),
        ];
        assert_eq!(
            report_of(&metrics),
            "chi_square p 0 on 1 row, must be > 0.01; psi 0.1 on 20 rows, as it must be < 0.2"
        );
    }
}
