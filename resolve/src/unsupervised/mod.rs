//! A scorer that needs no labelled pair.
//!
//! Agreement in a column speaks for a match as much as it is more frequent among matches than among pairs drawn at random
//! (Fellegi and Sunter, "A theory for record linkage", 1969). How frequent it is among pairs drawn at random can be counted;
//! how frequent it is among matches is estimated from the candidates by expectation maximization (Winkler, 1988). The same
//! rare value on both sides says more than the same common one.

mod levels;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::error::ResolveError;
use crate::features::Feature;
use crate::sources::Sources;
use levels::{Comparison, LEVELS, MISSING, NAMES, comparisons};

/// Rounds of expectation maximization at most.
const ROUNDS: usize = 100;
/// As many matches as this speak for the frequencies that matches usually have, beside those that are found.
const PRIOR_MATCHES: f64 = 10.0;
/// How frequent each step of agreement is among matches usually: most values are the same, some are misspelled.
const USUAL: [f64; LEVELS] = [0.04, 0.03, 0.06, 0.12, 0.25, 0.25, 0.25];
/// No column says more than this, in log-odds: columns are not quite independent of each other.
const MOST: f64 = 8.0;

/// Weights of agreement, column by column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FellegiSunter {
    comparisons: Vec<Comparison>,
    /// Log of how much more frequent a step is among matches, for each comparison.
    weights: Vec<[f64; LEVELS]>,
    /// Log-odds that a pair drawn at random is a match.
    prior: f64,
    /// How many matches there are, estimated.
    matches: f64,
}

/// Why a pair has its probability: what one column says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// The column, or `*` for the codes of the whole record.
    pub column: String,
    /// How much both sides agree, such as `nearly the same`, or `missing`.
    pub agreement: String,
    /// Log-odds: positive for a match.
    pub weight: f64,
}

/// Steps of agreement of pairs, counted. What is kept of millions of pairs is how often each combination comes.
#[derive(Debug, Clone, PartialEq)]
pub struct Agreements {
    comparisons: Vec<Comparison>,
    counts: BTreeMap<Vec<u8>, u64>,
}

impl Agreements {
    /// Counts for rows of these features.
    pub fn new(features: &[Feature]) -> Self {
        Self {
            comparisons: comparisons(features),
            counts: BTreeMap::new(),
        }
    }

    /// Counts a row.
    pub fn add(&mut self, row: &[f32]) {
        let levels = self
            .comparisons
            .iter()
            .map(|comparison| comparison.level(row))
            .collect();
        *self.counts.entry(levels).or_default() += 1;
    }

    /// Adds what another one counted.
    pub fn extend(&mut self, other: Self) {
        for (levels, count) in other.counts {
            *self.counts.entry(levels).or_default() += count;
        }
    }

    /// How many rows were counted.
    pub fn rows(&self) -> u64 {
        self.counts.values().sum()
    }
}

impl FellegiSunter {
    /// Estimates the weights. `candidates` are the agreements of the pairs that blocking found, `random` those of
    /// [`random_pairs`], and `possible` is the number of pairs there are altogether.
    ///
    /// # Errors
    /// No candidate or no random pair.
    pub fn fit(candidates: &Agreements, random: &Agreements, possible: u64) -> Result<Self, ResolveError> {
        if candidates.counts.is_empty() || random.counts.is_empty() {
            return Err(ResolveError::NoRecords);
        }
        let comparisons = candidates.comparisons.clone();
        let among_random = frequencies(random, &|_| 1.0, comparisons.len(), &[0.5 / LEVELS as f64; LEVELS]);
        let possible = (possible as f64).max(candidates.rows() as f64);
        let mut model = Self {
            weights: comparisons
                .iter()
                .enumerate()
                .map(|(column, _)| weights(&USUAL, &among_random[column]))
                .collect(),
            comparisons,
            prior: 0.0,
            matches: (0.05 * candidates.rows() as f64).max(1.0),
        };
        for _ in 0..ROUNDS {
            model.prior = (model.matches / (possible - model.matches).max(1.0)).ln();
            let probability = |levels: &[u8]| model.probability_of(levels);
            let found: f64 = candidates
                .counts
                .iter()
                .map(|(levels, count)| *count as f64 * probability(levels))
                .sum();
            let usual = USUAL.map(|share| share * PRIOR_MATCHES);
            let among_matches = frequencies(candidates, &probability, model.comparisons.len(), &usual);
            let before = model.matches;
            model.weights = among_matches
                .iter()
                .zip(&among_random)
                .map(|(matches, random)| weights(matches, random))
                .collect();
            model.matches = found.clamp(0.5, possible / 2.0);
            if (model.matches - before).abs() < 1e-4 * before {
                break;
            }
        }
        model.prior = (model.matches / (possible - model.matches).max(1.0)).ln();
        Ok(model)
    }

