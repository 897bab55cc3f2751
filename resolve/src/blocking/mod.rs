//! Which pairs are worth comparing: a few for each record instead of all.

mod blocks;
mod index;
mod report;
mod vectors;

use std::cmp::Reverse;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

pub use report::{BlockingReport, Recall, RuleReport};
pub use vectors::Vectors;

use crate::error::{ResolveError, unknown_column};
use crate::features::Prepared;
use crate::profile::Profile;
use crate::sources::Sources;
use crate::text::compact;
use blocks::Ranked;
use index::Index;

/// A way of finding pairs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Rule {
    /// The records that share most words, weighed by rarity.
    Words {
        /// How many for each record.
        nearest: usize,
    },
    /// The records that share most runs of three characters, weighed by rarity: finds what is misspelled.
    Trigrams {
        /// How many for each record.
        nearest: usize,
    },
    /// The records whose embeddings are nearest.
    Embeddings {
        /// How many for each record.
        nearest: usize,
    },
    /// The records that stand next to each other when sorted by a column, forwards or from its end.
    Sorted {
        /// The column; without one, each column in turn that has many values.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        column: Option<String>,
        /// How many neighbours on either side.
        window: usize,
    },
    /// The records that have the same key.
    Key {
        /// Parts of columns that make the key together. A record that lacks one of them has no key.
        parts: Vec<Part>,
    },
    /// The records whose runs of three characters are probably much the same (`MinHash`): for long texts that are copies.
    MinHash {
        /// How many chances there are.
        bands: usize,
        /// How many values must agree in one of them.
        rows: usize,
    },
}

/// A part of a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// The column.
    pub column: String,
    /// What of its value.
    #[serde(default)]
    pub take: Take,
}

/// What of a value stands in a key; case, accents and punctuation never count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Take {
    /// All of it.
    #[default]
    All,
    /// So many letters or digits from its beginning.
    First(usize),
    /// So many letters or digits from its end.
    Last(usize),
    /// Its digits.
    Digits,
}

impl Take {
    fn of(self, normalized: &str) -> String {
        let text = compact(normalized);
        match self {
            Self::All => text,
            Self::First(count) => text.chars().take(count).collect(),
            Self::Last(count) => {
                let skipped = text.chars().count().saturating_sub(count);
                text.chars().skip(skipped).collect()
            }
            Self::Digits => text.chars().filter(char::is_ascii_digit).collect(),
        }
    }
}

/// Rules and the bounds that hold for all of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Blocking {
    /// A pair that any of them finds is compared.
    pub rules: Vec<Rule>,
    /// With how many others of a block with the same key a record is paired at most.
    pub block: usize,
    /// How many pairs there are at most; those that the fewest rules found are left out first, and of these the ones that
    /// stand lowest in the lists.
    pub max_pairs: usize,
}

impl Default for Blocking {
    fn default() -> Self {
        Self {
            rules: vec![
                Rule::Words { nearest: 20 },
                Rule::Trigrams { nearest: 20 },
                Rule::Sorted {
                    column: None,
                    window: 3,
                },
                Rule::Embeddings { nearest: 10 },
            ],
            block: 50,
            max_pairs: 10_000_000,
        }
    }
}

/// A pair worth comparing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candidate {
    /// Index of the record that comes first.
    pub left: u32,
    /// Index of the other.
    pub right: u32,
    /// Bit i is set where rule i found it.
    pub rules: u32,
}

/// How many records the words or trigrams of one record lead to at most.
const BUDGET: usize = 20_000;

/// Finds the pairs that are worth comparing, in ascending order. Without vectors, rules for embeddings are left out.
///
/// # Errors
/// An unknown column, vectors or sources of another number than the records, more than 32 rules, or a bound that is 0.
pub fn candidates(
    prepared: &[Prepared],
    profile: &Profile,
    sources: &Sources,
    vectors: Option<&Vectors>,
    blocking: &Blocking,
) -> Result<(Vec<Candidate>, BlockingReport), ResolveError> {
    check(prepared, sources, vectors, blocking)?;
    let mut found: Vec<(u64, u16, u32)> = Vec::new();
    let mut rules = Vec::new();
    for (number, rule) in blocking.rules.iter().enumerate() {
        let (pairs, cut) = run(rule, prepared, profile, sources, vectors, blocking.block)?;
        found.par_extend(pairs.into_par_iter().map(|(a, b, rank)| {
            let key = u64::from(a.min(b)) << 32 | u64::from(a.max(b));
            (key, rank, 1u32 << number)
        }));
        rules.push(RuleReport::new(rule.clone(), cut));
    }
    found.par_sort_unstable();
    let mut pairs: Vec<(u64, u16, u32)> = found
        .chunk_by(|a, b| a.0 == b.0)
        .map(|run| {
            let rank = run.iter().map(|(_, rank, _)| *rank).min().unwrap_or(0);
            (run[0].0, rank, run.iter().fold(0, |all, (_, _, rule)| all | rule))
        })
        .collect();
    drop(found);
    let all = pairs.len();
    if all > blocking.max_pairs {
        pairs.par_sort_unstable_by_key(|(key, rank, rules)| (Reverse(rules.count_ones()), *rank, *key));
        pairs.truncate(blocking.max_pairs);
        pairs.par_sort_unstable_by_key(|(key, _, _)| *key);
    }
    let candidates: Vec<Candidate> = pairs
        .into_iter()
        .map(|(key, _, rules)| Candidate {
            left: (key >> 32) as u32,
            right: key as u32,
            rules,
        })
        .collect();
    let report = BlockingReport::new(rules, &candidates, all - candidates.len(), sources);
    Ok((candidates, report))
}

