//! Heads on features of pairs.

use std::collections::{BTreeMap, HashMap};

use refuel_learn::{ChosenCalibration, Facts, PairModel, pairs_to_onnx, train_pairs};
use refuel_resolve::{Comparator, Profile, Record};
use refuel_task::{Example, Task};

use super::{HeldOut, Learned, OnTraining, TrainEvent, TrainOptions, TrainStep, hash_of};
use crate::error::EngineError;
use crate::evaluate::ClassCounts;
use crate::learned::pairs::{PROFILE_FILE, Sides, table};
use crate::learned::{choices_of, unprofiled};

/// Trains a head on the features of labelled pairs, by which columns they are alike and how.
pub(super) fn learn(
    task: &Task,
    examples: &[Example],
    options: &TrainOptions<'_>,
    on_event: OnTraining<'_>,
) -> Result<Learned, EngineError> {
    on_event(TrainEvent::Begin {
        step: TrainStep::Fit,
        rows: examples.len() as u64,
    });
    let sides = Sides::of(&task.input);
    let pairs: Vec<[Record; 2]> = examples.iter().map(|example| sides.records(&example.input)).collect();
    let same: Vec<bool> = examples.iter().map(|example| example.answer == true).collect();
    let records: Vec<Record> = pairs.iter().flatten().cloned().collect();
    let profile = Profile::fit(&records, &BTreeMap::new()).map_err(|error| unprofiled(task, &error))?;
    let comparator = Comparator::new(profile.pruned(), false);
    let trained = train_pairs(&table(&comparator, &pairs), &same, Some(&groups(&pairs)), options.seed)?;
    let raw: Vec<(f32, bool)> = trained
        .held_out
        .iter()
        .zip(&same)
        .map(|(logit, same)| {
            let share = 1.0 / (1.0 + (-logit).exp());
            (share.max(1.0 - share), (share > 0.5) == *same)
        })
        .collect();
    let calibration = ChosenCalibration::of(&raw, options.seed).calibration;
    let scored: Vec<(f32, bool)> = raw
        .iter()
        .map(|(raw, right)| (calibration.apply(*raw), *right))
        .collect();
    let held_out = HeldOut {
        f1: Some(f1(&trained.held_out, &same)),
        ..HeldOut::of(&scored, &same)
    };
    let mut facts = Facts::new(choices_of(task), hash_of(examples), examples.len());
    facts.columns = comparator
        .features()
        .iter()
        .map(|feature| feature.name.clone())
        .collect();
    facts.held_out_accuracy = held_out.accuracy;
    facts.held_out_log_loss = trained
        .tried
        .iter()
        .map(|(_, loss)| *loss)
        .fold(f64::INFINITY, f64::min);
    facts.calibration = calibration;
    let profile = serde_json::to_vec(comparator.profile()).map_err(std::io::Error::from)?;
    Ok(Learned {
        graph: pairs_to_onnx(&trained.model, &facts),
        files: vec![(PROFILE_FILE.to_owned(), profile)],
        family: match &trained.model {
            PairModel::Trees(_) => "trees",
            PairModel::Line(_) => "linear",
            PairModel::Both(..) => "trees and linear",
        },
        columns: facts.columns.len(),
        parameters: parameters(&trained.model),
        reads: None,
        rows: None,
        scored: scored.into_iter().map(Some).collect(),
        held_out,
        calibration: facts.calibration.method(),
        notes: Vec::new(),
    })
}

/// Pairs that have their first record in common are held out together.
fn groups(pairs: &[[Record; 2]]) -> Vec<u64> {
    let mut seen: HashMap<&Record, u64> = HashMap::new();
    pairs
        .iter()
        .map(|[first, _]| {
            let next = seen.len() as u64;
            *seen.entry(first).or_insert(next)
        })
        .collect()
}

/// F1 of the pairs that are the same.
fn f1(logits: &[f32], same: &[bool]) -> f64 {
    let mut counts = ClassCounts::default();
    for (found, same) in logits.iter().map(|logit| *logit > 0.0).zip(same) {
        counts.expected += u64::from(*same);
        counts.given += u64::from(found);
        counts.right += u64::from(found && *same);
    }
    counts.f1()
}

/// Numbers that were learned.
fn parameters(model: &PairModel) -> usize {
    let of_trees = |trees: &refuel_learn::BoostedTrees| trees.trees.iter().map(|tree| tree.nodes.len()).sum::<usize>();
    let of_line = |line: &refuel_learn::PairLine| 2 * line.weights.len() + 1;
    match model {
        PairModel::Trees(trees) => of_trees(trees),
        PairModel::Line(line) => of_line(line),
        PairModel::Both(trees, line) => of_trees(trees) + of_line(line),
    }
}
