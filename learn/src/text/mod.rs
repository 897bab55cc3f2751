//! Terms of texts: words, pairs of words and pieces of words, weighed by how rare they are.
//!
//! An embedding says what a text is about and is blind for how it is written. Terms see that: the word that a question
//! begins with, a number of eleven digits, a currency sign.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use crate::features::TermRows;

/// Lengths of pieces of words, in characters.
const PIECES: std::ops::RangeInclusive<usize> = 3..=5;
/// Longest word whose pieces are read, in characters: longer ones are no words.
const LONGEST_WORD: usize = 40;
/// Stands before a text's first word, and before and after a word of which pieces are taken.
const BORDER: char = '\u{2}';

/// What terms a vocabulary takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TermOptions {
    /// Texts that a term must be in at least.
    pub minimum_texts: usize,
    /// Most terms; those in most texts are taken, and of equals the first by alphabet.
    pub most_terms: usize,
}

impl Default for TermOptions {
    fn default() -> Self {
        Self {
            minimum_texts: 2,
            most_terms: 8192,
        }
    }
}

/// Terms with their weights.
///
/// A term's value in a text is `(1 + ln f) (1 + ln((1 + n) / (1 + d)))` for `f` occurrences in it and `d` of `n` texts
/// that hold the term; values of words and of pieces are brought to a length of `sqrt(1/2)` each, so that a text has
/// length 1 (Salton and Buckley 1988, "Term-weighting approaches in automatic text retrieval").
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TermVocabulary {
    /// Terms in the order of their columns, with their inverse document frequency.
    terms: Vec<(String, f32)>,
    #[serde(skip)]
    columns: FxHashMap<String, u32>,
}

impl TermVocabulary {
    /// The vocabulary of texts.
    pub fn fit<T: AsRef<str>>(texts: &[T], options: &TermOptions) -> Self {
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for text in texts {
            for (term, _) in occurrences(text.as_ref()) {
                *counts.entry(term).or_default() += 1;
            }
        }
        let mut terms: Vec<(String, usize)> = counts
            .into_iter()
            .filter(|(_, count)| *count >= options.minimum_texts)
            .collect();
        terms.sort_by(|left, right| right.1.cmp(&left.1).then_with(|| left.0.cmp(&right.0)));
        terms.truncate(options.most_terms);
        terms.sort();
        let weigh = |count: usize| (1.0 + ((1 + texts.len()) as f64 / (1 + count) as f64).ln()) as f32;
        Self::from_terms(terms.into_iter().map(|(term, count)| (term, weigh(count))).collect())
    }

    fn from_terms(terms: Vec<(String, f32)>) -> Self {
        let columns = terms
            .iter()
            .enumerate()
            .map(|(column, (term, _))| (term.clone(), column as u32))
            .collect();
        Self { terms, columns }
    }

    /// Reads what [`TermVocabulary::to_json`] wrote.
    ///
    /// # Errors
    /// Where the text is something else.
    pub fn from_json(json: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str::<Self>(json).map(|read| Self::from_terms(read.terms))
    }

    /// The terms with their weights, as JSON.
    ///
    /// # Panics
    /// Never: text and numbers can always be written.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("text and numbers can be written")
    }

    /// Number of terms.
    pub fn len(&self) -> usize {
        self.terms.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// The term of a column.
    pub fn term(&self, column: usize) -> Option<&str> {
        self.terms.get(column).map(|(term, _)| term.as_str())
    }

    /// Values of the terms of texts, `[texts, terms]`.
    pub fn rows<T: AsRef<str>>(&self, texts: &[T]) -> TermRows {
        let mut rows = TermRows::new(self.terms.len());
        for text in texts {
            let mut families = [Vec::new(), Vec::new()];
            for (term, count) in occurrences(text.as_ref()) {
                if let Some(&column) = self.columns.get(&term) {
                    let value = (1.0 + (count as f32).ln()) * self.terms[column as usize].1;
                    families[usize::from(is_piece(&term))].push((column, value));
                }
            }
            let mut row: Vec<(u32, f32)> = families.into_iter().flat_map(halved).collect();
            row.sort_unstable_by_key(|(column, _)| *column);
            rows.push(row);
        }
        rows
    }
}

