//! A scorer that needs no labelled pair.
//!
//! Agreement in a column speaks for a match as much as it is more frequent among matches than among others (Fellegi and
//! Sunter, "A theory for record linkage", 1969). Both are estimated by expectation maximization (Winkler, 1988), from the
//! candidates of each record: two records that are among each other's first candidates may be a match, and the next
//! candidate shows how much a record agrees with the one that is most like it and yet another. What candidates agree in
//! anyway, such as the city or the brand that blocking brought them together by, then says little. The same rare value on
//! both sides says more than the same common one.
//!
//! How likely a pair is a match at most is told by its columns one by one, by how far these say the same thing, and by how many
//! matches were seen.

mod bound;
mod dependence;
mod levels;

use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use crate::error::ResolveError;
use crate::features::Feature;
use crate::sources::{Mode, Sources};
use bound::Bound;
use dependence::Dependence;
pub use dependence::sharing_pairs;
use levels::{AGREEING, Comparison, LEVELS, MISSING, NAMES, comparisons};

/// Rounds of expectation maximization at most.
const ROUNDS: usize = 40;
/// As many pairs as this speak for the frequencies that matches usually have and random pairs do, beside those found.
const PRIOR_PAIRS: f64 = 10.0;
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
    /// Log-odds that two records are a match that are among each other's first candidates.
    prior: f64,
    /// How many matches there are, estimated.
    matches: f64,
    /// What the columns allow one by one.
    bound: Option<Bound>,
    /// The probability that no pair exceeds: of so few matches as were seen one more would be wrong so often.
    most: f64,
}

/// Why a pair has its probability: what one column says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// The column, or a feature of the whole record such as `*.code_coverage`.
    pub column: String,
    /// How much both sides agree, such as `nearly the same`, or `missing`.
    pub agreement: String,
    /// Log-odds: positive for a match.
    pub weight: f64,
}

/// Steps of agreement of pairs. What is kept of millions of pairs is which combination of steps each has.
#[derive(Debug, Clone, PartialEq)]
pub struct Agreements {
    comparisons: Vec<Comparison>,
    patterns: Vec<Vec<u8>>,
    numbers: FxHashMap<Vec<u8>, u32>,
    /// Left and right record, and the number of the pattern.
    pairs: Vec<(u32, u32, u32)>,
}

impl Agreements {
    /// Of no pairs yet, for rows of these features.
    pub fn new(features: &[Feature]) -> Self {
        Self {
            comparisons: comparisons(features),
            patterns: Vec::new(),
            numbers: FxHashMap::default(),
            pairs: Vec::new(),
        }
    }

    /// Adds a pair of records with its features.
    pub fn add(&mut self, left: u32, right: u32, row: &[f32]) {
        let levels = self
            .comparisons
            .iter()
            .map(|comparison| comparison.level(row))
            .collect();
        let number = self.number(levels);
        self.pairs.push((left, right, number));
    }

    /// Adds what another one has.
    pub fn extend(&mut self, other: Self) {
        let renumbered: Vec<u32> = other.patterns.into_iter().map(|levels| self.number(levels)).collect();
        let pairs = other.pairs.into_iter();
        self.pairs
            .extend(pairs.map(|(left, right, number)| (left, right, renumbered[number as usize])));
    }

    /// How many pairs have each pattern.
    fn counts(&self) -> Vec<f64> {
        let mut counts = vec![0.0; self.patterns.len()];
        for (_, _, pattern) in &self.pairs {
            counts[*pattern as usize] += 1.0;
        }
        counts
    }

    fn number(&mut self, levels: Vec<u8>) -> u32 {
        if let Some(number) = self.numbers.get(&levels) {
            return *number;
        }
        let number = self.patterns.len() as u32;
        self.patterns.push(levels.clone());
        self.numbers.insert(levels, number);
        number
    }

    /// For each comparison, how frequent each step is among pairs that count as much as `count` says for each pattern;
    /// `prior` is added. Pairs with a missing value are left out.
    fn frequencies(&self, count: &[f64], prior: &[[f64; LEVELS]]) -> Vec<[f64; LEVELS]> {
        let mut sums = prior.to_vec();
        for (levels, count) in self.patterns.iter().zip(count) {
            for (sums, level) in sums.iter_mut().zip(levels) {
                if *level != MISSING {
                    sums[usize::from(*level)] += count;
                }
            }
        }
        for row in &mut sums {
            let total: f64 = row.iter().sum();
            row.iter_mut().for_each(|sum| *sum /= total);
        }
        sums
    }
}

/// What the candidates of each record say of the patterns: how many pairs of each may be matches, because each record is
/// among the first candidates of the other, and how many are the first ones that are not.
struct Standings {
    first: Vec<f64>,
    next: Vec<f64>,
}

