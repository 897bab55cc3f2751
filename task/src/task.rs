//! A task: a versioned, declarative description of one judgement.

use std::fmt;
use std::ops::Range;
use std::path::Path;

use serde::Serialize;
use serde_json::Value;

use crate::answer::{Answer, Scored, Status};
use crate::calibrated::{Calibrated, Mismatch};
use crate::error::TaskError;
use crate::examples::ExampleSet;
use crate::gate::Gate;
use crate::input::{InputSpec, Record, RenderedInput};
use crate::kinds::{Kind, Known};
use crate::shape::{self, Field};
use crate::strategy::{LabelRule, Strategy};
use crate::tables::TableTask;
use crate::values::ValueRules;
use crate::{fingerprint, parse};

/// Most labels a task can have.
pub const MOST_LABELS: usize = 10_000;
/// Longest name of a label, in characters.
pub const LONGEST_LABEL: usize = 200;
/// Longest guidelines, in bytes.
pub const LONGEST_GUIDELINES: usize = 64 * 1024;
/// Largest task file, in bytes.
pub const LARGEST_FILE: u64 = 8 * 1024 * 1024;

/// The model of tasks that name none, but for those of kind `embed`, whose model is [`crate::EMBEDDING_MODEL`].
pub const DEFAULT_MODEL: &str = "smollm2-135m-instruct";

/// What stands where a model's would for tasks that ask none: in answers, in keys of caches and in reports. The number
/// is that of the rules in this library; with another one everything is answered anew.
pub const RULES_MODEL: &str = "rules@3";

/// Whether a model's name is that of rules, of this version or another: what a catalog keeps of a task may be older than
/// this library. Digests have six digits or more.
pub fn names_rules(model: &str) -> bool {
    let number = model.strip_prefix("rules@").unwrap_or_default();
    (1..6).contains(&number.len()) && number.bytes().all(|digit| digit.is_ascii_digit())
}

/// One of the values that a task can answer with.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Label {
    /// What the model answers, verbatim.
    pub name: String,
    /// What the label means, for the model to read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Other spellings that data may use for it. The model never sees them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
    /// For a label that is right where no other is, such as "other": the share of rows, between 0 and 1, that is expected
    /// to have it. A head learns of it from what the other labels are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub catch_all: Option<f32>,
}

/// A model by name, and by digest where it is pinned.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct ModelName {
    /// Name in the registry.
    pub name: String,
    /// The digest's first hexadecimal digits (six or more), or all of them, without `sha256:`.
    pub digest: Option<String>,
}

impl fmt::Display for ModelName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.digest {
            Some(digest) => write!(f, "{}@{digest}", self.name),
            None => f.write_str(&self.name),
        }
    }
}

/// What happens to a row that fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum OnError {
    /// The whole run stops.
    Fail,
    /// The value is null and the run goes on.
    Null,
    /// The value is null, the status `error` and its reason are kept beside it, and the run goes on.
    #[default]
    Capture,
}

/// What is kept of an input that does not fit into the model's context. The policy names the part that is *kept*.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum Truncate {
    /// The beginning is kept, the end is cut off.
    #[default]
    Head,
    /// The end is kept, the beginning is cut off.
    Tail,
    /// The middle is kept; as much is cut off the beginning as off the end.
    Middle,
    /// Nothing is cut off: the row fails.
    Error,
}

impl Truncate {
    /// Which tokens, bytes or other units of `length` are kept where only `room` fit. None where the policy is to fail.
    pub fn kept(self, length: usize, room: usize) -> Option<Range<usize>> {
        if length <= room {
            return Some(0..length);
        }
        match self {
            Self::Head => Some(0..room),
            Self::Tail => Some(length - room..length),
            Self::Middle => {
                let start = (length - room) / 2;
                Some(start..start + room)
            }
            Self::Error => None,
        }
    }

