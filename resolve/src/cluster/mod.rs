//! From probabilities of pairs to clusters of records.
//!
//! Joining all that is connected chains: one wrong pair makes one cluster of two, and in a large table everything hangs
//! together in the end. Here two clusters are joined only where their records are the same on average, all pairs between
//! them looked at, those too that blocking did not find; then single records move to where they belong better. This is
//! greedy edge contraction and local search for correlation clustering (Bansal, Blum and Chawla, 2004; Keuper et al., 2015).
//! Two tables that are clean by themselves are matched one to one instead, by the assignment that is best as a whole.

mod agglomerate;
mod assignment;
mod weights;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::error::ResolveError;
use crate::sources::{Mode, Sources};
use weights::Weights;

/// A pair with the probability that its records are the same thing.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ScoredPair {
    /// Index of one record.
    pub left: u32,
    /// Index of the other.
    pub right: u32,
    /// From 0 to 1.
    pub probability: f32,
}

/// A record of a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Member {
    /// Index of the record.
    pub record: u32,
    /// The mean probability that it is the same thing as each other member; 1 where it is alone.
    pub probability: f32,
}

/// Records that are the same thing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Cluster {
    /// In ascending order; never empty.
    pub members: Vec<Member>,
    /// How sure it is, from 0 to 1: of several records the mean probability of their pairs, less where others compete for
    /// them; of a single one the probability that none of the others is the same.
    pub confidence: f32,
}

/// Where a pair is one thing.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ClusterOptions {
    /// Above this probability a pair speaks for a cluster, below it against one; between 0 and 1.
    pub threshold: f32,
}

impl Default for ClusterOptions {
    fn default() -> Self {
        Self { threshold: 0.5 }
    }
}

/// Puts each record into one cluster; in ascending order of their first records.
///
/// `verify` gives the probability of a pair that is not among `pairs` and that a cluster would hold; a pair that can't be
/// compared has the probability 0.
///
/// # Errors
/// A pair of a record that there is not, a score that is no probability, and a threshold that is 0 or 1.
pub fn cluster(
    sources: &Sources,
    pairs: &[ScoredPair],
    options: &ClusterOptions,
    verify: &(dyn Fn(u32, u32) -> f32 + Sync),
) -> Result<Vec<Cluster>, ResolveError> {
    if !(options.threshold > 0.0 && options.threshold < 1.0) {
        return Err(ResolveError::Option {
            option: "threshold",
            value: options.threshold.to_string(),
            expected: "between 0 and 1",
        });
    }
    for pair in pairs {
        let ScoredPair {
            left,
            right,
            probability,
        } = *pair;
        let index = left.max(right) as usize;
        if index >= sources.len() {
            let records = sources.len();
            return Err(ResolveError::Index { index, records });
        }
        if !(0.0..=1.0).contains(&probability) {
            return Err(ResolveError::Score {
                left,
                right,
                score: probability,
            });
        }
    }
    let mut clusters: Vec<Cluster> = components(sources, pairs, options.threshold)
        .into_par_iter()
        .flat_map_iter(|component| resolve_component(&component, sources, options.threshold, verify))
        .collect();
    clusters.sort_by_key(|cluster| cluster.members[0].record);
    Ok(clusters)
}

/// Records that hang together by pairs above the threshold, with all scored pairs among them; and what the best pair of a
/// record with one outside is, for the confidence of those that stay alone.
struct Component {
    records: Vec<u32>,
    pairs: Vec<ScoredPair>,
    outside: Vec<f32>,
}

