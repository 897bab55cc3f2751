//! What a text says that an edit must not change.

use rustc_hash::FxHashSet;

/// Words that negate. Apostrophes are left out before they are compared.
const NEGATIONS: [&str; 42] = [
    "no", "not", "none", "never", "nothing", "nobody", "nowhere", "neither", "nor", "without", "cannot", "cant",
    "dont", "doesnt", "didnt", "isnt", "arent", "wasnt", "werent", "wont", "wouldnt", "shouldnt", "couldnt", "hasnt",
    "havent", "hadnt", "mustnt", "neednt", "aint", "kein", "keine", "nicht", "nie", "ohne", "pas", "jamais", "sans",
    "sin", "nunca", "non", "mai", "senza",
];

/// Words that say when something is so, whether it can or has to be, and how much of it is. Those of one line stand for one another
/// where grammar is mended.
const SENSES: [&[&str]; 20] = [
    &["is", "are", "am", "has", "have"],
    &["was", "were", "had", "did"],
    &["will", "shall"],
    &["can", "may"],
    &["could", "might", "would"],
    &["must", "should"],
    &["all", "every", "each"],
    &["some", "any"],
    &["few"],
    &["many", "much"],
    &["most"],
    &["more"],
    &["less", "fewer"],
    &["only"],
    &["always"],
    &["sometimes"],
    &["before"],
    &["after"],
    &["until"],
    &["if"],
];

/// Numbers, in the order in which they stand, without separators of thousands.
pub(super) fn numbers(text: &str) -> Vec<String> {
    let letters: Vec<char> = text.chars().collect();
    let mut numbers = Vec::new();
    let mut at = 0;
    while at < letters.len() {
        if !letters[at].is_numeric() {
            at += 1;
            continue;
        }
        let start = at;
        while at < letters.len()
            && (letters[at].is_numeric()
                || (matches!(letters[at], '.' | ',') && letters.get(at + 1).is_some_and(|next| next.is_numeric())))
        {
            at += 1;
        }
        let number: String = letters[start..at].iter().collect();
        numbers.push(without_thousands(&number));
    }
    numbers
}

/// `1,200.50` is `1200.50`: a separator before just three digits that is no decimal point by where it stands.
fn without_thousands(number: &str) -> String {
    let groups: Vec<&str> = number.split(',').collect();
    let last = groups
        .last()
        .map_or("", |last| last.split('.').next().unwrap_or_default());
    let grouped = groups.len() > 1
        && !groups[0].is_empty()
        && groups[0].len() <= 3
        && groups[1..groups.len() - 1].iter().all(|group| group.len() == 3)
        && last.len() == 3
        && !number.starts_with('0');
    if grouped { groups.concat() } else { number.to_owned() }
}

/// The words of a text in small letters.
pub(super) fn words(text: &str) -> FxHashSet<String> {
    let with_bare = |(_, word)| [word, without_owner(word)].map(str::to_lowercase);
    split(text).flat_map(with_bare).collect()
}

/// A word without the `'s` of an owner.
fn without_owner(word: &str) -> &str {
    word.strip_suffix("'s")
        .or_else(|| word.strip_suffix("\u{2019}s"))
        .unwrap_or(word)
}

/// Words with the place where they start.
fn split(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let words = text.split(|letter: char| !(letter.is_alphanumeric() || matches!(letter, '\'' | '\u{2019}')));
    words
        .map(|word| word.trim_matches(['\'', '\u{2019}']))
        .filter(|word| !word.is_empty())
        .map(|word| (word.as_ptr() as usize - text.as_ptr() as usize, word))
}

/// Words that are names as far as one can see: with a capital inside a sentence, in capitals, or with capitals inside.
/// Where all of a text is capitals none are.
pub(super) fn names(text: &str) -> Vec<String> {
    if !text.chars().any(char::is_lowercase) {
        return Vec::new();
    }
    let mut names = Vec::new();
    let mut seen: FxHashSet<&str> = FxHashSet::default();
    let is_name = |at: usize, word: &str| {
        let capitals = word.chars().filter(|letter| letter.is_uppercase()).count();
        let letters = word.chars().filter(|letter| letter.is_alphabetic()).count();
        let before = text[..at]
            .trim_end_matches(|letter: char| letter.is_whitespace() || "\"'([\u{201c}\u{2018}".contains(letter));
        let begins =
            before.is_empty() || before.ends_with(['.', '!', '?', ':', '\u{2026}']) || text[..at].ends_with('\n');
        // `I` is no name, and a word that begins a sentence may be any word.
        letters > 1 && (capitals > 1 || (capitals == 1 && !begins))
    };
    for (at, word) in split(text) {
        if is_name(at, word) && seen.insert(word) && word.chars().next().is_some_and(char::is_alphabetic) {
            let word = without_owner(word);
            if !is_negation(word) && !word.starts_with("I'") && !word.starts_with("I\u{2019}") {
                names.push(word.to_owned());
            }
        }
    }
    names
}

fn is_negation(word: &str) -> bool {
    let word: String = word.to_lowercase().chars().filter(char::is_ascii_alphabetic).collect();
    NEGATIONS.contains(&word.as_str())
}

/// How many words negate.
pub(super) fn count_negations(text: &str) -> usize {
    split(text).filter(|(_, word)| is_negation(word)).count()
}

/// Words of [`SENSES`] of which there are fewer than there were. More of them are no fault: a misspelt one is none before it is
/// mended.
pub(super) fn senses_gone(before: &str, after: &str) -> Vec<String> {
    let count = |text: &str, sense: &[&str]| {
        split(text)
            .filter(|(_, word)| sense.contains(&word.to_lowercase().as_str()))
            .count()
    };
    let gone = SENSES.iter().filter(|sense| count(before, sense) > count(after, sense));
    let first = |sense: &&[&str]| {
        let mut there = split(before).map(|(_, word)| word.to_lowercase());
        there.find(|word| sense.contains(&word.as_str()))
    };
    gone.filter_map(first).collect()
}

/// Addresses of mail and web, and handles.
pub(super) fn contacts(text: &str) -> Vec<String> {
    let ends = |letter: char| ".,;:!?)]}>\"'".contains(letter);
    text.split_whitespace()
        .map(|chunk| {
            chunk
                .trim_start_matches(['(', '[', '<', '"', '\''])
                .trim_end_matches(ends)
        })
        .filter(|chunk| {
            let mail = chunk.split_once('@').is_some_and(|(_, host)| !host.is_empty());
            chunk.contains("://") || chunk.starts_with("www.") || mail
        })
        .map(str::to_owned)
        .collect()
}
