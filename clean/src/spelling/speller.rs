//! The rule: which words of a text are misspelled, and what they become.

use std::sync::Arc;

use super::dictionary::Dictionary;
use crate::edit::Patch;

/// Corrects words that a dictionary does not have. Words that are written so elsewhere (`colour`), words with digits, words
/// that mix capitals and small letters, short words in capitals in a text that is not, addresses of mail and web, handles
/// and codes stay, and so do names unless told.
#[derive(Debug, Clone)]
pub struct Speller {
    /// The words.
    pub dictionary: Arc<Dictionary>,
    /// The least confidence that a correction has, from 0 to 1; 0.8 unless told.
    pub least_confidence: f32,
    /// Whether words with a capital inside a sentence are corrected too. They may be names; they are left alone unless told.
    pub names: bool,
}

/// Words shorter than this are too near to others.
const SHORTEST: usize = 3;
/// Words longer than this are none.
const LONGEST: usize = 40;
/// Of these shortest words only what is as plain as two letters in the wrong order is corrected.
const PLAIN: f32 = 0.75;
/// Words in capitals shorter than this are abbreviations, in a text that is not in capitals.
const ABBREVIATION: usize = 6;
/// The least confidence of a correction of what may be a name or an abbreviation.
const SURE: f32 = 0.95;
/// How sure it is that a word which may be a name is right, one that the dictionary lacks.
const NAME: f32 = 0.9;
/// How sure it is at most that another word is right which the dictionary lacks.
const UNKNOWN: f32 = 0.5;

impl Speller {
    /// What `least_confidence` is unless told.
    pub const LEAST_CONFIDENCE: f32 = 0.8;

    /// A speller with a dictionary and what holds unless told.
    pub fn new(dictionary: Arc<Dictionary>) -> Self {
        Self {
            dictionary,
            least_confidence: Self::LEAST_CONFIDENCE,
            names: false,
        }
    }

    pub(crate) fn patches(&self, text: &str) -> Vec<Patch> {
        if self.dictionary.is_empty() {
            return Vec::new();
        }
        let shouts = shouts(text);
        let mut patches = Vec::new();
        each_word(text, |at, word, begins| {
            if let Some((correct, _)) = self.correct(word, shouts, begins) {
                patches.push(Patch::new(at..at + word.len(), correct));
            }
        });
        patches
    }

    /// How sure it is that a text is right: of what was corrected, as sure as the corrections, and of the text that came of
    /// it, as sure as that its words are right which the dictionary lacks.
    pub(crate) fn confidence<'a>(&self, corrected: impl Iterator<Item = &'a str>, text: &str) -> f32 {
        let mut sure: f32 = 1.0;
        if self.dictionary.is_empty() {
            return sure;
        }
        for before in corrected {
            let mut found: f32 = self.least_confidence;
            let mut least: f32 = 1.0;
            for (_, word) in words(before) {
                let best = self.dictionary.suggest(word, 1).into_iter().next();
                if let Some(best) = best.filter(|best| best.confidence >= self.least_confidence) {
                    least = least.min(best.confidence);
                    found = least;
                }
            }
            sure = sure.min(found);
        }
        let shouts = shouts(text);
        each_word(text, |_, word, begins| {
            let stays = self.stays(word, shouts, begins);
            sure = sure.min(stays);
        });
        sure
    }

    /// How sure it is that a word which is left alone is right.
    fn stays(&self, word: &str, shouts: bool, begins: bool) -> f32 {
        if self.is_right(word) {
            return 1.0;
        }
        let best = self.dictionary.suggest(word, 1).into_iter().next();
        if best
            .as_ref()
            .is_some_and(|best| is_variant(&word.to_lowercase(), &best.word))
        {
            return 1.0;
        }
        let near = best.map_or(0.0, |best| best.confidence);
        let may_be_name =
            self.is_kept(word, shouts, begins) || is_capitals(word) || word.starts_with(char::is_uppercase);
        if may_be_name && near < UNKNOWN {
            NAME
        } else {
            UNKNOWN * (1.0 - near)
        }
    }

    /// Whether nothing is to be said of a word: it is too short or too long, or the dictionary has it, or its owner.
    fn is_right(&self, word: &str) -> bool {
        let bare = word.strip_suffix("'s").or_else(|| word.strip_suffix("\u{2019}s"));
        !(SHORTEST..=LONGEST).contains(&word.chars().count())
            || self.dictionary.contains(word)
            || bare.is_some_and(|bare| self.dictionary.contains(bare))
    }

    /// Whether a word is kept whatever is near to it, as a name or an abbreviation is.
    fn is_kept(&self, word: &str, shouts: bool, begins: bool) -> bool {
        let capitals = word.chars().filter(|letter| letter.is_uppercase()).count();
        let starts = word.starts_with(char::is_uppercase);
        let all = is_capitals(word);
        let abbreviation = all && !shouts && word.chars().count() < ABBREVIATION;
        let is_mixed = !all && capitals > usize::from(starts);
        abbreviation || is_mixed || (starts && !all && !begins && !self.names)
    }

    fn correct(&self, word: &str, shouts: bool, begins: bool) -> Option<(String, f32)> {
        if self.is_right(word) || self.is_kept(word, shouts, begins) {
            return None;
        }
        let best = self.dictionary.suggest(word, 1).into_iter().next()?;
        let too_short = word.chars().count() == SHORTEST && best.cost > PLAIN;
        let (starts, all) = (word.starts_with(char::is_uppercase), is_capitals(word));
        // A word that begins a sentence may be a name, unless it is as plain as two letters in the wrong order; one in
        // capitals may be an abbreviation.
        let may_be_other = (starts && !all && !(begins && best.cost <= PLAIN)) || (all && !shouts);
        let least = if may_be_other {
            self.least_confidence.max(SURE)
        } else {
            self.least_confidence
        };
        if best.confidence < least || too_short || is_variant(&word.to_lowercase(), &best.word) {
            return None;
        }
        let correct = if all {
            best.word.to_uppercase()
        } else if starts {
            let mut letters = best.word.chars();
            let first = letters.next();
            first.into_iter().flat_map(char::to_uppercase).chain(letters).collect()
        } else {
            best.word
        };
        Some((correct, best.confidence))
    }
}

