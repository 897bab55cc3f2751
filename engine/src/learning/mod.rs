//! Training: from labelled rows to a head in the registry.

mod answerable;
mod cascade;
mod custom;
mod figures;
mod fitted;
mod labels;
mod pairs;
mod sentences;
mod tagger;
mod tagger_tuned;
mod tuned;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use refuel_compiler::{GraphInterface, ModelDescription, Role, SCHEMA_VERSION, WeightFormat};
use refuel_learn::data_hash;
use refuel_registry::{Made, ModelEntry, Servers};
use refuel_task::{Example, Kind, Strategy, Task};
use serde::Serialize;

use crate::cancel::Cancel;
use crate::engine::{Engine, Shared};
use crate::error::EngineError;
use crate::learned::GRAPH_FILE;
use crate::learned::cascade::CASCADE_FILE;
use crate::learned::encoder::Encoder;
use crate::learned::tagger::Slots;
use crate::steps::embedding_model;

pub use crate::learned::cascade::{CascadeChoice, CascadePart};
pub use cascade::{Alone, ChosenCascade};
pub use figures::HeldOut;

/// Rows that a language model is asked about at most, to choose a cascade.
pub const ASKED_UNLESS_TOLD: usize = 500;

/// How a head is trained.
#[derive(Debug, Clone)]
pub struct TrainOptions<'a> {
    /// The name of the head in the registry; [`Task::head_name`] otherwise.
    pub name: Option<&'a str>,
    /// The model whose embeddings the head reads; the one that chooses the task's examples otherwise.
    pub embedding: Option<&'a str>,
    /// The language model of a cascade; the task's own otherwise.
    pub model: Option<&'a str>,
    /// Rows that it is asked about at most; 0 leaves it out.
    pub most_asked: usize,
    /// Where the parts come from that are held out.
    pub seed: u64,
    /// How the embedding model is tuned, where it is.
    pub tune: Option<Tuning>,
    /// Who gave the labels of most rows, where it was a model: what is measured then is how often the head agrees with it.
    pub teacher: Option<&'a str>,
}

/// How an embedding model is tuned on the rows.
#[derive(Debug, Clone)]
pub struct Tuning {
    /// How often each row is seen.
    pub epochs: usize,
    /// Where the checkpoint is fetched from that the model was compiled of.
    pub servers: Servers,
}

impl TrainOptions<'_> {
    /// The model that a head reads texts by.
    fn encoder(&self, shared: &Arc<Shared>, task: &Task) -> Result<Encoder, EngineError> {
        let name = self.embedding.map_or_else(|| embedding_model(task), str::to_owned);
        Encoder::new(Arc::clone(shared), &name)
    }
}

impl Default for TrainOptions<'_> {
    fn default() -> Self {
        Self {
            name: None,
            embedding: None,
            model: None,
            most_asked: ASKED_UNLESS_TOLD,
            seed: 17,
            tune: None,
            teacher: None,
        }
    }
}

/// A part of the work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TrainStep {
    /// Examples are embedded.
    Embed,
    /// The embedding model is tuned; its rows are those of all passes.
    Tune,
    /// Heads are fitted, and measured on what was held out.
    Fit,
    /// The language model is asked.
    Ask,
}

/// What a caller hears while it waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TrainEvent {
    /// A step begins.
    Begin {
        /// Which.
        step: TrainStep,
        /// The rows that it takes.
        rows: u64,
    },
    /// So many more rows of the step are done.
    Rows(u64),
}

/// Hears events.
pub type OnTraining<'a> = &'a mut dyn FnMut(TrainEvent);

