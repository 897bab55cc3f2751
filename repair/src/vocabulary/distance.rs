//! The cost of the cheapest way from what was meant to what stands there.

use super::channel::{Channel, added_or_lost};

/// Letters of a text that are compared.
const LONGEST: usize = 400;

/// Optimal string alignment (Damerau 1964) with the costs of a channel. It owns the memory that it works in.
#[derive(Debug, Default)]
pub(crate) struct Aligner {
    meant: Vec<char>,
    observed: Vec<char>,
    rows: [Vec<f32>; 3],
}

impl Aligner {
    /// The cost, or none where it is above `limit`.
    pub(crate) fn cost(&mut self, channel: &Channel, meant: &str, observed: &str, limit: f32) -> Option<f32> {
        self.meant.clear();
        self.meant.extend(meant.chars());
        self.observed.clear();
        self.observed.extend(observed.chars());
        let (meant, observed) = (&self.meant, &self.observed);
        // Nothing that is added or lost costs less than this.
        if meant.len().abs_diff(observed.len()) as f32 * 0.7 > limit {
            return None;
        }
        let width = observed.len() + 1;
        let [before_last, last, now] = &mut self.rows;
        for row in [&mut *before_last, &mut *last, &mut *now] {
            row.clear();
            row.resize(width, f32::INFINITY);
        }
        last[0] = 0.0;
        for at in 1..width {
            last[at] = last[at - 1] + added_or_lost(observed[at - 1]);
        }
        for row in 1..=meant.len() {
            let letter = meant[row - 1];
            let lost = added_or_lost(letter);
            now[0] = last[0] + lost;
            let mut least = now[0];
            for at in 1..width {
                let seen = observed[at - 1];
                let mut cost = last[at - 1] + channel.replaced(letter, seen);
                cost = cost.min(last[at] + lost);
                cost = cost.min(now[at - 1] + added_or_lost(seen));
                if row > 1 && at > 1 && letter == observed[at - 2] && meant[row - 2] == seen && letter != seen {
                    let swapped = if letter.is_numeric() && seen.is_numeric() {
                        2.5
                    } else {
                        1.0
                    };
                    cost = cost.min(before_last[at - 2] + swapped);
                }
                now[at] = cost;
                least = least.min(cost);
            }
            if least > limit {
                return None;
            }
            std::mem::swap(before_last, last);
            std::mem::swap(last, now);
        }
        let cost = last[width - 1];
        (cost <= limit).then_some(cost)
    }

    /// How alike two texts are, from 0 to 1: one less the cost for each letter of the longer one.
    /// Of long texts the start is compared.
    pub(crate) fn likeness(&mut self, channel: &Channel, meant: &str, observed: &str) -> f32 {
        let start = |text: &'_ str| text.char_indices().nth(LONGEST).map_or(text.len(), |(at, _)| at);
        let (meant, observed) = (&meant[..start(meant)], &observed[..start(observed)]);
        let longest = meant.chars().count().max(observed.chars().count()).max(1) as f32;
        // Less alike than half is not alike, and the alignment of two long texts costs time.
        match self.cost(channel, meant, observed, longest * 0.6) {
            Some(cost) => 1.0 - cost / longest,
            None => 0.3,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Aligner;
    use crate::vocabulary::Channel;

    fn cost(meant: &str, observed: &str) -> Option<f32> {
        Aligner::default().cost(&Channel::default(), meant, observed, 10.0)
    }

    #[test]
    fn edits_of_letters_cost_one() {
        assert_eq!(cost("chicago", "chicago"), Some(0.0));
        assert_eq!(cost("chicago", "chicgo"), Some(1.0));
        assert_eq!(cost("chicago", "chicaog"), Some(1.0));
        assert_eq!(cost("chicago", "xhicago"), Some(1.0));
    }

    #[test]
    fn another_digit_is_another_number() {
        assert_eq!(cost("route 12", "route 13"), Some(3.0));
    }

    #[test]
    fn what_is_too_far_has_no_cost() {
        assert_eq!(
            Aligner::default().cost(&Channel::default(), "abcdef", "uvwxyz", 3.0),
            None
        );
    }
}