fn shouts(text: &str) -> bool {
    !text.chars().any(char::is_lowercase)
}

fn is_capitals(word: &str) -> bool {
    let capitals = word.chars().filter(|letter| letter.is_uppercase()).count();
    capitals > 1 && !word.chars().any(char::is_lowercase)
}

/// The words of a text that are no codes, where each begins, and whether it begins a sentence.
fn each_word<'a>(text: &'a str, mut with: impl FnMut(usize, &'a str, bool)) {
    let mut begins = true;
    for (start, chunk) in chunks(text) {
        let begun = std::mem::replace(&mut begins, chunk.ends_with(['.', '!', '?', ':']));
        if is_code(chunk) {
            continue;
        }
        for (at, word) in words(chunk) {
            let at = start + at;
            with(at, word, begun && !text[start..at].chars().any(char::is_alphanumeric));
        }
    }
}

/// Parts that English writes one way here and another way there.
const VARIANTS: [(&str, &str); 14] = [
    ("or", "our"),
    ("er", "re"),
    ("ise", "ize"),
    ("isi", "izi"),
    ("isa", "iza"),
    ("yse", "yze"),
    ("ysi", "yzi"),
    ("e", "ae"),
    ("e", "oe"),
    ("og", "ogue"),
    ("ense", "ence"),
    ("ling", "lling"),
    ("led", "lled"),
    ("lment", "llment"),
];

/// Whether one word is another as it is written elsewhere.
fn is_variant(one: &str, other: &str) -> bool {
    let written = |word: &str, from: &str, to: &str, other: &str| {
        word.match_indices(from).any(|(at, _)| {
            let end = at + from.len();
            other.len() + from.len() == word.len() + to.len()
                && other.starts_with(&word[..at])
                && other[at..].starts_with(to)
                && other.ends_with(&word[end..])
        })
    };
    let either = |&(one_way, other_way): &(&str, &str)| {
        written(one, one_way, other_way, other) || written(one, other_way, one_way, other)
    };
    VARIANTS.iter().any(either)
}

/// What stands between white space.
fn chunks(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.split_whitespace()
        .map(|chunk| (chunk.as_ptr() as usize - text.as_ptr() as usize, chunk))
}

/// Whether a chunk is no words: an address, a handle, a path, a code.
fn is_code(chunk: &str) -> bool {
    let inside = chunk.trim_matches(|letter: char| !letter.is_alphanumeric());
    chunk.contains(['@', '#', '\\', '_', '=', '<', '>', '{', '}', '|', '~', '^', '$'])
        || chunk.contains("://")
        || inside.contains(|letter: char| letter.is_numeric())
        || inside.contains(['.', ':'])
        || chunk.starts_with('/')
}

/// The words of a chunk: letters, with apostrophes and accents inside.
fn words(chunk: &str) -> Vec<(usize, &str)> {
    let inside = |letter: char| letter.is_alphabetic() || matches!(letter, '\'' | '\u{2019}' | '\u{300}'..='\u{36f}');
    let mut words = Vec::new();
    let mut start = None;
    for (at, letter) in chunk.char_indices().chain([(chunk.len(), ' ')]) {
        match (start, inside(letter)) {
            (None, true) if letter.is_alphabetic() => start = Some(at),
            (Some(from), false) => {
                let word = chunk[from..at].trim_end_matches(['\'', '\u{2019}']);
                words.push((from, word));
                start = None;
            }
            _ => {}
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::is_variant;

    #[test]
    fn what_is_written_so_elsewhere_is_no_mistake() {
        for (one, other) in [
            ("color", "colour"),
            ("theatre", "theater"),
            ("realize", "realise"),
            ("labelled", "labeled"),
        ] {
            assert!(is_variant(one, other), "{one}");
        }
        assert!(!is_variant("realy", "really"));
        assert!(!is_variant("recieve", "receive"));
    }
}
