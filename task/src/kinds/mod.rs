//! What a task can return. A kind is one file here and one entry in [`KINDS`]; the wording of its prompt is in
//! [`crate::prompt::layout`].

use std::fmt;
use std::hash::{Hash, Hasher};

use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::prompt::layout::Layout;
use crate::shape::Field;
use crate::task::{Generation, Label};
use crate::values::ValueRules;

mod answer;
mod clean;
mod complete;
mod embed;
mod enrich;
mod extract;
mod label;
mod matching;
mod multilabel;
mod normalize;
mod repair;
mod resolve;

/// Every kind there is: the one registration of a new one.
static KINDS: [&dyn KindRules; 12] = [
    &label::LabelKind,
    &multilabel::MultilabelKind,
    &extract::ExtractKind,
    &answer::AnswerKind,
    &normalize::NormalizeKind,
    &clean::CleanKind,
    &enrich::EnrichKind,
    &matching::MatchKind,
    &resolve::ResolveKind,
    &repair::RepairKind,
    &embed::EmbedKind,
    &complete::CompleteKind,
];

/// Keys that every kind of task takes.
pub(crate) const COMMON_KEYS: [&str; 10] = [
    "name",
    "version",
    "kind",
    "description",
    "owner",
    "tags",
    "input",
    "model",
    "on_error",
    "truncate",
];

/// Keys that every kind of task over whole tables takes.
pub(crate) const TABLE_KEYS: [&str; 6] = ["name", "version", "kind", "description", "owner", "tags"];

/// What is particular to a kind when a task is read and asked.
pub(crate) trait KindRules: Sync {
    /// The word in task files.
    fn name(&self) -> &'static str;

    /// What it returns, in one sentence, for the schema.
    fn about(&self) -> &'static str;

    /// The keys that it takes and others do too.
    fn common_keys(&self) -> &'static [&'static str] {
        if self.is_of_tables() { &TABLE_KEYS } else { &COMMON_KEYS }
    }

    /// The keys that it takes beside [`KindRules::common_keys`].
    fn keys(&self) -> &'static [&'static str];

    /// Those of its keys that must be there, with what to write.
    fn required(&self) -> &'static [(&'static str, &'static str)] {
        &[]
    }

    /// Names of the two sides of its input, where it has two.
    fn sides(&self) -> Option<[&'static str; 2]> {
        None
    }

    /// Whether its input has two sides.
    fn two_sided(&self) -> bool {
        self.sides().is_some()
    }

    /// Whether it is about a whole table, and not about a row.
    fn is_of_tables(&self) -> bool {
        false
    }

    /// Whether a model is asked though the task names none.
    fn needs_model(&self) -> bool {
        !self.is_of_tables()
    }

    /// Whether its input is a record, as a JSON object.
    fn reads_record(&self) -> bool {
        false
    }

    /// Whether its answer is a record, as a JSON object.
    fn gives_record(&self) -> bool {
        false
    }

    /// Whether there is a list of what can be answered.
    fn is_listed(&self) -> bool {
        false
    }

    /// Whether null is a right answer.
    fn takes_null(&self) -> bool {
        false
    }

    /// The most tokens that the model writes where a task does not say.
    fn max_tokens(&self) -> u32 {
        Generation::default().max_tokens
    }

    /// The key (and column) that holds the right answer of an example. None where examples make no sense.
    fn answer_key(&self) -> Option<&'static str> {
        None
    }

    /// Checks a value that somebody gives as an answer of this kind, and puts it into its own form: names instead of
    /// aliases, lists instead of `a; b`, booleans instead of `yes`.
    fn read_answer(&self, value: &Value, known: Known<'_>) -> Result<Value, Problem>;

    /// Checks the value that stands in for answers that abstain.
    fn read_fallback(&self, value: &Value, known: Known<'_>) -> Result<Value, Problem> {
        self.read_answer(value, known)
    }

    /// The wording of its prompt. None where no language model is asked.
    fn layout(&self) -> Option<&'static dyn Layout>;
}