/// How many candidates of a record are looked at, the best ones.
const TOP: usize = 8;

impl Standings {
    /// One to one the first candidate of a record is the best one. Otherwise there may be several, and they end where the
    /// score falls furthest from one candidate to the next.
    fn new(agreements: &Agreements, scores: &[f64], one_to_one: bool) -> Self {
        let records = agreements
            .pairs
            .iter()
            .map(|(left, right, _)| left.max(right) + 1)
            .max()
            .unwrap_or(0);
        // Of each record the best candidates, by score and then by order.
        let mut tops: Vec<Vec<(f64, u32)>> = vec![Vec::new(); records as usize];
        for (number, (left, right, pattern)) in agreements.pairs.iter().enumerate() {
            let score = scores[*pattern as usize];
            for record in [left, right] {
                let top = &mut tops[*record as usize];
                if top.len() == TOP {
                    if score <= top[TOP - 1].0 {
                        continue;
                    }
                    top.pop();
                }
                let place = top
                    .iter()
                    .rposition(|(other, _)| *other >= score)
                    .map_or(0, |place| place + 1);
                top.insert(place, (score, number as u32));
            }
        }
        // By how many of its records a pair is among the first, and whether it is the next one of any.
        let mut first = vec![0u8; agreements.pairs.len()];
        let mut next = vec![false; agreements.pairs.len()];
        for top in &tops {
            let falls = top.windows(2).map(|pair| pair[0].0 - pair[1].0).enumerate();
            let furthest = falls
                .fold((0, 0.0), |best, fall| if fall.1 > best.1 { fall } else { best })
                .0;
            let count = if one_to_one { 1 } else { furthest + 1 };
            top.iter().take(count).for_each(|(_, pair)| first[*pair as usize] += 1);
            if let Some((_, pair)) = top.get(count) {
                next[*pair as usize] = true;
            }
        }
        let mut standings = Self {
            first: vec![0.0; agreements.patterns.len()],
            next: vec![0.0; agreements.patterns.len()],
        };
        for ((first, next), (_, _, pattern)) in first.iter().zip(&next).zip(&agreements.pairs) {
            if *first == 2 {
                standings.first[*pattern as usize] += 1.0;
            } else if *next || (*first == 1 && one_to_one) {
                // One to one, the better candidate of the other record takes a first one away.
                standings.next[*pattern as usize] += 1.0;
            }
        }
        standings
    }
}

impl FellegiSunter {
    /// Estimates the weights. `candidates` are the agreements of the pairs that blocking found, `random` those of
    /// [`random_pairs`], and `sharing` those of [`sharing_pairs`], by column; without these no column is known to say what
    /// another does.
    ///
    /// # Errors
    /// No candidate or no random pair.
    pub fn fit(
        candidates: &Agreements,
        random: &Agreements,
        sharing: &[Agreements],
        mode: Mode,
    ) -> Result<Self, ResolveError> {
        if candidates.pairs.is_empty() || random.pairs.is_empty() {
            return Err(ResolveError::NoRecords);
        }
        let one_to_one = mode == Mode::Link;
        let comparisons = candidates.comparisons.clone();
        let even = vec![[0.5 / LEVELS as f64; LEVELS]; comparisons.len()];
        let among_random = random.frequencies(&random.counts(), &even);
        let usual = vec![USUAL.map(|share| share * PRIOR_PAIRS); comparisons.len()];
        let unlike: Vec<[f64; LEVELS]> = among_random
            .iter()
            .map(|row| row.map(|share| share * PRIOR_PAIRS))
            .collect();
        let mut model = Self {
            weights: among_random.iter().map(|random| weights(&USUAL, random)).collect(),
            comparisons,
            prior: -(candidates.pairs.len() as f64 / 20.0).max(1.0).ln(),
            matches: 0.0,
            bound: None,
            most: 1.0,
        };
        let mut among_matches = usual.clone();
        for _ in 0..ROUNDS {
            let scores: Vec<f64> = candidates
                .patterns
                .iter()
                .map(|levels| model.log_odds_of(levels))
                .collect();
            let standings = Standings::new(candidates, &scores, one_to_one);
            let probabilities: Vec<f64> = scores.iter().map(|score| 1.0 / (1.0 + (-score).exp())).collect();
            let of_first = standings.first.iter().zip(&probabilities);
            let matching: Vec<f64> = of_first.map(|(count, probability)| count * probability).collect();
            let of_next = standings.next.iter().zip(&probabilities);
            let others: Vec<f64> = of_next
                .map(|(count, probability)| {
                    if one_to_one {
                        *count
                    } else {
                        count * (1.0 - probability)
                    }
                })
                .collect();
            among_matches = candidates.frequencies(&matching, &usual);
            let among_others = candidates.frequencies(&others, &unlike);
            model.weights = among_matches
                .iter()
                .zip(&among_others)
                .map(|(m, u)| weights(m, u))
                .collect();
            let first: f64 = standings.first.iter().sum();
            let before = model.matches;
            model.matches = matching.iter().sum();
            let rest = (first - model.matches).max(0.5);
            model.prior = (model.matches.max(0.5) / rest).ln();
            if (model.matches - before).abs() < 1e-3 * before {
                break;
            }
        }
        let dependence = Dependence::fit(&model.comparisons, sharing, &among_random);
        model.bound = Some(Bound::fit(candidates, &among_matches, &among_random, dependence));
        let scores: Vec<f64> = candidates
            .patterns
            .iter()
            .map(|levels| model.log_odds_of(levels))
            .collect();
        let first = Standings::new(candidates, &scores, one_to_one).first;
        model.matches = first
            .iter()
            .zip(&scores)
            .map(|(count, score)| count / (1.0 + (-score).exp()))
            .sum();
        // The rule of succession: what never failed in so many cases fails once in about twice as many.
        model.most = 1.0 - 1.0 / (2.0 * model.matches + 5.0);
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
        self.probability_of(&levels)
    }