/// A head that was trained. The keys are stable.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Training {
    /// The task.
    pub task: String,
    /// Its kind.
    pub kind: Kind,
    /// `name@digest` of the head.
    pub head: String,
    /// Its digest, whole.
    pub digest: String,
    /// Labelled rows that it was trained on: of `answer` those that the model was asked about.
    pub examples: usize,
    /// BLAKE3 of them, in hexadecimal.
    pub data_hash: String,
    /// How many labels it chooses from; of `extract`, fields whose values it finds.
    pub labels: usize,
    /// Labels that no row has, of which names and descriptions are all that is known; of `extract`, fields without a value.
    pub labels_without_examples: Vec<String>,
    /// `name@digest` of the model whose embeddings it reads; none of a head on pairs, and of one that judges answers.
    pub embedding_model: Option<String>,
    /// For tasks of kind `answer`: `name@digest` of the language model whose states it reads.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language_model: Option<String>,
    /// How it did on rows that it had not seen; where a teacher labelled them, how often it says the same.
    pub held_out: HeldOut,
    /// `name@digest` of the model that labelled rows, where one did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub teacher: Option<String>,
    /// How its confidence is calibrated.
    pub calibration: &'static str,
    /// What was chosen for the cascade, where the task has one.
    pub cascade: Option<ChosenCascade>,
    /// For tasks of kind `answer`: the `no_answer_threshold` with which most words are right, of questions that no head had
    /// seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub no_answer_threshold: Option<f32>,
    /// What a user should know.
    pub notes: Vec<String>,
}

/// What training makes, before it is a model of the registry.
struct Learned {
    graph: Vec<u8>,
    /// Other files.
    files: Vec<(String, Vec<u8>)>,
    /// What sort of head it is.
    family: &'static str,
    /// Columns that it reads.
    columns: usize,
    parameters: usize,
    /// The model whose embeddings or states it reads.
    reads: Option<ModelEntry>,
    /// Labelled rows that it learned from, where these are not all.
    rows: Option<usize>,
    /// For each example its calibrated confidence, and whether it was right, by a head that had not seen it. None where
    /// every head has seen it.
    scored: Vec<Option<(f32, bool)>>,
    held_out: HeldOut,
    calibration: &'static str,
    /// What a user should know.
    notes: Vec<String>,
}

impl Engine {
    /// Trains a head for a task on labelled rows, and puts it into the registry. Equal rows and models make an equal head.
    ///
    /// Where the task is a cascade, what it needs to be that is chosen too: each part but the last has to be right as often
    /// as the task keeps, by the lower bound of its interval, and the last is the part that does best.
    ///
    /// # Errors
    /// [`EngineError::Untrainable`], [`EngineError::Learn`], and [`EngineError::Cancelled`].
    pub fn train(
        &self,
        task: &Task,
        examples: &[Example],
        options: &TrainOptions<'_>,
        cancel: &Cancel,
        on_event: OnTraining<'_>,
    ) -> Result<Training, EngineError> {
        let untrainable = |what: &str, hint: &str| EngineError::Untrainable {
            task: task.name.clone(),
            what: what.to_owned(),
            hint: hint.to_owned(),
        };
        if ![Kind::LABEL, Kind::MATCH, Kind::ANSWER, Kind::EXTRACT].contains(&task.kind) {
            return Err(untrainable(
                &format!("it is of kind `{}`", task.kind),
                "heads are for tasks of the kinds `label`, `match`, `extract` and `answer`",
            ));
        }
        if examples.is_empty() {
            return Err(untrainable(
                "there are no labelled rows",
                "name a file of solved rows in the task, examples: {from: FILE}, or with `--from FILE`",
            ));
        }
        let (mut notes, mut no_answer_threshold) = (Vec::new(), None);
        let learned = if task.kind == Kind::LABEL {
            match &options.tune {
                Some(tuning) => custom::learn(&self.shared, task, examples, options, tuning, cancel, on_event)?,
                None => labels::learn(&self.shared, task, examples, options, cancel, on_event)?,
            }
        } else if task.kind == Kind::EXTRACT {
            tagger::learn(&self.shared, task, examples, options, cancel, on_event)?
        } else if task.kind == Kind::ANSWER {
            let judge = answerable::learn(self, task, examples, options, cancel, on_event)?;
            notes = judge.notes;
            no_answer_threshold = Some(judge.threshold);
            judge.learned
        } else {
            pairs::learn(task, examples, options, on_event)?
        };
        let cascade = if task.strategy == Strategy::Cascade {
            let (chosen, said) = cascade::choose(self, task, examples, &learned.scored, options, cancel, on_event)?;
            notes.extend(said);
            Some(chosen)
        } else {
            None
        };
        if cancel.is_cancelled() {
            return Err(EngineError::Cancelled);
        }
        notes.extend(learned.notes.iter().cloned());
        let hash = hash_of(examples);
        let rows = learned.rows.unwrap_or(examples.len());
        let mut files = learned.files.clone();
        files.push((GRAPH_FILE.to_owned(), learned.graph.clone()));
        if let Some(chosen) = &cascade {
            let text = serde_json::to_vec_pretty(&chosen.choice).map_err(std::io::Error::from)?;
            files.push((CASCADE_FILE.to_owned(), text));
        }
        let name = options.name.map_or_else(|| head_name(task), str::to_lowercase);
        let entry = self.shared.registry.add(&Made {
            name,
            licence: "unknown".to_owned(),
            location: format!("trained on {rows} rows of the task {}", task.name),
            description: describe(
                &learned,
                &About::of(task, rows, &hash, options.teacher, cascade.as_ref()),
            ),
            files,
        })?;
        let read = learned.reads.as_ref().map(|entry| entry.manifest.reference());
        let (language_model, embedding_model) = if task.kind == Kind::ANSWER {
            (read, None)
        } else {
            (None, read)
        };
        Ok(Training {
            task: task.name.clone(),
            kind: task.kind,
            head: entry.manifest.reference(),
            digest: entry.manifest.digest.clone(),
            examples: rows,
            data_hash: hash,
            labels: crate::learned::choices_of(task).len(),
            labels_without_examples: labels_without(task, examples),
            embedding_model,
            language_model,
            held_out: learned.held_out,
            teacher: options.teacher.map(str::to_owned),
            calibration: learned.calibration,
            cascade,
            no_answer_threshold,
            notes,
        })
    }
}

