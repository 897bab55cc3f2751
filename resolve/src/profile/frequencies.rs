//! In how many records a word is.

use rustc_hash::{FxHashMap, FxHashSet};
use serde::{Deserialize, Serialize};

use crate::text::stable_hash;

/// Document frequencies. Words are kept as hashes, in a saved file in ascending order.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(from = "Saved", into = "Saved")]
pub(crate) struct Frequencies {
    documents: u32,
    counts: FxHashMap<u64, u32>,
}

#[derive(Serialize, Deserialize)]
struct Saved {
    documents: u32,
    counts: Vec<(u64, u32)>,
}

impl From<Saved> for Frequencies {
    fn from(saved: Saved) -> Self {
        Self {
            documents: saved.documents,
            counts: saved.counts.into_iter().collect(),
        }
    }
}

impl From<Frequencies> for Saved {
    fn from(frequencies: Frequencies) -> Self {
        let mut counts: Vec<(u64, u32)> = frequencies.counts.into_iter().collect();
        counts.sort_unstable();
        Self {
            documents: frequencies.documents,
            counts,
        }
    }
}

impl Frequencies {
    /// Counts each word of one record once.
    pub(crate) fn add(&mut self, words: &[String]) {
        self.documents += 1;
        let once: FxHashSet<u64> = words.iter().map(|word| stable_hash(word)).collect();
        for word in once {
            *self.counts.entry(word).or_default() += 1;
        }
    }

    /// How many different words there are.
    pub(crate) fn distinct(&self) -> usize {
        self.counts.len()
    }

    /// In how many records the word of this hash is; 1 for one that was never seen, because the record that asks has it.
    pub(crate) fn count(&self, hash: u64) -> u32 {
        self.counts.get(&hash).copied().unwrap_or(1)
    }

    /// Inverse document frequency: `ln(1 + N / n)` for a word that is in n of N records.
    pub(crate) fn rarity(&self, hash: u64) -> f32 {
        (f64::from(self.documents.max(1)) / f64::from(self.count(hash))).ln_1p() as f32
    }

    /// The rarity of a word that is in one record alone.
    pub(crate) fn highest_rarity(&self) -> f32 {
        f64::from(self.documents.max(1)).ln_1p() as f32
    }

    /// Leaves out what was seen once, which counts as much as what never was.
    pub(crate) fn prune(&mut self) {
        self.counts.retain(|_, count| *count > 1);
    }
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "what is compared here is exact")]
mod tests {
    use super::*;

    #[test]
    fn rare_words_weigh_more_and_unknown_ones_as_much_as_the_rarest() {
        let mut frequencies = Frequencies::default();
        for words in [["a", "b"], ["a", "c"], ["a", "a"]] {
            frequencies.add(&words.map(str::to_owned));
        }
        let rarity = |word: &str| frequencies.rarity(stable_hash(word));
        assert_eq!(rarity("a"), 2f32.ln());
        assert_eq!(rarity("b"), 4f32.ln());
        assert_eq!(rarity("unknown"), frequencies.highest_rarity());
        let before = rarity("b");
        frequencies.prune();
        assert_eq!(frequencies.rarity(stable_hash("b")), before);
        assert_eq!(frequencies.distinct(), 1);
    }
}
