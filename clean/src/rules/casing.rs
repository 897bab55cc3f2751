//! Capitals and small letters.

use std::ops::Range;

use crate::edit::Patch;

/// How letters are set. Words that mix capitals and small letters of themselves (`iPhone`, `McDonald`) and words with
/// digits (`MP3`) stay, but for `Lower` and `Upper`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Case {
    /// All letters small.
    Lower,
    /// All letters capitals.
    Upper,
    /// A capital at the start of each sentence. Where a text is all capitals the rest becomes small, but for acronyms;
    /// where it is not, the capitals that are there stay.
    #[default]
    Sentence,
    /// A capital at the start of each word, but that articles, conjunctions and short prepositions inside are small.
    Title,
}

/// Words that are small inside a title.
const SMALL: [&str; 30] = [
    "a", "an", "the", "and", "but", "or", "nor", "for", "so", "yet", "as", "at", "by", "in", "of", "off", "on", "per",
    "to", "up", "via", "vs", "with", "from", "into", "de", "la", "van", "von", "und",
];

/// Words that are written in capitals even where everything else was. Those that are words otherwise (`IT`, `US`) are not
/// among them.
const ACRONYMS: [&str; 33] = [
    "USA", "UK", "EU", "UN", "UAE", "NASA", "NATO", "FBI", "CIA", "CEO", "CFO", "CTO", "USB", "PDF", "HTML", "HTTP",
    "HTTPS", "URL", "API", "SQL", "TV", "DVD", "CD", "LCD", "GPS", "SMS", "FAQ", "DIY", "ID", "VAT", "IBM", "II",
    "III",
];

/// Words behind whose point a sentence goes on.
const ABBREVIATIONS: [&str; 25] = [
    "mr", "mrs", "ms", "dr", "prof", "st", "vs", "etc", "approx", "ca", "cf", "al", "inc", "ltd", "co", "corp", "dept",
    "usw", "bzw", "evtl", "ggf", "inkl", "incl", "str", "resp",
];

/// A word of a text.
struct Word<'a> {
    start: usize,
    text: &'a str,
    /// Whether it is a part of an address or a name of the web or of a file, which have no capitals.
    is_code: bool,
    /// Whether it begins a sentence.
    begins: bool,
    /// Whether it stands after a colon or a dash that ends a part of a title.
    parts: bool,
}

fn words(text: &str) -> Vec<Word<'_>> {
    let mut words: Vec<Word<'_>> = Vec::new();
    let mut begins = true;
    let mut parts = false;
    let mut start = None;
    let inside = |letter: char| letter.is_alphanumeric() || matches!(letter, '\'' | '\u{2019}');
    let mut end_of_sentence = false;
    let mut breaks = 0;
    let codes = codes(text);
    for (at, letter) in text.char_indices().chain([(text.len(), ' ')]) {
        if inside(letter) || (start.is_some() && is_mark_on_letter(letter)) {
            if start.is_none() && letter.is_alphanumeric() {
                start = Some(at);
            }
            // A point that letters or digits follow without a space ends nothing: 2.0.
            if letter.is_alphanumeric() {
                (end_of_sentence, breaks) = (false, 0);
            }
            continue;
        }
        if let Some(start) = start.take() {
            words.push(Word {
                start,
                text: text[start..at].trim_end_matches(['\'', '\u{2019}']),
                is_code: codes.iter().any(|code| code.contains(&start)),
                begins,
                parts,
            });
            (begins, parts) = (false, false);
        }
        match letter {
            '.' => end_of_sentence = ends_sentence(&text[..at]),
            '!' | '?' => end_of_sentence = true,
            // A line goes on where it breaks; behind an empty line something new begins.
            '\n' => {
                breaks += 1;
                begins |= end_of_sentence || breaks > 1;
                end_of_sentence = false;
            }
            ':' | '\u{2013}' | '\u{2014}' => parts = true,
            letter if letter.is_whitespace() && end_of_sentence => (begins, end_of_sentence) = (true, false),
            letter if letter.is_whitespace() => {}
            // Behind a quotation the sentence around it goes on: "Stop." he said.
            ')' | ']' => {}
            _ => end_of_sentence = false,
        }
    }
    words
}

/// Whether a point behind a text ends a sentence: not that of an abbreviation (`e.g.`, `Dr.`, `J.`), and not the last of
/// several, which leave a thought open.
fn ends_sentence(before: &str) -> bool {
    if before.ends_with('.') {
        return false;
    }
    let from = before.rfind(char::is_whitespace).unwrap_or(0);
    let chunk = before[from..].trim_start_matches(|letter: char| !letter.is_alphanumeric());
    let is_letter = |part: &str| part.chars().count() == 1 && part.chars().all(char::is_alphabetic);
    // "I" alone is a word.
    let letters = chunk.split('.').all(is_letter) && chunk != "I";
    !letters && !ABBREVIATIONS.contains(&chunk.to_lowercase().as_str())
}

