//! How likely a proposal is right: logistic regression on its evidence.
//!
//! The weights have a prior, so that a table without labelled rows is repaired by what is generally so, and each labelled
//! row moves the weights from there. Beside the weights that all columns share, each column has offsets for itself and
//! for each kind of evidence, which are small unless labelled rows say otherwise.

use crate::candidates::{Candidate, FEATURES, PRIOR};
use crate::proposal::EvidenceKind;

/// Variance of the shared weights around their prior.
const SHARED_VARIANCE: f32 = 1.0;
/// Variance of the offsets of columns around zero.
const OFFSET_VARIANCE: f32 = 0.8;
/// Rounds over all weights; they settle long before.
const ROUNDS: usize = 60;

/// What a weak dependency takes from a score before a row is labelled. From eight public tables with errors put in one and
/// five of a hundred cells: what dependencies said that hold in nine rows of ten was right as often as it looked, and of what
/// those said that hold in six it was one cell of twenty, however sure it looked.
const WEAK: f32 = 4.0;
/// And what a value takes from it that seems to belong to another column: on the same tables parts of long texts did.
const MOVED: f32 = 0.5;

const KINDS: usize = EvidenceKind::PROPOSING.len();

/// The weights.
#[derive(Debug)]
pub(crate) struct Trust {
    shared: [f32; FEATURES],
    /// For each column: its own offset, then one for each kind.
    offsets: Vec<[f32; KINDS + 1]>,
    /// Whether weak dependencies are believed less, because no labelled row says which to trust.
    pub(crate) cautious: bool,
}

impl Trust {
    /// Fits the weights to candidates in labelled rows and whether each is right.
    pub(crate) fn fit(columns: usize, labelled: &[(&Candidate, bool)]) -> Self {
        let mut trust = Self {
            shared: PRIOR,
            offsets: vec![[0.0; KINDS + 1]; columns],
            cautious: false,
        };
        if labelled.is_empty() {
            return trust;
        }
        let mut scores: Vec<f32> = labelled.iter().map(|(candidate, _)| trust.score(candidate)).collect();
        for _ in 0..ROUNDS {
            for (feature, prior) in PRIOR.iter().enumerate() {
                let values: Vec<(usize, f32)> = labelled
                    .iter()
                    .enumerate()
                    .map(|(at, (candidate, _))| (at, candidate.features[feature]))
                    .filter(|&(_, value)| value != 0.0)
                    .collect();
                let from_prior = trust.shared[feature] - prior;
                trust.shared[feature] += step(&values, labelled, &mut scores, from_prior, SHARED_VARIANCE);
            }
            for column in 0..columns {
                for kind in 0..=KINDS {
                    let values: Vec<(usize, f32)> = labelled
                        .iter()
                        .enumerate()
                        .filter(|(_, (candidate, _))| {
                            candidate.column as usize == column
                                && (kind == 0 || candidate.kinds & (1 << (kind - 1)) != 0)
                        })
                        .map(|(at, _)| (at, 1.0))
                        .collect();
                    if !values.is_empty() {
                        let from_prior = trust.offsets[column][kind];
                        trust.offsets[column][kind] +=
                            step(&values, labelled, &mut scores, from_prior, OFFSET_VARIANCE);
                    }
                }
            }
        }
        trust
    }

    fn score(&self, candidate: &Candidate) -> f32 {
        let offsets = &self.offsets[candidate.column as usize];
        let mut score = offsets[0];
        for (feature, weight) in candidate.features.iter().zip(&self.shared) {
            score += feature * weight;
        }
        for (kind, offset) in offsets[1..].iter().enumerate() {
            if candidate.kinds & (1 << kind) != 0 {
                score += offset;
            }
        }
        score
    }

    /// How likely a candidate is right, from 0 to 1.
    pub(crate) fn confidence(&self, candidate: &Candidate) -> f32 {
        let mut score = self.score(candidate);
        if self.cautious {
            score -= WEAK * candidate.weak;
            if candidate.has(EvidenceKind::Moved) {
                score -= MOVED;
            }
        }
        logistic(score)
    }
}

fn logistic(score: f32) -> f32 {
    1.0 / (1.0 + (-score).exp())
}

/// One Newton step for one weight. Scores are kept up to date.
fn step(
    values: &[(usize, f32)],
    labelled: &[(&Candidate, bool)],
    scores: &mut [f32],
    from_prior: f32,
    variance: f32,
) -> f32 {
    let mut slope = from_prior / variance;
    let mut curvature = 1.0 / variance;
    for &(at, value) in values {
        let confidence = logistic(scores[at]);
        slope += (confidence - f32::from(u8::from(labelled[at].1))) * value;
        curvature += confidence * (1.0 - confidence) * value * value;
    }
    let step = (-slope / curvature).clamp(-1.0, 1.0);
    for &(at, value) in values {
        scores[at] += step * value;
    }
    step
}
