//! Weighted words of a text, and how much two texts share of them.

use std::cmp::Ordering;

use strsim::jaro_winkler;

use crate::profile::Frequencies;
use crate::text::stable_hash;

/// How like each other two words must be to count in part.
const ALIKE: f32 = 0.88;
/// How many words that the other side lacks are compared with each other; the rarest are taken.
const FUZZY_LIMIT: usize = 16;

/// The distinct words of a text with their weights.
#[derive(Debug, Clone, Default)]
pub(crate) struct Bag {
    /// In ascending order of their hashes.
    terms: Vec<Term>,
    /// The words, one after another.
    text: Box<str>,
    /// Sum of the rarities.
    mass: f32,
    /// How many words there are, repetitions counted.
    length: usize,
}

#[derive(Debug, Clone, Copy)]
struct Term {
    hash: u64,
    rarity: f32,
    /// Term frequency times rarity, scaled so that the squares of a bag add up to 1.
    weight: f32,
    start: u32,
    end: u32,
}

/// What two bags share.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Overlap {
    pub(crate) cosine: f32,
    pub(crate) soft_cosine: f32,
    pub(crate) best_words: f32,
    pub(crate) containment: f32,
    pub(crate) coverage: f32,
    pub(crate) rarest_shared: f32,
    pub(crate) rarest_unshared: f32,
    pub(crate) length_ratio: f32,
}

impl Bag {
    pub(crate) fn new(words: &[String], frequencies: &Frequencies) -> Self {
        let mut counted: Vec<(u64, &str)> = words.iter().map(|word| (stable_hash(word), word.as_str())).collect();
        counted.sort_unstable();
        let mut terms: Vec<Term> = Vec::with_capacity(counted.len());
        let mut text = String::new();
        let mut mass = 0.0;
        for run in counted.chunk_by(|a, b| a.0 == b.0) {
            let (hash, word) = run[0];
            let rarity = frequencies.rarity(hash);
            let start = text.len() as u32;
            text.push_str(word);
            mass += rarity;
            terms.push(Term {
                hash,
                rarity,
                weight: (run.len() as f32).ln().mul_add(rarity, rarity),
                start,
                end: text.len() as u32,
            });
        }
        let norm = terms.iter().map(|term| term.weight * term.weight).sum::<f32>().sqrt();
        terms.iter_mut().for_each(|term| term.weight /= norm);
        Self {
            terms,
            text: text.into_boxed_str(),
            mass,
            length: words.len(),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// The hash of each word, in ascending order.
    pub(crate) fn hashes(&self) -> impl Iterator<Item = u64> {
        self.terms.iter().map(|term| term.hash)
    }

    fn word(&self, term: &Term) -> &str {
        &self.text[term.start as usize..term.end as usize]
    }

    /// What two bags that are not empty share. `highest` is the rarity of a word that is in one record alone; `fuzzy` says
    /// whether words that are spelled nearly alike are looked for, which takes most of the time.
    pub(crate) fn overlap(&self, other: &Self, highest: f32, fuzzy: bool) -> Overlap {
        let mut cosine = 0.0;
        let mut shared_mass = 0.0;
        let mut shared = 0;
        let mut rarest_shared: f32 = 0.0;
        let (mut mine, mut theirs): (Vec<&Term>, Vec<&Term>) = (Vec::new(), Vec::new());
        let (mut left, mut right) = (self.terms.iter().peekable(), other.terms.iter().peekable());
        loop {
            let order = match (left.peek(), right.peek()) {
                (Some(a), Some(b)) => a.hash.cmp(&b.hash),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (None, None) => break,
            };
            match order {
                Ordering::Less => mine.extend(left.next()),
                Ordering::Greater => theirs.extend(right.next()),
                Ordering::Equal => {
                    if let (Some(a), Some(b)) = (left.next(), right.next()) {
                        cosine += a.weight * b.weight;
                        shared_mass += a.rarity;
                        shared += 1;
                        rarest_shared = rarest_shared.max(a.rarity);
                    }
                }
            }
        }
        let rarest = |terms: &[&Term]| terms.iter().map(|term| term.rarity).fold(0.0, f32::max);
        let rarest_unshared = rarest(&mine).min(rarest(&theirs));
        let (soft, alike) = if fuzzy {
            self.alike(other, &mut mine, &mut theirs)
        } else {
            (0.0, 0.0)
        };
        let fewer = self.terms.len().min(other.terms.len()) as f32;
        Overlap {
            cosine: cosine.min(1.0),
            soft_cosine: (cosine + soft).min(1.0),
            best_words: ((shared as f32 + alike) / fewer).min(1.0),
            containment: (shared_mass / self.mass.min(other.mass)).min(1.0),
            coverage: (shared_mass / self.mass.max(other.mass)).min(1.0),
            rarest_shared: rarest_shared / highest,
            rarest_unshared: rarest_unshared / highest,
            length_ratio: self.length.min(other.length) as f32 / self.length.max(other.length) as f32,
        }
    }

    /// Pairs words that only one side has with the most similar ones of the other, each once: what they add to the cosine,
    /// and the sum of their similarities.
    fn alike<'a>(&self, other: &Self, mine: &mut Vec<&'a Term>, theirs: &mut Vec<&'a Term>) -> (f32, f32) {
        for terms in [&mut *mine, &mut *theirs] {
            terms.sort_by(|a, b| b.rarity.total_cmp(&a.rarity).then(a.hash.cmp(&b.hash)));
            terms.truncate(FUZZY_LIMIT);
        }
        let mut pairs: Vec<(f32, usize, usize)> = Vec::new();
        for (i, a) in mine.iter().enumerate() {
            for (j, b) in theirs.iter().enumerate() {
                let similarity = word_similarity(self.word(a), other.word(b));
                if similarity >= ALIKE {
                    pairs.push((similarity, i, j));
                }
            }
        }
        pairs.sort_by(|a, b| b.0.total_cmp(&a.0).then((a.1, a.2).cmp(&(b.1, b.2))));
        let (mut used_mine, mut used_theirs) = (0u32, 0u32);
        let (mut soft, mut sum) = (0.0, 0.0);
        for (similarity, i, j) in pairs {
            if used_mine & (1 << i) == 0 && used_theirs & (1 << j) == 0 {
                used_mine |= 1 << i;
                used_theirs |= 1 << j;
                soft += similarity * mine[i].weight * theirs[j].weight;
                sum += similarity;
            }
        }
        (soft, sum)
    }
}

/// How like each other two different words are: by spelling; an initial is like the word it begins, and so is an
/// abbreviation of three letters or more. Numbers and codes are alike or not.
fn word_similarity(a: &str, b: &str) -> f32 {
    let (short, long) = if a.len() <= b.len() { (a, b) } else { (b, a) };
    let digit = |word: &str| word.bytes().any(|byte| byte.is_ascii_digit());
    if digit(short) || digit(long) {
        return 0.0;
    }
    if long.starts_with(short) && (short.len() >= 3 || short.chars().count() == 1) {
        return 0.9;
    }
    if short.len() < 3 || long.len() - short.len() > 4 {
        return 0.0;
    }
    jaro_winkler(short, long) as f32
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "what is compared here is exact")]
mod tests {
    use super::*;