/// Addresses of mail and web, and names of files: points or an `@` between letters without a space, `shop.com`.
fn codes(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    for chunk in text.split_whitespace() {
        let start = chunk.as_ptr() as usize - text.as_ptr() as usize;
        let inner = chunk.trim_matches(|letter: char| !letter.is_alphanumeric());
        let pieces: Vec<&str> = inner.split('.').collect();
        let host = pieces.len() > 1
            && pieces.iter().all(|piece| piece.starts_with(char::is_alphanumeric))
            && pieces.iter().any(|piece| piece.chars().count() > 1)
            && pieces[pieces.len() - 1].starts_with(char::is_alphabetic);
        let address = inner.contains("://") || inner.contains('@') || chunk.starts_with('@');
        if host || address {
            found.push(start..start + chunk.len());
        }
    }
    found
}

/// Combining accents belong to the letter before them.
fn is_mark_on_letter(letter: char) -> bool {
    matches!(letter, '\u{300}'..='\u{36f}')
}

/// Whether a letter is one of several with points behind them: `i.e.`
fn is_letter_of_abbreviation(text: &str, word: &Word<'_>) -> bool {
    let behind = &text[word.start + word.text.len()..];
    let goes_on = behind
        .strip_prefix('.')
        .is_some_and(|rest| rest.starts_with(char::is_alphabetic));
    goes_on || text[..word.start].ends_with('.')
}

fn capitalized(word: &str) -> String {
    let mut letters = word.chars();
    let Some(first) = letters.next() else {
        return String::new();
    };
    // The title form: `ǆ` has a capital of two letters of which one is small.
    let rest: String = letters.flat_map(char::to_lowercase).collect();
    let mut out: String = first.to_uppercase().collect();
    // `O'Neill` and `D'Angelo`, and not `I'm`.
    match rest.strip_prefix(['\'', '\u{2019}']) {
        Some(name) if name.chars().count() > 2 => {
            let apostrophe = rest.len() - name.len();
            out.push_str(&rest[..apostrophe]);
            let mut letters = name.chars();
            out.extend(letters.next().into_iter().flat_map(char::to_uppercase));
            out.push_str(letters.as_str());
        }
        _ => out.push_str(&rest),
    }
    out
}

fn is_acronym(word: &str) -> bool {
    let bare = word.trim_end_matches("'S").trim_end_matches("'s");
    let letters = bare.chars().filter(|letter| letter.is_alphabetic()).count();
    ACRONYMS.contains(&bare)
        || (letters > 1 && letters <= 5 && !bare.chars().any(|letter| "AEIOUYÄÖÜÉÈÀaeiouyäöüéèà".contains(letter)))
}

/// Whether a word has a capital elsewhere than at its start beside a small letter.
fn is_mixed(word: &str) -> bool {
    word.chars().any(char::is_lowercase) && word.chars().skip(1).any(char::is_uppercase)
}

impl Case {
    pub(super) fn patches(self, text: &str) -> Vec<Patch> {
        match self {
            Self::Lower | Self::Upper => words(text)
                .into_iter()
                .filter_map(|word| {
                    let set = if self == Self::Lower {
                        word.text.to_lowercase()
                    } else {
                        // A sharp s has no capital that everybody reads.
                        word.text.to_uppercase()
                    };
                    (set != word.text).then(|| Patch::new(word.start..word.start + word.text.len(), set))
                })
                .collect(),
            Self::Sentence | Self::Title => self.by_words(text),
        }
    }

    fn by_words(self, text: &str) -> Vec<Patch> {
        let words = words(text);
        let shouts =
            !text.chars().any(char::is_lowercase) && text.chars().filter(|letter| letter.is_uppercase()).count() > 1;
        let last = words.len().saturating_sub(1);
        let mut patches = Vec::new();
        for (number, word) in words.iter().enumerate() {
            let has_digit = word.text.chars().any(char::is_numeric);
            let capitals = word.text.chars().count() > 1 && !word.text.chars().any(char::is_lowercase);
            let stays = has_digit || is_mixed(word.text) || (capitals && (!shouts || is_acronym(word.text)));
            let lower = word.text.to_lowercase();
            if word.is_code {
                if shouts && word.text != lower {
                    patches.push(Patch::new(word.start..word.start + word.text.len(), lower));
                }
                continue;
            }
            let inner = number != 0 && number != last && !word.parts;
            let small = self == Self::Title && SMALL.contains(&lower.as_str()) && inner;
            if stays && !small {
                continue;
            }
            let set = match self {
                Self::Title if small => lower,
                Self::Title => capitalized(word.text),
                _ if word.begins => {
                    if shouts {
                        capitalized(word.text)
                    } else {
                        let mut letters = word.text.chars();
                        let first = letters.next();
                        first.into_iter().flat_map(char::to_uppercase).chain(letters).collect()
                    }
                }
                _ if (lower == "i" && !is_letter_of_abbreviation(text, word))
                    || lower.starts_with("i'")
                    || lower.starts_with("i\u{2019}") =>
                {
                    capitalized(word.text)
                }
                _ if shouts => lower,
                _ => continue,
            };
            if set != word.text {
                patches.push(Patch::new(word.start..word.start + word.text.len(), set));
            }
        }
        patches
    }
}
