//! How unlikely it is that a word is written like that: the costs of slips of the hand, the ear and the memory.
//!
//! Costs are negative logarithms of rough shares of such slips (Kukich 1992, section 2, tells what they are): letters that
//! are doubled or not, vowels for vowels, letters that sound alike, neighbours on the keyboard, two letters in the wrong
//! order, and the first letter seldom.

/// Letters that sound alike somewhere.
const ALIKE: [(char, char); 16] = [
    ('c', 'k'),
    ('c', 's'),
    ('s', 'z'),
    ('f', 'v'),
    ('g', 'j'),
    ('d', 't'),
    ('m', 'n'),
    ('i', 'y'),
    ('e', 'i'),
    ('a', 'e'),
    ('k', 'q'),
    ('b', 'p'),
    ('u', 'w'),
    ('c', 'q'),
    ('o', 'u'),
    ('a', 'o'),
];
/// The rows of a keyboard.
const KEYS: [&str; 3] = ["qwertyuiop", "asdfghjkl", "zxcvbnm"];

/// What the first letter costs more than another.
const FIRST: f32 = 0.9;

fn is_vowel(letter: char) -> bool {
    matches!(letter, 'a' | 'e' | 'i' | 'o' | 'u' | 'y')
}

fn bare(letter: char) -> char {
    match letter {
        'à'..='å' | 'ā' => 'a',
        'ç' => 'c',
        'è'..='ë' | 'ē' => 'e',
        'ì'..='ï' => 'i',
        'ñ' => 'n',
        'ò'..='ö' | 'ø' => 'o',
        'ù'..='ü' => 'u',
        letter => letter,
    }
}

fn are_neighbours(one: char, other: char) -> bool {
    let beside = |row: &&[u8]| {
        let place = |letter: char| row.iter().position(|&key| char::from(key) == letter);
        matches!((place(one), place(other)), (Some(one), Some(other)) if one.abs_diff(other) == 1)
    };
    KEYS.iter().any(|row| beside(&row.as_bytes()))
}

fn replaced(meant: char, seen: char) -> f32 {
    if meant == seen {
        0.0
    } else if bare(meant) == bare(seen) {
        0.1
    } else if ALIKE.contains(&(meant, seen)) || ALIKE.contains(&(seen, meant)) {
        0.7
    } else if is_vowel(meant) && is_vowel(seen) {
        0.75
    } else if are_neighbours(meant, seen) {
        0.95
    } else if is_vowel(meant) == is_vowel(seen) {
        1.15
    } else {
        1.35
    }
}

/// A letter of the word that is not there. `before` and `after` stand beside it in the word.
fn lost(letter: char, before: Option<char>, after: Option<char>) -> f32 {
    if before == Some(letter) || after == Some(letter) {
        0.45
    } else if matches!(letter, '\'' | '-') {
        0.3
    } else if (letter == 'e' && after.is_none())
        || (letter == 'h' && before.is_some_and(|before| "cgrtw".contains(before)))
    {
        0.6
    } else if is_vowel(letter) || matches!((before, letter), (Some('s'), 'c') | (Some('c'), 'k')) {
        0.8
    } else {
        1.0
    }
}

/// A letter that is not in the word. `before` and `after` stand beside it where it is seen.
fn added(letter: char, before: Option<char>, after: Option<char>) -> f32 {
    if before == Some(letter) || after == Some(letter) {
        0.55
    } else if letter == 'e' && after.is_none() {
        0.7
    } else if is_vowel(letter) || matches!(letter, '\'' | '-') {
        0.9
    } else {
        1.1
    }
}

/// The letters of a word as bits: that two words differ in many of them shows without an alignment that they are not near.
pub(super) fn letters(word: &str) -> u32 {
    word.chars()
        .map(bare)
        .filter(char::is_ascii_lowercase)
        .fold(0, |bits, letter| bits | 1 << (letter as u32 - 'a' as u32))
}

/// Words whose letters differ in more bits than this are not near.
pub(super) const MOST_LETTERS: u32 = 6;

/// Works costs out, and owns the memory for it.
#[derive(Debug, Default)]
pub(super) struct Costs {
    meant: Vec<char>,
    seen: Vec<char>,
    table: Vec<f32>,
}

