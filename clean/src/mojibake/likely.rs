//! Whether what a sequence was is likelier than what it is.

use super::Sequence;
use super::charset::{Charset, Kind};

/// What a character may be, as far as it is likely in text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sort {
    /// Signs of Latin-1, such as `£` and `°`.
    Sign,
    /// Letters of Western languages.
    Western,
    /// Letters of other languages in Latin letters.
    Latin,
    /// Letters of other writings of two bytes: Greek, Cyrillic, Hebrew, Arabic and so on.
    Other,
    /// Punctuation, currencies, arrows, pictures.
    Symbol,
    /// Writings of three bytes.
    Wide,
    /// What is seldom meant.
    Rare,
}

fn sort(letter: char) -> Sort {
    match letter {
        '\u{a0}'..='\u{bf}' => Sort::Sign,
        '\u{c0}'..='\u{ff}' => Sort::Western,
        '\u{100}'..='\u{17f}'
        | '\u{1a0}'..='\u{1b0}'
        | '\u{218}'..='\u{21b}'
        | '\u{300}'..='\u{36f}'
        | '\u{1e00}'..='\u{1eff}' => Sort::Latin,
        '\u{386}'..='\u{3ce}' | '\u{400}'..='\u{45f}' | '\u{490}'..='\u{491}' => Sort::Other,
        '\u{5d0}'..='\u{5ea}' | '\u{60c}' | '\u{61b}'..='\u{652}' | '\u{660}'..='\u{669}' | '\u{67e}'..='\u{6cc}' => {
            Sort::Other
        }
        '\u{200b}'..='\u{2027}'
        | '\u{202f}'..='\u{203a}'
        | '\u{20a0}'..='\u{20bf}'
        | '\u{2100}'..='\u{22ff}'
        | '\u{2460}'..='\u{27bf}'
        | '\u{fb00}'..='\u{fb06}'
        | '\u{fe0f}'
        | '\u{feff}'
        | '\u{fffd}'
        | '\u{1f000}'..='\u{1faff}' => Sort::Symbol,
        '\u{900}'..='\u{dff}' | '\u{e00}'..='\u{e5b}' | '\u{10a0}'..='\u{11ff}' => Sort::Wide,
        '\u{3000}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{ac00}'..='\u{d7a3}' | '\u{ff01}'..='\u{ff9f}' => {
            Sort::Wide
        }
        _ => Sort::Rare,
    }
}

/// How many sequences at the start of a run were meant to be one character each: all, some or none.
pub(super) fn is_likelier(text: &str, run: &[Sequence], charset: &Charset) -> usize {
    let taken = run
        .iter()
        .take_while(|sequence| sort(sequence.meant) != Sort::Rare)
        .count();
    let run = &run[..taken];
    let Some(first) = run.first() else { return 0 };
    let before = text[..first.start].chars().next_back();
    let alone = |sort_of: Sort| run.iter().filter(|sequence| sort(sequence.meant) == sort_of).count();
    match charset.kind {
        Kind::Western => {
            // Letters of other writings come in words; one by itself is more likely a letter and a sign.
            let strong = run.iter().any(|sequence| sequence.length == 4);
            let words = alone(Sort::Other) > 1 || alone(Sort::Wide) > 1;
            run.iter()
                .take_while(|sequence| strong || words || western(text, sequence, before, run.len()))
                .count()
        }
        Kind::Signs => {
            // A first byte that is a sign stands in no word; what comes out must be a letter or sign of plain text.
            let is_plain = |sequence: &&Sequence| match sort(sequence.meant) {
                Sort::Western => before
                    .is_none_or(|before| before.is_alphabetic() || before.is_whitespace() || "([\"'-".contains(before)),
                Sort::Latin => before.is_some_and(char::is_alphabetic) && !starts_with_letter(text, sequence),
                Sort::Symbol => sequence.length == 3 && ('\u{2010}'..='\u{2122}').contains(&sequence.meant),
                _ => false,
            };
            run.iter().take_while(is_plain).count()
        }
        Kind::Cyrillic => {
            // Cyrillic words have these pairs, but hardly three in a row that all make letters.
            let cyrillic = run
                .iter()
                .all(|sequence| ('\u{400}'..='\u{45f}').contains(&sequence.meant));
            if cyrillic && run.len() > 2 { run.len() } else { 0 }
        }
    }
}

fn starts_with_letter(text: &str, sequence: &Sequence) -> bool {
    text[sequence.start..].starts_with(char::is_alphabetic)
}

/// Signs that stand after words in plain text: quotation marks, dashes, dots.
fn ends_words(letter: char) -> bool {
    matches!(
        letter,
        '\u{2013}' | '\u{2014}' | '\u{2018}'
            ..='\u{201e}' | '\u{2026}' | '\u{2039}' | '\u{203a}' | '\u{ab}' | '\u{bb}' | '\u{a0}' | '\u{2122}'
    )
}

fn western(text: &str, sequence: &Sequence, before: Option<char>, run: usize) -> bool {
    let mut stands = text[sequence.start..sequence.end].chars();
    let last = stands.next_back();
    let after = text[sequence.end..].chars().next();
    let plain_before = before.is_none_or(|before| !before.is_uppercase());
    let letter_after = after.is_some_and(char::is_alphabetic);
    match sort(sequence.meant) {
        Sort::Symbol => true,
        Sort::Sign => last.is_some_and(|last| !last.is_alphabetic()) && (plain_before || sequence.meant != '\u{bb}'),
        // `Ã` before a sign that ends words may be the end of a word in capitals.
        Sort::Western => last.is_some_and(|last| !ends_words(last)) || plain_before || letter_after,
        Sort::Latin if sequence.length == 3 => true,
        Sort::Latin => {
            let sign = last.is_some_and(|last| !ends_words(last));
            sign || run > 1 || (before.is_some_and(char::is_lowercase) && letter_after)
        }
        Sort::Other | Sort::Wide | Sort::Rare => false,
    }
}
