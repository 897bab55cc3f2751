//! Parts of the examples that are held out by turns.

use rustc_hash::FxHashMap;

/// Divides rows into `folds` parts of which each has about the same share of every label; gives each row's part, from 0.
///
/// Rows of the same group (duplicates of one text, pairs of one record) come into the same part, so that what is held
/// out is never seen in training. The same arguments give the same parts. Fewer groups than folds leave parts empty.
///
/// # Panics
/// Where `groups` are given and are not as many as `labels`.
pub fn stratified_folds(labels: &[usize], groups: Option<&[u64]>, folds: usize, seed: u64) -> Vec<usize> {
    let folds = folds.max(1);
    if let Some(groups) = groups {
        assert_eq!(groups.len(), labels.len(), "one group a row");
    }
    // Groups in the order of their first row, with its label: later ones are as good as always of the same.
    let mut members: Vec<(usize, Vec<usize>)> = Vec::new();
    let mut places: FxHashMap<u64, usize> = FxHashMap::default();
    for (row, &label) in labels.iter().enumerate() {
        let group = groups.map_or(row as u64, |groups| groups[row]);
        let place = *places.entry(group).or_insert_with(|| {
            members.push((label, Vec::new()));
            members.len() - 1
        });
        members[place].1.push(row);
    }
    let mut random = fastrand::Rng::with_seed(seed);
    random.shuffle(&mut members);
    members.sort_by_key(|(label, _)| *label);
    let mut parts = vec![0; labels.len()];
    // Labels are dealt one after another without a break, so that parts stay even where labels have fewer rows than
    // there are parts.
    for (dealt, (_, rows)) in members.iter().enumerate() {
        for &row in rows {
            parts[row] = dealt % folds;
        }
    }
    parts
}

/// Rows of a part and rows of all others: `(trained on, held out)`.
pub fn split(parts: &[usize], held_out: usize) -> (Vec<usize>, Vec<usize>) {
    (0..parts.len()).partition(|&row| parts[row] != held_out)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn duplicates_are_held_out_together() {
        let labels = [0, 0, 0, 1, 1, 1];
        let groups = [7, 7, 8, 9, 9, 10];
        let parts = stratified_folds(&labels, Some(&groups), 2, 1);
        assert_eq!(parts[0], parts[1]);
        assert_eq!(parts[3], parts[4]);
        let (trained, held) = split(&parts, 0);
        assert_eq!(trained.len() + held.len(), 6);
    }

    proptest! {
        #[test]
        fn every_part_has_its_share_of_every_label(labels in proptest::collection::vec(0usize..5, 0..200), folds in 1usize..8, seed: u64) {
            let parts = stratified_folds(&labels, None, folds, seed);
            prop_assert_eq!(&parts, &stratified_folds(&labels, None, folds, seed));
            for label in 0..5 {
                let mut counts = vec![0usize; folds];
                labels.iter().zip(&parts).filter(|(of, _)| **of == label).for_each(|(_, part)| counts[*part] += 1);
                prop_assert!(counts.iter().max().unwrap() - counts.iter().min().unwrap() <= 1, "{:?}", counts);
            }
        }
    }
}