    /// How many of the pairs are matches, estimated.
    pub fn matches(&self) -> f64 {
        self.matches
    }

    /// The probability that a pair with these features is a match, from 0 to 1.
    pub fn probability(&self, row: &[f32]) -> f32 {
        let levels: Vec<u8> = self
            .comparisons
            .iter()
            .map(|comparison| comparison.level(row))
            .collect();
        self.probability_of(&levels) as f32
    }

    /// What each column says of a pair with these features.
    pub fn explain(&self, row: &[f32]) -> Vec<Evidence> {
        let said = self.comparisons.iter().zip(&self.weights).map(|(comparison, weights)| {
            let level = comparison.level(row);
            let missing = level == MISSING;
            Evidence {
                column: comparison.column.clone(),
                agreement: if missing { "missing" } else { NAMES[usize::from(level)] }.to_owned(),
                weight: if missing { 0.0 } else { weights[usize::from(level)] },
            }
        });
        said.collect()
    }

    fn probability_of(&self, levels: &[u8]) -> f64 {
        let said: f64 = levels
            .iter()
            .zip(&self.weights)
            .filter(|(level, _)| **level != MISSING)
            .map(|(level, weights)| weights[usize::from(*level)])
            .sum();
        1.0 / (1.0 + (-(self.prior + said)).exp())
    }
}

/// For each comparison, how frequent each step is among pairs that count as much as `share` says; `prior` is added to the
/// counts. Pairs with a missing value are left out.
fn frequencies(
    agreements: &Agreements,
    share: &dyn Fn(&[u8]) -> f64,
    columns: usize,
    prior: &[f64; LEVELS],
) -> Vec<[f64; LEVELS]> {
    let mut sums = vec![*prior; columns];
    for (levels, count) in &agreements.counts {
        let weight = *count as f64 * share(levels);
        for (column, level) in levels.iter().enumerate() {
            if *level != MISSING {
                sums[column][usize::from(*level)] += weight;
            }
        }
    }
    for row in &mut sums {
        let total: f64 = row.iter().sum();
        row.iter_mut().for_each(|sum| *sum /= total);
    }
    sums
}

/// Log-ratios of two frequencies, step by step, made to rise with agreement: neighbouring steps that don't are taken together.
fn weights(among_matches: &[f64; LEVELS], among_random: &[f64; LEVELS]) -> [f64; LEVELS] {
    let mut pooled: Vec<(f64, f64, usize)> = Vec::new();
    for (matches, random) in among_matches.iter().zip(among_random) {
        pooled.push((*matches, *random, 1));
        while let [.., (m0, r0, n0), (m1, r1, n1)] = pooled[..]
            && m1 / r1 < m0 / r0
        {
            pooled.truncate(pooled.len() - 2);
            pooled.push((m0 + m1, r0 + r1, n0 + n1));
        }
    }
    let mut weights = [0.0; LEVELS];
    let steps = pooled
        .iter()
        .flat_map(|(matches, random, steps)| std::iter::repeat_n((matches / random).ln(), *steps));
    weights
        .iter_mut()
        .zip(steps)
        .for_each(|(weight, log)| *weight = log.clamp(-MOST, MOST));
    weights
}

/// Pairs drawn evenly from all that can be compared, at most so many and each at most once; the same ones each time.
pub fn random_pairs(sources: &Sources, count: usize) -> Vec<(u32, u32)> {
    let records = sources.len() as u64;
    let all = records * records.saturating_sub(1) / 2;
    let drawn = (count as u64).min(all);
    // An odd step that shares no divisor with their number visits all pairs before it comes back.
    let mut step = (all as f64 * 0.618_034) as u64 | 1;
    while all > 1 && gcd(step, all) != 1 {
        step += 2;
    }
    let mut pairs: Vec<(u32, u32)> = (0..drawn)
        .map(|number| unrank(u128::from(number) * u128::from(step) % u128::from(all.max(1))))
        .filter(|(a, b)| sources.comparable(*a, *b))
        .collect();
    pairs.sort_unstable();
    pairs
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// The pair of this number when pairs are listed by their larger record.
fn unrank(number: u128) -> (u32, u32) {
    let mut larger = ((1.0 + (1.0 + 8.0 * number as f64).sqrt()) / 2.0) as u128;
    while larger * (larger - 1) / 2 > number {
        larger -= 1;
    }
    while (larger + 1) * larger / 2 <= number {
        larger += 1;
    }
    ((number - larger * (larger - 1) / 2) as u32, larger as u32)
}

#[cfg(test)]
mod tests;
