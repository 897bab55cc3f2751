//! A classifier of pairs, trained on labelled ones.

use ndarray::Array2;
use refuel_learn::{PairModel, TrainedPairs, train_pairs};
use refuel_resolve::{Comparator, Figures, Vectors};
use rustc_hash::FxHashSet;

use super::{HeldOut, Resolving};
use crate::Result;

/// Where the parts that are held out come from.
const SEED: u64 = 17;
/// With fewer different records on the left side, pairs of one record are not held out together: parts would be empty.
const FEWEST_GROUPS: usize = 10;

/// A classifier, and how it did on pairs that it had not seen.
pub(super) struct Trained {
    model: PairModel,
    /// How many labelled pairs there are.
    pub(super) pairs: usize,
    /// How many of them are the same.
    pub(super) same: usize,
    /// By classifiers that had not seen the pair.
    pub(super) held_out: HeldOut,
}

impl Trained {
    pub(super) fn new(resolving: &Resolving<'_>, comparator: &Comparator, vectors: Option<&Vectors>) -> Result<Self> {
        let pairs = &resolving.pairs;
        let columns = comparator.features().len();
        let mut numbers = Vec::with_capacity(pairs.len() * columns);
        for pair in pairs {
            let [left, right] = [pair.left, pair.right].map(|record| comparator.prepare(&resolving.records[record]));
            let cosine = vectors.map(|vectors| vectors.cosine(pair.left as u32, pair.right as u32));
            comparator.compare_into(&left, &right, cosine, &mut numbers);
        }
        let table = Array2::from_shape_vec((pairs.len(), columns), numbers).expect("each pair has all features");
        let same: Vec<bool> = pairs.iter().map(|pair| pair.same).collect();
        let groups: Vec<u64> = pairs.iter().map(|pair| pair.left as u64).collect();
        let different = groups.iter().collect::<FxHashSet<_>>().len();
        let groups = (different >= FEWEST_GROUPS).then_some(&groups[..]);
        let TrainedPairs { model, held_out, .. } = train_pairs(&table, &same, groups, SEED)?;
        Ok(Self {
            model,
            pairs: pairs.len(),
            same: same.iter().filter(|same| **same).count(),
            held_out: graded(&held_out, &same, resolving.options.cluster.threshold),
        })
    }

    /// How likely a pair with these features is one thing, from 0 to 1.
    pub(super) fn probability(&self, row: &[f32]) -> f32 {
        let table = Array2::from_shape_vec((1, row.len()), row.to_vec()).expect("one row");
        let probabilities = self.model.probabilities(&table);
        // The classifier was trained on features of this comparator, so that there are as many.
        probabilities.ok().and_then(|all| all.first().copied()).unwrap_or(0.0)
    }
}

fn graded(logits: &[f32], same: &[bool], threshold: f32) -> HeldOut {
    let found = |logit: f32| 1.0 / (1.0 + (-logit).exp()) > threshold;
    let count = |holds: &dyn Fn(bool, bool) -> bool| {
        let pairs = logits.iter().zip(same);
        pairs.filter(|(logit, same)| holds(found(**logit), **same)).count() as f64
    };
    let known = count(&|_, same| same);
    let figures = Figures::new(count(&|found, same| found && same), count(&|found, _| found), known);
    let share = known / same.len().max(1) as f64;
    HeldOut {
        precision: figures.precision,
        recall: figures.recall,
        f1: figures.f1,
        accuracy: count(&|found, same| found == same) / same.len().max(1) as f64,
        majority: share.max(1.0 - share),
    }
}