impl Costs {
    /// The cost of writing `seen` for `meant`, both in small letters; none where it is above `limit`.
    pub(super) fn of(&mut self, meant: &str, seen: &str, limit: f32) -> Option<f32> {
        self.meant.clear();
        self.meant.extend(meant.chars());
        self.seen.clear();
        self.seen.extend(seen.chars());
        let (meant, seen) = (&self.meant, &self.seen);
        if meant.len().abs_diff(seen.len()) > 4 {
            return None;
        }
        let width = seen.len() + 1;
        self.table.clear();
        self.table.resize(width * (meant.len() + 1), 0.0);
        let table = &mut self.table;
        let beside =
            |letters: &[char], at: usize| (at.checked_sub(1).map(|at| letters[at]), letters.get(at + 1).copied());
        for at in 1..width {
            let (before, after) = beside(seen, at - 1);
            let first = if at == 1 { FIRST } else { 0.0 };
            table[at] = table[at - 1] + added(seen[at - 1], before, after) + first;
        }
        for row in 1..=meant.len() {
            let letter = meant[row - 1];
            let (before, after) = beside(meant, row - 1);
            let lost = lost(letter, before, after);
            let first = if row == 1 { FIRST } else { 0.0 };
            table[row * width] = table[(row - 1) * width] + lost + first;
            let mut least = table[row * width];
            for at in 1..width {
                let letter_seen = seen[at - 1];
                let start = if row == 1 && at == 1 { FIRST } else { 0.0 };
                let changed = replaced(letter, letter_seen);
                let changed = if changed > 0.0 { changed + start } else { 0.0 };
                let (seen_before, seen_after) = beside(seen, at - 1);
                let mut cost = table[(row - 1) * width + at - 1] + changed;
                cost = cost.min(table[(row - 1) * width + at] + lost);
                cost = cost.min(table[row * width + at - 1] + added(letter_seen, seen_before, seen_after));
                if row > 1 && at > 1 && letter == seen[at - 2] && meant[row - 2] == letter_seen && letter != letter_seen
                {
                    let start = if row == 2 { FIRST * 0.5 } else { 0.0 };
                    cost = cost.min(table[(row - 2) * width + at - 2] + 0.7 + start);
                }
                if letter != letter_seen || row != at {
                    cost = cost.min(sounds(meant, seen, row, at, table, width));
                }
                table[row * width + at] = cost;
                least = least.min(cost);
            }
            if least > limit {
                return None;
            }
        }
        let cost = table[meant.len() * width + width - 1];
        (cost <= limit).then_some(cost)
    }
}

/// Letters that are one sound, written as others: `ph` and `f`, `ck` and `k`, `ee` and `ea`.
const SOUNDS: [(&[char], &[char], f32); 22] = [
    (&['p', 'h'], &['f'], 0.5),
    (&['g', 'h'], &['f'], 0.6),
    (&['c', 'k'], &['k'], 0.5),
    (&['q', 'u'], &['k', 'w'], 0.6),
    (&['s', 'c'], &['s'], 0.5),
    (&['c', 'h'], &['k'], 0.6),
    (&['c', 'h'], &['t', 'c', 'h'], 0.5),
    (&['s', 'h'], &['c', 'h'], 0.7),
    (&['t', 'i'], &['s', 'h'], 0.7),
    (&['c', 'i'], &['s', 'h'], 0.7),
    (&['s', 'i'], &['s', 'h'], 0.7),
    (&['x', 'c'], &['c', 's'], 0.8),
    (&['k', 's'], &['x'], 0.6),
    (&['e', 'a'], &['e'], 0.55),
    (&['e', 'e'], &['e', 'a'], 0.6),
    (&['o', 'u'], &['u'], 0.6),
    (&['a', 'i'], &['a'], 0.65),
    (&['i', 'g', 'h'], &['i'], 0.7),
    (&['i', 'e'], &['y'], 0.6),
    (&['e', 'y'], &['y'], 0.5),
    (&['o', 'o'], &['u'], 0.7),
    (&['c', 'e'], &['s'], 0.7),
];

/// The cheapest way to a place of the table by letters that are one sound. Places are those after `row` letters of the word
/// and `at` letters of what is seen.
fn sounds(meant: &[char], seen: &[char], row: usize, at: usize, table: &[f32], width: usize) -> f32 {
    let mut best = f32::INFINITY;
    for &(one, other, cost) in &SOUNDS {
        for (from, to) in [(one, other), (other, one)] {
            // The last letters differ between most pairs and most places.
            let last = meant[row - 1] == from[from.len() - 1] && seen[at - 1] == to[to.len() - 1];
            if last && meant[..row].ends_with(from) && seen[..at].ends_with(to) {
                let known = table[(row - from.len()) * width + at - to.len()];
                best = best.min(known + cost);
            }
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::Costs;

    fn cost(meant: &str, seen: &str) -> f32 {
        Costs::default().of(meant, seen, 9.0).unwrap()
    }

    #[test]
    fn likely_slips_cost_less() {
        assert!(cost("accommodate", "acommodate") < cost("accommodate", "abcommodate"));
        assert!(cost("receive", "recieve") < 0.8);
        assert!(cost("phone", "fone") < 2.0);
        assert!(cost("separate", "seperate") < cost("separate", "seqarate"));
        assert!(cost("house", "gouse") > cost("house", "hoyse"));
        assert!(cost("word", "word") == 0.0);
    }
}
