//! What a tagger reads of a text: its tokens, and terms of each token and of what stands beside it.

use std::ops::Range;

use unicode_normalization::UnicodeNormalization;

use super::pieces::pieces;

/// Most tokens of another column that are terms of a text: longer ones are no categories.
const FEW: usize = 4;
/// Tokens to each side whose words are terms.
const BESIDE: isize = 2;
/// Longest beginnings and ends of words, in characters.
const AFFIX: usize = 3;

/// A part of a text: of one that is made of several columns, the value of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TextPart<'a> {
    /// The column.
    pub column: &'a str,
    /// Its value.
    pub text: &'a str,
    /// Where it begins in the whole text, in bytes.
    pub start: usize,
}

/// The tokens of a text with their terms.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sentence {
    /// Where each token stands in the whole text, in bytes.
    pub tokens: Vec<Range<usize>>,
    /// Of each token, hashes of its terms.
    pub(super) terms: Vec<Vec<u64>>,
    /// Where parts begin, in tokens: no value reaches over it.
    borders: Vec<usize>,
}

impl Sentence {
    /// Reads the parts of a text.
    pub fn read(parts: &[TextPart<'_>]) -> Self {
        let cut: Vec<Vec<Range<usize>>> = parts.iter().map(|part| tokens_of(part.text)).collect();
        let mut sentence = Self::default();
        for (at, (part, tokens)) in parts.iter().zip(&cut).enumerate() {
            let others = parts.iter().zip(&cut).enumerate().filter(|(other, _)| *other != at);
            let categories: Vec<String> = others
                .filter(|(_, (_, tokens))| tokens.len() <= FEW)
                .flat_map(|(_, (other, tokens))| {
                    let word = |token: &Range<usize>| format!("{}~{}", other.column, lower(&other.text[token.clone()]));
                    tokens.iter().map(word)
                })
                .collect();
            sentence.borders.push(sentence.tokens.len());
            let words: Vec<&str> = tokens.iter().map(|token| &part.text[token.clone()]).collect();
            for token in 0..tokens.len() {
                let mut terms = Terms::default();
                terms.of_column(part.column, &categories, tokens.len());
                terms.of_token(&words, tokens, token);
                sentence.terms.push(terms.found);
            }
            let moved = tokens
                .iter()
                .map(|token| token.start + part.start..token.end + part.start);
            sentence.tokens.extend(moved);
        }
        sentence
    }

    /// Every place where a value stands, from token to token: its tokens are whole, and white space may differ.
    pub fn places(&self, text: &str, value: &str) -> Vec<Range<usize>> {
        let wanted: Vec<&str> = tokens_of(value).into_iter().map(|token| &value[token]).collect();
        if wanted.is_empty() {
            return Vec::new();
        }
        let found = self.tokens.windows(wanted.len()).enumerate().filter(|(_, window)| {
            let mut same = window.iter().zip(&wanted);
            same.all(|(token, wanted)| text.get(token.clone()).is_some_and(|own| is_same(own, wanted)))
        });
        found
            .map(|(start, _)| start..start + wanted.len())
            .filter(|place| self.is_in_one_part(place))
            .collect()
    }

    /// Every place of at most `most` tokens, from token to token, whose text is what `is_wanted` says, and that is within no
    /// other such place.
    pub fn places_of(&self, text: &str, most: usize, is_wanted: impl Fn(&str) -> bool) -> Vec<Range<usize>> {
        let mut places = Vec::new();
        for start in 0..self.tokens.len() {
            for end in start + 1..=self.tokens.len().min(start + most) {
                let place = self.tokens[start].start..self.tokens[end - 1].end;
                if self.is_in_one_part(&(start..end)) && text.get(place).is_some_and(&is_wanted) {
                    places.push(start..end);
                }
            }
        }
        let is_within =
            |one: &Range<usize>, other: &Range<usize>| one != other && other.start <= one.start && one.end <= other.end;
        let whole = places
            .iter()
            .filter(|one| !places.iter().any(|other| is_within(one, other)));
        whole.cloned().collect()
    }

    fn is_in_one_part(&self, place: &Range<usize>) -> bool {
        let mut borders = self.borders.iter();
        !borders.any(|border| place.start < *border && *border < place.end)
    }
}

/// The pieces of a text that are no white space.
fn tokens_of(text: &str) -> Vec<Range<usize>> {
    let mut at = 0;
    let ranges = pieces(text).into_iter().map(|piece| {
        at += piece.len();
        at - piece.len()..at
    });
    ranges.filter(|range| !text[range.clone()].trim().is_empty()).collect()
}

/// Whether two words are the same in composed form (Unicode Standard Annex 15).
fn is_same(one: &str, other: &str) -> bool {
    one == other || (!(one.is_ascii() && other.is_ascii()) && one.nfc().eq(other.nfc()))
}

fn lower(word: &str) -> String {
    word.to_lowercase()
}

/// The form of a word: `Xx` for `Molly`, `dd` for `12`, with a third of a kind and more left out.
fn shape(word: &str) -> String {
    let mut shape = String::new();
    for letter in word.chars() {
        let class = match letter {
            _ if letter.is_uppercase() => 'X',
            _ if letter.is_alphabetic() => 'x',
            _ if letter.is_numeric() => 'd',
            other => other,
        };
        if !shape.ends_with(&format!("{class}{class}")) {
            shape.push(class);
        }
    }
    shape
}

#[derive(Default)]
struct Terms {
    found: Vec<u64>,
}

impl Terms {
    fn add(&mut self, name: &str, of: &str) {
        let mut hasher = blake3::Hasher::new();
        hasher.update(name.as_bytes());
        hasher.update(b"=");
        hasher.update(of.as_bytes());
        let mut first = [0; 8];
        first.copy_from_slice(&hasher.finalize().as_bytes()[..8]);
        self.found.push(u64::from_le_bytes(first));
    }