    /// The same for several parts that share the room: each gets as much of it as the others leave, the same for all
    /// that are too long. None where the policy is to fail and the parts don't fit.
    pub fn kept_of(self, lengths: &[usize], room: usize) -> Option<Vec<Range<usize>>> {
        let mut shares = vec![0; lengths.len()];
        let mut left = room;
        let mut order: Vec<usize> = (0..lengths.len()).collect();
        order.sort_by_key(|&part| lengths[part]);
        for (done, &part) in order.iter().enumerate() {
            shares[part] = lengths[part].min(left / (lengths.len() - done));
            left -= shares[part];
        }
        lengths
            .iter()
            .zip(shares)
            .map(|(&length, share)| self.kept(length, share))
            .collect()
    }
}

/// How label probabilities are corrected for what the model says whatever the input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum Calibration {
    /// Not at all.
    #[default]
    None,
    /// The labels' scores on inputs without content are taken off (Zhao et al. 2021, "Calibrate Before Use:
    /// Improving Few-Shot Performance of Language Models").
    Contextual,
}

/// The number as it was written: 0.95, where the nearest of its width is 0.949999988.
pub fn decimal(number: f32) -> f64 {
    number.to_string().parse().unwrap_or(f64::from(number))
}

/// Which of an answer's two confidences the threshold is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum Confidence {
    /// The probability normalized over what could have been answered.
    #[default]
    Normalized,
    /// The geometric mean of the probabilities of the answer's tokens.
    Raw,
}

impl Confidence {
    /// That confidence of an answer.
    pub fn of(self, answer: &Answer) -> Option<f32> {
        match self {
            Self::Normalized => answer.confidence,
            Self::Raw => answer.raw_confidence,
        }
    }

    /// That confidence of a value that was scored.
    pub fn of_scored(self, scored: &Scored) -> f32 {
        match self {
            Self::Normalized => scored.confidence,
            Self::Raw => scored.raw_confidence,
        }
    }
}

/// How text is generated, for tasks of the kinds `complete`, `extract` and `answer`. The temperature is 0: the likeliest token is always taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Generation {
    /// Most tokens that are generated.
    pub max_tokens: u32,
    /// Texts that end the reply; they are not part of it.
    pub stop: Vec<String>,
}

impl Default for Generation {
    fn default() -> Self {
        Self {
            max_tokens: 256,
            stop: Vec::new(),
        }
    }
}

/// A task, read and checked.
///
/// Made by [`Task::from_file`], [`Task::from_yaml`] or [`Task::from_json`]; the fields can be changed afterwards, as
/// `refuel eval --compare calibration=on,off` does, and [`Task::fingerprint`] follows.
#[derive(Debug, Clone)]
pub struct Task {
    /// Name, such as `ticket_topic`: letters, digits, `_` and `-`.
    pub name: String,
    /// Version that people count.
    pub version: Option<u32>,
    /// What a task returns.
    pub kind: Kind,
    /// What it is for, for people.
    pub description: Option<String>,
    /// Who answers for it.
    pub owner: Option<String>,
    /// Words to find it by.
    pub tags: Vec<String>,
    /// What the model is told, without white space at the ends.
    pub guidelines: String,
    /// What can be answered, in the order in which the model reads it.
    pub labels: Vec<Label>,
    /// For `extract`: what is read out, in the order in which the model writes it.
    pub fields: Vec<Field>,
    /// What of a row the model reads.
    pub input: InputSpec,
    /// Solved rows.
    pub examples: Option<ExampleSet>,
    /// The model, where the task names one.
    pub model: Option<ModelName>,
    /// Answers with less confidence than this abstain.
    pub threshold: Option<f32>,
    /// The share of accepted answers that is to be right, where the threshold is chosen for that.
    pub target_precision: Option<f32>,
    /// What was learned of the confidence of its answers.
    pub calibrated: Option<Calibrated>,
    /// Which confidence the threshold is compared with.
    pub confidence: Confidence,
    /// The value of an answer that abstains.
    pub fallback: Option<Value>,
    /// For `normalize`, `clean` and `enrich`: the rules that answer first.
    pub value_rules: Option<ValueRules>,
    /// What happens to a row that fails.
    pub on_error: OnError,
    /// What is kept of an input that is too long.
    pub truncate: Truncate,
    /// For `resolve` and `repair`: what is asked of a whole table.
    pub table: Option<TableTask>,
    /// What answers.
    pub strategy: Strategy,
    /// For `label`: rules that are tried before anything else.
    pub label_rules: Vec<LabelRule>,
    /// For the strategy `cascade`: the share of the answers of each step but the last that has to be right.
    pub keep: f32,
    /// For the strategies `head` and `cascade`: the head, where the task names one; see [`Task::head_name`].
    pub head: Option<ModelName>,
    /// How probabilities are corrected.
    pub calibration: Calibration,
    /// For `multilabel`: the least probability of a label that is given, 0.5 unless told.
    pub label_threshold: f32,
    /// For `answer`: the least probability of there being none with which none is given, 0.5 unless told.
    pub no_answer_threshold: f32,
    /// For `complete`, `extract` and `answer`: how text is generated.
    pub generation: Generation,
}

