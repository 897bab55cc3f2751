//! From records to clusters, all steps in a row.

use std::collections::BTreeMap;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::blocking::{Blocking, BlockingReport, Candidate, Vectors, candidates};
use crate::canonical::{CanonicalField, Choose, canonical};
use crate::cluster::{Cluster, ClusterOptions, ScoredPair, cluster};
use crate::error::ResolveError;
use crate::features::{Comparator, Prepared};
use crate::record::Record;
use crate::sources::Sources;
use crate::unsupervised::{Agreements, FellegiSunter, random_pairs, sharing_pairs};

/// How records are resolved.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ResolveOptions {
    /// Which pairs are compared.
    pub blocking: Blocking,
    /// How clusters are made of them.
    pub cluster: ClusterOptions,
    /// How columns of the canonical record are chosen.
    pub canonical: BTreeMap<String, Choose>,
}

/// What says how likely a pair is one thing.
#[derive(Clone, Copy)]
pub enum Scorer<'a> {
    /// Weights that are estimated from the records themselves.
    Unsupervised,
    /// A function of the features of a pair, in the order of [`Comparator::features`], to a probability.
    Trained(&'a (dyn Fn(&[f32]) -> f32 + Sync)),
}

/// A step of [`resolve`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Records are taken apart.
    Prepare,
    /// Pairs worth comparing are looked for.
    Block,
    /// Pairs are compared.
    Score,
    /// Clusters are made.
    Cluster,
}

/// Told how far a step has come: how many of how many are done. It says whether to go on.
pub type Watch<'a> = &'a dyn Fn(Step, usize, usize) -> bool;

/// A cluster with its canonical record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entity {
    /// The records, and how sure it is.
    pub cluster: Cluster,
    /// One field for each column in which a member has a value.
    pub canonical: Vec<CanonicalField>,
}

/// What came of resolving.
#[derive(Debug, Clone, PartialEq)]
pub struct Resolution {
    /// In ascending order of their first records; each record is in one.
    pub entities: Vec<Entity>,
    /// The pairs that were compared, with their probabilities.
    pub pairs: Vec<ScoredPair>,
    /// Which rules found each of them, in the same order.
    pub candidates: Vec<Candidate>,
    /// What blocking found.
    pub blocking: BlockingReport,
    /// What share of the matches blocking found, estimated; `None` where it can't be told.
    pub estimated_recall: Option<f64>,
    /// The weights, where the scorer was [`Scorer::Unsupervised`].
    pub weights: Option<FellegiSunter>,
    /// What the pairs that came into one entity agree in, where the scorer was [`Scorer::Unsupervised`].
    pub merged: Option<MergedPairs>,
}

/// How much the compared pairs agree that came into one entity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct MergedPairs {
    /// How many there are.
    pub pairs: usize,
    /// How many of them have the same value, or nearly the same, in one column alone or in none.
    pub in_one_column: usize,
}

/// How many records or pairs are done between two looks at the watch.
const CHUNK: usize = 1 << 15;
/// How many pairs are drawn at random to see how often unlike records agree.
const RANDOM: usize = 100_000;
/// In a small table fewer do.
const RANDOM_PER_RECORD: usize = 50;
/// How many pairs are drawn of those that share a value, for each column, to see what else such pairs share.
const SHARING: usize = 5_000;

