//! Columns that say the same thing.
//!
//! Records in one street share its city and its postal code, whatever they are: three columns agree, and that is one piece of
//! evidence, not three. How much one column's agreement says of another's is measured on pairs that have the same value
//! in a column and yet are told apart by their other columns. Of a pair the agreements are then taken together along the
//! tree that links them most strongly, each as likely as the one that it hangs on makes it (Chow and Liu, "Approximating discrete
//! probability distributions with dependence trees", 1968; Thibaudeau, "The discrimination power of dependency structures
//! in record linkage", 1993).

use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use super::bound::{share, usual};
use super::levels::{AGREEING, Comparison, LEVELS, MISSING, SAME, Scope};
use super::{Agreements, drawn, weights};
use crate::features::Prepared;
use crate::sources::Sources;

/// As many pairs as this speak for a column that says nothing of another, beside those found.
const PRIOR_PAIRS: f64 = 10.0;
/// So many more do for each pair that is a match: some matches differ in most of the other columns, and are taken for none.
const PRIOR_OF_MATCHES: f64 = 0.5;
/// Share of matches among pairs that have the same value in a column, where nothing else is known.
const USUAL_SHARE: f64 = 0.5;
/// In each column so many of the matches are taken to be different, so that one that differs in two is still one.
const DIFFERENT: f64 = 0.1;
/// Log-ratios below this are chance, or don't matter.
const LEAST: f64 = 0.4;
/// From this log-ratio on, two columns are not asked whether agreement in one of them is borne out by the other.
const LINKED: f64 = 1.0;

/// How much likelier agreement in a column is where another agrees, among pairs that are no match.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Dependence {
    /// Log-ratios by the column that has the same value and what else is compared.
    ratios: Vec<Vec<f64>>,
    /// What is compared that says something of its own: all but the words of the whole record.
    counted: Vec<usize>,
}

impl Dependence {
    /// `sharing` are pairs that have the same value in a column, one for each column; `among_random` is how frequent each step is
    /// among any pairs.
    pub(super) fn fit(comparisons: &[Comparison], sharing: &[Agreements], among_random: &[[f64; LEVELS]]) -> Self {
        let is = |of: fn(&Comparison) -> bool| -> Vec<usize> {
            (0..comparisons.len())
                .filter(|&place| of(&comparisons[place]))
                .collect()
        };
        let columns = is(Comparison::is_column);
        let counted = is(|comparison| comparison.scope() != Scope::Whole);
        let among_matches = usual(DIFFERENT);
        let weights: Vec<[f64; LEVELS]> = among_random
            .iter()
            .map(|random| weights(&among_matches, random))
            .collect();
        let mut found = Self {
            ratios: vec![vec![0.0; comparisons.len()]; columns.len().min(sharing.len())],
            counted,
        };
        let measure = |column: usize, other: usize, rest: &[usize]| {
            ratio_of(&sharing[column], column, other, rest, &weights, &among_random[other])
        };
        let without = |these: [usize; 2]| -> Vec<usize> {
            columns.iter().copied().filter(|place| !these.contains(place)).collect()
        };
        for column in 0..found.ratios.len() {
            for other in found.counted.clone().into_iter().filter(|other| *other != column) {
                found.ratios[column][other] = measure(column, other, &without([column, other]));
            }
        }
        // Once more: what is linked to one of the two would call neighbours a match again.
        let first = found.clone();
        for column in 0..found.ratios.len() {
            for &other in first
                .counted
                .iter()
                .filter(|other| **other != column && !first.linked(column, **other))
            {
                let mut rest = without([column, other]);
                let all = rest.len();
                rest.retain(|&place| !first.linked(place, column) && !first.linked(place, other));
                if !rest.is_empty() && rest.len() < all {
                    found.ratios[column][other] = measure(column, other, &rest);
                }
            }
        }
        found
    }

    fn linked(&self, one: usize, other: usize) -> bool {
        self.ratio(one, other) >= LINKED
    }

    /// Both ways: of pairs that have the same value in a column which nearly only matches have in common, too few are none. Of
    /// codes wherever they stand it is only known what columns say of them.
    fn ratio(&self, one: usize, other: usize) -> f64 {
        let ratio = |of: usize, on: usize| self.ratios.get(of).map(|of| of[on]);
        match (ratio(one, other), ratio(other, one)) {
            (Some(there), Some(back)) => there.min(back),
            (there, back) => there.or(back).unwrap_or_default(),
        }
    }