/// What a task says of its answers.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Known<'a> {
    /// Its labels.
    pub(crate) labels: &'a [Label],
    /// The fields that it reads out.
    pub(crate) fields: &'a [Field],
    /// Its rules for values.
    pub(crate) values: Option<&'a ValueRules>,
}

/// What is wrong with a value, and what to do.
#[derive(Debug)]
pub(crate) struct Problem {
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
}

impl Problem {
    pub(crate) fn new(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            hint: Some(hint.into()),
        }
    }
}

/// What a task returns: one of the kinds of [`Kind::all`].
#[derive(Clone, Copy)]
pub struct Kind(&'static dyn KindRules);

impl Kind {
    /// One label out of a list.
    pub const LABEL: Self = Self(&label::LabelKind);
    /// Any number of labels out of a list.
    pub const MULTILABEL: Self = Self(&multilabel::MultilabelKind);
    /// The fields of a record, read out of a text.
    pub const EXTRACT: Self = Self(&extract::ExtractKind);
    /// The piece of a text that answers a question.
    pub const ANSWER: Self = Self(&answer::AnswerKind);
    /// A raw value made canonical.
    pub const NORMALIZE: Self = Self(&normalize::NormalizeKind);
    /// A text mended.
    pub const CLEAN: Self = Self(&clean::CleanKind);
    /// The missing fields of a record.
    pub const ENRICH: Self = Self(&enrich::EnrichKind);
    /// Whether two records are the same thing.
    pub const MATCH: Self = Self(&matching::MatchKind);
    /// Which records of whole tables are the same thing.
    pub const RESOLVE: Self = Self(&resolve::ResolveKind);
    /// Which cells of a whole table are wrong.
    pub const REPAIR: Self = Self(&repair::RepairKind);
    /// A vector.
    pub const EMBED: Self = Self(&embed::EmbedKind);
    /// Text.
    pub const COMPLETE: Self = Self(&complete::CompleteKind);

    /// Every kind, in the order in which the documentation lists them.
    pub fn all() -> impl Iterator<Item = Self> + Clone {
        KINDS.iter().map(|&rules| Self(rules))
    }

    /// The kind with this name in task files.
    pub fn named(name: &str) -> Option<Self> {
        Self::all().find(|kind| kind.name() == name)
    }

    /// The word in task files: `label`, `multilabel`, `extract`, `answer`, `normalize`, `clean`, `enrich`, `match`,
    /// `resolve`, `repair`, `embed`, `complete`.
    pub fn name(self) -> &'static str {
        self.0.name()
    }

    /// Whether it is about a whole table, and not about a row: `resolve` and `repair`.
    pub fn is_of_tables(self) -> bool {
        self.0.is_of_tables()
    }

    /// What it returns, in one sentence.
    pub fn about(self) -> &'static str {
        self.0.about()
    }

    /// Whether its answer is a record, as a JSON object.
    pub fn gives_record(self) -> bool {
        self.0.gives_record()
    }

    /// Whether there is a list of what can be answered, as there is of labels.
    pub fn is_listed(self) -> bool {
        self.0.is_listed()
    }

    /// Whether null is a right answer, as it is where a text doesn't answer a question.
    pub fn takes_null(self) -> bool {
        self.0.takes_null()
    }

    /// Puts a value that data gives as the right answer into this kind's own form: a label's name for its alias, a list
    /// for `a; b`, a boolean for `yes`. Of `extract`, whose fields are not known here, any JSON object is taken as it is; see
    /// [`crate::Task::normalize_expected`].
    ///
    /// # Errors
    /// Why it can't be an answer of a task with these labels.
    pub fn normalize_expected(self, value: &Value, labels: &[Label]) -> Result<Value, String> {
        let known = Known {
            labels,
            ..Known::default()
        };
        self.0.read_answer(value, known).map_err(|problem| problem.message)
    }

    /// The key of an example, and the column of an example file, that holds the right answer. None where examples make no
    /// sense.
    pub fn answer_key(self) -> Option<&'static str> {
        self.0.answer_key()
    }

    pub(crate) fn rules(self) -> &'static dyn KindRules {
        self.0
    }
}

