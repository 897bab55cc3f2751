//! Words, codes, numbers and quantities of a text.

use super::quantity::{Quantity, unit};

/// How many words of a text are read. What tells two records apart stands near their beginning, and the time and memory
/// of a comparison stay bounded.
const WORD_LIMIT: usize = 256;

/// What a text consists of.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Tokens {
    /// Words in order. A code is one word without its punctuation (`dsc-w300` is `dscw300`), and a quantity is one with the
    /// symbol of its unit (`120 gigabytes` is `120gb`).
    pub(crate) words: Vec<String>,
    /// Those of the words that look like a model, part or serial number.
    pub(crate) codes: Vec<String>,
    /// Numbers with a unit.
    pub(crate) quantities: Vec<Quantity>,
    /// Numbers without one.
    pub(crate) numbers: Vec<f64>,
}

/// Takes a text apart that [`normalize`](super::normalize) has been over.
pub(crate) fn tokenize(normalized: &str) -> Tokens {
    let mut tokens = Tokens::default();
    let mut chunks = normalized
        .split([' ', '/', ',', ';', '|', '(', ')', '[', ']', '&'])
        .peekable();
    while let Some(chunk) = chunks.next() {
        if tokens.words.len() >= WORD_LIMIT {
            break;
        }
        let chunk = chunk.trim_matches(|c: char| !c.is_alphanumeric() && !matches!(c, '"' | '\'' | '%' | '.'));
        let chunk = chunk.trim_end_matches('.');
        let chunk = trim_point(chunk);
        if chunk.is_empty() {
            continue;
        }
        if let Some((number, rest)) = leading_number(chunk) {
            let attached = rest.trim_start_matches('-');
            if attached.is_empty() {
                let next = chunks.peek().map_or("", |next| next.trim_end_matches(['.', ':']));
                if tokens.quantity(number, next, false) {
                    chunks.next();
                } else {
                    tokens.number(chunk, number);
                }
                continue;
            }
            if tokens.quantity(number, attached.trim_end_matches('.'), true) {
                continue;
            }
        }
        tokens.chunk(chunk);
    }
    tokens
}

/// A point in front belongs to a number (`.5`) and to nothing else.
fn trim_point(chunk: &str) -> &str {
    match chunk.strip_prefix('.') {
        Some(rest) if !rest.starts_with(|c: char| c.is_ascii_digit()) => rest.trim_start_matches('.'),
        _ => chunk,
    }
}

/// The number that a chunk begins with, and what follows it.
fn leading_number(chunk: &str) -> Option<(f64, &str)> {
    let mut end = 0;
    let mut point = false;
    for (index, byte) in chunk.bytes().enumerate() {
        match byte {
            b'0'..=b'9' => end = index + 1,
            b'.' if !point && chunk.as_bytes().get(index + 1).is_some_and(u8::is_ascii_digit) => point = true,
            _ => break,
        }
    }
    if end == 0 || end > 15 {
        return None;
    }
    Some((chunk[..end].parse().ok()?, &chunk[end..]))
}

impl Tokens {
    fn quantity(&mut self, number: f64, name: &str, attached: bool) -> bool {
        let Some(unit) = unit(name, attached) else {
            return false;
        };
        self.words.push(format!("{number}{}", unit.symbol));
        self.quantities.push(Quantity {
            dimension: unit.dimension,
            value: number * unit.factor,
        });
        true
    }

    /// A number alone. One of five digits or more without a point is not counted with: it is a code.
    fn number(&mut self, chunk: &str, number: f64) {
        let digits = chunk.trim_end_matches('-');
        let long = digits.len() >= 5 && !digits.contains('.');
        if long {
            self.codes.push(digits.to_owned());
            self.words.push(digits.to_owned());
        } else {
            self.numbers.push(number);
            self.words.push(format!("{number}"));
        }
    }

