//! Heads on embeddings.

use std::sync::Arc;

use refuel_learn::{
    ChosenCalibration, Facts, Features, HeadOptions, LabelTexts, TermOptions, TermVocabulary, best_of, head_to_onnx,
};
use refuel_task::{Example, Task};

use super::fitted::{Examples, Fitted};
use super::sentences::sentences;
use super::{HeldOut, Learned, OnTraining, TrainEvent, TrainOptions, TrainStep, groups, hash_of, numbered};
use crate::cancel::Cancel;
use crate::engine::Shared;
use crate::error::EngineError;
use crate::learned::{choices_of, matrix, named};

/// Trains a head on the embeddings of examples, and on their terms where these help. Names and descriptions of labels are
/// evidence beside the examples.
pub(super) fn learn(
    shared: &Arc<Shared>,
    task: &Task,
    examples: &[Example],
    options: &TrainOptions<'_>,
    cancel: &Cancel,
    on_event: OnTraining<'_>,
) -> Result<Learned, EngineError> {
    let encoder = options.encoder(shared, task)?;
    let names = choices_of(task);
    let labels = numbered(examples, &names);
    let texts: Vec<&str> = examples.iter().map(|example| example.input.text.as_str()).collect();
    let (about, of_about) = texts_of_labels(task);
    on_event(TrainEvent::Begin {
        step: TrainStep::Embed,
        rows: (texts.len() + about.len()) as u64,
    });
    let mut tell = |rows: usize| on_event(TrainEvent::Rows(rows as u64));
    let vectors = encoder.vectors(&texts, cancel, &mut tell)?;
    let of_labels = encoder.vectors(&about.iter().map(String::as_str).collect::<Vec<_>>(), cancel, &mut tell)?;
    on_event(TrainEvent::Begin {
        step: TrainStep::Fit,
        rows: examples.len() as u64,
    });
    let vocabulary = TermVocabulary::fit(&texts, &TermOptions::default());
    let features = Features {
        dense: matrix(&vectors)?,
        terms: Some(vocabulary.rows(&texts)),
    };
    let label_texts = LabelTexts {
        features: Features {
            dense: matrix(&of_labels)?,
            terms: Some(vocabulary.rows(&about)),
        },
        labels: of_about,
    };
    let search = HeadOptions {
        seed: options.seed,
        ..HeadOptions::default()
    };
    let groups = groups(examples);
    let stopped = || cancel.is_cancelled();
    let of = Examples {
        features: &features,
        labels: &labels,
        count: names.len(),
        texts: &label_texts,
        groups: &groups,
    };
    let trained = Fitted::new(&of, task.catch_all(), &search, &stopped)?;
    let shares = trained.shares;
    let raw: Vec<(f32, bool)> = best_of(&shares)
        .into_iter()
        .enumerate()
        .map(|(row, best)| (shares[[row, best]], best == labels[row]))
        .collect();
    let calibration = ChosenCalibration::of(&raw, options.seed).calibration;
    let scored: Vec<(f32, bool)> = raw
        .iter()
        .map(|(raw, right)| (calibration.apply(*raw), *right))
        .collect();
    let entry = encoder.entry().clone();
    let mut facts = Facts::new(names, hash_of(examples), examples.len());
    facts.terms = (trained.head.terms() > 0).then(|| vocabulary.to_json());
    facts.embedding_model = Some(named(&entry));
    facts.held_out_accuracy = trained.accuracy;
    facts.held_out_log_loss = trained.log_loss;
    facts.calibration = calibration;
    facts.catch_all = trained.catch_all;
    Ok(Learned {
        graph: head_to_onnx(&trained.head, &facts),
        files: Vec::new(),
        family: "linear",
        columns: trained.head.weights.nrows(),
        parameters: trained.head.weights.len() + trained.head.bias.len(),
        reads: Some(entry),
        rows: None,
        held_out: HeldOut::of(&scored, &labels),
        scored: scored.into_iter().map(Some).collect(),
        calibration: facts.calibration.method(),
        notes: Vec::new(),
    })
}

/// What names and sentences of descriptions say of labels, each text with the number of its label.
pub(super) fn texts_of_labels(task: &Task) -> (Vec<String>, Vec<usize>) {
    let mut texts = Vec::new();
    for (number, label) in task.labels.iter().enumerate() {
        // Names are often written as identifiers.
        texts.push((label.name.replace(['_', '-'], " "), number));
        let description = label.description.as_deref().unwrap_or_default();
        texts.extend(
            sentences(description)
                .into_iter()
                .map(|sentence| (sentence.to_owned(), number)),
        );
    }
    texts.into_iter().unzip()
}