/// The name of a task's head, without the digest that may pin it.
fn head_name(task: &Task) -> String {
    task.head
        .as_ref()
        .map_or_else(|| task.name.to_lowercase(), |head| head.name.to_lowercase())
}

/// Labelled rows of several sources, of which a later one outranks an earlier one on an equal input.
pub fn outranked(sources: impl IntoIterator<Item = Vec<Example>>) -> Vec<Example> {
    let mut all: Vec<Example> = Vec::new();
    for source in sources {
        let new: std::collections::HashSet<_> = source.iter().map(|example| example.input.hash()).collect();
        all.retain(|example| !new.contains(&example.input.hash()));
        all.extend(source);
    }
    all
}

/// BLAKE3 of labelled rows, in hexadecimal: what a head was trained on.
pub fn hash_of(examples: &[Example]) -> String {
    let rows: Vec<(String, String)> = examples
        .iter()
        .map(|example| {
            let input = match &example.input.sides {
                Some(sides) => format!("{sides:?}"),
                None => example.input.text.clone(),
            };
            (input, example.answer.to_string())
        })
        .collect();
    data_hash(rows.iter().map(|(input, answer)| (input.as_str(), answer.as_str())))
}

/// A number for each example that it shares with those of an equal input, which are held out together.
pub(crate) fn groups(examples: &[Example]) -> Vec<u64> {
    let mut seen = HashMap::new();
    examples
        .iter()
        .map(|example| {
            let next = seen.len() as u64;
            *seen.entry(example.input.hash()).or_insert(next)
        })
        .collect()
}

/// The number of each example's label. Answers of examples are labels of the task: its reader sees to that.
pub(crate) fn numbered(examples: &[Example], labels: &[String]) -> Vec<usize> {
    let numbers: HashMap<&str, usize> = labels
        .iter()
        .enumerate()
        .map(|(number, label)| (label.as_str(), number))
        .collect();
    let number = |example: &Example| example.answer.as_str().and_then(|label| numbers.get(label)).copied();
    examples
        .iter()
        .map(|example| number(example).unwrap_or_default())
        .collect()
}

fn labels_without(task: &Task, examples: &[Example]) -> Vec<String> {
    if task.kind == Kind::EXTRACT {
        let slots = Slots::of(task);
        let found: HashSet<usize> = examples
            .iter()
            .flat_map(|example| slots.values(&example.answer))
            .map(|(slot, _)| slot)
            .collect();
        let without = slots.names().into_iter().enumerate();
        return without
            .filter_map(|(slot, name)| (!found.contains(&slot)).then_some(name))
            .collect();
    }
    let has = |label: &str| examples.iter().any(|example| example.answer == label);
    let labels = task.labels.iter().filter(|label| !has(&label.name));
    labels.map(|label| label.name.clone()).collect()
}

