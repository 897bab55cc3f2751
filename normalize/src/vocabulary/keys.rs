//! The forms of a name: those under which it is found at once, and the pieces by which it is found where it is like.

use std::hash::{Hash, Hasher};
use std::sync::LazyLock;

use rustc_hash::{FxHashMap, FxHasher};

use crate::fold::{folded, joined_letters};
use crate::people::legal_form;

/// Words that are left out where the order of words doesn't count.
const SMALL: [&str; 28] = [
    "the", "of", "and", "for", "in", "at", "on", "to", "a", "an", "de", "del", "della", "di", "da", "do", "des", "du",
    "la", "le", "les", "el", "et", "und", "der", "die", "y", "e",
];

/// Words that are written in several ways or languages, and the one by which they are compared.
static ALIKE: LazyLock<FxHashMap<&'static str, &'static str>> = LazyLock::new(|| {
    include_str!("../../data/alike.txt")
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once(": "))
        .flat_map(|(word, forms)| forms.split(", ").map(move |form| (form, word)))
        .collect()
});

/// A name folded, with the letters of abbreviations joined.
pub(super) fn fold(name: &str) -> String {
    joined_letters(&folded(name))
}

/// The word by which a word is compared.
pub(super) fn alike(word: &str) -> &str {
    ALIKE.get(word).copied().unwrap_or(word)
}

/// Whether a word says little.
pub(super) fn is_small(word: &str) -> bool {
    SMALL.contains(&word)
}

/// What sort of form a key is; what is found under an earlier one is more alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Sort {
    /// As it was given, without the space around it.
    Written,
    /// Folded.
    Folded,
    /// Folded, without legal form and article.
    Core,
    /// The words in alphabetical order, without small ones.
    Words,
    /// The first letters of the words.
    Initials,
}

pub(super) fn hash(sort: Sort, text: &str) -> u64 {
    let mut hasher = FxHasher::default();
    (sort, text).hash(&mut hasher);
    hasher.finish()
}

/// The keys of a name of the vocabulary.
pub(super) fn keys(name: &str, folded: &str) -> Vec<(Sort, u64)> {
    let mut found = vec![
        (Sort::Written, hash(Sort::Written, name.trim())),
        (Sort::Folded, hash(Sort::Folded, folded)),
    ];
    found.extend(reduced(folded));
    let initials = initials(folded);
    if initials.chars().count() >= 3 {
        found.push((Sort::Initials, hash(Sort::Initials, &initials)));
    }
    found
}

/// The keys of a raw name; initials are only those that it is itself.
pub(super) fn raw_keys(raw: &str, folded: &str) -> Vec<(Sort, u64)> {
    let mut found = vec![
        (Sort::Written, hash(Sort::Written, raw.trim())),
        (Sort::Folded, hash(Sort::Folded, folded)),
    ];
    found.extend(reduced(folded));
    if (3..=8).contains(&folded.len()) && folded.bytes().all(|byte| byte.is_ascii_alphabetic()) {
        found.push((Sort::Initials, hash(Sort::Initials, folded)));
    }
    found
}

fn reduced(folded: &str) -> Vec<(Sort, u64)> {
    let core = core(folded);
    let mut words: Vec<&str> = core
        .split(' ')
        .map(alike)
        .filter(|word| !is_small(word) && !word.is_empty())
        .collect();
    words.sort_unstable();
    words.dedup();
    let mut found = vec![(Sort::Core, hash(Sort::Core, core))];
    if !words.is_empty() {
        found.push((Sort::Words, hash(Sort::Words, &words.join(" "))));
    }
    found
}

/// A folded name without its legal forms and without an article in front.
pub(super) fn core(folded: &str) -> &str {
    let mut name = folded;
    // "Foo Co. Ltd." has two.
    for _ in 0..2 {
        match legal_form(name) {
            Some((_, rest)) => name = rest,
            None => break,
        }
    }
    name.strip_prefix("the ")
        .filter(|rest| !rest.is_empty())
        .unwrap_or(name)
}

fn initials(folded: &str) -> String {
    core(folded)
        .split(' ')
        .filter(|word| !is_small(word))
        .filter_map(|word| word.chars().next())
        .collect()
}

/// The hash of a word as a feature.
pub(super) fn word_feature(word: &str) -> u64 {
    let mut hasher = FxHasher::default();
    (1_u8, word).hash(&mut hasher);
    hasher.finish()
}

/// The features of a folded name: its words, and the trigrams of each with a mark at both ends; of scripts that don't part
/// words, two letters are enough. No feature comes twice.
pub(super) fn features(folded: &str, found: &mut Vec<u64>) {
    found.clear();
    let mut letters: Vec<char> = Vec::new();
    for word in folded.split(' ').filter(|word| !word.is_empty()) {
        let word = alike(word);
        found.push(word_feature(word));
        letters.clear();
        letters.push('^');
        letters.extend(word.chars());
        letters.push('$');
        let size = if word.chars().any(|letter| u32::from(letter) >= 0x2E80) {
            2
        } else {
            3
        };
        for window in letters.windows(size) {
            let mut hasher = FxHasher::default();
            (2_u8, window).hash(&mut hasher);
            found.push(hasher.finish());
        }
    }
    found.sort_unstable();
    found.dedup();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_core_has_neither_article_nor_legal_form() {
        assert_eq!(core(&fold("The Acme Trading Co., Ltd.")), "acme trading");
        assert_eq!(core(&fold("Acme S.A. de C.V.")), "acme");
        assert_eq!(core("limited"), "limited");
        assert_eq!(initials(&fold("Institute of Exact Sciences")), "ies");
    }
}
