//! A task on a model: inputs in, answers out.
//!
//! What happens to an input: equal ones are asked once, answers that are kept are used, then the task's steps answer what
//! they can, and the others are rendered into prompts, tokenized, packed by length, run and kept. Every answer passes the
//! task's gate.

mod estimate;
mod readings;
mod ready;
mod windows;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use refuel_registry::ModelEntry;
use refuel_task::{Answer, Gate, InputHash, Kind, RenderedInput, Source, Task};

pub use estimate::Estimate;
pub(crate) use readings::WindowReading;

use crate::batching::CandidateTrie;
use crate::cache::{CacheKey, Scores, TaskKeys};
use crate::cancel::Cancel;
use crate::engine::{ModelMemory, Shared};
use crate::error::EngineError;
use crate::learned::answerable::AnswerHead;
use crate::learned::entry_of;
use crate::procedure::DRAFTS;
use crate::session::{OnRows, Placement};
use crate::steps::{self, Outcome, Step};
use ready::Ready;

/// Inputs that are run before the speed is known; enough for a full batch.
const FIRST_CHUNK: usize = 16;

/// Inputs that are run at most before their answers are kept.
const MOST_CHUNK: usize = 512;

/// Seconds of work that are run before their answers are kept, about: what a crash or an interrupt loses.
const CHUNK_SECONDS: f64 = 3.0;

/// A task on a model.
pub struct PreparedTask {
    shared: Arc<Shared>,
    task: Task,
    /// What answers before the model.
    steps: Vec<Box<dyn Step>>,
    /// The model. None where the steps alone answer.
    entry: Option<ModelEntry>,
    /// The embedding model that chooses examples, where one is needed.
    embedding: Option<ModelEntry>,
    /// What judges the model's answers, where that was learned.
    head: Option<Arc<AnswerHead>>,
    model: String,
    digest: String,
    fingerprint: String,
    keys: TaskKeys,
    /// The hash of an input without anything, whose answer is known.
    nothing: InputHash,
    gate: Gate,
    /// What a user should know of the task's calibration.
    calibration: Option<String>,
    drafts: usize,
    ready: Mutex<Option<Arc<Ready>>>,
}

/// What is known of a list of inputs before a model runs.
struct Sorted {
    /// For each input, the position in `distinct` of the first that equals it.
    representative: Vec<usize>,
    /// Indexes of inputs, the first of each.
    distinct: Vec<usize>,
    /// For each distinct input, its key in the cache.
    keys: Vec<CacheKey>,
    /// For each distinct input, how many inputs equal it, itself counted.
    copies: Vec<usize>,
    /// For each distinct input, the answer that is kept.
    cached: Vec<Option<Answer>>,
}

impl Sorted {
    /// Positions in `distinct` of inputs without an answer.
    fn missing(&self) -> Vec<usize> {
        (0..self.distinct.len())
            .filter(|&position| self.cached[position].is_none())
            .collect()
    }
}

impl PreparedTask {
    pub(crate) fn new(
        shared: Arc<Shared>,
        task: Task,
        steps: Vec<Box<dyn Step>>,
        entry: Option<ModelEntry>,
    ) -> Result<Self, EngineError> {
        let embedding = match &task.examples {
            Some(examples) if entry.is_some() && examples.needs_embeddings() => {
                let name = examples
                    .model
                    .as_ref()
                    .map_or(refuel_task::EMBEDDING_MODEL.to_owned(), ToString::to_string);
                Some(shared.entry(&name)?)
            }
            _ => None,
        };
        let fingerprint = match &embedding {
            Some(entry) => task.fingerprint_with_embedding_digest(&entry.manifest.digest),
            None => task.fingerprint(),
        };
        let mut digest = steps::digest(&steps, entry.as_ref().map(|entry| entry.manifest.digest.as_str()));
        let head = match &entry {
            Some(model) if task.kind == Kind::ANSWER && task.strategy.reads_head() => {
                let head = AnswerHead::open(&entry_of(&shared, &task)?, &task, model)?;
                digest = format!("{digest}+{}", head.digest());
                Some(Arc::new(head))
            }
            _ => None,
        };
        let of_steps = || steps.iter().rev().find_map(|step| step.model());
        let model = entry
            .as_ref()
            .map(|entry| entry.manifest.reference())
            .or_else(of_steps)
            .unwrap_or_else(|| digest.clone());
        let keys = CacheKey::for_task(&fingerprint, &digest);
        let (task, calibration) = task.settled(&digest, &fingerprint)?;
        let gate = task.gate();
        Ok(Self {
            shared,
            task,
            steps,
            entry,
            embedding,
            head,
            model,
            digest,
            fingerprint,
            keys,
            nothing: RenderedInput::nothing().hash(),
            gate,
            calibration,
            drafts: DRAFTS,
            ready: Mutex::default(),
        })
    }

