//! Which token may look at which: attention biases, as plain numbers.

use super::forward::Step;
use crate::batching::CandidateTrie;

/// What stands for "may not look": its exponential is 0 in single precision, and it stays finite when summed.
pub(super) const HIDDEN: f32 = -1.0e9;

/// One row of a run: `tokens` in a line, then the inner nodes of a trie, then padding.
///
/// Writes a line of `capacity` numbers for each of them into `into`, all of which must be [`HIDDEN`] before. `past` tokens of
/// the row come before and are all visible; the new ones have the places behind them.
pub(super) fn write_row(into: &mut [f32], capacity: usize, past: usize, tokens: usize, trie: Option<&CandidateTrie>) {
    debug_assert_eq!(into.len() % capacity, 0);
    for (query, line) in into.chunks_exact_mut(capacity).enumerate() {
        if query < tokens {
            line[..=past + query].fill(0.0);
            continue;
        }
        let node = trie.and_then(|trie| trie.inner().get(query - tokens).copied());
        if let (Some(trie), Some(mut node)) = (trie, node) {
            line[..past + tokens].fill(0.0);
            while node != crate::batching::ROOT {
                if let Some(position) = trie.inner_position(node) {
                    line[past + tokens + position] = 0.0;
                }
                node = trie.nodes()[node].parent;
            }
        } else {
            // Padding looks at itself, so that its softmax is defined; nobody reads it.
            line[past + query] = 0.0;
        }
    }
}

/// The bias of layers with a sliding window: a token sees those of the last `window` positions, itself included. The result is
/// `[rows, width, prefix + capacity]`.
pub(super) fn sliding(step: &Step, prefix: usize, window: usize) -> Vec<f32> {
    let Step { width, capacity, .. } = *step;
    let mut result = Vec::with_capacity(step.rows * width * (prefix + capacity));
    for row in 0..step.rows {
        let new = row * width..(row + 1) * width;
        // What was there before has the position of its place; the nodes of a trie have others.
        let mut keys: Vec<i64> = (prefix..prefix + capacity).map(|position| position as i64).collect();
        for (&place, &position) in step.places[new.clone()].iter().zip(&step.positions[new.clone()]) {
            keys[place] = position;
        }
        for query in new {
            let at = step.positions[query];
            let near = |key: i64| if at - key < window as i64 { 0.0 } else { HIDDEN };
            result.extend((0..prefix as i64).map(near));
            let line = &step.bias[query * capacity..][..capacity];
            result.extend(line.iter().zip(&keys).map(|(&own, &key)| own.min(near(key))));
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    fn visible(line: &[f32]) -> Vec<usize> {
        line.iter()
            .enumerate()
            .filter(|(_, value)| **value == 0.0)
            .map(|(index, _)| index)
            .collect()
    }

    #[test]
    fn a_node_sees_its_row_and_its_ancestors() {
        let trie = CandidateTrie::new(&[vec![1, 2, 9], vec![1, 3, 9], vec![4, 9]], &[], None);
        // Inner nodes: 1, 1-2, 1-3, 4, in the order in which they were made.
        let (tokens, width) = (2, 7);
        let mut bias = vec![HIDDEN; width * width];
        write_row(&mut bias, width, 0, tokens, Some(&trie));
        let lines: Vec<Vec<usize>> = bias.chunks(width).map(visible).collect();
        assert_eq!(lines[..2], [vec![0], vec![0, 1]]);
        assert_eq!(
            lines[2..6],
            [vec![0, 1, 2], vec![0, 1, 2, 3], vec![0, 1, 2, 4], vec![0, 1, 5]]
        );
        assert_eq!(lines[6], [6]);
    }

    #[test]
    fn a_window_hides_what_is_far() {
        let mut bias = vec![HIDDEN; 4];
        write_row(&mut bias, 2, 0, 2, None);
        let step = Step {
            rows: 1,
            width: 2,
            tokens: vec![7, 8],
            positions: vec![3, 4],
            capacity: 2,
            places: vec![0, 1],
            bias,
            logit_positions: vec![1],
        };
        let sliding = sliding(&step, 3, 3);
        assert_eq!(visible(&sliding[..5]), [1, 2, 3]);
        assert_eq!(visible(&sliding[5..]), [2, 3, 4]);
    }
}
