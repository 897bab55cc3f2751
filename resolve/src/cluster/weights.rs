//! What each pair of a component says for or against one cluster.

use rustc_hash::FxHashMap;

use super::ScoredPair;
use crate::sources::Sources;

/// How much a single pair can say, in log-odds: a scorer is never so sure that one pair outweighs several.
const MOST: f32 = 4.0;

/// The scored pairs of some records, numbered from 0, and the scorer for the others.
pub(super) struct Weights<'a> {
    records: Vec<u32>,
    probabilities: FxHashMap<(u32, u32), f32>,
    adjacent: Vec<Vec<u32>>,
    threshold: f32,
    sources: &'a Sources,
    verify: &'a (dyn Fn(u32, u32) -> f32 + Sync),
}

impl<'a> Weights<'a> {
    /// `records` are in ascending order. A pair that is given twice counts with its higher probability.
    pub(super) fn new(
        records: Vec<u32>,
        pairs: &[ScoredPair],
        threshold: f32,
        sources: &'a Sources,
        verify: &'a (dyn Fn(u32, u32) -> f32 + Sync),
    ) -> Self {
        let mut weights = Self {
            adjacent: vec![Vec::new(); records.len()],
            records,
            probabilities: FxHashMap::default(),
            threshold,
            sources,
            verify,
        };
        for pair in pairs {
            let node = |record| weights.records.binary_search(&record).ok();
            if let (Some(a), Some(b)) = (node(pair.left), node(pair.right)) {
                let key = ordered(a as u32, b as u32);
                let known = weights.probabilities.entry(key).or_insert(-1.0);
                if *known < 0.0 {
                    weights.adjacent[a].push(b as u32);
                    weights.adjacent[b].push(a as u32);
                }
                *known = known.max(pair.probability);
            }
        }
        weights
    }

    pub(super) fn len(&self) -> usize {
        self.records.len()
    }

    pub(super) fn record(&self, node: u32) -> u32 {
        self.records[node as usize]
    }

    pub(super) fn sources(&self) -> &'a Sources {
        self.sources
    }

    /// The records that a pair with this one was scored for, with the probability of each.
    pub(super) fn neighbours(&self, node: u32) -> impl Iterator<Item = (u32, f32)> + '_ {
        let known = move |other: u32| self.probabilities.get(&ordered(node, other)).copied();
        self.adjacent[node as usize]
            .iter()
            .filter_map(move |other| Some((*other, known(*other)?)))
    }

    /// The scored pairs.
    pub(super) fn pairs(&self) -> Vec<(u32, u32, f32)> {
        let mut pairs: Vec<(u32, u32, f32)> = self.probabilities.iter().map(|((a, b), p)| (*a, *b, *p)).collect();
        pairs.sort_unstable_by_key(|(a, b, _)| (*a, *b));
        pairs
    }

    /// The probability of a pair; scored now where it was not yet.
    pub(super) fn probability(&mut self, a: u32, b: u32) -> f32 {
        let key = ordered(a, b);
        if let Some(probability) = self.probabilities.get(&key) {
            return *probability;
        }
        let (left, right) = (self.record(key.0), self.record(key.1));
        let probability = if self.sources.comparable(left, right) {
            (self.verify)(left, right)
        } else {
            0.0
        };
        let probability = if probability.is_nan() {
            0.0
        } else {
            probability.clamp(0.0, 1.0)
        };
        self.probabilities.insert(key, probability);
        self.adjacent[a as usize].push(b);
        self.adjacent[b as usize].push(a);
        probability
    }

    /// What a pair says: its log-odds above those of the threshold, positive for one cluster, within [`MOST`] either way.
    pub(super) fn weight(&mut self, a: u32, b: u32) -> f32 {
        let probability = self.probability(a, b);
        self.log_odds(probability).clamp(-MOST, MOST)
    }

    /// The log-odds of a probability above those of the threshold.
    pub(super) fn log_odds(&self, probability: f32) -> f32 {
        log_odds(probability) - log_odds(self.threshold)
    }
}

fn log_odds(probability: f32) -> f32 {
    let probability = probability.clamp(1e-6, 1.0 - 1e-6);
    (probability / (1.0 - probability)).ln()
}

fn ordered(a: u32, b: u32) -> (u32, u32) {
    (a.min(b), a.max(b))
}
