//! A dictionary: words, how often they occur, and which ones are near.

use rustc_hash::FxHashMap;

use super::index::Index;
use super::misspelling::{Costs, MOST_LETTERS, letters};
use crate::{CleanError, Result};

/// What one unit of cost weighs against how often a word occurs, in natural logarithms.
const WEIGHT: f32 = 4.4;
/// How far the count of a word counts: more than this often is not more likely.
const COUNT_POWER: f32 = 0.55;
/// What a slip may cost in a word of eight letters or more before it is as likely that the word is right, one that the
/// dictionary lacks and that is as rare as its rarest tenth.
const STRANGER: f32 = 1.5;
/// The share of all words that one of two words has between which a space is left out: compounds are written as one word of
/// rarer ones.
const COMMON: f64 = 0.004;
/// What a space that is left out costs.
const SPACE: f32 = 0.9;
/// The dearest misspelling that is thought of.
const LIMIT: f32 = 3.6;

/// Words with their counts.
#[derive(Debug, Default)]
pub struct Dictionary {
    /// In small letters.
    words: Vec<Box<str>>,
    counts: Vec<u64>,
    letters: Vec<u32>,
    numbers: FxHashMap<Box<str>, u32>,
    /// The sum of counts.
    total: u64,
    /// The count that a tenth of the words don't reach.
    rare: u64,
    index: Index,
}

/// A word that may have been meant.
#[derive(Debug, Clone, PartialEq)]
pub struct Suggestion {
    /// The word, in small letters; two with a space between them where they were written as one.
    pub word: String,
    /// How likely it was meant, from 0 to 1, among the words of the dictionary and the word as it stands.
    pub confidence: f32,
    /// What the misspelling costs: about one for each slip.
    pub cost: f32,
}

impl Dictionary {
    /// A dictionary of words and how often each occurs. A word that comes twice has the sum.
    pub fn new(words: impl IntoIterator<Item = (impl AsRef<str>, u64)>) -> Self {
        let mut dictionary = Self::default();
        for (word, count) in words {
            let word = word.as_ref().to_lowercase();
            if word.is_empty() {
                continue;
            }
            if let Some(&number) = dictionary.numbers.get(word.as_str()) {
                let known = &mut dictionary.counts[number as usize];
                *known = known.saturating_add(count);
                continue;
            }
            let word: Box<str> = word.into();
            dictionary.letters.push(letters(&word));
            dictionary.numbers.insert(word.clone(), dictionary.words.len() as u32);
            dictionary.words.push(word);
            dictionary.counts.push(count);
        }
        dictionary.total = dictionary
            .counts
            .iter()
            .fold(0, |total, &count| total.saturating_add(count));
        let mut counts = dictionary.counts.clone();
        counts.sort_unstable();
        dictionary.rare = counts.get(counts.len() / 10).copied().unwrap_or_default();
        dictionary.index = Index::of(dictionary.words.iter().map(|word| &**word));
        dictionary
    }

    /// Reads a list of words, one a line, with its count after white space where it is known; 1 where it is not. Empty
    /// lines and lines that start with `#` are left out.
    ///
    /// # Errors
    /// [`CleanError::WordList`].
    pub fn parse(list: &str) -> Result<Self> {
        let mut words = Vec::new();
        for (at, line) in list.lines().enumerate() {
            let line = line.trim_start_matches('\u{feff}').trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let wrong = |message: String| CleanError::WordList { line: at + 1, message };
            let mut parts = line.split_whitespace();
            let word = parts.next().unwrap_or_default();
            let count = match parts.next() {
                None => 1,
                Some(count) => count.parse().map_err(|_| wrong(format!("\"{count}\" is no count")))?,
            };
            if let Some(more) = parts.next() {
                return Err(wrong(format!("\"{more}\" comes after the count")));
            }
            words.push((word, count));
        }
        Ok(Self::new(words))
    }