impl Task {
    /// Reads a task file, and the files it names, which are looked for from its folder. Where the file gives no name,
    /// the task is called after the file.
    ///
    /// # Errors
    /// What is wrong first, with its file, line and column.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, TaskError> {
        parse::from_file(path.as_ref())
    }

    /// Reads a task file whose threshold may still have to be chosen: it has none then.
    ///
    /// # Errors
    /// As for [`Task::from_file`].
    pub fn to_calibrate(path: impl AsRef<Path>) -> Result<Self, TaskError> {
        parse::to_calibrate(path.as_ref())
    }

    /// Reads a task from YAML text. `source` is what errors call it, `folder` is where the files it names are looked
    /// for. Where the text gives no name, the task is called after `source`.
    pub fn from_yaml(text: &str, source: &str, folder: &Path) -> Result<Self, TaskError> {
        parse::from_yaml(text, source, folder)
    }

    /// Reads a task from a JSON value of the same schema, as a catalog holds it.
    pub fn from_json(value: &Value, source: &str, folder: &Path) -> Result<Self, TaskError> {
        parse::from_json(value, source, folder)
    }

    /// Reads a task from a JSON value of the same schema, as [`Task::from_json`] does, without looking at any file.
    ///
    /// # Errors
    /// [`TaskError::Invalid`] where the task names a file; the others as for a file.
    pub fn from_catalog(value: &Value, source: &str) -> Result<Self, TaskError> {
        parse::from_catalog(value, source)
    }

    /// Reads a task file as [`Task::from_file`] does, and gives what a catalog keeps of it: an object that
    /// [`Task::from_catalog`] reads as the same task, whatever order the keys of its maps are put into.
    ///
    /// Example files are taken in, a map of labels becomes a list, and the name is there. Everything else is as written.
    ///
    /// # Errors
    /// As for [`Task::from_file`].
    pub fn export(path: impl AsRef<Path>) -> Result<Value, TaskError> {
        parse::export(path.as_ref())
    }

    /// Hash of everything that can change an answer, in 64 hexadecimal digits. The model is not in it: a cache keys
    /// answers by input hash, fingerprint and model digest.
    pub fn fingerprint(&self) -> String {
        fingerprint::of(self, None)
    }

    /// The same, with the embedding model that chooses examples pinned to the digest it has now.
    pub fn fingerprint_with_embedding_digest(&self, digest: &str) -> String {
        fingerprint::of(self, Some(digest))
    }

    /// What the model reads of a row.
    ///
    /// # Errors
    /// [`TaskError::MissingColumn`], [`TaskError::EmptyInput`] where every part is null or blank, and
    /// [`TaskError::Template`]. Each of them is an error of that row alone.
    pub fn render_input(&self, record: &Record) -> Result<RenderedInput, TaskError> {
        self.input.render(record).map_err(|error| self.named(error))
    }

    /// The error with the side's name, where a side of the input is empty.
    fn named(&self, error: TaskError) -> TaskError {
        match (error, self.kind.rules().sides()) {
            (TaskError::EmptyInput { side }, Some([first, second])) => TaskError::EmptyInput {
                side: side
                    .replace("\"a\"", &format!("\"{first}\""))
                    .replace("\"b\"", &format!("\"{second}\"")),
            },
            (error, _) => error,
        }
    }

    /// What the model reads of a text that has no column: as if it stood in the one column that the task reads.
    ///
    /// # Errors
    /// [`TaskError::NeedsRow`] where the task reads two sides, or several columns; [`TaskError::EmptyInput`].
    pub fn render_text(&self, text: &str) -> Result<RenderedInput, TaskError> {
        self.input.render_text(text)
    }

    /// What the model reads of two texts that are compared: as if each stood in the one column that its side reads.
    ///
    /// # Errors
    /// [`TaskError::NeedsRow`] where the task does not compare, or where a side reads several columns;
    /// [`TaskError::EmptyInput`].
    pub fn render_pair(&self, a: &str, b: &str) -> Result<RenderedInput, TaskError> {
        self.input.render_pair(a, b).map_err(|error| self.named(error))
    }

    /// The columns that the task reads, each once, in the order in which they are named. Those of a template that are
    /// reached by computation alone are not found.
    pub fn columns(&self) -> Vec<String> {
        self.input.columns()
    }

    /// The answer to an input [without anything](RenderedInput::nothing), before it is gated: nobody needs to be asked. A text
    /// that is mended stays empty, of a record every field is missing; tasks of other kinds have no value, and abstain.
    pub fn answer_to_nothing(&self) -> Answer {
        let nothing = Answer {
            status: Status::Abstained,
            ..Answer::unasked(RULES_MODEL, "input is empty")
        };
        if self.kind == Kind::CLEAN {
            return Answer {
                value: Value::from(""),
                confidence: Some(1.0),
                raw_confidence: Some(1.0),
                status: Status::Ok,
                reason: None,
                ..nothing
            };
        }
        if self.kind == Kind::ENRICH {
            return Answer {
                value: self.completed(&Record::new(), &serde_json::Map::new()),
                ..nothing
            };
        }
        nothing
    }

    /// Puts a value that data gives as the right answer into the form in which answers of this task come: a label's name
    /// for its alias, a list for `a; b`, a record with its fields in their order. Evaluation compares answers with this.
    ///
    /// # Errors
    /// Why it can't be an answer of this task.
    pub fn normalize_expected(&self, value: &Value) -> Result<Value, String> {
        let known = Known {
            labels: &self.labels,
            fields: &self.fields,
            values: self.value_rules.as_ref(),
        };
        let read = self.kind.rules().read_answer(value, known);
        read.map_err(|problem| problem.message)
    }

    /// The number of the label that is right where no other is, and the share of rows that is expected to have it.
    pub fn catch_all(&self) -> Option<(usize, f32)> {
        let mut labels = self.labels.iter().enumerate();
        labels.find_map(|(number, label)| Some((number, label.catch_all?)))
    }

    /// The label with this name, or with this alias. Names win over aliases.
    pub fn label(&self, name: &str) -> Option<&Label> {
        find_label(&self.labels, name)
    }

    /// That the task is about rows.
    ///
    /// # Errors
    /// [`TaskError::OfTables`] where it is about whole tables.
    pub fn of_rows(&self) -> Result<(), TaskError> {
        if self.kind.is_of_tables() {
            return Err(TaskError::OfTables {
                task: self.name.clone(),
                kind: self.kind.name(),
            });
        }
        Ok(())
    }

    /// The fields that the task reads out or fills in, as the list of a task file. Empty for other kinds.
    pub fn fields_spec(&self) -> Value {
        shape::spec(&self.fields)
    }

    /// Whether a model is asked. Rules alone answer tasks of some kinds that name none.
    pub fn asks_model(&self) -> bool {
        // The head of a task of kind `answer` judges what a model says.
        let is_judged = self.kind == Kind::ANSWER && self.strategy.reads_head();
        (is_judged || self.strategy.leaves_to_model()) && (self.model.is_some() || self.kind.rules().needs_model())
    }

    /// The model that is asked: the one that the task names, by `name` or `name@digest`, or else the default of its kind;
    /// [`RULES_MODEL`] where none is asked.
    pub fn model_name(&self) -> String {
        match &self.model {
            Some(model) => model.to_string(),
            None if !self.asks_model() => RULES_MODEL.to_owned(),
            None if self.kind == Kind::EMBED => crate::EMBEDDING_MODEL.to_owned(),
            None => DEFAULT_MODEL.to_owned(),
        }
    }

    /// The rule that an answer of this task must pass.
    pub fn gate(&self) -> Gate {
        Gate {
            threshold: self.threshold,
            confidence: self.confidence,
            fallback: self.fallback.clone(),
            calibrated: self.calibrated.clone(),
        }
    }

    /// The same task with a gate that lets everything through as the model gave it: for whoever keeps or measures answers
    /// and gates them himself.
    #[must_use]
    pub fn ungated(&self) -> Self {
        Self {
            threshold: None,
            target_precision: None,
            calibrated: None,
            ..self.clone()
        }
    }

    /// The task as it is gated where the model with this digest answers it, asked with this fingerprint: without a
    /// calibration of another model's answers. With what a user should know, where the calibration doesn't fit.
    ///
    /// # Errors
    /// [`TaskError::OtherModel`] where the threshold was chosen on another model's answers: nothing is known of what it
    /// would let through.
    pub fn settled(mut self, digest: &str, fingerprint: &str) -> Result<(Self, Option<String>), TaskError> {
        let Some(calibrated) = &self.calibrated else {
            return Ok((self, None));
        };
        let again = format!("`refuel calibrate` makes it anew for \"{}\"", self.name);
        match calibrated.holds_for(digest, fingerprint) {
            Ok(()) => Ok((self, None)),
            Err(mismatch @ Mismatch::Task) => Ok((self, Some(format!("{mismatch}: {again}")))),
            Err(Mismatch::Model) if self.target_precision.is_some() => Err(TaskError::OtherModel { task: self.name }),
            Err(mismatch @ Mismatch::Model) => {
                self.calibrated = None;
                Ok((self, Some(format!("{mismatch}, and is left out: {again}"))))
            }
        }
    }
}