    fn bag(text: &str, frequencies: &Frequencies) -> Bag {
        Bag::new(&text.split(' ').map(str::to_owned).collect::<Vec<_>>(), frequencies)
    }

    fn frequencies() -> Frequencies {
        let mut frequencies = Frequencies::default();
        for text in ["the sony camera", "the canon camera", "the nikon lens", "the bag"] {
            frequencies.add(&text.split(' ').map(str::to_owned).collect::<Vec<_>>());
        }
        frequencies
    }

    #[test]
    fn a_rare_word_in_common_counts_for_more_than_a_frequent_one() {
        let frequencies = frequencies();
        let highest = frequencies.highest_rarity();
        let overlap = |a: &str, b: &str| bag(a, &frequencies).overlap(&bag(b, &frequencies), highest, true);
        let rare = overlap("the sony", "a sony");
        let frequent = overlap("the sony", "the canon");
        assert!(rare.cosine > frequent.cosine);
        assert_eq!(rare.rarest_shared, 1.0);
        assert!(frequent.rarest_shared < 0.5);
        assert_eq!(frequent.rarest_unshared, 1.0);
        let same = overlap("the sony camera", "camera the sony");
        assert!((same.cosine - 1.0).abs() < 1e-6 && same.containment == 1.0 && same.rarest_unshared == 0.0);
    }

    #[test]
    fn a_misspelled_word_counts_in_part() {
        let frequencies = frequencies();
        let overlap = bag("sony camera", &frequencies).overlap(&bag("sony camrea", &frequencies), 1.0, true);
        assert!(overlap.soft_cosine > overlap.cosine + 0.2);
        assert!(overlap.best_words > 0.95);
    }

    #[test]
    fn initials_and_abbreviations_are_like_the_words_and_codes_are_not_like_each_other() {
        assert_eq!(word_similarity("d", "daphne"), 0.9);
        assert_eq!(word_similarity("conf", "conference"), 0.9);
        assert_eq!(word_similarity("w300", "w305"), 0.0);
        assert!(word_similarity("benjamin", "benjamn") > ALIKE);
        assert!(word_similarity("red", "blue") < ALIKE);
    }
}