    /// Learns a dictionary from the texts of a column: words in letters alone that come in at least three texts, and not
    /// in much fewer than a word that they are a slip away from.
    pub fn learn<'a>(texts: impl IntoIterator<Item = &'a str>) -> Self {
        let mut counts: FxHashMap<String, u64> = FxHashMap::default();
        let mut of_text: Vec<String> = Vec::new();
        for text in texts {
            of_text.clear();
            let words = text.split(|letter: char| !(letter.is_alphabetic() || letter == '\'' || letter == '\u{2019}'));
            of_text.extend(words.filter(|word| word.chars().count() > 1).map(str::to_lowercase));
            of_text.sort_unstable();
            of_text.dedup();
            for word in of_text.drain(..) {
                *counts.entry(word).or_default() += 1;
            }
        }
        let mut words: Vec<(String, u64)> = counts.into_iter().filter(|&(_, count)| count >= 3).collect();
        words.sort_unstable();
        let all = Self::new(words.iter().map(|(word, count)| (word, *count)));
        let mut costs = Costs::default();
        words.retain(|(word, count)| {
            // A slip that many made is one still.
            let slips = |&number: &u32| {
                let known = number as usize;
                all.counts[known] >= count * 40
                    && word.chars().count() > 4
                    && costs.of(&all.words[known], word, 0.8).is_some_and(|cost| cost > 0.0)
            };
            !all.index.near(word).iter().any(slips)
        });
        Self::new(words)
    }

    /// The likeliest two words that were written as one, where they begin and end in it: their score, and where the second
    /// begins. A dictionary without counts has none.
    fn two_words(&self, word: &str) -> Option<(f32, usize)> {
        let score = |at: usize| {
            let (first, second) = (self.numbers.get(&word[..at])?, self.numbers.get(&word[at..])?);
            let count = |number: &u32| (self.counts[*number as usize] as f32 + 1.0).ln();
            let together = count(first) + count(second) - (self.total as f32 + 1.0).ln();
            let most = self.counts[*first as usize].max(self.counts[*second as usize]);
            let is_common = most as f64 >= COMMON * self.total as f64;
            (is_common && together > 0.0).then_some((COUNT_POWER * together - WEIGHT * SPACE, at))
        };
        let places = word.char_indices().map(|(at, _)| at).filter(|&at| at > 0);
        places.filter_map(score).max_by(|one, other| one.0.total_cmp(&other.0))
    }

    /// How many words there are.
    pub fn len(&self) -> usize {
        self.words.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// Whether a word is there, whatever its capitals.
    pub fn contains(&self, word: &str) -> bool {
        self.numbers.contains_key(word.to_lowercase().as_str())
    }

    /// The words that a misspelled one may have been, the likeliest first, `limit` at most. Empty where the word is one
    /// of the dictionary.
    ///
    /// The noisy channel model (Kernighan, Church and Gale 1990): how often a word occurs, times how likely it is written
    /// like that.
    pub fn suggest(&self, word: &str, limit: usize) -> Vec<Suggestion> {
        let word = word.to_lowercase();
        if self.numbers.contains_key(word.as_str()) {
            return Vec::new();
        }
        let mut costs = Costs::default();
        let mut found: Vec<(f32, f32, u32)> = Vec::new();
        let own = letters(&word);
        for number in self.index.near(&word) {
            if (self.letters[number as usize] ^ own).count_ones() > MOST_LETTERS {
                continue;
            }
            if let Some(cost) = costs.of(&self.words[number as usize], &word, LIMIT) {
                let count = self.counts[number as usize] as f32 + 1.0;
                found.push((COUNT_POWER * count.ln() - WEIGHT * cost, cost, number));
            }
        }
        let two = self.two_words(&word);
        found.extend(two.map(|(score, _)| (score, SPACE, u32::MAX)));
        found.sort_by(|one, other| other.0.total_cmp(&one.0).then(one.2.cmp(&other.2)));
        let Some(&(best, ..)) = found.first() else {
            return Vec::new();
        };
        // The word as it stands takes part.
        let stands =
            COUNT_POWER * (self.rare as f32 + 1.0).ln() - WEIGHT * STRANGER * word.chars().count().min(8) as f32 / 8.0;
        let all: f32 = found.iter().map(|(score, ..)| (score - best).exp()).sum::<f32>() + (stands - best).exp();
        let suggestions = found.into_iter().take(limit).map(|(score, cost, number)| Suggestion {
            word: match two {
                Some((_, at)) if number == u32::MAX => format!("{} {}", &word[..at], &word[at..]),
                _ => self.words[number as usize].to_string(),
            },
            confidence: (score - best).exp() / all,
            cost,
        });
        suggestions.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::Dictionary;

    #[test]
    fn the_likeliest_word_comes_first() {
        let dictionary = Dictionary::parse("# common\nreceive 500\nrelieve 50\nrecipe 400\nthe 90000\n").unwrap();
        let best = &dictionary.suggest("recieve", 3)[0];
        assert_eq!(best.word, "receive");
        assert!(best.confidence > 0.8, "{best:?}");
        assert!(dictionary.suggest("receive", 3).is_empty());
        assert!(dictionary.suggest("xylophonist", 3).is_empty());
    }

    #[test]
    fn two_words_are_told_apart() {
        let dictionary = Dictionary::parse("a 900000\nlot 50000\nalloy 3\nthe 1000000\nof 800000\n").unwrap();
        assert_eq!(dictionary.suggest("alot", 1)[0].word, "a lot");
        assert_eq!(dictionary.suggest("ofthe", 1)[0].word, "of the");
    }

    #[test]
    fn a_list_that_is_none_says_where() {
        let error = Dictionary::parse("one 1\ntwo two\n").unwrap_err();
        assert_eq!(error.to_string(), "line 2 of the word list: \"two\" is no count");
    }

    #[test]
    fn a_column_teaches_its_own_words() {
        let texts = ["stainless steel pan"; 50].into_iter().chain(["stainles steel pan"; 1]);
        let dictionary = Dictionary::learn(texts);
        assert!(dictionary.contains("stainless"));
        assert_eq!(dictionary.suggest("stainles", 1)[0].word, "stainless");
    }
}
