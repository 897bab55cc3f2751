use proptest::prelude::*;

use super::*;

fn pair(left: u32, right: u32, probability: f32) -> ScoredPair {
    ScoredPair {
        left,
        right,
        probability,
    }
}

fn groups(clusters: &[Cluster]) -> Vec<Vec<u32>> {
    clusters
        .iter()
        .map(|cluster| cluster.members.iter().map(|member| member.record).collect())
        .collect()
}

fn no(_: u32, _: u32) -> f32 {
    0.02
}

#[test]
fn a_chain_of_pairs_is_not_one_cluster() {
    let pairs: Vec<ScoredPair> = (0..9).map(|i| pair(i, i + 1, 0.9)).collect();
    let clusters = cluster(&Sources::one_table(10), &pairs, &ClusterOptions::default(), &no).unwrap();
    assert!(
        clusters.iter().all(|cluster| cluster.members.len() <= 2),
        "{:?}",
        groups(&clusters)
    );
    let yes = |_: u32, _: u32| 0.8;
    let clusters = cluster(&Sources::one_table(10), &pairs, &ClusterOptions::default(), &yes).unwrap();
    assert_eq!(
        clusters.len(),
        1,
        "where the pairs that blocking missed agree, it is one"
    );
}

#[test]
fn one_wrong_pair_does_not_join_two_clusters() {
    let mut pairs = Vec::new();
    for first in [0, 4] {
        for a in first..first + 4 {
            for b in a + 1..first + 4 {
                pairs.push(pair(a, b, 0.95));
            }
        }
    }
    pairs.push(pair(1, 5, 0.999));
    let clusters = cluster(&Sources::one_table(8), &pairs, &ClusterOptions::default(), &no).unwrap();
    assert_eq!(groups(&clusters), [vec![0, 1, 2, 3], vec![4, 5, 6, 7]]);
    assert!(clusters[0].confidence > 0.9);
}

#[test]
fn a_pair_that_blocking_missed_is_scored_before_a_cluster_takes_it() {
    let asked = std::sync::Mutex::new(Vec::new());
    let ask = |a: u32, b: u32| {
        asked.lock().unwrap().push((a, b));
        0.97
    };
    let pairs = [pair(0, 1, 0.9), pair(1, 2, 0.9)];
    let clusters = cluster(&Sources::one_table(3), &pairs, &ClusterOptions::default(), &ask).unwrap();
    assert_eq!(groups(&clusters), [vec![0, 1, 2]]);
    assert_eq!(*asked.lock().unwrap(), [(0, 2)]);
}

#[test]
fn linking_takes_the_assignment_that_is_best_as_a_whole() {
    // From the best pair down 0-2 would be taken, and 1 would have none.
    let sources = Sources::tables(Mode::Link, vec![0, 0, 1, 1]).unwrap();
    let pairs = [pair(0, 2, 0.97), pair(0, 3, 0.95), pair(1, 2, 0.95), pair(1, 3, 0.2)];
    let clusters = cluster(&sources, &pairs, &ClusterOptions::default(), &no).unwrap();
    assert_eq!(groups(&clusters), [vec![0, 3], vec![1, 2]]);
    assert!(
        clusters[0].confidence < 0.6,
        "0 could as well be 2: {}",
        clusters[0].confidence
    );
}

#[test]
fn linking_three_tables_takes_at_most_one_record_of_each() {
    let sources = Sources::tables(Mode::Link, vec![0, 0, 1, 1, 2]).unwrap();
    let pairs = [
        pair(0, 2, 0.9),
        pair(0, 3, 0.8),
        pair(0, 4, 0.9),
        pair(2, 4, 0.9),
        pair(3, 4, 0.7),
    ];
    let clusters = cluster(&sources, &pairs, &ClusterOptions::default(), &no).unwrap();
    assert_eq!(groups(&clusters), [vec![0, 2, 4], vec![1], vec![3]]);
}

#[test]
fn a_record_alone_is_as_sure_as_its_best_pair_is_not() {
    let clusters = cluster(
        &Sources::one_table(3),
        &[pair(0, 1, 0.4)],
        &ClusterOptions::default(),
        &no,
    )
    .unwrap();
    assert_eq!(groups(&clusters), [vec![0], vec![1], vec![2]]);
    assert!((clusters[0].confidence - 0.6).abs() < 1e-6);
    assert_eq!(clusters[2].confidence, 1.0);
}

#[test]
fn what_can_not_be_is_told() {
    let sources = Sources::one_table(2);
    let code = |pairs: &[ScoredPair], threshold| {
        cluster(&sources, pairs, &ClusterOptions { threshold }, &no)
            .unwrap_err()
            .code()
    };
    assert_eq!(code(&[pair(0, 2, 0.5)], 0.5), "RF1906");
    assert_eq!(code(&[pair(0, 1, 1.5)], 0.5), "RF1907");
    assert_eq!(code(&[pair(0, 1, f32::NAN)], 0.5), "RF1907");
    assert_eq!(code(&[], 1.0), "RF1905");
}

proptest! {
    #[test]
    fn each_record_is_in_one_cluster_and_true_ones_are_found(
        truth in prop::collection::vec(0u32..6, 1..24), seed in 0u64..1000, linked in any::<bool>(),
    ) {
        let count = truth.len() as u32;
        let sources = match Sources::tables(Mode::Link, (0..count).map(|i| i % 2).collect()) {
            Ok(sources) if linked => sources,
            _ => Sources::one_table(truth.len()),
        };
        let mut random = fastrand::Rng::with_seed(seed);
        let mut pairs = Vec::new();
        for a in 0..count {
            for b in a + 1..count {
                let same = truth[a as usize] == truth[b as usize];
                let noise = random.f32() * 0.3;
                pairs.push(pair(a, b, if same { 0.99 - noise } else { 0.01 + noise }));
            }
        }
        let clusters = cluster(&sources, &pairs, &ClusterOptions::default(), &no).unwrap();
        let mut seen: Vec<u32> = groups(&clusters).concat();
        seen.sort_unstable();
        prop_assert_eq!(seen, (0..count).collect::<Vec<_>>());
        for cluster in &clusters {
            prop_assert!((0.0..=1.0).contains(&cluster.confidence));
            for (a, b) in cluster.members.iter().zip(cluster.members.iter().skip(1)) {
                prop_assert_eq!(truth[a.record as usize], truth[b.record as usize]);
                prop_assert!(sources.comparable(a.record, b.record));
            }
        }
        if sources.mode() == Mode::Deduplicate {
            let distinct = truth.iter().collect::<std::collections::BTreeSet<_>>().len();
            prop_assert_eq!(clusters.len(), distinct);
        }
    }
}
