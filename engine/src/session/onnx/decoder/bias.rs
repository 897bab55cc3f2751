//! Which token may look at which: attention biases, as plain numbers.

use crate::batching::CandidateTrie;

/// What stands for "may not look": its exponential is 0 in single precision, and it stays finite when summed.
pub(super) const HIDDEN: f32 = -1.0e9;

/// One row of a run: `tokens` in a line, then the inner nodes of a trie, then padding up to `width`.
///
/// Writes `width` lines of `past + width` numbers into `into`, all of which must be [`HIDDEN`] before. `past` tokens of
/// the row come before and are all visible.
pub(super) fn write_row(into: &mut [f32], width: usize, past: usize, tokens: usize, trie: Option<&CandidateTrie>) {
    let stride = past + width;
    debug_assert_eq!(into.len(), width * stride);
    for (query, line) in into.chunks_exact_mut(stride).enumerate() {
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

/// The bias of layers with a sliding window: a token sees those of the last `window` positions, itself included.
///
/// `bias` is `[rows, width, past + width]` over a row's own tokens; `positions` are those of the new tokens,
/// `past_positions` those of the past ones (padding included, which `bias` hides). The result is
/// `[rows, width, prefix + past + width]`.
pub(super) fn sliding(
    bias: &[f32],
    rows: usize,
    width: usize,
    prefix: usize,
    past_positions: &[Vec<i64>],
    positions: &[i64],
    window: usize,
) -> Vec<f32> {
    let past = past_positions.first().map_or(0, Vec::len);
    let stride = past + width;
    let mut result = Vec::with_capacity(rows * width * (prefix + stride));
    for row in 0..rows {
        for query in 0..width {
            let at = positions[row * width + query];
            let near = |key: i64| if at - key < window as i64 { 0.0 } else { HIDDEN };
            result.extend((0..prefix as i64).map(near));
            let line = &bias[(row * width + query) * stride..][..stride];
            let keys = past_positions
                .get(row)
                .into_iter()
                .flatten()
                .chain(&positions[row * width..(row + 1) * width]);
            result.extend(line.iter().zip(keys).map(|(&own, &key)| own.min(near(key))));
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
        let sliding = sliding(&bias, 1, 2, 3, &[], &[3, 4], 3);
        assert_eq!(visible(&sliding[..5]), [1, 2, 3]);
        assert_eq!(visible(&sliding[5..]), [2, 3, 4]);
    }
}