fn components(sources: &Sources, pairs: &[ScoredPair], threshold: f32) -> Vec<Component> {
    let mut parent: Vec<u32> = (0..sources.len() as u32).collect();
    let comparable = |pair: &&ScoredPair| sources.comparable(pair.left, pair.right);
    for pair in pairs
        .iter()
        .filter(comparable)
        .filter(|pair| pair.probability > threshold)
    {
        let (a, b) = (root(&mut parent, pair.left), root(&mut parent, pair.right));
        parent[a.max(b) as usize] = a.min(b);
    }
    let mut number = vec![u32::MAX; sources.len()];
    let mut components: Vec<Component> = Vec::new();
    for record in 0..sources.len() as u32 {
        let root = root(&mut parent, record) as usize;
        if number[root] == u32::MAX {
            number[root] = components.len() as u32;
            components.push(Component {
                records: Vec::new(),
                pairs: Vec::new(),
                outside: Vec::new(),
            });
        }
        components[number[root] as usize].records.push(record);
    }
    let mut outside = vec![0f32; sources.len()];
    for pair in pairs.iter().filter(comparable) {
        let (a, b) = (root(&mut parent, pair.left), root(&mut parent, pair.right));
        if a == b {
            components[number[a as usize] as usize].pairs.push(*pair);
        } else {
            for record in [pair.left, pair.right] {
                let best = &mut outside[record as usize];
                *best = best.max(pair.probability);
            }
        }
    }
    for component in &mut components {
        component.outside = component
            .records
            .iter()
            .map(|record| outside[*record as usize])
            .collect();
    }
    components
}

/// The first record that this one hangs together with; halves the path on the way.
fn root(parent: &mut [u32], mut record: u32) -> u32 {
    while parent[record as usize] != record {
        let above = parent[parent[record as usize] as usize];
        parent[record as usize] = above;
        record = above;
    }
    record
}

fn resolve_component(
    component: &Component,
    sources: &Sources,
    threshold: f32,
    verify: &(dyn Fn(u32, u32) -> f32 + Sync),
) -> Vec<Cluster> {
    let mut weights = Weights::new(component.records.clone(), &component.pairs, threshold, sources, verify);
    let groups = if component.records.len() == 1 {
        vec![vec![0]]
    } else if sources.mode() == Mode::Link {
        assignment::one_to_one(&mut weights)
    } else {
        agglomerate::agglomerate(&mut weights)
    };
    groups
        .into_iter()
        .map(|group| {
            let members = members(&group, &mut weights);
            let confidence = confidence(&group, &members, &mut weights, component);
            Cluster { members, confidence }
        })
        .collect()
}

fn members(group: &[u32], weights: &mut Weights<'_>) -> Vec<Member> {
    let mut members: Vec<Member> = group
        .iter()
        .map(|node| {
            let others: Vec<u32> = group.iter().copied().filter(|other| other != node).collect();
            let sum: f32 = others.iter().map(|other| weights.probability(*node, *other)).sum();
            Member {
                record: weights.record(*node),
                probability: if others.is_empty() {
                    1.0
                } else {
                    sum / others.len() as f32
                },
            }
        })
        .collect();
    members.sort_by_key(|member| member.record);
    members
}

fn confidence(group: &[u32], members: &[Member], weights: &mut Weights<'_>, component: &Component) -> f32 {
    if let [alone] = group {
        let inside = weights
            .neighbours(*alone)
            .map(|(_, probability)| probability)
            .fold(0.0, f32::max);
        return 1.0 - inside.max(component.outside[*alone as usize]);
    }
    let mean = members.iter().map(|member| member.probability).sum::<f32>() / members.len() as f32;
    match group {
        [a, b] if weights.sources().mode() == Mode::Link => {
            // One to one, so of all pairs that either record could make only one is right, or none.
            let odds = |probability: f32| (probability / (1.0 - probability).max(1e-6)).min(1e6);
            let rivals: f32 = [(*a, *b), (*b, *a)]
                .iter()
                .flat_map(|(node, partner)| weights.neighbours(*node).filter(move |(other, _)| other != partner))
                .map(|(_, probability)| odds(probability))
                .sum();
            let own = odds(mean);
            own / (1.0 + own + rivals)
        }
        _ => mean,
    }
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "what is compared here is exact")]
mod tests;