    /// The same, with at most `drafts` tokens guessed ahead where the model writes text; with 0, none. What it writes does
    /// not depend on it: it is there to measure what guessing is worth.
    #[must_use]
    pub fn with_drafts(mut self, drafts: usize) -> Self {
        self.drafts = drafts;
        self
    }

    /// The task.
    pub fn task(&self) -> &Task {
        &self.task
    }

    /// `name@digest` of the model, or what stands for it where none is asked, such as [`refuel_task::RULES_MODEL`].
    pub fn model(&self) -> &str {
        &self.model
    }

    /// What identifies the answers beside the fingerprint and the input: the digest of the model, and the versions of what
    /// answers before it.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// The digest of the model alone; where none is asked, what identifies the answers instead.
    pub fn model_digest(&self) -> &str {
        self.entry.as_ref().map_or(&self.digest, |entry| &entry.manifest.digest)
    }

    /// The model that is asked. None where none is.
    pub(crate) fn entry(&self) -> Option<&ModelEntry> {
        self.entry.as_ref()
    }

    /// Whether nothing needs to be loaded before the next answer.
    pub fn is_ready(&self) -> bool {
        self.steps.iter().all(|step| step.is_ready()) && (self.entry.is_none() || self.loaded().is_some())
    }

    /// Hash of everything in the task that can change an answer.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// Where the model runs, and why there. None until it is loaded.
    pub fn placement(&self) -> Option<Placement> {
        self.loaded().map(|ready| ready.model.placement().clone())
    }

    /// What a user should know of this task on this model. Most of it is known only once the model is loaded.
    pub fn notes(&self) -> Vec<String> {
        let loaded = self.loaded().map_or_else(Vec::new, |ready| ready.procedure.notes());
        let known = self.calibration.iter().cloned().chain(self.task.too_few_to_embed());
        known.chain(loaded).collect()
    }

