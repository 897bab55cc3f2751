//! Evaluations: how good a task's answers must be.

use std::sync::Arc;

use refuel_task::Place;
use refuel_task::yaml::Node;
use serde::Serialize;

use super::keys::{DRIFT, EVALUATION, METRICS, ON};
use super::reader::Reader;
use super::{Format, Reference};
use crate::config::{Comparison, Layered, Severity, TestConfig};
use crate::error::ProjectError;
use crate::shape::Entries;

/// A test of the answers behind a model: against rows whose right answer is known, against the run before, or both.
#[derive(Debug, Clone)]
pub struct Evaluation {
    /// Name.
    pub name: String,
    /// Where it is written.
    pub place: Place,
    /// What it is for, for people.
    pub description: Option<String>,
    /// The task whose answers are looked at. None: the answers are in the column `prediction`.
    pub task: Option<String>,
    /// The rows whose right answer is known.
    pub rows: EvaluationRows,
    /// Columns that the model and the rows both have. Where there are any, the model's answers, in `prediction`, are
    /// held against the rows with the same values; where there are none and the rows aren't the model's, the task is
    /// asked of each row.
    pub key: Vec<String>,
    /// The column of the right answers.
    pub truth: Option<String>,
    /// The column of the answers, where they are in a column.
    pub prediction: Option<String>,
    /// The column of the answers' confidence, where it is in a column.
    pub confidence: Option<String>,
    /// Bounds of measures against the right answers.
    pub metrics: Vec<(Metric, Comparison)>,
    /// Bounds of how far the distribution of labels is from that of the run before.
    pub drift: Vec<(Drift, Comparison)>,
    /// `severity`, `enabled`, `tags`, `where` and `meta` count.
    pub config: Arc<TestConfig>,
}

/// The rows of an evaluation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EvaluationRows {
    /// The rows of the model itself.
    Model,
    /// The rows of a model, seed or source.
    Reference(Reference),
    /// The rows of a file, named from the project's folder.
    File {
        /// The file.
        path: String,
        /// How it is written.
        format: Format,
    },
}

/// A measure of answers against the right ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// The share of right answers among all rows that have an answer.
    Accuracy,
    /// The mean over labels of the harmonic mean of precision and recall.
    F1,
    /// The share of rows that are answered at the task's threshold.
    Coverage,
    /// How well confidence tells right from wrong answers: the area under the ROC curve.
    Auroc,
}

impl Metric {
    /// The word that properties use.
    pub fn name(self) -> &'static str {
        match self {
            Self::Accuracy => "accuracy",
            Self::F1 => "f1",
            Self::Coverage => "coverage",
            Self::Auroc => "auroc",
        }
    }
}

/// A measure of how far two distributions of labels are apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Drift {
    /// The p-value of the chi-square test of homogeneity.
    ChiSquare,
    /// The population stability index.
    Psi,
}

impl Drift {
    /// The word that properties use.
    pub fn name(self) -> &'static str {
        match self {
            Self::ChiSquare => "chi_square",
            Self::Psi => "psi",
        }
    }
}

