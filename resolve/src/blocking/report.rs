//! What blocking found and what it cost.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Candidate, Rule};
use crate::error::ResolveError;
use crate::sources::Sources;

/// What one rule found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleReport {
    /// The rule.
    pub rule: Rule,
    /// How many of the pairs it found.
    pub pairs: usize,
    /// How many of them no other rule found.
    pub alone: usize,
    /// How many blocks were so large that not all of their pairs were taken.
    pub cut_blocks: usize,
}

impl RuleReport {
    pub(super) fn new(rule: Rule, cut_blocks: usize) -> Self {
        Self {
            rule,
            pairs: 0,
            alone: 0,
            cut_blocks,
        }
    }
}

/// What all rules found together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BlockingReport {
    /// One for each rule, in order.
    pub rules: Vec<RuleReport>,
    /// How many pairs are to be compared.
    pub pairs: usize,
    /// How many pairs there are altogether.
    pub possible: u64,
    /// How many pairs were left out because there were more than `max_pairs`.
    pub dropped: usize,
}

/// How many of the known matches are among the candidates.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Recall {
    /// How many of them were found.
    pub found: usize,
    /// How many there are.
    pub known: usize,
    /// How many of them each rule found, in order.
    pub by_rule: Vec<usize>,
    /// Those that were not found, the first hundred.
    pub missed: Vec<(u32, u32)>,
}

impl Recall {
    /// The share that was found, from 0 to 1; `None` where no match is known.
    pub fn share(&self) -> Option<f64> {
        (self.known > 0).then(|| self.found as f64 / self.known as f64)
    }
}

/// A match counts as one from here on when the recall is estimated.
const FEWEST: f64 = 10.0;

impl BlockingReport {
    pub(super) fn new(mut rules: Vec<RuleReport>, candidates: &[Candidate], dropped: usize, sources: &Sources) -> Self {
        for candidate in candidates {
            for (number, report) in rules.iter_mut().enumerate() {
                let bit = 1 << number;
                report.pairs += usize::from(candidate.rules & bit != 0);
                report.alone += usize::from(candidate.rules == bit);
            }
        }
        Self {
            rules,
            pairs: candidates.len(),
            possible: sources.pairs(),
            dropped,
        }
    }

    /// The share of all pairs that need not be compared, from 0 to 1.
    pub fn reduction(&self) -> f64 {
        1.0 - self.pairs as f64 / self.possible.max(1) as f64
    }

    /// How many of the known matches were found. Matches are pairs of indices in either order; one that is given twice
    /// counts once.
    ///
    /// # Errors
    /// An index that no record has.
    pub fn recall(
        &self,
        candidates: &[Candidate],
        known: &[(u32, u32)],
        records: usize,
    ) -> Result<Recall, ResolveError> {
        let found: BTreeMap<(u32, u32), u32> = candidates
            .iter()
            .map(|candidate| ((candidate.left, candidate.right), candidate.rules))
            .collect();
        let mut sorted: Vec<(u32, u32)> = known.iter().map(|(a, b)| (*a.min(b), *a.max(b))).collect();
        sorted.sort_unstable();
        sorted.dedup();
        if let Some((_, index)) = sorted.iter().find(|(_, b)| *b as usize >= records) {
            let index = *index as usize;
            return Err(ResolveError::Index { index, records });
        }
        let mut recall = Recall {
            found: 0,
            known: sorted.len(),
            by_rule: vec![0; self.rules.len()],
            missed: Vec::new(),
        };
        for pair in sorted {
            match found.get(&pair) {
                Some(rules) => {
                    recall.found += 1;
                    for (number, count) in recall.by_rule.iter_mut().enumerate() {
                        *count += usize::from(rules & (1 << number) != 0);
                    }
                }
                None if recall.missed.len() < 100 => recall.missed.push(pair),
                None => {}
            }
        }
        Ok(recall)
    }

    /// The recall, estimated where no match is known, from 0 to 1: two rules that find matches independently of each other
    /// miss as many as their overlap says (capture and recapture, Chapman's estimate, 1951). Of all pairs of rules the most
    /// pessimistic estimate is taken, because rules are never quite independent: what one misses, another misses sooner.
    /// `None` where there are fewer than two rules, or too few matches.
    ///
    /// `probabilities` are those that each candidate is a match.
    ///
    /// # Errors
    /// Probabilities of another number than the candidates.
    pub fn estimated_recall(
        &self,
        candidates: &[Candidate],
        probabilities: &[f32],
    ) -> Result<Option<f64>, ResolveError> {
        if candidates.len() != probabilities.len() {
            return Err(ResolveError::Count {
                what: "probabilities",
                found: probabilities.len(),
                expected: candidates.len(),
            });
        }
        let matches: Vec<(u32, f64)> = candidates
            .iter()
            .zip(probabilities)
            .filter(|(_, probability)| **probability >= 0.5)
            .map(|(candidate, probability)| (candidate.rules, f64::from(*probability)))
            .collect();
        let by = |mask: u32| -> f64 { matches.iter().filter(|m| m.0 & mask == mask).map(|m| m.1).sum() };
        let all = by(0);
        let mut total = 0f64;
        for first in 0..self.rules.len() {
            for second in 0..first {
                let (a, b) = (by(1 << first), by(1 << second));
                let both = by(1 << first | 1 << second);
                if both >= FEWEST {
                    total = total.max((a + 1.0) * (b + 1.0) / (both + 1.0) - 1.0);
                }
            }
        }
        Ok((total > 0.0).then(|| (all / total.max(all)).min(1.0)))
    }
}