/// The values brought to a length of `sqrt(1/2)`.
fn halved(values: Vec<(u32, f32)>) -> Vec<(u32, f32)> {
    let length = values.iter().map(|(_, value)| value * value).sum::<f32>().sqrt();
    let scale = if length > 0.0 { 0.5f32.sqrt() / length } else { 0.0 };
    values
        .into_iter()
        .map(|(column, value)| (column, value * scale))
        .collect()
}

/// Pieces are marked by this in front, which no word has.
const PIECE: char = '\u{1}';

fn is_piece(term: &str) -> bool {
    term.starts_with(PIECE)
}

/// The terms of a text, each with how often it is in it.
fn occurrences(text: &str) -> BTreeMap<String, usize> {
    let mut found: BTreeMap<String, usize> = BTreeMap::new();
    let mut add = |term: String| *found.entry(term).or_default() += 1;
    let mut before = BORDER.to_string();
    for word in words(text) {
        add(format!("{before} {word}"));
        let bordered: Vec<char> = std::iter::once(BORDER)
            .chain(word.chars().take(LONGEST_WORD))
            .chain([BORDER])
            .collect();
        for length in PIECES {
            for piece in bordered.windows(length) {
                add(std::iter::once(PIECE).chain(piece.iter().copied()).collect());
            }
        }
        add(word.clone());
        before = word;
    }
    found
}

/// Words in lower case, and each other character that is no space by itself. Every digit counts as a 0: that there is a
/// number of four digits tells more than which.
fn words(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut open = false;
    for character in text.chars().flat_map(char::to_lowercase) {
        let character = if character.is_numeric() { '0' } else { character };
        if character.is_alphanumeric() || (open && character == '\'') {
            match words.last_mut().filter(|_| open) {
                Some(word) => word.push(character),
                None => words.push(character.to_string()),
            }
            open = true;
        } else {
            open = false;
            if !character.is_whitespace() && !character.is_control() {
                words.push(character.to_string());
            }
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn words_numbers_and_signs_are_told_apart() {
        assert_eq!(words("Who's won £1,000 ?"), ["who's", "won", "£", "0", ",", "000", "?"]);
    }

    #[test]
    fn a_rare_term_weighs_more_than_a_frequent_one() {
        let texts = ["what is it", "what is that", "what was that", "who was it"];
        let vocabulary = TermVocabulary::fit(&texts, &TermOptions::default());
        let rows = vocabulary.rows(&["what was"]);
        let weight = |wanted: &str| {
            rows.row(0)
                .find(|(column, _)| vocabulary.term(*column) == Some(wanted))
                .map(|(_, weight)| weight)
        };
        assert!(weight("was").unwrap() > weight("what").unwrap());
        assert!(weight("\u{2} what").is_some(), "the first word is known as that");
        assert_eq!(weight("that"), None);
    }

    proptest! {
        #[test]
        fn a_text_has_length_one_and_reading_back_changes_nothing(texts in proptest::collection::vec("[a-c ]{0,12}|\\PC{0,12}", 1..20)) {
            let options = TermOptions { minimum_texts: 1, most_terms: 500 };
            let vocabulary = TermVocabulary::fit(&texts, &options);
            let rows = vocabulary.rows(&texts);
            prop_assert_eq!(rows.rows(), texts.len());
            for row in 0..rows.rows() {
                let length: f32 = rows.row(row).map(|(_, weight)| weight * weight).sum();
                prop_assert!(length < 1.0 + 1e-4);
            }
            let read = TermVocabulary::from_json(&vocabulary.to_json()).unwrap();
            prop_assert_eq!(read.rows(&texts), rows);
        }
    }
}