impl Reader<'_> {
    /// Reads the evaluations of a model.
    pub(super) fn evaluations(&mut self, entries: &mut Entries) -> Vec<Evaluation> {
        let mut evaluations: Vec<Evaluation> = Vec::new();
        for node in entries.list("evaluations") {
            let Some(evaluation) = self.evaluation(node) else {
                continue;
            };
            if let Some(first) = evaluations.iter().find(|other| other.name == evaluation.name) {
                self.problems.push(ProjectError::Duplicate {
                    place: evaluation.place.clone(),
                    what: format!("an evaluation named \"{}\" of this model", evaluation.name),
                    first: first.place.clone(),
                    hint: "give each a name of its own".to_owned(),
                });
            }
            evaluations.push(evaluation);
        }
        evaluations
    }

    fn evaluation(&mut self, node: Node) -> Option<Evaluation> {
        let mut entries = Entries::open(node, &EVALUATION)?;
        let place = entries.place.clone();
        let name = entries.filled("name")?;
        let (rows, mut on) = match entries.take("on") {
            None => (EvaluationRows::Model, None),
            Some(node) if node.content.text().is_some() => (self.evaluation_rows(&node)?, None),
            Some(node) => {
                let mut on = Entries::open(node, &ON)?;
                let rows = match on.take("relation") {
                    None => EvaluationRows::Model,
                    Some(node) => self.evaluation_rows(&node)?,
                };
                (rows, Some(on))
            }
        };
        let key = on.as_mut().and_then(|on| on.texts("key")).unwrap_or_default();
        let mut column = |key: &str| {
            let own = entries.filled(key);
            on.as_mut().and_then(|on| on.filled(key)).or(own)
        };
        let (truth, prediction, confidence) = (column("truth"), column("prediction"), column("confidence"));
        let mut config = match entries.object("config", TestConfig::KEYS) {
            Some(config) => self.tests.merged(config),
            None => (*self.tests).clone(),
        };
        let severities = [("error", Severity::Error), ("warn", Severity::Warn)];
        if let Some(severity) = entries.word("severity", &severities) {
            config.severity = severity;
        }
        let all = [Metric::Accuracy, Metric::F1, Metric::Coverage, Metric::Auroc];
        let metrics = entries.object("metrics", &METRICS).map_or_else(Vec::new, |mut bounds| {
            let bound = |metric: &Metric| Some((*metric, Comparison::parse(&bounds.text(metric.name())?, "")?));
            all.iter().filter_map(bound).collect()
        });
        let drift = entries.object("drift", &DRIFT).map_or_else(Vec::new, |mut bounds| {
            let subjects = [(Drift::ChiSquare, "p"), (Drift::Psi, "psi")];
            let bound = |(drift, subject): (Drift, &str)| {
                Some((drift, Comparison::parse(&bounds.text(drift.name())?, subject)?))
            };
            subjects.into_iter().filter_map(bound).collect()
        });
        let evaluation = Evaluation {
            name,
            description: entries.filled("description"),
            task: entries.filled("task"),
            rows,
            key,
            truth,
            prediction,
            confidence,
            metrics,
            drift,
            config: Arc::new(config),
            place,
        };
        self.check_evaluation(&evaluation);
        Some(evaluation)
    }

    /// What is looked at must be told.
    fn check_evaluation(&mut self, evaluation: &Evaluation) {
        let mut wrong = |message: &str, hint: &str| {
            self.problems.push(ProjectError::Invalid {
                place: evaluation.place.clone(),
                message: format!("the evaluation \"{}\" {message}", evaluation.name),
                hint: Some(hint.to_owned()),
            });
        };
        if evaluation.metrics.is_empty() && evaluation.drift.is_empty() {
            wrong(
                "has no bound",
                "give one: metrics: {accuracy: \">= 0.8\"}, or drift: {psi: \"< 0.2\"}",
            );
        }
        let needs_truth = evaluation.metrics.iter().any(|(metric, _)| *metric != Metric::Coverage);
        if needs_truth && evaluation.truth.is_none() {
            wrong("has no column of right answers", "name it: truth: COLUMN");
        }
        match &evaluation.rows {
            EvaluationRows::Model if evaluation.task.is_none() && evaluation.prediction.is_none() => {
                wrong(
                    "names no answers",
                    "name the task: task: NAME, or the column of the answers: prediction: COLUMN",
                );
            }
            EvaluationRows::Model if !evaluation.metrics.is_empty() && evaluation.prediction.is_none() => {
                wrong("names no column of answers", "name it: prediction: COLUMN");
            }
            EvaluationRows::Model if !evaluation.key.is_empty() => {
                wrong(
                    "has a \"key\" and no other rows",
                    "name them, relation: ref('NAME'), or take \"key\" out",
                );
            }
            EvaluationRows::Reference(_) | EvaluationRows::File { .. } => {
                if !evaluation.key.is_empty() && evaluation.prediction.is_none() {
                    wrong("names no column of answers", "name it: prediction: COLUMN");
                } else if evaluation.key.is_empty() && evaluation.task.is_none() {
                    wrong(
                        "names no task to ask of the rows",
                        "name it, task: NAME, or the columns that the model and the rows have both: key: id",
                    );
                }
            }
            EvaluationRows::Model => {}
        }
        let needs_confidence = evaluation.metrics.iter().any(|(metric, _)| *metric == Metric::Auroc);
        let is_asked = evaluation.rows != EvaluationRows::Model && evaluation.key.is_empty();
        if needs_confidence && !is_asked && evaluation.confidence.is_none() {
            wrong(
                "has a bound of auroc, and names no column of confidence",
                "name it: confidence: COLUMN",
            );
        }
    }

    fn evaluation_rows(&mut self, node: &Node) -> Option<EvaluationRows> {
        let text = node.content.text()?;
        if let Some(reference) = Reference::parse(text) {
            return Some(EvaluationRows::Reference(reference));
        }
        if let Some(format) = Format::of_name(text) {
            return Some(EvaluationRows::File {
                path: text.to_owned(),
                format,
            });
        }
        self.problems.push(ProjectError::Invalid {
            place: node.place.clone(),
            message: format!("\"on\" can't be \"{text}\""),
            hint: Some("write ref('NAME'), source('SOURCE', 'TABLE'), or a file such as data/labelled.csv".to_owned()),
        });
        None
    }
}
