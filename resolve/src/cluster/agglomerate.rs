//! Clusters that grow by average agreement, then records that move.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use rustc_hash::FxHashMap;

use super::weights::Weights;
use crate::sources::Mode;

/// Of how many pairs between two clusters the average is taken at most; evenly chosen where there are more.
const PAIRS: usize = 256;
/// How often all records are offered a move.
const ROUNDS: usize = 4;

/// Two clusters that could be joined. An offer is void once one of them has changed.
struct Offer {
    average: f32,
    a: u32,
    b: u32,
    versions: (u32, u32),
    /// Whether the pairs that were not scored have been, too.
    verified: bool,
}

impl Offer {
    fn key(&self) -> (f32, std::cmp::Reverse<(u32, u32)>) {
        (self.average, std::cmp::Reverse((self.a, self.b)))
    }
}

impl Ord for Offer {
    fn cmp(&self, other: &Self) -> Ordering {
        let ((mine, my_tie), (theirs, their_tie)) = (self.key(), other.key());
        mine.total_cmp(&theirs).then(my_tie.cmp(&their_tie))
    }
}

impl PartialOrd for Offer {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Offer {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Offer {}

/// Groups of nodes, in ascending order within each.
pub(super) fn agglomerate(weights: &mut Weights<'_>) -> Vec<Vec<u32>> {
    let mut growth = Growth::new(weights);
    growth.join_all(weights);
    let mut groups = growth.groups;
    for _ in 0..ROUNDS {
        if !move_records(&mut groups, weights) {
            break;
        }
    }
    groups.retain(|group| !group.is_empty());
    groups.iter_mut().for_each(|group| group.sort_unstable());
    groups
}

struct Growth {
    groups: Vec<Vec<u32>>,
    versions: Vec<u32>,
    /// Sum and number of the scored pairs between a cluster and each other one.
    between: Vec<FxHashMap<u32, (f32, u32)>>,
    offers: BinaryHeap<Offer>,
}

impl Growth {
    fn new(weights: &mut Weights<'_>) -> Self {
        let count = weights.len();
        let mut growth = Self {
            groups: (0..count as u32).map(|node| vec![node]).collect(),
            versions: vec![0; count],
            between: vec![FxHashMap::default(); count],
            offers: BinaryHeap::new(),
        };
        for (a, b, _) in weights.pairs() {
            let weight = weights.weight(a, b);
            growth.between[a as usize].insert(b, (weight, 1));
            growth.between[b as usize].insert(a, (weight, 1));
            growth.offer(a, b, weight, true);
        }
        growth
    }

    fn offer(&mut self, a: u32, b: u32, average: f32, verified: bool) {
        if average > 0.0 {
            let (a, b) = (a.min(b), a.max(b));
            self.offers.push(Offer {
                average,
                a,
                b,
                versions: (self.versions[a as usize], self.versions[b as usize]),
                verified,
            });
        }
    }

    fn join_all(&mut self, weights: &mut Weights<'_>) {
        while let Some(offer) = self.offers.pop() {
            let (a, b) = (offer.a as usize, offer.b as usize);
            if offer.versions != (self.versions[a], self.versions[b]) {
                continue;
            }
            if offer.verified {
                if allowed(&self.groups[a], &self.groups[b], weights) {
                    self.join(offer.a, offer.b);
                }
            } else {
                let (sum, count) = verified_sum(&self.groups[a], &self.groups[b], weights);
                self.between[a].insert(offer.b, (sum, count));
                self.between[b].insert(offer.a, (sum, count));
                self.offer(offer.a, offer.b, sum / count as f32, true);
            }
        }
    }

    /// Puts the records of `b` into `a`, and offers what has changed anew.
    fn join(&mut self, a: u32, b: u32) {
        let moved = std::mem::take(&mut self.groups[b as usize]);
        self.groups[a as usize].extend(moved);
        self.versions[a as usize] += 1;
        self.versions[b as usize] += 1;
        let of_b = std::mem::take(&mut self.between[b as usize]);
        self.between[a as usize].remove(&b);
        for (other, (sum, count)) in of_b {
            self.between[other as usize].remove(&b);
            if other != a {
                let joint = self.between[a as usize].entry(other).or_default();
                *joint = (joint.0 + sum, joint.1 + count);
            }
        }
        let mut others: Vec<(u32, (f32, u32))> = self.between[a as usize].iter().map(|(k, v)| (*k, *v)).collect();
        others.sort_unstable_by_key(|(other, _)| *other);
        for (other, (sum, count)) in others {
            self.between[other as usize].insert(a, (sum, count));
            let all = self.groups[a as usize].len() * self.groups[other as usize].len();
            self.offer(a, other, sum / count as f32, count as usize >= all.min(PAIRS));
        }
    }
}

/// In a link of several tables a cluster has at most one record of each.
fn allowed(a: &[u32], b: &[u32], weights: &Weights<'_>) -> bool {
    let source = |node: &u32| weights.sources().of(weights.record(*node));
    weights.sources().mode() != Mode::Link
        || a.iter()
            .all(|mine| b.iter().all(|theirs| source(mine) != source(theirs)))
}

/// Sum and number of the pairs between two clusters, scored now where they were not; evenly chosen ones where they are many.
fn verified_sum(a: &[u32], b: &[u32], weights: &mut Weights<'_>) -> (f32, u32) {
    let all = a.len() * b.len();
    let taken = all.min(PAIRS);
    let mut sum = 0.0;
    for number in 0..taken {
        let place = number * all / taken;
        sum += weights.weight(a[place / b.len()], b[place % b.len()]);
    }
    (sum, taken as u32)
}

/// Offers each record the cluster that it agrees with most, or to stand alone. Whether any moved.
fn move_records(groups: &mut Vec<Vec<u32>>, weights: &mut Weights<'_>) -> bool {
    let mut home: FxHashMap<u32, usize> = FxHashMap::default();
    for (number, group) in groups.iter().enumerate() {
        group.iter().for_each(|node| {
            home.insert(*node, number);
        });
    }
    let mut moved = false;
    for node in 0..weights.len() as u32 {
        let from = home[&node];
        let stay = agreement(node, &groups[from], weights);
        let mut near: Vec<usize> = weights
            .neighbours(node)
            .filter(|(_, probability)| weights.log_odds(*probability) > 0.0)
            .map(|(other, _)| home[&other])
            .filter(|group| *group != from)
            .collect();
        near.sort_unstable();
        near.dedup();
        let mut best = (0.0, None);
        for group in near {
            if allowed(&[node], &groups[group], weights) {
                let gain = agreement(node, &groups[group], weights);
                if gain > best.0 {
                    best = (gain, Some(group));
                }
            }
        }
        if best.0 <= stay + 1e-3 {
            continue;
        }
        groups[from].retain(|other| *other != node);
        let to = best.1.unwrap_or_else(|| {
            groups.push(Vec::new());
            groups.len() - 1
        });
        groups[to].push(node);
        home.insert(node, to);
        moved = true;
    }
    moved
}

/// The sum of what the pairs of a record with those of a cluster say, itself left out.
fn agreement(node: u32, group: &[u32], weights: &mut Weights<'_>) -> f32 {
    let others = group.len();
    let step = others.div_ceil(PAIRS).max(1);
    let taken: Vec<u32> = group
        .iter()
        .copied()
        .step_by(step)
        .filter(|other| *other != node)
        .collect();
    let sum: f32 = taken.iter().map(|other| weights.weight(node, *other)).sum();
    sum * step as f32
}
