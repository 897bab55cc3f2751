//! Runs of three characters.

use std::cmp::Ordering;

/// Hashes of the runs of three characters in a text, each once, sorted; spaces stand around it, so that a short word has
/// runs too.
///
/// Of a long text only the smallest hashes are kept. They are a uniform sample of the distinct runs, and two such samples
/// give an unbiased estimate of what the texts share (bottom-k sketch: Broder, "On the resemblance and containment of
/// documents", 1997).
#[derive(Debug, Clone, Default)]
pub(crate) struct Trigrams {
    hashes: Vec<u32>,
    /// Up to here every hash of the text is listed.
    complete_to: u32,
}

impl Trigrams {
    /// Those of a normalized text, at most `limit`.
    pub(crate) fn new(normalized: &str, limit: usize) -> Self {
        if normalized.is_empty() {
            return Self::default();
        }
        let mut hashes = Vec::with_capacity(normalized.len() + 1);
        let (mut first, mut second) = (' ', ' ');
        for (index, third) in normalized.chars().chain([' ']).enumerate() {
            if index > 0 {
                hashes.push(hash(first, second, third));
            }
            (first, second) = (second, third);
        }
        hashes.sort_unstable();
        hashes.dedup();
        let complete_to = match hashes.get(limit) {
            Some(_) => hashes[limit - 1],
            None => u32::MAX,
        };
        hashes.truncate(limit);
        hashes.shrink_to_fit();
        Self { hashes, complete_to }
    }

    /// The hashes, in ascending order.
    pub(crate) fn hashes(&self) -> &[u32] {
        &self.hashes
    }

    /// Jaccard similarity: of the runs of either text, the share that both have. NaN where one has none.
    pub(crate) fn jaccard(&self, other: &Self) -> f32 {
        if self.hashes.is_empty() || other.hashes.is_empty() {
            return f32::NAN;
        }
        let end = self.complete_to.min(other.complete_to);
        let upto = |hashes: &[u32]| hashes.partition_point(|hash| *hash <= end);
        let (a, b) = (&self.hashes[..upto(&self.hashes)], &other.hashes[..upto(&other.hashes)]);
        let (mut i, mut j, mut shared) = (0, 0, 0);
        while i < a.len() && j < b.len() {
            match a[i].cmp(&b[j]) {
                Ordering::Less => i += 1,
                Ordering::Greater => j += 1,
                Ordering::Equal => {
                    shared += 1;
                    i += 1;
                    j += 1;
                }
            }
        }
        shared as f32 / (a.len() + b.len() - shared).max(1) as f32
    }
}

/// Multiplies and folds: three characters are 63 bits, which one product spreads well.
fn hash(first: char, second: char, third: char) -> u32 {
    let packed = u64::from(u32::from(first)) << 42 | u64::from(u32::from(second)) << 21 | u64::from(u32::from(third));
    let mixed = (packed ^ (packed >> 29)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> 32) as u32
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "what is compared here is exact")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn jaccard(a: &str, b: &str, limit: usize) -> f32 {
        Trigrams::new(a, limit).jaccard(&Trigrams::new(b, limit))
    }

    #[test]
    fn a_text_has_a_run_for_each_of_its_characters() {
        assert_eq!(Trigrams::new("abc", 100).hashes().len(), 3);
        assert_eq!(Trigrams::new("a", 100).hashes().len(), 1);
        assert_eq!(Trigrams::new("aaaaaaa", 100).hashes().len(), 3, "each run counts once");
        assert_eq!(jaccard("abc", "abd", 100), 1.0 / 5.0);
        assert!(jaccard("", "abc", 100).is_nan());
    }

    #[test]
    fn a_cut_list_estimates_what_the_whole_one_says() {
        let text = |from: usize| {
            (from..from + 400)
                .map(|i| (i * 7919 % 10007).to_string())
                .collect::<Vec<_>>()
                .join(" ")
        };
        let (a, b) = (text(0), text(100));
        let (exact, estimate) = (jaccard(&a, &b, usize::MAX - 1), jaccard(&a, &b, 128));
        assert!((exact - estimate).abs() < 0.12, "{exact} is estimated as {estimate}");
        assert!((jaccard(&a, &a, 128) - 1.0).abs() < 1e-6);
    }

    proptest! {
        #[test]
        fn likeness_is_the_same_both_ways(a in "[a-d ]{1,30}", b in "[a-d ]{1,30}", limit in 1usize..40) {
            prop_assert_eq!(jaccard(&a, &b, limit), jaccard(&b, &a, limit));
        }
    }
}