    fn loaded(&self) -> Option<Arc<Ready>> {
        self.ready.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Loads the model, runs the shared prompt and calibrates, where that hasn't been done.
    fn ready(&self, cancel: &Cancel) -> Result<Arc<Ready>, EngineError> {
        let mut ready = self.ready.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(ready) = &*ready {
            return Ok(Arc::clone(ready));
        }
        let entry = self.entry.as_ref().ok_or_else(|| EngineError::NoModel {
            task: self.task.name.clone(),
        })?;
        let model = self.shared.model(entry)?;
        let embedding = self
            .embedding
            .as_ref()
            .map(|entry| self.shared.model(entry))
            .transpose()?;
        let made = Arc::new(Ready::new(
            &self.task,
            model,
            embedding,
            self.head.clone(),
            self.drafts,
            cancel,
        )?);
        *ready = Some(Arc::clone(&made));
        Ok(made)
    }

    /// Loads the model, which the first input that has no answer does otherwise. Where none is asked there is nothing to
    /// do.
    ///
    /// # Errors
    /// When it can't be loaded or can't do what the task asks, or on cancellation.
    pub fn load(&self, cancel: &Cancel) -> Result<(), EngineError> {
        for step in &self.steps {
            step.load(cancel)?;
        }
        if self.entry.is_none() {
            return Ok(());
        }
        self.ready(cancel).map(drop)
    }

    /// The answers to inputs, by the [hash](RenderedInput::hash) of each, that are kept, gated, in the order of the
    /// hashes. No model is loaded. Their source is [`Source::Cache`], whoever they were made for; that of an input without
    /// anything, which nobody is asked about, is [`Source::Rule`].
    pub fn known(&self, inputs: &[InputHash], scores: Scores) -> Vec<Option<Answer>> {
        let keys: Vec<CacheKey> = inputs.iter().map(|&input| self.keys.with_input(input)).collect();
        let given = |mut answer: Answer| {
            answer.source = Source::Cache;
            self.gate.apply(answer)
        };
        let known = self.shared.cache.get_many(&keys, scores);
        (inputs.iter().zip(known))
            .map(|(input, known)| match known {
                _ if *input == self.nothing => Some(self.gate.apply(self.task.answer_to_nothing())),
                known => known.map(given),
            })
            .collect()
    }

    /// Lets the loaded model go; the next input that has no answer loads it again. The model itself goes once no task
    /// holds it and [`Engine::unload`](crate::Engine::unload) was called.
    pub fn release(&self) {
        self.steps.iter().for_each(|step| step.release());
        *self.ready.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// The models that run for this task: the one that answers and, where examples are chosen by likeness, the one that
    /// embeds. Each with what it takes in memory. None where no model is asked.
    pub fn models(&self) -> Vec<ModelMemory> {
        self.entry
            .iter()
            .chain(&self.embedding)
            .map(|entry| self.shared.memory_of(entry))
            .chain(self.steps.iter().flat_map(|step| step.models()))
            .collect()
    }

    fn sort(&self, inputs: &[RenderedInput]) -> Sorted {
        let mut positions: HashMap<InputHash, usize> = HashMap::with_capacity(inputs.len());
        let mut nothing = None;
        let mut sorted = Sorted {
            representative: Vec::with_capacity(inputs.len()),
            distinct: Vec::new(),
            keys: Vec::new(),
            copies: Vec::new(),
            cached: Vec::new(),
        };
        for (index, input) in inputs.iter().enumerate() {
            let hash = input.hash();
            let position = *positions.entry(hash).or_insert_with(|| {
                sorted.distinct.push(index);
                sorted.keys.push(self.keys.with_input(hash));
                sorted.copies.push(0);
                if hash == self.nothing {
                    nothing = Some(sorted.distinct.len() - 1);
                }
                sorted.distinct.len() - 1
            });
            sorted.copies[position] += 1;
            sorted.representative.push(position);
        }
        sorted.cached = self.shared.cache.get_many(&sorted.keys, Scores::Wanted);
        if let Some(position) = nothing {
            sorted.cached[position] = Some(self.task.answer_to_nothing());
        }
        sorted
    }

    /// Answers each input, in order. An input that can't be answered gets an answer with the status `error`.
    ///
    /// `on_rows` is called with the number of inputs that were answered since it was last called.
    ///
    /// # Errors
    /// When the model can't be loaded or run, or on cancellation. Answers that were made until then are kept in the
    /// cache.
    pub fn answer(
        &self,
        inputs: &[RenderedInput],
        cancel: &Cancel,
        on_rows: OnRows<'_>,
    ) -> Result<Vec<Answer>, EngineError> {
        self.answer_in_chunks(inputs, FIRST_CHUNK, cancel, on_rows)
    }

    /// The same with inputs that are few enough to be kept all at once: nothing is run apart to measure the speed, so
    /// that short batches are as full as they can be.
    pub fn answer_at_once(
        &self,
        inputs: &[RenderedInput],
        cancel: &Cancel,
        on_rows: OnRows<'_>,
    ) -> Result<Vec<Answer>, EngineError> {
        self.answer_in_chunks(inputs, inputs.len().max(1), cancel, on_rows)
    }

    fn answer_in_chunks(
        &self,
        inputs: &[RenderedInput],
        first_chunk: usize,
        cancel: &Cancel,
        on_rows: OnRows<'_>,
    ) -> Result<Vec<Answer>, EngineError> {
        let mut sorted = self.sort(inputs);
        let mut missing = sorted.missing();
        let known: usize = (0..sorted.distinct.len())
            .filter(|&position| sorted.cached[position].is_some())
            .map(|position| sorted.copies[position])
            .sum();
        if known > 0 {
            on_rows(known);
        }
        let mut asked = vec![false; sorted.distinct.len()];
        if !missing.is_empty() {
            // Inputs of like length go together, so that each chunk fills its packs.
            missing.sort_by_key(|&position| {
                (
                    std::cmp::Reverse(inputs[sorted.distinct[position]].text.len()),
                    sorted.distinct[position],
                )
            });
            let (mut left, mut size) = (missing.as_slice(), first_chunk);
            while !left.is_empty() {
                let (chunk, rest) = left.split_at(size.min(left.len()));
                left = rest;
                let started = Instant::now();
                let batch: Vec<&RenderedInput> = chunk
                    .iter()
                    .map(|&position| &inputs[sorted.distinct[position]])
                    .collect();
                let answers = self.ask(&batch, cancel, &mut Spread::new(chunk, &sorted, on_rows))?;
                let kept: Vec<(CacheKey, Answer)> = chunk
                    .iter()
                    .zip(&answers)
                    .filter(|(_, (_, keep))| *keep)
                    .map(|(&position, (answer, _))| (sorted.keys[position], answer.clone()))
                    .collect();
                self.shared.cache.put_many(&kept);
                for (&position, (answer, _)) in chunk.iter().zip(answers) {
                    sorted.cached[position] = Some(answer);
                    asked[position] = true;
                }
                let speed = chunk.len() as f64 / started.elapsed().as_secs_f64().max(1e-6);
                size = ((speed * CHUNK_SECONDS) as usize).clamp(FIRST_CHUNK, MOST_CHUNK);
            }
        }
        let mut answers = Vec::with_capacity(inputs.len());
        for (index, &position) in sorted.representative.iter().enumerate() {
            let is_last_use = sorted.copies[position] == 1;
            sorted.copies[position] -= 1;
            let kept = &mut sorted.cached[position];
            let answer = if is_last_use { kept.take() } else { kept.clone() };
            let mut answer = answer.ok_or_else(|| EngineError::RunFailed {
                model: self.model.clone(),
                reason: "an input was left without an answer".to_owned(),
            })?;
            if asked[position] && sorted.distinct[position] != index {
                answer.source = Source::Duplicate;
            }
            answers.push(self.gate.apply(answer));
        }
        Ok(answers)
    }

    /// Answers inputs that are all different, by the steps and then by the model, and says of each answer whether it may
    /// be kept. The model is loaded where there is an input left for it.
    fn ask(
        &self,
        inputs: &[&RenderedInput],
        cancel: &Cancel,
        spread: &mut Spread<'_, '_>,
    ) -> Result<Vec<(Answer, bool)>, EngineError> {
        let outcomes = steps::run(&self.steps, inputs, cancel)?;
        let left: Vec<&RenderedInput> = outcomes.iter().filter_map(Outcome::left).collect();
        spread.tell(inputs.len() - left.len());
        let mut by_model = match &self.entry {
            Some(_) if !left.is_empty() => self.ready(cancel)?.answer(&self.task, &left, cancel, spread)?,
            _ => Vec::new(),
        }
        .into_iter();
        let answers = outcomes.into_iter().map(|outcome| match outcome {
            Outcome::Answered(answer) => (answer, true),
            Outcome::Left { otherwise, .. } => by_model.next().unwrap_or_else(|| {
                let answer = otherwise.unwrap_or_else(|| Answer::error(&self.model, "nothing had an answer"));
                (answer, true)
            }),
        });
        Ok(answers.collect())
    }
}

/// Tells of finished inputs with their copies. Rows are finished in packs, in no order that is known here, so the copies
/// are told in proportion.
struct Spread<'a, 'b> {
    rows: usize,
    copies: usize,
    done: usize,
    told: usize,
    on_rows: &'a mut (dyn FnMut(usize) + 'b),
}

impl<'a, 'b> Spread<'a, 'b> {
    fn new(chunk: &[usize], sorted: &Sorted, on_rows: &'a mut (dyn FnMut(usize) + 'b)) -> Self {
        let copies = chunk.iter().map(|&position| sorted.copies[position]).sum();
        Self {
            rows: chunk.len(),
            copies,
            done: 0,
            told: 0,
            on_rows,
        }
    }

