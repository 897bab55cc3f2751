//! Quotation marks and apostrophes.

use crate::edit::Patch;

/// How quotation marks and apostrophes are written. Marks that a language writes otherwise, such as `«` and `「`, stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum QuoteStyle {
    /// `"` and `'`.
    #[default]
    Straight,
    /// `“`, `”`, `‘` and `’`.
    Curly,
}

/// What a mark is: double or single.
fn mark(letter: char) -> Option<char> {
    match letter {
        '"' | '\u{201c}'..='\u{201f}' | '\u{2033}' | '\u{ff02}' => Some('"'),
        '\'' | '\u{2018}'..='\u{201b}' | '\u{2032}' | '\u{ff07}' => Some('\''),
        _ => None,
    }
}

impl QuoteStyle {
    pub(super) fn patches(self, text: &str) -> Vec<Patch> {
        let mut patches = Vec::new();
        let mut before: Option<char> = None;
        let mut letters = text.char_indices().peekable();
        while let Some((at, letter)) = letters.next() {
            let after = letters.peek().map(|&(_, letter)| letter);
            // A grave or acute accent that stands alone between letters is an apostrophe.
            let accent = matches!(letter, '`' | '\u{b4}')
                && before.is_some_and(char::is_alphabetic)
                && after.is_some_and(char::is_alphabetic);
            let kind = mark(letter).or(accent.then_some('\''));
            if let Some(kind) = kind {
                let set = match self {
                    Self::Straight => kind,
                    // What is curly already was set by somebody.
                    Self::Curly if !matches!(letter, '"' | '\'' | '`' | '\u{b4}') => letter,
                    Self::Curly => {
                        let opens = before.is_none_or(|before| {
                            before.is_whitespace() || "([{\u{201c}\u{2018}\u{2014}\u{2013}".contains(before)
                        }) && after.is_some_and(|after| !after.is_whitespace());
                        // Feet and inches.
                        let measures = before.is_some_and(|before| before.is_ascii_digit());
                        match (kind, opens, measures) {
                            (_, _, true) => letter,
                            ('"', true, _) => '\u{201c}',
                            ('"', false, _) => '\u{201d}',
                            (_, true, _) => '\u{2018}',
                            (_, false, _) => '\u{2019}',
                        }
                    }
                };
                if set != letter {
                    patches.push(Patch::new(at..at + letter.len_utf8(), set));
                }
            }
            before = Some(letter);
        }
        patches
    }
}