    fn of_column(&mut self, column: &str, categories: &[String], tokens: usize) {
        self.add("column", column);
        for category in categories {
            self.add("with", category);
            // A short text is likely to be just what was asked for.
            if tokens <= FEW {
                self.add("short with", category);
            }
        }
    }

    fn of_token(&mut self, words: &[&str], tokens: &[Range<usize>], token: usize) {
        let word = lower(words[token]);
        for beside in -BESIDE..=BESIDE {
            let Some(other) = token.checked_add_signed(beside) else {
                self.add(&format!("word {beside}"), "");
                continue;
            };
            let Some(other) = words.get(other) else {
                self.add(&format!("word {beside}"), "");
                continue;
            };
            self.add(&format!("word {beside}"), &lower(other));
            if beside.abs() <= 1 {
                self.add(&format!("shape {beside}"), &shape(other));
                if other.chars().all(char::is_numeric) {
                    self.add(&format!("digits {beside}"), &other.chars().count().to_string());
                }
            }
        }
        let letters: Vec<char> = word.chars().collect();
        for length in 1..=AFFIX.min(letters.len().saturating_sub(1)) {
            self.add("begins", &letters[..length].iter().collect::<String>());
            self.add("ends", &letters[letters.len() - length..].iter().collect::<String>());
        }
        if let Some(before) = token.checked_sub(1) {
            self.add("behind", &format!("{} {word}", lower(words[before])));
            if tokens[before].end == tokens[token].start {
                self.add("joined", "before");
            }
        }
        if let Some(after) = words.get(token + 1) {
            self.add("before", &format!("{word} {}", lower(after)));
            if tokens[token + 1].start == tokens[token].end {
                self.add("joined", "behind");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sentence(text: &str) -> Sentence {
        Sentence::read(&[TextPart {
            column: "text",
            text,
            start: 0,
        }])
    }

    #[test]
    fn a_value_is_found_by_its_tokens_wherever_it_stands() {
        let text = "2 of us at 2, at 12:30 or 12:30AM";
        let sentence = sentence(text);
        assert_eq!(sentence.places(text, "2"), [0..1, 4..5]);
        assert_eq!(sentence.places(text, " 12:30 ").len(), 2);
        assert!(sentence.places(text, "12:3").is_empty(), "tokens are whole");
        assert!(sentence.places(text, "").is_empty());
        assert_eq!(
            self::sentence("Jose\u{301} e").places("Jose\u{301} e", "José").len(),
            1,
            "composed or not"
        );
        let hours = sentence.places_of(text, 3, |piece| piece == "12:30");
        assert_eq!(hours, sentence.places(text, "12:30"));
    }

    #[test]
    fn parts_keep_their_places_and_values_stay_within_them() {
        let whole = "asked: name\ntext: Ann Lee";
        let part = |column, text, start| TextPart { column, text, start };
        let sentence = Sentence::read(&[part("asked", "name", 7), part("text", "Ann Lee", 18)]);
        let words: Vec<&str> = sentence.tokens.iter().map(|token| &whole[token.clone()]).collect();
        assert_eq!(words, ["name", "Ann", "Lee"]);
        assert_eq!(sentence.places(whole, "Ann Lee").first(), Some(&(1..3)));
        assert!(sentence.places(whole, "name Ann").is_empty());
        let mut with = Terms::default();
        with.add("with", "asked~name");
        assert!(sentence.terms[1].contains(&with.found[0]) && !sentence.terms[0].contains(&with.found[0]));
    }

    #[test]
    fn shapes_say_how_a_word_is_written() {
        assert_eq!(
            ["Molly", "12", "10000", "iPhone", "Ärzte", "-"].map(shape),
            ["Xxx", "dd", "dd", "xXxx", "Xxx", "-"]
        );
    }
}