impl PartialEq for Kind {
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name()
    }
}

impl Eq for Kind {}

impl Hash for Kind {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name().hash(state);
    }
}

impl fmt::Debug for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Kind({})", self.name())
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Serialize for Kind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// Checks one label, by name or alias, and gives its name.
pub(crate) fn read_label(value: &Value, labels: &[Label]) -> Result<String, Problem> {
    let Value::String(text) = value else {
        return Err(Problem::new(
            format!("a label must be text, not {value}"),
            format!("put it in quotes: \"{value}\""),
        ));
    };
    let text = text.trim();
    if let Some(label) = crate::task::find_label(labels, text) {
        return Ok(label.name.clone());
    }
    let names = labels.iter().map(|label| label.name.as_str());
    let hint = match crate::error::nearest(text, names.clone()) {
        Some(near) => format!("did you mean \"{near}\"?"),
        None if labels.len() <= 12 => format!("the labels are {}", names.collect::<Vec<_>>().join(", ")),
        None => format!("it is none of the task's {} labels", labels.len()),
    };
    Err(Problem::new(format!("\"{text}\" is not in the list of labels"), hint))
}

/// A kind over whole tables has no answer to one row.
fn no_single_answer() -> Problem {
    Problem {
        message: "a task over a whole table has no answer to one row".to_owned(),
        hint: None,
    }
}

/// Checks a text.
fn read_text(value: &Value) -> Result<Value, Problem> {
    match value {
        Value::String(_) => Ok(value.clone()),
        other => Err(Problem::new(
            format!("it must be text, not {other}"),
            format!("put it in quotes: \"{other}\""),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels() -> Vec<Label> {
        ["refund", "late delivery"]
            .into_iter()
            .map(|name| Label {
                name: name.to_owned(),
                description: None,
                aliases: vec![format!("{name}s")],
                catch_all: None,
            })
            .collect()
    }

    #[test]
    fn every_kind_is_found_by_its_name_and_takes_no_key_twice() {
        for kind in Kind::all() {
            assert_eq!(Kind::named(kind.name()), Some(kind));
            let mut keys: Vec<&str> = kind
                .rules()
                .common_keys()
                .iter()
                .chain(kind.rules().keys())
                .copied()
                .collect();
            let count = keys.len();
            keys.sort_unstable();
            keys.dedup();
            assert_eq!(keys.len(), count, "{kind}");
            for (required, _) in kind.rules().required() {
                assert!(
                    kind.rules().keys().contains(required),
                    "{kind} requires {required} but does not take it"
                );
            }
        }
        assert_eq!(Kind::named("labels"), None);
    }

    #[test]
    fn expected_values_take_the_form_of_the_kind() {
        let read = |kind: Kind, value: Value| kind.normalize_expected(&value, &labels());
        assert_eq!(read(Kind::LABEL, "refunds".into()), Ok("refund".into()));
        assert_eq!(
            read(Kind::LABEL, "refnd".into()),
            Err("\"refnd\" is not in the list of labels".to_owned())
        );
        let both = Value::from(vec!["refund", "late delivery"]);
        assert_eq!(
            read(Kind::MULTILABEL, "late delivery; refund".into()),
            Ok(both.clone()),
            "in the task's order"
        );
        assert_eq!(
            read(Kind::MULTILABEL, r#"["refund","late deliverys"]"#.into()),
            Ok(both)
        );
        assert_eq!(read(Kind::MULTILABEL, "".into()), Ok(Value::Array(vec![])));
        assert_eq!(read(Kind::MATCH, "Yes".into()), Ok(true.into()));
        assert_eq!(read(Kind::MATCH, 0.into()), Ok(false.into()));
        assert!(read(Kind::MATCH, "perhaps".into()).is_err());
        assert_eq!(read(Kind::COMPLETE, "text".into()), Ok("text".into()));
        assert!(read(Kind::EMBED, "text".into()).is_err());
    }
}
