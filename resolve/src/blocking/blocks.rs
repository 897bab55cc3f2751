//! Records that have a key in common, or stand near each other in an order.

use rayon::prelude::*;

use super::Take;
use crate::features::Prepared;
use crate::profile::Profile;
use crate::sources::Sources;
use crate::text::{compact, stable_hash};

/// A pair with how far down its rule's list it stood, 0 the first.
pub(crate) type Ranked = (u32, u32, u16);

/// Pairs of records with the same key. In a block of more than `limit` records each is paired with the `limit` that come
/// next in order, so that no block costs more than its records times `limit`. Returns the number of such blocks, too.
pub(crate) fn equal_keys(mut keyed: Vec<(u64, u64, u32)>, limit: usize, sources: &Sources) -> (Vec<Ranked>, usize) {
    keyed.par_sort_unstable();
    let mut pairs = Vec::new();
    let mut cut = 0;
    for block in keyed.chunk_by(|a, b| a.0 == b.0) {
        cut += usize::from(block.len() > limit);
        for (place, (_, _, record)) in block.iter().enumerate() {
            for (rank, (_, _, other)) in block[place + 1..].iter().take(limit).enumerate() {
                if sources.comparable(*record, *other) {
                    // All in a small block are as likely as each other; in a cut one the near ones come first.
                    let rank = if block.len() > limit { rank } else { 0 };
                    pairs.push((*record, *other, rank.min(usize::from(u16::MAX)) as u16));
                }
            }
        }
    }
    (pairs, cut)
}

/// The key of each record that has one: parts of columns, run together. The order within a block is that of the whole text.
pub(crate) fn column_keys(parts: &[(usize, Take)], prepared: &[Prepared]) -> Vec<(u64, u64, u32)> {
    prepared
        .par_iter()
        .enumerate()
        .filter_map(|(record, prepared)| {
            let mut key = String::new();
            for (column, take) in parts {
                let text = take.of(&prepared.fields[*column].as_ref()?.text);
                if text.is_empty() {
                    return None;
                }
                key.push_str(&text);
                key.push('\u{1f}');
            }
            Some((stable_hash(&key), prefix_order(&prepared.compact), record as u32))
        })
        .collect()
}

/// The first eight bytes as a number that sorts as they do.
fn prefix_order(text: &str) -> u64 {
    let mut bytes = [0u8; 8];
    bytes.iter_mut().zip(text.bytes()).for_each(|(to, from)| *to = from);
    u64::from_be_bytes(bytes)
}

/// Sorts the records by a column, forwards and from its end, and pairs each with those that stand near it (sorted
/// neighbourhood: Hernández and Stolfo, 1995). Records without a value are left out.
pub(crate) fn sorted_neighbours(column: usize, window: usize, prepared: &[Prepared], sources: &Sources) -> Vec<Ranked> {
    let mut pairs = Vec::new();
    for backwards in [false, true] {
        let mut order: Vec<(String, &str, u32)> = prepared
            .par_iter()
            .enumerate()
            .filter_map(|(record, prepared)| {
                let key = compact(&prepared.fields[column].as_ref()?.text);
                let key = if backwards { key.chars().rev().collect() } else { key };
                Some((key, &*prepared.compact, record as u32))
            })
            .collect();
        order.par_sort_unstable();
        for (place, (_, _, record)) in order.iter().enumerate() {
            // Linking skips records of the same table, but not for ever: what comes much later in the order is not near.
            let near = order[place + 1..].iter().take(window * 8);
            let near = near
                .filter(|(_, _, other)| sources.comparable(*record, *other))
                .take(window);
            for (rank, (_, _, other)) in near.enumerate() {
                pairs.push((*record, *other, rank as u16));
            }
        }
    }
    pairs
}

/// Keys of bands of a signature of minima of hashes: two records share one with the probability `1 - (1 - s^rows)^bands`,
/// s being the Jaccard similarity of their runs of three characters (Broder, 1997; Indyk and Motwani, 1998).
pub(crate) fn minhash_keys(bands: usize, rows: usize, prepared: &[Prepared]) -> Vec<(u64, u64, u32)> {
    prepared
        .par_iter()
        .enumerate()
        .flat_map_iter(|(record, prepared)| {
            let runs = prepared.trigrams.hashes();
            let order = prefix_order(&prepared.compact);
            (0..if runs.is_empty() { 0 } else { bands }).map(move |band| {
                let mut key = band as u64;
                for row in 0..rows {
                    let seed = (band * rows + row) as u64;
                    let smallest = runs
                        .iter()
                        .map(|run| mix(u64::from(*run) | seed << 32))
                        .min()
                        .unwrap_or(0);
                    key = mix(key ^ smallest);
                }
                (key, order, record as u32)
            })
        })
        .collect()
}

/// Spreads the bits of a number (the finalizer of `SplitMix64`: Steele, Lea and Flood, 2014).
fn mix(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Columns that records can be sorted by: those with many values.
pub(crate) fn sortable(profile: &Profile) -> impl Iterator<Item = usize> {
    let filled = |column: &crate::profile::Column| column.filled * profile.records() as f64;
    profile
        .columns()
        .iter()
        .enumerate()
        .filter(move |(_, column)| column.distinct as f64 >= 0.2 * filled(column))
        .map(|(index, _)| index)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_that_is_too_large_costs_no_more_than_its_records_times_the_limit() {
        let keyed: Vec<(u64, u64, u32)> = (0..100).map(|record| (7, u64::from(record), record)).collect();
        let (pairs, cut) = equal_keys(keyed.clone(), 5, &Sources::one_table(100));
        assert_eq!(cut, 1);
        assert_eq!(pairs.len(), 100 * 5 - 15);
        let (all, cut) = equal_keys(keyed, 100, &Sources::one_table(100));
        assert_eq!((all.len(), cut), (100 * 99 / 2, 0));
    }
}