    /// What agreements of a pair, by what is compared, say more than once, as log-odds. `said` is what each says by itself: none says
    /// less than nothing.
    pub(super) fn said_again(&self, mut rest: Vec<usize>, said: impl Fn(usize) -> f64) -> f64 {
        let Some(first) = rest.pop() else {
            return 0.0;
        };
        // The spanning tree with the greatest sum (Prim 1957): of each that is not in it yet, what links it best.
        let mut links: Vec<f64> = rest.iter().map(|&place| self.between(first, place, &said)).collect();
        let mut sum = 0.0;
        while let Some(next) = (0..rest.len()).max_by(|one, other| links[*one].total_cmp(&links[*other])) {
            sum += links.swap_remove(next);
            let place = rest.swap_remove(next);
            for (link, &other) in links.iter_mut().zip(&rest) {
                *link = link.max(self.between(place, other, &said));
            }
        }
        sum
    }

    fn between(&self, one: usize, other: usize, said: impl Fn(usize) -> f64) -> f64 {
        self.ratio(one, other).min(said(one)).min(said(other)).max(0.0)
    }
}

/// How much likelier it is that `other` agrees among pairs with the same value in `column` than among any, as a log-ratio. How
/// likely each pair is a match, and so not to be counted, is judged by the `rest` of its columns.
fn ratio_of(
    pairs: &Agreements,
    column: usize,
    other: usize,
    rest: &[usize],
    weights: &[[f64; LEVELS]],
    random: &[f64; LEVELS],
) -> f64 {
    // By pattern: whether the other agrees, how many pairs there are, and how much likelier the rest is for matches.
    let mut seen: Vec<(bool, f64, f64)> = Vec::new();
    for (levels, count) in pairs.patterns.iter().zip(pairs.counts()) {
        let of_rest = || rest.iter().filter(|place| levels[**place] != MISSING);
        let same = levels[column] != MISSING && usize::from(levels[column]) >= SAME;
        if !same || levels[other] == MISSING || of_rest().next().is_none() {
            continue;
        }
        let said: f64 = of_rest().map(|&place| weights[place][usize::from(levels[place])]).sum();
        seen.push((levels[other] >= AGREEING, count, said.clamp(-30.0, 30.0).exp()));
    }
    let pairs: Vec<(f64, f64)> = seen.iter().map(|(_, count, ratio)| (*count, *ratio)).collect();
    let matching = share(&pairs, USUAL_SHARE);
    let (mut agreeing, mut others, mut matches) = (0.0, 0.0, 0.0);
    for (agrees, count, ratio) in seen {
        let odds = matching * ratio / (1.0 - matching);
        let apart = count / (1.0 + odds);
        matches += count - apart;
        others += apart;
        agreeing += if agrees { apart } else { 0.0 };
    }
    let usual: f64 = random[usize::from(AGREEING)..].iter().sum();
    let prior = PRIOR_PAIRS + PRIOR_OF_MATCHES * matches;
    let ratio = ((agreeing + prior * usual) / (others + prior) / usual).ln();
    if ratio < LEAST { 0.0 } else { ratio }
}

/// For each column, pairs that have the same value in it, drawn evenly, at most so many; the same ones each time.
pub fn sharing_pairs(prepared: &[Prepared], sources: &Sources, count: usize) -> Vec<Vec<(u32, u32)>> {
    let columns = prepared.first().map_or(0, |record| record.fields.len());
    (0..columns)
        .map(|column| {
            let mut records: FxHashMap<u64, Vec<u32>> = FxHashMap::default();
            for (number, record) in (0..).zip(prepared) {
                if let Some(field) = &record.fields[column] {
                    records.entry(field.hash).or_default().push(number);
                }
            }
            let mut groups: Vec<Vec<u32>> = records.into_values().filter(|group| group.len() > 1).collect();
            groups.sort_unstable();
            let ends: Vec<u64> = groups
                .iter()
                .scan(0u64, |end, group| {
                    *end += (group.len() * (group.len() - 1) / 2) as u64;
                    Some(*end)
                })
                .collect();
            let all = ends.last().copied().unwrap_or(0);
            let mut pairs: Vec<(u32, u32)> = drawn(all, count)
                .map(|number| {
                    let place = ends.partition_point(|end| *end <= number);
                    let before = place.checked_sub(1).map_or(0, |place| ends[place]);
                    let (one, other) = super::unrank(u128::from(number - before));
                    (groups[place][one as usize], groups[place][other as usize])
                })
                .filter(|(one, other)| sources.comparable(*one, *other))
                .collect();
            pairs.sort_unstable();
            pairs
        })
        .collect()
}