/// What the registry is told of a head beside what was learned.
struct About<'a> {
    /// What it reads, in words.
    reads: &'static str,
    rows: usize,
    hash: &'a str,
    /// The model that labelled rows, where one did.
    teacher: Option<&'a str>,
    cascade: Option<&'a ChosenCascade>,
}

impl<'a> About<'a> {
    fn of(
        task: &Task,
        rows: usize,
        hash: &'a str,
        teacher: Option<&'a str>,
        cascade: Option<&'a ChosenCascade>,
    ) -> Self {
        let reads = if task.kind == Kind::ANSWER {
            "language model"
        } else {
            "embedding model"
        };
        Self {
            reads,
            rows,
            hash,
            teacher,
            cascade,
        }
    }

    /// What the share of held-out rows is called that the head has right. A teacher's answers are not the right ones.
    fn measured(&self) -> &'static str {
        if self.teacher.is_some() {
            "held-out agreement with the teacher"
        } else {
            "held-out accuracy"
        }
    }
}

/// What the registry shows of a head. Nothing here changes from one training on the same rows to the next.
fn describe(learned: &Learned, about: &About<'_>) -> ModelDescription {
    let held_out = &learned.held_out;
    let mut notes = std::collections::BTreeMap::from([
        ("examples".to_owned(), about.rows.to_string()),
        ("data hash".to_owned(), about.hash.to_owned()),
        (about.measured().to_owned(), held_out.shown()),
        ("null model".to_owned(), format!("{:.3}", held_out.null_model)),
        ("calibration".to_owned(), learned.calibration.to_owned()),
    ]);
    if let Some(f1) = held_out.f1 {
        notes.insert("held-out F1".to_owned(), format!("{f1:.3}"));
    }
    if let Some(teacher) = about.teacher {
        notes.insert("teacher".to_owned(), teacher.to_owned());
    }
    if let Some(model) = &learned.reads {
        notes.insert(about.reads.to_owned(), model.manifest.reference());
    }
    if let Some(chosen) = about.cascade {
        let parts: Vec<&str> = chosen.choice.parts.iter().map(|part| part.name.as_str()).collect();
        notes.insert(
            "cascade".to_owned(),
            format!("{}: accuracy {}", parts.join(", then "), chosen.measured()),
        );
        notes.insert("share to keep".to_owned(), chosen.choice.shown());
    }
    ModelDescription {
        schema_version: SCHEMA_VERSION,
        role: Role::Head,
        family: learned.family.to_owned(),
        weights: WeightFormat::F32,
        context_length: 0,
        vocabulary: 0,
        hidden: learned.columns,
        layers: 0,
        kv_heads: 0,
        heads: 0,
        head_size: 0,
        sliding_window: None,
        bos_token: None,
        eos_tokens: Vec::new(),
        add_bos: false,
        interface: GraphInterface::Head,
        parameters: learned.parameters as u64,
        notes,
    }
}

#[cfg(test)]
mod tests {
    use refuel_task::RenderedInput;

    use super::*;

    fn example(text: &str, label: &str) -> Example {
        Example {
            input: RenderedInput::text(text),
            answer: label.into(),
        }
    }

    #[test]
    fn a_verdict_outranks_an_example_of_the_same_input() {
        let examples = vec![example("a", "x"), example("b", "x"), example("b", "y")];
        let all = outranked([examples, vec![example("b", "z")]]);
        assert_eq!(all, [example("a", "x"), example("b", "z")]);
    }

    #[test]
    fn equal_inputs_are_of_one_group_and_the_hash_follows_rows() {
        let examples = [example("a", "x"), example("b", "y"), example("a", "y")];
        assert_eq!(groups(&examples), [0, 1, 0]);
        assert_eq!(numbered(&examples, &["y".to_owned(), "x".to_owned()]), [1, 0, 0]);
        assert_eq!(hash_of(&examples), hash_of(&examples.clone()));
        assert_ne!(hash_of(&examples), hash_of(&examples[..2]));
    }
}