    /// Whatever is no number: a code, or words with punctuation between them.
    fn chunk(&mut self, chunk: &str) {
        let letters = chunk.chars().any(char::is_alphabetic);
        let digits = chunk.chars().filter(char::is_ascii_digit).count();
        let length = chunk.chars().filter(|c| c.is_alphanumeric()).count();
        let parts = chunk.split(|c: char| !c.is_alphanumeric() && c != '\'');
        if digits > 0 && length <= 32 && !chunk.contains(['@', ':']) {
            let phrase = letters
                && parts
                    .clone()
                    .filter(|part| part.chars().all(char::is_alphabetic))
                    .any(|p| p.len() > 5);
            // `18-55mm` is quantities that a hyphen joins, and `4-port` is two words.
            let joined = chunk.contains('-') && parts.clone().all(plain_or_quantity);
            let adjective = leading_number(chunk)
                .and_then(|(_, rest)| rest.strip_prefix('-'))
                .is_some_and(|rest| rest.len() > 2 && rest.chars().all(char::is_alphabetic));
            let words = adjective || phrase || (joined && letters);
            if !words && (letters || length >= 5) {
                let compact: String = chunk.chars().filter(|c| c.is_alphanumeric()).collect();
                if length >= 4 || (length >= 3 && chunk.contains('-')) {
                    self.codes.push(compact.clone());
                }
                self.words.push(compact);
                return;
            }
        }
        for part in parts {
            match leading_number(part) {
                Some((number, "")) => self.number(part, number),
                Some((number, rest)) if self.quantity(number, rest, true) => {}
                _ => self.word(part),
            }
        }
    }

    /// A word without its apostrophes; scripts that write no spaces give one word a character.
    fn word(&mut self, part: &str) {
        let mut word = String::with_capacity(part.len());
        for c in part.chars().filter(|c| *c != '\'') {
            if unspaced(c) {
                self.push(std::mem::take(&mut word));
                self.push(c.to_string());
            } else {
                word.push(c);
            }
        }
        self.push(word);
    }

    fn push(&mut self, word: String) {
        if !word.is_empty() && self.words.len() < WORD_LIMIT {
            self.words.push(word);
        }
    }
}

/// Whether a part of a hyphenated chunk is a number, a number with its unit, or a unit.
fn plain_or_quantity(part: &str) -> bool {
    match leading_number(part) {
        Some((_, rest)) => rest.is_empty() || unit(rest, true).is_some(),
        None => unit(part, false).is_some(),
    }
}

/// Scripts without spaces between words: Han, kana, Thai, Lao, Khmer.
fn unspaced(c: char) -> bool {
    matches!(u32::from(c), 0x3400..=0x9fff | 0x3040..=0x30ff | 0x0e00..=0x0eff | 0x1780..=0x17ff | 0x2_0000..=0x3_ffff)
}

#[cfg(test)]
mod tests {
    use super::super::Dimension;
    use super::super::normalize;
    use super::*;
    use proptest::prelude::*;

    fn words(text: &str) -> Vec<String> {
        tokenize(&normalize(text)).words
    }

    fn codes(text: &str) -> Vec<String> {
        tokenize(&normalize(text)).codes
    }

    #[test]
    fn codes_are_words_of_their_own() {
        assert_eq!(
            words("Sony Cyber-shot DSC-W300 camera"),
            ["sony", "cyber", "shot", "dscw300", "camera"]
        );
        assert_eq!(codes("Sony Cyber-shot DSC-W300 camera"), ["dscw300"]);
        assert_eq!(codes("ink 4548B001, UPC 012345678905"), ["4548b001", "012345678905"]);
        assert_eq!(codes("wireless-n router 4-port red"), [""; 0]);
    }

    #[test]
    fn a_quantity_is_one_word_however_it_is_written() {
        for text in ["120GB", "120 gb", "120 gigabytes", "120-gb"] {
            assert_eq!(words(text), ["120gb"], "{text}");
            assert_eq!(codes(text), [""; 0], "{text}");
        }
        let tokens = tokenize("2.5-inch 3.5\" 12x");
        assert_eq!(tokens.words, ["2.5in", "3.5in", "12x"]);
        assert_eq!(tokens.quantities[2].dimension, Dimension::Multiplier);
        assert_eq!(words("18-55mm lens"), ["18", "55mm", "lens"]);
    }

    #[test]
    fn numbers_without_a_unit_are_counted_apart() {
        let tokens = tokenize("hp 27 black .5 4.0 98765");
        assert_eq!(tokens.numbers, [27.0, 0.5, 4.0]);
        assert_eq!(tokens.codes, ["98765"]);
        assert_eq!(tokens.words, ["hp", "27", "black", "0.5", "4", "98765"]);
    }

    #[test]
    fn punctuation_and_scripts_without_spaces() {
        assert_eq!(words("Men's T.V. (large)"), ["mens", "t", "v", "large"]);
        assert_eq!(words("東京 tower"), ["東", "京", "tower"]);
        assert_eq!(words(" -- ... '"), [""; 0]);
    }

    proptest! {
        #[test]
        fn no_text_breaks_it_and_words_are_never_empty(text in "\\PC{0,60}") {
            let tokens = tokenize(&normalize(&text));
            prop_assert!(tokens.words.iter().all(|word| !word.is_empty()));
            prop_assert!(tokens.codes.iter().all(|code| tokens.words.contains(code)));
        }
    }
}