/// Finds which records are the same thing.
///
/// # Errors
/// What the steps refuse, and [`ResolveError::Cancelled`] when the watch says so.
pub fn resolve(
    records: &[Record],
    sources: &Sources,
    comparator: &Comparator,
    vectors: Option<&Vectors>,
    scorer: Scorer<'_>,
    options: &ResolveOptions,
    watch: Watch<'_>,
) -> Result<Resolution, ResolveError> {
    let look = |step, done, all| {
        if watch(step, done, all) {
            Ok(())
        } else {
            Err(ResolveError::Cancelled)
        }
    };
    let mut prepared: Vec<Prepared> = Vec::with_capacity(records.len());
    look(Step::Prepare, 0, records.len())?;
    for chunk in records.chunks(CHUNK) {
        prepared.par_extend(chunk.par_iter().map(|record| comparator.prepare(record)));
        look(Step::Prepare, prepared.len(), records.len())?;
    }
    look(Step::Block, 0, records.len())?;
    let (candidates, blocking) = candidates(&prepared, comparator.profile(), sources, vectors, &options.blocking)?;
    look(Step::Block, records.len(), records.len())?;

    let features = |a: u32, b: u32, row: &mut Vec<f32>| {
        row.clear();
        let cosine = vectors.map(|vectors| vectors.cosine(a, b));
        comparator.compare_into(&prepared[a as usize], &prepared[b as usize], cosine, row);
    };
    let count = |pairs: &[(u32, u32)]| {
        let fresh = || (Agreements::new(comparator.features()), Vec::new());
        let counted = pairs.par_iter().fold(fresh, |(mut agreements, mut row), (a, b)| {
            features(*a, *b, &mut row);
            agreements.add(*a, *b, &row);
            (agreements, row)
        });
        counted.map(|(agreements, _)| agreements).reduce(
            || Agreements::new(comparator.features()),
            |mut all, more| {
                all.extend(more);
                all
            },
        )
    };
    let all = candidates.len();
    look(Step::Score, 0, all)?;
    let mut weights = None;
    let mut probabilities: Vec<f32> = Vec::with_capacity(all);
    match scorer {
        Scorer::Trained(score) => {
            for chunk in candidates.chunks(CHUNK) {
                probabilities.par_extend(chunk.par_iter().map_init(Vec::new, |row, pair| {
                    features(pair.left, pair.right, row);
                    score(row)
                }));
                look(Step::Score, probabilities.len(), all)?;
            }
        }
        Scorer::Unsupervised if candidates.is_empty() => {}
        Scorer::Unsupervised => {
            let random = count(&random_pairs(sources, RANDOM.min(RANDOM_PER_RECORD * records.len())));
            let mut found = Agreements::new(comparator.features());
            for (number, chunk) in candidates.chunks(CHUNK).enumerate() {
                let pairs: Vec<(u32, u32)> = chunk.iter().map(|pair| (pair.left, pair.right)).collect();
                found.extend(count(&pairs));
                look(Step::Score, number * CHUNK + chunk.len(), all)?;
            }
            let sharing: Vec<Agreements> = sharing_pairs(&prepared, sources, SHARING)
                .iter()
                .map(|pairs| count(pairs))
                .collect();
            let fitted = FellegiSunter::fit(&found, &random, &sharing, sources.mode())?;
            probabilities = fitted.probabilities(&found);
            weights = Some(fitted);
        }
    }
    let pairs: Vec<ScoredPair> = candidates
        .iter()
        .zip(&probabilities)
        .map(|(pair, probability)| ScoredPair {
            left: pair.left,
            right: pair.right,
            probability: *probability,
        })
        .collect();
    let estimated_recall = blocking.estimated_recall(&candidates, &probabilities)?;

    look(Step::Cluster, 0, records.len())?;
    let verify = |a: u32, b: u32| {
        let mut row = Vec::new();
        features(a, b, &mut row);
        match (&weights, scorer) {
            (_, Scorer::Trained(score)) => score(&row),
            (Some(weights), _) => weights.probability(&row),
            (None, Scorer::Unsupervised) => 0.0,
        }
    };
    let mut clusters = cluster(sources, &pairs, &options.cluster, &verify)?;
    for cluster in &mut clusters {
        if let [only] = &cluster.members[..]
            && records[only.record as usize].fields().next().is_none()
        {
            // It may be the same as any other: nothing says that it is alone.
            cluster.confidence = 0.0;
        }
    }
    let merged = weights.as_ref().map(|weights: &FellegiSunter| {
        let mut entity = vec![0u32; records.len()];
        for (number, cluster) in (0..).zip(&clusters) {
            cluster
                .members
                .iter()
                .for_each(|member| entity[member.record as usize] = number);
        }
        let mut merged = MergedPairs {
            pairs: 0,
            in_one_column: 0,
        };
        let mut row = Vec::new();
        for pair in &pairs {
            if entity[pair.left as usize] == entity[pair.right as usize] {
                features(pair.left, pair.right, &mut row);
                merged.pairs += 1;
                merged.in_one_column += usize::from(weights.agreeing(&row) <= 1);
            }
        }
        merged
    });
    let source = |record: u32| sources.of(record);
    let entities = clusters
        .into_par_iter()
        .map(|cluster| {
            let canonical = canonical(&cluster, records, comparator.profile(), &source, &options.canonical)?;
            Ok(Entity { cluster, canonical })
        })
        .collect::<Result<Vec<_>, ResolveError>>()?;
    look(Step::Cluster, records.len(), records.len())?;
    Ok(Resolution {
        entities,
        pairs,
        candidates,
        blocking,
        estimated_recall,
        weights,
        merged,
    })
}