    fn tell(&mut self, rows: usize) {
        self.done = (self.done + rows).min(self.rows);
        let due = self.copies * self.done / self.rows;
        if due > self.told {
            (self.on_rows)(due - self.told);
            self.told = due;
        }
    }
}

/// Prompts as the model reads them.
#[derive(Debug, Clone)]
pub struct PromptTokens {
    /// What every row shares.
    pub prefix: Vec<u32>,
    /// Each row behind it; empty for a row that can't be asked.
    pub rows: Vec<Vec<u32>>,
    /// What can be answered, for tasks that choose one out of a list.
    pub candidates: Option<CandidateTrie>,
}

impl PreparedTask {
    /// The prompts of `inputs`, as the model reads them: for looking at, and for measuring.
    pub fn prompts(&self, inputs: &[RenderedInput], cancel: &Cancel) -> Result<PromptTokens, EngineError> {
        let ready = self.ready(cancel)?;
        let inputs: Vec<&RenderedInput> = inputs.iter().collect();
        let rows = ready.tokenize(&self.task, &inputs, cancel)?;
        Ok(PromptTokens {
            prefix: ready.prefix.clone(),
            rows: rows
                .into_iter()
                .map(|row| row.map_or_else(|_| Vec::new(), |row| row.tokens))
                .collect(),
            candidates: ready.procedure.candidates().cloned(),
        })
    }

    /// The text of a prompt's tokens, special tokens shown.
    pub fn show(&self, tokens: &[u32], cancel: &Cancel) -> Result<String, EngineError> {
        self.ready(cancel)?.model.tokenizer.show(tokens)
    }
}
