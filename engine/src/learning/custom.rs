//! Heads on an encoder that is tuned on the examples itself.

use std::path::Path;
use std::sync::Arc;

use refuel_formats::Checkpoint;
use refuel_learn::encoder::{Custom, CustomOptions, Encoder as Trainable, Epoch, Texts, TuneOptions, train_custom};
use refuel_learn::{ChosenCalibration, Facts, LearnError, best_of, head_to_onnx};
use refuel_task::{Example, Task};

use super::tuned::{TunedOn, kept};
use super::{HeldOut, Learned, OnTraining, TrainEvent, TrainOptions, TrainStep, Tuning, groups, hash_of, numbered};
use crate::cancel::Cancel;
use crate::engine::Shared;
use crate::error::EngineError;
use crate::learned::encoder::Encoder;
use crate::learned::{choices_of, named};
use crate::learning::labels::texts_of_labels;

/// Tunes the embedding model on examples, puts it into the registry, and gives the head on it. It is tuned twice: first
/// without some examples, which tells how good the second tuning is that sees all.
pub(super) fn learn(
    shared: &Arc<Shared>,
    task: &Task,
    examples: &[Example],
    options: &TrainOptions<'_>,
    tuning: &Tuning,
    cancel: &Cancel,
    on_event: OnTraining<'_>,
) -> Result<Learned, EngineError> {
    let base = options.encoder(shared, task)?;
    let run = Run {
        shared,
        task,
        examples,
        options,
        tuning,
        cancel,
        base: &base,
    };
    let used = |folder: &Path| run.on(folder, on_event);
    let listener = &mut |_: refuel_registry::Event<'_>| {};
    shared
        .registry
        .with_checkpoint(base.entry(), &tuning.servers, listener, used)?
}

struct Run<'a> {
    shared: &'a Arc<Shared>,
    task: &'a Task,
    examples: &'a [Example],
    options: &'a TrainOptions<'a>,
    tuning: &'a Tuning,
    cancel: &'a Cancel,
    base: &'a Encoder,
}

impl Run<'_> {
    fn of(&self) -> TunedOn<'_> {
        TunedOn {
            task: self.task,
            examples: self.examples,
            name: self.options.name,
        }
    }

    /// Tunes the checkpoint in a folder.
    fn on(&self, folder: &Path, on_event: OnTraining<'_>) -> Result<Learned, EngineError> {
        let refuse = |message: String| EngineError::Learn(LearnError::Encoder { message });
        let checkpoint = Checkpoint::open(folder).map_err(|error| refuse(error.to_string()))?;
        let encoder = Trainable::read(&checkpoint.config, checkpoint.weights.as_ref())?;
        let custom = self.tuned(&encoder, on_event)?;
        let entry = kept(self.shared, self.base, &checkpoint, folder, &custom.encoder, &self.of())?;
        let labels = numbered(self.examples, &choices_of(self.task));
        let held_out: Vec<usize> = custom.held_out_rows.iter().map(|&row| labels[row]).collect();
        let raw: Vec<(f32, bool)> = best_of(&custom.held_out)
            .into_iter()
            .enumerate()
            .map(|(row, best)| (custom.held_out[[row, best]], best == held_out[row]))
            .collect();
        let calibration = ChosenCalibration::of(&raw, self.options.seed).calibration;
        let known: Vec<(f32, bool)> = raw
            .iter()
            .map(|(raw, right)| (calibration.apply(*raw), *right))
            .collect();
        let mut scored = vec![None; self.examples.len()];
        for (&row, known) in custom.held_out_rows.iter().zip(&known) {
            scored[row] = Some(*known);
        }
        let mut facts = Facts::new(choices_of(self.task), hash_of(self.examples), self.examples.len());
        facts.embedding_model = Some(named(&entry));
        facts.held_out_accuracy = custom.held_out_accuracy;
        facts.calibration = calibration;
        facts.catch_all = custom.catch_all;
        Ok(Learned {
            graph: head_to_onnx(&custom.head, &facts),
            files: Vec::new(),
            family: "linear",
            columns: custom.head.weights.nrows(),
            parameters: custom.head.weights.len() + custom.head.bias.len(),
            reads: Some(entry),
            rows: None,
            held_out: HeldOut::of(&known, &held_out),
            scored,
            calibration: facts.calibration.method(),
            notes: Vec::new(),
        })
    }

    fn tuned(&self, encoder: &Trainable, on_event: OnTraining<'_>) -> Result<Custom, EngineError> {
        let names = choices_of(self.task);
        let labels = numbered(self.examples, &names);
        let tokens_of = |texts: &[&str]| -> Result<Vec<Vec<u32>>, EngineError> {
            let model = self.base.load()?;
            texts.iter().map(|text| model.tokenizer.whole(text)).collect()
        };
        let texts: Vec<&str> = self
            .examples
            .iter()
            .map(|example| example.input.text.as_str())
            .collect();
        let tokens = tokens_of(&texts)?;
        let (about, of_about) = texts_of_labels(self.task);
        let about = tokens_of(&about.iter().map(String::as_str).collect::<Vec<_>>())?;
        let custom = CustomOptions {
            tune: TuneOptions {
                epochs: self.tuning.epochs,
                seed: self.options.seed,
                ..TuneOptions::default()
            },
            catch_all: self.task.catch_all().map(|(label, share)| (label, f64::from(share))),
            ..CustomOptions::default()
        };
        on_event(TrainEvent::Begin {
            step: TrainStep::Tune,
            rows: (2 * self.tuning.epochs * tokens.len()) as u64,
        });
        let mut report = |_: Epoch| {
            on_event(TrainEvent::Rows(tokens.len() as u64));
            !self.cancel.is_cancelled()
        };
        let examples = Texts {
            tokens: &tokens,
            labels: &labels,
        };
        let of_labels = Texts {
            tokens: &about,
            labels: &of_about,
        };
        let groups = groups(self.examples);
        Ok(train_custom(
            encoder,
            examples,
            of_labels,
            names.len(),
            Some(&groups),
            &custom,
            &mut report,
        )?)
    }
}
