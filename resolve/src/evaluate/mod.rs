//! How good clusters are where the truth is known.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::cluster::Cluster;
use crate::error::ResolveError;

/// Precision, recall and their harmonic mean, each from 0 to 1. Of nothing they are 1: nothing was wrong and nothing missed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// Of what was found, the share that is true.
    pub precision: f64,
    /// Of what is true, the share that was found.
    pub recall: f64,
    /// Harmonic mean of both.
    pub f1: f64,
}

impl Figures {
    /// From counts of what was found and is true, what was found, and what is true.
    pub fn new(both: f64, found: f64, known: f64) -> Self {
        let share = |whole: f64| if whole > 0.0 { both / whole } else { 1.0 };
        let (precision, recall) = (share(found), share(known));
        let f1 = if precision + recall > 0.0 {
            2.0 * precision * recall / (precision + recall)
        } else {
            0.0
        };
        Self { precision, recall, f1 }
    }
}

/// Clusters against the truth, three ways.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ClusterFigures {
    /// Over pairs of records in one cluster. Large clusters count most.
    pub pairwise: Figures,
    /// Over records: the mean share of a record's cluster that belongs to it (B-cubed: Bagga and Baldwin, 1998).
    pub b_cubed: Figures,
    /// Over clusters of any size that are right to the last record.
    pub exact: Figures,
    /// Pairs above chance (adjusted Rand index: Hubert and Arabie, 1985): 1 all right, 0 no better than chance.
    pub adjusted_rand: f64,
}

/// The number of the cluster of each record.
///
/// # Errors
/// A record that is in no cluster, or one that there is not.
pub fn assignment(clusters: &[Cluster], records: usize) -> Result<Vec<u32>, ResolveError> {
    let mut assigned = vec![u32::MAX; records];
    for (number, cluster) in clusters.iter().enumerate() {
        for member in &cluster.members {
            let index = member.record as usize;
            *assigned.get_mut(index).ok_or(ResolveError::Index { index, records })? = number as u32;
        }
    }
    let found = assigned.iter().filter(|number| **number != u32::MAX).count();
    if found < records {
        return Err(ResolveError::Count {
            what: "assigned records",
            found,
            expected: records,
        });
    }
    Ok(assigned)
}

/// Compares clusters with the true ones. Both give a number of a cluster for each record; the numbers need not be the same.
///
/// # Errors
/// Lists of different lengths.
pub fn compare_clusters(found: &[u32], truth: &[u32]) -> Result<ClusterFigures, ResolveError> {
    if found.len() != truth.len() {
        return Err(ResolveError::Count {
            what: "true clusters",
            found: truth.len(),
            expected: found.len(),
        });
    }
    let mut cells: BTreeMap<(u32, u32), u64> = BTreeMap::new();
    let (mut rows, mut columns) = (BTreeMap::<u32, u64>::new(), BTreeMap::<u32, u64>::new());
    for (mine, theirs) in found.iter().zip(truth) {
        *cells.entry((*mine, *theirs)).or_default() += 1;
        *rows.entry(*mine).or_default() += 1;
        *columns.entry(*theirs).or_default() += 1;
    }
    let choose = |count: &u64| (count * count.saturating_sub(1) / 2) as f64;
    let both: f64 = cells.values().map(choose).sum();
    let in_found: f64 = rows.values().map(choose).sum();
    let in_truth: f64 = columns.values().map(choose).sum();
    let all = choose(&(found.len() as u64));

    let share = |sizes: &BTreeMap<u32, u64>, pick: fn(&(u32, u32)) -> u32| -> f64 {
        cells
            .iter()
            .map(|(cell, count)| (count * count) as f64 / sizes[&pick(cell)] as f64)
            .sum()
    };
    let records = found.len().max(1) as f64;
    let precision = share(&rows, |cell| cell.0) / records;
    let recall = share(&columns, |cell| cell.1) / records;
    let b_cubed = if found.is_empty() {
        Figures::new(0.0, 0.0, 0.0)
    } else {
        Figures {
            precision,
            recall,
            f1: 2.0 * precision * recall / (precision + recall),
        }
    };

    let right = cells
        .iter()
        .filter(|((mine, theirs), count)| rows[mine] == **count && columns[theirs] == **count);
    let exact = Figures::new(right.count() as f64, rows.len() as f64, columns.len() as f64);

    let expected = if all > 0.0 { in_found * in_truth / all } else { 0.0 };
    let most = f64::midpoint(in_found, in_truth);
    let adjusted_rand = if (most - expected).abs() < 1e-12 {
        1.0
    } else {
        (both - expected) / (most - expected)
    };
    Ok(ClusterFigures {
        pairwise: Figures::new(both, in_found, in_truth),
        b_cubed,
        exact,
        adjusted_rand,
    })
}

/// Compares pairs that were found with the true ones, where only some clusters are known. The order within a pair and
/// repetitions don't count.
pub fn compare_pairs(found: &[(u32, u32)], truth: &[(u32, u32)]) -> Figures {
    let set =
        |pairs: &[(u32, u32)]| -> BTreeSet<(u32, u32)> { pairs.iter().map(|(a, b)| (*a.min(b), *a.max(b))).collect() };
    let (found, truth) = (set(found), set(truth));
    let both = found.intersection(&truth).count();
    Figures::new(both as f64, found.len() as f64, truth.len() as f64)
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "what is compared here is exact")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn figures_are_those_of_the_definitions() {
        // The worked example of Amigó et al., 2009: {a a a a b} and {b b}, with b once among the a.
        let figures = compare_clusters(&[0, 0, 0, 0, 0, 1, 1], &[0, 0, 0, 0, 1, 1, 1]).unwrap();
        assert_eq!(figures.pairwise, Figures::new(7.0, 11.0, 9.0));
        let precision = (16.0 / 5.0 + 1.0 / 5.0 + 4.0 / 2.0) / 7.0;
        let recall = (16.0 / 4.0 + 1.0 / 3.0 + 4.0 / 3.0) / 7.0;
        assert!((figures.b_cubed.precision - precision).abs() < 1e-12);
        assert!((figures.b_cubed.recall - recall).abs() < 1e-12);
        assert_eq!(figures.exact.f1, 0.0);
        let expected = 11.0 * 9.0 / 21.0;
        assert!((figures.adjusted_rand - (7.0 - expected) / (10.0 - expected)).abs() < 1e-12);
    }

    #[test]
    fn pairs_count_once_in_either_order() {
        let figures = compare_pairs(&[(1, 2), (2, 1), (3, 4)], &[(2, 1), (5, 6)]);
        assert_eq!((figures.precision, figures.recall, figures.f1), (0.5, 0.5, 0.5));
        assert_eq!(compare_pairs(&[], &[]).f1, 1.0);
        assert_eq!(compare_pairs(&[], &[(1, 2)]).f1, 0.0);
    }

    proptest! {
        #[test]
        fn the_truth_is_all_right_whatever_its_numbers(truth in prop::collection::vec(0u32..5, 0..30)) {
            let renamed: Vec<u32> = truth.iter().map(|number| 40 - number).collect();
            let figures = compare_clusters(&renamed, &truth).unwrap();
            for f1 in [figures.pairwise.f1, figures.b_cubed.f1, figures.exact.f1, figures.adjusted_rand] {
                prop_assert!((f1 - 1.0).abs() < 1e-12);
            }
        }
    }
}
