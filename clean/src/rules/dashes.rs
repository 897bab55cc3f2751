//! Hyphens and dashes.

use crate::edit::Patch;

/// How hyphens and dashes are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DashStyle {
    /// All of them as the hyphen of the keyboard.
    #[default]
    Hyphen,
    /// A hyphen or two with white space on both sides as an en dash; others stay, but that all sorts of hyphens are one.
    Dash,
}

impl DashStyle {
    pub(super) fn patches(self, text: &str) -> Vec<Patch> {
        let mut patches = Vec::new();
        let mut before: Option<char> = None;
        let mut letters = text.char_indices().peekable();
        while let Some((start, letter)) = letters.next() {
            let is_hyphen = matches!(letter, '\u{2010}' | '\u{2011}' | '\u{fe63}' | '\u{ff0d}' | '\u{2043}');
            let is_dash = matches!(letter, '\u{2012}'..='\u{2015}' | '\u{2212}' | '\u{fe58}');
            let end = start + letter.len_utf8();
            match self {
                Self::Hyphen if is_hyphen || is_dash => patches.push(Patch::new(start..end, '-')),
                Self::Dash if is_hyphen => patches.push(Patch::new(start..end, '-')),
                Self::Dash if letter == '-' && before.is_none_or(char::is_whitespace) && before.is_some() => {
                    let end = letters.next_if(|&(_, next)| next == '-').map_or(end, |(at, _)| at + 1);
                    if letters.peek().is_some_and(|(_, next)| next.is_whitespace()) {
                        patches.push(Patch::new(start..end, '\u{2013}'));
                    }
                }
                _ => {}
            }
            before = Some(letter);
        }
        patches
    }
}
