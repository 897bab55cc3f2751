//! How likely a pair is a match at most, whatever was estimated.
//!
//! Expectation maximization parts any table into two kinds of pairs. Where a table has no duplicates, or one column to
//! compare, what it calls matches are the pairs that agree in one column by chance. An agreement is believed as far as the
//! other columns bear it out: of all pairs that agree in a column as much, the share that are matches is estimated from
//! what their other columns say, each judged by how matches usually agree and how random pairs do. Two records that share
//! a birthday share nothing else, those that share a telephone share a name as well. A column is an identifier as far as
//! this shows it to be one.

use serde::{Deserialize, Serialize};

use super::dependence::Dependence;
use super::levels::{AGREEING, LEVELS, MISSING, SAME, Scope};
use super::{Agreements, Comparison, MOST, USUAL, weights};

/// What share of the pairs that agree this much in a column, and in nothing else that is known, are matches usually.
const ALONE: [f64; LEVELS] = [0.001, 0.02, 0.2, 0.6, 0.6, 0.8, 0.9];
/// As many pairs as this speak for the usual share, beside those found.
const PRIOR_PAIRS: f64 = 2.0;
/// In no column are more of the matches taken to be different: else what agrees in one column alone would show that matches
/// differ in all others.
const MOST_DIFFERENT: f64 = 0.35;
/// Rounds of expectation maximization for one share.
const ROUNDS: usize = 30;

/// What the columns say one by one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Bound {
    scopes: Vec<Scope>,
    /// Log-odds that a pair is a match which agrees in a column to a step, by column and step, nothing else known.
    alone: Vec<[f64; LEVELS]>,
    /// What a step says beside another column's, as log-odds.
    beside: Vec<[f64; LEVELS]>,
    /// What columns say once more.
    dependence: Dependence,
}

impl Bound {
    /// Estimates what each column says. `among_matches` and `among_random` are how frequent each step is, by column.
    pub(super) fn fit(
        candidates: &Agreements,
        among_matches: &[[f64; LEVELS]],
        among_random: &[[f64; LEVELS]],
        dependence: Dependence,
    ) -> Self {
        let beside: Vec<[f64; LEVELS]> = among_matches
            .iter()
            .zip(among_random)
            .map(|(matches, random)| weights(&usual(matches[0]), random))
            .collect();
        let mut bound = Self {
            scopes: candidates.comparisons.iter().map(Comparison::scope).collect(),
            alone: vec![[0.0; LEVELS]; beside.len()],
            beside,
            dependence,
        };
        // For each column and step: how many pairs there are, and what their other columns say.
        let mut seen: Vec<[Vec<(f64, f64)>; LEVELS]> = vec![Default::default(); bound.alone.len()];
        for (levels, count) in candidates.patterns.iter().zip(candidates.counts()) {
            let all = bound.said(levels);
            for (column, level) in bound.known(levels) {
                let ratio = (all - bound.beside[column][level]).clamp(-30.0, 30.0).exp();
                seen[column][level].push((count, ratio));
            }
        }
        for (alone, seen) in bound.alone.iter_mut().zip(&seen) {
            for (level, pairs) in seen.iter().enumerate() {
                let share = share(pairs, ALONE[level]);
                alone[level] = (share / (1.0 - share)).ln().clamp(-MOST, MOST);
            }
        }
        bound
    }

    /// The log-odds that a pair is a match, at most: of the columns in which both sides have the same value, or of the one that
    /// says most where there is none, as far as others bear such agreement out, with what the others say of this pair.
    pub(super) fn most(&self, levels: &[u8]) -> f64 {
        let all = self.said(levels);
        let most = |(column, level): (usize, usize)| self.alone[column][level] + all - self.beside[column][level];
        let same = self.known(levels).filter(|(_, level)| *level >= SAME).map(most);
        if let Some(most) = same.max_by(f64::total_cmp) {
            return most;
        }
        self.known(levels)
            .max_by(|one, other| {
                let [said, other_said] = [one, other].map(|(column, level)| self.beside[*column][*level]);
                said.total_cmp(&other_said)
            })
            .map_or(f64::NEG_INFINITY, most)
    }

    /// What all columns say together. Less what one of them says by itself, that is what the others say beside it.
    fn said(&self, levels: &[u8]) -> f64 {
        let said: f64 = self
            .known(levels)
            .map(|(column, level)| self.beside[column][level])
            .sum();
        let agreeing = self.known(levels).filter(|(_, level)| *level >= usize::from(AGREEING));
        let agreeing = agreeing.map(|(column, _)| column).collect();
        let by_itself = |column: usize| self.beside[column][usize::from(levels[column])];
        said - self.dependence.said_again(agreeing, by_itself)
    }

    /// The columns that both sides have a value in, with the step of agreement. What compares all words says once more what a
    /// column says. The codes of the record are one more column, unless a column of codes or dates has them.
    fn known<'a>(&'a self, levels: &'a [u8]) -> impl Iterator<Item = (usize, usize)> + 'a {
        let known = || {
            levels
                .iter()
                .zip(&self.scopes)
                .enumerate()
                .filter(|(_, (level, _))| **level != MISSING)
        };
        let has_code = known().any(|(_, (level, scope))| *scope == Scope::Code && *level >= AGREEING);
        known()
            .filter(move |(_, (_, scope))| match scope {
                Scope::Column | Scope::Code => true,
                Scope::Whole => false,
                Scope::Codes => !has_code,
            })
            .map(|(column, (level, _))| (column, usize::from(*level)))
    }
}

/// How frequent each step is among matches usually, in a column in which they were found to differ this often.
pub(super) fn usual(different: f64) -> [f64; LEVELS] {
    let different = different.clamp(USUAL[0], MOST_DIFFERENT);
    let rest = (1.0 - different) / (1.0 - USUAL[0]);
    let mut usual = USUAL.map(|share| share * rest);
    usual[0] = different;
    usual
}

/// The share of matches among pairs, of which it is known how many there are and how much likelier their other columns are
/// for matches: the most likely one, drawn towards `usual`.
pub(super) fn share(pairs: &[(f64, f64)], usual: f64) -> f64 {
    let all: f64 = pairs.iter().map(|(count, _)| count).sum();
    let mut share = usual;
    for _ in 0..ROUNDS {
        let matches: f64 = pairs
            .iter()
            .map(|(count, ratio)| count * share * ratio / (share * ratio + 1.0 - share))
            .sum();
        share = ((matches + PRIOR_PAIRS * usual) / (all + PRIOR_PAIRS)).clamp(1e-6, 1.0 - 1e-6);
    }
    share
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_follows_what_other_columns_say_and_else_what_is_usual() {
        assert!((share(&[], 0.6) - 0.6).abs() < 1e-9);
        assert!(
            (share(&[(100.0, 1.0)], 0.6) - 0.6).abs() < 1e-9,
            "nothing else is known"
        );
        assert!(share(&[(300.0, 0.1)], 0.8) < 0.02, "the others say no");
        assert!(share(&[(300.0, 50.0)], 0.2) > 0.95, "the others say yes");
        let mixed = share(&[(100.0, 1000.0), (300.0, 0.001)], 0.5);
        assert!((mixed - 0.25).abs() < 0.01, "{mixed}");
    }

    #[test]
    fn matches_are_never_taken_to_differ_in_most() {
        for different in [0.0, 0.04, 0.2, 0.9] {
            let usual = usual(different);
            assert!((usual.iter().sum::<f64>() - 1.0).abs() < 1e-9);
            assert!((USUAL[0]..=MOST_DIFFERENT).contains(&usual[0]));
        }
    }
}
