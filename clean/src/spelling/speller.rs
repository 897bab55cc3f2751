//! The rule: which words of a text are misspelled, and what they become.

use std::sync::Arc;

use super::dictionary::Dictionary;
use crate::edit::Patch;

/// Corrects words that a dictionary does not have. Words that are written so elsewhere (`colour`), words with digits, words that mix capitals and small letters, words in
/// capitals in a text that is not, addresses of mail and web, handles and codes stay, and so do names unless told.
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
        let shouts = !text.chars().any(char::is_lowercase);
        let mut patches = Vec::new();
        let mut begins = true;
        for (start, chunk) in chunks(text) {
            let begun = std::mem::replace(&mut begins, chunk.ends_with(['.', '!', '?', ':']));
            if is_code(chunk) {
                continue;
            }
            for (at, word) in words(chunk) {
                let at = start + at;
                let first_of_sentence = begun && !text[start..at].chars().any(char::is_alphanumeric);
                if let Some(correct) = self.correct(word, shouts, first_of_sentence) {
                    patches.push(Patch::new(at..at + word.len(), correct));
                }
            }
        }
        patches
    }

    fn correct(&self, word: &str, shouts: bool, first_of_sentence: bool) -> Option<String> {
        let length = word.chars().count();
        if !(SHORTEST..=LONGEST).contains(&length) || self.dictionary.contains(word) {
            return None;
        }
        let capitals = word.chars().filter(|letter| letter.is_uppercase()).count();
        let starts = word.starts_with(char::is_uppercase);
        let all = capitals > 1 && !word.chars().any(char::is_lowercase);
        let stays = (all && !shouts) || (!all && capitals > usize::from(starts));
        let name = starts && !all && !first_of_sentence && !self.names;
        if stays || name {
            return None;
        }
        // The owner of something, and a plural of it.
        let bare = word.strip_suffix("'s").or_else(|| word.strip_suffix("\u{2019}s"));
        if bare.is_some_and(|bare| self.dictionary.contains(bare)) {
            return None;
        }
        let best = self.dictionary.suggest(word, 1).into_iter().next()?;
        let too_short = length == SHORTEST && best.cost > PLAIN;
        // A word that begins a sentence may be a name.
        let least = if starts && !all {
            self.least_confidence.max(0.95)
        } else {
            self.least_confidence
        };
        if best.confidence < least || too_short || is_variant(&word.to_lowercase(), &best.word) {
            return None;
        }
        Some(if all {
            best.word.to_uppercase()
        } else if starts {
            let mut letters = best.word.chars();
            let first = letters.next();
            first.into_iter().flat_map(char::to_uppercase).chain(letters).collect()
        } else {
            best.word
        })
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
