//! From probabilities of tokens to confidences of candidates.
//!
//! Two numbers are kept for every candidate. `raw_confidence` is the geometric mean of the probabilities of its tokens
//! (the confidence score of Refuel's Autolabel): it is low where none of the candidates fits the text. `confidence` is
//! its probability among the candidates: the probability of its whole token sequence over the sum of all of theirs.

use std::ops::Range;

use crate::batching::CandidateTrie;

/// Scores of one row's candidates, in the candidates' order.
#[derive(Debug, Clone, PartialEq)]
pub struct CandidateScores {
    /// Probability of each candidate among the candidates; they sum to 1.
    pub normalized: Vec<f32>,
    /// Geometric mean of the probabilities of each candidate's tokens.
    pub raw: Vec<f32>,
}

impl CandidateScores {
    /// From a row's log probabilities by trie node.
    ///
    /// With `content_free` (the mean of [`CandidateScores::normalized`] over inputs without content) each candidate's
    /// probability is divided by what it gets from no content at all, and the quotients are normalized again:
    /// contextual calibration with `W = diag(p_cf)^-1`, `b = 0` (Zhao et al. 2021, "Calibrate Before Use", section 5).
    pub fn new(trie: &CandidateTrie, log_probabilities: &[f32], content_free: Option<&[f32]>) -> Self {
        Self::of_range(trie, 0..trie.paths().len(), log_probabilities, content_free)
    }

    /// The same for some of a trie's candidates, which are normalized among themselves: the answers to one of several
    /// questions.
    pub fn of_range(
        trie: &CandidateTrie,
        candidates: Range<usize>,
        log_probabilities: &[f32],
        content_free: Option<&[f32]>,
    ) -> Self {
        let sums: Vec<(f32, usize)> = candidates
            .map(|candidate| trie.candidate_score(candidate, log_probabilities))
            .collect();
        let raw = sums
            .iter()
            .map(|&(sum, count)| (sum / count.max(1) as f32).exp())
            .collect();
        let logs: Vec<f64> = sums
            .iter()
            .enumerate()
            .map(|(candidate, &(sum, _))| {
                // A candidate that no content makes impossible would get an infinite weight; 1e-6 bounds it.
                let prior = content_free.map_or(0.0, |prior| f64::from(prior[candidate]).max(1e-6).ln());
                f64::from(sum) - prior
            })
            .collect();
        Self {
            normalized: softmax(&logs),
            raw,
        }
    }

    /// Index of the best candidate; the first of equals.
    pub fn best(&self) -> Option<usize> {
        (0..self.normalized.len()).reduce(|best, next| {
            if self.normalized[next] > self.normalized[best] {
                next
            } else {
                best
            }
        })
    }

    /// Candidates from best to worst; equals in the candidates' order.
    pub fn ranked(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.normalized.len()).collect();
        order.sort_by(|&a, &b| self.normalized[b].total_cmp(&self.normalized[a]).then(a.cmp(&b)));
        order
    }
}

/// Probabilities of logits; even ones where no logit is finite.
pub fn softmax(logs: &[f64]) -> Vec<f32> {
    let maximum = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if !maximum.is_finite() {
        return vec![1.0 / logs.len().max(1) as f32; logs.len()];
    }
    let weights: Vec<f64> = logs.iter().map(|log| (log - maximum).exp()).collect();
    let sum: f64 = weights.iter().sum();
    weights.iter().map(|weight| (weight / sum) as f32).collect()
}

/// The mean over content-free inputs of the candidates' probabilities.
pub fn content_free_prior(scores: &[CandidateScores]) -> Vec<f32> {
    let candidates = scores.first().map_or(0, |scores| scores.normalized.len());
    let mut prior = vec![0.0; candidates];
    for scores in scores {
        prior
            .iter_mut()
            .zip(&scores.normalized)
            .for_each(|(sum, value)| *sum += value / scores.normalized.len() as f32);
    }
    let sum: f32 = prior.iter().sum();
    if sum > 0.0 {
        for value in &mut prior {
            *value /= sum;
        }
    }
    prior
}

/// Geometric mean of token probabilities given as logarithms; 0 where there are none.
pub fn geometric_mean(log_probabilities: &[f32]) -> f32 {
    if log_probabilities.is_empty() {
        return 0.0;
    }
    (log_probabilities.iter().sum::<f32>() / log_probabilities.len() as f32).exp()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trie() -> CandidateTrie {
        CandidateTrie::new(&[vec![1, 2], vec![1, 3], vec![4]], &[], None)
    }

    // Nodes: 1, 1-2, 1-3, 4.
    fn log_probabilities(values: [f32; 4]) -> Vec<f32> {
        values.iter().map(|value| value.ln()).collect()
    }

    #[test]
    fn a_candidate_is_worth_the_product_of_its_tokens() {
        let scores = CandidateScores::new(&trie(), &log_probabilities([0.5, 0.8, 0.2, 0.1]), None);
        let expected = [0.4 / 0.6, 0.1 / 0.6, 0.1 / 0.6];
        scores
            .normalized
            .iter()
            .zip(expected)
            .for_each(|(got, expected): (&f32, f32)| assert!((got - expected).abs() < 1e-6));
        assert!((scores.raw[0] - 0.4_f32.sqrt()).abs() < 1e-6);
        assert_eq!(scores.best(), Some(0));
    }

    #[test]
    fn calibration_takes_off_what_no_content_gives() {
        let prior = [0.8, 0.1, 0.1];
        let scores = CandidateScores::new(&trie(), &log_probabilities([0.5, 0.8, 0.2, 0.1]), Some(&prior));
        assert_eq!(scores.ranked(), [1, 2, 0]);
        assert!((scores.normalized.iter().sum::<f32>() - 1.0).abs() < 1e-6);
    }

    #[test]
    fn calibration_by_an_even_prior_changes_nothing() {
        let plain = CandidateScores::new(&trie(), &log_probabilities([0.5, 0.8, 0.2, 0.1]), None);
        let even = CandidateScores::new(&trie(), &log_probabilities([0.5, 0.8, 0.2, 0.1]), Some(&[1.0 / 3.0; 3]));
        plain
            .normalized
            .iter()
            .zip(&even.normalized)
            .for_each(|(a, b)| assert!((a - b).abs() < 1e-6));
    }
}