    fn probability_of(&self, levels: &[u8]) -> f32 {
        (self.most / (1.0 + (-self.log_odds_of(levels)).exp())) as f32
    }

    /// [`probability`](Self::probability) of each pair of agreements, in the order in which they were added.
    pub fn probabilities(&self, agreements: &Agreements) -> Vec<f32> {
        let of_pattern: Vec<f32> = agreements
            .patterns
            .iter()
            .map(|levels| self.probability_of(levels))
            .collect();
        agreements
            .pairs
            .iter()
            .map(|(_, _, pattern)| of_pattern[*pattern as usize])
            .collect()
    }

    /// In how many columns the values of a pair are the same or nearly so.
    pub fn agreeing(&self, row: &[f32]) -> usize {
        let columns = self.comparisons.iter().filter(|comparison| comparison.is_column());
        columns
            .map(|comparison| comparison.level(row))
            .filter(|level| *level != MISSING && *level >= AGREEING)
            .count()
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

    fn log_odds_of(&self, levels: &[u8]) -> f64 {
        let said: f64 = levels
            .iter()
            .zip(&self.weights)
            .filter(|(level, _)| **level != MISSING)
            .map(|(level, weights)| weights[usize::from(*level)])
            .sum();
        let allowed = self.bound.as_ref().map_or(f64::INFINITY, |bound| bound.most(levels));
        (self.prior + said).min(allowed)
    }
}

/// Log-ratios of two frequencies, step by step, made to rise with agreement: neighbouring steps that don't are taken together.
fn weights(among_matches: &[f64; LEVELS], among_others: &[f64; LEVELS]) -> [f64; LEVELS] {
    let mut pooled: Vec<(f64, f64, usize)> = Vec::new();
    for (matches, others) in among_matches.iter().zip(among_others) {
        pooled.push((*matches, *others, 1));
        while let [.., (m0, u0, n0), (m1, u1, n1)] = pooled[..]
            && m1 / u1 < m0 / u0
        {
            pooled.truncate(pooled.len() - 2);
            pooled.push((m0 + m1, u0 + u1, n0 + n1));
        }
    }
    let mut weights = [0.0; LEVELS];
    let steps = pooled
        .iter()
        .flat_map(|(matches, others, steps)| std::iter::repeat_n((matches / others).ln(), *steps));
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
    let mut pairs: Vec<(u32, u32)> = drawn(all, count)
        .map(|number| unrank(u128::from(number)))
        .filter(|(a, b)| sources.comparable(*a, *b))
        .collect();
    pairs.sort_unstable();
    pairs
}

/// Numbers below `all`, spread evenly, each once, at most so many.
fn drawn(all: u64, count: usize) -> impl Iterator<Item = u64> {
    // An odd step that shares no divisor with their number visits all before it comes back.
    let mut step = (all as f64 * 0.618_034) as u64 | 1;
    while all > 1 && gcd(step, all) != 1 {
        step += 2;
    }
    (0..(count as u64).min(all))
        .map(move |number| (u128::from(number) * u128::from(step) % u128::from(all.max(1))) as u64)
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// The pair of this number when pairs are listed by their larger record.
fn unrank(number: u128) -> (u32, u32) {
    let mut larger = f64::midpoint(1.0, (1.0 + 8.0 * number as f64).sqrt()) as u128;
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
