//! From a misspelled word to words that are near: by letters left out, and by how it sounds.
//!
//! Two words that are at most two edits apart have a form in common that is each of them with at most two letters left out
//! (symmetric deletion, as W. Garbe's `SymSpell` has it). Only the first letters of a word are taken, so that long words
//! have no more forms than short ones; the rest is compared when a word was found. A misspelling by ear may be further away,
//! and is found by its consonants.

use std::hash::{Hash, Hasher};

use rustc_hash::{FxHashSet, FxHasher};

/// Letters of a word that are left out.
const LEFT_OUT: usize = 2;
/// A form is not shorter than this: one letter is part of every word.
const SHORTEST: usize = 2;
/// Letters at the start that forms are made of.
const PREFIX: usize = 8;

/// The forms of the words of a dictionary.
#[derive(Debug, Default)]
pub(super) struct Index {
    /// Hash of a form and number of a word, in order.
    forms: Vec<(u32, u32)>,
}

fn hash(letters: &[char], salt: u8) -> u32 {
    let mut hasher = FxHasher::default();
    salt.hash(&mut hasher);
    letters.hash(&mut hasher);
    (hasher.finish() >> 32) as u32
}

/// The hashes of a word's forms.
fn forms(word: &str, into: &mut FxHashSet<u32>) {
    into.clear();
    let letters: Vec<char> = word.chars().take(PREFIX).collect();
    into.insert(hash(&sound(word), 1));
    let mut layer = vec![letters];
    for left_out in 0..=LEFT_OUT {
        let mut next = Vec::new();
        for form in layer {
            if into.insert(hash(&form, 0)) && left_out < LEFT_OUT && form.len() > SHORTEST {
                for at in 0..form.len() {
                    let mut shorter = form.clone();
                    shorter.remove(at);
                    next.push(shorter);
                }
            }
        }
        layer = next;
    }
}

/// How a word sounds, roughly: its first sound and its consonants, those that sound alike as one, doubles once.
fn sound(word: &str) -> Vec<char> {
    let word = word.to_lowercase();
    let word = ["ough", "augh", "igh"]
        .iter()
        .fold(word, |word, silent| word.replace(silent, "o"))
        .replace("ph", "f")
        .replace("wr", "r")
        .replace("kn", "n")
        .replace("sch", "sk")
        .replace("tion", "shn")
        .replace("sion", "shn")
        .replace("cian", "shn")
        .replace("ce", "se")
        .replace("ci", "si")
        .replace("cy", "sy")
        .replace("ge", "je")
        .replace("gi", "ji");
    let mut sounds: Vec<char> = Vec::new();
    for (at, letter) in word.chars().enumerate() {
        let sound = match letter {
            'a' | 'e' | 'i' | 'o' | 'u' | 'y' if at == 0 => Some('a'),
            'a' | 'e' | 'i' | 'o' | 'u' | 'y' | 'h' | 'w' => None,
            'c' | 'k' | 'q' | 'x' => Some('k'),
            's' | 'z' => Some('s'),
            'f' | 'v' => Some('f'),
            'd' | 't' => Some('t'),
            'm' | 'n' => Some('n'),
            letter if letter.is_alphabetic() => Some(letter),
            _ => None,
        };
        if let Some(sound) = sound.filter(|sound| sounds.last() != Some(sound)) {
            sounds.push(sound);
        }
    }
    sounds
}

impl Index {
    /// Indexes words by their number.
    pub(super) fn of<'a>(words: impl Iterator<Item = &'a str>) -> Self {
        let mut index = Self::default();
        let mut scratch = FxHashSet::default();
        for (number, word) in (0..).zip(words) {
            forms(word, &mut scratch);
            index.forms.extend(scratch.iter().map(|&form| (form, number)));
        }
        index.forms.sort_unstable();
        index
    }

    /// The numbers of words that may be near, in order. Some are not.
    pub(super) fn near(&self, word: &str) -> Vec<u32> {
        let mut scratch = FxHashSet::default();
        forms(word, &mut scratch);
        let mut near = Vec::new();
        for form in scratch {
            let start = self.forms.partition_point(|&(known, _)| known < form);
            let known = self.forms[start..].iter().take_while(|&&(known, _)| known == form);
            near.extend(known.map(|&(_, number)| number));
        }
        near.sort_unstable();
        near.dedup();
        near
    }
}
