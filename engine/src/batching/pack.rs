//! Packing rows by token budget.

/// What one run of a model may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PackLimits {
    /// Padded tokens: rows times the longest row.
    pub padded_tokens: usize,
    /// Rows.
    pub rows: usize,
}

/// Groups rows so that each group keeps `limits` and almost nothing is padding.
///
/// `lengths` are tokens a row. Rows are sorted by length, longest first, and cut into groups; a row that is longer than
/// the budget by itself gets a group of its own. Returns indexes into `lengths`; every index is in exactly one group.
/// The order is a function of the lengths alone, so that the same rows are always packed alike.
pub fn plan_packs(lengths: &[usize], limits: PackLimits) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..lengths.len()).collect();
    order.sort_by_key(|&index| (std::cmp::Reverse(lengths[index]), index));
    let mut packs: Vec<Vec<usize>> = Vec::new();
    let mut width = 0;
    for index in order {
        match packs.last_mut() {
            Some(pack) if pack.len() < limits.rows && (pack.len() + 1) * width <= limits.padded_tokens => {
                pack.push(index);
            }
            _ => {
                width = lengths[index];
                packs.push(vec![index]);
            }
        }
    }
    packs
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_row_is_in_exactly_one_pack_within_the_budget(
            lengths in prop::collection::vec(1_usize..400, 0..200),
            padded_tokens in 1_usize..2000,
            rows in 1_usize..64,
        ) {
            let limits = PackLimits { padded_tokens, rows };
            let packs = plan_packs(&lengths, limits);
            let mut seen: Vec<usize> = packs.iter().flatten().copied().collect();
            seen.sort_unstable();
            prop_assert_eq!(seen, (0..lengths.len()).collect::<Vec<_>>());
            for pack in &packs {
                let longest = pack.iter().map(|&index| lengths[index]).max().unwrap_or(0);
                prop_assert!(pack.len() == 1 || longest * pack.len() <= padded_tokens);
                prop_assert!(pack.len() <= rows);
            }
        }

        #[test]
        fn sorting_keeps_padding_below_what_any_one_pack_can_hold(
            lengths in prop::collection::vec(1_usize..100, 1..300),
        ) {
            let limits = PackLimits { padded_tokens: 512, rows: 64 };
            let packs = plan_packs(&lengths, limits);
            let padded: usize = packs.iter()
                .map(|pack| pack.len() * pack.iter().map(|&index| lengths[index]).max().unwrap_or(0))
                .sum();
            let real: usize = lengths.iter().sum();
            // The widths of the packs telescope from the longest row to the shortest.
            prop_assert!(padded - real <= 512 + 64 * 100);
        }
    }
}
