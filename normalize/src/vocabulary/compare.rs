//! How alike two names are, word by word.

use super::keys::{alike, is_small};

/// A word with its weight: the rarer it is in the vocabulary, the more it says.
#[derive(Debug, Clone)]
pub(super) struct Word {
    pub(super) text: String,
    pub(super) weight: f32,
}

/// The words of a folded name, weighed.
pub(super) fn words(folded: &str, weight: impl Fn(&str) -> f32) -> Vec<Word> {
    folded
        .split(' ')
        .filter(|word| !word.is_empty())
        .map(|word| {
            let text = alike(word).to_owned();
            let weight = weight(&text) * if is_small(&text) { 0.2 } else { 1.0 };
            Word { text, weight }
        })
        .collect()
}

/// How alike two words are; 0 where they are not.
fn similarity(one: &str, other: &str) -> f32 {
    if one == other {
        return 1.0;
    }
    let (short, long) = if one.len() < other.len() {
        (one, other)
    } else {
        (other, one)
    };
    // A number is another number.
    if short.bytes().any(|byte| byte.is_ascii_digit()) {
        return 0.0;
    }
    // An abbreviation or an inflection.
    if short.len() >= 3 && long.starts_with(short) {
        return 0.8 + 0.2 * short.len() as f32 / long.len() as f32;
    }
    let (letters, others) = (short.chars().count(), long.chars().count());
    if others.abs_diff(letters) > 3 || letters.min(others) < 3 {
        return 0.0;
    }
    let edits = strsim::damerau_levenshtein(short, long) as f32;
    let ratio = 1.0 - edits / others.max(letters) as f32;
    // Two edits in a short word make it another word.
    if ratio >= 0.72 { ratio * ratio.sqrt() } else { 0.0 }
}

/// Shares of the weight of two names that the other one has: of the first, of the second.
pub(super) fn coverage(one: &[Word], other: &[Word]) -> (f32, f32) {
    let mut pairs: Vec<(f32, usize, usize)> = Vec::new();
    for (left, word) in one.iter().enumerate() {
        for (right, match_) in other.iter().enumerate() {
            let similarity = similarity(&word.text, &match_.text);
            if similarity > 0.0 {
                pairs.push((similarity, left, right));
            }
        }
    }
    // The most alike are paired first, and each word once.
    pairs.sort_by(|left, right| right.0.total_cmp(&left.0));
    let (mut used, mut taken) = (vec![false; one.len()], vec![false; other.len()]);
    let (mut first, mut second) = (0.0, 0.0);
    for (similarity, left, right) in pairs {
        if used[left] || taken[right] {
            continue;
        }
        (used[left], taken[right]) = (true, true);
        // A rare word that is misspelt has no weight of its own: it has that of the word that it is.
        let (weight, of) = (one[left].weight, other[right].weight);
        first += similarity
            * if similarity < 1.0 {
                weight.min(of).max(weight * 0.9)
            } else {
                weight
            };
        second += similarity * of;
    }
    let total = |words: &[Word]| words.iter().map(|word| word.weight).sum::<f32>().max(f32::EPSILON);
    ((first / total(one)).min(1.0), (second / total(other)).min(1.0))
}

/// A score from 0 to below that of what is found at once, out of both shares and of the letters.
pub(super) fn score(raw: &str, name: &str, (of_raw, of_name): (f32, f32)) -> f32 {
    let both = 2.0 * of_raw * of_name / (of_raw + of_name).max(f32::EPSILON);
    // All of a name in a longer text, such as an affiliation with its department, is more than half of each.
    let within = if name.contains(' ') && has_words(raw, name) {
        0.72 + 0.23 * of_raw
    } else if of_name > 0.97 && name.contains(' ') {
        0.5 + 0.4 * of_raw
    } else {
        0.0
    };
    let around = if raw.contains(' ') && has_words(name, raw) {
        0.68 + 0.25 * of_name
    } else if of_raw > 0.97 && raw.contains(' ') {
        0.45 + 0.4 * of_name
    } else {
        0.0
    };
    let words = both.max(within).max(around);
    let letters = strsim::normalized_damerau_levenshtein(raw, name) as f32;
    (0.8 * words + 0.2 * letters.max(words * 0.75)).min(0.95)
}

/// Whether the words of one name follow each other in a longer one.
fn has_words(long: &str, short: &str) -> bool {
    long.len() > short.len()
        && long.match_indices(short).any(|(at, _)| {
            let starts = at == 0 || long[..at].ends_with(' ');
            starts && (at + short.len() == long.len() || long[at + short.len()..].starts_with(' '))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(one: &str, other: &str) -> f32 {
        let weigh = |name: &str| words(name, |_| 1.0);
        score(one, other, coverage(&weigh(one), &weigh(other)))
    }

    #[test]
    fn the_more_words_are_alike_the_higher_the_score() {
        let near = of("northern exmple university", "northern example university");
        let part = of("example university", "northern example university");
        let far = of("southern college", "northern example university");
        assert!(near > part && part > far, "{near} {part} {far}");
        assert!(near > 0.85 && far < 0.5, "{near} {far}");
    }
}