/// The label with this name, or else with this alias.
pub(crate) fn find_label<'a>(labels: &'a [Label], name: &str) -> Option<&'a Label> {
    labels.iter().find(|label| label.name == name).or_else(|| {
        labels
            .iter()
            .find(|label| label.aliases.iter().any(|alias| alias == name))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_truncation_policy_names_the_part_that_is_kept() {
        assert_eq!(Truncate::Head.kept(10, 4), Some(0..4));
        assert_eq!(Truncate::Tail.kept(10, 4), Some(6..10));
        assert_eq!(Truncate::Middle.kept(10, 4), Some(3..7));
        assert_eq!(Truncate::Middle.kept(10, 5), Some(2..7));
        assert_eq!(Truncate::Error.kept(10, 4), None);
        for policy in [Truncate::Head, Truncate::Tail, Truncate::Middle, Truncate::Error] {
            assert_eq!(policy.kept(4, 4), Some(0..4), "what fits is never cut");
        }
    }

    #[test]
    fn parts_share_the_room_and_short_ones_leave_theirs_to_the_others() {
        assert_eq!(Truncate::Head.kept_of(&[3, 5], 8), Some(vec![0..3, 0..5]));
        assert_eq!(Truncate::Head.kept_of(&[100, 2], 8), Some(vec![0..6, 0..2]));
        assert_eq!(Truncate::Tail.kept_of(&[100, 50], 9), Some(vec![95..100, 46..50]));
        assert_eq!(Truncate::Error.kept_of(&[3, 5], 8), Some(vec![0..3, 0..5]));
        assert_eq!(Truncate::Error.kept_of(&[3, 6], 8), None);
        assert_eq!(Truncate::Head.kept_of(&[], 8), Some(vec![]));
    }
}