fn check(
    prepared: &[Prepared],
    sources: &Sources,
    vectors: Option<&Vectors>,
    blocking: &Blocking,
) -> Result<(), ResolveError> {
    let counted = |what, found| {
        let expected = prepared.len();
        if found == expected {
            Ok(())
        } else {
            Err(ResolveError::Count { what, found, expected })
        }
    };
    counted("sources", sources.len())?;
    vectors.map_or(Ok(()), |vectors| counted("vectors", vectors.len()))?;
    let option = |option, value: usize, expected| {
        Err(ResolveError::Option {
            option,
            value: value.to_string(),
            expected,
        })
    };
    if blocking.rules.is_empty() || blocking.rules.len() > 32 {
        return option("number of rules", blocking.rules.len(), "from 1 to 32");
    }
    if blocking.block == 0 {
        return option("block", 0, "at least 1");
    }
    if blocking.max_pairs == 0 {
        return option("max_pairs", 0, "at least 1");
    }
    for rule in &blocking.rules {
        let (name, bound) = match rule {
            Rule::Words { nearest } | Rule::Trigrams { nearest } | Rule::Embeddings { nearest } => {
                ("nearest", *nearest)
            }
            Rule::Sorted { window, .. } => ("window", *window),
            Rule::Key { parts } => ("number of parts", parts.len()),
            Rule::MinHash { bands, rows } => ("bands and rows", *bands.min(rows)),
        };
        if bound == 0 {
            return option(name, 0, "at least 1");
        }
    }
    Ok(())
}

fn run(
    rule: &Rule,
    prepared: &[Prepared],
    profile: &Profile,
    sources: &Sources,
    vectors: Option<&Vectors>,
    block: usize,
) -> Result<(Vec<Ranked>, usize), ResolveError> {
    let column = |name: &str| {
        let names = || {
            profile
                .columns()
                .iter()
                .map(|column| column.name.clone())
                .collect::<Vec<_>>()
        };
        profile
            .columns()
            .iter()
            .position(|column| column.name == name)
            .ok_or_else(|| unknown_column(name, &names()))
    };
    let indexed =
        |terms: Vec<Vec<u64>>, nearest: usize| (ranked(&Index::new(&terms).nearest(nearest, BUDGET, sources)), 0);
    Ok(match rule {
        Rule::Words { nearest } => {
            let terms = prepared
                .par_iter()
                .map(|record| record.bag.hashes().collect())
                .collect();
            indexed(terms, *nearest)
        }
        Rule::Trigrams { nearest } => {
            let runs = |record: &Prepared| record.trigrams.hashes().iter().map(|run| u64::from(*run)).collect();
            indexed(prepared.par_iter().map(runs).collect(), *nearest)
        }
        Rule::Embeddings { nearest } => match vectors {
            Some(vectors) => (ranked(&vectors.nearest(*nearest, sources)), 0),
            None => (Vec::new(), 0),
        },
        Rule::Sorted { column: name, window } => {
            let columns = match name {
                Some(name) => vec![column(name)?],
                None => blocks::sortable(profile).collect(),
            };
            let pairs = columns
                .into_iter()
                .flat_map(|column| blocks::sorted_neighbours(column, *window, prepared, sources))
                .collect();
            (pairs, 0)
        }
        Rule::Key { parts } => {
            let parts = parts
                .iter()
                .map(|part| Ok((column(&part.column)?, part.take)))
                .collect::<Result<Vec<_>, ResolveError>>()?;
            blocks::equal_keys(blocks::column_keys(&parts, prepared), block, sources)
        }
        Rule::MinHash { bands, rows } => {
            blocks::equal_keys(blocks::minhash_keys(*bands, *rows, prepared), block, sources)
        }
    })
}

/// Pairs of each record with those of its list.
fn ranked(lists: &[Vec<u32>]) -> Vec<Ranked> {
    lists
        .iter()
        .enumerate()
        .flat_map(|(record, list)| {
            let list = list.iter().enumerate();
            list.map(move |(rank, other)| (record as u32, *other, rank.min(usize::from(u16::MAX)) as u16))
        })
        .collect()
}

#[cfg(test)]
mod tests;
